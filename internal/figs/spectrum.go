package figs

import (
	"math"
	"slices"
)

// Spectrum returns a panel with eigenvalues as a histogram on a logarithmic axis, and
// vertical lines where theory puts the outliers. Numbers that are not above zero are
// left out.
func Spectrum(title string, values, outliers []float64) *Panel {
	const bins = 48
	p := &Panel{Title: title, X: "eigenvalue", Y: "density per decade", LogX: true}
	above := func(x []float64) []float64 {
		return slices.DeleteFunc(slices.Clone(x), func(v float64) bool { return !(v > 0) })
	}
	positive, outliers := above(values), above(outliers)
	if len(positive) == 0 {
		return p
	}
	lo, hi := math.Log10(slices.Min(positive)), math.Log10(slices.Max(positive))
	for _, v := range outliers {
		hi = max(hi, math.Log10(v))
	}
	lo, hi = lo-0.05, hi+0.05
	p.Histogram("eigenvalues", positive, math.Pow(10, lo), math.Pow(10, hi), bins)
	count, most := make([]int, bins+1), 0
	for _, v := range positive {
		at := int(bins * (math.Log10(v) - lo) / (hi - lo))
		count[at]++
		most = max(most, count[at])
	}
	top := float64(most) / (float64(len(positive)) * (hi - lo) / bins)
	if len(outliers) > 2 {
		top /= 4 // many lines would hide the histogram
	}
	for _, v := range outliers {
		p.Set("predicted outliers", []float64{v, v}, []float64{0, top})
	}
	return p
}
