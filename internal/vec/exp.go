package vec

import "math"

// e^x = 2^k e^r with k an integer and |r| ≤ (log 2)/2, and e^r = 1 + r + r² q(r).
// q has degree 9 and is the best approximation to (e^r − 1 − r)/r² with weight r²/e^r
// (Remez exchange in 300 bits, derived here): relative error of e^r 4e-18.
const (
	expC0 = 0x1.000000000000ap-1
	expC1 = 0x1.55555555554fap-3
	expC2 = 0x1.555555555088cp-5
	expC3 = 0x1.1111111127b9fp-7
	expC4 = 0x1.6c16c1842675fp-10
	expC5 = 0x1.a01a012a6885dp-13
	expC6 = 0x1.a0199a16c72b1p-16
	expC7 = 0x1.71df253cc0d59p-19
	expC8 = 0x1.28ad68bd07bcep-22
	expC9 = 0x1.ad7f76fca88e4p-26

	log2e = 0x1.71547652b82fep+0
	ln2Hi = 0x1.62e42fefa39efp-1
	ln2Lo = 0x1.abc9e3b39803fp-56

	// Adding it rounds to an integer, and leaves that integer plus the bias of an
	// exponent in the low bits.
	expShift = 0x1.8p52 + 1023

	expCut = -708 // below it e^x may be subnormal
	expLo  = -746 // e^x rounds to 0
	expHi  = 710  // e^x overflows
)

// expReduce returns k and p = e^r − 1; k also with the bias in the low bits.
func expReduce(x float64) (biased, k, p float64) {
	biased = math.FMA(x, log2e, expShift)
	k = biased - expShift
	r := math.FMA(k, -ln2Hi, x)
	r = math.FMA(k, -ln2Lo, r)
	r2 := r * r
	a := math.FMA(expC9, r, expC8)
	b := math.FMA(expC7, r, expC6)
	a = math.FMA(a, r2, b)
	b = math.FMA(expC5, r, expC4)
	a = math.FMA(a, r2, b)
	b = math.FMA(expC3, r, expC2)
	a = math.FMA(a, r2, b)
	b = math.FMA(expC1, r, expC0)
	a = math.FMA(a, r2, b)
	return biased, k, math.FMA(a, r2, r)
}

// power2 returns 2^k from the biased k of expReduce.
func power2(biased float64) float64 { return math.Float64frombits(math.Float64bits(biased) << 52) }

// expNeg is e^x for x ≤ 0, with 0 in place of what might be subnormal.
func expNeg(x float64) float64 {
	if x < expCut {
		return 0
	}
	biased, _, p := expReduce(x)
	s := power2(biased)
	return math.FMA(s, p, s)
}

// expNegs replaces x by expNeg x. The polynomial is written out, since a call for each
// element costs as much as half of it.
func expNegs(x []float64) {
	for i, v := range x {
		biased := math.FMA(v, log2e, expShift)
		k := biased - expShift
		r := math.FMA(k, -ln2Hi, v)
		r = math.FMA(k, -ln2Lo, r)
		r2 := r * r
		p := math.FMA(math.FMA(expC9, r, expC8), r2, math.FMA(expC7, r, expC6))
		p = math.FMA(p, r2, math.FMA(expC5, r, expC4))
		p = math.FMA(p, r2, math.FMA(expC3, r, expC2))
		p = math.FMA(p, r2, math.FMA(expC1, r, expC0))
		p = math.FMA(p, r2, r)
		s := power2(biased)
		p = math.FMA(s, p, s)
		if v < expCut {
			p = 0
		}
		x[i] = p
	}
}

func exp(x float64) float64 {
	if x > expHi {
		x = expHi
	}
	if x < expLo {
		x = expLo
	}
	_, k, p := expReduce(x)
	// 2^k in two factors, since it need not be a normal number.
	half := math.FMA(k, 0.5, expShift)
	rest := k - (half - expShift)
	s := power2(half)
	return math.FMA(s, p, s) * power2(rest+expShift)
}

// Exp fills dst with e^x. dst may be x.
func Exp(dst, x []float64) {
	sameLen(dst, x)
	n := len(x) &^ (lanes - 1)
	if n > 0 {
		expLanes(dst[:n], x[:n])
	}
	for i, v := range x[n:] {
		dst[n+i] = exp(v)
	}
}

func expPortable(dst, x []float64) {
	dst = dst[:len(x)]
	for i, v := range x {
		dst[i] = exp(v)
	}
}

// tanhCut: tanh is 1 beyond it.
const tanhCut = 40

// tanh |x| = −m/(2 + m) with m = e^(−2|x|) − 1, which keeps its relative accuracy
// near 0.
func tanh(x float64) float64 {
	a := math.Abs(x)
	if a > tanhCut {
		a = tanhCut
	}
	biased, _, p := expReduce(-2 * a)
	s := power2(biased)
	m := math.FMA(s, p, s-1)
	return math.Copysign(m/(2+m), x)
}

// Tanh fills dst with tanh x. dst may be x.
func Tanh(dst, x []float64) {
	sameLen(dst, x)
	n := len(x) &^ (lanes - 1)
	if n > 0 {
		tanhLanes(dst[:n], x[:n])
	}
	for i, v := range x[n:] {
		dst[n+i] = tanh(v)
	}
}

// tanhPortable is tanh for each element, written out as expNegs is.
func tanhPortable(dst, x []float64) {
	dst = dst[:len(x)]
	for i, v := range x {
		a := math.Abs(v)
		if a > tanhCut {
			a = tanhCut
		}
		biased := math.FMA(-2*a, log2e, expShift)
		k := biased - expShift
		r := math.FMA(k, -ln2Hi, -2*a)
		r = math.FMA(k, -ln2Lo, r)
		r2 := r * r
		p := math.FMA(math.FMA(expC9, r, expC8), r2, math.FMA(expC7, r, expC6))
		p = math.FMA(p, r2, math.FMA(expC5, r, expC4))
		p = math.FMA(p, r2, math.FMA(expC3, r, expC2))
		p = math.FMA(p, r2, math.FMA(expC1, r, expC0))
		p = math.FMA(p, r2, r)
		s := power2(biased)
		m := math.FMA(s, p, s-1)
		dst[i] = math.Copysign(m/(2+m), v)
	}
}
