package estimation_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/models"
)

// EM, plain or accelerated, Newton and LBFGS end in the same maximum from the
// same start where the information is regular, and acceleration saves steps.
func TestMethodsAgreeOnARegularMixture(t *testing.T) {
	m := mixture(t, models.MixtureSettings{K: 2, Variance: models.VarTied})
	l, err := m.Bind(dataset(t, "faithful", 1, "eruptions"))
	if err != nil {
		t.Fatal(err)
	}
	start := []float64{0.5, 3.4, 3.6, 1.6}
	evals := map[string]int{}
	for _, c := range []struct {
		name string
		m    estimation.Method
	}{
		{"plain", estimation.EM{Plain: true}}, {"squarem", estimation.EM{}}, {"newton", estimation.Newton{}},
		{"lbfgs", estimation.LBFGS{}}, {"auto", estimation.Auto{}},
	} {
		fit, err := c.m.Maximize(context.Background(), l, start, nil)
		if err != nil {
			t.Fatal(err)
		}
		if fit.Status != estimation.Converged || math.Abs(fit.LogLik+287.2920242) > 1e-6 || !(fit.GradNorm < 1e-3) {
			t.Errorf("%s: %v at %.8f, scaled gradient %.2g", c.name, fit.Status, fit.LogLik, fit.GradNorm)
		}
		evals[c.name] = fit.Evals
	}
	if evals["squarem"] >= evals["plain"] {
		t.Errorf("evaluations: %v", evals)
	}
}

// Near the singular set EM stops short, where the likelihood is flat or at a
// saddle; Newton from there finds the height that is missing and says how much
// is left. With seed 11 plain EM misses 0.2 nats on average; the polish never
// goes down.
func TestNewtonFinishesEMNearTheSingularSet(t *testing.T) {
	m := mixture(t, models.MixtureSettings{K: 2, Variance: models.VarTied})
	rng := rand.New(rand.NewPCG(11, 1))
	z := models.NewData(1000, 0, 1)
	missing := 0.0
	for range 10 {
		whiteNoise(z, rng)
		l, err := m.Bind(z)
		if err != nil {
			t.Fatal(err)
		}
		start := make([]float64, 4)
		l.(models.Starter).Start(start, rng)
		em := estimation.EM{MaxIter: 200, Plain: true}
		a, err := em.Maximize(context.Background(), l, start, nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := estimation.Then{First: em, Second: estimation.Newton{}}.Maximize(context.Background(), l, start, nil)
		if err != nil {
			t.Fatal(err)
		}
		if b.LogLik < a.LogLik || b.Status != estimation.Converged || b.Gain > 1e-8 || b.GradNorm > 1e-6 {
			t.Errorf("from %.9f to %.9f, %v, gain %.2g, scaled gradient %.2g", a.LogLik, b.LogLik, b.Status, b.Gain, b.GradNorm)
		}
		missing += (b.LogLik - a.LogLik) / 10
	}
	if missing < 0.02 {
		t.Errorf("EM misses %.3g nats on average: the test has lost its subject", missing)
	}
}

// The safeguard: every end is at least as high as the start, from wherever.
func TestClimbsNeverGoDown(t *testing.T) {
	m := mixture(t, models.MixtureSettings{K: 4})
	l, err := m.Bind(dataset(t, "galaxies", 1e-3))
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(2, 3))
	start := make([]float64, models.Dim(m))
	for range 20 {
		l.(models.Starter).Start(start, rng)
		at := l.LogLik(start)
		for _, method := range []estimation.Method{
			estimation.EM{MaxIter: 30}, estimation.Newton{MaxIter: 30}, estimation.LBFGS{MaxIter: 30}, estimation.Auto{MaxIter: 30},
		} {
			fit, err := method.Maximize(context.Background(), l, start, nil)
			if err != nil {
				t.Fatal(err)
			}
			if fit.LogLik < at-1e-9*math.Abs(at) {
				t.Errorf("%T went from %.9f to %.9f", method, at, fit.LogLik)
			}
			if got := l.LogLik(fit.Theta); math.Abs(got-fit.LogLik) > 1e-9*math.Abs(got) {
				t.Errorf("%T: ℓ = %.12f, reported %.12f", method, got, fit.LogLik)
			}
		}
	}
}

// A family with its maximum in closed form needs no starts.
func TestClosedForm(t *testing.T) {
	m, err := models.Parse("cone")
	if err != nil {
		t.Fatal(err)
	}
	s := m.Shape()
	z := models.NewData(50, s.P, s.Q)
	whiteNoise(z, rand.New(rand.NewPCG(1, 1)))
	r := fitted(t, m, z, estimation.Options{})
	again := fitted(t, m, z, estimation.Options{Method: estimation.Newton{}, Starts: 20})
	if r.Starts.Tried != 1 || math.Abs(r.LogLik-again.LogLik) > 1e-8 {
		t.Errorf("closed form %.9f from %d starts, Newton %.9f", r.LogLik, r.Starts.Tried, again.LogLik)
	}
}
