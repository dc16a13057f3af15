package models

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// What a Residualer promises, against the likelihood and score of the family:
// ℓ = −½ (W log 2πσ² + |r|²/σ²), ∂ℓ/∂θ = −Jᵀr/σ², and r affine in the linear
// coordinates.
func TestResiduals(t *testing.T) {
	for _, spec := range []string{
		"mlp:hidden=2", "mlp:in=3,hidden=2,out=2,act=tanh,bias=true,sigma=free", "mlp:hidden=3,act=relu,bias=true,sigma=0.5",
		"rbf:hidden=2", "rbf:in=2,hidden=3,width=0.7,sigma=free",
	} {
		m, err := Parse(spec)
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(1, 2))
		d := Dim(m)
		z := NewData(20, m.Shape().P, m.Shape().Q)
		for i := range z.V {
			z.V[i] = rng.NormFloat64()
		}
		theta := make([]float64, d)
		for j := range theta {
			theta[j] = 0.3 + rng.Float64() // σ² too is above 0
		}
		plain, err := m.Bind(z)
		if err != nil {
			t.Fatal(err)
		}
		w := make([]float64, z.N)
		for i := range w {
			w[i] = float64(i % 3)
		}
		for _, l := range []Likelihood{plain, Weighted(plain, w)} {
			r := l.(Residualer)
			ls, ok := r.LeastSquares()
			if !ok {
				t.Fatalf("%v: no residuals", m)
			}
			res, jac := make([]float64, ls.Rows), mat.NewDense(ls.Rows, d, nil)
			r.Residuals(res, jac, theta)
			s2 := ls.Sigma * ls.Sigma
			if ls.Noise >= 0 {
				s2 = theta[ls.Noise]
			}
			ss := dot(res, res)
			want := -0.5 * (ls.Weight*math.Log(2*math.Pi*s2) + ss/s2)
			score := make([]float64, d)
			got := l.(Scorer).Score(score, theta)
			if math.Abs(got-want) > 1e-12*math.Abs(want) {
				t.Errorf("%v: ℓ = %v, from residuals %v", m, got, want)
			}
			for j := range score {
				g := 0.0
				for i, v := range res {
					g -= v * jac.At(i, j) / s2
				}
				if j == ls.Noise {
					g = 0.5 * (ss/s2 - ls.Weight) / s2
				}
				if math.Abs(score[j]-g) > 1e-11*(1+math.Abs(g)) {
					t.Errorf("%v: score %d = %v, from residuals %v", m, j, score[j], g)
				}
			}
			moved := append([]float64(nil), theta...)
			for _, j := range ls.Linear {
				moved[j] += rng.NormFloat64()
			}
			far := make([]float64, ls.Rows)
			r.Residuals(far, nil, moved)
			for i := range far {
				v := res[i]
				for _, j := range ls.Linear {
					v += jac.At(i, j) * (moved[j] - theta[j])
				}
				if math.Abs(far[i]-v) > 1e-12 {
					t.Errorf("%v: residual %d is not affine in the linear coordinates", m, i)
				}
			}
		}
		w[3] = -1
		if _, ok := Weighted(plain, w).(Residualer).LeastSquares(); ok {
			t.Errorf("%v: residuals with a negative weight", m)
		}
	}
}
