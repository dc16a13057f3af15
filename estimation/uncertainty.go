package estimation

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

// rankTol is the eigenvalue, relative to the largest after diagonal scaling,
// that counts as zero.
const rankTol = 1e-10

// uncertainty fills in the observed information, its rank and the standard
// errors it allows. Coordinate i is estimable if e_i is orthogonal to the null
// space of the information; its variance is then eᵢᵀ I⁻ eᵢ with the inverse on
// the range, which is the variance of an estimable function and not a
// pseudo-inverse in disguise: for a coordinate that the null space touches
// there is no number, only a reason.
func (r *Report) uncertainty(l models.Likelihood) {
	d := r.Dim
	r.SE, r.Reason = make([]float64, d), make([]string, d)
	none := func(why string) {
		r.Rank = -1
		for i := range d {
			r.SE[i], r.Reason[i] = math.NaN(), why
		}
	}
	if r.Status == Failed || math.IsInf(r.LogLik, 0) {
		none("the fit failed")
		return
	}
	for i, p := range r.Model.Params() {
		if r.Theta[i] <= p.Lo || r.Theta[i] >= p.Hi {
			r.Reason[i] = fmt.Sprintf("%s is on its bound", p.Name)
		}
	}
	hess, route := models.Hess(l)
	r.Route = route
	info := mat.NewSymDense(d, nil)
	hess(info, r.Theta)
	if !finiteSym(info) {
		none("the observed information is not finite here")
		return
	}
	info.ScaleSym(-1, info)
	inf := newInformation(info)
	if inf == nil {
		none("the eigenvalues of the observed information could not be computed")
		return
	}
	r.Rank, r.Eigenvalues = inf.rank, inf.values
	if inf.values[0] < -rankTol*inf.values[d-1] {
		r.Warnings = append(r.Warnings, "the observed information is indefinite: this is no strict local maximum")
	}
	r.Cov = mat.NewSymDense(d, nil)
	for i := range d {
		if r.Reason[i] == "" {
			r.Reason[i] = inf.why(i, r.Model.Params())
		}
	}
	for i := range d {
		for j := i; j < d; j++ {
			v := math.NaN()
			if r.Reason[i] == "" && r.Reason[j] == "" {
				v = inf.cov(i, j)
			}
			r.Cov.SetSym(i, j, v)
		}
		r.SE[i] = math.Sqrt(r.Cov.At(i, i))
	}
	if inf.rank < d {
		r.Warnings = append(r.Warnings, fmt.Sprintf("the observed information has rank %d of %d: standard errors exist only where a coordinate is estimable", inf.rank, d))
	}
}

// information is an observed information matrix in its scaled eigenbasis.
type information struct {
	scale, values []float64
	q             mat.Dense
	rank          int
}

func newInformation(info *mat.SymDense) *information {
	d := info.SymmetricDim()
	inf := &information{scale: make([]float64, d), values: make([]float64, d)}
	s := mat.NewSymDense(d, nil)
	for i := range d {
		inf.scale[i] = 1
		if v := math.Abs(info.At(i, i)); v > 0 {
			inf.scale[i] = math.Sqrt(v)
		}
	}
	for i := range d {
		for j := i; j < d; j++ {
			s.SetSym(i, j, info.At(i, j)/(inf.scale[i]*inf.scale[j]))
		}
	}
	var eig mat.EigenSym
	if !eig.Factorize(s, true) {
		return nil
	}
	eig.Values(inf.values)
	eig.VectorsTo(&inf.q)
	for _, v := range inf.values {
		if v > inf.cut() {
			inf.rank++
		}
	}
	return inf
}

func (inf *information) cut() float64 {
	n := len(inf.values)
	return rankTol * max(math.Abs(inf.values[0]), math.Abs(inf.values[n-1]))
}

// why returns "" if coordinate i is estimable, else the reason.
func (inf *information) why(i int, ps []models.Param) string {
	for k, v := range inf.values {
		if v > inf.cut() {
			continue
		}
		if math.Abs(inf.q.At(i, k)) > 1e-4 {
			if v < -inf.cut() {
				return fmt.Sprintf("the log-likelihood curves upward along a direction that moves %s", ps[i].Name)
			}
			return fmt.Sprintf("not estimable: the observed information is singular along a direction that moves %s", ps[i].Name)
		}
	}
	return ""
}

func (inf *information) cov(i, j int) float64 {
	v := 0.0
	for k, lambda := range inf.values {
		if lambda > inf.cut() {
			v += inf.q.At(i, k) * inf.q.At(j, k) / lambda
		}
	}
	return v / (inf.scale[i] * inf.scale[j])
}
