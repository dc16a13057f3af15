package models

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
)

func TestDeepMLPText(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"mlp:hidden=64+32,act=relu", "mlp:in=1,hidden=64+32,out=1,act=relu,bias=false,sigma=1"},
		{"mlp:in=64,hidden=64,out=10,act=relu,bias=true,noise=softmax", "mlp:in=64,hidden=64,out=10,act=relu,bias=true,noise=softmax"},
		{"mlp:hidden=2+2+2,sigma=free,x=data", "mlp:in=1,hidden=2+2+2,out=1,act=erf,bias=false,sigma=free,x=data"},
	} {
		m, err := Parse(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if deep, ok := m.(*DeepMLP); !ok || deep.String() != c.want {
			t.Errorf("%s: %T %v, want %s", c.text, m, m, c.want)
		}
	}
	for text, want := range map[string]string{
		"mlp:noise=softmax":                       "number of classes",
		"mlp:noise=softmax,out=3,sigma=1":         "no sigma",
		"mlp:hidden=2+0":                          "from 1",
		"mlp:hidden=1000+1000+1000":               "allowed are 1000000",
		"mlp:hidden=2+x":                          "whole numbers",
		"mlp:hidden=2+2,x=data,xsd=2":             "spread is that of the data",
		"mlp:hidden=2+2,sigma=0":                  "above 0",
		"mlp:in=2000,hidden=3+3,noise=softmax":    "1 to 1000",
		"mlp:noise=softmax,out=3,act=softplus":    "erf, tanh, relu, linear",
		"mlp:noise=softmax,out=3,hidden=4+4,in=0": "from 1 to 1000",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one that says %q", text, err, want)
		}
	}
}

func deepMLP(t testing.TB, s DeepMLPSettings) *DeepMLP {
	t.Helper()
	m, err := NewDeepMLP(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// drawn returns a point of order 1 and data drawn there.
func (m *DeepMLP) drawn(n int, seed uint64) (theta []float64, z *Data) {
	rng := rand.New(rand.NewPCG(seed, 1))
	theta = make([]float64, len(m.params))
	for i := range theta {
		theta[i] = 0.7 * rng.NormFloat64()
	}
	if m.s.FreeSigma {
		theta[m.net.Dim()] = 0.6
	}
	z = NewData(n, m.s.In, m.Shape().Q)
	m.Inputs(z, rng)
	m.Sample(z, theta, rng)
	return theta, z
}

// With one hidden layer and normal noise both implementations are the same model
// with the same θ: they share no code but the activations. Rows beyond one block.
func TestDeepMLPWithOneLayerIsMLP(t *testing.T) {
	for _, act := range []Activation{ErfUnit, TanhUnit, ReLUUnit, LinearUnit} {
		deep := deepMLP(t, DeepMLPSettings{In: 3, Hidden: []int{4}, Out: 2, Act: act, Bias: true, FreeSigma: true})
		theta, z := deep.drawn(150, 5)
		shallow, err := NewMLP(MLPSettings{In: 3, Hidden: 4, Out: 2, Act: act, Bias: true, FreeSigma: true})
		if err != nil {
			t.Fatal(err)
		}
		a, _ := deep.Bind(z)
		b, _ := shallow.Bind(z)
		ga, gb := make([]float64, len(theta)), make([]float64, len(theta))
		la, lb := a.(Scorer).Score(ga, theta), b.(Scorer).Score(gb, theta)
		if math.Abs(la-lb) > 1e-12*math.Abs(lb) { // sums in another order
			t.Errorf("%v: log-likelihood %.17g, want %.17g", act, la, lb)
		}
		for i := range ga {
			if math.Abs(ga[i]-gb[i]) > 1e-11*(1+math.Abs(gb[i])) {
				t.Errorf("%v: score in %s is %.15g, want %.15g", act, deep.params[i].Name, ga[i], gb[i])
			}
		}
		fa, fb := mat.NewSymDense(len(theta), nil), mat.NewSymDense(len(theta), nil)
		deep.FisherAt(fa, theta, z.X(0))
		shallow.FisherAt(fb, theta, z.X(0))
		if !mat.EqualApprox(fa, fb, 1e-12) {
			t.Errorf("%v: FisherAt differs", act)
		}
	}
}

// FisherAt is E[s sᵀ | x] over the labels.
func TestDeepMLPSoftmaxFisherAt(t *testing.T) {
	m := deepMLP(t, DeepMLPSettings{In: 2, Hidden: []int{3, 2}, Out: 4, Act: TanhUnit, Bias: true, Softmax: true})
	theta, _ := m.drawn(1, 3)
	d := len(theta)
	x := []float64{0.4, -1.1}
	z := NewData(4, 2, 1)
	for k := range z.N {
		copy(z.Row(k), []float64{x[0], x[1], float64(k)})
	}
	l, err := m.Bind(z)
	if err != nil {
		t.Fatal(err)
	}
	s, p := mat.NewDense(4, d, nil), make([]float64, 4)
	l.(TermScorer).ScoreTerms(s, theta)
	l.Terms(p, theta)
	want, got := mat.NewSymDense(d, nil), mat.NewSymDense(d, nil)
	total := 0.0
	for k := range p {
		total += math.Exp(p[k])
		want.SymRankOne(want, math.Exp(p[k]), s.RowView(k))
	}
	if math.Abs(total-1) > 1e-14 {
		t.Errorf("probabilities sum to %v", total)
	}
	if m.FisherAt(got, theta, x); !mat.EqualApprox(got, want, 1e-14) {
		t.Error("FisherAt is not E[s sᵀ]")
	}
}

// The Gram matrix from layers is that of explicit scores, to rounding, below and
// above the size of a block, for own rows and through the chooser's other route.
func TestScoreGram(t *testing.T) {
	for _, s := range []DeepMLPSettings{
		{In: 3, Hidden: []int{5, 4}, Out: 3, Act: ReLUUnit, Bias: true, Softmax: true},
		{In: 2, Hidden: []int{5}, Out: 2, Act: TanhUnit, FreeSigma: true},
	} {
		m := deepMLP(t, s)
		theta, z := m.drawn(200, 8)
		l, _ := m.Bind(z)
		own, route, err := ScoreGram(l)
		if err != nil || route != Exact {
			t.Fatal(route, err)
		}
		type plain struct {
			Likelihood
			TermScorer
		}
		other, route, err := ScoreGram(plain{l, l.(TermScorer)})
		if err != nil || route != Elemental {
			t.Fatal(route, err)
		}
		rng := rand.New(rand.NewPCG(2, 2))
		for _, b := range []int{1, 7, 100, 64} {
			rows := rng.Perm(z.N)[:b]
			rows[b-1] = rows[0] // a row given twice
			g, h := mat.NewSymDense(b, nil), mat.NewSymDense(b, nil)
			u, v := make([]float64, len(theta)), make([]float64, len(theta))
			la, lb := own(g, u, theta, rows), other(h, v, theta, rows)
			if math.Abs(la-lb) > 1e-12*math.Abs(lb) {
				t.Errorf("B = %d: sum %v, want %v", b, la, lb)
			}
			for i := range u {
				if math.Abs(u[i]-v[i]) > 1e-11*(1+math.Abs(v[i])) {
					t.Errorf("B = %d: score %d is %v, want %v", b, i, u[i], v[i])
				}
			}
			if scale := mat.Max(h); !mat.EqualApprox(g, h, 1e-12*scale) {
				t.Errorf("B = %d: Gram matrices differ", b)
			}
			if g.At(0, 0) != g.At(b-1, b-1) {
				t.Errorf("B = %d: a row given twice has two norms", b)
			}
		}
	}
}

func TestDeepMLPRefusesLabels(t *testing.T) {
	m := deepMLP(t, DeepMLPSettings{In: 1, Hidden: []int{2}, Out: 3, Softmax: true})
	for label, want := range map[float64]string{
		3: "row 2, column 2 of the data: label 3: allowed are the whole numbers 0 to 2", -1: "label -1", 0.5: "label 0.5",
	} {
		z := NewData(2, 1, 1)
		z.Y(1)[0] = label
		if _, err := m.Bind(z); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("label %v: error %v, want one that says %q", label, err, want)
		}
	}
}

// Logits far beyond the range of exp give 0 or −∞ apart, never NaN.
func TestDeepMLPSoftmaxExtremes(t *testing.T) {
	m := deepMLP(t, DeepMLPSettings{In: 1, Hidden: []int{1}, Out: 2, Act: ReLUUnit, Softmax: true})
	z := NewData(2, 1, 1)
	copy(z.V, []float64{1, 0, 1, 1})
	l, _ := m.Bind(z)
	p := make([]float64, 2)
	l.Terms(p, []float64{1, 1e300, 0})
	if p[0] != 0 || p[1] != -1e300 {
		t.Errorf("terms %v", p)
	}
	l.Terms(p, []float64{1e200, 1e200, 0})
	if !math.IsInf(p[0], -1) || !math.IsInf(p[1], -1) {
		t.Errorf("terms %v of an overflow, want -Inf", p)
	}
}

// One epoch of digits: the score of 32 rows at a time, and their Gram matrix.
func BenchmarkDeepMLP(b *testing.B) {
	m := deepMLP(b, DeepMLPSettings{In: 64, Hidden: []int{64}, Out: 10, Act: ReLUUnit, Bias: true, Softmax: true})
	theta, z := m.drawn(1437, 1)
	l, _ := m.Bind(z)
	score, rows := make([]float64, len(theta)), make([]int, 32)
	for i := range rows {
		rows[i] = 7 * i
	}
	b.Run("BatchScore32", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			l.(Batcher).BatchScore(score, theta, rows)
		}
	})
	b.Run("ScoreGram32", func(b *testing.B) {
		gram, f := mat.NewSymDense(32, nil), l.(ScoreGrammer).ScoreGram
		b.ReportAllocs()
		for b.Loop() {
			f(gram, score, theta, rows)
		}
	})
}
