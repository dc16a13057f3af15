package experiments

import (
	"math"
	"testing"

	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
)

// The errors of a row: the training error is the family's likelihood, and on white
// noise the generalisation error has the closed form ½(φ+θ)²/(1−θ²).
func TestMLEARMARowIsTheLikelihood(t *testing.T) {
	s := mleARMASpec{Root: 0.5, Bound: 0.9}
	m, err := models.NewARMA(1, 1, models.ARMASettings{Var: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range []float64{0, 2} {
		cell := NewCell(Var{"h", h}, Var{"n", 80})
		truth := arma11Truth(s.Root, h, 80)
		for i := range 10 {
			k := mc.Key{Seed: 12, Replicate: i}
			z, err := mleARMAData(s, cell, k)
			if err != nil {
				t.Fatal(err)
			}
			r, err := fitMLEARMA(s, cell, k)
			if err != nil {
				t.Fatal(err)
			}
			l, err := m.Bind(z)
			if err != nil {
				t.Fatal(err)
			}
			if want := 2 * (l.LogLik(truth) - l.LogLik([]float64{r.Phi, r.Theta})); math.Abs(r.Train-want) > 1e-9 {
				t.Errorf("h = %v: training error %v, the likelihood gives %v", h, r.Train, want)
			}
			if want := 80 * (r.Phi + r.Theta) * (r.Phi + r.Theta) / (1 - r.Theta*r.Theta); h == 0 && math.Abs(r.Gen-want) > 1e-8*(1+want) {
				t.Errorf("generalisation error %v, closed form %v", r.Gen, want)
			}
		}
	}
}

// The limit process drawn as a sum has the suprema of the table of the sech
// process (10⁶ draws in numpy, s.e. 0.002: 2.1169 for |ρ| ≤ 0.8, 2.6178 for 0.95),
// and the place of its maximum is symmetric, nearly but not quite uniform between
// the ends: inside, the middle half of the line holds a little more than half. A
// law of places that is exactly uniform would give ½.
func TestARMAPlacesOfTheLimitProcess(t *testing.T) {
	for bound, mean := range map[float64]float64{0.8: 2.1169, 0.95: 2.6178} {
		if bound == 0.95 && testing.Short() {
			continue
		}
		s := mleARMASpec{Root: 0.5, Bound: bound, Draws: 20000}
		x := Sample[armaPlace]{Rows: armaPlaces(s, 0), Replicates: make([]int, s.Draws)}
		var inside Sample[armaPlace]
		for i, p := range x.Rows {
			x.Replicates[i] = i
			if !p.edge {
				inside.Rows, inside.Replicates = append(inside.Rows, p), append(inside.Replicates, i)
			}
		}
		m, se, _ := Mean(func(p armaPlace) float64 { return p.t })(x)
		within(t, "mean of the supremum", m, se, mean, 0.002)
		m, se, _ = Mean(func(p armaPlace) float64 { return p.s })(x)
		within(t, "mean place", m, se, 0, 0)
		m, se, _ = Fraction(func(p armaPlace) bool { return math.Abs(p.s) < math.Atanh(bound)/2 })(inside)
		if m-0.5 < 3*se || m > 0.56 {
			t.Errorf("bound %v: the middle half holds %.4f ± %.4f of the places inside", bound, m, se)
		}
	}
	// Far off the line the model is regular: both errors tend to 2.
	for _, p := range []struct {
		name string
		of   func(p armaPlace) float64
	}{{"2n E_gen", func(p armaPlace) float64 { return p.gen }}, {"−2n E_train", func(p armaPlace) float64 { return -p.train }}} {
		x := Sample[armaPlace]{Rows: armaPlaces(mleARMASpec{Bound: 0.95, Draws: 4000}, 15), Replicates: make([]int, 4000)}
		for i := range x.Replicates {
			x.Replicates[i] = i
		}
		m, se, _ := Mean(p.of)(x)
		within(t, p.name, m, se, 2, 0.05)
	}
}

// Series of 400: the estimate sits on the bound, and in the middle half of the line,
// as often as the limit process says (|ρ| ≤ 0.8), within four standard errors and
// 0.03 for finite n.
func TestMLEARMAEstimatesRunAlongTheLine(t *testing.T) {
	r := 300
	if testing.Short() {
		r = 100
	}
	s := mleARMASpec{Root: 0.5, Bound: 0.8, Draws: 10000}
	places := armaPlaces(s, 0)
	x := sampleOf(t, r, func(k mc.Key) (mleARMARow, error) {
		return fitMLEARMA(s, NewCell(Var{"h", 0.0}, Var{"n", 400}), k)
	})
	reach := math.Atanh(s.Bound)
	edge, middle := 0.0, 0.0
	for _, p := range places {
		if p.edge {
			edge += 1 / float64(s.Draws)
		}
		if math.Abs(p.s) < reach/2 {
			middle += 1 / float64(s.Draws)
		}
	}
	m, se, _ := Fraction(func(r mleARMARow) bool { return r.Status == Boundary })(x)
	within(t, "on the bound", m, se, edge, 0.0075)
	m, se, _ = Fraction(func(r mleARMARow) bool { return math.Abs(r.S) < reach/2 })(x)
	within(t, "in the middle half", m, se, middle, 0.0075)
}
