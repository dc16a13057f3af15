package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/neuromanifold/neuromanifold/experiments"
	"github.com/neuromanifold/neuromanifold/internal/runs"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/models/datasets"
)

func (a *app) citeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "cite NAME|DIR",
		Short: "Print the references of an experiment, a run, a model or a data set",
		Long: `Print the full references behind an experiment, a model family or a data set, or
those that a run directory recorded when it was made (whatever version of the
experiment made it), one a line.`,
		Example: `  simulate cite lrt-mixture
  simulate cite runs/small --json`,
		Args:              exactly("a NAME or a run DIR"),
		ValidArgsFunction: experimentNames,
		RunE: a.do(func(_ *cobra.Command, args []string) error {
			x, err := lookupCitation(args[0])
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(x)
			}
			for _, r := range x.References {
				a.printf("%s\n", r)
			}
			return nil
		}),
	}
	a.withJSON(c)
	return c
}

// A citation says what the references are those of. Run, Version and Seed are
// those of a run directory; an experiment has a Version too.
type citation struct {
	Name       string   `json:"name"`
	Kind       string   `json:"kind"` // experiment, run, model or data
	Run        string   `json:"run,omitempty"`
	Version    int      `json:"version,omitempty"`
	Seed       *uint64  `json:"seed,omitempty"`
	References []string `json:"references"`
}

func lookupCitation(name string) (*citation, error) {
	if _, err := os.Stat(filepath.Join(name, "manifest.json")); err == nil {
		// Not openRun: a run of an older version still has its references.
		d, err := runs.Open(name)
		if err != nil {
			return nil, err
		}
		id := d.Manifest.Identity
		return &citation{id.Experiment, "run", name, id.Version, &id.Seed, notNil(d.Manifest.Sources)}, nil
	}
	if e, err := experiments.Lookup(name); err == nil {
		return &citation{Name: e.Name, Kind: "experiment", Version: e.Version, References: notNil(e.Cite)}, nil
	}
	if f, err := models.LookupFamily(name); err == nil {
		return &citation{Name: f.Name, Kind: "model", References: notNil(f.Refs)}, nil
	}
	if s, err := datasets.Lookup(name); err == nil {
		return &citation{Name: s.Name, Kind: "data", References: []string{s.Source}}, nil
	}
	return nil, unknownName("run directory, experiment, model family or data set", name)
}

// unknownName is the error for a name that is none of the catalogue's.
func unknownName(what, name string) error {
	u := &models.UnknownNameError{What: what, Name: name}
	for _, m := range listModels() {
		u.Known = append(u.Known, m.Name)
	}
	for _, e := range listExperiments() {
		u.Known = append(u.Known, e.Name)
	}
	for _, d := range listData() {
		u.Known = append(u.Known, d.Name)
	}
	return u
}
