package experiments

import (
	"fmt"
	"math"
	"slices"

	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/models"
)

func drawSizePowerSize(s sizePowerSpec, cells []Sample[sizePowerRow]) (Drawing, error) {
	one, _, _, err := sizePowerTests(s)
	if err != nil {
		return nil, err
	}
	p := &figs.Panel{X: "n", Y: "size", LogX: true}
	for _, t := range one {
		var x, y, se []float64
		for _, c := range cells {
			if c.Cell.Int("root") == 0 {
				m, e, _ := t.reject(c)
				x, y, se = append(x, float64(c.Cell.Int("n"))), append(y, m), append(se, e)
			}
		}
		p.Series(t.name, x, y, se)
	}
	p.Reference("nominal", []float64{float64(slices.Min(s.N)), float64(slices.Max(s.N))}, []float64{s.Level, s.Level})
	return figs.New(p), nil
}

func drawSizePowerPower(s sizePowerSpec, cells []Sample[sizePowerRow]) (Drawing, error) {
	one, _, _, err := sizePowerTests(s)
	if err != nil {
		return nil, err
	}
	n, top := slices.Max(s.N), slices.Max(s.H)
	var panels []*figs.Panel
	for _, root := range s.Roots[:min(3, len(s.Roots))] {
		p := &figs.Panel{Title: fmt.Sprintf("u = h n^(−1/%d), n = %d", root, n), X: "h", Y: "rejections of one component", YRange: [2]float64{0, 1.02}}
		if len(panels) > 0 {
			p.Y = ""
		}
		for _, t := range one {
			var x, y, se []float64
			for _, c := range cells {
				if r := c.Cell.Int("root"); c.Cell.Int("n") == n && (r == 0 || r == root) {
					m, e, _ := t.reject(c)
					x, y, se = append(x, c.Cell.Float("h")), append(y, m), append(se, e)
				}
			}
			p.Series(t.name, x, y, se)
		}
		if root == 4 && s.Variance == "known" {
			p.Func("limit of the EM-test", func(h float64) float64 {
				return emTestPower(s.Level, s.Share*(1-s.Share)*h*h/math.Sqrt2)
			}, 0, top)
		}
		p.Reference("nominal", []float64{0, top}, []float64{s.Level, s.Level})
		panels = append(panels, p)
	}
	return figs.New(panels...), nil
}

// drawSizePowerPhase marks every cell by how its type I error compares with the
// level: within two standard errors of it, or on one side.
func drawSizePowerPhase(s sizePowerSpec, cells []Sample[sizePowerRow]) (Drawing, error) {
	_, point, _, err := sizePowerTests(s)
	if err != nil {
		return nil, err
	}
	variance, err := mixtureVariance(s.Variance)
	if err != nil {
		return nil, err
	}
	classes := [3]string{
		fmt.Sprintf("below %g by 2 s.e.", s.Level),
		fmt.Sprintf("%g within 2 s.e.", s.Level),
		fmt.Sprintf("above %g by 2 s.e.", s.Level),
	}
	lo, hi := float64(slices.Min(s.N)), float64(slices.Max(s.N))
	var panels []*figs.Panel
	for _, t := range point {
		p := &figs.Panel{Title: "the truth by " + t.name, X: "n", Y: "distance u of the means", LogX: true, LogY: true}
		for _, class := range classes {
			p.Series(class, nil, nil, nil) // fixes the colours
		}
		for _, root := range s.Roots {
			for _, h := range s.H {
				p.Slope("u = h n^(−1/root)", -1/float64(root), 1, h, lo, hi)
			}
		}
		for _, c := range cells {
			truth := s.truth(c.Cell)
			if truth.root == 0 {
				continue
			}
			m, se, _ := t.reject(c)
			class := 1
			switch {
			case m < s.Level-2*se:
				class = 0
			case m > s.Level+2*se:
				class = 2
			}
			p.Series(classes[class], []float64{float64(truth.n)}, []float64{truth.apart()}, nil)
		}
		if variance == models.VarKnown {
			// Where √n V u²/√2, the mean of the score, is 2: below, the truth is
			// hardly told from one normal.
			p.Func("seen from one normal", func(n float64) float64 {
				return math.Sqrt(2 * math.Sqrt2 / (s.Share * (1 - s.Share) * math.Sqrt(n)))
			}, lo, hi)
		}
		panels = append(panels, p)
	}
	f := figs.New(panels...)
	f.Size = figs.Size{Width: 7.1, Height: 3.6}
	return f, nil
}
