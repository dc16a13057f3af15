package models

import (
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"
)

// Mul fills dst (NC) with Jv for v of length P: the derivative of the outputs
// along v.
func (j *DeepJacobian) Mul(dst, v []float64) {
	net := j.net
	depth, c := net.Depth(), net.Out()
	checkLen(len(dst), j.n*c)
	checkLen(len(v), net.Dim())
	clear(dst)
	for l := 1; l <= depth; l++ {
		t := j.scratch(net.s.Widths[l])
		j.affine(t, j.h[l-1], v, l)
		if l == depth {
			for i, x := range t.Data {
				dst[i] += x
			}
			continue
		}
		for r := range dst {
			dst[r] += dot(rowAt(j.delta[l], r), rowAt(t, r/c))
		}
	}
}

// MulTrans fills dst (P) with Jᵀu for u of length NC: the gradient of Σ u·f.
func (j *DeepJacobian) MulTrans(dst, u []float64) {
	net := j.net
	depth, c := net.Depth(), net.Out()
	checkLen(len(u), j.n*c)
	checkLen(len(dst), net.Dim())
	for l := 1; l <= depth; l++ {
		s := j.scratch(net.s.Widths[l])
		if l == depth {
			copy(s.Data, u)
		} else {
			clear(s.Data)
			for r, w := range u {
				t := rowAt(s, r/c)
				for i, x := range rowAt(j.delta[l], r) {
					t[i] += w * x
				}
			}
		}
		w := net.Weights(dst, l)
		for i := range w.Rows {
			clear(rowAt(w, i))
		}
		j.prod.Add(matrix(w), 1, matrix(s).T(), matrix(j.h[l-1]))
		if net.s.Bias {
			for i := range s.Cols {
				sum := 0.0
				for n := range s.Rows {
					sum += s.Data[n*s.Stride+i]
				}
				dst[net.bias(l, i)] = sum
			}
		}
	}
}

func (j *DeepJacobian) scratch(width int) blas64.General {
	return blas64.General{Rows: j.n, Cols: width, Stride: width, Data: j.work[:j.n*width]}
}

// FeatureKernel fills dst (NC×NC) with Σ_l ∇f_k(x_n)·∇f_k′(x_m), gradients by
// the features hˡ of the layers first ≤ l < end, 0 ≤ first < end ≤ L: 0 and L for
// all of them, 0 and 1 for the input alone.
func (j *DeepJacobian) FeatureKernel(dst *mat.SymDense, first, end int) {
	net := j.net
	depth, c := net.Depth(), net.Out()
	nc := j.n * c
	checkLen(dst.SymmetricDim(), nc)
	if first < 0 || first >= end || end > depth {
		panic("models: no such layers")
	}
	full := part(dst, 0, 0, nc, nc)
	for i := range nc {
		clear(rowAt(full, i))
	}
	for l := first; l < end; l++ {
		w := net.Weights(j.theta, l+1)
		g := general(nc, w.Cols)
		if l == depth-1 {
			for r := range nc {
				copy(rowAt(g, r), w.Data[r%c*w.Stride:])
			}
		} else {
			j.prod.Add(matrix(g), 1, matrix(j.delta[l+1]), matrix(w))
		}
		j.prod.AddUpper(matrix(full), 1, matrix(g), matrix(g).T())
	}
}
