package mc

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
)

// StreamVersion is the version of the map from a Key and a purpose to random
// numbers. It is part of the identity of a run: changing the generator, the
// hash or the encoding of keys means a new version.
const StreamVersion = 1

// A Key names the randomness of one replicate. Equal keys give equal streams;
// keys that differ in any field give streams that are independent for all
// practical purposes.
type Key struct {
	Seed       uint64
	Experiment string
	Cell       string
	Replicate  int
}

// Stream returns the stream of the key for a purpose, as "data" or "starts".
// Every call returns a new generator at the start of the same stream. Different
// purposes of one replicate have streams of their own, so that drawing more
// starts does not change the data.
//
// The generator is a PCG with 128 bits of state, set to the first 16 bytes of
// the SHA-256 of the fields, each text preceded by its length.
func (k Key) Stream(purpose string) *rand.Rand {
	return newStream(k.state(nil, purpose))
}

// state hashes the key, the purpose and a path of indices within the purpose.
// Lengths precede texts and the path, so no two different inputs have one
// encoding.
func (k Key) state(path []uint64, purpose string) [16]byte {
	b := make([]byte, 0, 128)
	text := func(s string) {
		b = binary.BigEndian.AppendUint64(b, uint64(len(s)))
		b = append(b, s...)
	}
	text("neuromanifold stream")
	b = binary.BigEndian.AppendUint64(b, StreamVersion)
	b = binary.BigEndian.AppendUint64(b, k.Seed)
	text(k.Experiment)
	text(k.Cell)
	b = binary.BigEndian.AppendUint64(b, uint64(k.Replicate))
	text(purpose)
	b = binary.BigEndian.AppendUint64(b, uint64(len(path)))
	for _, i := range path {
		b = binary.BigEndian.AppendUint64(b, i)
	}
	sum := sha256.Sum256(b)
	return [16]byte(sum[:16])
}
