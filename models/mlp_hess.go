package models

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// Hess implements Hesser. With f the network and r = y − f, the Hessian of a
// term is (−Σ_o ∇f_o∇f_oᵀ + Σ_o r_o ∇²f_o)/σ² in the weights, where ∇²f_o has
// blocks v_oi φ″ xxᵀ at (w_i, w_i) and φ′ x at (w_i, v_oi) only. Outside the
// domain every entry is NaN.
func (l *mlpLike) Hess(dst *mat.SymDense, theta []float64) {
	m := l.m
	checkSym(dst, len(m.params))
	if !l.inDomain(theta) {
		fillSym(dst, math.NaN())
		return
	}
	dst.Zero()
	raw := dst.RawSymmetric()
	s2 := m.variance(theta)
	width := l.z.P + l.z.Q
	for t := range l.z.N {
		w := l.weight(t)
		if w == 0 {
			continue
		}
		row := l.z.V[t*width : t*width+width]
		x := row[:l.z.P]
		m.activate(l.phi, theta, x)
		m.s.Act.curvature(l.phi, l.d1, l.d2)
		ss := l.residual(theta, row[l.z.P:])
		m.addInfo(raw.Data, raw.Stride, theta, x, l.phi, l.d1, -w/s2)
		l.addResidualCurvature(raw.Data, raw.Stride, theta, x, w/s2)
		if m.s.FreeSigma {
			last := m.net
			clear(l.g)
			l.backward(l.g, theta, x, w/(s2*s2))
			for j, g := range l.g[:last] {
				raw.Data[j*raw.Stride+last] -= g
			}
			raw.Data[last*raw.Stride+last] += w * (0.5*float64(m.s.Out) - ss/s2) / (s2 * s2)
		}
	}
}

// addResidualCurvature adds scale × Σ_o r_o ∇²f_o to the upper triangle of h.
func (l *mlpLike) addResidualCurvature(h []float64, stride int, theta, x []float64, scale float64) {
	m := l.m
	for i := range l.phi {
		w0 := i * m.rowIn
		rv := 0.0
		for o, r := range l.f {
			j := m.offOut + o*m.rowOut + i
			rv += r * theta[j]
			c := scale * r * l.d1[i]
			for k, v := range x {
				h[(w0+k)*stride+j] += c * v
			}
			if m.s.Bias {
				h[(w0+len(x))*stride+j] += c
			}
		}
		m.addOuter(h[w0*stride+w0:], stride, x, scale*rv*l.d2[i], true)
	}
}

// addOuter adds c x̃x̃ᵀ to the block h, where x̃ is x followed by 1 if the model
// has biases: its upper triangle alone if upper.
func (m *MLP) addOuter(h []float64, stride int, x []float64, c float64, upper bool) {
	for a := range m.rowIn {
		ca := c
		if a < len(x) {
			ca *= x[a]
		}
		lo := 0
		if upper {
			lo = a
		}
		row := h[a*stride : a*stride+m.rowIn]
		for k := lo; k < len(x); k++ {
			row[k] += ca * x[k]
		}
		if m.s.Bias {
			row[len(x)] += ca
		}
	}
}

// addInfo adds scale × Σ_o ∇f_o ∇f_oᵀ at input x, in the weights, to the upper
// triangle of g, given the hidden values and slopes there.
func (m *MLP) addInfo(g []float64, stride int, theta, x, phi, d1 []float64, scale float64) {
	for i := range phi {
		w0 := i * m.rowIn
		for j := i; j < len(phi); j++ {
			vv := 0.0
			for o := range m.s.Out {
				v := theta[m.offOut+o*m.rowOut:]
				vv += v[i] * v[j]
			}
			m.addOuter(g[w0*stride+j*m.rowIn:], stride, x, scale*vv*d1[i]*d1[j], i == j)
		}
		for o := range m.s.Out {
			lo := m.offOut + o*m.rowOut
			c := scale * theta[lo+i] * d1[i]
			for a := range m.rowIn {
				ca := c
				if a < len(x) {
					ca *= x[a]
				}
				row := g[(w0+a)*stride+lo : (w0+a)*stride+lo+m.rowOut]
				for j, p := range phi {
					row[j] += ca * p
				}
				if m.s.Bias {
					row[len(phi)] += ca
				}
			}
		}
	}
	for o := range m.s.Out {
		lo := m.offOut + o*m.rowOut
		for i := range m.rowOut {
			c := scale
			if i < len(phi) {
				c *= phi[i]
			}
			row := g[(lo+i)*stride+lo : (lo+i)*stride+lo+m.rowOut]
			for j := i; j < len(phi); j++ {
				row[j] += c * phi[j]
			}
			if m.s.Bias {
				row[len(phi)] += c
			}
		}
	}
}

func fillSym(dst *mat.SymDense, v float64) {
	d := dst.SymmetricDim()
	for i := range d {
		for j := i; j < d; j++ {
			dst.SetSym(i, j, v)
		}
	}
}
