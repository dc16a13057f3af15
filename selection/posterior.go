package selection

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/models"
)

// posteriors computes the tempered posteriors.
func (c *comparison) posteriors(ctx context.Context) error {
	if !c.needs.Bayesian() {
		return nil
	}
	n := c.all[0].Likelihood.N()
	for _, m := range c.all {
		c.opt.Progress("posterior of " + m.Name)
		set, err := c.posterior(ctx, m, n)
		if err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		m.Posterior = set
	}
	return nil
}

func (c *comparison) posterior(ctx context.Context, m *Material, n int) (*PosteriorSet, error) {
	if models.Dim(m.Model) == 0 {
		return pointMass(m), nil
	}
	prior := m.Prior
	var err error
	if prior == nil {
		prior, err = estimation.WeakPrior(m.Model, c.z)
	} else {
		err = coversMaximum(prior, m.Fit)
	}
	if err != nil {
		return nil, err
	}
	rng, each := c.opt.Streams("posterior/" + m.Name)
	opt := estimation.SMCOptions{Particles: c.opt.Particles, Canonical: m.Prior == nil || symmetric(prior, m.Model), Rand: rng, Each: each}
	if n >= 3 {
		opt.Betas = []float64{WBICTemperature(n)}
	}
	t, err := estimation.SMC(ctx, m.Model, c.z, prior, opt)
	if err != nil {
		return nil, err
	}
	set := &PosteriorSet{Prior: prior, Tempered: t}
	if c.needs&NeedDraws != 0 {
		if !m.Model.Shape().Series && c.needs&NeedRows != 0 {
			set.Draws = estimation.DrawsOf(m.Likelihood, t)
		}
		s, d := t.Theta.Dims()
		mean := make([]float64, d)
		for i := range s {
			for j, v := range t.Theta.RawRowView(i) {
				mean[j] += v / float64(s)
			}
		}
		set.MeanLogLik = m.Likelihood.LogLik(mean)
	}
	return set, nil
}

// ErrPriorMass is wrapped by the error for a prior that excludes the maximum of the
// likelihood: its posterior says more of the prior's bounds than of the data.
var ErrPriorMass = errors.New("the prior has no mass at the maximum of the likelihood")

// coversMaximum wraps ErrPriorMass. A fit on the boundary of the domain lies on that
// of most priors too, and passes.
func coversMaximum(prior estimation.Prior, fit *estimation.Report) error {
	switch {
	case prior.Dim() != len(fit.Theta):
		return fmt.Errorf("the prior has %d coordinates, the model %d", prior.Dim(), len(fit.Theta))
	case fit.Status == estimation.Converged && math.IsInf(prior.LogDensity(fit.Theta), -1):
		return fmt.Errorf("%w: %v at θ = %.4g", ErrPriorMass, prior, fit.Theta)
	}
	return nil
}

// symmetric reports whether a prior has the finite symmetries of the model, by draws of
// it and their canonical representatives. A few may differ: the last weight of a mixture
// is 1 less the others, and a tiny one changes as they are exchanged.
func symmetric(prior estimation.Prior, m models.Model) bool {
	canon, ok := m.(models.Canonicalizer)
	if !ok {
		return false
	}
	const draws, few = 100, 10
	rng := rand.New(rand.NewPCG(11, 12))
	theta := make([]float64, prior.Dim())
	differ := 0
	for range draws {
		prior.Sample(theta, rng)
		was := prior.LogDensity(theta)
		canon.Canonicalize(theta)
		if !(math.Abs(prior.LogDensity(theta)-was) <= 1e-6*(1+math.Abs(was))) {
			differ++
		}
	}
	return differ <= few
}

// pointMass is the posterior of a model without coordinates.
func pointMass(m *Material) *PosteriorSet {
	l := m.Fit.LogLik
	const r = 2
	t := &estimation.Tempered{FreeEnergy: -l, Replicates: r, LogLik: []float64{l, l}, Accept: 1}
	t.Stops = []estimation.Temperature{{Beta: WBICTemperature(max(3, m.Likelihood.N())), NL: -l, LogZ: 0}, {Beta: 1, NL: -l, LogZ: l}}
	d := estimation.Draws{LogLik: t.LogLik, N: m.Likelihood.N(), Terms: make([]float64, r*m.Likelihood.N())}
	for s := range r {
		m.Likelihood.Terms(d.Terms[s*d.N:(s+1)*d.N], nil)
	}
	return &PosteriorSet{Tempered: t, Draws: d, MeanLogLik: l}
}
