package experiments

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

type priorMassSpec struct {
	Cases     []string `toml:"cases" doc:"singular truths by name, as cone1 or mixture2"`
	Priors    []string `toml:"priors" doc:"uniform on a box, normal (smooth, on the whole line where a coordinate has no bound), jeffreys (density √det F)"`
	Particles int      `toml:"particles" doc:"particles of one run of multilevel splitting"`
	Floor     float64  `toml:"floor" doc:"smallest divergence ε looked at"`
}

type priorMassRow struct {
	Lambda  float64   `parquet:"lambda" doc:"slope of log mass against log ε, with the multiplicity of the catalogue, or 1 where there is none"`
	Joint   float64   `parquet:"joint" doc:"slope of the joint fit of slope and multiplicity"`
	Mult    float64   `parquet:"mult" doc:"multiplicity of the joint fit"`
	LogEps  []float64 `parquet:"log_eps" doc:"log₁₀ ε of the levels"`
	LogMass []float64 `parquet:"log_mass" doc:"log₁₀ of the prior mass where KL(truth ‖ θ) < ε"`
	Status  string    `parquet:"status" doc:"failed where the particles no longer moved"`
}

var _ = register(Experiment[priorMassSpec, priorMassRow]{
	Name:    "prior-mass",
	Version: 2,
	Doc: `How a smooth prior becomes singular: the prior mass near a singular truth.

The mass V(ε) of the parameters within Kullback-Leibler divergence ε of the truth
falls like ε^λ (−log ε)^(m−1). At a regular truth λ = d/2; at a singular one it is
less, so that a prior that is smooth in the parameters piles up on the singular
set as seen from the space of laws. The Jeffreys prior undoes that where its
effect is known. V is estimated by multilevel splitting down to very small ε and
its slope is compared with the learning coefficient of the catalogue, which is the
limit ε → 0: terms of lower order leave a few hundredths at any ε within reach.`,
	Cite: []string{
		"S. Watanabe (2009), Algebraic Geometry and Statistical Learning Theory, Cambridge University Press",
		"S.-K. Au, J. L. Beck (2001), Estimation of small failure probabilities in high dimensions by subset simulation, Probabilistic Engineering Mechanics 16:263-277",
	},
	Default: priorMassSpec{
		Cases:  []string{"cone1", "cone5", "contaminated", "mixture2", "binmix2", "unit", "rrr212", "crossing12", "arma11", "regular"},
		Priors: []string{"uniform", "normal", "jeffreys"}, Particles: 500, Floor: 1e-9,
	},
	Smoke:      priorMassSpec{Cases: []string{"cone1"}, Priors: []string{"uniform", "jeffreys"}, Particles: 200, Floor: 1e-6},
	Replicates: 3, SmokeReplicates: 2, Chunk: 2,
	Check: func(s priorMassSpec) error {
		for _, name := range s.Cases {
			if _, ok := priorMassFind(name); !ok {
				return KeyError("cases", "%q: known are %v", name, priorMassNames())
			}
		}
		for _, p := range s.Priors {
			if p != "uniform" && p != "normal" && p != "jeffreys" {
				return KeyError("priors", "%q: allowed is uniform, normal or jeffreys", p)
			}
		}
		switch {
		case len(s.Cases) == 0:
			return KeyError("cases", "none given")
		case len(s.Priors) == 0:
			return KeyError("priors", "none given")
		case s.Particles < 100:
			return KeyError("particles", "%d: allowed is 100 or more", s.Particles)
		case !(s.Floor >= 1e-11 && s.Floor <= 1e-4):
			return KeyError("floor", "%v: allowed is 1e-11 to 1e-4", s.Floor)
		}
		return nil
	},
	Cells: func(s priorMassSpec) []Cell {
		var cells []Cell
		for _, name := range s.Cases {
			c, _ := priorMassFind(name)
			for _, p := range s.Priors {
				if p == "jeffreys" && !c.jeffreys {
					continue
				}
				cells = append(cells, NewCell(Var{"case", name}, Var{"prior", p}))
			}
		}
		return cells
	},
	Replicate: func(_ context.Context, s priorMassSpec, c Cell, k mc.Key) ([]priorMassRow, error) {
		row, err := priorMassRun(s, c, k)
		return []priorMassRow{row}, err
	},
	Compare: comparePriorMass,
	Figures: []Figure[priorMassSpec, priorMassRow]{{
		Name: "mass", Doc: "Prior mass within divergence ε of the truth, first three cases. The slope is the learning coefficient: the smaller, the more a prior piles up on the singular set. Dashed: the slope of the catalogue where its multiplicity is 1.",
		Draw: drawPriorMass,
	}},
})

// A massCase is a truth with a box around it. Coordinates without a bound of
// their own are held to [−box, box].
type massCase struct {
	name, model string
	truth       []float64
	box         float64
	jeffreys    bool // F is exact and has full rank almost everywhere: √det F is a density, and cheap
}

// massCases is a function so that no one can change it.
func massCases() []massCase {
	return []massCase{
		{"cone1", "cone:d=1", []float64{0, 0}, 1, true},
		{"cone5", "cone:d=5", make([]float64, 6), 1, true},
		{"contaminated", "contaminated", []float64{0, 0}, 2, true},
		{"mixture2", "mixture:k=2,sd=1", []float64{0.5, 0, 0}, 2, false},
		{"mixture3", "mixture:k=3,sd=1", []float64{0.3, 0.3, 0, 0, 0}, 2, false},
		{"binmix2", "binmix:k=2,trials=5", []float64{0.5, 0.3, 0.3}, 1, true},
		{"unit", "mlp:hidden=1", []float64{0, 0}, 2, true},
		{"units2", "mlp:hidden=2", []float64{0, 0, 0, 0}, 2, false},
		{"units2-on-1", "mlp:hidden=2", []float64{1, 1, 0.5, 0.5}, 2, false},
		{"rrr212", "rrr:in=2,hidden=1,out=2", make([]float64, 4), 1, false},
		{"rrr222", "rrr:in=2,hidden=2,out=2", make([]float64, 8), 1, false},
		{"crossing11", "crossing:powers=1+1", []float64{0, 0}, 1, false},
		{"crossing12", "crossing:powers=1+2", []float64{0, 0}, 1, false},
		{"arma11", "arma:p=1,q=1,var=1", []float64{0, 0}, 0.95, true},
		{"arma21", "arma:p=2,q=1,var=1", []float64{0, 0, 0}, 0.95, false},
		{"regular", "mixture:k=1,sd=free", []float64{0, 1}, 2, true},
	}
}

func priorMassNames() []string {
	var names []string
	for _, c := range massCases() {
		names = append(names, c.name)
	}
	return names
}

func priorMassFind(name string) (massCase, bool) {
	for _, c := range massCases() {
		if c.name == name {
			return c, true
		}
	}
	return massCase{}, false
}

// known returns the learning coefficient of the catalogue under the prior.
func (c massCase) known(prior string) (models.Coefficient, error) {
	m, err := models.Parse(c.model)
	if err != nil {
		return models.Coefficient{}, err
	}
	return singular.RLCT(m, c.truth, models.PriorShape{Jeffreys: prior == "jeffreys"})
}

// problem is the volume problem of the case under the prior. Uniform and normal
// priors are drawn by rejection of what lies outside the domain, the Jeffreys
// prior by rejection below the largest √det F of 2000 trial points, which the
// Metropolis moves of the splitting correct.
func (c massCase) problem(prior string, rng *rand.Rand) (singular.VolumeProblem, error) {
	m, err := models.Parse(c.model)
	if err != nil {
		return singular.VolumeProblem{}, err
	}
	k, err := singular.Divergence(m, c.truth, models.Rule{})
	if err != nil {
		return singular.VolumeProblem{}, err
	}
	ps := slices.Clone(m.Params())
	for i := range ps {
		ps[i].Lo, ps[i].Hi = math.Max(ps[i].Lo, -c.box), math.Min(ps[i].Hi, c.box)
		if math.IsInf(m.Params()[i].Hi, 1) && ps[i].Lo == 0 {
			ps[i].Lo = 0.1 * c.box // a variance: away from 0, where the likelihood is unbounded
		}
	}
	domain, joint := m.(models.Domainer)
	inside := func(theta []float64) bool {
		for i, v := range theta {
			if prior != "normal" && (v < ps[i].Lo || v > ps[i].Hi) || v < m.Params()[i].Lo || v > m.Params()[i].Hi {
				return false
			}
		}
		return !joint || domain.CheckDomain(theta) == nil
	}
	draw := func(dst []float64, rng *rand.Rand) {
		for {
			for i := range dst {
				if lo, hi := m.Params()[i].Lo, m.Params()[i].Hi; prior == "normal" && math.IsInf(hi-lo, 1) {
					dst[i] = c.truth[i] + 0.5*c.box*rng.NormFloat64()
				} else {
					dst[i] = ps[i].Lo + (ps[i].Hi-ps[i].Lo)*rng.Float64()
				}
			}
			if inside(dst) {
				return
			}
		}
	}
	p := singular.VolumeProblem{Dim: len(ps), Prior: draw, K: func(theta []float64) float64 {
		if !inside(theta) {
			return math.Inf(1)
		}
		return k(theta)
	}}
	switch prior {
	case "normal":
		p.LogPrior = func(theta []float64) float64 {
			s := 0.0
			for i, q := range m.Params() {
				if math.IsInf(q.Hi-q.Lo, 1) {
					z := (theta[i] - c.truth[i]) / (0.5 * c.box)
					s -= z * z / 2
				}
			}
			return s
		}
	case "jeffreys":
		logDet, err := logRootDet(m)
		if err != nil {
			return p, err
		}
		p.LogPrior = logDet
		top, trial := math.Inf(-1), make([]float64, p.Dim)
		for range 2000 {
			draw(trial, rng)
			top = math.Max(top, logDet(trial))
		}
		p.Prior = func(dst []float64, rng *rand.Rand) {
			for draw(dst, rng); math.Log(rng.Float64()) > logDet(dst)-top; draw(dst, rng) {
			}
		}
	}
	return p, nil
}

// logRootDet returns ½ log det F, −Inf where F is singular.
func logRootDet(m models.Model) (func(theta []float64) float64, error) {
	f, err := singular.NewFisher(m, singular.FisherOptions{})
	if err != nil {
		return nil, err
	}
	if f.Route() == models.MonteCarlo {
		return nil, fmt.Errorf("%v: the Jeffreys prior needs Fisher information without Monte Carlo error", m)
	}
	info := singular.Information{F: mat.NewSymDense(models.Dim(m), nil)}
	var chol mat.Cholesky
	return func(theta []float64) float64 {
		if f.Into(&info, theta) != nil || !chol.Factorize(info.F) {
			return math.Inf(-1)
		}
		return chol.LogDet() / 2
	}, nil
}

func priorMassRun(s priorMassSpec, cell Cell, k mc.Key) (priorMassRow, error) {
	c, _ := priorMassFind(cell.Text("case"))
	p, err := c.problem(cell.Text("prior"), k.Stream("trial"))
	if err != nil {
		return priorMassRow{}, err
	}
	row := priorMassRow{Lambda: math.NaN(), Joint: math.NaN(), Mult: math.NaN(), Status: Failed}
	e, err := singular.VolumeScaling(p, singular.VolumeOptions{Particles: s.Particles, Sweeps: 10, Floor: s.Floor, Runs: 2}, nil, k.Stream("particles"))
	if err != nil {
		return row, nil // the particles stuck: a status, not the end of the run
	}
	mult := 1
	if known, err := c.known(cell.Text("prior")); err == nil && known.Mult > 0 {
		mult = known.Mult
	}
	row.Lambda, row.Joint, row.Mult = e.GivenMult(mult).Value, e.Lambda.Value, e.Mult.Value
	eps, vol := e.Curve(0)
	for i := range eps {
		row.LogEps = append(row.LogEps, eps[i]/math.Ln10)
		row.LogMass = append(row.LogMass, vol[i]/math.Ln10)
	}
	if row.Status = Converged; e.Accept < 0.01 {
		row.Status = Failed
	}
	return row, nil
}

func comparePriorMass(_ context.Context, _ priorMassSpec, cell Cell) ([]Line[priorMassRow], error) {
	c, _ := priorMassFind(cell.Text("case"))
	known, err := c.known(cell.Text("prior"))
	lambda := Line[priorMassRow]{Name: "λ", Measure: Mean(func(r priorMassRow) float64 { return r.Lambda }), Theory: math.NaN()}
	lines := []Line[priorMassRow]{lambda}
	if err != nil || known.Kind != models.ExactLambda {
		return lines, nil
	}
	lines[0].Theory, lines[0].Limit, lines[0].Source = known.Lambda, true, known.Ref
	if known.Mult > 1 { // where m is 1 the joint fit mostly fits noise
		lines = append(lines, Line[priorMassRow]{
			Name: "m of the joint fit", Measure: Mean(func(r priorMassRow) float64 { return r.Mult }),
			Theory: float64(known.Mult), Limit: true, Source: known.Ref,
		})
	}
	return lines, nil
}

// drawPriorMass draws the first three cases.
func drawPriorMass(_ priorMassSpec, cells []Sample[priorMassRow]) (Drawing, error) {
	var row panelRow
	for _, c := range cells {
		name := c.Cell.Text("case")
		at := row.at(name, figs.Panel{X: "ε", Y: "prior mass where KL < ε", LogX: true, LogY: true})
		if at < 0 {
			continue
		}
		p := row.panels[at]
		r := c.Rows[0]
		x, y := make([]float64, len(r.LogEps)), make([]float64, len(r.LogEps))
		for i := range x {
			x[i], y[i] = math.Pow(10, r.LogEps[i]), math.Pow(10, r.LogMass[i])
		}
		prior := c.Cell.Text("prior")
		p.Series(prior, x, y, nil)
		mass, ok := priorMassFind(name)
		if !ok || len(x) == 0 {
			continue
		}
		if known, err := mass.known(prior); err == nil && known.Mult == 1 && known.Kind == models.ExactLambda {
			n := len(x) - 1
			p.Slope("catalogue", known.Lambda, x[n], y[n], x[n], x[0])
		}
	}
	return figs.New(row.panels...), nil
}
