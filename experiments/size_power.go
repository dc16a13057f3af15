package experiments

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
)

type sizePowerSpec struct {
	N        []int     `toml:"n" doc:"sample sizes"`
	Roots    []int     `toml:"roots" doc:"where the truth is: two means h n^(−1/root) apart, root 2, 4 or 6; one normal is always there too, as root 0"`
	H        []float64 `toml:"h" doc:"scales of that distance, in standard deviations"`
	Share    float64   `toml:"share" doc:"true weight of the component with the larger mean"`
	Variance string    `toml:"variance" doc:"variance of the components: known (1), tied (free but common) or free"`
	Bound    float64   `toml:"bound" doc:"M: both means within M of the sample mean; the EM-test knows no bound"`
	Level    float64   `toml:"level" doc:"nominal level of every test"`
	Starts   int       `toml:"starts" doc:"random starts of each fit, as in mle-mixture"`
	Samples  int       `toml:"samples" doc:"bootstrap samples of each replicate, for either bootstrap; the cell's are pooled"`
	Draws    int       `toml:"draws" doc:"draws of the limit law"`
}

type sizePowerRow struct {
	T      float64   `parquet:"t" doc:"likelihood-ratio statistic of two components against one; with status unbounded there is no interior maximum, and this is of a solution on the variance floor, as r"`
	TStar  []float64 `parquet:"t_star" doc:"the same of bootstrap samples, drawn from the fit of one component"`
	EM     float64   `parquet:"em" doc:"p-value of the EM-test, NaN where it fails; that is no rejection"`
	R      float64   `parquet:"r" doc:"likelihood-ratio statistic of the fit of two components against the truth itself"`
	RStar  []float64 `parquet:"r_star" doc:"the same of bootstrap samples, drawn from the fit of two components, against that fit"`
	Passes int       `parquet:"passes" doc:"what t costs: passes over the data of the fit of two components from all starts"`
	Status string    `parquet:"status" doc:"how that fit ended"`
}

var _ = register(Experiment[sizePowerSpec, sizePowerRow]{
	Name:    "size-power",
	Version: 2,
	Doc: `What tests at and near a singularity really do: χ², limit law, bootstrap, EM-test.

Two normal components are tested against one, where the truth is one normal (size)
or two whose means are h n^(−1/2), h n^(−1/4) or h n^(−1/6) apart (power). And the truth
itself is tested as a point of two components, whose rejections, type I errors all,
say how often a confidence region misses: χ² with d degrees of freedom is wrong
there too near the singular set. Every replicate gives a few bootstrap samples for
each of the two; the law of the bootstrap statistic is that of all samples of the
cell together (warp-speed bootstrap), which makes a study of the bootstrap as cheap
as a few more fits, but gives no p-value to a replicate. On one data set a bootstrap
of B samples costs B times as much as its statistic.`,
	Cite: []string{
		"R. Giacomini, D. N. Politis, H. White (2013), A warp-speed method for conducting Monte Carlo experiments involving bootstrap estimators, Econometric Theory 29:567-589",
		"J. Chen, P. Li (2009), Hypothesis test for normal mixture models: the EM approach, Annals of Statistics 37:2523-2542",
		"X. Liu, Y. Shao (2003), Asymptotics for likelihood ratio tests under loss of identifiability, Annals of Statistics 31:807-832",
		"G. J. McLachlan (1987), On bootstrapping the likelihood ratio test statistic for the number of components in a normal mixture, Journal of the Royal Statistical Society C 36:318-324",
	},
	Default:    sizePowerSpec{N: []int{100, 300, 1000}, Roots: []int{2, 4, 6}, H: []float64{1, 2, 3, 4}, Share: 0.5, Variance: "known", Bound: 3, Level: 0.05, Starts: 3, Samples: 5, Draws: 20000},
	Smoke:      sizePowerSpec{N: []int{40}, Roots: []int{4}, H: []float64{2}, Share: 0.5, Variance: "known", Bound: 3, Level: 0.1, Starts: 1, Samples: 2, Draws: 500},
	Replicates: 400, Chunk: 50,
	Check: func(s sizePowerSpec) error {
		if err := checkSizes(s.N, 10); err != nil {
			return err
		}
		if len(s.Roots) == 0 || len(s.H) == 0 {
			return KeyError("roots", "roots and h need a value each")
		}
		for _, r := range s.Roots {
			if r != 2 && r != 4 && r != 6 {
				return KeyError("roots", "%d: allowed is 2, 4 or 6", r)
			}
		}
		for _, h := range s.H {
			if !(h > 0) || math.IsInf(h, 0) {
				return KeyError("h", "%v: allowed is a finite number above 0", h)
			}
		}
		switch {
		case !(s.Level > 0 && s.Level <= 0.5):
			return KeyError("level", "%v: allowed is above 0 and at most 0.5", s.Level)
		case s.Samples < 1:
			return KeyError("samples", "%d: allowed is 1 or more", s.Samples)
		}
		return checkNearNull(s.Share, s.Variance, s.Bound, s.Starts, s.Draws)
	},
	Cells: func(s sizePowerSpec) []Cell {
		cells := Grid(Axis("root", 0), Axis("h", 0.0), Axis("n", s.N...))
		return append(cells, Grid(Axis("root", s.Roots...), Axis("h", s.H...), Axis("n", s.N...))...)
	},
	Data: func(s sizePowerSpec, c Cell, k mc.Key) (*models.Data, error) {
		return s.truth(c).sample(k)
	},
	Replicate: replicateSizePower,
	Compare:   compareSizePower,
	Figures: []Figure[sizePowerSpec, sizePowerRow]{
		{Name: "size", Doc: "How often each test of one component against two rejects when there is one, against n.", Draw: drawSizePowerSize},
		{Name: "power", Doc: "How often each test rejects one component at the largest n, against the distance h n^(−1/root) of the two true means. What power a test has over its size at h = 0 is what it is worth.", Draw: drawSizePowerPower},
		{Name: "phase", Doc: "Type I error in testing the truth itself, over n and the distance u of its two means, by χ² with d degrees of freedom and by the bootstrap. Along the dashed lines u = h n^(−1/2), h n^(−1/4) and h n^(−1/6), one for every h.", Draw: drawSizePowerPhase},
	},
})

func (s sizePowerSpec) truth(c Cell) nearNull {
	return nearNull{weight: s.Share, h: c.Float("h"), root: c.Int("root"), n: c.Int("n")}
}

func replicateSizePower(ctx context.Context, s sizePowerSpec, c Cell, k mc.Key) ([]sizePowerRow, error) {
	variance, err := mixtureVariance(s.Variance)
	if err != nil {
		return nil, err
	}
	z, err := s.truth(c).sample(k)
	if err != nil {
		return nil, err
	}
	one, err := models.NewMixture(models.MixtureSettings{K: 1, Variance: variance})
	if err != nil {
		return nil, err
	}
	two, err := models.NewMixture(models.MixtureSettings{Variance: variance})
	if err != nil {
		return nil, err
	}
	// against fits z and returns its statistic against one component and against
	// the point theta of two.
	against := func(z *models.Data, theta []float64, purpose string) (*twoNormalsFit, float64, error) {
		point, given := moved(theta, centre(z), s.Bound)
		f, err := fitTwoNormals(ctx, variance, s.Bound, z, s.Starts, given, k.Stream(purpose))
		if err != nil {
			return nil, 0, err
		}
		l, err := two.Bind(z)
		if err != nil {
			return nil, 0, err
		}
		return f, 2 * math.Max(0, f.fit.LogLik-l.LogLik(point)), nil
	}
	row := sizePowerRow{EM: math.NaN()}
	// One random start beside the four splits of each β: more move the statistic by
	// less than 1e-4, and the EM-test is what takes the time here.
	em, err := estimation.EMTest(ctx, one, z, estimation.EMTestOptions{Starts: 1, Rand: k.Stream("em-test")})
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err == nil:
		row.EM = em.P
	}
	f, r, err := against(z, s.truth(c).theta(variance), "starts")
	if err != nil {
		return nil, err
	}
	row.T, row.R, row.Passes, row.Status = f.statistic(), r, f.fit.Evals, f.fit.Status.String()
	// Both statistics are those of centred data, so the mean need not come back.
	first, second := k.Stream("bootstrap of one"), k.Stream("bootstrap of two")
	star := models.NewData(z.N, 0, 1)
	for i := range s.Samples {
		one.Sample(star, f.theta1, first)
		g, _, err := against(star, f.fit.Theta, fmt.Sprintf("starts of one %d", i))
		if err != nil {
			return nil, err
		}
		two.Sample(star, f.fit.Theta, second)
		_, r, err := against(star, f.fit.Theta, fmt.Sprintf("starts of two %d", i))
		if err != nil {
			return nil, err
		}
		row.TStar, row.RStar = append(row.TStar, g.statistic()), append(row.RStar, r)
	}
	return []sizePowerRow{row}, nil
}

// A sizePowerTest is a test whose rejections are counted.
type sizePowerTest struct {
	name   string
	reject Measure[sizePowerRow]
}

// warp is the share of replicates whose statistic is above the 1 − level quantile
// of the bootstrap statistics of all replicates.
func warp(level float64, t func(r sizePowerRow) float64, star func(r sizePowerRow) []float64) Measure[sizePowerRow] {
	share := Jackknife(func(rows []sizePowerRow) float64 {
		var v []float64
		for _, r := range rows {
			v = append(v, star(r)...)
		}
		slices.Sort(v)
		q, above := orderStatistic(v, 1-level), 0
		for _, r := range rows {
			if t(r) > q {
				above++
			}
		}
		return float64(above) / float64(len(rows))
	})
	return func(x Sample[sizePowerRow]) (float64, float64, string) {
		v, se, method := share(x)
		// With a known quantile the error would be binomial; a jackknife of a
		// quantile can by chance say less, even 0.
		g := float64(len(x.Rows))
		p := math.Max(v, 0.5/(g+1))
		return v, math.Max(se, math.Sqrt(p*(1-math.Min(p, g/(g+1)))/g)), method
	}
}

func above(t func(r sizePowerRow) float64, point float64) Measure[sizePowerRow] {
	return Fraction(func(r sizePowerRow) bool { return t(r) > point })
}

// sizePowerTests returns the tests of one component, and those of the truth, with
// the critical value of the limit law, NaN where there is none.
func sizePowerTests(s sizePowerSpec) (one, point []sizePowerTest, critical float64, err error) {
	variance, err := mixtureVariance(s.Variance)
	if err != nil {
		return nil, nil, 0, err
	}
	null, err := nearNull{weight: s.Share}.limit(variance, s.Bound, s.Draws, 2)
	if err != nil {
		return nil, nil, 0, err
	}
	t, r := func(r sizePowerRow) float64 { return r.T }, func(r sizePowerRow) float64 { return r.R }
	d := len(nearNull{}.theta(variance))
	// One component takes away a weight and a mean, and a free variance.
	naive := 2
	if variance == models.VarFree {
		naive = 3
	}
	one = []sizePowerTest{{fmt.Sprintf("χ²(%d)", naive), above(t, chi2Point(naive, s.Level))}}
	critical = math.NaN()
	if null.law != nil {
		critical = null.law.Quantile(1 - s.Level).Value
		one = append(one, sizePowerTest{"limit law", above(t, critical)})
	}
	one = append(one,
		sizePowerTest{"bootstrap", warp(s.Level, t, func(r sizePowerRow) []float64 { return r.TStar })},
		sizePowerTest{"EM-test", Fraction(func(r sizePowerRow) bool { return r.EM <= s.Level })})
	point = []sizePowerTest{
		{fmt.Sprintf("χ²(%d)", d), above(r, chi2Point(d, s.Level))},
		{"bootstrap", warp(s.Level, r, func(r sizePowerRow) []float64 { return r.RStar })},
	}
	return one, point, critical, nil
}

func chi2Point(k int, level float64) float64 {
	return distuv.ChiSquared{K: float64(k)}.Quantile(1 - level)
}

func compareSizePower(_ context.Context, s sizePowerSpec, c Cell) ([]Line[sizePowerRow], error) {
	variance, err := mixtureVariance(s.Variance)
	if err != nil {
		return nil, err
	}
	one, point, critical, err := sizePowerTests(s)
	if err != nil {
		return nil, err
	}
	truth := s.truth(c)
	limit, err := truth.limit(variance, s.Bound, s.Draws, 2)
	if err != nil {
		return nil, err
	}
	var lines []Line[sizePowerRow]
	for i, t := range one {
		l := Line[sizePowerRow]{Name: "one component by " + t.name, Measure: t.reject, Theory: math.NaN(), Limit: true}
		x := critical
		if i == 0 { // χ², of two degrees of freedom wherever there is a limit law
			x = chi2Point(2, s.Level)
		}
		switch {
		case t.name == "EM-test" && variance == models.VarKnown && limit.law != nil:
			l.Theory, l.Route, l.Source = emTestPower(s.Level, limit.drift), models.Exact, "½χ²(0) + ½χ²(1) with the mean of the local alternative, Chen and Li (2009)"
		case t.name == "EM-test" && truth.root == 0:
			l.Theory, l.Route, l.Source = s.Level, models.Exact, "nominal, Chen and Li (2009)"
		case t.name == "bootstrap" && truth.root == 0 && variance == models.VarKnown:
			// The statistic of centred data is free of the one parameter.
			l.Theory, l.Route, l.Source, l.Limit = s.Level, models.Exact, "nominal; the statistic is pivotal", false
		case t.name != "EM-test" && limit.law != nil:
			p := limit.law.PValue(x)
			l.Theory, l.TheorySE, l.Route, l.Source = p.Value, p.SE, models.MonteCarlo, limit.source
		}
		lines = append(lines, l)
	}
	for i, t := range point {
		l := Line[sizePowerRow]{Name: "the truth by " + t.name, Measure: t.reject, Theory: s.Level, Limit: true, Route: models.Exact, Source: "nominal"}
		if i == 0 && limit.law != nil {
			l.Theory, l.Source = math.NaN(), ""
			if limit.drift == 0 {
				l.Theory, l.TheorySE = tailWithRegular(limit, chi2Point(len(truth.theta(variance)), s.Level))
				l.Route, l.Source = models.MonteCarlo, "regular coordinates and the supremum of the process, derived here"
			}
		}
		lines = append(lines, l)
	}
	return append(lines, Line[sizePowerRow]{
		Name: "passes over the data of one fit", Measure: Mean(func(r sizePowerRow) float64 { return float64(r.Passes) }), Theory: math.NaN(),
	}), nil
}

// emTestPower is P(Z + δ > z) for the point z above which p = P(Z > z) is below
// level.
func emTestPower(level, drift float64) float64 {
	return distuv.UnitNormal.Survival(distuv.UnitNormal.Quantile(1-level) - drift)
}

// tailWithRegular is P(χ² + T > x) for χ² of the regular coordinates, independent
// of T.
func tailWithRegular(limit localLimit, x float64) (p, se float64) {
	chi2 := distuv.ChiSquared{K: limit.regular}
	draws := limit.law.Draws()
	v, reps := make([]float64, len(draws)), make([]int, len(draws))
	for i, t := range draws {
		v[i], reps[i] = 1, i
		if t < x {
			v[i] = chi2.Survival(x - t)
		}
	}
	return mean(v, reps)
}
