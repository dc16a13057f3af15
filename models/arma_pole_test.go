package models

import (
	"math"
	"testing"
)

// Divide and Expand are inverses, a cancelled pair leaves the law without it, and the
// score is the derivative (central differences: truncation and rounding near 1e-9).
func TestARMAWithPole(t *testing.T) {
	m := mustARMA(t, 3, 2, ARMASettings{Mean: true})
	theta := append(fromRoots(1, 0.8, -0.5, 0.1), fromRoots(-1, 0.7, 0.2)...)
	theta = append(theta, 0.3, 1.5)
	l := bindARMA(t, m, sampleARMA(m, theta, 120, 3))
	pole, zero, ok := l.NearestPair(theta)
	if !ok || relDiff(pole, 0.8) > 1e-9 && relDiff(pole, 0.1) > 1e-9 || math.Abs(math.Abs(pole-zero)-0.1) > 1e-9 {
		t.Errorf("nearest pair %v, %v, %v", pole, zero, ok)
	}
	w := l.WithPole()
	w.Pole = 0.8
	rest, back := make([]float64, 6), make([]float64, 7)
	w.Divide(rest, theta, 0.8, math.NaN())
	w.Expand(back, rest)
	for i, x := range back {
		if math.Abs(x-theta[i]) > 1e-14 {
			t.Errorf("coordinate %d comes back as %v, was %v", i, x, theta[i])
		}
	}
	if got, want := w.LogLik(rest), l.LogLik(theta); math.Abs(got-want) > 1e-11*math.Abs(want) {
		t.Errorf("ℓ = %v, want %v", got, want)
	}
	s := make([]float64, 6)
	ll := w.Score(s, rest)
	if ll != w.LogLik(rest) && relDiff(ll, w.LogLik(rest)) > 1e-12 {
		t.Errorf("ℓ of the score %v", ll)
	}
	for i := range rest {
		const step = 1e-6
		x := rest[i]
		rest[i] = x + step
		up := w.LogLik(rest)
		rest[i] = x - step
		d := (up - w.LogLik(rest)) / (2 * step)
		rest[i] = x
		if math.Abs(d-s[i]) > 1e-6*(1+math.Abs(s[i])) {
			t.Errorf("score %d = %v, differences %v", i, s[i], d)
		}
	}

	// Move the pair (0.8, 0.7) to −0.3: the law of ARMA(2, 1) with what is left.
	w.Pole = -0.3
	w.Divide(rest, theta, 0.8, 0.7)
	sub := mustARMA(t, 2, 1, ARMASettings{Mean: true})
	left := append(fromRoots(1, -0.5, 0.1), fromRoots(-1, 0.2)...)
	left = append(left, 0.3, 1.5)
	if got, want := w.LogLik(rest), bindARMA(t, sub, l.z.V).LogLik(left); relDiff(got, want) > 1e-11 {
		t.Errorf("ℓ = %.12g with the pair cancelled, %.12g without it", got, want)
	}
}
