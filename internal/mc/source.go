package mc

import (
	"math/rand/v2"

	// This is the only file that imports x/exp/rand. Upstream calls the package
	// deprecated and frozen; a stream that must give the same numbers in ten
	// years wants exactly that.
	exprand "golang.org/x/exp/rand"
)

// newStream returns a generator with the given 128 bits of state (PCG XSL RR
// 128/64; O'Neill, HMC-CS-2014-0905). The state is set directly: the Seed
// method of the source sets both halves alike, and streams seeded by
// neighbouring numbers are then visibly correlated.
func newStream(state [16]byte) *rand.Rand {
	src := new(exprand.PCGSource)
	if err := src.UnmarshalBinary(state[:]); err != nil {
		panic("mc: " + err.Error()) // 16 bytes are what it takes
	}
	return rand.New(src)
}
