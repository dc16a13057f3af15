package design

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

// An Estimability says what a design can tell about one parameter.
type Estimability int

const (
	// Estimable parameters have a finite standard error.
	Estimable Estimability = iota
	// NotEstimable parameters take part in a direction along which nothing is
	// known. Their standard error is +Inf.
	NotEstimable
	// Boundary parameters are variances at 0: the information may be regular in
	// the variance, but the estimate is 0 about half of the time and no normal
	// law holds. See BoundaryTest.
	Boundary
)

func (e Estimability) String() string {
	switch e {
	case Estimable:
		return "estimable"
	case NotEstimable:
		return "not estimable"
	case Boundary:
		return "boundary"
	}
	return fmt.Sprintf("Estimability(%d)", int(e))
}

// A Report says what an information matrix of a whole study can tell about its
// parameters.
type Report struct {
	Params []models.Param
	Theta  []float64
	// Spectrum has the rank, of the diagonally scaled matrix, with the gap behind
	// that decision, and an orthonormal basis of the null space.
	*singular.Spectrum
	// Unit is what counts as a change of 100 %: |θ|, or 1 for a logarithm.
	Unit []float64
	// Directions names the directions along which nothing is known, as changes
	// in terms of Unit: "ka − V" where ka rises by as many per cent as V falls.
	// Relative holds their coefficients.
	Directions []string
	Relative   [][]float64
	// SE are standard errors and RSE those relative to Unit in %; +Inf where not
	// estimable. RSE is +Inf where the unit is 0 as well.
	SE, RSE []float64
	Status  []Estimability
	Reason  []string // why not; empty where estimable
	// Learning is the learning coefficient λ with its multiplicity under a smooth
	// positive prior in the coordinates of Params, where the information settles
	// it: m/2 at full rank off the boundary, and on it too, since half a
	// neighbourhood has the same exponent. Nil where the information is singular:
	// then the answer depends on higher derivatives.
	Learning *models.Coefficient
	// Fix lists the smallest sets of parameters which, if they were known, would
	// make all others estimable, best conditioned first; nil at full rank. There
	// are at most MaxFix of them.
	Fix [][]int
}

// MaxFix bounds the list Report.Fix.
const MaxFix = 20

// Identify reports what an information matrix (m×m, of the whole study) can
// tell, at θ. unit is what counts as a change of 100 % of each parameter, as
// Population.Units says; nil means |θ|. It returns an error for an entry that is
// not finite.
func Identify(m *mat.SymDense, params []models.Param, theta, unit []float64) (*Report, error) {
	d := len(params)
	if m.SymmetricDim() != d || len(theta) != d || unit != nil && len(unit) != d {
		panic(fmt.Sprintf("design: %d parameters, %d values, %d×%[3]d information", d, len(theta), m.SymmetricDim()))
	}
	if unit == nil {
		for _, t := range theta {
			unit = append(unit, math.Abs(t))
		}
	}
	sp, err := singular.NewSpectrum(m)
	if err != nil {
		return nil, fmt.Errorf("design: %w", err)
	}
	r := &Report{Params: params, Theta: theta, Unit: unit, Spectrum: sp, SE: make([]float64, d), RSE: make([]float64, d), Status: make([]Estimability, d)}
	se := singular.StandardErrors(m, params)
	r.Reason = se.Reason
	for i := range d {
		r.SE[i] = se.SE[i]
		if se.Reason[i] != "" {
			r.SE[i], r.Status[i] = math.Inf(1), NotEstimable
			r.Reason[i] = strings.TrimPrefix(r.Reason[i], "not estimable: ")
		}
		r.RSE[i] = 100 * r.SE[i] / unit[i]
		if params[i].Lo == 0 && theta[i] == 0 {
			r.Status[i] = Boundary
			why := "the variance is 0, on the boundary: the estimate is 0 about half of the time"
			if math.IsInf(r.SE[i], 1) {
				why = "the standard deviation is 0, where the information about it vanishes: take the variance as the parameter"
			}
			r.Reason[i] = why
		}
	}
	if sp.Rank == d {
		c := models.RegularCoefficient(d)
		r.Learning = &c
		return r, nil
	}
	r.name()
	r.Fix = r.fixes()
	return r, nil
}

// name fills Directions with a sparse basis of the null space in relative
// changes.
func (r *Report) name() {
	d, n := r.Null.Dims()
	rel := mat.NewDense(d, n, nil)
	for i := range d {
		for j := range n {
			v := r.Null.At(i, j)
			if t := r.Unit[i]; t > 0 {
				v /= t
			}
			rel.Set(i, j, v)
		}
	}
	names := make([]string, d)
	for i, p := range r.Params {
		names[i] = p.Name
	}
	g := singular.Geometry{Params: names}
	r.Relative, r.Directions = g.Directions(rel)
}

// fixes returns sets of parameters that no null direction leaves alone: as many
// as there are null directions, with independent rows of the null basis.
func (r *Report) fixes() [][]int {
	d, n := r.Null.Dims()
	// Rows as relative changes, in which independence is judged.
	type set struct {
		at  []int
		det float64
	}
	var sets []set
	var involved []int
	for i := range d {
		if r.Status[i] == NotEstimable || mat.Norm(r.Null.RowView(i), 2) > 1e-8 {
			involved = append(involved, i)
		}
	}
	basis := mat.NewDense(d, n, nil)
	for j := range n {
		for i := range d {
			v := r.Null.At(i, j)
			if t := r.Unit[i]; t > 0 {
				v /= t
			}
			basis.Set(i, j, v)
		}
		col := basis.ColView(j).(*mat.VecDense)
		col.ScaleVec(1/mat.Norm(col, 2), col)
	}
	block := mat.NewDense(n, n, nil)
	var walk func(from int, at []int)
	walk = func(from int, at []int) {
		if len(sets) >= 10_000 {
			return
		}
		if len(at) == n {
			for a, i := range at {
				for j := range n {
					block.Set(a, j, basis.At(i, j))
				}
			}
			if det := math.Abs(mat.Det(block)); det > 1e-7 {
				sets = append(sets, set{slices.Clone(at), det})
			}
			return
		}
		for c := from; c < len(involved); c++ {
			walk(c+1, append(at, involved[c]))
		}
	}
	walk(0, nil)
	slices.SortStableFunc(sets, func(a, b set) int {
		switch {
		case a.det > b.det*(1+1e-9):
			return -1
		case b.det > a.det*(1+1e-9):
			return 1
		}
		return slices.Compare(a.at, b.at)
	})
	var out [][]int
	for _, s := range sets[:min(len(sets), MaxFix)] {
		out = append(out, s.at)
	}
	return out
}

// FixNames writes a set of Fix in names.
func (r *Report) FixNames(set []int) string {
	var names []string
	for _, i := range set {
		names = append(names, r.Params[i].Name)
	}
	return strings.Join(names, ", ")
}

// Combination returns the variance cᵀM⁻c of the estimate of cᵀθ and whether cᵀθ
// is estimable at all: whether c lies in the range of M. If it does not, the
// variance is +Inf. The information is that of the whole study.
func Combination(m *mat.SymDense, c []float64) (variance float64, estimable bool) {
	d := m.SymmetricDim()
	if len(c) != d {
		panic(fmt.Sprintf("design: a combination of %d parameters, the information is %d×%[2]d", len(c), d))
	}
	sp, err := singular.NewSpectrum(m)
	if err != nil {
		return math.Inf(1), false
	}
	// In scaled coordinates u_i = √M_ii θ_i the test does not depend on units.
	s := mat.NewSymDense(d, nil)
	scale, v := make([]float64, d), mat.NewVecDense(d, nil)
	for i := range d {
		if slices.Contains(sp.Structural, i) {
			if c[i] != 0 {
				return math.Inf(1), false
			}
			continue
		}
		scale[i] = 1 / math.Sqrt(m.At(i, i))
		v.SetVec(i, c[i]*scale[i])
	}
	norm := mat.Norm(v, 2)
	if norm == 0 {
		return 0, true
	}
	for i := range d {
		for j := i; j < d; j++ {
			s.SetSym(i, j, m.At(i, j)*scale[i]*scale[j])
		}
	}
	var eig mat.EigenSym
	if !eig.Factorize(s, true) {
		return math.Inf(1), false
	}
	var vec mat.Dense
	eig.VectorsTo(&vec)
	values := eig.Values(nil)
	for j := range d {
		p := mat.Dot(vec.ColView(j), v)
		if j < d-sp.Rank {
			if math.Abs(p) > 1e-6*norm {
				return math.Inf(1), false
			}
			continue
		}
		variance += p * p / values[j]
	}
	return variance, true
}

// Augment returns the fewest candidates, by index, that one finds to add to an
// information matrix M so that all parameters become estimable: in every step
// the candidate that raises the rank most and, among those, the smallest scaled
// eigenvalue above zero. It returns nil, and the rank that all candidates
// together reach, where they do not suffice. share is how much of each candidate
// is added relative to M.
func Augment(m *mat.SymDense, candidates []*mat.SymDense, share float64) (added []int, rank int, err error) {
	if !(share > 0) {
		panic("design: Augment wants a positive share")
	}
	d := m.SymmetricDim()
	cur := mat.NewSymDense(d, nil)
	cur.CopySym(m)
	sp, err := singular.NewSpectrum(cur)
	if err != nil {
		return nil, 0, fmt.Errorf("design: %w", err)
	}
	for sp.Rank < d {
		best, bestRank, bestMin := -1, sp.Rank, 0.0
		for j, c := range candidates {
			try := mat.NewSymDense(d, nil)
			try.CopySym(cur)
			add(try, share, c)
			s, err := singular.NewSpectrum(try)
			if err != nil {
				return nil, 0, fmt.Errorf("design: candidate %d: %w", j, err)
			}
			if s.Rank < bestRank || s.Rank == sp.Rank {
				continue
			}
			if least := s.Scaled[d-s.Rank]; s.Rank > bestRank || least > bestMin {
				best, bestRank, bestMin = j, s.Rank, least
			}
		}
		if best < 0 {
			return nil, sp.Rank, nil
		}
		added = append(added, best)
		add(cur, share, candidates[best])
		if sp, err = singular.NewSpectrum(cur); err != nil {
			return nil, 0, fmt.Errorf("design: %w", err)
		}
	}
	return added, d, nil
}
