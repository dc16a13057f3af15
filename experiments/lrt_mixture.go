package experiments

import (
	"context"
	"fmt"
	"math"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

type lrtMixtureSpec struct {
	N        []int   `toml:"n" doc:"sample sizes"`
	Bound    float64 `toml:"bound" doc:"M: both means within M of the sample mean"`
	Variance string  `toml:"variance" doc:"variance of the components: known (1), tied (free but common) or free"`
	Starts   int     `toml:"starts" doc:"random starts of each fit, beside the embedded one-component fit and a light component added at the extremes and where the score is steepest"`
	Draws    int     `toml:"draws" doc:"draws of the limit law"`
}

type lrtMixtureRow struct {
	T       float64 `parquet:"t" doc:"likelihood-ratio statistic 2 (max ℓ(k=2) − max ℓ(k=1))"`
	Sup     float64 `parquet:"sup" doc:"squared positive supremum of the empirical score process on the same data, the limit of t along the path; NaN unless the variance is known"`
	Weight  float64 `parquet:"weight" doc:"π̂ of the component with the smaller mean"`
	Mean1   float64 `parquet:"mean1" doc:"smaller mean, from the sample mean"`
	Mean2   float64 `parquet:"mean2" doc:"larger mean, from the sample mean"`
	Reached int     `parquet:"reached" doc:"starts that reached the maximum"`
	Iter    int     `parquet:"iter" doc:"iterations of all starts"`
	Status  string  `parquet:"status" doc:"how the fit of two components ended"`
}

var _ = register(Experiment[lrtMixtureSpec, lrtMixtureRow]{
	Name:    "lrt-mixture",
	Version: 1,
	Doc: `The likelihood ratio of two normal components against one, when there is one.

Data are n draws of N(0, 1). Two components are fitted by multi-start with means
within M of the sample mean, and the likelihood-ratio statistic is compared with
its limit n → ∞, the squared positive supremum of a Gaussian process (known or
common variance). Naive theory says χ² with two degrees of freedom. The limit is
approached very slowly: with M = 5 the mean at n = 1000 is about 0.9, the limit
2.5. With the variance known the same data also give the supremum of their own
score process, which the statistic follows path by path as n grows.`,
	Cite: []string{
		"J. A. Hartigan (1985), A failure of likelihood asymptotics for normal mixtures, Proceedings of the Berkeley Conference in Honor of Neyman and Kiefer 2:807-810",
		"X. Liu, Y. Shao (2003), Asymptotics for likelihood ratio tests under loss of identifiability, Annals of Statistics 31:807-832",
		"D. Dacunha-Castelle, E. Gassiat (1999), Testing the order of a model using locally conic parametrization, Annals of Statistics 27:1178-1209",
	},
	Default:    lrtMixtureSpec{N: []int{100, 300, 1000}, Bound: 5, Variance: "known", Starts: 5, Draws: 20000},
	Smoke:      lrtMixtureSpec{N: []int{50}, Bound: 5, Variance: "known", Starts: 2, Draws: 500},
	Replicates: 2000,
	Check: func(s lrtMixtureSpec) error {
		if err := checkSizes(s.N, 3); err != nil {
			return err
		}
		switch {
		case !(s.Bound > 0 && s.Bound <= 30):
			return KeyError("bound", "%v: allowed is above 0 and at most 30", s.Bound)
		case s.Variance != "known" && s.Variance != "tied" && s.Variance != "free":
			return KeyError("variance", "%q: allowed is known, tied or free", s.Variance)
		case s.Starts < 0:
			return KeyError("starts", "%d: allowed is 0 or more", s.Starts)
		}
		return checkDraws(s.Draws)
	},
	Cells: func(s lrtMixtureSpec) []Cell { return Grid(Axis("n", s.N...)) },
	Data:  lrtMixtureData,
	Replicate: func(ctx context.Context, s lrtMixtureSpec, c Cell, k mc.Key) ([]lrtMixtureRow, error) {
		z, err := lrtMixtureData(s, c, k)
		if err != nil {
			return nil, err
		}
		row, err := fitLRTMixture(ctx, s, z, k)
		return []lrtMixtureRow{row}, err
	},
	Compare: compareLRTMixture,
	Figures: []Figure[lrtMixtureSpec, lrtMixtureRow]{
		lrtHistogram(func(r lrtMixtureRow) float64 { return r.T }, func(s lrtMixtureSpec) (*singular.Limit, error) { return lrtMixtureLimit(s, 1) }),
		lrtDistribution("statistic", "Distribution of the likelihood-ratio statistic against its limit law and against χ² with two degrees of freedom.", func(r lrtMixtureRow) float64 { return r.T }, func(s lrtMixtureSpec) (*singular.Limit, error) { return lrtMixtureLimit(s, 1) }, 2),
		{Name: "paths", Doc: "The statistic of each replicate against the supremum of the score process on the same data: the limit is reached path by path.", Draw: drawLRTMixturePaths},
	},
})

// lrtMixtureData draws n standard normals and moves their mean to 0: the bound on
// the means is a distance from the sample mean, and neither maximum depends on
// the location of the data.
func lrtMixtureData(_ lrtMixtureSpec, c Cell, k mc.Key) (*models.Data, error) {
	z := models.NewData(c.Int("n"), 0, 1)
	rng := k.Stream("data")
	sum := 0.0
	for i := range z.V {
		z.V[i] = rng.NormFloat64()
		sum += z.V[i]
	}
	for i := range z.V {
		z.V[i] -= sum / float64(z.N)
	}
	return z, nil
}

// fitLRTMixture fits one and two components. The maximum of one is in closed
// form: mean 0 and, unless it is known, the sample variance.
func fitLRTMixture(ctx context.Context, s lrtMixtureSpec, z *models.Data, k mc.Key) (lrtMixtureRow, error) {
	set := models.MixtureSettings{Variance: models.VarKnown, Bound: s.Bound}
	switch s.Variance {
	case "tied":
		set.Variance = models.VarTied
	case "free":
		set.Variance = models.VarFree
	}
	one := set
	one.K = 1
	m1, err := models.NewMixture(one)
	if err != nil {
		return lrtMixtureRow{}, err
	}
	m2, err := models.NewMixture(set)
	if err != nil {
		return lrtMixtureRow{}, err
	}
	theta1 := make([]float64, models.Dim(m1))
	if len(theta1) == 2 {
		for _, v := range z.V {
			theta1[1] += v * v / float64(z.N)
		}
	}
	l2, err := m2.Bind(z)
	if err != nil {
		return lrtMixtureRow{}, err
	}
	start := make([]float64, models.Dim(m2))
	if !m2.Embed(start, m1, theta1) {
		return lrtMixtureRow{}, fmt.Errorf("%v does not contain %v", m2, m1)
	}
	// One component as a point of two: the same sum in the same order, so that
	// rounding cannot make the larger model the worse one.
	null := l2.LogLik(start)
	starts := s.Starts
	if starts == 0 {
		starts = -1 // the embedded start alone
	}
	score, err := singular.NewMixtureScore(s.Bound)
	if err != nil {
		return lrtMixtureRow{}, err
	}
	sup, at := score.Sup(z.V)
	given := append([][]float64{start}, addedComponents(l2, start, z, s.Bound, at)...)
	fit, err := estimation.MultiStart{Starts: starts, Given: given}.Maximize(ctx, l2, nil, k.Stream("starts"))
	if err != nil {
		return lrtMixtureRow{}, err
	}
	row := lrtMixtureRow{
		T:   2 * math.Max(0, fit.LogLik-null),
		Sup: math.NaN(), Weight: fit.Theta[0], Mean1: fit.Theta[1], Mean2: fit.Theta[2],
		Reached: fit.Starts.ReachedBest, Iter: fit.Iter, Status: fit.Status.String(),
	}
	if s.Variance == "known" {
		row.Sup = sup
	}
	return row, nil
}

// addedComponents returns starts that random ones rarely hit: a light second
// component at the data's extremes, where one observation alone can carry it,
// and where the score process is highest, which is the steepest way out of one
// component (Lindsay 1983, Annals of Statistics 11:86-94). The weight of each is
// the best of a few; the other component keeps the overall mean at 0.
func addedComponents(l models.Likelihood, null []float64, z *models.Data, bound, steepest float64) [][]float64 {
	lo, hi := z.V[0], z.V[0]
	for _, v := range z.V {
		lo, hi = math.Min(lo, v), math.Max(hi, v)
	}
	n := float64(z.N)
	var starts [][]float64
	for _, t := range [3]float64{steepest, lo, hi} {
		t = math.Max(-bound, math.Min(bound, t))
		if t == 0 {
			continue // no way out of one component goes up
		}
		best, top := []float64(nil), math.Inf(-1)
		for _, w := range [7]float64{0.5 / n, 1 / n, 2 / n, 5 / n, 0.02, 0.1, 0.3} {
			theta := append([]float64(nil), null...)
			theta[0], theta[1], theta[2] = w, t, -w*t/(1-w)
			if ll := l.LogLik(theta); ll > top {
				best, top = theta, ll
			}
		}
		if best != nil {
			starts = append(starts, best)
		}
	}
	return starts
}

// lrtMixtureLimit runs the limit law with the given number of workers.
func lrtMixtureLimit(s lrtMixtureSpec, workers int) (*singular.Limit, error) {
	name := map[string]string{"known": "homogeneity", "tied": "homogeneity-tied"}[s.Variance]
	if name == "" {
		return nil, nil // the likelihood is unbounded: there is no limit law
	}
	return runLaw(name, map[string]float64{"bound": s.Bound}, s.Draws, workers)
}

func compareLRTMixture(_ context.Context, s lrtMixtureSpec, c Cell) ([]Line[lrtMixtureRow], error) {
	limit, err := lrtMixtureLimit(s, 2)
	if err != nil {
		return nil, err
	}
	t := func(r lrtMixtureRow) float64 { return r.T }
	lines := lrtLines(t, limit, "Liu and Shao (2003), kernel derived here")
	if s.Variance == "known" {
		lines = append(lines,
			Line[lrtMixtureRow]{
				Name: "corr(T, sup)", Theory: 1, Limit: true, Route: models.Exact, Source: "pathwise limit, derived here",
				Measure: Jackknife(func(rows []lrtMixtureRow) float64 {
					return correlation(rows, t, func(r lrtMixtureRow) float64 { return r.Sup })
				}),
			},
			Line[lrtMixtureRow]{
				Name: "mean (sup − T)", Theory: 0, Limit: true, Route: models.Exact, Source: "pathwise limit, derived here",
				Measure: Mean(func(r lrtMixtureRow) float64 { return r.Sup - r.T }),
			})
	}
	return lines, nil
}
