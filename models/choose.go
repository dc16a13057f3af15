package models

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// Score returns the score of l and its route: the likelihood's own method
// (Exact), or central differences of LogLik (Differences), whose relative error
// is about 1e-9 for well-scaled coordinates. The function computes ∂ℓ/∂θ into
// dst (d), returns ℓ(θ), owns scratch and serves one goroutine. Where ℓ = -Inf,
// dst is left unspecified.
func Score(l Likelihood) (f func(dst, theta []float64) float64, route Route) {
	if s, ok := l.(Scorer); ok {
		return s.Score, Exact
	}
	d := Dim(l.Model())
	x := make([]float64, d)
	ps := l.Model().Params()
	return func(dst, theta []float64) float64 {
		checkLen(len(dst), d)
		checkLen(len(theta), d)
		copy(x, theta)
		f0 := l.LogLik(x)
		for i := range x {
			dst[i] = difference(l.LogLik, x, i, ps[i], f0)
		}
		return f0
	}, Differences
}

// difference is the fourth-order central difference of f in coordinate i, or a
// one-sided second-order one where the bounds of the coordinate or the domain
// leave no room.
func difference(f func([]float64) float64, x []float64, i int, p Param, f0 float64) float64 {
	x0 := x[i]
	defer func() { x[i] = x0 }()
	h := 1e-3 * (1 + math.Abs(x0))
	at := func(k float64) float64 {
		x[i] = x0 + k*h
		if x[i] < p.Lo || x[i] > p.Hi {
			return math.Inf(-1)
		}
		return f(x)
	}
	for range 8 {
		a, b, c, e := at(1), at(-1), at(2), at(-2)
		if !math.IsInf(a, 0) && !math.IsInf(b, 0) && !math.IsInf(c, 0) && !math.IsInf(e, 0) {
			return (8*(a-b) - (c - e)) / (12 * h)
		}
		h /= 4
	}
	h = 1e-5 * (1 + math.Abs(x0))
	if a, b := at(1), at(2); !math.IsInf(a, 0) && !math.IsInf(b, 0) {
		return (4*a - b - 3*f0) / (2 * h)
	}
	a, b := at(-1), at(-2)
	return -(4*a - b - 3*f0) / (2 * h)
}

// Hess returns the Hessian of l and its route: the likelihood's own method
// (Exact), or central differences of the score (Differences), symmetrised. The
// function computes ∂²ℓ/∂θ∂θᵀ into dst (d×d), owns scratch and serves one
// goroutine.
func Hess(l Likelihood) (f func(dst *mat.SymDense, theta []float64), route Route) {
	if h, ok := l.(Hesser); ok {
		return h.Hess, Exact
	}
	score, _ := Score(l)
	d := Dim(l.Model())
	ps := l.Model().Params()
	x := make([]float64, d)
	up, dn := make([]float64, d), make([]float64, d)
	jac := mat.NewDense(d, d, nil)
	// column fills row i of jac with (s(x+kh e_i) − s(x−kh e_i))/(2kh), and
	// reports whether both points lay inside the domain.
	column := func(i int, h float64) bool {
		x0 := x[i]
		defer func() { x[i] = x0 }()
		if x0+h > ps[i].Hi || x0-h < ps[i].Lo {
			return false
		}
		x[i] = x0 + h
		if math.IsInf(score(up, x), -1) {
			return false
		}
		x[i] = x0 - h
		if math.IsInf(score(dn, x), -1) {
			return false
		}
		for j := range d {
			jac.Set(i, j, (up[j]-dn[j])/(2*h))
		}
		return true
	}
	return func(dst *mat.SymDense, theta []float64) {
		checkLen(len(theta), d)
		checkSym(dst, d)
		copy(x, theta)
		for i := range d {
			h := 1e-5 * (1 + math.Abs(x[i]))
			for try := 0; !column(i, h); try++ {
				h /= 4
				if try == 20 { // on the boundary: no two-sided difference exists
					for j := range d {
						jac.Set(i, j, math.NaN())
					}
					break
				}
			}
		}
		for i := range d {
			for j := i; j < d; j++ {
				dst.SetSym(i, j, (jac.At(i, j)+jac.At(j, i))/2)
			}
		}
	}, Differences
}

// Weight returns Σ w_t, the total weight of the terms of l: N() unless the
// likelihood is weighted. Score and log-likelihood divided by it are per
// observation.
func Weight(l Likelihood) float64 {
	if w, ok := l.(Weigher); ok {
		return w.Weight()
	}
	return float64(l.N())
}
