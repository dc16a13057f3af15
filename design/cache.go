package design

import (
	"slices"

	"github.com/neuromanifold/neuromanifold/design/pkpd"
)

// Cache returns a curve that evaluates the given one at all samples of a grid at
// once and keeps the result for the last γ: for many sampling sequences from one
// grid, where the solution of a differential equation would otherwise be computed
// again for every one. Samples off the grid go to the curve itself. Like the
// curve, it is for one goroutine.
func Cache(curve pkpd.Curve, grid []pkpd.Sample) pkpd.Curve {
	c := &cache{curve: curve, grid: slices.Clone(grid), at: map[pkpd.Sample]int{}, order: -1}
	for i, s := range grid {
		c.at[s] = i
	}
	return c
}

type cache struct {
	curve pkpd.Curve
	grid  []pkpd.Sample
	at    map[pkpd.Sample]int
	jets  pkpd.Jets
	gamma []float64
	order int // of jets; −1 where there are none
}

func (c *cache) Eval(out *pkpd.Jets, gamma []float64, at []pkpd.Sample, order int) error {
	for _, s := range at {
		if _, ok := c.at[s]; !ok {
			return c.curve.Eval(out, gamma, at, order)
		}
	}
	if order > c.order || !slices.Equal(gamma, c.gamma) {
		c.order = -1
		if err := c.curve.Eval(&c.jets, gamma, c.grid, order); err != nil {
			return err
		}
		c.gamma, c.order = append(c.gamma[:0], gamma...), order
	}
	out.Resize(len(at), c.jets.P, order)
	for i, s := range at {
		j := c.at[s]
		out.Value[i] = c.jets.Value[j]
		if order >= 1 {
			copy(out.GradRow(i), c.jets.GradRow(j))
		}
		if order >= 2 {
			copy(out.HessRow(i), c.jets.HessRow(j))
		}
	}
	return nil
}
