package experiments

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
)

type waicBiasSpec struct {
	Cases []string `toml:"cases" doc:"truths by name, as cone5 or contaminated"`
	N     []int    `toml:"n" doc:"sample sizes"`
}

type waicBiasRow struct {
	Gen    float64 `parquet:"gen" unit:"nats" doc:"n × generalisation error KL(truth ‖ Bayes predictive)"`
	Train  float64 `parquet:"train" unit:"nats" doc:"n × training error of the predictive, Σ log p_true/p over the data"`
	WAIC   float64 `parquet:"waic" unit:"nats" doc:"n × WAIC less the entropy of the data, variance form"`
	Gibbs  float64 `parquet:"gibbs" unit:"nats" doc:"n × WAIC less the entropy of the data, Gibbs form"`
	LOO    float64 `parquet:"loo" unit:"nats" doc:"n × exact leave-one-out cross-validation less the entropy of the data"`
	Nu     float64 `parquet:"nu" doc:"½ Σ Var ℓ_i, whose mean tends to the singular fluctuation ν"`
	Err    float64 `parquet:"err" unit:"nats" doc:"largest change of a number of this row from the last refinement of its quadrature; 0 for a closed form"`
	Status string  `parquet:"status" doc:"iteration limit where the quadrature did not come down to 1e-3"`
}

var _ = register(Experiment[waicBiasSpec, waicBiasRow]{
	Name:    "waic-bias",
	Version: 3,
	Doc: `Whether WAIC and leave-one-out estimate the generalisation error, singular or not.

Posteriors are in closed form or by quadrature that is refined until no number moves by
a thousandth of a nat, so that nothing but the criteria is on trial. At a regular
truth and at singular ones alike E[WAIC] is the mean generalisation error to first
order, about λ/n, and leave-one-out is that of n − 1 rows exactly; the training error
is off by 2ν/n. But what WAIC estimates is the mean: data by data it moves against
the error, G + WAIC being nearly constant, 2λ/n (Watanabe 2010), so that a lucky
sample looks bad. Errors are relative to the entropy of the truth, of the data for
the criteria.`,
	Cite: []string{
		"S. Watanabe (2010), Asymptotic equivalence of Bayes cross validation and widely applicable information criterion in singular learning theory, Journal of Machine Learning Research 11:3571-3594",
		"A. Gelman, J. Hwang, A. Vehtari (2014), Understanding predictive information criteria for Bayesian models, Statistics and Computing 24:997-1016",
	},
	Default:    waicBiasSpec{Cases: waicBiasNames(), N: []int{20, 50, 100, 200}},
	Smoke:      waicBiasSpec{Cases: []string{"normal", "cone1", "unit"}, N: []int{20}},
	Replicates: 200,
	Check: func(s waicBiasSpec) error {
		if err := checkSizes(s.N, 5); err != nil {
			return err
		}
		if len(s.Cases) == 0 {
			return KeyError("cases", "none given")
		}
		for _, name := range s.Cases {
			if _, ok := waicBiasFind(name); !ok {
				return KeyError("cases", "%q: known are %v", name, waicBiasNames())
			}
		}
		return nil
	},
	Cells: func(s waicBiasSpec) []Cell { return Grid(Axis("case", s.Cases...), Axis("n", s.N...)) },
	Data:  waicBiasData,
	Replicate: func(_ context.Context, s waicBiasSpec, c Cell, k mc.Key) ([]waicBiasRow, error) {
		z, err := waicBiasData(s, c, k)
		if err != nil {
			return nil, err
		}
		w, _ := waicBiasFind(c.Text("case"))
		row, err := w.score(z)
		row.Status = Converged
		if row.Err > waicTol {
			row.Status = IterationLimit
		}
		return []waicBiasRow{row}, err
	},
	Compare: compareWAICBias,
	Figures: []Figure[waicBiasSpec, waicBiasRow]{
		{Name: "bias", Doc: "Mean of the criteria less the mean generalisation error, times n: WAIC and leave-one-out are right to O(1/n) of it, the training error is off by 2ν. First three cases.", Draw: drawWAICBias},
		{Name: "against", Doc: "WAIC against the generalisation error of the same data, at the largest n of the first three cases: they move against each other along the line G + WAIC = 2λ/n (dashed).", Draw: drawWAICAgainst},
	},
})

// A waicBiasCase is a truth with what is known of it.
type waicBiasCase struct {
	name, model string
	truth       []float64
	lambda      float64
	nu          float64 // NaN where it is not known
	exact       bool    // E_gen is λ log(1 + 1/n) at every n
	source      string
	score       func(z *models.Data) (waicBiasRow, error)
}

// waicBiasCases is a function so that no one can change it. ν of the cones is half of
// E[Z·∇ log P], by deterministic quadrature (numpy).
func waicBiasCases() []waicBiasCase {
	const scale = "scale-free posterior, derived here"
	return []waicBiasCase{
		{"normal", "mixture:k=1,sd=1", []float64{0}, 0.5, 0.5, true, "one regular parameter, flat prior", scoreNormal},
		{"cone1", "cone:d=1", make([]float64, 2), 0.5, 1.5977 / 2, true, scale, func(z *models.Data) (waicBiasRow, error) { return scoreConeWAIC(z, 1) }},
		{"contaminated", "contaminated:bound=4", []float64{0, 0}, 0.5, math.NaN(), false, "λ = 1/2, m = 2", func(z *models.Data) (waicBiasRow, error) { return refined(z, scoreContaminated) }},
		{"cone5", "cone:d=5", make([]float64, 6), 0.5, 2.0226 / 2, true, scale, func(z *models.Data) (waicBiasRow, error) { return scoreConeWAIC(z, 5) }},
		{"unit", "mlp:hidden=1", []float64{1, 0}, 0.5, math.NaN(), false, "λ = 1/2, m = 2", func(z *models.Data) (waicBiasRow, error) { return refined(z, scoreUnit) }},
	}
}

func waicBiasNames() []string {
	var names []string
	for _, c := range waicBiasCases() {
		names = append(names, c.name)
	}
	return names
}

func waicBiasFind(name string) (waicBiasCase, bool) {
	cases := waicBiasCases()
	i := slices.IndexFunc(cases, func(c waicBiasCase) bool { return c.name == name })
	if i < 0 {
		return waicBiasCase{}, false
	}
	return cases[i], true
}

func waicBiasData(_ waicBiasSpec, c Cell, k mc.Key) (*models.Data, error) {
	w, _ := waicBiasFind(c.Text("case"))
	m, err := models.Parse(w.model)
	if err != nil {
		return nil, err
	}
	sh := m.Shape()
	z := models.NewData(c.Int("n"), sh.P, sh.Q)
	if in, ok := m.(models.Inputter); ok {
		in.Inputs(z, k.Stream("inputs"))
	}
	m.Sample(z, w.truth, k.Stream("data"))
	return z, nil
}

func compareWAICBias(_ context.Context, _ waicBiasSpec, c Cell) ([]Line[waicBiasRow], error) {
	w, _ := waicBiasFind(c.Text("case"))
	n := c.Float("n")
	const first = "equal means, Watanabe (2010)"
	mean := func(name string, f func(r waicBiasRow) float64, theory float64, limit bool, source string) Line[waicBiasRow] {
		l := Line[waicBiasRow]{Name: name, Measure: Mean(f), Theory: theory}
		if !math.IsNaN(theory) {
			l.Limit, l.Route, l.Source = limit, models.Exact, source
		}
		return l
	}
	gen, last := w.lambda, w.lambda
	if w.exact {
		gen = n * w.lambda * math.Log1p(1/n)
		last = n * w.lambda * math.Log1p(1/(n-1))
	}
	return []Line[waicBiasRow]{
		mean("n E_gen", func(r waicBiasRow) float64 { return r.Gen }, gen, !w.exact, w.source),
		mean("n E_train", func(r waicBiasRow) float64 { return r.Train }, w.lambda-2*w.nu, true, "λ − 2ν"),
		mean("n E[LOO]", func(r waicBiasRow) float64 { return r.LOO }, last, !w.exact, "n × E_gen of n − 1 rows; "+w.source),
		mean("n (WAIC − G)", func(r waicBiasRow) float64 { return r.WAIC - r.Gen }, 0, true, first),
		mean("n (WAIC, Gibbs form, − G)", func(r waicBiasRow) float64 { return r.Gibbs - r.Gen }, 0, true, first),
		mean("n (LOO − G)", func(r waicBiasRow) float64 { return r.LOO - r.Gen }, 0, true, first),
		mean("n (training error − G)", func(r waicBiasRow) float64 { return r.Train - r.Gen }, -2*w.nu, true, "−2ν"),
		mean("ν", func(r waicBiasRow) float64 { return r.Nu }, w.nu, true, w.source),
		mean("n (G + LOO)", func(r waicBiasRow) float64 { return r.Gen + r.LOO }, gen+last, !w.exact, "both means; "+w.source),
		mean("n (G + WAIC)", func(r waicBiasRow) float64 { return r.Gen + r.WAIC }, 2*w.lambda, true, "2λ, Watanabe (2010)"),
		{
			Name: "correlation of G and WAIC",
			Measure: Jackknife(func(rows []waicBiasRow) float64 {
				return correlation(rows, func(r waicBiasRow) float64 { return r.Gen }, func(r waicBiasRow) float64 { return r.WAIC })
			}),
			Theory: -1, Limit: true, Route: models.Exact, Source: "G + WAIC → 2λ/n, Watanabe (2010)",
		},
		{Name: "error of the quadrature (nats)", Measure: Mean(func(r waicBiasRow) float64 { return r.Err }), Theory: math.NaN()},
	}, nil
}

func drawWAICBias(s waicBiasSpec, cells []Sample[waicBiasRow]) (Drawing, error) {
	var panels []*figs.Panel
	for _, name := range s.Cases[:min(3, len(s.Cases))] {
		p := &figs.Panel{Title: name, X: "n", Y: "n × (mean criterion − mean error)", LogX: true}
		for _, e := range []struct {
			name string
			of   func(r waicBiasRow) float64
		}{
			{"WAIC", func(r waicBiasRow) float64 { return r.WAIC }},
			{"WAIC, Gibbs form", func(r waicBiasRow) float64 { return r.Gibbs }},
			{"leave-one-out", func(r waicBiasRow) float64 { return r.LOO }},
			{"training error", func(r waicBiasRow) float64 { return r.Train }},
		} {
			var x, v, se []float64
			for _, c := range cells {
				if c.Cell.Text("case") == name {
					m, err, _ := Mean(func(r waicBiasRow) float64 { return e.of(r) - r.Gen })(c)
					x, v, se = append(x, c.Cell.Float("n")), append(v, m), append(se, err)
				}
			}
			p.Series(e.name, x, v, se)
		}
		if lo, hi := float64(slices.Min(s.N)), float64(slices.Max(s.N)); lo < hi {
			p.Reference("no bias", []float64{lo, hi}, []float64{0, 0})
			if w, _ := waicBiasFind(name); !math.IsNaN(w.nu) {
				p.Curve("−2ν", []float64{lo, hi}, []float64{-2 * w.nu, -2 * w.nu})
			}
		}
		panels = append(panels, p)
	}
	return figs.New(panels...), nil
}

func drawWAICAgainst(s waicBiasSpec, cells []Sample[waicBiasRow]) (Drawing, error) {
	var panels []*figs.Panel
	n := slices.Max(s.N)
	for _, c := range cells {
		if c.Cell.Int("n") != n || len(panels) == 3 {
			continue
		}
		w, _ := waicBiasFind(c.Cell.Text("case"))
		var x, y []float64
		top := 0.0
		for _, r := range c.Rows {
			x, y = append(x, r.Gen), append(y, r.WAIC)
			top = max(top, r.Gen)
		}
		p := &figs.Panel{Title: fmt.Sprintf("%s, n = %d", w.name, n), X: "n × generalisation error", Y: "n × WAIC"}
		p.Points("data sets", x, y)
		p.Reference("G + WAIC = 2λ/n", []float64{0, top}, []float64{2 * w.lambda, 2*w.lambda - top})
		panels = append(panels, p)
	}
	return figs.New(panels...), nil
}
