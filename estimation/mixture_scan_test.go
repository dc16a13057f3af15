package estimation_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/models"
)

// randomStarts hides the scan.
type randomStarts struct {
	models.Likelihood
	models.Scorer
	models.Starter
	models.EMStepper
}

// With the variance known five starts, led by the scan along the profile of location
// and weight, find what a hundred random ones find on homogeneous data (five random
// ones fall short on one data set in twelve). Of 480 data sets two fell short; at twice
// that rate three or more of 60 have a probability of 0.015.
func TestScanFindsTheMaximumOfHomogeneity(t *testing.T) {
	if testing.Short() {
		t.Skip("6000 climbs")
	}
	for _, set := range []models.MixtureSettings{
		{K: 2, Variance: models.VarKnown},
		{K: 2, Variance: models.VarKnown, Sigma: 3, Bound: 9},
	} {
		m, err := models.NewMixture(set)
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(4, 22))
		z := models.NewData(1000, 0, 1)
		short, longer := 0, 0
		for range 60 {
			whiteNoise(z, rng)
			if set.Sigma > 0 {
				for i := range z.V {
					z.V[i] = set.Sigma*z.V[i] + 1
				}
			}
			l, err := m.Bind(z)
			if err != nil {
				t.Fatal(err)
			}
			a, err := estimation.MultiStart{Starts: 5}.Maximize(context.Background(), l, nil, rng)
			if err != nil {
				t.Fatal(err)
			}
			hidden := randomStarts{l, l.(models.Scorer), l.(models.Starter), l.(models.EMStepper)}
			b, err := estimation.MultiStart{Starts: 100}.Maximize(context.Background(), hidden, nil, rng)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case a.LogLik < b.LogLik-1e-3:
				short++
			case a.LogLik > b.LogLik+1e-3:
				longer++
			}
		}
		t.Logf("%v: %d fall short of 100 random starts, %d exceed them", m, short, longer)
		if short > 2 {
			t.Errorf("%v: %d of 60 fits fall short", m, short)
		}
	}
}

func TestScanOfOddData(t *testing.T) {
	m, err := models.NewMixture(models.MixtureSettings{K: 2, Variance: models.VarKnown})
	if err != nil {
		t.Fatal(err)
	}
	for name, y := range map[string][]float64{
		"constant": {2, 2, 2, 2, 2}, "one": {1}, "outlier": {0, 1, -1, 0.5, 1e9}, "far": {1e150, 1e150, 1e150},
	} {
		l, err := m.Bind(&models.Data{N: len(y), Q: 1, V: y})
		if err != nil {
			continue // refused: as good
		}
		for _, theta := range l.(models.Scanner).Scan(5) {
			if ll := l.LogLik(theta); math.IsInf(ll, 0) || math.IsNaN(ll) {
				t.Errorf("%s: a start at %v with ℓ = %v", name, theta, ll)
			}
		}
	}
}
