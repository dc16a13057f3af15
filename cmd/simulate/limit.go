package main

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/neuromanifold/neuromanifold/experiments"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/singular"
)

func (a *app) limitCommand() *cobra.Command {
	laws := singular.Laws()
	var names []string
	var about strings.Builder
	for _, l := range laws {
		names = append(names, l.Name)
		var params []string
		for _, p := range l.Params {
			value := fmt.Sprint(p.Default)
			if p.Truth {
				value = fmt.Sprint(p.Default != 0)
			}
			params = append(params, "--"+p.Name+"="+value)
		}
		fmt.Fprintf(&about, "\n  %-18s %s (%s)", l.Name, l.Doc, strings.Join(params, ", "))
	}
	var draws, workers int
	var n float64
	c := &cobra.Command{
		Use:   "limit LAW",
		Short: "Compute the law of a likelihood-ratio statistic at a singular truth",
		Long: `Compute the law, as n → ∞, of the likelihood-ratio statistic at a singular truth: the
supremum of a Gaussian process, simulated on a grid whose error is reported, or
exactly where it is known. Without a bound on the parameter that is lost at the
truth most of these statistics grow without limit; --n N adds, for contaminated and
arma11, the Gumbel law that approximates them at sample size N. Laws and their
parameters:
` + about.String(),
		Example: `  simulate limit homogeneity --bound 3 --draws 2000
  simulate limit cone --d 2 --c 1 --json`,
		Args:      exactly("a LAW"),
		ValidArgs: names,
		RunE: a.do(func(c *cobra.Command, args []string) error {
			if err := a.checkSeed(); err != nil {
				return err
			}
			if draws < 2 {
				return bad(fmt.Errorf("--draws %d: want a whole number from 2", draws))
			}
			params, err := lawParams(c, laws, args[0])
			if err != nil {
				return err
			}
			law, err := singular.NewLaw(args[0], params)
			if err != nil {
				return bad(err)
			}
			unbounded, err := gumbelAt(args[0], n, c.Flags().Changed("n"))
			if err != nil {
				return bad(err)
			}
			if workers < 1 {
				workers = runtime.GOMAXPROCS(0)
			}
			key := mc.Key{Seed: a.seed, Experiment: "limit"}
			l, err := law.Run(draws, mc.Each(workers, key, "draws"), key.Stream("draws"))
			if err != nil {
				return err
			}
			return a.printLimit(l, law.NaiveDF(), draws, unbounded)
		}),
	}
	// Laws share names of parameters but not their meaning or default: the text
	// above has both.
	for _, l := range laws {
		for _, p := range l.Params {
			switch {
			case c.Flags().Lookup(p.Name) != nil:
			case p.Truth:
				c.Flags().Bool(p.Name, p.Default != 0, "true or false, for the law "+l.Name)
			default:
				c.Flags().Float64(p.Name, p.Default, "number, for the laws above that have it")
				c.Flags().Lookup(p.Name).DefValue = "0"
			}
		}
	}
	c.Flags().Float64Var(&n, "n", 0, "sample size for the Gumbel approximation without a bound (contaminated, arma11)")
	c.Flags().IntVar(&draws, "draws", singular.DefaultDraws, "draws of the process")
	c.Flags().IntVar(&workers, "workers", 0, "blocks of draws at a time; 0 is one a processor. The result does not depend on it")
	a.withSeed(c)
	a.withJSON(c)
	return c
}

// lawParams returns the parameters given on the command line, and refuses those
// that the law does not have.
func lawParams(c *cobra.Command, laws []singular.LawInfo, name string) (map[string]float64, error) {
	at := slices.IndexFunc(laws, func(l singular.LawInfo) bool { return l.Name == name })
	params := map[string]float64{}
	if at < 0 {
		return params, nil // NewLaw names the known ones
	}
	own := map[string]bool{}
	var known []string
	for _, p := range laws[at].Params {
		own[p.Name] = true
		known = append(known, "--"+p.Name)
	}
	for _, l := range laws {
		for _, p := range l.Params {
			f := c.Flags().Lookup(p.Name)
			if !f.Changed {
				continue
			}
			if !own[p.Name] {
				return nil, bad(fmt.Errorf("--%s: the law %s has no such parameter; it has %s", p.Name, name, strings.Join(known, ", ")))
			}
			if p.Truth {
				params[p.Name] = 0
				if f.Value.String() == "true" {
					params[p.Name] = 1
				}
				continue
			}
			v, err := strconv.ParseFloat(f.Value.String(), 64)
			if err != nil {
				return nil, bad(fmt.Errorf("--%s: %w", p.Name, err))
			}
			params[p.Name] = v
		}
	}
	return params, nil
}

// An unboundedLaw is the Gumbel approximation of a statistic whose parameter has
// no bound.
type unboundedLaw struct {
	N         number            `json:"n"`
	Location  number            `json:"location"`
	Mean      number            `json:"mean"`
	Quantiles map[string]number `json:"quantiles"`
	Remark    string            `json:"remark"`
}

// limitLevels are the quantiles that are printed.
func limitLevels() []string { return []string{"0.5", "0.9", "0.95", "0.99"} }

func gumbelAt(law string, n float64, asked bool) (*unboundedLaw, error) {
	if !asked {
		return nil, nil
	}
	var g singular.Gumbel
	var err error
	u := &unboundedLaw{N: number(n), Quantiles: map[string]number{}}
	switch law {
	case "contaminated":
		g, err = singular.GumbelContaminated(n)
		u.Remark = "poor at real n: at n = 10000 the statistic has mean 1.70 ± 0.17 and 95 % point 5.27, this law 0.39 and 5.18"
	case "arma11":
		g, err = singular.GumbelARMA(n)
		u.Remark = "poor at real n: of use in the upper tail only; prefer a bound or a bootstrap"
	default:
		return nil, fmt.Errorf("--n: no approximation without a bound is known for the law %s; it is for contaminated and arma11", law)
	}
	if err != nil {
		return nil, fmt.Errorf("--n: %w", err)
	}
	u.Location, u.Mean = number(g.Location), number(g.Mean())
	for _, s := range limitLevels() {
		p, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return nil, err
		}
		u.Quantiles[s] = number(g.Quantile(p))
	}
	return u, nil
}

func (a *app) printLimit(l *singular.Limit, df, draws int, unbounded *unboundedLaw) error {
	levels := limitLevels()
	quantiles, errs := map[string]number{}, map[string]number{}
	var rows [][]string
	row := func(name string, e singular.Estimate) {
		se := "exact"
		if !l.Exact {
			se = experiments.FormatSE(e.SE)
		}
		rows = append(rows, []string{name, experiments.Format(e.Value), se})
	}
	mean, zero := l.Mean(), l.PZero()
	row("mean", mean)
	row("P(T = 0)", zero)
	for _, s := range levels {
		p, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return err
		}
		q := l.Quantile(p)
		quantiles[s], errs[s] = number(q.Value), number(q.SE)
		row("quantile "+s, q)
	}
	if l.Exact {
		draws = 0
	}
	if a.json {
		return a.printJSON(struct {
			Law         string            `json:"law"`
			Seed        uint64            `json:"seed"`
			Exact       bool              `json:"exact"`
			Draws       int               `json:"draws"` // 0: exact
			Mean        number            `json:"mean"`
			SE          number            `json:"se"`
			PZero       number            `json:"p_zero"`
			Quantiles   map[string]number `json:"quantiles"`
			QuantilesSE map[string]number `json:"quantiles_se"`
			Grid        int               `json:"grid"`
			GridError   number            `json:"grid_error"`
			Gumbel      *unboundedLaw     `json:"gumbel,omitempty"`
		}{l.Law, a.seed, l.Exact, draws, number(mean.Value), number(mean.SE), number(zero.Value), quantiles, errs, l.Grid, number(l.GridError), unbounded})
	}
	a.printf("%s\n\n", l.Law)
	if err := a.table("T = 2 log(max L / L₀)|value|± s.e.", "T = 2 log(max L / L₀)", rows); err != nil {
		return err
	}
	if !l.Exact {
		a.printf("\n%d draws, seed %d; grid of %d points, of which the error in T is %s on average and at most %s\n",
			draws, a.seed, l.Grid, experiments.FormatSE(l.GridError), experiments.FormatSE(l.LargestGridErr))
	}
	p := l.PValue(distuv.ChiSquared{K: float64(df)}.Quantile(0.95))
	if u := unbounded; u != nil {
		a.printf("without a bound, n = %s: Gumbel approximation with mean %s, quantiles", strconv.FormatFloat(float64(u.N), 'f', -1, 64), experiments.Format(float64(u.Mean)))
		for _, s := range levels {
			a.printf(" %s (%s)", experiments.Format(float64(u.Quantiles[s])), s)
		}
		a.printf("; %s\n", u.Remark)
	}
	a.printf("regular theory says χ²(%d): its 5 %% test has level %s here\n", df, experiments.Format(p.Value))
	return nil
}
