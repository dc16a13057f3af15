package experiments

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

type mleConeSpec struct {
	D     []int     `toml:"d" doc:"dimensions of the sphere of directions"`
	C     float64   `toml:"c" doc:"slope of the cone"`
	H     []float64 `toml:"h" doc:"distances of the truth from the apex, ξ₀ = h/√n"`
	N     int       `toml:"n" doc:"sample size; nothing but the scale of ξ depends on it"`
	Sided string    `toml:"sided" doc:"two (ξ ∈ R, the double cone) or one (ξ ≥ 0)"`
}

type mleConeRow struct {
	T      float64 `parquet:"t" doc:"likelihood-ratio statistic against the apex ξ = 0"`
	Xi     float64 `parquet:"xi" doc:"√n ξ̂"`
	Omega  float64 `parquet:"omega" doc:"first coordinate of the direction ω̂, cos α̂₁"`
	Gen    float64 `parquet:"gen" unit:"nats" doc:"2n × generalisation error KL(truth ‖ estimate); d+1 by regular theory"`
	Train  float64 `parquet:"train" unit:"nats" doc:"2n × training error; −(d+1) by regular theory"`
	Status string  `parquet:"status" doc:"boundary if ξ̂ = 0 in the one-sided cone"`
}

var _ = register(Experiment[mleConeSpec, mleConeRow]{
	Name:    "mle-cone",
	Version: 1,
	Doc: `The maximum-likelihood estimate at and near the apex of a cone, exactly.

At the apex the estimate of the direction is uniform on the sphere however large n
is, the estimate of the amplitude has two peaks and no mass near 0, and
generalisation and training error are ±T(d, c)/(2n) with T a closed form that is
not d + 1: above it for a narrow sphere and a steep cone, below it for many
dimensions. At distance h/√n from the apex the two errors part company before both
reach the regular value. All of it is exact for every n.`,
	Cite: []string{
		"S. Amari, H. Park, T. Ozeki (2001), Geometrical singularities in the neuromanifold of multilayer perceptrons, NIPS 14",
		"S. Amari, H. Park, T. Ozeki (2006), Singularities affect dynamics of learning in neuromanifolds, Neural Computation 18(5):1007-1065",
		"S. Watanabe, S. Amari (2003), Learning coefficients of layered models when the true distribution mismatches the singularities, Neural Computation 15:1013-1033",
	},
	Default:    mleConeSpec{D: []int{1, 5, 10}, C: 1, H: []float64{0, 1, 2, 5, 10}, N: 100, Sided: "two"},
	Smoke:      mleConeSpec{D: []int{1}, C: 2, H: []float64{0, 2}, N: 20, Sided: "one"},
	Replicates: 4000, Chunk: 500,
	Check: func(s mleConeSpec) error {
		if len(s.D) == 0 || len(s.H) == 0 {
			return KeyError("d", "d and h need a value each")
		}
		for _, d := range s.D {
			if d < 1 || d > 200 {
				return KeyError("d", "%d: allowed is 1 to 200", d)
			}
		}
		for _, h := range s.H {
			if !(h >= 0) || math.IsInf(h, 0) {
				return KeyError("h", "%v: allowed is a finite number from 0", h)
			}
		}
		switch {
		case !(s.C > 0) || math.IsInf(s.C, 0):
			return KeyError("c", "%v: allowed is a finite number above 0", s.C)
		case s.N < 1:
			return KeyError("n", "%d: allowed is 1 or more", s.N)
		case s.Sided != "one" && s.Sided != "two":
			return KeyError("sided", "%q: allowed is one or two", s.Sided)
		}
		return nil
	},
	Cells: func(s mleConeSpec) []Cell { return Grid(Axis("d", s.D...), Axis("h", s.H...)) },
	Data:  mleConeData,
	Replicate: func(_ context.Context, s mleConeSpec, c Cell, k mc.Key) ([]mleConeRow, error) {
		z, err := mleConeData(s, c, k)
		if err != nil {
			return nil, err
		}
		row, err := fitMLECone(s, c, z)
		return []mleConeRow{row}, err
	},
	Compare: compareMLECone,
	Figures: []Figure[mleConeSpec, mleConeRow]{
		{Name: "amplitude", Doc: "√n ξ̂ at the apex: two peaks and nothing at 0, against the exact density and the normal law with the same variance.", Draw: drawMLEConeAmplitude},
		{Name: "errors", Doc: "Generalisation and training error times 2n, as a share of the regular value d + 1, against the distance h from the apex.", Draw: drawMLEConeErrors},
		{Name: "statistic", Doc: "Distribution of the likelihood-ratio statistic at the apex for the smallest d, against its exact law and against χ² with d + 1 degrees of freedom.", Draw: drawMLEConeStatistic},
	},
})

func mleConeModel(s mleConeSpec, c Cell) (*models.Cone, []float64, error) {
	d := c.Int("d")
	m, err := models.NewCone(models.ConeSettings{D: d, C: s.C, OneSided: s.Sided == "one"})
	truth := make([]float64, d+1) // ω = (1, 0, …, 0)
	truth[0] = c.Float("h") / math.Sqrt(float64(s.N))
	return m, truth, err
}

func mleConeData(s mleConeSpec, c Cell, k mc.Key) (*models.Data, error) {
	m, truth, err := mleConeModel(s, c)
	if err != nil {
		return nil, err
	}
	z := models.NewData(s.N, 0, c.Int("d")+2)
	m.Sample(z, truth, k.Stream("data"))
	return z, nil
}

func fitMLECone(s mleConeSpec, c Cell, z *models.Data) (mleConeRow, error) {
	m, truth, err := mleConeModel(s, c)
	if err != nil {
		return mleConeRow{}, err
	}
	l, err := m.Bind(z)
	if err != nil {
		return mleConeRow{}, err
	}
	theta := make([]float64, len(truth))
	top := l.(models.Maximizer).Maximum(theta)
	atTruth := l.LogLik(truth)
	apex := make([]float64, len(truth))
	n := float64(s.N)
	row := mleConeRow{
		T: 2 * (top - l.LogLik(apex)), Xi: math.Sqrt(n) * theta[0], Omega: math.Cos(theta[1]),
		Train: 2 * (atTruth - top), Status: Converged,
	}
	pop, err := models.Population(m, m, truth, models.Rule{})
	if err != nil {
		return row, err
	}
	row.Gen = 2 * n * (pop.LogLik(truth) - pop.LogLik(theta))
	if s.Sided == "one" && theta[0] == 0 {
		row.Status = Boundary
	}
	return row, nil
}

// coneErrors is 2n E_gen = −2n E_train = E[T] at the apex of the double cone,
//
//	T(d, c) = [1 + c²(d+1) + 2c √(2/π) E χ_{d+1}]/(1+c²),
//
// since √n ξ̂ = (|Z₀| + cR)/√(1+c²) with Z₀ standard normal and R ~ χ_{d+1}.
// Derived here; the limit of large d, c²d/(1+c²), is in Amari, Park and Ozeki.
func coneErrors(d int, c float64) float64 {
	k := float64(d + 1)
	a, _ := math.Lgamma((k + 1) / 2)
	b, _ := math.Lgamma(k / 2)
	chi := math.Sqrt2 * math.Exp(a-b)
	return (1 + c*c*k + 2*c*math.Sqrt(2/math.Pi)*chi) / (1 + c*c)
}

func compareMLECone(_ context.Context, s mleConeSpec, cell Cell) ([]Line[mleConeRow], error) {
	d, h := cell.Int("d"), cell.Float("h")
	gen := Line[mleConeRow]{Name: "2n E_gen", Measure: Mean(func(r mleConeRow) float64 { return r.Gen }), Theory: math.NaN()}
	train := Line[mleConeRow]{Name: "2n E_train", Measure: Mean(func(r mleConeRow) float64 { return r.Train }), Theory: math.NaN()}
	lines := []Line[mleConeRow]{gen, train}
	if h > 0 {
		// The regular value is the limit h → ∞.
		lines[0].Theory, lines[0].Limit, lines[0].Route, lines[0].Source = float64(d+1), true, models.Exact, "regular theory, h → ∞"
		lines[1].Theory, lines[1].Limit, lines[1].Route, lines[1].Source = -float64(d+1), true, models.Exact, "regular theory, h → ∞"
		return lines, nil
	}
	exact, err := coneLaw(s, d)
	if err != nil {
		return nil, err
	}
	const source = "law of the projection on the cone, derived here"
	mean := exact.Mean().Value
	if s.Sided == "two" {
		mean = coneErrors(d, s.C)
	}
	for i, v := range []float64{mean, -mean} {
		lines[i].Theory, lines[i].Route, lines[i].Source = v, models.Exact, source
	}
	t := func(r mleConeRow) float64 { return r.T }
	lines = append(lines, Line[mleConeRow]{Name: "mean T", Measure: Mean(t), Theory: mean, Route: models.Exact, Source: source})
	for _, p := range []float64{0.5, 0.95} {
		lines = append(lines, Line[mleConeRow]{
			Name: fmt.Sprintf("%v-quantile of T", p), Measure: Quantile(p, t),
			Theory: exact.Quantile(p).Value, Route: models.Exact, Source: source,
		})
	}
	aic := 2 * float64(d+1)
	return append(lines, Line[mleConeRow]{
		Name: "P(AIC leaves the apex)", Measure: Fraction(func(r mleConeRow) bool { return r.T > aic }),
		Theory: exact.PValue(aic).Value, Route: models.Exact, Source: source,
	}), nil
}

// coneLaw is the exact law of the statistic at the apex.
func coneLaw(s mleConeSpec, d int) (*singular.Limit, error) {
	law, err := singular.NewLaw("cone", map[string]float64{"d": float64(d), "c": s.C, "signed": map[string]float64{"two": 1, "one": 0}[s.Sided]})
	if err != nil {
		return nil, err
	}
	return law.Run(0, nil, nil)
}

// amplitudeDensity is the density of √n ξ̂ at the apex of the double cone:
// half of that of Y = (|Z₀| + cR)/√(1+c²) on either side, by quadrature over R.
func amplitudeDensity(d int, c float64) func(x float64) float64 {
	chi2 := distuv.ChiSquared{K: float64(d + 1)}
	root := math.Sqrt(1 + c*c)
	return func(x float64) float64 {
		y := math.Abs(x) * root
		const steps = 400
		sum := 0.0
		for i := range steps {
			r := (float64(i) + 0.5) / steps * y / c
			z := y - c*r
			sum += 2 * r * chi2.Prob(r*r) * 2 * distuv.UnitNormal.Prob(z) * y / c / steps
		}
		return root * sum / 2
	}
}

func drawMLEConeAmplitude(s mleConeSpec, cells []Sample[mleConeRow]) (Drawing, error) {
	var panels []*figs.Panel
	for _, c := range cells {
		if c.Cell.Float("h") != 0 || len(panels) == 3 {
			continue
		}
		v := make([]float64, len(c.Rows))
		ss := 0.0
		for i, r := range c.Rows {
			v[i] = r.Xi
			ss += r.Xi * r.Xi / float64(len(c.Rows))
		}
		d := c.Cell.Int("d")
		top := 2 + 1.6*math.Sqrt(ss)
		lo := -top
		if s.Sided == "one" {
			lo = 0
		}
		p := &figs.Panel{Title: fmt.Sprintf("d = %d", d), X: "√n × estimate of ξ", Y: "density", XRange: [2]float64{lo, top}}
		p.Histogram("estimates", v, lo, top, 50)
		if s.Sided == "two" {
			p.Func("exact density", amplitudeDensity(d, s.C), lo, top)
			normal := distuv.Normal{Sigma: math.Sqrt(ss)}
			p.Func("normal with the same variance", normal.Prob, lo, top)
		}
		panels = append(panels, p)
	}
	return figs.New(panels...), nil
}

func drawMLEConeErrors(s mleConeSpec, cells []Sample[mleConeRow]) (Drawing, error) {
	var panels []*figs.Panel
	for _, d := range s.D[:min(len(s.D), 3)] {
		var h, gen, genSE, train, trainSE []float64
		for _, c := range cells {
			if c.Cell.Int("d") != d {
				continue
			}
			reg := float64(d + 1)
			g, gse, _ := Mean(func(r mleConeRow) float64 { return r.Gen / reg })(c)
			t, tse, _ := Mean(func(r mleConeRow) float64 { return -r.Train / reg })(c)
			h = append(h, c.Cell.Float("h"))
			gen, genSE = append(gen, g), append(genSE, gse)
			train, trainSE = append(train, t), append(trainSE, tse)
		}
		if len(h) == 0 {
			continue
		}
		p := &figs.Panel{Title: fmt.Sprintf("d = %d", d), X: "h = √n ξ₀", Y: "2n × error / (d + 1)"}
		p.Series("generalisation error", h, gen, genSE)
		p.Series("− training error", h, train, trainSE)
		p.Reference("regular theory", []float64{h[0], h[len(h)-1]}, []float64{1, 1})
		panels = append(panels, p)
	}
	return figs.New(panels...), nil
}

func drawMLEConeStatistic(s mleConeSpec, cells []Sample[mleConeRow]) (Drawing, error) {
	d := slices.Min(s.D)
	var shown []Sample[mleConeRow]
	for _, c := range cells {
		if c.Cell.Int("d") == d && c.Cell.Float("h") == 0 {
			c.Cell = NewCell(Var{"n", s.N}) // as the shared figure labels it
			shown = append(shown, c)
		}
	}
	if len(shown) == 0 {
		return nil, nil // the apex is not among the cells
	}
	law := func(s mleConeSpec) (*singular.Limit, error) { return coneLaw(s, d) }
	return lrtDistribution("", "", func(r mleConeRow) float64 { return r.T }, law, float64(d+1)).Draw(s, shown)
}
