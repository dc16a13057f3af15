package estimation

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/neuromanifold/neuromanifold/models"
)

// LevenbergMarquardt maximises the likelihood of a Gaussian regression
// (models.Residualer) by nonlinear least squares. A free σ² is profiled out, and
// so are coordinates in which the regression is linear.
//
// Far from a minimum of |r|² its steps are those of Levenberg and Marquardt in a
// trust region (Moré 1978), from a singular value decomposition of the scaled
// Jacobian, with the geodesic acceleration of Transtrum and Sethna. Where these
// steps get short, and always at the end, the full second-order model takes over,
// in coordinates that make JᵀJ the unit matrix, so that nothing is squared that
// need not be. That model is indefinite at a saddle, such as the overlap of two
// units, where Gauss–Newton steps would stop: there the climb goes on.
//
// Convergence is declared on the reduction of |r|² that the full model still
// predicts, never on short steps or small changes, after full Newton steps until
// rounding of θ itself is the larger error, and only where the second derivatives
// allow a minimum. Before it is declared each principal direction is tried both
// ways by about a standard error: if |r|² rises on one side only, a coordinate is
// on its way to infinity, where the maximum is not attained, and the status is
// Boundary; if it falls the climb goes on. Directions along which |r|² does not
// change at all are counted in the warnings. Boundary is also the status of a climb
// that rounding stopped on a ridge, where the Jacobian has lost rank and less than
// 1e-9 of |r|² is left to gain.
type LevenbergMarquardt struct {
	MaxIter int // iterations; 0 means 500
	// Tol is the relative reduction of |r|² that counts as none; 0 means 1e-13.
	Tol float64
}

// ErrNoResiduals is wrapped by the error of LevenbergMarquardt for a likelihood
// that is no sum of squares.
var ErrNoResiduals = errors.New("no residuals: not a Gaussian regression with weights of one sign")

// Maximize implements Method.
func (m LevenbergMarquardt) Maximize(ctx context.Context, l models.Likelihood, start []float64, _ *rand.Rand) (Fit, error) {
	if err := checkStart(l, start); err != nil {
		return Fit{}, err
	}
	return m.run(ctx, newSpace(l), start)
}

func (m LevenbergMarquardt) run(ctx context.Context, sp *space, start []float64) (Fit, error) {
	q, ok := newSquares(sp)
	if !ok {
		return Fit{}, fmt.Errorf("%v: %w", sp.l.Model(), ErrNoResiduals)
	}
	if m.MaxIter <= 0 {
		m.MaxIter = 500
	}
	if m.Tol <= 0 {
		m.Tol = 1e-13
	}
	sp.evals = 0
	if !sp.toFree(q.u, start, 0) && !sp.toFree(q.u, start, 1e-8) {
		return failed(start, "the start has no unconstrained coordinates"), nil
	}
	d := &descent{q: q, s: newLeap(q), tol: m.Tol, near: polishTo, x: make([]float64, q.k), next: make([]float64, q.k)}
	for j, a := range q.at {
		d.x[j] = q.u[a]
	}
	if !q.accept(d.x) || !d.s.factorize(d.x) {
		return failed(start, "the residuals or their derivatives are not finite at the start"), nil
	}
	if q.part != nil {
		copy(d.next, d.x)
		if q.profile(q.rNew, d.next) < q.ss {
			copy(d.x, d.next)
		}
		if !q.accept(d.x) || !d.s.factorize(d.x) {
			return failed(start, "the residuals or their derivatives are not finite after the linear coordinates are fitted"), nil
		}
	}
	d.s.radius = firstRadius(d)
	d.s.reach = math.Sqrt(q.ss)
	d.status = IterationLimit
	for ; d.iter < m.MaxIter; d.iter++ {
		if err := ctx.Err(); err != nil {
			return Fit{}, err
		}
		if d.step() {
			break
		}
	}
	return d.fit(), nil
}

// descent is the state of one climb of LevenbergMarquardt.
type descent struct {
	q       *squares
	s       *leap
	tol     float64
	x, next []float64
	iter    int
	slow    int // steps since |r|² last fell by a tenth
	mark    float64
	full    bool    // the full model is in use and up to date
	refused int     // steps of the full model refused in a row
	near    float64 // relative reduction left below which full Newton steps are tried
	hold    *factor // of mend

	status Status
	warn   []string
	bounds []string
	flat   int // directions without effect
}

// firstRadius is firstFactor times the length of x in scaled coordinates, the
// recommendation of Moré.
func firstRadius(d *descent) float64 {
	v := 0.0
	for j, x := range d.x {
		e := d.s.f.d[j] * x
		v += e * e
	}
	return max(firstFactor*math.Sqrt(v), 1e-3*math.Sqrt(d.q.ss))
}

const (
	firstFactor = 100
	nearGain    = 1e-6 // relative reduction left below which the full model is used
	polishTo    = 1e-7 // and below which full Newton steps finish
	slowSteps   = 20   // steps without progress after which it is tried
)

// step makes one iteration and reports whether the climb is over.
func (d *descent) step() bool {
	q, s := d.q, d.s
	if q.ss <= 4*q.noise || q.ss == 0 {
		return d.perfect()
	}
	if d.mark == 0 || q.ss < 0.9*d.mark {
		d.mark, d.slow = q.ss, 0
	}
	d.slow++
	if !d.full && (s.gain <= nearGain*q.ss && d.refused < 3 || d.slow > slowSteps && d.slow%5 == 0) {
		if !s.curve(d.x) {
			return d.fail("the second derivatives are not finite where the climb stopped")
		}
		d.full = true
	}
	if d.full && !s.bent() && s.gain <= d.near*q.ss {
		if d.polish(); d.arrived() {
			return d.judge()
		}
		d.near *= 1e-2 // the valley is curved: short steps first
	}
	if d.full {
		return d.newton()
	}
	return d.linear()
}

// trial evaluates |r|² at x + sign p.
func (d *descent) trial(sign float64) float64 {
	for j := range d.next {
		d.next[j] = d.x[j] + sign*d.s.p[j]
	}
	return d.q.value(d.q.rNew, d.next)
}

// move accepts the trial point.
func (d *descent) move() bool {
	copy(d.x, d.next)
	d.full = false
	if !d.q.accept(d.x) || !d.s.factorize(d.x) {
		return false
	}
	return true
}

// linear makes one step of Levenberg and Marquardt.
func (d *descent) linear() bool {
	q, s := d.q, d.s
	predicted, shift := s.linear(d.x)
	s.bend(d.x, shift)
	ss := d.trial(1)
	if q.part != nil && !math.IsInf(ss, 1) {
		ss = q.profile(q.rNew, d.next)
	}
	ratio := (q.ss - ss) / predicted
	switch {
	case !(ratio >= 0.25):
		s.radius = 0.25 * min(s.radius, s.jump)
	case ratio > 0.75 && s.edge:
		s.radius *= 2.5
	}
	if ratio > 1e-4 {
		d.refused = 0
		if !d.move() {
			return d.fail("the derivatives of the residuals are not finite where the climb stopped")
		}
		return false
	}
	if q.part != nil {
		q.accept(d.x) // profile moved the Jacobian
	}
	if s.jump*s.jump <= 1e-30*q.ss {
		return d.judge()
	}
	return false
}

// newton makes one step of the full model.
func (d *descent) newton() bool {
	q, s := d.q, d.s
	predicted := s.newton(d.x)
	ss := d.trial(1)
	if predicted <= 0 {
		return d.judge()
	}
	ratio := (q.ss - ss) / predicted
	switch {
	case !(ratio >= 0.25):
		s.reach = 0.25 * min(s.reach, s.jump)
	case ratio > 0.75 && s.edge:
		s.reach *= 2.5
	}
	if ratio > 1e-4 {
		d.refused = 0
		if !d.move() {
			return d.fail("the derivatives of the residuals are not finite where the climb stopped")
		}
		return false
	}
	d.refused++
	if predicted <= 1e-15*q.ss {
		return d.judge()
	}
	if d.refused >= 3 && s.gain > nearGain*q.ss {
		d.full = false
		q.accept(d.x)
		return !s.factorize(d.x)
	}
	return false
}

// polish takes full Newton steps while the promised reduction falls: what is left
// can no longer be seen in |r|² itself.
func (d *descent) polish() {
	q, s := d.q, d.s
	best := make([]float64, q.k)
	for range 12 {
		gain, ss := s.gain, q.ss
		if gain <= 1e-6*q.noise || gain == 0 {
			break
		}
		s.reach = math.Inf(1)
		s.newton(d.x)
		copy(best, d.x)
		for j := range d.next {
			d.next[j] = d.x[j] + s.p[j]
		}
		ok := d.move() && s.curve(d.x)
		if !ok || q.ss > ss*(1+1e-9)+4*q.noise || !(s.gain < 0.5*gain) || s.bent() {
			copy(d.next, best)
			d.move()
			s.curve(d.x)
			break
		}
		d.iter++
	}
	s.reach = math.Sqrt(q.ss)
	d.full = true
}

// perfect ends a climb that reached residuals of rounding size.
func (d *descent) perfect() bool {
	d.status = Converged
	d.s.gain = 0
	if d.q.ls.Noise >= 0 {
		d.status = NoMaximum
		d.warn = append(d.warn, passesThrough)
	}
	return true
}

const passesThrough = "the regression passes through all data: the likelihood is unbounded as σ² goes to 0"

// perfectFit reports whether the free variance of a regression at θ is no more than
// the rounding of its data: a climb by another method stops there as if at a maximum.
// The size of the data is that of the residuals with all linear weights at 0.
func perfectFit(l models.Likelihood, theta []float64) bool {
	rz, ok := l.(models.Residualer)
	if !ok {
		return false
	}
	ls, ok := rz.LeastSquares()
	if !ok || ls.Noise < 0 || len(ls.Linear) == 0 {
		return false
	}
	none, r := slices.Clone(theta), make([]float64, ls.Rows)
	for _, j := range ls.Linear {
		none[j] = 0
	}
	rz.Residuals(r, nil, none)
	const rounding = 1e-13 // of a residual, relative to the data
	return theta[ls.Noise]*ls.Weight <= rounding*rounding*sumSquares(r)
}

func (d *descent) fail(why string) bool {
	d.status = Failed
	d.warn = append(d.warn, why)
	return true
}

// fit reports where the climb ended.
func (d *descent) fit() Fit {
	q, sp := d.q, d.q.sp
	q.full(d.x)
	out := Fit{Theta: make([]float64, sp.d), Iter: d.iter, Status: d.status, Warnings: d.warn}
	sp.fromFree(out.Theta, q.u)
	s2 := q.ls.Sigma * q.ls.Sigma
	if q.ls.Noise >= 0 {
		s2 = max(q.ss/q.ls.Weight, 1e-300)
		out.Theta[q.ls.Noise] = s2
	}
	out.LogLik = sp.l.LogLik(out.Theta)
	sp.evals++
	out.Gain = d.s.gain / (2 * s2)
	q.ss = q.linearise(q.r, d.x)
	for j, a := range q.at {
		g := 0.0
		for t, r := range q.r {
			g += r * q.jac.At(t, a)
		}
		out.GradNorm = max(out.GradNorm, math.Abs(g)/s2*(1+math.Abs(d.x[j]))/sp.weight)
	}
	snap(sp, &out)
	out.Bounds = append(out.Bounds, d.bounds...)
	out.Evals = sp.evals
	return out
}
