package estimation

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/neuromanifold/neuromanifold/models"
)

// CalibrateOptions says how long to simulate. Its zero value works.
type CalibrateOptions struct {
	Simulations int // 0 means 1000
	N           int // rows of data of each; 0 means 20
	Draws       int // L, kept per simulation; Draws+1 must be a multiple of 20; 0 means 99
	Warmup      int // as in MCMCOptions; 0 means 300
	Thin        int // steps per draw, so many that draws are nearly independent; 0 means 5
	// Bind makes the likelihood that the sampler sees; nil means that of the model.
	// A test of the test plants an error here.
	Bind func(z *models.Data) (models.Likelihood, error)
	// Quantities fills dst (Width) with functions of θ to rank: identifiable ones,
	// for a sampler that need not switch labels fails on the others for no fault
	// of its own. ℓ(θ) is ranked in any case.
	Width      int
	Quantities func(dst, theta []float64)
	Each       models.Each
	Rand       *rand.Rand
}

// calibrationBins is the number of classes of the χ² test.
const calibrationBins = 20

// A Calibration has the ranks that simulation-based calibration found.
type Calibration struct {
	// Counts has, for ℓ and then for every quantity, how many simulations put the
	// truth in each of 20 classes of ranks, all equally likely if the sampler and
	// the likelihood are right.
	Counts [][]int
	// P is the p-value of the χ² test of that, 19 degrees of freedom.
	P []float64
}

// Calibrate is simulation-based calibration (Cook, Gelman & Rubin 2006; Talts,
// Betancourt, Simpson, Vehtari & Gelman 2018, arXiv:1804.06788): θ from the prior,
// data from the model at θ, draws from the posterior by the kernel, started at
// another draw of the prior. The rank of a function of θ among those of the draws
// is uniform. The log-likelihood is among the functions because it depends on the
// data, which catches errors that functions of θ alone cannot (Modrák et al. 2023,
// Bayesian Analysis). Ties are broken at random. Errors in a likelihood are caught
// when they move the posterior by a fair part of its width: n decides.
//
// It returns an error for options out of range, and that of a simulation that
// could not be carried out; none is dropped.
func Calibrate(ctx context.Context, m models.Model, prior Prior, kernel Kernel, opt CalibrateOptions) (*Calibration, error) {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&opt.Simulations, 1000)
	def(&opt.N, 20)
	def(&opt.Draws, 99)
	def(&opt.Warmup, 300)
	def(&opt.Thin, 5)
	if opt.Bind == nil {
		opt.Bind = m.Bind
	}
	if opt.Simulations < 1 || opt.N < 1 || opt.Draws < 1 || (opt.Draws+1)%calibrationBins != 0 || (opt.Width > 0) != (opt.Quantities != nil) {
		return nil, fmt.Errorf("calibration: %d simulations of %d rows with %d draws, %d quantities: want positive numbers, draws+1 a multiple of %d", opt.Simulations, opt.N, opt.Draws, opt.Width, calibrationBins)
	}
	rng := opt.Rand
	if rng == nil {
		rng = rand.New(rand.NewPCG(1, 2))
	}
	if opt.Each == nil {
		opt.Each = models.Serial(rng)
	}
	ranks := make([][]int, opt.Simulations)
	err := opt.Each(opt.Simulations, func(i int, rng *rand.Rand) (err error) {
		ranks[i], err = simulateRank(ctx, m, prior, kernel, &opt, rng)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &Calibration{}
	want := float64(opt.Simulations) / calibrationBins
	for q := range 1 + opt.Width {
		counts := make([]int, calibrationBins)
		for _, r := range ranks {
			counts[r[q]*calibrationBins/(opt.Draws+1)]++
		}
		var chi2 float64
		for _, c := range counts {
			chi2 += (float64(c) - want) * (float64(c) - want) / want
		}
		out.Counts = append(out.Counts, counts)
		out.P = append(out.P, distuv.ChiSquared{K: calibrationBins - 1}.Survival(chi2))
	}
	return out, nil
}

// simulateRank is one simulation: the ranks of ℓ and the quantities.
func simulateRank(ctx context.Context, m models.Model, prior Prior, kernel Kernel, opt *CalibrateOptions, rng *rand.Rand) ([]int, error) {
	shape := m.Shape()
	z := models.NewData(opt.N, shape.P, shape.Q)
	truth := make([]float64, prior.Dim())
	prior.Sample(truth, rng)
	if in, ok := m.(models.Inputter); ok && shape.P > 0 {
		in.Inputs(z, rng)
	}
	m.Sample(z, truth, rng)
	l, err := opt.Bind(z)
	if err != nil {
		return nil, err
	}
	t := NewDensity(l, 1, PriorBase(prior))
	tr, err := Sample(ctx, func() (Density, error) { return t, nil }, kernel, MCMCOptions{
		Chains: 1, Warmup: opt.Warmup, Draws: opt.Draws, Thin: opt.Thin, Rand: rng,
		Start: func(dst []float64, _ int, rng *rand.Rand) { prior.Sample(dst, rng) },
	})
	if err != nil {
		return nil, err
	}
	at, other := make([]float64, 1+opt.Width), make([]float64, 1+opt.Width)
	below, ties := make([]int, 1+opt.Width), make([]int, 1+opt.Width)
	at[0] = l.LogLik(truth)
	if opt.Width > 0 {
		opt.Quantities(at[1:], truth)
	}
	for i := range tr.Length {
		other[0] = tr.LogLik[0][i]
		if opt.Width > 0 {
			opt.Quantities(other[1:], tr.Row(0, i))
		}
		for q, v := range other {
			switch {
			case v < at[q]:
				below[q]++
			case v == at[q] || math.IsNaN(v):
				ties[q]++
			}
		}
	}
	for q := range below {
		below[q] += rng.IntN(ties[q] + 1)
	}
	return below, nil
}
