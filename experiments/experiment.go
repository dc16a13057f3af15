package experiments

import (
	"context"

	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
)

// An Experiment describes a Monte Carlo experiment completely. S and R are
// struct types.
//
// The exported fields of S are the keys of the table [spec], named and
// documented by tags: `toml:"n" doc:"sample sizes"`. Kinds: bool, integers,
// float64, string, slices of these, ModelSpec, and structs of these (a table).
//
// The exported fields of R are columns: `parquet:"t" unit:"nats" doc:"…"`.
// Kinds: bool, int, int64, float64, string, []float64. NaN and infinities are
// allowed. One column of type string must be called "status": how the replicate
// ended, one of Converged, IterationLimit, Boundary, Failed where these fit, that of
// estimation.Status where the row is a fit ("unbounded" is the fifth: all ends lie on
// a variance floor), a word of the experiment's own else. A replicate whose fit failed
// is a row like any other.
type Experiment[S, R any] struct {
	Name    string // as "lrt-mixture"
	Version int    // from 1; raised whenever the same spec gives other rows
	Doc     string // first line: one sentence for the catalogue; then what is simulated and how
	// Cite lists the sources, one full reference each: authors (year), title,
	// journal volume:pages.
	Cite    []string
	Default S // what a run without a spec file does
	Smoke   S // a small run, with SmokeReplicates replicates in under a second

	Replicates      int // per cell, where the spec does not say; 1000 if 0
	SmokeReplicates int // 8 if 0
	Chunk           int // replicates in one chunk file; 100 if 0. Changing it means a new Version

	// Check reports what is wrong with a spec beyond its types. Use KeyError to
	// say which key. Nil if nothing can be.
	Check func(s S) error
	// Cells returns the grid of cells in the order of the tables. Names are
	// unique. See Grid.
	Cells func(s S) []Cell
	// Replicate simulates one replicate of a cell. All randomness comes from
	// streams of k. It must not start goroutines or keep state between calls,
	// and returns ctx's error soon after ctx is cancelled. It returns an error
	// only where the run as a whole makes no sense; what happens numerically is
	// a status in the row.
	Replicate func(ctx context.Context, s S, c Cell, k mc.Key) ([]R, error)
	// Data returns the data that Replicate simulates for the key, for replay
	// --data; it is best called by Replicate itself. Nil where a replicate has
	// no data.
	Data func(s S, c Cell, k mc.Key) (*models.Data, error)
	// Compare returns the lines of the comparison of measurement and theory for
	// one cell, in the order of the table.
	Compare func(ctx context.Context, s S, c Cell) ([]Line[R], error)
	// Figures are drawn by report.
	Figures []Figure[S, R]
}

// Statuses of a row that every failure line counts, zeros included; any other status
// is counted after them where it occurs.
const (
	Converged      = "converged"
	IterationLimit = "iteration limit"
	Boundary       = "boundary"
	Failed         = "failed"
)

// A Sample is the result of one cell: the rows of its replicates in order.
type Sample[R any] struct {
	Cell       Cell
	Rows       []R
	Replicates []int // Replicates[i] is the replicate of Rows[i]; never decreases
}

// A Line compares one measured number with what a theory says of it.
type Line[R any] struct {
	Name    string // as "mean T"
	Measure Measure[R]
	// Theory is what the sources say; leave it NaN where there is nothing to
	// compare with. It must not come from the code path that it checks.
	Theory   float64
	TheorySE float64 // Monte Carlo standard error of Theory, 0 if it has none
	// Limit says that Theory is the limit n → ∞: its z may be large at finite n.
	Limit  bool
	Route  models.Route // how Theory was computed
	Source string       // where it comes from, as "Hartigan 1985" or "derived here"
}

// A Measure estimates a number from a cell's rows, with a Monte Carlo standard
// error, NaN where there is none, and the name of the method that gave it. Use
// Mean, Fraction, Quantile and Jackknife.
type Measure[R any] func(x Sample[R]) (value, se float64, method string)

// A Figure is a picture of a run.
type Figure[S, R any] struct {
	Name string // file name without extension
	Doc  string // caption: one or two sentences
	// Draw returns the picture of the samples of all cells that have rows, in
	// the order of the cells.
	Draw func(s S, cells []Sample[R]) (Drawing, error)
}
