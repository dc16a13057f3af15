package dynamics

import (
	"fmt"
	"math"

	"github.com/neuromanifold/neuromanifold/models"
)

// An Objective is what a trajectory learns: the average over a truth, or data. It
// owns scratch and serves one goroutine.
type Objective struct {
	Likelihood models.Likelihood
	// Loss returns L(θ) in nats per observation: KL(truth‖θ) for an average, and
	// minus the mean log-likelihood for data. +Inf outside the domain.
	Loss  func(theta []float64) float64
	Route models.Route // Exact for a closed form, Quadrature, or Differences
	// Bound returns a bound on the absolute error of Loss(θ): 0 where only rounding
	// is in it. Where Estimated it is an estimate.
	Bound func(theta []float64) float64
	// Estimated is true for a fixed rule, whose error is estimated by half as many
	// nodes. That is too small, and may be 0, where θ is sharper than the nodes are
	// close: a unit with a large weight, or a narrow component between them.
	Estimated bool

	score  func(dst, theta []float64) float64
	met    func() bool // whether the last score met its tolerance; nil for always
	weight float64
	truth  models.Model
	at     []float64
}

// NewObjective returns the averaged objective of m under the law that truth has at
// the parameters at: in closed form or by adaptive quadrature where the family knows
// its average (models.Averager; for time series the loss is the divergence rate),
// otherwise by the fixed rule of models.Population. truth may have another number of
// units or components, or other orders.
func NewObjective(m, truth models.Model, at []float64) (*Objective, error) {
	if err := models.CheckTheta(truth, at); err != nil {
		return nil, fmt.Errorf("teacher %v: %w", truth, err)
	}
	if a, b := m.Shape(), truth.Shape(); a != b {
		return nil, fmt.Errorf("the student %v takes %d conditioning and %d modelled columns, the teacher %v has %d and %d", m, a.P, a.Q, truth, b.P, b.Q)
	}
	o := &Objective{truth: truth, at: append([]float64(nil), at...), weight: 1, Bound: func([]float64) float64 { return 0 }}
	if a, ok := m.(models.Averager); ok {
		if l, route := a.Average(truth, at); l != nil {
			o.Likelihood, o.score, o.met, o.Route = l, l.Score, l.Met, route
			o.Loss = func(theta []float64) float64 { kl, _ := l.Divergence(theta); return kl }
			o.Bound = func(theta []float64) float64 { _, e := l.Divergence(theta); return e }
			return o, nil
		}
	}
	return o, o.average(m)
}

// average is the average by a fixed rule. The estimate of its error is the change of the
// loss where the rule has half as many nodes per dimension; a rule that has no fewer is
// exact.
func (o *Objective) average(m models.Model) error {
	type rule struct {
		l   models.Likelihood
		top float64 // at the truth
	}
	over := func(r models.Rule) (rule, error) {
		l, err := models.Population(m, o.truth, o.at, r)
		if err != nil {
			return rule{}, err
		}
		best, err := models.Population(o.truth, o.truth, o.at, r)
		if err != nil {
			return rule{}, err
		}
		return rule{l, best.LogLik(o.at)}, nil
	}
	fine, err := over(models.Rule{})
	if err != nil {
		return err
	}
	coarse, err := over(models.Rule{Coarse: true})
	if err != nil {
		return err
	}
	o.Likelihood = fine.l
	o.Loss = func(theta []float64) float64 {
		// Rounding may leave a tiny negative difference at the truth.
		return max(0, fine.top-fine.l.LogLik(theta))
	}
	o.score, o.Route = models.Score(fine.l)
	if fine.l.N() > coarse.l.N() { // else a rule that is exact
		o.Estimated = true
		o.Bound = func(theta []float64) float64 {
			l := fine.l.LogLik(theta)
			if math.IsInf(l, -1) { // outside the domain
				return 0
			}
			return math.Abs((fine.top - l) - (coarse.top - coarse.l.LogLik(theta)))
		}
		if o.Route == models.Exact {
			o.Route = models.Quadrature
		}
	}
	o.weight = models.Weight(fine.l)
	return nil
}

// NewDataObjective returns the objective of learning from data.
func NewDataObjective(l models.Likelihood) *Objective {
	o := &Objective{Likelihood: l, weight: models.Weight(l), Bound: func([]float64) float64 { return 0 }}
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
// whether θ lies in the domain, all is finite, and a quadrature met its tolerance.
func (o *Objective) Field(dst, theta []float64) bool {
	l := o.score(dst, theta)
	if math.IsNaN(l) || math.IsInf(l, 0) || o.short() {
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

// Bounds returns Bound at every row of a path on o.
func (o *Objective) Bounds(p *Path) []float64 {
	out := make([]float64, len(p.T))
	for i := range out {
		out[i] = o.Bound(p.Theta.RawRowView(i))
	}
	return out
}

// short says whether the last score missed its tolerance.
func (o *Objective) short() bool { return o.met != nil && !o.met() }

// why is the error of a flow on o whose last evaluation is behind err.
func (o *Objective) why(err error) error {
	if err != nil && o.short() {
		return ErrInaccurate
	}
	return err
}
