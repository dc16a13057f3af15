package experiments

import (
	"math"
	"testing"
)

// F₂ − F₁ on the quantiles of a standard normal, means uniform on [−4, 4], from
// Gauss–Legendre grids in Python (numpy 1.24), two grid sizes agreeing to the digits
// given; and its rise per log n: 0.2720 from 50 to 200, 0.2575 from 200 to 400.
func TestSecondComponentCostsAQuarterOfLogN(t *testing.T) {
	s := bicIsWrongSpec{Bound: 4, Tol: 1e-7}
	price := map[int]float64{}
	for n, want := range map[int]float64{50: 1.004848, 200: 1.38187, 400: 1.56032} {
		r, err := bicIsWrong(t.Context(), s, n)
		if err != nil {
			t.Fatal(err)
		}
		tol := 5e-6
		if n == 50 {
			tol = 5e-7
		}
		if r.Status != Converged || math.Abs(r.Price-want) > tol+r.Err {
			t.Errorf("n = %d: F₂ − F₁ = %.7f ± %.1g (%s), want %v", n, r.Price, r.Err, r.Status, want)
		}
		price[n] = r.Price
		// The second component gains nothing on these data. Then the singular BIC
		// is the root of L² + (L₁ − n^(−3/2)) L − n^(−3/4) L₁ = 0 with
		// L₁ = n^(−1/2), in units of the likelihood.
		m := float64(n)
		one := math.Pow(m, -0.5)
		b := one - math.Pow(m, -1.5)
		two := (-b + math.Sqrt(b*b+4*math.Pow(m, -0.75)*one)) / 2
		if math.Abs(r.Gain) > 1e-6 || math.Abs(r.SBIC-math.Log(one/two)) > 1e-6 || math.Abs(r.BIC-math.Log(m)) > 1e-6 {
			t.Errorf("n = %d: gain %.2g, BIC %.6f, sBIC %.6f, want 0, %.6f and %.6f", n, r.Gain, r.BIC, r.SBIC, math.Log(m), math.Log(one/two))
		}
	}
	for _, c := range []struct {
		a, b int
		want float64
	}{{50, 200, 0.2720}, {200, 400, 0.2575}} {
		slope := (price[c.b] - price[c.a]) / math.Log(float64(c.b)/float64(c.a))
		if math.Abs(slope-c.want) > 1e-4 {
			t.Errorf("from n = %d to %d the price rises by %.5f per log n, want %v", c.a, c.b, slope, c.want)
		}
	}
}
