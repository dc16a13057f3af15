package singular

import (
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/gonum/mat"
)

// nullSpace returns an orthonormal basis of the null space: unit vectors for the
// structural zeros, and the first `numerical` eigenvectors of the scaled matrix,
// scaled back and made sparse. Nil if it is empty.
func nullSpace(d int, structural []int, scale []float64, keep []int, vectors *mat.Dense, numerical int) *mat.Dense {
	k := len(structural) + numerical
	if k == 0 {
		return nil
	}
	basis := make([][]float64, 0, k)
	for _, i := range structural {
		e := make([]float64, d)
		e[i] = 1
		basis = append(basis, e)
	}
	rows := make([][]float64, numerical)
	for c := range rows {
		rows[c] = make([]float64, d)
		for i, p := range keep {
			rows[c][p] = vectors.At(i, c)
		}
	}
	basis = append(basis, unscaled(rows, scale)...)
	return orthonormal(d, basis)
}

// unscaled makes null vectors of the diagonally scaled matrix sparse, there,
// where sizes do not depend on units, and scales them back.
func unscaled(rows [][]float64, scale []float64) [][]float64 {
	sparsify(rows)
	for _, r := range rows {
		for j := range r {
			r[j] *= scale[j]
		}
	}
	return rows
}

// sparsify brings the rows to reduced echelon form with complete pivoting: each
// has a 1 in a coordinate where the others have 0, so that a null direction that
// involves few coordinates is seen to. Entries of rounding size are dropped.
func sparsify(rows [][]float64) {
	if len(rows) == 0 {
		return
	}
	for _, r := range rows {
		scaleTo(r, 1)
	}
	used := make([]bool, len(rows[0]))
	for k := range rows {
		pr, pc, best := k, 0, -1.0
		for i := k; i < len(rows); i++ {
			for j, v := range rows[i] {
				// The first of nearly equal pivots, for a stable choice.
				if !used[j] && math.Abs(v) > best*(1+1e-9) {
					pr, pc, best = i, j, math.Abs(v)
				}
			}
		}
		rows[k], rows[pr] = rows[pr], rows[k]
		used[pc] = true
		p := rows[k][pc]
		for j := range rows[k] {
			rows[k][j] /= p
		}
		for i := range rows {
			if i == k {
				continue
			}
			f := rows[i][pc]
			for j := range rows[i] {
				rows[i][j] -= f * rows[k][j]
			}
			rows[i][pc] = 0
		}
	}
	for _, r := range rows {
		clean(r)
	}
}

// clean drops entries below 1e-9 of the largest: eigenvectors of a matrix with a
// spectral gap of 1e-10 carry no more digits.
func clean(r []float64) {
	top := 0.0
	for _, v := range r {
		top = max(top, math.Abs(v))
	}
	for j, v := range r {
		if math.Abs(v) <= 1e-9*top {
			r[j] = 0
		}
	}
}

// scaleTo scales r to the Euclidean norm a, if it is not zero.
func scaleTo(r []float64, a float64) {
	if n := norm2(r); n > 0 {
		for j := range r {
			r[j] *= a / n
		}
	}
}

func norm2(r []float64) float64 {
	top := 0.0
	for _, v := range r {
		top = max(top, math.Abs(v))
	}
	if top == 0 {
		return 0
	}
	s := 0.0
	for _, v := range r {
		s += v / top * (v / top)
	}
	return top * math.Sqrt(s)
}

func dot(a, b []float64) float64 {
	s := 0.0
	for i, v := range a {
		s += v * b[i]
	}
	return s
}

// orthonormal returns an orthonormal basis of the span of the vectors as columns
// (d × rank), by Gram-Schmidt applied twice; nil if the span is {0}. Vectors that
// depend on earlier ones to 1e-8 are left out. Vectors that are already
// orthogonal keep their zeros.
func orthonormal(d int, vectors [][]float64) *mat.Dense {
	var out [][]float64
	for _, v := range vectors {
		u := append([]float64(nil), v...)
		scaleTo(u, 1)
		for range 2 {
			for _, q := range out {
				c := dot(q, u)
				for j := range u {
					u[j] -= c * q[j]
				}
			}
		}
		if norm2(u) > 1e-8 {
			scaleTo(u, 1)
			out = append(out, u)
		}
	}
	if len(out) == 0 {
		return nil
	}
	m := mat.NewDense(d, len(out), nil)
	for c, u := range out {
		m.SetCol(c, u)
	}
	return m
}

// columns returns the columns of m; nil for nil.
func columns(m *mat.Dense) [][]float64 {
	if m == nil {
		return nil
	}
	_, c := m.Dims()
	out := make([][]float64, c)
	for j := range out {
		out[j] = mat.Col(nil, j, m)
	}
	return out
}

// complement returns an orthonormal basis of the part of span(space) that is
// orthogonal to span(part); both have orthonormal columns.
func complement(d int, space, part *mat.Dense) *mat.Dense {
	p := columns(part)
	var rest [][]float64
	for _, v := range columns(space) {
		for range 2 {
			for _, q := range p {
				c := dot(q, v)
				for j := range v {
					v[j] -= c * q[j]
				}
			}
		}
		if norm2(v) > 1e-6 {
			rest = append(rest, v)
		}
	}
	sparsified := orthonormal(d, rest)
	rest = columns(sparsified)
	sparsify(rest)
	return orthonormal(d, rest)
}

// DirectionName writes a direction of parameter space in the names of its
// coordinates, as "v1 − v2" or "w1 + 0.5 w2", scaled so that its largest
// coefficient is 1 and the first is positive; coefficients below 1e-6 are left
// out. It panics if the lengths differ.
func DirectionName(v []float64, names []string) string {
	if len(v) != len(names) {
		panic(badLength)
	}
	top := 0.0
	for _, x := range v {
		top = max(top, math.Abs(x))
	}
	if top == 0 {
		return "0"
	}
	var b strings.Builder
	sign := 0.0
	for i, x := range v {
		c := x / top
		if math.Abs(c) < 1e-6 {
			continue
		}
		if sign == 0 {
			sign = math.Copysign(1, c)
		}
		c *= sign
		switch {
		case b.Len() > 0 && c < 0:
			b.WriteString(" − ")
		case b.Len() > 0:
			b.WriteString(" + ")
		}
		if a := math.Abs(c); math.Abs(a-1) > 1e-6 {
			fmt.Fprintf(&b, "%.4g ", a)
		}
		b.WriteString(names[i])
	}
	return b.String()
}
