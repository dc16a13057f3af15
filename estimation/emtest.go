package estimation

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/neuromanifold/neuromanifold/models"
)

// ErrNoEMTest is wrapped by the errors of EMTest where the test does not exist:
// more than one dimension, or an order for which no limit law is published.
var ErrNoEMTest = errors.New("no EM-test")

// EMTestOptions set EMTest. The zero value, with a generator, works.
type EMTestOptions struct {
	Beta   []float64  // the parts β from which the test starts; nil means 0.1, 0.3, 0.5
	Steps  int        // EM steps with free β; 0 means 3
	Starts int        // random starts for each β beside the four splits; 0 means 10
	Rand   *rand.Rand // generator of the starts; nil means a fixed seed

	// asMixtureInf repeats the R package MixtureInf 1.1 where it departs from the
	// papers: the sample variance with divisor n−1; for an order above 1 a null
	// fit whose variances are (SS + 2 s²/√n)/(Σw + 2/n), where the paper has
	// 2 s²/n in the numerator; and variances about the means of the step before.
	asMixtureInf bool
}

// An EMTestResult is the outcome of EMTest.
type EMTestResult struct {
	Order     int     // m₀, the components under the null hypothesis
	Statistic float64 // 2 (penalised ℓ of 2m₀ components − ℓ of m₀), at least 0
	P         float64 // P(law ≥ Statistic)
	Law       string  // the limit law, as "chi2(4)"
	// VariancePenalty is a_n (0 where the variance is known), WeightPenalty the
	// factor of log(1 − |1 − 2β|).
	VariancePenalty, WeightPenalty float64
	Beta                           []float64 // the start that gave the statistic
	// Null and Alternative hold weights, means and variances, component by
	// component, in the units of the data.
	Null, Alternative MixtureTable
}

// A MixtureTable lists the components of a normal mixture.
type MixtureTable struct{ Weight, Mean, Variance []float64 }

// EMTest tests whether a normal mixture has no more than the components of h0,
// against any more. It measures how far the likelihood rises, in a few EM steps
// from prescribed starts with two components in place of each, and so has a
// simple limit law where the likelihood ratio has none:
//
//   - variances free (Chen and Li, Ann. Statist. 37, 2009, m₀ = 1; Chen, Li and
//     Fu, JASA 107, 2012): χ² with 2m₀ degrees of freedom;
//   - one unknown variance, m₀ = 1 (Chen and Li 2009): the distribution function
//     F(t − Δ)(1 + F(t))/2 with F of χ²₁ and Δ = 2 max_{β≠1/2} log(1 − |1 − 2β|);
//   - known variance, m₀ = 1, 2 or 3 (Li and Chen, JASA 105, 2010): a mixture of
//     χ²₀ … χ²_{m₀}, for m₀ = 1 half and half.
//
// The penalties are those of the papers: a_n = 1/4 for m₀ = 1, the empirical
// formulas of Chen, Li and Fu (2012, section 3) for m₀ = 2 and 3, and 0.2 above;
// for a known variance the formulas of Chen and Li (Canad. J. Statist. 39,
// 2011). With a common variance a_n = 1; simulated here at n = 200, nominal 10, 5
// and 1 % are then 11.7, 6.0 and 0.7 % (1000 replicates). Bounds on the means do
// not enter. The R package MixtureInf 1.1 departs from the papers in its fit under
// H0: on Old Faithful the statistics agree to 0.02, on the galaxies under three
// components it gives 19.72 and this test 12.39.
//
// The error wraps ErrNoEMTest where there is no such test.
func EMTest(ctx context.Context, h0 *models.Mixture, z *models.Data, opt EMTestOptions) (*EMTestResult, error) {
	form, err := formOf(h0)
	if err != nil {
		return nil, err
	}
	m0 := form.k
	switch {
	case form.dim > 1:
		return nil, fmt.Errorf("%v: %w in %d dimensions: it is for one", h0, ErrNoEMTest, form.dim)
	case form.variance == models.VarTied && m0 > 1:
		return nil, fmt.Errorf("%v: %w of order %d with a common unknown variance: the limit law is published for order 1", h0, ErrNoEMTest, m0)
	case form.variance == models.VarKnown && m0 > 3:
		return nil, fmt.Errorf("%v: %w of order %d with known variance: here up to order 3", h0, ErrNoEMTest, m0)
	case m0 > 4:
		return nil, fmt.Errorf("%v: %w of order %d: its 3^%d starts are too many; up to order 4", h0, ErrNoEMTest, m0, m0)
	}
	if _, err := h0.Bind(z); err != nil {
		return nil, err
	}
	if opt.Beta == nil {
		opt.Beta = []float64{0.1, 0.3, 0.5}
	}
	for _, b := range opt.Beta {
		if !(b > 0 && b <= 0.5) {
			return nil, fmt.Errorf("EM-test: β = %v: allowed is above 0 and at most 0.5", b)
		}
	}
	if opt.Steps <= 0 {
		opt.Steps = 3
	}
	if opt.Starts <= 0 {
		opt.Starts = 10
	}
	if opt.Rand == nil {
		opt.Rand = rand.New(rand.NewPCG(2009, 37))
	}
	t := &emTest{form: form, opt: opt, n: float64(z.N)}
	if err := t.standardize(z.V); err != nil {
		return nil, fmt.Errorf("%v: EM-test: %w", h0, err)
	}
	if err := t.fitNull(ctx, h0, z); err != nil {
		return nil, err
	}
	return t.run(ctx)
}

// An emTest works on data of mean 0 and variance 1.
type emTest struct {
	form        mixtureForm
	opt         EMTestOptions
	n           float64
	x           []float64
	mean, scale float64
	variance    float64 // sample variance of x
	known       float64 // known variance in units of x, else 0
	null        emPoint
	nullLogLik  float64
}

func (t *emTest) standardize(v []float64) error {
	lo, hi := slices.Min(v), slices.Max(v)
	if !(hi > lo) {
		return errors.New("all values are equal")
	}
	half := hi/2 - lo/2
	for _, x := range v {
		t.mean += (x/2 - lo/2) / half / t.n
	}
	ss := 0.0
	t.x = make([]float64, len(v))
	for i, x := range v {
		t.x[i] = (x/2-lo/2)/half - t.mean
		ss += t.x[i] * t.x[i]
	}
	t.mean = lo + 2*half*t.mean
	sd := math.Sqrt(ss / t.n)
	for i := range t.x {
		t.x[i] /= sd
	}
	t.scale, t.variance = 2*half*sd, 1
	if t.opt.asMixtureInf {
		t.variance = t.n / (t.n - 1)
	}
	if t.form.variance == models.VarKnown {
		t.known = t.form.sigma / t.scale * t.form.sigma / t.scale
	}
	return nil
}

// fitNull finds the maximum of the null model: in closed form for one component,
// with known variance the maximum of the likelihood, else of the likelihood
// penalised with a_n = 1/n, climbing from every maximum of the likelihood.
func (t *emTest) fitNull(ctx context.Context, h0 *models.Mixture, z *models.Data) error {
	m0 := t.form.k
	t.null = newEMPoint(m0, 1)
	f := &emFit{x: t.x, groups: m0, size: 1, a: make([]float64, m0), known: t.known}
	f.init()
	if m0 == 1 {
		t.null.alpha[0], t.null.v[0] = 1, t.variance
		if t.known != 0 {
			t.null.v[0] = t.known
		}
		t.nullLogLik = f.expect(t.null)
		return nil
	}
	free, err := h0.Bind(z)
	if err != nil {
		return err
	}
	fit, err := MultiStart{Method: EM{MaxIter: 300, Tol: 1e-9}, Starts: 2 * t.opt.Starts}.Maximize(ctx, free, nil, t.opt.Rand)
	if err != nil {
		return err
	}
	f.b = 1 / t.n
	for j := range f.a {
		f.a[j] = t.variance / t.n
		if t.opt.asMixtureInf {
			f.a[j] = t.variance / math.Sqrt(t.n)
		}
	}
	var starts []emPoint
	for _, m := range fit.Maxima {
		starts = append(starts, t.point(m.Theta))
	}
	if len(starts) == 0 {
		return fmt.Errorf("%v: the fit under the null hypothesis failed", h0)
	}
	f.staleMeans = t.opt.asMixtureInf
	t.null, _, err = f.best(ctx, starts)
	if err != nil {
		return err
	}
	t.null.sort()
	t.nullLogLik = f.expect(t.null)
	return nil
}

// point returns θ of the null model in units of x; variances that no penalised
// maximum has are lifted.
func (t *emTest) point(theta []float64) emPoint {
	m0 := t.form.k
	p := newEMPoint(m0, 1)
	rest := 1.0
	for h := range m0 {
		if h < m0-1 {
			p.alpha[h] = max(theta[h], 1e-3)
			rest -= p.alpha[h]
		} else {
			p.alpha[h] = max(rest, 1e-3)
		}
		p.mu[h] = (theta[m0-1+h] - t.mean) / t.scale
		p.v[h] = t.known
		if t.known == 0 {
			p.v[h] = max(theta[2*m0-1+h]/t.scale/t.scale, 1e-4)
		}
	}
	return p
}

// sort orders the components of single groups by their means.
func (p emPoint) sort() {
	order := make([]int, len(p.mu))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case p.mu[a] < p.mu[b]:
			return -1
		case p.mu[a] > p.mu[b]:
			return 1
		}
		return 0
	})
	q := p.clone()
	for to, from := range order {
		p.alpha[to], p.mu[to], p.v[to] = q.alpha[from], q.mu[from], q.v[from]
	}
}

func (t *emTest) run(ctx context.Context) (*EMTestResult, error) {
	m0 := t.form.k
	f := &emFit{
		x: t.x, groups: m0, size: 2, a: make([]float64, 2*m0), c: 1, known: t.known,
		tied: t.form.variance == models.VarTied, staleMeans: t.opt.asMixtureInf,
	}
	f.init()
	for h := range m0 - 1 {
		cut := (t.null.mu[h] + t.null.mu[h+1]) / 2
		f.hi[2*h], f.hi[2*h+1], f.lo[2*h+2], f.lo[2*h+3] = cut, cut, cut, cut
	}
	res := &EMTestResult{Order: m0, Statistic: math.Inf(-1)}
	var weights []float64
	if t.known != 0 {
		var err error
		if weights, f.c, err = knownVarianceLaw(t.null, t.n); err != nil {
			return nil, err
		}
	} else {
		f.b = t.variancePenalty()
	}
	constant := 0.0 // makes the penalty of the null variances 0
	for j := range f.a {
		v0 := t.null.v[j/2]
		f.a[j] = f.b * v0
		if j == 0 || !f.tied {
			constant += f.b * (1 + math.Log(v0))
		}
	}
	res.VariancePenalty, res.WeightPenalty = f.b, f.c
	beta, index := make([]float64, m0), make([]int, m0)
	for {
		for h, i := range index {
			beta[h] = t.opt.Beta[i]
		}
		p, _, err := f.best(ctx, f.split(t.null, beta, t.opt.Starts, t.opt.Rand))
		if err != nil {
			return nil, err
		}
		for range t.opt.Steps {
			f.expect(p)
			f.maximize(p, true)
		}
		if stat := 2 * (f.expect(p) + f.penalty(p) + constant - t.nullLogLik); stat > res.Statistic {
			res.Statistic, res.Beta = stat, slices.Clone(beta)
			res.Alternative = t.table(f, p)
		}
		if !next(index, len(t.opt.Beta)) {
			break
		}
	}
	if math.IsNaN(res.Statistic) || math.IsInf(res.Statistic, 0) {
		return nil, fmt.Errorf("EM-test of order %d: the statistic is not finite", m0)
	}
	res.Statistic = max(res.Statistic, 0)
	one := &emFit{groups: m0, size: 1}
	res.Null = t.table(one, t.null)
	t.law(res, weights)
	return res, nil
}

// next counts index up in base n, and reports false after the last.
func next(index []int, n int) bool {
	for i := range index {
		if index[i]++; index[i] < n {
			return true
		}
		index[i] = 0
	}
	return false
}

func (t *emTest) table(f *emFit, p emPoint) MixtureTable {
	var m MixtureTable
	for j := range p.mu {
		m.Weight = append(m.Weight, f.weight(p, j))
		m.Mean = append(m.Mean, t.mean+t.scale*p.mu[j])
		m.Variance = append(m.Variance, t.scale*t.scale*p.v[j])
	}
	return m
}
