package main

import (
	"math"
	"strconv"

	"github.com/spf13/cobra"
)

func (a *app) loglikCommand() *cobra.Command {
	var d dataFlags
	var at string
	var terms bool
	c := &cobra.Command{
		Use:   "loglik MODEL --data D --at θ",
		Short: "Evaluate a log-likelihood at a point",
		Long: `Evaluate the log-likelihood of a model at θ, in nats. θ is a comma-separated list in
the order of the coordinates (simulate describe MODEL).`,
		Example: `  simulate loglik mixture:k=2,sd=tied --data faithful --column waiting --at 0.36,54.6,80.1,34.4
  simulate loglik arma:p=1,q=0,mean=true --data lh --at 0.57,2.4,0.2 --json`,
		Args:              exactly("a MODEL"),
		ValidArgsFunction: familyNames,
		RunE: a.do(func(_ *cobra.Command, args []string) error {
			m, err := parseModel(args[0])
			if err != nil {
				return err
			}
			theta, err := parseTheta(m, "at", at)
			if err != nil {
				return err
			}
			z, _, err := a.bind(m, &d)
			if err != nil {
				return err
			}
			l, err := m.Bind(z)
			if err != nil {
				return bad(err)
			}
			value := l.LogLik(theta)
			var each []float64
			if terms {
				each = make([]float64, l.N())
				l.Terms(each, theta)
			}
			if a.json {
				out := struct {
					Model  string   `json:"model"`
					Data   string   `json:"data"`
					Params []string `json:"params"`
					Theta  []number `json:"theta"`
					LogLik number   `json:"loglik"`
					Finite bool     `json:"finite"`
					N      int      `json:"n"`
					Terms  []number `json:"terms,omitempty"`
				}{args[0], d.name, paramNames(m), numbers(theta), number(value), !math.IsInf(value, 0), l.N(), nil}
				if terms {
					out.Terms = numbers(each)
				}
				return a.printJSON(out)
			}
			if terms {
				rows := make([][]string, len(each))
				for i, t := range each {
					rows[i] = []string{strconv.Itoa(i + 1), six(t)}
				}
				if err := a.table("row|term (nats)", "", rows); err != nil {
					return err
				}
				a.printf("\n")
			}
			a.printf("log-likelihood %s nats, n = %d\n", six(value), l.N())
			return nil
		}),
	}
	d.add(c)
	c.Flags().StringVar(&at, "at", "", "θ, as --at=-0.5,0.3,1")
	c.Flags().BoolVar(&terms, "terms", false, "the log-density of every row as well")
	a.withJSON(c)
	return c
}
