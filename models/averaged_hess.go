package models

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// Hess implements Hesser. With D = ½σ⁻² Σ c_i·c_j C(w_i, w_j),
//
//	∂²D/∂w_i∂w_j = σ⁻² [c_i·c_j ∂²C/∂w_i∂w_j + δ_ij Σ_b c_i·c_b ∂²C_ib/∂w_i∂w_i],
//	∂²D/∂w_i∂c_j = σ⁻² [c_i ∂C_ij/∂w_i + δ_ij Σ_b c_b ∂C_ib/∂w_i],  ∂²D/∂c_i∂c_j = σ⁻² C_ij.
func (a *mlpAverage) Hess(dst *mat.SymDense, theta []float64) {
	m := a.m
	checkSym(dst, len(m.params))
	if !a.set(theta) {
		fillSym(dst, math.NaN())
		return
	}
	dst.Zero()
	in, out := m.s.In, m.s.Out
	scale := -1 / (m.s.Sigma * m.s.Sigma)
	add := func(i, j int, v float64) { dst.SetSym(i, j, dst.At(i, j)+scale*v) }
	for i := range m.s.Hidden {
		for b := range a.units {
			p := ErfPair(a.w[i], a.w[b])
			cc := a.dot(i, b)
			eye, aa, ab, bb := ErfCurvature(a.w[i], a.w[b])
			for k, x := range a.w[i] {
				// ∂C/∂w_i meets the output weights of i and, where b is a student, of b.
				slope := a.sd * (p.SlopeAOnA*x + p.SlopeAOnB*a.w[b][k])
				for o := range out {
					add(i*in+k, m.offOut+o*m.rowOut+i, slope*a.c[b*out+o])
					if b < m.s.Hidden {
						add(i*in+k, m.offOut+o*m.rowOut+b, slope*a.c[i*out+o])
					}
				}
				for l := range in {
					y, u, v := a.w[i][l], a.w[b][k], a.w[b][l]
					curve := aa*x*y + ab*(x*v+u*y) + bb*u*v
					cross := p.AA*x*y + p.AB*(x*v+u*y) + p.BB*u*v
					if k == l {
						curve += eye
						cross += p.Eye
					}
					if l >= k {
						add(i*in+k, i*in+l, a.sd*a.sd*cc*curve)
						if b == i {
							add(i*in+k, i*in+l, a.sd*a.sd*cc*cross)
						}
					}
					if b > i && b < m.s.Hidden {
						add(i*in+k, b*in+l, a.sd*a.sd*cc*cross)
					}
				}
			}
			if b >= i && b < m.s.Hidden {
				for o := range out {
					add(m.offOut+o*m.rowOut+i, m.offOut+o*m.rowOut+b, p.PhiPhi)
				}
			}
		}
	}
}

// Hess implements Hesser: that of mlpAverage with the kernel of NewRBFPair.
func (a *rbfAverage) Hess(dst *mat.SymDense, theta []float64) {
	m := a.m
	checkSym(dst, len(m.params))
	if !a.set(theta) {
		fillSym(dst, math.NaN())
		return
	}
	dst.Zero()
	in, first := m.s.In, m.s.Hidden*m.s.In
	scale := -1 / (m.s.Sigma * m.s.Sigma)
	add := func(i, j int, v float64) { dst.SetSym(i, j, dst.At(i, j)+scale*v) }
	for i := range m.s.Hidden {
		for b := range a.units {
			p := a.pair(i, b)
			vv := a.v[i] * a.v[b] * p.PhiPhi
			for k := range in {
				pk := p.Near*a.c[i][k] + p.Far*a.c[b][k]
				add(i*in+k, first+i, a.v[b]*p.PhiPhi*pk)
				if b < m.s.Hidden {
					add(i*in+k, first+b, a.v[i]*p.PhiPhi*pk)
				}
				for l := range in {
					curve := pk * (p.Near*a.c[i][l] + p.Far*a.c[b][l])
					cross := pk * (p.Far*a.c[i][l] + p.Near*a.c[b][l])
					if k == l {
						curve += p.Near
						cross += p.Far
					}
					if l >= k {
						add(i*in+k, i*in+l, vv*curve)
						if b == i {
							add(i*in+k, i*in+l, vv*cross)
						}
					}
					if b > i && b < m.s.Hidden {
						add(i*in+k, b*in+l, vv*cross)
					}
				}
			}
			if b >= i && b < m.s.Hidden {
				add(first+i, first+b, p.PhiPhi)
			}
		}
	}
}
