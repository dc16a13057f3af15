package models

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Fisher implements Informer: g_ξξ = 1, g_ξω = 0 and g_ωω = ξ²c²/(1+c²) times
// the round metric of S^d, diag(1, sin²α1, sin²α1 sin²α2, …).
func (m *Cone) Fisher() (func(dst *mat.SymDense, theta []float64) float64, Route) {
	diag := make([]float64, len(m.params))
	return func(dst *mat.SymDense, theta []float64) float64 {
		checkSym(dst, len(m.params))
		m.scales(diag, theta)
		dst.Zero()
		for i, s := range diag {
			dst.SetSym(i, i, s*s)
		}
		return 0
	}, Exact
}

// FisherFactor implements Factorer with the diagonal square root of F, which is
// exact to the last bit down to the apex.
func (m *Cone) FisherFactor() (func(theta []float64) *mat.Dense, Route) {
	d := len(m.params)
	diag := make([]float64, d)
	r := mat.NewDense(d, d, nil)
	return func(theta []float64) *mat.Dense {
		m.scales(diag, theta)
		for i, s := range diag {
			r.Set(i, i, s)
		}
		return r
	}, Exact
}

// scales fills dst with the square roots of the diagonal of F.
func (m *Cone) scales(dst, theta []float64) {
	checkLen(len(theta), len(m.params))
	dst[0] = 1
	s := math.Abs(theta[0]) * m.s.C / math.Sqrt(1+m.s.C*m.s.C)
	for i := range m.s.D {
		dst[i+1] = s
		sin := math.Abs(math.Sin(theta[i+1]))
		if sin < 1e-15*(1+math.Abs(theta[i+1])) {
			sin = 0 // a pole, up to the rounding of a multiple of π
		}
		s *= sin
	}
}

// Canonicalize wraps the angles; the law depends on ω alone.
func (m *Cone) Canonicalize(theta []float64) {
	checkLen(len(theta), len(m.params))
	d := m.s.D
	al := theta[1:]
	for i := range d {
		al[i] = wrapAngle(al[i])
		if i < d-1 && al[i] < 0 {
			// (α_i, α_{i+1}) and (−α_i, α_{i+1} + π) are the same direction,
			// with a reflection of every later polar angle but the last.
			al[i] = -al[i]
			for j := i + 1; j < d-1; j++ {
				al[j] = math.Pi - al[j]
			}
			al[d-1] += math.Pi
		}
	}
	al[d-1] = wrapAngle(al[d-1])
}

// wrapAngle returns the angle in (−π, π].
func wrapAngle(a float64) float64 {
	if a > -math.Pi && a <= math.Pi {
		return a
	}
	a = math.Remainder(a, 2*math.Pi)
	if a <= -math.Pi {
		a = math.Pi
	}
	return a
}

// Strata returns the apex, and for d > 1 the poles of the angles, where the
// coordinates are singular and the model is not.
func (m *Cone) Strata() []Stratum {
	out := []Stratum{{
		Name:     "apex",
		Codim:    1,
		Doc:      "ξ = 0: every direction ω has the same law; rank 1",
		Distance: func(theta []float64) float64 { return math.Abs(theta[0]) },
		Project: func(dst, theta []float64) {
			copy(dst, theta)
			dst[0] = 0
		},
		Tangent: m.lastAngles(0),
	}}
	for i := 1; i < m.s.D; i++ {
		out = append(out, Stratum{
			Name:     fmt.Sprintf("pole(%d)", i),
			Codim:    1,
			Doc:      fmt.Sprintf("α%d a multiple of π: the later angles have no effect, as longitude at a pole; a singularity of the coordinates alone", i),
			Distance: func(theta []float64) float64 { return math.Abs(math.Remainder(theta[i], math.Pi)) },
			Project: func(dst, theta []float64) {
				copy(dst, theta)
				dst[i] = math.Round(theta[i]/math.Pi) * math.Pi
			},
			Tangent: m.lastAngles(i),
		})
	}
	return out
}

// lastAngles spans the angles after the first i.
func (m *Cone) lastAngles(i int) func([]float64) *mat.Dense {
	return func([]float64) *mat.Dense {
		t := mat.NewDense(len(m.params), m.s.D-i, nil)
		for j := range m.s.D - i {
			t.Set(i+1+j, j, 1)
		}
		return t
	}
}

// RLCT implements KnownRLCT. At the apex K = ξ²/2, so that λ = (k+1)/2 for a
// prior density ∝ |ξ|^k; the Jeffreys prior has k = d. Elsewhere the model is
// regular: a prior is meant on ξ and the sphere of directions, where the poles of
// the angles are points like any other.
func (m *Cone) RLCT(truth []float64, prior PriorShape) (Coefficient, bool) {
	checkLen(len(truth), len(m.params))
	if prior.Dirichlet != 0 {
		return Coefficient{}, false
	}
	if truth[0] != 0 {
		return RegularCoefficient(m.s.D + 1), true
	}
	k := prior.Power
	if prior.Jeffreys {
		k += float64(m.s.D)
	}
	if !(k > -1) { // not integrable at the apex
		return Coefficient{}, false
	}
	return ConeCoefficient(k), true
}

// Nodes implements Noder. log p is quadratic in x, so that the 2(d+2) points
// mean ± √(d+2) e_i, which have the right mean and covariance, are exact for
// every expectation of log-densities of cones; rule is ignored.
func (m *Cone) Nodes(theta []float64, _ Rule) (*Data, []float64, error) {
	if err := CheckTheta(m, theta); err != nil {
		return nil, nil, err
	}
	q := m.s.D + 2
	a := make([]float64, q)
	m.direction(a, theta[1:])
	z := NewData(2*q, 0, q)
	w := make([]float64, 2*q)
	step := math.Sqrt(float64(q))
	for i := range 2 * q {
		y := z.Y(i)
		for j := range y {
			y[j] = theta[0] * a[j]
		}
		if i < q {
			y[i] += step
		} else {
			y[i-q] -= step
		}
		w[i] = 1 / float64(2*q)
	}
	return z, w, nil
}
