package models

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// LeastSquares implements Residualer: residual t·out + o belongs to output o of
// row t, and the network is linear in v and c.
func (l *mlpLike) LeastSquares() (LeastSquares, bool) {
	m := l.m
	ls := LeastSquares{Rows: l.z.N * m.s.Out, Weight: l.Weight() * float64(m.s.Out), Noise: -1, Sigma: m.s.Sigma}
	for _, w := range l.w {
		if w < 0 {
			return LeastSquares{}, false
		}
	}
	if m.s.FreeSigma {
		ls.Noise, ls.Sigma = m.net, 0
	}
	for j := m.offOut; j < m.net; j++ {
		ls.Linear = append(ls.Linear, j)
	}
	return ls, true
}

// Residuals implements Residualer.
func (l *mlpLike) Residuals(dst []float64, jac *mat.Dense, theta []float64) {
	m, out := l.m, l.m.s.Out
	checkLen(len(dst), l.z.N*out)
	checkLen(len(theta), len(m.params))
	if jac != nil {
		if r, c := jac.Dims(); r != len(dst) || c != len(m.params) {
			panic(badShape)
		}
	}
	for t := range l.z.N {
		x, y := l.z.X(t), l.z.Y(t)
		w := 1.0
		if l.w != nil {
			w = math.Sqrt(l.w[t])
		}
		m.activate(l.phi, theta, x)
		if jac == nil {
			m.s.Act.value(l.phi)
		} else {
			m.s.Act.slope(l.phi, l.d1)
		}
		l.residual(theta, y)
		for o, r := range l.f {
			dst[t*out+o] = w * r
			if jac != nil {
				m.residualGrad(jac.RawRowView(t*out+o), theta, x, l.phi, l.d1, o, w)
			}
		}
	}
}

// residualGrad fills g (d) with −w ∇f_o at x, given hidden values and slopes.
func (m *MLP) residualGrad(g, theta, x, phi, d1 []float64, o int, w float64) {
	clear(g)
	lo := m.offOut + o*m.rowOut
	for i, p := range phi {
		g[lo+i] = -w * p
		b := -w * theta[lo+i] * d1[i]
		row := g[i*m.rowIn : i*m.rowIn+m.rowIn]
		for k, v := range x {
			row[k] = b * v
		}
		if m.s.Bias {
			row[len(x)] = b
		}
	}
	if m.s.Bias {
		g[lo+len(phi)] = -w
	}
}
