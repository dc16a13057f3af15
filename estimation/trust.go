package estimation

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// trust is the quadratic model of one Newton iteration in scaled coordinates
// v = D u, D_i² = |h_ii|, with the eigen-decomposition of its Hessian. In these
// units a step of length r along a regular direction changes ℓ by r²/2 nats.
type trust struct {
	d      int
	weight float64
	radius float64
	scale  []float64 // D
	c      []float64 // gradient in the eigenbasis
	lambda []float64 // eigenvalues, ascending
	p      []float64 // step in the eigenbasis
	w, r   []float64
	q      *mat.Dense
	s      *mat.SymDense
	eig    mat.EigenSym
	length float64 // of the last step
	gain   float64 // predicted increase of ℓ by the full modified Newton step
	top    float64 // largest eigenvalue relative to the largest in absolute value
	flat   int     // directions flatter than flatFloor
}

// farthest bounds the move of a coordinate in one step, in units of 1+|u_i|.
const farthest = 3

func newTrust(d int, weight float64) *trust {
	buf := make([]float64, 6*d)
	part := func(i int) []float64 { return buf[i*d : (i+1)*d : (i+1)*d] }
	return &trust{
		d: d, weight: weight, radius: 0.5 * math.Sqrt(weight),
		scale: part(0), c: part(1), lambda: part(2), p: part(3), w: part(4), r: part(5),
		q: mat.NewDense(d, d, nil), s: mat.NewSymDense(d, nil),
	}
}

// factorize takes the model ℓ + gᵀδ + ½ δᵀhδ at u. It reports false if the
// eigen-decomposition fails.
func (t *trust) factorize(h *mat.SymDense, u, g []float64) bool {
	for i := range t.d {
		// The least curvature counted as a scale: a move of 1+|u_i| changes ℓ
		// by 5e-5 nats per unit of weight.
		least := 1e-4 * t.weight / ((1 + math.Abs(u[i])) * (1 + math.Abs(u[i])))
		t.scale[i] = math.Sqrt(max(math.Abs(h.At(i, i)), least))
	}
	for i := range t.d {
		for j := i; j < t.d; j++ {
			t.s.SetSym(i, j, h.At(i, j)/(t.scale[i]*t.scale[j]))
		}
	}
	if !t.eig.Factorize(t.s, true) {
		return false
	}
	t.eig.Values(t.lambda)
	t.eig.VectorsTo(t.q)
	size := max(math.Abs(t.lambda[0]), math.Abs(t.lambda[t.d-1]))
	if size == 0 {
		size = 1
	}
	t.top = t.lambda[t.d-1] / size
	t.gain, t.flat = 0, 0
	for j := range t.d {
		c := 0.0
		for i := range t.d {
			c += t.q.At(i, j) * g[i] / t.scale[i]
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
	} else {
		// Secular equation ‖p(shift)‖ = radius, decreasing in the shift.
		high := low + norm2(t.c)/t.radius
		for range 100 {
			mid := 0.5 * (low + high)
			if v := t.norm(mid); v > t.radius {
				low = mid
			} else if high = mid; v > 0.95*t.radius {
				break
			}
		}
		t.solve(high)
	}
	shrink := 1.0
	for i := range t.d {
		v := 0.0
		for j := range t.d {
			v += t.q.At(i, j) * t.p[j]
		}
		t.w[i] = v / t.scale[i]
		// Along a direction in which ℓ is flat the model sets no limit.
		shrink = min(shrink, farthest*(1+math.Abs(u[i]))/math.Abs(t.w[i]))
	}
	predicted := 0.0
	for j := range t.p {
		t.p[j] *= shrink
		predicted += t.p[j] * (t.c[j] + 0.5*t.lambda[j]*t.p[j])
	}
	t.length = norm2(t.p)
	for i := range t.d {
		next[i] = u[i] + shrink*t.w[i]
	}
	return predicted
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
		t.radius = 0.25 * min(t.length, t.radius)
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
