package models

import "math"

// A Symmetric has a finite group of symmetries: maps of θ that leave every law
// unchanged. Canonicalize picks one point of each orbit.
type Symmetric interface {
	// Symmetries returns the number of images of a generic θ, itself included
	// (+Inf where it overflows), and what the maps are.
	Symmetries() (order float64, doc string)
}

var (
	_ Symmetric = (*MLP)(nil)
	_ Symmetric = (*RBF)(nil)
	_ Symmetric = (*Mixture)(nil)
	_ Symmetric = (*BinMix)(nil)
	_ Symmetric = (*Crossing)(nil)
	_ Symmetric = (*RRR)(nil)
)

func factorial(n int) float64 {
	f := 1.0
	for i := 2; i <= n; i++ {
		f *= float64(i)
	}
	return f
}

// Symmetries implements Symmetric: H! permutations of the units, and for odd φ
// 2^H changes of sign of the weights into and out of a unit.
func (m *MLP) Symmetries() (order float64, doc string) {
	if m.s.Act.Odd() {
		return math.Ldexp(factorial(m.s.Hidden), m.s.Hidden),
			"units are permuted, and the weights into and out of a unit change sign together; canonical: the first weight into each unit positive, units ascending"
	}
	return factorial(m.s.Hidden), "units are permuted; canonical: ascending by their weights"
}

// Symmetries implements Symmetric: permutations of the units.
func (m *RBF) Symmetries() (order float64, doc string) {
	return factorial(m.s.Hidden), "units are permuted; canonical: ascending by their centres"
}

// Symmetries implements Symmetric: permutations of the components.
func (m *Mixture) Symmetries() (order float64, doc string) {
	return factorial(m.k), "components are permuted; canonical: means ascending (lexicographic in more than one dimension)"
}

// Symmetries implements Symmetric: permutations of the components.
func (m *BinMix) Symmetries() (order float64, doc string) {
	return factorial(m.s.K), "components are permuted; canonical: probabilities ascending"
}

// Symmetries implements Symmetric: changes of sign of an even number of the
// factors with odd powers, and of any of the others.
func (m *Crossing) Symmetries() (order float64, doc string) {
	odd := 0
	for _, k := range m.s.Powers {
		odd += k % 2
	}
	return math.Ldexp(1, len(m.s.Powers)-min(odd, 1)), "factors with even powers change sign, and an even number of those with odd powers"
}

// Symmetries implements Symmetric: in every hidden layer the units are permuted
// and change sign. They are part of the continuous group of basis changes.
func (m *RRR) Symmetries() (order float64, doc string) {
	order = 1
	for _, h := range m.s.Hidden {
		order *= math.Ldexp(factorial(h), h)
	}
	return order, "hidden units are permuted and change sign, as part of the continuous change of basis (see the stratum gauge)"
}
