package models

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// mlpBench runs f on likelihoods of 1000 rows and reports the time per row and
// hidden unit.
func mlpBench(b *testing.B, f func(l *mlpLike, theta []float64)) {
	const n = 1000
	for _, s := range []MLPSettings{
		{}, {Act: TanhUnit}, {Act: ReLUUnit, Bias: true}, {In: 10, Hidden: 20, Out: 2, Act: TanhUnit, Bias: true, FreeSigma: true},
	} {
		m := mlpMust(b, s)
		b.Run(fmt.Sprintf("%v,%d-%d-%d", m.s.Act, m.s.In, m.s.Hidden, m.s.Out), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 1))
			theta := mlpTheta(m, rng)
			l := mlpDrawn(b, m, theta, n, rng)
			b.ReportAllocs()
			for b.Loop() {
				f(l, theta)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n*m.s.Hidden), "ns/row/unit")
		})
	}
}

func BenchmarkMLPLogLik(b *testing.B) {
	mlpBench(b, func(l *mlpLike, theta []float64) { l.LogLik(theta) })
}

func BenchmarkMLPScore(b *testing.B) {
	var g []float64
	mlpBench(b, func(l *mlpLike, theta []float64) {
		if len(g) != len(theta) {
			g = make([]float64, len(theta))
		}
		l.Score(g, theta)
	})
}

func BenchmarkMLPHess(b *testing.B) {
	var h *mat.SymDense
	mlpBench(b, func(l *mlpLike, theta []float64) {
		if h == nil || h.SymmetricDim() != len(theta) {
			h = mat.NewSymDense(len(theta), nil)
		}
		l.Hess(h, theta)
	})
}

func BenchmarkMLPFisher(b *testing.B) {
	for _, s := range []MLPSettings{{}, {In: 10, Hidden: 5}, {Act: TanhUnit}, {In: 2, Act: TanhUnit}} {
		m := mlpMust(b, s)
		f, route := m.Fisher()
		b.Run(fmt.Sprintf("%v,%d-%d-%d,%v", m.s.Act, m.s.In, m.s.Hidden, m.s.Out, route), func(b *testing.B) {
			theta := mlpTheta(m, rand.New(rand.NewPCG(1, 1)))
			g := mat.NewSymDense(len(theta), nil)
			b.ReportAllocs()
			for b.Loop() {
				f(g, theta)
			}
		})
	}
	m := mlpMust(b, MLPSettings{})
	factor, _ := m.FisherFactor()
	b.Run("factor", func(b *testing.B) {
		theta := overlapTheta(0.01, 0.4, 1, 1)
		b.ReportAllocs()
		for b.Loop() {
			factor(theta)
		}
	})
}
