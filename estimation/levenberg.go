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
// Boundary; if it falls the climb goes on.
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
	d := &descent{q: q, s: newLeap(q), tol: m.Tol, x: make([]float64, q.k), next: make([]float64, q.k)}
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
	full    bool // the full model is in use and up to date
	refused int  // steps of the full model refused in a row
	status  Status
	warn    []string
	bounds  []string
	hold    *factor // of mend
}

// firstRadius is firstFactor times the length of x in scaled coordinates, the
// recommendation of Moré.
func firstRadius(d *descent) float64 {
	v := 0.0
	for j, x := range d.x {
		e := d.s.f.d[j] * x
		v += e * e
	}
	if v == 0 {
		v = d.q.ss
	}
	return firstFactor * math.Sqrt(v)
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
	if d.full && !s.bent() && s.gain <= polishTo*q.ss {
		d.polish()
		return d.judge()
	}
	if d.full {
		return d.newton()
	}
	return d.linear()
}

// trial evaluates |r|² at x + p, with the linear coordinates at their best.
func (d *descent) trial(shrink float64) float64 {
	for j := range d.next {
		d.next[j] = d.x[j] + shrink*d.s.p[j]
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

func (d *descent) linear() bool {
	q, s := d.q, d.s
	predicted, shift := s.linear()
	s.bend(d.x, shift)
	shrink := s.limit(d.x)
	ss := d.trial(shrink)
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

func (d *descent) newton() bool {
	q, s := d.q, d.s
	predicted := s.newton()
	shrink := s.limit(d.x)
	ss := d.trial(shrink)
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
		s.newton()
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

// judge ends the climb at x, or finds that it must go on, and reports which.
func (d *descent) judge() bool {
	q, s := d.q, d.s
	if !d.full {
		q.accept(d.x)
		if !s.factorize(d.x) || !s.curve(d.x) {
			return d.fail("the second derivatives are not finite where the climb stopped")
		}
		d.full = true
	}
	if s.bent() || s.gain > max(d.tol*q.ss, 1e3*q.noise) {
		return d.fail("no step reduces the residuals although the predicted reduction is not small")
	}
	if !d.effective() {
		return d.fail("no coordinate has an effect on the residuals here: start elsewhere")
	}
	d.status = Converged
	for i := range s.k {
		if d.probe(i) {
			d.status = IterationLimit
			return false
		}
	}
	if d.status == Converged {
		flat := 0
		for _, v := range s.lambda {
			if math.Abs(v) <= s.flatTo {
				flat++
			}
		}
		if flat > 0 {
			d.warn = append(d.warn, fmt.Sprintf("the log-likelihood is flat to second order in %d of %d directions", flat, s.k))
		}
	}
	return true
}

// effective reports whether any coordinate moves the residuals: where none does
// a vanishing gradient says nothing.
func (d *descent) effective() bool {
	size := math.Sqrt(d.q.ss)
	for j := range d.x {
		col := 0.0
		for t := range d.q.r {
			v := d.q.jac.At(t, d.q.at[j])
			col += v * v
		}
		if math.Sqrt(col)*(1+math.Abs(d.x[j])) > 1e-10*size {
			return true
		}
	}
	return false
}

// probe tries the principal direction i both ways by about a standard error,
// along the profile: what the other directions can mend counts as mended. It
// reports whether it found a lower point, which becomes x.
func (d *descent) probe(i int) bool {
	q, s := d.q, d.s
	n := float64(q.ls.Rows)
	clear(s.z)
	// Where the curvature cannot be told from rounding, that of JᵀJ must do.
	flat := math.Abs(s.lambda[i]) <= s.flatTo
	s.z[i] = math.Sqrt(q.ss / n)
	if !flat {
		s.z[i] /= math.Sqrt(math.Abs(s.lambda[i]))
	}
	s.spread(s.p, s.z)
	shrink := s.limit(d.x)
	want := q.ss / n * shrink * shrink // the rise of a parabola
	rounding := 1e-14*q.ss + 4*q.noise
	var rise [2]float64
	regular := true
	for side := range rise {
		rise[side] = d.trial(shrink*float64(1-2*side)) - q.ss
		regular = regular && rise[side] > 0.2*want && rise[side] < 5*want
	}
	if regular && !flat && want > 1e3*rounding {
		return false
	}
	move := slices.Clone(s.p)
	ss, at := q.ss, d.farthest()
	for side := range rise {
		copy(s.p, move)
		end := d.trial(shrink * float64(1-2*side))
		end = d.mend(at, end)
		rise[side] = end - ss
		if rise[side] < -1e-9*ss-rounding {
			if !d.move() {
				return false
			}
			s.radius, s.reach = 0.5*math.Sqrt(q.ss), math.Sqrt(q.ss)
			return true
		}
	}
	q.accept(d.x)
	copy(s.p, move)
	high := max(rise[0], rise[1])
	if flat {
		want = high
	}
	if high > 1e3*rounding && want > 1e3*rounding && min(rise[0], rise[1]) < 1e-3*want {
		d.status = Boundary
		sign := 1
		if (rise[0] > rise[1]) == (move[at] > 0) {
			sign = -1
		}
		name := q.sp.params[q.at[at]].Name
		d.warn = append(d.warn, fmt.Sprintf("the likelihood has no maximum along %s: it levels off as %s goes to %v", name, name, math.Inf(sign)))
		d.bounds = append(d.bounds, fmt.Sprintf("%s = %v", name, math.Inf(sign)))
	}
	return false
}

// mend improves the trial point, whose |r|² is ss, by a few damped Gauss–Newton
// steps in all coordinates but x_at, and returns |r|² there. It leaves the
// Jacobian of q at another point.
func (d *descent) mend(at int, ss float64) float64 {
	q, s := d.q, d.s
	if q.k == 1 {
		return ss
	}
	if math.IsInf(ss, 1) {
		return ss
	}
	if d.hold == nil {
		d.hold = newFactor(q.ls.Rows, q.k-1)
	}
	f, damp := d.hold, 1e-4
	x, best := slices.Clone(d.next), slices.Clone(d.next)
	others := make([]int, 0, q.k)
	for j := range x {
		if j != at {
			others = append(others, j)
		}
	}
	for range 8 {
		q.linearise(q.rNew, best)
		for i, j := range others {
			f.load(i, q.jac, q.at[j])
			f.d[i] = max(f.d[i], s.least[j])
		}
		if !f.factorize(q.rNew, nil) {
			break
		}
		for i := range f.p {
			f.p[i] = -f.c[i] * f.s[i] / (f.s[i]*f.s[i] + damp*f.s[0]*f.s[0])
		}
		f.back(f.w, f.p)
		for i, j := range others {
			x[j] = best[j] + f.w[i]
		}
		if v := q.value(q.rNew, x); v < ss {
			ss = v
			copy(best, x)
			damp *= 0.01
		} else {
			damp *= 100
		}
	}
	copy(d.next, best)
	return ss
}

// farthest returns the coordinate that moves farthest along p relative to itself.
func (d *descent) farthest() int {
	most, at := 0.0, 0
	for j, p := range d.s.p {
		if v := math.Abs(p) / (1e-300 + math.Abs(d.x[j])); v > most {
			most, at = v, j
		}
	}
	return at
}

// perfect ends a climb that reached residuals of rounding size.
func (d *descent) perfect() bool {
	d.status = Converged
	d.s.gain = 0
	if d.q.ls.Noise >= 0 {
		d.status = Boundary
		d.warn = append(d.warn, "the regression passes through all data: the likelihood is unbounded as σ² goes to 0")
	}
	return true
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
