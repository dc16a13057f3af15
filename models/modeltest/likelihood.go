package modeltest

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

// around calls f with likelihoods of data drawn at each point, and θ there and
// nearby.
func (c *checker) around(f func(l models.Likelihood, theta []float64)) {
	for _, p := range c.points {
		l, _ := c.bind(c.opts.N, p)
		for _, theta := range c.near(l, p) {
			f(l, theta)
		}
	}
}

func checkScore(c *checker) {
	c.around(func(l models.Likelihood, theta []float64) {
		s, ok := l.(models.Scorer)
		if !ok {
			return
		}
		c.gradient("Score", l.LogLik, func(dst, theta []float64) {
			if ll, want := s.Score(dst, theta), l.LogLik(theta); !closeTo(ll, want, 1e-11, float64(l.N())) {
				c.fail("θ = %v: Score returns %.17g, LogLik is %.17g", theta, ll, want)
			}
		}, theta, float64(l.N()))
	})
}

// gradient compares score with differences of f at theta. n is the number of
// terms, which sets the scale below which a score is only rounding.
func (c *checker) gradient(what string, f func([]float64) float64, score func(dst, theta []float64), theta []float64, n float64) {
	c.t.Helper()
	g, x := make([]float64, c.d), slices.Clone(theta)
	score(g, theta)
	for i := range g {
		d, e := derivative(f, x, i)
		if ok, known := agrees(g[i], d, e, math.Sqrt(n)*1e-2); known && !ok || math.IsNaN(g[i]) {
			c.fail("θ = %v: %s in %s is %.10g, differences give %.10g ± %.1g", theta, what, c.name(i), g[i], d, e)
		}
	}
}

func (c *checker) name(i int) string { return c.m.Params()[i].Name }

func checkScoreTerms(c *checker) {
	c.around(func(l models.Likelihood, theta []float64) {
		ts, ok := l.(models.TermScorer)
		if !ok {
			return
		}
		n := l.N()
		s, terms, mix := mat.NewDense(n, c.d, nil), make([]float64, n), make([]float64, n)
		for t := range mix {
			mix[t] = c.rng.NormFloat64()
		}
		// One random combination of the terms sees an error in any of them.
		c.gradient("Σ c_t s_t for random c", func(theta []float64) float64 {
			l.Terms(terms, theta)
			return dot(mix, terms)
		}, func(dst, theta []float64) {
			ts.ScoreTerms(s, theta)
			for j := range dst {
				dst[j] = dot(mix, mat.Col(nil, j, s))
			}
		}, theta, float64(n))
		sc, ok := l.(models.Scorer)
		if !ok {
			return
		}
		g := make([]float64, c.d)
		sc.Score(g, theta)
		for j := range g {
			var sum, abs float64
			for t := range n {
				sum, abs = sum+s.At(t, j), abs+math.Abs(s.At(t, j))
			}
			if !closeTo(sum, g[j], 1e-10, abs) {
				c.fail("θ = %v: ScoreTerms sum to %.17g in %s, Score is %.17g", theta, sum, c.name(j), g[j])
			}
		}
	})
}

func dot(a, b []float64) float64 {
	var s float64
	for i := range a {
		s += a[i] * b[i]
	}
	return s
}

func checkHess(c *checker) {
	c.around(func(l models.Likelihood, theta []float64) {
		hs, ok := l.(models.Hesser)
		if !ok {
			return
		}
		score, _ := models.Score(l)
		h := mat.NewSymDense(c.d, nil)
		hs.Hess(h, theta)
		c.hessian("Hess", h, score, theta, float64(l.N()))
	})
}

// hessian compares h with differences of score at theta; n is as in gradient.
func (c *checker) hessian(what string, h *mat.SymDense, score func(dst, theta []float64) float64, theta []float64, n float64) {
	c.t.Helper()
	g, x := make([]float64, c.d), slices.Clone(theta)
	for i := range c.d {
		for j := range c.d {
			d, e := derivative(func(x []float64) float64 {
				if math.IsInf(score(g, x), -1) {
					return math.Inf(-1)
				}
				return g[i]
			}, x, j)
			if ok, known := agrees(h.At(i, j), d, e, n*1e-2); known && !ok || math.IsNaN(h.At(i, j)) {
				c.fail("θ = %v: %s in %s, %s is %.10g, differences of the score give %.10g ± %.1g",
					theta, what, c.name(i), c.name(j), h.At(i, j), d, e)
			}
		}
	}
}

func checkFree(c *checker) {
	free, ok := c.m.(models.Unconstrainer)
	if !ok {
		return // nobody asks for them
	}
	c.around(func(l models.Likelihood, theta []float64) {
		f, fast := l.(models.FreeScorer)
		cur, curved := l.(models.Curver)
		if !fast && !curved {
			return
		}
		u, x := make([]float64, c.d), make([]float64, c.d)
		free.ToFree(u, theta)
		at := func(u []float64) float64 {
			free.FromFree(x, u)
			return l.LogLik(x)
		}
		check := func(what string, score func(dst, u []float64) float64) {
			c.gradient(what, at, func(dst, u []float64) {
				if ll, want := score(dst, u), at(u); !closeTo(ll, want, 1e-11, float64(l.N())) {
					c.fail("u = %v: %s returns %.17g, LogLik is %.17g", u, what, ll, want)
				}
			}, u, float64(l.N()))
		}
		if fast {
			check("ScoreFree", f.ScoreFree)
		}
		if !curved {
			return
		}
		h, g := mat.NewSymDense(c.d, nil), make([]float64, c.d)
		check("Curve", func(dst, u []float64) float64 { return cur.Curve(h, dst, u) })
		cur.Curve(h, g, u)
		c.hessian("Curve", h, func(dst, u []float64) float64 {
			return cur.Curve(mat.NewSymDense(c.d, nil), dst, u)
		}, u, float64(l.N()))
	})
}

func checkEM(c *checker) {
	c.around(func(l models.Likelihood, theta []float64) { c.climb(l, theta) })
	for _, p := range c.points { // and under weights, with and without starts
		l, _ := c.bind(c.opts.N, p)
		if r, ok := l.(models.Reweighter); ok {
			c.climb(r.Reweight(c.weights(l.N())), p)
		}
		if s, ok := l.(models.Starter); ok {
			start := make([]float64, c.d)
			for range 3 {
				s.Start(start, c.rng)
				c.climb(l, start)
			}
		}
	}
}

// climb takes EM steps from theta.
func (c *checker) climb(l models.Likelihood, theta []float64) {
	c.t.Helper()
	em, ok := l.(models.EMStepper)
	if !ok {
		return
	}
	x, next := slices.Clone(theta), make([]float64, c.d)
	for step := range 25 {
		before := l.LogLik(x)
		if got := em.EMStep(next, x); !closeTo(got, before, 1e-11, float64(l.N())) {
			c.fail("θ = %v: EMStep returns %.17g, LogLik there is %.17g", x, got, before)
			return
		}
		after := l.LogLik(next)
		if !(after >= before-1e-9*(float64(l.N())+math.Abs(before))) {
			c.fail("step %d from θ = %v: the likelihood went from %.12g to %.12g", step+1, x, before, after)
			return
		}
		x, next = next, x
	}
}

func checkMaximum(c *checker) {
	for _, p := range c.points {
		l, _ := c.bind(c.opts.N, p)
		mx, ok := l.(models.Maximizer)
		if !ok {
			return
		}
		best := make([]float64, c.d)
		ll := mx.Maximum(best)
		if want := l.LogLik(best); !closeTo(ll, want, 1e-10, float64(l.N())) {
			c.fail("Maximum returns %.15g, LogLik at its θ̂ = %v is %.15g", ll, best, want)
		}
		for _, x := range append(c.near(l, p), c.near(l, best)...) {
			if other := l.LogLik(x); other > ll+1e-9*(float64(l.N())+math.Abs(ll)) {
				c.fail("θ̂ = %v has %.12g, θ = %v has %.12g", best, ll, x, other)
			}
		}
	}
}

func checkStart(c *checker) {
	for _, p := range c.points {
		l, _ := c.bind(c.opts.N, p)
		s, ok := l.(models.Starter)
		if !ok {
			return
		}
		a, b := make([]float64, c.d), make([]float64, c.d)
		for i := range uint64(10) {
			s.Start(a, newRand(c.opts.Seed, i))
			s.Start(b, newRand(c.opts.Seed, i))
			if !slices.Equal(a, b) {
				c.fail("the same rng state starts at %v and at %v", a, b)
			}
			if err := models.CheckTheta(c.m, a); err != nil {
				c.fail("start %v: %v", a, err)
			} else if ll := l.LogLik(a); math.IsInf(ll, 0) || math.IsNaN(ll) {
				c.fail("start %v has log-likelihood %v", a, ll)
			}
		}
	}
}

func checkLogLiks(c *checker) {
	for _, p := range c.points {
		l, _ := c.bind(c.opts.N, p)
		b, ok := l.(models.BatchLogLiker)
		if !ok {
			return
		}
		thetas := c.near(l, p)
		for i := range 9 { // more rows than a kernel has lanes, some of them bad
			thetas = append(thetas, slices.Clone(p))
			if i%3 == 0 {
				thetas[len(thetas)-1][i%c.d] = math.NaN()
			}
		}
		grid, got := mat.NewDense(len(thetas), c.d, nil), make([]float64, len(thetas))
		for i, x := range thetas {
			grid.SetRow(i, x)
		}
		b.LogLiks(got, grid)
		for i, x := range thetas {
			if want := l.LogLik(x); !closeTo(got[i], want, 1e-10, float64(l.N())) {
				c.fail("θ = %v: LogLiks gives %.17g, LogLik %.17g", x, got[i], want)
			}
		}
	}
}

// weights are positive numbers, one in four of them 0.
func (c *checker) weights(n int) []float64 {
	w := make([]float64, n)
	for t := range w {
		if t%4 != 3 {
			w[t] = c.rng.ExpFloat64()
		}
	}
	return w
}

func checkWeights(c *checker) {
	c.around(func(l models.Likelihood, theta []float64) {
		n := l.N()
		w, terms := c.weights(n), make([]float64, n)
		ones := slices.Repeat([]float64{1}, n)
		unit, b := models.Weighted(l, ones), models.Weighted(l, w)
		l.Terms(terms, theta)
		abs := 0.0
		for t, v := range terms {
			abs += w[t] * math.Abs(v)
		}
		if got, want := unit.LogLik(theta), l.LogLik(theta); !closeTo(got, want, 1e-12, float64(n)) {
			c.fail("θ = %v: with unit weights LogLik is %.17g, without %.17g", theta, got, want)
		}
		if got, want := b.LogLik(theta), dot(w, terms); !closeTo(got, want, 1e-12, abs) {
			c.fail("θ = %v: LogLik with weights is %.17g, Σ w_t log p is %.17g", theta, got, want)
		}
		sum := dot(w, ones)
		if got := models.Weight(b); !closeTo(got, sum, 1e-12, 0) {
			c.fail("Weight is %v, the weights sum to %v", got, sum)
		}
		again := make([]float64, n)
		if b.Terms(again, theta); !closeTo(dot(w, again), dot(w, terms), 1e-12, abs) {
			c.fail("θ = %v: Terms of a weighted likelihood differ from those without weights", theta)
		}
		if _, ok := l.(models.Reweighter); ok {
			spared := []string{"BatchLogLiker", "Maximizer", "FreeScorer", "Curver"} // not promised under weights
			for _, name := range Capabilities(c.m, l) {
				if !slices.Contains(Capabilities(c.m, b), name) && !slices.Contains(spared, name) {
					c.fail("Reweight loses %s", name)
				}
			}
		}
		ts, ok := l.(models.TermScorer)
		if !ok {
			return
		}
		s, g := mat.NewDense(n, c.d, nil), make([]float64, c.d)
		ts.ScoreTerms(s, theta)
		score, _ := models.Score(b)
		if ll := score(g, theta); !closeTo(ll, dot(w, terms), 1e-11, abs) {
			c.fail("θ = %v: Score with weights returns %.17g, Σ w_t log p is %.17g", theta, ll, dot(w, terms))
		}
		for j := range g {
			col := mat.Col(nil, j, s)
			want := dot(w, col)
			scale := 0.0
			for t, v := range col {
				scale += w[t] * math.Abs(v)
			}
			if !closeTo(g[j], want, 1e-9, scale) {
				c.fail("θ = %v: Score with weights in %s is %.12g, Σ w_t s_t is %.12g", theta, c.name(j), g[j], want)
			}
		}
		if h, ok := b.(models.Hesser); ok { // linear in the weights: H(w) + H(2−w) = 2 H(1)
			rest := make([]float64, n)
			for t := range w {
				w[t] = min(w[t], 2)
				rest[t] = 2 - w[t]
			}
			ha, hb, h1 := mat.NewSymDense(c.d, nil), mat.NewSymDense(c.d, nil), mat.NewSymDense(c.d, nil)
			h.Hess(ha, theta)
			hessOf(models.Weighted(l, rest))(hb, theta)
			hessOf(unit)(h1, theta)
			for i := range c.d {
				for j := i; j < c.d; j++ {
					if got, want := ha.At(i, j)+hb.At(i, j), 2*h1.At(i, j); !closeTo(got, want, 1e-7, float64(n)) {
						c.fail("θ = %v: Hess in %s, %s is not linear in the weights: %.10g and %.10g", theta, c.name(i), c.name(j), got, want)
					}
				}
			}
		}
	})
}

func hessOf(l models.Likelihood) func(*mat.SymDense, []float64) {
	h, _ := models.Hess(l)
	return h
}

func checkBatch(c *checker) {
	if c.m.Shape().Series {
		l, _ := c.bind(c.opts.N, c.points[0])
		if _, err := models.Batch(l, []int{0}); err == nil || is[models.Batcher](l) {
			c.fail("batches of a series: its rows are not a bag")
		}
		return
	}
	c.around(func(l models.Likelihood, theta []float64) {
		n := l.N()
		if n != c.opts.N {
			return // one term for several rows
		}
		for _, rows := range [][]int{{n - 1, 0, n / 2, 0}, {3}, {}} {
			b, err := models.Batch(l, rows)
			if err != nil {
				c.fail("%v", err)
				return
			}
			terms := make([]float64, n)
			l.Terms(terms, theta)
			var want, abs float64
			for _, t := range rows {
				want, abs = want+terms[t], abs+math.Abs(terms[t])
			}
			g := make([]float64, c.d)
			score, _ := models.Score(b)
			for what, got := range map[string]float64{"LogLik": b.LogLik(theta), "Score": score(g, theta)} {
				if !closeTo(got, want, 1e-11, abs) {
					c.fail("θ = %v, rows %v: %s of the batch is %.17g, its terms sum to %.17g", theta, rows, what, got, want)
				}
			}
			s := termScores(l, theta)
			for j := range g {
				var want, abs float64
				for _, t := range rows {
					want, abs = want+s.At(t, j), abs+math.Abs(s.At(t, j))
				}
				if !closeTo(g[j], want, 1e-5, abs) {
					c.fail("θ = %v, rows %v: the score of the batch in %s is %.12g, its terms' %.12g", theta, rows, c.name(j), g[j], want)
				}
			}
		}
	})
}

func checkAllocs(c *checker) {
	if raceEnabled {
		return
	}
	for _, theta := range c.points[:1] {
		l, z := c.bind(c.opts.N, theta)
		evals := evaluations(l)
		for _, name := range sortedKeys(evals) {
			f := evals[name]
			if a := testing.AllocsPerRun(20, func() { f(theta) }); a != 0 {
				c.fail("%s allocates %v times", name, a)
			}
		}
		if in, ok := c.m.(models.Informer); ok {
			if f, _ := in.Fisher(); f != nil {
				dst := mat.NewSymDense(c.d, nil)
				if a := testing.AllocsPerRun(3, func() { f(dst, theta) }); a != 0 {
					c.fail("the function of Fisher allocates %v times", a)
				}
			}
		}
		rng := rand.New(rand.NewPCG(1, 2))
		own := slices.Clone(theta)
		// Sampling may set up a table once, but not allocate for every row.
		if a := testing.AllocsPerRun(5, func() { c.m.Sample(z, own, rng) }); a >= float64(z.N) {
			c.fail("Sample allocates %v times for %d rows", a, z.N)
		}
	}
}
