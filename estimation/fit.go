package estimation

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/neuromanifold/neuromanifold/models"
)

// A Method maximises a log-likelihood. Its settings are immutable: one value may
// serve many goroutines, each with a Likelihood of its own.
type Method interface {
	// Maximize climbs from start (d), which it neither changes nor keeps. A
	// method that finds its own starts accepts nil. rng may be nil for methods
	// that draw nothing. The error is for what cannot be done at all (a missing
	// capability, a start of wrong length, cancellation); everything that
	// happens to the numbers is told by the Status and Warnings of the Fit.
	Maximize(ctx context.Context, l models.Likelihood, start []float64, rng *rand.Rand) (Fit, error)
}

// A Fit is where a method ended, and what is known about that point.
type Fit struct {
	Theta  []float64 // θ at the end (d), owned by the caller
	LogLik float64   // ℓ(θ) in nats
	// GradNorm is the scaled gradient max_i |s_i| (1+|u_i|) / Weight in the
	// coordinates u that the method worked in (the unconstrained ones, where the
	// model has them); a component that points out of an active bound counts 0.
	// NaN where no gradient was computed.
	GradNorm float64
	// Gain is the increase of ℓ, in nats, that the last quadratic model still
	// promised. NaN where there was no such model.
	Gain     float64
	Iter     int // iterations of the method
	Evals    int // evaluations of ℓ, of the score or of an EM step
	Status   Status
	Warnings []string
	// Bounds names the coordinates on a bound of the parameter space, as
	// "pi1 = 0".
	Bounds []string

	// The record of a multi-start: one entry for every distinct maximum, highest
	// first, nil for a single climb.
	Maxima []Maximum
	Starts Starts
}

// Starts counts the starts of a multi-start.
type Starts struct {
	Tried       int `json:"tried"`
	ReachedBest int `json:"reached_best"` // ended in the maximum that is the fit
}

// A Maximum is a point where at least one start ended.
type Maximum struct {
	Theta    []float64
	LogLik   float64
	GradNorm float64
	Gain     float64
	Status   Status
	Reached  int // how many starts ended here
	First    int // index of the first of them
	// Floored names the coordinates on the variance floor: such a solution owes
	// its height to the floor and is never the fit.
	Floored []string
	// Edge names what lies on the edge of an open domain.
	Edge []string
	// Small lists the components that hold fewer than MinHolding observations:
	// an interior but spurious maximum, reported and flagged.
	Small []Holding
}

// A Holding is the share of the data that one component holds.
type Holding struct {
	Component int     // counted from 1, in canonical order
	Points    float64 // Σ_t w_t P(component | row t)
}

// MinHolding is the number of observations below which a component makes a
// maximum spurious: a variance fitted to fewer than four points tells of their
// spacing and not of a population.
const MinHolding = 4

// Sound reports whether the maximum is interior and every component holds at
// least MinHolding observations.
func (m *Maximum) Sound() bool {
	return len(m.Floored) == 0 && len(m.Edge) == 0 && len(m.Small) == 0
}

// floorsMany reports whether a component on the variance floor holds MinHolding
// observations or more: what sits on the floor is then no accident of the spacing of a
// few points.
func (m *Maximum) floorsMany() bool {
	few := map[string]bool{}
	for _, h := range m.Small {
		few[strconv.Itoa(h.Component)] = true
	}
	return slices.ContainsFunc(m.Floored, func(name string) bool {
		// As var2 or cov2_1_1; a common variance has no number, and some component is
		// not small.
		number, _, _ := strings.Cut(strings.TrimLeft(name, "covar"), "_")
		return !few[number]
	})
}

// Status says how a climb ended.
type Status int

const (
	// Converged: no more than a negligible gain is left.
	Converged Status = iota
	// IterationLimit: still climbing when the iterations ran out.
	IterationLimit
	// Boundary: the maximum lies on a bound of the parameter space, or this climb
	// ended on a variance floor, where a gradient need not vanish.
	Boundary
	// Failed: the climb could not begin or could not go on: the likelihood is
	// -Inf at the start, or no step goes up although the gradient is not small.
	Failed
	// NoMaximum: there is no maximum to report. Every end lies on a variance floor,
	// or the regression passes through all data with a free variance: the height is
	// that of the floor, or of rounding.
	NoMaximum
)

var statusNames = [...]string{"converged", "iteration limit", "boundary", "failed", "unbounded"}

var statusAdvice = [...]string{
	"nothing to do",
	"raise the iteration limit, or finish with Newton",
	"read the warnings: a bound or variance floor is active; widen it, or fit the smaller model",
	"try other starts, rescale the data, or check that the start lies inside the domain",
	"fit a smaller model, or look for repeated values, one value far from all others, or a regression without noise",
}

// Statuses lists every status in order, for tables that count them.
func Statuses() []Status { return []Status{Converged, IterationLimit, Boundary, Failed, NoMaximum} }

// String returns the status in lower case, as tables and files print it.
func (s Status) String() string {
	if s < 0 || int(s) >= len(statusNames) {
		return fmt.Sprintf("status(%d)", int(s))
	}
	return statusNames[s]
}

// Advice says what to do about the status.
func (s Status) Advice() string {
	if s < 0 || int(s) >= len(statusAdvice) {
		return ""
	}
	return statusAdvice[s]
}

// checkStart returns an error for a start that the method cannot take.
func checkStart(l models.Likelihood, start []float64) error {
	d := models.Dim(l.Model())
	if start == nil {
		return fmt.Errorf("%v: this method needs a start; MultiStart finds its own", l.Model())
	}
	if len(start) != d {
		return fmt.Errorf("%v: the start has %d values, θ has %d", l.Model(), len(start), d)
	}
	return nil
}

// failed returns the Fit of a climb that could not begin.
func failed(start []float64, why string) Fit {
	return Fit{
		Theta: append([]float64(nil), start...), LogLik: math.Inf(-1),
		GradNorm: math.NaN(), Gain: math.NaN(), Status: Failed, Warnings: []string{why},
	}
}
