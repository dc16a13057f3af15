package estimation

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

// A Posterior is the tempered posterior ∝ φ(θ) exp(β ℓ(θ)); β = 1 is Bayes'.
type Posterior struct {
	Likelihood models.Likelihood
	Prior      Prior
	Beta       float64
}

// LogDensity returns log φ(θ) + β ℓ(θ), not normalised. Outside the support of
// the prior ℓ is not evaluated.
func (p Posterior) LogDensity(theta []float64) float64 {
	l := p.Prior.LogDensity(theta)
	if math.IsInf(l, -1) || p.Beta == 0 {
		return l
	}
	return l + p.Beta*p.Likelihood.LogLik(theta)
}

// SMCOptions sets how SMC works. Its zero value works.
type SMCOptions struct {
	Particles  int       // 0 means 1000
	Replicates int       // independent runs, whose spread is the error; 0 means 4, at least 2
	Betas      []float64 // inverse temperatures in (0, 1) to stop at; 1 is always the last
	// ESS is the effective fraction of particles that a step of the ladder
	// keeps; 0 means 0.7.
	ESS float64
	// Moves is the number of accepted moves that a particle makes on average at
	// every temperature; 0 means 5.
	Moves float64
	// Canonical keeps the particles canonical (models.Canonicalizer). It needs a
	// prior that is invariant under the finite symmetries of the model, as
	// WeakPrior is: then the integral over one fundamental region gives the
	// same free energy, and the labels cannot switch.
	Canonical bool
	Each      models.Each
	Rand      *rand.Rand // nil means a fixed seed
}

const (
	smcMostSweeps = 60
	smcMostLevels = 2000
)

// A Tempered is the posterior of every temperature that was asked for, by
// sequential Monte Carlo.
type Tempered struct {
	FreeEnergy   float64 // −log ∫ φ exp ℓ dθ, in nats
	FreeEnergySE float64 // from the spread of the replicates
	Stops        []Temperature
	Theta        *mat.Dense // draws at β = 1 (S×d), equally weighted, replicate after replicate
	LogLik       []float64  // ℓ of them (S)
	Replicates   int
	Levels       int     // temperatures of the longest ladder
	Accept       float64 // the least share of accepted moves at any temperature
	Evals        int     // evaluations of ℓ
	Warnings     []string
}

// A Temperature is what the replicates say at one β.
type Temperature struct {
	Beta   float64
	NL, SE float64 // E_β[−ℓ(θ)] and its standard error between replicates
	Var    float64 // Var_β[ℓ(θ)]
	LogZ   float64 // log ∫ φ exp(βℓ) dθ, the mean of the replicates
}

// SMC draws from the tempered posteriors of m given z on a ladder of inverse
// temperatures from the prior, β = 0, to β = 1 (Del Moral, Doucet & Jasra 2006,
// J. R. Statist. Soc. B 68, 411). The next β keeps a given effective sample size;
// log Z gains the logarithm of the mean weight; particles are resampled
// systematically and moved by Metropolis steps along differences of two other
// particles (ter Braak 2006, Stat. Comput. 16, 239), which need no gradient and
// follow the long thin sets on which a singular posterior lives.
//
// log Z of one run is biased by about −½ Var(log Z). The replicates are combined
// as the mean of log Z, and half its variance is part of the standard error, so
// that the interval covers both.
func SMC(ctx context.Context, m models.Model, z *models.Data, prior Prior, opt SMCOptions) (*Tempered, error) {
	d := models.Dim(m)
	if prior.Dim() != d {
		return nil, fmt.Errorf("%v has %d coordinates, the prior %d", m, d, prior.Dim())
	}
	if opt.Particles == 0 {
		opt.Particles = 1000
	}
	if opt.Replicates == 0 {
		opt.Replicates = 4
	}
	if opt.ESS == 0 {
		opt.ESS = 0.7
	}
	if opt.Moves == 0 {
		opt.Moves = 5
	}
	if opt.Particles < 16 || opt.Replicates < 2 || !(opt.ESS > 0 && opt.ESS < 1) || !(opt.Moves > 0) {
		return nil, fmt.Errorf("SMC with %d particles, %d replicates, ESS %v, %v moves: want at least 16, at least 2, between 0 and 1, above 0", opt.Particles, opt.Replicates, opt.ESS, opt.Moves)
	}
	betas := slices.Clone(opt.Betas)
	for _, b := range betas {
		if !(b > 0 && b < 1) {
			return nil, fmt.Errorf("inverse temperature %v: allowed is between 0 and 1", b)
		}
	}
	slices.Sort(betas)
	betas = append(slices.Compact(betas), 1)
	rng := opt.Rand
	if rng == nil {
		rng = rand.New(rand.NewPCG(1, 2))
	}
	each := opt.Each
	if each == nil {
		each = models.Serial(rng)
	}
	runs := make([]*smcRun, opt.Replicates)
	err := each(opt.Replicates, func(i int, rng *rand.Rand) error {
		l, err := m.Bind(z)
		if err != nil {
			return err
		}
		runs[i] = newSMCRun(l, prior, opt, rng)
		return runs[i].climb(ctx, betas)
	})
	if err != nil {
		return nil, err
	}
	return gather(runs, betas, d), nil
}

// gather joins the replicates in order.
func gather(runs []*smcRun, betas []float64, d int) *Tempered {
	r := float64(len(runs))
	out := &Tempered{Replicates: len(runs), Accept: 1}
	for k, b := range betas {
		t := Temperature{Beta: b}
		var s, logZ2 float64
		for _, x := range runs {
			t.NL += x.stops[k].NL / r
			t.Var += x.stops[k].Var / r
			t.LogZ += x.stops[k].LogZ / r
		}
		for _, x := range runs {
			e := x.stops[k].NL - t.NL
			s += e * e
			e = x.stops[k].LogZ - t.LogZ
			logZ2 += e * e
		}
		t.SE = math.Sqrt(s / (r - 1) / r)
		out.Stops = append(out.Stops, t)
		if k == len(betas)-1 {
			v := logZ2 / (r - 1)
			out.FreeEnergy = -t.LogZ
			out.FreeEnergySE = math.Hypot(math.Sqrt(v/r), v/2)
		}
	}
	var theta []float64
	low := 0
	for _, x := range runs {
		theta = append(theta, x.theta...)
		out.LogLik = append(out.LogLik, x.loglik...)
		out.Levels = max(out.Levels, x.levels)
		out.Accept = min(out.Accept, x.accept)
		out.Evals += x.evals
		low += x.stuck
	}
	out.Theta = mat.NewDense(len(out.LogLik), d, theta)
	if low > 0 {
		out.Warnings = append(out.Warnings, fmt.Sprintf("%d levels of the ladder ended before their particles had moved as often as asked: more particles are needed", low))
	}
	if out.FreeEnergySE > 0.5 {
		out.Warnings = append(out.Warnings, fmt.Sprintf("replicates disagree about the free energy by %.2g nats: more particles are needed", out.FreeEnergySE))
	}
	return out
}

// ErrNoMass is returned where the likelihood vanishes on every draw of the prior.
var ErrNoMass = errors.New("the likelihood is zero on all draws of the prior")
