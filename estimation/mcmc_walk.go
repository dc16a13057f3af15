package estimation

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// RandomWalk is random-walk Metropolis with normal proposals, whose standard
// deviations follow those of the target and whose common scale is tuned for an
// acceptance probability, both in warmup only. It needs no gradient. Its zero
// value works.
type RandomWalk struct {
	Accept float64 // 0 means 0.44 in one dimension falling to 0.234 in five or more (Gelman, Roberts & Gilks 1996)
	Step   float64 // fixes the standard deviation of the proposals; 0 adapts
}

// String names the kernel.
func (w RandomWalk) String() string { return "random walk" }

// Init implements Kernel.
func (w RandomWalk) Init(t Density, beta float64, x []float64, warmup int) (Chain, error) {
	d := t.Dim()
	if w.Accept == 0 {
		w.Accept = max(0.234, 0.44-0.0515*float64(d-1))
	}
	if !(w.Accept > 0 && w.Accept < 1) || !(w.Step >= 0) {
		return nil, fmt.Errorf("acceptance %v, step %v: want between 0 and 1, and at least 0", w.Accept, w.Step)
	}
	c := &walk{
		t: t, beta: beta, sd: ones(d), scale: w.Step, warmup: warmup,
		at: Point{X: make([]float64, d)}, to: Point{X: make([]float64, d)},
		tune: dualAveraging{target: w.Accept},
	}
	copy(c.at.X, x)
	c.refresh()
	if w.Step == 0 {
		c.scale = 2.38 / math.Sqrt(float64(d))
		if warmup > 0 {
			c.windows = newWindows(d, warmup)
			c.tune.restart(c.scale / 10)
		}
	}
	return c, nil
}

type walk struct {
	t            Density
	beta         float64
	at, to       Point
	sd           []float64
	scale        float64
	tune         dualAveraging
	windows      *windows
	warmup, done int
}

func (c *walk) Point() *Point  { return &c.at }
func (c *walk) Scale() float64 { return c.scale }
func (c *walk) refresh()       { c.at.Base, c.at.LogLik = c.t.LogDensity(c.at.X) }

func (c *walk) Step(rng *rand.Rand) Move {
	for i, s := range c.sd {
		c.to.X[i] = c.at.X[i] + c.scale*s*rng.NormFloat64()
	}
	c.to.Base, c.to.LogLik = c.t.LogDensity(c.to.X)
	mv := Move{Evals: 1}
	v := c.to.Base + c.beta*c.to.LogLik
	if math.IsInf(v, -1) || math.IsNaN(v) {
		mv.Outside = true
	} else {
		mv.Accept = math.Exp(min(0, v-c.at.Base-c.beta*c.at.LogLik))
		if rng.Float64() < mv.Accept {
			c.at, c.to = c.to, c.at
		}
	}
	if c.windows == nil {
		return mv
	}
	c.done++
	c.scale = c.tune.update(mv.Accept)
	if c.windows.add(c.sd, c.at.X) {
		c.scale = c.tune.final()
		c.tune.restart(2.38 / math.Sqrt(float64(len(c.sd))) / 10)
	}
	if c.done >= c.warmup {
		if c.tune.t > 0 {
			c.scale = c.tune.final()
		}
		c.windows = nil
	}
	return mv
}
