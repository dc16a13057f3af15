package experiments

import (
	"context"
	"errors"
	"math"
	"slices"

	"github.com/neuromanifold/neuromanifold/dynamics"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
)

type portraitSpec struct {
	Systems []string  `toml:"systems" doc:"student and teacher: T+, T-, T1 (two erf units under two), rbf, mixture, inside (a teacher of one unit) or own"`
	Flows   []string  `toml:"flows" doc:"published and quasi-steady (the reduced systems of u and z), exact (the averaged gradient flow of all parameters) or natural"`
	Student ModelSpec `toml:"student" doc:"student of the system own: two erf or radial units, one normal input, no bias, known noise; or two normals of known variance"`
	Truth   ModelSpec `toml:"truth" doc:"teacher of the system own"`
	Teacher []float64 `toml:"teacher" doc:"its parameters"`
	U       float64   `toml:"u" doc:"largest u shown and started from; 0 means that of the system"`
	Z       float64   `toml:"z" doc:"largest |z|; for mixtures it ends at 1"`
	Until   float64   `toml:"until" doc:"time τ to follow a trajectory; 0 means that of the system"`
}

type portraitRow struct {
	U0     float64   `parquet:"u0" doc:"u = w₂ − w₁ at the start, on the parameters s, r of the best single unit"`
	Z0     float64   `parquet:"z0" doc:"z = (v₁ − v₂)/(v₁ + v₂) at the start"`
	U1     float64   `parquet:"u1" doc:"u at the end"`
	Z1     float64   `parquet:"z1" doc:"z at the end"`
	Tau    float64   `parquet:"tau" doc:"time τ of the end"`
	Loss   float64   `parquet:"loss" unit:"nats" doc:"loss at the end"`
	Error  float64   `parquet:"loss_error" unit:"nats" doc:"bound of the error of loss: of the quadrature for a mixture, 0 for a closed form, which has rounding error"`
	DriftP float64   `parquet:"drift_published" doc:"change of the published first integral over the change of ½u²"`
	DriftQ float64   `parquet:"drift_quasi" doc:"change of the quasi-steady first integral over the change of ½u²"`
	Steps  int       `parquet:"steps" doc:"steps of the integrator"`
	T      []float64 `parquet:"t" doc:"times τ of the points of the orbit"`
	U      []float64 `parquet:"u" doc:"u on the orbit"`
	Z      []float64 `parquet:"z" doc:"z on the orbit"`
	Status string    `parquet:"status" doc:"trapped (on the critical line), left (out of the window), waiting (neither by the end) or failed"`
}

const (
	left = "left"
	// landed is the u, relative to the window, at which a trajectory is on the line.
	landed = 0.003
)

// A portraitSystem is a student under a teacher, with its window.
type portraitSystem struct {
	student, truth string
	at             []float64
	u, until       float64
	label          string
}

var portraitSystems = map[string]portraitSystem{
	"T+":      {"mlp:hidden=2", "mlp:hidden=2", []float64{.4, 4, 10, 5}, 3, 1000, "T+, K > 0"},
	"T-":      {"mlp:hidden=2", "mlp:hidden=2", []float64{.3, 1, 10, -10}, .8, 3000, "T−, K < 0"},
	"T1":      {"mlp:hidden=2", "mlp:hidden=2", []float64{.5, 2, 1, 1}, 1, 30000, "T1, K > 0"},
	"rbf":     {"rbf:hidden=2", "rbf:hidden=2", []float64{-.8, 1, 1, .7}, 1, 3000, "RBF"},
	"mixture": {"mixture:k=2,sd=1", "mixture:k=2,sd=1", []float64{.5, -1, 1}, 1.2, 200, "mixture"},
	"inside":  {"mlp:hidden=2", "mlp:hidden=1", []float64{1, 1}, .8, 1e6, "one unit, K = 0"},
}

var portraitFlows = []string{"published", "quasi-steady", "exact", "natural"}

var _ = register(Experiment[portraitSpec, portraitRow]{
	Name:    "phase-portrait",
	Version: 2,
	Doc: `Learning near an overlap of two units, in the plane of u and z.

On the critical line u = 0 both units do the work of the best single one, whatever z.
For K > 0 the part |z| > 1 of it attracts and |z| < 1 repels, for K < 0 the other way
round; orbits inside the cone |u| < r|z − 1| end on the line, those outside pass by.
The reduced systems of u and z alone, published and quasi-steady, stand beside the
averaged gradient flow of all parameters, from the same starts: replicate k starts
at point k of a sequence that fills the window evenly. A mixture, whose weights end
at |z| = 1, is never trapped; a teacher of one unit makes all of the line attract, but
only algebraically.`,
	Cite: []string{
		"S. Amari, H. Park, T. Ozeki (2006), Singularities affect dynamics of learning in neuromanifolds, Neural Computation 18(5):1007-1065",
		"H. Wei, J. Zhang, F. Cousseau, T. Ozeki, S. Amari (2008), Dynamics of learning near singularities in layered networks, Neural Computation 20(3):813-843",
		"S. Amari (2016), Information Geometry and Its Applications, Springer, chapter 12",
	},
	Default: portraitSpec{
		Systems: []string{"T+", "T-", "T1", "rbf", "mixture", "inside"}, Flows: portraitFlows[:3],
		Student: ModelText("mlp:hidden=2"), Truth: ModelText("mlp:hidden=2"), Teacher: []float64{.5, 2, 1, 1}, Z: 2.5,
	},
	Smoke: portraitSpec{
		Systems: []string{"T+", "mixture"}, Flows: portraitFlows[:3],
		Student: ModelText("mlp:hidden=2"), Truth: ModelText("mlp:hidden=2"), Teacher: []float64{.5, 2, 1, 1}, Z: 2.5, Until: 20,
	},
	Replicates: 400, SmokeReplicates: 4, Chunk: 50,
	Check: checkPortrait,
	Cells: func(s portraitSpec) []Cell { return Grid(Axis("system", s.Systems...), Axis("flow", s.Flows...)) },
	Replicate: func(ctx context.Context, s portraitSpec, c Cell, k mc.Key) ([]portraitRow, error) {
		p, err := newPortrait(s, c.Text("system"))
		if err != nil {
			return nil, err
		}
		row, err := p.run(ctx, c.Text("flow"), k.Replicate)
		return []portraitRow{row}, err
	},
	Compare: comparePortrait,
	Figures: []Figure[portraitSpec, portraitRow]{{
		Name: "portrait",
		Doc:  "Orbits in the plane of z = (v₁ − v₂)/(v₁ + v₂) and u = w₂ − w₁. On the critical line u = 0 the thick part attracts and the dashed part repels. The separatrix of each reduced system, of the quasi-steady one where the flow is exact, bounds what is trapped. With a teacher of one unit K = 0: the published system stands still, the quasi-steady one is that of the next order.",
		Draw: drawPortrait,
	}},
})

func checkPortrait(s portraitSpec) error {
	if len(s.Systems) == 0 || len(s.Flows) == 0 {
		return KeyError("systems", "want one system and one flow at least")
	}
	for _, f := range s.Flows {
		if !slices.Contains(portraitFlows, f) {
			return KeyError("flows", "%q: known are %v", f, portraitFlows)
		}
	}
	for _, v := range []struct {
		key string
		v   float64
	}{{"u", s.U}, {"z", s.Z}, {"until", s.Until}} {
		if !(v.v >= 0 && v.v <= 1e9) {
			return KeyError(v.key, "%v: allowed is a number from 0 to 1e9", v.v)
		}
	}
	if s.Z == 0 {
		return KeyError("z", "want a window above 0")
	}
	for _, name := range s.Systems {
		if _, ok := portraitSystems[name]; !ok && name != "own" {
			return KeyError("systems", "%q: known are T+, T-, T1, rbf, mixture, inside and own", name)
		}
		if _, err := newPortrait(s, name); err != nil {
			key := "systems"
			if name == "own" {
				key = "student"
			}
			return KeyError(key, "%s: %v", name, err)
		}
	}
	return nil
}

// A portrait is a system that is ready to run; it serves one goroutine.
type portrait struct {
	o         *dynamics.Objective
	line      *dynamics.CriticalLine
	published *dynamics.Reduced
	quasi     *dynamics.Reduced
	mixture   bool
	u, z      float64 // window
	until     float64
}

func newPortrait(s portraitSpec, name string) (*portrait, error) {
	sys, known := portraitSystems[name]
	var student, truth models.Model
	var err error
	if known {
		student, err = models.Parse(sys.student)
		if err == nil {
			truth, err = models.Parse(sys.truth)
		}
	} else {
		sys.at = s.Teacher
		student, err = s.Student.Model()
		if err == nil {
			truth, err = s.Truth.Model()
		}
	}
	if err != nil {
		return nil, err
	}
	o, err := dynamics.NewObjective(student, truth, sys.at)
	if err != nil {
		return nil, err
	}
	lines, err := dynamics.NewCriticalLines(o)
	if err != nil {
		return nil, err
	}
	p := &portrait{o: o, line: lines[0], u: sys.u, z: s.Z, until: sys.until}
	if p.published, err = p.line.Reduced(dynamics.Published); err != nil {
		return nil, err
	}
	if p.quasi, err = p.line.Reduced(dynamics.QuasiSteady); err != nil {
		return nil, err
	}
	if _, p.mixture = student.(*models.Mixture); p.mixture {
		p.z = min(p.z, 1)
	}
	if !known { // as far as the cone at |z| = 1.5, and as long as many plateaus
		p.u = p.quasi.Scale / 2
		p.until = 1e5
		if k := math.Abs(p.line.K.At(0, 0)); k > 1e-9 {
			p.until = min(p.until, 60/k)
		}
	}
	if s.U > 0 {
		p.u = s.U
	}
	if s.Until > 0 {
		p.until = s.Until
	}
	return p, nil
}

// start is point i of the R₂ sequence of M. Roberts (2018) in the window, a
// low-discrepancy sequence by powers of the plastic number; the first points are
// spread as evenly as all of them.
func (p *portrait) start(i int) (u, z float64) {
	frac := func(v float64) float64 { return v - math.Floor(v) }
	z = p.z * (2*frac(0.5+0.7548776662466927*float64(i+1)) - 1)
	if p.mixture { // the ends are the elimination of a component
		z *= 0.99
	}
	return p.u * (landed*2 + (1-landed*2)*frac(0.5+0.5698402909980532*float64(i+1))), z
}

// A plane is one flow with how to read it.
type plane struct {
	flow dynamics.Flow
	x    []float64
	at   func(x []float64) (u, z float64)
	loss func(x []float64) float64
	err  func(x []float64) float64
}

func (p *portrait) plane(flow string, u, z float64) (plane, error) {
	reduced := p.published
	switch flow {
	case "quasi-steady":
		reduced = p.quasi
		fallthrough
	case "published":
		return plane{
			reduced.Flow(dynamics.Tolerances{Abs: 1e-11, Rel: 1e-9}), []float64{u, z},
			func(x []float64) (float64, float64) { return x[0], x[1] }, reduced.Loss,
			func([]float64) float64 { return 0 },
		}, nil
	}
	theta := make([]float64, models.Dim(p.o.Model()))
	p.line.Theta(theta, []float64{u}, z)
	us, ss := make([]float64, 1), make([]float64, 1)
	q := plane{
		x: theta, loss: p.o.Loss, err: p.o.Bound,
		at: func(x []float64) (float64, float64) {
			z, _ := p.line.Coordinates(us, ss, x)
			return us[0], z
		},
	}
	if flow == "natural" {
		var err error
		q.flow, err = dynamics.NewMethod("natural", p.o, theta, dynamics.MethodOptions{Tolerances: dynamics.Tolerances{Abs: 1e-10, Rel: 1e-6}})
		return q, err
	}
	tol := dynamics.Tolerances{Abs: 1e-7, Rel: 1e-5}
	q.flow = dynamics.NewStiffGradientFlow(p.o, tol)
	if p.mixture { // whose locations relax at a rate of at most 1
		q.flow = dynamics.NewGradientFlow(p.o, tol)
	}
	return q, nil
}

// run follows one trajectory and keeps a point whenever it has moved by a hundredth
// of the window.
func (p *portrait) run(ctx context.Context, flow string, replicate int) (portraitRow, error) {
	u, z := p.start(replicate)
	q, err := p.plane(flow, u, z)
	if err != nil {
		return portraitRow{}, err
	}
	row := portraitRow{U0: u, Z0: z, Status: waiting}
	keep := func(tau float64) {
		row.T, row.U, row.Z = append(row.T, tau), append(row.U, u), append(row.Z, z)
	}
	keep(0)
	lastU, lastZ := u, z
	most := math.Inf(1)
	for row.Tau < p.until*(1-1e-12) && row.Status == waiting {
		if row.Steps%64 == 0 && ctx.Err() != nil {
			return row, ctx.Err()
		}
		beforeU, beforeZ := u, z
		dt, err := q.flow.Step(q.x, min(most, p.until-row.Tau), nil)
		if err != nil {
			// The end of the domain is the end of the window for a mixture.
			row.Status = Failed
			if errors.Is(err, dynamics.ErrLeft) {
				row.Status = left
			}
			break
		}
		row.Tau += dt
		row.Steps++
		u, z = q.at(q.x)
		switch {
		case math.Abs(u) > 1.05*p.u || math.Abs(z) > 1.05*p.z:
			row.Status = left
		case math.Abs(u) < landed*p.u && p.line.Stability(z) != dynamics.Unstable:
			row.Status = trapped
		case row.Steps > 200000:
			row.Status = Failed
		}
		// An orbit that is to be drawn goes in steps of a fiftieth of the window at most.
		if moved := math.Hypot((u-beforeU)/p.u, (z-beforeZ)/(2*p.z)); moved > 0 {
			most = 0.02 * dt / moved
		}
		if math.Hypot((u-lastU)/p.u, (z-lastZ)/(2*p.z)) > 0.01 || row.Status != waiting {
			keep(row.Tau)
			lastU, lastZ = u, z
		}
	}
	row.U1, row.Z1, row.Loss, row.Error = u, z, q.loss(q.x), q.err(q.x)
	if row.T[len(row.T)-1] < row.Tau {
		keep(row.Tau)
	}
	d := (u*u - row.U0*row.U0) / 2
	row.DriftP = (p.published.Invariant(u, z) - p.published.Invariant(row.U0, row.Z0)) / d
	row.DriftQ = (p.quasi.Invariant(u, z) - p.quasi.Invariant(row.U0, row.Z0)) / d
	return row, nil
}

func comparePortrait(_ context.Context, s portraitSpec, c Cell) ([]Line[portraitRow], error) {
	p, err := newPortrait(s, c.Text("system"))
	if err != nil {
		return nil, err
	}
	flow := c.Text("flow")
	reduced := p.quasi
	if flow == "published" {
		reduced = p.published
	}
	share := math.NaN()
	if reduced.K != 0 && flow != "natural" && p.line.Stability(0.5) != dynamics.Neutral {
		share = p.basin(reduced)
	}
	exact := flow == "exact" || flow == "natural"
	drift := func(f func(r portraitRow) float64) func(r portraitRow) float64 {
		return func(r portraitRow) float64 {
			// Away from the pole of log |z|, where digits are lost.
			if math.Abs(r.Z1) < 1e-3 || math.Abs(r.Z0) < 1e-3 {
				return math.NaN()
			}
			return math.Abs(f(r))
		}
	}
	return []Line[portraitRow]{
		{Name: "share trapped", Measure: Fraction(func(r portraitRow) bool { return r.Status == trapped }), Theory: share, Limit: exact, Source: "area below the separatrix of the reduced system"},
		{Name: "share waiting", Measure: Fraction(func(r portraitRow) bool { return r.Status == waiting }), Theory: math.NaN()},
		{Name: "median drift of published integral", Measure: Quantile(0.5, drift(func(r portraitRow) float64 { return r.DriftP })), Theory: math.NaN()},
		{Name: "median drift of quasi-steady integral", Measure: Quantile(0.5, drift(func(r portraitRow) float64 { return r.DriftQ })), Theory: math.NaN()},
	}, nil
}

// basin is the share of the window from which the reduced system ends on the line.
func (p *portrait) basin(r *dynamics.Reduced) float64 {
	const n = 2000
	in := 0.0
	for i := range n {
		z := p.z * (2*(float64(i)+0.5)/n - 1)
		if (math.Abs(z) > 1) != (r.K > 0) {
			continue
		}
		in += min(1, r.Separatrix(z)/p.u)
	}
	return in / n
}
