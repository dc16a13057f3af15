package dynamics

import (
	"math"
	"testing"

	"github.com/neuromanifold/neuromanifold/models"
)

// D8: mixtures have no trap. κ₂ = Var(truth) − 1 > 0 makes the overlap repel for every
// weight, so that from near it every weight between the eliminations ends at the truth;
// the plateau at truth ±½ and ±1 lasts as long as in a simulation by scipy (derived
// here, to the digits given).
func TestD8MixturesHaveNoTrap(t *testing.T) {
	o := teacher(t, "mixture:k=2,sd=1", "mixture:k=2,sd=1", .5, 1, -1)
	for _, v := range []float64{.05, .1, .3, .5, .7, .9, .95} {
		start := []float64{v, .1 * (1 - v), -.1 * v}
		p, err := Run(t.Context(), NewGradientFlow(o, Tolerances{}), o.Loss, start, Clock{Until: 2000, Points: 2}, nil)
		if err != nil || p.Stop != Done {
			t.Fatal(v, p.Stop, p.Reason, err)
		}
		if l := p.Loss[1]; !(l < 1e-10) {
			t.Errorf("v = %v: ends at a loss of %g", v, l)
		}
	}
	for _, c := range []struct{ half, v, want float64 }{{.5, .6, 18.72}, {.5, .8, 30.79}, {1, .6, 4.505}, {1, .8, 7.094}} {
		o := teacher(t, "mixture:k=2,sd=1", "mixture:k=2,sd=1", .5, c.half, -c.half)
		start := []float64{c.v, .05 * (1 - c.v), -.05 * c.v}
		p, err := Run(t.Context(), NewGradientFlow(o, Tolerances{}), o.Loss, start, Clock{Until: 100, Points: 2,
			Event: func(x []float64) float64 { return x[1] - x[2] - .4 }}, nil)
		if err != nil || p.Stop != AtEvent {
			t.Fatal(p.Stop, err)
		}
		if _, tau := p.End(); math.Abs(tau/c.want-1) > 1e-3 {
			t.Errorf("truth ±%v, v = %v: u from .05 to .4 takes %.4f, want %v", c.half, c.v, tau, c.want)
		}
	}
}

// Every method runs on every family, or says why not: a sampled method on a series, EM
// where there is no EM step, recursive learning of anything but a series. What moves
// downhill without noise must end lower.
func TestEveryMethodOnEveryFamily(t *testing.T) {
	for _, c := range []struct {
		model     string
		at, start []float64
		no        map[string]bool
	}{
		{"cone:d=2", []float64{1, .5, .3}, []float64{.5, .9, .8}, refusing("em", "recursive")},
		{"mixture:k=2,sd=1", []float64{.4, -1, 1}, []float64{.5, -.5, .7}, refusing("recursive")},
		{"mixture:k=2,sd=free", []float64{.4, -1, 1, 1, .5}, []float64{.5, -.5, .7, 1, 1}, refusing("recursive")},
		{"contaminated", []float64{.3, 1.5}, []float64{.4, .8}, refusing("recursive")},
		{"mlp:hidden=2", []float64{.5, 2, 1, 1}, []float64{.3, 1, .5, 1.2}, refusing("em", "recursive")},
		{"mlp:hidden=3,in=2", []float64{1, 0, 0, 1, 1, 1, 1, 1, .5}, []float64{.8, .1, .1, .7, .5, .9, .8, 1.1, .4}, refusing("em", "recursive")},
		{"mlp:hidden=2,act=tanh", []float64{.5, 2, 1, 1}, []float64{.3, 1, .5, 1.2}, refusing("em", "recursive")},
		{"rbf:hidden=2", []float64{-.8, 1, 1, .7}, []float64{-.3, .4, .5, .8}, refusing("em", "recursive")},
		{"arma:p=1,q=1", []float64{.7, .1, 1}, []float64{.1, .3, 2}, refusing("em", "adaptive", "sgd", "momentum", "adam")},
		{"rrr:in=2,hidden=1,out=2", []float64{1, .5, .7, 1}, []float64{.7, .2, .4, .8}, refusing("em", "recursive")},
		{"crossing:powers=1+1", []float64{.7, 1}, []float64{.4, .8}, refusing("em", "recursive")},
		{"binmix:k=2,trials=5", []float64{.4, .3, .8}, []float64{.5, .4, .6}, refusing("recursive")},
	} {
		o := teacher(t, c.model, c.model, c.at...)
		for _, info := range Methods() {
			opt := MethodOptions{}
			if info.Sampled {
				opt.Step = .002
			}
			if info.Name == "adaptive" || info.Name == "natural" {
				opt.Damping = .1
			}
			flow, err := NewMethod(info.Name, o, c.start, opt)
			if c.no[info.Name] {
				if err == nil {
					t.Errorf("%s on %s: not refused", info.Name, c.model)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s on %s: %v", info.Name, c.model, err)
				continue
			}
			p, err := Run(t.Context(), flow, o.Loss, c.start, Clock{Until: .5, Points: 4}, pcg(1))
			if err != nil || p.Stop != Done || len(p.T) != 4 {
				t.Errorf("%s on %s: %v %s %v", info.Name, c.model, p.Stop, p.Reason, err)
				continue
			}
			if !info.Sampled && !(p.Loss[3] < p.Loss[0]) {
				t.Errorf("%s on %s: the loss goes from %v to %v", info.Name, c.model, p.Loss[0], p.Loss[3])
			}
			if x, _ := p.End(); models.CheckTheta(o.Model(), x) != nil {
				t.Errorf("%s on %s: ends at %v", info.Name, c.model, x)
			}
		}
	}
}

func refusing(names ...string) map[string]bool {
	m := map[string]bool{}
	for _, n := range names {
		m[n] = true
	}
	return m
}
