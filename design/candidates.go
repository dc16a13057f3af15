package design

import (
	"fmt"
	"math"
	"slices"
)

// Rules restrict sampling sequences.
type Rules struct {
	// MinGap is the least time between two samples of one subject.
	MinGap float64
	// Windows, if not nil, are the intervals in which samples may be taken, one
	// for each sample in order of time: the i-th sample lies in Windows[i].
	Windows []Window
}

// A Window is a closed interval of times.
type Window struct{ Lo, Hi float64 }

// allows reports whether an ascending sequence obeys the rules.
func (r Rules) allows(seq []float64) bool {
	for i, t := range seq {
		if i > 0 && t-seq[i-1] < r.MinGap*(1-1e-12) {
			return false
		}
		if i < len(r.Windows) && (t < r.Windows[i].Lo || t > r.Windows[i].Hi) {
			return false
		}
	}
	return r.Windows == nil || len(seq) == len(r.Windows)
}

// maxSubsets bounds the list of Subsets: the information of each is kept.
const maxSubsets = 200_000

// Subsets lists the sampling sequences of lo to hi samples from a grid of times
// that obey the rules, shortest first, then in lexicographic order of the grid,
// which is sorted. It returns an error for times that are negative, repeated or
// not finite, for more samples than times, for a number of samples other than
// that of the windows, where nothing is left and where more than 200 000 are.
func Subsets(grid []float64, lo, hi int, r Rules) ([][]float64, error) {
	g := slices.Clone(grid)
	slices.Sort(g)
	for i, t := range g {
		if !(t >= 0) || math.IsInf(t, 1) {
			return nil, fmt.Errorf("design: candidate time %v, want a finite time of at least 0", t)
		}
		if i > 0 && t == g[i-1] {
			return nil, fmt.Errorf("design: candidate time %v is there twice", t)
		}
	}
	if lo < 1 || hi < lo {
		return nil, fmt.Errorf("design: from %d to %d samples, want 1 ≤ from ≤ to", lo, hi)
	}
	if hi > len(g) {
		return nil, fmt.Errorf("design: %d samples from %d candidate times", hi, len(g))
	}
	if !(r.MinGap >= 0) {
		return nil, fmt.Errorf("design: least time between samples %v, want at least 0", r.MinGap)
	}
	if r.Windows != nil && (lo != hi || lo != len(r.Windows)) {
		return nil, fmt.Errorf("design: %d windows for %d to %d samples", len(r.Windows), lo, hi)
	}
	var out [][]float64
	for k := lo; k <= hi; k++ {
		seq := make([]float64, 0, k)
		var walk func(from int) bool
		walk = func(from int) bool {
			if len(seq) == k {
				out = append(out, slices.Clone(seq))
				return len(out) <= maxSubsets
			}
			for i := from; i <= len(g)-(k-len(seq)); i++ {
				n := len(seq)
				if n > 0 && g[i]-seq[n-1] < r.MinGap*(1-1e-12) {
					continue
				}
				if n < len(r.Windows) && (g[i] < r.Windows[n].Lo || g[i] > r.Windows[n].Hi) {
					continue
				}
				seq = append(seq, g[i])
				more := walk(i + 1)
				seq = seq[:n]
				if !more {
					return false
				}
			}
			return true
		}
		if !walk(0) {
			return nil, fmt.Errorf("design: more than %d sequences: take fewer times or samples, or optimise continuous times", maxSubsets)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("design: no sequence of %d to %d of the %d candidate times obeys the windows and the least gap", lo, hi, len(g))
	}
	return out, nil
}
