package experiments

import (
	"context"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/optimize"

	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

type lrtSimpleMLPSpec struct {
	N      []int     `toml:"n" doc:"sample sizes"`
	Inputs []int     `toml:"inputs" doc:"dimensions D of the input x ~ N(0, I)"`
	Beta   []float64 `toml:"beta" doc:"slopes of the unit φ(βω·x), |ω| = 1"`
	Starts int       `toml:"starts" doc:"random directions to climb from, beside the one of linear regression, for three inputs or more"`
	Draws  int       `toml:"draws" doc:"draws of the limit law"`
}

type lrtSimpleMLPRow struct {
	T      float64   `parquet:"t" doc:"likelihood-ratio statistic of y = ξφ(βω·x) + e against y = e; minus 2n × training error"`
	Xi     float64   `parquet:"xi" doc:"ξ̂ for the unit of second moment 1"`
	Omega  []float64 `parquet:"omega" doc:"ω̂, the direction, with (ξ, ω) ~ (−ξ, −ω)"`
	Gen    float64   `parquet:"gen" unit:"nats" doc:"2n × generalisation error KL(truth ‖ estimate) = n ξ̂²; D by regular theory"`
	Status string    `parquet:"status" doc:"how the climb to the maximum ended"`
}

var _ = register(Experiment[lrtSimpleMLPSpec, lrtSimpleMLPRow]{
	Name:    "lrt-simple-mlp",
	Version: 1,
	Doc: `The likelihood ratio of one hidden unit of fixed slope against none.

The truth is y = e, e ~ N(0, 1), the model y = ξφ(βω·x) + e with erf units and ω on the
unit sphere: at ξ = 0 every direction ω is true. Naive theory says χ² with D degrees
of freedom, as many as the inputs. That is right for D = 1 and for a straight line, β → 0;
a steep unit gains more, the more the steeper, and generalises the worse by the same
amount. One and two inputs are searched completely, more of them from many starts.
The limit law is known here for one and two inputs.`,
	Cite: []string{
		"S. Amari, H. Park, T. Ozeki (2006), Singularities affect dynamics of learning in neuromanifolds, Neural Computation 18(5):1007-1065",
		"K. Fukumizu (2003), Likelihood ratio of unidentifiable models and multilayer neural networks, Annals of Statistics 31:833-851",
	},
	Default:    lrtSimpleMLPSpec{N: []int{100, 400}, Inputs: []int{1, 2, 3, 5, 10}, Beta: []float64{1, 5}, Starts: 10, Draws: 20000},
	Smoke:      lrtSimpleMLPSpec{N: []int{50}, Inputs: []int{2, 3}, Beta: []float64{2}, Starts: 2, Draws: 500},
	Replicates: 500, Chunk: 50,
	Check: func(s lrtSimpleMLPSpec) error {
		if len(s.Inputs) == 0 || len(s.Beta) == 0 {
			return KeyError("inputs", "inputs and beta need a value each")
		}
		for _, d := range s.Inputs {
			if d < 1 || d > 100 {
				return KeyError("inputs", "%d: allowed is 1 to 100", d)
			}
		}
		if err := checkSizes(s.N, slices.Max(s.Inputs)+2); err != nil {
			return err
		}
		for _, b := range s.Beta {
			if !(b > 0 && b <= 200) {
				return KeyError("beta", "%v: allowed is above 0 and at most 200", b)
			}
		}
		if s.Starts < 0 {
			return KeyError("starts", "%d: allowed is 0 or more", s.Starts)
		}
		return checkDraws(s.Draws)
	},
	Cells: func(s lrtSimpleMLPSpec) []Cell {
		return Grid(Axis("inputs", s.Inputs...), Axis("beta", s.Beta...), Axis("n", s.N...))
	},
	Data: func(_ lrtSimpleMLPSpec, c Cell, k mc.Key) (*models.Data, error) { return simpleMLPData(c, k), nil },
	Replicate: func(_ context.Context, s lrtSimpleMLPSpec, c Cell, k mc.Key) ([]lrtSimpleMLPRow, error) {
		return []lrtSimpleMLPRow{fitSimpleMLP(s, c, k)}, nil
	},
	Compare: compareSimpleMLP,
	Figures: []Figure[lrtSimpleMLPSpec, lrtSimpleMLPRow]{
		{Name: "errors", Doc: "Training and generalisation error times 2n as a share of D, against D, at the largest n: 1 is regular theory.", Draw: drawSimpleMLPErrors},
		{Name: "statistic", Doc: "Distribution of the statistic for the largest number of inputs with a known limit law, at the largest n, against that law and χ² with D degrees of freedom.", Draw: drawSimpleMLPStatistic},
	},
})

func simpleMLPData(c Cell, k mc.Key) *models.Data {
	z := models.NewData(c.Int("n"), c.Int("inputs"), 1)
	rng := k.Stream("data")
	for i := range z.V {
		z.V[i] = rng.NormFloat64()
	}
	return z
}

// A simpleMLP is the gain of the best ξ as a function of the direction.
type simpleMLP struct {
	z      *models.Data
	beta   float64
	h      []float64 // slope of the unit at every row
	f      []float64
	fy, ff float64
}

// gain is (Σ yf)²/Σ f² with f = erf(βω·x/√2) at the direction of v.
func (m *simpleMLP) gain(v []float64) float64 {
	scale := m.beta / floats.Norm(v, 2)
	m.fy, m.ff = 0, 0
	for i := range m.z.N {
		h := scale * floats.Dot(m.z.X(i), v)
		f := math.Erf(h / math.Sqrt2)
		m.h[i], m.f[i] = h, f
		m.fy += f * m.z.Y(i)[0]
		m.ff += f * f
	}
	if m.ff == 0 {
		return 0
	}
	return m.fy * m.fy / m.ff
}

// gradient is that of gain in v; it is orthogonal to v.
func (m *simpleMLP) gradient(dst, v []float64) {
	m.gain(v)
	clear(dst)
	if m.ff == 0 {
		return
	}
	norm := floats.Norm(v, 2)
	xi := m.fy / m.ff
	for i := range m.z.N {
		slope := math.Sqrt(2/math.Pi) * math.Exp(-m.h[i]*m.h[i]/2)
		w := 2 * xi * (m.z.Y(i)[0] - xi*m.f[i]) * slope
		floats.AddScaled(dst, w*m.beta/norm, m.z.X(i))
		floats.AddScaled(dst, -w*m.h[i]/(norm*norm), v)
	}
}

func fitSimpleMLP(s lrtSimpleMLPSpec, c Cell, k mc.Key) lrtSimpleMLPRow {
	z := simpleMLPData(c, k)
	d := z.P
	m := &simpleMLP{z: z, beta: c.Float("beta"), h: make([]float64, z.N), f: make([]float64, z.N)}
	row := lrtSimpleMLPRow{Status: Converged}
	switch d {
	case 1:
		row.Omega = []float64{1}
	case 2:
		// ω and −ω gain the same: half a circle. Between two rows' directions a
		// steep unit changes within an angle of about 1/β.
		at := func(a float64) []float64 { return []float64{math.Cos(a), math.Sin(a)} }
		a, _ := maximize1(func(a float64) float64 { return m.gain(at(a)) }, 0, math.Pi, 33+int(8*m.beta))
		row.Omega = at(a)
	default:
		row.Omega, row.Status = m.climb(s.Starts, k)
	}
	row.T = m.gain(row.Omega)
	if m.ff > 0 {
		row.Xi = m.fy / m.ff
	}
	// E φ(βω·x)² = (2/π) arcsin(β²/(1+β²)).
	bb := m.beta * m.beta
	moment := 2 / math.Pi * math.Asin(bb/(1+bb))
	row.Gen = float64(z.N) * row.Xi * row.Xi * moment
	row.Xi *= math.Sqrt(moment)
	return row
}

// climb returns the best direction found from that of linear regression and from
// random ones.
func (m *simpleMLP) climb(starts int, k mc.Key) (omega []float64, status string) {
	d := m.z.P
	problem := optimize.Problem{
		Func: func(v []float64) float64 { return -m.gain(v) },
		Grad: func(dst, v []float64) {
			m.gradient(dst, v)
			floats.Scale(-1, dst)
		},
	}
	settings := &optimize.Settings{GradientThreshold: 1e-6, MajorIterations: 300, Converger: &optimize.FunctionConverge{Absolute: 1e-10, Iterations: 5}}
	rng := k.Stream("starts")
	top := math.Inf(-1)
	for i := range starts + 1 {
		v := make([]float64, d)
		for j := range v {
			v[j] = rng.NormFloat64()
		}
		if i == 0 {
			clear(v)
			for t := range m.z.N {
				floats.AddScaled(v, m.z.Y(t)[0], m.z.X(t))
			}
		}
		floats.Scale(1/floats.Norm(v, 2), v)
		end := Converged
		r, err := optimize.Minimize(problem, v, settings, &optimize.LBFGS{})
		if r == nil {
			continue
		}
		// A line search that finds no increase any more is an end like convergence: the
		// gain is then known to rounding.
		if err != nil && r.Status != optimize.Failure || r.Status == optimize.IterationLimit {
			end = IterationLimit
		}
		if t := -r.F; t > top {
			top, status = t, end
			omega = r.X
			floats.Scale(1/floats.Norm(omega, 2), omega)
		}
	}
	return omega, status
}

// simpleMLPLimit is nil where no limit law is known.
func simpleMLPLimit(s lrtSimpleMLPSpec, inputs int, beta float64) (*singular.Limit, error) {
	if inputs > 2 {
		return nil, nil
	}
	return runLaw("simple-mlp", map[string]float64{"inputs": float64(inputs), "beta": beta}, s.Draws, 2)
}

func compareSimpleMLP(_ context.Context, s lrtSimpleMLPSpec, c Cell) ([]Line[lrtSimpleMLPRow], error) {
	d := c.Int("inputs")
	limit, err := simpleMLPLimit(s, d, c.Float("beta"))
	if err != nil {
		return nil, err
	}
	gen := Line[lrtSimpleMLPRow]{Name: "2n E_gen", Measure: Mean(func(r lrtSimpleMLPRow) float64 { return r.Gen }), Theory: math.NaN()}
	const source = "process of the normalised unit on the sphere, derived here"
	if limit != nil {
		e := limit.Mean()
		gen.Theory, gen.TheorySE, gen.Limit, gen.Source, gen.Route = e.Value, e.SE, true, source, models.MonteCarlo
		if limit.Exact {
			gen.Route = models.Exact
		}
	}
	// P(T < 0.02) and P(T > 5.99) are about two parameters.
	lines := slices.DeleteFunc(lrtBrief(func(r lrtSimpleMLPRow) float64 { return r.T }, limit, source), func(l Line[lrtSimpleMLPRow]) bool {
		return l.Name[0] == 'P'
	})
	point := chi2Point(d, 0.05)
	over := Line[lrtSimpleMLPRow]{Name: "P(T > 0.95-quantile of χ²(D))", Measure: Fraction(func(r lrtSimpleMLPRow) bool { return r.T > point }), Theory: math.NaN()}
	if limit != nil {
		e := limit.PValue(point)
		over.Theory, over.TheorySE, over.Limit, over.Source, over.Route = e.Value, e.SE, true, source, gen.Route
	}
	return append(append(lines, over), gen), nil
}

func drawSimpleMLPErrors(s lrtSimpleMLPSpec, cells []Sample[lrtSimpleMLPRow]) (Drawing, error) {
	n := slices.Max(s.N)
	var panels []*figs.Panel
	for i, what := range []string{"− training error", "generalisation error"} {
		p := &figs.Panel{Title: what, X: "inputs D", Y: "2n × error / D"}
		if i > 0 {
			p.Y = ""
		}
		for _, beta := range s.Beta {
			var x, y, se []float64
			for _, c := range cells {
				if c.Cell.Int("n") != n || c.Cell.Float("beta") != beta {
					continue
				}
				d := float64(c.Cell.Int("inputs"))
				m, e, _ := Mean(func(r lrtSimpleMLPRow) float64 {
					if i == 0 {
						return r.T / d
					}
					return r.Gen / d
				})(c)
				x, y, se = append(x, d), append(y, m), append(se, e)
			}
			p.Series("β = "+Format(beta), x, y, se)
		}
		p.Reference("regular theory", []float64{float64(slices.Min(s.Inputs)), float64(slices.Max(s.Inputs))}, []float64{1, 1})
		panels = append(panels, p)
	}
	return figs.New(panels...), nil
}

func drawSimpleMLPStatistic(s lrtSimpleMLPSpec, cells []Sample[lrtSimpleMLPRow]) (Drawing, error) {
	inputs := 0
	for _, d := range s.Inputs {
		if d <= 2 {
			inputs = max(inputs, d)
		}
	}
	if inputs == 0 {
		return nil, nil // no cell has a limit law
	}
	beta, n := slices.Max(s.Beta), slices.Max(s.N)
	var shown []Sample[lrtSimpleMLPRow]
	for _, c := range cells {
		if c.Cell.Int("inputs") == inputs && c.Cell.Float("beta") == beta && c.Cell.Int("n") == n {
			shown = append(shown, c)
		}
	}
	limit := func(s lrtSimpleMLPSpec) (*singular.Limit, error) { return simpleMLPLimit(s, inputs, beta) }
	return lrtDistribution("", "", func(r lrtSimpleMLPRow) float64 { return r.T }, limit, float64(inputs)).Draw(s, shown)
}
