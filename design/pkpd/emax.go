package pkpd

import (
	"fmt"
	"math"
	"slices"

	"github.com/neuromanifold/neuromanifold/models"
)

// EmaxSettings chooses a direct effect. The zero value is E = Emax C/(EC50+C).
type EmaxSettings struct {
	Driver   int  // the response of the driving model that is C; an effect site makes the effect lag
	Hill     bool // C^h in place of C
	Baseline bool // E0 + …
	Inhibit  bool // E0 (1 − Imax C^h/(IC50^h+C^h)); has a baseline anyway
}

// Emax adds to a model of concentrations the direct effect
//
//	E = E0 + Emax C^h/(EC50^h + C^h)
//
// as its last response, "E", and its parameters E0, Emax, EC50, h (those that
// were chosen) after the others. With h = 1 it is the model of Michaelis and
// Menten. At C = 0 and h < 2 a derivative in C may be infinite, and Eval says so;
// before the first dose the effect is E0 and moves with E0 alone.
type Emax struct {
	base      Structure
	set       EmaxSettings
	params    []models.Param
	responses []Response
	e0, top   int // indices in params, −1 if absent
	half, h   int
}

// NewEmax returns base with an effect. The error names a driver that base has not.
func NewEmax(base Structure, set EmaxSettings) (*Emax, error) {
	m := &Emax{base: base, set: set, params: slices.Clone(base.Params()), responses: slices.Clone(base.Responses()), e0: -1, h: -1}
	if set.Driver < 0 || set.Driver >= len(m.responses) {
		return nil, fmt.Errorf("pkpd: the driver of the effect is response %d of %d", set.Driver, len(m.responses))
	}
	param := func(name, unit string, lo, hi float64, doc string) int {
		m.params = append(m.params, models.Param{Name: name, Unit: unit, Lo: lo, Hi: hi, Doc: doc})
		return len(m.params) - 1
	}
	inf, unit := math.Inf(1), m.responses[set.Driver].Unit
	if set.Baseline || set.Inhibit {
		m.e0 = param("E0", "1", -inf, inf, "effect without drug")
	}
	if set.Inhibit {
		m.top = param("Imax", "1", 0, 1, "largest inhibition, a fraction")
		m.half = param("IC50", unit, positive, inf, "concentration of half the inhibition")
	} else {
		m.top = param("Emax", "1", -inf, inf, "largest effect of the drug")
		m.half = param("EC50", unit, positive, inf, "concentration of half the effect")
	}
	if set.Hill {
		m.h = param("h", "1", 0, inf, "Hill exponent")
	}
	m.responses = append(m.responses, Response{Name: "E", Unit: "1", Doc: "effect"})
	return m, nil
}

// Params implements Structure.
func (m *Emax) Params() []models.Param { return slices.Clone(m.params) }

// Responses implements Structure.
func (m *Emax) Responses() []Response { return slices.Clone(m.responses) }

// Compartments implements Structure.
func (m *Emax) Compartments() []string { return m.base.Compartments() }

// TimeUnit returns that of the driving model.
func (m *Emax) TimeUnit() string { return TimeUnit(m.base) }

// Bind implements Structure.
func (m *Emax) Bind(reg Regimen) (Curve, error) {
	c, err := m.base.Bind(reg)
	if err != nil {
		return nil, err
	}
	return &emaxCurve{m: m, base: c}, nil
}

type emaxCurve struct {
	m    *Emax
	base Curve
	at   []Sample
	in   Jets
	args [5][]float64 // jets of C, E0, top, half, h
	dst  []float64
}

// Eval implements Curve.
func (c *emaxCurve) Eval(out *Jets, gamma []float64, at []Sample, order int) error {
	m := c.m
	if err := check(m.params, len(m.responses), gamma, at, order); err != nil {
		return err
	}
	effect := len(m.responses) - 1
	c.at = append(c.at[:0], at...)
	for i, s := range at {
		if s.Response == effect {
			c.at[i].Response = m.set.Driver
		}
	}
	q := len(m.params) - m.own()
	if err := c.base.Eval(&c.in, gamma[:q], c.at, order); err != nil {
		return err
	}
	alg := algebra{p: len(gamma), order: order}
	size := alg.size()
	out.Resize(len(at), alg.p, order)
	for i := range c.args {
		c.args[i] = grow(c.args[i], size)
	}
	c.dst = grow(c.dst, size)
	set := func(dst []float64, i int, otherwise float64) {
		if i < 0 {
			alg.constant(dst, otherwise)
		} else {
			alg.variable(dst, i, gamma[i])
		}
	}
	set(c.args[1], m.e0, 0)
	set(c.args[2], m.top, 0)
	set(c.args[3], m.half, 0)
	set(c.args[4], m.h, 1)
	for i, s := range at {
		conc := c.args[0]
		clear(conc)
		conc[0] = c.in.Value[i]
		if order > 0 {
			copy(conc[1:], c.in.GradRow(i))
		}
		if order > 1 {
			h, row := conc[1+alg.p:], c.in.HessRow(i)
			for a := range q {
				copy(h[:a+1], row[a*q:a*q+a+1])
				h = h[a+1:]
			}
		}
		if s.Response != effect {
			alg.store(out, i, conc)
			continue
		}
		f := m.effect(c.args[0][0], c.args[1][0], c.args[2][0], c.args[3][0], c.args[4][0], order > 0 && still(conc))
		n := algebra{p: 5, order: order}.size()
		alg.compose(c.dst, f[:n], c.args[:])
		if !finite(c.dst) {
			return &BlowUp{Time: s.Time, State: "E", Value: c.dst[0], Why: "the effect or a derivative of it is not finite"}
		}
		alg.store(out, i, c.dst)
	}
	return nil
}

// own returns the number of parameters of the effect.
func (m *Emax) own() int {
	n := 2
	if m.e0 >= 0 {
		n++
	}
	if m.h >= 0 {
		n++
	}
	return n
}

// effect returns the jet of E in C, E0, top, half and h (value, 5 first, 15
// second derivatives). With L = h (ln C − ln half) and r = 1/(1+e^{−L}) the
// derivatives of the saturation are those of the logistic function. If C does not
// move, its derivatives are left out: they may be infinite at C = 0.
func (m *Emax) effect(conc, e0, top, half, h float64, fixed bool) (f [21]float64) {
	var r float64
	var r1 [3]float64 // in C, half, h
	var r2 [6]float64 // CC, C half, half half, C h, half h, h h
	switch {
	case conc > 0:
		ln := math.Log(conc / half)
		r = 1 / (1 + math.Exp(-h*ln))
		v := r / (1 + math.Exp(h*ln)) // r(1−r) without cancellation
		w := v * (1 - 2*r)
		l := [3]float64{h / conc, -h / half, ln}
		for i := range l {
			r1[i] = v * l[i]
		}
		r2 = [6]float64{
			w*l[0]*l[0] - v*h/(conc*conc),
			w * l[0] * l[1],
			w*l[1]*l[1] + v*h/(half*half),
			w*l[0]*l[2] + v/conc,
			w*l[1]*l[2] - v/half,
			w * l[2] * l[2],
		}
	case !fixed:
		// The limits at C = 0.
		inf := math.Inf(1)
		switch {
		case h < 1:
			r1[0], r2[0], r2[1], r2[3] = inf, -inf, -inf, inf
		case h == 1:
			r1[0], r2[0], r2[1] = 1/half, -2/(half*half), -1/(half*half)
			if m.h >= 0 {
				r2[3] = -inf
			}
		case h < 2:
			r2[0] = inf
		case h == 2:
			r2[0] = 2 / (half * half)
		}
	}
	if fixed {
		r1[0], r2[0], r2[1], r2[3] = 0, 0, 0, 0
	}
	// E = E0 + top r, or E0 (1 − top r): a + b r with a and b in (E0, top).
	b, bE0, bTop, bBoth := top, 0.0, 1.0, 0.0
	if m.set.Inhibit {
		b, bE0, bTop, bBoth = -e0*top, -top, -e0, -1
	}
	f[0] = e0 + b*r
	f[1], f[2], f[3] = b*r1[0], 1+bE0*r, bTop*r
	f[4], f[5] = b*r1[1], b*r1[2]
	f[6] = b * r2[0]                                                     // C C
	f[7], f[8] = bE0*r1[0], 0                                            // E0 with C, E0
	f[9], f[10], f[11] = bTop*r1[0], bBoth*r, 0                          // top with C, E0, top
	f[12], f[13], f[14], f[15] = b*r2[1], bE0*r1[1], bTop*r1[1], b*r2[2] // half
	f[16], f[17], f[18], f[19], f[20] = b*r2[3], bE0*r1[2], bTop*r1[2], b*r2[4], b*r2[5]
	return f
}
