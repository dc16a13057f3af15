package estimation_test

import (
	"bufio"
	"context"
	"math"
	"math/big"
	"os"
	"strings"
	"testing"

	"github.com/neuromanifold/neuromanifold/estimation"
)

// Lanczos1 is data of 14 digits with residuals of 9e-14: rounding y to float64
// alone changes their standard deviation in the third digit, so that no program
// that takes float64 data gives five. The fit is not to blame: with the residuals
// at θ̂ from the decimal data in 200 bits, and the same Jacobian, the standard
// deviations have five digits.
func TestLanczos1Errors(t *testing.T) {
	const name, prec = "Lanczos1", 200
	ref := readSTRD(t, name)
	l, err := newCurve(name, 1, 6, lanczos).Bind(ref.z)
	if err != nil {
		t.Fatal(err)
	}
	fit, err := estimation.LevenbergMarquardt{}.Maximize(context.Background(), l, ref.start[1], nil)
	if err != nil {
		t.Fatal(err)
	}
	se, s, err := estimation.LeastSquaresErrors(l, fit.Theta)
	if err != nil {
		t.Fatal(err)
	}
	decimal := func(text string) *big.Float {
		v, _, err := big.ParseFloat(text, 10, prec, big.ToNearestEven)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	num := func(v float64) *big.Float { return new(big.Float).SetPrec(prec).SetFloat64(v) }
	mul := func(a, b *big.Float) *big.Float { return new(big.Float).SetPrec(prec).Mul(a, b) }
	add := func(a, b *big.Float) *big.Float { return new(big.Float).SetPrec(prec).Add(a, b) }
	// decay is e^−x for 0 ≤ x < 8, by the series at x/64.
	decay := func(x *big.Float) *big.Float {
		u, term, sum := mul(x, num(-1.0/64)), num(1), num(1)
		for k := 1; k < 60; k++ {
			term = new(big.Float).SetPrec(prec).Quo(mul(term, u), num(float64(k)))
			sum = add(sum, term)
		}
		for range 6 {
			sum = mul(sum, sum)
		}
		return sum
	}
	file, err := os.Open("testdata/strd/" + name + ".dat")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	ss, rows := num(0), 0
	in := bufio.NewScanner(file)
	for data := false; in.Scan(); {
		f := strings.Fields(in.Text())
		if len(f) == 3 && f[0] == "Data:" && f[1] == "y" {
			data = true
			continue
		}
		if !data || len(f) != 2 {
			continue
		}
		r, x := decimal(f[0]), decimal(f[1])
		for i := 0; i < 6; i += 2 {
			r = add(r, mul(num(-fit.Theta[i]), decay(mul(num(fit.Theta[i+1]), x))))
		}
		ss = add(ss, mul(r, r))
		rows++
	}
	exact, _ := ss.Float64()
	if rows != ref.z.N {
		t.Fatalf("%d rows", rows)
	}
	exact = math.Sqrt(exact / float64(rows-6))
	for i := range se {
		se[i] *= exact / s
	}
	if d := min(digits(se, ref.sd), digits([]float64{exact}, []float64{ref.s})); d < 5 {
		t.Errorf("%.1f digits in the standard deviations", d)
	}
	t.Logf("s = %.11g in float64, %.11g from the decimal data, certified %.11g", s, exact, ref.s)
}
