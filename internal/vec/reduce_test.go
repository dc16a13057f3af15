package vec

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestReductions(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for _, n := range []int{0, 1, 3, 8, 9, 16, 100, 1003} {
		long, other := make([]float64, n+3), make([]float64, n)
		for i := range long {
			long[i] = 3 * rng.NormFloat64()
		}
		for i := range other {
			other[i] = rng.NormFloat64()
		}
		var sum, dot, exps float64
		x := long[:n]
		for i, v := range x {
			sum += v
			dot += v * other[i]
			exps += math.Exp(v)
		}
		var want [3]float64
		for _, p := range usable {
			for off := range 3 {
				at := append(make([]float64, off), x...)[off:]
				var got [3]float64
				on(t, p, func() { got = [3]float64{Sum(at), Dot(at, other), LogSumExp(at)} })
				// Sums of n terms of size 3: an error of at most n² roundings of 1e-16.
				tol := 1e-13 * float64(n+1)
				if math.Abs(got[0]-sum) > tol || math.Abs(got[1]-dot) > tol || n > 0 && math.Abs(got[2]-math.Log(exps)) > tol {
					t.Errorf("n = %d on %v: %v, want %v, %v, %v", n, p, got, sum, dot, math.Log(exps))
				}
				if p == portable && off == 0 {
					want = got
				}
				if got != want {
					t.Errorf("n = %d on %v from %d: %x, want %x", n, p, off, got, want)
				}
			}
		}
	}
}

func TestLogSumExpSpecialCases(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	low := slices.Repeat([]float64{-inf}, 9)
	for _, c := range []struct {
		x    []float64
		want float64
	}{
		{nil, -inf}, {low, -inf}, {append([]float64{1e308}, low...), 1e308}, {[]float64{inf, 0}, inf},
		{[]float64{-1e308, -1e308}, -1e308}, {[]float64{0, nan}, nan}, {append([]float64{nan}, low...), nan},
		{slices.Repeat([]float64{-5000}, 16), -5000 + math.Log(16)}, {[]float64{700, -700, 0}, 700},
	} {
		for _, p := range usable {
			on(t, p, func() {
				if got := LogSumExp(c.x); !sameBits(got, c.want) {
					t.Errorf("LogSumExp %v on %v = %v, want %v", c.x, p, got, c.want)
				}
			})
		}
	}
}

func BenchmarkReductions(b *testing.B) {
	x := make([]float64, 1000)
	rng := rand.New(rand.NewPCG(9, 10))
	for i := range x {
		x[i] = rng.NormFloat64()
	}
	var sink float64
	for _, f := range []struct {
		name string
		f    func() float64
	}{{"sum", func() float64 { return Sum(x) }}, {"dot", func() float64 { return Dot(x, x) }}, {"logsumexp", func() float64 { return LogSumExp(x) }}} {
		b.Run(f.name, func(b *testing.B) {
			benchPaths(b, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					sink += f.f()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(x)), "ns/elem")
			})
		})
	}
}
