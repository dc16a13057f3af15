package modeltest

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

// checkAverage takes the model at each point for its own truth.
func checkAverage(c *checker) {
	a, ok := c.m.(models.Averager)
	if !ok {
		return
	}
	h := mat.NewSymDense(c.d, nil)
	for _, at := range c.points {
		l, _ := a.Average(c.m, at)
		if l == nil {
			continue
		}
		if l.N() != 1 || models.Weight(l) != 1 {
			c.fail("%d terms of weight %v, want 1 and 1", l.N(), models.Weight(l))
		}
		best := l.LogLik(at)
		if kl, e := l.Divergence(at); !(kl >= 0 && kl <= e+1e-14) {
			c.fail("KL at the truth %v is %g ± %g", at, kl, e)
		}
		for _, theta := range c.near(l, at) {
			kl, e := l.Divergence(theta)
			if ll := l.LogLik(theta); !(kl >= 0 && e >= 0) || math.Abs(best-ll-kl) > e+1e-12*(1+math.Abs(ll)) {
				c.fail("θ = %v: KL is %.12g ± %.1g, LogLik falls by %.12g from the truth", theta, kl, e, best-ll)
			}
			score := func(dst, theta []float64) {
				if ll, want := l.Score(dst, theta), l.LogLik(theta); !closeTo(ll, want, 1e-13, 1) {
					c.fail("θ = %v: Score of the average returns %.17g, LogLik is %.17g", theta, ll, want)
				}
			}
			c.gradient("Score of the average", l.LogLik, score, theta, 1)
			l.Hess(h, theta)
			c.hessian("Hess of the average", h, l.Score, theta, 1)
			if !l.Met() {
				c.fail("θ = %v: the tolerance is not met", theta)
			}
		}
	}
}
