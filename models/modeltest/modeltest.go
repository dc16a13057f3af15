// Package modeltest is the contract of package models as a test: Run checks a
// model, its likelihoods and everything optional that they offer against the
// rules that the interfaces state. Each failure names the rule and says what it
// asks for.
//
// What can be checked without chance is: derivatives against extrapolated
// differences, the law against the model's own quadrature nodes. The rest are
// z-tests on fixed seeds; Options.Draws rows of data (for a series: of its
// length times replicates) let them see an error of 2 % in the Fisher
// information, and Run fails where they could not. Limits are 5 standard
// errors, estimated from 50 blocks or more: over the hundred statistics of a
// model a false alarm has probability below 1e-3, once for all, as seeds are
// fixed.
package modeltest

import (
	"fmt"
	"math/rand/v2"

	"github.com/neuromanifold/neuromanifold/models"
)

// T is the part of *testing.T that Run needs.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Logf(format string, args ...any)
}

// Options sets what Run cannot find out by itself. The zero value works.
type Options struct {
	Text string // what models.Parse made the model from; empty: not from text
	Seed uint64
	N    int // rows of the data for deterministic checks; 0 means 60

	// Draws is the number of rows for the checks of the law; 0 means 200 000.
	// A series has them in replicates of 4000 rows, for its Var[s]/n is F only
	// as n → ∞.
	Draws int
	// LawTol bounds the relative error of expectations by the nodes of the
	// model (relative to √(F_ii F_jj)); 0 means 1e-6.
	LawTol float64
	// Sub are smaller models and parameters that the model must embed (Nester).
	Sub []Nested
	// Have are capabilities that the model or its likelihood must have, by the
	// names that Capabilities returns.
	Have []string
	// Skip maps the name of a rule to the reason why it cannot hold.
	Skip map[string]string
}

// Nested is a member of a smaller model.
type Nested struct {
	Model models.Model
	Theta []float64
}

// A rule is one article of the contract.
type rule struct {
	name, says string
	check      func(*checker)
}

// rules returns the contract in the order in which it is checked.
func rules() []rule {
	return []rule{
		{"params", "coordinates have distinct names and ordered bounds, and the points given to Run lie in the domain", checkParams},
		{"capabilities", "the model has every capability that its table asks for", checkCapabilities},
		{"string", "String writes the model in the form that Parse reads, and Parse gives it back", checkString},
		{"sample", "the same rng state gives the same bytes; conditioning columns and θ are left alone", checkSample},
		{"bind", "Bind refuses no data, another shape, NaN and infinities with an error", checkBind},
		{"terms", "LogLik is the sum of Terms, finite for data drawn at θ", checkTerms},
		{"domain", "LogLik is -Inf where θ is not finite or out of bounds, and never NaN; a θ of wrong length panics", checkDomain},
		{"pure", "evaluation writes neither θ nor the data, and what came before does not change a value", checkPure},
		{"race", "two Likelihoods of the same data are independent: each may run in its own goroutine", checkRace},
		{"score", "Score is the gradient of LogLik, and returns LogLik", checkScore},
		{"score-terms", "ScoreTerms are the gradients of Terms, and sum to Score", checkScoreTerms},
		{"hess", "Hess is the derivative of the score", checkHess},
		{"em", "an EM step never lowers the likelihood, and returns the one before the step", checkEM},
		{"maximum", "Maximum returns the likelihood at its θ̂, and no point has more", checkMaximum},
		{"start", "Start gives a point of the domain with a finite likelihood, the same for the same rng state", checkStart},
		{"logliks", "LogLiks is LogLik row by row", checkLogLiks},
		{"weights", "weights multiply terms and their scores and nothing else; unit weights change nothing", checkWeights},
		{"batch", "BatchScore is the sum over its rows, a row given twice counting twice", checkBatch},
		{"allocs", "an evaluation allocates nothing after the first", checkAllocs},
		{"unconstrainer", "ToFree and FromFree are inverse, FromFree lands in the domain, PullScore is the chain rule", checkUnconstrainer},
		{"free", "ScoreFree and Curve are the likelihood and its derivatives in the free coordinates", checkFree},
		{"canonical", "Canonicalize is idempotent and leaves the likelihood as it was", checkCanonical},
		{"embed", "Embed gives a θ with the same law as the smaller model", checkEmbed},
		{"strata", "Project lands on the stratum, in the domain; Distance is 0 there", checkStrata},
		{"tangent", "Tangent vectors of an equivalence class leave every term as it is, to first order", checkTangent},
		{"singular", "the Fisher information has the eigenvalue 0 on a stratum and none off all strata", checkSingular},
		{"fisher-nodes", "under the model's own nodes E[s] = 0 and E[s sᵀ] = F", checkFisherNodes},
		{"fisher-factor", "FisherFactor gives R with RᵀR = F", checkFisherFactor},
		{"fisher-point", "FisherAt, averaged over the inputs, is F", checkFisherPoint},
		{"law", "for data from Sample E[s] = 0 and Var[s] = −E[H] = n F", checkLaw},
		{"average", "under the model itself KL is 0 at the truth and how far LogLik falls elsewhere; Score and Hess are its derivatives", checkAverage},
	}
}

// Run checks m against the contract at points, parameters inside the domain
// and off all strata but those of codimension 0, which are everywhere. Run
// projects the points onto the strata by itself.
func Run(t T, m models.Model, points [][]float64, opts Options) {
	t.Helper()
	if opts.N == 0 {
		opts.N = 60
	}
	if opts.Draws == 0 {
		opts.Draws = 200_000
	}
	if opts.LawTol == 0 {
		opts.LawTol = 1e-6
	}
	known := map[string]bool{}
	for _, r := range rules() {
		known[r.name] = true
		if reason := opts.Skip[r.name]; reason != "" {
			t.Logf("%v: rule %s skipped: %s", m, r.name, reason)
			continue
		}
		c := &checker{t: t, m: m, d: models.Dim(m), points: points, opts: opts, rule: r, rng: newRand(opts.Seed, 1)}
		c.run()
		if r.name == "params" && c.failures > 0 {
			return // nothing that follows would make sense
		}
	}
	for name := range opts.Skip {
		if !known[name] {
			t.Errorf("modeltest: Options.Skip names %q, which is no rule", name)
		}
	}
}

func newRand(a, b uint64) *rand.Rand { return rand.New(rand.NewPCG(a, b)) }

// checker is one rule at work on one model.
type checker struct {
	t        T
	m        models.Model
	d        int
	points   [][]float64
	opts     Options
	rule     rule
	rng      *rand.Rand
	failures int
}

// run turns a panic into a failure of the rule, so that one broken method does
// not hide the rest.
func (c *checker) run() {
	c.t.Helper()
	defer func() {
		if r := recover(); r != nil {
			c.fail("panic: %v", r)
		}
	}()
	c.rule.check(c)
}

// fail reports a violation, the first few of each rule.
func (c *checker) fail(format string, args ...any) {
	c.t.Helper()
	const most = 4
	c.failures++
	if c.failures <= most {
		c.t.Errorf("%v: rule %s: %s\n\tthe rule: %s", c.m, c.rule.name, fmt.Sprintf(format, args...), c.rule.says)
	}
}

// Capabilities returns the names of the optional interfaces of package models
// that m and l implement, in the order of their declaration.
func Capabilities(m models.Model, l models.Likelihood) []string {
	var names []string
	add := func(name string, ok bool) {
		if ok {
			names = append(names, name)
		}
	}
	add("Scorer", is[models.Scorer](l))
	add("TermScorer", is[models.TermScorer](l))
	add("Hesser", is[models.Hesser](l))
	add("FreeScorer", is[models.FreeScorer](l))
	add("Curver", is[models.Curver](l))
	add("EMStepper", is[models.EMStepper](l))
	add("Batcher", is[models.Batcher](l))
	add("Starter", is[models.Starter](l))
	add("BatchLogLiker", is[models.BatchLogLiker](l))
	add("Reweighter", is[models.Reweighter](l))
	add("Maximizer", is[models.Maximizer](l))
	add("FloorReporter", is[models.FloorReporter](l))
	add("Inputter", is[models.Inputter](m))
	add("Informer", is[models.Informer](m))
	add("Factorer", is[models.Factorer](m))
	add("PointInformer", is[models.PointInformer](m))
	add("Canonicalizer", is[models.Canonicalizer](m))
	add("Stratified", is[models.Stratified](m))
	add("KnownRLCT", is[models.KnownRLCT](m))
	add("KnownLocalRLCT", is[models.KnownLocalRLCT](m))
	add("Unconstrainer", is[models.Unconstrainer](m))
	add("Nester", is[models.Nester](m))
	add("Preceder", is[models.Preceder](m))
	add("Domainer", is[models.Domainer](m))
	add("Noder", is[models.Noder](m))
	add("Averager", is[models.Averager](m))
	return names
}

func is[C any](x any) bool { _, ok := x.(C); return ok }
