package estimation

import (
	"context"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/optimize"

	"github.com/neuromanifold/neuromanifold/models"
)

// LBFGS climbs with gonum's limited-memory BFGS on −ℓ/Weight, in unconstrained
// coordinates. It is the method for many coordinates; for few, Newton is both
// faster and surer.
//
// The status of gonum is not passed on: on singular problems its line searches
// report failure at points that are good to rounding, and stop on flat ridges
// that are not. A stop is judged by the scaled gradient of the best point seen,
// and a climb that stopped with a larger one begins again from there, with a
// fresh memory, as long as that gains height.
type LBFGS struct {
	MaxIter int     // iterations; 0 means 1000
	Tol     float64 // scaled gradient (Fit.GradNorm) that counts as zero; 0 means 1e-7
	Memory  int     // pairs kept; 0 means 15
}

// Maximize implements Method.
func (b LBFGS) Maximize(ctx context.Context, l models.Likelihood, start []float64, _ *rand.Rand) (Fit, error) {
	if err := checkStart(l, start); err != nil {
		return Fit{}, err
	}
	return b.run(ctx, newSpace(l), start)
}

func (b LBFGS) run(ctx context.Context, sp *space, start []float64) (Fit, error) {
	maxIter, tol, memory := b.MaxIter, b.Tol, b.Memory
	if maxIter <= 0 {
		maxIter = 1000
	}
	if tol <= 0 {
		tol = 1e-7
	}
	if memory <= 0 {
		memory = 15
	}
	sp.evals = 0
	d := sp.d
	o := &objective{sp: sp, x: make([]float64, d), g: make([]float64, d), best: make([]float64, d), bestG: make([]float64, d), bestF: math.Inf(1)}
	if !sp.toFree(o.best, start, 0) && !sp.toFree(o.best, start, 1e-8) {
		return failed(start, "the start has no unconstrained coordinates"), nil
	}
	if o.at(o.best); math.IsInf(o.f, 1) {
		return failed(start, "the log-likelihood or its score is not finite at the start"), nil
	}
	problem := optimize.Problem{
		Func: func(x []float64) float64 { o.at(x); return o.f },
		Grad: func(dst, x []float64) { o.at(x); copy(dst, o.g) },
		Status: func() (optimize.Status, error) {
			if err := ctx.Err(); err != nil {
				return optimize.Failure, err
			}
			return optimize.NotTerminated, nil
		},
	}
	fit := Fit{Status: Failed, Gain: math.NaN()}
	x0 := make([]float64, d)
	for fit.Iter < maxIter {
		before := o.bestF
		copy(x0, o.best)
		res, err := optimize.Minimize(problem, x0, &optimize.Settings{
			// gonum's norm is of the gradient itself; the scaled one is at most
			// (1+max|u|) times larger, so ask for less and judge afterwards.
			GradientThreshold: 0.1 * tol / (1 + maxAbs(x0)),
			MajorIterations:   maxIter - fit.Iter,
			Converger:         &optimize.FunctionConverge{Absolute: 1e-14, Iterations: 30},
		}, &optimize.LBFGS{Store: memory})
		if e := ctx.Err(); e != nil {
			return Fit{}, e
		}
		// err is a line search that gave up or a gradient that is not finite:
		// the best point seen is what counts.
		_ = err
		if res != nil {
			fit.Iter += max(1, res.MajorIterations)
		} else {
			fit.Iter++
		}
		fit.GradNorm = sp.scaled(o.bestG, o.best) // of ℓ/Weight below
		if fit.GradNorm*sp.weight <= tol {
			fit.Status = Converged
			break
		}
		if before-o.bestF <= 1e-13*(1+math.Abs(o.bestF)) {
			break
		}
	}
	fit.GradNorm = sp.scaled(o.bestG, o.best) * sp.weight
	if fit.Status != Converged && fit.Iter >= maxIter {
		fit.Status = IterationLimit
	}
	fit.Theta = make([]float64, d)
	sp.fromFree(fit.Theta, o.best)
	fit.LogLik = -o.bestF * sp.weight
	if fit.Status == Failed {
		fit.Warnings = append(fit.Warnings, "no step goes up although the gradient is not small: finish with Newton")
	}
	if f, ok := sp.l.(models.FloorReporter); ok && len(f.Floored(fit.Theta)) > 0 {
		fit.Status = Boundary
	}
	snap(sp, &fit)
	fit.Evals = sp.evals
	return fit, nil
}

// objective is −ℓ/Weight with its gradient at the last point asked for, so that
// Func and Grad at one point cost one evaluation, and the best point seen.
type objective struct {
	sp          *space
	x, g        []float64
	f           float64
	have        bool
	best, bestG []float64
	bestF       float64
}

func (o *objective) at(x []float64) {
	if o.have && equal(o.x, x) {
		return
	}
	copy(o.x, x)
	o.have = true
	ll := o.sp.grad(o.g, o.x)
	if math.IsInf(ll, -1) {
		o.f = math.Inf(1)
		clear(o.g)
		return
	}
	o.f = -ll / o.sp.weight
	for i := range o.g {
		o.g[i] /= -o.sp.weight
	}
	if o.f < o.bestF {
		o.bestF = o.f
		copy(o.best, o.x)
		copy(o.bestG, o.g)
	}
}

func equal(a, b []float64) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func maxAbs(v []float64) float64 {
	m := 0.0
	for _, x := range v {
		m = max(m, math.Abs(x))
	}
	return m
}
