package dynamics

import "math"

// A field fills dst with dx/dτ at x and reports whether it exists.
type field func(dst, x []float64) bool

// The method of Dormand and Prince, order 5(4) (J. Comput. Appl. Math. 6 (1980) 19).
var (
	dopriA = [7][6]float64{
		{},
		{1. / 5},
		{3. / 40, 9. / 40},
		{44. / 45, -56. / 15, 32. / 9},
		{19372. / 6561, -25360. / 2187, 64448. / 6561, -212. / 729},
		{9017. / 3168, -355. / 33, 46732. / 5247, 49. / 176, -5103. / 18656},
		{35. / 384, 0, 500. / 1113, 125. / 192, -2187. / 6784, 11. / 84},
	}
	dopriE = [7]float64{71. / 57600, 0, -71. / 16695, 71. / 1920, -17253. / 339200, 22. / 525, -1. / 40}
	// dopriD is the term of highest order of its continuous extension of order 4
	// (Hairer, Nørsett & Wanner, Solving ODEs I, §II.6, and their code DOPRI5).
	dopriD = [7]float64{
		-12715105075. / 11282082432, 0, 87487479700. / 32700410799, -10690763975. / 1880347072,
		701980252875. / 199316789632, -1453857185. / 822651844, 69997945. / 29380423,
	}
)

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

// A dopri5 integrates a field with step sizes by proportional-integral control
// (Gustafsson 1991; Hairer, Nørsett & Wanner, Solving ODEs I, §IV.2).
type dopri5 struct {
	f     field
	tol   Tolerances
	k     [7][]float64
	y     []float64
	from  []float64 // the start of the last step
	took  float64   // its size
	h     float64   // of the next step; 0 before the first
	last  float64   // error of the last accepted step
	fresh bool      // k[0] is the field at the present x
	evals int
}

func newDopri5(f field, d int, tol Tolerances) *dopri5 {
	s := &dopri5{f: f, tol: tol.orDefault(), last: 1e-4, y: make([]float64, d), from: make([]float64, d)}
	for i := range s.k {
		s.k[i] = make([]float64, d)
	}
	return s
}

// stiffStep is the least step relative to the time that it would take to move x by
// itself; below it the clock stands still.
const stiffStep = 1e-14

func (s *dopri5) step(x []float64, most float64) (float64, error) {
	if !s.fresh {
		s.evals++
		if !s.f(s.k[0], x) {
			return 0, ErrLeft
		}
		s.fresh = true
	}
	if s.h == 0 {
		s.h = firstStep(s.k[0], x, s.tol)
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
		s.k[0], s.k[6] = s.k[6], s.k[0] // first same as last
		return h, nil
	}
}

// At implements Dense by the continuous extension of order 4: its error is O(h⁵), as
// that which the step size control keeps below the tolerances, and it costs no field.
func (s *dopri5) At(dst []float64, dt float64) {
	h, t := s.took, dt/s.took
	u := 1 - t
	first, last := s.k[6], s.k[0] // exchanged by step
	for j, x := range s.from {
		d := dopriD[0]*first[j] + dopriD[6]*last[j]
		for l := 2; l < 6; l++ {
			d += dopriD[l] * s.k[l][j]
		}
		move := s.y[j] - x
		bend := h*first[j] - move
		dst[j] = x + t*(move+u*(bend+t*(move-h*last[j]-bend+u*h*d)))
	}
}

// try fills y with the solution of order 5 after h and returns the scaled error.
func (s *dopri5) try(x []float64, h float64) float64 {
	for i := 1; i < 7; i++ {
		for j := range s.y {
			sum := 0.0
			for l := range i {
				sum += dopriA[i][l] * s.k[l][j]
			}
			s.y[j] = x[j] + h*sum
		}
		s.evals++
		if !s.f(s.k[i], s.y) {
			return math.Inf(1)
		}
	}
	var e float64
	for j := range s.y {
		var d float64
		for l, c := range dopriE {
			d += c * s.k[l][j]
		}
		d *= h / (s.tol.Abs + s.tol.Rel*max(math.Abs(x[j]), math.Abs(s.y[j])))
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
