package experiments

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/neuromanifold/neuromanifold/dynamics"
)

// D1: the orbits of the portrait end where the theory of the reduced systems says:
// those of the reduced systems themselves all of them, and those of the averaged
// gradient flow at 8 starts in 10 and more, though K is not small for T+.
func TestD1PhasePortrait(t *testing.T) {
	const n = 60
	for _, system := range []string{"T1", "T+", "rbf", "mixture"} {
		p, err := newPortrait(portraitSpec{Z: 2.5}, system)
		if err != nil {
			t.Fatal(err)
		}
		for _, flow := range portraitFlows[:3] {
			reduced := p.quasi
			if flow == "published" {
				reduced = p.published
			}
			same := 0
			for i := range n {
				r, err := p.run(context.Background(), flow, i)
				if err != nil || r.Status == Failed {
					t.Fatal(system, flow, r.Status, err)
				}
				o := reduced.Orbit(r.U0, r.Z0)
				if o.Trapped == (r.Status == trapped) {
					same++
				}
				if flow != "exact" && r.Status == trapped && math.Abs(o.Z-r.Z1) > 0.01 {
					t.Errorf("%s, %s from (%.3f, %.3f): on the line at z = %.4f, want %.4f", system, flow, r.U0, r.Z0, r.Z1, o.Z)
				}
			}
			// A start close to the separatrix is still on its way when the time is up.
			least := n - 2
			if flow == "exact" {
				least = n * 8 / 10
			}
			if same < least {
				t.Errorf("%s, %s: %d of %d orbits end where the reduced system says", system, flow, same, n)
			}
		}
	}
	// A teacher in the singular set: u falls everywhere, and no part repels.
	p, err := newPortrait(portraitSpec{Z: 2.5, Until: 1e5}, "inside")
	if err != nil {
		t.Fatal(err)
	}
	if p.line.Stability(0) != dynamics.Neutral || p.published.K != 0 {
		t.Error("a teacher of one unit: the line is not neutral")
	}
	for i := range 20 {
		if r, err := p.run(context.Background(), "exact", i); err != nil || r.Status == Failed || r.Status == waiting && r.U1 > r.U0 && math.Abs(r.Z0) < .9 {
			t.Errorf("from (%.3f, %.3f): u = %v, %s, %v", r.U0, r.Z0, r.U1, r.Status, err)
		}
	}
}

func TestPhasePortraitRefuses(t *testing.T) {
	good := portraitSpec{Systems: []string{"own"}, Flows: portraitFlows, Z: 2, Student: ModelText("mlp:hidden=2"), Truth: ModelText("mlp:hidden=3"), Teacher: []float64{.4, 1, 2, 1, 1, 1}}
	if err := checkPortrait(good); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(s *portraitSpec){
		"known are": func(s *portraitSpec) { s.Systems = []string{"T3"} },
		"published": func(s *portraitSpec) { s.Flows = []string{"steady"} },
		"θ has 1":   func(s *portraitSpec) { s.Teacher = []float64{1} },
		"one input": func(s *portraitSpec) {
			s.Student, s.Truth, s.Teacher = ModelText("mlp:hidden=2,in=2"), ModelText("mlp:hidden=1,in=2"), []float64{1, .2, 1}
		},
		"erf units":     func(s *portraitSpec) { s.Student = ModelText("mlp:hidden=2,act=tanh") },
		"number from 0": func(s *portraitSpec) { s.U = -1 },
	} {
		s := good
		change(&s)
		if err := checkPortrait(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}
