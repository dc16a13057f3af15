package experiments

import (
	"math"
	"testing"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
)

func sizePowerSample(t *testing.T, s sizePowerSpec, root int, h float64, n, r int) Sample[sizePowerRow] {
	cell := NewCell(Var{"root", root}, Var{"h", h}, Var{"n", n})
	return sampleOf(t, r, func(k mc.Key) (sizePowerRow, error) {
		rows, err := replicateSizePower(t.Context(), s, cell, k)
		if err != nil {
			return sizePowerRow{}, err
		}
		return rows[0], nil
	})
}

// With the variance known the statistic of centred data has no parameter, so that
// the bootstrap has its level at every n, and a test that orders a statistic among
// B of the bootstrap has too (Dwass 1957): the warp-speed share is 0.1 within
// four standard errors, and so is that of ranks, whose errors are binomial. χ² at n
// = 40 rejects far less often than its level.
func TestSizePowerBootstrapHasItsLevel(t *testing.T) {
	r := 400
	if testing.Short() {
		r = 100
	}
	s := sizePowerSpec{H: []float64{1}, Share: 0.5, Variance: "known", Bound: 3, Level: 0.1, Starts: 2, Samples: 9, Draws: 2000}
	x := sizePowerSample(t, s, 0, 0, 40, r)
	one, _, _, err := sizePowerTests(s)
	if err != nil {
		t.Fatal(err)
	}
	size := map[string]float64{}
	for _, test := range one {
		m, se, _ := test.reject(x)
		size[test.name] = m
		if test.name == "bootstrap" {
			within(t, "size of the warp-speed bootstrap", m, se, s.Level, 0)
		}
	}
	if !(size["χ²(2)"] < s.Level/2) {
		t.Errorf("χ²(2) rejects %v of true null hypotheses at n = 40", size["χ²(2)"])
	}
	m, _, _ := Fraction(func(r sizePowerRow) bool {
		for _, v := range r.TStar {
			if v >= r.T {
				return false
			}
		}
		return true // first of 10
	})(x)
	within(t, "size of the bootstrap with 9 samples", m, math.Sqrt(0.1*0.9/float64(r)), 0.1, 0)
}

// At u = h n^(−1/4) the EM-test with the variance known has the power of its local
// limit, P(Z + δ > 1.645) with δ = v(1−v)h²/√2: 0.1742 at h = 2 and 0.4785 at h = 3, v
// = ½ (erfc). At h = 3 a share of 150 samples of 250 within four standard errors.
func TestSizePowerOfTheEMTest(t *testing.T) {
	if testing.Short() {
		t.Skip("EM-tests")
	}
	one, err := models.NewMixture(models.MixtureSettings{K: 1, Variance: models.VarKnown})
	if err != nil {
		t.Fatal(err)
	}
	for h, want := range map[float64]float64{2: 0.1741872616, 3: 0.4785220106} {
		if got := emTestPower(0.05, 0.25*h*h/math.Sqrt2); math.Abs(got-want) > 1e-9 {
			t.Errorf("h = %v: local power %v, want %v", h, got, want)
		}
		if h != 3 {
			continue
		}
		s := sizePowerSpec{Share: 0.5}
		cell := NewCell(Var{"root", 4}, Var{"h", h}, Var{"n", 250})
		x := sampleOf(t, 150, func(k mc.Key) (sizePowerRow, error) {
			z, err := s.truth(cell).sample(k)
			if err != nil {
				return sizePowerRow{}, err
			}
			em, err := estimation.EMTest(t.Context(), one, z, estimation.EMTestOptions{Starts: 1, Rand: k.Stream("em-test")})
			if err != nil {
				return sizePowerRow{}, err
			}
			return sizePowerRow{EM: em.P}, nil
		})
		m, se, _ := Fraction(func(r sizePowerRow) bool { return r.EM <= 0.05 })(x)
		within(t, "power of the EM-test", m, se, want, 0)
	}
}

// The statistics of a row: the truth is never above the fit, and one component
// never above two.
func TestSizePowerRow(t *testing.T) {
	for _, variance := range []string{"known", "tied", "free"} {
		s := sizePowerSpec{Share: 0.3, Variance: variance, Bound: 5, Level: 0.05, Starts: 2, Samples: 2}
		for _, r := range sizePowerSample(t, s, 6, 2, 60, 6).Rows {
			if r.T < 0 || r.R < 0 || len(r.TStar) != 2 || len(r.RStar) != 2 || !(r.EM >= 0 && r.EM <= 1) || r.Passes < 10 {
				t.Errorf("%s: %+v", variance, r)
			}
		}
	}
}
