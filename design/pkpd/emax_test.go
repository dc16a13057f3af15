package pkpd

import (
	"math"
	"strings"
	"testing"
)

// The effect is what its formula says, at every setting.
func TestEmaxValues(t *testing.T) {
	pk := mustLinear(t, LinearSettings{EffectSite: true})
	base := []float64{2, 10, 0.5}
	ce := evalAt(t, pk, Regimen{{Amount: 100}}, base, 1, 0, 3).Value[0]
	for _, c := range []struct {
		set   EmaxSettings
		gamma []float64
		want  float64
	}{
		{EmaxSettings{Driver: 1}, []float64{7, 1.5}, 7 * ce / (1.5 + ce)},
		{EmaxSettings{Driver: 1, Baseline: true}, []float64{2, 7, 1.5}, 2 + 7*ce/(1.5+ce)},
		{EmaxSettings{Driver: 1, Baseline: true, Hill: true}, []float64{2, 7, 1.5, 2.5}, 2 + 7*math.Pow(ce, 2.5)/(math.Pow(1.5, 2.5)+math.Pow(ce, 2.5))},
		{EmaxSettings{Driver: 1, Inhibit: true}, []float64{2, 0.9, 1.5}, 2 * (1 - 0.9*ce/(1.5+ce))},
	} {
		m, err := NewEmax(pk, c.set)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "E", evalAt(t, m, Regimen{{Amount: 100}}, append(base[:3:3], c.gamma...), 2, 2, 3).Value, []float64{c.want}, 1e-14)
	}
}

func TestEmaxDerivatives(t *testing.T) {
	pk := mustLinear(t, LinearSettings{Depot: true, EffectSite: true})
	for bits := range 8 {
		set := EmaxSettings{Driver: bits & 1, Hill: bits&2 > 0, Baseline: true, Inhibit: bits&4 > 0}
		m, err := NewEmax(pk, set)
		if err != nil {
			t.Fatal(err)
		}
		gamma := []float64{2, 10, 1.2, 0.4, 3, 0.8, 1.5}
		if set.Hill {
			gamma = append(gamma, 1.7)
		}
		checkDerivatives(t, m, Regimen{{Amount: 100, Time: 1}}, gamma, []Sample{{0, 2}, {2, 2}, {2, 6}, {2, 40}, {1, 6}, {2, 0.5}}, 2e-8)
	}
}

// Before the first dose the effect is E0, whatever h is; at a concentration of 0
// that moves, the derivatives exist for h ≥ 2 and h = 1 known.
func TestEmaxAtZeroConcentration(t *testing.T) {
	pk := mustLinear(t, LinearSettings{Depot: true})
	m, err := NewEmax(pk, EmaxSettings{Baseline: true, Hill: true})
	if err != nil {
		t.Fatal(err)
	}
	out := evalAt(t, m, Regimen{{Amount: 100, Time: 1}}, []float64{2, 10, 1.2, 5, 7, 1.5, 0.5}, 1, 2, 0.5)
	for i, v := range append(append(out.Value, out.Grad...), out.Hess...) {
		want := 0.0
		switch i {
		case 0:
			want = 5
		case 1 + 3:
			want = 1
		}
		if v != want {
			t.Errorf("entry %d is %v, want %v", i, v, want)
		}
	}
	// A concentration that passes through 0 with a slope: C = x.
	line := compile(t, Spec{
		Parameters: []SpecParameter{{Name: "x", Unit: "mg/L"}},
		Responses:  []SpecResponse{{Name: "C", Unit: "mg/L", Value: "x"}},
	})
	e, err := NewEmax(line, EmaxSettings{})
	if err != nil {
		t.Fatal(err)
	}
	got := evalAt(t, e, nil, []float64{0, 6, 3}, 1, 2, 0)
	near(t, "gradient", got.Grad, []float64{2, 0, 0}, 1e-15)
	// E = a x/(b+x): E_xx = −2a/b², E_xa = 1/b, E_xb = −a/b².
	near(t, "Hessian", got.Hess, []float64{-12. / 9, 1. / 3, -6. / 9, 1. / 3, 0, 0, -6. / 9, 0, 0}, 1e-14)
	h, err := NewEmax(line, EmaxSettings{Hill: true})
	if err != nil {
		t.Fatal(err)
	}
	c, err := h.Bind(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Eval(new(Jets), []float64{0, 6, 3, 0.5}, []Sample{{1, 0}}, 1); err == nil || !strings.Contains(err.Error(), "in state E") {
		t.Errorf("a slope that is infinite: %v", err)
	}
	if _, err := NewEmax(line, EmaxSettings{Driver: 1}); err == nil {
		t.Error("a driver that is not there")
	}
}
