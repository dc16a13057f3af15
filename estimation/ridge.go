package estimation

import (
	"context"
	"math"

	"github.com/neuromanifold/neuromanifold/models"
)

// A Ridge says how far the data let a pole and a zero of a series travel together.
// Where they cancel the law does not depend on where, so that near the cancellation the
// likelihood has a ridge along which the common root moves at almost no cost: a
// standard error of a coefficient there is that of a direction across the ridge, or
// none at all, and this stretch is what is known of the pole.
type Ridge struct {
	Pole, Zero float64 // reciprocal roots of the AR and the MA polynomial at θ̂: the nearest real pair
	Gap        float64 // |Pole − Zero|, 0 where they cancel
	Drop       float64 // nats below the fit that end the stretch
	// Lo and Hi end the stretch of poles around Pole on which the profile likelihood,
	// maximised over everything else, stays within Drop of the fit.
	Lo, Hi float64
	// LoEnd and HiEnd say whether the profile falls there (Crossing) or reaches the
	// unit circle, as near as n observations tell (AtBound: then the end is ∓1).
	LoEnd, HiEnd End
}

const (
	// ridgeDrop is half the 95 % quantile of χ² with one degree of freedom.
	ridgeDrop = 1.9207294103470
	ridgeStep = 0.25 // in artanh of the pole, between points of the profile
)

// A ridgeWalk follows the profile likelihood of one pole.
type ridgeWalk struct {
	ctx        context.Context
	l          *models.ARMAWithPole
	sp         *space
	theta      []float64 // the fit
	pole, zero float64
	level      float64
}

// findRidge returns the ridge at θ̂, nil if the model has none or the fit has no real
// pole and zero.
func findRidge(ctx context.Context, l models.Likelihood, fit *Report) (*Ridge, error) {
	pp, ok := l.(models.PoleProfiler)
	if !ok || fit.Status == Failed {
		return nil, nil
	}
	pole, zero, ok := pp.NearestPair(fit.Theta)
	if !ok {
		return nil, nil
	}
	w := &ridgeWalk{ctx: ctx, l: pp.WithPole(), theta: fit.Theta, pole: pole, zero: zero, level: fit.LogLik - ridgeDrop}
	w.sp = newSpace(w.l)
	r := &Ridge{Pole: pole, Zero: zero, Gap: math.Abs(pole - zero), Drop: ridgeDrop}
	// Within 1/(4n) of the unit circle a root cannot be told from one on it.
	edge := 0.5*math.Log(8*float64(l.N())) + ridgeStep
	var err error
	if r.Lo, r.LoEnd, err = w.end(-1, edge); err != nil {
		return nil, err
	}
	r.Hi, r.HiEnd, err = w.end(1, edge)
	return r, err
}

// end walks from the pole of the fit in one direction, then halves the last step.
func (w *ridgeWalk) end(sign, edge float64) (float64, End, error) {
	at := math.Atanh(w.pole)
	w.l.Pole = w.pole
	warm := make([]float64, w.sp.d)
	w.l.Divide(warm, w.theta, w.pole, math.NaN())
	for {
		if sign*at >= edge {
			return sign, AtBound, nil
		}
		next := at + sign*ridgeStep
		moved, ok, err := w.inside(next, warm)
		if err != nil {
			return 0, 0, err
		}
		if ok {
			at, warm = next, moved
			continue
		}
		for range 14 {
			mid := 0.5 * (at + next)
			moved, ok, err := w.inside(mid, warm)
			if err != nil {
				return 0, 0, err
			}
			if ok {
				at, warm = mid, moved
			} else {
				next = mid
			}
		}
		return math.Tanh(at), Crossing, nil
	}
}

// inside reports whether the profile at tanh u reaches the level, and where. It climbs
// from the neighbour, and if that does not reach it from the fit with both roots moved to
// tanh u.
func (w *ridgeWalk) inside(u float64, warm []float64) ([]float64, bool, error) {
	w.l.Pole = math.Tanh(u)
	pair := make([]float64, w.sp.d)
	w.l.Divide(pair, w.theta, w.pole, w.zero)
	for _, start := range [][]float64{warm, pair} {
		fit, err := Newton{}.run(w.ctx, w.sp, start)
		if err != nil {
			return nil, false, err
		}
		if fit.LogLik >= w.level {
			return fit.Theta, true, nil
		}
	}
	return nil, false, nil
}
