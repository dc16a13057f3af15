package dynamics

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// A committeeNatural applies the inverse Fisher information of a soft committee
// machine. Its blocks
//
//	G_ij = E[φ′_i φ′_j xxᵀ] = e_ij I + aa J_iJ_iᵀ + ab (J_iJ_jᵀ + J_jJ_iᵀ) + bb J_jJ_jᵀ
//
// map a vector to a multiple of itself plus students. With D_i = Σ_n q_in B_n +
// Σ_a p_ia J_a the solution of G Y = D therefore has teacher part θq, θ = e⁻¹, and a
// student part y that solves K² linear equations; off the students G⁻¹ is θ, which
// is all that the fluctuating part x of a step sees for N → ∞, so that E[δδᵀ]
// becomes θE[δδᵀ]θ. (In other words in Rattray, Saad and Amari 1998; the reduction
// to K² equations is derived here.)
type committeeNatural struct {
	k, m  int
	theta *mat.Dense // K×K
	e     *mat.Dense
	tq    *mat.Dense // K×M: θq
	a     *mat.Dense // K²×K²
	y     *mat.Dense // K²×1: right side, then solution
	tmp   *mat.Dense
}

func newCommitteeNatural(k, m int) *committeeNatural {
	return &committeeNatural{
		k: k, m: m, theta: mat.NewDense(k, k, nil), e: mat.NewDense(k, k, nil), tq: mat.NewDense(k, m, nil),
		a: mat.NewDense(k*k, k*k, nil), y: mat.NewDense(k*k, 1, nil), tmp: mat.NewDense(k, k, nil),
	}
}

// prepare fills θ and the matrix of the K² equations at the covariance c; false where
// e is singular to working accuracy.
func (f *committeeNatural) prepare(c *mat.Dense) bool {
	f.theta.Zero()
	for i := range f.k {
		f.theta.Set(i, i, 1)
		for j := range f.k {
			f.e.Set(i, j, slope(c, i, j))
		}
	}
	f.tmp.Copy(f.e)
	if !eliminate(f.tmp, f.theta) {
		return false
	}
	f.a.Zero()
	add := func(i, a, j, b int, v float64) {
		f.a.Set(i*f.k+a, j*f.k+b, f.a.At(i*f.k+a, j*f.k+b)+v)
	}
	for i := range f.k {
		for j := range f.k {
			aa, ab, bb := f.outer(c, i, j)
			for b := range f.k {
				add(i, b, j, b, f.e.At(i, j))
				add(i, i, j, b, aa*c.At(i, b)+ab*c.At(j, b))
				add(i, j, j, b, ab*c.At(i, b)+bb*c.At(j, b))
			}
		}
	}
	return true
}

// outer are the coefficients of J_iJ_iᵀ, J_iJ_jᵀ + J_jJ_iᵀ and J_jJ_jᵀ in G_ij: see
// models.ErfPair.
func (f *committeeNatural) outer(c *mat.Dense, i, j int) (aa, ab, bb float64) {
	d := f.e.At(i, j)
	delta := (2 / math.Pi) * (2 / math.Pi) / (d * d)
	return -d * (1 + c.At(j, j)) / delta, d * c.At(i, j) / delta, -d * (1 + c.At(i, i)) / delta
}

// apply replaces the directions dir (K×(K+M)) by G⁻¹dir, and dd by θ dd θ if asked.
func (f *committeeNatural) apply(dir, dd, c *mat.Dense, noisy bool) bool {
	if !f.prepare(c) {
		return false
	}
	for i := range f.k {
		for n := range f.m {
			v := 0.0
			for j := range f.k {
				v += f.theta.At(i, j) * dir.At(j, f.k+n)
			}
			f.tq.Set(i, n, v)
		}
	}
	for i := range f.k {
		for a := range f.k {
			f.y.Set(i*f.k+a, 0, dir.At(i, a))
		}
	}
	for i := range f.k {
		for j := range f.k {
			// G_ij on the teacher part of Y_j, beyond e_ij.
			var onI, onJ float64
			for n := range f.m {
				onI += f.tq.At(j, n) * c.At(i, f.k+n)
				onJ += f.tq.At(j, n) * c.At(j, f.k+n)
			}
			aa, ab, bb := f.outer(c, i, j)
			f.y.Set(i*f.k+i, 0, f.y.At(i*f.k+i, 0)-aa*onI-ab*onJ)
			f.y.Set(i*f.k+j, 0, f.y.At(i*f.k+j, 0)-ab*onI-bb*onJ)
		}
	}
	if !eliminate(f.a, f.y) {
		return false
	}
	for i := range f.k {
		for a := range f.k {
			dir.Set(i, a, f.y.At(i*f.k+a, 0))
		}
		for n := range f.m {
			dir.Set(i, f.k+n, f.tq.At(i, n))
		}
	}
	if noisy {
		f.tmp.Mul(f.theta, dd)
		dd.Mul(f.tmp, f.theta)
	}
	return true
}

// eliminate replaces b by a⁻¹b and destroys a: Gaussian elimination with row pivots,
// without allocation. It reports whether the pivots keep digits.
func eliminate(a, b *mat.Dense) bool {
	n, _ := a.Dims()
	_, cols := b.Dims()
	most := 0.0
	for p := range n {
		best := p
		for i := p + 1; i < n; i++ {
			if math.Abs(a.At(i, p)) > math.Abs(a.At(best, p)) {
				best = i
			}
		}
		pivot := math.Abs(a.At(best, p))
		most = max(most, pivot)
		if !(pivot > leastCondition*most) {
			return false
		}
		if best != p {
			swap(a.RawRowView(p), a.RawRowView(best))
			swap(b.RawRowView(p), b.RawRowView(best))
		}
		for i := p + 1; i < n; i++ {
			m := a.At(i, p) / a.At(p, p)
			if m == 0 {
				continue
			}
			for j := p + 1; j < n; j++ {
				a.Set(i, j, a.At(i, j)-m*a.At(p, j))
			}
			for j := range cols {
				b.Set(i, j, b.At(i, j)-m*b.At(p, j))
			}
		}
	}
	for j := range cols {
		for i := n - 1; i >= 0; i-- {
			v := b.At(i, j)
			for k := i + 1; k < n; k++ {
				v -= a.At(i, k) * b.At(k, j)
			}
			b.Set(i, j, v/a.At(i, i))
		}
	}
	return true
}

func swap(x, y []float64) {
	for i := range x {
		x[i], y[i] = y[i], x[i]
	}
}
