package models

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// mixPair is the likelihood of two univariate components without weights.
type mixPair struct {
	mixLike1
	theta []float64 // d
	// The difference of the complete-data scores of the two components, as a
	// polynomial of degree 2 in e = y − μ_1 for every coordinate.
	poly [][3]float64
}

func newMixPair(l mixLike1) *mixPair {
	d := len(l.m.params)
	return &mixPair{mixLike1: l, theta: make([]float64, d), poly: make([][3]float64, d)}
}

// Curve implements Curver. With a_j = log π_j N_j and responsibilities r_j
//
//	∂²ℓ = Σ_t Σ_j r_j ∂²a_j + Σ_t r_1 r_2 D Dᵀ,  D = ∂a_1 − ∂a_2
//
// (Louis, J. Roy. Statist. Soc. B 44 (1982) 226: the information of the complete
// data less that of the labels). In free coordinates D = 1 for the weight, linear in
// y for a mean and quadratic for a log-variance, so that five sums
// Σ r_1 r_2 e^k say all; those of a tied variance cancel to a linear one.
func (l *mixPair) Curve(h *mat.SymDense, g, u []float64) float64 {
	m := l.m
	d := len(m.params)
	checkLen(len(g), d)
	checkSym(h, d)
	m.FromFree(l.theta, u)
	if !l.set(l.theta) {
		return math.Inf(-1)
	}
	l.setLine()
	clear(l.acc)
	var z [5]float64
	ll := l.line.Curve(l.acc, &z, l.z.V)
	if math.IsNaN(ll) {
		return math.Inf(-1)
	}

	const weight = 0 // its coordinate
	w, other := l.mixComponents.w[0], l.mixComponents.w[1]
	s, t := l.acc[:3], l.acc[3:6]
	v1, v2 := l.cov[0], l.cov[1]
	delta := l.mu[0] - l.mu[1]
	mu1, mu2, var1 := m.mean0, m.mean0+1, m.var0
	var2 := m.var0 + m.blocks - 1

	p := l.poly
	clear(p)
	p[weight] = [3]float64{1, 0, 0}
	p[mu1] = [3]float64{0, 1 / v1, 0}
	p[mu2] = [3]float64{-delta / v2, -1 / v2, 0}
	switch m.blocks {
	case 1:
		p[var1] = [3]float64{-delta * delta / (2 * v1), -delta / v1, 0}
	case 2:
		p[var1] = [3]float64{-0.5, 0, 0.5 / v1}
		p[var2] = [3]float64{0.5 - delta*delta/(2*v2), -delta / v2, -0.5 / v2}
	}
	for i := range d {
		// (Σ_k p_ik e^k) Σ r_1 r_2 e^j for the three powers j.
		var q [3]float64
		for k, c := range p[i] {
			if c == 0 {
				continue
			}
			for j := range q {
				q[j] += c * z[j+k]
			}
		}
		for j := i; j < d; j++ {
			h.SetSym(i, j, p[j][0]*q[0]+p[j][1]*q[1]+p[j][2]*q[2])
		}
	}
	less := func(i, j int, x float64) { h.SetSym(i, j, h.At(i, j)-x) }

	g[weight] = other*s[0] - w*t[0]
	less(weight, weight, (s[0]+t[0])*w*other)
	g[mu1], g[mu2] = s[1]/v1, t[1]/v2
	less(mu1, mu1, s[0]/v1)
	less(mu2, mu2, t[0]/v2)
	if m.blocks > 0 {
		less(mu1, var1, s[1]/v1)
		less(mu2, var2, t[1]/v2)
		less(var1, var1, s[2]/(2*v1))
		less(var2, var2, t[2]/(2*v2))
		g[var1], g[var2] = 0, 0 // a tied variance is both, and takes both terms
		g[var1] += (s[2]/v1 - s[0]) / 2
		g[var2] += (t[2]/v2 - t[0]) / 2
	}
	if !math.IsInf(m.bound, 1) {
		l.boundedMeans(h, g, u)
	}
	return ll
}

// boundedMeans goes over from the means to artanh(μ/Bound).
func (l *mixPair) boundedMeans(h *mat.SymDense, g, u []float64) {
	m := l.m
	for i := m.mean0; i < m.var0; i++ {
		t := math.Tanh(u[i])
		slope := m.bound * (1 - t) * (1 + t)
		for j := range g {
			x := h.At(i, j) * slope
			if i == j {
				x = x*slope - 2*t*slope*g[i]
			}
			h.SetSym(i, j, x)
		}
		g[i] *= slope
	}
}
