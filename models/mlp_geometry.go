package models

import (
	"cmp"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Canonicalize implements Canonicalizer: for odd φ the first nonzero weight into
// each unit (then its bias, then the weights out of it) becomes positive, and the
// units are sorted by (w_i, b_i, v_·i) in lexicographic order. The continuous
// freedom of relu and linear units is left alone.
func (m *MLP) Canonicalize(theta []float64) {
	checkLen(len(theta), len(m.params))
	for i := range m.s.Hidden {
		if m.s.Act.Odd() && m.leadingSign(theta, i) < 0 {
			m.flip(theta, i)
		}
	}
	for i := 1; i < m.s.Hidden; i++ { // insertion sort: few units, stable
		for j := i; j > 0 && m.compareUnits(theta, j, j-1) < 0; j-- {
			m.swap(theta, j, j-1)
		}
	}
}

func (m *MLP) leadingSign(theta []float64, i int) float64 {
	for _, v := range m.unit(theta, i) {
		if v != 0 {
			return v
		}
	}
	for o := range m.s.Out {
		if v := m.output(theta, o)[i]; v != 0 {
			return v
		}
	}
	return 0
}

// flip changes the sign of unit i. 0 − v keeps zeros positive.
func (m *MLP) flip(theta []float64, i int) {
	w := m.unit(theta, i)
	for k := range w {
		w[k] = 0 - w[k]
	}
	for o := range m.s.Out {
		v := m.output(theta, o)
		v[i] = 0 - v[i]
	}
}

func (m *MLP) swap(theta []float64, i, j int) {
	a, b := m.unit(theta, i), m.unit(theta, j)
	for k := range a {
		a[k], b[k] = b[k], a[k]
	}
	for o := range m.s.Out {
		v := m.output(theta, o)
		v[i], v[j] = v[j], v[i]
	}
}

func (m *MLP) compareUnits(theta []float64, i, j int) int {
	b := m.unit(theta, j)
	for k, v := range m.unit(theta, i) {
		if c := cmp.Compare(v, b[k]); c != 0 {
			return c
		}
	}
	for o := range m.s.Out {
		v := m.output(theta, o)
		if c := cmp.Compare(v[i], v[j]); c != 0 {
			return c
		}
	}
	return 0
}

// Strata implements Stratified: overlap(i,j), elimination(i) and zero-input(i)
// for all units; for relu rescaling(i) and for linear units basis-change, which
// hold everywhere.
func (m *MLP) Strata() []Stratum {
	var ss []Stratum
	for i := range m.s.Hidden {
		for j := i + 1; j < m.s.Hidden; j++ {
			ss = append(ss, m.overlap(i, j))
		}
	}
	for i := range m.s.Hidden {
		ss = append(ss, m.elimination(i))
	}
	for i := range m.s.Hidden {
		ss = append(ss, m.zeroInput(i))
	}
	switch m.s.Act {
	case ReLUUnit:
		for i := range m.s.Hidden {
			ss = append(ss, m.rescaling(i))
		}
	case LinearUnit:
		ss = append(ss, m.basisChange())
	}
	return ss
}

// overlap is where units i and j compute the same function up to a factor: for
// sigmoids w_i = ±w_j, for relu (positive) and linear units parallel weights.
func (m *MLP) overlap(i, j int) Stratum {
	s := Stratum{Name: fmt.Sprintf("overlap(%d,%d)", i+1, j+1), Codim: m.rowIn}
	doc := "w_i = w_j or w_i = −w_j (with biases): the law depends on v_i ± v_j alone, so that their difference is free; moving the two units apart at fixed v_i w_i ± v_j w_j leaves the law unchanged to first order too"
	switch m.s.Act {
	case ReLUUnit:
		s.Codim--
		doc = "w_i and w_j (with biases) point the same way, or one is 0: both units turn at one place, and only |w_i| v_i + |w_j| v_j matters"
	case LinearUnit:
		s.Codim--
		doc = "w_i and w_j (with biases) are parallel: one unit can take over the other"
	}
	s.Doc = doc
	s.Distance = func(theta []float64) float64 {
		checkLen(len(theta), len(m.params))
		return unitsApart(m.s.Act, m.unit(theta, i), m.unit(theta, j))
	}
	s.Project = func(dst, theta []float64) {
		checkLen(len(theta), len(m.params))
		checkLen(len(dst), len(m.params))
		copy(dst, theta)
		mergeUnits(m.s.Act, m.unit(dst, i), m.unit(dst, j))
	}
	s.Tangent = func(theta []float64) *mat.Dense {
		checkLen(len(theta), len(m.params))
		x, y := cancelUnits(m.s.Act, m.unit(theta, i), m.unit(theta, j))
		t := mat.NewDense(len(m.params), m.s.Out, nil)
		for o := range m.s.Out {
			lo := m.offOut + o*m.rowOut
			t.Set(lo+i, o, x)
			t.Set(lo+j, o, y)
		}
		return t
	}
	return s
}

// unitsApart returns the distance of the weights a and b into two units to where
// they compute the same function up to a factor.
func unitsApart(act Activation, a, b []float64) float64 {
	if act.sigmoid() {
		same, mirrored := apart(a, b)
		return min(same, mirrored) / math.Sqrt2
	}
	d, _, _ := parallelRows(act, a, b)
	return d
}

// mergeUnits moves a and b to the nearest weights of units that compute the same
// function up to a factor.
func mergeUnits(act Activation, a, b []float64) {
	if !act.sigmoid() {
		_, x, y := parallelRows(act, a, b)
		// The nearest matrix of rank 1 with rows a, b: each row's part along the
		// leading right singular vector x a + y b.
		for k := range a {
			r := x*a[k] + y*b[k]
			a[k], b[k] = x*r, y*r
		}
		return
	}
	sign := 1.0
	if same, mirrored := apart(a, b); mirrored < same {
		sign = -1
	}
	for k := range a {
		mid := 0.5 * (a[k] + sign*b[k])
		a[k], b[k] = mid, sign*mid
	}
}

// cancelUnits returns x and y with x φ_a + y φ_b = 0 where units of weights a and b
// compute the same function up to a factor: (φ_b, −φ_a) up to one.
func cancelUnits(act Activation, a, b []float64) (x, y float64) {
	if act.sigmoid() {
		if same, mirrored := apart(a, b); mirrored < same {
			return -1, -1
		}
		return 1, -1
	}
	if aa := dot(a, a); aa > 0 {
		return dot(a, b) / aa, -1
	}
	return 1, 0 // φ_a = 0
}

// apart returns |a − b| and |a + b|.
func apart(a, b []float64) (same, mirrored float64) {
	for k, v := range a {
		same += (v - b[k]) * (v - b[k])
		mirrored += (v + b[k]) * (v + b[k])
	}
	return math.Sqrt(same), math.Sqrt(mirrored)
}

// parallelRows returns the distance of (a, b) to the pairs of parallel vectors (of
// non-negative ratio for relu), and the left singular vector (x, y) of the
// nearest such pair: the distance is the smaller singular value of the matrix
// with rows a and b.
func parallelRows(act Activation, a, b []float64) (dist, x, y float64) {
	aa, ab, bb := dot(a, a), dot(a, b), dot(b, b)
	if act == ReLUUnit && ab < 0 { // opposite: the nearest pair drops the shorter
		if aa < bb {
			return math.Sqrt(aa), 0, 1
		}
		return math.Sqrt(bb), 1, 0
	}
	if aa == 0 && bb == 0 {
		return 0, 1, 0
	}
	angle := 0.5 * math.Atan2(2*ab, aa-bb)
	y, x = math.Sincos(angle)
	// The part of the rows across the leading direction, without the
	// cancellation of the smaller root of the characteristic equation.
	s := 0.0
	for k, v := range a {
		r := -y*v + x*b[k]
		s += r * r
	}
	if s < 1e-31*(aa+bb) { // rounding of x and y
		s = 0
	}
	return math.Sqrt(s), x, y
}

// elimination is where unit i has no weight out.
func (m *MLP) elimination(i int) Stratum {
	return Stratum{
		Name:  fmt.Sprintf("elimination(%d)", i+1),
		Codim: m.s.Out,
		Doc:   "v_i = 0: the weights into the unit (and its bias) do not matter",
		Distance: func(theta []float64) float64 {
			checkLen(len(theta), len(m.params))
			s := 0.0
			for o := range m.s.Out {
				v := m.output(theta, o)[i]
				s += v * v
			}
			return math.Sqrt(s)
		},
		Project: func(dst, theta []float64) {
			checkLen(len(theta), len(m.params))
			checkLen(len(dst), len(m.params))
			copy(dst, theta)
			for o := range m.s.Out {
				m.output(dst, o)[i] = 0
			}
		},
		Tangent: func(theta []float64) *mat.Dense {
			checkLen(len(theta), len(m.params))
			t := mat.NewDense(len(m.params), m.rowIn, nil)
			for k := range m.rowIn {
				t.Set(i*m.rowIn+k, k, 1)
			}
			return t
		},
	}
}

// zeroInput is where unit i does not see the input: it is 0 (φ(0) = 0 for every
// activation here) or, with a bias, a constant that the output bias can take
// over.
func (m *MLP) zeroInput(i int) Stratum {
	doc := "w_i = 0: the unit is 0 whatever v_i is"
	if m.s.Bias {
		doc = "w_i = 0: the unit is the constant φ(b_i); only v_i φ(b_i) + c matters"
	}
	in := m.s.In
	return Stratum{
		Name:  fmt.Sprintf("zero-input(%d)", i+1),
		Codim: in,
		Doc:   doc,
		Distance: func(theta []float64) float64 {
			checkLen(len(theta), len(m.params))
			w := m.unit(theta, i)[:in]
			return math.Sqrt(dot(w, w))
		},
		Project: func(dst, theta []float64) {
			checkLen(len(theta), len(m.params))
			checkLen(len(dst), len(m.params))
			copy(dst, theta)
			clear(m.unit(dst, i)[:in])
		},
		Tangent: func(theta []float64) *mat.Dense {
			checkLen(len(theta), len(m.params))
			cols := m.s.Out
			if m.s.Bias {
				cols++
			}
			t := mat.NewDense(len(m.params), cols, nil)
			var phi, slope float64
			if m.s.Bias {
				h, d := []float64{theta[i*m.rowIn+in]}, []float64{0}
				m.s.Act.slope(h, d)
				phi, slope = h[0], d[0]
				t.Set(i*m.rowIn+in, m.s.Out, 1)
			}
			for o := range m.s.Out {
				lo := m.offOut + o*m.rowOut
				t.Set(lo+i, o, 1)
				if m.s.Bias {
					t.Set(lo+m.s.Hidden, o, -phi)
					t.Set(lo+m.s.Hidden, m.s.Out, -slope*theta[lo+i])
				}
			}
			return t
		},
	}
}

// everywhere completes a stratum that is the whole space.
func everywhere(s Stratum, d int) Stratum {
	s.Distance = func(theta []float64) float64 {
		checkLen(len(theta), d)
		return 0
	}
	s.Project = func(dst, theta []float64) {
		checkLen(len(theta), d)
		checkLen(len(dst), d)
		copy(dst, theta)
	}
	return s
}

func (m *MLP) rescaling(i int) Stratum {
	return everywhere(Stratum{
		Name: fmt.Sprintf("rescaling(%d)", i+1),
		Doc:  "everywhere: (w_i, b_i, v_i) → (c w_i, c b_i, v_i/c) for c > 0 does not change the law",
		Tangent: func(theta []float64) *mat.Dense {
			checkLen(len(theta), len(m.params))
			t := mat.NewDense(len(m.params), 1, nil)
			for k, v := range m.unit(theta, i) {
				t.Set(i*m.rowIn+k, 0, v)
			}
			for o := range m.s.Out {
				t.Set(m.offOut+o*m.rowOut+i, 0, -m.output(theta, o)[i])
			}
			return t
		},
	}, len(m.params))
}

func (m *MLP) basisChange() Stratum {
	return everywhere(Stratum{
		Name: "basis-change",
		Doc:  "everywhere: W → AW, b → Ab + a, V → VA⁻¹, c → c − VA⁻¹a for any invertible A does not change the law",
		Tangent: func(theta []float64) *mat.Dense {
			checkLen(len(theta), len(m.params))
			h := m.s.Hidden
			cols := h * h
			if m.s.Bias {
				cols += h
			}
			t := mat.NewDense(len(m.params), cols, nil)
			for i := range h {
				for j := range h { // A = I + εE_ij: row i gains row j, column j of V loses column i
					for k, v := range m.unit(theta, j) {
						t.Set(i*m.rowIn+k, i*h+j, v)
					}
					for o := range m.s.Out {
						t.Set(m.offOut+o*m.rowOut+j, i*h+j, -m.output(theta, o)[i])
					}
				}
				if m.s.Bias {
					t.Set(i*m.rowIn+m.s.In, h*h+i, 1)
					for o := range m.s.Out {
						t.Set(m.offOut+o*m.rowOut+h, h*h+i, -m.output(theta, o)[i])
					}
				}
			}
			return t
		},
	}, len(m.params))
}
