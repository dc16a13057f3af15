// Package layers tests what the source tree promises as a whole: imports go
// down only, randomness comes from arguments, and no clock reaches a result.
package layers

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/neuromanifold/neuromanifold/"

// above lists, for every package (or tree of packages), which packages of this
// module it may import. What is not listed may import nothing of the module, so
// a new package must find its place here; "*" is everything.
var above = map[string][]string{
	"models":              {"internal/vec"},
	"models/modeltest":    {"models", "singular"},
	"models/datasets":     {"models"},
	"singular":            {"models", "internal/vec"},
	"estimation":          {"models", "singular", "internal/vec"},
	"selection":           {"models", "singular", "estimation", "internal/vec"},
	"design":              {"models", "singular", "estimation", "internal/vec", "design/pkpd"},
	"design/pkpd":         {"models", "internal/vec", "internal/ode"},
	"dynamics":            {"models", "singular", "estimation", "internal/vec", "internal/ode"},
	"experiments":         {"models", "models/datasets", "singular", "estimation", "selection", "design", "design/pkpd", "dynamics", "internal/vec", "internal/mc", "internal/runs", "internal/figs"},
	"experiments/designs": {"models", "singular", "design", "design/pkpd", "experiments", "internal/figs"},
	"cmd/simulate":        {"*"},
	// Writes reference values; nothing imports it.
	"models/internal/arma40": {},

	"internal/mc":     {},
	"internal/runs":   {},
	"internal/figs":   {},
	"internal/vec":    {},
	"internal/ode":    {},
	"internal/layers": {},
}

// outside lists what packages may import from outside the module and the
// standard library: a package's path or a prefix that ends in "/". A package
// that is not listed may import anything.
var outside = map[string][]string{
	"models": {
		"gonum.org/v1/gonum/mat", "gonum.org/v1/gonum/blas", "gonum.org/v1/gonum/blas/", "gonum.org/v1/gonum/stat/distuv", "gonum.org/v1/gonum/integrate/quad",
		"gonum.org/v1/gonum/diff/fd", "gonum.org/v1/gonum/floats", "gonum.org/v1/gonum/mathext",
	},
	"singular":      {"gonum.org/v1/gonum/"},
	"estimation":    {"gonum.org/v1/gonum/"},
	"selection":     {"gonum.org/v1/gonum/"},
	"design":        {"gonum.org/v1/gonum/"},
	"design/pkpd":   {"gonum.org/v1/gonum/", "github.com/expr-lang/expr/parser", "github.com/expr-lang/expr/ast", "github.com/expr-lang/expr/file", "github.com/expr-lang/expr/conf"},
	"dynamics":      {"gonum.org/v1/gonum/"},
	"internal/mc":   {"golang.org/x/exp/rand"},
	"internal/runs": {"github.com/parquet-go/parquet-go", "github.com/parquet-go/parquet-go/"},
	"internal/figs": {"gonum.org/v1/plot", "gonum.org/v1/plot/"},
	"internal/vec":  {"golang.org/x/sys/cpu"},
}

type pkg struct {
	Dir, ImportPath string
	Standard        bool
	GoFiles         []string
	Imports         []string
}

// packages lists the packages of the module without their tests.
func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=Dir,ImportPath,GoFiles,Imports", module+"...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var ps []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); err == io.EOF {
			return ps
		} else if err != nil {
			t.Fatal(err)
		}
		ps = append(ps, p)
	}
}

func allowed(list []string, imp string) bool {
	return slices.ContainsFunc(list, func(a string) bool { return a == imp || strings.HasSuffix(a, "/") && strings.HasPrefix(imp, a) })
}

func TestImportsGoDownOnly(t *testing.T) {
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		if strings.HasPrefix(name, "notebooks") || strings.HasPrefix(name, "examples") {
			continue // users of the module, like any other
		}
		inside, known := above[name]
		if !known && len(p.GoFiles) > 0 {
			t.Errorf("package %s has no place in the layers: add it to this test", name)
			continue
		}
		for _, imp := range p.Imports {
			if in, ok := strings.CutPrefix(imp, module); ok {
				if !slices.Contains(inside, in) && !slices.Contains(inside, "*") {
					t.Errorf("%s imports %s, which is not below it", name, in)
				}
				continue
			}
			first, _, _ := strings.Cut(imp, "/")
			if list, limited := outside[name]; limited && strings.Contains(first, ".") && !allowed(list, imp) {
				t.Errorf("%s imports %s, which it may not", name, imp)
			}
		}
	}
}

// Packages whose results are bytes that must come out again: no clock and no
// global generator may reach them. The progress bar of cmd/simulate may look at
// the clock.
func TestNoHiddenInputs(t *testing.T) {
	exprand := 0
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		library := !strings.HasPrefix(name, "cmd/") && !strings.HasPrefix(name, "notebooks") && !strings.HasPrefix(name, "examples")
		fset := token.NewFileSet()
		for _, file := range p.GoFiles {
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, file), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			local := map[string]string{} // name in the file -> import path
			for _, spec := range f.Imports {
				imp, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				as := path.Base(imp)
				if imp == "math/rand/v2" {
					as = "rand"
				}
				if spec.Name != nil {
					as = spec.Name.Name
				}
				local[as] = imp
				switch {
				case imp == "math/rand":
					t.Errorf("%s/%s imports math/rand: use math/rand/v2", name, file)
				case imp == "golang.org/x/exp/rand":
					exprand++
					if name != "internal/mc" || file != "source.go" {
						t.Errorf("%s/%s imports golang.org/x/exp/rand: streams come from internal/mc", name, file)
					}
				}
			}
			ast.Inspect(f, func(n ast.Node) bool {
				sel, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				id, ok := sel.X.(*ast.Ident)
				if !ok {
					return true
				}
				at := fset.Position(n.Pos())
				switch local[id.Name] {
				case "time":
					if library && slices.Contains([]string{"Now", "Since", "Until"}, sel.Sel.Name) {
						t.Errorf("%s:%d: time.%s in a package whose results must not depend on the clock", at.Filename, at.Line, sel.Sel.Name)
					}
				case "math/rand/v2":
					// Types and constructors; everything else is the global generator.
					if !slices.Contains([]string{"Rand", "Source", "PCG", "ChaCha8", "Zipf", "New", "NewPCG", "NewChaCha8", "NewZipf"}, sel.Sel.Name) {
						t.Errorf("%s:%d: rand.%s uses the global generator", at.Filename, at.Line, sel.Sel.Name)
					}
				}
				return true
			})
			if library && name != "internal/mc" {
				ast.Inspect(f, func(n ast.Node) bool {
					if g, ok := n.(*ast.GoStmt); ok {
						t.Errorf("%s: a goroutine is started outside internal/mc", fset.Position(g.Pos()))
					}
					return true
				})
			}
		}
	}
	if exprand != 1 {
		t.Errorf("golang.org/x/exp/rand is imported %d times, want once", exprand)
	}
}
