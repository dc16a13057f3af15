package experiments

import (
	"context"
	"fmt"
	"math"

	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/singular"
)

type karakidaCrossEntropySpec struct {
	Law     wideLaw `toml:"law" doc:"laws of the networks"`
	Width   []int   `toml:"width" doc:"M: width of the inputs and every hidden layer"`
	Samples int     `toml:"samples" doc:"N: inputs at which the information is averaged"`
	Depth   int     `toml:"depth" doc:"L: layers of weights"`
	Classes int     `toml:"classes" doc:"C: classes"`
	Draws   int     `toml:"draws" doc:"draws of the limiting outputs, for the theory"`
}

type karakidaCrossEntropyRow struct {
	Mean      float64   `parquet:"mean" doc:"tr F/P"`
	Second    float64   `parquet:"second_moment" doc:"tr F²/P"`
	LambdaMax float64   `parquet:"lambda_max" doc:"largest eigenvalue"`
	Semi      float64   `parquet:"semi" doc:"largest eigenvalue by mean field of the gradients, at the class probabilities of this network"`
	Last      float64   `parquet:"last" doc:"eigenvalue C − 1, the smallest predicted outlier"`
	Next      float64   `parquet:"next" doc:"eigenvalue C"`
	Lower     float64   `parquet:"lower" doc:"tr F²/tr F, a lower bound on the largest"`
	Upper     float64   `parquet:"upper" doc:"√tr F², an upper bound on the largest"`
	Values    []float64 `parquet:"values" doc:"eigenvalues of the dual matrix, descending"`
	Status    string    `parquet:"status" doc:"how the eigenvalues ended"`
}

var _ = register(Experiment[karakidaCrossEntropySpec, karakidaCrossEntropyRow]{
	Name:    "karakida-cross-entropy",
	Version: 2,
	Doc: `Fisher spectrum of wide random networks as softmax classifiers, beside mean field.

Between the gradients stands Q = diag(g) − ggᵀ of the class probabilities g, which
stay random however wide the layers are. Since Q annihilates (1, …, 1) there are
C − 1 eigenvalues that grow like the width, not C, and they are not equal: they
follow the eigenvalues of the mean of Q. The papers bound the largest one; here its
mean is predicted from the limiting Gaussian outputs, and network by network from
the measured probabilities.`,
	Cite: []string{karakida2021},
	Default: karakidaCrossEntropySpec{
		Law: wideLaws(), Width: []int{100, 200, 400}, Samples: 100, Depth: 3, Classes: 10, Draws: 1000,
	},
	Smoke:      karakidaCrossEntropySpec{Law: tanhLaw(), Width: []int{30}, Samples: 12, Depth: 3, Classes: 3, Draws: 20},
	Replicates: 20, Chunk: 5,
	Check: func(s karakidaCrossEntropySpec) error {
		if s.Classes < 2 || s.Samples < 2 || s.Draws < 2 {
			return KeyError("classes", "%d classes, %d samples, %d draws: allowed is 2 or more of each", s.Classes, s.Samples, s.Draws)
		}
		return s.Law.check(s.Depth, s.Width, []int{s.Samples}, s.Classes)
	},
	Cells: func(s karakidaCrossEntropySpec) []Cell {
		return Grid(Axis("act", s.Law.Act...), Axis("width", s.Width...))
	},
	Replicate: func(_ context.Context, s karakidaCrossEntropySpec, c Cell, k mc.Key) ([]karakidaCrossEntropyRow, error) {
		row, err := karakidaCrossEntropyRun(s, c, k)
		return []karakidaCrossEntropyRow{row}, err
	},
	Compare: func(_ context.Context, s karakidaCrossEntropySpec, c Cell) ([]Line[karakidaCrossEntropyRow], error) {
		m, err := s.field(c)
		if err != nil {
			return nil, err
		}
		p, err := s.predict(c)
		if err != nil {
			return nil, err
		}
		type row = karakidaCrossEntropyRow
		const ours = "outlier equation, derived here"
		return []Line[row]{
			drawnLine("mean tr F/P", func(r row) float64 { return r.Mean }, p.Mean, wideSource),
			drawnLine("second moment tr F²/P", func(r row) float64 { return r.Second }, p.SecondMoment, wideSource),
			drawnLine("largest eigenvalue", func(r row) float64 { return r.LambdaMax }, p.Outliers[0], ours),
			ratioLine("largest ÷ its own prediction", func(r row) float64 { return r.LambdaMax / r.Semi }, m, ours+", at the measured probabilities"),
			measured("eigenvalue C − 1", func(r row) float64 { return r.Last }),
			measured("eigenvalue C", func(r row) float64 { return r.Next }),
			measured("lower bound tr F²/tr F", func(r row) float64 { return r.Lower }),
			measured("upper bound √tr F²", func(r row) float64 { return r.Upper }),
		}, nil
	},
	Figures: []Figure[karakidaCrossEntropySpec, karakidaCrossEntropyRow]{
		{Name: "scaling", Doc: "Mean, second moment and largest eigenvalue against the width M, with mean field at the same widths.", Draw: drawKarakidaCrossEntropy},
		{Name: "spectrum", Doc: "Eigenvalues other than the structural zeros, over all networks of the widest layers, with the predicted C − 1 outliers.", Draw: drawKarakidaCrossEntropySpectrum},
	},
})

func (s karakidaCrossEntropySpec) field(c Cell) (*singular.MeanField, error) {
	return singular.NewMeanField(s.Law.net(c, s.Depth, c.Int("width"), s.Classes))
}

// predict draws the theory on a stream of its own, the same for every table.
func (s karakidaCrossEntropySpec) predict(c Cell) (singular.SoftmaxPrediction, error) {
	m, err := s.field(c)
	if err != nil {
		return singular.SoftmaxPrediction{}, err
	}
	if m.Centred() {
		none := singular.Estimate{Value: math.NaN()}
		return singular.SoftmaxPrediction{Mean: none, SecondMoment: none, Outliers: []singular.Estimate{none}}, nil
	}
	return m.CrossEntropy(s.Samples, s.Draws, mc.Key{Experiment: "karakida-cross-entropy", Cell: c.Name}.Stream("theory"))
}

func karakidaCrossEntropyRun(s karakidaCrossEntropySpec, c Cell, k mc.Key) (karakidaCrossEntropyRow, error) {
	var row karakidaCrossEntropyRow
	net := s.Law.net(c, s.Depth, c.Int("width"), s.Classes)
	m, err := singular.NewMeanField(net)
	if err != nil {
		return row, err
	}
	w, err := drawWide(net, s.Samples, k)
	if err != nil {
		return row, err
	}
	regression, f := w.Regression()
	d := regression.CrossEntropy(f)
	row = karakidaCrossEntropyRow{Mean: d.Mean(), Second: d.SecondMoment(), Semi: m.SoftmaxOutliers(f)[0], Status: Converged}
	row.Lower, row.Upper = row.Second/row.Mean, math.Sqrt(row.Second*float64(d.Dim))
	spectrum, err := d.Spectrum()
	if err != nil {
		row.LambdaMax, row.Last, row.Next, row.Status = math.NaN(), math.NaN(), math.NaN(), Failed
		return row, nil
	}
	top, next := spectrum.Outliers(s.Classes - 1)
	row.LambdaMax, row.Last, row.Next, row.Values = top[0], top[len(top)-1], next, spectrum.Values
	return row, nil
}

func drawKarakidaCrossEntropy(s karakidaCrossEntropySpec, cells []Sample[karakidaCrossEntropyRow]) (Drawing, error) {
	theory := map[string]singular.SoftmaxPrediction{}
	for _, c := range cells {
		p, err := s.predict(c.Cell)
		if err != nil {
			return nil, err
		}
		theory[c.Cell.Name] = p
	}
	return figs.New(momentPanels(s.Law.Act, "width", "width M", cells,
		func(r karakidaCrossEntropyRow) wideStats { return wideStats{r.Mean, r.Second, r.LambdaMax} },
		func(c Cell) wideStats {
			p := theory[c.Name]
			return wideStats{p.Mean.Value, p.SecondMoment.Value, p.Outliers[0].Value}
		})...), nil
}

func drawKarakidaCrossEntropySpectrum(s karakidaCrossEntropySpec, cells []Sample[karakidaCrossEntropyRow]) (Drawing, error) {
	var panels []*figs.Panel
	for _, c := range widest(cells) {
		p, err := s.predict(c.Cell)
		if err != nil {
			return nil, err
		}
		var values, outliers []float64
		for _, r := range c.Rows {
			// The last N of them are the structural zeros of the softmax.
			values = append(values, r.Values[:max(0, len(r.Values)-s.Samples)]...)
		}
		for _, o := range p.Outliers {
			outliers = append(outliers, o.Value)
		}
		panels = append(panels, figs.Spectrum(fmt.Sprintf("%s, M = %d", c.Cell.Text("act"), c.Cell.Int("width")), values, outliers))
	}
	return figs.New(panels...), nil
}
