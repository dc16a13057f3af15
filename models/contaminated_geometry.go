package models

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// grid returns the step and the first and last node of a trapezoid rule for
// integrals of score products against p at standardised shift β = b/sd. The
// integrands are analytic in a strip of half-width π/|β| around the line (the
// zeros of p nearest to it) and bounded by Gaussians around 0 and 2β, where the
// squared score of a has its mass when a is small. At the doubled step that the
// error bound compares with, the relative error is below
// exp(−2π min(π/|β|, π)/(2·step)) < 1e-14.
func (m *Contaminated) grid(theta []float64) (step float64, lo, hi int) {
	beta := theta[1] / m.s.SD
	step = 0.3 / math.Max(1, math.Abs(beta))
	const reach = 9.5
	lo = int(math.Floor((math.Min(0, 2*beta) - reach) / step))
	hi = int(math.Ceil((math.Max(0, 2*beta) + reach) / step))
	return step, lo, hi
}

// row fills g with √(step p(x)) s(x) at the standardised x. It takes the square
// root of the density together with the large factor of the score, so that
// neither overflows before the other makes it small.
func (m *Contaminated) row(g []float64, theta []float64, x, step float64) {
	a, beta := theta[0], theta[1]/m.s.SD
	t := beta * (x - beta/2)
	scale := math.Sqrt(step) * math.Exp(-halfLog2Pi/2)
	if t <= 0 {
		d := 1 + a*math.Expm1(t)
		scale *= math.Exp(-x*x/4) / math.Sqrt(d)
		g[0] = scale * math.Expm1(t)
		g[1] = scale * a * math.Exp(t) * (x - beta) / m.s.SD
		return
	}
	d := a + (1-a)*math.Exp(-t)
	scale *= math.Exp(-x*x/4+t/2) / math.Sqrt(d)
	g[0] = -scale * math.Expm1(-t)
	g[1] = scale * a * (x - beta) / m.s.SD
}

// Fisher implements Informer by the trapezoid rule of grid, whose error bound is
// the difference from the rule with twice the step.
func (m *Contaminated) Fisher() (func(dst *mat.SymDense, theta []float64) float64, Route) {
	return func(dst *mat.SymDense, theta []float64) float64 {
		checkSym(dst, 2)
		checkLen(len(theta), 2)
		step, lo, hi := m.grid(theta)
		var all, even [3]float64
		var g [2]float64
		for i := lo; i <= hi; i++ {
			m.row(g[:], theta, float64(i)*step, step)
			for k, v := range [3]float64{g[0] * g[0], g[0] * g[1], g[1] * g[1]} {
				all[k] += v
				if i%2 == 0 {
					even[k] += 2 * v
				}
			}
		}
		bound := 0.0
		for k := range all {
			bound = math.Max(bound, math.Abs(all[k]-even[k]))
		}
		dst.SetSym(0, 0, all[0])
		dst.SetSym(0, 1, all[1])
		dst.SetSym(1, 1, all[2])
		return bound
	}, Quadrature
}

// FisherFactor implements Factorer: the rows of the same rule.
func (m *Contaminated) FisherFactor() (func(theta []float64) *mat.Dense, Route) {
	var r *mat.Dense
	return func(theta []float64) *mat.Dense {
		checkLen(len(theta), 2)
		step, lo, hi := m.grid(theta)
		if rows := hi - lo + 1; r == nil || r.RawMatrix().Rows != rows {
			r = mat.NewDense(rows, 2, nil)
		}
		for i := lo; i <= hi; i++ {
			m.row(r.RawRowView(i-lo), theta, float64(i)*step, step)
		}
		return r
	}, Quadrature
}

// Nodes implements Noder by a trapezoid rule over both components, by default
// with four nodes per standard deviation, more if the components are far apart.
func (m *Contaminated) Nodes(theta []float64, rule Rule) (*Data, []float64, error) {
	if err := CheckTheta(m, theta); err != nil {
		return nil, nil, err
	}
	if rule.Points < 0 || rule.Points > 1<<20 {
		return nil, nil, fmt.Errorf("%v: a rule of %d points: allowed is 0 (default) to %d", m, rule.Points, 1<<20)
	}
	beta := theta[1] / m.s.SD
	step := 1 / (4 * math.Max(1, math.Abs(beta)/2))
	if rule.Points > 0 {
		step = (math.Abs(beta) + 18) / float64(rule.Points)
	}
	if rule.Coarse {
		step *= 2
	}
	lo := int(math.Floor((math.Min(0, beta) - 9) / step))
	hi := int(math.Ceil((math.Max(0, beta) + 9) / step))
	z := NewData(hi-lo+1, 0, 1)
	w := make([]float64, z.N)
	sum := 0.0
	for i := range w {
		x := float64(lo+i) * step
		lp, _, _ := ratio(theta[0], beta, x)
		z.V[i] = x * m.s.SD
		w[i] = math.Exp(lp)
		sum += w[i]
	}
	for i := range w {
		w[i] /= sum
	}
	return z, w, nil
}

// Strata returns elimination (a = 0) and overlap (b = 0).
func (m *Contaminated) Strata() []Stratum {
	stratum := func(name, doc string, zero int) Stratum {
		return Stratum{
			Name: name, Codim: 1, Doc: doc,
			Distance: func(theta []float64) float64 { return math.Abs(theta[zero]) },
			Project: func(dst, theta []float64) {
				copy(dst, theta)
				dst[zero] = 0
			},
			Tangent: func([]float64) *mat.Dense {
				t := mat.NewDense(2, 1, nil)
				t.Set(1-zero, 0, 1)
				return t
			},
		}
	}
	return []Stratum{
		stratum("elimination", "a = 0: b has no effect", 0),
		stratum("overlap", "b = 0: a has no effect", 1),
	}
}

// RLCT implements KnownRLCT: K is comparable to a²b² at the truth N(0, sd²), with
// the prior factor a^(α−1) of Dirichlet(α) weights, and the model is regular
// elsewhere, on the edge a = 1 too, where only half a neighbourhood counts. Jeffreys'
// prior has the factor a b² there: with g_a = bx + ½b²H₂ + …, g_b = ax + abH₂ + …
// the part of g_a/b − g_b/a across x is −½bH₂, so that det F ~ a²b⁴/2 (derived
// here); λ = 1 = d/2 is that of a regular model.
func (m *Contaminated) RLCT(truth []float64, prior PriorShape) (Coefficient, bool) {
	checkLen(len(truth), 2)
	alpha := prior.Dirichlet
	if alpha == 0 {
		alpha = 1
	}
	if prior.Power != 0 || !(alpha > 0) || prior.Jeffreys && prior.Dirichlet != 0 {
		return Coefficient{}, false
	}
	switch {
	case prior.Jeffreys && (truth[0] == 0 || truth[1] == 0):
		c, err := MonomialCoefficient([]int{1, 1}, []float64{1, 2})
		return c, err == nil
	case truth[0] == 0 || truth[1] == 0:
		c, err := MonomialCoefficient([]int{1, 1}, []float64{alpha - 1, 0})
		return c, err == nil
	case truth[0] == 1:
		// K ~ (1−a)² + (b−b₀)² with the prior factor (1−a)^(α−1).
		return Coefficient{Lambda: (alpha + 1) / 2, Mult: 1, Ref: "derived here: (1−a)² + (b−b₀)²"}, true
	}
	return RegularCoefficient(2), true
}

// LocalRLCT implements KnownLocalRLCT: off the origin only one of the two lines
// passes through θ.
func (m *Contaminated) LocalRLCT(truth []float64, prior PriorShape) (Coefficient, bool) {
	checkLen(len(truth), 2)
	alpha := prior.Dirichlet
	if alpha == 0 {
		alpha = 1
	}
	switch {
	case prior.Jeffreys || prior.Power != 0 || !(alpha > 0):
		return Coefficient{}, false
	case truth[0] == 0 && truth[1] != 0:
		c, err := MonomialCoefficient([]int{1}, []float64{alpha - 1})
		return c, err == nil
	case truth[1] == 0 && truth[0] > 0 && truth[0] < 1:
		return RegularCoefficient(1), true
	case truth[1] == 0 && truth[0] == 1:
		return RegularCoefficient(1), true // the factor (1−a)^(α−1) is integrable along the line
	}
	return m.RLCT(truth, prior)
}

// Embed implements Nester for one normal component of the same known variance:
// a = 1 and b its mean; its mean 0 is a = 0.
func (m *Contaminated) Embed(dst []float64, sub Model, subTheta []float64) bool {
	s, ok := sub.(*Mixture)
	if !ok || s.k != 1 || s.dim != 1 || s.variance != VarKnown || s.sigma != m.s.SD {
		return false
	}
	checkLen(len(dst), 2)
	dst[0], dst[1] = 1, subTheta[0]
	if subTheta[0] == 0 {
		dst[0] = 0
	}
	return math.Abs(subTheta[0]) <= m.params[1].Hi
}
