package vec

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// textbook is the definition of a product, element by element.
func textbook(c Matrix, alpha float64, a, b Matrix) {
	for i := range c.Rows {
		for j := range c.Cols {
			s := c.Data[i*c.RowStep+j]
			for k := range a.Cols {
				s = math.FMA(alpha*a.Data[i*a.RowStep+k*a.ColStep], b.Data[k*b.RowStep+j*b.ColStep], s)
			}
			c.Data[i*c.RowStep+j] = s
		}
	}
}

func randomMatrix(rows, cols, stride int, rng *rand.Rand) Matrix {
	m := RowMajor(make([]float64, max(1, rows*stride)), rows, cols, stride)
	for i := range m.Data {
		m.Data[i] = rng.NormFloat64()
	}
	return m
}

// The bits of a product are those of the textbook on every path, for sizes on both
// sides of tiles and blocks, and nothing beside c is written.
func TestProduct(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var p Product
	for _, n := range [][3]int{{1, 1, 1}, {8, 16, 3}, {7, 17, 300}, {9, 15, 256}, {100, 40, 33}, {129, 130, 257}, {5, 0, 4}, {3, 4, 0}} {
		rows, cols, k := n[0], n[1], n[2]
		for trans := range 4 {
			a, b := randomMatrix(rows, k, k+1, rng), randomMatrix(k, cols, cols+2, rng)
			if trans&1 != 0 {
				a = randomMatrix(k, rows, rows, rng).T()
			}
			if trans&2 != 0 {
				b = randomMatrix(cols, k, k, rng).T()
			}
			c := randomMatrix(rows, cols, cols+3, rng)
			want := c
			want.Data = slices.Clone(c.Data)
			textbook(want, -1.5, a, b)
			for _, path := range usable {
				got := c
				got.Data = slices.Clone(c.Data)
				on(t, path, func() { p.Add(got, -1.5, a, b) })
				if !slices.Equal(got.Data, want.Data) {
					t.Errorf("%d×%d by %d, transposed %d, on %v: bits differ", rows, cols, k, trans, path)
				}
			}
		}
	}
}

func TestProductUpper(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var p Product
	for _, n := range []int{1, 7, 8, 40, 140} {
		a := randomMatrix(n, 30, 30, rng)
		c, want := RowMajor(make([]float64, n*n), n, n, n), RowMajor(make([]float64, n*n), n, n, n)
		p.Add(want, 1, a, a.T())
		p.AddUpper(c, 1, a, a.T())
		for i := range n {
			if !slices.Equal(c.Data[i*n+i:(i+1)*n], want.Data[i*n+i:(i+1)*n]) {
				t.Fatalf("n = %d: row %d differs", n, i)
			}
		}
	}
}

func TestProductPanics(t *testing.T) {
	one := func(rows, cols int) Matrix { return RowMajor(make([]float64, rows*cols), rows, cols, cols) }
	short := one(2, 3)
	short.Data = short.Data[:5]
	for name, f := range map[string]func(p *Product){
		"inner size": func(p *Product) { p.Add(one(2, 2), 1, one(2, 3), one(2, 2)) },
		"transposed result": func(p *Product) {
			p.Add(one(2, 2).T(), 1, one(2, 3), one(3, 2))
		},
		"short": func(p *Product) { p.Add(one(2, 2), 1, short, one(3, 2)) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f(new(Product))
		})
	}
}

func BenchmarkProduct(b *testing.B) {
	for _, n := range [][3]int{{100, 1000, 1000}, {32, 64, 64}} {
		for _, path := range usable {
			b.Run(fmt.Sprintf("%dx%dx%d/%v", n[0], n[1], n[2], path), func(b *testing.B) {
				rng := rand.New(rand.NewPCG(3, 4))
				x, w := randomMatrix(n[0], n[2], n[2], rng), randomMatrix(n[1], n[2], n[2], rng)
				c := randomMatrix(n[0], n[1], n[1], rng)
				var p Product
				p.Add(c, 1, x, w.T())
				b.ReportAllocs()
				on(b, path, func() {
					for b.Loop() {
						p.Add(c, 1, x, w.T())
					}
				})
				b.ReportMetric(2*float64(n[0]*n[1]*n[2])*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFlop/s")
			})
		}
	}
}
