package estimation

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// HMC is Hamiltonian Monte Carlo with a diagonal metric: leapfrog steps along
// trajectories of jittered length, a step size by dual averaging and standard
// deviations from the windows of Stan's warmup (Neal 2011, Handbook of MCMC, ch.
// 5; Hoffman & Gelman 2014, JMLR 15, 1593). Its zero value works.
//
// On a degenerate valley one chain does not change arms reliably: give several
// starts, or use ParallelTempering around it.
type HMC struct {
	// Trajectory is the mean length of a trajectory in units of the standard
	// deviations; 0 means π/2, a quarter of the period of a normal law. Each one
	// is multiplied by a uniform draw from [0.6, 1.4], since one length can
	// be in resonance with the target.
	Trajectory float64
	Accept     float64 // acceptance probability to tune for; 0 means 0.8
	// Step fixes the step size (with standard deviations 1) and Leaps the number
	// of steps of a trajectory, 0 means to adapt. Leaps fixed without Step adapts
	// the step size alone. With Step, the step size is jittered by ±20 %.
	Step  float64
	Leaps int
	// MaxLeaps bounds a trajectory; 0 means 256.
	MaxLeaps int
}

// String names the kernel.
func (h HMC) String() string { return "hmc" }

// Init implements Kernel.
func (h HMC) Init(t Density, beta float64, x []float64, warmup int) (Chain, error) {
	if h.Trajectory == 0 {
		h.Trajectory = math.Pi / 2
	}
	if h.Accept == 0 {
		h.Accept = 0.8
	}
	if h.MaxLeaps == 0 {
		h.MaxLeaps = 256
	}
	if !(h.Trajectory > 0) || !(h.Accept > 0 && h.Accept < 1) || !(h.Step >= 0) || h.Leaps < 0 || h.MaxLeaps < 1 {
		return nil, fmt.Errorf("trajectory %v, acceptance %v, step %v, %d leaps: want positive numbers, acceptance below 1", h.Trajectory, h.Accept, h.Step, h.Leaps)
	}
	return newLeapfrog(t, beta, x, warmup, h)
}

// leapfrog is the chain of HMC and, with one leap, of MALA. Momenta have unit
// variance: positions move by ε·sd·p, which is a diagonal mass matrix.
type leapfrog struct {
	t    Density
	beta float64
	set  HMC

	at, to       Point
	grad, gradTo []float64
	p, sd        []float64
	lo, hi       []float64 // walls to bounce off; empty for none
	eps          float64
	stat         float64 // acceptance that the step size is tuned by
	tune         dualAveraging
	windows      *windows // nil once warmup is over, or with a fixed step
	warmup, done int
}

// walled is a Density with bounds of its coordinates, empty where there are none.
type walled interface {
	walls() (lo, hi []float64)
}

// maxEnergyError in nats makes a trajectory divergent, as in Stan.
const maxEnergyError = 1000

func newLeapfrog(t Density, beta float64, x []float64, warmup int, set HMC) (*leapfrog, error) {
	d := t.Dim()
	buf := make([]float64, 5*d)
	c := &leapfrog{
		t: t, beta: beta, set: set, sd: ones(d), warmup: warmup, eps: set.Step,
		at: Point{X: buf[:d:d]}, to: Point{X: buf[d : 2*d : 2*d]},
		grad: buf[2*d : 3*d : 3*d], gradTo: buf[3*d : 4*d : 4*d], p: buf[4*d:],
		tune: dualAveraging{target: set.Accept},
	}
	if w, ok := t.(walled); ok {
		c.lo, c.hi = w.walls()
	}
	copy(c.at.X, x)
	if c.refresh(); math.IsInf(c.logDensity(&c.at), 0) || !finite(c.grad) {
		return nil, ErrNoSupport
	}
	if set.Step == 0 {
		c.eps = 0.1
		if warmup > 0 {
			c.windows = newWindows(d, warmup)
		}
	}
	return c, nil
}

func (c *leapfrog) Point() *Point  { return &c.at }
func (c *leapfrog) Scale() float64 { return c.eps }

// refresh evaluates the density anew after the point was changed from outside.
func (c *leapfrog) refresh() { c.at.Base, c.at.LogLik = c.t.Score(c.grad, c.at.X, c.beta) }

func (c *leapfrog) logDensity(p *Point) float64 {
	v := p.Base + c.beta*p.LogLik
	if math.IsNaN(v) {
		return math.Inf(-1)
	}
	return v
}

func (c *leapfrog) Step(rng *rand.Rand) Move {
	var extra float64
	if c.windows != nil && c.done == 0 {
		extra = c.guess(rng)
		c.tune.restart(c.eps)
	}
	leaps, eps := c.length(rng)
	mv := c.trajectory(leaps, eps, rng)
	mv.Evals += extra
	if c.windows != nil {
		mv.Evals += c.adapt(c.stat, rng)
	}
	return mv
}

// reflect takes positions beyond a bound of their coordinate back inside, and turns
// the momentum: the walls are infinitely high, and a trajectory bounces off them
// exactly (Neal 2011, §5.5.1.5).
func (c *leapfrog) reflect() {
	const most = 16 // bounces; a trajectory that is further away than that ends there
	for i := range c.lo {
		for k := 0; k < most && (c.to.X[i] < c.lo[i] || c.to.X[i] > c.hi[i]); k++ {
			wall := c.lo[i]
			if c.to.X[i] > c.hi[i] {
				wall = c.hi[i]
			}
			c.to.X[i] = 2*wall - c.to.X[i]
			c.p[i] = -c.p[i]
		}
	}
}

// length draws the number of leaps and the step size of one trajectory.
func (c *leapfrog) length(rng *rand.Rand) (leaps int, eps float64) {
	eps = c.eps
	if c.set.Step > 0 {
		eps *= 0.8 + 0.4*rng.Float64()
	}
	if c.set.Leaps > 0 {
		return c.set.Leaps, eps
	}
	mean := c.set.Trajectory / eps * (0.6 + 0.8*rng.Float64())
	return int(max(1, min(mean+0.5, float64(c.set.MaxLeaps)))), eps
}

// trajectory proposes the end of leaps leapfrog steps and accepts it or not.
func (c *leapfrog) trajectory(leaps int, eps float64, rng *rand.Rand) Move {
	var kin float64
	for i := range c.p {
		c.p[i] = rng.NormFloat64()
		kin += c.p[i] * c.p[i]
	}
	h0 := c.logDensity(&c.at) - kin/2
	copy(c.to.X, c.at.X)
	g := c.grad // of the point where the momentum is kicked
	mv := Move{}
	c.stat = 0
	lost := math.Inf(1) // energy
	for range leaps {
		for i, s := range c.sd {
			c.p[i] += eps / 2 * s * g[i]
			c.to.X[i] += eps * s * c.p[i]
		}
		c.reflect()
		c.to.Base, c.to.LogLik = c.t.Score(c.gradTo, c.to.X, c.beta)
		mv.Evals++
		v := c.logDensity(&c.to)
		if math.IsInf(v, -1) {
			// A trajectory as long as the support is wide meets the wall at any
			// step size: the steps before it say whether this one is too large.
			mv.Outside = true
			c.stat = min(1, math.Exp(-lost))
			return mv
		}
		g = c.gradTo
		kin = 0
		for i, s := range c.sd {
			c.p[i] += eps / 2 * s * g[i]
			kin += c.p[i] * c.p[i]
		}
		lost = h0 - (v - kin/2)
		if !(lost < maxEnergyError) { // NaN too
			mv.Divergent = true
			return mv
		}
	}
	c.stat = min(1, math.Exp(-lost))
	mv.Accept = c.stat
	if rng.Float64() < mv.Accept {
		c.at, c.to = c.to, c.at
		c.grad, c.gradTo = c.gradTo, c.grad
	}
	return mv
}

// guess doubles or halves the step size until the acceptance probability of one
// leap crosses its target (Hoffman & Gelman 2014, algorithm 4), and returns the
// number of evaluations.
func (c *leapfrog) guess(rng *rand.Rand) (evals float64) {
	low := 0
	for range 50 {
		a := c.peek(rng)
		evals++
		dir := -1
		if a > c.set.Accept {
			dir = 1
		}
		if low != 0 && dir != low {
			return evals
		}
		low = dir
		c.eps *= math.Pow(2, float64(dir))
	}
	return evals
}

// peek is the acceptance probability of one leap; the chain does not move.
func (c *leapfrog) peek(rng *rand.Rand) float64 {
	var before, after float64
	for i, s := range c.sd {
		z := rng.NormFloat64()
		before += z * z
		c.p[i] = z + c.eps/2*s*c.grad[i]
		c.to.X[i] = c.at.X[i] + c.eps*s*c.p[i]
	}
	c.reflect()
	c.to.Base, c.to.LogLik = c.t.Score(c.gradTo, c.to.X, c.beta)
	v := c.logDensity(&c.to)
	if math.IsInf(v, -1) {
		return 0
	}
	for i, s := range c.sd {
		z := c.p[i] + c.eps/2*s*c.gradTo[i]
		after += z * z
	}
	a := math.Exp(min(0, v-after/2-c.logDensity(&c.at)+before/2))
	if math.IsNaN(a) {
		return 0
	}
	return a
}

// adapt is the end of a step of warmup.
func (c *leapfrog) adapt(accept float64, rng *rand.Rand) (evals float64) {
	c.done++
	c.eps = c.tune.update(accept)
	if c.windows.add(c.sd, c.at.X) {
		c.eps = c.tune.final()
		evals = c.guess(rng)
		c.tune.restart(c.eps)
	}
	if c.done >= c.warmup {
		if c.tune.t > 0 {
			c.eps = c.tune.final()
		}
		c.windows = nil
	}
	return evals
}
