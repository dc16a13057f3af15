package singular_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

var chartModels = []string{"mlp:hidden=2", "mlp:hidden=2,act=tanh,sigma=0.5,xsd=1.5", "rbf:hidden=2", "rbf:hidden=2,width=0.7,sigma=2,xsd=1.5", "mixture:k=2,sd=1", "mixture:k=2,sd=0.5"}

func newChart(t testing.TB, text string) *singular.Chart {
	t.Helper()
	c, err := singular.NewChart(parse(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// unitsAt returns θ of two units at distance u with weighted mean s, total weight
// r and weight difference z; a mixture has r = 1.
func unitsAt(m models.Model, s, r, z, u float64) []float64 {
	a, b := s-(1-z)*u/2, s+(1+z)*u/2
	if _, ok := m.(*models.Mixture); ok {
		return []float64{(1 + z) / 2, a, b}
	}
	return []float64{a, b, r * (1 + z) / 2, r * (1 - z) / 2}
}

// The chart information transformed to θ is the direct one, whose routes (closed
// forms of kernels, quadrature of scores) share nothing with divided differences.
// 1e-9 of the largest entry leaves room for the quadrature of the mixture.
func TestChartFisherAgreesWithTheDirectInformation(t *testing.T) {
	for _, text := range chartModels {
		m, c := parse(t, text), newChart(t, text)
		f, err := singular.NewFisher(m, singular.FisherOptions{})
		if err != nil {
			t.Fatal(err)
		}
		d := len(c.Coords())
		for _, x := range [][4]float64{{1, 1, 0.4, 0.5}, {1, 1, 0.4, 2.5}, {-0.3, -2, -0.7, 1}, {0.5, 0.6, 0, 0.01}, {0.2, 1, 0.95, 1.5}} {
			theta := unitsAt(m, x[0], x[1], x[2], x[3])
			at, jac, inner := make([]float64, d), mat.NewDense(d, d, nil), mat.NewSymDense(d, nil)
			if err := errors.Join(c.Forward(at, theta), c.Jacobian(jac, theta)); err != nil {
				t.Fatal(err)
			}
			bound, err := c.Fisher(inner, at)
			if err != nil {
				t.Fatal(err)
			}
			want, err := f.At(theta)
			if err != nil {
				t.Fatal(err)
			}
			var got mat.Dense
			got.Mul(jac.T(), inner)
			got.Mul(&got, jac)
			if big := mat.Max(inner); bound > 1e-10*big {
				t.Errorf("%s at %v: error bound %g of %g", text, theta, bound, big)
			}
			for i := range d {
				for j := range d {
					within(t, fmt.Sprintf("%s at %v: F_%d%d", text, theta, i, j), got.At(i, j), want.F.At(i, j), 1e-9*mat.Max(want.F))
				}
			}
		}
	}
}

// As u → 0 the chart information tends to a regular matrix, to which u = 1e-8 is
// as near as u itself, while the determinant in θ is below 1e-70.
func TestChartFisherStaysRegularAsUnitsMerge(t *testing.T) {
	for _, text := range chartModels {
		m, c := parse(t, text), newChart(t, text)
		d := len(c.Coords())
		at, limit, near := make([]float64, d), mat.NewSymDense(d, nil), mat.NewSymDense(d, nil)
		for _, u := range []float64{0, 1e-8, 1e-5, 1e-3} {
			if err := c.Forward(at, unitsAt(m, 0.8, 1, 0.4, u)); err != nil {
				t.Fatal(err)
			}
			dst := near
			if u == 0 {
				dst = limit
			}
			if _, err := c.Fisher(dst, at); err != nil {
				t.Fatal(err)
			}
			s, err := singular.NewSpectrum(dst)
			if err != nil {
				t.Fatal(err)
			}
			if s.Rank != d || !(s.Values[0] > 1e-7) {
				t.Errorf("%s, u = %v: eigenvalues %.3g", text, u, s.Values)
			}
			if u > 0 {
				for i := range d {
					for j := range d {
						within(t, fmt.Sprintf("%s, u = %v: F_%d%d", text, u, i, j), near.At(i, j), limit.At(i, j), (3*u+1e-12)*mat.Max(limit))
					}
				}
			}
		}
	}
}

// The limit matrix of the erf network is the Gram matrix of (r/8)φ″x², (r/24)φ‴x³,
// rφ′x and φ; at s = r = 1, z = 0.4 the determinant in θ divided by u⁸ tends to
// 4(1−z²)²(2/r)² times its determinant, 1.4107e-9 (numpy and scipy, made for this
// project). For the mixture of known variance the determinant is V²u⁸/12.
func TestChartDeterminantIsTheCoefficientOfU8(t *testing.T) {
	c := newChart(t, "mlp:hidden=2")
	f := mat.NewSymDense(4, nil)
	if _, err := c.Fisher(f, []float64{0, 0, 1, 1}); err != nil {
		t.Fatal(err)
	}
	z := 0.4
	within(t, "det F / u⁸", mat.Det(f)*4*(1-z*z)*(1-z*z)*4/1.4107e-9, 1, 5e-5)

	c = newChart(t, "mixture:k=2,sd=1")
	g := mat.NewSymDense(3, nil)
	if _, err := c.Fisher(g, []float64{0, 0, 0.7}); err != nil {
		t.Fatal(err)
	}
	// Scores (1/8)H₂, (1/24)H₃ and H₁ with E H_k² = k!.
	for i, diagonal := range []float64{2. / 64, 6. / 576, 1} {
		for j := range 3 {
			want := 0.0
			if i == j {
				want = diagonal
			}
			within(t, fmt.Sprintf("mixture F_%d%d", i, j), g.At(i, j), want, 1e-12)
		}
	}
}

// The Cholesky factor of the chart information times the Jacobian is a factor of
// F in θ: its singular values are the eigenvalues that the families' own
// factored forms resolve, down to u⁶.
func TestChartResolvesEigenvaluesLikeU6(t *testing.T) {
	for _, text := range []string{"mlp:hidden=2", "rbf:hidden=2", "mixture:k=2,sd=1"} {
		m, c := parse(t, text), newChart(t, text)
		d := len(c.Coords())
		theta := unitsAt(m, 1, 1, 0.4, 1e-3)
		at, jac, inner := make([]float64, d), mat.NewDense(d, d, nil), mat.NewSymDense(d, nil)
		if err := errors.Join(c.Forward(at, theta), c.Jacobian(jac, theta)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Fisher(inner, at); err != nil {
			t.Fatal(err)
		}
		var chol mat.Cholesky
		if !chol.Factorize(inner) {
			t.Fatalf("%s: not positive definite", text)
		}
		var u mat.TriDense
		chol.UTo(&u)
		var r mat.Dense
		r.Mul(&u, jac)
		var svd mat.SVD
		svd.Factorize(&r, mat.SVDNone)
		values := describe(t, text, theta...).Values
		for i, s := range svd.Values(nil) {
			// 1e-4: the singular value 1e-11 of a factor with rounding errors of 1e-16.
			within(t, fmt.Sprintf("%s: eigenvalue %d", text, d-i), s*s/values[d-1-i], 1, 1e-4)
		}
	}
}

func TestChartRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 1))
	for _, text := range chartModels {
		m, c := parse(t, text), newChart(t, text)
		d := len(c.Coords())
		at, again, back := make([]float64, d), make([]float64, d), make([]float64, d)
		for range 200 {
			u, z := math.Exp(-15*rng.Float64()), 2*rng.Float64()-1
			theta := unitsAt(m, rng.NormFloat64(), 0.5+rng.Float64(), z, u)
			if err := errors.Join(c.Forward(at, theta), c.Inverse(back, at), c.Forward(again, back)); err != nil {
				t.Fatal(err)
			}
			for i := range d {
				within(t, text+": θ again", back[i], theta[i], 1e-8)
				within(t, text+": chart again", again[i]/at[i], 1, 1e-6*(1+1e-9/u))
			}
		}
		// The two orders of the units have one image.
		other := unitsAt(m, 0.3, 1, 0.4, 0.5)
		same := unitsAt(m, 0.3, 1, -0.4, -0.5)
		if err := errors.Join(c.Forward(at, other), c.Forward(again, same)); err != nil {
			t.Fatal(err)
		}
		for i := range d {
			within(t, text+": exchanged units", again[i], at[i], 1e-15)
		}
	}
}

// Every entry by differences of Forward, and the determinant ±4(1−z²)u⁴/r.
func TestChartJacobianAgainstDifferences(t *testing.T) {
	for _, text := range chartModels {
		m, c := parse(t, text), newChart(t, text)
		d := len(c.Coords())
		r := 1.3
		if d == 3 {
			r = 1
		}
		theta := unitsAt(m, 0.3, r, 0.4, 0.7)
		jac, up, down := mat.NewDense(d, d, nil), make([]float64, d), make([]float64, d)
		if err := c.Jacobian(jac, theta); err != nil {
			t.Fatal(err)
		}
		const h = 1e-5
		for j := range d {
			plus, minus := append([]float64(nil), theta...), append([]float64(nil), theta...)
			plus[j] += h
			minus[j] -= h
			if err := errors.Join(c.Forward(up, plus), c.Forward(down, minus)); err != nil {
				t.Fatal(err)
			}
			for i := range d {
				within(t, fmt.Sprintf("%s: ∂%s/∂θ_%d", text, c.Coords()[i], j+1), jac.At(i, j), (up[i]-down[i])/(2*h), 1e-8)
			}
		}
		within(t, text+": |det|", math.Abs(mat.Det(jac)), 4*(1-0.16)*math.Pow(0.7, 4)/r, 1e-12)
	}
}

func TestChartRefuses(t *testing.T) {
	for _, text := range []string{"mlp:hidden=3", "mlp:in=2", "mlp:bias=true", "mlp:act=relu", "mlp:sigma=free", "mlp:x=uniform", "rbf:in=2", "mixture:k=2,sd=free", "mixture:k=3,sd=1", "arma", "cone"} {
		if _, err := singular.NewChart(parse(t, text)); !errors.Is(err, singular.ErrNoChart) {
			t.Errorf("%s: %v", text, err)
		}
	}
	c := newChart(t, "mlp:hidden=2")
	at, theta, f := make([]float64, 4), make([]float64, 4), mat.NewSymDense(4, nil)
	for _, bad := range [][]float64{{1, 2, 1, -0.5}, {1, 2, 1, 0}, {1, 2, 0.5, -0.5}} {
		if err := c.Forward(at, bad); !errors.Is(err, singular.ErrNoChart) {
			t.Errorf("Forward of %v: %v", bad, err)
		}
	}
	for _, bad := range [][]float64{{-1, 0, 1, 1}, {0, 1, 1, 1}, {1, 0, 1, 0}, {math.NaN(), 0, 1, 1}, {1, 0, math.Inf(1), 1}} {
		if err := c.Inverse(theta, bad); !errors.Is(err, singular.ErrNoChart) {
			t.Errorf("Inverse of %v: %v", bad, err)
		}
		if _, err := c.Fisher(f, bad); !errors.Is(err, singular.ErrNoChart) {
			t.Errorf("Fisher at %v: %v", bad, err)
		}
	}
}

func BenchmarkChartFisher(b *testing.B) {
	c := newChart(b, "mlp:hidden=2")
	f := mat.NewSymDense(4, nil)
	at := []float64{1e-6, 1e-9, 1, 1}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Fisher(f, at); err != nil {
			b.Fatal(err)
		}
	}
}
