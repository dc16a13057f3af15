package vec

import "math"

// erf x = x P(x²) for |x| < 1, P of degree 11 with the least relative error
// (7e-18). Above that erf x = 1 − e^(−x²) Q(x−2), Q of degree 20 the best
// approximation to e^(x²) erfc x on [1, 5.95] with weight e^(−x²): absolute error of
// erf 1e-17. (Remez exchange in 300 bits, derived here.) The rounding of x² does not
// matter: erfc is small where it is large.
const (
	erfP0  = 0x1.20dd750429b6dp+0
	erfP1  = -0x1.812746b0379bdp-2
	erfP2  = 0x1.ce2f21a040d21p-4
	erfP3  = -0x1.b82ce311fab6fp-6
	erfP4  = 0x1.565bccf92eaadp-8
	erfP5  = -0x1.c02db03e3cd72p-11
	erfP6  = 0x1.f9a2bab00ed8ep-14
	erfP7  = -0x1.f4ca4dbca9a02p-17
	erfP8  = 0x1.b97fd5d5cea58p-20
	erfP9  = -0x1.5c072df7c0e9ep-23
	erfP10 = 0x1.d71b21cf3dcd1p-27
	erfP11 = -0x1.abae353b8c9f6p-31
)

const (
	erfQ0  = 0x1.058671b52c76ep-2
	erfQ1  = -0x1.b57034efd414fp-4
	erfQ2  = 0x1.5672b9ea1556ap-5
	erfQ3  = -0x1.fa9d3ac91ca96p-7
	erfQ4  = 0x1.649072154862cp-8
	erfQ5  = -0x1.e028e8be41686p-10
	erfQ6  = 0x1.369ff9f97ba1bp-11
	erfQ7  = -0x1.83821d23275c7p-13
	erfQ8  = 0x1.d37baf701d72ep-15
	erfQ9  = -0x1.115d5dd3562e1p-16
	erfQ10 = 0x1.369685418575ap-18
	erfQ11 = -0x1.576e10b05c541p-20
	erfQ12 = 0x1.725c298785e08p-22
	erfQ13 = -0x1.8663242e15408p-24
	erfQ14 = 0x1.905ab2012ee86p-26
	erfQ15 = -0x1.8cabe8509343cp-28
	erfQ16 = 0x1.8cbf4564a371bp-30
	erfQ17 = -0x1.a9cc6b268d9e6p-32
	erfQ18 = 0x1.a4ec0ae08b77dp-34
	erfQ19 = -0x1.16375bd37b6e1p-36
	erfQ20 = 0x1.4a0a54e7b782dp-40
)

// erfCut: erf rounds to 1 beyond it.
const erfCut = 5.95

func erf(x float64) float64 {
	a := math.Abs(x)
	if a < 1 {
		z := a * a
		p := math.FMA(erfP11, z, erfP10)
		p = math.FMA(p, z, erfP9)
		p = math.FMA(p, z, erfP8)
		p = math.FMA(p, z, erfP7)
		p = math.FMA(p, z, erfP6)
		p = math.FMA(p, z, erfP5)
		p = math.FMA(p, z, erfP4)
		p = math.FMA(p, z, erfP3)
		p = math.FMA(p, z, erfP2)
		p = math.FMA(p, z, erfP1)
		p = math.FMA(p, z, erfP0)
		return math.Copysign(a*p, x)
	}
	if a > erfCut {
		a = erfCut
	}
	u := a - 2
	q := math.FMA(erfQ20, u, erfQ19)
	q = math.FMA(q, u, erfQ18)
	q = math.FMA(q, u, erfQ17)
	q = math.FMA(q, u, erfQ16)
	q = math.FMA(q, u, erfQ15)
	q = math.FMA(q, u, erfQ14)
	q = math.FMA(q, u, erfQ13)
	q = math.FMA(q, u, erfQ12)
	q = math.FMA(q, u, erfQ11)
	q = math.FMA(q, u, erfQ10)
	q = math.FMA(q, u, erfQ9)
	q = math.FMA(q, u, erfQ8)
	q = math.FMA(q, u, erfQ7)
	q = math.FMA(q, u, erfQ6)
	q = math.FMA(q, u, erfQ5)
	q = math.FMA(q, u, erfQ4)
	q = math.FMA(q, u, erfQ3)
	q = math.FMA(q, u, erfQ2)
	q = math.FMA(q, u, erfQ1)
	q = math.FMA(q, u, erfQ0)
	// −x² ≥ −36, so that 2^k needs no care.
	biased, _, p := expReduce(-(a * a))
	s := power2(biased)
	e := math.FMA(s, p, s)
	return math.Copysign(math.FMA(-e, q, 1), x)
}

// Erf fills dst with the error function of x. dst may be x.
func Erf(dst, x []float64) {
	sameLen(dst, x)
	n := len(x) &^ (lanes - 1)
	if n > 0 {
		erfLanes(dst[:n], x[:n])
	}
	for i, v := range x[n:] {
		dst[n+i] = erf(v)
	}
}

func erfPortable(dst, x []float64) {
	dst = dst[:len(x)]
	for i, v := range x {
		dst[i] = erf(v)
	}
}
