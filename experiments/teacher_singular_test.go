package experiments

import (
	"math"
	"testing"
)

// The constants of the slow manifold against those of a quadrature by scipy (derived
// here): ⟨J²⟩ does not enter, ⟨(PJ)²⟩ is .0166062 at s = 1.
func TestResidualCurvature(t *testing.T) {
	if got := residualCurvature(erfDerivatives, 1); math.Abs(got-.0166062) > 1e-7 {
		t.Errorf("⟨(PJ)²⟩ = %.8f, want .0166062", got)
	}
}

// D5 through the experiment, and for radial units and mixtures: u ∝ τ^(−1/2),
// L ∝ τ^(−2) by the gradient, e^(−2τ) by the natural gradient. The exponents tend to
// their limits; after τ = 1e8 they are within 0.01.
func TestD5TeacherOnSingularityExperiment(t *testing.T) {
	s := teacherSingularSpec{U: .3, Z: .4, Until: 1e8, Natural: 6, Points: 97}
	loss := func(r teacherSingularRow) float64 { return r.Loss }
	for _, c := range singularTeachers() {
		for _, method := range []string{byGradient, byNatural} {
			rows, err := c.follow(t.Context(), s, method)
			if err != nil || rows[len(rows)-1].Status != Converged {
				t.Fatal(c.name, method, err)
			}
			x := Sample[teacherSingularRow]{Rows: rows, Replicates: make([]int, len(rows))}
			if method == byNatural {
				if v, _, _ := lateSlope(loss, false)(x); math.Abs(v+2) > 2e-3 {
					t.Errorf("%s: L ∝ e^(%.5fτ)", c.name, v)
				}
				continue
			}
			u, _, _ := lateSlope(func(r teacherSingularRow) float64 { return r.U }, true)(x)
			l, _, _ := lateSlope(loss, true)(x)
			r, _, _ := c.slowRate(x)
			if math.Abs(u+.5) > .005 || math.Abs(l+2) > .01 || math.Abs(r-1) > .005 {
				t.Errorf("%s: u ∝ τ^%.4f, L ∝ τ^%.4f, c is %.4f of theory", c.name, u, l, r)
			}
		}
	}
}
