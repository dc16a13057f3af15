package experiments

import (
	"math"
	"testing"

	"github.com/neuromanifold/neuromanifold/internal/mc"
)

// During training λ_max of the regression information stays, that of the softmax
// goes to 0 and is followed by mean field with the class probabilities of the
// moment, within its bounds. The reference is one training (numpy 1.24, 2026-11) at
// M = 500: per-net standard deviation 5 % for λ_max, more for the loss.
func TestKarakidaTraining(t *testing.T) {
	if testing.Short() {
		t.Skip("trainings of wide networks")
	}
	reference := map[int][4]float64{ // loss, λ_max regression, λ_max softmax, semi-analytic
		0: {1.08, 129.5, 42.82, 42.86}, 10: {0.560, 129.5, 42.07, 42.72}, 30: {0.371, 129.5, 38.52, 38.97},
		100: {0.134, 130.1, 26.17, 26.07}, 300: {0.0390, 132.0, 9.704, 9.507}, 1000: {0.00941, 135.5, 2.562, 2.445},
	}
	s := karakidaTrainingSpec{Law: tanhLaw(), Width: 500, Samples: 100, Depth: 3, Classes: 2, Steps: []int{0, 10, 30, 100}, Ratio: 0.5}
	nets := 3
	if paperSize() {
		s.Steps, nets = append(s.Steps, 300, 1000), 8
	}
	cell := NewCell(Var{"act", "tanh"})
	x := sampleOf(t, nets, func(k mc.Key) ([]karakidaTrainingRow, error) { return karakidaTrainingRun(t.Context(), s, cell, k) })
	m, err := s.field(cell)
	if err != nil {
		t.Fatal(err)
	}
	p, err := m.Regression(s.Samples)
	if err != nil || math.Abs(p.LambdaMax-128.9) > 0.1 {
		t.Fatalf("λ_max = %v by mean field, want 128.9; %v", p.LambdaMax, err)
	}
	for i, step := range s.Steps {
		var regression, first float64
		for _, rows := range x.Rows {
			r := rows[i]
			if r.Status != Converged || r.Step != step {
				t.Fatalf("row %+v", r)
			}
			regression, first = regression+r.Regression/float64(nets), first+rows[0].Regression/float64(nets)
			if math.Abs(r.LambdaMax/r.Semi-1) > 0.2 || !(r.Lower <= r.LambdaMax && r.LambdaMax <= r.Upper && r.LambdaMax <= r.Regression/2) {
				t.Errorf("step %d: softmax λ_max = %.4g, predicted %.4g, bounds %.4g to %.4g", step, r.LambdaMax, r.Semi, r.Lower, r.Upper)
			}
			if want := reference[step]; !(r.LambdaMax/want[2] > 0.5 && r.LambdaMax/want[2] < 2 && r.Loss/want[0] > 0.4 && r.Loss/want[0] < 2.5) {
				t.Errorf("step %d: softmax λ_max = %.4g at loss %.3g, one reference net has %.4g at %.3g", step, r.LambdaMax, r.Loss, want[2], want[0])
			}
		}
		// 4 standard errors of a mean over nets, with 2 % for λ_max above its
		// Rayleigh quotient at finite width.
		if z := regression/first - 1; math.Abs(z) > 0.08 || i == 0 && math.Abs(regression/p.LambdaMax-1) > 0.02+4*0.05/math.Sqrt(float64(nets)) {
			t.Errorf("step %d: regression λ_max = %.4g, %.4g at the start, mean field %.4g", step, regression, first, p.LambdaMax)
		}
	}
}
