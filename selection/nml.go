package selection

import (
	"math"

	"github.com/neuromanifold/neuromanifold/models"
)

// A Volume is ∫ √det F dθ, or why it does not exist.
type Volume struct {
	Log    float64
	Known  bool
	Reason string // where not known
	Source string
}

// FisherVolume returns the volume of a model under its Fisher information, where it
// is known. In a singular model √det F vanishes on the singular set, and the
// expansion that the volume belongs to is not uniform there.
//
// Known are: one normal of known variance with a bounded mean; ARMA with the
// variance and the mean known, of orders (1,0) and (0,1), where it is ∫ (1−φ²)^{−1/2}
// = π, and (1,1), where it is 8G with Catalan's G. Derived here: with φ = tanh x and
// θ = −tanh y the integrand |φ+θ| (1−φ²)^{−1/2} (1−θ²)^{−1/2} (1+φθ)^{−1} dφ dθ is
// sech x sech y |tanh(x−y)| dx dy, and sech x sech(x−u) integrates to 2u/sinh u. For
// p ≥ 2 the volume of AR(p) is infinite: in partial autocorrelations the second one
// contributes ∫ dr/(1+r).
func FisherVolume(m models.Model) Volume {
	infinite := func(what string) Volume {
		return Volume{Log: math.Inf(1), Reason: "infinite: " + what}
	}
	switch m := m.(type) {
	case *models.Mixture:
		s := m.Settings()
		switch {
		case s.Variance != models.VarKnown:
			return infinite("√det F is not integrable over the variances without bounds")
		case s.Bound == 0 || math.IsInf(s.Bound, 0):
			return infinite("√det F is not integrable over the means without bounds")
		case m.K() == 1:
			return Volume{Log: math.Log(2 * s.Bound / s.Sigma), Known: true, Source: "length of the interval of means over the standard deviation"}
		}
	case *models.ARMA:
		p, q := m.Orders()
		s := m.Settings()
		switch {
		case s.Var == 0:
			return infinite("√det F is not integrable over σ² without bounds")
		case s.Mean:
			return infinite("√det F is not integrable over the mean without bounds")
		case p+q == 0:
			return Volume{Known: true, Source: "a point"}
		case p+q == 1:
			return Volume{Log: math.Log(math.Pi), Known: true, Source: "∫ (1−φ²)^{−1/2} dφ"}
		case p == 1 && q == 1:
			const catalan = 0.915965594177219015
			return Volume{Log: math.Log(8 * catalan), Known: true, Source: "8G, derived here"}
		case p == 0 || q == 0:
			return infinite("√det F is not integrable where complex roots approach the unit circle")
		}
	}
	return Volume{Log: math.NaN(), Reason: "∫ √det F is not known for this model"}
}

var nml = Criterion{
	Name: "nml", Aim: Evidence,
	Doc: "normalised maximum likelihood: exact where it can be enumerated, else the stochastic complexity",
	Ref: "J. Rissanen (1996), IEEE Transactions on Information Theory 42:40-47",
	Score: func(all []*Material, i int) Score {
		m := all[i]
		if b, ok := m.Model.(*models.BinMix); ok {
			v, err := LogBinomialMixtureNML(b.Settings().K, b.Settings().Trials, m.Fit.N)
			if err != nil {
				return refuse(err.Error())
			}
			// The code is over data sets in order, which have the likelihood of
			// the cells.
			return Score{Value: 2 * (-m.Fit.LogLik + v)}
		}
		v := FisherVolume(m.Model)
		if !v.Known {
			return refuse(v.Reason)
		}
		s := Score{Value: 2 * StochasticComplexity(m.Fit.LogLik, m.Fit.Dim, m.Fit.N, v.Log), Bound: Asymptotic}
		if m.singular() {
			s.Warnings = append(s.Warnings, "the expansion is not uniform at the singular set, where √det F vanishes")
		}
		return s
	},
}
