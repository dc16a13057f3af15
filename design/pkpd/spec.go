package pkpd

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/neuromanifold/neuromanifold/models"
)

// A Spec is a user-defined model in text: a system of differential equations
// du/dt = f(t, u, γ) with doses into its states, and responses y = h(t, u, γ).
// Without states it is a closed form in t and γ. The field tags are the keys of
// a TOML file.
//
// Expressions know the parameters, the states, the definitions above them and
// the time t. Besides numbers and names they may hold + − * / ^, comparisons
// with and, or, not, choices c ? a : b, and the functions cos, exp, ln (log),
// log10, pow, sin, sqrt and tanh. Kinks and jumps in t or in a state cost
// accuracy; let doses make them where possible.
type Spec struct {
	Name        string           `toml:"name"`
	TimeUnit    string           `toml:"time_unit"` // empty: h
	Parameters  []SpecParameter  `toml:"parameters"`
	States      []SpecState      `toml:"states"`
	Definitions []SpecDefinition `toml:"definitions"`
	Responses   []SpecResponse   `toml:"responses"`
}

// SpecParameter declares a parameter.
type SpecParameter struct {
	Name  string   `toml:"name"`
	Unit  string   `toml:"unit"`  // required; "1" for a pure number
	Lower *float64 `toml:"lower"` // absent: 0
	Upper *float64 `toml:"upper"` // absent: ∞
	Doc   string   `toml:"doc"`
}

// SpecState declares a state. Doses may go to every state.
type SpecState struct {
	Name            string `toml:"name"`
	Unit            string `toml:"unit"`            // required
	Initial         string `toml:"initial"`         // in terms of parameters; empty: 0
	Derivative      string `toml:"derivative"`      // du/dt
	Bioavailability string `toml:"bioavailability"` // factor of doses, in terms of parameters; empty: 1
}

// SpecDefinition names a subexpression.
type SpecDefinition struct {
	Name  string `toml:"name"`
	Value string `toml:"value"`
}

// SpecResponse declares a response.
type SpecResponse struct {
	Name  string `toml:"name"`
	Unit  string `toml:"unit"` // required
	Value string `toml:"value"`
	Doc   string `toml:"doc"`
}

// Custom is a compiled Spec.
type Custom struct {
	name      string
	timeUnit  string
	params    []models.Param
	responses []Response
	places    []string
	tape      *tape
	initial   []int // nodes, by state
	right     []int
	bio       []int
	value     []int // nodes, by response
	stateNode []int // by state, −1 if no expression asks for it

	once, step, observe []int // node lists: γ alone; derivatives; responses
}

// Compile checks a Spec and translates it. Errors are *SpecError.
func (s *Spec) Compile() (*Custom, error) {
	c := &Custom{name: s.Name, timeUnit: s.TimeUnit, tape: newTape()}
	if c.timeUnit == "" {
		c.timeUnit = "h"
	}
	sc := &scope{tape: c.tape, names: map[string]int{}}
	var listed [3][]string
	sc.known = func() string {
		var parts []string
		for i, what := range []string{"parameters", "states", "definitions"} {
			if len(listed[i]) > 0 {
				parts = append(parts, what+" "+strings.Join(listed[i], ", "))
			}
		}
		if _, ok := sc.names["t"]; ok {
			parts = append(parts, "the time t")
		}
		return strings.Join(parts, "; ")
	}
	declare := func(kind int, where, name string, node int) error {
		if !identifier(name) {
			return &SpecError{Where: where, Msg: fmt.Sprintf("%q cannot be a name: want letters, digits and _, beginning with a letter, and no word or function of the language; t is the time", name)}
		}
		if _, twice := sc.names[name]; twice {
			return &SpecError{Where: where, Msg: fmt.Sprintf("the name %q is taken", name)}
		}
		sc.names[name] = node
		listed[kind] = append(listed[kind], name)
		return nil
	}
	if len(s.Parameters) == 0 {
		return nil, &SpecError{Where: "parameters", Msg: "want at least one"}
	}
	if len(s.Responses) == 0 {
		return nil, &SpecError{Where: "responses", Msg: "want at least one"}
	}
	for i, p := range s.Parameters {
		where := fmt.Sprintf("parameters[%d] %q", i, p.Name)
		if err := declare(0, where, p.Name, c.tape.add(node{op: opParam, a: i})); err != nil {
			return nil, err
		}
		if p.Unit == "" {
			return nil, noUnit(where)
		}
		lo, hi := 0.0, math.Inf(1)
		if p.Lower != nil {
			lo = *p.Lower
		}
		if p.Upper != nil {
			hi = *p.Upper
		}
		if !(lo <= hi) {
			return nil, &SpecError{Where: where, Msg: fmt.Sprintf("lower bound %v is above upper bound %v", lo, hi)}
		}
		c.params = append(c.params, models.Param{Name: p.Name, Unit: p.Unit, Lo: lo, Hi: hi, Doc: p.Doc})
	}
	where := func(i int, what string) string {
		return fmt.Sprintf("states[%d] %q, %s", i, s.States[i].Name, what)
	}
	// Initial values and bioavailability: before the states have names.
	optional := func(i int, what, src string, otherwise float64) (int, error) {
		if src == "" {
			return c.tape.add(node{op: opConst, value: otherwise}), nil
		}
		n, err := sc.compile(where(i, what), src)
		if err == nil && c.tape.class[n] > onParams {
			err = &SpecError{Where: where(i, what), Expr: src, Msg: "only parameters are allowed here"}
		}
		return n, err
	}
	for i, u := range s.States {
		n, err := optional(i, "initial", u.Initial, 0)
		if err != nil {
			return nil, err
		}
		b, err := optional(i, "bioavailability", u.Bioavailability, 1)
		if err != nil {
			return nil, err
		}
		c.initial, c.bio = append(c.initial, n), append(c.bio, b)
	}
	sc.names["t"] = c.tape.add(node{op: opTime})
	for i, u := range s.States {
		at := fmt.Sprintf("states[%d] %q", i, u.Name)
		n := c.tape.add(node{op: opState, a: i})
		if err := declare(1, at, u.Name, n); err != nil {
			return nil, err
		}
		if u.Unit == "" {
			return nil, noUnit(at)
		}
		c.stateNode = append(c.stateNode, n)
		c.places = append(c.places, u.Name)
	}
	for i, d := range s.Definitions {
		at := fmt.Sprintf("definitions[%d] %q", i, d.Name)
		n, err := sc.compile(at, d.Value)
		if err != nil {
			return nil, err
		}
		if err := declare(2, at, d.Name, n); err != nil {
			return nil, err
		}
	}
	for i, u := range s.States {
		n, err := sc.compile(where(i, "derivative"), u.Derivative)
		if err != nil {
			return nil, err
		}
		c.right = append(c.right, n)
	}
	for i, r := range s.Responses {
		at := fmt.Sprintf("responses[%d] %q", i, r.Name)
		if r.Name == "" || slices.ContainsFunc(c.responses, func(o Response) bool { return o.Name == r.Name }) {
			return nil, &SpecError{Where: at, Msg: "want a name that no other response has"}
		}
		if r.Unit == "" {
			return nil, noUnit(at)
		}
		n, err := sc.compile(at, r.Value)
		if err != nil {
			return nil, err
		}
		c.value = append(c.value, n)
		c.responses = append(c.responses, Response{Name: r.Name, Unit: r.Unit, Doc: r.Doc})
	}
	roots := slices.Concat(c.initial, c.bio, c.right, c.value)
	c.once = c.tape.need(roots, onParams)
	c.step = c.tape.need(c.right, onTime)
	c.observe = c.tape.need(c.value, onTime)
	return c, nil
}

func noUnit(where string) error {
	return &SpecError{Where: where, Msg: `the unit is missing; write unit = "1" for a pure number`}
}

// Name returns the name that the Spec gave.
func (c *Custom) Name() string { return c.name }

// TimeUnit returns the unit of all times of the model: samples, doses, rates.
func (c *Custom) TimeUnit() string { return c.timeUnit }

// Params implements Structure.
func (c *Custom) Params() []models.Param { return slices.Clone(c.params) }

// Responses implements Structure.
func (c *Custom) Responses() []Response { return slices.Clone(c.responses) }

// Compartments implements Structure: the states, in order.
func (c *Custom) Compartments() []string { return slices.Clone(c.places) }

// TimeUnit returns the unit of the times of s: hours unless s says otherwise by
// a method of this name.
func TimeUnit(s Structure) string {
	if u, ok := s.(interface{ TimeUnit() string }); ok {
		return u.TimeUnit()
	}
	return "h"
}
