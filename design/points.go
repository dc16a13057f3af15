package design

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/neuromanifold/neuromanifold/models"
)

// FlipFlop returns the other parameters of the one-compartment model with
// first-order absorption that have the same curve under every regimen of doses
// by mouth: (CL, V, ka) → (CL, CL/ka, CL/V), which exchanges absorption and
// elimination. It is its own inverse, and its fixed points are ka = CL/V. Off
// them both twins are regular, and only prior knowledge tells them apart.
func FlipFlop(cl, v, ka float64) (cl2, v2, ka2 float64) { return cl, cl / ka, cl / v }

// CoincidentRates is the learning coefficient of the one-compartment model with
// first-order absorption in (CL, V, ka) at ka = CL/V with known error, given a
// design that identifies the curve: λ = 5/4, multiplicity 1, against 3/2 at a
// regular point. There the curve is an analytic function of A = F·D·ka/V,
// u = ka + k and w = (ka − k)² ≥ 0 with regular information, so that
// K ≈ Q(a, b, δ²) for a positive definite Q. The direction δ = ka − k at fixed
// u and A is null for every design, ka − k is estimated at the rate n^{−1/4},
// and the likelihood ratio of ka = k tends to ½χ²₀ + ½χ²₁. Derived here.
func CoincidentRates() models.Coefficient {
	square, err := models.MonomialCoefficient([]int{2}, nil)
	if err != nil {
		panic(err) // constants
	}
	c := models.SumCoefficient(models.RegularCoefficient(2), square)
	c.Ref = "analytic in A, ka + k and (ka − k)²; derived here"
	return c
}

// VarianceBoundary is the learning coefficient where zeros of the m parameters
// are variances between individuals that are 0 and the information in the
// variances is regular. With a prior that is positive and smooth in the
// variances it is m/2. With one that is so in the standard deviations ω (sd),
// K is of order four in each of these: every one contributes ¼ instead of ½.
func VarianceBoundary(m, zeros int, sd bool) models.Coefficient {
	if m < 1 || zeros < 0 || zeros > m {
		panic("design: want 0 ≤ zeros ≤ m")
	}
	c := models.RegularCoefficient(m)
	if !sd {
		return c
	}
	// The form in (a, s) with s = ω² has the law of a regular one, over densities
	// ds/√s: each axis counts half.
	c.Lambda = float64(m)/2 - float64(zeros)/4
	c.Ref = "quadratic form in the variances s = ω² with prior density s^{−1/2}; derived here"
	return c
}

// BoundaryTest returns the p-value of a likelihood-ratio statistic for one
// variance being 0, from its limit ½χ²₀ + ½χ²₁ (Self and Liang, J. Am. Stat.
// Assoc. 82 (1987), case 5): half of that by χ²₁, and 1 at 0.
func BoundaryTest(statistic float64) float64 {
	if !(statistic > 0) {
		return 1
	}
	return distuv.ChiSquared{K: 1}.Survival(statistic) / 2
}

// BoundaryTest2 is BoundaryTest for two variances being 0 whose estimates,
// without the restriction, have the given correlation (with the other parameters
// estimated as well): (½ − p)χ²₀ + ½χ²₁ + pχ²₂ with p = arccos(−ρ)/2π of the
// cone's solid angle seen from within (Self and Liang, case 7).
func BoundaryTest2(statistic, correlation float64) float64 {
	if !(statistic > 0) {
		return 1
	}
	// The orthant, in coordinates where the estimates are standard normal, is a
	// cone of angle arccos(−ρ): the share of draws inside it has two positive
	// variances.
	inside := math.Acos(-correlation) / (2 * math.Pi)
	return distuv.ChiSquared{K: 1}.Survival(statistic)/2 + inside*distuv.ChiSquared{K: 2}.Survival(statistic)
}
