package experiments

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/neuromanifold/neuromanifold/models"
)

func TestCanonicalSpec(t *testing.T) {
	q, err := toy.Default()
	if err != nil {
		t.Fatal(err)
	}
	var model []string
	var rest []string
	for line := range strings.Lines(q.Canonical()) {
		if strings.HasPrefix(line, "model.") {
			model = append(model, line)
		} else {
			rest = append(rest, line)
		}
	}
	want := `n = [1, 2]
bound = 2.0
names = ["a", "b"]
count = 3
text = "say \"hi\""
fast = false
grid.points = 5
grid.at = [0.5, 1.0]
panic_at = -1
`
	if got := strings.Join(rest, ""); got != want {
		t.Error(cmp.Diff(want, got))
	}
	if want := []string{"model.family = \"mixture\"\n", "model.k = \"3\"\n"}; !cmp.Equal(model, want) {
		t.Errorf("model is %q, want %q", model, want)
	}
	// The canonical text is a spec, and its own canonical text.
	again, err := ParseSpec("again.toml", []byte(q.TOML()))
	if err != nil {
		t.Fatal(err)
	}
	if again.Canonical() != q.Canonical() || again.Identity() != q.Identity() || again.Replicates != 25 {
		t.Error(cmp.Diff(q.TOML(), again.TOML()))
	}
}

// A list in a spec replaces the default list and never writes into it.
func TestDefaultsAreNotTouched(t *testing.T) {
	before, _ := toy.Default()
	for range 2 {
		q, err := ParseSpec("x.toml", []byte("experiment = \"toy\"\n[spec]\nn = [7]\ngrid.at = []\nmodel.k = 4\nmodel.sd = \"free\""))
		if err != nil {
			t.Fatal(err)
		}
		s := q.spec.(*toySpec)
		if !reflect.DeepEqual(s.N, []int{7}) || len(s.Grid.At) != 0 || s.Model["k"] != "4" || s.Model["family"] != "mixture" || len(s.Model) != 2 {
			t.Errorf("spec %+v", s)
		}
	}
	if _, err := toy.Default("n=9", "model.k=4"); err != nil {
		t.Fatal(err)
	}
	after, _ := toy.Default()
	if before.Canonical() != after.Canonical() {
		t.Error(cmp.Diff(before.Canonical(), after.Canonical()))
	}
}

func TestSet(t *testing.T) {
	q, err := toy.Default("n=3,4", "bound=7", "names=x, y", "text=plain words", "fast=true", "grid.points=2", "grid.at=[1, 2.5]", "spec.count=8")
	if err != nil {
		t.Fatal(err)
	}
	want := toyDefault()
	want.N, want.Bound, want.Names, want.Text, want.Fast, want.Count = []int{3, 4}, 7, []string{"x", "y"}, "plain words", true, 8
	want.Grid = toyGrid{2, []float64{1, 2.5}}
	got := *q.spec.(*toySpec)
	want.Model = got.Model
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// Another family forgets the keys of the former one.
	if q, err = toy.Default("model.family=arma"); err != nil || len(q.spec.(*toySpec).Model) != 1 {
		t.Error(q, err)
	}
	for _, tc := range []struct{ set, want string }{
		{"n=three", "--set n=three: n: want a list of whole numbers"},
		{"bound=", "--set bound=: bound: want a number"},
		{"count=1.5", "--set count=1.5: count: want a whole number"},
		{"bond=1", `--set bond=1: unknown key of the spec "bond": known are n, bound,`},
		{"bound", "--set bound: want key=value"},
		{"bound=-1", "bound: -1: want a number above 0"},
		{"model=mixure:k=2", `unknown model family "mixure"`},
		{"n=1,1", "cell n=1,name=a twice"},
		{"n=", "no cell"},
	} {
		_, err := toy.Default(tc.set)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want %q", tc.set, err, tc.want)
		}
	}
	_, err = toy.Default("bond=1")
	if se := (*SpecError)(nil); !errors.As(err, &se) || len(se.Nearest()) == 0 || se.Nearest()[0] != "bound" {
		t.Errorf("nearest of %v", err)
	}
}

// Golden messages: file, line, column, what is wrong, what is allowed, and the
// line with a mark. Run with UPDATE=1 to rewrite them.
func TestSpecErrors(t *testing.T) {
	files, err := filepath.Glob("testdata/spec/*.toml")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d specs, error %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, err = ParseSpec(filepath.Base(file), text)
		if err == nil {
			t.Errorf("%s: no error", file)
			continue
		}
		got := err.Error() + "\n"
		if se := (*SpecError)(nil); !errors.As(err, &se) {
			t.Errorf("%s: error of type %T", file, err)
		} else if len(se.Nearest()) > 0 {
			got += "nearest: " + strings.Join(se.Nearest(), ", ") + "\n"
		}
		// The catalogues grow; the messages are about the rest.
		var experiments, families []string
		for _, e := range All() {
			experiments = append(experiments, e.Name)
		}
		for _, f := range models.Families() {
			families = append(families, f.Name)
		}
		got = strings.ReplaceAll(got, strings.Join(experiments, ", "), "EXPERIMENTS")
		got = strings.ReplaceAll(got, strings.Join(families, ", "), "FAMILIES")
		golden := strings.TrimSuffix(file, ".toml") + ".txt"
		if os.Getenv("UPDATE") == "1" {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s: %s", file, diff)
		}
	}
}

func FuzzParseSpec(f *testing.F) {
	files, _ := filepath.Glob("testdata/spec/*.toml")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	q, err := toy.Default()
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(q.TOML()))
	f.Fuzz(func(t *testing.T, text []byte) {
		q, err := ParseSpec("fuzz.toml", text)
		if err != nil {
			if se := (*SpecError)(nil); !errors.As(err, &se) {
				t.Fatalf("error of type %T: %v", err, err)
			}
			return
		}
		again, err := ParseSpec("again.toml", []byte(q.TOML()))
		if err != nil || again.Identity() != q.Identity() {
			t.Fatalf("%s\nreads back with error %v", q.TOML(), err)
		}
	})
}
