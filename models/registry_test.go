package models

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// fromText runs Parse's steps for a family that is not registered.
func fromText(t *testing.T, f Family, kv map[string]string) error {
	t.Helper()
	_, err := f.FromMap(kv)
	return err
}

func TestSettings(t *testing.T) {
	f := Family{Name: "test", Keys: []Key{{"k", "2", ""}, {"sizes", "1+2", ""}, {"sd", "free", ""}, {"sigma", "1", ""}, {"bias", "false", ""}, {"act", "erf", ""}}}
	var got struct {
		k     int
		sizes []int
		word  string
		sd    float64
		sigma float64
		bias  bool
		act   string
	}
	f.New = func(s *Settings) (Model, error) {
		got.k, got.sizes = s.Int("k", 1, 9), s.Ints("sizes", 1, 9)
		got.word, got.sd = s.ChoiceOrPositive("sd", "free", "tied")
		got.sigma, got.bias, got.act = s.Positive("sigma"), s.Bool("bias"), s.Choice("act", "erf", "tanh")
		return halfLine{}, nil
	}
	if err := fromText(t, f, nil); err != nil || got.k != 2 || !slices.Equal(got.sizes, []int{1, 2}) || got.word != "free" || got.sigma != 1 || got.bias || got.act != "erf" {
		t.Errorf("defaults: %+v, %v", got, err)
	}
	err := fromText(t, f, map[string]string{"k": "3", "sizes": "4+ 5", "sd": "0.5", "bias": "true", "act": "tanh", "sigma": "2e-1"})
	if err != nil || got.k != 3 || !slices.Equal(got.sizes, []int{4, 5}) || got.word != "" || got.sd != 0.5 || got.sigma != 0.2 || !got.bias || got.act != "tanh" {
		t.Errorf("settings: %+v, %v", got, err)
	}
	for _, tt := range []struct{ key, value, want string }{
		{"k", "0", "a whole number from 1 to 9"},
		{"k", "1.5", "a whole number from 1 to 9"},
		{"sizes", "3+", "whole numbers from 1 to 9 joined by +"},
		{"sd", "loose", "free, tied or a finite number above 0"},
		{"sd", "-1", "free, tied or a finite number above 0"},
		{"sigma", "0", "a finite number above 0"},
		{"sigma", "+Inf", "a finite number above 0"},
		{"sigma", "NaN", "a finite number above 0"},
		{"bias", "maybe", "true or false"},
		{"act", "relux", "erf, tanh"},
	} {
		err := fromText(t, f, map[string]string{tt.key: tt.value})
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.key) {
			t.Errorf("%s=%s: %v, want what is allowed: %q", tt.key, tt.value, err, tt.want)
		}
	}
	var ue *UnknownNameError
	if err := fromText(t, f, map[string]string{"sgima": "1"}); !errors.As(err, &ue) || ue.Nearest()[0] != "sigma" {
		t.Errorf("a misspelt key: %v", err)
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"mixtur":               `unknown model family "mixtur"`,
		"":                     `unknown model family ""`,
		"mixture:k":            `"k" is not of the form key=value`,
		"mixture:k=2,k=3":      "key k is given twice",
		"mixture:k=0":          "allowed is",
		"mixture:components=2": "unknown key of mixture",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	var ue *UnknownNameError
	if _, err := Parse("mixtur"); !errors.As(err, &ue) || ue.Nearest()[0] != "mixture" {
		t.Errorf("no nearest name for mixtur: %v", err)
	}
}

func TestFamiliesAreDocumented(t *testing.T) {
	fs := Families()
	if !slices.IsSortedFunc(fs, func(a, b Family) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("Families is not sorted by name")
	}
	for _, f := range fs {
		if f.Doc == "" || f.Coords == "" || f.About == "" || len(f.Refs) == 0 {
			t.Errorf("%s: doc, coordinates, about or references are empty", f.Name)
		}
		// What describe promises: the singular set and what is known of λ.
		for _, word := range []string{"singular", "learning coefficient"} {
			if !strings.Contains(strings.ToLower(f.About), word) {
				t.Errorf("%s: about does not speak of %q", f.Name, word)
			}
		}
		for _, k := range f.Keys {
			if k.Doc == "" {
				t.Errorf("%s: key %s has no doc", f.Name, k.Name)
			}
		}
		m, err := Parse(f.Name)
		if err != nil {
			t.Errorf("%s with its defaults: %v", f.Name, err)
			continue
		}
		if s, ok := m.(Stratified); !ok || len(s.Strata()) == 0 {
			t.Errorf("%s has no strata", f.Name)
		}
		if again, err := Parse(fmt.Sprint(m)); err != nil || fmt.Sprint(again) != fmt.Sprint(m) {
			t.Errorf("%s: its text form %v does not come back: %v, %v", f.Name, m, again, err)
		}
	}
	if n := len(fs); n > 0 {
		fs[0].Name = "overwritten"
		if Families()[0].Name == "overwritten" {
			t.Error("Families hands out the registry itself")
		}
	}
	mustPanic(t, func() { register(Family{Name: Families()[0].Name}) })
}

func TestNearest(t *testing.T) {
	known := []string{"arma", "cone", "mixture", "binmix", "mlp", "rrr", "crossing"}
	for name, want := range map[string][]string{
		"mixtrue": {"mixture"}, "amra": {"arma"}, "cross": {"crossing"}, "zzzzzz": {}, "mpl": {"mlp"},
	} {
		got := (&UnknownNameError{Name: name, Known: known}).Nearest()
		if len(want) == 0 && len(got) == 0 {
			continue
		}
		if len(got) == 0 || got[0] != want[0] {
			t.Errorf("nearest to %q are %q, want %q first", name, got, want)
		}
	}
	for _, tt := range []struct {
		a, b string
		d    int
	}{{"", "", 0}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"flaw", "lawn", 2}} {
		if d := editDistance(tt.a, tt.b); d != tt.d {
			t.Errorf("distance of %q and %q is %d, want %d", tt.a, tt.b, d, tt.d)
		}
	}
}

// FuzzParse: whatever the text, the answer is an error or a model that its own text form
// gives back, with bounds that are in order.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"mixture:k=2,sd=tied", "mixture:k=3,dim=2,cov=diag,floor=1e-4", "arma:p=2,q=1,mean=true", "mlp:hidden=3+2,act=tanh,bias=true",
		"rbf:hidden=2,width=0.5", "cone:d=3,c=2", "contaminated:sd=1,bound=4", "crossing:powers=1+2", "binmix:k=2,trials=5",
		"", ":", "mixture:", "mixture:k=", "mixture:k=-1", "mixture:k=99999999", "mixture:k=2,k=3", "mlp:hidden=1+", "arma:p=1e3", "mixture:sd=nan", "cone:c=inf",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 60 || strings.ContainsAny(text, "456789") && len(text) > 25 {
			t.Skip("a large model is slow, not wrong")
		}
		m, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(fmt.Sprint(m))
		if err != nil || fmt.Sprint(again) != fmt.Sprint(m) {
			t.Fatalf("%q is %v, which is %v, %v", text, m, again, err)
		}
		for _, p := range m.Params() {
			if !(p.Lo <= p.Hi) {
				t.Fatalf("%q: %+v", text, p)
			}
		}
	})
}
