package experiments

import (
	"math"
	"testing"

	"github.com/neuromanifold/neuromanifold/internal/mc"
)

// C4: means from an independent computation (numpy): one and two redundant step
// units, and the contaminated normal with an unbounded mean.
func TestC4GrowthFiniteN(t *testing.T) {
	for _, c := range []struct {
		kind     string
		n        int
		mean, se float64
	}{
		{"steps", 32, 7.20, 0.06}, {"steps", 128, 10.20, 0.09}, {"steps", 512, 13.33, 0.16},
		{"step", 32, 4.14, 0.06}, {"step", 128, 4.93, 0.09}, {"step", 512, 5.62, 0.16},
		{"contaminated", 30, 1.449, 0.039}, {"contaminated", 100, 1.548, 0.040},
	} {
		r := 800
		if testing.Short() {
			r = 100
		}
		x := sampleOf(t, r, func(k mc.Key) (lrtGrowthRow, error) {
			return lrtGrowthRow{T: growthStatistic(c.kind, whiteNoise(c.n, k).V)}, nil
		})
		m, se, _ := Mean(func(r lrtGrowthRow) float64 { return r.T })(x)
		within(t, NewCell(Var{"kind", c.kind}, Var{"n", c.n}).Name, m, se, c.mean, c.se)
	}
}

// C4: the mean of two step units rises with slope 1.8 to 2.6 against log n, that
// of one with less than 0.6.
func TestC4GrowthRates(t *testing.T) {
	mean := func(kind string, n int) float64 {
		x := sampleOf(t, 400, func(k mc.Key) (lrtGrowthRow, error) {
			return lrtGrowthRow{T: growthStatistic(kind, whiteNoise(n, k).V)}, nil
		})
		m, _, _ := Mean(func(r lrtGrowthRow) float64 { return r.T })(x)
		return m
	}
	slope := func(kind string) float64 { return (mean(kind, 1024) - mean(kind, 64)) / math.Log(16) }
	// Standard errors of the slopes are about 0.08 and 0.06.
	if s := slope("steps"); s < 1.8 || s > 2.6 {
		t.Errorf("two step units: slope %v, want 1.8 to 2.6", s)
	}
	if s := slope("step"); s > 0.6 {
		t.Errorf("one step unit: slope %v, want less than 0.6", s)
	}
}

// Given b the statistic of the contaminated normal is concave in a: no point of
// a grid over both lies above it.
func TestContaminatedStatisticAgainstGrid(t *testing.T) {
	for i := range 10 {
		x := whiteNoise(50, mc.Key{Seed: 7, Replicate: i}).V
		got := contaminatedStatistic(x)
		for b := -6.0; b <= 6; b += 0.05 {
			for a := 0.002; a <= 1; a *= 1.3 {
				ll := 0.0
				for _, v := range x {
					ll += math.Log1p(a * math.Expm1(b*(v-b/2)))
				}
				if 2*ll > got+1e-9 {
					t.Fatalf("replicate %d: %v at a = %v, b = %v lies above %v", i, 2*ll, a, b, got)
				}
			}
		}
	}
}
