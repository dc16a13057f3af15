package experiments

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/neuromanifold/neuromanifold/dynamics"
	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
)

type liaoDynamicSpec struct {
	Task     digitsTask `toml:"task" doc:"the classifier"`
	Schedule []string   `toml:"schedule" doc:"batch sizes one after the other for equal numbers of epochs, as 16+32+64"`
	Rate     float64    `toml:"rate" doc:"effective learning rate α/(1−μ)"`
	Momentum []float64  `toml:"momentum" doc:"heavy-ball momentum μ; the rate of a step is α = rate·(1−μ)"`
}

var _ = register(Experiment[liaoDynamicSpec, liaoRow]{
	Name:    "liao-dynamic-batch",
	Version: 2,
	Doc: `Growing and shrinking batches against constant ones, with and without momentum.

A relu network learns the bundled digits with a schedule of batch sizes over equal
shares of the epochs. Batches that grow reach the test error of the smallest batch
with a fraction of its updates; the same sizes in the opposite order do not, for
large batches at the initial rate waste it. With momentum μ the rate α acts like
α/(1−μ), which the energy L does not know: compare L/(1−μ).`,
	Cite: []string{liao2020, optdigits},
	Default: liaoDynamicSpec{
		Task: defaultDigits(), Schedule: []string{"16", "64", "16+32+64+128+256", "256+128+64+32+16"}, Rate: 0.2, Momentum: []float64{0, 0.9},
	},
	Smoke:      liaoDynamicSpec{Task: smokeDigits(), Schedule: []string{"16+32", "32+16"}, Rate: 0.1, Momentum: []float64{0, 0.5}},
	Replicates: 10, SmokeReplicates: 2, Chunk: 5,
	Check: func(s liaoDynamicSpec) error {
		if len(s.Schedule) == 0 || len(s.Momentum) == 0 {
			return KeyError("schedule", "want a schedule and a momentum")
		}
		for _, text := range s.Schedule {
			batches, err := batchSchedule(text)
			if err != nil {
				return err
			}
			if len(batches) > s.Task.Epochs {
				return KeyError("schedule", "%q: %d stages in %d epochs", text, len(batches), s.Task.Epochs)
			}
			if err := s.Task.check(batches, []float64{s.Rate}, s.Momentum); err != nil {
				return err
			}
		}
		return nil
	},
	Cells: func(s liaoDynamicSpec) []Cell {
		return Grid(Axis("schedule", s.Schedule...), Axis("momentum", s.Momentum...))
	},
	Replicate: func(ctx context.Context, s liaoDynamicSpec, c Cell, k mc.Key) ([]liaoRow, error) {
		row, err := liaoDynamicRun(ctx, s, c, k)
		return []liaoRow{row}, err
	},
	Compare: func(_ context.Context, s liaoDynamicSpec, _ Cell) ([]Line[liaoRow], error) { return s.Task.liaoLines() },
	Figures: []Figure[liaoDynamicSpec, liaoRow]{
		{Name: "updates", Doc: "Test error against the number of updates, one mark for each schedule of batch sizes; lower left is better.", Draw: drawLiaoUpdates},
		{Name: "difference", Doc: "Test error less that of the first schedule on the same images from the same weights, against the number of updates.", Draw: drawLiaoDifference},
	},
})

// batchSchedule reads batch sizes joined by +.
func batchSchedule(text string) ([]int, error) {
	var out []int
	for part := range strings.SplitSeq(text, "+") {
		b, err := strconv.Atoi(part)
		if err != nil || b < 1 {
			return nil, KeyError("schedule", "%q: want batch sizes joined by +, as 16+32+64", text)
		}
		out = append(out, b)
	}
	return out, nil
}

func liaoDynamicRun(ctx context.Context, s liaoDynamicSpec, c Cell, k mc.Key) (liaoRow, error) {
	batches, err := batchSchedule(c.Text("schedule"))
	if err != nil {
		return liaoRow{}, err
	}
	mu := c.Float("momentum")
	return s.Task.train(ctx, dynamics.Stages(s.Task.Epochs, batches, s.Rate*(1-mu), 0.1, 0.5, 0.75), mu, k)
}

func drawLiaoUpdates(s liaoDynamicSpec, cells []Sample[liaoRow]) (Drawing, error) {
	return drawSchedules(s, cells, "test error (%)", func(c, _ Sample[liaoRow]) Sample[liaoRow] { return c })
}

func drawLiaoDifference(s liaoDynamicSpec, cells []Sample[liaoRow]) (Drawing, error) {
	return drawSchedules(s, cells, "test error less that of the first (points)", func(c, first Sample[liaoRow]) Sample[liaoRow] {
		out := Sample[liaoRow]{Cell: c.Cell}
		for i, r := range c.Rows {
			j := slices.Index(first.Replicates, c.Replicates[i])
			if j < 0 {
				continue
			}
			r.Test -= first.Rows[j].Test
			out.Rows, out.Replicates = append(out.Rows, r), append(out.Replicates, c.Replicates[i])
		}
		return out
	})
}

// drawSchedules draws the test error of each schedule against its updates, one panel
// for each momentum. of is given a cell and that of the first schedule.
func drawSchedules(s liaoDynamicSpec, cells []Sample[liaoRow], y string, of func(c, first Sample[liaoRow]) Sample[liaoRow]) (Drawing, error) {
	var panels []*figs.Panel
	for _, mu := range s.Momentum {
		p := &figs.Panel{Title: "Momentum " + strconv.FormatFloat(mu, 'g', -1, 64), X: "updates", Y: y, LogX: true}
		var first Sample[liaoRow]
		for _, c := range cells {
			if c.Cell.Float("momentum") != mu {
				continue
			}
			if c.Cell.Text("schedule") == s.Schedule[0] {
				first = c
			}
			c = of(c, first)
			n, _ := mean1(c, func(r liaoRow) float64 { return float64(r.Steps) })
			e, se := mean1(c, func(r liaoRow) float64 { return 100 * r.Test })
			p.Series("B = "+strings.ReplaceAll(c.Cell.Text("schedule"), "+", ", "), []float64{n}, []float64{e}, []float64{se})
		}
		panels = append(panels, p)
	}
	return figs.New(panels...), nil
}
