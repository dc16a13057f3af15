package models

import (
	"math"
	"testing"
)

// Against math.Exp, which is within an ulp.
func TestExpNegIsAccurate(t *testing.T) {
	var worst float64
	check := func(v float64) {
		x := []float64{v}
		expNeg(x)
		want := math.Exp(v)
		if v >= -708 {
			worst = max(worst, math.Abs(x[0]-want)/(math.Nextafter(want, 2)-want))
		} else if x[0] != 0 {
			t.Errorf("exp %v = %v, want 0", v, x[0])
		}
	}
	for i := range 400000 {
		check(-1e-3 * float64(i) * 1.7711)
		check(-1e-7 * float64(i))
		check(-math.Ln2 / 128 * (1 + 1e-12*float64(i%7-3)) * float64(i%100))
	}
	for _, v := range []float64{-1e-320, -708, -709, -745, -1e300, math.Inf(-1)} {
		check(v)
	}
	x := []float64{0, math.NaN()}
	if expNeg(x); x[0] != 1 || !math.IsNaN(x[1]) {
		t.Errorf("exp of 0 and NaN: %v", x)
	}
	if worst > 2 {
		t.Errorf("worst error %v ulp", worst)
	}
	t.Logf("worst difference from math.Exp: %.2f ulp", worst)
}
