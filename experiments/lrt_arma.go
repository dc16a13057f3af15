package experiments

import (
	"context"
	"math"

	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

type lrtARMASpec struct {
	N          []int   `toml:"n" doc:"lengths of the series"`
	Bound      float64 `toml:"bound" doc:"ρ: the moving-average coefficient is held to |θ| ≤ ρ < 1"`
	Likelihood string  `toml:"likelihood" doc:"css (conditional least squares) or exact (Gaussian likelihood of the stationary process); σ² = 1 is known in both"`
	Draws      int     `toml:"draws" doc:"draws of the limit law"`
}

type lrtARMARow struct {
	T        float64 `parquet:"t" doc:"likelihood-ratio statistic of ARMA(1,1) against white noise"`
	Phi      float64 `parquet:"phi" doc:"φ̂, the autoregressive coefficient"`
	Theta    float64 `parquet:"theta" doc:"θ̂, the moving-average coefficient; −φ̂ on the singular line"`
	Distance float64 `parquet:"distance" doc:"|φ̂ + θ̂|, from pole-zero cancellation"`
	Status   string  `parquet:"status" doc:"boundary if |θ̂| = ρ"`
}

var _ = register(Experiment[lrtARMASpec, lrtARMARow]{
	Name:    "lrt-arma",
	Version: 1,
	Doc: `The likelihood ratio of ARMA(1,1) against white noise, when the series is white.

On the line φ + θ = 0 pole and zero cancel and every point is white noise. The
statistic tends to the supremum of W² over |artanh ρ'| ≤ artanh ρ, W stationary
with correlation sech(s − s'), where naive theory says χ² with two degrees of
freedom. The maximum over θ is found on a grid in artanh θ that is refined around
every peak, so that no local maximum is missed; under css the maximum over φ
given θ is in closed form.`,
	Cite: []string{
		"E. J. Hannan (1982), Testing for autocorrelation and Akaike's criterion, Journal of Applied Probability 19A:403-412",
		"S. Veres (1987), Asymptotic distributions of likelihood ratios for overparametrized ARMA processes, Journal of Time Series Analysis 8:345-357",
	},
	Default:    lrtARMASpec{N: []int{100, 300, 1000}, Bound: 0.95, Likelihood: "css", Draws: 20000},
	Smoke:      lrtARMASpec{N: []int{50}, Bound: 0.8, Likelihood: "exact", Draws: 500},
	Replicates: 2000,
	Check: func(s lrtARMASpec) error {
		if err := checkSizes(s.N, 10); err != nil {
			return err
		}
		switch {
		case !(s.Bound > 0 && s.Bound < 1):
			return KeyError("bound", "%v: allowed is a number between 0 and 1", s.Bound)
		case s.Likelihood != "css" && s.Likelihood != "exact":
			return KeyError("likelihood", "%q: allowed is css or exact", s.Likelihood)
		}
		return checkDraws(s.Draws)
	},
	Cells: func(s lrtARMASpec) []Cell { return Grid(Axis("n", s.N...)) },
	Data:  func(_ lrtARMASpec, c Cell, k mc.Key) (*models.Data, error) { return whiteNoise(c.Int("n"), k), nil },
	Replicate: func(_ context.Context, s lrtARMASpec, c Cell, k mc.Key) ([]lrtARMARow, error) {
		row, err := fitLRTARMA(s, whiteNoise(c.Int("n"), k))
		return []lrtARMARow{row}, err
	},
	Compare: func(_ context.Context, s lrtARMASpec, c Cell) ([]Line[lrtARMARow], error) {
		limit, err := lrtARMALimit(s, 2)
		if err != nil {
			return nil, err
		}
		return append(lrtLines(func(r lrtARMARow) float64 { return r.T }, limit, "sech process, derived here; Veres (1987)"),
			Line[lrtARMARow]{
				Name:    "P(|θ̂| = ρ)",
				Measure: Fraction(func(r lrtARMARow) bool { return r.Status == Boundary }),
				Theory:  math.NaN(),
			}), nil
	},
	Figures: []Figure[lrtARMASpec, lrtARMARow]{
		lrtHistogram(func(r lrtARMARow) float64 { return r.T }, func(s lrtARMASpec) (*singular.Limit, error) { return lrtARMALimit(s, 1) }),
		lrtDistribution("statistic", "Distribution of the likelihood-ratio statistic against its limit law and against χ² with two degrees of freedom.", func(r lrtARMARow) float64 { return r.T }, func(s lrtARMASpec) (*singular.Limit, error) { return lrtARMALimit(s, 1) }, 2),
		{Name: "estimates", Doc: "Estimates of (φ, θ) for white noise: they spread along the whole line of pole-zero cancellation.", Draw: drawLRTARMA},
	},
})

func lrtARMALimit(s lrtARMASpec, workers int) (*singular.Limit, error) {
	return runLaw("arma11", map[string]float64{"bound": s.Bound}, s.Draws, workers)
}

// whiteNoise draws a series of n standard normals.
func whiteNoise(n int, k mc.Key) *models.Data {
	z := models.NewData(n, 0, 1)
	rng := k.Stream("data")
	for i := range z.V {
		z.V[i] = rng.NormFloat64()
	}
	return z
}

func fitLRTARMA(s lrtARMASpec, z *models.Data) (lrtARMARow, error) {
	f, err := fitARMA11(z, s.Bound, s.Likelihood == "css")
	if err != nil {
		return lrtARMARow{}, err
	}
	return lrtARMARow{T: f.t, Phi: f.phi, Theta: f.theta, Distance: math.Abs(f.phi + f.theta), Status: f.status}, nil
}

// An arma11Fit is the maximum of ARMA(1,1) with σ² = 1 and |θ| ≤ bound.
type arma11Fit struct {
	model      *models.ARMA
	l          models.Likelihood
	t          float64 // statistic against white noise
	phi, theta float64
	status     string // boundary if |θ| = bound
}

// fitARMA11 maximises over artanh θ; given θ, φ has a closed form (css) or is
// found by golden section around it (exact likelihood).
func fitARMA11(z *models.Data, bound float64, css bool) (arma11Fit, error) {
	m, err := models.NewARMA(1, 1, models.ARMASettings{Var: 1, CSS: css})
	if err != nil {
		return arma11Fit{}, err
	}
	l, err := m.Bind(z)
	if err != nil {
		return arma11Fit{}, err
	}
	theta := make([]float64, 2)
	null := l.LogLik(theta)
	at := func(phi, th float64) float64 {
		theta[0], theta[1] = phi, th
		return 2 * (l.LogLik(theta) - null)
	}
	// best returns the statistic at θ and the φ that reaches it.
	best := func(th float64) (t, phi float64) {
		gain, shift := cssGain(z.V, th)
		if css {
			return gain, shift - th
		}
		// The exact likelihood differs from css by O(1/n) near the line, so
		// that a few standard errors of φ + θ around its answer are enough.
		half := 6 * math.Sqrt((1-th*th)/float64(z.N))
		phi, t = golden(func(phi float64) float64 { return at(phi, th) }, math.Max(-1+1e-9, shift-th-half), math.Min(1-1e-9, shift-th+half))
		return t, phi
	}
	reach := math.Atanh(bound)
	points := 9 + int(8*reach)
	sHat, t := maximize1(func(x float64) float64 { t, _ := best(math.Tanh(x)); return t }, -reach, reach, points)
	f := arma11Fit{model: m, l: l, t: t, theta: math.Tanh(sHat), status: Converged}
	_, f.phi = best(f.theta)
	if math.Abs(sHat) > reach-1e-6 {
		f.status = Boundary
	}
	return f, nil
}

// cssGain returns, for the moving-average coefficient θ, the decrease of the
// conditional sum of squares from white noise at the best φ, and φ + θ there.
// With y_t = x_t − θ y_{t−1} the residual is e_t = x_t − (φ + θ) y_{t−1}, linear in
// φ + θ: the decrease is (Σ x_t y_{t−1})²/Σ y_{t−1}².
func cssGain(x []float64, th float64) (gain, shift float64) {
	var y, xy, yy float64
	for _, v := range x {
		xy += v * y
		yy += y * y
		y = v - th*y
	}
	if yy == 0 {
		return 0, 0
	}
	return xy * xy / yy, xy / yy
}
