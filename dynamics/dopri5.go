package dynamics

import (
	"math"
	"math/rand/v2"

	"github.com/neuromanifold/neuromanifold/internal/ode"
)

// A field fills dst with dx/dτ at x and reports whether it exists.
type field func(dst, x []float64) bool

// Tolerances of an integrator of continuous time. The local error of coordinate i
// is kept below Abs + Rel |x_i|. The zero value means 1e-10 and 1e-8.
type Tolerances struct{ Abs, Rel float64 }

func (t Tolerances) orDefault() Tolerances {
	if t.Abs == 0 {
		t.Abs = 1e-10
	}
	if t.Rel == 0 {
		t.Rel = 1e-8
	}
	return t
}

// A dopri5 integrates a field by the pair of Dormand and Prince with step sizes by
// proportional-integral control (Gustafsson 1991; Hairer, Nørsett & Wanner, Solving
// ODEs I, §IV.2).
type dopri5 struct {
	f     ode.RHS
	tol   Tolerances
	pair  *ode.Dopri
	y     []float64
	from  []float64 // the start of the last step
	took  float64   // its size
	h     float64   // of the next step; 0 before the first
	last  float64   // error of the last accepted step
	fresh bool      // the pair starts from the field at the present x
	evals int
}

func newDopri5(f field, d int, tol Tolerances) *dopri5 {
	s := &dopri5{pair: ode.NewDopri(d), tol: tol.orDefault(), last: 1e-4, y: make([]float64, d), from: make([]float64, d)}
	s.f = func(dst []float64, _ float64, x []float64) bool {
		s.evals++
		return f(dst, x)
	}
	return s
}

// stiffStep is the least step relative to the time that it would take to move x by
// itself; below it the clock stands still.
const stiffStep = 1e-14

func (s *dopri5) step(x []float64, most float64) (float64, error) {
	if !s.fresh {
		if !s.f(s.pair.First(), 0, x) {
			return 0, ErrLeft
		}
		s.fresh = true
	}
	if s.h == 0 {
		s.h = firstStep(s.pair.First(), x, s.tol)
	}
	failed := false
	for {
		h := min(s.h, most)
		if h < stiffStep*most || h == 0 {
			return 0, ErrStiff
		}
		err := s.try(x, h)
		if !(err <= 1) { // NaN and a field that does not exist as well
			shrink := 0.1
			if err < math.MaxFloat64 {
				shrink = max(0.2, 0.9*math.Pow(err, -0.2))
			}
			s.h = h * shrink
			failed = true
			continue
		}
		grow := min(5, max(0.2, 0.9*math.Pow(max(err, 1e-10), -0.7/5)*math.Pow(s.last, 0.4/5)))
		if failed {
			grow = min(grow, 1)
		}
		s.last = max(err, 1e-4)
		// A step cut short by most says little about the step size.
		if h == s.h || grow < 1 {
			s.h = h * grow
		}
		s.took = h
		copy(s.from, x)
		copy(x, s.y)
		s.pair.Advance()
		return h, nil
	}
}

// At implements Dense by the continuous extension of order 4: its error is O(h⁵), as
// that which the step size control keeps below the tolerances, and it costs no field.
func (s *dopri5) At(dst []float64, dt float64) { s.pair.At(dst, s.from, s.y, s.took, dt) }

// An explicitFlow is the flow of a field by this method.
type explicitFlow struct {
	*dopri5
	lost func() bool // whether the field failed because a matrix is singular; or nil
}

// Step implements Flow.
func (f explicitFlow) Step(x []float64, most float64, _ *rand.Rand) (float64, error) {
	dt, err := f.step(x, most)
	if err != nil && f.lost != nil && f.lost() {
		return dt, ErrSingular
	}
	return dt, err
}

func (f explicitFlow) restart() { f.fresh = false }

// try fills y with the solution of order 5 after h and returns the scaled error.
func (s *dopri5) try(x []float64, h float64) float64 {
	if !s.pair.Step(s.y, x, 0, h, s.f) {
		return math.Inf(1)
	}
	var e float64
	for j, d := range s.pair.Defect(h) {
		d /= s.tol.Abs + s.tol.Rel*max(math.Abs(x[j]), math.Abs(s.y[j]))
		e += d * d
	}
	return math.Sqrt(e / float64(len(s.y)))
}

// firstStep moves x by a hundredth of its scale.
func firstStep(f, x []float64, tol Tolerances) float64 {
	var a, b float64
	for i := range x {
		w := tol.Abs + tol.Rel*math.Abs(x[i])
		a += x[i] * x[i] / (w * w)
		b += f[i] * f[i] / (w * w)
	}
	if a < 1e-10 || b < 1e-10 {
		return 1e-6
	}
	return 0.01 * math.Sqrt(a/b)
}
