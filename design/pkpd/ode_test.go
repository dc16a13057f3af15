package pkpd

import (
	"errors"
	"math"
	"strings"
	"testing"
)

func compile(t testing.TB, s Spec) *Custom {
	t.Helper()
	c, err := s.Compile()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// hcvRegimen is 180 µg over a day, once a week.
var hcvRegimen = Regimen{{Compartment: "A1", Amount: 180, Duration: 1, Every: 7}}

var hcvTheta = []float64{0.8, 0.15, 100, 0.12, 2, 0.2, 7}

// The structural part of Nyberg's second example. The numbers come from a
// separate implementation in Python, whose information matrix agreed with the
// published one.
func TestT5HCVCurves(t *testing.T) {
	m := compile(t, HCV())
	conc := evalAt(t, m, hcvRegimen, hcvTheta, 0, 2, 1, 28)
	near(t, "C", conc.Value, []float64{0.53230086, 1.25477038}, 1e-8)
	load := evalAt(t, m, hcvRegimen, hcvTheta, 1, 2, 28, 0)
	near(t, "log10W", load.Value, []float64{1.77653683, 6.15185121}, 1e-8)
}

// twoCompartmentSpec is the oral two-compartment model as a user would write it.
func twoCompartmentSpec() Spec {
	return Spec{
		Parameters: []SpecParameter{{Name: "CL", Unit: "L/h"}, {Name: "V1", Unit: "L"}, {Name: "Q", Unit: "L/h"}, {Name: "V2", Unit: "L"}, {Name: "ka", Unit: "1/h"}, {Name: "F", Unit: "1"}},
		States: []SpecState{
			{Name: "depot", Unit: "mg", Derivative: "-ka*depot", Bioavailability: "F"},
			{Name: "central", Unit: "mg", Derivative: "ka*depot - (CL + Q)/V1*central + Q/V2*side"},
			{Name: "side", Unit: "mg", Derivative: "Q/V1*central - Q/V2*side"},
		},
		Responses: []SpecResponse{{Name: "C", Unit: "mg/L", Value: "central/V1"}},
	}
}

// A user's system of differential equations and the closed form agree to 1e-8
// in values and in both orders of derivatives: two independent ways.
func TestUserODEEqualsClosedForm(t *testing.T) {
	user := compile(t, twoCompartmentSpec())
	closed := mustLinear(t, LinearSettings{Peripheral: true, Depot: true, Bioavailability: true})
	gamma := []float64{2, 10, 3, 30, 1.2, 0.8}
	for name, reg := range map[string]Regimen{
		"oral":            {{Amount: 100}},
		"repeated":        {{Amount: 100, Every: 6, Count: 3}, {Compartment: "central", Time: 2, Amount: 50}},
		"infusion":        {{Compartment: "central", Amount: 100, Duration: 2}, {Compartment: "central", Time: 1, Amount: 30, Duration: 3, Every: 5}},
		"into the depot":  {{Amount: 100, Duration: 2}},
		"steady":          {{Amount: 100, Every: 6, SteadyState: true}},
		"steady infusion": {{Compartment: "central", Amount: 100, Duration: 2, Every: 8, SteadyState: true, Count: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			times := []float64{0.3, 1, 2.5, 6, 11, 24, 40}
			a := evalAt(t, user, reg, gamma, 0, 2, times...)
			b := evalAt(t, closed, reg, gamma, 0, 2, times...)
			p := len(gamma)
			for i := range times {
				if d := math.Abs(a.Value[i] - b.Value[i]); !(d <= 1e-8*b.Value[i]) {
					t.Errorf("t=%v: %.12g, closed form %.12g", times[i], a.Value[i], b.Value[i])
				}
				for k := range p {
					if d := math.Abs(a.GradRow(i)[k] - b.GradRow(i)[k]); !(d*gamma[k] <= 1e-8*b.Value[i]) {
						t.Errorf("t=%v: gradient %d %.12g, closed form %.12g", times[i], k, a.GradRow(i)[k], b.GradRow(i)[k])
					}
					for l := range p {
						x, y := a.HessRow(i)[k*p+l], b.HessRow(i)[k*p+l]
						if d := math.Abs(x - y); !(d*gamma[k]*gamma[l] <= 3e-8*b.Value[i]) {
							t.Errorf("t=%v: Hessian %d %d %.12g, closed form %.12g", times[i], k, l, x, y)
						}
					}
				}
			}
		})
	}
}

// Derivatives of the models of the library that have no closed form.
func TestODEDerivatives(t *testing.T) {
	for _, c := range []struct {
		name  string
		spec  Spec
		reg   Regimen
		gamma []float64
		times []float64
	}{
		{"mm", MichaelisMenten(true), Regimen{{Amount: 100, Every: 12}}, []float64{10, 2, 20, 0.9}, []float64{1, 5, 20, 30}},
		{"turnover", Turnover(false), Regimen{{Amount: 100}}, []float64{2, 10, 5, 0.3, 0.8, 1.5}, []float64{1, 5, 20, 30}},
		{"hcv", HCV(), hcvRegimen, hcvTheta, []float64{0.25, 2, 7, 28}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := compile(t, c.spec)
			var at []Sample
			for r := range m.responses {
				for _, x := range c.times {
					at = append(at, Sample{r, x})
				}
			}
			checkDerivatives(t, m, c.reg, c.gamma, at, 1e-5)
		})
	}
}

// Mass is conserved and the drug of a Michaelis–Menten model obeys its implicit
// solution after a bolus, Km ln(C0/C) + C0 − C = Vmax t/V.
func TestMichaelisMentenImplicitSolution(t *testing.T) {
	m := compile(t, MichaelisMenten(false))
	vmax, km, v := 10.0, 2.0, 20.0
	got := evalAt(t, m, Regimen{{Amount: 200}}, []float64{vmax, km, v}, 0, 0, 1, 10, 30, 60)
	for i, x := range []float64{1, 10, 30, 60} {
		c := got.Value[i]
		if lhs := km*math.Log(10/c) + 10 - c; math.Abs(lhs-vmax*x/v) > 1e-8*lhs {
			t.Errorf("t=%v: %v, want %v", x, lhs, vmax*x/v)
		}
	}
}

// A turnover model without drug stays at Rin/kout, and one with Imax = 1 and a
// huge concentration decays as exp(−kout t).
func TestTurnoverLimits(t *testing.T) {
	m := compile(t, Turnover(false))
	g := []float64{1, 10, 6, 0.3, 1, 1e-9}
	near(t, "E", evalAt(t, m, nil, g, 1, 1, 0, 5, 50).Value, []float64{20, 20, 20}, 1e-9)
	near(t, "E", evalAt(t, m, Regimen{{Amount: 100}}, g, 1, 1, 5).Value, []float64{20 * math.Exp(-1.5)}, 1e-6)
}

func TestBlowUp(t *testing.T) {
	for _, c := range []struct {
		name, right, want string
		from, to          float64
	}{
		{"finite time", "a*x^2", "in state x", 0.9, 1.001},
		{"overflow", "a*x*1e3", "in state x", 0.5, 1},
		{"root of a negative number", "-a*sqrt(x)", "in state x", 1.9, 2.1},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := compile(t, Spec{
				Parameters: []SpecParameter{{Name: "a", Unit: "1"}},
				States:     []SpecState{{Name: "x", Unit: "1", Initial: "1", Derivative: c.right}},
				Responses:  []SpecResponse{{Name: "y", Unit: "1", Value: "x"}},
			})
			cv, err := m.Bind(nil)
			if err != nil {
				t.Fatal(err)
			}
			for order := range 3 {
				err = cv.Eval(new(Jets), []float64{1}, []Sample{{0, 3}}, order)
				var b *BlowUp
				if !errors.As(err, &b) || !strings.Contains(err.Error(), c.want) || b.Time < c.from || b.Time > c.to {
					t.Errorf("order %d: %v", order, err)
				}
			}
		})
	}
}

// Samples at events, in any order, twice, and at times that rounding moved.
func TestSamplesAtEvents(t *testing.T) {
	lin := mustLinear(t, LinearSettings{})
	user := compile(t, Spec{
		Parameters: []SpecParameter{{Name: "CL", Unit: "L/h"}, {Name: "V", Unit: "L"}},
		States:     []SpecState{{Name: "A", Unit: "mg", Derivative: "-CL/V*A"}},
		Responses:  []SpecResponse{{Name: "C", Unit: "mg/L", Value: "A/V"}},
	})
	reg := Regimen{{Amount: 10, Every: 0.1}}
	times := []float64{0.3, 0.1 * 3, 0, 0.7, 0.3, 0.35, 3 * 0.7}
	gamma := []float64{1, 2}
	a, b := evalAt(t, lin, reg, gamma, 0, 1, times...), evalAt(t, user, reg, gamma, 0, 1, times...)
	near(t, "C", b.Value, a.Value, 1e-9)
	if math.Abs(a.Value[0]-a.Value[1]) > 1e-12 {
		t.Errorf("0.3 and 0.1·3 are the same dose time: %v, %v", a.Value[0], a.Value[1])
	}
	if a.Value[2] != 5 || b.Value[2] != 5 {
		t.Errorf("a sample at the time of a bolus must see it: %v, %v", a.Value[2], b.Value[2])
	}
}
