package experiments

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/neuromanifold/neuromanifold/models"
)

// A document is the text of a spec with the places of its keys: the decoder
// reports positions for what it refuses itself, the checks that come after it
// need the same.
type document struct {
	file string
	text []byte
	keys map[string]place // by dotted key
}

type place struct{ line, column int }

// scan notes where every key and table is.
func (d *document) scan() error {
	d.keys = map[string]place{}
	var p unstable.Parser
	p.Reset(d.text)
	var table []string
	for p.NextExpression() {
		e := p.Expression()
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			table = d.note(&p, e, nil)
		case unstable.KeyValue:
			d.noteValue(&p, e, table)
		}
	}
	if err := p.Error(); err != nil {
		// The decoder finds the same and positions it.
		if err := toml.Unmarshal(d.text, new(map[string]any)); err != nil {
			return d.decodeError(err, nil)
		}
		return &SpecError{File: d.file, Msg: err.Error()}
	}
	return nil
}

func (d *document) noteValue(p *unstable.Parser, e *unstable.Node, table []string) {
	path := d.note(p, e, table)
	if v := e.Value(); v != nil && v.Kind == unstable.InlineTable {
		for it := v.Children(); it.Next(); {
			d.noteValue(p, it.Node(), path)
		}
	}
}

// note records the place of a key below prefix and returns its path.
func (d *document) note(p *unstable.Parser, e *unstable.Node, prefix []string) []string {
	path := slices.Clone(prefix)
	for it := e.Key(); it.Next(); {
		n := it.Node()
		path = append(path, string(n.Data))
		start := p.Shape(n.Raw).Start
		d.keys[strings.Join(path, ".")] = place{start.Line, start.Column}
	}
	return path
}

// has reports whether the document has the key.
func (d *document) has(key string) bool {
	_, ok := d.keys[key]
	return ok
}

// clearReplaced empties the defaults of lists that the document gives, and of
// models whose family it gives: these are replaced, not merged.
func (d *document) clearReplaced(v reflect.Value, prefix string) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := prefix + "." + tomlName(f)
		switch {
		case f.Type == modelSpecType && d.has(name+".family"), f.Type.Kind() == reflect.Slice && d.has(name):
			v.Field(i).SetZero()
		case f.Type.Kind() == reflect.Struct:
			d.clearReplaced(v.Field(i), name)
		}
	}
}

// errorf returns an error at the key, or at the nearest table above it that the
// document has.
func (d *document) errorf(key, format string, args ...any) *SpecError {
	e := &SpecError{File: d.file, Msg: fmt.Sprintf(format, args...)}
	for key != "" {
		if at, ok := d.keys[key]; ok {
			d.position(e, at.line, at.column)
			return e
		}
		dot := strings.LastIndexByte(key, '.')
		key = key[:max(dot, 0)]
	}
	return e
}

// wrap is errorf for an error that may know the nearest names.
func (d *document) wrap(key string, err error) *SpecError {
	e := d.errorf(key, "%s", err.Error())
	if u := (*models.UnknownNameError)(nil); errors.As(err, &u) {
		e.Near = u.Nearest()
	}
	return e
}

func (d *document) position(e *SpecError, line, column int) {
	e.Line, e.Column = line, column
	lines := strings.Split(string(d.text), "\n")
	if line >= 1 && line <= len(lines) {
		e.Excerpt = strings.TrimRight(strings.ReplaceAll(lines[line-1], "\t", " "), "\r")
	}
}

// decodeError puts an error of the decoder into words: known lists the keys
// with their types.
func (d *document) decodeError(err error, known []KeyDoc) *SpecError {
	var missing *toml.StrictMissingError
	var de *toml.DecodeError
	switch {
	case errors.As(err, &missing) && len(missing.Errors) > 0:
		de = &missing.Errors[0]
		u := &models.UnknownNameError{What: "key", Name: strings.Join(de.Key(), ".")}
		name, inSpec := strings.CutPrefix(u.Name, "spec.")
		if inSpec {
			u.What, u.Name = "key of [spec]", name
		}
		for _, k := range known {
			if name, ok := strings.CutPrefix(k.Name, "spec."); ok == inSpec {
				u.Known = append(u.Known, name)
			}
			// A table is a name too, where a table was meant.
			if table, _, ok := strings.Cut(strings.TrimPrefix(k.Name, "spec."), "."); ok && inSpec && !slices.Contains(u.Known, table) && !strings.Contains(u.Name, ".") {
				u.Known = append(u.Known, table)
			}
		}
		e := &SpecError{File: d.file, Msg: u.Error(), Near: u.Nearest()}
		line, column := de.Position()
		d.position(e, line, column)
		return e
	case errors.As(err, &de):
		line, column := de.Position()
		e := &SpecError{File: d.file, Msg: strings.TrimPrefix(de.Error(), "toml: ")}
		d.position(e, line, column)
		// A mismatch of types is better told in the words of the schema than
		// with the names of Go types.
		key := strings.Join(de.Key(), ".")
		if key == "" {
			key = d.keyAt(line)
		}
		for _, k := range known {
			if k.Name == key && key != "" {
				e.Msg = fmt.Sprintf("%s: want %s", key, k.Type)
			}
		}
		return e
	}
	return &SpecError{File: d.file, Msg: err.Error()}
}

// keyAt returns the longest key that begins on the line, or the nearest one
// above it.
func (d *document) keyAt(line int) string {
	best, at := "", place{}
	for key, p := range d.keys {
		if p.line <= line && (p.line > at.line || p.line == at.line && (len(key) > len(best) || len(key) == len(best) && key < best)) {
			best, at = key, p
		}
	}
	return best
}
