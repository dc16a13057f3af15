package models

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// On each stratum: Project lands at distance 0 and moves by Distance, the
// tangent leaves the law unchanged (its image under the Fisher information at
// random inputs vanishes), and the information is singular by at least the
// dimension of the tangent.
func TestMLPStrata(t *testing.T) {
	rng := rand.New(rand.NewPCG(71, 1))
	for _, m := range mlpCases(t) {
		d := len(m.params)
		avg, g := mat.NewSymDense(d, nil), mat.NewSymDense(d, nil)
		x := make([]float64, m.s.In)
		for _, s := range m.Strata() {
			theta, at := mlpTheta(m, rng), make([]float64, d)
			before := append([]float64(nil), theta...)
			s.Project(at, theta)
			if !slices.Equal(theta, before) {
				t.Fatalf("%v %s: Project changed θ", m, s.Name)
			}
			if dist := s.Distance(at); dist != 0 {
				t.Errorf("%v %s: distance %g after Project", m, s.Name, dist)
			}
			moved := 0.0
			for j := range at {
				moved += (at[j] - theta[j]) * (at[j] - theta[j])
			}
			mlpClose(t, m.String()+" "+s.Name+": distance", s.Distance(theta), math.Sqrt(moved), 1e-12)
			if s.Codim > 0 && s.Distance(theta) == 0 {
				t.Errorf("%v %s: a generic point is on a stratum of codimension %d", m, s.Name, s.Codim)
			}
			tan := s.Tangent(at)
			if tan == nil {
				t.Errorf("%v %s: no tangent", m, s.Name)
				continue
			}
			avg.Zero()
			for range 4 * d { // enough inputs to see every direction that matters
				for k := range x {
					x[k] = 3 * rng.NormFloat64()
				}
				m.FisherAt(g, at, x)
				avg.AddSym(avg, g)
			}
			var image mat.Dense
			image.Mul(avg, tan)
			if size := mat.Norm(&image, math.Inf(1)); size > 1e-10*(1+mat.Norm(avg, math.Inf(1))) {
				t.Errorf("%v %s: the tangent moves the law by %g", m, s.Name, size)
			}
			ev := eigenAscending(t, avg)
			null := 0
			for _, e := range ev {
				if e < 1e-11*ev[d-1] {
					null++
				}
			}
			if null < columnRank(t, tan) {
				t.Errorf("%v %s: %d null directions, the tangent has %d", m, s.Name, null, columnRank(t, tan))
			}
		}
	}
}

func columnRank(t *testing.T, a *mat.Dense) int {
	sv := squaredSingular(t, a)
	rank := 0
	for _, v := range sv {
		if v > 1e-20*sv[len(sv)-1] {
			rank++
		}
	}
	return rank
}

func TestMLPOverlapMeetsBothSigns(t *testing.T) {
	m := mlpMust(t, MLPSettings{In: 2})
	s := m.Strata()[0]
	if s.Name != "overlap(1,2)" || s.Codim != 2 {
		t.Fatalf("first stratum: %s of codimension %d", s.Name, s.Codim)
	}
	for _, c := range []struct {
		theta []float64
		dist  float64
	}{
		{[]float64{1, 2, 1, 2, 1, 1}, 0},
		{[]float64{1, 2, -1, -2, 1, 1}, 0},
		{[]float64{1, 2, -1, -2.2, 1, 1}, 0.2 / math.Sqrt2},
	} {
		mlpClose(t, "distance", s.Distance(c.theta), c.dist, 1e-15)
	}
}

func TestMLPCanonicalize(t *testing.T) {
	rng := rand.New(rand.NewPCG(81, 1))
	for _, m := range mlpCases(t) {
		theta := mlpTheta(m, rng)
		l := mlpDrawn(t, m, theta, 6, rng)
		base := append([]float64(nil), theta...)
		m.Canonicalize(base)
		mlpClose(t, m.String()+": LogLik", l.LogLik(base), l.LogLik(theta), 1e-12)
		again := append([]float64(nil), base...)
		m.Canonicalize(again)
		if !slices.Equal(again, base) {
			t.Errorf("%v: not idempotent: %v, then %v", m, base, again)
		}
		for range 10 { // every image has one representative
			image := append([]float64(nil), theta...)
			for i := range m.s.Hidden {
				m.swap(image, i, rng.IntN(m.s.Hidden))
				if m.s.Act.Odd() && rng.IntN(2) == 0 {
					m.flip(image, i)
				}
			}
			m.Canonicalize(image)
			if !slices.Equal(image, base) {
				t.Errorf("%v: representative %v of an image, want %v", m, image, base)
			}
		}
	}
	m := mlpMust(t, MLPSettings{})
	theta := []float64{-1, 0.5, 2, -3}
	m.Canonicalize(theta)
	if want := []float64{0.5, 1, -3, -2}; !slices.Equal(theta, want) {
		t.Errorf("canonical form %v, want %v", theta, want)
	}
}

func TestMLPEmbed(t *testing.T) {
	rng := rand.New(rand.NewPCG(91, 1))
	for _, act := range []Activation{ErfUnit, TanhUnit, ReLUUnit, LinearUnit} {
		sub := mlpMust(t, MLPSettings{In: 2, Hidden: 2, Out: 2, Act: act, Sigma: 0.7})
		big := mlpMust(t, MLPSettings{In: 2, Hidden: 4, Out: 2, Act: act, Bias: true, FreeSigma: true})
		theta := mlpTheta(sub, rng)
		l := mlpDrawn(t, sub, theta, 6, rng)
		dst := make([]float64, len(big.params))
		if !big.Embed(dst, sub, theta) {
			t.Fatalf("%v does not take %v", big, sub)
		}
		lb, err := big.Bind(l.z)
		if err != nil {
			t.Fatal(err)
		}
		mlpClose(t, "LogLik", lb.LogLik(dst), l.LogLik(theta), 1e-13)
		back := make([]float64, len(sub.params))
		if sub.Embed(back, big, dst) {
			t.Error("the smaller model took the larger")
		}
	}
	if m := mlpMust(t, MLPSettings{Sigma: 2}); m.Embed(make([]float64, 4), mlpMust(t, MLPSettings{Hidden: 1}), []float64{1, 1}) {
		t.Error("a model took one of another known σ")
	}
}

func TestMLPUnconstrainer(t *testing.T) {
	rng := rand.New(rand.NewPCG(101, 1))
	m := mlpMust(t, MLPSettings{FreeSigma: true})
	theta := mlpTheta(m, rng)
	free, back, g, pulled := make([]float64, 5), make([]float64, 5), make([]float64, 5), make([]float64, 5)
	m.ToFree(free, theta)
	m.FromFree(back, free)
	for j := range theta {
		mlpClose(t, "round trip", back[j], theta[j], 1e-15)
	}
	l := mlpDrawn(t, m, theta, 8, rng)
	l.Score(g, theta)
	m.PullScore(pulled, free, g)
	const h = 1e-5
	at := func(e float64) float64 {
		x := append([]float64(nil), free...)
		x[4] += e
		m.FromFree(back, x)
		return l.LogLik(back)
	}
	mlpClose(t, "score of log σ²", pulled[4], (at(h)-at(-h))/(2*h), 1e-8)
}

// Learning coefficients at truths of every kind. The values for truth 0 are
// (h²+h+H)/(4h+2) of Aoyagi and Watanabe (2005).
func TestMLPLearningCoefficients(t *testing.T) {
	for _, c := range []struct {
		text   string
		truth  []float64
		lambda float64
		mult   int
		kind   CoefficientKind
	}{
		{"mlp:hidden=1", []float64{0, 0}, 0.5, 2, ExactLambda},
		{"mlp:hidden=1,act=tanh", []float64{0, 3}, 0.5, 2, ExactLambda},
		{"mlp:hidden=1", []float64{1, 1}, 1, 1, ExactLambda},
		{"mlp:hidden=1,in=3", []float64{1, 1, 1, 0}, 0.5, 1, ExactLambda},
		{"mlp:hidden=1,in=2,out=2", []float64{0, 0, 1, 0}, 1, 2, ExactLambda},
		{"mlp:hidden=2", []float64{1, -1, 2, 2}, 2. / 3, 1, ExactLambda},
		{"mlp:hidden=3,act=tanh", []float64{1, 2, 3, 0, 0, 0}, 5. / 6, 1, ExactLambda},
		{"mlp:hidden=4", []float64{0, 0, 0, 0, 1, 1, 1, 1}, 1, 2, ExactLambda},
		{"mlp:hidden=2", []float64{1, 1, 0.5, 0.5}, 1.25, 1, ExactLambda},
		{"mlp:hidden=2", []float64{1, -1, 0.5, 0.7}, 1.25, 1, ExactLambda},
		{"mlp:hidden=2,sigma=free", []float64{1, 4, 0.5, 0, 1}, 1.75, 1, ExactLambda},
		{"mlp:hidden=2,bias=true,sigma=free", []float64{1, 0, 1, 1, 0.5, 0.3, 0, 1}, 4, 1, ExactLambda},
		{"mlp:hidden=3", []float64{1, 2, 0, 1, 1, 1}, 2.5, 0, UpperBound},
		{"mlp:hidden=2,bias=true", []float64{1, 0, 1, 0, 0.5, 0.3, 0}, 2.5, 0, UpperBound},
	} {
		m, err := Parse(c.text)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := m.(KnownRLCT).RLCT(c.truth, PriorShape{})
		if !ok || math.Abs(got.Lambda-c.lambda) > 1e-12 || got.Mult != c.mult || got.Kind != c.kind || got.Ref == "" {
			t.Errorf("%s at %v: %+v, %v; want λ = %v, m = %d, %v", c.text, c.truth, got, ok, c.lambda, c.mult, c.kind)
		}
	}
	for text, truth := range map[string][]float64{
		"mlp:act=relu": {1, 2, 1, 1}, "mlp:act=linear": {1, 2, 1, 1}, "mlp:x=data": {1, 2, 1, 1}, "mlp": {1, 2, 3},
	} {
		m, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if c, ok := m.(KnownRLCT).RLCT(truth, PriorShape{}); ok {
			t.Errorf("%s at %v: %+v, want none", text, truth, c)
		}
	}
	m := mlpMust(t, MLPSettings{})
	if _, ok := m.RLCT([]float64{1, 1, 1, 1}, PriorShape{Jeffreys: true}); ok {
		t.Error("a Jeffreys prior at a singular truth has an answer")
	}
}

// The population log-likelihood at the truth is minus the entropy of the noise;
// at θ, less by E(f − f₀)²/2σ². For erf units the latter is a closed form.
func TestMLPNodes(t *testing.T) {
	m := mlpMust(t, MLPSettings{Sigma: 0.5})
	truth, theta := []float64{0.5, 1.5, 1, -0.7}, []float64{0.8, -0.3, 0.4, 2}
	z, w, err := m.Nodes(truth, Rule{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := m.Bind(z)
	if err != nil {
		t.Fatal(err)
	}
	pop := l.(Reweighter).Reweight(w)
	entropy := 0.5 * math.Log(2*math.Pi*math.E*0.25)
	mlpClose(t, "at the truth", pop.LogLik(truth), -entropy, 1e-13)
	loss := 0.0
	ws := []float64{truth[0], truth[1], theta[0], theta[1]}
	vs := []float64{truth[2], truth[3], -theta[2], -theta[3]}
	for i, vi := range vs {
		for j, vj := range vs {
			loss += vi * vj * ErfKernel(ws[i], ws[j])
		}
	}
	mlpClose(t, "elsewhere", pop.LogLik(theta), -entropy-loss/(2*0.25), 1e-12)

	for _, c := range []struct {
		text string
		rule Rule
		tol  float64
	}{
		{"mlp:in=2,out=3,act=tanh,bias=true,sigma=free", Rule{}, 1e-9},
		{"mlp:act=relu", Rule{Points: 64}, 1e-12},
		{"mlp:act=tanh,x=uniform,xsd=2,sigma=2", Rule{Points: 40}, 1e-10},
	} {
		p, err := Parse(c.text)
		if err != nil {
			t.Fatal(err)
		}
		m := p.(*MLP)
		truth := mlpTheta(m, rand.New(rand.NewPCG(7, 7)))
		if m.s.In == 2 { // weights of order 1: the default rule is for these
			for j := range m.offOut {
				truth[j] *= 0.6
			}
		}
		z, w, err := m.Nodes(truth, c.rule)
		if err != nil {
			t.Fatal(err)
		}
		total := 0.0
		for _, v := range w {
			total += v
		}
		mlpClose(t, c.text+": Σ w", total, 1, 1e-12)
		l := newMLPLike(m, z, w)
		entropy := 0.5 * float64(m.s.Out) * math.Log(2*math.Pi*math.E*m.variance(truth))
		mlpClose(t, c.text+": at the truth", l.LogLik(truth), -entropy, 1e-12)
		// E ss = F: minus the expected Hessian at the truth is the information.
		h := mat.NewSymDense(len(truth), nil)
		l.Hess(h, truth)
		h.ScaleSym(-1, h)
		compareInfo(t, m, "−E Hess", h, mlpFisherAt(t, m, truth), c.tol*mat.Max(h))
	}
	for text, want := range map[string]string{"mlp:in=3": "allowed is 1 or 2", "mlp:x=data": "no data"} {
		p, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		m := p.(*MLP)
		if _, _, err := m.Nodes(make([]float64, len(m.params)), Rule{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one that says %q", text, err, want)
		}
	}
	data := NewData(3, 4, 0)
	for i := range data.V {
		data.V[i] = float64(i % 5)
	}
	e := mlpMust(t, MLPSettings{In: 4, Inputs: EmpiricalLaw{Z: data}})
	if z, w, err := e.Nodes(make([]float64, 10), Rule{}); err != nil || z.N != 6 || math.Abs(w[0]-1./6) > 1e-16 {
		t.Errorf("nodes at the inputs of data: %v, %v, %v", z, w, err)
	}
}

// Starts lie in the domain, differ, and the best of 20 explains most of what the
// truth does. Fixed seed: no false alarms.
func TestMLPStarts(t *testing.T) {
	rng := rand.New(rand.NewPCG(111, 1))
	for _, m := range mlpCases(t) {
		theta := mlpTheta(m, rng)
		l := mlpDrawn(t, m, theta, 200, rng)
		dst, first := make([]float64, len(theta)), make([]float64, len(theta))
		best := math.Inf(-1)
		for k := range 20 {
			l.Start(dst, rng)
			if k == 0 {
				copy(first, dst)
			} else if slices.Equal(first, dst) {
				t.Errorf("%v: two equal starts", m)
			}
			if err := CheckTheta(m, dst); err != nil {
				t.Fatal(err)
			}
			best = max(best, l.LogLik(dst))
		}
		zero := make([]float64, len(theta))
		if m.s.FreeSigma {
			zero[m.net] = 1
		}
		at, none := l.LogLik(theta), l.LogLik(zero)
		if best < none+0.5*(at-none) {
			t.Errorf("%v: best start %v, truth %v, nothing %v", m, best, at, none)
		}
		a, b := make([]float64, len(theta)), make([]float64, len(theta))
		l.Start(a, rand.New(rand.NewPCG(5, 5)))
		l.Start(b, rand.New(rand.NewPCG(5, 5)))
		if !slices.Equal(a, b) {
			t.Errorf("%v: the same stream gave two starts", m)
		}
	}
}
