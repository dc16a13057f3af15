package estimation

import (
	"context"
	"math"
)

// finish moves p, the end of a climb with fixed β, to the maximum by Newton's
// method, since EM near a mixture of fewer components is sublinear, and returns
// the penalised log-likelihood there. Newton works in u: log α_h/α_m for h < m,
// the means and the logarithms of the variances, all from one E-step. A mean on
// its bound stays there: whether it belongs there is for the climb that follows,
// which costs two E-steps where nothing is left to gain and goes on as EM where
// Newton did not arrive.
func (f *emFit) finish(ctx context.Context, p emPoint) (float64, error) {
	const iterations, cycles, tol = 60, 2000, 1e-9
	f.moving = f.moving[:0]
	for j, mu := range p.mu {
		if f.lo[j] < mu && mu < f.hi[j] {
			f.moving = append(f.moving, j)
		}
	}
	f.at.set(p)
	sp := f.space()
	u := sp.theta
	m := len(p.alpha) - 1
	for h, a := range p.alpha[:m] {
		u[h] = math.Log(a / p.alpha[m])
	}
	for i, j := range f.moving {
		u[m+i] = p.mu[j]
	}
	for i := range u[m+len(f.moving):] {
		u[m+len(f.moving)+i] = math.Log(p.v[i])
	}
	if finite(u) {
		before := f.expect(p) + f.penalty(p)
		fit, err := Newton{MaxIter: iterations, Tol: tol / float64(len(f.x))}.run(ctx, sp, u)
		if err != nil {
			return 0, err
		}
		if fit.Status != Failed && fit.LogLik >= before {
			f.place(fit.Theta)
			p.set(f.at)
		}
	}
	return f.climb(ctx, p, cycles, tol)
}

// space returns the penalised log-likelihood in the coordinates of finish, for
// as many means as move.
func (f *emFit) space() *space {
	d := len(f.at.alpha) - 1 + len(f.moving)
	switch {
	case f.known != 0:
	case f.tied:
		d++
	default:
		d += len(f.at.v)
	}
	if f.sp == nil || f.sp.d != d {
		buf := make([]float64, 5*d)
		part := func(i int) []float64 { return buf[i*d : (i+1)*d : (i+1)*d] }
		f.sp = &space{
			d: d, weight: float64(len(f.x)), score: f.score, step: 1e-6,
			theta: part(0), s: part(1), x: part(2), up: part(3), dn: part(4),
		}
	}
	return f.sp
}

// place moves f.at to the coordinates u, and reports whether its means are within
// their bounds.
func (f *emFit) place(u []float64) bool {
	p := f.at
	m := len(p.alpha) - 1
	top := 0.0
	for _, x := range u[:m] {
		top = max(top, x)
	}
	sum := 0.0
	for h := range p.alpha {
		x := -top
		if h < m {
			x += u[h]
		}
		p.alpha[h] = math.Exp(x)
		sum += p.alpha[h]
	}
	for h := range p.alpha {
		p.alpha[h] /= sum
	}
	u = u[m:]
	for i, j := range f.moving {
		if p.mu[j] = u[i]; !(f.lo[j] <= u[i] && u[i] <= f.hi[j]) {
			return false
		}
	}
	u = u[len(f.moving):]
	if f.known == 0 {
		for j := range p.v {
			p.v[j] = math.Exp(u[min(j, len(u)-1)])
		}
	}
	return true
}

// score fills g with the gradient of the penalised log-likelihood at u, and
// returns its value; -Inf beyond the bounds of the means.
func (f *emFit) score(g, u []float64) float64 {
	if !f.place(u) {
		return math.Inf(-1)
	}
	p := f.at
	value := f.expect(p) + f.penalty(p)
	n, m := float64(len(f.x)), len(p.alpha)-1
	for h := range m {
		s := 0.0
		for j := h * f.size; j < (h+1)*f.size; j++ {
			s += f.acc[3*j]
		}
		g[h] = s - n*p.alpha[h]
	}
	g = g[m:]
	for i, j := range f.moving {
		g[i] = f.acc[3*j+1] / p.v[j]
	}
	g = g[len(f.moving):]
	for i := range g {
		g[i] = f.a[i]/p.v[i] - f.b
	}
	if len(g) > 0 {
		for j, v := range p.v {
			g[min(j, len(g)-1)] += (f.acc[3*j+2]/v - f.acc[3*j]) / 2
		}
	}
	return value
}
