package experiments

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

type learningRateSpec struct {
	Law      wideLaw   `toml:"law" doc:"laws of the networks"`
	Width    int       `toml:"width" doc:"M: width of the inputs and every hidden layer"`
	Samples  int       `toml:"samples" doc:"N: training samples, with labels from N(0, 1)"`
	Depth    int       `toml:"depth" doc:"L: layers of weights"`
	Ratio    []float64 `toml:"ratio" doc:"learning rate as a multiple of the predicted critical one"`
	Momentum float64   `toml:"momentum" doc:"μ: each step adds μ times the step before"`
	Steps    int       `toml:"steps" doc:"steps of full-batch gradient descent"`
}

type learningRateRow struct {
	Rate    float64 `parquet:"rate" doc:"η, the learning rate"`
	Lambda  float64 `parquet:"lambda" doc:"largest eigenvalue of the Fisher information at the start"`
	Rise    float64 `parquet:"rise" doc:"largest loss over the steps ÷ loss at the start: 1 where it never rises, infinite where it overflows"`
	Final   float64 `parquet:"final" doc:"last loss ÷ loss at the start"`
	Linear  float64 `parquet:"linear" doc:"largest loss ÷ loss at the start for the model that is linear in its parameters"`
	Measure float64 `parquet:"measure" doc:"learning rate as a multiple of 2(1+μ)/λ of this network"`
	Status  string  `parquet:"status" doc:"diverged where the loss overflowed"`
}

// diverged is the status of a descent whose loss overflowed.
const diverged = "diverged"

var _ = register(Experiment[learningRateSpec, learningRateRow]{
	Name:    "learning-rate-bound",
	Version: 1,
	Doc: `Gradient descent on wide networks and the critical learning rate 2(1+μ)/λ_max.

Near a minimum gradient descent on half the mean squared error can converge only if
its rate lies below 2(1+μ)/λ_max, and mean field predicts λ_max before training. The
predicted bound is tested by whether the loss ever rises: beyond it the loss grows
at first, by |1 − ηλ| a step in the leading direction, but need not diverge, because
a network that is not linear in its parameters may be thrown into a flatter region
and settle there. Just above the bound the growth takes more steps than are run.`,
	Cite: []string{karakida2019, karakida2021},
	Default: learningRateSpec{
		Law: wideLaws(), Width: 200, Samples: 60, Depth: 3, Ratio: []float64{0.5, 0.8, 0.95, 1.1, 1.25, 1.5, 2}, Steps: 40,
	},
	Smoke:      learningRateSpec{Law: tanhLaw(), Width: 30, Samples: 10, Depth: 3, Ratio: []float64{0.5, 1.5}, Steps: 20, Momentum: 0.5},
	Replicates: 10, Chunk: 5,
	Check: func(s learningRateSpec) error {
		if len(s.Ratio) == 0 {
			return KeyError("ratio", "none given")
		}
		for _, r := range s.Ratio {
			if !(r > 0) || math.IsInf(r, 0) {
				return KeyError("ratio", "%v: allowed are finite numbers above 0", r)
			}
		}
		if !(s.Momentum >= 0 && s.Momentum < 1) {
			return KeyError("momentum", "%v: allowed is a number from 0, below 1", s.Momentum)
		}
		if s.Steps < 1 {
			return KeyError("steps", "%d: allowed is 1 or more", s.Steps)
		}
		if err := s.Law.check(s.Depth, []int{s.Width}, []int{s.Samples}, 1); err != nil {
			return err
		}
		return s.Law.refuseCentred(s.net)
	},
	Cells: func(s learningRateSpec) []Cell {
		return Grid(Axis("act", s.Law.Act...), Axis("ratio", s.Ratio...))
	},
	Replicate: func(ctx context.Context, s learningRateSpec, c Cell, k mc.Key) ([]learningRateRow, error) {
		row, err := learningRateRun(ctx, s, c, k)
		return []learningRateRow{row}, err
	},
	Compare: func(_ context.Context, s learningRateSpec, c Cell) ([]Line[learningRateRow], error) {
		_, p, err := outlier(s.net(c), s.Samples)
		if err != nil {
			return nil, err
		}
		rises := 0.0
		if c.Float("ratio") > 1 {
			rises = 1
		}
		if s.Momentum > 0 {
			rises = math.NaN() // momentum overshoots for a while below the bound
		}
		type row = learningRateRow
		const source = "2(1+μ)/λ_max, Karakida, Akaho and Amari 2019"
		return []Line[row]{
			wideLine("largest eigenvalue", func(r row) float64 { return r.Lambda }, p.LambdaMax, wideSource),
			{Name: "share whose loss rises", Measure: Fraction(func(r row) bool { return r.Rise > 1 }), Theory: rises, Limit: true, Route: models.Exact, Source: source},
			{Name: "share that rises, linear model", Measure: Fraction(func(r row) bool { return r.Linear > 1 }), Theory: rises, Limit: true, Route: models.Exact, Source: source},
			{Name: "median log₁₀ of largest ÷ first loss", Measure: Quantile(0.5, func(r row) float64 { return math.Log10(r.Rise) }), Theory: math.NaN()},
			{Name: "median log₁₀ of last ÷ first loss", Measure: Quantile(0.5, func(r row) float64 { return math.Log10(r.Final) }), Theory: math.NaN()},
		}, nil
	},
	Figures: []Figure[learningRateSpec, learningRateRow]{{
		Name: "rise", Doc: "Share of networks whose loss ever rises against the learning rate in units of the predicted bound, for the network and for the model linear in its parameters; right the largest loss over the steps, relative to the first, of each network.",
		Draw: drawLearningRate,
	}},
})

func (s learningRateSpec) net(c Cell) singular.WideNet {
	return s.Law.net(c, s.Depth, s.Width, 1)
}

func learningRateRun(ctx context.Context, s learningRateSpec, c Cell, k mc.Key) (learningRateRow, error) {
	var row learningRateRow
	m, p, err := outlier(s.net(c), s.Samples)
	if err != nil {
		return row, err
	}
	// The same networks and labels for every ratio.
	k.Cell = c.Text("act")
	w, err := drawWide(m.Net, s.Samples, k)
	if err != nil {
		return row, err
	}
	labels, rng := make([]float64, s.Samples), k.Stream("labels")
	for i := range labels {
		labels[i] = rng.NormFloat64()
	}
	d, f := w.Regression()
	residual := make([]float64, s.Samples)
	for i := range residual {
		residual[i] = f.At(i, 0) - labels[i]
	}
	row.Status = Converged
	row.Rate = c.Float("ratio") * singular.CriticalRate(p.LambdaMax, s.Momentum)
	spectrum, err := d.Spectrum()
	if err != nil {
		row.Lambda, row.Status = math.NaN(), Failed
	} else {
		row.Lambda = spectrum.Values[0]
	}
	row.Measure = row.Rate / singular.CriticalRate(row.Lambda, s.Momentum)
	row.Linear = s.descendLinear(d.F, residual, row.Rate)
	row.Rise, row.Final, err = s.descend(ctx, w, labels, row.Rate)
	if math.IsInf(row.Rise, 1) {
		row.Status = diverged
	}
	return row, err
}

// descend runs gradient descent on the network and returns the largest and the
// last loss relative to the first.
func (s learningRateSpec) descend(ctx context.Context, w *singular.WideSampler, labels []float64, rate float64) (rise, final float64, err error) {
	theta, x, n := w.Theta(), w.Inputs(), len(labels)
	jac := w.Net().NewJacobian(n)
	f, residual := mat.NewDense(n, 1, nil), make([]float64, n)
	grad, step := make([]float64, len(theta)), make([]float64, len(theta))
	vector := func(v []float64) blas64.Vector { return blas64.Vector{N: len(v), Inc: 1, Data: v} }
	first := 0.0
	for t := 0; ; t++ {
		if err := ctx.Err(); err != nil {
			return 0, 0, context.Cause(ctx)
		}
		jac.Set(theta, x)
		jac.Outputs(f)
		loss := 0.0
		for i := range residual {
			residual[i] = f.At(i, 0) - labels[i]
			loss += residual[i] * residual[i]
		}
		if t == 0 {
			first = loss
		}
		final = loss / first
		if math.IsNaN(final) || math.IsInf(final, 0) {
			return math.Inf(1), math.Inf(1), nil
		}
		rise = max(rise, final)
		if t == s.Steps {
			return rise, final, nil
		}
		jac.MulTrans(grad, residual)
		blas64.Scal(s.Momentum, vector(step))
		blas64.Axpy(-rate/float64(n), vector(grad), vector(step))
		blas64.Axpy(1, vector(step), vector(theta))
	}
}

// descendLinear is descend for the model with constant Jacobian, whose residual
// moves by −ηF* of itself.
func (s learningRateSpec) descendLinear(dual *mat.SymDense, residual []float64, rate float64) (rise float64) {
	n := len(residual)
	r, step, g := mat.NewVecDense(n, nil), mat.NewVecDense(n, nil), mat.NewVecDense(n, nil)
	for i, v := range residual {
		r.SetVec(i, v)
	}
	first := mat.Dot(r, r)
	rise = 1
	for range s.Steps {
		g.MulVec(dual, r)
		step.ScaleVec(s.Momentum, step)
		step.AddScaledVec(step, -rate, g)
		r.AddVec(r, step)
		loss := mat.Dot(r, r) / first
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return math.Inf(1)
		}
		rise = max(rise, loss)
	}
	return rise
}

func drawLearningRate(s learningRateSpec, cells []Sample[learningRateRow]) (Drawing, error) {
	type row = learningRateRow
	const x = "learning rate ÷ predicted bound"
	var panels []*figs.Panel
	for _, side := range []struct {
		title string
		f     func(r row) float64
	}{
		{fmt.Sprintf("Network, M = %d", s.Width), func(r row) float64 { return r.Rise }},
		{"Linear in the parameters", func(r row) float64 { return r.Linear }},
	} {
		p := &figs.Panel{Title: side.title, X: x, Y: "share whose loss rises", YRange: [2]float64{-0.1, 1.1}}
		for _, act := range s.Law.Act {
			var at, y, se []float64
			for _, c := range ofActivation(cells, act) {
				m, e, _ := Fraction(func(r row) bool { return side.f(r) > 1 })(c)
				at, y, se = append(at, c.Cell.Float("ratio")), append(y, m), append(se, e)
			}
			p.Series(act, at, y, se)
		}
		p.Set("predicted bound", []float64{1, 1}, []float64{-0.1, 1.1})
		panels = append(panels, p)
	}
	// A loss that grows without end would hide where it begins.
	const top = 1e3
	p := &figs.Panel{Title: "Network, how far", X: x, Y: "largest loss ÷ first loss", LogY: true, YRange: [2]float64{0.8, top}}
	for _, act := range s.Law.Act {
		var at, y []float64
		for _, c := range ofActivation(cells, act) {
			for _, r := range c.Rows {
				at, y = append(at, c.Cell.Float("ratio")), append(y, r.Rise)
			}
		}
		p.Points(act, at, y)
	}
	p.Set("predicted bound", []float64{1, 1}, []float64{0.8, top})
	return figs.New(append(panels, p)...), nil
}

// ofActivation returns the cells of an activation.
func ofActivation(cells []Sample[learningRateRow], act string) []Sample[learningRateRow] {
	return slices.DeleteFunc(slices.Clone(cells), func(c Sample[learningRateRow]) bool { return c.Cell.Text("act") != act })
}
