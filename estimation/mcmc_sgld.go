package estimation

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
)

// SGLD is stochastic gradient Langevin dynamics (Welling et al. 2011, Proc. ICML 28, 681),
//
//	x ← x + (ε/2) ∂(base + β (n/b) Σ_{batch} log p) + √ε z,
//
// with nothing accepted or rejected: it is biased by the step size and by the noise
// of the batches, and is here because the local learning coefficient is commonly
// estimated with it (Lau et al. 2025). For a quadratic energy of curvature A and
// full batches its stationary variance is 1/(A(1 − εA/4)), which diverges at
// εA = 4 (derived here). A step that would leave the support is not taken.
type SGLD struct {
	Step  float64 // ε; 0 means 1e-4
	Batch int     // rows per step, drawn with replacement; 0 means the whole log-likelihood
}

// String names the kernel.
func (s SGLD) String() string { return "sgld" }

// Init implements Kernel.
func (s SGLD) Init(t Density, beta float64, x []float64, _ int) (Chain, error) {
	if s.Step == 0 {
		s.Step = 1e-4
	}
	if !(s.Step > 0) || math.IsInf(s.Step, 1) || s.Batch < 0 {
		return nil, fmt.Errorf("step %v, batch %d: want a finite step above 0 and a batch from 0", s.Step, s.Batch)
	}
	d := t.Dim()
	c := &sgld{t: t, beta: beta, step: s.Step, at: Point{X: make([]float64, d), LogLik: math.NaN()}, to: make([]float64, d), g: make([]float64, d), gt: make([]float64, d), cost: 1}
	if s.Batch > 0 {
		b, ok := t.(BatchDensity)
		if !ok {
			return nil, errors.New("batches need a log-likelihood of exchangeable rows; 0 takes all of it")
		}
		c.batch, c.rows, c.cost = b, make([]int, s.Batch), float64(s.Batch)/float64(b.Rows())
	}
	copy(c.at.X, x)
	var loglik float64
	if c.at.Base, loglik = c.t.Score(c.g, c.at.X, beta); math.IsInf(c.at.Base+loglik, -1) || !finite(c.g) {
		return nil, ErrNoSupport
	}
	if c.batch == nil {
		c.at.LogLik = loglik
	}
	return c, nil
}

type sgld struct {
	t     Density
	batch BatchDensity // nil for the whole log-likelihood
	rows  []int
	beta  float64
	step  float64
	cost  float64
	at    Point
	to    []float64
	g, gt []float64 // the gradient of the last batch at the point, and at the next
}

func (c *sgld) Point() *Point  { return &c.at }
func (c *sgld) Scale() float64 { return c.step }

// Step moves along the gradient that the last step found where it ended, so that
// the point is always one that was seen to lie in the support.
func (c *sgld) Step(rng *rand.Rand) Move {
	mv := Move{Accept: math.NaN(), Evals: c.cost}
	root := math.Sqrt(c.step)
	for i, g := range c.g {
		c.to[i] = c.at.X[i] + c.step/2*g + root*rng.NormFloat64()
	}
	var base, loglik float64
	if c.batch != nil {
		for i := range c.rows {
			c.rows[i] = rng.IntN(c.batch.Rows())
		}
		base, loglik = c.batch.BatchScore(c.gt, c.to, c.beta, c.rows)
	} else {
		base, loglik = c.t.Score(c.gt, c.to, c.beta)
	}
	if math.IsInf(base+loglik, -1) || !finite(c.gt) {
		mv.Outside = true
		return mv
	}
	c.at.X, c.to = c.to, c.at.X
	c.g, c.gt = c.gt, c.g
	c.at.Base = base
	if c.batch == nil {
		c.at.LogLik = loglik
	}
	return mv
}
