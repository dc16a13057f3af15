package selection

import (
	"fmt"
	"math"
)

// mostVectors bounds the enumeration of LogBinomialMixtureNML.
const mostVectors = 100_000

// LogBinomialMixtureNML returns the parametric complexity of a mixture of k
// binomials of the given number of trials for n observations: the logarithm of the
// sum, over all data sets of counts, of the likelihood at its own maximum. Data sets
// with the same number of observations in every cell are taken together, so that
// the sum has (n+trials over trials) terms, each a maximisation. It is the exact
// normalised maximum likelihood of a singular model; nothing is asymptotic. The maxima
// stop where EM gains less than 1e-10 nats a step, which leaves the value less than 1e-7
// short of what steps down to 1e-14 give. It is an error where there are more than
// 100 000 terms.
//
// One component has the total as its sufficient statistic and is the multinomial
// of two cells with n × trials observations. A maximum that reaches the entropy of
// the cells cannot be exceeded, and ends the search for that vector.
func LogBinomialMixtureNML(k, trials, n int) (float64, error) {
	if k < 1 || trials < 1 || n < 1 {
		return 0, fmt.Errorf("binomial mixture NML with k = %d, %d trials, n = %d: want whole numbers from 1", k, trials, n)
	}
	switch {
	case k == 1:
		return LogMultinomialNML(2, n*trials), nil
	case trials == 1:
		return LogMultinomialNML(2, n), nil
	}
	terms := 1.0
	for i := 1; i <= trials; i++ {
		terms *= float64(n+i) / float64(i)
	}
	if terms > mostVectors {
		return 0, fmt.Errorf("exact NML would need %.3g maximisations, more than %d", terms, mostVectors)
	}
	e := newCellEM(k, trials)
	counts := make([]int, trials+1)
	lgN, _ := math.Lgamma(float64(n) + 1)
	var logs []float64
	var walk func(cell, left int)
	walk = func(cell, left int) {
		if cell == trials {
			counts[cell] = left
			mirror := compareMirror(counts)
			if mirror > 0 {
				return // its mirror image y → trials − y has the same value
			}
			v := lgN + e.maximum(counts, n)
			for _, c := range counts {
				lg, _ := math.Lgamma(float64(c) + 1)
				v -= lg
			}
			if mirror < 0 {
				v += math.Ln2
			}
			logs = append(logs, v)
			return
		}
		for c := range left + 1 {
			counts[cell] = c
			walk(cell+1, left-c)
		}
	}
	walk(0, n)
	return logSumExp(logs), nil
}

// compareMirror compares counts with its reverse.
func compareMirror(counts []int) int {
	for i, j := 0, len(counts)-1; i < j; i, j = i+1, j-1 {
		if d := counts[i] - counts[j]; d != 0 {
			return d
		}
	}
	return 0
}

// A cellEM maximises the likelihood of a binomial mixture given cell counts.
type cellEM struct {
	k, trials  int
	choose     []float64 // log binomial coefficients
	w, p       []float64
	nw, np     []float64
	f          [][]float64 // f[i][y] = w_i Bin(y; p_i)
	start      [][]float64 // probabilities of the starts
	iterations int
}

func newCellEM(k, trials int) *cellEM {
	e := &cellEM{k: k, trials: trials, w: make([]float64, k), p: make([]float64, k), nw: make([]float64, k), np: make([]float64, k), iterations: 2000}
	lgT, _ := math.Lgamma(float64(trials) + 1)
	for y := range trials + 1 {
		a, _ := math.Lgamma(float64(y) + 1)
		b, _ := math.Lgamma(float64(trials-y) + 1)
		e.choose = append(e.choose, lgT-a-b)
	}
	e.f = make([][]float64, k)
	for i := range e.f {
		e.f[i] = make([]float64, trials+1)
	}
	// Starts: all choices of k increasing probabilities from a grid, its ends
	// included, where the likelihood of sparse vectors is the largest.
	grid := []float64{0, 0.2, 0.4, 0.6, 0.8, 1}
	var add func(from int, chosen []float64)
	add = func(from int, chosen []float64) {
		if len(chosen) == min(k, len(grid)) {
			v := append([]float64(nil), chosen...)
			for len(v) < k { // more components than grid points
				v = append(v, float64(len(v))/float64(k+1))
			}
			e.start = append(e.start, v)
			return
		}
		for j := from; j < len(grid); j++ {
			add(j+1, append(chosen, grid[j]))
		}
	}
	add(0, nil)
	return e
}

// maximum returns max ℓ without the multinomial coefficient of the data set: the
// sum over cells of counts log p(cell).
func (e *cellEM) maximum(counts []int, n int) float64 {
	var entropy, mean float64
	for y, c := range counts {
		entropy += xlogx(c, n)
		mean += float64(y*c) / float64(n*e.trials)
	}
	best := e.one(counts, mean)
	for _, s := range e.start {
		if entropy-best < 1e-9 {
			return best
		}
		for i, p := range s {
			// A component at 0 or 1 explains one cell; near it, it can move.
			e.p[i], e.w[i] = min(max(p, 0.002), 0.998), 1/float64(e.k)
		}
		best = max(best, e.climb(counts, n))
	}
	return best
}

// one is the maximum of a single binomial.
func (e *cellEM) one(counts []int, mean float64) float64 {
	var l float64
	for y, c := range counts {
		if c > 0 {
			l += float64(c) * (e.choose[y] + power(mean, y) + power(1-mean, e.trials-y))
		}
	}
	return l
}

// power is log p^y, 0 for y = 0.
func power(p float64, y int) float64 {
	if y == 0 {
		return 0
	}
	return float64(y) * math.Log(p)
}

// climb iterates EM until the gain of a step falls below 1e-10 nats.
func (e *cellEM) climb(counts []int, n int) float64 {
	last := math.Inf(-1)
	for range e.iterations {
		for i := range e.k {
			a, b, lw := math.Log(e.p[i]), math.Log1p(-e.p[i]), math.Log(e.w[i])
			for y := range e.f[i] {
				v := lw + e.choose[y]
				if y > 0 {
					v += float64(y) * a
				}
				if y < e.trials {
					v += float64(e.trials-y) * b
				}
				e.f[i][y] = math.Exp(v)
			}
			e.nw[i], e.np[i] = 0, 0
		}
		var l float64
		for y, c := range counts {
			if c == 0 {
				continue
			}
			var s float64
			for i := range e.k {
				s += e.f[i][y]
			}
			l += float64(c) * math.Log(s)
			for i := range e.k {
				r := float64(c) * e.f[i][y] / s
				e.nw[i] += r
				e.np[i] += r * float64(y)
			}
		}
		if l-last < 1e-10 {
			return max(l, last)
		}
		last = l
		for i := range e.k {
			e.w[i] = e.nw[i] / float64(n)
			if e.nw[i] > 0 {
				e.p[i] = min(e.np[i]/(e.nw[i]*float64(e.trials)), 1)
			}
		}
	}
	return last
}
