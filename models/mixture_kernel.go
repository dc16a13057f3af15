package models

import (
	"math"

	"github.com/neuromanifold/neuromanifold/internal/vec"
)

// mixBlock is the number of observations that the kernels below take at once. They
// serve several dimensions, weights and weights near 0; the rest goes through
// vec.Mixture, which makes no use of memory in between. Scratch stays in the first-level cache, and a product of mixBlock numbers in
// [1, K] cannot overflow for K < 2^15.
const mixBlock = 64

// mixComponents is θ of a mixture in the form that the kernels read. It owns
// its memory; set refills it.
type mixComponents struct {
	m       *Mixture
	w       []float64 // weights (K)
	mu      []float64 // means (K×dim)
	cov     []float64 // covariances (K×dim×dim)
	chol    []float64 // lower Cholesky factors (K×dim×dim)
	lognorm []float64 // log of the normal's constant (K)
	logc    []float64 // log π + lognorm (K)
}

func (m *Mixture) newComponents() *mixComponents {
	k, d := m.k, m.dim
	c := &mixComponents{m: m, w: make([]float64, k), mu: make([]float64, k*d),
		cov: make([]float64, k*d*d), chol: make([]float64, k*d*d),
		lognorm: make([]float64, k), logc: make([]float64, k)}
	if m.variance == VarKnown {
		for j := range k {
			c.cov[j], c.chol[j] = m.sigma*m.sigma, m.sigma
			c.lognorm[j] = -halfLog2Pi - math.Log(m.sigma)
		}
	}
	return c
}

var halfLog2Pi = 0.5 * math.Log(2*math.Pi)

// set reads θ and reports whether it lies in the domain.
func (c *mixComponents) set(theta []float64) bool {
	m, d := c.m, c.m.dim
	if !m.weights(c.w, theta) {
		return false
	}
	copy(c.mu, theta[m.mean0:m.var0])
	for _, x := range c.mu {
		if !(math.Abs(x) <= m.bound) || math.IsInf(x, 0) {
			return false
		}
	}
	for j := range m.k {
		cov, l := c.cov[j*d*d:(j+1)*d*d], c.chol[j*d*d:(j+1)*d*d]
		switch {
		case m.blocks == 0: // known, from newComponents
		case j > 0 && m.blocks < m.k:
			copy(cov, c.cov[:d*d])
			copy(l, c.chol[:d*d])
			c.lognorm[j] = c.lognorm[0]
		default:
			m.covariance(cov, theta, j)
			if !cholesky(l, cov, d) {
				return false
			}
			s := -float64(d) * halfLog2Pi
			for a := range d {
				s -= math.Log(l[a*d+a])
			}
			c.lognorm[j] = s
		}
		c.logc[j] = math.Log(c.w[j]) + c.lognorm[j]
	}
	return true
}

// cholesky fills l (d×d, row-major, lower) with the Cholesky factor of a, and
// reports whether a is positive definite and finite.
func cholesky(l, a []float64, d int) bool {
	for i := range d {
		for j := range i + 1 {
			s := a[i*d+j]
			for t := range j {
				s -= l[i*d+t] * l[j*d+t]
			}
			if i == j {
				if !(s > 0) || math.IsInf(s, 1) {
					return false
				}
				l[i*d+i] = math.Sqrt(s)
			} else {
				l[i*d+j] = s / l[j*d+j]
				l[j*d+i] = 0
			}
		}
	}
	return true
}

// logDensity fills dst with base − ½(y−μ_j)ᵀΣ_j⁻¹(y−μ_j) at the rows y:
// log π_j N_j(y) with base = logc[j], log N_j(y) with base = lognorm[j]. t (dim) is
// scratch.
func (c *mixComponents) logDensity(dst, y []float64, j int, base float64, t []float64) {
	d := c.m.dim
	if d == 1 {
		mu, h := c.mu[j], -0.5/c.cov[j]
		y = y[:len(dst)]
		for i := range dst {
			e := y[i] - mu
			dst[i] = base + h*e*e
		}
		return
	}
	l, mu := c.chol[j*d*d:(j+1)*d*d], c.mu[j*d:(j+1)*d]
	if d == 2 {
		m0, m1, i0, i1, l10 := mu[0], mu[1], 1/l[0], 1/l[3], l[2]
		y = y[:2*len(dst)]
		for i := range dst {
			t0 := (y[2*i] - m0) * i0
			t1 := (y[2*i+1] - m1 - l10*t0) * i1
			dst[i] = base - 0.5*(t0*t0+t1*t1)
		}
		return
	}
	for i := range dst {
		row, q := y[i*d:(i+1)*d], 0.0
		for a, ya := range row {
			s := ya - mu[a]
			la := l[a*d : a*d+a+1]
			for b := range a {
				s -= la[b] * t[b]
			}
			s /= la[a]
			t[a] = s
			q += s * s
		}
		dst[i] = base - 0.5*q
	}
}

// responsibilities2 turns the rows a, b (log π_j N_j) of two components into their
// responsibilities, with one exponential and one division per observation. top
// receives max(a, b) and sum the number in [1, 2] by which p exceeds it:
// log p = top + log sum.
func responsibilities2(a, b, top, sum []float64) {
	n := len(a)
	b, top, sum = b[:n], top[:n], sum[:n]
	for i, x := range a {
		y := b[i]
		top[i] = max(x, y)
		// a keeps the sign of the difference, b the exponent.
		a[i] = x - y
		b[i] = -math.Abs(x - y)
	}
	vec.Exp(b, b)
	for i, e := range b {
		s := 1 + e
		r := 1 / s
		sum[i] = s
		// The larger one, r, goes to a if the difference is positive, else to b:
		// swapped by a mask, since a branch on random data costs more.
		big, small := math.Float64bits(r), math.Float64bits(e*r)
		swap := (big ^ small) & uint64(int64(math.Float64bits(a[i]))>>63)
		a[i], b[i] = math.Float64frombits(big^swap), math.Float64frombits(small^swap)
	}
}

// responsibilities is responsibilities2 for k components, whose rows are
// l[j*mixBlock:][:n]; sum is in [1, k].
func responsibilities(l []float64, k, n int, top, sum []float64) {
	if k == 2 {
		responsibilities2(l[:n], l[mixBlock:mixBlock+n], top, sum)
		return
	}
	mixSumExp(l, k, n, top, sum)
	var inv [mixBlock]float64
	for i, s := range sum[:n] {
		inv[i] = 1 / s
	}
	for j := range k {
		r := l[j*mixBlock : j*mixBlock+n]
		for i := range r {
			r[i] *= inv[i&(mixBlock-1)]
		}
	}
}

// mixLogSum is responsibilities without the responsibilities: it destroys l.
func mixLogSum(l []float64, k, n int, top, sum []float64) {
	top, sum = top[:n], sum[:n]
	if k == 2 {
		a, b := l[:n], l[mixBlock:mixBlock+n]
		for i, x := range a {
			y := b[i]
			top[i] = max(x, y)
			sum[i] = -math.Abs(x - y)
		}
		vec.Exp(sum, sum)
		for i := range sum {
			sum[i]++
		}
		return
	}
	mixSumExp(l, k, n, top, sum)
}

// mixSumExp replaces the rows of l by exp(l − top), top their maximum, and fills
// sum with the sum over the rows.
func mixSumExp(l []float64, k, n int, top, sum []float64) {
	top, sum = top[:n], sum[:n]
	copy(top, l[:n])
	for j := 1; j < k; j++ {
		for i, x := range l[j*mixBlock : j*mixBlock+n] {
			top[i] = max(top[i], x)
		}
	}
	clear(sum)
	for j := range k {
		r := l[j*mixBlock : j*mixBlock+n]
		for i := range r {
			r[i] -= top[i]
		}
		vec.Exp(r, r)
		for i, e := range r {
			sum[i] += e
		}
	}
}

// blockLogLik returns Σ w (top + log sum) over a block: unweighted with a single
// logarithm, of the product of the sums.
func blockLogLik(top, sum, w []float64) float64 {
	var s float64
	if w != nil {
		for i, t := range top {
			if w[i] != 0 {
				s += w[i] * (t + math.Log(sum[i]))
			}
		}
		return s
	}
	p := 1.0
	for i, t := range top {
		s += t
		p *= sum[i]
	}
	return s + math.Log(p)
}
