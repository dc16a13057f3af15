package models

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// jacobian fills j (out·in × d) with scale · ∂vec(W_L ⋯ W_1)/∂θ, the rows in
// row-major order of the product: ∂P/∂W_l[a,b] = suffix_l[:,a] prefix_{l−1}[b,:].
func (c *chain) jacobian(j *mat.Dense, theta []float64, scale float64) {
	m := c.m
	c.at(theta, true)
	for l := 1; l < len(m.width); l++ {
		rows, cols := m.width[l], m.width[l-1]
		for a := range rows {
			for b := range cols {
				col := m.off[l-1] + a*cols + b
				p := c.prefix[l-1].RawRowView(b)
				for o := range m.s.Out {
					s := scale * c.suffix[l].At(o, a)
					for i, v := range p {
						j.Set(o*m.s.In+i, col, s*v)
					}
				}
			}
		}
	}
}

// FisherFactor implements Factorer for inputs with E xxᵀ = s² I: F = (s/σ)² JᵀJ
// with J the Jacobian of the product.
func (m *RRR) FisherFactor() (func(theta []float64) *mat.Dense, Route) {
	var sd float64
	switch law := m.s.Inputs.(type) {
	case NormalLaw:
		sd = law.SD
	case UniformLaw:
		sd = law.SD
	default:
		return nil, Exact
	}
	c := newChain(m)
	j := mat.NewDense(m.s.Out*m.s.In, len(m.params), nil)
	return func(theta []float64) *mat.Dense {
		checkLen(len(theta), len(m.params))
		c.jacobian(j, theta, sd/m.s.Sigma)
		return j
	}, Exact
}

// Fisher implements Informer, as FisherFactor.
func (m *RRR) Fisher() (func(dst *mat.SymDense, theta []float64) float64, Route) {
	factor, route := m.FisherFactor()
	if factor == nil {
		return nil, route
	}
	d := len(m.params)
	return func(dst *mat.SymDense, theta []float64) float64 {
		checkSym(dst, d)
		r := factor(theta)
		dst.Zero()
		for k := range m.s.Out * m.s.In {
			row := r.RawRowView(k)
			for i, v := range row {
				if v == 0 {
					continue
				}
				for j := i; j < d; j++ {
					dst.SetSym(i, j, dst.At(i, j)+v*row[j])
				}
			}
		}
		return 0
	}, route
}

// FisherAt implements PointInformer: F(θ, x) with the gradients of the outputs.
func (m *RRR) FisherAt(dst *mat.SymDense, theta, x []float64) {
	checkLen(len(x), m.s.In)
	checkSym(dst, len(m.params))
	j := mat.NewDense(m.s.Out*m.s.In, len(m.params), nil)
	newChain(m).jacobian(j, theta, 1/m.s.Sigma)
	g := mat.NewDense(m.s.Out, len(m.params), nil)
	for o := range m.s.Out {
		for i, v := range x {
			for k := range m.params {
				g.Set(o, k, g.At(o, k)+v*j.At(o*m.s.In+i, k))
			}
		}
	}
	dst.SymOuterK(1, g.T())
}

// Strata returns the gauge freedom, on which every θ lies, and the points whose
// product has less than the rank that the narrowest layer allows.
func (m *RRR) Strata() []Stratum {
	full := m.s.In
	for _, w := range m.width {
		full = min(full, w)
	}
	out := []Stratum{{
		Name: "gauge", Codim: 0,
		Doc:      "every θ: (W_{l+1} G⁻¹, G W_l) has the same product for every invertible G",
		Distance: func([]float64) float64 { return 0 },
		Project:  func(dst, theta []float64) { copy(dst, theta) },
		Tangent:  m.gaugeTangent,
	}}
	// The narrowest matrix product loses rank where one of its factors does. A
	// factor rows×cols of rank below r = min(rows, cols) is a set of codimension
	// |rows−cols|+1, reached by dropping its smallest singular value.
	for l := 1; l < len(m.width); l++ {
		rows, cols := m.width[l], m.width[l-1]
		if min(rows, cols) != full {
			continue // losing one rank here does not lower the rank of the product generically
		}
		out = append(out, Stratum{
			Name:  fmt.Sprintf("rank(%d)", l),
			Codim: max(rows, cols) - min(rows, cols) + 1,
			Doc:   fmt.Sprintf("matrix %d has rank below %d: the product has less than its generic rank", l, full),
			Distance: func(theta []float64) float64 {
				_, s, _ := m.decompose(theta, l)
				return s[len(s)-1]
			},
			Project: func(dst, theta []float64) { m.dropRank(dst, theta, l) },
			Tangent: m.gaugeTangent,
		})
	}
	return out
}

// decompose returns the thin singular value decomposition of matrix l.
func (m *RRR) decompose(theta []float64, l int) (u *mat.Dense, s []float64, v *mat.Dense) {
	rows, cols := m.width[l], m.width[l-1]
	w := mat.NewDense(rows, cols, append([]float64(nil), theta[m.off[l-1]:m.off[l]]...))
	var svd mat.SVD
	u, v = new(mat.Dense), new(mat.Dense)
	if !svd.Factorize(w, mat.SVDThin) {
		panic("models: singular value decomposition failed") // only for a θ that is not finite
	}
	svd.UTo(u)
	svd.VTo(v)
	s = svd.Values(nil)
	if s[len(s)-1] < 1e-14*s[0] {
		s[len(s)-1] = 0 // below what the decomposition resolves
	}
	return u, s, v
}

// dropRank sets the smallest singular value of matrix l to zero.
func (m *RRR) dropRank(dst, theta []float64, l int) {
	copy(dst, theta)
	u, s, v := m.decompose(theta, l)
	k := len(s) - 1
	rows, cols := m.width[l], m.width[l-1]
	for i := range rows {
		for j := range cols {
			dst[m.off[l-1]+i*cols+j] -= u.At(i, k) * s[k] * v.At(j, k)
		}
	}
	if k == 0 { // rank 0 is exact
		clear(dst[m.off[l-1]:m.off[l]])
	}
}

// gaugeTangent spans the directions (W_{l+1}, W_l) → (−W_{l+1} E, E W_l) with E
// a unit matrix of the width of hidden layer l. At a point of lower rank they
// may be dependent and the equivalence class has further directions.
func (m *RRR) gaugeTangent(theta []float64) *mat.Dense {
	n := 0
	for _, h := range m.s.Hidden {
		n += h * h
	}
	t := mat.NewDense(len(m.params), n, nil)
	col := 0
	for k, h := range m.s.Hidden {
		l := k + 1 // hidden layer l: after matrix l, before matrix l+1
		in, out := m.width[l-1], m.width[l+1]
		for a := range h {
			for b := range h {
				for j := range in { // (E W_l)[a,:] = W_l[b,:]
					t.Set(m.off[l-1]+a*in+j, col, theta[m.off[l-1]+b*in+j])
				}
				for o := range out { // (−W_{l+1} E)[:,b] = −W_{l+1}[:,a]
					t.Set(m.off[l]+o*h+b, col, -theta[m.off[l]+o*h+a])
				}
				col++
			}
		}
	}
	return t
}

// Rank returns the numerical rank of the product W_L ⋯ W_1: its singular values
// above 1e-10 of the largest. Those within rounding of 0 by the size of the factors
// do not count, so that a product that cancels has rank 0.
func (m *RRR) Rank(theta []float64) int {
	checkLen(len(theta), len(m.params))
	size := 1.0
	for l := 1; l < len(m.width); l++ {
		w := theta[m.off[l-1]:m.off[l]]
		size *= math.Sqrt(dot(w, w))
	}
	return numericalRank(newChain(m).at(theta, false), 1e-14*size)
}

// RLCT implements KnownRLCT for the rank of the product at the truth: Aoyagi and
// Watanabe (2005) for one hidden layer, Aoyagi (2024) for more.
func (m *RRR) RLCT(truth []float64, prior PriorShape) (Coefficient, bool) {
	checkLen(len(truth), len(m.params))
	if prior != (PriorShape{}) {
		return Coefficient{}, false
	}
	if len(m.s.Hidden) == 1 {
		c, err := ReducedRankCoefficient(m.s.In, m.s.Hidden[0], m.s.Out, m.Rank(truth))
		return c, err == nil
	}
	c, err := DeepLinearCoefficient(m.width, m.Rank(truth))
	return c, err == nil
}

// Embed implements Nester for fewer hidden units between the same inputs and
// outputs and as many layers: the new rows and columns are zero.
func (m *RRR) Embed(dst []float64, sub Model, subTheta []float64) bool {
	s, ok := sub.(*RRR)
	if !ok || s.s.In != m.s.In || s.s.Out != m.s.Out || len(s.width) != len(m.width) || s.s.Sigma != m.s.Sigma {
		return false
	}
	for l, w := range s.width {
		if w > m.width[l] {
			return false
		}
	}
	checkLen(len(dst), len(m.params))
	checkLen(len(subTheta), len(s.params))
	clear(dst)
	for l := 1; l < len(m.width); l++ {
		for i := range s.width[l] {
			for j := range s.width[l-1] {
				dst[m.off[l-1]+i*m.width[l-1]+j] = subTheta[s.off[l-1]+i*s.width[l-1]+j]
			}
		}
	}
	return true
}

// Nodes implements Noder. log p is quadratic in (x, y), so that the points
// ±√(in) s e_i of x with ±√(out) σ e_j of the noise are exact for inputs with
// E xxᵀ = s² I; rule is ignored.
func (m *RRR) Nodes(theta []float64, _ Rule) (*Data, []float64, error) {
	if err := CheckTheta(m, theta); err != nil {
		return nil, nil, err
	}
	var sd float64
	switch law := m.s.Inputs.(type) {
	case NormalLaw:
		sd = law.SD
	case UniformLaw:
		sd = law.SD
	default:
		return nil, nil, fmt.Errorf("%v: no quadrature nodes for inputs of law %v", m, m.s.Inputs)
	}
	in, out := m.s.In, m.s.Out
	p := newChain(m).at(theta, false)
	z := NewData(4*in*out, in, out)
	w := make([]float64, z.N)
	for t := range w {
		w[t] = 1 / float64(z.N)
	}
	t := 0
	for i := range in {
		for _, sx := range [2]float64{1, -1} {
			for j := range out {
				for _, se := range [2]float64{1, -1} {
					x, y := z.X(t), z.Y(t)
					x[i] = sx * sd * math.Sqrt(float64(in))
					for o := range y {
						y[o] = dot(p.RawRowView(o), x)
					}
					y[j] += se * m.s.Sigma * math.Sqrt(float64(out))
					t++
				}
			}
		}
	}
	return z, w, nil
}
