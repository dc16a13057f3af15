package models

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// LeastSquares implements Residualer: the network is linear in v.
func (l *rbfLik) LeastSquares() (LeastSquares, bool) {
	for _, w := range l.w {
		if w < 0 {
			return LeastSquares{}, false
		}
	}
	s := l.m.s
	ls := LeastSquares{Rows: l.z.N, Weight: l.Weight(), Noise: -1, Sigma: s.Sigma}
	if s.FreeSigma {
		ls.Noise, ls.Sigma = len(l.m.params)-1, 0
	}
	for i := range s.Hidden {
		ls.Linear = append(ls.Linear, s.Hidden*s.In+i)
	}
	return ls, true
}

// Residuals implements Residualer.
func (l *rbfLik) Residuals(dst []float64, jac *mat.Dense, theta []float64) {
	checkLen(len(dst), l.z.N)
	checkLen(len(theta), len(l.m.params))
	if jac != nil {
		if r, c := jac.Dims(); r != len(dst) || c != len(theta) {
			panic(badShape)
		}
	}
	for t := range dst {
		w := math.Sqrt(l.rowWeight(t))
		var g []float64
		if jac != nil {
			g = jac.RawRowView(t)
			clear(g)
		}
		dst[t] = w * (l.z.Y(t)[0] - l.m.output(g, theta, l.z.X(t)))
		for j := range g {
			g[j] *= -w
		}
	}
}
