package selection

import (
	"fmt"
	"math"

	"github.com/neuromanifold/neuromanifold/estimation"
)

// A Predictive is an estimate of the expected log pointwise predictive density of
// a Bayesian predictive distribution on new rows, in nats.
type Predictive struct {
	ELPD, SE  float64   // Σ elpd_t and √(n Var_t elpd_t)
	P         float64   // effective number of parameters, lppd − elpd
	Pointwise []float64 // elpd_t (n)
	Term      []float64 // the part of P of every row (n)
}

// WAIC returns the widely applicable information criterion of Watanabe (2010) in
// its two forms from at least two posterior draws with terms ℓ_st = log p(y_t | θ_s):
//
//	variance form  elpd_t = lppd_t − Var_s ℓ_st
//	gibbs form     elpd_t = lppd_t − 2 (lppd_t − mean_s ℓ_st)
//
// with lppd_t = log mean_s exp ℓ_st. The variance has the divisor S−1 for equal
// weights, and is that of the weighted law, which then is the posterior on the nodes
// of a quadrature, otherwise. Both are asymptotically unbiased, at singular truths
// too; they agree to O(n⁻²) per row. Half the first P is the singular fluctuation.
func WAIC(d estimation.Draws) (variance, gibbs Predictive) {
	if d.S() < 2 {
		panic("selection: WAIC needs two draws")
	}
	variance, gibbs = newPredictive(d.N), newPredictive(d.N)
	col := make([]float64, d.S())
	for t := range d.N {
		column(col, d, t)
		lppd := logMeanExp(col, d.Weight)
		mean, v := meanVar(col)
		if d.Weight != nil {
			mean, v = weightedMoments(col, d.Weight)
		}
		variance.Term[t], gibbs.Term[t] = v, 2*(lppd-mean)
		variance.Pointwise[t], gibbs.Pointwise[t] = lppd-v, lppd-2*(lppd-mean)
	}
	variance.sum()
	gibbs.sum()
	return variance, gibbs
}

// column fills dst (S) with the values of term t.
func column(dst []float64, d estimation.Draws, t int) {
	for s := range dst {
		dst[s] = d.Terms[s*d.N+t]
	}
}

func newPredictive(n int) Predictive {
	return Predictive{Pointwise: make([]float64, n), Term: make([]float64, n)}
}

func (p *Predictive) sum() {
	for t, e := range p.Pointwise {
		p.ELPD += e
		p.P += p.Term[t]
	}
	_, v := meanVar(p.Pointwise)
	p.SE = math.Sqrt(float64(len(p.Pointwise)) * v)
}

// score returns −2 elpd.
func (p *Predictive) score() Score {
	s := Score{Value: -2 * p.ELPD, SE: 2 * p.SE, Pointwise: make([]float64, len(p.Pointwise))}
	for t, e := range p.Pointwise {
		s.Pointwise[t] = -2 * e
	}
	return s
}

// meanVar returns the mean and the variance with divisor n−1 (0 for one value).
func meanVar(x []float64) (mean, v float64) {
	n := float64(len(x))
	for _, a := range x {
		mean += a / n
	}
	for _, a := range x {
		v += (a - mean) * (a - mean)
	}
	if n > 1 {
		v /= n - 1
	}
	return mean, v
}

func weightedMoments(x, w []float64) (mean, v float64) {
	for i, a := range x {
		if w[i] > 0 {
			mean += w[i] * a
		}
	}
	for i, a := range x {
		if w[i] > 0 {
			v += w[i] * (a - mean) * (a - mean)
		}
	}
	return mean, v
}

// logMeanExp is log Σ w exp x with the weights w, or equal ones if w is nil.
func logMeanExp(x, w []float64) float64 {
	if w == nil {
		return logSumExp(x) - math.Log(float64(len(x)))
	}
	top := math.Inf(-1)
	for i, a := range x {
		if w[i] > 0 {
			top = max(top, a)
		}
	}
	if math.IsInf(top, 0) {
		return top
	}
	var s float64
	for i, a := range x {
		if w[i] > 0 {
			s += w[i] * math.Exp(a-top)
		}
	}
	return top + math.Log(s)
}

func logSumExp(x []float64) float64 {
	top := math.Inf(-1)
	for _, a := range x {
		top = max(top, a)
	}
	if math.IsInf(top, 0) {
		return top
	}
	var s float64
	for _, a := range x {
		s += math.Exp(a - top)
	}
	return top + math.Log(s)
}

// waicLimit is the variance of a term above which the variance form is in doubt
// (Vehtari, Gelman and Gabry 2017, section 2.2).
const waicLimit = 0.4

var waic = Criterion{
	Name: "waic", Aim: Predict, Needs: NeedRows | NeedDraws,
	Doc: "widely applicable: −2 Σ (lppd − Var ℓ); holds at singular truths",
	Ref: "S. Watanabe (2010), Journal of Machine Learning Research 11:3571-3594",
	Score: func(all []*Material, i int) Score {
		v, g := WAIC(all[i].Posterior.Draws)
		s := v.score()
		high := 0
		for _, x := range v.Term {
			if x > waicLimit {
				high++
			}
		}
		if high > 0 {
			s.Warnings = append(s.Warnings, fmt.Sprintf("terms vary by more than %v over the posterior: prefer loo", waicLimit))
		}
		s.Details = []Detail{{"p", v.P}, {"gibbs_form", -2 * g.ELPD}, {"terms_above", float64(high)}}
		return s
	},
}
