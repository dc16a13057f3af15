package estimation

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

// apart is the least distance between two chosen starts, in standard deviations
// of the proposals, averaged over the coordinates.
const apart = 0.3

// propose returns starts drawn from the data: n proposals as they come, or the
// best n of n·screen that lie apart. Where a scan finds maxima (models.Scanner), these
// come first and random ones fill up.
func propose(sp *space, n, screen int, rng *rand.Rand) [][]float64 {
	if s, ok := sp.l.(models.Scanner); ok {
		out := s.Scan(n)
		if len(out) < n {
			out = append(out, draw(sp, n-len(out), screen, rng)...)
		}
		return out
	}
	return draw(sp, n, screen, rng)
}

func draw(sp *space, n, screen int, rng *rand.Rand) [][]float64 {
	starter := sp.l.(models.Starter)
	pool := mat.NewDense(n*screen, sp.d, nil)
	out := make([][]float64, 0, n)
	for i := range n * screen {
		starter.Start(pool.RawRowView(i), rng)
	}
	if screen == 1 {
		for i := range n {
			out = append(out, pool.RawRowView(i))
		}
		return out
	}
	ll := make([]float64, n*screen)
	if b, ok := sp.l.(models.BatchLogLiker); ok {
		b.LogLiks(ll, pool)
	} else {
		for i := range ll {
			ll[i] = sp.l.LogLik(pool.RawRowView(i))
		}
	}
	order := make([]int, len(ll))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(ll[b], ll[a]) })

	// Compare in unconstrained coordinates of the canonical representative.
	free := mat.NewDense(n*screen, sp.d, nil)
	canon, _ := sp.l.Model().(models.Canonicalizer)
	x := make([]float64, sp.d)
	for i := range ll {
		copy(x, pool.RawRowView(i))
		if canon != nil {
			canon.Canonicalize(x)
		}
		sp.toFree(free.RawRowView(i), x, 1e-9)
	}
	scale := spread(free)
	taken := make([]bool, len(ll))
	var chosen []int
	for _, i := range order {
		if len(chosen) == n {
			break
		}
		if !slices.ContainsFunc(chosen, func(j int) bool {
			return distance(free.RawRowView(i), free.RawRowView(j), scale) < apart
		}) {
			chosen = append(chosen, i)
			taken[i] = true
		}
	}
	for _, i := range order { // too few lie apart: the highest of the rest
		if len(chosen) < n && !taken[i] {
			chosen = append(chosen, i)
		}
	}
	for _, i := range chosen {
		out = append(out, pool.RawRowView(i))
	}
	return out
}

// spread returns the standard deviation of every column of finite entries.
func spread(x *mat.Dense) []float64 {
	rows, cols := x.Dims()
	sd := make([]float64, cols)
	for j := range cols {
		n, mean, ss := 0.0, 0.0, 0.0
		for i := range rows {
			v := x.At(i, j)
			if math.IsInf(v, 0) || math.IsNaN(v) {
				continue
			}
			n++
			d := v - mean
			mean += d / n
			ss += d * (v - mean)
		}
		sd[j] = math.Sqrt(ss / max(n, 1))
	}
	return sd
}

// distance is the mean absolute difference in units of scale, +Inf where a
// coordinate is not finite; coordinates that do not vary are left out.
func distance(a, b, scale []float64) float64 {
	s, k := 0.0, 0.0
	for i, sd := range scale {
		if !(sd > 1e-12*(1+math.Abs(a[i]))) {
			continue
		}
		k++
		s += math.Abs(a[i]-b[i]) / sd
	}
	if math.IsNaN(s) {
		return math.Inf(1)
	}
	return s / max(k, 1)
}
