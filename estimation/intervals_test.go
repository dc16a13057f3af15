package estimation

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/neuromanifold/neuromanifold/models"
)

func fitOf(t testing.TB, m models.Model, z *models.Data) *Report {
	t.Helper()
	r, err := MLE(context.Background(), m, z, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// One normal with both parameters free: the profile interval of the mean is
// x̄ ± s √(e^{q/n} − 1), with q the χ²₁ quantile, in closed form; that of the
// variance solves n (s²/v − 1 + log(v/s²)) = q.
func TestProfileIntervalNormal(t *testing.T) {
	z := column(t, "faithful", "waiting")
	m := parsed(t, "mixture:k=1")
	r := fitOf(t, m, z)
	const q = 3.841458820694124
	mean, sd := moments(z.V)
	n := float64(z.N)
	half := sd * math.Sqrt(math.Expm1(q/n))
	v, err := ProfileInterval(context.Background(), m, z, r, 0, IntervalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(v.Lo-(mean-half)) > 1e-4 || math.Abs(v.Hi-(mean+half)) > 1e-4 || v.LoEnd != Crossing || v.HiEnd != Crossing {
		t.Errorf("mean in [%v, %v], want ± %v about %v", v.Lo, v.Hi, half, mean)
	}
	v, err = ProfileInterval(context.Background(), m, z, r, 1, IntervalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, end := range []float64{v.Lo, v.Hi} {
		if got := n * (sd*sd/end - 1 + math.Log(end/(sd*sd))); math.Abs(got-q) > 1e-3 {
			t.Errorf("variance interval [%v, %v]: drop %v at %v, want %v", v.Lo, v.Hi, got, end, q)
		}
	}
}

// Ends that the data do not give are honest: in a contaminated normal fitted to
// clean data the contamination b may lie anywhere, because its weight may be 0;
// the weight reaches its bounds.
func TestProfileIntervalUnbounded(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	z := models.NewData(100, 0, 1)
	for i := range z.V {
		z.V[i] = rng.NormFloat64()
	}
	m := parsed(t, "contaminated")
	r := fitOf(t, m, z)
	b, err := ProfileInterval(context.Background(), m, z, r, 1, IntervalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if b.LoEnd != Unbounded || b.HiEnd != Unbounded || !math.IsInf(b.Lo, -1) || !math.IsInf(b.Hi, 1) {
		t.Errorf("b in [%v, %v] (%v, %v)", b.Lo, b.Hi, b.LoEnd, b.HiEnd)
	}
	a, err := ProfileInterval(context.Background(), m, z, r, 0, IntervalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if a.Lo != 0 || a.Hi != 1 || a.LoEnd != AtBound || a.HiEnd != AtBound {
		t.Errorf("a in [%v, %v] (%v, %v)", a.Lo, a.Hi, a.LoEnd, a.HiEnd)
	}
	// In an ARMA(1,1) fitted to white noise φ is free along the line of
	// cancellation: the interval nearly fills (−1, 1), or is cut where the
	// profile falls.
	f := parsed(t, "arma")
	v, err := ProfileInterval(context.Background(), f, z, fitOf(t, f, z), 0, IntervalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !(v.Lo >= -1 && v.Lo <= v.Estimate && v.Estimate <= v.Hi && v.Hi <= 1 && v.Hi-v.Lo > 0.5) {
		t.Errorf("φ in [%v, %v] (%v, %v)", v.Lo, v.Hi, v.LoEnd, v.HiEnd)
	}
}

// Means of Old Faithful: profile, bootstrap and Wald intervals agree where the
// model is regular: ends within a quarter of the width (bootstrap ends from 199
// replicates have a standard error near a tenth of the width).
func TestIntervalsAgreeWhereRegular(t *testing.T) {
	if testing.Short() {
		t.Skip("bootstrap")
	}
	z := column(t, "faithful", "waiting")
	m := parsed(t, "mixture:k=2,sd=tied")
	r := fitOf(t, m, z)
	boot, failed, err := BootstrapIntervals(context.Background(), m, z, r, 199, IntervalOptions{})
	if err != nil || failed != 0 || len(boot) != 4 {
		t.Fatalf("%d failed of %d: %v", failed, len(boot), err)
	}
	for i := range boot {
		p, err := ProfileInterval(context.Background(), m, z, r, i, IntervalOptions{})
		if err != nil {
			t.Fatal(err)
		}
		width := 2 * 1.96 * r.SE[i]
		for _, pair := range [][2]float64{{p.Lo, r.Theta[i] - width/2}, {p.Hi, r.Theta[i] + width/2}, {p.Lo, boot[i].Lo}, {p.Hi, boot[i].Hi}} {
			if math.Abs(pair[0]-pair[1]) > width/4 {
				t.Errorf("%s: profile [%v, %v], bootstrap [%v, %v], Wald ± %v", p.Name, p.Lo, p.Hi, boot[i].Lo, boot[i].Hi, width/2)
				break
			}
		}
	}
}

// Coverage of the profile interval of the mean of one normal, n = 30: 200
// replicates, within 4 binomial standard errors (0.062) and the known shortfall
// at this n of 0.012 of 0.95. False alarms below 1e-4.
func TestProfileIntervalCoverage(t *testing.T) {
	if testing.Short() {
		t.Skip("simulation")
	}
	rng := rand.New(rand.NewPCG(12, 3))
	m := parsed(t, "mixture:k=1")
	z := models.NewData(30, 0, 1)
	hits := 0
	const reps = 200
	for range reps {
		for i := range z.V {
			z.V[i] = rng.NormFloat64()
		}
		v, err := ProfileInterval(context.Background(), m, z, fitOf(t, m, z), 0, IntervalOptions{Starts: -1})
		if err != nil {
			t.Fatal(err)
		}
		if v.Lo <= 0 && 0 <= v.Hi {
			hits++
		}
	}
	if c := float64(hits) / reps; math.Abs(c-0.95) > 0.062+0.012 {
		t.Errorf("coverage %v", c)
	}
}

// A flaky model is a normal mixture that draws NaN in every third data set or so.
type flaky struct{ *models.Mixture }

func (f flaky) Sample(z *models.Data, theta []float64, rng *rand.Rand) {
	f.Mixture.Sample(z, theta, rng)
	if rng.Float64() < 0.3 {
		z.V[0] = math.NaN()
	}
}

// Failed replicates widen an interval and raise a p-value, they are not dropped;
// too few replicates give no interval.
func TestFailedReplicatesCount(t *testing.T) {
	z := column(t, "faithful", "waiting")
	m := parsed(t, "mixture:k=1")
	r := fitOf(t, m, z)
	f := flaky{m.(*models.Mixture)}
	all, failed, err := BootstrapIntervals(context.Background(), f, z, r, 199, IntervalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if failed < 20 || all[0].LoEnd != Unbounded || all[0].HiEnd != Unbounded {
		t.Errorf("%d of 199 failed: %+v", failed, all[0])
	}
	h0, err := Restrict(f, []float64{60, math.NaN()})
	if err != nil {
		t.Fatal(err)
	}
	b := testOf(t, h0, f, z, TestOptions{Bootstrap: 99})
	if b.Failed < 10 || b.Replicates != 99 || math.Abs(b.Bootstrap.P-float64(1+b.Failed)/100) > 1e-12 || len(b.Warnings) != 1 {
		t.Errorf("%d of %d failed, p = %v, T = %v: %v", b.Failed, b.Replicates, b.Bootstrap.P, b.Statistic, b.Warnings)
	}
	out, _, err := BootstrapIntervals(context.Background(), m, z, r, 19, IntervalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if out[0].LoEnd != Unbounded || len(out[0].Warnings) != 1 {
		t.Errorf("19 replicates at 0.95: %+v", out[0])
	}
	if _, _, err := BootstrapIntervals(context.Background(), m, z, r, 1, IntervalOptions{}); err == nil {
		t.Error("one replicate: no error")
	}
	if _, err := ProfileInterval(context.Background(), m, z, r, 2, IntervalOptions{}); err == nil {
		t.Error("no coordinate 2: no error")
	}
	if _, err := ProfileInterval(context.Background(), m, z, r, 0, IntervalOptions{Level: 95}); err == nil {
		t.Error("level 95: no error")
	}
}

// Two variances whose intervals overlap are told apart although their labels can be
// exchanged: far from the singular set each interval is about as long as that of its
// standard error, 2·1.96 s.e. (regular theory; skewness adds a few per cent). With the
// labels exchanged that of the second would be 1.42 times as long.
func TestProfileIntervalsOfExchangeableVariances(t *testing.T) {
	z := column(t, "faithful", "waiting")
	m := parsed(t, "mixture:k=2")
	r := fitOf(t, m, z)
	for i := 3; i < 5; i++ {
		v, err := ProfileInterval(context.Background(), m, z, r, i, IntervalOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if ratio := (v.Hi - v.Lo) / (2 * 1.96 * r.SE[i]); math.Abs(ratio-1) > 0.15 {
			t.Errorf("%s in [%v, %v], %.3f of the length by the standard error", v.Name, v.Lo, v.Hi, ratio)
		}
	}
}

// A law without coordinates is evaluated: nothing is fitted, and nothing is missing.
func TestFitWithoutCoordinates(t *testing.T) {
	z := &models.Data{N: 3, Q: 1, V: []float64{1, -2, 0.5}}
	r := fitOf(t, parsed(t, "arma:p=0,q=0,var=1"), z)
	want := -0.5 * (3*math.Log(2*math.Pi) + 1 + 4 + 0.25)
	if math.Abs(r.LogLik-want) > 1e-14*math.Abs(want) || r.Status != Converged || r.Dim != 0 || r.Rank != 0 || len(r.Theta) != 0 {
		t.Errorf("%+v, want ℓ = %v", r, want)
	}
}
