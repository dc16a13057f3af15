package pkpd

import (
	"math"

	"github.com/neuromanifold/neuromanifold/internal/ode"
)

// dopri integrates the jets of a system of ordinary differential equations, and
// thereby its sensitivity equations of first and second order, by the pair of Dormand
// and Prince with the step control of Hairer, Nørsett and Wanner (Solving Ordinary
// Differential Equations I, 2nd ed., II.4, IV.2: PI with β = 0.04). The error of every
// component is held below tol times its size, where the size of a derivative in γ_a
// counts times |γ_a| against that of the state: sensitivities are as accurate as
// the solution. It is explicit: on a stiff system it ends with an error.
type dopri struct {
	alg    algebra
	states int
	tol    float64
	rhs    ode.RHS

	pair      *ode.Dopri
	u, next   []float64
	peak      []float64 // largest |u_j| so far
	weight    []float64 // of the components of a jet: 1, 1/|γ_a|, 1/|γ_aγ_b|
	h, errOld float64
	fresh     bool // the pair starts from the derivative at u
	steps     int
}

const (
	// tolerance keeps η and its derivatives good to about 1e-9.
	tolerance = 1e-10
	// negligible is the part of the largest value of a state so far below which
	// its relative error does not matter.
	negligible = 1e-8
	maxSteps   = 200_000
)

func newDopri(alg algebra, states int, rhs func(du []float64, t float64, u []float64)) *dopri {
	size := alg.size()
	n := states * size
	d := &dopri{alg: alg, states: states, tol: tolerance, pair: ode.NewDopri(n)}
	d.rhs = func(du []float64, t float64, u []float64) bool {
		rhs(du, t, u)
		return true
	}
	d.u, d.next = make([]float64, n), make([]float64, n)
	d.peak, d.weight = make([]float64, states), make([]float64, size)
	return d
}

// reset starts a new problem; the caller sets u.
func (d *dopri) reset(gamma []float64) {
	inv := func(a int) float64 {
		if gamma[a] == 0 {
			return 1
		}
		return 1 / math.Abs(gamma[a])
	}
	d.weight[0] = 1
	if d.alg.order > 0 {
		for a := range gamma {
			d.weight[1+a] = inv(a)
		}
	}
	if d.alg.order > 1 {
		i := 1 + d.alg.p
		for a := range gamma {
			for b := range a + 1 {
				d.weight[i] = inv(a) * inv(b)
				i++
			}
		}
	}
	clear(d.peak)
	d.h, d.errOld, d.fresh, d.steps = 0, 1e-4, false, 0
}

// integrate moves the solution from t to end and stops exactly there. If it
// cannot, it returns the time, the state to blame and why.
func (d *dopri) integrate(t, end float64) (at float64, state int, why string) {
	if end <= t {
		return t, 0, ""
	}
	if !d.fresh {
		d.rhs(d.pair.First(), t, d.u)
		d.fresh = true
	}
	if d.h == 0 {
		d.h = d.start(end - t)
	}
	least := 1e-14 * (end - t)
	rejected := false
	for {
		h, last := d.h, false
		if t+1.000001*h >= end {
			h, last = end-t, true
		}
		err, worst := d.step(t, h)
		d.steps++
		switch {
		case d.steps > maxSteps:
			return t, worst, "too many steps; the system is stiff, or its right-hand side jumps"
		case !(err <= 1): // or not a number
			rejected = true
			shrink := 5.0
			if !math.IsNaN(err) && !math.IsInf(err, 0) {
				shrink = min(5, math.Pow(err, 0.2-0.75*0.04)/0.9)
			}
			d.h = h / shrink
			if d.h <= max(least, 4e-16*t) {
				return t, worst, "no step is short enough to follow it"
			}
			continue
		}
		fac := math.Pow(err, 0.2-0.75*0.04) / math.Pow(d.errOld, 0.04) / 0.9
		grown := h / min(5, max(0.1, fac))
		if rejected {
			grown = min(grown, h)
		}
		rejected = false
		d.errOld = max(err, 1e-4)
		if last {
			grown = max(grown, d.h) // the end cut the step short, not the error
		}
		d.h = grown
		d.u, d.next = d.next, d.u
		d.pair.Advance()
		size := d.alg.size()
		for j := range d.peak {
			d.peak[j] = max(d.peak[j], math.Abs(d.u[j*size]))
		}
		if last {
			return end, 0, ""
		}
		t += h
	}
}

// start proposes a first step: a hundredth of the time in which the derivative
// would change the solution by its own size.
func (d *dopri) start(most float64) float64 {
	h := most
	size := d.alg.size()
	for j := range d.states {
		u, f := math.Abs(d.u[j*size]), math.Abs(d.pair.First()[j*size])
		if u > 0 && f > 0 {
			h = min(h, 0.01*u/f)
		}
	}
	return max(min(h, 0.01*most), 1e-9*most)
}

// step fills next and returns the largest error relative to what is allowed and the
// state it is in.
func (d *dopri) step(t, h float64) (float64, int) {
	d.pair.Step(d.next, d.u, t, h, d.rhs)
	defect := d.pair.Defect(h)
	size := d.alg.size()
	most, worst := 0.0, 0
	for j := range d.states {
		s := max(math.Abs(d.u[j*size]), math.Abs(d.next[j*size]), negligible*d.peak[j])
		for c, w := range d.weight {
			i := j*size + c
			e := math.Abs(defect[i])
			if e == 0 {
				continue
			}
			r := e / (d.tol * max(s*w, math.Abs(d.u[i]), math.Abs(d.next[i])))
			if !(r <= most) {
				most, worst = r, j
				if math.IsNaN(r) || math.IsInf(d.next[i], 0) {
					return math.NaN(), j
				}
			}
		}
	}
	return most, worst
}
