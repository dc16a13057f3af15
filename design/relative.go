package design

import (
	"fmt"

	"gonum.org/v1/gonum/mat"
)

// Relative is a criterion for relative changes of the parameters: Ψ(SMS) with
// S = diag(Unit), where Unit is what counts as a change of 100 %, as
// Population.Units says. D and Ds only shift by it; A, E and their kin compare
// parameters and mean something only in common units.
type Relative struct {
	Criterion Criterion // nil means D{}
	Unit      []float64
}

// Name returns the name of Ψ.
func (c Relative) Name() string {
	if c.Criterion == nil {
		return D{}.Name()
	}
	return c.Criterion.Name()
}

// Evaluator returns an error for another number of units, and for one that is
// not positive.
func (c Relative) Evaluator(m int) (Evaluator, error) {
	if len(c.Unit) != m {
		return nil, fmt.Errorf("design: %d units for %d parameters", len(c.Unit), m)
	}
	for i, u := range c.Unit {
		if !(u > 0) {
			return nil, fmt.Errorf("design: the unit of parameter %d is %v, want a positive number", i, u)
		}
	}
	base := c.Criterion
	if base == nil {
		base = D{}
	}
	ev, err := base.Evaluator(m)
	if err != nil {
		return nil, err
	}
	return &relativeEval{ev, c.Unit, mat.NewSymDense(m, nil)}, nil
}

type relativeEval struct {
	Evaluator
	unit []float64
	tmp  *mat.SymDense
}

func (e *relativeEval) scale(dst, src *mat.SymDense) {
	for i, u := range e.unit {
		for j := i; j < len(e.unit); j++ {
			dst.SetSym(i, j, u*e.unit[j]*src.At(i, j))
		}
	}
}

func (e *relativeEval) Set(M *mat.SymDense) bool {
	e.scale(e.tmp, M)
	return e.Evaluator.Set(e.tmp)
}

func (e *relativeEval) Gradient(dst *mat.SymDense) {
	e.Evaluator.Gradient(dst)
	e.scale(dst, dst)
}

func (e *relativeEval) Curvature(dst, mu *mat.SymDense) {
	e.scale(e.tmp, mu)
	e.Evaluator.Curvature(dst, e.tmp)
	e.scale(dst, dst)
}
