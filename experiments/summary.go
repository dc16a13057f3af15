package experiments

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
)

// A Summary is the table of a run.
type Summary struct {
	Run        string        `json:"run"` // the directory
	Experiment string        `json:"experiment"`
	Version    int           `json:"version"`
	Seed       uint64        `json:"seed"`
	Replicates int           `json:"replicates"` // per cell, wanted
	Complete   bool          `json:"complete"`   // every cell has them
	Cells      []CellSummary `json:"cells"`
	Failures   Tally         `json:"status"` // over all cells
}

// A CellSummary summarises the rows of one cell.
type CellSummary struct {
	Name       string     `json:"name"`
	Replicates int        `json:"replicates"` // that are there
	Stats      Stats      `json:"stats"`
	Status     Tally      `json:"status"`
	Compare    []Compared `json:"compare,omitempty"`
}

// Stats are the statistics of the numeric columns, in order. In JSON they are
// an object keyed by column.
type Stats []ColumnStats

// ColumnStats summarises one numeric column; true counts as 1. The mean is over
// finite values and the quantiles over all but NaN.
type ColumnStats struct {
	Column string `json:"-"`
	Unit   string `json:"-"`
	Mean   Number `json:"mean"`
	SE     Number `json:"se"` // of the mean, replicates independent
	Q50    Number `json:"q50"`
	Q90    Number `json:"q90"`
	Q95    Number `json:"q95"`
	Q99    Number `json:"q99"`
	// Standard errors of the quantiles, as Quantile computes them.
	Q50SE Number `json:"q50_se"`
	Q90SE Number `json:"q90_se"`
	Q95SE Number `json:"q95_se"`
	Q99SE Number `json:"q99_se"`
	// NotFinite counts rows whose value is NaN or infinite.
	NotFinite int `json:"not_finite"`
}

// MarshalJSON writes an object in the order of the columns.
func (s Stats) MarshalJSON() ([]byte, error) {
	return orderedObject(len(s), func(i int) (string, any) { return s[i].Column, s[i] })
}

// Tally counts rows by status: the four usual ones first, zeros included, then
// others by name. In JSON it is an object keyed by status.
type Tally []Count

// A Count is the number of rows of one status.
type Count struct {
	Status string
	Rows   int
}

// MarshalJSON writes an object in the order of the tally.
func (t Tally) MarshalJSON() ([]byte, error) {
	return orderedObject(len(t), func(i int) (string, any) { return t[i].Status, t[i].Rows })
}

func orderedObject(n int, at func(i int) (string, any)) ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i := range n {
		name, v := at(i)
		key, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func newTally() Tally {
	return Tally{{Converged, 0}, {IterationLimit, 0}, {Boundary, 0}, {Failed, 0}}
}

func (t *Tally) add(status string, rows int) {
	i := slices.IndexFunc(*t, func(c Count) bool { return c.Status == status })
	if i < 0 {
		*t = append(*t, Count{status, rows})
		slices.SortStableFunc((*t)[4:], func(a, b Count) int { return strings.Compare(a.Status, b.Status) })
		return
	}
	(*t)[i].Rows += rows
}

// Rows is the number of all rows.
func (t Tally) Rows() int {
	n := 0
	for _, c := range t {
		n += c.Rows
	}
	return n
}

// String returns the failure line, as
// "converged 5990, iteration limit 0, boundary 10, failed 0 of 6000 rows".
func (t Tally) String() string {
	parts := make([]string, len(t))
	for i, c := range t {
		parts[i] = fmt.Sprintf("%s %d", c.Status, c.Rows)
	}
	return fmt.Sprintf("%s of %d rows", strings.Join(parts, ", "), t.Rows())
}

// Compared is one line of the comparison of measurement and theory.
type Compared struct {
	Name     string `json:"name"`
	Measured Number `json:"measured"`
	SE       Number `json:"se"`
	Method   string `json:"method"` // of the standard error
	// Theory is null where there is none.
	Theory   Number `json:"theory"`
	TheorySE Number `json:"theory_se"`
	Limit    bool   `json:"limit"` // Theory is the limit n → ∞
	Route    string `json:"route"`
	Source   string `json:"source"`
	// Z is (measured − theory) over the two standard errors together. That of a share
	// is the larger one of its own and the one of a share with the theory as probability.
	Z Number `json:"z"`
}

// Summary reads the run and summarises the replicates below q.Replicates that
// are there: the same table for the same request, whatever else the directory
// holds.
func (r *Run) Summary(ctx context.Context) (*Summary, error) {
	x, err := r.load()
	if err != nil {
		return nil, err
	}
	cells, err := x.cells(ctx, r.Request, true)
	if err != nil {
		return nil, err
	}
	s := &Summary{
		Run: r.Dir.Path, Experiment: r.Experiment.Name, Version: r.Experiment.Version, Seed: r.Seed,
		Replicates: r.Replicates, Complete: true, Cells: cells, Failures: newTally(),
	}
	for _, c := range cells {
		s.Complete = s.Complete && c.Replicates == r.Replicates
		for _, k := range c.Status {
			s.Failures.add(k.Status, k.Rows)
		}
	}
	return s, nil
}

func (s *samples[S, R]) cells(ctx context.Context, q *Request, compare bool) ([]CellSummary, error) {
	out := make([]CellSummary, len(s.list))
	for i, x := range s.list {
		c := CellSummary{Name: x.Cell.Name, Replicates: distinct(x.Replicates), Status: newTally()}
		for j, col := range q.Experiment.Columns {
			switch col.Type {
			case "string":
				if col.Name == statusColumn {
					for _, row := range x.Rows {
						c.Status.add(reflect.ValueOf(row).Field(j).String(), 1)
					}
				}
			case "bool", "int", "int64", "float64":
				c.Stats = append(c.Stats, columnStats(col, x, func(row R) float64 { return number(reflect.ValueOf(row).Field(j)) }))
			}
		}
		if compare && s.t.Compare != nil && len(x.Rows) > 0 {
			lines, err := s.t.Compare(ctx, *q.spec.(*S), x.Cell)
			if err != nil {
				return nil, fmt.Errorf("comparison of cell %s: %w", x.Cell.Name, err)
			}
			for _, l := range lines {
				c.Compare = append(c.Compare, compared(l, x))
			}
		}
		out[i] = c
	}
	return out, nil
}

func number(f reflect.Value) float64 {
	switch f.Kind() {
	case reflect.Bool:
		if f.Bool() {
			return 1
		}
		return 0
	case reflect.Float64:
		return f.Float()
	}
	return float64(f.Int())
}

func columnStats[R any](col Column, x Sample[R], f func(R) float64) ColumnStats {
	v, reps := finite(x, f)
	m, se := mean(v, reps)
	notFinite := len(x.Rows) - len(v)
	c := ColumnStats{Column: col.Name, Unit: col.Unit, Mean: Number(m), SE: Number(se), NotFinite: notFinite}
	for _, q := range []struct {
		p         float64
		value, se *Number
	}{{0.5, &c.Q50, &c.Q50SE}, {0.9, &c.Q90, &c.Q90SE}, {0.95, &c.Q95, &c.Q95SE}, {0.99, &c.Q99, &c.Q99SE}} {
		value, se, _ := Quantile(q.p, f)(x)
		*q.value, *q.se = Number(value), Number(se)
	}
	return c
}

func compared[R any](l Line[R], x Sample[R]) Compared {
	value, se, method := l.Measure(x)
	c := Compared{
		Name: l.Name, Measured: Number(value), SE: Number(se), Method: method,
		Theory: Number(l.Theory), TheorySE: Number(l.TheorySE), Limit: l.Limit,
		Route: l.Route.String(), Source: l.Source, Z: Number(math.NaN()),
	}
	if p, g := l.Theory, distinct(x.Replicates); method == shareMethod && p > 0 && p < 1 && g == len(x.Rows) {
		// An event of probability 1/16 that happened once in a hundred times is no
		// surprise of five standard errors of 1/100.
		se = math.Max(se, math.Sqrt(p*(1-p)/float64(g)))
	}
	if total := math.Hypot(se, l.TheorySE); total > 0 {
		c.Z = Number((value - l.Theory) / total)
	}
	return c
}
