package estimation_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/models"
)

func TestParsePrior(t *testing.T) {
	z := dataset(t, "galaxies", 1e-3)
	mean, sd := 0.0, 0.0
	for _, v := range z.V {
		mean += v / float64(z.N)
	}
	for _, v := range z.V {
		sd += (v - mean) * (v - mean) / float64(z.N)
	}
	sd = math.Sqrt(sd)
	m := parseModel(t, "mixture:k=2,sd=1")
	theta := []float64{0.3, mean, mean + sd}
	normal := func(c float64) float64 { // of both means, N(mean, (2c sd)²)
		return -2*math.Log(2*c*sd*math.Sqrt(2*math.Pi)) - 1/(8*c*c)
	}
	for _, c := range []struct {
		text string
		want float64
	}{
		{"weak", normal(1)},
		{"normal=3", normal(3)},
		{"uniform=1.5", -2 * math.Log(6*sd)},
		{"dirichlet=0.5", normal(1) - math.Log(math.Pi) - 0.5*math.Log(0.3*0.7)},
		{"dirichlet=0.5,uniform=1", -2*math.Log(4*sd) - math.Log(math.Pi) - 0.5*math.Log(0.3*0.7)},
	} {
		p, err := estimation.ParsePrior(c.text, m, z)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.LogDensity(theta); math.Abs(got-c.want) > 1e-12*math.Abs(c.want) {
			t.Errorf("%s: log-density %v, want %v", c.text, got, c.want)
		}
	}
	if p, err := estimation.ParsePrior("dirichlet=2", parseModel(t, "mixture:k=1,sd=1"), z); err != nil || p.Dim() != 1 {
		t.Errorf("one component, whose weight is 1: %v", err)
	}
	for _, c := range []struct {
		model, text, message string
		improper             bool
	}{
		{"mixture:k=2", "jeffreys", "mu1 has no bounds", true},
		{"mixture:k=2", "dirichlet=0", "above 0", true},
		{"mixture:k=2", "uniform=inf", "above 0", true},
		{"mixture:k=2", "normal=-1", "above 0", true},
		{"mixture:k=2", "normal=NaN", "above 0", true},
		{"mixture:k=2", "dirichlet=0.01", "cannot be told from 0", false},
		{"mixture:k=2", "normal=x", `"x" is not a number`, false},
		{"mixture:k=2", "normal", "is not a number", false},
		{"mixture:k=2", "uniform=1,normal=2", "the same coordinates", false},
		{"mixture:k=2", "power=1", `no prior "power=1"`, false},
		{"mixture:k=2", "", `no prior ""`, false},
		{"arma:p=1,q=1,mean=true", "dirichlet=0.5", "no weights that sum to 1", false},
		{"binmix:k=2,trials=3", "uniform=2", "no coordinate", false},
	} {
		_, err := estimation.ParsePrior(c.text, parseModel(t, c.model), z)
		if err == nil || !strings.Contains(err.Error(), c.message) || errors.Is(err, estimation.ErrImproper) != c.improper {
			t.Errorf("%s of %s: %v", c.text, c.model, err)
		}
	}
}

// Volumes ∫ √det F of boxes that reach the bounds, where √det F is infinite: π for an
// AR(1), 8G for an ARMA(1,1) with Catalan's G, √trials π for a binomial.
func TestJeffreysReachesTheBounds(t *testing.T) {
	const catalan = 0.915965594177219015
	for _, c := range []struct {
		model  string
		at     []float64
		volume float64
		fisher float64 // √det F at the point
	}{
		{"arma:p=1,q=0,var=1", []float64{0.6}, math.Pi, 1.25},
		{"arma:p=1,q=1,var=1", []float64{0.5, 0}, 8 * catalan, math.Sqrt(4.0/3 - 1)},
		{"binmix:k=1,trials=5", []float64{0.5}, math.Sqrt(5) * math.Pi, math.Sqrt(20)},
	} {
		m := parseModel(t, c.model)
		p, err := estimation.ParsePrior("jeffreys", m, models.NewData(1, 0, 1))
		if err != nil {
			t.Error(err)
			continue
		}
		if got, want := p.LogDensity(c.at), math.Log(c.fisher/c.volume); math.Abs(got-want) > 2e-4 {
			t.Errorf("%s: log-density %v, want %v", c.model, got, want)
		}
	}
}
