package vec

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

type function struct {
	name  string
	slice func(dst, x []float64)
	std   func(float64) float64
	ref   func(*big.Float) *big.Float
	bound float64 // in ulp, as the package comment states it
	lo    float64 // range in which points are drawn densely
	hi    float64
}

var functions = []function{
	{"exp", Exp, math.Exp, refExp, 1, -746, 710},
	{"tanh", Tanh, math.Tanh, refTanh, 2.6, -20, 20},
	{"erf", Erf, math.Erf, refErf, 1.5, -6, 6},
}

var special = []float64{
	0, math.Copysign(0, -1), 1, -1, 0.5, 5e-324, -5e-324, 0x1p-1022, -0x1p-1022, 0x0.fffffffffffffp-1022, 1e-300, -1e-308, 1e-20, 1e-8, 1e-5,
	0.34657359027997264, -0.34657359027997264, 0.34657359027997270, 0.99999999999999989, 1.0000000000000002, 5.9, 5.95, 5.96, 6, 19.06, 22, 40, 41, -708, -708.0000000000001, -708.3964185322641, -708.4,
	-744.44, -745.1332191019411, -745.1332191019412, -746, -747, -1000, -1e300, 709.782712893384, 709.7827128933841, 710, 711, 1e10, 1e300,
	math.MaxFloat64, -math.MaxFloat64, math.Inf(1), math.Inf(-1), math.NaN(), -math.NaN(),
}

// points covers the dense range, all binary exponents and both signs.
func (f function) points(n int) []float64 {
	rng := rand.New(rand.NewPCG(1, 2))
	x := append([]float64{}, special...)
	for range n {
		x = append(x, f.lo+(f.hi-f.lo)*rng.Float64(), 4*rng.Float64()-2)
		x = append(x, math.Float64frombits(rng.Uint64()&^(0x7ff<<52)|uint64(rng.IntN(1040))<<52)) // below 2^17
	}
	return x
}

func sameBits(a, b float64) bool {
	return math.Float64bits(a) == math.Float64bits(b) || math.IsNaN(a) && math.IsNaN(b)
}

func TestFunctionsAreAccurate(t *testing.T) {
	n := 6000
	if testing.Short() {
		n = 300
	}
	for _, f := range functions {
		t.Run(f.name, func(t *testing.T) {
			x := f.points(n)
			y := make([]float64, len(x))
			f.slice(y, x)
			var worst float64
			for i, v := range x {
				if v == 0 || math.IsNaN(v) || math.Abs(v) > 750 {
					// Zeros keep their sign, and beyond the range are 0, ±1 and infinities.
					if want := f.std(v); !sameBits(y[i], want) {
						t.Errorf("%s %v = %v, want %v", f.name, v, y[i], want)
					}
					continue
				}
				if f.name != "exp" && math.Abs(v) > f.hi {
					if d := math.Abs(y[i] - math.Copysign(1, v)); d != 0 {
						t.Errorf("%s %v = %v", f.name, v, y[i])
					}
					continue
				}
				e := ulps(y[i], f.ref(bigF(v)))
				if worst = max(worst, e); e > f.bound {
					t.Fatalf("%s %v = %v: %.3f ulp", f.name, v, y[i], e)
				}
			}
			t.Logf("%s: worst %.3f ulp", f.name, worst)
		})
	}
}

// Every path, every offset in memory and every way to cut a slice gives the bits of
// the scalar code.
func TestFunctionsGiveTheSameBits(t *testing.T) {
	for _, f := range functions {
		x := f.points(2000)
		want := make([]float64, len(x))
		for i := range x { // slices of one go through the scalar code
			f.slice(want[i:i+1], x[i:i+1])
		}
		got := make([]float64, len(x))
		for _, p := range usable {
			for from := range 9 {
				on(t, p, func() { f.slice(got[from:len(got)-from/2], x[from:len(x)-from/2]) })
				for i := from; i < len(x)-from/2; i++ {
					if !sameBits(got[i], want[i]) {
						t.Fatalf("%s on %v from %d: %s %v = %x, want %x", f.name, p, from, f.name, x[i], got[i], want[i])
					}
				}
			}
			on(t, p, func() {
				copy(got, x)
				f.slice(got, got) // in place
			})
			for i := range got {
				if !sameBits(got[i], want[i]) {
					t.Fatalf("%s in place on %v: %s %v = %x, want %x", f.name, p, f.name, x[i], got[i], want[i])
				}
			}
		}
	}
}

// expNeg is the exponential inside the mixture kernels.
func TestExpNeg(t *testing.T) {
	for _, x := range []float64{-708.1, -745, -1e308, math.Inf(-1)} {
		if got := expNeg(x); got != 0 {
			t.Errorf("expNeg %v = %v, want 0", x, got)
		}
	}
	if got := expNeg(math.NaN()); !math.IsNaN(got) {
		t.Errorf("expNeg NaN = %v", got)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 20000 {
		x := -708 * rng.Float64()
		if got, want := expNeg(x), exp(x); got != want {
			t.Fatalf("expNeg %v = %v, exp gives %v", x, got, want)
		}
	}
}
