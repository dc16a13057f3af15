package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/neuromanifold/neuromanifold/experiments"
	"github.com/neuromanifold/neuromanifold/internal/mc"
)

// A requestFlags holds the flags that change a spec on the command line.
type requestFlags struct {
	set        []string
	replicates int
}

func (a *app) addRequest(c *cobra.Command, r *requestFlags) {
	c.Flags().StringArrayVar(&r.set, "set", nil, "change a key of the table [spec], as --set n=100,300; may be repeated")
	c.Flags().Uint64Var(&a.seed, "seed", experiments.DefaultSeed, "seed instead of that of the spec, below 2^63")
	c.Flags().IntVar(&r.replicates, "replicates", 0, "replicates per cell instead of those of the spec")
}

// request reads the spec and applies the flags.
func (a *app) request(c *cobra.Command, arg string, r requestFlags) (*experiments.Request, error) {
	q, err := request(arg, r.set)
	if err != nil {
		return nil, err
	}
	if c.Flags().Changed("seed") {
		if err := q.SetSeed(a.seed); err != nil {
			return nil, bad(fmt.Errorf("--seed: %w", err))
		}
	}
	if c.Flags().Changed("replicates") {
		if err := q.SetReplicates(r.replicates); err != nil {
			return nil, bad(fmt.Errorf("--replicates: %w", err))
		}
	}
	return q, nil
}

func (a *app) runCommand() *cobra.Command {
	var r requestFlags
	var out, shard string
	var workers int
	c := &cobra.Command{
		Use:   "run NAME|SPEC.toml",
		Short: "Run a Monte Carlo experiment into a run directory",
		Long: `Run a Monte Carlo experiment into a run directory and print its table. Chunks that
are there are kept: running again resumes an interrupted run, and raising
--replicates adds to a finished one. Rows depend on the spec and the seed alone,
never on workers, shards or interruptions. A directory that holds another run is
refused.`,
		Example: `  simulate run normal-mean --replicates 100
  simulate run normal-mean --set n=5,50 --replicates 200 --out runs/small --json`,
		Args:              exactly("an experiment NAME or a SPEC.toml"),
		ValidArgsFunction: experimentNames,
		RunE: a.do(func(c *cobra.Command, args []string) error {
			if workers < 0 {
				return bad(fmt.Errorf("--workers %d: want a whole number from 0", workers))
			}
			o := experiments.Options{Dir: out, Workers: workers}
			if shard != "" {
				var err error
				if o.Shard, err = mc.ParseShard(shard); err != nil {
					return bad(fmt.Errorf("--shard: %w", err))
				}
			}
			q, err := a.request(c, args[0], r)
			if err != nil {
				return err
			}
			if o.Dir == "" {
				o.Dir = q.DefaultDir()
			}
			return a.run(c.Context(), q, o)
		}),
	}
	a.addRequest(c, &r)
	c.Flags().StringVar(&out, "out", "", "the run directory (default runs/NAME-HASH8)")
	c.Flags().IntVar(&workers, "workers", 0, "replicates at a time; 0 is one a processor. Rows do not depend on it")
	c.Flags().StringVar(&shard, "shard", "", "do part i of n only, as 0/3; parts count from 0")
	a.withJSON(c)
	return c
}

func (a *app) run(ctx context.Context, q *experiments.Request, o experiments.Options) error {
	if err := writable(o.Dir); err != nil {
		return err
	}
	a.note("%s, seed %d, %d replicates in each of %d cells, into %s", q.Experiment.Name, q.Seed, q.Replicates, len(q.Cells()), o.Dir)
	p := a.newProgress()
	var last experiments.Progress
	o.Progress = func(s experiments.Progress) {
		last = s
		p.report(s)
	}
	command := append([]string{"simulate"}, os.Args[1:]...)
	a.resume = func() []string {
		return []string{"every finished chunk is kept in " + o.Dir + "; to resume: " + shellQuote(command)}
	}
	run, err := q.Run(ctx, o)
	p.stop()
	if err != nil {
		return err
	}
	a.resume = nil
	s, err := run.Summary(ctx)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(s)
	}
	if err := s.Table().Text(a.out); err != nil {
		return err
	}
	if o.Shard.Count > 1 {
		a.note("shard %v is done: %d of its %d chunks", o.Shard, last.Chunks, last.ChunksTotal)
	}
	a.printf("run %s\n", o.Dir)
	return nil
}

// writable reports, before anything is computed, a path that cannot become a
// run directory because something on it is not a directory. What else may stand
// in the way, as rights or a full disk, shows when the first file is written.
func writable(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err == nil && !info.IsDir():
		return bad(fmt.Errorf("--out %s: it is a file, want a directory", dir))
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return bad(fmt.Errorf("--out: %w", err))
	}
	return nil
}

func (a *app) statusCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "status DIR",
		Short: "Say how much of a run is there",
		Long:  `Check every chunk of a run directory and say how much of the run is there.`,
		Example: `  simulate status runs/small
  simulate status runs/small --json`,
		Args:              exactly("a run DIR"),
		ValidArgsFunction: runDir,
		RunE: a.do(func(_ *cobra.Command, args []string) error {
			r, err := openRun(args[0])
			if err != nil {
				return err
			}
			s, err := r.Status()
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(struct {
					Run        string `json:"run"`
					Experiment string `json:"experiment"`
					Seed       uint64 `json:"seed"`
					experiments.Status
					Complete bool `json:"complete"`
				}{args[0], r.Experiment.Name, r.Seed, s, s.Complete()})
			}
			a.printf("%s version %d, seed %d, %d replicates in each of %d cells\n", r.Experiment.Name, r.Experiment.Version, r.Seed, s.Replicates, len(r.Cells()))
			state := "incomplete: run it again to resume"
			if s.Complete() {
				state = "complete"
			}
			a.printf("%d of %d chunks, %d rows: %s\n", s.Chunks.Done, s.Chunks.Total, s.Rows, state)
			return nil
		}),
	}
	a.withJSON(c)
	return c
}

func (a *app) verifyCommand() *cobra.Command {
	var recompute int
	c := &cobra.Command{
		Use:   "verify DIR",
		Short: "Check every chunk of a run, and compute some replicates again",
		Long: `Check that every chunk of a run is readable, belongs to the run and holds the rows
that were written, and compute some replicates again to compare them bit by bit.
Exit status 1 if anything is wrong, 3 if the run is sound but incomplete.`,
		Example: `  simulate verify runs/small
  simulate verify runs/small --recompute 20`,
		Args:              exactly("a run DIR"),
		ValidArgsFunction: runDir,
		RunE: a.do(func(c *cobra.Command, args []string) error {
			r, err := openRun(args[0])
			if err != nil {
				return err
			}
			v, err := r.Verify(c.Context(), recompute)
			if err != nil {
				return err
			}
			total := len(mc.Chunks(cellNames(r.Request), r.Replicates, r.Experiment.Chunk))
			if a.json {
				err = a.printJSON(struct {
					Run        string   `json:"run"`
					Seed       uint64   `json:"seed"`
					OK         bool     `json:"ok"`
					Chunks     int      `json:"chunks"`
					Rows       int      `json:"rows"`
					Bad        []string `json:"bad"`
					Recomputed int      `json:"recomputed"`
					Differing  []string `json:"differing"`
				}{args[0], r.Seed, v.OK(), v.Chunks, v.Rows, notNil(v.Bad), v.Recomputed, notNil(v.Differing)})
			} else {
				for _, b := range v.Bad {
					a.printf("bad: %s\n", b)
				}
				for _, d := range v.Differing {
					a.printf("differs: %s\n", d)
				}
				a.printf("%d chunks and %d rows are whole; %d replicates computed again, %d differ\n", v.Chunks, v.Rows, v.Recomputed, len(v.Differing))
			}
			switch {
			case err != nil:
				return err
			case !v.OK():
				return fmt.Errorf("%s: %d bad files, %d differing replicates", args[0], len(v.Bad), len(v.Differing))
			case v.Chunks < total:
				return fmt.Errorf("%w: %d of %d chunks", errIncomplete, v.Chunks, total)
			}
			return nil
		}),
	}
	c.Flags().IntVar(&recompute, "recompute", 3, "replicates to compute again; -1 is all of them")
	a.withJSON(c)
	return c
}

func cellNames(q *experiments.Request) []string {
	var names []string
	for _, c := range q.Cells() {
		names = append(names, c.Name)
	}
	return names
}

func (a *app) planCommand() *cobra.Command {
	var r requestFlags
	var mcse float64
	var column string
	var workers int
	c := &cobra.Command{
		Use:   "plan NAME|SPEC.toml|DIR --mcse S",
		Short: "Say how many replicates a Monte Carlo standard error needs",
		Long: `Say how many replicates per cell bring the Monte Carlo standard error of the mean of
a column down to S in every cell. The spread comes from a pilot in memory, or from
the rows of a run directory.`,
		Example: `  simulate plan normal-mean --mcse 0.01 --column t
  simulate plan normal-mean --mcse 0.005 --json`,
		Args:              exactly("an experiment NAME, a SPEC.toml or a run DIR"),
		ValidArgsFunction: experimentNames,
		RunE: a.do(func(c *cobra.Command, args []string) error {
			if !c.Flags().Changed("mcse") {
				return bad(errors.New("--mcse is missing: want the standard error to reach"))
			}
			var p *experiments.Plan
			var seed uint64
			if _, err := os.Stat(args[0] + "/manifest.json"); err == nil {
				run, err := openRun(args[0])
				if err != nil {
					return err
				}
				seed = run.Seed
				if p, err = run.Plan(c.Context(), column, mcse); err != nil {
					return bad(err)
				}
			} else {
				q, err := a.request(c, args[0], r)
				if err != nil {
					return err
				}
				seed = q.Seed
				if p, err = q.Plan(c.Context(), column, mcse, workers); err != nil {
					if c.Context().Err() != nil {
						return err
					}
					return bad(err)
				}
			}
			if a.json {
				return a.printJSON(struct {
					*experiments.Plan
					Seed uint64 `json:"seed"`
				}{p, seed})
			}
			var rows [][]string
			for _, cell := range p.Cells {
				rows = append(rows, []string{cell.Name, experiments.FormatSE(float64(cell.SE)), strconv.Itoa(cell.Replicates)})
			}
			if err := a.table(fmt.Sprintf("cell|± s.e. of %s at %d|replicates", p.Column, p.Pilot), "cell", rows); err != nil {
				return err
			}
			a.printf("%d replicates per cell give the mean of %s a standard error of %.4g or less in every cell\n", p.Replicates, p.Column, p.MCSE)
			return nil
		}),
	}
	a.addRequest(c, &r)
	_ = c.Flags().MarkHidden("replicates")
	c.Flags().Float64Var(&mcse, "mcse", 0, "the standard error to reach")
	c.Flags().StringVar(&column, "column", "", "the column (default the first real number)")
	c.Flags().IntVar(&workers, "workers", 0, "replicates of the pilot at a time; 0 is one a processor")
	a.withJSON(c)
	return c
}
