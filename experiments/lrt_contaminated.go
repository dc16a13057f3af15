package experiments

import (
	"context"
	"fmt"
	"math"

	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

type lrtContaminatedSpec struct {
	N     []int   `toml:"n" doc:"sample sizes"`
	Bound float64 `toml:"bound" doc:"M: the mean of the contamination is held to |b| ≤ M"`
	Draws int     `toml:"draws" doc:"draws of the limit law"`
}

type lrtContaminatedRow struct {
	T      float64 `parquet:"t" doc:"likelihood-ratio statistic of (1−a)N(0,1) + aN(b,1) against N(0,1)"`
	A      float64 `parquet:"a" doc:"â, the share of the contamination"`
	B      float64 `parquet:"b" doc:"b̂, its mean"`
	Status string  `parquet:"status" doc:"boundary if |b̂| = M"`
}

var _ = register(Experiment[lrtContaminatedSpec, lrtContaminatedRow]{
	Name:    "lrt-contaminated",
	Version: 1,
	Doc: `The likelihood ratio of a contaminated normal against a pure one, when it is pure.

Data are n draws of N(0, 1), the model is (1−a)N(0, 1) + aN(b, 1) with |b| ≤ M: at a = 0
every b is true, at b = 0 every a. The statistic tends to the squared positive
supremum of a Gaussian process over b, where naive theory says χ² with two degrees
of freedom. Given b the log-likelihood is concave in a, so that the maximum is found
on a grid of b that is refined around every peak. Without a bound the statistic has
no limit: see lrt-growth.`,
	Cite: []string{
		"J. A. Hartigan (1985), A failure of likelihood asymptotics for normal mixtures, Proceedings of the Berkeley Conference in Honor of Neyman and Kiefer 2:807-810",
		"X. Liu, Y. Shao (2003), Asymptotics for likelihood ratio tests under loss of identifiability, Annals of Statistics 31:807-832",
	},
	Default:    lrtContaminatedSpec{N: []int{100, 300, 1000}, Bound: 3, Draws: 20000},
	Smoke:      lrtContaminatedSpec{N: []int{50}, Bound: 3, Draws: 500},
	Replicates: 2000,
	Check: func(s lrtContaminatedSpec) error {
		if err := checkSizes(s.N, 2); err != nil {
			return err
		}
		if err := checkMeanBound(s.Bound); err != nil {
			return err
		}
		return checkDraws(s.Draws)
	},
	Cells: func(s lrtContaminatedSpec) []Cell { return Grid(Axis("n", s.N...)) },
	Data: func(_ lrtContaminatedSpec, c Cell, k mc.Key) (*models.Data, error) {
		return whiteNoise(c.Int("n"), k), nil
	},
	Replicate: func(_ context.Context, s lrtContaminatedSpec, c Cell, k mc.Key) ([]lrtContaminatedRow, error) {
		row := lrtContaminatedRow{Status: Converged}
		row.T, row.A, row.B = contaminatedFit(whiteNoise(c.Int("n"), k).V, -s.Bound, s.Bound)
		if math.Abs(row.B) > s.Bound-1e-6 {
			row.Status = Boundary
		}
		return []lrtContaminatedRow{row}, nil
	},
	Compare: func(_ context.Context, s lrtContaminatedSpec, _ Cell) ([]Line[lrtContaminatedRow], error) {
		limit, err := lrtContaminatedLimit(s)
		if err != nil {
			return nil, err
		}
		return lrtLines(func(r lrtContaminatedRow) float64 { return r.T }, limit, "contamination process, derived here; Liu and Shao (2003)"), nil
	},
	Figures: []Figure[lrtContaminatedSpec, lrtContaminatedRow]{
		lrtHistogram(func(r lrtContaminatedRow) float64 { return r.T }, lrtContaminatedLimit),
		lrtDistribution("statistic", "Distribution of the likelihood-ratio statistic against its limit law and against χ² with two degrees of freedom.", func(r lrtContaminatedRow) float64 { return r.T }, lrtContaminatedLimit, 2),
		{Name: "estimates", Doc: "Estimates of (b, a): both lines a = 0 and b = 0 are the pure normal, and the estimates spread along them.", Draw: drawLRTContaminated},
	},
})

func lrtContaminatedLimit(s lrtContaminatedSpec) (*singular.Limit, error) {
	return runLaw("contaminated", map[string]float64{"bound": s.Bound}, s.Draws, 2)
}

// contaminatedFit is 2 max Σ log(1 + a(e^{bx − b²/2} − 1)) over 0 ≤ a ≤ 1 and lo ≤ b ≤
// hi, and where it is. Given b it is concave in a.
func contaminatedFit(x []float64, lo, hi float64) (t, a, b float64) {
	e := make([]float64, len(x))
	profile := func(b float64) (t, a float64) {
		slope := 0.0
		for i, v := range x {
			e[i] = math.Expm1(b * (v - b/2))
			slope += e[i]
		}
		if slope <= 0 {
			return 0, 0
		}
		// Newton from 1/n, kept inside (0, 1] by halving towards the bracket.
		lo, hi, a := 0.0, 1.0, 1/float64(len(x))
		for range 60 {
			g, h := 0.0, 0.0
			for _, v := range e {
				r := v / (1 + a*v)
				g += r
				h -= r * r
			}
			if g > 0 {
				lo = a
			} else {
				hi = a
			}
			next := a - g/h
			if !(next > lo && next < hi) {
				next = (lo + hi) / 2
			}
			if math.Abs(next-a) < 1e-12*hi {
				break
			}
			a = next
		}
		ll := 0.0
		for _, v := range e {
			ll += math.Log1p(a * v)
		}
		return 2 * ll, a
	}
	b, _ = maximize1(func(b float64) float64 { t, _ := profile(b); return t }, lo, hi, 1+int(math.Ceil((hi-lo)/0.1)))
	t, a = profile(b)
	return t, a, b
}

func drawLRTContaminated(s lrtContaminatedSpec, cells []Sample[lrtContaminatedRow]) (Drawing, error) {
	var panels []*figs.Panel
	for _, c := range cells[max(0, len(cells)-3):] {
		x, y := make([]float64, len(c.Rows)), make([]float64, len(c.Rows))
		for i, r := range c.Rows {
			x[i], y[i] = r.B, r.A
		}
		p := &figs.Panel{Title: fmt.Sprintf("n = %d", c.Cell.Int("n")), X: "estimate of b", Y: "estimate of a", XRange: [2]float64{-1.05 * s.Bound, 1.05 * s.Bound}, YRange: [2]float64{-0.03, 1.03}}
		if len(panels) > 0 {
			p.Y = ""
		}
		p.Points("estimates", x, y)
		p.Set("a = 0 or b = 0: pure", []float64{-s.Bound, 0, 0, 0, s.Bound}, []float64{0, 0, 1, 0, 0})
		panels = append(panels, p)
	}
	return figs.New(panels...), nil
}
