package models

import "fmt"

// edgeTol is how near to ±1 a partial autocorrelation lies on the edge of the
// domain. The exact likelihood is even in the distance of a moving-average root
// to the unit circle (a root and its inverse give the same law), so that it
// often has a maximum there, which no interior gradient sees (Sargan and
// Bhargava, Econometrica 51, 1983).
const edgeTol = 1e-5

// Edge names the polynomials that have a root on the unit circle.
func (m *ARMA) Edge(theta []float64) []string {
	phi, th, _, _ := m.split(theta)
	var names []string
	on := func(coef []float64, sign float64, name string) {
		var kappa [maxARMAOrder]float64
		bad := partialsOf(kappa[:len(coef)], coef, sign) != 0
		for _, k := range kappa[:len(coef)] {
			bad = bad || k >= 1-edgeTol || k <= edgeTol-1
		}
		if bad {
			names = append(names, fmt.Sprintf("a root of the %s polynomial is on the unit circle", name))
		}
	}
	on(phi, 1, "AR")
	on(th, -1, "MA")
	return names
}
