package dynamics

import (
	"fmt"
	"math"

	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

// An Objective is what a trajectory learns: the average over a truth, or data. It
// owns scratch and serves one goroutine.
type Objective struct {
	Likelihood models.Likelihood
	// Loss returns L(θ) in nats per observation: KL(truth‖θ) for an average, and
	// minus the mean log-likelihood for data. +Inf outside the domain.
	Loss  func(theta []float64) float64
	Route models.Route // Exact for a closed form, Quadrature, or Differences

	score  func(dst, theta []float64) float64
	weight float64
	truth  models.Model
	at     []float64
}

// NewObjective returns the averaged objective of m under the law that truth has at
// the parameters at: in closed form if the family has one (models.Averager), by
// the divergence rate for time series, otherwise by the quadrature of
// models.Population. truth may have another number of units or components.
func NewObjective(m, truth models.Model, at []float64) (*Objective, error) {
	if err := models.CheckTheta(truth, at); err != nil {
		return nil, fmt.Errorf("teacher %v: %w", truth, err)
	}
	if a, b := m.Shape(), truth.Shape(); a != b {
		return nil, fmt.Errorf("the student %v takes %d conditioning and %d modelled columns, the teacher %v has %d and %d", m, a.P, a.Q, truth, b.P, b.Q)
	}
	o := &Objective{truth: truth, at: append([]float64(nil), at...), weight: 1}
	if a, ok := m.(models.Averager); ok {
		if l, ok := a.Average(truth, at); ok {
			o.Likelihood, o.Loss, o.score, o.Route = l, l.Divergence, l.Score, models.Exact
			return o, nil
		}
	}
	if m.Shape().Series {
		k, err := seriesDivergence(m, truth, at)
		if err != nil {
			return nil, err
		}
		l := divergence{m, k}
		o.Likelihood, o.Loss = l, k
		o.score, o.Route = models.Score(l)
		return o, nil
	}
	l, err := models.Population(m, truth, at, models.Rule{})
	if err != nil {
		return nil, err
	}
	best, err := models.Population(truth, truth, at, models.Rule{})
	if err != nil {
		return nil, err
	}
	top := best.LogLik(at)
	o.Likelihood = l
	o.Loss = func(theta []float64) float64 {
		// Rounding may leave a tiny negative difference at the truth.
		return max(0, top-l.LogLik(theta))
	}
	o.score, o.Route = models.Score(l)
	if o.Route == models.Exact {
		o.Route = models.Quadrature
	}
	o.weight = models.Weight(l)
	return o, nil
}

// NewDataObjective returns the objective of learning from data.
func NewDataObjective(l models.Likelihood) *Objective {
	o := &Objective{Likelihood: l, weight: models.Weight(l)}
	o.Loss = func(theta []float64) float64 { return -l.LogLik(theta) / o.weight }
	o.score, o.Route = models.Score(l)
	return o
}

// Model returns the model that learns.
func (o *Objective) Model() models.Model { return o.Likelihood.Model() }

// Truth returns the teacher and its parameters; nil for data. The caller must not
// modify them.
func (o *Objective) Truth() (models.Model, []float64) { return o.truth, o.at }

// Field fills dst (d) with −∂L/∂θ, the score per unit of weight, and reports
// whether θ lies in the domain and all is finite.
func (o *Objective) Field(dst, theta []float64) bool {
	l := o.score(dst, theta)
	if math.IsNaN(l) || math.IsInf(l, 0) {
		return false
	}
	for i := range dst {
		dst[i] /= o.weight
		if math.IsNaN(dst[i]) || math.IsInf(dst[i], 0) {
			return false
		}
	}
	return true
}

// seriesDivergence is the divergence rate of m from a truth of the same family,
// whose orders may be lower.
func seriesDivergence(m, truth models.Model, at []float64) (func([]float64) float64, error) {
	embedded := make([]float64, models.Dim(m))
	n, ok := m.(models.Nester)
	if !ok || !n.Embed(embedded, truth, at) {
		if fmt.Sprint(m) != fmt.Sprint(truth) {
			return nil, fmt.Errorf("the teacher %v is not a member of %v: a series learns from its own family, with the same or lower orders", truth, m)
		}
		copy(embedded, at)
	}
	return singular.Divergence(m, embedded, models.Rule{})
}

// A divergence is −KL as a likelihood of one term.
type divergence struct {
	m models.Model
	k func([]float64) float64
}

func (d divergence) Model() models.Model            { return d.m }
func (d divergence) N() int                         { return 1 }
func (d divergence) LogLik(theta []float64) float64 { return -d.k(theta) }
func (d divergence) Terms(dst, theta []float64)     { dst[0] = -d.k(theta) }
