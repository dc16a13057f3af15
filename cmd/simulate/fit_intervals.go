package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/spf13/cobra"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/experiments"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
)

// An intervalFlags asks for confidence intervals of every coordinate of a fit.
type intervalFlags struct {
	profile   bool
	bootstrap int
	level     float64
}

func (f *intervalFlags) add(c *cobra.Command) {
	c.Flags().BoolVar(&f.profile, "profile", false, "profile-likelihood intervals of every coordinate")
	c.Flags().IntVar(&f.bootstrap, "bootstrap", 0, "parametric bootstrap replicates for intervals of every coordinate")
	c.Flags().Float64Var(&f.level, "level", 0.95, "confidence level of the intervals")
}

func (f *intervalFlags) check() error {
	switch {
	case f.bootstrap < 0 || f.bootstrap == 1:
		return bad(fmt.Errorf("--bootstrap %d: want 0 or a whole number from 2", f.bootstrap))
	case !(f.level > 0 && f.level < 1):
		return bad(fmt.Errorf("--level %v: want a number between 0 and 1", f.level))
	}
	return nil
}

// A fittedInterval is one interval of one coordinate.
type fittedInterval struct {
	Name     string   `json:"name"`
	Method   string   `json:"method"`
	Level    number   `json:"level"`
	Lo       number   `json:"lo"`
	Hi       number   `json:"hi"`
	LoEnd    string   `json:"lo_end"`
	HiEnd    string   `json:"hi_end"`
	Failed   int      `json:"failed"` // bootstrap replicates without a fit, counted at both ends
	Warnings []string `json:"warnings"`
}

func newInterval(v estimation.Interval, method string, failed int) fittedInterval {
	return fittedInterval{v.Name, method, number(v.Level), number(v.Lo), number(v.Hi), v.LoEnd.String(), v.HiEnd.String(), failed, notNil(v.Warnings)}
}

// intervals computes what was asked for; nothing where there is no fit.
func (a *app) intervals(ctx context.Context, f intervalFlags, m models.Model, z *models.Data, r *estimation.Report, workers int) ([]fittedInterval, error) {
	var out []fittedInterval
	if r.Status == estimation.Failed || r.Status == estimation.NoMaximum {
		return nil, nil
	}
	key := mc.Key{Seed: a.seed, Experiment: "fit"}
	if f.profile {
		all := make([]fittedInterval, r.Dim)
		err := mc.Each(workers, key, "profile")(r.Dim, func(i int, rng *rand.Rand) error {
			v, err := estimation.ProfileInterval(ctx, m, z, r, i, estimation.IntervalOptions{Level: f.level, Rand: rng})
			if err == nil {
				all[i] = newInterval(*v, "profile", 0)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		out = all
	}
	if f.bootstrap > 0 {
		opt := estimation.IntervalOptions{Level: f.level, Rand: key.Stream("bootstrap"), Each: mc.Each(workers, key, "bootstrap")}
		vs, failed, err := estimation.BootstrapIntervals(ctx, m, z, r, f.bootstrap, opt)
		if err != nil {
			return nil, err
		}
		for _, v := range vs {
			out = append(out, newInterval(v, "bootstrap", failed))
		}
	}
	return out, nil
}

// printIntervals prints one line for each coordinate and method.
func (a *app) printIntervals(vs []fittedInterval) error {
	if len(vs) == 0 {
		return nil
	}
	var rows [][]string
	end := func(v number, kind string) string {
		s := experiments.Format(float64(v))
		switch kind {
		case estimation.AtBound.String():
			s += " (edge)"
		case estimation.Unbounded.String():
			s = "none"
		}
		return s
	}
	for _, v := range vs {
		remark := strings.Join(v.Warnings, "; ")
		if v.Failed > 0 {
			remark = strings.TrimPrefix(fmt.Sprintf("%s; %d replicates failed and count at both ends", remark, v.Failed), "; ")
		}
		rows = append(rows, []string{v.Name, v.Method, end(v.Lo, v.LoEnd), end(v.Hi, v.HiEnd), remark})
	}
	a.printf("\n")
	head := fmt.Sprintf("coordinate|%g %% interval by|", 100*float64(vs[0].Level))
	return a.table(head+"from|to|", head, rows)
}
