package selection

import (
	"fmt"
	"math"
	"math/cmplx"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/models"
)

// An Exhibit is one measure of how near a fit is to the singular set.
type Exhibit struct {
	Name  string
	Value float64 // NaN where it does not exist
	Doc   string  // what of, as "overlap(1,2)"
}

// exhibits returns the smallest eigenvalue of the scaled observed information, the
// nearest stratum, and for ARMA the nearest pole and zero.
func exhibits(m *Material) []Exhibit {
	var out []Exhibit
	r := m.Fit
	if r.Status == estimation.NoMaximum {
		return nil
	}
	if r.Dim > 0 {
		e := Exhibit{Name: "min_eigenvalue", Value: math.NaN(), Doc: fmt.Sprintf("of the observed information with unit diagonal, rank %d of %d", r.Rank, r.Dim)}
		if len(r.Eigenvalues) > 0 {
			e.Value = r.Eigenvalues[0]
		}
		out = append(out, e)
	}
	best := -1
	for i, s := range r.Strata {
		if best < 0 || s.Distance < r.Strata[best].Distance {
			best = i
		}
	}
	if best >= 0 {
		out = append(out, Exhibit{Name: "nearest_stratum", Value: r.Strata[best].Distance, Doc: r.Strata[best].Name})
	}
	switch f := m.Model.(type) {
	case *models.Mixture:
		if s := f.Settings(); f.K() > 1 && s.Dim == 1 {
			out = append(out, closestPair(f, r.Theta))
		}
	case *models.ARMA:
		p, q := f.Orders()
		if p > 0 && q > 0 {
			d, pole := PoleZero(r.Theta[:p], r.Theta[p:p+q])
			out = append(out, Exhibit{Name: "pole_zero", Value: d, Doc: fmt.Sprintf("least distance of a pole and a zero, in 1/z, near %.3g%+.3gi", real(pole), imag(pole))})
		}
	}
	return out
}

// closestPair is the least Hellinger distance between two components of a mixture
// on the line.
func closestPair(f *models.Mixture, theta []float64) Exhibit {
	k := f.K()
	s := f.Settings()
	mean := theta[k-1 : 2*k-1]
	variance := func(i int) float64 {
		switch s.Variance {
		case models.VarKnown:
			return s.Sigma * s.Sigma
		case models.VarTied:
			return theta[2*k-1]
		}
		return theta[2*k-1+i]
	}
	e := Exhibit{Name: "closest_pair", Value: math.Inf(1)}
	for i := range k {
		for j := i + 1; j < k; j++ {
			if h := Hellinger(mean[i], variance(i), mean[j], variance(j)); h < e.Value {
				e.Value, e.Doc = h, fmt.Sprintf("Hellinger distance of components %d and %d, from 0 to 1", i+1, j+1)
			}
		}
	}
	return e
}

// Hellinger is the Hellinger distance √(1 − ∫√(pq)) of N(m1, v1) and N(m2, v2).
func Hellinger(m1, v1, m2, v2 float64) float64 {
	d := m1 - m2
	log := 0.25*math.Log(4*v1*v2/((v1+v2)*(v1+v2))) - 0.25*d*d/(v1+v2)
	return math.Sqrt(max(0, -math.Expm1(log)))
}

// PoleZero returns the least distance between a reciprocal root of 1 − Σ φ_i z^i
// and one of 1 + Σ θ_j z^j, and that pole: the points of a plot with the unit circle
// around the stationary and invertible ones. It is +Inf without a pole or zero.
func PoleZero(phi, theta []float64) (distance float64, pole complex128) {
	distance = math.Inf(1)
	zeros := ReciprocalRoots(theta, 1)
	for _, a := range ReciprocalRoots(phi, -1) {
		for _, b := range zeros {
			if d := cmplx.Abs(a - b); d < distance {
				distance, pole = d, a
			}
		}
	}
	return distance, pole
}

// ReciprocalRoots returns 1/z for the roots z of 1 + sign Σ c_i z^i: the
// eigenvalues of the companion matrix.
func ReciprocalRoots(c []float64, sign float64) []complex128 {
	n := len(c)
	if n == 0 {
		return nil
	}
	a := mat.NewDense(n, n, nil)
	for i, v := range c {
		a.Set(0, i, -sign*v)
		if i+1 < n {
			a.Set(i+1, i, 1)
		}
	}
	var eig mat.Eigen
	if !eig.Factorize(a, mat.EigenNone) {
		return nil
	}
	return eig.Values(nil)
}
