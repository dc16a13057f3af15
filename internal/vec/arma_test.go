package vec

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func armaCase(m, n int) ([]ARMA11, []float64) {
	rng := rand.New(rand.NewPCG(uint64(m), uint64(n)))
	y := make([]float64, n)
	for t := range y {
		y[t] = rng.NormFloat64()
	}
	pts := make([]ARMA11, m)
	for j := range pts {
		pts[j] = ARMA11{Phi: 2*rng.Float64() - 1, Theta: 2*rng.Float64() - 1, Mean: 0.1 * rng.NormFloat64()}
		switch j % 5 {
		case 1:
			pts[j].Theta = 0
		case 2:
			pts[j].Theta = math.Copysign(1-1e-3*rng.Float64(), pts[j].Theta)
		case 3:
			pts[j].Mean = 0
		}
	}
	return pts, y
}

func TestARMA11(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 5, 6, 8, 9, 100, 503} {
		pts, y := armaCase(20, n)
		ARMA11s(pts, y, make([]float64, n))
		for _, p := range pts {
			var ss, eh, hh, x, e float64
			h := 1.0
			for _, v := range y {
				v -= p.Mean
				e, x = v-p.Phi*x-p.Theta*e, v
				ss, eh, hh = ss+e*e, eh+e*h, hh+h*h
				h *= -p.Theta
			}
			// Roundings of the recursion add up over 1/(1 − |θ|) ≤ n steps.
			tol := 1e-12 * float64(n)
			if math.Abs(p.SS-ss) > tol*ss || math.Abs(p.EH-eh) > tol*(1+math.Sqrt(ss*hh)) || math.Abs(p.HH-hh) > tol*hh {
				t.Errorf("n = %d, %+v: want SS %v, EH %v, HH %v", n, p, ss, eh, hh)
			}
		}
	}
}

// A point's values depend neither on the path nor on the points beside it.
func TestARMA11GivesTheSameBits(t *testing.T) {
	for _, n := range []int{1, 4, 5, 8, 29, 500} {
		for _, m := range []int{1, 2, 4, 5, 8, 9, 21} {
			want, y := armaCase(m, n)
			v := make([]float64, n)
			if n == 29 {
				clear(y)
			}
			for j := range want {
				on(t, portable, func() { ARMA11s(want[j:j+1], y, v) })
			}
			for _, p := range usable {
				got, _ := armaCase(m, n)
				on(t, p, func() { ARMA11s(got, y, v) })
				for j := range got {
					g, w := got[j], want[j]
					if !sameBits(g.SS, w.SS) || !sameBits(g.EH, w.EH) || !sameBits(g.HH, w.HH) {
						t.Fatalf("n = %d, point %d of %d on %v: %+v, want %+v", n, j, m, p, g, w)
					}
				}
			}
		}
	}
}

func BenchmarkARMA11(b *testing.B) {
	for _, m := range []int{1, 8, 32} {
		b.Run(fmt.Sprintf("points=%d", m), func(b *testing.B) {
			benchPaths(b, func(b *testing.B) {
				pts, y := armaCase(m, 500)
				v := make([]float64, len(y))
				b.ReportAllocs()
				for b.Loop() {
					ARMA11s(pts, y, v)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*m*len(y)), "ns/point/step")
			})
		})
	}
}
