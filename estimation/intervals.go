package estimation

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/neuromanifold/neuromanifold/models"
)

// End says what an end of an interval is.
type End int

const (
	// Crossing: the likelihood (or the bootstrap law) ends the interval there.
	Crossing End = iota
	// AtBound: the interval reaches the bound or the edge of the domain.
	AtBound
	// Unbounded: the data do not bound the coordinate on this side; the end is
	// infinite.
	Unbounded
)

var endNames = [...]string{"crossing", "bound", "unbounded"}

// String returns the name in lower case.
func (e End) String() string { return endNames[e] }

// An Interval is a confidence interval of one coordinate.
type Interval struct {
	Name         string
	Level        float64
	Estimate     float64
	Lo, Hi       float64 // ∓Inf where unbounded
	LoEnd, HiEnd End
	Warnings     []string
}

// IntervalOptions set the intervals. The zero value works.
type IntervalOptions struct {
	Level  float64     // 0 means 0.95
	Starts int         // random starts of each fit beside the warm ones; 0 means 2
	Each   models.Each // runs bootstrap replicates; nil means in order
	Rand   *rand.Rand  // nil means a fixed seed
}

func (o *IntervalOptions) fill() error {
	if o.Level == 0 {
		o.Level = 0.95
	}
	if !(o.Level > 0 && o.Level < 1) {
		return fmt.Errorf("level %v: allowed is a number between 0 and 1", o.Level)
	}
	if o.Starts == 0 {
		o.Starts = 2
	}
	if o.Rand == nil {
		o.Rand = rand.New(rand.NewPCG(20060401, 20))
	}
	return nil
}

// ProfileInterval returns the profile-likelihood interval of coordinate i of the
// fit r of m to z: the values c around the estimate with
// 2 (ℓ(θ̂) − max ℓ over θ_i = c) at most the χ²₁ quantile of the level. Where the
// profile never falls so low, as for the mean of a component whose weight the
// data allow to be 0, the end is infinite and says so; a Wald interval would show
// a finite one. It is the connected piece around the estimate: a coordinate whose
// label can be exchanged has another around its double, and where the two pieces run
// into each other, maxima with the labels exchanged count only if there is no other.
//
// Near the singular set the χ² quantile is not the right one either (see
// LikelihoodRatio); BootstrapIntervals does not use it.
func ProfileInterval(ctx context.Context, m models.Model, z *models.Data, r *Report, i int, opt IntervalOptions) (*Interval, error) {
	ps := m.Params()
	if i < 0 || i >= len(ps) {
		return nil, fmt.Errorf("%v: no coordinate %d", m, i)
	}
	if err := opt.fill(); err != nil {
		return nil, err
	}
	if r.Status == Failed || r.Status == NoMaximum || len(r.Theta) != len(ps) {
		return nil, errors.New("an interval needs a fit")
	}
	p := &profile{ctx: ctx, m: m, z: z, i: i, opt: opt, theta: r.Theta, top: r.LogLik, best: math.Inf(-1)}
	p.drop = distuv.ChiSquared{K: 1}.Quantile(opt.Level) / 2
	p.step = 0.1 * (1 + math.Abs(r.Theta[i]))
	if se := r.SE[i]; se > 0 && !math.IsInf(se, 0) {
		p.step = se
	}
	out := &Interval{Name: ps[i].Name, Level: opt.Level, Estimate: r.Theta[i]}
	var err error
	if out.Lo, out.LoEnd, err = p.end(-1, ps[i].Lo); err != nil {
		return nil, err
	}
	if out.Hi, out.HiEnd, err = p.end(1, ps[i].Hi); err != nil {
		return nil, err
	}
	if p.best > p.top+1e-4 {
		out.Warnings = append(out.Warnings, fmt.Sprintf("the profile is %.3g nats above the fit at %s = %.6g: fit again from there", p.best-p.top, ps[i].Name, p.at))
	}
	return out, nil
}

// A profile maximises over all coordinates but one.
type profile struct {
	ctx       context.Context
	m         models.Model
	z         *models.Data
	i         int
	opt       IntervalOptions
	theta     []float64
	top, drop float64
	step      float64
	best, at  float64 // the highest value of the profile, and where
}

// value returns how far the profile at c is below the level: negative inside the
// interval, +Inf outside the domain. warm is the full θ at a neighbour; on
// return it is that at c where the value is finite.
func (p *profile) value(c float64, warm []float64) (float64, error) {
	hold := make([]float64, len(warm))
	for j := range hold {
		hold[j] = math.NaN()
	}
	hold[p.i] = c
	r, err := Restrict(p.m, hold)
	if errors.Is(err, models.ErrDomain) {
		return math.Inf(1), nil
	}
	if err != nil {
		return 0, err
	}
	l, err := r.Bind(p.z)
	if err != nil {
		return 0, err
	}
	var given [][]float64
	for _, from := range [][]float64{warm, p.theta} {
		g := make([]float64, len(r.free))
		for k, j := range r.free {
			g[k] = from[j]
		}
		if !math.IsInf(l.LogLik(g), 0) {
			given = append(given, g)
		}
	}
	fit, err := fitFrom(p.ctx, r, p.z, l, given, p.opt.Starts, nil, p.opt.Rand)
	if errors.Is(err, ErrNoStart) {
		return math.Inf(1), nil
	}
	if err != nil {
		return 0, err
	}
	if math.IsInf(fit.LogLik, 0) || math.IsNaN(fit.LogLik) {
		return math.Inf(1), nil
	}
	theta, ll := fit.Theta, fit.LogLik
	if p.exchanged(r, theta, c) {
		for _, x := range fit.Maxima { // highest first
			if len(x.Floored) == 0 && !p.exchanged(r, x.Theta, c) {
				theta, ll = x.Theta, x.LogLik
				break
			}
		}
	}
	r.Expand(warm, theta)
	if ll > p.best {
		p.best, p.at = ll, c
	}
	return p.top - p.drop - ll, nil
}

// exchanged reports whether at this point the value c belongs to another coordinate of
// the canonical form, in which the fit and its coordinates are printed: the variance of
// the one component where the other has c.
func (p *profile) exchanged(r *Restricted, theta []float64, c float64) bool {
	m, ok := p.m.(models.Canonicalizer)
	if !ok {
		return false
	}
	full := make([]float64, len(p.theta))
	r.Expand(full, theta)
	m.Canonicalize(full)
	return math.Abs(full[p.i]-c) > 1e-9*(1+math.Abs(c))
}

// end finds the end of the interval in the direction of sign.
func (p *profile) end(sign, bound float64) (float64, End, error) {
	const farthest = 1 << 24 // steps to where a coordinate counts as unbounded
	start := p.theta[p.i]
	inside, warm := start, slices.Clone(p.theta)
	var outside, fOut float64
	for k := 1.0; ; k *= 2 {
		c := start + sign*k*p.step
		limit := sign*(c-bound) >= 0
		if limit {
			c = bound
		}
		f, err := p.value(c, warm)
		if err != nil {
			return 0, 0, err
		}
		if f > 0 {
			outside, fOut = c, f
			break
		}
		if limit {
			return bound, AtBound, nil
		}
		inside = c
		if k >= farthest {
			return sign * math.Inf(1), Unbounded, nil
		}
	}
	// Bisection: the profile may have kinks and jumps where the maximum changes
	// hands, and ends at −Inf at the edge of an open domain.
	width := math.Abs(outside - inside)
	for math.Abs(outside-inside) > 1e-5*min(width, p.step) {
		if err := p.ctx.Err(); err != nil {
			return 0, 0, err
		}
		c := inside + (outside-inside)/2
		if c == inside || c == outside {
			break
		}
		near := slices.Clone(warm)
		f, err := p.value(c, near)
		if err != nil {
			return 0, 0, err
		}
		if f > 0 {
			outside, fOut = c, f
		} else {
			inside, warm = c, near
		}
	}
	if math.IsInf(fOut, 1) {
		return outside, AtBound, nil
	}
	return inside, Crossing, nil
}

// BootstrapIntervals returns parametric-bootstrap percentile intervals of all
// coordinates of the fit r of m: data are drawn at θ̂ (given the conditioning
// columns of z), fitted as r was, with opt.Starts random starts and one at θ̂, and
// put in canonical form. A replicate whose fit failed counts as −Inf for the
// lower and +Inf for the upper end, so that failures never shorten an interval;
// failed is their number. Percentile intervals inherit the bias of the estimate,
// which near a singular set is not small (Efron and Tibshirani 1993, chapter 13).
func BootstrapIntervals(ctx context.Context, m models.Model, z *models.Data, r *Report, replicates int, opt IntervalOptions) (out []Interval, failed int, err error) {
	if err := opt.fill(); err != nil {
		return nil, 0, err
	}
	if replicates < 2 {
		return nil, 0, fmt.Errorf("%d bootstrap replicates are too few", replicates)
	}
	if r.Status == Failed || r.Status == NoMaximum || len(r.Theta) != models.Dim(m) {
		return nil, 0, errors.New("an interval needs a fit")
	}
	each := opt.Each
	if each == nil {
		each = models.Serial(opt.Rand)
	}
	thetas := make([][]float64, replicates)
	err = each(replicates, func(k int, rng *rand.Rand) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		draw := z.Clone()
		m.Sample(draw, r.Theta, rng)
		if draw.Check() != nil {
			return nil
		}
		l, err := m.Bind(draw)
		if err != nil {
			return nil // counted below, like a failed fit
		}
		fit, err := fitFrom(ctx, m, draw, l, [][]float64{r.Theta}, opt.Starts, nil, rng)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil || fit.Status == Failed || fit.Status == NoMaximum || !finite(fit.Theta):
			return nil
		}
		thetas[k] = fit.Theta
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	for _, t := range thetas {
		if t == nil {
			failed++
		}
	}
	lo, hi := make([]float64, replicates), make([]float64, replicates)
	for i, p := range m.Params() {
		for k, t := range thetas {
			if t == nil {
				lo[k], hi[k] = math.Inf(-1), math.Inf(1)
			} else {
				lo[k], hi[k] = t[i], t[i]
			}
		}
		slices.Sort(lo)
		slices.Sort(hi)
		// The order statistics with at most (1 − level)/2 of the B + 1 gaps
		// beyond them.
		cut := int((1 - opt.Level) / 2 * float64(replicates+1))
		v := Interval{Name: p.Name, Level: opt.Level, Estimate: r.Theta[i], Lo: math.Inf(-1), Hi: math.Inf(1), LoEnd: Unbounded, HiEnd: Unbounded}
		if cut >= 1 {
			v.Lo, v.Hi = lo[cut-1], hi[replicates-cut]
			v.LoEnd, v.HiEnd = endOf(v.Lo, p.Lo), endOf(v.Hi, p.Hi)
		} else {
			v.Warnings = append(v.Warnings, fmt.Sprintf("%d replicates do not reach the level %v", replicates, opt.Level))
		}
		out = append(out, v)
	}
	return out, failed, nil
}

func endOf(v, bound float64) End {
	switch {
	case math.IsInf(v, 0):
		return Unbounded
	case v == bound:
		return AtBound
	}
	return Crossing
}
