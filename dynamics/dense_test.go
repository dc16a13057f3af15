package dynamics

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// denseStep is an integrator with its continuous extension.
type denseStep interface {
	step(x []float64, most float64) (float64, error)
	At(dst []float64, dt float64)
}

// The error within one step from the exact solution falls as h^(order+1), at every
// point of the step: cos and sin.
func TestExtensionsHaveTheirOrder(t *testing.T) {
	jac := func(dst *mat.Dense, _ []float64) bool {
		dst.Copy(mat.NewDense(2, 2, []float64{0, -1, 1, 0}))
		return true
	}
	loose := Tolerances{Abs: 1e6, Rel: 1e6} // every step is accepted
	for _, c := range []struct {
		name  string
		make  func(h float64) denseStep
		order float64
		h     float64
	}{
		{"dopri5", func(h float64) denseStep { s := newDopri5(spiral, 2, loose); s.h = h; return s }, 4, 0.1},
		{"ROS2", func(h float64) denseStep { s := newRosenbrock(spiral, jac, 2, loose); s.h = h; return s }, 2, 0.01},
	} {
		within := func(h float64) (worst float64) {
			s := c.make(h)
			x, at := []float64{1, 0}, make([]float64, 2)
			if dt, err := s.step(x, h); err != nil || dt != h {
				t.Fatal(c.name, dt, err)
			}
			for i := range 21 {
				tau := h * float64(i) / 20
				s.At(at, tau)
				worst = max(worst, math.Hypot(at[0]-math.Cos(tau), at[1]-math.Sin(tau)))
			}
			s.At(at, 0)
			if at[0] != 1 || at[1] != 0 {
				t.Errorf("%s: starts at %v", c.name, at)
			}
			if s.At(at, h); math.Hypot(at[0]-x[0], at[1]-x[1]) > 1e-15 {
				t.Errorf("%s: ends at %v, the step at %v", c.name, at, x)
			}
			return worst
		}
		if got := math.Log2(within(c.h)/within(c.h/2)) - 1; math.Abs(got-c.order) > 0.15 {
			t.Errorf("%s: order %.3f, want %v", c.name, got, c.order)
		}
	}
}

// The extension of the implicit method does not multiply errors in a stiff direction:
// x' = −λ(x − cos τ) − sin τ from its slow solution, with steps of up to λh = 10⁶, to
// order 2.
func TestExtensionOfAStiffStep(t *testing.T) {
	const rate = 1e7
	f := func(dst, x []float64) bool {
		dst[0], dst[1] = -rate*(x[0]-math.Cos(x[1]))-math.Sin(x[1]), 1
		return true
	}
	jac := func(dst *mat.Dense, x []float64) bool {
		dst.Copy(mat.NewDense(2, 2, []float64{-rate, -rate*math.Sin(x[1]) - math.Cos(x[1]), 0, 0}))
		return true
	}
	worst := func(h float64) (most float64) {
		s := newRosenbrock(f, jac, 2, Tolerances{Abs: 1e6, Rel: 1e6})
		s.h = h
		x, at := []float64{1, 0}, make([]float64, 2)
		for x[1] < 1-h/2 {
			from := x[1]
			if _, err := s.step(x, h); err != nil {
				t.Fatal(err)
			}
			for i := range 21 {
				tau := h * float64(i) / 20
				s.At(at, tau)
				most = max(most, math.Abs(at[0]-math.Cos(from+tau)))
			}
		}
		return most
	}
	last := math.NaN()
	for _, h := range []float64{0.1, 0.05, 0.025} {
		e := worst(h)
		if !(e < 0.6*h*h) || math.Abs(last/e-4) > 0.4 {
			t.Errorf("steps of %v: off by %.2g, and by %.2g with twice the step", h, e, last)
		}
		last = e
	}
}

// counted is a flow that counts its field, with its extension or without.
func counted(n *int, f field, d int, tol Tolerances) fieldFlow {
	return fieldFlow{newDopri5(func(dst, x []float64) bool { *n++; return f(dst, x) }, d, tol)}
}

type denseFlow struct{ fieldFlow }

func (f denseFlow) At(dst []float64, dt float64) { f.s.At(dst, dt) }

// Recorded points of a dense flow are as good as those that steps were cut at, and an
// event is where it is in closed form, for far fewer fields: of a rotation and of
// logistic growth x' = x(1−x) from ½, x = 1/(1+e^−τ).
func TestDenseRuns(t *testing.T) {
	logistic := func(dst, x []float64) bool { dst[0] = x[0] * (1 - x[0]); return true }
	for _, c := range []struct {
		name  string
		f     field
		start []float64
		exact func(tau float64) float64 // of coordinate 0
		level float64
		event float64
	}{
		{"rotation", spiral, []float64{1, 0}, math.Cos, -0.5, 2 * math.Pi / 3},
		{"logistic", logistic, []float64{0.5}, func(tau float64) float64 { return 1 / (1 + math.Exp(-tau)) }, 0.99, math.Log(99)},
	} {
		for _, tol := range []float64{1e-8, 1e-11} {
			var cut, dense, stepped, located int
			off := func(flow Flow) (worst float64) {
				p, err := Run(t.Context(), flow, zero, c.start, Clock{Until: 10, Points: 1001}, nil)
				if err != nil || p.Stop != Done || len(p.T) != 1001 || p.T[1000] != 10 {
					t.Fatal(p.Stop, p.Reason, err)
				}
				for i, tau := range p.T {
					worst = max(worst, math.Abs(p.Theta.At(i, 0)-c.exact(tau)))
				}
				return worst
			}
			d := len(c.start)
			off(counted(&cut, c.f, d, Tolerances{tol, tol}))
			if e := off(denseFlow{counted(&dense, c.f, d, Tolerances{tol, tol})}); e > 50*tol || 4*dense > cut {
				t.Errorf("%s to %g: off by %.2g; %d fields, %d with cut steps", c.name, tol, e, dense, cut)
			}
			found := func(flow Flow) float64 {
				p, err := Run(t.Context(), flow, zero, c.start, Clock{Until: 10, Points: 2, Event: func(x []float64) float64 { return x[0] - c.level }}, nil)
				if err != nil || p.Stop != AtEvent {
					t.Fatal(p.Stop, p.Reason, err)
				}
				x, tau := p.End()
				if math.Abs(x[0]-c.level) > 1e-10 {
					t.Errorf("%s to %g: the event is at x = %v, want %v", c.name, tol, x[0], c.level)
				}
				return tau
			}
			found(counted(&stepped, c.f, d, Tolerances{tol, tol}))
			// dx/dτ is 0.87 and 0.0099 at the event.
			if e := found(denseFlow{counted(&located, c.f, d, Tolerances{tol, tol})}) - c.event; math.Abs(e) > 1000*tol || located > stepped {
				t.Errorf("%s to %g: the event is off by %.2g; %d fields, %d by stepping", c.name, tol, e, located, stepped)
			}
			t.Logf("%s to %g: 1000 points for %d fields, %d with cut steps; the event for %d, %d by stepping", c.name, tol, dense, cut, located, stepped)
		}
	}
}

// fenced is a flow whose extension strays out of the domain of the loss: those points
// are stepped to.
type fenced struct{ denseFlow }

func (f fenced) At(dst []float64, dt float64) {
	f.denseFlow.At(dst, dt)
	if math.Abs(dst[0]) < 0.5 {
		dst[0] = math.NaN()
	}
}

func TestExtensionOutsideTheDomain(t *testing.T) {
	flow := fenced{denseFlow{fieldFlow{newDopri5(spiral, 2, Tolerances{1e-11, 1e-11})}}}
	p, err := Run(t.Context(), flow, func(x []float64) float64 { return x[0] }, []float64{1, 0}, Clock{Until: 7, Points: 71}, nil)
	if err != nil || p.Stop != Done || len(p.T) != 71 {
		t.Fatal(p.Stop, p.Reason, err)
	}
	for i, tau := range p.T {
		if e := math.Abs(p.Loss[i] - math.Cos(tau)); !(e < 1e-9) {
			t.Errorf("τ = %v: off by %g", tau, e)
		}
	}
}

// What has an extension: the flows in continuous time, whose extension at a random time
// is what steps to it give, and not what moves by steps.
func TestDenseFlows(t *testing.T) {
	o := teacher(t, "mlp:hidden=2", "mlp:hidden=2", fixtures["T+"].at...)
	mix := teacher(t, "mixture:k=2,sd=1", "mixture:k=2,sd=1", .4, -1, 1)
	for _, f := range []Flow{(&Reduced{K: 1, Scale: 1}).Flow(Tolerances{}), committee(t, CommitteeSettings{Students: 2}).Flow(Tolerances{})} {
		if _, ok := denseOf(f); !ok {
			t.Errorf("%T has no extension", f)
		}
	}
	unit := []float64{.3, 1.2, 5, 5}
	near := []float64{1.8, 1.85, 5, 4}
	for _, c := range []struct {
		name, method string
		o            *Objective
		start        []float64
		tol          float64
	}{
		{"gradient", "gd", o, unit, 1e-8}, {"implicit", "implicit", o, unit, 1e-5},
		{"natural in θ", "natural", o, unit, 1e-7}, {"natural in the chart", "natural", o, near, 1e-7},
		{"EM", "em", mix, []float64{.3, -.5, .7}, 1e-8}, {"natural of a mixture", "natural", mix, []float64{.3, -.1, .1}, 1e-7},
	} {
		flow := func(tol Tolerances) Flow {
			f, err := NewMethod(c.method, c.o, c.start, MethodOptions{Tolerances: tol})
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
		f, ok := denseOf(flow(Tolerances{}))
		if !ok {
			t.Errorf("%s has no extension", c.name)
			continue
		}
		rng := rand.New(rand.NewPCG(1, 2))
		x := append([]float64(nil), c.start...)
		y, at := append([]float64(nil), x...), make([]float64, len(x))
		for range 3 { // the first steps find their size
			copy(y, x)
			dt, err := f.Step(x, 0.1, nil)
			if err != nil {
				t.Fatal(c.name, err)
			}
			f.At(at, dt)
			for i := range x {
				if math.Abs(at[i]-x[i]) > 1e-13*(1+math.Abs(x[i])) {
					t.Errorf("%s: ends at %v, the step at %v", c.name, at, x)
				}
			}
			dt *= rng.Float64()
			f.At(at, dt)
			g := flow(Tolerances{1e-12, 1e-11})
			for left := dt; left > 1e-14*dt; {
				h, err := g.Step(y, left, nil)
				if err != nil {
					t.Fatal(c.name, err)
				}
				left -= h
			}
			for i := range y {
				if math.Abs(at[i]-y[i]) > c.tol*(1+math.Abs(y[i])) {
					t.Errorf("%s: coordinate %d after %g: %v, want %v", c.name, i, dt, at[i], y[i])
				}
			}
		}
		if c.method == "implicit" {
			continue
		}
		steps, err := NewMethod(c.method, c.o, c.start, MethodOptions{Step: .01})
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := denseOf(steps); ok {
			t.Errorf("%s by steps has an extension", c.name)
		}
	}
}
