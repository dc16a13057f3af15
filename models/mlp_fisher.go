package models

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// FisherAt implements PointInformer: the elemental information Σ_o ∇f_o∇f_oᵀ/σ²
// at input x (in), and out/(2σ⁴) for a free σ².
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

// Fisher implements Informer. The closed forms are: erf and relu units without
// biases under normal inputs (ErfPair and the arc-cosine kernels), and linear
// units under any law of known second moments. Quadrature covers normal inputs
// where the weights w span at most two dimensions (in ≤ 2 or hidden ≤ 2) and
// uniform inputs with in ≤ 2; relu units there need one dimension. Otherwise the
// function is nil.
func (m *MLP) Fisher() (f func(dst *mat.SymDense, theta []float64) (errBound float64), route Route) {
	normal, isNormal := m.s.Inputs.(NormalLaw)
	switch {
	case m.s.Act == LinearUnit:
		if s := m.secondMoments(); s != nil {
			return m.linearFisher(s), Exact
		}
	case isNormal && !m.s.Bias && m.s.Act == ErfUnit:
		return m.pairFisher(erfAcross, normal.SD), Exact
	case isNormal && !m.s.Bias && m.s.Act == ReLUUnit:
		return m.pairFisher(reluAcross, normal.SD), Exact
	}
	if q := newMLPFactor(m); q != nil {
		return q.fisher(), Quadrature
	}
	return nil, Exact
}

// pairFisher returns the information from the averages of pairs of units over
// N(0, I). Inputs of another spread sd are met by weights sd·w.
func (m *MLP) pairFisher(pair acrossPair, sd float64) func(*mat.SymDense, []float64) float64 {
	in, hidden := m.s.In, m.s.Hidden
	ws, c := make([]float64, in*hidden), make([]float64, in)
	return func(dst *mat.SymDense, theta []float64) float64 {
		checkSym(dst, len(m.params))
		checkLen(len(theta), len(m.params))
		for k := range ws {
			ws[k] = sd * theta[k]
		}
		dst.Zero()
		raw := dst.RawSymmetric()
		g, stride := raw.Data, raw.Stride
		s2 := m.variance(theta)
		for i := range hidden {
			a := ws[i*in : i*in+in]
			for j := i; j < hidden; j++ {
				b := ws[j*in : j*in+in]
				p := pair(c, a, b)
				vv := 0.0
				for o := range m.s.Out {
					lo := m.offOut + o*m.rowOut
					vi, vj := theta[lo+i], theta[lo+j]
					vv += vi * vj
					g[(lo+i)*stride+lo+j] = p.PhiPhi / s2
					for k := range in {
						g[(i*in+k)*stride+lo+j] = sd * vi * (p.SlopeAOnA*a[k] + p.SlopeAOnB*c[k]) / s2
						g[(j*in+k)*stride+lo+i] = sd * vj * (p.SlopeBOnA*a[k] + p.SlopeBOnB*c[k]) / s2
					}
				}
				vv *= sd * sd / s2
				for k := range in {
					lo := 0
					if i == j {
						lo = k
					}
					row := g[(i*in+k)*stride+j*in : (i*in+k)*stride+j*in+in]
					for l := lo; l < in; l++ {
						e := p.AA*a[k]*a[l] + p.AB*(a[k]*c[l]+c[k]*a[l]) + p.BB*c[k]*c[l]
						if k == l {
							e += p.Eye
						}
						row[l] = vv * e
					}
				}
			}
		}
		m.setNoiseInfo(g, stride, s2)
		return 0
	}
}

// secondMoments returns E[x̃x̃ᵀ] (rowIn×rowIn), x̃ the input followed by 1 if the
// model has biases, or nil where the law does not tell.
func (m *MLP) secondMoments() []float64 {
	n, in := m.rowIn, m.s.In
	s := make([]float64, n*n)
	if m.s.Bias {
		s[n*n-1] = 1
	}
	switch law := m.s.Inputs.(type) {
	case NormalLaw:
		for k := range in {
			s[k*n+k] = law.SD * law.SD
		}
	case UniformLaw:
		for k := range in {
			s[k*n+k] = law.SD * law.SD
		}
	case EmpiricalLaw:
		if law.Z.N == 0 {
			return nil
		}
		clear(s)
		for t := range law.Z.N {
			m.addOuter(s, n, law.Z.X(t), 1/float64(law.Z.N), false)
		}
	default:
		return nil
	}
	return s
}

// linearFisher returns the information of a linear hidden layer with second
// moments s of the inputs: f = V W̃x̃ has E[∂w̃_i ∂w̃_jᵀ] = Σ_o v_oi v_oj S,
// E[∂w̃_i ∂v_oj] = v_oi S w̃_j and E[∂v_oi ∂v_oj] = w̃_iᵀ S w̃_j.
func (m *MLP) linearFisher(s []float64) func(*mat.SymDense, []float64) float64 {
	n, hidden := m.rowIn, m.s.Hidden
	sw := make([]float64, n*m.rowOut) // row j: S w̃_j; last row S e for the output bias
	last := make([]float64, n)
	last[n-1] = 1
	return func(dst *mat.SymDense, theta []float64) float64 {
		checkSym(dst, len(m.params))
		checkLen(len(theta), len(m.params))
		source := func(j int) []float64 {
			if j == hidden {
				return last
			}
			return m.unit(theta, j)
		}
		for j := range m.rowOut {
			w := source(j)
			for k := range n {
				sw[j*n+k] = dot(s[k*n:k*n+n], w)
			}
		}
		dst.Zero()
		raw := dst.RawSymmetric()
		g, stride := raw.Data, raw.Stride
		s2 := m.variance(theta)
		for o := range m.s.Out {
			lo := m.offOut + o*m.rowOut
			for i := range m.rowOut {
				for j := i; j < m.rowOut; j++ {
					g[(lo+i)*stride+lo+j] = dot(source(i), sw[j*n:j*n+n]) / s2
				}
			}
			for i := range hidden {
				v := theta[lo+i] / s2
				for j := range m.rowOut {
					for k := range n {
						g[(i*n+k)*stride+lo+j] = v * sw[j*n+k]
					}
				}
				for j := i; j < hidden; j++ {
					vv := v * theta[lo+j]
					for k := range n {
						for l := range n {
							if r, c := i*n+k, j*n+l; r <= c {
								g[r*stride+c] += vv * s[k*n+l]
							}
						}
					}
				}
			}
		}
		m.setNoiseInfo(g, stride, s2)
		return 0
	}
}

// FisherFactor implements Factorer by quadrature in the span of the weights w,
// of one or two dimensions, with everything across it in closed form: R is the
// triangular factor of the rows √ω ∇f_o/σ at the nodes. Singular values down to
// 1e-12 of the largest keep their leading digits, where those of F would need
// 1e-24. It is nil as said at Fisher, and for relu units with in ≥ 2 and hidden ≥ 2.
func (m *MLP) FisherFactor() (f func(theta []float64) *mat.Dense, route Route) {
	q := newMLPFactor(m)
	if q == nil {
		return nil, Quadrature
	}
	return func(theta []float64) *mat.Dense {
		checkLen(len(theta), len(m.params))
		q.fill(q.r, theta, 0)
		return q.r
	}, Quadrature
}

// fisher returns RᵀR with R on the nodes of the factor and on twice as many in
// each dimension, whose difference bounds the error of the coarser one.
func (q *mlpFactor) fisher() func(*mat.SymDense, []float64) float64 {
	coarse := mat.NewSymDense(len(q.m.params), nil)
	return func(dst *mat.SymDense, theta []float64) float64 {
		checkSym(dst, len(q.m.params))
		checkLen(len(theta), len(q.m.params))
		q.fill(q.r, theta, 0)
		gramOf(coarse, q.r)
		q.fill(q.r, theta, 1)
		gramOf(dst, q.r)
		worst, size := 0.0, 0.0
		d := len(q.m.params)
		for i := range d {
			for j := i; j < d; j++ {
				worst = max(worst, math.Abs(dst.At(i, j)-coarse.At(i, j)))
				size = max(size, math.Abs(dst.At(i, j)))
			}
		}
		return worst + 1e-14*size // the second part is rounding
	}
}

// gramOf fills dst with RᵀR.
func gramOf(dst *mat.SymDense, r *mat.Dense) {
	rows, d := r.Dims()
	dst.Zero()
	raw := dst.RawSymmetric()
	for t := range rows {
		row := r.RawRowView(t)
		for i, a := range row {
			if a == 0 {
				continue
			}
			for j := i; j < d; j++ {
				raw.Data[i*raw.Stride+j] += a * row[j]
			}
		}
	}
}
