package experiments

import (
	"context"
	"fmt"
	"math"

	"github.com/neuromanifold/neuromanifold/dynamics"
	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
)

type softCommitteeSpec struct {
	Units   int       `toml:"units" doc:"hidden units of student and teacher; those of the teacher are orthonormal"`
	N       []int     `toml:"n" doc:"inputs N"`
	Methods []string  `toml:"methods" doc:"gradient or natural"`
	Eta     []float64 `toml:"eta" doc:"learning rates η: a step is η/N"`
	Start   float64   `toml:"start" doc:"squared length of each student at the start, drawn at random directions"`
	Overlap float64   `toml:"overlap" doc:"overlap of student i with unit i of the teacher at the start, beside the random one of order N^(−1/2)"`
	Noise   float64   `toml:"noise" doc:"variance of the noise on the labels"`
	Until   float64   `toml:"until" doc:"time τ = ηα to learn, α the number of examples over N"`
}

type softCommitteeRow struct {
	Tau    float64   `parquet:"tau" doc:"time τ at which ε_g is first below half that of the plateau; the end if it never was"`
	TauODE float64   `parquet:"tau_ode" doc:"the same of the equations of the order parameters, from the same start"`
	End    float64   `parquet:"end" doc:"generalisation error ε_g at the end"`
	EndODE float64   `parquet:"end_ode" doc:"the same of the equations"`
	T      []float64 `parquet:"t" doc:"recorded times τ"`
	E      []float64 `parquet:"e" doc:"ε_g there"`
	EODE   []float64 `parquet:"e_ode" doc:"ε_g of the equations there"`
	Status string    `parquet:"status" doc:"escaped, waiting (by the simulation, not by the end) or failed"`
}

var committeeMethods = []string{"gradient", "natural"}

// committeePoints are the recorded times of a net.
const committeePoints = 121

var _ = register(Experiment[softCommitteeSpec, softCommitteeRow]{
	Name:    "soft-committee",
	Version: 2,
	Doc: `On-line learning of a soft committee machine beside the equations of its order parameters.

A student of K erf units in N dimensions learns from a teacher of K orthonormal ones.
For N → ∞ the products of the weights obey closed equations. The gradient stands on
the symmetric plateau until the students have come apart, for a time that grows with
the logarithm of their first asymmetry, which is O(N^−1/2). The natural gradient, in
the same order parameters, shortens it, and for small learning rates has none: with two
units ε_g falls by no less than a tenth of itself per unit of τ up to η = 0.22, 0.135,
0.081 and 0.049 for a first asymmetry of 0.1, 0.01, 0.001 and 0.0001. Each replicate is
one net, and the equations start from its own order parameters.

Equations are without fluctuations, which are O(N^−1/2) too: from a random start they
add to the asymmetry, and the natural gradient, which multiplies them by the inverse
information of nearly identical students, leaves earlier than its equations by a time
that does not shrink with N, so that the ratio of the times tends to 1 only as 1/log N.
With an overlap at the start that does not shrink with N both leave together.`,
	Cite: []string{
		"D. Saad, S. A. Solla (1995), On-line learning in soft committee machines, Physical Review E 52(4):4225-4243",
		"M. Rattray, D. Saad, S. Amari (1998), Natural gradient descent for on-line learning, Physical Review Letters 81(24):5461-5464",
	},
	Default:    softCommitteeSpec{Units: 2, N: []int{100, 400}, Methods: committeeMethods, Eta: []float64{0.3}, Start: 0.3, Until: 120},
	Smoke:      softCommitteeSpec{Units: 2, N: []int{30}, Methods: committeeMethods, Eta: []float64{0.5}, Start: 0.3, Until: 10},
	Replicates: 40, SmokeReplicates: 2, Chunk: 5,
	Check: checkSoftCommittee,
	Cells: func(s softCommitteeSpec) []Cell {
		return Grid(Axis("method", s.Methods...), Axis("eta", s.Eta...), Axis("n", s.N...))
	},
	Replicate: func(ctx context.Context, s softCommitteeSpec, c Cell, k mc.Key) ([]softCommitteeRow, error) {
		row, err := runSoftCommittee(ctx, s, c, k)
		return []softCommitteeRow{row}, err
	},
	Compare: func(_ context.Context, s softCommitteeSpec, c Cell) ([]Line[softCommitteeRow], error) {
		both := func(a, b func(r softCommitteeRow) float64) func(r softCommitteeRow) float64 {
			return func(r softCommitteeRow) float64 {
				if r.Status == Failed {
					return math.NaN()
				}
				return math.Log(a(r) / b(r))
			}
		}
		const source = "equations of the order parameters; the limit N → ∞"
		tau := func(r softCommitteeRow) float64 { return r.Tau }
		ode := func(r softCommitteeRow) float64 { return r.TauODE }
		return []Line[softCommitteeRow]{
			{Name: "median escape τ", Measure: Quantile(0.5, tau), Theory: math.NaN()},
			{Name: "median escape τ of the equations", Measure: Quantile(0.5, ode), Theory: math.NaN()},
			{Name: "mean ln(τ/τ of the equations)", Measure: Mean(both(tau, ode)), Theory: 0, Limit: true, Source: source},
			{Name: "mean τ − τ of the equations", Measure: Mean(func(r softCommitteeRow) float64 {
				if r.Status == Failed {
					return math.NaN()
				}
				return r.Tau - r.TauODE
			}), Theory: math.NaN()},
			{Name: "mean ln(ε_g/ε_g of the equations) at the first τ", Measure: Mean(func(r softCommitteeRow) float64 {
				if len(r.E) < 2 {
					return math.NaN()
				}
				return math.Log(r.E[1] / r.EODE[1])
			}), Theory: 0, Limit: true, Source: source},
		}, nil
	},
	Figures: []Figure[softCommitteeSpec, softCommitteeRow]{{
		Name: "learning",
		Doc:  "Generalisation error against time. Marks: geometric mean over nets with two standard errors; lines: the same of the equations of the order parameters from the same starts.",
		Draw: drawSoftCommittee,
	}},
})

func checkSoftCommittee(s softCommitteeSpec) error {
	if s.Units < 2 || s.Units > 8 {
		return KeyError("units", "%d: allowed is 2 to 8", s.Units)
	}
	if len(s.N) == 0 || len(s.Eta) == 0 || len(s.Methods) == 0 {
		return KeyError("n", "n, eta and methods need a value each")
	}
	for _, n := range s.N {
		if n < 2*s.Units || n > 100000 {
			return KeyError("n", "%d: allowed is %d to 100000", n, 2*s.Units)
		}
	}
	for _, m := range s.Methods {
		if m != "gradient" && m != "natural" {
			return KeyError("methods", "%q: known are %v", m, committeeMethods)
		}
	}
	for _, e := range s.Eta {
		if !(e > 0 && e <= 10) {
			return KeyError("eta", "%v: allowed is a number above 0 and at most 10", e)
		}
	}
	if !(s.Start > 0 && s.Start <= 100) {
		return KeyError("start", "%v: allowed is a number above 0 and at most 100", s.Start)
	}
	if !(s.Overlap >= 0 && s.Overlap <= 10) {
		return KeyError("overlap", "%v: allowed is a number from 0 to 10", s.Overlap)
	}
	if !(s.Noise >= 0 && s.Noise <= 100) {
		return KeyError("noise", "%v: allowed is a number from 0 to 100", s.Noise)
	}
	if !(s.Until > 0 && s.Until <= 1e5) {
		return KeyError("until", "%v: allowed is a number above 0 and at most 1e5", s.Until)
	}
	return nil
}

// plateauError is ε_g on the symmetric plateau in the limit of small steps.
func plateauError(units int) (float64, error) {
	c, err := dynamics.NewCommittee(dynamics.CommitteeSettings{Students: units})
	if err != nil {
		return 0, err
	}
	x, err := c.Plateau()
	if err != nil {
		return 0, err
	}
	return c.Error(x), nil
}

func runSoftCommittee(ctx context.Context, s softCommitteeSpec, c Cell, k mc.Key) (softCommitteeRow, error) {
	level, err := plateauError(s.Units)
	if err != nil {
		return softCommitteeRow{}, err
	}
	eq, err := dynamics.NewCommittee(dynamics.CommitteeSettings{Students: s.Units, Eta: c.Float("eta"), Noise: s.Noise, Natural: c.Text("method") == "natural"})
	if err != nil {
		return softCommitteeRow{}, err
	}
	rng := k.Stream("net")
	net, err := dynamics.NewOnlineCommittee(eq, c.Int("n"), s.Start, rng)
	if err != nil {
		return softCommitteeRow{}, err
	}
	net.Lean(s.Overlap)
	row := softCommitteeRow{Status: waiting, Tau: s.Until, TauODE: s.Until, End: math.NaN(), EndODE: math.NaN()}
	path, err := dynamics.Run(ctx, eq.Flow(dynamics.Tolerances{Abs: 1e-10, Rel: 1e-7}), eq.Error, net.State(), dynamics.Clock{Until: s.Until, Points: committeePoints}, nil)
	if err != nil {
		return row, err
	}
	escape := func(t, e []float64) float64 {
		for i, v := range e {
			if v < level/2 {
				return t[i]
			}
		}
		return s.Until
	}
	row.TauODE = escape(path.T, path.Loss)
	tau := 0.0
	for i := range committeePoints {
		t := s.Until * float64(i) / (committeePoints - 1)
		for tau < t-1e-9 && row.Status != Failed {
			if ctx.Err() != nil {
				return row, ctx.Err()
			}
			dt, err := net.Step(rng)
			if err != nil {
				row.Status = Failed
			}
			tau += dt
		}
		if row.Status == Failed || i >= len(path.T) {
			break // the records end, with those of the equations
		}
		row.T = append(row.T, t)
		row.E = append(row.E, eq.Error(net.State()))
		row.EODE = append(row.EODE, path.Loss[i])
	}
	last := len(row.E) - 1
	row.End, row.EndODE = row.E[last], row.EODE[last]
	switch row.Tau = escape(row.T, row.E); {
	case math.IsNaN(row.End) || path.Stop != dynamics.Done:
		row.Status = Failed
	case row.Status != Failed && row.Tau < s.Until:
		row.Status = escaped
	}
	return row, nil
}

// drawSoftCommittee has a panel for each method and learning rate.
func drawSoftCommittee(s softCommitteeSpec, cells []Sample[softCommitteeRow]) (Drawing, error) {
	level, err := plateauError(s.Units)
	if err != nil {
		return nil, err
	}
	byName := map[string]*figs.Panel{}
	fig := figs.New()
	const floor = 1e-6
	for _, c := range cells {
		name := fmt.Sprintf("%s, η = %v", c.Cell.Text("method"), c.Cell.Float("eta"))
		p := byName[name]
		if p == nil {
			p = &figs.Panel{Title: name, X: "time τ = ηα", LogY: true, YRange: [2]float64{floor, 0.3}, XRange: [2]float64{0, s.Until}}
			if len(fig.Panels) == 0 {
				p.Y = "generalisation error ε_g"
			}
			byName[name] = p
			fig.Panels = append(fig.Panels, p)
			p.Reference("symmetric plateau", []float64{0, s.Until}, []float64{level, level})
		}
		var x, y, se, ode []float64
		for i := range committeePoints {
			var sum, sum2, sumODE, n float64
			for _, r := range c.Rows {
				if i >= len(r.E) {
					continue
				}
				l := math.Log(max(r.E[i], floor/10))
				sum, sum2, n = sum+l, sum2+l*l, n+1
				sumODE += math.Log(max(r.EODE[i], floor/10))
			}
			if n < 1 {
				break
			}
			m := sum / n
			v := math.Sqrt(max(0, sum2/n-m*m) / max(1, n-1))
			x = append(x, s.Until*float64(i)/(committeePoints-1))
			y = append(y, math.Exp(m))
			se = append(se, math.Exp(m)*v)
			ode = append(ode, math.Exp(sumODE/n))
		}
		p.Curve(fmt.Sprintf("equations, N = %d", c.Cell.Int("n")), x, ode)
		var mx, my, me []float64
		for i := 0; i < len(x); i += 3 {
			mx, my, me = append(mx, x[i]), append(my, y[i]), append(me, se[i])
		}
		p.Series(fmt.Sprintf("simulation, N = %d", c.Cell.Int("n")), mx, my, me)
	}
	if len(fig.Panels) > 3 {
		fig.Rows = (len(fig.Panels) + 2) / 3
	}
	return fig, nil
}
