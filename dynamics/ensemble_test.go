package dynamics

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/neuromanifold/neuromanifold/models"
)

// A trajectory is the same alone and in company, together or one after the other, and
// without a Stepper it is the on-line gradient itself.
func TestEnsembleTrajectoriesAreTheirOwn(t *testing.T) {
	for _, c := range []struct {
		model     string
		together  bool
		at, start []float64
	}{
		{"mlp:hidden=2,act=tanh", true, []float64{.5, 2, 1, 1}, []float64{.3, 1, .5, 1.2}},
		{"rbf:hidden=2", false, []float64{-.8, 1, 1, .7}, []float64{-.3, .2, .5, .8}},
	} {
		o := teacher(t, c.model, c.model, c.at...)
		run := func(n, mine int, steps ...int) []float64 {
			starts := make([][]float64, n)
			for i := range starts {
				starts[i] = c.start
			}
			e, err := NewEnsemble(o, starts, models.OnlineOptions{Step: .01}, func(i int) *rand.Rand {
				if i == mine {
					return pcg(99)
				}
				return pcg(uint64(i))
			})
			if err != nil {
				t.Fatal(err)
			}
			if e.Together() != c.together || e.Len() != n {
				t.Errorf("%s: together %v", c.model, e.Together())
			}
			for _, k := range steps {
				e.Advance(k)
			}
			theta := make([]float64, 4)
			e.At(theta, mine)
			return theta
		}
		want := run(1, 0, 300)
		for _, got := range [][]float64{run(5, 3, 300), run(17, 16, 1, 99, 200)} {
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("%s: coordinate %d is %v in company, %v alone", c.model, i, got[i], want[i])
				}
			}
		}
		if c.together {
			continue
		}
		src, err := NewSampled(o, 1)
		if err != nil {
			t.Fatal(err)
		}
		sgd, err := NewSGD(src, 4, .01)
		if err != nil {
			t.Fatal(err)
		}
		x, rng := append([]float64(nil), c.start...), pcg(99)
		for range 300 {
			if _, err := sgd.Step(x, 0, rng); err != nil {
				t.Fatal(err)
			}
		}
		for i := range want {
			if x[i] != want[i] {
				t.Fatalf("%s: the on-line gradient has %v, the ensemble %v", c.model, x[i], want[i])
			}
		}
	}
}

func TestEnsembleWatches(t *testing.T) {
	o := teacher(t, "mlp:hidden=2", "mlp:hidden=2", .5, 2, 1, 1)
	starts := [][]float64{{.3, 1, .5, 1.2}, {.3, 1, .5, 1.2}}
	e, err := NewEnsemble(o, starts, models.OnlineOptions{Step: .01}, func(i int) *rand.Rand { return pcg(uint64(i)) })
	if err != nil {
		t.Fatal(err)
	}
	var seen [2]int
	if err := e.Watch(t.Context(), 1, .1, func(i int, tau float64, _ []float64) bool {
		seen[i]++
		return i == 1 || tau < .45
	}); err != nil {
		t.Fatal(err)
	}
	if seen != [2]int{5, 10} || math.Abs(e.Time()-1) > 1e-12 {
		t.Errorf("seen %v times by τ = %v", seen, e.Time())
	}
}

func TestEnsembleRefuses(t *testing.T) {
	o := teacher(t, "mlp:hidden=2,act=tanh", "mlp:hidden=2,act=tanh", .5, 2, 1, 1)
	rbf := teacher(t, "rbf:hidden=2", "rbf:hidden=2", -.8, 1, 1, .7)
	series := teacher(t, "arma:p=1,q=1,var=1", "arma:p=1,q=1,var=1", .5, .2)
	stream := func(int) *rand.Rand { return pcg(1) }
	start := [][]float64{{1, 1, 1, 1}}
	for name, f := range map[string]func() (*Ensemble, error){
		"no step":  func() (*Ensemble, error) { return NewEnsemble(o, start, models.OnlineOptions{}, stream) },
		"no start": func() (*Ensemble, error) { return NewEnsemble(o, nil, models.OnlineOptions{Step: 1}, stream) },
		"a short start": func() (*Ensemble, error) {
			return NewEnsemble(o, [][]float64{{1}}, models.OnlineOptions{Step: 1}, stream)
		},
		"no noise": func() (*Ensemble, error) {
			return NewEnsemble(rbf, start, models.OnlineOptions{Step: 1, NoiseFree: true}, stream)
		},
		"a series": func() (*Ensemble, error) {
			return NewEnsemble(series, [][]float64{{.1, .1}}, models.OnlineOptions{Step: 1}, stream)
		},
	} {
		if _, err := f(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
