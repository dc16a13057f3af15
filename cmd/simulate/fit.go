package main

import (
	"fmt"
	"math"
	"runtime"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/experiments"
	"github.com/neuromanifold/neuromanifold/internal/mc"
)

func (a *app) fitCommand() *cobra.Command {
	var d dataFlags
	var starts, workers int
	var intervals intervalFlags
	c := &cobra.Command{
		Use:   "fit MODEL --data D",
		Short: "Fit a model by maximum likelihood from many starts",
		Long: `Fit a model by maximum likelihood from many starts, and report what a reader of the
fit should know: standard errors where they exist, the rank of the observed
information, the distances to the singular strata, every distinct maximum and how
many starts reached it. The fit is the highest interior maximum found: a solution on
a variance floor is listed among the maxima and is never the fit.

Near the singular set a standard error says little. --profile gives the values at
which the likelihood, maximised over everything else, stays within half the χ²
quantile of its maximum, without an end where the data set none; --bootstrap fits
data drawn from the fit again.`,
		Example: `  simulate fit mixture:k=2,sd=tied --data faithful --column waiting
  simulate fit arma:mean=true --data lh --profile --bootstrap 99 --json`,
		Args:              exactly("a MODEL"),
		ValidArgsFunction: familyNames,
		RunE: a.do(func(c *cobra.Command, args []string) error {
			if err := a.checkSeed(); err != nil {
				return err
			}
			if starts < 1 {
				return bad(fmt.Errorf("--starts %d: want a whole number from 1", starts))
			}
			if workers < 0 {
				return bad(fmt.Errorf("--workers %d: want a whole number from 0", workers))
			}
			if err := intervals.check(); err != nil {
				return err
			}
			m, err := parseModel(args[0])
			if err != nil {
				return err
			}
			z, t, err := a.bind(m, &d)
			if err != nil {
				return err
			}
			if _, err := m.Bind(z); err != nil {
				return bad(err)
			}
			a.noteMean(m, z)
			if workers == 0 {
				workers = runtime.GOMAXPROCS(0)
			}
			key := mc.Key{Seed: a.seed, Experiment: "fit"}
			r, err := estimation.MLE(c.Context(), m, z, estimation.Options{
				Starts: starts, Rand: key.Stream("proposals"), Each: mc.Each(workers, key, "starts"),
			})
			if err != nil {
				return err
			}
			vs, err := a.intervals(c.Context(), intervals, m, z, r, workers)
			if err != nil {
				return err
			}
			if a.json {
				f := fitJSON(r, args[0], d.name, a.seed)
				f.Intervals = vs
				err = a.printJSON(f)
			} else {
				err = a.printFit(r, vs, fmt.Sprintf("%s, column %s", d.name, strings.Join(t.Names, ", ")))
			}
			switch {
			case err != nil:
			case r.Status == estimation.Failed:
				err = fmt.Errorf("the fit failed: %s", r.Status.Advice())
			case r.Status == estimation.NoMaximum:
				err = fmt.Errorf("there is no interior maximum: %s", r.Status.Advice())
			}
			return err
		}),
	}
	d.add(c)
	intervals.add(c)
	c.Flags().IntVar(&starts, "starts", estimation.DefaultStarts, "random starts")
	c.Flags().IntVar(&workers, "workers", 0, "tasks at a time; 0 is one a processor. The result does not depend on it")
	a.withSeed(c)
	a.withJSON(c)
	return c
}

type fittedMaximum struct {
	LogLik  number   `json:"loglik"`
	Reached int      `json:"reached"`
	Theta   []number `json:"theta"`
	Status  string   `json:"status"`
	Floored []string `json:"floored,omitempty"`
}

type fittedStratum struct {
	Name     string `json:"name"`
	Codim    int    `json:"codim"`
	Distance number `json:"distance"`
	On       bool   `json:"on"`
}

type fittedRidge struct {
	Pole  number `json:"pole"`
	Zero  number `json:"zero"`
	Gap   number `json:"gap"`
	Drop  number `json:"drop"`
	Lo    number `json:"lo"`
	Hi    number `json:"hi"`
	LoEnd string `json:"lo_end"`
	HiEnd string `json:"hi_end"`
}

type soundMaximum struct {
	Theta  []number `json:"theta"`
	LogLik number   `json:"loglik"`
}

type fitted struct {
	Model       string            `json:"model"`
	Data        string            `json:"data"`
	Seed        uint64            `json:"seed"`
	Params      []string          `json:"params"`
	Theta       []number          `json:"theta"`
	SE          []number          `json:"se"`
	Estimable   []bool            `json:"estimable"`
	Reason      []string          `json:"reason"`
	LogLik      number            `json:"loglik"`
	Dim         int               `json:"dim"`
	N           int               `json:"n"`
	AIC         number            `json:"aic"`
	BIC         number            `json:"bic"`
	Status      string            `json:"status"`
	Gain        number            `json:"gain"`
	Warnings    []string          `json:"warnings"`
	Flags       []string          `json:"flags"`
	Sound       *soundMaximum     `json:"sound"`
	Starts      estimation.Starts `json:"starts"`
	Maxima      []fittedMaximum   `json:"maxima"`
	Rank        *int              `json:"rank"`
	Eigenvalues []number          `json:"eigenvalues"`
	Strata      []fittedStratum   `json:"strata"`
	Ridge       *fittedRidge      `json:"ridge,omitempty"`
	Intervals   []fittedInterval  `json:"intervals,omitempty"`
}

func fitJSON(r *estimation.Report, model, data string, seed uint64) fitted {
	f := fitted{
		Model: model, Data: data, Seed: seed, Params: paramNames(r.Model), Theta: numbers(r.Theta), SE: numbers(r.SE),
		Reason: r.Reason, LogLik: number(r.LogLik), Dim: r.Dim, N: r.N, AIC: number(r.AIC), BIC: number(r.BIC),
		Status: r.Status.String(), Gain: number(r.Gain), Warnings: notNil(r.Warnings), Flags: notNil(r.Flags), Starts: r.Starts,
		Estimable: []bool{}, Eigenvalues: numbers(r.Eigenvalues), Maxima: []fittedMaximum{}, Strata: []fittedStratum{},
	}
	for _, se := range r.SE {
		f.Estimable = append(f.Estimable, !math.IsNaN(se))
	}
	if r.Rank >= 0 {
		f.Rank = &r.Rank
	}
	if r.Sound != nil {
		f.Sound = &soundMaximum{numbers(r.Sound.Theta), number(r.Sound.LogLik)}
	}
	if g := r.Ridge; g != nil {
		f.Ridge = &fittedRidge{number(g.Pole), number(g.Zero), number(g.Gap), number(g.Drop), number(g.Lo), number(g.Hi), g.LoEnd.String(), g.HiEnd.String()}
	}
	for _, m := range r.Maxima {
		f.Maxima = append(f.Maxima, fittedMaximum{number(m.LogLik), m.Reached, numbers(m.Theta), m.Status.String(), m.Floored})
	}
	for _, s := range r.Strata {
		f.Strata = append(f.Strata, fittedStratum{s.Name, s.Codim, number(s.Distance), s.On})
	}
	return f
}

func notNil(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func (a *app) printFit(r *estimation.Report, vs []fittedInterval, data string) error {
	a.printf("%v fitted to %s: n = %d, seed %d\n\n", r.Model, data, r.N, a.seed)
	if r.Status == estimation.NoMaximum {
		return a.printNoMaximum(r)
	}
	if r.Dim == 0 {
		a.printf("log-likelihood  %s nats; there is nothing to fit: the model has no coordinates\n", six(r.LogLik))
		return nil
	}
	const most = 60
	ps := r.Model.Params()
	var rows [][]string
	for i, p := range ps {
		if i == most {
			rows = append(rows, []string{"…", "", "", fmt.Sprintf("%d in all: see --json", len(ps))})
			break
		}
		se := experiments.Format(r.SE[i])
		if math.IsNaN(r.SE[i]) {
			se = "not estimable: " + strings.TrimPrefix(r.Reason[i], "not estimable: ")
		}
		rows = append(rows, []string{p.Name, p.Unit, experiments.Format(r.Theta[i]), se})
	}
	if err := a.table("coordinate|unit|estimate|s.e.", "coordinate|unit|s.e.", rows); err != nil {
		return err
	}
	if err := a.printIntervals(vs); err != nil {
		return err
	}
	rank := "unknown"
	if r.Rank >= 0 {
		rank = fmt.Sprintf("%d of %d (%v)", r.Rank, r.Dim, r.Route)
	}
	a.printf("\nlog-likelihood  %s nats\nAIC             %s\nBIC             %s\nrank            %s\nstarts          %d tried, %d reached the best\n",
		six(r.LogLik), six(r.AIC), six(r.BIC), rank, r.Starts.Tried, r.Starts.ReachedBest)

	if len(r.Maxima) > 1 {
		if err := a.printMaxima(r, r.LogLik); err != nil {
			return err
		}
	}
	if len(r.Strata) > 0 {
		rows = nil
		for i, s := range r.Strata {
			if i == most {
				rows = append(rows, []string{"…", "", "", fmt.Sprintf("%d in all", len(r.Strata))})
				break
			}
			on := ""
			if s.On {
				on = "on it"
			}
			rows = append(rows, []string{s.Name, strconv.Itoa(s.Codim), experiments.Format(s.Distance), on})
		}
		a.printf("\n")
		if err := a.table("stratum|codim|distance|", "stratum|", rows); err != nil {
			return err
		}
	}
	if r.Ridge != nil {
		a.printRidge(r.Ridge)
	}
	a.printf("\n")
	for _, w := range r.Warnings {
		a.printf("warning: %s\n", w)
	}
	for _, f := range r.Flags {
		a.printf("flag: %s\n", f)
	}
	switch {
	case len(r.Flags) == 0, r.Sound != nil && r.Sound.LogLik == r.LogLik:
	case r.Sound != nil:
		a.printf("best maximum without them: %s nats at θ = %s\n", six(r.Sound.LogLik), sixes(r.Sound.Theta))
	case r.N*max(1, r.Model.Shape().Q) <= r.Dim:
		a.printf("no number of starts mends that: take a smaller model, or more data\n")
	default:
		a.printf("no start reached a maximum without them: try more --starts, or a smaller model\n")
	}
	a.printf("%s\n", verdict(r))
	return nil
}

// printNoMaximum shows what the starts found where none of it is a fit.
func (a *app) printNoMaximum(r *estimation.Report) error {
	a.printf("%d starts, no interior maximum; what they found\n", r.Starts.Tried)
	if err := a.printMaxima(r, r.Maxima[0].LogLik); err != nil {
		return err
	}
	a.printf("\n")
	for _, w := range r.Warnings {
		a.printf("warning: %s\n", w)
	}
	for _, f := range r.Flags {
		a.printf("flag: %s\n", f)
	}
	return nil
}

func (a *app) printRidge(g *estimation.Ridge) {
	a.printf("\nnearest pole and zero  %s and %s, %s apart\n", six(g.Pole), six(g.Zero), experiments.Format(g.Gap))
	a.printf("ridge of the pole      %s to %s: the profile likelihood stays within %.2f nats of the fit", experiments.Format(g.Lo), experiments.Format(g.Hi), g.Drop)
	switch {
	case g.LoEnd == estimation.AtBound && g.HiEnd == estimation.AtBound:
		a.printf(" at every pole: the data do not say where it is\n")
	case g.LoEnd == estimation.AtBound || g.HiEnd == estimation.AtBound:
		a.printf(" up to the unit circle on one side\n")
	default:
		a.printf("\n")
	}
}

// sixes writes θ as --at takes it, to six digits.
func sixes(theta []float64) string {
	parts := make([]string, len(theta))
	for i, v := range theta {
		parts[i] = strconv.FormatFloat(v, 'g', 6, 64)
	}
	return strings.Join(parts, ",")
}

// printMaxima lists the maxima with their distance from top.
func (a *app) printMaxima(r *estimation.Report, top float64) error {
	const most = 12
	var rows [][]string
	for i, m := range r.Maxima {
		if i == most {
			rows = append(rows, []string{"…", "", "", "", fmt.Sprintf("%d in all: see --json", len(r.Maxima))})
			break
		}
		var remarks []string
		if len(m.Floored) > 0 {
			remarks = append(remarks, "on the variance floor: "+strings.Join(m.Floored, ", "))
		}
		for _, h := range m.Small {
			points := fmt.Sprintf("%.3g points", h.Points)
			if points == "1 points" {
				points = "1 point"
			}
			remarks = append(remarks, fmt.Sprintf("component %d holds %s", h.Component, points))
		}
		rows = append(rows, []string{six(m.LogLik), experiments.Format(top - m.LogLik), strconv.Itoa(m.Reached), m.Status.String(), strings.Join(remarks, "; ")})
	}
	a.printf("\n")
	return a.table("maximum (nats)|below|reached|status|", "status|", rows)
}

// verdict is the last line: how the fit ended and how far to trust it.
func verdict(r *estimation.Report) string {
	missing := 0
	for _, se := range r.SE {
		if math.IsNaN(se) {
			missing++
		}
	}
	on := 0
	for _, s := range r.Strata {
		if s.On {
			on++
		}
	}
	parts := []string{fmt.Sprintf("%s: %d of %d starts reached this maximum", r.Status, r.Starts.ReachedBest, r.Starts.Tried)}
	switch {
	case missing == 0:
		parts = append(parts, "every coordinate is estimable")
	case missing == r.Dim:
		parts = append(parts, "no coordinate has a standard error")
	default:
		parts = append(parts, fmt.Sprintf("%d of %d coordinates have no standard error", missing, r.Dim))
	}
	if on > 0 {
		parts = append(parts, "the estimate lies on the singular set")
	}
	if len(r.Flags) > 0 {
		parts = append(parts, "flagged as spurious")
	}
	return strings.Join(parts, "; ")
}
