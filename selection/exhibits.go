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
		if f.K() > 1 {
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

// closestPair is the least Hellinger distance between two components of a mixture.
func closestPair(f *models.Mixture, theta []float64) Exhibit {
	k := f.K()
	e := Exhibit{Name: "closest_pair", Value: math.Inf(1)}
	for i := range k {
		for j := i + 1; j < k; j++ {
			m1, c1 := component(f, theta, i)
			m2, c2 := component(f, theta, j)
			if h := Hellinger(m1, c1, m2, c2); h < e.Value {
				e.Value, e.Doc = h, fmt.Sprintf("Hellinger distance of components %d and %d, from 0 to 1", i+1, j+1)
			}
		}
	}
	return e
}

// component returns the mean and the covariance of component j, from the order of θ that
// models.Mixture documents.
func component(f *models.Mixture, theta []float64, j int) ([]float64, *mat.SymDense) {
	s := f.Settings()
	k, d := f.K(), max(1, s.Dim)
	at := k - 1 + k*d // of the covariances
	c := mat.NewSymDense(d, nil)
	triangle := func(v []float64) {
		for a := range d {
			for b := a; b < d; b++ {
				c.SetSym(a, b, v[0])
				v = v[1:]
			}
		}
	}
	for a := range d {
		switch s.Variance {
		case models.VarKnown:
			c.SetSym(a, a, s.Sigma*s.Sigma)
		case models.VarDiag:
			c.SetSym(a, a, theta[at+j*d+a])
		case models.VarSpherical:
			c.SetSym(a, a, theta[at+j])
		}
	}
	switch s.Variance {
	case models.VarTied:
		triangle(theta[at:])
	case models.VarFree:
		triangle(theta[at+j*d*(d+1)/2:])
	}
	return theta[k-1+j*d : k-1+(j+1)*d], c
}

// Hellinger is the Hellinger distance √(1 − ∫√(pq)) of two normals in any
// dimension, NaN where a covariance is not positive definite.
func Hellinger(m1 []float64, c1 *mat.SymDense, m2 []float64, c2 *mat.SymDense) float64 {
	var mid mat.SymDense
	mid.AddSym(c1, c2)
	mid.ScaleSym(0.5, &mid)
	var l1, l2, l mat.Cholesky
	if !l1.Factorize(c1) || !l2.Factorize(c2) || !l.Factorize(&mid) {
		return math.NaN()
	}
	diff := mat.NewVecDense(len(m1), nil)
	diff.SubVec(mat.NewVecDense(len(m1), m1), mat.NewVecDense(len(m2), m2))
	var solved mat.VecDense
	if err := l.SolveVecTo(&solved, diff); err != nil {
		return math.NaN()
	}
	log := 0.25*(l1.LogDet()+l2.LogDet()) - 0.5*l.LogDet() - 0.125*mat.Dot(diff, &solved)
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
