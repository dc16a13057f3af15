package estimation

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/neuromanifold/neuromanifold/models"
)

// SplitStarts returns starts for l from the fit of a smaller model of the same
// family: the parent embedded with the same law, whose log-likelihood is the
// parent's, so that a maximum reached from it cannot be smaller; and points off
// the singular set on which every embedding lies and where the score vanishes:
// along each direction in which the Hessian is flat or curves upward, both ways,
// and on the way to random proposals.
func SplitStarts(l models.Likelihood, p Parent, rng *rand.Rand) ([][]float64, error) {
	nest, ok := l.Model().(models.Nester)
	if !ok {
		return nil, fmt.Errorf("%v does not embed smaller models", l.Model())
	}
	d := models.Dim(l.Model())
	theta := make([]float64, d)
	if !nest.Embed(theta, p.Model, p.Theta) {
		return nil, fmt.Errorf("%v does not contain %v", l.Model(), p.Model)
	}
	out := [][]float64{theta}
	sp := newSpace(l)
	u, x, g := make([]float64, d), make([]float64, d), make([]float64, d)
	if !sp.toFree(u, theta, 1e-3) {
		return out, nil
	}
	add := func() {
		v := make([]float64, d)
		sp.fromFree(v, x)
		if !math.IsInf(l.LogLik(v), -1) {
			out = append(out, v)
		}
	}
	t, h, _ := sp.quadratic()
	if d <= autoPolishDim && !math.IsInf(sp.grad(g, u), -1) && sp.hess(h, u, g) && t.factorize(h, u, g) && t.spectrum() {
		size := math.Abs(t.lambda[0])
		for j := d - 1; j >= 0 && t.lambda[j] > -0.05*size; j-- {
			for _, sign := range []float64{1, -1} {
				for i := range d {
					// A quarter of the radius within which one regular
					// direction would lose n/32 nats.
					x[i] = u[i] + sign*t.radius*0.5*t.q[i*d+j]/t.scale[i]
				}
				add()
			}
		}
	}
	if s, ok := l.(models.Starter); ok && rng != nil {
		v := make([]float64, d)
		for _, a := range []float64{0.1, 0.3, 0.6} {
			s.Start(v, rng)
			if !sp.toFree(x, v, 1e-6) {
				continue
			}
			for i := range d {
				x[i] = (1-a)*u[i] + a*x[i]
			}
			add()
		}
	}
	return out, nil
}
