package models

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Fisher implements Informer: the finite sum Σ_y ∂p ∂pᵀ/p over the N+1 cells.
// Cells of probability 0, which exist where some p_i is 0 or 1, do not count.
func (m *BinMix) Fisher() (func(dst *mat.SymDense, theta []float64) float64, Route) {
	factor, route := m.FisherFactor()
	return func(dst *mat.SymDense, theta []float64) float64 {
		checkSym(dst, len(m.params))
		r := factor(theta)
		rows, d := r.Dims()
		for i := range d {
			for j := i; j < d; j++ {
				s := 0.0
				for y := range rows {
					s += r.At(y, i) * r.At(y, j)
				}
				dst.SetSym(i, j, s)
			}
		}
		return 0
	}, route
}

// FisherFactor implements Factorer: row y is ∂p(y)/√p(y).
func (m *BinMix) FisherFactor() (func(theta []float64) *mat.Dense, Route) {
	cells := m.s.Trials + 1
	f, p := make([]float64, m.s.K*cells), make([]float64, cells)
	g := mat.NewDense(cells, len(m.params), nil)
	return func(theta []float64) *mat.Dense {
		m.cellsInto(p, f, theta)
		m.gradients(g, f, theta)
		for y, v := range p {
			row := g.RawRowView(y)
			for j := range row {
				if v > 0 {
					row[j] /= math.Sqrt(v)
				} else {
					row[j] = 0
				}
			}
		}
		return g
	}, Exact
}

// Nodes implements Noder: the N+1 cells, exactly; rule is ignored.
func (m *BinMix) Nodes(theta []float64, _ Rule) (*Data, []float64, error) {
	if err := CheckTheta(m, theta); err != nil {
		return nil, nil, err
	}
	cells := m.s.Trials + 1
	z := NewData(cells, 0, 1)
	w := make([]float64, cells)
	m.cellsInto(w, make([]float64, m.s.K*cells), theta)
	for y := range cells {
		z.V[y] = float64(y)
	}
	return z, w, nil
}

// Strata returns overlap(i,j), p_i = p_j, and elimination(i), π_i = 0.
func (m *BinMix) Strata() []Stratum {
	k, d := m.s.K, len(m.params)
	var out []Stratum
	for i := range k {
		for j := i + 1; j < k; j++ {
			a, b := k-1+i, k-1+j
			out = append(out, Stratum{
				Name: fmt.Sprintf("overlap(%d,%d)", i+1, j+1), Codim: 1,
				Doc:      fmt.Sprintf("p%d = p%d: the two weights are not told apart", i+1, j+1),
				Distance: func(theta []float64) float64 { return math.Abs(theta[a]-theta[b]) / math.Sqrt2 },
				Project: func(dst, theta []float64) {
					copy(dst, theta)
					mid := (theta[a] + theta[b]) / 2
					dst[a], dst[b] = mid, mid
				},
				Tangent: func([]float64) *mat.Dense {
					t := mat.NewDense(d, 1, nil)
					t.Set(i, 0, 1) // i < k−1
					if j < k-1 {
						t.Set(j, 0, -1)
					}
					return t
				},
			})
		}
	}
	if k == 1 {
		return nil
	}
	for i := range k {
		out = append(out, Stratum{
			Name: fmt.Sprintf("elimination(%d)", i+1), Codim: 1,
			Doc:      fmt.Sprintf("π%d = 0: p%d has no effect", i+1, i+1),
			Distance: func(theta []float64) float64 { return m.toZeroWeight(theta, i) },
			Project: func(dst, theta []float64) {
				copy(dst, theta)
				m.dropWeight(dst, i)
			},
			Tangent: func([]float64) *mat.Dense {
				t := mat.NewDense(d, 1, nil)
				t.Set(k-1+i, 0, 1)
				return t
			},
		})
	}
	return out
}

// toZeroWeight is the Euclidean distance of θ to π_i = 0 in the weights
// π₁…π_{k−1}; for the last component to the face where they sum to 1.
func (m *BinMix) toZeroWeight(theta []float64, i int) float64 {
	if k := m.s.K; i == k-1 {
		return m.weight(theta, i) / math.Sqrt(float64(k-1))
	}
	return math.Abs(theta[i])
}

// dropWeight sets π_i to 0: the last component hands its weight to the others in
// equal parts, which is the nearest point of that face.
func (m *BinMix) dropWeight(theta []float64, i int) {
	k := m.s.K
	if i < k-1 {
		theta[i] = 0
		return
	}
	w := m.weight(theta, i) / float64(k-1)
	sum := 0.0
	for j := range k - 2 {
		theta[j] += w
		sum += theta[j]
	}
	theta[k-2] = 1 - sum // exactly on the face in floating point too
}

// Embed implements Nester for fewer components with the same trials: the last
// component of sub is repeated with its weight shared equally.
func (m *BinMix) Embed(dst []float64, sub Model, subTheta []float64) bool {
	s, ok := sub.(*BinMix)
	if !ok || s.s.Trials != m.s.Trials || s.s.K > m.s.K {
		return false
	}
	checkLen(len(dst), len(m.params))
	checkLen(len(subTheta), len(s.params))
	k, ks := m.s.K, s.s.K
	share := s.weight(subTheta, ks-1) / float64(k-ks+1)
	for i := range k {
		c := min(i, ks-1)
		if i < k-1 {
			dst[i] = share
			if i < ks-1 {
				dst[i] = subTheta[i]
			}
		}
		dst[k-1+i] = subTheta[ks-1+c]
	}
	return true
}

// distinct returns the number of components that have weight and differ, and
// whether all of their probabilities lie strictly between 0 and 1.
func (m *BinMix) distinct(theta []float64) (r int, interior bool) {
	var seen []float64
	interior = true
next:
	for i := range m.s.K {
		if m.weight(theta, i) <= 0 {
			continue
		}
		p := theta[m.s.K-1+i]
		if p <= 0 || p >= 1 {
			interior = false
		}
		for _, q := range seen {
			if p == q {
				continue next
			}
		}
		seen = append(seen, p)
	}
	return len(seen), interior
}

// RLCT implements KnownRLCT for truths of r binomials inside (0, 1), with any
// Dirichlet(α) prior on the weights. With r < k the formula of
// KnownVarianceMixtureCoefficient holds if 2r ≤ trials. Derived here: the polynomial
// T(p) = Π_j (p − p_j)² of degree 2r is a combination of the cell probabilities, so
// that (Σ_i π_i T(p_i))², a sum of non-negative terms, is at most a multiple of K;
// this bounds π_i (p_i − p_j)² for each surplus component, or π_i alone where it
// lies elsewhere, and the moments up to 2r − 1 make the others regular.
func (m *BinMix) RLCT(truth []float64, prior PriorShape) (Coefficient, bool) {
	checkLen(len(truth), len(m.params))
	r, interior := m.distinct(truth)
	k, trials := m.s.K, m.s.Trials
	alpha := prior.Dirichlet
	if alpha == 0 {
		alpha = 1
	}
	if prior.Jeffreys || prior.Power != 0 || !interior || !(alpha > 0) {
		return Coefficient{}, false
	}
	switch {
	case k == 1 || trials == 1:
		// One probability is all that the law has; with one trial and several
		// components its zero set is a smooth hypersurface.
		return RegularCoefficient(1), true
	case r == 1 && alpha == 1:
		c, err := BinomialMixtureCoefficient(k, trials)
		return c, err == nil
	case r < k && 2*r <= trials:
		c, err := KnownVarianceMixtureCoefficient(k, r, alpha)
		c.Ref = "derived here from 2r non-negative moments"
		return c, err == nil
	case r == k && trials >= 2*k-1:
		return RegularCoefficient(2*k - 1), true
	}
	return Coefficient{}, false
}
