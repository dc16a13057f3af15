package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/neuromanifold/neuromanifold/experiments"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

// rlctFlags say what to estimate beside what is known.
type rlctFlags struct {
	method    string
	radius    float64
	particles int
	n         int
	gamma     float64
	step      float64
	chains    int
	draws     int
}

var rlctMethods = []string{"known", "volume", "wbic", "ladder", "sgld", "mala", "hmc"}

func (o *rlctFlags) check() error {
	switch {
	case !slices.Contains(rlctMethods, o.method):
		return bad(fmt.Errorf("--method %q: allowed is %s", o.method, strings.Join(rlctMethods, ", ")))
	case !(o.radius > 0) || math.IsInf(o.radius, 1):
		return bad(fmt.Errorf("--radius %v: want a finite number above 0", o.radius))
	case o.particles < 100 || o.particles > 1_000_000:
		return bad(fmt.Errorf("--particles %d: want a whole number from 100 to 1000000", o.particles))
	case o.n < 10 || o.n > 1_000_000_000:
		return bad(fmt.Errorf("--n %d: want a whole number from 10 to 1000000000", o.n))
	case !(o.gamma >= 0) || math.IsInf(o.gamma, 1):
		return bad(fmt.Errorf("--gamma %v: want a finite number from 0", o.gamma))
	case !(o.step > 0) || math.IsInf(o.step, 1):
		return bad(fmt.Errorf("--step %v: want a finite number above 0", o.step))
	case o.chains < 2 || o.chains > 1000:
		return bad(fmt.Errorf("--chains %d: want a whole number from 2 to 1000", o.chains))
	case o.draws < 100 || o.draws > 10_000_000:
		return bad(fmt.Errorf("--draws %d: want a whole number from 100 to 10000000", o.draws))
	}
	return nil
}

func (a *app) rlctCommand() *cobra.Command {
	var at string
	var o rlctFlags
	c := &cobra.Command{
		Use:   "rlct MODEL --at θ",
		Short: "Print the learning coefficient with θ as the truth",
		Long: `Print the learning coefficient (real log canonical threshold) and its multiplicity
with θ as the truth, under a smooth positive prior: the global one, the least over
all parameters with the same law, and the local one where it is known. Where nothing
is proved nothing is printed but the reason; upper bounds are called bounds.

--method volume estimates it as well, by multilevel splitting: λ is the slope of
log V(ε) against log ε, with V the share of a box around θ where the divergence from
the truth is below ε. It is the least coefficient of the parameters in the box, the
local one if the box is small. Terms of lower order leave a few hundredths at any ε
within reach, more where the multiplicity is above 1.

The other methods draw from the posterior at inverse temperature about 1/log n, with
n times the expected log-likelihood (arma: a series of n simulated at θ) and a prior
uniform on that box:
  wbic    slope of the mean loss between two temperatures (Watanabe 2013)
  ladder  λ and multiplicity fitted jointly over eight temperatures
  sgld, mala, hmc
          local learning coefficient with localisation --gamma (Lau et al. 2025)
They see the effective coefficient at their temperature, which the box makes smaller,
and a multiplicity m by about (m−1)/log(n/log n). For all but ladder it is printed
beside the estimate, from uniform points of the box. Flags say what is wrong with the
draws.`,
		Example: `  simulate rlct mixture:k=2,sd=1 --at 1,0,0
  simulate rlct crossing:powers=1+1 --at=0,0 --method hmc --n 1000`,
		Args:              exactly("a MODEL"),
		ValidArgsFunction: familyNames,
		RunE: a.do(func(c *cobra.Command, args []string) error {
			if err := errors.Join(o.check(), a.checkSeed()); err != nil {
				return err
			}
			m, err := parseModel(args[0])
			if err != nil {
				return err
			}
			theta, err := parseTheta(m, "at", at)
			if err != nil {
				return err
			}
			known, kerr := singular.RLCT(m, theta, models.PriorShape{})
			local, lerr := singular.LocalRLCT(m, theta, models.PriorShape{})
			for _, err := range []error{kerr, lerr} {
				if err != nil && !errors.Is(err, singular.ErrNoRLCT) {
					return err
				}
			}
			out := rlctOutput{Model: args[0], Theta: numbers(theta)}
			mult := 1 // of the estimate: as proved for the box, else 1
			if kerr == nil {
				out.Known = jsonCoefficient(known)
				mult = max(mult, known.Mult)
			} else {
				out.Refusal = kerr.Error()
			}
			if lerr == nil {
				out.Local = jsonCoefficient(local)
				mult = max(1, local.Mult)
			}
			var volume *volumeEstimate
			var sampled *sampledEstimate
			switch o.method {
			case "known":
			case "volume":
				if volume, err = a.volume(c.Context(), m, theta, &o, mult); err != nil {
					return err
				}
				out.Seed, out.Estimate = &a.seed, volume
			default:
				best := out.Local
				if best == nil {
					best = out.Known
				}
				if sampled, err = a.sampled(c.Context(), m, theta, &o, best); err != nil {
					return err
				}
				out.Seed, out.Estimate = &a.seed, sampled
			}
			if a.json {
				return a.printJSON(out)
			}
			if lerr == nil {
				a.printf("local   %s\n", coefficientText(local))
			}
			if kerr == nil {
				a.printf("global  %s\n", coefficientText(known))
			} else {
				a.printf("none: %v\n", kerr)
			}
			if sampled != nil {
				a.printSampled(sampled)
			}
			if e := volume; e != nil {
				a.printf("box     λ = %s ± %s, multiplicity %d given (%s; half-width %s, fitted for ε from 1e-5 to %.0e, seed %d)\n",
					experiments.Format(float64(e.Lambda)), experiments.FormatSE(float64(e.SE)), e.Mult, e.Method,
					experiments.Format(o.radius), float64(e.Floor), a.seed)
				if e.Mult > 1 { // where it is 1 the joint fit mostly fits noise
					a.printf("        joint fit λ = %s ± %s, multiplicity %s ± %s\n",
						experiments.Format(float64(e.Joint.Lambda)), experiments.FormatSE(float64(e.Joint.SE)),
						experiments.Format(float64(e.Joint.Mult)), experiments.FormatSE(float64(e.Joint.MultSE)))
				}
				if e.Warning != "" {
					a.printf("warning: %s\n", e.Warning)
				}
			}
			a.printf("a regular model of %d coordinates has λ = %s\n", len(theta), experiments.Format(float64(len(theta))/2))
			return nil
		}),
	}
	c.Flags().StringVar(&at, "at", "", "θ, as --at=-0.5,0.3,1")
	c.Flags().StringVar(&o.method, "method", "known", "known: what is proved alone; volume, wbic, ladder, sgld, mala, hmc: an estimate as well")
	c.Flags().Float64Var(&o.radius, "radius", 0.5, "half-width of the box around θ, for estimates")
	c.Flags().IntVar(&o.particles, "particles", 500, "particles of each of 4 runs, for --method volume")
	c.Flags().IntVar(&o.n, "n", 1000, "sample size that sets the temperature, for sampling methods")
	c.Flags().Float64Var(&o.gamma, "gamma", 1, "localisation γ of exp(−γ|θ−θ*|²/2), for sgld, mala and hmc")
	c.Flags().Float64Var(&o.step, "step", 1e-4, "step of sgld")
	c.Flags().IntVar(&o.chains, "chains", 4, "chains, for sampling methods")
	c.Flags().IntVar(&o.draws, "draws", 5000, "draws of each chain, for sampling methods")
	a.withSeed(c)
	a.withJSON(c)
	return c
}

type rlctOutput struct {
	Model    string       `json:"model"`
	Seed     *uint64      `json:"seed,omitempty"`
	Theta    []number     `json:"theta"`
	Known    *coefficient `json:"known"`
	Refusal  string       `json:"refusal,omitempty"`
	Local    *coefficient `json:"local"`
	Estimate any          `json:"estimate,omitempty"` // *volumeEstimate or *sampledEstimate
}

// A volumeEstimate is an estimate with the multiplicity given, and the joint fit.
type volumeEstimate struct {
	Lambda number `json:"lambda"`
	SE     number `json:"se"`
	Mult   int    `json:"mult"`
	Method string `json:"method"`
	Joint  struct {
		Lambda number `json:"lambda"`
		SE     number `json:"se"`
		Mult   number `json:"mult"`
		MultSE number `json:"mult_se"`
	} `json:"joint"`
	Radius   number `json:"radius"`
	Floor    number `json:"floor"`
	Accepted number `json:"accepted"`
	Warning  string `json:"warning,omitempty"`
}

// volume estimates the learning coefficient in the box around θ. The runs of the
// splitting share the scratch of the divergence and follow one another.
func (a *app) volume(ctx context.Context, m models.Model, theta []float64, o *rlctFlags, mult int) (*volumeEstimate, error) {
	// Near the truth densities hardly differ: a coarse rule sees what a fine
	// one does, up to a factor.
	rule := models.Rule{Points: 48}
	if m.Shape().P > 1 {
		rule.Points = 24
	}
	p, err := singular.BoxProblem(m, theta, o.radius, rule)
	if err != nil {
		return nil, bad(err, "volume scaling needs a law that can be discretised, or arma")
	}
	divergence := p.K
	p.K = func(theta []float64) float64 {
		if ctx.Err() != nil {
			return math.Inf(1) // nothing moves any more: the run ends at once
		}
		return divergence(theta)
	}
	const runs = 4
	each := mc.Each(1, mc.Key{Seed: a.seed, Experiment: "rlct"}, "particles")
	show := a.newProgress()
	show.report(experiments.Progress{ReplicatesTotal: runs, ChunksTotal: runs})
	done := 0
	e, err := singular.VolumeScaling(p, singular.VolumeOptions{Particles: o.particles, Floor: 1e-13, FitBelow: 1e-5, Runs: runs},
		func(n int, task func(i int, rng *rand.Rand) error) error {
			return each(n, func(i int, rng *rand.Rand) error {
				err := task(i, rng)
				done++
				show.report(experiments.Progress{Replicates: done, ReplicatesTotal: runs, Chunks: done, ChunksTotal: runs})
				return errors.Join(ctx.Err(), err)
			})
		}, nil)
	show.stop()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	lambda := e.GivenMult(mult)
	v := &volumeEstimate{
		Lambda: number(lambda.Value), SE: number(lambda.SE), Mult: mult, Method: "volume scaling by multilevel splitting",
		Radius: number(o.radius), Floor: number(e.Floor), Accepted: number(e.Accept),
	}
	v.Joint.Lambda, v.Joint.SE = number(e.Lambda.Value), number(e.Lambda.SE)
	v.Joint.Mult, v.Joint.MultSE = number(e.Mult.Value), number(e.Mult.SE)
	if e.Accept < 0.01 {
		v.Warning = "hardly a move was accepted at the smallest ε: the estimate deserves no trust; try more --particles or another --radius"
	}
	return v, nil
}
