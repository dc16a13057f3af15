package experiments

import (
	"context"
	"math"

	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/singular"
)

type karakidaNormalisationSpec struct {
	Law     wideLaw `toml:"law" doc:"laws of the networks"`
	Width   []int   `toml:"width" doc:"M: width of the inputs and every hidden layer"`
	Depth   int     `toml:"depth" doc:"L: layers of weights"`
	Outputs int     `toml:"outputs" doc:"C: outputs of the networks with layer normalisation, 3 or more; the others have one"`
	Samples int     `toml:"samples" doc:"N: inputs of the networks with layer normalisation; the others have N = M"`
	Draws   int     `toml:"draws" doc:"draws of the limiting outputs, for the theory of layer normalisation"`
}

type karakidaNormalisationRow struct {
	Plain      float64 `parquet:"plain" doc:"largest eigenvalue without normalisation, C = 1, N = M"`
	Next       float64 `parquet:"next" doc:"eigenvalue 2 without normalisation"`
	Subtracted float64 `parquet:"subtracted" doc:"largest eigenvalue after subtraction of the mean output"`
	Trace      float64 `parquet:"trace" doc:"trace after subtraction of the mean output"`
	Upper      float64 `parquet:"upper" doc:"√tr F² after subtraction, an upper bound"`
	Batch      float64 `parquet:"batch" doc:"largest eigenvalue with batch normalisation of the output"`
	BatchTrace float64 `parquet:"batch_trace" doc:"trace with batch normalisation of the output"`
	Layer      float64 `parquet:"layer" doc:"largest eigenvalue with layer normalisation of C outputs"`
	LayerTop   float64 `parquet:"layer_top" doc:"mean of the C − 2 largest eigenvalues with layer normalisation"`
	LayerSemi  float64 `parquet:"layer_semi" doc:"the same mean by mean field of the gradients, at the outputs of this network"`
	Status     string  `parquet:"status" doc:"how the eigenvalues ended"`
}

var _ = register(Experiment[karakidaNormalisationSpec, karakidaNormalisationRow]{
	Name:    "karakida-normalisation",
	Version: 2,
	Doc: `What normalisation of the last layer does to the largest Fisher eigenvalue.

The outliers of the spectrum belong to the mean gradients. Subtraction of the mean
output over the inputs removes them, and so does batch normalisation of the output:
with as many samples as units the largest eigenvalue becomes of order one instead
of M. Layer normalisation, over the outputs of each input, does not. Theory gives
the largest eigenvalue without normalisation and with layer normalisation, and the
trace with the other two. The outliers of layer normalisation are nearly equal, so
that products of different outputs, of relative size 1/√M, split them: their mean
is compared with theory.`,
	Cite: []string{karakidaNorm, karakida2021},
	Default: karakidaNormalisationSpec{
		Law: wideLaws(), Width: []int{100, 200, 400}, Depth: 3, Outputs: 10, Samples: 50, Draws: 500,
	},
	Smoke:      karakidaNormalisationSpec{Law: tanhLaw(), Width: []int{20, 40}, Depth: 3, Outputs: 3, Samples: 12, Draws: 20},
	Replicates: 16, Chunk: 4,
	Check: func(s karakidaNormalisationSpec) error {
		if s.Outputs < 3 || s.Samples < 2 || s.Draws < 2 {
			return KeyError("outputs", "%d outputs, %d samples, %d draws: allowed are 3 or more outputs, 2 or more of the others", s.Outputs, s.Samples, s.Draws)
		}
		if err := s.Law.check(s.Depth, s.Width, []int{s.Samples}, s.Outputs); err != nil {
			return err
		}
		for _, m := range s.Width {
			if m < 3 {
				return KeyError("width", "%d: allowed is 3 or more", m)
			}
			if err := s.Law.check(s.Depth, []int{m}, []int{m}, 1); err != nil {
				return err
			}
		}
		return nil
	},
	Cells: func(s karakidaNormalisationSpec) []Cell {
		return Grid(Axis("act", s.Law.Act...), Axis("width", s.Width...))
	},
	Replicate: func(_ context.Context, s karakidaNormalisationSpec, c Cell, k mc.Key) ([]karakidaNormalisationRow, error) {
		row, err := karakidaNormalisationRun(s, c, k)
		return []karakidaNormalisationRow{row}, err
	},
	Compare: func(_ context.Context, s karakidaNormalisationSpec, c Cell) ([]Line[karakidaNormalisationRow], error) {
		width := c.Int("width")
		m, err := singular.NewMeanField(s.Law.net(c, s.Depth, width, 1))
		if err != nil {
			return nil, err
		}
		p, err := orNone(m.Regression(width))
		if err != nil {
			return nil, err
		}
		layer, err := s.predictLayer(c)
		if err != nil {
			return nil, err
		}
		size := float64(m.Params())
		type row = karakidaNormalisationRow
		return []Line[row]{
			wideLine("largest, plain", func(r row) float64 { return r.Plain }, p.LambdaMax, wideSource),
			measured("eigenvalue 2, plain", func(r row) float64 { return r.Next }),
			wideLine("trace, mean subtracted", func(r row) float64 { return r.Trace }, size*m.MeanSubtracted(width).Mean, wideSource),
			measured("largest, mean subtracted", func(r row) float64 { return r.Subtracted }),
			wideLine("trace, batch normalised", func(r row) float64 { return r.BatchTrace }, size*m.BatchNormalised(width).Mean, "derived here"),
			measured("largest, batch normalised", func(r row) float64 { return r.Batch }),
			measured("largest, layer normalised", func(r row) float64 { return r.Layer }),
			drawnLine("mean of C − 2 largest, layer normalised", func(r row) float64 { return r.LayerTop }, layer, "outlier equation, derived here"),
			ratioLine("the same ÷ its own prediction", func(r row) float64 { return r.LayerTop / r.LayerSemi }, m, "outlier equation, derived here, at the measured outputs"),
		}, nil
	},
	Figures: []Figure[karakidaNormalisationSpec, karakidaNormalisationRow]{{
		Name: "scaling", Doc: "Largest eigenvalue against the width M = N without normalisation, with the mean output subtracted and with batch normalisation (C = 1), and with layer normalisation at fixed N. Lines have slope 1.",
		Draw: drawKarakidaNormalisation,
	}},
})

// predictLayer is the theory of layer normalisation, NaN where there is none.
func (s karakidaNormalisationSpec) predictLayer(c Cell) (singular.Estimate, error) {
	m, err := singular.NewMeanField(s.Law.net(c, s.Depth, c.Int("width"), s.Outputs))
	if err != nil {
		return singular.Estimate{}, err
	}
	if m.Centred() {
		return singular.Estimate{Value: math.NaN()}, nil
	}
	p, err := m.LayerNormalised(s.Samples, s.Draws, mc.Key{Experiment: "karakida-normalisation", Cell: c.Name}.Stream("theory"))
	if err != nil {
		return singular.Estimate{}, err
	}
	var mean singular.Estimate
	for _, e := range p { // errors of one draw's outliers go together
		mean.Value += e.Value / float64(len(p))
		mean.SE += e.SE / float64(len(p))
	}
	return mean, nil
}

func karakidaNormalisationRun(s karakidaNormalisationSpec, c Cell, k mc.Key) (karakidaNormalisationRow, error) {
	var row karakidaNormalisationRow
	width := c.Int("width")
	w, err := drawWide(s.Law.net(c, s.Depth, width, 1), width, k)
	if err != nil {
		return row, err
	}
	d, f := w.Regression()
	row.Status = Converged
	largest := func(d *singular.Dual) (first, second float64) {
		spectrum, err := d.Spectrum()
		if err != nil {
			row.Status = Failed
			return math.NaN(), math.NaN()
		}
		return spectrum.Values[0], spectrum.Values[1]
	}
	row.Plain, row.Next = largest(d)
	subtracted, batch := d.MeanSubtracted(), d.BatchNormalised(f)
	row.Subtracted, _ = largest(subtracted)
	row.Batch, _ = largest(batch)
	size := float64(d.Dim)
	row.Trace, row.BatchTrace = size*subtracted.Mean(), size*batch.Mean()
	row.Upper = math.Sqrt(size * subtracted.SecondMoment())

	many := s.Law.net(c, s.Depth, width, s.Outputs)
	m, err := singular.NewMeanField(many)
	if err != nil {
		return row, err
	}
	w, err = singular.NewWideSampler(many, s.Samples, 0)
	if err != nil {
		return row, err
	}
	w.Draw(k.Stream("layer"))
	d, f = w.Regression()
	for _, v := range m.LayerNormOutliers(f) {
		row.LayerSemi += v / float64(s.Outputs-2)
	}
	spectrum, err := d.LayerNormalised(f).Spectrum()
	if err != nil {
		row.Layer, row.LayerTop, row.Status = math.NaN(), math.NaN(), Failed
		return row, nil
	}
	top, _ := spectrum.Outliers(s.Outputs - 2)
	row.Layer = top[0]
	for _, v := range top {
		row.LayerTop += v / float64(len(top))
	}
	return row, nil
}

func drawKarakidaNormalisation(s karakidaNormalisationSpec, cells []Sample[karakidaNormalisationRow]) (Drawing, error) {
	type row = karakidaNormalisationRow
	var panels []*figs.Panel
	for _, act := range s.Law.Act[:min(3, len(s.Law.Act))] {
		p := &figs.Panel{Title: act, X: "width M", Y: "largest eigenvalue", LogX: true, LogY: true}
		for _, line := range []struct {
			name string
			f    func(r row) float64
		}{
			{"plain", func(r row) float64 { return r.Plain }},
			{"mean subtracted", func(r row) float64 { return r.Subtracted }},
			{"batch normalised", func(r row) float64 { return r.Batch }},
			{"layer normalised", func(r row) float64 { return r.Layer }},
		} {
			var x, y, se []float64
			for _, c := range cells {
				if c.Cell.Text("act") == act {
					m, e, _ := Mean(line.f)(c)
					x, y, se = append(x, c.Cell.Float("width")), append(y, m), append(se, e)
				}
			}
			p.Series(line.name, x, y, se)
			if n := len(x); n > 0 && line.name == "plain" {
				p.Slope("proportional to M", 1, x[n-1], y[n-1], x[0], x[n-1])
			}
		}
		panels = append(panels, p)
	}
	return figs.New(panels...), nil
}
