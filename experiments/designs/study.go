package designs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/design"
	"github.com/neuromanifold/neuromanifold/design/pkpd"
	"github.com/neuromanifold/neuromanifold/experiments"
	"github.com/neuromanifold/neuromanifold/models"
)

// A Study is a spec that was read and checked.
type Study struct {
	Title, Source string
	Structure     pkpd.Structure
	TimeUnit      string
	Population    design.Population
	Approximation design.Approximation
	Groups        []Group // the design as it is, in the order of the file
	Choice        *Choice // what to optimise over; nil without [optimize]
	// Exact makes Evaluate simulate the information of the likelihood itself.
	Exact bool
	// Rng feeds moments-mc and Exact; nil means a fixed seed.
	Rng *rand.Rand

	doc       *experiments.Document
	structure string
	units     []string
	observed  []int // responses
	doseNames []string
	regimen   pkpd.Regimen
}

// A Group is a number of subjects who are sampled alike: all observed responses
// at all times.
type Group struct {
	Name     string
	Subjects int
	Times    []float64
	regimen  pkpd.Regimen
}

// A Choice is the set of sampling sequences to choose from, and by what.
type Choice struct {
	Times                   []float64
	From, To                int // samples of a subject
	Rules                   design.Rules
	CostSubject, CostSample float64 // a sequence of k samples costs subject + k·sample; both 0: 1
	Subjects                int
	Criterion               string // D, Ds, A, c or E
	Interest                []string
	regimen                 pkpd.Regimen
}

func (c *Choice) sequences() ([][]float64, error) {
	return design.Subsets(c.Times, c.From, c.To, c.Rules)
}

func (c *Choice) cost(k int) float64 {
	if c.CostSubject == 0 && c.CostSample == 0 {
		return 1
	}
	return c.CostSubject + float64(k)*c.CostSample
}

// Criteria lists the names that [optimize] takes.
func Criteria() []string { return []string{"D", "Ds", "A", "c", "E"} }

// criterion returns the criterion of [optimize]. A, c and E are for relative
// changes of the parameters, so that units do not matter: A is the sum of squared
// relative standard errors.
func (st *Study) criterion() (design.Criterion, error) {
	ps, err := st.Population.Params()
	if err != nil {
		return nil, err
	}
	units, err := st.Population.Units()
	if err != nil {
		return nil, err
	}
	var names []string
	for i, p := range ps {
		names = append(names, p.Name)
		if units[i] == 0 {
			units[i] = 1
		}
	}
	c := st.Choice
	var at []int
	for _, n := range c.Interest {
		i := slices.Index(names, n)
		if i < 0 {
			return nil, &models.UnknownNameError{What: "parameter", Name: n, Known: names}
		}
		at = append(at, i)
	}
	switch c.Criterion {
	case "", "D":
		return design.D{}, nil
	case "Ds":
		if at == nil {
			return nil, errors.New("criterion Ds needs interest = [parameters]")
		}
		return design.Ds{Interest: at}, nil
	case "A":
		return design.Relative{Criterion: design.A(len(ps)), Unit: units}, nil
	case "c":
		if len(at) != 1 {
			return nil, errors.New("criterion c needs interest = [one parameter]")
		}
		v := make([]float64, len(ps))
		v[at[0]] = 1
		return design.Relative{Criterion: design.C(v), Unit: units}, nil
	case "E":
		return design.Relative{Criterion: design.E{}, Unit: units}, nil
	}
	return nil, &models.UnknownNameError{What: "criterion", Name: c.Criterion, Known: Criteria()}
}

// Samples returns the measurements of a subject sampled at these times.
func (st *Study) Samples(times []float64) []pkpd.Sample {
	var at []pkpd.Sample
	for _, r := range st.observed {
		for _, t := range times {
			at = append(at, pkpd.Sample{Response: r, Time: t})
		}
	}
	return at
}

// Informer returns an Informer for a regimen, and what makes Samples of it.
func (st *Study) informer(reg pkpd.Regimen) (*design.Informer, error) {
	curve, err := st.curve(reg)
	if err != nil {
		return nil, err
	}
	return st.wrap(curve)
}

func (st *Study) curve(reg pkpd.Regimen) (pkpd.Curve, error) {
	return st.Structure.Bind(reg)
}

func (st *Study) wrap(curve pkpd.Curve) (*design.Informer, error) {
	p := st.Population
	// Responses that are not observed need no error model, but keep their place.
	full := make([]design.Residual, len(st.Structure.Responses()))
	for i := range full {
		full[i] = design.Residual{Additive: 1, AdditiveKnown: true}
	}
	for i, r := range st.observed {
		full[r] = p.Residuals[i]
	}
	p.Residuals = full
	f, err := design.NewInformer(&p, curve, st.Approximation)
	if err != nil {
		return nil, err
	}
	if st.Approximation == design.MomentsMC {
		f.SetDraws(10_000, st.rng())
	}
	return f, nil
}

func (st *Study) rng() *rand.Rand {
	if st.Rng == nil {
		st.Rng = rand.New(rand.NewPCG(experiments.DefaultSeed, 0))
	}
	return st.Rng
}

// Method names the way to the information.
func (st *Study) Method() string {
	if st.Exact {
		return "exact"
	}
	return st.Approximation.String()
}

// SetMethod overrides the approximation of the spec; "exact" is for Evaluate
// alone. Its error is a *models.UnknownNameError.
func (st *Study) SetMethod(name string) error {
	if name == "exact" {
		st.Exact = true
		return nil
	}
	a, err := design.ParseApproximation(name)
	if err != nil {
		u := (*models.UnknownNameError)(nil)
		if errors.As(err, &u) {
			u.Known = append(slices.Clone(u.Known), "exact")
		}
		return err
	}
	st.Approximation, st.Exact = a, false
	return nil
}

// A Support is one sampling sequence of a design.
type Support struct {
	Group    string // of the spec; empty for an optimised one
	X        []float64
	Weight   float64
	Subjects int // 0 where the study has fewer subjects than sequences
}

// A Result is a design, what it can tell, and how good it is.
type Result struct {
	Criterion string
	Params    []models.Param
	Theta     []float64
	Support   []Support
	Subjects  int
	M         *mat.SymDense // of the study
	Report    *design.Report
	// The certificate; nil Design where there is none: an evaluated design of
	// other sequences than [optimize] chooses from, or a singular problem.
	Design     *design.Design
	Candidates [][]float64
	Infos      []*mat.SymDense // of the candidates, per subject
	// Reference is the efficiency of the groups of the spec relative to the
	// optimum, per unit of cost; NaN where they are singular or absent.
	Reference float64
	// Added are the fewest sequences of [optimize] found that make all parameters
	// estimable when one subject on each is added to a singular evaluated design;
	// nil where none do.
	Added [][]float64
	Notes []string
}

// Evaluate returns the design of the groups of the spec.
func (st *Study) Evaluate(ctx context.Context) (*Result, error) {
	if len(st.Groups) == 0 {
		return nil, st.doc.Errorf("", "the spec has no [group.NAME] to evaluate")
	}
	r, err := st.result()
	if err != nil {
		return nil, err
	}
	r.Criterion = "D"
	for _, g := range st.Groups {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		f, err := st.informer(g.regimen)
		if err != nil {
			return nil, st.doc.Errorf("group."+g.Name, "%s", err)
		}
		m := mat.NewSymDense(f.Dim(), nil)
		if st.Exact {
			e, xerr := f.Exact(ctx, st.Samples(g.Times), design.ExactOptions{}, st.rng())
			if errors.Is(xerr, context.Canceled) {
				return nil, xerr
			}
			if err = xerr; err == nil {
				m = e.M
			}
		} else {
			err = f.Into(m, st.Samples(g.Times))
		}
		if err != nil {
			return nil, st.doc.Errorf("group."+g.Name+".times", "%s", strings.TrimPrefix(err.Error(), "design: "))
		}
		accumulate(r.M, float64(g.Subjects), m)
		r.Subjects += g.Subjects
		r.Support = append(r.Support, Support{Group: g.Name, X: g.Times, Subjects: g.Subjects})
	}
	for i := range r.Support {
		r.Support[i].Weight = float64(r.Support[i].Subjects) / float64(r.Subjects)
	}
	if err := st.certify(ctx, r); err != nil {
		return nil, err
	}
	if err := st.finish(r); err != nil {
		return nil, err
	}
	return r, st.augment(ctx, r)
}

// augment looks for what to add to a singular design.
func (st *Study) augment(ctx context.Context, r *Result) error {
	if r.Report.Rank == len(r.Params) || st.Choice == nil {
		return nil
	}
	seqs, err := st.Choice.sequences()
	if err != nil || len(seqs) > 2000 {
		return err
	}
	infos, err := st.infos(ctx, seqs)
	if err != nil {
		return err
	}
	added, rank, err := design.Augment(r.M, infos, 1)
	if err != nil {
		return err
	}
	if added == nil {
		r.Notes = append(r.Notes, fmt.Sprintf("no design over the sequences of [optimize] restores the rank: together they reach %d of %d", rank, len(r.Params)))
	}
	for _, j := range added {
		r.Added = append(r.Added, seqs[j])
	}
	return nil
}

func (st *Study) result() (*Result, error) {
	ps, err := st.Population.Params()
	if err != nil {
		return nil, err
	}
	theta, err := st.Population.Theta()
	if err != nil {
		return nil, err
	}
	return &Result{Params: ps, Theta: theta, M: mat.NewSymDense(len(ps), nil), Reference: math.NaN()}, nil
}

func accumulate(dst *mat.SymDense, c float64, m *mat.SymDense) {
	t := mat.NewSymDense(m.SymmetricDim(), nil)
	t.ScaleSym(c, m)
	dst.AddSym(dst, t)
}

func (st *Study) finish(r *Result) error {
	units, err := st.Population.Units()
	if err != nil {
		return err
	}
	rep, err := design.Identify(r.M, r.Params, r.Theta, units)
	if err != nil {
		return err
	}
	r.Report = rep
	st.note(r)
	return nil
}

// Optimize returns the best design over the sequences of [optimize]. Where no
// design makes all parameters estimable the result is the uniform one without a
// certificate, and its report says what is not estimable.
func (st *Study) Optimize(ctx context.Context, o design.Options) (*Result, error) {
	c := st.Choice
	if c == nil {
		return nil, st.doc.Errorf("", "the spec has no table [optimize]; --evaluate evaluates its groups")
	}
	if st.Exact {
		return nil, errors.New("designs: the exact information is simulated: it is for the evaluation of a design, not for its optimisation")
	}
	crit, err := st.criterion()
	if err != nil {
		return nil, err
	}
	r, err := st.result()
	if err != nil {
		return nil, err
	}
	r.Criterion, r.Subjects = crit.Name(), c.Subjects
	if r.Candidates, err = c.sequences(); err != nil {
		return nil, err
	}
	if r.Infos, err = st.infos(ctx, r.Candidates); err != nil {
		return nil, err
	}
	p := &design.Problem{Info: r.Infos}
	for _, ps := range r.Params {
		p.Names = append(p.Names, ps.Name)
	}
	if c.CostSubject != 0 || c.CostSample != 0 {
		for _, s := range r.Candidates {
			p.Cost = append(p.Cost, c.cost(len(s)))
		}
	}
	o.Criterion = crit
	d, err := p.Optimize(ctx, o)
	if errors.Is(err, design.ErrSingular) {
		for _, m := range r.Infos {
			accumulate(r.M, float64(c.Subjects)/float64(len(r.Infos)), m)
		}
		r.Notes = append(r.Notes, "no design over these sequences makes all parameters estimable; the report is for the uniform one")
		return r, st.finish(r)
	}
	if err != nil {
		return nil, err
	}
	r.Design = d
	st.support(r, p)
	for _, s := range r.Support {
		j := slices.IndexFunc(r.Candidates, func(x []float64) bool { return slices.Equal(x, s.X) })
		accumulate(r.M, s.Weight*float64(c.Subjects), r.Infos[j])
	}
	st.reference(r, crit)
	return r, st.finish(r)
}

// infos is the information of one subject on every sequence. The linearised forms
// need the curve at one γ only: it is evaluated once at all times.
func (st *Study) infos(ctx context.Context, seqs [][]float64) ([]*mat.SymDense, error) {
	inner, err := st.curve(st.Choice.regimen)
	if err != nil {
		return nil, st.doc.Errorf("optimize", "%s", err)
	}
	f, err := st.wrap(design.Cache(inner, st.Samples(st.Choice.Times)))
	if err != nil {
		return nil, st.doc.Errorf("model.approximation", "%s", strings.TrimPrefix(err.Error(), "design: "))
	}
	out := make([]*mat.SymDense, len(seqs))
	for j, s := range seqs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		out[j] = mat.NewSymDense(f.Dim(), nil)
		if err := f.Into(out[j], st.Samples(s)); err != nil {
			return nil, st.doc.Errorf("optimize.times", "%s", err)
		}
	}
	return out, nil
}
