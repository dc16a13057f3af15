package vec

import (
	"math"
	"math/big"
)

// References in math/big arithmetic of refBits bits, by series that share nothing
// with the kernels.
const refBits = 320

func bigF(x float64) *big.Float { return new(big.Float).SetPrec(refBits).SetFloat64(x) }

func bigOp(f func(z, x, y *big.Float) *big.Float, x, y *big.Float) *big.Float {
	return f(new(big.Float).SetPrec(refBits), x, y)
}

// refExp is e^x by the Taylor series at x/2^k and k squarings.
func refExp(x *big.Float) *big.Float {
	k := max(0, x.MantExp(nil)+16)
	r := new(big.Float).SetMantExp(x, -k)
	sum, term := bigF(1), bigF(1)
	for i := 1; i < 40; i++ {
		term = bigOp((*big.Float).Quo, bigOp((*big.Float).Mul, term, r), bigF(float64(i)))
		sum = bigOp((*big.Float).Add, sum, term)
		if term.Sign() == 0 || term.MantExp(nil) < -refBits {
			break
		}
	}
	for range k {
		sum = bigOp((*big.Float).Mul, sum, sum)
	}
	return sum
}

// refTanh is m/(m + 2) with m = e^(2x) − 1; below 2^-60 it is x − x³/3.
func refTanh(x *big.Float) *big.Float {
	if x.MantExp(nil) < -60 {
		cube := bigOp((*big.Float).Mul, x, bigOp((*big.Float).Mul, x, x))
		return bigOp((*big.Float).Sub, x, bigOp((*big.Float).Quo, cube, bigF(3)))
	}
	m := bigOp((*big.Float).Sub, refExp(bigOp((*big.Float).Add, x, x)), bigF(1))
	return bigOp((*big.Float).Quo, m, bigOp((*big.Float).Add, m, bigF(2)))
}

var twoOverSqrtPi = func() *big.Float {
	// π by Machin's formula.
	atan := func(n float64) *big.Float { // of 1/n
		sum, p := bigF(0), bigOp((*big.Float).Quo, bigF(1), bigF(n))
		for i := 0; i < 250; i++ {
			t := bigOp((*big.Float).Quo, p, bigF(float64(2*i+1)))
			if i%2 == 0 {
				sum = bigOp((*big.Float).Add, sum, t)
			} else {
				sum = bigOp((*big.Float).Sub, sum, t)
			}
			p = bigOp((*big.Float).Quo, p, bigF(n*n))
		}
		return sum
	}
	quarter := bigOp((*big.Float).Sub, bigOp((*big.Float).Mul, bigF(4), atan(5)), atan(239))
	pi := bigOp((*big.Float).Mul, bigF(4), quarter)
	return bigOp((*big.Float).Quo, bigF(2), new(big.Float).SetPrec(refBits).Sqrt(pi))
}()

// refErf is 2/√π e^(−x²) Σ 2^n x^(2n+1)/(2n+1)!!, a series of positive terms.
func refErf(x *big.Float) *big.Float {
	x2 := bigOp((*big.Float).Mul, x, x)
	twice := bigOp((*big.Float).Add, x2, x2)
	sum, term := new(big.Float).Copy(x), new(big.Float).Copy(x)
	for n := 1; n < 2000; n++ {
		term = bigOp((*big.Float).Quo, bigOp((*big.Float).Mul, term, twice), bigF(float64(2*n+1)))
		if term.Sign() == 0 || term.MantExp(nil) < sum.MantExp(nil)-220 {
			break
		}
		sum = bigOp((*big.Float).Add, sum, term)
	}
	e := refExp(new(big.Float).Neg(x2))
	return bigOp((*big.Float).Mul, twoOverSqrtPi, bigOp((*big.Float).Mul, e, sum))
}

// ulps is |got − want| in units in the last place of a float64 of want's size.
func ulps(got float64, want *big.Float) float64 {
	if math.IsNaN(got) {
		return math.Inf(1)
	}
	if math.IsInf(got, 0) {
		// Right if want rounds to it, that is if it reaches 2^1024 − 2^970.
		if f, _ := want.Float64(); f == got {
			return 0
		}
		return math.Inf(1)
	}
	exp := -1074
	if want.Sign() != 0 {
		exp = max(exp, want.MantExp(nil)-53)
	}
	d := bigOp((*big.Float).Sub, bigF(got), want)
	f, _ := d.SetMantExp(d, -exp).Float64()
	return math.Abs(f)
}
