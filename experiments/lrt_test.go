package experiments

import (
	"context"
	"math"
	"testing"

	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
)

// sampleOf runs one replicate function r times on both cores.
func sampleOf[R any](t *testing.T, r int, replicate func(k mc.Key) (R, error)) Sample[R] {
	t.Helper()
	x := Sample[R]{Rows: make([]R, r), Replicates: make([]int, r)}
	err := mc.Ordered(t.Context(), 2, r, func(_ context.Context, i int) (R, error) {
		return replicate(mc.Key{Seed: 1, Experiment: t.Name(), Replicate: i})
	}, func(i int, row R) error {
		x.Rows[i], x.Replicates[i] = row, i
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// within fails unless got ± se agrees with want ± wantSE within four combined
// standard errors: a false alarm in 16 000 for each figure.
func within(t *testing.T, what string, got, se, want, wantSE float64) {
	t.Helper()
	if z := (got - want) / math.Hypot(se, wantSE); !(math.Abs(z) < 4) {
		t.Errorf("%s: %.4g ± %.2g, want %.4g ± %.2g (z = %.1f)", what, got, se, want, wantSE, z)
	}
}

func mixtureSample(t *testing.T, s lrtMixtureSpec, n, r int) Sample[lrtMixtureRow] {
	cell := NewCell(Var{"n", n})
	return sampleOf(t, r, func(k mc.Key) (lrtMixtureRow, error) {
		z, err := lrtMixtureData(s, cell, k)
		if err != nil {
			return lrtMixtureRow{}, err
		}
		return fitLRTMixture(t.Context(), s, z, k)
	})
}

// Mean statistic of two components against one at finite n, |μ_i − x̄| ≤ 1, from
// an independent computation (numpy: profile over both parameters of the
// constrained problem on binned data): 0.562 ± 0.054 at n = 100, 0.796 ± 0.066
// at n = 1000. A fit that stops early falls short of it.
func TestLRTMixtureFiniteN(t *testing.T) {
	s := lrtMixtureSpec{Bound: 1, Variance: "known", Starts: 5}
	r := 1000
	if testing.Short() {
		r = 150
	}
	for _, c := range []struct {
		n        int
		mean, se float64
	}{{100, 0.562, 0.054}, {1000, 0.796, 0.066}} {
		x := mixtureSample(t, s, c.n, r)
		m, se, _ := Mean(func(r lrtMixtureRow) float64 { return r.T })(x)
		within(t, NewCell(Var{"n", c.n}).Name, m, se, c.mean, c.se)
		for _, row := range x.Rows {
			if row.T < 0 {
				t.Fatalf("a statistic of %v: the larger model fitted worse", row.T)
			}
		}
	}
}

// The limit with |μ| ≤ 5 has mean 2.4963 (10⁶ draws of the limiting process,
// numpy); at n = 1000 the statistic is nowhere near it, and rises with n.
func TestLRTMixtureApproachesItsLimitSlowly(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of fits")
	}
	s := lrtMixtureSpec{Bound: 5, Variance: "known", Starts: 5}
	mean := Mean(func(r lrtMixtureRow) float64 { return r.T })
	m100, se100, _ := mean(mixtureSample(t, s, 100, 3000))
	m1000, se1000, _ := mean(mixtureSample(t, s, 1000, 1500))
	// 0.8 against 1.0, three combined standard errors apart: a false alarm in
	// about a thousand seeds, and the seed is fixed.
	if !(m1000 > m100) {
		t.Errorf("mean statistic %.3f ± %.3f at n = 100, %.3f ± %.3f at n = 1000: no rise", m100, se100, m1000, se1000)
	}
	if !(m1000+10*se1000 < 2.4963) {
		t.Errorf("mean statistic %.3f ± %.3f at n = 1000 is already at the limit 2.496", m1000, se1000)
	}
	// Accelerated EM in C from five random starts gives 0.88: it misses maxima
	// that one outlying observation carries. See the grid search below.
	if m1000 < 0.88-4*se1000 {
		t.Errorf("mean statistic %.3f ± %.3f at n = 1000 lies below 0.88: maxima were missed", m1000, se1000)
	}
}

// No point of a grid over weight and means lies above the fit: a search that
// shares nothing with the fit. 60 samples of 200, where about a third of the
// maxima are hit by few random starts or by none.
func TestLRTMixtureAgainstGridSearch(t *testing.T) {
	s := lrtMixtureSpec{Bound: 5, Variance: "known", Starts: 2}
	cell := NewCell(Var{"n", 200})
	reps := 60
	if testing.Short() {
		reps = 8
	}
	weights := []float64{0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5}
	for i := range reps {
		k := mc.Key{Seed: 5, Replicate: i}
		z, err := lrtMixtureData(s, cell, k)
		if err != nil {
			t.Fatal(err)
		}
		row, err := fitLRTMixture(t.Context(), s, z, k)
		if err != nil {
			t.Fatal(err)
		}
		best := 0.0
		for _, w := range weights {
			for m := -5.0; m <= 5; m += 0.125 {
				for shift := -1.0; shift <= 1; shift += 0.5 {
					m1 := -w*m/(1-w) + shift*0.05
					sum := 0.0
					for _, x := range z.V {
						sum += math.Log(w*math.Exp(m*x-m*m/2) + (1-w)*math.Exp(m1*x-m1*m1/2))
					}
					best = math.Max(best, 2*sum)
				}
			}
		}
		if best > row.T+1e-6 {
			t.Errorf("replicate %d: T = %.4f, a grid point has %.4f", i, row.T, best)
		}
	}
}

// Path by path the statistic follows the supremum of the score process on the
// same data: correlation 0.9967 at n = 10⁴ with |μ| ≤ 1 (numpy, 60 replicates).
func TestLRTMixturePathwiseLimit(t *testing.T) {
	if testing.Short() {
		t.Skip("fits of 10 000 observations")
	}
	s := lrtMixtureSpec{Bound: 1, Variance: "known", Starts: 3}
	x := mixtureSample(t, s, 10000, 80)
	corr := correlation(x.Rows, func(r lrtMixtureRow) float64 { return r.T }, func(r lrtMixtureRow) float64 { return r.Sup })
	if !(corr >= 0.99) {
		t.Errorf("correlation %v, want 0.99 at least", corr)
	}
}

// C4: mean statistic of ARMA(1,1) on white noise, rising with the bound, by conditional least squares with
// σ² = 1 known, from an independent computation (numpy): bound 0.8: 1.994 ±
// 0.030 (n = 100), 2.085 ± 0.031 (n = 400), 0.95: 2.405 (n = 100), 2.478 (n =
// 400), 0.99: 2.697 (n = 100), 2.864 (n = 400), s.e. about 0.035 for the last
// four.
func TestC4ARMAFiniteN(t *testing.T) {
	r := 2000
	if testing.Short() {
		r = 500
	}
	for _, c := range []struct {
		bound    float64
		n        int
		mean, se float64
	}{
		{0.8, 100, 1.994, 0.030}, {0.8, 400, 2.085, 0.031},
		{0.95, 100, 2.405, 0.035}, {0.95, 400, 2.478, 0.035},
		{0.99, 100, 2.697, 0.035}, {0.99, 400, 2.864, 0.035},
	} {
		s := lrtARMASpec{Bound: c.bound, Likelihood: "css"}
		x := sampleOf(t, r, func(k mc.Key) (lrtARMARow, error) { return fitLRTARMA(s, whiteNoise(c.n, k)) })
		m, se, _ := Mean(func(r lrtARMARow) float64 { return r.T })(x)
		within(t, NewCell(Var{"bound", c.bound}, Var{"n", c.n}).Name, m, se, c.mean, c.se)
	}
}

// C1, ARMA: AIC picks ARMA(1,1) on white noise with probability P(T > 4): 0.202 at n =
// 100, 0.238 at n = 400 with |ρ| ≤ 0.99 (numpy), not e^{−2} = 0.135; at n = 400 between
// 0.21 and 0.26.
func TestC1ARMAFalseSelectionByAIC(t *testing.T) {
	s := lrtARMASpec{Bound: 0.99, Likelihood: "css"}
	for n, want := range map[int]float64{100: 0.202, 400: 0.238} {
		x := sampleOf(t, 2000, func(k mc.Key) (lrtARMARow, error) { return fitLRTARMA(s, whiteNoise(n, k)) })
		p, se, _ := Fraction(func(r lrtARMARow) bool { return r.T > 4 })(x)
		within(t, NewCell(Var{"n", n}).Name, p, se, want, 0.008)
		if n == 400 && (p < 0.21 || p > 0.26) {
			t.Errorf("n = 400: P(T > 4) = %v, want 0.21 to 0.26", p)
		}
	}
}

// The closed form in φ is the likelihood of the family at its maximum.
func TestLRTARMAIsTheLikelihoodRatio(t *testing.T) {
	for _, kind := range []string{"css", "exact"} {
		s := lrtARMASpec{Bound: 0.9, Likelihood: kind}
		for i := range 20 {
			z := whiteNoise(80, mc.Key{Seed: 2, Replicate: i})
			row, err := fitLRTARMA(s, z)
			if err != nil {
				t.Fatal(err)
			}
			m, err := models.NewARMA(1, 1, models.ARMASettings{Var: 1, CSS: kind == "css"})
			if err != nil {
				t.Fatal(err)
			}
			l, err := m.Bind(z)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(row.Phi) >= 1 {
				continue // css alone allows it
			}
			lr := 2 * (l.LogLik([]float64{row.Phi, row.Theta}) - l.LogLik([]float64{0, 0}))
			if math.Abs(lr-row.T) > 1e-8 {
				t.Errorf("%s: statistic %v, the likelihood gives %v", kind, row.T, lr)
			}
			for _, d := range [][2]float64{{0.01, 0}, {-0.01, 0}, {0, 0.01}, {0, -0.01}} {
				phi, th := row.Phi+d[0], row.Theta+d[1]
				if math.Abs(th) > s.Bound || math.Abs(phi) >= 1 {
					continue
				}
				if near := 2 * (l.LogLik([]float64{phi, th}) - l.LogLik([]float64{0, 0})); near > row.T+1e-9 {
					t.Errorf("%s: %v at (%v, %v) lies above the maximum %v", kind, near, phi, th, row.T)
				}
			}
		}
	}
}

// B6: E_gen and E_train of one hidden unit at v = 0 approach ±E[sup W²]/(2n): mean
// of the limit 1.4375 (erf) and 1.433 (tanh) for w in (0, 10], s.e. 0.0035
// (numpy, 4·10⁴ draws), not ±2 of regular theory. At n = 1000 the difference is
// within the Monte Carlo error.
func TestB6HiddenUnitErrors(t *testing.T) {
	r := 1500
	if testing.Short() {
		r = 200
	}
	for act, want := range map[string]float64{"erf": 1.4375, "tanh": 1.433} {
		s := mleMLPSpec{Act: act, Bound: 10}
		cell := NewCell(Var{"n", 1000})
		x := sampleOf(t, r, func(k mc.Key) (mleMLPRow, error) {
			z, err := mleMLPData(s, cell, k)
			if err != nil {
				return mleMLPRow{}, err
			}
			return fitMLEMLP(s, z)
		})
		gen, se, _ := Mean(func(r mleMLPRow) float64 { return r.Gen })(x)
		within(t, act+" 2n E_gen", gen, se, want, 0.0035)
		train, se, _ := Mean(func(r mleMLPRow) float64 { return r.Train })(x)
		within(t, act+" 2n E_train", train, se, -want, 0.0035)
	}
}

// The statistic and the errors of a row are those of the family's likelihood.
func TestMLEMLPRowIsTheLikelihood(t *testing.T) {
	s := mleMLPSpec{Act: "erf", Bound: 5}
	cell := NewCell(Var{"n", 60})
	m, err := mleMLPModel(s)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		z, err := mleMLPData(s, cell, mc.Key{Seed: 3, Replicate: i})
		if err != nil {
			t.Fatal(err)
		}
		row, err := fitMLEMLP(s, z)
		if err != nil {
			t.Fatal(err)
		}
		l, err := m.Bind(z)
		if err != nil {
			t.Fatal(err)
		}
		lr := 2 * (l.LogLik([]float64{row.W, row.V}) - l.LogLik([]float64{1, 0}))
		if math.Abs(lr-row.T) > 1e-9 || row.Train != -row.T {
			t.Errorf("statistic %v and training error %v, the likelihood gives %v", row.T, row.Train, lr)
		}
		// KL of N(f, 1) from N(0, 1) is E f²/2 with E φ(wx)² = (2/π) arcsin(w²/(1+w²)).
		ww := row.W * row.W
		gen := 60 * row.V * row.V * 2 / math.Pi * math.Asin(ww/(1+ww))
		if math.Abs(gen-row.Gen) > 1e-9*(1+gen) {
			t.Errorf("generalisation error %v, closed form %v", row.Gen, gen)
		}
	}
}

// A function with two peaks, the higher one narrow.
func TestMaximize1FindsTheHigherPeak(t *testing.T) {
	f := func(x float64) float64 {
		return math.Exp(-(x-1)*(x-1)) + 1.5*math.Exp(-50*(x+2)*(x+2))
	}
	x, fx := maximize1(f, -4, 4, 81)
	if math.Abs(x+2) > 1e-3 || fx < 1.5 {
		t.Errorf("maximum %v at %v", fx, x)
	}
	if x, _ := maximize1(func(x float64) float64 { return x }, 0, 1, 5); x != 1 {
		t.Errorf("a maximum at the end was found at %v", x)
	}
}
