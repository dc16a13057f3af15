package models

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"gonum.org/v1/gonum/mat"
)

// RRRSettings selects a reduced-rank regression or a deep linear network.
type RRRSettings struct {
	In, Out int     // 0 means 2
	Hidden  []int   // widths of the hidden layers; nil means {1}
	Sigma   float64 // standard deviation of the noise; 0 means 1
	Inputs  Law     // law of x, of dimension In; nil means N(0, I)
}

// An RRR is the regression y = W_L ⋯ W_1 x + e, e ~ N(0, σ² I): reduced-rank
// regression y = BAx + e for one hidden layer, a deep linear network for more.
// Its coordinates are the matrices from the input to the output, each row-major
// (A hidden×in, B out×hidden). Only the product is identifiable, so that F is
// singular everywhere.
type RRR struct {
	s      RRRSettings
	width  []int // in, hidden…, out
	off    []int // offset of every matrix in θ, and d at the end
	params []Param
}

// NewRRR returns the model of s, or an error that says what is allowed.
func NewRRR(s RRRSettings) (*RRR, error) {
	if s.In == 0 {
		s.In = 2
	}
	if s.Out == 0 {
		s.Out = 2
	}
	if s.Hidden == nil {
		s.Hidden = []int{1}
	}
	if s.Sigma == 0 {
		s.Sigma = 1
	}
	if !(s.Sigma > 0) || math.IsInf(s.Sigma, 0) {
		return nil, fmt.Errorf("rrr: sigma = %v: allowed is a finite number above 0", s.Sigma)
	}
	if s.Inputs == nil {
		s.Inputs = NormalLaw{P: s.In, SD: 1}
	}
	if s.Inputs.Dim() != s.In {
		return nil, fmt.Errorf("rrr: inputs of dimension %d for in = %d", s.Inputs.Dim(), s.In)
	}
	s.Hidden = append([]int(nil), s.Hidden...)
	m := &RRR{s: s}
	m.width = append(append([]int{s.In}, s.Hidden...), s.Out)
	m.off = []int{0}
	for l, rows := range m.width {
		if rows < 1 {
			return nil, fmt.Errorf("rrr: width %d: allowed is 1 or more", rows)
		}
		if l == 0 {
			continue
		}
		name := fmt.Sprintf("w%d", l)
		if len(m.width) == 3 {
			name = string("ab"[l-1])
		}
		for i := range rows {
			for j := range m.width[l-1] {
				m.params = append(m.params, Param{Name: fmt.Sprintf("%s%d_%d", name, i+1, j+1), Lo: math.Inf(-1), Hi: math.Inf(1), Doc: fmt.Sprintf("row %d, column %d of matrix %d", i+1, j+1, l)})
			}
		}
		m.off = append(m.off, len(m.params))
	}
	return m, nil
}

var _ = register(Family{
	Name:   "rrr",
	Doc:    "reduced-rank regression and deep linear networks",
	Coords: "A (hidden×in) row-major, then B (out×hidden); more hidden layers likewise, from input to output",
	Keys: []Key{
		{"in", "2", "inputs"},
		{"hidden", "1", "widths of the hidden layers joined by +"},
		{"out", "2", "outputs"},
		{"sigma", "1", "standard deviation of the noise"},
		{"x", "normal", "law of the inputs: normal or uniform"},
		{"xsd", "1", "standard deviation of each input"},
	},
	About: `y = W_L ⋯ W_1 x + e, e ~ N(0, σ² I); y = BAx + e for one hidden layer.

Singular everywhere: only the product is identifiable (gauge freedom GL of the
hidden layers); more so where the product has less than the full rank that the
narrowest layer allows.

Learning coefficients are known for every true rank. One hidden layer of H units,
M inputs, N outputs and true rank r (Aoyagi and Watanabe 2005): λ = ½ [r(M+N−r) +
min over t = 0…min(H,N)−r of (H−r)(N−r) + t(M−H−N+r) + t²], and the multiplicity
is the number of minimising t; with two inputs and outputs, one hidden unit and
truth 0 that is λ = 1, m = 2. More hidden layers: Aoyagi (2024).`,
	Refs: []string{
		"M. Aoyagi, S. Watanabe (2005), Stochastic complexities of reduced rank regression in Bayesian estimation, Neural Networks 18:924-933",
		"M. Aoyagi (2024), Consideration on the learning efficiency of multiple-layered neural networks with linear units, Neural Networks 172:106132",
	},
	New: func(s *Settings) (Model, error) {
		in := s.Int("in", 1, 10000)
		return NewRRR(RRRSettings{In: in, Hidden: s.Ints("hidden", 1, 10000), Out: s.Int("out", 1, 10000), Sigma: s.Positive("sigma"), Inputs: s.inputLaw(in)})
	},
})

// String returns the model as Parse takes it.
func (m *RRR) String() string {
	h := make([]string, len(m.s.Hidden))
	for i, w := range m.s.Hidden {
		h[i] = fmt.Sprint(w)
	}
	s := fmt.Sprintf("rrr:in=%d,hidden=%s,out=%d,sigma=%v", m.s.In, strings.Join(h, "+"), m.s.Out, m.s.Sigma)
	return s + lawText(m.s.Inputs)
}

// Params returns the entries of the matrices.
func (m *RRR) Params() []Param { return m.params }

// Shape returns the inputs and outputs.
func (m *RRR) Shape() Shape { return Shape{P: m.s.In, Q: m.s.Out} }

// InputLaw implements Inputter.
func (m *RRR) InputLaw() Law { return m.s.Inputs }

// Inputs implements Inputter.
func (m *RRR) Inputs(z *Data, rng *rand.Rand) { DrawInputs(z, m.s.Inputs, rng) }

// A chain holds the partial products of the matrices at one θ.
type chain struct {
	m      *RRR
	prefix []*mat.Dense // prefix[l] = W_l ⋯ W_1 (width l × in), prefix[0] = I
	suffix []*mat.Dense // suffix[l] = W_L ⋯ W_{l+1} (out × width l), suffix[L] = I
}

func newChain(m *RRR) *chain {
	c := &chain{m: m}
	for _, w := range m.width {
		c.prefix = append(c.prefix, mat.NewDense(w, m.s.In, nil))
		c.suffix = append(c.suffix, mat.NewDense(m.s.Out, w, nil))
	}
	for i := range m.s.In {
		c.prefix[0].Set(i, i, 1)
	}
	for i := range m.s.Out {
		c.suffix[len(m.width)-1].Set(i, i, 1)
	}
	return c
}

// mulInto computes dst = a b for small matrices without the call overhead and
// allocations of a general product.
func mulInto(dst, a, b *mat.Dense) {
	r, k := a.Dims()
	_, c := b.Dims()
	for i := range r {
		row, ai := dst.RawRowView(i), a.RawRowView(i)
		for j := range row[:c] {
			row[j] = 0
		}
		for t := range k {
			v, bt := ai[t], b.RawRowView(t)
			for j := range row[:c] {
				row[j] += v * bt[j]
			}
		}
	}
}

// at computes the prefixes, and the suffixes too where they are wanted, and
// returns the product W_L ⋯ W_1, valid until the next call.
func (c *chain) at(theta []float64, suffixes bool) *mat.Dense {
	m := c.m
	last := len(m.width) - 1
	for l := 1; l <= last; l++ {
		rows, cols := m.width[l], m.width[l-1]
		for i := range rows {
			row := c.prefix[l].RawRowView(i)
			clear(row)
			for t := range cols {
				v, p := theta[m.off[l-1]+i*cols+t], c.prefix[l-1].RawRowView(t)
				for j := range row {
					row[j] += v * p[j]
				}
			}
		}
	}
	if suffixes {
		for l := last; l >= 1; l-- {
			rows, cols := m.width[l], m.width[l-1]
			for i := range m.s.Out {
				row, s := c.suffix[l-1].RawRowView(i), c.suffix[l].RawRowView(i)
				clear(row)
				for t := range rows {
					w := theta[m.off[l-1]+t*cols : m.off[l-1]+(t+1)*cols]
					for j := range row {
						row[j] += s[t] * w[j]
					}
				}
			}
		}
	}
	return c.prefix[last]
}

// pull fills dst with Jᵀ vec(G), the gradient in θ of a function whose gradient
// in the product is G (out×in). at must have been called with suffixes.
func (c *chain) pull(dst []float64, g *mat.Dense) {
	m := c.m
	for l := 1; l < len(m.width); l++ {
		rows, cols := m.width[l], m.width[l-1]
		for a := range rows {
			for b := range cols {
				s := 0.0
				p := c.prefix[l-1].RawRowView(b)
				for o := range m.s.Out {
					if w := c.suffix[l].At(o, a); w != 0 {
						gr := g.RawRowView(o)
						t := 0.0
						for j := range p {
							t += gr[j] * p[j]
						}
						s += w * t
					}
				}
				dst[m.off[l-1]+a*cols+b] = s
			}
		}
	}
}

// Product fills dst (out×in) with W_L ⋯ W_1.
func (m *RRR) Product(dst *mat.Dense, theta []float64) {
	checkLen(len(theta), len(m.params))
	dst.Copy(newChain(m).at(theta, false))
}

// Sample fills y given x.
func (m *RRR) Sample(z *Data, theta []float64, rng *rand.Rand) {
	checkLen(len(theta), len(m.params))
	if z.P != m.s.In || z.Q != m.s.Out {
		panic(badShape)
	}
	p := newChain(m).at(theta, false)
	for t := range z.N {
		x, y := z.X(t), z.Y(t)
		for o := range y {
			y[o] = dot(p.RawRowView(o), x) + m.s.Sigma*rng.NormFloat64()
		}
	}
}

func dot(a, b []float64) float64 {
	s := 0.0
	for i, v := range a {
		s += v * b[i]
	}
	return s
}
