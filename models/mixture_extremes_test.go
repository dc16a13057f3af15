package models

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

func TestMixtureAtExtremes(t *testing.T) {
	bind := func(text string, y ...float64) Likelihood {
		z := NewData(len(y), 0, 1)
		copy(z.V, y)
		l, err := mustMixture(t, text).Bind(z)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	score := make([]float64, 3)
	// Forty standard deviations away: p = ½φ(39)(1 + e^{−39.5}).
	l := bind("mixture:k=2,sd=1", 40)
	theta := []float64{0.5, 0, 1}
	mixNear(t, "loglik", l.LogLik(theta), -math.Ln2-39*39/2.0-halfLog2Pi, 1e-15)
	l.(Scorer).Score(score, theta)
	r := math.Exp(-39.5)
	mixNear(t, "score of π", score[0], 2*r-2, 1e-14)
	mixNear(t, "score of μ1 / (40 r)", score[1]/(40*r), 1, 1e-13)
	mixNear(t, "score of μ2", score[2], 39, 1e-14)

	// Weights 0, the least denormal and 1: φ1/p − φ2/p from the definition.
	l = bind("mixture:k=2,sd=1", 0.5, 3)
	for _, w := range []float64{0, 5e-324, 1e-300, 1} {
		theta := []float64{w, 0.2, 2}
		ll := l.(Scorer).Score(score, theta)
		var want, wantLL float64
		for _, y := range []float64{0.5, 3} {
			f1, f2 := math.Exp(-(y-0.2)*(y-0.2)/2), math.Exp(-(y-2)*(y-2)/2)
			p := w*f1 + (1-w)*f2
			want += (f1 - f2) / p
			wantLL += math.Log(p) - halfLog2Pi
		}
		mixNear(t, "loglik", ll, wantLL, 1e-14)
		mixNear(t, "score of the weight", score[0], want, 1e-13)
		h := mat.NewSymDense(3, nil)
		l.(Hesser).Hess(h, theta)
		if math.IsNaN(mat.Sum(h)) || math.IsInf(mat.Sum(h), 0) {
			t.Errorf("Hessian at weight %v: %v", w, mat.Formatted(h))
		}
	}

	// Outside the domain, beyond the range of floats, not finite: −Inf, not NaN.
	l = bind("mixture:k=2", 1e200, 0)
	for _, theta := range [][]float64{
		{0.5, 0, 1, 1, 1}, {-0.1, 0, 1, 1, 1}, {1.1, 0, 1, 1, 1}, {0.5, 0, 1, 0, 1}, {0.5, 0, 1, 1, -1},
		{math.NaN(), 0, 1, 1, 1}, {0.5, math.Inf(1), 1, 1, 1}, {0.5, 0, math.NaN(), 1, 1}, {0.5, 0, 1, 1, math.Inf(1)},
	} {
		if got := l.LogLik(theta); !math.IsInf(got, -1) {
			t.Errorf("loglik at %v is %v", theta, got)
		}
		dst := make([]float64, 5)
		if got := l.(Scorer).Score(dst, theta); !math.IsInf(got, -1) {
			t.Errorf("loglik of Score at %v is %v", theta, got)
		}
		if got := l.(EMStepper).EMStep(dst, theta); !math.IsInf(got, -1) {
			t.Errorf("loglik of EMStep at %v is %v", theta, got)
		}
	}
	// Weight 0 on the impossible row makes it possible.
	if got := l.(Reweighter).Reweight([]float64{0, 1}).LogLik([]float64{0.5, 0, 1, 1, 1}); math.IsInf(got, 0) {
		t.Errorf("weighted loglik %v", got)
	}

	// Data without any scale have a floor too.
	l = bind("mixture:k=2", 7, 7, 7, 7)
	a, b := make([]float64, 5), make([]float64, 5)
	l.(Starter).Start(a, rand.New(rand.NewPCG(1, 1)))
	for range 50 {
		if ll := l.(EMStepper).EMStep(b, a); math.IsNaN(ll) || math.IsInf(ll, 0) {
			t.Fatalf("loglik %v at %v", ll, a)
		}
		a, b = b, a
	}
	if len(l.(FloorReporter).Floored(a)) == 0 {
		t.Errorf("constant data: %v is not on the floor", a)
	}
}

func TestMixtureEvaluationAllocatesNothing(t *testing.T) {
	eachMixture(t, func(t *testing.T, m *Mixture, theta []float64) {
		l, z := drawMixture(t, m, theta, 150, 1)
		d := len(theta)
		dst, terms, rows := make([]float64, d), make([]float64, z.N), []int{1, 5, 7}
		jac, h := mat.NewDense(z.N, d, nil), mat.NewSymDense(d, nil)
		rng := rand.New(rand.NewPCG(1, 1))
		calls := map[string]func(){
			"LogLik":     func() { l.LogLik(theta) },
			"Terms":      func() { l.Terms(terms, theta) },
			"Score":      func() { l.(Scorer).Score(dst, theta) },
			"BatchScore": func() { l.(Batcher).BatchScore(dst, theta, rows) },
			"ScoreTerms": func() { l.(TermScorer).ScoreTerms(jac, theta) },
			"EMStep":     func() { l.(EMStepper).EMStep(dst, theta) },
			"Start":      func() { l.(Starter).Start(dst, rng) },
		}
		if hs, ok := l.(Hesser); ok {
			calls["Hess"] = func() { hs.Hess(h, theta) }
		}
		if f, _ := m.Fisher(); f != nil && m.dim == 1 {
			calls["Fisher"] = func() { f(h, theta) }
		}
		for name, f := range calls {
			if n := testing.AllocsPerRun(3, f); n != 0 {
				t.Errorf("%s allocates %v times", name, n)
			}
		}
	})
}

func TestMixtureNodesIntegrateTheLaw(t *testing.T) {
	eachMixture(t, func(t *testing.T, m *Mixture, theta []float64) {
		rule, tol := Rule{}, 1e-10
		if m.dim == 3 {
			rule.Points, tol = 25, 1e-3 // coarse: the score of separated components is steep
			if _, _, err := m.Nodes(theta, Rule{}); err == nil {
				t.Error("no error without a number of nodes in three dimensions")
			}
		}
		z, w, err := m.Nodes(theta, rule)
		if err != nil {
			t.Fatal(err)
		}
		var sum float64
		mean := make([]float64, m.dim)
		for i, x := range w {
			sum += x
			for a, y := range z.Y(i) {
				mean[a] += x * y
			}
		}
		mixNear(t, "weights", sum, 1, 1e-13)
		c := m.newComponents()
		c.set(theta)
		for a := range mean {
			var want float64
			for j, pi := range c.w {
				want += pi * c.mu[j*m.dim+a]
			}
			mixNear(t, "mean", mean[a], want, 1e-12)
		}
		// E score = 0, and with the Fisher quadrature E s sᵀ = F.
		l, err := m.Bind(z)
		if err != nil {
			t.Fatal(err)
		}
		score := make([]float64, len(theta))
		l.(Reweighter).Reweight(w).(Scorer).Score(score, theta)
		for i, s := range score {
			if math.Abs(s) > tol {
				t.Errorf("E score[%s] = %v", m.params[i].Name, s)
			}
		}
		f, route := m.Fisher()
		if f == nil || testing.Short() && m.dim == 2 && m.k > 1 {
			return
		}
		d := len(theta)
		info, sum2 := mat.NewSymDense(d, nil), mat.NewSymDense(d, nil)
		if bound := f(info, theta); !(bound <= 1e-8*mat.Max(info)) {
			t.Errorf("%v: error bound %v", route, bound)
		}
		terms := mat.NewDense(z.N, d, nil)
		l.(TermScorer).ScoreTerms(terms, theta)
		for i, x := range w {
			sum2.SymRankOne(sum2, x, terms.RowView(i))
		}
		if !mat.EqualApprox(info, sum2, 1e-9) {
			t.Errorf("F = %v\nby nodes %v", mat.Formatted(info), mat.Formatted(sum2))
		}
	})
}
