package experiments

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"

	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/singular"
)

type karakidaRegressionSpec struct {
	Law     wideLaw `toml:"law" doc:"laws of the networks"`
	Width   []int   `toml:"width" doc:"M: width of the inputs and every hidden layer; width, samples and depth vary one at a time, the others at their first value"`
	Samples []int   `toml:"samples" doc:"N: inputs at which the information is averaged"`
	Depth   []int   `toml:"depth" doc:"L: layers of weights"`
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
	Overlap    float64   `parquet:"overlap" doc:"mean squared cosine between the eigenspace of the C largest eigenvalues and the mean gradients"`
	Values     []float64 `parquet:"values" doc:"eigenvalues of the dual matrix, descending"`
	Zeros      int       `parquet:"zeros" doc:"eigenvalues that are zero to rounding but not by structure"`
	Status     string    `parquet:"status" doc:"how the eigenvalues ended"`
}

var _ = register(Experiment[karakidaRegressionSpec, karakidaRegressionRow]{
	Name:    "karakida-regression",
	Version: 2,
	Doc: `Fisher spectrum of wide random networks as regressions, beside mean field.

The Fisher information of a network with P parameters at N random inputs has at
most CN eigenvalues other than zero. Nearly all are small, the mean eigenvalue is
of order 1/M, but C of them grow like the width M: the parameter space is flat in
almost all directions and very steep in a few. Weights have variance σ_w²/fan-in,
biases σ_b², inputs are N(0, I). The largest eigenvalue itself lies above its
prediction by a correction of order one, the Rayleigh quotient does not; the
second moment exceeds it by a relative 1/M. The C steep directions are those of
the mean gradients. Width, depth and number of samples vary one at a time.`,
	Cite: []string{karakida2021, karakida2019},
	Default: karakidaRegressionSpec{
		Law: wideLaws(), Width: []int{400, 100, 200, 800}, Samples: []int{100, 25, 50, 200}, Depth: []int{3, 2, 4, 6}, Outputs: 1, Layers: true,
	},
	Smoke:      karakidaRegressionSpec{Law: tanhLaw(), Width: []int{30, 60}, Samples: []int{20, 10}, Depth: []int{3, 2}, Outputs: 2, Layers: true},
	Replicates: 100, Chunk: 25,
	Check: func(s karakidaRegressionSpec) error {
		if len(s.Width) == 0 || len(s.Samples) == 0 || len(s.Depth) == 0 {
			return KeyError("width", "want a width, a number of samples and a depth")
		}
		for _, depth := range s.Depth[1:] {
			if err := s.Law.check(depth, s.Width[:1], s.Samples[:1], s.Outputs); err != nil {
				return err
			}
		}
		if err := s.Law.check(s.Depth[0], s.Width[:1], s.Samples, s.Outputs); err != nil {
			return err
		}
		return s.Law.check(s.Depth[0], s.Width, s.Samples[:1], s.Outputs)
	},
	Cells: karakidaRegressionSpec.cells,
	Replicate: func(_ context.Context, s karakidaRegressionSpec, c Cell, k mc.Key) ([]karakidaRegressionRow, error) {
		row, err := karakidaRegressionRun(s, c, k)
		return []karakidaRegressionRow{row}, err
	},
	Compare: func(_ context.Context, s karakidaRegressionSpec, c Cell) ([]Line[karakidaRegressionRow], error) {
		m, err := s.field(c)
		if err != nil {
			return nil, err
		}
		n := c.Int("n")
		p, err := orNone(m.Regression(n))
		if err != nil {
			return nil, err
		}
		overlap := 1.0
		if m.Centred() {
			overlap = math.NaN()
		}
		type row = karakidaRegressionRow
		lines := []Line[row]{
			wideLine("mean tr F/P", func(r row) float64 { return r.Mean }, p.Mean, wideSource),
			wideLine("second moment tr F²/P", func(r row) float64 { return r.Second }, p.SecondMoment, wideSource),
			wideLine("Rayleigh quotient", func(r row) float64 { return r.Rayleigh }, p.LambdaMax, wideSource),
			wideLine("largest eigenvalue", func(r row) float64 { return r.LambdaMax }, p.LambdaMax, wideSource),
			wideLine("overlap with the mean gradients", func(r row) float64 { return r.Overlap }, overlap, wideSource),
			measured("eigenvalue C + 1", func(r row) float64 { return r.Next }),
			measured("largest after mean subtraction", func(r row) float64 { return r.Subtracted }),
		}
		if s.Outputs > 1 {
			lines = append(lines, wideLine("mean of the C largest", func(r row) float64 { return r.Top }, p.LambdaMax, wideSource))
		}
		if s.Layers {
			for l := range c.Int("depth") {
				b, err := orNone(m.Layer(l+1, n))
				if err != nil {
					return nil, err
				}
				lines = append(lines, wideLine(fmt.Sprintf("largest of block %d", l+1), func(r row) float64 { return r.Blocks[l] }, b.LambdaMax, wideSource))
			}
		}
		return lines, nil
	},
	Figures: []Figure[karakidaRegressionSpec, karakidaRegressionRow]{
		{Name: "scaling", Doc: "Largest eigenvalue against the width M, the depth L and the number of samples N, each with the other two at their first value, and mean field at the same sizes.", Draw: drawKarakidaScaling},
		{Name: "moments", Doc: "Mean, second moment and largest eigenvalue against the width M, with mean field at the same widths.", Draw: drawKarakidaMoments},
		{Name: "spectrum", Doc: "Eigenvalues other than the structural zeros, over all networks of the widest layers, with the predicted outliers.", Draw: drawKarakidaSpectrum},
	},
})

// cells varies width, depth and number of samples one at a time about the first of
// each.
func (s karakidaRegressionSpec) cells() []Cell {
	var cells []Cell
	for _, act := range s.Law.Act {
		add := func(width, depth, n int) {
			cells = append(cells, NewCell(Var{"act", act}, Var{"width", width}, Var{"depth", depth}, Var{"n", n}))
		}
		for _, width := range s.Width {
			add(width, s.Depth[0], s.Samples[0])
		}
		for _, depth := range s.Depth[1:] {
			add(s.Width[0], depth, s.Samples[0])
		}
		for _, n := range s.Samples[1:] {
			add(s.Width[0], s.Depth[0], n)
		}
	}
	return cells
}

// along returns the cells in which a coordinate varies.
func (s karakidaRegressionSpec) along(name string, cells []Sample[karakidaRegressionRow]) []Sample[karakidaRegressionRow] {
	var out []Sample[karakidaRegressionRow]
	for _, c := range cells {
		first := true
		for other, v := range map[string]int{"width": s.Width[0], "depth": s.Depth[0], "n": s.Samples[0]} {
			first = first && (other == name || c.Cell.Int(other) == v)
		}
		if first {
			out = append(out, c)
		}
	}
	return out
}

func (s karakidaRegressionSpec) net(c Cell) singular.WideNet {
	return s.Law.net(c, c.Int("depth"), c.Int("width"), s.Outputs)
}

func (s karakidaRegressionSpec) field(c Cell) (*singular.MeanField, error) {
	return singular.NewMeanField(s.net(c))
}

func karakidaRegressionRun(s karakidaRegressionSpec, c Cell, k mc.Key) (karakidaRegressionRow, error) {
	w, err := drawWide(s.net(c), c.Int("n"), k)
	if err != nil {
		return karakidaRegressionRow{}, err
	}
	d, _ := w.Regression()
	row := karakidaRegressionRow{Mean: d.Mean(), Second: d.SecondMoment(), Rayleigh: d.Rayleigh(), Status: Converged}
	if err := row.measure(d, w, s); err != nil {
		row.Status = Failed
	}
	return row, nil
}

// measure fills what needs eigenvalues; what an error left out is NaN.
func (r *karakidaRegressionRow) measure(d *singular.Dual, w *singular.WideSampler, s karakidaRegressionSpec) error {
	nan := math.NaN()
	r.LambdaMax, r.Top, r.Next, r.Subtracted, r.Overlap = nan, nan, nan, nan, nan
	if s.Layers {
		r.Blocks = slices.Repeat([]float64{nan}, w.Net().Depth())
	}
	spectrum, err := d.Spectrum()
	if err != nil {
		return err
	}
	top, next := spectrum.Outliers(s.Outputs)
	r.LambdaMax, r.Next, r.Values, r.Zeros = top[0], next, spectrum.Values, spectrum.NumericalZeros
	r.Top = floats.Sum(top) / float64(len(top))
	if v, err := d.Overlap(); err == nil { // NaN where the leading eigenvalues have no space of their own
		r.Overlap = v
	}
	subtracted, err := d.MeanSubtracted().Spectrum()
	if err != nil {
		return err
	}
	r.Subtracted = subtracted.Values[0]
	for l := range r.Blocks {
		block, err := w.Layer(l + 1).Spectrum()
		if err != nil {
			return err
		}
		r.Blocks[l] = block.Values[0]
	}
	return nil
}

// theory is mean field at a cell, NaN where there is none.
func (s karakidaRegressionSpec) theory(c Cell) wideStats {
	m, err := s.field(c)
	if err != nil {
		return wideStats{math.NaN(), math.NaN(), math.NaN()}
	}
	p, _ := m.Regression(c.Int("n")) // NaN where the network is centred
	return statsOf(p)
}

func drawKarakidaScaling(s karakidaRegressionSpec, cells []Sample[karakidaRegressionRow]) (Drawing, error) {
	var panels []*figs.Panel
	for _, axis := range []struct{ name, title, x string }{
		{"width", "Width", "width M"}, {"depth", "Depth", "layers of weights L"}, {"n", "Samples", "samples N"},
	} {
		p := &figs.Panel{Title: axis.title, X: axis.x, Y: "largest eigenvalue", LogX: true, LogY: true}
		panels = append(panels, widePanel(p, s.Law.Act, axis.name, s.along(axis.name, cells),
			func(r karakidaRegressionRow) float64 { return r.LambdaMax }, func(c Cell) float64 { return s.theory(c).top }))
	}
	return figs.New(panels...), nil
}

func drawKarakidaMoments(s karakidaRegressionSpec, cells []Sample[karakidaRegressionRow]) (Drawing, error) {
	return figs.New(momentPanels(s.Law.Act, "width", "width M", s.along("width", cells),
		func(r karakidaRegressionRow) wideStats { return wideStats{r.Mean, r.Second, r.LambdaMax} }, s.theory)...), nil
}

func drawKarakidaSpectrum(s karakidaRegressionSpec, cells []Sample[karakidaRegressionRow]) (Drawing, error) {
	var panels []*figs.Panel
	for _, c := range widest(s.along("width", cells)) {
		var values []float64
		for _, r := range c.Rows {
			values = append(values, r.Values...)
		}
		title := fmt.Sprintf("%s, M = %d", c.Cell.Text("act"), c.Cell.Int("width"))
		panels = append(panels, figs.Spectrum(title, values, []float64{s.theory(c.Cell).top}))
	}
	return figs.New(panels...), nil
}
