package singular

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// A Dual is the dual Fisher information F* = JJᵀ/N ((NC)×(NC), row n·C + k) of a
// model with C outputs at N inputs. F = JᵀJ/N (P×P) has the same eigenvalues
// other than zero, so that everything spectral of F is read from F*.
type Dual struct {
	F    *mat.SymDense
	N, C int
	// Dim is P, the dimension of F.
	Dim int
	// Lost is the number of dimensions that F* is known to have lost, out of NC:
	// C by subtraction of the mean over the inputs, N by the softmax.
	Lost int

	trial []float64 // where Rayleigh looks; nil for the vectors of ones
}

// NewDual returns the dual of the tangent kernel (NC×NC) of n inputs, which it
// divides by n in place and keeps, for a parameter of dimension dim.
func NewDual(kernel *mat.SymDense, n, dim int) *Dual {
	nc := kernel.SymmetricDim()
	if n < 1 || nc%n != 0 {
		panic("singular: the kernel's size is not a multiple of the number of inputs")
	}
	kernel.ScaleSym(1/float64(n), kernel)
	return &Dual{F: kernel, N: n, C: nc / n, Dim: dim}
}

// Mean returns tr F/P, the mean eigenvalue of F.
func (d *Dual) Mean() float64 {
	t := 0.0
	for i := range d.F.SymmetricDim() {
		t += d.F.At(i, i)
	}
	return t / float64(d.Dim)
}

// SecondMoment returns tr F²/P, from the sum of squares of F* without an
// eigen-decomposition.
func (d *Dual) SecondMoment() float64 {
	n := d.F.SymmetricDim()
	raw := d.F.RawSymmetric()
	t := 0.0
	for i := range n {
		row := raw.Data[i*raw.Stride:][:n]
		t += row[i] * row[i]
		for _, v := range row[i+1:] {
			t += 2 * v * v
		}
	}
	return t / float64(d.Dim)
}

// Rayleigh returns the mean over the outputs of the Rayleigh quotient of F* at
// the vector of ones on that output. The predicted largest eigenvalue is its
// expectation, while the eigenvalue itself lies above by a correction of order
// one. For the softmax the vector is (B_nᵀw)_n with the leading eigenvector w of
// the mean of Q: see CrossEntropy.
func (d *Dual) Rayleigh() float64 {
	nc := d.F.SymmetricDim()
	if d.trial != nil {
		v := mat.NewVecDense(nc, d.trial)
		return mat.Inner(v, d.F, v) / mat.Dot(v, v)
	}
	t := 0.0
	for i := range nc {
		for j := i % d.C; j < nc; j += d.C {
			t += d.F.At(i, j)
		}
	}
	return t / float64(nc)
}

// A DualSpectrum is the spectrum of F by way of F*.
type DualSpectrum struct {
	Values []float64 // eigenvalues of F*, descending
	// StructuralZeros is the number of eigenvalues of F that are zero whatever the
	// parameters: P less the largest possible rank. NumericalZeros counts further
	// ones that are zero to rounding.
	StructuralZeros, NumericalZeros int
	// Floor is the size below which an eigenvalue counts as zero:
	// λ_max × the larger of P and NC × 2⁻⁵².
	Floor float64
}

// Spectrum returns the eigenvalues. It is an error if an entry is not finite.
func (d *Dual) Spectrum() (*DualSpectrum, error) {
	if v := d.SecondMoment(); math.IsNaN(v) || math.IsInf(v, 0) {
		return nil, fmt.Errorf("singular: the dual information has entries that are not finite or too large to square (tr F²/P = %v)", v)
	}
	ascending, err := eigenvalues(d.F)
	if err != nil {
		return nil, err
	}
	nc := len(ascending)
	s := &DualSpectrum{Values: make([]float64, nc)}
	for i, v := range ascending {
		s.Values[nc-1-i] = v
	}
	rank := min(d.Dim, nc-d.Lost)
	s.StructuralZeros = d.Dim - rank
	s.Floor = s.Values[0] * float64(max(d.Dim, nc)) * 0x1p-52
	for _, v := range s.Values[:rank] {
		if v <= s.Floor {
			s.NumericalZeros++
		}
	}
	return s, nil
}

// NonZero returns the eigenvalues of F that are not zero, descending: Values without
// its end.
func (s *DualSpectrum) NonZero() []float64 {
	n := len(s.Values)
	for n > 0 && s.Values[n-1] <= s.Floor {
		n--
	}
	return s.Values[:n]
}

// Outliers returns the c largest eigenvalues and the one after them, 0 where
// there is none.
func (s *DualSpectrum) Outliers(c int) (top []float64, next float64) {
	c = min(c, len(s.Values))
	if c < len(s.Values) {
		next = s.Values[c]
	}
	return s.Values[:c], next
}

// Overlap returns the mean squared cosine between the eigenspace of the C largest
// eigenvalues of F and the span of the mean gradients (1/N)Σ_n ∇f_k(x_n), which is
// where mean field puts it: 1 where they are the same space. With a basis U of the
// eigenspace of F* that of F is JᵀU, and the mean gradients are JᵀE/N with the ones
// E = 1⊗I_C, so that the cosines are those of U and E in the metric F*. It is an
// error if there are too few eigenvalues, or no gap after the first C: where the
// eigenspace is not one. Meant for regression, not for the softmax, whose outliers
// lie elsewhere.
func (d *Dual) Overlap() (float64, error) {
	nc, c := d.F.SymmetricDim(), d.C
	ones := mat.NewDense(nc, c, nil)
	for i := range nc {
		ones.Set(i, i%c, 1)
	}
	image, g, a := new(mat.Dense), new(mat.Dense), new(mat.Dense)
	image.Mul(d.F, ones)
	g.Mul(ones.T(), image) // EᵀF*E
	// Subspace iteration from E converges like (λ_{C+1}/λ_C)^t, in a few steps where
	// there are outliers.
	const most, tol = 500, 1e-13
	u, fu := mat.NewDense(nc, c, nil), new(mat.Dense)
	last := math.Inf(1)
	for range most {
		if !orthonormalize(u, image) {
			break
		}
		fu.Mul(d.F, u)
		a.Mul(u.T(), fu) // UᵀF*U
		b := new(mat.Dense)
		b.Mul(fu.T(), ones) // UᵀF*E
		var x, y mat.Dense
		if x.Solve(g, b.T()) != nil || y.Solve(a, b) != nil {
			break
		}
		t := 0.0
		for k := range c {
			for l := range c {
				t += x.At(k, l) * y.At(l, k)
			}
		}
		t /= float64(c)
		if math.Abs(t-last) < tol {
			return t, nil
		}
		last = t
		image.Copy(fu)
	}
	return 0, fmt.Errorf("singular: there is no gap after the %d largest eigenvalues, so that they have no eigenspace", c)
}

// orthonormalize fills dst with an orthonormal basis of the columns of a, by
// Gram-Schmidt done twice, and reports whether they are independent and finite.
func orthonormalize(dst, a *mat.Dense) bool {
	n, c := a.Dims()
	for k := range c {
		v := mat.NewVecDense(n, nil)
		v.CopyVec(a.ColView(k))
		before := mat.Norm(v, 2)
		for range 2 {
			for l := range k {
				q := dst.ColView(l)
				v.AddScaledVec(v, -mat.Dot(q, v), q)
			}
		}
		after := mat.Norm(v, 2)
		if !(after > 1e-13*before) || math.IsInf(before, 0) {
			return false
		}
		v.ScaleVec(1/after, v)
		dst.SetCol(k, v.RawVector().Data)
	}
	return true
}

// congruence returns A F* Aᵀ for block-diagonal A with a block (C×C) for each
// input, which loses the given number of dimensions.
func (d *Dual) congruence(block func(dst *mat.Dense, n int), lost int) *Dual {
	nc, c := d.F.SymmetricDim(), d.C
	blocks := make([]*mat.Dense, d.N)
	for n := range blocks {
		blocks[n] = mat.NewDense(c, c, nil)
		block(blocks[n], n)
	}
	out := mat.NewSymDense(nc, nil)
	part, left, both := mat.NewDense(c, c, nil), mat.NewDense(c, c, nil), mat.NewDense(c, c, nil)
	for n := range d.N {
		for m := n; m < d.N; m++ {
			for k := range c {
				for l := range c {
					part.Set(k, l, d.F.At(n*c+k, m*c+l))
				}
			}
			left.Mul(blocks[n], part)
			both.Mul(left, blocks[m].T())
			for k := range c {
				for l := range c {
					if i, j := n*c+k, m*c+l; i <= j {
						out.SetSym(i, j, both.At(k, l))
					}
				}
			}
		}
	}
	return &Dual{F: out, N: d.N, C: c, Dim: d.Dim, Lost: d.Lost + lost}
}

// CrossEntropy returns the dual of the Fisher information of softmax
// classification at outputs f (N×C), (1/N) Σ_n J_nᵀ Q_n J_n with
// Q = diag(g) − ggᵀ, through the factor Q = BBᵀ, B = diag(√g) − g√gᵀ.
func (d *Dual) CrossEntropy(f *mat.Dense) *Dual {
	g := make([]float64, d.C)
	mean := mat.NewSymDense(d.C, nil)
	out := d.congruence(func(dst *mat.Dense, n int) { // Bᵀ
		softmax(g, f.RawRowView(n))
		for k := range g {
			for l := range g {
				v, q := -g[l]*math.Sqrt(g[k]), -g[l]*g[k]
				if k == l {
					v, q = v+math.Sqrt(g[k]), q+g[k]
				}
				dst.Set(k, l, v)
				if k <= l {
					mean.SetSym(k, l, mean.At(k, l)+q)
				}
			}
		}
	}, d.N)
	var eig mat.EigenSym
	if !eig.Factorize(mean, true) {
		return out // outputs that are not finite, which Spectrum reports
	}
	var w mat.Dense
	eig.VectorsTo(&w)
	out.trial = make([]float64, d.N*d.C)
	for n := range d.N {
		softmax(g, f.RawRowView(n))
		dot := 0.0
		for k, v := range g {
			dot += v * w.At(k, d.C-1)
		}
		for k, v := range g { // Bᵀw = √g (w − g·w)
			out.trial[n*d.C+k] = math.Sqrt(v) * (w.At(k, d.C-1) - dot)
		}
	}
	return out
}

// LayerNormalised returns the dual of the regression information of the outputs
// (f_k − mean_k f)/sd_k f, normalised over the outputs of each input. The Jacobian
// of the normalisation is (I − 11ᵀ/C − f̂f̂ᵀ/C)/sd.
func (d *Dual) LayerNormalised(f *mat.Dense) *Dual {
	norm := make([]float64, d.C)
	return d.congruence(func(dst *mat.Dense, n int) {
		sd := standardize(norm, f.RawRowView(n))
		for k := range norm {
			for l := range norm {
				v := -(1 + norm[k]*norm[l]) / float64(d.C)
				if k == l {
					v++
				}
				dst.Set(k, l, v/sd)
			}
		}
	}, 2*d.N)
}

// MeanSubtracted returns the dual of the regression information of
// f − (1/N)Σ_n f(x_n).
func (d *Dual) MeanSubtracted() *Dual {
	out := mat.NewSymDense(d.F.SymmetricDim(), nil)
	out.CopySym(d.F)
	u := make([]float64, d.N)
	for i := range u {
		u[i] = 1 / math.Sqrt(float64(d.N))
	}
	for k := range d.C {
		d.deflate(out, u, k)
	}
	return &Dual{F: out, N: d.N, C: d.C, Dim: d.Dim, Lost: d.Lost + d.C}
}

// BatchNormalised returns the dual of the regression information of outputs that
// are normalised over the inputs to mean 0 and variance 1, each on its own, at
// outputs f (N×C): with P = I − 11ᵀ/N − f̂f̂ᵀ/N and the standard deviation σ of
// each output, PF*P/(σσ′) (derived here).
func (d *Dual) BatchNormalised(f *mat.Dense) *Dual {
	out := d.MeanSubtracted()
	col, norm := make([]float64, d.N), make([]float64, d.N)
	scale := make([]float64, d.C)
	for k := range d.C {
		mat.Col(col, k, f)
		scale[k] = 1 / standardize(norm, col)
		for n := range norm {
			norm[n] /= math.Sqrt(float64(d.N))
		}
		d.deflate(out.F, norm, k)
	}
	nc := d.F.SymmetricDim()
	for i := range nc {
		for j := i; j < nc; j++ {
			out.F.SetSym(i, j, out.F.At(i, j)*scale[i%d.C]*scale[j%d.C])
		}
	}
	out.Lost += d.C
	return out
}

// deflate replaces a by PaP with P = I − vvᵀ, where v is the unit vector u (N) on
// output k.
func (d *Dual) deflate(a *mat.SymDense, u []float64, k int) {
	nc := a.SymmetricDim()
	v := mat.NewVecDense(nc, nil)
	for n, x := range u {
		v.SetVec(n*d.C+k, x)
	}
	var w mat.VecDense
	w.MulVec(a, v)
	q := mat.Dot(v, &w)
	w.AddScaledVec(&w, -q/2, v) // PaP = a − v w′ᵀ − w′ vᵀ with w′ = av − (q/2)v
	a.RankTwo(a, -1, v, &w)
}
