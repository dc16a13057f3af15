package models

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// sameLaw compares the terms of both parameters on data drawn at a.
func sameLaw(t *testing.T, ma *Mixture, a []float64, mb *Mixture, b []float64) {
	t.Helper()
	la, z := drawMixture(t, ma, a, 40, 9)
	lb, err := mb.Bind(z)
	if err != nil {
		t.Fatal(err)
	}
	ta, tb := make([]float64, z.N), make([]float64, z.N)
	la.Terms(ta, a)
	lb.Terms(tb, b)
	for i := range ta {
		mixNear(t, "term", tb[i], ta[i], 1e-12)
	}
}

func TestMixtureCanonicalizeSortsAndKeepsTheLaw(t *testing.T) {
	eachMixture(t, func(t *testing.T, m *Mixture, theta []float64) {
		rng := rand.New(rand.NewPCG(3, 3))
		for range 5 {
			x := slices.Clone(theta)
			for i := m.mean0; i < m.var0; i++ {
				x[i] = math.Round(rng.NormFloat64()) // ties happen
			}
			c := slices.Clone(x)
			m.Canonicalize(c)
			for i := 1; i < m.k; i++ {
				a, b := c[m.mean0+(i-1)*m.dim:m.mean0+i*m.dim], c[m.mean0+i*m.dim:m.mean0+(i+1)*m.dim]
				if slices.Compare(a, b) > 0 {
					t.Fatalf("means out of order: %v", c)
				}
			}
			again := slices.Clone(c)
			m.Canonicalize(again)
			if !slices.Equal(c, again) {
				t.Errorf("not idempotent: %v, %v", c, again)
			}
			sameLaw(t, m, x, m, c)
		}
	})
}

func TestMixtureStrata(t *testing.T) {
	eachMixture(t, func(t *testing.T, m *Mixture, theta []float64) {
		strata := m.Strata()
		if want := m.k*(m.k-1)/2 + m.k; m.k > 1 && len(strata) != want || m.k == 1 && strata != nil {
			t.Fatalf("%d strata", len(strata))
		}
		p, q := make([]float64, len(theta)), make([]float64, len(theta))
		rng := rand.New(rand.NewPCG(4, 4))
		for _, s := range strata {
			d := s.Distance(theta)
			s.Project(p, theta)
			if s.Distance(p) > 1e-15 || d == 0 {
				t.Errorf("%s: distance %v, after projection %v", s.Name, d, s.Distance(p))
			}
			if err := CheckTheta(m, p); err != nil {
				t.Errorf("%s: projection: %v", s.Name, err)
			}
			var moved float64
			for i := range p {
				moved = math.Hypot(moved, p[i]-theta[i])
			}
			mixNear(t, s.Name+" distance to the projection", moved, d, 1e-14)
			// No point of the stratum is nearer.
			for range 50 {
				for i := range q {
					q[i] = theta[i] + 0.3*rng.NormFloat64()
				}
				s.Project(q, q[:len(q):len(q)])
				var far float64
				for i := range q {
					far = math.Hypot(far, q[i]-theta[i])
				}
				if s.Distance(q) < 1e-12 && far < d-1e-12 {
					t.Fatalf("%s: a point at %v, distance %v", s.Name, far, d)
				}
			}
			// The law does not change along the tangent of the class.
			tangent := s.Tangent(p)
			_, cols := tangent.Dims()
			for c := range cols {
				for i := range q {
					q[i] = p[i] + 1e-2*tangent.At(i, c)
				}
				if s.Name[0] == 'e' || CheckTheta(m, q) == nil {
					sameLaw(t, m, p, m, q)
				}
			}
		}
	})
}

// On each stratum the smallest eigenvalue is 0, off it it is not; the nullity is
// at least the dimension of the tangent.
func TestMixtureFisherIsSingularExactlyOnStrata(t *testing.T) {
	for _, text := range []string{"mixture:k=2", "mixture:k=2,sd=tied", "mixture:k=2,sd=1,bound=5", "mixture:k=3"} {
		m := mustMixture(t, text)
		theta := mixtureCaseTheta(m)
		f, _ := m.Fisher()
		d := len(theta)
		info := mat.NewSymDense(d, nil)
		eigen := func(x []float64) []float64 {
			f(info, x)
			var e mat.EigenSym
			if !e.Factorize(info, false) {
				t.Fatalf("%s at %v: no eigenvalues", text, x)
			}
			return e.Values(nil)
		}
		if e := eigen(theta); e[0] < 1e-4*e[d-1] {
			t.Errorf("%s: smallest eigenvalue %v of %v off the strata", text, e[0], e[d-1])
		}
		p := make([]float64, d)
		for _, s := range m.Strata() {
			s.Project(p, theta)
			if f(info, p); math.IsInf(mat.Max(info), 1) {
				continue // a weight 0 with a wide component
			}
			e := eigen(p)
			_, null := s.Tangent(p).Dims()
			if math.Abs(e[null-1]) > 1e-12*e[d-1] {
				t.Errorf("%s %s: eigenvalues %v, tangent of dimension %d", text, s.Name, e, null)
			}
		}
	}
}

func TestMixtureEmbedKeepsTheLaw(t *testing.T) {
	for _, c := range []struct {
		sub, into string
		ok        bool
	}{
		{"mixture:k=1", "mixture:k=2", true},
		{"mixture:k=1", "mixture:k=2,sd=tied", true},
		{"mixture:k=1,sd=2", "mixture:k=2", true},
		{"mixture:k=1,sd=2", "mixture:k=2,sd=1", false},
		{"mixture:k=2,sd=tied", "mixture:k=3", true},
		{"mixture:k=2", "mixture:k=4,sd=tied", false},
		{"mixture:k=3", "mixture:k=2", false},
		{"mixture:k=2,sd=1,bound=5", "mixture:k=3,sd=1,bound=1", false},
		{"mixture:k=2,dim=2,cov=spherical", "mixture:k=3,dim=2,cov=diag", true},
		{"mixture:k=2,dim=2,cov=diag", "mixture:k=2,dim=2", true},
		{"mixture:k=2,dim=2,cov=tied", "mixture:k=3,dim=2", true},
		{"mixture:k=2,dim=2", "mixture:k=3,dim=2,cov=diag", false},
		{"mixture:k=2", "mixture:k=2,dim=2", false},
	} {
		sub, into := mustMixture(t, c.sub), mustMixture(t, c.into)
		theta := mixtureCaseTheta(sub)
		dst := make([]float64, len(into.params))
		if ok := into.Embed(dst, sub, theta); ok != c.ok {
			t.Errorf("%s into %s: %v", c.sub, c.into, ok)
		} else if ok {
			sameLaw(t, sub, theta, into, dst)
			for _, share := range []float64{0, 0.3, 1} {
				into.Split(dst, sub, theta, 0, share)
				sameLaw(t, sub, theta, into, dst)
			}
		}
	}
}

func TestMixtureFreeCoordinates(t *testing.T) {
	eachMixture(t, func(t *testing.T, m *Mixture, theta []float64) {
		d := len(theta)
		free, back := make([]float64, d), make([]float64, d)
		m.ToFree(free, theta)
		m.FromFree(back, free)
		for i := range theta {
			mixNear(t, m.params[i].Name, back[i], theta[i], 1e-14)
		}
		l, _ := drawMixture(t, m, theta, 60, 6)
		score, got := make([]float64, d), make([]float64, d)
		l.(Scorer).Score(score, theta)
		m.PullScore(got, free, score)
		x := make([]float64, d)
		for i := range free {
			f := func(f []float64) float64 { m.FromFree(x, f); return l.LogLik(x) }
			want := difference(f, free, i, Param{Lo: math.Inf(-1), Hi: math.Inf(1)}, 0)
			if math.Abs(got[i]-want) > 1e-7*(1+math.Abs(want)) {
				t.Errorf("%s: pulled score %v, differences %v", m.params[i].Name, got[i], want)
			}
		}
	})
}

// Values of the catalogue: known variance (3r+K−2)/4; two components against
// one: 3/4, 7/6 and 3/2 with m = 3; d/2 at r = K.
func TestMixtureLearningCoefficients(t *testing.T) {
	for _, c := range []struct {
		text   string
		theta  []float64
		prior  PriorShape
		lambda float64
		mult   int
		kind   CoefficientKind
	}{
		{"mixture:k=1", []float64{0, 1}, PriorShape{}, 1, 1, ExactLambda},
		{"mixture:k=2,sd=1", []float64{0.3, 2, 2}, PriorShape{}, 0.75, 1, ExactLambda},
		{"mixture:k=2,sd=1", []float64{0, 5, 2}, PriorShape{}, 0.75, 1, ExactLambda},
		{"mixture:k=2,sd=1", []float64{1, 5, 2}, PriorShape{Dirichlet: 0.5}, 0.75, 2, ExactLambda},
		{"mixture:k=2,sd=1", []float64{0.5, 5, 2}, PriorShape{}, 1.5, 1, ExactLambda},
		{"mixture:k=3,sd=1", []float64{0.5, 0.2, 0, 2, 2}, PriorShape{}, 1.75, 1, ExactLambda},
		{"mixture:k=5,sd=1", []float64{.2, .2, .2, .2, 0, 0, 0, 0, 0}, PriorShape{}, 1.5, 1, ExactLambda},
		{"mixture:k=2,sd=tied", []float64{0.5, 1, 1, 2}, PriorShape{}, 7.0 / 6, 1, ExactLambda},
		{"mixture:k=2", []float64{0.5, 1, 1, 2, 2}, PriorShape{}, 1.5, 3, ExactLambda},
		{"mixture:k=2", []float64{0.5, 1, 1, 2, 1}, PriorShape{}, 2.5, 1, ExactLambda},
		{"mixture:k=2", []float64{0.5, 1, 1, 2, 1}, PriorShape{Jeffreys: true}, 2.5, 1, ExactLambda},
		{"mixture:k=2", []float64{0, 1, 1, 2, 2}, PriorShape{Dirichlet: 4}, 1.5, 0, UpperBound},
		// min{rs+K−1, Ks+r−1}/2 with s parameters a component.
		{"mixture:k=3", []float64{0, 0, 1, 1, 1, 2, 2, 2}, PriorShape{}, 2, 0, UpperBound},
		{"mixture:k=3,sd=tied", []float64{0, 0, 1, 1, 1, 2}, PriorShape{}, 2, 0, UpperBound},
		{"mixture:k=2,dim=2", []float64{0, 0, 0, 0, 0, 1, 0, 1, 1, 0, 1}, PriorShape{}, 3, 0, UpperBound},
	} {
		got, ok := mustMixture(t, c.text).RLCT(c.theta, c.prior)
		if !ok || math.Abs(got.Lambda-c.lambda) > 1e-15 || got.Mult != c.mult || got.Kind != c.kind || got.Ref == "" {
			t.Errorf("%s at %v, %+v: %+v %v, want %v", c.text, c.theta, c.prior, got, ok, c.lambda)
		}
	}
	if c, ok := mustMixture(t, "mixture:k=2").RLCT([]float64{0.5, 1, 1, 2, 2}, PriorShape{Jeffreys: true}); ok {
		t.Errorf("Jeffreys at a singular truth: %+v", c)
	}
}

// The local coefficient is never below the global one, and the least of the local
// ones over the parameters with the same law is the global one.
func TestMixtureLocalLearningCoefficients(t *testing.T) {
	m := mustMixture(t, "mixture:k=3,sd=1")
	for _, alpha := range []float64{0.2, 0.5, 1, 3} {
		prior := PriorShape{Dirichlet: alpha}
		least, mult := math.Inf(1), 0
		for _, c := range []struct {
			theta []float64
			want  float64
		}{
			{[]float64{0.3, 0.3, 2, 2, 2}, 0.5 + 0.25 + 0.25},
			{[]float64{0.3, 0.7, 2, 2, 5}, 0.5 + 0.25 + alpha/2},
			{[]float64{1, 0, 2, 5, 7}, 0.5 + alpha},
			{[]float64{1, 0, 2, 2, 7}, 0.5 + min(0.25, alpha/2) + alpha/2},
			{[]float64{1, 0, 2, 2, 2}, 0.5 + 2*min(0.25, alpha/2)},
		} {
			global, _ := m.RLCT(c.theta, prior)
			local, ok := m.LocalRLCT(c.theta, prior)
			if !ok || math.Abs(local.Lambda-c.want) > 1e-15 || local.Lambda < global.Lambda-1e-15 {
				t.Errorf("α=%v at %v: local %+v, want %v, global %+v", alpha, c.theta, local, c.want, global)
			}
			if local.Lambda < least {
				least, mult = local.Lambda, local.Mult
			} else if local.Lambda == least {
				mult = max(mult, local.Mult)
			}
		}
		if global, _ := m.RLCT([]float64{1, 0, 2, 2, 2}, prior); math.Abs(global.Lambda-least) > 1e-15 || global.Mult != mult {
			t.Errorf("α=%v: least local (%v, %d), global %+v", alpha, least, mult, global)
		}
	}
}
