package dynamics

import (
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

func bestLine(t testing.TB, o *Objective) *CriticalLine {
	t.Helper()
	l, err := NewCriticalLines(o)
	if err != nil {
		t.Fatal(err)
	}
	return l[0]
}

// The best single unit and the curvature of the reference teachers, by root finding
// in numpy (see fixtures).
func TestCriticalLineOfTheReferenceTeachers(t *testing.T) {
	for name, f := range fixtures {
		l := bestLine(t, teacher(t, "mlp:hidden=2", "mlp:hidden=2", f.at...))
		for _, c := range []struct {
			what      string
			got, want float64
			tol       float64
		}{{"s", l.S[0], f.s, 6e-8}, {"r", l.R, f.r, 6e-8}, {"L₁", l.Loss, f.l1, 6e-9}, {"K", l.K.At(0, 0), f.k, 6e-9}} {
			if math.Abs(c.got-c.want) > c.tol {
				t.Errorf("%s: %s = %.10g, want %.8g", name, c.what, c.got, c.want)
			}
		}
	}
	// A teacher in the singular set: the line has loss 0 and no curvature.
	l := bestLine(t, teacher(t, "mlp:hidden=2", "mlp:hidden=1", 1, 1))
	if math.Abs(l.S[0]-1) > 1e-12 || math.Abs(l.R-1) > 1e-12 || l.Loss > 1e-15 || math.Abs(l.K.At(0, 0)) > 1e-13 || l.Stability(.5) != Neutral {
		t.Errorf("teacher of one unit: %+v", l)
	}
}

// hessian is that of the averaged loss by differences of its score, in order. For
// networks it is the closed form that is differenced.
func hessian(t testing.TB, o *Objective, theta []float64) []float64 {
	t.Helper()
	d := len(theta)
	h := mat.NewSymDense(d, nil)
	var col [4][]float64
	for a := range d {
		for i, k := range []float64{-2, -1, 1, 2} {
			x := append([]float64(nil), theta...)
			x[a] += k * 1e-3
			col[i] = make([]float64, d)
			if !o.Field(col[i], x) {
				t.Fatal("outside")
			}
		}
		for b := a; b < d; b++ {
			h.SetSym(a, b, -(col[0][b]-8*col[1][b]+8*col[2][b]-col[3][b])/(12*1e-3))
		}
	}
	var eig mat.EigenSym
	if !eig.Factorize(h, false) {
		t.Fatal("no eigenvalues")
	}
	return eig.Values(nil)
}

// closest returns the relative distance of −rate to the nearest eigenvalue of the
// Hessian.
func closest(eig []float64, rate float64) float64 {
	d := math.Inf(1)
	for _, v := range eig {
		d = min(d, math.Abs(v/-rate-1))
	}
	return d
}

// D3: the growth rates on the critical line, against the published table (numpy,
// 6 decimals) and the eigenvalues of the Hessian of the averaged loss.
func TestD3RatesOnTheCriticalLine(t *testing.T) {
	for _, c := range []struct {
		name                    string
		z                       float64
		exact, quasi, published float64
	}{
		{"T+", 0, .232225, .232225, .232225},
		{"T+", .5, .146531, .139335, .174169},
		{"T+", .9, .025071, .024377, .044123},
		{"T+", 1.5, -.073559, -.089317, -.290281},
		{"T+", 2.5, -.109143, -.168163, -1.219181},
		{"T1", .5, .002041, .002005, .002506},
		{"T1", 1.5, -.001232, -.001285, -.004177},
		{"T1", 2.5, -.002197, -.002420, -.017544},
	} {
		f := fixtures[c.name]
		o := teacher(t, "mlp:hidden=2", "mlp:hidden=2", f.at...)
		l := bestLine(t, o)
		r := l.Rates(c.z)
		for _, v := range []struct{ got, want float64 }{{r.Exact[0], c.exact}, {r.QuasiSteady[0], c.quasi}, {r.Published[0], c.published}} {
			if math.Abs(v.got-v.want) > 6e-7 {
				t.Errorf("%s, z = %v: %.7f, want %v", c.name, c.z, v.got, v.want)
			}
		}
		theta := make([]float64, 4)
		l.Theta(theta, []float64{0}, c.z)
		eig := hessian(t, o, theta)
		for _, v := range l.Spectrum(c.z) {
			if d := closest(eig, v); d > 1e-5 {
				t.Errorf("%s, z = %v: rate %v is off by %.2g from the Hessian's %v", c.name, c.z, v, d, eig)
			}
		}
	}
	// The plateau of the learning curves of D4.
	for name, want := range map[string]float64{"T+": .115735, "T1": .00160250} {
		f := fixtures[name]
		l := bestLine(t, teacher(t, "mlp:hidden=2", "mlp:hidden=2", f.at...))
		if got := l.Rates(.6).Exact[0]; math.Abs(got/want-1) > 4e-6 {
			t.Errorf("%s: rate %v at z = 0.6, want %v", name, got, want)
		}
		if got := l.Plateau(.1, .3, .6); math.Abs(got-math.Log(3)/want) > 1e-4*got {
			t.Errorf("%s: plateau %v", name, got)
		}
	}
}

// D1: the attracting part of the line is |z| > 1 for K > 0 and |z| < 1 for K < 0, at
// 20 values of z, and for the Hessian of the loss as for the prediction.
func TestD1SignOfTheRate(t *testing.T) {
	for name, f := range fixtures {
		o := teacher(t, "mlp:hidden=2", "mlp:hidden=2", f.at...)
		l := bestLine(t, o)
		theta := make([]float64, 4)
		for i := range 20 {
			z := -2.85 + .3*float64(i)
			want := math.Signbit((1 - z*z) * f.k)
			l.Theta(theta, []float64{0}, z)
			eig := hessian(t, o, theta)
			// One eigenvalue is 0, along z.
			falls := eig[0] < -1e-8*eig[3]
			if (l.Stability(z) == Attracting) != want || math.Signbit(l.Rates(z).Exact[0]) != want || falls == want {
				t.Errorf("%s, z = %.2f: attracting %v, rate %v, Hessian %v", name, z, want, l.Rates(z).Exact[0], eig)
			}
		}
	}
}

// D9: radial units. Reference values by numpy.
func TestD9RatesOfRadialUnits(t *testing.T) {
	o := teacher(t, "rbf:hidden=2", "rbf:hidden=2", -.8, 1, 1, .7)
	l := bestLine(t, o)
	if math.Abs(l.S[0]+.147858) > 6e-7 || math.Abs(l.R-1.317828) > 6e-7 || math.Abs(l.K.At(0, 0)-.020698) > 6e-7 {
		t.Errorf("s = %v, r = %v, K = %v", l.S[0], l.R, l.K.At(0, 0))
	}
	theta := make([]float64, 4)
	for z, want := range map[float64]float64{.5: .0257175, 1.5: -.0145818} {
		got := l.Rates(z).Exact[0]
		if math.Abs(got/want-1) > 1e-5 {
			t.Errorf("z = %v: rate %v, want %v", z, got, want)
		}
		l.Theta(theta, []float64{0}, z)
		if d := closest(hessian(t, o, theta), got); d > 1e-5 {
			t.Errorf("z = %v: off by %.2g from the Hessian", z, d)
		}
	}
	// Another width, other inputs and noise, three units in the teacher.
	o = teacher(t, "rbf:hidden=2,width=0.8,xsd=1.3,sigma=0.5", "rbf:hidden=3,width=0.8,xsd=1.3,sigma=0.5", -.8, .4, 1, 1, .7, -.2)
	lines, err := NewCriticalLines(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		l.Theta(theta, []float64{0}, .7)
		eig := hessian(t, o, theta)
		for _, v := range l.Spectrum(.7) {
			if d := closest(eig, v); d > 1e-5 {
				t.Errorf("s = %v: rate %v is off by %.2g from the Hessian", l.S, v, d)
			}
		}
	}
}

// Mixtures of two normals: the rates of the Hessian, in units with σ ≠ 1 too. Truth
// ½N(1,1) + ½N(−1,1): numpy.
func TestD8RatesOfMixtures(t *testing.T) {
	for z, want := range map[float64][2]float64{0: {.5, .5}, .4: {.385188, .3621}, .8: {.118634, .1098}} {
		o := teacher(t, "mixture:k=2,sd=1", "mixture:k=2,sd=1", .5, -1, 1)
		r := bestLine(t, o).Rates(z)
		if math.Abs(r.Exact[0]-want[0]) > 6e-7 || math.Abs(r.QuasiSteady[0]-want[1]) > 6e-5 {
			t.Errorf("z = %v: exact %v, quasi-steady %v, want %v", z, r.Exact[0], r.QuasiSteady[0], want)
		}
	}
	o := teacher(t, "mixture:k=2,sd=0.7", "mixture:k=3,sd=0.7", .3, .4, -1, .2, 1.1)
	l := bestLine(t, o)
	theta := make([]float64, 3)
	for _, z := range []float64{0, .5, -.7} {
		l.Theta(theta, []float64{0}, z)
		eig := hessian(t, o, theta)
		for _, v := range l.Spectrum(z) {
			if d := closest(eig, v); d > 1e-5 {
				t.Errorf("z = %v: rate %v is off by %.2g from the Hessian", z, v, d)
			}
		}
	}
}

// Two inputs: with K definite or semidefinite a part of the line attracts, with K
// indefinite all of it is a saddle (Fukumizu and Amari 2000). Eigenvalues: numpy.
func TestCriticalLineWithTwoInputs(t *testing.T) {
	for _, c := range []struct {
		at             []float64
		k              [2]float64
		in, out        float64 // most negative eigenvalue of the Hessian at z = 0.5 and 1.5
		inside, beyond Stability
	}{
		{[]float64{1, 0, 0, 1, 1, 1}, [2]float64{0, .03287}, -.0398, 0, Unstable, Neutral},
		{[]float64{.5, 0, 2, .3, 1, 1}, [2]float64{-.00094, .00296}, -.0036, -.0007, Unstable, Unstable},
	} {
		o := teacher(t, "mlp:hidden=2,in=2", "mlp:hidden=2,in=2", c.at...)
		l := bestLine(t, o)
		var eig mat.EigenSym
		eig.Factorize(l.K, false)
		k := eig.Values(nil)
		if math.Abs(k[0]-c.k[0]) > 6e-6 || math.Abs(k[1]-c.k[1]) > 6e-6 {
			t.Errorf("K has eigenvalues %v, want %v", k, c.k)
		}
		theta := make([]float64, 6)
		for _, p := range []struct {
			z    float64
			want float64
			s    Stability
		}{{.5, c.in, c.inside}, {1.5, c.out, c.beyond}} {
			l.Theta(theta, []float64{0, 0}, p.z)
			h := hessian(t, o, theta)
			if math.Abs(h[0]-p.want) > 6e-5 || l.Stability(p.z) != p.s {
				t.Errorf("z = %v: Hessian from %v, want %v; %v, want %v", p.z, h[0], p.want, l.Stability(p.z), p.s)
			}
			for _, v := range l.Spectrum(p.z) {
				if d := closest(h, v); d > 1e-5 && math.Abs(v) > 1e-9 {
					t.Errorf("z = %v: rate %v is off by %.2g from the Hessian %v", p.z, v, d, h)
				}
			}
		}
	}
	// The plateau of Saad and Solla for two units.
	l := bestLine(t, teacher(t, "mlp:hidden=2,in=2", "mlp:hidden=2,in=2", 1, 0, 0, 1, 1, 1))
	if w := 1 / math.Sqrt(6); math.Abs(l.S[0]-w) > 1e-9 || math.Abs(l.S[1]-w) > 1e-9 || math.Abs(l.R-2) > 1e-9 || math.Abs(l.Loss-.01161084) > 6e-9 {
		t.Errorf("s = %v, r = %v, L = %v", l.S, l.R, l.Loss)
	}
}

func TestCriticalLineRefuses(t *testing.T) {
	for _, c := range []struct{ student, truth string }{
		{"mlp:hidden=2,act=tanh", "mlp:hidden=2,act=tanh"}, {"mlp:hidden=3", "mlp:hidden=2"}, {"mixture:k=2", "mixture:k=2,sd=1"},
	} {
		m, err := models.Parse(c.truth)
		if err != nil {
			t.Fatal(err)
		}
		at := make([]float64, models.Dim(m))
		for i := range at {
			at[i] = .5 + .1*float64(i)
		}
		if l, err := NewCriticalLines(teacher(t, c.student, c.truth, at...)); err == nil {
			t.Errorf("%s: %v", c.student, l)
		}
	}
}

func ExampleNewCriticalLines() {
	m, _ := models.Parse("mlp:hidden=2")
	o, _ := NewObjective(m, m, []float64{.5, 2, 1, 1}) // φ(x/2) + φ(2x)
	lines, err := NewCriticalLines(o)
	if err != nil {
		fmt.Println(err)
		return
	}
	l := lines[0]
	fmt.Printf("one unit: %.4f φ(%.4f x), loss %.3g\n", l.R, l.S[0], l.Loss)
	for _, z := range []float64{0.5, 1.5} {
		r := l.Rates(z)
		fmt.Printf("z = %v: %v, rate %.6f (published %.6f)\n", z, l.Stability(z), r.Exact[0], r.Published[0])
	}
	// Output:
	// one unit: 1.6354 φ(1.4117 x), loss 0.000885
	// z = 0.5: unstable, rate 0.002041 (published 0.002506)
	// z = 1.5: attracting, rate -0.001232 (published -0.004177)
}
