package estimation

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/neuromanifold/neuromanifold/models"
)

// climb runs m from start; the methods of this package use the scratch in sp,
// which a multi-start keeps from one start to the next.
func climb(ctx context.Context, m Method, sp *space, start []float64, rng *rand.Rand) (Fit, error) {
	switch m := m.(type) {
	case Auto:
		return climb(ctx, m.For(sp.l), sp, start, rng)
	case Then:
		return m.climb(ctx, sp, start, rng)
	case OrElse:
		return m.climb(ctx, sp, start, rng)
	case EM:
		if _, ok := sp.l.(models.EMStepper); ok {
			return m.run(ctx, sp, start)
		}
	case Newton:
		return m.run(ctx, sp, start)
	case LBFGS:
		return m.run(ctx, sp, start)
	case LevenbergMarquardt:
		return m.run(ctx, sp, start)
	}
	return m.Maximize(ctx, sp.l, start, rng)
}

// Then runs First, and Second from where it ended, and returns the higher end
// with the iterations and evaluations of both. A solution on a variance floor
// belongs to the method that keeps the floor: one that First reaches is not
// handed to Second, and one that Second runs into goes back to First.
type Then struct {
	First, Second Method
}

// Maximize implements Method.
func (t Then) Maximize(ctx context.Context, l models.Likelihood, start []float64, rng *rand.Rand) (Fit, error) {
	if err := checkStart(l, start); err != nil {
		return Fit{}, err
	}
	return t.climb(ctx, newSpace(l), start, rng)
}

func (t Then) climb(ctx context.Context, sp *space, start []float64, rng *rand.Rand) (Fit, error) {
	a, err := climb(ctx, t.First, sp, start, rng)
	if err != nil || a.Status == Failed && math.IsInf(a.LogLik, -1) {
		return a, err
	}
	floor, _ := sp.l.(models.FloorReporter)
	if floor != nil && len(floor.Floored(a.Theta)) > 0 {
		return t.settle(ctx, sp, a, rng)
	}
	b, err := climb(ctx, t.Second, sp, a.Theta, rng)
	if err != nil {
		return Fit{}, err
	}
	b.Iter += a.Iter
	b.Evals += a.Evals
	if floor != nil && len(floor.Floored(b.Theta)) > 0 {
		return t.settle(ctx, sp, b, rng)
	}
	if b.LogLik >= a.LogLik {
		return b, nil
	}
	a.Iter, a.Evals = b.Iter, b.Evals
	return a, nil
}

// OrElse runs First, and Second from where it ended if that was at an iteration
// limit or short of a maximum; the higher end counts.
type OrElse struct {
	First, Second Method
}

// Maximize implements Method.
func (o OrElse) Maximize(ctx context.Context, l models.Likelihood, start []float64, rng *rand.Rand) (Fit, error) {
	if err := checkStart(l, start); err != nil {
		return Fit{}, err
	}
	return o.climb(ctx, newSpace(l), start, rng)
}

func (o OrElse) climb(ctx context.Context, sp *space, start []float64, rng *rand.Rand) (Fit, error) {
	a, err := climb(ctx, o.First, sp, start, rng)
	if err != nil || a.Status == Converged || a.Status == Boundary || a.Status == NoMaximum || math.IsInf(a.LogLik, -1) {
		return a, err
	}
	b, err := climb(ctx, o.Second, sp, a.Theta, rng)
	if err != nil {
		return Fit{}, err
	}
	b.Iter += a.Iter
	b.Evals += a.Evals
	if b.LogLik < a.LogLik && b.Status != Boundary && b.Status != NoMaximum {
		a.Iter, a.Evals = b.Iter, b.Evals
		return a, nil
	}
	return b, nil
}

// settle ends a climb that ran into a variance floor at fit.Theta, by EM if that
// is what First is, with as many steps as it takes.
func (t Then) settle(ctx context.Context, sp *space, fit Fit, rng *rand.Rand) (Fit, error) {
	first := t.First
	if e, ok := first.(EM); ok {
		e.MaxIter = 0
		first = e
	}
	end, err := climb(ctx, first, sp, fit.Theta, rng)
	end.Iter += fit.Iter
	end.Evals += fit.Evals
	return end, err
}

// Closed takes the global maximum that the family knows in closed form
// (models.Maximizer), whatever the start.
type Closed struct{}

// ErrNoClosedForm is wrapped by the error of Closed for a family without one.
var ErrNoClosedForm = errors.New("no maximum in closed form")

// Maximize implements Method; start may be nil.
func (Closed) Maximize(_ context.Context, l models.Likelihood, _ []float64, _ *rand.Rand) (Fit, error) {
	c, ok := l.(models.Maximizer)
	if !ok {
		return Fit{}, fmt.Errorf("%v: %w", l.Model(), ErrNoClosedForm)
	}
	theta := make([]float64, models.Dim(l.Model()))
	ll := c.Maximum(theta)
	return Fit{Theta: theta, LogLik: ll, GradNorm: math.NaN(), Evals: 1}, nil
}

// Auto chooses by what the likelihood offers. A maximum in closed form is taken.
// With an EM step: a few accelerated EM steps, which are robust far from a
// maximum, then Newton. Otherwise Newton. Where Newton does not arrive (on a curved
// ridge, along which two units of a network drift apart without end, its steps are
// short), LevenbergMarquardt goes on if there are residuals, and then LBFGS, which
// Newton finishes. Residuals without a score go to LevenbergMarquardt at once,
// because Newton would difference the log-likelihood. With many coordinates
// LBFGS alone, as long as the d×d Hessian is not affordable.
type Auto struct {
	MaxIter int // iterations of Newton, or of LBFGS or EM alone; 0 means its default
}

const (
	autoEMSteps   = 5   // EM steps before Newton
	autoNewtonDim = 40  // coordinates up to which Newton comes first
	autoPolishDim = 200 // coordinates up to which it finishes
	autoIter      = 100 // iterations of Newton before LBFGS takes over
)

// Maximize implements Method.
func (a Auto) Maximize(ctx context.Context, l models.Likelihood, start []float64, rng *rand.Rand) (Fit, error) {
	return a.For(l).Maximize(ctx, l, start, rng)
}

// For returns the method that Auto uses for l.
func (a Auto) For(l models.Likelihood) Method {
	if _, ok := l.(models.Maximizer); ok {
		return Closed{}
	}
	d := models.Dim(l.Model())
	newton := Newton{MaxIter: a.MaxIter}
	if a.MaxIter <= 0 {
		newton.MaxIter = autoIter
	}
	ridge := Then{LBFGS{}, newton}
	if _, ok := l.(models.EMStepper); ok {
		if d > autoPolishDim {
			return EM{MaxIter: a.MaxIter}
		}
		return Then{EM{MaxIter: autoEMSteps}, Newton{MaxIter: a.MaxIter}}
	}
	switch {
	case d <= autoNewtonDim:
		if r, ok := l.(models.Residualer); ok {
			if _, ok := r.LeastSquares(); ok {
				squares := OrElse{LevenbergMarquardt{MaxIter: a.MaxIter}, ridge}
				if _, ok := l.(models.Scorer); ok {
					return OrElse{newton, squares}
				}
				return OrElse{squares, newton}
			}
		}
		return OrElse{newton, ridge}
	case d <= autoPolishDim:
		return ridge
	}
	return LBFGS{MaxIter: a.MaxIter}
}
