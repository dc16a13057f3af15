package experiments

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// A Document is the text of a TOML file of any kind with the places of its keys,
// so that what is wrong with a value is reported with line, column and excerpt,
// whether the decoder finds it or a later check.
type Document struct{ d document }

// ParseDocument reads the text; file is for messages only. What is wrong with it
// is a *SpecError.
func ParseDocument(file string, text []byte) (*Document, error) {
	d := &Document{document{file: file, text: text}}
	if err := d.d.scan(); err != nil {
		return nil, err
	}
	return d, nil
}

// Decode fills target, a pointer to a struct with toml tags, and refuses unknown
// keys with the nearest known ones. Tables of tables are maps to structs; their
// names are free.
func (d *Document) Decode(target any) error {
	if err := strict(d.d.text, target); err != nil {
		var known []KeyDoc
		d.known(reflect.TypeOf(target).Elem(), "", &known)
		return d.d.decodeError(err, known)
	}
	return nil
}

// known lists the keys that the document may have.
func (d *Document) known(t reflect.Type, prefix string, out *[]KeyDoc) {
	for i := range t.NumField() {
		f := t.Field(i)
		name := prefix + tomlName(f)
		ft := f.Type
		if ft.Kind() == reflect.Pointer {
			ft = ft.Elem()
		}
		switch {
		case ft.Kind() == reflect.Struct:
			*out = append(*out, KeyDoc{Name: name, Type: "a table"})
			d.known(ft, name+".", out)
		case ft.Kind() == reflect.Map && ft.Elem().Kind() == reflect.Struct:
			*out = append(*out, KeyDoc{Name: name, Type: "a table of tables"})
			for _, k := range d.Names(name) {
				*out = append(*out, KeyDoc{Name: name + "." + k, Type: "a table"})
				d.known(ft.Elem(), name+"."+k+".", out)
			}
		default:
			text := typeName(ft)
			if text == "" {
				text = "a list"
			}
			*out = append(*out, KeyDoc{Name: name, Type: text})
		}
	}
}

// Names returns the names directly below a table, in the order of the text.
func (d *Document) Names(table string) []string {
	type named struct {
		name string
		at   place
	}
	first := map[string]place{}
	for key, at := range d.d.keys {
		rest, ok := strings.CutPrefix(key, table+".")
		if !ok {
			continue
		}
		name, _, _ := strings.Cut(rest, ".")
		if p, ok := first[name]; !ok || at.line < p.line || at.line == p.line && at.column < p.column {
			first[name] = at
		}
	}
	var all []named
	for n, p := range first {
		all = append(all, named{n, p})
	}
	slices.SortFunc(all, func(a, b named) int {
		if a.at.line != b.at.line {
			return a.at.line - b.at.line
		}
		return a.at.column - b.at.column
	})
	names := make([]string, len(all))
	for i, n := range all {
		names[i] = n.name
	}
	return names
}

// Errorf returns a *SpecError at a dotted key, or at the nearest table above it
// that the text has.
func (d *Document) Errorf(key, format string, args ...any) error {
	return d.d.errorf(key, "%s", fmt.Sprintf(format, args...))
}

// Wrap is Errorf for an error, whose nearest names it keeps as a hint.
func (d *Document) Wrap(key string, err error) error { return d.d.wrap(key, err) }

// Has reports whether the text has the key.
func (d *Document) Has(key string) bool { return d.d.has(key) }
