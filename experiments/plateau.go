package experiments

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/neuromanifold/neuromanifold/dynamics"
	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
)

type plateauSpec struct {
	Model    string    `toml:"model" doc:"the student: two erf or radial units and one input"`
	Teacher  []float64 `toml:"teacher" doc:"θ of the teacher, of the same model"`
	Methods  []string  `toml:"methods" doc:"gradient, natural (both averaged), sgd, adaptive (both on line, with label noise)"`
	Distance []float64 `toml:"distance" doc:"u = w₂ − w₁ at the start, descending; s and r are those of the best single unit"`
	Z        float64   `toml:"z" doc:"(v₁ − v₂)/(v₁ + v₂) at the start"`
	Eta      float64   `toml:"eta" doc:"step size η of sgd"`
	Adaptive []float64 `toml:"adaptive" doc:"step size η, rate ε and damping of adaptive; the damping is added to the Fisher information at the start"`
	Until    float64   `toml:"until" doc:"time τ to run to"`
	Points   int       `toml:"points" doc:"recorded times, even in log τ"`
}

type plateauRow struct {
	Escape  float64   `parquet:"escape" doc:"time τ at which the loss is first below half that of the best single unit; the end of the run if it never was"`
	Start   float64   `parquet:"start" doc:"time τ at which the first detected plateau begins; NaN if there is none"`
	Length  float64   `parquet:"length" doc:"how long that plateau is, in τ; 0 if there is none"`
	Level   float64   `parquet:"level" unit:"nats" doc:"loss on that plateau; NaN if there is none"`
	Stratum string    `parquet:"stratum" doc:"stratum that is nearest in the middle of that plateau"`
	Final   float64   `parquet:"final" unit:"nats" doc:"loss at the end"`
	Time    []float64 `parquet:"time" doc:"recorded times τ"`
	Loss    []float64 `parquet:"loss" unit:"nats" doc:"loss at these times"`
	Status  string    `parquet:"status" doc:"escaped, waiting (not by the end) or failed (diverged)"`
}

const (
	byGradient = "gradient"
	byNatural  = "natural"
	bySGD      = "sgd"
	byAdaptive = "adaptive"
)

var _ = register(Experiment[plateauSpec, plateauRow]{
	Name:    "plateau",
	Version: 4,
	Doc: `Learning curves of gradient and natural gradient from the same starts near an overlap.

Where two hidden units do the work of the best single one the loss stands still. The
gradient leaves after a time that grows with log 1/u at the inverse of the exact
linear rate of the critical line; so does on-line gradient descent. The natural
gradient leaves after ½ log 2 wherever it starts: it has no plateau. The adaptive
natural gradient, which estimates the inverse Fisher information from the same
observations that it learns from and starts with a matrix that knows of no
degeneracy, has a short one that does not depend on u.`,
	Cite: []string{
		"S. Amari, H. Park, T. Ozeki (2006), Singularities affect dynamics of learning in neuromanifolds, Neural Computation 18(5):1007-1065",
		"H. Park, S. Amari, K. Fukumizu (2000), Adaptive natural gradient learning algorithms for various stochastic models, Neural Networks 13(7):755-764",
		"M. Inoue, H. Park, M. Okada (2003), On-line learning theory of soft committee machines with correlated hidden units, Journal of the Physical Society of Japan 72(4):805-810",
	},
	Default: plateauSpec{
		Model: "mlp:hidden=2", Teacher: []float64{0.4, 4, 10, 5}, Methods: []string{byGradient, bySGD, byAdaptive, byNatural},
		Distance: []float64{0.3, 0.1, 0.03, 0.01}, Z: 0.6, Eta: 0.01, Adaptive: []float64{0.001, 0.02, 1}, Until: 100, Points: 100,
	},
	Smoke: plateauSpec{
		Model: "mlp:hidden=2", Teacher: []float64{0.4, 4, 10, 5}, Methods: []string{byGradient, bySGD, byAdaptive, byNatural},
		Distance: []float64{0.3}, Z: 0.6, Eta: 0.03, Adaptive: []float64{0.01, 0.05, 1}, Until: 50, Points: 30,
	},
	Replicates: 20, SmokeReplicates: 2, Chunk: 5,
	Check: checkPlateau,
	Cells: func(s plateauSpec) []Cell { return Grid(Axis("method", s.Methods...), Axis("u", s.Distance...)) },
	Replicate: func(ctx context.Context, s plateauSpec, c Cell, k mc.Key) ([]plateauRow, error) {
		row, err := runPlateau(ctx, s, c.Text("method"), c.Float("u"), k.Stream("observations"))
		return []plateauRow{row}, err
	},
	Compare: comparePlateau,
	Figures: []Figure[plateauSpec, plateauRow]{
		{Name: "plateau", Doc: "Learning curves from one start, the largest distance but one: of the sampled methods the first replicate (left). Time until the loss is half that of the best single unit against the distance of the start, with the prediction by the exact linear rate from the largest distance on (right).", Draw: drawPlateau},
	},
})

func checkPlateau(s plateauSpec) error {
	_, line, err := overlapLine(s.Model, s.Teacher)
	if err != nil {
		return KeyError("teacher", "%v", err)
	}
	if len(line.S) != 1 {
		return KeyError("model", "%s: allowed is one input", s.Model)
	}
	if len(s.Methods) == 0 {
		return KeyError("methods", "none given")
	}
	known := []string{byGradient, bySGD, byAdaptive, byNatural}
	for _, m := range s.Methods {
		if !slices.Contains(known, m) {
			return KeyError("methods", "%q: known are %v", m, known)
		}
	}
	if len(s.Distance) == 0 {
		return KeyError("distance", "none given")
	}
	for i, u := range s.Distance {
		if !(u >= 1e-8 && u <= 10) || i > 0 && u >= s.Distance[i-1] {
			return KeyError("distance", "%v: allowed are descending numbers from 10 to 1e-8", s.Distance)
		}
	}
	if !(math.Abs(s.Z) < 1e3) {
		return KeyError("z", "%v: allowed is a number between -1000 and 1000", s.Z)
	}
	if !(s.Eta > 0 && s.Eta <= 1) {
		return KeyError("eta", "%v: allowed is a number above 0 and at most 1", s.Eta)
	}
	if a := s.Adaptive; len(a) != 3 || !(a[0] > 0 && a[0] <= 1) || !(a[1] >= 0 && a[1] < 1) || !(a[2] >= 0) {
		return KeyError("adaptive", "%v: want a step in (0, 1], a rate in [0, 1) and a damping of at least 0", a)
	}
	if !(s.Until > 0 && s.Until <= 1e8) {
		return KeyError("until", "%v: allowed is a number above 0 and at most 1e8", s.Until)
	}
	if s.Points < 10 || s.Points > 10000 {
		return KeyError("points", "%d: allowed is 10 to 10000", s.Points)
	}
	return nil
}

// overlapLine returns the averaged objective of a model under a teacher of the same
// model, and its best critical line.
func overlapLine(model string, teacher []float64) (*dynamics.Objective, *dynamics.CriticalLine, error) {
	m, err := models.Parse(model)
	if err != nil {
		return nil, nil, err
	}
	o, err := dynamics.NewObjective(m, m, teacher)
	if err != nil {
		return nil, nil, err
	}
	lines, err := dynamics.NewCriticalLines(o)
	if err != nil {
		return nil, nil, err
	}
	return o, lines[0], nil
}

// method returns the flow from start.
func (s plateauSpec) method(name string, o *dynamics.Objective, start []float64) (dynamics.Flow, error) {
	switch name {
	case bySGD:
		return dynamics.NewMethod("sgd", o, start, dynamics.MethodOptions{Step: s.Eta})
	case byAdaptive:
		return dynamics.NewAdaptiveNatural(o, start, s.Adaptive[0], s.Adaptive[1], s.Adaptive[2])
	case byNatural:
		return dynamics.NewMethod("natural", o, start, dynamics.MethodOptions{})
	}
	return dynamics.NewMethod("gd", o, start, dynamics.MethodOptions{})
}

// start is the point of the critical line at distance u.
func (s plateauSpec) start(l *dynamics.CriticalLine, u float64) []float64 {
	theta := make([]float64, len(s.Teacher))
	l.Theta(theta, []float64{u}, s.Z)
	return theta
}

// halfTime returns when the flow is first at half the loss of the line; ok is false if
// it is not by the end.
func (s plateauSpec) halfTime(ctx context.Context, name string, u float64) (tau float64, ok bool, err error) {
	o, line, err := overlapLine(s.Model, s.Teacher)
	if err != nil {
		return 0, false, err
	}
	start := s.start(line, u)
	flow, err := s.method(name, o, start)
	if err != nil {
		return 0, false, err
	}
	p, err := dynamics.Run(ctx, flow, o.Loss, start, dynamics.Clock{Until: s.Until, Points: 2,
		Event: func(theta []float64) float64 { return o.Loss(theta) - line.Loss/2 }}, nil)
	if err != nil {
		return 0, false, err
	}
	_, tau = p.End()
	return tau, p.Stop == dynamics.AtEvent, nil
}

// A spotter notes when the loss is first below a level.
type spotter struct {
	dynamics.Flow
	loss      func([]float64) float64
	level     float64
	tau, when float64
}

func (w *spotter) Step(theta []float64, most float64, rng *rand.Rand) (float64, error) {
	dt, err := w.Flow.Step(theta, most, rng)
	w.tau += dt
	if math.IsInf(w.when, 1) && err == nil && w.loss(theta) < w.level {
		w.when = w.tau
	}
	return dt, err
}

func runPlateau(ctx context.Context, s plateauSpec, method string, u float64, rng *rand.Rand) (plateauRow, error) {
	o, line, err := overlapLine(s.Model, s.Teacher)
	if err != nil {
		return plateauRow{}, err
	}
	start := s.start(line, u)
	flow, err := s.method(method, o, start)
	if err != nil {
		return plateauRow{}, err
	}
	// Steps of a fixed size are watched; those of a flow are long, and it has an event.
	w := &spotter{Flow: flow, loss: o.Loss, level: line.Loss / 2, when: math.Inf(1)}
	continuous := method == byGradient || method == byNatural
	if !continuous {
		flow = w
	}
	p, err := dynamics.Run(ctx, flow, o.Loss, start, dynamics.Clock{Until: s.Until, Points: s.Points, First: s.Until / 1e4}, rng, dynamics.DistanceProbes(o.Model())...)
	if err != nil {
		return plateauRow{}, err
	}
	if continuous {
		if tau, ok, err := s.halfTime(ctx, method, u); err != nil {
			return plateauRow{}, err
		} else if ok {
			w.when = tau
		}
	}
	row := plateauRow{
		Escape: min(w.when, s.Until), Start: math.NaN(), Level: math.NaN(), Final: p.Loss[len(p.Loss)-1],
		Time: p.T, Loss: p.Loss, Status: waiting,
	}
	switch {
	case p.Stop != dynamics.Done:
		row.Status = Failed
	case w.when <= s.Until:
		row.Status = escaped
	}
	if q := p.Plateaus(); len(q) > 0 {
		row.Start, row.Length, row.Level = q[0].From, q[0].To-q[0].From, q[0].Level
		if q[0].Stratum >= 0 {
			row.Stratum = strings.TrimSuffix(strings.TrimPrefix(p.Names[q[0].Stratum], "distance["), "]")
		}
	}
	return row, nil
}

func comparePlateau(ctx context.Context, s plateauSpec, c Cell) ([]Line[plateauRow], error) {
	_, line, err := overlapLine(s.Model, s.Teacher)
	if err != nil {
		return nil, err
	}
	theory, source := math.NaN(), ""
	switch c.Text("method") {
	case byGradient:
		theory, source, err = s.predicted(ctx, line, c.Float("u"))
	case bySGD:
		source = "averaged flow, integrated; the limit η → 0"
		var ok bool
		if theory, ok, err = s.halfTime(ctx, byGradient, c.Float("u")); !ok {
			theory = s.Until
		}
	case byNatural:
		theory, source = math.Ln2/2, "L ∝ e^(−2τ) where the residual is tangent, derived here"
	}
	if err != nil {
		return nil, err
	}
	lines := []Line[plateauRow]{
		{Name: "median escape τ", Measure: Quantile(0.5, func(r plateauRow) float64 { return r.Escape }), Theory: theory, Limit: true, Source: source},
		{Name: "P(escape)", Measure: Fraction(func(r plateauRow) bool { return r.Status == escaped }), Theory: math.NaN()},
		{Name: "median plateau length", Measure: Quantile(0.5, func(r plateauRow) float64 { return r.Length }), Theory: math.NaN()},
	}
	return lines, nil
}

// predicted is the escape time of the gradient flow by the linear rate, from that at
// the largest distance on.
func (s plateauSpec) predicted(ctx context.Context, line *dynamics.CriticalLine, u float64) (float64, string, error) {
	first, ok, err := s.halfTime(ctx, byGradient, s.Distance[0])
	if err != nil || !ok || u == s.Distance[0] {
		return math.NaN(), "", err
	}
	return first + line.Plateau(u, s.Distance[0], s.Z), "from the largest u on by the exact linear rate", nil
}

func drawPlateau(s plateauSpec, cells []Sample[plateauRow]) (Drawing, error) {
	_, line, err := overlapLine(s.Model, s.Teacher)
	if err != nil {
		return nil, err
	}
	shown := s.Distance[min(1, len(s.Distance)-1)]
	curves := &figs.Panel{Title: fmt.Sprintf("u = %v, z = %v", shown, s.Z), X: "time τ", Y: "loss (nats)", LogX: true, LogY: true,
		XRange: [2]float64{s.Until / 1e4, s.Until}, YRange: [2]float64{line.Loss * 1e-4, line.Loss * 2}}
	times := &figs.Panel{X: "distance u at the start", Y: "escape time τ", LogX: true, LogY: true}
	for _, name := range s.Methods {
		var x, y, se []float64
		for _, c := range cells {
			if c.Cell.Text("method") != name {
				continue
			}
			u := c.Cell.Float("u")
			if u == shown && len(c.Rows) > 0 {
				t, l := everyKth(c.Rows[0].Time, 40), everyKth(c.Rows[0].Loss, 40)
				curves.Series(name, t, l, nil)
			}
			v, e, _ := Quantile(0.5, func(r plateauRow) float64 { return r.Escape })(c)
			x, y, se = append(x, u), append(y, v), append(se, e)
		}
		times.Series(name, x, y, se)
	}
	curves.Reference("best single unit", []float64{s.Until / 1e4, s.Until}, []float64{line.Loss, line.Loss})
	if slices.Contains(s.Methods, byGradient) && len(s.Distance) > 1 {
		var x, y []float64
		for _, u := range s.Distance[1:] {
			tau, _, err := s.predicted(context.Background(), line, u)
			if err != nil {
				return nil, err
			}
			x, y = append(x, u), append(y, tau)
		}
		times.Reference("exact linear rate", x, y)
	}
	return figs.New(curves, times), nil
}

// everyKth thins x to about n values, the first and the last among them.
func everyKth(x []float64, n int) []float64 {
	if len(x) <= n {
		return x
	}
	out := make([]float64, n)
	for i := range out {
		out[i] = x[i*(len(x)-1)/(n-1)]
	}
	return out
}
