package selection

import "math"

// BIC is −2ℓ + k log n (Schwarz 1978).
func BIC(loglik float64, k, n int) float64 { return -2*loglik + float64(k)*math.Log(float64(n)) }

// HQIC is −2ℓ + 2k log log n (Hannan and Quinn 1979), for n ≥ 3.
func HQIC(loglik float64, k, n int) (float64, bool) {
	if n < 3 {
		return 0, false
	}
	return -2*loglik + 2*float64(k)*math.Log(math.Log(float64(n))), true
}

var bic = Criterion{
	Name: "bic", Aim: Evidence,
	Doc: "Schwarz: −2ℓ + d log n; over-charges a model that is singular at the truth",
	Ref: "G. Schwarz (1978), Annals of Statistics 6:461-464",
	Score: func(all []*Material, i int) Score {
		m := all[i]
		return Score{Value: BIC(m.Fit.LogLik, m.Fit.Dim, m.Fit.N), Bound: Asymptotic}
	},
}

var hqic = Criterion{
	Name: "hqic", Aim: Evidence,
	Doc: "Hannan and Quinn: −2ℓ + 2d log log n",
	Ref: "E. J. Hannan, B. G. Quinn (1979), Journal of the Royal Statistical Society B 41:190-195",
	Score: func(all []*Material, i int) Score {
		m := all[i]
		v, ok := HQIC(m.Fit.LogLik, m.Fit.Dim, m.Fit.N)
		if !ok {
			return refuse("needs three observations")
		}
		return Score{Value: v}
	},
}
