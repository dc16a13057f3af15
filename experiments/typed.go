package experiments

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"regexp"

	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/internal/runs"
	"github.com/neuromanifold/neuromanifold/models"
)

// A Column documents one column of the rows.
type Column = runs.Column

// impl is what the engine needs of an experiment, without its types.
type impl interface {
	defaults() any // *S
	smoke() any    // *S
	check(spec any) error
	cells(spec any) []Cell
	simulate(ctx context.Context, q *Request, d *runs.Dir, chunks []mc.Chunk, workers int, emitted func(c mc.Chunk, replicate int, written bool)) error
	checkChunk(d *runs.Dir, c mc.Chunk) (rows int, err error)
	load(d *runs.Dir, q *Request, cover []mc.Chunk, replicates int) (results, error)
	pilot(ctx context.Context, q *Request, replicates, workers int) (results, error)
	recompute(ctx context.Context, q *Request, c Cell, replicate int) (replicaRows, error)
	data(q *Request, c Cell, replicate int) (*models.Data, error)
}

// results are the samples of all cells, without their types.
type results interface {
	rows() int
	// cells summarises the cells, with or without the comparison with theory.
	cells(ctx context.Context, q *Request, compare bool) ([]CellSummary, error)
	each(yield func(cell string, replicate int, row []any) error) error
	draw(q *Request, figure string) (Drawing, error)
	// replica returns the stored rows of one replicate.
	replica(cell string, replicate int) (replicaRows, bool)
}

// replicaRows are the rows of one replicate.
type replicaRows interface {
	values() [][]any
	same(other replicaRows) bool
}

// typed implements impl for one experiment.
type typed[S, R any] struct {
	Experiment[S, R]
	table *runs.Table[R]
}

var nameRule = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// newRegistered checks the description of an experiment and erases its types.
func newRegistered[S, R any](e Experiment[S, R]) (*Registered, error) {
	switch {
	case !nameRule.MatchString(e.Name):
		return nil, fmt.Errorf("name %q: want lower-case words joined by hyphens", e.Name)
	case e.Version < 1:
		return nil, errors.New("version below 1")
	case e.Doc == "":
		return nil, errors.New("no documentation")
	case e.Cells == nil || e.Replicate == nil:
		return nil, errors.New("Cells or Replicate is missing")
	}
	if e.Replicates == 0 {
		e.Replicates = 1000
	}
	if e.SmokeReplicates == 0 {
		e.SmokeReplicates = 8
	}
	if e.Chunk == 0 {
		e.Chunk = 100
	}
	table, err := runs.NewTable[R]()
	if err != nil {
		return nil, err
	}
	columns := table.Columns()[2:]
	hasStatus := false
	for _, c := range columns {
		hasStatus = hasStatus || c.Name == statusColumn && c.Type == "string"
		if c.Doc == "" {
			return nil, fmt.Errorf("column %s is not documented", c.Name)
		}
	}
	if !hasStatus {
		return nil, fmt.Errorf("no column %q of type string", statusColumn)
	}
	if err := checkSpecType(reflect.TypeFor[S](), ""); err != nil {
		return nil, err
	}
	r := &Registered{
		Name: e.Name, Doc: e.Doc, Version: e.Version, Cite: e.Cite,
		Replicates: e.Replicates, SmokeReplicates: e.SmokeReplicates, Chunk: e.Chunk,
		Columns: columns, HasData: e.Data != nil,
	}
	for _, f := range e.Figures {
		r.Figures = append(r.Figures, FigDoc{f.Name, f.Doc})
	}
	t := &typed[S, R]{Experiment: e, table: table}
	r.Keys = keyDocs(reflect.ValueOf(t.defaults()).Elem(), "")
	r.impl = t
	return r, nil
}

const statusColumn = "status"

func (t *typed[S, R]) defaults() any {
	return deepCopy(reflect.ValueOf(&t.Default).Elem()).Addr().Interface()
}

func (t *typed[S, R]) smoke() any {
	return deepCopy(reflect.ValueOf(&t.Smoke).Elem()).Addr().Interface()
}

func (t *typed[S, R]) check(spec any) error {
	if t.Check == nil {
		return nil
	}
	return t.Check(*spec.(*S))
}

func (t *typed[S, R]) cells(spec any) []Cell { return t.Cells(*spec.(*S)) }
