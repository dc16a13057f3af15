package models

import (
	"gonum.org/v1/gonum/mat"
)

// FisherAt implements PointInformer: the elemental information Σ_o ∇f_o∇f_oᵀ/σ²
// at input x (in), and 1/2 out/σ⁴ for a free σ².
func (m *MLP) FisherAt(dst *mat.SymDense, theta, x []float64) {
	checkSym(dst, len(m.params))
	checkLen(len(theta), len(m.params))
	checkLen(len(x), m.s.In)
	var few [128]float64 // on the stack: FisherAt may not keep scratch, Models are shared
	buf := few[:]
	if n := 4*m.s.Hidden + m.s.Out; n > len(buf) {
		buf = make([]float64, n)
	}
	sc := mlpScratchIn(m, buf)
	m.activate(sc.phi, theta, x)
	m.s.Act.slope(sc.phi, sc.d1)
	dst.Zero()
	raw := dst.RawSymmetric()
	s2 := m.variance(theta)
	m.addInfo(raw.Data, raw.Stride, theta, x, sc.phi, sc.d1, 1/s2)
	m.setNoiseInfo(raw.Data, raw.Stride, s2)
}

// setNoiseInfo sets the entry of σ², which is orthogonal to the weights.
func (m *MLP) setNoiseInfo(g []float64, stride int, s2 float64) {
	if m.s.FreeSigma {
		g[m.net*stride+m.net] = 0.5 * float64(m.s.Out) / (s2 * s2)
	}
}
