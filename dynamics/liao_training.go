package dynamics

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

// A Stage is a part of a mini-batch training with one batch size and one learning
// rate.
type Stage struct {
	Epochs, Batch int
	Rate          float64
}

// Stages plans a training of the given epochs: the batch sizes one after the other
// for equal numbers of epochs, and the learning rate times decay from each of the
// given shares of the training on.
func Stages(epochs int, batches []int, rate, decay float64, at ...float64) []Stage {
	var out []Stage
	for e := range epochs {
		s := Stage{Epochs: 1, Batch: batches[e*len(batches)/epochs], Rate: rate}
		for _, share := range at {
			if float64(e) >= share*float64(epochs) {
				s.Rate *= decay
			}
		}
		if n := len(out); n > 0 && out[n-1].Batch == s.Batch && out[n-1].Rate == s.Rate {
			out[n-1].Epochs++
		} else {
			out = append(out, s)
		}
	}
	return out
}

// Training is stochastic gradient descent on −ℓ/B over mini-batches,
//
//	v ← μv + (α/B) Σ_batch ∂ log p,  θ ← θ + v
//
// (B. Polyak's heavy ball: what v has gathered does not feel a later change of α),
// over the rows in a new order in each epoch; what is left over at its end is a
// smaller batch.
type Training struct {
	Stages   []Stage
	Momentum float64 // μ, heavy ball; 0 ≤ μ < 1
	// Every is the distance of measured steps, the first being one; 0 means 1. A
	// smaller batch at the end of an epoch is never measured. The first steps have the
	// largest gradients, and at rates near divergence much larger ones: L then comes out
	// too large, by 6 to 18 % at a distance of 20 on the digits.
	Every int
	// Order puts the rows of the data in the order of the next epoch; nil takes a new
	// random one.
	Order func(rows []int)
}

// A TrainingResult says how a training ended.
type TrainingResult struct {
	Steps int
	// Diverged is the number of the step at which the loss or the parameters were
	// no longer finite, 0 if that did not happen. θ is then of the step before.
	Diverged int
	Reason   string // one sentence; empty where all went well
}

// Check reports what is wrong with the plan for n rows of data.
func (t Training) Check(n int) error {
	if len(t.Stages) == 0 {
		return fmt.Errorf("a training without stages")
	}
	if !(t.Momentum >= 0 && t.Momentum < 1) {
		return fmt.Errorf("momentum %v: allowed is 0 to below 1", t.Momentum)
	}
	if t.Every < 0 {
		return fmt.Errorf("every %d steps: allowed is 0 (every step) or more", t.Every)
	}
	for i, s := range t.Stages {
		switch {
		case s.Epochs < 1:
			return fmt.Errorf("stage %d of %d epochs: allowed is 1 or more", i+1, s.Epochs)
		case s.Batch < 1 || s.Batch > n:
			return fmt.Errorf("stage %d with batches of %d rows: allowed is 1 to %d, the rows of the data", i+1, s.Batch, n)
		case !(s.Rate > 0) || math.IsInf(s.Rate, 0):
			return fmt.Errorf("stage %d with learning rate %v: allowed is a finite number above 0", i+1, s.Rate)
		}
	}
	return nil
}

// Run trains θ in place on l, and shows the Gram matrices of the measured steps to
// the monitor unless it is nil. The error is of the plan, of a likelihood without
// scores, or of the context; a training that diverges has a result that says so.
func (t Training) Run(ctx context.Context, l models.Likelihood, theta []float64, monitor *LiaoMonitor, rng *rand.Rand) (TrainingResult, error) {
	n := l.N()
	if err := t.Check(n); err != nil {
		return TrainingResult{}, err
	}
	gramOf, _, err := models.ScoreGram(l)
	if err != nil {
		return TrainingResult{}, err
	}
	batch, err := models.Batch(l, nil)
	if err != nil {
		return TrainingResult{}, err
	}
	score, _ := models.Score(batch)
	s := &trainer{
		t: t, theta: theta, monitor: monitor, gramOf: gramOf, batch: batch, score: score,
		g: make([]float64, len(theta)), v: make([]float64, len(theta)), back: make([]float64, len(theta)),
	}
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	order := t.Order
	if order == nil {
		order = func(rows []int) {
			rng.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		}
	}
	for _, stage := range t.Stages {
		s.gram = mat.NewSymDense(stage.Batch, nil)
		for range stage.Epochs {
			if err := ctx.Err(); err != nil {
				return s.r, err
			}
			order(rows)
			for part := range slices.Chunk(rows, stage.Batch) {
				if !s.step(stage, part) {
					return s.r, nil
				}
			}
		}
	}
	return s.r, nil
}

// trainer is the state of a training.
type trainer struct {
	t          Training
	theta      []float64
	g, v, back []float64
	monitor    *LiaoMonitor
	gram       *mat.SymDense
	gramOf     func(gram *mat.SymDense, score, theta []float64, rows []int) float64
	batch      models.BatchLikelihood
	score      func(dst, theta []float64) float64
	r          TrainingResult
}

// step takes one step and reports whether the training goes on.
func (s *trainer) step(stage Stage, rows []int) bool {
	var loglik float64
	measured := s.monitor != nil && s.r.Steps%max(1, s.t.Every) == 0 && len(rows) == stage.Batch
	if measured {
		loglik = s.gramOf(s.gram, s.g, s.theta, rows)
	} else {
		s.batch.SetRows(rows)
		loglik = s.score(s.g, s.theta)
	}
	if loglik-loglik != 0 {
		return s.diverged("the loss is not finite")
	}
	if measured {
		if _, err := s.monitor.Observe(s.gram, stage.Rate); err != nil {
			return s.diverged(err.Error())
		}
	} else if s.monitor != nil {
		s.monitor.Skip()
	}
	copy(s.back, s.theta)
	for i, g := range s.g {
		s.v[i] = s.t.Momentum*s.v[i] + stage.Rate*(g/float64(len(rows)))
		s.theta[i] += s.v[i]
	}
	for _, x := range s.theta {
		if x-x != 0 {
			copy(s.theta, s.back)
			return s.diverged("the parameters are not finite")
		}
	}
	s.r.Steps++
	return true
}

func (s *trainer) diverged(reason string) bool {
	s.r.Diverged = s.r.Steps + 1
	s.r.Reason = fmt.Sprintf("%s at step %d: take a smaller learning rate", reason, s.r.Diverged)
	return false
}
