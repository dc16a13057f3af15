package pkpd

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// oneState is a spec whose only state has the given right-hand side.
func oneState(right string) Spec {
	return Spec{
		Parameters: []SpecParameter{{Name: "CL", Unit: "L/h"}, {Name: "V", Unit: "L"}},
		States:     []SpecState{{Name: "A", Unit: "mg", Derivative: right}},
		Responses:  []SpecResponse{{Name: "C", Unit: "mg/L", Value: "A/V"}},
	}
}

func TestExpressionErrorsNameThePlace(t *testing.T) {
	for _, c := range []struct {
		src    string
		column int
		msg    string
	}{
		{"-CL/V2*A", 5, `unknown name "V2"; known: parameters CL, V; states A; the time t`},
		{"-CL*(A + ", 9, "unexpected token EOF"},
		{"1 + foo(A)", 5, `unknown function "foo"; allowed: cos, exp, ln, log, log10, pow, sin, sqrt, tanh`},
		{"max(A, CL)", 1, `unknown function "max"`},
		{"exp(A, 2)", 1, "exp takes one argument, not 2"},
		{"pow(A)", 1, "pow takes two arguments, not 1"},
		{"A % CL", 3, `operator "%" is not allowed`},
		{`A + "x"`, 5, "want a number"},
		{"A[0]", 2, "want a number"},
		{"ä*A + Q", 1, `unknown name "ä"`},
		{"A -\n  CL*Q", 8, `unknown name "Q"`},
		{"  ", 0, "an expression is missing"},
		{"log(-1)", 0, "the value is NaN"},
	} {
		s := oneState(c.src)
		_, err := s.Compile()
		var e *SpecError
		if !errors.As(err, &e) || e.Column != c.column || !strings.Contains(e.Msg, c.msg) || e.Where != `states[0] "A", derivative` {
			t.Errorf("%q: %v", c.src, err)
		}
		if e != nil && e.Column > 0 {
			lines := strings.Split(err.Error(), "\n")
			if mark := lines[len(lines)-1]; mark != strings.Repeat(" ", c.column+1)+"^" {
				t.Errorf("%q: the mark is at %q", c.src, mark)
			}
		}
	}
}

func TestSpecErrors(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *Spec)
		want   string
	}{
		"no unit of a parameter": {func(s *Spec) { s.Parameters[1].Unit = "" }, `parameters[1] "V": the unit is missing`},
		"no unit of a state":     {func(s *Spec) { s.States[0].Unit = "" }, `states[0] "A": the unit is missing`},
		"no unit of a response":  {func(s *Spec) { s.Responses[0].Unit = "" }, `responses[0] "C": the unit is missing`},
		"same name twice":        {func(s *Spec) { s.States[0].Name = "CL" }, `the name "CL" is taken`},
		"time as a name":         {func(s *Spec) { s.Parameters[0].Name = "t" }, `"t" cannot be a name`},
		"word as a name":         {func(s *Spec) { s.Parameters[0].Name = "in" }, `"in" cannot be a name`},
		"no name":                {func(s *Spec) { s.Parameters[0].Name = "" }, `"" cannot be a name`},
		"state in initial":       {func(s *Spec) { s.States[0].Initial = "2*A" }, `states[0] "A", initial: column 3: unknown name "A"; known: parameters CL, V`},
		"time in initial":        {func(s *Spec) { s.States[0].Initial = "t" }, `unknown name "t"`},
		"late definition":        {func(s *Spec) { s.Definitions = []SpecDefinition{{"x", "y"}, {"y", "A"}} }, `definitions[0] "x": column 1: unknown name "y"`},
		"bounds":                 {func(s *Spec) { s.Parameters[0].Lower = ptr(2); s.Parameters[0].Upper = ptr(1) }, "lower bound 2 is above upper bound 1"},
		"no response":            {func(s *Spec) { s.Responses = nil }, "responses: want at least one"},
		"no parameter":           {func(s *Spec) { s.Parameters = nil }, "parameters: want at least one"},
		"response twice":         {func(s *Spec) { s.Responses = append(s.Responses, s.Responses[0]) }, `responses[1] "C": want a name`},
		"no right-hand side":     {func(s *Spec) { s.States[0].Derivative = "" }, "an expression is missing"},
	} {
		s := oneState("-CL/V*A")
		c.change(&s)
		if _, err := s.Compile(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func ptr(x float64) *float64 { return &x }

func TestRegimenErrors(t *testing.T) {
	m := mustLinear(t, LinearSettings{Depot: true})
	for _, c := range []struct {
		dose Dose
		want string
	}{
		{Dose{Compartment: "gut", Amount: 1}, `dose 2: unknown compartment "gut"; allowed: depot, central`},
		{Dose{Time: -1}, "dose 2: time -1 h"},
		{Dose{Amount: math.NaN()}, "dose 2: amount NaN mg"},
		{Dose{Amount: -5}, "dose 2: amount -5 mg"},
		{Dose{Duration: math.Inf(1)}, "dose 2: duration +Inf h"},
		{Dose{Every: -1}, "dose 2: interval -1 h"},
		{Dose{Count: 3}, "dose 2: repeats need an interval above 0"},
		{Dose{SteadyState: true}, "dose 2: repeats need an interval above 0"},
		{Dose{Count: -1}, "dose 2: count -1"},
		{Dose{SteadyState: true, Every: 2, Duration: 3}, "must end before the next one starts"},
	} {
		if _, err := m.Bind(Regimen{{Amount: 1}, c.dose}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c.dose, err)
		}
	}
	cv, err := m.Bind(Regimen{{Amount: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if err := cv.Eval(new(Jets), []float64{1, 1, 1}, []Sample{{0, -2}}, 0); err == nil || !strings.Contains(err.Error(), "sampling time -2 h") {
		t.Errorf("negative time: %v", err)
	}
	if err := cv.Eval(new(Jets), []float64{1, -8, 1}, []Sample{{0, 1}}, 0); err == nil || !strings.Contains(err.Error(), "parameter V = -8") {
		t.Errorf("negative volume: %v", err)
	}
	if _, err := NewLinear(LinearSettings{Lag: true}); err == nil {
		t.Error("a lag without a depot")
	}
	if _, err := Lookup("oral3"); err == nil || !strings.Contains(err.Error(), "oral2") {
		t.Errorf("unknown model: %v", err)
	}
	user := compile(t, twoCompartmentSpec())
	if _, err := user.Bind(Regimen{{Time: 1, Every: 2, SteadyState: true}}); err == nil {
		t.Error("steady state of an ODE from a later time on")
	}
}

// Meaning and precedence of the operators, against Go.
func TestExpressionValues(t *testing.T) {
	x, y := 1.3, 0.7
	for src, want := range map[string]float64{
		"x + y*2 - 3/x":                        x + y*2 - 3/x,
		"-x^2":                                 -(x * x),
		"2^3^2*x":                              512 * x,
		"2^-x":                                 math.Pow(2, -x),
		"x ** y":                               math.Pow(x, y),
		"pow(x, y)":                            math.Pow(x, y),
		"x - y - 1":                            x - y - 1,
		"x/y/2":                                x / y / 2,
		"ln(x) - log(x) + log10(100*y)":        math.Log10(100 * y),
		"1e-3*x + 1_000*y":                     1e-3*x + 1000*y,
		"x > y ? x : y":                        x,
		"x >= 2 or not (y == 0.7) ? 1 : y + t": y + 5,
		"x < 2 and y <= 0.7 ? exp(-x) : 0":     math.Exp(-x),
		"sqrt(x)*tanh(y) + sin(x)*cos(y)":      math.Sqrt(x)*math.Tanh(y) + math.Sin(x)*math.Cos(y),
		"+x":                                   x,
	} {
		m := compile(t, Spec{
			Parameters: []SpecParameter{{Name: "x", Unit: "1"}, {Name: "y", Unit: "1"}},
			Responses:  []SpecResponse{{Name: "f", Unit: "1", Value: src}},
		})
		got := evalAt(t, m, nil, []float64{x, y}, 0, 2, 5)
		if math.Abs(got.Value[0]-want) > 1e-15*10*math.Abs(want) {
			t.Errorf("%s = %v, want %v", src, got.Value[0], want)
		}
	}
}

// Derivatives of random expressions against differences.
func TestExpressionDerivatives(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var random func(depth int) string
	random = func(depth int) string {
		if depth == 0 {
			return []string{"x", "y", "z", "2", "0.5", "t"}[rng.IntN(6)]
		}
		a, b := random(depth-1), random(depth-1)
		switch rng.IntN(12) {
		case 0, 1:
			return "(" + a + " + " + b + ")"
		case 2:
			return "(" + a + " - 0.3*" + b + ")"
		case 3, 4:
			return a + "*" + b
		case 5:
			return a + "/(3 + (" + b + ")^2)"
		case 6:
			return "exp(-0.2*(" + a + ")^2)"
		case 7:
			return "log(2 + (" + a + ")^2)"
		case 8:
			return "(1 + (" + a + ")^2)^tanh(" + b + ")"
		case 9:
			return "sin(" + a + ")*cos(" + b + ")"
		case 10:
			return "sqrt(1 + (" + a + ")^2) - log10(5 + tanh(" + b + "))"
		}
		return "(" + a + ")^3"
	}
	for range 150 {
		src := random(3)
		m := compile(t, Spec{
			Parameters: []SpecParameter{{Name: "x", Unit: "1"}, {Name: "y", Unit: "1"}, {Name: "z", Unit: "1"}},
			Responses:  []SpecResponse{{Name: "f", Unit: "1", Value: src}},
		})
		ok := t.Run("", func(t *testing.T) {
			checkDerivatives(t, m, nil, []float64{0.8, 1.1, 0.6}, []Sample{{0, 1.4}}, 1e-6)
		})
		if !ok {
			t.Log(src)
		}
	}
}

// x^c and x^y at x = 0 have the derivatives that exist and no NaN.
func TestPowersAtZero(t *testing.T) {
	m := compile(t, Spec{
		Parameters: []SpecParameter{{Name: "x", Unit: "1"}, {Name: "n", Unit: "1"}},
		Responses: []SpecResponse{
			{Name: "square", Unit: "1", Value: "x^2"},
			{Name: "line", Unit: "1", Value: "x^1"},
			{Name: "one", Unit: "1", Value: "x^0"},
			{Name: "power", Unit: "1", Value: "x^n"},
		},
	})
	c, err := m.Bind(nil)
	if err != nil {
		t.Fatal(err)
	}
	var out Jets
	if err := c.Eval(&out, []float64{0, 2}, []Sample{{0, 0}, {1, 0}, {2, 0}, {3, 0}}, 2); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(out.Value, out.Grad, out.Hess), "[0 0 1 0] [0 0 1 0 0 0 0 0] [2 0 0 0 0 0 0 0 0 0 0 0 2 0 0 0]"; strings.ReplaceAll(got, "-0", "0") != want {
		t.Errorf("%s, want %s", got, want)
	}
	if err := c.Eval(&out, []float64{0, 0.5}, []Sample{{3, 0}}, 1); err == nil {
		t.Error("the derivative of a root at 0 is infinite and must be an error")
	}
}
