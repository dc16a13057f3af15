package vec

import (
	"math"
	"math/bits"
)

// Generators are eight random generators side by side, one for each lane:
// xoshiro256+ of D. Blackman and S. Vigna, ACM Trans. Math. Softw. 47 (2021) 36, with
// period 2^256 − 1. Each has its own state, and what it gives depends on that alone.
type Generators [4][lanes]uint64

// A xoshiro is the state of one generator.
type xoshiro [4]uint64

func (s *xoshiro) next() uint64 {
	out := s[0] + s[3]
	t := s[1] << 17
	s[2] ^= s[0]
	s[3] ^= s[1]
	s[1] ^= s[2]
	s[0] ^= s[3]
	s[2] ^= t
	s[3] = bits.RotateLeft64(s[3], 45)
	return out
}

// Seed sets the state of lane i. It must not be all zeros.
func (g *Generators) Seed(i int, state [4]uint64) {
	if state == [4]uint64{} {
		panic("vec: the state of a generator is all zeros")
	}
	for j, s := range state {
		g[j][i] = s
	}
}

// State returns the state of lane i.
func (g *Generators) State(i int) [4]uint64 { return [4]uint64{g[0][i], g[1][i], g[2][i], g[3][i]} }

// Normals fills dst, rows of eight with one number for each lane, with independent
// standard normal deviates, two rows at a time (G. Box and M. Muller, Ann. Math.
// Stat. 29 (1958) 610). The number of rows must be even. Deviates are at most 8.5 in
// size, and their transformation is accurate to 1e-15.
func (g *Generators) Normals(dst []float64) {
	if len(dst)%(2*lanes) != 0 {
		panic("vec: normal deviates come in pairs of rows")
	}
	if len(dst) > 0 {
		normalLanes(g, dst)
	}
}

// −log u for u = 2^k f, √½ ≤ f < √2, with s = (f−1)/(f+1) and
// log f = (f−1) − (f−1)²/2 + s ((f−1)²/2 + R(s²)). The coefficients of R are those of
// e_log.c and of sine and cosine those of k_sin.c and k_cos.c in FreeBSD's msun
// (Sun Microsystems 1993): errors below 2^-58.
const (
	logL1 = 6.666666666666735130e-01
	logL2 = 3.999999999940941908e-01
	logL3 = 2.857142874366239149e-01
	logL4 = 2.222219843214978396e-01
	logL5 = 1.818357216161805012e-01
	logL6 = 1.531383769920937332e-01
	logL7 = 1.479819860511658591e-01

	logLn2Hi = 6.93147180369123816490e-01 // its last 32 bits are 0: k times it is exact
	logLn2Lo = 1.90821492927058770002e-10

	sinS1 = -1.66666666666666324348e-01
	sinS2 = 8.33333333332248946124e-03
	sinS3 = -1.98412698298579493134e-04
	sinS4 = 2.75573137070700676789e-06
	sinS5 = -2.50507602534068634195e-08
	sinS6 = 1.58969099521155010221e-10

	cosC1 = 4.16666666666666019037e-02
	cosC2 = -1.38888888888741095749e-03
	cosC3 = 2.48015872894767294178e-05
	cosC4 = -2.75573143513906633035e-07
	cosC5 = 2.08757232129817482790e-09
	cosC6 = -1.13596475577881948265e-11

	halfPi = math.Pi / 2

	bitsOne      = 0x3ff0000000000000
	bitsRootHalf = 0x3fe6a09e667f3bcd // √½
	bitsFraction = 0x000fffffffffffff
	bitsSign     = 1 << 63
	bits2p52     = 0x4330000000000000 // 2^52
)

// boxMuller makes two normal deviates of two random words: radius √(−2 log u) with u in
// (0, 1], and an angle in one quadrant, π/4 + φ with |φ| ≤ π/4, so that sine and
// cosine need no reduction; two further bits choose the signs. The conversions keep products from being fused
// with sums.
func boxMuller(a, b uint64) (x, y float64) {
	u := 2 - math.Float64frombits(a>>12|bitsOne)
	w := math.Float64bits(u) + (bitsOne - bitsRootHalf)
	k := math.Float64frombits(w>>52|bits2p52) - (1<<52 + 1023)
	f := math.Float64frombits(w&bitsFraction + bitsRootHalf)
	t := f - 1
	s := t / (f + 1)
	z := s * s
	z2 := z * z
	p := math.FMA(logL6, z2, logL4)
	p = math.FMA(p, z2, logL2)
	q := math.FMA(logL7, z2, logL5)
	q = math.FMA(q, z2, logL3)
	q = math.FMA(q, z2, logL1)
	r := float64(math.FMA(p, z, q) * z)
	h := float64(t * 0.5 * t)
	l := math.FMA(s, h+r, k*logLn2Lo)
	l = (h - l) - t
	l = math.FMA(k, -logLn2Hi, l)
	radius := math.Sqrt(l)

	phi := (math.Float64frombits(b<<2>>12|bitsOne) - 1.5) * halfPi
	v := phi * phi
	v2 := v * v
	p = math.FMA(sinS6, v, sinS5)
	p = math.FMA(p, v, sinS4)
	p = math.FMA(p, v, sinS3)
	p = math.FMA(p, v, sinS2)
	p = math.FMA(p, v, sinS1)
	sin := math.FMA(p, phi*v, phi)
	q = math.FMA(cosC6, v, cosC5)
	q = math.FMA(q, v, cosC4)
	q = math.FMA(q, v, cosC3)
	q = math.FMA(q, v, cosC2)
	q = math.FMA(q, v, cosC1)
	cos := math.FMA(q, v2, math.FMA(v, -0.5, 1))
	x, y = radius*(cos-sin), radius*(cos+sin)
	x = math.Float64frombits(math.Float64bits(x) ^ b&bitsSign)
	y = math.Float64frombits(math.Float64bits(y) ^ b<<1&bitsSign)
	return x, y
}

func normalPortable(g *Generators, dst []float64) {
	for i := range lanes {
		s := xoshiro(g.State(i))
		for at := i; at < len(dst); at += 2 * lanes {
			a := s.next()
			dst[at], dst[at+lanes] = boxMuller(a, s.next())
		}
		g.Seed(i, s)
	}
}
