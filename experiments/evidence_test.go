package experiments

import (
	"math"
	"testing"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

// catalogued is the learning coefficient that the catalogue gives.
func catalogued(t *testing.T, model string, truth ...float64) float64 {
	t.Helper()
	m, err := models.Parse(model)
	if err != nil {
		t.Fatal(err)
	}
	c, err := singular.RLCT(m, truth, models.PriorShape{})
	if err != nil || c.Kind != models.ExactLambda {
		t.Fatalf("%s: %+v, %v", model, c, err)
	}
	return c.Lambda
}

// C5: the evidence falls like n^−λ, and the prior mass where KL < ε like ε^λ, with the
// λ of the catalogue: cone ½ ± 0.01, mixture ¾ ± 0.03, ARMA(1,1) on white noise
// ½ ± 0.01, two erf units on none ⅔ ± 0.02 at ε ≤ 1e-9. Nothing is random: exact
// evidences for the first two, prior masses by quadrature for the others.
func TestC5SlopesAreTheLearningCoefficients(t *testing.T) {
	slope := func(name string, got, want, tol float64) {
		t.Helper()
		if !(math.Abs(got-want) < tol) {
			t.Errorf("%s: slope %.4f, learning coefficient %.4f ± %v", name, got, want, tol)
		}
	}

	// The cone at a sample of fixed z-scores, from n = 10⁴ to 10⁶.
	cone := func(n int) float64 {
		p, err := estimation.NewConePosterior(2, 1, estimation.ConePrior{Scale: 1})
		if err != nil {
			t.Fatal(err)
		}
		sum := []float64{0.8, -0.5, 0.3, 1.1}
		for i := range sum {
			sum[i] *= math.Sqrt(float64(n))
		}
		p.Condition(sum, n)
		return -p.LogEvidence()
	}
	slope("cone", (cone(1e6)-cone(1e4))/math.Log(100), catalogued(t, "cone:d=2", 0, 1, 1), 0.01)

	// Two components on quantiles of one, from n = 200 to 400: F less the entropy.
	pair := func(n int) float64 {
		m, err := models.NewMixture(models.MixtureSettings{K: 2, Variance: models.VarKnown})
		if err != nil {
			t.Fatal(err)
		}
		l, err := m.Bind(normalQuantiles(n))
		if err != nil {
			t.Fatal(err)
		}
		f, change, err := pairFreeEnergy(t.Context(), l, 4, 1e-5)
		if err != nil || change > 1e-5 {
			t.Fatalf("n = %d: change %v, error %v", n, change, err)
		}
		return f + l.LogLik([]float64{0.5, 0, 0})
	}
	slope("mixture", (pair(400)-pair(200))/math.Ln2, catalogued(t, "mixture:k=2,sd=1", 0.5, 0, 0), 0.03)

	// ARMA(1,1): the width in φ where the rate of the divergence is below ε, by
	// bisection, over θ in ±0.9; then mass(ε) is their mean.
	m, err := models.NewARMA(1, 1, models.ARMASettings{Var: 1})
	if err != nil {
		t.Fatal(err)
	}
	kl, err := singular.Divergence(m, []float64{0, 0}, models.Rule{})
	if err != nil {
		t.Fatal(err)
	}
	arma := func(eps float64) float64 {
		mass := 0.0
		for i := range 60 {
			theta := 0.9 * (2*(float64(i)+0.5)/60 - 1)
			for _, end := range []float64{-0.95, 0.95} {
				in, out := -theta, end
				for range 50 {
					if mid := (in + out) / 2; kl([]float64{mid, theta}) < eps {
						in = mid
					} else {
						out = mid
					}
				}
				mass += math.Abs(in + theta)
			}
		}
		return math.Log(mass)
	}
	slope("ARMA(1,1)", (arma(1e-5)-arma(1e-7))/math.Log(100), catalogued(t, "arma:p=1,q=1,var=1", 0, 0), 0.01)

	// It comes down slowly: 0.718 from ε = 3e-5 to 3e-6, 0.678 from 3e-9 to 3e-10.
	slope("two units", (unitsMass(1e-9)-unitsMass(1e-11))/math.Log(100), catalogued(t, "mlp:hidden=2", 1, 2, 0, 0), 0.02)
}

// unitsMass is the logarithm, up to a constant, of the mass where ½ E f² < ε for
// f = v₁φ(w₁x) + v₂φ(w₂x), all weights uniform on [−2, 2]. Over w₁ < w₂ by the midpoint
// rule in log w₂ and in log log(w₂/w₁), which resolves both the corner w = 0 and the
// diagonal where the units are one; over v the area of the ellipse vᵀGv < 2ε within
// the square, by slices.
func unitsMass(eps float64) float64 {
	kernel := func(a, b float64) float64 {
		return 2 / math.Pi * math.Asin(a*b/math.Sqrt((1+a*a)*(1+b*b)))
	}
	const grid, slices, low, near = 120, 60, -9.0, -12.0
	mass := 0.0
	for i := range grid {
		logW := low + (math.Ln2-low)*(float64(i)+0.5)/grid
		b := math.Exp(logW)
		far := math.Log(12.0)
		for j := range grid {
			r := math.Exp(near + (far-near)*(float64(j)+0.5)/grid)
			a := b * math.Exp(-r)
			g11, g12, g22 := kernel(a, a), kernel(a, b), kernel(b, b)
			det := math.Max(g11*g22-g12*g12, 0)
			reach := math.Min(2, math.Sqrt(2*eps*g22/math.Max(det, 1e-300)))
			area := 0.0
			for k := range slices {
				v := reach * (2*(float64(k)+0.5)/slices - 1)
				disc := 2*eps*g22 - det*v*v
				if disc <= 0 {
					continue
				}
				mid, half := -g12*v/g22, math.Sqrt(disc)/g22
				area += math.Max(0, math.Min(2, mid+half)-math.Max(-2, mid-half)) * 2 * reach / slices
			}
			mass += area * a * b * r
		}
	}
	return math.Log(mass)
}
