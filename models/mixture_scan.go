package models

import (
	"cmp"
	"math"
	"slices"
)

const (
	mixScanStep = 0.5 // between locations, in standard deviations of a component
	mixScanMost = 6   // the farthest location
	mixScanRate = 4   // between weights
)

// Scan implements Scanner where the variance is known: the likelihood on a grid of the
// weight π and the location μ_1 of the smaller component. At an interior maximum
// Σ_j π_j μ_j is the sample mean (the M-step of the means, summed over the components),
// which leaves two coordinates of three; a start is the best weight of a location at
// which that profile has a local maximum. Random starts miss the small far components
// that make the statistic of homogeneity large. With free variances there is no such
// bounded problem, and no scan.
func (l *mixPair) Scan(most int) [][]float64 {
	if l.m.blocks > 0 {
		return nil
	}
	y := l.z.V
	n := float64(len(y))
	mean := 0.0
	for _, v := range y {
		mean += v / n
	}
	theta := l.theta
	theta[0], theta[1], theta[2] = 0.5, mean, mean
	if !l.set(theta) {
		return nil // beyond the bound of the means, or not finite
	}
	sd := math.Sqrt(l.cov[0])
	null := l.LogLik(theta)
	lo, hi := slices.Min(y), slices.Max(y)
	first := -int(min(mixScanMost, (mean-lo)/sd) / mixScanStep)
	last := int(min(mixScanMost, (hi-mean)/sd) / mixScanStep)
	if !(last >= first) {
		return nil
	}
	type place struct {
		theta [3]float64
		ll    float64
	}
	places := make([]place, 0, last-first+1)
	for i := first; i <= last; i++ {
		best := place{ll: math.Inf(-1)}
		if i == 0 {
			best.ll = null // every weight
		} else {
			a := mixScanStep * float64(i) * sd
			for w := 0.5; w >= 1/n; w /= mixScanRate {
				theta[0], theta[1], theta[2] = w, mean+a, mean-w*a/(1-w)
				if ll := l.LogLik(theta); ll > best.ll {
					best = place{[3]float64(theta), ll}
				}
			}
		}
		places = append(places, best)
	}
	var peaks []place
	for i, p := range places {
		if p.ll > null && (i == 0 || p.ll > places[i-1].ll) && (i+1 == len(places) || p.ll >= places[i+1].ll) {
			peaks = append(peaks, p)
		}
	}
	slices.SortStableFunc(peaks, func(a, b place) int { return cmp.Compare(b.ll, a.ll) })
	var out [][]float64
	for _, p := range peaks[:min(max(most, 0), len(peaks))] {
		out = append(out, slices.Clone(p.theta[:]))
	}
	return out
}
