package models

import "math"

// weightedRows is the part of a likelihood that holds its data and the weights
// of its rows; w is nil where every weight is 1. Families embed it.
type weightedRows struct {
	z *Data
	w []float64
}

// N returns the number of rows.
func (r *weightedRows) N() int { return r.z.N }

// Weight returns the total weight of the rows.
func (r *weightedRows) Weight() float64 {
	if r.w == nil {
		return float64(r.z.N)
	}
	s := 0.0
	for _, w := range r.w {
		s += w
	}
	return s
}

// rowWeight returns the weight of row t.
func (r *weightedRows) rowWeight(t int) float64 {
	if r.w == nil {
		return 1
	}
	return r.w[t]
}

// allFinite reports whether no value is NaN or infinite.
func allFinite(x []float64) bool {
	for _, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}
