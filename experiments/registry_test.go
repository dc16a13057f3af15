package experiments

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Every registered experiment, small: rows, a comparison or statistics, figures,
// a replay to the bit, and documentation.
func TestEveryExperiment(t *testing.T) {
	for _, e := range All() {
		t.Run(e.Name, func(t *testing.T) {
			q, err := e.Smoke()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := e.Default(); err != nil {
				t.Fatalf("default spec: %v", err)
			}
			begin := time.Now()
			r := run(t, q, Options{Dir: filepath.Join(t.TempDir(), "run"), Workers: 2})
			// Under a second on an idle machine; the bound is for a busy one
			// with the race detector.
			if d := time.Since(begin); d > 20*time.Second {
				t.Errorf("the smoke run took %v", d)
			}
			s, err := r.Summary(background)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range s.Cells {
				if c.Replicates != q.Replicates || c.Status.Rows() < q.Replicates || len(c.Stats) == 0 {
					t.Errorf("cell %s: %+v", c.Name, c)
				}
				for _, l := range c.Compare {
					if l.Source == "" && l.Theory == l.Theory {
						t.Errorf("cell %s: the theory of %s has no source", c.Name, l.Name)
					}
				}
			}
			var b bytes.Buffer
			if err := s.Table().Text(&b); err != nil || !strings.Contains(b.String(), "\nstatus: converged ") {
				t.Errorf("the table has no failure line, error %v:\n%s", err, &b)
			}
			if _, err := json.Marshal(s); err != nil {
				t.Error(err)
			}
			for _, f := range e.Figures {
				d, err := r.Draw(f.Name)
				if err != nil {
					t.Errorf("figure %s: %v", f.Name, err)
					continue
				}
				if svg, err := d.SVG(); err != nil || len(svg) == 0 || f.Doc == "" {
					t.Errorf("figure %s: %d bytes, error %v", f.Name, len(svg), err)
				}
			}
			cell := q.Cells()[0].Name
			if p, err := r.Replay(background, cell, q.Replicates-1); err != nil || !p.Identical {
				t.Errorf("replay: %+v, error %v", p, err)
			}
			if e.HasData {
				b.Reset()
				if err := q.WriteData(&b, cell, 0); err != nil || strings.Count(b.String(), "\n") < 2 {
					t.Errorf("data of a replicate: %q, error %v", &b, err)
				}
			}
			if len(e.Cite) == 0 || !strings.HasSuffix(e.Summary(), ".") || strings.Count(e.Doc, "\n") < 1 {
				t.Error("want sources, and documentation of a first sentence and more")
			}
		})
	}
}

func TestNormalMeanAgreesWithTheory(t *testing.T) {
	e, err := Lookup("normal-mean")
	if err != nil {
		t.Fatal(err)
	}
	q, err := e.Default()
	if err != nil {
		t.Fatal(err)
	}
	s, err := run(t, q, Options{Dir: filepath.Join(t.TempDir(), "run")}).Summary(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	// Ten comparisons at |z| < 4.5: false alarm rate 7e-5, and the seed is fixed.
	for _, c := range s.Cells {
		for _, l := range c.Compare {
			if z := float64(l.Z); !(z > -4.5 && z < 4.5) {
				t.Errorf("cell %s, %s: %v ± %v, theory %v", c.Name, l.Name, l.Measured, l.SE, l.Theory)
			}
		}
	}
}

func TestLookup(t *testing.T) {
	if _, err := Lookup("normal-meen"); err == nil || !strings.Contains(err.Error(), "known are") {
		t.Errorf("error %v", err)
	}
}

// What the author of an experiment can get wrong is found at start.
func TestRegisterChecks(t *testing.T) {
	good := func() Experiment[toySpec, toyRow] {
		impl := toy.impl.(*typed[toySpec, toyRow])
		return impl.Experiment
	}
	for want, change := range map[string]func(e *Experiment[toySpec, toyRow]){
		"name":          func(e *Experiment[toySpec, toyRow]) { e.Name = "No Name" },
		"version":       func(e *Experiment[toySpec, toyRow]) { e.Version = 0 },
		"documentation": func(e *Experiment[toySpec, toyRow]) { e.Doc = "" },
		"missing":       func(e *Experiment[toySpec, toyRow]) { e.Cells = nil },
	} {
		e := good()
		change(&e)
		if _, err := newRegistered(e); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one about the %s", err, want)
		}
	}
	type noStatus struct {
		T float64 `parquet:"t" doc:"x"`
	}
	if _, err := newRegistered(Experiment[toySpec, noStatus]{Name: "x", Version: 1, Doc: "x", Cells: good().Cells,
		Replicate: nil}); err == nil {
		t.Error("no Replicate")
	}
	type noDoc struct {
		A int `toml:"a"`
	}
	e := Experiment[noDoc, toyRow]{Name: "x", Version: 1, Doc: "x", Cells: func(noDoc) []Cell { return Grid() }, Replicate: nil}
	if _, err := newRegistered(e); err == nil {
		t.Error("a key without documentation")
	}
}

func TestTableGolden(t *testing.T) {
	r := run(t, toyRequest(t, 20, "n=2", "names=a"), Options{Dir: filepath.Join(t.TempDir(), "run")})
	s, err := r.Summary(background)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := s.Table().Text(&b); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	for i, want := range []string{
		"toy version 3, seed 1, 20 replicates per cell",
		"cell        replicates  statistic  measured",
		"n=2,name=a          20  mean ",
		"                        median ",
		"                        sd ",
		"standard errors of the measurements: mean over replicates, jackknife",
		"limit is an asymptotic value (n → ∞, or as described): its z may be large before it is reached",
		"theory: largest |z| ",
		"status: converged 31, iteration limit 0, boundary 0, failed 3, unbounded 5 of 39 rows",
	} {
		if !strings.HasPrefix(lines[i], want) {
			t.Errorf("line %d is %q, want %q", i+1, lines[i], want)
		}
	}
	b.Reset()
	if err := s.StatsTable().Markdown(&b); err != nil || !strings.Contains(b.String(), "|:---|---:|") {
		t.Errorf("error %v:\n%s", err, &b)
	}
}
