package design

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/design/pkpd"
)

// information is the study's information: n subjects sampled at the same times.
func information(t testing.TB, f *Informer, n float64, at []pkpd.Sample) *mat.SymDense {
	t.Helper()
	m := mat.NewSymDense(f.Dim(), nil)
	if err := f.Into(m, at); err != nil {
		t.Fatal(err)
	}
	m.ScaleSym(n, m)
	return m
}

func informer(t testing.TB, p *Population, c pkpd.Curve, a Approximation) *Informer {
	t.Helper()
	f, err := NewInformer(p, c, a)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func logDet(t testing.TB, m *mat.SymDense) float64 {
	t.Helper()
	var c mat.Cholesky
	if !c.Factorize(m) {
		t.Fatal("not positive definite")
	}
	return c.LogDet()
}

// rse returns relative standard errors in %, by the plain inverse.
func rse(t testing.TB, m *mat.SymDense, theta []float64) []float64 {
	t.Helper()
	var c mat.Cholesky
	if !c.Factorize(m) {
		t.Fatal("not positive definite")
	}
	var inv mat.SymDense
	_ = c.InverseTo(&inv)
	out := make([]float64, len(theta))
	for i := range out {
		out[i] = 100 * math.Sqrt(inv.At(i, i)) / math.Abs(theta[i])
	}
	return out
}

func theta(t testing.TB, p *Population) []float64 {
	t.Helper()
	th, err := p.Theta()
	if err != nil {
		t.Fatal(err)
	}
	return th
}

// near checks numbers to a tolerance, absolute plus relative.
func near(t testing.TB, what string, got, want []float64, abs, rel float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values %v, want %d", what, len(got), got, len(want))
	}
	for i := range got {
		if got[i] != want[i] && !(math.Abs(got[i]-want[i]) <= abs+rel*math.Abs(want[i])) {
			t.Errorf("%s, value %d: %.10g, want %.10g", what, i, got[i], want[i])
		}
	}
}

// entries returns the listed entries (row, column from 1, as in M47) of a matrix.
func entries(m *mat.SymDense, at ...int) []float64 {
	var out []float64
	for _, rc := range at {
		out = append(out, m.At(rc/10-1, rc%10-1))
	}
	return out
}
