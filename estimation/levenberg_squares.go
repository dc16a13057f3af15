package estimation

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

// squares is the sum of squares |r|² of a regression in the unconstrained
// coordinates x of everything but σ², with r and its Jacobian at the last point.
type squares struct {
	sp   *space
	rz   models.Residualer
	ls   models.LeastSquares
	k    int   // coordinates of x
	at   []int // x_j is coordinate at[j] of θ
	lin  []int // coordinates of x in which r is affine
	pull bool  // the chain rule changes the Jacobian

	u, row  []float64 // d
	r, rNew []float64 // residuals at the accepted point and at a trial
	jac     *mat.Dense
	ss      float64 // |r|²
	noise   float64 // |r|² that rounding of θ alone makes
	part    *factor // of the linear coordinates
}

// newSquares returns false where l is no regression with residuals.
func newSquares(sp *space) (*squares, bool) {
	rz, ok := sp.l.(models.Residualer)
	if !ok {
		return nil, false
	}
	ls, ok := rz.LeastSquares()
	if !ok || ls.Rows == 0 {
		return nil, false
	}
	q := &squares{
		sp: sp, rz: rz, ls: ls, u: make([]float64, sp.d), row: make([]float64, sp.d),
		r: make([]float64, ls.Rows), rNew: make([]float64, ls.Rows), jac: mat.NewDense(ls.Rows, sp.d, nil),
	}
	linear := make([]bool, sp.d)
	for _, j := range ls.Linear {
		linear[j] = true
	}
	_, boxed := sp.free.(box)
	q.pull = sp.free != nil && !boxed
	for j, p := range sp.params {
		if j == ls.Noise {
			continue
		}
		limited := !math.IsInf(p.Lo, -1) || !math.IsInf(p.Hi, 1)
		q.pull = q.pull || limited
		if linear[j] && !limited {
			q.lin = append(q.lin, len(q.at))
		}
		q.at = append(q.at, j)
	}
	q.k = len(q.at)
	if len(q.lin) > 0 && len(q.lin) < q.k {
		q.part = newFactor(ls.Rows, len(q.lin))
	} else {
		q.lin = nil // all or nothing linear: a step of the whole does as much
	}
	return q, q.k > 0
}

// full fills u with x, leaving σ² where it is.
func (q *squares) full(x []float64) {
	for j, a := range q.at {
		q.u[a] = x[j]
	}
}

// value fills r with the residuals at x and returns |r|², +Inf outside the domain.
func (q *squares) value(r, x []float64) float64 {
	q.full(x)
	q.sp.fromFree(q.sp.theta, q.u)
	q.sp.evals++
	q.rz.Residuals(r, nil, q.sp.theta)
	return sumSquares(r)
}

// linearise fills r and jac at x and returns |r|², +Inf where r or its Jacobian
// is not finite.
func (q *squares) linearise(r []float64, x []float64) float64 {
	q.full(x)
	q.sp.fromFree(q.sp.theta, q.u)
	q.sp.evals++
	q.rz.Residuals(r, q.jac, q.sp.theta)
	for t := range r {
		row := q.jac.RawRowView(t)
		if q.pull {
			copy(q.row, row)
			q.sp.free.PullScore(row, q.u, q.row)
		}
		if !finite(row) {
			return math.Inf(1)
		}
	}
	return sumSquares(r)
}

// accept linearises at x for good.
func (q *squares) accept(x []float64) bool {
	q.ss = q.linearise(q.r, x)
	if math.IsInf(q.ss, 1) {
		return false
	}
	// A coordinate is known to eps|x_j|, so a residual to eps Σ|J_tj x_j|.
	q.noise = 0
	for t := range q.r {
		row := q.jac.RawRowView(t)
		e := 0.0
		for j, a := range q.at {
			e += math.Abs(row[a] * x[j])
		}
		q.noise += e * e
	}
	q.noise *= epsilon * epsilon
	return true
}

const epsilon = 0x1p-52

// profile moves the linear coordinates of x to their least-squares values and
// returns |r|² there, with the residuals in r. One Gauss–Newton step in all
// coordinates followed by this is the step of variable projection up to a term
// of second order (Ruhe and Wedin, SIAM Review 22, 1980, algorithm 2).
// Directions that the data do not determine are left alone.
func (q *squares) profile(r, x []float64) float64 {
	ss := q.linearise(r, x)
	if math.IsInf(ss, 1) {
		return ss
	}
	f := q.part
	for i, j := range q.lin {
		f.load(i, q.jac, q.at[j])
	}
	if !f.factorize(r, nil) {
		return ss
	}
	for i := range f.k {
		f.p[i] = 0
		if f.s[i] > 1e-11*f.s[0] {
			f.p[i] = -f.c[i] / f.s[i]
		}
	}
	f.back(f.w, f.p)
	for i, j := range q.lin {
		f.b[i] = x[j]
		x[j] += f.w[i]
	}
	if better := q.value(r, x); better <= ss {
		return better
	}
	for i, j := range q.lin { // rounding made it worse
		x[j] = f.b[i]
	}
	return q.value(r, x)
}

// sumSquares returns |r|², +Inf where that is not finite.
func sumSquares(r []float64) float64 {
	s := 0.0
	for _, v := range r {
		s += v * v
	}
	if math.IsNaN(s) {
		return math.Inf(1)
	}
	return s
}

// factor is the singular value decomposition U diag(s) Vᵀ of a matrix A D⁻¹ by
// way of the triangular factor of A, with c = Uᵀr.
type factor struct {
	rows, k int
	col     [][]float64 // columns of A and then r, worked on in place
	d       []float64   // D
	s, c    []float64
	p, w, b []float64 // scratch (k)
	u, v    *mat.Dense
	tri     *mat.Dense
	svd     mat.SVD
}

func newFactor(rows, k int) *factor {
	buf := make([]float64, 6*k)
	cut := func(i int) []float64 { return buf[i*k : (i+1)*k : (i+1)*k] }
	f := &factor{
		rows: max(rows, k), k: k, col: make([][]float64, k+1),
		d: cut(0), s: cut(1), c: cut(2), p: cut(3), w: cut(4), b: cut(5),
		u: mat.NewDense(k, k, nil), v: mat.NewDense(k, k, nil), tri: mat.NewDense(k, k, nil),
	}
	for i := range f.col {
		f.col[i] = make([]float64, f.rows)
	}
	return f
}

// load takes column a of j as column i of A, with D_i its length.
func (f *factor) load(i int, j *mat.Dense, a int) {
	n, _ := j.Dims()
	raw := j.RawMatrix()
	c := f.col[i]
	clear(c[n:])
	for t := range n {
		c[t] = raw.Data[t*raw.Stride+a]
	}
	f.d[i] = norm2(c)
}

// factorize decomposes A D⁻¹, D_i at least least_i (1e-300 for nil). It reports
// false if the singular values do not converge.
func (f *factor) factorize(r, least []float64) bool {
	for i := range f.d {
		if least != nil {
			f.d[i] = max(f.d[i], least[i])
		}
		f.d[i] = max(f.d[i], 1e-300)
	}
	last := f.col[f.k]
	clear(last[copy(last, r):])
	f.tri.Zero()
	for i := range f.k {
		// Householder reflection that puts column i on the diagonal; A is scaled
		// on the way, so that its columns have length about 1.
		c := f.col[i]
		for t := i; t < f.rows; t++ {
			c[t] /= f.d[i]
		}
		length := norm2(c[i:])
		if length > 0 {
			if c[i] > 0 {
				length = -length
			}
			c[i] -= length
			scale := -1 / (length * c[i])
			for j := i + 1; j <= f.k; j++ {
				o := f.col[j]
				dot := 0.0
				for t := i; t < f.rows; t++ {
					dot += c[t] * o[t]
				}
				dot *= scale
				for t := i; t < f.rows; t++ {
					o[t] -= dot * c[t]
				}
			}
		}
		f.tri.Set(i, i, length)
		for j := i + 1; j < f.k; j++ {
			f.tri.Set(i, j, f.col[j][i]/f.d[j])
		}
	}
	if !f.svd.Factorize(f.tri, mat.SVDThin) {
		return false
	}
	f.svd.Values(f.s)
	f.svd.UTo(f.u)
	f.svd.VTo(f.v)
	for i := range f.c {
		f.c[i] = 0
		for j := range f.k {
			f.c[i] += f.u.At(j, i) * last[j]
		}
	}
	return true
}

// back fills dst with D⁻¹ V z.
func (f *factor) back(dst, z []float64) {
	for i := range dst {
		v := 0.0
		for j, zj := range z {
			v += f.v.At(i, j) * zj
		}
		dst[i] = v / f.d[i]
	}
}
