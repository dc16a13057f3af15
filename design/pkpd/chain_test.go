package pkpd

import (
	"fmt"
	"math"
	"math/big"
	"testing"
)

// bigChain sums the Taylor series of exp of the bidiagonal matrix, or of its
// integral, with 1000 bits: enough for rates up to about 200/t.
func bigChain(node []int, rate []float64, t float64, integral bool) []float64 {
	const prec = 500
	f := func(x float64) *big.Float { return new(big.Float).SetPrec(prec).SetFloat64(x) }
	n := len(node)
	out := make([]float64, n*n)
	bt := f(t)
	terms := 50
	for _, r := range rate {
		terms = max(terms, 50+int(5*r*t)) // k! > (k/e)^k
	}
	for i := range n {
		// Row i of the powers of A t, and the sum of the series.
		row, sum := make([]*big.Float, n), make([]*big.Float, n)
		for j := range n {
			row[j], sum[j] = f(0), f(0)
		}
		row[i] = f(1)
		if integral {
			row[i] = f(t)
		}
		for k := 1; k < terms; k++ {
			for j := i; j < n; j++ {
				sum[j].Add(sum[j], row[j])
			}
			next := make([]*big.Float, n)
			for j := i; j < n; j++ {
				v := f(-rate[node[j]])
				v.Mul(v, row[j])
				if j > i {
					v.Add(v, row[j-1])
				}
				v.Mul(v, bt)
				div := float64(k)
				if integral {
					div++
				}
				next[j] = v.Quo(v, f(div))
			}
			row = next
		}
		for j := i; j < n; j++ {
			out[i*n+j], _ = sum[j].Float64()
		}
	}
	return out
}

// Divided differences of the exponential keep their relative accuracy whether
// rates differ, nearly coincide or coincide, and however long the time is. The
// tolerance is 2^-53 times the sizes of the rates times t (the condition of exp)
// times the number of compartments, with a factor of 10.
func TestChainRelativeAccuracy(t *testing.T) {
	node := []int{0, 0, 0, 1, 1, 1}
	cases := [][2]float64{{0.1, 1}, {1, 0.1}, {0.5, 0.5}, {0.5, math.Nextafter(0.5, 1)}, {0.5, 0.5 + 1e-9}, {0.5, 0.5003}, {0.5, 0.51}, {0.02, 1.5}, {0, 0.3}, {0, 0}}
	for _, r := range cases {
		for _, x := range []float64{1e-6, 0.3, 1, 1.99, 2.01, 5, 20, 90} {
			if testing.Short() && x > 5 {
				continue
			}
			c := newChain(node)
			copy(c.rate, r[:])
			want := bigChain(node, r[:], x, false)
			n := len(node)
			got, fast, q := make([]float64, n*n), make([]float64, n*n), make([]float64, n*n)
			c.exp(got, x)
			for i := range fast {
				fast[i] = math.NaN()
			}
			c.two(fast, x, 2)
			c.integral(q, x)
			wantQ := bigChain(node, r[:], x, true)
			tol := 0x1p-53 * (1 + max(r[0], r[1])*x) * float64(n) * 10
			for i := range n {
				for j := i; j < n; j++ {
					w := want[i*n+j]
					if d := math.Abs(got[i*n+j] - w); !(d <= tol*w) {
						t.Errorf("rates %v t=%v [%d %d]: %.17g, want %.17g (relative %.1e)", r, x, i, j, got[i*n+j], w, d/w)
					}
					if d := math.Abs(q[i*n+j] - wantQ[i*n+j]); !(d <= tol*wantQ[i*n+j]) {
						t.Errorf("rates %v t=%v integral [%d %d]: %.17g, want %.17g", r, x, i, j, q[i*n+j], wantQ[i*n+j])
					}
					if v := fast[i*n+j]; !math.IsNaN(v) {
						if d := math.Abs(v - w); !(d <= 4*tol*w) {
							t.Errorf("rates %v t=%v closed form [%d %d]: %.17g, want %.17g (relative %.1e)", r, x, i, j, v, w, d/w)
						}
					} else if min(j, 2)-i+1 > 0 && j-2 > 0 && (3-i)+(j-2) <= 4 {
						t.Errorf("closed form leaves out [%d %d]", i, j)
					}
				}
			}
		}
	}
}

// The geometric series of all doses equals the sum over many of them.
func TestChainForever(t *testing.T) {
	node := []int{0, 1, 2, 1, 2}
	c := newChain(node)
	copy(c.rate, []float64{0.7, 0.7, 0.2})
	n := len(node)
	x, m, sum := make([]float64, n*n), make([]float64, n*n), make([]float64, n*n)
	c.forever(x, m, 3)
	for k := range 200 {
		c.exp(m, 3*float64(k))
		for i := range n {
			for j := i; j < n; j++ {
				sum[i*n+j] += m[i*n+j]
			}
		}
	}
	for i := range n {
		near(t, fmt.Sprint("row ", i), x[i*n+i:(i+1)*n], sum[i*n+i:(i+1)*n], 1e-13)
	}
}
