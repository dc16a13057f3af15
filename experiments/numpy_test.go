package experiments

import (
	"math"
	"math/bits"
	"slices"
	"testing"
)

// numpyRand draws what numpy.random.default_rng(seed) draws, so that a training can
// start from the weights of a reference in NumPy and take its images in the same
// order: the seed through SeedSequence (O'Neill 2015), PCG XSL-RR 128/64 (O'Neill
// 2014), normals by the ziggurat of Marsaglia and Tsang (2000) with 256 layers, and
// permutations of Fisher and Yates with masked rejection.
type numpyRand struct {
	hi, lo       uint64 // state
	incHi, incLo uint64
	half         uint32 // upper half of the last word, where only the lower was used
	hasHalf      bool
}

func newNumpyRand(seed uint32) *numpyRand {
	// SeedSequence: a pool of four words, every word mixed into every other.
	hash := uint32(0x43b0d7e5)
	mix := func(v uint32) uint32 {
		v ^= hash
		hash *= 0x931e8875
		v *= hash
		return v ^ v>>16
	}
	pool := [4]uint32{mix(seed), mix(0), mix(0), mix(0)}
	for from := range pool {
		for to := range pool {
			if from != to {
				v := 0xca01f9dd*pool[to] - 0x4973f715*mix(pool[from])
				pool[to] = v ^ v>>16
			}
		}
	}
	hash = 0x8b51f9dd
	var words [8]uint32
	for i := range words {
		v := pool[i%4] ^ hash
		hash *= 0x58f38ded
		v *= hash
		words[i] = v ^ v>>16
	}
	word := func(i int) uint64 { return uint64(words[2*i]) | uint64(words[2*i+1])<<32 }
	r := &numpyRand{incHi: word(2)<<1 | word(3)>>63, incLo: word(3)<<1 | 1}
	r.step()
	var carry uint64
	r.lo, carry = bits.Add64(r.lo, word(1), 0)
	r.hi, _ = bits.Add64(r.hi, word(0), carry)
	r.step()
	return r
}

func (r *numpyRand) step() {
	const mulHi, mulLo = 2549297995355413924, 4865540595714422341
	hi, lo := bits.Mul64(r.lo, mulLo)
	hi += r.hi*mulLo + r.lo*mulHi
	var carry uint64
	r.lo, carry = bits.Add64(lo, r.incLo, 0)
	r.hi, _ = bits.Add64(hi, r.incHi, carry)
}

func (r *numpyRand) uint64() uint64 {
	r.step()
	return bits.RotateLeft64(r.hi^r.lo, -int(r.hi>>58))
}

func (r *numpyRand) uint32() uint32 {
	if r.hasHalf {
		r.hasHalf = false
		return r.half
	}
	v := r.uint64()
	r.half, r.hasHalf = uint32(v>>32), true
	return uint32(v)
}

func (r *numpyRand) float64() float64 { return float64(r.uint64()>>11) * 0x1p-53 }

// Layers of equal area under exp(−x²/2): layer i reaches to edge[i]; the lowest has
// the tail beyond the last edge.
var zigguratEdge, zigguratDensity = func() (edge, density [256]float64) {
	const r = 3.6541528853610088
	edge[255], density[255] = r, math.Exp(-r*r/2)
	area := r*density[255] + math.Sqrt(math.Pi/2)*math.Erfc(r/math.Sqrt2)
	for i := 254; i > 0; i-- {
		edge[i] = math.Sqrt(-2 * math.Log(area/edge[i+1]+density[i+1]))
		density[i] = math.Exp(-edge[i] * edge[i] / 2)
	}
	edge[0], density[0] = area/density[255], 1
	return edge, density
}()

func (r *numpyRand) normal() float64 {
	for {
		v := r.uint64()
		i, negative, u := v&0xff, v>>8&1 == 1, float64(v>>9&(1<<52-1))*0x1p-52
		x := u * zigguratEdge[i]
		inside := zigguratEdge[255]
		if i > 0 {
			inside = zigguratEdge[i-1]
			if i == 1 {
				inside = 0
			}
		}
		switch {
		case x < inside:
		case i == 0:
			for tail := true; tail; {
				a, b := -math.Log1p(-r.float64())/zigguratEdge[255], -math.Log1p(-r.float64())
				x, tail = zigguratEdge[255]+a, b+b <= a*a
			}
			negative = v>>17&1 == 1
		case (zigguratDensity[i-1]-zigguratDensity[i])*r.float64()+zigguratDensity[i] >= math.Exp(-x*x/2):
			continue
		}
		if negative {
			return -x
		}
		return x
	}
}

// permute fills rows with permutation(len(rows)).
func (r *numpyRand) permute(rows []int) {
	for i := range rows {
		rows[i] = i
	}
	for i := len(rows) - 1; i > 0; i-- {
		mask := uint32(1)<<bits.Len32(uint32(i)) - 1
		j := r.uint32() & mask
		for j > uint32(i) {
			j = r.uint32() & mask
		}
		rows[i], rows[j] = rows[j], rows[i]
	}
}

// Figures of NumPy 1.24: of g = default_rng(seed), the sum of (i%7 + 1) x_i over
// x = g.standard_normal(300000), then g.permutation(1437) twice, then one more
// g.standard_normal().
func TestNumpyRand(t *testing.T) {
	for seed, want := range map[uint32][2]float64{
		0: {882.965681506251, -0.10909280957848286},
		1: {-6011.58926434807, -0.6937352662116647},
		2: {1616.03428282017, 0.36331247749671058},
	} {
		r, sum := newNumpyRand(seed), 0.0
		for i := range 300_000 { // meets every layer and the tail
			sum += float64(i%7+1) * r.normal()
		}
		first, second := make([]int, 1437), make([]int, 1437)
		r.permute(first)
		r.permute(second)
		if x := r.normal(); math.Abs(sum-want[0]) > 1e-9 || math.Abs(x-want[1]) > 1e-14 {
			t.Errorf("seed %d: %.15g, %.17g, want %v", seed, sum, x, want)
		}
		if seed == 0 && !(slices.Equal(first[:3], []int{332, 870, 462}) && slices.Equal(second[:3], []int{667, 189, 1113})) {
			t.Errorf("permutations %d…, %d…", first[:3], second[:3])
		}
	}
}
