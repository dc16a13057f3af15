package experiments

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/internal/runs"
	"github.com/neuromanifold/neuromanifold/internal/vec"
	"github.com/neuromanifold/neuromanifold/models"
)

// DefaultSeed is the seed of a spec that names none.
const DefaultSeed = 1

// Kernel names the arithmetic of the numerical kernels in the identity of runs.
// Which instructions they use on a machine makes no difference to their bits.
const Kernel = vec.Version

// A Request is a decoded, filled-in and checked spec: everything that a run
// depends on.
type Request struct {
	Experiment *Registered
	Seed       uint64
	Replicates int    // per cell
	File       string // where the spec came from, "" for the defaults
	spec       any    // *S
	cells      []Cell
}

// A SpecError says what is wrong with a spec, and where.
type SpecError struct {
	File         string // or "--set key=value"
	Line, Column int    // from 1; 0 where there is no position
	Msg          string
	Excerpt      string   // the line
	Near         []string // the nearest known names, for a hint
}

// Error returns "file:line:column: message" and, where there is a position, the
// line with a mark under the column.
func (e *SpecError) Error() string {
	where := e.File
	if e.Line > 0 {
		where = fmt.Sprintf("%s:%d:%d", e.File, e.Line, e.Column)
	}
	s := e.Msg
	if where != "" {
		s = where + ": " + s
	}
	if e.Excerpt != "" {
		s += fmt.Sprintf("\n  %s\n  %s^", e.Excerpt, strings.Repeat(" ", max(0, e.Column-1)))
	}
	return s
}

// Nearest returns the names that may have been meant.
func (e *SpecError) Nearest() []string { return e.Near }

// Default returns the request of a run without a spec file, with settings of
// the form key=value.
func (e *Registered) Default(set ...string) (*Request, error) {
	q := &Request{Experiment: e, Seed: DefaultSeed, Replicates: e.Replicates, spec: e.impl.defaults()}
	return q.finish(nil, set)
}

// Smoke returns the small request of the experiment's own test.
func (e *Registered) Smoke() (*Request, error) {
	q := &Request{Experiment: e, Seed: DefaultSeed, Replicates: e.SmokeReplicates, spec: e.impl.smoke()}
	return q.finish(nil, nil)
}

// ParseSpec decodes a spec in TOML over the defaults of its experiment and then
// applies settings of the form key=value, which address the table [spec]. file
// is for messages only. What is wrong with the text is a *SpecError.
func ParseSpec(file string, text []byte, set ...string) (*Request, error) {
	doc := &document{file: file, text: text}
	if err := doc.scan(); err != nil {
		return nil, err
	}
	var head struct {
		Experiment any `toml:"experiment"`
	}
	if err := toml.Unmarshal(text, &head); err != nil {
		return nil, doc.decodeError(err, nil)
	}
	name, ok := head.Experiment.(string)
	if head.Experiment == nil {
		return nil, doc.errorf("", "the key experiment is missing: it names the experiment, as experiment = %q", "lrt-mixture")
	} else if !ok {
		return nil, doc.errorf("experiment", "experiment: want a text")
	}
	e, err := Lookup(name)
	if err != nil {
		return nil, doc.wrap("experiment", err)
	}

	q := &Request{Experiment: e, Seed: DefaultSeed, Replicates: e.Replicates, File: file, spec: e.impl.defaults()}
	spec := reflect.ValueOf(q.spec).Elem()
	doc.clearReplaced(spec, "spec")
	target := reflect.New(reflect.StructOf([]reflect.StructField{
		{Name: "Experiment", Type: reflect.TypeFor[string](), Tag: `toml:"experiment"`},
		{Name: "Seed", Type: reflect.TypeFor[int64](), Tag: `toml:"seed"`},
		{Name: "Replicates", Type: reflect.TypeFor[int64](), Tag: `toml:"replicates"`},
		{Name: "Spec", Type: spec.Type(), Tag: `toml:"spec"`},
	}))
	target.Elem().Field(1).SetInt(int64(q.Seed))
	target.Elem().Field(2).SetInt(int64(q.Replicates))
	target.Elem().Field(3).Set(spec)
	known := []KeyDoc{{Name: "experiment", Type: "a text"}, {Name: "seed", Type: "a whole number from 0 to 2^63-1"}, {Name: "replicates", Type: "a whole number"}, {Name: "spec", Type: "a table"}}
	for _, k := range e.Keys {
		known = append(known, KeyDoc{Name: "spec." + k.Name, Type: k.Type})
	}
	if err := strict(text, target.Interface()); err != nil {
		return nil, doc.decodeError(err, known)
	}
	seed, replicates := target.Elem().Field(1).Int(), target.Elem().Field(2).Int()
	if seed < 0 {
		return nil, doc.errorf("seed", "seed: want a whole number from 0 to 2^63-1")
	}
	if replicates < 1 || replicates > maxReplicates {
		return nil, doc.errorf("replicates", "replicates: want a whole number from 1 to %d", maxReplicates)
	}
	q.Seed, q.Replicates = uint64(seed), int(replicates)
	spec.Set(target.Elem().Field(3))
	return q.finish(doc, set)
}

// maxReplicates keeps the numbers in names of chunks at eight digits.
const maxReplicates = 99_999_999

func strict(text []byte, target any) error {
	return toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(target)
}

// finish applies settings, fills in models, checks and lays out the cells. doc
// is nil where there is no file.
func (q *Request) finish(doc *document, set []string) (*Request, error) {
	if doc == nil {
		doc = &document{}
	}
	for _, kv := range set {
		if err := q.set(kv); err != nil {
			return nil, err
		}
	}
	if err := normalizeModels(reflect.ValueOf(q.spec).Elem(), ""); err != nil {
		var me *modelError
		if errors.As(err, &me) {
			return nil, doc.wrap("spec."+me.key, me.err)
		}
		return nil, err
	}
	if err := q.Experiment.impl.check(q.spec); err != nil {
		if ke := (*keyError)(nil); errors.As(err, &ke) {
			return nil, doc.errorf("spec."+ke.key, "%s", ke.Error())
		}
		return nil, doc.errorf("spec", "%s", err.Error())
	}
	q.cells = q.Experiment.impl.cells(q.spec)
	if len(q.cells) == 0 {
		return nil, doc.errorf("spec", "the spec describes no cell: one of its lists is empty")
	}
	seen := map[string]bool{}
	for _, c := range q.cells {
		if seen[c.Name] {
			return nil, doc.errorf("spec", "the spec describes cell %s twice", c.Name)
		}
		if len(c.Name) > 200 || strings.HasPrefix(c.Name, ".") {
			return nil, doc.errorf("spec", "cell name %q is too long for a file or begins with a dot", c.Name)
		}
		seen[c.Name] = true
	}
	return q, nil
}

// normalizeModels checks the models of a spec; its error is a *modelError.
func normalizeModels(v reflect.Value, prefix string) error {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := prefix + tomlName(f)
		if f.Type == modelSpecType {
			m := v.Field(i).Interface().(ModelSpec)
			if err := m.normalize(); err != nil {
				// The errors of a family's keys are "key NAME …" or about an
				// unknown name.
				key := name + ".family"
				if rest, ok := strings.CutPrefix(err.Error(), "key "); ok {
					word, _, _ := strings.Cut(rest, " ")
					key = name + "." + word
				}
				u := (*models.UnknownNameError)(nil)
				if errors.As(err, &u) && strings.HasPrefix(u.What, "key of") {
					key = name + "." + u.Name
				}
				return &modelError{key, err}
			}
		} else if f.Type.Kind() == reflect.Struct {
			if err := normalizeModels(v.Field(i), name+"."); err != nil {
				return err
			}
		}
	}
	return nil
}

// A modelError is what is wrong with one key of a model.
type modelError struct {
	key string
	err error
}

func (e *modelError) Error() string { return e.key + ": " + e.err.Error() }

// set applies one setting key=value. The value is written as in TOML; quotes
// around a text and brackets around a list may be left out, and a model may be
// given in its text form.
func (q *Request) set(kv string) error {
	where := "--set " + kv
	key, value, ok := strings.Cut(kv, "=")
	key, value = strings.TrimPrefix(strings.TrimSpace(key), "spec."), strings.TrimSpace(value)
	if !ok || key == "" {
		return &SpecError{File: where, Msg: "want key=value"}
	}
	spec := reflect.ValueOf(q.spec).Elem()
	f, inModel, err := findKey(spec, key)
	if err != nil {
		u := &models.UnknownNameError{What: "key of the spec", Name: key}
		for _, k := range q.Experiment.Keys {
			u.Known = append(u.Known, k.Name)
		}
		return &SpecError{File: where, Msg: u.Error(), Near: u.Nearest()}
	}
	switch {
	case inModel != "":
		m := f.Interface().(ModelSpec)
		value = strings.Trim(value, `"'`)
		if inModel == "family" && value != fmt.Sprint(m["family"]) {
			clear(m)
		}
		m[inModel] = value
		return nil
	case f.Type() == modelSpecType:
		f.Set(reflect.ValueOf(ModelText(strings.Trim(value, `"'`))))
		return nil
	case f.Kind() == reflect.Slice && !strings.HasPrefix(value, "["):
		if f.Type().Elem().Kind() == reflect.String {
			var quoted []string
			for part := range strings.SplitSeq(value, ",") {
				quoted = append(quoted, tomlText(strings.Trim(strings.TrimSpace(part), `"'`)))
			}
			value = strings.Join(quoted, ", ")
		}
		value = "[" + value + "]"
	case f.Kind() == reflect.String && !strings.HasPrefix(value, `"`) && !strings.HasPrefix(value, "'"):
		value = tomlText(value)
	}
	if strings.Contains(value, "\n") {
		return &SpecError{File: where, Msg: "the value spans several lines"}
	}
	// Decode into a new value, so that a list is replaced and not overwritten
	// in part.
	target := reflect.New(reflect.StructOf([]reflect.StructField{{Name: "V", Type: f.Type(), Tag: `toml:"v"`}}))
	if err := strict([]byte("v = "+value), target.Interface()); err != nil {
		return &SpecError{File: where, Msg: fmt.Sprintf("%s: want %s", key, typeName(f.Type()))}
	}
	f.Set(target.Elem().Field(0))
	return nil
}

// findKey returns the field of a dotted key; inModel is the key within a model
// table.
func findKey(v reflect.Value, key string) (f reflect.Value, inModel string, err error) {
	head, rest, dotted := strings.Cut(key, ".")
	for i := range v.NumField() {
		sf := v.Type().Field(i)
		if tomlName(sf) != head {
			continue
		}
		switch {
		case sf.Type == modelSpecType:
			return v.Field(i), rest, nil
		case sf.Type.Kind() == reflect.Struct && dotted:
			return findKey(v.Field(i), rest)
		case sf.Type.Kind() != reflect.Struct && !dotted:
			return v.Field(i), "", nil
		}
	}
	return reflect.Value{}, "", errors.New("no such key")
}

// Cells returns the cells of the run in order.
func (q *Request) Cells() []Cell { return slices.Clone(q.cells) }

// Canonical returns the filled-in spec, one "key = value" a line: it is TOML,
// and part of the identity of the run.
func (q *Request) Canonical() string {
	var b strings.Builder
	canonical(&b, reflect.ValueOf(q.spec).Elem(), "")
	return b.String()
}

// TOML returns the whole request as a spec file.
func (q *Request) TOML() string {
	return fmt.Sprintf("experiment = %s\nseed = %d\nreplicates = %d\n\n[spec]\n%s",
		tomlText(q.Experiment.Name), q.Seed, q.Replicates, q.Canonical())
}

// SetSeed changes the seed. It returns an error for a seed of 2^63 or more,
// which TOML could not hold.
func (q *Request) SetSeed(seed uint64) error {
	if seed > math.MaxInt64 {
		return fmt.Errorf("seed %d: want a whole number below 2^63", seed)
	}
	q.Seed = seed
	return nil
}

// SetReplicates changes the number of replicates per cell.
func (q *Request) SetReplicates(n int) error {
	if n < 1 || n > maxReplicates {
		return fmt.Errorf("replicates %d: want a whole number from 1 to %d", n, maxReplicates)
	}
	q.Replicates = n
	return nil
}

// Identity returns the identity of the run.
func (q *Request) Identity() runs.Identity {
	return runs.Identity{
		Experiment: q.Experiment.Name, Version: q.Experiment.Version, Seed: q.Seed,
		Stream: mc.StreamVersion, Arch: architecture(), Kernel: Kernel, Spec: q.Canonical(),
	}
}

// DefaultDir returns runs/NAME-HASH8, where a run goes that is not told where.
func (q *Request) DefaultDir() string {
	return filepath.Join("runs", q.Experiment.Name+"-"+q.Identity().Hash()[:8])
}

func (q *Request) cell(name string) (Cell, error) {
	u := &models.UnknownNameError{What: "cell", Name: name}
	for _, c := range q.cells {
		if c.Name == name {
			return c, nil
		}
		u.Known = append(u.Known, c.Name)
	}
	return Cell{}, u
}

func (q *Request) cellNames() []string {
	names := make([]string, len(q.cells))
	for i, c := range q.cells {
		names[i] = c.Name
	}
	return names
}

func (q *Request) key(cell string, replicate int) mc.Key {
	return mc.Key{Seed: q.Seed, Experiment: q.Experiment.Name, Cell: cell, Replicate: replicate}
}

// architecture names what the bits of a row depend on: GOARCH, and whether this
// build fuses x*y + z into one rounding, as the Go compiler does on arm64 and with
// GOAMD64=v3 but not in the default build for amd64.
func architecture() string {
	// 1 + 2⁻⁵² squared is 1 + 2⁻⁵¹ + 2⁻¹⁰⁴: only a fused operation keeps the last.
	x := math.Nextafter(1, 2)
	if fusedTail(x, x, -(1+2*(x-1))) != 0 {
		return runtime.GOARCH + "+fma"
	}
	return runtime.GOARCH
}

// fusedTail is x*y + z, not inlined so that it is computed at run time.
//
//go:noinline
func fusedTail(x, y, z float64) float64 { return x*y + z }
