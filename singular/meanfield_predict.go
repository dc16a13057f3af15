package singular

import (
	"fmt"
	"math"
)

// A Prediction is what mean field says of the spectrum of an information matrix.
// Eigenvalues that are not among the outliers form a bulk; all others of the
// matrix are structural zeros.
type Prediction struct {
	// Mean and SecondMoment are tr F/d and tr F²/d over all d eigenvalues, zeros
	// included.
	Mean, SecondMoment float64
	// LambdaMax is the largest eigenvalue, which Outliers eigenvalues share in
	// the limit of wide layers.
	LambdaMax float64
	Outliers  int
	// Bulk is the mean of the other eigenvalues that are not zero. Their spread is
	// that of a random matrix and does not vanish where N grows with the width.
	Bulk float64
}

// predict returns the moments of the dual matrix ((k₁−k₂) I_N + k₂ 11ᵀ)⊗I_C/N,
// padded with zeros to dimension d.
func (m *MeanField) predict(k1, k2, d float64, n int) Prediction {
	size, c := float64(n), float64(m.Net.Outputs)
	return Prediction{
		Mean:         c * k1 / d,
		SecondMoment: c * (k1*k1/size + (size-1)/size*k2*k2) / d,
		LambdaMax:    (k1 + (size-1)*k2) / size,
		Outliers:     m.Net.Outputs,
		Bulk:         (k1 - k2) / size,
	}
}

// Regression predicts the Fisher information F = (1/N) Σ_n Σ_k ∇f_k(x_n)∇f_k(x_n)ᵀ
// of a regression with noise of variance 1 at n inputs, at these widths: with K1,
// K2 and the exact number of parameters. Of a centred network only Mean and Bulk
// exist, the others are NaN and the error is a *CentredError. It panics if n < 1.
func (m *MeanField) Regression(n int) (Prediction, error) {
	return m.outlying(m.predict(m.K1, m.K2, float64(m.Params()), checkSamples(n)))
}

// RegressionLimit is Regression to leading order in the width: κ₁C/M,
// α((N−1)/N κ₂² + κ₁²/N)C and αM((N−1)/N κ₂ + κ₁/N) (Karakida, Akaho and Amari
// 2021, theorems 3.1 to 3.3).
func (m *MeanField) RegressionLimit(n int) (Prediction, error) {
	width := float64(m.Width())
	return m.outlying(m.predict(m.Alpha*width*m.Kappa1, m.Alpha*width*m.Kappa2, m.Alpha*width*width, checkSamples(n)))
}

// refuse takes away what does not exist where gradients at distinct inputs are
// uncorrelated.
func refuse(p Prediction, what string, ratio float64) (Prediction, error) {
	err := &CentredError{what, ratio, p.LambdaMax}
	p.SecondMoment, p.LambdaMax, p.Outliers = math.NaN(), math.NaN(), 0
	return p, err
}

func (m *MeanField) outlying(p Prediction) (Prediction, error) {
	if m.Centred() {
		return refuse(p, "the "+m.Net.String(), m.Kappa2/m.Kappa1)
	}
	return p, nil
}

func checkSamples(n int) int {
	if n < 1 {
		panic("singular: fewer than one sample")
	}
	return n
}

// Layer predicts the diagonal block of the regression information that belongs
// to the parameters of layer l, 1 ≤ l ≤ L. A block whose gradients at distinct
// inputs are uncorrelated but for the biases has no outlier that grows with the
// width: the block of the first layer at inputs from N(0, I). Its SecondMoment
// and LambdaMax are then NaN and the error is a *CentredError.
func (m *MeanField) Layer(l, n int) (Prediction, error) {
	w := m.Net.Widths
	out := m.Net.Outputs
	if l < len(w) {
		out = w[l]
	}
	width := float64(w[l-1])
	p := m.predict(m.QTildeSame[l-1]*(width*m.QHatSame[l-1]+1), m.QTildeDistinct[l-1]*(width*m.QHatDistinct[l-1]+1), float64(out)*(width+1), checkSamples(n))
	if math.Abs(m.QHatDistinct[l-1]) > centredTol*m.QHatSame[l-1] {
		return p, nil
	}
	return refuse(p, fmt.Sprintf("layer %d of the %v", l, m.Net), m.QHatDistinct[l-1]/m.QHatSame[l-1])
}

// NTK predicts the neural tangent kernel Θ (NC×NC) itself, not divided by N, in
// its own parameterisation: no width enters.
func (m *MeanField) NTK(n int) (Prediction, error) {
	size := float64(checkSamples(n))
	p := m.predict(size*m.NTK1, size*m.NTK2, size*float64(m.Net.Outputs), n)
	if math.Abs(m.NTK2) > centredTol*m.NTK1 {
		return p, nil
	}
	return refuse(p, "the "+m.Net.String(), m.NTK2/m.NTK1)
}

// Metric predicts the metric (1/N) Σ_n Σ_k ∇_h f_k ∇_h f_kᵀ of inputs and features
// h = (h⁰, …, hᴸ⁻¹), of dimension M_h. Its outliers do not grow with the width,
// and there is no centred case.
func (m *MeanField) Metric(n int) Prediction {
	return m.predict(m.Metric1, m.Metric2, float64(m.Features()), checkSamples(n))
}

// InputMetric predicts the metric of the inputs alone.
func (m *MeanField) InputMetric(n int) Prediction {
	return m.predict(m.Net.VarW*m.QTildeSame[0], m.Net.VarW*m.QTildeDistinct[0], float64(m.Net.Widths[0]), checkSamples(n))
}

// MeanSubtracted predicts the regression information of f − (1/N)Σ_n f(x_n),
// which has lost its outliers: mean and bulk exist, and LambdaMax is a lower
// bound, the mean of the bulk.
func (m *MeanField) MeanSubtracted(n int) Prediction {
	size, c := float64(checkSamples(n)), float64(m.Net.Outputs)
	bulk := (m.K1 - m.K2) / size
	return Prediction{
		Mean: c * (size - 1) * bulk / float64(m.Params()), SecondMoment: math.NaN(),
		LambdaMax: bulk, Bulk: bulk,
	}
}

// BatchNormalised predicts the regression information of one output normalised
// over the inputs to mean 0 and variance 1: the variance of the outputs is
// q_same − q_distinct of the last layer, N − 2 directions are left, and LambdaMax
// is a lower bound, the mean of the bulk (derived here).
func (m *MeanField) BatchNormalised(n int) Prediction {
	size, c := float64(checkSamples(n)), float64(m.Net.Outputs)
	last := len(m.QSame) - 1
	spread := (m.QSame[last] - m.QDistinct[last]) * (size - 1) / size
	bulk := (m.K1 - m.K2) / size / spread
	return Prediction{
		Mean: c * (size - 2) * bulk / float64(m.Params()), SecondMoment: math.NaN(),
		LambdaMax: bulk, Bulk: bulk,
	}
}

// CriticalRate returns the largest learning rate at which gradient descent on
// half the mean squared error with momentum μ can converge near a minimum,
// 2(1+μ)/λ_max. The step of a momentum method is η times the gradient plus μ
// times the step before.
func CriticalRate(lambdaMax, momentum float64) float64 { return 2 * (1 + momentum) / lambdaMax }
