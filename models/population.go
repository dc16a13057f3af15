package models

import (
	"fmt"
	"math"
)

// Population returns the expected log-likelihood of m per observation under the
// law that truth has at θ₀ = at: LogLik(θ) = E log p_m(y | x; θ) in nats, as the
// weighted sum over the nodes that discretise the law (Noder). Its Weight is 1
// to rounding, N the number of nodes, and LogLik(θ₀) − LogLik(θ), where m and
// truth are one family, is the Kullback-Leibler divergence. The zero Rule is the
// family's default, exact to about 1e-12 at moderate parameters.
//
// truth may be another model than m, with another number of components or units,
// as long as both take the same columns. The result has the capabilities that
// Weighted leaves to m.
//
// It returns an error if the columns differ, if either is a series, which has no
// law of one observation, if at lies outside the domain of truth, or if truth
// cannot discretise its law. It panics on a nil model.
func Population(m, truth Model, at []float64, rule Rule) (Likelihood, error) {
	a, b := m.Shape(), truth.Shape()
	if a.Series || b.Series {
		return nil, fmt.Errorf("population of %v under %v: a series has no law of one observation", m, truth)
	}
	if a != b {
		return nil, fmt.Errorf("population of %v under %v: the model takes %d conditioning and %d modelled columns, the truth has %d and %d",
			m, truth, a.P, a.Q, b.P, b.Q)
	}
	if err := CheckTheta(truth, at); err != nil {
		return nil, fmt.Errorf("population under %v: %w", truth, err)
	}
	if rule.Points < 0 {
		return nil, fmt.Errorf("population under %v: a rule of %d points", truth, rule.Points)
	}
	noder, ok := truth.(Noder)
	if !ok {
		return nil, fmt.Errorf("population under %v: this family cannot discretise its law", truth)
	}
	z, w, err := noder.Nodes(at, rule)
	if err != nil {
		return nil, fmt.Errorf("population under %v: %w", truth, err)
	}
	var sum float64
	for _, wt := range w {
		sum += wt
	}
	if len(w) != z.N || !(math.Abs(sum-1) <= 1e-6) {
		return nil, fmt.Errorf("population under %v: %d weights of %d nodes sum to %v, not to 1", truth, len(w), z.N, sum)
	}
	l, err := m.Bind(z)
	if err != nil {
		return nil, err
	}
	for i := range w {
		w[i] /= sum
	}
	return Weighted(l, w), nil
}
