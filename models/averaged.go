package models

import "math"

// An Averager knows its averaged objective to a stated accuracy.
type Averager interface {
	// Average returns the expected log-likelihood per observation of the model
	// under the law that truth has at the parameters at, with inputs drawn from
	// the model's own law, and its route, Exact or Quadrature; nil where this member
	// and truth have neither. at must lie in the domain of truth.
	Average(truth Model, at []float64) (Averaged, Route)
}

// An Averaged is a likelihood with one term of weight 1, the expected
// log-likelihood of one observation.
type Averaged interface {
	Likelihood
	Scorer
	Hesser
	// Divergence returns KL(truth‖θ) ≥ 0 in nats per observation, and a bound on its
	// absolute error: 0 for a closed form, which has rounding error only.
	Divergence(theta []float64) (kl, errBound float64)
	// Met reports whether the last evaluation met its tolerance. It is false only
	// where a quadrature ran out of nodes far from it.
	Met() bool
}

// Average implements Averager for networks of erf units with normal inputs, one
// layer, no biases and known noise, under a truth of the same kind with any
// number of units. With C the kernel of ErfPair, and unit i of the difference
// f − f₀ having output weight c_i,
//
//	KL = ½σ⁻² Σ_ij c_i·c_j C(w_i, w_j)
//
// (Saad and Solla, Physical Review E 52 (1995), equation (7), for several
// outputs and any output weights).
func (m *MLP) Average(truth Model, at []float64) (Averaged, Route) {
	t, ok := truth.(*MLP)
	if !ok || !m.averages() || !t.averages() || m.s.In != t.s.In || m.s.Out != t.s.Out || m.s.Inputs != t.s.Inputs || m.s.Sigma != t.s.Sigma {
		return nil, Exact
	}
	checkLen(len(at), len(t.params))
	return newMLPAverage(m, t, at), Exact
}

func (m *MLP) averages() bool {
	_, normal := m.s.Inputs.(NormalLaw)
	return normal && m.s.Act == ErfUnit && !m.s.Bias && !m.s.FreeSigma
}

// An mlpAverage is the closed form. Weights are scaled by the standard deviation
// of the inputs, so that these are N(0, I).
type mlpAverage struct {
	m       *MLP
	sd      float64
	units   int // student units, then teacher units
	w       [][]float64
	c       []float64 // units × outputs, the teacher's with a minus sign
	entropy float64   // of the noise: −E log p at the truth
	gw      []float64
}

func newMLPAverage(m, t *MLP, at []float64) *mlpAverage {
	in, out := m.s.In, m.s.Out
	a := &mlpAverage{
		m: m, sd: m.s.Inputs.(NormalLaw).SD, units: m.s.Hidden + t.s.Hidden, gw: make([]float64, in),
		entropy: 0.5 * float64(out) * (1 + math.Log(2*math.Pi) + 2*math.Log(m.s.Sigma)),
	}
	a.w, a.c = make([][]float64, a.units), make([]float64, a.units*out)
	for i := range a.w {
		a.w[i] = make([]float64, in)
	}
	for i := range t.s.Hidden {
		u := m.s.Hidden + i
		for k := range in {
			a.w[u][k] = a.sd * at[i*in+k]
		}
		for o := range out {
			a.c[u*out+o] = -at[t.offOut+o*t.rowOut+i]
		}
	}
	return a
}

// set takes θ in and reports whether it is finite.
func (a *mlpAverage) set(theta []float64) bool {
	checkLen(len(theta), len(a.m.params))
	in, out := a.m.s.In, a.m.s.Out
	sum := 0.0
	for i := range a.m.s.Hidden {
		for k := range in {
			a.w[i][k] = a.sd * theta[i*in+k]
			sum += a.w[i][k]
		}
		for o := range out {
			a.c[i*out+o] = theta[a.m.offOut+o*a.m.rowOut+i]
			sum += a.c[i*out+o]
		}
	}
	return !math.IsNaN(sum) && !math.IsInf(sum, 0)
}

// Divergence implements Averaged.
func (a *mlpAverage) Divergence(theta []float64) (kl, errBound float64) {
	if !a.set(theta) {
		return math.Inf(1), 0
	}
	var s float64
	for i := range a.units {
		for j := range i + 1 {
			d := a.dot(i, j) * ErfPair(a.w[i], a.w[j]).PhiPhi
			if j < i {
				d *= 2
			}
			s += d
		}
	}
	// Rounding may leave a tiny negative sum at a minimum of 0.
	return max(0, s) / (2 * a.m.s.Sigma * a.m.s.Sigma), 0
}

func (a *mlpAverage) dot(i, j int) float64 {
	out := a.m.s.Out
	var s float64
	for o := range out {
		s += a.c[i*out+o] * a.c[j*out+o]
	}
	return s
}

// Score implements Scorer.
func (a *mlpAverage) Score(dst, theta []float64) float64 {
	checkLen(len(dst), len(a.m.params))
	if !a.set(theta) {
		return math.Inf(-1)
	}
	in, out := a.m.s.In, a.m.s.Out
	scale := -1 / (a.m.s.Sigma * a.m.s.Sigma)
	var s float64
	for i := range a.m.s.Hidden {
		for k := range in {
			a.gw[k] = 0
		}
		for o := range out {
			dst[a.m.offOut+o*a.m.rowOut+i] = 0
		}
		for j := range a.units {
			p := ErfPair(a.w[i], a.w[j])
			cc := a.dot(i, j)
			s += cc * p.PhiPhi
			for k := range in {
				a.gw[k] += cc * (p.SlopeAOnA*a.w[i][k] + p.SlopeAOnB*a.w[j][k])
			}
			for o := range out {
				dst[a.m.offOut+o*a.m.rowOut+i] += scale * a.c[j*out+o] * p.PhiPhi
			}
		}
		for k := range in {
			dst[i*in+k] = scale * a.sd * a.gw[k]
		}
	}
	for i := a.m.s.Hidden; i < a.units; i++ {
		for j := range a.units {
			s += a.dot(i, j) * ErfPair(a.w[i], a.w[j]).PhiPhi
		}
	}
	return -a.entropy + 0.5*scale*max(0, s)
}

func (a *mlpAverage) Model() Model { return a.m }
func (a *mlpAverage) N() int       { return 1 }

// Met implements Averaged.
func (a *mlpAverage) Met() bool { return true }

func (a *mlpAverage) LogLik(theta []float64) float64 {
	kl, _ := a.Divergence(theta)
	return -a.entropy - kl
}

func (a *mlpAverage) Terms(dst, theta []float64) {
	checkLen(len(dst), 1)
	dst[0] = a.LogLik(theta)
}
