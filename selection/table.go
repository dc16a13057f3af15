package selection

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/models"
)

// Options sets what Compare does. Its zero value works.
type Options struct {
	Criteria  []Criterion // nil means all
	Starts    int         // random starts of every fit; 0 means the default of estimation
	Particles int         // of sequential Monte Carlo; 0 means 1200
	// Prior returns the prior of a candidate; nil means estimation.WeakPrior. It
	// also decides the learning coefficients.
	Prior func(m models.Model, z *models.Data) (estimation.Prior, error)
	// Streams returns a fresh generator and runner for a purpose: "fit",
	// "posterior" or "prefix", with the name of a candidate after a slash for the
	// second. Nil means fixed seeds and one task after the other.
	Streams func(purpose string) (*rand.Rand, models.Each)
	// Progress is called before every step of the work.
	Progress func(what string)
}

// A Table holds the scores of all candidates by all criteria.
type Table struct {
	N        int
	Criteria []Criterion
	Rows     []Row
	Choice   []int // the row that each criterion prefers, -1 for none
	// Orders are the posterior probabilities of the candidates, each as likely
	// as the others before, by each criterion that estimates log p(data).
	Orders []OrderPosterior
}

// A Row is a candidate with its scores, in the order of Table.Criteria.
type Row struct {
	*Material
	Scores   []Score
	Exhibits []Exhibit
	Flags    []string // what makes the fit suspicious
}

// ErrCandidates is wrapped by the errors for candidates that cannot be compared.
var ErrCandidates = errors.New("the models cannot be compared")

// Compare fits the candidates to z and scores them. Smaller models are fitted first
// and give starts to the larger ones that contain them, so that the log-likelihood
// never falls from a model to one that contains it. What no criterion needs is not
// computed. The error is for requests that cannot be carried out; a criterion that
// does not apply to a candidate is a Score with a Reason.
func Compare(ctx context.Context, candidates []Candidate, z *models.Data, opt Options) (*Table, error) {
	if len(candidates) == 0 {
		return nil, fmt.Errorf("%w: there are none", ErrCandidates)
	}
	if opt.Criteria == nil {
		opt.Criteria = Criteria()
	}
	if opt.Particles == 0 {
		opt.Particles = 1200
	}
	if opt.Streams == nil {
		opt.Streams = func(purpose string) (*rand.Rand, models.Each) {
			var h uint64 = 14695981039346656037 // FNV-1a of the purpose
			for _, c := range []byte(purpose) {
				h = (h ^ uint64(c)) * 1099511628211
			}
			return rand.New(rand.NewPCG(5, h)), models.Serial(rand.New(rand.NewPCG(6, h)))
		}
	}
	if opt.Progress == nil {
		opt.Progress = func(string) {}
	}
	c := &comparison{opt: opt, z: z}
	for _, k := range opt.Criteria {
		// What is refused needs nothing.
		if k.Needs&NeedRows == 0 || !candidates[0].Model.Shape().Series {
			c.needs |= k.Needs
		}
	}
	if err := c.bind(candidates); err != nil {
		return nil, err
	}
	if err := c.fit(ctx); err != nil {
		return nil, err
	}
	if err := c.prefixes(ctx); err != nil {
		return nil, err
	}
	if err := c.posteriors(ctx); err != nil {
		return nil, err
	}
	return c.table(), nil
}

type comparison struct {
	opt   Options
	z     *models.Data
	needs Needs
	all   []*Material
}

// bind checks that the candidates describe the same rows.
func (c *comparison) bind(candidates []Candidate) error {
	for _, k := range candidates {
		if k.Name == "" {
			k.Name = fmt.Sprint(k.Model)
		}
		if k.Label == "" {
			k.Label = k.Name
		}
		l, err := k.Model.Bind(c.z)
		if err != nil {
			return err
		}
		if len(c.all) > 0 {
			first := c.all[0]
			switch {
			case l.N() != first.Likelihood.N():
				return fmt.Errorf("%w: %s uses %d rows and %s %d", ErrCandidates, first.Name, first.Likelihood.N(), k.Name, l.N())
			case k.Model.Shape() != first.Model.Shape():
				return fmt.Errorf("%w: %s and %s describe different columns", ErrCandidates, first.Name, k.Name)
			}
		}
		m := &Material{Candidate: k, Data: c.z, Likelihood: l}
		if c.opt.Prior != nil && models.Dim(k.Model) > 0 {
			if m.Prior, err = c.opt.Prior(k.Model, c.z); err != nil {
				return fmt.Errorf("%s: %w", k.Name, err)
			}
		}
		c.all = append(c.all, m)
	}
	return nil
}

// byDim returns the candidates by rising dimension.
func (c *comparison) byDim() []int {
	order := make([]int, len(c.all))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return models.Dim(c.all[a].Model) - models.Dim(c.all[b].Model) })
	return order
}

// fit fits the candidates by rising dimension.
func (c *comparison) fit(ctx context.Context) error {
	order := c.byDim()
	general := make([][]float64, len(c.all))
	for at, i := range order {
		m := c.all[i]
		c.opt.Progress("fitting " + m.Name)
		nest, _ := m.Model.(models.Nester)
		dst := make([]float64, models.Dim(m.Model))
		for _, j := range order[:at] {
			sub := c.all[j]
			if nest != nil && nest.Embed(dst, sub.Model, general[j]) {
				m.Within = append(m.Within, Nested{Index: j, Coefficient: m.coefficientAt(dst)})
			}
		}
		report, err := c.fitOne(ctx, m)
		if err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		m.Fit = report
		general[i] = c.generalPoint(m)
		m.Within = append(m.Within, Nested{Index: i, Coefficient: m.coefficientAt(general[i])})
	}
	return nil
}

// generalPoint returns a point of m in general position: a draw of its weak prior,
// with probability one. The fit is none where it lies on a stratum, as that of a
// mixture does whenever a component more does not help.
func (c *comparison) generalPoint(m *Material) []float64 {
	prior, err := estimation.WeakPrior(m.Model, c.z)
	if err != nil {
		return m.Fit.Theta
	}
	theta := make([]float64, models.Dim(m.Model))
	prior.Sample(theta, rand.New(rand.NewPCG(7, 8)))
	return theta
}

func (c *comparison) fitOne(ctx context.Context, m *Material) (*estimation.Report, error) {
	if models.Dim(m.Model) == 0 {
		return estimation.Describe(m.Likelihood, estimation.Fit{LogLik: m.Likelihood.LogLik(nil)}), nil
	}
	rng, each := c.opt.Streams("fit")
	opt := estimation.Options{Starts: c.opt.Starts, Rand: rng, Each: each}
	for _, w := range m.Within {
		// A submodel of a submodel has nothing to add.
		covered := slices.ContainsFunc(m.Within, func(o Nested) bool {
			_, has := c.all[o.Index].coefficient(w.Index)
			return o.Index != w.Index && has
		})
		if !covered && c.all[w.Index].Fit.Status != estimation.NoMaximum {
			opt.Parents = append(opt.Parents, estimation.Parent{Model: c.all[w.Index].Model, Theta: c.all[w.Index].Fit.Theta})
		}
	}
	return estimation.MLE(ctx, m.Model, c.z, opt)
}

// table scores and chooses.
func (c *comparison) table() *Table {
	t := &Table{N: c.all[0].Likelihood.N(), Criteria: c.opt.Criteria}
	for i, m := range c.all {
		row := Row{Material: m, Exhibits: exhibits(m), Flags: m.Fit.Flags}
		if m.Fit.Status != estimation.Converged {
			row.Flags = append(row.Flags[:len(row.Flags):len(row.Flags)], "the fit ended with status "+m.Fit.Status.String())
		}
		for _, k := range t.Criteria {
			row.Scores = append(row.Scores, c.score(k, i))
		}
		t.Rows = append(t.Rows, row)
	}
	for a, k := range t.Criteria {
		best := -1
		var scores []Score
		for i := range t.Rows {
			scores = append(scores, t.Rows[i].Scores[a])
			if v := scores[i].Value; !math.IsNaN(v) && (best < 0 || v < t.Rows[best].Scores[a].Value) {
				best = i
			}
		}
		t.Choice = append(t.Choice, best)
		if slices.Contains(posteriorCriteria, k.Name) && best >= 0 {
			t.Orders = append(t.Orders, orderPosterior(k.Name, scores))
		}
	}
	return t
}

func (c *comparison) score(k Criterion, i int) Score {
	m := c.all[i]
	if k.Needs&NeedRows != 0 && m.Model.Shape().Series {
		return refuse("needs exchangeable rows: a series is not a bag of observations")
	}
	switch m.Fit.Status {
	case estimation.Failed:
		return refuse("the fit failed")
	case estimation.NoMaximum:
		return refuse("there is no interior maximum")
	}
	s := k.Score(c.all, i)
	if s.OK() && math.IsInf(s.Value, 0) {
		return refuse("not finite")
	}
	return s
}

// Difference returns the score of row i less that of row j by a criterion with
// pointwise contributions, with the standard error over them; false where the
// criterion has none.
func (t *Table) Difference(criterion, i, j int) (value, se float64, ok bool) {
	a, b := t.Rows[i].Scores[criterion].Pointwise, t.Rows[j].Scores[criterion].Pointwise
	if a == nil || b == nil {
		return 0, 0, false
	}
	d := make([]float64, len(a))
	for k := range d {
		d[k] = a[k] - b[k]
		value += d[k]
	}
	_, v := meanVar(d)
	return value, math.Sqrt(float64(len(d)) * v), true
}

// Of returns the index of a criterion, -1 if it was not asked for.
func (t *Table) Of(name string) int {
	return slices.IndexFunc(t.Criteria, func(c Criterion) bool { return c.Name == name })
}
