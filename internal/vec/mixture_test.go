package vec

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func component(pi, mu, v float64) Component {
	return Component{LogC: math.Log(pi) - 0.5*math.Log(2*math.Pi*v), Mu: mu, H: -0.5 / v}
}

// newMixtureCase returns a mixture of k components and n observations, some of
// them far away.
func newMixtureCase(k, n int) (*Mixture, []float64) {
	rng := rand.New(rand.NewPCG(uint64(k), uint64(n)))
	m := NewMixture(k)
	for j := range m.C {
		m.C[j] = component((0.5+rng.Float64())/float64(k), 3*rng.NormFloat64(), math.Exp(rng.NormFloat64()))
	}
	y := make([]float64, n)
	for i := range y {
		y[i] = 2 * rng.NormFloat64()
		if rng.IntN(10) == 0 {
			y[i] *= 40
		}
	}
	return m, y
}

// naive is the E-step as a textbook has it, with package math.
func naive(acc, y []float64, c []Component) (ll float64) {
	l := make([]float64, len(c))
	for _, v := range y {
		top := math.Inf(-1)
		for j, c := range c {
			l[j] = c.LogC + c.H*(v-c.Mu)*(v-c.Mu)
			top = max(top, l[j])
		}
		sum := 0.0
		for j := range l {
			sum += math.Exp(l[j] - top)
		}
		ll += top + math.Log(sum)
		for j, c := range c {
			r, e := math.Exp(l[j]-top)/sum, v-c.Mu
			acc[3*j] += r
			acc[3*j+1] += r * e
			acc[3*j+2] += r * e * e
		}
	}
	return ll
}

func TestMixture(t *testing.T) {
	for _, k := range []int{1, 2, 3, 5, 9} {
		for _, n := range []int{0, 1, 7, 8, 9, 250, 1000, 1015, 1017, 5003} {
			m, y := newMixtureCase(k, n)
			want := make([]float64, 3*k)
			wantLL := naive(want, y, m.C)
			for _, p := range usable {
				acc := make([]float64, 3*k)
				var ll, only float64
				on(t, p, func() { ll, only = m.EStep(acc, y), m.LogLik(y) })
				// A thousand roundings of relative size 1e-16, in sums of one sign but for
				// the first moments, whose terms are at most 80 in size.
				if !(math.Abs(ll-wantLL) <= 1e-12*math.Abs(wantLL)) || only != ll {
					t.Errorf("k = %d, n = %d on %v: log-likelihood %v and %v, want %v", k, n, p, ll, only, wantLL)
				}
				for i, a := range acc {
					if !(math.Abs(a-want[i]) <= 1e-12*(math.Abs(want[i])+float64(n))) {
						t.Errorf("k = %d, n = %d on %v: moment %d = %v, want %v", k, n, p, i, a, want[i])
					}
				}
			}
		}
	}
}

func TestMixtureGivesTheSameBits(t *testing.T) {
	for _, k := range []int{1, 2, 3, 8} {
		for _, n := range []int{5, 8, 1000, 1021, 3001} {
			m, long := newMixtureCase(k, n+8)
			for shift := range 8 {
				y := append([]float64(nil), long[shift:shift+n]...)
				if shift > 3 { // what no finite density survives
					y[n/2] = []float64{math.Inf(1), math.NaN(), 1e200, -1e160}[shift-4]
				}
				want := make([]float64, 3*k)
				var wantLL, wantOnly float64
				on(t, portable, func() { wantLL, wantOnly = m.EStep(want, y), m.LogLik(y) })
				for _, p := range usable {
					for off := range 3 {
						at := append(make([]float64, off), y...)[off:]
						acc := make([]float64, 3*k)
						var ll, only float64
						on(t, p, func() { ll, only = m.EStep(acc, at), m.LogLik(at) })
						if !sameBits(ll, wantLL) || !sameBits(only, wantOnly) {
							t.Fatalf("k = %d, n = %d on %v: %v, %v, want %v, %v", k, n, p, ll, only, wantLL, wantOnly)
						}
						for i := range acc {
							if !sameBits(acc[i], want[i]) {
								t.Fatalf("k = %d, n = %d, y = %v on %v: moment %d = %x, want %x", k, n, y[n/2], p, i, acc[i], want[i])
							}
						}
					}
				}
			}
		}
	}
}

// The sums of Curve against the textbook, and to the bit on every path; the rest of
// what it does is an E-step to the bit.
func TestCurve(t *testing.T) {
	for _, n := range []int{0, 1, 7, 8, 9, 1000, 1021, 3001} {
		m, y := newMixtureCase(2, n)
		var want, size [5]float64
		for _, v := range y {
			var r [6]float64
			naive(r[:], []float64{v}, m.C)
			z, e := r[0]*r[3], v-m.C[0].Mu
			for k := range want {
				want[k] += z * math.Pow(e, float64(k))
				size[k] += z * math.Pow(math.Abs(e), float64(k))
			}
		}
		moments := make([]float64, 6)
		ll := m.EStep(moments, y)
		for _, p := range usable {
			acc := make([]float64, 6)
			var curve [5]float64
			var got float64
			on(t, p, func() { got = m.Curve(acc, &curve, y) })
			if got != ll || !slices.Equal(acc, moments) {
				t.Errorf("n = %d on %v: %v %v, the E-step has %v %v", n, p, got, acc, ll, moments)
			}
			for k, c := range curve {
				// A thousand roundings, as above; r₁r₂ is exact to a few of them
				// where the exponent of t is small, to 1e-13 where it is near 700.
				if !(math.Abs(c-want[k]) <= 1e-12*size[k]) {
					t.Errorf("n = %d on %v: sum %d is %v, want %v", n, p, k, c, want[k])
				}
			}
			var portably [5]float64
			on(t, portable, func() { m.Curve(acc, &portably, y) })
			if curve != portably {
				t.Errorf("n = %d on %v: %x, portable %x", n, p, curve, portably)
			}
		}
	}
}

// The product of a block must not overflow where all terms are equal, and a
// component of weight 0 takes no part.
func TestMixtureExtremes(t *testing.T) {
	for _, k := range []int{2, 3, 64, 1000} {
		m := NewMixture(k)
		for j := range m.C {
			m.C[j] = component(1/float64(k), 0, 1)
		}
		y := make([]float64, 4000)
		want := -0.5 * math.Log(2*math.Pi) * float64(len(y))
		if got := m.LogLik(y); !(math.Abs(got-want) <= 1e-12*math.Abs(want)) {
			t.Errorf("%d equal components: %v, want %v", k, got, want)
		}
	}
	m := NewMixture(2)
	m.C[0], m.C[1] = component(1, 0, 1), component(0, 5, 1)
	acc := make([]float64, 6)
	m.EStep(acc, []float64{0, 5, 1e150, -3, 1, 1, 1, 1, 2})
	if acc[0] != 9 || acc[3] != 0 || acc[4] != 0 || acc[5] != 0 {
		t.Errorf("weight 0: moments %v", acc)
	}
}

// Blocks are cut at multiples of their length from the start of the data, so that
// adding observations changes no rounding before them: what is tested is that the
// log-likelihood is that of the sum over parts to rounding.
func TestMixtureParts(t *testing.T) {
	m, y := newMixtureCase(2, 10000)
	whole, parts := m.LogLik(y), 0.0
	for lo := 0; lo < len(y); lo += 1337 {
		parts += m.LogLik(y[lo:min(lo+1337, len(y))])
	}
	if math.Abs(whole-parts) > 1e-12*math.Abs(whole) {
		t.Errorf("in parts %v, at once %v", parts, whole)
	}
}

func benchPaths(b *testing.B, f func(b *testing.B)) {
	for _, p := range usable {
		b.Run(p.String(), func(b *testing.B) { on(b, p, func() { f(b) }) })
	}
}

func benchMixture(b *testing.B, f func(m *Mixture, acc, y []float64)) {
	for _, k := range []int{2, 4} {
		b.Run(fmt.Sprintf("k%d", k), func(b *testing.B) {
			benchPaths(b, func(b *testing.B) {
				m, y := newMixtureCase(k, 1000)
				acc := make([]float64, 3*k)
				b.ReportAllocs()
				for b.Loop() {
					f(m, acc, y)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(y)*k), "ns/obs/comp")
			})
		})
	}
}

func BenchmarkEStep(b *testing.B) {
	benchMixture(b, func(m *Mixture, acc, y []float64) { m.EStep(acc, y) })
}

func BenchmarkCurve(b *testing.B) {
	benchPaths(b, func(b *testing.B) {
		m, y := newMixtureCase(2, 1000)
		acc := make([]float64, 6)
		var curve [5]float64
		b.ReportAllocs()
		for b.Loop() {
			m.Curve(acc, &curve, y)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(y)*2), "ns/obs/comp")
	})
}

func BenchmarkLogLik(b *testing.B) {
	benchMixture(b, func(m *Mixture, _, y []float64) { m.LogLik(y) })
}

func BenchmarkFunctions(b *testing.B) {
	for _, f := range functions {
		b.Run(f.name, func(b *testing.B) {
			benchPaths(b, func(b *testing.B) {
				rng := rand.New(rand.NewPCG(5, 6))
				x, y := make([]float64, 1000), make([]float64, 1000)
				for i := range x {
					x[i] = 2 * rng.NormFloat64()
				}
				b.ReportAllocs()
				for b.Loop() {
					f.slice(y, x)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(x)), "ns/elem")
			})
		})
	}
}
