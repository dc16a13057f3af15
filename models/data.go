package models

import (
	"fmt"
	"math"
)

// Data holds n rows of p conditioning values x followed by q modelled values y,
// row-major in V (n × (p+q)). One type serves every family: a mixture has no x,
// an MLP conditions on x, an ARMA series has its rows in time order.
type Data struct {
	N, P, Q int
	V       []float64
}

// NewData returns a zeroed Data of n rows with p conditioning and q modelled
// columns. It panics if a size is negative.
func NewData(n, p, q int) *Data {
	if n < 0 || p < 0 || q < 0 {
		panic("models: negative data size")
	}
	return &Data{N: n, P: p, Q: q, V: make([]float64, n*(p+q))}
}

// Row returns row i, x then y, as a slice of V.
func (z *Data) Row(i int) []float64 {
	w := z.P + z.Q
	return z.V[i*w : (i+1)*w : (i+1)*w]
}

// X returns the conditioning values of row i as a slice of V.
func (z *Data) X(i int) []float64 { return z.Row(i)[:z.P:z.P] }

// Y returns the modelled values of row i as a slice of V.
func (z *Data) Y(i int) []float64 { return z.Row(i)[z.P:] }

// Clone returns a copy that shares nothing with z.
func (z *Data) Clone() *Data {
	c := *z
	c.V = append([]float64(nil), z.V...)
	return &c
}

// Check returns an error that names the first row and column whose value is not
// finite, or says that V has the wrong length.
func (z *Data) Check() error {
	w := z.P + z.Q
	if len(z.V) != z.N*w {
		return fmt.Errorf("data has %d values for %d rows of %d", len(z.V), z.N, w)
	}
	for i, v := range z.V {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("row %d, column %d of the data is %v, not a finite number", i/w+1, i%w+1, v)
		}
	}
	return nil
}
