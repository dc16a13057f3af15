package experiments

import (
	"context"
	"math"

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
	T       float64 `parquet:"t" doc:"likelihood-ratio statistic 2 (max ℓ(k=2) − max ℓ(k=1)); with status unbounded there is no interior maximum, and ℓ(k=2) is that of a solution on the variance floor"`
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
	Version: 2,
	Doc: `The likelihood ratio of two normal components against one, when there is one.

Data are n draws of N(0, 1). Two components are fitted by multi-start with means
within M of the sample mean, and the likelihood-ratio statistic is compared with
its limit n → ∞, the squared positive supremum of a Gaussian process (known or
common variance). Naive theory says χ² with two degrees of freedom. The limit is
approached very slowly: with M = 5 the mean at n = 1000 is about 1.15, the limit
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
		if err := checkMeanBound(s.Bound); err != nil {
			return err
		}
		if _, err := mixtureVariance(s.Variance); err != nil {
			return err
		}
		if s.Starts < 0 {
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

// lrtMixtureData draws n standard normals and centres them.
func lrtMixtureData(_ lrtMixtureSpec, c Cell, k mc.Key) (*models.Data, error) {
	z := whiteNoise(c.Int("n"), k)
	centre(z)
	return z, nil
}

func fitLRTMixture(ctx context.Context, s lrtMixtureSpec, z *models.Data, k mc.Key) (lrtMixtureRow, error) {
	variance, err := mixtureVariance(s.Variance)
	if err != nil {
		return lrtMixtureRow{}, err
	}
	f, err := fitTwoNormals(ctx, variance, s.Bound, z, s.Starts, nil, k.Stream("starts"))
	if err != nil {
		return lrtMixtureRow{}, err
	}
	row := lrtMixtureRow{
		T: f.statistic(), Sup: math.NaN(),
		Weight: f.fit.Theta[0], Mean1: f.fit.Theta[1], Mean2: f.fit.Theta[2],
		Reached: f.fit.Starts.ReachedBest, Iter: f.fit.Iter, Status: f.fit.Status.String(),
	}
	if variance == models.VarKnown {
		row.Sup = f.sup
	}
	return row, nil
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
