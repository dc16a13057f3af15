package models

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// mlpCases cover every branch of the family: activations, biases, several
// inputs and outputs, free and known noise.
func mlpCases(t testing.TB) []*MLP {
	var ms []*MLP
	for act := ErfUnit; act <= LinearUnit; act++ {
		for _, s := range []MLPSettings{
			{},
			{In: 2, Hidden: 3, Out: 2, Bias: true, FreeSigma: true},
			{In: 1, Hidden: 2, Out: 1, Bias: true, Sigma: 0.5},
			{In: 3, Hidden: 1, Out: 2, FreeSigma: true},
		} {
			s.Act = act
			m, err := NewMLP(s)
			if err != nil {
				t.Fatal(err)
			}
			ms = append(ms, m)
		}
	}
	return ms
}

// mlpTheta is a generic point of the domain.
func mlpTheta(m *MLP, rng *rand.Rand) []float64 {
	theta := make([]float64, len(m.params))
	for j := range theta {
		theta[j] = rng.NormFloat64()
	}
	if m.s.FreeSigma {
		theta[m.net] = 0.3 + rng.Float64()
	}
	return theta
}

func mlpDrawn(t testing.TB, m *MLP, theta []float64, n int, rng *rand.Rand) *mlpLike {
	t.Helper()
	z := NewData(n, m.s.In, m.s.Out)
	m.Inputs(z, rng)
	m.Sample(z, theta, rng)
	l, err := m.Bind(z)
	if err != nil {
		t.Fatal(err)
	}
	return l.(*mlpLike)
}

func mlpClose(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol*(1+math.Abs(want))) {
		t.Errorf("%s = %.15g, want %.15g (difference %.2g, tolerance %.1g)", what, got, want, got-want, tol)
	}
}

// naiveMLP writes the log density of one row out of the definition.
func naiveMLP(m *MLP, theta, x, y []float64) float64 {
	k, s, ll := 0, m.s, 0.0
	phi := make([]float64, s.Hidden)
	for i := range phi {
		h := 0.0
		for j := range s.In {
			h += theta[k] * x[j]
			k++
		}
		if s.Bias {
			h += theta[k]
			k++
		}
		switch s.Act {
		case ErfUnit:
			phi[i] = 1 - math.Erfc(h/math.Sqrt2)
		case TanhUnit:
			phi[i] = 1 - 2/(math.Exp(2*h)+1)
		case ReLUUnit:
			phi[i] = (h + math.Abs(h)) / 2
		case LinearUnit:
			phi[i] = h
		}
	}
	s2 := s.Sigma * s.Sigma
	if s.FreeSigma {
		s2 = theta[len(theta)-1]
	}
	for o := range s.Out {
		f := 0.0
		for i := range phi {
			f += theta[k] * phi[i]
			k++
		}
		if s.Bias {
			f += theta[k]
			k++
		}
		ll += -(y[o]-f)*(y[o]-f)/(2*s2) - math.Log(math.Sqrt(2*math.Pi*s2))
	}
	return ll
}

func TestMLPLogLikelihoodIsItsDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, m := range mlpCases(t) {
		t.Run(m.String(), func(t *testing.T) {
			theta := mlpTheta(m, rng)
			l := mlpDrawn(t, m, theta, 7, rng)
			terms := make([]float64, 7)
			l.Terms(terms, theta)
			sum := 0.0
			for i := range terms {
				want := naiveMLP(m, theta, l.z.X(i), l.z.Y(i))
				mlpClose(t, fmt.Sprintf("term %d", i), terms[i], want, 1e-12)
				sum += want
			}
			mlpClose(t, "LogLik", l.LogLik(theta), sum, 1e-12)
			theta[0] = math.NaN()
			if got := l.LogLik(theta); !math.IsInf(got, -1) {
				t.Errorf("LogLik at NaN = %v, want -Inf", got)
			}
		})
	}
}

// The score and Hessian against central differences of LogLik and of the score:
// the step 1e-5 leaves errors near 1e-9. relu is smooth at these inputs.
func TestMLPDerivatives(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for _, m := range mlpCases(t) {
		t.Run(m.String(), func(t *testing.T) {
			theta := mlpTheta(m, rng)
			d := len(theta)
			n := 9
			base := mlpDrawn(t, m, theta, n, rng)
			for j := range theta[:m.net] {
				theta[j] += 0.1 * rng.NormFloat64() // not at the truth: residuals have a mean
			}
			w := make([]float64, n)
			for i := range w {
				w[i] = float64(i % 4)
			}
			for _, l := range []*mlpLike{base, base.Reweight(w).(*mlpLike)} {
				g, up, dn := make([]float64, d), make([]float64, d), make([]float64, d)
				mlpClose(t, "Score's value", l.Score(g, theta), l.LogLik(theta), 1e-13)
				h := mat.NewSymDense(d, nil)
				l.Hess(h, theta)
				x := append([]float64(nil), theta...)
				for i := range d {
					const e = 1e-5
					x[i] = theta[i] + e
					fu := l.Score(up, x)
					x[i] = theta[i] - e
					fd := l.Score(dn, x)
					x[i] = theta[i]
					mlpClose(t, "score of "+m.params[i].Name, g[i], (fu-fd)/(2*e), 2e-8)
					for j := range d {
						mlpClose(t, fmt.Sprintf("Hess of %s, %s", m.params[i].Name, m.params[j].Name), h.At(i, j), (up[j]-dn[j])/(2*e), 2e-8)
					}
				}
				rows := mat.NewDense(n, d, nil)
				l.ScoreTerms(rows, theta)
				all := make([]int, n)
				for j := range d {
					s := 0.0
					for i := range n {
						s += l.weight(i) * rows.At(i, j)
					}
					mlpClose(t, "Σ ScoreTerms", s, g[j], 1e-11)
				}
				for i := range all {
					all[i] = i
				}
				mlpClose(t, "BatchScore's value", l.BatchScore(up, theta, all), l.LogLik(theta), 1e-13)
				for j := range d {
					mlpClose(t, "BatchScore of all rows", up[j], g[j], 1e-13)
				}
				mlpClose(t, "BatchScore of one row twice", l.BatchScore(dn, theta, []int{3, 3}), 2*l.weight(3)*naiveMLP(m, theta, l.z.X(3), l.z.Y(3)), 1e-12)
			}
		})
	}
}

func TestMLPEvaluationAllocatesNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for _, m := range mlpCases(t) {
		theta := mlpTheta(m, rng)
		l := mlpDrawn(t, m, theta, 5, rng)
		d := len(theta)
		g, terms := make([]float64, d), make([]float64, 5)
		rows, h := mat.NewDense(5, d, nil), mat.NewSymDense(d, nil)
		batch := []int{1, 4}
		start := make([]float64, d)
		for name, f := range map[string]func(){
			"LogLik":     func() { l.LogLik(theta) },
			"Terms":      func() { l.Terms(terms, theta) },
			"Score":      func() { l.Score(g, theta) },
			"ScoreTerms": func() { l.ScoreTerms(rows, theta) },
			"BatchScore": func() { l.BatchScore(g, theta, batch) },
			"Hess":       func() { l.Hess(h, theta) },
		} {
			if n := testing.AllocsPerRun(10, f); n != 0 {
				t.Errorf("%v: %s allocates %v times", m, name, n)
			}
		}
		l.Start(start, rng)
		if err := CheckTheta(m, start); err != nil {
			t.Errorf("%v: start: %v", m, err)
		}
	}
}

func TestMLPText(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"mlp", "mlp:in=1,hidden=2,out=1,act=erf,bias=false,sigma=1"},
		{"mlp:hidden=3,act=tanh,bias=true,sigma=free", "mlp:in=1,hidden=3,out=1,act=tanh,bias=true,sigma=free"},
		{"mlp:in=2,x=uniform,xsd=0.5,sigma=0.1", "mlp:in=2,hidden=2,out=1,act=erf,bias=false,sigma=0.1,x=uniform,xsd=0.5"},
		{"mlp:in=2,x=data,act=relu", "mlp:in=2,hidden=2,out=1,act=relu,bias=false,sigma=1,x=data"},
	} {
		m, err := Parse(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		got := m.(*MLP).String()
		if got != c.want {
			t.Errorf("%s: String() = %s, want %s", c.text, got, c.want)
		}
		again, err := Parse(got)
		if err != nil || again.(*MLP).String() != got {
			t.Errorf("%s does not survive Parse: %v, %v", got, again, err)
		}
	}
	for text, want := range map[string]string{
		"mlp:noise=poisson":     "gauss, softmax",
		"mlp:act=gelu":          "erf, tanh, relu, linear",
		"mlp:sigma=-1":          "above 0",
		"mlp:hidden=0":          "from 1",
		"mlp:x=data,xsd=2":      "spread is that of the data",
		"mlp:width=2":           "unknown key",
		"mlp:xsd=nan":           "above 0",
		"mlp:hidden=two":        "whole number",
		"mlp:in=1,in=2,hidde=3": "given twice",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one that says %q", text, err, want)
		}
	}
	names := func(text string) string {
		m, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		var s []string
		for _, p := range m.Params() {
			s = append(s, p.Name)
		}
		return strings.Join(s, " ")
	}
	for text, want := range map[string]string{
		"mlp": "w1 w2 v1 v2",
		"mlp:in=2,hidden=2,out=2,bias=true,sigma=free": "w1_1 w1_2 b1 w2_1 w2_2 b2 v1_1 v1_2 c1 v2_1 v2_2 c2 sigma2",
	} {
		if got := names(text); got != want {
			t.Errorf("%s: parameters %s, want %s", text, got, want)
		}
	}
}

func TestMLPSettingsErrors(t *testing.T) {
	for _, s := range []MLPSettings{
		{In: -1}, {Hidden: 1001}, {Sigma: -1}, {Sigma: math.Inf(1)}, {Sigma: 1, FreeSigma: true}, {Act: 9},
		{In: 2, Inputs: NormalLaw{P: 1, SD: 1}}, {Inputs: NormalLaw{P: 1}}, {Inputs: UniformLaw{P: 1, SD: math.NaN()}},
		{Inputs: EmpiricalLaw{Z: NewData(3, 2, 0)}},
	} {
		if m, err := NewMLP(s); err == nil {
			t.Errorf("%+v: no error, got %v", s, m)
		}
	}
	m, err := NewMLP(MLPSettings{Inputs: EmpiricalLaw{}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), "no data to draw inputs from") {
			t.Errorf("Inputs without data: recovered %v", r)
		}
	}()
	m.Inputs(NewData(1, 1, 1), rand.New(rand.NewPCG(1, 1)))
}

// nls_tanh1: least squares of y = a·tanh(bx) on 61 points x = −3 … 3, R 4.2.2
// nls: a = 1.30023236178744, b = 0.799648520733761, RSS = 0.305137670712524,
// log-likelihood 75.0296651891291 at σ² = RSS/61. nls stops at a relative change
// of 1e-8 in the coefficients, so the score vanishes to about 1e-4.
func TestMLPLeastSquaresFitOfR(t *testing.T) {
	m, err := NewMLP(MLPSettings{Hidden: 1, Act: TanhUnit, FreeSigma: true})
	if err != nil {
		t.Fatal(err)
	}
	l, err := m.Bind(tanh1(t))
	if err != nil {
		t.Fatal(err)
	}
	theta := []float64{0.799648520733761, 1.30023236178744, 0.305137670712524 / 61}
	mlpClose(t, "log-likelihood", l.LogLik(theta), 75.0296651891291, 1e-12)
	g := make([]float64, 3)
	l.(Scorer).Score(g, theta)
	for j, s := range g[:2] {
		if math.Abs(s) > 1e-3 {
			t.Errorf("score of %s = %g at the least-squares estimate", m.params[j].Name, s)
		}
	}
	mlpClose(t, "score of sigma2", g[2], 0, 1e-6)
	// Standard errors of nls: inverse Gauss-Newton matrix, σ² = RSS/59.
	f := mat.NewSymDense(3, nil)
	info := mat.NewSymDense(2, nil)
	for i := range 61 {
		m.FisherAt(f, theta, l.(*mlpLike).z.X(i))
		for a := range 2 {
			for b := a; b < 2; b++ {
				info.SetSym(a, b, info.At(a, b)+f.At(a, b)*59/61)
			}
		}
	}
	det := info.At(0, 0)*info.At(1, 1) - info.At(0, 1)*info.At(0, 1)
	mlpClose(t, "standard error of b", math.Sqrt(info.At(1, 1)/det), 0.033335440373547, 1e-7)
	mlpClose(t, "standard error of a", math.Sqrt(info.At(0, 0)/det), 0.0207616264457786, 1e-7)
}
