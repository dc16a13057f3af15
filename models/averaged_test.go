package models

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// The closed form against the quadrature of Population and its differences, which
// share no code with it.
func TestAverageIsThePopulation(t *testing.T) {
	for _, c := range []struct {
		student, teacher string
		at, theta        []float64
	}{
		{"mlp:hidden=2", "mlp:hidden=2", []float64{.4, .9, 1, .5}, []float64{.3, -.8, .7, 1.2}},
		{"mlp:hidden=2", "mlp:hidden=1", []float64{.8, 1.1}, []float64{.8, .8, .6, .5}},
		{"mlp:hidden=1,in=2,xsd=0.5,sigma=2", "mlp:hidden=2,in=2,xsd=0.5,sigma=2", []float64{.4, -.3, .9, .2, 1, .5}, []float64{.3, -.8, 1.2}},
		{"rbf:hidden=2", "rbf:hidden=3", []float64{-.8, .3, 1, 1, -.4, .7}, []float64{.3, -.8, .7, 1.2}},
		{"rbf:hidden=2,in=2,width=0.7,xsd=1.5,sigma=2", "rbf:hidden=1,in=2,width=0.7,xsd=1.5,sigma=2", []float64{.4, -.3, .9}, []float64{.3, -.8, .2, .6, 1.2, -.5}},
		{"mlp:hidden=2,out=2", "mlp:hidden=1,out=2", []float64{.4, -.3, .9}, []float64{.3, -.8, 1.2, .3, -.2, .5}},
	} {
		m, err := Parse(c.student)
		if err != nil {
			t.Fatal(err)
		}
		truth, err := Parse(c.teacher)
		if err != nil {
			t.Fatal(err)
		}
		a, route := m.(Averager).Average(truth, c.at)
		if a == nil || route != Exact {
			t.Fatalf("%s: no closed form", c.student)
		}
		l, err := Population(m, truth, c.at, Rule{})
		if err != nil {
			t.Fatal(err)
		}
		if d := math.Abs(a.LogLik(c.theta) - l.LogLik(c.theta)); !(d < 1e-9) {
			t.Errorf("%s under %s: LogLik differs by %g", c.student, c.teacher, d)
		}
		score, _ := Score(l)
		x, y := make([]float64, len(c.theta)), make([]float64, len(c.theta))
		v := a.Score(x, c.theta)
		score(y, c.theta)
		if d := math.Abs(v - a.LogLik(c.theta)); !(d < 1e-14) {
			t.Errorf("%s: Score returns another ℓ, by %g", c.student, d)
		}
		for i := range x {
			if d := math.Abs(x[i] - y[i]); !(d < 1e-8) {
				t.Errorf("%s under %s: score[%d] = %v, by quadrature %v", c.student, c.teacher, i, x[i], y[i])
			}
		}
		h := mat.NewSymDense(len(x), nil)
		a.Hess(h, c.theta)
		for i := range x {
			const step = 1e-4
			at := slices.Clone(c.theta)
			var d [2][]float64
			for k, e := range []float64{step, -step} {
				at[i] = c.theta[i] + e
				d[k] = make([]float64, len(x))
				a.Score(d[k], at)
			}
			for j := range x {
				if want := (d[0][j] - d[1][j]) / (2 * step); !(math.Abs(h.At(i, j)-want) < 1e-7) {
					t.Errorf("%s: Hessian[%d,%d] = %v, by differences %v", c.student, i, j, h.At(i, j), want)
				}
			}
		}
		if n := testing.AllocsPerRun(10, func() { a.Hess(h, c.theta) }); n > 0 {
			t.Errorf("%s: %v allocations a Hessian", c.student, n)
		}
		if n := testing.AllocsPerRun(10, func() { a.Score(x, c.theta) }); n > 0 {
			t.Errorf("%s: %v allocations a score", c.student, n)
		}
	}
	m, _ := Parse("mlp:hidden=2,act=tanh")
	if a, _ := m.(Averager).Average(m, []float64{1, 1, 1, 1}); a != nil {
		t.Error("tanh has no closed form")
	}
}
