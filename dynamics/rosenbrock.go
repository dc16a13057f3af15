package dynamics

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// gamma is the γ of ROS2 that makes it L-stable.
const gamma = 1 - 1/math.Sqrt2

// A rosenbrock integrates a stiff field with the L-stable method of order 2
//
//	(I − γhJ) k₁ = f(x),  (I − γhJ) k₂ = f(x + h k₁) − 2k₁,
//	x ← x + (3/2) h k₁ + (1/2) h k₂,  γ = 1 − 1/√2
//
// (ROS2: Verwer, Spee, Blom & Hundsdorfer 1999, SIAM J. Sci. Comput. 20, 1456),
// which keeps its order for any J; the error is the distance to x + h k₁, of
// order 1 with an exact J.
type rosenbrock struct {
	f      field
	jac    func(dst *mat.Dense, x []float64) bool
	tol    Tolerances
	f0, f1 []float64
	k1, k2 []float64
	y      []float64
	from   []float64 // the start of the last step
	took   float64   // its size
	j, w   *mat.Dense
	lu     mat.LU
	h      float64
	fresh  bool
	evals  int
}

func newRosenbrock(f field, jac func(dst *mat.Dense, x []float64) bool, d int, tol Tolerances) *rosenbrock {
	v := func() []float64 { return make([]float64, d) }
	return &rosenbrock{
		f: f, jac: jac, tol: tol.orDefault(), f0: v(), f1: v(), k1: v(), k2: v(), y: v(), from: v(),
		j: mat.NewDense(d, d, nil), w: mat.NewDense(d, d, nil),
	}
}

func (s *rosenbrock) step(x []float64, most float64) (float64, error) {
	if !s.fresh {
		s.evals++
		if !s.f(s.f0, x) || !s.jac(s.j, x) {
			return 0, ErrLeft
		}
		s.fresh = true
	}
	if s.h == 0 {
		s.h = firstStep(s.f0, x, s.tol)
	}
	failed := false
	d := len(x)
	for {
		h := min(s.h, most)
		if h < stiffStep*most || h == 0 {
			return 0, ErrStiff
		}
		for a := range d {
			for b := range d {
				v := -gamma * h * s.j.At(a, b)
				if a == b {
					v++
				}
				s.w.Set(a, b, v)
			}
		}
		s.lu.Factorize(s.w)
		err := s.try(x, h)
		if !(err <= 1) {
			s.h = h * 0.25
			if err < 1e6 {
				s.h = h * max(0.25, 0.9/math.Sqrt(err))
			}
			failed = true
			continue
		}
		grow := min(4, max(0.25, 0.9/math.Sqrt(max(err, 1e-8))))
		if failed {
			grow = min(grow, 1)
		}
		if h == s.h || grow < 1 {
			s.h = h * grow
		}
		s.took = h
		copy(s.from, x)
		copy(x, s.y)
		s.fresh = false
		return h, nil
	}
}

// At implements Dense by the quadratic in t = dt/h
//
//	x + h (t + b) k₁ + h b k₂,  b = (t²/2 − γt)/(1 − 2γ),
//
// whose expansion is that of the solution to order 2 with an exact J, and to order 1
// with another (derived here). A cubic through the fields at both ends would have a
// higher order and be of no use: in stiff directions it multiplies the error of the
// step by hJ, which the solves for k₁ and k₂ divide by.
func (s *rosenbrock) At(dst []float64, dt float64) {
	t := dt / s.took
	b := (t*t/2 - gamma*t) / (1 - 2*gamma)
	for i, x := range s.from {
		dst[i] = x + s.took*((t+b)*s.k1[i]+b*s.k2[i])
	}
}

func (s *rosenbrock) try(x []float64, h float64) float64 {
	k1, k2 := mat.NewVecDense(len(x), s.k1), mat.NewVecDense(len(x), s.k2)
	if s.lu.SolveVecTo(k1, false, mat.NewVecDense(len(x), s.f0)) != nil {
		return math.Inf(1)
	}
	for i := range x {
		s.y[i] = x[i] + h*s.k1[i]
	}
	s.evals++
	if !s.f(s.f1, s.y) {
		return math.Inf(1)
	}
	for i := range x {
		s.f1[i] -= 2 * s.k1[i]
	}
	if s.lu.SolveVecTo(k2, false, mat.NewVecDense(len(x), s.f1)) != nil {
		return math.Inf(1)
	}
	var e float64
	for i := range x {
		s.y[i] = x[i] + h*(1.5*s.k1[i]+0.5*s.k2[i])
		d := 0.5 * h * (s.k1[i] + s.k2[i]) / (s.tol.Abs + s.tol.Rel*max(math.Abs(x[i]), math.Abs(s.y[i])))
		e += d * d
	}
	return math.Sqrt(e / float64(len(x)))
}
