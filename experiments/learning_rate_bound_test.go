package experiments

import (
	"math"
	"testing"

	"github.com/neuromanifold/neuromanifold/internal/mc"
)

// With 0.8 of the predicted critical rate the loss never rises, with 1.5 of it it
// does: by a factor 17 for relu and 7.5 for linear units in the median of ten
// networks of width 200 at 60 samples, 40 steps (independent implementation,
// numpy 1.24, 2026-11). The largest eigenvalue of a network has a standard
// deviation of 7 %, so that 0.8 is three of them below the bound. For the same
// networks the loss of the linear model rises exactly where η > 2/λ, after enough
// steps: compared where η is 10 % away from it.
func TestLearningRateBound(t *testing.T) {
	nets, s := 6, learningRateSpec{Law: wideLaws(), Width: 200, Samples: 60, Depth: 3, Steps: 40}
	if testing.Short() {
		nets, s.Width = 3, 100
	}
	type row = learningRateRow
	for _, act := range s.Law.Act {
		for _, ratio := range []float64{0.8, 1.5} {
			cell := NewCell(Var{"act", act}, Var{"ratio", ratio})
			x := sampleOf(t, nets, func(k mc.Key) (row, error) { return learningRateRun(t.Context(), s, cell, k) })
			rise, _, _ := Quantile(0.5, func(r row) float64 { return r.Rise })(x)
			if ratio < 1 && rise != 1 || ratio > 1 && !(rise > 2) {
				t.Errorf("%s: the loss rises to %v times the first in the median", cell.Name, rise)
			}
			for _, r := range x.Rows {
				if math.Abs(r.Measure-1) > 0.1 && (r.Linear > 1) != (r.Measure > 1) {
					t.Errorf("%s: linear model at %.3f of its own bound rises to %v", cell.Name, r.Measure, r.Linear)
				}
			}
		}
	}
}

// Beyond the bound the loss rises at first but a network that is not linear need
// not diverge: at up to 1.5 times the bound eight of eight networks came back below
// their first loss in the reference. Three of five are asked for here.
func TestLearningRateCatapult(t *testing.T) {
	if testing.Short() {
		t.Skip("sixty steps")
	}
	s := learningRateSpec{Law: wideLaws(), Width: 200, Samples: 60, Depth: 3, Steps: 60}
	cell := NewCell(Var{"act", "relu"}, Var{"ratio", 1.4})
	x := sampleOf(t, 5, func(k mc.Key) (learningRateRow, error) { return learningRateRun(t.Context(), s, cell, k) })
	back := 0
	for _, r := range x.Rows {
		if r.Rise > 1 && r.Final < 1 {
			back++
		}
	}
	if back < 3 {
		t.Errorf("%d of 5 networks came back: %+v", back, x.Rows)
	}
}
