package selection

var fe = Criterion{
	Name: "fe", Aim: Evidence, Needs: NeedEvidence,
	Doc: "Bayes free energy −2 log ∫ φ(θ) p(data | θ) dθ: no expansion at all, but a prior",
	Ref: "P. Del Moral, A. Doucet, A. Jasra (2006), Journal of the Royal Statistical Society B 68:411-436",
	Score: func(all []*Material, i int) Score {
		t := all[i].Posterior.Tempered
		return Score{Value: 2 * t.FreeEnergy, SE: 2 * t.FreeEnergySE}
	},
}
