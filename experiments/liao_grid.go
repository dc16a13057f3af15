package experiments

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/neuromanifold/neuromanifold/dynamics"
	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
)

type liaoGridSpec struct {
	Task     digitsTask `toml:"task" doc:"the classifier"`
	Batch    []int      `toml:"batch" doc:"batch sizes B"`
	Rate     []float64  `toml:"rate" doc:"learning rates α"`
	Momentum float64    `toml:"momentum" doc:"heavy-ball momentum μ"`
}

var _ = register(Experiment[liaoGridSpec, liaoRow]{
	Name:    "liao-grid",
	Version: 2,
	Doc: `Conditioning and energy of the batch Fisher information over batch sizes and rates.

A relu network learns the bundled digits by stochastic gradient descent at each
batch size B and learning rate α, for the same number of epochs. On the way the
B × B Gram matrix of the gradients of single images gives the truncated condition
number of the approximate Fisher information, whose mean is C̄, and the weighted
cumulative energy L. At fixed epochs the outcome depends on α/B alone, L falls
nearly like 1/√B along a constant ratio while C̄ rises, and the map of (C̄, L)
orders the test error: trainings of little energy have not learnt yet.`,
	Cite: []string{liao2020, optdigits},
	Default: liaoGridSpec{
		Task: defaultDigits(), Batch: []int{8, 16, 32, 64, 128, 256}, Rate: []float64{0.025, 0.05, 0.1, 0.2, 0.4},
	},
	Smoke:      liaoGridSpec{Task: smokeDigits(), Batch: []int{16, 32}, Rate: []float64{0.1}},
	Replicates: 3, SmokeReplicates: 2, Chunk: 3,
	Check: func(s liaoGridSpec) error { return s.Task.check(s.Batch, s.Rate, []float64{s.Momentum}) },
	Cells: func(s liaoGridSpec) []Cell { return Grid(Axis("batch", s.Batch...), Axis("rate", s.Rate...)) },
	Replicate: func(ctx context.Context, s liaoGridSpec, c Cell, k mc.Key) ([]liaoRow, error) {
		row, err := liaoGridRun(ctx, s, c, k)
		return []liaoRow{row}, err
	},
	Compare: func(_ context.Context, s liaoGridSpec, _ Cell) ([]Line[liaoRow], error) { return s.Task.liaoLines() },
	Figures: []Figure[liaoGridSpec, liaoRow]{
		{Name: "map", Doc: "Every training in the plane of the mean condition number C̄ and the energy L, coloured by its test error; a line joins the batch sizes at one learning rate, the largest batch lowest.", Draw: drawLiaoMap},
		{Name: "ratio", Doc: "Test error and training loss against the ratio of learning rate and batch size: the batch sizes fall on one curve. Energy along a constant ratio against the batch size, beside 1/√B.", Draw: drawLiaoRatio},
	},
})

func liaoGridRun(ctx context.Context, s liaoGridSpec, c Cell, k mc.Key) (liaoRow, error) {
	stages := dynamics.Stages(s.Task.Epochs, []int{c.Int("batch")}, c.Float("rate"), 0.1, 0.5, 0.75)
	return s.Task.train(ctx, stages, s.Momentum, k)
}

func drawLiaoMap(s liaoGridSpec, cells []Sample[liaoRow]) (Drawing, error) {
	p := &figs.Panel{Title: "Test error on the map of conditioning and energy", X: "mean truncated condition number", Y: "weighted cumulative energy L", LogX: true, LogY: true}
	for _, rate := range s.Rate {
		var x, y []float64
		for _, c := range cells {
			if c.Cell.Float("rate") == rate {
				a, _ := mean1(c, func(r liaoRow) float64 { return r.Condition })
				b, _ := mean1(c, func(r liaoRow) float64 { return r.Energy })
				x, y = append(x, a), append(y, b)
			}
		}
		p.Reference("one rate, all batch sizes", x, y)
	}
	for i, bin := range errorBins { // the best are the darkest
		var x, y []float64
		for _, c := range cells {
			for _, r := range c.Rows {
				if errorBin(r.Test) == i {
					x, y = append(x, r.Condition), append(y, r.Energy)
				}
			}
		}
		if len(x) > 0 {
			p.Level(bin.name, x, y)
		}
	}
	return figs.New(p), nil
}

func drawLiaoRatio(s liaoGridSpec, cells []Sample[liaoRow]) (Drawing, error) {
	test := &figs.Panel{Title: "Test error", X: "rate / batch size", Y: "test error (%)", LogX: true, LogY: true}
	loss := &figs.Panel{Title: "Training loss", X: "rate / batch size", Y: "cross-entropy (nats)", LogX: true, LogY: true}
	// Three groups of neighbouring batch sizes show the collapse. Means, since a test
	// error may be 0, which has no place on the axis.
	const groups = 3
	byRatio := slices.SortedStableFunc(slices.Values(cells), func(a, b Sample[liaoRow]) int { return cmp.Compare(ratioOf(a.Cell), ratioOf(b.Cell)) })
	for g := range groups {
		batches := s.Batch[g*len(s.Batch)/groups : (g+1)*len(s.Batch)/groups]
		var names []string
		for _, b := range batches {
			names = append(names, strconv.Itoa(b))
		}
		var x, y, yse, z, zse []float64
		for _, c := range byRatio {
			if slices.Contains(batches, c.Cell.Int("batch")) {
				e, ese := mean1(c, func(r liaoRow) float64 { return 100 * r.Test })
				l, lse := mean1(c, func(r liaoRow) float64 { return r.Loss })
				x, y, yse, z, zse = append(x, ratioOf(c.Cell)), append(y, e), append(yse, ese), append(z, l), append(zse, lse)
			}
		}
		if len(x) > 0 {
			test.Series("B = "+strings.Join(names, ", "), x, y, yse)
			loss.Series("B = "+strings.Join(names, ", "), x, z, zse)
		}
	}
	energy := &figs.Panel{Title: "Energy at a constant ratio", X: "batch size B", Y: "weighted cumulative energy L", LogX: true, LogY: true}
	x, y, se := constantRatio(s, cells)
	if len(x) > 0 {
		energy.Series("measured", x, y, se)
		energy.Slope("1/√B", -0.5, x[0], y[0], x[0], x[len(x)-1])
	}
	return figs.New(test, loss, energy), nil
}

// ratioOf is α/B.
func ratioOf(c Cell) float64 { return c.Float("rate") / float64(c.Int("batch")) }

// constantRatio returns B and L of the cells on the ratio α/B that most batch sizes
// have in the grid.
func constantRatio(s liaoGridSpec, cells []Sample[liaoRow]) (x, y, se []float64) {
	for _, start := range cells {
		ratio := ratioOf(start.Cell)
		var bs, ls, es []float64
		for _, b := range s.Batch {
			for _, c := range cells {
				if r := ratioOf(c.Cell) / ratio; c.Cell.Int("batch") == b && r > 0.999 && r < 1.001 {
					l, e := mean1(c, func(r liaoRow) float64 { return r.Energy })
					bs, ls, es = append(bs, float64(b)), append(ls, l), append(es, e)
				}
			}
		}
		if len(bs) > len(x) {
			x, y, se = bs, ls, es
		}
	}
	return x, y, se
}
