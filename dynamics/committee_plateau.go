package dynamics

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// Plateau returns the symmetric fixed point, on which all students do the same:
// R_in = R_n, Q_ii = Q and Q_ij = C, by Newton's method. For Eta → 0 the students are
// identical, C = Q, and for T = I and M = K
//
//	R_n = 1/√(K(2K−1)),  Q = 1/(2K−1)
//
// (Saad and Solla 1995); for Eta > 0 it is the fixed point that grows out of that one,
// with Q > C. It needs two students or more, and the plain gradient: the natural
// one does not exist where students are identical.
func (c *Committee) Plateau() ([]float64, error) {
	if c.k < 2 || c.s.Natural {
		return nil, errors.New("a symmetric plateau needs two students or more, and the plain gradient")
	}
	eta := c.s.Eta
	defer func() { c.s.Eta = eta }()
	c.s.Eta = 0
	for _, a := range []float64{1, 0.7, 1.4, 0.4, 2} {
		a /= math.Sqrt(float64(c.k * (2*c.k - 1)))
		y := make([]float64, c.m+2) // R_n, Q, C
		for i := range c.m {
			for j := range c.m {
				y[i] += a * c.s.Teacher.At(i, j)
			}
			y[c.m] += a * y[i]
		}
		if !c.symmetric(y[:c.m+1]) {
			continue
		}
		y[c.m+1] = y[c.m]
		steps := math.Ceil(eta / 0.1)
		last := 0.0
		found := true
		for i := 1.0; i <= steps && found; i++ {
			c.s.Eta = eta * i / steps
			if last == 0 {
				y[c.m] *= 1 + c.s.Eta/5
			} else {
				y[c.m] += (y[c.m] - y[c.m+1]) * (c.s.Eta/last - 1)
			}
			last = c.s.Eta
			found = c.symmetric(y) && y[c.m]-y[c.m+1] > 1e-3*c.s.Eta*y[c.m]
		}
		if x := c.spread(y); found && c.possible(x) {
			return x, nil
		}
	}
	return nil, fmt.Errorf("no symmetric plateau found at learning rate %v: it may not exist any more", eta)
}

// spread is the state of R_n, Q and, unless it is Q, C.
func (c *Committee) spread(y []float64) []float64 {
	x := make([]float64, 0, c.Dim())
	for range c.k {
		x = append(x, y[:c.m]...)
	}
	for i := range c.k {
		for j := i; j < c.k; j++ {
			if i == j {
				x = append(x, y[c.m])
			} else {
				x = append(x, y[len(y)-1])
			}
		}
	}
	return x
}

// symmetric solves for the fixed point from y.
func (c *Committee) symmetric(y []float64) bool {
	dst := make([]float64, c.Dim())
	return newton(func(out, y []float64) bool {
		if !c.Field(dst, c.spread(y)) {
			return false
		}
		copy(out, dst[:c.m])
		out[c.m] = dst[c.k*c.m]
		if len(y) > c.m+1 {
			out[c.m+1] = dst[c.k*c.m+1]
		}
		return true
	}, y)
}

// newton solves f(y) = 0 with a Jacobian by differences, halving steps that do not
// reduce |f|, and reports whether it did.
func newton(f field, y []float64) bool {
	n := len(y)
	r, next, fn := make([]float64, n), make([]float64, n), make([]float64, n)
	if !f(r, y) {
		return false
	}
	norm := func(v []float64) float64 { return mat.Norm(mat.NewVecDense(len(v), v), 2) }
	var lu mat.LU
	j := mat.NewDense(n, n, nil)
	step := mat.NewVecDense(n, nil)
	for range 100 {
		if !jacobian(j, f, y) {
			return false
		}
		lu.Factorize(j)
		var cond mat.Condition
		if err := lu.SolveVecTo(step, false, mat.NewVecDense(n, r)); err != nil && !errors.As(err, &cond) {
			return false
		}
		moved := false
		for h := 1.0; h > 1e-6; h /= 2 {
			for i := range next {
				next[i] = y[i] - h*step.AtVec(i)
			}
			if f(fn, next) && norm(fn) < norm(r) {
				copy(y, next)
				copy(r, fn)
				moved = true
				break
			}
		}
		if !moved {
			break
		}
	}
	return norm(r) < 1e-12
}

// jacobian fills dst with ∂f/∂x by differences of order 4.
func jacobian(dst *mat.Dense, f field, x []float64) bool {
	n := len(x)
	at := slices.Clone(x)
	var v [4][]float64
	for k := range v {
		v[k] = make([]float64, n)
	}
	for b := range n {
		h := 1e-4 * max(1e-2, math.Abs(x[b]))
		for k, s := range []float64{-2, -1, 1, 2} {
			at[b] = x[b] + s*h
			if !f(v[k], at) {
				return false
			}
		}
		at[b] = x[b]
		for a := range n {
			dst.Set(a, b, (v[0][a]-8*v[1][a]+8*v[2][a]-v[3][a])/(12*h))
		}
	}
	return true
}

// Spectrum returns the eigenvalues of the dynamics linearised at x, per unit of τ,
// by descending real part. The first is the rate of escape from a plateau, if it is
// positive.
func (c *Committee) Spectrum(x []float64) ([]complex128, error) {
	d := c.Dim()
	j := mat.NewDense(d, d, nil)
	if !jacobian(j, c.Field, x) {
		return nil, fmt.Errorf("the dynamics cannot be linearised at %v", x)
	}
	var eig mat.Eigen
	if !eig.Factorize(j, mat.EigenNone) {
		return nil, errors.New("no eigenvalues")
	}
	v := eig.Values(nil)
	slices.SortStableFunc(v, func(a, b complex128) int {
		switch {
		case real(a) > real(b):
			return -1
		case real(a) < real(b):
			return 1
		}
		return 0
	})
	return v, nil
}

// PlateauLength predicts how long, in τ, an asymmetry takes to grow from asymmetry to
// 1 with the rate of escape from the plateau.
func (c *Committee) PlateauLength(asymmetry float64) (float64, error) {
	x, err := c.Plateau()
	if err != nil {
		return math.NaN(), err
	}
	v, err := c.Spectrum(x)
	if err != nil {
		return math.NaN(), err
	}
	if !(real(v[0]) > 0) {
		return math.Inf(1), nil
	}
	return math.Log(1/asymmetry) / real(v[0]), nil
}
