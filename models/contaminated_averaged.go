package models

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// Average implements Averager by adaptive quadrature, under a truth that is a
// contaminated normal or a mixture on the line.
func (m *Contaminated) Average(truth Model, at []float64) (Averaged, Route) {
	c := lineTruth(truth, at)
	if c == nil {
		return nil, Quadrature
	}
	return &contaminatedAverage{m: m, mix: newMixAverage(m.mixture(), c), theta: make([]float64, 3), s: make([]float64, 3), h: mat.NewSymDense(3, nil)}, Quadrature
}

// mixture is the mixture of two normals with weights a and 1−a and means b and 0: in
// this order a small weight a keeps its digits.
func (m *Contaminated) mixture() *Mixture {
	mix, err := NewMixture(MixtureSettings{K: 2, Variance: VarKnown, Sigma: m.s.SD, Bound: m.s.Bound})
	if err != nil {
		panic("models: " + err.Error()) // the settings are those of m
	}
	return mix
}

// A contaminatedAverage reads that mixture in a and b.
type contaminatedAverage struct {
	m        *Contaminated
	mix      *mixAverage
	theta, s []float64 // a, b, 0
	h        *mat.SymDense
}

// at fills the coordinates of the mixture.
func (a *contaminatedAverage) at(theta []float64) []float64 {
	checkLen(len(theta), 2)
	copy(a.theta, theta)
	return a.theta
}

func (a *contaminatedAverage) Model() Model { return a.m }
func (a *contaminatedAverage) N() int       { return 1 }

// Met implements Averaged.
func (a *contaminatedAverage) Met() bool { return a.mix.Met() }

// LogLik implements Likelihood.
func (a *contaminatedAverage) LogLik(theta []float64) float64 { return a.mix.LogLik(a.at(theta)) }

// Terms implements Likelihood.
func (a *contaminatedAverage) Terms(dst, theta []float64) { a.mix.Terms(dst, a.at(theta)) }

// Divergence implements Averaged.
func (a *contaminatedAverage) Divergence(theta []float64) (kl, errBound float64) {
	return a.mix.Divergence(a.at(theta))
}

// Score implements Scorer.
func (a *contaminatedAverage) Score(dst, theta []float64) float64 {
	checkLen(len(dst), 2)
	l := a.mix.Score(a.s, a.at(theta))
	copy(dst, a.s)
	return l
}

// Hess implements Hesser.
func (a *contaminatedAverage) Hess(dst *mat.SymDense, theta []float64) {
	checkSym(dst, 2)
	a.mix.Hess(a.h, a.at(theta))
	dst.SetSym(0, 0, a.h.At(0, 0))
	dst.SetSym(0, 1, a.h.At(0, 1))
	dst.SetSym(1, 1, a.h.At(1, 1))
}

// EMStep implements EMStepper.
func (a *contaminatedAverage) EMStep(dst, theta []float64) float64 {
	checkLen(len(dst), 2)
	l := a.mix.EMStep(a.s, a.at(theta))
	if math.IsInf(l, -1) {
		copy(dst, theta)
		return l
	}
	copy(dst, a.s)
	return l
}
