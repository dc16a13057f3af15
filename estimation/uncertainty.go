package estimation

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

// differencesTol is the relative size, after diagonal scaling, below which an
// eigenvalue of a Hessian by differences of the score is rounding: the score
// carries errors near 1e-13 and the step is 1e-5.
const differencesTol = 1e-7

// saddle is the relative size of a negative eigenvalue of the observed information
// beyond doubt: ten times what a climb takes for rounding (upward).
const saddle = 10 * upward

// uncertainty fills in the observed information, its rank and the standard
// errors that it allows.
func (r *Report) uncertainty(l models.Likelihood) {
	d := r.Dim
	r.Rank = -1
	r.SE, r.Reason = make([]float64, d), make([]string, d)
	none := func(why string) {
		for i := range d {
			r.SE[i], r.Reason[i] = math.NaN(), why
		}
	}
	if r.Status == Failed || math.IsInf(r.LogLik, 0) {
		none("the fit failed")
		return
	}
	if d == 0 { // white noise of known variance
		r.Rank, r.Route = 0, models.Exact
		return
	}
	info := mat.NewSymDense(d, nil)
	hess, route := models.Hess(l)
	r.Route = route
	hess(info, r.Theta)
	info.ScaleSym(-1, info)
	if route == models.Differences {
		settleZeros(info)
	}
	// A coordinate on its bound has no two-sided derivative: what is computed
	// there is not an information.
	for i, p := range r.Model.Params() {
		if r.Theta[i] <= p.Lo || r.Theta[i] >= p.Hi {
			info.SetSym(i, i, math.NaN())
		}
	}
	se := singular.StandardErrors(info, r.Model.Params())
	r.SE, r.Reason, r.Rank = se.SE, se.Reason, se.Rank
	r.withhold(l)
	if finiteSym(info) {
		if s, err := singular.NewSpectrum(info); err == nil {
			r.Eigenvalues = s.Scaled
			if s.Scaled[0] < -differencesTol*s.Scaled[d-1] {
				r.Warnings = append(r.Warnings, "the observed information is indefinite: this is no strict local maximum")
			}
			if s.Scaled[0] < -saddle*s.Scaled[d-1] {
				r.Flags = append(r.Flags, "a saddle, not a maximum: no start found a maximum that is higher and off the variance floor or the edge")
				r.Sound = nil
			}
		}
	}
	if r.Rank < d {
		r.Warnings = append(r.Warnings, fmt.Sprintf("the observed information has rank %d of %d: standard errors exist only where a coordinate is estimable", r.Rank, d))
	}
}

// withhold takes back what the observed information seems to offer where the expected
// one is singular: on a stratum of the singular set, and in a regression whose inputs
// cannot tell the coordinates apart. There the second derivatives of a finite sample
// differ from it by terms of order √n that fill its null space with noise.
func (r *Report) withhold(l models.Likelihood) {
	why := make([]string, r.Dim)
	if g := squaresInformation(l, r.Theta); g != nil {
		se := singular.StandardErrors(g, r.Model.Params())
		why = se.Reason
		r.Rank = min(r.Rank, se.Rank)
	}
	for _, s := range r.Strata {
		if !s.On {
			continue
		}
		for i := range why {
			why[i] = "not estimable: θ̂ is on the stratum " + s.Name
		}
		if f, err := singular.NewFisher(r.Model, singular.FisherOptions{}); err == nil {
			if info, err := f.At(r.Theta); err == nil {
				se := singular.StandardErrors(info.F, r.Model.Params())
				why = se.Reason
				r.Rank = min(r.Rank, se.Rank)
			}
		}
		break
	}
	for i, w := range why {
		if w != "" && r.Reason[i] == "" {
			r.SE[i], r.Reason[i] = math.NaN(), w
		}
	}
}

// squaresInformation returns JᵀJ/σ² of a regression, the information expected at the
// inputs of the data, or nil where there is no Jacobian to be had at a moderate price.
func squaresInformation(l models.Likelihood, theta []float64) *mat.SymDense {
	rz, ok := l.(models.Residualer)
	if !ok {
		return nil
	}
	ls, ok := rz.LeastSquares()
	d := len(theta)
	if !ok || d > autoPolishDim {
		return nil
	}
	variance := ls.Sigma * ls.Sigma
	if ls.Noise >= 0 {
		variance = theta[ls.Noise]
	}
	r, jac := make([]float64, ls.Rows), mat.NewDense(ls.Rows, d, nil)
	rz.Residuals(r, jac, theta)
	g := mat.NewSymDense(d, nil)
	g.SymOuterK(1/variance, jac.T())
	if ls.Noise >= 0 {
		g.SetSym(ls.Noise, ls.Noise, ls.Weight/(2*variance*variance))
	}
	return g
}

// settleZeros sets the eigenvalues that differencing cannot tell from zero to
// zero, in the diagonally scaled matrix, so that rounding is not mistaken for
// information.
func settleZeros(info *mat.SymDense) {
	d := info.SymmetricDim()
	if !finiteSym(info) {
		return
	}
	scale := make([]float64, d)
	s := mat.NewSymDense(d, nil)
	for i := range d {
		scale[i] = 1
		if v := math.Abs(info.At(i, i)); v > 0 {
			scale[i] = math.Sqrt(v)
		}
	}
	for i := range d {
		for j := i; j < d; j++ {
			s.SetSym(i, j, info.At(i, j)/(scale[i]*scale[j]))
		}
	}
	var eig mat.EigenSym
	if !eig.Factorize(s, true) {
		return
	}
	values := eig.Values(nil)
	top := max(math.Abs(values[0]), math.Abs(values[d-1]))
	var q mat.Dense
	eig.VectorsTo(&q)
	clean := true
	for k, v := range values {
		if math.Abs(v) < differencesTol*top && v != 0 {
			values[k] = 0
			clean = false
		}
	}
	if clean {
		return
	}
	for i := range d {
		for j := i; j < d; j++ {
			v := 0.0
			for k, lambda := range values {
				v += q.At(i, k) * lambda * q.At(j, k)
			}
			info.SetSym(i, j, v*scale[i]*scale[j])
		}
	}
}
