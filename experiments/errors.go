package experiments

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

type errorsSpec struct {
	Cases  []string `toml:"cases" doc:"singular and regular truths by name, as cone2 or mixture"`
	N      []int    `toml:"n" doc:"sample sizes"`
	Starts int      `toml:"starts" doc:"random starts of each fit, beside the truth"`
}

type errorsRow struct {
	Gen    float64 `parquet:"gen" unit:"nats" doc:"2n × generalisation error KL(truth ‖ estimate); d by regular theory"`
	Train  float64 `parquet:"train" unit:"nats" doc:"2n × training error; −d by regular theory"`
	Status string  `parquet:"status" doc:"how the fit ended"`
}

var _ = register(Experiment[errorsSpec, errorsRow]{
	Name:    "errors",
	Version: 2,
	Doc: `Generalisation and training error of every family at a singular truth.

Regular theory says 2n E_gen = d and 2n E_train = −d for d parameters. At a singular
truth neither holds, in either direction; as n → ∞ the two are opposite again. The
truth is one of the starts, so that no training error is positive; the last case is
regular, for comparison. Hidden units and ARMA have experiments of their own
(mle-mlp, lrt-simple-mlp, mle-arma): without a bound a radial unit's centre runs away
and its generalisation error has no mean.`,
	Cite: []string{
		"S. Amari, H. Park, T. Ozeki (2006), Singularities affect dynamics of learning in neuromanifolds, Neural Computation 18(5):1007-1065",
	},
	Default:    errorsSpec{Cases: errorsNames(), N: []int{100, 400}, Starts: 5},
	Smoke:      errorsSpec{Cases: []string{"cone2", "regular"}, N: []int{30}, Starts: 1},
	Replicates: 500, Chunk: 50,
	Check: func(s errorsSpec) error {
		if err := checkSizes(s.N, 10); err != nil {
			return err
		}
		if len(s.Cases) == 0 {
			return KeyError("cases", "none given")
		}
		for _, name := range s.Cases {
			if _, ok := errorsFind(name); !ok {
				return KeyError("cases", "%q: known are %v", name, errorsNames())
			}
		}
		if s.Starts < 1 {
			return KeyError("starts", "%d: allowed is 1 or more", s.Starts)
		}
		return nil
	},
	Cells: func(s errorsSpec) []Cell { return Grid(Axis("case", s.Cases...), Axis("n", s.N...)) },
	Data:  errorsData,
	Replicate: func(ctx context.Context, s errorsSpec, c Cell, k mc.Key) ([]errorsRow, error) {
		row, err := errorsFit(ctx, s, c, k)
		return []errorsRow{row}, err
	},
	Compare: func(_ context.Context, _ errorsSpec, cell Cell) ([]Line[errorsRow], error) {
		c, _ := errorsFind(cell.Text("case"))
		gen := Line[errorsRow]{Name: "2n E_gen", Measure: Mean(func(r errorsRow) float64 { return r.Gen })}
		train := Line[errorsRow]{Name: "2n E_train", Measure: Mean(func(r errorsRow) float64 { return r.Train })}
		for i, l := range []*Line[errorsRow]{&gen, &train} {
			l.Theory, l.TheorySE, l.Route, l.Source = c.theory, c.se, models.Exact, c.source
			if c.se > 0 {
				l.Route = models.MonteCarlo
			}
			l.Limit = !c.exact
			if i == 1 {
				l.Theory = -c.theory
			}
		}
		return []Line[errorsRow]{gen, train}, nil
	},
	Figures: []Figure[errorsSpec, errorsRow]{{
		Name: "errors", Doc: "Errors times 2n as a share of d, by case at the largest n: 1 is what regular theory says.", Draw: drawErrors,
	}},
})

// An errorsCase is a truth with what is known of 2n E_gen and −2n E_train there.
type errorsCase struct {
	name, model string
	truth       []float64
	theory, se  float64 // of both: exact for every n, or the limit; its Monte Carlo error
	exact       bool
	source      string
}

// errorsCases is a function so that no one can change it. The limit of the
// estimate is the projection on a cone with its apex at the truth, so that both
// errors have the mean of the statistic against the truth: the regular coordinates
// and the supremum of a process. Means of suprema are of 10⁶ draws outside this
// module, with s.e. 0.002. For binmix the process has the correlation of
// (1 + st)^N − 1 − Nst, since two binomial laws with standardised probabilities s
// and t have E(p_s p_t/p₀²) = (1 + st)^N.
func errorsCases() []errorsCase {
	return []errorsCase{
		{"cone2", "cone:d=2", make([]float64, 3), coneErrors(2, 1), 0, true, "law of the projection on the cone, derived here"},
		{"cone10", "cone:d=10", make([]float64, 11), coneErrors(10, 1), 0, true, "law of the projection on the cone, derived here"},
		{"contaminated", "contaminated:bound=3", []float64{0, 1}, 2.1746, 0.002, false, "supremum of the contamination process, |b| ≤ 3, derived here"},
		{"mixture", "mixture:k=2,sd=1,bound=3", []float64{0.5, 0, 0}, 1 + 1.7687, 0.002, false, "mean and supremum of the homogeneity process, |μ| ≤ 3, derived here"},
		{"binmix", "binmix:k=2,trials=5", []float64{0.5, 0.4, 0.4}, 2.0933, 0.002, false, "mean and supremum of the process of two binomial laws, derived here"},
		{"crossing", "crossing:powers=1+1", []float64{0, 0}, 1, 0, false, "the product is one regular coordinate, derived here"},
		{"rrr", "rrr:in=2,hidden=1,out=2", make([]float64, 4), 2 + math.Pi/2, 0, false, "mean largest eigenvalue of a 2×2 Wishart matrix with 2 degrees of freedom, derived here"},
		{"regular", "mixture:k=1,sd=free", []float64{0, 1}, 2, 0, false, "regular theory"},
	}
}

func errorsNames() []string {
	var names []string
	for _, c := range errorsCases() {
		names = append(names, c.name)
	}
	return names
}

func errorsFind(name string) (errorsCase, bool) {
	cases := errorsCases()
	i := slices.IndexFunc(cases, func(c errorsCase) bool { return c.name == name })
	if i < 0 {
		return errorsCase{}, false
	}
	return cases[i], true
}

func errorsData(_ errorsSpec, cell Cell, k mc.Key) (*models.Data, error) {
	c, _ := errorsFind(cell.Text("case"))
	m, err := models.Parse(c.model)
	if err != nil {
		return nil, err
	}
	sh := m.Shape()
	z := models.NewData(cell.Int("n"), sh.P, sh.Q)
	if in, ok := m.(models.Inputter); ok {
		in.Inputs(z, k.Stream("inputs"))
	}
	m.Sample(z, c.truth, k.Stream("data"))
	return z, nil
}

func errorsFit(ctx context.Context, s errorsSpec, cell Cell, k mc.Key) (errorsRow, error) {
	c, _ := errorsFind(cell.Text("case"))
	m, err := models.Parse(c.model)
	if err != nil {
		return errorsRow{}, err
	}
	z, err := errorsData(s, cell, k)
	if err != nil {
		return errorsRow{}, err
	}
	l, err := m.Bind(z)
	if err != nil {
		return errorsRow{}, err
	}
	fit, err := estimation.MultiStart{Starts: s.Starts, Given: [][]float64{c.truth}}.Maximize(ctx, l, nil, k.Stream("starts"))
	if err != nil {
		return errorsRow{}, fmt.Errorf("%s: %w", c.name, err)
	}
	kl, err := singular.Divergence(m, c.truth, models.Rule{})
	if err != nil {
		return errorsRow{}, err
	}
	return errorsRow{
		Gen:    2 * float64(z.N) * kl(fit.Theta),
		Train:  -2 * math.Max(0, fit.LogLik-l.LogLik(c.truth)),
		Status: fit.Status.String(),
	}, nil
}

// drawErrors sets the cases side by side, with theory as a short line over each.
func drawErrors(s errorsSpec, cells []Sample[errorsRow]) (Drawing, error) {
	p := &figs.Panel{Y: "2n × error / d"}
	n := slices.Max(s.N)
	at := 0.0
	for _, c := range cells {
		if c.Cell.Int("n") != n {
			continue
		}
		e, _ := errorsFind(c.Cell.Text("case"))
		d := float64(len(e.truth))
		at++
		if at > 1 {
			p.X += ", "
		}
		p.X += fmt.Sprintf("%g %s", at, e.name)
		g, gse, _ := Mean(func(r errorsRow) float64 { return r.Gen / d })(c)
		t, tse, _ := Mean(func(r errorsRow) float64 { return -r.Train / d })(c)
		p.Series("generalisation error", []float64{at - 0.08}, []float64{g}, []float64{gse})
		p.Series("− training error", []float64{at + 0.08}, []float64{t}, []float64{tse})
		p.Curve("theory: exact, or the limit n → ∞", []float64{at - 0.3, at + 0.3}, []float64{e.theory / d, e.theory / d})
	}
	p.XRange = [2]float64{0.5, at + 0.5}
	p.Reference("regular theory", p.XRange[:], []float64{1, 1})
	f := figs.New(p)
	f.Size = figs.Size{Width: 7.1, Height: 3.4}
	return f, nil
}
