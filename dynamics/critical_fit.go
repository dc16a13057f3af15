package dynamics

import (
	"errors"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

const badLength = "dynamics: slice length mismatch"

// A singleFit minimises l(s, r) = ½E(f₀ − rφ_s)²/σ² over one unit, with
// h(s) = E[f₀φ_s] and q(s) = E[φ_s²]:
//
//	l_r = (rq − h)/σ²,  l_s = −r(h_s − r E[φφ_s])/σ²,
//	l_rr = q/σ²,  l_sr = (2r E[φφ_s] − h_s)/σ²,  l_ss = r²E[φ_sφ_sᵀ]/σ² − 4K.
type singleFit struct {
	student network
	teacher []atom

	h, q            float64
	hs, qs          []float64 // ∂h/∂s, E[φ ∂φ/∂s]
	hss, aa, ab, at *mat.Dense
	da              []float64
}

func newSingleFit(student network, teacher []atom) *singleFit {
	d := student.in
	square := func() *mat.Dense { return mat.NewDense(d, d, nil) }
	return &singleFit{
		student: student, teacher: teacher, hs: make([]float64, d), qs: make([]float64, d), da: make([]float64, d),
		hss: square(), aa: square(), ab: square(), at: square(),
	}
}

// set evaluates the averages at s.
func (f *singleFit) set(s []float64) {
	f.h = 0
	clear(f.hs)
	f.hss.Zero()
	for _, t := range f.teacher {
		f.h += t.c * f.student.unit.first(f.da, s, t.w)
		for i, v := range f.da {
			f.hs[i] += t.c * v
		}
		f.student.unit.second(f.at, f.ab, s, t.w)
		f.at.Scale(t.c, f.at)
		f.hss.Add(f.hss, f.at)
	}
	f.q = f.student.unit.first(f.qs, s, s)
	f.student.unit.second(f.aa, f.ab, s, s)
}

// line returns the critical line of the unit r φ_s that set has looked at.
func (f *singleFit) line(s []float64, r float64) *CriticalLine {
	d, v := f.student.in, f.student.noise
	k, l := mat.NewSymDense(d, nil), mat.NewSymDense(d+1, nil)
	for i := range d {
		for j := i; j < d; j++ {
			kij := r / 4 * (f.hss.At(i, j) - r*f.aa.At(i, j)) / v
			k.SetSym(i, j, kij)
			l.SetSym(i, j, r*r*f.ab.At(i, j)/v-4*kij)
		}
		l.SetSym(i, d, (2*r*f.qs[i]-f.hs[i])/v)
	}
	l.SetSym(d, d, f.q/v)
	return &CriticalLine{S: slices.Clone(s), R: r, K: k, single: l}
}

// value is l up to the constant E f₀²/2σ².
func (f *singleFit) value(r float64) float64 {
	return (-r*f.h + r*r*f.q/2) / f.student.noise
}

// climb runs Newton's method from s and the best r for it, first with Levenberg's
// damping and at the end without, where the loss no longer tells the steps apart.
// It reports whether it ended at a minimum.
func (f *singleFit) climb(s []float64) (*CriticalLine, bool) {
	d := f.student.in
	s = slices.Clone(s)
	f.set(s)
	r := f.h / f.q
	best, damping := f.value(r), 1e-3
	next := make([]float64, d)
	for range 500 {
		line, moved := f.line(s, r), false
		g := f.descent(r)
		for range 40 {
			step, ok := newtonStep(line.single, g, damping)
			if ok {
				for i := range d {
					next[i] = s[i] + step.AtVec(i)
				}
				f.set(next)
				if v := f.value(r + step.AtVec(d)); v < best {
					copy(s, next)
					r += step.AtVec(d)
					best, moved = v, true
					damping /= 10
					break
				}
			}
			damping = max(10*damping, 1e-9)
		}
		f.set(s)
		if !moved {
			break
		}
		if !(mat.Norm(mat.NewVecDense(d, s), 2) < 1e4) {
			return nil, false // a unit that tends to a step
		}
	}
	for range 4 {
		step, ok := newtonStep(f.line(s, r).single, f.descent(r), 0)
		if !ok {
			return nil, false
		}
		for i := range d {
			s[i] += step.AtVec(i)
		}
		r += step.AtVec(d)
		f.set(s)
	}
	line := f.line(s, r)
	var eig mat.EigenSym
	if math.IsNaN(r) || r == 0 || !eig.Factorize(line.single, false) {
		return nil, false
	}
	v := eig.Values(nil)
	return line, v[0] > 1e-10*v[d] && f.student.oriented(line)
}

// descent is minus the gradient of l in (s, r).
func (f *singleFit) descent(r float64) *mat.VecDense {
	d := f.student.in
	g := mat.NewVecDense(d+1, nil)
	for i := range d {
		g.SetVec(i, r*(f.hs[i]-r*f.qs[i])/f.student.noise)
	}
	g.SetVec(d, (f.h-r*f.q)/f.student.noise)
	return g
}

// newtonStep solves (H + damping·diag) step = g; ok is false where that is not
// positive definite.
func newtonStep(h *mat.SymDense, g *mat.VecDense, damping float64) (step *mat.VecDense, ok bool) {
	n := h.SymmetricDim()
	a := mat.NewSymDense(n, nil)
	a.CopySym(h)
	scale := mat.Norm(h, 1)
	for i := range n {
		a.SetSym(i, i, a.At(i, i)+damping*(math.Abs(a.At(i, i))+1e-3*scale))
	}
	step = mat.NewVecDense(n, nil)
	var chol mat.Cholesky
	if !chol.Factorize(a) {
		return nil, false
	}
	var c mat.Condition
	if err := chol.SolveVecTo(step, g); err != nil && !errors.As(err, &c) {
		return nil, false
	}
	return step, true
}

// oriented puts the sign of an odd unit, (s, r) ~ (−s, −r), such that the first
// coordinate of s that is not 0 is positive, and refuses s = 0; K and ∂²l do not change.
func (n network) oriented(l *CriticalLine) bool {
	if _, odd := n.unit.(*erfUnit); !odd {
		return true
	}
	for _, v := range l.S {
		if math.Abs(v) < 1e-12 {
			continue
		}
		if v < 0 {
			for i := range l.S {
				l.S[i] = -l.S[i]
			}
			l.R = -l.R
		}
		return true
	}
	return false
}

// minima returns the distinct minima that the starts lead to.
func (f *singleFit) minima() []*CriticalLine {
	var out []*CriticalLine
	for _, s := range f.starts() {
		l, ok := f.climb(s)
		if !ok || slices.ContainsFunc(out, func(o *CriticalLine) bool { return l.near(o) }) {
			continue
		}
		out = append(out, l)
	}
	return out
}

func (l *CriticalLine) near(o *CriticalLine) bool {
	d, size := math.Abs(l.R-o.R), math.Abs(o.R)
	for i, v := range o.S {
		d = max(d, math.Abs(v-l.S[i]))
		size = max(size, math.Abs(v))
	}
	return d < 1e-6*size
}

// starts are, for one input, the points of a grid at which the best unit is better
// than at both neighbours, and combinations of the teacher's units for more.
func (f *singleFit) starts() [][]float64 {
	var out [][]float64
	if f.student.in == 1 {
		lo, hi := math.Inf(1), math.Inf(-1)
		for _, t := range f.teacher {
			lo, hi = min(lo, t.w[0]), max(hi, t.w[0])
		}
		bell, isBell := f.student.unit.(bellUnit)
		const n = 120
		var x, gain [n]float64
		for i := range n {
			g := float64(i) / (n - 1)
			x[i] = 0.01 * math.Pow(1e4, g)
			if isBell {
				x[i] = lo - 3*bell.width + g*(hi-lo+6*bell.width)
			}
			f.set(x[i : i+1])
			gain[i] = f.h * f.h / f.q
		}
		for i := 1; i < n-1; i++ {
			if gain[i] >= gain[i-1] && gain[i] >= gain[i+1] {
				out = append(out, []float64{x[i]})
			}
		}
		return out
	}
	add := func(a, b []float64, x, y float64) {
		s := make([]float64, len(a))
		for i := range s {
			s[i] = x*a[i] + y*b[i]
		}
		out = append(out, s)
	}
	for i, t := range f.teacher {
		add(t.w, t.w, 0.5, 0)
		add(t.w, t.w, 1, 0)
		for _, o := range f.teacher[:i] {
			add(t.w, o.w, 0.5, 0.5)
			add(t.w, o.w, 0.5, -0.5)
			add(t.w, o.w, 1, 1)
		}
	}
	return out
}

func sortByLoss(l []*CriticalLine) {
	slices.SortStableFunc(l, func(a, b *CriticalLine) int {
		switch {
		case a.Loss < b.Loss:
			return -1
		case a.Loss > b.Loss:
			return 1
		}
		return 0
	})
}
