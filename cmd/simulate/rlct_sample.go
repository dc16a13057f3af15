package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/experiments"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/selection"
)

// A sampledEstimate is an estimate of λ from draws of a tempered posterior.
type sampledEstimate struct {
	Lambda number `json:"lambda"`
	SE     number `json:"se"`
	Mult   number `json:"mult"` // null: the method does not estimate it
	MultSE number `json:"mult_se"`
	Method string `json:"method"`
	// Expected is λ − (m−1)/log(nβ) from the proved coefficient, null without one:
	// what the estimate is near at its temperature, to first order.
	Expected number `json:"expected"`
	// Finite is what a perfect sampler finds at that temperature in that box, by
	// uniform points; null for the ladder, and where too few points count.
	Finite   number       `json:"finite"`
	FiniteSE number       `json:"finite_se"`
	Slope    number       `json:"slope"` // the ladder with m = 1
	SlopeSE  number       `json:"slope_se"`
	N        number       `json:"n"`
	Radius   number       `json:"radius"`
	Gamma    number       `json:"gamma"`
	RHat     number       `json:"rhat"`
	ESS      number       `json:"ess"`
	Accept   number       `json:"accept"`
	Evals    number       `json:"evals"`
	Data     string       `json:"data"` // expected log-likelihood, or a simulated series
	Curve    []rlctEnergy `json:"curve"`
	Flags    []string     `json:"flags"`
}

type rlctEnergy struct {
	Beta   number `json:"beta"`
	Lambda number `json:"lambda"` // β E_β[n(L_n(θ) − L_n(θ*))]
	SE     number `json:"se"`
}

// sampled estimates λ by a method that draws from tempered posteriors. Where the
// law of an observation can be discretised, the log-likelihood is n times its
// expectation and θ the exact minimum; a series is simulated at θ.
func (a *app) sampled(ctx context.Context, m models.Model, theta []float64, o *rlctFlags, known *coefficient) (*sampledEstimate, error) {
	rule := models.Rule{Points: 48} // as for volume
	if m.Shape().P > 1 {
		rule.Points = 24
	}
	key := mc.Key{Seed: a.seed, Experiment: "rlct"}
	p := selection.LambdaProblem{At: theta, N: float64(o.n), Radius: o.radius, Exact: true}
	p.Bind = func() (models.Likelihood, error) { return models.Population(m, m, theta, rule) }
	source := "expected log-likelihood"
	if m.Shape().Series {
		z := models.NewData(o.n, 0, 1)
		m.Sample(z, theta, key.Stream("data"))
		p.N, p.Exact, source = 0, false, "simulated series"
		p.Bind = func() (models.Likelihood, error) { return m.Bind(z) }
	}
	opt := selection.LambdaOptions{Draws: o.draws, Chains: o.chains, Each: mc.Each(1, key, "chains")}
	local := func(k estimation.Kernel) (*selection.LambdaEstimate, error) {
		p.Gamma = o.gamma
		return selection.LLC(ctx, p, k, opt)
	}
	var e *selection.LambdaEstimate
	var err error
	switch o.method {
	case "wbic":
		e, err = selection.WBICSlope(ctx, p, opt)
	case "ladder":
		e, err = selection.Ladder(ctx, p, opt)
	case "sgld":
		e, err = local(estimation.SGLD{Step: o.step})
	case "mala":
		e, err = local(estimation.MALA{})
	case "hmc":
		e, err = local(estimation.HMC{})
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, bad(err, "sampling needs a law that can be discretised, or arma")
	}
	out := &sampledEstimate{
		Lambda: number(e.Lambda), SE: number(e.SE), Mult: number(e.Mult), MultSE: number(e.MultSE), Method: e.Method,
		Expected: number(math.NaN()), Slope: number(e.Slope), SlopeSE: number(e.SlopeSE), N: number(o.n), Radius: number(o.radius), Gamma: number(p.Gamma),
		RHat: number(e.RHat), ESS: number(e.ESS), Accept: number(e.Accept), Evals: number(e.Evals), Data: source, Flags: e.Flags,
	}
	if out.Flags == nil {
		out.Flags = []string{}
	}
	if known != nil && known.Mult != nil && o.method != "ladder" {
		out.Expected = known.Lambda - number(float64(*known.Mult-1)/math.Log(float64(o.n)/math.Log(float64(o.n))))
	}
	if err := out.finite(ctx, p, e, key.Stream("points")); err != nil {
		return nil, err
	}
	for _, en := range e.Curve {
		v, se := en.EffectiveLambda()
		out.Curve = append(out.Curve, rlctEnergy{number(en.Beta), number(v), number(se)})
	}
	return out, nil
}

// finite fills in the value at the temperature of e, and flags an estimate that misses it.
func (s *sampledEstimate) finite(ctx context.Context, p selection.LambdaProblem, e *selection.LambdaEstimate, rng *rand.Rand) error {
	s.Finite, s.FiniteSE = number(math.NaN()), number(math.NaN())
	if !math.IsNaN(e.Mult) {
		return nil // the ladder has many temperatures
	}
	const points = 100_000
	v, se, err := selection.FiniteLambda(ctx, p, e.Method == "wbic slope", points, rng)
	if err != nil {
		return err
	}
	s.Finite, s.FiniteSE = number(v), number(se)
	if z := (e.Lambda - v) / math.Hypot(e.SE, se); math.Abs(z) > 4 {
		s.Flags = append(s.Flags, fmt.Sprintf("%.1f standard errors from the value at this temperature", z))
	}
	return nil
}

func (a *app) printSampled(e *sampledEstimate) {
	where := fmt.Sprintf("half-width %s", experiments.Format(float64(e.Radius)))
	if e.Gamma > 0 {
		where += fmt.Sprintf(", localisation %s", experiments.Format(float64(e.Gamma)))
	}
	a.printf("box     λ = %s ± %s (%s; %s, n = %d, %s, seed %d)\n", experiments.Format(float64(e.Lambda)), experiments.FormatSE(float64(e.SE)),
		e.Method, where, int(e.N), e.Data, a.seed)
	if !math.IsNaN(float64(e.Mult)) {
		a.printf("        multiplicity %s ± %s; λ with multiplicity 1: %s ± %s\n", experiments.Format(float64(e.Mult)), experiments.FormatSE(float64(e.MultSE)),
			experiments.Format(float64(e.Slope)), experiments.FormatSE(float64(e.SlopeSE)))
	}
	if v := float64(e.Expected); !math.IsNaN(v) {
		a.printf("        at this temperature λ is near %s to first order", experiments.Format(v))
		if !math.IsNaN(float64(e.Finite)) {
			a.printf(", %s ± %s by uniform points of the box", experiments.Format(float64(e.Finite)), experiments.FormatSE(float64(e.FiniteSE)))
		}
		a.printf("\n")
	} else if !math.IsNaN(float64(e.Finite)) {
		a.printf("        at this temperature λ is %s ± %s by uniform points of the box\n", experiments.Format(float64(e.Finite)), experiments.FormatSE(float64(e.FiniteSE)))
	}
	a.printf("        R-hat %.3f, effective sample size %.0f, %.0f evaluations\n", float64(e.RHat), float64(e.ESS), float64(e.Evals))
	if len(e.Flags) > 0 {
		a.printf("warning: %s\n", strings.Join(e.Flags, "; "))
	}
}
