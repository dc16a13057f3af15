package models

import (
	"math/rand/v2"
	"testing"
)

func TestMixtureEMNeverLowersTheLikelihood(t *testing.T) {
	eachMixture(t, func(t *testing.T, m *Mixture, theta []float64) {
		l, _ := drawMixture(t, m, theta, 120, 3)
		rng := rand.New(rand.NewPCG(7, 7))
		a, b := make([]float64, len(theta)), make([]float64, len(theta))
		for start := range 6 {
			l.(Starter).Start(a, rng)
			if err := CheckTheta(m, a); err != nil {
				t.Fatalf("start %d: %v", start, err)
			}
			last := l.LogLik(a)
			for step := range 60 {
				if ll := l.(EMStepper).EMStep(b, a); ll < last-1e-9 || step == 0 && ll-last > 1e-9 {
					t.Fatalf("start %d, step %d: %v after %v", start, step, ll, last)
				} else {
					last = ll
				}
				if err := CheckTheta(m, b); err != nil {
					t.Fatalf("start %d, step %d: %v", start, step, err)
				}
				a, b = b, a
			}
		}
	})
}
