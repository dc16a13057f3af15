package models

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/internal/vec"
)

// arma11 is the exact likelihood of a zero-mean ARMA(1,1): in two coefficients the
// short cut of sums has closed derivatives, and a scan along one of them finds the
// maxima.
type arma11 struct {
	*ARMALikelihood
	theta []float64 // d
	lo    []float64 // d: the score at a shifted point, where Curve differences it
	x     []float64 // d
	// n each: residuals from rest e with their derivatives by θ, lag = −∂e/∂φ with its
	// derivative v1, and the response h with its derivatives
	e, e1, e2, v1, lag, h, h1, h2 []float64
}

func newARMA11(l *ARMALikelihood) *arma11 {
	d, n := len(l.m.params), l.z.N
	buf := make([]float64, 3*d+8*n)
	part := func(n int) []float64 { p := buf[:n:n]; buf = buf[n:]; return p }
	return &arma11{
		ARMALikelihood: l, theta: part(d), lo: part(d), x: part(d),
		e: part(n), e1: part(n), e2: part(n), lag: part(n), v1: part(n), h: part(n), h1: part(n), h2: part(n),
	}
}

// armaDual is a function of (φ, θ) with its first and second derivatives.
type armaDual struct{ v, f, t, ff, ft, tt float64 }

func (a armaDual) times(b armaDual) armaDual {
	return armaDual{
		v: a.v * b.v, f: a.f*b.v + a.v*b.f, t: a.t*b.v + a.v*b.t,
		ff: a.ff*b.v + 2*a.f*b.f + a.v*b.ff,
		ft: a.ft*b.v + a.f*b.t + a.t*b.f + a.v*b.ft,
		tt: a.tt*b.v + 2*a.t*b.t + a.v*b.tt,
	}
}

func (a armaDual) minus(b armaDual) armaDual {
	return armaDual{a.v - b.v, a.f - b.f, a.t - b.t, a.ff - b.ff, a.ft - b.ft, a.tt - b.tt}
}

// of returns y(a), given the value and two derivatives of y at a.v.
func (a armaDual) of(y, dy, ddy float64) armaDual {
	return armaDual{
		v: y, f: dy * a.f, t: dy * a.t,
		ff: ddy*a.f*a.f + dy*a.ff, ft: ddy*a.f*a.t + dy*a.ft, tt: ddy*a.t*a.t + dy*a.tt,
	}
}

// Curve implements Curver: the derivatives of the formula of sums, those of the
// residuals from rest by their own recursions. Where that formula loses digits the
// score of the filter is differenced.
func (l *arma11) Curve(h *mat.SymDense, g, u []float64) float64 {
	m := l.m
	checkLen(len(g), len(m.params))
	checkSym(h, len(g))
	m.FromFree(l.theta, u)
	_, sigma2, ok := l.loadState(l.theta)
	if !ok {
		return math.Inf(-1)
	}
	if !l.fromRest() {
		return l.differences(h, g, u)
	}
	phi, th := l.theta[0], l.theta[1]
	q, x, hh := l.rest(phi, th)

	// P = (φ+θ)²/(1−φ²), the variance of the initial state.
	a, b := phi+th, 1/((1-phi)*(1+phi))
	db := 2 * phi * b * b
	p := armaDual{v: a * a, f: 2 * a, t: 2 * a, ff: 2, ft: 2, tt: 2}.times(armaDual{v: b, f: db, ff: 2*b*b + 4*phi*db*b})
	d := p.times(hh)
	d.v++
	inv := 1 / d.v
	logDet := d.of(math.Log(d.v), inv, -inv*inv)
	if p.v > 0 {
		q = q.minus(p.times(d.of(inv, -inv*inv, 2*inv*inv*inv)).times(x.times(x)))
	} else {
		// At the cancellation p has no gradient either, but it has curvature.
		q.ff, q.ft, q.tt = q.ff-p.ff*x.v*x.v, q.ft-p.ft*x.v*x.v, q.tt-p.tt*x.v*x.v
	}

	n := float64(l.z.N)
	ll := gaussLogLik(l.z.N, sigma2, q.v, logDet.v)
	part := func(log, ss float64) float64 { return -0.5 * (log + ss/sigma2) }
	sf, st := b2(phi), b2(th) // ∂φ/∂u of φ = tanh u
	gf, gt := part(logDet.f, q.f), part(logDet.t, q.t)
	g[0], g[1] = gf*sf, gt*st
	h.SetSym(0, 0, (part(logDet.ff, q.ff)*sf-2*phi*gf)*sf)
	h.SetSym(0, 1, part(logDet.ft, q.ft)*sf*st)
	h.SetSym(1, 1, (part(logDet.tt, q.tt)*st-2*th*gt)*st)
	if m.set.Var == 0 {
		g[2] = 0.5 * (q.v/sigma2 - n)
		h.SetSym(0, 2, 0.5*q.f/sigma2*sf)
		h.SetSym(1, 2, 0.5*q.t/sigma2*st)
		h.SetSym(2, 2, -0.5*q.v/sigma2)
	}
	return ll
}

// b2 is 1 − x², without loss near ±1.
func b2(x float64) float64 { return (1 - x) * (1 + x) }

// rest returns Σ e², Σ e h and Σ h² of the residuals from rest e and the response
// h_t = (−θ)^(t−1) to the initial state. With v_t = −∂e_t/∂φ
//
//	e_t = x_t − φ x_{t−1} − θ e_{t−1},  v_t = x_{t−1} − θ v_{t−1},
//
// and every derivative by θ obeys the same recursion with the one before it as its
// input. The recursions go along the series side by side; the sums follow.
func (l *arma11) rest(phi, th float64) (ss, eh, hh armaDual) {
	n := l.z.N
	es, e1s, e2s, vs, v1s := l.e[:n], l.e1[:n], l.e2[:n], l.lag[:n], l.v1[:n]
	var e, e1, e2, v, v1, past float64
	for t, y := range l.z.V[:n] {
		v1, v = -v-th*v1, past-th*v
		e2, e1, e = -2*e1-th*e2, -e-th*e1, (y-phi*past)-th*e
		past = y
		es[t], e1s[t], e2s[t], vs[t], v1s[t] = e, e1, e2, v, v1
	}
	const least = 1e-20 // below rounding beside h_1 = 1
	hs, h1s, h2s := l.h[:n], l.h1[:n], l.h2[:n]
	h, h1, h2 := 1.0, 0.0, 0.0
	k := 0
	for ; k < n && h*h+h1*h1+h2*h2 >= least*least; k++ {
		hs[k], h1s[k], h2s[k] = h, h1, h2
		h2, h1, h = -2*h1-th*h2, -h-th*h1, -th*h
	}
	ss = armaDual{
		v: vec.Dot(es, es), f: -2 * vec.Dot(es, vs), t: 2 * vec.Dot(es, e1s), ff: 2 * vec.Dot(vs, vs),
		ft: -2 * (vec.Dot(vs, e1s) + vec.Dot(es, v1s)), tt: 2 * (vec.Dot(e1s, e1s) + vec.Dot(es, e2s)),
	}
	es, e1s, e2s, vs, v1s, hs, h1s, h2s = es[:k], e1s[:k], e2s[:k], vs[:k], v1s[:k], hs[:k], h1s[:k], h2s[:k]
	eh = armaDual{
		v: vec.Dot(es, hs), f: -vec.Dot(vs, hs), t: vec.Dot(e1s, hs) + vec.Dot(es, h1s),
		ft: -(vec.Dot(v1s, hs) + vec.Dot(vs, h1s)), tt: vec.Dot(e2s, hs) + 2*vec.Dot(e1s, h1s) + vec.Dot(es, h2s),
	}
	hh = armaDual{v: vec.Dot(hs, hs), t: 2 * vec.Dot(hs, h1s), tt: 2 * (vec.Dot(h1s, h1s) + vec.Dot(hs, h2s))}
	return ss, eh, hh
}

// differences is Curve by forward differences of the score.
func (l *arma11) differences(h *mat.SymDense, g, u []float64) float64 {
	ll := l.free(g, u)
	copy(l.x, u)
	for i := range u {
		step := 1e-6 * (1 + math.Abs(u[i]))
		l.x[i] = u[i] + step
		if math.IsInf(l.free(l.lo, l.x), -1) {
			return math.Inf(-1)
		}
		l.x[i] = u[i]
		for j, s := range l.lo {
			s = (s - g[j]) / step
			if j < i {
				s = 0.5 * (s + h.At(j, i))
			}
			h.SetSym(min(i, j), max(i, j), s)
		}
	}
	return ll
}

// free is the score in free coordinates.
func (l *arma11) free(dst, u []float64) float64 {
	l.m.FromFree(l.theta, u)
	ll := l.Score(dst, l.theta)
	if math.IsInf(ll, -1) {
		return ll
	}
	var s [3]float64
	copy(s[:], dst)
	l.m.PullScore(dst, u, s[:len(dst)])
	return ll
}
