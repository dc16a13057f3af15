package dynamics

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// A Clock says how long to run and when to record. Its zero value is invalid.
type Clock struct {
	Until float64 // time τ to run to, above 0
	// Points is the number of recorded times, the first at 0 and the last at Until; 0
	// means 200. A step that passes several of them is recorded once, at its end.
	Points int
	// First > 0 spaces the times evenly in log τ from First on, after τ = 0.
	First float64
	// Event, if not nil, ends the run where it is first seen to have crossed 0: it is
	// looked at at the end of each step and at each recorded time. A flow in
	// continuous time is then stepped from the start of the step to the crossing. Its
	// time is right to 1e-10 of τ for the trajectory that the flow's tolerances give,
	// or, for a Dense flow, to about the square of the error of its extension if that
	// is more.
	Event func(theta []float64) float64
	// Budget is the largest number of steps; 0 means 10 million.
	Budget int
	// Watch, if not nil, is told now and then how far the run is: τ and the steps
	// taken. What it does cannot change the trajectory.
	Watch func(tau float64, steps int)
}

// A Probe is a number to record along a trajectory.
type Probe struct {
	Name string
	Read func(theta []float64) float64
}

// Stop says why a trajectory ended.
type Stop int

const (
	Done       Stop = iota // ran to the end of the clock
	AtEvent                // the event happened
	NoEvent                // ran to the end, and the event did not happen
	Diverged               // parameters, field or loss grew beyond all use
	Left                   // a step left the domain of the model
	Stiff                  // the step size shrank to nothing
	Exhausted              // more steps than the budget
	Degenerate             // the natural gradient does not exist to working accuracy
	Inaccurate             // the quadrature of the objective missed its tolerance
)

// String returns the status in one word.
func (s Stop) String() string {
	return [...]string{"done", "event", "no-event", "diverged", "left-domain", "stiff", "exhausted", "singular", "inaccurate"}[s]
}

// Advice says what to try; empty where all is well.
func (s Stop) Advice() string {
	switch s {
	case NoEvent:
		return "run longer, or ask for an event that happens"
	case Diverged:
		return "take a smaller step"
	case Left:
		return "take a smaller step, or start farther inside the domain"
	case Stiff:
		return "use the implicit method, a looser tolerance, or start where the loss is less steep"
	case Exhausted:
		return "run for a shorter time, take a larger step, or use the implicit method"
	case Degenerate:
		return "add damping, or start farther from the singular set"
	case Inaccurate:
		return "start with every weight and variance well above 0"
	case Done, AtEvent:
	}
	return ""
}

// A Path is a recorded trajectory. Every number in it is finite, but for probes
// that are not at a recorded point.
type Path struct {
	T      []float64   // recorded times τ, from 0
	Theta  *mat.Dense  // len(T)×d
	Loss   []float64   // L(θ), in nats per observation
	Probes [][]float64 // one series for each probe, len(T) each
	Names  []string    // of the probes
	Stop   Stop
	Reason string // one sentence; empty for Done
	Steps  int
}

// End is the last recorded parameter vector, and its time. The slice is shared
// with Theta.
func (p *Path) End() (theta []float64, tau float64) {
	return p.Theta.RawRowView(len(p.T) - 1), p.T[len(p.T)-1]
}

// Run follows flow from start, which it does not modify, and records the loss and
// the probes. The error is of the request or of the context; what happens to the
// trajectory is its Stop.
func Run(ctx context.Context, flow Flow, loss func([]float64) float64, start []float64, clock Clock, rng *rand.Rand, probes ...Probe) (*Path, error) {
	if !(clock.Until > 0) || math.IsInf(clock.Until, 0) {
		return nil, fmt.Errorf("a clock until τ = %v: want a finite time above 0", clock.Until)
	}
	if clock.Points < 0 || clock.Points == 1 || clock.First < 0 || clock.First >= clock.Until {
		return nil, fmt.Errorf("a clock with %d points, the first at %v: want at least 2, from 0 to below %v", clock.Points, clock.First, clock.Until)
	}
	for i, v := range start {
		if !(math.Abs(v) < beyond) {
			return nil, fmt.Errorf("coordinate %d of the start is %v: want a number below %.0e in size", i+1, v, beyond)
		}
	}
	r := &runner{flow: flow, loss: loss, clock: clock, rng: rng, probes: probes, theta: slices.Clone(start), p: &Path{}}
	for _, q := range probes {
		r.p.Names = append(r.p.Names, q.Name)
	}
	r.p.Probes = make([][]float64, len(probes))
	l0 := loss(start)
	if math.IsNaN(l0) || math.IsInf(l0, 0) {
		return nil, fmt.Errorf("the loss at the start is %v: start inside the domain", l0)
	}
	r.budget = clock.Budget
	if r.budget == 0 {
		r.budget = 10_000_000
	}
	r.record(r.theta, 0, l0)
	if clock.Event != nil {
		r.sign = clock.Event(r.theta)
	}
	follow := r.follow
	if f, ok := denseOf(flow); ok {
		follow = func(ctx context.Context, times []float64) error { return r.dense(ctx, f, times) }
	}
	if err := follow(ctx, clock.times()); err != nil {
		return nil, err
	}
	if clock.Event != nil && r.p.Stop == Done {
		r.p.Stop, r.p.Reason = NoEvent, fmt.Sprintf("the event did not happen by τ = %g", r.tau)
	}
	r.p.Theta = mat.NewDense(len(r.p.T), len(start), r.rows)
	return r.p, nil
}

// times returns the recorded times after 0.
func (c Clock) times() []float64 {
	n := c.Points
	if n == 0 {
		n = 200
	}
	out := make([]float64, n-1)
	for i := range out {
		f := float64(i+1) / float64(n-1)
		out[i] = f * c.Until
		if c.First > 0 && n > 2 {
			g := float64(i) / float64(n-2)
			out[i] = c.First * math.Pow(c.Until/c.First, g)
		}
	}
	out[len(out)-1] = c.Until
	return out
}

type runner struct {
	flow   Flow
	loss   func([]float64) float64
	clock  Clock
	rng    *rand.Rand
	probes []Probe
	theta  []float64
	before []float64
	rows   []float64
	p      *Path
	tau    float64
	rest   float64 // what rounding took from tau
	sign   float64 // of the event at the last step
	budget int
}

func (r *runner) record(theta []float64, tau, loss float64) {
	r.p.T = append(r.p.T, tau)
	r.p.Loss = append(r.p.Loss, loss)
	r.rows = append(r.rows, theta...)
	for i, q := range r.probes {
		r.p.Probes[i] = append(r.p.Probes[i], q.Read(theta))
	}
}

// follow steps to each of the times and records there.
func (r *runner) follow(ctx context.Context, times []float64) error {
	for _, t := range times {
		if stop, err := r.to(ctx, t); stop || err != nil {
			return err
		}
	}
	return nil
}

// step takes one step of at most most, without moving the clock; stop is true where
// the trajectory ends.
func (r *runner) step(ctx context.Context, most float64) (dt float64, stop bool, err error) {
	if r.p.Steps%256 == 0 {
		if ctx.Err() != nil {
			return 0, true, ctx.Err()
		}
		if r.clock.Watch != nil {
			r.clock.Watch(r.tau, r.p.Steps)
		}
	}
	if r.p.Steps >= r.budget {
		return 0, r.end(Exhausted, fmt.Sprintf("%d steps taken", r.p.Steps)), nil
	}
	r.before = append(r.before[:0], r.theta...)
	dt, err = r.flow.Step(r.theta, most, r.rng)
	if err != nil {
		return 0, r.end(stopOf(err), err.Error()), nil
	}
	r.p.Steps++
	return dt, false, nil
}

// to steps to time t and records there; stop is true where the trajectory ends.
func (r *runner) to(ctx context.Context, t float64) (stop bool, err error) {
	for r.tau < t*(1-1e-12) {
		dt, stop, err := r.step(ctx, t-r.tau-r.rest)
		if stop || err != nil {
			return stop, err
		}
		if r.clock.Event != nil {
			if s := r.clock.Event(r.theta); s*r.sign <= 0 && r.sign != 0 {
				r.arrive(r.locate(dt, s))
				return true, nil
			} else {
				r.sign = s
			}
		}
		r.advance(dt)
	}
	if r.tau == r.p.T[len(r.p.T)-1] {
		return false, nil // the last step passed this time as well
	}
	l := r.loss(r.theta)
	if !finite(l) {
		return r.end(Diverged, "the loss is not finite"), nil
	}
	r.record(r.theta, r.tau, l)
	return false, nil
}

// advance moves the clock by dt, without the rounding of all steps before (W. Kahan,
// Comm. ACM 8 (1965) 40): 500 steps of 0.01 end at 5.
func (r *runner) advance(dt float64) {
	dt += r.rest
	to := r.tau + dt
	r.rest = dt - (to - r.tau)
	r.tau = to
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// arrive records the event, dt after the start of the last step; θ is there.
func (r *runner) arrive(dt float64) {
	r.tau += dt
	r.p.Stop = AtEvent
	r.record(r.theta, r.tau, r.loss(r.theta))
}

// end records the last good point, unless it is recorded already.
func (r *runner) end(s Stop, reason string) bool {
	r.p.Stop, r.p.Reason = s, fmt.Sprintf("%s at τ = %g", reason, r.tau)
	if l := r.loss(r.theta); r.tau > r.p.T[len(r.p.T)-1] && finite(l) {
		r.record(r.theta, r.tau, l)
	}
	return true
}

func stopOf(err error) Stop {
	switch {
	case errors.Is(err, ErrLeft):
		return Left
	case errors.Is(err, ErrStiff):
		return Stiff
	case errors.Is(err, ErrSingular):
		return Degenerate
	case errors.Is(err, ErrInaccurate):
		return Inaccurate
	}
	return Diverged
}

// locate repeats the last step with shorter ones until it ends at the event, whose
// value at its end is b, and leaves θ there. A flow of fixed steps ends at the step.
func (r *runner) locate(dt, b float64) float64 {
	f, ok := r.flow.(restarter)
	if !ok {
		return dt
	}
	last := slices.Clone(r.theta)
	at, ok := r.root(0, dt, r.sign, b, func(t float64) (float64, bool) {
		if r.again(f, t) != nil {
			return 0, false
		}
		return r.clock.Event(r.theta), true
	})
	if !ok {
		copy(r.theta, last)
		return dt
	}
	return at
}

// again steps from the start of the last step to dt after it and leaves θ there.
func (r *runner) again(f restarter, dt float64) error {
	copy(r.theta, r.before)
	for t := 0.0; t < dt*(1-1e-14); {
		f.restart()
		h, err := f.Step(r.theta, dt-t, r.rng)
		if err != nil {
			return err
		}
		t += h
	}
	f.restart()
	return nil
}

// root returns a zero of g between lo and hi, where it is a and b, to 1e-10 of the
// time τ, by bisection with regula falsi (Illinois). What it returns is where it
// looked last, or hi.
func (r *runner) root(lo, hi, a, b float64, g func(t float64) (float64, bool)) (at float64, ok bool) {
	at = hi
	short := 1e-10 * max(r.tau+hi, 1e-300)
	for range 100 {
		if hi-lo < short || b == 0 {
			break
		}
		at = (lo*b - hi*a) / (b - a)
		if !(at > lo && at < hi) {
			at = 0.5 * (lo + hi)
		}
		s, ok := g(at)
		if !ok {
			return hi, false
		}
		if s*a > 0 {
			lo, a = at, s
			b /= 2
		} else {
			hi, b = at, s
			a /= 2
		}
	}
	return at, true
}
