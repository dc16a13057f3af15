package dynamics

import (
	"context"
	"math"
	"testing"
)

func reducedSystems(t testing.TB) map[string]*Reduced {
	t.Helper()
	out := map[string]*Reduced{}
	add := func(name string, o *Objective) {
		for _, c := range []Closure{Published, QuasiSteady} {
			r, err := bestLine(t, o).Reduced(c)
			if err != nil {
				t.Fatal(err)
			}
			out[name+" "+c.String()] = r
		}
	}
	for _, name := range []string{"T+", "T-", "T1"} {
		add(name, teacher(t, "mlp:hidden=2", "mlp:hidden=2", fixtures[name].at...))
	}
	add("mixture", teacher(t, "mixture:k=2,sd=1", "mixture:k=2,sd=1", .5, -1, 1))
	return out
}

// D2: the first integrals are constant along the reduced systems.
func TestD2FirstIntegrals(t *testing.T) {
	for name, r := range reducedSystems(t) {
		for _, start := range [][]float64{{.2, 1.2}, {.3, 2}, {.05, .3}, {.1, -1.5}, {.2, -.4}} {
			p, err := Run(context.Background(), r.Flow(Tolerances{1e-12, 1e-12}), r.Loss, start,
				Clock{Until: .3 / math.Abs(r.K) * (1 + r.Scale*r.Scale), Points: 40, Event: func(x []float64) float64 { return x[0] - .6 }}, nil)
			if err != nil {
				t.Fatal(name, err)
			}
			for i := range p.T {
				x := p.Theta.RawRowView(i)
				// The logarithm has no digits left where z is 0 to all purposes.
				if math.Abs(x[1]) < 1e-3 {
					continue
				}
				if d := math.Abs(r.Invariant(x[0], x[1]) - r.Invariant(start[0], start[1])); d > 1e-8 {
					t.Errorf("%s from %v: drift %.2g at τ = %g", name, start, d, p.T[i])
					break
				}
			}
		}
	}
}

// D2: along the exact flow the quasi-steady integral moves by less than 5 % of
// the change of ½u², the published one by 5 to 45 %.
func TestD2FirstIntegralsAlongTheExactFlow(t *testing.T) {
	o := teacher(t, "mlp:hidden=2", "mlp:hidden=2", fixtures["T1"].at...)
	l := bestLine(t, o)
	quasi, _ := l.Reduced(QuasiSteady)
	published, _ := l.Reduced(Published)
	theta, u, s := make([]float64, 4), make([]float64, 1), make([]float64, 1)
	for _, c := range []struct{ u, z, du2, published, quasi float64 }{
		{.2, 1.2, -.0199, -.00112, .00069},
		{.3, 2, -.0450, -.01860, .00089},
	} {
		l.Theta(theta, []float64{c.u}, c.z)
		p, err := Run(context.Background(), NewGradientFlow(o, Tolerances{}), o.Loss, theta, Clock{Until: 20000, Points: 2}, nil)
		if err != nil || p.Stop != Done {
			t.Fatal(p.Stop, err)
		}
		end, _ := p.End()
		z, _ := l.Coordinates(u, s, end)
		du2 := (u[0]*u[0] - c.u*c.u) / 2
		if math.Abs(du2-c.du2) > 1.5e-4 {
			t.Errorf("from (%v, %v): Δ½u² = %.4f, want %v", c.u, c.z, du2, c.du2)
		}
		dq := quasi.Invariant(u[0], z) - quasi.Invariant(c.u, c.z)
		dp := published.Invariant(u[0], z) - published.Invariant(c.u, c.z)
		if math.Abs(dq/du2) > .05 || math.Abs(dp/du2) < .05 || math.Abs(dp/du2) > .45 {
			t.Errorf("from (%v, %v): relative drift %.3f quasi-steady, %.3f published", c.u, c.z, dq/du2, dp/du2)
		}
		if math.Abs(dq-c.quasi) > 2e-4 || math.Abs(dp-c.published) > 2e-4 {
			t.Errorf("from (%v, %v): drift %.5f quasi-steady, %.5f published, want %v, %v", c.u, c.z, dq, dp, c.quasi, c.published)
		}
	}
}

// A teacher in the singular set: the reduced system with K = 0 against the exact flow,
// and its coefficient against the rate that numpy found (start (.3, .4): du/dτ =
// −c u³ with c = 5.57e-4 at z = 0.445; E[(Pφ_ss)²] = .0166062).
func TestReducedSystemOfANeutralLine(t *testing.T) {
	o := teacher(t, "mlp:hidden=2", "mlp:hidden=1", 1, 1)
	l := bestLine(t, o)
	r, err := l.Reduced(QuasiSteady)
	if err != nil {
		t.Fatal(err)
	}
	if want := .0166062 / 64; math.Abs(r.Flat/want-1) > 1e-5 {
		t.Errorf("S = %v, want %v", r.Flat, want)
	}
	f := make([]float64, 2)
	r.Field(f, []float64{.1, .445})
	if c := -f[0] / 1e-3; math.Abs(c-5.57e-4) > 1e-6 {
		t.Errorf("c = %v", c)
	}
	start := []float64{.3, .4}
	theta, u, s := make([]float64, 4), make([]float64, 1), make([]float64, 1)
	l.Theta(theta, start[:1], start[1])
	p, err := Run(context.Background(), NewStiffGradientFlow(o, Tolerances{}), o.Loss, theta, Clock{Until: 1e6, Points: 2}, nil)
	if err != nil || p.Stop != Done {
		t.Fatal(p.Stop, err)
	}
	q, err := Run(context.Background(), r.Flow(Tolerances{}), r.Loss, start, Clock{Until: 1e6, Points: 2}, nil)
	if err != nil || q.Stop != Done {
		t.Fatal(q.Stop, err)
	}
	end, _ := p.End()
	z, _ := l.Coordinates(u, s, end)
	x, _ := q.End()
	if math.Abs(x[0]/u[0]-1) > .01 || math.Abs(x[1]-z) > .003 {
		t.Errorf("exact (%v, %v), reduced %v", u[0], z, x)
	}
	orbit := r.Orbit(.3, .4)
	if d := math.Abs(r.Invariant(x[0], x[1]) - r.Invariant(.3, .4)); !orbit.Trapped || math.Abs(orbit.Z-z) > .01 || d > 1e-8 {
		t.Errorf("orbit %+v, drift %g", orbit, d)
	}
	// A mixture at one normal: du/dτ = −2V²u³/(1+z²), V = π₁π₂.
	r, err = bestLine(t, teacher(t, "mixture:k=2,sd=1", "mixture:k=1,sd=1", .3)).Reduced(QuasiSteady)
	if err != nil || math.Abs(r.Flat-1./32) > 1e-10 {
		t.Errorf("mixture: S = %v, %v, want 1/32", r.Flat, err)
	}
}

// What Orbit and Plateau say is what the flow does.
func TestOrbitsOfTheReducedSystems(t *testing.T) {
	for name, r := range reducedSystems(t) {
		for _, z0 := range []float64{.3, .8, 1.3, 2, -1.4} {
			sep := r.Separatrix(z0)
			for _, u0 := range []float64{.9 * sep, 1.1 * sep, 1e-3} {
				if u0 > 1 {
					continue // far outside the regime of the reduced systems
				}
				orbit := r.Orbit(u0, z0)
				exit := 1.5 * max(u0, r.Separatrix(z0))
				want := r.Plateau(u0, z0, exit)
				until := 60 / math.Abs(r.K) * (1 + r.Scale)
				if !math.IsInf(want, 1) {
					until = 2 * want
				}
				p, err := Run(context.Background(), r.Flow(Tolerances{1e-13, 1e-11}), r.Loss, []float64{u0, z0},
					Clock{Until: until, Points: 400, Event: func(x []float64) float64 { return x[0] - exit }}, nil)
				if err != nil {
					t.Fatal(err)
				}
				x, tau := p.End()
				least := u0
				for i := range p.T {
					least = min(least, p.Theta.At(i, 0))
				}
				switch {
				case orbit.Trapped:
					if p.Stop != NoEvent || math.Abs(x[1]-orbit.Z) > 1e-6 || x[0] > 1e-4*u0 {
						t.Errorf("%s from (%.3g, %v): %v at %v, want the line at z = %v", name, u0, z0, p.Stop, x, orbit.Z)
					}
				case p.Stop != AtEvent || math.Abs(tau/want-1) > 1e-6:
					t.Errorf("%s from (%.3g, %v): %v at τ = %v, want %v", name, u0, z0, p.Stop, tau, want)
				case least < orbit.Nearest*(1-1e-9) || least > orbit.Nearest*1.05+1e-12:
					t.Errorf("%s from (%.3g, %v): |u| ≥ %v, want %v", name, u0, z0, least, orbit.Nearest)
				}
			}
		}
	}
}

// D6: the basin of the attracting part ends at |u| = r|z−1| near (0, 1), for the
// exact flow from (s*, r*) as well: |u|/r(z_c−1) tends to 1 as the start approaches
// the line, once it is waited long enough to see which side an orbit takes (τ ~ 1e5;
// a shorter wait counts slow leavers as trapped).
func TestD6BasinBoundary(t *testing.T) {
	o := teacher(t, "mlp:hidden=2", "mlp:hidden=2", fixtures["T+"].at...)
	l := bestLine(t, o)
	quasi, _ := l.Reduced(QuasiSteady)
	if got := quasi.Separatrix(1 + 1e-3); math.Abs(got/(1e-3*l.R)-1) > 1e-3 {
		t.Errorf("separatrix at z = 1.001: %v", got)
	}
	theta, u, s := make([]float64, 4), make([]float64, 1), make([]float64, 1)
	trapped := func(u0, z0 float64) bool {
		l.Theta(theta, []float64{u0}, z0)
		p, err := Run(context.Background(), NewStiffGradientFlow(o, Tolerances{}), o.Loss, theta,
			Clock{Until: 1e6, Points: 2, Event: func(x []float64) float64 {
				z, _ := l.Coordinates(u, s, x)
				return min(z-1, math.Abs(u[0])-.01*u0) // past the turning point, or landed
			}}, nil)
		if err != nil || p.Stop != AtEvent {
			t.Fatal(p.Stop, err)
		}
		end, _ := p.End()
		z, _ := l.Coordinates(u, s, end)
		return z > 1+1e-9
	}
	last := math.Inf(1)
	for _, u := range []float64{.4, .2, .1} {
		lo, hi := 1+.8*u/l.R, 1+1.2*u/l.R
		for range 8 {
			if mid := (lo + hi) / 2; trapped(u, mid) {
				hi = mid
			} else {
				lo = mid
			}
		}
		off := ((lo+hi)/2-1)*l.R/u - 1
		if math.Abs(off) > .06 || math.Abs(off) > last {
			t.Errorf("u = %v: (z_c−1)r/u − 1 = %.4f, %.4f at twice the distance", u, off, last)
		}
		last = math.Abs(off)
	}
}
