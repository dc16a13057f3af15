package experiments

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/design"
	"github.com/neuromanifold/neuromanifold/design/pkpd"
	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
)

type leonovOptionsSpec struct {
	Additive []float64 `toml:"additive" doc:"standard deviations of the additive error (mg/L), besides a proportional one of 10 %; 0 for none"`
	Times    []float64 `toml:"times" doc:"sampling times of every subject (h)"`
	Subjects int       `toml:"subjects" doc:"simulated subjects in one replicate, an even number"`
	Draws    int       `toml:"draws" doc:"draws of the random effects of a subject"`
}

type leonovOptionsRow struct {
	Info   []float64 `parquet:"info" doc:"mean of the products of scores over the subjects of the replicate: the information of one subject, upper triangle by rows"`
	ESS    float64   `parquet:"ess" doc:"mean effective number of draws"`
	Status string    `parquet:"status" doc:"how the replicate ended"`
}

// leonovStudy is the number of subjects to which relative standard errors refer.
const leonovStudy = 32

var _ = register(Experiment[leonovOptionsSpec, leonovOptionsRow]{
	Name:    "leonov-options",
	Version: 1,
	Doc: `Approximations of the individual Fisher information of the warfarin example beside the exact one.
The exact information is the mean of products of scores of simulated subjects, by
Fisher's identity and importance sampling. Measured are the relative standard errors
(%) that it gives 32 subjects; the columns of limits are what the approximations say:
linearised with the block-diagonal (fo-reduced) and the full matrix (fo-full), and
exact moments in the formula for a Gaussian law (moments-gh). None of them is the limit
of anything: a large z is the error of an approximation. The reduced form is right
within a few per cent; the full one has the standard error of ka three times too
small.`,
	Cite: []string{
		"S. Leonov and A. Aliev (2012), Optimal design for population PK/PD models, Tatra Mountains Mathematical Publications 51:115-130",
		"J. Nyberg et al. (2015), Methods and software tools for design evaluation in population pharmacokinetics-pharmacodynamics studies, British Journal of Clinical Pharmacology 79:6-17",
	},
	Default:    leonovOptionsSpec{Additive: []float64{0, 0.5}, Times: []float64{0.5, 1, 2, 6, 24, 36, 72, 120}, Subjects: 50, Draws: 128},
	Smoke:      leonovOptionsSpec{Additive: []float64{0}, Times: []float64{0.5, 2, 6, 36, 72, 120}, Subjects: 40, Draws: 32},
	Replicates: 100,
	Chunk:      10,
	Check: func(s leonovOptionsSpec) error {
		switch {
		case len(s.Times) < 3:
			return KeyError("times", "want at least 3 sampling times, as many as the curve has parameters")
		case s.Subjects < 2 || s.Subjects%2 != 0 || s.Subjects > 100_000:
			return KeyError("subjects", "%d: want an even number from 2 to 100000", s.Subjects)
		case s.Draws < 8 || s.Draws > 100_000:
			return KeyError("draws", "%d: want 8 to 100000", s.Draws)
		}
		for _, t := range s.Times {
			if !(t > 0) || math.IsInf(t, 1) {
				return KeyError("times", "%v: want finite times above 0", t)
			}
		}
		for _, a := range s.Additive {
			if !(a >= 0) || math.IsInf(a, 1) {
				return KeyError("additive", "%v: want finite numbers of at least 0", a)
			}
		}
		return nil
	},
	Cells: func(s leonovOptionsSpec) []Cell { return Grid(Axis("additive", s.Additive...)) },
	Replicate: func(ctx context.Context, s leonovOptionsSpec, c Cell, k mc.Key) ([]leonovOptionsRow, error) {
		f, err := leonovInformer(c.Float("additive"), design.FOReduced)
		if err != nil {
			return nil, err
		}
		e, err := f.Exact(ctx, leonovSamples(s), design.ExactOptions{Subjects: s.Subjects, Draws: s.Draws, Blocks: 2}, k.Stream("subjects"))
		if err != nil {
			return nil, err
		}
		row := leonovOptionsRow{ESS: e.ESS, Status: Converged}
		for i := range f.Dim() {
			for j := i; j < f.Dim(); j++ {
				row.Info = append(row.Info, e.M.At(i, j))
			}
		}
		return []leonovOptionsRow{row}, nil
	},
	Compare: func(_ context.Context, s leonovOptionsSpec, c Cell) ([]Line[leonovOptionsRow], error) {
		var lines []Line[leonovOptionsRow]
		for _, a := range []design.Approximation{design.FOReduced, design.FOFull, design.MomentsGH} {
			f, err := leonovInformer(c.Float("additive"), a)
			if err != nil {
				return nil, err
			}
			m := mat.NewSymDense(f.Dim(), nil)
			if err := f.Into(m, leonovSamples(s)); err != nil {
				return nil, err
			}
			theta, err := leonovPopulation(c.Float("additive")).Theta()
			if err != nil {
				return nil, err
			}
			for i, p := range f.Params() {
				lines = append(lines, Line[leonovOptionsRow]{
					Name:    fmt.Sprintf("RSE of %s, %v", p.Name, a),
					Measure: Jackknife(func(rows []leonovOptionsRow) float64 { return leonovRSE(leonovMean(rows, len(theta)), theta, i) }),
					Theory:  leonovRSE(m, theta, i), Limit: true, Source: a.String(),
				})
			}
		}
		return lines, nil
	},
	Figures: []Figure[leonovOptionsSpec, leonovOptionsRow]{{
		Name: "rse",
		Doc:  "Relative standard errors by the approximations over those of the exact information, parameter by parameter; 1 is right.",
		Draw: drawLeonovOptions,
	}},
})

func leonovPopulation(additive float64) *design.Population {
	return &design.Population{
		Effects: []design.Effect{
			{Name: "CL", Value: 0.15, Law: design.LogNormal, Variance: 0.07},
			{Name: "V", Value: 8, Law: design.LogNormal, Variance: 0.02},
			{Name: "ka", Value: 1, Law: design.LogNormal, Variance: 0.6},
		},
		Residuals: []design.Residual{{Proportional: 0.1, Additive: additive}},
	}
}

func leonovInformer(additive float64, a design.Approximation) (*design.Informer, error) {
	m, err := pkpd.NewLinear(pkpd.LinearSettings{Depot: true})
	if err != nil {
		return nil, err
	}
	c, err := m.Bind(pkpd.Regimen{{Amount: 70}})
	if err != nil {
		return nil, err
	}
	f, err := design.NewInformer(leonovPopulation(additive), c, a)
	if err != nil || a != design.MomentsGH {
		return f, err
	}
	// ka varies most: 14, 12 and 32 nodes leave eight digits.
	return f, f.SetNodes(14, 12, 32)
}

func leonovSamples(s leonovOptionsSpec) []pkpd.Sample {
	at := make([]pkpd.Sample, len(s.Times))
	for i, t := range s.Times {
		at[i].Time = t
	}
	return at
}

func leonovMean(rows []leonovOptionsRow, d int) *mat.SymDense {
	m := mat.NewSymDense(d, nil)
	for _, r := range rows {
		at := 0
		for i := range d {
			for j := i; j < d; j++ {
				m.SetSym(i, j, m.At(i, j)+r.Info[at]/float64(len(rows)))
				at++
			}
		}
	}
	return m
}

// leonovRSE is the relative standard error (%) of parameter i in a study; NaN
// where the simulated information is not positive definite, as it may be for few
// subjects.
func leonovRSE(m *mat.SymDense, theta []float64, i int) float64 {
	var c mat.Cholesky
	if !c.Factorize(m) {
		return math.NaN()
	}
	e, x := mat.NewVecDense(len(theta), nil), new(mat.VecDense)
	e.SetVec(i, 1)
	if err := c.SolveVecTo(x, e); err != nil {
		return math.NaN()
	}
	return 100 * math.Sqrt(x.AtVec(i)/leonovStudy) / math.Abs(theta[i])
}

func drawLeonovOptions(s leonovOptionsSpec, cells []Sample[leonovOptionsRow]) (Drawing, error) {
	var panels []*figs.Panel
	for _, x := range cells {
		additive := x.Cell.Float("additive")
		theta, err := leonovPopulation(additive).Theta()
		if err != nil {
			return nil, err
		}
		exact := leonovMean(x.Rows, len(theta))
		p := &figs.Panel{Title: x.Cell.Name, X: "parameter, in the order of θ", Y: "RSE over the exact one"}
		for _, a := range []design.Approximation{design.FOReduced, design.FOFull, design.MomentsGH} {
			f, err := leonovInformer(additive, a)
			if err != nil {
				return nil, err
			}
			m := mat.NewSymDense(f.Dim(), nil)
			if err := f.Into(m, leonovSamples(s)); err != nil {
				return nil, err
			}
			var at, ratio []float64
			for i := range theta {
				at = append(at, float64(i+1))
				ratio = append(ratio, leonovRSE(m, theta, i)/leonovRSE(exact, theta, i))
			}
			p.Points(a.String(), at, ratio)
		}
		p.Reference("exact", []float64{1, float64(len(theta))}, []float64{1, 1})
		panels = append(panels, p)
	}
	return figs.New(panels...), nil
}
