package singular

import (
	"fmt"
	"math"
	"testing"
)

// Table of the cone's law at the apex: means in closed form, 95 % points of the
// signed cone from its distribution function, both computed for this project
// with scipy 1.10 before this package existed; printed digits must agree.
func TestConeLawTable(t *testing.T) {
	for _, r := range []struct {
		d         int
		c         float64
		mean, one float64
		q95       float64 // 0: not tabulated exactly
	}{
		{0, 0.5, 1.5093, 0.7749, 0}, {0, 1, 1.6366, 0.9092, 0},
		{1, 0.2, 1.4231, 0.7154, 0}, {1, 0.5, 2, 1.0472, 5.8266}, {1, 1, 2.5, 1.4571, 6.6753}, {1, 2, 2.6, 1.7944, 6.9581},
		{2, 0.5, 2.4186, 1.2886, 6.6077}, {2, 1, 3.2732, 1.9775, 8.0207}, {2, 2, 3.6186, 2.5983, 8.7047},
		{5, 0.5, 3.5, 1.9481, 8.4721}, {5, 1, 5.375, 3.4957, 11.3490}, {5, 2, 6.5, 4.9999, 13.1485},
		{10, 0.5, 5.0695, 2.9813, 10.9595}, {10, 1, 8.5869, 5.9996, 15.9953}, {10, 2, 11.0695, 9, 19.5468},
		{50, 1, 31.6702, 0, 0}, {100, 1, 58.9988, 0, 0},
	} {
		what := fmt.Sprintf("d=%d c=%v ", r.d, r.c)
		l, err := NewLaw("cone", map[string]float64{"d": float64(r.d), "c": r.c})
		if err != nil {
			t.Fatal(err)
		}
		lim, err := l.Run(0, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		near(t, what+"mean", lim.Mean().Value, r.mean, 6e-5)
		if r.q95 > 0 {
			near(t, what+"q95", lim.Quantile(0.95).Value, r.q95, 6e-5)
		}
		l, _ = NewLaw("cone", map[string]float64{"d": float64(r.d), "c": r.c, "signed": 0})
		half, _ := l.Run(0, nil, nil)
		if r.one > 0 {
			near(t, what+"one-sided mean", half.Mean().Value, r.one, 6e-5)
		}
		// The mean is ∫ P(T > t) dt as well: the tail against the closed form.
		for _, x := range []*Limit{lim, half} {
			if r.d > 10 || testing.Short() {
				continue
			}
			sum, step := 0.0, 0.05
			for y := step / 2; y < 16; y += step { // t = y²
				sum += 2 * y * step * x.PValue(y*y).Value
			}
			near(t, what+"∫ tail", sum, x.Mean().Value, 1e-3)
		}
	}
}

// Rational means at odd d.
func TestConeMeanOddDimension(t *testing.T) {
	for _, r := range []struct {
		d       int
		c, want float64
	}{{1, 0.5, 2}, {1, 1, 2.5}, {1, 2, 2.6}, {5, 0.5, 3.5}, {5, 1, 43. / 8}, {5, 2, 6.5}} {
		near(t, "mean", newConeLaw(r.d, r.c, true).mean(), r.want, 1e-12)
	}
}

// Probabilities that AIC and BIC (n = 100) choose the cone at its apex, to the
// printed digits, down to 3e-9.
func TestConeOverSelectionTable(t *testing.T) {
	for _, r := range []struct {
		d                           int
		c, aic, bic, aicTol, bicTol float64
	}{
		{1, 0.5, 0.12719, 9.06e-3, 6e-6, 6e-6}, {1, 1, 0.18736, 1.41e-2, 6e-6, 6e-5}, {1, 2, 0.20369, 1.67e-2, 6e-6, 6e-5},
		{5, 0.5, 0.01109, 1.03e-5, 6e-6, 6e-8}, {5, 2, 0.07569, 1.36e-4, 6e-6, 6e-7},
		{10, 0.5, 0.00066, 2.91e-9, 6e-6, 6e-12}, {10, 1, 0.00623, 6.25e-8, 6e-6, 6e-11},
	} {
		l := newConeLaw(r.d, r.c, true)
		k := float64(r.d + 1)
		near(t, fmt.Sprintf("d=%d c=%v AIC", r.d, r.c), l.tail(2*k), r.aic, r.aicTol)
		near(t, fmt.Sprintf("d=%d c=%v BIC", r.d, r.c), l.tail(k*math.Log(100)), r.bic, r.bicTol)
	}
}

// d = 0, c = 1, ξ ≥ 0: (Z + |N|)/√2 ≤ 0 has probability 1/8·2 = 1/4, by the angle
// of (Z, N) in the plane.
func TestConeAtom(t *testing.T) {
	l := newConeLaw(0, 1, false)
	near(t, "P(T = 0)", l.atom(), 0.25, 1e-10)
	near(t, "tail at 0", l.tail(0), 0.75, 1e-10)
	if q := l.quantile(0.2); q != 0 {
		t.Errorf("quantile inside the atom is %v", q)
	}
	q := l.quantile(0.9)
	near(t, "tail at quantile", l.tail(q), 0.1, 1e-10)
}

// Regular theory counts the parameters that the null hypothesis takes away.
func TestNaiveDegreesOfFreedom(t *testing.T) {
	for text, want := range map[string]int{
		"cone:d=5": 6, "cone:d=0": 1, "homogeneity:bound=1": 2, "arma11": 2, "erf-unit": 2, "simple-mlp:inputs=2": 2, "simple-mlp:inputs=1": 1,
	} {
		law, err := ParseLaw(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := law.NaiveDF(); got != want {
			t.Errorf("%s: %d degrees of freedom, want %d", text, got, want)
		}
	}
}
