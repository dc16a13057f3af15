package models

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// formula is a likelihood given by a formula on a domain, to try the choosers on.
type formula struct {
	params []Param
	f      func(theta []float64) float64
}

func (m formula) Params() []Param                     { return m.params }
func (m formula) Shape() Shape                        { return Shape{Q: 1} }
func (m formula) Sample(*Data, []float64, *rand.Rand) {}
func (m formula) Bind(*Data) (Likelihood, error)      { return m, nil }
func (m formula) Model() Model                        { return m }
func (m formula) N() int                              { return 1 }
func (m formula) LogLik(theta []float64) float64      { return m.f(theta) }
func (m formula) Terms(dst, theta []float64)          { dst[0] = m.f(theta) }

// scoredFormula has its own score and Hessian, with numbers that differences
// would not give.
type scoredFormula struct{ formula }

func (scoredFormula) Score(dst, theta []float64) float64      { dst[0], dst[1] = 11, 12; return 13 }
func (scoredFormula) Hess(dst *mat.SymDense, theta []float64) { dst.SetSym(0, 1, 14) }

// gaussian is −½(log v + (y−μ)²/v) at y = 1: gradient and Hessian by hand.
func gaussian() formula {
	return formula{
		[]Param{{Name: "μ", Lo: math.Inf(-1), Hi: math.Inf(1)}, {Name: "v", Lo: 0, Hi: math.Inf(1)}},
		func(theta []float64) float64 {
			if !(theta[1] > 0) {
				return math.Inf(-1)
			}
			e := 1 - theta[0]
			return -0.5 * (math.Log(theta[1]) + e*e/theta[1])
		},
	}
}

// TestScoreByDifferences: relative error about 1e-9 as Score promises for a
// well-scaled coordinate, and (h/v)⁴ = 2e-7 beside the boundary v = 0.
func TestScoreByDifferences(t *testing.T) {
	m := gaussian()
	score, route := Score(m)
	if route != Differences {
		t.Fatalf("route %v", route)
	}
	g := make([]float64, 2)
	for _, tt := range []struct {
		theta []float64
		tol   float64
	}{{[]float64{0.3, 2}, 2e-9}, {[]float64{-40, 700}, 2e-9}, {[]float64{1, 0.05}, 3e-7}} {
		theta := tt.theta
		e, v := 1-theta[0], theta[1]
		want := []float64{e / v, 0.5 * (e*e/v - 1) / v}
		if ll := score(g, theta); ll != m.f(theta) {
			t.Errorf("θ = %v: returned %v, ℓ is %v", theta, ll, m.f(theta))
		}
		for i := range g {
			if math.Abs(g[i]-want[i]) > tt.tol*(1+math.Abs(want[i])) {
				t.Errorf("θ = %v: score %v, want %v", theta, g, want)
			}
		}
	}
	mustPanic(t, func() { score(g[:1], []float64{0, 1}) })
}

// TestScoreOnTheBoundary: at a closed bound only one side exists.
func TestScoreOnTheBoundary(t *testing.T) {
	for _, p := range []Param{{Name: "a", Lo: 0, Hi: 5}, {Name: "a", Lo: -5, Hi: 0}} {
		m := formula{[]Param{p}, func(theta []float64) float64 {
			if theta[0] < p.Lo || theta[0] > p.Hi {
				t.Errorf("evaluated outside the bounds, at %v", theta[0])
			}
			return math.Sin(theta[0]) + 2*theta[0]
		}}
		score, _ := Score(m)
		g := make([]float64, 1)
		if score(g, []float64{0}); math.Abs(g[0]-3) > 1e-6 {
			t.Errorf("bounds [%v, %v]: one-sided score %v, want 3", p.Lo, p.Hi, g[0])
		}
	}
}

func TestHessByDifferences(t *testing.T) {
	m := gaussian()
	hess, route := Hess(m)
	h := mat.NewSymDense(2, nil)
	theta := []float64{0.3, 2}
	hess(h, theta)
	e, v := 0.7, 2.0
	want := [3]float64{-1 / v, -e / (v * v), 0.5/(v*v) - e*e/(v*v*v)}
	for i, got := range [3]float64{h.At(0, 0), h.At(0, 1), h.At(1, 1)} {
		if math.Abs(got-want[i]) > 1e-6 || route != Differences {
			t.Errorf("entry %d: %v by %v, want %v", i, got, route, want[i])
		}
	}
	b := formula{[]Param{{Name: "a", Lo: 0, Hi: 1}}, func(theta []float64) float64 { return theta[0] }}
	hess, _ = Hess(b)
	h1 := mat.NewSymDense(1, nil)
	if hess(h1, []float64{0}); !math.IsNaN(h1.At(0, 0)) {
		t.Errorf("on the boundary the Hessian is %v, want NaN: there is no two-sided difference", h1.At(0, 0))
	}
	mustPanic(t, func() { hess(h, []float64{0.5}) })
}

func TestOwnMethodsGoFirst(t *testing.T) {
	m := scoredFormula{gaussian()}
	score, r1 := Score(m)
	hess, r2 := Hess(m)
	g, h := make([]float64, 2), mat.NewSymDense(2, nil)
	ll := score(g, []float64{0, 1})
	hess(h, []float64{0, 1})
	if r1 != Exact || r2 != Exact || ll != 13 || g[1] != 12 || h.At(0, 1) != 14 {
		t.Errorf("routes %v, %v, ℓ %v, score %v, Hessian %v", r1, r2, ll, g, h.At(0, 1))
	}
	if Weight(m) != 1 {
		t.Errorf("Weight of an unweighted likelihood is %v, want N", Weight(m))
	}
}

func TestRouteString(t *testing.T) {
	if Exact.String() != "exact" || MonteCarlo.String() != "monte carlo" || Route(9).String() != "route(9)" {
		t.Error("names of routes")
	}
}
