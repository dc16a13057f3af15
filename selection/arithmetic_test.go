package selection

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol) {
		t.Errorf("%s = %.12g, want %.12g ± %g", what, got, want, tol)
	}
}

// TestCriteriaOfR: R 4.2.2 arima on lh (1,0,0): logLik −29.37916239, three
// coordinates with σ², AIC 64.7583248, BIC 70.3719278 (n = 48).
func TestCriteriaOfR(t *testing.T) {
	near(t, "AIC", AIC(-29.37916239, 3), 64.7583248, 1e-7)
	near(t, "BIC", BIC(-29.37916239, 3, 48), 70.3719278, 1e-7)
	v, ok := AICc(-29.37916239, 3, 48)
	if !ok {
		t.Error("AICc refused 48 observations")
	}
	near(t, "AICc − AIC", v-AIC(-29.37916239, 3), 24.0/44, 1e-12)
	if _, ok := AICc(0, 3, 4); ok {
		t.Error("AICc of 4 observations and 3 coordinates")
	}
	h, _ := HQIC(-10, 2, 100)
	near(t, "HQIC", h, 20+4*math.Log(math.Log(100)), 1e-12)
	if _, ok := HQIC(0, 1, 2); ok {
		t.Error("HQIC of two observations")
	}
}

// TestTICOfIndependentScores: with J = diag(a) and scores along the axes
// tr(J⁻¹I) = Σ I_kk/a_k by hand; a direction without information is left out.
func TestTICOfIndependentScores(t *testing.T) {
	info := mat.NewSymDense(3, []float64{4, 0, 0, 0, 0.5, 0, 0, 0, 0})
	scores := mat.NewDense(4, 3, []float64{1, 0, 0, -1, 0, 0, 0, 2, 0, 0, 0, 7})
	trace, rank := TICTrace(info, scores)
	near(t, "trace", trace, 2.0/4+4/0.5, 1e-12)
	if rank != 2 {
		t.Errorf("rank %d, want 2", rank)
	}
}

// TestMultinomialNML: values of the recurrence of Kontkanen and Myllymäki (2007) in
// a second implementation with rational arithmetic for n ≤ 10.
func TestMultinomialNML(t *testing.T) {
	for _, c := range []struct {
		k, n int
		want float64
	}{
		{1, 5, 1}, {2, 5, 3.5104}, {3, 5, 8.5104}, {4, 5, 17.2864}, {5, 5, 31.4704}, {10, 5, 269.6608},
		{2, 10, 4.66021568}, {3, 10, 14.66021568}, {4, 10, 37.96129408}, {5, 10, 86.82867968}, {10, 10, 1988.81951104},
		{2, 100, 13.20996063}, {3, 100, 113.20996063}, {4, 100, 773.70799214}, {5, 100, 4547.37334648},
		{2, 1000, 40.30321293}, {3, 1000, 1040.30321293}, {4, 1000, 21191.90967601},
		{3, 0, 1},
	} {
		near(t, "C", math.Exp(LogMultinomialNML(c.k, c.n))/c.want, 1, 1e-9)
	}
	// Szpankowski's expansion at K = 3, n = 100: 4.605 + 0.125 = 4.731 ± O(1/n).
	near(t, "log C(3,100)", LogMultinomialNML(3, 100), 4.731, 5e-3)
}

// TestGaussianNML: n = 2, |μ̂| ≤ 1, ¼ ≤ σ̂² ≤ 4: .7025981 by direct integration of
// the maximised density over the plane of data (scipy 1.10.1).
func TestGaussianNML(t *testing.T) {
	v, err := LogGaussianNML(2, 1, 0.25, 4)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "C", math.Exp(v), 0.7025980, 5e-7)
	for _, bad := range [][4]float64{{1, 1, 1, 2}, {5, 0, 1, 2}, {5, 1, 0, 2}, {5, 1, 2, 1}} {
		if _, err := LogGaussianNML(int(bad[0]), bad[1], bad[2], bad[3]); err == nil {
			t.Errorf("no error for %v", bad)
		}
	}
}

// TestBinomialMixtureNML against what is known otherwise: one trial and one
// component are multinomials of two cells; a mixture of k ≥ 2 binomials of 2 trials
// reaches every law (p₀, p₁, p₂) with p₁² ≤ 4 p₀ p₂ and the nearest binomial
// otherwise, which is the whole maximisation by hand; and the sum lies between one
// component and the multinomial of all cells.
func TestBinomialMixtureNML(t *testing.T) {
	get := func(k, trials, n int) float64 {
		t.Helper()
		v, err := LogBinomialMixtureNML(k, trials, n)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	near(t, "one trial", get(3, 1, 7), LogMultinomialNML(2, 7), 1e-12)
	near(t, "one component", get(1, 5, 4), LogMultinomialNML(2, 20), 1e-12)
	const n = 9
	var logs []float64
	lg := func(i int) float64 { v, _ := math.Lgamma(float64(i) + 1); return v }
	for a := range n + 1 {
		for b := range n + 1 - a {
			c := n - a - b
			v := lg(n) - lg(a) - lg(b) - lg(c)
			if b*b <= 4*a*c {
				v += xlogx(a, n) + xlogx(b, n) + xlogx(c, n)
			} else {
				v += xlogx(b+2*c, 2*n) + xlogx(2*n-b-2*c, 2*n) + float64(b)*math.Ln2
			}
			logs = append(logs, v)
		}
	}
	near(t, "two trials", get(2, 2, n), logSumExp(logs), 1e-7)
	one, two, three, all := get(1, 5, 6), get(2, 5, 6), get(3, 5, 6), LogMultinomialNML(6, 6)
	if !(one < two && two <= three+1e-9 && three <= all) {
		t.Errorf("not increasing: %v %v %v %v", one, two, three, all)
	}
	if _, err := LogBinomialMixtureNML(2, 10, 100); err == nil {
		t.Error("no error for 4.7e13 maximisations")
	}
}

// TestFisherVolume: the volume of ARMA(1,1) in closed form against the integral of
// √det F of the family over its square, and the AR(1) value π.
func TestFisherVolume(t *testing.T) {
	v := func(text string) Volume {
		m, err := models.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return FisherVolume(m)
	}
	near(t, "AR(1)", math.Exp(v("arma:p=1,q=0,var=1").Log), math.Pi, 1e-12)
	m, _ := models.Parse("arma:p=1,q=1,var=1")
	f, _ := m.(models.Informer).Fisher()
	info := mat.NewSymDense(2, nil)
	// φ = sin a, θ = sin b takes the ends away; midpoints, error O(h).
	const grid = 600
	var sum float64
	h := math.Pi / grid
	for i := range grid {
		for j := range grid {
			a, b := -math.Pi/2+(float64(i)+0.5)*h, -math.Pi/2+(float64(j)+0.5)*h
			f(info, []float64{math.Sin(a), math.Sin(b)})
			sum += math.Sqrt(max(0, mat.Det(info))) * math.Cos(a) * math.Cos(b) * h * h
		}
	}
	near(t, "ARMA(1,1)", math.Exp(v("arma:p=1,q=1,var=1").Log)/sum, 1, 1e-2)
	near(t, "normal mean", math.Exp(v("mixture:k=1,sd=2,bound=5").Log), 5, 1e-12)
	for _, infinite := range []string{"arma:p=1,q=0", "arma:p=2,q=0,var=1", "arma:p=1,q=0,mean=true,var=1", "mixture:k=2", "mixture:k=1,sd=1"} {
		if w := v(infinite); w.Known || !math.IsInf(w.Log, 1) || w.Reason == "" {
			t.Errorf("%s: %+v", infinite, w)
		}
	}
}

// TestIntegerCode: Rissanen's constant makes the code complete, Σ exp(−length) = 1.
// The tail is heavy (terms fall like 1/(j log j log log j …)): the sum to 10⁶ lacks
// a sixth and never exceeds 1; a constant that is wrong by a factor 1.3 shows.
func TestIntegerCode(t *testing.T) {
	near(t, "code of 1", IntegerCode(1), math.Log(2.865064), 1e-12)
	near(t, "code of 16", IntegerCode(16), math.Log(2.865064)+math.Ln2*(4+2+1), 1e-12)
	var sum float64
	for j := 1; j <= 1_000_000; j++ {
		sum += math.Exp(-IntegerCode(j))
	}
	if sum > 1 || sum < 0.8 {
		t.Errorf("Kraft sum %v", sum)
	}
	near(t, "two-part", 2*TwoPartMDL(-100, 3, 50, 0), BIC(-100, 3, 50), 1e-12)
}

// TestDIC on the closed form of a normal mean with flat prior: D̄ − D(θ̄) is the
// posterior variance times n, here two draws at ±δ.
func TestDIC(t *testing.T) {
	// ℓ(μ) = −½ n μ²; draws ±0.1, n = 50.
	l := -0.5 * 50 * 0.01
	v, pD, pV := DIC([]float64{l, l}, 0)
	near(t, "pD", pD, 0.5, 1e-12)
	near(t, "DIC", v, 1.0, 1e-12)
	near(t, "pV", pV, 0, 1e-12)
}
