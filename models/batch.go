package models

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// A BatchLikelihood is the Likelihood of some rows of a larger one. N and Weight
// are the number of these rows.
type BatchLikelihood interface {
	Likelihood
	// SetRows puts other rows, of any number, in the place of those in use.
	// rows is kept, not copied, and may be changed between evaluations.
	SetRows(rows []int)
}

// Batch returns the likelihood of the given rows of l, counted from 0, for
// mini-batches: LogLik = Σ_{t ∈ rows} log p(y_t | x_t; θ), where a row that is
// given twice counts twice. rows is kept, not copied, as by SetRows. Weights of
// l do not count: weigh the batch instead.
//
// It returns an error if the model is a series, whose terms depend on the past
// and are never a bag, and if l has weights that it cannot lay down. It panics
// if a row does not exist.
//
// The result has the score, per-term scores and starts (from all the data) that
// l has. The cost is that of the rows if l implements Batcher; otherwise every
// evaluation computes all n terms and takes its own from them. Use l and the
// result from one goroutine, not at the same time: they may share scratch.
func Batch(l Likelihood, rows []int) (BatchLikelihood, error) {
	m := l.Model()
	if m.Shape().Series {
		return nil, fmt.Errorf("%v: a batch needs exchangeable rows, and the rows of a series are not", m)
	}
	// A sum of weights equal to n does not tell: those of a bootstrap have it.
	if _, weighs := l.(Weigher); weighs {
		r, ok := l.(Reweighter)
		if !ok {
			return nil, fmt.Errorf("%v: a batch of a weighted likelihood is not defined: weigh the batch", m)
		}
		l = r.Reweight(slices.Repeat([]float64{1}, l.N()))
	}
	d := Dim(m)
	plain := &batch{l: l}
	plain.SetRows(rows)
	batcher, batches := l.(Batcher)
	scorer, scores := l.(TermScorer)
	starter, starts := l.(Starter)
	if !batches {
		plain.terms = make([]float64, l.N())
	}
	if !batches && !scores {
		if starts {
			return struct {
				*batch
				Starter
			}{plain, starter}, nil
		}
		return plain, nil
	}
	scored := &batchScore{batch: plain}
	if batches {
		plain.batcher, plain.g = batcher, make([]float64, d)
	} else {
		scored.scorer, scored.s = scorer, mat.NewDense(l.N(), d, nil)
	}
	if starts {
		return struct {
			*batchScore
			Starter
		}{scored, starter}, nil
	}
	return scored, nil
}

// batch evaluates rows through the batcher or, without one, out of all terms.
type batch struct {
	l       Likelihood
	rows    []int
	one     [1]int
	batcher Batcher   // nil: all terms are computed
	g       []float64 // d, with a batcher: a score that nobody asked for
	terms   []float64 // n, without one
}

func (b *batch) Model() Model { return b.l.Model() }
func (b *batch) N() int       { return len(b.rows) }

func (b *batch) SetRows(rows []int) {
	for _, t := range rows {
		if t < 0 || t >= b.l.N() {
			panic(fmt.Sprintf("models: row %d of a batch is outside [0, %d)", t, b.l.N()))
		}
	}
	b.rows = rows
}

func (b *batch) LogLik(theta []float64) float64 {
	if b.batcher != nil {
		return b.batcher.BatchScore(b.g, theta, b.rows)
	}
	b.l.Terms(b.terms, theta)
	var sum float64
	for _, t := range b.rows {
		sum += b.terms[t]
	}
	if math.IsNaN(sum) { // +Inf where a density is unbounded, -Inf where another is 0
		return math.Inf(-1)
	}
	return sum
}

func (b *batch) Terms(dst, theta []float64) {
	checkLen(len(dst), len(b.rows))
	if b.batcher == nil {
		b.l.Terms(b.terms, theta)
	}
	for i, t := range b.rows {
		if b.batcher != nil {
			b.one[0] = t
			dst[i] = b.batcher.BatchScore(b.g, theta, b.one[:])
		} else {
			dst[i] = b.terms[t]
		}
	}
}

// batchScore adds scores: those of the batcher, or sums of per-term scores.
type batchScore struct {
	*batch
	scorer TermScorer // where there is no batcher
	s      *mat.Dense // n×d, where there is no batcher
}

func (b *batchScore) Score(dst, theta []float64) float64 {
	if b.batcher != nil {
		return b.batcher.BatchScore(dst, theta, b.rows)
	}
	_, d := b.s.Dims()
	checkLen(len(dst), d)
	loglik := b.LogLik(theta)
	if math.IsInf(loglik, -1) {
		return loglik
	}
	b.scorer.ScoreTerms(b.s, theta)
	clear(dst)
	for _, t := range b.rows {
		for j, s := range b.s.RawRowView(t) {
			dst[j] += s
		}
	}
	return loglik
}

func (b *batchScore) ScoreTerms(dst *mat.Dense, theta []float64) {
	if n, d := dst.Dims(); n != len(b.rows) || d != len(theta) {
		panic(badShape)
	}
	if b.batcher == nil {
		b.scorer.ScoreTerms(b.s, theta)
	}
	for i, t := range b.rows {
		if b.batcher != nil {
			b.one[0] = t
			b.batcher.BatchScore(dst.RawRowView(i), theta, b.one[:])
		} else {
			copy(dst.RawRowView(i), b.s.RawRowView(t))
		}
	}
}
