package models

import "math"

// An RBFPair holds the average over x ~ N(0, sd² I) of two units
// φ(x; c) = exp(−|x−c|²/(2ω²)) with centres a and b, and what its derivatives
// need. With p = Near a + Far b and q = Far a + Near b, and C = E[φ_a φ_b],
//
//	∂C/∂a = C p,  ∂C/∂b = C q,  ∂²C/∂a∂a = C (ppᵀ + Near I),  ∂²C/∂a∂b = C (pqᵀ + Far I).
type RBFPair struct{ PhiPhi, Near, Far float64 }

// NewRBFPair returns the averages of two units of the given width:
//
//	C = (1 + 2sd²/ω²)^{−D/2} exp(−(|a|²+|b|²)/2ω² + Far |a+b|²/2),
//	Far = sd²/(ω²(ω²+2sd²)),  Near = Far − 1/ω²
//
// (completing the square). It panics if a and b differ in length.
func NewRBFPair(a, b []float64, width, sd float64) RBFPair {
	checkLen(len(b), len(a))
	w2, s2 := width*width, sd*sd
	far := s2 / (w2 * (w2 + 2*s2))
	near := -(w2 + s2) / (w2 * (w2 + 2*s2))
	var apart, sum float64 // −(|a|²+|b|²)/2ω² = −(|a−b|² + |a+b|²)/4ω²
	for k, v := range a {
		apart += (v - b[k]) * (v - b[k])
		sum += (v + b[k]) * (v + b[k])
	}
	// Far/2 − 1/4ω² = −1/(4(ω²+2sd²)), without the difference.
	e := -apart/(4*w2) - sum/(4*(w2+2*s2))
	return RBFPair{math.Pow(1+2*s2/w2, -0.5*float64(len(a))) * math.Exp(e), near, far}
}
