package experiments

import (
	"context"
	"math"

	"github.com/neuromanifold/neuromanifold/dynamics"
	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
)

type teacherSingularSpec struct {
	Cases   []string `toml:"cases" doc:"students with a teacher of one unit or component: mlp, rbf, mixture"`
	U       float64  `toml:"u" doc:"distance u at the start, in units of the case"`
	Z       float64  `toml:"z" doc:"z at the start, between -1 and 1"`
	Until   float64  `toml:"until" doc:"time τ of the gradient flow"`
	Natural float64  `toml:"natural" doc:"time τ of the natural gradient flow"`
	Points  int      `toml:"points" doc:"recorded times"`
}

type teacherSingularRow struct {
	Tau    float64 `parquet:"tau" doc:"time τ"`
	U      float64 `parquet:"u" doc:"distance u of the two units"`
	Z      float64 `parquet:"z" doc:"(v₁ − v₂)/(v₁ + v₂)"`
	Loss   float64 `parquet:"loss" unit:"nats" doc:"loss"`
	Error  float64 `parquet:"loss_error" unit:"nats" doc:"bound of the error of loss, of the quadrature for a mixture; NaN for networks, whose loss near the truth is a quadrature in the chart of the overlap without one"`
	Status string  `parquet:"status" doc:"converged, or why the trajectory ended before"`
}

var _ = register(Experiment[teacherSingularSpec, teacherSingularRow]{
	Name:    "teacher-on-singularity",
	Version: 4,
	Doc: `How fast two units learn what one can do: algebraically by the gradient.

Where the teacher lies in the singular set the loss is of fourth order in the distance
u of the units along the slow manifold, so that the gradient flow has u ∝ τ^(−1/2) and
L ∝ τ^(−2): ten times as long for a hundredth of the loss. The natural gradient flow
has L ∝ e^(−2τ), in the regular chart where the two units are no longer two. There is
nothing random here; exponents are slopes over the last decade, with their change
from the decade before as the error.`,
	Cite: []string{
		"S. Amari, H. Park, T. Ozeki (2006), Singularities affect dynamics of learning in neuromanifolds, Neural Computation 18(5):1007-1065",
		"S. Amari (2016), Information Geometry and Its Applications, Springer, chapter 12",
	},
	Default:    teacherSingularSpec{Cases: []string{"mlp", "rbf", "mixture"}, U: 0.3, Z: 0.4, Until: 1e8, Natural: 6, Points: 97},
	Smoke:      teacherSingularSpec{Cases: []string{"mlp"}, U: 0.3, Z: 0.4, Until: 1e6, Natural: 3, Points: 61},
	Replicates: 1, SmokeReplicates: 1,
	Check: func(s teacherSingularSpec) error {
		if len(s.Cases) == 0 {
			return KeyError("cases", "none given")
		}
		for _, name := range s.Cases {
			if _, ok := singularTeacherFind(name); !ok {
				return KeyError("cases", "%q: known are mlp, rbf, mixture", name)
			}
		}
		if !(s.U > 0 && s.U <= 2) {
			return KeyError("u", "%v: allowed is a number above 0 and at most 2", s.U)
		}
		if !(math.Abs(s.Z) < 1) {
			return KeyError("z", "%v: allowed is a number between -1 and 1", s.Z)
		}
		if !(s.Until >= 1e3 && s.Until <= 1e12) {
			return KeyError("until", "%v: allowed is a number from 1e3 to 1e12", s.Until)
		}
		if !(s.Natural > 0 && s.Natural <= 15) {
			return KeyError("natural", "%v: allowed is a number above 0 and at most 15", s.Natural)
		}
		if s.Points < 40 || s.Points > 10000 {
			return KeyError("points", "%d: allowed is 40 to 10000", s.Points)
		}
		return nil
	},
	Cells: func(s teacherSingularSpec) []Cell {
		return Grid(Axis("case", s.Cases...), Axis("method", byGradient, byNatural))
	},
	Replicate: func(ctx context.Context, s teacherSingularSpec, c Cell, _ mc.Key) ([]teacherSingularRow, error) {
		t, _ := singularTeacherFind(c.Text("case"))
		return t.follow(ctx, s, c.Text("method"))
	},
	Compare: func(_ context.Context, _ teacherSingularSpec, c Cell) ([]Line[teacherSingularRow], error) {
		t, _ := singularTeacherFind(c.Text("case"))
		loss := func(r teacherSingularRow) float64 { return r.Loss }
		u := func(r teacherSingularRow) float64 { return r.U }
		if c.Text("method") == byNatural {
			return []Line[teacherSingularRow]{{
				Name: "d log L/dτ", Measure: lateSlope(loss, false), Theory: -2, Limit: true, Source: "the law moves straight to the truth in the chart, derived here",
			}}, nil
		}
		return []Line[teacherSingularRow]{
			{Name: "d log u/d log τ", Measure: lateSlope(u, true), Theory: -0.5, Limit: true, Source: "dL of fourth order in u (Amari 2016)"},
			{Name: "d log L/d log τ", Measure: lateSlope(loss, true), Theory: -2, Limit: true, Source: "dL of fourth order in u (Amari 2016)"},
			{Name: "c of du/dτ = −cu³ over theory", Measure: t.slowRate, Theory: 1, Limit: true, Route: models.Quadrature, Source: t.source},
		}, nil
	},
	Figures: []Figure[teacherSingularSpec, teacherSingularRow]{
		{Name: "decay", Doc: "Loss over time, by the gradient flow on logarithmic axes (left) and by the natural gradient flow over linear time (right).", Draw: drawTeacherSingular},
	},
})

// A singularTeacher is a student of two units with one of them as the teacher. It
// starts in the slow manifold's neighbourhood, with s and r of the teacher.
type singularTeacher struct {
	name, student, teacher string
	at                     []float64
	s, r                   float64
	// rate is c in du/dτ = −cu³ at z.
	rate   func(z float64) float64
	source string
}

// singularTeachers has the constants ⟨(PJ)²⟩ by quadrature: J = ∂²φ/∂s² less its
// projection on φ and ∂φ/∂s at s, at s = 1 for the erf unit (0.0166062) and at s = 0.5
// for the radial one under N(0, 1) inputs.
func singularTeachers() []singularTeacher {
	unit := func(j2 float64) func(z float64) float64 {
		return func(z float64) float64 { return (1 - z*z) * (1 - z*z) / (1 + z*z) / 16 * j2 }
	}
	return []singularTeacher{
		{"mlp", "mlp:hidden=2", "mlp:hidden=1", []float64{1, 1}, 1, 1, unit(residualCurvature(erfDerivatives, 1)),
			"c = (r²/16)(1−z²)²⟨(PJ)²⟩/(1+z²), derived here"},
		{"rbf", "rbf:hidden=2", "rbf:hidden=1", []float64{0.5, 1}, 0.5, 1, unit(residualCurvature(bellDerivatives, 0.5)),
			"c = (r²/16)(1−z²)²⟨(PJ)²⟩/(1+z²), derived here"},
		{"mixture", "mixture:k=2,sd=1", "mixture:k=1,sd=1", []float64{0}, 0, 1,
			func(z float64) float64 { return (1 - z*z) * (1 - z*z) / (8 * (1 + z*z)) },
			"c = 2V²/(1+z²), V = (1−z²)/4, derived here"},
	}
}

func singularTeacherFind(name string) (singularTeacher, bool) {
	for _, t := range singularTeachers() {
		if t.name == name {
			return t, true
		}
	}
	return singularTeacher{}, false
}

// erfDerivatives are φ, ∂φ/∂s and ∂²φ/∂s² of φ = erf(sx/√2).
func erfDerivatives(s, x float64) (f, d, dd float64) {
	g := math.Sqrt(2/math.Pi) * math.Exp(-s*s*x*x/2)
	return math.Erf(s * x / math.Sqrt2), x * g, -s * x * x * x * g
}

// bellDerivatives are those of φ = exp(−(x−s)²/2).
func bellDerivatives(s, x float64) (f, d, dd float64) {
	e := x - s
	g := math.Exp(-e * e / 2)
	return g, e * g, (e*e - 1) * g
}

// residualCurvature is the mean square under N(0, 1) of what the projection on φ and
// ∂φ/∂s leaves of ∂²φ/∂s², by the trapezoid rule, which is exact to rounding here.
func residualCurvature(unit func(s, x float64) (f, d, dd float64), s float64) float64 {
	var ff, fd, dd, fj, dj, jj float64
	const h = 0.01
	for i := -1000; i <= 1000; i++ {
		x := float64(i) * h
		w := h * math.Exp(-x*x/2) / math.Sqrt(2*math.Pi)
		f, d, j := unit(s, x)
		ff, fd, dd = ff+w*f*f, fd+w*f*d, dd+w*d*d
		fj, dj, jj = fj+w*f*j, dj+w*d*j, jj+w*j*j
	}
	det := ff*dd - fd*fd
	a, b := (dd*fj-fd*dj)/det, (ff*dj-fd*fj)/det
	return jj - a*fj - b*dj
}

// follow records a trajectory.
func (t singularTeacher) follow(ctx context.Context, s teacherSingularSpec, method string) ([]teacherSingularRow, error) {
	m, err := models.Parse(t.student)
	if err != nil {
		return nil, err
	}
	truth, err := models.Parse(t.teacher)
	if err != nil {
		return nil, err
	}
	o, err := dynamics.NewObjective(m, truth, t.at)
	if err != nil {
		return nil, err
	}
	start := split(t.s, t.r, s.Z, s.U)
	if t.name == "mixture" {
		start = []float64{start[2], start[0], start[1]}
	}
	chart, err := dynamics.NewChartGradient(o, dynamics.Tolerances{})
	if err != nil {
		return nil, err
	}
	loss, bound := o.Loss, o.Bound
	if t.name != "mixture" {
		// The closed form is a difference that has lost its digits below 1e-15.
		loss = func(theta []float64) float64 {
			if l, err := chart.Loss(theta); err == nil {
				return l
			}
			return o.Loss(theta)
		}
		bound = func([]float64) float64 { return math.NaN() }
	}
	var flow dynamics.Flow = dynamics.NewStiffGradientFlow(o, dynamics.Tolerances{})
	clock := dynamics.Clock{Until: s.Until, Points: s.Points, First: 1}
	if method == byNatural {
		flow, clock = chart, dynamics.Clock{Until: s.Natural, Points: s.Points}
	}
	p, err := dynamics.Run(ctx, flow, loss, start, clock, nil)
	if err != nil {
		return nil, err
	}
	status := Converged
	if p.Stop != dynamics.Done {
		status = p.Stop.String()
	}
	rows := make([]teacherSingularRow, len(p.T))
	for i := range rows {
		x := p.Theta.RawRowView(i)
		r := teacherSingularRow{Tau: p.T[i], Loss: p.Loss[i], Error: bound(x), Status: status}
		if t.name == "mixture" {
			r.U, r.Z = math.Abs(x[2]-x[1]), 2*x[0]-1
		} else {
			r.U, r.Z = math.Abs(x[1]-x[0]), (x[2]-x[3])/(x[2]+x[3])
		}
		rows[i] = r
	}
	return rows, nil
}

// lateSlope measures d log f/d log τ over the last decade of τ, or d log f/dτ over the
// last third, with its change from the stretch of the same length before.
func lateSlope(f func(teacherSingularRow) float64, logTime bool) Measure[teacherSingularRow] {
	return func(x Sample[teacherSingularRow]) (value, se float64, method string) {
		n := len(x.Rows)
		if n == 0 {
			return math.NaN(), math.NaN(), ""
		}
		until := x.Rows[n-1].Tau
		at := func(tau float64) teacherSingularRow {
			for _, r := range x.Rows {
				if r.Tau >= tau*0.999 {
					return r
				}
			}
			return x.Rows[n-1]
		}
		slope := func(a, b teacherSingularRow) float64 {
			d := b.Tau - a.Tau
			if logTime {
				d = math.Log(b.Tau / a.Tau)
			}
			return math.Log(f(b)/f(a)) / d
		}
		a, b, c := at(until/100), at(until/10), x.Rows[n-1]
		if !logTime {
			a, b = at(until/3), at(2*until/3)
		}
		value = slope(b, c)
		return value, math.Abs(value - slope(a, b)), "change from the stretch before"
	}
}

// slowRate measures c of du/dτ = −cu³ at the end over theory, from 1/u² = 2cτ + const
// over the last decade, at the z of the end.
func (t singularTeacher) slowRate(x Sample[teacherSingularRow]) (value, se float64, method string) {
	n := len(x.Rows)
	if n == 0 {
		return math.NaN(), math.NaN(), ""
	}
	last := x.Rows[n-1]
	rate := func(a, b teacherSingularRow) float64 {
		return (1/(b.U*b.U) - 1/(a.U*a.U)) / (2 * (b.Tau - a.Tau)) / t.rate((a.Z+b.Z)/2)
	}
	var a, b teacherSingularRow
	for _, r := range x.Rows {
		if a.Tau == 0 && r.Tau >= last.Tau*0.00999 {
			a = r
		}
		if b.Tau == 0 && r.Tau >= last.Tau*0.0999 {
			b = r
		}
	}
	value = rate(b, last)
	return value, math.Abs(value - rate(a, b)), "change from the stretch before"
}

func drawTeacherSingular(s teacherSingularSpec, cells []Sample[teacherSingularRow]) (Drawing, error) {
	gradient := &figs.Panel{Title: "gradient flow", X: "time τ", Y: "loss (nats)", LogX: true, LogY: true, XRange: [2]float64{1, s.Until}}
	natural := &figs.Panel{Title: "natural gradient flow", X: "time τ", Y: "loss (nats)", LogY: true}
	for i, name := range s.Cases {
		for _, c := range cells {
			if c.Cell.Text("case") != name || len(c.Rows) == 0 {
				continue
			}
			var tau, loss []float64
			for _, r := range c.Rows {
				tau, loss = append(tau, r.Tau), append(loss, r.Loss)
			}
			n := len(tau)
			if c.Cell.Text("method") == byNatural {
				natural.Series(name, everyKth(tau, 13), everyKth(loss, 13), nil)
				if i == 0 {
					x, y := []float64{0, tau[n-1]}, []float64{loss[0], loss[0] * math.Exp(-2*tau[n-1])}
					natural.Reference("e^(−2τ), τ^(−2)", x, y)
				}
				continue
			}
			gradient.Series(name, everyKth(tau[1:], 17), everyKth(loss[1:], 17), nil)
			if i == 0 {
				gradient.Slope("e^(−2τ), τ^(−2)", -2, tau[n-1], loss[n-1], tau[n-1]/1000, tau[n-1])
			}
		}
	}
	return figs.New(gradient, natural), nil
}
