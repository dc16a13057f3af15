package experiments

import (
	"fmt"
	"slices"
	"strings"

	"github.com/neuromanifold/neuromanifold/models"
)

// A Registered is an experiment whose type parameters have been erased: what
// the command line lists, describes and runs.
type Registered struct {
	Name, Doc       string
	Version         int
	Cite            []string
	Replicates      int // per cell where the spec does not say
	SmokeReplicates int
	Chunk           int
	Keys            []KeyDoc // of the table [spec], in order
	Columns         []Column // of a row, in order, without cell and replicate
	Figures         []FigDoc
	HasData         bool // a replicate has data that can be written out
	impl            impl
}

// A KeyDoc documents one key of a spec.
type KeyDoc struct {
	Name    string // as "n" or "model.family"
	Type    string // as "integers"
	Default string // in TOML
	Doc     string
}

// A FigDoc documents one figure.
type FigDoc struct{ Name, Doc string }

// Summary is the first line of the experiment's documentation.
func (e *Registered) Summary() string {
	line, _, _ := strings.Cut(e.Doc, "\n")
	return line
}

var registry []*Registered

// register adds an experiment; every experiment's file calls it once, as
// var lrtMixture = register(Experiment[…]{…}). It panics on what only the
// author of the experiment can have got wrong.
func register[S, R any](e Experiment[S, R]) *Registered {
	r, err := newRegistered(e)
	if err != nil {
		panic("experiments: " + e.Name + ": " + err.Error())
	}
	if slices.ContainsFunc(registry, func(o *Registered) bool { return o.Name == r.Name }) {
		panic("experiments: " + r.Name + " registered twice")
	}
	registry = append(registry, r)
	slices.SortFunc(registry, func(a, b *Registered) int { return strings.Compare(a.Name, b.Name) })
	return r
}

// All returns the registered experiments, sorted by name.
func All() []*Registered { return slices.Clone(registry) }

// Lookup returns the experiment of that name. The error of an unknown name is a
// *models.UnknownNameError, which knows the nearest ones.
func Lookup(name string) (*Registered, error) {
	names := make([]string, len(registry))
	for i, e := range registry {
		if e.Name == name {
			return e, nil
		}
		names[i] = e.Name
	}
	return nil, &models.UnknownNameError{What: "experiment", Name: name, Known: names}
}

// KeyError is the error of a Check function about one key of the spec: the
// engine adds file, line and column.
func KeyError(key, format string, args ...any) error {
	return &keyError{key, fmt.Sprintf(format, args...)}
}

type keyError struct{ key, msg string }

func (e *keyError) Error() string { return e.key + ": " + e.msg }
