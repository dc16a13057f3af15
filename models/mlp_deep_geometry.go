package models

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// unit returns the weights into unit i of layer l and its bias, a part of θ.
func (n *DeepNet) unit(theta []float64, l, i int) []float64 {
	lo := n.offset[l] + i*n.row(l)
	return theta[lo : lo+n.row(l) : lo+n.row(l)]
}

// out returns the index in θ of the weight from unit i of layer l to unit o of
// the next.
func (n *DeepNet) out(l, i, o int) int { return n.offset[l+1] + o*n.row(l+1) + i }

// Canonicalize implements Canonicalizer: for odd φ the first nonzero weight into
// each hidden unit (then its bias) becomes positive, and the units of each layer,
// from the first on, are sorted by these weights in lexicographic order. Units with
// the same weights, which lie on a stratum, stay in the order that they have.
func (m *DeepMLP) Canonicalize(theta []float64) {
	checkLen(len(theta), len(m.params))
	n := m.net
	for l := 1; l < n.Depth(); l++ {
		for i := range n.s.Widths[l] {
			w := n.unit(theta, l, i)
			k := slices.IndexFunc(w, func(v float64) bool { return v != 0 })
			if !m.s.Act.Odd() || k < 0 || w[k] > 0 {
				continue
			}
			for k, v := range w {
				w[k] = 0 - v // zeros stay positive
			}
			for o := range n.s.Widths[l+1] {
				theta[n.out(l, i, o)] = 0 - theta[n.out(l, i, o)]
			}
		}
		for i := 1; i < n.s.Widths[l]; i++ {
			for j := i; j > 0; j-- {
				a, b := n.unit(theta, l, j-1), n.unit(theta, l, j)
				if slices.Compare(a, b) <= 0 {
					break
				}
				for k := range a {
					a[k], b[k] = b[k], a[k]
				}
				for o := range n.s.Widths[l+1] {
					p, q := n.out(l, j-1, o), n.out(l, j, o)
					theta[p], theta[q] = theta[q], theta[p]
				}
			}
		}
	}
}

// Embed implements Nester: a network of the same depth, kind and biases with no
// more units in any hidden layer. The units that it lacks get no weights at all,
// so that they are 0.
func (m *DeepMLP) Embed(dst []float64, sub Model, subTheta []float64) bool {
	s, ok := sub.(*DeepMLP)
	checkLen(len(dst), len(m.params))
	if !ok || len(s.s.Hidden) != len(m.s.Hidden) || s.s.In != m.s.In || s.s.Out != m.s.Out || s.s.Act != m.s.Act ||
		s.s.Bias && !m.s.Bias || s.s.Softmax != m.s.Softmax || s.s.FreeSigma && !m.s.FreeSigma ||
		!s.s.FreeSigma && !m.s.FreeSigma && s.s.Sigma != m.s.Sigma {
		return false
	}
	for i, h := range s.s.Hidden {
		if h > m.s.Hidden[i] {
			return false
		}
	}
	checkLen(len(subTheta), len(s.params))
	clear(dst)
	for l := 1; l <= m.net.Depth(); l++ {
		in := s.net.s.Widths[l-1]
		for i := range s.net.s.Widths[l] {
			from, to := s.net.unit(subTheta, l, i), m.net.unit(dst, l, i)
			copy(to, from[:in])
			if s.s.Bias {
				to[len(to)-1] = from[in]
			}
		}
	}
	if m.s.FreeSigma {
		dst[m.net.Dim()] = s.variance(subTheta)
	}
	return true
}

// WeakPrior returns N(0, 2²) over the scale of each input for the weights of the
// first layer, N(0, 2²) for the others and the biases, N(0, (2s)²) for those of
// the outputs of a regression, s the root mean square of the outputs, and inverse
// gamma of shape 2 and scale s² for σ².
func (m *DeepMLP) WeakPrior(z *Data) []PriorBlock {
	var blocks []PriorBlock
	for i := range m.s.Hidden[0] {
		for k := range m.net.row(1) {
			b := PriorBlock{Kind: PriorNormal, At: i*m.net.row(1) + k, N: 1, B: 2}
			if k < m.s.In {
				_, sd := z.moments(k)
				b.B = 2 / sd
			}
			blocks = append(blocks, b)
		}
	}
	last := m.net.offset[m.net.Depth()]
	if mid := len(blocks); mid < last {
		blocks = append(blocks, PriorBlock{Kind: PriorNormal, At: mid, N: last - mid, B: 2})
	}
	s := 1.0
	if !m.s.Softmax {
		s = outputScale(z)
	}
	return append(blocks, outputBlocks(last, len(m.params), m.s.FreeSigma, s)...)
}

// Strata implements Stratified: in every hidden layer l overlap(l:i,j) (not for
// linear units), elimination(l:i) and zero-input(l:i); and what holds everywhere,
// rescaling(l:i) for relu, mixing(l:i,j) for linear units, shift for softmax.
func (m *DeepMLP) Strata() []Stratum {
	var ss []Stratum
	for l := 1; l < m.net.Depth(); l++ {
		h := m.net.s.Widths[l]
		for i := 0; i < h && m.s.Act != LinearUnit; i++ {
			for j := i + 1; j < h; j++ {
				ss = append(ss, m.overlap(l, i, j))
			}
		}
		for i := range h {
			ss = append(ss, m.elimination(l, i))
		}
		for i := range h {
			ss = append(ss, m.zeroInput(l, i))
		}
		for i := 0; i < h && m.s.Act == ReLUUnit; i++ {
			ss = append(ss, m.mixing(l, i, i, fmt.Sprintf("rescaling(%d:%d)", l, i+1),
				"everywhere: weights into the unit times c > 0 and weights out of it over c leave the law unchanged"))
		}
		for i := 0; i < h && m.s.Act == LinearUnit; i++ {
			for j := range h {
				ss = append(ss, m.mixing(l, i, j, fmt.Sprintf("mixing(%d:%d,%d)", l, i+1, j+1),
					"everywhere: W → (I + εE_ij)W, V → V(I + εE_ij)⁻¹ leaves the law unchanged"))
			}
		}
	}
	if m.s.Softmax {
		ss = append(ss, m.shift())
	}
	return ss
}

// stratum returns a Stratum with its functions behind checks of lengths. tangent
// has one function for each column.
func (m *DeepMLP) stratum(s Stratum, distance func(theta []float64) float64, project func(theta []float64), cols int, tangent func(t *mat.Dense, theta []float64)) Stratum {
	d := len(m.params)
	s.Distance = func(theta []float64) float64 {
		checkLen(len(theta), d)
		return distance(theta)
	}
	s.Project = func(dst, theta []float64) {
		checkLen(len(theta), d)
		checkLen(len(dst), d)
		copy(dst, theta)
		project(dst)
	}
	s.Tangent = func(theta []float64) *mat.Dense {
		checkLen(len(theta), d)
		t := mat.NewDense(d, cols, nil)
		tangent(t, theta)
		return t
	}
	return s
}

// overlap is where units i and j of layer l compute the same function up to a
// factor, as in MLP.
func (m *DeepMLP) overlap(l, i, j int) Stratum {
	n, next := m.net, m.net.s.Widths[l+1]
	s := Stratum{Name: fmt.Sprintf("overlap(%d:%d,%d)", l, i+1, j+1), Codim: n.row(l)}
	s.Doc = "the weights into the two units (with biases) are equal up to sign: only the sum or difference of those out of them matters"
	if !m.s.Act.sigmoid() {
		s.Codim--
		s.Doc = "the weights into the two units (with biases) point the same way, or one has none: one can take over the other"
	}
	distance := func(theta []float64) float64 {
		return unitsApart(m.s.Act, n.unit(theta, l, i), n.unit(theta, l, j))
	}
	project := func(dst []float64) { mergeUnits(m.s.Act, n.unit(dst, l, i), n.unit(dst, l, j)) }
	return m.stratum(s, distance, project, next, func(t *mat.Dense, theta []float64) {
		x, y := cancelUnits(m.s.Act, n.unit(theta, l, i), n.unit(theta, l, j))
		for o := range next {
			t.Set(n.out(l, i, o), o, x)
			t.Set(n.out(l, j, o), o, y)
		}
	})
}

// elimination is where unit i of layer l has no weight out.
func (m *DeepMLP) elimination(l, i int) Stratum {
	n, next := m.net, m.net.s.Widths[l+1]
	return m.stratum(
		Stratum{Name: fmt.Sprintf("elimination(%d:%d)", l, i+1), Codim: next, Doc: "no weights out of the unit: those into it (and its bias) do not matter"},
		func(theta []float64) float64 {
			s := 0.0
			for o := range next {
				v := theta[n.out(l, i, o)]
				s += v * v
			}
			return math.Sqrt(s)
		},
		func(dst []float64) {
			for o := range next {
				dst[n.out(l, i, o)] = 0
			}
		},
		n.row(l), func(t *mat.Dense, _ []float64) {
			for k := range n.row(l) {
				t.Set(n.offset[l]+i*n.row(l)+k, k, 1)
			}
		})
}

// zeroInput is where unit i of layer l sees nothing: it is 0, or the constant
// φ(b) that the biases of the next layer can take over.
func (m *DeepMLP) zeroInput(l, i int) Stratum {
	n, next, in := m.net, m.net.s.Widths[l+1], m.net.s.Widths[l-1]
	cols, doc := next, "no weights into the unit, which is 0: those out of it do not matter"
	if m.s.Bias {
		cols, doc = next+1, "no weights into the unit, which is the constant φ(b): only its sum with the biases of the next layer matters"
	}
	return m.stratum(
		Stratum{Name: fmt.Sprintf("zero-input(%d:%d)", l, i+1), Codim: in, Doc: doc},
		func(theta []float64) float64 {
			w := n.unit(theta, l, i)[:in]
			return math.Sqrt(dot(w, w))
		},
		func(dst []float64) { clear(n.unit(dst, l, i)[:in]) },
		cols, func(t *mat.Dense, theta []float64) {
			var phi, slope [1]float64
			if m.s.Bias {
				phi[0] = theta[n.bias(l, i)]
				m.s.Act.slope(phi[:], slope[:])
				t.Set(n.bias(l, i), next, 1)
			}
			for o := range next {
				t.Set(n.out(l, i, o), o, 1)
				if m.s.Bias {
					t.Set(n.bias(l+1, o), o, -phi[0])
					t.Set(n.bias(l+1, o), next, -slope[0]*theta[n.out(l, i, o)])
				}
			}
		})
}

// mixing is the freedom of a homogeneous unit i of layer l to take in unit j,
// which for i = j is a change of scale: it holds everywhere.
func (m *DeepMLP) mixing(l, i, j int, name, doc string) Stratum {
	n := m.net
	return m.stratum(Stratum{Name: name, Doc: doc}, func([]float64) float64 { return 0 }, func([]float64) {}, 1,
		func(t *mat.Dense, theta []float64) {
			for k, v := range n.unit(theta, l, j) {
				t.Set(n.offset[l]+i*n.row(l)+k, 0, v)
			}
			for o := range n.s.Widths[l+1] {
				t.Set(n.out(l, j, o), 0, -theta[n.out(l, i, o)])
			}
		})
}

// shift is the freedom of softmax outputs: it holds everywhere.
func (m *DeepMLP) shift() Stratum {
	n, last := m.net, m.net.Depth()
	return m.stratum(
		Stratum{Name: "shift", Doc: "everywhere: one vector added to all rows of the last layer (and one number to its biases) changes no probability"},
		func([]float64) float64 { return 0 }, func([]float64) {}, n.row(last), func(t *mat.Dense, _ []float64) {
			for k := range n.row(last) {
				for o := range m.s.Out {
					t.Set(n.offset[last]+o*n.row(last)+k, k, 1)
				}
			}
		})
}
