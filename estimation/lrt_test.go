package estimation

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/neuromanifold/neuromanifold/models"
)

func testOf(t testing.TB, h0, h1 models.Model, z *models.Data, opt TestOptions) *TestResult {
	t.Helper()
	r, err := LikelihoodRatio(context.Background(), h0, h1, z, opt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Maxima from mclust 6.0.0 and mixtools 2.0.0 (Old Faithful, waiting): one normal
// −1095.2889 (in closed form), two of a common variance −1034.0018.
func TestLikelihoodRatioFaithful(t *testing.T) {
	z := column(t, "faithful", "waiting")
	r := testOf(t, parsed(t, "mixture:k=1,sd=tied"), parsed(t, "mixture:k=2,sd=tied"), z, TestOptions{Bound: 5, Draws: 2000, Bootstrap: 9})
	mean, sd := moments(z.V)
	one := -0.5 * float64(z.N) * (math.Log(2*math.Pi*sd*sd) + 1)
	if want := 2 * (-1034.00175 - one); math.Abs(r.Statistic-want) > 5e-4 {
		t.Errorf("T = %.5f, want %.5f", r.Statistic, want)
	}
	if r.Null != SingularNull || len(r.Strata) != 1 || r.Strata[0] != "overlap(1,2)" {
		t.Errorf("null %v on %v", r.Null, r.Strata)
	}
	if r.DF != 2 || r.Limit.Law != "homogeneity-tied:bound=5" || r.Bootstrap.P != 0.1 || r.Failed != 0 || !(r.EM.P < 1e-25) {
		t.Errorf("df %d, limit %+v, bootstrap %+v, EM-test %+v", r.DF, r.Limit, r.Bootstrap, r.EM)
	}
	// The bound centres the data; the reported means are where the data are.
	if got := r.Fit0.Theta[0]; math.Abs(got-mean) > 1e-9*mean {
		t.Errorf("mean under H0 %v, want %v", got, mean)
	}
	if got := r.Fit1.Theta[1]; math.Abs(got-54.61) > 0.02 {
		t.Errorf("smaller mean %v, want 54.61", got)
	}
}

// A regular null is told as such, and χ² is then the law to believe: AR(2)
// against AR(1) on Lake Huron (R 4.2.2 arima: −103.63322 for AR(2)).
func TestRegularNull(t *testing.T) {
	s := column(t, "lakehuron", "value")
	r := testOf(t, parsed(t, "arma:p=1,q=0,mean=true"), parsed(t, "arma:p=2,q=0,mean=true"), s, TestOptions{})
	if r.Null != RegularNull || r.Limit.P != r.Chi2.P || math.Abs(r.Fit1.LogLik+103.6332226) > 1e-5 {
		t.Errorf("%v: limit %+v, chi2 %+v, ℓ1 %v", r.Null, r.Limit, r.Chi2, r.Fit1.LogLik)
	}
	if !strings.Contains(r.Verdict, "believe χ²") {
		t.Errorf("verdict %q", r.Verdict)
	}
	// An equal variance inside free ones is regular too.
	w := column(t, "faithful", "waiting")
	if r := testOf(t, parsed(t, "mixture:k=2,sd=tied"), parsed(t, "mixture:k=2"), w, TestOptions{}); r.Null != RegularNull || r.DF != 1 {
		t.Errorf("tied in free: %v, df %d", r.Null, r.DF)
	}
}

// White noise inside ARMA(1,1) is on the line of cancellation, and AR(1) with a
// small coefficient is near it.
func TestARMANull(t *testing.T) {
	z := models.NewData(200, 0, 1)
	rng := rand.New(rand.NewPCG(2, 4))
	for i := range z.V {
		z.V[i] = rng.NormFloat64()
	}
	white, full := parsed(t, "arma:p=0,q=0"), parsed(t, "arma")
	r := testOf(t, white, full, z, TestOptions{})
	if r.Null != SingularNull || r.Limit.Available() || !strings.Contains(r.Limit.Reason, "2 log log n") {
		t.Errorf("%v, limit %+v", r.Null, r.Limit)
	}
	b := testOf(t, white, full, z, TestOptions{Bound: 0.3, Draws: 2000})
	if !b.Limit.Available() || b.Statistic > r.Statistic+1e-9 || math.Abs(b.Fit1.Theta[1]) > 0.3+1e-9 {
		t.Errorf("bounded: T = %v (free %v), θ = %v, limit %+v", b.Statistic, r.Statistic, b.Fit1.Theta, b.Limit)
	}
	// The bounded maximum against a fine grid in θ with φ refined.
	l, err := full.Bind(z)
	if err != nil {
		t.Fatal(err)
	}
	best := math.Inf(-1)
	for th := -0.3; th <= 0.3001; th += 0.01 {
		for phi := -0.6; phi < 0.6; phi += 0.005 {
			best = math.Max(best, l.LogLik([]float64{phi, th, b.Fit1.Theta[2]}))
		}
	}
	if b.Fit1.LogLik < best-1e-9 || b.Fit1.LogLik > best+0.01 {
		t.Errorf("bounded maximum %v, grid %v", b.Fit1.LogLik, best)
	}
	if r := testOf(t, parsed(t, "arma:p=1,q=0"), full, z, TestOptions{}); r.Null != NearlySingularNull {
		t.Errorf("AR(1) with coefficient %v in ARMA(1,1): %v", r.Fit0.Theta[0], r.Null)
	}
}

// The cone at its apex has an exact law; the statistic is n times the squared
// length of the projection on the cone, here from Z = √n x̄ directly.
func TestConeNull(t *testing.T) {
	m := parsed(t, "cone:d=2,c=0.5")
	rng := rand.New(rand.NewPCG(8, 8))
	z := models.NewData(40, 0, 4)
	m.Sample(z, []float64{0, 0, 0}, rng)
	h0, err := Restrict(m, []float64{0, 0, 0})
	if err != nil {
		t.Fatal(err)
	}
	r := testOf(t, h0, m, z, TestOptions{})
	var sum [4]float64
	for i := range z.N {
		for j, y := range z.Y(i) {
			sum[j] += y / math.Sqrt(40)
		}
	}
	radius := math.Sqrt(sum[1]*sum[1] + sum[2]*sum[2] + sum[3]*sum[3])
	want := math.Pow(math.Abs(sum[0])+0.5*radius, 2) / 1.25
	if math.Abs(r.Statistic-want) > 1e-9*want || !r.Limit.Exact() || r.Limit.Law != "cone:d=2,c=0.5,signed=true" {
		t.Errorf("T = %v, want %v; limit %+v", r.Statistic, want, r.Limit)
	}
	if r.DF != 3 || r.Null != SingularNull || !strings.Contains(r.Verdict, "exact law") {
		t.Errorf("df %d, %v, %q", r.DF, r.Null, r.Verdict)
	}
}

// Size at the apex of the cone d = 1, c = 2, n = 10: its law is exact, so 1000
// p-values are uniform (share below 0.05 within 4 binomial standard errors, 0.028;
// false alarms below 1e-4). The naive χ² with two degrees of freedom rejects
// P(T > 5.9915) = 0.0796 of the time, by the law in closed form (same tolerance).
func TestConeSize(t *testing.T) {
	m := parsed(t, "cone:d=1,c=2")
	h0, err := Restrict(m, []float64{0, 0})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(31, 1))
	z := models.NewData(10, 0, 3)
	const reps = 1000
	exact, naive := 0, 0
	for range reps {
		m.Sample(z, []float64{0, 0}, rng)
		r := testOf(t, h0, m, z, TestOptions{Rand: rng})
		if r.Limit.P <= 0.05 {
			exact++
		}
		if r.Chi2.P <= 0.05 {
			naive++
		}
	}
	if p := float64(exact) / reps; math.Abs(p-0.05) > 0.028 {
		t.Errorf("the exact law rejects %v at 0.05", p)
	}
	if p := float64(naive) / reps; math.Abs(p-0.0796) > 0.035 {
		t.Errorf("χ² rejects %v at nominal 0.05, want 0.0796", p)
	}
}

// A contaminated normal and a hidden unit against none: which law, which bound.
func TestPointNulls(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 1))
	z := models.NewData(100, 0, 1)
	for i := range z.V {
		z.V[i] = 2 * rng.NormFloat64()
	}
	m := parsed(t, "contaminated:sd=2")
	h0, err := Restrict(m, []float64{0, 0})
	if err != nil {
		t.Fatal(err)
	}
	r := testOf(t, h0, m, z, TestOptions{Bound: 3, Draws: 2000})
	if r.Limit.Law != "contaminated:bound=3" || math.Abs(r.Fit1.Theta[1]) > 6 || !r.Limit.Available() {
		t.Errorf("limit %+v, θ %v", r.Limit, r.Fit1.Theta)
	}
	xy := models.NewData(100, 1, 1)
	for i := range xy.V {
		xy.V[i] = rng.NormFloat64()
	}
	for _, text := range []string{"mlp:hidden=1", "mlp:hidden=1,act=tanh,sigma=free"} {
		m := parsed(t, text)
		hold := make([]float64, models.Dim(m))
		hold[0] = 1
		if len(hold) == 3 {
			hold[2] = math.NaN()
		}
		h0, err := Restrict(m, hold)
		if err != nil {
			t.Fatal(err)
		}
		r := testOf(t, h0, m, xy, TestOptions{Bound: 4, Draws: 2000})
		if !r.Limit.Available() || !strings.Contains(r.Limit.Law, "-unit:bound=4") || math.Abs(r.Fit1.Theta[0]) > 4 || r.DF != 2 {
			t.Errorf("%s: limit %+v, θ %v, df %d", text, r.Limit, r.Fit1.Theta, r.DF)
		}
	}
}

// What cannot be tested is refused with a reason.
func TestLikelihoodRatioRefuses(t *testing.T) {
	w := column(t, "faithful", "waiting")
	few := &models.Data{N: 4, Q: 1, V: []float64{1, 2, 3, 5}}
	same := &models.Data{N: 30, Q: 1, V: make([]float64, 30)}
	for _, c := range []struct {
		h0, h1 string
		z      *models.Data
		want   string
	}{
		{"mixture:k=2", "mixture:k=1", w, "H1 must be the larger model"},
		{"mixture:k=2", "mixture:k=2", w, "H1 must be the larger model"},
		{"mixture:k=1,sd=3", "mixture:k=2,sd=4", w, "does not contain"},
		{"mixture:k=1", "binmix:k=3", w, ""},
		{"arma:p=1,q=0", "mixture:k=2", w, "time series"},
		{"mixture:k=1", "mixture:k=2", few, "too few"},
		{"mixture:k=1", "mixture:k=2", same, ""},
		{"arma:p=0,q=0,mean=true", "arma:mean=true", same, "constant"},
	} {
		r, err := LikelihoodRatio(context.Background(), parsed(t, c.h0), parsed(t, c.h1), c.z, TestOptions{})
		if !errors.Is(err, ErrHypotheses) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s in %s: %v, %v; want an error with %q", c.h0, c.h1, r, err, c.want)
		}
	}
	if _, err := LikelihoodRatio(context.Background(), parsed(t, "mixture:k=1,sd=tied"), parsed(t, "mixture:k=2,sd=tied"), w, TestOptions{Bound: 99}); !errors.Is(err, ErrHypotheses) {
		t.Errorf("bound 99: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := LikelihoodRatio(ctx, parsed(t, "mixture:k=1"), parsed(t, "mixture:k=2"), w, TestOptions{Bootstrap: 99}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// Strange data give numbers, reasons or an error, never a NaN without a reason.
func TestLikelihoodRatioStrangeData(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 9))
	normal := func(n int) *models.Data {
		z := models.NewData(n, 0, 1)
		for i := range z.V {
			z.V[i] = rng.NormFloat64()
		}
		return z
	}
	outlier, doubled, two := normal(60), normal(60), normal(60)
	outlier.V[7] = 1e12
	copy(doubled.V[30:], doubled.V[:30])
	for i := range two.V {
		two.V[i] = float64(i % 2)
	}
	for _, variance := range []string{"", ",sd=tied", ",sd=1"} {
		for name, z := range map[string]*models.Data{"outlier": outlier, "doubled": doubled, "two values": two} {
			r := testOf(t, parsed(t, "mixture:k=1"+variance), parsed(t, "mixture:k=2"+variance), z, TestOptions{Bootstrap: 3, Bound: 3, Draws: 200})
			// Where the variance falls to its floor on the outlier or on the two values
			// there is no statistic, and the EM-test alone sees two components.
			floored := name == "outlier" && variance == "" || name == "two values" && variance != ",sd=1"
			if floored {
				if !math.IsNaN(r.Statistic) || r.Chi2.Available() || r.Bootstrap.Available() || r.Limit.Available() || !(r.EM.P < 1e-10) ||
					!strings.Contains(r.Chi2.Reason, "no interior maximum") || !strings.Contains(r.Verdict, "EM-test") {
					t.Errorf("%s%s: T = %v, chi2 %+v, EM-test %+v: %s", name, variance, r.Statistic, r.Chi2, r.EM, r.Verdict)
				}
				continue
			}
			if !(r.Statistic >= 0) || math.IsInf(r.Statistic, 0) || math.IsNaN(r.Chi2.P) || math.IsNaN(r.Bootstrap.P) {
				t.Errorf("%s%s: T = %v, chi2 %+v, bootstrap %+v", name, variance, r.Statistic, r.Chi2, r.Bootstrap)
			}
			if !r.EM.Available() && r.EM.Reason == "" || !r.Limit.Available() && r.Limit.Reason == "" {
				t.Errorf("%s%s: EM-test %+v, limit %+v", name, variance, r.EM, r.Limit)
			}
			if strings.Contains(strings.Join(r.Warnings, ";"), "twice") != (name == "doubled") {
				t.Errorf("%s%s: warnings %v", name, variance, r.Warnings)
			}
		}
	}
}

// Size at the null: two normals of known variance with means within 2 of the
// common mean, n = 200. The share of bootstrap p ≤ 0.1 among 60 replicates lies
// within 4 binomial standard errors (0.155) of 0.1: false alarms below 1e-4. The
// statistic is never negative, and the naive χ² rejects less often than it says.
func TestBootstrapSize(t *testing.T) {
	if testing.Short() {
		t.Skip("simulation")
	}
	rng := rand.New(rand.NewPCG(10, 20))
	h0, h1 := parsed(t, "mixture:k=1,sd=1"), parsed(t, "mixture:k=2,sd=1")
	z := models.NewData(200, 0, 1)
	boot, naive := 0, 0
	const reps = 60
	for range reps {
		for i := range z.V {
			z.V[i] = rng.NormFloat64()
		}
		r := testOf(t, h0, h1, z, TestOptions{Bootstrap: 19, BootstrapStarts: 2, Starts: 3, Bound: 2, Draws: 200, Rand: rng})
		if r.Bootstrap.P <= 0.1 {
			boot++
		}
		if r.Chi2.P <= 0.1 {
			naive++
		}
	}
	t.Logf("of %d: bootstrap %d, naive χ² %d at 10 %%", reps, boot, naive)
	if p := float64(boot) / reps; math.Abs(p-0.1) > 4*math.Sqrt(0.09/reps) {
		t.Errorf("the bootstrap rejects %v at nominal 0.1", p)
	}
}
