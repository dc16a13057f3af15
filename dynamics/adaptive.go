package dynamics

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

// An AdaptiveNatural is on-line natural gradient learning with an estimate Ĝ⁻¹ of the
// inverse Fisher information that is updated by every observation, at the cost of a
// matrix-vector product and no solution of equations (H. Park, S. Amari and
// K. Fukumizu, Neural Networks 13 (2000) 755):
//
//	Ĝ⁻¹ ← (1+ε) Ĝ⁻¹ − ε Ĝ⁻¹ F(x) Ĝ⁻¹,   θ ← θ + η Ĝ⁻¹ s,
//
// with F(x) = ∇f∇fᵀ/σ² the information of one observation at the input x; a family
// without inputs has none of it, and ssᵀ of the observation takes its place, whose mean
// is the Fisher information where the student is the teacher. The update
// is of first order in ε and loses positive definiteness where ε tr Ĝ⁻¹F(x) > 1; there
// the second term is divided by 1 + ε tr Ĝ⁻¹F(x), as in the exact inverse. With ε = 0
// it is gradient descent in the metric that it started with.
type AdaptiveNatural struct {
	src       *Sampled
	at        models.PointInformer // nil: ssᵀ
	step, eps float64
	inv, f    *mat.SymDense
	gf, gfg   *mat.Dense
	g, next   []float64
}

// NewAdaptiveNatural returns the flow with a step η and a rate ε in [0, 1), from
// Ĝ = the exact Fisher information at start plus damping × I. It returns an error for
// series, and for data.
func NewAdaptiveNatural(o *Objective, start []float64, step, eps, damping float64) (*AdaptiveNatural, error) {
	at, _ := o.Model().(models.PointInformer)
	if !(step > 0) || !(eps >= 0 && eps < 1) || !(damping >= 0) {
		return nil, fmt.Errorf("a step of %v, a rate of %v, a damping of %v: want a step above 0, a rate in [0, 1), a damping of at least 0", step, eps, damping)
	}
	if o.truth == nil {
		return nil, fmt.Errorf("%v: adaptive natural gradient learns on line from a teacher, not from data", o.Model())
	}
	src, err := NewSampled(o, 1)
	if err != nil {
		return nil, err
	}
	fisher, err := singular.NewFisher(o.Model(), singular.FisherOptions{})
	if err != nil {
		return nil, err
	}
	info, err := fisher.At(start)
	if err != nil {
		return nil, err
	}
	d := models.Dim(o.Model())
	for i := range d {
		info.F.SetSym(i, i, info.F.At(i, i)+damping)
	}
	a := &AdaptiveNatural{
		src: src, at: at, step: step, eps: eps, inv: mat.NewSymDense(d, nil), f: mat.NewSymDense(d, nil),
		gf: mat.NewDense(d, d, nil), gfg: mat.NewDense(d, d, nil), g: make([]float64, d), next: make([]float64, d),
	}
	var chol mat.Cholesky
	if !chol.Factorize(info.F) || !(chol.Cond() < 1/leastCondition) {
		return nil, fmt.Errorf("the start of adaptive natural gradient: %w: add damping", ErrSingular)
	}
	return a, chol.InverseTo(a.inv)
}

// Inverse is the present Ĝ⁻¹, which the next step changes.
func (a *AdaptiveNatural) Inverse() *mat.SymDense { return a.inv }

// Step implements Flow.
func (a *AdaptiveNatural) Step(theta []float64, _ float64, rng *rand.Rand) (float64, error) {
	if !a.src.Gradient(a.g, theta, rng) {
		return 0, ErrLeft
	}
	d := len(theta)
	if a.eps > 0 {
		if a.at != nil {
			a.at.FisherAt(a.f, theta, a.src.input())
		} else {
			a.f.SymOuterK(1, mat.NewDense(d, 1, a.g))
		}
		a.gf.Mul(a.inv, a.f)
		a.gfg.Mul(a.gf, a.inv)
		scale := a.eps
		if q := a.eps * mat.Trace(a.gf); q > 1 {
			scale /= 1 + q
		}
		for i := range d {
			for j := i; j < d; j++ {
				a.inv.SetSym(i, j, (1+a.eps)*a.inv.At(i, j)-scale*a.gfg.At(i, j))
			}
		}
	}
	for i := range d {
		s := 0.0
		for j, g := range a.g {
			s += a.inv.At(i, j) * g
		}
		a.next[i] = theta[i] + a.step*s
		if math.IsNaN(s) {
			return 0, ErrDiverged
		}
	}
	return a.step, accept(theta, a.next)
}

// input is the input of the last observation of a teacher.
func (a *Sampled) input() []float64 { return a.pool.X(a.rows[0]) }
