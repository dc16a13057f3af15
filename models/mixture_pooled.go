package models

import (
	"math"

	"github.com/neuromanifold/neuromanifold/internal/vec"
)

// mixPooled is the likelihood of two univariate components of one variance without
// weights.
//
// The lighter component μ₁ = m + δ is an exponential tilt of the heavier one μ₂ = m − δ:
//
//	log p(y) = −½ log 2πv − (y − μ₂)²/(2v) + log(π₂ + π₁ e^(2δ(y − m)/v))
//
// so that two sums over the data, known from the start, and those of vec.Logit say all.
type mixPooled struct {
	*mixPair
	u, s           []float64 // d, coordinates and a score with the lighter one first
	centre, s1, s2 float64   // Σ (y − centre)^k over the data, k = 1, 2
}

func newMixPooled(l *mixPair) *mixPooled {
	d := len(l.m.params)
	p := &mixPooled{mixPair: l, u: make([]float64, d), s: make([]float64, d), centre: l.scale.mean[0]}
	for _, y := range l.z.V {
		e := y - p.centre
		p.s1 += e
		p.s2 += e * e
	}
	return p
}

// ScoreFree implements FreeScorer.
func (l *mixPooled) ScoreFree(g, u []float64) float64 {
	checkLen(len(u), len(l.u))
	checkLen(len(g), len(l.u))
	if u[0] > 0 {
		copy(l.u, u)
		l.u[0], l.u[1], l.u[2] = -u[0], u[2], u[1]
		ll := l.lighterFirst(g, l.u)
		g[0], g[1], g[2] = -g[0], g[2], g[1]
		return ll
	}
	return l.lighterFirst(g, u)
}

// lighterFirst is ScoreFree for π₁ ≤ π₂.
func (l *mixPooled) lighterFirst(g, u []float64) float64 {
	m := l.m
	mu1, mu2, slope1, slope2 := u[1], u[2], 1.0, 1.0 // the slopes are ∂μ/∂u
	if !math.IsInf(m.bound, 1) {
		a, b := math.Tanh(mu1), math.Tanh(mu2)
		mu1, slope1 = m.bound*a, m.bound*(1-a*a)
		mu2, slope2 = m.bound*b, m.bound*(1-b*b)
	}
	v, logNorm := l.cov[0], l.lognorm[0]
	if m.blocks > 0 {
		v, logNorm = math.Exp(u[3]), -halfLog2Pi-u[3]/2
	}
	if farApart(mu1, mu2, v) {
		m.FromFree(l.theta, u)
		ll := l.mixPair.Score(l.s, l.theta)
		m.PullScore(g, u, l.s)
		return ll
	}
	ll, c := l.pooled(u[0], mu1, mu2, v, logNorm)
	g[0], g[1], g[2] = c.weight, c.mu1*slope1, c.mu2*slope2
	if m.blocks > 0 {
		g[3] = c.logVar
	}
	return ll
}

// Score implements Scorer by the sums of ScoreFree, except for a weight that is 0 or
// nearly, for which the score across the boundary is not in them.
func (l *mixPooled) Score(dst, theta []float64) float64 {
	checkLen(len(theta), len(l.u))
	checkLen(len(dst), len(l.u))
	pi1, pi2 := theta[0], 1-theta[0]
	v := l.cov[0]
	if l.m.blocks > 0 {
		v = theta[3]
	}
	mu1, mu2 := theta[1], theta[2]
	plain := pi1 >= tinyWeight && pi2 >= tinyWeight && math.Abs(mu1) <= l.m.bound && math.Abs(mu2) <= l.m.bound && v > 0
	if !plain || farApart(mu1, mu2, v) {
		return l.mixPair.Score(dst, theta)
	}
	logNorm := l.lognorm[0]
	if l.m.blocks > 0 {
		logNorm = -halfLog2Pi - math.Log(v)/2
	}
	var ll float64
	var c pooledScore
	if pi1 <= pi2 {
		ll, c = l.pooled(math.Log(pi1/pi2), mu1, mu2, v, logNorm)
	} else {
		ll, c = l.pooled(math.Log(pi2/pi1), mu2, mu1, v, logNorm)
		c.weight, c.mu1, c.mu2 = -c.weight, c.mu2, c.mu1
	}
	dst[0], dst[1], dst[2] = c.weight/(pi1*pi2), c.mu1, c.mu2
	if l.m.blocks > 0 {
		dst[3] = c.logVar / v
	}
	return ll
}

// farApart says whether the means are so far apart that log p is a small difference of
// large terms in pooled, or not a number.
func farApart(mu1, mu2, v float64) bool {
	const far = 16 // standard deviations
	d := mu1 - mu2
	return !(d*d <= far*far*v)
}

// A pooledScore holds ∂ℓ by the log-odds of the lighter component, both means and the
// logarithm of the variance.
type pooledScore struct{ weight, mu1, mu2, logVar float64 }

// pooled returns ℓ and the score for odds log π₁/π₂ ≤ 0, means that are not far apart
// and a variance v with log (2πv)^−½.
func (l *mixPooled) pooled(odds, mu1, mu2, v, logNorm float64) (ll float64, c pooledScore) {
	mid, delta := (mu1+mu2)/2, (mu1-mu2)/2
	h, n := 1/v, float64(l.z.N)
	log, r, re, pi := vec.Logit{Odds: odds, Slope: 2 * delta * h, Mid: mid}.Sums(l.z.V)
	shift := l.centre - mu2
	e := l.s1 + n*shift        // Σ (y − μ₂)
	q := l.s2 + shift*(l.s1+e) // its squares
	c.weight = r - n*pi
	c.mu1 = (re - delta*r) * h
	c.mu2 = (e - re - delta*r) * h
	c.logVar = ((q-4*delta*re)*h - n) / 2
	return noNaN(n*logNorm - q*h/2 + log), c
}
