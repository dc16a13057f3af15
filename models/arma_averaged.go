package models

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// Average implements Averager: the expected log-likelihood per unit of time of a long
// series, in closed form, under an ARMA process of any orders. The prediction error of
// the model on data of the truth is c(B) e with c = φθ₀/(θφ₀), φ and θ the polynomials
// of the autoregression and of the moving average and c₀ = 1, so that with ϱ = σ₀²/σ²
//
//	KL = ½(ϱ − 1 − log ϱ) + ½ϱS + ½((μ−μ₀) φ(1)/θ(1))²/σ²,  S = Σ_{k≥1} c_k².
//
// S is the variance of the process N(B)/D(B) e with D = θφ₀ and
// N = φθ₀ − θφ₀ = (φ−φ₀)θ₀ − (θ−θ₀)φ₀, which keeps its digits near the truth: a sum of
// squares, by K. Åström, E. Jury and R. Agniel, IEEE Trans. Automatic Control 15 (1970)
// 240. Its derivatives are those of that recursion (derived here).
func (m *ARMA) Average(truth Model, at []float64) (Averaged, Route) {
	t, ok := truth.(*ARMA)
	if !ok {
		return nil, Exact
	}
	phi, th, mean, v := t.split(at)
	c := m.p + m.q
	n := max(m.p, t.p) + max(m.q, t.q)
	slots := 1 + c + c*(c+1)/2
	row := func() []twofold { return make([]twofold, slots*(n+1)) }
	a := &armaAverage{
		m: m, mean: mean, v: v, n: n, phi0: make([]float64, t.p+1), th0: make([]float64, t.q+1),
		dphi: make([]twofold, max(m.p, t.p)+1), dth: make([]twofold, max(m.q, t.q)+1),
		a: row(), b: row(), next: row(), wide: make([]twofold, slots), log: make([]twofold, slots), s: make([]twofold, slots),
		g: make([]float64, c),
	}
	a.phi0[0], a.th0[0] = 1, 1
	for i, x := range phi {
		a.phi0[i+1] = -x
	}
	copy(a.th0[1:], th)
	return a, Exact
}

// An armaAverage is the closed form. Of every number of the recursion it keeps the
// value, the derivatives by the coefficients, and the second ones, pairs (s, t) with
// s ≤ t, one after the other: slot 0, 1+s, and pair(s, t). The recursion is in twice the
// digits of a float: it takes the product of θ and φ₀, whose double roots, which are
// usual near cancellation, are otherwise lost to half of them.
type armaAverage struct {
	m          *ARMA
	mean, v    float64   // of the truth
	phi0, th0  []float64 // polynomials of the truth
	dphi, dth  []twofold // differences from them
	n          int       // degree
	a, b, next []twofold // D, N, and the next D: slots × (n+1)
	wide       []twofold // slots of w = 1−r² of a step
	log        []twofold // slots of log E
	s          []twofold // slots of S
	g          []float64 // derivatives of φ(1)/θ(1)
}

func (a *armaAverage) coefs() int { return a.m.p + a.m.q }

// pair is the slot of the second derivative by s ≤ t.
func (a *armaAverage) pair(s, t int) int {
	c := a.coefs()
	return 1 + c + s*c - s*(s-1)/2 + t - s
}

// row is a slot of a polynomial.
func (a *armaAverage) row(p []twofold, slot int) []twofold {
	return p[slot*(a.n+1) : (slot+1)*(a.n+1)]
}

// load fills the polynomials at θ, with derivatives up to the order.
func (a *armaAverage) load(theta []float64, order int) {
	p, q := a.m.p, a.m.q
	phi, th := theta[:p], theta[p:p+q]
	clear(a.dphi)
	clear(a.dth)
	for i, x := range phi {
		a.dphi[i+1].hi = -x
	}
	for i, x := range a.phi0[1:] {
		a.dphi[i+1] = a.dphi[i+1].sub(twofold{x, 0})
	}
	for j, x := range th {
		a.dth[j+1].hi = x
	}
	for j, x := range a.th0[1:] {
		a.dth[j+1] = a.dth[j+1].sub(twofold{x, 0})
	}
	slots := [...]int{1, 1 + p + q, len(a.s)}[order]
	clear(a.a[:slots*(a.n+1)])
	clear(a.b[:slots*(a.n+1)])
	add := func(dst []twofold, shift int, x twofold, p []float64) {
		if x.hi == 0 {
			return
		}
		for i, y := range p {
			if y != 0 {
				dst[shift+i] = dst[shift+i].add(x.times(y))
			}
		}
	}
	one, minus := twofold{1, 0}, twofold{-1, 0}
	d, n := a.row(a.a, 0), a.row(a.b, 0)
	add(d, 0, one, a.phi0)
	for j, x := range th {
		add(d, j+1, twofold{x, 0}, a.phi0)
	}
	for i, x := range a.dphi {
		add(n, i, x, a.th0)
	}
	for j, x := range a.dth {
		add(n, j, x.neg(), a.phi0)
	}
	if order == 0 {
		return
	}
	for i := range p {
		add(a.row(a.b, 1+i), i+1, minus, a.th0)
	}
	for j := range q {
		add(a.row(a.a, 1+p+j), j+1, one, a.phi0)
		add(a.row(a.b, 1+p+j), j+1, minus, a.phi0)
	}
}

// variance fills a.s with S and its derivatives up to the order. With D monic of degree
// k, r its last coefficient and w = 1−r², one step is
//
//	D_i ← (D_i − r D_{k−i})/w,  N_i ← N_i − N_k D_{k−i},
//
// and S is the sum over k of N_k² E, E = Π 1/w over the steps before.
func (a *armaAverage) variance(theta []float64, order int) {
	a.load(theta, order)
	clear(a.s)
	clear(a.log)
	c := 0
	if order > 0 {
		c = a.coefs()
	}
	one := twofold{1, 0}
	e := one
	for k := a.n; ; k-- {
		a.collect(k, e, c, order)
		if k == 0 {
			return
		}
		r := a.a[k]
		w := one.sub(r).mul(one.add(r))
		for s := range c {
			rs := a.row(a.a, 1+s)[k]
			ws := r.mul(rs).times(-2)
			a.wide[1+s] = ws
			a.log[1+s] = a.log[1+s].sub(ws.div(w))
			if order < 2 {
				continue
			}
			for t := range s + 1 {
				st := a.pair(t, s)
				wst := rs.mul(a.row(a.a, 1+t)[k]).add(r.mul(a.row(a.a, st)[k])).times(-2)
				a.wide[st] = wst
				a.log[st] = a.log[st].sub(wst.sub(ws.mul(a.wide[1+t]).div(w)).div(w))
			}
		}
		a.stepN(k, c, order)
		a.stepD(k, w, c, order)
		e = e.div(w)
	}
}

// collect adds N_k² E and its derivatives to S.
func (a *armaAverage) collect(k int, e twofold, c, order int) {
	b := a.b[k]
	a.s[0] = a.s[0].add(b.mul(b).mul(e))
	for s := range c {
		bs, ls := a.row(a.b, 1+s)[k], a.log[1+s]
		a.s[1+s] = a.s[1+s].add(e.mul(b).mul(bs.times(2).add(b.mul(ls))))
		if order < 2 {
			continue
		}
		for t := range s + 1 {
			st := a.pair(t, s)
			bt, lt := a.row(a.b, 1+t)[k], a.log[1+t]
			x := bs.mul(bt).add(b.mul(a.row(a.b, st)[k])).add(b.mul(bs.mul(lt).add(bt.mul(ls)))).times(2)
			x = x.add(b.mul(b).mul(a.log[st].add(ls.mul(lt))))
			a.s[st] = a.s[st].add(e.mul(x))
		}
	}
}

// stepN makes the next N, from the highest derivatives down.
func (a *armaAverage) stepN(k, c, order int) {
	d, n := a.row(a.a, 0), a.row(a.b, 0)
	for s := range c {
		ds, ns := a.row(a.a, 1+s), a.row(a.b, 1+s)
		for t := range s + 1 {
			if order < 2 {
				break
			}
			st := a.pair(t, s)
			dt, nt := a.row(a.a, 1+t), a.row(a.b, 1+t)
			dst, nst := a.row(a.a, st), a.row(a.b, st)
			for i := range k {
				j := k - i
				x := nst[k].mul(d[j]).add(ns[k].mul(dt[j])).add(nt[k].mul(ds[j])).add(n[k].mul(dst[j]))
				nst[i] = nst[i].sub(x)
			}
		}
	}
	for s := range c {
		ds, ns := a.row(a.a, 1+s), a.row(a.b, 1+s)
		for i := range k {
			ns[i] = ns[i].sub(ns[k].mul(d[k-i]).add(n[k].mul(ds[k-i])))
		}
	}
	for i := range k {
		n[i] = n[i].sub(n[k].mul(d[k-i]))
	}
}

// stepD makes the next D, and exchanges both.
func (a *armaAverage) stepD(k int, w twofold, c, order int) {
	d, next := a.row(a.a, 0), a.row(a.next, 0)
	r := d[k]
	for i := range k {
		next[i] = d[i].sub(r.mul(d[k-i])).div(w)
	}
	for s := range c {
		ds, ns := a.row(a.a, 1+s), a.row(a.next, 1+s)
		for i := range k {
			x := ds[i].sub(ds[k].mul(d[k-i])).sub(r.mul(ds[k-i]))
			ns[i] = x.sub(next[i].mul(a.wide[1+s])).div(w)
		}
		for t := range s + 1 {
			if order < 2 {
				break
			}
			st := a.pair(t, s)
			dt, nt, dst, nst := a.row(a.a, 1+t), a.row(a.next, 1+t), a.row(a.a, st), a.row(a.next, st)
			for i := range k {
				j := k - i
				x := dst[i].sub(dst[k].mul(d[j])).sub(ds[k].mul(dt[j])).sub(dt[k].mul(ds[j])).sub(r.mul(dst[j]))
				x = x.sub(nt[i].mul(a.wide[1+s])).sub(ns[i].mul(a.wide[1+t])).sub(next[i].mul(a.wide[st]))
				nst[i] = x.div(w)
			}
		}
	}
	a.a, a.next = a.next, a.a
}

// An armaGap is what beside S is in the divergence.
type armaGap struct {
	v, rho, excess float64 // σ², ϱ, ϱ − 1 − log ϱ
	dmu, gain      float64 // μ − μ₀, φ(1)/θ(1)
	th1            float64 // θ(1)
}

// gap reads θ, false outside the domain.
func (a *armaAverage) gap(theta []float64) (g armaGap, ok bool) {
	m := a.m
	phi, th, mean, v := m.split(theta)
	var k [maxARMAOrder]float64
	if !(v > 0) || math.IsInf(v, 1) || math.IsNaN(mean) || math.IsInf(mean, 0) ||
		partialsOf(k[:m.p], phi, 1) > 0 || partialsOf(k[:m.q], th, -1) > 0 {
		return g, false
	}
	log := math.Log(a.v / v)
	if math.Abs(a.v-v) < v/2 {
		log = math.Log1p((a.v - v) / v)
	}
	g = armaGap{v: v, rho: a.v / v, excess: excess(log), dmu: mean - a.mean, gain: m.meanGain(phi, th), th1: 1}
	for _, x := range th {
		g.th1 += x
	}
	for i := range a.g {
		a.g[i] = -1 / g.th1
		if i >= m.p {
			a.g[i] *= g.gain
		}
	}
	return g, true
}

func (a *armaAverage) kl(g armaGap) float64 {
	d := g.dmu * g.gain
	return (g.excess + g.rho*a.s[0].hi + d*d/g.v) / 2
}

// Divergence implements Averaged.
func (a *armaAverage) Divergence(theta []float64) (kl, errBound float64) {
	g, ok := a.gap(theta)
	if !ok {
		return math.Inf(1), 0
	}
	a.variance(theta, 0)
	return a.kl(g), 0
}

// LogLik implements Likelihood.
func (a *armaAverage) LogLik(theta []float64) float64 {
	kl, _ := a.Divergence(theta)
	return a.best() - kl
}

// best is the expected log-likelihood at the truth.
func (a *armaAverage) best() float64 { return -halfLog2Pi - 0.5 - math.Log(a.v)/2 }

// Terms implements Likelihood.
func (a *armaAverage) Terms(dst, theta []float64) {
	checkLen(len(dst), 1)
	dst[0] = a.LogLik(theta)
}

// Score implements Scorer.
func (a *armaAverage) Score(dst, theta []float64) float64 {
	checkLen(len(dst), len(a.m.params))
	g, ok := a.gap(theta)
	if !ok {
		return math.Inf(-1)
	}
	a.variance(theta, 1)
	d := g.dmu * g.gain
	c := a.coefs()
	for s := range c {
		dst[s] = -(g.rho*a.s[1+s].hi/2 + g.dmu*d*a.g[s]/g.v)
	}
	if a.m.set.Mean {
		dst[c] = -d * g.gain / g.v
		c++
	}
	if a.m.set.Var == 0 {
		dst[c] = (g.rho*a.s[0].hi - (g.v-a.v)/g.v + d*d/g.v) / (2 * g.v)
	}
	return a.best() - a.kl(g)
}

// Hess implements Hesser.
func (a *armaAverage) Hess(dst *mat.SymDense, theta []float64) {
	checkSym(dst, len(a.m.params))
	g, ok := a.gap(theta)
	if !ok {
		fillSym(dst, math.NaN())
		return
	}
	a.variance(theta, 2)
	c, p := a.coefs(), a.m.p
	d2 := g.dmu * g.dmu
	for s := range c {
		for t := s; t < c; t++ {
			curve := 0.0 // ∂²(φ(1)/θ(1))
			switch {
			case s >= p:
				curve = 2 * g.gain / (g.th1 * g.th1)
			case t >= p:
				curve = 1 / (g.th1 * g.th1)
			}
			dst.SetSym(s, t, -(g.rho*a.s[a.pair(s, t)].hi/2 + d2*(a.g[s]*a.g[t]+g.gain*curve)/g.v))
		}
	}
	if a.m.set.Mean {
		for s := range c {
			dst.SetSym(s, c, -2*g.dmu*g.gain*a.g[s]/g.v)
		}
		dst.SetSym(c, c, -g.gain*g.gain/g.v)
	}
	if a.m.set.Var != 0 {
		return
	}
	last := len(a.m.params) - 1
	for s := range c {
		dst.SetSym(s, last, (g.rho*a.s[1+s].hi/2+d2*g.gain*a.g[s]/g.v)/g.v)
	}
	if a.m.set.Mean {
		dst.SetSym(c, last, g.dmu*g.gain*g.gain/(g.v*g.v))
	}
	dst.SetSym(last, last, -(g.rho*a.s[0].hi+g.rho-0.5+d2*g.gain*g.gain/g.v)/(g.v*g.v))
}

func (a *armaAverage) Model() Model { return a.m }
func (a *armaAverage) N() int       { return 1 }

// Met implements Averaged.
func (a *armaAverage) Met() bool { return true }
