package selection

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"
)

// Uniform points against closed forms, quadrature and a sampler, four standard errors:
// once in 16 000 seeds, and the seeds are fixed.
func TestFiniteLambda(t *testing.T) {
	ctx := context.Background()
	const n = 1000
	nb := n / math.Log(n)
	for _, c := range []struct {
		model         string
		at            []float64
		radius, gamma float64
		slope         bool
		want          float64
	}{
		{"crossing", []float64{0, 0}, 1, 0, false, CrossingLambda(nb / 2)}, // K = (w₁w₂)²/2
		{"mixture:k=1,sd=1", []float64{0.3}, 2, 0, false, QuadraticLambda(nb, 0, 0, 1)},
		{"mixture:k=1,sd=1", []float64{0.3}, 2, 30, false, QuadraticLambda(nb, 30, 0, 1)},
		{"mixture:k=1,sd=1", []float64{0.3}, 2, 0, true, 0.5},
	} {
		p := populationProblem(t, c.model, c.at, n)
		p.Radius, p.Gamma = c.radius, c.gamma
		got, se, err := FiniteLambda(ctx, p, c.slope, 50000, rand.New(rand.NewPCG(8, 1)))
		if err != nil {
			t.Fatal(err)
		}
		if !(se > 0 && se < 0.02) || math.Abs(got-c.want) > 4*se {
			t.Errorf("%s, radius %v, γ = %v, slope %v: %.4f ± %.4f, want %.4f", c.model, c.radius, c.gamma, c.slope, got, se, c.want)
		}
	}

	// Two components in a box of half-width 1/2: λ = 3/4, of which the box lets 1/2 show.
	p := populationProblem(t, "mixture:k=2,sd=1", []float64{0.5, 0, 0}, n)
	p.Radius = 0.5
	sampled, err := WBICSlope(ctx, p, LambdaOptions{Rand: rand.New(rand.NewPCG(8, 2))})
	if err != nil {
		t.Fatal(err)
	}
	got, se, err := FiniteLambda(ctx, p, true, 50000, rand.New(rand.NewPCG(8, 3)))
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(got-sampled.Lambda) > 4*math.Hypot(se, sampled.SE) || !(got+4*se < 0.75) {
		t.Errorf("%.4f ± %.4f, by parallel tempering %.4f ± %.4f", got, se, sampled.Lambda, sampled.SE)
	}

	if v, se, err := FiniteLambda(ctx, p, false, 100, rand.New(rand.NewPCG(8, 4))); err != nil || !math.IsNaN(v) || !math.IsNaN(se) {
		t.Errorf("too few points: %v ± %v, %v", v, se, err)
	}
	p.Radius, p.Gamma = 0, 1
	if _, _, err := FiniteLambda(ctx, p, false, 100, rand.New(rand.NewPCG(8, 5))); err == nil {
		t.Error("no box: no error")
	}
}
