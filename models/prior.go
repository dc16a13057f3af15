package models

import (
	"fmt"
	"math"
)

// PriorKind is the distribution of a block of coordinates.
type PriorKind int

const (
	PriorUniform        PriorKind = iota // each coordinate uniform on [A, B]
	PriorNormal                          // each N(A, B²)
	PriorInverseGamma                    // each inverse gamma, shape A, scale B: mean B/(A−1)
	PriorDirichlet                       // the first N of N+1 weights ~ Dirichlet(A, …, A)
	PriorInverseWishart                  // an upper triangle row by row ~ IW(A degrees of freedom, Scale)
	PriorStationary                      // AR coefficients, uniform where the recursion is stationary
	PriorInvertible                      // MA coefficients, uniform where the recursion is invertible
)

// A PriorBlock is the prior of the coordinates θ[At : At+N], independent of all
// others.
type PriorBlock struct {
	Kind  PriorKind
	At, N int
	A, B  float64   // see the constants
	Scale []float64 // PriorInverseWishart: dim×dim, row-major
}

// A WeakPriorer proposes a proper, weakly informative prior on the scale of the
// data: one block after the other covers every coordinate once. It is invariant
// under the finite symmetries of the family, so that it may be restricted to
// canonical θ. The scale is taken from the data, which counts them a little
// twice; the doc of each family says how.
type WeakPriorer interface {
	WeakPrior(z *Data) []PriorBlock
}

// moments returns the mean and the standard deviation (divisor n) of column c,
// with sd = 1 for constant data, so that a scale can be made of it.
func (z *Data) moments(c int) (mean, sd float64) {
	for i := range z.N {
		mean += z.Row(i)[c] / float64(z.N)
	}
	var v float64
	for i := range z.N {
		e := z.Row(i)[c] - mean
		v += e * e / float64(z.N)
	}
	if v > 0 {
		return mean, math.Sqrt(v)
	}
	return mean, 1
}

// WeakPrior returns: weights Dirichlet(1); means N(mean, (2 sd)²) by column, or
// uniform on the bound where there is one; variances inverse gamma of shape 2
// and scale sd²/K^(2/dim), the scale of Fraley & Raftery (2007), J. Classif. 24,
// 155, averaged over the columns where a component has one variance for all;
// full covariances inverse Wishart with dim+2 degrees of freedom and the same
// scale times the sample covariance.
func (m *Mixture) WeakPrior(z *Data) []PriorBlock {
	var out []PriorBlock
	if m.k > 1 {
		out = append(out, PriorBlock{Kind: PriorDirichlet, At: 0, N: m.k - 1, A: 1})
	}
	mean, sd := make([]float64, m.dim), make([]float64, m.dim)
	for c := range m.dim {
		mean[c], sd[c] = z.moments(c)
	}
	for i := range m.k * m.dim {
		b := PriorBlock{Kind: PriorNormal, At: m.mean0 + i, N: 1, A: mean[i%m.dim], B: 2 * sd[i%m.dim]}
		if !math.IsInf(m.bound, 1) {
			b.Kind, b.A, b.B = PriorUniform, -m.bound, m.bound
		}
		out = append(out, b)
	}
	shrink := math.Pow(float64(m.k), -2/float64(m.dim))
	var all float64
	for _, s := range sd {
		all += s * s / float64(m.dim)
	}
	for j := range m.blocks {
		at := m.var0 + j*m.perVar
		switch {
		case m.fullBlocks():
			s := z.covariance()
			for i := range s {
				s[i] *= shrink
			}
			out = append(out, PriorBlock{Kind: PriorInverseWishart, At: at, N: m.perVar, A: float64(m.dim + 2), Scale: s})
		case m.perVar == m.dim:
			for c := range m.dim {
				out = append(out, PriorBlock{Kind: PriorInverseGamma, At: at + c, N: 1, A: 2, B: shrink * sd[c] * sd[c]})
			}
		default:
			out = append(out, PriorBlock{Kind: PriorInverseGamma, At: at, N: 1, A: 2, B: shrink * all})
		}
	}
	return out
}

// covariance returns the covariance (divisor n) of the columns of z, row-major,
// with 1 on the diagonal for a constant column.
func (z *Data) covariance() []float64 {
	q := z.P + z.Q
	s := make([]float64, q*q)
	mean := make([]float64, q)
	for c := range q {
		mean[c], _ = z.moments(c)
	}
	for i := range z.N {
		r := z.Row(i)
		for a := range q {
			for b := range q {
				s[a*q+b] += (r[a] - mean[a]) * (r[b] - mean[b]) / float64(z.N)
			}
		}
	}
	for a := range q {
		if s[a*q+a] == 0 {
			s[a*q+a] = 1
		}
	}
	return s
}

// WeakPrior returns: φ and θ uniform where the process is stationary and
// invertible, the mean N(mean, (2 sd)²), σ² inverse gamma of shape 2 and scale
// sd².
func (m *ARMA) WeakPrior(z *Data) []PriorBlock {
	mean, sd := z.moments(0)
	var out []PriorBlock
	at := 0
	add := func(b PriorBlock) {
		b.At = at
		at += b.N
		out = append(out, b)
	}
	if m.p > 0 {
		add(PriorBlock{Kind: PriorStationary, N: m.p})
	}
	if m.q > 0 {
		add(PriorBlock{Kind: PriorInvertible, N: m.q})
	}
	if m.set.Mean {
		add(PriorBlock{Kind: PriorNormal, N: 1, A: mean, B: 2 * sd})
	}
	if m.set.Var == 0 {
		add(PriorBlock{Kind: PriorInverseGamma, N: 1, A: 2, B: sd * sd})
	}
	return out
}

// WeakPrior returns N(0, 2²) over the scale of each input for the weights into a
// unit, N(0, 2²) for its bias, N(0, (2s)²) for the weights out of the units and
// the biases of the outputs, s the root mean square of the outputs, and inverse
// gamma of shape 2 and scale s² for σ².
func (m *MLP) WeakPrior(z *Data) []PriorBlock {
	var out []PriorBlock
	s := outputScale(z)
	width := m.s.In
	if m.s.Bias {
		width++
	}
	for i := range m.s.Hidden * width {
		b := PriorBlock{Kind: PriorNormal, At: i, N: 1, B: 2}
		if c := i % width; c < m.s.In {
			if _, sd := z.moments(c); sd > 0 {
				b.B = 2 / sd
			}
		}
		out = append(out, b)
	}
	return append(out, outputBlocks(len(out), len(m.params), m.s.FreeSigma, s)...)
}

// WeakPrior returns N(mean, (2 sd)²) of each input for the centres, N(0, (2s)²)
// for the weights of the units, s the root mean square of the output, and
// inverse gamma of shape 2 and scale s² for σ².
func (m *RBF) WeakPrior(z *Data) []PriorBlock {
	var out []PriorBlock
	for i := range m.s.Hidden * m.s.In {
		mean, sd := z.moments(i % m.s.In)
		out = append(out, PriorBlock{Kind: PriorNormal, At: i, N: 1, A: mean, B: 2 * sd})
	}
	return append(out, outputBlocks(len(out), len(m.params), m.s.FreeSigma, outputScale(z))...)
}

// WeakPrior returns N(0, 2²) for every entry of A and N(0, (2s)²) for those of
// B, s the root mean square of the outputs.
func (m *RRR) WeakPrior(z *Data) []PriorBlock {
	inner := m.s.In * m.s.Hidden[0]
	out := []PriorBlock{{Kind: PriorNormal, At: 0, N: inner, B: 2}}
	return append(out, PriorBlock{Kind: PriorNormal, At: inner, N: len(m.params) - inner, B: 2 * outputScale(z)})
}

// WeakPrior returns N(0, 2²) for every coordinate.
func (m *Crossing) WeakPrior(*Data) []PriorBlock {
	return []PriorBlock{{Kind: PriorNormal, N: len(m.params), B: 2}}
}

// WeakPrior returns weights Dirichlet(1) and probabilities uniform on [0, 1].
func (m *BinMix) WeakPrior(*Data) []PriorBlock {
	k := (len(m.params) + 1) / 2
	out := []PriorBlock{{Kind: PriorUniform, At: k - 1, N: k, B: 1}}
	if k > 1 {
		out = append([]PriorBlock{{Kind: PriorDirichlet, N: k - 1, A: 1}}, out...)
	}
	return out
}

// WeakPrior returns a uniform on [0, 1] and b N(0, (3 sd)²), sd the known
// standard deviation, or uniform on its bound.
func (m *Contaminated) WeakPrior(*Data) []PriorBlock {
	b := PriorBlock{Kind: PriorNormal, At: 1, N: 1, B: 3 * m.s.SD}
	if p := m.params[1]; !math.IsInf(p.Hi, 1) && !math.IsInf(p.Lo, -1) {
		b.Kind, b.A, b.B = PriorUniform, p.Lo, p.Hi
	}
	return []PriorBlock{{Kind: PriorUniform, At: 0, N: 1, B: 1}, b}
}

// outputScale is the root mean square of the modelled columns, 1 where all are 0.
func outputScale(z *Data) float64 {
	var s float64
	for i := range z.N {
		for _, y := range z.Y(i) {
			s += y * y
		}
	}
	if s > 0 {
		return math.Sqrt(s / float64(z.N*z.Q))
	}
	return 1
}

// outputBlocks are the blocks from coordinate at to the end of a regression.
func outputBlocks(at, end int, freeSigma bool, s float64) []PriorBlock {
	if freeSigma {
		end--
	}
	out := []PriorBlock{{Kind: PriorNormal, At: at, N: end - at, B: 2 * s}}
	if freeSigma {
		out = append(out, PriorBlock{Kind: PriorInverseGamma, At: end, N: 1, A: 2, B: s * s})
	}
	return out
}

// String names the kind.
func (k PriorKind) String() string {
	names := [...]string{"uniform", "normal", "inverse gamma", "Dirichlet", "inverse Wishart", "uniform over the stationary region", "uniform over the invertible region"}
	if k < 0 || int(k) >= len(names) {
		return fmt.Sprintf("PriorKind(%d)", int(k))
	}
	return names[k]
}
