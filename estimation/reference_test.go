package estimation_test

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/models"
)

// ARMA(1,1) with a mean on rnorm(200) after set.seed(1), by arima of R 4.2.2: ar −.35482
// (.682), ma .31083 (.690), mean .03579, σ² .85699804, log-likelihood −268.356966. The
// series is R's Mersenne twister and inversion, written again in Python; its first
// values are those that R prints. Standard errors ten times those of a regular fit at
// this n say that the pole and the zero cancel. R stops on the ridge 3e-6 nats short of
// the maximum, at a point where our likelihood is its own.
func TestWhiteNoiseOfR(t *testing.T) {
	f, err := os.Open("testdata/rnorm_seed1.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tab, err := models.ReadCSV(f, "rnorm_seed1.csv", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{-0.6264538, 0.1836433, -0.8356286, 1.5952808, 0.3295078} {
		if math.Abs(tab.V[i]-want) > 5e-8 {
			t.Fatalf("value %d is %v, R prints %v", i+1, tab.V[i], want)
		}
	}
	z := &models.Data{N: tab.N, Q: 1, V: tab.V}
	r := fitted(t, parseModel(t, "arma:p=1,q=1,mean=true"), z, estimation.Options{})
	if !(r.LogLik >= -268.356966 && r.LogLik < -268.356966+1e-5) || r.Status != estimation.Converged {
		t.Errorf("ℓ = %.7f, %v", r.LogLik, r.Status)
	}
	l, err := parseModel(t, "arma:p=1,q=1,mean=true").Bind(z)
	if err != nil {
		t.Fatal(err)
	}
	atR := l.LogLik([]float64{-.35482, .31083, .03579, .85699804})
	if math.Abs(atR+268.356966) > 1e-6 {
		t.Errorf("ℓ = %.7f at the estimates of R", atR)
	}
	for i, want := range []float64{-.35482, .31083, .03579, .85699804} {
		if math.Abs(r.Theta[i]-want) > 0.01*r.SE[i] {
			t.Errorf("coordinate %d: %.6g, R has %.6g", i+1, r.Theta[i], want)
		}
	}
	for i, want := range []float64{.682, .690} {
		if math.Abs(r.SE[i]-want) > 0.03*want {
			t.Errorf("standard error %d: %.4g, R has %.4g", i+1, r.SE[i], want)
		}
	}
}

// LakeHuron, AR(2) around a line in time, by arima of R 4.2.2 with xreg = t − 1920: the
// maximum is −101.1982673 at slope −.02156883 (.0081). The family has no regressors: the
// line is taken off, and the maximum over the others is highest at the slope of R, where
// its estimates are ours to a thousandth of a standard error.
func TestLakeHuronTrend(t *testing.T) {
	const slope, se = -.02156883, .0081
	m := parseModel(t, "arma:p=2,q=0,mean=true")
	at := func(b float64) *estimation.Report {
		z := dataset(t, "lakehuron", 1)
		for i := range z.V {
			z.V[i] -= b * (1875 + float64(i) - 1920)
		}
		return fitted(t, m, z, estimation.Options{})
	}
	r := at(slope)
	if !(r.LogLik >= -101.1982673 && r.LogLik < -101.1982673+1e-6) {
		t.Errorf("ℓ = %.8f, R −101.1982673", r.LogLik)
	}
	for i, want := range []float64{1.0048037, -.29131982, 579.09934, .45661864} {
		if math.Abs(r.Theta[i]-want) > 1e-3*r.SE[i] {
			t.Errorf("coordinate %d: %.8g, R has %.8g", i+1, r.Theta[i], want)
		}
	}
	// ℓ falls by a half at one standard error, up to terms of third order.
	for _, b := range []float64{slope - se, slope + se} {
		if d := r.LogLik - at(b).LogLik; math.Abs(d-0.5) > 0.05 {
			t.Errorf("slope %.4g: ℓ is lower by %.4g, want 0.5", b, d)
		}
	}
}

// The bootstrap of galaxies, free variances, by mclust 6.0.0 with 199 replicates: one
// against two components 40.186 with p = 1/200, two against three 16.324 with the same,
// four against five −.0098. Its statistics are those of the maxima that it finds, ours
// are at least as high and never negative; p is the least there is, 1/(B + 1).
func TestGalaxiesBootstrap(t *testing.T) {
	if testing.Short() {
		t.Skip("a bootstrap")
	}
	z := dataset(t, "galaxies", 1e-3)
	test := func(k, replicates int) *estimation.TestResult {
		r, err := estimation.LikelihoodRatio(context.Background(), mixture(t, models.MixtureSettings{K: k}), mixture(t, models.MixtureSettings{K: k + 1}), z,
			estimation.TestOptions{Bootstrap: replicates, Rand: rand.New(rand.NewPCG(1, 1))})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	const replicates = 39
	for _, c := range []struct {
		k      int
		mclust float64
	}{{1, 40.186}, {2, 16.324}} {
		r := test(c.k, replicates)
		if r.Statistic < c.mclust || math.Abs(r.Bootstrap.P-1.0/(replicates+1)) > 1e-12 {
			t.Errorf("%d against %d: T = %.4f, p = %.4g; mclust %.4f", c.k, c.k+1, r.Statistic, r.Bootstrap.P, c.mclust)
		}
	}
	if r := test(4, 0); r.Statistic < 0 {
		t.Errorf("4 against 5: T = %.4f", r.Statistic)
	}
}
