package singular

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

const (
	// rankTol is the numerical rank's threshold: eigenvalues of the diagonally
	// scaled matrix above it times the largest count.
	rankTol = 1e-10
	// factorTol is the threshold of the factored form, for singular values. They
	// carry an absolute error near 1e-16 of the largest, so that eigenvalues
	// down to 1e-24 of the largest are resolved.
	factorTol = 1e-12
	// structuralTol bounds the squared norm of a row that counts as zero,
	// relative to the largest diagonal entry: the square of rounding error.
	structuralTol = 1e-30
)

// A Spectrum is the spectral description of a positive semidefinite matrix: an
// information matrix, whose null space is part of the answer and not an
// accident. The rank is that of the diagonally scaled matrix
// D^{-1/2} F D^{-1/2}, D = diag F, so that it does not depend on the units of
// the coordinates.
type Spectrum struct {
	// Values are the eigenvalues of F, ascending; squared singular values of the
	// factor where Factored. Rounding may make the smallest slightly negative
	// where not.
	Values []float64
	// Scaled are the eigenvalues of the diagonally scaled matrix, ascending,
	// with a zero for each structural zero.
	Scaled []float64
	// Rank is the rank of the factored form where there is one, else
	// RankNumerical: the number of scaled eigenvalues above 1e-10 of the largest.
	Rank, RankNumerical int
	// Gap is the ratio of the smallest scaled eigenvalue that counts to the
	// largest that does not: +Inf at full rank and where the rest is exactly
	// zero, 0 at rank 0. A clear-cut rank has a gap of many powers of ten.
	Gap float64
	// Structural lists the coordinates whose row and column are zero: they have
	// no effect at all. Other null directions are numerical zeros.
	Structural []int
	// LogDet is log det F and DetSign its sign: -Inf and 0 where Rank < d.
	LogDet  float64
	DetSign int
	// Condition is the ratio of the extreme eigenvalues of F; +Inf where
	// Rank < d.
	Condition float64
	// Null is an orthonormal basis of the null space as columns (d × (d−Rank)),
	// sparse where it can be; nil at full rank.
	Null *mat.Dense
	// Factored says that a factor R with F = RᵀR was used, which keeps the
	// relative accuracy of eigenvalues that F itself loses to rounding.
	Factored bool
}

// NewSpectrum returns the spectrum of F. It panics if F has no rows, and returns
// an error if a value is not finite.
func NewSpectrum(f *mat.SymDense) (*Spectrum, error) { return newSpectrum(f, nil) }

// newSpectrum is NewSpectrum with an optional factor.
func newSpectrum(f *mat.SymDense, factor *mat.Dense) (*Spectrum, error) {
	d := f.SymmetricDim()
	for i := range d {
		for j := i; j < d; j++ {
			if v := f.At(i, j); math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, fmt.Errorf("singular: entry (%d, %d) of the information is %v", i+1, j+1, v)
			}
		}
	}
	s := &Spectrum{Factored: factor != nil}
	scale, keep := s.scaling(f, factor)
	values, vectors, err := scaledEigen(f, scale, keep)
	if err != nil {
		return nil, err
	}
	s.RankNumerical, _ = countRank(values, rankTol)
	s.Rank = s.RankNumerical
	if factor == nil {
		s.Values, err = eigenvalues(f)
	} else {
		values, vectors, err = factorEigen(factor, scale, keep)
		if err == nil {
			s.Rank, _ = countRank(values, factorTol*factorTol)
			s.Values, err = factorValues(factor)
		}
	}
	if err != nil {
		return nil, err
	}
	tol := rankTol
	if s.Factored {
		tol = factorTol * factorTol
	}
	_, s.Gap = countRank(values, tol)
	s.Scaled = append(make([]float64, len(s.Structural)), values...)
	s.Null = nullSpace(d, s.Structural, scale, keep, vectors, len(keep)-s.Rank)
	s.determinant(d)
	return s, nil
}

// scaling fills Structural and returns 1/√F_ii for the other coordinates, and
// their indices.
func (s *Spectrum) scaling(f *mat.SymDense, factor *mat.Dense) (scale []float64, keep []int) {
	d := f.SymmetricDim()
	diag := make([]float64, d)
	for i := range diag {
		diag[i] = f.At(i, i)
		if factor != nil {
			c := mat.Norm(factor.ColView(i), 2)
			diag[i] = c * c
		}
	}
	top := max(0, slices.Max(diag))
	scale = make([]float64, d)
	for i, v := range diag {
		if v <= structuralTol*top {
			s.Structural = append(s.Structural, i)
			continue
		}
		scale[i] = 1 / math.Sqrt(v)
		keep = append(keep, i)
	}
	return scale, keep
}

// scaledEigen returns ascending eigenvalues of the scaled matrix over the kept
// coordinates, and eigenvectors as columns.
func scaledEigen(f *mat.SymDense, scale []float64, keep []int) ([]float64, *mat.Dense, error) {
	k := len(keep)
	if k == 0 {
		return nil, nil, nil
	}
	a := mat.NewSymDense(k, nil)
	for i, p := range keep {
		for j := i; j < k; j++ {
			q := keep[j]
			a.SetSym(i, j, f.At(p, q)*scale[p]*scale[q])
		}
	}
	var eig mat.EigenSym
	if !eig.Factorize(a, true) {
		return nil, nil, fmt.Errorf("singular: the eigenvalues of a %d×%d information did not converge", k, k)
	}
	var v mat.Dense
	eig.VectorsTo(&v)
	return eig.Values(nil), &v, nil
}

func eigenvalues(f *mat.SymDense) ([]float64, error) {
	var eig mat.EigenSym
	if !eig.Factorize(f, false) {
		return nil, fmt.Errorf("singular: the eigenvalues of a %d×%[1]d information did not converge", f.SymmetricDim())
	}
	return eig.Values(nil), nil
}

// factorEigen is scaledEigen through the singular values of the factor with
// columns of unit length.
func factorEigen(factor *mat.Dense, scale []float64, keep []int) ([]float64, *mat.Dense, error) {
	k := len(keep)
	if k == 0 {
		return nil, nil, nil
	}
	r, _ := factor.Dims()
	// Rows of zeros make the matrix tall, so that the thin V is square.
	a := mat.NewDense(max(r, k), k, nil)
	for j, p := range keep {
		for i := range r {
			a.Set(i, j, factor.At(i, p)*scale[p])
		}
	}
	var svd mat.SVD
	if !svd.Factorize(a, mat.SVDThinV) {
		return nil, nil, fmt.Errorf("singular: the singular values of a %d×%d factor did not converge", r, k)
	}
	var v mat.Dense
	svd.VTo(&v)
	sv := svd.Values(nil)
	values := make([]float64, k)
	vectors := mat.NewDense(k, k, nil)
	for j := range k { // ascending
		s := sv[k-1-j]
		values[j] = s * s
		for i := range k {
			vectors.Set(i, j, v.At(i, k-1-j))
		}
	}
	return values, vectors, nil
}

// factorValues returns the squared singular values of the factor, ascending,
// with zeros where it has fewer rows than columns.
func factorValues(factor *mat.Dense) ([]float64, error) {
	var svd mat.SVD
	if !svd.Factorize(factor, mat.SVDNone) {
		r, c := factor.Dims()
		return nil, fmt.Errorf("singular: the singular values of a %d×%d factor did not converge", r, c)
	}
	_, d := factor.Dims()
	out := make([]float64, d)
	for i, s := range svd.Values(nil) {
		out[d-1-i] = s * s
	}
	return out, nil
}

// countRank counts the ascending values above tol times the largest, and returns
// the ratio of the smallest that counts to the largest that does not.
func countRank(values []float64, tol float64) (rank int, gap float64) {
	if len(values) == 0 || values[len(values)-1] <= 0 {
		return 0, 0
	}
	top := values[len(values)-1]
	first := len(values)
	for first > 0 && values[first-1] > tol*top {
		first--
	}
	rank = len(values) - first
	if first == 0 || values[first-1] <= 0 {
		return rank, math.Inf(1)
	}
	return rank, values[first] / values[first-1]
}

func (s *Spectrum) determinant(d int) {
	if s.Rank < d {
		s.LogDet, s.Condition = math.Inf(-1), math.Inf(1)
		return
	}
	s.DetSign = 1
	for _, v := range s.Values {
		s.LogDet += math.Log(math.Abs(v))
		if v < 0 {
			s.DetSign = -s.DetSign
		}
	}
	s.Condition = math.Abs(s.Values[d-1] / s.Values[0])
}
