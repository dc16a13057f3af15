package models

import (
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/internal/vec"
)

// A DeepJacobian is the Jacobian J = ∂f/∂θ ((NC)×P) of a network at N inputs in
// factored form: row n·C + k, the gradient of output k at input n, is
//
//	∂f_k(x_n)/∂Wˡ = δˡ_k(n) hˡ⁻¹(n)ᵀ,  ∂f_k(x_n)/∂bˡ = δˡ_k(n),  δˡ_k = ∂f_k/∂uˡ,
//
// so that the activations h and the errors δ, NCΣM_l numbers and not NCP, are
// all of it. Set fills it; afterwards its methods only read it. It owns scratch:
// one goroutine.
type DeepJacobian struct {
	net   *DeepNet
	theta []float64
	n     int
	h     []blas64.General // h[l] (N×M_l), l = 0, …, L; h[0] is the input, h[L] the output
	slope []blas64.General // slope[l] (N×M_l) = φ′(uˡ), 1 ≤ l < L
	delta []blas64.General // delta[l] (NC×M_l), 1 ≤ l < L; that of the last layer is the identity for each n
	work  []float64        // N × the widest hidden layer
	prod  vec.Product
}

// NewJacobian returns a DeepJacobian for up to the given number of inputs. It
// allocates JacobianBytes.
func (n *DeepNet) NewJacobian(samples int) *DeepJacobian {
	depth := n.Depth()
	j := &DeepJacobian{net: n, h: make([]blas64.General, depth+1), slope: make([]blas64.General, depth), delta: make([]blas64.General, depth)}
	widest := n.Out()
	for l := 1; l <= depth; l++ {
		m := n.s.Widths[l]
		j.h[l] = general(samples, m)
		if l < depth {
			j.slope[l] = general(samples, m)
			j.delta[l] = general(samples*n.Out(), m)
			widest = max(widest, m)
		}
	}
	j.work = make([]float64, samples*widest)
	return j
}

func general(r, c int) blas64.General {
	return blas64.General{Rows: r, Cols: c, Stride: c, Data: make([]float64, r*c)}
}

// Set computes the activations and errors at θ and the inputs, the rows of x
// (N×M_0). Both are kept and must not change while the Jacobian is in use. It
// panics if there are more inputs than NewJacobian was told.
func (j *DeepJacobian) Set(theta []float64, x *mat.Dense) {
	net := j.net
	rows, cols := x.Dims()
	checkLen(len(theta), net.Dim())
	checkLen(cols, net.In())
	depth, c := net.Depth(), net.Out()
	if rows > cap(j.h[depth].Data)/c {
		panic("models: more inputs than the Jacobian was made for")
	}
	j.theta, j.n, j.h[0] = theta, rows, x.RawMatrix()
	for l := 1; l <= depth; l++ {
		j.h[l] = rowsOf(j.h[l], rows)
		if l < depth {
			j.slope[l], j.delta[l] = rowsOf(j.slope[l], rows), rowsOf(j.delta[l], rows*c)
		}
	}
	for l := 1; l <= depth; l++ {
		j.affine(j.h[l], j.h[l-1], theta, l)
		if l < depth {
			net.s.Act.slopes(j.h[l].Data, j.slope[l].Data)
		}
	}
	for l := depth - 1; l >= 1; l-- {
		d, w := j.delta[l], net.Weights(theta, l+1)
		if l == depth-1 {
			for r := range d.Rows {
				copy(rowAt(d, r), w.Data[r%c*w.Stride:])
			}
		} else {
			clear(d.Data)
			j.prod.Add(matrix(d), 1, matrix(j.delta[l+1]), matrix(w))
		}
		for r := range d.Rows {
			s := rowAt(j.slope[l], r/c)
			for i, v := range rowAt(d, r) {
				d.Data[r*d.Stride+i] = v * s[i]
			}
		}
	}
}

// rowsOf returns the first r rows of the memory behind a.
func rowsOf(a blas64.General, r int) blas64.General {
	return blas64.General{Rows: r, Cols: a.Cols, Stride: a.Cols, Data: a.Data[:r*a.Cols]}
}

// matrix is a as package vec has it.
func matrix(a blas64.General) vec.Matrix { return vec.RowMajor(a.Data, a.Rows, a.Cols, a.Stride) }

func rowAt(a blas64.General, i int) []float64 { return a.Data[i*a.Stride:][:a.Cols] }

// affine fills dst (N×M_l) with h Wᵀ + b for layer l of a vector like θ.
func (j *DeepJacobian) affine(dst, h blas64.General, theta []float64, l int) {
	j.net.affine(&j.prod, dst, h, theta, l)
}

func (n *DeepNet) affine(p *vec.Product, dst, h blas64.General, theta []float64, l int) {
	if n.s.Bias && dst.Rows > 0 {
		first := rowAt(dst, 0)
		for i := range first {
			first[i] = theta[n.bias(l, i)]
		}
		for r := 1; r < dst.Rows; r++ {
			copy(rowAt(dst, r), first)
		}
	} else {
		clear(dst.Data)
	}
	p.Add(matrix(dst), 1, matrix(h), matrix(n.Weights(theta, l)).T())
}

// Outputs fills dst (N×C) with f.
func (j *DeepJacobian) Outputs(dst *mat.Dense) {
	f := j.h[j.net.Depth()]
	dst.Copy(mat.NewDense(f.Rows, f.Cols, f.Data))
}

// LayerScale multiplies the contribution of one layer to the tangent kernel.
type LayerScale struct{ Weight, Bias float64 }

// NTKScale returns the scales of the parameterisation W = σ_w ω/√M_{l−1},
// b = σ_b β with derivatives by ω and β, in which the kernel has a limit as the
// widths grow (Jacot, Gabriel and Hongler 2018).
func (n *DeepNet) NTKScale(varW, varB float64) []LayerScale {
	s := make([]LayerScale, n.Depth())
	for l := range s {
		s[l] = LayerScale{varW / float64(n.s.Widths[l]), varB}
	}
	return s
}

// LayerOnly returns the scales that leave layer l, 1 ≤ l ≤ L, alone: the kernel
// of the diagonal block of the Fisher information that belongs to it.
func (n *DeepNet) LayerOnly(l int) []LayerScale {
	s := make([]LayerScale, n.Depth())
	s[l-1] = LayerScale{1, 1}
	return s
}

// LayerDim returns the number of parameters of layer l, 1 ≤ l ≤ L.
func (n *DeepNet) LayerDim(l int) int { return n.offset[l+1] - n.offset[l] }

// Kernel fills dst (NC×NC) with Θ = J S Jᵀ, where S scales the parameters of
// layer l by scale[l−1]; nil scales by 1. Layer by layer (Karakida, Akaho and
// Amari 2021 for the duality; the factorisation is that of a gradient of a
// matrix product),
//
//	Θ[(n,k),(m,k′)] = Σ_l (δˡ_k(n)·δˡ_k′(m)) (s_w hˡ⁻¹(n)·hˡ⁻¹(m) + s_b).
func (j *DeepJacobian) Kernel(dst *mat.SymDense, scale []LayerScale) {
	nc := j.n * j.net.Out()
	checkLen(dst.SymmetricDim(), nc)
	crossKernel(part(dst, 0, 0, nc, nc), j, j, scale, newKernelWork(j.net, j.n))
}

// part returns rows [i, i+r) and columns [j, j+c) of the memory behind dst, whose
// upper triangle alone means something: a product may fill all of it.
func part(dst *mat.SymDense, i, j, r, c int) blas64.General {
	raw := dst.RawSymmetric()
	return blas64.General{Rows: r, Cols: c, Stride: raw.Stride, Data: raw.Data[i*raw.Stride+j:]}
}

// kernelWork is the scratch of crossKernel: Gram matrices of h and of δ.
type kernelWork struct{ hh, dd []float64 }

func newKernelWork(n *DeepNet, block int) *kernelWork {
	return &kernelWork{make([]float64, block*block), make([]float64, block*block*n.Out()*n.Out())}
}

// crossKernel fills dst (N_a C × N_b C) with the kernel between two sets of
// inputs, and of one set with itself the upper triangle alone.
func crossKernel(dst blas64.General, a, b *DeepJacobian, scale []LayerScale, w *kernelWork) {
	net := a.net
	depth, c := net.Depth(), net.Out()
	for i := range dst.Rows {
		clear(rowAt(dst, i))
	}
	mul := a.prod.Add
	if a == b {
		mul = a.prod.AddUpper
	}
	hh := blas64.General{Rows: a.n, Cols: b.n, Stride: b.n, Data: w.hh[:a.n*b.n]}
	dd := blas64.General{Rows: a.n * c, Cols: b.n * c, Stride: b.n * c, Data: w.dd[:a.n*b.n*c*c]}
	for l := 1; l <= depth; l++ {
		s := LayerScale{1, 1}
		if scale != nil {
			s = scale[l-1]
		}
		if !net.s.Bias {
			s.Bias = 0
		}
		if s == (LayerScale{}) {
			continue
		}
		for i := range hh.Data {
			hh.Data[i] = s.Bias
		}
		if s.Weight != 0 {
			mul(matrix(hh), s.Weight, matrix(a.h[l-1]), matrix(b.h[l-1]).T())
		}
		if l == depth {
			for n := range a.n {
				for m, v := range rowAt(hh, n) {
					for k := range c {
						dst.Data[(n*c+k)*dst.Stride+m*c+k] += v
					}
				}
			}
			continue
		}
		clear(dd.Data)
		mul(matrix(dd), 1, matrix(a.delta[l]), matrix(b.delta[l]).T())
		for r := range dst.Rows {
			g, d, out := rowAt(hh, r/c), rowAt(dd, r), rowAt(dst, r)
			if c == 1 {
				for m, v := range g {
					out[m] += v * d[m]
				}
				continue
			}
			for m, v := range g {
				for k := m * c; k < (m+1)*c; k++ {
					out[k] += v * d[k]
				}
			}
		}
	}
}

// TangentKernel fills dst (NC×NC) with the kernel of DeepJacobian.Kernel at θ and
// the inputs, the rows of x, and unless it is nil f (N×C) with the outputs, in
// memory for blocks of the given number of samples: see KernelBlock. The result
// does not depend on the block but for rounding.
func (n *DeepNet) TangentKernel(dst *mat.SymDense, f *mat.Dense, theta []float64, x *mat.Dense, scale []LayerScale, block int) {
	rows, cols := x.Dims()
	c := n.Out()
	checkLen(dst.SymmetricDim(), rows*c)
	block = max(1, min(block, rows))
	a, w := n.NewJacobian(block), newKernelWork(n, block)
	var b *DeepJacobian
	if block < rows {
		b = n.NewJacobian(block)
	}
	for i := 0; i < rows; i += block {
		ni := min(block, rows-i)
		a.Set(theta, x.Slice(i, i+ni, 0, cols).(*mat.Dense))
		if f != nil {
			a.Outputs(f.Slice(i, i+ni, 0, c).(*mat.Dense))
		}
		crossKernel(part(dst, i*c, i*c, ni*c, ni*c), a, a, scale, w)
		for j := i + block; j < rows; j += block {
			nj := min(block, rows-j)
			b.Set(theta, x.Slice(j, j+nj, 0, cols).(*mat.Dense))
			crossKernel(part(dst, i*c, j*c, ni*c, nj*c), a, b, scale, w)
		}
	}
}
