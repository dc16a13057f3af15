package estimation

import (
	"fmt"
	"math"
	"slices"
)

// arrived reports whether x is a stationary point that may be a minimum: no more
// is left than counts as none, or than rounding of θ itself makes.
func (d *descent) arrived() bool {
	return !d.s.bent() && d.s.gain <= max(d.tol*d.q.ss, 1e3*d.q.noise)
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
	if !d.arrived() {
		if d.ridge() {
			return true
		}
		return d.fail("no step reduces the residuals although the predicted reduction is not small")
	}
	if !d.effective() {
		return d.fail("no coordinate has an effect on the residuals here: start elsewhere")
	}
	d.status, d.flat = Converged, 0
	for i := range s.k {
		if d.probe(i) {
			d.status = IterationLimit
			return false
		}
	}
	lost := 0
	for _, v := range s.f.s {
		if v <= whiteFloor*s.f.s[0] {
			lost++
		}
	}
	if flat := max(d.flat, lost); d.status == Converged && flat > 0 {
		d.warn = append(d.warn, fmt.Sprintf("the log-likelihood is flat to rounding in %d of %d directions", flat, s.k))
	}
	return true
}

// ridge ends a climb that rounding stopped where J has lost rank and next to
// nothing is left to gain: units merge or fade while their weights grow, and the
// maximum is not attained.
func (d *descent) ridge() bool {
	q, s := d.q, d.s
	last := s.k - 1
	if s.bent() || s.gain > 1e-9*q.ss || s.f.s[last] > 1e-6*s.f.s[0] {
		return false
	}
	clear(s.z)
	s.z[last] = 1
	s.f.back(s.p, s.z)
	name := q.sp.params[q.at[d.farthest()]].Name
	d.status = Boundary
	d.warn = append(d.warn, fmt.Sprintf("the climb ended on a ridge along which %s is not determined and which rises no further to rounding", name))
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
// along the profile: what the other coordinates can mend counts as mended. Where
// the curvature cannot be told from rounding it tries each coordinate that the
// direction moves, by a part of its size. It reports whether it found a lower
// point, which becomes x.
func (d *descent) probe(i int) (lower bool) {
	q, s := d.q, d.s
	clear(s.z)
	s.z[i] = math.Sqrt(q.ss / float64(q.ls.Rows))
	flat := math.Abs(s.lambda[i]) <= s.flatTo
	if !flat {
		s.z[i] /= math.Sqrt(math.Abs(s.lambda[i]))
	}
	s.spread(s.p, s.z)
	s.limit(d.x)
	want := s.z[i] * s.z[i] * math.Abs(s.lambda[i]) // the rise of a parabola
	if !flat && want > 1e6*d.rounding() {
		up, down := d.trial(1)-q.ss, d.trial(-1)-q.ss
		if min(up, down) > 0.2*want && max(up, down) < 5*want {
			return false
		}
	}
	step, most := slices.Clone(s.p), 0.0
	at := d.farthest()
	for j, p := range step {
		most = max(most, math.Abs(p)/(1+math.Abs(d.x[j])))
	}
	if !flat {
		rises, lower := d.sides(step, at)
		if !rises {
			d.flat++
		}
		return lower
	}
	level := true
	for j, p := range step {
		if j != at && math.Abs(p)/(1+math.Abs(d.x[j])) < 1e-3*most {
			continue
		}
		for _, part := range []float64{0.3, 1.2} { // the second past 0
			alone := make([]float64, q.k)
			alone[j] = part * (1 + math.Abs(d.x[j]))
			rises, lower := d.sides(alone, j)
			if lower {
				return true
			}
			level = level && !rises
		}
	}
	if level {
		d.flat++
	}
	return false
}

// rounding is a change of |r|² that means nothing.
func (d *descent) rounding() float64 { return 1e-14*d.q.ss + 4*d.q.noise }

// sides compares |r|² at x with that at x ± step, mended in all coordinates but
// x_at. It reports whether it rises at all, and whether it falls; if it rises on
// one side only x_at runs away on the other.
func (d *descent) sides(step []float64, at int) (rises, lower bool) {
	q, s := d.q, d.s
	ss, rounding := q.ss, 1e3*d.rounding()
	var rise [2]float64
	for side := range rise {
		copy(s.p, step)
		rise[side] = d.mend(at, d.trial(float64(1-2*side))) - ss
		if rise[side] < -1e-9*ss-rounding {
			if d.move() {
				s.radius, s.reach = 0.5*math.Sqrt(q.ss), math.Sqrt(q.ss)
				return true, true
			}
			d.fail("the derivatives of the residuals are not finite at a lower point")
			return true, false
		}
	}
	q.accept(d.x)
	low, high := min(rise[0], rise[1]), max(rise[0], rise[1])
	if low <= rounding && high > 1e3*rounding && d.status == Converged {
		d.status = Boundary
		sign := 1
		if (rise[0] > rise[1]) == (step[at] > 0) {
			sign = -1
		}
		name := q.sp.params[q.at[at]].Name
		d.warn = append(d.warn, fmt.Sprintf("the likelihood has no maximum along %s: it levels off as %s goes to %v", name, name, math.Inf(sign)))
		d.bounds = append(d.bounds, fmt.Sprintf("%s = %v", name, math.Inf(sign)))
	}
	return high > rounding, false
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
