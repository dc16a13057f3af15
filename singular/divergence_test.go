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
	if _, err := singular.Divergence(parse(t, "arma"), []float64{0, 0, 1}, models.Rule{}); err == nil {
		t.Error("a series: no error")
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
