package selection

import "math"

// WBICTemperature is β = 1/log n, at which the posterior mean of −ℓ is the free
// energy to O(√log n) (Watanabe 2013, theorem 4). It panics if n < 3.
func WBICTemperature(n int) float64 {
	if n < 3 {
		panic("selection: WBIC needs three observations")
	}
	return 1 / math.Log(float64(n))
}

var wbic = Criterion{
	Name: "wbic", Aim: Evidence, Needs: NeedTempered,
	Doc: "widely applicable BIC: 2 E[−ℓ] at β = 1/log n; needs no learning coefficient",
	Ref: "S. Watanabe (2013), Journal of Machine Learning Research 14:867-897",
	Score: func(all []*Material, i int) Score {
		m := all[i]
		if m.Fit.N < 3 {
			return refuse("needs three observations")
		}
		t := m.Posterior.Tempered.Stops[0]
		return Score{Value: 2 * t.NL, SE: 2 * t.SE, Bound: Asymptotic}
	},
}
