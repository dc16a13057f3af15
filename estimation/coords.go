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
	scorer models.FreeScorer // nil where the score has to be pulled back
	curver models.Curver     // nil where the Hessian has to be differenced
	step   float64           // relative step of differences of the gradient
	evals  int

	theta, s  []float64 // θ and ∂ℓ/∂θ at the last point
	x, up, dn []float64
	jac       *mat.Dense
	trust     *trust        // of quadratic
	h, hNext  *mat.SymDense // of quadratic
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
	var route models.Route
	sp.score, route = models.Score(l)
	sp.step = 1e-6
	if route != models.Exact {
		sp.step = 1e-3 // the gradient itself carries errors near 1e-9
	}
	if u, ok := m.(models.Unconstrainer); ok {
		sp.free = u
		sp.scorer, _ = l.(models.FreeScorer)
		sp.curver, _ = l.(models.Curver)
	} else if bounded(sp.params) {
		sp.free = box(sp.params)
	}
	return sp
}

// quadratic returns the scratch of a climb by quadratic models: the trust region with
// its first radius, a Hessian, and where there is a curver a second one for the next
// point.
func (sp *space) quadratic() (t *trust, h, hNext *mat.SymDense) {
	if sp.trust == nil {
		sp.trust, sp.h = newTrust(sp.d, sp.weight), mat.NewSymDense(sp.d, nil)
		if sp.curver != nil {
			sp.hNext = mat.NewSymDense(sp.d, nil)
		}
	}
	sp.trust.begin()
	return sp.trust, sp.h, sp.hNext
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

// grad fills g with ∂ℓ/∂u and returns ℓ. A gradient that is not finite counts
// as a point outside the domain.
func (sp *space) grad(g, u []float64) float64 {
	sp.evals++
	var ll float64
	if sp.scorer != nil {
		ll = sp.scorer.ScoreFree(g, u)
	} else {
		sp.fromFree(sp.theta, u)
		ll = sp.score(sp.s, sp.theta)
		if sp.free == nil {
			copy(g, sp.s)
		} else {
			sp.free.PullScore(g, u, sp.s)
		}
	}
	if math.IsInf(ll, -1) || math.IsNaN(ll) || !finite(g) {
		return math.Inf(-1)
	}
	return ll
}

// gradHess is grad, which also fills h where there is a curver.
func (sp *space) gradHess(h *mat.SymDense, g, u []float64) float64 {
	if sp.curver == nil {
		return sp.grad(g, u)
	}
	sp.evals++
	ll := sp.curver.Curve(h, g, u)
	if math.IsNaN(ll) || !finite(g) || !finiteSym(h) {
		return math.Inf(-1)
	}
	return ll
}

// hess fills h with ∂²ℓ/∂u∂uᵀ by forward differences of the gradient g at u:
// d evaluations, with a relative error near 1e-6, which is enough to direct
// steps and to say what is left to gain. A Hessian of the likelihood's own is
// made for accuracy and costs more; standard errors use it (models.Hess). It
// reports whether the result is finite.
func (sp *space) hess(h *mat.SymDense, u, g []float64) bool {
	if sp.jac == nil {
		sp.jac = mat.NewDense(sp.d, sp.d, nil)
	}
	x := sp.x
	copy(x, u)
	for i := range sp.d {
		e := sp.step * (1 + math.Abs(u[i]))
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
			sp.jac.Set(i, j, (sp.up[j]-g[j])/e)
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
