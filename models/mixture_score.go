package models

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// Score computes the score by Fisher's identity: the expected score of the
// complete data.
func (l *mixLike) Score(dst, theta []float64) float64 {
	return l.score(dst, theta, nil)
}

// BatchScore is Score over the given rows, unweighted terms repeated as often as
// their index.
func (l *mixLike) BatchScore(dst, theta []float64, rows []int) float64 {
	if rows == nil {
		rows = []int{}
	}
	return l.score(dst, theta, rows)
}

func (l *mixLike) score(dst, theta []float64, rows []int) float64 {
	checkLen(len(theta), len(l.m.params))
	checkLen(len(dst), len(l.m.params))
	if !l.set(theta) {
		return math.Inf(-1)
	}
	clear(l.ratio)
	tiny := slices.Min(l.mixComponents.w) < tinyWeight
	d := l.m.dim
	var ll float64
	if rows == nil {
		ll = l.moments(tiny)
	} else {
		clear(l.acc)
		for lo := 0; lo < len(rows); lo += mixBlock {
			part := rows[lo:min(lo+mixBlock, len(rows))]
			for i, r := range part {
				copy(l.y[i*d:(i+1)*d], l.z.V[r*d:(r+1)*d])
			}
			var w []float64
			if l.w != nil {
				w = l.batchW[:len(part)]
				for i, r := range part {
					w[i] = l.w[r]
				}
			}
			ll += l.estep(l.y, len(part), w, tiny)
		}
	}
	l.scoreFromMoments(dst)
	return noNaN(ll)
}

// scoreFromMoments turns l.acc into the score.
func (l *mixLike) scoreFromMoments(dst []float64) {
	m, d := l.m, l.m.dim
	step := 1 + d + m.nTri
	clear(dst)
	for j, pi := range l.mixComponents.w {
		if pi >= tinyWeight {
			l.ratio[j] = l.acc[j*step] / pi
		}
	}
	for i := range m.k - 1 {
		dst[i] = l.ratio[i] - l.ratio[m.k-1]
	}
	for j := range m.k {
		acc := l.acc[j*step : (j+1)*step]
		chol := l.chol[j*d*d : (j+1)*d*d]
		mu := dst[m.mean0+j*d : m.mean0+(j+1)*d]
		if d == 1 {
			v := l.cov[j]
			mu[0] = acc[1] / v
			if m.blocks > 0 {
				dst[m.var0+min(j, m.blocks-1)] += (acc[2]/v - acc[0]) / (2 * v)
			}
			continue
		}
		copy(mu, acc[1:1+d])
		cholSolve(chol, mu, d)
		// ½(Σ⁻¹ S Σ⁻¹ − s₀ Σ⁻¹) = ½ Σ⁻¹ (S − s₀Σ) Σ⁻¹; the second form loses
		// nothing where S is close to s₀Σ.
		t := 1 + d
		for a := range d {
			for b := a; b < d; b++ {
				x := acc[t] - acc[0]*l.cov[j*d*d+a*d+b]
				l.s1[a*d+b], l.s1[b*d+a] = x, x
				t++
			}
		}
		for a := range d {
			cholSolve(chol, l.s1[a*d:(a+1)*d], d)
		}
		transposeSquare(l.s1, d)
		for a := range d {
			cholSolve(chol, l.s1[a*d:(a+1)*d], d)
		}
		m.addVarianceScore(dst, l.s1, j, 0.5)
	}
}

// addVarianceScore adds c·tr(G ∂Σ_j/∂θ) to the variance coordinates of dst.
func (m *Mixture) addVarianceScore(dst, g []float64, j int, c float64) {
	if m.blocks == 0 {
		return
	}
	d := m.dim
	out := dst[m.var0+min(j, m.blocks-1)*m.perVar:]
	switch m.variance {
	case VarDiag:
		for a := range d {
			out[a] += c * g[a*d+a]
		}
	case VarSpherical:
		for a := range d {
			out[0] += c * g[a*d+a]
		}
	default:
		t := 0
		for a := range d {
			out[t] += c * g[a*d+a]
			t++
			for b := a + 1; b < d; b++ {
				out[t] += c * (g[a*d+b] + g[b*d+a])
				t++
			}
		}
	}
}

// cholSolve replaces x by (LLᵀ)⁻¹ x.
func cholSolve(l, x []float64, d int) {
	for a := range d {
		s := x[a]
		for b := range a {
			s -= l[a*d+b] * x[b]
		}
		x[a] = s / l[a*d+a]
	}
	for a := d - 1; a >= 0; a-- {
		s := x[a]
		for b := a + 1; b < d; b++ {
			s -= l[b*d+a] * x[b]
		}
		x[a] = s / l[a*d+a]
	}
}

func transposeSquare(a []float64, d int) {
	for i := range d {
		for j := range i {
			a[i*d+j], a[j*d+i] = a[j*d+i], a[i*d+j]
		}
	}
}

// ScoreTerms fills dst (n×d) with the score of every term.
func (l *mixLike) ScoreTerms(dst *mat.Dense, theta []float64) {
	checkLen(len(theta), len(l.m.params))
	if r, c := dst.Dims(); r != l.z.N || c != len(theta) {
		panic(badShape)
	}
	if !l.pt.set(theta) {
		for i := range l.z.N {
			for j := range theta {
				dst.Set(i, j, math.NaN())
			}
		}
		return
	}
	for i := range l.z.N {
		l.pt.at(l.z.Y(i))
		l.pt.score(dst.RawRowView(i))
	}
}

// tinyWeight is where Σr/π stops being a good way to compute Σ φ/p: the
// responsibility underflows before the weight does.
const tinyWeight = 1e-150

// accumulateRatios adds Σ w φ_j/p of n rows to l.ratio for the components whose
// weight is below tinyWeight.
func (l *mixLike) accumulateRatios(y []float64, n int, w []float64) {
	for i := range n {
		l.logp[i] = l.top[i] + math.Log(l.sum[i])
	}
	for j, pi := range l.mixComponents.w {
		if pi >= tinyWeight {
			continue
		}
		g := l.top[:n] // not needed any more
		l.logDensity(g, y, j, l.lognorm[j], l.t)
		for i, x := range g {
			r := math.Exp(x - l.logp[i])
			if w != nil {
				if w[i] == 0 {
					continue
				}
				r *= w[i]
			}
			l.ratio[j] += r
		}
	}
}
