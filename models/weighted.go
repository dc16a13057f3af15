package models

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// Weighted returns l with weight w[t] on its term t: LogLik becomes
// Σ_t w_t log p(y_t | y_<t, x_t; θ), Weight becomes Σ w_t, while Terms and
// ScoreTerms stay as they are. A term of weight 0 does not count, even where it
// is -Inf. Weights must be finite; quadrature rules have negative ones.
//
// w (n) is kept, not copied, and may be changed between evaluations. If l has
// weights already, w takes their place. Use l and the result from one goroutine,
// not at the same time: they may share scratch.
//
// A family that implements Reweighter keeps all its capabilities. Otherwise the
// result has a score if l has per-term scores, at the cost of all n of them, and
// the starts of l if it has those; Score and Hess take differences for the rest.
// What l knows of its unweighted self (Hess, EMStep, BatchScore, LogLiks,
// Maximum, Floored) is not forwarded, for it would be wrong or could not be
// reached. It panics if w has another length than the terms of l.
func Weighted(l Likelihood, w []float64) Likelihood {
	checkLen(len(w), l.N())
	for _, wt := range w {
		if math.IsNaN(wt) || math.IsInf(wt, 0) {
			panic("models: a weight is not finite")
		}
	}
	if r, ok := l.(Reweighter); ok {
		return r.Reweight(w)
	}
	plain := &weighted{l: l, w: w, terms: make([]float64, l.N())}
	starter, starts := l.(Starter)
	scorer, scores := l.(TermScorer)
	if !scores {
		if starts {
			return struct {
				*weighted
				Starter
			}{plain, starter}
		}
		return plain
	}
	scored := &weightedScore{weighted: plain, scorer: scorer, s: mat.NewDense(l.N(), Dim(l.Model()), nil)}
	if starts {
		return struct {
			*weightedScore
			Starter
		}{scored, starter}
	}
	return scored
}

// weighted is a weighted likelihood of a family that cannot reweight itself.
type weighted struct {
	l     Likelihood
	w     []float64
	terms []float64
}

func (b *weighted) Model() Model               { return b.l.Model() }
func (b *weighted) N() int                     { return b.l.N() }
func (b *weighted) Terms(dst, theta []float64) { b.l.Terms(dst, theta) }

// Reweight replaces the weights; wrapping the wrapper would only cost time.
func (b *weighted) Reweight(w []float64) Likelihood { return Weighted(b.l, w) }

func (b *weighted) Weight() float64 {
	var sum float64
	for _, w := range b.w {
		sum += w
	}
	return sum
}

func (b *weighted) LogLik(theta []float64) float64 {
	b.l.Terms(b.terms, theta)
	var sum float64
	for t, w := range b.w {
		if w == 0 { // 0·(-Inf) is NaN
			continue
		}
		if math.IsInf(b.terms[t], -1) { // whatever the sign of its weight
			return math.Inf(-1)
		}
		sum += w * b.terms[t]
	}
	return sum
}

// weightedScore adds the score, Σ w_t s_t.
type weightedScore struct {
	*weighted
	scorer TermScorer
	s      *mat.Dense // n×d
}

func (b *weightedScore) ScoreTerms(dst *mat.Dense, theta []float64) { b.scorer.ScoreTerms(dst, theta) }

func (b *weightedScore) Score(dst, theta []float64) float64 {
	_, d := b.s.Dims()
	checkLen(len(dst), d)
	loglik := b.LogLik(theta)
	if math.IsInf(loglik, -1) {
		return loglik
	}
	b.scorer.ScoreTerms(b.s, theta)
	clear(dst)
	for t, w := range b.w {
		if w == 0 {
			continue
		}
		for j, s := range b.s.RawRowView(t) {
			dst[j] += w * s
		}
	}
	return loglik
}
