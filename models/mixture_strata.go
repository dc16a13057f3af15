package models

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Strata returns overlap(i,j) for every pair of components and elimination(i)
// for every component; none if K = 1.
func (m *Mixture) Strata() []Stratum {
	var out []Stratum
	if m.k == 1 {
		return nil
	}
	own := 0 // variance coordinates of a component of its own
	if m.blocks == m.k {
		own = m.perVar
	}
	for i := range m.k {
		for j := i + 1; j < m.k; j++ {
			out = append(out, Stratum{
				Name:  fmt.Sprintf("overlap(%d,%d)", i+1, j+1),
				Codim: m.dim + own,
				Doc: fmt.Sprintf("components %d and %d have equal mean and variance: only the sum of their weights matters. "+
					"F loses the weight direction and the directions that split the two at a fixed weighted mean.", i+1, j+1),
				Distance: func(theta []float64) float64 {
					checkLen(len(theta), len(m.params))
					return math.Sqrt(m.overlap2(theta, i, j) / 2)
				},
				Project: func(dst, theta []float64) {
					checkLen(len(theta), len(m.params))
					checkLen(len(dst), len(m.params))
					copy(dst, theta)
					m.eachPair(i, j, func(a, b int) {
						mid := theta[a] + (theta[b]-theta[a])/2
						dst[a], dst[b] = mid, mid
					})
				},
				Tangent: func([]float64) *mat.Dense {
					t := mat.NewDense(len(m.params), 1, nil)
					t.Set(i, 0, 1)
					if j < m.k-1 {
						t.Set(j, 0, -1)
					}
					return t
				},
			})
		}
	}
	for i := range m.k {
		out = append(out, m.elimination(i, own))
	}
	return out
}

func (m *Mixture) elimination(i, own int) Stratum {
	last := i == m.k-1
	root := math.Sqrt(float64(m.k - 1))
	return Stratum{
		Name:  fmt.Sprintf("elimination(%d)", i+1),
		Codim: 1,
		Doc: fmt.Sprintf("component %d has weight 0: its mean and its own variance do not matter. "+
			"Their rows of F are 0; the entry of the weight is finite or, with a wide component, infinite.", i+1),
		Distance: func(theta []float64) float64 {
			checkLen(len(theta), len(m.params))
			if !last {
				return math.Abs(theta[i])
			}
			rest := 1.0
			for _, w := range theta[:m.k-1] {
				rest -= w
			}
			return math.Abs(rest) / root
		},
		Project: func(dst, theta []float64) {
			checkLen(len(theta), len(m.params))
			checkLen(len(dst), len(m.params))
			copy(dst, theta)
			if !last {
				dst[i] = 0
				return
			}
			rest := 1.0
			for _, w := range theta[:m.k-1] {
				rest -= w
			}
			// The nearest point of Σ π = 1; the last coordinate takes the
			// rounding, so that the weights sum to 1 in index order.
			left := 1.0
			for l := range m.k - 2 {
				dst[l] = theta[l] + rest/float64(m.k-1)
				left -= dst[l]
			}
			dst[m.k-2] = left
		},
		Tangent: func([]float64) *mat.Dense {
			t := mat.NewDense(len(m.params), m.dim+own, nil)
			for a := range m.dim {
				t.Set(m.mean0+i*m.dim+a, a, 1)
			}
			for a := range own {
				t.Set(m.var0+i*m.perVar+a, m.dim+a, 1)
			}
			return t
		},
	}
}

// eachPair calls f for the coordinates of component i and their counterparts of
// component j.
func (m *Mixture) eachPair(i, j int, f func(a, b int)) {
	for a := range m.dim {
		f(m.mean0+i*m.dim+a, m.mean0+j*m.dim+a)
	}
	if m.blocks == m.k {
		for a := range m.perVar {
			f(m.var0+i*m.perVar+a, m.var0+j*m.perVar+a)
		}
	}
}

// overlap2 is the squared Euclidean distance of components i and j.
func (m *Mixture) overlap2(theta []float64, i, j int) float64 {
	var s float64
	m.eachPair(i, j, func(a, b int) {
		d := theta[a] - theta[b]
		s += d * d
	})
	return s
}

// Precede implements Preceder. From three components on, the best maximum is often the
// split of a light component, which random starts reach one time in twenty.
func (m *Mixture) Precede() (sub Model, ok bool) {
	if m.k < 3 {
		return nil, false
	}
	set := m.Settings()
	set.K--
	mix, err := NewMixture(set)
	return mix, err == nil
}

// Embed fills dst with a parameter that has the law of subTheta under sub, a
// mixture of no more components whose covariances this one can represent:
// further components are copies of the heaviest one that share half its weight.
// See Split for other parameters with this law.
func (m *Mixture) Embed(dst []float64, sub Model, subTheta []float64) bool {
	s, ok := sub.(*Mixture)
	if !ok || s == nil || len(subTheta) != len(s.params) {
		return false
	}
	w := make([]float64, s.k)
	if !s.weights(w, subTheta) {
		return false
	}
	heavy := 0
	for i, x := range w {
		if x > w[heavy] {
			heavy = i
		}
	}
	return m.Split(dst, s, subTheta, heavy, 0.5)
}

// Split is Embed with the further components as copies of component i (from 0),
// which together take the given share of its weight, in equal parts. A share of 0
// adds them with weight 0. dst (d) is unspecified where it returns false: sub has
// more components, another dimension, a mean beyond the bound or a covariance
// that m does not have.
func (m *Mixture) Split(dst []float64, sub *Mixture, subTheta []float64, i int, share float64) bool {
	checkLen(len(dst), len(m.params))
	checkLen(len(subTheta), len(sub.params))
	if i < 0 || i >= sub.k || !(share >= 0 && share <= 1) {
		panic("models: split of a component that does not exist, or by a share outside [0, 1]")
	}
	c := sub.newComponents()
	if sub.dim != m.dim || sub.k > m.k || !c.set(subTheta) {
		return false
	}
	more := m.k - sub.k
	if more == 0 {
		share = 0
	}
	d := m.dim
	back := make([]float64, d*d)
	for j := range m.k {
		from, w := j, 1.0 // component of sub, and its share of the weight
		switch {
		case j >= sub.k:
			from, w = i, share/float64(more)
		case j == i:
			w = 1 - share
		}
		w *= c.w[from]
		if j < m.k-1 {
			dst[j] = w
		}
		for a, mu := range c.mu[from*d : (from+1)*d] {
			if math.Abs(mu) > m.bound {
				return false
			}
			dst[m.mean0+j*d+a] = mu
		}
		cov := c.cov[from*d*d : (from+1)*d*d]
		if j < m.blocks {
			m.writeCovariance(dst, j, cov)
		}
		m.covariance(back, dst, j)
		for a, x := range cov {
			if math.Abs(x-back[a]) > 1e-15*math.Abs(x) {
				return false
			}
		}
	}
	return true
}

// writeCovariance writes what block j can hold of cov.
func (m *Mixture) writeCovariance(dst []float64, j int, cov []float64) {
	d := m.dim
	out := dst[m.var0+j*m.perVar : m.var0+(j+1)*m.perVar]
	switch m.variance {
	case VarDiag:
		for a := range d {
			out[a] = cov[a*d+a]
		}
	case VarSpherical:
		out[0] = cov[0]
	default:
		t := 0
		for a := range d {
			for b := a; b < d; b++ {
				out[t] = cov[a*d+b]
				t++
			}
		}
	}
}
