package modeltest

import (
	"fmt"
	"math"
	"slices"
	"sync"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

func checkParams(c *checker) {
	ps := c.m.Params()
	if len(ps) == 0 {
		c.fail("no coordinates")
	}
	names := map[string]bool{}
	for i, p := range ps {
		if p.Name == "" || names[p.Name] {
			c.fail("coordinate %d is called %q: empty or taken", i+1, p.Name)
		}
		names[p.Name] = true
		if !(p.Lo <= p.Hi) {
			c.fail("%s: bounds [%v, %v]", p.Name, p.Lo, p.Hi)
		}
	}
	if s := c.m.Shape(); s.P < 0 || s.Q < 1 {
		c.fail("shape %+v: at least one column must be modelled", s)
	}
	if len(c.points) == 0 {
		c.fail("Run was given no points")
	}
	for _, theta := range c.points {
		if err := models.CheckTheta(c.m, theta); err != nil {
			c.fail("a point given to Run: %v", err)
		}
	}
}

func checkCapabilities(c *checker) {
	l, _ := c.bind(c.opts.N, c.points[0])
	have := Capabilities(c.m, l)
	for _, name := range c.opts.Have {
		if !slices.Contains(have, name) {
			c.fail("%s is missing; it has %v", name, have)
		}
	}
}

func checkString(c *checker) {
	if c.opts.Text == "" {
		return
	}
	text := fmt.Sprint(c.m)
	back, err := models.Parse(text)
	if err != nil {
		c.fail("String is %q, which Parse refuses: %v", text, err)
		return
	}
	if fmt.Sprint(back) != text || back.Shape() != c.m.Shape() || !slices.Equal(back.Params(), c.m.Params()) {
		c.fail("made from %q, String is %q, which parses to %v with other coordinates, columns or text", c.opts.Text, text, back)
	}
}

func checkSample(c *checker) {
	for _, theta := range c.points {
		before := slices.Clone(theta)
		a, b := c.data(c.opts.N, theta, 0), c.data(c.opts.N, theta, 0)
		for i := range a.V {
			if math.Float64bits(a.V[i]) != math.Float64bits(b.V[i]) {
				c.fail("θ = %v: value %d is %v in one draw and %v in another from the same rng state", theta, i, a.V[i], b.V[i])
				break
			}
		}
		if err := a.Check(); err != nil {
			c.fail("θ = %v: %v", theta, err)
		}
		fresh := a.Clone()
		c.m.Sample(fresh, theta, newRand(c.opts.Seed, 77))
		same := true
		for i := range a.N {
			if !slices.Equal(a.X(i), fresh.X(i)) {
				c.fail("θ = %v: Sample changed the conditioning columns of row %d from %v to %v", theta, i, a.X(i), fresh.X(i))
				break
			}
			same = same && slices.Equal(a.Y(i), fresh.Y(i))
		}
		if same {
			c.fail("θ = %v: another rng state gives the same data", theta)
		}
		if !slices.Equal(before, theta) {
			c.fail("Sample changed θ from %v to %v", before, theta)
		}
	}
}

func checkBind(c *checker) {
	good := c.data(c.opts.N, c.points[0], 0)
	refuse := func(what string, z *models.Data) {
		if _, err := c.m.Bind(z); err == nil {
			c.fail("%s was accepted", what)
		}
	}
	refuse("nil", nil)
	refuse("data without rows", models.NewData(0, good.P, good.Q))
	refuse("a column too many", models.NewData(3, good.P, good.Q+1))
	refuse("a conditioning column too many", models.NewData(3, good.P+1, good.Q))
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		for _, j := range []int{0, len(good.V) - 1} {
			z := good.Clone()
			z.V[j] = v
			refuse(fmt.Sprintf("%v in the data", v), z)
		}
	}
	if l, err := c.m.Bind(good); err != nil || l.N() < 1 || fmt.Sprint(l.Model()) != fmt.Sprint(c.m) {
		c.fail("data that it drew itself: %v", err)
	}
}

func checkTerms(c *checker) {
	for _, theta := range c.points {
		l, _ := c.bind(c.opts.N, theta)
		terms := make([]float64, l.N())
		for _, x := range c.near(l, theta) {
			ll := l.LogLik(x)
			l.Terms(terms, x)
			var sum, abs float64
			for _, v := range terms {
				sum, abs = sum+v, abs+math.Abs(v)
			}
			if !closeTo(ll, sum, 1e-12, abs) {
				c.fail("θ = %v: LogLik is %.17g, the sum of Terms %.17g", x, ll, sum)
			}
			if math.IsInf(ll, 0) || math.IsNaN(ll) {
				c.fail("θ = %v: LogLik is %v for data drawn there", x, ll)
			}
		}
	}
}

func checkDomain(c *checker) {
	l, _ := c.bind(c.opts.N, c.points[0])
	terms := make([]float64, l.N())
	ps := c.m.Params()
	for i, p := range ps {
		bad := []float64{math.NaN(), math.Inf(1), math.Inf(-1)}
		if !math.IsInf(p.Lo, -1) {
			bad = append(bad, p.Lo-0.5-math.Abs(p.Lo))
		}
		if !math.IsInf(p.Hi, 1) {
			bad = append(bad, p.Hi+0.5+math.Abs(p.Hi))
		}
		for _, v := range bad {
			theta := slices.Clone(c.points[0])
			theta[i] = v
			if ll := l.LogLik(theta); !math.IsInf(ll, -1) {
				c.fail("%s = %v: LogLik is %v, not -Inf", p.Name, v, ll)
			}
			if l.Terms(terms, theta); slices.ContainsFunc(terms, math.IsNaN) {
				c.fail("%s = %v: a term is NaN", p.Name, v)
			}
			if s, ok := l.(models.Scorer); ok {
				if ll := s.Score(make([]float64, c.d), theta); !math.IsInf(ll, -1) {
					c.fail("%s = %v: Score returns %v, not -Inf", p.Name, v, ll)
				}
			}
		}
	}
	for _, scale := range []float64{1e-300, 1e-9, 1, 10, 1e4, 1e100, 1e300} {
		for range 20 {
			theta := make([]float64, c.d)
			for i := range theta {
				theta[i] = scale * c.rng.NormFloat64()
				if c.rng.IntN(3) == 0 {
					theta[i] = c.points[0][i]
				}
			}
			ll := l.LogLik(theta)
			if math.IsNaN(ll) {
				c.fail("θ = %v: LogLik is NaN", theta)
			}
			if models.CheckTheta(c.m, theta) != nil && !math.IsInf(ll, -1) {
				c.fail("θ = %v lies outside the domain (%v), LogLik is %v", theta, models.CheckTheta(c.m, theta), ll)
			}
		}
	}
	if !panics(func() { l.LogLik(make([]float64, c.d+1)) }) || !panics(func() { l.Terms(terms, make([]float64, c.d-1)) }) ||
		!panics(func() { l.Terms(make([]float64, len(terms)+1), c.points[0]) }) {
		c.fail("a slice of wrong length was accepted")
	}
}

func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}

// evaluations are the methods of a likelihood at a point, by name; each returns
// the numbers that it computed.
func evaluations(l models.Likelihood) map[string]func(theta []float64) []float64 {
	n, d := l.N(), models.Dim(l.Model())
	terms, g, s := make([]float64, n), make([]float64, d+1), mat.NewDense(n, d, nil)
	one, rows := make([]float64, 1), []int{n - 1, 0, n - 1}
	h, many, two := mat.NewSymDense(d, nil), make([]float64, 2), mat.NewDense(2, d, nil)
	out := map[string]func([]float64) []float64{
		"LogLik": func(theta []float64) []float64 { one[0] = l.LogLik(theta); return one },
		"Terms":  func(theta []float64) []float64 { l.Terms(terms, theta); return terms },
	}
	if v, ok := l.(models.Scorer); ok {
		out["Score"] = func(theta []float64) []float64 { g[d] = v.Score(g[:d], theta); return g }
	}
	if v, ok := l.(models.TermScorer); ok {
		out["ScoreTerms"] = func(theta []float64) []float64 { v.ScoreTerms(s, theta); return s.RawMatrix().Data }
	}
	if v, ok := l.(models.Hesser); ok {
		out["Hess"] = func(theta []float64) []float64 { v.Hess(h, theta); return h.RawSymmetric().Data }
	}
	if v, ok := l.(models.FreeScorer); ok { // any point is one of the free coordinates
		out["ScoreFree"] = func(u []float64) []float64 { g[d] = v.ScoreFree(g[:d], u); return g }
	}
	if v, ok := l.(models.Curver); ok {
		out["Curve"] = func(u []float64) []float64 { v.Curve(h, g[:d], u); return h.RawSymmetric().Data }
	}
	if v, ok := l.(models.EMStepper); ok {
		out["EMStep"] = func(theta []float64) []float64 { g[d] = v.EMStep(g[:d], theta); return g }
	}
	if v, ok := l.(models.Batcher); ok {
		out["BatchScore"] = func(theta []float64) []float64 { g[d] = v.BatchScore(g[:d], theta, rows); return g }
	}
	if v, ok := l.(models.BatchLogLiker); ok {
		out["LogLiks"] = func(theta []float64) []float64 {
			two.SetRow(0, theta)
			two.SetRow(1, theta)
			v.LogLiks(many, two)
			return many
		}
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func checkPure(c *checker) {
	theta := c.points[0]
	other := c.points[len(c.points)-1]
	l, z := c.bind(c.opts.N, theta)
	fresh, _ := c.bind(c.opts.N, theta)
	again := evaluations(fresh)
	data := slices.Clone(z.V)
	evals := evaluations(l)
	names := sortedKeys(evals)
	for _, name := range names {
		x := slices.Clone(theta)
		want := slices.Clone(again[name](slices.Clone(theta)))
		for _, before := range names { // whatever was computed before, at θ or elsewhere
			evals[before](slices.Clone(other))
			got := evals[name](x)
			for i := range got {
				if math.Float64bits(got[i]) != math.Float64bits(want[i]) {
					c.fail("%s at θ = %v is %v after %s elsewhere and %v on a fresh Likelihood", name, theta, got[i], before, want[i])
					break
				}
			}
		}
		if !slices.Equal(x, theta) {
			c.fail("%s changed θ from %v to %v", name, theta, x)
		}
		if !slices.Equal(data, z.V) {
			c.fail("%s changed the data", name)
			return
		}
	}
}

func checkRace(c *checker) {
	theta := c.points[0]
	z := c.data(c.opts.N, theta, 0)
	const workers = 2
	results := make([][]float64, workers)
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			defer func() { _ = recover() }() // other rules report panics
			l, err := c.m.Bind(z)
			if err != nil {
				return // the rule bind reports it
			}
			evals := evaluations(l)
			for range 20 {
				results[i] = results[i][:0]
				for _, name := range sortedKeys(evals) {
					results[i] = append(results[i], evals[name](theta)...)
				}
			}
			c.m.Sample(z.Clone(), theta, newRand(c.opts.Seed, 5))
		})
	}
	wg.Wait()
	for i := range min(len(results[0]), len(results[1])) {
		if math.Float64bits(results[0][i]) != math.Float64bits(results[1][i]) {
			c.fail("two goroutines computed %v and %v", results[0][i], results[1][i])
			return
		}
	}
}
