package modeltest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

// recorder is a T that keeps the failures.
type recorder struct{ failures []string }

func (r *recorder) Helper()             {}
func (r *recorder) Logf(string, ...any) {}
func (r *recorder) Errorf(f string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(f, args...))
}

// rules returns the names of the rules that failed.
func (r *recorder) rules() []string {
	var out []string
	for _, f := range r.failures {
		_, rest, _ := strings.Cut(f, ": rule ")
		name, _, _ := strings.Cut(rest, ":")
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// toyPoints returns new slices, for one of the faults is to change θ.
func toyPoints() [][]float64 { return [][]float64{{0.7, 0.5, 1.3}, {-1.1, 0.4, 0.4}} }

func toyOptions() Options {
	return Options{Draws: 200_000, Sub: []Nested{{toy{}, []float64{0.5, 0.8, 1}}}}
}

func TestToyIsSound(t *testing.T) { Run(t, toy{}, toyPoints(), toyOptions()) }

// TestEveryFaultIsFound breaks one thing of the toy at a time. want is the rule
// that must notice it; other rules may notice it too.
func TestEveryFaultIsFound(t *testing.T) {
	for _, tt := range []struct{ fault, want string }{
		{"params", "params"},
		{"sample-random", "sample"},
		{"sample-x", "sample"},
		{"sample-theta", "sample"},
		{"sample-law", "law"}, // 2 % in the variance of the draws
		{"bind", "bind"},
		{"loglik", "terms"}, // 2 %
		{"domain", "domain"},
		{"theta", "pure"},
		{"data", "pure"},
		{"memory", "pure"},
		{"twins", "race"},
		{"score", "score"}, // 2 % in one coordinate
		{"score-loglik", "score"},
		{"score-terms", "score-terms"}, // the sign of one entry
		{"hess", "hess"},               // 2 % in one entry
		{"em", "em"},
		{"start", "start"},
		{"logliks", "logliks"},
		{"weight", "weights"},
		{"weighted-score", "weights"},
		{"batch", "batch"},
		{"allocs", "allocs"},
		{"free", "unconstrainer"},
		{"pull", "unconstrainer"}, // 2 % in the chain rule
		{"score-free", "free"},    // 2 % in one coordinate
		{"score-free-loglik", "free"},
		{"curve", "free"}, // 2 % in one entry
		{"curve-score", "free"},
		{"canonical-twice", "canonical"},
		{"canonical-law", "canonical"},
		{"embed", "embed"},
		{"project", "strata"},
		{"tangent", "tangent"},
		{"singular", "singular"},
		{"regular", "singular"},
		{"fisher", "fisher-nodes"},   // 2 % in one entry of F
		{"fisher-v", "fisher-nodes"}, // 2 % in another
		{"nodes", "fisher-nodes"},
		{"fisher-factor", "fisher-factor"}, // 2 % in one entry of R
		{"fisher-point", "fisher-point"},   // 2 % in one entry of the elemental information
	} {
		t.Run(tt.fault, func(t *testing.T) {
			if raceEnabled && (tt.want == "allocs" || tt.fault == "memory") {
				t.Skip("the race detector would find the fault first")
			}
			opts := toyOptions()
			if tt.want != "law" {
				opts.Skip = map[string]string{"law": "another rule is on trial"}
			}
			if slices.Contains([]string{"data", "theta", "sample-theta"}, tt.fault) {
				opts.Skip["race"] = "the fault is a race, which the detector would report here"
			}
			var r recorder
			Run(&r, toy{tt.fault}, toyPoints(), opts)
			if !slices.Contains(r.rules(), tt.want) {
				t.Errorf("rule %s did not notice; failures: %q", tt.want, r.failures)
			}
		})
	}
}

// TestTwoPercentInFisherWithoutNodes: a model that cannot discretise its law
// leaves only simulated data to find the planted error of 2 %.
func TestTwoPercentInFisherWithoutNodes(t *testing.T) {
	type bare struct {
		models.Model
		models.Informer
		fmt.Stringer
	}
	point := [][]float64{{0.9, 0.4, 0.1}} // little noise, so that −H varies little
	for _, fault := range []string{"", "fisher", "fisher-v"} {
		var r recorder
		m := toy{fault}
		opts := toyOptions()
		opts.Draws = 1_600_000
		Run(&r, bare{m, m, m}, point, opts)
		want := []string{"law"}
		if fault == "" {
			want = nil
		}
		if !slices.Equal(r.rules(), want) {
			t.Errorf("fault %q: rules %v failed, want %v: %q", fault, r.rules(), want, r.failures)
		}
	}
	var r recorder
	opts := toyOptions()
	opts.Draws = 16_000 // relative standard error near 0.01
	Run(&r, bare{toy{}, toy{}, toy{}}, point, opts)
	if !slices.Equal(r.rules(), []string{"law"}) || !strings.Contains(r.failures[0], "too large to see an error of 2 %") {
		t.Errorf("with too few draws: %q", r.failures)
	}
}

type falseMaximum struct{ toy }

func (m falseMaximum) Bind(z *models.Data) (models.Likelihood, error) {
	l, err := m.toy.Bind(z)
	if err != nil {
		return nil, err
	}
	return maximized{l.(*toyLik)}, nil
}

func TestFalseMaximumIsFound(t *testing.T) {
	var r recorder
	Run(&r, falseMaximum{}, toyPoints(), Options{Skip: map[string]string{"law": "not on trial"}})
	if !slices.Contains(r.rules(), "maximum") {
		t.Errorf("not noticed: %q", r.failures)
	}
}

// TestOptionsAreChecked: a capability that is missing, a rule that does not
// exist, a text that does not parse, a panic.
// A falseAverage is an erf network with a fault of 2 % in its average.
type falseAverage struct {
	*models.MLP
	fault string
}

func (m falseAverage) Average(models.Model, []float64) (models.Averaged, models.Route) {
	l, route := m.MLP.Average(m.MLP, []float64{.8, 1.3, .7, 1.2})
	return brokenAverage{l, m.fault}, route
}

type brokenAverage struct {
	models.Averaged
	fault string
}

func (l brokenAverage) Divergence(theta []float64) (kl, errBound float64) {
	kl, errBound = l.Averaged.Divergence(theta)
	if l.fault == "divergence" {
		kl *= 1.02
	}
	return kl, errBound
}

func (l brokenAverage) Score(dst, theta []float64) float64 {
	ll := l.Averaged.Score(dst, theta)
	if l.fault == "score" {
		dst[2] *= 1.02
	}
	return ll
}

func (l brokenAverage) Hess(dst *mat.SymDense, theta []float64) {
	l.Averaged.Hess(dst, theta)
	if l.fault == "hess" {
		dst.SetSym(0, 2, dst.At(0, 2)*1.02)
	}
}

func TestFalseAverageIsFound(t *testing.T) {
	mlp := mustParse("mlp").(*models.MLP)
	for _, fault := range []string{"", "divergence", "score", "hess"} {
		opts := Options{Skip: map[string]string{}}
		for _, r := range rules() {
			if r.name != "average" {
				opts.Skip[r.name] = "the average is on trial"
			}
		}
		var r recorder
		Run(&r, falseAverage{mlp, fault}, [][]float64{{.8, 1.3, .7, 1.2}}, opts)
		if found := slices.Equal(r.rules(), []string{"average"}); found != (fault != "") {
			t.Errorf("fault %q: %q", fault, r.failures)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	skip := map[string]string{"law": "not on trial"}
	for _, tt := range []struct {
		opts   Options
		points [][]float64
		want   string
	}{
		{Options{Have: []string{"Scorer", "Maximizer"}, Skip: skip}, toyPoints(), "Maximizer is missing"},
		{Options{Skip: map[string]string{"lawn": "typing", "law": "slow"}}, toyPoints(), `"lawn", which is no rule`},
		{Options{Text: "toy", Skip: skip}, toyPoints(), "which Parse refuses"},
		{Options{}, [][]float64{{1, 1, -1}}, "a point given to Run"},
		{Options{}, nil, "no points"},
	} {
		var r recorder
		Run(&r, toy{}, tt.points, tt.opts)
		if len(r.failures) != 1 || !strings.Contains(r.failures[0], tt.want) {
			t.Errorf("want one failure with %q, got %q", tt.want, r.failures)
		}
	}
}

func TestCapabilities(t *testing.T) {
	l, err := toy{}.Bind(&models.Data{N: 1, P: 1, Q: 1, V: []float64{1, 2}})
	if err != nil {
		t.Fatal(err)
	}
	got := Capabilities(toy{}, l)
	want := []string{"Scorer", "TermScorer", "Hesser", "FreeScorer", "Curver", "EMStepper", "Batcher", "Starter", "BatchLogLiker", "Reweighter", "Inputter",
		"Informer", "Factorer", "PointInformer", "Canonicalizer", "Stratified", "Unconstrainer", "Nester", "Domainer", "Noder"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}
