package singular

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/neuromanifold/neuromanifold/models"
)

// box draws uniformly from [−a, a]^d, and inBox keeps K to it.
func box(a float64) func(dst []float64, rng *rand.Rand) {
	return func(dst []float64, rng *rand.Rand) {
		for i := range dst {
			dst[i] = a * (2*rng.Float64() - 1)
		}
	}
}

func inBox(a float64, k func(w []float64) float64) func(w []float64) float64 {
	return func(w []float64) float64 {
		for _, v := range w {
			if math.Abs(v) > a {
				return math.Inf(1)
			}
		}
		return k(w)
	}
}

func sq(x float64) float64 { return x * x }

// momentSum is Σ_k (Σ_i a_i b_i^k)²/k! over k = 1 … top in steps; a from weights.
func momentSum(step, top int, a, b []float64) float64 {
	sum, fact := 0.0, 1.0
	for k := 1; k <= top; k++ {
		fact *= float64(k)
		if (k-1)%step != 0 {
			continue
		}
		m := 0.0
		for i := range a {
			m += a[i] * math.Pow(b[i], float64(k))
		}
		sum += m * m / fact
	}
	return sum
}

func coefficient(t *testing.T) func(c models.Coefficient, err error) models.Coefficient {
	return func(c models.Coefficient, err error) models.Coefficient {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

func TestVolumeScalingRefuses(t *testing.T) {
	k := func(w []float64) float64 { return w[0] * w[0] }
	for name, p := range map[string]VolumeProblem{
		"no prior":   {Dim: 1, K: k},
		"negative K": {Dim: 1, K: func(w []float64) float64 { return -1 }, Prior: box(1)},
		"constant K": {Dim: 1, K: func(w []float64) float64 { return 1 }, Prior: box(1)},
		"K infinite": {Dim: 1, K: func(w []float64) float64 { return math.Inf(1) }, Prior: box(1)},
	} {
		if _, err := VolumeScaling(p, VolumeOptions{}, nil, newRand(1)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := VolumeScaling(VolumeProblem{Dim: 1, K: k, Prior: box(1)}, VolumeOptions{Runs: 1}, nil, newRand(1)); err == nil {
		t.Error("one run: no error")
	}
}

// A prior density |ξ|^h on K = ξ²: λ = (h+1)/2, through LogPrior.
func TestVolumeScalingUnderApexPrior(t *testing.T) {
	const h = 2
	e, err := VolumeScaling(VolumeProblem{
		Dim: 1, K: inBox(1, func(w []float64) float64 { return w[0] * w[0] }),
		Prior:    func(dst []float64, rng *rand.Rand) { dst[0] = math.Cbrt(2*rng.Float64() - 1) },
		LogPrior: func(w []float64) float64 { return h * math.Log(math.Abs(w[0])) },
	}, VolumeOptions{Particles: 1000, Runs: 4, Floor: 1e-8}, nil, newRand(3))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "λ", e.Slope.Value, models.ConeCoefficient(h).Lambda, 0.05)
	eps, vol := e.Curve(0)
	near(t, "log V at the floor", vol[len(vol)-1], 1.5*eps[len(eps)-1], 0.5) // V = ε^{3/2} exactly
}

// Volume scaling against rows of the catalogue: λ ± 0.05 where m = 1, λ ± 0.1 by
// the joint fit where m ≥ 2. K is in each case a function between two multiples
// of the divergence.
func TestVolumeScalingAgreesWithCatalogue(t *testing.T) {
	want := coefficient(t)
	rrr := func(in, hidden, out int) func(w []float64) float64 {
		return func(w []float64) float64 { // truth 0: |BA|²
			a, b := w[:hidden*in], w[hidden*in:]
			sum := 0.0
			for i := range out {
				for j := range in {
					v := 0.0
					for h := range hidden {
						v += b[i*hidden+h] * a[h*in+j]
					}
					sum += v * v
				}
			}
			return sum
		}
	}
	mix := func(components int) func(w []float64) float64 {
		return func(w []float64) float64 { // weights by stick length, then means
			p := make([]float64, components)
			last := 1.0
			for i := range components - 1 {
				p[i] = (w[i] + 1) / 2
				last -= p[i]
			}
			if last < 0 {
				return math.Inf(1)
			}
			p[components-1] = last
			return momentSum(1, 8, p, w[components-1:])
		}
	}
	for _, r := range []struct {
		name  string
		dim   int
		k     func(w []float64) float64
		truth models.Coefficient
	}{
		{"regular, 2 parameters", 2, func(w []float64) float64 { return sq(w[0]) + sq(w[1]) }, models.RegularCoefficient(2)},
		{"x² + y⁴", 2, func(w []float64) float64 { return sq(w[0]) + sq(sq(w[1])) }, want(models.HomogeneousCoefficient([]float64{0.5, 0.25}, 1))},
		{"x²y⁴", 2, func(w []float64) float64 { return sq(w[0] * w[1] * w[1]) }, want(models.MonomialCoefficient([]int{1, 2}, nil))},
		{"x²y²", 2, func(w []float64) float64 { return sq(w[0] * w[1]) }, want(models.MonomialCoefficient([]int{1, 1}, nil))},
		{"reduced rank 2-1-1", 3, rrr(2, 1, 1), want(models.ReducedRankCoefficient(2, 1, 1, 0))},
		{"reduced rank 2-1-2", 4, rrr(2, 1, 2), want(models.ReducedRankCoefficient(2, 1, 2, 0))},
		{"reduced rank 1-2-2", 6, rrr(1, 2, 2), want(models.ReducedRankCoefficient(1, 2, 2, 0))},
		{"ARMA(1,1), white noise", 2, func(w []float64) float64 { return sq(w[0]-w[1]) / (1 - sq(w[1]*0.999)) }, want(models.ARMACoefficient(1, 1, 0, 0, 0))},
		{"ARMA(2,1), white noise", 3, func(w []float64) float64 { return sq(w[0]-w[2]) + sq(w[1]) }, want(models.ARMACoefficient(2, 1, 0, 0, 0))},
		{"two tanh units, truth 0", 4, func(w []float64) float64 { return momentSum(2, 7, w[:2], w[2:]) }, want(models.OddNetworkCoefficient(2))},
		{"one tanh unit, truth 0", 2, func(w []float64) float64 { return momentSum(2, 7, w[:1], w[1:]) }, want(models.OddNetworkCoefficient(1))},
		{"mixture K=2, r=1", 3, mix(2), want(models.KnownVarianceMixtureCoefficient(2, 1, 1))},
		{"mixture K=3, r=1", 5, mix(3), want(models.KnownVarianceMixtureCoefficient(3, 1, 1))},
		{"Vandermonde step 1, two terms", 4, func(w []float64) float64 { return momentSum(1, 6, w[:2], w[2:]) }, want(models.VandermondeCoefficient(2, 1, 1))},
	} {
		t.Run(r.name, func(t *testing.T) {
			opts := VolumeOptions{Particles: 1000, Runs: 4, Floor: 1e-10}
			if r.truth.Mult > 1 {
				opts = VolumeOptions{Particles: 1500, Runs: 6, Floor: 1e-16}
			}
			if testing.Short() {
				if r.dim > 3 {
					t.Skip("long")
				}
				opts.Particles /= 4
			}
			k := inBox(1, r.k)
			prior := func(dst []float64, rng *rand.Rand) { // uniform where K is finite
				for box(1)(dst, rng); math.IsInf(k(dst), 1); {
					box(1)(dst, rng)
				}
			}
			e, err := VolumeScaling(VolumeProblem{Dim: r.dim, K: k, Prior: prior}, opts, nil, newRand(11))
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("λ = %.3f ± %.3f, m = %.2f ± %.2f; slope %.3f ± %.3f; given m %.3f; accepted %.3f", e.Lambda.Value, e.Lambda.SE, e.Mult.Value, e.Mult.SE, e.Slope.Value, e.Slope.SE, e.GivenMult(r.truth.Mult).Value, e.Accept)
			if r.truth.Mult == 1 {
				near(t, "λ", e.Slope.Value, r.truth.Lambda, 0.05)
			} else {
				near(t, "λ, joint fit", e.Lambda.Value, r.truth.Lambda, 0.1)
			}
		})
	}
}
