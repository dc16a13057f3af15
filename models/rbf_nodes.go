package models

import (
	"fmt"
	"math"
)

// Nodes implements Noder: a rule over the inputs times, at each input, points
// f(x) + σe that have the moments of the noise up to order 3, or up to 5 for a
// free σ², which integrates log-likelihoods and products of two scores over the
// noise exactly. For normal inputs the rule is the trapezoidal one, for uniform
// inputs 16-node Gauss rules side by side; Rule.Points is the number of nodes per
// input, by default 256 for one input and 96 for two. The rows of an EmpiricalLaw
// are nodes themselves. It is an error for more than two inputs under another law.
func (m *RBF) Nodes(theta []float64, rule Rule) (z *Data, w []float64, err error) {
	if err := CheckTheta(m, theta); err != nil {
		return nil, nil, fmt.Errorf("%v: %w", m, err)
	}
	if rule.Points < 0 || rule.Points > 1<<20 {
		return nil, nil, fmt.Errorf("%v: a rule of %d points: allowed is 0 (default) to %d", m, rule.Points, 1<<20)
	}
	xs, wx, err := inputNodes(m, m.s.Inputs, rule, false, nil)
	if err != nil {
		return nil, nil, err
	}
	es, we := noiseNodes(1, m.s.FreeSigma)
	z = NewData(len(we)*len(wx), m.s.In, 1)
	w = make([]float64, 0, z.N)
	sigma := math.Sqrt(m.variance(theta))
	for t, wt := range wx {
		x := xs[t*m.s.In : (t+1)*m.s.In]
		f := m.output(nil, theta, x)
		for k, wk := range we {
			row := z.Row(len(w))
			copy(row, x)
			row[m.s.In] = f + sigma*es[k]
			w = append(w, wt*wk)
		}
	}
	return z, w, nil
}
