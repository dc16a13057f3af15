package estimation

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

// Options sets how MLE works. Its zero value, with a generator, works.
type Options struct {
	Starts int         // random starts; 0 means DefaultStarts
	Given  [][]float64 // further starts
	// Parents are fits of smaller models of the family. Each is embedded
	// (models.Nester) and used as a start, as it is and moved off the singular
	// set, so that the larger model never has the smaller maximum. Without them, and
	// without Given, a models.Preceder gets the fit of the model before it.
	Parents []Parent
	Method  Method // climbs from one start; nil means Auto{}
	Each    models.Each
	Rand    *rand.Rand // generator of the starts; nil means a fixed seed
}

// A Parent is a fitted smaller model.
type Parent struct {
	Model models.Model
	Theta []float64
}

// A Report is what is known of a maximum-likelihood fit.
type Report struct {
	Model    models.Model
	Theta    []float64 // θ̂ (d), canonical; NaN under NoMaximum, as everything that follows from it
	LogLik   float64   // the highest interior local maximum found, in nats
	Dim, N   int       // coordinates of θ; terms of the log-likelihood
	AIC, BIC float64   // −2ℓ + 2d, −2ℓ + d log n
	Status   Status
	Gain     float64 // increase of ℓ still predicted at θ̂, in nats
	GradNorm float64 // scaled gradient at θ̂, see Fit
	Warnings []string
	Flags    []string // what makes the maximum suspicious: a small component, no more values than coordinates, a saddle

	// SE are standard errors from the observed information −∂²ℓ/∂θ∂θᵀ at θ̂, NaN
	// where the coordinate is not estimable; Reason then says why ("" elsewhere).
	SE     []float64
	Reason []string
	// Rank is that of the observed information, Eigenvalues (ascending) those of
	// it after diagonal scaling: see singular.StandardErrors. A Hessian by
	// differences resolves eigenvalues down to 1e-7 of the largest; smaller ones
	// count as zero. Rank is -1 after a failed fit, and Eigenvalues is nil where
	// an entry does not exist (on a bound).
	Rank        int
	Eigenvalues []float64
	Route       models.Route // of the Hessian

	Maxima []Maximum // every distinct maximum, highest first
	Sound  *Maximum  // the highest maximum off the floor without a small component; nil if none
	Starts Starts
	Strata []singular.StratumAt
	Ridge  *Ridge // of a series with a real pole and a real zero, from MLE; else nil
	Evals  int
}

// Default returns the method for repeated fits of m: starts from the data, each
// climbed by Auto. Of a series many starts are screened, because a likelihood
// costs little beside a climb and the maxima of a nearly redundant model lie
// scattered along the line of cancellation.
func Default(m models.Model) MultiStart {
	ms := MultiStart{Method: Auto{}, Starts: DefaultStarts}
	if m.Shape().Series {
		ms.Screen = seriesScreen
	}
	return ms
}

const seriesScreen = 16

// MLE fits m to z by maximum likelihood from many starts and reports everything that a
// reader of the fit should know. The error is for a request that cannot be carried out,
// and wraps ErrData where the data are to blame; numerical outcomes are in Status,
// Warnings and Flags.
func MLE(ctx context.Context, m models.Model, z *models.Data, opt Options) (*Report, error) {
	l, err := m.Bind(z)
	if err != nil {
		return nil, err
	}
	if err := checkData(m, z); err != nil {
		return nil, err
	}
	if models.Dim(m) == 0 {
		return Describe(l, evaluated(l)), nil
	}
	rng := opt.Rand
	if rng == nil {
		rng = rand.New(rand.NewPCG(20060401, 18)) // Neural Computation 18(5), 2006
	}
	given, parents := opt.Given, opt.Parents
	if len(given) == 0 && len(parents) == 0 && opt.Starts >= 0 {
		if parents, err = smaller(ctx, m, z, opt); err != nil {
			return nil, err
		}
	}
	for _, p := range parents {
		more, err := SplitStarts(l, p, rng)
		if err != nil {
			return nil, err
		}
		given = append(given[:len(given):len(given)], more...)
	}
	ms := Default(m)
	ms.Starts, ms.Given, ms.Each, ms.Interior = opt.Starts, given, opt.Each, true
	if opt.Method != nil {
		ms.Method = opt.Method
	}
	ms.Bind = func() (models.Likelihood, error) { return m.Bind(z) }
	fit, err := ms.Maximize(ctx, l, nil, rng)
	if err != nil {
		return nil, err
	}
	r := Describe(l, fit)
	r.Ridge, err = findRidge(ctx, l, r)
	return r, err
}

// smaller returns the fit of the model before m in its family, where it asks for one.
func smaller(ctx context.Context, m models.Model, z *models.Data, opt Options) ([]Parent, error) {
	large, ok := m.(models.Preceder)
	if !ok {
		return nil, nil
	}
	sub, ok := large.Precede()
	if !ok {
		return nil, nil
	}
	// A generator of its own: the random starts of m do not depend on this fit.
	opt.Rand = rand.New(rand.NewPCG(20060401, uint64(models.Dim(sub))))
	r, err := MLE(ctx, sub, z, opt)
	if err != nil || r.Status == Failed || r.Status == NoMaximum {
		return nil, err
	}
	return []Parent{{Model: sub, Theta: r.Theta}}, nil
}

// Describe returns the report of a fit: information criteria, standard errors,
// rank, strata, flags. The ridge of a series takes fits of its own: MLE adds it.
func Describe(l models.Likelihood, fit Fit) *Report {
	m := l.Model()
	d, n := models.Dim(m), l.N()
	r := &Report{
		Model: m, Theta: fit.Theta, LogLik: fit.LogLik, Dim: d, N: n,
		AIC: -2*fit.LogLik + 2*float64(d), BIC: -2*fit.LogLik + float64(d)*math.Log(float64(n)),
		Status: fit.Status, Gain: fit.Gain, GradNorm: fit.GradNorm, Warnings: fit.Warnings,
		Maxima: slices.Clone(fit.Maxima), Starts: fit.Starts, Evals: fit.Evals,
	}
	if fit.Status == NoMaximum {
		r.withdraw()
		return r
	}
	r.settle(l)
	for i := range r.Maxima {
		if r.Maxima[i].Sound() {
			r.Sound = &r.Maxima[i]
			break
		}
	}
	if len(fit.Bounds) > 0 {
		r.Warnings = append(r.Warnings, "on a bound: "+strings.Join(fit.Bounds, ", "))
	}
	for _, h := range small(l, fit.Theta) {
		r.Flags = append(r.Flags, fmt.Sprintf("component %d holds %.2f observations, fewer than %d", h.Component, h.Points, MinHolding))
	}
	if values := n * max(1, m.Shape().Q); values <= d {
		r.Flags = append(r.Flags, fmt.Sprintf("%d values for %d coordinates: the fit follows the data and says nothing of a law", values, d))
		r.Sound = nil
	}
	for i := range r.Maxima {
		if x := &r.Maxima[i]; x.LogLik > r.LogLik && x.floorsMany() {
			r.Flags = append(r.Flags, fmt.Sprintf("%d or more observations on the variance floor are %.4g nats more likely: repeated values, or one far from all others", MinHolding, x.LogLik-r.LogLik))
			break
		}
	}
	r.Strata, _ = singular.StrataAt(m, r.Theta)
	r.uncertainty(l)
	return r
}

// settle moves θ̂ onto a stratum of the singular set that it has come so near to that ℓ
// there is the same to what a climb can tell. A millionth off the overlap the observed
// information is that of rounding, and a warning of a saddle would be its echo.
func (r *Report) settle(l models.Likelihood) {
	const near = 1e-4
	st, ok := r.Model.(models.Stratified)
	if !ok || math.IsInf(r.LogLik, 0) {
		return
	}
	on := make([]float64, r.Dim)
	for _, s := range st.Strata() {
		if s.Project == nil {
			continue
		}
		s.Project(on, r.Theta)
		moved, far := false, false
		for i, v := range on {
			d := math.Abs(v - r.Theta[i])
			moved, far = moved || d > 0, far || !(d <= near*(1+math.Abs(v)))
		}
		if !moved || far {
			continue
		}
		ll := l.LogLik(on)
		if w := models.Weight(l); !(ll >= r.LogLik-min(1e-11*w, 1e-8)-rounding(r.LogLik, w)) {
			continue
		}
		for i := range r.Maxima {
			if x := &r.Maxima[i]; x.LogLik == r.LogLik && slices.Equal(x.Theta, r.Theta) {
				x.Theta, x.LogLik = slices.Clone(on), ll
			}
		}
		r.Theta, r.LogLik = slices.Clone(on), ll
		r.AIC, r.BIC = -2*ll+2*float64(r.Dim), -2*ll+float64(r.Dim)*math.Log(float64(r.N))
	}
}

// withdraw leaves no fit in the report: what was found is among the maxima.
func (r *Report) withdraw() {
	r.Theta = slices.Repeat([]float64{math.NaN()}, r.Dim)
	r.SE, r.Reason, r.Rank = slices.Clone(r.Theta), slices.Repeat([]string{"there is no interior maximum"}, r.Dim), -1
	r.LogLik, r.AIC, r.BIC, r.Gain, r.GradNorm = math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN()
	r.Starts.ReachedBest = 0
	r.Flags = append(r.Flags, "no interior maximum: "+NoMaximum.Advice())
}

// Statistic returns the likelihood-ratio statistic T = 2(ℓ₁ − ℓ₀) of a larger
// model 1 and a smaller model 0. A negative value within the rounding of the
// two sums is 0; a larger one is returned as it is, because it says that the
// maximum of the larger model was missed.
func Statistic(loglik1, loglik0 float64) float64 {
	t := 2 * (loglik1 - loglik0)
	if t < 0 && -t <= 1e-13*(math.Abs(loglik1)+math.Abs(loglik0)) {
		return 0
	}
	return t
}
