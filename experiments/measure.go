package experiments

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
)

// Mean returns the measure of E f. Values that are not finite are left out of
// the estimate; the table counts them. Rows of one replicate may depend on each
// other: the standard error treats replicates, not rows, as independent
// (with G replicates, se² = G/(G−1) Σ_g (Σ_{i∈g} (f_i − mean))² / N²; for one row
// each this is s²/N).
func Mean[R any](f func(r R) float64) Measure[R] {
	return func(x Sample[R]) (float64, float64, string) {
		v, reps := finite(x, f)
		m, se := mean(v, reps)
		return m, se, "mean over replicates"
	}
}

const shareMethod = "share of replicates"

// Fraction returns the measure of the probability of an event. Its standard
// error is that of Mean, but never 0: where the event happened in no row, or in
// every one, of G replicates, it is that of a share of ½ in G + 1, because
// "never in 200" is not known exactly.
func Fraction[R any](event func(r R) bool) Measure[R] {
	return func(x Sample[R]) (float64, float64, string) {
		v := make([]float64, len(x.Rows))
		for i, r := range x.Rows {
			if event(r) {
				v[i] = 1
			}
		}
		m, se := mean(v, x.Replicates)
		if se == 0 {
			g := float64(distinct(x.Replicates))
			p := 0.5 / (g + 1)
			se = math.Sqrt(p * (1 - p) / g)
		}
		return m, se, shareMethod
	}
}

// Quantile returns the measure of the p-quantile of f, 0 < p < 1: the order
// statistic ⌈Np⌉, infinities included and NaN left out. Its standard error is
// that of Maritz and Jarrett (1978), the exact bootstrap standard error of an
// order statistic, which needs neither resampling nor a density; where a
// replicate has several rows it is a grouped jackknife.
func Quantile[R any](p float64, f func(r R) float64) Measure[R] {
	if !(p > 0 && p < 1) {
		panic("experiments: quantile outside (0, 1)")
	}
	return func(x Sample[R]) (float64, float64, string) {
		v, reps := values(x, f)
		if distinct(reps) < len(reps) {
			return jackknife(x, func(rows []R) float64 {
				y, _ := values(Sample[R]{Rows: rows, Replicates: make([]int, len(rows))}, f)
				slices.Sort(y)
				return orderStatistic(y, p)
			})
		}
		slices.Sort(v)
		return orderStatistic(v, p), maritzJarrett(v, p), "Maritz-Jarrett"
	}
}

// Jackknife returns the measure of any smooth function of the rows, with the
// standard error of the jackknife that deletes one of at most 50 groups of
// consecutive replicates at a time.
func Jackknife[R any](f func(rows []R) float64) Measure[R] {
	return func(x Sample[R]) (float64, float64, string) { return jackknife(x, f) }
}

// SD returns the measure of the standard deviation of f over the rows.
func SD[R any](f func(r R) float64) Measure[R] {
	return Jackknife(func(rows []R) float64 {
		v, reps := finite(Sample[R]{Rows: rows, Replicates: make([]int, len(rows))}, f)
		m, _ := mean(v, reps)
		ss := 0.0
		for _, y := range v {
			ss += (y - m) * (y - m)
		}
		return math.Sqrt(ss / float64(len(v)-1))
	})
}

// values returns f of the rows without NaN, with their replicates.
func values[R any](x Sample[R], f func(r R) float64) (v []float64, reps []int) {
	v, reps = make([]float64, 0, len(x.Rows)), make([]int, 0, len(x.Rows))
	for i, r := range x.Rows {
		if y := f(r); !math.IsNaN(y) {
			v, reps = append(v, y), append(reps, x.Replicates[i])
		}
	}
	return v, reps
}

// finite is values without infinities.
func finite[R any](x Sample[R], f func(r R) float64) ([]float64, []int) {
	return values(x, func(r R) float64 {
		y := f(r)
		if math.IsInf(y, 0) {
			return math.NaN()
		}
		return y
	})
}

func distinct(reps []int) int {
	n := 0
	for i, r := range reps {
		if i == 0 || r != reps[i-1] {
			n++
		}
	}
	return n
}

// mean returns the mean of v and its standard error, clustered by replicate.
// Both are NaN without values, the error also with a single replicate.
func mean(v []float64, reps []int) (m, se float64) {
	n := float64(len(v))
	if n == 0 {
		return math.NaN(), math.NaN()
	}
	sum := 0.0
	for _, y := range v {
		sum += y
	}
	m = sum / n
	g, ss, part := 0.0, 0.0, 0.0
	for i, y := range v {
		part += y - m
		if i == len(v)-1 || reps[i+1] != reps[i] {
			ss += part * part
			part = 0
			g++
		}
	}
	if g < 2 {
		return m, math.NaN()
	}
	return m, math.Sqrt(g/(g-1)*ss) / n
}

// orderStatistic returns the p-quantile ⌈np⌉ of sorted v, NaN if it is empty.
func orderStatistic(v []float64, p float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	return v[rank(len(v), p)-1]
}

// rank is ⌈np⌉ within 1…n, forgiving the rounding of n·p.
func rank(n int, p float64) int {
	return min(max(int(math.Ceil(float64(n)*p-1e-9)), 1), n)
}

// maritzJarrett returns the standard error of order statistic m = ⌈np⌉ of the
// sorted v (Maritz and Jarrett 1978, JASA 73, 194–196, with the beta law of the
// order statistic itself): a bootstrap sample has v_i as its m-th value with
// probability I(i/n) − I((i−1)/n), I the distribution function of
// Beta(m, n−m+1).
func maritzJarrett(v []float64, p float64) float64 {
	n := len(v)
	if n < 2 {
		return math.NaN()
	}
	m := rank(n, p)
	// Beyond ten standard deviations of the order statistic's rank the weights
	// vanish in float64.
	sd := math.Sqrt(float64(n) * p * (1 - p))
	lo, hi := max(0, m-2-int(10*sd+10)), min(n, m+2+int(10*sd+10))
	cdf := func(i int) float64 {
		switch i {
		case 0:
			return 0
		case n:
			return 1
		}
		return mathext.RegIncBeta(float64(m), float64(n-m+1), float64(i)/float64(n))
	}
	var w, s1, s2 float64
	centre := v[m-1]
	prev := cdf(lo)
	for i := lo; i < hi; i++ {
		next := cdf(i + 1)
		d := v[i] - centre
		if v[i] == centre {
			d = 0 // also for equal infinities
		}
		if dw := next - prev; dw > 0 {
			w += dw
			s1 += dw * d
			s2 += dw * d * d
		}
		prev = next
	}
	s1 /= w
	se := math.Sqrt(max(0, s2/w-s1*s1))
	if math.IsInf(se, 0) {
		return math.NaN()
	}
	return se
}

// jackknife returns f of all rows and the standard error of the jackknife over
// at most 50 groups of consecutive replicates.
func jackknife[R any](x Sample[R], f func(rows []R) float64) (value, se float64, method string) {
	const most = 50
	value, method = f(x.Rows), "jackknife"
	reps := distinct(x.Replicates)
	g := min(most, reps)
	if g < 2 {
		return value, math.NaN(), method
	}
	// start[k] is the first row of group k; groups hold whole replicates.
	start := make([]int, 0, g+1)
	seen := -1
	for i := range x.Rows {
		if i == 0 || x.Replicates[i] != x.Replicates[i-1] {
			seen++
			if seen*g/reps == len(start) {
				start = append(start, i)
			}
		}
	}
	start = append(start, len(x.Rows))
	part := make([]float64, g)
	rest := make([]R, 0, len(x.Rows))
	sum := 0.0
	for k := range part {
		rest = append(append(rest[:0], x.Rows[:start[k]]...), x.Rows[start[k+1]:]...)
		part[k] = f(rest)
		sum += part[k]
	}
	m, ss := sum/float64(g), 0.0
	for _, y := range part {
		ss += (y - m) * (y - m)
	}
	return value, math.Sqrt(float64(g-1) / float64(g) * ss), method
}
