package estimation

import (
	"math"
	"math/rand/v2"

	"github.com/neuromanifold/neuromanifold/models"
)

// toy is a one-term likelihood from a formula, for tests of the methods alone.
type toy struct {
	params []models.Param
	f      func(theta []float64) float64
	grad   func(dst, theta []float64) // nil: differences
	start  func(dst []float64, rng *rand.Rand)
	weight float64
}

func (t *toy) Params() []models.Param                       { return t.params }
func (t *toy) Shape() models.Shape                          { return models.Shape{Q: 1} }
func (t *toy) Sample(*models.Data, []float64, *rand.Rand)   {}
func (t *toy) Bind(*models.Data) (models.Likelihood, error) { return t.like(), nil }
func (t *toy) String() string                               { return "toy" }
func (t *toy) like() models.Likelihood {
	switch {
	case t.grad != nil && t.start != nil:
		return struct {
			toyLike
			toyScore
			toyStart
		}{toyLike{t}, toyScore{t}, toyStart{t}}
	case t.grad != nil:
		return struct {
			toyLike
			toyScore
		}{toyLike{t}, toyScore{t}}
	}
	return toyLike{t}
}

type toyLike struct{ t *toy }

func (l toyLike) Model() models.Model { return l.t }
func (l toyLike) N() int              { return 1 }
func (l toyLike) Weight() float64     { return l.t.weight }
func (l toyLike) LogLik(theta []float64) float64 {
	for i, p := range l.t.params {
		if !(theta[i] >= p.Lo && theta[i] <= p.Hi) {
			return math.Inf(-1)
		}
	}
	v := l.t.f(theta)
	if math.IsNaN(v) {
		return math.Inf(-1)
	}
	return v
}
func (l toyLike) Terms(dst, theta []float64) { dst[0] = l.LogLik(theta) }

type toyScore struct{ s *toy }

func (s toyScore) Score(dst, theta []float64) float64 {
	s.s.grad(dst, theta)
	return toyLike{s.s}.LogLik(theta)
}

type toyStart struct{ b *toy }

func (s toyStart) Start(dst []float64, rng *rand.Rand) { s.b.start(dst, rng) }

func free(n int) []models.Param {
	ps := make([]models.Param, n)
	for i := range ps {
		ps[i] = models.Param{Name: string(rune('a' + i)), Lo: math.Inf(-1), Hi: math.Inf(1)}
	}
	return ps
}

// rosenbrock has its maximum 0 at (1, 1), at the end of a curved ridge.
func rosenbrock() *toy {
	return &toy{
		params: free(2), weight: 1,
		f: func(x []float64) float64 {
			a, b := 1-x[0], x[1]-x[0]*x[0]
			return -a*a - 100*b*b
		},
		grad: func(g, x []float64) {
			b := x[1] - x[0]*x[0]
			g[0] = 2*(1-x[0]) + 400*x[0]*b
			g[1] = -200 * b
		},
	}
}

// tanhUnit is y = a·tanh(bx) + N(0, 1) noise: at ab = 0 the information is
// singular and the log-likelihood has the saddle (0, 0).
func tanhUnit(n int, a, b float64, rng *rand.Rand) *toy {
	x, y := make([]float64, n), make([]float64, n)
	for i := range x {
		x[i] = rng.NormFloat64()
		y[i] = a*math.Tanh(b*x[i]) + rng.NormFloat64()
	}
	return &toy{
		params: free(2), weight: float64(n),
		f: func(th []float64) float64 {
			s := 0.0
			for i, v := range x {
				r := y[i] - th[0]*math.Tanh(th[1]*v)
				s -= r * r / 2
			}
			return s
		},
		grad: func(g, th []float64) {
			g[0], g[1] = 0, 0
			for i, v := range x {
				h := math.Tanh(th[1] * v)
				r := y[i] - th[0]*h
				g[0] += r * h
				g[1] += r * th[0] * (1 - h*h) * v
			}
		},
		start: func(dst []float64, rng *rand.Rand) {
			dst[0], dst[1] = rng.NormFloat64(), rng.NormFloat64()
		},
	}
}
