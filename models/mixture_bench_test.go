package models

import (
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

var mixtureBenchmarks = []struct {
	name, text string
	theta      []float64
}{
	{"k2-known", "mixture:k=2,sd=1", []float64{0.4, -0.5, 0.8}},
	{"k2-tied", "mixture:k=2,sd=tied", []float64{0.4, -0.5, 0.8, 1.1}},
	{"k2-free", "mixture:k=2", []float64{0.4, -0.5, 0.8, 1.1, 0.7}},
	{"k4-free", "mixture:k=4", []float64{0.4, 0.2, 0.3, -0.5, 0.8, 2, 3, 1.1, 0.7, 1, 1}},
	{"k2-dim2", "mixture:k=2,dim=2", []float64{0.4, 0, 1, 2, -1, 1, 0.3, 0.8, 2, -0.4, 0.5}},
}

// benchmarkMixture runs f on 1000 observations and reports the time per
// observation and component.
func benchmarkMixture(b *testing.B, f func(l Likelihood, dst, theta []float64)) {
	for _, c := range mixtureBenchmarks {
		b.Run(c.name, func(b *testing.B) {
			m := mustMixture(b, c.text)
			l, z := drawMixture(b, m, c.theta, 1000, 1)
			dst := make([]float64, len(c.theta))
			b.ReportAllocs()
			for b.Loop() {
				f(l, dst, c.theta)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*z.N*m.k), "ns/obs/comp")
		})
	}
}

func BenchmarkMixtureLogLik(b *testing.B) {
	benchmarkMixture(b, func(l Likelihood, _, theta []float64) { l.LogLik(theta) })
}

func BenchmarkMixtureScore(b *testing.B) {
	benchmarkMixture(b, func(l Likelihood, dst, theta []float64) { l.(Scorer).Score(dst, theta) })
}

func BenchmarkMixtureEMStep(b *testing.B) {
	benchmarkMixture(b, func(l Likelihood, dst, theta []float64) { l.(EMStepper).EMStep(dst, theta) })
}

func BenchmarkMixtureFisher(b *testing.B) {
	for _, c := range mixtureBenchmarks {
		b.Run(c.name, func(b *testing.B) {
			m := mustMixture(b, c.text)
			f, _ := m.Fisher()
			dst := mat.NewSymDense(len(c.theta), nil)
			f(dst, c.theta)
			b.ReportAllocs()
			for b.Loop() {
				f(dst, c.theta)
			}
		})
	}
}

func BenchmarkMixtureStart(b *testing.B) {
	l, _ := drawMixture(b, mustMixture(b, "mixture:k=2"), mixtureBenchmarks[2].theta, 1000, 1)
	dst := make([]float64, 5)
	rng := rand.New(rand.NewPCG(1, 2))
	b.ReportAllocs()
	for b.Loop() {
		l.(Starter).Start(dst, rng)
	}
}
