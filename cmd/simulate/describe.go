package main

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/neuromanifold/neuromanifold/experiments"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/models/datasets"
)

func (a *app) describeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "describe NAME",
		Short: "Describe a model, an experiment or a data set in full",
		Long: `Describe a model family (definition, singular strata, known learning coefficients,
sources), one model of a family (its coordinates and strata as well), an experiment
(what it simulates, keys of its spec, columns of its rows, figures, sources) or a
bundled data set.`,
		Example: `  simulate describe mixture:k=2,sd=1
  simulate describe galaxies`,
		Args: exactly("a NAME"),
		ValidArgsFunction: func(c *cobra.Command, args []string, to string) ([]string, cobra.ShellCompDirective) {
			f, _ := familyNames(c, args, to)
			e, _ := experimentNames(c, args, to)
			return append(f, e...), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: a.do(func(_ *cobra.Command, args []string) error { return a.describe(args[0]) }),
	}
	a.withJSON(c)
	return c
}

func (a *app) describe(name string) error {
	family, _, _ := strings.Cut(name, ":")
	f, err := models.LookupFamily(family)
	if err == nil {
		m, err := models.Parse(name)
		if err != nil && name != family {
			return bad(err)
		}
		return a.describeModel(f, name, m)
	}
	if e, err := experiments.Lookup(name); err == nil {
		return a.describeExperiment(e)
	}
	if s, err := datasets.Lookup(name); err == nil {
		return a.describeData(s)
	}
	if strings.Contains(name, ":") {
		return bad(err)
	}
	return unknownName("model family, experiment or data set", name)
}

type describedParam struct {
	Name string `json:"name"`
	Lo   number `json:"lo"` // null: unbounded
	Hi   number `json:"hi"`
	Unit string `json:"unit,omitempty"`
	Doc  string `json:"doc"`
}

type describedStratum struct {
	Name  string `json:"name"`
	Codim int    `json:"codim"`
	Doc   string `json:"doc"`
}

// A describedGroup is the finite symmetry group of a model.
type describedGroup struct {
	Order number `json:"order"` // null: beyond floating point
	Doc   string `json:"doc"`
}

// describeModel describes a family and, unless m is nil, one member of it.
func (a *app) describeModel(f models.Family, name string, m models.Model) error {
	var params []describedParam
	var strata []describedStratum
	var group *describedGroup
	if m != nil {
		if s, ok := m.(models.Symmetric); ok {
			order, doc := s.Symmetries()
			group = &describedGroup{number(order), doc}
		}
		for _, p := range m.Params() {
			params = append(params, describedParam{p.Name, number(p.Lo), number(p.Hi), p.Unit, p.Doc})
		}
		if s, ok := m.(models.Stratified); ok {
			for _, x := range s.Strata() {
				strata = append(strata, describedStratum{x.Name, x.Codim, x.Doc})
			}
		}
	}
	if a.json {
		keys := []listedKey{}
		for _, k := range f.Keys {
			keys = append(keys, listedKey(k))
		}
		return a.printJSON(struct {
			Name   string             `json:"name"`
			Doc    string             `json:"doc"`
			Keys   []listedKey        `json:"keys"`
			Coords string             `json:"coords"`
			About  string             `json:"about"`
			Refs   []string           `json:"refs"`
			Params []describedParam   `json:"params,omitempty"`
			Strata []describedStratum `json:"strata,omitempty"`
			Group  *describedGroup    `json:"symmetries,omitempty"`
		}{name, f.Doc, keys, f.Coords, f.About, f.Refs, params, strata, group})
	}
	a.printf("%s: %s\n\n%s\n", f.Name, f.Doc, wrap(f.About))
	if len(f.Keys) > 0 {
		var rows [][]string
		for _, k := range f.Keys {
			rows = append(rows, []string{k.Name, k.Default, k.Doc})
		}
		a.printf("\n")
		if err := a.table("key|default|", "key|default|", rows); err != nil {
			return err
		}
	}
	a.printf("\nθ: %s\n", f.Coords)
	if m != nil {
		const most = 40
		var rows [][]string
		for i, p := range params {
			if i == most {
				rows = append(rows, []string{"…", "", "", "", strconv.Itoa(len(params)) + " coordinates in all"})
				break
			}
			rows = append(rows, []string{p.Name, p.Unit, boundText(p.Lo), boundText(p.Hi), p.Doc})
		}
		a.printf("\n%v\n", m)
		if err := a.table("coordinate|unit|from|to|", "coordinate|unit|", rows); err != nil {
			return err
		}
		if group != nil {
			a.printf("\nfinite symmetries: %s images of a generic θ: %s\n", experiments.Format(float64(group.Order)), group.Doc)
		}
		rows = nil
		for i, s := range strata {
			if i == most {
				rows = append(rows, []string{"…", "", strconv.Itoa(len(strata)) + " strata in all"})
				break
			}
			rows = append(rows, []string{s.Name, strconv.Itoa(s.Codim), s.Doc})
		}
		if rows != nil {
			a.printf("\n")
			if err := a.table("stratum|codim|", "stratum|", rows); err != nil {
				return err
			}
		}
	}
	a.printSources(f.Refs)
	return nil
}

// boundText prints a bound of a coordinate, infinite where there is none.
func boundText(x number) string {
	if math.IsInf(float64(x), 0) {
		return six(float64(x))
	}
	return strconv.FormatFloat(float64(x), 'g', 6, 64)
}

func (a *app) printSources(refs []string) {
	if len(refs) > 0 {
		a.printf("\nsources\n")
	}
	for _, r := range refs {
		a.printf("  %s\n", r)
	}
}

func (a *app) describeExperiment(e *experiments.Registered) error {
	q, err := e.Default()
	if err != nil {
		return err
	}
	if a.json {
		type key struct {
			Name    string `json:"name"`
			Type    string `json:"type"`
			Default string `json:"default"`
			Doc     string `json:"doc"`
		}
		type fig struct {
			Name string `json:"name"`
			Doc  string `json:"doc"`
		}
		keys, figures := []key{}, []fig{}
		for _, k := range e.Keys {
			keys = append(keys, key(k))
		}
		for _, f := range e.Figures {
			figures = append(figures, fig(f))
		}
		return a.printJSON(struct {
			Name       string               `json:"name"`
			Doc        string               `json:"doc"`
			Version    int                  `json:"version"`
			Replicates int                  `json:"replicates"`
			Keys       []key                `json:"keys"`
			Columns    []experiments.Column `json:"columns"`
			Figures    []fig                `json:"figures"`
			Cite       []string             `json:"cite"`
			Spec       string               `json:"spec"`
		}{e.Name, e.Doc, e.Version, e.Replicates, keys, e.Columns, figures, e.Cite, q.TOML()})
	}
	a.printf("%s, version %d: %s\n", e.Name, e.Version, strings.TrimSpace(e.Doc))
	a.printf("\nThe default spec, %d cells:\n\n%s\n", len(q.Cells()), indent(q.TOML()))
	var rows [][]string
	for _, k := range e.Keys {
		rows = append(rows, []string{k.Name, k.Type, k.Doc})
	}
	if err := a.table("key of [spec]|type|", "key of [spec]|type|", rows); err != nil {
		return err
	}
	rows = nil
	for _, c := range e.Columns {
		rows = append(rows, []string{c.Name, c.Type, c.Unit, c.Doc})
	}
	a.printf("\n")
	if err := a.table("column|type|unit|", "column|type|unit|", rows); err != nil {
		return err
	}
	rows = nil
	for _, f := range e.Figures {
		rows = append(rows, []string{f.Name, f.Doc})
	}
	if rows != nil {
		a.printf("\n")
		if err := a.table("figure|", "figure|", rows); err != nil {
			return err
		}
	}
	a.printSources(e.Cite)
	return nil
}

func indent(s string) string {
	return "  " + strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n  ") + "\n"
}

func (a *app) describeData(s datasets.Set) error {
	if a.json {
		for _, d := range listData() {
			if d.Name == s.Name {
				return a.printJSON(d)
			}
		}
		return errors.New("data set " + s.Name + " is not listed")
	}
	kind := "rows"
	if s.Series {
		kind = "rows, a series in time order"
	}
	a.printf("%s: %s\n%d %s; used when no --column is given: %s\n\n", s.Name, s.Doc, s.N, kind, strings.Join(s.Default, ", "))
	var rows [][]string
	for _, c := range s.Columns {
		rows = append(rows, []string{c.Name, c.Unit, c.Doc})
	}
	if err := a.table("column|unit|", "column|unit|", rows); err != nil {
		return err
	}
	if s.Note != "" {
		a.printf("\nnote: %s\n", s.Note)
	}
	a.printSources([]string{s.Source})
	return nil
}

// wrap breaks the paragraphs of a text into lines of at most 88 characters.
func wrap(text string) string {
	const most = 88
	var b strings.Builder
	for i, paragraph := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if i > 0 {
			b.WriteString("\n\n")
		}
		width := 0
		for j, word := range strings.Fields(paragraph) {
			n := utf8.RuneCountInString(word)
			switch {
			case j == 0:
			case width+1+n > most:
				b.WriteByte('\n')
				width = 0
			default:
				b.WriteByte(' ')
				width++
			}
			b.WriteString(word)
			width += n
		}
	}
	return b.String()
}
