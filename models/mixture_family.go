package models

import "fmt"

var _ = register(Family{
	Name:   "mixture",
	Doc:    "Gaussian mixture of k components",
	Coords: "weights pi1 … pi(k-1); means, component by component; variances (sd=free: k, sd=tied: 1, sd=number: none; dim>1: covariances as upper triangles row by row, cov=diag: dim each, cov=spherical: 1 each)",
	Keys: []Key{
		{"k", "2", "components"},
		{"sd", "free", "free, tied, or the known standard deviation (dim=1 only)"},
		{"dim", "1", "dimension of an observation"},
		{"cov", "full", "full, diag, spherical or tied (dim>1 only)"},
		{"bound", "none", "every mean lies in [-bound, bound]"},
		{"floor", "1e-6", "variance floor of maximisers, as a fraction of the sample variance"},
	},
	About: mixtureAbout,
	Refs: []string{
		"J. A. Hartigan (1985), A failure of likelihood asymptotics for normal mixtures, Proc. Berkeley Conf. II, 807-810",
		"X. Liu, Y. Shao (2003), Asymptotics for likelihood ratio tests under loss of identifiability, Ann. Statist. 31, 807-832",
		"K. Yamazaki, S. Watanabe (2003), Singularities in mixture models and upper bounds of stochastic complexity, Neural Networks 16, 1029-1038",
		"M. Drton, M. Plummer (2017), A Bayesian information criterion for singular models, J. R. Stat. Soc. B 79, 323-380",
		"S. Amari, H. Park, T. Ozeki (2006), Singularities affect dynamics of learning in neuromanifolds, Neural Comput. 18, 1007-1065",
		"A. P. Dempster, N. M. Laird, D. B. Rubin (1977), Maximum likelihood from incomplete data via the EM algorithm, J. R. Stat. Soc. B 39, 1-38",
	},
	New: newMixtureFromText,
})

const mixtureAbout = `p(y) = sum_i pi_i N(y; mu_i, Sigma_i) with k components.

Singular strata: overlap(i,j), where components i and j are equal and only the sum of their weights matters; elimination(i), where pi_i = 0 and the mean and variance of component i do not matter. For two components of known variance at separation u the Fisher information has one eigenvalue that stays and two that vanish like u^2 and u^6; its determinant is V^2 u^8/12 (1 + O(u^2)) with V = pi_1 pi_2 and unit variance. At pi_i = 0 the entry of that weight is exp(u^2) - 1, and infinite when the variance of the component is at least twice the largest of the others.

With free variances the likelihood is unbounded (one component on one observation). Maximisers respect a floor under the variances, a fraction of the sample variance, and report when it is active.

Learning coefficients: with known variance and a truth of r components lambda = (3r+k-2)/4; two components against one: 3/4 (known variance), 7/6 (common free variance), 3/2 with multiplicity 3 (both variances free). Otherwise the upper bounds of Yamazaki and Watanabe (2003).`

func newMixtureFromText(s *Settings) (Model, error) {
	set := MixtureSettings{
		K: s.Int("k", 1, mixMaxK), Dim: s.Int("dim", 1, mixMaxDim), Floor: s.Positive("floor"),
	}
	if set.Dim == 1 {
		if _, given := s.kv["cov"]; given {
			return nil, fmt.Errorf("key cov of mixture is for dim above 1: with dim=1 use sd")
		}
		switch word, sd := s.ChoiceOrPositive("sd", "free", "tied"); word {
		case "tied":
			set.Variance = VarTied
		case "":
			set.Variance, set.Sigma = VarKnown, sd
		}
	} else {
		if _, given := s.kv["sd"]; given {
			return nil, fmt.Errorf("key sd of mixture is for dim=1: with dim=%d use cov", set.Dim)
		}
		set.Variance = map[string]MixtureVariance{"full": VarFree, "diag": VarDiag,
			"spherical": VarSpherical, "tied": VarTied}[s.Choice("cov", "full", "diag", "spherical", "tied")]
	}
	if word, b := s.ChoiceOrPositive("bound", "none"); word == "" {
		set.Bound = b
	}
	return NewMixture(set)
}
