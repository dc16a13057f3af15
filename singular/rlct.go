package singular

import (
	"errors"
	"fmt"

	"github.com/neuromanifold/neuromanifold/models"
)

// ErrNoRLCT is wrapped by the errors of RLCT: nothing is proved.
var ErrNoRLCT = errors.New("no learning coefficient is proved")

// RLCT returns the learning coefficient of m with θ as the truth under a prior of
// the given shape: the global one, the least over all parameters with the same
// law. It is an error for a θ outside the domain, and wraps ErrNoRLCT, with the
// reason, where the family proves nothing for this truth and prior. A value of
// kind UpperBound is a bound and no more.
func RLCT(m models.Model, truth []float64, prior models.PriorShape) (models.Coefficient, error) {
	if err := models.CheckTheta(m, truth); err != nil {
		return models.Coefficient{}, fmt.Errorf("%v: %w", m, err)
	}
	k, ok := m.(models.KnownRLCT)
	if !ok {
		return models.Coefficient{}, fmt.Errorf("%v: %w for this family", m, ErrNoRLCT)
	}
	return proved(m, prior, k.RLCT, truth)
}

// LocalRLCT returns the learning coefficient of a neighbourhood of θ. It wraps
// ErrNoRLCT where the family does not know it.
func LocalRLCT(m models.Model, truth []float64, prior models.PriorShape) (models.Coefficient, error) {
	if err := models.CheckTheta(m, truth); err != nil {
		return models.Coefficient{}, fmt.Errorf("%v: %w", m, err)
	}
	k, ok := m.(models.KnownLocalRLCT)
	if !ok {
		return models.Coefficient{}, fmt.Errorf("%v: %w locally for this family", m, ErrNoRLCT)
	}
	return proved(m, prior, k.LocalRLCT, truth)
}

func proved(m models.Model, prior models.PriorShape, known func([]float64, models.PriorShape) (models.Coefficient, bool), truth []float64) (models.Coefficient, error) {
	c, ok := known(truth, prior)
	if ok {
		return c, nil
	}
	if prior != (models.PriorShape{}) {
		if _, smooth := known(truth, models.PriorShape{}); smooth {
			return models.Coefficient{}, fmt.Errorf("%v: %w under this prior (it is under a smooth positive one)", m, ErrNoRLCT)
		}
	}
	return models.Coefficient{}, fmt.Errorf("%v: %w for this truth", m, ErrNoRLCT)
}
