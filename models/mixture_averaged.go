package models

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// Average implements Averager in one dimension by adaptive quadrature, under a truth
// that is a mixture or a contaminated normal. It halves its panels where the student
// asks for it, so that its accuracy does not depend on how narrow or how far away the
// components of the student are.
func (m *Mixture) Average(truth Model, at []float64) (Averaged, Route) {
	c := lineTruth(truth, at)
	if m.dim != 1 || c == nil {
		return nil, Quadrature
	}
	return newMixAverage(m, c), Quadrature
}

// lineTruth returns the components of a mixture on the line, nil for another law.
func lineTruth(truth Model, at []float64) *mixComponents {
	m, ok := truth.(*Mixture)
	if t, contaminated := truth.(*Contaminated); contaminated {
		m, at, ok = t.mixture(), []float64{at[0], at[1], 0}, true
	}
	if !ok || m.dim != 1 {
		return nil
	}
	c := m.newComponents()
	if !c.set(at) {
		return nil
	}
	return c
}

const (
	// The score is what flows follow, to 1e-8 at best. The bound is that of the rule of
	// 10 points; the one of 21, which is used, has about twice the digits.
	averageScoreTol = 1e-9
	averageLossTol  = 1e-12
	// averageShort is the error, relative to scale, at which the quadrature has failed.
	averageShort = 1e-6
	// averageRare is the weight below which ∫ p₀ φ_j/p may have mass where p₀ has none.
	averageRare = 1e-12
)

// A mixAverage is the expected log-likelihood of a mixture under a law on the line. It
// owns scratch.
type mixAverage struct {
	l       *mixLike // of no data: components, kernels and moments
	q, far  *lineQuad
	tiny    bool
	beyond  float64 // mass of the truth where no panel is
	met     bool
	pt      *mixPoint
	hess    []float64 // d×d
	hs      []float64 // d
	moments func(b *lineBlock, n int)
	excess  func(b *lineBlock, n int)
}

func newMixAverage(m *Mixture, truth *mixComponents) *mixAverage {
	d := len(m.params)
	n := 4*m.k + 1
	a := &mixAverage{q: newLineQuad(truth, lineReach, n), far: newLineQuad(truth, lineFar, n), pt: m.newPoint(), hess: make([]float64, d*d), hs: make([]float64, d), met: true}
	// The variance floor of EM is relative to the variance of the truth.
	var mean, variance float64
	for j, w := range truth.w {
		mean += w * truth.mu[j]
	}
	for j, w := range truth.w {
		variance += w * (truth.cov[j] + (truth.mu[j]-mean)*(truth.mu[j]-mean))
	}
	s := &mixScale{mean: []float64{mean}, cov: []float64{variance}, chol: []float64{math.Sqrt(variance)}, floor: m.floor}
	a.l = m.newLike(nil, nil, s)
	a.beyond = a.q.outside(truth)
	a.moments, a.excess = a.momentRows, a.excessRows
	return a
}

// momentRows fills for every component of the student its responsibility r, r e and
// r e², e in its standard deviations, and then log p; and φ_j/p after it where a weight
// is tiny.
func (a *mixAverage) momentRows(b *lineBlock, n int) {
	l := a.l
	l.fill(b.y[:n], n)
	responsibilities(l.l, l.m.k, n, l.top, l.sum)
	for j := range l.m.k {
		r := l.l[j*mixBlock : j*mixBlock+n]
		f0, f1, f2 := b.f[3*j*mixBlock:], b.f[(3*j+1)*mixBlock:], b.f[(3*j+2)*mixBlock:]
		f0, f1, f2 = f0[:n], f1[:n], f2[:n]
		mu, inv := l.mu[j], 1/l.chol[j]
		for t, p := range r {
			e := (b.y[t] - mu) * inv
			f0[t], f1[t], f2[t] = p, p*e, p*e*e
		}
	}
	logp := b.f[3*l.m.k*mixBlock:]
	for t := range n {
		logp[t] = l.top[t] + math.Log(l.sum[t])
	}
	if a.tiny {
		for j := range l.m.k {
			g := b.f[(3*l.m.k+1+j)*mixBlock:][:n]
			l.logDensity(g, b.y[:n], j, l.lognorm[j], l.t)
			for t := range g {
				g[t] = math.Exp(g[t] - logp[t])
			}
		}
	}
}

// excessRows fills r − 1 − log r ≥ 0 with r = p/p₀, and a bound of what rounding makes
// of it: of the log-densities, and of the nodes, with slopes from one node to the next.
func (a *mixAverage) excessRows(b *lineBlock, n int) {
	const eps = 0x1p-52
	l := a.l
	l.fill(b.y[:n], n)
	mixLogSum(l.l, l.m.k, n, l.top, l.sum)
	for t := range n {
		logp := l.top[t] + math.Log(l.sum[t])
		x := logp - b.logp0[t]
		b.f[t] = excess(x)
		nu := 2 * eps * (2 + math.Abs(logp) + math.Abs(b.logp0[t]))
		b.f[mixBlock+t] = (math.Abs(math.Expm1(x)) + nu) * nu
		l.logp[t] = x
	}
	for t := range n {
		s := t - 1
		if t%linePoints == 0 {
			s = t + 1
		}
		dy := math.Abs(b.y[t] - b.y[s])
		slope := math.Abs(b.logp0[t]-b.logp0[s])*b.f[t] + math.Abs((l.logp[t]-l.logp[s])*math.Expm1(l.logp[t]))
		b.f[mixBlock+t] += eps * math.Abs(b.y[t]) * slope / dy
	}
}

// excess is e^x − 1 − x ≥ 0, by its series where the difference would cancel.
func excess(x float64) float64 {
	if math.Abs(x) < 0.02 {
		return x * x * (1./2 + x*(1./6+x*(1./24+x*(1./120+x*(1./720+x/5040)))))
	}
	return math.Expm1(x) - x
}

// set takes θ in.
func (a *mixAverage) set(theta []float64) bool {
	checkLen(len(theta), len(a.l.m.params))
	return a.l.set(theta)
}

// integrate fills the moments of a.l at the θ that was set, and returns E log p, which
// may be NaN.
func (a *mixAverage) integrate() float64 {
	l, q := a.l, a.panels()
	k := l.m.k
	n := 3*k + 1
	a.tiny = false
	for j, w := range l.mixComponents.w {
		q.size[3*j], q.size[3*j+1], q.size[3*j+2] = w, w, w
		q.size[n+j] = 1
		a.tiny = a.tiny || w < tinyWeight
	}
	q.size[n-1] = 1
	if a.tiny {
		n += k
	}
	q.run(l.mixComponents, n, averageScoreTol, 0, a.moments)
	for j := range k {
		sd := l.chol[j]
		l.acc[3*j], l.acc[3*j+1], l.acc[3*j+2] = q.total[3*j], sd*q.total[3*j+1], sd*sd*q.total[3*j+2]
		if a.tiny {
			l.ratio[j] = q.total[3*k+1+j]
		}
	}
	a.judge(q, n)
	if a.tiny {
		a.judgeEnds(q)
	}
	return q.total[3*k]
}

// panels returns those for the moments at the θ that was set.
func (a *mixAverage) panels() *lineQuad {
	if slices.Min(a.l.mixComponents.w) < averageRare {
		return a.far
	}
	return a.q
}

// judge notes whether the first n integrals are good.
func (a *mixAverage) judge(q *lineQuad, n int) {
	a.met = true
	if !q.short {
		return
	}
	for i := range n {
		a.met = a.met && q.bound[i] <= averageShort*q.now[i]
	}
}

// judgeEnds is for ∫ p₀ φ_j/p, which may have its mass beyond all panels, or none.
func (a *mixAverage) judgeEnds(q *lineQuad) {
	k, b := a.l.m.k, &q.block
	for i, y := range q.ends {
		b.y[0] = y
		b.density(q.truth, b.y[:1], b.logp0, b.p0)
		a.moments(b, 1)
		scale := q.ends[i|1] - q.ends[i&^1]
		for j := range k {
			row := 3*k + 1 + j
			a.met = a.met && b.p0[0]*b.f[row*mixBlock]*scale <= averageShort*q.now[row]
		}
	}
}

// Met implements Averaged.
func (a *mixAverage) Met() bool { return a.met }

// Divergence implements Averaged. With r = p/p₀ it integrates r − 1 − log r, which has
// no negative values, so that it has a small relative error down to 1e-20 or so. Where
// no panel is, it takes the mass of the student in closed form.
func (a *mixAverage) Divergence(theta []float64) (kl, errBound float64) {
	if !a.set(theta) {
		return math.Inf(1), 0
	}
	q := a.q
	clear(q.size[:2])
	q.run(a.l.mixComponents, 2, averageLossTol, 1, a.excess)
	kl = q.total[0] + max(0, q.outside(a.l.mixComponents)-a.beyond)
	if math.IsNaN(kl) || math.IsInf(kl, 0) {
		return math.Inf(1), 0
	}
	a.judge(q, 1)
	// What is left out: −log r there is not far from what it is at the ends.
	return kl, q.bound[0] + q.total[1] + q.bound[1] + 4*a.beyond*(1+a.edge())
}

// edge is the largest |log r| at the ends of the intervals.
func (a *mixAverage) edge() float64 {
	b, l, most := &a.q.block, a.l, 0.0
	for _, y := range a.q.ends {
		b.y[0] = y
		b.density(a.q.truth, b.y[:1], b.logp0, b.p0)
		l.fill(b.y[:1], 1)
		mixLogSum(l.l, l.m.k, 1, l.top, l.sum)
		most = max(most, math.Abs(l.top[0]+math.Log(l.sum[0])-b.logp0[0]))
	}
	return most
}

// LogLik implements Likelihood.
func (a *mixAverage) LogLik(theta []float64) float64 {
	if !a.set(theta) {
		return math.Inf(-1)
	}
	return noNaN(a.integrate())
}

// Terms implements Likelihood.
func (a *mixAverage) Terms(dst, theta []float64) {
	checkLen(len(dst), 1)
	dst[0] = a.LogLik(theta)
}

// Score implements Scorer.
func (a *mixAverage) Score(dst, theta []float64) float64 {
	checkLen(len(dst), len(a.l.m.params))
	if !a.set(theta) {
		return math.Inf(-1)
	}
	ll := a.integrate()
	a.l.scoreFromMoments(dst)
	return noNaN(ll)
}

// EMStep implements EMStepper: the step of infinitely many observations.
func (a *mixAverage) EMStep(dst, theta []float64) float64 {
	checkLen(len(dst), len(a.l.m.params))
	copy(dst, theta)
	if !a.set(theta) {
		return math.Inf(-1)
	}
	ll := a.integrate()
	if math.IsNaN(ll) || math.IsInf(ll, 0) {
		return noNaN(ll)
	}
	a.l.mstep(dst, theta)
	return ll
}

// Hess implements Hesser on the panels of the score.
func (a *mixAverage) Hess(dst *mat.SymDense, theta []float64) {
	d := len(a.l.m.params)
	checkSym(dst, d)
	if !a.set(theta) || !a.pt.set(theta) {
		fillSym(dst, math.NaN())
		return
	}
	q := a.panels()
	q.keep = true
	a.integrate()
	q.keep = false
	clear(a.hess)
	for i, w := range q.nodeW {
		if w == 0 {
			continue
		}
		a.pt.at(q.nodeY[i : i+1])
		a.pt.addHess(a.hess, a.hs, w)
	}
	for i := range d {
		for j := i; j < d; j++ {
			dst.SetSym(i, j, a.hess[i*d+j])
		}
	}
}

func (a *mixAverage) Model() Model { return a.l.m }
func (a *mixAverage) N() int       { return 1 }
