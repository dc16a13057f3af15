package models

import "math"

// The free coordinates of a mixture are log(π_i/π_K); the means, or artanh(μ/Bound)
// where there is a bound; the logarithms of variances; and of a full covariance
// the lower Cholesky factor, with logarithms on its diagonal, L_{ba} in the place
// of Σ_{ab}. The floor depends on the data, so that a maximiser in these
// coordinates can pass below it: Floored then names the coordinate.

// freeEdge keeps points of the boundary finite.
const (
	freeTiny = 1e-300
	freeEdge = 1 - 1e-15
)

// ToFree fills dst (d) with the free coordinates of θ. A point on the boundary is
// moved inside by less than rounding.
func (m *Mixture) ToFree(dst, theta []float64) {
	checkLen(len(dst), len(m.params))
	checkLen(len(theta), len(m.params))
	last := 1.0
	for _, w := range theta[:m.k-1] {
		last -= w
	}
	base := math.Log(max(last, freeTiny))
	for i, w := range theta[:m.k-1] {
		dst[i] = math.Log(max(w, freeTiny)) - base
	}
	for i := m.mean0; i < m.var0; i++ {
		dst[i] = theta[i]
		if !math.IsInf(m.bound, 1) {
			dst[i] = math.Atanh(min(max(theta[i]/m.bound, -freeEdge), freeEdge))
		}
	}
	if !m.fullBlocks() {
		for i := m.var0; i < len(theta); i++ {
			dst[i] = math.Log(max(theta[i], freeTiny))
		}
		return
	}
	d := m.dim
	cov, l := make([]float64, d*d), make([]float64, d*d)
	for j := range m.blocks {
		m.covariance(cov, theta, j)
		cholesky(l, cov, d)
		t := m.var0 + j*m.perVar
		for a := range d {
			dst[t] = math.Log(max(l[a*d+a], freeTiny))
			t++
			for b := a + 1; b < d; b++ {
				dst[t] = l[b*d+a]
				t++
			}
		}
	}
}

// fullBlocks says whether the blocks are covariances with off-diagonal entries.
func (m *Mixture) fullBlocks() bool {
	return m.dim > 1 && (m.variance == VarFree || m.variance == VarTied)
}

// FromFree fills dst (d) with θ.
func (m *Mixture) FromFree(dst, free []float64) {
	checkLen(len(dst), len(m.params))
	checkLen(len(free), len(m.params))
	m.softmaxWeights(dst, free)
	for i := m.mean0; i < m.var0; i++ {
		dst[i] = free[i]
		if !math.IsInf(m.bound, 1) {
			dst[i] = m.bound * math.Tanh(free[i])
		}
	}
	if !m.fullBlocks() {
		for i := m.var0; i < len(dst); i++ {
			dst[i] = math.Exp(free[i])
		}
		return
	}
	d := m.dim
	for j := range m.blocks {
		f, out := free[m.var0+j*m.perVar:], dst[m.var0+j*m.perVar:]
		t := 0
		for a := range d {
			for b := a; b < d; b++ {
				var s float64
				for c := range a + 1 {
					s += m.factorEntry(f, a, c) * m.factorEntry(f, b, c)
				}
				out[t] = s
				t++
			}
		}
	}
}

// softmaxWeights fills the weights of dst.
func (m *Mixture) softmaxWeights(dst, free []float64) {
	top := 0.0
	for _, f := range free[:m.k-1] {
		top = max(top, f)
	}
	exp := func(x float64) float64 {
		if x == 0 { // that of the largest
			return 1
		}
		return math.Exp(x)
	}
	sum := exp(-top)
	for i, f := range free[:m.k-1] {
		dst[i] = exp(f - top)
		sum += dst[i]
	}
	for i := range m.k - 1 {
		dst[i] /= sum
	}
}

// factorEntry is L_{ba} (a ≤ b) of a block of free coordinates.
func (m *Mixture) factorEntry(block []float64, b, a int) float64 {
	if a > b {
		return 0
	}
	x := block[a*m.dim-a*(a-1)/2+b-a]
	if a == b {
		return math.Exp(x)
	}
	return x
}

// PullScore applies the chain rule at free: dst = (∂θ/∂free)ᵀ score.
func (m *Mixture) PullScore(dst, free, score []float64) {
	checkLen(len(dst), len(m.params))
	checkLen(len(free), len(m.params))
	checkLen(len(score), len(m.params))
	m.softmaxWeights(dst, free)
	var mean float64
	for i := range m.k - 1 {
		mean += dst[i] * score[i]
	}
	for i := range m.k - 1 {
		dst[i] *= score[i] - mean
	}
	for i := m.mean0; i < m.var0; i++ {
		dst[i] = score[i]
		if !math.IsInf(m.bound, 1) {
			t := math.Tanh(free[i])
			dst[i] *= m.bound * (1 - t*t)
		}
	}
	if !m.fullBlocks() {
		for i := m.var0; i < len(dst); i++ {
			dst[i] = score[i] * math.Exp(free[i])
		}
		return
	}
	// dℓ = tr(G dΣ) with G_aa = s_aa, G_ab = s_ab/2, and dΣ = dL Lᵀ + L dLᵀ:
	// ∂ℓ/∂L = 2GL on and below the diagonal.
	d := m.dim
	at := func(a, b int) int { // place of Σ_ab
		a, b = min(a, b), max(a, b)
		return a*d - a*(a-1)/2 + b - a
	}
	for j := range m.blocks {
		f, s, out := free[m.var0+j*m.perVar:], score[m.var0+j*m.perVar:], dst[m.var0+j*m.perVar:]
		for a := range d {
			for b := a; b < d; b++ {
				var g float64 // (GL)_{ba}
				for c := a; c < d; c++ {
					x := s[at(b, c)]
					if b != c {
						x /= 2
					}
					g += x * m.factorEntry(f, c, a)
				}
				g *= 2
				if a == b {
					g *= m.factorEntry(f, a, a)
				}
				out[at(a, b)] = g
			}
		}
	}
}
