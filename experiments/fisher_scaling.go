package experiments

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

type fisherScalingSpec struct {
	Cases []string  `toml:"cases" doc:"paths towards a stratum by name, as mlp-overlap"`
	U     []float64 `toml:"u" doc:"distances along the path, descending"`
}

type fisherScalingRow struct {
	U      float64 `parquet:"u" doc:"distance along the path"`
	Index  int     `parquet:"index" doc:"which eigenvalue, from the smallest, 1, 2, …"`
	Value  float64 `parquet:"value" doc:"eigenvalue of the Fisher information"`
	Slope  float64 `parquet:"slope" doc:"d log value / d log u from the distance before; NaN for the first"`
	Status string  `parquet:"status" doc:"failed where no factored form resolves the eigenvalue"`
}

var fisherScaling = register(Experiment[fisherScalingSpec, fisherScalingRow]{
	Name:    "fisher-scaling",
	Version: 1,
	Doc: `How the eigenvalues of the Fisher information vanish near each stratum.

Along a path that reaches a stratum at u = 0 the small eigenvalues follow powers of
u. Near an overlap of two units or components they are u⁶ and u², not u⁴ and u²:
only the second and third derivative of the merged unit tell the two apart. Near
an elimination, a pole-zero cancellation and the apex of a cone they are u². There
is nothing random here: the eigenvalues come from a factored form that keeps their
relative accuracy, and the error of a slope is its change from the distance
before.`,
	Cite: []string{
		"S. Amari, H. Park, T. Ozeki (2006), Singularities affect dynamics of learning in neuromanifolds, Neural Computation 18(5):1007-1065",
		"H. Wei, J. Zhang, F. Cousseau, T. Ozeki, S. Amari (2008), Dynamics of learning near singularities in layered networks, Neural Computation 20(3):813-843",
	},
	Default:    fisherScalingSpec{Cases: []string{"mlp-overlap", "mixture-overlap", "arma-cancellation", "mlp-elimination", "mlp-zero-input", "rbf-overlap", "rbf-elimination", "mixture-elimination", "contaminated-overlap", "cone-apex"}, U: []float64{0.4, 0.2, 0.1, 0.05, 0.02, 0.01, 0.004, 0.002, 0.001}},
	Smoke:      fisherScalingSpec{Cases: []string{"mlp-overlap", "cone-apex"}, U: []float64{0.1, 0.05, 0.02}},
	Replicates: 1, SmokeReplicates: 1,
	Check: func(s fisherScalingSpec) error {
		if len(s.Cases) == 0 {
			return KeyError("cases", "none given")
		}
		for _, name := range s.Cases {
			if _, ok := scalingFind(name); !ok {
				return KeyError("cases", "%q: known are %v", name, scalingNames())
			}
		}
		if len(s.U) < 3 {
			return KeyError("u", "%d distances: allowed is 3 or more", len(s.U))
		}
		for i, u := range s.U {
			if !(u > 0 && u <= 0.5) || i > 0 && u >= s.U[i-1] {
				return KeyError("u", "%v: allowed are descending distances above 0, 0.5 at most", u)
			}
		}
		return nil
	},
	Cells: func(s fisherScalingSpec) []Cell { return Grid(Axis("case", s.Cases...)) },
	Replicate: func(_ context.Context, s fisherScalingSpec, c Cell, _ mc.Key) ([]fisherScalingRow, error) {
		path, _ := scalingFind(c.Text("case"))
		return path.rows(s.U)
	},
	Compare: func(_ context.Context, _ fisherScalingSpec, c Cell) ([]Line[fisherScalingRow], error) {
		path, _ := scalingFind(c.Text("case"))
		var lines []Line[fisherScalingRow]
		for i, slope := range path.slopes {
			lines = append(lines, Line[fisherScalingRow]{
				Name: fmt.Sprintf("slope of eigenvalue %d", i+1), Measure: lastSlope(i + 1),
				Theory: slope, Limit: true, Route: models.Exact, Source: path.source,
			})
		}
		return lines, nil
	},
	Figures: []Figure[fisherScalingSpec, fisherScalingRow]{{
		Name: "eigenvalues", Doc: "Eigenvalues of the Fisher information against the distance u to the stratum, both axes logarithmic.",
		Draw: drawFisherScaling,
	}},
})

// A scalingPath is a path θ(u) that reaches a stratum at u = 0, and the powers of
// u that the eigenvalues follow, from the smallest.
type scalingPath struct {
	name, model string
	at          func(u float64) []float64
	slopes      []float64
	source      string
}

// split returns (a − (1−z)u/2, a + (1+z)u/2, r(1+z)/2, r(1−z)/2): two units at
// distance u with weighted mean a, total weight r and difference z.
func split(a, r, z, u float64) []float64 {
	return []float64{a - (1-z)*u/2, a + (1+z)*u/2, r * (1 + z) / 2, r * (1 - z) / 2}
}

func scalingPaths() []scalingPath {
	const (
		overlap     = "derivatives of order 2 and 3 of the merged unit; derived here"
		elimination = "the input weight acts through its output weight; derived here"
	)
	return []scalingPath{
		{"mlp-overlap", "mlp:hidden=2", func(u float64) []float64 { return split(1, 1, 0.4, u) }, []float64{6, 2, 0, 0}, overlap},
		{"mlp-elimination", "mlp:hidden=2", func(u float64) []float64 { return []float64{1, 2, 1, u} }, []float64{2, 0, 0, 0}, elimination},
		{"mlp-zero-input", "mlp:hidden=2", func(u float64) []float64 { return []float64{1, u, 1, 0.5} }, []float64{6, 0, 0, 0}, "cubic term of an odd unit, φ(ux)/u ∥ x; derived here"},
		{"rbf-overlap", "rbf:hidden=2", func(u float64) []float64 { return split(0.3, 1, 0.4, u) }, []float64{6, 2, 0, 0}, overlap},
		{"rbf-elimination", "rbf:hidden=2", func(u float64) []float64 { return []float64{-0.5, 1, 1, u} }, []float64{2, 0, 0, 0}, elimination},
		{"mixture-overlap", "mixture:k=2,sd=1", func(u float64) []float64 { return []float64{0.3, -0.7 * u, 0.3 * u} }, []float64{6, 2, 0}, "central moments of order 2 and 3 of the mixing law; derived here"},
		{"mixture-elimination", "mixture:k=2,sd=1", func(u float64) []float64 { return []float64{u, -0.5, 0.5} }, []float64{2, 0, 0}, elimination},
		{"contaminated-overlap", "contaminated", func(u float64) []float64 { return []float64{0.4, u} }, []float64{4, 0}, "second Hermite polynomial after projection; derived here"},
		{"arma-cancellation", "arma:p=1,q=1,var=1", func(u float64) []float64 { return []float64{0.5 + u/2, -0.5 + u/2} }, []float64{2, 0}, "determinant (φ+θ)²/((1−φ²)(1−θ²)(1+φθ)²)"},
		{"cone-apex", "cone:d=2", func(u float64) []float64 { return []float64{u, 1, 1} }, []float64{2, 2, 0}, "F = diag(1, ξ²c²/(1+c²) × round metric)"},
	}
}

func scalingNames() []string {
	var names []string
	for _, p := range scalingPaths() {
		names = append(names, p.name)
	}
	return names
}

func scalingFind(name string) (scalingPath, bool) {
	for _, p := range scalingPaths() {
		if p.name == name {
			return p, true
		}
	}
	return scalingPath{}, false
}

// rows computes the spectrum at every distance.
func (p scalingPath) rows(us []float64) ([]fisherScalingRow, error) {
	m, err := models.Parse(p.model)
	if err != nil {
		return nil, err
	}
	f, err := singular.NewFisher(m, singular.FisherOptions{})
	if err != nil {
		return nil, err
	}
	var rows []fisherScalingRow
	var last []float64
	for k, u := range us {
		g, err := f.Describe(p.at(u))
		if err != nil {
			return nil, err
		}
		values := slices.Clone(g.Spectrum.Values)
		for i, v := range values {
			row := fisherScalingRow{U: u, Index: i + 1, Value: v, Slope: math.NaN(), Status: Converged}
			if k > 0 {
				row.Slope = math.Log(v/last[i]) / math.Log(u/us[k-1])
			}
			if !g.Spectrum.Factored || !(v > 0) {
				row.Status = Failed
			}
			rows = append(rows, row)
		}
		last = values
	}
	return rows, nil
}

// lastSlope measures the slope of an eigenvalue at the smallest distance, with
// its change from the one before as the error.
func lastSlope(index int) Measure[fisherScalingRow] {
	return func(x Sample[fisherScalingRow]) (value, se float64, method string) {
		value, before := math.NaN(), math.NaN()
		for _, r := range x.Rows {
			if r.Index == index {
				value, before = r.Slope, value
			}
		}
		return value, math.Abs(value - before), "change from the distance before"
	}
}

func drawFisherScaling(_ fisherScalingSpec, cells []Sample[fisherScalingRow]) (Drawing, error) {
	var panels []*figs.Panel
	for _, c := range cells[:min(len(cells), 3)] { // more do not fit side by side
		path, _ := scalingFind(c.Cell.Text("case"))
		p := &figs.Panel{Title: path.name, X: "u", Y: "eigenvalue", LogX: true, LogY: true}
		for i := range path.slopes {
			var x, y []float64
			for _, r := range c.Rows {
				if r.Index == i+1 {
					x, y = append(x, r.U), append(y, r.Value)
				}
			}
			p.Series(fmt.Sprintf("eigenvalue %d", i+1), x, y, nil)
			if n := len(x); n > 0 && path.slopes[i] > 0 {
				p.Slope("u"+string([]rune("⁰¹²³⁴⁵⁶")[int(path.slopes[i])]), path.slopes[i], x[n-1], y[n-1], x[n-1], x[0])
			}
		}
		panels = append(panels, p)
	}
	return figs.New(panels...), nil
}
