package experiments

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/internal/runs"
)

var background = context.Background()

func toyRequest(t *testing.T, replicates int, set ...string) *Request {
	t.Helper()
	q, err := toy.Default(set...)
	if err != nil {
		t.Fatal(err)
	}
	if err := q.SetReplicates(replicates); err != nil {
		t.Fatal(err)
	}
	return q
}

func run(t *testing.T, q *Request, o Options) *Run {
	t.Helper()
	r, err := q.Run(background, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// files returns the content of the chunk files of a run directory by name.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	es, err := os.ReadDir(filepath.Join(dir, "chunks"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, e := range es {
		b, err := os.ReadFile(filepath.Join(dir, "chunks", e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = string(b)
	}
	return out
}

func sameFiles(t *testing.T, what string, want, got map[string]string) {
	t.Helper()
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s: chunk %s differs or is missing", what, name)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: %d chunks, want %d", what, len(got), len(want))
	}
}

// The same bytes for 1 and 8 workers, in three shards, after an interruption,
// and when replicates are raised in steps.
func TestBytesDependOnNothing(t *testing.T) {
	tmp := t.TempDir()
	dir := func(name string) string { return filepath.Join(tmp, name) }
	one := run(t, toyRequest(t, 25), Options{Dir: dir("one"), Workers: 1})
	want := files(t, dir("one"))
	if len(want) != 4*3 {
		t.Fatalf("%d chunks, want 12", len(want))
	}
	for name := range want {
		if !strings.HasPrefix(name, "n=") || !strings.HasSuffix(name, ".parquet") {
			t.Errorf("chunk is called %s", name)
		}
	}

	run(t, toyRequest(t, 25), Options{Dir: dir("eight"), Workers: 8})
	sameFiles(t, "eight workers", want, files(t, dir("eight")))

	for _, i := range []int{2, 0, 1} {
		run(t, toyRequest(t, 25), Options{Dir: dir("shards"), Workers: 2, Shard: mc.Shard{Index: i, Count: 3}})
	}
	sameFiles(t, "three shards", want, files(t, dir("shards")))

	stop := errors.New("stop")
	for k := range 12 {
		ctx, cancel := context.WithCancelCause(background)
		_, err := toyRequest(t, 25).Run(ctx, Options{Dir: dir("resumed"), Workers: 3, Progress: func(p Progress) {
			if p.Chunks > k {
				cancel(stop)
			}
		}})
		cancel(nil)
		// The last one is cancelled when there is nothing left to stop.
		if n := len(files(t, dir("resumed"))); !errors.Is(err, stop) && k < 11 || n != k+1 {
			t.Fatalf("interruption %d: %d chunks, error %v", k, n, err)
		}
	}
	run(t, toyRequest(t, 25), Options{Dir: dir("resumed")})
	sameFiles(t, "resumed", want, files(t, dir("resumed")))

	for _, n := range []int{3, 12, 25} {
		run(t, toyRequest(t, n), Options{Dir: dir("raised"), Workers: 2})
	}
	sameFiles(t, "raised", want, files(t, dir("raised")))
	sameSummary(t, one, run(t, toyRequest(t, 25), Options{Dir: dir("raised")}))

	// A crash between writing the longer chunk and removing the shorter one
	// leaves both: nothing is counted twice, and the next run cleans up.
	run(t, toyRequest(t, 22), Options{Dir: dir("short")})
	for name, data := range files(t, dir("short")) {
		if err := os.WriteFile(filepath.Join(dir("one"), "chunks", name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(files(t, dir("one"))); n != 16 {
		t.Fatalf("%d files, want 16", n)
	}
	both, err := Open(dir("one"))
	if err != nil {
		t.Fatal(err)
	}
	sameSummary(t, both, run(t, toyRequest(t, 25), Options{Dir: dir("eight")}))
	run(t, toyRequest(t, 25), Options{Dir: dir("one")})
	sameFiles(t, "cleaned", want, files(t, dir("one")))

	// Fewer replicates than are there: the table is that of a fresh run.
	sameSummary(t, run(t, toyRequest(t, 22), Options{Dir: dir("one")}), run(t, toyRequest(t, 22), Options{Dir: dir("short")}))
}

func sameSummary(t *testing.T, a, b *Run) {
	t.Helper()
	text := func(r *Run) string {
		s, err := r.Summary(background)
		if err != nil {
			t.Fatal(err)
		}
		s.Run = ""
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if diff := cmp.Diff(text(a), text(b)); diff != "" {
		t.Errorf("summaries differ: %s", diff)
	}
}

func TestRunRefuses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	r := run(t, toyRequest(t, 10), Options{Dir: dir})

	_, err := toyRequest(t, 10, "bound=3", "n=1").Run(background, Options{Dir: dir})
	var mm *runs.MismatchError
	if !errors.As(err, &mm) || !cmp.Equal(mm.Diffs, []runs.Difference{{Field: "spec.n", Theirs: "[1, 2]", Ours: "[1]"}, {Field: "spec.bound", Theirs: "2.0", Ours: "3.0"}}) {
		t.Errorf("another spec: error %v", err)
	}

	file := r.Dir.ChunkFile("n=1,name=b.00000000-00000010")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what, name string, data []byte, want string) {
		t.Helper()
		path := r.Dir.ChunkFile(name)
		before, readErr := os.ReadFile(path)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		for verb, f := range map[string]func() error{
			"run":    func() error { _, err := toyRequest(t, 10).Run(background, Options{Dir: dir}); return err },
			"status": func() error { _, err := r.Status(); return err },
			"verify": func() error {
				v, err := r.Verify(background, 0)
				if err == nil && !v.OK() {
					return errors.New(strings.Join(v.Bad, "\n"))
				}
				return err
			},
		} {
			if err := f(); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: %s says %v, want %q and the file", what, verb, err, want)
			}
		}
		if readErr == nil {
			if err := os.WriteFile(path, before, 0o644); err != nil {
				t.Fatal(err)
			}
		} else if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	refused("truncated", "n=1,name=b.00000000-00000010", data[:len(data)-20], "truncated")
	refused("flipped", "n=1,name=b.00000000-00000010", append(append([]byte{}, data[:100]...), append([]byte{data[100] ^ 4}, data[101:]...)...), "damaged")
	refused("renamed", "n=1,name=a.00000000-00000010", data, "foreign")
	refused("another cell", "n=5,name=b.00000000-00000010", data, "foreign")
	refused("no chunk", "notes", data, "foreign")
	other := run(t, toyRequest(t, 10, "bound=3"), Options{Dir: filepath.Join(t.TempDir(), "other")})
	data, err = os.ReadFile(other.Dir.ChunkFile("n=1,name=b.00000000-00000010"))
	if err != nil {
		t.Fatal(err)
	}
	refused("another run's", "n=1,name=b.00000000-00000010", data, "foreign: it belongs to run")
	if _, err := toyRequest(t, 10).Run(background, Options{Dir: dir}); err != nil {
		t.Errorf("with everything put back: %v", err)
	}
}

func TestOpen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	a := run(t, toyRequest(t, 12, "text=x\"y", "bound=inf"), Options{Dir: dir})
	b, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if a.Identity() != b.Identity() || b.Replicates != 12 || !cmp.Equal(a.cellNames(), b.cellNames()) {
		t.Errorf("opened as %+v", b.Request)
	}
	s, err := b.Status()
	if err != nil || !s.Complete() || s.Chunks.Total != 8 || s.Rows != 4*(4*1+4*2+4*3) {
		t.Errorf("status %+v, error %v", s, err)
	}
	m := *b.Dir.Manifest
	m.Identity.Version = 2
	if _, err := runs.Create(filepath.Join(t.TempDir(), "old"), m); err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(t.TempDir(), "old")
	if _, err := runs.Create(old, m); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(old); err == nil || !strings.Contains(err.Error(), "version: theirs 2, ours 3") {
		t.Errorf("a run of another version: %v", err)
	}
}

func TestReplayAndVerify(t *testing.T) {
	r := run(t, toyRequest(t, 15), Options{Dir: filepath.Join(t.TempDir(), "run")})
	for _, rep := range []int{0, 3, 7, 14} { // NaN and infinity among them
		p, err := r.Replay(background, "n=2,name=a", rep)
		if err != nil || !p.Stored || !p.Identical || len(p.Rows) != 1+rep%3 {
			t.Errorf("replicate %d: %+v, error %v", rep, p, err)
		}
	}
	if _, err := r.Replay(background, "n=2", 0); err == nil || !strings.Contains(err.Error(), `unknown cell "n=2"`) {
		t.Errorf("error %v", err)
	}
	if _, err := r.Replay(background, "n=2,name=a", 15); err == nil {
		t.Error("a replicate beyond the last")
	}
	for _, n := range []int{0, 7, -1} {
		v, err := r.Verify(background, n)
		want := n
		if n < 0 {
			want = 60
		}
		if err != nil || !v.OK() || v.Recomputed != want || v.Chunks != 8 {
			t.Errorf("verify %d: %+v, error %v", n, v, err)
		}
	}
	// A chunk that is whole and of this run but holds other numbers is found by
	// computing again, and by nothing else.
	impl := toy.impl.(*typed[toySpec, toyRow])
	name := "n=1,name=a.00000000-00000010"
	recs, err := impl.table.Read(r.Dir, name)
	if err != nil {
		t.Fatal(err)
	}
	recs[0].Row.T += 1e-15
	if err := impl.table.Write(r.Dir, name, recs); err != nil {
		t.Fatal(err)
	}
	v, err := r.Verify(background, -1)
	if err != nil || !cmp.Equal(v.Differing, []string{"cell n=1,name=a, replicate 0"}) {
		t.Errorf("verify %+v, error %v", v, err)
	}
	if p, err := r.Replay(background, "n=1,name=a", 0); err != nil || p.Identical {
		t.Errorf("replay %+v, error %v", p, err)
	}
}

func TestPanicNamesReplicate(t *testing.T) {
	r, err := toyRequest(t, 25, "panic_at=13").Run(background, Options{Dir: filepath.Join(t.TempDir(), "run")})
	var p *mc.PanicError
	if !errors.As(err, &p) || err.Error() != "cell n=1,name=a, replicate 13: panic: models: slice length mismatch" {
		t.Errorf("error %v", err)
	}
	if n := len(files(t, r.Dir.Path)); n != 1 {
		t.Errorf("%d chunks were kept, want the one before it", n)
	}
}

func TestExport(t *testing.T) {
	r := run(t, toyRequest(t, 15), Options{Dir: filepath.Join(t.TempDir(), "run")})
	var b bytes.Buffer
	if err := r.Export(&b, "csv"); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(rows) != 1+4*30 || strings.Join(rows[0], " ") != "cell replicate t step v even status" {
		t.Errorf("%d rows, header %v, error %v", len(rows), rows[0], err)
	}
	b.Reset()
	if err := r.Export(&b, "json"); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Experiment string
		Seed       int
		Columns    []Column
		Rows       []struct {
			Cell      string
			Replicate int
			T         *float64
			V         []float64
			Status    string
		}
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil || len(got.Rows) != 120 || got.Experiment != "toy" || len(got.Columns) != 5 {
		t.Errorf("%+v, error %v", got, err)
	}
	for _, row := range got.Rows {
		if (row.T == nil) != (row.Status != Converged) {
			t.Errorf("row %+v", row)
		}
	}
	if err := r.Export(&b, "xml"); err == nil {
		t.Error("xml was exported")
	}
}

func TestPlan(t *testing.T) {
	q := toyRequest(t, 50)
	r := run(t, q, Options{Dir: filepath.Join(t.TempDir(), "run")})
	s, err := r.Summary(background)
	if err != nil {
		t.Fatal(err)
	}
	worst := 0.0
	for _, c := range s.Cells {
		worst = max(worst, float64(c.Stats[0].SE))
	}
	p, err := r.Plan(background, "t", worst/2)
	if err != nil || p.Replicates < 199 || p.Replicates > 201 || p.Pilot != 50 {
		t.Errorf("half the standard error of 50 replicates: %+v, error %v", p, err)
	}
	if p, err := q.Plan(background, "", 0.1, 2); err != nil || p.Column != "t" || p.Pilot != PilotReplicates || p.Replicates < 200 {
		t.Errorf("%+v, error %v", p, err)
	}
	for _, tc := range []struct {
		column string
		mcse   float64
	}{{"status", 1}, {"tt", 1}, {"t", 0}, {"t", -1}, {"t", 1e-9}} {
		if p, err := r.Plan(background, tc.column, tc.mcse); err == nil {
			t.Errorf("%+v gave %+v", tc, p)
		}
	}
}
