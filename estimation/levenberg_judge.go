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
	if d.status == Converged && d.flat > 0 {
		d.warn = append(d.warn, fmt.Sprintf("the log-likelihood is flat in %d of %d directions", d.flat, s.k))
	}
	return true
}

// ridge ends a climb that rounding stopped where J has lost rank and next to
// nothing is left to gain: units merge or fade while their weights grow, and the
// maximum is not attained.
func (d *descent) ridge() bool {
	q, s := d.q, d.s
	last := s.k - 1
	if s.gain > 1e-9*q.ss || s.f.s[last] > 1e-6*s.f.s[0] {
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
	rounding *= 1e3
	switch low, high := min(rise[0], rise[1]), max(rise[0], rise[1]); {
	case high <= rounding:
		d.flat++
	case low <= rounding && high > 1e3*rounding:
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
