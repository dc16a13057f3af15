package experiments

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func plain(v []float64) Sample[float64] {
	x := Sample[float64]{Rows: v}
	for i := range v {
		x.Replicates = append(x.Replicates, i)
	}
	return x
}

func identity(x float64) float64 { return x }

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol) {
		t.Errorf("%s = %v, want %v ± %v", what, got, want, tol)
	}
}

func TestMeasuresByHand(t *testing.T) {
	x := plain([]float64{4, 1, math.NaN(), 3, math.Inf(1), 2})
	m, se, _ := Mean(identity)(x)
	near(t, "mean", m, 2.5, 0)
	near(t, "se of the mean", se, math.Sqrt(5.0/3/4), 1e-15) // s²/n by hand
	m, se, _ = Fraction(func(v float64) bool { return v > 1.5 })(x)
	near(t, "share", m, 4.0/6, 1e-15)
	near(t, "se of the share", se, math.Sqrt(4.0/6*2.0/6/5), 1e-15)
	for _, all := range []bool{false, true} { // ½ of 7 events in 6 rows, by hand
		_, se, _ = Fraction(func(float64) bool { return all })(x)
		near(t, "se of never and always", se, math.Sqrt(13.0/14/14/6), 1e-15)
	}
	q, _, _ := Quantile(0.5, identity)(x)
	near(t, "median", q, 3, 0) // third of 1, 2, 3, 4, +Inf
	q, se, _ = Quantile(0.99, identity)(x)
	if !math.IsInf(q, 1) || !math.IsNaN(se) {
		t.Errorf("a quantile at infinity: %v ± %v", q, se)
	}
	s, _, _ := SD(identity)(plain([]float64{1, 2, 3, 4}))
	near(t, "sd", s, math.Sqrt(5.0/3), 1e-15)
	for _, empty := range [][]float64{nil, {math.NaN()}} {
		for _, m := range []Measure[float64]{Mean(identity), Quantile(0.5, identity)} {
			if v, se, _ := m(plain(empty)); !math.IsNaN(v) || !math.IsNaN(se) {
				t.Errorf("of nothing: %v ± %v", v, se)
			}
		}
	}
	if _, se, _ := Mean(identity)(plain([]float64{5})); !math.IsNaN(se) {
		t.Errorf("one value has standard error %v", se)
	}
}

// Rows of one replicate that are copies of each other carry no information of
// their own: the standard error must be that of one row a replicate.
func TestClusters(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	v := make([]float64, 100)
	var x Sample[float64]
	for i := range v {
		v[i] = rng.NormFloat64()
		for range 3 {
			x.Rows, x.Replicates = append(x.Rows, v[i]), append(x.Replicates, i)
		}
	}
	m1, se1, _ := Mean(identity)(plain(v))
	m3, se3, _ := Mean(identity)(x)
	near(t, "mean", m3, m1, 1e-15)
	near(t, "standard error", se3, se1, 1e-15)
	q1, _, method1 := Quantile(0.9, identity)(plain(v))
	q3, se, method3 := Quantile(0.9, identity)(x)
	if q1 != q3 || method1 != "Maritz-Jarrett" || method3 != "jackknife" || !(se > 0) {
		t.Errorf("quantiles %v by %s and %v ± %v by %s", q1, method1, q3, se, method3)
	}
}

// Maritz-Jarrett for the median of three by hand: of 27 bootstrap samples the
// middle value is the 1st, 2nd, 3rd datum in 7, 13, 7.
func TestMaritzJarrettByHand(t *testing.T) {
	v := []float64{1, 2, 6}
	m := (7*1 + 13*2 + 7*6) / 27.0
	want := math.Sqrt((7*1+13*4+7*36)/27.0 - m*m)
	near(t, "standard error", maritzJarrett(v, 0.5), want, 1e-14)
	near(t, "of equal values", maritzJarrett([]float64{2, 2, 2, 2}, 0.9), 0, 0)
}

// Restricting the sum to ranks near the quantile loses nothing: against the sum
// over all ranks, and against resampling (20 000 bootstrap samples: relative
// error of a standard deviation 1/√40000 = 0.5 %, bound at 5 of these).
func TestMaritzJarrettAgainstBootstrap(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	v := make([]float64, 200)
	for i := range v {
		v[i] = rng.ExpFloat64()
	}
	slices.Sort(v)
	for _, p := range []float64{0.5, 0.95} {
		m := rank(len(v), p)
		const draws = 20_000
		s1, s2 := 0.0, 0.0
		idx := make([]int, len(v))
		for range draws {
			for i := range idx {
				idx[i] = rng.IntN(len(v))
			}
			slices.Sort(idx)
			y := v[idx[m-1]]
			s1, s2 = s1+y, s2+y*y
		}
		want := math.Sqrt(s2/draws - s1/draws*s1/draws)
		near(t, "standard error", maritzJarrett(v, p)/want, 1, 0.025)
	}
}

// Coverage: of 2000 samples of 400 normals, value ± 2 se must hold the truth in
// about 95.4 %. Bounds of 92.5 % and 97 % leave room for finite samples (the
// standard deviation of the count is 0.5 %); the seed is fixed. A standard error
// that is wrong by 20 % fails.
func TestCoverage(t *testing.T) {
	if testing.Short() {
		t.Skip("two thousand samples")
	}
	rng := rand.New(rand.NewPCG(5, 6))
	for _, tc := range []struct {
		name  string
		m     Measure[float64]
		truth float64
	}{
		{"mean", Mean(identity), 0},
		{"median", Quantile(0.5, identity), 0},
		{"q95", Quantile(0.95, identity), 1.6448536269514722}, // R: qnorm(0.95)
		{"sd", SD(identity), 1},
		{"share", Fraction(func(x float64) bool { return x > 0 }), 0.5},
	} {
		hit := 0
		v := make([]float64, 400)
		for range 2000 {
			for i := range v {
				v[i] = rng.NormFloat64()
			}
			m, se, _ := tc.m(plain(v))
			if math.Abs(m-tc.truth) <= 2*se {
				hit++
			}
		}
		if c := float64(hit) / 2000; c < 0.925 || c > 0.97 {
			t.Errorf("%s: %v of the intervals hold the truth", tc.name, c)
		}
	}
}

func TestJackknifeOfMeanIsExact(t *testing.T) {
	v := make([]float64, 50) // one replicate a group
	for i := range v {
		v[i] = float64(i * i % 17)
	}
	x := plain(v)
	_, want, _ := Mean(identity)(x)
	_, got, _ := Jackknife(func(rows []float64) float64 { m, _, _ := Mean(identity)(plain(rows)); return m })(x)
	near(t, "jackknife", got, want, 1e-13)
}

// A share far from the theory by luck is measured by the theory's own error: once in a
// hundred where one in sixteen is right is 2.2 standard errors, not five. A share whose
// own error is the larger one keeps it.
func TestZOfAShare(t *testing.T) {
	x := Sample[float64]{Rows: make([]float64, 100), Replicates: make([]int, 100)}
	for i := range x.Replicates {
		x.Replicates[i] = i
	}
	x.Rows[7] = 1
	for _, c := range []struct{ theory, want float64 }{
		{1. / 16, (0.01 - 1./16) / math.Sqrt(1./16*15/16/100)},
		{1e-5, (0.01 - 1e-5) / math.Sqrt(0.01*0.99/99)},
	} {
		got := compared(Line[float64]{Measure: Fraction(func(r float64) bool { return r > 0 }), Theory: c.theory}, x)
		if z := float64(got.Z); math.Abs(z-c.want) > 1e-9 {
			t.Errorf("theory %v: z = %v, want %v", c.theory, z, c.want)
		}
	}
}
