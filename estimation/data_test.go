package estimation

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

// Data on which the likelihood has no maximum are refused, and by name; MA(1) without a
// mean does not follow a constant and is fitted to it.
func TestDataThatCannotBeFitted(t *testing.T) {
	column := func(v ...float64) *models.Data { return &models.Data{N: len(v), Q: 1, V: v} }
	seven, zero := column(7, 7, 7, 7, 7, 7, 7, 7), column(0, 0, 0, 0, 0, 0, 0, 0)
	for _, c := range []struct {
		model string
		z     *models.Data
		want  string // "" is a fit
	}{
		{"mixture:k=2", seven, "column 1 of the data is constant"},
		{"mixture:k=1,sd=tied", zero, "column 1 of the data is constant"},
		{"mixture:k=2,sd=1", seven, ""},
		{"mixture:k=2,dim=2", &models.Data{N: 5, Q: 2, V: []float64{1, 3, 2, 3, 4, 3, 3, 3, 9, 3}}, "column 2 of the data is constant"},
		{"arma:p=1,q=1", seven, "column 1 of the data is constant"},
		{"arma:p=0,q=1,mean=true", seven, "column 1 of the data is constant"},
		{"arma:p=0,q=1", zero, "column 1 of the data is constant"},
		{"arma:p=0,q=1", seven, ""},
		{"arma:p=1,q=0,var=1", seven, ""},
		{"mixture:k=2,sd=1", column(1, 2, 3, 1e300), "overflow"},
		{"arma", column(1, 2, 3, -1e300, 5, 6), "overflow"},
		{"mixture:k=2", column(1e-200, 2e-200, 3e-200, 5e-200, 6e-200), "underflows"},
	} {
		r, err := MLE(context.Background(), parsed(t, c.model), c.z, Options{Starts: 3})
		switch {
		case c.want == "" && (err != nil || r.Status == Failed || math.IsNaN(r.LogLik)):
			t.Errorf("%s on %v: %+v, %v", c.model, c.z.V, r, err)
		case c.want != "" && (!errors.Is(err, ErrData) || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s on %v: %v, want %q", c.model, c.z.V, err, c.want)
		}
	}
}

// Where every end lies on the variance floor, or the regression has no noise, there is
// no fit: the report has NaN, says so in its status and flags, and keeps what was found
// among the maxima.
func TestNoMaximum(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	outlier, line, twice := models.NewData(100, 0, 1), models.NewData(40, 1, 1), models.NewData(40, 0, 1)
	for i := range outlier.V {
		outlier.V[i] = rng.NormFloat64()
	}
	outlier.V[99] = 1e6
	for i := range line.N {
		x := rng.NormFloat64()
		line.V[2*i], line.V[2*i+1] = x, 0.5*x
	}
	for i := range twice.V {
		twice.V[i] = float64(i % 2)
	}
	for _, c := range []struct {
		model string
		z     *models.Data
	}{
		{"mixture:k=2", outlier},
		{"mixture:k=2", twice},
		{"mixture:k=2,sd=tied", twice},
		{"rrr:in=1,hidden=1,out=1,sigma=free", line},
		{"mlp:hidden=1,act=linear,sigma=free", line},
	} {
		m, err := models.Parse(c.model)
		if err != nil {
			continue // a family without a free variance
		}
		r, err := MLE(context.Background(), m, c.z, Options{Starts: 5})
		if err != nil {
			t.Errorf("%s: %v", c.model, err)
			continue
		}
		if r.Status != NoMaximum || !math.IsNaN(r.LogLik) || !math.IsNaN(r.AIC) || r.Sound != nil || r.Rank >= 0 || len(r.Maxima) == 0 ||
			slices.ContainsFunc(r.Theta, func(v float64) bool { return !math.IsNaN(v) }) ||
			!strings.Contains(strings.Join(r.Flags, ""), "no interior maximum") {
			t.Errorf("%s: %v %v %v %q", c.model, r.Status, r.LogLik, r.Theta, r.Flags)
		}
	}
	// With a common variance one component is a stationary point, far below the floor.
	r, err := MLE(context.Background(), parsed(t, "mixture:k=2,sd=tied"), outlier, Options{Starts: 20})
	if err != nil {
		t.Fatal(err)
	}
	if r.Status != NoMaximum && !strings.Contains(strings.Join(r.Flags, ""), "one far from all others") {
		t.Errorf("tied: %v, flags %q", r.Status, r.Flags)
	}
}

// No more values than coordinates: flagged, and no maximum is sound.
func TestFewerValuesThanCoordinates(t *testing.T) {
	z := &models.Data{N: 4, P: 1, Q: 1, V: []float64{-1, 0.2, 0, 0.1, 1, -0.4, 2, 0.3}}
	for model, few := range map[string]bool{"mlp:hidden=2": true, "mlp:hidden=1": false} {
		r, err := MLE(context.Background(), parsed(t, model), z, Options{Starts: 3})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(strings.Join(r.Flags, ""), "values for"); got != few || few && r.Sound != nil {
			t.Errorf("%s: flags %q, sound %v", model, r.Flags, r.Sound)
		}
	}
}

// Inputs that are all equal tell of v·erf(w x/√2) nothing but its value there: one of
// two coordinates, whatever the residual second derivatives say.
func TestConstantInputs(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	z := models.NewData(200, 1, 1)
	for i := range z.N {
		z.V[2*i], z.V[2*i+1] = 1, 0.4+rng.NormFloat64()
	}
	r, err := MLE(context.Background(), parsed(t, "mlp:hidden=1"), z, Options{Starts: 5})
	if err != nil {
		t.Fatal(err)
	}
	if r.Rank != 1 || !math.IsNaN(r.SE[0]) || !math.IsNaN(r.SE[1]) {
		t.Errorf("rank %d, standard errors %v", r.Rank, r.SE)
	}
}

// A climb ends a millionth off the overlap where the maximum lies on it. The report is
// of the overlap, and no standard error and no saddle comes out of the rounding there.
// The sample variance of these data is below the known one, so that one component is the
// global maximum: the statistic of many starts is 0.
func TestReportSettlesOnTheOverlap(t *testing.T) {
	m := parsed(t, "mixture:k=2,sd=1")
	rng := rand.New(rand.NewPCG(8, 1))
	z := models.NewData(200, 0, 1)
	settled := 0
	for range 20 {
		for i := range z.V {
			z.V[i] = 0.9 * rng.NormFloat64()
		}
		r, err := MLE(context.Background(), m, z, Options{Starts: 5, Rand: rng})
		if err != nil {
			t.Fatal(err)
		}
		mean, ss := 0.0, 0.0
		for _, v := range z.V {
			mean += v / float64(z.N)
		}
		for _, v := range z.V {
			ss += (v - mean) * (v - mean)
		}
		if one := -0.5 * (float64(z.N)*math.Log(2*math.Pi) + ss); r.LogLik > one+1e-6 {
			continue // a second component after all
		}
		settled++
		if r.Rank != 1 || strings.Contains(strings.Join(r.Flags, ""), "saddle") || !slices.ContainsFunc(r.Strata, func(s singular.StratumAt) bool { return s.On }) {
			t.Errorf("rank %d, flags %q, strata %+v at %v", r.Rank, r.Flags, r.Strata, r.Theta)
		}
	}
	if settled < 5 {
		t.Errorf("%d of 20 on one component", settled)
	}
}
