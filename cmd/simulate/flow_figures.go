package main

import (
	"slices"

	"github.com/neuromanifold/neuromanifold/dynamics"
	"github.com/neuromanifold/neuromanifold/internal/figs"
)

const (
	drawnRecords = 60 // markers in a line
	drawnStrata  = 4  // and the loss: five colours tell five series apart
)

// saveFlowFigures draws the loss and the distances to the strata over time.
func saveFlowFigures(dir string, p *dynamics.Path) error {
	var at []int
	n := len(p.T)
	for k := range min(n, drawnRecords) {
		at = append(at, k*(n-1)/max(1, min(n, drawnRecords)-1))
	}
	thin := func(x []float64) []float64 {
		out := make([]float64, len(at))
		for k, i := range at {
			out[k] = x[i]
		}
		return out
	}
	// Times that are even in log τ; a logarithmic axis has no place for τ = 0.
	logTime := n > 3 && p.T[1] < p.T[n-1]/1000
	tau := thin(p.T)
	loss := &figs.Panel{X: "time τ", Y: "loss (nats)", LogX: logTime, LogY: true}
	loss.Series("loss", tau, thin(p.Loss), nil)
	if len(p.Names) == 0 {
		return figs.New(loss).Save(dir, "flow")
	}
	d := &figs.Panel{X: "time τ", Y: "distance to the stratum", LogX: logTime, LogY: true}
	near := make([]int, len(p.Names))
	for i := range near {
		near[i] = i
	}
	slices.SortStableFunc(near, func(a, b int) int {
		x, y := slices.Min(p.Probes[a]), slices.Min(p.Probes[b])
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	near = near[:min(len(near), drawnStrata)]
	slices.Sort(near)
	for _, i := range near {
		d.Series(strata(p)[i], tau, thin(p.Probes[i]), nil)
	}
	return figs.New(loss, d).Save(dir, "flow")
}
