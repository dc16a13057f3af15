package designs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/design"
)

// certify compares the groups with the sequences of as many samples from the
// times of [optimize]: their sensitivities bound what a better choice of times
// could gain. Without such sequences, and for a singular design, there is no
// bound.
func (st *Study) certify(ctx context.Context, r *Result) error {
	c := st.Choice
	if c == nil || st.Exact {
		return nil
	}
	of := *c
	of.Rules, of.From, of.To = design.Rules{}, len(st.Groups[0].Times), 0
	for _, g := range st.Groups {
		if !slices.Equal(g.regimen, c.regimen) {
			return nil
		}
		of.From, of.To = min(of.From, len(g.Times)), max(of.To, len(g.Times))
	}
	seqs, err := of.sequences()
	if err != nil || len(seqs) > 20_000 {
		return nil
	}
	weights := make([]float64, len(seqs))
	for _, g := range st.Groups {
		ts := slices.Clone(g.Times)
		slices.Sort(ts)
		j := slices.IndexFunc(seqs, func(x []float64) bool { return slices.Equal(x, ts) })
		if j < 0 {
			return nil
		}
		weights[j] += float64(g.Subjects)
	}
	infos, err := st.infos(ctx, seqs)
	if err != nil {
		return err
	}
	d, err := (&design.Problem{Info: infos}).Evaluate(weights, design.D{})
	if errors.Is(err, design.ErrSingular) {
		return nil
	} else if err != nil {
		return err
	}
	r.Design, r.Candidates, r.Infos = d, seqs, infos
	return nil
}

// note adds what is known of the model beyond the matrix.
func (st *Study) note(r *Result) {
	value := func(name string) float64 {
		for _, e := range st.Population.Effects {
			if e.Name == name {
				return e.Value
			}
		}
		return math.NaN()
	}
	var k float64
	switch st.structure {
	case "oral1":
		k = value("CL") / value("V")
		cl, v, ka := design.FlipFlop(value("CL"), value("V"), value("ka"))
		if ka != value("ka") {
			r.Notes = append(r.Notes, fmt.Sprintf("flip-flop: CL = %.6g, V = %.6g, ka = %.6g has the same curve; only prior knowledge tells them apart", cl, v, ka))
		}
	case "oral1-rates":
		k = value("k")
		if ka := value("ka"); ka != k {
			r.Notes = append(r.Notes, fmt.Sprintf("flip-flop: k = %.6g, V = %.6g, ka = %.6g has the same curve; only prior knowledge tells them apart", ka, value("V")*k/ka, k))
		}
	default:
		return
	}
	if math.Abs(value("ka")-k) <= 1e-9*k {
		c := design.CoincidentRates()
		r.Notes = append(r.Notes, fmt.Sprintf("ka equals k: no design tells ka − k at first order; learning coefficient of the curve %g, multiplicity %d (3/2 elsewhere); ka − k is estimated at the rate n^(−1/4)", c.Lambda, c.Mult))
		if st.Approximation != design.FOReduced {
			r.Notes = append(r.Notes, "approximations disagree here: fo-reduced finds no information about ka − k, fo-full claims some")
		}
	}
}

// support fills in sequences with shares of the subjects, and whole numbers.
func (st *Study) support(r *Result, p *design.Problem) {
	var sum float64
	for _, j := range r.Design.Support {
		w := r.Design.Weights[j]
		if w < 1e-9 {
			continue
		}
		if p.Cost != nil {
			w /= p.Cost[j] // shares of the budget become shares of subjects
		}
		sum += w
		r.Support = append(r.Support, Support{X: r.Candidates[j], Weight: w})
	}
	weights := make([]float64, len(r.Support))
	for i := range r.Support {
		r.Support[i].Weight /= sum
		weights[i] = r.Support[i].Weight
	}
	if n, err := design.Round(weights, st.Choice.Subjects); err == nil {
		for i := range n {
			r.Support[i].Subjects = n[i]
		}
	}
}

// reference sets the efficiency of the groups of the spec, per unit of cost.
func (st *Study) reference(r *Result, crit design.Criterion) {
	ev, err := crit.Evaluator(len(r.Params))
	if err != nil || len(st.Groups) == 0 {
		return
	}
	sum := mat.NewSymDense(len(r.Params), nil)
	var cost float64
	for _, g := range st.Groups {
		f, err := st.informer(g.regimen)
		if err != nil {
			return
		}
		m := mat.NewSymDense(f.Dim(), nil)
		if f.Into(m, st.Samples(g.Times)) != nil {
			return
		}
		accumulate(sum, float64(g.Subjects), m)
		cost += float64(g.Subjects) * st.Choice.cost(len(g.Times))
	}
	sum.ScaleSym(1/cost, sum)
	if ev.Set(sum) {
		r.Reference = ev.Efficiency(ev.Value(), r.Design.Value)
	}
}
