package models

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// gridPair integrates the averages of two units over the plane by the midpoint
// rule, straight from the definition. The rule is geometric for erf; the kinks
// of relu leave h².
func gridPair(act Activation, a, b []float64, step float64) (pp float64, sa, sb [2]float64, ss [3]float64) {
	const end = 9.0
	n := int(2 * end / step)
	h, d := make([]float64, 2), make([]float64, 2)
	for i := range n {
		x := -end + (float64(i)+0.5)*step
		for j := range n {
			y := -end + (float64(j)+0.5)*step
			w := step * step * math.Exp(-(x*x+y*y)/2) / (2 * math.Pi)
			h[0], h[1] = a[0]*x+a[1]*y, b[0]*x+b[1]*y
			act.slope(h, d)
			pp += w * h[0] * h[1]
			sa[0] += w * d[0] * h[1] * x
			sa[1] += w * d[0] * h[1] * y
			sb[0] += w * h[0] * d[1] * x
			sb[1] += w * h[0] * d[1] * y
			ss[0] += w * d[0] * d[1] * x * x
			ss[1] += w * d[0] * d[1] * x * y
			ss[2] += w * d[0] * d[1] * y * y
		}
	}
	return pp, sa, sb, ss
}

func TestGaussPairsAgainstQuadrature(t *testing.T) {
	for _, c := range []struct {
		act       Activation
		pair      acrossPair
		step, tol float64
	}{{ErfUnit, erfAcross, 0.1, 1e-13}, {ReLUUnit, reluAcross, 0.02, 2e-4}} {
		for _, w := range [][2][]float64{
			{{1, 0.2}, {-0.4, 0.9}}, {{1.3, -0.7}, {1.3, -0.7}}, {{0.5, 1}, {-0.5, -1}}, {{0, 0}, {1, 1}}, {{2, 1}, {2, 1.001}},
		} {
			a, b := w[0], w[1]
			pp, sa, sb, ss := gridPair(c.act, a, b, c.step)
			second := make([]float64, 2)
			p := c.pair(second, a, b)
			b = second
			mlpClose(t, c.act.String()+" E φφ", p.PhiPhi, pp, c.tol)
			for k := range 2 {
				mlpClose(t, c.act.String()+" E φ′φx", p.SlopeAOnA*a[k]+p.SlopeAOnB*b[k], sa[k], c.tol)
				mlpClose(t, c.act.String()+" E φφ′x", p.SlopeBOnA*a[k]+p.SlopeBOnB*b[k], sb[k], c.tol)
			}
			mlpClose(t, c.act.String()+" E φ′φ′x₁²", p.Eye+p.AA*a[0]*a[0]+2*p.AB*a[0]*b[0]+p.BB*b[0]*b[0], ss[0], c.tol)
			mlpClose(t, c.act.String()+" E φ′φ′x₁x₂", p.AA*a[0]*a[1]+p.AB*(a[0]*b[1]+a[1]*b[0])+p.BB*b[0]*b[1], ss[1], c.tol)
			mlpClose(t, c.act.String()+" E φ′φ′x₂²", p.Eye+p.AA*a[1]*a[1]+2*p.AB*a[1]*b[1]+p.BB*b[1]*b[1], ss[2], c.tol)
		}
	}
}

// The scalar forms against the vector ones with one weight set to zero, where
// the general formulas with their differences apply, and against each other by
// central differences.
func TestErfKernelScalars(t *testing.T) {
	rng := rand.New(rand.NewPCG(61, 1))
	for range 20 {
		a, b := 2*rng.NormFloat64(), 2*rng.NormFloat64()
		one, two := ErfPair([]float64{a}, []float64{b}), ErfPair([]float64{a, 0}, []float64{b, 0})
		mlpClose(t, "PhiPhi", one.PhiPhi, two.PhiPhi, 1e-14)
		mlpClose(t, "C", ErfKernel(a, b), (2/math.Pi)*math.Asin(a*b/math.Sqrt((1+a*a)*(1+b*b))), 1e-13)
		mlpClose(t, "slope a", one.SlopeAOnA*a+one.SlopeAOnB*b, two.SlopeAOnA*a+two.SlopeAOnB*b, 1e-13)
		mlpClose(t, "slope b", one.SlopeBOnA*a+one.SlopeBOnB*b, two.SlopeBOnA*a+two.SlopeBOnB*b, 1e-13)
		mlpClose(t, "C_a of the pair", one.SlopeAOnA*a+one.SlopeAOnB*b, ErfKernelA(a, b), 1e-14)
		mlpClose(t, "C_ab of the pair", one.Eye, ErfKernelAB(a, b), 1e-14)
		mlpClose(t, "slopes", two.Eye+two.AA*a*a+2*two.AB*a*b+two.BB*b*b, one.Eye, 1e-13)
		const h = 1e-5
		mlpClose(t, "C_a", ErfKernelA(a, b), (ErfKernel(a+h, b)-ErfKernel(a-h, b))/(2*h), 1e-9)
		mlpClose(t, "C_ab", ErfKernelAB(a, b), (ErfKernelA(a, b+h)-ErfKernelA(a, b-h))/(2*h), 1e-9)
		mlpClose(t, "C_aa", ErfKernelAA(a, b), (ErfKernelA(a+h, b)-ErfKernelA(a-h, b))/(2*h), 1e-9)
	}
}

// K = (r/4)[Σ_k c_k C_aa(s, ω_k) − r C_aa(s, s)] decides the stability of the
// overlap line for the teacher Σ c_k φ(ω_k x), at its best single unit (s, r).
// Values computed with scipy for four teachers; that of 10φ(.4x)+5φ(4x) agrees
// with a public script of other authors.
func TestErfKernelStabilityConstants(t *testing.T) {
	for _, c := range []struct {
		amp, omega [2]float64
		s, r, k    float64
	}{
		{[2]float64{10, 5}, [2]float64{0.4, 4}, 1.8386577, 9.5568033, 0.11611247},
		{[2]float64{10, -10}, [2]float64{0.3, 1}, 1.4369378, -5.1555984, -0.01815128},
		{[2]float64{1, 1}, [2]float64{0.5, 2}, 1.4117002, 1.6354269, 1.670818e-3},
		{[2]float64{1, 1}, [2]float64{0.8, 1.4}, 1.1204872, 1.9264856, 6.08220e-4},
	} {
		k, r, stationary := 0.0, 0.0, 0.0
		for i, amp := range c.amp {
			r += amp * ErfKernel(c.s, c.omega[i]) / ErfKernel(c.s, c.s)
			k += amp * ErfKernelAA(c.s, c.omega[i])
			stationary += amp * ErfKernelA(c.s, c.omega[i])
		}
		k = c.r / 4 * (k - c.r*ErfKernelAA(c.s, c.s))
		stationary -= c.r * ErfKernelA(c.s, c.s)
		if math.Abs(r/c.r-1) > 1e-7 || math.Abs(k/c.k-1) > 1e-5 || math.Abs(stationary) > 1e-6 {
			t.Errorf("teacher %v of %v: r = %.8g, K = %.7g, ∂L/∂s = %.2g, want %v, %v, 0", c.amp, c.omega, r, k, stationary, c.r, c.k)
		}
	}
}

// erf_fim_0, 2, 3, 6: Fisher information of Σ v_k erf(w_k·x/√2), x ~ N(0, I_2),
// unit noise, by 160×160 Gauss-Hermite nodes in numpy 1.24.2, checked there
// against 120×120 and the arcsine form to 2e-15. First rows and eigenvalues; the
// last digits of eigenvalues below 1e-12 are rounding of that computation.
func TestMLPFisherAgainstGaussHermite(t *testing.T) {
	m := mlpMust(t, MLPSettings{In: 2})
	factor, _ := m.FisherFactor()
	for _, c := range []struct {
		theta []float64
		row   []float64
		eig   []float64
	}{
		{
			[]float64{1, 0, 0, 1, 1, 1},
			[]float64{0.12251753231595355, 6.195088726168001e-19, 0.15915494309189482, 1.21635124677826e-20, 0.18377629847393, -3.4899776533486293e-19},
			[]float64{0.008838913707237063, 0.008838913707237423, 0.053565470577237345, 0.05356547057723782, 0.7609990783126721, 0.7609990783126721},
		},
		{
			[]float64{1, 0.2, 1, 0.21, 1, 1},
			[]float64{0.1271972739353601, -0.047110101457540826, 0.1274194329857422, -0.048189251475098685, 0.17781753981522774, 0.17734103158859418},
			[]float64{3.301187643272665e-15, 3.7692156134294474e-06, 1.1987990360071704e-05, 0.03272468596978264, 0.7250038755135301, 0.8842071159215728},
		},
		{
			[]float64{1, 0.2, 1, 0.2, 1, 1},
			[]float64{0.1271972739353601, -0.047110101457540826, 0.1271972739353601, -0.047110101457540826, 0.17781753981522774, 0.17781753981522774},
			[]float64{-4.579180173070271e-17, 1.418873389620679e-17, 1.5443364287740569e-16, 0.03269839217388332, 0.7254955624461301, 0.8839803360055662},
		},
		{
			[]float64{2, 1, 2, 1.001, 0.5, 0.5},
			[]float64{0.01308736933304582, -0.017449825777394446, 0.013092518831608004, -0.017453778451138182, 0.031991347258556534, 0.03195644364992936},
			[]float64{4.297589231470331e-16, 1.6110695180183745e-09, 1.7880603098308668e-08, 0.004629116614038164, 0.09596536237850435, 1.2584393531411149},
		},
	} {
		g := mlpFisherAt(t, m, c.theta)
		for j, v := range c.row {
			mlpClose(t, "F[0,j]", g.At(0, j), v, 1e-14)
		}
		for i, v := range eigenAscending(t, g) {
			mlpClose(t, "eigenvalue", v, c.eig[i], 1e-14)
		}
		for i, v := range squaredSingular(t, factor(c.theta)) {
			mlpClose(t, "squared singular value", v, c.eig[i], 1e-14)
		}
		gram := mat.NewSymDense(6, nil)
		gramOf(gram, factor(c.theta))
		compareInfo(t, m, "RᵀR", gram, g, 1e-14)
	}
}

func TestErfPairAllocatesNothing(t *testing.T) {
	a, b := []float64{1, 2, 3}, []float64{0.3, -1, 0}
	var p GaussPair
	if n := testing.AllocsPerRun(10, func() { p = ErfPair(a, b) }); n != 0 {
		t.Errorf("ErfPair allocates %v times", n)
	}
	if p.PhiPhi == 0 {
		t.Error("no value")
	}
}

// The second derivative against differences of the first, and in one dimension
// against the closed form for scalars.
func TestErfCurvature(t *testing.T) {
	a, b := []float64{1, -.4, .7}, []float64{.3, 1.2, -.5}
	slope := func(a []float64, k int) float64 {
		p := ErfPair(a, b)
		return p.SlopeAOnA*a[k] + p.SlopeAOnB*b[k]
	}
	eye, aa, ab, bb := ErfCurvature(a, b)
	const h = 1e-5
	for i := range a {
		for k := range a {
			at := slices.Clone(a)
			at[i] += h
			up := slope(at, k)
			at[i] -= 2 * h
			want := (up - slope(at, k)) / (2 * h)
			got := aa*a[i]*a[k] + ab*(a[i]*b[k]+a[k]*b[i]) + bb*b[i]*b[k]
			if i == k {
				got += eye
			}
			if d := math.Abs(got - want); !(d < 1e-10) {
				t.Errorf("[%d,%d]: %v, by differences %v", i, k, got, want)
			}
		}
	}
	eye, aa, ab, bb = ErfCurvature([]float64{1.3}, []float64{-.6})
	if got, want := eye+aa*1.69+2*ab*1.3*-.6+bb*.36, ErfKernelAA(1.3, -.6); math.Abs(got-want) > 1e-15 {
		t.Errorf("scalar: %v, want %v", got, want)
	}
}
