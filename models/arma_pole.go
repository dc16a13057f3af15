package models

import "math"

// A PoleProfiler is the likelihood of a series whose autoregressive part has a root
// that a root of the moving-average part can cancel.
type PoleProfiler interface {
	Likelihood
	// NearestPair returns the real reciprocal roots of the AR and of the MA polynomial
	// at θ that lie nearest to each other; false if either has no real root.
	NearestPair(theta []float64) (pole, zero float64, ok bool)
	// WithPole returns the likelihood of the members with one real AR root.
	WithPole() *ARMAWithPole
}

// An ARMAWithPole is the likelihood of the ARMA(p, q) processes that have one
// reciprocal AR root at Pole, as a function of the rest: the coordinates are those
// of an ARMA(p−1, q), whose AR polynomial is multiplied by 1 − Pole z. It shares
// scratch with the likelihood that it comes from.
type ARMAWithPole struct {
	Pole  float64 // in (−1, 1)
	l     *ARMALikelihood
	sub   *ARMA
	theta []float64 // d of the whole
	s     []float64 // d
}

// WithPole implements PoleProfiler; the pole is at 0. It panics if p or q is 0.
func (l *ARMALikelihood) WithPole() *ARMAWithPole {
	if l.m.p == 0 || l.m.q == 0 {
		panic("models: a pole to cancel needs p ≥ 1 and q ≥ 1")
	}
	sub, err := NewARMA(l.m.p-1, l.m.q, l.m.set)
	if err != nil {
		panic("models: " + err.Error()) // the settings are those of a model that exists
	}
	d := len(l.m.params)
	return &ARMAWithPole{l: l, sub: sub, theta: make([]float64, d), s: make([]float64, d)}
}

// NearestPair implements PoleProfiler.
func (l *ARMALikelihood) NearestPair(theta []float64) (pole, zero float64, ok bool) {
	phi, th, _, _ := l.m.split(theta)
	if len(phi) == 0 || len(th) == 0 || CheckTheta(l.m, theta) != nil {
		return 0, 0, false
	}
	gap := math.Inf(1)
	for _, a := range realFactors(phi, 1) {
		for _, b := range realFactors(th, -1) {
			if len(a.coef) != 1 || len(b.coef) != 1 {
				continue
			}
			x, y := -a.coef[0], -b.coef[0]
			if g := math.Abs(x - y); g < gap {
				pole, zero, gap, ok = x, y, g, true
			}
		}
	}
	return pole, zero, ok
}

// Divide fills rest with the coordinates of θ without its root pole. Where zero is
// not NaN it first moves the MA root zero to Pole: the two then cancel, and the law is
// that of θ without the pair.
func (l *ARMAWithPole) Divide(rest, theta []float64, pole, zero float64) {
	checkLen(len(rest), len(l.sub.params))
	phi, th, _, _ := l.l.m.split(theta)
	p, q := l.l.m.p, l.l.m.q
	copy(rest[p-1:], theta[p:])
	copy(rest, cofactor(phi, []float64{-pole}, 1))
	if !math.IsNaN(zero) {
		b := rest[p-1 : p-1+q]
		b[copy(b, cofactor(th, []float64{-zero}, -1))] = 0
		multiply(b, q-1, []float64{-l.Pole}, 1)
	}
}

// Expand fills theta with the coordinates of the ARMA(p, q).
func (l *ARMAWithPole) Expand(theta, rest []float64) {
	checkLen(len(rest), len(l.sub.params))
	p := l.l.m.p
	copy(theta[p:], rest[p-1:])
	copy(theta, rest[:p-1])
	theta[p-1] = 0
	multiply(theta[:p], p-1, []float64{-l.Pole}, -1)
}

// Model returns the family whose coordinates are used, ARMA(p−1, q).
func (l *ARMAWithPole) Model() Model { return l.sub }

// N returns the length of the series.
func (l *ARMAWithPole) N() int { return l.l.N() }

// LogLik returns ℓ, -Inf outside the domain.
func (l *ARMAWithPole) LogLik(rest []float64) float64 {
	l.Expand(l.theta, rest)
	return l.l.LogLik(l.theta)
}

// Terms fills dst (n) with the terms of ℓ.
func (l *ARMAWithPole) Terms(dst, rest []float64) {
	l.Expand(l.theta, rest)
	l.l.Terms(dst, l.theta)
}

// Score fills dst with the score and returns ℓ: φ_i = a_i − Pole a_{i−1} with a_0 = −1.
func (l *ARMAWithPole) Score(dst, rest []float64) float64 {
	checkLen(len(dst), len(l.sub.params))
	l.Expand(l.theta, rest)
	ll := l.l.Score(l.s, l.theta)
	p := l.l.m.p
	for i := range p - 1 {
		dst[i] = l.s[i] - l.Pole*l.s[i+1]
	}
	copy(dst[p-1:], l.s[p:])
	return ll
}
