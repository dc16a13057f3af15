package singular

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

// An Operator is a symmetric matrix that is known by its products alone.
type Operator struct {
	Dim int
	// Mul fills dst (Dim) with the product with v (Dim).
	Mul func(dst, v []float64)
}

// Operator returns F* by its products.
func (d *Dual) Operator() Operator {
	return Operator{d.F.SymmetricDim(), func(dst, v []float64) {
		mat.NewVecDense(len(dst), dst).MulVec(d.F, mat.NewVecDense(len(v), v))
	}}
}

// FisherOperator returns F = (1/N) Σ_n J_nᵀ Q_n J_n (P×P) by its products, one
// derivative forwards and one backwards each: Q_n is the identity for regression
// and diag(g) − ggᵀ of the class probabilities for cross-entropy. n is the number
// of inputs that j was set to.
func FisherOperator(net *models.DeepNet, j *models.DeepJacobian, n int, loss Loss) Operator {
	c := net.Out()
	u := make([]float64, n*c)
	f := mat.NewDense(n, c, nil)
	if loss == CrossEntropyLoss {
		j.Outputs(f)
		g := make([]float64, c)
		for i := range n {
			softmax(g, f.RawRowView(i))
			copy(f.RawRowView(i), g)
		}
	}
	return Operator{net.Dim(), func(dst, v []float64) {
		j.Mul(u, v)
		for i := range n {
			row := u[i*c : (i+1)*c]
			mean := 0.0
			if loss == CrossEntropyLoss {
				g := f.RawRowView(i)
				for k, p := range g {
					mean += p * row[k]
				}
				for k, p := range g {
					row[k] = p * (row[k] - mean)
				}
			}
			for k := range row {
				row[k] /= float64(n)
			}
		}
		j.MulTrans(dst, u)
	}}
}

// Ritz are approximate eigenvalues from a Krylov space.
type Ritz struct {
	Values  []float64 // ascending
	Weights []float64 // squared first components of the vectors of the tridiagonal matrix: they sum to 1
	Bound   []float64 // within this distance of each value there is an eigenvalue
}

// Lanczos returns the Ritz values of the operator in the Krylov space of the given
// number of steps from start (not zero), with full reorthogonalisation, in memory
// for that many vectors. The quadrature Σ Weights·Valuesʲ equals vᵀAʲv for the
// normalised start v up to j = 2·steps − 1 (Golub and Welsch 1969). Fewer values
// are returned where the space is exhausted before. It is an error if a product is
// not finite.
func Lanczos(a Operator, start []float64, steps int) (*Ritz, error) {
	vector := func(v []float64) blas64.Vector { return blas64.Vector{N: len(v), Inc: 1, Data: v} }
	steps = max(1, min(steps, a.Dim))
	v := append([]float64(nil), start...)
	norm := blas64.Nrm2(vector(v))
	if len(v) != a.Dim || !(norm > 0) || math.IsInf(norm, 0) {
		return nil, fmt.Errorf("singular: Lanczos from a vector of length %d and norm %v for a matrix of size %d", len(v), norm, a.Dim)
	}
	blas64.Scal(1/norm, vector(v))
	var basis [][]float64
	var diag, off []float64
	beta, scale := 0.0, 0.0
	for range steps {
		basis = append(basis, v)
		w := make([]float64, a.Dim)
		a.Mul(w, v)
		alpha := blas64.Dot(vector(w), vector(v))
		diag = append(diag, alpha)
		for range 2 { // twice is enough (Parlett 1980)
			for _, b := range basis {
				blas64.Axpy(-blas64.Dot(vector(w), vector(b)), vector(b), vector(w))
			}
		}
		beta = blas64.Nrm2(vector(w))
		if math.IsNaN(alpha+beta) || math.IsInf(alpha+beta, 0) {
			return nil, fmt.Errorf("singular: a product with the operator is not finite after %d steps", len(diag))
		}
		scale = max(scale, math.Abs(alpha), beta)
		if beta <= scale*float64(a.Dim)*0x1p-52 {
			beta = 0
			break
		}
		off = append(off, beta)
		blas64.Scal(1/beta, vector(w))
		v = w
	}
	k := len(diag)
	tri := mat.NewSymDense(k, nil)
	for i := range k {
		tri.SetSym(i, i, diag[i])
		if i+1 < k {
			tri.SetSym(i, i+1, off[i])
		}
	}
	var eig mat.EigenSym
	if !eig.Factorize(tri, true) {
		return nil, fmt.Errorf("singular: the eigenvalues of a tridiagonal matrix of size %d did not converge", k)
	}
	var vec mat.Dense
	eig.VectorsTo(&vec)
	r := &Ritz{Values: eig.Values(nil), Weights: make([]float64, k), Bound: make([]float64, k)}
	for i := range k {
		r.Weights[i] = vec.At(0, i) * vec.At(0, i)
		r.Bound[i] = beta * math.Abs(vec.At(k-1, i))
	}
	return r, nil
}

// A SpectralDensity is an estimate of the distribution of the eigenvalues of an
// operator by stochastic Lanczos quadrature: points with weights that sum to 1
// (Ubaru, Chen and Saad 2017).
type SpectralDensity struct {
	Values, Weights []float64
	// Mean and SecondMoment are its first two moments with the standard errors of
	// the random starts. They do not suffer from the quadrature, so that exact
	// traces check the whole.
	Mean, SecondMoment Estimate
}

// EstimateDensity averages the quadrature of Lanczos over random starts with
// entries ±1. It is an error if there are fewer than two starts.
func EstimateDensity(a Operator, starts, steps int, rng *rand.Rand) (*SpectralDensity, error) {
	if starts < 2 || steps < 2 {
		return nil, fmt.Errorf("singular: a spectral density from %d starts of %d steps: allowed is 2 or more of both", starts, steps)
	}
	d := &SpectralDensity{}
	var mean, second running
	v := make([]float64, a.Dim)
	for range starts {
		for i := range v {
			v[i] = 1
			if rng.Uint64()&1 == 0 {
				v[i] = -1
			}
		}
		r, err := Lanczos(a, v, steps)
		if err != nil {
			return nil, err
		}
		m1, m2 := 0.0, 0.0
		for i, x := range r.Values {
			d.Values = append(d.Values, x)
			d.Weights = append(d.Weights, r.Weights[i]/float64(starts))
			m1 += r.Weights[i] * x
			m2 += r.Weights[i] * x * x
		}
		mean.add(m1)
		second.add(m2)
	}
	d.Mean, d.SecondMoment = mean.estimate(), second.estimate()
	return d, nil
}
