package estimation

import "math"

// jacobiDim is the order up to which the rotations of jacobi beat a reduction to
// tridiagonal form.
const jacobiDim = 8

// jacobi overwrites the symmetric matrix a (d×d, row-major, both triangles) by
// rotations that make it diagonal, and fills lambda (d) with its eigenvalues,
// ascending, and the columns of q (d×d, row-major) with their eigenvectors: the
// cyclic method (Golub and Van Loan, Matrix Computations, 4th ed. 2013, algorithm
// 8.5.3). Small eigenvalues of a matrix that is definite after scaling keep their
// relative accuracy better than in tridiagonal form (Demmel and Veselić, SIAM J.
// Matrix Anal. 13, 1992). It reports false if an entry is not finite.
func jacobi(lambda, q, a []float64, d int) bool {
	clear(q)
	size := 0.0
	for i := range d {
		q[i*d+i] = 1
		for j := range d {
			size += a[i*d+j] * a[i*d+j]
		}
	}
	if math.IsNaN(size) || math.IsInf(size, 0) {
		return false
	}
	const sweeps = 30 // quadratic convergence: six are usual
	for range sweeps {
		off := 0.0
		for i := range d {
			for j := i + 1; j < d; j++ {
				off += a[i*d+j] * a[i*d+j]
			}
		}
		if off <= 1e-30*size {
			break
		}
		for i := range d {
			for j := i + 1; j < d; j++ {
				if x := a[i*d+j]; x*x > 1e-33*size {
					rotate(a, q, d, i, j)
				}
			}
		}
	}
	for i := range d {
		lambda[i] = a[i*d+i]
	}
	// Selection sort: the columns go along.
	for i := range d {
		least := i
		for j := i + 1; j < d; j++ {
			if lambda[j] < lambda[least] {
				least = j
			}
		}
		if least != i {
			lambda[i], lambda[least] = lambda[least], lambda[i]
			for k := range d {
				q[k*d+i], q[k*d+least] = q[k*d+least], q[k*d+i]
			}
		}
	}
	return true
}

// rotate annihilates a_ij.
func rotate(a, q []float64, d, i, j int) {
	ri, rj := a[i*d:(i+1)*d], a[j*d:(j+1)*d]
	x := ri[j]
	// The smaller root of t² + 2τt − 1, τ = (a_jj − a_ii)/2x: the angle is at most π/4.
	y := 0.5 * (rj[j] - ri[i])
	t := x / (math.Abs(y) + math.Sqrt(y*y+x*x))
	if y < 0 {
		t = -t
	}
	c := 1 / math.Sqrt(1+t*t)
	s := t * c
	ii, jj := ri[i]-t*x, rj[j]+t*x
	for k, y := range ri {
		z := rj[k]
		u, v := c*y-s*z, s*y+c*z
		ri[k], rj[k] = u, v
		a[k*d+i], a[k*d+j] = u, v
		y, z = q[k*d+i], q[k*d+j]
		q[k*d+i], q[k*d+j] = c*y-s*z, s*y+c*z
	}
	ri[i], rj[j] = ii, jj
	ri[j], rj[i] = 0, 0
}
