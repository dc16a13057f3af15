package experiments

import (
	"context"
	"math"

	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
)

type normalMeanSpec struct {
	N  []int   `toml:"n" doc:"sample sizes"`
	Mu float64 `toml:"mu" doc:"true mean"`
	SD float64 `toml:"sd" doc:"true standard deviation, known to the test"`
}

type normalMeanRow struct {
	Mean   float64 `parquet:"mean" doc:"sample mean, the maximum-likelihood estimate of mu"`
	T      float64 `parquet:"t" doc:"likelihood-ratio statistic of the true mean, n (mean − mu)² / sd²"`
	Status string  `parquet:"status" doc:"how the replicate ended; the estimate is a closed form"`
}

// A regular problem all of whose laws are exact at every n. If its
// table is off, the engine is.
var _ = register(Experiment[normalMeanSpec, normalMeanRow]{
	Name:    "normal-mean",
	Version: 1,
	Doc: `The mean of a normal sample: a regular problem with exact laws, to check an installation.
Each replicate draws n values from N(mu, sd²), takes their mean and the
likelihood-ratio statistic T of the true mean with known variance. The mean has
law N(mu, sd²/n) and T has the chi-square law with one degree of freedom, both
exactly and at every n. Every z of the table should be of the order of 1.`,
	Cite:       []string{"S. S. Wilks (1938), The large-sample distribution of the likelihood ratio for testing composite hypotheses, Annals of Mathematical Statistics 9:60-62"},
	Default:    normalMeanSpec{N: []int{10, 100}, Mu: 1, SD: 2},
	Smoke:      normalMeanSpec{N: []int{5}, Mu: 1, SD: 2},
	Replicates: 2000,
	Chunk:      500,
	Check: func(s normalMeanSpec) error {
		for _, n := range s.N {
			if n < 1 || n > 1_000_000 {
				return KeyError("n", "%d: want sample sizes from 1 to 1000000", n)
			}
		}
		if math.IsNaN(s.Mu) || math.IsInf(s.Mu, 0) {
			return KeyError("mu", "%v: want a finite number", s.Mu)
		}
		if !(s.SD > 0) || math.IsInf(s.SD, 0) {
			return KeyError("sd", "%v: want a finite number above 0", s.SD)
		}
		return nil
	},
	Cells: func(s normalMeanSpec) []Cell { return Grid(Axis("n", s.N...)) },
	Data:  normalMeanData,
	Replicate: func(_ context.Context, s normalMeanSpec, c Cell, k mc.Key) ([]normalMeanRow, error) {
		z, err := normalMeanData(s, c, k)
		if err != nil {
			return nil, err
		}
		sum := 0.0
		for _, y := range z.V {
			sum += y
		}
		n := float64(z.N)
		d := (sum/n - s.Mu) / s.SD
		return []normalMeanRow{{Mean: sum / n, T: n * d * d, Status: Converged}}, nil
	},
	Compare: func(_ context.Context, s normalMeanSpec, c Cell) ([]Line[normalMeanRow], error) {
		mean := func(r normalMeanRow) float64 { return r.Mean }
		t := func(r normalMeanRow) float64 { return r.T }
		n := c.Float("n")
		return []Line[normalMeanRow]{
			{Name: "mean of the estimate", Measure: Mean(mean), Theory: s.Mu, Source: "normal law"},
			{Name: "sd of the estimate", Measure: SD(mean), Theory: s.SD / math.Sqrt(n), Source: "normal law"},
			{Name: "mean T", Measure: Mean(t), Theory: 1, Source: "chi-square, 1 df"},
			{Name: "95 % point of T", Measure: Quantile(0.95, t), Theory: 3.841458820694124, Source: "chi-square, 1 df"},
			{Name: "P(T > 3.8415)", Measure: Fraction(func(r normalMeanRow) bool { return r.T > 3.841458820694124 }), Theory: 0.05, Source: "chi-square, 1 df"},
		}, nil
	},
	Figures: []Figure[normalMeanSpec, normalMeanRow]{{
		Name: "statistic",
		Doc:  "Distribution of T in every cell beside the chi-square law with one degree of freedom.",
		Draw: func(_ normalMeanSpec, cells []Sample[normalMeanRow]) (Drawing, error) {
			p := &figs.Panel{X: "T", Y: "distribution function", XRange: [2]float64{0, 8}}
			for _, x := range cells {
				t := make([]float64, len(x.Rows))
				for i, r := range x.Rows {
					t[i] = r.T
				}
				p.CDF(x.Cell.Name, t)
			}
			p.Func("chi-square, 1 df", func(t float64) float64 { return math.Erf(math.Sqrt(t / 2)) }, 0, 8)
			return figs.New(p), nil
		},
	}},
})

func normalMeanData(s normalMeanSpec, c Cell, k mc.Key) (*models.Data, error) {
	rng := k.Stream("data")
	z := models.NewData(c.Int("n"), 0, 1)
	for i := range z.V {
		z.V[i] = s.Mu + s.SD*rng.NormFloat64()
	}
	return z, nil
}
