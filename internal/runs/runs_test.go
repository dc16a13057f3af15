package runs

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/parquet-go/parquet-go"
)

type row struct {
	T      float64   `parquet:"t" unit:"nats" doc:"statistic"`
	N      int       `parquet:"n" doc:"count"`
	I      int64     `parquet:"i"`
	OK     bool      `parquet:"ok"`
	V      []float64 `parquet:"v" doc:"estimate"`
	Status string    `parquet:"status"`
}

func table(t *testing.T) *Table[row] {
	t.Helper()
	tab, err := NewTable[row]()
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

func records() []Record[row] {
	var rs []Record[row]
	for i := range 7 {
		rs = append(rs, Record[row]{"n=10", i, row{T: 1 / float64(i+1), N: i, I: -int64(i), OK: i%2 == 0, V: []float64{1, math.Inf(1), float64(i)}[:i%4%3], Status: "converged"}})
	}
	rs[2].Row.T = math.Inf(-1)
	rs[3].Row.T = math.NaN()
	return rs
}

func manifest(seed uint64) Manifest {
	return Manifest{
		Identity:   Identity{Experiment: "toy", Version: 1, Seed: seed, Stream: 1, Arch: "amd64", Kernel: "vec-1", Spec: "n = [10]\nsd = 1.0\n"},
		Replicates: 7, Chunk: 7, Cells: []string{"n=10"},
	}
}

func open(t *testing.T) (*Dir, *Table[row]) {
	t.Helper()
	d, err := Create(filepath.Join(t.TempDir(), "run"), manifest(1))
	if err != nil {
		t.Fatal(err)
	}
	tab := table(t)
	if err := tab.Write(d, "c.00000000-00000007", records()); err != nil {
		t.Fatal(err)
	}
	return d, tab
}

var sameRows = cmp.Options{cmpopts.EquateNaNs(), cmpopts.EquateEmpty()}

func TestChunkRoundTrip(t *testing.T) {
	d, tab := open(t)
	got, err := tab.Read(d, "c.00000000-00000007")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(records(), got, sameRows); diff != "" {
		t.Error(diff)
	}
	a, err := tab.Encode(d.Manifest.Hash, "c", records())
	if err != nil {
		t.Fatal(err)
	}
	b, err := tab.Encode(d.Manifest.Hash, "c", records())
	if err != nil || !bytes.Equal(a, b) {
		t.Errorf("two encodings differ, error %v", err)
	}
}

// What another tool sees: flat columns in order, with unit and documentation in
// the metadata of the file.
func TestChunkIsOrdinaryParquet(t *testing.T) {
	d, _ := open(t)
	data, err := os.ReadFile(d.ChunkFile("c.00000000-00000007"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range f.Schema().Columns() {
		names = append(names, strings.Join(c, "."))
	}
	if want := []string{"cell", "replicate", "t", "n", "i", "ok", "v", "status"}; !cmp.Equal(names, want) {
		t.Errorf("columns %v, want %v", names, want)
	}
	for key, want := range map[string]string{"column.t.unit": "nats", "column.t.doc": "statistic", keyRun: d.Manifest.Hash, keyRows: "7"} {
		if got, _ := f.Lookup(key); got != want {
			t.Errorf("metadata %s is %q, want %q", key, got, want)
		}
	}
	if c := f.Metadata().CreatedBy; strings.Contains(c, "parquet-go") {
		t.Errorf("created by %q: depends on the build", c)
	}
}

func TestChunkRefused(t *testing.T) {
	const name = "c.00000000-00000007"
	for what, tc := range map[string]struct {
		harm func(data []byte) []byte
		want string
	}{
		"truncated": {func(b []byte) []byte { return b[:len(b)/2] }, "truncated"},
		"empty":     {func([]byte) []byte { return nil }, "truncated"},
		"text":      {func([]byte) []byte { return []byte(strings.Repeat("hello ", 100)) }, "not a Parquet file"},
		"edited":    {func(b []byte) []byte { return bytes.Replace(b, []byte(name), []byte("d.00000000-00000007"), 1) }, "damaged"},
		"not a run's": {func([]byte) []byte {
			var b bytes.Buffer
			_ = parquet.Write(&b, []struct{ A int }{{1}})
			return b.Bytes()
		}, "foreign: it was not written by a run"},
	} {
		d, tab := open(t)
		file := d.ChunkFile(name)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, tc.harm(data), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err = tab.Read(d, name)
		var e *Error
		if !errors.As(err, &e) || e.File != file || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one about %s that says %q", what, err, file, tc.want)
		}
	}

	d, tab := open(t)
	other, err := Create(filepath.Join(t.TempDir(), "other"), manifest(2))
	if err != nil {
		t.Fatal(err)
	}
	data, _ := os.ReadFile(d.ChunkFile(name))
	if err := os.WriteFile(other.ChunkFile(name), data, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := tab.Read(other, name); err == nil || !strings.Contains(err.Error(), "foreign: it belongs to run "+d.Manifest.Hash[:8]) {
		t.Errorf("a chunk of another run: error %v", err)
	}
	data, _ = tab.Encode(other.Manifest.Hash, "another", records())
	if err := os.WriteFile(other.ChunkFile(name), data, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := tab.Read(other, name); err == nil || !strings.Contains(err.Error(), `foreign: it is chunk "another" under another name`) {
		t.Errorf("a renamed chunk: error %v", err)
	}
	if _, err := tab.Read(other, "missing"); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("a missing chunk: error %v", err)
	}
	type slim struct {
		Status string `parquet:"status"`
	}
	st, _ := NewTable[slim]()
	if _, err := st.Read(d, name); err == nil || !strings.Contains(err.Error(), "columns") {
		t.Errorf("other columns: error %v", err)
	}
}

// Every flipped bit and every truncation is noticed, before the Parquet reader
// sees the file.
func TestChunkDamage(t *testing.T) {
	tab := table(t)
	data, err := tab.Encode("run", "c", records())
	if err != nil {
		t.Fatal(err)
	}
	if err := checkSeal(data); err != nil {
		t.Fatal(err)
	}
	for i := range 8 * len(data) {
		data[i/8] ^= 1 << (i % 8)
		if err := checkSeal(data); err == nil {
			t.Fatalf("flipping bit %d goes unnoticed", i)
		}
		data[i/8] ^= 1 << (i % 8)
	}
	for n := range len(data) {
		if err := checkSeal(data[:n]); err == nil {
			t.Fatalf("truncation to %d bytes goes unnoticed", n)
		}
	}
}

func TestSame(t *testing.T) {
	tab := table(t)
	a := row{T: 1, V: []float64{1, math.NaN()}, Status: "converged"}
	b := a
	b.V = []float64{1, math.NaN()}
	if !tab.Same(a, b) || !tab.Same(row{V: []float64{}}, row{}) {
		t.Error("equal rows differ")
	}
	if b.T = math.Nextafter(1, 2); tab.Same(a, b) {
		t.Error("rows that differ in one bit are the same")
	}
	if tab.Same(row{T: math.Copysign(0, -1)}, row{}) {
		t.Error("0 and -0 are the same")
	}
}

func TestBadRowTypes(t *testing.T) {
	check := func(name string, err error, want string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", name, err, want)
		}
	}
	_, err := NewTable[int]()
	check("no struct", err, "no struct")
	_, err = NewTable[struct{ A int }]()
	check("no name", err, "no column name")
	_, err = NewTable[struct {
		A int `parquet:"a"`
		B int `parquet:"a"`
	}]()
	check("twice", err, "twice")
	_, err = NewTable[struct {
		A map[string]int `parquet:"a"`
	}]()
	check("map", err, "map[string]int")
	_, err = NewTable[struct {
		A int `parquet:"cell"`
	}]()
	check("reserved", err, "twice")
}

func TestCreate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run")
	m := manifest(1)
	if _, err := Create(path, m); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(filepath.Join(path, "manifest.json"))
	m.Replicates = 3 // fewer than before: the directory keeps what it knows
	d, err := Create(path, m)
	if err != nil || d.Manifest.Replicates != 7 {
		t.Errorf("replicates %d, error %v", d.Manifest.Replicates, err)
	}
	if after, _ := os.ReadFile(filepath.Join(path, "manifest.json")); !bytes.Equal(before, after) {
		t.Error("the manifest was rewritten")
	}
	m.Replicates = 9
	if _, err := Create(path, m); err != nil {
		t.Fatal(err)
	}
	d, err = Open(path)
	if err != nil || d.Manifest.Replicates != 9 || d.Manifest.Hash != m.Identity.Hash() {
		t.Errorf("%+v, error %v", d, err)
	}

	m.Identity.Version, m.Identity.Seed, m.Identity.Spec = 2, 5, "n = [10, 20]\nbound = 3.0\n"
	_, err = Create(path, m)
	var mm *MismatchError
	if !errors.As(err, &mm) {
		t.Fatalf("another identity: error %v", err)
	}
	want := []Difference{
		{"version", "1", "2"}, {"seed", "1", "5"}, {"spec.n", "[10]", "[10, 20]"},
		{"spec.bound", "(none)", "3.0"}, {"spec.sd", "1.0", "(none)"},
	}
	if diff := cmp.Diff(want, mm.Diffs); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(err.Error(), "\n  spec.n: theirs [10], ours [10, 20]\n") {
		t.Errorf("message %q", err)
	}
}

func TestCreateRefusesOtherDirectories(t *testing.T) {
	path := t.TempDir()
	if err := os.WriteFile(filepath.Join(path, "thesis.tex"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(path, manifest(1)); err == nil || !strings.Contains(err.Error(), "thesis.tex") {
		t.Errorf("a directory of something else: error %v", err)
	}
	es, _ := os.ReadDir(path)
	if len(es) != 1 {
		t.Errorf("the directory holds %v", es)
	}
	file := filepath.Join(path, "thesis.tex")
	if _, err := Create(file, manifest(1)); err == nil {
		t.Error("a file was taken for a directory")
	}
	if _, err := Create(filepath.Join(file, "run"), manifest(1)); err == nil {
		t.Error("a directory below a file")
	}
	if _, err := Open(t.TempDir()); !errors.Is(err, ErrNotRun) {
		t.Errorf("an empty directory: error %v", err)
	}
	if os.Getuid() != 0 { // root may write anywhere
		ro := t.TempDir()
		if err := os.Chmod(ro, 0o555); err != nil {
			t.Fatal(err)
		}
		if _, err := Create(filepath.Join(ro, "run"), manifest(1)); !errors.Is(err, os.ErrPermission) {
			t.Errorf("an unwritable directory: error %v", err)
		}
	}
}

// A process that died while writing leaves temporary files, which are neither
// chunks nor in the way.
func TestTemporaryFilesAreIgnored(t *testing.T) {
	d, _ := open(t)
	for _, name := range []string{"chunks/.tmp-1", "chunks/.tmp-2.parquet", ".tmp-3"} {
		if err := os.WriteFile(filepath.Join(d.Path, name), []byte("half"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	names, err := d.Chunks()
	if err != nil || !cmp.Equal(names, []string{"c.00000000-00000007"}) {
		t.Errorf("chunks %v, error %v", names, err)
	}
}

func TestIdentityHash(t *testing.T) {
	base := manifest(1).Identity
	seen := map[string]bool{base.Hash(): true}
	v := reflect.ValueOf(&base).Elem()
	for i := range v.NumField() {
		id := base
		switch f := reflect.ValueOf(&id).Elem().Field(i); f.Kind() {
		case reflect.String:
			f.SetString(f.String() + "x")
		case reflect.Int:
			f.SetInt(f.Int() + 1)
		case reflect.Uint64:
			f.SetUint(f.Uint() + 1)
		}
		if seen[id.Hash()] {
			t.Errorf("field %s does not change the hash", v.Type().Field(i).Name)
		}
		seen[id.Hash()] = true
	}
}

func FuzzParseManifest(f *testing.F) {
	m := manifest(1)
	m.Format, m.Hash = Format, m.Identity.Hash()
	text, err := m.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"format": 2}`))
	f.Add([]byte(`{"format": 1, "colour": "red"}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ParseManifest(bytes.NewReader(text))
		if err != nil {
			return
		}
		again, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParseManifest(bytes.NewReader(again))
		if err != nil || !cmp.Equal(m, back) {
			t.Errorf("%s\nreads back as %+v, error %v", again, back, err)
		}
	})
}

func TestParseManifestErrors(t *testing.T) {
	m := manifest(1)
	m.Format, m.Hash = Format, m.Identity.Hash()
	good, _ := m.Encode()
	for _, tc := range []struct{ old, new, want string }{
		{`"seed": 1`, `"seed": 2`, "edited"},
		{`"format": 1`, `"format": 9`, "format 9"},
		{`"chunk": 7`, `"chunk": 0`, "chunks of 0"},
		{`"chunk": 7`, `"chunkk": 7`, "unknown field"},
		{`"experiment": "toy"`, `"experiment": ""`, "no experiment"},
		{"}\n", "", "unexpected end"},
	} {
		text := strings.Replace(string(good), tc.old, tc.new, 1)
		if tc.new == "" {
			text = string(good[:len(good)-10])
		}
		if _, err := ParseManifest(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want %q", tc.new, err, tc.want)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	tab, err := NewTable[row]()
	if err != nil {
		b.Fatal(err)
	}
	rs := make([]Record[row], 1000)
	for i := range rs {
		rs[i] = Record[row]{"n=10", i, row{T: math.Sqrt(float64(i)), V: []float64{1, 2, float64(i)}, Status: "converged"}}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tab.Encode("run", "c", rs); err != nil {
			b.Fatal(err)
		}
	}
}
