package estimation

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// Eigenvalues against gonum's, and A q = λ q with orthonormal q, on random matrices,
// among them singular ones, multiples of the identity and badly scaled ones. Both
// methods are backward stable: errors of a few units of rounding of the norm.
func TestJacobi(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 15))
	for d := 1; d <= jacobiDim; d++ {
		for kind := range 5 {
			a := mat.NewSymDense(d, nil)
			for i := range d {
				for j := i; j < d; j++ {
					v := rng.NormFloat64()
					switch kind {
					case 1: // rank 1
						v = float64((i + 1) * (j + 1))
					case 2:
						v = 0
						if i == j {
							v = 3
						}
					case 3: // graded
						v *= math.Pow(10, -2*float64(i+j))
					case 4:
						v = 1e300 * float64(i*j%3) * 1e-150
					}
					a.SetSym(i, j, v)
				}
			}
			var eig mat.EigenSym
			if !eig.Factorize(a, false) {
				t.Fatal("gonum failed")
			}
			want := eig.Values(nil)
			work, q, lambda := make([]float64, d*d), make([]float64, d*d), make([]float64, d)
			size := 0.0
			for i := range d {
				for j := range d {
					work[i*d+j] = a.At(i, j)
					size = max(size, math.Abs(a.At(i, j)))
				}
			}
			if !jacobi(lambda, q, work, d) {
				t.Fatalf("d = %d, kind %d: not finite", d, kind)
			}
			tol := 1e-14 * float64(d) * size
			for j := range d {
				if math.Abs(lambda[j]-want[j]) > tol {
					t.Errorf("d = %d, kind %d: eigenvalue %d is %v, want %v", d, kind, j, lambda[j], want[j])
				}
				for i := range d {
					aq, qq := 0.0, 0.0
					for k := range d {
						aq += a.At(i, k) * q[k*d+j]
						qq += q[k*d+i] * q[k*d+j]
					}
					if math.Abs(aq-lambda[j]*q[i*d+j]) > 2*tol {
						t.Errorf("d = %d, kind %d: A q − λ q = %v", d, kind, aq-lambda[j]*q[i*d+j])
					}
					if i == j {
						qq--
					}
					if math.Abs(qq) > 1e-14*float64(d) {
						t.Errorf("d = %d, kind %d: QᵀQ − I = %v", d, kind, qq)
					}
				}
			}
		}
	}
	bad := []float64{1, math.NaN(), math.NaN(), 1}
	if jacobi(make([]float64, 2), make([]float64, 4), bad, 2) {
		t.Error("a matrix with NaN has eigenvalues")
	}
}

func BenchmarkEigenvalues(b *testing.B) {
	const d = 4
	rng := rand.New(rand.NewPCG(4, 16))
	a := mat.NewSymDense(d, nil)
	for i := range d {
		for j := i; j < d; j++ {
			a.SetSym(i, j, rng.NormFloat64())
		}
	}
	work, q, lambda := make([]float64, d*d), make([]float64, d*d), make([]float64, d)
	b.Run("jacobi", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for i := range d {
				for j := range d {
					work[i*d+j] = a.At(i, j)
				}
			}
			jacobi(lambda, q, work, d)
		}
	})
	b.Run("gonum", func(b *testing.B) {
		var eig mat.EigenSym
		b.ReportAllocs()
		for b.Loop() {
			eig.Factorize(a, true)
		}
	})
}
