package experiments

import (
	"context"
	"fmt"
	"math"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/selection"
	"github.com/neuromanifold/neuromanifold/singular"
)

type criteriaMLPSpec struct {
	Truths []string `toml:"truths" doc:"none (y = e), one (y = ½φ(x) + e) or close (y = φ(x/2) + φ(2x) + e)"`
	N      []int    `toml:"n" doc:"sample sizes"`
	Most   int      `toml:"most" doc:"largest number of hidden units that is fitted"`
	Starts int      `toml:"starts" doc:"random starts of each fit, beside those from the smaller fit"`
	Draws  int      `toml:"draws" doc:"draws of the limit law"`
}

type criteriaMLPRow struct {
	AIC    int       `parquet:"aic" doc:"number of hidden units that AIC chooses"`
	BIC    int       `parquet:"bic" doc:"the choice of BIC"`
	HQIC   int       `parquet:"hqic" doc:"the choice of HQIC"`
	SBIC   int       `parquet:"sbic" doc:"the choice of the singular BIC"`
	T      float64   `parquet:"t" doc:"likelihood-ratio statistic of one hidden unit against none"`
	Risk   []float64 `parquet:"risk" unit:"nats" doc:"n × KL(truth ‖ maximum-likelihood fit) of each number of hidden units from 0 up"`
	Status string    `parquet:"status" doc:"how the fit of the largest network ended"`
}

// A criteriaMLPTruth is a network with its weights; none has a unit without output.
type criteriaMLPTruth struct {
	name, title string
	units       int
	theta       []float64
}

func criteriaMLPTruths() []criteriaMLPTruth {
	return []criteriaMLPTruth{
		{"none", "no hidden unit", 0, []float64{1, 0}},
		{"one", "one hidden unit", 1, []float64{1, 0.5}},
		{"close", "two close units", 2, []float64{0.5, 2, 1, 1}},
	}
}

func criteriaMLPFind(name string) (criteriaMLPTruth, bool) {
	for _, t := range criteriaMLPTruths() {
		if t.name == name {
			return t, true
		}
	}
	return criteriaMLPTruth{}, false
}

// network is y = Σ v_i φ(w_i x) + e with e, x ~ N(0, 1) and φ(h) = erf(h/√2).
func network(units int) (models.Model, error) {
	return models.Parse(fmt.Sprintf("mlp:hidden=%d", max(units, 1)))
}

var criteriaMLPTally = tally[criteriaMLPRow]{
	names:  []string{"aic", "bic", "hqic", "sbic"},
	choice: func(r criteriaMLPRow, i int) int { return [...]int{r.AIC, r.BIC, r.HQIC, r.SBIC}[i] },
	risk:   func(r criteriaMLPRow) []float64 { return r.Risk },
	truth:  func(c Cell) int { t, _ := criteriaMLPFind(c.Text("truth")); return t.units },
	group:  func(c Cell) string { t, _ := criteriaMLPFind(c.Text("truth")); return t.title },
	x:      func(c Cell) float64 { return c.Float("n") }, xLabel: "n", logX: true, logCost: true,
}

var _ = register(Experiment[criteriaMLPSpec, criteriaMLPRow]{
	Name:    "criteria-mlp",
	Version: 1,
	Doc: `How often each criterion finds the number of hidden units, and what its choice costs.

One input from N(0, 1), erf units, noise of known variance 1. The truth has no unit,
one, or two that a single one nearly replaces, within 0.0009 nats per observation:
there to choose one is to miss the truth and to lose next to nothing until n is in
the thousands. With no unit the likelihood ratio of one is the supremum of a process
over its input weight, not χ² with two degrees of freedom. A choice costs n times the
Kullback-Leibler divergence of its maximum-likelihood fit.`,
	Cite: []string{
		"K. Fukumizu (2003), Likelihood ratio of unidentifiable models and multilayer neural networks, Annals of Statistics 31:833-851",
		"M. Aoyagi, S. Watanabe (2006), Resolution of singularities and the generalization error with Bayesian estimation for layered neural network, Systems and Computers in Japan 37(1):1-17",
		"M. Drton, M. Plummer (2017), A Bayesian information criterion for singular models, Journal of the Royal Statistical Society B 79:323-380",
	},
	Default:    criteriaMLPSpec{Truths: []string{"none", "one", "close"}, N: []int{50, 100, 200}, Most: 2, Starts: 1, Draws: 20000},
	Smoke:      criteriaMLPSpec{Truths: []string{"none", "one"}, N: []int{30}, Most: 2, Starts: 1, Draws: 500},
	Replicates: 40, SmokeReplicates: 3, Chunk: 20,
	Check: func(s criteriaMLPSpec) error {
		if err := checkSizes(s.N, 20); err != nil {
			return err
		}
		for _, name := range s.Truths {
			if _, ok := criteriaMLPFind(name); !ok {
				return KeyError("truths", "%q: allowed is none, one or close", name)
			}
		}
		switch {
		case len(s.Truths) == 0:
			return KeyError("truths", "none given")
		case s.Most < 2 || s.Most > 5:
			return KeyError("most", "%d: allowed is 2 to 5", s.Most)
		case s.Starts < 1:
			return KeyError("starts", "%d: allowed is 1 or more", s.Starts)
		}
		return checkDraws(s.Draws)
	},
	Cells: func(s criteriaMLPSpec) []Cell { return Grid(Axis("truth", s.Truths...), Axis("n", s.N...)) },
	Data:  criteriaMLPData,
	Replicate: func(ctx context.Context, s criteriaMLPSpec, c Cell, k mc.Key) ([]criteriaMLPRow, error) {
		row, err := scoreMLP(ctx, s, c, k)
		return []criteriaMLPRow{row}, err
	},
	Compare: compareCriteriaMLP,
	Figures: []Figure[criteriaMLPSpec, criteriaMLPRow]{
		{Name: "found", Doc: "Share of data sets in which each criterion chooses the true number of hidden units, against the sample size.", Draw: func(_ criteriaMLPSpec, cells []Sample[criteriaMLPRow]) (Drawing, error) {
			return figs.New(criteriaMLPTally.drawFound(cells, len(criteriaMLPTally.names))...), nil
		}},
		{Name: "risk", Doc: "What the choice costs: n times the Kullback-Leibler divergence of the fit chosen.", Draw: func(_ criteriaMLPSpec, cells []Sample[criteriaMLPRow]) (Drawing, error) {
			return figs.New(criteriaMLPTally.drawCost(cells, len(criteriaMLPTally.names))...), nil
		}},
	},
})

func criteriaMLPData(_ criteriaMLPSpec, c Cell, k mc.Key) (*models.Data, error) {
	t, _ := criteriaMLPFind(c.Text("truth"))
	m, err := network(t.units)
	if err != nil {
		return nil, err
	}
	z := models.NewData(c.Int("n"), 1, 1)
	m.(models.Inputter).Inputs(z, k.Stream("inputs"))
	m.Sample(z, t.theta, k.Stream("data"))
	return z, nil
}

func scoreMLP(ctx context.Context, s criteriaMLPSpec, c Cell, k mc.Key) (criteriaMLPRow, error) {
	var row criteriaMLPRow
	z, err := criteriaMLPData(s, c, k)
	if err != nil {
		return row, err
	}
	truth, _ := criteriaMLPFind(c.Text("truth"))
	source, err := network(truth.units)
	if err != nil {
		return row, err
	}
	self, err := models.Population(source, source, truth.theta, models.Rule{})
	if err != nil {
		return row, err
	}
	top := self.LogLik(truth.theta)
	loglik := make([]float64, s.Most+1)
	var parent []estimation.Parent
	for units := range s.Most + 1 {
		m, err := network(units)
		if err != nil {
			return row, err
		}
		theta := []float64{1, 0} // without hidden units
		if units == 0 {
			l, err := m.Bind(z)
			if err != nil {
				return row, err
			}
			loglik[0] = l.LogLik(theta)
		} else {
			rng := k.Stream(fmt.Sprintf("starts %d", units))
			fit, err := estimation.MLE(ctx, m, z, estimation.Options{Starts: s.Starts, Parents: parent, Rand: rng, Each: models.Serial(rng)})
			if err != nil {
				return row, err
			}
			theta, loglik[units], row.Status = fit.Theta, fit.LogLik, fit.Status.String()
			parent = []estimation.Parent{{Model: m, Theta: theta}}
		}
		pop, err := models.Population(m, source, truth.theta, models.Rule{})
		if err != nil {
			return row, err
		}
		row.Risk = append(row.Risk, float64(z.N)*(top-pop.LogLik(theta)))
	}
	row.T = 2 * (loglik[1] - loglik[0])
	least := func(of func(units int) float64) (best int) {
		for u := range loglik {
			if of(u) < of(best) {
				best = u
			}
		}
		return best
	}
	row.AIC = least(func(u int) float64 { return selection.AIC(loglik[u], 2*u) })
	row.BIC = least(func(u int) float64 { return selection.BIC(loglik[u], 2*u, z.N) })
	row.HQIC = least(func(u int) float64 { v, _ := selection.HQIC(loglik[u], 2*u, z.N); return v })
	evidence := selection.SBIC(loglik, z.N, nil, networkCoefficient)
	row.SBIC = least(func(u int) float64 { return -evidence[u] })
	return row, nil
}

// networkCoefficient is the learning coefficient of a network of hidden units at a
// truth that needs fewer, in general position.
func networkCoefficient(units, needs int) (models.Coefficient, bool) {
	if units == needs {
		return models.RegularCoefficient(2 * units), true
	}
	m, err := network(units)
	if err != nil {
		return models.Coefficient{}, false
	}
	at := make([]float64, 2*units)
	for i := range units {
		at[i] = 0.5 + 0.7*float64(i)
		if i < needs {
			at[units+i] = 1
		}
	}
	c, err := singular.RLCT(m, at, models.PriorShape{})
	return c, err == nil
}

func compareCriteriaMLP(_ context.Context, s criteriaMLPSpec, c Cell) ([]Line[criteriaMLPRow], error) {
	lines := criteriaMLPTally.lines(c, len(criteriaMLPTally.names), nil)
	truth, _ := criteriaMLPFind(c.Text("truth"))
	for u := range s.Most + 1 {
		l := Line[criteriaMLPRow]{Name: fmt.Sprintf("n KL of %d units", u), Measure: Mean(func(r criteriaMLPRow) float64 { return r.Risk[u] }), Theory: math.NaN()}
		if u == truth.units {
			l.Theory, l.Limit, l.Route, l.Source = float64(u), u > 0, models.Exact, "half the weights; regular theory"
		}
		lines = append(lines, l)
	}
	if truth.units > 0 {
		return lines, nil
	}
	limit, err := runLaw("erf-unit", map[string]float64{"bound": 10}, s.Draws, 2)
	if err != nil {
		return nil, err
	}
	above := limit.PValue(4)
	return append(lines, Line[criteriaMLPRow]{
		Name: "P(aic prefers one unit), 0.135 if regular", Measure: Fraction(func(r criteriaMLPRow) bool { return r.T > 4 }),
		Theory: above.Value, TheorySE: above.SE, Limit: true, Route: models.MonteCarlo, Source: "process of the normalised unit, |w| ≤ 10, derived here",
	}), nil
}
