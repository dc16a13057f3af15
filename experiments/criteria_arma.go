package experiments

import (
	"context"
	"fmt"
	"math"

	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

type criteriaARMASpec struct {
	Truths    []string `toml:"truths" doc:"noise (white), ar (φ = 0.5) or near (φ = 0.5, θ = −0.3: pole and zero almost cancel)"`
	N         []int    `toml:"n" doc:"lengths of the series"`
	Most      int      `toml:"most" doc:"largest p and q that are fitted"`
	Starts    int      `toml:"starts" doc:"random starts of each fit, beside those from the smaller fits"`
	Particles int      `toml:"particles" doc:"particles of each of four runs of sequential Monte Carlo, for fe; 0 leaves it out"`
	Draws     int      `toml:"draws" doc:"draws of the limit law"`
}

type criteriaARMARow struct {
	AIC    int       `parquet:"aic" doc:"the choice of AIC: p (most + 1) + q for the order (p, q)"`
	BIC    int       `parquet:"bic" doc:"the choice of BIC"`
	HQIC   int       `parquet:"hqic" doc:"the choice of HQIC"`
	SBIC   int       `parquet:"sbic" doc:"the choice of the singular BIC"`
	FE     int       `parquet:"fe" doc:"the choice of the free energy; −1 where it was left out"`
	AR     float64   `parquet:"ar" doc:"likelihood-ratio statistic of AR(1) against white noise"`
	ARMA   float64   `parquet:"arma" doc:"likelihood-ratio statistic of ARMA(1,1) against white noise"`
	Risk   []float64 `parquet:"risk" unit:"nats" doc:"n × rate of KL(truth ‖ maximum-likelihood fit) of every order"`
	Status string    `parquet:"status" doc:"how the fit of the largest model ended"`
}

// criteriaARMATruth is an ARMA(1,1) process: φ and θ.
type criteriaARMATruth struct {
	name, title string
	p, q        int
	theta       []float64
}

func criteriaARMATruths() []criteriaARMATruth {
	return []criteriaARMATruth{
		{"noise", "white noise", 0, 0, []float64{0, 0}},
		{"ar", "AR(1), φ = 0.5", 1, 0, []float64{0.5, 0}},
		{"near", "φ = 0.5, θ = −0.3", 1, 1, []float64{0.5, -0.3}},
	}
}

func criteriaARMAFind(name string) (criteriaARMATruth, bool) {
	for _, t := range criteriaARMATruths() {
		if t.name == name {
			return t, true
		}
	}
	return criteriaARMATruth{}, false
}

func criteriaARMATally(s criteriaARMASpec) tally[criteriaARMARow] {
	truth := func(c Cell) criteriaARMATruth { t, _ := criteriaARMAFind(c.Text("truth")); return t }
	names := []string{"aic", "bic", "hqic", "sbic", "fe"}
	if s.Particles == 0 {
		names = names[:4]
	}
	return tally[criteriaARMARow]{
		names:  names,
		choice: func(r criteriaARMARow, i int) int { return *r.choice(i) },
		risk:   func(r criteriaARMARow) []float64 { return r.Risk },
		truth:  func(c Cell) int { t := truth(c); return t.p*(s.Most+1) + t.q },
		group:  func(c Cell) string { return truth(c).title },
		x:      func(c Cell) float64 { return c.Float("n") }, xLabel: "n", logX: true, logCost: true,
	}
}

// choice returns the column of criterion i.
func (r *criteriaARMARow) choice(i int) *int {
	return [...]*int{&r.AIC, &r.BIC, &r.HQIC, &r.SBIC, &r.FE}[i]
}

var _ = register(Experiment[criteriaARMASpec, criteriaARMARow]{
	Name:    "criteria-arma",
	Version: 2,
	Doc: `How often each criterion finds the orders of an ARMA process, and what its choice costs.

The innovations have known variance 1. Where pole and zero cancel, or nearly so, a
larger model has a whole line of parameters for the truth: AIC then prefers
ARMA(1,1) to white noise far more often than regular theory allows, and BIC charges
log n for what costs 1/2 log n. A choice costs n times the Kullback-Leibler rate of
its maximum-likelihood fit; rare fits whose pole and zero cancel close to the unit
circle, and remember long, dominate the mean costs. Below the tallies stand the likelihood ratios behind
them: AR(1) against white noise, a regular pair, and ARMA(1,1), a singular one.`,
	Cite: []string{
		"E. J. Hannan (1982), Testing for autocorrelation and Akaike's criterion, Journal of Applied Probability 19A:403-412",
		"M. Drton, M. Plummer (2017), A Bayesian information criterion for singular models, Journal of the Royal Statistical Society B 79:323-380",
	},
	Default:    criteriaARMASpec{Truths: []string{"noise", "ar", "near"}, N: []int{50, 150, 500}, Most: 1, Starts: 2, Particles: 60, Draws: 20000},
	Smoke:      criteriaARMASpec{Truths: []string{"noise", "near"}, N: []int{30}, Most: 1, Starts: 1, Particles: 16, Draws: 500},
	Replicates: 100, SmokeReplicates: 3, Chunk: 20,
	Check: func(s criteriaARMASpec) error {
		if err := checkSizes(s.N, 20); err != nil {
			return err
		}
		for _, name := range s.Truths {
			if _, ok := criteriaARMAFind(name); !ok {
				return KeyError("truths", "%q: allowed is noise, ar or near", name)
			}
		}
		switch {
		case len(s.Truths) == 0:
			return KeyError("truths", "none given")
		case s.Most < 1 || s.Most > 4:
			return KeyError("most", "%d: allowed is 1 to 4", s.Most)
		case s.Starts < 1:
			return KeyError("starts", "%d: allowed is 1 or more", s.Starts)
		case s.Particles != 0 && s.Particles < 16:
			return KeyError("particles", "%d: allowed is 0, or 16 or more", s.Particles)
		}
		return checkDraws(s.Draws)
	},
	Cells: func(s criteriaARMASpec) []Cell { return Grid(Axis("truth", s.Truths...), Axis("n", s.N...)) },
	Data:  criteriaARMAData,
	Replicate: func(ctx context.Context, s criteriaARMASpec, c Cell, k mc.Key) ([]criteriaARMARow, error) {
		row, err := scoreARMA(ctx, s, c, k)
		return []criteriaARMARow{row}, err
	},
	Compare: compareCriteriaARMA,
	Figures: []Figure[criteriaARMASpec, criteriaARMARow]{
		{Name: "found", Doc: "Share of series in which each criterion chooses the true orders, against their length.", Draw: func(s criteriaARMASpec, cells []Sample[criteriaARMARow]) (Drawing, error) {
			t := criteriaARMATally(s)
			return figs.New(t.drawFound(cells, len(t.names))...), nil
		}},
		{Name: "risk", Doc: "What the choice costs: n times the Kullback-Leibler rate of the fit of the orders chosen.", Draw: func(s criteriaARMASpec, cells []Sample[criteriaARMARow]) (Drawing, error) {
			t := criteriaARMATally(s)
			return figs.New(t.drawCost(cells, len(t.names))...), nil
		}},
	},
})

func criteriaARMAData(_ criteriaARMASpec, c Cell, k mc.Key) (*models.Data, error) {
	t, _ := criteriaARMAFind(c.Text("truth"))
	m, err := models.NewARMA(1, 1, models.ARMASettings{Var: 1})
	if err != nil {
		return nil, err
	}
	z := models.NewData(c.Int("n"), 0, 1)
	m.Sample(z, t.theta, k.Stream("data"))
	return z, nil
}

func scoreARMA(ctx context.Context, s criteriaARMASpec, c Cell, k mc.Key) (criteriaARMARow, error) {
	row := criteriaARMARow{FE: -1}
	z, err := criteriaARMAData(s, c, k)
	if err != nil {
		return row, err
	}
	names := criteriaARMATally(s).names
	orders := make([]int, s.Most+1)
	for i := range orders {
		orders[i] = i
	}
	t, err := compareOrders(ctx, "arma:var=1", [][]int{orders, orders}, z, names, s.Starts, s.Particles, k)
	if err != nil {
		return row, err
	}
	row.Status = t.Rows[len(t.Rows)-1].Fit.Status.String()
	for i, name := range names {
		*row.choice(i) = t.Choice[t.Of(name)]
	}
	row.AR = 2 * (t.Rows[s.Most+1].Fit.LogLik - t.Rows[0].Fit.LogLik)
	row.ARMA = 2 * (t.Rows[s.Most+2].Fit.LogLik - t.Rows[0].Fit.LogLik)
	// The divergence is between points of one model: of the largest one.
	truth, _ := criteriaARMAFind(c.Text("truth"))
	whole := t.Rows[len(t.Rows)-1].Model
	at := make([]float64, models.Dim(whole))
	at[0], at[s.Most] = truth.theta[0], truth.theta[1]
	kl, err := singular.Divergence(whole, at, models.Rule{})
	if err != nil {
		return row, err
	}
	for _, r := range t.Rows {
		embedded := make([]float64, len(at))
		if !whole.(models.Nester).Embed(embedded, r.Model, r.Fit.Theta) {
			return row, fmt.Errorf("%v does not contain %v", whole, r.Model)
		}
		row.Risk = append(row.Risk, float64(z.N)*kl(embedded))
	}
	return row, nil
}

func compareCriteriaARMA(_ context.Context, s criteriaARMASpec, c Cell) ([]Line[criteriaARMARow], error) {
	t := criteriaARMATally(s)
	lines := t.lines(c, len(t.names), nil)
	truth, _ := criteriaARMAFind(c.Text("truth"))
	own := Line[criteriaARMARow]{Name: "n KL of the true orders", Measure: Mean(func(r criteriaARMARow) float64 { return r.Risk[t.truth(c)] }), Theory: float64(truth.p+truth.q) / 2, Route: models.Exact, Source: "half the coordinates; regular theory"}
	own.Limit = own.Theory > 0
	lines = append(lines, own)
	if truth.name != "noise" {
		return lines, nil
	}
	limit, err := runLaw("arma11", map[string]float64{"bound": 0.99}, s.Draws, 2)
	if err != nil {
		return nil, err
	}
	above := limit.PValue(4)
	return append(lines,
		Line[criteriaARMARow]{
			Name: "P(aic prefers AR(1) to white noise)", Measure: Fraction(func(r criteriaARMARow) bool { return r.AR > 2 }),
			Theory: math.Erfc(1), Limit: true, Route: models.Exact, Source: "χ²(1), regular",
		},
		Line[criteriaARMARow]{
			Name: "P(aic prefers ARMA(1,1)), 0.135 if regular", Measure: Fraction(func(r criteriaARMARow) bool { return r.ARMA > 4 }),
			Theory: above.Value, TheorySE: above.SE, Limit: true, Route: models.MonteCarlo, Source: "sech process, |ρ| ≤ 0.99, derived here; Veres (1987)",
		},
	), nil
}
