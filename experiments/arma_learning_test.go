package experiments

import (
	"math"
	"testing"

	"github.com/neuromanifold/neuromanifold/internal/mc"
)

// The gradient is late by the inverse of the vanishing eigenvalue, the natural gradient
// is not: from a gap of 0.4 to 0.1 the first slows down by 9.2 in the eigenvalue, to
// within the half that is the way to the neighbourhood of the truth.
func TestARMALearningSlowsDownTowardsCancellation(t *testing.T) {
	s := armaLearningSpec{Phi: .6, Start: []float64{-.3, .5}, Gain: .01, Until: 1000, N: 1000, Points: 100}
	fit := func(method string, gap float64) float64 {
		r, err := runARMALearning(t.Context(), s, method, gap, mc.Key{Seed: 1})
		if err != nil || r.Status != Converged || r.Final > 1e-6 {
			t.Fatal(method, gap, r.Status, r.Final, err)
		}
		return r.Fit
	}
	ratio := s.slowest(.4) / s.slowest(.1)
	if g := fit(byGradient, .1) / fit(byGradient, .4); math.Abs(math.Log(g/ratio)) > math.Log(2) {
		t.Errorf("the gradient slows down by %.3g, the eigenvalue by %.3g", g, ratio)
	}
	if g := fit(byNatural, .1) / fit(byNatural, .4); math.Abs(g-1) > .4 {
		t.Errorf("the natural gradient slows down by %.3g", g)
	}
}
