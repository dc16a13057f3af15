package experiments

import (
	"context"
	"math"

	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/singular"
)

type karakidaKernelSpec struct {
	Law     wideLaw `toml:"law" doc:"laws of the networks"`
	Width   []int   `toml:"width" doc:"M: width of the inputs and every hidden layer"`
	Samples []int   `toml:"samples" doc:"N: numbers of inputs"`
	Depth   int     `toml:"depth" doc:"L: layers of weights"`
	Outputs int     `toml:"outputs" doc:"C: outputs"`
}

func (s karakidaKernelSpec) check() error { return s.Law.check(s.Depth, s.Width, s.Samples, s.Outputs) }

func (s karakidaKernelSpec) cells() []Cell {
	return Grid(Axis("act", s.Law.Act...), Axis("width", s.Width...), Axis("n", s.Samples...))
}

func (s karakidaKernelSpec) net(c Cell) singular.WideNet {
	return s.Law.net(c, s.Depth, c.Int("width"), s.Outputs)
}

type karakidaKernelRow struct {
	Mean      float64   `parquet:"mean" doc:"mean eigenvalue"`
	Second    float64   `parquet:"second_moment" doc:"mean of the squared eigenvalues"`
	LambdaMax float64   `parquet:"lambda_max" doc:"largest eigenvalue"`
	Rayleigh  float64   `parquet:"rayleigh" doc:"Rayleigh quotient at the vectors of ones, whose mean is predicted without bias"`
	Next      float64   `parquet:"next" doc:"eigenvalue C + 1"`
	Least     float64   `parquet:"least" doc:"smallest eigenvalue of the CN×CN matrix"`
	Input     float64   `parquet:"input" doc:"largest eigenvalue of the metric of the inputs alone; NaN where that is not measured"`
	Values    []float64 `parquet:"values" doc:"eigenvalues of the CN×CN matrix, descending"`
	Status    string    `parquet:"status" doc:"how the eigenvalues ended"`
}

var _ = register(Experiment[karakidaKernelSpec, karakidaKernelRow]{
	Name:    "karakida-ntk",
	Version: 1,
	Doc: `Spectrum of the neural tangent kernel of wide random networks, beside mean field.

In the parameterisation of the neural tangent kernel the CN×CN matrix Θ = JJᵀ has a
limit as the widths grow. Its C largest eigenvalues are proportional to the number
of samples N, all others stay of order one: gradient descent learns a few
directions fast and most of them slowly. Mode i decays by 1 − ηλ_i/N a step.`,
	Cite:       []string{karakida2021, jacot2018},
	Default:    karakidaKernelSpec{Law: wideLaws(), Width: []int{400}, Samples: []int{25, 50, 100, 200}, Depth: 3, Outputs: 1},
	Smoke:      karakidaKernelSpec{Law: tanhLaw(), Width: []int{40}, Samples: []int{10, 20}, Depth: 3, Outputs: 2},
	Replicates: 60, Chunk: 20,
	Check: karakidaKernelSpec.check,
	Cells: karakidaKernelSpec.cells,
	Replicate: func(_ context.Context, s karakidaKernelSpec, c Cell, k mc.Key) ([]karakidaKernelRow, error) {
		w, err := drawWide(s.net(c), c.Int("n"), k)
		if err != nil {
			return nil, err
		}
		return []karakidaKernelRow{kernelRow(w.NTK(), s.Outputs)}, nil
	},
	Compare: func(_ context.Context, s karakidaKernelSpec, c Cell) ([]Line[karakidaKernelRow], error) {
		p, err := s.predictNTK(c)
		if err != nil {
			return nil, err
		}
		return append(kernelLines(p), measured("smallest eigenvalue", func(r karakidaKernelRow) float64 { return r.Least })), nil
	},
	Figures: []Figure[karakidaKernelSpec, karakidaKernelRow]{{
		Name: "scaling", Doc: "Mean, second moment and largest eigenvalue of the tangent kernel against the number of samples N, at the first width.",
		Draw: func(s karakidaKernelSpec, cells []Sample[karakidaKernelRow]) (Drawing, error) {
			return drawKernel(s, cells, "n", "samples N", s.predictNTK)
		},
	}},
})

func (s karakidaKernelSpec) field(c Cell) (*singular.MeanField, error) {
	return singular.NewMeanField(s.net(c))
}

func (s karakidaKernelSpec) predictNTK(c Cell) (singular.Prediction, error) {
	m, err := s.field(c)
	if err != nil {
		return singular.Prediction{}, err
	}
	return orNone(m.NTK(c.Int("n")))
}

func (s karakidaKernelSpec) predictMetric(c Cell) (singular.Prediction, error) {
	m, err := s.field(c)
	if err != nil {
		return singular.Prediction{}, err
	}
	return m.Metric(c.Int("n")), nil
}

var _ = register(Experiment[karakidaKernelSpec, karakidaKernelRow]{
	Name:    "karakida-metric",
	Version: 1,
	Doc: `Spectrum of the metric of inputs and features in wide random networks.

The metric (1/N) Σ ∇_h f ∇_h fᵀ over inputs and hidden features h measures how far
the output moves when they do. Its largest eigenvalue is of order one whatever the
width and the number of samples, while the mean is of order 1/M: robust in almost
all directions, sensitive in C of them. A linear network has the same gradient at
every input, so that the rank is exactly C.`,
	Cite:       []string{karakida2021},
	Default:    karakidaKernelSpec{Law: wideLaws(), Width: []int{100, 200, 400}, Samples: []int{50, 100}, Depth: 3, Outputs: 1},
	Smoke:      karakidaKernelSpec{Law: tanhLaw(), Width: []int{40}, Samples: []int{10, 20}, Depth: 3, Outputs: 2},
	Replicates: 60, Chunk: 20,
	Check: karakidaKernelSpec.check,
	Cells: karakidaKernelSpec.cells,
	Replicate: func(_ context.Context, s karakidaKernelSpec, c Cell, k mc.Key) ([]karakidaKernelRow, error) {
		w, err := drawWide(s.net(c), c.Int("n"), k)
		if err != nil {
			return nil, err
		}
		row := kernelRow(w.Metric(false), s.Outputs)
		if input := kernelRow(w.Metric(true), s.Outputs); input.Status == Converged {
			row.Input = input.LambdaMax
		}
		return []karakidaKernelRow{row}, nil
	},
	Compare: func(_ context.Context, s karakidaKernelSpec, c Cell) ([]Line[karakidaKernelRow], error) {
		m, err := s.field(c)
		if err != nil {
			return nil, err
		}
		n := c.Int("n")
		return append(kernelLines(m.Metric(n)),
			wideLine("largest, inputs alone", func(r karakidaKernelRow) float64 { return r.Input }, m.InputMetric(n).LambdaMax, wideSource)), nil
	},
	Figures: []Figure[karakidaKernelSpec, karakidaKernelRow]{{
		Name: "scaling", Doc: "Mean, second moment and largest eigenvalue of the metric against the width M, at the first number of samples.",
		Draw: func(s karakidaKernelSpec, cells []Sample[karakidaKernelRow]) (Drawing, error) {
			return drawKernel(s, cells, "width", "width M", s.predictMetric)
		},
	}},
})

func kernelRow(d *singular.Dual, outputs int) karakidaKernelRow {
	row := karakidaKernelRow{Mean: d.Mean(), Second: d.SecondMoment(), Rayleigh: d.Rayleigh(), Input: math.NaN(), Status: Converged}
	s, err := d.Spectrum()
	if err != nil {
		row.LambdaMax, row.Next, row.Least, row.Status = math.NaN(), math.NaN(), math.NaN(), Failed
		return row
	}
	_, row.Next = s.Outliers(outputs)
	row.LambdaMax, row.Least, row.Values = s.Values[0], s.Values[len(s.Values)-1], s.Values
	return row
}

func kernelLines(p singular.Prediction) []Line[karakidaKernelRow] {
	type row = karakidaKernelRow
	return []Line[row]{
		wideLine("mean eigenvalue", func(r row) float64 { return r.Mean }, p.Mean, wideSource),
		wideLine("second moment", func(r row) float64 { return r.Second }, p.SecondMoment, wideSource),
		wideLine("Rayleigh quotient", func(r row) float64 { return r.Rayleigh }, p.LambdaMax, wideSource),
		wideLine("largest eigenvalue", func(r row) float64 { return r.LambdaMax }, p.LambdaMax, wideSource),
		measured("eigenvalue C + 1", func(r row) float64 { return r.Next }),
	}
}

// drawKernel draws the cells in which the coordinate along, whose label is x, varies,
// and the other one has its first value.
func drawKernel(s karakidaKernelSpec, cells []Sample[karakidaKernelRow], along, x string, theory func(c Cell) (singular.Prediction, error)) (Drawing, error) {
	var shown []Sample[karakidaKernelRow]
	for _, c := range cells {
		if along == "n" && c.Cell.Int("width") == s.Width[0] || along == "width" && c.Cell.Int("n") == s.Samples[0] {
			shown = append(shown, c)
		}
	}
	return figs.New(momentPanels(s.Law.Act, along, x, shown,
		func(r karakidaKernelRow) wideStats { return wideStats{r.Mean, r.Second, r.LambdaMax} },
		func(c Cell) wideStats {
			p, err := theory(c)
			if err != nil {
				return wideStats{math.NaN(), math.NaN(), math.NaN()}
			}
			return statsOf(p)
		})...), nil
}
