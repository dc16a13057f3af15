// Package vec holds the numerical kernels of the hot loops: elementary functions
// over slices, sums, products of matrices, the E-step of a normal mixture, sums over
// linear log-odds and the residuals of an ARMA(1,1) process at several parameter points.
//
// # One result
//
// On amd64 every kernel exists three times: for AVX-512, for AVX2 with FMA, and in
// Go, which also serves every other architecture. The fastest that the processor
// has is chosen when the program starts. All three perform the same operations in
// the same order, so that they give the same bits (a NaN may differ in sign and
// payload):
//
//   - functions are one polynomial each, evaluated with fused multiply-adds; Go's
//     math.FMA rounds in the same way;
//   - a sum has eight accumulators, of which number i mod 8 takes element i, and one
//     tree adds them up at the end. Neither the alignment of a slice nor the width of
//     a register takes part in it;
//   - an element of a product of matrices is one chain of fused multiply-adds in the
//     order of the inner index, whatever the tiles and blocks;
//   - the last len mod 8 elements go through the Go code; those of a mixture through
//     the assembly, filled up to eight, with the accumulators of the rest put back, and
//     those of a Logit under a mask.
//
// The ARMA recursion uses no fused operations, because the fallback has to branch
// around each of them in a default amd64 build.
//
// Build with the tag purego to leave the assembly out.
//
// # Accuracy
//
// Largest errors, in units in the last place of the result, over the whole range of
// the argument, subnormal arguments and results included: Exp 1, Tanh 2.6, Erf 1.5.
// Infinities, zeros and NaN go where those of package math go.
package vec

//go:generate sh -c "cd asm && go run . -out ../kernels_amd64.s -stubs ../kernels_amd64.go -pkg vec"

// Version names the arithmetic of the kernels. Two builds with the same version and
// the same GOARCH give the same bits; it changes with any rounding.
const Version = "vec-3"

// lanes is the number of accumulators of a sum, and of elements that a kernel takes
// at once.
const lanes = Lanes

// Lanes is the number of networks of a Learner and of generators in Generators.
const Lanes = 8

type (
	vector [lanes]float64
	path   int
)

const (
	portable path = iota
	avx2
	avx512
)

func (p path) String() string { return [...]string{"portable", "avx2", "avx512"}[p] }

// sum adds the accumulators up: the tree that halves the register twice.
func (v *vector) sum() float64 {
	return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]))
}

func (v *vector) product() float64 {
	return ((v[0] * v[4]) * (v[2] * v[6])) * ((v[1] * v[5]) * (v[3] * v[7]))
}

const badLen = "vec: slices of different length"

func sameLen(a, b []float64) {
	if len(a) != len(b) {
		panic(badLen)
	}
}
