package layers

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// outsideModule makes a module of its own that requires this one through a
// replace directive, with one program, and returns the directory of this module
// and a function that runs the go command in the other, without network.
func outsideModule(t *testing.T, program string) (root string, run func(args ...string) string) {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":  "module example.com/user\n\ngo 1.25.0\n\nrequire " + self + " v0.0.0\n\nreplace " + self + " => " + root + "\n",
		"go.sum":  string(sums),
		"main.go": program,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return root, func(args ...string) string {
		t.Helper()
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=-mod=mod", "GOWORK=off")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
}

const self = "github.com/neuromanifold/neuromanifold"

// A program outside this module that imports models through a replace directive,
// as the README shows, compiles, runs and needs nothing but gonum and, for the
// kernels, golang.org/x/sys: no TOML, no Parquet, no plots, neither among the
// packages that are compiled nor in its go.mod after go mod tidy. Nothing is
// downloaded: what this module needs is there already.
func TestOutsideModuleNeedsOnlyGonum(t *testing.T) {
	root, run := outsideModule(t, `package main

import (
	"fmt"

	"`+self+`/models"
)

func main() {
	m, err := models.Parse("mixture:k=2,sd=1")
	if err != nil {
		panic(err)
	}
	l, err := m.Bind(&models.Data{N: 2, Q: 1, V: []float64{0, 1}})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%.6f\n", l.LogLik([]float64{0.5, 0, 0}))
}
`)
	run("mod", "tidy")

	own := func(path string) bool {
		return path == self || path == "example.com/user" || strings.HasPrefix(path, module)
	}
	small := func(path string) bool {
		return strings.HasPrefix(path, "gonum.org/v1/gonum") || strings.HasPrefix(path, "golang.org/x/sys")
	}
	for _, p := range strings.Fields(run("list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".")) {
		if !own(p) && !small(p) {
			t.Errorf("package %s is compiled into a program that imports models", p)
		}
	}
	for _, m := range strings.Fields(run("mod", "edit", "-print")) {
		if first, _, ok := strings.Cut(m, "/"); ok && strings.Contains(first, ".") && !own(m) && !small(m) && m != root {
			t.Errorf("go.mod of a program that imports models names %s", m)
		}
	}
	// Two observations, both components N(0, 1): -log 2π - 1/2.
	if got := run("run", "."); got != "-2.337877\n" {
		t.Errorf("the program prints %q", got)
	}
}

// The program of the README compiles and runs outside this module.
func TestProgramOfREADME(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "\n```go\n")
	program, _, closed := strings.Cut(rest, "\n```\n")
	if !ok || !closed {
		t.Fatal("the README has no program")
	}
	_, run := outsideModule(t, program)
	run("mod", "tidy")
	if got := run("run", "."); !strings.Contains(got, "converged") {
		t.Errorf("the program prints %q", got)
	}
}
