package modeltest

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

func checkUnconstrainer(c *checker) {
	u, ok := c.m.(models.Unconstrainer)
	if !ok {
		return
	}
	free, back, theta := make([]float64, c.d), make([]float64, c.d), make([]float64, c.d)
	c.around(func(l models.Likelihood, x []float64) {
		if u.ToFree(free, x); slices.ContainsFunc(free, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }) {
			return // on the boundary, which has no finite image
		}
		u.FromFree(back, free)
		for i := range x {
			if !closeTo(back[i], x[i], 1e-8, 1) {
				c.fail("θ = %v goes to %v and back to %v", x, free, back)
				break
			}
		}
		score, route := models.Score(l)
		if route != models.Exact {
			return
		}
		g, pulled := make([]float64, c.d), make([]float64, c.d)
		c.gradient("PullScore", func(free []float64) float64 {
			u.FromFree(theta, free)
			return l.LogLik(theta)
		}, func(dst, free []float64) {
			u.FromFree(theta, free)
			score(g, theta)
			u.PullScore(pulled, free, g)
			copy(dst, pulled)
		}, slices.Clone(free), float64(l.N()))
	})
	for range 20 {
		for i := range free {
			free[i] = 2 * c.rng.NormFloat64()
		}
		u.FromFree(theta, free)
		if err := models.CheckTheta(c.m, theta); err != nil {
			c.fail("the free point %v: %v", free, err)
		}
	}
}

func checkCanonical(c *checker) {
	k, ok := c.m.(models.Canonicalizer)
	if !ok {
		return
	}
	c.around(func(l models.Likelihood, theta []float64) {
		x := slices.Clone(theta)
		k.Canonicalize(x)
		if a, b := l.LogLik(theta), l.LogLik(x); !closeTo(a, b, 1e-11, float64(l.N())) {
			c.fail("θ = %v has %.15g, its canonical form %v has %.15g", theta, a, x, b)
		}
		y := slices.Clone(x)
		if k.Canonicalize(y); !slices.Equal(x, y) {
			c.fail("θ = %v: twice gives %v, once %v", theta, y, x)
		}
		if models.CheckTheta(c.m, theta) == nil {
			if err := models.CheckTheta(c.m, x); err != nil {
				c.fail("θ = %v: the canonical form: %v", theta, err)
			}
		}
	})
}

func checkEmbed(c *checker) {
	nest, ok := c.m.(models.Nester)
	if !ok {
		return
	}
	theta := make([]float64, c.d)
	for _, sub := range c.opts.Sub {
		if !nest.Embed(theta, sub.Model, sub.Theta) {
			c.fail("%v is not embedded", sub.Model)
			continue
		}
		if err := models.CheckTheta(c.m, theta); err != nil {
			c.fail("%v at %v: %v", sub.Model, sub.Theta, err)
		}
		l, z := c.bind(c.opts.N, c.points[0])
		small, err := sub.Model.Bind(z)
		if err != nil {
			c.fail("%v takes other data: %v", sub.Model, err)
			continue
		}
		a, b := make([]float64, l.N()), make([]float64, l.N())
		l.Terms(a, theta)
		small.Terms(b, sub.Theta)
		for t := range a {
			if !closeTo(a[t], b[t], 1e-9, 1) {
				c.fail("%v at %v becomes %v: term %d is %.12g, was %.12g", sub.Model, sub.Theta, theta, t, a[t], b[t])
				break
			}
		}
	}
}

// onStrata calls f with every stratum and the projection of every point onto it.
func (c *checker) onStrata(f func(s models.Stratum, from, theta []float64)) {
	st, ok := c.m.(models.Stratified)
	if !ok {
		return
	}
	for _, s := range st.Strata() {
		for _, p := range c.points {
			theta := slices.Repeat([]float64{math.NaN()}, c.d)
			from := slices.Clone(p)
			s.Project(theta, from)
			if !slices.Equal(from, p) {
				c.fail("%s: Project changed its argument", s.Name)
			}
			f(s, p, theta)
		}
	}
}

func checkStrata(c *checker) {
	if st, ok := c.m.(models.Stratified); ok {
		names := map[string]bool{}
		for _, s := range st.Strata() {
			if s.Name == "" || names[s.Name] || s.Doc == "" || s.Codim < 0 || s.Codim > c.d || s.Distance == nil || s.Project == nil {
				c.fail("stratum %q (codimension %d): name, doc, codimension, distance or projection is missing or taken", s.Name, s.Codim)
			}
			names[s.Name] = true
		}
	}
	c.onStrata(func(s models.Stratum, from, theta []float64) {
		dist := s.Distance(from)
		if !(dist >= 0) || math.IsInf(dist, 0) || (dist == 0) != (s.Codim == 0) {
			c.fail("%s of codimension %d: the distance of the point %v is %v", s.Name, s.Codim, from, dist)
		}
		if dist := s.Distance(theta); !(dist <= 1e-12) {
			c.fail("%s: the projection %v of %v has distance %v", s.Name, theta, from, dist)
		}
		if err := models.CheckTheta(c.m, theta); err != nil {
			c.fail("%s: the projection of %v: %v", s.Name, from, err)
		}
		l, _ := c.bind(c.opts.N, theta)
		if ll := l.LogLik(theta); math.IsInf(ll, 0) || math.IsNaN(ll) {
			c.fail("%s: LogLik at its point %v is %v", s.Name, theta, ll)
		}
	})
}

func checkTangent(c *checker) {
	c.onStrata(func(s models.Stratum, _, theta []float64) {
		if s.Tangent == nil {
			return
		}
		v := s.Tangent(theta)
		if v == nil {
			return
		}
		if rows, _ := v.Dims(); rows != c.d {
			c.fail("%s: tangent vectors of %d coordinates", s.Name, rows)
			return
		}
		l, _ := c.bind(c.opts.N, theta)
		scores := termScores(l, theta)
		var along mat.Dense
		along.Mul(scores, v)
		n, k := along.Dims()
		for j := range k {
			for t := range n {
				var scale float64
				for i := range c.d {
					scale += math.Abs(scores.At(t, i) * v.At(i, j))
				}
				if a := along.At(t, j); !(math.Abs(a) <= 1e-7*(1+scale)) {
					c.fail("%s: along tangent %d at θ = %v term %d changes at rate %.3g", s.Name, j, theta, t, a)
					return
				}
			}
			if mat.Norm(v.ColView(j), 2) == 0 {
				c.fail("%s: tangent %d at θ = %v is 0", s.Name, j, theta)
			}
		}
	})
}

// singularTol separates zero eigenvalues of a scaled F from positive ones: well
// above the error of quadrature, well below any at the points of the tests.
const singularTol = 1e-9

func checkSingular(c *checker) {
	information := func(theta []float64) *mat.SymDense {
		if f, ok := c.fisher(theta); ok {
			return f
		}
		_, f, _ := c.nodesFisher(theta)
		return f // nil without nodes
	}
	everywhere := false // a stratum of codimension 0 is the whole space
	if st, ok := c.m.(models.Stratified); ok {
		everywhere = slices.ContainsFunc(st.Strata(), func(s models.Stratum) bool { return s.Codim == 0 })
	}
	for _, p := range c.points {
		if f := information(p); f != nil && !everywhere {
			if low := leastEigenvalue(f); !(low > singularTol) {
				c.fail("off all strata, at θ = %v, the least eigenvalue of the scaled F is %.3g", p, low)
			}
		}
	}
	c.onStrata(func(s models.Stratum, _, theta []float64) {
		if f := information(theta); f != nil {
			if low := leastEigenvalue(f); !(math.Abs(low) <= singularTol) {
				c.fail("on %s, at θ = %v, the least eigenvalue of the scaled F is %.3g", s.Name, theta, low)
			}
		}
	})
}
