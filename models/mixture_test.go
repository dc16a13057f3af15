package models

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// What every member of the family offers.
var (
	_ interface {
		Model
		Informer
		Factorer
		Canonicalizer
		Stratified
		KnownRLCT
		KnownLocalRLCT
		Unconstrainer
		Nester
		Domainer
		Noder
	} = (*Mixture)(nil)
	_ interface {
		Likelihood
		Scorer
		TermScorer
		EMStepper
		Batcher
		Starter
		Reweighter
		Weigher
		FloorReporter
	} = (*mixLike)(nil)
	_ Hesser = mixLike1{}
)

// mixtureCases are members of every variance structure with a θ inside the
// domain.
var mixtureCases = []struct {
	text  string
	theta []float64
}{
	{"mixture:k=1", []float64{0.3, 1.7}},
	{"mixture:k=1,sd=2", []float64{0.3}},
	{"mixture:k=2", []float64{0.3, -1, 1.2, 0.8, 1.7}},
	{"mixture:k=2,sd=tied", []float64{0.3, -1, 1.2, 0.8}},
	{"mixture:k=2,sd=1,bound=5", []float64{0.3, -1, 1.2}},
	{"mixture:k=3", []float64{0.2, 0.5, -1, 1.2, 3, 0.8, 1.7, 0.4}},
	{"mixture:k=4,sd=tied", []float64{0.2, 0.4, 0.1, -1, 1.2, 3, 5, 0.8}},
	{"mixture:k=1,dim=2", []float64{0.5, -0.5, 2, 0.7, 1}},
	{"mixture:k=2,dim=2", []float64{0.4, 0, 1, 2, -1, 1, 0.3, 0.8, 2, -0.4, 0.5}},
	{"mixture:k=2,dim=2,cov=tied", []float64{0.4, 0, 1, 2, -1, 1, 0.3, 0.8}},
	{"mixture:k=2,dim=2,cov=diag", []float64{0.4, 0, 1, 2, -1, 1, 0.8, 2, 0.5}},
	{"mixture:k=2,dim=2,cov=spherical", []float64{0.4, 0, 1, 2, -1, 1, 0.8}},
	{"mixture:k=3,dim=3", []float64{0.4, 0.3, 0, 1, -1, 2, -1, 0, 1, 1, 1,
		1, 0.3, 0.1, 0.8, -0.2, 1.5, 2, -0.4, 0, 0.5, 0.1, 1, 1, 0, 0, 1, 0.5, 1}},
	{"mixture:k=2,dim=3,cov=diag", []float64{0.4, 0, 1, -1, 2, -1, 0, 1, 0.8, 1.5, 2, 0.5, 1}},
}

func mustMixture(t testing.TB, text string) *Mixture {
	t.Helper()
	m, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return m.(*Mixture)
}

// drawMixture binds n rows drawn at theta.
func drawMixture(t testing.TB, m Model, theta []float64, n int, seed uint64) (Likelihood, *Data) {
	t.Helper()
	z := NewData(n, 0, m.Shape().Q)
	m.Sample(z, theta, rand.New(rand.NewPCG(seed, 1)))
	l, err := m.Bind(z)
	if err != nil {
		t.Fatal(err)
	}
	return l, z
}

func eachMixture(t *testing.T, f func(t *testing.T, m *Mixture, theta []float64)) {
	for _, c := range mixtureCases {
		t.Run(c.text, func(t *testing.T) {
			m := mustMixture(t, c.text)
			if err := CheckTheta(m, c.theta); err != nil {
				t.Fatal(err)
			}
			if m.String() != c.text {
				t.Errorf("text form %q, want %q", m, c.text)
			}
			f(t, m, c.theta)
		})
	}
}

func mixNear(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol*(1+math.Abs(want))) {
		t.Errorf("%s = %.15g, want %.15g", what, got, want)
	}
}

// naiveMixture is log p(y) from the definition, with an inverse and determinant
// by gonum instead of this package's kernels.
func naiveMixture(m *Mixture, theta, y []float64) float64 {
	w := make([]float64, m.k)
	m.weights(w, theta)
	d := m.dim
	cov := make([]float64, d*d)
	var p float64
	for j := range m.k {
		m.covariance(cov, theta, j)
		s := mat.NewSymDense(d, slices.Clone(cov))
		var inv mat.Dense
		if err := inv.Inverse(s); err != nil {
			return math.NaN()
		}
		e := mat.NewVecDense(d, nil)
		for a := range d {
			e.SetVec(a, y[a]-theta[m.mean0+j*d+a])
		}
		p += w[j] * math.Exp(-0.5*mat.Inner(e, &inv, e)) / math.Sqrt(math.Pow(2*math.Pi, float64(d))*mat.Det(s))
	}
	return math.Log(p)
}

func TestMixtureLogLikIsTheDefinition(t *testing.T) {
	eachMixture(t, func(t *testing.T, m *Mixture, theta []float64) {
		l, z := drawMixture(t, m, theta, 203, 1)
		terms := make([]float64, z.N)
		l.Terms(terms, theta)
		var sum float64
		for i, x := range terms {
			mixNear(t, fmt.Sprintf("term %d", i), x, naiveMixture(m, theta, z.Y(i)), 1e-13)
			sum += x
		}
		mixNear(t, "loglik", l.LogLik(theta), sum, 1e-13)
		score := make([]float64, len(theta))
		mixNear(t, "loglik of Score", l.(Scorer).Score(score, theta), sum, 1e-13)
		mixNear(t, "loglik of EMStep", l.(EMStepper).EMStep(score, theta), sum, 1e-13)
	})
}

// The score is compared with fourth-order differences of LogLik, whose error is
// about 1e-9 of the scale.
func TestMixtureScoreAgainstDifferences(t *testing.T) {
	eachMixture(t, func(t *testing.T, m *Mixture, theta []float64) {
		l, z := drawMixture(t, m, theta, 150, 2)
		d := len(theta)
		got, want := make([]float64, d), make([]float64, d)
		l.(Scorer).Score(got, theta)
		x := slices.Clone(theta)
		for i := range x {
			want[i] = difference(l.LogLik, x, i, m.params[i], l.LogLik(theta))
		}
		scale := 1 + mat.Norm(mat.NewVecDense(d, want), 2)
		terms := mat.NewDense(z.N, d, nil)
		l.(TermScorer).ScoreTerms(terms, theta)
		rows := make([]int, 0, 2*z.N)
		for i := range z.N {
			rows = append(rows, i, i)
		}
		batch := make([]float64, d)
		mixNear(t, "batch of every row twice", l.(Batcher).BatchScore(batch, theta, rows), 2*l.LogLik(theta), 1e-12)
		for i := range d {
			if math.Abs(got[i]-want[i]) > 1e-8*scale {
				t.Errorf("score[%s] = %v, differences %v", m.params[i].Name, got[i], want[i])
			}
			mixNear(t, "sum of term scores", mat.Sum(terms.ColView(i)), got[i], 1e-11*scale)
			mixNear(t, "batch score", batch[i], 2*got[i], 1e-11*scale)
		}
	})
}

// Hess is compared with central differences of the score (error about 1e-9 of
// the scale), at interior points and where a weight is 0.
func TestMixtureHessAgainstDifferences(t *testing.T) {
	check := func(t *testing.T, m *Mixture, theta []float64) {
		if m.dim > 1 {
			return
		}
		l, _ := drawMixture(t, m, mixtureCaseTheta(m), 100, 4)
		d := len(theta)
		got := mat.NewSymDense(d, nil)
		f, route := Hess(l)
		if route != Exact {
			t.Fatalf("route %v", route)
		}
		f(got, theta)
		up, dn, x := make([]float64, d), make([]float64, d), slices.Clone(theta)
		for i := range d {
			h := 1e-5
			x[i] = theta[i] + h
			above := l.(Scorer).Score(up, x)
			x[i] = theta[i] - h
			below := l.(Scorer).Score(dn, x)
			x[i] = theta[i]
			if math.IsInf(above+below, 0) {
				continue // on the boundary of the weights; their columns are in the other rows
			}
			for j := range d {
				want := (up[j] - dn[j]) / (2 * h)
				if math.Abs(got.At(i, j)-want) > 1e-7*(1+mat.Norm(got, 2)) {
					t.Errorf("H[%d][%d] = %v, differences %v", i, j, got.At(i, j), want)
				}
			}
		}
	}
	eachMixture(t, check)
	check(t, mustMixture(t, "mixture:k=3"), []float64{0, 0.5, -1, 1.2, 3, 0.8, 1.7, 0.4})
	check(t, mustMixture(t, "mixture:k=3,sd=tied"), []float64{0.3, 0.7, -1, 1.2, 3, 0.8})
}

// mixtureCaseTheta is a law to draw data from.
func mixtureCaseTheta(m *Mixture) []float64 {
	for _, c := range mixtureCases {
		if c.text == m.String() {
			return c.theta
		}
	}
	theta := make([]float64, len(m.params))
	for i := range theta {
		theta[i] = 1 / float64(m.k)
		if i >= m.mean0 {
			theta[i] = float64(i - m.mean0)
		}
		if i >= m.var0 {
			theta[i] = 1
		}
	}
	return theta
}

func TestMixtureRefusesBadSettings(t *testing.T) {
	for _, text := range []string{"mixture:k=0", "mixture:k=1.5", "mixture:sd=-1", "mixture:sd=wide", "mixture:cov=full",
		"mixture:dim=2,sd=1", "mixture:dim=2,cov=round", "mixture:bound=0", "mixture:floor=2", "mixture:floor=0", "mixture:n=3", "mixture:dim=0"} {
		if m, err := Parse(text); err == nil {
			t.Errorf("%s gave %v", text, m)
		}
	}
	for _, s := range []MixtureSettings{{K: -1}, {Dim: -1}, {Variance: VarKnown, Dim: 2}, {Variance: VarDiag}, {Sigma: -1},
		{Bound: -1}, {Floor: 1}, {Variance: 9}, {Bound: math.NaN()}, {Sigma: math.Inf(1)}} {
		if m, err := NewMixture(s); err == nil {
			t.Errorf("%+v gave %v", s, m)
		}
	}
	if m, err := NewMixture(MixtureSettings{}); err != nil || m.String() != "mixture:k=2" {
		t.Errorf("zero settings: %v, %v", m, err)
	}
	m := mustMixture(t, "mixture:k=3,dim=2")
	theta := mixtureCaseTheta(m)
	for i := m.var0; i < len(theta); i++ {
		theta[i] = float64(1 - (i-m.var0)%3%2) // 1 0 1
	}
	if err := CheckTheta(m, theta); err != nil {
		t.Error(err)
	}
	theta[m.var0+1] = 1
	if err := CheckTheta(m, theta); err == nil {
		t.Error("a singular covariance passed")
	}
	theta[m.var0+1], theta[0], theta[1] = 0, 0.7, 0.7
	if err := CheckTheta(m, theta); err == nil {
		t.Error("weights that sum to 1.4 passed")
	}
}

// Sample moments against those of θ: 4 standard errors, so a false alarm once in
// some ten thousand runs; the seed is fixed.
func TestMixtureSampleHasTheMoments(t *testing.T) {
	eachMixture(t, func(t *testing.T, m *Mixture, theta []float64) {
		const n = 20000
		_, z := drawMixture(t, m, theta, n, 21)
		c := m.newComponents()
		c.set(theta)
		d := m.dim
		for a := range d {
			var mean, square float64
			for j, pi := range c.w {
				mu := c.mu[j*d+a]
				mean += pi * mu
				square += pi * (mu*mu + c.cov[j*d*d+a*d+a])
			}
			var got float64
			for i := range n {
				got += z.Y(i)[a] / n
			}
			if v := square - mean*mean; math.Abs(got-mean) > 4*math.Sqrt(v/n) {
				t.Errorf("mean of coordinate %d is %v, want %v", a, got, mean)
			}
		}
	})
}
