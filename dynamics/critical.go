package dynamics

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

// A CriticalLine is the set of critical points of the averaged loss on which two
// units stand on top of each other and do the work of the single unit R φ(x; S).
// With
//
//	u = w₂ − w₁,  z = (v₁ − v₂)/(v₁ + v₂),  s = (v₁w₁ + v₂w₂)/(v₁ + v₂),  r = v₁ + v₂
//
// it is u = 0, s = S, r = R with z free, and near it
//
//	L = l(s, r) − ½(1−z²) uᵀK u + O(|u|³),  K = (r/4) E[(f₀ − rφ) ∂²φ/∂s∂s]/σ².
//
// (K. Fukumizu and S. Amari, Neural Networks 13 (2000) 317; H. Wei et al., Neural
// Computation 20 (2008) 813.) A mixture of two normals of variance σ² has such a
// line too, with z = 2π₁ − 1, no r (R = 1) and K = (Var(truth)/σ² − 1)/(4σ²).
type CriticalLine struct {
	S    []float64     // location of the single unit that fits best, D
	R    float64       // its output weight
	Loss float64       // L on the line, in nats
	K    *mat.SymDense // D×D

	single  *mat.SymDense // Hessian of l in (s, r), in s alone for a mixture
	mixture bool
	chart   *singular.Chart // of the model, nil where it has none
}

// NewCriticalLines returns the critical lines of the objective of a two-unit
// network of erf or radial units with one output and normal inputs, under a teacher
// of such units, or of a mixture of two normals of known variance: one for each
// local minimum of the loss of a single unit that was found, the best first. With
// one input the search is over a grid; with more it starts from the teacher's
// units, their sums and differences.
func NewCriticalLines(o *Objective) ([]*CriticalLine, error) {
	if m, ok := o.Model().(*models.Mixture); ok {
		l, err := mixtureLine(o, m)
		if err != nil {
			return nil, err
		}
		return []*CriticalLine{l}, nil
	}
	student, teacher, err := networksOf(o)
	if err != nil {
		return nil, err
	}
	if d := models.Dim(o.Model()); d != 2*(student.in+1) {
		return nil, fmt.Errorf("%v: two units are needed", o.Model())
	}
	f := newSingleFit(student, teacher)
	lines := f.minima()
	if len(lines) == 0 {
		return nil, fmt.Errorf("%v: no single unit fits the teacher best", o.Model())
	}
	theta := make([]float64, models.Dim(o.Model()))
	chart, err := singular.NewChart(o.Model())
	for _, l := range lines {
		if err == nil {
			l.chart = chart
		}
		l.Theta(theta, make([]float64, len(l.S)), 0)
		l.Loss = o.Loss(theta)
	}
	sortByLoss(lines)
	return lines, nil
}

// mixtureLine has the moments of the truth from its nodes.
func mixtureLine(o *Objective, m *models.Mixture) (*CriticalLine, error) {
	s := m.Settings()
	if s.K != 2 || s.Dim != 1 || s.Variance != models.VarKnown {
		return nil, fmt.Errorf("%v: two components of one dimension and known variance are needed", m)
	}
	truth, at := o.Truth()
	if truth == nil {
		return nil, errors.New("a critical line belongs to a teacher, not to data")
	}
	n, ok := truth.(models.Noder)
	if !ok {
		return nil, fmt.Errorf("the teacher %v cannot discretise its law", truth)
	}
	data, w, err := n.Nodes(at, models.Rule{})
	if err != nil {
		return nil, err
	}
	var sum, mean, variance float64
	for i, wi := range w {
		sum += wi
		mean += wi * data.V[i]
	}
	mean /= sum
	for i, wi := range w {
		d := data.V[i] - mean
		variance += wi * d * d / sum
	}
	v := s.Sigma * s.Sigma
	l := &CriticalLine{
		S: []float64{mean}, R: 1, mixture: true,
		K:      mat.NewSymDense(1, []float64{(variance/v - 1) / (4 * v)}),
		single: mat.NewSymDense(1, []float64{1 / v}),
	}
	if l.chart, err = singular.NewChart(m); err != nil {
		return nil, err
	}
	theta := make([]float64, 3)
	l.Theta(theta, []float64{0}, 0)
	l.Loss = o.Loss(theta)
	return l, nil
}

// Theta fills dst with the parameters of the model at (u, z, S, R).
func (l *CriticalLine) Theta(dst, u []float64, z float64) {
	d := len(l.S)
	if len(u) != d {
		panic(badLength)
	}
	p, at := l.R/2, 0
	if l.mixture {
		dst[0], at = (1+z)/2, 1
	} else {
		dst[2*d], dst[2*d+1] = p*(1+z), p*(1-z)
	}
	for i, s := range l.S {
		dst[at+i] = s - (1-z)*u[i]/2
		dst[at+d+i] = s + (1+z)*u[i]/2
	}
}

// Coordinates fills u (D) and s (D) and returns z and r of the parameters θ. z is
// infinite where v₁ + v₂ = 0.
func (l *CriticalLine) Coordinates(u, s, theta []float64) (z, r float64) {
	d := len(l.S)
	a, b := theta[:d], theta[d:2*d]
	var p, q float64
	if l.mixture {
		a, b, p = theta[1:2], theta[2:3], theta[0]
		q = 1 - p
	} else {
		p, q = theta[2*d], theta[2*d+1]
	}
	r = p + q
	for i := range d {
		u[i] = b[i] - a[i]
		s[i] = (p*a[i] + q*b[i]) / r
	}
	return (p - q) / r, r
}

// Rates are the growth rates of u on the critical line, D of them in descending
// order: u ∝ e^{λτ} of the averaged gradient flow.
type Rates struct {
	// Published is 2(1−z²)K: right in sign, too large in size but at z = 0 (Amari,
	// Springer 2016, (12.141), where the residual is taken orthogonal to the tangent
	// space of the single unit while u moves).
	Published []float64
	// QuasiSteady is 2(1−z²)K/(1+z²): s and r stand still, the limit of the exact rate
	// for K → 0 (derived here).
	QuasiSteady []float64
	// Exact are the D largest eigenvalues of the linearised flow in (u, s, r).
	Exact []float64
}

// Rates returns the growth rates at z.
func (l *CriticalLine) Rates(z float64) Rates {
	d := len(l.S)
	var eig mat.EigenSym
	if !eig.Factorize(l.K, false) {
		panic("dynamics: K without eigenvalues") // finite and symmetric: it has
	}
	k := eig.Values(nil)
	var r Rates
	for i := range d {
		v := k[d-1-i]
		if z*z > 1 {
			v = k[i]
		}
		p := 2 * (1 - z*z) * v
		r.Published = append(r.Published, p)
		r.QuasiSteady = append(r.QuasiSteady, p/(1+z*z))
	}
	r.Exact = l.Spectrum(z)[:d]
	return r
}

// Spectrum returns all eigenvalues of the flow linearised at z in (u, s, r), in
// descending order; with one 0 for z they are those of −∂²L/∂θ∂θ. The matrix is
// −M H, M the inverse metric of θ in these coordinates and H the Hessian there,
//
//	M = [2I, −zI, 0; −zI, ½(1+z²)I, 0; 0, 0, 2],  H = [−(1−z²)K, 0; 0, ∂²l],
//
// (derived here); M = TTᵀ makes it similar to the symmetric −TᵀHT.
func (l *CriticalLine) Spectrum(z float64) []float64 {
	d := len(l.S)
	n := d + l.single.SymmetricDim()
	// T: rows u, s, r.
	t := mat.NewDense(n, n, nil)
	for i := range d {
		// Cholesky of [2, −z; −z, ½(1+z²)], whose determinant is 1.
		t.Set(i, i, math.Sqrt2)
		t.Set(d+i, i, -z/math.Sqrt2)
		t.Set(d+i, d+i, 1/math.Sqrt2)
	}
	if n > 2*d {
		t.Set(2*d, 2*d, math.Sqrt2)
	}
	h := mat.NewDense(n, n, nil)
	for i := range d {
		for j := range d {
			h.Set(i, j, -(1-z*z)*l.K.At(i, j))
		}
	}
	for i := range n - d {
		for j := range n - d {
			h.Set(d+i, d+j, l.single.At(i, j))
		}
	}
	var a mat.Dense
	a.Mul(t.T(), h)
	a.Mul(&a, t)
	sym := mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			sym.SetSym(i, j, -0.5*(a.At(i, j)+a.At(j, i)))
		}
	}
	var eig mat.EigenSym
	if !eig.Factorize(sym, false) {
		panic("dynamics: a Hessian without eigenvalues") // finite and symmetric: it has
	}
	v := eig.Values(nil)
	for i, j := 0, n-1; i < j; i, j = i+1, j-1 {
		v[i], v[j] = v[j], v[i]
	}
	return v
}

// A Stability says what the gradient flow does near a point of the line.
type Stability int

const (
	Unstable   Stability = iota // some direction of u grows
	Attracting                  // every direction of u decays
	Neutral                     // none grows, some does not decay linearly
)

// String returns the word.
func (s Stability) String() string {
	return [...]string{"unstable", "attracting", "neutral"}[s]
}

// Stability returns that of the line at z, from the signs of the eigenvalues of
// (1−z²)K: as M is positive definite, the exact rates have the same ones
// (Sylvester). An eigenvalue below 1e-12 of the curvature of the single unit counts
// as 0.
func (l *CriticalLine) Stability(z float64) Stability {
	var eig mat.EigenSym
	if !eig.Factorize(l.K, false) {
		panic("dynamics: K without eigenvalues")
	}
	small := 1e-12 * mat.Norm(l.single, 2)
	s := Attracting
	for _, k := range eig.Values(nil) {
		switch v := (1 - z*z) * k; {
		case v > small:
			return Unstable
		case v >= -small:
			s = Neutral
		}
	}
	return s
}

// flat returns the coefficient S of L = ½S(1−z²)²u⁴ on a neutral line, where the
// teacher itself is the single unit: the information about δ = (1−z²)u² in the regular
// chart that is left over by s and r. For a network it is (r²/64)E[(Pφ_ss)²]/σ², P the
// projection off φ and φ_s.
func (l *CriticalLine) flat() (float64, error) {
	if l.chart == nil {
		return 0, errors.New("the model has no regular chart")
	}
	at := []float64{0, 0, l.S[0], l.R}
	if l.mixture {
		at = at[:3]
	}
	n := len(at)
	f := mat.NewSymDense(n, nil)
	if _, err := l.chart.Fisher(f, at); err != nil {
		return 0, err
	}
	rest, cross := mat.NewSymDense(n-2, nil), mat.NewVecDense(n-2, nil)
	for i := 2; i < n; i++ {
		cross.SetVec(i-2, f.At(0, i))
		for j := i; j < n; j++ {
			rest.SetSym(i-2, j-2, f.At(i, j))
		}
	}
	var chol mat.Cholesky
	x := mat.NewVecDense(n-2, nil)
	if !chol.Factorize(rest) || chol.SolveVecTo(x, cross) != nil {
		return 0, ErrSingular
	}
	return f.At(0, 0) - mat.Dot(x, cross), nil
}

// Plateau predicts how long u takes from u0 to u1 along the line at z: log(u1/u0)/λ
// with the largest exact rate. It is +Inf where that is not positive.
func (l *CriticalLine) Plateau(u0, u1, z float64) float64 {
	rate := l.Spectrum(z)[0]
	if !(rate > 0) {
		return math.Inf(1)
	}
	return math.Log(u1/u0) / rate
}
