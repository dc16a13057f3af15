package experiments

import (
	"context"
	"math"

	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

type mleMixtureSpec struct {
	N        []int   `toml:"n" doc:"sample sizes"`
	Roots    []int   `toml:"roots" doc:"where the truth is: two means h n^(−1/root) apart, root 2, 4 or 6; or one normal, root 0"`
	H        float64 `toml:"h" doc:"scale of that distance, in standard deviations"`
	Share    float64 `toml:"share" doc:"v₀, the true weight of the component with the larger mean"`
	Variance string  `toml:"variance" doc:"variance of the components in the fit: known (1), tied (free but common) or free"`
	Bound    float64 `toml:"bound" doc:"M: both means within M of the sample mean"`
	Starts   int     `toml:"starts" doc:"random starts of each fit, beside the truth, one component embedded and a light component added at the extremes and where the score is steepest"`
	Draws    int     `toml:"draws" doc:"draws of the limit law"`
}

type mleMixtureRow struct {
	T      float64 `parquet:"t" doc:"likelihood-ratio statistic of two components against one; with status unbounded there is no interior maximum, and this is of a solution on the variance floor, as all that follows"`
	U      float64 `parquet:"u" doc:"û ≥ 0, the distance of the two means"`
	W      float64 `parquet:"w" doc:"ŵ = v̂μ̂₁ + (1−v̂)μ̂₂, the overall mean; 0 in truth"`
	Z      float64 `parquet:"z" doc:"ẑ = 2v̂ − 1, v̂ the weight of the larger mean; ±1 is one component with weight 0"`
	Var1   float64 `parquet:"var1" doc:"variance of the component with the larger mean; 1 in truth"`
	Var2   float64 `parquet:"var2" doc:"variance of the other"`
	Gen    float64 `parquet:"gen" unit:"nats" doc:"2n × generalisation error KL(truth ‖ estimate); d by regular theory"`
	Train  float64 `parquet:"train" unit:"nats" doc:"2n × training error, mean log p_true/p_estimate over the data; −d by regular theory"`
	Status string  `parquet:"status" doc:"how the fit of two components ended"`
}

// moment is V̂ û², the second moment of the fitted mixing law, which is what the
// likelihood sees of û and v̂.
func (r mleMixtureRow) moment() float64 { return (1 - r.Z*r.Z) / 4 * r.U * r.U }

var _ = register(Experiment[mleMixtureSpec, mleMixtureRow]{
	Name:    "mle-mixture",
	Version: 2,
	Doc: `Where the estimate of two normal components goes at and near one component.

The estimates are in the coordinates u = μ₁ − μ₂ ≥ 0, w = vμ₁ + (1−v)μ₂ and z = 2v − 1,
where one normal is the set u = 0 or z = ±1. There the distance û does not shrink as
n grows: the estimate is one heavy component and a light one anywhere, and only
V̂û² with V = v(1−v) tends to 0, like n^(−1/2). Truths h n^(−1/2) away are not seen at
all; with the variance known those h n^(−1/4) away shift the law of the statistic,
and those h n^(−1/6) away are regular at last; with a free variance it takes n^(−1/6)
to be seen. The truth is one of the starts, so that no training error is positive.`,
	Cite: []string{
		"S. Amari, H. Park, T. Ozeki (2006), Singularities affect dynamics of learning in neuromanifolds, Neural Computation 18(5):1007-1065",
		"X. Liu, Y. Shao (2003), Asymptotics for likelihood ratio tests under loss of identifiability, Annals of Statistics 31:807-832",
		"J. Chen (1995), Optimal rate of convergence for finite mixture models, Annals of Statistics 23:221-233",
	},
	Default:    mleMixtureSpec{N: []int{100, 300, 1000}, Roots: []int{0, 2, 4, 6}, H: 2, Share: 0.3, Variance: "known", Bound: 5, Starts: 5, Draws: 20000},
	Smoke:      mleMixtureSpec{N: []int{50}, Roots: []int{0, 4}, H: 2, Share: 0.3, Variance: "known", Bound: 5, Starts: 2, Draws: 500},
	Replicates: 1000,
	Check: func(s mleMixtureSpec) error {
		if err := checkSizes(s.N, 5); err != nil {
			return err
		}
		if len(s.Roots) == 0 {
			return KeyError("roots", "none given")
		}
		for _, r := range s.Roots {
			if r != 0 && r != 2 && r != 4 && r != 6 {
				return KeyError("roots", "%d: allowed is 0, 2, 4 or 6", r)
			}
		}
		if !(s.H >= 0) || math.IsInf(s.H, 0) {
			return KeyError("h", "%v: allowed is a finite number from 0", s.H)
		}
		return checkNearNull(s.Share, s.Variance, s.Bound, s.Starts, s.Draws)
	},
	Cells: func(s mleMixtureSpec) []Cell { return Grid(Axis("root", s.Roots...), Axis("n", s.N...)) },
	Data: func(s mleMixtureSpec, c Cell, k mc.Key) (*models.Data, error) {
		return s.truth(c).sample(k)
	},
	Replicate: func(ctx context.Context, s mleMixtureSpec, c Cell, k mc.Key) ([]mleMixtureRow, error) {
		row, err := fitMLEMixture(ctx, s, c, k)
		return []mleMixtureRow{row}, err
	},
	Compare: compareMLEMixture,
	Figures: []Figure[mleMixtureSpec, mleMixtureRow]{
		{Name: "cloud", Doc: "Estimates at the largest n in the coordinates (z, u): the lines u = 0 and z = ±1 are one and the same normal, and the estimates spread along them. The black curve is where the second moment Vu² is n^(−1/2).", Draw: drawMLEMixtureCloud},
		{Name: "rates", Doc: "Medians against n. At one normal (root 0) the distance of the means does not shrink, while the second moment does like n^(−1/2).", Draw: drawMLEMixtureRates},
		{Name: "errors", Doc: "Generalisation and training error times 2n, as a share of the regular value d, against n.", Draw: drawMLEMixtureErrors},
	},
})

func (s mleMixtureSpec) truth(c Cell) nearNull {
	return nearNull{weight: s.Share, h: s.H, root: c.Int("root"), n: c.Int("n")}
}

func fitMLEMixture(ctx context.Context, s mleMixtureSpec, c Cell, k mc.Key) (mleMixtureRow, error) {
	variance, err := mixtureVariance(s.Variance)
	if err != nil {
		return mleMixtureRow{}, err
	}
	z, err := s.truth(c).sample(k)
	if err != nil {
		return mleMixtureRow{}, err
	}
	mean := centre(z)
	truth := s.truth(c).theta(variance)
	shifted, given := moved(truth, mean, s.Bound)
	f, err := fitTwoNormals(ctx, variance, s.Bound, z, s.Starts, given, k.Stream("starts"))
	if err != nil {
		return mleMixtureRow{}, err
	}
	// The fit is canonical, smaller mean first.
	v, lo, hi := f.fit.Theta[0], f.fit.Theta[1]+mean, f.fit.Theta[2]+mean
	row := mleMixtureRow{
		T: f.statistic(), U: hi - lo, W: v*lo + (1-v)*hi, Z: 1 - 2*v, Var1: 1, Var2: 1,
		Status: f.fit.Status.String(),
	}
	theta := append([]float64(nil), f.fit.Theta...)
	theta[1], theta[2] = lo, hi
	switch variance {
	case models.VarTied:
		row.Var1, row.Var2 = theta[3], theta[3]
	case models.VarFree:
		row.Var1, row.Var2 = theta[4], theta[3]
	}
	// The bound is about the sample mean, so the errors are those of the family
	// without one.
	m, err := models.NewMixture(models.MixtureSettings{Variance: variance})
	if err != nil {
		return row, err
	}
	kl, err := singular.Divergence(m, truth, models.Rule{})
	if err != nil {
		return row, err
	}
	free, err := m.Bind(z)
	if err != nil {
		return row, err
	}
	row.Gen = 2 * float64(z.N) * kl(theta)
	row.Train = -2 * (f.fit.LogLik - free.LogLik(shifted))
	return row, nil
}

func compareMLEMixture(_ context.Context, s mleMixtureSpec, c Cell) ([]Line[mleMixtureRow], error) {
	variance, err := mixtureVariance(s.Variance)
	if err != nil {
		return nil, err
	}
	truth := s.truth(c)
	limit, err := truth.limit(variance, s.Bound, s.Draws, 2)
	if err != nil {
		return nil, err
	}
	d := float64(len(truth.theta(variance)))
	gen := Line[mleMixtureRow]{Name: "2n E_gen", Measure: Mean(func(r mleMixtureRow) float64 { return r.Gen }), Theory: math.NaN()}
	train := Line[mleMixtureRow]{Name: "2n E_train", Measure: Mean(func(r mleMixtureRow) float64 { return r.Train }), Theory: math.NaN()}
	set := func(l *Line[mleMixtureRow], v, se float64, route models.Route, source string) {
		l.Theory, l.TheorySE, l.Limit, l.Route, l.Source = v, se, true, route, source
	}
	switch {
	case limit.law != nil:
		// Against the truth, the statistic gains the regular coordinates and
		// loses what the truth itself is above one normal, δ² in the mean.
		mean := limit.law.Mean()
		value := limit.regular + mean.Value - limit.drift*limit.drift
		const source = "regular coordinates and the supremum of the process, derived here"
		set(&train, -value, mean.SE, models.MonteCarlo, source)
		if limit.drift == 0 {
			// The estimate is a projection on a cone with its apex at the truth.
			set(&gen, value, mean.SE, models.MonteCarlo, source)
		}
	case limit.regular > 0:
		const source = "regular in w, Vu² and V(1−2v)u³, derived here"
		set(&gen, d, 0, models.Exact, source)
		set(&train, -d, 0, models.Exact, source)
	}
	n := float64(truth.n)
	distance := Line[mleMixtureRow]{Name: "median û", Measure: Quantile(0.5, func(r mleMixtureRow) float64 { return r.U }), Theory: math.NaN()}
	moment := Line[mleMixtureRow]{Name: "median √n V̂û²", Measure: Quantile(0.5, func(r mleMixtureRow) float64 { return math.Sqrt(n) * r.moment() }), Theory: math.NaN()}
	if truth.root > 0 && s.H > 0 {
		set(&distance, truth.apart(), 0, models.Exact, "of the truth: resolved only where √n Vu² is large")
		set(&moment, math.Sqrt(n)*truth.secondMoment(), 0, models.Exact, "of the truth")
	}
	mean := Line[mleMixtureRow]{
		// At a maximum off the bounds Σ π_i μ_i is the sample mean.
		Name: "n Var ŵ", Measure: Jackknife(func(rows []mleMixtureRow) float64 {
			sd, _, _ := SD(func(r mleMixtureRow) float64 { return r.W })(Sample[mleMixtureRow]{Rows: rows, Replicates: make([]int, len(rows))})
			return n * sd * sd
		}),
		Theory: 1 + truth.secondMoment(), Limit: s.Bound < 5, Route: models.Exact, Source: "ŵ is the sample mean unless a mean is on its bound",
	}
	t := func(r mleMixtureRow) float64 { return r.T }
	return append([]Line[mleMixtureRow]{gen, train, mean, distance, moment}, lrtBrief(t, limit.law, limit.source)...), nil
}
