package vec

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// newLogitCase returns n observations, one in ten of them far away.
func newLogitCase(n int) []float64 {
	rng := rand.New(rand.NewPCG(7, uint64(n)))
	y := make([]float64, n)
	for i := range y {
		y[i] = 2 * rng.NormFloat64()
		if rng.IntN(10) == 0 {
			y[i] *= 40
		}
	}
	return y
}

var logits = []Logit{
	{-0.3, -1.7, 0.4},
	{-2, 0.1, -5},
	{0, 0, 0},      // equal components
	{-700, 2, 0},   // a weight near 0
	{-0.5, 300, 1}, // means far apart
	{0, -1e-9, 1e6},
	{-5, 1e5, -1e3},
}

func (l Logit) all(y []float64) (v [4]float64) {
	v[0], v[1], v[2], v[3] = l.Sums(y)
	return v
}

// logReference is log x for x > 0: Newton's steps for e^l = x in math/big.
func logReference(x *big.Float) *big.Float {
	near, _ := x.Float64()
	l := bigF(math.Log(near))
	for range 4 {
		ratio := bigOp((*big.Float).Mul, x, refExp(new(big.Float).Neg(l)))
		l = bigOp((*big.Float).Add, l, bigOp((*big.Float).Sub, ratio, bigF(1)))
	}
	return l
}

// logitReference returns the sums and π, and the sizes of what is added up for them.
func logitReference(l Logit, y []float64) (sums, size [4]float64) {
	var exact, whole [4]*big.Float
	for k := range exact {
		exact[k], whole[k] = bigF(0), bigF(0)
	}
	// softplus returns log(1 + e^t) and its derivative.
	softplus := func(t *big.Float) (soft, r *big.Float) {
		x, a := bigF(0), new(big.Float).Abs(t)
		if f, _ := a.Float64(); f < 1000 {
			x = refExp(new(big.Float).Neg(a))
		}
		s := bigOp((*big.Float).Add, bigF(1), x)
		if t.Sign() < 0 {
			return logReference(s), bigOp((*big.Float).Quo, x, s)
		}
		return bigOp((*big.Float).Add, t, logReference(s)), bigOp((*big.Float).Quo, bigF(1), s)
	}
	none, pi := softplus(bigF(l.Odds))
	for _, v := range y {
		e := bigOp((*big.Float).Sub, bigF(v), bigF(l.Mid))
		t := bigOp((*big.Float).Add, bigOp((*big.Float).Mul, bigF(l.Slope), e), bigF(l.Odds))
		soft, r := softplus(t)
		for k, z := range []*big.Float{bigOp((*big.Float).Sub, soft, none), r, bigOp((*big.Float).Mul, r, e)} {
			exact[k] = bigOp((*big.Float).Add, exact[k], z)
			whole[k] = bigOp((*big.Float).Add, whole[k], new(big.Float).Abs(z))
		}
	}
	if len(y) > 0 {
		exact[3], whole[3] = pi, pi
	}
	for k := range exact {
		sums[k], _ = exact[k].Float64()
		size[k], _ = whole[k].Float64()
	}
	size[0] += float64(len(y)) // of 1 + e^−|t|, and of π₂
	return sums, size
}

// An error of t of some units of |Odds| + |Slope e| becomes one of as much in the
// logarithm, and a relative one in r. All the rest is a few roundings a term, and the
// n roundings of the product.
func TestLogitAgainstBigFloats(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 40, 203} {
		if n == 203 && testing.Short() {
			continue
		}
		y := newLogitCase(n)
		for _, l := range logits {
			want, size := logitReference(l, y)
			var reach float64
			for _, v := range y {
				reach = max(reach, math.Abs(l.Odds)+math.Abs(l.Slope*(v-l.Mid)))
			}
			reach = min(reach, 1500) // beyond it r is 0 or 1
			for _, p := range usable {
				var got [4]float64
				on(t, p, func() { got = l.all(y) })
				for k, g := range got {
					rel := 0x1p-53 * (float64(n)/8 + 6 + 2*reach)
					if !(math.Abs(g-want[k]) <= rel*size[k]+float64(n)*1e-300) {
						t.Errorf("n = %d, %v on %v: result %d is %v, want %v, off by %.2g of %.2g", n, l, p, k, g, want[k], math.Abs(g-want[k])/size[k], rel)
					}
				}
			}
		}
	}
}

// Against the mixture of two components that the sums stand for, over more than a block.
func TestLogitIsAMixture(t *testing.T) {
	for _, n := range []int{8, 100, 1016, 1017, 1024, 2040, 5003} {
		y := newLogitCase(n)
		const pi, mu, nu, v = 0.3, -0.5, 1.2, 1.7
		m := NewMixture(2)
		m.C[0], m.C[1] = component(pi, mu, v), component(1-pi, nu, v)
		var acc [6]float64
		want := m.EStep(acc[:], y)
		l := Logit{math.Log(pi / (1 - pi)), (mu - nu) / v, (mu + nu) / 2}
		ll, r, re, _ := l.Sums(y)
		delta, size := (mu-nu)/2.0, 0.0
		for _, x := range y {
			ll += m.C[1].LogC - math.Log(1-pi) - (x-nu)*(x-nu)/(2*v)
			size += math.Abs(x - l.Mid)
		}
		if !(math.Abs(ll-want) <= 1e-12*math.Abs(want)) {
			t.Errorf("n = %d: log-likelihood %v, that of the mixture %v", n, ll, want)
		}
		if !(math.Abs(r-acc[0]) <= 1e-12*float64(n)) || !(math.Abs(re-delta*r-acc[1]) <= 1e-12*size) {
			t.Errorf("n = %d: moments %v, %v, those of the mixture %v, %v", n, r, re-delta*r, acc[0], acc[1])
		}
	}
}

func TestLogitGivesTheSameBits(t *testing.T) {
	odd := []float64{math.Inf(1), math.Inf(-1), math.NaN(), 1e200, -1e308, 5e-324, math.Copysign(0, -1)}
	for n := 1; n <= 2100; n++ {
		if n > 80 && n%97 != 0 && n != 1016 && n != 1017 {
			continue
		}
		for k, l := range append([]Logit{{math.Inf(-1), 1, 0}, {-1, math.Inf(-1), 0}, {math.NaN(), 1, 2}, {0, 1e300, 1e10}}, logits...) {
			for special := -1; special < len(odd); special++ {
				y := newLogitCase(n)
				if special >= 0 {
					y[(special*31+k)%n] = odd[special]
				}
				var want [4]float64
				on(t, portable, func() { want = l.all(y) })
				for _, p := range usable {
					at := append(make([]float64, n%4), y...)[n%4:]
					var got [4]float64
					on(t, p, func() { got = l.all(at) })
					for i := range got {
						if !sameBits(got[i], want[i]) {
							t.Fatalf("n = %d, %v, special %d on %v: sum %d = %x, want %x", n, l, special, p, i, got[i], want[i])
						}
					}
				}
			}
		}
	}
}

// What lies behind the last observation takes no part.
func TestLogitReadsNoFurther(t *testing.T) {
	for n := 1; n < 24; n++ {
		y := newLogitCase(n + 16)
		for _, l := range logits {
			for _, p := range usable {
				on(t, p, func() {
					want := l.all(append([]float64(nil), y[:n]...))
					for i := n; i < len(y); i++ {
						y[i] = math.NaN()
					}
					if got := l.all(y[:n]); got != want {
						t.Errorf("n = %d, %v on %v: %v, alone %v", n, l, p, got, want)
					}
				})
			}
		}
	}
}

func TestLogitAllocatesNothing(t *testing.T) {
	y := newLogitCase(101)
	for _, p := range usable {
		on(t, p, func() {
			if n := testing.AllocsPerRun(10, func() { logits[0].Sums(y) }); n != 0 {
				t.Errorf("on %v: %v allocations", p, n)
			}
		})
	}
}

func BenchmarkLogit(b *testing.B) {
	for _, n := range []int{100, 1000} {
		b.Run(fmt.Sprintf("n%d", n), func(b *testing.B) {
			benchPaths(b, func(b *testing.B) {
				y := newLogitCase(n)
				l := Logit{-0.3, -0.7, 0.4}
				b.ReportAllocs()
				for b.Loop() {
					l.Sums(y)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/obs")
			})
		})
	}
}
