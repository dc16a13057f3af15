package modeltest

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

// data draws n rows at theta, from the stream of that number.
func (c *checker) data(n int, theta []float64, stream uint64) *models.Data {
	s := c.m.Shape()
	z := models.NewData(n, s.P, s.Q)
	rng := newRand(c.opts.Seed, 1000+stream)
	if in, ok := c.m.(models.Inputter); ok && s.P > 0 {
		in.Inputs(z, rng)
	} else if s.P > 0 {
		models.DrawInputs(z, models.NormalLaw{P: s.P, SD: 1}, rng)
	}
	c.m.Sample(z, theta, rng)
	return z
}

// bind draws data at theta and binds the model to it.
func (c *checker) bind(n int, theta []float64) (models.Likelihood, *models.Data) {
	z := c.data(n, theta, 0)
	l, err := c.m.Bind(z)
	if err != nil {
		panic(err)
	}
	return l, z
}

// near returns points of the domain around theta, theta first: at theta itself
// the score is small, and errors in proportion to it would not show.
func (c *checker) near(l models.Likelihood, theta []float64) [][]float64 {
	out := [][]float64{slices.Clone(theta)}
	for range 3 {
		for h := 0.2; h > 1e-4; h /= 2 {
			x := slices.Clone(theta)
			for i := range x {
				x[i] += h * math.Max(0.1, math.Abs(x[i])) * c.rng.NormFloat64()
			}
			if models.CheckTheta(c.m, x) == nil && !math.IsInf(l.LogLik(x), 0) {
				out = append(out, x)
				break
			}
		}
	}
	return out
}

// close says whether a and b agree to tol relative to the larger of scale and
// both; equal infinities agree.
func closeTo(a, b, tol, scale float64) bool {
	return a == b || math.Abs(a-b) <= tol*max(scale, math.Abs(a), math.Abs(b))
}

// derivative returns ∂f/∂x_i and an estimate of its error, infinite where
// differences are worth nothing: where the domain leaves no room on both sides
// or steps of different size cross different kinks.
func derivative(f func(x []float64) float64, x []float64, i int) (d, errEst float64) {
	wide, e := ridders(f, x, i, 3e-2)
	d, errEst = ridders(f, x, i, 3e-4)
	if math.Abs(wide-d) <= 20*(e+errEst) {
		if e < errEst {
			return wide, e
		}
		return d, errEst
	}
	// A wide step may have crossed the kink of a piecewise smooth function.
	if fine, e := ridders(f, x, i, 3e-6); !(math.Abs(fine-d) <= 20*(e+errEst)) {
		return d, math.Inf(1)
	}
	return d, errEst
}

// ridders extrapolates central differences of f at x[i] from steps of relative
// size step and smaller (Ridders 1982, Advances in Engineering Software 4, 75).
func ridders(f func(x []float64) float64, x []float64, i int, step float64) (d, errEst float64) {
	const shrink, rows = 1.6, 7
	x0 := x[i]
	defer func() { x[i] = x0 }()
	central := func(h float64) float64 {
		x[i] = x0 + h
		up := f(x)
		x[i] = x0 - h
		return (up - f(x)) / (2 * h)
	}
	h := step * math.Max(0.05, math.Abs(x0))
	for try := 0; ; try++ {
		if c := central(h); !math.IsInf(c, 0) && !math.IsNaN(c) {
			break
		}
		if h /= 4; try == 12 {
			return 0, math.Inf(1)
		}
	}
	var a [rows][rows]float64
	errEst = math.Inf(1)
	for j := range rows {
		a[0][j] = central(h)
		factor := shrink * shrink
		for k := 1; k <= j; k++ {
			a[k][j] = (factor*a[k-1][j] - a[k-1][j-1]) / (factor - 1)
			factor *= shrink * shrink
			if e := max(math.Abs(a[k][j]-a[k-1][j]), math.Abs(a[k][j]-a[k-1][j-1])); e <= errEst {
				errEst, d = e, a[k][j]
			}
		}
		h /= shrink
	}
	return d, errEst
}

// agrees compares a claimed derivative with derivative's. Where that is too
// rough to tell 0.1 %, it reports known = false.
func agrees(claimed, d, errEst, scale float64) (ok, known bool) {
	limit := max(1e-6*max(scale, math.Abs(d)), 20*errEst)
	if !(limit <= 1e-3*max(scale, math.Abs(d))) {
		return true, false
	}
	return math.Abs(claimed-d) <= limit, true
}

// fisher returns F(θ) from the model itself, or false where it has none.
func (c *checker) fisher(theta []float64) (*mat.SymDense, bool) {
	in, ok := c.m.(models.Informer)
	if !ok {
		return nil, false
	}
	f, route := in.Fisher()
	if f == nil {
		return nil, false
	}
	if route != models.Exact && route != models.Quadrature {
		c.fail("Fisher reports the route %v, allowed are exact and quadrature", route)
	}
	dst := mat.NewSymDense(c.d, nil)
	if bound := f(dst, theta); !(bound >= 0) {
		c.fail("θ = %v: the error bound of Fisher is %v", theta, bound)
	}
	return dst, true
}

// nodesFisher returns E[s] and E[s sᵀ] at theta over the nodes of the model.
func (c *checker) nodesFisher(theta []float64) (mean []float64, f *mat.SymDense, ok bool) {
	noder, ok := c.m.(models.Noder)
	if !ok {
		return nil, nil, false
	}
	z, w, err := noder.Nodes(theta, models.Rule{})
	if err != nil {
		c.t.Logf("%v: no nodes at θ = %v: %v", c.m, theta, err)
		return nil, nil, false
	}
	l, err := c.m.Bind(z)
	if err != nil {
		c.fail("its own nodes cannot be bound: %v", err)
		return nil, nil, false
	}
	s := termScores(l, theta)
	mean, f = make([]float64, c.d), mat.NewSymDense(c.d, nil)
	for t := range z.N {
		row := s.RawRowView(t)
		for i := range row {
			if w[t] == 0 {
				continue
			}
			mean[i] += w[t] * row[i]
			for j := i; j < c.d; j++ {
				f.SetSym(i, j, f.At(i, j)+w[t]*row[i]*row[j])
			}
		}
	}
	return mean, f, true
}

// termScores returns the scores of the terms, by differences of Terms where the
// likelihood has none of its own.
func termScores(l models.Likelihood, theta []float64) *mat.Dense {
	n, d := l.N(), models.Dim(l.Model())
	s := mat.NewDense(n, d, nil)
	if ts, ok := l.(models.TermScorer); ok {
		ts.ScoreTerms(s, theta)
		return s
	}
	x, up, dn := slices.Clone(theta), make([]float64, n), make([]float64, n)
	for j := range d {
		h := 1e-5 * (1 + math.Abs(theta[j]))
		x[j] = theta[j] + h
		l.Terms(up, x)
		x[j] = theta[j] - h
		l.Terms(dn, x)
		x[j] = theta[j]
		for t := range n {
			s.Set(t, j, (up[t]-dn[t])/(2*h))
		}
	}
	return s
}

// leastEigenvalue returns λ_min of F scaled to a unit diagonal, which does not
// depend on the units of θ; 0 if a diagonal entry vanishes. Coordinates with an
// infinite diagonal entry are left out: in them F is far from singular.
func leastEigenvalue(f *mat.SymDense) float64 {
	d := f.SymmetricDim()
	var top float64
	var keep []int
	for i := range d {
		if v := f.At(i, i); !math.IsInf(v, 1) {
			keep, top = append(keep, i), max(top, v)
		}
	}
	if len(keep) == 0 {
		return 1
	}
	s := mat.NewSymDense(len(keep), nil)
	for a, i := range keep {
		if !(f.At(i, i) > 1e-14*top) {
			return 0
		}
		for b := a; b < len(keep); b++ {
			j := keep[b]
			s.SetSym(a, b, f.At(i, j)/math.Sqrt(f.At(i, i)*f.At(j, j)))
		}
	}
	var e mat.EigenSym
	if !e.Factorize(s, false) {
		return math.NaN()
	}
	return e.Values(nil)[0]
}

// compareFisher checks a claimed F against got entry by entry, relative to
// √(F_ii F_jj). Coordinates of infinite information are skipped: no finite rule
// can confirm them.
func (c *checker) compareFisher(what string, theta []float64, got, f *mat.SymDense, tol float64) {
	c.t.Helper()
	for i := range c.d {
		for j := i; j < c.d; j++ {
			scale := math.Sqrt(f.At(i, i) * f.At(j, j))
			if math.IsInf(f.At(i, i), 0) || math.IsInf(f.At(j, j), 0) || math.IsInf(f.At(i, j), 0) {
				continue
			}
			if e := math.Abs(got.At(i, j) - f.At(i, j)); !(e <= tol*scale+1e-14) {
				c.fail("θ = %v: %s has %s,%s = %.10g, F has %.10g (%.2g relative)", theta, what,
					c.m.Params()[i].Name, c.m.Params()[j].Name, got.At(i, j), f.At(i, j), e/scale)
			}
		}
	}
}
