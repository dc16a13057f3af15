package experiments

import (
	"math"
	"testing"

	"github.com/neuromanifold/neuromanifold/internal/mc"
)

// D6: the least trapped z at u = 0.1, 0.2 and 0.4 over the tip of the wedge, measured by
// a bisection in scipy (derived here, which rounds to three digits): 0.952, 0.999 and
// 1.041, and 1 within 6 %.
func TestD6WedgeOfTheTrap(t *testing.T) {
	o, line, err := overlapLine("mlp:hidden=2", []float64{.4, 4, 10, 5})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ u, want float64 }{{.1, .952}, {.2, .999}, {.4, 1.041}} {
		z, err := edge(t.Context(), o, line, c.u)
		if err != nil {
			t.Fatal(err)
		}
		if got := (z - 1) * line.R / c.u; math.Abs(got-1) > .06 {
			t.Errorf("u = %v: (z−1)r/u = %.4f, want %v", c.u, got, c.want)
		} else {
			t.Logf("u = %v: (z−1)r/u = %.4f (%v)", c.u, got, c.want)
		}
	}
}

// The share of a box that ends in the trap: 1.7 ± 1.2 % with positive weights and
// 17.5 ± 3.5 % with weights of any sign in 120 starts each, averaged gradient descent by
// numpy (derived here). Four combined standard errors.
func TestD6MassOfTheBasin(t *testing.T) {
	if testing.Short() {
		t.Skip("60 trajectories")
	}
	s := milnorSpec{Model: "mlp:hidden=2", Teacher: []float64{.4, 4, 10, 5}, U: 1, Z: 3, W: 4, V: 12, Until: 2000}
	const n = 60
	for _, c := range []struct {
		part     string
		want, se float64
	}{{positivePart, .017, .012}, {anyPart, .175, .035}} {
		x := sampleOf(t, n, func(k mc.Key) (milnorRow, error) {
			return runMilnor(t.Context(), s, c.part, k.Stream("start"))
		})
		got, _, _ := Fraction(func(r milnorRow) bool { return r.Status == trapped })(x)
		if se := math.Hypot(c.se, math.Sqrt(c.want*(1-c.want)/n)); math.Abs(got-c.want) > 4*se {
			t.Errorf("%s: %v are trapped, want %v ± %v", c.part, got, c.want, se)
		}
	}
}
