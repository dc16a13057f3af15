package models

import "math"

// LineFunction returns the function of one real number that a member of a family is at
// θ: the mean output of a network with one input and one output, or the density of a
// mixture on the line. reach is the largest size of its locations, which are the input
// weights or the centres of the units or the means of the components. It is false for
// other models, for units with biases, and for relu units. The function owns scratch:
// one goroutine. It keeps θ.
func LineFunction(m Model, theta []float64) (f func(x float64) float64, reach float64, ok bool) {
	checkLen(len(theta), Dim(m))
	var locations []float64
	switch m := m.(type) {
	case *MLP:
		if m.s.Bias || m.s.In != 1 || m.s.Out != 1 || m.s.Act != ErfUnit && m.s.Act != TanhUnit {
			return nil, 0, false
		}
		locations = theta[:m.s.Hidden]
		h, x, y := make([]float64, m.s.Hidden), make([]float64, 1), make([]float64, 1)
		f = func(at float64) float64 {
			x[0] = at
			m.mean(y, h, theta, x)
			return y[0]
		}
	case *RBF:
		if m.s.In != 1 {
			return nil, 0, false
		}
		locations = theta[:m.s.Hidden]
		x := make([]float64, 1)
		f = func(at float64) float64 {
			x[0] = at
			return m.output(nil, theta, x)
		}
	case *Mixture:
		c := m.newComponents()
		if m.dim != 1 || !c.set(theta) {
			return nil, 0, false
		}
		locations = c.mu
		f = func(y float64) float64 {
			p := 0.0
			for j, w := range c.w {
				e := (y - c.mu[j]) / c.chol[j]
				p += w * math.Exp(c.lognorm[j]-e*e/2)
			}
			return p
		}
	default:
		return nil, 0, false
	}
	for _, x := range locations {
		reach = max(reach, math.Abs(x))
	}
	return f, reach, true
}
