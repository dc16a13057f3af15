package main

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/experiments"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
)

func (a *app) testCommand() *cobra.Command {
	var d dataFlags
	var h0, h1 string
	var opt estimation.TestOptions
	var workers int
	c := &cobra.Command{
		Use:   "test --h0 MODEL --h1 MODEL --data D",
		Short: "Test a model against a larger one, also where χ² does not apply",
		Long: `Test a model H0 against a larger one H1 by the likelihood ratio, and put side by side
what there is of p-values: the naive χ², the limit law at a singular null, the
parametric bootstrap and, for the number of components of a normal mixture, the
EM-test of Chen and Li. The last line says which to believe and why.

A null hypothesis with fixed coordinates is written MODEL@NAME=VALUE,… or with all
of them MODEL@θ, as cone@0,0. --bound restricts H1 to where the limit law exists:
the largest distance of a component mean from the sample mean in standard
deviations, |b| of the contaminated normal, |w| of a hidden unit, the modulus of the
moving-average root of ARMA(1,1).`,
		Example: `  simulate test --h0 mixture:k=1,sd=tied --h1 mixture:k=2,sd=tied --data faithful --column waiting --bootstrap 19
  simulate test --h0 arma:p=0,q=0,mean=true --h1 arma:mean=true --data lh --bound 0.9 --draws 2000 --json`,
		Args: exactly(),
		RunE: a.do(func(c *cobra.Command, _ []string) error {
			if err := a.checkTest(h0, h1, &opt, workers, c.Flags().Changed("bound")); err != nil {
				return err
			}
			m0, err := parseHypothesis("h0", h0)
			if err != nil {
				return err
			}
			m1, err := parseHypothesis("h1", h1)
			if err != nil {
				return err
			}
			z, t, err := a.bind(m1, &d)
			if err != nil {
				return err
			}
			a.noteMean(m1, z)
			if workers == 0 {
				workers = runtime.GOMAXPROCS(0)
			}
			key := mc.Key{Seed: a.seed, Experiment: "test"}
			opt.Rand, opt.Each = key.Stream("test"), mc.Each(workers, key, "tasks")
			opt.Replicated = a.countReplicates(opt.Bootstrap)
			r, err := estimation.LikelihoodRatio(c.Context(), m0, m1, z, opt)
			a.progress.stop()
			if errors.Is(err, estimation.ErrHypotheses) {
				return bad(err)
			}
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(testJSON(r, h0, h1, d.name, a.seed))
			}
			return a.printTest(r, fmt.Sprintf("%s, column %s", d.name, strings.Join(t.Names, ", ")))
		}),
	}
	d.add(c)
	f := c.Flags()
	f.StringVar(&h0, "h0", "", "null hypothesis: MODEL, or MODEL@NAME=VALUE,… with coordinates fixed")
	f.StringVar(&h1, "h1", "", "alternative, a MODEL that contains it")
	f.IntVar(&opt.Bootstrap, "bootstrap", 0, "parametric bootstrap replicates")
	f.Float64Var(&opt.Bound, "bound", 0, "bound on H1 for the limit law; 0 for none")
	f.IntVar(&opt.Starts, "starts", estimation.DefaultStarts, "random starts of each fit to the data")
	f.IntVar(&opt.Draws, "draws", 0, "draws of the limit law; 0 for 40000")
	f.IntVar(&workers, "workers", 0, "tasks at a time; 0 is one a processor. The result does not depend on it")
	for _, name := range []string{"h0", "h1"} {
		_ = c.RegisterFlagCompletionFunc(name, familyNames)
	}
	a.withSeed(c)
	a.withJSON(c)
	return c
}

func (a *app) checkTest(h0, h1 string, opt *estimation.TestOptions, workers int, bound bool) error {
	switch {
	case h0 == "":
		return bad(errors.New("--h0 is missing: want the null hypothesis as a MODEL"))
	case h1 == "":
		return bad(errors.New("--h1 is missing: want the alternative as a MODEL"))
	case opt.Bootstrap < 0:
		return bad(fmt.Errorf("--bootstrap %d: want a whole number from 0", opt.Bootstrap))
	case bound && (!(opt.Bound > 0) || math.IsInf(opt.Bound, 0)):
		return bad(fmt.Errorf("--bound %v: want a finite number above 0", opt.Bound))
	case opt.Starts < 1:
		return bad(fmt.Errorf("--starts %d: want a whole number from 1", opt.Starts))
	case opt.Draws < 0 || opt.Draws == 1:
		return bad(fmt.Errorf("--draws %d: want 0 or a whole number from 2", opt.Draws))
	case workers < 0:
		return bad(fmt.Errorf("--workers %d: want a whole number from 0", workers))
	}
	return a.checkSeed()
}

// parseHypothesis reads MODEL or MODEL@fixed, where fixed is all of θ or a list
// of NAME=VALUE.
func parseHypothesis(flag, text string) (models.Model, error) {
	name, at, fixed := strings.Cut(text, "@")
	m, err := models.Parse(name)
	if err != nil {
		return nil, bad(fmt.Errorf("--%s: %w", flag, err), "simulate list models prints the families and their keys")
	}
	if !fixed {
		return m, nil
	}
	if !strings.Contains(at, "=") {
		theta, err := parseTheta(m, flag, at)
		if err != nil {
			return nil, err
		}
		r, err := estimation.Restrict(m, theta)
		return r, bad(err)
	}
	names := paramNames(m)
	hold := make([]float64, len(names))
	for i := range hold {
		hold[i] = math.NaN()
	}
	for part := range strings.SplitSeq(at, ",") {
		k, v, _ := strings.Cut(part, "=")
		i := slices.Index(names, strings.TrimSpace(k))
		if i < 0 {
			return nil, bad(fmt.Errorf("--%s: %w", flag, &models.UnknownNameError{What: fmt.Sprintf("coordinate of %v", m), Name: strings.TrimSpace(k), Known: names}))
		}
		x, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
		if err != nil || math.IsNaN(x) {
			return nil, bad(fmt.Errorf("--%s: %s=%q is not a number", flag, names[i], v))
		}
		hold[i] = x
	}
	r, err := estimation.Restrict(m, hold)
	if err != nil {
		return nil, bad(fmt.Errorf("--%s: %w", flag, err))
	}
	return r, nil
}

// countReplicates returns what shows the progress of a bootstrap, safe for
// several goroutines.
func (a *app) countReplicates(total int) func() {
	p := a.newProgress()
	if p == nil || total == 0 {
		return nil
	}
	var mu sync.Mutex
	done := 0
	return func() {
		mu.Lock()
		defer mu.Unlock()
		done++
		if isTerminal(p.w) {
			p.report(experiments.Progress{Replicates: done, ReplicatesTotal: total})
			return
		}
		p.line("%d of %d bootstrap replicates", done, total)
	}
}

type testedModel struct {
	Model  string   `json:"model"`
	Dim    int      `json:"dim"`
	Params []string `json:"params"`
	Theta  []number `json:"theta"`
	LogLik number   `json:"loglik"`
	Status string   `json:"status"`
	Flags  []string `json:"flags"`
}

type byMethod[T any] struct {
	Chi2      T `json:"chi2"`
	Limit     T `json:"limit"`
	Bootstrap T `json:"bootstrap"`
	EMTest    T `json:"em_test"`
}

type testedOrder struct {
	Order     int    `json:"order"`
	Statistic number `json:"statistic"`
	Penalty   number `json:"penalty"`
}

type tested struct {
	H0         testedModel      `json:"h0"`
	H1         testedModel      `json:"h1"`
	Data       string           `json:"data"`
	Seed       uint64           `json:"seed"`
	N          int              `json:"n"`
	DF         int              `json:"df"`
	Statistic  number           `json:"statistic"`
	P          byMethod[number] `json:"p"`
	SE         byMethod[number] `json:"se"`
	Law        byMethod[string] `json:"law"`
	Reason     byMethod[string] `json:"reason"`
	Bound      *number          `json:"bound"`
	Null       string           `json:"null"`
	Strata     []string         `json:"strata"`
	EMTest     *testedOrder     `json:"em_test"`
	Replicates struct {
		Total  int `json:"total"`
		Failed int `json:"failed"`
	} `json:"replicates"`
	Warnings []string `json:"warnings"`
	Verdict  string   `json:"verdict"`
}

// each4 applies f to the p-values of a test.
func each4[T any](r *estimation.TestResult, f func(p estimation.PValue) T) byMethod[T] {
	return byMethod[T]{f(r.Chi2), f(r.Limit), f(r.Bootstrap), f(r.EM)}
}

func testJSON(r *estimation.TestResult, h0, h1, data string, seed uint64) tested {
	model := func(text string, rep *estimation.Report) testedModel {
		names := paramNames(rep.Model)
		return testedModel{text, len(names), notNil(names), numbers(rep.Theta), number(rep.LogLik), rep.Status.String(), notNil(rep.Flags)}
	}
	t := tested{
		H0: model(h0, r.Fit0), H1: model(h1, r.Fit1), Data: data, Seed: seed, N: r.N, DF: r.DF, Statistic: number(r.Statistic),
		P:      each4(r, func(p estimation.PValue) number { return number(p.P) }),
		SE:     each4(r, func(p estimation.PValue) number { return number(p.SE) }),
		Law:    each4(r, func(p estimation.PValue) string { return p.Law }),
		Reason: each4(r, func(p estimation.PValue) string { return p.Reason }),
		Null:   r.Null.String(), Strata: notNil(r.Strata), Warnings: notNil(r.Warnings), Verdict: r.Verdict,
	}
	if r.Bound > 0 {
		b := number(r.Bound)
		t.Bound = &b
	}
	if r.EMTest != nil {
		t.EMTest = &testedOrder{r.EMTest.Order, number(r.EMTest.Statistic), number(r.EMTest.VariancePenalty)}
	}
	t.Replicates.Total, t.Replicates.Failed = r.Replicates, r.Failed
	return t
}

func (a *app) printTest(r *estimation.TestResult, data string) error {
	a.printf("H0 %v against H1 %v on %s: n = %d, seed %d\n\n", r.H0, r.H1, data, r.N, a.seed)
	var rows [][]string
	for i, rep := range []*estimation.Report{r.Fit0, r.Fit1} {
		rows = append(rows, []string{"H" + strconv.Itoa(i), strconv.Itoa(rep.Dim), six(rep.LogLik), rep.Status.String(), strings.Join(rep.Flags, "; ")})
	}
	if err := a.table("model|coordinates|log-likelihood (nats)|status|", "model|status|", rows); err != nil {
		return err
	}
	t := "does not exist"
	if !math.IsNaN(r.Statistic) {
		t = "= " + experiments.Format(r.Statistic)
	}
	a.printf("\nT = 2 (ℓ1 − ℓ0) %s\n\n", t)
	if r.Bound > 0 {
		a.printf("H1 is restricted by the bound %s of the limit law\n\n", experiments.Format(r.Bound))
	}
	rows = nil
	row := func(name string, p estimation.PValue) {
		if !p.Available() {
			rows = append(rows, []string{name, "-", "", "none: " + p.Reason})
			return
		}
		se := "exact"
		if p.SE > 0 {
			se = experiments.FormatSE(p.SE)
		}
		value := experiments.Format(p.P)
		if p.P == 0 && p.SE > 0 {
			value = "< " + experiments.Format(2*p.SE)
		}
		rows = append(rows, []string{name, value, se, p.Law})
	}
	row("naive χ²", r.Chi2)
	row("limit law", r.Limit)
	row("bootstrap", r.Bootstrap)
	row("EM-test", r.EM)
	if err := a.table("p-value by|p|± s.e.|law", "p-value by|law", rows); err != nil {
		return err
	}
	if r.EMTest != nil {
		a.printf("\nthe statistic of the EM-test of order %d is %s\n", r.EMTest.Order, experiments.Format(r.EMTest.Statistic))
	}
	null := r.Null.String()
	if len(r.Strata) > 0 {
		null += ", on " + strings.Join(r.Strata, ", ")
	}
	a.printf("\nthe fit of H0 in H1 is %s\n", null)
	for _, w := range r.Warnings {
		a.printf("warning: %s\n", w)
	}
	a.printf("%s\n", r.Verdict)
	return nil
}
