package experiments

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/neuromanifold/neuromanifold/models"
)

// A ModelSpec is a table of a spec that names a model: the key "family" and the
// keys of that family. Keys that a spec leaves out have the family's defaults;
// in the canonical spec these stay out, because a family may refuse a key that
// does not go with the others.
type ModelSpec map[string]any

// ModelText returns the ModelSpec of a model in text form, as
// "mixture:k=2,sd=tied".
func ModelText(text string) ModelSpec {
	family, rest, _ := strings.Cut(text, ":")
	m := ModelSpec{"family": strings.TrimSpace(family)}
	for part := range strings.SplitSeq(rest, ",") {
		if k, v, ok := strings.Cut(part, "="); ok {
			m[strings.TrimSpace(k)] = strings.TrimSpace(v)
		}
	}
	return m
}

// Model returns the model. Its errors are those of models.Parse.
func (m ModelSpec) Model() (models.Model, error) {
	f, err := models.LookupFamily(fmt.Sprint(m["family"]))
	if err != nil {
		return nil, err
	}
	kv := map[string]string{}
	for k, v := range m {
		if k != "family" {
			kv[k] = fmt.Sprint(v)
		}
	}
	return f.FromMap(kv)
}

// normalize turns values into text, drops keys that have the family's default,
// so that a model has one spelling, and checks that the model exists.
func (m ModelSpec) normalize() error {
	if _, err := m.Model(); err != nil {
		return err
	}
	f, err := models.LookupFamily(fmt.Sprint(m["family"]))
	if err != nil {
		return err
	}
	for k, v := range m {
		m[k] = fmt.Sprint(v)
	}
	for _, k := range f.Keys {
		if m[k.Name] == k.Default {
			delete(m, k.Name)
		}
	}
	return nil
}

var (
	modelSpecType = reflect.TypeFor[ModelSpec]()
	kindNames     = map[reflect.Kind]string{
		reflect.Bool: "true or false", reflect.Int: "a whole number", reflect.Int64: "a whole number",
		reflect.Float64: "a number", reflect.String: "a text",
	}
	listNames = map[reflect.Kind]string{
		reflect.Bool: "a list of true or false", reflect.Int: "a list of whole numbers", reflect.Int64: "a list of whole numbers",
		reflect.Float64: "a list of numbers", reflect.String: "a list of texts",
	}
)

// tomlName is the key of a field of a spec.
func tomlName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
	return name
}

// checkSpecType reports fields that a spec type cannot have.
func checkSpecType(t reflect.Type, prefix string) error {
	if t.Kind() != reflect.Struct {
		return fmt.Errorf("spec type %v is no struct", t)
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name := prefix + tomlName(f)
		switch {
		case !f.IsExported() || f.Anonymous || tomlName(f) == "":
			return fmt.Errorf("field %s of the spec has no key", f.Name)
		case f.Tag.Get("doc") == "":
			return fmt.Errorf("key %s is not documented", name)
		case f.Type == modelSpecType:
		case f.Type.Kind() == reflect.Struct:
			if err := checkSpecType(f.Type, name+"."); err != nil {
				return err
			}
		case typeName(f.Type) == "":
			return fmt.Errorf("key %s has type %v", name, f.Type)
		}
	}
	return nil
}

// typeName is the type of a key in words, or "".
func typeName(t reflect.Type) string {
	switch {
	case t == modelSpecType:
		return "a table that names a model"
	case t.Kind() == reflect.Slice:
		return listNames[t.Elem().Kind()]
	}
	return kindNames[t.Kind()]
}

// keyDocs lists the keys of a spec with their defaults.
func keyDocs(v reflect.Value, prefix string) []KeyDoc {
	var docs []KeyDoc
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := prefix + tomlName(f)
		if f.Type.Kind() == reflect.Struct {
			docs = append(docs, keyDocs(v.Field(i), name+".")...)
			continue
		}
		docs = append(docs, KeyDoc{Name: name, Type: typeName(f.Type), Default: tomlValue(v.Field(i)), Doc: f.Tag.Get("doc")})
	}
	return docs
}

// canonical writes a spec as lines "key = value" in the order of its fields,
// every key present. It is the text that the identity of a run is made of, so
// it does not depend on any library's formatting.
func canonical(b *strings.Builder, v reflect.Value, prefix string) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := prefix + tomlName(f)
		switch {
		case f.Type == modelSpecType:
			m := v.Field(i).Interface().(ModelSpec)
			fmt.Fprintf(b, "%s.family = %s\n", name, tomlText(fmt.Sprint(m["family"])))
			for _, k := range slices.Sorted(maps.Keys(m)) {
				if k != "family" {
					fmt.Fprintf(b, "%s.%s = %s\n", name, k, tomlText(fmt.Sprint(m[k])))
				}
			}
		case f.Type.Kind() == reflect.Struct:
			canonical(b, v.Field(i), name+".")
		default:
			fmt.Fprintf(b, "%s = %s\n", name, tomlValue(v.Field(i)))
		}
	}
}

// tomlValue writes a value in TOML.
func tomlValue(v reflect.Value) string {
	switch {
	case v.Type() == modelSpecType:
		m := v.Interface().(ModelSpec)
		parts := []string{}
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if k != "family" {
				parts = append(parts, fmt.Sprintf("%s=%v", k, m[k]))
			}
		}
		return strings.TrimSuffix(fmt.Sprintf("%v:%s", m["family"], strings.Join(parts, ",")), ":")
	case v.Kind() == reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = tomlValue(v.Index(i))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case v.Kind() == reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case v.Kind() == reflect.Float64:
		return tomlFloat(v.Float())
	case v.Kind() == reflect.String:
		return tomlText(v.String())
	}
	return strconv.FormatInt(v.Int(), 10)
}

func tomlFloat(x float64) string {
	switch {
	case math.IsInf(x, 1):
		return "inf"
	case math.IsInf(x, -1):
		return "-inf"
	case math.IsNaN(x):
		return "nan"
	}
	s := strconv.FormatFloat(x, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

// tomlText writes a basic string of TOML.
func tomlText(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x20 || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// deepCopy returns a copy of a spec that shares no slice or map with it.
func deepCopy(v reflect.Value) reflect.Value {
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			c.Field(i).Set(deepCopy(v.Field(i)))
		}
	case reflect.Slice:
		if !v.IsNil() {
			c.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
			reflect.Copy(c, v)
		}
	case reflect.Map:
		if !v.IsNil() {
			c.Set(reflect.ValueOf(maps.Clone(v.Interface().(ModelSpec))))
		}
	}
	return c
}
