package experiments

import (
	"fmt"
	"math"
	"slices"

	"github.com/neuromanifold/neuromanifold/internal/figs"
)

func drawMLEARMACloud(s mleARMASpec, cells []Sample[mleARMARow]) (Drawing, error) {
	return mleARMAClouds(s, cells, func(r mleARMARow) (x, y float64) { return r.Phi, r.Theta }, func(h float64, n int) (*figs.Panel, []float64) {
		p := &figs.Panel{X: "estimate of φ", Y: "estimate of θ", XRange: [2]float64{-1.05, 1.05}, YRange: [2]float64{-1.05, 1.05}}
		p.Set("φ + θ = 0: white noise", []float64{-1, 1}, []float64{1, -1})
		return p, arma11Truth(s.Root, h, n)
	})
}

func drawMLEARMACanonical(s mleARMASpec, cells []Sample[mleARMARow]) (Drawing, error) {
	reach := 1.05 * math.Atanh(s.Bound)
	return mleARMAClouds(s, cells, func(r mleARMARow) (x, y float64) { return r.S, r.Across }, func(h float64, _ int) (*figs.Panel, []float64) {
		p := &figs.Panel{X: "estimate of s", Y: "standard errors from the line", XRange: [2]float64{-reach, reach}, YRange: [2]float64{-7, 7}}
		p.Set("φ + θ = 0: white noise", []float64{-reach, reach}, []float64{0, 0})
		return p, []float64{math.Atanh(s.Root), h}
	})
}

// mleARMAClouds draws the estimates at the largest n, one panel for each of the
// first four distances h, over what panel puts there, and the truth on them.
func mleARMAClouds(s mleARMASpec, cells []Sample[mleARMARow], at func(r mleARMARow) (x, y float64), panel func(h float64, n int) (p *figs.Panel, truth []float64)) (Drawing, error) {
	n := slices.Max(s.N)
	var panels []*figs.Panel
	for _, c := range cells {
		if c.Cell.Int("n") != n || len(panels) == 4 {
			continue
		}
		x, y := make([]float64, len(c.Rows)), make([]float64, len(c.Rows))
		for i, r := range c.Rows {
			x[i], y[i] = at(r)
		}
		h := c.Cell.Float("h")
		p, truth := panel(h, n)
		p.Title = fmt.Sprintf("truth: h = %g", h)
		if len(panels) > 0 {
			p.Y = ""
		}
		p.Points(fmt.Sprintf("estimates, n = %d", n), x, y)
		if h != 0 {
			p.Series("truth", truth[:1], truth[1:], nil)
		}
		panels = append(panels, p)
	}
	f := figs.New(panels...)
	if len(panels) > 2 {
		f.Size = figs.Size{Width: 2.6 * float64(len(panels)), Height: 3.2}
	}
	return f, nil
}

// drawMLEARMAPlace draws histograms of ŝ whose outermost bars are the ends.
func drawMLEARMAPlace(s mleARMASpec, cells []Sample[mleARMARow]) (Drawing, error) {
	reach := math.Atanh(s.Bound)
	places := armaPlaces(s, 0)
	const bins = 20
	width := 2 * reach / bins
	// density is the histogram of the process inside, one value for each bin.
	density := make([]float64, bins)
	inside := 0.0
	for _, p := range places {
		if !p.edge {
			inside += 1 / float64(len(places))
			density[min(max(int((p.s+reach)/width), 0), bins-1)] += 1 / (width * float64(len(places)))
		}
	}
	end := (1 - inside) / 2 / width // of a bar beyond either end
	x, y := []float64{-reach - width, -reach}, []float64{end, end}
	for i, d := range density {
		a := -reach + float64(i)*width
		x, y = append(x, a, a+width), append(y, d, d)
	}
	x, y = append(x, reach, reach+width), append(y, end, end)
	var panels []*figs.Panel
	for _, c := range cells {
		if c.Cell.Float("h") != 0 || len(panels) == 3 {
			continue
		}
		v := make([]float64, len(c.Rows))
		for i, r := range c.Rows {
			v[i] = r.S
			if r.Status == Boundary {
				v[i] += math.Copysign(width/2, r.S)
			}
		}
		p := &figs.Panel{Title: fmt.Sprintf("n = %d", c.Cell.Int("n")), X: "estimate of s = artanh ρ", Y: "density", YRange: [2]float64{0, 1.5 * end}}
		if len(panels) > 0 {
			p.Y = ""
		}
		p.Histogram("estimates", v, -reach-width, reach+width, bins+2)
		p.Curve("limit process", x, y)
		p.Reference("uniform between the ends", []float64{-reach, reach}, []float64{inside / (2 * reach), inside / (2 * reach)})
		panels = append(panels, p)
	}
	if len(panels) == 0 {
		return nil, nil // h = 0 is not among the cells
	}
	return figs.New(panels...), nil
}

func drawMLEARMAErrors(s mleARMASpec, cells []Sample[mleARMARow]) (Drawing, error) {
	var panels []*figs.Panel
	hs := slices.Sorted(slices.Values(s.H))
	lo, hi := hs[0], hs[len(hs)-1]
	// The limit on a grid of h, two curves of the same draws as the table.
	theory := [2]func(p armaPlace) float64{
		func(p armaPlace) float64 { return p.gen },
		func(p armaPlace) float64 { return -p.train },
	}
	var gh []float64
	var limit [2][]float64
	for i := range 17 {
		h := lo + (hi-lo)*float64(i)/16
		gh = append(gh, h)
		fewer := s
		fewer.Draws = min(s.Draws, 4000)
		places := armaPlaces(fewer, h)
		for k := range theory {
			sum := 0.0
			for _, p := range places {
				sum += theory[k](p) / float64(len(places))
			}
			limit[k] = append(limit[k], sum)
		}
		if lo == hi {
			break
		}
	}
	for k, what := range []string{"generalisation error", "− training error"} {
		p := &figs.Panel{Title: what, X: "h = √n (φ + θ)/√(1 − ρ²)", Y: "2n × error"}
		if k > 0 {
			p.Y = ""
		}
		for _, n := range s.N {
			var h, y, se []float64
			for _, c := range cells {
				if c.Cell.Int("n") != n {
					continue
				}
				m, e, _ := Mean(func(r mleARMARow) float64 {
					if k == 0 {
						return r.Gen
					}
					return -r.Train
				})(c)
				h, y, se = append(h, c.Cell.Float("h")), append(y, m), append(se, e)
			}
			p.Series(fmt.Sprintf("n = %d", n), h, y, se)
		}
		p.Curve("limit n → ∞", gh, limit[k])
		p.Reference("regular theory", []float64{lo, hi}, []float64{2, 2})
		panels = append(panels, p)
	}
	return figs.New(panels...), nil
}
