package dynamics

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

// spiral is dx/dt = (−x₂, x₁): a rotation with period 2π.
func spiral(dst, x []float64) bool { dst[0], dst[1] = -x[1], x[0]; return true }

// The global error at fixed steps falls with the order of each method.
func TestIntegratorsHaveTheirOrder(t *testing.T) {
	jac := func(dst *mat.Dense, _ []float64) bool {
		dst.Copy(mat.NewDense(2, 2, []float64{0, -1, 1, 0}))
		return true
	}
	wrong := func(dst *mat.Dense, _ []float64) bool {
		dst.Copy(mat.NewDense(2, 2, []float64{-1, 0, .5, 0}))
		return true
	}
	loose := Tolerances{Abs: 1e6, Rel: 1e6} // every step is accepted
	type stepper interface {
		step(x []float64, most float64) (float64, error)
	}
	for _, c := range []struct {
		name  string
		make  func(h float64) stepper
		order float64
		n     int
	}{
		{"dopri5", func(h float64) stepper { s := newDopri5(spiral, 2, loose); s.h = h; return s }, 5, 20},
		{"ROS2", func(h float64) stepper { s := newRosenbrock(spiral, jac, 2, loose); s.h = h; return s }, 2, 100},
		{"ROS2 with another matrix", func(h float64) stepper { s := newRosenbrock(spiral, wrong, 2, loose); s.h = h; return s }, 2, 400},
	} {
		run := func(n int) float64 {
			h := 1 / float64(n)
			s := c.make(h)
			x := []float64{1, 0}
			for range n {
				if dt, err := s.step(x, h); err != nil || dt != h {
					t.Fatal(c.name, dt, err)
				}
			}
			return math.Hypot(x[0]-math.Cos(1), x[1]-math.Sin(1))
		}
		if got := math.Log2(run(c.n) / run(2*c.n)); math.Abs(got-c.order) > 0.15 {
			t.Errorf("%s: order %.3f, want %v", c.name, got, c.order)
		}
	}
}

type fieldFlow struct{ s *dopri5 }

func (f fieldFlow) Step(x []float64, most float64, _ *rand.Rand) (float64, error) {
	return f.s.step(x, most)
}
func (f fieldFlow) restart() { f.s.fresh = false }

func zero([]float64) float64 { return 0 }

// wide is a flow of steps of size 1.
type wide struct{}

func (wide) Step(x []float64, _ float64, _ *rand.Rand) (float64, error) {
	x[0]++
	return 1, nil
}

// A step that passes several of the times to record is one row, at its end.
func TestRowsAreNotRepeated(t *testing.T) {
	p, err := Run(context.Background(), wide{}, zero, []float64{0}, Clock{Until: 3, Points: 13}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := []float64{0, 1, 2, 3}; !slices.Equal(p.T, want) || p.Theta.At(3, 0) != 3 {
		t.Errorf("rows at τ = %v, want %v", p.T, want)
	}
}

// The sum of 0.01 by itself is 5e-14 short of 5 after 500 steps, which took one more.
func TestFixedStepsEndInTime(t *testing.T) {
	src := fieldSource(func(dst, _ []float64) { dst[0] = 1 })
	for _, c := range []struct {
		step, until float64
		steps       int
	}{{0.01, 5, 500}, {0.01, 20, 2000}, {0.1, 30_000, 300_000}, {0.001, 7, 7000}} {
		flow, err := NewSGD(src, 1, c.step)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Run(context.Background(), flow, zero, []float64{0}, Clock{Until: c.until, Points: 2}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, tau := p.End(); p.Steps != c.steps || math.Abs(tau-c.until) > 1e-14*c.until {
			t.Errorf("steps of %v to %v: %d, to τ = %v", c.step, c.until, p.Steps, tau)
		}
	}
}

// A fieldSource is a field as a Source.
type fieldSource func(dst, theta []float64)

func (f fieldSource) Gradient(dst, theta []float64, _ *rand.Rand) bool { f(dst, theta); return true }

// A natural gradient flow that has four digits left says so at once: it has no chart
// where the variances are free, and its steps would be of 1e-9.
func TestNaturalGradientOfFewDigits(t *testing.T) {
	o := teacher(t, "mixture:k=2", "mixture:k=2", 0.4, -1, 1, 1, 0.5)
	start := []float64{0.5, 0.1, 0.2, 1, 1}
	for _, c := range []struct {
		damping float64
		want    Stop
	}{{0, Degenerate}, {1e-6, Done}} {
		flow, err := NewMethod("natural", o, start, MethodOptions{Damping: c.damping})
		if err != nil {
			t.Fatal(err)
		}
		p, err := Run(context.Background(), flow, o.Loss, start, Clock{Until: 5, Points: 2, Budget: 2000}, nil)
		if err != nil || p.Stop != c.want {
			t.Errorf("damping %v: %v %v %v, want %v", c.damping, p.Stop, p.Reason, err, c.want)
		}
	}
}

func TestEventIsLocated(t *testing.T) {
	p, err := Run(context.Background(), fieldFlow{newDopri5(spiral, 2, Tolerances{1e-12, 1e-12})}, zero, []float64{1, 0},
		Clock{Until: 10, Points: 3, Event: func(x []float64) float64 { return x[0] + 0.5 }}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, tau := p.End(); p.Stop != AtEvent || math.Abs(tau-2*math.Pi/3) > 1e-9 {
		t.Errorf("%v at τ = %.12f, want 2π/3 = %.12f", p.Stop, tau, 2*math.Pi/3)
	}
	p, err = Run(context.Background(), fieldFlow{newDopri5(spiral, 2, Tolerances{})}, zero, []float64{1, 0},
		Clock{Until: 10, Event: func(x []float64) float64 { return x[0] + 2 }}, nil)
	if err != nil || p.Stop != NoEvent || p.Stop.Advice() == "" {
		t.Errorf("%v, %v: an event that never happens", p.Stop, err)
	}
}

// x' = x² blows up at τ = 1: the trajectory ends there, with finite rows.
func TestBlowUpIsAStop(t *testing.T) {
	square := func(dst, x []float64) bool {
		dst[0] = x[0] * x[0]
		return !math.IsInf(dst[0], 0) && !math.IsNaN(dst[0])
	}
	p, err := Run(context.Background(), fieldFlow{newDopri5(square, 1, Tolerances{})}, zero, []float64{1}, Clock{Until: 2, Budget: 100000}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if p.Stop == Done || p.Reason == "" {
		t.Errorf("stop %v, reason %q", p.Stop, p.Reason)
	}
	for i := range p.T {
		if v := p.Theta.At(i, 0); math.IsNaN(v) || math.IsInf(v, 0) {
			t.Errorf("row %d is %v", i, v)
		}
	}
}

func TestGradientDescentDivergesWithAReason(t *testing.T) {
	o := teacher(t, "mlp:hidden=2", "mlp:hidden=1", 1, 1)
	f, err := NewSGD(Averaged{o}, 4, 1e4)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Run(context.Background(), f, o.Loss, []float64{.5, .9, 1, .2}, Clock{Until: 1e7}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if p.Stop != Diverged || p.Reason == "" {
		t.Errorf("stop %v: %s", p.Stop, p.Reason)
	}
	for i, l := range p.Loss {
		if math.IsNaN(l) || math.IsInf(l, 0) {
			t.Errorf("loss %d is %v", i, l)
		}
	}
}

func TestRunRefuses(t *testing.T) {
	f := fieldFlow{newDopri5(spiral, 2, Tolerances{})}
	for _, c := range []Clock{{}, {Until: math.Inf(1)}, {Until: 1, Points: 1}, {Until: 1, First: 2}} {
		if _, err := Run(context.Background(), f, zero, []float64{1, 0}, c, nil); err == nil {
			t.Errorf("%+v accepted", c)
		}
	}
	if _, err := Run(context.Background(), f, func([]float64) float64 { return math.Inf(1) }, []float64{1, 0}, Clock{Until: 1}, nil); err == nil {
		t.Error("a start outside the domain accepted")
	}
	for _, v := range []float64{1e300, math.Inf(-1), math.NaN()} {
		if _, err := Run(context.Background(), f, zero, []float64{1, v}, Clock{Until: 1}, nil); err == nil {
			t.Errorf("a start at %v accepted", v)
		}
	}
	m, _ := models.Parse("mlp:hidden=2,in=2")
	truth, _ := models.Parse("mlp:hidden=1")
	if _, err := NewObjective(m, truth, []float64{1, 1}); err == nil {
		t.Error("a teacher with another number of inputs accepted")
	}
	if _, err := NewObjective(truth, truth, []float64{1}); err == nil {
		t.Error("a teacher with too few parameters accepted")
	}
}

// teacher returns the averaged objective.
func teacher(t testing.TB, student, truth string, at ...float64) *Objective {
	t.Helper()
	m, err := models.Parse(student)
	if err != nil {
		t.Fatal(err)
	}
	m0, err := models.Parse(truth)
	if err != nil {
		t.Fatal(err)
	}
	o, err := NewObjective(m, m0, at)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// from returns (w₁, w₂, v₁, v₂) with overlap coordinates (u, z, s, r).
func from(u, z, s, r float64) []float64 {
	return []float64{s - (1-z)*u/2, s + (1+z)*u/2, r * (1 + z) / 2, r * (1 - z) / 2}
}

// Reference teachers; s*, r* and L₁ of the best single unit by root finding on the
// closed forms (derived here; T+ and T− are those of H. Park's public script for
// the 2006 paper, which agrees in the digits it prints).
var fixtures = map[string]struct {
	at       []float64
	s, r, l1 float64
	k        float64
}{
	"T+": {[]float64{.4, 4, 10, 5}, 1.8386576, 9.5568033, .26572851, .11611247},
	"T-": {[]float64{.3, 1, 10, -10}, 1.4369378, -5.1555985, .01764370, -.01815128},
	"T1": {[]float64{.5, 2, 1, 1}, 1.4117002, 1.6354269, 8.84550e-4, 1.670818e-3},
	"T2": {[]float64{.8, 1.4, 1, 1}, 1.1204872, 1.9264856, 5.33676e-5, 6.08220e-4},
}

// D4: the natural gradient has no plateau, the gradient has one whose length grows
// with the logarithm of the distance to the singular set at the exact linear rate.
func TestD4PlateauOfGradientAndNot(t *testing.T) {
	for _, c := range []struct {
		name    string
		ng, gd  []float64
		rate    float64
		slowest float64
	}{
		{"T+", []float64{.361, .364, .366}, []float64{29.5, 33.2, 39.5}, .115735, 60},
		{"T1", []float64{.326, .338, .346}, []float64{773, 1013, 1438}, .00160250, 2000},
	} {
		f := fixtures[c.name]
		var half []float64
		for i, u := range []float64{.3, .2, .1} {
			o := teacher(t, "mlp:hidden=2", "mlp:hidden=2", f.at...)
			start := from(u, .6, f.s, f.r)
			event := func(theta []float64) float64 { return o.Loss(theta) - f.l1/2 }
			time := func(flow Flow, until float64) float64 {
				p, err := Run(context.Background(), flow, o.Loss, start, Clock{Until: until, Points: 2, Event: event}, nil)
				if err != nil || p.Stop != AtEvent {
					t.Fatalf("%s, u = %v: %v %s %v", c.name, u, p.Stop, p.Reason, err)
				}
				_, tau := p.End()
				return tau
			}
			ng, err := NewNaturalGradient(o, NaturalOptions{})
			if err != nil {
				t.Fatal(err)
			}
			chart, err := NewChartGradient(o, Tolerances{})
			if err != nil {
				t.Fatal(err)
			}
			a, b := time(ng, 5), time(chart, 5)
			if math.Abs(a-c.ng[i]) > 1e-3 || math.Abs(a-b) > 1e-5 {
				t.Errorf("%s, u = %v: natural gradient %.5f, in the chart %.5f, want %v", c.name, u, a, b, c.ng[i])
			}
			half = append(half, time(NewGradientFlow(o, Tolerances{}), c.slowest))
			if math.Abs(half[i]/c.gd[i]-1) > 3e-3 {
				t.Errorf("%s, u = %v: gradient flow %.4f, want %v", c.name, u, half[i], c.gd[i])
			}
		}
		for i, ratio := range []float64{math.Log(1.5), math.Log(2)} {
			if slope := (half[i+1] - half[i]) / ratio * c.rate; math.Abs(slope-1) > 0.1 {
				t.Errorf("%s: plateau grows by %.3f of 1/λ", c.name, slope)
			}
		}
	}
}

// D5: a teacher in the singular set. The gradient flow is algebraic, the natural
// gradient exponential.
func TestD5TeacherOnTheSingularSet(t *testing.T) {
	o := teacher(t, "mlp:hidden=2", "mlp:hidden=1", 1, 1)
	start := from(.3, .4, 1, 1)
	chart, err := NewChartGradient(o, Tolerances{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := Run(context.Background(), chart, o.Loss, start, Clock{Until: 5, Points: 11}, nil)
	if err != nil || p.Stop != Done {
		t.Fatal(p.Stop, p.Reason, err)
	}
	first, _ := chart.Loss(start)
	for i, tau := range p.T {
		l, err := chart.Loss(p.Theta.RawRowView(i))
		if err != nil {
			t.Fatal(err)
		}
		if c := l * math.Exp(2*tau) / first; math.Abs(c-1) > 1e-4 {
			t.Errorf("τ = %v: L e^{2τ} has moved by %.2g", tau, c-1)
		}
	}
	if math.Abs(first-8.19995e-6) > 1e-10 {
		t.Errorf("L at the start is %g, want 8.19995e-6", first)
	}
	flow := NewStiffGradientFlow(o, Tolerances{})
	p, err = Run(context.Background(), flow, o.Loss, start, Clock{Until: 1e7, Points: 60, First: 1}, nil)
	if err != nil || p.Stop != Done {
		t.Fatal(p.Stop, p.Reason, err)
	}
	at := func(tau float64) (u, l float64) {
		for i, v := range p.T {
			if v >= tau*0.999 {
				x := p.Theta.RawRowView(i)
				return x[1] - x[0], p.Loss[i]
			}
		}
		panic("not recorded")
	}
	u0, l0 := at(1.1e6)
	u1, l1 := at(1e7)
	var t0 float64
	for _, v := range p.T {
		if v >= 1.1e6*.999 {
			t0 = v
			break
		}
	}
	su, sl := math.Log(u1/u0)/math.Log(1e7/t0), math.Log(l1/l0)/math.Log(1e7/t0)
	if math.Abs(su+.5) > .02 || math.Abs(sl+2) > .02 {
		t.Errorf("u ~ τ^%.4f, L ~ τ^%.4f, want −1/2 and −2", su, sl)
	} else {
		t.Logf("u ~ τ^%.4f, L ~ τ^%.4f", su, sl)
	}
}

// The chart flow is stable where the Fisher information in θ has lost all digits.
func TestNaturalGradientVeryNearTheOverlap(t *testing.T) {
	f := fixtures["T1"]
	o := teacher(t, "mlp:hidden=2", "mlp:hidden=2", f.at...)
	chart, err := NewChartGradient(o, Tolerances{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := Run(context.Background(), chart, o.Loss, from(1e-8, .6, f.s, f.r), Clock{Until: 5, Points: 2}, nil)
	if err != nil || p.Stop != Done {
		t.Fatal(p.Stop, p.Reason, err)
	}
	// The loss falls as e^{−2τ} while the residual lies in the tangent space, which it
	// does to 1 % here, from L₁ on.
	if c := p.Loss[1] / (f.l1 * math.Exp(-10)); math.Abs(c-1) > 0.05 {
		t.Errorf("L = %g after τ = 5, %.3f of L₁e^{−2τ}", p.Loss[1], c)
	}
	ng, err := NewNaturalGradient(o, NaturalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if p, err = Run(context.Background(), ng, o.Loss, from(1e-8, .6, f.s, f.r), Clock{Until: 5, Points: 2}, nil); err != nil || p.Stop != Degenerate {
		t.Errorf("in θ: %v %v, want a refusal", p.Stop, err)
	}
}

// The loss of a mixture carries a bound that covers its error, here against one normal
// component, for which the divergence is known; networks without a closed form carry
// the change by half the nodes, which is an estimate.
func TestLossBound(t *testing.T) {
	o := teacher(t, "mixture:k=1", "mixture:k=1", 0, 1)
	theta := []float64{.5, 1e-4}
	want := (1e4 - 1 + math.Log(1e-4) + .25e4) / 2
	if o.Estimated {
		t.Error("an adaptive quadrature has a bound")
	}
	if l, b := o.Loss(theta), o.Bound(theta); !(math.Abs(l-want) <= b+1e-12*want) || !(b > 0 && b < 1e-8*want) || o.Route != models.Quadrature {
		t.Errorf("loss %v ± %v by %v, want %v", l, b, o.Route, want)
	}
	o = teacher(t, "mlp:hidden=1,act=tanh", "mlp:hidden=1,act=tanh", 1, 1)
	if !o.Estimated {
		t.Error("a fixed rule has no bound")
	}
	// A steep unit has its poles near the axis: both rules are off, the coarse one more.
	steep := []float64{30, 1}
	l, b := o.Loss(steep), o.Bound(steep)
	fine, err := models.Population(o.Model(), o.Model(), []float64{1, 1}, models.Rule{Points: 1 << 14})
	if err != nil {
		t.Fatal(err)
	}
	if want := fine.LogLik([]float64{1, 1}) - fine.LogLik(steep); !(math.Abs(l-want) <= b) || !(b > 1e-12) {
		t.Errorf("loss %v ± %v, by many nodes %v", l, b, want)
	}
}

// Where the score does not exist as an integral, the flow says so.
func TestInaccurateStop(t *testing.T) {
	o := teacher(t, "mixture:k=2", "mixture:k=2", .5, -1, 1, 1, 1)
	start := []float64{0, 0, 0, 9, .4} // ∫ p₀ φ₁/φ₂ diverges
	for name, flow := range map[string]Flow{"gd": NewGradientFlow(o, Tolerances{}), "implicit": NewStiffGradientFlow(o, Tolerances{})} {
		p, err := Run(t.Context(), flow, o.Loss, start, Clock{Until: 1}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if p.Stop != Inaccurate || p.Stop.Advice() == "" {
			t.Errorf("%s: %v, %s", name, p.Stop, p.Reason)
		}
	}
	for _, method := range []string{"gd", "em", "langevin", "natural"} {
		flow, err := NewMethod(method, o, start, MethodOptions{Step: .01})
		if err != nil {
			t.Fatal(err)
		}
		p, err := Run(t.Context(), flow, o.Loss, start, Clock{Until: 1}, rand.New(rand.NewPCG(1, 2)))
		if err != nil {
			t.Fatal(err)
		}
		if p.Stop != Inaccurate {
			t.Errorf("%s: %v, %s", method, p.Stop, p.Reason)
		}
	}
}

// A family whose nodes are exact needs no bound.
func TestExactNodes(t *testing.T) {
	for _, o := range []*Objective{teacher(t, "binmix", "binmix", .3, .2, .7), teacher(t, "cone", "cone", .3, .2)} {
		start := append([]float64(nil), o.at...)
		start[0] += .1
		if o.Route != models.Exact || o.Bound(start) != 0 {
			t.Errorf("%v: by %v ± %v", o.Model(), o.Route, o.Bound(start))
		}
	}
}
