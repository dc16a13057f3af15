package estimation

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// leap computes the steps of LevenbergMarquardt from the linearisation in q.
type leap struct {
	q       *squares
	f       *factor // of J D⁻¹
	k       int
	radius  float64   // of |Dp| for steps of the linear model
	reach   float64   // of |z| for steps of the full model, in units of the residuals
	p, a, z []float64 // a step: of x, its acceleration, in the coordinates of the model
	least   []float64
	most    []float64 // D so far
	x       []float64
	up, dn  []float64

	// The full model ½|r|² + gᵀz + ½zᵀHz in whitened coordinates p = D⁻¹V S⁻¹z,
	// in which JᵀJ is the unit matrix: H − 1 is the relative curvature of the
	// regression (Bates and Watts, Nonlinear Regression Analysis, 1988, ch. 7).
	second *mat.Dense // Σ r_i ∂²r_i in x
	doubt  *mat.Dense // what rounding may have done to its entries
	work   [4]mat.Dense
	h      *mat.SymDense
	eig    mat.EigenSym
	qv     *mat.Dense
	lambda []float64
	g      []float64 // in the eigenbasis of H
	white  []float64 // S with a floor
	flatTo float64   // eigenvalues up to this are rounding
	gain   float64   // reduction of |r|² that the model in use still promises
	jump   float64   // length of the last step, |Dp| or |z|
	edge   bool      // the last step was cut short by its radius
}

// whiteFloor is the least singular value, relative to the largest, that
// whitening divides by: directions flatter than that stay flat.
const whiteFloor = 1e-8

func newLeap(q *squares) *leap {
	k := q.k
	buf := make([]float64, 9*k)
	cut := func(i int) []float64 { return buf[i*k : (i+1)*k : (i+1)*k] }
	return &leap{
		q: q, f: newFactor(q.ls.Rows, k), k: k,
		p: cut(0), a: cut(1), z: cut(2), least: cut(3), x: cut(4), lambda: cut(5), g: cut(6), white: cut(7), most: cut(8),
		up: make([]float64, k), dn: make([]float64, k),
		second: mat.NewDense(k, k, nil), doubt: mat.NewDense(k, k, nil), h: mat.NewSymDense(k, nil), qv: mat.NewDense(k, k, nil),
	}
}

// factorize takes the linear model at x for steps within the radius. D never
// shrinks (Moré), so that a coordinate whose effect vanishes does not run away,
// except for linear coordinates, which do not run.
func (s *leap) factorize(x []float64) bool {
	s.load(x)
	for j, v := range s.f.d {
		s.most[j] = max(s.most[j], v)
		s.least[j] = max(s.most[j], s.least[j])
	}
	for _, j := range s.q.lin {
		s.least[j] = s.f.d[j]
	}
	return s.decompose()
}

// load takes the Jacobian at x.
func (s *leap) load(x []float64) {
	size := math.Sqrt(s.q.ss)
	for j, a := range s.q.at {
		s.f.load(j, s.q.jac, a)
		// A move of 1+|x_j| counts as a change of r by 1e-8 of its length.
		s.least[j] = 1e-8 * size / (1 + math.Abs(x[j]))
	}
}

func (s *leap) decompose() bool {
	if !s.f.factorize(s.q.r, s.least) {
		return false
	}
	s.gain = 0
	for i, c := range s.f.c {
		if s.f.s[i] > 1e-13*s.f.s[0] {
			s.gain += c * c
		}
	}
	return true
}

// linear fills p with the step of the linear model within the radius (Moré,
// Lecture Notes in Mathematics 630, 1978) and returns the predicted reduction of
// |r|².
func (s *leap) linear(x []float64) (predicted, shift float64) {
	f := s.f
	length := func(shift float64) float64 {
		v := 0.0
		for i, c := range f.c {
			if f.s[i] > 0 {
				e := c * f.s[i] / (f.s[i]*f.s[i] + shift)
				v += e * e
			}
		}
		return math.Sqrt(v)
	}
	// Directions without a trace in r are rounding, whatever the radius.
	low := 1e-26 * f.s[0] * f.s[0]
	s.edge = length(low) > s.radius
	shift = low
	if s.edge {
		high := max(low, norm2(f.c)*f.s[0]/s.radius)
		for range 200 {
			mid := math.Sqrt(low * high)
			if l := length(mid); l > s.radius {
				low = mid
			} else if high = mid; l > 0.95*s.radius {
				break
			}
		}
		shift = high
	}
	for i, c := range f.c {
		e := -c * f.s[i] / (f.s[i]*f.s[i] + shift)
		if f.s[i] == 0 {
			e = 0
		}
		s.z[i] = e
	}
	f.back(s.p, s.z)
	cut := s.limit(x)
	for i, e := range s.z {
		predicted -= e * f.s[i] * (2*f.c[i] + e*f.s[i])
	}
	s.jump = norm2(s.z)
	if cut {
		s.radius, s.edge = min(s.radius, s.jump), false
	}
	return predicted, shift
}

// bend adds half the geodesic acceleration to p, the second-order correction of
// a step along a curved valley (Transtrum and Sethna, arXiv:1201.5885), from one
// residual on the way. It reports false, and leaves p alone, where the
// acceleration is not small beside the step.
func (s *leap) bend(x []float64, shift float64) bool {
	const h = 0.1
	q := s.q
	for j := range x {
		s.x[j] = x[j] + h*s.p[j]
	}
	if math.IsInf(q.value(q.rNew, s.x), 1) {
		return false
	}
	clear(s.up)
	for t, r := range q.rNew {
		row := q.jac.RawRowView(t)
		v := 0.0
		for j, a := range q.at {
			v += row[a] * s.p[j]
		}
		curve := 2 / h * ((r-q.r[t])/h - v)
		for j, a := range q.at {
			s.up[j] += row[a] * curve
		}
	}
	f := s.f
	for i := range f.c {
		v := 0.0
		for j := range s.up {
			v += f.v.At(j, i) * s.up[j] / f.d[j]
		}
		s.dn[i] = -v / (f.s[i]*f.s[i] + shift)
	}
	if !(2*norm2(s.dn) <= 0.75*s.jump) {
		return false
	}
	f.back(s.a, s.dn)
	for j := range s.p {
		s.p[j] += 0.5 * s.a[j]
	}
	return true
}

// curve computes the full model at x, where the Jacobian of q is, with D the
// lengths of its columns: Σ r_i ∂²r_i by central differences of the
// Jacobian, at 2k Jacobians. It leaves the Jacobian of q at another point. It
// reports false where the model is not finite.
func (s *leap) curve(x []float64) bool {
	q := s.q
	s.load(x)
	if !s.decompose() {
		return false
	}
	copy(s.x, x)
	size := math.Sqrt(q.ss)
	copyOfR := s.q.r // the residuals at x weigh the second derivatives
	for j := range x {
		scale := math.Abs(x[j])
		if near := min(1, size/s.f.d[j]); scale < near {
			scale = near
		}
		e := 6e-6 * scale // ∛ε balances truncation and rounding
		ok := true
		for side, dst := range [][]float64{s.up, s.dn} {
			s.x[j] = x[j] + e*float64(1-2*side)
			ok = ok && !math.IsInf(q.linearise(q.rNew, s.x), 1)
			clear(dst)
			for t, r := range copyOfR {
				row := q.jac.RawRowView(t)
				for i, a := range q.at {
					dst[i] += r * row[a]
				}
			}
		}
		if !ok {
			return false
		}
		width := (x[j] + e) - (x[j] - e)
		for i := range s.up {
			s.second.Set(i, j, (s.up[i]-s.dn[i])/width)
			s.doubt.Set(i, j, epsilon*size*s.f.d[i]/width)
		}
		s.x[j] = x[j]
	}
	return s.whiten()
}

// whiten decomposes the Hessian in whitened coordinates.
func (s *leap) whiten() bool {
	f := s.f
	for i := range s.white {
		s.white[i] = max(f.s[i], whiteFloor*f.s[0])
		if s.white[i] == 0 {
			s.white[i] = 1
		}
	}
	// B = D⁻¹ V S⁻¹; H = diag(s²/S²) + Bᵀ second B.
	basis, half, full, doubt := &s.work[0], &s.work[1], &s.work[2], &s.work[3]
	basis.Reset()
	basis.ReuseAs(s.k, s.k)
	for i := range s.k {
		for j := range s.k {
			basis.Set(i, j, f.v.At(i, j)/(f.d[i]*s.white[j]))
		}
	}
	half.Mul(s.second, basis)
	full.Mul(basis.T(), half)
	basis.Apply(func(_, _ int, v float64) float64 { return math.Abs(v) }, basis)
	half.Mul(s.doubt, basis)
	doubt.Mul(basis.T(), half)
	wrong := mat.Max(doubt)
	for i := range s.k {
		for j := i; j < s.k; j++ {
			v := 0.5 * (full.At(i, j) + full.At(j, i))
			// The exact matrix is symmetric.
			wrong = max(wrong, math.Abs(full.At(i, j)-full.At(j, i)))
			if i == j {
				v += f.s[i] * f.s[i] / (s.white[i] * s.white[i])
			}
			s.h.SetSym(i, j, v)
		}
	}
	if !finiteSym(s.h) || !s.eig.Factorize(s.h, true) {
		return false
	}
	s.eig.Values(s.lambda)
	s.eig.VectorsTo(s.qv)
	size := max(math.Abs(s.lambda[0]), math.Abs(s.lambda[s.k-1]))
	s.flatTo = max(1e-10*size, 3*wrong)
	s.gain = 0
	for i := range s.g {
		v := 0.0
		for j := range s.k {
			v += s.qv.At(j, i) * f.c[j] * f.s[j] / s.white[j]
		}
		s.g[i] = v
		s.gain += v * v / max(math.Abs(s.lambda[i]), s.flatTo, 1e-300)
	}
	return true
}

// bent reports whether the full model curves downward somewhere.
func (s *leap) bent() bool { return s.lambda[0] < -s.flatTo }

// newton fills p with the step of the full model within the reach (Moré and
// Sorensen, SIAM J. Sci. Stat. Comput. 4, 1983) and returns the predicted
// reduction of |r|².
func (s *leap) newton(x []float64) float64 {
	least := max(s.flatTo, 1e-300)
	low := max(0, least-s.lambda[0])
	length := func(shift float64) float64 {
		v := 0.0
		for i, g := range s.g {
			e := g / max(s.lambda[i]+shift, least)
			v += e * e
		}
		return math.Sqrt(v)
	}
	shift := low
	s.edge = length(low) > s.reach
	if s.edge {
		high := low + norm2(s.g)/s.reach
		for range 100 {
			mid := 0.5 * (low + high)
			if l := length(mid); l > s.reach {
				low = mid
			} else if high = mid; l > 0.95*s.reach {
				break
			}
		}
		shift = high
	}
	for i, g := range s.g {
		s.z[i] = -g / max(s.lambda[i]+shift, least)
	}
	if !s.edge && s.bent() {
		// Hard case: the gradient does not see the downward direction.
		rest := 0.0
		for _, z := range s.z[1:] {
			rest += z * z
		}
		s.z[0] = -math.Copysign(math.Sqrt(max(0, s.reach*s.reach-rest)), s.g[0])
		s.edge = true
	}
	s.spread(s.p, s.z)
	s.limit(x)
	predicted := 0.0
	for i, z := range s.z {
		predicted -= z * (2*s.g[i] + s.lambda[i]*z)
	}
	s.jump = norm2(s.z)
	return predicted
}

// spread fills dst with the move of x that is z in the eigenbasis of H.
func (s *leap) spread(dst, z []float64) {
	for j := range s.k {
		v := 0.0
		for i, zi := range z {
			v += s.qv.At(j, i) * zi
		}
		s.a[j] = v / s.white[j]
	}
	s.f.back(dst, s.a)
}

// limit shortens p, and z with it, so that no coordinate moves farther than
// farthest times 1+|x_j|, and reports whether that was needed.
func (s *leap) limit(x []float64) (cut bool) {
	shrink := 1.0
	for j, p := range s.p {
		if m := math.Abs(p); m > 0 {
			shrink = min(shrink, farthest*(1+math.Abs(x[j]))/m)
		}
	}
	if shrink < 1 {
		for j := range s.p {
			s.p[j] *= shrink
			s.z[j] *= shrink
		}
	}
	return shrink < 1
}
