package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/neuromanifold/neuromanifold/design"
	"github.com/neuromanifold/neuromanifold/experiments"
	"github.com/neuromanifold/neuromanifold/experiments/designs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
)

type designFlags struct {
	evaluate, show           bool
	approximation, criterion string
	interest                 []string
	samples, out             string
}

func (a *app) designCommand() *cobra.Command {
	var o designFlags
	c := &cobra.Command{
		Use:   "design NAME|SPEC.toml",
		Short: "Evaluate or optimise a sampling design of a PK/PD study",
		Long: `Find the sampling times that tell most about a nonlinear mixed-effects model, or
with --evaluate what the design of the spec tells: standard errors where a
parameter is estimable, and where not along which directions nothing is known. An
optimal design comes with its certificate, the largest sensitivity against its
bound. ln det and standard errors are those of the whole study.

Built in: ` + strings.Join(designs.Names(), ", ") + `. --show prints such a spec,
to start one's own from. Ways to the information (--approximation): fo-reduced,
fo-full, fo-mixed-zero, fo-full-r1, second-order, moments-gh, moments-mc, and
with --evaluate exact, by simulation. Criteria: ` + strings.Join(designs.Criteria(), ", ") + `.`,
		Example: `  simulate design warfarin2
  simulate design one-sample --evaluate --json`,
		Args: exactly("a built-in NAME or a SPEC.toml"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return designs.Names(), cobra.ShellCompDirectiveDefault
		},
		RunE: a.do(func(c *cobra.Command, args []string) error {
			if err := a.checkSeed(); err != nil {
				return err
			}
			text, file, err := designText(args[0])
			if err != nil {
				return err
			}
			if o.show {
				_, err := a.out.Write(text)
				return err
			}
			st, err := designs.Parse(file, text)
			if err != nil {
				return bad(err)
			}
			st.Rng = mc.Key{Seed: a.seed, Experiment: "design"}.Stream("design")
			if err := o.apply(st); err != nil {
				return err
			}
			return a.design(c, st, args[0], &o)
		}),
	}
	f := c.Flags()
	f.BoolVar(&o.evaluate, "evaluate", false, "evaluate the groups of the spec instead of optimising")
	f.BoolVar(&o.show, "show", false, "print the spec")
	f.StringVar(&o.approximation, "approximation", "", "way to the information (default that of the spec)")
	f.StringVar(&o.criterion, "criterion", "", "criterion (default that of the spec)")
	f.StringSliceVar(&o.interest, "interest", nil, "parameters of interest, for Ds and c")
	f.StringVar(&o.samples, "samples", "", "samples of a subject: a number or a range, as 2..5 (default that of the spec)")
	f.StringVar(&o.out, "out", "", "directory for figures")
	a.withSeed(c)
	a.withJSON(c)
	return c
}

func designText(name string) (text []byte, file string, err error) {
	if text, err = designs.Text(name); err == nil {
		return text, name + ".toml", nil
	}
	if !strings.HasSuffix(name, ".toml") && !strings.ContainsAny(name, `/\`) {
		if _, serr := os.Stat(name); errors.Is(serr, fs.ErrNotExist) {
			return nil, "", bad(err)
		}
	}
	text, err = os.ReadFile(name)
	return text, name, bad(err)
}

// apply takes over the flags.
func (o *designFlags) apply(st *designs.Study) error {
	if o.approximation != "" {
		if err := st.SetMethod(o.approximation); err != nil {
			return bad(fmt.Errorf("--approximation: %w", err))
		}
	}
	if st.Exact && !o.evaluate {
		return bad(errors.New("--approximation exact: want --evaluate with it; a simulated information is not optimised"))
	}
	if o.samples != "" {
		from, to, ranged := strings.Cut(o.samples, "..")
		if !ranged {
			to = from
		}
		lo, err1 := strconv.Atoi(from)
		hi, err2 := strconv.Atoi(to)
		if err1 != nil || err2 != nil {
			return bad(fmt.Errorf("--samples %s: want a number or a range, as 2..5", o.samples))
		}
		if err := st.SetSamples(lo, hi); err != nil {
			return bad(fmt.Errorf("--samples %s: %w", o.samples, err))
		}
	}
	if o.criterion != "" {
		if err := st.SetCriterion(o.criterion, o.interest); err != nil {
			return bad(fmt.Errorf("--criterion: %w", err))
		}
	} else if o.interest != nil {
		return bad(errors.New("--interest: want --criterion Ds or c with it"))
	}
	return nil
}

func (a *app) design(c *cobra.Command, st *designs.Study, name string, o *designFlags) error {
	var r *designs.Result
	var err error
	if o.evaluate {
		r, err = st.Evaluate(c.Context())
	} else {
		if st.Choice == nil {
			return bad(errors.New("the spec has no table [optimize]"), "--evaluate evaluates its groups")
		}
		r, err = st.Optimize(c.Context(), design.Options{})
	}
	if err != nil {
		return err
	}
	var files []string
	if o.out != "" {
		if err := os.MkdirAll(o.out, 0o755); err != nil {
			return bad(fmt.Errorf("--out: %w", err))
		}
		names, err := st.Figures(r, o.out)
		if err != nil {
			return err
		}
		for _, n := range names {
			files = append(files, filepath.Join(o.out, n+".svg"))
		}
	}
	if a.json {
		return a.printJSON(designJSON(st, r, name, a.seed, files))
	}
	return a.printDesign(st, r, files)
}

type designSupport struct {
	X        []float64 `json:"x"`
	Weight   float64   `json:"weight"`
	Subjects int       `json:"subjects"`
	Group    string    `json:"group,omitempty"`
}

type designResult struct {
	Design             string          `json:"design"`
	Seed               uint64          `json:"seed"`
	Approximation      string          `json:"approximation"`
	Criterion          string          `json:"criterion"`
	Status             string          `json:"status"` // optimal, iteration limit, stalled, singular, evaluated
	Subjects           int             `json:"subjects"`
	Support            []designSupport `json:"support"`
	Params             []string        `json:"params"`
	Theta              []float64       `json:"theta"`
	LogDet             number          `json:"logdet"`
	LogDetPerSubject   number          `json:"logdet_per_subject"`
	SE                 []number        `json:"se"`
	RSE                []number        `json:"rse"` // in %
	MaxSensitivity     number          `json:"max_sensitivity"`
	Bound              number          `json:"bound"`
	EfficiencyBound    number          `json:"efficiency_bound"`
	ReferenceEff       number          `json:"reference_efficiency"`
	Rank               int             `json:"rank"`
	Gap                number          `json:"gap"`
	Estimable          []bool          `json:"estimable"`
	ParameterStatus    []string        `json:"parameter_status"`
	Reason             []string        `json:"reason"`
	NullDirections     [][]float64     `json:"null_directions"` // relative changes of the parameters
	NullDirectionNames []string        `json:"null_direction_names"`
	Fix                [][]string      `json:"fix"`
	RLCT               any             `json:"rlct"`
	Added              [][]float64     `json:"added"` // sequences that would restore the rank
	Notes              []string        `json:"notes"`
	Files              []string        `json:"files"`
}

func designStatus(r *designs.Result) string {
	switch {
	case r.Report.Rank < len(r.Params):
		return "singular"
	case len(r.Support) > 0 && r.Support[0].Group != "":
		return "evaluated"
	}
	return r.Design.Status.String()
}

func designJSON(st *designs.Study, r *designs.Result, name string, seed uint64, files []string) designResult {
	rep := r.Report
	out := designResult{
		Design: name, Seed: seed, Approximation: st.Method(), Criterion: r.Criterion, Status: designStatus(r),
		Subjects: r.Subjects, Support: []designSupport{}, Theta: r.Theta,
		LogDet: number(rep.LogDet), LogDetPerSubject: number(rep.LogDet - float64(len(r.Params))*math.Log(float64(r.Subjects))),
		SE: numbers(rep.SE), RSE: numbers(rep.RSE), MaxSensitivity: number(math.NaN()), Bound: number(math.NaN()),
		EfficiencyBound: number(math.NaN()), ReferenceEff: number(r.Reference), Rank: rep.Rank, Gap: number(rep.Gap),
		Reason: rep.Reason, NullDirections: [][]float64{}, NullDirectionNames: []string{}, Fix: [][]string{},
		Added: append([][]float64{}, r.Added...), Notes: append([]string{}, r.Notes...), Files: append([]string{}, files...),
	}
	for _, s := range r.Support {
		out.Support = append(out.Support, designSupport{s.X, s.Weight, s.Subjects, s.Group})
	}
	for i, p := range r.Params {
		out.Params = append(out.Params, p.Name)
		out.Estimable = append(out.Estimable, rep.Status[i] != design.NotEstimable)
		out.ParameterStatus = append(out.ParameterStatus, rep.Status[i].String())
	}
	out.NullDirections = append(out.NullDirections, rep.Relative...)
	out.NullDirectionNames = append(out.NullDirectionNames, rep.Directions...)
	for _, set := range rep.Fix {
		var names []string
		for _, i := range set {
			names = append(names, r.Params[i].Name)
		}
		out.Fix = append(out.Fix, names)
	}
	if rep.Learning != nil {
		out.RLCT = struct {
			Lambda float64 `json:"lambda"`
			Mult   int     `json:"mult"`
			Kind   string  `json:"kind"`
		}{rep.Learning.Lambda, rep.Learning.Mult, rep.Learning.Kind.String()}
	}
	if d := r.Design; d != nil {
		out.MaxSensitivity, out.Bound, out.EfficiencyBound = number(d.MaxSensitivity), number(d.Bound), number(d.EfficiencyBound)
	}
	return out
}

func (a *app) printDesign(st *designs.Study, r *designs.Result, files []string) error {
	rep := r.Report
	title := st.Title
	if st.Source != "" {
		title += " (" + st.Source + ")"
	}
	a.printf("%s\n%s, %s, criterion %s\n\n", title, count(r.Subjects, "subject"), st.Method(), r.Criterion)
	var rows [][]string
	for _, s := range r.Support {
		n := "-"
		if s.Subjects > 0 {
			n = strconv.Itoa(s.Subjects)
		}
		rows = append(rows, []string{timesText(s.X), strconv.FormatFloat(s.Weight, 'f', 4, 64), n})
	}
	times := "sampling times (" + st.TimeUnit + ")"
	if len(rows) > 0 {
		if err := a.table(times+"|weight|subjects", times, rows); err != nil {
			return err
		}
		a.printf("\n")
	}
	rows = rows[:0]
	for i, p := range r.Params {
		rse, why := experiments.Format(rep.RSE[i]), rep.Reason[i]
		if math.IsInf(rep.RSE[i], 1) {
			rse = "∞"
		}
		rows = append(rows, []string{p.Name, experiments.Format(r.Theta[i]), rse, rep.Status[i].String(), why})
	}
	if err := a.table("parameter|value|RSE (%)|status|why", "parameter|status|why", rows); err != nil {
		return err
	}
	a.printf("\n")
	if rep.Rank == len(r.Params) {
		a.printf("ln det %s (per subject %s)\n", six(rep.LogDet), six(rep.LogDet-float64(len(r.Params))*math.Log(float64(r.Subjects))))
	} else {
		a.printf("rank %d of %d, gap %s\n", rep.Rank, len(r.Params), experiments.Format(rep.Gap))
		a.printf("nothing is known along (relative changes): %s\n", strings.Join(rep.Directions, "; "))
		var sets []string
		for _, s := range rep.Fix[:min(5, len(rep.Fix))] {
			sets = append(sets, rep.FixNames(s))
		}
		if len(sets) > 0 {
			a.printf("known values that would make the rest estimable: %s\n", strings.Join(sets, "; or "))
		}
	}
	for i, x := range r.Added {
		if i == 0 {
			a.printf("all would be estimable with a subject more on each of:\n")
		}
		a.printf("  %s\n", timesText(x))
	}
	if !math.IsNaN(r.Reference) {
		per := "subject"
		if st.Choice.CostSubject != 0 || st.Choice.CostSample != 0 {
			per = "unit of cost"
		}
		a.printf("efficiency of the design of the spec, per %s: %s\n", per, experiments.Format(r.Reference))
	}
	for _, n := range r.Notes {
		a.printf("%s\n", n)
	}
	for _, f := range files {
		a.printf("%s\n", f)
	}
	switch d := r.Design; {
	case rep.Rank < len(r.Params):
		a.printf("singular: nothing is known along %s of %d\n", count(len(r.Params)-rep.Rank, "direction"), len(r.Params))
	case d != nil:
		// Rounded down: a bound must not be rounded up.
		a.printf("%s: largest sensitivity %s, bound %s over %s; efficiency at least %s\n", designStatus(r), six(d.MaxSensitivity), six(d.Bound),
			count(len(d.Phi), "sequence"), strconv.FormatFloat(math.Floor(d.EfficiencyBound*1e8)/1e8, 'g', -1, 64))
	default:
		a.printf("all %d parameters are estimable\n", len(r.Params))
	}
	return nil
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return strconv.Itoa(n) + " " + what
}

func timesText(x []float64) string {
	var ts []string
	for _, t := range x {
		ts = append(ts, strconv.FormatFloat(t, 'g', 6, 64))
	}
	return strings.Join(ts, " ")
}
