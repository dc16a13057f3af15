package experiments

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/neuromanifold/neuromanifold/dynamics"
	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
)

type sgdAverageSpec struct {
	Teacher   []float64 `toml:"teacher" doc:"w₁, w₂, v₁, v₂ of the teacher, two erf units"`
	Unit      []float64 `toml:"unit" doc:"s and r of the single unit r φ(sx) that fits the teacher best: the plateau"`
	Distance  float64   `toml:"distance" doc:"u = w₂ − w₁ at the start"`
	Z         []float64 `toml:"z" doc:"(v₁ − v₂)/(v₁ + v₂) at the start"`
	Eta       []float64 `toml:"eta" doc:"step sizes η"`
	Until     float64   `toml:"until" doc:"time τ to wait for the escape"`
	NoiseFree bool      `toml:"noise_free" doc:"labels without noise, y = E(y | x); otherwise with noise of variance 1"`
}

type sgdAverageRow struct {
	Tau    float64 `parquet:"tau" doc:"time τ = η·steps at which the loss is first below half that of the plateau, to a resolution of 0.05; the end of the run if it never was"`
	U      float64 `parquet:"u" doc:"|w₂ − w₁| at that time"`
	Z      float64 `parquet:"z" doc:"(v₁ − v₂)/(v₁ + v₂) at that time"`
	Status string  `parquet:"status" doc:"escaped, waiting (not by the end) or failed (diverged)"`
}

const (
	escaped = "escaped"
	waiting = "waiting"
	// sgdTogether trajectories make one replicate, advanced together.
	sgdTogether = 8
	// sgdLook is the time between two looks at the loss.
	sgdLook = 0.05
)

var _ = register(Experiment[sgdAverageSpec, sgdAverageRow]{
	Name:    "sgd-vs-average",
	Version: 2,
	Doc: `On-line learning of two hidden units near their overlap, and its average.

Started near the plateau where both units do the work of the best single one, the
averaged flow leaves after a time that grows with log 1/u, if z is in the unstable
part of the line, and is trapped in the stable part. Stochastic gradient descent
fluctuates around it: its median escape time tends to the averaged one as the step
size goes to 0, and in the stable part |u| stays at a thermal level. Each replicate
is eight trajectories, advanced together, each with random numbers of its own.`,
	Cite: []string{
		"S. Amari, H. Park, T. Ozeki (2006), Singularities affect dynamics of learning in neuromanifolds, Neural Computation 18(5):1007-1065",
		"F. Cousseau, T. Ozeki, S. Amari (2008), Dynamics of learning in multilayer perceptrons near singularities, IEEE Transactions on Neural Networks 19(8):1313-1328",
	},
	Default: sgdAverageSpec{
		Teacher: []float64{0.4, 4, 10, 5}, Unit: []float64{1.8386577, 9.5568033}, Distance: 0.1,
		Z: []float64{0.6, 1.5}, Eta: []float64{0.03, 0.01, 0.003}, Until: 150, NoiseFree: true,
	},
	Smoke: sgdAverageSpec{
		Teacher: []float64{0.4, 4, 10, 5}, Unit: []float64{1.8386577, 9.5568033}, Distance: 0.3,
		Z: []float64{0.6}, Eta: []float64{0.02}, Until: 60, NoiseFree: true,
	},
	Replicates: 25, SmokeReplicates: 2, Chunk: 5,
	Check: func(s sgdAverageSpec) error {
		if _, err := s.objective(); err != nil {
			return KeyError("teacher", "%v", err)
		}
		if len(s.Unit) != 2 || s.Unit[1] == 0 {
			return KeyError("unit", "%v: want s and r, r not 0", s.Unit)
		}
		if len(s.Z) == 0 || len(s.Eta) == 0 {
			return KeyError("z", "z and eta need a value each")
		}
		for _, e := range s.Eta {
			if !(e > 0 && e <= 1) {
				return KeyError("eta", "%v: allowed is a number above 0 and at most 1", e)
			}
		}
		if !(s.Until > 0 && s.Until <= 1e6) {
			return KeyError("until", "%v: allowed is a number above 0 and at most 1e6", s.Until)
		}
		return nil
	},
	Cells: func(s sgdAverageSpec) []Cell { return Grid(Axis("z", s.Z...), Axis("eta", s.Eta...)) },
	Replicate: func(ctx context.Context, s sgdAverageSpec, c Cell, k mc.Key) ([]sgdAverageRow, error) {
		return runSGDAverage(ctx, s, c, k)
	},
	Compare: func(ctx context.Context, s sgdAverageSpec, c Cell) ([]Line[sgdAverageRow], error) {
		tau, out, err := averagedEscape(ctx, s, c.Float("z"))
		if err != nil {
			return nil, err
		}
		out0 := 0.0
		if out {
			out0 = 1
		} else {
			tau = math.NaN()
		}
		const source = "averaged flow, integrated; the limit η → 0"
		return []Line[sgdAverageRow]{
			{Name: "P(escape)", Measure: Fraction(func(r sgdAverageRow) bool { return r.Status == escaped }), Theory: out0, Limit: true, Source: source},
			{Name: "median τ", Measure: Quantile(0.5, func(r sgdAverageRow) float64 { return r.Tau }), Theory: tau, Limit: true, Source: source},
			{Name: "median |u| at the end", Measure: Quantile(0.5, func(r sgdAverageRow) float64 { return r.U }), Theory: math.NaN()},
		}, nil
	},
	Figures: []Figure[sgdAverageSpec, sgdAverageRow]{
		{Name: "escape", Doc: "Escape times of on-line learning from the plateau, for several step sizes, and that of the averaged flow. Trajectories that wait beyond the end count there.", Draw: drawSGDAverage},
	},
})

// objective is the averaged one, in closed form.
func (s sgdAverageSpec) objective() (*dynamics.Objective, error) {
	m, err := models.NewMLP(models.MLPSettings{})
	if err != nil {
		return nil, err
	}
	return dynamics.NewObjective(m, m, s.Teacher)
}

// start has overlap coordinates (u, z, s, r).
func (s sgdAverageSpec) start(z, u float64) []float64 {
	c, r := s.Unit[0], s.Unit[1]
	return []float64{c - (1-z)*u/2, c + (1+z)*u/2, r * (1 + z) / 2, r * (1 - z) / 2}
}

// averagedEscape returns when the averaged flow is first at half the loss of the
// plateau, and whether it is by the end.
func averagedEscape(ctx context.Context, s sgdAverageSpec, z float64) (tau float64, out bool, err error) {
	o, err := s.objective()
	if err != nil {
		return 0, false, err
	}
	half := o.Loss(s.start(z, 0)) / 2
	p, err := dynamics.Run(ctx, dynamics.NewGradientFlow(o, dynamics.Tolerances{}), o.Loss, s.start(z, s.Distance),
		dynamics.Clock{Until: s.Until, Points: 2, Event: func(theta []float64) float64 { return o.Loss(theta) - half }}, nil)
	if err != nil {
		return 0, false, err
	}
	_, tau = p.End()
	return tau, p.Stop == dynamics.AtEvent, nil
}

func runSGDAverage(ctx context.Context, s sgdAverageSpec, c Cell, k mc.Key) ([]sgdAverageRow, error) {
	o, err := s.objective()
	if err != nil {
		return nil, err
	}
	z, eta := c.Float("z"), c.Float("eta")
	half := o.Loss(s.start(z, 0)) / 2
	starts, rows := make([][]float64, sgdTogether), make([]sgdAverageRow, sgdTogether)
	for i := range rows {
		starts[i] = s.start(z, s.Distance)
		rows[i].Status = waiting
	}
	all, err := dynamics.NewEnsemble(o, starts, models.OnlineOptions{Step: eta, NoiseFree: s.NoiseFree},
		func(i int) *rand.Rand { return k.Stream(fmt.Sprintf("trajectory %d", i)) })
	if err != nil {
		return nil, err
	}
	err = all.Watch(ctx, s.Until, sgdLook, func(i int, tau float64, theta []float64) bool {
		r := &rows[i]
		l := o.Loss(theta)
		r.Tau = tau
		switch {
		case math.IsNaN(l) || l > 1e12:
			r.Status = Failed // U and Z stay those of the look before
			return false
		case l < half:
			r.Status = escaped
		}
		r.U, r.Z = math.Abs(theta[1]-theta[0]), (theta[2]-theta[3])/(theta[2]+theta[3])
		return r.Status == waiting
	})
	return rows, err
}

// drawSGDAverage has a panel for each z with the distribution of escape times.
func drawSGDAverage(s sgdAverageSpec, cells []Sample[sgdAverageRow]) (Drawing, error) {
	var panels []*figs.Panel
	for _, z := range s.Z {
		p := &figs.Panel{Title: fmt.Sprintf("z = %v", z), X: "escape time τ", Y: "share of trajectories", XRange: [2]float64{0, s.Until}, YRange: [2]float64{0, 1}}
		any, escapes := false, 0
		for _, c := range cells {
			if c.Cell.Float("z") != z {
				continue
			}
			var taus []float64
			for _, r := range c.Rows {
				t := r.Tau
				if r.Status == escaped {
					escapes++
				} else {
					t = math.Inf(1)
				}
				taus = append(taus, t)
			}
			slices.Sort(taus)
			p.CDF(fmt.Sprintf("η = %v", c.Cell.Float("eta")), taus)
			any = true
		}
		if !any {
			continue
		}
		if escapes == 0 {
			p.Title += fmt.Sprintf(": none escapes by τ = %v", s.Until)
		}
		tau, out, err := averagedEscape(context.Background(), s, z)
		if err != nil {
			return nil, err
		}
		if out {
			p.Reference("averaged flow", []float64{tau, tau}, []float64{0, 1})
		}
		panels = append(panels, p)
	}
	return figs.New(panels...), nil
}
