package models

// KnownVarianceMixtureCoefficient is the coefficient of a mixture of
// `components` normals of one known variance on the line, weights from a
// symmetric Dirichlet(alpha) prior, when the truth has `truth` components:
// λ = (2r−1)/2 + (K−r) min(1/4, α/2), m = 1, or 1 + K − r at α = 1/2.
//
// Derived here. For truth N(0,1) and M_k = Σ π_i b_i^k, K is comparable to
// Σ_k M_k²/k!. M_1 is a free coordinate; M_2 is, beyond it, a sum of terms
// π_i b_i² ≥ 0 that cannot cancel, and |M_k| ≤ |b|^{k−2} M_2. So K is comparable
// to u² + Σ_{i≥2} (π_i b_i²)², which gives 1/2 and, for each surplus component,
// the lesser of 1/4 (from b_i) and α/2 (from π_i). The sign-free value of
// VandermondeCoefficient(K, 1, 1) is smaller from K = 4 on: weights are not
// negative, and that changes λ.
func KnownVarianceMixtureCoefficient(components, truth int, alpha float64) (Coefficient, error) {
	k, r := components, truth
	if r < 1 || k < r {
		return Coefficient{}, coefficientError("a mixture of %d components with a truth of %d", k, r)
	}
	if !(alpha > 0) {
		return Coefficient{}, coefficientError("Dirichlet parameter %v is not above 0", alpha)
	}
	c := Coefficient{
		Lambda: float64(2*r-1)/2 + float64(k-r)*min(0.25, alpha/2), Mult: 1,
		Ref: "derived here from two moments; K = 2 as Yamazaki and Watanabe, Neural Networks 16 (2003)",
	}
	if alpha == 0.5 {
		c.Mult += k - r
	}
	return c, nil
}

// MixtureBound is the upper bound on λ of a mixture of `components` whose
// component distributions have s parameters each, for a truth of `truth`
// components and Dirichlet(alpha) weights: ½ min{rs + r − 1 + α(K−r), Ks + r − 1},
// with α = 1 for uniform weights (Yamazaki and Watanabe 2003; Drton and Plummer,
// JRSS B 79 (2017), section 6).
func MixtureBound(components, truth, s int, alpha float64) (Coefficient, error) {
	k, r := components, truth
	if r < 1 || k < r || s < 1 || !(alpha > 0) {
		return Coefficient{}, coefficientError("a mixture bound with %d components, truth %d, %d parameters each, Dirichlet %v", k, r, s, alpha)
	}
	a := float64(r*s+r-1) + alpha*float64(k-r)
	b := float64(k*s + r - 1)
	return Coefficient{Lambda: min(a, b) / 2, Kind: UpperBound, Ref: "Drton and Plummer, JRSS B 79 (2017), section 6; not tight"}, nil
}

// BinomialMixtureCoefficient is the coefficient of a mixture of `components`
// binomials of `trials` trials, uniform weights, when the truth is one binomial
// inside (0, 1): (K+1)/4, m = 1, for two trials or more. With one trial only the
// mean is identified: λ = 1/2, m = 1. Derived here as
// KnownVarianceMixtureCoefficient: only the first two moments matter.
func BinomialMixtureCoefficient(components, trials int) (Coefficient, error) {
	if components < 1 || trials < 1 {
		return Coefficient{}, coefficientError("a mixture of %d binomials of %d trials", components, trials)
	}
	c := Coefficient{Lambda: 0.5, Mult: 1, Ref: "derived here from two non-negative moments"}
	if trials >= 2 {
		c.Lambda = float64(components+1) / 4
	}
	return c, nil
}

// TiedVarianceMixtureCoefficient is the coefficient of two normals with one free
// common variance when the truth is one normal: 7/6, m = 1. Derived here: mean
// and variance are regular (λ = 1 together), what remains is the third cumulant
// pq(q−p)δ³, whose square has the pole 1/6.
func TiedVarianceMixtureCoefficient() Coefficient {
	return Coefficient{Lambda: 7.0 / 6, Mult: 1, Ref: "derived here: third cumulant of order δ³"}
}

// FreeVarianceMixtureCoefficient is the coefficient of two normals with free
// variances when the truth is one normal: 3/2, m = 3. Derived here: blow-ups of
// the third and fourth cumulants with weights (1, 2) for (δ, η), the differences
// of means and of variances, give (1/2, 2), the factor (pq)² one more pole.
func FreeVarianceMixtureCoefficient() Coefficient {
	return Coefficient{Lambda: 1.5, Mult: 3, Ref: "derived here: weighted blow-up of third and fourth cumulants"}
}

// FactorAnalysisCoefficient is the coefficient of factor analysis with the given
// numbers of variables and factors (and a free diagonal) when the truth has
// `truth` factors: [(k+2)m + l(m−k+1)]/4, m = 1 (Drton and Plummer 2017, table
// of section 6.2). One factor against none with two variables has multiplicity 2
// (derived here: m/2 + min(m/4, (m−1)/2)).
func FactorAnalysisCoefficient(variables, factors, truth int) (Coefficient, error) {
	m, k, l := variables, factors, truth
	if m < 2 || k < 0 || l < 0 || l > k || k > m {
		return Coefficient{}, coefficientError("factor analysis of %d variables with %d factors and a truth of %d", m, k, l)
	}
	c := Coefficient{Lambda: float64((k+2)*m+l*(m-k+1)) / 4, Mult: 1, Ref: "Drton and Plummer, JRSS B 79 (2017), section 6"}
	if k == 1 && l == 0 && m == 2 {
		c.Mult = 2
	}
	return c, nil
}

// ARMACoefficient is the coefficient of ARMA(p, q) in its AR and MA coefficients
// when the truth is a coprime ARMA(p0, q0) inside the stationary and invertible
// region: λ = max(p + q0, p0 + q)/2, m = 1, plus 1/2 for each of `extra` regular
// coordinates (innovation variance, mean).
//
// Derived here: K is comparable to the squared coefficients of φ θ₀ − θ φ₀ (φ, θ
// the polynomials), an affine-linear map of (φ, θ) whose kernel φ = φ₀c, θ = θ₀c,
// c(0) = 1, has dimension min(p − p0, q − q0).
func ARMACoefficient(p, q, p0, q0, extra int) (Coefficient, error) {
	if p0 < 0 || q0 < 0 || p < p0 || q < q0 || extra < 0 {
		return Coefficient{}, coefficientError("ARMA(%d,%d) with a truth of ARMA(%d,%d)", p, q, p0, q0)
	}
	return Coefficient{
		Lambda: float64(max(p+q0, p0+q)+extra) / 2, Mult: 1,
		Ref: "derived here: φθ₀ − θφ₀ is affine-linear in the coefficients",
	}, nil
}

// ConeCoefficient is the coefficient at the apex ξ = 0 of K = ξ²/2 under a prior
// density ∝ |ξ|^power times a smooth one in the direction: (power+1)/2, m = 1.
// Jeffreys' prior of a cone over S^d has power d and gives back the regular
// (d+1)/2: it undoes the singularity. It panics if power ≤ −1.
func ConeCoefficient(power float64) Coefficient {
	if !(power > -1) {
		panic("models: prior exponent not above -1")
	}
	return Coefficient{Lambda: (power + 1) / 2, Mult: 1, Ref: "K = ξ²/2 (derived here; Watanabe 2009, theorem 4.6)"}
}
