package experiments

import (
	"context"
	"math"

	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

type mleMLPSpec struct {
	N     []int   `toml:"n" doc:"sample sizes"`
	Act   string  `toml:"act" doc:"activation φ: erf or tanh"`
	Bound float64 `toml:"bound" doc:"W: the input weight is held to 0 < w ≤ W"`
	Draws int     `toml:"draws" doc:"draws of the limit law"`
}

type mleMLPRow struct {
	T      float64 `parquet:"t" doc:"likelihood-ratio statistic of y = vφ(wx) + e against y = e"`
	V      float64 `parquet:"v" doc:"v̂, the output weight"`
	W      float64 `parquet:"w" doc:"ŵ, the input weight, positive by the symmetry (v, w) ~ (−v, −w)"`
	Gen    float64 `parquet:"gen" unit:"nats" doc:"2n × generalisation error KL(truth ‖ estimate); 2 by regular theory"`
	Train  float64 `parquet:"train" unit:"nats" doc:"2n × training error, mean log p_true/p_estimate over the data; −2 by regular theory"`
	Status string  `parquet:"status" doc:"boundary if ŵ = W or ŵ → 0"`
}

// mleMLPLeast is the least input weight looked at: below it φ(wx) is a straight
// line in x to 1e-5 and the fit no longer depends on w.
const mleMLPLeast = 1e-2

var _ = register(Experiment[mleMLPSpec, mleMLPRow]{
	Name:    "mle-mlp",
	Version: 1,
	Doc: `Where the estimate of one hidden unit goes when there is nothing to learn.

The truth is y = e, the model y = vφ(wx) + e with e ~ N(0, 1) and x ~ N(0, 1): at
v = 0 every w is true. The estimates are a cloud along both lines v = 0 and w = 0
and never become Gaussian; generalisation and training error are not ±d/2n with
d = 2. The output weight is profiled out in closed form, and the input weight is
searched on a grid in log w that is refined around every peak.`,
	Cite: []string{
		"S. Amari, H. Park, T. Ozeki (2006), Singularities affect dynamics of learning in neuromanifolds, Neural Computation 18(5):1007-1065",
		"K. Fukumizu (2003), Likelihood ratio of unidentifiable models and multilayer neural networks, Annals of Statistics 31:833-851",
	},
	Default:    mleMLPSpec{N: []int{100, 300, 1000}, Act: "erf", Bound: 10, Draws: 20000},
	Smoke:      mleMLPSpec{N: []int{50}, Act: "tanh", Bound: 3, Draws: 500},
	Replicates: 2000,
	Check: func(s mleMLPSpec) error {
		if err := checkSizes(s.N, 3); err != nil {
			return err
		}
		switch {
		case s.Act != "erf" && s.Act != "tanh":
			return KeyError("act", "%q: allowed is erf or tanh", s.Act)
		case !(s.Bound >= 0.1) || math.IsInf(s.Bound, 0):
			return KeyError("bound", "%v: allowed is a finite number from 0.1", s.Bound)
		}
		return checkDraws(s.Draws)
	},
	Cells: func(s mleMLPSpec) []Cell { return Grid(Axis("n", s.N...)) },
	Data:  mleMLPData,
	Replicate: func(_ context.Context, s mleMLPSpec, c Cell, k mc.Key) ([]mleMLPRow, error) {
		z, err := mleMLPData(s, c, k)
		if err != nil {
			return nil, err
		}
		row, err := fitMLEMLP(s, z)
		return []mleMLPRow{row}, err
	},
	Compare: func(_ context.Context, s mleMLPSpec, c Cell) ([]Line[mleMLPRow], error) {
		limit, err := mleMLPLimit(s, 2)
		if err != nil {
			return nil, err
		}
		const source = "process of the normalised unit, derived here; regular theory says "
		mean := limit.Mean()
		lines := []Line[mleMLPRow]{
			{
				Name: "2n E_gen", Measure: Mean(func(r mleMLPRow) float64 { return r.Gen }),
				Theory: mean.Value, TheorySE: mean.SE, Limit: true, Route: models.MonteCarlo, Source: source + "2",
			},
			{
				Name: "2n E_train", Measure: Mean(func(r mleMLPRow) float64 { return r.Train }),
				Theory: -mean.Value, TheorySE: mean.SE, Limit: true, Route: models.MonteCarlo, Source: source + "-2",
			},
		}
		return append(lines, lrtLines(func(r mleMLPRow) float64 { return r.T }, limit, "process of the normalised unit, derived here")...), nil
	},
	Figures: []Figure[mleMLPSpec, mleMLPRow]{
		{Name: "cloud", Doc: "Estimates of (w, √n v): every point of the line v = 0 is true, and the cloud spreads along it instead of shrinking to a point.", Draw: drawMLEMLP},
		lrtHistogram(func(r mleMLPRow) float64 { return r.T }, func(s mleMLPSpec) (*singular.Limit, error) { return mleMLPLimit(s, 1) }),
		lrtDistribution("statistic", "Distribution of the likelihood-ratio statistic against its limit law and against χ² with two degrees of freedom.", func(r mleMLPRow) float64 { return r.T }, func(s mleMLPSpec) (*singular.Limit, error) { return mleMLPLimit(s, 1) }, 2),
	},
})

func mleMLPLimit(s mleMLPSpec, workers int) (*singular.Limit, error) {
	return runLaw(s.Act+"-unit", map[string]float64{"bound": s.Bound}, s.Draws, workers)
}

func mleMLPModel(s mleMLPSpec) (models.Model, error) {
	return models.Parse("mlp:hidden=1,act=" + s.Act)
}

func mleMLPData(s mleMLPSpec, c Cell, k mc.Key) (*models.Data, error) {
	m, err := mleMLPModel(s)
	if err != nil {
		return nil, err
	}
	z := models.NewData(c.Int("n"), 1, 1)
	m.(models.Inputter).Inputs(z, k.Stream("inputs"))
	m.Sample(z, []float64{1, 0}, k.Stream("data"))
	return z, nil
}

func fitMLEMLP(s mleMLPSpec, z *models.Data) (mleMLPRow, error) {
	act := math.Tanh
	if s.Act == "erf" {
		act = func(h float64) float64 { return math.Erf(h / math.Sqrt2) }
	}
	// gain returns the decrease of Σ(y − vφ(wx))² at the best v, and that v.
	gain := func(logW float64) (t, v float64) {
		w := math.Exp(logW)
		var fy, ff float64
		for i := range z.N {
			f := act(w * z.V[2*i])
			fy += f * z.V[2*i+1]
			ff += f * f
		}
		if ff == 0 {
			return 0, 0
		}
		return fy * fy / ff, fy / ff
	}
	lo, hi := math.Log(mleMLPLeast), math.Log(s.Bound)
	logW, t := maximize1(func(x float64) float64 { t, _ := gain(x); return t }, lo, hi, 5+int(6*(hi-lo)))
	_, v := gain(logW)
	row := mleMLPRow{T: t, V: v, W: math.Exp(logW), Train: -t, Status: Converged}
	if logW > hi-1e-6 || logW < lo+1e-6 {
		row.Status = Boundary
	}
	m, err := mleMLPModel(s)
	if err != nil {
		return row, err
	}
	truth := []float64{1, 0}
	pop, err := models.Population(m, m, truth, models.Rule{})
	if err != nil {
		return row, err
	}
	row.Gen = 2 * float64(z.N) * (pop.LogLik(truth) - pop.LogLik([]float64{row.W, row.V}))
	return row, nil
}
