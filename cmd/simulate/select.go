package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/selection"
)

func (a *app) selectCommand() *cobra.Command {
	var d dataFlags
	var orders, figures, prior string
	var criteria []string
	var starts, particles, workers int
	var about strings.Builder
	var names []string
	for _, k := range selection.Criteria() {
		fmt.Fprintf(&about, "\n  %-5s %s", k.Name, k.Doc)
		names = append(names, k.Name)
	}
	c := &cobra.Command{
		Use:   "select FAMILY --data D --orders 1..6",
		Short: "Choose an order: one table of criteria, and what to believe",
		Long: `Fit a family of models of rising order to data, score them by the criteria that are in
use, all on the scale −2ℓ + penalty where smaller is better, and say which to
believe: AIC and BIC assume that no part of the model is redundant at the truth,
which is the very question. Orders are k for mixture and binmix, hidden for mlp, rbf
and rrr, and p and q for arma: --orders p=0..3,q=0..2. The Bayesian criteria (dic,
waic, loo, wbic, fe) use the family's weak prior and sequential Monte Carlo; leave
them out of --criteria for an answer at once. --prior changes the prior, and with it
the learning coefficients of sbic:
  weak         the default, on the scale of the data
  dirichlet=α  weights of a mixture ~ Dirichlet(α, …, α) in place of Dirichlet(1)
  normal=c     coordinates with a normal weak prior: c times as wide
  uniform=c    the same coordinates: uniform on the mean ± c standard deviations
  jeffreys     density √det F, up to three coordinates that all have bounds
dirichlet=α may be joined to one of the next two, as dirichlet=0.5,normal=3. Criteria:
` + about.String(),
		Example: `  simulate select mixture --data galaxies --orders 1..4 --criteria aic,bic,sbic
  simulate select arma:mean=true --data lakehuron --orders p=0..2,q=0..1 --criteria aic,bic,sbic,pmdl`,
		Args:              exactly("a FAMILY"),
		ValidArgsFunction: familyNames,
		RunE: a.do(func(c *cobra.Command, args []string) error {
			if err := a.checkSeed(); err != nil {
				return err
			}
			switch {
			case starts < 1:
				return bad(fmt.Errorf("--starts %d: want a whole number from 1", starts))
			case particles < 16:
				return bad(fmt.Errorf("--particles %d: want a whole number from 16", particles))
			case workers < 0:
				return bad(fmt.Errorf("--workers %d: want a whole number from 0", workers))
			}
			chosen, err := selection.Lookup(criteria...)
			if err != nil {
				return bad(fmt.Errorf("--criteria: %w", err), "allowed are "+strings.Join(names, ", "))
			}
			candidates, keys, err := parseCandidates(args[0], orders)
			if err != nil {
				return err
			}
			z, t, err := a.bind(candidates[0].Model, &d)
			if err != nil {
				return err
			}
			for _, k := range chosen {
				if len(criteria) > 0 && k.Needs&selection.NeedRows != 0 && candidates[0].Model.Shape().Series {
					return bad(fmt.Errorf("--criteria %s: it needs exchangeable rows, and %s takes a series", k.Name, candidates[0].Name))
				}
			}
			for _, k := range candidates {
				if _, err := k.Model.Bind(z); err != nil {
					return bad(err)
				}
			}
			priors, err := selectPrior(prior, chosen, candidates, z)
			if err != nil {
				return err
			}
			a.noteMean(candidates[0].Model, z)
			if workers == 0 {
				workers = runtime.GOMAXPROCS(0)
			}
			table, err := selection.Compare(c.Context(), candidates, z, selection.Options{
				Criteria: chosen, Starts: starts, Particles: particles, Prior: priors,
				Streams: a.selectStreams(workers), Progress: a.selectProgress(),
			})
			if errors.Is(err, selection.ErrPriorMass) {
				return bad(fmt.Errorf("--prior %s: %w", prior, err))
			}
			if err != nil {
				return err
			}
			if figures != "" {
				if err := saveSelectFigures(figures, table, keys, z, t.Names); err != nil {
					return fmt.Errorf("--figures: %w", err)
				}
			}
			if a.json {
				return a.printJSON(selectJSON(table, keys, args[0], d.name, a.seed))
			}
			return a.printSelect(table, fmt.Sprintf("%s on %s, column %s", args[0], d.name, strings.Join(t.Names, ", ")), prior)
		}),
	}
	d.add(c)
	c.Flags().StringVar(&orders, "orders", "", "orders to compare, as 1..6, 1,2,4 or p=0..3,q=0..2")
	c.Flags().StringSliceVar(&criteria, "criteria", nil, "criteria to compute (default all)")
	c.Flags().StringVar(&prior, "prior", "weak", "prior of every model, as above")
	c.Flags().IntVar(&starts, "starts", estimation.DefaultStarts, "random starts of every fit")
	c.Flags().IntVar(&particles, "particles", 1200, "particles of each of four runs of sequential Monte Carlo")
	c.Flags().StringVar(&figures, "figures", "", "directory for figures as SVG and PNG, with their data as CSV")
	c.Flags().IntVar(&workers, "workers", 0, "tasks at a time; 0 is one a processor. The result does not depend on it")
	_ = c.RegisterFlagCompletionFunc("criteria", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
	a.withSeed(c)
	a.withJSON(c)
	return c
}

// selectPrior reads --prior; nil is the weak one. Every error is a wrong request.
func selectPrior(text string, criteria []selection.Criterion, candidates []selection.Candidate, z *models.Data) (func(models.Model, *models.Data) (estimation.Prior, error), error) {
	if text == "weak" {
		return nil, nil
	}
	if !slices.ContainsFunc(criteria, func(k selection.Criterion) bool { return k.Needs.Bayesian() || k.Name == "sbic" }) {
		return nil, bad(fmt.Errorf("--prior %s: none of the criteria has a prior", text), "dic, waic, loo, wbic and fe do, and sbic uses its shape")
	}
	prior := func(m models.Model, z *models.Data) (estimation.Prior, error) {
		return estimation.ParsePrior(text, m, z)
	}
	for _, k := range candidates {
		if models.Dim(k.Model) == 0 {
			continue
		}
		if _, err := prior(k.Model, z); err != nil {
			return nil, bad(fmt.Errorf("--prior: %w", err), "allowed is "+estimation.PriorForms)
		}
	}
	return prior, nil
}

// selectStreams gives fits the random numbers of the command fit, so that both
// start from the same points.
func (a *app) selectStreams(workers int) func(purpose string) (*rand.Rand, models.Each) {
	return func(purpose string) (*rand.Rand, models.Each) {
		if purpose == "fit" {
			key := mc.Key{Seed: a.seed, Experiment: "fit"}
			return key.Stream("proposals"), mc.Each(workers, key, "starts")
		}
		key := mc.Key{Seed: a.seed, Experiment: "select", Cell: purpose}
		return key.Stream("draws"), mc.Each(workers, key, "tasks")
	}
}

// selectProgress says now and then what is being done.
func (a *app) selectProgress() func(what string) {
	last := time.Now()
	return func(what string) {
		if now := time.Now(); now.Sub(last) >= every {
			last = now
			a.note("%s", what)
		}
	}
}
