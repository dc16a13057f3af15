package estimation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/neuromanifold/neuromanifold/models"
)

// MultiStart runs a method from many starts and records every distinct maximum
// with how many starts reached it. The starts are, in order: the start passed to
// Maximize, unless it is nil; those of Given; and Starts random ones, proposed
// by the likelihood from its data (models.Starter), never from a truth.
//
// Two ends count as one maximum if their log-likelihoods agree to 1e-6 nats (and
// 1e-9 of ℓ): on a singular set one law has many θ, so that θ cannot tell them
// apart. The fit is the highest end that does not sit on a variance floor; ends
// that do are among the maxima. Ties go to the lowest index of start.
type MultiStart struct {
	Method Method      // climbs from one start; nil means Auto{}
	Starts int         // random starts; 0 means 20, negative means none
	Screen int         // proposals for each random start, of which the highest is climbed from; 0 means 1
	Given  [][]float64 // further starts (d each), as embedded fits of smaller models

	// Each runs the starts; nil means in order, on streams split from rng. An
	// Each that runs tasks at the same time needs Bind, because a Likelihood
	// serves one goroutine.
	Each models.Each
	// Bind returns a Likelihood of the same model and data for one task.
	Bind func() (models.Likelihood, error)
}

// DefaultStarts is the number of random starts where none is asked for.
const DefaultStarts = 20

// ErrNoStart is wrapped by the error for a likelihood that proposes no starts
// when none is given.
var ErrNoStart = errors.New("no start")

// Maximize implements Method; start may be nil. It returns the best Fit with
// Maxima and Starts filled in, Theta canonical, Iter and Evals summed over all
// starts.
func (ms MultiStart) Maximize(ctx context.Context, l models.Likelihood, start []float64, rng *rand.Rand) (Fit, error) {
	given := ms.Given
	if start != nil {
		given = append([][]float64{start}, given...)
	}
	for _, g := range given {
		if err := checkStart(l, g); err != nil {
			return Fit{}, err
		}
	}
	random := ms.Starts
	if random == 0 {
		random = DefaultStarts
	}
	random = max(random, 0)
	if _, closed := l.(models.Maximizer); closed && ms.auto() {
		// The global maximum in closed form: one call says it all.
		given, random = [][]float64{make([]float64, models.Dim(l.Model()))}, 0
	} else if _, ok := l.(models.Starter); !ok {
		if len(given) == 0 {
			return Fit{}, fmt.Errorf("%v: %w: the family proposes none, give one", l.Model(), ErrNoStart)
		}
		random = 0
	}
	if len(given)+random == 0 {
		return Fit{}, fmt.Errorf("%v: %w: none given and none asked for", l.Model(), ErrNoStart)
	}
	if ms.Each != nil && ms.Bind == nil {
		return Fit{}, errors.New("estimation: MultiStart with Each needs Bind: a likelihood serves one goroutine")
	}
	ends, err := ms.climbAll(ctx, l, given, random, rng)
	if err != nil {
		return Fit{}, err
	}
	return record(l, ends), nil
}

func (ms MultiStart) auto() bool {
	if ms.Method == nil {
		return true
	}
	_, ok := ms.Method.(Auto)
	return ok
}

// climbAll returns the end of every start, in order.
func (ms MultiStart) climbAll(ctx context.Context, l models.Likelihood, given [][]float64, random int, rng *rand.Rand) ([]Fit, error) {
	method := ms.Method
	if method == nil {
		method = Auto{}
	}
	ends := make([]Fit, len(given)+random)
	shared := newSpace(l)
	task := func(i int, rng *rand.Rand) error {
		sp := shared
		if ms.Bind != nil && ms.Each != nil {
			l, err := ms.Bind()
			if err != nil {
				return err
			}
			sp = newSpace(l)
		}
		var from []float64
		if i < len(given) {
			from = given[i]
		} else {
			from = ms.propose(sp, rng)
		}
		fit, err := climb(ctx, method, sp, from, rng)
		ends[i] = fit
		return err
	}
	switch {
	case ms.Each != nil:
		return ends, ms.Each(len(ends), task)
	case random == 0:
		for i := range ends {
			if err := task(i, rng); err != nil {
				return nil, err
			}
		}
		return ends, nil
	case rng == nil:
		return nil, errors.New("estimation: random starts need a generator")
	}
	return ends, models.Serial(rng)(len(ends), task)
}

// propose returns the highest of Screen proposals.
func (ms MultiStart) propose(sp *space, rng *rand.Rand) []float64 {
	starter := sp.l.(models.Starter)
	best := make([]float64, sp.d)
	starter.Start(best, rng)
	if ms.Screen <= 1 {
		return best
	}
	at := sp.l.LogLik(best)
	x := make([]float64, sp.d)
	for range ms.Screen - 1 {
		starter.Start(x, rng)
		if ll := sp.l.LogLik(x); ll > at {
			at = ll
			best, x = x, best
		}
	}
	return best
}

// record sorts the ends of all starts into distinct maxima.
func record(l models.Likelihood, ends []Fit) Fit {
	canon, _ := l.Model().(models.Canonicalizer)
	floor, _ := l.(models.FloorReporter)
	order := make([]int, 0, len(ends))
	evals, iters := 0, 0
	for i := range ends {
		evals += ends[i].Evals
		iters += ends[i].Iter
		if !math.IsInf(ends[i].LogLik, -1) && !math.IsNaN(ends[i].LogLik) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(ends[b].LogLik, ends[a].LogLik) })
	var maxima []Maximum
	floored := make([][]string, len(ends))
	for _, i := range order {
		if canon != nil {
			canon.Canonicalize(ends[i].Theta)
		}
		if floor != nil {
			floored[i] = floor.Floored(ends[i].Theta)
		}
	}
	const unassigned = -1
	of := make([]int, len(ends)) // index of start → index of maximum
	for i := range of {
		of[i] = unassigned
	}
	for _, i := range order {
		e := &ends[i]
		for k := range maxima {
			m := &maxima[k]
			if m.LogLik-e.LogLik <= 1e-6+1e-9*math.Abs(m.LogLik) && (len(floored[i]) > 0) == (len(m.Floored) > 0) {
				of[i] = k
				m.Reached++
				m.First = min(m.First, i)
				if m.Status != Converged && e.Status == Converged {
					m.Status = Converged
				}
				break
			}
		}
		if of[i] == unassigned {
			of[i] = len(maxima)
			maxima = append(maxima, Maximum{
				Theta: e.Theta, LogLik: e.LogLik, GradNorm: e.GradNorm, Gain: e.Gain,
				Status: e.Status, Reached: 1, First: i, Floored: floored[i], Small: small(l, e.Theta),
			})
		}
	}
	return choose(ends, order, of, maxima, evals, iters)
}

// choose returns the fit: the highest end off the variance floor.
func choose(ends []Fit, order, of []int, maxima []Maximum, evals, iters int) Fit {
	if len(order) == 0 {
		fit := ends[0]
		fit.Starts.Tried = len(ends)
		fit.Evals, fit.Iter = evals, iters
		return fit
	}
	best := -1
	for _, i := range order {
		if len(maxima[of[i]].Floored) == 0 {
			best = i
			break
		}
	}
	var fit Fit
	if best >= 0 {
		fit = ends[best]
		fit.Status = maxima[of[best]].Status
	} else {
		best = order[0]
		fit = ends[best]
		fit.Status = Boundary
		fit.Warnings = append(fit.Warnings, "every start ended on the variance floor: no interior maximum was found")
	}
	fit.Theta = slices.Clone(fit.Theta)
	fit.Maxima = maxima
	fit.Starts = Starts{Tried: len(ends), ReachedBest: maxima[of[best]].Reached}
	fit.Evals, fit.Iter = evals, iters
	return fit
}

// small lists the components that hold too few observations.
func small(l models.Likelihood, theta []float64) []Holding {
	h, ok := l.(models.Holder)
	if !ok {
		return nil
	}
	dst := make([]float64, h.Components())
	h.Holdings(dst, theta)
	var out []Holding
	for i, v := range dst {
		if v < MinHolding {
			out = append(out, Holding{Component: i + 1, Points: v})
		}
	}
	return out
}
