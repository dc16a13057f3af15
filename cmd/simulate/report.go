package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/neuromanifold/neuromanifold/experiments"
)

func (a *app) reportCommand() *cobra.Command {
	var open bool
	c := &cobra.Command{
		Use:   "report DIR",
		Short: "Write the tables and figures of a run",
		Long: `Write DIR/report/REPORT.md, the tables of the run with its spec and sources, and
every figure beside it as SVG and PNG with its data as CSV.`,
		Example: `  simulate report runs/small
  simulate report runs/small --json`,
		Args:              exactly("a run DIR"),
		ValidArgsFunction: runDir,
		RunE: a.do(func(c *cobra.Command, args []string) error {
			r, err := openRun(args[0])
			if err != nil {
				return err
			}
			page, files, err := a.report(c.Context(), r, args[0])
			if err != nil {
				return err
			}
			if open {
				if err := openFile(page); err != nil {
					a.note("cannot open %s: %v", page, err)
				}
			}
			if a.json {
				return a.printJSON(struct {
					Run    string   `json:"run"`
					Seed   uint64   `json:"seed"`
					Report string   `json:"report"`
					Files  []string `json:"files"`
				}{args[0], r.Seed, page, files})
			}
			for _, f := range files {
				a.printf("%s\n", f)
			}
			return nil
		}),
	}
	c.Flags().BoolVar(&open, "open", false, "open the report")
	a.withJSON(c)
	return c
}

// report writes the report and returns the path of its page and of every file.
func (a *app) report(ctx context.Context, r *experiments.Run, run string) (page string, files []string, err error) {
	s, err := r.Summary(ctx)
	if err != nil {
		return "", nil, err
	}
	dir := filepath.Join(run, "report")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", nil, err
	}
	page = filepath.Join(dir, "REPORT.md")
	files = []string{page}
	e := r.Experiment

	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n\n%s\n\n", e.Name, strings.TrimSpace(e.Doc))
	if err := s.Table().Markdown(&b); err != nil {
		return "", nil, err
	}
	for _, f := range e.Figures {
		if err := ctx.Err(); err != nil {
			return "", nil, err
		}
		drawn, err := r.Draw(f.Name)
		if err != nil {
			return "", nil, fmt.Errorf("figure %s: %w", f.Name, err)
		}
		figure, ok := any(drawn).(interface{ Save(dir, name string) error })
		if !ok {
			return "", nil, fmt.Errorf("figure %s: a %T cannot be saved", f.Name, drawn)
		}
		if err := figure.Save(dir, f.Name); err != nil {
			return "", nil, fmt.Errorf("figure %s: %w", f.Name, err)
		}
		for _, ext := range []string{".svg", ".png", ".csv"} {
			files = append(files, filepath.Join(dir, f.Name+ext))
		}
		fmt.Fprintf(&b, "\n![%s](%s.svg)\n\n%s ([PNG](%[2]s.png), [data](%[2]s.csv))\n", f.Name, f.Name, f.Doc)
	}
	if e.Figures != nil || len(s.Cells) > 0 {
		fmt.Fprintf(&b, "\n## All columns\n\n")
		t := s.StatsTable()
		t.Title = ""
		if err := t.Markdown(&b); err != nil {
			return "", nil, err
		}
	}
	fmt.Fprintf(&b, "\n| column | unit | |\n|:---|:---|:---|\n")
	for _, c := range e.Columns {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", c.Name, c.Unit, strings.ReplaceAll(c.Doc, "|", `\|`))
	}
	fmt.Fprintf(&b, "\n## Spec\n\n```toml\n%s\n```\n", strings.TrimSpace(r.TOML()))
	if len(e.Cite) > 0 {
		fmt.Fprintf(&b, "\n## Sources\n\n")
		for _, c := range e.Cite {
			fmt.Fprintf(&b, "- %s\n", c)
		}
	}
	if !s.Complete {
		a.note("the run is incomplete: the report shows what is there")
	}
	return page, files, os.WriteFile(page, b.Bytes(), 0o666)
}

// openFile opens a file with the program of the desktop.
func openFile(path string) error {
	opener := "xdg-open"
	if runtime.GOOS == "darwin" {
		opener = "open"
	}
	return exec.Command(opener, path).Start()
}
