package models

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// arma11 is the exact likelihood of a zero-mean ARMA(1,1): in two coefficients the
// short cut of sums has closed derivatives, and a scan along one of them finds the
// maxima.
type arma11 struct {
	*ARMALikelihood
	theta []float64 // d
	lo    []float64 // d: the score at a shifted point, where Curve differences it
	x     []float64 // d
}

func newARMA11(l *ARMALikelihood) *arma11 {
	d := len(l.m.params)
	buf := make([]float64, 3*d)
	return &arma11{l, buf[:d:d], buf[d : 2*d : 2*d], buf[2*d:]}
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
	q, x, hh := rest11(l.z.V, phi, th)

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

// rest11 returns Σ e², Σ e h and Σ h² of the residuals from rest e and the response
// h_t = (−θ)^(t−1) to the initial state. With v_t = −∂e_t/∂φ
//
//	e_t = x_t − φ x_{t−1} − θ e_{t−1},  v_t = x_{t−1} − θ v_{t−1},
//
// and every derivative by θ obeys the same recursion with the one before it as its
// input.
func rest11(x []float64, phi, th float64) (ss, eh, hh armaDual) {
	var (
		e, e1, e2, v, v1, past             float64
		see, sev, see1, svv, sve1, se1, s2 float64
	)
	h, h1, h2 := 1.0, 0.0, 0.0
	for t, y := range x {
		v1, v = -v-th*v1, past-th*v
		e2, e1, e = -2*e1-th*e2, -e-th*e1, (y-phi*past)-th*e
		past = y
		see += e * e
		sev += e * v
		see1 += e * e1
		svv += v * v
		sve1 += v*e1 + e*v1
		se1 += e1 * e1
		s2 += e * e2
		const least = 1e-20 // below rounding beside h_1 = 1
		if h*h+h1*h1+h2*h2 < least*least {
			// What follows has no response to the initial state any more.
			for _, y := range x[t+1:] {
				v1, v = -v-th*v1, past-th*v
				e2, e1, e = -2*e1-th*e2, -e-th*e1, (y-phi*past)-th*e
				past = y
				see += e * e
				sev += e * v
				see1 += e * e1
				svv += v * v
				sve1 += v*e1 + e*v1
				se1 += e1 * e1
				s2 += e * e2
			}
			break
		}
		eh.v += e * h
		eh.f -= v * h
		eh.t += e1*h + e*h1
		eh.ft -= v1*h + v*h1
		eh.tt += e2*h + 2*e1*h1 + e*h2
		hh.v += h * h
		hh.t += h * h1
		hh.tt += h1*h1 + h*h2
		h2, h1, h = -2*h1-th*h2, -h-th*h1, -th*h
	}
	hh.t, hh.tt = 2*hh.t, 2*hh.tt
	ss = armaDual{v: see, f: -2 * sev, t: 2 * see1, ff: 2 * svv, ft: -2 * sve1, tt: 2 * (se1 + s2)}
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
