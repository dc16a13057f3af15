package models

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// Learning coefficients of a small neighbourhood of one parameter, as far as they
// are known: what an estimate that starts at this parameter should find. The least
// of them over the parameters with one law is the global coefficient.

const refRedundant = "derived here: the part that carries the truth is regular, the redundant unit separate"

// LocalRLCT implements KnownLocalRLCT: the set of parameters with the law of θ is
// an affine plane on which K is quadratic in the transverse directions, so that
// the global coefficient of RLCT is the local one everywhere.
func (m *ARMA) LocalRLCT(truth []float64, prior PriorShape) (Coefficient, bool) {
	return m.RLCT(truth, prior)
}

// LocalRLCT implements KnownLocalRLCT: every point of the apex is like any other.
func (m *Cone) LocalRLCT(truth []float64, prior PriorShape) (Coefficient, bool) {
	return m.RLCT(truth, prior)
}

// LocalRLCT implements KnownLocalRLCT for one hidden layer, from the ranks of the
// factors A (hidden×in) and B (out×hidden) and of BA; see
// ReducedRankLocalCoefficient.
func (m *RRR) LocalRLCT(truth []float64, prior PriorShape) (Coefficient, bool) {
	checkLen(len(truth), len(m.params))
	if prior != (PriorShape{}) || len(m.s.Hidden) != 1 {
		return Coefficient{}, false
	}
	factor := func(l int) int {
		return numericalRank(mat.NewDense(m.width[l], m.width[l-1], append([]float64(nil), truth[m.off[l-1]:m.off[l]]...)), 0)
	}
	c, err := ReducedRankLocalCoefficient(m.s.In, m.s.Hidden[0], m.s.Out, factor(1), factor(2), m.Rank(truth))
	return c, err == nil
}

// surplusUnit is what the second of two units adds to the regular coefficient
// (in+1)/2 of the first where the truth needs one unit: at the overlap, the
// remainder (v₁v₂|u|²)² with the difference u of the units in R^in. Where one of
// the weights may vanish there too, the lesser of 1/2 (from the weight) and in/4
// (from u), with multiplicity 2 at a tie.
func surplusUnit(in int, vanishing bool) Coefficient {
	u := Coefficient{Lambda: float64(in) / 4, Mult: 1}
	if !vanishing {
		return u
	}
	return ProductCoefficient(RegularCoefficient(1), u)
}

// twoUnitsOnOne is the global coefficient of two units on in coordinates each
// when the truth needs one of them.
func twoUnitsOnOne(in int) Coefficient {
	c := SumCoefficient(RegularCoefficient(in+1), surplusUnit(in, true))
	c.Ref = "derived here: sum of the weights and mean of the units regular, remainder (v₁v₂|u|²)²"
	return c
}

// LocalRLCT implements KnownLocalRLCT: regular points, one unit on a truth of
// none, and two units on a truth of one. Derived here: on an elimination the
// weight v of the redundant unit is a coordinate that K is quadratic in; on an
// overlap see surplusUnit; where both weights of two units vanish at different
// centres they are two such coordinates, and where v₁ = −v₂ at one centre K is
// comparable to (v₁+v₂)² + v₁²|u|².
func (m *RBF) LocalRLCT(truth []float64, prior PriorShape) (Coefficient, bool) {
	checkLen(len(truth), len(m.params))
	h, in, r := m.s.Hidden, m.s.In, m.reduced(truth)
	if r == h {
		return m.RLCT(truth, prior)
	}
	if prior != (PriorShape{}) || h > 2 {
		return Coefficient{}, false
	}
	v := m.weights(truth)
	var c Coefficient
	switch same := h == 2 && m.sameCentre(truth, 0, 1); {
	case h == 1:
		c = RegularCoefficient(1)
	case r == 1 && !same:
		c = RegularCoefficient(in + 2)
	case r == 1:
		c = SumCoefficient(RegularCoefficient(in+1), surplusUnit(in, v[0] == 0 || v[1] == 0))
	case !same:
		c = RegularCoefficient(2)
	case v[0] != 0:
		c = RegularCoefficient(in + 1)
	default:
		c = SumCoefficient(RegularCoefficient(1), ProductCoefficient(RegularCoefficient(1), RegularCoefficient(in)))
	}
	c.Ref = refRedundant
	if m.s.FreeSigma {
		c.Lambda += 0.5
	}
	return c, true
}

// LocalRLCT implements KnownLocalRLCT for sigmoid units without biases: regular
// points, one unit on a truth of none, and two units with one output on a truth of
// one. Derived here as for RBF; a unit near w = 0 contributes |v|²|w|².
func (m *MLP) LocalRLCT(truth []float64, prior PriorShape) (Coefficient, bool) {
	c, ok := m.RLCT(truth, prior)
	if !ok {
		return Coefficient{}, false
	}
	h, in, out := m.s.Hidden, m.s.In, m.s.Out
	h0 := m.minimalUnits(truth)
	if h0 == h {
		return c, true
	}
	if m.s.Bias || h > 2 || h == 2 && (h0 != 1 || out != 1) || prior.Jeffreys {
		return Coefficient{}, false
	}
	size := func(i int) float64 {
		w := m.unit(truth, i)
		return math.Sqrt(dot(w, w))
	}
	zero := func(i int) bool { // no weight out
		for o := range out {
			if m.output(truth, o)[i] != 0 {
				return false
			}
		}
		return true
	}
	// redundant is K ~ |v|²|w|² near unit i, where the product is 0.
	redundant := func(i int) Coefficient {
		switch {
		case size(i) > 0:
			return RegularCoefficient(out)
		case !zero(i):
			return RegularCoefficient(in)
		}
		return ProductCoefficient(RegularCoefficient(in), RegularCoefficient(out))
	}
	if h == 1 {
		c = redundant(0)
	} else {
		same, mirrored := apart(m.unit(truth, 0), m.unit(truth, 1))
		switch {
		case min(same, mirrored) <= sameUnit*(1+size(0)):
			c = surplusUnit(in, zero(0) || zero(1))
		case zero(0) || size(0) <= sameUnit:
			c = redundant(0)
		default:
			c = redundant(1)
		}
		c = SumCoefficient(RegularCoefficient(in+1), c)
	}
	if m.s.FreeSigma {
		c.Lambda += 0.5
	}
	c.Ref = refRedundant
	return c, true
}

// numericalRank is the number of singular values above 1e-10 of the largest and
// above tol.
func numericalRank(a *mat.Dense, tol float64) int {
	var svd mat.SVD
	if !svd.Factorize(a, mat.SVDNone) {
		return 0
	}
	s := svd.Values(nil)
	r := 0
	for _, v := range s {
		if v > 1e-10*s[0] && v > tol {
			r++
		}
	}
	return r
}
