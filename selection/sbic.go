package selection

import (
	"math"

	"github.com/neuromanifold/neuromanifold/models"
)

// SBIC returns the logarithms of the singular BIC of Drton and Plummer (2017),
// estimates of the log marginal likelihoods of models 0, 1, … with maxima loglik
// and n rows. coef returns the learning coefficient of model i at a generic truth
// of model j, and false where j is not a submodel of i; every proper submodel
// comes before its model. A multiplicity of 0 (unknown) counts as 1. prior holds
// the prior probabilities of the models up to a factor; nil means equal ones.
//
// With L'_ij = exp(ℓ_i) n^{−λ_ij} (log n)^{m_ij−1} the values L_i > 0 solve
// Σ_{j≤i} (L_i − L'_ij) L_j P_j = 0 (their equation 3.5), which given the smaller
// models is the quadratic P_i L² + bL − c = 0. It is solved in logarithms, by the
// branch without cancellation: the root underflows nowhere.
func SBIC(loglik []float64, n int, prior []float64, coef func(i, j int) (models.Coefficient, bool)) []float64 {
	if prior != nil && len(prior) != len(loglik) {
		panic("selection: slice length mismatch")
	}
	logN := math.Log(float64(n))
	logP := make([]float64, len(loglik))
	for i := range prior {
		logP[i] = math.Log(prior[i])
	}
	out := make([]float64, len(loglik))
	for i, l := range loglik {
		local := func(c models.Coefficient) float64 {
			v := l - c.Lambda*logN
			if c.Mult > 1 {
				v += float64(c.Mult-1) * math.Log(logN)
			}
			return v
		}
		own, ok := coef(i, i)
		if !ok {
			out[i] = math.NaN()
			continue
		}
		self := local(own)
		below, logC := math.Inf(-1), math.Inf(-1) // log Σ L_j P_j, log c
		for j := range i {
			if c, ok := coef(i, j); ok {
				w := out[j] + logP[j]
				below = logAdd(below, w)
				logC = logAdd(logC, local(c)+w)
			}
		}
		if math.IsInf(below, -1) {
			out[i] = self
			continue
		}
		out[i] = logRoot(below, self+logP[i], logC, logP[i])
	}
	return out
}

// logRoot returns the logarithm of the positive root of p x² + (u − v) x − c = 0
// from the logarithms of u, v, c and p.
func logRoot(u, v, c, p float64) float64 {
	logB := math.Inf(-1) // log |u − v|
	if u != v {
		logB = max(u, v) + math.Log(-math.Expm1(-math.Abs(u-v)))
	}
	disc := 0.5 * logAdd(2*logB, 2*math.Ln2+p+c)
	if u > v {
		return math.Ln2 + c - logAdd(logB, disc)
	}
	return logAdd(logB, disc) - math.Ln2 - p
}

// logAdd is log(exp a + exp b).
func logAdd(a, b float64) float64 {
	if a < b {
		a, b = b, a
	}
	if math.IsInf(b, -1) {
		return a
	}
	return a + math.Log1p(math.Exp(b-a))
}

var sbic = Criterion{
	Name: "sbic", Aim: Evidence,
	Doc: "singular BIC: the learning coefficients that are proved, averaged over the submodels",
	Ref: "M. Drton, M. Plummer (2017), Journal of the Royal Statistical Society B 79:323-380",
	Score: func(all []*Material, i int) Score {
		// Only i and what it contains matter; a candidate list is short.
		var ids []int
		for _, w := range all[i].Within {
			ids = append(ids, w.Index)
		}
		lik := make([]float64, len(ids))
		s := Score{Bound: Asymptotic}
		for a, id := range ids {
			lik[a] = all[id].Fit.LogLik
			for _, w := range all[id].Within {
				if math.IsNaN(w.Coefficient.Lambda) {
					return refuse("no learning coefficient is known under this prior")
				}
				if w.Coefficient.Kind == models.UpperBound {
					s.Bound = Upper
				}
			}
		}
		v := SBIC(lik, all[i].Fit.N, nil, func(a, b int) (models.Coefficient, bool) { return all[ids[a]].coefficient(ids[b]) })
		s.Value = -2 * v[len(v)-1]
		if all[i].Fit.N < 3 {
			return refuse("needs three observations")
		}
		if s.Bound == Upper {
			s.Warnings = append(s.Warnings, "some learning coefficients are upper bounds")
		}
		if unbounded(all[i].Model) {
			s.Warnings = append(s.Warnings, "its theory needs a likelihood ratio that stays bounded in probability, and with free variances it grows without bound")
		}
		return s
	},
}

// unbounded reports whether the likelihood of a model has no bound, so that neither has
// its ratio to that of a smaller true one: a normal mixture with a variance for every
// component. sBIC, as BIC, is derived from ratios that are bounded in probability
// (Drton & Plummer 2017).
func unbounded(m models.Model) bool {
	x, ok := m.(*models.Mixture)
	if !ok || x.K() == 1 {
		return false
	}
	v := x.Settings().Variance
	return v != models.VarKnown && v != models.VarTied
}
