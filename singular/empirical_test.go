package singular

import (
	"fmt"
	"math"
	"testing"
)

// The supremum of the empirical process against a fine grid of its definition in
// plain arithmetic.
func TestMixtureScoreAgainstBruteForce(t *testing.T) {
	for seed := range uint64(6) {
		for _, bound := range []float64{0.5, 1, 3, 5} {
			rng := newRand(seed)
			x := make([]float64, 200)
			mean := 0.0
			for i := range x {
				x[i] = 3 + rng.NormFloat64()
				mean += x[i] / 200
			}
			best := 0.0
			for j := -20000; j <= 20000; j++ {
				s := bound * float64(j) / 20000
				if math.Abs(s) < 0.02 {
					continue // where this form cancels
				}
				sum := 0.0
				for _, v := range x {
					sum += math.Exp(s*(v-mean)-s*s/2) - 1 - s*(v-mean)
				}
				best = max(best, sum/math.Sqrt(200*(math.Exp(s*s)-1-s*s)))
				if testing.Short() {
					j += 9
				}
			}
			m, err := NewMixtureScore(bound)
			if err != nil {
				t.Fatal(err)
			}
			got, at := m.Sup(x)
			// The scan misses |t| < 0.02, where W changes by 1 %.
			tol := 1e-5 * (1 + best*best)
			if math.Abs(at) < 0.021 {
				tol = 0.02 * (1 + best*best)
			}
			near(t, fmt.Sprintf("seed %d, bound %v, at t = %v: sup", seed, bound, at), got, best*best, tol)
			if again, _ := m.Sup(x); again != got {
				t.Error("a second call gives another value")
			}
		}
	}
}

func TestMixtureScoreNearZero(t *testing.T) {
	// W_n(0) = Σ (x²−1)/√(2n), and the series meets the closed form.
	rng := newRand(5)
	x := make([]float64, 1000)
	for i := range x {
		x[i] = rng.NormFloat64()
	}
	m, _ := NewMixtureScore(1)
	m.Sup(x)
	sum := 0.0
	for _, v := range m.x {
		sum += v*v - 1
	}
	near(t, "W(0)", m.value(0), sum/math.Sqrt(2*1000), 1e-10)
	for _, s := range []float64{smallT, -smallT} {
		near(t, "series", m.value(s*(1-1e-9)), m.value(s*(1+1e-9)), 1e-7)
	}
	for _, bad := range []float64{0, -1, math.NaN(), 31} {
		if _, err := NewMixtureScore(bad); err == nil {
			t.Errorf("bound %v: no error", bad)
		}
	}
}

// At n = 20 000 and bound 1 the statistic follows the law "homogeneity:bound=1"
// (mean 0.8799, P(0) = 0.320). False-alarm rate 6e-5 each, seed fixed.
func TestMixtureScoreReachesItsLimit(t *testing.T) {
	if testing.Short() {
		t.Skip("8 million draws")
	}
	m, _ := NewMixtureScore(1)
	rng := newRand(6)
	const reps = 400
	x := make([]float64, 20_000)
	sum, sq, zero := 0.0, 0.0, 0.0
	for range reps {
		for i := range x {
			x[i] = rng.NormFloat64()
		}
		v, _ := m.Sup(x)
		sum += v / reps
		sq += v * v / reps
		if v == 0 {
			zero++
		}
	}
	near(t, "mean", sum, 0.8799, 4*math.Sqrt((sq-sum*sum)/reps))
	near(t, "P(T=0)", zero/reps, 0.320, 4*math.Sqrt(0.32*0.68/reps))
}

// Constants at the sample sizes of the simulation that shows how far the Gumbel
// laws are from the truth: means −.60, −.30, .10, .39 and 95 % points 4.18, 4.49,
// 4.89, 5.18 at n = 30, 100, 1000, 10⁴.
func TestGumbelConstants(t *testing.T) {
	for _, r := range []struct{ n, mean, q95 float64 }{{30, -0.60, 4.18}, {100, -0.30, 4.49}, {1000, 0.10, 4.89}, {1e4, 0.39, 5.18}} {
		g, err := GumbelContaminated(r.n)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "mean", g.Mean(), r.mean, 0.006)
		near(t, "q95", g.Quantile(0.95), r.q95, 0.006)
		near(t, "CDF", g.CDF(g.Quantile(0.3)), 0.3, 1e-14)
	}
	if _, err := GumbelARMA(2); err == nil {
		t.Error("n = 2: no error")
	}
	// Where the index set has length 2 artanh(0.999) = log n, the 95 % point of
	// the bounded law, 7.927, is the Gumbel one but for the chance that the
	// process starts above, which adds up to 0.3.
	g, err := GumbelARMA(math.Exp(2 * math.Atanh(0.999)))
	if err != nil {
		t.Fatal(err)
	}
	if q := g.Quantile(0.95); q > 7.927 || q < 7.927-0.3 {
		t.Errorf("95 %% point %v", q)
	}
}

func BenchmarkMixtureScore(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			m, err := NewMixtureScore(5)
			if err != nil {
				b.Fatal(err)
			}
			rng := newRand(1)
			x := make([]float64, n)
			for i := range x {
				x[i] = rng.NormFloat64()
			}
			m.Sup(x)
			b.ReportAllocs()
			for b.Loop() {
				m.Sup(x)
			}
		})
	}
}
