package models

import "math"

// Components returns K.
func (l *mixLike) Components() int { return l.m.k }

// Holdings fills dst (K) with Σ_t w_t P(component | y_t), NaN outside the
// domain.
func (l *mixLike) Holdings(dst, theta []float64) {
	m, d := l.m, l.m.dim
	checkLen(len(theta), len(m.params))
	checkLen(len(dst), m.k)
	if !l.set(theta) {
		for j := range dst {
			dst[j] = math.NaN()
		}
		return
	}
	l.moments(false)
	for j := range dst {
		dst[j] = l.acc[j*(1+d+m.nTri)]
	}
}
