package singular

import (
	"fmt"
	"math"
	"slices"

	"github.com/neuromanifold/neuromanifold/models"
)

// A WideNet is the law of a random fully connected network: L layers of weights
// W_ij ~ N(0, σ_w²/M_{l−1}) with biases b_i ~ N(0, σ_b²), linear outputs, and
// inputs that are independent of the weights.
type WideNet struct {
	Act        models.Activation
	VarW, VarB float64 // σ_w² and σ_b²
	// Widths are M_0, …, M_{L−1}: inputs and hidden layers; L ≥ 2. The first
	// hidden layer is the reference width M, α_l = M_l/M.
	Widths  []int
	Outputs int // C; 0 means 1
	// InputNorm is |x|²/M_0, 0 meaning 1, and InputOverlap x·x′/M_0 for two
	// inputs. The zero values belong to inputs from N(0, I).
	InputNorm, InputOverlap float64
}

// String names the network in error messages: equal widths, the usual case, once.
func (w WideNet) String() string {
	widths := fmt.Sprintf("widths %v", w.Widths)
	if n := len(w.Widths); n > 3 && slices.Max(w.Widths) == slices.Min(w.Widths) {
		widths = fmt.Sprintf("%d layers of width %d", n, w.Widths[0])
	}
	return fmt.Sprintf("%v network of %s, C = %d, σ_w² = %v, σ_b² = %v", w.Act, widths, w.outputs(), w.VarW, w.VarB)
}

func (w WideNet) outputs() int {
	if w.Outputs == 0 {
		return 1
	}
	return w.Outputs
}

// A MeanField holds the order parameters of a WideNet as its widths go to
// infinity, by the recursions of Karakida, Akaho and Amari (2021, Neural
// Computation 33:2274-2307; 2019, AISTATS). Two inputs are "same" (s) or
// "distinct" (d):
//
//	qˡ = σ_w² q̂ˡ⁻¹ + σ_b²,  q̂ˡ_s = E φ(u)²,  q̂ˡ_d = E φ(u)φ(v),
//	q̃ᴸ = 1,  q̃ˡ_s = σ_w² q̃ˡ⁺¹_s E φ′(u)²,  q̃ˡ_d = σ_w² q̃ˡ⁺¹_d E φ′(u)φ′(v),
//
// where (u, v) is Gaussian with variances qˡ_s and covariance qˡ_d. Averages are
// closed forms for erf, relu and linear units and the trapezoidal rule for tanh,
// whose poles make Gauss-Hermite slow.
type MeanField struct {
	Net WideNet

	QHatSame, QHatDistinct     []float64 // q̂ˡ at l = 0, …, L−1
	QSame, QDistinct           []float64 // qˡ at l = 1, …, L, index l−1
	QTildeSame, QTildeDistinct []float64 // q̃ˡ at l = 1, …, L, index l−1

	// Alpha is Σ α_l α_{l−1} over the hidden layers: P = αM² + O(M).
	Alpha float64
	// Kappa1 and Kappa2 are (1/α) Σ_l α_{l−1} q̃ˡ q̂ˡ⁻¹ for same and for distinct
	// inputs.
	Kappa1, Kappa2 float64
	// K1 and K2 are αMκ₁ and αMκ₂ with the contribution of the biases, Σ_l q̃ˡ: the
	// diagonal and the other entries of the tangent kernel at these widths.
	K1, K2 float64
	// NTK1 and NTK2 are Σ_l q̃ˡ qˡ: the entries of the kernel in the
	// parameterisation of the neural tangent kernel, whatever the widths.
	NTK1, NTK2 float64
	// Metric1 and Metric2 are σ_w² Σ_l q̃ˡ: the entries of the kernel of the metric
	// of inputs and features.
	Metric1, Metric2 float64
}

// NewMeanField returns the order parameters. It is an error if there are fewer
// than two widths, one is below 1, a variance is negative or not finite, those of
// tanh units are beyond the quadrature (qˡ above 2.5e4), or the order parameters
// overflow or vanish.
func NewMeanField(net WideNet) (*MeanField, error) {
	depth := len(net.Widths)
	if depth < 2 {
		return nil, fmt.Errorf("mean field: %d layers of weights: allowed is 2 or more", depth)
	}
	for l, m := range net.Widths {
		if m < 1 {
			return nil, fmt.Errorf("mean field: layer %d of width %d: allowed is 1 or more", l, m)
		}
	}
	if net.Act < models.ErfUnit || net.Act > models.LinearUnit {
		return nil, fmt.Errorf("mean field: %v: allowed are erf, tanh, relu, linear", net.Act)
	}
	if !(net.VarW > 0) || math.IsInf(net.VarW, 0) {
		return nil, fmt.Errorf("mean field: σ_w² = %v: allowed is a finite number above 0", net.VarW)
	}
	if !(net.VarB >= 0) || math.IsInf(net.VarB, 0) {
		return nil, fmt.Errorf("mean field: σ_b² = %v: allowed is a finite number from 0", net.VarB)
	}
	if net.Outputs < 0 {
		return nil, fmt.Errorf("mean field: %d outputs: allowed is 1 or more", net.Outputs)
	}
	net.Outputs = net.outputs()
	net.Widths = slices.Clone(net.Widths)
	if net.InputNorm == 0 {
		net.InputNorm = 1
	}
	if !(net.InputNorm > 0) || math.Abs(net.InputOverlap) > net.InputNorm {
		return nil, fmt.Errorf("mean field: inputs of norm %v and overlap %v: the overlap of two inputs is at most their norm", net.InputNorm, net.InputOverlap)
	}
	// q̂ ≤ 1 for tanh, so that no layer has a larger qˡ.
	if q := net.VarW*max(1, net.InputNorm) + net.VarB; net.Act == models.TanhUnit && q > tanhLimit {
		return nil, fmt.Errorf("mean field: σ_w² = %v, σ_b² = %v: tanh units with inputs of variance up to %.3g: allowed is %v", net.VarW, net.VarB, q, float64(tanhLimit))
	}
	m := &MeanField{Net: net}
	m.recur()
	m.constants()
	if v := m.K1 + m.K2 + m.NTK1; math.IsNaN(v) || math.IsInf(v, 0) {
		return nil, fmt.Errorf("mean field: σ_w² = %v, σ_b² = %v: the order parameters of %d layers are too large or too small for a number", net.VarW, net.VarB, depth)
	}
	return m, nil
}

func (m *MeanField) recur() {
	net, depth := m.Net, len(m.Net.Widths)
	for _, s := range []*[]float64{&m.QHatSame, &m.QHatDistinct, &m.QSame, &m.QDistinct, &m.QTildeSame, &m.QTildeDistinct} {
		*s = make([]float64, depth)
	}
	slopeSame, slopeDistinct := make([]float64, depth), make([]float64, depth)
	m.QHatSame[0], m.QHatDistinct[0] = net.InputNorm, net.InputOverlap
	for l := range depth { // layer l+1
		a := net.VarW*m.QHatSame[l] + net.VarB
		b := net.VarW*m.QHatDistinct[l] + net.VarB
		m.QSame[l], m.QDistinct[l] = a, b
		if l == depth-1 {
			break
		}
		m.QHatSame[l+1], slopeSame[l] = gaussPair(net.Act, a, a)
		m.QHatDistinct[l+1], slopeDistinct[l] = gaussPair(net.Act, a, b)
	}
	m.QTildeSame[depth-1], m.QTildeDistinct[depth-1] = 1, 1
	for l := depth - 2; l >= 0; l-- {
		m.QTildeSame[l] = net.VarW * m.QTildeSame[l+1] * slopeSame[l]
		m.QTildeDistinct[l] = net.VarW * m.QTildeDistinct[l+1] * slopeDistinct[l]
	}
}

func (m *MeanField) constants() {
	ref := float64(m.Net.Widths[1])
	for l, w := range m.Net.Widths {
		same, distinct := m.QTildeSame[l], m.QTildeDistinct[l]
		width := float64(w)
		if l > 0 {
			m.Alpha += width * float64(m.Net.Widths[l-1]) / (ref * ref)
		}
		m.K1 += width * same * m.QHatSame[l]
		m.K2 += width * distinct * m.QHatDistinct[l]
		m.NTK1 += same * m.QSame[l]
		m.NTK2 += distinct * m.QDistinct[l]
		m.Metric1 += m.Net.VarW * same
		m.Metric2 += m.Net.VarW * distinct
	}
	m.Kappa1, m.Kappa2 = m.K1/(m.Alpha*ref), m.K2/(m.Alpha*ref)
	for l := range m.Net.Widths {
		m.K1 += m.QTildeSame[l]
		m.K2 += m.QTildeDistinct[l]
	}
}

// Width returns M, the width of the first hidden layer.
func (m *MeanField) Width() int { return m.Net.Widths[1] }

// Params returns P, the number of parameters.
func (m *MeanField) Params() int {
	p := 0
	for l, w := range m.Net.Widths {
		next := m.Net.Outputs
		if l+1 < len(m.Net.Widths) {
			next = m.Net.Widths[l+1]
		}
		p += next * (w + 1)
	}
	return p
}

// Features returns M_h = Σ M_l over inputs and hidden layers, the dimension of
// the metric of inputs and features.
func (m *MeanField) Features() int {
	n := 0
	for _, w := range m.Net.Widths {
		n += w
	}
	return n
}

// centredTol is the size of κ₂/κ₁ below which it counts as zero: the rounding of
// the recursions. Deep networks far in the chaotic phase fall below it too.
const centredTol = 1e-12

// Centred reports whether κ₂ = 0: gradients at distinct inputs are uncorrelated,
// as with an odd activation, no biases and inputs of zero overlap. Then the
// largest eigenvalues are not outliers but the edge of a random matrix, of which
// the theory says nothing.
func (m *MeanField) Centred() bool { return math.Abs(m.Kappa2) <= centredTol*m.Kappa1 }

// Regime returns "non-centred", or "centred" where the theory of outliers does
// not apply.
func (m *MeanField) Regime() string {
	if m.Centred() {
		return "centred"
	}
	return "non-centred"
}

// A CentredError says that there is no prediction because gradients at distinct
// inputs are uncorrelated.
type CentredError struct {
	What  string
	Ratio float64 // κ₂/κ₁, or what stands for it: 0 but for rounding
	// LowerBound is what the formula of the non-centred regime gives: at most a
	// lower bound on the largest eigenvalue; 0 where there is no formula.
	LowerBound float64
}

// Error gives the reason.
func (e *CentredError) Error() string {
	text := fmt.Sprintf("mean field: %s is centred (κ₂/κ₁ = %.3g): its largest eigenvalue is the edge of a random matrix, not an outlier", e.What, e.Ratio)
	if e.LowerBound > 0 {
		text += fmt.Sprintf(", and %.6g is only a lower bound", e.LowerBound)
	}
	return text
}
