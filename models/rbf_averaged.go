package models

import "math"

// Average implements Averager for known noise and normal inputs, under a truth of
// the same width and inputs with any number of units: with unit i of the
// difference f − f₀ having output weight c_i,
//
//	KL = ½σ⁻² Σ_ij c_i c_j C(c_i, c_j),  C of NewRBFPair.
func (m *RBF) Average(truth Model, at []float64) (Averaged, Route) {
	t, ok := truth.(*RBF)
	if !ok || m.s.FreeSigma || t.s.FreeSigma || m.s.In != t.s.In || m.s.Inputs != t.s.Inputs || m.s.Sigma != t.s.Sigma || m.s.Width != t.s.Width {
		return nil, Exact
	}
	law, normal := m.s.Inputs.(NormalLaw)
	if !normal {
		return nil, Exact
	}
	checkLen(len(at), len(t.params))
	a := &rbfAverage{
		m: m, sd: law.SD, units: m.s.Hidden + t.s.Hidden, g: make([]float64, m.s.In),
		entropy: 0.5 * (1 + math.Log(2*math.Pi) + 2*math.Log(m.s.Sigma)),
	}
	a.c, a.v = make([][]float64, a.units), make([]float64, a.units)
	for i := range a.c {
		a.c[i] = make([]float64, m.s.In)
	}
	for i, v := range t.weights(at) {
		copy(a.c[m.s.Hidden+i], t.centre(at, i))
		a.v[m.s.Hidden+i] = -v
	}
	return a, Exact
}

// An rbfAverage is the closed form.
type rbfAverage struct {
	m       *RBF
	sd      float64
	units   int         // student units, then teacher units
	c       [][]float64 // centres
	v       []float64   // output weights, the teacher's with a minus sign
	entropy float64     // of the noise: −E log p at the truth
	g       []float64
}

// set takes θ in and reports whether it is finite.
func (a *rbfAverage) set(theta []float64) bool {
	checkLen(len(theta), len(a.m.params))
	sum := 0.0
	for i, v := range a.m.weights(theta) {
		a.v[i] = v
		sum += v
		for k, x := range a.m.centre(theta, i) {
			a.c[i][k] = x
			sum += x
		}
	}
	return !math.IsNaN(sum) && !math.IsInf(sum, 0)
}

func (a *rbfAverage) pair(i, j int) RBFPair { return NewRBFPair(a.c[i], a.c[j], a.m.s.Width, a.sd) }

// Divergence implements Averaged.
func (a *rbfAverage) Divergence(theta []float64) (kl, errBound float64) {
	if !a.set(theta) {
		return math.Inf(1), 0
	}
	var s float64
	for i := range a.units {
		for j := range i {
			s += 2 * a.v[i] * a.v[j] * a.pair(i, j).PhiPhi
		}
		s += a.v[i] * a.v[i] * a.pair(i, i).PhiPhi
	}
	// Rounding may leave a tiny negative sum at a minimum of 0.
	return max(0, s) / (2 * a.m.s.Sigma * a.m.s.Sigma), 0
}

// Score implements Scorer.
func (a *rbfAverage) Score(dst, theta []float64) float64 {
	checkLen(len(dst), len(a.m.params))
	if !a.set(theta) {
		return math.Inf(-1)
	}
	h := a.m.s.Hidden
	scale := -1 / (a.m.s.Sigma * a.m.s.Sigma)
	var s float64
	for i := range a.units {
		clear(a.g)
		sum := 0.0
		for j := range a.units {
			p := a.pair(i, j)
			vc := a.v[j] * p.PhiPhi
			sum += vc
			for k := range a.g {
				a.g[k] += vc * (p.Near*a.c[i][k] + p.Far*a.c[j][k])
			}
		}
		s += a.v[i] * sum
		if i >= h {
			continue
		}
		for k, g := range a.g {
			a.m.centre(dst, i)[k] = scale * a.v[i] * g
		}
		a.m.weights(dst)[i] = scale * sum
	}
	return -a.entropy + 0.5*scale*max(0, s)
}

func (a *rbfAverage) Model() Model { return a.m }
func (a *rbfAverage) N() int       { return 1 }

// Met implements Averaged.
func (a *rbfAverage) Met() bool { return true }

func (a *rbfAverage) LogLik(theta []float64) float64 {
	kl, _ := a.Divergence(theta)
	return -a.entropy - kl
}

func (a *rbfAverage) Terms(dst, theta []float64) {
	checkLen(len(dst), 1)
	dst[0] = a.LogLik(theta)
}
