package experiments

import (
	"fmt"
	"math"
	"slices"

	"github.com/neuromanifold/neuromanifold/internal/figs"
)

// placeTitle says where the truth of a cell is.
func placeTitle(root int) string {
	if root == 0 {
		return "truth: one normal"
	}
	return fmt.Sprintf("truth: h n^(−1/%d) away", root)
}

func drawMLEMixtureCloud(s mleMixtureSpec, cells []Sample[mleMixtureRow]) (Drawing, error) {
	n := 0
	for _, c := range cells {
		n = max(n, c.Cell.Int("n"))
	}
	top := s.Bound
	var panels []*figs.Panel
	for _, c := range cells {
		if c.Cell.Int("n") != n {
			continue
		}
		x, y := make([]float64, len(c.Rows)), make([]float64, len(c.Rows))
		for i, r := range c.Rows {
			x[i], y[i] = r.Z, r.U
		}
		p := &figs.Panel{Title: placeTitle(c.Cell.Int("root")), X: "estimate of z = 2v − 1", Y: "estimate of u", XRange: [2]float64{-1.08, 1.08}, YRange: [2]float64{-0.15, top}}
		if len(panels) > 0 {
			p.Y = ""
		}
		p.Points(fmt.Sprintf("estimates, n = %d", n), x, y)
		p.Set("u = 0 or z = ±1: one normal", []float64{-1, -1, 1, 1}, []float64{top, 0, 0, top})
		var cx, cy []float64
		for i := range 200 {
			z := -0.999 + 1.998*float64(i)/199
			cx, cy = append(cx, z), append(cy, math.Min(2*top, 2/math.Sqrt((1-z*z)*math.Sqrt(float64(n)))))
		}
		p.Curve("V u² = n^(−1/2)", cx, cy)
		if c.Cell.Int("root") > 0 {
			p.Series("truth", []float64{2*s.Share - 1}, []float64{s.truth(c.Cell).apart()}, nil)
		}
		panels = append(panels, p)
	}
	f := figs.New(panels...)
	if len(panels) > 2 {
		f.Size = figs.Size{Width: 2.4 * float64(len(panels)), Height: 3.2}
	}
	return f, nil
}

func drawMLEMixtureRates(s mleMixtureSpec, cells []Sample[mleMixtureRow]) (Drawing, error) {
	ns := slices.Sorted(slices.Values(s.N))
	lo, hi := float64(ns[0]), float64(ns[len(ns)-1])
	var panels []*figs.Panel
	for _, root := range s.Roots {
		var n, u, use, m, mse []float64
		for _, c := range cells {
			if c.Cell.Int("root") != root {
				continue
			}
			a, ase, _ := Quantile(0.5, func(r mleMixtureRow) float64 { return r.U })(c)
			b, bse, _ := Quantile(0.5, func(r mleMixtureRow) float64 { return r.moment() })(c)
			n = append(n, float64(c.Cell.Int("n")))
			u, use = append(u, a), append(use, ase)
			m, mse = append(m, b), append(mse, bse)
		}
		if len(n) == 0 {
			continue
		}
		p := &figs.Panel{Title: placeTitle(root), X: "n", Y: "median of the estimates", LogX: true, LogY: true, YRange: [2]float64{0.01, 10}}
		if len(panels) > 0 {
			p.Y = ""
		}
		p.Series("distance u", n, u, use)
		p.Series("second moment Vu²", n, m, mse)
		p.Slope("n^(−1/2)", -0.5, lo, m[0], lo, hi)
		if root > 0 && s.H > 0 {
			p.Func("true u", func(n float64) float64 { return nearNull{weight: s.Share, h: s.H, root: root, n: int(n)}.apart() }, lo, hi)
		}
		panels = append(panels, p)
	}
	f := figs.New(panels...)
	if len(panels) > 2 {
		f.Size = figs.Size{Width: 2.4 * float64(len(panels)), Height: 3}
	}
	return f, nil
}

func drawMLEMixtureErrors(s mleMixtureSpec, cells []Sample[mleMixtureRow]) (Drawing, error) {
	variance, err := mixtureVariance(s.Variance)
	if err != nil {
		return nil, err
	}
	d := float64(len(nearNull{}.theta(variance)))
	var panels [2]*figs.Panel
	for i, what := range []string{"generalisation error", "− training error"} {
		p := &figs.Panel{Title: what, X: "n", Y: "2n × error / d", LogX: true}
		for _, root := range s.Roots {
			var n, y, se []float64
			for _, c := range cells {
				if c.Cell.Int("root") != root {
					continue
				}
				m, e, _ := Mean(func(r mleMixtureRow) float64 {
					if i == 0 {
						return r.Gen / d
					}
					return -r.Train / d
				})(c)
				n, y, se = append(n, float64(c.Cell.Int("n"))), append(y, m), append(se, e)
			}
			p.Series(placeTitle(root), n, y, se)
		}
		lo, hi := float64(slices.Min(s.N)), float64(slices.Max(s.N))
		p.Reference("regular theory", []float64{lo, hi}, []float64{1, 1})
		panels[i] = p
	}
	return figs.New(panels[:]...), nil
}
