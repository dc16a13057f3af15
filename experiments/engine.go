package experiments

import (
	"context"
	"fmt"
	"slices"

	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/internal/runs"
	"github.com/neuromanifold/neuromanifold/models"
)

// replicate runs one replicate and insists on at least one row: a replicate
// without rows would be one that was dropped.
func (t *typed[S, R]) replicate(ctx context.Context, q *Request, c Cell, replicate int) ([]R, error) {
	rows, err := t.Replicate(ctx, *q.spec.(*S), c, q.key(c.Name, replicate))
	if err == nil && len(rows) == 0 {
		err = fmt.Errorf("the experiment returned no row")
	}
	return rows, err
}

// simulate computes the chunks and writes each when it is complete, in order.
// emitted is called after every replicate, in order, from the calling
// goroutine; written says that it completed a chunk that is now on disk.
func (t *typed[S, R]) simulate(ctx context.Context, q *Request, d *runs.Dir, chunks []mc.Chunk, workers int, emitted func(c mc.Chunk, replicate int, written bool)) error {
	// first[k] is the number of replicates in the chunks before chunk k.
	first := make([]int, len(chunks)+1)
	cells := make([]Cell, len(chunks))
	for k, c := range chunks {
		first[k+1] = first[k] + c.N()
		cell, err := q.cell(c.Cell)
		if err != nil {
			return err
		}
		cells[k] = cell
	}
	locate := func(i int) (k, replicate int) {
		k, found := slices.BinarySearch(first, i)
		if !found {
			k--
		}
		return k, chunks[k].Lo + i - first[k]
	}
	var pending []runs.Record[R]
	return mc.Ordered(ctx, workers, first[len(chunks)],
		func(ctx context.Context, i int) ([]R, error) {
			k, r := locate(i)
			rows, err := t.guarded(ctx, q, cells[k], r)
			if err != nil && ctx.Err() == nil {
				err = fmt.Errorf("cell %s, replicate %d: %w", cells[k].Name, r, err)
			}
			return rows, err
		},
		func(i int, rows []R) error {
			k, r := locate(i)
			c := chunks[k]
			for _, row := range rows {
				pending = append(pending, runs.Record[R]{Cell: c.Cell, Replicate: r, Row: row})
			}
			written := r == c.Hi-1
			if written {
				if err := t.table.Write(d, c.Name(), pending); err != nil {
					return err
				}
				pending = pending[:0]
			}
			emitted(c, r, written)
			return nil
		})
}

// guarded is replicate with a panic turned into an error, which can then say in
// which replicate it happened.
func (t *typed[S, R]) guarded(ctx context.Context, q *Request, c Cell, replicate int) (rows []R, err error) {
	err = mc.Guard(func() (err error) {
		rows, err = t.replicate(ctx, q, c, replicate)
		return err
	})
	return rows, err
}

// checkChunk reads a chunk and checks that it holds every one of its replicates
// and nothing else.
func (t *typed[S, R]) checkChunk(d *runs.Dir, c mc.Chunk) (int, error) {
	recs, err := t.read(d, c)
	return len(recs), err
}

func (t *typed[S, R]) read(d *runs.Dir, c mc.Chunk) ([]runs.Record[R], error) {
	recs, err := t.table.Read(d, c.Name())
	if err != nil {
		return nil, err
	}
	next := c.Lo
	for i, rec := range recs {
		same := i > 0 && rec.Replicate == recs[i-1].Replicate
		if rec.Cell != c.Cell || !same && rec.Replicate != next {
			return nil, &runs.Error{File: d.ChunkFile(c.Name()), Err: fmt.Errorf("row %d is of cell %s, replicate %d: not in its place", i+1, rec.Cell, rec.Replicate)}
		}
		if !same {
			next++
		}
	}
	if next != c.Hi {
		return nil, &runs.Error{File: d.ChunkFile(c.Name()), Err: fmt.Errorf("its rows end before replicate %d", next)}
	}
	return recs, nil
}

// samples implements results.
type samples[S, R any] struct {
	t    *typed[S, R]
	list []Sample[R] // of the cells of the request, in order
}

// load reads the rows of the covering chunks, replicates below the given number
// only.
func (t *typed[S, R]) load(d *runs.Dir, q *Request, cover []mc.Chunk, replicates int) (results, error) {
	out := &samples[S, R]{t: t, list: make([]Sample[R], len(q.cells))}
	for i, cell := range q.cells {
		s := &out.list[i]
		s.Cell = cell
		for _, c := range cover {
			if c.Cell != cell.Name || c.Lo >= replicates {
				continue
			}
			recs, err := t.read(d, c)
			if err != nil {
				return nil, err
			}
			for _, rec := range recs {
				if rec.Replicate < replicates {
					s.Rows = append(s.Rows, rec.Row)
					s.Replicates = append(s.Replicates, rec.Replicate)
				}
			}
		}
	}
	return out, nil
}

// pilot computes the first replicates of every cell in memory.
func (t *typed[S, R]) pilot(ctx context.Context, q *Request, replicates, workers int) (results, error) {
	out := &samples[S, R]{t: t, list: make([]Sample[R], len(q.cells))}
	for i, c := range q.cells {
		out.list[i].Cell = c
	}
	err := mc.Ordered(ctx, workers, replicates*len(q.cells),
		func(ctx context.Context, i int) ([]R, error) {
			c, r := q.cells[i/replicates], i%replicates
			rows, err := t.guarded(ctx, q, c, r)
			if err != nil && ctx.Err() == nil {
				err = fmt.Errorf("cell %s, replicate %d: %w", c.Name, r, err)
			}
			return rows, err
		},
		func(i int, rows []R) error {
			s := &out.list[i/replicates]
			for _, row := range rows {
				s.Rows = append(s.Rows, row)
				s.Replicates = append(s.Replicates, i%replicates)
			}
			return nil
		})
	return out, err
}

func (t *typed[S, R]) recompute(ctx context.Context, q *Request, c Cell, replicate int) (replicaRows, error) {
	rows, err := t.guarded(ctx, q, c, replicate)
	if err != nil {
		return nil, fmt.Errorf("cell %s, replicate %d: %w", c.Name, replicate, err)
	}
	return &replica[S, R]{t, rows}, nil
}

func (t *typed[S, R]) data(q *Request, c Cell, replicate int) (*models.Data, error) {
	if t.Data == nil {
		return nil, fmt.Errorf("a replicate of %s has no data of its own", t.Name)
	}
	return t.Data(*q.spec.(*S), c, q.key(c.Name, replicate))
}

func (s *samples[S, R]) rows() int {
	n := 0
	for i := range s.list {
		n += len(s.list[i].Rows)
	}
	return n
}

func (s *samples[S, R]) each(yield func(cell string, replicate int, row []any) error) error {
	for _, x := range s.list {
		for i, r := range x.Rows {
			if err := yield(x.Cell.Name, x.Replicates[i], fieldValues(r)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *samples[S, R]) draw(q *Request, figure string) (Drawing, error) {
	var full []Sample[R]
	for _, x := range s.list {
		if len(x.Rows) > 0 {
			full = append(full, x)
		}
	}
	u := &models.UnknownNameError{What: "figure", Name: figure}
	for _, f := range s.t.Figures {
		if f.Name == figure {
			return f.Draw(*q.spec.(*S), full)
		}
		u.Known = append(u.Known, f.Name)
	}
	var none Drawing
	return none, u
}

func (s *samples[S, R]) replica(cell string, replicate int) (replicaRows, bool) {
	for _, x := range s.list {
		if x.Cell.Name != cell {
			continue
		}
		lo, found := slices.BinarySearch(x.Replicates, replicate)
		if !found {
			return nil, false
		}
		hi := lo
		for hi < len(x.Rows) && x.Replicates[hi] == replicate {
			hi++
		}
		return &replica[S, R]{s.t, x.Rows[lo:hi]}, true
	}
	return nil, false
}

// replica implements replicaRows.
type replica[S, R any] struct {
	t    *typed[S, R]
	rows []R
}

func (r *replica[S, R]) values() [][]any {
	out := make([][]any, len(r.rows))
	for i, row := range r.rows {
		out[i] = fieldValues(row)
	}
	return out
}

func (r *replica[S, R]) same(other replicaRows) bool {
	o, ok := other.(*replica[S, R])
	if !ok || len(o.rows) != len(r.rows) {
		return false
	}
	for i := range r.rows {
		if !r.t.table.Same(r.rows[i], o.rows[i]) {
			return false
		}
	}
	return true
}
