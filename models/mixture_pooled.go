package models

import (
	"math"

	"github.com/neuromanifold/neuromanifold/internal/vec"
)

// A FreeScorer computes the score in the free coordinates of the model's
// Unconstrainer at less than the cost of FromFree, Score and PullScore.
type FreeScorer interface {
	// ScoreFree fills g (d) with ∂ℓ/∂u at the free coordinates u, and returns ℓ; -Inf
	// outside the domain, with g undefined. Both are those of Score to rounding.
	ScoreFree(g, u []float64) (loglik float64)
}

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
	mid, delta := (mu1+mu2)/2, (mu1-mu2)/2
	// For means that are further apart, log p is a small difference of large terms.
	const far = 8 // standard deviations
	if !(delta*delta <= far*far*v) {
		m.FromFree(l.theta, u)
		ll := l.Score(l.s, l.theta)
		m.PullScore(g, u, l.s)
		return ll
	}
	h, n := 1/v, float64(l.z.N)
	log, r, re, pi := vec.Logit{Odds: u[0], Slope: 2 * delta * h, Mid: mid}.Sums(l.z.V)
	shift := l.centre - mu2
	e := l.s1 + n*shift        // Σ (y − μ₂)
	q := l.s2 + shift*(l.s1+e) // its squares
	g[0] = r - n*pi
	g[1] = (re - delta*r) * h * slope1
	g[2] = (e - re - delta*r) * h * slope2
	if m.blocks > 0 {
		g[3] = ((q-4*delta*re)*h - n) / 2
	}
	return noNaN(n*logNorm - q*h/2 + log)
}
