package singular_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

func TestDivergenceKeepsRelativeAccuracy(t *testing.T) {
	// One normal: KL(N(0,1) ‖ N(δ,1)) = δ²/2, down to δ = 1e-10.
	m := parse(t, "mixture:k=1,sd=1")
	k, err := singular.Divergence(m, []float64{0}, models.Rule{})
	if err != nil {
		t.Fatal(err)
	}
	for _, delta := range []float64{1, 0.1, 1e-4, 1e-7, 1e-10} {
		within(t, "K / (δ²/2)", k([]float64{delta})/(delta*delta/2), 1, 1e-5)
	}
	// Two components: against the difference of expected log-likelihoods.
	m = parse(t, "mixture:k=2,sd=1")
	truth, theta := []float64{0.4, 0, 1}, []float64{0.5, -0.2, 1.3}
	k, err = singular.Divergence(m, truth, models.Rule{})
	if err != nil {
		t.Fatal(err)
	}
	pop, err := models.Population(m, m, truth, models.Rule{})
	if err != nil {
		t.Fatal(err)
	}
	within(t, "K", k(theta), pop.LogLik(truth)-pop.LogLik(theta), 1e-11)
	if v := k([]float64{1.5, 0, 0}); !math.IsInf(v, 1) {
		t.Errorf("outside the domain K = %v", v)
	}
	if _, err := singular.Divergence(parse(t, "mlp:hidden=2,x=data"), []float64{0, 0, 1, 1}, models.Rule{}); err == nil {
		t.Error("inputs without a law: no error")
	}
	if _, err := singular.BoxProblem(m, truth, 0, models.Rule{}); err == nil {
		t.Error("a box of half-width 0: no error")
	}
}

// Volume scaling of the models themselves: λ ± 0.05 where m = 1, ± 0.1 with m ≥ 2.
func TestVolumeScalingOfModels(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	for _, c := range []struct {
		model string
		truth []float64
	}{
		{"mixture:k=1,sd=free", []float64{0, 1}}, {"mixture:k=2,sd=1", []float64{0.5, 0, 0}}, {"contaminated", []float64{0, 0}},
		{"binmix:k=2,trials=5", []float64{0.5, 0.4, 0.4}}, {"cone:d=1", []float64{0, 1, 1}}, {"crossing:powers=1+2", []float64{0, 0}},
	} {
		m := parse(t, c.model)
		truth := c.truth[:models.Dim(m)]
		p, err := singular.BoxProblem(m, truth, 0.5, models.Rule{})
		if err != nil {
			t.Fatal(err)
		}
		e, err := singular.VolumeScaling(p, singular.VolumeOptions{Particles: 500, Runs: 3, Sweeps: 12, Floor: 1e-10}, nil, rand.New(rand.NewPCG(7, 7)))
		if err != nil {
			t.Errorf("%s: %v", c.model, err)
			continue
		}
		want, err := singular.RLCT(m, truth, models.PriorShape{})
		if err != nil {
			t.Fatal(err)
		}
		tol := 0.05
		if want.Mult > 1 {
			tol = 0.1
		}
		t.Logf("%s: λ = %.3f, want %v; joint (%.3f, %.2f)", c.model, e.GivenMult(want.Mult).Value, want.Lambda, e.Lambda.Value, e.Mult.Value)
		within(t, c.model, e.GivenMult(want.Mult).Value, want.Lambda, tol)
	}
}

// The divergence rate of ARMA against half the quadratic form of the exact
// information at a small step, and against the mean of log-likelihood ratios over
// a long series of the truth (40 000 terms; five standard errors, false-alarm rate
// 6e-7, seed fixed); it vanishes on the class of the truth.
func TestDivergenceRateOfARMA(t *testing.T) {
	m := parse(t, "arma:p=2,q=1,mean=true")
	truth := []float64{0.5, -0.3, 0.4, 2, 1.5}
	k, err := singular.Divergence(m, truth, models.Rule{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := singular.NewFisher(m, singular.FisherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.At(truth)
	if err != nil {
		t.Fatal(err)
	}
	step := []float64{1e-4, -2e-4, 1.5e-4, 1e-4, 2e-4}
	near, want := make([]float64, 5), 0.0
	for i, a := range step {
		near[i] = truth[i] + a
		for j, b := range step {
			want += a * b * info.F.At(i, j) / 2
		}
	}
	within(t, "K / ½ΔᵀFΔ", k(near)/want, 1, 2e-3)

	const n = 40_000
	z := models.NewData(n, 0, 1)
	m.Sample(z, truth, rand.New(rand.NewPCG(8, 8)))
	l, err := m.Bind(z)
	if err != nil {
		t.Fatal(err)
	}
	other := []float64{0.2, -0.1, 0.6, 2.3, 1.2}
	a, b := make([]float64, n), make([]float64, n)
	l.Terms(a, truth)
	l.Terms(b, other)
	// Batches of 200 terms are nearly independent.
	var batches []float64
	for i := 0; i < n; i += 200 {
		s := 0.0
		for j := i; j < i+200; j++ {
			s += (a[j] - b[j]) / 200
		}
		batches = append(batches, s)
	}
	mean, sq := 0.0, 0.0
	for _, v := range batches {
		mean += v / float64(len(batches))
	}
	for _, v := range batches {
		sq += (v - mean) * (v - mean)
	}
	within(t, "K", k(other), mean, 5*math.Sqrt(sq/float64(len(batches)*(len(batches)-1))))

	m = parse(t, "arma:p=2,q=2,var=1")
	if k, err = singular.Divergence(m, []float64{0.5, 0, 0, 0}, models.Rule{}); err != nil {
		t.Fatal(err)
	}
	// (1 − 0.5B)(1 − 0.3B) over 1 − 0.3B.
	within(t, "K on the class", k([]float64{0.8, -0.15, -0.3, 0}), 0, 1e-30)
	if v := k([]float64{1.5, 0, 0, 0}); !math.IsInf(v, 1) {
		t.Errorf("outside the domain K = %v", v)
	}
}
