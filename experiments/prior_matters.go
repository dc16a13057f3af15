package experiments

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

type priorMattersSpec struct {
	Cases  []string `toml:"cases" doc:"singular truths by name: cone1, contaminated, unit, arma11"`
	Priors []string `toml:"priors" doc:"uniform on a box; jeffreys, density √det F; power=k, density |ξ|^k at the apex of a cone; dirichlet=α for the weights of a mixture. A case takes those that it has"`
	N      []int    `toml:"n" doc:"sample sizes, of which the smaller ones are the beginning of the largest data set"`
	Tol    float64  `toml:"tol" doc:"change of the free energy, in nats, at which refining the quadrature stops"`
}

type priorMattersRow struct {
	Excess []float64 `parquet:"excess" unit:"nats" doc:"free energy −log p(data) less the loss of the truth, by sample size"`
	Slope  float64   `parquet:"slope" doc:"least-squares slope of the excess against log n, whose limit is the learning coefficient"`
	Err    float64   `parquet:"err" unit:"nats" doc:"largest change of a free energy from the last refinement of its quadrature"`
	Status string    `parquet:"status" doc:"iteration limit where the quadrature did not reach tol"`
}

var _ = register(Experiment[priorMattersSpec, priorMattersRow]{
	Name:    "prior-matters",
	Version: 2,
	Doc: `At a singular truth the prior decides what a model costs, to leading order.

The free energy of a regular model rises by (d/2) log n whatever the prior, so long as
it is positive at the truth. At a singular truth it rises by λ log n, and λ is a
property of the model and the prior: a density |ξ|^k at the apex of a cone gives
(k+1)/2; weights ~ Dirichlet(α) with α < 1 push a needless component out more
cheaply, α/2 in place of 1/2; Jeffreys' prior vanishes on the singular set and gives
back d/2, the price that BIC assumes. Free energies of simulated data are exact
integrals over two coordinates, refined until they stand still to tol; their slope in
log n is compared with the coefficient that theory predicts for model and prior
together. With multiplicity m it lacks (m−1)/log n.`,
	Cite: []string{
		"S. Watanabe (2009), Algebraic Geometry and Statistical Learning Theory, Cambridge University Press",
		"S. Amari, H. Park, T. Ozeki (2006), Singularities affect dynamics of learning in neuromanifolds, Neural Computation 18:1007-1065",
		"J. Rousseau, K. Mengersen (2011), Asymptotic behaviour of the posterior distribution in overfitted mixture models, Journal of the Royal Statistical Society B 73:689-710",
	},
	Default: priorMattersSpec{
		Cases: []string{"cone1", "contaminated", "unit", "arma11"}, Priors: []string{"dirichlet=0.25", "dirichlet=0.5", "uniform", "jeffreys", "power=3"},
		N: []int{50, 200, 800}, Tol: 1e-3,
	},
	Smoke:      priorMattersSpec{Cases: []string{"cone1", "contaminated"}, Priors: []string{"power=3", "dirichlet=0.5"}, N: []int{20, 80}, Tol: 1e-2},
	Replicates: 100, SmokeReplicates: 4, Chunk: 10,
	Check:     checkPriorMatters,
	Cells:     priorMattersCells,
	Replicate: replicatePriorMatters,
	Data: func(s priorMattersSpec, c Cell, k mc.Key) (*models.Data, error) {
		p, _ := priorMattersFind(c.Text("case"))
		return p.data(s, k)
	},
	Compare: comparePriorMatters,
	Figures: []Figure[priorMattersSpec, priorMattersRow]{
		{
			Name: "free-energy", Doc: "Mean free energy above the loss of the truth against the sample size, first three cases. The prior sets the slope, not only the height.",
			Draw: drawPriorFreeEnergy,
		},
		{
			Name: "lambda", Doc: "Slope of the free energy in log n against the learning coefficient predicted for model and prior, by case. Points below the line have multiplicity 2 or feel terms of lower order.",
			Draw: drawPriorLambda,
		},
	},
})

// A priorCase is a truth with a box that holds the prior.
type priorCase struct {
	name, model string
	truth       []float64
	lo, hi      []float64
	jeffreys    bool // √det F has an integral over the box that is found quickly
}

// priorMattersCases is a function so that no one can change it.
func priorMattersCases() []priorCase {
	return []priorCase{
		{"cone1", "cone:d=1", []float64{0, 0}, []float64{-2, -math.Pi}, []float64{2, math.Pi}, true},
		{"contaminated", "contaminated", []float64{0, 0}, []float64{0, -2}, []float64{1, 2}, false},
		{"unit", "mlp:hidden=1", []float64{0, 0}, []float64{-2, -2}, []float64{2, 2}, true},
		{"arma11", "arma:p=1,q=1,var=1", []float64{0, 0}, []float64{-0.9, -0.9}, []float64{0.9, 0.9}, false}, // |φ+θ| has its kink where the mass is
	}
}

func priorMattersFind(name string) (priorCase, bool) {
	for _, c := range priorMattersCases() {
		if c.name == name {
			return c, true
		}
	}
	return priorCase{}, false
}

// errNoSuchPrior is returned for a prior that a case does not have.
var errNoSuchPrior = errors.New("the case does not have this prior")

// prior returns the model and the prior of the given text.
func (c priorCase) prior(text string) (models.Model, estimation.Prior, error) {
	m, err := models.Parse(c.model)
	if err != nil {
		return nil, nil, err
	}
	kind, value, _ := strings.Cut(text, "=")
	number := 0.0
	if kind == "power" || kind == "dirichlet" {
		if number, err = strconv.ParseFloat(value, 64); err != nil {
			return nil, nil, fmt.Errorf("%q: %q is not a number", text, value)
		}
	} else if value != "" || kind != "uniform" && kind != "jeffreys" {
		return nil, nil, fmt.Errorf("%q: allowed is uniform, jeffreys, power=k or dirichlet=α", text)
	}
	cone, _ := m.(*models.Cone)
	var p estimation.Prior
	switch {
	case kind == "uniform" && cone == nil:
		p, err = estimation.UniformBox(c.lo, c.hi)
	case cone != nil && kind != "dirichlet":
		// Jeffreys' prior of a cone over a circle.
		power := map[string]float64{"uniform": 0, "jeffreys": 1, "power": number}[kind]
		p, err = estimation.NewApexPrior(cone, power, c.hi[0])
	case kind == "jeffreys" && c.jeffreys:
		p, err = estimation.NewJeffreys(m, c.lo, c.hi)
	case kind == "dirichlet" && c.name == "contaminated":
		p, err = estimation.NewPrior(models.PriorBlock{Kind: models.PriorDirichlet, N: 1, A: number}, models.PriorBlock{At: 1, N: 1, A: c.lo[1], B: c.hi[1]})
	default:
		return nil, nil, errNoSuchPrior
	}
	return m, p, err
}

func checkPriorMatters(s priorMattersSpec) error {
	if err := checkSizes(s.N, 10); err != nil {
		return err
	}
	switch {
	case len(s.N) < 2:
		return KeyError("n", "%d sizes: a slope takes two or more", len(s.N))
	case len(s.Cases) == 0:
		return KeyError("cases", "none given")
	case !(s.Tol >= 1e-9 && s.Tol <= 0.1):
		return KeyError("tol", "%v: allowed is 1e-9 to 0.1", s.Tol)
	}
	for i, n := range s.N {
		if i > 0 && n <= s.N[i-1] {
			return KeyError("n", "%d after %d: want rising sizes", n, s.N[i-1])
		}
	}
	for _, name := range s.Cases {
		c, ok := priorMattersFind(name)
		if !ok {
			return KeyError("cases", "%q: known are cone1, contaminated, unit, arma11", name)
		}
		for _, p := range s.Priors {
			if _, _, err := c.prior(p); err != nil && !errors.Is(err, errNoSuchPrior) {
				return KeyError("priors", "%v", err)
			}
		}
	}
	if len(priorMattersCells(s)) == 0 {
		return KeyError("priors", "%q: no case has any of them", s.Priors)
	}
	return nil
}

func priorMattersCells(s priorMattersSpec) []Cell {
	var cells []Cell
	for _, name := range s.Cases {
		c, _ := priorMattersFind(name)
		for _, p := range s.Priors {
			if _, _, err := c.prior(p); err == nil {
				cells = append(cells, NewCell(Var{"case", name}, Var{"prior", p}))
			}
		}
	}
	return cells
}

// data returns the largest data set.
func (c priorCase) data(s priorMattersSpec, k mc.Key) (*models.Data, error) {
	m, err := models.Parse(c.model)
	if err != nil {
		return nil, err
	}
	shape := m.Shape()
	z := models.NewData(s.N[len(s.N)-1], shape.P, shape.Q)
	rng := k.Stream("data")
	if in, ok := m.(models.Inputter); ok {
		in.Inputs(z, rng)
	}
	m.Sample(z, c.truth, rng)
	return z, nil
}

func replicatePriorMatters(ctx context.Context, s priorMattersSpec, cell Cell, k mc.Key) ([]priorMattersRow, error) {
	c, _ := priorMattersFind(cell.Text("case"))
	m, prior, err := c.prior(cell.Text("prior"))
	if err != nil {
		return nil, err
	}
	z, err := c.data(s, k)
	if err != nil {
		return nil, err
	}
	row := priorMattersRow{Status: Converged}
	var logs []float64
	for _, n := range s.N {
		part := &models.Data{N: n, P: z.P, Q: z.Q, V: z.V[:n*(z.P+z.Q)]}
		l, err := m.Bind(part)
		if err != nil {
			return nil, err
		}
		g, err := estimation.Integrate(ctx, m, part, prior, estimation.QuadratureOptions{Tol: s.Tol, Most: 2_000_000, EvidenceOnly: true})
		if err != nil {
			return nil, err
		}
		row.Excess = append(row.Excess, g.FreeEnergy(1)+l.LogLik(c.truth))
		row.Err = math.Max(row.Err, g.Err)
		logs = append(logs, math.Log(float64(n)))
	}
	if row.Err > s.Tol {
		row.Status = IterationLimit
	}
	_, row.Slope = stat.LinearRegression(logs, row.Excess, nil, false)
	return []priorMattersRow{row}, nil
}

// predictedCoefficient is that of the model, truth and prior of a cell.
func predictedCoefficient(cell Cell) (models.Coefficient, error) {
	c, _ := priorMattersFind(cell.Text("case"))
	m, prior, err := c.prior(cell.Text("prior"))
	if err != nil {
		return models.Coefficient{}, err
	}
	return singular.RLCT(m, c.truth, prior.Shape())
}

func comparePriorMatters(_ context.Context, s priorMattersSpec, cell Cell) ([]Line[priorMattersRow], error) {
	known, err := predictedCoefficient(cell)
	if err != nil {
		return nil, err
	}
	slope := Line[priorMattersRow]{
		Name: "slope of F in log n", Measure: Mean(func(r priorMattersRow) float64 { return r.Slope }),
		Theory: known.Lambda, Limit: true, Source: fmt.Sprintf("multiplicity %d; %s", known.Mult, known.Ref),
	}
	if cell.Text("case") == "cone1" {
		// Z = √n x̄ has the same law for every n: E F rises by (κ/2) log n exactly,
		// but for what the box cuts off.
		slope.Limit, slope.Route = false, models.Exact
	}
	lines := []Line[priorMattersRow]{slope}
	for i, n := range s.N {
		lines = append(lines, Line[priorMattersRow]{
			Name: fmt.Sprintf("F − n L(truth) at n = %d (nats)", n), Theory: math.NaN(),
			Measure: Mean(func(r priorMattersRow) float64 { return r.Excess[i] }),
		})
	}
	return lines, nil
}

func drawPriorFreeEnergy(s priorMattersSpec, cells []Sample[priorMattersRow]) (Drawing, error) {
	var row panelRow
	for _, c := range cells {
		at := row.at(c.Cell.Text("case"), figs.Panel{X: "n", Y: "F − n L(truth) (nats)", LogX: true})
		if at < 0 {
			continue
		}
		var x, v, se []float64
		for i, n := range s.N {
			m, e, _ := Mean(func(r priorMattersRow) float64 { return r.Excess[i] })(c)
			x, v, se = append(x, float64(n)), append(v, m), append(se, e)
		}
		row.panels[at].Series(c.Cell.Text("prior"), x, v, se)
	}
	return figs.New(row.panels...), nil
}

func drawPriorLambda(_ priorMattersSpec, cells []Sample[priorMattersRow]) (Drawing, error) {
	p := &figs.Panel{X: "predicted learning coefficient", Y: "slope of F in log n"}
	type points struct{ x, v, se []float64 }
	by := map[string]*points{}
	var names []string
	top := 0.0
	for _, c := range cells {
		known, err := predictedCoefficient(c.Cell)
		if err != nil {
			return nil, err
		}
		name := c.Cell.Text("case")
		if by[name] == nil {
			by[name] = &points{}
			names = append(names, name)
		}
		m, e, _ := Mean(func(r priorMattersRow) float64 { return r.Slope })(c)
		b := by[name]
		b.x, b.v, b.se = append(b.x, known.Lambda), append(b.v, m), append(b.se, e)
		top = max(top, known.Lambda)
	}
	for _, name := range names {
		p.Series(name, by[name].x, by[name].v, by[name].se)
	}
	p.Reference("equal", []float64{0, 1.1 * top}, []float64{0, 1.1 * top})
	return figs.New(p), nil
}
