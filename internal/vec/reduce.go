package vec

import "math"

// Sum returns Σ x.
func Sum(x []float64) float64 {
	var v vector
	n := len(x) &^ (lanes - 1)
	if n > 0 {
		sumLanes(&v, x[:n])
	}
	for i, a := range x[n:] {
		v[i] += a
	}
	return v.sum()
}

// Dot returns Σ x_i y_i, each product added with one rounding.
func Dot(x, y []float64) float64 {
	sameLen(x, y)
	var v vector
	n := len(x) &^ (lanes - 1)
	if n > 0 {
		dotLanes(&v, x[:n], y[:n])
	}
	for i, a := range x[n:] {
		v[i] = math.FMA(a, y[n+i], v[i])
	}
	return v.sum()
}

// LogSumExp returns log Σ e^x without overflow; -Inf for an empty slice. Terms below
// e^-708 times the largest count as 0. It is NaN if an element is.
func LogSumExp(x []float64) float64 {
	top := math.Inf(-1)
	for _, a := range x {
		if a > top { // a tenth of the time of max, which looks after NaN
			top = a
		}
	}
	if math.IsInf(top, 0) {
		for _, a := range x {
			if math.IsNaN(a) {
				return a
			}
		}
		return top
	}
	var v vector
	n := len(x) &^ (lanes - 1)
	if n > 0 {
		sumExpLanes(&v, x[:n], top)
	}
	for i, a := range x[n:] {
		v[i] += expNeg(a - top)
	}
	return top + math.Log(v.sum())
}

func sumPortable(v *vector, x []float64) {
	for ; len(x) >= lanes; x = x[lanes:] {
		for i := range v {
			v[i] += x[i]
		}
	}
}

func dotPortable(v *vector, x, y []float64) {
	for ; len(x) >= lanes && len(y) >= lanes; x, y = x[lanes:], y[lanes:] {
		for i := range v {
			v[i] = math.FMA(x[i], y[i], v[i])
		}
	}
}

func sumExpPortable(v *vector, x []float64, top float64) {
	for ; len(x) >= lanes; x = x[lanes:] {
		for i := range v {
			v[i] += expNeg(x[i] - top)
		}
	}
}
