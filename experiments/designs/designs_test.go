package designs

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/neuromanifold/neuromanifold/design"
	"github.com/neuromanifold/neuromanifold/experiments"
)

func load(t *testing.T, name string) *Study {
	t.Helper()
	text, err := Text(name)
	if err != nil {
		t.Fatal(err)
	}
	st, err := Parse(name+".toml", text)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// The built-in specs against the numbers of their sources: see the tests of
// package design for the origin of each.
func TestBuiltIn(t *testing.T) {
	for _, c := range []struct {
		name   string
		rank   int
		logdet float64 // −Inf: singular
	}{
		{"warfarin", 7, 52.44798909},
		{"custom", 7, 52.44798909},
		{"warfarin2", 8, 55.39644998},
		{"hcv", 16, 88.268},
		{"infusion", 6, math.Log(380849659442)},
		{"multidose", 7, 39.309004},
		{"bioavailability", 7, math.Inf(-1)},
		{"one-sample", 2, math.Inf(-1)},
		{"flip-flop", 2, math.Inf(-1)},
	} {
		r, err := load(t, c.name).Evaluate(context.Background())
		if err != nil {
			t.Fatal(c.name, err)
		}
		if r.Report.Rank != c.rank || r.Report.LogDet != c.logdet && !(math.Abs(r.Report.LogDet-c.logdet) < 1e-3) {
			t.Errorf("%s: rank %d, ln det %.6f, want %d, %.6f", c.name, r.Report.Rank, r.Report.LogDet, c.rank, c.logdet)
		}
	}
	for _, name := range Names() {
		load(t, name)
	}
}

func TestOptimize(t *testing.T) {
	r, err := load(t, "warfarin2").Optimize(context.Background(), design.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Support) != 2 || math.Abs(r.Design.Value-24.191029) > 1e-6 || r.Support[0].Subjects+r.Support[1].Subjects != 32 {
		t.Errorf("%+v, ln det %.7f", r.Support, r.Design.Value)
	}
	if math.Abs(r.Report.LogDet-(24.191029+8*math.Log(32))) > 1e-5 {
		t.Errorf("ln det of the study %.7f", r.Report.LogDet)
	}
	r, err = load(t, "bioavailability").Optimize(context.Background(), design.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Design != nil || r.Report.Rank != 7 {
		t.Errorf("a design for a singular problem: rank %d", r.Report.Rank)
	}
	// Costs: four samples for two shares of the budget.
	text, _ := Text("warfarin2")
	costly := strings.Replace(string(text), "samples = [4]", "samples = [2, 5]\ncost_subject = 1\ncost_sample = 0.5", 1)
	st, err := Parse("costly.toml", []byte(costly))
	if err != nil {
		t.Fatal(err)
	}
	if r, err = st.Optimize(context.Background(), design.Options{}); err != nil {
		t.Fatal(err)
	}
	if math.Abs(r.Design.Value-15.788740) > 1e-6 {
		t.Errorf("ln det per cost %.7f, want 15.788740", r.Design.Value)
	}
}

// What is wrong is said with its line.
func TestParseRefuses(t *testing.T) {
	text, err := Text("warfarin2")
	if err != nil {
		t.Fatal(err)
	}
	good := string(text)
	for _, c := range []struct{ name, old, new, want string }{
		{"unknown parameter", "[parameter.V]", "[parameter.W]", `unknown parameter of the model "W"`},
		{"missing parameter", "[parameter.V]\nvalue = 8\nunit = \"L\"\nlaw = \"lognormal\"\nvariance = 0.02\n", "", "the parameter V of the model is missing"},
		{"unit missing", "value = 8\nunit = \"L\"", "value = 8", "the unit is missing"},
		{"other unit", "unit = \"L/h\"", "unit = \"mL/min\"", "convert the value"},
		{"negative variance", "variance = 0.02", "variance = -0.02", "variance -0.02"},
		{"negative time", "times = [0.5, 1, 2, 6, 24, 36, 72, 120]\n\n[opt", "times = [-1]\n\n[opt", "time -1"},
		{"unknown compartment", "amount = 70", "amount = 70\ncompartment = \"liver\"", `unknown compartment "liver"`},
		{"no dose unit", "unit = \"mg\"\n\n[group", "\n[group", "the unit of the amount is missing"},
		{"more samples than times", "samples = [4]", "samples = [9]", "9 samples from 8 candidate times"},
		{"unknown key", "samples = [4]", "sampels = [4]", "unknown key"},
		{"unknown structure", "oral1", "oral7", `unknown structural model "oral7"`},
		{"not positive semidefinite", "[residual.C]", "[covariance.a]\nbetween = [\"CL\", \"V\"]\nvalue = 1\n\n[residual.C]", "not positive semidefinite"},
		{"no error model", "proportional = 0.1\nadditive = 0.5 ", "additive = 0 ", "no residual error"},
		{"type", "value = 8", "value = \"eight\"", "want"},
	} {
		bad := strings.Replace(good, c.old, c.new, 1)
		if bad == good {
			t.Fatalf("%s: nothing replaced", c.name)
		}
		_, err := Parse("x.toml", []byte(bad))
		var se *experiments.SpecError
		if !errors.As(err, &se) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if !strings.Contains(err.Error(), c.want) || se.Line == 0 {
			t.Errorf("%s: line %d: %v", c.name, se.Line, err)
		}
	}
}

// A user's own model: what is wrong inside it, and a solution that leaves the
// numbers.
func TestCustomRefuses(t *testing.T) {
	text, err := Text("custom")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, old, new, want string }{
		{"unknown name", "-ka*depot\"", "-kb*depot\"", "kb"},
		{"syntax", "central/V\"", "central/\"", ""},
		{"no unit", "{ name = \"V\", unit = \"L\"", "{ name = \"V\"", "unit"},
	} {
		_, err := Parse("x.toml", []byte(strings.Replace(string(text), c.old, c.new, 1)))
		var se *experiments.SpecError
		if !errors.As(err, &se) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	blown := strings.Replace(string(text), "ka*depot - CL/V*central", "ka*depot + central^2", 1)
	st, err := Parse("x.toml", []byte(blown))
	if err != nil {
		t.Fatal(err)
	}
	_, err = st.Evaluate(context.Background())
	var se *experiments.SpecError
	if !errors.As(err, &se) || !strings.Contains(err.Error(), "the solution fails at t = ") || se.Line == 0 {
		t.Errorf("%v", err)
	}
}
