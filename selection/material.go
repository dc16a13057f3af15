package selection

import (
	"math"
	"slices"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

// A Candidate is one member of the family that is compared.
type Candidate struct {
	Model models.Model
	Name  string // empty means the model's own text
	Label string // short, for tables, as "k=2"; empty means Name
	Order []int  // its orders, from 0 up, as {p, q} or {k}
}

// A Material is what is known of a candidate when the criteria score it.
type Material struct {
	Candidate
	Data        *models.Data
	Likelihood  models.Likelihood
	Fit         *estimation.Report
	Within      []Nested         // candidates that this one contains, itself last
	Prequential *Prequential     // NeedPrefixes
	Prior       estimation.Prior // that was asked for; nil is the weak one of the family
	Posterior   *PosteriorSet    // NeedDraws, NeedTempered, NeedEvidence
}

// Nested is a candidate that another one contains.
type Nested struct {
	Index int
	// Coefficient is the learning coefficient of the larger model at a truth in
	// general position in this one: what the family proves, else the bound d/2.
	Coefficient models.Coefficient
}

// coefficient returns the learning coefficient with candidate j as the truth.
func (m *Material) coefficient(j int) (models.Coefficient, bool) {
	for _, w := range m.Within {
		if w.Index == j {
			return w.Coefficient, true
		}
	}
	return models.Coefficient{}, false
}

// singular reports whether the model is singular at a truth in one of the candidates
// that it contains, or is not known to be regular there: λ is not d/2.
func (m *Material) singular() bool {
	return slices.ContainsFunc(m.Within, func(w Nested) bool {
		return w.Coefficient.Kind == models.UpperBound || 2*w.Coefficient.Lambda != float64(m.Fit.Dim)
	})
}

// coefficientAt returns λ of the model at a truth θ under the prior of m. With a prior
// that is positive at inner points of the set of parameters with the law of θ, λ is never
// above d/2, so that there is always a bound; Jeffreys' prior vanishes there, and where
// nothing is proved of it λ is NaN.
func (m *Material) coefficientAt(theta []float64) models.Coefficient {
	var shape models.PriorShape
	if m.Prior != nil {
		shape = m.Prior.Shape()
	}
	c, err := singular.RLCT(m.Model, theta, shape)
	switch {
	case err == nil:
		return c
	case shape.Jeffreys:
		return models.Coefficient{Lambda: math.NaN()}
	}
	return models.Coefficient{Lambda: float64(models.Dim(m.Model)) / 2, Kind: models.UpperBound, Ref: "d/2, which λ never exceeds"}
}

// A PosteriorSet is the posterior of a candidate at the temperatures in use.
type PosteriorSet struct {
	Prior      estimation.Prior
	Tempered   *estimation.Tempered // its first stop is β = 1/log n
	Draws      estimation.Draws     // Terms are filled only for NeedDraws
	MeanLogLik float64              // ℓ at the posterior mean
}
