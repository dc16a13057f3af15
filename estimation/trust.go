package estimation

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// trust is the quadratic model of one Newton iteration in scaled coordinates
// v = D u, D_i² = |h_ii|. In these units a step of length r along a regular
// direction changes ℓ by r²/2 nats.
//
// Where −h is safely positive definite a Cholesky factor says what there is to know,
// for a tenth of the cost of the eigenvalues, which are then computed only if the
// Newton step is longer than the radius.
type trust struct {
	d        int
	weight   float64
	radius   float64
	scale    []float64 // D
	h        []float64 // the scaled Hessian, d×d
	g        []float64 // the scaled gradient
	chol     []float64 // d×d, lower triangle of the factor of −h
	newton   []float64 // the Newton step in scaled coordinates, if definite
	definite bool
	known    bool      // whether the eigenvalues are
	c        []float64 // gradient in the eigenbasis
	lambda   []float64 // eigenvalues, ascending
	p        []float64 // step in the eigenbasis
	w, r     []float64
	q        []float64 // eigenvectors in columns, d×d
	work     []float64 // d×d
	s        *mat.SymDense
	eig      mat.EigenSym
	vectors  mat.Dense
	length   float64 // of the last step
	gain     float64 // predicted increase of ℓ by the full modified Newton step
	top      float64 // largest eigenvalue relative to the largest in absolute value; negative if definite
	flat     int     // directions flatter than flatFloor
}

// farthest bounds the move of a coordinate in one step, in units of 1+|u_i|.
const farthest = 3

func newTrust(d int, weight float64) *trust {
	buf := make([]float64, 8*d+4*d*d)
	part := func(n int) []float64 { p := buf[:n:n]; buf = buf[n:]; return p }
	t := &trust{
		d: d, weight: weight,
		scale: part(d), c: part(d), lambda: part(d), p: part(d), w: part(d), r: part(d), g: part(d), newton: part(d),
		h: part(d * d), chol: part(d * d), q: part(d * d), work: part(d * d),
	}
	if d > jacobiDim {
		t.s = mat.NewSymDense(d, nil)
	}
	t.begin()
	return t
}

// begin sets the first radius: a step along a regular direction that loses an eighth of
// a nat per unit of weight.
func (t *trust) begin() { t.radius = 0.5 * math.Sqrt(t.weight) }

// factorize takes the model ℓ + gᵀδ + ½ δᵀhδ at u. It reports false if the
// eigen-decomposition fails.
func (t *trust) factorize(h *mat.SymDense, u, g []float64) bool {
	d := t.d
	for i := range d {
		// The least curvature counted as a scale: a move of 1+|u_i| changes ℓ
		// by 5e-5 nats per unit of weight.
		least := 1e-4 * t.weight / ((1 + math.Abs(u[i])) * (1 + math.Abs(u[i])))
		t.scale[i] = math.Sqrt(max(math.Abs(h.At(i, i)), least))
		t.g[i] = g[i] / t.scale[i]
	}
	for i := range d {
		for j := i; j < d; j++ {
			x := h.At(i, j) / (t.scale[i] * t.scale[j])
			t.h[i*d+j], t.h[j*d+i] = x, x
		}
	}
	t.known = false
	if t.definite = t.cholesky(); !t.definite {
		return t.spectrum()
	}
	t.top, t.flat, t.gain = -1, 0, 0
	for i := range d {
		t.gain += 0.5 * t.g[i] * t.newton[i]
	}
	return true
}

// safely is the least eigenvalue relative to the trace above which a Cholesky factor
// may stand for the eigenvalues; it is far above flatFloor.
const safely = 1e-7

// cholesky factors −h, solves for the Newton step, and reports whether −h is
// positive definite with no direction that comes near to flat. A bound from below on
// the least of d positive eigenvalues of sum s and product Δ is Δ ((d−1)/s)^(d−1),
// by the inequality of the means for the other ones.
func (t *trust) cholesky() bool {
	d, l := t.d, t.chol
	trace, product := 0.0, 1.0
	for i := range d {
		for j := range i + 1 {
			x := -t.h[i*d+j]
			for k := range j {
				x -= l[i*d+k] * l[j*d+k]
			}
			if i > j {
				l[i*d+j] = x / l[j*d+j]
				continue
			}
			if !(x > 0) {
				return false
			}
			l[i*d+i] = math.Sqrt(x)
			product *= x
		}
		trace -= t.h[i*d+i]
	}
	for range d - 1 {
		product *= float64(d-1) / trace
	}
	if !(product > safely*trace) {
		return false
	}
	x := t.newton
	for i := range d {
		x[i] = t.g[i]
		for k := range i {
			x[i] -= l[i*d+k] * x[k]
		}
		x[i] /= l[i*d+i]
	}
	for i := d - 1; i >= 0; i-- {
		for k := i + 1; k < d; k++ {
			x[i] -= l[k*d+i] * x[k]
		}
		x[i] /= l[i*d+i]
	}
	return true
}

// spectrum computes the eigenvalues and what follows from them.
func (t *trust) spectrum() bool {
	if t.known {
		return true
	}
	d := t.d
	if d <= jacobiDim {
		copy(t.work, t.h)
		if !jacobi(t.lambda, t.q, t.work, d) {
			return false
		}
	} else {
		for i := range d {
			for j := i; j < d; j++ {
				t.s.SetSym(i, j, t.h[i*d+j])
			}
		}
		if !t.eig.Factorize(t.s, true) {
			return false
		}
		t.eig.Values(t.lambda)
		t.eig.VectorsTo(&t.vectors)
		for i := range d {
			copy(t.q[i*d:(i+1)*d], t.vectors.RawRowView(i))
		}
	}
	t.known = true
	size := max(math.Abs(t.lambda[0]), math.Abs(t.lambda[d-1]))
	if size == 0 {
		size = 1
	}
	t.top = t.lambda[d-1] / size
	t.gain, t.flat = 0, 0
	for j := range d {
		c := 0.0
		for i := range d {
			c += t.q[i*d+j] * t.g[i]
		}
		t.c[j] = c
		a := math.Abs(t.lambda[j])
		if a < flatFloor*size {
			t.flat++
			a = flatFloor * size
		}
		t.gain += 0.5 * c * c / a
	}
	return true
}

// step fills next with the maximiser of the model within the radius and returns
// the predicted increase.
func (t *trust) step(next, u []float64) float64 {
	if t.definite && norm2(t.newton) <= t.radius {
		return t.move(next, u, t.newton)
	}
	if !t.spectrum() {
		return 0
	}
	t.within()
	for i := range t.d {
		v := 0.0
		for j := range t.d {
			v += t.q[i*t.d+j] * t.p[j]
		}
		t.r[i] = v
	}
	return t.move(next, u, t.r)
}

// move fills next with the end of step v in scaled coordinates, shortened where it
// goes too far, and returns the predicted increase.
func (t *trust) move(next, u, v []float64) float64 {
	shrink := 1.0
	for i, x := range v {
		t.w[i] = x / t.scale[i]
		// Along a direction in which ℓ is flat the model sets no limit.
		shrink = min(shrink, farthest*(1+math.Abs(u[i]))/math.Abs(t.w[i]))
	}
	predicted := 0.0
	for i, x := range v {
		hv := 0.0
		for j, y := range v {
			hv += t.h[i*t.d+j] * y
		}
		predicted += shrink * x * (t.g[i] + 0.5*shrink*hv)
	}
	t.length = shrink * norm2(v)
	for i := range next {
		next[i] = u[i] + shrink*t.w[i]
	}
	return predicted
}

// within fills p with the maximiser in the eigenbasis.
func (t *trust) within() {
	size := max(math.Abs(t.lambda[0]), math.Abs(t.lambda[t.d-1]))
	floor := flatFloor * size
	if floor == 0 {
		floor = flatFloor
	}
	top := t.lambda[t.d-1]
	// The shift that makes every denominator shift − λ_j at least floor.
	low := max(0, top+floor)
	if t.norm(low) <= t.radius {
		t.solve(low)
		if top > upward*size {
			// Hard case: the gradient does not see the upward direction. Go
			// along it to the edge, on the side of the gradient.
			rest := 0.0
			for _, p := range t.p[:t.d-1] {
				rest += p * p
			}
			t.p[t.d-1] = math.Copysign(math.Sqrt(max(0, t.radius*t.radius-rest)), t.c[t.d-1])
		}
		return
	}
	// Secular equation ‖p(s)‖ = r by Newton's method on 1/r − 1/‖p(s)‖, which is nearly
	// linear and convex: from the left of the root the iterates rise to it (Conn, Gould
	// and Toint, Trust-Region Methods, 2000, section 7.3.3). No one component of p may be
	// longer than r, which bounds the root from the left.
	shift := low
	for j, c := range t.c {
		shift = max(shift, t.lambda[j]+math.Abs(c)/t.radius)
	}
	for range 50 {
		pp, dp := 0.0, 0.0 // ‖p‖² and −½ its derivative
		for j, c := range t.c {
			e := shift - t.lambda[j]
			p := c / e
			pp += p * p
			dp += p * p / e
		}
		v := math.Sqrt(pp)
		if v <= 1.05*t.radius {
			break
		}
		shift += (v/t.radius - 1) * pp / dp
	}
	t.solve(shift)
}

func (t *trust) solve(shift float64) {
	for j := range t.d {
		t.p[j] = t.c[j] / (shift - t.lambda[j])
	}
}

func (t *trust) norm(shift float64) float64 {
	v := 0.0
	for j := range t.d {
		p := t.c[j] / (shift - t.lambda[j])
		v += p * p
	}
	return math.Sqrt(v)
}

// adapt sets the radius from the ratio of actual to predicted increase and
// reports whether the step is to be taken.
func (t *trust) adapt(ratio float64) bool {
	switch {
	case !(ratio >= 0.25):
		// Near the singular set the first term that the model leaves out is often
		// of fourth order: beside the predicted increase it falls with the square
		// of the length. Shorten to where it would be half of it.
		cut := 0.25
		if ratio < 0 {
			cut = max(0.02, min(cut, math.Sqrt(0.5/(1-ratio))))
		}
		t.radius = cut * min(t.length, t.radius)
	case ratio > 0.75 && t.length > 0.8*t.radius:
		t.radius *= 2.5
	}
	return ratio > 1e-4
}

// secant updates h by the symmetric rank-one formula, skipped where its
// denominator is small (Nocedal and Wright, Numerical Optimization, 2006,
// eq. 6.24 and 6.26).
func (t *trust) secant(h *mat.SymDense, u, g, next, gNext []float64) {
	rs, rr, ss := 0.0, 0.0, 0.0
	for i := range t.d {
		t.w[i] = (next[i] - u[i])
	}
	for i := range t.d {
		r := gNext[i] - g[i]
		for j := range t.d {
			r -= h.At(i, j) * t.w[j]
		}
		t.r[i] = r
		rs += r * t.w[i]
		// Norms in scaled coordinates: the test must not depend on units.
		rr += r * r / (t.scale[i] * t.scale[i])
		ss += t.w[i] * t.w[i] * t.scale[i] * t.scale[i]
	}
	if math.Abs(rs) < 1e-8*math.Sqrt(rr*ss) || rs == 0 {
		return
	}
	for i := range t.d {
		for j := i; j < t.d; j++ {
			h.SetSym(i, j, h.At(i, j)+t.r[i]*t.r[j]/rs)
		}
	}
}

func norm2(v []float64) float64 {
	s := 0.0
	for _, x := range v {
		s += x * x
	}
	return math.Sqrt(s)
}
