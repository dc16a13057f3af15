package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"github.com/neuromanifold/neuromanifold/internal/runs"
)

var update = flag.Bool("update", false, "rewrite the expected output of the test scripts")

// TestMain lets the test binary be the program: test scripts and the kill test
// run it under the name simulate.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"simulate": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           filepath.Join("testdata", "script"),
		UpdateScripts: *update,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"json":  jsonCommand,
			"exits": exitsCommand,
			"aged":  agedCommand,
		},
	})
}

// exitsCommand implements "exits CODE COMMAND…", which wants that exit status;
// "exits !CODE COMMAND…" wants another one.
func exitsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || neg {
		ts.Fatalf("usage: exits CODE COMMAND…")
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit := (*exec.ExitError)(nil)
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	code, not := strings.CutPrefix(args[0], "!")
	want, err := strconv.Atoi(code)
	ts.Check(err)
	if (got == want) == not {
		ts.Fatalf("exit status %d, want %s", got, args[0])
	}
}

// agedCommand implements "aged DIR VERSION": the run in DIR becomes one that
// another version of its experiment has made, its manifest sound.
func agedCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 || neg {
		ts.Fatalf("usage: aged DIR VERSION")
	}
	file := filepath.Join(ts.MkAbs(args[0]), "manifest.json")
	m, err := runs.ParseManifest(strings.NewReader(ts.ReadFile(file)))
	ts.Check(err)
	m.Identity.Version, err = strconv.Atoi(args[1])
	ts.Check(err)
	m.Hash = m.Identity.Hash()
	b, err := m.Encode()
	ts.Check(err)
	ts.Check(os.WriteFile(file, b, 0o666))
}

// jsonCommand implements "json FILE PATH [VALUE [TOLERANCE]]": FILE (stdout
// allowed) is exactly one JSON object, and the value at PATH, as
// maxima.0.loglik, exists and, if VALUE is given, equals it: a number within
// TOLERANCE, anything else as JSON text. "json FILE PATH #N" wants a list of N.
func jsonCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || neg {
		ts.Fatalf("usage: json FILE PATH [VALUE [TOLERANCE]]")
	}
	dec := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	var v any
	if err := dec.Decode(&v); err != nil {
		ts.Fatalf("%s: %v", args[0], err)
	}
	if _, ok := v.(map[string]any); !ok {
		ts.Fatalf("%s is no object", args[0])
	}
	if dec.More() {
		ts.Fatalf("%s holds more than one value", args[0])
	}
	for key := range strings.SplitSeq(args[1], "/") {
		switch x := v.(type) {
		case map[string]any:
			y, ok := x[key]
			if !ok {
				ts.Fatalf("%s: no field %s", args[1], key)
			}
			v = y
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(x) {
				ts.Fatalf("%s: no element %s of %d", args[1], key, len(x))
			}
			v = x[i]
		default:
			ts.Fatalf("%s: %v has no fields", args[1], v)
		}
	}
	if len(args) == 2 {
		return
	}
	want := args[2]
	if n, ok := strings.CutPrefix(want, "#"); ok {
		if list, ok := v.([]any); !ok || strconv.Itoa(len(list)) != n {
			ts.Fatalf("%s is %v, want a list of %s", args[1], v, n)
		}
		return
	}
	if x, ok := v.(float64); ok {
		w, err := strconv.ParseFloat(want, 64)
		ts.Check(err)
		tol := 0.0
		if len(args) > 3 {
			tol, err = strconv.ParseFloat(args[3], 64)
			ts.Check(err)
		}
		if d := x - w; d > tol || -d > tol {
			ts.Fatalf("%s is %v, want %v within %v", args[1], x, w, tol)
		}
		return
	}
	got, err := json.Marshal(v)
	ts.Check(err)
	if string(got) != want && string(got) != strconv.Quote(want) {
		ts.Fatalf("%s is %s, want %s", args[1], got, want)
	}
}

// call runs the program in this process.
func call(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = Main(args, strings.NewReader(""), &out, &err)
	return code, out.String(), err.String()
}

// makeRun makes the run directory runs/small, which the examples use, in a new
// working directory.
func makeRun(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	if code, _, stderr := call(t, "run", "normal-mean", "--set", "n=5,50", "--replicates", "200", "--out", "runs/small"); code != 0 {
		t.Fatalf("exit status %d: %s", code, stderr)
	}
}

// Every command ends its help with two examples, and they run.
func TestExamplesOfHelp(t *testing.T) {
	makeRun(t)
	root := newApp(os.Stdin, os.Stdout, os.Stderr).root
	for _, c := range append([]*cobra.Command{root}, root.Commands()...) {
		lines := strings.Split(c.Example, "\n")
		if len(lines) != 2 {
			t.Errorf("%s has %d examples, want 2", c.Name(), len(lines))
		}
		path := []string{"help", c.Name()}
		if c == root {
			path = []string{"help"}
		}
		if code, help, _ := call(t, path...); code != 0 || !strings.HasSuffix(help, c.Example+"\n") {
			t.Errorf("help of %s does not end with its examples (exit status %d):\n%s", c.Name(), code, help)
		}
		for _, line := range lines {
			runLine(t, line)
		}
	}
}

// The commands of the manual run.
func TestManual(t *testing.T) {
	t.Chdir(t.TempDir())
	text, err := os.ReadFile(docFile)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		if line, ok := strings.CutPrefix(strings.TrimSpace(line), "//\t$ "); ok {
			runLine(t, line)
			n++
		}
	}
	if n < 10 {
		t.Errorf("the manual has %d commands, want at least 10", n)
	}
}

// docFile is found before any test changes the working directory.
var docFile = func() string {
	p, err := filepath.Abs("doc.go")
	if err != nil {
		panic(err)
	}
	return p
}()

func runLine(t *testing.T, line string) {
	t.Helper()
	words := strings.Fields(line)
	if words[0] != "simulate" {
		t.Errorf("%q does not begin with simulate", line)
		return
	}
	code, stdout, stderr := call(t, words[1:]...)
	if code != 0 || stdout == "" {
		t.Errorf("%s: exit status %d, %d bytes of output\n%s", line, code, len(stdout), stderr)
	}
}

// No command writes a stack trace, whatever it is given.
func TestNoArgumentPanics(t *testing.T) {
	t.Chdir(t.TempDir())
	root := newApp(os.Stdin, os.Stdout, os.Stderr).root
	for _, c := range root.Commands() {
		for _, args := range [][]string{{}, {""}, {"x"}, {"x", "y"}, {"-"}, {"--json"}, {"x", "--json"}, {"mixture:k="}, {"--data", "lh"}} {
			code, _, stderr := call(t, append([]string{c.Name()}, args...)...)
			if code < 0 || code > 3 || strings.Contains(stderr, "goroutine") {
				t.Errorf("%s %q: exit status %d: %s", c.Name(), args, code, stderr)
			}
			if code != 0 && !strings.Contains(stderr, "simulate: ") {
				t.Errorf("%s %q: exit status %d without a message: %s", c.Name(), args, code, stderr)
			}
		}
	}
}
