package models

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"
)

// armaAutocov returns γ_0…γ_{n−1} of an ARMA process with unit noise from the
// difference equations of the autocovariance (Brockwell and Davis, Time Series:
// Theory and Methods, eq. 3.3.8): not the equations that the filter solves.
func armaAutocov(phi, th []float64, n int) []float64 {
	p, q := len(phi), len(th)
	theta := append([]float64{1}, th...)
	psi := make([]float64, q+1)
	for j := range psi {
		psi[j] = theta[j]
		for i := 1; i <= min(j, p); i++ {
			psi[j] += phi[i-1] * psi[j-i]
		}
	}
	rhs := func(k int) float64 {
		s := 0.0
		for j := k; j <= q; j++ {
			s += theta[j] * psi[j-k]
		}
		return s
	}
	a := mat.NewDense(p+1, p+1, nil)
	b := mat.NewVecDense(p+1, nil)
	for k := range p + 1 {
		b.SetVec(k, rhs(k))
		a.Set(k, k, a.At(k, k)+1)
		for i := 1; i <= p; i++ {
			j := max(k-i, i-k)
			a.Set(k, j, a.At(k, j)-phi[i-1])
		}
	}
	var x mat.VecDense
	_ = x.SolveVec(a, b) // near the circle gonum warns of the condition number
	g := make([]float64, max(n, p+1))
	for k := range g {
		if k <= p {
			g[k] = x.AtVec(k)
			continue
		}
		g[k] = rhs(k)
		for i := 1; i <= p; i++ {
			g[k] += phi[i-1] * g[k-i]
		}
	}
	return g[:n]
}

// denseARMA is the log-density of N(mean, σ² Γ) by a Cholesky factor.
func denseARMA(y, phi, th []float64, mean, sigma2 float64) float64 {
	n := len(y)
	g := armaAutocov(phi, th, n)
	s := mat.NewSymDense(n, nil)
	v := mat.NewVecDense(n, nil)
	for i := range n {
		v.SetVec(i, y[i]-mean)
		for j := i; j < n; j++ {
			s.SetSym(i, j, sigma2*g[j-i])
		}
	}
	var c mat.Cholesky
	if !c.Factorize(s) {
		return math.NaN()
	}
	var w mat.VecDense
	if err := c.SolveVecTo(&w, v); err != nil {
		if c := mat.Condition(0); !errors.As(err, &c) {
			return math.NaN()
		}
	}
	return -0.5 * (float64(n)*math.Log(2*math.Pi) + c.LogDet() + mat.Dot(v, &w))
}

// randomARMA draws a point of the domain: partial autocorrelations uniform on
// (−b, b).
func randomARMA(m *ARMA, b float64, rng *rand.Rand) []float64 {
	free := make([]float64, Dim(m))
	for i := range m.p + m.q {
		free[i] = math.Atanh(b * (2*rng.Float64() - 1))
	}
	m.putTail(free, 0.7, math.Log(1.7))
	theta := make([]float64, len(free))
	m.FromFree(theta, free)
	return theta
}

func mustARMA(tb testing.TB, p, q int, set ARMASettings) *ARMA {
	tb.Helper()
	m, err := NewARMA(p, q, set)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func bindARMA(tb testing.TB, m *ARMA, y []float64) *ARMALikelihood {
	tb.Helper()
	l, err := m.Bind(&Data{N: len(y), Q: 1, V: y})
	if err != nil {
		tb.Fatal(err)
	}
	if one, ok := l.(*arma11); ok {
		return one.ARMALikelihood
	}
	return l.(*ARMALikelihood)
}

func sampleARMA(m *ARMA, theta []float64, n int, seed uint64) []float64 {
	z := NewData(n, 0, 1)
	m.Sample(z, theta, rand.New(rand.NewPCG(seed, 77)))
	return z.V
}

func relDiff(a, b float64) float64 { return math.Abs(a-b) / (1 + math.Abs(b)) }

// The filter against a dense Gaussian density, 1e-9, over orders, lengths
// (n = 1 and n < p included) and distances to the unit circle.
func TestARMALogLikDense(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for p := range 5 {
		for q := range 5 {
			checkARMADense(t, p, q, rng)
		}
	}
	for _, o := range [][2]int{{9, 0}, {0, 9}, {9, 1}, {2, 9}, {9, 9}} {
		checkARMADense(t, o[0], o[1], rng)
	}
}

func checkARMADense(t *testing.T, p, q int, rng *rand.Rand) {
	m := mustARMA(t, p, q, ARMASettings{Mean: true})
	for _, n := range []int{1, 2, 7, 60} {
		for _, b := range []float64{0.3, 0.8, 0.95} {
			theta := randomARMA(m, b, rng)
			y := sampleARMA(m, theta, n, rng.Uint64())
			phi, th, mean, s2 := m.split(theta)
			want := denseARMA(y, phi, th, mean, s2)
			l := bindARMA(t, m, y)
			got := l.LogLik(theta)
			if d := relDiff(got, want); !(d < 1e-9) {
				t.Errorf("%v n=%d b=%g: %.12g, dense %.12g (%.2g)", m, n, b, got, want, d)
			}
			terms := make([]float64, n)
			l.Terms(terms, theta)
			sum := 0.0
			for _, v := range terms {
				sum += v
			}
			if relDiff(sum, got) > 1e-12 {
				t.Errorf("%v n=%d: terms sum to %.15g, LogLik %.15g", m, n, sum, got)
			}
			l.noSwi = true
			if d := relDiff(l.LogLik(theta), got); d > 1e-11 {
				t.Errorf("%v n=%d b=%g: switching to the steady state changes ℓ by %.2g", m, n, b, d)
			}
		}
	}
}

// Roots within 1e-3 and 1e-5 of the circle, on both sides, and near
// cancellation there.
func TestARMALogLikNearBoundary(t *testing.T) {
	for _, c := range []struct {
		phi, th []float64
		tol     float64
	}{
		{[]float64{0.999}, []float64{-0.998}, 1e-9},
		{[]float64{0.999}, []float64{0.999}, 1e-9},
		{[]float64{-0.99999}, []float64{0.9999}, 1e-9},
		{[]float64{0.5}, []float64{0.999999}, 1e-9},
		{[]float64{1.997, -0.998}, []float64{-1.99, 0.9905}, 1e-9},
		{[]float64{1.2, -0.999}, []float64{0.3, -0.4}, 1e-9},
		{[]float64{0.999 + 0.2, -0.999 * 0.2}, []float64{-0.999}, 1e-9},
		{[]float64{0, 0, 0, 0.99}, []float64{0, 0.999}, 1e-9},
	} {
		m := mustARMA(t, len(c.phi), len(c.th), ARMASettings{Var: 1})
		theta := append(append([]float64{}, c.phi...), c.th...)
		if err := CheckTheta(m, theta); err != nil {
			t.Fatal(err)
		}
		y := sampleARMA(m, theta, 200, 5)
		l := bindARMA(t, m, y)
		want := denseARMA(y, c.phi, c.th, 0, 1)
		if d := relDiff(l.LogLik(theta), want); !(d < c.tol) {
			t.Errorf("%v: %.12g, dense %.12g (%.2g)", theta, l.LogLik(theta), want, d)
		}
		ls := l.LogLik(theta)
		l.noSwi = true
		if d := relDiff(l.LogLik(theta), ls); d > 1e-11 {
			t.Errorf("%v: switching changes ℓ by %.2g", theta, d)
		}
	}
}

// The score against fourth-order differences of LogLik, and against the sum of
// its terms.
func TestARMAScore(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, css := range []bool{false, true} {
		for _, o := range [][2]int{{0, 0}, {1, 0}, {0, 1}, {1, 1}, {2, 0}, {0, 2}, {2, 1}, {1, 2}, {2, 2}, {3, 2}, {2, 3}, {5, 4}, {9, 9}} {
			for _, n := range []int{1, 3, 40, 300} {
				for _, b := range []float64{0.4, 0.8} {
					m := mustARMA(t, o[0], o[1], ARMASettings{Mean: true, CSS: css})
					theta := randomARMA(m, b, rng)
					checkARMAScore(t, m, theta, sampleARMA(m, theta, n, rng.Uint64()), 2e-7)
				}
			}
		}
	}
	// Roots at 0.999, φ = −θ included.
	for _, theta := range [][]float64{{0.999, 0.5, 1}, {0.3, -0.999, 1}, {0.999, -0.999, 1}, {0.999, -0.9985, 1}, {-0.4, 0.4, 1}} {
		m := mustARMA(t, 1, 1, ARMASettings{})
		checkARMAScore(t, m, theta, sampleARMA(m, []float64{0.2, 0.1, 1}, 200, 9), 1e-6)
	}
}

func checkARMAScore(t *testing.T, m *ARMA, theta, y []float64, tol float64) {
	t.Helper()
	l := bindARMA(t, m, y)
	d := len(theta)
	got := make([]float64, d)
	f := l.Score(got, theta)
	if want := l.LogLik(theta); relDiff(f, want) > 1e-12 {
		t.Errorf("%v at %v: Score returns %.15g, LogLik %.15g", m, theta, f, want)
	}
	terms := mat.NewDense(len(y), d, nil)
	l.ScoreTerms(terms, theta)
	x := make([]float64, d)
	copy(x, theta)
	for i := range d {
		sum := 0.0
		for k := range len(y) {
			sum += terms.At(k, i)
		}
		if relDiff(sum, got[i]) > 1e-10 {
			t.Errorf("%v n=%d coordinate %d: score terms sum to %.12g, score %.12g", m, len(y), i, sum, got[i])
		}
		h := 1e-5
		at := func(k float64) float64 {
			x[i] = theta[i] + k*h
			defer func() { x[i] = theta[i] }()
			return l.LogLik(x)
		}
		num := (8*(at(1)-at(-1)) - (at(2) - at(-2))) / (12 * h)
		if e := math.Abs(num-got[i]) / (1 + math.Abs(got[i])); !(e < tol*(1+math.Abs(f)/100)) {
			t.Errorf("%v n=%d θ=%v coordinate %d: score %.10g, differences %.10g", m, len(y), theta, i, got[i], num)
		}
	}
}

func TestARMAFreeCoordinates(t *testing.T) {
	for _, o := range [][2]int{{1, 1}, {2, 3}, {9, 4}, {0, 2}, {0, 0}} {
		m := mustARMA(t, o[0], o[1], ARMASettings{Mean: true})
		d := Dim(m)
		rapid.Check(t, func(r *rapid.T) {
			// At order 9 the inverse amplifies rounding by up to (1−κ²)^-8, 1e6 here.
			free := rapid.SliceOfN(rapid.Float64Range(-1.5, 1.5), d, d).Draw(r, "free")
			theta, back := make([]float64, d), make([]float64, d)
			m.FromFree(theta, free)
			if err := CheckTheta(m, theta); err != nil {
				r.Fatal(err)
			}
			m.ToFree(back, theta)
			for i := range free {
				if math.Abs(back[i]-free[i]) > 1e-6 {
					r.Fatalf("coordinate %d: %v came back as %v", i, free[i], back[i])
				}
			}
			s := rapid.SliceOfN(rapid.Float64Range(-1, 1), d, d).Draw(r, "score")
			got := make([]float64, d)
			m.PullScore(got, free, s)
			up, dn := make([]float64, d), make([]float64, d)
			for i := range free {
				u := free[i]
				free[i] = u + 1e-5
				m.FromFree(up, free)
				free[i] = u - 1e-5
				m.FromFree(dn, free)
				free[i] = u
				num := 0.0
				for j := range s {
					num += s[j] * (up[j] - dn[j]) / 2e-5
				}
				if relDiff(got[i], num) > 1e-6 {
					r.Fatalf("pulled score %d is %v, differences %v", i, got[i], num)
				}
			}
		})
	}
	// However far out, the image stays in the domain.
	m := mustARMA(t, 3, 2, ARMASettings{})
	theta := make([]float64, 6)
	for _, u := range []float64{40, -40, 1e300} {
		m.FromFree(theta, []float64{u, 0.1, u, u, 0, u})
		if err := CheckTheta(m, theta); err != nil {
			t.Error(err)
		}
	}
}

func TestARMATextForm(t *testing.T) {
	for _, c := range []struct{ in, out string }{
		{"arma", "arma:p=1,q=1"},
		{"arma:p=0,q=0", "arma:p=0,q=0"},
		{"arma:q=0,p=3,mean=true", "arma:p=3,q=0,mean=true"},
		{"arma:var=2.5,likelihood=css", "arma:p=1,q=1,var=2.5,likelihood=css"},
	} {
		m, err := Parse(c.in)
		if err != nil {
			t.Fatal(err)
		}
		if s := fmt.Sprint(m); s != c.out {
			t.Errorf("%s prints as %s, want %s", c.in, s, c.out)
		}
	}
	for _, in := range []string{"arma:p=-1", "arma:p=33", "arma:var=0", "arma:var=nan", "arma:likelihood=ml", "arma:order=2"} {
		if m, err := Parse(in); err == nil {
			t.Errorf("%s accepted as %v", in, m)
		}
	}
	m := mustARMA(t, 2, 1, ARMASettings{Mean: true})
	var names []string
	for _, p := range m.Params() {
		names = append(names, p.Name)
	}
	if got := fmt.Sprint(names); got != "[phi1 phi2 theta1 mean var]" {
		t.Error(got)
	}
	for _, theta := range [][]float64{{0.5, 0.5, 0, 0, 1}, {0, 0, 1, 0, 1}, {0, 0, 0, 0, 0}, {0, -1, 0, 0, 1}} {
		if CheckTheta(m, theta) == nil {
			t.Errorf("%v accepted", theta)
		}
	}
}
