package models

import "math"

// sameUnit is the relative difference below which weights of two units are equal
// and below which a sum of weights is a cancellation.
const sameUnit = 1e-12

// RLCT implements KnownRLCT for sigmoid units (erf, tanh) and inputs that fill an
// open set: rescaled and linear units are singular in other ways (for the latter
// see ReducedRankCoefficient). The truth is first reduced to its minimal network.
// With H units, of which the truth needs H0:
//
//   - H0 = H: λ = d/2, m = 1, for any prior. A minimal network determines its
//     weights up to the finite symmetries and has a regular information (Sussmann,
//     Neural Networks 5 (1992), and Fukumizu, Neural Networks 9 (1996), for tanh;
//     for erf derived here: Σ (α_i + β_i·x) φ′(h_i) + γ_i φ(h_i) = 0 on a generic
//     line becomes, differentiated, a sum of polynomials times distinct Gaussians).
//   - H = 1, H0 = 0, no bias: K is comparable to |v|² |w|² near its zeros, so
//     λ = min(in, out)/2, m = 2 if in = out, else 1. Derived here.
//   - H0 = 0, one input and output, no bias: OddNetworkCoefficient.
//   - H = 2, H0 = 1, one output, no bias: (in+1)/2 + min(1/2, in/4), m = 2 for two
//     inputs, else 1; so 5/4 for one input. Derived here: at the overlap the sum
//     of v and the mean of w are regular, and the remainder is (v₁v₂|u|²)² with
//     u the difference of the units; elimination alone would give 1/2.
//
// Elsewhere it is an upper bound, with the truth in H0 units and the rest near
// their own zeros: K is at most a multiple of the sum of both parts. A free σ²
// adds 1/2. For a Jeffreys prior the regular case is answered, and that of one unit
// of one input and output, where √det F ∝ |v||w|³: for an odd activation φ/w and xφ′
// differ by a multiple of w²x³ to leading order, so that λ = 1 (derived here).
func (m *MLP) RLCT(truth []float64, prior PriorShape) (Coefficient, bool) {
	if !m.s.Act.sigmoid() || CheckTheta(m, truth) != nil {
		return Coefficient{}, false
	}
	switch m.s.Inputs.(type) {
	case NormalLaw, UniformLaw:
	default:
		return Coefficient{}, false
	}
	h, h0 := m.s.Hidden, m.minimalUnits(truth)
	if h0 == h {
		c := RegularCoefficient(len(m.params))
		c.Ref = "regular: no hidden unit is redundant (Sussmann 1992; Fukumizu 1996)"
		return c, true
	}
	var c Coefficient
	scalar := m.s.In == 1 && m.s.Out == 1 && !m.s.Bias
	if prior.Jeffreys {
		if !scalar || h != 1 || m.s.FreeSigma {
			return Coefficient{}, false
		}
		c, err := MonomialCoefficient([]int{1, 1}, []float64{1, 3})
		return c, err == nil
	}
	switch {
	case scalar && h0 == 0:
		c, _ = OddNetworkCoefficient(h)
	case h == 2 && h0 == 1 && m.s.Out == 1 && !m.s.Bias:
		c = twoUnitsOnOne(m.s.In)
	case h == 1 && !m.s.Bias:
		c = m.zeroUnit()
	default:
		// c_o is regular in the part that carries the truth.
		c = RegularCoefficient(h0*(m.rowIn+m.s.Out) + m.s.Out*(m.rowOut-h))
		if scalar {
			rest, _ := OddNetworkCoefficient(h - h0)
			c = SumCoefficient(c, rest)
		} else {
			for range h - h0 {
				c = SumCoefficient(c, m.zeroUnit())
			}
		}
		c.Kind, c.Mult = UpperBound, 0
		c.Ref = "bound: the minimal network and the other units near zero"
	}
	if m.s.FreeSigma {
		ref := c.Ref
		mult := c.Mult
		c = SumCoefficient(c, RegularCoefficient(1))
		c.Ref, c.Mult = ref+"; a free variance adds 1/2", mult
	}
	return c, true
}

// zeroUnit is the coefficient of K ~ |v|²|w|².
func (m *MLP) zeroUnit() Coefficient {
	c := ProductCoefficient(RegularCoefficient(m.s.In), RegularCoefficient(m.s.Out))
	c.Ref = "derived here: |v|²|w|²"
	return c
}

// minimalUnits returns the least number of hidden sigmoid units that compute the
// same function: units that see no input are constant, units with equal or
// opposite weights merge, and those whose weights out cancel go. Weights that
// agree to sameUnit count as equal.
func (m *MLP) minimalUnits(theta []float64) int {
	const tol = sameUnit
	taken := make([]bool, m.s.Hidden)
	v := make([]float64, m.s.Out)
	n := 0
	for i := range m.s.Hidden {
		a := m.unit(theta, i)
		if taken[i] || math.Sqrt(dot(a[:m.s.In], a[:m.s.In])) <= tol {
			continue
		}
		size := 0.0
		for o := range v {
			v[o] = m.output(theta, o)[i]
			size = max(size, math.Abs(v[o]))
		}
		for j := i + 1; j < m.s.Hidden; j++ {
			b := m.unit(theta, j)
			same, mirrored := apart(a, b)
			if taken[j] || min(same, mirrored) > tol*(1+math.Sqrt(dot(a, a))) {
				continue
			}
			taken[j] = true
			sign := 1.0
			if mirrored < same {
				sign = -1
			}
			for o := range v {
				vj := m.output(theta, o)[j]
				v[o] += sign * vj
				size = max(size, math.Abs(vj))
			}
		}
		for _, vo := range v {
			if math.Abs(vo) > tol*size {
				n++
				break
			}
		}
	}
	return n
}
