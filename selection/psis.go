package selection

import (
	"math"
	"slices"

	"github.com/neuromanifold/neuromanifold/estimation"
)

// FitPareto fits the generalised Pareto distribution with location 0 to the sorted
// positive sample x by the empirical-Bayes estimate of Zhang and Stephens (2009,
// Technometrics 51, 316), k > 0 being a heavy tail, and shrinks k toward 1/2 with
// the weight of ten observations (Vehtari et al. 2024, JMLR 25(72), appendix G);
// raw is k before that. Both are NaN for fewer than 5 values or a constant sample.
func FitPareto(x []float64) (k, sigma, raw float64) {
	n := len(x)
	if n < 5 || !(x[n-1] > x[0]) {
		return math.NaN(), math.NaN(), math.NaN()
	}
	const prior = 3
	quartile := x[int(float64(n)/4+0.5)-1]
	grid := 30 + int(math.Sqrt(float64(n)))
	theta, profile := make([]float64, grid), make([]float64, grid)
	shape := func(th float64) float64 {
		var s float64
		for _, v := range x {
			s += math.Log1p(-th * v)
		}
		return s / float64(n)
	}
	for j := range grid {
		th := 1/x[n-1] + (1-math.Sqrt(float64(grid)/(float64(j)+0.5)))/(prior*quartile)
		a := shape(th)
		theta[j], profile[j] = th, float64(n)*(math.Log(-th/a)-a-1)
	}
	total := logSumExp(profile)
	var at float64
	for j, th := range theta {
		at += th * math.Exp(profile[j]-total)
	}
	raw = shape(at)
	sigma = -raw / at
	k = (raw*float64(n) + 5) / (float64(n) + 10)
	return k, sigma, raw
}

// A LOO is leave-one-out cross-validation from one set of posterior draws.
type LOO struct {
	Predictive
	K []float64 // shape of the tail of the importance ratios of every row (n)
	// Limit is the k above which the estimate of a row is not to be trusted:
	// min(1 − 1/log₁₀ S, 0.7).
	Limit float64
	Bad   int // rows above it
}

// PSISLOO returns Pareto-smoothed importance-sampling leave-one-out
// cross-validation (Vehtari, Gelman and Gabry 2017, Stat. Comput. 27, 1413) from
// equally weighted posterior draws. reff is their relative efficiency, 1 for
// independent ones; it lengthens the tail that is smoothed. It panics for weighted
// draws: on the nodes of a quadrature ImportanceLOO is exact.
func PSISLOO(d estimation.Draws, reff float64) *LOO {
	if d.Weight != nil {
		panic("selection: Pareto smoothing of weighted draws")
	}
	s, n := d.S(), d.N
	out := &LOO{Predictive: newPredictive(n), K: make([]float64, n), Limit: min(1-1/math.Log10(float64(s)), 0.7)}
	w := newSmoother(s, reff)
	col := make([]float64, s)
	for t := range n {
		column(col, d, t)
		out.Pointwise[t], out.K[t] = w.loo(col)
		out.Term[t] = logMeanExp(col, nil) - out.Pointwise[t]
		if !(out.K[t] <= out.Limit) {
			out.Bad++
		}
	}
	out.sum()
	return out
}

// ImportanceLOO returns leave-one-out cross-validation by plain importance
// sampling, elpd_t = −log mean_s exp(−ℓ_st) (Gelfand, Dey and Chang 1992), whose
// variance over draws may be infinite. On weighted nodes it is exact.
func ImportanceLOO(d estimation.Draws) Predictive {
	out := newPredictive(d.N)
	col, neg := make([]float64, d.S()), make([]float64, d.S())
	for t := range d.N {
		column(col, d, t)
		for i, v := range col {
			neg[i] = -v
		}
		out.Pointwise[t] = -logMeanExp(neg, d.Weight)
		out.Term[t] = logMeanExp(col, d.Weight) - out.Pointwise[t]
	}
	out.sum()
	return out
}

// A smoother replaces the largest importance ratios of one row.
type smoother struct {
	tail  int
	order []int
	lw    []float64
	x     []float64
}

func newSmoother(s int, reff float64) *smoother {
	tail := int(math.Ceil(min(0.2*float64(s), 3*math.Sqrt(float64(s)/reff))))
	return &smoother{tail: tail, order: make([]int, s), lw: make([]float64, s), x: make([]float64, tail)}
}

// loo returns the leave-one-out density of a row with the log-likelihoods ll, and
// the shape of its ratios: -Inf where the tail is constant or too short to say.
func (w *smoother) loo(ll []float64) (elpd, k float64) {
	s := len(ll)
	least := slices.Min(ll)
	for i, v := range ll {
		w.lw[i] = least - v // ratios exp(−ℓ), the largest 1
		w.order[i] = i
	}
	k = math.Inf(-1)
	if w.tail >= 5 && w.tail < s {
		slices.SortStableFunc(w.order, func(a, b int) int {
			switch {
			case w.lw[a] < w.lw[b]:
				return -1
			case w.lw[a] > w.lw[b]:
				return 1
			}
			return 0
		})
		k = w.smooth(w.order[s-w.tail:], w.lw[w.order[s-w.tail-1]])
	}
	total := logSumExp(w.lw)
	for i, v := range ll {
		w.lw[i] += v
	}
	return logSumExp(w.lw) - total, k
}

// smooth replaces the ratios of the sorted tail by quantiles of the fitted Pareto
// law, at most the largest raw one.
func (w *smoother) smooth(tail []int, cutoff float64) float64 {
	base := math.Exp(cutoff)
	for j, i := range tail {
		w.x[j] = math.Exp(w.lw[i]) - base
	}
	k, sigma, _ := FitPareto(w.x)
	if math.IsNaN(k) || math.IsInf(k, 0) || !(w.x[0] >= 0) {
		return math.Inf(-1)
	}
	m := float64(len(tail))
	for j, i := range tail {
		p := (float64(j) + 0.5) / m
		q := sigma * math.Expm1(-k*math.Log1p(-p)) / k
		if k == 0 {
			q = -sigma * math.Log1p(-p)
		}
		w.lw[i] = min(math.Log(q+base), 0)
	}
	return k
}
