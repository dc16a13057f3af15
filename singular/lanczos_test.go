package singular

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

// The matrix-free product is that of the explicit matrix, and Lanczos on it finds
// the largest eigenvalues of the dual within its own bounds.
func TestFisherOperator(t *testing.T) {
	deep := newDeepCase(t, []int{6, 12, 9, 3}, models.TanhUnit, 8, 4)
	n, out := deep.f.Dims()
	regression := deep.dual(t)
	for loss, d := range map[Loss]*Dual{RegressionLoss: regression, CrossEntropyLoss: regression.CrossEntropy(deep.f)} {
		op := FisherOperator(deep.net, deep.jac, n, loss)
		g := make([]float64, out)
		f := deep.primal(func(i int) *mat.Dense {
			q := mat.NewDense(out, out, nil)
			softmax(g, deep.f.RawRowView(i))
			for k := range out {
				for l := range out {
					v := 0.0
					if k == l {
						v = 1
					}
					if loss == CrossEntropyLoss {
						v = g[k]*v - g[k]*g[l]
					}
					q.Set(k, l, v)
				}
			}
			return q
		})
		rng := rand.New(rand.NewPCG(1, 3))
		v, got := make([]float64, op.Dim), make([]float64, op.Dim)
		for i := range v {
			v[i] = rng.NormFloat64()
		}
		op.Mul(got, v)
		var want mat.VecDense
		want.MulVec(f, mat.NewVecDense(len(v), v))
		for i, x := range got {
			if math.Abs(x-want.AtVec(i)) > 1e-12 {
				t.Fatalf("%v: entry %d of the product is %v, want %v", loss, i, x, want.AtVec(i))
			}
		}
		s, err := d.Spectrum()
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range []Operator{op, d.Operator()} {
			r, err := Lanczos(a, v[:a.Dim], 20)
			if err != nil {
				t.Fatal(err)
			}
			top := len(r.Values) - 1
			if e := math.Abs(r.Values[top] - s.Values[0]); e > 1e-9*s.Values[0] || e > r.Bound[top]+1e-12 {
				t.Errorf("%v: largest eigenvalue %v ± %v, want %v", loss, r.Values[top], r.Bound[top], s.Values[0])
			}
		}
	}
}

// Weights of the quadrature give vᵀAʲv exactly, and a start in a small invariant
// space exhausts it.
func TestLanczosQuadrature(t *testing.T) {
	a := mat.NewSymDense(6, nil)
	for i := range 6 {
		a.SetSym(i, i, float64(i+1))
	}
	d := &Dual{F: a, N: 6, C: 1, Dim: 6}
	v := []float64{1, 2, 0, 1, 1, 3}
	r, err := Lanczos(d.Operator(), v, 3)
	if err != nil {
		t.Fatal(err)
	}
	for j := range 6 {
		want, norm, got := 0.0, 0.0, 0.0
		for i, x := range v {
			want += x * x * math.Pow(float64(i+1), float64(j))
			norm += x * x
		}
		for i, x := range r.Values {
			got += r.Weights[i] * math.Pow(x, float64(j))
		}
		if math.Abs(got-want/norm) > 1e-11*want {
			t.Errorf("moment %d is %v, want %v", j, got, want/norm)
		}
	}
	r, err = Lanczos(d.Operator(), []float64{0, 1, 0, 0, 1, 0}, 6)
	if err != nil || len(r.Values) != 2 || math.Abs(r.Values[0]-2) > 1e-13 || math.Abs(r.Values[1]-5) > 1e-13 || r.Bound[1] > 1e-12 {
		t.Errorf("%+v, error %v: want the eigenvalues 2 and 5 alone", r, err)
	}
	if _, err := Lanczos(d.Operator(), make([]float64, 6), 3); err == nil {
		t.Error("a start of zero")
	}
}

// The moments of the density of a network of 5202 parameters against its exact
// traces: four standard errors of 16 starts, false alarm rate 1e-4, fixed seed.
func TestEstimateDensity(t *testing.T) {
	deep := newDeepCase(t, []int{50, 50, 50, 2}, models.ReLUUnit, 20, 6)
	d := deep.dual(t)
	rng := rand.New(rand.NewPCG(8, 8))
	density, err := EstimateDensity(FisherOperator(deep.net, deep.jac, 20, RegressionLoss), 16, 44, rng)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		got   Estimate
		exact float64
	}{{"mean", density.Mean, d.Mean()}, {"second moment", density.SecondMoment, d.SecondMoment()}} {
		if z := (c.got.Value - c.exact) / c.got.SE; !(math.Abs(z) < 4) || c.got.SE > c.exact/2 {
			t.Errorf("%s %v ± %v, exactly %v", c.name, c.got.Value, c.got.SE, c.exact)
		}
	}
	sum, zero := 0.0, 0.0
	for i, w := range density.Weights {
		sum += w
		if math.Abs(density.Values[i]) < 1e-8 {
			zero += w
		}
	}
	// 40 of the 5202 eigenvalues are not zero, so that 41 steps exhaust the space.
	if share := 1 - 40/float64(deep.net.Dim()); math.Abs(sum-1) > 1e-12 || math.Abs(zero-share) > 0.01 {
		t.Errorf("weights sum to %v, %v of them at zero, want %v", sum, zero, share)
	}
	if _, err := EstimateDensity(d.Operator(), 1, 5, rng); err == nil {
		t.Error("one start has no standard error")
	}
}
