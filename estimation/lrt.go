package estimation

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

// ErrHypotheses is wrapped by the errors of LikelihoodRatio for hypotheses that
// cannot be tested against each other, or not with these data.
var ErrHypotheses = errors.New("no likelihood-ratio test")

// TestOptions set LikelihoodRatio. The zero value works.
type TestOptions struct {
	Starts int // random starts of each fit; 0 means DefaultStarts
	// Bound restricts H1 to the index set of its limit law, where that needs one
	// (see LimitLaw); 0 for what the models say. For a mixture it is the largest
	// distance of a component mean from the sample mean in standard deviations
	// (the known one; with a common unknown variance that of the sample); for the
	// contaminated normal |b| in standard deviations; for a hidden unit |w|; for
	// ARMA(1,1) the modulus of the moving-average root.
	Bound float64
	// Bootstrap is the number of parametric bootstrap replicates; 0 for none.
	Bootstrap int
	// BootstrapStarts is the number of random starts of each fit of a replicate,
	// beside those split from the fit under H0; 0 means as many as for the data
	// (with variances free there are more spurious maxima to find than starts, and
	// fewer starts would make T* smaller than T for that reason alone), but 5 for
	// mixtures of known or common variance, where the split starts suffice.
	BootstrapStarts int
	Draws           int         // of the limit law; 0 means singular.DefaultDraws
	Each            models.Each // runs starts, draws and replicates; nil means in order
	// Replicated, if not nil, is called after every bootstrap replicate, perhaps
	// from several goroutines.
	Replicated func()
	Rand       *rand.Rand // nil means a fixed seed
}

// A PValue is a p-value with its Monte Carlo standard error (0 where exact). Where
// there is none, P is NaN and Reason says why.
type PValue struct {
	P, SE  float64
	Law    string // the law that the statistic is held against
	Reason string
}

// Available reports whether there is a p-value.
func (p PValue) Available() bool { return !math.IsNaN(p.P) }

func none(format string, args ...any) PValue {
	return PValue{P: math.NaN(), SE: math.NaN(), Reason: fmt.Sprintf(format, args...)}
}

// Nullity says how H0 lies in H1 at its fit.
type Nullity int

const (
	// RegularNull: the Fisher information of H1 is nonsingular there, and the
	// statistic has its χ² law.
	RegularNull Nullity = iota
	// NearlySingularNull: nonsingular, but within five standard errors of the
	// singular set: the χ² law is not reached.
	NearlySingularNull
	// SingularNull: the Fisher information is singular, or H0 is on the boundary
	// of H1: no χ² law.
	SingularNull
	// UnknownNull: the Fisher information of H1 is not available.
	UnknownNull
)

var nullityNames = [...]string{"regular", "nearly singular", "singular", "unknown"}

// String returns the name in lower case.
func (n Nullity) String() string { return nullityNames[n] }

// A TestResult is the outcome of a likelihood-ratio test, with every p-value that
// exists side by side.
type TestResult struct {
	H0, H1     models.Model
	N, DF      int // terms; difference of the numbers of coordinates
	Fit0, Fit1 *Report
	// Statistic is T = 2 (max ℓ over H1 − max ℓ over H0), at least 0: the fit of H0
	// is among the starts of H1. It is NaN where H1 has no interior maximum above H0
	// and solutions on its variance floor are higher; then only the EM-test, which
	// penalises small variances, has a p-value.
	Statistic float64
	Bound     float64 // on the index set of the limit law; 0 for none

	Null       Nullity
	Strata     []string // the strata of H1 on which the fit of H0 lies, or nearly
	Chi2       PValue   // naive: χ² with DF degrees of freedom, right for a regular null only
	Limit      PValue   // the limit law as n → ∞
	Bootstrap  PValue   // parametric bootstrap from the fit of H0
	EM         PValue   // EM-test, of another statistic
	EMTest     *EMTestResult
	Failed     int // bootstrap replicates without a statistic; they count against H1
	Replicates int // bootstrap replicates
	Warnings   []string
	Verdict    string // one line: what to believe and why
}

// LikelihoodRatio tests h0 against h1, which must contain it, on z. It fits both
// (H1 also from the fit of H0, as it is and moved off the singular set, so that T
// is never negative), says whether the χ² law holds at the fit of H0, and gives
// the p-values of the limit law, the parametric bootstrap and the EM-test where
// they exist. The error wraps ErrHypotheses if h1 does not contain h0 or the data
// cannot tell them apart (fewer rows than coordinates, constant data with a free
// variance).
//
// Under a singular null hypothesis the statistic has no χ² law (Hartigan 1985;
// Dacunha-Castelle and Gassiat 1999; Amari, Park and Ozeki 2006).
func LikelihoodRatio(ctx context.Context, h0, h1 models.Model, z *models.Data, opt TestOptions) (*TestResult, error) {
	if opt.Rand == nil {
		opt.Rand = rand.New(rand.NewPCG(20060401, 19))
	}
	if opt.Bootstrap < 0 || opt.Bound < 0 || math.IsNaN(opt.Bound) {
		return nil, fmt.Errorf("%w: replicates and bound cannot be negative", ErrHypotheses)
	}
	p, err := newPair(h0, h1, z, opt)
	if err != nil {
		return nil, err
	}
	f, err := p.fit(ctx, z, opt.Starts, opt.Each, opt.Rand)
	if err != nil {
		return nil, err
	}
	if f.fit0.Status == NoMaximum {
		return nil, fmt.Errorf("%w: the likelihood of %v has no interior maximum: %s", ErrHypotheses, h0, NoMaximum.Advice())
	}
	if f.fit0.Status == Failed || f.fit1.Status == Failed {
		return nil, fmt.Errorf("%w: the fit of %v failed: %s", ErrHypotheses, failedOf(f, h0, h1), Failed.Advice())
	}
	noMaximum := f.noMaximum(h1)
	if noMaximum != "" {
		f.statistic = math.NaN()
	}
	r := &TestResult{
		H0: h0, H1: h1, N: f.l1.N(), DF: models.Dim(h1) - models.Dim(h0), Statistic: f.statistic, Bound: opt.Bound,
		Fit0: report(f.l0, f.fit0), Fit1: report(f.l1, f.fit1), Warnings: f.warnings,
	}
	if opt.Bound > 0 && (p.law == nil || p.law.restrict == noRestriction) {
		r.Warnings = append(r.Warnings, "the bound is not used: there is no limit law that needs it")
		r.Bound = 0
	}
	r.Null, r.Strata = p.nullity(f)
	if w := repeated(z); w != "" && !h1.Shape().Series {
		r.Warnings = append(r.Warnings, w)
	}
	p.unshift(f, r)
	if noMaximum != "" {
		r.Chi2 = none("%s", noMaximum)
		r.Limit, r.Bootstrap = r.Chi2, r.Chi2
		err := p.emTest(ctx, r, z, opt)
		r.Verdict = r.verdict()
		return r, err
	}
	r.Chi2 = PValue{P: chi2Tail(r.DF, r.Statistic), Law: fmt.Sprintf("chi2(%d)", r.DF)}
	if r.Limit, err = p.limit(r, opt); err != nil {
		return nil, err
	}
	if err := p.emTest(ctx, r, z, opt); err != nil {
		return nil, err
	}
	r.Bootstrap = none("not asked for")
	if opt.Bootstrap > 0 {
		if err := p.bootstrap(ctx, r, f, z, opt); err != nil {
			return nil, err
		}
	}
	r.Verdict = r.verdict()
	return r, nil
}

// repeated says so if no row is alone and yet there are many: duplicated data
// double the evidence. A few values many times are discrete data.
func repeated(z *models.Data) string {
	rows := make([][]float64, z.N)
	for i := range rows {
		rows[i] = z.Row(i)
	}
	slices.SortFunc(rows, slices.Compare)
	distinct, run := 0, 0
	for i, r := range rows {
		if i > 0 && slices.Equal(r, rows[i-1]) {
			run++
			continue
		}
		if i > 0 && run == 1 {
			return ""
		}
		distinct, run = distinct+1, 1
	}
	if run == 1 || 4*distinct < z.N {
		return ""
	}
	return fmt.Sprintf("every row occurs at least twice (%d distinct of %d): if the data were duplicated, so is the evidence", distinct, z.N)
}

func failedOf(f *pairFit, h0, h1 models.Model) models.Model {
	if f.fit0.Status == Failed {
		return h0
	}
	return h1
}

// report describes a fit; a model without coordinates has nothing to describe
// but its log-likelihood.
func report(l models.Likelihood, fit Fit) *Report {
	if models.Dim(l.Model()) > 0 {
		return Describe(l, fit)
	}
	ll := -2 * fit.LogLik
	return &Report{Model: l.Model(), LogLik: fit.LogLik, N: l.N(), AIC: ll, BIC: ll, Status: fit.Status}
}

// nullity says whether the Fisher information of H1 at the fit of H0 is singular,
// or the singular set so near that n observations barely tell it from there.
func (p *pair) nullity(f *pairFit) (Nullity, []string) {
	theta := f.embedded
	strata, _ := singular.StrataAt(f.h1, theta)
	var on []string
	for _, s := range strata {
		if s.On {
			on = append(on, s.Name)
		}
	}
	if len(on) > 0 {
		return SingularNull, on
	}
	for i, q := range f.h1.Params() {
		if theta[i] <= q.Lo || theta[i] >= q.Hi {
			return SingularNull, []string{"boundary " + q.Name}
		}
	}
	if _, ok := f.h1.(*Restricted); ok {
		return UnknownNull, nil
	}
	fisher, err := singular.NewFisher(f.h1, singular.FisherOptions{Data: f.z})
	if err != nil {
		return UnknownNull, nil
	}
	g, err := fisher.At(theta)
	if err != nil || !finiteSym(g.F) || g.Route == models.MonteCarlo {
		return UnknownNull, nil
	}
	s, err := singular.NewSpectrum(g.F)
	switch {
	case err != nil:
		return UnknownNull, nil
	case s.Rank < len(theta):
		return SingularNull, nil
	}
	if h, ok := f.h1.(models.Stratified); ok {
		d := len(theta)
		step := make([]float64, d)
		for _, s := range h.Strata() {
			s.Project(step, theta)
			floats.Sub(step, theta)
			v := mat.NewVecDense(d, step)
			if far := float64(f.l1.N()) * mat.Inner(v, g.F, v); far < farEnough {
				on = append(on, s.Name)
			}
		}
		if len(on) > 0 {
			return NearlySingularNull, on
		}
	}
	return RegularNull, nil
}

// farEnough is the squared distance to a singular stratum, in standard errors,
// above which a null hypothesis counts as regular.
const farEnough = 25

// verdict says in one line what to believe.
func (r *TestResult) verdict() string {
	say := func(what string, p PValue) string {
		se := ""
		if p.SE > 0 {
			se = fmt.Sprintf(" ± %.1g", p.SE)
		}
		decision := "no evidence against H0"
		switch {
		case p.P <= 0.01:
			decision = "strong evidence against H0"
		case p.P <= 0.05:
			decision = "evidence against H0"
		}
		if p.P == 0 && p.SE > 0 {
			return fmt.Sprintf("believe %s, p < %.1g: %s", what, 2*p.SE, decision)
		}
		return fmt.Sprintf("believe %s, p = %.3g%s: %s", what, p.P, se, decision)
	}
	why := map[Nullity]string{
		RegularNull:        "H0 is a regular point of H1",
		NearlySingularNull: "H0 is nearly singular in H1, so that χ² is not reached at this n",
		SingularNull:       "H0 is singular in H1, so that χ² does not apply",
		UnknownNull:        "whether H0 is regular in H1 is not known",
	}[r.Null]
	out := why + "; "
	switch {
	case math.IsNaN(r.Statistic) && r.EM.Available():
		out = "there is no likelihood ratio: " + r.Chi2.Reason + "; " + say("the EM-test", r.EM)
	case math.IsNaN(r.Statistic):
		out = "there is no likelihood ratio: " + r.Chi2.Reason
	case r.Null == RegularNull && r.Bootstrap.Available():
		out += say("the bootstrap, which χ² should match", r.Bootstrap)
	case r.Null == RegularNull:
		out += say("χ²", r.Chi2)
	case r.Bootstrap.Available():
		out += say("the bootstrap", r.Bootstrap)
	case r.EM.Available():
		out += say("the EM-test", r.EM)
	case r.Limit.Available() && r.Limit.Exact():
		out += say("the exact law", r.Limit)
	case r.Limit.Available():
		out += say("the limit law (a bootstrap would not need n → ∞)", r.Limit)
	default:
		out += "there is no p-value to believe without a bootstrap"
	}
	if len(r.Fit1.Flags) > 0 {
		out += "; beware: the fit of H1 is flagged as spurious"
	}
	if r.Failed > 0 {
		out += fmt.Sprintf("; %d of %d replicates failed", r.Failed, r.Replicates)
	}
	return out
}

// Exact reports whether the p-value is free of Monte Carlo error.
func (p PValue) Exact() bool { return p.Available() && p.SE == 0 }
