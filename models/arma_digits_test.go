package models

import (
	"encoding/json"
	"math"
	"os"
	"strconv"
	"testing"
)

// Twelve log-likelihoods known to 40 digits, by two algorithms in floating point
// of 640 bits that agree to 60 (models/internal/arma40, which also writes the
// file); five of them have a pole and a zero 9e-4 to 1e-12 apart. Float64 must
// give ten digits: the sums lose about n ε, the slow cycle and the near unit root
// some more.
func TestARMAFortyDigits(t *testing.T) {
	b, err := os.ReadFile("testdata/arma40/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name   string
		AR, MA []float64
		Mean   float64
		Sigma2 float64
		Near   float64
		Y      []float64
		LogLik string
	}
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	near, worst := 0, 0.0
	for _, c := range cases {
		want, err := strconv.ParseFloat(c.LogLik, 64)
		if err != nil {
			t.Fatal(err)
		}
		m, err := NewARMA(len(c.AR), len(c.MA), ARMASettings{Mean: true})
		if err != nil {
			t.Fatal(err)
		}
		l, err := m.Bind(&Data{N: len(c.Y), Q: 1, V: c.Y})
		if err != nil {
			t.Fatal(err)
		}
		theta := append(append(append([]float64{}, c.AR...), c.MA...), c.Mean, c.Sigma2)
		score := make([]float64, len(theta))
		terms := make([]float64, len(c.Y))
		l.Terms(terms, theta)
		sum := 0.0
		for _, v := range terms {
			sum += v
		}
		for route, got := range map[string]float64{"LogLik": l.LogLik(theta), "Score": l.(Scorer).Score(score, theta), "Terms": sum} {
			e := math.Abs(got/want - 1)
			worst = max(worst, e)
			if !(e <= 1e-10) {
				t.Errorf("%s: %s gives %.17g, exact %s", c.Name, route, got, c.LogLik)
			}
		}
		if c.Near > 0 && c.Near <= 1e-3 {
			near++
		}
	}
	if len(cases) != 12 || near < 4 {
		t.Errorf("%d cases, %d near cancellation", len(cases), near)
	}
	t.Logf("largest relative error %.2g", worst)
}
