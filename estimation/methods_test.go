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

var ctx = context.Background()

func maximize(t *testing.T, m Method, l models.Likelihood, start []float64) Fit {
	t.Helper()
	fit, err := m.Maximize(ctx, l, start, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	return fit
}

func TestRosenbrock(t *testing.T) {
	for _, c := range []struct {
		name string
		m    Method
	}{
		{"Newton", Newton{}}, {"LBFGS", LBFGS{}}, {"Then", Then{LBFGS{MaxIter: 5}, Newton{}}}, {"Auto", Auto{}},
	} {
		fit := maximize(t, c.m, rosenbrock().like(), []float64{-1.2, 1})
		if fit.Status != Converged || math.Abs(fit.Theta[0]-1) > 1e-5 || math.Abs(fit.Theta[1]-1) > 1e-5 {
			t.Errorf("%s: %v at %v after %d iterations", c.name, fit.Status, fit.Theta, fit.Iter)
		}
	}
}

// At the truth ab = 0 of y = a·tanh(bx) + e the score vanishes on a cross and
// the maximum may lie at the end of a hyperbola: where gonum alone reports a
// failure with |g| = 1e-9 or stops 0.002 short.
func TestTanhUnitAtSingularTruth(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for r := range 4 {
		l := tanhUnit(1000, 0, 0, rng).like()
		ends := map[string]Fit{}
		best := math.Inf(-1)
		for _, c := range []struct {
			name string
			m    Method
		}{{"newton", Newton{}}, {"lbfgs", LBFGS{}}, {"both", Then{LBFGS{}, Newton{}}}} {
			fit := maximize(t, MultiStart{Method: c.m, Starts: 10}, l, nil)
			ends[c.name] = fit
			best = max(best, fit.LogLik)
		}
		// The combination is the one promised: LBFGS runs along the hyperbola,
		// Newton certifies.
		fit := ends["both"]
		if best-fit.LogLik > 1e-3 {
			t.Errorf("series %d: %.2g nats short, %v", r, best-fit.LogLik, fit.Status)
		}
		// An iteration limit is honest here: the hyperbola runs to infinity.
		if fit.Status == Failed || fit.GradNorm > 1e-4 {
			t.Errorf("series %d: %v, scaled gradient %.2g", r, fit.Status, fit.GradNorm)
		}
	}
}

// The point (0, 0) of y = a·tanh(bx) has a vanishing score and the information
// matrix 0: only curvature shows the way up.
func TestNewtonLeavesTheSaddle(t *testing.T) {
	l := tanhUnit(1000, 1, 1, rand.New(rand.NewPCG(5, 6))).like()
	fit := maximize(t, Newton{}, l, []float64{0, 0})
	if fit.Status != Converged || math.Abs(fit.Theta[0]*fit.Theta[1]-1) > 0.2 {
		t.Errorf("%v at %v", fit.Status, fit.Theta)
	}
}

func quadratic(lo, hi, at float64) *toy {
	return &toy{
		params: []models.Param{{Name: "a", Lo: lo, Hi: hi}}, weight: 100,
		f:    func(x []float64) float64 { return -50 * (x[0] - at) * (x[0] - at) },
		grad: func(g, x []float64) { g[0] = -100 * (x[0] - at) },
	}
}

func TestStatuses(t *testing.T) {
	inf := math.Inf(1)
	never := &toy{params: free(1), weight: 1, f: func([]float64) float64 { return math.Inf(-1) }, grad: func(g, _ []float64) { g[0] = 0 }}
	// A gradient that lies: no step goes up although it is not small.
	lying := &toy{params: free(1), weight: 1, f: func(x []float64) float64 { return -x[0] * x[0] }, grad: func(g, x []float64) { g[0] = 2 * x[0] }}
	flat := &toy{params: free(2), weight: 10, f: func(x []float64) float64 { return -x[0] * x[0] }, grad: func(g, x []float64) { g[0], g[1] = -2*x[0], 0 }}
	for _, c := range []struct {
		name    string
		m       Method
		toy     *toy
		start   []float64
		want    Status
		theta   float64
		warning string
	}{
		{"interior", Newton{}, quadratic(0, 1, 0.3), []float64{0.9}, Converged, 0.3, ""},
		{"interior, LBFGS", LBFGS{}, quadratic(0, 1, 0.3), []float64{0.9}, Converged, 0.3, ""},
		{"start on a bound", Newton{}, quadratic(0, 1, 0.3), []float64{0}, Converged, 0.3, ""},
		{"upper bound", Newton{}, quadratic(0, 1, 1.5), []float64{0.5}, Boundary, 1, "a = 1"},
		{"upper bound, LBFGS", LBFGS{}, quadratic(0, 1, 1.5), []float64{0.5}, Boundary, 1, "a = 1"},
		{"lower bound", Newton{}, quadratic(0, inf, -2), []float64{3}, Boundary, 0, "a = 0"},
		{"one-sided above", Newton{}, quadratic(-inf, 2, 5), []float64{-3}, Boundary, 2, "a = 2"},
		{"few iterations", Newton{MaxIter: 3}, rosenbrock(), []float64{-1.2, 1}, IterationLimit, math.NaN(), ""},
		{"few iterations, LBFGS", LBFGS{MaxIter: 3}, rosenbrock(), []float64{-1.2, 1}, IterationLimit, math.NaN(), ""},
		{"outside", Newton{}, never, []float64{1}, Failed, 1, "not finite at the start"},
		{"outside, LBFGS", LBFGS{}, never, []float64{1}, Failed, 1, "not finite at the start"},
		{"wrong gradient", Newton{}, lying, []float64{1}, Failed, math.NaN(), ""},
		{"wrong gradient, LBFGS", LBFGS{}, lying, []float64{1}, Failed, math.NaN(), "gradient is not small"},
		{"flat direction", Newton{}, flat, []float64{1, 7}, Converged, 0, "flat to second order in 1 of 2"},
	} {
		fit := maximize(t, c.m, c.toy.like(), c.start)
		if fit.Status != c.want {
			t.Errorf("%s: %v, want %v: %+v", c.name, fit.Status, c.want, fit)
		}
		if !math.IsNaN(c.theta) && math.Abs(fit.Theta[0]-c.theta) > 1e-6 {
			t.Errorf("%s: ended at %v, want %v", c.name, fit.Theta, c.theta)
		}
		if !strings.Contains(strings.Join(append(fit.Warnings, fit.Bounds...), "; "), c.warning) {
			t.Errorf("%s: warnings %q and bounds %q, want %q", c.name, fit.Warnings, fit.Bounds, c.warning)
		}
	}
	seen := map[string]bool{}
	for _, s := range Statuses() {
		if s.Advice() == "" || seen[s.String()] {
			t.Errorf("status %d has no advice or no name of its own", int(s))
		}
		seen[s.String()] = true
	}
}

func TestDifferencesOfTheLogLikelihood(t *testing.T) {
	f := rosenbrock()
	f.grad = nil
	fit := maximize(t, Newton{}, f.like(), []float64{-1.2, 1})
	if fit.Status != Converged || math.Abs(fit.Theta[0]-1) > 1e-3 {
		t.Errorf("%v at %v", fit.Status, fit.Theta)
	}
}

func TestRefusals(t *testing.T) {
	l := rosenbrock().like()
	short := []float64{1}
	for _, m := range []Method{Newton{}, LBFGS{}, EM{}, Auto{}, Then{Newton{}, Newton{}}, MultiStart{Given: [][]float64{short}}} {
		if _, err := m.Maximize(ctx, l, short, nil); err == nil {
			t.Errorf("%T takes a start of wrong length", m)
		}
	}
	if _, err := (EM{}).Maximize(ctx, l, []float64{0, 0}, nil); !errors.Is(err, ErrNoEM) {
		t.Errorf("EM without a step: %v", err)
	}
	if _, err := (Closed{}).Maximize(ctx, l, nil, nil); !errors.Is(err, ErrNoClosedForm) {
		t.Errorf("Closed without a closed form: %v", err)
	}
	if _, err := (MultiStart{}).Maximize(ctx, l, nil, nil); !errors.Is(err, ErrNoStart) {
		t.Errorf("no starts: %v", err)
	}
	each := models.Serial(rand.New(rand.NewPCG(1, 1)))
	if _, err := (MultiStart{Each: each}).Maximize(ctx, l, []float64{0, 0}, nil); err == nil {
		t.Error("Each without Bind is accepted")
	}
	done, cancel := context.WithCancel(ctx)
	cancel()
	for _, m := range []Method{Newton{}, LBFGS{}, MultiStart{}} {
		if _, err := m.Maximize(done, l, []float64{-1.2, 1}, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("%T after cancellation: %v", m, err)
		}
	}
}
