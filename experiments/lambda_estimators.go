package experiments

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/integrate/quad"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/selection"
	"github.com/neuromanifold/neuromanifold/singular"
)

type lambdaEstimatorsSpec struct {
	Cases   []string `toml:"cases" doc:"singular truths by name: regular, crossing11, crossing12, unit, cone1, mixture2, rrr212"`
	Methods []string `toml:"methods" doc:"wbic, ladder, volume, sgld, mala, hmc"`
	N       int      `toml:"n" doc:"sample size that sets the temperature 1/log n"`
	Radius  float64  `toml:"radius" doc:"half-width of the box around the truth on which the prior is uniform"`
	Gamma   float64  `toml:"gamma" doc:"localisation of sgld, mala and hmc"`
	Draws   int      `toml:"draws" doc:"draws of each chain"`
	Step    float64  `toml:"step" doc:"step of sgld"`
}

type lambdaEstimatorsRow struct {
	Lambda float64 `parquet:"lambda" doc:"the estimate"`
	SE     float64 `parquet:"se" doc:"the standard error that the estimator claims"`
	Mult   float64 `parquet:"mult" doc:"estimate of the multiplicity, NaN from a method that gives none"`
	RHat   float64 `parquet:"rhat" doc:"rank-normalised split R-hat of the log-likelihood"`
	ESS    float64 `parquet:"ess" doc:"effective sample size of the log-likelihood"`
	Evals  float64 `parquet:"evals" doc:"evaluations of the expected log-likelihood, with or without gradient"`
	Flags  int     `parquet:"flags" doc:"how many reasons for doubt the estimator raised"`
	Status string  `parquet:"status" doc:"failed where there is no estimate"`
}

// lambdaMethods are the estimators in the order of the tables.
var lambdaMethods = [...]string{"wbic", "ladder", "volume", "sgld", "mala", "hmc"}

var _ = register(Experiment[lambdaEstimatorsSpec, lambdaEstimatorsRow]{
	Name:    "lambda-estimators",
	Version: 2,
	Doc: `Bias, spread and cost of every estimator of the learning coefficient.

The loss is the exact expected loss, so that all error is the estimator's. The draws
are random; the replicates show the spread. Two theories stand beside an estimate: the
learning coefficient, the limit of low temperature, and for all but ladder and volume
the value at the temperature that they use, by quadrature in up to two coordinates and
by uniform points of the box in more. The difference of the two theories is what no sampler can mend: at n =
1000 a multiplicity of 2 hides a third of λ = 1/2. What an estimator of these small
problems misses of its own exact value is its fault. sgld is biased by its step, and
localisation takes a part of every flat direction.`,
	Cite: []string{
		"S. Watanabe (2013), A widely applicable Bayesian information criterion, Journal of Machine Learning Research 14:867-897",
		"E. Lau, Z. Furman, G. Wang, D. Murfet, S. Wei (2025), The local learning coefficient: a singularity-aware complexity measure, AISTATS 28",
		"M. Aoyagi, S. Watanabe (2005), Stochastic complexities of reduced rank regression in Bayesian estimation, Neural Networks 18:924-933",
	},
	Default: lambdaEstimatorsSpec{
		Cases: []string{"regular", "crossing11", "crossing12", "unit", "cone1", "mixture2", "rrr212"}, Methods: lambdaMethods[:],
		N: 1000, Radius: 1, Gamma: 1, Draws: 1000, Step: 1e-3,
	},
	Smoke:      lambdaEstimatorsSpec{Cases: []string{"crossing11"}, Methods: []string{"wbic", "volume", "hmc"}, N: 1000, Radius: 1, Gamma: 1, Draws: 100, Step: 1e-3},
	Replicates: 20, SmokeReplicates: 2, Chunk: 2,
	Check: checkLambdaEstimators,
	Cells: func(s lambdaEstimatorsSpec) []Cell {
		return Grid(Axis("case", s.Cases...), Axis("method", s.Methods...))
	},
	Replicate: func(ctx context.Context, s lambdaEstimatorsSpec, c Cell, k mc.Key) ([]lambdaEstimatorsRow, error) {
		row, err := estimateLambda(ctx, s, c, k)
		return []lambdaEstimatorsRow{row}, err
	},
	Compare: compareLambdaEstimators,
	Figures: []Figure[lambdaEstimatorsSpec, lambdaEstimatorsRow]{
		{
			Name: "bias", Doc: "Mean estimate less the learning coefficient against the cost of one estimate, first three cases. Below zero the multiplicity and the localisation hide a part of λ.",
			Draw: drawLambdaBias,
		},
		{
			Name: "spread", Doc: "Spread of the estimates over replicates against the error that they claim; on the line an estimator knows how good it is.",
			Draw: drawLambdaSpread,
		},
	},
})

// A lambdaCase is a truth whose learning coefficient is known.
type lambdaCase struct {
	name, model string
	truth       []float64
}

// lambdaCases is a function so that no one can change it. Where exact values are
// wanted the truth is at the origin, where their quadrature is dense.
func lambdaCases() []lambdaCase {
	return []lambdaCase{
		{"regular", "crossing:powers=1", []float64{0}},
		{"crossing11", "crossing:powers=1+1", []float64{0, 0}},
		{"crossing12", "crossing:powers=1+2", []float64{0, 0}},
		{"unit", "mlp:hidden=1", []float64{0, 0}},
		{"cone1", "cone:d=1", []float64{0, 0}},
		{"mixture2", "mixture:k=2,sd=1", []float64{0.5, 0, 0}},
		{"rrr212", "rrr:in=2,hidden=1,out=2", make([]float64, 4)},
	}
}

func lambdaFind(name string) (lambdaCase, bool) {
	i := slices.IndexFunc(lambdaCases(), func(c lambdaCase) bool { return c.name == name })
	if i < 0 {
		return lambdaCase{}, false
	}
	return lambdaCases()[i], true
}

func checkLambdaEstimators(s lambdaEstimatorsSpec) error {
	for _, name := range s.Cases {
		if _, ok := lambdaFind(name); !ok {
			return KeyError("cases", "%q: known are regular, crossing11, crossing12, unit, cone1, mixture2, rrr212", name)
		}
	}
	for _, m := range s.Methods {
		if !slices.Contains(lambdaMethods[:], m) {
			return KeyError("methods", "%q: allowed are %v", m, lambdaMethods)
		}
	}
	switch {
	case len(s.Cases) == 0:
		return KeyError("cases", "none given")
	case len(s.Methods) == 0:
		return KeyError("methods", "none given")
	case s.N < 10 || s.N > 1_000_000_000:
		return KeyError("n", "%d: allowed is 10 to 1e9", s.N)
	case !(s.Radius > 0 && s.Radius <= 10):
		return KeyError("radius", "%v: allowed is above 0 and at most 10", s.Radius)
	case !(s.Gamma >= 0 && s.Gamma <= 1e6):
		return KeyError("gamma", "%v: allowed is 0 to 1e6", s.Gamma)
	case s.Draws < 100:
		return KeyError("draws", "%d: allowed is 100 or more", s.Draws)
	case !(s.Step > 0 && s.Step <= 1):
		return KeyError("step", "%v: allowed is above 0 and at most 1", s.Step)
	}
	return nil
}

// lambdaRule is the rule of the expected loss: near the truth a coarse one sees what
// a fine one does.
var lambdaRule = models.Rule{Points: 24}

func (c lambdaCase) problem(s lambdaEstimatorsSpec) (models.Model, selection.LambdaProblem, error) {
	m, err := models.Parse(c.model)
	return m, selection.LambdaProblem{
		Bind: func() (models.Likelihood, error) { return models.Population(m, m, c.truth, lambdaRule) },
		At:   c.truth, N: float64(s.N), Radius: s.Radius, Exact: true,
	}, err
}

func estimateLambda(ctx context.Context, s lambdaEstimatorsSpec, cell Cell, k mc.Key) (lambdaEstimatorsRow, error) {
	c, _ := lambdaFind(cell.Text("case"))
	m, p, err := c.problem(s)
	if err != nil {
		return lambdaEstimatorsRow{}, err
	}
	opt := selection.LambdaOptions{Draws: s.Draws, Rand: k.Stream("draws")}
	var e *selection.LambdaEstimate
	local := func(kernel estimation.Kernel) (*selection.LambdaEstimate, error) {
		p.Gamma = s.Gamma
		return selection.LLC(ctx, p, kernel, opt)
	}
	switch cell.Text("method") {
	case "wbic":
		e, err = selection.WBICSlope(ctx, p, opt)
	case "ladder":
		e, err = selection.Ladder(ctx, p, opt)
	case "volume":
		e, err = selection.VolumeLambda(m, c.truth, s.Radius, lambdaRule, singular.VolumeOptions{Particles: 200, Floor: 1e-9, Runs: 2}, k.Stream("draws"))
	case "sgld":
		e, err = local(estimation.SGLD{Step: s.Step})
	case "mala":
		e, err = local(estimation.MALA{})
	case "hmc":
		e, err = local(estimation.HMC{})
	}
	if err != nil {
		return lambdaEstimatorsRow{}, err
	}
	row := lambdaEstimatorsRow{Lambda: e.Lambda, SE: e.SE, Mult: e.Mult, RHat: e.RHat, ESS: e.ESS, Evals: e.Evals, Flags: len(e.Flags), Status: Converged}
	if math.IsNaN(e.Lambda) {
		row.Status = Failed
	}
	return row, nil
}

// exactEnergy returns β E_β[nK] under the uniform prior on the box times
// exp(−γ|θ|²/2), by a product rule that is dense at the origin: θ = radius t³. Route
// and code have nothing in common with the samplers. It is NaN for more than two
// coordinates and away from the origin.
func (c lambdaCase) exactEnergy(s lambdaEstimatorsSpec, beta, gamma float64) (float64, error) {
	if len(c.truth) > 2 || slices.ContainsFunc(c.truth, func(v float64) bool { return v != 0 }) {
		return math.NaN(), nil
	}
	m, err := models.Parse(c.model)
	if err != nil {
		return 0, err
	}
	l, err := models.Population(m, m, c.truth, lambdaRule)
	if err != nil {
		return 0, err
	}
	top := l.LogLik(c.truth)
	const panels, nodes = 12, 10
	x0, w0 := make([]float64, nodes), make([]float64, nodes)
	quad.Legendre{}.FixedLocations(x0, w0, 0, 1)
	var x, w []float64
	for p := range panels {
		for i := range x0 {
			t := 2*(float64(p)+x0[i])/panels - 1
			x, w = append(x, s.Radius*t*t*t), append(w, w0[i]*t*t)
		}
	}
	second, weights := x, w
	if len(c.truth) == 1 {
		second, weights = []float64{0}, []float64{1}
	}
	theta := make([]float64, len(c.truth))
	nb := float64(s.N) * beta
	var num, den float64
	for i, a := range x {
		theta[0] = a
		for j, b := range second {
			if len(theta) > 1 {
				theta[1] = b
			}
			v := top - l.LogLik(theta)
			if math.IsInf(v, 1) { // outside the domain
				continue
			}
			e := w[i] * weights[j] * math.Exp(-nb*v-gamma/2*(a*a+b*b))
			den += e
			num += e * nb * v
		}
	}
	return num / den, nil
}

// exact returns what a method estimates at its temperature, NaN where that is not
// known.
func (c lambdaCase) exact(s lambdaEstimatorsSpec, method string) (float64, error) {
	b := 1 / math.Log(float64(s.N))
	switch method {
	case "mala", "hmc", "sgld":
		return c.exactEnergy(s, b, s.Gamma)
	case "wbic":
		hot, err := c.exactEnergy(s, b, 0)
		if err != nil {
			return 0, err
		}
		cold, err := c.exactEnergy(s, 1.5*b, 0)
		return (hot/b - cold/(1.5*b)) / (1/b - 1/(1.5*b)), err
	}
	return math.NaN(), nil
}

// atTemperature returns what a method estimates at its temperature, with its source: exact
// where it can be, else by uniform points from a fixed seed; NaN for ladder and volume.
func (c lambdaCase) atTemperature(ctx context.Context, s lambdaEstimatorsSpec, method string) (value, se float64, source string, err error) {
	value, err = c.exact(s, method)
	if err != nil || !math.IsNaN(value) || method == "ladder" || method == "volume" {
		return value, 0, "quadrature of the tempered posterior", err
	}
	_, p, err := c.problem(s)
	if err != nil {
		return 0, 0, "", err
	}
	if method != "wbic" {
		p.Gamma = s.Gamma
	}
	const points = 200_000
	value, se, err = selection.FiniteLambda(ctx, p, method == "wbic", points, rand.New(rand.NewPCG(5, points)))
	return value, se, "uniform points of the box, weighted", err
}

func compareLambdaEstimators(ctx context.Context, s lambdaEstimatorsSpec, cell Cell) ([]Line[lambdaEstimatorsRow], error) {
	c, _ := lambdaFind(cell.Text("case"))
	known, err := c.known()
	if err != nil {
		return nil, err
	}
	value, se, source, err := c.atTemperature(ctx, s, cell.Text("method"))
	if err != nil {
		return nil, err
	}
	lambda := Mean(func(r lambdaEstimatorsRow) float64 { return r.Lambda })
	lines := []Line[lambdaEstimatorsRow]{{Name: "λ, against its limit", Measure: lambda, Theory: known.Lambda, Limit: true, Source: known.Ref}}
	if !math.IsNaN(value) {
		route := models.Quadrature
		if se > 0 {
			route = models.MonteCarlo
		}
		if cell.Text("method") == "sgld" {
			source += "; the step of sgld adds a bias of its own"
		}
		lines = append(lines, Line[lambdaEstimatorsRow]{
			Name: "λ, at its temperature", Measure: lambda, Theory: value, TheorySE: se, Route: route, Source: source, Limit: cell.Text("method") == "sgld",
		})
	}
	if cell.Text("method") == "ladder" || cell.Text("method") == "volume" {
		lines = append(lines, Line[lambdaEstimatorsRow]{
			Name: "m of the joint fit", Theory: float64(known.Mult), Limit: true, Source: known.Ref,
			Measure: Mean(func(r lambdaEstimatorsRow) float64 { return r.Mult }),
		})
	}
	return append(lines,
		Line[lambdaEstimatorsRow]{Name: "spread of λ over replicates", Theory: math.NaN(), Measure: SD(func(r lambdaEstimatorsRow) float64 { return r.Lambda })},
		Line[lambdaEstimatorsRow]{Name: "error that it claims", Theory: math.NaN(), Measure: Mean(func(r lambdaEstimatorsRow) float64 { return r.SE })},
		Line[lambdaEstimatorsRow]{Name: "evaluations", Theory: math.NaN(), Measure: Mean(func(r lambdaEstimatorsRow) float64 { return r.Evals })},
		Line[lambdaEstimatorsRow]{Name: "P(flagged)", Theory: math.NaN(), Measure: Fraction(func(r lambdaEstimatorsRow) bool { return r.Flags > 0 })},
	), nil
}

// known returns the learning coefficient of the catalogue.
func (c lambdaCase) known() (models.Coefficient, error) {
	m, err := models.Parse(c.model)
	if err != nil {
		return models.Coefficient{}, err
	}
	return singular.RLCT(m, c.truth, models.PriorShape{})
}

// undrawn leaves out mala, which is near hmc, where more methods than the five colours
// tell apart were run.
func undrawn(s lambdaEstimatorsSpec, method string) bool {
	return method == "mala" && len(s.Methods) > 5
}

// drawLambdaBias draws one panel for each of the first three cases.
func drawLambdaBias(s lambdaEstimatorsSpec, cells []Sample[lambdaEstimatorsRow]) (Drawing, error) {
	var panels []*figs.Panel
	for _, name := range s.Cases[:min(3, len(s.Cases))] {
		c, _ := lambdaFind(name)
		known, err := c.known()
		if err != nil {
			return nil, err
		}
		p := &figs.Panel{Title: name, X: "evaluations / 1000", Y: "mean estimate − λ", LogX: true}
		cheap, dear := math.Inf(1), 0.0
		for _, x := range cells {
			if x.Cell.Text("case") != name || undrawn(s, x.Cell.Text("method")) {
				continue
			}
			m, se, _ := Mean(func(r lambdaEstimatorsRow) float64 { return r.Lambda - known.Lambda })(x)
			cost, _, _ := Mean(func(r lambdaEstimatorsRow) float64 { return r.Evals })(x)
			p.Series(x.Cell.Text("method"), []float64{cost / 1000}, []float64{m}, []float64{se})
			cheap, dear = min(cheap, cost/1000), max(dear, cost/1000)
		}
		if dear > cheap {
			p.Reference("no bias", []float64{cheap, dear}, []float64{0, 0})
		}
		panels = append(panels, p)
	}
	return figs.New(panels...), nil
}

func drawLambdaSpread(s lambdaEstimatorsSpec, cells []Sample[lambdaEstimatorsRow]) (Drawing, error) {
	p := &figs.Panel{X: "error that the estimator claims", Y: "spread over replicates", LogX: true, LogY: true}
	lo, hi := math.Inf(1), 0.0
	for _, method := range s.Methods {
		if undrawn(s, method) {
			continue
		}
		var x, y []float64
		for _, c := range cells {
			if c.Cell.Text("method") != method {
				continue
			}
			claim, _, _ := Mean(func(r lambdaEstimatorsRow) float64 { return r.SE })(c)
			sd, _, _ := SD(func(r lambdaEstimatorsRow) float64 { return r.Lambda })(c)
			if claim > 0 && sd > 0 {
				x, y = append(x, claim), append(y, sd)
				lo, hi = min(lo, claim, sd), max(hi, claim, sd)
			}
		}
		if len(x) > 0 {
			p.Points(method, x, y)
		}
	}
	if hi > 0 {
		p.Reference("equal", []float64{lo, hi}, []float64{lo, hi})
	}
	return figs.New(p), nil
}
