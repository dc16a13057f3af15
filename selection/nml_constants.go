package selection

import (
	"fmt"
	"math"
)

// LogMultinomialNML returns log C(K, n), the parametric complexity of the
// multinomial with K cells and n observations, by the recurrence in K of Kontkanen
// and Myllymäki (2007, Inf. Process. Lett. 103, 227):
//
//	C(1,n) = 1,  C(2,n) = Σ_h (n over h) (h/n)^h ((n−h)/n)^{n−h},
//	C(K+2,n) = C(K+1,n) + (n/K) C(K,n).
//
// It panics if k < 1 or n < 0.
func LogMultinomialNML(k, n int) float64 {
	if k < 1 || n < 0 {
		panic("selection: multinomial of no cell or fewer than no observations")
	}
	if k == 1 || n == 0 {
		return 0
	}
	// The terms of C(2, n) are positive and at most of order 1: no cancellation.
	lgN, _ := math.Lgamma(float64(n) + 1)
	var two float64
	for h := range n + 1 {
		a, _ := math.Lgamma(float64(h) + 1)
		b, _ := math.Lgamma(float64(n-h) + 1)
		two += math.Exp(lgN - a - b + xlogx(h, n) + xlogx(n-h, n))
	}
	// Logarithms of the last two, so that large K does not overflow.
	prev, cur := 0.0, math.Log(two)
	for j := 1; j+1 < k; j++ {
		prev, cur = cur, logAdd(cur, math.Log(float64(n)/float64(j))+prev)
	}
	return cur
}

// xlogx is h log(h/n).
func xlogx(h, n int) float64 {
	if h == 0 {
		return 0
	}
	return float64(h) * math.Log(float64(h)/float64(n))
}

// LogGaussianNML returns the parametric complexity of the normal law with mean and
// variance free in |μ̂| ≤ √r and lo ≤ σ̂² ≤ hi, in nats:
//
//	C = (n/2e)^{n/2} / (√π Γ((n−1)/2)) · 4 √r (lo^{−1/2} − hi^{−1/2}).
//
// Derived here: the density of μ̂ at its own value times that of n σ̂²/σ² ~ χ²_{n−1}
// at n, integrated over μ̂ and σ̂². Without bounds it is infinite. It is an error if
// n < 2 or the bounds are not 0 < lo < hi and r > 0.
func LogGaussianNML(n int, r, lo, hi float64) (float64, error) {
	if n < 2 || !(r > 0) || !(lo > 0) || !(lo < hi) {
		return 0, fmt.Errorf("gaussian NML with n = %d, mean² ≤ %v, variance from %v to %v: want n from 2, bounds above 0, the lower first", n, r, lo, hi)
	}
	h := float64(n) / 2
	lg, _ := math.Lgamma(h - 0.5)
	return h*(math.Log(h)-1) - 0.5*math.Log(math.Pi) - lg + math.Log(4*math.Sqrt(r)*(1/math.Sqrt(lo)-1/math.Sqrt(hi))), nil
}
