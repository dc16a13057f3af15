package models

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A Family is a registered kind of model: what `simulate list models` prints
// and Parse constructs from text.
type Family struct {
	Name   string
	Doc    string // one line
	Coords string // the order of the coordinates of θ, in words
	Keys   []Key
	// About defines the model, its singular strata and what is known of them,
	// with sources, in plain text of a few paragraphs.
	About string
	Refs  []string // sources, one a line
	New   func(s *Settings) (Model, error)
}

// A Key is one setting of a family in text form.
type Key struct{ Name, Default, Doc string }

var registry []Family

// register adds a family; every family file calls it once, as
// var _ = register(Family{…}). It panics on a name taken twice.
func register(f Family) Family {
	if slices.ContainsFunc(registry, func(g Family) bool { return g.Name == f.Name }) {
		panic("models: family " + f.Name + " registered twice")
	}
	registry = append(registry, f)
	slices.SortFunc(registry, func(a, b Family) int { return strings.Compare(a.Name, b.Name) })
	return f
}

// Families returns the registered families, sorted by name.
func Families() []Family { return slices.Clone(registry) }

// LookupFamily returns the family of that name. The error of an unknown name
// lists the nearest ones.
func LookupFamily(name string) (Family, error) {
	names := make([]string, len(registry))
	for i, f := range registry {
		if f.Name == name {
			return f, nil
		}
		names[i] = f.Name
	}
	return Family{}, &UnknownNameError{What: "model family", Name: name, Known: names}
}

// Parse returns the model written as family[:key=value[,key=value…]], for
// example "mixture:k=2,sd=tied". Keys that are left out have their defaults.
func Parse(text string) (Model, error) {
	name, rest, _ := strings.Cut(text, ":")
	f, err := LookupFamily(strings.TrimSpace(name))
	if err != nil {
		return nil, err
	}
	kv := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		k, v, ok := strings.Cut(part, "=")
		if !ok {
			return nil, fmt.Errorf("model %q: %q is not of the form key=value", text, part)
		}
		k = strings.TrimSpace(k)
		if _, twice := kv[k]; twice {
			return nil, fmt.Errorf("model %q: key %s is given twice", text, k)
		}
		kv[k] = strings.TrimSpace(v)
	}
	m, err := f.FromMap(kv)
	if err != nil {
		return nil, fmt.Errorf("model %q: %w", text, err)
	}
	return m, nil
}

// FromMap returns the model with the given settings; keys that are absent have
// their defaults, keys that the family does not have are an error.
func (f Family) FromMap(kv map[string]string) (Model, error) {
	names := make([]string, len(f.Keys))
	for i, k := range f.Keys {
		names[i] = k.Name
	}
	given := make([]string, 0, len(kv))
	for k := range kv {
		given = append(given, k)
	}
	slices.Sort(given)
	for _, k := range given {
		if !slices.Contains(names, k) {
			return nil, &UnknownNameError{What: "key of " + f.Name, Name: k, Known: names}
		}
	}
	s := &Settings{family: f, kv: kv}
	m, err := f.New(s)
	if s.err != nil {
		return nil, s.err
	}
	return m, err
}

// Settings hands the text settings of a family to its constructor. The first
// bad value is remembered and reported by Parse; the getters then return the
// least allowed value.
type Settings struct {
	family Family
	kv     map[string]string
	err    error
}

// Text returns the value of a key, or its default.
func (s *Settings) Text(key string) string {
	if v, ok := s.kv[key]; ok {
		return v
	}
	for _, k := range s.family.Keys {
		if k.Name == key {
			return k.Default
		}
	}
	panic("models: family " + s.family.Name + " declares no key " + key)
}

func (s *Settings) fail(key, allowed string) {
	if s.err == nil {
		s.err = fmt.Errorf("key %s of %s is %q: allowed is %s", key, s.family.Name, s.Text(key), allowed)
	}
}

// Int returns an integer in [lo, hi].
func (s *Settings) Int(key string, lo, hi int) int {
	v, err := strconv.Atoi(s.Text(key))
	if err != nil || v < lo || v > hi {
		s.fail(key, fmt.Sprintf("a whole number from %d to %d", lo, hi))
		return lo
	}
	return v
}

// Ints returns a list of integers in [lo, hi] written with plus signs, as 2+2.
func (s *Settings) Ints(key string, lo, hi int) []int {
	var out []int
	for part := range strings.SplitSeq(s.Text(key), "+") {
		v, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || v < lo || v > hi {
			s.fail(key, fmt.Sprintf("whole numbers from %d to %d joined by +", lo, hi))
			return []int{lo}
		}
		out = append(out, v)
	}
	return out
}

// Positive returns a finite number above 0.
func (s *Settings) Positive(key string) float64 {
	v, err := strconv.ParseFloat(s.Text(key), 64)
	if err != nil || !(v > 0) || math.IsInf(v, 0) {
		s.fail(key, "a finite number above 0")
		return 1
	}
	return v
}

// Bool returns true or false.
func (s *Settings) Bool(key string) bool {
	v, err := strconv.ParseBool(s.Text(key))
	if err != nil {
		s.fail(key, "true or false")
	}
	return v
}

// Choice returns one of the allowed words.
func (s *Settings) Choice(key string, allowed ...string) string {
	v := s.Text(key)
	if !slices.Contains(allowed, v) {
		s.fail(key, strings.Join(allowed, ", "))
		return allowed[0]
	}
	return v
}

// ChoiceOrPositive returns one of the allowed words and 0, or "" and a finite
// number above 0.
func (s *Settings) ChoiceOrPositive(key string, allowed ...string) (string, float64) {
	v := s.Text(key)
	if slices.Contains(allowed, v) {
		return v, 0
	}
	x, err := strconv.ParseFloat(v, 64)
	if err != nil || !(x > 0) || math.IsInf(x, 0) {
		s.fail(key, strings.Join(allowed, ", ")+" or a finite number above 0")
		return allowed[0], 0
	}
	return "", x
}

// An UnknownNameError reports a name that is not among the known ones.
type UnknownNameError struct {
	What  string // what the name should be, as "model family"
	Name  string
	Known []string
}

// Error says what was wrong; Nearest gives the hint.
func (e *UnknownNameError) Error() string {
	return fmt.Sprintf("unknown %s %q: known are %s", e.What, e.Name, strings.Join(e.Known, ", "))
}

// Nearest returns the known names that differ from Name by few letters, nearest
// first.
func (e *UnknownNameError) Nearest() []string {
	type near struct {
		name string
		dist int
	}
	var ns []near
	for _, k := range e.Known {
		if d := editDistance(e.Name, k); d <= 1+len(k)/3 || strings.HasPrefix(k, e.Name) && e.Name != "" {
			ns = append(ns, near{k, d})
		}
	}
	slices.SortStableFunc(ns, func(a, b near) int { return a.dist - b.dist })
	out := make([]string, 0, 3)
	for _, n := range ns[:min(len(ns), 3)] {
		out = append(out, n.name)
	}
	return out
}

// editDistance is the Levenshtein distance of two short names.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diag := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diag, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diag+cost)
		}
	}
	return row[len(b)]
}
