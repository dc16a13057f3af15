package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/experiments"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

// A coefficient is a learning coefficient in JSON.
type coefficient struct {
	Lambda number `json:"lambda"`
	Mult   *int   `json:"mult"` // null: unknown, the value is a bound
	Kind   string `json:"kind"`
	Ref    string `json:"ref"`
}

func jsonCoefficient(c models.Coefficient) *coefficient {
	out := &coefficient{number(c.Lambda), &c.Mult, c.Kind.String(), c.Ref}
	if c.Mult == 0 {
		out.Mult = nil
	}
	return out
}

func coefficientText(c models.Coefficient) string {
	s := "λ = " + experiments.Format(c.Lambda)
	if c.Kind == models.UpperBound {
		s = "λ ≤ " + experiments.Format(c.Lambda)
	}
	if c.Mult > 0 {
		s += fmt.Sprintf(", multiplicity %d", c.Mult)
	}
	return fmt.Sprintf("%s (%v; %s)", s, c.Kind, c.Ref)
}

func (a *app) fisherCommand() *cobra.Command {
	var d dataFlags
	var at string
	var draws int
	var monteCarlo bool
	c := &cobra.Command{
		Use:   "fisher MODEL --at θ",
		Short: "Compute the Fisher information at a point, and what is singular there",
		Long: `Compute the Fisher information per observation at θ: its spectrum and rank, the null
directions in the names of the coordinates, the singular strata and the learning
coefficient where it is proved. A model with inputs is averaged over their law, or
with --data over the inputs of the data.`,
		Example: `  simulate fisher mlp:hidden=2,act=erf --at=0.5,0.5,1,1
  simulate fisher mixture:k=2,sd=1 --at 0.3,-1,1 --json`,
		Args:              exactly("a MODEL"),
		ValidArgsFunction: familyNames,
		RunE: a.do(func(_ *cobra.Command, args []string) error {
			if err := a.checkSeed(); err != nil {
				return err
			}
			m, err := parseModel(args[0])
			if err != nil {
				return err
			}
			theta, err := parseTheta(m, "at", at)
			if err != nil {
				return err
			}
			o := singular.FisherOptions{MonteCarlo: monteCarlo, Draws: draws,
				Rng: mc.Key{Seed: a.seed, Experiment: "fisher"}.Stream("draws")}
			if draws < 2 {
				return bad(fmt.Errorf("--draws %d: want a whole number from 2", draws))
			}
			if d.name != "" {
				if o.Data, err = a.inputs(m, &d); err != nil {
					return err
				}
			}
			f, err := singular.NewFisher(m, o)
			if err != nil {
				return err
			}
			g, err := f.Describe(theta)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(fisherJSON(m, g, args[0], a.seed))
			}
			return a.printFisher(m, g)
		}),
	}
	d.add(c)
	c.Flags().StringVar(&at, "at", "", "θ, as --at=-0.5,0.3,1")
	c.Flags().BoolVar(&monteCarlo, "monte-carlo", false, "simulate even where there is a better route")
	c.Flags().IntVar(&draws, "draws", 20_000, "draws of the Monte Carlo route; for a series its length")
	a.withSeed(c)
	a.withJSON(c)
	return c
}

// inputs reads the conditioning columns of the data. Modelled columns may be
// there and do not matter.
func (a *app) inputs(m models.Model, d *dataFlags) (*models.Data, error) {
	p := m.Shape().P
	if p == 0 {
		return nil, bad(fmt.Errorf("--data: %v has no inputs to average over", m))
	}
	t, err := a.readTable(d)
	if err != nil {
		return nil, err
	}
	if len(t.Names) < p {
		return nil, bad(fmt.Errorf("--data %s has %d columns, %v takes %d inputs", d.name, len(t.Names), m, p))
	}
	z := models.NewData(t.N, p, m.Shape().Q)
	for i := range t.N {
		copy(z.X(i), t.V[i*len(t.Names):])
	}
	return z, nil
}

func matrix(m mat.Matrix) [][]number {
	r, c := m.Dims()
	out := make([][]number, r)
	for i := range out {
		out[i] = make([]number, c)
		for j := range out[i] {
			out[i][j] = number(m.At(i, j))
		}
	}
	return out
}

func fisherJSON(m models.Model, g *singular.Geometry, model string, seed uint64) any {
	out := struct {
		Model       string          `json:"model"`
		Seed        uint64          `json:"seed"`
		Params      []string        `json:"params"`
		Theta       []number        `json:"theta"`
		Fisher      [][]number      `json:"fisher"`
		Route       string          `json:"route"`
		ErrBound    number          `json:"err_bound"`
		SE          [][]number      `json:"se,omitempty"`
		Eigenvalues []number        `json:"eigenvalues"`
		Rank        int             `json:"rank"`
		Numerical   int             `json:"rank_numerical"`
		Det         number          `json:"det"`
		LogDet      number          `json:"logdet"`
		Condition   number          `json:"condition"` // null: infinite, rank < d
		Null        [][]number      `json:"null_directions"`
		NullNames   []string        `json:"null_names"`
		Strata      []fittedStratum `json:"strata"`
		RLCT        *coefficient    `json:"rlct"`
		Refusal     string          `json:"rlct_refusal,omitempty"`
		Chart       *chartPoint     `json:"chart,omitempty"`
	}{
		Chart: chartAt(m, g),
		Model: model, Seed: seed, Params: g.Params, Theta: numbers(g.Theta), Fisher: matrix(g.Info.F),
		Route: g.Info.Route.String(), ErrBound: number(g.Info.ErrBound), Eigenvalues: numbers(g.Values),
		Rank: g.Rank, Numerical: g.RankNumerical, Det: number(g.Det()), LogDet: number(g.LogDet), Condition: number(g.Condition),
		Null: [][]number{}, NullNames: []string{}, Strata: []fittedStratum{}, Refusal: g.Refusal,
	}
	if g.Info.SE != nil {
		out.SE = matrix(g.Info.SE)
	}
	vectors, names := g.Directions(g.Null)
	for i, v := range vectors {
		out.Null = append(out.Null, numbers(v))
		out.NullNames = append(out.NullNames, names[i])
	}
	for _, s := range g.Strata {
		out.Strata = append(out.Strata, fittedStratum{s.Name, s.Codim, number(s.Distance), s.On})
	}
	if g.RLCT != nil {
		out.RLCT = jsonCoefficient(*g.RLCT)
	}
	return out
}

// A chartPoint is θ in the regular chart of two units, and the information there.
type chartPoint struct {
	Coords    []string   `json:"coords"`
	At        []number   `json:"at"`
	Fisher    [][]number `json:"fisher"`
	Condition number     `json:"condition"`
}

// chartAt returns nil where the model or θ has no regular chart, and where the
// average was not over the law of the inputs.
func chartAt(m models.Model, g *singular.Geometry) *chartPoint {
	c, err := singular.NewChart(m)
	if err != nil || g.Info.Route != models.Exact && g.Info.Route != models.Quadrature {
		return nil
	}
	theta := g.Theta
	names := c.Coords()
	at, f := make([]float64, len(names)), mat.NewSymDense(len(names), nil)
	if c.Forward(at, theta) != nil {
		return nil
	}
	if _, err := c.Fisher(f, at); err != nil {
		return nil
	}
	s, err := singular.NewSpectrum(f)
	if err != nil {
		return nil
	}
	return &chartPoint{names, numbers(at), matrix(f), number(s.Condition)}
}

func (a *app) printFisher(m models.Model, g *singular.Geometry) error {
	d := len(g.Params)
	a.printf("Fisher information per observation of %v, route: %v", m, g.Info.Route)
	switch {
	case g.Info.SE != nil:
		a.printf(", %d draws, seed %d", g.Info.Draws, a.seed)
	case g.Info.ErrBound > 0:
		a.printf(", error below %.1e", g.Info.ErrBound)
	}
	if g.Info.Note != "" {
		a.printf(" (%s)", g.Info.Note)
	}
	a.printf("\n\n")
	const most = 10
	if d <= most {
		var rows [][]string
		for i, name := range g.Params {
			row := []string{name, experiments.Format(g.Theta[i])}
			for j := range d {
				row = append(row, experiments.Format(g.Info.F.At(i, j)))
			}
			rows = append(rows, row)
		}
		if err := a.table("coordinate|θ|"+strings.Join(g.Params, "|"), "coordinate", rows); err != nil {
			return err
		}
		a.printf("\n")
	}
	var values []string
	for i, v := range g.Values {
		if i == 20 {
			values = append(values, fmt.Sprintf("… (%d in all)", len(g.Values)))
			break
		}
		values = append(values, experiments.Format(v))
	}
	a.printf("eigenvalues  %s\nrank         %d of %d", strings.Join(values, "  "), g.Rank, d)
	if g.RankNumerical != g.Rank {
		a.printf(" from the factored form; %d in plain float64", g.RankNumerical)
	}
	a.printf("\ndeterminant  %s\ncondition    %s\n", experiments.Format(g.Det()), experiments.Format(g.Condition))
	if p := chartAt(m, g); p != nil {
		var at []string
		for i, name := range p.Coords {
			at = append(at, name+" = "+experiments.Format(float64(p.At[i])))
		}
		a.printf("regular chart %s: condition %s\n", strings.Join(at, ", "), experiments.Format(float64(p.Condition)))
	}
	for _, part := range []struct {
		title string
		basis *mat.Dense
	}{{"same law     ", g.Tangent}, {"null, higher ", g.Extra}} {
		_, names := g.Directions(part.basis)
		for _, n := range names {
			a.printf("%s%s\n", part.title, n)
		}
	}
	if len(g.Strata) > 0 {
		var rows [][]string
		for _, s := range g.Strata {
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
	if g.RLCT != nil {
		a.printf("\nlearning coefficient  %s\n", coefficientText(*g.RLCT))
	} else if g.Refusal != "" {
		a.printf("\nlearning coefficient  none: %s\n", g.Refusal)
	}
	verdict := "regular: the information has full rank"
	if g.Rank < d {
		verdict = fmt.Sprintf("singular: %d null directions", d-g.Rank)
	}
	a.printf("%s\n", verdict)
	return nil
}
