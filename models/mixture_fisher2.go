package models

import (
	"math"
	"slices"
)

// A mixGhost is the normal density proportional to φ_j²/φ_i for a component j of
// weight 0: the information of that weight has its mass there, which may be far
// from every component.
type mixGhost struct{ mu, chol []float64 }

// setGhosts finds the ghosts of the components with weight 0.
func (q *mixQuad) setGhosts() {
	q.ghosts = q.ghosts[:0]
	d := q.m.dim
	for j, wj := range q.w {
		if wj > 0 {
			continue
		}
		for i, wi := range q.w {
			if wi == 0 {
				continue
			}
			if d == 1 {
				prec := 2/q.cov[j] - 1/q.cov[i]
				if prec > 0 {
					mu := (2*q.mu[j]/q.cov[j] - q.mu[i]/q.cov[i]) / prec
					q.ghosts = append(q.ghosts, mixGhost{[]float64{mu}, []float64{math.Sqrt(1 / prec)}})
				}
				continue
			}
			if g, ok := q.ghost(j, i); ok {
				q.ghosts = append(q.ghosts, g)
			}
		}
	}
}

func (q *mixQuad) ghost(j, i int) (mixGhost, bool) {
	d := q.m.dim
	pj, pi := q.inverse(j), q.inverse(i)
	prec, rhs := make([]float64, d*d), make([]float64, d)
	for a := range d {
		for b := range d {
			x, y := 2*pj[a*d+b], pi[a*d+b]
			prec[a*d+b] = x - y
			rhs[a] += x*q.mu[j*d+b] - y*q.mu[i*d+b]
		}
	}
	l := make([]float64, d*d)
	if !cholesky(l, prec, d) {
		return mixGhost{}, false
	}
	cholSolve(l, rhs, d)
	cov := make([]float64, d*d)
	for a := range d {
		cov[a*d+a] = 1
		cholSolve(l, cov[a*d:(a+1)*d], d)
	}
	g := mixGhost{rhs, make([]float64, d*d)}
	return g, cholesky(g.chol, cov, d)
}

const mixBothSigns = 2

// divergent says whether ∫ ∂_a p ∂_b p / p diverges for the weights a and b:
// +1, −1 for the sign of the infinity, 0 if it is finite, mixBothSigns if
// infinities of both signs meet.
func (q *mixQuad) divergent(a, b int) int {
	last := q.m.k - 1
	plus, minus := false, false
	if q.sameComponent(a, last) || q.sameComponent(b, last) {
		return 0 // ∂p = 0
	}
	for _, t := range [...]struct {
		i, j     int
		positive bool
	}{{a, b, true}, {last, last, true}, {a, last, false}, {last, b, false}} {
		if q.productDiverges(t.i, t.j) {
			plus, minus = plus || t.positive, minus || !t.positive
		}
	}
	switch {
	case plus && (a == b || !minus):
		return 1
	case plus:
		return mixBothSigns
	case minus:
		return -1
	}
	return 0
}

func (q *mixQuad) sameComponent(i, j int) bool {
	d := q.m.dim
	return slices.Equal(q.mu[i*d:(i+1)*d], q.mu[j*d:(j+1)*d]) &&
		slices.Equal(q.cov[i*d*d:(i+1)*d*d], q.cov[j*d*d:(j+1)*d*d])
}

// productDiverges says whether ∫ φ_i φ_j / p diverges. In one dimension the tail
// of p is that of its widest component. In two dimensions the answer is no if
// one component that is present bounds the integrand, which is sufficient only.
func (q *mixQuad) productDiverges(i, j int) bool {
	if q.w[i] > 0 || q.w[j] > 0 {
		return false
	}
	d := q.m.dim
	for t, w := range q.w {
		if w == 0 {
			continue
		}
		if d == 1 {
			if 1/q.cov[i]+1/q.cov[j] > 1/q.cov[t] {
				return false
			}
			continue
		}
		sum, l := make([]float64, d*d), make([]float64, d*d)
		pi, pj, pt := q.inverse(i), q.inverse(j), q.inverse(t)
		for a := range sum {
			sum[a] = pi[a] + pj[a] - pt[a]
		}
		if cholesky(l, sum, d) {
			return false
		}
	}
	return true
}

// setInfinite fills q.infinite.
func (q *mixQuad) setInfinite() {
	clear(q.infinite)
	if slices.Min(q.w) > 0 {
		return
	}
	d := len(q.scale)
	for a := range q.m.k - 1 {
		for b := a; b < q.m.k-1; b++ {
			q.infinite[a*d-a*(a-1)/2+b-a] = int8(q.divergent(a, b))
		}
	}
}

// grid integrates in two dimensions. With the components (and ghosts) φ_c and
// their sum Φ, ∫ h = Σ_c ∫ (h/Φ) φ_c, each by the trapezoidal rule in the whitened
// coordinates of c, which converges geometrically. The nodes are doubled (the step
// falls by √2) until the change is below 1e-8 of √(F_aa F_bb), or eight times: that
// change is the error of the rule before, and the finer one has about its power √2.
func (q *mixQuad) grid() {
	const first = 0.5
	clear(q.total)
	q.lattice(q.total, first, false)
	for h := first / math.Sqrt2; ; h /= math.Sqrt2 {
		copy(q.whole, q.total)
		clear(q.total)
		q.rows = q.rows[:0]
		q.lattice(q.total, h, q.keep)
		q.setScale()
		t, good := 0, true
		for a, sa := range q.scale {
			for _, sb := range q.scale[a:] {
				q.err[t] = 0
				if q.infinite[t] == 0 {
					q.err[t] = math.Abs(q.total[t] - q.whole[t])
					good = good && q.err[t] <= 1e-8*sa*sb
				}
				t++
			}
		}
		if good || h <= first/15 {
			return
		}
	}
}

// lattice adds the trapezoidal sums of step h of every component to sum.
func (q *mixQuad) lattice(sum []float64, h float64, keep bool) {
	one := func(mu, chol []float64, reach float64) {
		n := int(math.Ceil(reach / h))
		det := chol[0] * chol[3]
		area := h * h * det
		for i := -n; i <= n; i++ {
			for j := -n; j <= n; j++ {
				s, t := h*float64(i), h*float64(j)
				if s*s+t*t > reach*reach {
					continue
				}
				q.y[0] = mu[0] + chol[0]*s
				q.y[1] = mu[1] + chol[2]*s + chol[3]*t
				q.node(sum, area*q.share(s*s+t*t, det), keep)
			}
		}
	}
	for j, pi := range q.w {
		one(q.mu[2*j:2*j+2], q.chol[4*j:4*j+4], mixReach(pi))
	}
	for _, g := range q.ghosts {
		one(g.mu, g.chol, mixReach(1))
	}
}

// share returns φ_c/Φ at y = q.y for the c with the given squared distance and
// |L_c|.
func (q *mixQuad) share(own, det float64) float64 {
	var sum float64
	add := func(mu, chol []float64) {
		s := (q.y[0] - mu[0]) / chol[0]
		t := (q.y[1] - mu[1] - chol[2]*s) / chol[3]
		sum += math.Exp(0.5*(own-s*s-t*t)) / (chol[0] * chol[3])
	}
	for j := range q.w {
		add(q.mu[2*j:2*j+2], q.chol[4*j:4*j+4])
	}
	for _, g := range q.ghosts {
		add(g.mu, g.chol)
	}
	return 1 / (det * sum)
}
