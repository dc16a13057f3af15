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
	off, size := 0.0, 0.0
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
		off = 0
		for i := range d {
			for j := i + 1; j < d; j++ {
				off += a[i*d+j] * a[i*d+j]
			}
		}
		if off <= 1e-33*size {
			break
		}
		for i := range d {
			for j := i + 1; j < d; j++ {
				rotate(a, q, d, i, j)
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
	x := a[i*d+j]
	if x == 0 {
		return
	}
	// The smaller root of t² + 2τt − 1: the angle is at most π/4.
	tau := (a[j*d+j] - a[i*d+i]) / (2 * x)
	t := 1 / (math.Abs(tau) + math.Sqrt(1+tau*tau))
	if tau < 0 {
		t = -t
	}
	c := 1 / math.Sqrt(1+t*t)
	s := t * c
	a[i*d+i] -= t * x
	a[j*d+j] += t * x
	a[i*d+j], a[j*d+i] = 0, 0
	for k := range d {
		if k != i && k != j {
			y, z := a[i*d+k], a[j*d+k]
			u, v := c*y-s*z, s*y+c*z
			a[i*d+k], a[k*d+i] = u, u
			a[j*d+k], a[k*d+j] = v, v
		}
		y, z := q[k*d+i], q[k*d+j]
		q[k*d+i], q[k*d+j] = c*y-s*z, s*y+c*z
	}
}
