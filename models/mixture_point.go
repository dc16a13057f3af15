package models

import (
	"math"
)

// mixPoint evaluates the score of a single observation without cancellation:
// near the overlap of two components, where their densities differ by O(u), the
// difference keeps its relative accuracy. It owns scratch.
type mixPoint struct {
	*mixComponents
	logphi []float64 // log N_j(y) (K)
	g      []float64 // N_j(y)/p(y) (K), times √(w p) at a node
	diff   []float64 // g_i − g_K (K−1)
	logp   float64
	e      []float64 // Σ_j⁻¹(y−μ_j) (K×dim), or for dim = 1 y−μ_j
	inv    []float64 // Σ_j⁻¹ (K×dim×dim)
	s, t   []float64
}

func (m *Mixture) newPoint() *mixPoint {
	return &mixPoint{mixComponents: m.newComponents(), logphi: make([]float64, m.k), g: make([]float64, m.k),
		diff: make([]float64, m.k), e: make([]float64, m.k*m.dim), inv: make([]float64, m.k*m.dim*m.dim), s: make([]float64, m.dim*m.dim), t: make([]float64, m.dim)}
}

// set reads θ and reports whether it lies in the domain.
func (p *mixPoint) set(theta []float64) bool {
	if !p.mixComponents.set(theta) {
		return false
	}
	d := p.m.dim
	clear(p.inv)
	for j := range p.m.k {
		for a := range d {
			row := p.inv[(j*d+a)*d : (j*d+a+1)*d]
			row[a] = 1
			cholSolve(p.chol[j*d*d:(j+1)*d*d], row, d)
		}
	}
	return true
}

func (p *mixPoint) mustSet(theta []float64) {
	checkLen(len(theta), len(p.m.params))
	if !p.set(theta) {
		panic("models: Fisher information outside the domain of the mixture")
	}
}

// inverse returns Σ_j⁻¹ (dim×dim).
func (p *mixPoint) inverse(j int) []float64 {
	n := p.m.dim * p.m.dim
	return p.inv[j*n : (j+1)*n]
}

// at moves to the observation y.
func (p *mixPoint) at(y []float64) {
	p.densities(y)
	p.ratios(0)
}

// atNode moves to y for a score times √(w p(y)): the factor goes into the
// exponents, where N_j/p may overflow and √p underflow while the product is
// moderate.
func (p *mixPoint) atNode(y []float64, w float64) {
	p.densities(y)
	p.ratios(0.5 * (p.logp + math.Log(w)))
}

func (p *mixPoint) densities(y []float64) {
	k, d := p.m.k, p.m.dim
	top := math.Inf(-1)
	for j := range k {
		p.logDensity(p.logphi[j:j+1], y, j, p.lognorm[j], p.t)
		if p.w[j] > 0 {
			top = max(top, p.logphi[j])
		}
	}
	var sum float64
	for j, w := range p.w {
		if w > 0 {
			sum += w * math.Exp(p.logphi[j]-top)
		}
	}
	p.logp = top + math.Log(sum)
	for j := range k {
		for a := range d {
			p.e[j*d+a] = y[a] - p.mu[j*d+a]
		}
	}
}

// ratios fills g and diff, times e^shift, and turns e into Σ⁻¹e if dim > 1.
func (p *mixPoint) ratios(shift float64) {
	k, d := p.m.k, p.m.dim
	for j := range k {
		p.g[j] = math.Exp(p.logphi[j] - p.logp + shift)
	}
	last := k - 1
	for i := range last {
		r := p.logRatio(i, last)
		if math.Abs(r) < 1 {
			p.diff[i] = p.g[last] * math.Expm1(r)
		} else {
			p.diff[i] = p.g[i] - p.g[last]
		}
	}
	if d > 1 {
		for j := range k {
			cholSolve(p.chol[j*d*d:(j+1)*d*d], p.e[j*d:(j+1)*d], d)
		}
	}
}

// logRatio returns log N_i(y) − log N_j(y). In one dimension it is a sum of terms
// that vanish with μ_i − μ_j and v_i − v_j, so that it keeps its relative
// accuracy (derived here).
func (p *mixPoint) logRatio(i, j int) float64 {
	if p.m.dim > 1 {
		return p.logphi[i] - p.logphi[j]
	}
	vi, vj, ei, ej := p.cov[i], p.cov[j], p.e[i], p.e[j]
	r := (p.mu[i] - p.mu[j]) * (ei + ej) / (2 * vi)
	if vi != vj {
		q := (vi - vj) / vj
		r += 0.5 * (q*ej*ej/vi - math.Log1p(q))
	}
	return r
}

// score fills dst (d) with ∂ log p/∂θ at the observation.
func (p *mixPoint) score(dst []float64) {
	m, d := p.m, p.m.dim
	copy(dst, p.diff[:m.k-1])
	clear(dst[m.var0:])
	for j, pi := range p.w {
		var r float64
		if pi > 0 {
			r = pi * p.g[j]
		}
		e := p.e[j*d : (j+1)*d]
		if d == 1 {
			v := p.cov[j]
			dst[m.mean0+j] = r * e[0] / v
			if m.blocks > 0 {
				dst[m.var0+min(j, m.blocks-1)] += r * (e[0]*e[0]/v - 1) / (2 * v)
			}
			continue
		}
		for a, x := range e {
			dst[m.mean0+j*d+a] = r * x
		}
		if m.blocks == 0 {
			continue
		}
		inv := p.inverse(j)
		for a := range d {
			for b := range d {
				p.s[a*d+b] = e[a]*e[b] - inv[a*d+b]
			}
		}
		m.addVarianceScore(dst, p.s, j, 0.5*r)
	}
}
