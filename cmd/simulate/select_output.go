package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/neuromanifold/neuromanifold/experiments"
	"github.com/neuromanifold/neuromanifold/selection"
)

// fields is a JSON object whose fields keep their order.
type fields []field

type field struct {
	name  string
	value any
}

func (f *fields) add(name string, value any) { *f = append(*f, field{name, value}) }

// MarshalJSON implements json.Marshaler.
func (f fields) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, x := range f {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(x.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(x.value)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func selectJSON(t *selection.Table, keys []string, family, data string, seed uint64) fields {
	var out fields
	out.add("family", family)
	out.add("data", data)
	out.add("seed", seed)
	out.add("n", t.N)
	names := []string{}
	for _, k := range t.Criteria {
		names = append(names, k.Name)
	}
	out.add("criteria", names)
	rows := []fields{}
	for i := range t.Rows {
		rows = append(rows, selectedRow(t, i, keys))
	}
	out.add("rows", rows)
	var choice, posterior, posteriorSE, differences fields
	for i, k := range t.Criteria {
		if c := t.Choice[i]; c >= 0 {
			choice.add(k.Name, t.Rows[c].Name)
		} else {
			choice.add(k.Name, nil)
		}
		if d := selectDifferences(t, i); d != nil {
			differences.add(k.Name, d)
		}
	}
	for _, o := range t.Orders {
		var p, se fields
		for i, v := range o.P {
			p.add(t.Rows[i].Name, number(v))
			se.add(t.Rows[i].Name, number(o.SE[i]))
		}
		posterior.add(o.Criterion, p)
		posteriorSE.add(o.Criterion, se)
	}
	out.add("choice", choice)
	out.add("posterior", posterior)
	out.add("posterior_se", posteriorSE)
	out.add("differences", differences)
	out.add("verdict", t.Verdict())
	return out
}

// selectDifferences gives the distance of every model from the chosen one, with
// the standard error over rows.
func selectDifferences(t *selection.Table, criterion int) fields {
	best := t.Choice[criterion]
	if best < 0 {
		return nil
	}
	var out fields
	for i := range t.Rows {
		if d, se, ok := t.Difference(criterion, i, best); ok {
			out.add(t.Rows[i].Name, fields{{"value", number(d)}, {"se", number(se)}})
		}
	}
	return out
}

func selectedRow(t *selection.Table, i int, keys []string) fields {
	r := t.Rows[i]
	var out, order, se, bound, reason, warnings, details, near fields
	for k, v := range r.Order {
		order.add(keys[k], v)
	}
	out.add("model", r.Name)
	out.add("order", order)
	out.add("dim", r.Fit.Dim)
	out.add("loglik", number(r.Fit.LogLik))
	out.add("status", r.Fit.Status.String())
	for a, s := range r.Scores {
		name := t.Criteria[a].Name
		out.add(name, number(s.Value))
		if s.OK() {
			se.add(name, number(s.SE))
		}
		if b := s.Bound.String(); b != "" && s.OK() {
			bound.add(name, b)
		}
		if !s.OK() {
			reason.add(name, s.Reason)
		}
		if len(s.Details) > 0 {
			var d fields
			for _, x := range s.Details {
				d.add(x.Name, number(x.Value))
			}
			details.add(name, d)
		}
		if len(s.Warnings) > 0 {
			warnings.add(name, s.Warnings)
		}
	}
	out.add("se", se)
	out.add("bound", bound)
	out.add("reason", reason)
	out.add("warnings", warnings)
	out.add("details", details)
	lambda, mult, kind, truth := t.Coefficient(i)
	out.add("lambda", number(lambda))
	if mult > 0 {
		out.add("mult", mult)
	} else {
		out.add("mult", nil)
	}
	out.add("lambda_kind", kind)
	if truth >= 0 {
		out.add("lambda_truth", t.Rows[truth].Name)
	}
	for _, e := range r.Exhibits {
		near.add(e.Name, fields{{"value", number(e.Value)}, {"of", e.Doc}})
	}
	out.add("near", near)
	out.add("flags", notNil(r.Flags))
	out.add("theta", numbers(r.Fit.Theta))
	if r.Fit.Sound != nil {
		out.add("sound", soundMaximum{numbers(r.Fit.Sound.Theta), number(r.Fit.Sound.LogLik)})
	} else {
		out.add("sound", nil)
	}
	out.add("starts", r.Fit.Starts)
	if r.Posterior != nil && r.Posterior.Prior != nil {
		out.add("prior", r.Posterior.Prior.String())
	}
	return out
}

// printSelect prints the table for reading; prior is what --prior says.
func (a *app) printSelect(t *selection.Table, what, prior string) error {
	a.printf("%s: n = %d, seed %d; −2ℓ + penalty, smaller is better, * the least of a column\n", what, t.N, a.seed)
	for _, block := range [][]string{
		{"aic", "aicc", "tic", "bic", "hqic", "sbic", "icl"},
		{"mdl", "nml", "pmdl"},
		{"dic", "waic", "loo", "wbic", "fe"},
	} {
		if err := a.printScores(t, block); err != nil {
			return err
		}
	}
	if err := a.printOrders(t); err != nil {
		return err
	}
	if err := a.printNear(t); err != nil {
		return err
	}
	a.printf("\n")
	a.printRoutes(t, prior)
	for _, r := range t.Rows {
		for _, f := range r.Flags {
			a.printf("flag: %s: %s\n", r.Label, f)
		}
	}
	for i := range t.Criteria {
		a.printRemarks(t, i)
	}
	a.printf("%s\n", t.Verdict())
	return nil
}

// printScores prints those of the criteria that were asked for and that have a
// value somewhere, with errors in a column of their own.
func (a *app) printScores(t *selection.Table, names []string) error {
	header := []string{"model", "d", "log-likelihood"}
	var cols []int
	errs := map[int]bool{}
	for _, n := range names {
		i := t.Of(n)
		if i < 0 || t.Choice[i] < 0 {
			continue
		}
		cols = append(cols, i)
		header = append(header, n)
		for _, r := range t.Rows {
			errs[i] = errs[i] || r.Scores[i].OK() && r.Scores[i].SE > 0
		}
		if errs[i] {
			header = append(header, "±")
		}
	}
	if len(cols) == 0 {
		return nil
	}
	var rows [][]string
	for k, r := range t.Rows {
		row := []string{r.Label, strconv.Itoa(r.Fit.Dim), six(r.Fit.LogLik)}
		for _, i := range cols {
			s := r.Scores[i]
			text := six(s.Value)
			if s.Bound == selection.Upper && s.OK() {
				text = "≤ " + text
			}
			if t.Choice[i] == k {
				text = "* " + text
			}
			row = append(row, text)
			if errs[i] {
				row = append(row, experiments.FormatSE(s.SE))
			}
		}
		rows = append(rows, row)
	}
	a.printf("\n")
	return a.table(strings.Join(header, "|"), "model", rows)
}

func (a *app) printOrders(t *selection.Table) error {
	if len(t.Orders) == 0 {
		return nil
	}
	header := []string{"probability by"}
	errs := make([]bool, len(t.Orders))
	for i, o := range t.Orders {
		header = append(header, o.Criterion)
		if errs[i] = slices.ContainsFunc(o.SE, func(se float64) bool { return se > 0 }); errs[i] {
			header = append(header, "±")
		}
	}
	four := func(p float64) string {
		if math.IsNaN(p) {
			return "-"
		}
		return strconv.FormatFloat(p, 'f', 4, 64)
	}
	var rows [][]string
	for i, r := range t.Rows {
		row := []string{r.Label}
		for k, o := range t.Orders {
			row = append(row, four(o.P[i]))
			if errs[k] {
				row = append(row, four(o.SE[i]))
			}
		}
		rows = append(rows, row)
	}
	a.printf("\n")
	return a.table(strings.Join(header, "|"), "probability by", rows)
}

// printNear prints how near the fits are to the singular set, and the learning
// coefficients.
func (a *app) printNear(t *selection.Table) error {
	truth := t.Truth()
	if truth < 0 {
		return nil
	}
	var rows [][]string
	pair := "closest pair"
	for i, r := range t.Rows {
		row := []string{r.Label, "-", "-", "-", "-"}
		for _, e := range r.Exhibits {
			switch e.Name {
			case "min_eigenvalue":
				row[1] = experiments.Format(e.Value)
			case "nearest_stratum":
				row[2] = experiments.Format(e.Value) + " " + e.Doc
			case "closest_pair":
				row[3] = experiments.Format(e.Value)
			case "pole_zero":
				pair = "pole to zero"
				row[3] = experiments.Format(e.Value)
			}
		}
		lambda, mult, kind, of := t.Coefficient(i)
		switch {
		case math.IsNaN(lambda):
		case kind != "exact":
			row[4] = "≤ " + experiments.Format(lambda)
		default:
			row[4] = fmt.Sprintf("%s, %d", experiments.Format(lambda), mult)
		}
		if of >= 0 {
			row = append(row, t.Rows[of].Label)
		} else {
			row = append(row, "")
		}
		rows = append(rows, row)
	}
	a.printf("\n")
	return a.table("model|least eigenvalue|nearest stratum|"+pair+"|λ, m|at the truth", "model|nearest stratum|λ, m|at the truth", rows)
}

// printRoutes says how the numbers came about that are no function of the maxima, and
// what their errors are.
func (a *app) printRoutes(t *selection.Table, prior string) {
	if i := t.Of("pmdl"); i >= 0 && t.Choice[i] >= 0 {
		p := t.Rows[t.Choice[i]].Prequential
		a.printf("pmdl: codes rows %d to %d, given the first %d", p.First+1, t.N, p.First)
		if len(p.Codes) > 1 {
			a.printf(", in %d random orders of the rows: their mean, ± over them", len(p.Codes))
		}
		a.printf("\n")
	}
	var bayes, rows, runs []string
	for i, k := range t.Criteria {
		switch {
		case !k.Needs.Bayesian() || t.Choice[i] < 0:
			continue
		case k.Needs&selection.NeedRows != 0:
			rows = append(rows, k.Name)
		default:
			runs = append(runs, k.Name)
		}
		bayes = append(bayes, k.Name)
	}
	for i := len(t.Rows) - 1; i >= 0 && len(bayes) > 0; i-- { // the last model with a prior
		p := t.Rows[i].Posterior
		if p == nil || p.Prior == nil {
			continue
		}
		a.printf("%s: prior %s, as %v for %s; by %d runs of sequential Monte Carlo", strings.Join(bayes, ", "), prior, p.Prior, t.Rows[i].Label, p.Tempered.Replicates)
		if len(runs) > 0 {
			a.printf(", ± of %s by them", strings.Join(runs, ", "))
		}
		if len(rows) > 0 {
			a.printf(", ± of %s over the rows of the data", strings.Join(rows, ", "))
		}
		a.printf("\n")
		break
	}
}

// printRemarks prints the reasons and warnings of a criterion, each once with the
// models that it is about.
func (a *app) printRemarks(t *selection.Table, i int) {
	var texts []string
	of := map[string][]string{}
	note := func(text, label string) {
		if len(of[text]) == 0 {
			texts = append(texts, text)
		}
		of[text] = append(of[text], label)
	}
	for _, r := range t.Rows {
		s := r.Scores[i]
		if !s.OK() {
			note("none: "+s.Reason, r.Label)
		}
		for _, w := range s.Warnings {
			note("warning: "+w, r.Label)
		}
	}
	for _, text := range texts {
		where := strings.Join(of[text], "; ")
		if len(of[text]) == len(t.Rows) && len(t.Rows) > 1 {
			where = "all"
		}
		a.printf("%s, %s: %s\n", t.Criteria[i].Name, where, text)
	}
}
