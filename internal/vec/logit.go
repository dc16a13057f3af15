package vec

import "math"

// A Logit is a probability r with linear log-odds t = Odds + Slope (y − Mid), as that of
// the lighter of two normal components of one variance. Odds are at most 0.
type Logit struct{ Odds, Slope, Mid float64 }

// logitSums are a product, which stands for the sum of its logarithms, sums, and π.
type logitSums struct{ product, positive, r, re, pi float64 }

// logitBlock is the number of observations per logarithm: a product of as many
// numbers in [1/2, 2] neither overflows nor underflows.
const logitBlock = 1016

// Sums returns Σ log(1 − π + π e^(Slope (y − Mid))) over y, Σ r and Σ r (y − Mid), and
// the prior probability π = 1/(1 + e^−Odds). The derivatives of the first are Σ (r − π)
// by Odds and the third by Slope. It takes one exponential and one division per
// observation, and one logarithm per block. An r or π below e^-708 counts as 0.
func (l Logit) Sums(y []float64) (log, r, re, pi float64) {
	var logs float64
	for len(y) > 0 {
		part := y[:min(logitBlock, len(y))]
		y = y[len(part):]
		var s logitSums
		logitLanes(&s, &l, part)
		logs += math.Log(s.product)
		log += s.positive
		r += s.r
		re += s.re
		pi = s.pi
	}
	// log(1 + e^t) = max(t, 0) + log(1 + e^−|t|)
	return log + logs, r, re, pi
}

// logitPortable takes y in several passes, as pairPortable does.
func logitPortable(out *logitSums, l *Logit, y []float64) {
	const most = 64
	var e, t, x [most]float64
	var prod, positive, s0, s1 vector
	for i := range prod {
		prod[i] = 1
	}
	odds := expNeg(l.Odds)
	rest := 1 / (1 + odds)
	for len(y) > 0 {
		part := y[:min(most, len(y))]
		y = y[len(part):]
		for i, v := range part {
			d := v - l.Mid
			z := math.FMA(l.Slope, d, l.Odds)
			top, _ := swapNeg(z, z, 0)
			positive[i&(lanes-1)] += top
			i &= most - 1
			e[i], t[i], x[i] = d, z, -math.Abs(z)
		}
		expNegs(x[:len(part)])
		for i := range min(lanes, len(part)) {
			logitMoments(i, rest, e[:len(part)], t[:len(part)], x[:len(part)], &prod, &s0, &s1)
		}
	}
	*out = logitSums{prod.product(), positive.sum(), s0.sum(), s1.sum(), odds * rest}
}

// logitMoments takes every eighth observation from i into accumulator i.
func logitMoments(i int, rest float64, e, t, x []float64, prod, s0, s1 *vector) {
	i &= lanes - 1
	p, u, v := prod[i], s0[i], s1[i]
	t, x = t[:len(e)], x[:len(e)]
	for k := i; k < len(e); k += lanes {
		p *= math.FMA(rest, x[k], rest)
		top, _ := swapNeg(t[k], 1, x[k])
		r := top / (1 + x[k])
		u += r
		v = math.FMA(r, e[k], v)
	}
	prod[i], s0[i], s1[i] = p, u, v
}
