package design

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// A search is the state of one optimisation. Every step but the polish works in
// the scratch that it has.
type search struct {
	o     *Options
	d     *Design
	info  []*mat.SymDense // per unit of cost
	prior *mat.SymDense   // may be nil
	ev    Evaluator
	w     []float64
	mat   *mat.SymDense // M of the weights; ev is set to it between steps
	grad  *mat.SymDense
	try   *mat.SymDense // M along a line
	dir   *mat.SymDense
	curve *mat.SymDense
	trial []float64
	gtrm  float64 // tr MG
	gtrp  float64 // tr Prior·G
}

func newSearch(p *Problem, m int, o *Options) (*search, error) {
	ev, err := o.Criterion.Evaluator(m)
	if err != nil {
		return nil, err
	}
	n := len(p.Info)
	s := &search{
		o: o, ev: ev, info: p.Info, prior: p.Prior, w: make([]float64, n), trial: make([]float64, n),
		mat: mat.NewSymDense(m, nil), grad: mat.NewSymDense(m, nil), try: mat.NewSymDense(m, nil),
		dir: mat.NewSymDense(m, nil), curve: mat.NewSymDense(m, nil),
		d: &Design{Phi: make([]float64, n), Status: IterationLimit},
	}
	if p.Cost != nil {
		s.info = make([]*mat.SymDense, n)
		for j, f := range p.Info {
			s.info[j] = mat.NewSymDense(m, nil)
			s.info[j].ScaleSym(1/p.Cost[j], f)
		}
	}
	return s, nil
}

// total sets dst = Prior + Σ w_j μ_j.
func (s *search) total(dst *mat.SymDense, w []float64) {
	dst.Zero()
	if s.prior != nil {
		dst.CopySym(s.prior)
	}
	for j, f := range s.info {
		if w[j] > 0 {
			add(dst, w[j], f)
		}
	}
}

// add sets dst += c·f.
func add(dst *mat.SymDense, c float64, f *mat.SymDense) {
	d, r := dst.RawSymmetric(), f.RawSymmetric()
	for i := range d.N {
		x, y := d.Data[i*d.Stride+i:i*d.Stride+d.N], r.Data[i*r.Stride+i:i*r.Stride+d.N]
		for j := range x {
			x[j] += c * y[j]
		}
	}
}

func (s *search) start() {
	copy(s.w, s.o.Start)
	if s.o.Start == nil {
		for j := range s.w {
			s.w[j] = 1
		}
	}
	normalize(s.w)
	s.total(s.mat, s.w)
}

func normalize(w []float64) {
	var sum float64
	for _, v := range w {
		sum += v
	}
	for j := range w {
		w[j] /= sum
	}
}

// begin finds a start that is regular for the criterion: the given one, that one
// with a hundredth of the uniform design, or none.
func (s *search) begin(names []string) error {
	s.start()
	if !s.ev.Set(s.mat) {
		if s.o.Start != nil {
			for j := range s.w {
				s.w[j] = 0.99*s.w[j] + 0.01/float64(len(s.w))
			}
			s.total(s.mat, s.w)
			s.d.Warnings = append(s.d.Warnings, "the start is singular: it was mixed with 1 % of the uniform design")
		}
		if s.o.Start == nil || !s.ev.Set(s.mat) {
			return singularError(s.mat, names)
		}
	}
	s.sensitivities()
	return nil
}

// sensitivities computes φ everywhere; ev is set to M.
func (s *search) sensitivities() {
	s.ev.Gradient(s.grad)
	s.gtrm, s.gtrp = inner(s.mat, s.grad), 0
	if s.prior != nil {
		s.gtrp = inner(s.prior, s.grad)
	}
	d := s.d
	d.Bound = s.gtrm - s.gtrp
	d.MaxSensitivity, d.Worst = math.Inf(-1), -1
	for j, f := range s.info {
		d.Phi[j] = inner(f, s.grad)
		if d.Phi[j] > d.MaxSensitivity {
			d.MaxSensitivity, d.Worst = d.Phi[j], j
		}
	}
	d.Value = s.ev.Value()
	d.EfficiencyBound = min(1, s.gtrm/(s.gtrp+d.MaxSensitivity))
}

func (s *search) certified() bool {
	if s.d.MaxSensitivity <= s.d.Bound*(1+s.o.Tol) {
		s.d.Status = Optimal
		return true
	}
	return false
}

// moved recomputes M from the weights, so that no rounding builds up, and
// reports the step.
func (s *search) moved(st Step) bool {
	before := s.d.EfficiencyBound
	s.total(s.mat, s.w)
	if !s.ev.Set(s.mat) {
		return false
	}
	s.sensitivities()
	s.d.Iter++
	if s.o.Trace != nil {
		st.Iter, st.Value, st.EfficiencyBound = s.d.Iter, s.d.Value, before
		s.o.Trace(st)
	}
	return true
}

// fedorov makes one step of the first-order algorithm.
func (s *search) fedorov() bool {
	d := s.d
	low := -1
	for j, w := range s.w {
		if w > 0 && (low < 0 || d.Phi[j] < d.Phi[low]) {
			low = j
		}
	}
	j, lo, hi := d.Worst, 0.0, 1.0
	if w := s.w[low]; s.o.Method != Wynn && d.Bound-d.Phi[low] > d.MaxSensitivity-d.Bound && w < 1 {
		j, lo, hi = low, -w/(1-w), 0
	}
	// The direction μ_j − Σ w μ: the prior stays.
	s.dir.CopySym(s.info[j])
	add(s.dir, -1, s.mat)
	if s.prior != nil {
		add(s.dir, 1, s.prior)
	}
	alpha := s.line(lo, hi)
	if alpha == 0 {
		return false
	}
	phi := d.Phi[j]
	for i := range s.w {
		s.w[i] *= 1 - alpha
	}
	s.w[j] += alpha
	if s.w[j] < 1e-14 || alpha == lo {
		s.w[j] = 0
	}
	normalize(s.w)
	return s.moved(Step{Candidate: j, Phi: phi, Alpha: alpha})
}

// line returns the maximiser of Ψ(M + α·dir) on [lo, hi], one end of which is 0:
// the root of the falling function tr dir·G(M + α·dir), by Newton's method kept
// inside a shrinking bracket. For D and rank-one candidates it is the classical
// (φ − m)/(m(φ − 1)).
func (s *search) line(lo, hi float64) float64 {
	slope := func(a float64) (g, curv float64, ok bool) {
		s.try.CopySym(s.mat)
		add(s.try, a, s.dir)
		if !s.ev.Set(s.try) {
			return 0, 0, false
		}
		s.ev.Gradient(s.grad)
		s.ev.Curvature(s.curve, s.dir)
		return inner(s.dir, s.grad), inner(s.dir, s.curve), true
	}
	a, b := lo, hi // slope positive at a or beyond its left, negative at b
	if lo < 0 {
		// At α = lo the candidate has weight 0; if the slope is still negative
		// there, it leaves.
		if g, _, ok := slope(lo); ok && g <= 0 {
			return lo
		}
	} else if g, _, ok := slope(hi); ok && g >= 0 {
		return hi
	}
	x := 0.0
	for range 100 {
		g, curv, ok := slope(x)
		switch {
		case !ok && x > 0:
			b = x // singular far ahead: Ψ has fallen to −∞ there
		case !ok:
			a = x
		case g > 0:
			a = x
		case g < 0:
			b = x
		default:
			return x
		}
		next := x - g/curv
		if !ok || !(next > a && next < b) {
			next = (a + b) / 2
		}
		if math.Abs(next-x) <= 1e-13*math.Abs(next) || b-a <= 1e-16 {
			return next
		}
		x = next
	}
	return x
}

// multiply moves all weights at once.
func (s *search) multiply() bool {
	power := 0.5
	switch s.o.Criterion.(type) {
	case D, Ds:
		power = 1
	}
	peak := s.d.MaxSensitivity
	for j, w := range s.w {
		if w > 0 {
			s.w[j] = w * math.Pow(max(0, s.d.Phi[j]/s.d.Bound), power)
		}
		if s.w[j] < 1e-30 {
			s.w[j] = 0
		}
	}
	normalize(s.w)
	return s.moved(Step{Candidate: -1, Phi: peak, Alpha: 1})
}

// finish fills in what follows from the weights.
func (s *search) finish() *Design {
	d := s.d
	d.Weights, d.M = s.w, s.mat
	for j, w := range s.w {
		if w > 0 {
			d.Support = append(d.Support, j)
		}
	}
	if d.MaxSensitivity <= d.Bound*(1+s.o.Tol) {
		d.Status = Optimal
	}
	return d
}
