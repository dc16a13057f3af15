package pkpd

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// A Dose is one dosing record.
type Dose struct {
	Compartment string  // where it goes; empty means the first of Structure.Compartments
	Time        float64 // h, when it (or the first of its repeats) starts
	Amount      float64 // mg
	Duration    float64 // h, of an infusion at constant rate Amount/Duration; 0 is a bolus
	Every       float64 // h between repeats; 0 for a single dose
	Count       int     // how many doses in all if Every > 0; 0 means until the end of sampling
	SteadyState bool    // the pattern has been going on for ever when Time comes; needs Every > 0
}

// A Regimen is the list of all doses of one individual. The order is of no
// consequence. Concentrations are right-continuous: a sample at the very time of
// a bolus sees it.
type Regimen []Dose

// Check reports what is wrong with a regimen, naming the dose (from 1) and what
// is allowed.
func (reg Regimen) Check(compartments []string) error {
	for i, d := range reg {
		bad := func(format string, args ...any) error {
			return fmt.Errorf("pkpd: dose %d: %s", i+1, fmt.Sprintf(format, args...))
		}
		finite := func(v float64) bool { return v >= 0 && !math.IsInf(v, 1) }
		switch {
		case d.Compartment != "" && !slices.Contains(compartments, d.Compartment):
			return bad("unknown compartment %q; allowed: %s", d.Compartment, strings.Join(compartments, ", "))
		case d.Compartment == "" && len(compartments) == 0:
			return bad("the model takes no doses")
		case !finite(d.Time):
			return bad("time %v h: want a finite time of at least 0", d.Time)
		case !finite(d.Amount):
			return bad("amount %v mg: want a finite amount of at least 0", d.Amount)
		case !finite(d.Duration):
			return bad("duration %v h: want a finite time of at least 0", d.Duration)
		case !finite(d.Every):
			return bad("interval %v h: want a finite time of at least 0", d.Every)
		case d.Count < 0:
			return bad("count %d: want at least 0", d.Count)
		case d.Every == 0 && (d.SteadyState || d.Count > 1):
			return bad("repeats need an interval above 0")
		case d.SteadyState && d.Duration > d.Every:
			return bad("at steady state an infusion (%v h) must end before the next one starts (%v h)", d.Duration, d.Every)
		}
	}
	return nil
}

// simultaneous is how far apart two times may be that are meant to be the same:
// the rounding of start + m × interval.
func simultaneous(t float64) float64 { return 1e-12 * (1 + math.Abs(t)) }

// repeats returns how many doses of d start at or before end.
func (d Dose) repeats(end float64) int {
	end += simultaneous(end)
	if d.Time > end {
		return 0
	}
	if d.Every == 0 {
		return 1
	}
	n := int(math.Floor((end-d.Time)/d.Every)) + 1
	for d.start(n) <= end { // the quotient rounds
		n++
	}
	for n > 1 && d.start(n-1) > end {
		n--
	}
	if d.Count > 0 {
		n = min(n, d.Count)
	}
	return n
}

// start returns the time of repeat m = 0, 1, …
func (d Dose) start(m int) float64 { return d.Time + float64(m)*d.Every }
