package ode

import (
	"math"
	"testing"
)

// turn is a rotation by the angle t², with the solution (sin t², cos t²): it depends on
// time, so the nodes count.
func turn(dst []float64, t float64, x []float64) bool {
	dst[0], dst[1] = 2*t*x[1], -2*t*x[0]
	return true
}

func exact(t float64) (float64, float64) { s, c := math.Sincos(t * t); return s, c }

// The conditions that make the extension and the pair consistent: rows of the stages
// sum to the nodes, the weights of both differences to 0.
func TestCoefficients(t *testing.T) {
	sum := func(w []float64) (s float64) {
		for _, v := range w {
			s += v
		}
		return s
	}
	for i, row := range stages {
		if got := sum(row[:]); math.Abs(got-nodes[i]) > 1e-14 {
			t.Errorf("row %d of the stages sums to %v, its node is %v", i, got, nodes[i])
		}
	}
	for name, w := range map[string][7]float64{"defect": defect, "bend": bend} {
		if got := sum(w[:]); math.Abs(got) > 1e-14 {
			t.Errorf("%s sums to %v", name, got)
		}
	}
}

// Over one step of size h the solution is off by O(h⁶), the difference of the pair by
// O(h⁵) and the extension, at its worst, by O(h⁵), on a system that depends on time.
func TestOrders(t *testing.T) {
	const start = 0.7
	errs := func(h float64) (step, pair, between float64) {
		d := NewDopri(2)
		x, y, at := make([]float64, 2), make([]float64, 2), make([]float64, 2)
		x[0], x[1] = exact(start)
		turn(d.First(), start, x)
		if !d.Step(y, x, start, h, turn) {
			t.Fatal("a step without reason")
		}
		e := d.Defect(h)
		pair = math.Hypot(e[0], e[1])
		d.Advance()
		off := func(x []float64, t float64) float64 {
			s, c := exact(t)
			return math.Hypot(x[0]-s, x[1]-c)
		}
		for i := range 21 {
			dt := h * float64(i) / 20
			d.At(at, x, y, h, dt)
			between = max(between, off(at, start+dt))
		}
		if d.At(at, x, y, h, 0); at[0] != x[0] || at[1] != x[1] {
			t.Errorf("the extension starts at %v, the step at %v", at, x)
		}
		if d.At(at, x, y, h, h); math.Abs(at[0]-y[0])+math.Abs(at[1]-y[1]) > 1e-15 {
			t.Errorf("the extension ends at %v, the step at %v", at, y)
		}
		return off(y, start+h), pair, between
	}
	a, b, c := errs(0.1)
	a2, b2, c2 := errs(0.05)
	for _, q := range []struct {
		name       string
		wide, fine float64
		order      float64
	}{{"step", a, a2, 6}, {"difference of the pair", b, b2, 5}, {"extension", c, c2, 5}} {
		if got := math.Log2(q.wide / q.fine); math.Abs(got-q.order) > 0.35 {
			t.Errorf("%s: falls as h^%.2f, want h^%v", q.name, got, q.order)
		}
	}
}

func TestStepsDoNotAllocateAndStopWhereThereIsNoDerivative(t *testing.T) {
	d := NewDopri(2)
	x, y := []float64{0, 1}, make([]float64, 2)
	asked := 0
	wall := func(dst []float64, t float64, x []float64) bool { asked++; return t < 0.5 && turn(dst, t, x) }
	turn(d.First(), 0, x)
	if d.Step(y, x, 0, 1, wall) || asked != 3 {
		t.Errorf("asked for %d derivatives, want 3: the node 4/5 is behind the wall", asked)
	}
	if n := testing.AllocsPerRun(10, func() { d.Step(y, x, 0, 0.1, turn); d.Defect(0.1) }); n != 0 {
		t.Errorf("%v allocations a step", n)
	}
}
