package experiments

import (
	"context"
	"fmt"
	"math"

	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
)

type criteriaMixtureSpec struct {
	N          []int     `toml:"n" doc:"sample sizes"`
	Separation []float64 `toml:"separation" doc:"distance of the two true means in standard deviations; 0 is one component"`
	Most       int       `toml:"most" doc:"largest number of components that is fitted"`
	Bound      float64   `toml:"bound" doc:"every mean is held to [−bound, bound], where the prior is uniform"`
	Starts     int       `toml:"starts" doc:"random starts of each fit, beside those from the smaller fits"`
	Particles  int       `toml:"particles" doc:"particles of each of four runs of sequential Monte Carlo, for loo and fe; 0 leaves these two out"`
}

type criteriaMixtureRow struct {
	AIC    int       `parquet:"aic" doc:"number of components that AIC chooses"`
	TIC    int       `parquet:"tic" doc:"the choice of TIC"`
	BIC    int       `parquet:"bic" doc:"the choice of BIC"`
	SBIC   int       `parquet:"sbic" doc:"the choice of the singular BIC with exact learning coefficients"`
	LOO    int       `parquet:"loo" doc:"the choice of Pareto-smoothed leave-one-out cross-validation; 0 where it was left out"`
	FE     int       `parquet:"fe" doc:"the choice of the free energy; 0 where it was left out"`
	Risk   []float64 `parquet:"risk" doc:"n × KL(truth ‖ maximum-likelihood fit) in nats of each number of components from 1 up"`
	Status string    `parquet:"status" doc:"how the fit of the largest model ended"`
}

var criteriaMixtureTally = tally[criteriaMixtureRow]{
	names:  []string{"aic", "tic", "bic", "sbic", "loo", "fe"},
	shown:  []string{"aic", "bic", "sbic", "loo", "fe"}, // TIC is near AIC
	choice: func(r criteriaMixtureRow, i int) int { return *r.choice(i) - 1 },
	risk:   func(r criteriaMixtureRow) []float64 { return r.Risk },
	truth: func(c Cell) int {
		if c.Float("separation") > 0 {
			return 1
		}
		return 0
	},
	group: func(c Cell) string {
		if d := c.Float("separation"); d > 0 {
			return fmt.Sprintf("means %g apart", d)
		}
		return "one component"
	},
	x: func(c Cell) float64 { return c.Float("n") }, xLabel: "n", logX: true,
}

// choice returns the column of criterion i.
func (r *criteriaMixtureRow) choice(i int) *int {
	return [...]*int{&r.AIC, &r.TIC, &r.BIC, &r.SBIC, &r.LOO, &r.FE}[i]
}

// criteriaMixtureCount is the number of criteria in use; the last two need particles.
func criteriaMixtureCount(s criteriaMixtureSpec) int {
	if s.Particles == 0 {
		return 4
	}
	return len(criteriaMixtureTally.names)
}

var _ = register(Experiment[criteriaMixtureSpec, criteriaMixtureRow]{
	Name:    "criteria-mixture",
	Version: 4,
	Doc: `How often each criterion finds the number of components, and what its choice costs.

Data are drawn from one normal, or from two of equal weight at the given distance;
the variance is known. Mixtures of rising order are fitted and scored. A choice
costs n × KL(truth ‖ fit) nats, the fit being that of maximum likelihood of the
order chosen, whatever the criterion. The one-component fit to one component costs
1/2 on average. To find the truth and to cost little are two aims: the table has
both, and neither says that a criterion is wrong about the other.`,
	Cite: []string{
		"M. Drton, M. Plummer (2017), A Bayesian information criterion for singular models, Journal of the Royal Statistical Society B 79:323-380",
		"B. G. Leroux (1992), Consistent estimation of a mixing distribution, Annals of Statistics 20:1350-1360",
	},
	Default:    criteriaMixtureSpec{N: []int{50, 200, 800}, Separation: []float64{0, 2, 3}, Most: 3, Bound: 6, Starts: 4, Particles: 100},
	Smoke:      criteriaMixtureSpec{N: []int{30}, Separation: []float64{0, 3}, Most: 2, Bound: 6, Starts: 1, Particles: 16},
	Replicates: 100, SmokeReplicates: 3,
	Check: func(s criteriaMixtureSpec) error {
		if err := checkSizes(s.N, 10); err != nil {
			return err
		}
		for _, d := range s.Separation {
			if !(d >= 0 && d < 2*s.Bound) {
				return KeyError("separation", "%v: allowed is from 0 to below 2 × bound", d)
			}
		}
		switch {
		case len(s.Separation) == 0:
			return KeyError("separation", "none given")
		case s.Most < 2 || s.Most > 10:
			return KeyError("most", "%d: allowed is 2 to 10", s.Most)
		case !(s.Bound > 0 && s.Bound <= 30):
			return KeyError("bound", "%v: allowed is above 0 and at most 30", s.Bound)
		case s.Starts < 1:
			return KeyError("starts", "%d: allowed is 1 or more", s.Starts)
		case s.Particles != 0 && s.Particles < 16:
			return KeyError("particles", "%d: allowed is 0, or 16 or more", s.Particles)
		}
		return nil
	},
	Cells: func(s criteriaMixtureSpec) []Cell {
		return Grid(Axis("n", s.N...), Axis("separation", s.Separation...))
	},
	Data:      criteriaMixtureData,
	Replicate: replicateCriteriaMixture,
	Compare: func(_ context.Context, s criteriaMixtureSpec, c Cell) ([]Line[criteriaMixtureRow], error) {
		lines := criteriaMixtureTally.lines(c, criteriaMixtureCount(s), nil)
		one := Line[criteriaMixtureRow]{Name: "n KL of one component", Theory: math.NaN(),
			Measure: Mean(func(r criteriaMixtureRow) float64 { return r.Risk[0] })}
		if criteriaMixtureTally.truth(c) == 0 {
			// n x̄²/2 for n x̄² ~ χ²₁; the bound on the mean is far away.
			one.Theory, one.Route, one.Source = 0.5, models.Exact, "χ² with one degree of freedom, halved"
		}
		return append(lines, one), nil
	},
	Figures: []Figure[criteriaMixtureSpec, criteriaMixtureRow]{
		{Name: "found", Doc: "Share of data sets in which each criterion chooses the true number of components, against the sample size.", Draw: func(s criteriaMixtureSpec, cells []Sample[criteriaMixtureRow]) (Drawing, error) {
			return figs.New(criteriaMixtureTally.drawFound(cells, criteriaMixtureCount(s))...), nil
		}},
		{Name: "risk", Doc: "What the choice costs: n times the Kullback-Leibler divergence of the fit of the order chosen.", Draw: func(s criteriaMixtureSpec, cells []Sample[criteriaMixtureRow]) (Drawing, error) {
			return figs.New(criteriaMixtureTally.drawCost(cells, criteriaMixtureCount(s))...), nil
		}},
	},
})

// criteriaMixtureTruth returns the law of the data.
func criteriaMixtureTruth(c Cell, bound float64) (*models.Mixture, []float64, error) {
	k := criteriaMixtureTally.truth(c) + 1
	m, err := models.NewMixture(models.MixtureSettings{K: k, Variance: models.VarKnown, Bound: bound})
	if k == 1 {
		return m, []float64{0}, err
	}
	d := c.Float("separation") / 2
	return m, []float64{0.5, -d, d}, err
}

func criteriaMixtureData(s criteriaMixtureSpec, c Cell, k mc.Key) (*models.Data, error) {
	m, theta, err := criteriaMixtureTruth(c, s.Bound)
	if err != nil {
		return nil, err
	}
	z := models.NewData(c.Int("n"), 0, 1)
	m.Sample(z, theta, k.Stream("data"))
	return z, nil
}

func replicateCriteriaMixture(ctx context.Context, s criteriaMixtureSpec, c Cell, k mc.Key) ([]criteriaMixtureRow, error) {
	z, err := criteriaMixtureData(s, c, k)
	if err != nil {
		return nil, err
	}
	truth, at, err := criteriaMixtureTruth(c, s.Bound)
	if err != nil {
		return nil, err
	}
	names := criteriaMixtureTally.names[:criteriaMixtureCount(s)]
	orders := make([]int, s.Most)
	for i := range orders {
		orders[i] = i + 1
	}
	t, err := compareOrders(ctx, fmt.Sprintf("mixture:sd=1,bound=%g", s.Bound), [][]int{orders}, z, names, s.Starts, s.Particles, k)
	if err != nil {
		return nil, err
	}
	row := criteriaMixtureRow{Status: t.Rows[len(t.Rows)-1].Fit.Status.String()}
	for i, name := range names {
		if best := t.Choice[t.Of(name)]; best >= 0 {
			*row.choice(i) = best + 1
		}
	}
	self, err := models.Population(truth, truth, at, models.Rule{})
	if err != nil {
		return nil, err
	}
	top := self.LogLik(at)
	for _, r := range t.Rows {
		l, err := models.Population(r.Model, truth, at, models.Rule{})
		if err != nil {
			return nil, err
		}
		row.Risk = append(row.Risk, float64(z.N)*(top-l.LogLik(r.Fit.Theta)))
	}
	return []criteriaMixtureRow{row}, nil
}
