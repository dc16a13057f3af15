package singular

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/neuromanifold/neuromanifold/models"
)

type lawRow struct {
	law       string
	mean, q95 float64
	zero      float64 // P(T = 0)
}

// checkLaws compares means, 95 % points and atoms with tabulated values, whose
// own standard errors are meanSE and q95SE: three joint standard errors and
// rounding. Two-sided false-alarm rate 0.27 % per number, seeds fixed.
func checkLaws(t *testing.T, meanSE, q95SE, rounding float64, rows []lawRow) {
	t.Helper()
	draws := DefaultDraws
	if testing.Short() {
		draws = 10_000
	}
	for i, r := range rows {
		t.Run(r.law, func(t *testing.T) {
			law, err := ParseLaw(r.law)
			if err != nil {
				t.Fatal(err)
			}
			lim, err := law.Run(draws, nil, newRand(uint64(100+i)))
			if err != nil {
				t.Fatal(err)
			}
			m, q, z := lim.Mean(), lim.Quantile(0.95), lim.PZero()
			near(t, "mean", m.Value, r.mean, 3*math.Hypot(m.SE, meanSE)+rounding)
			near(t, "q95", q.Value, r.q95, 3*math.Hypot(q.SE, q95SE)+10*rounding)
			near(t, "P(T=0)", z.Value, r.zero, 3*z.SE+0.001)
			t.Logf("grid error %.1e in the mean, %.1e at most, %d points, rank %d", lim.GridError, lim.LargestGridErr, lim.Grid, lim.Rank)
			if lim.GridError > 5e-4 || lim.LargestGridErr > 1e-2 {
				t.Errorf("grid error %g in the mean, %g at most, with %d points and rank %d", lim.GridError, lim.LargestGridErr, lim.Grid, lim.Rank)
			}
		})
	}
}

// The tables of limit laws below were simulated for this project before this
// package existed, with numpy and scipy: eigendecomposition of the correlation
// on a grid, 10⁶ draws, s.e. 0.002 of means and 0.01 of 95 % points.

func TestC3ContaminatedNormalLimitTable(t *testing.T) {
	checkLaws(t, 0.002, 0.01, 0.0005, []lawRow{
		{"contaminated:bound=1", 1.4138, 4.785, 0}, {"contaminated:bound=2", 1.8101, 5.573, 0},
		{"contaminated:bound=3", 2.1746, 6.182, 0}, {"contaminated:bound=5", 2.7794, 7.055, 0},
		{"contaminated:bound=8", 3.4543, 7.922, 0},
	})
}

func TestC3HomogeneityLimitTable(t *testing.T) {
	checkLaws(t, 0.002, 0.01, 0.0005, []lawRow{
		{"homogeneity:bound=1", 0.8799, 3.960, 0.320}, {"homogeneity:bound=2", 1.3148, 4.938, 0.170},
		{"homogeneity:bound=3", 1.7687, 5.748, 0.0745}, {"homogeneity:bound=5", 2.4963, 6.792, 0.0139},
		{"homogeneity:bound=8", 3.2698, 7.767, 0.0011},
	})
}

func TestC3TiedHomogeneityLimitTable(t *testing.T) {
	checkLaws(t, 0.002, 0.01, 0.0005, []lawRow{
		{"homogeneity-tied:bound=1", 1.3065, 4.544, 0}, {"homogeneity-tied:bound=2", 1.6337, 5.227, 0},
		{"homogeneity-tied:bound=3", 1.9989, 5.890, 0}, {"homogeneity-tied:bound=5", 2.6454, 6.884, 0},
		{"homogeneity-tied:bound=8", 3.3620, 7.812, 0},
	})
}

func TestC3ARMA11LimitTable(t *testing.T) {
	checkLaws(t, 0.002, 0.01, 0.0005, []lawRow{
		{"arma11:bound=0.5", 1.6365, 5.139, 0}, {"arma11:bound=0.8", 2.1169, 5.939, 0},
		{"arma11:bound=0.9", 2.3874, 6.357, 0}, {"arma11:bound=0.95", 2.6178, 6.696, 0},
		{"arma11:bound=0.99", 3.0556, 7.290, 0}, {"arma11:bound=0.999", 3.5446, 7.927, 0},
	})
}

// One hidden unit with a free input weight: 4·10⁴ draws, s.e. 0.0035 and 0.01 of means, with a grid bias of up to
// 1 % allowed.
func TestC3HiddenUnitLimitTable(t *testing.T) {
	checkLaws(t, 0.0035, 0.03, 0.01, []lawRow{
		{"erf-unit:bound=1", 1.1375, 4.18, 0}, {"erf-unit:bound=3", 1.314, 4.53, 0},
		{"erf-unit:bound=10", 1.4375, 4.79, 0}, {"erf-unit:bound=100", 1.512, 4.91, 0},
		{"tanh-unit:bound=1", 1.174, 4.25, 0}, {"tanh-unit:bound=3", 1.3265, 4.57, 0},
		{"tanh-unit:bound=10", 1.433, 4.77, 0}, {"tanh-unit:bound=100", 1.5115, 4.93, 0},
	})
}

// B5: a unit of fixed slope with two inputs, whose mean and 95 % point rise with the
// slope above 2 and 5.99 of χ² with two degrees of freedom; 95 % points within 3 %
// of the table.
func TestB5SimpleMLPLimitTable(t *testing.T) {
	rows := []lawRow{
		{"simple-mlp:inputs=2,beta=0.5", 2.010, 6.00, 0}, {"simple-mlp:inputs=2,beta=1", 2.086, 6.11, 0},
		{"simple-mlp:inputs=2,beta=2", 2.293, 6.37, 0}, {"simple-mlp:inputs=2,beta=5", 2.681, 6.87, 0},
		{"simple-mlp:inputs=2,beta=20", 3.281, 7.78, 0},
	}
	checkLaws(t, 0.01, 0.05, 0.01, rows)
	before := 2.0
	for i, r := range rows {
		law, err := ParseLaw(r.law)
		if err != nil {
			t.Fatal(err)
		}
		lim, err := law.Run(20_000, nil, newRand(uint64(200+i)))
		if err != nil {
			t.Fatal(err)
		}
		near(t, r.law+", 95 % point", lim.Quantile(0.95).Value, r.q95, 0.03*r.q95)
		if m := lim.Mean(); m.Value < before-4*m.SE {
			t.Errorf("%s: mean %v ± %v falls with the slope", r.law, m.Value, m.SE)
		} else {
			before = m.Value
		}
	}
}

func TestLimitsOfBounds(t *testing.T) {
	// As the bound goes to 0: ½χ²₀ + ½χ²₁ with the mean projected out, χ²₁
	// without (both signs of the score are there).
	law, err := ParseLaw("homogeneity:bound=1e-3")
	if err != nil {
		t.Fatal(err)
	}
	lim, _ := law.Run(20_000, nil, newRand(1))
	m, z := lim.Mean(), lim.PZero()
	near(t, "mean", m.Value, 0.5, 4*m.SE+1e-3)
	near(t, "P(T=0)", z.Value, 0.5, 4*z.SE+1e-3)
	law, err = ParseLaw("contaminated:bound=1e-3")
	if err != nil {
		t.Fatal(err)
	}
	lim, _ = law.Run(20_000, nil, newRand(2))
	m = lim.Mean()
	near(t, "mean", m.Value, 1, 4*m.SE+2e-3)
	// β → 0 on the circle: χ²₂.
	law, err = ParseLaw("simple-mlp:beta=1e-3")
	if err != nil {
		t.Fatal(err)
	}
	lim, _ = law.Run(20_000, nil, newRand(3))
	for _, x := range []float64{0.5, 2, 5.991} {
		p := lim.PValue(x)
		near(t, fmt.Sprintf("P(T ≥ %v)", x), p.Value, math.Exp(-x/2), 4*p.SE+1e-5)
	}
}

// Local alternatives with a small index set, where the supremum is that of one
// normal score Z of mean δ: E max(0, Z)² = (1+δ²)Φ(δ) + δφ(δ) if one direction is
// open, E Z² = 1 + δ² if both are, the second by a flipped piece or two-sidedly.
// Off the direction of the alternative the mean is δ times the correlation. Six
// means within four standard errors: a false alarm in 2600, the seeds are fixed.
func TestLocalLaws(t *testing.T) {
	const d = 1.5
	phi := math.Exp(-d*d/2) / math.Sqrt(2*math.Pi)
	half := (1+d*d)*0.5*math.Erfc(-d/math.Sqrt2) + d*phi
	far := d / math.Cosh(1) // arma11 near s = 0, the alternative at s = 1
	for i, c := range []struct {
		law                string
		bound, at, s, mean float64
	}{
		{"homogeneity", 1e-3, 0, d, half},
		{"homogeneity", 1e-3, 0, -d, 1 + d*d - half},
		{"homogeneity-tied", 1e-3, 0, d, 1 + d*d},
		{"contaminated", 1e-3, 0, -d, 1 + d*d},
		{"arma11", 1e-3, 0, d, 1 + d*d},
		{"arma11", 1e-3, 1, d, 1 + far*far},
	} {
		law, err := NewLocalLaw(c.law, map[string]float64{"bound": c.bound}, c.at, c.s)
		if err != nil {
			t.Fatal(err)
		}
		lim, err := law.Run(20_000, nil, newRand(uint64(20+i)))
		if err != nil {
			t.Fatal(err)
		}
		m := lim.Mean()
		near(t, law.String(), m.Value, c.mean, 4*m.SE+3e-3)
	}
	if _, err := NewLocalLaw("cone", nil, 0, 1); err == nil {
		t.Error("a local law of a law without process")
	}
	if _, err := NewLocalLaw("arma11", nil, 0, math.NaN()); err == nil {
		t.Error("a local law of strength NaN")
	}
}

// A process whose supremum is known in closed form: W(t) = g₁ cos t + g₂ sin t on
// the half circle has sup W² = g₁² + g₂². The grid must lose nothing.
func TestSupremumOfCosineIsExact(t *testing.T) {
	s, err := newSupremum(Process{Cov: func(a, b float64) float64 { return math.Cos(a - b) }, TwoSided: true, Pieces: []Piece{{0, math.Pi, false}}})
	if err != nil {
		t.Fatal(err)
	}
	rank, n := s.factor.Dims()
	if rank != 2 {
		t.Fatalf("rank %d", rank)
	}
	rng := newRand(4)
	w := make([]float64, n)
	for range 1000 {
		a, b := rng.NormFloat64(), rng.NormFloat64()
		for j := range w {
			x := math.Pi * float64(j) / float64(n-1)
			w[j] = a*math.Cos(x) + b*math.Sin(x)
		}
		q, p := s.peak(w)
		near(t, "sup", q, math.Hypot(a, b), 1e-7*math.Hypot(a, b))
		near(t, "sup by parabola", p, math.Hypot(a, b), 1e-4*math.Hypot(a, b))
	}
	// One interval without the peak: the supremum is at an end.
	path := []float64{5, 4, 3, 2, 1}
	if q, p := refinePeak(path, 0, 1); q != 5 || p != 5 {
		t.Errorf("end of a line: %v, %v", q, p)
	}
}

func TestKernelSeriesMeetsClosedForm(t *testing.T) {
	// Either side of the switch at |p| = 2, where the closed form has lost three
	// digits at most.
	for k := 1; k <= 3; k++ {
		for _, p := range []float64{-2, 2} {
			in, out := expTail(k, p*(1-1e-12)), expTail(k, p*(1+1e-12))
			near(t, fmt.Sprintf("f_%d(%v)", k, p), in, out, 1e-11*math.Abs(out))
		}
	}
	// e₁(st)/√(e₁(s²)e₁(t²)) directly, where it is harmless.
	s, u := 2.5, 3.1
	e1 := func(p float64) float64 { return math.Exp(p) - 1 - p }
	near(t, "kernel", hermiteKernel(2)(s, u), e1(s*u)/math.Sqrt(e1(s*s)*e1(u*u)), 1e-14)
	near(t, "kernel, opposite signs", hermiteKernel(2)(s, -u), e1(-s*u)/math.Sqrt(e1(s*s)*e1(u*u)), 1e-14)
	near(t, "kernel at 0", hermiteKernel(2)(0, 1e-9), 1, 1e-12)
	// E tanh(ax)tanh(bx): slopes 1e-3 give the moment of x², 1e4 the sign.
	m := tanhMoment()
	near(t, "small slopes", m(1e-3, 2e-3), 2e-6, 2e-6*6e-6)
	near(t, "large slopes", m(1e4, 1e4), 1, 2e-4)
}

func TestLawRequests(t *testing.T) {
	for _, bad := range []string{
		"arma11:bound=1", "homogeneity:bound=31", "arma11:bound=-0.5", "arma11:bound=0", "homogeneity:bound=0", "homogeneity:bound=-1",
		"contaminated:bound=x", "homogeneity:bound=NaN", "homogeneity:bound=Inf", "cone:d=1.5", "cone:c=0", "cone:signed=2", "erf-unit:bound",
		"simple-mlp:inputs=0", "homogeneity:bound=1,bound=2",
	} {
		if l, err := ParseLaw(bad); err == nil {
			t.Errorf("%s: no error, %v", bad, l)
		}
	}
	var unknown *models.UnknownNameError
	if _, err := ParseLaw("arma1:bound=0.5"); !errors.As(err, &unknown) || unknown.Nearest()[0] != "arma11" {
		t.Errorf("misspelt law: %v", err)
	}
	if _, err := ParseLaw("arma11:bond=0.5"); !errors.As(err, &unknown) {
		t.Errorf("misspelt parameter: %v", err)
	}
	for _, info := range Laws() {
		law, err := NewLaw(info.Name, nil)
		if err != nil {
			t.Errorf("%s with defaults: %v", info.Name, err)
			continue
		}
		if _, err := law.Run(1, nil, newRand(1)); err == nil && !law.Exact() {
			t.Errorf("%s: one draw: no error", info.Name)
		}
	}
	a, _ := ParseLaw("arma11:bound=0.5")
	x, _ := a.Run(3000, nil, newRand(9))
	y, _ := a.Run(3000, nil, newRand(9))
	for i, v := range x.Draws() {
		if y.Draws()[i] != v {
			t.Fatal("the same seed gave other draws")
		}
	}
	// Blocks in any order give the same draws.
	backwards := func(n int, task func(i int, rng *rand.Rand) error) error {
		tasks := make([]*rand.Rand, n)
		if err := models.Serial(newRand(9))(n, func(i int, rng *rand.Rand) error { tasks[i] = rng; return nil }); err != nil {
			return err
		}
		for i := n - 1; i >= 0; i-- {
			if err := task(i, tasks[i]); err != nil {
				return err
			}
		}
		return nil
	}
	y, err := a.Run(3000, backwards, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range x.Draws() {
		if y.Draws()[i] != v {
			t.Fatal("another order of the blocks gave other draws")
		}
	}
	near(t, "CDF + PValue", x.CDF(3).Value+x.PValue(3).Value, 1, 1e-12)
}

func BenchmarkLimitLaw(b *testing.B) {
	for _, name := range []string{"contaminated:bound=5", "homogeneity:bound=5", "homogeneity:bound=8", "homogeneity-tied:bound=5", "arma11:bound=0.999", "erf-unit:bound=100", "tanh-unit:bound=100", "simple-mlp:beta=20"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				law, err := ParseLaw(name)
				if err != nil {
					b.Fatal(err)
				}
				lim, err := law.Run(DefaultDraws, nil, newRand(1))
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(lim.Grid), "grid")
				b.ReportMetric(float64(lim.Rank), "rank")
			}
		})
	}
}
