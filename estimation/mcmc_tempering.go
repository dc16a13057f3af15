package estimation

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
)

// ParallelTempering runs one chain of Inner at each of the inverse temperatures β·b
// for b in Ladder and lets neighbours swap places with probability
// min(1, exp((b_i − b_j) β (ℓ_j − ℓ_i))) (Geyer 1991), even and odd pairs in turn,
// which moves states along the ladder with less wandering than random pairs (Okabe
// et al. 2001; Syed et al. 2022, J. R. Statist. Soc. B 84, 321). The cold end, b =
// 1, is the chain that Sample keeps; ℓ is kept on every rung.
type ParallelTempering struct {
	Inner  Kernel    // nil means RandomWalk
	Ladder []float64 // descending from 1, above 0; nil means 1, 1/2, 1/4, …, 1/128
}

// String names the kernel.
func (p ParallelTempering) String() string { return "parallel tempering" }

// restarter is a chain whose point may be changed from outside.
type restarter interface {
	Chain
	refresh()
}

// Init implements Kernel.
func (p ParallelTempering) Init(t Density, beta float64, x []float64, warmup int) (Chain, error) {
	if p.Inner == nil {
		p.Inner = RandomWalk{}
	}
	if p.Ladder == nil {
		for k := range 8 {
			p.Ladder = append(p.Ladder, math.Pow(2, -float64(k)))
		}
	}
	if len(p.Ladder) < 2 || p.Ladder[0] != 1 {
		return nil, errors.New("a ladder starts at 1 and has two rungs or more")
	}
	c := &tempering{beta: beta, ladder: p.Ladder, tried: make([]float64, len(p.Ladder)-1), swapped: make([]float64, len(p.Ladder)-1), warmup: warmup}
	for k, b := range p.Ladder {
		if k > 0 && !(b > 0 && b < p.Ladder[k-1]) {
			return nil, fmt.Errorf("ladder %v: want descending numbers above 0", p.Ladder)
		}
		inner, err := p.Inner.Init(t, beta*b, x, warmup)
		if err != nil {
			return nil, err
		}
		r, ok := inner.(restarter)
		if !ok {
			return nil, fmt.Errorf("%v cannot run on a ladder", p.Inner)
		}
		c.chains = append(c.chains, r)
	}
	return c, nil
}

type tempering struct {
	beta           float64
	ladder         []float64
	chains         []restarter
	tried, swapped []float64
	warmup, done   int
}

func (c *tempering) Point() *Point     { return c.chains[0].Point() }
func (c *tempering) Scale() float64    { return c.chains[0].Scale() }
func (c *tempering) rungs() int        { return len(c.chains) }
func (c *tempering) rung(k int) *Point { return c.chains[k].Point() }

func (c *tempering) swapRates(dst []float64) {
	for k := range dst {
		dst[k] = c.swapped[k] / max(1, c.tried[k])
	}
}

func (c *tempering) Step(rng *rand.Rand) Move {
	mv := c.chains[0].Step(rng)
	for _, ch := range c.chains[1:] {
		mv.Evals += ch.Step(rng).Evals
	}
	for k := c.done % 2; k+1 < len(c.chains); k += 2 {
		a, b := c.chains[k].Point(), c.chains[k+1].Point()
		accept := math.Exp(min(0, (c.ladder[k]-c.ladder[k+1])*c.beta*(b.LogLik-a.LogLik)))
		if c.done >= c.warmup {
			c.tried[k]++
			c.swapped[k] += accept
		}
		if rng.Float64() < accept {
			for i := range a.X {
				a.X[i], b.X[i] = b.X[i], a.X[i]
			}
			c.chains[k].refresh()
			c.chains[k+1].refresh()
			mv.Evals += 2
		}
	}
	c.done++
	return mv
}
