package experiments

import (
	"context"
	"errors"
	"math"

	"github.com/neuromanifold/neuromanifold/internal/mc"
)

// toy has every kind of key and column, several rows a replicate and rows that
// failed.
type toySpec struct {
	N      []int     `toml:"n" doc:"sizes"`
	Bound  float64   `toml:"bound" doc:"a bound"`
	Names  []string  `toml:"names" doc:"labels"`
	Count  int       `toml:"count" doc:"a number"`
	Text   string    `toml:"text" doc:"a text"`
	Fast   bool      `toml:"fast" doc:"a switch"`
	Grid   toyGrid   `toml:"grid" doc:"a table"`
	Model  ModelSpec `toml:"model" doc:"a model"`
	PanicN int       `toml:"panic_at" doc:"replicate that panics, none if negative"`
}

type toyGrid struct {
	Points int       `toml:"points" doc:"points of the grid"`
	At     []float64 `toml:"at" doc:"places"`
}

type toyRow struct {
	T      float64   `parquet:"t" unit:"nats" doc:"a statistic, sometimes NaN or infinite"`
	Step   int       `parquet:"step" doc:"number of the row within the replicate"`
	V      []float64 `parquet:"v" doc:"a list"`
	Even   bool      `parquet:"even" doc:"the replicate is even"`
	Status string    `parquet:"status" doc:"how it ended"`
}

var toy = register(Experiment[toySpec, toyRow]{
	Name: "toy", Version: 3, Doc: "An experiment for the engine's tests.\nIt has everything.",
	Cite:       []string{"nobody (2026), nowhere"},
	Default:    toyDefault(),
	Smoke:      toyDefault(),
	Replicates: 25, Chunk: 10,
	Check: func(s toySpec) error {
		if !(s.Bound > 0) {
			return KeyError("bound", "%v: want a number above 0", s.Bound)
		}
		if s.Grid.Points < 1 {
			return KeyError("grid.points", "%d: want 1 or more", s.Grid.Points)
		}
		if s.Fast && s.Count == 0 {
			return errors.New("fast needs a count")
		}
		return nil
	},
	Cells: func(s toySpec) []Cell { return Grid(Axis("n", s.N...), Axis("name", s.Names...)) },
	Replicate: func(ctx context.Context, s toySpec, c Cell, k mc.Key) ([]toyRow, error) {
		if k.Replicate == s.PanicN {
			panic("models: slice length mismatch")
		}
		rng := k.Stream("data")
		var rows []toyRow
		for step := range 1 + k.Replicate%3 {
			r := toyRow{T: rng.NormFloat64() * c.Float("n"), Step: step, Even: k.Replicate%2 == 0, Status: Converged}
			for range step {
				r.V = append(r.V, rng.Float64())
			}
			switch k.Replicate % 10 {
			case 3:
				r.T, r.Status = math.NaN(), Failed
			case 7:
				r.T, r.Status = math.Inf(1), "unbounded"
			}
			rows = append(rows, r)
		}
		return rows, ctx.Err()
	},
	Compare: func(_ context.Context, s toySpec, c Cell) ([]Line[toyRow], error) {
		t := func(r toyRow) float64 { return r.T }
		return []Line[toyRow]{
			{Name: "mean", Measure: Mean(t), Theory: 0, Source: "symmetry"},
			{Name: "median", Measure: Quantile(0.5, t), Theory: 0, TheorySE: 0.1, Limit: true, Source: "a limit law"},
			{Name: "sd", Measure: SD(t), Theory: math.NaN()},
		}, nil
	},
	Figures: nil,
})

func toyDefault() toySpec {
	return toySpec{
		N: []int{1, 2}, Bound: 2, Names: []string{"a", "b"}, Count: 3, Text: `say "hi"`, Grid: toyGrid{Points: 5, At: []float64{0.5, 1}},
		Model: ModelText("mixture:k=3"), PanicN: -1,
	}
}
