package experiments

import (
	"math"
	"testing"

	"github.com/neuromanifold/neuromanifold/internal/mc"
)

// Costs that are closed forms: of no unit n ½ E f², which is n (2/π) Σ v_i v_j
// arcsin(…)/2 for erf units; and the one unit that replaces φ(x/2) + φ(2x) best is
// 8.8455e-4 nats off per observation (spectral search, numpy), so that no fit of one
// unit is nearer.
func TestCriteriaMLPCosts(t *testing.T) {
	s := criteriaMLPSpec{Most: 2, Starts: 1}
	const n = 50
	kernel := func(a, b float64) float64 {
		return 2 / math.Pi * math.Asin(a*b/math.Sqrt((1+a*a)*(1+b*b)))
	}
	for name, want := range map[string]float64{
		"none": 0, "one": n * 0.25 * kernel(1, 1) / 2,
		"close": n * (kernel(0.5, 0.5) + 2*kernel(0.5, 2) + kernel(2, 2)) / 2,
	} {
		cell := NewCell(Var{"truth", name}, Var{"n", n})
		x := sampleOf(t, 4, func(k mc.Key) (criteriaMLPRow, error) { return scoreMLP(t.Context(), s, cell, k) })
		for i, r := range x.Rows {
			if math.Abs(r.Risk[0]-want) > 1e-8*(1+want) {
				t.Errorf("%s, replicate %d: no unit costs %v, want %v", name, i, r.Risk[0], want)
			}
			if name == "close" && r.Risk[1] < n*8.84e-4 {
				t.Errorf("replicate %d: one unit costs %v, less than the best one", i, r.Risk[1])
			}
			if r.T < 0 || r.AIC < 0 || r.AIC > 2 {
				t.Errorf("%s, replicate %d: %+v", name, i, r)
			}
		}
	}
	// λ of two units: ⅔ on none, 5/4 on one; of one unit ½ with multiplicity 2.
	for _, c := range []struct {
		units, needs, mult int
		lambda             float64
	}{{1, 0, 2, 0.5}, {2, 0, 1, 2. / 3}, {2, 1, 1, 1.25}, {2, 2, 1, 2}} {
		got, ok := networkCoefficient(c.units, c.needs)
		if !ok || math.Abs(got.Lambda-c.lambda) > 1e-12 || got.Mult != c.mult {
			t.Errorf("%d units on %d: %+v", c.units, c.needs, got)
		}
	}
}
