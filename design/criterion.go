package design

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// A Criterion is a concave function Ψ of the information matrix M (m×m) that a
// design is to make large. All of them are used through their gradient G, for
// which the directional derivative of Ψ at M towards the information μ(x) of a
// candidate is tr μ(x)G − tr MG: φ(x) = tr μ(x)G is the sensitivity function,
// tr MG its bound, and a design is optimal if and only if φ(x) ≤ tr MG for all
// candidates x (the equivalence theorem; Kiefer and Wolfowitz, Canad. J. Math.
// 12 (1960); Pukelsheim, Optimal Design of Experiments (1993), ch. 7).
//
// Scaled to be homogeneous of degree one, each of them is concave as well, and
// so tr MG/max φ bounds the efficiency of any design from below.
type Criterion interface {
	// Name is the name in tables and specs.
	Name() string
	// Evaluator returns scratch for m×m matrices, for one goroutine, or an
	// error where the criterion does not fit that number of parameters.
	Evaluator(m int) (Evaluator, error)
}

// An Evaluator evaluates a Criterion and its derivatives at one matrix at a
// time.
type Evaluator interface {
	// Set takes M, which it reads and does not keep. It reports whether the
	// criterion is finite there; if not, the other methods must not be called.
	Set(M *mat.SymDense) bool
	// Value returns Ψ(M).
	Value() float64
	// Gradient writes G into dst (m×m).
	Gradient(dst *mat.SymDense)
	// Curvature writes dG/dt of M + t·mu at t = 0 into dst (m×m).
	Curvature(dst, mu *mat.SymDense)
	// Efficiency returns the efficiency of a design of value psi relative to
	// one of value best, in (0, 1] for psi ≤ best: the share of observations
	// that the better one needs for the same information.
	Efficiency(psi, best float64) float64
}

// D is ln det M.
type D struct{}

// Name returns "D".
func (D) Name() string { return "D" }

// Evaluator never fails.
func (D) Evaluator(m int) (Evaluator, error) { return &dEval{m: m, inv: mat.NewSymDense(m, nil)}, nil }

type dEval struct {
	m        int
	chol     mat.Cholesky
	inv      *mat.SymDense
	tmp, out mat.Dense
}

func (e *dEval) Set(M *mat.SymDense) bool {
	if !e.chol.Factorize(M) || e.chol.Cond() > maxCond {
		return false
	}
	return invert(&e.chol, e.inv)
}

// maxCond is the condition number from which a matrix counts as singular for a
// criterion. Rank is not decided here: see Identify.
const maxCond = 1e15

// invert returns the inverse, or false where it is not finite. The error of
// InverseTo reports a large condition number, which Set has judged.
func invert(c *mat.Cholesky, dst *mat.SymDense) bool {
	_ = c.InverseTo(dst)
	for i := range dst.SymmetricDim() {
		if v := dst.At(i, i); !(v > 0) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}

func (e *dEval) Value() float64             { return e.chol.LogDet() }
func (e *dEval) Gradient(dst *mat.SymDense) { dst.CopySym(e.inv) }
func (e *dEval) Curvature(dst, mu *mat.SymDense) {
	sandwich(dst, -1, e.inv, mu, e.inv, &e.tmp, &e.out)
}
func (e *dEval) Efficiency(psi, best float64) float64 { return math.Exp((psi - best) / float64(e.m)) }

// sandwich sets dst = c·(AμB + BμA)/2, which is symmetric for symmetric A, B, μ.
func sandwich(dst *mat.SymDense, c float64, a, mu, b *mat.SymDense, tmp, out *mat.Dense) {
	tmp.Mul(a, mu)
	out.Mul(tmp, b)
	for i := range dst.SymmetricDim() {
		for j := i; j < dst.SymmetricDim(); j++ {
			dst.SetSym(i, j, c*(out.At(i, j)+out.At(j, i))/2)
		}
	}
}

// Ds is ln det M − ln det M₂₂, where M₂₂ belongs to the parameters that are not
// in Interest: D-optimality for the parameters of interest with the others as
// nuisance.
type Ds struct {
	Interest []int // indices of parameters, each once
}

// Name returns "Ds".
func (Ds) Name() string { return "Ds" }

// Evaluator returns an error for an empty, repeated or unknown index.
func (c Ds) Evaluator(m int) (Evaluator, error) {
	if len(c.Interest) == 0 {
		return nil, fmt.Errorf("design: criterion Ds: no parameter of interest")
	}
	in := make([]bool, m)
	for _, i := range c.Interest {
		if i < 0 || i >= m || in[i] {
			return nil, fmt.Errorf("design: criterion Ds: parameter %d is not among 0…%d or is named twice", i, m-1)
		}
		in[i] = true
	}
	e := &dsEval{all: dEval{m: m, inv: mat.NewSymDense(m, nil)}}
	for i := range m {
		if !in[i] {
			e.rest = append(e.rest, i)
		}
	}
	e.s = len(c.Interest)
	if r := len(e.rest); r > 0 {
		e.sub = dEval{m: r, inv: mat.NewSymDense(r, nil)}
		e.block, e.mu, e.out = mat.NewSymDense(r, nil), mat.NewSymDense(r, nil), mat.NewSymDense(r, nil)
	}
	return e, nil
}

type dsEval struct {
	all, sub       dEval
	s              int
	rest           []int
	block, mu, out *mat.SymDense
}

func (e *dsEval) Set(M *mat.SymDense) bool {
	if !e.all.Set(M) {
		return false
	}
	if len(e.rest) == 0 {
		return true
	}
	pick(e.block, M, e.rest)
	return e.sub.Set(e.block)
}

func pick(dst, src *mat.SymDense, idx []int) {
	for a, i := range idx {
		for b := a; b < len(idx); b++ {
			dst.SetSym(a, b, src.At(i, idx[b]))
		}
	}
}

func (e *dsEval) Value() float64 {
	if len(e.rest) == 0 {
		return e.all.Value()
	}
	return e.all.Value() - e.sub.Value()
}

func (e *dsEval) Gradient(dst *mat.SymDense) {
	e.all.Gradient(dst)
	e.subtract(dst, e.sub.inv)
}

func (e *dsEval) subtract(dst, block *mat.SymDense) {
	for a, i := range e.rest {
		for b := a; b < len(e.rest); b++ {
			j := e.rest[b]
			dst.SetSym(i, j, dst.At(i, j)-block.At(a, b))
		}
	}
}

func (e *dsEval) Curvature(dst, mu *mat.SymDense) {
	e.all.Curvature(dst, mu)
	if len(e.rest) > 0 {
		pick(e.mu, mu, e.rest)
		e.sub.Curvature(e.out, e.mu)
		e.subtract(dst, e.out)
	}
}

func (e *dsEval) Efficiency(psi, best float64) float64 { return math.Exp((psi - best) / float64(e.s)) }

// L is −tr A M⁻¹, minus a weighted sum of asymptotic variances.
type L struct {
	A     *mat.SymDense // positive semidefinite
	label string
}

// A is −tr M⁻¹ for m parameters.
func A(m int) L {
	a := mat.NewSymDense(m, nil)
	for i := range m {
		a.SetSym(i, i, 1)
	}
	return L{a, "A"}
}

// C is −cᵀM⁻¹c: minus the variance of the estimate of cᵀθ. It asks for a regular
// M. Optimal designs for one linear combination are often singular; Elfving
// finds those for regression models.
func C(c []float64) L {
	a := mat.NewSymDense(len(c), nil)
	a.SymRankOne(a, 1, mat.NewVecDense(len(c), c))
	return L{a, "c"}
}

// Name returns "A", "c" or "L".
func (c L) Name() string {
	if c.label == "" {
		return "L"
	}
	return c.label
}

// Evaluator returns an error for a matrix of another size.
func (c L) Evaluator(m int) (Evaluator, error) {
	if c.A == nil || c.A.SymmetricDim() != m {
		return nil, fmt.Errorf("design: criterion %s: its matrix is not %d×%[2]d", c.Name(), m)
	}
	return &lEval{d: dEval{m: m, inv: mat.NewSymDense(m, nil)}, a: c.A, g: mat.NewSymDense(m, nil)}, nil
}

type lEval struct {
	d    dEval
	a, g *mat.SymDense
}

func (e *lEval) Set(M *mat.SymDense) bool {
	if !e.d.Set(M) {
		return false
	}
	sandwich(e.g, 1, e.d.inv, e.a, e.d.inv, &e.d.tmp, &e.d.out)
	return true
}

func (e *lEval) Value() float64             { return -inner(e.a, e.d.inv) }
func (e *lEval) Gradient(dst *mat.SymDense) { dst.CopySym(e.g) }
func (e *lEval) Curvature(dst, mu *mat.SymDense) {
	sandwich(dst, -2, e.d.inv, mu, e.g, &e.d.tmp, &e.d.out)
}
func (e *lEval) Efficiency(psi, best float64) float64 {
	return best / psi // variances: both are negative
}

// inner returns tr ab.
func inner(a, b *mat.SymDense) float64 {
	m := a.SymmetricDim()
	ra, rb := a.RawSymmetric(), b.RawSymmetric()
	var diag, off float64
	for i := range m {
		x, y := ra.Data[i*ra.Stride+i:i*ra.Stride+m], rb.Data[i*rb.Stride+i:i*rb.Stride+m]
		diag += x[0] * y[0]
		for j := 1; j < len(x); j++ {
			off += x[j] * y[j]
		}
	}
	return diag + 2*off
}

// E is the smallest eigenvalue of M, which is not differentiable where that is
// multiple: at many optimal designs. What is maximised is the smooth concave
// (tr M^{−p})^{−1/p} with large p, below λ_min by a factor of at most m^{−1/p}
// (Kiefer's φ_p class): 0.97 for 8 parameters and the default p. Value, bound and
// efficiency are those of the smooth criterion.
type E struct {
	P float64 // 0 means 64
}

// Name returns "E".
func (E) Name() string { return "E" }

// Evaluator returns an error for a power below 1.
func (c E) Evaluator(m int) (Evaluator, error) {
	p := c.P
	if p == 0 {
		p = 64
	}
	if !(p >= 1) {
		return nil, fmt.Errorf("design: criterion E: power %g, want at least 1", p)
	}
	return &eEval{m: m, p: p, f: make([]float64, m), mid: mat.NewSymDense(m, nil)}, nil
}

type eEval struct {
	m           int
	p, value    float64
	lambda, f   []float64 // eigenvalues; ∂Ψ/∂λ
	sum         float64   // Σ (λ/λ_min)^{−p}
	eig         mat.EigenSym
	vec         mat.Dense
	mid         *mat.SymDense
	tmp, out, r mat.Dense
}

func (e *eEval) Set(M *mat.SymDense) bool {
	if !e.eig.Factorize(M, true) {
		return false
	}
	e.lambda = e.eig.Values(e.lambda)
	if !(e.lambda[0] > e.lambda[e.m-1]/maxCond) {
		return false
	}
	e.vec.Reset()
	e.eig.VectorsTo(&e.vec)
	e.sum = 0
	for _, l := range e.lambda {
		e.sum += math.Pow(l/e.lambda[0], -e.p)
	}
	e.value = e.lambda[0] * math.Pow(e.sum, -1/e.p)
	for i, l := range e.lambda {
		e.f[i] = math.Pow(e.value/l, e.p+1)
	}
	return true
}

func (e *eEval) Value() float64 { return e.value }

// rotate sets dst = V·mid·Vᵀ.
func (e *eEval) rotate(dst *mat.SymDense) {
	e.tmp.Mul(&e.vec, e.mid)
	e.out.Mul(&e.tmp, e.vec.T())
	for i := range e.m {
		for j := i; j < e.m; j++ {
			dst.SetSym(i, j, e.out.At(i, j))
		}
	}
}

func (e *eEval) Gradient(dst *mat.SymDense) {
	e.mid.Zero()
	for i, f := range e.f {
		e.mid.SetSym(i, i, f)
	}
	e.rotate(dst)
}

// Curvature is the derivative of V f(Λ) Vᵀ by divided differences of
// f(λ) = (Ψ/λ)^{p+1} (Daleckii and Krein), plus the change of Ψ itself.
func (e *eEval) Curvature(dst, mu *mat.SymDense) {
	e.tmp.Mul(e.vec.T(), mu)
	e.r.Mul(&e.tmp, &e.vec)
	var rate float64 // dΨ
	for i, f := range e.f {
		rate += f * e.r.At(i, i)
	}
	for i := range e.m {
		for j := i; j < e.m; j++ {
			li, lj := e.lambda[i], e.lambda[j]
			slope := -(e.p + 1) * e.f[i] / li
			if d := lj - li; d > 1e-7*lj {
				slope = (e.f[j] - e.f[i]) / d
			}
			v := slope * e.r.At(i, j)
			if i == j {
				v += (e.p + 1) * e.f[i] / e.value * rate
			}
			e.mid.SetSym(i, j, v)
		}
	}
	e.rotate(dst)
}

func (e *eEval) Efficiency(psi, best float64) float64 { return psi / best }
