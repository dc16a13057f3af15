package singular_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

// The facts of the geometry of singular models that Amari, Park and Ozeki (Neural
// Computation 18 (2006) 1007–1065) and their sequels rest on, one test each. The
// numbers were derived and verified with numpy and scipy for this project before
// this package existed, unless another source is named.

func parse(t testing.TB, text string) models.Model {
	t.Helper()
	m, err := models.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func describe(t testing.TB, text string, theta ...float64) *singular.Geometry {
	t.Helper()
	f, err := singular.NewFisher(parse(t, text), singular.FisherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	g, err := f.Describe(theta)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func within(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol) {
		t.Errorf("%s = %.10g, want %.10g ± %.2g", what, got, want, tol)
	}
}

// A1: the law is constant along the critical set, on the overlap line w₁ = w₂,
// v₁ + v₂ fixed, and on the elimination line v₂ = 0, w₂ arbitrary.
func TestA1LawIsConstantOnCriticalSet(t *testing.T) {
	m := parse(t, "mlp:hidden=2")
	rng := rand.New(rand.NewPCG(1, 1))
	z := models.NewData(200, 1, 1)
	m.(models.Inputter).Inputs(z, rng)
	m.Sample(z, []float64{1, 1, 0.7, 0.3}, rng)
	l, err := m.Bind(z)
	if err != nil {
		t.Fatal(err)
	}
	terms := func(theta ...float64) []float64 {
		out := make([]float64, l.N())
		l.Terms(out, theta)
		return out
	}
	on := terms(0.8, 0.8, 0.7, 0.3)
	off := terms(0.9, 0, 1.1, 0)
	for _, x := range []float64{-2, -0.5, 0, 1.4, 3} {
		overlap, elimination := terms(0.8, 0.8, (1+x)/2, (1-x)/2), terms(0.9, x, 1.1, 0)
		for i := range on {
			within(t, "term on the overlap line", overlap[i], on[i], 1e-12)
			within(t, "term on the elimination line", elimination[i], off[i], 1e-12)
		}
	}
}

// A2: ranks of the two-unit erf network with D inputs: generic, overlap, v₂ = 0,
// w₂ = 0, overlap and v₂ = 0; the overlap has D null directions beyond the
// tangent of its class.
func TestA2RankMapOfTwoUnitNetwork(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for d, want := range map[int][5]int{1: {4, 2, 3, 3, 2}, 2: {6, 3, 4, 5, 3}, 3: {8, 4, 5, 7, 4}, 5: {12, 6, 7, 11, 6}} {
		name := fmt.Sprintf("mlp:in=%d,hidden=2", d)
		for range 10 {
			theta := make([]float64, 2*d+2)
			for i := range theta {
				theta[i] = 0.3 + rng.Float64()
			}
			set := func(edit func(w1, w2, v []float64)) *singular.Geometry {
				th := append([]float64(nil), theta...)
				edit(th[:d], th[d:2*d], th[2*d:])
				return describe(t, name, th...)
			}
			got := [5]*singular.Geometry{
				set(func(_, _, _ []float64) {}),
				set(func(w1, w2, _ []float64) { copy(w2, w1) }),
				set(func(_, _, v []float64) { v[1] = 0 }),
				set(func(_, w2, _ []float64) { clear(w2) }),
				set(func(w1, w2, v []float64) { copy(w2, w1); v[1] = 0 }),
			}
			for i, g := range got {
				if g.Rank != want[i] || g.Gap < 1e3 {
					t.Errorf("D = %d, case %d: rank %d with gap %g, want %d", d, i, g.Rank, g.Gap, want[i])
				}
			}
			g := got[1]
			if g.Tangent == nil || g.Extra == nil {
				t.Fatalf("D = %d: overlap without tangent or extra directions", d)
			}
			_, tangent := g.Tangent.Dims()
			_, extra := g.Extra.Dims()
			if tangent != 1 || extra != d {
				t.Errorf("D = %d: overlap with %d tangent and %d extra directions", d, tangent, extra)
			}
		}
	}
}

// A3: near the overlap (s = r = 1, z = 0.4) the smallest eigenvalues fall like u⁶
// and u², and det G / u⁸ tends to 1.4107e-9; down to u = 10⁻³ by the factor.
func TestA3EigenvaluesFallLikeU6AndU2(t *testing.T) {
	at := func(u float64) *singular.Geometry {
		const z, s, r = 0.4, 1.0, 1.0
		return describe(t, "mlp:hidden=2", s-(1-z)*u/2, s+(1+z)*u/2, r*(1+z)/2, r*(1-z)/2)
	}
	for u, want := range map[float64][3]float64{0.4: {3.80e-7, 2.14e-4, 9.58e-10}, 0.2: {7.70e-9, 5.26e-5, 1.253e-9}, 0.1: {1.30e-10, 1.29e-5, 1.358e-9}, 0.05: {2.09e-12, 3.20e-6, 1.392e-9}} {
		g := at(u)
		within(t, fmt.Sprintf("λ₁(%v)", u), g.Values[0]/want[0], 1, 5e-3)
		within(t, fmt.Sprintf("λ₂(%v)", u), g.Values[1]/want[1], 1, 5e-3)
		within(t, fmt.Sprintf("det/u⁸ (%v)", u), g.Det()/math.Pow(u, 8)/want[2], 1, 1e-3)
	}
	for _, u := range []float64{0.1, 0.01, 0.002} {
		a, b := at(u), at(u/2)
		tol := 5 * u
		within(t, fmt.Sprintf("slope of λ₁ at %v", u), math.Log2(a.Values[0]/b.Values[0]), 6, max(tol, 0.02))
		within(t, fmt.Sprintf("slope of λ₂ at %v", u), math.Log2(a.Values[1]/b.Values[1]), 2, max(tol/5, 0.01))
		within(t, fmt.Sprintf("slope of λ₃ at %v", u), math.Log2(a.Values[2]/b.Values[2]), 0, tol)
	}
	g := at(1e-3)
	within(t, "det/u⁸ at 1e-3", g.Det()/1e-24/1.4107e-9, 1, 1e-3)
	if g.Rank != 4 || g.RankNumerical >= 4 || !g.Factored {
		t.Errorf("u = 1e-3: rank %d, plain %d", g.Rank, g.RankNumerical)
	}
}

// A4: the determinant of the two-component mixture is V²u⁸/12 (1 + O(u²)), and at
// weight 0 the information of the weight is e^{u²} − 1.
func TestA4MixtureDeterminant(t *testing.T) {
	ratio := func(v, u float64) float64 {
		return describe(t, "mixture:k=2,sd=1", v, u, 0).Det() / (v * v * (1 - v) * (1 - v) * math.Pow(u, 8) / 12)
	}
	for v, want := range map[float64][4]float64{0.5: {.465, .799, .943, .985}, 0.3: {.533, .842, .957, .989}, 0.8: {.648, .903, .976, .994}} {
		for i, u := range []float64{0.8, 0.4, 0.2, 0.1} {
			within(t, fmt.Sprintf("v = %v, u = %v", v, u), ratio(v, u), want[i], 6e-4)
		}
		within(t, fmt.Sprintf("v = %v, u = 0.01", v), ratio(v, 0.01), 1, 1e-3)
	}
	g := describe(t, "mixture:k=2,sd=1", 0, 1.3, 0)
	within(t, "G_vv at v = 0", g.Info.F.At(0, 0), math.Expm1(1.69), 1e-8)
	within(t, "G_μ₂μ₂", g.Info.F.At(2, 2), 1, 1e-10)
	if g.Rank != 2 {
		t.Errorf("rank %d at v = 0", g.Rank)
	}
	within(t, "eigenvalue at u = 0", describe(t, "mixture:k=2,sd=1", 0.3, 0, 0).Values[2], 0.58, 1e-10)
}

// armaCoefficients returns (φ, θ) of ∏(1 − α_i B) x = ∏(1 − β_j B) e.
func armaCoefficients(ar, ma []float64) []float64 {
	expand := func(roots []float64) []float64 {
		c := []float64{1}
		for _, r := range roots {
			next := append(append([]float64(nil), c...), 0)
			for i, v := range c {
				next[i+1] -= r * v
			}
			c = next
		}
		return c[1:]
	}
	var out []float64
	for _, v := range expand(ar) {
		out = append(out, -v)
	}
	return append(out, expand(ma)...)
}

// A5: the determinant of the ARMA information is a squared resultant, zero
// exactly at common roots, where the rank is p + q less their number.
func TestA5ARMADeterminantIsSquaredResultant(t *testing.T) {
	det := func(ar, ma []float64) (*singular.Geometry, float64) {
		g := describe(t, fmt.Sprintf("arma:p=%d,q=%d,var=1", len(ar), len(ma)), armaCoefficients(ar, ma)...)
		num, den := 1.0, 1.0
		for _, a := range ar {
			for _, b := range ma {
				num *= (a - b) * (a - b)
				den *= (1 - a*b) * (1 - a*b)
			}
			for _, b := range ar {
				den *= 1 - a*b
			}
		}
		for _, a := range ma {
			for _, b := range ma {
				den *= 1 - a*b
			}
		}
		return g, num / den
	}
	for _, c := range []struct {
		ar, ma []float64
		want   float64
	}{{[]float64{.5, -.3}, []float64{.2}, 0.0285309478}, {[]float64{.5, -.3}, []float64{.2, .6}, 6.83433e-4}} {
		g, formula := det(c.ar, c.ma)
		within(t, "det", g.Det()/formula, 1, 1e-9)
		within(t, "formula", formula/c.want, 1, 1e-5)
	}
	for _, c := range []struct {
		ar, ma []float64
		common int
	}{{[]float64{.5, -.3}, []float64{.5, .6}, 1}, {[]float64{.7}, []float64{.7}, 1}, {[]float64{.5, -.3}, []float64{.5, -.3}, 2}, {[]float64{.5, .1}, []float64{.5, -.2}, 1}} {
		g, _ := det(c.ar, c.ma)
		if want := len(c.ar) + len(c.ma) - c.common; g.Rank != want || math.Abs(g.Det()) > 1e-12 {
			t.Errorf("roots %v, %v: rank %d, det %g, want rank %d", c.ar, c.ma, g.Rank, g.Det(), want)
		}
		if g.Extra != nil {
			t.Errorf("roots %v, %v: null directions beyond the tangent of the class", c.ar, c.ma)
		}
	}
}

// A6: closed form of the erf network against Monte Carlo, three inputs. 36
// entries within five standard errors: false-alarm rate 2e-5, seed fixed.
func TestA6ClosedFormAgreesWithMonteCarlo(t *testing.T) {
	m := parse(t, "mlp:in=3,hidden=2")
	rng := rand.New(rand.NewPCG(3, 3))
	theta := make([]float64, 8)
	for i := range theta {
		theta[i] = rng.NormFloat64()
	}
	draws := 200_000
	if testing.Short() {
		draws = 20_000
	}
	exact, err := singular.NewFisher(m, singular.FisherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := singular.NewFisher(m, singular.FisherOptions{MonteCarlo: true, Rng: rng, Draws: draws})
	if err != nil {
		t.Fatal(err)
	}
	a, err := exact.At(theta)
	if err != nil {
		t.Fatal(err)
	}
	b, err := drawn.At(theta)
	if err != nil {
		t.Fatal(err)
	}
	if a.Route != models.Exact || b.Route != models.MonteCarlo {
		t.Fatalf("routes %v, %v", a.Route, b.Route)
	}
	for i := range 8 {
		for j := i; j < 8; j++ {
			within(t, fmt.Sprintf("F_%d%d", i, j), b.F.At(i, j), a.F.At(i, j), 5*b.SE.At(i, j))
		}
	}
}

// A7: near the apex a prior that is smooth in (ξ, ω) has mass ε^{1/2} where the
// divergence is below ε, Jeffreys' prior ε^{(d+1)/2}: slopes ± 0.03.
func TestA7PriorMassAtTheApex(t *testing.T) {
	const d = 1
	k := func(w []float64) float64 {
		if math.Abs(w[0]) > 1 || math.Abs(w[1]) > math.Pi {
			return math.Inf(1)
		}
		return w[0] * w[0] / 2
	}
	problem := singular.VolumeProblem{Dim: d + 1, K: k, Prior: func(dst []float64, rng *rand.Rand) {
		dst[0], dst[1] = 2*rng.Float64()-1, math.Pi*(2*rng.Float64()-1)
	}}
	opts := singular.VolumeOptions{Particles: 800, Runs: 4, Floor: 1e-8}
	uniform, err := singular.VolumeScaling(problem, opts, nil, rand.New(rand.NewPCG(4, 4)))
	if err != nil {
		t.Fatal(err)
	}
	within(t, "slope, uniform prior", uniform.Slope.Value, 0.5, 0.03)
	problem.Prior = func(dst []float64, rng *rand.Rand) {
		v := 2*rng.Float64() - 1
		dst[0], dst[1] = math.Copysign(math.Sqrt(math.Abs(v)), v), math.Pi*(2*rng.Float64()-1)
	}
	problem.LogPrior = func(w []float64) float64 { return d * math.Log(math.Abs(w[0])) }
	jeffreys, err := singular.VolumeScaling(problem, opts, nil, rand.New(rand.NewPCG(5, 5)))
	if err != nil {
		t.Fatal(err)
	}
	within(t, "slope, Jeffreys", jeffreys.Slope.Value, float64(d+1)/2, 0.03)
}

// Ranks at ten random regular points of a family and on its strata.
func TestRanksAtRegularAndSingularPoints(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	u := func(lo, hi float64) float64 { return lo + (hi-lo)*rng.Float64() }
	for range 10 {
		x, y, p := u(0.3, 0.9), u(1.1, 1.9), u(0.2, 0.8)
		for _, c := range []struct {
			model string
			at    []float64
			rank  int
		}{
			{"cone:d=2", []float64{x, y, p}, 3}, {"cone:d=2", []float64{0, y, p}, 1},
			{"mixture:k=2,sd=1", []float64{p, x, y}, 3}, {"mixture:k=2,sd=1", []float64{p, x, x}, 1}, {"mixture:k=2,sd=1", []float64{0, x, y}, 2}, {"mixture:k=2,sd=1", []float64{1, x, y}, 2},
			{"mixture:k=2,sd=tied", []float64{p, x, x + 2, y}, 4}, {"mixture:k=2,sd=tied", []float64{p, x, x, y}, 2},
			{"mixture:k=2,sd=free", []float64{p, x, x + 2, y, y + 1}, 5}, {"mixture:k=2,sd=free", []float64{p, x, x, y, y}, 2},
			{"contaminated", []float64{p, y}, 2}, {"contaminated", []float64{0, y}, 1}, {"contaminated", []float64{p, 0}, 1}, {"contaminated", []float64{0, 0}, 0},
			{"rbf:hidden=2", []float64{-x, y, p, y}, 4}, {"rbf:hidden=2", []float64{x, x, p, y}, 2}, {"rbf:hidden=2", []float64{-x, y, p, 0}, 3},
			{"arma:p=1,q=1", []float64{x, p, y}, 3}, {"arma:p=1,q=1", []float64{x, -x, y}, 2},
			{"rrr:in=2,hidden=1,out=2", []float64{x, y, p, y}, 3}, {"rrr:in=2,hidden=1,out=2", []float64{0, 0, 0, 0}, 0},
			{"crossing:powers=1+1", []float64{x, y}, 1}, {"crossing:powers=1+1", []float64{0, 0}, 0},
			{"binmix:k=2,trials=5", []float64{p, x / 2, y / 2}, 3}, {"binmix:k=2,trials=5", []float64{p, x, x}, 1},
		} {
			if g := describe(t, c.model, c.at...); g.Rank != c.rank {
				t.Errorf("%s at %v: rank %d, want %d (scaled eigenvalues %.3g)", c.model, c.at, g.Rank, c.rank, g.Scaled)
			}
		}
	}
}

// Ranks of one hidden unit with D inputs, v φ(w·x): D + 1, and on v = 0, on w = 0
// and on both 1, D and 0.
func TestRanksOfOneHiddenUnit(t *testing.T) {
	rng := rand.New(rand.NewPCG(16, 6))
	for d := 1; d <= 4; d++ {
		name := fmt.Sprintf("mlp:in=%d,hidden=1", d)
		for range 10 {
			theta := make([]float64, d+1)
			for i := range theta {
				theta[i] = 0.3 + rng.Float64()
			}
			noInput := append(make([]float64, d), theta[d])
			noOutput := append(append([]float64(nil), theta[:d]...), 0)
			for i, at := range [][]float64{theta, noOutput, noInput, make([]float64, d+1)} {
				if got, want := describe(t, name, at...).Rank, []int{d + 1, 1, d, 0}[i]; got != want {
					t.Errorf("%s at %v: rank %d, want %d", name, at, got, want)
				}
			}
		}
	}
}

func BenchmarkFisherInto(b *testing.B) {
	for _, c := range []struct {
		model string
		at    []float64
	}{
		{"mlp:hidden=2", []float64{1, .5, .7, .3}}, {"mlp:hidden=2,act=tanh", []float64{1, .5, .7, .3}}, {"mlp:in=2,hidden=2,act=tanh", []float64{1, .5, .2, .9, .7, .3}},
		{"arma:p=2,q=2", []float64{.2, .15, .4, .1, 1}}, {"mixture:k=2,sd=1", []float64{.3, 0, 1}}, {"mixture:k=2,sd=free", []float64{.3, 0, 1, 1, 2}},
		{"contaminated", []float64{.3, 1}}, {"rbf:hidden=2", []float64{1, -1, .7, .3}}, {"rrr:in=2,hidden=2,out=2", []float64{1, 0, 0, 0, 1, 0, 0, 0}}, {"cone:d=2", []float64{1, 1, 1}},
	} {
		b.Run(c.model, func(b *testing.B) {
			f, err := singular.NewFisher(parse(b, c.model), singular.FisherOptions{})
			if err != nil {
				b.Fatal(err)
			}
			info := singular.Information{F: mat.NewSymDense(len(c.at), nil)}
			if err := f.Into(&info, c.at); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := f.Into(&info, c.at); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
