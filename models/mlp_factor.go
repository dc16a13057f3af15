package models

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// mlpFactor computes a factor of the Fisher information of a network whose
// weights w_i span k ≤ 2 dimensions. With x = sd(Qz + x⊥), Q (in×k) an
// orthonormal basis of the span, the hidden units depend on z alone, so that the
// rows √ω ∇f at nodes z do for the span, and for each direction across it the
// rows √ω sd v_oi φ′_i(z), because E x⊥x⊥ᵀ = I there. Rows are folded into
// triangles by Givens rotations as they come, which is as backward stable as a
// QR decomposition of all of them and needs no room.
type mlpFactor struct {
	m       *MLP
	k       int // dimensions of the span that are integrated
	sd      float64
	uniform bool

	basis []float64 // in×in, rows orthonormal; the first k span the w_i
	proj  []float64 // hidden×k: sd (w_i·q_1, …, w_i·q_k)
	axes  [2]mlpAxis

	phi, d1, v   []float64
	inner, cross triangle
	row          []float64
	r            *mat.Dense
}

// newMLPFactor returns nil where the member of the family has no factor.
func newMLPFactor(m *MLP) *mlpFactor {
	q := &mlpFactor{m: m}
	switch law := m.s.Inputs.(type) {
	case NormalLaw:
		q.sd = law.SD
		q.k = min(m.s.In, m.s.Hidden)
	case UniformLaw:
		q.sd = law.SD
		q.uniform = true
		q.k = m.s.In
	default:
		return nil
	}
	// Two-dimensional rules need smooth integrands: the kink of relu crosses
	// the plane.
	if q.k > 2 || q.k == 2 && m.s.Act == ReLUUnit {
		return nil
	}
	h, in := m.s.Hidden, m.s.In
	q.basis = make([]float64, in*in)
	q.proj = make([]float64, h*q.k)
	q.phi, q.d1, q.v = make([]float64, h), make([]float64, h), make([]float64, h)
	n := h*(q.k+m.rowIn-in) + m.s.Out*m.rowOut
	q.inner = newTriangle(n)
	q.row = make([]float64, n)
	rows := n
	if across := in - q.k; across > 0 {
		q.cross = newTriangle(h)
		rows += across * h
	}
	if m.s.FreeSigma {
		rows++
	}
	q.r = mat.NewDense(rows, len(m.params), nil)
	return q
}

// fill computes the factor into r; refine halves the steps of the rule that many
// times.
func (q *mlpFactor) fill(r *mat.Dense, theta []float64, refine int) {
	m := q.m
	q.span(theta)
	q.setAxes(theta, refine)
	q.inner.reset()
	q.cross.reset()
	var z [2]float64
	for a, za := range q.axes[0].x {
		z[0] = za
		if q.k == 1 {
			q.addNode(theta, z[:1], q.axes[0].w[a])
			continue
		}
		for b, zb := range q.axes[1].x {
			z[1] = zb
			q.addNode(theta, z[:2], q.axes[0].w[a]*q.axes[1].w[b])
		}
	}
	q.assemble(r, theta, 1/math.Sqrt(m.variance(theta)))
}

// addNode folds in the rows of the node z with weight omega.
func (q *mlpFactor) addNode(theta, z []float64, omega float64) {
	m := q.m
	root := math.Sqrt(omega)
	if root == 0 {
		return
	}
	for i := range q.phi {
		h := 0.0
		for c, zc := range z {
			h += q.proj[i*q.k+c] * zc
		}
		if m.s.Bias {
			h += theta[i*m.rowIn+m.s.In]
		}
		q.phi[i] = h
	}
	m.s.Act.slope(q.phi, q.d1)
	block := q.k + m.rowIn - m.s.In
	outs := len(q.phi) * block
	for o := range m.s.Out {
		clear(q.row)
		v := m.output(theta, o)
		for i, d := range q.d1 {
			g := root * v[i] * d
			q.v[i] = g * q.sd
			for c, zc := range z {
				q.row[i*block+c] = g * q.sd * zc
			}
			if m.s.Bias {
				q.row[i*block+q.k] = g
			}
		}
		lo := outs + o*m.rowOut
		for i, p := range q.phi {
			q.row[lo+i] = root * p
		}
		if m.s.Bias {
			q.row[lo+len(q.phi)] = root
		}
		q.inner.add(q.row)
		if q.cross.n > 0 {
			q.cross.add(q.v)
		}
	}
}

// assemble writes the triangles, in the coordinates of θ and divided by σ.
func (q *mlpFactor) assemble(r *mat.Dense, theta []float64, scale float64) {
	m := q.m
	in, h := m.s.In, m.s.Hidden
	block := q.k + m.rowIn - in
	r.Zero()
	for t := range q.inner.n {
		src, dst := q.inner.row(t), r.RawRowView(t)
		for i := range h {
			for c := range q.k {
				g := scale * src[i*block+c]
				for a := range in {
					dst[i*m.rowIn+a] += g * q.basis[c*in+a]
				}
			}
			if m.s.Bias {
				dst[i*m.rowIn+in] = scale * src[i*block+q.k]
			}
		}
		for j, g := range src[h*block:] {
			dst[m.offOut+j] = scale * g
		}
	}
	next := q.inner.n
	for e := q.k; e < in; e++ {
		for t := range h {
			src, dst := q.cross.row(t), r.RawRowView(next)
			next++
			for i, g := range src {
				for a := range in {
					dst[i*m.rowIn+a] = scale * g * q.basis[e*in+a]
				}
			}
		}
	}
	if m.s.FreeSigma {
		r.Set(next, m.net, math.Sqrt(0.5*float64(m.s.Out))*scale*scale)
	}
}

// span computes an orthonormal basis of R^in whose first k rows span the w_i,
// and the coordinates of sd·w_i on them, by Gram-Schmidt done twice on the w_i
// and then the unit vectors. With k = in it is the standard basis.
func (q *mlpFactor) span(theta []float64) {
	m, in := q.m, q.m.s.In
	if q.k == in {
		for a := range in {
			q.basis[a*in+a] = 1
		}
	} else {
		n := 0
		for i := 0; i < m.s.Hidden && n < q.k; i++ {
			row := q.basis[n*in : n*in+in]
			copy(row, m.unit(theta, i)[:in])
			// A w_i that adds less than rounding to the span adds nothing.
			if q.orthonormalise(n, 1e-14) {
				n++
			}
		}
		// Some unit vector always keeps 1/√in of its length across fewer than
		// in directions, so half of that accepts enough of them.
		for a := 0; n < in; a++ {
			row := q.basis[n*in : n*in+in]
			clear(row)
			row[a] = 1
			if q.orthonormalise(n, 0.5/math.Sqrt(float64(in))) {
				n++
			}
		}
	}
	for i := range m.s.Hidden {
		w := m.unit(theta, i)[:in]
		for c := range q.k {
			q.proj[i*q.k+c] = q.sd * dot(w, q.basis[c*in:c*in+in])
		}
	}
}

// orthonormalise makes row n of the basis orthogonal to those before it and of
// length 1, or reports that less than tol of its length is left.
func (q *mlpFactor) orthonormalise(n int, tol float64) bool {
	in := q.m.s.In
	row := q.basis[n*in : n*in+in]
	length := math.Sqrt(dot(row, row))
	if length == 0 {
		return false
	}
	for k := range row {
		row[k] /= length
	}
	for pass := range 2 {
		for c := range n {
			other := q.basis[c*in : c*in+in]
			p := dot(row, other)
			for k := range row {
				row[k] -= p * other[k]
			}
		}
		left := math.Sqrt(dot(row, row))
		if pass == 0 && left <= tol || left == 0 {
			return false
		}
		for k := range row {
			row[k] /= left
		}
	}
	return true
}

// A triangle is the upper triangular factor of the rows added so far.
type triangle struct {
	n    int
	t    []float64 // n×n
	used []float64
}

func newTriangle(n int) triangle {
	return triangle{n: n, t: make([]float64, n*n), used: make([]float64, n)}
}

func (t *triangle) reset() { clear(t.t) }

func (t *triangle) row(i int) []float64 { return t.t[i*t.n : (i+1)*t.n] }

// add folds a row in by Givens rotations.
func (t *triangle) add(row []float64) {
	x := t.used
	copy(x, row)
	for i := range x {
		b := x[i]
		if b == 0 {
			continue
		}
		r := t.row(i)
		a := r[i]
		h := math.Sqrt(a*a + b*b)
		if h < 1e-150 { // squares underflowed
			h = math.Hypot(a, b)
		}
		c, s := a/h, b/h
		r[i] = h
		for j := i + 1; j < len(x); j++ {
			rj, xj := r[j], x[j]
			r[j] = c*rj + s*xj
			x[j] = c*xj - s*rj
		}
	}
}
