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
	clear(l.acc)
	for lo := 0; lo < l.z.N; lo += mixBlock {
		hi := min(lo+mixBlock, l.z.N)
		l.estep(l.z.V[lo*d:hi*d], hi-lo, l.blockWeights(lo, hi), false)
	}
	for j := range dst {
		dst[j] = l.acc[j*(1+d+m.nTri)]
	}
}
