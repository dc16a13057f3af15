package dynamics

import (
	"context"
	"math"
	"testing"
)

// D12: the first integral of the flow near an eliminated unit is constant along it,
// for erf and for radial units, and the flow is that of the network with the other
// unit frozen.
func TestD12EliminationTrajectories(t *testing.T) {
	for _, c := range []struct {
		model       string
		teacher, at []float64
		starts      [][]float64 // (w₂, v₂)
	}{
		{"mlp:hidden=2", []float64{.5, 2, 1, 1}, []float64{.6, 1, 1.2, 0}, [][]float64{{1, -.2}, {.4, .3}, {1.2, .1}, {2.5, -.4}}},
		{"rbf:hidden=2", []float64{-.8, 1, 1, .7}, []float64{-.5, 1, 1.2, 0}, [][]float64{{1, -.3}, {.4, .2}, {2, -.2}}},
	} {
		o := teacher(t, c.model, c.model, c.teacher...)
		e, err := NewElimination(o, c.at, 1)
		if err != nil {
			t.Fatal(err)
		}
		// dv₂ is that of the averaged loss at v₂ = 0, and dw₂ its first order in v₂.
		f := make([]float64, 4)
		g := make([]float64, 1)
		for _, w := range []float64{.3, 1, 2} {
			at := []float64{c.at[0], w, c.at[2], 0}
			o.Field(f, at)
			psi := e.Psi(g, []float64{w})
			if math.Abs(f[3]-psi) > 1e-13 {
				t.Errorf("%s: ψ(%v) = %v, want %v", c.model, w, psi, f[3])
			}
			at[3] = 1e-6
			o.Field(f, at)
			if math.Abs(f[1]/1e-6-g[0]) > 1e-5 {
				t.Errorf("%s: ψ′(%v) = %v, want %v", c.model, w, g[0], f[1]/1e-6)
			}
		}
		// Not longer: w tends to a zero of ψ′, the pole of the integrand, and digits go.
		for _, start := range c.starts {
			p, err := Run(context.Background(), e.Flow(Tolerances{1e-13, 1e-13}), zero, start, Clock{Until: 20, Points: 60}, nil)
			if err != nil || p.Stop != Done {
				t.Fatal(p.Stop, p.Reason, err)
			}
			crossed := false
			for i := range p.T {
				w, v := p.Theta.At(i, 0), p.Theta.At(i, 1)
				crossed = crossed || v*start[1] < 0
				rise, errEst := e.Rise(start[0], w)
				if drift := (v*v-start[1]*start[1])/2 - rise; !(math.Abs(drift) < 1e-9) || errEst > 1e-10 {
					t.Errorf("%s from %v: drift %g ± %g at τ = %.3g, w = %v", c.model, start, drift, errEst, p.T[i], w)
					break
				}
			}
			psi := e.Psi(g, start[:1])
			if psi*start[1] < 0 && !crossed {
				t.Errorf("%s from %v: v₂ has not crossed 0, ψ = %v", c.model, start, psi)
			}
		}
	}
}

// v = w = 0 is a saddle of the flow of odd units: v² − w² is constant there, and the
// stay is log(1/ε)/|g|.
func TestEliminationSaddle(t *testing.T) {
	o := teacher(t, "mlp:hidden=2", "mlp:hidden=2", .5, 2, 1, 1)
	e, err := NewElimination(o, []float64{.6, 0, .8, 0}, 1)
	if err != nil {
		t.Fatal(err)
	}
	// g = E[(f₀ − v₁φ(w₁x)) φ′(0) x] with E[φ(wx)x] = √(2/π) w/√(1+w²).
	b := func(w float64) float64 { return math.Sqrt(2/math.Pi) * w / math.Sqrt(1+w*w) }
	want := math.Abs(math.Sqrt(2/math.Pi) * (b(.5) + b(2) - .8*b(.6)))
	if got := e.Saddle(); math.Abs(got-want) > 1e-14 {
		t.Errorf("g = %v, want %v", got, want)
	}
	stay := func(eps float64) float64 {
		p, err := Run(context.Background(), e.Flow(Tolerances{1e-14, 1e-11}), zero, []float64{eps, 0},
			Clock{Until: 100, Points: 2, Event: func(x []float64) float64 { return math.Abs(x[1]) - .01 }}, nil)
		if err != nil || p.Stop != AtEvent {
			t.Fatal(p.Stop, err)
		}
		x, tau := p.End()
		if d := x[0]*x[0] - x[1]*x[1] - eps*eps; math.Abs(d) > 1e-6*x[0]*x[0]+1e-8 {
			t.Errorf("w² − v² has moved by %g", d)
		}
		return tau
	}
	if got := (stay(1e-8) - stay(1e-5)) * want / math.Log(1e3); math.Abs(got-1) > 1e-4 {
		t.Errorf("the stay grows by %v of log(1/ε)/|g|", got)
	}
	if _, err := NewElimination(o, []float64{.6, 0, .8, 0}, 2); err == nil {
		t.Error("a third unit of two accepted")
	}
}
