package dynamics

import (
	"context"
	"math"
	"testing"
)

// In both orders of the units the flow is the same one, from near the overlap, where it
// is in the chart, to the teacher, where it is in θ.
func TestNaturalKeepsTheOrderOfTheUnits(t *testing.T) {
	f := fixtures["T1"]
	o := teacher(t, "mlp:hidden=2", "mlp:hidden=2", f.at...)
	end := func(start []float64) []float64 {
		flow, err := NewMethod("natural", o, start, MethodOptions{})
		if err != nil {
			t.Fatal(err)
		}
		p, err := Run(context.Background(), flow, o.Loss, start, Clock{Until: 3}, nil)
		if err != nil || p.Stop != Done {
			t.Fatal(p.Stop, p.Reason, err)
		}
		for i := 1; i < len(p.T); i++ {
			if a := p.Theta.RawRowView(i); (a[1]-a[0])*(start[1]-start[0]) <= 0 {
				t.Errorf("the units change places at τ = %v", p.T[i])
			}
		}
		x, _ := p.End()
		return x
	}
	a := end([]float64{1.35, 1.45, 1, .6})
	b := end([]float64{1.45, 1.35, .6, 1})
	exchange(b)
	for i := range a {
		if math.Abs(a[i]-b[i]) > 1e-6 {
			t.Errorf("coordinate %d: %v and %v", i, a[i], b[i])
		}
	}
}

func TestEveryMethodRuns(t *testing.T) {
	for _, info := range Methods() {
		model, at, start := "mlp:hidden=2", []float64{.5, 2, 1, 1}, []float64{.3, 1, .5, 1.2}
		switch info.Name {
		case "em":
			model, at, start = "mixture:k=2,sd=1", []float64{.4, -1, 1}, []float64{.5, -.5, .7}
		case "recursive":
			model, at, start = "arma:p=1,q=1", []float64{.7, .1, 1}, []float64{.1, .3, 2}
		}
		o := teacher(t, model, model, at...)
		flow, err := NewMethod(info.Name, o, start, MethodOptions{})
		if err != nil {
			t.Fatalf("%s: %v", info.Name, err)
		}
		p, err := Run(context.Background(), flow, o.Loss, start, Clock{Until: 2, Points: 5}, pcg(1))
		if err != nil || p.Stop != Done || len(p.T) != 5 {
			t.Errorf("%s: %v %v %v", info.Name, p.Stop, p.Reason, err)
		}
	}
	if _, err := NewMethod("newton", teacher(t, "mlp", "mlp", 1, 1, 1, 1), nil, MethodOptions{}); err == nil {
		t.Error("an unknown method")
	}
	o := teacher(t, "mlp:hidden=2", "mlp:hidden=2", .5, 2, 1, 1)
	for _, v := range []float64{-1, math.NaN(), math.Inf(1)} {
		for _, opt := range []MethodOptions{{Step: v}, {Damping: v}, {Rate: v}, {Temperature: v}} {
			if _, err := NewMethod("natural", o, []float64{.3, 1, .5, 1.2}, opt); err == nil {
				t.Errorf("%+v accepted", opt)
			}
		}
	}
}
