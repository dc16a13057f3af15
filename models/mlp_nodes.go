package models

import (
	"fmt"
	"math"
)

// Nodes implements Noder: a rule over the inputs times, at each input, points
// f(x) + σe that have the moments of the noise up to order 3, or up to 5 for a
// free σ². A log-likelihood of this family is quadratic in y, so that the noise
// is integrated exactly, and so are products of two scores. For normal inputs of
// sigmoid units the rule is the trapezoidal one, else 16-node Gauss rules side by
// side. They meet at 0 and, for one input, at the kink −b_i/w_i of each relu unit
// of theta, so that its scores are smooth within a panel; the kinks of another θ,
// and those of two inputs, which are lines, cross panels and cost accuracy.
// Rule.Points is the number of nodes per input, by default 256 for one input and
// 96 for two; each kink adds 16. The rows of an EmpiricalLaw are nodes themselves,
// for any number of inputs. It is an error for other laws and for more than two
// inputs.
func (m *MLP) Nodes(theta []float64, rule Rule) (z *Data, w []float64, err error) {
	if err := CheckTheta(m, theta); err != nil {
		return nil, nil, fmt.Errorf("%v: %w", m, err)
	}
	if rule.Points < 0 || rule.Points > 1<<20 {
		return nil, nil, fmt.Errorf("%v: a rule of %d points: allowed is 0 (default) to %d", m, rule.Points, 1<<20)
	}
	var kinks []float64
	if m.s.In == 1 && m.s.Bias && m.s.Act == ReLUUnit {
		for i := range m.s.Hidden {
			kinks = append(kinks, -theta[i*m.rowIn+1]/theta[i*m.rowIn])
		}
	}
	xs, wx, err := inputNodes(m, m.s.Inputs, rule, m.s.Act.homogeneous(), kinks)
	if err != nil {
		return nil, nil, err
	}
	es, we := noiseNodes(m.s.Out, m.s.FreeSigma)
	in, out := m.s.In, m.s.Out
	z = NewData(len(we)*len(wx), in, out)
	w = make([]float64, 0, z.N)
	h, f := make([]float64, m.s.Hidden), make([]float64, out)
	sigma := math.Sqrt(m.variance(theta))
	for t, wt := range wx {
		x := xs[t*in : t*in+in]
		m.mean(f, h, theta, x)
		for k, wk := range we {
			row := z.Row(len(w))
			copy(row, x)
			for o := range out {
				row[in+o] = f[o] + sigma*es[k*out+o]
			}
			w = append(w, wt*wk)
		}
	}
	return z, w, nil
}

// noiseNodes returns points (k×n) and weights (k) with the moments of N(0, I) in
// n dimensions: the 2n points ±√n e_i, of degree 3, or the 2n²+1 points of degree
// 5, called E_n^{r²} 5-2 by Stroud (Approximate Calculation of Multiple
// Integrals, 1971), some of whose weights are negative for n > 4. For n = 1 they
// are the Gauss-Hermite rules of two and three points.
func noiseNodes(n int, degree5 bool) (es, ws []float64) {
	add := func(weight float64, i int, a float64, j int, b float64) {
		e := make([]float64, n)
		e[i] = a
		if j >= 0 {
			e[j] = b
		}
		es, ws = append(es, e...), append(ws, weight)
	}
	q := float64(n)
	if !degree5 {
		for i := range n {
			add(1/(2*q), i, -math.Sqrt(q), -1, 0)
			add(1/(2*q), i, math.Sqrt(q), -1, 0)
		}
		return es, ws
	}
	far, near := math.Sqrt(q+2), math.Sqrt((q+2)/2)
	add(2/(q+2), 0, 0, -1, 0)
	for i := range n {
		axis := (4 - q) / (2 * (q + 2) * (q + 2))
		add(axis, i, -far, -1, 0)
		add(axis, i, far, -1, 0)
		for j := range i {
			for _, a := range [2]float64{-near, near} {
				for _, b := range [2]float64{-near, near} {
					add(1/((q+2)*(q+2)), i, a, j, b)
				}
			}
		}
	}
	return es, ws
}

// inputNodes returns nodes (n×in) and weights (n) for the law of the inputs of m.
// With panels Gauss rules are used under normal inputs too, split at the kinks.
func inputNodes(m Model, inputs Law, rule Rule, panels bool, kinks []float64) (xs, ws []float64, err error) {
	in := inputs.Dim()
	var sd float64
	uniform := false
	switch law := inputs.(type) {
	case EmpiricalLaw:
		n := law.Z.N
		if n == 0 {
			return nil, nil, fmt.Errorf("%v has no data to average over: give it the inputs", m)
		}
		for t := range n {
			xs = append(xs, law.Z.X(t)...)
			ws = append(ws, 1/float64(n))
		}
		return xs, ws, nil
	case NormalLaw:
		sd = law.SD
	case UniformLaw:
		sd, uniform = law.SD, true
	default:
		return nil, nil, fmt.Errorf("%v: no quadrature rule for inputs that are %v", m, law)
	}
	if in > 2 {
		return nil, nil, fmt.Errorf("%v: quadrature over %d inputs is not available: allowed is 1 or 2, or the inputs of data", m, in)
	}
	points := rule.points([...]int{1: 256, 2: 96}[in])
	var ax mlpAxis
	if uniform || panels {
		n := 2 * max(1, (points+2*panelNodes-1)/(2*panelNodes))
		end := normalEnd
		if uniform {
			end = math.Sqrt(3)
		}
		for k := range n + 1 {
			ax.edges = append(ax.edges, end*(2*float64(k)/float64(n)-1))
		}
		for _, x := range kinks {
			ax.split(x / sd)
		}
		ax.panels(0, uniform)
	} else {
		// Midpoints, which are a trapezoidal rule too: N(0,1) has 2e-17 beyond.
		const end = 8.5
		step := 2 * end / float64(points)
		for k := range points {
			x := -end + (float64(k)+0.5)*step
			ax.x, ax.w = append(ax.x, x), append(ax.w, step*normalDensity(x))
		}
	}
	total := 0.0
	for _, v := range ax.w {
		total += v
	}
	for i := range ax.x {
		ax.x[i] *= sd
		ax.w[i] /= total
	}
	if in == 1 {
		return ax.x, ax.w, nil
	}
	for i, a := range ax.x {
		for j, b := range ax.x {
			xs = append(xs, a, b)
			ws = append(ws, ax.w[i]*ax.w[j])
		}
	}
	return xs, ws, nil
}
