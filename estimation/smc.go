package estimation

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/neuromanifold/neuromanifold/models"
)

// An smcRun is one replicate of SMC. Particles are the rows of theta.
type smcRun struct {
	l     models.Likelihood
	prior Prior
	opt   SMCOptions
	canon models.Canonicalizer // nil unless particles are kept canonical
	rng   *rand.Rand

	n, d          int
	theta, from   []float64 // n×d; from is the snapshot whose differences propose
	loglik, logpr []float64
	weight        []float64
	picked        []int
	prop, check   []float64
	spread        []float64 // of each coordinate at this temperature, for the jitter

	beta, logZ float64
	stops      []Temperature
	levels     int
	accept     float64
	stuck      int
	evals      int
	scale      float64 // of the differences, adapted from level to level
}

func newSMCRun(l models.Likelihood, prior Prior, opt SMCOptions, rng *rand.Rand) *smcRun {
	n, d := opt.Particles, prior.Dim()
	r := &smcRun{
		l: l, prior: prior, opt: opt, rng: rng, n: n, d: d,
		theta: make([]float64, n*d), from: make([]float64, n*d), loglik: make([]float64, n), logpr: make([]float64, n),
		weight: make([]float64, n), picked: make([]int, n), prop: make([]float64, d), check: make([]float64, d), spread: make([]float64, d),
		accept: 1, scale: 2.38 / math.Sqrt(float64(2*d)),
	}
	if opt.Canonical {
		r.canon, _ = l.Model().(models.Canonicalizer)
	}
	return r
}

func (r *smcRun) row(i int) []float64 { return r.theta[i*r.d : (i+1)*r.d] }

// climb fills the particles from the prior and takes them to β = 1, with a stop
// at every value of betas.
func (r *smcRun) climb(ctx context.Context, betas []float64) error {
	some := false
	for i := range r.n {
		r.prior.Sample(r.row(i), r.rng)
		if r.canon != nil {
			r.canon.Canonicalize(r.row(i))
		}
		r.loglik[i] = r.l.LogLik(r.row(i))
		r.logpr[i] = r.prior.LogDensity(r.row(i))
		r.evals++
		some = some || !math.IsInf(r.loglik[i], -1)
	}
	if !some {
		return ErrNoMass
	}
	for len(r.stops) < len(betas) {
		if err := ctx.Err(); err != nil {
			return err
		}
		next := r.next(betas[len(r.stops)])
		r.reweigh(next)
		r.resample()
		r.move()
		r.levels++
		for len(r.stops) < len(betas) && r.beta >= betas[len(r.stops)] {
			r.stops = append(r.stops, r.summary())
		}
		if r.levels == smcMostLevels {
			r.stuck++
			for len(r.stops) < len(betas) {
				r.reweigh(betas[len(r.stops)])
				r.resample()
				r.stops = append(r.stops, r.summary())
			}
		}
	}
	return nil
}

// next returns the largest β ≤ top at which the weights keep the effective
// sample size.
func (r *smcRun) next(top float64) float64 {
	if r.ess(top-r.beta) >= r.opt.ESS*float64(r.n) {
		return top
	}
	lo, hi := r.beta, top
	for range 60 {
		mid := 0.5 * (lo + hi)
		if r.ess(mid-r.beta) < r.opt.ESS*float64(r.n) {
			hi = mid
		} else {
			lo = mid
		}
	}
	return hi // hi > β even where a -Inf makes every step too long
}

// ess is (Σ w)²/Σ w² of w = exp(δ ℓ).
func (r *smcRun) ess(delta float64) float64 {
	top := slices.Max(r.loglik)
	var s, s2 float64
	for _, l := range r.loglik {
		w := math.Exp(delta * (l - top))
		s += w
		s2 += w * w
	}
	return s * s / s2
}

// reweigh moves to β and adds the logarithm of the mean weight to log Z.
func (r *smcRun) reweigh(beta float64) {
	delta := beta - r.beta
	top := slices.Max(r.loglik)
	var s float64
	for i, l := range r.loglik {
		r.weight[i] = math.Exp(delta * (l - top))
		s += r.weight[i]
	}
	r.logZ += delta*top + math.Log(s/float64(r.n))
	for i := range r.weight {
		r.weight[i] /= s
	}
	r.beta = beta
}

// resample draws the particles by their weights, systematically.
func (r *smcRun) resample() {
	u := r.rng.Float64() / float64(r.n)
	var c float64
	j := -1
	for i := range r.n {
		for c <= u && j < r.n-1 {
			j++
			c += r.weight[j]
		}
		r.picked[i] = j
		u += 1 / float64(r.n)
	}
	copy(r.from, r.theta)
	// A source never lies after the particles still to be read of logpr and
	// loglik if these are copied first.
	ll, lp := slices.Clone(r.loglik), slices.Clone(r.logpr)
	for i, j := range r.picked {
		copy(r.row(i), r.from[j*r.d:(j+1)*r.d])
		r.loglik[i], r.logpr[i] = ll[j], lp[j]
	}
}

// move makes Metropolis steps until the particles have moved often enough. The
// differences come from a snapshot taken before each sweep, so that a proposal
// does not depend on the particle that it moves.
func (r *smcRun) move() {
	for j := range r.spread {
		lo, hi := math.Inf(1), math.Inf(-1)
		for i := range r.n {
			lo, hi = min(lo, r.theta[i*r.d+j]), max(hi, r.theta[i*r.d+j])
		}
		r.spread[j] = hi - lo
	}
	var done, tried float64
	sweeps := 0
	for done < r.opt.Moves*float64(r.n) {
		if sweeps == smcMostSweeps {
			r.stuck++
			break
		}
		copy(r.from, r.theta)
		var acc float64
		for i := range r.n {
			acc += r.step(i)
		}
		sweeps++
		done += acc
		tried += float64(r.n)
		// Toward a quarter accepted.
		r.scale *= math.Exp(0.5 * (acc/float64(r.n) - 0.25))
		r.scale = min(max(r.scale, 1e-3), 4)
	}
	r.accept = min(r.accept, done/tried)
}

// step proposes a move of particle i along the difference of two others, with a
// random scale over a factor of e and a jitter that keeps it irreducible, and
// returns 1 if it was accepted.
func (r *smcRun) step(i int) float64 {
	a := r.rng.IntN(r.n - 1)
	if a >= i {
		a++
	}
	b := r.rng.IntN(r.n - 1)
	if b >= i {
		b++
	}
	x := r.row(i)
	gamma := r.scale * math.Exp(r.rng.NormFloat64())
	u, v := r.from[a*r.d:(a+1)*r.d], r.from[b*r.d:(b+1)*r.d]
	// Half of the moves change all coordinates, half a random few of them: in
	// many dimensions a move of all is short.
	part := r.rng.IntN(2) == 0 && r.d > 2
	for j := range x {
		r.prop[j] = x[j]
		if part && r.rng.IntN(r.d) > 1 {
			continue
		}
		g := gamma
		if part {
			g *= math.Sqrt(float64(r.d) / 2)
		}
		r.prop[j] += g*(u[j]-v[j]) + 1e-3*g*r.spread[j]*r.rng.NormFloat64()
	}
	// The cheap check first: it turns away a third of the proposals to a mixture.
	if !r.isCanonical() {
		return 0
	}
	lp := r.prior.LogDensity(r.prop)
	if math.IsInf(lp, -1) {
		return 0
	}
	ll := r.l.LogLik(r.prop)
	r.evals++
	if math.Log(r.rng.Float64()) >= lp-r.logpr[i]+r.beta*(ll-r.loglik[i]) {
		return 0
	}
	copy(x, r.prop)
	r.loglik[i], r.logpr[i] = ll, lp
	return 1
}

func (r *smcRun) isCanonical() bool {
	if r.canon == nil {
		return true
	}
	copy(r.check, r.prop)
	r.canon.Canonicalize(r.check)
	return slices.Equal(r.check, r.prop)
}

// summary describes the particles at the present β.
func (r *smcRun) summary() Temperature {
	t := Temperature{Beta: r.beta, LogZ: r.logZ}
	n := float64(r.n)
	for _, l := range r.loglik {
		t.NL -= l / n
	}
	for _, l := range r.loglik {
		t.Var += (l + t.NL) * (l + t.NL) / n
	}
	return t
}
