package estimation

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/neuromanifold/neuromanifold/models"
)

// ErrNoEM is wrapped by the error of EM for a likelihood without an EM step.
var ErrNoEM = errors.New("no EM step")

// EM climbs by EM steps with the squared extrapolation of Varadhan and Roland
// (Scand. J. Statist. 35, 2008, scheme S3) in unconstrained coordinates, and a
// safeguard that keeps ℓ from falling: an extrapolation that loses height is
// pulled back towards the plain EM step.
//
// Near the singular set EM is sublinear, also accelerated, and the size of its
// last step says nothing about the height that is missing. Convergence is
// therefore judged by the gain that the geometric series of the last two
// increments still promises (Aitken), and not claimed while the gradient is not
// small. EM sees no curvature: it also calls a saddle converged, such as two
// equal components. Finish with Newton (see Then).
type EM struct {
	MaxIter int     // EM steps; 0 means 2000
	Tol     float64 // gain per unit of weight that counts as none, in nats; 0 means 1e-11
	Plain   bool    // no acceleration
}

// Maximize implements Method. It needs an EMStepper.
func (e EM) Maximize(ctx context.Context, l models.Likelihood, start []float64, _ *rand.Rand) (Fit, error) {
	if err := checkStart(l, start); err != nil {
		return Fit{}, err
	}
	if _, ok := l.(models.EMStepper); !ok {
		return Fit{}, fmt.Errorf("%v: %w", l.Model(), ErrNoEM)
	}
	sp := newSpace(l)
	fit, err := e.run(ctx, sp, start)
	if err != nil || fit.Status == Failed {
		return fit, err
	}
	u, g := make([]float64, sp.d), make([]float64, sp.d)
	if sp.toFree(u, fit.Theta, 0) && !math.IsInf(sp.grad(g, u), -1) {
		fit.GradNorm = sp.scaled(g, u)
		fit.Evals++
	}
	return fit, nil
}

func (e EM) run(ctx context.Context, sp *space, start []float64) (Fit, error) {
	maxIter, tol := e.MaxIter, e.Tol
	if maxIter <= 0 {
		maxIter = 2000
	}
	if tol <= 0 {
		tol = 1e-11
	}
	em := sp.l.(models.EMStepper)
	d := sp.d
	buf := make([]float64, 6*d)
	part := func(i int) []float64 { return buf[i*d : (i+1)*d : (i+1)*d] }
	t0, t1, t2 := part(0), part(1), part(2)
	u0, u1, u2 := part(3), part(4), part(5)
	copy(t0, start)
	fit := Fit{Status: IterationLimit, Gain: math.NaN(), GradNorm: math.NaN()}
	l0 := em.EMStep(t1, t0)
	fit.Iter++
	if math.IsInf(l0, -1) || math.IsNaN(l0) || !finite(t1) {
		return failed(start, "the log-likelihood is not finite at the start"), nil
	}
	last := math.NaN() // previous increment of a plain step
	again := 0         // step from which convergence may be claimed
	for fit.Iter < maxIter {
		if err := ctx.Err(); err != nil {
			return Fit{}, err
		}
		// t0 with its image t1 and ℓ(t0) = l0 are known.
		l1 := em.EMStep(t2, t1)
		fit.Iter++
		if math.IsNaN(l1) || !finite(t2) {
			fit.Status = Failed
			fit.Warnings = append(fit.Warnings, "an EM step gave a value that is not finite")
			break
		}
		inc := l1 - l0
		alpha := -1.0
		free := !e.Plain && sp.toFree(u0, t0, 0) && sp.toFree(u1, t1, 0) && sp.toFree(u2, t2, 0)
		if free {
			rr, vv := 0.0, 0.0
			for i := range d {
				r := u1[i] - u0[i]
				v := u2[i] - u1[i] - r
				rr += r * r
				vv += v * v
			}
			if vv > 0 {
				alpha = min(-1, -math.Sqrt(rr/vv))
			}
			// Steps shrink by 1−1/|α| and increments of ℓ by its square.
			q := (1 + 1/alpha) * (1 + 1/alpha)
			fit.Gain = inc * q / (1 - q)
		} else {
			fit.Gain = aitken(inc, last)
			last = inc
		}
		if fit.Iter >= again && (inc <= rounding(l1, sp.weight) || fit.Gain <= tol*sp.weight) {
			// On the way past a saddle increments shrink before they grow: the
			// gradient tells.
			if e.small(sp, &fit, t2) {
				fit.Status = Converged
				t0, t1, l0 = t1, t2, l1
				break
			}
			again = fit.Iter + emPatience
		}
		accepted := false
		for alpha < -1.01 && fit.Iter < maxIter {
			for i := range d {
				r := u1[i] - u0[i]
				v := u2[i] - u1[i] - r
				sp.up[i] = u0[i] - 2*alpha*r + alpha*alpha*v
			}
			sp.fromFree(t0, sp.up)
			// t0 is the extrapolation; its image goes to dn so that t1, t2
			// survive a rejection.
			l := em.EMStep(sp.dn, t0)
			fit.Iter++
			if l >= l1 && finite(sp.dn) {
				copy(t1, sp.dn)
				l0 = l
				accepted = true
				break
			}
			alpha = (alpha - 1) / 2
			if alpha > -1.5 {
				break
			}
		}
		if !accepted {
			t0, t1, t2, l0 = t1, t2, t0, l1
		}
	}
	fit.Theta = append([]float64(nil), t1...)
	fit.LogLik = sp.l.LogLik(fit.Theta)
	if !(fit.LogLik >= l0) { // rounding, or an EM step on a floor that went down
		copy(fit.Theta, t0)
		fit.LogLik = l0
	}
	fit.Evals = fit.Iter + 1
	if f, ok := sp.l.(models.FloorReporter); ok && fit.Status != Failed && len(f.Floored(fit.Theta)) > 0 {
		fit.Status = Boundary
	}
	return fit, nil
}

const (
	emGradient = 1e-5 // scaled gradient above which EM does not claim convergence
	emPatience = 50   // steps until it asks again
)

// small reports whether the scaled gradient at θ is small; where it does not
// exist (on a bound) or need not vanish (on a variance floor) there is nothing
// to object.
func (e EM) small(sp *space, fit *Fit, theta []float64) bool {
	if f, ok := sp.l.(models.FloorReporter); ok && len(f.Floored(theta)) > 0 {
		return true
	}
	u, g := sp.x, sp.dn
	if !sp.toFree(u, theta, 0) || math.IsInf(sp.grad(g, u), -1) {
		return true
	}
	fit.GradNorm = sp.scaled(g, u)
	return fit.GradNorm <= emGradient
}

// aitken is the limit of the geometric series that increments last, inc begin:
// the gain still to come. Without a previous increment, or where they do not
// fall, nothing is known and the answer is NaN.
func aitken(inc, last float64) float64 {
	q := inc / last
	if math.IsNaN(q) || q >= 1 || q < 0 {
		return math.NaN()
	}
	return inc * q / (1 - q)
}
