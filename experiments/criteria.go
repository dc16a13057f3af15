package experiments

import (
	"context"
	"math"
	"math/rand/v2"

	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/selection"
)

// compareOrders scores a family over the given orders by the criteria of the given
// names, on streams of k.
func compareOrders(ctx context.Context, family string, orders [][]int, z *models.Data, names []string, starts, particles int, k mc.Key) (*selection.Table, error) {
	criteria, err := selection.Lookup(names...)
	if err != nil {
		return nil, err
	}
	candidates, err := selection.Candidates(family, orders)
	if err != nil {
		return nil, err
	}
	return selection.Compare(ctx, candidates, z, selection.Options{
		Criteria: criteria, Starts: starts, Particles: particles,
		Streams: func(purpose string) (*rand.Rand, models.Each) {
			return k.Stream(purpose), models.Serial(k.Stream(purpose + " tasks"))
		},
	})
}

// A tally is how an experiment on criteria reads its rows: what every criterion chose
// among the candidates, which are numbered from 0, and what the choice costs.
type tally[R any] struct {
	names []string // criteria in the order of the columns
	shown []string // those of the figures, five colours at most; nil means all
	// choice is the candidate that criterion i chose, negative without a choice.
	choice func(r R, i int) int
	// risk is n × KL(truth ‖ fit) of every candidate, in nats.
	risk  func(r R) []float64
	truth func(c Cell) int // the candidate that is true
	// group is the title of the panel of a figure that a cell belongs to, "" for
	// none, and x its place there.
	group  func(c Cell) string
	x      func(c Cell) float64
	xLabel string
	logX   bool
	// logCost asks for a logarithmic axis of the cost, where rare bad fits dominate.
	logCost bool
}

// cost is what the choice of criterion i costs, NaN without a choice.
func (t tally[R]) cost(r R, i int) float64 {
	k := t.choice(r, i)
	if k < 0 {
		return math.NaN()
	}
	return t.risk(r)[k]
}

// found is the measure of how often criterion i chooses candidate k.
func (t tally[R]) found(i, k int) Measure[R] {
	return Fraction(func(r R) bool { return t.choice(r, i) == k })
}

// costs is the measure of what criterion i costs on average.
func (t tally[R]) costs(i int) Measure[R] {
	return Mean(func(r R) float64 { return t.cost(r, i) })
}

// A known is what theory says of a criterion in a cell: NaN for what it does not.
type known struct {
	found, cost float64
	route       models.Route
	limit       bool
	source      string
}

// lines compares the first n criteria in a cell with what is known of them.
func (t tally[R]) lines(c Cell, n int, of func(name string) known) []Line[R] {
	var lines []Line[R]
	for i, name := range t.names[:n] {
		k := known{found: math.NaN(), cost: math.NaN()}
		if of != nil {
			k = of(name)
		}
		line := func(what string, m Measure[R], theory float64) {
			l := Line[R]{Name: what, Measure: m, Theory: theory}
			if !math.IsNaN(theory) {
				l.Route, l.Limit, l.Source = k.route, k.limit, k.source
			}
			lines = append(lines, l)
		}
		line("P("+name+" finds the truth)", t.found(i, t.truth(c)), k.found)
		line("n KL of "+name, t.costs(i), k.cost)
	}
	return lines
}

// drawFound draws how often the first n criteria find the truth.
func (t tally[R]) drawFound(cells []Sample[R], n int) []*figs.Panel {
	return t.draw(cells, n, figs.Panel{Y: "share that finds the truth", YRange: [2]float64{0, 1.05}}, func(c Cell, i int) Measure[R] { return t.found(i, t.truth(c)) })
}

// drawCost draws what the choices of the first n criteria cost.
func (t tally[R]) drawCost(cells []Sample[R], n int) []*figs.Panel {
	return t.draw(cells, n, figs.Panel{Y: "n KL (nats)", LogY: t.logCost}, func(_ Cell, i int) Measure[R] { return t.costs(i) })
}

// draw draws a measure of the criteria on panels like the given one, the first three
// groups side by side.
func (t tally[R]) draw(cells []Sample[R], n int, like figs.Panel, of func(c Cell, i int) Measure[R]) []*figs.Panel {
	var row panelRow
	var members [][]Sample[R]
	like.X, like.LogX = t.xLabel, t.logX
	for _, c := range cells {
		title := t.group(c.Cell)
		if title == "" {
			continue
		}
		at := row.at(title, like)
		switch {
		case at < 0:
			continue
		case at == len(members):
			members = append(members, nil)
		}
		members[at] = append(members[at], c)
	}
	for at, p := range row.panels {
		for i, name := range t.names[:n] {
			if !t.shows(name) {
				continue
			}
			var x, v, se []float64
			for _, c := range members[at] {
				m, e, _ := of(c.Cell, i)(c)
				x, v, se = append(x, t.x(c.Cell)), append(v, m), append(se, e)
			}
			p.Series(name, x, v, se)
		}
	}
	return row.panels
}

func (t tally[R]) shows(name string) bool {
	for _, s := range t.shown {
		if s == name {
			return true
		}
	}
	return t.shown == nil
}
