package main

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/neuromanifold/neuromanifold/experiments"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/models/datasets"
)

type listedKey struct {
	Name    string `json:"name"`
	Default string `json:"default"`
	Doc     string `json:"doc"`
}

type listedModel struct {
	Name   string      `json:"name"`
	Doc    string      `json:"doc"`
	Keys   []listedKey `json:"keys"`
	Coords string      `json:"coords"`
}

type listedExperiment struct {
	Name       string `json:"name"`
	Doc        string `json:"doc"`
	Version    int    `json:"version"`
	Replicates int    `json:"replicates"`
}

type listedData struct {
	Name    string   `json:"name"`
	Doc     string   `json:"doc"`
	N       int      `json:"n"`
	Columns []string `json:"columns"`
	Default []string `json:"default"`
	Series  bool     `json:"series"`
	Source  string   `json:"source"`
	Note    string   `json:"note,omitempty"`
}

// A catalogue is what list prints; a part that was not asked for is nil.
type catalogue struct {
	Models      []listedModel      `json:"models,omitempty"`
	Experiments []listedExperiment `json:"experiments,omitempty"`
	Data        []listedData       `json:"data,omitempty"`
}

func (a *app) listCommand() *cobra.Command {
	kinds := []string{"models", "experiments", "data"}
	c := &cobra.Command{
		Use:   "list [models|experiments|data]",
		Short: "Print the catalogue of models, experiments and data sets",
		Long: `Print the catalogue: model families with their keys, defaults and the order of the
coordinates of θ; experiments; bundled data sets.`,
		Example: `  simulate list models
  simulate list data --json`,
		ValidArgs: kinds,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return exactly("at most one kind")(c, args)
			}
			return nil
		},
		RunE: a.do(func(_ *cobra.Command, args []string) error {
			kind := ""
			if len(args) == 1 {
				kind = args[0]
			}
			var cat catalogue
			switch kind {
			case "models":
				cat.Models = listModels()
			case "experiments":
				cat.Experiments = listExperiments()
			case "data":
				cat.Data = listData()
			case "":
				cat = catalogue{listModels(), listExperiments(), listData()}
			default:
				return &models.UnknownNameError{What: "kind", Name: kind, Known: kinds}
			}
			if a.json {
				return a.printJSON(cat)
			}
			return a.printCatalogue(cat, kind != "")
		}),
	}
	a.withJSON(c)
	return c
}

func listModels() []listedModel {
	var out []listedModel
	for _, f := range models.Families() {
		m := listedModel{Name: f.Name, Doc: f.Doc, Coords: f.Coords, Keys: []listedKey{}}
		for _, k := range f.Keys {
			m.Keys = append(m.Keys, listedKey(k))
		}
		out = append(out, m)
	}
	return out
}

func listExperiments() []listedExperiment {
	var out []listedExperiment
	for _, e := range experiments.All() {
		out = append(out, listedExperiment{e.Name, e.Summary(), e.Version, e.Replicates})
	}
	return out
}

func listData() []listedData {
	var out []listedData
	for _, s := range datasets.List() {
		d := listedData{Name: s.Name, Doc: s.Doc, N: s.N, Default: s.Default, Series: s.Series, Source: s.Source, Note: s.Note}
		for _, c := range s.Columns {
			d.Columns = append(d.Columns, c.Name)
		}
		out = append(out, d)
	}
	return out
}

// printCatalogue prints the parts that are there; full adds keys and sources.
func (a *app) printCatalogue(cat catalogue, full bool) error {
	gap := ""
	if cat.Models != nil {
		var rows [][]string
		for _, m := range cat.Models {
			rows = append(rows, []string{m.Name, m.Doc})
		}
		if err := a.table("model|", "model|", rows); err != nil {
			return err
		}
		if full {
			for _, m := range cat.Models {
				a.printf("\n%s\n", m.Name)
				for _, k := range m.Keys {
					a.printf("  %s=%s  %s\n", k.Name, k.Default, k.Doc)
				}
				a.printf("  θ: %s\n", m.Coords)
			}
		}
		gap = "\n"
	}
	if cat.Experiments != nil {
		var rows [][]string
		for _, e := range cat.Experiments {
			rows = append(rows, []string{e.Name, e.Doc})
		}
		a.printf("%s", gap)
		if err := a.table("experiment|", "experiment|", rows); err != nil {
			return err
		}
		gap = "\n"
	}
	if cat.Data != nil {
		var rows [][]string
		for _, d := range cat.Data {
			columns := strings.Join(d.Default, ", ")
			if len(d.Default) > 4 {
				columns = strings.Join(d.Default[:2], ", ") + ", …, " + d.Default[len(d.Default)-1]
			}
			rows = append(rows, []string{d.Name, strconv.Itoa(d.N), columns, d.Doc})
		}
		a.printf("%s", gap)
		if err := a.table("data|n|columns|", "data|columns|", rows); err != nil {
			return err
		}
		if full {
			for _, d := range cat.Data {
				if d.Note != "" {
					a.printf("\n%s: %s\n", d.Name, d.Note)
				}
			}
		}
	}
	return nil
}
