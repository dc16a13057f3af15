package pkpd

import (
	"math"
	"testing"
)

// One compartment with ka = k = κ, differentiated by hand: with A = D ka/V the
// impulse response t e^{−κt} has derivatives −t²/2 e^{−κt} in either rate,
// t³/3 twice in one and t³/6 in both.
func TestCoincidentRatesByHand(t *testing.T) {
	m := mustLinear(t, LinearSettings{Depot: true, Rates: true})
	const kappa, v, dose = 0.5, 10.0, 100.0
	for _, x := range []float64{0.01, 1, 4, 30} {
		out := evalAt(t, m, Regimen{{Amount: dose}}, []float64{kappa, v, kappa}, 0, 2, x)
		e := dose / v * math.Exp(-kappa*x)
		g, g1, g2, g11 := x*e, -x*x/2*e, x*x*x/3*e, x*x*x/6*e
		near(t, "C", out.Value, []float64{kappa * g}, 1e-15*10)
		near(t, "gradient", out.Grad, []float64{kappa * g1, -kappa * g / v, g + kappa*g1}, 1e-14)
		kk, vv, aa := kappa*g2, 2*kappa*g/(v*v), 2*g1+kappa*g2
		kv, ka, va := -kappa*g1/v, g1+kappa*g11, -(g+kappa*g1)/v
		for i, want := range []float64{kk, kv, ka, kv, vv, va, ka, va, aa} {
			if math.Abs(out.Hess[i]-want) > 1e-13*(math.Abs(want)+math.Abs(kappa*g)) {
				t.Errorf("t=%v Hessian[%d] = %v, want %v", x, i, out.Hess[i], want)
			}
		}
	}
}

// Exchanging ka and k, and with them V, leaves every curve as it is: warfarin
// (CL, V, ka) = (0.15, 8, 1) and its twin (CL, CL/ka, CL/V).
func TestT11FlipFlopTwins(t *testing.T) {
	m := mustLinear(t, LinearSettings{Depot: true})
	times := []float64{0.5, 1, 2, 6, 24, 36, 72, 120}
	a := evalAt(t, m, Regimen{{Amount: 70}}, []float64{0.15, 8, 1}, 0, 0, times...)
	b := evalAt(t, m, Regimen{{Amount: 70}}, []float64{0.15, 0.15, 0.15 / 8}, 0, 0, times...)
	near(t, "twin", b.Value, a.Value, 1e-14)
}

// At the fixed point ka = k = κ the direction (dCL, dV, dka) = (0, V/κ, 1) moves
// no curve at first order, under any design.
func TestT11FlipFlopNullVector(t *testing.T) {
	m := mustLinear(t, LinearSettings{Depot: true})
	const kappa, v = 0.5, 10.0
	for _, reg := range []Regimen{{{Amount: 100}}, {{Amount: 100, Every: 8}}, {{Amount: 100, Every: 8, SteadyState: true}}, {{Amount: 50, Duration: 3}}} {
		out := evalAt(t, m, reg, []float64{kappa * v, v, kappa}, 0, 1, 0.5, 1, 2, 4, 6, 8, 12, 100)
		for i := range out.N {
			g := out.GradRow(i)
			if s := g[1]*v/kappa + g[2]; math.Abs(s) > 1e-14*math.Abs(g[2]) {
				t.Errorf("%v sample %d: Jv = %v of %v", reg, i, s, g[2])
			}
		}
	}
}

// Without exchange two compartments are one, values and derivatives.
func TestTwoCompartmentsWithoutExchange(t *testing.T) {
	one := mustLinear(t, LinearSettings{Depot: true})
	two := mustLinear(t, LinearSettings{Depot: true, Peripheral: true})
	times := []float64{0.5, 3, 20}
	a := evalAt(t, one, Regimen{{Amount: 100}}, []float64{2, 10, 1.2}, 0, 2, times...)
	b := evalAt(t, two, Regimen{{Amount: 100}}, []float64{2, 10, 0, 30, 1.2}, 0, 2, times...)
	near(t, "C", b.Value, a.Value, 1e-13)
	from := []int{0, 1, 4} // CL, V, ka among the five
	for i := range times {
		for x, fx := range from {
			near(t, "gradient", b.GradRow(i)[fx:fx+1], a.GradRow(i)[x:x+1], 1e-12)
			for y, fy := range from {
				near(t, "Hessian", b.HessRow(i)[fx*5+fy:fx*5+fy+1], a.HessRow(i)[x*3+y:x*3+y+1], 1e-11)
			}
		}
		if b.GradRow(i)[3] != 0 { // V2 of a compartment that nothing reaches
			t.Errorf("derivative in V2 is %v", b.GradRow(i)[3])
		}
	}
}

// The one point where the two phases of a two-compartment model meet, α = β:
// k12 = 0 and k = k21 = κ. The derivatives of α and β in k12 are infinite there,
// those of the curve, L⁻¹ (s+k21)/((s+k)(s+k21)+k12 s), are
//
//	−s/(s+κ)³ → −(t − κt²/2) e^{−κt}
//	2s²/(s+κ)⁵ → 2 (t²/2 − κt³/3 + κ²t⁴/24) e^{−κt}
func TestPhasesThatMeet(t *testing.T) {
	m := mustLinear(t, LinearSettings{Peripheral: true, Rates: true})
	const k, v = 0.4, 10.0
	for _, x := range []float64{0.1, 2, 9} {
		out := evalAt(t, m, Regimen{{Amount: v}}, []float64{k, v, 0, k}, 0, 2, x)
		e := math.Exp(-k * x)
		near(t, "C", out.Value, []float64{e}, 1e-14)
		if got, want := out.Grad[2], -(x-k*x*x/2)*e; math.Abs(got-want) > 1e-14*x*e*(1+k*x) {
			t.Errorf("t=%v: ∂C/∂k12 = %v, want %v", x, got, want)
		}
		if got, want := out.Hess[2*4+2], 2*x*x*(0.5-k*x/3+k*k*x*x/24)*e; math.Abs(got-want) > 1e-13*x*x*e*(1+k*x)*(1+k*x) {
			t.Errorf("t=%v: ∂²C/∂k12² = %v, want %v", x, got, want)
		}
	}
	// And all derivatives by differences around it, from one side in k12.
	gamma := []float64{k, v, 1e-3, k + 1e-6}
	checkDerivatives(t, m, Regimen{{Amount: 100, Duration: 1, Every: 8}}, gamma, []Sample{{0, 0.5}, {0, 3}, {0, 12}}, 1e-7)
}

// Every model of the library evaluates without allocation after the first call.
func TestNoAllocations(t *testing.T) {
	for _, e := range Library() {
		s, err := e.New()
		if err != nil {
			t.Fatal(e.Name, err)
		}
		gamma := make([]float64, len(s.Params()))
		for i, p := range s.Params() {
			gamma[i] = max(p.Lo, min(p.Hi, 0.5+0.1*float64(i)))
		}
		if e.Name == "hcv" {
			copy(gamma, hcvTheta)
		}
		c, err := s.Bind(Regimen{{Amount: 10, Every: 2}})
		if err != nil {
			t.Fatal(e.Name, err)
		}
		var at []Sample
		for r := range s.Responses() {
			at = append(at, Sample{r, 3}, Sample{r, 1})
		}
		for order := range 3 {
			out := new(Jets)
			if n := testing.AllocsPerRun(3, func() {
				if err := c.Eval(out, gamma, at, order); err != nil {
					t.Fatal(e.Name, err)
				}
			}); n != 0 {
				t.Errorf("%s, order %d: %v allocations", e.Name, order, n)
			}
		}
	}
}
