package designs

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/neuromanifold/neuromanifold/design"
	"github.com/neuromanifold/neuromanifold/design/pkpd"
	"github.com/neuromanifold/neuromanifold/internal/figs"
)

// Figures draws a result into a directory and returns the files' common names:
// curve, the responses over time with their 95 % range and the sampling times;
// sensitivity, the largest sensitivity of a sequence that samples at a time
// against its bound; alternatives, the efficiency of giving all subjects one
// sequence. The last two need the certificate of an optimisation.
func (st *Study) Figures(r *Result, dir string) ([]string, error) {
	f, err := st.curveFigure(r)
	if err != nil {
		return nil, err
	}
	if err := f.Save(dir, "curve"); err != nil {
		return nil, err
	}
	names := []string{"curve"}
	if r.Design == nil || r.Support[0].Group != "" {
		return names, nil
	}
	if err := st.sensitivityFigure(r).Save(dir, "sensitivity"); err != nil {
		return nil, err
	}
	f, err = st.alternatives(r)
	if err != nil {
		return nil, err
	}
	if err := f.Save(dir, "alternatives"); err != nil {
		return nil, err
	}
	return append(names, "sensitivity", "alternatives"), nil
}

func (st *Study) curveFigure(r *Result) (*figs.Figure, error) {
	reg := st.regimen
	if st.Choice != nil {
		reg = st.Choice.regimen
	} else if len(st.Groups) > 0 {
		reg = st.Groups[0].regimen
	}
	f, err := st.informer(reg)
	if err != nil {
		return nil, err
	}
	var end float64
	for _, s := range r.Support {
		end = max(end, slices.Max(s.X))
	}
	if st.Choice != nil {
		end = max(end, slices.Max(st.Choice.Times))
	}
	const n = 200
	var panels []*figs.Panel
	for i, resp := range st.observed {
		info := st.Structure.Responses()[resp]
		p := &figs.Panel{Title: info.Name, X: "time (" + st.TimeUnit + ")", Y: fmt.Sprintf("%s (%s)", info.Name, unitOr1(info.Unit))}
		var at []pkpd.Sample
		for j := range n {
			at = append(at, pkpd.Sample{Response: resp, Time: 1.03 * end * float64(j) / (n - 1)})
		}
		mean, cov, err := f.Moments(at)
		if err != nil {
			return nil, err
		}
		x, lo, hi := make([]float64, n), make([]float64, n), make([]float64, n)
		for j, s := range at {
			sd := math.Sqrt(cov.At(j, j))
			x[j], lo[j], hi[j] = s.Time, mean[j]-1.96*sd, mean[j]+1.96*sd
		}
		p.Curve("typical", x, mean)
		p.Reference("95 % of measurements", x, lo)
		p.Reference("95 % of measurements", x, hi)
		for k, s := range r.Support {
			if k == 6 {
				break // more colours than anybody tells apart
			}
			at := make([]pkpd.Sample, len(s.X))
			for j, t := range s.X {
				at[j] = pkpd.Sample{Response: st.observed[i], Time: t}
			}
			y, _, err := f.Moments(at)
			if err != nil {
				return nil, err
			}
			name := s.Group
			if name == "" {
				name = fmt.Sprintf("sequence %d, weight %.3f", k+1, s.Weight)
			}
			p.Points(name, s.X, y)
		}
		panels = append(panels, p)
	}
	return figs.New(panels...), nil
}

func (st *Study) sensitivityFigure(r *Result) *figs.Figure {
	ts := slices.Clone(st.Choice.Times)
	slices.Sort(ts)
	y := make([]float64, len(ts))
	for i, t := range ts {
		y[i] = math.Inf(-1)
		for j, s := range r.Candidates {
			if slices.Contains(s, t) {
				y[i] = max(y[i], r.Design.Phi[j])
			}
		}
	}
	p := &figs.Panel{X: "time (" + st.TimeUnit + ")", Y: "largest sensitivity of a sequence through it"}
	p.Series("sensitivity", ts, y, nil)
	p.Reference("bound", []float64{ts[0], ts[len(ts)-1]}, []float64{r.Design.Bound, r.Design.Bound})
	return figs.New(p)
}

func (st *Study) alternatives(r *Result) (*figs.Figure, error) {
	crit, err := st.criterion()
	if err != nil {
		return nil, err
	}
	p := &design.Problem{Info: r.Infos}
	if c := st.Choice; c.CostSubject != 0 || c.CostSample != 0 {
		for _, s := range r.Candidates {
			p.Cost = append(p.Cost, c.cost(len(s)))
		}
	}
	ev, err := crit.Evaluator(len(r.Params))
	if err != nil {
		return nil, err
	}
	eff := func(w []float64) (float64, error) {
		d, err := p.Evaluate(w, crit)
		if errors.Is(err, design.ErrSingular) {
			return 0, nil
		} else if err != nil {
			return 0, err
		}
		return ev.Efficiency(d.Value, r.Design.Value), nil
	}
	var all []float64
	for j := range r.Candidates {
		w := make([]float64, len(r.Candidates))
		w[j] = 1
		e, err := eff(w)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b float64) int {
		switch {
		case a > b:
			return -1
		case a < b:
			return 1
		}
		return 0
	})
	x := make([]float64, len(all))
	for i := range x {
		x[i] = float64(i + 1)
	}
	panel := &figs.Panel{X: "rank of the sequence", Y: "efficiency"}
	panel.Points("one sequence for all (0: singular)", x, all)
	ends := []float64{1, float64(max(2, len(all)))}
	uniform, err := eff(slices.Repeat([]float64{1}, len(r.Candidates)))
	if err != nil {
		return nil, err
	}
	panel.Reference("all sequences alike", ends, []float64{uniform, uniform})
	if !math.IsNaN(r.Reference) {
		panel.Curve("design of the spec, per cost", ends, []float64{r.Reference, r.Reference})
	}
	return figs.New(panel), nil
}
