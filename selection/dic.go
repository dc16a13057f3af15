package selection

// DIC returns the deviance information criterion 2 D̄ − D(θ̄) of Spiegelhalter et
// al. (2002) with its p_D = D̄ − D(θ̄), from the log-likelihoods of the draws and at
// the posterior mean θ̄; and p_V = Var(D)/2. p_D depends on the coordinates, and may
// be negative, because θ̄ of a posterior that surrounds a singular set, or has
// several modes, need not be a likely point.
func DIC(loglik []float64, atMean float64) (value, pD, pV float64) {
	mean, v := meanVar(loglik)
	dbar := -2 * mean
	pD = dbar + 2*atMean
	return dbar + pD, pD, 2 * v
}

var dic = Criterion{
	Name: "dic", Aim: Predict, Needs: NeedDraws,
	Doc: "deviance information criterion; its p_D needs a posterior mean that is a likely point",
	Ref: "D. J. Spiegelhalter, N. G. Best, B. P. Carlin, A. van der Linde (2002), Journal of the Royal Statistical Society B 64:583-639",
	Score: func(all []*Material, i int) Score {
		m := all[i]
		t := m.Posterior.Tempered
		v, pD, pV := DIC(t.LogLik, m.Posterior.MeanLogLik)
		s := Score{Value: v, SE: 4 * t.Stops[len(t.Stops)-1].SE} // of 2 D̄
		s.Details = []Detail{{"p_d", pD}, {"p_v", pV}}
		switch {
		case pD < 0:
			s.Warnings = append(s.Warnings, "p_D is negative: the posterior mean is less likely than the posterior on average")
		case m.singular():
			s.Warnings = append(s.Warnings, "p_D depends on the coordinates in a singular model")
		}
		return s
	},
}
