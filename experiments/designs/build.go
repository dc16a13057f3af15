package designs

import (
	"errors"
	"math"
	"slices"
	"strings"

	"github.com/neuromanifold/neuromanifold/design"
	"github.com/neuromanifold/neuromanifold/design/pkpd"
	"github.com/neuromanifold/neuromanifold/experiments"
	"github.com/neuromanifold/neuromanifold/models"
)

type builder struct {
	doc *experiments.Document
	s   spec
}

func (b *builder) choice(key, value string, names ...string) (int, error) {
	if value == "" {
		return 0, nil
	}
	if i := slices.Index(names, value); i >= 0 {
		return i, nil
	}
	return 0, b.doc.Wrap(key, &models.UnknownNameError{What: "value of " + key, Name: value, Known: names})
}

func (b *builder) model(st *Study) error {
	m := b.s.Model
	switch {
	case m.Custom != nil && m.Structure != "" && m.Structure != "custom":
		return b.doc.Errorf("model.structure", "model.structure is %q, and there is a table [model.custom] besides: want one of them", m.Structure)
	case m.Custom != nil:
		s, err := m.Custom.Compile()
		if err != nil {
			return b.doc.Errorf("model.custom", "%s", err)
		}
		st.Structure = s
	case m.Structure == "":
		return b.doc.Errorf("model", "model.structure is missing: want the name of a structural model, or a table [model.custom]")
	default:
		var names []string
		for _, e := range pkpd.Library() {
			names = append(names, e.Name)
		}
		if !slices.Contains(names, m.Structure) {
			return b.doc.Wrap("model.structure", &models.UnknownNameError{What: "structural model", Name: m.Structure, Known: names})
		}
		s, err := pkpd.Lookup(m.Structure)
		if err != nil {
			return b.doc.Wrap("model.structure", err)
		}
		st.Structure = s
	}
	st.structure = m.Structure
	st.TimeUnit = pkpd.TimeUnit(st.Structure)
	if m.Approximation != "" {
		a, err := design.ParseApproximation(m.Approximation)
		if err != nil {
			return b.doc.Wrap("model.approximation", err)
		}
		st.Approximation = a
	}
	for _, c := range []struct {
		key, value, off, on string
		to                  *bool
	}{
		{"model.fixed", m.Fixed, "natural", "log", &st.Population.Scale.LogFixed},
		{"model.omega", m.Omega, "variance", "sd", &st.Population.Scale.OmegaSD},
		{"model.residual", m.Error, "variance", "sd", &st.Population.Scale.ResidualSD},
	} {
		i, err := b.choice(c.key, c.value, c.off, c.on)
		if err != nil {
			return err
		}
		*c.to = i == 1
	}
	return nil
}

func (b *builder) parameters(st *Study) error {
	var known []string
	for _, p := range st.Structure.Params() {
		known = append(known, p.Name)
	}
	for _, n := range b.doc.Names("parameter") {
		if !slices.Contains(known, n) {
			return b.doc.Wrap("parameter."+n, &models.UnknownNameError{What: "parameter of the model", Name: n, Known: known})
		}
	}
	for _, p := range st.Structure.Params() {
		key := "parameter." + p.Name
		s, ok := b.s.Parameter[p.Name]
		if !ok {
			return b.doc.Errorf("parameter", "the parameter %s of the model is missing: want a table [%s] with value and unit", p.Name, key)
		}
		unit := p.Unit
		if unit == "" {
			unit = "1"
		}
		switch {
		case s.Unit == nil:
			return b.doc.Errorf(key, "%s: the unit is missing: want unit = %q", key, unit)
		case *s.Unit != unit:
			return b.doc.Errorf(key+".unit", "%s: unit %q, the model has it in %q: convert the value", key, *s.Unit, unit)
		case s.Value == nil:
			return b.doc.Errorf(key, "%s: the value is missing", key)
		case !(*s.Value >= p.Lo && *s.Value <= p.Hi) || math.IsInf(*s.Value, 0):
			return b.doc.Errorf(key+".value", "%s: value %v lies outside [%v, %v]", key, *s.Value, p.Lo, p.Hi)
		case !(s.Variance >= 0) || math.IsInf(s.Variance, 0):
			return b.doc.Errorf(key+".variance", "%s: variance %v, want a number of at least 0", key, s.Variance)
		}
		law, err := b.choice(key+".law", s.Law, "constant", "normal", "lognormal")
		if err != nil {
			return err
		}
		if design.Law(law) == design.Constant && b.doc.Has(key+".variance") {
			return b.doc.Errorf(key+".variance", "%s: a variance needs a law: normal or lognormal", key)
		}
		if design.Law(law) == design.LogNormal && !(*s.Value > 0) {
			return b.doc.Errorf(key+".value", "%s: value %v, want a positive number for a lognormal law", key, *s.Value)
		}
		st.Population.Effects = append(st.Population.Effects, design.Effect{
			Name: p.Name, Value: *s.Value, Known: s.Known, Law: design.Law(law), Variance: s.Variance, VarianceKnown: s.VarianceKnown,
		})
		st.units = append(st.units, unit)
	}
	for _, n := range b.doc.Names("covariance") {
		c := b.s.Covariance[n]
		key := "covariance." + n
		if len(c.Between) != 2 || c.Between[0] == c.Between[1] {
			return b.doc.Errorf(key+".between", "%s: want between = two different parameters", key)
		}
		var at [2]int
		for i, name := range c.Between {
			at[i] = slices.Index(known, name)
			if at[i] < 0 {
				return b.doc.Wrap(key+".between", &models.UnknownNameError{What: "parameter of the model", Name: name, Known: known})
			}
			if st.Population.Effects[at[i]].Law == design.Constant {
				return b.doc.Errorf(key+".between", "%s: %s does not vary between individuals", key, name)
			}
		}
		st.Population.Covariances = append(st.Population.Covariances, design.Covariance{I: at[0], J: at[1], Value: c.Value, Known: c.Known})
	}
	return nil
}

func (b *builder) residuals(st *Study) error {
	rs := st.Structure.Responses()
	var known []string
	for _, r := range rs {
		known = append(known, r.Name)
	}
	for _, n := range b.doc.Names("residual") {
		if !slices.Contains(known, n) {
			return b.doc.Wrap("residual."+n, &models.UnknownNameError{What: "response of the model", Name: n, Known: known})
		}
	}
	for i, r := range rs {
		key := "residual." + r.Name
		s, ok := b.s.Residual[r.Name]
		if !ok {
			continue // not observed
		}
		if s.Additive != 0 && s.Unit == nil {
			return b.doc.Errorf(key, "%s: the unit of the additive error is missing: want unit = %q", key, unitOr1(r.Unit))
		}
		if s.Unit != nil && *s.Unit != unitOr1(r.Unit) {
			return b.doc.Errorf(key+".unit", "%s: unit %q, the model has the response in %q", key, *s.Unit, unitOr1(r.Unit))
		}
		for _, c := range []struct {
			key   string
			value float64
		}{{key + ".proportional", s.Proportional}, {key + ".additive", s.Additive}} {
			if !(c.value >= 0) || math.IsInf(c.value, 0) {
				return b.doc.Errorf(c.key, "%s: %v, want a standard deviation of at least 0", c.key, c.value)
			}
		}
		if s.Additive == 0 && s.Proportional == 0 {
			return b.doc.Errorf(key, "%s: no residual error: want additive or proportional above 0", key)
		}
		form, err := b.choice(key+".form", s.Form, "variances", "deviations")
		if err != nil {
			return err
		}
		name := ""
		if len(b.s.Residual) > 1 {
			name = r.Name
		}
		st.observed = append(st.observed, i)
		st.Population.Residuals = append(st.Population.Residuals, design.Residual{
			Name: name, Form: design.ErrorForm(form), Proportional: s.Proportional, Additive: s.Additive,
			ProportionalKnown: s.ProportionalKnown, AdditiveKnown: s.AdditiveKnown,
		})
	}
	if len(st.observed) == 0 {
		return b.doc.Errorf("residual", "no response is observed: want a table [residual.%s]", known[0])
	}
	if _, err := st.Population.Params(); err != nil {
		// Everything about single values was checked above: what is left is Ω.
		key := "covariance"
		if !b.doc.Has(key) {
			key = "parameter"
		}
		return b.doc.Errorf(key, "%s", strings.TrimPrefix(err.Error(), "design: "))
	}
	return nil
}

func unitOr1(unit string) string {
	if unit == "" {
		return "1"
	}
	return unit
}

func (b *builder) doses(st *Study) error {
	for _, n := range b.doc.Names("dose") {
		d := b.s.Dose[n]
		key := "dose." + n
		if d.Unit == nil || *d.Unit == "" {
			return b.doc.Errorf(key, "%s: the unit of the amount is missing, as unit = %q", key, "mg")
		}
		dose := pkpd.Dose{Compartment: d.Compartment, Time: d.Time, Amount: d.Amount, Duration: d.Duration, Every: d.Every, Count: d.Count, SteadyState: d.SteadyState}
		places := st.Structure.Compartments()
		if d.Compartment != "" && !slices.Contains(places, d.Compartment) {
			return b.doc.Wrap(key+".compartment", &models.UnknownNameError{What: "compartment", Name: d.Compartment, Known: places})
		}
		if err := (pkpd.Regimen{dose}).Check(places); err != nil {
			at := key
			for _, field := range []string{"amount", "duration", "time"} {
				if strings.Contains(err.Error(), " "+field+" ") {
					at = key + "." + field
				}
			}
			return b.doc.Errorf(at, "%s: %s", key, strings.TrimPrefix(err.Error(), "pkpd: dose 1: "))
		}
		st.doseNames = append(st.doseNames, n)
		st.regimen = append(st.regimen, dose)
	}
	return nil
}

// pick returns the regimen of the named doses; none means all.
func (b *builder) pick(st *Study, key string, names []string) (pkpd.Regimen, error) {
	if len(names) == 0 {
		return st.regimen, nil
	}
	var reg pkpd.Regimen
	for _, n := range names {
		i := slices.Index(st.doseNames, n)
		if i < 0 {
			return nil, b.doc.Wrap(key, &models.UnknownNameError{What: "dose", Name: n, Known: st.doseNames})
		}
		reg = append(reg, st.regimen[i])
	}
	return reg, nil
}

func (b *builder) times(key string, ts []float64) error {
	for _, t := range ts {
		if !(t >= 0) || math.IsInf(t, 1) {
			return b.doc.Errorf(key, "%s: time %v, want a finite time of at least 0", key, t)
		}
	}
	return nil
}

func (b *builder) groups(st *Study) error {
	for _, n := range b.doc.Names("group") {
		g := b.s.Group[n]
		key := "group." + n
		if g.Subjects < 1 {
			return b.doc.Errorf(key+".subjects", "%s: subjects = %d, want at least 1", key, g.Subjects)
		}
		if len(g.Times) == 0 {
			return b.doc.Errorf(key, "%s: no sampling times", key)
		}
		if err := b.times(key+".times", g.Times); err != nil {
			return err
		}
		reg, err := b.pick(st, key+".doses", g.Doses)
		if err != nil {
			return err
		}
		st.Groups = append(st.Groups, Group{Name: n, Subjects: g.Subjects, Times: g.Times, regimen: reg})
	}
	return nil
}

func (b *builder) optimize(st *Study) error {
	o := b.s.Optimize
	if !b.doc.Has("optimize") {
		if len(st.Groups) == 0 {
			return b.doc.Errorf("", "the spec has neither a [group.NAME] to evaluate nor an [optimize]")
		}
		return nil
	}
	c := &Choice{Times: o.Times, CostSubject: o.CostSubject, CostSample: o.CostSample, Subjects: o.Subjects, Criterion: o.Criterion, Interest: o.Interest}
	if err := b.times("optimize.times", o.Times); err != nil {
		return err
	}
	switch len(o.Samples) {
	case 1:
		c.From, c.To = o.Samples[0], o.Samples[0]
	case 2:
		c.From, c.To = o.Samples[0], o.Samples[1]
	default:
		return b.doc.Errorf("optimize.samples", "optimize.samples: want [number] or [from, to] of samples of a subject")
	}
	if o.CostSubject < 0 || o.CostSample < 0 || math.IsInf(o.CostSample+o.CostSubject, 0) || math.IsNaN(o.CostSample+o.CostSubject) {
		return b.doc.Errorf("optimize.cost_sample", "optimize: costs want finite numbers of at least 0")
	}
	c.Rules.MinGap = o.MinGap
	for _, w := range o.Windows {
		if len(w) != 2 || !(w[0] >= 0 && w[1] >= w[0]) {
			return b.doc.Errorf("optimize.windows", "optimize.windows: want pairs [from, to] with 0 ≤ from ≤ to, one for each sample")
		}
		c.Rules.Windows = append(c.Rules.Windows, design.Window{Lo: w[0], Hi: w[1]})
	}
	if c.Subjects == 0 {
		for _, g := range st.Groups {
			c.Subjects += g.Subjects
		}
	}
	if c.Subjects < 1 {
		return b.doc.Errorf("optimize", "optimize.subjects: want the number of subjects, at least 1")
	}
	var err error
	if c.regimen, err = b.pick(st, "optimize.doses", o.Doses); err != nil {
		return err
	}
	st.Choice = c
	if _, err := st.criterion(); err != nil {
		key := "optimize.criterion"
		if strings.Contains(err.Error(), "parameter") {
			key = "optimize.interest"
		}
		return b.doc.Wrap(key, err)
	}
	if _, err := c.sequences(); err != nil {
		key := "optimize.samples"
		if strings.Contains(err.Error(), "window") || strings.Contains(err.Error(), "gap") {
			key = "optimize.windows"
		}
		return b.doc.Errorf(key, "%s", strings.TrimPrefix(err.Error(), "design: "))
	}
	return nil
}

// SetSamples overrides the numbers of samples of [optimize].
func (st *Study) SetSamples(from, to int) error {
	if st.Choice == nil {
		return errors.New("the spec has no table [optimize]")
	}
	st.Choice.From, st.Choice.To = from, to
	_, err := st.Choice.sequences()
	return err
}

// SetCriterion overrides the criterion of [optimize], with the names of the
// parameters of interest for Ds and c.
func (st *Study) SetCriterion(name string, interest []string) error {
	if st.Choice == nil {
		return errors.New("the spec has no table [optimize]")
	}
	st.Choice.Criterion, st.Choice.Interest = name, interest
	_, err := st.criterion()
	return err
}
