package models

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// impulse returns the coefficients of 1/(1 + Σ den_j B^j) times num, and is the sum that
// the closed form replaces.
func impulse(num, den []float64, n int) []float64 {
	out := make([]float64, n)
	for k := range out {
		if k < len(num) {
			out[k] = num[k]
		}
		for j, d := range den {
			if j < k {
				out[k] -= d * out[k-1-j]
			}
		}
	}
	return out
}

// The divergence rate and its gradient against sums over 10⁶ coefficients of c and its
// derivatives, which share no code with the recursion: on the flip-flop line where both
// parts cancel, beside it, near the unit circle, near the truth, with double roots, and
// under truths of other orders.
func TestARMAAverage(t *testing.T) {
	const n = 1_000_000
	for _, c := range []struct {
		student, teacher string
		at, theta        []float64
		tol              float64
	}{
		{"arma:p=1,q=1", "arma:p=1,q=1", []float64{.7, .2, 1.3}, []float64{.3, -.4, .8}, 1e-13},
		{"arma:p=1,q=1,var=1", "arma:p=1,q=1,var=1", []float64{.7, -.6}, []float64{.5, -.5}, 1e-13},
		{"arma:p=1,q=1,var=1", "arma:p=1,q=1,var=1", []float64{.7, -.6}, []float64{.7 + 1e-9, -.6 - 1e-9}, 1e-12},
		{"arma:p=1,q=1,var=1", "arma:p=0,q=0,var=1", nil, []float64{.9, -.9 + 1e-6}, 1e-12},
		{"arma:p=1,q=1,mean=true", "arma:p=1,q=1,mean=true", []float64{-.5, .999, 2, 1}, []float64{.3, .9995, 1.9, 1.1}, 1e-10},
		{"arma:p=2,q=2,mean=true", "arma:p=2,q=1", []float64{.5, -.3, .4, 1}, []float64{.2, -.1, .3, .5, 1, .7}, 1e-13},
		{"arma:p=1,q=0", "arma:p=2,q=2,var=2", []float64{1.2, -.4, .3, -.2}, []float64{.6, 3}, 1e-13},
		{"arma:p=0,q=2,var=1", "arma:p=2,q=0,var=1", []float64{1.9, -.9025}, []float64{-1.8, .81}, 1e-10},
		{"arma:p=0,q=1,var=1", "arma:p=1,q=0,var=1", []float64{.999}, []float64{-.999}, 1e-9},
		{"arma:p=0,q=1,var=1", "arma:p=1,q=0,var=1", []float64{.9999}, []float64{-.9999}, 1e-10},
	} {
		m, truth := must(Parse(c.student)).(*ARMA), must(Parse(c.teacher)).(*ARMA)
		a, route := m.Average(truth, c.at)
		if route != Exact {
			t.Fatal(route)
		}
		phi, th, mu, v := m.split(c.theta)
		phi0, th0, mu0, v0 := truth.split(c.at)
		poly := func(coef []float64, sign float64) []float64 {
			out := []float64{1}
			for _, x := range coef {
				out = append(out, sign*x)
			}
			return out
		}
		neg := func(x []float64) []float64 { return poly(x, -1)[1:] }
		// c = φθ₀/(θφ₀), one filter after the other, without its first 1.
		diff := func(x, y []float64) []float64 {
			out := make([]float64, max(len(x), len(y)))
			copy(out, x)
			for i, b := range y {
				out[i] -= b
			}
			return out
		}
		times := func(x, y []float64) []float64 {
			out := make([]float64, len(x)+len(y)-1)
			for i, a := range x {
				for j, b := range y {
					out[i+j] += a * b
				}
			}
			return out
		}
		num := diff(times(diff(poly(phi, -1), poly(phi0, -1)), poly(th0, 1)), times(diff(poly(th, 1), poly(th0, 1)), poly(phi0, -1)))
		d := impulse(impulse(num, th, n), neg(phi0), n)
		dphi := impulse(impulse(poly(th0, 1), th, n), neg(phi0), n) // −∂c/∂φ_i, delayed by i
		dth := impulse(append([]float64{1}, d[1:]...), th, n)       // −∂c/∂θ_j, delayed by j
		sum := 0.0
		for i := n - 1; i > 0; i-- {
			sum += d[i] * d[i]
		}
		grad := func(delayed []float64, lag int) (g, size float64) {
			for i := n - 1; i >= lag; i-- {
				x := -2 * d[i] * delayed[i-lag]
				g += x
				size += math.Abs(x)
			}
			return g, size
		}
		gain := m.meanGain(phi, th)
		gap := (mu - mu0) * gain
		want := (excess(math.Log(v0/v)) + v0/v*sum + gap*gap/v) / 2
		kl, _ := a.Divergence(c.theta)
		if !(math.Abs(kl-want) <= c.tol*want) {
			t.Errorf("%s under %s: KL %v, by the sum %v", c.student, c.teacher, kl, want)
		}
		s := make([]float64, len(c.theta))
		a.Score(s, c.theta)
		for i := range m.p + m.q {
			g, size := 0.0, 0.0
			th1 := 1.0
			for _, x := range th {
				th1 += x
			}
			slope := -1 / th1
			if i < m.p {
				g, size = grad(dphi, i+1)
			} else {
				g, size = grad(dth, i-m.p+1)
				slope *= gain
			}
			g = -(g*v0/v/2 + gap*(mu-mu0)*slope/v)
			if !(math.Abs(s[i]-g) <= c.tol*(size+math.Abs(g))) {
				t.Errorf("%s under %s: score[%d] = %v, by the sum %v", c.student, c.teacher, i, s[i], g)
			}
		}
	}
}

// The score is the derivative of the divergence in every coordinate, by differences of
// order 8, and the Hessian that of the score.
func TestARMAAverageDerivatives(t *testing.T) {
	coef := [...]float64{4. / 5, -1. / 5, 4. / 105, -1. / 280}
	for _, c := range []struct {
		name      string
		at, theta []float64
		step, tol float64
	}{
		{"arma:p=1,q=1,mean=true", []float64{.7, .2, 1, 1.3}, []float64{.3, -.4, .2, .8}, 1e-2, 1e-9},
		{"arma:p=2,q=2,mean=true", []float64{.5, -.3, .4, .1, 1, 1}, []float64{.2, -.1, .3, .4, 1.4, .7}, 5e-3, 1e-9},
		{"arma:p=3,q=2,var=1", []float64{.5, -.3, .1, .4, .1}, []float64{.2, -.1, .2, .3, .4}, 5e-3, 1e-9},
		{"arma:p=1,q=1,var=1", []float64{.7, -.6}, []float64{.5, -.5}, 1e-2, 1e-9},
		{"arma:p=1,q=1,var=1", []float64{.7, -.6}, []float64{.98, -.99}, 3e-4, 1e-9},
	} {
		m := must(Parse(c.name)).(*ARMA)
		a, _ := m.Average(m, c.at)
		d := len(c.theta)
		s, h := make([]float64, d), mat.NewSymDense(d, nil)
		l := a.Score(s, c.theta)
		a.Hess(h, c.theta)
		if l != a.LogLik(c.theta) {
			t.Errorf("%s: Score returns %v, LogLik %v", c.name, l, a.LogLik(c.theta))
		}
		at, g := slices.Clone(c.theta), make([]float64, d)
		for i := range d {
			ds, dl := make([]float64, d), 0.0
			for k, w := range coef {
				for _, e := range [2]float64{1, -1} {
					at[i] = c.theta[i] + e*float64(k+1)*c.step
					dl += e * w * a.Score(g, at) / c.step
					for j, x := range g {
						ds[j] += e * w * x / c.step
					}
				}
			}
			at[i] = c.theta[i]
			if !(math.Abs(s[i]-dl) <= c.tol*(1+math.Abs(dl))) {
				t.Errorf("%s: score[%d] = %v, by differences %v", c.name, i, s[i], dl)
			}
			for j, x := range ds {
				if !(math.Abs(h.At(i, j)-x) <= 10*c.tol*(1+math.Abs(x))) {
					t.Errorf("%s: Hessian[%d,%d] = %v, by differences %v", c.name, i, j, h.At(i, j), x)
				}
			}
		}
		if n := testing.AllocsPerRun(10, func() { a.Divergence(c.theta); a.Score(s, c.theta); a.Hess(h, c.theta) }); n > 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}

// At the truth the Hessian is minus the Fisher information, and outside the domain there
// is no average.
func TestARMAAverageAtTheTruth(t *testing.T) {
	m := must(Parse("arma:p=2,q=1,mean=true")).(*ARMA)
	at := []float64{.5, -.3, .4, 1, 1.7}
	a, _ := m.Average(m, at)
	h, f := mat.NewSymDense(5, nil), mat.NewSymDense(5, nil)
	a.Hess(h, at)
	fisher, _ := m.Fisher()
	fisher(f, at)
	for i := range 5 {
		for j := range 5 {
			if !(math.Abs(h.At(i, j)+f.At(i, j)) < 1e-13) {
				t.Errorf("Hessian[%d,%d] = %v, information %v", i, j, h.At(i, j), f.At(i, j))
			}
		}
	}
	if kl, _ := a.Divergence(at); kl != 0 {
		t.Errorf("KL %v at the truth", kl)
	}
	for _, theta := range [][]float64{{.5, .6, .4, 1, 1}, {.5, -.3, 1, 1, 1}, {.5, -.3, .4, 1, 0}, {.5, -.3, .4, math.NaN(), 1}, {math.NaN(), -.3, .4, 1, 1}} {
		if kl, _ := a.Divergence(theta); !math.IsInf(kl, 1) || !math.IsInf(a.Score(make([]float64, 5), theta), -1) {
			t.Errorf("%v: KL %v", theta, kl)
		}
	}
}

func BenchmarkARMAAverage(b *testing.B) {
	m := must(Parse("arma:p=2,q=2")).(*ARMA)
	at, theta, s := []float64{.5, -.3, .4, .1, 1}, []float64{.2, -.1, .3, .4, .7}, make([]float64, 5)
	a, _ := m.Average(m, at)
	for b.Loop() {
		a.Score(s, theta)
	}
}
