package dynamics

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/neuromanifold/neuromanifold/models"
)

// A Source gives the direction of descent −∂L/∂θ, or an estimate of it whose mean is
// that, and reports whether it exists.
type Source interface {
	Gradient(dst, theta []float64, rng *rand.Rand) bool
}

// Averaged is the exact direction of an objective.
type Averaged struct{ *Objective }

// Gradient implements Source.
func (a Averaged) Gradient(dst, theta []float64, _ *rand.Rand) bool { return a.Field(dst, theta) }

// poolRows is the number of observations that a Sampled draws at a time.
const poolRows = 1024

// Sampled estimates the direction from batches of observations. From a teacher they
// are new ones every time, which is on-line learning; from data they are rows drawn
// with replacement.
type Sampled struct {
	o     *Objective
	rows  []int
	next  int // row of the pool; of data always 0
	pool  *models.Data
	batch models.BatchLikelihood
	score func(dst, theta []float64) float64
}

// NewSampled returns the source with batches of the given size, 1 for on-line
// learning. It returns an error for a series, whose terms are no bag (see
// RecursiveML), and a size below 1.
func NewSampled(o *Objective, batch int) (*Sampled, error) {
	s := o.Model().Shape()
	if s.Series {
		return nil, fmt.Errorf("%v: a batch needs exchangeable rows; a series is learnt on line by recursive maximum likelihood", o.Model())
	}
	if batch < 1 {
		return nil, fmt.Errorf("a batch of %d: want at least 1", batch)
	}
	a := &Sampled{o: o, rows: make([]int, batch)}
	if o.truth == nil {
		return a, a.use(o.Likelihood)
	}
	if s.P > 0 {
		if _, ok := o.truth.(models.Inputter); !ok {
			return nil, fmt.Errorf("%v: the law of its inputs is not known", o.truth)
		}
	}
	n := poolRows / batch * batch
	if n == 0 {
		n = batch
	}
	a.pool = models.NewData(n, s.P, s.Q)
	return a, nil
}

func (a *Sampled) use(l models.Likelihood) error {
	for i := range a.rows {
		a.rows[i] = i % l.N()
	}
	b, err := models.Batch(l, a.rows)
	if err != nil {
		return err
	}
	a.batch = b
	a.score, _ = models.Score(b)
	return nil
}

// refill draws the next observations.
func (a *Sampled) refill(rng *rand.Rand) error {
	// The likelihood may have cached statistics of the old rows: bind anew.
	if in, ok := a.o.truth.(models.Inputter); ok {
		in.Inputs(a.pool, rng)
	}
	a.o.truth.Sample(a.pool, a.o.at, rng)
	l, err := a.o.Model().Bind(a.pool)
	if err != nil {
		return err
	}
	a.next = 0
	return a.use(l)
}

// Gradient implements Source.
func (a *Sampled) Gradient(dst, theta []float64, rng *rand.Rand) bool {
	if !a.draw(rng) {
		return false
	}
	l := a.score(dst, theta)
	if math.IsNaN(l) || math.IsInf(l, 0) {
		return false
	}
	for i := range dst {
		dst[i] /= float64(len(a.rows))
		if math.IsNaN(dst[i]) || math.IsInf(dst[i], 0) {
			return false
		}
	}
	return true
}

// draw chooses the rows of the next batch.
func (a *Sampled) draw(rng *rand.Rand) bool {
	if a.pool == nil {
		n := a.o.Likelihood.N()
		for i := range a.rows {
			a.rows[i] = rng.IntN(n)
		}
		a.batch.SetRows(a.rows)
		return true
	}
	if (a.batch == nil || a.next == a.pool.N) && a.refill(rng) != nil {
		return false
	}
	for i := range a.rows {
		a.rows[i] = a.next + i
	}
	a.next += len(a.rows)
	a.batch.SetRows(a.rows)
	return true
}

// A Descent makes steps of fixed size along a Source. Its clock advances by the step
// size η, whatever the rule makes of it.
type Descent struct {
	rule rule
	src  Source
	step float64
	g    []float64
	next []float64
}

// A rule turns a gradient into the step per unit of η.
type rule func(g []float64)

func newDescent(src Source, d int, step float64, r rule) (*Descent, error) {
	if !(step > 0) || math.IsInf(step, 0) {
		return nil, fmt.Errorf("a step of %v: want a finite number above 0", step)
	}
	return &Descent{r, src, step, make([]float64, d), make([]float64, d)}, nil
}

// NewSGD returns θ ← θ + η g, stochastic gradient descent if g is sampled (H. Robbins
// and S. Monro, Ann. Math. Stat. 22 (1951) 400; on-line: S. Amari, IEEE Trans. EC-16
// (1967) 299). d is the number of coordinates.
func NewSGD(src Source, d int, step float64) (*Descent, error) {
	return newDescent(src, d, step, func([]float64) {})
}

// NewMomentum returns m ← μm + (1−μ)g, θ ← θ + ηm: the heavy ball of B. Polyak, USSR
// Comput. Math. 4 (1964) 1, scaled so that its time is that of gradient descent. Other
// texts leave out 1−μ; their η is (1−μ) times this one.
func NewMomentum(src Source, d int, step, mu float64) (*Descent, error) {
	if !(mu >= 0 && mu < 1) {
		return nil, fmt.Errorf("a momentum of %v: want a number in [0, 1)", mu)
	}
	m := make([]float64, d)
	return newDescent(src, d, step, func(g []float64) {
		for i := range g {
			m[i] = mu*m[i] + (1-mu)*g[i]
			g[i] = m[i]
		}
	})
}

// NewAdam returns the method of D. Kingma and J. Ba (ICLR 2015, algorithm 1) with
// β₁ = 0.9, β₂ = 0.999 and ε = 1e-8. A coordinate moves by about η a step whatever the
// size of its gradient, so that its clock, the sum of η, is not the time of the
// averaged equation.
func NewAdam(src Source, d int, step float64) (*Descent, error) {
	const b1, b2, eps = 0.9, 0.999, 1e-8
	m, v := make([]float64, d), make([]float64, d)
	p1, p2 := 1.0, 1.0
	return newDescent(src, d, step, func(g []float64) {
		p1, p2 = p1*b1, p2*b2
		for i := range g {
			m[i] = b1*m[i] + (1-b1)*g[i]
			v[i] = b2*v[i] + (1-b2)*g[i]*g[i]
			g[i] = m[i] / (1 - p1) / (math.Sqrt(v[i]/(1-p2)) + eps)
		}
	})
}

// noGradient is why a source had none.
func noGradient(s Source) error {
	if a, ok := s.(Averaged); ok {
		return a.why(ErrLeft)
	}
	return ErrLeft
}

// Step implements Flow.
func (s *Descent) Step(theta []float64, _ float64, rng *rand.Rand) (float64, error) {
	if !s.src.Gradient(s.g, theta, rng) {
		return 0, noGradient(s.src)
	}
	s.rule(s.g)
	for i := range theta {
		s.next[i] = theta[i] + s.step*s.g[i]
	}
	return s.step, accept(theta, s.next)
}

// A Langevin is the Euler scheme of dθ = −∂L/∂θ dτ + √(2T) dW: with T = 1/n and the
// mean log-likelihood of n observations it samples, up to the error of the step size,
// the posterior under a flat prior (M. Welling and Y. Teh, ICML 2011, with a fixed
// step).
type Langevin struct {
	src     Source
	step, s float64
	g, next []float64
}

// NewLangevin returns the flow at temperature T ≥ 0.
func NewLangevin(src Source, d int, step, temperature float64) (*Langevin, error) {
	if !(step > 0) || math.IsInf(step, 0) || !(temperature >= 0) || math.IsInf(temperature, 0) {
		return nil, fmt.Errorf("a step of %v at temperature %v: want finite numbers above 0", step, temperature)
	}
	return &Langevin{src, step, math.Sqrt(2 * step * temperature), make([]float64, d), make([]float64, d)}, nil
}

// Step implements Flow.
func (l *Langevin) Step(theta []float64, _ float64, rng *rand.Rand) (float64, error) {
	if !l.src.Gradient(l.g, theta, rng) {
		return 0, noGradient(l.src)
	}
	for i := range theta {
		l.next[i] = theta[i] + l.step*l.g[i] + l.s*rng.NormFloat64()
	}
	return l.step, accept(theta, l.next)
}

// An EM moves towards the EM step of its objective, θ ← θ + a (M(θ) − θ), and counts
// a for time; for exponential families with missing data it is the gradient
// preconditioned by the information of the complete data (L. Xu and M. Jordan, Neural
// Computation 8 (1996) 129; D. Titterington, J. R. Statist. Soc. B 46 (1984) 257).
type EM struct {
	o    *Objective
	em   models.EMStepper
	a    float64
	next []float64
	flow *dopri5
}

// NewEM returns EM with fraction a in (0, 1], 1 for plain EM; a = 0 is the flow
// dθ/dτ = M(θ) − θ in continuous time. It returns an error where the family has no EM
// step.
func NewEM(o *Objective, a float64, tol Tolerances) (*EM, error) {
	em, ok := o.Likelihood.(models.EMStepper)
	if !ok {
		return nil, fmt.Errorf("%v: the family has no EM step", o.Model())
	}
	if !(a >= 0 && a <= 1) {
		return nil, errors.New("the fraction of an EM step lies in [0, 1]")
	}
	d := models.Dim(o.Model())
	e := &EM{o: o, em: em, a: a, next: make([]float64, d)}
	e.flow = newDopri5(e.field, d, tol)
	return e, nil
}

func (e *EM) field(dst, theta []float64) bool {
	if l := e.em.EMStep(dst, theta); math.IsNaN(l) || math.IsInf(l, 0) || e.o.short() {
		return false
	}
	for i := range dst {
		dst[i] -= theta[i]
		if math.IsNaN(dst[i]) || math.IsInf(dst[i], 0) {
			return false
		}
	}
	return true
}

// Step implements Flow.
func (e *EM) Step(theta []float64, most float64, _ *rand.Rand) (float64, error) {
	if e.a == 0 {
		dt, err := e.flow.step(theta, most)
		return dt, e.o.why(err)
	}
	if !e.field(e.next, theta) {
		return 0, e.o.why(ErrLeft)
	}
	for i := range theta {
		e.next[i] = theta[i] + e.a*e.next[i]
	}
	return e.a, accept(theta, e.next)
}

// At implements Dense for the flow, not for steps.
func (e *EM) At(dst []float64, dt float64) { e.flow.At(dst, dt) }

func (e *EM) dense() bool { return e.a == 0 }

func (e *EM) restart() { e.flow.fresh = false }
