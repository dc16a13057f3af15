package estimation

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/neuromanifold/neuromanifold/models"
)

// SplitStarts returns starts for l from the fit of a smaller model of the same
// family: the parent embedded with the same law, whose log-likelihood is the
// parent's, so that a maximum reached from it cannot be smaller; and points off
// the singular set on which every embedding lies and where the score vanishes:
// along each direction in which the Hessian is flat or curves upward, both ways,
// for a mixture of one component more with each component doubled in turn, and on
// the way to random proposals.
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
	add := func() {
		v := make([]float64, d)
		sp.fromFree(v, x)
		if !math.IsInf(l.LogLik(v), -1) {
			out = append(out, v)
		}
	}
	t, h, _ := sp.quadratic()
	for _, at := range embeddings(l.Model(), p, theta) {
		if !sp.toFree(u, at, 1e-3) || d > autoPolishDim ||
			math.IsInf(sp.grad(g, u), -1) || !sp.hess(h, u, g) || !t.factorize(h, u, g) || !t.spectrum() {
			continue
		}
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
	if s, ok := l.(models.Starter); ok && rng != nil && sp.toFree(u, theta, 1e-3) {
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

// embeddings returns theta, the parent in m, and for a mixture of one component more
// those that double another component.
func embeddings(m models.Model, p Parent, theta []float64) [][]float64 {
	out := [][]float64{theta}
	large, ok := m.(*models.Mixture)
	small, is := p.Model.(*models.Mixture)
	if !ok || !is || large.K() != small.K()+1 {
		return out
	}
	for i := range small.K() {
		v := make([]float64, len(theta))
		if large.Split(v, small, p.Theta, i, 0.5) && !slices.Equal(v, theta) {
			out = append(out, v)
		}
	}
	return out
}
