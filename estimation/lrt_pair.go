package estimation

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/neuromanifold/neuromanifold/models"
)

// A pair is a null and an alternative hypothesis with what bounds the
// alternative.
type pair struct {
	h0, h1 models.Model
	bound  float64
	form   *mixtureForm // of H1, a one-dimensional mixture; else nil
	law    *limitLaw    // nil where none applies
	reason string       // then why
}

// A pairFit is one data set under both hypotheses.
type pairFit struct {
	z          *models.Data // as fitted: centred where the bound asks for it
	shift      float64      // what was subtracted
	h1         models.Model // as fitted: with the bound
	l0, l1     models.Likelihood
	fit0, fit1 Fit
	embedded   []float64 // the fit of H0 in H1
	statistic  float64   // NaN where a fit has no maximum
	warnings   []string
}

// newPair checks that the hypotheses can be tested against each other on z.
func newPair(h0, h1 models.Model, z *models.Data, opt TestOptions) (*pair, error) {
	if a, b := h0.Shape(), h1.Shape(); a != b {
		if a.Series != b.Series {
			return nil, fmt.Errorf("%w: of %v and %v one is a model of a time series and one of exchangeable rows", ErrHypotheses, h0, h1)
		}
		return nil, fmt.Errorf("%w: %v and %v model rows of different widths", ErrHypotheses, h0, h1)
	}
	d0, d1 := models.Dim(h0), models.Dim(h1)
	if d1 <= d0 {
		return nil, fmt.Errorf("%w: %v has %d coordinates and %v has %d: H1 must be the larger model", ErrHypotheses, h0, d0, h1, d1)
	}
	for _, m := range []models.Model{h0, h1} {
		if _, err := m.Bind(z); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrHypotheses, err)
		}
	}
	if n := z.N * max(1, z.Q); n <= d1 {
		return nil, fmt.Errorf("%w: %d values are too few for the %d coordinates of %v", ErrHypotheses, n, d1, h1)
	}
	for _, m := range []models.Model{h0, h1} {
		if err := checkData(m, z); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrHypotheses, err)
		}
	}
	p := &pair{h0: h0, h1: h1, bound: opt.Bound}
	if m, ok := h1.(*models.Mixture); ok && m.Shape().Q == 1 {
		form, err := formOf(m)
		if err != nil {
			return nil, err
		}
		p.form = &form
	}
	var err error
	p.law, p.reason, err = limitLawOf(h0, h1, opt.Bound)
	return p, err
}

// bounded returns the data and hypotheses as they are fitted: with a bound on
// the means of a mixture the data are centred, and both models have the bound.
func (p *pair) bounded(z *models.Data) (h0, h1 models.Model, zz *models.Data, shift float64, err error) {
	h0, h1, zz = p.h0, p.h1, z
	if p.bound == 0 || p.law == nil {
		return
	}
	switch p.law.restrict {
	case byMeans:
		zz = z.Clone()
		mean, sd := moments(z.V)
		for i := range zz.V {
			zz.V[i] -= mean
		}
		if p.form.variance == models.VarKnown {
			sd = p.form.sigma
		}
		shift = mean
		b := formatNumber(p.bound * sd)
		if h0, err = with(h0, "bound", b); err == nil {
			h1, err = with(h1, "bound", b)
		}
	case byKey:
		h1, err = with(h1, "bound", formatNumber(p.bound*p.law.unit))
	}
	return
}

func moments(v []float64) (mean, sd float64) {
	n := float64(len(v))
	for _, x := range v {
		mean += x / n
	}
	for _, x := range v {
		sd += (x - mean) * (x - mean) / n
	}
	return mean, math.Sqrt(sd)
}

// fit finds both maxima on z.
func (p *pair) fit(ctx context.Context, z *models.Data, starts int, each models.Each, rng *rand.Rand) (*pairFit, error) {
	h0, h1, zz, shift, err := p.bounded(z)
	if err != nil {
		return nil, err
	}
	f := &pairFit{z: zz, shift: shift, h1: h1, statistic: math.NaN()}
	if f.l0, err = h0.Bind(zz); err != nil {
		return nil, err
	}
	if f.l1, err = h1.Bind(zz); err != nil {
		return nil, err
	}
	if f.fit0, err = fitFrom(ctx, h0, zz, f.l0, nil, starts, each, rng); err != nil {
		return nil, err
	}
	if f.fit0.Status == Failed || f.fit0.Status == NoMaximum {
		return f, nil
	}
	f.embedded = make([]float64, models.Dim(h1))
	if !embed(f.embedded, h1, h0, f.fit0.Theta) {
		return nil, fmt.Errorf("%w: %v does not contain %v at its fit", ErrHypotheses, p.h1, p.h0)
	}
	given, err := p.starts(f, h0, rng)
	if err != nil {
		return nil, err
	}
	if f.fit1, err = fitFrom(ctx, h1, zz, f.l1, given, starts, each, rng); err != nil {
		return nil, err
	}
	if p.law != nil && p.law.restrict == byCoordinate {
		if err := p.confine(ctx, f, rng); err != nil {
			return nil, err
		}
	}
	if f.fit1.Status == Failed || f.fit1.Status == NoMaximum {
		return f, nil
	}
	// H0 as a point of H1: the same sums in the same order, where the two
	// likelihoods are the same function.
	null := f.fit0.LogLik
	if v := f.l1.LogLik(f.embedded); math.Abs(v-null) <= 1e-9*(1+math.Abs(null)) {
		null = v
	}
	f.statistic = Statistic(f.fit1.LogLik, null)
	if f.statistic > 0 && f.statistic <= 1e-10*(1+math.Abs(null)) {
		f.statistic = 0 // rounding, which would break ties with replicates at 0
	}
	if f.statistic < 0 {
		// The higher end was on a floor or an edge and is no maximum.
		f.warnings = append(f.warnings, fmt.Sprintf("no interior maximum of H1 is as high as that of H0 (%.3g nats below): the statistic is 0", -f.statistic/2))
		f.statistic = 0
	}
	return f, nil
}

// noMaximum says why there is no statistic although both models were fitted, or
// returns "": H1 has no maximum, or none but the fit of H0 itself while solutions on
// the variance floor are higher.
func (f *pairFit) noMaximum(h1 models.Model) string {
	none := f.fit1.Status == NoMaximum
	if none && len(f.fit1.Maxima) > 0 && len(f.fit1.Maxima[0].Floored) == 0 {
		return fmt.Sprintf("the likelihood of %v is unbounded on these data: it passes through all of them", h1)
	}
	if !none && f.statistic > 0 {
		return ""
	}
	higher := func(m Maximum) bool {
		return len(m.Floored) > 0 && m.LogLik > f.fit0.LogLik+1e-6*(1+math.Abs(f.fit0.LogLik))
	}
	if !none && !slices.ContainsFunc(f.fit1.Maxima, higher) {
		return ""
	}
	return fmt.Sprintf("%v has no interior maximum above that of H0, only solutions on the variance floor", h1)
}

// fitFrom fits m from many starts; a model without coordinates is evaluated.
func fitFrom(ctx context.Context, m models.Model, z *models.Data, l models.Likelihood, given [][]float64, starts int, each models.Each, rng *rand.Rand) (Fit, error) {
	if models.Dim(m) == 0 {
		return evaluated(l), nil
	}
	ms := Default(m)
	ms.Starts, ms.Given, ms.Each, ms.Interior = starts, given, each, true
	ms.Bind = func() (models.Likelihood, error) { return m.Bind(z) }
	return ms.Maximize(ctx, l, nil, rng)
}

// evaluated is the fit of a likelihood without coordinates.
func evaluated(l models.Likelihood) Fit {
	fit := Fit{LogLik: l.LogLik(nil), GradNorm: math.NaN(), Gain: math.NaN()}
	if math.IsInf(fit.LogLik, 0) {
		fit.Status = Failed
	}
	return fit
}

// embed fills dst with the point of h1 that has the law of theta in h0.
func embed(dst []float64, h1, h0 models.Model, theta []float64) bool {
	base, full := h0, theta
	if r, ok := h0.(*Restricted); ok {
		base, full = r.m, make([]float64, len(r.value))
		r.Expand(full, theta)
	}
	if outer, ok := h1.(*Restricted); ok {
		if fmt.Sprint(outer.m) != fmt.Sprint(base) {
			return false
		}
		for i, v := range outer.value {
			if !math.IsNaN(v) && v != full[i] {
				return false
			}
		}
		for i, j := range outer.free {
			dst[i] = full[j]
		}
		return true
	}
	if n, ok := h1.(models.Nester); ok && n.Embed(dst, base, full) {
		return true
	}
	// A bound on H1 may be the only difference.
	a, ka := settings(h1)
	b, kb := settings(base)
	delete(ka, "bound")
	delete(kb, "bound")
	if a != b || len(ka) != len(kb) || len(full) != len(dst) {
		return false
	}
	for k, v := range ka {
		if kb[k] != v {
			return false
		}
	}
	copy(dst, full)
	return models.CheckTheta(h1, dst) == nil
}

// starts returns starts for H1 from the fit of H0: embedded and split, and for a
// mixture with one more component light ones where random starts rarely fall.
func (p *pair) starts(f *pairFit, h0 models.Model, rng *rand.Rand) ([][]float64, error) {
	given := [][]float64{f.embedded}
	if _, ok := h0.(*Restricted); !ok {
		if _, ok := f.h1.(models.Nester); ok {
			more, err := SplitStarts(f.l1, Parent{h0, f.fit0.Theta}, rng)
			if err != nil {
				return nil, err
			}
			given = more
		}
	}
	small, ok := h0.(*models.Mixture)
	if large, is := f.h1.(*models.Mixture); ok && is && p.form != nil && large.K() == small.K()+1 {
		given = append(given, added(f, large, small, p.form)...)
	}
	return given, nil
}

// added returns starts with a light further component at the extremes of the
// data, where one observation can carry it, and where the directional derivative
// of ℓ towards it is largest (Lindsay, Ann. Statist. 11, 1983).
func added(f *pairFit, large, small *models.Mixture, form *mixtureForm) [][]float64 {
	k, d := large.K(), len(f.embedded)
	theta := make([]float64, d)
	if !large.Split(theta, small, f.fit0.Theta, 0, 0) {
		return nil
	}
	variance := form.sigma * form.sigma
	at := 2*k - 2 // the last mean
	if form.variance != models.VarKnown {
		variance = theta[2*k-1]
	}
	lo, hi := slices.Min(f.z.V), slices.Max(f.z.V)
	terms := make([]float64, f.z.N)
	f.l1.Terms(terms, theta)
	const points = 48
	best, steepest := math.Inf(-1), lo
	for i := range points {
		t := lo + (hi-lo)*float64(i)/(points-1)
		slope := 0.0
		for j, x := range f.z.V {
			slope += math.Exp(-0.5*(x-t)*(x-t)/variance - 0.5*math.Log(2*math.Pi*variance) - terms[j])
		}
		if slope > best {
			best, steepest = slope, t
		}
	}
	bound := large.Params()[at].Hi
	n := float64(f.z.N)
	var out [][]float64
	for _, t := range []float64{steepest, lo, hi} {
		t = min(max(t, -bound), bound)
		var top []float64
		height := math.Inf(-1)
		for _, w := range []float64{1 / n, 2 / n, 5 / n, 0.05, 0.2} {
			x := slices.Clone(theta)
			for i := range k - 1 {
				x[i] *= 1 - w
			}
			x[at] = t
			// The other means make room, so that the overall mean stays.
			for i := range k - 1 {
				x[k-1+i] = min(max(x[k-1+i]-w*(t-x[k-1+i])/(1-w), -bound), bound)
			}
			if ll := f.l1.LogLik(x); ll > height {
				top, height = x, ll
			}
		}
		if top != nil {
			out = append(out, top)
		}
	}
	return out
}

// confine replaces the fit of H1 by the highest point with |θ_i| ≤ bound: a
// maximum found within, the fit of H0, or a maximum with θ_i on the bound.
func (p *pair) confine(ctx context.Context, f *pairFit, rng *rand.Rand) error {
	i, b := p.law.coordinate, p.bound
	if math.Abs(f.fit1.Theta[i]) <= b {
		return nil
	}
	best := Fit{Theta: slices.Clone(f.embedded), LogLik: f.l1.LogLik(f.embedded), Status: Converged, GradNorm: math.NaN(), Gain: math.NaN()}
	if math.Abs(best.Theta[i]) > b {
		best.LogLik = math.Inf(-1)
	}
	for _, m := range f.fit1.Maxima {
		if m.LogLik > best.LogLik && math.Abs(m.Theta[i]) <= b && len(m.Floored) == 0 && len(m.Edge) == 0 {
			best = Fit{Theta: m.Theta, LogLik: m.LogLik, GradNorm: m.GradNorm, Gain: m.Gain, Status: m.Status}
		}
	}
	for _, v := range []float64{-b, b} {
		hold := make([]float64, len(f.embedded))
		for j := range hold {
			hold[j] = math.NaN()
		}
		hold[i] = v
		r, err := Restrict(f.h1, hold)
		if err != nil {
			return err
		}
		l, err := r.Bind(f.z)
		if err != nil {
			return err
		}
		start := make([]float64, len(hold)-1)
		for k, j := range r.free {
			start[k] = f.embedded[j]
		}
		if p.law.opposite >= 0 { // on the line of cancellation
			for k, j := range r.free {
				if j == p.law.opposite {
					start[k] = -v
				}
			}
		}
		fit, err := fitFrom(ctx, r, f.z, l, [][]float64{start}, 3, nil, rng)
		if err != nil {
			return err
		}
		if fit.LogLik > best.LogLik {
			full := make([]float64, len(hold))
			r.Expand(full, fit.Theta)
			best = Fit{Theta: full, LogLik: fit.LogLik, GradNorm: fit.GradNorm, Gain: fit.Gain, Status: Boundary,
				Bounds: []string{fmt.Sprintf("%s = %v", f.h1.Params()[i].Name, v)}}
		}
	}
	best.Maxima, best.Starts = f.fit1.Maxima, f.fit1.Starts
	best.Starts.ReachedBest = 0
	f.fit1 = best
	return nil
}

// unshift puts the reported means back where the data are.
func (p *pair) unshift(f *pairFit, r *TestResult) {
	if f.shift == 0 {
		return
	}
	for _, rep := range []*Report{r.Fit0, r.Fit1} {
		rep.Theta = slices.Clone(rep.Theta)
		rep.Maxima = slices.Clone(rep.Maxima)
		move := func(theta []float64) {
			for i, q := range rep.Model.Params() {
				if strings.HasPrefix(q.Name, "mu") {
					theta[i] += f.shift
				}
			}
		}
		move(rep.Theta)
		for i := range rep.Maxima {
			rep.Maxima[i].Theta = slices.Clone(rep.Maxima[i].Theta)
			move(rep.Maxima[i].Theta)
		}
	}
}
