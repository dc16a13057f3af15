package experiments

import (
	"math"
	"testing"

	"github.com/neuromanifold/neuromanifold/internal/mc"
)

// White noise in place of ARMA(1,1) costs n (φ+θ)²/2(1−φ²): half the sum of squares of
// the weights (φ+θ)φ^(k−1) of past innovations. Costs of the other orders are not
// negative, and no likelihood ratio of nested orders is.
func TestCriteriaARMACosts(t *testing.T) {
	s := criteriaARMASpec{Most: 1, Starts: 1}
	const n = 60
	for _, truth := range criteriaARMATruths() {
		cell := NewCell(Var{"truth", truth.name}, Var{"n", n})
		x := sampleOf(t, 6, func(k mc.Key) (criteriaARMARow, error) { return scoreARMA(t.Context(), s, cell, k) })
		phi, theta := truth.theta[0], truth.theta[1]
		want := n * (phi + theta) * (phi + theta) / 2 / (1 - phi*phi)
		for i, r := range x.Rows {
			if len(r.Risk) != 4 || math.Abs(r.Risk[0]-want) > 1e-9*(1+want) {
				t.Errorf("%s, replicate %d: costs %v, of white noise want %v", truth.name, i, r.Risk, want)
			}
			for _, v := range r.Risk {
				if !(v >= 0) {
					t.Errorf("%s, replicate %d: costs %v", truth.name, i, r.Risk)
				}
			}
			if r.AR < 0 || r.ARMA < r.AR {
				t.Errorf("%s, replicate %d: likelihood ratios %v of AR(1) and %v of ARMA(1,1)", truth.name, i, r.AR, r.ARMA)
			}
			if r.FE != -1 || r.AIC < 0 || r.SBIC < 0 {
				t.Errorf("%s, replicate %d: choices %+v", truth.name, i, r)
			}
		}
	}
}

// On long series with a pole away from zero every consistent criterion finds AR(1).
func TestCriteriaARMAFindsAR(t *testing.T) {
	s := criteriaARMASpec{Most: 1, Starts: 1}
	cell := NewCell(Var{"truth", "ar"}, Var{"n", 1000})
	tally := criteriaARMATally(s)
	x := sampleOf(t, 6, func(k mc.Key) (criteriaARMARow, error) { return scoreARMA(t.Context(), s, cell, k) })
	for _, name := range []int{1, 3} { // bic, sbic; each misses in less than one of 100
		if m, _, _ := tally.found(name, tally.truth(cell))(x); m < 0.8 {
			t.Errorf("%s finds AR(1) in a share %v of six series", tally.names[name], m)
		}
	}
}
