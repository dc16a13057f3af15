package experiments

import (
	"context"
	"math"

	"github.com/neuromanifold/neuromanifold/dynamics"
	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
)

type eliminationSpec struct {
	Model   ModelSpec `toml:"model" doc:"student and teacher: two erf or radial units, one normal input"`
	Teacher []float64 `toml:"teacher" doc:"parameters of the teacher"`
	Unit    []float64 `toml:"unit" doc:"w₁ and v₁ of the unit that stays; none means the best single unit"`
	W       float64   `toml:"w" doc:"largest |w₂| at the start"`
	V       float64   `toml:"v" doc:"largest |v₂| at the start"`
	Until   float64   `toml:"until" doc:"time τ to follow a trajectory"`
}

type eliminationRow struct {
	W0     float64   `parquet:"w0" doc:"w₂ at the start"`
	V0     float64   `parquet:"v0" doc:"v₂ at the start"`
	Psi    float64   `parquet:"psi" doc:"ψ(w₂) at the start: the speed at which v₂ begins"`
	Cross  float64   `parquet:"cross" doc:"time τ at which v₂ first crosses 0 in the flow of all parameters; NaN if it does not"`
	CrossR float64   `parquet:"cross_reduced" doc:"the same of the reduced system"`
	Drift  float64   `parquet:"drift" doc:"change of the first integral ½v₂² − ∫ψ/ψ′dw₂ along the reduced system; NaN where it cannot be computed"`
	W      []float64 `parquet:"w" doc:"w₂ on the exact orbit"`
	V      []float64 `parquet:"v" doc:"v₂ on the exact orbit"`
	WR     []float64 `parquet:"w_reduced" doc:"w₂ on the orbit of the reduced system"`
	VR     []float64 `parquet:"v_reduced" doc:"v₂ on the orbit of the reduced system"`
	Status string    `parquet:"status" doc:"crossed, stayed (on its side of v₂ = 0) or failed"`
}

const (
	crossed = "crossed"
	stayed  = "stayed"
	// eliminationPoints are recorded of each orbit.
	eliminationPoints = 200
)

var _ = register(Experiment[eliminationSpec, eliminationRow]{
	Name:    "elimination",
	Version: 3,
	Doc: `Learning near a unit whose output weight vanishes.

On v₂ = 0 the second unit has no effect, whatever w₂. With the first unit frozen the
flow is dv₂ = ψ(w₂), dw₂ = v₂ψ′(w₂), with ψ the correlation of the residual and
the unit: v₂ crosses 0 with speed ψ and is slow only near a zero of ψ, as at the
saddle v₂ = w₂ = 0 of odd units. Beside it stands the averaged gradient flow of all
parameters, from the same starts, which fill a window evenly.`,
	Cite: []string{
		"S. Amari, H. Park, T. Ozeki (2006), Singularities affect dynamics of learning in neuromanifolds, Neural Computation 18(5):1007-1065",
		"W. Guo, H. Wei, Y.-S. Ong, J. R. Hervas, J. Zhao, H. Wang, K. Zhang (2018), Numerical analysis near singularities in RBF networks, Journal of Machine Learning Research 19(1):1-39",
	},
	Default:    eliminationSpec{Model: ModelText("mlp:hidden=2"), Teacher: []float64{.5, 2, 1, 1}, Unit: []float64{.6, 1.2}, W: 2.5, V: .5, Until: 20},
	Smoke:      eliminationSpec{Model: ModelText("mlp:hidden=2"), Teacher: []float64{.5, 2, 1, 1}, Unit: []float64{.6, 1.2}, W: 2.5, V: .5, Until: 2},
	Replicates: 200, SmokeReplicates: 4, Chunk: 50,
	Check: func(s eliminationSpec) error {
		if !(s.W > 0 && s.W <= 1e3 && s.V > 0 && s.V <= 1e3) {
			return KeyError("w", "w = %v, v = %v: allowed are numbers above 0 and at most 1000", s.W, s.V)
		}
		if !(s.Until > 0 && s.Until <= 1e6) {
			return KeyError("until", "%v: allowed is a number above 0 and at most 1e6", s.Until)
		}
		if len(s.Unit) != 0 && len(s.Unit) != 2 {
			return KeyError("unit", "%v: want w₁ and v₁, or nothing", s.Unit)
		}
		_, _, err := s.system()
		if err != nil {
			return KeyError("model", "%v", err)
		}
		return nil
	},
	Cells: func(eliminationSpec) []Cell { return Grid() },
	Replicate: func(ctx context.Context, s eliminationSpec, _ Cell, k mc.Key) ([]eliminationRow, error) {
		row, err := runElimination(ctx, s, k.Replicate)
		return []eliminationRow{row}, err
	},
	Compare: func(context.Context, eliminationSpec, Cell) ([]Line[eliminationRow], error) {
		const source = "reduced system with the other unit frozen"
		return []Line[eliminationRow]{
			{Name: "share crossed", Measure: Fraction(func(r eliminationRow) bool { return r.Status == crossed }), Theory: math.NaN()},
			{Name: "share crossed of the reduced system", Measure: Fraction(func(r eliminationRow) bool { return r.CrossR == r.CrossR }), Theory: math.NaN()},
			{Name: "median ln(τ/τ of the reduced system) of crossing", Measure: Quantile(0.5, func(r eliminationRow) float64 { return math.Log(r.Cross / r.CrossR) }), Theory: 0, Limit: true, Source: source},
			{Name: "median drift of the first integral", Measure: Quantile(0.5, func(r eliminationRow) float64 { return math.Abs(r.Drift) }), Theory: math.NaN()},
		}, nil
	},
	Figures: []Figure[eliminationSpec, eliminationRow]{{
		Name: "orbits",
		Doc:  "Orbits in the plane of w₂ and v₂ of the reduced system, with the first unit frozen, and of the averaged gradient flow of all parameters. On the line v₂ = 0 the second unit has no effect; orbits cross it where ψ is not 0.",
		Draw: drawElimination,
	}},
})

// system returns the objective and the parameters with the second unit eliminated.
func (s eliminationSpec) system() (*dynamics.Objective, []float64, error) {
	m, err := s.Model.Model()
	if err != nil {
		return nil, nil, err
	}
	o, err := dynamics.NewObjective(m, m, s.Teacher)
	if err != nil {
		return nil, nil, err
	}
	lines, err := dynamics.NewCriticalLines(o)
	if err != nil {
		return nil, nil, err
	}
	if _, err := lines[0].Reduced(dynamics.Published); err != nil {
		return nil, nil, err
	}
	unit := s.Unit
	if len(unit) == 0 {
		unit = []float64{lines[0].S[0], lines[0].R}
	}
	theta := []float64{unit[0], 0, unit[1], 0}
	if _, err := dynamics.NewElimination(o, theta, 1); err != nil {
		return nil, nil, err
	}
	return o, theta, nil
}

func runElimination(ctx context.Context, s eliminationSpec, replicate int) (eliminationRow, error) {
	o, theta, err := s.system()
	if err != nil {
		return eliminationRow{}, err
	}
	e, err := dynamics.NewElimination(o, theta, 1)
	if err != nil {
		return eliminationRow{}, err
	}
	frac := func(v float64) float64 { return v - math.Floor(v) }
	// The R₂ sequence, as in phase-portrait.
	w := s.W * (2*frac(0.5+0.7548776662466927*float64(replicate+1)) - 1)
	v := s.V * (2*frac(0.5+0.5698402909980532*float64(replicate+1)) - 1)
	row := eliminationRow{W0: w, V0: v, Psi: e.Psi(make([]float64, 1), []float64{w}), Cross: math.NaN(), CrossR: math.NaN(), Drift: math.NaN(), Status: stayed}

	clock := dynamics.Clock{Until: s.Until, Points: eliminationPoints}
	zero := func([]float64) float64 { return 0 }
	p, err := dynamics.Run(ctx, e.Flow(dynamics.Tolerances{Abs: 1e-12, Rel: 1e-12}), zero, []float64{w, v}, clock, nil)
	if err != nil {
		return row, err
	}
	for i := range p.T {
		row.WR, row.VR = append(row.WR, p.Theta.At(i, 0)), append(row.VR, p.Theta.At(i, 1))
	}
	row.CrossR = crossing(p.T, row.VR)
	last := len(row.VR) - 1
	if rise, _ := e.Rise(w, row.WR[last]); !math.IsNaN(rise) {
		row.Drift = (row.VR[last]*row.VR[last]-v*v)/2 - rise
	}
	start := []float64{theta[0], w, theta[2], v}
	flow := dynamics.NewStiffGradientFlow(o, dynamics.Tolerances{Abs: 1e-7, Rel: 1e-5})
	q, err := dynamics.Run(ctx, flow, o.Loss, start, clock, nil)
	if err != nil {
		return row, err
	}
	for i := range q.T {
		row.W, row.V = append(row.W, q.Theta.At(i, 1)), append(row.V, q.Theta.At(i, 3))
	}
	row.Cross = crossing(q.T, row.V)
	switch {
	case q.Stop != dynamics.Done || p.Stop != dynamics.Done:
		row.Status = Failed
	case !math.IsNaN(row.Cross):
		row.Status = crossed
	}
	return row, nil
}

// crossing is when v first changes its sign, linearly between the records.
func crossing(t, v []float64) float64 {
	for i := 1; i < len(v); i++ {
		if v[i-1]*v[i] < 0 {
			return t[i-1] + (t[i]-t[i-1])*v[i-1]/(v[i-1]-v[i])
		}
	}
	return math.NaN()
}

func drawElimination(s eliminationSpec, cells []Sample[eliminationRow]) (Drawing, error) {
	o, theta, err := s.system()
	if err != nil {
		return nil, err
	}
	e, err := dynamics.NewElimination(o, theta, 1)
	if err != nil {
		return nil, err
	}
	const most = 60
	var panels []*figs.Panel
	for _, exact := range []bool{false, true} {
		p := &figs.Panel{Title: "reduced system", X: "w₂", Y: "v₂", XRange: [2]float64{-s.W, s.W}, YRange: [2]float64{-2 * s.V, 2 * s.V}}
		if exact {
			p.Title, p.Y = "all parameters", ""
		}
		for _, c := range cells {
			for _, r := range c.Rows[:min(most, len(c.Rows))] {
				if exact {
					p.Orbit("orbit", r.W, r.V)
				} else {
					p.Orbit("orbit", r.WR, r.VR)
				}
			}
		}
		p.Set("unit 2 has no effect", []float64{-s.W, s.W}, []float64{0, 0})
		if _, odd := o.Model().(*models.MLP); odd {
			p.Set("unit 2 has no effect", []float64{0, 0}, []float64{-2 * s.V, 2 * s.V})
		}
		panels = append(panels, p)
	}
	psi := &figs.Panel{Title: "correlation with the residual", X: "w₂", Y: "ψ(w₂)", XRange: [2]float64{-s.W, s.W}}
	g := make([]float64, 1)
	psi.Func("ψ", func(w float64) float64 { return e.Psi(g, []float64{w}) }, -s.W, s.W)
	psi.Reference("", []float64{-s.W, s.W}, []float64{0, 0})
	return figs.New(append(panels, psi)...), nil
}
