package models

import "slices"

// RLCT returns the learning coefficient with θ as the truth: the least over all
// parameters with the same law. Only the number r of distinct components with
// positive weight matters. Exact are a truth with r = K (regular: d/2), known
// variance in one dimension with any Dirichlet prior, and two components against
// one in one dimension with free or common variance; otherwise the value is the
// upper bound of Yamazaki and Watanabe (2003). Nothing is known for Jeffreys'
// prior where r < K, nor for priors with a power.
func (m *Mixture) RLCT(truth []float64, prior PriorShape) (Coefficient, bool) {
	if CheckTheta(m, truth) != nil || prior.Power != 0 || prior.Dirichlet < 0 {
		return Coefficient{}, false
	}
	alpha := prior.Dirichlet
	if alpha == 0 {
		alpha = 1
	}
	r := m.distinct(truth)
	if r == m.k {
		// F is positive definite at distinct components of positive weight (the
		// derivatives of normal densities are linearly independent), and there
		// Jeffreys' prior is smooth and positive too.
		return RegularCoefficient(len(m.params)), true
	}
	if prior.Jeffreys {
		return Coefficient{}, false
	}
	one := m.dim == 1 && m.k == 2 // and r = 1
	switch {
	case m.variance == VarKnown:
		c, err := KnownVarianceMixtureCoefficient(m.k, r, alpha)
		return c, err == nil
	case one && m.variance == VarTied && alpha > 1.0/3:
		// K is comparable to (π₁π₂)² δ⁶ beyond the regular part; a Dirichlet
		// prior gives the weight the pole α/2, the greater one for α > 1/3.
		return TiedVarianceMixtureCoefficient(), true
	case one && m.variance == VarFree && alpha == 1:
		return FreeVarianceMixtureCoefficient(), true
	}
	// Parameters of a component, and those that all components share.
	s, shared := m.dim+m.perVar, 0
	if m.variance == VarTied {
		s, shared = m.dim, m.perVar
	}
	c, err := MixtureBound(m.k, r, s, alpha)
	if err != nil {
		return Coefficient{}, false
	}
	c.Lambda += float64(shared) / 2
	if one && m.variance == VarFree {
		// The prior is positive where both weights are, which already gives 3/2.
		c.Lambda = min(c.Lambda, FreeVarianceMixtureCoefficient().Lambda)
	}
	c.Ref = "K. Yamazaki, S. Watanabe, Neural Networks 16 (2003); " + c.Ref
	return c, true
}

// LocalRLCT returns the coefficient of a small neighbourhood of θ where it is
// known: at r = K, and for known variance in one dimension.
//
// Derived here, as KnownVarianceMixtureCoefficient: near θ the densities of the r
// distinct components, their first and second derivatives and the densities of the
// components of weight 0 elsewhere are linearly independent, so K is comparable to
// the sum of their squared coefficients. Weights and means of the r components give
// (2r−1)/2; a copy with positive weight gives 1/4 (π b², b → 0), a copy with weight
// 0 the lesser of 1/4 and α/2, a component of weight 0 elsewhere α/2 (π → 0).
func (m *Mixture) LocalRLCT(truth []float64, prior PriorShape) (Coefficient, bool) {
	if CheckTheta(m, truth) != nil || prior.Power != 0 || prior.Dirichlet < 0 {
		return Coefficient{}, false
	}
	r := m.distinct(truth)
	if r == m.k {
		return RegularCoefficient(len(m.params)), true
	}
	if prior.Jeffreys || m.variance != VarKnown {
		return Coefficient{}, false
	}
	alpha := prior.Dirichlet
	if alpha == 0 {
		alpha = 1
	}
	w := make([]float64, m.k)
	m.weights(w, truth)
	c := Coefficient{Lambda: float64(2*r-1) / 2, Mult: 1, Ref: "derived here: linearly independent derivatives of the components"}
	positive := 0
	for j, pi := range w {
		if pi > 0 {
			positive++
			continue
		}
		switch {
		case !m.isCopy(truth, w, j):
			c.Lambda += alpha / 2
		case alpha == 0.5:
			c.Lambda += 0.25
			c.Mult++
		default:
			c.Lambda += min(0.25, alpha/2)
		}
	}
	c.Lambda += float64(positive-r) / 4
	return c, true
}

// isCopy reports whether component j equals one of positive weight.
func (m *Mixture) isCopy(theta, w []float64, j int) bool {
	for i, pi := range w {
		if pi > 0 && m.overlap2(theta, i, j) == 0 {
			return true
		}
	}
	return false
}

// distinct returns the number of different components with positive weight.
func (m *Mixture) distinct(theta []float64) int {
	w := make([]float64, m.k)
	m.weights(w, theta)
	var seen []int
	for j, pi := range w {
		if pi > 0 && !slices.ContainsFunc(seen, func(i int) bool { return m.overlap2(theta, i, j) == 0 }) {
			seen = append(seen, j)
		}
	}
	return len(seen)
}
