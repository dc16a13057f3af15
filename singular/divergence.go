package singular

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/neuromanifold/neuromanifold/models"
)

// Divergence returns K(θ) ≥ 0, the Kullback-Leibler divergence of m at θ from m
// at the truth, over the nodes that discretise the law of one observation at the
// truth; +Inf outside the domain. It keeps relative accuracy down to about 1e-20,
// where a difference of two expected log-likelihoods stops at 1e-16: with
// r = p_θ/p_truth it sums r − 1 − log r, which has no negative terms, and
// E(r − 1) = 0. For families whose nodes carry only moments of the noise (networks,
// cones) the sum lies between two multiples of K near its zeros, which is all
// that VolumeScaling asks for. For ARMA it is the divergence rate per unit of time.
// The function owns scratch: one goroutine.
//
// It returns an error for a truth outside the domain, and for a model that cannot
// discretise its law.
func Divergence(m models.Model, truth []float64, rule models.Rule) (func(theta []float64) float64, error) {
	if err := models.CheckTheta(m, truth); err != nil {
		return nil, fmt.Errorf("%v: %w", m, err)
	}
	if a, ok := m.(*models.ARMA); ok {
		l, _ := a.Average(a, truth)
		return func(theta []float64) float64 { kl, _ := l.Divergence(theta); return kl }, nil
	}
	noder, ok := m.(models.Noder)
	if !ok || m.Shape().Series {
		return nil, fmt.Errorf("%v: this family cannot discretise the law of one observation", m)
	}
	z, w, err := noder.Nodes(truth, rule)
	if err != nil {
		return nil, fmt.Errorf("%v: %w", m, err)
	}
	l, err := m.Bind(z)
	if err != nil {
		return nil, err
	}
	at, terms := make([]float64, l.N()), make([]float64, l.N())
	l.Terms(at, truth)
	check, joint := m.(models.Domainer)
	ps := m.Params()
	return func(theta []float64) float64 {
		for i, p := range ps {
			if !(theta[i] >= p.Lo && theta[i] <= p.Hi) {
				return math.Inf(1)
			}
		}
		if joint && check.CheckDomain(theta) != nil {
			return math.Inf(1)
		}
		l.Terms(terms, theta)
		sum := 0.0
		for t, v := range terms {
			if w[t] > 0 {
				sum += w[t] * excess(v-at[t])
			}
		}
		return sum
	}, nil
}

// excess is e^x − 1 − x ≥ 0, by its series where the difference would cancel.
func excess(x float64) float64 {
	if math.Abs(x) < 0.02 {
		return x * x * (1./2 + x*(1./6+x*(1./24+x*(1./120+x*(1./720+x/5040)))))
	}
	return math.Expm1(x) - x
}

// BoxProblem is the volume problem of m at a truth under the uniform prior on the
// box of half-width radius around it, cut to the domain: VolumeScaling then
// estimates the least learning coefficient of the parameters in the box with the
// law of the truth, the local one if the box is small. Its K owns scratch, so
// that runs must not be spread over goroutines (each = nil). The errors are those
// of Divergence, and one for a radius that is not a positive number.
func BoxProblem(m models.Model, truth []float64, radius float64, rule models.Rule) (VolumeProblem, error) {
	if !(radius > 0) || math.IsInf(radius, 1) {
		return VolumeProblem{}, fmt.Errorf("%v: a box of half-width %v", m, radius)
	}
	k, err := Divergence(m, truth, rule)
	if err != nil {
		return VolumeProblem{}, err
	}
	ps := m.Params()
	lo, hi := make([]float64, len(ps)), make([]float64, len(ps))
	for i, p := range ps {
		lo[i], hi[i] = max(p.Lo, truth[i]-radius), min(p.Hi, truth[i]+radius)
	}
	inside := func(theta []float64) float64 {
		for i, v := range theta {
			if v < lo[i] || v > hi[i] {
				return math.Inf(1)
			}
		}
		return k(theta)
	}
	check, joint := m.(models.Domainer)
	return VolumeProblem{Dim: len(ps), K: inside, Prior: func(dst []float64, rng *rand.Rand) {
		for {
			for i := range dst {
				dst[i] = lo[i] + (hi[i]-lo[i])*rng.Float64()
			}
			if !joint || check.CheckDomain(dst) == nil {
				return
			}
		}
	}}, nil
}
