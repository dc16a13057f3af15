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
// by the likelihood from its data (models.Starter), never from a truth. Where the
// likelihood can scan its domain (models.Scanner) the maxima of the scan, highest
// first, take the place of the first random ones.
//
// Two ends count as one maximum if their log-likelihoods agree to 1e-6 nats (and
// 1e-9 of ℓ): on a singular set one law has many θ, so that θ cannot tell them
// apart. The fit is the highest end that does not sit on a variance floor; ends
// that do are among the maxima, and where there is no other the status is NoMaximum.
// Ties go to the lowest index of start.
//
// All starts are drawn from rng before the first climb, so that they do not
// depend on Each.
type MultiStart struct {
	Method Method      // climbs from one start; nil means Auto{}
	Starts int         // random starts; 0 means 20, negative means none
	Given  [][]float64 // further starts (d each), as embedded fits of smaller models
	// Screen is the number of proposals for each random start; 0 means 1. With
	// more, the log-likelihood of all is evaluated and the highest are climbed
	// from that lie apart from those already chosen.
	Screen int
	// Interior keeps a maximum on the edge of an open domain (models.Edger), as
	// a moving-average root on the unit circle, from being the fit while there
	// is another. It stays among the maxima.
	Interior bool

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
	return record(l, ends, ms.Interior), nil
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
	shared := newSpace(l)
	if random > 0 {
		if rng == nil {
			return nil, errors.New("estimation: random starts need a generator")
		}
		given = append(given[:len(given):len(given)], propose(shared, random, max(ms.Screen, 1), rng)...)
	}
	ends := make([]Fit, len(given))
	task := func(i int, rng *rand.Rand) (err error) {
		sp := shared
		if ms.Each != nil {
			own, err := ms.Bind()
			if err != nil {
				return err
			}
			sp = newSpace(own)
		}
		ends[i], err = climb(ctx, method, sp, given[i], rng)
		return err
	}
	if ms.Each != nil {
		return ends, ms.Each(len(ends), task)
	}
	if rng != nil {
		return ends, models.Serial(rng)(len(ends), task)
	}
	for i := range ends {
		if err := task(i, nil); err != nil {
			return nil, err
		}
	}
	return ends, nil
}

// record sorts the ends of all starts into distinct maxima.
func record(l models.Likelihood, ends []Fit, interior bool) Fit {
	canon, _ := l.Model().(models.Canonicalizer)
	floor, _ := l.(models.FloorReporter)
	edger, _ := l.Model().(models.Edger)
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
	floored, edge := make([][]string, len(ends)), make([][]string, len(ends))
	for _, i := range order {
		if canon != nil {
			canon.Canonicalize(ends[i].Theta)
		}
		if floor != nil {
			floored[i] = floor.Floored(ends[i].Theta)
		}
		if edger != nil {
			if edge[i] = edger.Edge(ends[i].Theta); len(edge[i]) > 0 && ends[i].Status == Converged {
				ends[i].Status = Boundary
			}
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
			if m.LogLik-e.LogLik <= 1e-6+1e-9*math.Abs(m.LogLik) && (len(floored[i]) > 0) == (len(m.Floored) > 0) && (len(edge[i]) > 0) == (len(m.Edge) > 0) {
				of[i] = k
				m.Reached++
				m.First = min(m.First, i)
				break
			}
		}
		if of[i] == unassigned {
			of[i] = len(maxima)
			maxima = append(maxima, Maximum{
				Theta: e.Theta, LogLik: e.LogLik, GradNorm: e.GradNorm, Gain: e.Gain,
				Status: e.Status, Reached: 1, First: i, Floored: floored[i], Edge: edge[i], Small: small(l, e.Theta),
			})
		}
	}
	fit := choose(l.Model().Params(), ends, order, of, maxima, interior, evals, iters)
	if (fit.Status == Converged || fit.Status == Boundary) && perfectFit(l, fit.Theta) {
		fit.Status = NoMaximum
		fit.Warnings = append(fit.Warnings, passesThrough)
	}
	return fit
}

// choose returns the fit: the highest end off the variance floor, and if interior
// is wanted off the edge of the domain where there is one.
func choose(ps []models.Param, ends []Fit, order, of []int, maxima []Maximum, interior bool, evals, iters int) Fit {
	if len(order) == 0 {
		fit := ends[0]
		fit.Starts.Tried = len(ends)
		fit.Evals, fit.Iter = evals, iters
		return fit
	}
	best := -1
	for _, i := range order {
		m := &maxima[of[i]]
		if len(m.Floored) > 0 || interior && len(m.Edge) > 0 && best >= 0 {
			continue
		}
		if best < 0 || interior && len(maxima[of[best]].Edge) > 0 {
			best = i
		}
	}
	var fit Fit
	if best >= 0 {
		fit = ends[best]
	} else {
		best = order[0]
		fit = ends[best]
		fit.Status = NoMaximum
		fit.Warnings = append(fit.Warnings, "every start ended on the variance floor: no interior maximum was found")
	}
	fit.Theta = slices.Clone(fit.Theta)
	fit.Bounds = onBounds(ps, fit.Theta) // canonical labels
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
