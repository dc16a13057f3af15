package estimation

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

// A space is the likelihood seen in unconstrained coordinates u ∈ R^d: those of
// the model where it is an Unconstrainer, else one logarithm or logit for every
// bounded coordinate. It owns scratch and serves one goroutine.
type space struct {
	l      models.Likelihood
	d      int
	weight float64
	params []models.Param
	free   models.Unconstrainer
	score  func(dst, theta []float64) float64
	hessFn func(dst *mat.SymDense, theta []float64)
	exact  bool // the Hessian is the likelihood's own, and costs about a score
	evals  int

	theta, s  []float64 // θ and ∂ℓ/∂θ at the last point
	x, up, dn []float64
	jac       *mat.Dense
	hTheta    *mat.SymDense
	prod      *mat.Dense
}

func newSpace(l models.Likelihood) *space {
	m := l.Model()
	d := models.Dim(m)
	buf := make([]float64, 5*d)
	sp := &space{
		l: l, d: d, weight: models.Weight(l), params: m.Params(),
		theta: buf[0:d:d], s: buf[d : 2*d : 2*d], up: buf[2*d : 3*d : 3*d], dn: buf[3*d : 4*d : 4*d],
		x: buf[4*d:],
	}
	sp.score, _ = models.Score(l)
	if u, ok := m.(models.Unconstrainer); ok {
		sp.free = u
	} else if bounded(sp.params) {
		sp.free = box(sp.params)
	}
	return sp
}

// useHess prepares the Hessian, which only Newton needs.
func (sp *space) useHess() {
	if sp.hessFn != nil {
		return
	}
	var route models.Route
	sp.hessFn, route = models.Hess(sp.l)
	sp.exact = route == models.Exact
	sp.jac = mat.NewDense(sp.d, sp.d, nil)
	if sp.exact && sp.free != nil {
		sp.prod = mat.NewDense(sp.d, sp.d, nil)
		sp.hTheta = mat.NewSymDense(sp.d, nil)
	}
}

// toFree fills u with the coordinates of θ and reports whether they are finite;
// a point on a bound has none, and is first moved inside by the relative nudge.
func (sp *space) toFree(u, theta []float64, nudge float64) bool {
	copy(sp.theta, theta)
	if nudge > 0 {
		for i, p := range sp.params {
			sp.theta[i] = inside(sp.theta[i], p, nudge)
		}
	}
	if sp.free == nil {
		copy(u, sp.theta)
	} else {
		sp.free.ToFree(u, sp.theta)
	}
	return finite(u)
}

func (sp *space) fromFree(theta, u []float64) {
	if sp.free == nil {
		copy(theta, u)
		return
	}
	sp.free.FromFree(theta, u)
}

// value returns ℓ at u; -Inf where u is not finite.
func (sp *space) value(u []float64) float64 {
	sp.fromFree(sp.theta, u)
	sp.evals++
	return sp.l.LogLik(sp.theta)
}

// grad fills g with ∂ℓ/∂u and returns ℓ. A gradient that is not finite counts
// as a point outside the domain.
func (sp *space) grad(g, u []float64) float64 {
	sp.fromFree(sp.theta, u)
	sp.evals++
	ll := sp.score(sp.s, sp.theta)
	if math.IsInf(ll, -1) || math.IsNaN(ll) {
		return math.Inf(-1)
	}
	if sp.free == nil {
		copy(g, sp.s)
	} else {
		sp.free.PullScore(g, u, sp.s)
	}
	if !finite(g) {
		return math.Inf(-1)
	}
	return ll
}

// hess fills h with ∂²ℓ/∂u∂uᵀ and reports whether it is finite. A likelihood
// with a Hessian of its own gives Jᵀ H J + Σ_k s_k ∂²θ_k/∂u∂uᵀ, the second term
// by central differences of the chain rule with s held fixed, which costs no
// evaluation of the likelihood. Otherwise the gradient in u is differenced.
func (sp *space) hess(h *mat.SymDense, u []float64) bool {
	if !sp.exact {
		return sp.hessByDifferences(h, u)
	}
	sp.evals++
	d := sp.d
	sp.fromFree(sp.theta, u)
	if sp.free == nil {
		sp.hessFn(h, sp.theta)
		return finiteSym(h)
	}
	sp.score(sp.s, sp.theta)
	sp.hessFn(sp.hTheta, sp.theta)
	// Row k of J = ∂θ/∂u is the pull-back of the unit score e_k.
	for k := range d {
		clear(sp.up)
		sp.up[k] = 1
		sp.free.PullScore(sp.jac.RawRowView(k), u, sp.up)
	}
	sp.prod.Mul(sp.hTheta, sp.jac)
	h.Zero()
	for i := range d {
		for j := i; j < d; j++ {
			v := 0.0
			for k := range d {
				v += sp.jac.At(k, i) * sp.prod.At(k, j)
			}
			h.SetSym(i, j, v)
		}
	}
	// Reuse jac's rows for the derivative of PullScore in each coordinate.
	x := sp.x
	copy(x, u)
	for i := range d {
		e := 1e-5 * (1 + math.Abs(u[i]))
		x[i] = u[i] + e
		sp.free.PullScore(sp.up, x, sp.s)
		x[i] = u[i] - e
		sp.free.PullScore(sp.dn, x, sp.s)
		x[i] = u[i]
		for j := range d {
			sp.jac.Set(i, j, (sp.up[j]-sp.dn[j])/(2*e))
		}
	}
	for i := range d {
		for j := i; j < d; j++ {
			h.SetSym(i, j, h.At(i, j)+(sp.jac.At(i, j)+sp.jac.At(j, i))/2)
		}
	}
	return finiteSym(h)
}

// hessByDifferences takes forward differences of the gradient: d evaluations,
// with a relative error near 1e-6 that only directs steps. Standard errors come
// from models.Hess.
func (sp *space) hessByDifferences(h *mat.SymDense, u []float64) bool {
	x := sp.x
	copy(x, u)
	if math.IsInf(sp.grad(sp.dn, x), -1) {
		return false
	}
	for i := range sp.d {
		e := 1e-6 * (1 + math.Abs(u[i]))
		for try := 0; ; try++ {
			x[i] = u[i] + e
			if !math.IsInf(sp.grad(sp.up, x), -1) {
				break
			}
			if try == 16 {
				return false
			}
			// Outside the domain: the other way, then nearer.
			e = -e
			if try%2 == 1 {
				e /= 8
			}
		}
		x[i] = u[i]
		for j := range sp.d {
			sp.jac.Set(i, j, (sp.up[j]-sp.dn[j])/e)
		}
	}
	for i := range sp.d {
		for j := i; j < sp.d; j++ {
			h.SetSym(i, j, (sp.jac.At(i, j)+sp.jac.At(j, i))/2)
		}
	}
	return finiteSym(h)
}

// scaled returns the scaled gradient of Fit.GradNorm.
func (sp *space) scaled(g, u []float64) float64 {
	v := 0.0
	for i := range g {
		v = max(v, math.Abs(g[i])*(1+math.Abs(u[i])))
	}
	return v / sp.weight
}

func finite(v []float64) bool {
	for _, x := range v {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
	}
	return true
}

func finiteSym(h *mat.SymDense) bool {
	n := h.SymmetricDim()
	for i := range n {
		for j := i; j < n; j++ {
			if v := h.At(i, j); math.IsNaN(v) || math.IsInf(v, 0) {
				return false
			}
		}
	}
	return true
}

func bounded(ps []models.Param) bool {
	for _, p := range ps {
		if !math.IsInf(p.Lo, -1) || !math.IsInf(p.Hi, 1) {
			return true
		}
	}
	return false
}

// inside moves v into the interior of the bounds by the relative nudge.
func inside(v float64, p models.Param, nudge float64) float64 {
	width := 1 + math.Abs(v)
	if !math.IsInf(p.Lo, -1) && !math.IsInf(p.Hi, 1) {
		width = p.Hi - p.Lo
	}
	return min(max(v, p.Lo+nudge*width), p.Hi-nudge*width)
}

// box is the Unconstrainer of plain bounds: θ = lo + e^u, θ = hi − e^u, or
// θ = lo + (hi−lo)/(1+e^−u) where there are two.
type box []models.Param

func (b box) kind(i int) (lo, hi bool) {
	return !math.IsInf(b[i].Lo, -1), !math.IsInf(b[i].Hi, 1)
}

func (b box) ToFree(dst, theta []float64) {
	for i, p := range b {
		switch lo, hi := b.kind(i); {
		case lo && hi:
			dst[i] = math.Log((theta[i] - p.Lo) / (p.Hi - theta[i]))
		case lo:
			dst[i] = math.Log(theta[i] - p.Lo)
		case hi:
			dst[i] = math.Log(p.Hi - theta[i])
		default:
			dst[i] = theta[i]
		}
	}
}

func (b box) FromFree(dst, free []float64) {
	for i, p := range b {
		switch lo, hi := b.kind(i); {
		case lo && hi:
			dst[i] = p.Lo + (p.Hi-p.Lo)/(1+math.Exp(-free[i]))
		case lo:
			dst[i] = p.Lo + math.Exp(free[i])
		case hi:
			dst[i] = p.Hi - math.Exp(free[i])
		default:
			dst[i] = free[i]
		}
	}
}

func (b box) PullScore(dst, free, score []float64) {
	for i, p := range b {
		switch lo, hi := b.kind(i); {
		case lo && hi:
			e := math.Exp(-math.Abs(free[i]))
			dst[i] = score[i] * (p.Hi - p.Lo) * e / ((1 + e) * (1 + e))
		case lo:
			dst[i] = score[i] * math.Exp(free[i])
		case hi:
			dst[i] = -score[i] * math.Exp(free[i])
		default:
			dst[i] = score[i]
		}
	}
}
