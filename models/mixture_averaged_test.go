package models

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
)

func average(t *testing.T, student, teacher string, at []float64) Averaged {
	t.Helper()
	m, err := Parse(student)
	if err != nil {
		t.Fatal(err)
	}
	truth, err := Parse(teacher)
	if err != nil {
		t.Fatal(err)
	}
	a, route := m.(Averager).Average(truth, at)
	if a == nil || route != Quadrature {
		t.Fatalf("%s under %s: no average by quadrature", student, teacher)
	}
	return a
}

// The rules are exact for polynomials of degree 31 and 19.
func TestKronrodRule(t *testing.T) {
	q := newLineQuad(lineTruth(must(NewMixture(MixtureSettings{K: 1, Variance: VarKnown})), []float64{0}), lineReach, 1)
	for degree := range 33 {
		kronrod, gauss := 0.0, 0.0
		for i, x := range q.x {
			v := math.Pow(x, float64(degree))
			kronrod += q.w[i] * v
			gauss += (q.w[i] - q.d[i]) * v
		}
		want := 0.0
		if degree%2 == 0 {
			want = 2 / float64(degree+1)
		}
		if exact := math.Abs(kronrod-want) < 1e-15; exact != (degree < 32) {
			t.Errorf("degree %d by 21 points: %v, want %v", degree, kronrod, want)
		}
		if exact := math.Abs(gauss-want) < 1e-15; exact != (degree < 20 || degree%2 == 1) {
			t.Errorf("degree %d by 10 points: %v, want %v", degree, gauss, want)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// One normal against another, in closed form: divergence, expected log-likelihood,
// score and Hessian, from a student that is almost the truth to one that is a thousand
// times as narrow, as wide, or far away. The bound covers the error.
func TestMixtureAverageOfOneNormal(t *testing.T) {
	for _, c := range []struct{ mu0, sd0, mu, sd float64 }{
		{0, 1, 0, 1}, {0, 1, 1e-9, 1}, {0, 1, 0.3, 1 + 1e-7}, {2, .7, -1, 1.3}, {0, 1, 0.2, 1e-3},
		{0, 1, 300, 1}, {0, 1, -40, 1e-3}, {1e3, 1e-3, 0, 1}, {0, 1, 5, 1e3}, {1e6, 1, 1e6 + 1, 2}, {0, 1, 0, 1e-9},
	} {
		a := average(t, "mixture:k=1", "mixture:k=1", []float64{c.mu0, c.sd0 * c.sd0})
		v0, v, d := c.sd0*c.sd0, c.sd*c.sd, c.mu-c.mu0
		theta := []float64{c.mu, v}
		q := (v0-v)/v + d*d/v
		ratio := math.Log(v0 / v)
		if math.Abs(v0-v) < v/2 {
			ratio = math.Log1p((v0 - v) / v)
		}
		want := (excess(ratio) + d*d/v) / 2
		kl, bound := a.Divergence(theta)
		// The closed form itself, from sd²: a few roundings of its terms.
		slack := 8e-16 * (want + math.Abs(d)/math.Sqrt(v)*2e-16*(math.Abs(c.mu)+math.Abs(c.mu0))/math.Sqrt(v))
		if math.Abs(kl-want) > bound+slack || !(bound <= 1e-9*want*(1+1e-6*math.Abs(c.mu0)/c.sd0)+1e-22) || !a.Met() {
			t.Errorf("%+v: KL %v ± %v, want %v", c, kl, bound, want)
		}
		ll := -0.5 * (math.Log(2*math.Pi*v) + 1 + q)
		s, h := make([]float64, 2), mat.NewSymDense(2, nil)
		got := a.Score(s, theta)
		a.Hess(h, theta)
		for _, x := range []struct {
			name             string
			got, want, scale float64
		}{
			{"E log p", got, ll, math.Abs(ll) + 1},
			{"LogLik", a.LogLik(theta), got, 0},
			{"score of μ", s[0], -d / v, (math.Abs(d) + c.sd0) / v},
			{"score of v", s[1], q / (2 * v), (math.Abs(q) + 1) / v},
			// Squares of scores cancel in the Hessian.
			{"∂²/∂μ²", h.At(0, 0), -1 / v, (q + 2) / v},
			{"∂²/∂μ∂v", h.At(0, 1), d / (v * v), (q + 2) * math.Sqrt(q+2) / (v * c.sd)},
			{"∂²/∂v²", h.At(1, 1), -(q + 0.5) / (v * v), (q + 2) * (q + 2) / (v * v)},
		} {
			// A mean of 10⁶ leaves 10 digits for distances.
			tol := 1e-13 + 1e-15*math.Abs(c.mu0)/min(c.sd, c.sd0)
			if !(math.Abs(x.got-x.want) <= tol*x.scale) {
				t.Errorf("%+v: %s = %v, want %v", c, x.name, x.got, x.want)
			}
		}
	}
}

// brute sums p₀ f by Simpson's rule with n steps on every piece between the points that
// are whole standard deviations from a mean: no part of the adaptive rule.
func brute(truth, student *mixComponents, n int, rows int, f func(dst []float64, y float64)) []float64 {
	var cuts []float64
	for _, c := range []*mixComponents{truth, student} {
		for j := range c.w {
			for i := -40; i <= 40; i++ {
				cuts = append(cuts, c.mu[j]+float64(i)*c.chol[j])
			}
		}
	}
	slices.Sort(cuts)
	sum, v := make([]float64, rows), make([]float64, rows)
	for i := range cuts[1:] {
		lo, h := cuts[i], (cuts[i+1]-cuts[i])/float64(n)
		if h == 0 {
			continue
		}
		for k := range n + 1 {
			y := lo + float64(k)*h
			p := math.Exp(logDensityAt(truth, y))
			if p == 0 {
				continue
			}
			w := 2.0 + 2*float64(k%2)
			if k == 0 || k == n {
				w = 1
			}
			f(v, y)
			for r, x := range v {
				sum[r] += w * p * x * h / 3
			}
		}
	}
	return sum
}

func logDensityAt(c *mixComponents, y float64) float64 {
	top, sum := math.Inf(-1), 0.0
	for j := range c.w {
		e := (y - c.mu[j]) / c.chol[j]
		top = max(top, c.logc[j]-e*e/2)
	}
	for j := range c.w {
		e := (y - c.mu[j]) / c.chol[j]
		sum += math.Exp(c.logc[j] - e*e/2 - top)
	}
	return top + math.Log(sum)
}

// Students that are hard for a fixed rule: a component a thousand times narrower than
// those of the truth, off its centre; one far away; one of tiny weight; sharp crossings
// between components.
func TestMixtureAverageOfHardStudents(t *testing.T) {
	usual := []float64{.4, -1, 1.5, 1, .49}
	for _, c := range []struct {
		at, theta []float64
		n         int
	}{
		{usual, []float64{.3, .123, 0, 1e-6, 1.5}, 200},
		{usual, []float64{1e-6, .123, 0, 1e-6, 1.5}, 200},
		{usual, []float64{1e-3, .14, 0, 1e-4, 1.5}, 400}, // between the nodes of a panel
		{usual, []float64{1e-3, .47, 0, 1e-4, 1.5}, 400},
		{usual, []float64{1e-3, -.62, 0, 1e-4, 1.5}, 400},
		{usual, []float64{.5, 60, 0, 1, 1.5}, 200},
		{usual, []float64{.5, 60, 0, 1e-6, 1.5}, 200},
		{usual, []float64{.5, -.4, .3, 1e-3, 1e-3}, 2000},
		{usual, []float64{.2, -.9, 1.4, .9, .6}, 200},
		{[]float64{.01, -20, 20, 1e-4, 4}, []float64{.5, -3, 4, 1, 9}, 400},
		{[]float64{1, 0, 3, 1, 1}, []float64{.99, 0, 2, 1, 1}, 200},
		{usual, []float64{0, .5, 1.4, 1, .6}, 200},
	} {
		a := average(t, "mixture:k=2", "mixture:k=2", c.at)
		m := a.(*mixAverage).l.m
		truth, student, pt := m.newComponents(), m.newComponents(), m.newPoint()
		if !truth.set(c.at) || !student.set(c.theta) || !pt.set(c.theta) {
			t.Fatal(c)
		}
		g, y := make([]float64, 5), make([]float64, 1)
		want := brute(truth, student, c.n, 12, func(dst []float64, x float64) {
			dst[0] = logDensityAt(truth, x) - logDensityAt(student, x)
			dst[1] = logDensityAt(student, x)
			y[0] = x
			pt.at(y)
			pt.score(g)
			for i, v := range g {
				dst[2+i], dst[7+i] = v, math.Abs(v)
			}
		})
		kl, bound := a.Divergence(c.theta)
		if !(math.Abs(kl-want[0]) <= bound+1e-12*(1+want[0])) || bound > 1e-9*want[0] || !a.Met() {
			t.Errorf("%v: KL %v ± %v, by brute force %v", c.theta, kl, bound, want[0])
		}
		got := a.Score(g, c.theta)
		if !(math.Abs(got-want[1]) <= 1e-12*(1+math.Abs(want[1]))) {
			t.Errorf("%v: E log p = %v, by brute force %v", c.theta, got, want[1])
		}
		for i, v := range g {
			if !(math.Abs(v-want[2+i]) <= 1e-11*(want[7+i]+1e-3)) {
				t.Errorf("%v: score[%d] = %v, by brute force %v", c.theta, i, v, want[2+i])
			}
		}
	}
}

// The derivative by a tiny weight has its mass where the truth has none: with p₀ = φ₂
// it is ∫ φ₁ − 1 = 0, while φ₁ lies beyond what the panels of p₀ need to cover.
func TestMixtureAverageBeyondTheTruth(t *testing.T) {
	a := average(t, "mixture:k=2", "mixture:k=1", []float64{0, 1})
	g := make([]float64, 5)
	a.Score(g, []float64{1e-60, 12, 0, 1, 1})
	if !a.Met() || math.Abs(g[0]) > 1e-6 {
		t.Errorf("∂/∂π₁ = %v, want 0", g[0])
	}
}

// The fixed rule of Population is right for students like the truth; the average must
// agree with it there, for every family and truth on the line, and step by EM as it
// does. It allocates nothing, and remembers nothing of the θ before.
func TestAverageOnTheLine(t *testing.T) {
	for _, c := range []struct {
		student, teacher string
		at, theta        []float64
	}{
		{"mixture:k=2,sd=1", "mixture:k=2,sd=1", []float64{.4, -1, 1}, []float64{.7, -.5, .8}},
		{"mixture:k=3,sd=tied", "mixture:k=2", []float64{.4, -1, 1, 1, 1.5}, []float64{.3, .2, -.5, .8, 1.5, 1.1}},
		{"mixture:k=1,sd=0.5", "contaminated:sd=2", []float64{.3, 3}, []float64{.2}},
		{"contaminated", "contaminated", []float64{.3, 2}, []float64{.4, 1.5}},
		{"contaminated", "mixture:k=2", []float64{.4, -1, 1, 1, 1.5}, []float64{.4, 1.5}},
		{"contaminated:sd=2,bound=3", "contaminated", []float64{0, 2}, []float64{1e-3, 2.5}},
	} {
		a := average(t, c.student, c.teacher, c.at)
		truth, err := Parse(c.teacher)
		if err != nil {
			t.Fatal(err)
		}
		l, err := Population(a.Model(), truth, c.at, Rule{Points: 600})
		if err != nil {
			t.Fatal(err)
		}
		d := len(c.theta)
		got, want := make([]float64, d), make([]float64, d)
		near := func(name string, got, want float64) {
			if !(math.Abs(got-want) <= 2e-12*(1+math.Abs(want))) {
				t.Errorf("%s under %s: %s = %v, by the fixed rule %v", c.student, c.teacher, name, got, want)
			}
		}
		score, _ := Score(l)
		near("E log p", a.Score(got, c.theta), score(want, c.theta))
		for i := range got {
			near("score", got[i], want[i])
		}
		near("E log p by EM", a.(EMStepper).EMStep(got, c.theta), l.(EMStepper).EMStep(want, c.theta))
		for i := range got {
			near("EM", got[i], want[i])
		}
		h, hw := mat.NewSymDense(d, nil), mat.NewSymDense(d, nil)
		hess, _ := Hess(l)
		a.Hess(h, c.theta)
		hess(hw, c.theta)
		for i := range d {
			for j := range d {
				near("Hessian", h.At(i, j), hw.At(i, j))
			}
		}
		a.Score(got, c.theta)
		kl, bound := a.Divergence(c.theta)
		other := slices.Clone(c.theta)
		for i := range other {
			other[i] *= .9
		}
		a.Divergence(other)
		a.Score(want, other)
		a.Score(want, c.theta)
		if again, b := a.Divergence(c.theta); again != kl || b != bound || !slices.Equal(got, want) {
			t.Errorf("%s: %v ± %v at first, %v ± %v again", c.student, kl, bound, again, b)
		}
		if n := testing.AllocsPerRun(10, func() {
			a.Divergence(c.theta)
			a.Score(got, c.theta)
			a.(EMStepper).EMStep(got, c.theta)
			a.Hess(h, c.theta)
		}); n > 0 {
			t.Errorf("%s: %v allocations", c.student, n)
		}
	}
}

// Where the average is the truth, the divergence is 0, the score vanishes, and its
// derivative is minus the Fisher information.
func TestMixtureAverageAtTheTruth(t *testing.T) {
	theta := []float64{.4, -1, 1.5, 1, .49}
	a := average(t, "mixture:k=2", "mixture:k=2", theta)
	kl, bound := a.Divergence(theta)
	if !(kl <= 1e-25) || !(bound <= 1e-20) {
		t.Errorf("KL %v ± %v", kl, bound)
	}
	s, h, f := make([]float64, 5), mat.NewSymDense(5, nil), mat.NewSymDense(5, nil)
	a.Score(s, theta)
	a.Hess(h, theta)
	fisher, _ := a.Model().(Informer).Fisher()
	fisher(f, theta)
	for i, v := range s {
		if !(math.Abs(v) < 1e-14) {
			t.Errorf("score[%d] = %v", i, v)
		}
		for j := range s {
			if !(math.Abs(h.At(i, j)+f.At(i, j)) < 1e-12) {
				t.Errorf("Hessian[%d,%d] = %v, information %v", i, j, h.At(i, j), f.At(i, j))
			}
		}
	}
	// Nearby KL is ½δᵀFδ to the digits that it has.
	near := slices.Clone(theta)
	near[1] += 1e-7
	kl, bound = a.Divergence(near)
	if want := f.At(1, 1) * 1e-14 / 2; !(math.Abs(kl-want) < 1e-6*want+bound) || !(bound < 1e-7*want) {
		t.Errorf("KL %v ± %v, want %v", kl, bound, want)
	}
}

// A rule that may not refine says so, with a bound that covers its error.
func TestMixtureAverageOutOfPanels(t *testing.T) {
	a := average(t, "mixture:k=2", "mixture:k=2", []float64{.4, -1, 1.5, 1, .49}).(*mixAverage)
	theta := []float64{.3, .123, 0, 1e-6, 1.5}
	want, _ := a.Divergence(theta)
	s := make([]float64, 5)
	a.Score(s, theta)
	if !a.Met() {
		t.Error("not met with all panels")
	}
	a.q.most = 20
	kl, bound := a.Divergence(theta)
	if a.Met() || !(math.Abs(kl-want) <= bound) {
		t.Errorf("met: %v, KL %v ± %v, want %v", a.Met(), kl, bound, want)
	}
	if a.Score(s, theta); a.Met() {
		t.Error("met without panels")
	}
	if a.Score(s, []float64{.3, -.9, 1.4, 1, .5}); !a.Met() {
		t.Error("not met at a θ that needs no more panels")
	}
}

func BenchmarkMixtureAverage(b *testing.B) {
	m := must(Parse("mixture:k=2,sd=1"))
	at, theta, s := []float64{.4, -1, 1}, []float64{.7, -.5, .8}, make([]float64, 3)
	a, _ := m.(Averager).Average(m, at)
	l := must(Population(m, m, at, Rule{}))
	score, _ := Score(l)
	b.Run("adaptive", func(b *testing.B) {
		for b.Loop() {
			a.Score(s, theta)
		}
	})
	b.Run("fixed", func(b *testing.B) {
		for b.Loop() {
			score(s, theta)
		}
	})
	b.Run("divergence", func(b *testing.B) {
		for b.Loop() {
			a.Divergence(theta)
		}
	})
}
