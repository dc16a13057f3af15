package models

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Fisher implements Informer: F = E x²/σ² ∇g ∇gᵀ with g = Π w_i^{k_i}.
func (m *Crossing) Fisher() (func(dst *mat.SymDense, theta []float64) float64, Route) {
	xx, ok := secondMoment(m.s.Inputs)
	if !ok {
		return nil, Exact
	}
	g := make([]float64, len(m.params))
	return func(dst *mat.SymDense, theta []float64) float64 {
		checkSym(dst, len(g))
		m.gradient(g, theta, math.Sqrt(xx)/m.s.Sigma)
		for i := range g {
			for j := i; j < len(g); j++ {
				dst.SetSym(i, j, g[i]*g[j])
			}
		}
		return 0
	}, Exact
}

// FisherFactor implements Factorer: one row.
func (m *Crossing) FisherFactor() (func(theta []float64) *mat.Dense, Route) {
	xx, ok := secondMoment(m.s.Inputs)
	if !ok {
		return nil, Exact
	}
	r := mat.NewDense(1, len(m.params), nil)
	return func(theta []float64) *mat.Dense {
		m.gradient(r.RawRowView(0), theta, math.Sqrt(xx)/m.s.Sigma)
		return r
	}, Exact
}

// FisherAt implements PointInformer.
func (m *Crossing) FisherAt(dst *mat.SymDense, theta, x []float64) {
	checkLen(len(x), 1)
	checkSym(dst, len(m.params))
	g := make([]float64, len(m.params))
	m.gradient(g, theta, x[0]/m.s.Sigma)
	for i := range g {
		for j := i; j < len(g); j++ {
			dst.SetSym(i, j, g[i]*g[j])
		}
	}
}

// Nodes implements Noder. log p is quadratic in (x, y), so that x = ±√E x² and
// noise ±σ are exact for expectations of log-densities of crossings; rule is
// ignored.
func (m *Crossing) Nodes(theta []float64, _ Rule) (*Data, []float64, error) {
	if err := CheckTheta(m, theta); err != nil {
		return nil, nil, err
	}
	xx, ok := secondMoment(m.s.Inputs)
	if !ok {
		return nil, nil, fmt.Errorf("%v: no quadrature nodes for inputs of law %v", m, m.s.Inputs)
	}
	z, c := NewData(4, 1, 1), m.slope(theta)
	for t := range 4 {
		x, e := math.Sqrt(xx), m.s.Sigma
		if t%2 == 1 {
			x = -x
		}
		if t >= 2 {
			e = -e
		}
		z.V[2*t], z.V[2*t+1] = x, c*x+e
	}
	return z, []float64{0.25, 0.25, 0.25, 0.25}, nil
}

// Strata returns the level set of the product through θ (for more than one
// factor every θ lies on one) and the hyperplanes w_i = 0.
func (m *Crossing) Strata() []Stratum {
	d := len(m.params)
	var out []Stratum
	if d > 1 {
		out = append(out, Stratum{
			Name: "level-set", Codim: 0,
			Doc:      "every θ: the product alone is identifiable, rank at most 1",
			Distance: func([]float64) float64 { return 0 },
			Project:  func(dst, theta []float64) { copy(dst, theta) },
			Tangent:  m.levelTangent,
		})
	}
	for i := range d {
		out = append(out, Stratum{
			Name: fmt.Sprintf("zero(%d)", i+1), Codim: 1,
			Doc:      fmt.Sprintf("w%d = 0: the product is 0 whatever the other factors are", i+1),
			Distance: func(theta []float64) float64 { return math.Abs(theta[i]) },
			Project: func(dst, theta []float64) {
				copy(dst, theta)
				dst[i] = 0
			},
			Tangent: func([]float64) *mat.Dense {
				if d == 1 {
					return nil
				}
				t := mat.NewDense(d, d-1, nil)
				for j, c := 0, 0; j < d; j++ {
					if j != i {
						t.Set(j, c, 1)
						c++
					}
				}
				return t
			},
		})
	}
	return out
}

// levelTangent spans the tangent space of the level set of the product. With
// every w_i ≠ 0 these are the directions Σ k_i t_i/w_i = 0; with one zero factor
// it may be held at zero while the others move; with several, each hyperplane is
// a branch and the intersection of their tangent spaces is given.
func (m *Crossing) levelTangent(theta []float64) *mat.Dense {
	d := len(theta)
	var free []int
	for i, w := range theta {
		if w != 0 {
			free = append(free, i)
		}
	}
	if len(free) == d {
		t := mat.NewDense(d, d-1, nil)
		for c := range d - 1 {
			t.Set(c, c, theta[c]/float64(m.s.Powers[c]))
			t.Set(c+1, c, -theta[c+1]/float64(m.s.Powers[c+1]))
		}
		return t
	}
	if len(free) == 0 {
		return nil
	}
	t := mat.NewDense(d, len(free), nil)
	for c, i := range free {
		t.Set(i, c, 1)
	}
	return t
}

// RLCT implements KnownRLCT by the rule for monomials. A prior power h multiplies
// every |w_i|^h into the density.
func (m *Crossing) RLCT(truth []float64, prior PriorShape) (Coefficient, bool) {
	checkLen(len(truth), len(m.params))
	all := make([]int, 0, len(truth))
	for i := range truth {
		all = append(all, i)
	}
	return m.rlct(truth, prior, all)
}

// LocalRLCT implements KnownLocalRLCT: only the factors that vanish at θ count.
func (m *Crossing) LocalRLCT(truth []float64, prior PriorShape) (Coefficient, bool) {
	checkLen(len(truth), len(m.params))
	var zero []int
	for i, w := range truth {
		if w == 0 {
			zero = append(zero, i)
		}
	}
	return m.rlct(truth, prior, zero)
}

func (m *Crossing) rlct(truth []float64, prior PriorShape, factors []int) (Coefficient, bool) {
	if prior.Jeffreys || prior.Dirichlet != 0 || !(prior.Power > -1) {
		return Coefficient{}, false
	}
	if m.slope(truth) != 0 {
		return RegularCoefficient(1), true // the zero set is smooth, of codimension 1
	}
	var k []int
	var h []float64
	for _, i := range factors {
		k = append(k, m.s.Powers[i])
		h = append(h, prior.Power)
	}
	c, err := MonomialCoefficient(k, h)
	return c, err == nil
}
