package models

import (
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// Fisher information of (1−w)N(m1, s1²) + wN(m2, s2²) in (w, m1, m2, s1, s2), upper
// triangle row by row: trapezoidal rule on 400001 points in numpy 1.24.2, checked
// there with scipy 1.10.1 integrate.quad to 1e-14. Here the weight is that of the
// first component and variances replace standard deviations, so the test changes
// coordinates: ∂w = −∂π₁, ∂s = 2s ∂v.
var mixtureFisherReference = []struct {
	w, m1, m2, s1, s2 float64
	fim               []float64
}{
	{0.5, -2, 2, 1, 1, []float64{3.7256103648370433, 0.13719481758147753, 0.13719481758147758, 0.22744770882724896, -0.22744770882724905, 0.42598872059550325, -0.06318353817698075, -0.13537933686865702, 0.09206837195859194, 0.42598872059550297, -0.09206837195859198, 0.13537933686865702, 0.7202393209564958, 0.10651681940324434, 0.7202393209564963}},
	{0.1, 0, 0.1, 1, 1, []float64{0.010022927933144507, 0.08984684443885096, 0.010062949209750793, 0.007176443401524439, 0.0008019461213856085, 0.8094353058101204, 0.08975607258992911, -0.01620942433610636, -0.0018226523418743582, 0.010153360867183178, 0.0161448363454927, 0.0018154348267818996, 1.6175793884851282, 0.17918518544671166, 0.02045100583642277}},
	{0.5, -0.05, 0.05, 1, 1, []float64{0.009975103495431431, 0.04987531120630708, 0.04987531120630707, 1.23762102084198e-05, -1.2376210208398768e-05, 0.25062034991591237, 0.2481327673039301, -0.02487577557202841, -0.024875466166773195, 0.25062034991591253, 0.024875466166773313, 0.024875775572028365, 0.5012345729213059, 0.4937903029048145, 0.5012345729213058}},
	{0.01, 0, 2, 1, 1, []float64{15.70835325864076, 1.5033076171530835, 0.18566698832583062, 2.4941147170567763, 0.1411665405977282, 0.9569478400040177, 0.0032866691763516654, -0.0661673395622724, -0.006510318782396264, 0.0030371244547968902, 0.016783868164548313, 0.0037152212785612356, 1.8217651033209425, -0.007667518774582879, 0.0072164386526678915}},
	{0.5, 0, 0.001, 1, 1, []float64{9.999997499999296e-07, 0.0004999998749999873, 0.0004999998749999874, 1.2499980140826468e-13, -1.2500005294198218e-13, 0.2500000624999532, 0.24999981250007813, -0.0002499998749999468, -0.00024999987499994526, 0.250000062499953, 0.00024999987500008263, 0.00024999987500008263, 0.5000001249998439, 0.4999993750004063, 0.5000001249998439}},
}

func TestMixtureFisherAgainstTrapezoid(t *testing.T) {
	m, _ := NewMixture(MixtureSettings{})
	f, route := m.Fisher()
	if route != Quadrature {
		t.Fatalf("route %v", route)
	}
	factor, _ := m.FisherFactor()
	for _, c := range mixtureFisherReference {
		theta := []float64{1 - c.w, c.m1, c.m2, c.s1 * c.s1, c.s2 * c.s2}
		got := mat.NewSymDense(5, nil)
		bound := f(got, theta)
		if !(bound <= 1e-10*mat.Max(got)) {
			t.Errorf("w=%v u=%v: error bound %v", c.w, c.m2-c.m1, bound)
		}
		jac := []float64{-1, 1, 1, 2 * c.s1, 2 * c.s2}
		at := 0
		for a := range 5 {
			for b := a; b < 5; b++ {
				// 1e-12: the printed reference loses digits to cancellation.
				mixNear(t, fmt.Sprintf("w=%v u=%v F[%d][%d]", c.w, c.m2-c.m1, a, b), got.At(a, b)*jac[a]*jac[b], c.fim[at], 1e-12)
				at++
			}
		}
		var rtr mat.Dense
		r := factor(theta)
		rtr.Mul(r.T(), r)
		rtr.Sub(&rtr, got)
		if e := mat.Norm(&rtr, math.Inf(1)); e > 1e-13*mat.Norm(got, math.Inf(1)) {
			t.Errorf("RᵀR differs from F by %v", e)
		}
	}
}

func TestMixtureFisherOfOneComponentIsClosedForm(t *testing.T) {
	m := mustMixture(t, "mixture:k=1")
	f, route := m.Fisher()
	got := mat.NewSymDense(2, nil)
	if bound := f(got, []float64{3, 2}); bound != 0 || route != Exact {
		t.Errorf("bound %v, route %v", bound, route)
	}
	if want := mat.NewSymDense(2, []float64{0.5, 0, 0, 0.125}); !mat.EqualApprox(got, want, 1e-15) {
		t.Errorf("F = %v", mat.Formatted(got))
	}
}

// singularValues returns the singular values of the factor at theta, ascending,
// after scaling its columns to length 1.
func mixtureSingular(t *testing.T, m *Mixture, theta []float64) []float64 {
	t.Helper()
	f, _ := m.FisherFactor()
	var svd mat.SVD
	if !svd.Factorize(f(theta), mat.SVDNone) {
		t.Fatal("no singular values")
	}
	s := svd.Values(nil)
	for i, j := 0, len(s)-1; i < j; i, j = i+1, j-1 {
		s[i], s[j] = s[j], s[i]
	}
	return s
}

// det F = V²u⁸/12 (1 + O(u²)), V = v(1−v), for vN(μ1,1)+(1−v)N(μ2,1) (derived here
// from the Hermite expansion of p at the common mean; the ratios at u ≥ 0.1 were
// computed independently by quadrature in numpy and are printed to three digits).
func TestMixtureDeterminantNearOverlap(t *testing.T) {
	m := mustMixture(t, "mixture:k=2,sd=1")
	ratio := map[float64][]float64{
		0.5: {.465, .799, .943, .985},
		0.3: {.533, .842, .957, .989},
		0.8: {.648, .903, .976, .994},
	}
	det := func(v, u float64) float64 {
		p := 1.0
		for _, s := range mixtureSingular(t, m, []float64{v, 0.3 + u, 0.3}) {
			p *= s * s
		}
		return p / (v * v * (1 - v) * (1 - v) * math.Pow(u, 8) / 12)
	}
	for v, want := range ratio {
		for i, u := range []float64{.8, .4, .2, .1} {
			if got := det(v, u); math.Abs(got-want[i]) > 5.1e-4 {
				t.Errorf("v=%v u=%v: det/(V²u⁸/12) = %.5f, want %v", v, u, got, want[i])
			}
		}
		for _, u := range []float64{1e-2, 1e-3} {
			// 1 − ratio is O(u²) with a constant below 2 in the table above.
			if got := det(v, u); math.Abs(got-1) > 2*u*u+2e-6 {
				t.Errorf("v=%v u=%v: det/(V²u⁸/12) = %.8f, want 1", v, u, got)
			}
		}
	}
}

// The two small eigenvalues fall like u² and u⁶, not u² and u⁴.
func TestMixtureEigenvaluesFallLikeU2AndU6(t *testing.T) {
	m := mustMixture(t, "mixture:k=2,sd=1")
	a := mixtureSingular(t, m, []float64{0.3, 0, 2e-3})
	b := mixtureSingular(t, m, []float64{0.3, 0, 1e-3})
	for i, want := range []float64{6, 2, 0} {
		if slope := 2 * math.Log2(a[i]/b[i]); math.Abs(slope-want) > 1e-4 {
			t.Errorf("eigenvalue %d falls like u^%v, want u^%v", i, slope, want)
		}
	}
}

// Row μ1 = 0, G_{μ2μ2} = 1, G_{μ2v} = u (up to the sign of the weight), G_vv =
// exp(u²) − 1 (closed form of ∫φ1²/φ2).
func TestMixtureFisherAtElimination(t *testing.T) {
	m := mustMixture(t, "mixture:k=2,sd=1")
	f, _ := m.Fisher()
	got := mat.NewSymDense(3, nil)
	for _, u := range []float64{0.1, 1.3, 4} {
		if b := f(got, []float64{0, u, 0}); !(b <= 1e-10*got.At(0, 0)) {
			t.Errorf("u=%v: error bound %v", u, b)
		}
		mixNear(t, "G_vv", got.At(0, 0)/math.Expm1(u*u), 1, 1e-12)
		mixNear(t, "G_μ2μ2", got.At(2, 2), 1, 1e-13)
		mixNear(t, "G_μ2v", got.At(0, 2), u, 1e-12)
		for a := range 3 {
			mixNear(t, "row μ1", got.At(1, a), 0, 0)
		}
	}
	// Weight 0 and a variance at least twice the other: infinite information.
	m = mustMixture(t, "mixture:k=2")
	f, _ = m.Fisher()
	got = mat.NewSymDense(5, nil)
	if bound := f(got, []float64{0, 1, 0, 2, 1}); !math.IsInf(got.At(0, 0), 1) || !(bound < 1e-10) {
		t.Errorf("G_vv at variance ratio 2 is %v, error bound %v", got.At(0, 0), bound)
	}
	// The other entries of its row stay finite: ∫ (φ1 − φ2)(y − 0) = 1.
	mixNear(t, "G_vμ2 at variance ratio 2", got.At(0, 2), 1, 1e-12)
	// Below the ratio 2: ∫φ1²/φ2 − 1 with variances a, 1 and means u, 0 is
	// exp(u²/(2−a))/√(a(2−a)) − 1 (closed form).
	const a, u = 1.9, 0.7
	f(got, []float64{0, u, 0, a, 1})
	mixNear(t, "G_vv at ratio 1.9", got.At(0, 0), math.Exp(u*u/(2-a))/math.Sqrt(a*(2-a))-1, 1e-11)
}

// At u = 0 the rank is 1, and the eigenvalue v² + (1−v)².
func TestMixtureFisherOnOverlapHasRankOne(t *testing.T) {
	m := mustMixture(t, "mixture:k=2,sd=1")
	for _, v := range []float64{.3, .5, .8} {
		s := mixtureSingular(t, m, []float64{v, 1.5, 1.5})
		mixNear(t, "eigenvalue", s[2]*s[2], v*v+(1-v)*(1-v), 1e-13)
		if s[1] > 1e-15 {
			t.Errorf("v=%v: second singular value %v", v, s[1])
		}
	}
}
