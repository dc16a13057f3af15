package models

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// climb takes EM steps from a, and fails if one lowers the likelihood or leaves
// the domain. It returns the last θ.
func climb(t *testing.T, l Likelihood, a []float64, steps int) []float64 {
	t.Helper()
	b := make([]float64, len(a))
	if err := CheckTheta(l.Model(), a); err != nil {
		t.Fatal(err)
	}
	last := l.LogLik(a)
	for step := range steps {
		ll := l.(EMStepper).EMStep(b, a)
		if ll < last-1e-9*(1+math.Abs(last)) || math.IsNaN(ll) || step == 0 && math.Abs(ll-last) > 1e-9 {
			t.Fatalf("step %d: %v after %v", step, ll, last)
		}
		if err := CheckTheta(l.Model(), b); err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
		last = ll
		a, b = b, a
	}
	return a
}

func TestMixtureEMNeverLowersTheLikelihood(t *testing.T) {
	eachMixture(t, func(t *testing.T, m *Mixture, theta []float64) {
		l, _ := drawMixture(t, m, theta, 120, 3)
		rng := rand.New(rand.NewPCG(7, 7))
		a := make([]float64, len(theta))
		for range 6 {
			l.(Starter).Start(a, rng)
			a = climb(t, l, a, 60)
		}
	})
}

// The M-step respects a bound that is active, and still never lowers the
// likelihood: with correlated coordinates it is a quadratic programme.
func TestMixtureEMUnderAnActiveBound(t *testing.T) {
	for _, text := range []string{"mixture:k=2,sd=1,bound=0.5", "mixture:k=2,bound=0.5", "mixture:k=2,sd=tied,bound=0.5",
		"mixture:k=2,dim=2,bound=0.5", "mixture:k=2,dim=2,cov=tied,bound=0.5", "mixture:k=2,dim=3,cov=diag,bound=0.5"} {
		m := mustMixture(t, text)
		z := NewData(80, 0, m.dim)
		rng := rand.New(rand.NewPCG(1, 8))
		for i := range z.N {
			x := 2 * rng.NormFloat64()
			for a := range z.Y(i) {
				z.Y(i)[a] = 1 + x + float64(4*(i%2)) + rng.NormFloat64()
			}
		}
		l, err := m.Bind(z)
		if err != nil {
			t.Fatal(err)
		}
		a := make([]float64, len(m.params))
		for range 4 {
			l.(Starter).Start(a, rng)
			end := climb(t, l, slices.Clone(a), 200)
			if top := slices.Max(end[m.mean0:m.var0]); top != 0.5 {
				t.Errorf("%s: largest mean %v, the bound should be active", text, top)
			}
		}
	}
}

// The fused step is the textbook one: responsibilities from the densities, then
// weighted moments.
func TestMixtureEMStepIsTheTextbookStep(t *testing.T) {
	for _, text := range []string{"mixture:k=2", "mixture:k=3", "mixture:k=2,sd=tied", "mixture:k=2,sd=1,bound=5"} {
		m := mustMixture(t, text)
		theta := mixtureCaseTheta(m)
		l, z := drawMixture(t, m, theta, 157, 11)
		c := m.newComponents()
		c.set(theta)
		want := slices.Clone(theta)
		var pooled float64
		for j := range m.k {
			r, s0, s1, s2 := make([]float64, z.N), 0.0, 0.0, 0.0
			for i, y := range z.V {
				r[i] = c.w[j] * math.Exp(-(y-c.mu[j])*(y-c.mu[j])/(2*c.cov[j])) / math.Sqrt(2*math.Pi*c.cov[j]) /
					math.Exp(naiveMixture(m, theta, []float64{y}))
				s0 += r[i]
				s1 += r[i] * y
			}
			for i, y := range z.V {
				s2 += r[i] * (y - s1/s0) * (y - s1/s0)
			}
			if j < m.k-1 {
				want[j] = s0 / float64(z.N)
			}
			want[m.mean0+j] = s1 / s0
			pooled += s2 / float64(z.N)
			if m.variance == VarFree {
				want[m.var0+j] = s2 / s0
			}
		}
		if m.variance == VarTied {
			want[m.var0] = pooled
		}
		got := make([]float64, len(theta))
		l.(EMStepper).EMStep(got, theta)
		for i := range got {
			mixNear(t, text+" "+m.params[i].Name, got[i], want[i], 1e-13)
		}
	}
}

// Weights that are counts give what repeated rows give.
func TestMixtureWeightsAreCounts(t *testing.T) {
	eachMixture(t, func(t *testing.T, m *Mixture, theta []float64) {
		l, z := drawMixture(t, m, theta, 90, 12)
		w := make([]float64, z.N)
		many := NewData(0, 0, m.dim)
		for i := range w {
			w[i] = float64(i % 3)
			for range i % 3 {
				many.V = append(many.V, z.Y(i)...)
				many.N++
			}
		}
		lw := l.(Reweighter).Reweight(w)
		lm := m.bind(many, nil, scaleOf(l))
		mixNear(t, "weight", Weight(lw), float64(many.N), 0)
		a, b := make([]float64, len(theta)), make([]float64, len(theta))
		mixNear(t, "loglik", lw.LogLik(theta), lm.LogLik(theta), 1e-13)
		mixNear(t, "loglik of score", lw.(Scorer).Score(a, theta), lm.(Scorer).Score(b, theta), 1e-13)
		compare := func(what string) {
			t.Helper()
			for i := range a {
				if math.Abs(a[i]-b[i]) > 1e-11*(1+math.Abs(b[i])) {
					t.Errorf("%s %s: %v, repeated rows %v", what, m.params[i].Name, a[i], b[i])
				}
			}
		}
		compare("score")
		lw.(EMStepper).EMStep(a, theta)
		lm.(EMStepper).EMStep(b, theta)
		compare("em")
		if h, ok := lw.(Hesser); ok {
			hw, hm := mat.NewSymDense(len(theta), nil), mat.NewSymDense(len(theta), nil)
			h.Hess(hw, theta)
			lm.(Hesser).Hess(hm, theta)
			if !mat.EqualApprox(hw, hm, 1e-9) {
				t.Error("weighted Hessian differs")
			}
		}
	})
}

// A component on repeated (in two dimensions: collinear) points goes to the
// variance floor, stays there and is reported.
func TestMixtureVarianceFloor(t *testing.T) {
	z := NewData(30, 0, 1)
	for i := range z.N {
		if z.V[i] = 3; i >= 10 {
			z.V[i] = float64(i) - 20
		}
	}
	m := mustMixture(t, "mixture:k=2,floor=1e-4")
	l, err := m.Bind(z)
	if err != nil {
		t.Fatal(err)
	}
	end := climb(t, l, []float64{0.3, 3, 0, 1e-2, 30}, 400)
	_, v := meanVariance(z.V)
	mixNear(t, "variance on the floor", end[3], 1e-4*v, 1e-12)
	if got := l.(FloorReporter).Floored(end); !slices.Equal(got, []string{"var1"}) {
		t.Errorf("floored %v", got)
	}
	if got := l.(FloorReporter).Floored([]float64{0.3, 3, 0, 1e-9, 30}); len(got) != 1 {
		t.Errorf("below the floor: %v", got)
	}
	// LogLik itself has no floor: it grows like −½ log v per repeated point.
	far := l.LogLik([]float64{0.3, 3, 0, 1e-200, 30}) - l.LogLik([]float64{0.3, 3, 0, 1e-100, 30})
	mixNear(t, "growth", far, 11*50*math.Ln10, 1e-12) // ten copies, and 23−20

	z2 := NewData(60, 0, 2)
	rng := rand.New(rand.NewPCG(5, 6))
	for i := range z2.N {
		x := rng.NormFloat64()
		if z2.Y(i)[0], z2.Y(i)[1] = 20+x, 20+2*x; i >= 20 {
			z2.Y(i)[0], z2.Y(i)[1] = rng.NormFloat64(), rng.NormFloat64()
		}
	}
	m2 := mustMixture(t, "mixture:k=2,dim=2")
	l2, err := m2.Bind(z2)
	if err != nil {
		t.Fatal(err)
	}
	end = climb(t, l2, []float64{0.3, 20, 20, 0, 0, 1, 0, 1, 1, 0, 1}, 50)
	if got := strings.Join(l2.(FloorReporter).Floored(end), " "); got != "cov1_1_1 cov1_2_2" {
		t.Errorf("floored %q at %v", got, end)
	}
}

func meanVariance(y []float64) (mean, v float64) {
	for _, x := range y {
		mean += x / float64(len(y))
	}
	for _, x := range y {
		v += (x - mean) * (x - mean) / float64(len(y))
	}
	return mean, v
}

func scaleOf(l Likelihood) *mixScale {
	switch l := l.(type) {
	case *mixPooled:
		return l.scale
	case *mixPair:
		return l.scale
	case mixLike1:
		return l.scale
	}
	return l.(*mixLike).scale
}
