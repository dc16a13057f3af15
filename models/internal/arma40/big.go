package main

import (
	"errors"
	"math/big"
)

// prec is the precision of everything, in bits.
const prec = 640

func zero() *big.Float               { return new(big.Float).SetPrec(prec) }
func num(v float64) *big.Float       { return zero().SetFloat64(v) }
func add(a, b *big.Float) *big.Float { return zero().Add(a, b) }
func sub(a, b *big.Float) *big.Float { return zero().Sub(a, b) }
func mul(a, b *big.Float) *big.Float { return zero().Mul(a, b) }
func div(a, b *big.Float) *big.Float { return zero().Quo(a, b) }

// atanhSum is Σ_k s^k t^(2k+1)/(2k+1): atanh t for s = 1, atan t for s = −1.
func atanhSum(t *big.Float, s float64) *big.Float {
	sum, power, t2 := zero(), zero().Set(t), mul(mul(t, t), num(s))
	for k := 1; power.Sign() != 0; k += 2 {
		term := div(power, num(float64(k)))
		if sum.Sign() != 0 && term.MantExp(nil) < sum.MantExp(nil)-prec {
			break
		}
		sum = add(sum, term)
		power = mul(power, t2)
	}
	return sum
}

// logarithm is log x for x > 0: x = m 2^e, log m = 2 atanh((m−1)/(m+1)).
func logarithm(x *big.Float) *big.Float {
	m := zero()
	e := x.MantExp(m)
	one := num(1)
	logM := mul(num(2), atanhSum(div(sub(m, one), add(m, one)), 1))
	log2 := mul(num(2), atanhSum(div(one, num(3)), 1))
	return add(logM, mul(num(float64(e)), log2))
}

// pi by Machin's formula, 16 atan 1/5 − 4 atan 1/239.
func pi() *big.Float {
	one := num(1)
	return sub(mul(num(16), atanhSum(div(one, num(5)), -1)), mul(num(4), atanhSum(div(one, num(239)), -1)))
}

// exponential by its power series, for a check of logarithm.
func exponential(x *big.Float) *big.Float {
	sum, term := num(1), num(1)
	for k := 1; ; k++ {
		term = div(mul(term, x), num(float64(k)))
		if term.Sign() == 0 || term.MantExp(nil) < sum.MantExp(nil)-prec-10 {
			return sum
		}
		sum = add(sum, term)
	}
}

// checkFunctions compares π with its known digits and log with the inverse of exp.
func checkFunctions() error {
	const digits = "3.1415926535897932384626433832795028841971693993751058209749445923"
	if pi().Text('f', 64) != digits {
		return errors.New("π is wrong")
	}
	for _, v := range []float64{0.1, 1.5, 7, 1e5} {
		if !agree(num(v), exponential(logarithm(num(v))), prec-60) {
			return errors.New("log is wrong")
		}
	}
	return nil
}

// solve solves ax = b by elimination with partial pivoting; it overwrites both.
func solve(a [][]*big.Float, b []*big.Float) ([]*big.Float, error) {
	n := len(b)
	for k := range n {
		p := k
		for i := k + 1; i < n; i++ {
			if zero().Abs(a[i][k]).Cmp(zero().Abs(a[p][k])) > 0 {
				p = i
			}
		}
		if a[p][k].Sign() == 0 {
			return nil, errors.New("singular system")
		}
		a[k], a[p], b[k], b[p] = a[p], a[k], b[p], b[k]
		for i := k + 1; i < n; i++ {
			f := div(a[i][k], a[k][k])
			if f.Sign() == 0 {
				continue
			}
			for j := k; j < n; j++ {
				a[i][j] = sub(a[i][j], mul(f, a[k][j]))
			}
			b[i] = sub(b[i], mul(f, b[k]))
		}
	}
	for k := n - 1; k >= 0; k-- {
		for j := k + 1; j < n; j++ {
			b[k] = sub(b[k], mul(a[k][j], b[j]))
		}
		b[k] = div(b[k], a[k][k])
	}
	return b, nil
}

// square returns an n×n matrix of zeros.
func square(n int) [][]*big.Float {
	a := make([][]*big.Float, n)
	for i := range a {
		a[i] = vector(n)
	}
	return a
}

func vector(n int) []*big.Float {
	v := make([]*big.Float, n)
	for i := range v {
		v[i] = zero()
	}
	return v
}
