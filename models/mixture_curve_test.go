package models

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// Curve against the log-likelihood and the score of the model and central
// differences of that score in free coordinates. The bound on the Hessian is that of
// the differences: with a step of 6e-6 their truncation and their rounding are near
// 1e-10 of the largest entries, n.
func TestMixtureCurve(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 14))
	for _, text := range []string{
		"mixture:k=2,sd=1", "mixture:k=2,sd=2.5", "mixture:k=2,sd=tied", "mixture:k=2", "mixture:k=2,sd=1,bound=4", "mixture:k=2,sd=tied,bound=6",
	} {
		m := mustMixture(t, text)
		d := Dim(m)
		z := NewData(203, 0, 1)
		for i := range z.V {
			z.V[i] = 1.5*rng.NormFloat64() + float64(i%2)
		}
		l, err := m.Bind(z)
		if err != nil {
			t.Fatal(err)
		}
		c, ok := l.(Curver)
		if !ok {
			t.Fatalf("%s has no Curve", text)
		}
		score := l.(Scorer)
		if p, ok := l.(*mixPooled); ok {
			score = p.mixPair // has the kernel of Curve: the same bits of ℓ
		}
		theta, s := make([]float64, d), make([]float64, d)
		free := func(g, u []float64) float64 {
			m.FromFree(theta, u)
			ll := score.Score(s, theta)
			m.PullScore(g, u, s)
			return ll
		}
		for try := range 8 {
			u := make([]float64, d)
			for i := range u {
				u[i] = 0.7 * rng.NormFloat64()
			}
			if try == 0 {
				u[m.mean0+1] = u[m.mean0] // equal means
			}
			if try == 1 {
				u[0] = -9 // a weight of 1e-4
			}
			g, want, up, dn := make([]float64, d), make([]float64, d), make([]float64, d), make([]float64, d)
			h := mat.NewSymDense(d, nil)
			ll := c.Curve(h, g, u)
			if wantLL := free(want, u); ll != wantLL {
				t.Errorf("%s at %v: ℓ = %v, want %v", text, u, ll, wantLL)
			}
			for i := range g {
				if math.Abs(g[i]-want[i]) > 1e-11*float64(z.N) {
					t.Errorf("%s at %v: score %d is %v, want %v", text, u, i, g[i], want[i])
				}
			}
			size := 0.0
			for i := range d {
				size = max(size, math.Abs(h.At(i, i)))
			}
			for i := range d {
				const step = 6e-6
				x := u[i]
				u[i] = x + step
				free(up, u)
				u[i] = x - step
				free(dn, u)
				u[i] = x
				for j := range d {
					if w := (up[j] - dn[j]) / (2 * step); math.Abs(h.At(i, j)-w) > 1e-8*size {
						t.Errorf("%s at %v: ∂²ℓ[%d,%d] = %v, differences %v", text, u, i, j, h.At(i, j), w)
					}
				}
			}
		}
		u := make([]float64, d)
		g, h := make([]float64, d), mat.NewSymDense(d, nil)
		if n := testing.AllocsPerRun(10, func() { c.Curve(h, g, u) }); n != 0 {
			t.Errorf("%s: %v allocations", text, n)
		}
		u[m.mean0] = math.NaN()
		if ll := c.Curve(h, g, u); !math.IsInf(ll, -1) {
			t.Errorf("%s: ℓ = %v at a mean that is not a number", text, ll)
		}
	}
	// Other mixtures must not claim it.
	for _, text := range []string{"mixture:k=3", "mixture:k=2,dim=2"} {
		m := mustMixture(t, text)
		l, err := m.Bind(NewData(9, 0, m.Shape().Q))
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := l.(Curver); ok {
			t.Errorf("%s has a Curve", text)
		}
	}
}
