package singular

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/neuromanifold/neuromanifold/models"
)

// A VolumeProblem asks how much prior mass lies where K < ε.
type VolumeProblem struct {
	Dim int
	// K is the divergence from the truth, or any function between two multiples
	// of it: K ≥ 0, with +Inf or NaN outside the support of the prior. It must
	// be safe for concurrent use if the runs are spread over goroutines.
	K func(theta []float64) float64
	// Prior fills dst (Dim) with a draw from the prior.
	Prior func(dst []float64, rng *rand.Rand)
	// LogPrior is the log density of the prior up to a constant; nil for a
	// prior that is uniform on its support.
	LogPrior func(theta []float64) float64
}

// VolumeOptions say how long to simulate. The zero value is right for up to six
// parameters.
type VolumeOptions struct {
	Particles int     // per run; 0 = 2000
	Sweeps    int     // Metropolis moves per particle and level; 0 = 20
	Floor     float64 // smallest ε; 0 = 1e-12
	FitBelow  float64 // ε from which the power law is fitted; 0 = 1e-3
	Runs      int     // independent runs, from which the errors come; 0 = 8
}

// A VolumeEstimate is an estimate of a learning coefficient by simulation.
type VolumeEstimate struct {
	// Lambda and Mult are the joint fit by an instrument of
	// log V(ε) = λ log ε + (m−1) log log(1/ε) + c, with standard errors from the
	// spread of the runs. For m ≥ 2 the terms of lower order bias both by several
	// hundredths at any ε within reach: the fit is evidence, not proof.
	Lambda, Mult Estimate
	// Slope is λ with m fixed at 1, the better estimate where that is so.
	Slope Estimate
	// Floor is the smallest ε that every run reached, Accept the share of moves
	// accepted at it: below about 0.01 the particles hardly move and no figure
	// here deserves trust.
	Floor, Accept float64
	runs          []volumeRun
	fitBelow      float64 // log
}

type volumeRun struct {
	logEps, logVol []float64 // thresholds and log V at them, descending
	accept         float64
}

// GivenMult returns λ with the multiplicity fixed at m ≥ 1.
func (e *VolumeEstimate) GivenMult(m int) Estimate {
	values := make([]float64, len(e.runs))
	for i, r := range e.runs {
		values[i] = fitVolume(r, e.fitBelow, float64(m-1))
	}
	return spread(values)
}

// Curve returns log ε and log V(ε) of a run, ε descending. It panics if the run
// does not exist. The caller must not modify the slices.
func (e *VolumeEstimate) Curve(run int) (logEps, logVol []float64) {
	return e.runs[run].logEps, e.runs[run].logVol
}

// Runs returns the number of runs.
func (e *VolumeEstimate) Runs() int { return len(e.runs) }

// VolumeScaling estimates λ and m from the volume law V(ε) = Pr(K < ε) ~
// c ε^λ (−log ε)^{m−1} by multilevel splitting: particles from the prior, again
// and again cut at their median of K and moved by Metropolis steps inside
// {K < ε} (subset simulation, Au and Beck, Probabilistic Engineering Mechanics 16
// (2001) 263–277). Runs go through each (nil: in order, on streams split from
// rng). It returns an error if the problem is incomplete, if K is nowhere small
// or a run does not get below FitBelow.
func VolumeScaling(p VolumeProblem, opts VolumeOptions, each models.Each, rng *rand.Rand) (*VolumeEstimate, error) {
	if p.Dim < 1 || p.K == nil || p.Prior == nil {
		return nil, errors.New("singular: a volume problem needs a dimension, K and a prior")
	}
	opts = opts.withDefaults()
	if opts.Particles < 10 || opts.Sweeps < 1 || opts.Runs < 2 || !(opts.Floor > 0 && opts.Floor < opts.FitBelow && opts.FitBelow < 0.5) {
		return nil, fmt.Errorf("singular: volume options %+v: at least 10 particles, 1 sweep, 2 runs and 0 < floor < fit < 0.5 are needed", opts)
	}
	if each == nil {
		each = models.Serial(rng)
	}
	e := &VolumeEstimate{runs: make([]volumeRun, opts.Runs), fitBelow: math.Log(opts.FitBelow)}
	err := each(opts.Runs, func(i int, rng *rand.Rand) error {
		s := newSplitting(p, opts, rng)
		r, err := s.run()
		e.runs[i] = r
		return err
	})
	if err != nil {
		return nil, err
	}
	lambda, mult, slope := make([]float64, opts.Runs), make([]float64, opts.Runs), make([]float64, opts.Runs)
	for i, r := range e.runs {
		lambda[i], mult[i] = fitVolumeJoint(r, e.fitBelow)
		slope[i] = fitVolume(r, e.fitBelow, 0)
		e.Floor = max(e.Floor, math.Exp(r.logEps[len(r.logEps)-1]))
		e.Accept += r.accept / float64(opts.Runs)
	}
	e.Lambda, e.Mult, e.Slope = spread(lambda), spread(mult), spread(slope)
	return e, nil
}

func (o VolumeOptions) withDefaults() VolumeOptions {
	if o.Particles == 0 {
		o.Particles = 2000
	}
	if o.Sweeps == 0 {
		o.Sweeps = 20
	}
	if o.Floor == 0 {
		o.Floor = 1e-12
	}
	if o.FitBelow == 0 {
		o.FitBelow = 1e-3
	}
	if o.Runs == 0 {
		o.Runs = 8
	}
	return o
}

// spread is the mean of independent values and its standard error.
func spread(v []float64) Estimate {
	n := float64(len(v))
	mean, sq := 0.0, 0.0
	for _, x := range v {
		mean += x / n
	}
	for _, x := range v {
		sq += (x - mean) * (x - mean)
	}
	return Estimate{mean, math.Sqrt(sq / (n * (n - 1)))}
}

// fitVolume returns λ with m−1 = extra fixed. The errors of log V are a random
// walk over the levels, so that increments have independent errors of one size,
// and least squares is on increments.
func fitVolume(r volumeRun, fitBelow, extra float64) float64 {
	num, den := 0.0, 0.0
	for k := 1; k < len(r.logEps); k++ {
		if r.logEps[k-1] > fitBelow {
			continue
		}
		x := r.logEps[k] - r.logEps[k-1]
		y := r.logVol[k] - r.logVol[k-1] - extra*(math.Log(-r.logEps[k])-math.Log(-r.logEps[k-1]))
		// Thresholds are medians: the error is in x, y is fixed. Regression of
		// x on y is then the consistent one.
		num += y * y
		den += x * y
	}
	return num / den
}

// fitVolumeJoint returns λ and m by the increments of all levels in the window. With
// medians every increment of log V is −log 2 and its error lies in log ε:
// Δ log ε = (Δ log V − (m−1) Δ loglog)/λ, linear in a = 1/λ and b = −(m−1)/λ. The
// increment of log log(1/ε) has the error of Δ log ε in it, for which least squares
// would pay with a multiplicity that is too large: its instrument is the increment on
// equal steps of log ε from the first level to the last.
func fitVolumeJoint(r volumeRun, fitBelow float64) (lambda, mult float64) {
	first := 0
	for first < len(r.logEps)-1 && r.logEps[first] > fitBelow {
		first++
	}
	last := len(r.logEps) - 1
	step := (r.logEps[last] - r.logEps[first]) / float64(last-first)
	var uu, uv, wu, wv, ux, wx float64
	for k := first + 1; k <= last; k++ {
		x := r.logEps[k] - r.logEps[k-1]
		u := r.logVol[k] - r.logVol[k-1]
		v := math.Log(r.logEps[k] / r.logEps[k-1])
		even := r.logEps[first] + step*float64(k-first)
		w := math.Log(even / (even - step))
		uu += u * u
		uv += u * v
		wu += w * u
		wv += w * v
		ux += u * x
		wx += w * x
	}
	det := uu*wv - uv*wu
	a := (ux*wv - wx*uv) / det
	b := (wx*uu - ux*wu) / det
	return 1 / a, 1 - b/a
}
