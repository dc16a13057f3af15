package experiments

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The sampled flows have no plateau that depends on u, the gradient has: by the same
// escape times as D4 (dynamics), through the experiment.
func TestD4PlateauExperiment(t *testing.T) {
	s := plateauSpec{
		Model: "mlp:hidden=2", Teacher: []float64{.4, 4, 10, 5}, Z: .6, Eta: .01,
		Adaptive: []float64{.001, .02, 1}, Until: 80, Points: 100,
	}
	for _, c := range []struct {
		method  string
		u, want float64
	}{{byGradient, .3, 29.5}, {byGradient, .1, 39.5}, {byNatural, .3, .361}, {byNatural, .1, .366}} {
		r, err := runPlateau(t.Context(), s, c.method, c.u, nil)
		if err != nil || r.Status != escaped || math.Abs(r.Escape/c.want-1) > 3e-3 {
			t.Errorf("%s, u = %v: %s at %v, want %v (%v)", c.method, c.u, r.Status, r.Escape, c.want, err)
		}
		if has := r.Length > 5; has != (c.method == byGradient) || has && r.Stratum != "overlap(1,2)" {
			t.Errorf("%s, u = %v: a plateau of length %v near %q", c.method, c.u, r.Length, r.Stratum)
		}
	}
	// The mean of twelve escapes changes by less than a third over a factor of thirty in
	// u, where that of the gradient doubles. Its standard error is near 0.03 of 0.7, and
	// the seeds are fixed.
	s.Until = 3
	var escape [2]float64
	for i, u := range []float64{.3, .01} {
		for k := range uint64(12) {
			r, err := runPlateau(t.Context(), s, byAdaptive, u, rand.New(rand.NewPCG(k, 4)))
			if err != nil || r.Status != escaped {
				t.Fatal(r.Status, err)
			}
			escape[i] += r.Escape / 12
		}
	}
	if q := escape[1] / escape[0]; !(q > .75 && q < 1.33) {
		t.Errorf("adaptive natural gradient escapes at %v", escape)
	}
}
