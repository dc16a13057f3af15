package models

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/internal/vec"
)

// Curve against the filter: value and score to rounding, the Hessian to central
// differences of the score with a step of 1e-5, whose truncation and rounding are near
// 1e-10 of the largest entry. Where the formula of sums loses digits Curve is itself a
// forward difference with a step of 1e-6·(1+|u|), and as near as that: half the step
// times a third derivative that here, next to the unit circle, is some times the second.
func TestARMACurve(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 17))
	for _, set := range []ARMASettings{{}, {Var: 1.3}} {
		m := mustARMA(t, 1, 1, set)
		d := Dim(m)
		z := NewData(157, 0, 1)
		for i := range z.V {
			z.V[i] = rng.NormFloat64()
		}
		l, err := m.Bind(z)
		if err != nil {
			t.Fatal(err)
		}
		c := l.(Curver)
		score := l.(Scorer)
		theta, s := make([]float64, d), make([]float64, d)
		free := func(g, u []float64) float64 {
			m.FromFree(theta, u)
			ll := score.Score(s, theta)
			m.PullScore(g, u, s)
			return ll
		}
		differenced := 0
		for _, at := range [][2]float64{
			{0.3, 0.2}, {-0.8, 0.5}, {0.5, -0.5}, {0, 0}, {1.5, -1.4}, {-2.5, 2.6}, {3.5, -3.3}, {0.1, 3}, {4, 4}, {-3, 0},
		} {
			u := []float64{at[0], at[1], 0.2}[:d]
			g, want, up, dn := make([]float64, d), make([]float64, d), make([]float64, d), make([]float64, d)
			h := mat.NewSymDense(d, nil)
			ll := c.Curve(h, g, u)
			if wantLL := free(want, u); math.Abs(ll-wantLL) > 1e-10*math.Abs(wantLL) {
				t.Errorf("%v at %v: ℓ = %.15g, want %.15g", m, u, ll, wantLL)
			}
			gs, hs := 1.0, 1.0
			for i := range g {
				gs, hs = max(gs, math.Abs(want[i])), max(hs, math.Abs(h.At(i, i)))
			}
			tol := 1e-8 * hs
			if !l.(*arma11).fromRest() {
				tol = 2e-5 * hs
				differenced++
			}
			for i := range g {
				if math.Abs(g[i]-want[i]) > 1e-9*gs {
					t.Errorf("%v at %v: score %d is %v, want %v", m, u, i, g[i], want[i])
				}
				const step = 1e-5
				x := u[i]
				u[i] = x + step
				free(up, u)
				u[i] = x - step
				free(dn, u)
				u[i] = x
				for j := range d {
					if w := (up[j] - dn[j]) / (2 * step); math.Abs(h.At(i, j)-w) > tol {
						t.Errorf("%v at %v: ∂²ℓ[%d,%d] = %v, differences %v", m, u, i, j, h.At(i, j), w)
					}
				}
			}
		}
		if differenced != 1 {
			t.Errorf("%v: %d points by differences, want the one next to (1, 1)", m, differenced)
		}
	}
}

// The scan's line is the likelihood: deviances at two φ differ as log-likelihoods
// with σ² profiled do.
func TestARMAScanLine(t *testing.T) {
	m := mustARMA(t, 1, 1, ARMASettings{})
	y := sampleARMA(m, []float64{0.6, 0.3, 2}, 211, 5)
	l := newARMA11(bindARMA(t, m, y))
	for _, th := range []float64{-0.9, 0, 0.4, 0.97} {
		pts := threeOf(l, th)
		r := newRestLine(pts, len(y), 0)
		ref := []float64{0.1, th, 1}
		ll0, dev0 := l.Profile(ref), r.deviance(0.1)
		for _, phi := range []float64{-0.95, -0.2, 0.7, 0.99} {
			at := []float64{phi, th, 1}
			if got, want := dev0-r.deviance(phi), 2*(l.Profile(at)-ll0); math.Abs(got-want) > 1e-9*(1+math.Abs(want)) {
				t.Errorf("φ = %g, θ = %g: %v, want %v", phi, th, got, want)
			}
		}
	}
	for i, theta := range l.Scan(5) {
		if err := CheckTheta(m, theta); err != nil {
			t.Errorf("peak %d: %v", i, err)
		}
	}
	if peaks := l.Scan(0); len(peaks) != 0 {
		t.Errorf("%d peaks, none asked for", len(peaks))
	}
	zero := newARMA11(bindARMA(t, m, make([]float64, 20)))
	if peaks := zero.Scan(5); len(peaks) > 5 {
		t.Errorf("%d peaks of a series of zeros", len(peaks))
	}
}

func threeOf(l *arma11, th float64) []vec.ARMA11 {
	pts := []vec.ARMA11{{Phi: -1, Theta: th}, {Theta: th}, {Phi: 1, Theta: th}}
	vec.ARMA11s(pts, l.z.V, l.v)
	return pts
}
