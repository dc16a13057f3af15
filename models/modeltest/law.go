package modeltest

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

const (
	zLimit     = 5.0    // standard errors; with one estimated from 50 blocks, P = 8e-6 for each statistic
	resolution = 0.0027 // relative standard error at which 2 % pass the limit with probability 0.99
	seriesRows = 4000
)

func checkFisherNodes(c *checker) {
	for _, theta := range c.points {
		mean, got, ok := c.nodesFisher(theta)
		if !ok {
			return
		}
		for i, v := range mean {
			if scale := math.Sqrt(got.At(i, i)); !(math.Abs(v) <= c.opts.LawTol*scale+1e-12) {
				c.fail("θ = %v: E[s] in %s is %.3g, its standard deviation %.3g", theta, c.name(i), v, scale)
			}
		}
		if f, ok := c.fisher(theta); ok {
			c.compareFisher("E[s sᵀ] over the nodes", theta, got, f, c.opts.LawTol)
		}
	}
}

func checkFisherFactor(c *checker) {
	fac, ok := c.m.(models.Factorer)
	if !ok {
		return
	}
	r, _ := fac.FisherFactor()
	if r == nil {
		return
	}
	check := func(theta []float64) {
		f, ok := c.fisher(theta)
		if !ok {
			return
		}
		var rr mat.Dense
		root := r(theta)
		rr.Mul(root.T(), root)
		got := mat.NewSymDense(c.d, nil)
		for i := range c.d {
			for j := i; j < c.d; j++ {
				got.SetSym(i, j, rr.At(i, j))
			}
		}
		c.compareFisher("RᵀR", theta, got, f, max(1e-8, c.opts.LawTol/100))
	}
	for _, p := range c.points {
		check(p)
	}
	c.onStrata(func(_ models.Stratum, _, theta []float64) { check(theta) })
}

func checkFisherPoint(c *checker) {
	pi, ok := c.m.(models.PointInformer)
	if !ok {
		return
	}
	for p, theta := range c.points {
		f, ok := c.fisher(theta)
		if !ok {
			return
		}
		at := mat.NewSymDense(c.d, nil)
		if noder, ok := c.m.(models.Noder); ok {
			if z, w, err := noder.Nodes(theta, models.Rule{}); err == nil {
				got, x := mat.NewSymDense(c.d, nil), mat.NewSymDense(c.d, nil)
				for t := range z.N {
					pi.FisherAt(at, theta, z.X(t))
					x.ScaleSym(w[t], at)
					got.AddSym(got, x)
				}
				c.compareFisher("FisherAt averaged over the inputs of the nodes", theta, got, f, c.opts.LawTol)
				continue
			}
		}
		n := c.opts.Draws / 2
		z := c.data(n, theta, uint64(p))
		acc := newMoments(c.d * c.d)
		row := make([]float64, c.d*c.d)
		for t := range n {
			pi.FisherAt(at, theta, z.X(t))
			for i := range c.d {
				for j := range c.d {
					row[i*c.d+j] = at.At(i, j)
				}
			}
			acc.add(row)
		}
		c.compareMoments("FisherAt averaged over inputs", theta, acc, f)
	}
}

// moments are means and variances of a vector statistic, one replicate at a
// time (Welford 1962, Technometrics 4, 419).
type moments struct {
	n        float64
	mean, m2 []float64
}

func newMoments(k int) *moments { return &moments{mean: make([]float64, k), m2: make([]float64, k)} }

func (m *moments) add(x []float64) {
	m.n++
	for i, v := range x {
		d := v - m.mean[i]
		m.mean[i] += d / m.n
		m.m2[i] += d * (v - m.mean[i])
	}
}

func (m *moments) se(i int) float64 { return math.Sqrt(m.m2[i] / (m.n - 1) / m.n) }

// compareMoments tests d×d means against F, with an allowance of 1e-9 for
// rounding, and returns the relative standard errors of the diagonal.
func (c *checker) compareMoments(what string, theta []float64, acc *moments, f *mat.SymDense) (diagonal []float64) {
	return c.compareMomentsWithin(what, theta, acc, f, 1e-9, false)
}

// compareMomentsWithin allows a relative bias. With normal set, the statistic
// is S Sᵀ of a nearly normal S, so that its variance F_ii F_jj + F_ij² is known:
// one estimated from few skew squares would not be worth a z.
func (c *checker) compareMomentsWithin(what string, theta []float64, acc *moments, f *mat.SymDense, bias float64, normal bool) (diagonal []float64) {
	c.t.Helper()
	diagonal = make([]float64, c.d)
	for i := range c.d {
		for j := range i + 1 {
			scale := math.Sqrt(f.At(i, i) * f.At(j, j))
			if math.IsInf(scale, 0) || math.IsNaN(scale) { // infinite information
				continue
			}
			k := i*c.d + j
			se := acc.se(k)
			if normal {
				se = math.Sqrt((scale*scale + f.At(i, j)*f.At(i, j)) / acc.n)
			}
			if i == j && scale > 0 {
				diagonal[i] = se / scale
			}
			if diff := acc.mean[k] - f.At(i, j); !(math.Abs(diff) <= zLimit*se+bias*scale) {
				c.fail("θ = %v: %s in %s, %s is %.6g ± %.2g, F has %.6g (z = %.1f)",
					theta, what, c.name(i), c.name(j), acc.mean[k], se, f.At(i, j), diff/se)
			}
		}
	}
	return diagonal
}

// checkLaw draws data in blocks (for a series: replicates) at each point and
// compares, by blocks of rows, the mean of the score with 0, the mean of −H per
// row with F and, for rows that are exchangeable, the mean of s_t s_tᵀ with F;
// for a series, that of S Sᵀ/n. Together they tie Sample, LogLik and Fisher to
// one law. −H varies least and is what sees 2 %; it is left out where the nodes
// of the model have shown more without chance.
func checkLaw(c *checker) {
	series := c.m.Shape().Series
	blocks := max(c.opts.Draws/seriesRows, 50) // fewer would not estimate a standard error
	rows := max(c.opts.Draws/blocks, 1)
	if series {
		rows = seriesRows
	}
	_, noder := c.m.(models.Noder)
	nodes := noder && c.opts.LawTol <= 1e-3
	bias := 1e-9
	if series {
		bias = 4.0 / seriesRows // E[−H]/n − F is O(1/n) for a series
	}
	for p, theta := range c.points {
		f, haveF := c.fisher(theta)
		mean, outer, minusH := newMoments(c.d), newMoments(c.d*c.d), newMoments(c.d*c.d)
		g, flat := make([]float64, c.d), make([]float64, c.d*c.d)
		h := mat.NewSymDense(c.d, nil)
		for b := range blocks {
			z := c.data(rows, theta, uint64(100*p+b))
			l, err := c.m.Bind(z)
			if err != nil {
				c.fail("%v", err)
				return
			}
			score, _ := models.Score(l)
			score(g, theta)
			n := models.Weight(l)
			for i := range g {
				g[i] /= math.Sqrt(n)
			}
			mean.add(g)
			if !haveF {
				continue
			}
			clear(flat)
			if s, ok := l.(models.TermScorer); ok && !series {
				m := mat.NewDense(l.N(), c.d, nil)
				s.ScoreTerms(m, theta)
				for t := range l.N() {
					row := m.RawRowView(t)
					for i := range c.d {
						for j := range c.d {
							flat[i*c.d+j] += row[i] * row[j] / n
						}
					}
				}
			} else {
				for i := range c.d {
					for j := range c.d {
						flat[i*c.d+j] = g[i] * g[j]
					}
				}
			}
			outer.add(flat)
			if nodes {
				continue
			}
			hessOf(l)(h, theta)
			for i := range c.d {
				for j := range c.d {
					flat[i*c.d+j] = -h.At(i, j) / n
				}
			}
			minusH.add(flat)
		}
		for i := range g {
			// The score of thousands of rows is nearly normal. Its variance is F
			// where that is known; with few blocks an estimated one would give
			// the z of a t distribution.
			se := mean.se(i)
			if haveF && !math.IsInf(f.At(i, i), 0) {
				se = math.Sqrt(f.At(i, i) / mean.n)
			}
			if z := mean.mean[i] / se; !(math.Abs(z) <= zLimit) && math.Abs(mean.mean[i]) > 1e-9 {
				c.fail("θ = %v: the score in %s has mean %.3g ± %.2g per √n (z = %.1f)", theta, c.name(i), mean.mean[i], se, z)
			}
		}
		if !haveF {
			continue
		}
		a := c.compareMomentsWithin("the mean of s sᵀ", theta, outer, f, bias, series)
		if nodes {
			continue
		}
		b := c.compareMomentsWithin("the mean of −H per row", theta, minusH, f, bias, false)
		for i := range a {
			if se := min(a[i], b[i]); se > resolution {
				c.fail("θ = %v: a standard error of %.2g in %s is too large to see an error of 2 %%: more Draws are needed", theta, se, c.name(i))
			}
		}
	}
}
