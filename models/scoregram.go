package models

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/internal/vec"
)

// A ScoreGrammer computes the Gram matrix of the scores of some rows without the
// scores themselves. Ask through ScoreGram.
type ScoreGrammer interface {
	// ScoreGram fills gram (B×B) with s_i·s_j over the scores s of the terms with
	// the B given row indices, not weighted, and score (d) with their sum, and
	// returns the sum of the terms. Where that is -Inf both are left unspecified.
	ScoreGram(gram *mat.SymDense, score, theta []float64, rows []int) (loglik float64)
}

// ScoreGram returns the function of ScoreGrammer for l: its own (Exact), or one
// that multiplies the scores of all terms (Elemental), for which l needs a
// TermScorer. Weights of l do not count. Series, which are no bag of rows, are an
// error.
func ScoreGram(l Likelihood) (f func(gram *mat.SymDense, score, theta []float64, rows []int) (loglik float64), route Route, err error) {
	m := l.Model()
	if m.Shape().Series {
		return nil, 0, fmt.Errorf("%v: a Gram matrix of scores needs exchangeable rows, and the rows of a series are not", m)
	}
	if g, ok := l.(ScoreGrammer); ok {
		return g.ScoreGram, Exact, nil
	}
	ts, ok := l.(TermScorer)
	if !ok {
		return nil, 0, fmt.Errorf("%v: no scores of terms", m)
	}
	d := Dim(m)
	all, terms := mat.NewDense(l.N(), d, nil), make([]float64, l.N())
	return func(gram *mat.SymDense, score, theta []float64, rows []int) float64 {
		checkLen(gram.SymmetricDim(), len(rows))
		checkLen(len(score), d)
		l.Terms(terms, theta)
		sum := 0.0
		for _, t := range rows {
			sum += terms[t]
		}
		if sum-sum != 0 {
			return math.Inf(-1)
		}
		ts.ScoreTerms(all, theta)
		clear(score)
		for i, t := range rows {
			s := all.RawRowView(t)
			for j, v := range s {
				score[j] += v
			}
			for k := i; k < len(rows); k++ {
				gram.SetSym(i, k, dot(s, all.RawRowView(rows[k])))
			}
		}
		return sum
	}, Elemental, nil
}

// ScoreGram implements ScoreGrammer. The score of a row is a gradient of matrix
// products, so that layer by layer
//
//	s_i·s_j = Σ_l (δˡ_i·δˡ_j) (hˡ⁻¹_i·hˡ⁻¹_j + 1),
//
// the 1 for biases, with the derivatives δˡ of the term by uˡ: no gradient of
// length P is formed. It allocates where more rows are given than ever before.
func (l *deepLike) ScoreGram(gram *mat.SymDense, score, theta []float64, rows []int) float64 {
	b := len(rows)
	checkLen(gram.SymmetricDim(), b)
	checkLen(len(score), len(l.m.params))
	if !l.inDomain(theta) {
		return math.Inf(-1)
	}
	p := l.pass
	if b > p.size {
		if l.wide == nil || b > l.wide.size {
			l.wide = newDeepPass(l.m.net, b)
			l.noise = slices.Grow(l.noise, b)[:max(b, len(l.noise))]
		}
		p = l.wide
	}
	p.reset()
	for _, t := range rows {
		p.push(l.z.X(t), t)
	}
	p.forward(theta, true)
	s2, total := l.m.variance(theta), 0.0
	for r := range b {
		total += l.term(p, r, s2, true)
	}
	p.backward(theta)
	clear(score)
	p.addGradient(score)
	p.gram(gram)
	if l.m.s.FreeSigma {
		for i := range b {
			score[l.m.net.Dim()] += l.noise[i]
			for j := i; j < b; j++ {
				gram.SetSym(i, j, gram.At(i, j)+l.noise[i]*l.noise[j])
			}
		}
	}
	return finiteOrMinusInf(total)
}

// gram fills dst with the inner products of the gradients of the rows. Its lower
// triangle is scratch.
func (p *deepPass) gram(dst *mat.SymDense) {
	b := len(p.rows)
	full := part(dst, 0, 0, b, b)
	for i := range b {
		clear(rowAt(full, i))
	}
	if cap(p.hh) < b*b {
		p.hh, p.dd = make([]float64, b*b), make([]float64, b*b)
	}
	hh, dd := vec.RowMajor(p.hh[:b*b], b, b, b), vec.RowMajor(p.dd[:b*b], b, b, b)
	for l := 1; l <= p.net.Depth(); l++ {
		bias := 0.0
		if p.net.s.Bias {
			bias = 1
		}
		for i := range hh.Data {
			hh.Data[i] = bias
		}
		clear(dd.Data)
		h, d := matrix(p.h[l-1]), matrix(p.delta[l])
		p.prod.AddUpper(hh, 1, h, h.T())
		p.prod.AddUpper(dd, 1, d, d.T())
		for i := range b {
			row := rowAt(full, i)
			for j := i; j < b; j++ {
				row[j] += hh.Data[i*b+j] * dd.Data[i*b+j]
			}
		}
	}
}
