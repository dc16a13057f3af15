package experiments

import (
	"fmt"
	"math"
	"slices"

	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

// What the experiments on likelihood-ratio statistics share.

// The 95 % points of χ² with one and two degrees of freedom.
const (
	chi2Upper  = 3.841458820694124
	chi2Upper2 = 5.991464547107979 // −2 log 0.05
)

// checkSizes reports a list of sample sizes that is empty or has one below least.
func checkSizes(n []int, least int) error {
	if len(n) == 0 {
		return KeyError("n", "no sample size given")
	}
	for _, v := range n {
		if v < least {
			return KeyError("n", "%d: allowed is %d or more", v, least)
		}
	}
	return nil
}

func checkDraws(draws int) error {
	if draws < 100 {
		return KeyError("draws", "%d: allowed is 100 or more", draws)
	}
	return nil
}

// runLaw simulates a limit law on a stream that depends on its name and
// parameters alone, so that every table of one law shows the same numbers.
func runLaw(name string, params map[string]float64, draws, workers int) (*singular.Limit, error) {
	return runLocalLaw(name, params, 0, 0, draws, workers)
}

// runLocalLaw is runLaw under a local alternative: see singular.NewLocalLaw.
func runLocalLaw(name string, params map[string]float64, at, strength float64, draws, workers int) (*singular.Limit, error) {
	law, err := singular.NewLaw(name, params)
	if strength != 0 {
		law, err = singular.NewLocalLaw(name, params, at, strength)
	}
	if err != nil {
		return nil, err
	}
	key := mc.Key{Experiment: "limit", Cell: law.String()}
	return law.Run(draws, mc.Each(workers, key, "draws"), key.Stream("draws"))
}

// lrtLines compares a statistic with its limit law, or only measures it where
// limit is nil.
func lrtLines[R any](t func(r R) float64, limit *singular.Limit, source string) []Line[R] {
	route := models.MonteCarlo
	if limit != nil && limit.Exact {
		route = models.Exact
	}
	line := func(name string, m Measure[R], theory func() singular.Estimate) Line[R] {
		l := Line[R]{Name: name, Measure: m, Theory: math.NaN()}
		if limit != nil {
			e := theory()
			l.Theory, l.TheorySE, l.Limit, l.Route, l.Source = e.Value, e.SE, true, route, source
		}
		return l
	}
	lines := []Line[R]{
		line("mean T", Mean(t), func() singular.Estimate { return limit.Mean() }),
		line("P(T < 0.02)", Fraction(func(r R) bool { return t(r) < 0.02 }), func() singular.Estimate { return limit.CDF(0.02) }),
	}
	for _, p := range []float64{0.5, 0.9, 0.95, 0.99} {
		lines = append(lines, line(fmt.Sprintf("%v-quantile of T", p), Quantile(p, t), func() singular.Estimate { return limit.Quantile(p) }))
	}
	return append(lines,
		line("P(T > 3.84), 0.05 under χ²(1)", Fraction(func(r R) bool { return t(r) > chi2Upper }), func() singular.Estimate { return limit.PValue(chi2Upper) }),
		line("P(T > 5.99), 0.05 under χ²(2)", Fraction(func(r R) bool { return t(r) > chi2Upper2 }), func() singular.Estimate { return limit.PValue(chi2Upper2) }),
		line("P(T > 4), AIC takes the larger model", Fraction(func(r R) bool { return t(r) > 4 }), func() singular.Estimate { return limit.PValue(4) }),
	)
}

// lrtBrief is lrtLines without the lines that only a study of the law itself needs.
func lrtBrief[R any](t func(r R) float64, limit *singular.Limit, source string) []Line[R] {
	return slices.DeleteFunc(lrtLines(t, limit, source), func(l Line[R]) bool {
		return !slices.Contains([]string{"mean T", "P(T < 0.02)", "0.95-quantile of T", "P(T > 5.99), 0.05 under χ²(2)"}, l.Name)
	})
}

// correlation returns Pearson's correlation of two columns.
func correlation[R any](rows []R, x, y func(r R) float64) float64 {
	n := float64(len(rows))
	var mx, my float64
	for _, r := range rows {
		mx += x(r) / n
		my += y(r) / n
	}
	var xx, xy, yy float64
	for _, r := range rows {
		a, b := x(r)-mx, y(r)-my
		xx += a * a
		xy += a * b
		yy += b * b
	}
	return xy / math.Sqrt(xx*yy)
}

// maximize1 maximises f on [lo, hi] to about 1e-9 of the interval: the best of
// an equally spaced grid of n points and of golden-section refinements around
// its local maxima.
func maximize1(f func(x float64) float64, lo, hi float64, n int) (x, fx float64) {
	grid := make([]float64, n)
	at := func(i int) float64 { return lo + (hi-lo)*float64(i)/float64(n-1) }
	x, fx = lo, math.Inf(-1)
	for i := range grid {
		grid[i] = f(at(i))
		if grid[i] > fx {
			x, fx = at(i), grid[i]
		}
	}
	top := fx
	for i, v := range grid {
		left, right := max(i-1, 0), min(i+1, n-1)
		// A peak well below the highest one cannot overtake it between the
		// points of a grid that resolves f.
		if v < grid[left] || v < grid[right] || v < top-1-0.1*math.Abs(top) {
			continue
		}
		if y, fy := golden(f, at(left), at(right)); fy > fx {
			x, fx = y, fy
		}
	}
	return x, fx
}

// golden is golden-section search for a maximum of f in [a, b].
func golden(f func(x float64) float64, a, b float64) (x, fx float64) {
	const g = 0.6180339887498949 // (√5 − 1)/2
	c, d := b-g*(b-a), a+g*(b-a)
	fc, fd := f(c), f(d)
	for range 40 {
		if fc > fd {
			b, d, fd = d, c, fc
			c = b - g*(b-a)
			fc = f(c)
		} else {
			a, c, fc = c, d, fd
			d = a + g*(b-a)
			fd = f(d)
		}
	}
	if fc > fd {
		return c, fc
	}
	return d, fd
}
