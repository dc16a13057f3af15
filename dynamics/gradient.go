package dynamics

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

// A GradientFlow is dθ/dτ = −∂L/∂θ in continuous time, by an explicit method of
// order 5 with error control, or by an implicit one of order 2 where the problem is
// stiff: where the slow manifold takes a million times longer than the relaxation
// onto it, as with a teacher in the singular set.
type GradientFlow struct {
	o        *Objective
	explicit *dopri5
	implicit *rosenbrock
}

// NewGradientFlow returns the flow of o by the explicit method.
func NewGradientFlow(o *Objective, tol Tolerances) *GradientFlow {
	return &GradientFlow{o: o, explicit: newDopri5(o.Field, models.Dim(o.Model()), tol)}
}

// NewStiffGradientFlow returns the flow of o by the implicit method, with the
// Hessian of models.Hess. The zero Tolerances mean 1e-8 and 1e-6 here.
func NewStiffGradientFlow(o *Objective, tol Tolerances) *GradientFlow {
	if tol.Abs == 0 {
		tol.Abs = 1e-8
	}
	if tol.Rel == 0 {
		tol.Rel = 1e-6
	}
	d := models.Dim(o.Model())
	hess, _ := models.Hess(o.Likelihood)
	h := mat.NewSymDense(d, nil)
	return &GradientFlow{o: o, implicit: newRosenbrock(o.Field, func(dst *mat.Dense, x []float64) bool {
		hess(h, x)
		for a := range d {
			for b := range d {
				v := h.At(a, b) / o.weight
				if math.IsNaN(v) || math.IsInf(v, 0) {
					return false
				}
				dst.Set(a, b, v)
			}
		}
		return true
	}, d, tol)}
}

// Step implements Flow.
func (g *GradientFlow) Step(theta []float64, most float64, _ *rand.Rand) (float64, error) {
	var dt float64
	var err error
	if g.implicit != nil {
		dt, err = g.implicit.step(theta, most)
	} else {
		dt, err = g.explicit.step(theta, most)
	}
	return dt, g.o.why(err)
}

// At implements Dense, to order 4 by the explicit method and 2 by the implicit one.
func (g *GradientFlow) At(dst []float64, dt float64) {
	if g.implicit != nil {
		g.implicit.At(dst, dt)
		return
	}
	g.explicit.At(dst, dt)
}

// restart forgets what the flow knows of the point that it was at.
func (g *GradientFlow) restart() {
	if g.implicit != nil {
		g.implicit.fresh = false
		return
	}
	g.explicit.fresh = false
}

// beyond is a size at which a parameter has no digit left after the point.
const beyond = 1e15

// accept moves θ to next unless that is not finite or beyond all use.
func accept(theta, next []float64) error {
	for _, v := range next {
		if !(math.Abs(v) < beyond) {
			return ErrDiverged
		}
	}
	copy(theta, next)
	return nil
}
