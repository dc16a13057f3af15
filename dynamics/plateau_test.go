package dynamics

import (
	"context"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// From near the overlap the loss stands at that of the best single unit, L₁, until u has
// grown; from |z| > 1 it stays there (a trap), with K > 0.
func TestPlateauOfTwoUnits(t *testing.T) {
	f := fixtures["T+"]
	o := teacher(t, "mlp:hidden=2", "mlp:hidden=2", f.at...)
	for _, c := range []struct {
		z       float64
		escaped bool
	}{{.6, true}, {1.5, false}} {
		p, err := Run(context.Background(), NewGradientFlow(o, Tolerances{}), o.Loss, from(.1, c.z, f.s, f.r), Clock{Until: 100, Points: 400}, nil, DistanceProbes(o.Model())...)
		if err != nil || p.Stop != Done {
			t.Fatal(p.Stop, p.Reason, err)
		}
		qs := p.Plateaus()
		if len(qs) != 1 {
			t.Fatalf("z = %v: %d plateaus: %+v", c.z, len(qs), qs)
		}
		q := qs[0]
		if math.Abs(q.Level/f.l1-1) > 0.05 || q.From > 1 || q.Escaped != c.escaped || p.Names[q.Stratum] != "distance[overlap(1,2)]" {
			t.Errorf("z = %v: %+v near %s", c.z, q, p.Names[max(q.Stratum, 0)])
		}
		if !c.escaped {
			if q.To != 100 {
				t.Errorf("the trap ends at %v", q.To)
			}
			continue
		}
		// L₁/2 is crossed at 39.5 (spectral rate, see D4); the band is left before.
		if q.To < 20 || q.To > 39.5 {
			t.Errorf("the plateau ends at %v", q.To)
		}
		// It is left by driving the units apart.
		if q.Direction[0]*q.Direction[1] > 0 && math.Abs(q.Direction[0]-q.Direction[1]) < 0.1 {
			t.Errorf("escape along %v", q.Direction)
		}
	}
}

// A slow fall by less than a half is one plateau with what follows it.
func TestPlateauWithASlowBeginning(t *testing.T) {
	p := &Path{}
	for i := range 200 {
		p.T = append(p.T, float64(i))
		p.Loss = append(p.Loss, 1+.5*math.Exp(-.05*float64(i)))
	}
	p.Theta = mat.NewDense(200, 1, nil)
	if q := p.Plateaus(); len(q) != 1 || q[0].From > 10 || q[0].To != 199 || q[0].Escaped {
		t.Errorf("%+v", q)
	}
}

func TestFitDecayTellsTheLaws(t *testing.T) {
	var x, power, exp []float64
	for i := 1; i <= 60; i++ {
		v := float64(i) / 2
		x, power, exp = append(x, v), append(power, 3*math.Pow(v, -2)), append(exp, 3*math.Exp(-.7*v))
	}
	for _, c := range []struct {
		y         []float64
		algebraic bool
		exponent  float64
	}{{power, true, 2}, {exp, false, .7}} {
		d, ok := FitDecay(x, c.y, 1)
		if !ok || d.Algebraic != c.algebraic || math.Abs(d.Exponent-c.exponent) > 1e-10 || d.N != 59 || d.Ratio > 1e-10 {
			t.Errorf("%+v %v", d, ok)
		}
	}
	if _, ok := FitDecay(x[:4], power[:4], 0); ok {
		t.Error("a fit of four points")
	}
}
