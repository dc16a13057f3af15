package models

import "math"

// mixEigen is scratch for the eigenvalues of a covariance relative to the
// sample covariance.
type mixEigen struct{ a, v []float64 } // dim×dim each

// above reports whether s − floor·S is positive definite, S the sample
// covariance: the variance in every direction lies above the floor.
func (c *mixScale) above(s []float64, d int, e *mixEigen) bool {
	for i, x := range s {
		e.a[i] = x - c.floor*c.cov[i]
	}
	return cholesky(e.v, e.a, d)
}

// smallest returns the smallest eigenvalue of s relative to S.
func (c *mixScale) smallest(s []float64, d int, e *mixEigen) float64 {
	c.whiten(s, d, e)
	e.jacobi(d)
	low := math.Inf(1)
	for a := range d {
		low = min(low, e.a[a*d+a])
	}
	return low
}

// raise lifts the eigenvalues of s relative to S that are below the floor to it.
func (c *mixScale) raise(s []float64, d int, e *mixEigen) {
	c.whiten(s, d, e)
	e.jacobi(d)
	// Columns of L V, scaled by √λ: s = (L V √Λ)(L V √Λ)ᵀ.
	for col := range d {
		r := math.Sqrt(max(e.a[col*d+col], c.floor))
		for a := d - 1; a >= 0; a-- {
			x := 0.0
			for b := range a + 1 {
				x += c.chol[a*d+b] * e.v[b*d+col]
			}
			e.v[a*d+col] = x
		}
		for a := range d {
			e.v[a*d+col] *= r
		}
	}
	for a := range d {
		for b := range d {
			x := 0.0
			for col := range d {
				x += e.v[a*d+col] * e.v[b*d+col]
			}
			s[a*d+b] = x
		}
	}
}

// whiten fills e.a with L⁻¹ s L⁻ᵀ, S = LLᵀ.
func (c *mixScale) whiten(s []float64, d int, e *mixEigen) {
	copy(e.a, s)
	for range 2 {
		for r := range d { // row r of e.a, a column of the symmetric or transposed product
			x := e.a[r*d : (r+1)*d]
			for a := range d {
				t := x[a]
				for b := range a {
					t -= c.chol[a*d+b] * x[b]
				}
				x[a] = t / c.chol[a*d+a]
			}
		}
		transposeSquare(e.a, d)
	}
}

// jacobi diagonalises the symmetric e.a by cyclic Jacobi rotations and fills e.v
// with the eigenvectors as columns. It allocates nothing, and is accurate for
// the small matrices of this package.
func (e *mixEigen) jacobi(d int) {
	a, v := e.a, e.v
	clear(v)
	for i := range d {
		v[i*d+i] = 1
	}
	for range 60 {
		var off, diag float64
		for i := range d {
			diag += a[i*d+i] * a[i*d+i]
			for j := range i {
				off += a[i*d+j] * a[i*d+j]
			}
		}
		if off <= 1e-34*diag {
			return
		}
		for p := range d {
			for q := p + 1; q < d; q++ {
				if a[p*d+q] == 0 {
					continue
				}
				h := (a[q*d+q] - a[p*d+p]) / (2 * a[p*d+q])
				t := math.Copysign(1, h) / (math.Abs(h) + math.Hypot(h, 1))
				cs := 1 / math.Hypot(t, 1)
				sn := t * cs
				for i := range d {
					x, y := a[i*d+p], a[i*d+q]
					a[i*d+p], a[i*d+q] = cs*x-sn*y, sn*x+cs*y
				}
				for i := range d {
					x, y := a[p*d+i], a[q*d+i]
					a[p*d+i], a[q*d+i] = cs*x-sn*y, sn*x+cs*y
				}
				for i := range d {
					x, y := v[i*d+p], v[i*d+q]
					v[i*d+p], v[i*d+q] = cs*x-sn*y, sn*x+cs*y
				}
			}
		}
	}
}
