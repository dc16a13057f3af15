package models

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/blas/blas64"
)

// DeepNetSettings describe a fully connected network of any depth.
type DeepNetSettings struct {
	// Widths are M_0, …, M_L: inputs, hidden layers, outputs; L ≥ 1 layers of
	// weights.
	Widths []int
	Act    Activation // of the hidden layers; the outputs are linear
	Bias   bool       // biases on hidden units and outputs
}

// A DeepNet is the fully connected network
//
//	h⁰ = x,  uˡ = Wˡ hˡ⁻¹ + bˡ,  hˡ = φ(uˡ) for l < L,  f = u^L,
//
// as a function of its parameters: what it computes, its Jacobian and its
// tangent kernel, without ever forming a gradient of length P (see
// DeepJacobian). θ holds the matrices Wˡ (M_l × M_{l−1}) from the first to the
// last, row-major, each row followed by its bias if there are any. It is
// immutable and safe for concurrent use.
type DeepNet struct {
	s      DeepNetSettings
	offset []int // offset[l] is where Wˡ begins in θ, l = 1, …, L; offset[L+1] = P
}

// NewDeepNet returns the network. It is an error if there are fewer than two
// widths, one is below 1, or the parameters could not be counted in an int.
func NewDeepNet(s DeepNetSettings) (*DeepNet, error) {
	if len(s.Widths) < 2 {
		return nil, fmt.Errorf("deep network: %d widths: allowed is 2 or more, inputs and outputs included", len(s.Widths))
	}
	if s.Act < ErfUnit || s.Act > LinearUnit {
		return nil, fmt.Errorf("deep network: %v: allowed are erf, tanh, relu, linear", s.Act)
	}
	s.Widths = slices.Clone(s.Widths)
	n := &DeepNet{s: s, offset: make([]int, len(s.Widths)+1)}
	total := 0.0
	for l, m := range s.Widths {
		if m < 1 {
			return nil, fmt.Errorf("deep network: layer %d of width %d: allowed is 1 or more", l, m)
		}
		if l == 0 {
			continue
		}
		total += float64(m) * float64(n.row(l))
		if total > math.MaxInt/16 {
			return nil, fmt.Errorf("deep network: about %.3g parameters need %.3g bytes: more than can be addressed", total, 8*total)
		}
		n.offset[l+1] = n.offset[l] + m*n.row(l)
	}
	return n, nil
}

// Settings returns the settings. The caller must not modify the widths.
func (n *DeepNet) Settings() DeepNetSettings { return n.s }

// Dim returns P, the length of θ.
func (n *DeepNet) Dim() int { return n.offset[n.Depth()+1] }

// Depth returns L, the number of layers of weights.
func (n *DeepNet) Depth() int { return len(n.s.Widths) - 1 }

// In returns M_0 and Out returns M_L.
func (n *DeepNet) In() int  { return n.s.Widths[0] }
func (n *DeepNet) Out() int { return n.s.Widths[n.Depth()] }

// row returns the length of a row of layer l in θ.
func (n *DeepNet) row(l int) int {
	if n.s.Bias {
		return n.s.Widths[l-1] + 1
	}
	return n.s.Widths[l-1]
}

// Weights returns Wˡ (M_l × M_{l−1}), 1 ≤ l ≤ L, as a part of θ: its stride is
// longer than its rows where there are biases.
func (n *DeepNet) Weights(theta []float64, l int) blas64.General {
	return blas64.General{Rows: n.s.Widths[l], Cols: n.s.Widths[l-1], Stride: n.row(l), Data: theta[n.offset[l]:n.offset[l+1]]}
}

// bias returns the index in θ of the bias of unit i of layer l.
func (n *DeepNet) bias(l, i int) int { return n.offset[l] + (i+1)*n.row(l) - 1 }

// Random fills θ with W_ij ~ N(0, σ_w²/M_{l−1}) and b_i ~ N(0, σ_b²), independent:
// the law under which sums stay of order one as the widths grow. Numbers are
// drawn in the order of θ; a network without biases draws none for them.
func (n *DeepNet) Random(theta []float64, varW, varB float64, rng *rand.Rand) {
	checkLen(len(theta), n.Dim())
	sb := math.Sqrt(varB)
	for l := 1; l <= n.Depth(); l++ {
		sw := math.Sqrt(varW / float64(n.s.Widths[l-1]))
		in, row := n.s.Widths[l-1], n.row(l)
		for i := range n.s.Widths[l] {
			w := theta[n.offset[l]+i*row:][:row]
			for j := range in {
				w[j] = sw * rng.NormFloat64()
			}
			if n.s.Bias {
				w[in] = sb * rng.NormFloat64()
			}
		}
	}
}

// JacobianBytes returns the memory in bytes that a DeepJacobian at the given
// number of inputs holds, θ and the inputs not included. Like the other counts of bytes
// it is a float64, which cannot overflow.
func (n *DeepNet) JacobianBytes(samples int) float64 {
	units := 0.0
	widest := n.Out()
	for _, m := range n.s.Widths[1:n.Depth()] {
		units += float64(m) * (2 + float64(n.Out()))
		widest = max(widest, m)
	}
	return 8 * float64(samples) * (units + float64(n.Out()) + float64(widest))
}

// kernelScratch returns the bytes of the two products that the kernel between
// blocks of samples needs.
func (n *DeepNet) kernelScratch(samples int) float64 {
	b, c := float64(samples), float64(n.Out())
	return 8 * b * b * (1 + c*c)
}

// KernelBytes returns the memory in bytes that TangentKernel needs at the given
// number of inputs with blocks of the given size, its result of (NC)² numbers
// included; θ and the inputs are not.
func (n *DeepNet) KernelBytes(samples, block int) float64 {
	nc := float64(samples) * float64(n.Out())
	work := n.JacobianBytes(block) + n.kernelScratch(block)
	if block < samples {
		work += n.JacobianBytes(block)
	}
	return 8*nc*nc + work
}

// A MemoryError says that a computation was refused before it started.
type MemoryError struct {
	What        string
	Need, Limit float64 // bytes
}

// Error gives both numbers of bytes.
func (e *MemoryError) Error() string {
	return fmt.Sprintf("%s needs %.0f bytes, more than the limit of %.0f bytes", e.What, e.Need, e.Limit)
}

// KernelBlock returns the largest number of samples in a block with which
// TangentKernel stays within limit bytes: all of them where that fits. Smaller
// blocks repeat passes through the network. The error is a *MemoryError that
// gives the least memory that would do.
func (n *DeepNet) KernelBlock(samples int, limit float64) (int, error) {
	if n.KernelBytes(samples, samples) <= limit {
		return samples, nil
	}
	if n.KernelBytes(samples, 1) > limit {
		return 0, &MemoryError{
			What: fmt.Sprintf("the tangent kernel of %d samples and %d outputs", samples, n.Out()),
			Need: n.KernelBytes(samples, 1), Limit: limit,
		}
	}
	lo, hi := 1, samples // fits, does not
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; n.KernelBytes(samples, mid) <= limit {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo, nil
}
