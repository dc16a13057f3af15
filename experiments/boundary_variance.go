package experiments

import (
	"context"
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
)

type boundaryVarianceSpec struct {
	N       []int `toml:"n" doc:"numbers of subjects"`
	Samples int   `toml:"samples" doc:"measurements of each subject, at least 2"`
}

type boundaryVarianceRow struct {
	T        float64 `parquet:"t" doc:"likelihood-ratio statistic of no variance between subjects"`
	Variance float64 `parquet:"variance" doc:"estimate of the variance between subjects; the truth is 0"`
	Residual float64 `parquet:"residual" doc:"estimate of the residual variance; the truth is 1"`
	Wald     float64 `parquet:"wald" doc:"estimate over its standard error by the Fisher information at the truth"`
	Status   string  `parquet:"status" doc:"boundary if the estimate is 0; the estimates are closed forms"`
}

// boundaryVarianceSD is the standard error of the variance between subjects at
// 0: with unit residual variance the information per subject of (ω², σ²) is
// k²/2, k/2, k/2, so that the inverse has 2/(k(k−1)) for ω².
func boundaryVarianceSD(n, k float64) float64 { return math.Sqrt(2 / (n * k * (k - 1))) }

var _ = register(Experiment[boundaryVarianceSpec, boundaryVarianceRow]{
	Name:    "boundary-variance",
	Version: 1,
	Doc: `The variance between subjects of the simplest mixed model, when it is 0.
y_ij = β + b_i + e_ij with b_i ~ N(0, ω²) and e_ij ~ N(0, 1) at ω² = 0, estimated by
maximum likelihood, which has a closed form for as many measurements of everybody.
The Fisher information in ω² is regular, and yet no normal law holds: half of the
estimates are exactly 0, the statistic tends to ½χ²₀ + ½χ²₁, and a symmetric interval
around the estimate is wrong. In ω the information vanishes.`,
	Cite:       []string{"S. G. Self and K.-Y. Liang (1987), Asymptotic properties of maximum likelihood estimators and likelihood ratio tests under nonstandard conditions, Journal of the American Statistical Association 82:605-610"},
	Default:    boundaryVarianceSpec{N: []int{10, 40, 400}, Samples: 4},
	Smoke:      boundaryVarianceSpec{N: []int{10}, Samples: 3},
	Replicates: 4000,
	Chunk:      500,
	Check: func(s boundaryVarianceSpec) error {
		if err := checkSizes(s.N, 2); err != nil {
			return err
		}
		if s.Samples < 2 || s.Samples > 1000 {
			return KeyError("samples", "%d: want 2 to 1000; with one measurement only the sum of both variances is estimable", s.Samples)
		}
		return nil
	},
	Cells: func(s boundaryVarianceSpec) []Cell { return Grid(Axis("n", s.N...)) },
	Data:  boundaryVarianceData,
	Replicate: func(_ context.Context, s boundaryVarianceSpec, c Cell, k mc.Key) ([]boundaryVarianceRow, error) {
		z, err := boundaryVarianceData(s, c, k)
		if err != nil {
			return nil, err
		}
		return []boundaryVarianceRow{fitBoundaryVariance(z)}, nil
	},
	Compare: func(_ context.Context, s boundaryVarianceSpec, c Cell) ([]Line[boundaryVarianceRow], error) {
		n, k := c.Float("n"), float64(s.Samples)
		t := func(r boundaryVarianceRow) float64 { return r.T }
		wald := func(r boundaryVarianceRow) float64 { return r.Wald }
		zero := distuv.F{D1: n - 1, D2: n * (k - 1)}.CDF(n / (n - 1))
		const limit = "½χ²₀ + ½χ²₁, Self and Liang 1987"
		return []Line[boundaryVarianceRow]{
			{Name: "P(estimate = 0)", Measure: Fraction(func(r boundaryVarianceRow) bool { return r.Status == Boundary }), Theory: zero, Source: "F distribution of the analysis of variance"},
			{Name: "mean T", Measure: Mean(t), Theory: 0.5, Limit: true, Source: limit},
			{Name: "95 % point of T", Measure: Quantile(0.95, t), Theory: 2.705543454095404, Limit: true, Source: limit},
			{Name: "P(T > 3.8415)", Measure: Fraction(func(r boundaryVarianceRow) bool { return r.T > 3.841458820694124 }), Theory: 0.025, Limit: true, Source: limit},
			{Name: "mean of estimate/s.e.", Measure: Mean(wald), Theory: 1 / math.Sqrt(2*math.Pi), Limit: true, Source: "positive part of a standard normal"},
		}, nil
	},
	Figures: []Figure[boundaryVarianceSpec, boundaryVarianceRow]{{
		Name: "statistic",
		Doc:  "Distribution of the statistic beside ½χ²₀ + ½χ²₁ and χ² with one degree of freedom.",
		Draw: func(_ boundaryVarianceSpec, cells []Sample[boundaryVarianceRow]) (Drawing, error) {
			p := &figs.Panel{X: "T", Y: "distribution function", XRange: [2]float64{0, 6}, YRange: [2]float64{0, 1}}
			for _, x := range cells {
				t := make([]float64, len(x.Rows))
				for i, r := range x.Rows {
					t[i] = r.T
				}
				p.CDF(x.Cell.Name, t)
			}
			half := func(t float64) float64 { return (1 + math.Erf(math.Sqrt(max(0, t)/2))) / 2 }
			p.Func("½χ²₀ + ½χ²₁", half, 0, 6)
			x, y := make([]float64, 200), make([]float64, 200)
			for i := range x {
				x[i] = 6 * float64(i) / 199
				y[i] = math.Erf(math.Sqrt(x[i] / 2))
			}
			p.Reference("χ²₁", x, y)
			return figs.New(p), nil
		},
	}},
})

// boundaryVarianceData has one row for each subject.
func boundaryVarianceData(s boundaryVarianceSpec, c Cell, k mc.Key) (*models.Data, error) {
	rng := k.Stream("data")
	z := models.NewData(c.Int("n"), 0, s.Samples)
	for i := range z.V {
		z.V[i] = rng.NormFloat64()
	}
	return z, nil
}

// fitBoundaryVariance is maximum likelihood for balanced data: with σ² within and
// q = σ² + kω² between, the likelihood separates, and the constraint q ≥ σ² pools
// the two where it binds.
func fitBoundaryVariance(z *models.Data) boundaryVarianceRow {
	n, k := float64(z.N), float64(z.Q)
	var grand, within, between float64
	for _, y := range z.V {
		grand += y
	}
	grand /= n * k
	for i := range z.N {
		row := z.V[i*z.Q : (i+1)*z.Q]
		var mean float64
		for _, y := range row {
			mean += y / k
		}
		for _, y := range row {
			within += (y - mean) * (y - mean)
		}
		between += k * (mean - grand) * (mean - grand)
	}
	s, q := within/(n*(k-1)), between/n
	pooled := (within + between) / (n * k)
	if q <= s {
		return boundaryVarianceRow{Residual: pooled, Status: Boundary}
	}
	v := (q - s) / k
	t := n * (k*math.Log(pooled) - (k-1)*math.Log(s) - math.Log(q))
	return boundaryVarianceRow{T: max(0, t), Variance: v, Residual: s, Wald: v / boundaryVarianceSD(n, k), Status: Converged}
}
