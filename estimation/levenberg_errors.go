package estimation

import (
	"fmt"
	"math"

	"github.com/neuromanifold/neuromanifold/models"
)

// LeastSquaresErrors returns the classical standard errors of a Gaussian
// regression at θ, s √((JᵀJ)⁻¹)_jj with J = ∂r/∂θ and s² = |r|²/(W − rank J), as
// regression programs print them, and s. They differ from those of Describe,
// which take the observed information and the maximum-likelihood σ². The standard
// error of σ², and of a coordinate that moves along a direction without effect on
// r, is NaN. The error is ErrNoResiduals, wrapped, or a θ without finite
// residuals.
func LeastSquaresErrors(l models.Likelihood, theta []float64) (se []float64, s float64, err error) {
	if err := checkStart(l, theta); err != nil {
		return nil, 0, err
	}
	q, ok := newSquares(newSpace(l))
	if !ok {
		return nil, 0, fmt.Errorf("%v: %w", l.Model(), ErrNoResiduals)
	}
	q.rz.Residuals(q.r, q.jac, theta)
	q.ss = sumSquares(q.r)
	f := newFactor(q.ls.Rows, q.k)
	for j, a := range q.at {
		f.load(j, q.jac, a)
	}
	if math.IsInf(q.ss, 1) || !finite(f.d) || !f.factorize(q.r, nil) {
		return nil, 0, fmt.Errorf("%v: the residuals or their derivatives are not finite at θ", l.Model())
	}
	rank := 0
	for _, v := range f.s {
		if v > rankTol*f.s[0] {
			rank++
		}
	}
	s = math.Sqrt(q.ss / (q.ls.Weight - float64(rank)))
	se = make([]float64, len(theta))
	for j := range se {
		se[j] = math.NaN()
	}
	for j, a := range q.at {
		v := 0.0
		for i := range f.k {
			e := f.v.At(j, i)
			switch {
			case i < rank:
				v += e * e / (f.s[i] * f.s[i])
			case math.Abs(e) > inNull:
				v = math.NaN()
			}
		}
		se[a] = s * math.Sqrt(v) / f.d[j]
	}
	return se, s, nil
}

const (
	rankTol = 1e-12 // singular values of J, columns of length 1, that count as 0
	inNull  = 1e-6  // share in a null direction that makes a coordinate not estimable
)
