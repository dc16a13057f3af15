package experiments

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/singular"
)

// lrtDistribution is the figure that every likelihood-ratio experiment has: the
// distribution functions of the statistic per cell with the limit law and χ² of
// naive theory, and the same as quantiles against those of the limit.
func lrtDistribution[S, R any](name, doc string, t func(r R) float64, limit func(s S) (*singular.Limit, error), naive float64) Figure[S, R] {
	return Figure[S, R]{Name: name, Doc: doc, Draw: func(s S, cells []Sample[R]) (Drawing, error) {
		law, err := limit(s)
		if err != nil {
			return nil, err
		}
		chi2 := distuv.ChiSquared{K: naive}
		top := chi2.Quantile(0.995)
		cdf := &figs.Panel{Title: "Distribution function", X: "T", Y: "P(T ≤ x)", XRange: [2]float64{0, top}, YRange: [2]float64{0, 1}}
		qq := &figs.Panel{Title: "Quantiles", X: "quantile of the limit law", Y: "ordered T"}
		if law == nil {
			qq.X = fmt.Sprintf("quantile of χ²(%v)", naive)
		}
		for _, c := range cells {
			v := make([]float64, len(c.Rows))
			for i, r := range c.Rows {
				v[i] = t(r)
			}
			label := fmt.Sprintf("n = %d", c.Cell.Int("n"))
			cdf.CDF(label, v)
			qq.QQ(label, v, func(p float64) float64 {
				if law == nil {
					return chi2.Quantile(p)
				}
				return law.Quantile(p).Value
			})
		}
		if law != nil {
			cdf.Func("limit n → ∞", func(x float64) float64 { return law.CDF(x).Value }, 0, top)
		}
		cdf.Func(fmt.Sprintf("naive χ²(%v)", naive), chi2.CDF, 0, top)
		return figs.New(cdf, qq), nil
	}}
}

// lrtHistogram is the histogram of the statistic in the last cell with the
// density of the limit law, in the same bins, on it.
func lrtHistogram[S, R any](t func(r R) float64, limit func(s S) (*singular.Limit, error)) Figure[S, R] {
	return Figure[S, R]{
		Name: "histogram",
		Doc:  "Histogram of the statistic at the largest sample size, with the density of its limit law.",
		Draw: func(s S, cells []Sample[R]) (Drawing, error) {
			law, err := limit(s)
			if err != nil {
				return nil, err
			}
			c := cells[len(cells)-1]
			v := make([]float64, len(c.Rows))
			for i, r := range c.Rows {
				v[i] = t(r)
			}
			const top, bins = 12.0, 48
			p := &figs.Panel{X: "T", Y: "density", XRange: [2]float64{0, top}}
			p.Histogram(fmt.Sprintf("n = %d", c.Cell.Int("n")), v, 0, top, bins)
			if law != nil {
				var x, y []float64
				for i := range bins {
					a, b := top*float64(i)/bins, top*float64(i+1)/bins
					x, y = append(x, (a+b)/2), append(y, (law.CDF(b).Value-law.CDF(a).Value)/(b-a))
				}
				p.Curve("limit n → ∞", x, y)
			}
			return figs.New(p), nil
		},
	}
}

// drawLRTMixturePaths draws the statistic against the supremum of the empirical
// process, one panel for the smallest and one for the largest sample.
func drawLRTMixturePaths(s lrtMixtureSpec, cells []Sample[lrtMixtureRow]) (Drawing, error) {
	if s.Variance != "known" {
		return nil, nil // no score process on the data to compare with
	}
	shown := cells[:1]
	if len(cells) > 1 {
		shown = []Sample[lrtMixtureRow]{cells[0], cells[len(cells)-1]}
	}
	var panels []*figs.Panel
	for _, c := range shown {
		x, y := make([]float64, 0, len(c.Rows)), make([]float64, 0, len(c.Rows))
		top := 0.0
		for _, r := range c.Rows {
			x, y = append(x, r.Sup), append(y, r.T)
			top = math.Max(top, math.Max(r.T, math.Min(r.Sup, 20)))
		}
		p := &figs.Panel{Title: fmt.Sprintf("n = %d", c.Cell.Int("n")), X: "sup of the score process", Y: "T", XRange: [2]float64{0, top}, YRange: [2]float64{0, top}}
		p.Points("replicates", x, y)
		p.Reference("T = sup", []float64{0, top}, []float64{0, top})
		panels = append(panels, p)
	}
	return figs.New(panels...), nil
}

// drawLRTARMA draws the estimates over the line of pole-zero cancellation.
func drawLRTARMA(_ lrtARMASpec, cells []Sample[lrtARMARow]) (Drawing, error) {
	var panels []*figs.Panel
	for _, c := range cells {
		x, y := make([]float64, len(c.Rows)), make([]float64, len(c.Rows))
		for i, r := range c.Rows {
			x[i], y[i] = r.Phi, r.Theta
		}
		p := &figs.Panel{Title: fmt.Sprintf("n = %d", c.Cell.Int("n")), X: "estimate of φ", Y: "estimate of θ", XRange: [2]float64{-1.1, 1.1}, YRange: [2]float64{-1.1, 1.1}}
		p.Points("estimates", x, y)
		p.Set("φ + θ = 0: white noise", []float64{-1, 1}, []float64{1, -1})
		panels = append(panels, p)
	}
	return figs.New(panels...), nil
}

// drawMLEMLP draws the estimates of (w, √n v) over the line v = 0.
func drawMLEMLP(s mleMLPSpec, cells []Sample[mleMLPRow]) (Drawing, error) {
	var panels []*figs.Panel
	for _, c := range cells {
		x, y := make([]float64, 0, len(c.Rows)), make([]float64, 0, len(c.Rows))
		root := math.Sqrt(float64(c.Cell.Int("n")))
		const top = 8.0
		for _, r := range c.Rows {
			if v := root * r.V; math.Abs(v) <= top {
				x, y = append(x, r.W), append(y, v)
			}
		}
		p := &figs.Panel{Title: fmt.Sprintf("n = %d", c.Cell.Int("n")), X: "estimate of w", LogX: true, Y: "√n × estimate of v", YRange: [2]float64{-top, top}}
		p.Points("estimates", x, y)
		p.Set("v = 0: the truth, for every w", []float64{mleMLPLeast, s.Bound}, []float64{0, 0})
		panels = append(panels, p)
	}
	return figs.New(panels...), nil
}
