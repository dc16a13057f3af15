package dynamics

import (
	"errors"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
)

// An OnlineCommittee is the learning that a Committee is the limit N → ∞ of: a student
// with weights J in N dimensions, which sees one example after the other. It serves
// one goroutine.
type OnlineCommittee struct {
	c    *Committee
	n    int
	j    *mat.Dense // K×N
	b    *mat.Dense // M×M: teacher n is its row n and zeros
	x    []float64
	h    []float64 // fields J_i·x
	nat  *committeeNatural
	span *mat.Dense // covariance of J and x, for the natural gradient
	dir  *mat.Dense // K×(K+1): step of student i on J and x
}

// NewOnlineCommittee draws students with |J_i|² ≈ q in n dimensions. The settings of c
// apply, Eta > 0 among them. It refuses fewer dimensions than students and teachers.
func NewOnlineCommittee(c *Committee, n int, q float64, rng *rand.Rand) (*OnlineCommittee, error) {
	if n < c.k+c.m || !(q > 0) || !(c.s.Eta > 0) {
		return nil, errors.New("on-line learning needs a step size, students of some length, and more inputs than units")
	}
	o := &OnlineCommittee{
		c: c, n: n, j: mat.NewDense(c.k, n, nil), b: mat.NewDense(c.m, c.m, nil), x: make([]float64, n), h: make([]float64, c.k),
		span: mat.NewDense(c.k+1, c.k+1, nil), dir: mat.NewDense(c.k, c.k+1, nil),
	}
	var chol mat.Cholesky
	var l mat.TriDense
	chol.Factorize(c.s.Teacher) // positive definite: NewCommittee has looked
	chol.LTo(&l)
	o.b.Copy(&l)
	for i := range c.k {
		for a := range n {
			o.j.Set(i, a, math.Sqrt(q/float64(n))*rng.NormFloat64())
		}
	}
	if c.s.Natural {
		o.nat = newCommitteeNatural(c.k, 1)
	}
	return o, nil
}

// Lean adds overlap × B_i to student i, for as many students as there are teachers: an
// asymmetry that does not shrink with N, beside that of order N^(−1/2) of the draw.
func (o *OnlineCommittee) Lean(overlap float64) {
	for i := range min(o.c.k, o.c.m) {
		for a, b := range o.b.RawRowView(i) {
			o.j.Set(i, a, o.j.At(i, a)+overlap*b)
		}
	}
}

// Step learns one example and returns the time that it took, Eta/N. The error is
// ErrSingular where the Fisher information is, and ErrDiverged.
func (o *OnlineCommittee) Step(rng *rand.Rand) (dt float64, err error) {
	k := o.c.k
	for a := range o.x {
		o.x[a] = rng.NormFloat64()
	}
	e := 0.0
	if o.c.s.Noise > 0 {
		e = math.Sqrt(o.c.s.Noise) * rng.NormFloat64()
	}
	for n := range o.c.m {
		e += math.Erf(dot(o.b.RawRowView(n), o.x[:o.c.m]) / math.Sqrt2)
	}
	for i := range k {
		o.h[i] = dot(o.j.RawRowView(i), o.x)
		e -= math.Erf(o.h[i] / math.Sqrt2)
	}
	if math.IsNaN(e) {
		return 0, ErrDiverged
	}
	o.dir.Zero()
	for i, h := range o.h {
		o.dir.Set(i, k, e*math.Sqrt(2/math.Pi)*math.Exp(-h*h/2))
	}
	if o.nat != nil {
		for i := range k {
			for l := range k {
				o.span.Set(i, l, dot(o.j.RawRowView(i), o.j.RawRowView(l)))
			}
			o.span.Set(i, k, o.h[i])
			o.span.Set(k, i, o.h[i])
		}
		if !o.nat.apply(o.dir, nil, o.span, false) {
			return 0, ErrSingular
		}
	}
	dt = o.c.s.Eta / float64(o.n)
	if o.nat != nil {
		o.onStudents(dt)
	}
	for i := range k {
		row, d := o.j.RawRowView(i), dt*o.dir.At(i, k)
		for a, v := range o.x {
			row[a] += d * v
		}
	}
	return dt, nil
}

// onStudents makes the part of a natural step that lies along the students.
func (o *OnlineCommittee) onStudents(dt float64) {
	k := o.c.k
	old := o.h // no longer needed
	for a := range o.n {
		for i := range k {
			old[i] = o.j.At(i, a)
		}
		for i := range k {
			v := old[i]
			for l := range k {
				v += dt * o.dir.At(i, l) * old[l]
			}
			o.j.Set(i, a, v)
		}
	}
}

func dot(x, y []float64) float64 {
	s := 0.0
	for i, v := range x {
		s += v * y[i]
	}
	return s
}

// State returns the order parameters of the weights, as a state of the Committee.
func (o *OnlineCommittee) State() []float64 {
	k, m := o.c.k, o.c.m
	x := make([]float64, 0, o.c.Dim())
	for i := range k {
		for n := range m {
			x = append(x, dot(o.b.RawRowView(n), o.j.RawRowView(i)[:m]))
		}
	}
	for i := range k {
		for l := i; l < k; l++ {
			x = append(x, dot(o.j.RawRowView(i), o.j.RawRowView(l)))
		}
	}
	return x
}
