package singular

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

// StdErrors are standard errors that exist only where they mean something.
type StdErrors struct {
	SE     []float64 // NaN where the coordinate is not estimable
	Reason []string  // why not; empty where SE is a number
	// Rank is the rank of the information over the coordinates where it is
	// available, Condition the ratio of the extreme eigenvalues of the
	// diagonally scaled matrix (+Inf if deficient).
	Rank      int
	Condition float64
	Null      *mat.Dense // orthonormal basis of the null space as columns; nil at full rank
}

// Estimable reports whether every coordinate has a standard error.
func (s *StdErrors) Estimable() bool {
	for _, r := range s.Reason {
		if r != "" {
			return false
		}
	}
	return true
}

// StandardErrors returns asymptotic standard errors √(e_iᵀ I⁻ e_i) from an
// information matrix of the whole sample, observed (−∂²ℓ) or expected (n F), in
// the coordinates ps. They are
// given for a coordinate that is estimable: orthogonal to every null direction
// and to every direction of negative curvature, where the value does not depend
// on the generalised inverse. A coordinate that takes part in one has NaN and a
// Reason that names the direction. A coordinate whose row is not finite (a
// boundary, where no second difference exists) has NaN, and the others are given
// as if it were known. It panics if the sizes differ.
//
// At a singular point the number, even where it exists, is not the spread of the
// estimator, whose law is not normal there; callers say so next to it.
func StandardErrors(info *mat.SymDense, ps []models.Param) *StdErrors {
	d := len(ps)
	if info.SymmetricDim() != d {
		panic(badShape)
	}
	s := &StdErrors{SE: make([]float64, d), Reason: make([]string, d), Condition: math.Inf(1)}
	names := make([]string, d)
	for i, p := range ps {
		names[i] = p.Name
		s.SE[i] = math.NaN()
	}
	free := s.finite(info)
	// scale is 1/√|I_ii|: a negative diagonal entry is negative curvature and
	// shows in the eigenvalues.
	scale := make([]float64, d)
	top := 0.0
	for _, i := range free {
		top = max(top, math.Abs(info.At(i, i)))
	}
	var keep []int
	var null [][]float64
	for _, i := range free {
		v := math.Abs(info.At(i, i))
		if v <= structuralTol*top {
			// No effect of its own. A singular indefinite matrix may have a
			// zero on the diagonal and not in the row.
			e := make([]float64, d)
			e[i] = 1
			null = append(null, e)
			s.Reason[i] = fmt.Sprintf("%s has no effect on the likelihood here", names[i])
			continue
		}
		scale[i] = 1 / math.Sqrt(v)
		keep = append(keep, i)
	}
	values, vectors, err := scaledEigen(info, scale, keep)
	if err != nil {
		for _, i := range keep {
			s.Reason[i] = err.Error()
		}
		return s
	}
	s.split(d, keep, scale, values, vectors, names, null)
	return s
}

// finite returns the coordinates whose rows are finite among themselves, and
// marks the others.
func (s *StdErrors) finite(info *mat.SymDense) []int {
	d := info.SymmetricDim()
	bad := make([]bool, d)
	isBad := func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }
	for i := range d {
		bad[i] = isBad(info.At(i, i))
	}
	for i := range d {
		for j := range d {
			if !bad[i] && !bad[j] && isBad(info.At(i, j)) {
				bad[max(i, j)] = true
			}
		}
	}
	var free []int
	for i, b := range bad {
		if b {
			s.Reason[i] = "no second derivative here: the estimate is at the boundary of the domain"
		} else {
			free = append(free, i)
		}
	}
	return free
}

func (s *StdErrors) split(d int, keep []int, scale, values []float64, vectors *mat.Dense, names []string, null [][]float64) {
	k := len(keep)
	if k == 0 {
		s.Null = orthonormal(d, null)
		return
	}
	top := max(values[k-1], math.Abs(values[0]))
	var flat [][]float64
	good := make([]bool, k)
	// Whether a coordinate takes part in a direction is judged in the scaled
	// matrix, where it does not depend on units.
	vector := func(c int) []float64 {
		dir := make([]float64, d)
		for i, p := range keep {
			dir[p] = vectors.At(i, c)
		}
		return dir
	}
	withhold := func(rows [][]float64, why string) {
		for _, r := range rows {
			scaled := append([]float64(nil), r...)
			for j := range r {
				r[j] *= scale[j]
			}
			name := DirectionName(r, names)
			for i, v := range scaled {
				if math.Abs(v) > 1e-6 && s.Reason[i] == "" {
					s.Reason[i] = why + " along " + name
				}
			}
		}
	}
	var up [][]float64
	for c, v := range values {
		switch {
		case v > rankTol*top:
			good[c] = true
			s.Rank++
		case v < -rankTol*top:
			up = append(up, vector(c))
		default:
			flat = append(flat, vector(c))
		}
	}
	for _, r := range up {
		clean(r)
	}
	withhold(up, "not at a maximum: the likelihood curves upwards")
	sparsify(flat)
	withhold(flat, "not estimable: the likelihood does not change")
	s.Null = orthonormal(d, append(null, flat...))
	if s.Rank == k && len(null) == 0 && values[0] > 0 {
		s.Condition = values[k-1] / values[0]
	}
	for i, p := range keep {
		if s.Reason[p] != "" {
			continue
		}
		sum := 0.0
		for c, ok := range good {
			if ok {
				v := vectors.At(i, c)
				sum += v * v / values[c]
			}
		}
		s.SE[p] = math.Sqrt(sum) * scale[p]
	}
}
