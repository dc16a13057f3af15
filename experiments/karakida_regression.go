package experiments

import (
	"context"
	"fmt"
	"math"

	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/singular"
)

type karakidaRegressionSpec struct {
	Law     wideLaw `toml:"law" doc:"laws of the networks"`
	Width   []int   `toml:"width" doc:"M: width of the inputs and every hidden layer"`
	Samples int     `toml:"samples" doc:"N: inputs at which the information is averaged"`
	Depth   int     `toml:"depth" doc:"L: layers of weights"`
	Outputs int     `toml:"outputs" doc:"C: outputs"`
	Layers  bool    `toml:"layers" doc:"also the largest eigenvalue of every layer's diagonal block"`
}

type karakidaRegressionRow struct {
	Mean       float64   `parquet:"mean" doc:"tr F/P"`
	Second     float64   `parquet:"second_moment" doc:"tr F²/P"`
	LambdaMax  float64   `parquet:"lambda_max" doc:"largest eigenvalue"`
	Rayleigh   float64   `parquet:"rayleigh" doc:"Rayleigh quotient at the mean gradients, whose mean is predicted without bias"`
	Top        float64   `parquet:"top" doc:"mean of the C largest eigenvalues"`
	Next       float64   `parquet:"next" doc:"eigenvalue C + 1, the edge of the bulk"`
	Subtracted float64   `parquet:"subtracted" doc:"largest eigenvalue after subtraction of the mean output"`
	Blocks     []float64 `parquet:"blocks" doc:"largest eigenvalue of each layer's block"`
	Values     []float64 `parquet:"values" doc:"eigenvalues of the dual matrix, descending"`
	Zeros      int       `parquet:"zeros" doc:"eigenvalues that are zero to rounding but not by structure"`
	Status     string    `parquet:"status" doc:"how the eigenvalues ended"`
}

var _ = register(Experiment[karakidaRegressionSpec, karakidaRegressionRow]{
	Name:    "karakida-regression",
	Version: 1,
	Doc: `Fisher spectrum of wide random networks as regressions, beside mean field.

The Fisher information of a network with P parameters at N random inputs has at
most CN eigenvalues other than zero. Nearly all are small, the mean eigenvalue is
of order 1/M, but C of them grow like the width M: the parameter space is flat in
almost all directions and very steep in a few. Weights have variance σ_w²/fan-in,
biases σ_b², inputs are N(0, I). The largest eigenvalue itself lies above its
prediction by a correction of order one, the Rayleigh quotient does not; the
second moment exceeds it by a relative 1/M.`,
	Cite: []string{karakida2021, karakida2019},
	Default: karakidaRegressionSpec{
		Law: wideLaws(), Width: []int{100, 200, 400, 800}, Samples: 100, Depth: 3, Outputs: 1, Layers: true,
	},
	Smoke:      karakidaRegressionSpec{Law: tanhLaw(), Width: []int{30, 60}, Samples: 20, Depth: 3, Outputs: 2, Layers: true},
	Replicates: 100, Chunk: 25,
	Check: func(s karakidaRegressionSpec) error {
		return s.Law.check(s.Depth, s.Width, []int{s.Samples}, s.Outputs)
	},
	Cells: func(s karakidaRegressionSpec) []Cell {
		return Grid(Axis("act", s.Law.Act...), Axis("width", s.Width...))
	},
	Replicate: func(_ context.Context, s karakidaRegressionSpec, c Cell, k mc.Key) ([]karakidaRegressionRow, error) {
		row, err := karakidaRegressionRun(s, c, k)
		return []karakidaRegressionRow{row}, err
	},
	Compare: func(_ context.Context, s karakidaRegressionSpec, c Cell) ([]Line[karakidaRegressionRow], error) {
		m, err := s.field(c)
		if err != nil {
			return nil, err
		}
		p, err := orNone(m.Regression(s.Samples))
		if err != nil {
			return nil, err
		}
		type row = karakidaRegressionRow
		lines := []Line[row]{
			wideLine("mean tr F/P", func(r row) float64 { return r.Mean }, p.Mean, wideSource),
			wideLine("second moment tr F²/P", func(r row) float64 { return r.Second }, p.SecondMoment, wideSource),
			wideLine("Rayleigh quotient", func(r row) float64 { return r.Rayleigh }, p.LambdaMax, wideSource),
			wideLine("largest eigenvalue", func(r row) float64 { return r.LambdaMax }, p.LambdaMax, wideSource),
			measured("eigenvalue C + 1", func(r row) float64 { return r.Next }),
			measured("largest after mean subtraction", func(r row) float64 { return r.Subtracted }),
		}
		if s.Outputs > 1 {
			lines = append(lines, wideLine("mean of the C largest", func(r row) float64 { return r.Top }, p.LambdaMax, wideSource))
		}
		if s.Layers {
			for l := range s.Depth {
				b, err := orNone(m.Layer(l+1, s.Samples))
				if err != nil {
					return nil, err
				}
				lines = append(lines, wideLine(fmt.Sprintf("largest of block %d", l+1), func(r row) float64 { return r.Blocks[l] }, b.LambdaMax, wideSource))
			}
		}
		return lines, nil
	},
	Figures: []Figure[karakidaRegressionSpec, karakidaRegressionRow]{
		{Name: "scaling", Doc: "Mean, second moment and largest eigenvalue against the width M, with mean field at the same widths.", Draw: drawKarakidaScaling},
		{Name: "spectrum", Doc: "Eigenvalues other than the structural zeros, over all networks of the widest layers, with the predicted outliers.", Draw: drawKarakidaSpectrum},
	},
})

func (s karakidaRegressionSpec) field(c Cell) (*singular.MeanField, error) {
	return singular.NewMeanField(s.Law.net(c, s.Depth, c.Int("width"), s.Outputs))
}

func karakidaRegressionRun(s karakidaRegressionSpec, c Cell, k mc.Key) (karakidaRegressionRow, error) {
	w, err := drawWide(s.Law.net(c, s.Depth, c.Int("width"), s.Outputs), s.Samples, k)
	if err != nil {
		return karakidaRegressionRow{}, err
	}
	d, _ := w.Regression()
	row := karakidaRegressionRow{Mean: d.Mean(), Second: d.SecondMoment(), Rayleigh: d.Rayleigh(), Status: Converged}
	spectrum, err := d.Spectrum()
	if err != nil {
		return failedRegression(row), nil
	}
	top, next := spectrum.Outliers(s.Outputs)
	row.LambdaMax, row.Next, row.Values, row.Zeros = top[0], next, spectrum.Values, spectrum.NumericalZeros
	for _, v := range top {
		row.Top += v / float64(len(top))
	}
	subtracted, err := d.MeanSubtracted().Spectrum()
	if err != nil {
		return failedRegression(row), nil
	}
	row.Subtracted = subtracted.Values[0]
	if s.Layers {
		for l := range s.Depth {
			block, err := w.Layer(l + 1).Spectrum()
			if err != nil {
				return failedRegression(row), nil
			}
			row.Blocks = append(row.Blocks, block.Values[0])
		}
	}
	return row, nil
}

// failedRegression is a row without eigenvalues.
func failedRegression(row karakidaRegressionRow) karakidaRegressionRow {
	nan := math.NaN()
	row.LambdaMax, row.Top, row.Next, row.Subtracted, row.Blocks = nan, nan, nan, nan, []float64{nan, nan, nan}
	row.Status = Failed
	return row
}

func drawKarakidaScaling(s karakidaRegressionSpec, cells []Sample[karakidaRegressionRow]) (Drawing, error) {
	predict := func(f func(p singular.Prediction) float64) func(c Cell) float64 {
		return func(c Cell) float64 {
			m, err := s.field(c)
			if err != nil {
				return math.NaN()
			}
			p, _ := m.Regression(s.Samples) // NaN where the network is centred
			return f(p)
		}
	}
	panel := func(title, y string) *figs.Panel {
		return &figs.Panel{Title: title, X: "width M", Y: y, LogX: true, LogY: true}
	}
	type row = karakidaRegressionRow
	return figs.New(
		widePanel(panel("Mean", "tr F/P"), s.Law.Act, "width", cells, func(r row) float64 { return r.Mean }, predict(func(p singular.Prediction) float64 { return p.Mean })),
		widePanel(panel("Second moment", "tr F²/P"), s.Law.Act, "width", cells, func(r row) float64 { return r.Second }, predict(func(p singular.Prediction) float64 { return p.SecondMoment })),
		widePanel(panel("Largest eigenvalue", "eigenvalue"), s.Law.Act, "width", cells, func(r row) float64 { return r.LambdaMax }, predict(func(p singular.Prediction) float64 { return p.LambdaMax })),
	), nil
}

func drawKarakidaSpectrum(s karakidaRegressionSpec, cells []Sample[karakidaRegressionRow]) (Drawing, error) {
	widest := s.Width[0]
	for _, w := range s.Width {
		widest = max(widest, w)
	}
	var panels []*figs.Panel
	for _, c := range cells {
		if c.Cell.Int("width") != widest || len(panels) == 3 {
			continue
		}
		m, err := s.field(c.Cell)
		if err != nil {
			return nil, err
		}
		p, err := orNone(m.Regression(s.Samples))
		if err != nil {
			return nil, err
		}
		var values []float64
		for _, r := range c.Rows {
			values = append(values, r.Values...)
		}
		panels = append(panels, spectrumPanel(fmt.Sprintf("%s, M = %d", c.Cell.Text("act"), widest), values, []float64{p.LambdaMax}))
	}
	return figs.New(panels...), nil
}
