package models

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// bound draws n rows at theta and binds them.
func bound(t testing.TB, m Model, theta []float64, n int, seed uint64) (Likelihood, *Data) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	z := NewData(n, m.Shape().P, m.Shape().Q)
	if in, ok := m.(Inputter); ok {
		in.Inputs(z, rng)
	}
	m.Sample(z, theta, rng)
	l, err := m.Bind(z)
	if err != nil {
		t.Fatal(err)
	}
	return l, z
}

// factoredEigenvalues returns the singular values of the factored information, ascending,
// squared: the eigenvalues of F with full relative accuracy.
func factoredEigenvalues(t testing.TB, m Model, theta []float64) []float64 {
	t.Helper()
	factor, _ := m.(Factorer).FisherFactor()
	var svd mat.SVD
	if !svd.Factorize(factor(theta), mat.SVDNone) {
		t.Fatal("no singular values")
	}
	s := svd.Values(nil)
	out := make([]float64, len(s))
	for i, v := range s {
		out[len(s)-1-i] = v * v
	}
	return out
}

// At a = 0 the information about a is e^{b²} − 1, about b 0 (derived here:
// E(p₁/p₀ − 1)² under N(0, 1)). 4.41948 at b = 1.3.
func TestContaminatedInformationAtZeroWeight(t *testing.T) {
	f, _ := mustParse(t, "contaminated").(Informer).Fisher()
	dst := mat.NewSymDense(2, nil)
	for _, b := range []float64{-2, 0.01, 1.3, 5} {
		e := f(dst, []float64{0, b})
		want := math.Expm1(b * b)
		if got := dst.At(0, 0); math.Abs(got-want) > 1e-11*want {
			t.Errorf("b = %v: %v, want %v", b, got, want)
		}
		if dst.At(1, 1) != 0 || dst.At(0, 1) != 0 {
			t.Errorf("b = %v: the mean of a component without weight has information %v", b, dst.At(1, 1))
		}
		if e > 1e-9*want {
			t.Errorf("b = %v: error bound %v", b, e)
		}
	}
	f(dst, []float64{1, 3}) // one component: N(b, 1)
	if got := dst.At(1, 1); math.Abs(got-1) > 1e-12 {
		t.Errorf("information about the mean of N(b, 1) is %v", got)
	}
}

func TestContaminatedExtremes(t *testing.T) {
	m := mustParse(t, "contaminated")
	z := NewData(3, 0, 1)
	copy(z.V, []float64{-60, 0, 60})
	l, err := m.Bind(z)
	if err != nil {
		t.Fatal(err)
	}
	g := make([]float64, 2)
	for _, theta := range [][]float64{{0, 50}, {1, 50}, {1e-300, 50}, {0.5, -700}, {1, -1e150}} {
		if ll := l.(Scorer).Score(g, theta); math.IsNaN(ll) || math.IsInf(ll, 1) {
			t.Errorf("θ = %v: ℓ = %v", theta, ll)
		}
	}
	if ll := l.LogLik([]float64{-1e-9, 1}); !math.IsInf(ll, -1) {
		t.Errorf("negative weight: ℓ = %v", ll)
	}
}

func TestContaminatedRLCT(t *testing.T) {
	m := mustParse(t, "contaminated").(*Contaminated)
	for _, c := range []struct {
		truth  []float64
		prior  PriorShape
		lambda float64
		mult   int
	}{
		{[]float64{0, 2}, PriorShape{}, 0.5, 2},
		{[]float64{0.4, 0}, PriorShape{}, 0.5, 2},
		{[]float64{0, 0}, PriorShape{Dirichlet: 0.5}, 0.25, 1},
		{[]float64{0.4, 1}, PriorShape{}, 1, 1},
	} {
		got, ok := m.RLCT(c.truth, c.prior)
		if !ok || got.Lambda != c.lambda || got.Mult != c.mult {
			t.Errorf("RLCT(%v, %+v) = %+v, want λ = %v, m = %d", c.truth, c.prior, got, c.lambda, c.mult)
		}
	}
	if got, ok := m.LocalRLCT([]float64{0, 2}, PriorShape{}); !ok || got.Lambda != 0.5 || got.Mult != 1 {
		t.Errorf("local coefficient %+v", got)
	}
}

// E g(x−a)g(x−b) = 3^{-1/2} exp(−(a²+b²)/2 + (a+b)²/6) for unit width and x ~
// N(0, 1) (Gaussian integral). The factor is an independent route: quadrature.
func TestRBFFisherAgainstQuadrature(t *testing.T) {
	a, b := 0.7, -1.2
	want := math.Exp(-(a*a+b*b)/2+(a+b)*(a+b)/6) / math.Sqrt(3)
	if got := newRBFKernel(1, 1).at([]float64{a}, []float64{b}); math.Abs(got-want) > 1e-16 {
		t.Errorf("kernel %v, want %v", got, want)
	}
	for text, theta := range map[string][]float64{
		"rbf":                            {-0.3, 0.8, 1, 0.7},
		"rbf:hidden=3,width=0.6,xsd=1.7": {-0.3, 0.8, 2, 1, 0.7, -2},
		"rbf:in=2,sigma=free,width=1.3":  {-0.3, 0.8, 1, 0.7, 0.2, 0.4, 0.6},
	} {
		m := mustParse(t, text)
		d := Dim(m)
		f, _ := m.(Informer).Fisher()
		dst := mat.NewSymDense(d, nil)
		f(dst, theta)
		factor, _ := m.(Factorer).FisherFactor()
		var q mat.Dense
		r := factor(theta)
		q.Mul(r.T(), r)
		if !mat.EqualApprox(dst, &q, 1e-14) {
			t.Errorf("%v: closed form and quadrature differ:\n%v\n%v", m, mat.Formatted(dst), mat.Formatted(&q))
		}
	}
}

// Near an overlap the two smallest eigenvalues follow u⁶ and u².
func TestRBFOverlapScaling(t *testing.T) {
	m := mustParse(t, "rbf")
	at := func(u float64) []float64 {
		return factoredEigenvalues(t, m, []float64{0.5 - u*0.3, 0.5 + u*0.7, 0.7, 0.3})
	}
	a, b := at(2e-3), at(1e-3)
	if s := math.Log2(a[0] / b[0]); math.Abs(s-6) > 0.02 {
		t.Errorf("slope of the smallest eigenvalue %v, want 6", s)
	}
	if s := math.Log2(a[1] / b[1]); math.Abs(s-2) > 0.02 {
		t.Errorf("slope of the next eigenvalue %v, want 2", s)
	}
}

// Truths of two, one and no unit, on strata and off them, global and local.
func TestRBFRLCT(t *testing.T) {
	for _, c := range []struct {
		model         string
		truth         []float64
		lambda        float64
		mult          int
		kind          CoefficientKind
		local, mlocal float64 // 0: not known
	}{
		{"rbf:sigma=free", []float64{-1, 1, 0.5, 0.5, 1}, 2.5, 1, ExactLambda, 2.5, 1},
		{"rbf:sigma=free", []float64{1, 1, 0.5, 0.5, 1}, 1.75, 1, ExactLambda, 1.75, 1},
		{"rbf:sigma=free", []float64{-1, 1, 0, 0.5, 1}, 1.75, 1, ExactLambda, 2, 1},
		{"rbf:sigma=free", []float64{1, 1, 0.5, -0.5, 1}, 1.5, 2, ExactLambda, 1.5, 1},
		{"rbf", []float64{1, 1, 0, 0}, 1, 2, ExactLambda, 1, 2},
		{"rbf", []float64{1, -1, 0, 0}, 1, 2, ExactLambda, 1, 1},
		{"rbf", []float64{1, 1, 0.3, -0.1 - 0.2}, 1, 2, ExactLambda, 1, 1}, // cancels up to rounding
		{"rbf:hidden=1", []float64{1, 0}, 0.5, 1, ExactLambda, 0.5, 1},
		{"rbf:in=2", []float64{1, 1, 1, 1, 0.4, 0.3}, 2, 2, ExactLambda, 2, 1},
		{"rbf:in=2", []float64{1, 1, 1, 1, 0.4, 0}, 2, 2, ExactLambda, 2, 2},
		{"rbf:in=3", []float64{1, 1, 1, 1, 1, 1, 0.4, 0.3}, 2.5, 1, ExactLambda, 2.75, 1},
		{"rbf:in=2", []float64{1, 1, 1, 1, 0, 0}, 1, 1, ExactLambda, 1, 1},
		{"rbf:hidden=3", []float64{-1, 1, 1, 0.5, 0.2, 0.2}, 2.25, 0, UpperBound, 0, 0},
		{"rbf:hidden=3", []float64{-1, 1, 2, 0, 0, 0}, 1.5, 0, UpperBound, 0, 0},
	} {
		m := mustParse(t, c.model).(*RBF)
		got, ok := m.RLCT(c.truth, PriorShape{})
		if !ok || got.Lambda != c.lambda || got.Mult != c.mult || got.Kind != c.kind {
			t.Errorf("%s: RLCT(%v) = %+v, %v, want (%v, %d)", c.model, c.truth, got, ok, c.lambda, c.mult)
		}
		local, ok := m.LocalRLCT(c.truth, PriorShape{})
		if ok != (c.local > 0) || ok && (local.Lambda != c.local || float64(local.Mult) != c.mlocal) {
			t.Errorf("%s: LocalRLCT(%v) = %+v, %v, want (%v, %v)", c.model, c.truth, local, ok, c.local, c.mlocal)
		}
	}
}

func TestBinMixEMNeverLowersTheLikelihood(t *testing.T) {
	m := mustParse(t, "binmix:k=3,trials=6").(*BinMix)
	l, _ := bound(t, m, []float64{0.2, 0.3, 0.1, 0.5, 0.8}, 300, 3)
	rng := rand.New(rand.NewPCG(4, 4))
	a, b := make([]float64, 5), make([]float64, 5)
	for range 10 {
		l.(Starter).Start(a, rng)
		last := math.Inf(-1)
		for range 30 {
			ll := l.(EMStepper).EMStep(b, a)
			if ll < last-1e-10 {
				t.Fatalf("EM fell from %v to %v", last, ll)
			}
			last = ll
			a, b = b, a
		}
	}
}

func TestBinMixRefusesWhatIsNoCount(t *testing.T) {
	m := mustParse(t, "binmix:trials=3")
	for _, v := range []float64{-1, 4, 0.5} {
		z := NewData(2, 0, 1)
		z.V[1] = v
		if _, err := m.Bind(z); err == nil {
			t.Errorf("a count of %v in 3 trials was taken", v)
		}
	}
}

// (K+1)/4 for one interior binomial and two trials or more; 1/2 for one trial:
// derived here and checked by tempered simulation to ±0.02 for (K, N) = (2, 1),
// (2, 2), (2, 5), (3, 5), (4, 8).
func TestBinMixRLCT(t *testing.T) {
	for _, c := range []struct {
		text   string
		truth  []float64
		lambda float64
		kind   CoefficientKind
	}{
		{"binmix:k=2,trials=1", []float64{0.5, 0.3, 0.3}, 0.5, ExactLambda},
		{"binmix:k=2,trials=2", []float64{0.5, 0.3, 0.3}, 0.75, ExactLambda},
		{"binmix:k=3,trials=5", []float64{0, 0, 0.1, 0.2, 0.3}, 1, ExactLambda},
		{"binmix:k=4,trials=8", []float64{1, 0, 0, 0.3, 0.2, 0.2, 0.7}, 1.25, ExactLambda},
		{"binmix:k=2,trials=3", []float64{0.5, 0.3, 0.6}, 1.5, ExactLambda},
		{"binmix:k=3,trials=5", []float64{0.5, 0.5, 0.1, 0.2, 0.3}, 1.75, ExactLambda}, // two components, the third of weight 0
		{"binmix:k=3,trials=4", []float64{0.3, 0.3, 0.1, 0.1, 0.6}, 1.75, ExactLambda},
	} {
		got, ok := mustParse(t, c.text).(*BinMix).RLCT(c.truth, PriorShape{})
		if !ok || got.Lambda != c.lambda || got.Kind != c.kind {
			t.Errorf("%s at %v: %+v, %v, want λ = %v (%v)", c.text, c.truth, got, ok, c.lambda, c.kind)
		}
	}
}

func TestCrossingRLCT(t *testing.T) {
	m := mustParse(t, "crossing:powers=1+2+2").(*Crossing)
	for _, c := range []struct {
		truth         []float64
		lambda, local float64
		mult          int
	}{
		{[]float64{0, 0, 0}, 0.25, 0.25, 2},
		{[]float64{0, 1, 1}, 0.25, 0.5, 2},
		{[]float64{1, 1, 1}, 0.5, 0.5, 1},
	} {
		got, ok := m.RLCT(c.truth, PriorShape{})
		loc, okl := m.LocalRLCT(c.truth, PriorShape{})
		if !ok || !okl || got.Lambda != c.lambda || got.Mult != c.mult || loc.Lambda != c.local {
			t.Errorf("at %v: %+v and %+v, want %v (%d) and %v", c.truth, got, loc, c.lambda, c.mult, c.local)
		}
	}
}

// The rank of F is the dimension of the set of matrices of rank h: h(M+N−h).
func TestRRRFisherRank(t *testing.T) {
	for text, want := range map[string]int{
		"rrr:in=3,hidden=2,out=4":   2 * (3 + 4 - 2),
		"rrr:in=2,hidden=2+3,out=2": 4,
		"rrr:in=3,hidden=1+2,out=3": 1 * (3 + 3 - 1),
	} {
		m := mustParse(t, text)
		rng := rand.New(rand.NewPCG(5, 5))
		theta := make([]float64, Dim(m))
		for i := range theta {
			theta[i] = rng.NormFloat64()
		}
		e := factoredEigenvalues(t, m, theta)
		rank := 0
		for _, v := range e {
			if v > 1e-20*e[len(e)-1] {
				rank++
			}
		}
		if rank != want {
			t.Errorf("%s: rank %d, want %d", text, rank, want)
		}
	}
}

func TestRRRRLCTFollowsTheRankOfTheProduct(t *testing.T) {
	m := mustParse(t, "rrr:in=2,hidden=2,out=2").(*RRR)
	for _, c := range []struct {
		truth  []float64
		lambda float64
		mult   int
	}{
		{[]float64{0, 0, 0, 0, 1, 2, 3, 4}, 1.5, 1},
		{[]float64{1, 2, 0, 0, 1, 0, 0, 1}, 2, 2},
		{[]float64{1, 0, 0, 1, 1, 0, 0, 1}, 2, 1},
		{[]float64{0.1, 0.3, 0.3, 0.9, 0.3, -0.1, 0.6, -0.2}, 1.5, 1}, // cancels up to rounding
	} {
		got, ok := m.RLCT(c.truth, PriorShape{})
		if !ok || got.Lambda != c.lambda || got.Mult != c.mult {
			t.Errorf("at %v: %+v, want (%v, %d)", c.truth, got, c.lambda, c.mult)
		}
	}
}

// benchToys runs f on 1000 rows of each of the small families and reports the
// time per row. Families of sufficient statistics (cone, crossing, rrr, binmix)
// do not look at the rows again.
func benchToys(b *testing.B, f func(l Likelihood, dst, theta []float64) bool) {
	for _, c := range []struct {
		text  string
		theta []float64
	}{
		{"cone:d=3", []float64{0.3, 1, 1, 1}},
		{"contaminated", []float64{0.3, 1.4}},
		{"rbf", []float64{-0.3, 0.8, 1, 0.7}},
		{"binmix", []float64{0.4, 0.3, 0.6}},
		{"crossing", []float64{0.5, 0.7}},
		{"rrr", []float64{1, 2, 3, 4}},
	} {
		m := mustParse(b, c.text)
		l, _ := bound(b, m, c.theta, 1000, 1)
		dst := make([]float64, Dim(m))
		if !f(l, dst, c.theta) {
			continue
		}
		b.Run(c.text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f(l, dst, c.theta)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/row")
		})
	}
}

func BenchmarkToyLogLik(b *testing.B) {
	benchToys(b, func(l Likelihood, _, theta []float64) bool {
		l.LogLik(theta)
		return true
	})
}

func BenchmarkToyScore(b *testing.B) {
	benchToys(b, func(l Likelihood, dst, theta []float64) bool {
		l.(Scorer).Score(dst, theta)
		return true
	})
}

func BenchmarkToyEMStep(b *testing.B) {
	benchToys(b, func(l Likelihood, dst, theta []float64) bool {
		em, ok := l.(EMStepper)
		if ok {
			em.EMStep(dst, theta)
		}
		return ok
	})
}

// An observation at 10⁶ has a density, a score and a Hessian to full precision: at
// θ = (1/100, 10⁶) the two components do not overlap, and each has its closed form.
func TestContaminatedFarFromZero(t *testing.T) {
	m, err := Parse("contaminated")
	if err != nil {
		t.Fatal(err)
	}
	z := &Data{N: 3, Q: 1, V: []float64{0.5, 1e6 + 0.25, -1}}
	l, err := m.Bind(z)
	if err != nil {
		t.Fatal(err)
	}
	theta := []float64{0.01, 1e6}
	want := -3*halfLog2Pi + 2*math.Log(0.99) + math.Log(0.01) - 0.5*(0.25+0.0625+1)
	if got := l.LogLik(theta); math.Abs(got-want) > 1e-14*math.Abs(want) {
		t.Errorf("log-likelihood %v, want %v", got, want)
	}
	h := mat.NewSymDense(2, nil)
	l.(Hesser).Hess(h, theta)
	for i, want := range []float64{-1/(0.01*0.01) - 2/(0.99*0.99), 0, -1} {
		if got := h.At(i/2, (i+1)/2); math.Abs(got-want) > 1e-12*(1+math.Abs(want)) {
			t.Errorf("Hessian %d: %v, want %v", i, got, want)
		}
	}
}
