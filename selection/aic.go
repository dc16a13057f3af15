package selection

import "fmt"

// AIC is −2ℓ + 2k (Akaike 1973) for a maximum ℓ over k coordinates.
func AIC(loglik float64, k int) float64 { return -2*loglik + 2*float64(k) }

// AICc is AIC + 2k(k+1)/(n−k−1), exact for Gaussian linear models (Hurvich and
// Tsai 1989, Biometrika 76, 297). It is false where n ≤ k+1.
func AICc(loglik float64, k, n int) (float64, bool) {
	rest := n - k - 1
	if rest <= 0 {
		return 0, false
	}
	return AIC(loglik, k) + 2*float64(k)*float64(k+1)/float64(rest), true
}

var aic = Criterion{
	Name: "aic", Aim: Predict,
	Doc: "Akaike: −2ℓ + 2d; its penalty is the optimism at a regular truth only",
	Ref: "H. Akaike (1973), 2nd International Symposium on Information Theory, 267-281",
	Score: func(all []*Material, i int) Score {
		m := all[i]
		return Score{Value: AIC(m.Fit.LogLik, m.Fit.Dim)}
	},
}

var aicc = Criterion{
	Name: "aicc", Aim: Predict,
	Doc: "AIC with the correction for small samples of Gaussian regressions",
	Ref: "C. M. Hurvich, C.-L. Tsai (1989), Biometrika 76:297-307",
	Score: func(all []*Material, i int) Score {
		m := all[i]
		v, ok := AICc(m.Fit.LogLik, m.Fit.Dim, m.Fit.N)
		if !ok {
			return refuse(fmt.Sprintf("needs more than d + 1 = %d observations", m.Fit.Dim+1))
		}
		return Score{Value: v}
	},
}
