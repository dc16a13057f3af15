package runs

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash"
	"math"
	"reflect"
	"strings"
)

// A chunk file carries the SHA-256 of itself, taken with zeros in the place of
// the digest. It is checked before the file reaches the Parquet reader, which
// trusts the lengths in a file: a single flipped bit can make it ask for
// gigabytes.
const sealPrefix = "neuromanifold sha256 "

var blankSeal = strings.Repeat("0", 2*sha256.Size)

// seal writes the digest into data, which has one blank seal.
func seal(data []byte) ([]byte, error) {
	i := bytes.LastIndex(data, []byte(sealPrefix+blankSeal))
	if i < 0 {
		return nil, errors.New("the Parquet writer dropped the seal")
	}
	sum := sha256.Sum256(data)
	hex.Encode(data[i+len(sealPrefix):], sum[:])
	return data, nil
}

// checkSeal returns an error unless data is as seal left it.
func checkSeal(data []byte) error {
	magic := []byte("PAR1")
	if !bytes.HasPrefix(data, magic) || !bytes.HasSuffix(data, magic) || len(data) < 12 {
		return errors.New("truncated or not a Parquet file")
	}
	i := bytes.LastIndex(data, []byte(sealPrefix))
	if i < 0 || i+len(sealPrefix)+len(blankSeal) > len(data) {
		return errors.New("foreign: it was not written by a run")
	}
	digest := data[i+len(sealPrefix):][:len(blankSeal)]
	h := sha256.New()
	h.Write(data[:i+len(sealPrefix)])
	h.Write([]byte(blankSeal))
	h.Write(data[i+len(sealPrefix)+len(blankSeal):])
	if hex.EncodeToString(h.Sum(nil)) != string(digest) {
		return errors.New("damaged: its SHA-256 is not the one it was written with")
	}
	return nil
}

// Same reports whether two rows agree to the bit, NaN payloads included. An
// absent list and an empty one are the same.
func (t *Table[R]) Same(a, b R) bool {
	ha, hb := sha256.New(), sha256.New()
	hashRow(ha, reflect.ValueOf(&a).Elem())
	hashRow(hb, reflect.ValueOf(&b).Elem())
	return bytes.Equal(ha.Sum(nil), hb.Sum(nil))
}

func hashRow(h hash.Hash, v reflect.Value) {
	for j := range v.NumField() {
		switch f := v.Field(j); f.Kind() {
		case reflect.Bool:
			b := uint64(0)
			if f.Bool() {
				b = 1
			}
			hashWord(h, b)
		case reflect.Int, reflect.Int64:
			hashWord(h, uint64(f.Int()))
		case reflect.Float64:
			hashWord(h, math.Float64bits(f.Float()))
		case reflect.String:
			hashText(h, f.String())
		case reflect.Slice:
			hashWord(h, uint64(f.Len()))
			for k := range f.Len() {
				hashWord(h, math.Float64bits(f.Index(k).Float()))
			}
		}
	}
}

func hashWord(h hash.Hash, x uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], x)
	h.Write(b[:])
}

func hashText(h hash.Hash, s string) {
	hashWord(h, uint64(len(s)))
	h.Write([]byte(s))
}
