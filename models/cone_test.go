package models

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

func mustParse(t testing.TB, text string) Model {
	t.Helper()
	m, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The likelihood-ratio statistic at the apex is ((|Z0| + cR)/√(1+c²))² of the
// scaled mean Z (signed), the square of the positive part of (Z0 + cR)/√(1+c²)
// (ξ ≥ 0), for every n: Amari, Park and Ozeki (2001); derived here.
func TestConeMaximumIsTheProjection(t *testing.T) {
	for _, text := range []string{"cone:d=1,c=2", "cone:d=4,c=0.5", "cone:d=3,c=1,signed=false"} {
		m := mustParse(t, text).(*Cone)
		rng := rand.New(rand.NewPCG(1, 1))
		d, n := m.s.D, 7
		theta := make([]float64, d+1)
		for range 50 {
			z := NewData(n, 0, d+2)
			m.Sample(z, make([]float64, d+1), rng)
			l, err := m.Bind(z)
			if err != nil {
				t.Fatal(err)
			}
			mean := make([]float64, d+2)
			for i := range n {
				for j, v := range z.Y(i) {
					mean[j] += v / math.Sqrt(float64(n))
				}
			}
			r := 0.0
			for _, v := range mean[1:] {
				r += v * v
			}
			z0 := math.Abs(mean[0])
			if m.s.OneSided {
				z0 = mean[0]
			}
			y := math.Max(0, z0+m.s.C*math.Sqrt(r)) / math.Sqrt(1+m.s.C*m.s.C)
			top := l.(Maximizer).Maximum(theta)
			if lr := 2 * (top - l.LogLik(make([]float64, d+1))); math.Abs(lr-y*y) > 1e-12*(1+y*y) {
				t.Fatalf("%v: statistic %v, the projection gives %v", m, lr, y*y)
			}
			start := make([]float64, d+1)
			for range 20 {
				l.(Starter).Start(start, rng)
				if ll := l.LogLik(start); ll > top+1e-9 {
					t.Fatalf("%v: %v at %v lies above the maximum %v", m, ll, start, top)
				}
			}
		}
	}
}

// det F = (ξ²c²/(1+c²))^d times the determinant of the round metric, which is
// Π sin^{2(d−i)} αi.
func TestConeFisherDeterminant(t *testing.T) {
	m := mustParse(t, "cone:d=3,c=0.7").(*Cone)
	theta := []float64{-0.4, 1.1, 2.3, 0.5}
	f, route := m.Fisher()
	dst := mat.NewSymDense(4, nil)
	f(dst, theta)
	s1, s2 := math.Sin(1.1), math.Sin(2.3)
	want := math.Pow(0.16*0.49/1.49, 3) * math.Pow(s1, 4) * s2 * s2
	if got := mat.Det(dst); math.Abs(got-want) > 1e-14 || route != Exact {
		t.Errorf("det F = %v by %v, want %v", got, route, want)
	}
}

func TestConeCanonicalizeWrapsAngles(t *testing.T) {
	m := mustParse(t, "cone:d=3").(*Cone)
	rng := rand.New(rand.NewPCG(2, 2))
	a, b := make([]float64, 5), make([]float64, 5)
	for range 200 {
		theta := []float64{1, 20 * rng.NormFloat64(), 20 * rng.NormFloat64(), 20 * rng.NormFloat64()}
		m.direction(a, theta[1:])
		m.Canonicalize(theta)
		m.direction(b, theta[1:])
		for i := range a {
			if math.Abs(a[i]-b[i]) > 1e-12 {
				t.Fatalf("direction moved from %v to %v", a, b)
			}
		}
		for i, al := range theta[1:] {
			if al > math.Pi || al <= -math.Pi || i < 2 && al < 0 {
				t.Fatalf("angles %v are not canonical", theta[1:])
			}
		}
	}
}

func TestConeRLCT(t *testing.T) {
	m := mustParse(t, "cone:d=4").(*Cone)
	apex, off := make([]float64, 5), []float64{0.1, 1, 1, 1, 1}
	for _, c := range []struct {
		truth []float64
		prior PriorShape
		want  float64
	}{
		{apex, PriorShape{}, 0.5},
		{apex, PriorShape{Power: 2}, 1.5},
		{apex, PriorShape{Jeffreys: true}, 2.5},
		{off, PriorShape{}, 2.5},
	} {
		got, ok := m.RLCT(c.truth, c.prior)
		if !ok || got.Lambda != c.want || got.Mult != 1 || got.Kind != ExactLambda {
			t.Errorf("RLCT(%v, %+v) = %+v, %v, want λ = %v", c.truth, c.prior, got, ok, c.want)
		}
	}
	if _, ok := m.RLCT(apex, PriorShape{Power: -1}); ok {
		t.Error("a prior that is not integrable has a learning coefficient")
	}
}

// At a pole of the angles the coordinates are singular, and a stratum says so.
func TestConePolesAreStrata(t *testing.T) {
	m := mustParse(t, "cone:d=3").(*Cone)
	f, _ := m.Fisher()
	info := mat.NewSymDense(4, nil)
	for _, pole := range []float64{0, math.Pi, -math.Pi, 2 * math.Pi} {
		theta := []float64{1, 0.7, pole, 0.4}
		f(info, theta)
		if info.At(3, 3) != 0 || info.At(2, 2) == 0 {
			t.Errorf("α2 = %v: information %v of α2 and %v of α3", pole, info.At(2, 2), info.At(3, 3))
		}
		var on []string
		for _, s := range m.Strata() {
			if s.Distance(theta) < 1e-15 {
				on = append(on, s.Name)
			}
		}
		if len(on) != 1 || on[0] != "pole(2)" {
			t.Errorf("α2 = %v lies on %v", pole, on)
		}
	}
}
