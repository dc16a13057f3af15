package estimation

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/neuromanifold/neuromanifold/models"
)

// Newton climbs by Newton steps inside a trust region, in unconstrained
// coordinates. Indefinite and singular Hessians are the normal case: every step
// solves the trust-region problem exactly in the eigenbasis of the Hessian after
// diagonal scaling (Moré and Sorensen, SIAM J. Sci. Stat. Comput. 4, 1983), so
// that directions of upward curvature are climbed rather than inverted, also
// where the gradient along them vanishes (a saddle, as the overlap of two
// components is). An eigenvalue is never replaced by an infinite or a zero
// inverse: in the predicted gain it counts with its absolute value, at least
// flatFloor of the largest, and directions flatter than that are named in the
// warnings of the fit.
//
// The Hessian comes with every score where the likelihood has it (models.Curver).
// Elsewhere it is differenced from the score at the start, kept up to date by
// symmetric rank-one updates (which, unlike those of BFGS, may be indefinite),
// and differenced again where the updates mislead and before convergence is
// declared.
type Newton struct {
	MaxIter int     // iterations; 0 means 200
	Tol     float64 // gain per unit of weight that counts as none, in nats; 0 means 1e-12
}

const (
	// flatFloor is the least absolute eigenvalue, relative to the largest after
	// diagonal scaling, that a predicted gain divides by.
	flatFloor = 1e-9
	// upward is the relative eigenvalue above which a direction counts as
	// curving upward: smaller ones are rounding in a Hessian by differences.
	upward = 1e-5
)

// Maximize implements Method.
func (n Newton) Maximize(ctx context.Context, l models.Likelihood, start []float64, _ *rand.Rand) (Fit, error) {
	if err := checkStart(l, start); err != nil {
		return Fit{}, err
	}
	sp := newSpace(l)
	return n.run(ctx, sp, start)
}

func (n Newton) run(ctx context.Context, sp *space, start []float64) (Fit, error) {
	maxIter, tol := n.MaxIter, n.Tol
	if maxIter <= 0 {
		maxIter = 200
	}
	if tol <= 0 {
		tol = 1e-12
	}
	sp.evals = 0
	d := sp.d
	buf := make([]float64, 4*d)
	u, g, next, gNext := buf[:d:d], buf[d:2*d:2*d], buf[2*d:3*d:3*d], buf[3*d:]
	if !sp.toFree(u, start, 0) && !sp.toFree(u, start, 1e-8) {
		return failed(start, "the start has no unconstrained coordinates"), nil
	}
	t, h, hNext := sp.quadratic()
	ll := sp.gradHess(h, g, u)
	if math.IsInf(ll, -1) {
		return failed(start, "the log-likelihood or its score is not finite at the start"), nil
	}
	fresh := hNext != nil || sp.hess(h, u, g)
	if !fresh {
		return failed(start, "the Hessian is not finite at the start"), nil
	}
	if !t.factorize(h, u, g) {
		return failed(start, "the eigenvalues of the Hessian could not be computed"), nil
	}

	floor, _ := sp.l.(models.FloorReporter)
	fit := Fit{Status: IterationLimit}
	bad := 0 // consecutive steps that the model mispredicted
	refresh := func() bool {
		if !sp.hess(h, u, g) || !t.factorize(h, u, g) {
			fit.Status = Failed
			fit.Warnings = append(fit.Warnings, "the Hessian is not finite where the climb stopped")
			return false
		}
		fresh, bad = true, 0
		return true
	}
	for ; fit.Iter < maxIter; fit.Iter++ {
		if err := ctx.Err(); err != nil {
			return Fit{}, err
		}
		least := max(tol*sp.weight, rounding(ll, sp.weight))
		if t.gain <= least && t.top <= upward {
			if fresh {
				fit.Status = Converged
				break
			}
			if !refresh() {
				break
			}
			continue
		}
		predicted := t.step(next, u)
		if predicted <= rounding(ll, sp.weight) {
			// The next step cannot be measured in this arithmetic: an end if
			// hardly anything is left, else a climb that is stuck.
			if fresh {
				fit.Status = Failed
				if t.gain <= 1e3*least {
					fit.Status = Converged
				}
				break
			}
			if !refresh() {
				break
			}
			continue
		}
		llNext := sp.gradHess(hNext, gNext, next)
		ratio := (llNext - ll) / predicted
		good := t.adapt(ratio)
		if ratio < 0.1 {
			bad++
		} else {
			bad = 0
		}
		if hNext == nil && !math.IsInf(llNext, -1) {
			t.secant(h, u, g, next, gNext)
			fresh = false
		}
		if good {
			copy(u, next)
			copy(g, gNext)
			ll = llNext
			if hNext != nil {
				h, hNext = hNext, h
			}
			if floor != nil {
				sp.fromFree(sp.theta, u)
				if len(floor.Floored(sp.theta)) > 0 {
					fit.Status = Boundary
					break
				}
			}
		}
		if bad >= 2 && hNext == nil {
			if !refresh() {
				break
			}
		} else if hNext != nil && !good {
			continue // the model is still that of u, with another radius
		} else if !t.factorize(h, u, g) {
			fit.Status = Failed
			break
		}
	}
	fit.Theta = make([]float64, d)
	sp.fromFree(fit.Theta, u)
	fit.LogLik, fit.Gain, fit.GradNorm = ll, t.gain, sp.scaled(g, u)
	if fit.Status == Converged && t.flat > 0 {
		fit.Warnings = append(fit.Warnings, fmt.Sprintf("the log-likelihood is flat to second order in %d of %d directions", t.flat, d))
	}
	snap(sp, &fit)
	fit.Evals = sp.evals
	return fit, nil
}

// rounding is the change of ℓ that sums of this size cannot resolve.
func rounding(ll, weight float64) float64 {
	return 4e-16 * (math.Abs(ll) + weight)
}

// snap moves coordinates that ended within a hair of a bound onto it where ℓ
// does not fall, and then calls the fit a boundary one: in unconstrained
// coordinates a bound lies at infinity and would never be reached.
func snap(sp *space, fit *Fit) {
	const near = 1e-6
	moved := false
	for i, p := range sp.params {
		x := fit.Theta[i]
		var b float64
		if !math.IsInf(p.Lo, -1) && x-p.Lo <= near*(1+math.Abs(p.Lo)) {
			b = p.Lo
		} else if !math.IsInf(p.Hi, 1) && p.Hi-x <= near*(1+math.Abs(p.Hi)) {
			b = p.Hi
		} else {
			continue
		}
		fit.Theta[i] = b
		sp.evals++
		if ll := sp.l.LogLik(fit.Theta); ll >= fit.LogLik-rounding(fit.LogLik, sp.weight) {
			fit.LogLik = max(ll, fit.LogLik)
			moved = true
			continue
		}
		fit.Theta[i] = x
	}
	if moved && fit.Status == Converged {
		fit.Status = Boundary
	}
	fit.Bounds = onBounds(sp.params, fit.Theta)
}

// onBounds names the coordinates of θ that equal a bound.
func onBounds(ps []models.Param, theta []float64) []string {
	var names []string
	for i, p := range ps {
		if theta[i] == p.Lo || theta[i] == p.Hi {
			names = append(names, fmt.Sprintf("%s = %.6g", p.Name, theta[i]))
		}
	}
	return names
}
