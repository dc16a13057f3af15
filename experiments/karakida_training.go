package experiments

import (
	"context"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

type karakidaTrainingSpec struct {
	Law     wideLaw `toml:"law" doc:"laws of the networks and of the teacher"`
	Width   int     `toml:"width" doc:"M: width of the inputs and every hidden layer"`
	Samples int     `toml:"samples" doc:"N: inputs, all of them in every step"`
	Depth   int     `toml:"depth" doc:"L: layers of weights"`
	Classes int     `toml:"classes" doc:"C: classes"`
	Steps   []int   `toml:"steps" doc:"steps after which the spectra are measured, ascending"`
	Ratio   float64 `toml:"ratio" doc:"learning rate times the predicted largest eigenvalue of the regression information"`
}

type karakidaTrainingRow struct {
	Step       int     `parquet:"step" doc:"steps of gradient descent taken"`
	Loss       float64 `parquet:"loss" unit:"nats" doc:"mean cross-entropy"`
	Regression float64 `parquet:"regression" doc:"largest eigenvalue of the regression information, which mean field predicts at step 0"`
	LambdaMax  float64 `parquet:"lambda_max" doc:"largest eigenvalue of the information of the softmax"`
	Semi       float64 `parquet:"semi" doc:"its prediction from mean field and the class probabilities at this step"`
	Lower      float64 `parquet:"lower" doc:"lower bound tr F²/tr F"`
	Upper      float64 `parquet:"upper" doc:"upper bound √tr F²"`
	Status     string  `parquet:"status" doc:"how the eigenvalues ended, or diverged"`
}

var _ = register(Experiment[karakidaTrainingSpec, karakidaTrainingRow]{
	Name:    "karakida-training",
	Version: 2,
	Doc: `Fisher spectra of wide classifiers during training, beside mean field.

A wide network is trained by gradient descent on the cross-entropy with labels from
another random network. Its tangent kernel hardly moves, so that the largest
eigenvalue of the regression information stays what mean field says of random
weights. That of the softmax goes to 0 with the loss, because the class
probabilities g become certain and Q = diag(g) − ggᵀ vanishes: mean field with
the Q of the moment follows it down.`,
	Cite: []string{karakida2021, jacot2018},
	Default: karakidaTrainingSpec{
		Law: tanhLaw(), Width: 500, Samples: 100, Depth: 3, Classes: 2, Steps: []int{0, 10, 30, 100, 300, 1000}, Ratio: 0.5,
	},
	Smoke:      karakidaTrainingSpec{Law: tanhLaw(), Width: 40, Samples: 20, Depth: 3, Classes: 2, Steps: []int{0, 5, 20}, Ratio: 0.5},
	Replicates: 8, SmokeReplicates: 3, Chunk: 1,
	Check: func(s karakidaTrainingSpec) error {
		if len(s.Steps) == 0 || s.Steps[0] < 0 || !slices.IsSorted(s.Steps) {
			return KeyError("steps", "%v: want numbers from 0 on, ascending", s.Steps)
		}
		if !(s.Ratio > 0) || math.IsInf(s.Ratio, 0) {
			return KeyError("ratio", "%v: allowed is a finite number above 0", s.Ratio)
		}
		if s.Classes < 2 {
			return KeyError("classes", "%d: allowed is 2 or more", s.Classes)
		}
		if err := s.Law.check(s.Depth, []int{s.Width}, []int{s.Samples}, s.Classes); err != nil {
			return err
		}
		return s.Law.refuseCentred(s.net)
	},
	Cells: func(s karakidaTrainingSpec) []Cell { return Grid(Axis("act", s.Law.Act...)) },
	Replicate: func(ctx context.Context, s karakidaTrainingSpec, c Cell, k mc.Key) ([]karakidaTrainingRow, error) {
		return karakidaTrainingRun(ctx, s, c, k)
	},
	Compare: func(_ context.Context, s karakidaTrainingSpec, c Cell) ([]Line[karakidaTrainingRow], error) {
		_, p, err := outlier(s.net(c), s.Samples)
		if err != nil {
			return nil, err
		}
		type row = karakidaTrainingRow
		last := s.Steps[len(s.Steps)-1]
		at := func(step int, f func(r row) float64) Measure[row] {
			return func(x Sample[row]) (float64, float64, string) {
				return Mean(f)(atStep(x, step))
			}
		}
		ratio := func(r row) float64 { return r.LambdaMax / r.Semi }
		const follows = "mean field with the class probabilities of the moment (derived here)"
		return []Line[row]{
			{Name: "regression λ_max, first", Measure: at(s.Steps[0], func(r row) float64 { return r.Regression }), Theory: p.LambdaMax, Limit: true, Route: models.Quadrature, Source: wideSource},
			{Name: "regression λ_max, last", Measure: at(last, func(r row) float64 { return r.Regression }), Theory: p.LambdaMax, Limit: true, Route: models.Quadrature, Source: wideSource},
			{Name: "softmax λ_max ÷ prediction, first", Measure: at(s.Steps[0], ratio), Theory: 1, Limit: true, Route: models.Quadrature, Source: follows},
			{Name: "softmax λ_max ÷ prediction, last", Measure: at(last, ratio), Theory: 1, Limit: true, Route: models.Quadrature, Source: follows},
			{Name: "loss, last", Measure: at(last, func(r row) float64 { return r.Loss }), Theory: math.NaN()},
		}, nil
	},
	Figures: []Figure[karakidaTrainingSpec, karakidaTrainingRow]{{
		Name: "training", Doc: "Largest eigenvalues of the regression and the softmax information during training (means over networks ± 2 standard errors), with mean field at random weights and with the class probabilities of each step.",
		Draw: drawKarakidaTraining,
	}},
})

// atStep returns the rows of one step.
func atStep(x Sample[karakidaTrainingRow], step int) Sample[karakidaTrainingRow] {
	out := Sample[karakidaTrainingRow]{Cell: x.Cell}
	for i, r := range x.Rows {
		if r.Step == step {
			out.Rows, out.Replicates = append(out.Rows, r), append(out.Replicates, x.Replicates[i])
		}
	}
	return out
}

func (s karakidaTrainingSpec) net(c Cell) singular.WideNet {
	return s.Law.net(c, s.Depth, s.Width, s.Classes)
}

func karakidaTrainingRun(ctx context.Context, s karakidaTrainingSpec, c Cell, k mc.Key) ([]karakidaTrainingRow, error) {
	m, p, err := outlier(s.net(c), s.Samples)
	if err != nil {
		return nil, err
	}
	w, err := drawWide(m.Net, s.Samples, k)
	if err != nil {
		return nil, err
	}
	deep, theta := w.Net(), w.Theta()
	jac, f := deep.NewJacobian(s.Samples), mat.NewDense(s.Samples, s.Classes, nil)
	teacher := make([]float64, deep.Dim())
	deep.Random(teacher, m.Net.VarW, m.Net.VarB, k.Stream("teacher"))
	jac.Set(teacher, w.Inputs())
	jac.Outputs(f)
	labels := make([]int, s.Samples)
	for i := range labels {
		labels[i] = largest(f.RawRowView(i))
	}
	rate := s.Ratio / p.LambdaMax
	u, g := make([]float64, s.Samples*s.Classes), make([]float64, deep.Dim())
	var rows []karakidaTrainingRow
	for step, next := 0, 0; ; step++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		jac.Set(theta, w.Inputs())
		jac.Outputs(f)
		loss := crossEntropyGradient(u, f, labels)
		for next < len(s.Steps) && s.Steps[next] == step {
			row := karakidaTrainingRow{Step: step, Loss: loss, Status: Converged}
			s.measure(&row, m, jac, f)
			rows = append(rows, row)
			next++
		}
		if next == len(s.Steps) {
			return rows, nil
		}
		if loss-loss != 0 {
			nan := math.NaN()
			return append(rows, karakidaTrainingRow{Step: step, Loss: loss, Regression: nan, LambdaMax: nan, Semi: nan, Lower: nan, Upper: nan, Status: diverged}), nil
		}
		jac.MulTrans(g, u)
		for i, v := range g {
			theta[i] -= rate * v
		}
	}
}

// largest returns the index of the largest number.
func largest(x []float64) int {
	best := 0
	for k, v := range x {
		if v > x[best] {
			best = k
		}
	}
	return best
}

// crossEntropyGradient fills u (NC) with the derivative of the mean cross-entropy
// in the outputs f (N×C), (g − e_label)/N, and returns it.
func crossEntropyGradient(u []float64, f *mat.Dense, labels []int) (loss float64) {
	n, c := f.Dims()
	for i, label := range labels {
		row, out := f.RawRowView(i), u[i*c:(i+1)*c]
		top, sum := row[largest(row)], 0.0
		for k, v := range row {
			out[k] = math.Exp(v - top)
			sum += out[k]
		}
		for k := range out {
			out[k] /= sum * float64(n)
		}
		out[label] -= 1 / float64(n)
		loss += (top + math.Log(sum) - row[label]) / float64(n)
	}
	return loss
}

// measure fills the spectra of a row.
func (s karakidaTrainingSpec) measure(row *karakidaTrainingRow, m *singular.MeanField, jac *models.DeepJacobian, f *mat.Dense) {
	kernel := mat.NewSymDense(s.Samples*s.Classes, nil)
	jac.Kernel(kernel, nil)
	regression := singular.NewDual(kernel, s.Samples, m.Params())
	softmax := regression.CrossEntropy(f)
	row.Semi = m.SoftmaxOutliers(f)[0]
	row.Lower, row.Upper = softmax.SecondMoment()/softmax.Mean(), math.Sqrt(softmax.SecondMoment()*float64(softmax.Dim))
	row.Regression, row.LambdaMax = math.NaN(), math.NaN()
	a, err := regression.Spectrum()
	if err != nil {
		row.Status = Failed
		return
	}
	b, err := softmax.Spectrum()
	if err != nil {
		row.Status = Failed
		return
	}
	row.Regression, row.LambdaMax = a.Values[0], b.Values[0]
}

func drawKarakidaTraining(s karakidaTrainingSpec, cells []Sample[karakidaTrainingRow]) (Drawing, error) {
	var panels []*figs.Panel
	for _, c := range cells {
		_, p, err := outlier(s.net(c.Cell), s.Samples)
		if err != nil {
			return nil, err
		}
		type row = karakidaTrainingRow
		panel := &figs.Panel{Title: c.Cell.Text("act"), X: "step + 1", Y: "largest eigenvalue", LogX: true, LogY: true}
		var x []float64
		var y [4][]float64 // regression, softmax and their standard errors
		var semi, flat []float64
		for _, step := range s.Steps {
			at := atStep(c, step)
			if len(at.Rows) == 0 {
				continue
			}
			x, flat = append(x, float64(step+1)), append(flat, p.LambdaMax)
			v, e, _ := Mean(func(r row) float64 { return r.Regression })(at)
			y[0], y[2] = append(y[0], v), append(y[2], e)
			v, e, _ = Mean(func(r row) float64 { return r.LambdaMax })(at)
			y[1], y[3] = append(y[1], v), append(y[3], e)
			v, _, _ = Mean(func(r row) float64 { return r.Semi })(at)
			semi = append(semi, v)
		}
		panel.Series("regression", x, y[0], y[2])
		panel.Series("softmax", x, y[1], y[3])
		panel.Curve("theory, regression", x, flat)
		panel.Curve("theory, softmax", x, semi)
		panels = append(panels, panel)
	}
	return figs.New(panels...), nil
}
