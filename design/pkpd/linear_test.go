package pkpd

import (
	"fmt"
	"math"
	"testing"
)

func mustLinear(t testing.TB, set LinearSettings) *Linear {
	t.Helper()
	m, err := NewLinear(set)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// evalAt returns the jets of response r at the times.
func evalAt(t testing.TB, s Structure, reg Regimen, gamma []float64, r int, order int, times ...float64) *Jets {
	t.Helper()
	c, err := s.Bind(reg)
	if err != nil {
		t.Fatal(err)
	}
	at := make([]Sample, len(times))
	for i, x := range times {
		at[i] = Sample{Response: r, Time: x}
	}
	out := new(Jets)
	if err := c.Eval(out, gamma, at, order); err != nil {
		t.Fatal(err)
	}
	return out
}

func near(t *testing.T, what string, got, want []float64, rel float64) {
	t.Helper()
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= rel*math.Abs(want[i])) {
			t.Errorf("%s[%d] = %.12g, want %.12g", what, i, got[i], want[i])
		}
	}
}

// checkDerivatives compares gradients with fourth-order differences of the
// values, and Hessians with those of the gradients. The steps are 1e-3 of the
// parameter, so the differences are good to about 1e-12/1e-3 of the largest
// entry, relative to the size of the response in that parameter.
func checkDerivatives(t *testing.T, s Structure, reg Regimen, gamma []float64, at []Sample, tol float64) {
	t.Helper()
	c, err := s.Bind(reg)
	if err != nil {
		t.Fatal(err)
	}
	eval := func(g []float64, order int) *Jets {
		out := new(Jets)
		if err := c.Eval(out, g, at, order); err != nil {
			t.Fatal(err)
		}
		return out
	}
	exact, first := eval(gamma, 2), eval(gamma, 1)
	value := eval(gamma, 0)
	p := len(gamma)
	for i := range at {
		if math.Abs(value.Value[i]-exact.Value[i]) > 1e-9*math.Abs(value.Value[i]) {
			t.Errorf("order changes the value %d: %v, %v", i, value.Value[i], exact.Value[i])
		}
	}
	for a := range p {
		h := 1e-3 * gamma[a]
		if gamma[a] == 0 {
			h = 1e-3
		}
		var js [4]*Jets
		for k, f := range []float64{-2, -1, 1, 2} {
			g := append([]float64(nil), gamma...)
			g[a] += f * h
			js[k] = eval(g, 1)
		}
		diff := func(f func(*Jets) float64) float64 {
			return (f(js[0]) - 8*f(js[1]) + 8*f(js[2]) - f(js[3])) / (12 * h)
		}
		for i := range at {
			want := diff(func(j *Jets) float64 { return j.Value[i] })
			size := math.Abs(exact.Value[i])/max(math.Abs(gamma[a]), 1e-3) + math.Abs(want)
			for _, got := range []float64{exact.GradRow(i)[a], first.GradRow(i)[a]} {
				if !(math.Abs(got-want) <= tol*size) {
					t.Errorf("sample %d: ∂/∂γ_%d = %.12g, differences %.12g", i, a, got, want)
				}
			}
			for b := range p {
				want := diff(func(j *Jets) float64 { return j.GradRow(i)[b] })
				got := exact.HessRow(i)[a*p+b]
				size := math.Abs(exact.GradRow(i)[b])/max(math.Abs(gamma[a]), 1e-3) + math.Abs(exact.Value[i])/max(math.Abs(gamma[a]*gamma[b]), 1e-3) + math.Abs(want)
				if !(math.Abs(got-want) <= tol*size) {
					t.Errorf("sample %d: ∂²/∂γ_%d∂γ_%d = %.12g, differences %.12g", i, a, b, got, want)
				}
			}
		}
	}
}

// Warfarin of Nyberg et al., Br. J. Clin. Pharmacol. 79 (2015) 6: the curve that
// babelmixr2's PopED example 2.a prints, to all digits.
func TestT1WarfarinCurve(t *testing.T) {
	m := mustLinear(t, LinearSettings{Depot: true})
	got := evalAt(t, m, Regimen{{Amount: 70}}, []float64{0.15, 8, 1}, 0, 2, 0.5, 1, 2, 6, 24, 36, 72, 120)
	near(t, "C", got.Value, []float64{3.4254357, 5.4711041, 7.3821834, 7.9462805, 5.6858561, 4.5402483, 2.3116966, 0.9398657}, 1e-8)
}

// Two compartments and an infusion: printed from a separate implementation in
// Python, whose closed forms and integrations agreed to 4e-12.
func TestStructuralReferenceCurves(t *testing.T) {
	times := []float64{0.25, 1, 3, 8, 24}
	two := []float64{2, 10, 3, 30}
	iv := mustLinear(t, LinearSettings{Peripheral: true})
	near(t, "bolus", evalAt(t, iv, Regimen{{Amount: 100}}, two, 0, 0, times...).Value,
		[]float64{8.833527, 6.170002, 2.711308, 1.015122, 0.521507}, 1e-6)
	oral := mustLinear(t, LinearSettings{Peripheral: true, Depot: true})
	near(t, "oral", evalAt(t, oral, Regimen{{Amount: 100}}, append(two, 1.2), 0, 0, times...).Value,
		[]float64{2.429590, 5.268678, 3.691323, 1.127106, 0.537380}, 1e-6)
	one := mustLinear(t, LinearSettings{})
	near(t, "infusion", evalAt(t, one, Regimen{{Amount: 400, Duration: 1}}, []float64{5, 50}, 0, 0, 0.5, 1, 2, 6).Value,
		[]float64{3.901646, 7.613007, 6.888533, 4.617522}, 1e-6)
}

// Values and both orders of derivatives of every combination of settings, routes
// and kinds of dose, at plain parameters and at coincident ones.
func TestLinearDerivatives(t *testing.T) {
	regimens := map[string]Dose{
		"bolus":           {Amount: 100},
		"multiple":        {Amount: 100, Every: 6, Count: 3},
		"steady":          {Amount: 100, Every: 6, SteadyState: true},
		"infusion":        {Amount: 100, Duration: 2},
		"steady infusion": {Amount: 100, Duration: 2, Every: 6, SteadyState: true, Count: 2},
	}
	points := map[string]func(p []float64, m *Linear){
		"plain": func([]float64, *Linear) {},
		"ka=ke0": func(p []float64, m *Linear) {
			if m.ka >= 0 && m.ke0 >= 0 {
				p[m.ke0] = p[m.ka]
			}
		},
		"all equal": func(p []float64, m *Linear) {
			p[0], p[1] = 6, 10
			if m.set.Rates {
				p[0] = 0.6
			}
			if m.ka >= 0 {
				p[m.ka] = 0.6
			}
			if m.ke0 >= 0 {
				p[m.ke0] = 0.6
			}
		},
	}
	for bits := range 64 {
		set := LinearSettings{Peripheral: bits&1 > 0, Depot: bits&2 > 0, Lag: bits&4 > 0, Bioavailability: bits&4 > 0, EffectSite: bits&8 > 0, Rates: bits&16 > 0}
		if set.Lag && !set.Depot || bits&32 > 0 && !set.Depot {
			continue
		}
		m := mustLinear(t, set)
		for kind, d := range regimens {
			if bits&32 > 0 {
				d.Compartment = "central"
			}
			for name, move := range points {
				if testing.Short() && (kind == "multiple" || name == "ka=ke0") {
					continue
				}
				t.Run(fmt.Sprintf("%+v %s %s", set, kind, name), func(t *testing.T) {
					gamma := []float64{2, 10}
					if set.Rates {
						gamma[0] = 0.2
					}
					if set.Peripheral {
						if set.Rates {
							gamma = append(gamma, 0.3, 0.1)
						} else {
							gamma = append(gamma, 3, 30)
						}
					}
					for _, p := range m.params[len(gamma):] {
						gamma = append(gamma, map[string]float64{"ka": 1.2, "tlag": 0.4, "F": 0.7, "ke0": 0.5}[p.Name])
					}
					move(gamma, m)
					var at []Sample
					for _, x := range []float64{0.9, 5.8, 7, 14, 30} {
						for r := range m.responses {
							at = append(at, Sample{r, x})
						}
					}
					checkDerivatives(t, m, Regimen{d}, gamma, at, 2e-8)
				})
			}
		}
	}
}
