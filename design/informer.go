package design

import (
	"errors"
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/design/pkpd"
	"github.com/neuromanifold/neuromanifold/models"
)

// An Approximation is a way to the information of one subject. All but Exact
// insert some mean E and covariance S of the response into the information of a
// Gaussian, μ_ab = ∂E_aᵀS⁻¹∂E_b + ½ tr S⁻¹∂S_aS⁻¹∂S_b; the law of y is not
// Gaussian, and better moments do not repair that: compare them with Exact where
// it matters.
type Approximation int

const (
	// FOReduced linearises at b = 0 and lets S not depend on the typical values:
	// block-diagonal between these and the variances (PFIM; PopED type 1). Of
	// the linearised forms it is the one nearest to Exact in the published
	// warfarin example.
	FOReduced Approximation = iota
	// FOFull linearises at b = 0 and keeps all terms (PopED type 0). The terms
	// of S in the typical values can overstate the information many times.
	FOFull
	// FOMixedZero is FOFull with the block between typical values and variances
	// set to zero, but with the part of S in the block of the typical values:
	// not the same as FOReduced.
	FOMixedZero
	// FOFullR1 is FOFull with the residual variance at E η² = η² + diag FΩFᵀ.
	FOFullR1
	// SecondOrder has the moments of the second-order Taylor expansion in b.
	SecondOrder
	// MomentsGH has the exact moments, by a product of Gauss–Hermite rules.
	MomentsGH
	// MomentsMC has the exact moments up to Monte Carlo error, over fixed
	// antithetic draws of the random effects (the proposal of Leonov and Aliev).
	MomentsMC
)

var approximations = []string{"fo-reduced", "fo-full", "fo-mixed-zero", "fo-full-r1", "second-order", "moments-gh", "moments-mc"}

func (a Approximation) String() string {
	if a >= 0 && int(a) < len(approximations) {
		return approximations[a]
	}
	return fmt.Sprintf("Approximation(%d)", int(a))
}

// ParseApproximation is the inverse of String. Its error is a
// *models.UnknownNameError.
func ParseApproximation(name string) (Approximation, error) {
	for i, s := range approximations {
		if s == name {
			return Approximation(i), nil
		}
	}
	return 0, &models.UnknownNameError{What: "approximation", Name: name, Known: approximations}
}

// An Informer computes the information of one subject under one regimen. It owns
// scratch: one goroutine at a time.
type Informer struct {
	l      *layout
	curve  pkpd.Curve
	approx Approximation
	jets   pkpd.Jets
	g      moments
	fb, w  []float64 // k×r: F_b and F_bΩ
	gc     []float64 // k×r: ∂F_b/∂γ_c
	fd     *differences
	rule   *rule
	reduce func(a, b int) (lo, hi int)
}

// NewInformer returns an Informer for a population around a curve, whose
// parameters are those of p.Effects in the same order. MomentsGH and MomentsMC
// want a rule: see WithRule; without one MomentsGH has 20 nodes for every random
// effect.
func NewInformer(p *Population, curve pkpd.Curve, a Approximation) (*Informer, error) {
	l, err := p.layout()
	if err != nil {
		return nil, err
	}
	if a < 0 || int(a) >= len(approximations) {
		panic(fmt.Sprintf("design: no approximation %d", int(a)))
	}
	f := &Informer{l: l, curve: curve, approx: a}
	switch a {
	case FOMixedZero:
		f.reduce = f.mixedZero
	case SecondOrder:
		f.fd = newDifferences(l)
	case MomentsGH:
		nodes := make([]int, len(l.random))
		for i := range nodes {
			nodes[i] = 20
		}
		if f.rule, err = hermite(nodes); err != nil {
			return nil, err
		}
	}
	if (a == MomentsGH || a == MomentsMC) && l.singOm {
		return nil, fmt.Errorf("design: %v needs a positive definite Ω; on its boundary take a linearised form", a)
	}
	return f, nil
}

// Params describes θ, whose information Into computes.
func (f *Informer) Params() []models.Param {
	ps, _ := f.l.pop.Params() // checked by NewInformer
	return ps
}

// Dim returns m, the number of parameters that are estimated.
func (f *Informer) Dim() int { return len(f.l.coords) }

// Into writes the information of one subject sampled at the given times into dst
// (m×m), on the scale of the population. It allocates nothing after the first
// call of its size. It returns an error where the curve does, and where the
// covariance of the response is singular, as with a proportional error at a
// response of exactly zero.
func (f *Informer) Into(dst *mat.SymDense, at []pkpd.Sample) error {
	if dst.SymmetricDim() != f.Dim() {
		panic(fmt.Sprintf("design: dst is %d×%[1]d, want %d×%[2]d", dst.SymmetricDim(), f.Dim()))
	}
	if len(at) == 0 {
		dst.Zero()
		return nil
	}
	if err := f.fill(at); err != nil {
		return err
	}
	if !f.g.factor() {
		return errCov
	}
	f.rescale()
	f.g.information(dst, f.reduce)
	return nil
}

var errCov = errors.New("design: the covariance of the response is singular: a proportional error at a response of zero, or no error between samples at one time")

// Moments returns mean (k) and covariance (k×k) of the response that the
// approximation works with.
func (f *Informer) Moments(at []pkpd.Sample) (mean []float64, cov *mat.SymDense, err error) {
	if len(at) == 0 {
		panic("design: no samples")
	}
	if err := f.fill(at); err != nil {
		return nil, nil, err
	}
	k := f.g.k
	cov = mat.NewSymDense(k, nil)
	for i := range k {
		for j := i; j < k; j++ {
			cov.SetSym(i, j, f.g.cov[i*k+j])
		}
	}
	return append(mean, f.g.mean...), cov, nil
}

func (f *Informer) fill(at []pkpd.Sample) error {
	f.g.resize(len(at), f.Dim())
	for _, s := range at {
		if s.Response < 0 || s.Response >= len(f.l.pop.Residuals) {
			panic(fmt.Sprintf("design: response %d, the population has %d residual errors", s.Response, len(f.l.pop.Residuals)))
		}
	}
	switch f.approx {
	case SecondOrder:
		return f.fd.fill(f, at)
	case MomentsGH, MomentsMC:
		return f.average(at)
	}
	order := 2
	if f.approx == FOReduced {
		order = 1
	}
	if err := f.curve.Eval(&f.jets, f.l.gamma, at, order); err != nil {
		return err
	}
	f.linear(at)
	return nil
}

// rescale applies ∂(natural)/∂(coordinate) to the rows of the factor: M' = JᵀMJ.
func (f *Informer) rescale() {
	width := len(f.g.z) / f.g.m
	for a, c := range f.l.coords {
		if c.jac != 1 {
			for i := a * width; i < (a+1)*width; i++ {
				f.g.z[i] *= c.jac
			}
		}
	}
}

// mixedZero leaves nothing of the block between typical values and variances.
func (f *Informer) mixedZero(a, b int) (lo, hi int) {
	if (f.l.coords[a].kind == kindFixed) != (f.l.coords[b].kind == kindFixed) {
		return 0, 0
	}
	return 0, f.g.k + f.g.k*(f.g.k+1)/2
}

// spread returns ∂γ_a/∂b of the random effect r at b = 0.
func (l *layout) spread(r int) float64 {
	a := l.random[r]
	if l.pop.Effects[a].Law == LogNormal {
		return l.gamma[a]
	}
	return 1
}

// linear fills the moments of the model linearised at b = 0, with the residual
// variance at η², or at E η² for FOFullR1.
func (f *Informer) linear(at []pkpd.Sample) {
	l, g := f.l, &f.g
	k, nr := g.k, len(l.random)
	f.fb, f.w, f.gc = grow(f.fb, k*nr), grow(f.w, k*nr), grow(f.gc, k*nr)
	for i := range k {
		grad := f.jets.GradRow(i)
		for r, a := range l.random {
			f.fb[i*nr+r] = grad[a] * l.spread(r)
		}
		for r := range nr {
			var v float64
			for s := range nr {
				v += f.fb[i*nr+s] * l.omega.At(s, r)
			}
			f.w[i*nr+r] = v
		}
	}
	copy(g.mean, f.jets.Value)
	r1 := f.approx == FOFullR1
	for i := range k {
		for j := range i + 1 {
			v := dot(f.w[i*nr:(i+1)*nr], f.fb[j*nr:(j+1)*nr])
			g.cov[i*k+j], g.cov[j*k+i] = v, v
		}
	}
	for i := range k {
		f2 := g.mean[i] * g.mean[i]
		if r1 {
			f2 += g.cov[i*k+i]
		}
		g.cov[i*k+i] += l.pop.Residuals[at[i].Response].variance(g.mean[i], f2)
	}
	for c, co := range l.coords {
		d := g.dCov[c*k*k : (c+1)*k*k]
		switch co.kind {
		case kindFixed:
			for i := range k {
				g.dMean[c*k+i] = f.jets.GradRow(i)[co.i]
			}
			if g.flat[c] = f.approx == FOReduced; !g.flat[c] {
				f.slopeFixed(d, co.i, at)
			}
		case kindOmega:
			f.slopeOmega(d, co.i, co.j)
			if r1 {
				for i := range k {
					_, df2 := l.pop.Residuals[at[i].Response].slopes()
					d[i*k+i] += df2 * d[i*k+i]
				}
			}
		default:
			for i, s := range at {
				if s.Response == co.i {
					f2 := g.mean[i] * g.mean[i]
					if r1 {
						f2 += dot(f.w[i*nr:(i+1)*nr], f.fb[i*nr:(i+1)*nr])
					}
					d[i*k+i] = l.pop.Residuals[s.Response].slope(co.kind, g.mean[i], f2)
				}
			}
		}
	}
}

// slopeOmega writes the derivative of FΩFᵀ by the entry (a, b) of Ω.
func (f *Informer) slopeOmega(d []float64, a, b int) {
	k, nr := f.g.k, len(f.l.random)
	for i := range k {
		for j := range k {
			v := f.fb[i*nr+a] * f.fb[j*nr+b]
			if a != b {
				v += f.fb[i*nr+b] * f.fb[j*nr+a]
			}
			d[i*k+j] = v
		}
	}
}

// slopeFixed writes ∂S/∂γ_c with the second derivatives of the curve.
func (f *Informer) slopeFixed(d []float64, c int, at []pkpd.Sample) {
	l := f.l
	k, nr, p := f.g.k, len(l.random), len(l.gamma)
	for i := range k {
		grad, hess := f.jets.GradRow(i), f.jets.HessRow(i)
		for r, a := range l.random {
			v := hess[a*p+c] * l.spread(r)
			if a == c && l.pop.Effects[a].Law == LogNormal {
				v += grad[a]
			}
			f.gc[i*nr+r] = v
		}
	}
	for i := range k {
		for j := range i + 1 {
			v := dot(f.gc[i*nr:(i+1)*nr], f.w[j*nr:(j+1)*nr]) + dot(f.w[i*nr:(i+1)*nr], f.gc[j*nr:(j+1)*nr])
			d[i*k+j], d[j*k+i] = v, v
		}
	}
	for i := range k {
		df, df2 := l.pop.Residuals[at[i].Response].slopes()
		slope := f.jets.GradRow(i)[c]
		v := df*slope + df2*2*f.g.mean[i]*slope
		if f.approx == FOFullR1 {
			v += df2 * d[i*k+i]
		}
		d[i*k+i] += v
	}
}

func dot(a, b []float64) float64 {
	var v float64
	b = b[:len(a)]
	for i, x := range a {
		v += x * b[i]
	}
	return v
}
