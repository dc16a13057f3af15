package dynamics

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/neuromanifold/neuromanifold/models"
)

// An Ensemble is many trajectories of on-line gradient descent,
// θ ← θ + η s(θ; x, y), with a new observation of the teacher for each of them at
// every step. A family that can advance them together (models.Stepper) does, the
// others take turns; neither changes what a trajectory is: it depends on its start
// and its own random numbers alone. One goroutine.
type Ensemble struct {
	n, dim int
	step   float64
	many   models.Trajectories
	flows  []Flow
	theta  [][]float64
	rngs   []*rand.Rand
	over   []bool // diverged or left the domain
	taken  int
}

// NewEnsemble returns a trajectory for each start, which draws its random numbers from
// stream(i). It returns an error for the starts outside the domain, for what NewSampled
// refuses, and where labels without noise are asked of a family that cannot leave it out.
func NewEnsemble(o *Objective, starts [][]float64, opt models.OnlineOptions, stream func(i int) *rand.Rand) (*Ensemble, error) {
	if !(opt.Step > 0) || math.IsInf(opt.Step, 0) {
		return nil, fmt.Errorf("a step of %v: want a finite number above 0", opt.Step)
	}
	if len(starts) == 0 {
		return nil, errors.New("an ensemble without trajectories")
	}
	if o.truth == nil {
		return nil, errors.New("an ensemble learns from a teacher, not from data")
	}
	for i, s := range starts {
		if err := models.CheckTheta(o.Model(), s); err != nil {
			return nil, fmt.Errorf("start %d: %w", i, err)
		}
	}
	e := &Ensemble{n: len(starts), dim: models.Dim(o.Model()), step: opt.Step}
	if s, ok := o.Model().(models.Stepper); ok {
		if e.many = s.Online(o.truth, o.at, e.n, opt); e.many != nil {
			for i, s := range starts {
				e.many.Start(i, s, stream(i))
			}
			return e, nil
		}
	}
	if opt.NoiseFree {
		return nil, fmt.Errorf("%v from %v: labels without noise are not available", o.Model(), o.truth)
	}
	e.over = make([]bool, e.n)
	for i, s := range starts {
		src, err := NewSampled(o, 1)
		if err != nil {
			return nil, err
		}
		f, err := NewSGD(src, len(s), opt.Step)
		if err != nil {
			return nil, err
		}
		e.flows, e.theta, e.rngs = append(e.flows, f), append(e.theta, slices.Clone(s)), append(e.rngs, stream(i))
	}
	return e, nil
}

// Len returns the number of trajectories.
func (e *Ensemble) Len() int { return e.n }

// Together reports whether the family advances them together.
func (e *Ensemble) Together() bool { return e.many != nil }

// Advance takes n steps of every trajectory. One that diverges, or leaves the domain,
// becomes NaN or infinite and stays so.
func (e *Ensemble) Advance(n int) {
	e.taken += n
	if e.many != nil {
		e.many.StepMany(n)
		return
	}
	for i, f := range e.flows {
		for k := 0; k < n && !e.over[i]; k++ {
			if _, err := f.Step(e.theta[i], 0, e.rngs[i]); err != nil {
				e.over[i] = true
			}
		}
	}
}

// Time is τ, the step size times the number of steps.
func (e *Ensemble) Time() float64 { return float64(e.taken) * e.step }

// At fills dst (d) with the parameters of trajectory i.
func (e *Ensemble) At(dst []float64, i int) {
	if e.many != nil {
		e.many.At(dst, i)
		return
	}
	copy(dst, e.theta[i])
	if e.over[i] {
		for j := range dst {
			dst[j] = math.NaN()
		}
	}
}

// Watch advances the trajectories to time until and shows each to see at steps of look
// in τ, which θ is valid for; a trajectory is no longer shown once see has returned
// false. It ends early when none is left. It returns the error of the context, and none
// else.
func (e *Ensemble) Watch(ctx context.Context, until, look float64, see func(i int, tau float64, theta []float64) bool) error {
	stride := max(1, int(math.Round(look/e.step)))
	last := int(math.Ceil(until / e.step))
	done := make([]bool, e.n)
	theta := make([]float64, e.dim)
	for open := e.n; e.taken < last && open > 0; {
		if err := ctx.Err(); err != nil {
			return err
		}
		e.Advance(min(stride, last-e.taken))
		for i := range e.n {
			if done[i] {
				continue
			}
			e.At(theta, i)
			if !see(i, e.Time(), theta) {
				done[i] = true
				open--
			}
		}
	}
	return nil
}
