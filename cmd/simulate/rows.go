package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/neuromanifold/neuromanifold/experiments"
	"github.com/neuromanifold/neuromanifold/models"
)

func (a *app) exportCommand() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:   "export DIR",
		Short: "Print the rows of a run as CSV or JSON",
		Long: `Print the rows of a run with full precision: CSV with a header row, or one JSON
object whose array rows has one object a row.`,
		Example: `  simulate export runs/small
  simulate export runs/small --format json`,
		Args:              exactly("a run DIR"),
		ValidArgsFunction: runDir,
		RunE: a.do(func(_ *cobra.Command, args []string) error {
			if a.json {
				format = "json"
			}
			if format != "csv" && format != "json" {
				return &models.UnknownNameError{What: "format", Name: format, Known: []string{"csv", "json"}}
			}
			r, err := openRun(args[0])
			if err != nil {
				return err
			}
			s, err := r.Status()
			if err != nil {
				return err
			}
			if !s.Complete() {
				a.note("the run is incomplete: %d of %d chunks", s.Chunks.Done, s.Chunks.Total)
			}
			return r.Export(a.out, format)
		}),
	}
	c.Flags().StringVar(&format, "format", "csv", "csv or json")
	a.withJSON(c)
	return c
}

func (a *app) replayCommand() *cobra.Command {
	var cell, file string
	var replicate int
	c := &cobra.Command{
		Use:   "replay DIR --cell NAME --replicate R",
		Short: "Compute one replicate again, to the bit",
		Long: `Compute one replicate of a run again and compare it bit by bit with the stored one.
--data writes the data of the replicate as CSV. Exit status 1 if it differs.`,
		Example: `  simulate replay runs/small --cell n=5 --replicate 7
  simulate replay runs/small --cell n=5 --replicate 7 --data - --quiet`,
		Args:              exactly("a run DIR"),
		ValidArgsFunction: runDir,
		RunE: a.do(func(c *cobra.Command, args []string) error {
			r, err := openRun(args[0])
			if err != nil {
				return err
			}
			if !c.Flags().Changed("replicate") {
				return bad(fmt.Errorf("--replicate is missing: want a whole number from 0 to %d", r.Replicates-1))
			}
			if replicate < 0 || replicate >= r.Replicates {
				return bad(fmt.Errorf("--replicate %d: want a whole number from 0 to %d", replicate, r.Replicates-1))
			}
			if cells := cellNames(r.Request); cell == "" && len(cells) == 1 {
				cell = cells[0]
			} else if cell == "" {
				return bad(errors.New("--cell is missing: want one of " + strings.Join(cells, " ")))
			}
			x, err := r.Replay(c.Context(), cell, replicate)
			if err != nil {
				return err
			}
			if file != "" {
				if !r.Experiment.HasData {
					return bad(fmt.Errorf("--data: a replicate of %s has no data", r.Experiment.Name))
				}
				var b bytes.Buffer
				if err := r.WriteData(&b, cell, replicate); err != nil {
					return err
				}
				if file == "-" {
					if a.json {
						return bad(errors.New("--data - and --json both want stdout: give a file"))
					}
					_, err := a.out.Write(b.Bytes())
					return errors.Join(err, differs(x))
				}
				if err := os.WriteFile(file, b.Bytes(), 0o666); err != nil {
					return bad(fmt.Errorf("--data: %w", err))
				}
			}
			if a.json {
				out := struct {
					Run       string            `json:"run"`
					Seed      uint64            `json:"seed"`
					Cell      string            `json:"cell"`
					Replicate int               `json:"replicate"`
					Row       *experiments.Row  `json:"row"`
					Rows      []experiments.Row `json:"rows"`
					Stored    bool              `json:"stored"`
					Identical *bool             `json:"identical"` // null: nothing to compare with
				}{args[0], r.Seed, cell, replicate, nil, x.Rows, x.Stored, nil}
				if len(x.Rows) > 0 {
					out.Row = &x.Rows[0]
				}
				if x.Stored {
					out.Identical = &x.Identical
				}
				if err := a.printJSON(out); err != nil {
					return err
				}
				return differs(x)
			}
			if err := a.printReplay(r, x); err != nil {
				return err
			}
			return differs(x)
		}),
	}
	c.Flags().StringVar(&cell, "cell", "", "name of the cell (default the only one)")
	c.Flags().IntVar(&replicate, "replicate", 0, "number of the replicate, from 0")
	c.Flags().StringVar(&file, "data", "", "write the data of the replicate to this CSV file; - is stdout")
	a.withJSON(c)
	return c
}

func differs(x *experiments.Replayed) error {
	if x.Stored && !x.Identical {
		return fmt.Errorf("cell %s, replicate %d: the rows computed now differ from the stored ones", x.Cell, x.Replicate)
	}
	return nil
}

func (a *app) printReplay(r *experiments.Run, x *experiments.Replayed) error {
	a.printf("%s, seed %d, cell %s, replicate %d\n", r.Experiment.Name, r.Seed, x.Cell, x.Replicate)
	unit := map[string]string{}
	for _, c := range r.Experiment.Columns {
		unit[c.Name] = c.Unit
	}
	for _, row := range x.Rows {
		var rows [][]string
		for i, name := range row.Names {
			if name == "cell" || name == "replicate" {
				continue
			}
			rows = append(rows, []string{name, unit[name], row.Text(i)})
		}
		a.printf("\n")
		if err := a.table("column|unit|value", "column|unit|value", rows); err != nil {
			return err
		}
	}
	switch {
	case !x.Stored:
		a.printf("\nthe run does not hold this replicate yet: nothing to compare with\n")
	case x.Identical:
		a.printf("\nidentical to the stored rows, bit by bit\n")
	}
	return nil
}
