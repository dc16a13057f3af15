package selection

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

func populationProblem(tb testing.TB, text string, at []float64, n float64) LambdaProblem {
	tb.Helper()
	m, err := models.Parse(text)
	if err != nil {
		tb.Fatal(err)
	}
	return LambdaProblem{
		Bind: func() (models.Likelihood, error) { return models.Population(m, m, at, models.Rule{}) },
		At:   at, N: n, Exact: true,
	}
}

// Values by quadrature of the density −log t of t = |xy|, to the digits printed
// (derived here, computed in SciPy apart from this code).
func TestCrossingLambda(t *testing.T) {
	for _, c := range []struct{ beta, want float64 }{
		{1e2, 0.347762}, {1e4, 0.410505}, {1e6, 0.436625}, {1e8, 0.450942}, {1e10, 0.459983},
	} {
		if got := CrossingLambda(c.beta); math.Abs(got-c.want) > 6e-7 {
			t.Errorf("β = %g: %v, want %v", c.beta, got, c.want)
		}
	}
}

// n = 1000, h = 1, d = 2: values by hand from nβ = 1000/log 1000 = 144.76483.
func TestQuadraticLambda(t *testing.T) {
	nb := 1000 / math.Log(1000)
	for _, c := range []struct{ gamma, want float64 }{{0, 1}, {1, 0.99314}, {10, 0.93539}, {100, 0.59144}} {
		if got := QuadraticLambda(nb, c.gamma, 0, 1, 1); math.Abs(got-c.want) > 6e-6 {
			t.Errorf("γ = %v: %v, want %v", c.gamma, got, c.want)
		}
	}
	if !math.IsInf(QuadraticLambda(nb, 0, 4/nb, 1), 1) {
		t.Error("SGLD at its limit of stability has a finite estimate")
	}
}

// Every local estimator against the exact value at its temperature, four standard
// errors: a false alarm in about 1e4 seeds, and the seeds are fixed.
func TestLLCAgainstExactValues(t *testing.T) {
	n := 1000.0
	nb := n / math.Log(n)
	ctx := context.Background()
	kernels := []estimation.Kernel{estimation.MALA{}, estimation.HMC{}, estimation.SGLD{Step: 2e-3}}
	for _, c := range []struct {
		name, text     string
		at             []float64
		radius, gamma  float64
		exact, sgldToo float64 // sgldToo is the tolerance for the bias of SGLD
	}{
		{"quadratic", "crossing:powers=1", []float64{0}, 0, 10, QuadraticLambda(nb, 10, 0, 1), 0.06},
		{"crossing", "crossing:powers=1+1", []float64{0, 0}, 1, 0, CrossingLambda(nb / 2), 0.2},
	} {
		for _, k := range kernels {
			t.Run(c.name+" "+k.String(), func(t *testing.T) {
				p := populationProblem(t, c.text, c.at, n)
				p.Radius, p.Gamma = c.radius, c.gamma
				e, err := LLC(ctx, p, k, LambdaOptions{Draws: 4000, Thin: 5, Rand: rand.New(rand.NewPCG(3, 3))})
				if err != nil {
					t.Fatal(err)
				}
				tol := 4 * e.SE
				if _, sgld := k.(estimation.SGLD); sgld {
					tol += c.sgldToo * c.exact
				}
				if math.Abs(e.Lambda-c.exact) > tol {
					t.Errorf("λ = %.4f ± %.4f, exact at this temperature %.4f; %v", e.Lambda, e.SE, c.exact, e.Flags)
				}
			})
		}
	}
}

// The bias of SGLD is the closed form: ε A/4 = 0.36 here.
func TestLLCBySGLDHasTheBiasOfItsStep(t *testing.T) {
	n := 1000.0
	nb := n / math.Log(n)
	p := populationProblem(t, "crossing:powers=1", []float64{0}, n)
	p.Gamma = 1
	e, err := LLC(context.Background(), p, estimation.SGLD{Step: 0.01}, LambdaOptions{Draws: 10000, Thin: 2})
	if err != nil {
		t.Fatal(err)
	}
	want := QuadraticLambda(nb, 1, 0.01, 1)
	if math.Abs(e.Lambda-want) > 4*e.SE || math.Abs(want-0.5) < 0.2 {
		t.Errorf("λ = %v ± %v, closed form with the step %v", e.Lambda, e.SE, want)
	}
}

func TestLadderFindsTheMultiplicity(t *testing.T) {
	ctx := context.Background()
	p := populationProblem(t, "crossing:powers=1+1", []float64{0, 0}, 1000)
	p.Radius = 1
	e, err := Ladder(ctx, p, LambdaOptions{Draws: 4000, Rand: rand.New(rand.NewPCG(4, 4))})
	if err != nil {
		t.Fatal(err)
	}
	for _, en := range e.Curve {
		v, se := en.EffectiveLambda()
		if want := CrossingLambda(1000 * en.Beta / 2); math.Abs(v-want) > 4*se {
			t.Errorf("β = %.3g: effective λ %.4f ± %.4f, exact %.4f", en.Beta, v, se, want)
		}
	}
	// The joint fit of the exact curve itself gives the value to compare with.
	var betas, y []float64
	for _, en := range e.Curve {
		betas = append(betas, en.Beta)
		y = append(y, CrossingLambda(1000*en.Beta/2))
	}
	lambda, mult := ladderFit(betas, y, 1000, true)
	if math.Abs(e.Lambda-lambda) > 4*e.SE || math.Abs(e.Mult-mult) > 4*e.MultSE {
		t.Errorf("joint fit λ = %.3f ± %.3f, m = %.2f ± %.2f; of the exact curve %.3f, %.2f", e.Lambda, e.SE, e.Mult, e.MultSE, lambda, mult)
	}
	if math.Abs(lambda-0.5) > 0.06 || math.Abs(mult-2) > 0.5 {
		t.Errorf("the fit of the exact curve gives λ = %v, m = %v, want about 1/2 and 2", lambda, mult)
	}
	if !(math.Abs(e.Slope-0.5) > math.Abs(e.Lambda-0.5)) {
		t.Errorf("λ with m = 1 is %v, nearer to 1/2 than the joint fit %v", e.Slope, e.Lambda)
	}
}

// Two separated components are a regular model of three coordinates, λ = 3/2 up to
// curvature; 0.05 allows for that.
func TestWBICSlope(t *testing.T) {
	p := populationProblem(t, "mixture:k=2,sd=1", []float64{0.5, -2, 2}, 1000)
	p.Radius = 0.45
	e, err := WBICSlope(context.Background(), p, LambdaOptions{Draws: 4000, Chains: 8})
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(e.Lambda-1.5) > 4*e.SE+0.05 || e.SE > 0.1 {
		t.Errorf("a regular mixture: λ = %.3f ± %.3f, want 3/2; %v", e.Lambda, e.SE, e.Flags)
	}
}

func TestLambdaFlags(t *testing.T) {
	m, err := models.Parse("crossing:powers=1")
	if err != nil {
		t.Fatal(err)
	}
	p := LambdaProblem{
		Bind: func() (models.Likelihood, error) { return models.Population(m, m, []float64{1}, models.Rule{}) },
		At:   []float64{0}, N: 1000, Gamma: 1, Exact: true,
	}
	e, err := LLC(context.Background(), p, estimation.HMC{}, LambdaOptions{Draws: 200, Warmup: 200})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(e.Flags, func(s string) bool { return strings.HasPrefix(s, "not at a minimum") }) {
		t.Errorf("θ* off the minimum by 1: λ = %v, flags %q", e.Lambda, e.Flags)
	}
	for name, q := range map[string]LambdaProblem{
		"no bound": {Bind: p.Bind, At: p.At, N: 1000},
		"small n":  {Bind: p.Bind, At: p.At, N: 2, Gamma: 1},
		"length":   {Bind: p.Bind, At: []float64{0, 1}, N: 1000, Gamma: 1},
		"radius":   {Bind: p.Bind, At: p.At, N: 1000, Radius: -1},
	} {
		if _, err := LLC(context.Background(), q, estimation.HMC{}, LambdaOptions{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestVolumeLambda(t *testing.T) {
	m, err := models.Parse("crossing:powers=2")
	if err != nil {
		t.Fatal(err)
	}
	e, err := VolumeLambda(m, []float64{0}, 0.5, models.Rule{}, singular.VolumeOptions{Particles: 300, Runs: 4, Floor: 1e-9}, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(e.Slope-0.25) > 4*e.SlopeSE+0.01 || e.Evals < 1000 {
		t.Errorf("λ = %v ± %v after %v evaluations, want 1/4", e.Slope, e.SlopeSE, e.Evals)
	}
}
