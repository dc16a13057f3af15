package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"gonum.org/v1/gonum/stat"

	"github.com/neuromanifold/neuromanifold/experiments"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/models/datasets"
)

// A dataFlags names data on the command line.
type dataFlags struct {
	name    string
	columns []string
}

func (d *dataFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&d.name, "data", "", "a CSV file, - for stdin, or a bundled data set (simulate list data)")
	c.Flags().StringSliceVar(&d.columns, "column", nil, "columns to use, by name or by position from 1 (default all, or those of the set)")
	_ = c.RegisterFlagCompletionFunc("data", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		var names []string
		for _, s := range datasets.List() {
			names = append(names, s.Name)
		}
		return names, cobra.ShellCompDirectiveDefault
	})
}

// readTable reads the data. Every error is a wrong request.
func (a *app) readTable(d *dataFlags) (models.Table, error) {
	if d.name == "" {
		return models.Table{}, bad(errors.New("--data is missing: want a CSV file or the name of a bundled data set"),
			"simulate list data names the bundled sets")
	}
	set, err := datasets.Lookup(d.name)
	if err == nil {
		t, err := set.Table(d.columns...)
		if err != nil {
			return t, bad(fmt.Errorf("--data %s --column %s: %w", d.name, strings.Join(d.columns, ","), err))
		}
		return t, nil
	}
	if d.name == "-" {
		t, err := models.ReadCSV(a.in, "stdin", d.columns)
		return t, bad(err)
	}
	f, ferr := os.Open(d.name)
	if errors.Is(ferr, fs.ErrNotExist) && !strings.ContainsAny(d.name, `./\`) {
		return models.Table{}, bad(fmt.Errorf("--data: no file has that name: %w", err))
	}
	if ferr != nil {
		return models.Table{}, bad(fmt.Errorf("--data: %w", ferr), "simulate list data names the bundled sets")
	}
	defer f.Close()
	t, err := models.ReadCSV(f, d.name, d.columns)
	return t, bad(err)
}

// bind reads the data in the layout that the model takes. A bundled series is refused
// where rows must be exchangeable.
func (a *app) bind(m models.Model, d *dataFlags) (*models.Data, models.Table, error) {
	t, err := a.readTable(d)
	if err != nil {
		return nil, t, err
	}
	if set, err := datasets.Lookup(d.name); err == nil && set.Series && !m.Shape().Series {
		return nil, t, bad(fmt.Errorf("--data %s is one time series, and the rows of %v must be exchangeable", d.name, m),
			"arma is the family for a series")
	}
	z, err := t.Data(m.Shape())
	if err != nil {
		return nil, t, bad(fmt.Errorf("%v with --data %s: %w", m, d.name, err), "choose columns with --column")
	}
	return z, t, nil
}

// noteMean says where a series lies far from the 0 around which an ARMA model without
// a mean moves: by more than its standard deviation.
func (a *app) noteMean(m models.Model, z *models.Data) {
	arma, ok := m.(*models.ARMA)
	if !ok || arma.Settings().Mean {
		return
	}
	mean, sd := stat.PopMeanStdDev(z.V, nil)
	if math.Abs(mean) <= sd {
		return
	}
	a.note("the data have mean %s and standard deviation %s, the model has mean 0", experiments.Format(mean), experiments.Format(sd))
	a.note("hint: the key mean=true, as in arma:mean=true, fits one")
}

func parseModel(text string) (models.Model, error) {
	m, err := models.Parse(text)
	if err != nil {
		return nil, bad(err, "simulate list models prints the families and their keys")
	}
	return m, nil
}

// parseTheta reads θ as a comma-separated list and checks it against the model.
func parseTheta(m models.Model, flag, text string) ([]float64, error) {
	var theta []float64
	order := func() string {
		var names []string
		for _, p := range m.Params() {
			names = append(names, p.Name)
		}
		return fmt.Sprintf("θ of %v is %s", m, strings.Join(names, ", "))
	}
	if strings.TrimSpace(text) == "" {
		return nil, bad(fmt.Errorf("--%s is missing: want θ as a comma-separated list", flag), order())
	}
	for i, part := range strings.Split(text, ",") {
		v, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil {
			return nil, bad(fmt.Errorf("--%s: value %d, %q, is not a number", flag, i+1, part), order())
		}
		theta = append(theta, v)
	}
	if err := models.CheckTheta(m, theta); err != nil {
		return nil, bad(fmt.Errorf("--%s: %w", flag, err), order())
	}
	return theta, nil
}

func paramNames(m models.Model) []string {
	names := []string{}
	for _, p := range m.Params() {
		names = append(names, p.Name)
	}
	return names
}

// request reads an experiment by name or from a spec file.
func request(arg string, set []string) (*experiments.Request, error) {
	isFile := strings.HasSuffix(arg, ".toml") || strings.ContainsAny(arg, `/\`)
	if !isFile {
		e, err := experiments.Lookup(arg)
		if err != nil {
			return nil, bad(err, "simulate list experiments prints them; a spec is a file NAME.toml")
		}
		q, err := e.Default(set...)
		return q, bad(err)
	}
	text, err := os.ReadFile(arg)
	if err != nil {
		return nil, bad(fmt.Errorf("spec: %w", err))
	}
	q, err := experiments.ParseSpec(arg, text, set...)
	return q, bad(err)
}

// experimentNames completes the argument NAME|SPEC.toml.
func experimentNames(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, e := range experiments.All() {
		names = append(names, e.Name)
	}
	return names, cobra.ShellCompDirectiveDefault
}

func familyNames(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, f := range models.Families() {
		names = append(names, f.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// runDir completes an argument that is a run directory.
func runDir(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// openRun opens a run directory.
func openRun(dir string) (*experiments.Run, error) {
	r, err := experiments.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, bad(err)
	}
	return r, err
}

// shellQuote writes a command line that a shell reads back as these words.
func shellQuote(words []string) string {
	out := slices.Clone(words)
	for i, w := range out {
		if w == "" || strings.ContainsAny(w, " \t\n'\"\\$&|;<>()*?[]{}!#~`") {
			out[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(out, " ")
}
