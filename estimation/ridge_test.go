package estimation_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/models"
)

// For ARMA(1,1) the pole is φ, so that the ridge is the profile-likelihood interval of
// φ, which another program text finds.
func TestRidgeIsTheProfileOfThePole(t *testing.T) {
	m, err := models.NewARMA(1, 1, models.ARMASettings{})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(4, 19))
	for _, truth := range [][]float64{{0.8, 0.5, 1}, {-0.6, 0.3, 2}, {0.5, -0.2, 1}} {
		z := models.NewData(300, 0, 1)
		m.Sample(z, truth, rng)
		r := fitted(t, m, z, estimation.Options{Starts: 5})
		if r.Ridge == nil {
			t.Fatal("no ridge")
		}
		if r.Ridge.Pole != r.Theta[0] || math.Abs(r.Ridge.Gap-math.Abs(r.Theta[0]+r.Theta[1])) > 1e-12 {
			t.Errorf("%v: pair %+v at θ = %v", truth, *r.Ridge, r.Theta)
		}
		i, err := estimation.ProfileInterval(context.Background(), m, z, r, 0, estimation.IntervalOptions{Starts: -1})
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(r.Ridge.Lo-i.Lo) > 1e-3 || math.Abs(r.Ridge.Hi-i.Hi) > 1e-3 {
			t.Errorf("%v: ridge [%.5f, %.5f], profile interval [%.5f, %.5f]", truth, r.Ridge.Lo, r.Ridge.Hi, i.Lo, i.Hi)
		}
	}
}

// Where the statistic against white noise is below twice the drop, every point of the
// line of cancellation is within it, and the ridge is the whole line.
func TestRidgeOfWhiteNoise(t *testing.T) {
	for _, order := range []int{1, 2} {
		m, err := models.NewARMA(order, 1, models.ARMASettings{Mean: order == 2})
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(4, 20))
		whole := 0
		for range 4 {
			z := models.NewData(200, 0, 1)
			whiteNoise(z, rng)
			if order == 2 { // an AR(1) seen as ARMA(2,1)
				for i := 1; i < z.N; i++ {
					z.V[i] += 0.7 * z.V[i-1]
				}
			}
			small, err := models.NewARMA(order-1, 0, m.Settings())
			if err != nil {
				t.Fatal(err)
			}
			null := fitted(t, small, z, estimation.Options{Starts: 3})
			r := fitted(t, m, z, estimation.Options{Starts: 5})
			if r.Ridge == nil {
				continue // a pair of complex poles
			}
			if r.LogLik-null.LogLik > r.Ridge.Drop-0.1 {
				continue
			}
			whole++
			if r.Ridge.Lo != -1 || r.Ridge.Hi != 1 || r.Ridge.LoEnd != estimation.AtBound || r.Ridge.HiEnd != estimation.AtBound {
				t.Errorf("%v: ridge %+v, all of it lies within %.2f of the fit", m, *r.Ridge, r.LogLik-null.LogLik)
			}
		}
		if whole == 0 {
			t.Errorf("%v: no series has a whole ridge", m)
		}
	}
	ar, err := models.NewARMA(2, 0, models.ARMASettings{})
	if err != nil {
		t.Fatal(err)
	}
	z := models.NewData(100, 0, 1)
	whiteNoise(z, rand.New(rand.NewPCG(4, 21)))
	if r := fitted(t, ar, z, estimation.Options{Starts: 2}); r.Ridge != nil {
		t.Errorf("a ridge of an autoregression: %+v", *r.Ridge)
	}
}
