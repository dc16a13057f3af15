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

// A LambdaProblem asks for the learning coefficient λ at a parameter θ*: how fast
// E_β[n(L_n(θ) − L_n(θ*))] ~ λ/β falls with the inverse temperature.
type LambdaProblem struct {
	// Bind returns the log-likelihood ℓ, a new one for every chain. For the
	// expected log-likelihood of one observation (models.Population) set N.
	Bind func() (models.Likelihood, error)
	At   []float64 // θ*
	// N is the sample size n, above e. The log-likelihood counts N/Weight times;
	// 0 means its own weight, which is right for data.
	N float64
	// Radius is the half-width of the box around θ* outside which the prior is 0,
	// Gamma the localisation γ of exp(−γ|θ−θ*|²/2). At least one is needed: a
	// parameter that the data do not bound would run away. 0 means none. A
	// direction in which K ~ w^2k is 1/(nβ)^(1/2k) wide, so that γ must be far
	// below (nβ)^(1/k), or the estimate is too small.
	Radius, Gamma float64
	// Exact says that θ* is known to be a minimum of the loss, as it is for the
	// expected log-likelihood with θ* as the truth. Only then can a draw above it
	// be called an error, and the ladder fit know its intercept.
	Exact bool
}

// LambdaOptions sets how long to sample. Its zero value works.
type LambdaOptions struct {
	Chains, Warmup, Draws, Thin int // as in estimation.MCMCOptions; 0 means 4, 1000, 2000, 1
	// Ladder has the inverse temperatures of the ladder fit, descending; nil
	// means 8 from 1 (100 where the problem is exact) to 1/log n.
	Ladder []float64
	Each   models.Each
	Rand   *rand.Rand
}

// A LambdaEstimate is an estimate of λ with what is needed to judge it. What the
// method does not estimate is NaN.
type LambdaEstimate struct {
	Lambda, SE   float64
	Mult, MultSE float64 // the multiplicity m, from the joint fit of a ladder
	// Slope is λ from the same energies with m = 1, for the ladder.
	Slope, SlopeSE float64
	Method         string
	Curve          []Energy // E_β[n(L_n(θ) − L_n(θ*))] at the temperatures used
	RHat, ESS      float64  // of ℓ, the worst over the temperatures used
	Accept         float64  // NaN for a method that rejects nothing
	Evals          float64  // evaluations of the whole log-likelihood, with or without gradient
	Flags          []string // reasons for doubt; none is no proof
}

// An Energy is E_β[n(L_n(θ) − L_n(θ*))] with its Monte Carlo standard error.
type Energy struct{ Beta, Value, SE float64 }

// EffectiveLambda returns β E_β[…], which tends to λ as β grows.
func (e Energy) EffectiveLambda() (value, se float64) { return e.Beta * e.Value, e.Beta * e.SE }

func (p *LambdaProblem) check() (scale, n, top float64, err error) {
	l, err := p.Bind()
	if err != nil {
		return 0, 0, 0, err
	}
	if err := models.CheckTheta(l.Model(), p.At); err != nil {
		return 0, 0, 0, err
	}
	n, scale = p.N, 1
	if w := models.Weight(l); n == 0 {
		n = w
	} else {
		scale = n / w
	}
	switch {
	case !(n > math.E) || math.IsInf(n, 1):
		return 0, 0, 0, fmt.Errorf("n = %v: want a finite number above e", n)
	case !(p.Radius >= 0) || !(p.Gamma >= 0) || math.IsInf(p.Gamma, 1):
		return 0, 0, 0, fmt.Errorf("radius %v, localisation %v: want numbers from 0", p.Radius, p.Gamma)
	case p.Radius == 0 && p.Gamma == 0:
		return 0, 0, 0, errors.New("neither a box nor a localisation: the tempered posterior may not exist")
	}
	top = scale * l.LogLik(p.At)
	if math.IsInf(top, 0) {
		return 0, 0, 0, fmt.Errorf("the log-likelihood at θ* is %v", top)
	}
	return scale, n, top, nil
}

func (p *LambdaProblem) sample(ctx context.Context, scale, beta float64, kernel estimation.Kernel, opt LambdaOptions) (*estimation.Trace, error) {
	radius := p.Radius
	if radius == 0 {
		radius = math.Inf(1)
	}
	if opt.Draws == 0 {
		opt.Draws = 2000
	}
	return estimation.Sample(ctx, func() (estimation.Density, error) {
		l, err := p.Bind()
		if err != nil {
			return nil, err
		}
		return estimation.NewDensity(l, scale, estimation.LocalBase(p.At, p.Gamma, radius)), nil
	}, kernel, estimation.MCMCOptions{
		Chains: opt.Chains, Warmup: opt.Warmup, Draws: opt.Draws, Thin: opt.Thin, Beta: beta, Each: opt.Each, Rand: opt.Rand,
		// Where θ* lies on a wall, all chains start on it: inside is unknown.
		Start: func(dst []float64, _ int, _ *rand.Rand) { copy(dst, p.At) },
	})
}

// LLC estimates the local learning coefficient at θ* with a kernel, by
// λ = β (ℓ(θ*) − E ℓ(θ)) under exp(βℓ − γ|θ−θ*|²/2) at β = 1/log n (Lau et al.
// 2025, AISTATS; Watanabe 2013, JMLR 14, 867). At a finite n it estimates the
// effective coefficient at that temperature, which for m ≥ 2 is below λ by about
// (m−1)/log(n/log n).
func LLC(ctx context.Context, p LambdaProblem, kernel estimation.Kernel, opt LambdaOptions) (*LambdaEstimate, error) {
	scale, n, top, err := p.check()
	if err != nil {
		return nil, err
	}
	beta := 1 / math.Log(n)
	tr, err := p.sample(ctx, scale, beta, kernel, opt)
	if err != nil {
		return nil, err
	}
	e := newLambdaEstimate("llc by "+kernel.String(), tr)
	en := e.energy(beta, top, tr.LogLik)
	e.Lambda, e.SE = en.EffectiveLambda()
	_, sgld := kernel.(estimation.SGLD)
	e.judge(p, tr, top, !sgld)
	return e, nil
}

// WBICSlope estimates λ from two temperatures, β₁ = 1.5/log n and β₂ = 1/log n:
// the slope of E_β[nL_n] against 1/β between them (Watanabe 2013, JMLR 14, 867,
// Corollary 3). The loss at θ* is not used. It samples by parallel tempering with
// random walks, three hotter rungs included that help to mix.
func WBICSlope(ctx context.Context, p LambdaProblem, opt LambdaOptions) (*LambdaEstimate, error) {
	scale, n, top, err := p.check()
	if err != nil {
		return nil, err
	}
	b := 1 / math.Log(n)
	tr, err := p.sample(ctx, scale, 1.5*b, estimation.ParallelTempering{Ladder: []float64{1, 1 / 1.5, 0.3, 0.1, 0.03}}, opt)
	if err != nil {
		return nil, err
	}
	e := newLambdaEstimate("wbic slope", tr)
	slopes := make([]float64, tr.Chains)
	var ends [2]Energy
	for k, beta := range []float64{1.5 * b, b} {
		ends[k] = e.energy(beta, top, rung(tr, k))
	}
	gap := 1/ends[1].Beta - 1/ends[0].Beta
	e.Lambda = (ends[1].Value - ends[0].Value) / gap
	for c := range slopes {
		slopes[c] = (mean(tr.Rungs[c][0]) - mean(tr.Rungs[c][1])) / gap
	}
	// Neighbouring rungs share states: the chains, which share nothing, give the
	// error, and independent rungs a floor under it where there are few chains.
	e.SE = max(spreadOfMean(slopes), math.Hypot(ends[0].SE, ends[1].SE)/gap/2)
	e.judge(p, tr, top, true)
	return e, nil
}

// Ladder fits λ and m jointly to the energies on a ladder of temperatures, by
// least squares of
//
//	β E_β[n(L_n(θ) − L_n(θ*))] = c β + λ − (m−1)/log(nβ),
//
// the derivative of −log Z = nβL_n(θ*) + λ log(nβ) − (m−1) log log(nβ), with c = 0
// where the problem is exact. Terms of lower order bias m by tenths at any
// temperature within reach; Slope is λ with m = 1. Errors are from the spread of
// independent chains.
func Ladder(ctx context.Context, p LambdaProblem, opt LambdaOptions) (*LambdaEstimate, error) {
	scale, n, top, err := p.check()
	if err != nil {
		return nil, err
	}
	betas := opt.Ladder
	if betas == nil {
		hi, lo := 1.0, 1/math.Log(n)
		if p.Exact {
			hi = 100
		}
		for k := range 8 {
			betas = append(betas, hi*math.Pow(lo/hi, float64(k)/7))
		}
	}
	if len(betas) < 4 {
		return nil, fmt.Errorf("a ladder of %d temperatures: want 4 or more", len(betas))
	}
	steps := make([]float64, len(betas))
	for k, b := range betas {
		if !(n*b > math.E) {
			return nil, fmt.Errorf("β = %v of the ladder: want nβ above e", b)
		}
		steps[k] = b / betas[0]
	}
	// Hotter rungs carry chains from one arm of the singular set to another.
	for b := steps[len(steps)-1] / 4; n*betas[0]*b > 1; b /= 4 {
		steps = append(steps, b)
	}
	if opt.Chains == 0 {
		opt.Chains = 8
	}
	tr, err := p.sample(ctx, scale, betas[0], estimation.ParallelTempering{Ladder: steps}, opt)
	if err != nil {
		return nil, err
	}
	e := newLambdaEstimate("ladder", tr)
	y, one := make([]float64, len(betas)), make([]float64, len(betas))
	for k, b := range betas {
		y[k], _ = e.energy(b, top, rung(tr, k)).EffectiveLambda()
	}
	var m float64
	e.Lambda, m = ladderFit(betas, y, n, p.Exact)
	e.Mult = m
	e.Slope = slopeFit(betas, y, p.Exact)
	lambdas, mults, slopes := make([]float64, tr.Chains), make([]float64, tr.Chains), make([]float64, tr.Chains)
	for c := range tr.Chains {
		for k, b := range betas {
			one[k] = b * (top - mean(tr.Rungs[c][k]))
		}
		lambdas[c], mults[c] = ladderFit(betas, one, n, p.Exact)
		slopes[c] = slopeFit(betas, one, p.Exact)
	}
	e.SE, e.MultSE, e.SlopeSE = spreadOfMean(lambdas), spreadOfMean(mults), spreadOfMean(slopes)
	e.judge(p, tr, top, true)
	return e, nil
}

func newLambdaEstimate(method string, tr *estimation.Trace) *LambdaEstimate {
	nan := math.NaN()
	return &LambdaEstimate{Method: method, Mult: nan, MultSE: nan, Slope: nan, SlopeSE: nan, Accept: mean(tr.Accept), Evals: tr.Evals, ESS: math.Inf(1)}
}

// energy appends the energy at beta, and keeps the worst diagnosis.
func (e *LambdaEstimate) energy(beta, top float64, loglik [][]float64) Energy {
	d := estimation.Diagnose(loglik)
	e.RHat = math.Max(e.RHat, d.RHat) // NaN stays
	e.ESS = math.Min(e.ESS, d.ESSBulk)
	en := Energy{Beta: beta, Value: top - d.Mean, SE: d.MCSE}
	e.Curve = append(e.Curve, en)
	return en
}

func rung(tr *estimation.Trace, k int) [][]float64 {
	out := make([][]float64, tr.Chains)
	for c := range out {
		out[c] = tr.Rungs[c][k]
	}
	return out
}

func (e *LambdaEstimate) judge(p LambdaProblem, tr *estimation.Trace, top float64, rejects bool) {
	flag := func(format string, args ...any) { e.Flags = append(e.Flags, fmt.Sprintf(format, args...)) }
	best := math.Inf(-1)
	for _, c := range tr.LogLik {
		for _, v := range c {
			best = max(best, v)
		}
	}
	// Rounding of a sum of about |ℓ| stays far below 1e-9 of it.
	if above := best - top; e.Lambda+2*e.SE < 0 || p.Exact && above > 1e-9*(1+math.Abs(top)) {
		flag("not at a minimum: a draw is %.2g nats above θ*", above)
	}
	if half := float64(len(p.At)) / 2; e.Lambda-2*e.SE > half {
		flag("above d/2 = %v, which no smooth prior allows", half)
	}
	if rejects && !(e.Accept > 0.1 && e.Accept < 0.99) {
		flag("acceptance %.2g", e.Accept)
	}
	if !(e.RHat < 1.01) {
		flag("R-hat %.3f: chains disagree", e.RHat)
	}
	if !(e.ESS > float64(100*tr.Chains)) {
		flag("effective sample size %.0f", e.ESS)
	}
	if share := float64(tr.Outside) / float64(tr.Steps); share > 0.3 {
		flag("%.0f %% of the proposals end at a wall: what the box or the domain cuts off is missing from the estimate", 100*share)
	}
	if tr.Divergent > 0 {
		flag("%d divergent steps", tr.Divergent)
	}
}

func mean(v []float64) float64 {
	var s float64
	for _, x := range v {
		s += x / float64(len(v))
	}
	return s
}

// spreadOfMean is the standard error of the mean of v, NaN for one value.
func spreadOfMean(v []float64) float64 {
	m := mean(v)
	var s float64
	for _, x := range v {
		s += (x - m) * (x - m)
	}
	n := float64(len(v))
	return math.Sqrt(s / (n - 1) / n)
}
