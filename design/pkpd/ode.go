package pkpd

import (
	"cmp"
	"errors"
	"math"
	"slices"
)

// customCurve evaluates a Custom under a regimen.
type customCurve struct {
	c     *Custom
	reg   Regimen
	state []int            // where each dose goes
	work  [3]*odeWorkspace // by order, made when first needed
	index []int            // samples by time
	event []event
}

// An event changes the right-hand side or the state.
type event struct {
	time float64
	dose int
	kind eventKind
}

type eventKind uint8

const (
	eventBolus eventKind = iota
	eventStart           // of an infusion
	eventStop
)

// odeWorkspace is what one order of derivatives needs.
type odeWorkspace struct {
	machine *machine
	solver  *dopri
	rate    []float64 // of infusion, by state
	running []int     // infusions, by state
	before  []float64 // states at the last cycle on the way to steady state
}

// Bind implements Structure. At steady state (from time 0 on, one dosing record)
// the equations are integrated cycle by cycle until they repeat.
func (c *Custom) Bind(reg Regimen) (Curve, error) {
	if err := reg.Check(c.places); err != nil {
		return nil, err
	}
	cv := &customCurve{c: c, reg: slices.Clone(reg)}
	for _, d := range reg {
		cv.state = append(cv.state, max(0, slices.Index(c.places, d.Compartment)))
		if d.SteadyState && (d.Time != 0 || len(reg) > 1) {
			return nil, errors.New("pkpd: steady state of a system of differential equations: want one dosing record, at time 0")
		}
	}
	return cv, nil
}

func (cv *customCurve) workspace(order int) *odeWorkspace {
	if cv.work[order] == nil {
		c := cv.c
		alg := algebra{p: len(c.params), order: order}
		n := len(c.right)
		w := &odeWorkspace{machine: newMachine(c.tape, alg), rate: make([]float64, n), running: make([]int, n), before: make([]float64, n*alg.size())}
		size := alg.size()
		w.solver = newDopri(alg, n, func(du []float64, t float64, u []float64) {
			w.machine.run(c.step, c.stateNode, t, u)
			for j, r := range c.right {
				dst := du[j*size : (j+1)*size]
				copy(dst, w.machine.val[r])
				if w.running[j] > 0 {
					for i, b := range w.machine.val[c.bio[j]] {
						dst[i] += w.rate[j] * b
					}
				}
			}
		})
		cv.work[order] = w
	}
	return cv.work[order]
}

// Eval implements Curve.
func (cv *customCurve) Eval(out *Jets, gamma []float64, at []Sample, order int) error {
	c := cv.c
	if err := check(c.params, len(c.responses), gamma, at, order); err != nil {
		return err
	}
	out.Resize(len(at), len(gamma), order)
	w := cv.workspace(order)
	w.machine.params(c.once, gamma)
	cv.index = cv.index[:0]
	for i := range at {
		cv.index = append(cv.index, i)
	}
	slices.SortFunc(cv.index, func(i, j int) int {
		return cmp.Or(cmp.Compare(at[i].Time, at[j].Time), cmp.Compare(i, j))
	})
	if len(at) == 0 {
		return nil
	}
	if err := cv.begin(w, gamma); err != nil {
		return err
	}
	cv.schedule(at[cv.index[len(at)-1]].Time)
	t, k := 0.0, 0
	seen := -1.0 // time for which the response nodes are up to date
	for _, i := range cv.index {
		s := at[i]
		for k < len(cv.event) && cv.event[k].time <= s.Time+simultaneous(s.Time) {
			if err := cv.advance(w, t, cv.event[k].time); err != nil {
				return err
			}
			t = max(t, cv.event[k].time)
			cv.apply(w, cv.event[k])
			k++
		}
		if s.Time > t {
			if err := cv.advance(w, t, s.Time); err != nil {
				return err
			}
			t = s.Time
		}
		if seen != s.Time {
			w.machine.run(c.observe, c.stateNode, s.Time, w.solver.u)
			seen = s.Time
		}
		y := w.machine.val[c.value[s.Response]]
		if !finite(y) {
			return &BlowUp{Time: s.Time, State: c.responses[s.Response].Name, Value: y[0], Why: "the response or a derivative of it is not finite"}
		}
		w.machine.alg.store(out, i, y)
	}
	return nil
}

// schedule lists the events until end in order of time.
func (cv *customCurve) schedule(end float64) {
	cv.event = cv.event[:0]
	for i, d := range cv.reg {
		for m := range d.repeats(end) {
			t := d.start(m)
			if d.Duration == 0 {
				cv.event = append(cv.event, event{t, i, eventBolus})
				continue
			}
			cv.event = append(cv.event, event{t, i, eventStart}, event{t + d.Duration, i, eventStop})
		}
	}
	slices.SortFunc(cv.event, func(a, b event) int { return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.dose, b.dose)) })
}

func (cv *customCurve) apply(w *odeWorkspace, e event) {
	d, j := cv.reg[e.dose], cv.state[e.dose]
	w.solver.fresh = false
	switch e.kind {
	case eventBolus:
		size := w.machine.alg.size()
		for i, b := range w.machine.val[cv.c.bio[j]] {
			w.solver.u[j*size+i] += d.Amount * b
		}
		w.solver.peak[j] = max(w.solver.peak[j], math.Abs(w.solver.u[j*size]))
	case eventStart:
		w.rate[j] += d.Amount / d.Duration
		w.running[j]++
	case eventStop:
		w.rate[j] -= d.Amount / d.Duration
		w.running[j]--
		if w.running[j] == 0 {
			w.rate[j] = 0
		}
	}
}

// begin sets the initial state, at steady state if the regimen says so.
func (cv *customCurve) begin(w *odeWorkspace, gamma []float64) error {
	size := w.machine.alg.size()
	w.solver.reset(gamma)
	clear(w.rate)
	clear(w.running)
	for j, n := range cv.c.initial {
		u := w.solver.u[j*size : (j+1)*size]
		copy(u, w.machine.val[n])
		if !finite(u) {
			return &BlowUp{State: cv.c.places[j], Value: u[0], Why: "the initial value or a derivative of it is not finite"}
		}
		w.solver.peak[j] = math.Abs(u[0])
	}
	if len(cv.reg) != 1 || !cv.reg[0].SteadyState {
		return nil
	}
	d := cv.reg[0]
	const cycles = 10_000
	for range cycles {
		copy(w.before, w.solver.u)
		if d.Duration == 0 {
			cv.apply(w, event{kind: eventBolus})
		} else {
			cv.apply(w, event{kind: eventStart})
			if err := cv.advance(w, 0, d.Duration); err != nil {
				return err
			}
			cv.apply(w, event{kind: eventStop})
		}
		if err := cv.advance(w, d.Duration, d.Every); err != nil {
			return err
		}
		if cv.repeats(w) {
			return nil
		}
		w.solver.steps = 0
	}
	return &BlowUp{Time: cycles * d.Every, State: cv.c.places[cv.state[0]], Value: w.solver.u[cv.state[0]*size], Why: "no steady state after 10000 cycles"}
}

// repeats reports whether the last cycle changed nothing beyond the errors of
// integration.
func (cv *customCurve) repeats(w *odeWorkspace) bool {
	size := w.machine.alg.size()
	for j := range w.rate {
		s := w.solver.peak[j]
		for c, weight := range w.solver.weight {
			i := j*size + c
			if math.Abs(w.solver.u[i]-w.before[i]) > tolerance*max(s*weight, math.Abs(w.before[i])) {
				return false
			}
		}
	}
	return true
}

func (cv *customCurve) advance(w *odeWorkspace, t, end float64) error {
	if len(w.rate) == 0 {
		return nil
	}
	at, j, why := w.solver.integrate(t, end)
	if why != "" {
		return &BlowUp{Time: at, State: cv.c.places[j], Value: w.solver.u[j*w.machine.alg.size()], Why: why}
	}
	return nil
}
