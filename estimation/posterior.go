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
	FreeEnergySE float64 // by the jackknife over the replicates
	Stops        []Temperature
	Theta        *mat.Dense // draws at β = 1 (S×d), equally weighted, as many of a replicate as it has a share
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
	NL, SE float64 // E_β[−ℓ(θ)] and its standard error by the jackknife
	Var    float64 // Var_β[ℓ(θ)]
	LogZ   float64 // log ∫ φ exp(βℓ) dθ
}

// SMC draws from the tempered posteriors of m given z on a ladder of inverse
// temperatures from the prior, β = 0, to β = 1 (Del Moral, Doucet & Jasra 2006,
// J. R. Statist. Soc. B 68, 411). The next β keeps a given effective sample size;
// log Z gains the logarithm of the mean weight; particles are resampled
// systematically and moved by Metropolis steps along differences of two other
// particles (ter Braak 2006, Stat. Comput. 16, 239), which need no gradient and
// follow the long thin sets on which a singular posterior lives.
//
// What a run estimates without bias, but for its adaptation, is Z and not log Z: the
// replicates are pooled as a mean of Z, each with a share of the posterior means and of
// the draws that is proportional to its Z. A run that missed a mode then counts for
// what it found. Errors are by the jackknife over replicates, and so become large where
// a result hangs on one of them.
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

// pool returns the logarithm of the mean Z of the runs at stop k and their posterior
// mean of −ℓ, without the run skip (−1 for none), and fills share.
func pool(share []float64, runs []*smcRun, k, skip int) (logZ, nl float64) {
	top := math.Inf(-1)
	for i, x := range runs {
		if i != skip {
			top = max(top, x.stops[k].LogZ)
		}
	}
	var sum, count float64
	for i, x := range runs {
		share[i] = 0
		if i != skip {
			share[i] = math.Exp(x.stops[k].LogZ - top)
			sum += share[i]
			count++
		}
	}
	for i, x := range runs {
		share[i] /= sum
		nl += share[i] * x.stops[k].NL
	}
	return top + math.Log(sum/count), nl
}

// gather pools the replicates, in their order.
func gather(runs []*smcRun, betas []float64, d int) *Tempered {
	r := float64(len(runs))
	out := &Tempered{Replicates: len(runs), Accept: 1}
	share := make([]float64, len(runs))
	var logZ, nl jackknife
	for k, b := range betas {
		logZ, nl = logZ[:0], nl[:0]
		for i := range runs {
			z, e := pool(share, runs, k, i)
			logZ, nl = append(logZ, z), append(nl, e)
		}
		t := Temperature{Beta: b, SE: nl.se()}
		t.LogZ, t.NL = pool(share, runs, k, -1)
		for i, x := range runs {
			e := x.stops[k].NL - t.NL
			t.Var += share[i] * (x.stops[k].Var + e*e)
		}
		out.Stops = append(out.Stops, t)
		out.FreeEnergy, out.FreeEnergySE = -t.LogZ, logZ.se() // of β = 1 at the end
	}
	var theta []float64
	low := 0
	end := 0.0 // of the draws of this run among all
	for i, x := range runs {
		end += share[i] * r * float64(x.n)
		for take, at := int(math.Round(end))-len(out.LogLik), 0; at < take; at++ {
			j := at % x.n
			if take < x.n { // neighbours have ancestors in common
				j = at * x.n / take
			}
			theta = append(theta, x.row(j)...)
			out.LogLik = append(out.LogLik, x.loglik[j])
		}
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

// A jackknife has a statistic without each of the replicates in turn.
type jackknife []float64

func (v jackknife) se() float64 {
	n := float64(len(v))
	var mean, s float64
	for _, x := range v {
		mean += x / n
	}
	for _, x := range v {
		s += (x - mean) * (x - mean)
	}
	return math.Sqrt(s * (n - 1) / n)
}

// ErrNoMass is returned where the likelihood vanishes on every draw of the prior.
var ErrNoMass = errors.New("the likelihood is zero on all draws of the prior")
