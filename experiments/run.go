package experiments

import (
	"context"
	"fmt"
	"io"
	"runtime"

	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/internal/runs"
)

// Options say how a run is carried out. None of them changes a row.
type Options struct {
	Dir      string   // the run directory; DefaultDir if ""
	Workers  int      // GOMAXPROCS if 0
	Shard    mc.Shard // part of the run; the zero value is all of it
	Progress func(p Progress)
}

// Progress counts this process's share of a run. It is reported before the
// first and after every replicate, from the goroutine that called Run.
type Progress struct {
	Replicates, ReplicatesTotal int // over all cells, those in finished chunks included
	Chunks, ChunksTotal         int
	Skipped                     int // replicates in chunks that were there before
}

// A Run is a run directory with the request it belongs to.
type Run struct {
	*Request
	Dir *runs.Dir
}

// Run carries out the request in its directory: chunks that are there are
// checked and skipped, the others of the shard are computed. Interrupted by ctx,
// it keeps every finished chunk and returns ctx's cause together with the run;
// running again resumes. A directory of another identity is a
// *runs.MismatchError, a damaged or foreign chunk an error that names the file.
func (q *Request) Run(ctx context.Context, o Options) (*Run, error) {
	if o.Dir == "" {
		o.Dir = q.DefaultDir()
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	e := q.Experiment
	d, err := runs.Create(o.Dir, runs.Manifest{
		Identity: q.Identity(), Replicates: q.Replicates, Chunk: e.Chunk,
		Cells: q.cellNames(), Columns: e.Columns, Sources: e.Cite,
	})
	if err != nil {
		return nil, err
	}
	run := &Run{q, d}
	cover, _, err := run.chunks()
	if err != nil {
		return nil, err
	}
	have := map[mc.Chunk]int{} // by cell and first replicate: the end
	for _, c := range cover {
		have[mc.Chunk{Cell: c.Cell, Lo: c.Lo}] = c.Hi
	}

	var p Progress
	var todo []mc.Chunk
	for i, c := range mc.Chunks(q.cellNames(), q.Replicates, e.Chunk) {
		if !o.Shard.Has(i) {
			continue
		}
		p.ChunksTotal++
		p.ReplicatesTotal += c.N()
		hi := have[mc.Chunk{Cell: c.Cell, Lo: c.Lo}]
		if hi < c.Hi {
			todo = append(todo, c)
			continue
		}
		if _, err := e.impl.checkChunk(d, mc.Chunk{Cell: c.Cell, Lo: c.Lo, Hi: hi}); err != nil {
			return nil, err
		}
		p.Chunks++
		p.Replicates += c.N()
	}
	p.Skipped = p.Replicates
	report := func() {
		if o.Progress != nil {
			o.Progress(p)
		}
	}
	report()
	err = e.impl.simulate(ctx, q, d, todo, o.Workers, func(_ mc.Chunk, _ int, written bool) {
		p.Replicates++
		if written {
			p.Chunks++
		}
		report()
	})
	if err != nil {
		return run, err
	}
	return run, run.removeSuperseded()
}

// Open opens an existing run directory. The experiment must be registered with
// the version that made the run, and read its spec alike; otherwise the error
// is a *runs.MismatchError.
func Open(dir string) (*Run, error) {
	d, err := runs.Open(dir)
	if err != nil {
		return nil, err
	}
	id := d.Manifest.Identity
	e, err := Lookup(id.Experiment)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	ours := id
	ours.Version, ours.Stream = e.Version, mc.StreamVersion
	if ds := runs.Diff(id, ours); len(ds) > 0 {
		return nil, &runs.MismatchError{Dir: dir, Diffs: ds}
	}
	text := fmt.Sprintf("experiment = %s\n\n[spec]\n%s", tomlText(id.Experiment), id.Spec)
	q, err := ParseSpec(dir+"/manifest.json (its spec)", []byte(text))
	if err != nil {
		return nil, err
	}
	ours.Spec = q.Canonical()
	if ds := runs.Diff(id, ours); len(ds) > 0 {
		return nil, &runs.MismatchError{Dir: dir, Diffs: ds}
	}
	q.Seed, q.File = id.Seed, ""
	if err := q.SetReplicates(d.Manifest.Replicates); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return &Run{q, d}, nil
}

// chunks lists the chunks of the directory. A file that is no chunk of this run
// is an error: it would otherwise be left out in silence.
func (r *Run) chunks() (cover, superseded []mc.Chunk, err error) {
	names, err := r.Dir.Chunks()
	if err != nil {
		return nil, nil, err
	}
	cs := make([]mc.Chunk, len(names))
	for i, name := range names {
		c, err := mc.ParseChunk(name)
		if err == nil {
			_, err = r.cell(c.Cell)
		}
		if err != nil {
			return nil, nil, &runs.Error{File: r.Dir.ChunkFile(name), Err: fmt.Errorf("foreign: %w", err)}
		}
		cs[i] = c
	}
	cover, superseded = mc.Cover(cs)
	for i, c := range cover {
		if i > 0 && cover[i-1].Cell == c.Cell && c.Lo < cover[i-1].Hi {
			return nil, nil, &runs.Error{File: r.Dir.ChunkFile(c.Name()), Err: fmt.Errorf("foreign: its range overlaps that of chunk %s", cover[i-1].Name())}
		}
	}
	return cover, superseded, nil
}

// removeSuperseded removes the chunks whose replicates a longer chunk holds. A
// process that dies before this leaves files that reading ignores.
func (r *Run) removeSuperseded() error {
	_, superseded, err := r.chunks()
	if err != nil {
		return err
	}
	for _, c := range superseded {
		if err := r.Dir.Remove(c.Name()); err != nil {
			return err
		}
	}
	return nil
}

// Status says how much of a run is there.
type Status struct {
	Chunks struct {
		Done  int `json:"done"`
		Total int `json:"total"`
	} `json:"chunks"`
	Rows       int `json:"rows"`
	Replicates int `json:"replicates"` // per cell, wanted
}

// Complete reports whether every chunk is there.
func (s Status) Complete() bool { return s.Chunks.Done == s.Chunks.Total }

// Status reads the run, checks every chunk and counts.
func (r *Run) Status() (Status, error) {
	s := Status{Replicates: r.Replicates}
	cover, _, err := r.chunks()
	if err != nil {
		return s, err
	}
	have := map[mc.Chunk]int{}
	for _, c := range cover {
		n, err := r.Experiment.impl.checkChunk(r.Dir, c)
		if err != nil {
			return s, err
		}
		s.Rows += n
		have[mc.Chunk{Cell: c.Cell, Lo: c.Lo}] = c.Hi
	}
	for _, c := range mc.Chunks(r.cellNames(), r.Replicates, r.Experiment.Chunk) {
		s.Chunks.Total++
		if have[mc.Chunk{Cell: c.Cell, Lo: c.Lo}] >= c.Hi {
			s.Chunks.Done++
		}
	}
	return s, nil
}

func (r *Run) load() (results, error) {
	cover, _, err := r.chunks()
	if err != nil {
		return nil, err
	}
	return r.Experiment.impl.load(r.Dir, r.Request, cover, r.Replicates)
}

// Draw draws a figure of the experiment from the rows that are there.
func (r *Run) Draw(figure string) (Drawing, error) {
	x, err := r.load()
	if err != nil {
		var none Drawing
		return none, err
	}
	return x.draw(r.Request, figure)
}

// A Replayed is one replicate computed again.
type Replayed struct {
	Cell      string
	Replicate int
	Rows      []Row
	// Stored says whether the run holds the replicate; Identical whether all
	// its rows are the same to the bit.
	Stored, Identical bool
}

// Replay computes one replicate again and compares it with the stored one.
func (r *Run) Replay(ctx context.Context, cell string, replicate int) (*Replayed, error) {
	c, err := r.cell(cell)
	if err != nil {
		return nil, err
	}
	if replicate < 0 || replicate >= r.Replicates {
		return nil, fmt.Errorf("replicate %d: want a whole number from 0 to %d", replicate, r.Replicates-1)
	}
	again, err := r.Experiment.impl.recompute(ctx, r.Request, c, replicate)
	if err != nil {
		return nil, err
	}
	out := &Replayed{Cell: cell, Replicate: replicate}
	for _, v := range again.values() {
		out.Rows = append(out.Rows, r.row(cell, replicate, v))
	}
	cover, _, err := r.chunks()
	if err != nil {
		return nil, err
	}
	for _, ch := range cover {
		if ch.Cell == cell && ch.Lo <= replicate && replicate < ch.Hi {
			x, err := r.Experiment.impl.load(r.Dir, r.Request, []mc.Chunk{ch}, r.Replicates)
			if err != nil {
				return nil, err
			}
			stored, ok := x.replica(cell, replicate)
			out.Stored = ok
			out.Identical = ok && again.same(stored)
		}
	}
	return out, nil
}

// WriteData writes the data of one replicate as CSV with full precision:
// conditioning columns x1, x2, …, then modelled columns y1, y2, ….
func (q *Request) WriteData(w io.Writer, cell string, replicate int) error {
	c, err := q.cell(cell)
	if err != nil {
		return err
	}
	z, err := q.Experiment.impl.data(q, c, replicate)
	if err != nil {
		return err
	}
	return writeData(w, z)
}

// A Verdict is the result of Verify.
type Verdict struct {
	Chunks, Rows int      // that are whole and in their place
	Bad          []string // one message for each file that is not
	Recomputed   int      // replicates computed again
	Differing    []string // "cell, replicate" whose rows came out different
}

// OK reports whether nothing was wrong.
func (v *Verdict) OK() bool { return len(v.Bad) == 0 && len(v.Differing) == 0 }

// Verify checks every chunk of the run (readable, of this run, every row of
// every replicate as it was written) and computes the given number of
// replicates again, spread evenly over the stored ones, to compare them bit by
// bit; a negative number means all of them.
func (r *Run) Verify(ctx context.Context, recompute int) (*Verdict, error) {
	names, err := r.Dir.Chunks()
	if err != nil {
		return nil, err
	}
	v := new(Verdict)
	var good []mc.Chunk
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		c, err := mc.ParseChunk(name)
		if err == nil {
			_, err = r.cell(c.Cell)
		}
		if err != nil {
			v.Bad = append(v.Bad, r.Dir.ChunkFile(name)+": foreign: "+err.Error())
			continue
		}
		n, err := r.Experiment.impl.checkChunk(r.Dir, c)
		if err != nil {
			v.Bad = append(v.Bad, err.Error())
			continue
		}
		v.Chunks++
		v.Rows += n
		good = append(good, c)
	}
	good, _ = mc.Cover(good)
	total := 0
	for _, c := range good {
		total += c.N()
	}
	if recompute < 0 || recompute > total {
		recompute = total
	}
	// Replicate number floor(j·total/recompute) of the stored ones, j = 0, 1, ….
	at, j := 0, 0
	for _, c := range good {
		var stored results
		for ; j < recompute && j*total/recompute < at+c.N(); j++ {
			rep := c.Lo + j*total/recompute - at
			if stored == nil {
				if stored, err = r.Experiment.impl.load(r.Dir, r.Request, []mc.Chunk{c}, maxReplicates); err != nil {
					return nil, err
				}
			}
			cell, err := r.cell(c.Cell)
			if err != nil {
				return nil, err
			}
			again, err := r.Experiment.impl.recompute(ctx, r.Request, cell, rep)
			if err != nil {
				return nil, err
			}
			v.Recomputed++
			if old, ok := stored.replica(c.Cell, rep); !ok || !again.same(old) {
				v.Differing = append(v.Differing, fmt.Sprintf("cell %s, replicate %d", c.Cell, rep))
			}
		}
		at += c.N()
	}
	return v, nil
}
