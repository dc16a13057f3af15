package dynamics

import (
	"context"
	"math"
)

// dense follows a Dense flow to the end of the clock and reads the points to record
// from its extension.
func (r *runner) dense(ctx context.Context, f Dense, times []float64) error {
	x := make([]float64, len(r.theta))
	for len(times) > 0 {
		dt, stop, err := r.step(ctx, r.clock.Until-r.tau)
		if stop || err != nil {
			return err
		}
		seen := 0.0 // up to here the step is without the event
		for len(times) > 0 && times[0] < r.tau+dt*(1-1e-14) {
			t := times[0] - r.tau
			f.At(x, t)
			l := r.loss(x)
			if !finite(l) {
				// The extension may leave a domain that the trajectory does not leave, by
				// no more than its error: a shorter step ends here instead.
				copy(r.theta, r.before)
				f.restart()
				if dt, err = f.Step(r.theta, t, r.rng); err != nil {
					r.end(stopOf(err), err.Error())
					return nil
				}
				seen = min(seen, dt)
				break
			}
			if r.crossed(f, x, seen, t) {
				return nil
			}
			r.record(x, times[0], l)
			times, seen = times[1:], t
		}
		if r.crossed(f, r.theta, seen, dt) {
			return nil
		}
		r.tau += dt
		if len(times) == 0 || r.tau < times[0]*(1-1e-14) {
			continue
		}
		l := r.loss(r.theta)
		if !finite(l) {
			r.end(Diverged, "the loss is not finite")
			return nil
		}
		r.record(r.theta, r.tau, l)
		times = times[1:]
	}
	return nil
}

// crossed looks whether the event has happened between lo and hi after the start of
// the last step, at whose later end θ is x, and if so ends the run there. The zero of
// the event on the extension is stepped to, and moved by what the event is there: one
// step of Newton's method, with the slope of the extension.
func (r *runner) crossed(f Dense, x []float64, lo, hi float64) bool {
	if r.clock.Event == nil {
		return false
	}
	b := r.clock.Event(x)
	if !(b*r.sign <= 0) || r.sign == 0 {
		r.sign = b
		return false
	}
	at := make([]float64, len(x))
	event := func(t float64) float64 {
		f.At(at, t)
		return r.clock.Event(at)
	}
	t, _ := r.root(lo, hi, r.sign, b, func(t float64) (float64, bool) { return event(t), true })
	side := t - 1e-3*(hi-lo)
	if side < lo {
		side = t + 1e-3*(hi-lo)
	}
	slope := (event(t) - event(side)) / (t - side)
	f.At(at, t)
	if r.again(f, t) != nil {
		copy(r.theta, at)
		r.arrive(t)
		return true
	}
	if next := t - r.clock.Event(r.theta)/slope; next > lo && next < hi && math.Abs(next-t) > 1e-14*(r.tau+t) {
		copy(at, r.theta)
		if r.again(f, next) == nil {
			t = next
		} else {
			copy(r.theta, at)
		}
	}
	r.arrive(t)
	return true
}
