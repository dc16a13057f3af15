package experiments

import (
	"context"
	"math"
	"slices"

	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

type lrtGrowthSpec struct {
	N     []int    `toml:"n" doc:"sample sizes"`
	Kinds []string `toml:"kinds" doc:"contaminated (mean without a bound), arma (ARMA(1,1) up to the unit circle), step and steps (one and two redundant step units)"`
}

type lrtGrowthRow struct {
	T      float64 `parquet:"t" doc:"likelihood-ratio statistic without a bound on the parameters"`
	Status string  `parquet:"status" doc:"how the search ended"`
}

var _ = register(Experiment[lrtGrowthSpec, lrtGrowthRow]{
	Name:    "lrt-growth",
	Version: 1,
	Doc: `Likelihood ratios that grow without bound, and how slowly.

Without a bound on the parameters the set of limit scores is not compact and the
statistic tends to infinity: like log log n for a contaminated normal, for
ARMA(1,1) on white noise and for one redundant step unit, like 2 log n for two
step units, whose difference can single out any interval of the inputs. The limit
columns are Gumbel approximations (contaminated, arma) or leading orders (step,
steps); their distance from what is measured at real n is the point.`,
	Cite: []string{
		"X. Liu, Y. Shao (2004), Asymptotics for the likelihood ratio test in a two-component normal mixture model, J. Statist. Plann. Inference 123:61-81",
		"S. Veres (1987), Asymptotic distributions of likelihood ratios for overparametrized ARMA processes, Journal of Time Series Analysis 8:345-357",
		"K. Fukumizu (2003), Likelihood ratio of unidentifiable models and multilayer neural networks, Annals of Statistics 31:833-851",
		"D. A. Darling, P. Erdős (1956), A limit theorem for the maximum of normalized sums of independent random variables, Duke Math. J. 23:143-155",
	},
	Default:    lrtGrowthSpec{N: []int{32, 128, 512, 2048}, Kinds: []string{"contaminated", "arma", "step", "steps"}},
	Smoke:      lrtGrowthSpec{N: []int{16, 32}, Kinds: []string{"contaminated", "arma", "step", "steps"}},
	Replicates: 1000,
	Check: func(s lrtGrowthSpec) error {
		if err := checkSizes(s.N, 8); err != nil {
			return err
		}
		for _, k := range s.Kinds {
			if !slices.Contains([]string{"contaminated", "arma", "step", "steps"}, k) {
				return KeyError("kinds", "%q: allowed is contaminated, arma, step or steps", k)
			}
		}
		if len(s.Kinds) == 0 {
			return KeyError("kinds", "none given")
		}
		return nil
	},
	Cells: func(s lrtGrowthSpec) []Cell { return Grid(Axis("kind", s.Kinds...), Axis("n", s.N...)) },
	Data: func(_ lrtGrowthSpec, c Cell, k mc.Key) (*models.Data, error) {
		return whiteNoise(c.Int("n"), k), nil
	},
	Replicate: func(_ context.Context, _ lrtGrowthSpec, c Cell, k mc.Key) ([]lrtGrowthRow, error) {
		z := whiteNoise(c.Int("n"), k)
		return []lrtGrowthRow{{T: growthStatistic(c.Text("kind"), z.V), Status: Converged}}, nil
	},
	Compare: compareLRTGrowth,
	Figures: []Figure[lrtGrowthSpec, lrtGrowthRow]{{
		Name: "growth", Doc: "Mean statistic against n. Two step units gain 2 log n; the others crawl like log log n.", Draw: drawLRTGrowth,
	}},
})

func growthStatistic(kind string, x []float64) float64 {
	switch kind {
	case "contaminated":
		return contaminatedStatistic(x)
	case "arma":
		// Beyond 1 − 1/n² the recursion forgets nothing within the series.
		reach := math.Atanh(1 - 1/float64(len(x)*len(x)))
		_, t := maximize1(func(s float64) float64 { t, _ := cssGain(x, math.Tanh(s)); return t }, -reach, reach, 9+int(8*reach))
		return t
	case "step":
		return oneStep(x)
	}
	return twoSteps(x)
}

// contaminatedStatistic is the statistic of contaminatedFit over every b: a
// component beyond the data's extremes by more than 1 gains nothing.
func contaminatedStatistic(x []float64) float64 {
	t, _, _ := contaminatedFit(x, slices.Min(x)-1, slices.Max(x)+1)
	return t
}

// oneStep is the gain of one step unit on ordered inputs with unit noise: the
// best prefix or suffix, max S²/length.
func oneStep(x []float64) float64 {
	total := 0.0
	for _, v := range x {
		total += v
	}
	best, s := 0.0, 0.0
	for i, v := range x {
		s += v
		best = math.Max(best, s*s/float64(i+1))
		if rest := len(x) - i - 1; rest > 0 {
			best = math.Max(best, (total-s)*(total-s)/float64(rest))
		}
	}
	return best
}

// twoSteps is a lower bound on the gain of two step units: the best interval,
// max (S_j − S_i)²/(j − i).
func twoSteps(x []float64) float64 {
	sum := make([]float64, len(x)+1)
	for i, v := range x {
		sum[i+1] = sum[i] + v
	}
	best := 0.0
	for length := 1; length <= len(x); length++ {
		top := 0.0
		for i := 0; i+length <= len(x); i++ {
			d := sum[i+length] - sum[i]
			top = math.Max(top, d*d)
		}
		best = math.Max(best, top/float64(length))
	}
	return best
}

func compareLRTGrowth(_ context.Context, _ lrtGrowthSpec, c Cell) ([]Line[lrtGrowthRow], error) {
	n := float64(c.Int("n"))
	t := func(r lrtGrowthRow) float64 { return r.T }
	line := func(name string, m Measure[lrtGrowthRow], theory float64, source string) Line[lrtGrowthRow] {
		return Line[lrtGrowthRow]{Name: name, Measure: m, Theory: theory, Limit: true, Route: models.Exact, Source: source}
	}
	var g singular.Gumbel
	var err error
	switch c.Text("kind") {
	case "step":
		return []Line[lrtGrowthRow]{line("mean T", Mean(t), 2*math.Log(math.Log(n)), "leading order 2 log log n, Darling and Erdős (1956)")}, nil
	case "steps":
		return []Line[lrtGrowthRow]{line("mean T", Mean(t), 2*math.Log(n), "leading order 2 log n, derived here")}, nil
	case "contaminated":
		g, err = singular.GumbelContaminated(n)
	default:
		g, err = singular.GumbelARMA(n)
	}
	if err != nil {
		return nil, err
	}
	const source = "Gumbel approximation, derived here"
	return []Line[lrtGrowthRow]{
		line("mean T", Mean(t), g.Mean(), source),
		line("0.95-quantile of T", Quantile(0.95, t), g.Quantile(0.95), source),
	}, nil
}

func drawLRTGrowth(s lrtGrowthSpec, cells []Sample[lrtGrowthRow]) (Drawing, error) {
	p := &figs.Panel{X: "n", Y: "mean T", LogX: true}
	for _, kind := range s.Kinds {
		var x, y, se []float64
		for _, c := range cells {
			if c.Cell.Text("kind") == kind {
				m, e, _ := Mean(func(r lrtGrowthRow) float64 { return r.T })(c)
				x, y, se = append(x, float64(c.Cell.Int("n"))), append(y, m), append(se, e)
			}
		}
		p.Series(kind, x, y, se)
	}
	lo, hi := float64(slices.Min(s.N)), float64(slices.Max(s.N))
	p.Func("2 log n", func(n float64) float64 { return 2 * math.Log(n) }, lo, hi)
	return figs.New(p), nil
}
