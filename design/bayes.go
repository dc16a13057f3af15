package design

import (
	"errors"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/design/pkpd"
)

// Individual returns the information of the samples about the random effects b
// of one subject at b = 0, without that of their law: F_bᵀR⁻¹F_b, r×r over the
// effects that are random, with R the residual variance at the typical curve. It
// is on the scale of b (logarithmic for LogNormal).
func (f *Informer) Individual(at []pkpd.Sample) (*mat.SymDense, error) {
	l := f.l
	nr := len(l.random)
	if nr == 0 {
		return nil, errors.New("design: no parameter has a random effect")
	}
	if err := f.curve.Eval(&f.jets, l.gamma, at, 1); err != nil {
		return nil, err
	}
	m := mat.NewSymDense(nr, nil)
	row := mat.NewVecDense(nr, nil)
	for i, s := range at {
		grad := f.jets.GradRow(i)
		for r, a := range l.random {
			row.SetVec(r, grad[a]*l.spread(r))
		}
		eta := f.jets.Value[i]
		v := l.pop.Residuals[s.Response].variance(eta, eta*eta)
		if !(v > 0) {
			return nil, errCov
		}
		m.SymRankOne(m, 1/v, row)
	}
	return m, nil
}

// Bayes returns the Bayesian information of one subject about its random effects,
// F_bᵀR⁻¹F_b + Ω⁻¹, and the shrinkage of each, the diagonal of M_B⁻¹Ω⁻¹ in
// [0, 1], on the variance scale: 0 where the data say everything. On the scale of
// standard deviations it is 1 − √(1 − shrinkage). It returns an error for a
// singular Ω, and what the curve returns.
func (f *Informer) Bayes(at []pkpd.Sample) (mb *mat.SymDense, shrinkage []float64, err error) {
	data, err := f.Individual(at)
	if err != nil {
		return nil, nil, err
	}
	if f.l.singOm {
		return nil, nil, errors.New("design: shrinkage needs a positive definite Ω")
	}
	nr := len(f.l.random)
	// M_B⁻¹Ω⁻¹ = (I + ΩF'R⁻¹F)⁻¹, which has no inverse of Ω.
	var prod, inv mat.Dense
	prod.Mul(f.l.omega, data)
	for i := range nr {
		prod.Set(i, i, prod.At(i, i)+1)
	}
	if err := inv.Inverse(&prod); err != nil {
		return nil, nil, errors.New("design: the Bayesian information is not finite")
	}
	prior := mat.NewSymDense(nr, nil)
	_ = f.l.cholOm.InverseTo(prior)
	mb = data
	add(mb, 1, prior)
	for i := range nr {
		// The transpose of M_B⁻¹Ω⁻¹ has the same diagonal.
		shrinkage = append(shrinkage, inv.At(i, i))
	}
	return mb, shrinkage, nil
}
