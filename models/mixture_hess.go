package models

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// Hess computes the Hessian exactly, in one dimension: ∂²ℓ = Σ_t w_t (∂²p/p − s sᵀ),
// with derivatives of the density p rather than of log(π_j N_j), so that it is
// finite where a weight is 0. More dimensions use differences of the score.
func (l mixLike1) Hess(dst *mat.SymDense, theta []float64) {
	d := len(l.m.params)
	checkLen(len(theta), d)
	checkSym(dst, d)
	h := l.hess // d×d, upper triangle
	clear(h)
	if !l.pt.set(theta) {
		for i := range h {
			h[i] = math.NaN()
		}
	} else {
		for i := range l.z.N {
			w := 1.0
			if l.w != nil {
				if w = l.w[i]; w == 0 {
					continue
				}
			}
			l.pt.at(l.z.V[i : i+1])
			l.pt.addHess(h, l.hs, w)
		}
	}
	for a := range d {
		for b := a; b < d; b++ {
			dst.SetSym(a, b, h[a*d+b])
		}
	}
}

// addHess adds w ∂² log p at the current observation to the upper triangle of h
// (d×d), in one dimension. s (d) is scratch.
func (p *mixPoint) addHess(h, s []float64, w float64) {
	d := len(s)
	p.score(s)
	p.curvature(h, w)
	for a, x := range s {
		for b := a; b < d; b++ {
			h[a*d+b] -= w * x * s[b]
		}
	}
}

// curvature adds w ∂²p/p at the current observation to the upper triangle of h
// (d×d), in one dimension.
func (p *mixPoint) curvature(h []float64, w float64) {
	m, d := p.m, len(p.m.params)
	last := m.k - 1
	for j, pi := range p.w {
		v, e := p.cov[j], p.e[j]
		a, b := e/v, (e*e/v-1)/(2*v) // ∂ log N_j by μ_j and v_j
		mu, block := m.mean0+j, m.var0+min(j, m.blocks-1)
		g := w * p.g[j]
		lo, hi, sign := j, j+1, 1.0
		if j == last { // every weight takes from the last one
			lo, hi, sign = 0, last, -1
		}
		for i := lo; i < hi; i++ {
			h[i*d+mu] += sign * g * a
			if m.blocks > 0 {
				h[i*d+block] += sign * g * b
			}
		}
		if pi == 0 {
			continue
		}
		g *= pi
		h[mu*d+mu] += g * (a*a - 1/v)
		if m.blocks > 0 {
			h[mu*d+block] += g * (a*b - a/v)
			h[block*d+block] += g * (b*b - e*e/(v*v*v) + 1/(2*v*v))
		}
	}
}
