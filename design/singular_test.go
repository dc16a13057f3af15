package design

import (
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/design/pkpd"
)

func report(t testing.TB, f *Informer, m *mat.SymDense) *Report {
	t.Helper()
	units, err := f.l.pop.Units()
	if err != nil {
		t.Fatal(err)
	}
	r, err := Identify(m, f.Params(), theta(t, f.l.pop), units)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// k samples of one subject supply k means and k(k+1)/2 covariances; serial
// sampling is singular in every individual and regular in the population.
func TestT11Ranks(t *testing.T) {
	for _, a := range []Approximation{FOReduced, FOFull} {
		f := informer(t, warfarin(), warfarinCurve(t), a)
		for k, want := range map[int]int{1: 2, 2: 5, 3: 7} {
			seqs, err := Subsets(warfarinTimes, k, k, Rules{})
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range seqs {
				want := want
				if k == 3 && s[0] >= 24 {
					want = 6 // absorption is over: ka acts as a change of V, up to e^{-24}
				}
				if r := report(t, f, information(t, f, 1, times(s...))); r.Rank != want {
					t.Errorf("%v, %v: rank %d, want %d (gap %g)", a, s, r.Rank, want, r.Gap)
				} else if want < 7 && r.Gap < 1e4 {
					t.Errorf("%v, %v: gap only %g", a, s, r.Gap)
				}
			}
		}
		serial := mat.NewSymDense(7, nil)
		for _, x := range warfarinTimes {
			add(serial, 1./8, information(t, f, 1, times(x)))
		}
		r := report(t, f, serial)
		want := map[Approximation]float64{FOReduced: .0899, FOFull: .0864}[a]
		if r.Rank != 7 {
			t.Errorf("%v: serial sampling has rank %d", a, r.Rank)
		}
		near(t, "smallest scaled eigenvalue", r.Scaled[:1], []float64{want}, 6e-5, 0)
	}
}

// Peers print finite numbers here: with one sample at 6 h, PopED 0.7 gives
// relative standard errors of 0.1 % for V and 0.02 % for ka from a
// Moore–Penrose inverse.
func TestT11InfiniteErrors(t *testing.T) {
	f := informer(t, warfarin(), warfarinCurve(t), FOReduced)
	r := report(t, f, information(t, f, 32, times(6)))
	if r.Rank != 2 || len(r.Directions) != 5 {
		t.Fatalf("rank %d, directions %v", r.Rank, r.Directions)
	}
	for i, p := range r.Params {
		if r.Status[i] != NotEstimable || !math.IsInf(r.RSE[i], 1) || r.Reason[i] == "" {
			t.Errorf("%s: %v, RSE %g, %q", p.Name, r.Status[i], r.RSE[i], r.Reason[i])
		}
	}
	// Only η(6) itself is estimable.
	var jets pkpd.Jets
	if err := warfarinCurve(t).Eval(&jets, f.l.gamma, times(6), 1); err != nil {
		t.Fatal(err)
	}
	m := information(t, f, 32, times(6))
	grad := append(slices.Clone(jets.GradRow(0)), 0, 0, 0, 0)
	v, ok := Combination(m, grad)
	_, cov, err := f.Moments(times(6))
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		t.Error("the response at 6 h is not estimable")
	}
	near(t, "variance of the mean at 6 h", []float64{v}, []float64{cov.At(0, 0) / 32}, 0, 1e-9)
	grad[1] *= 1.01
	if v, ok := Combination(m, grad); ok || !math.IsInf(v, 1) {
		t.Errorf("another combination has variance %g", v)
	}
	// What would help: one candidate is enough, and it says so.
	var cands []*mat.SymDense
	seqs, _ := Subsets(warfarinTimes, 4, 4, Rules{})
	for _, s := range seqs {
		cands = append(cands, information(t, f, 1, times(s...)))
	}
	added, rank, err := Augment(m, cands, 1)
	if err != nil || len(added) != 1 || rank != 7 {
		t.Errorf("Augment: %v, rank %d, %v", added, rank, err)
	}
}

// Bioavailability with data by mouth only: PopED prints relative standard errors
// of 2e8 %, the size of rounding error, and its determinant −Inf.
func TestT11Bioavailability(t *testing.T) {
	p := warfarin()
	p.Effects = append(p.Effects, Effect{Name: "F", Value: 1})
	c := linearCurve(t, pkpd.LinearSettings{Depot: true, Bioavailability: true}, pkpd.Regimen{{Amount: 70}})
	f := informer(t, p, c, FOReduced)
	m := information(t, f, 32, times(warfarinTimes...))
	r := report(t, f, m)
	if r.Rank != 7 || len(r.Directions) != 1 {
		t.Fatalf("rank %d, directions %v", r.Rank, r.Directions)
	}
	if got, want := r.Directions[0], "CL + V + F"; got != want {
		t.Errorf("direction %q, want %q", got, want)
	}
	near(t, "RSE", r.RSE, []float64{math.Inf(1), math.Inf(1), 13.925829, math.Inf(1), 25.627205, 30.344316, 25.777327, 11.170784}, 1e-5, 0)
	if r.Learning != nil {
		t.Error("a learning coefficient from a singular information")
	}
	// Any one of the three, if known, is enough.
	var sets []string
	for _, s := range r.Fix {
		sets = append(sets, r.FixNames(s))
	}
	slices.Sort(sets)
	if got := strings.Join(sets, "; "); got != "CL; F; V" {
		t.Errorf("sets to fix: %s", got)
	}
	all := []*mat.SymDense{information(t, f, 1, times(1, 2, 6, 24))}
	if added, rank, err := Augment(m, all, 1); err != nil || added != nil || rank != 7 {
		t.Errorf("no design helps, got %v, rank %d, %v", added, rank, err)
	}
}

// flipFlop is the example at ka = k = κ: V = 10, D = 100, unit additive error.
func flipFlop(ka, ke float64) *Population {
	return &Population{
		Effects:   []Effect{{Name: "ke", Value: ke}, {Name: "V", Value: 10}, {Name: "ka", Value: ka}},
		Residuals: []Residual{{Additive: 1, AdditiveKnown: true}},
		Scale:     Scale{LogFixed: true},
	}
}

// Coincident rates: eigenvalues from an independent computation in numpy.
func TestT11FlipFlop(t *testing.T) {
	c := linearCurve(t, pkpd.LinearSettings{Depot: true, Rates: true}, pkpd.Regimen{{Amount: 100}})
	at := times(.5, 1, 2, 4, 6, 8, 12)
	f := informer(t, flipFlop(.5, .5), c, FOReduced)
	m := information(t, f, 1, at)
	r := report(t, f, m)
	if r.Rank != 2 || r.Gap < 1e8 {
		t.Errorf("rank %d, gap %g", r.Rank, r.Gap)
	}
	near(t, "eigenvalues", r.Values, []float64{0, 12.383983, 55.604494}, 1e-6, 0)
	v := []float64{r.Null.At(0, 0), r.Null.At(1, 0), r.Null.At(2, 0)}
	near(t, "null direction in logarithms", []float64{v[0] / v[2], v[1] / v[2]}, []float64{-1, 1}, 1e-7, 0)
	if got, want := r.Directions[0], "log ke − log V − log ka"; got != want {
		t.Errorf("direction %q, want %q", got, want)
	}
	for _, d := range []struct{ gap, least float64 }{{.02, .000522}, {.1, .015625}, {.2, .077356}, {.6, 1.453621}} {
		f := informer(t, flipFlop(.5+d.gap/2, .5-d.gap/2), c, FOReduced)
		near(t, "smallest eigenvalue", report(t, f, information(t, f, 1, at)).Values[:1], []float64{d.least}, 1e-6, 0)
	}
	if l := CoincidentRates(); l.Lambda != 1.25 || l.Mult != 1 {
		t.Errorf("λ = %g, m = %d", l.Lambda, l.Mult)
	}

	// In (CL, V, ka) CL stays estimable, and the twins have one curve.
	p := &Population{
		Effects:   []Effect{{Name: "CL", Value: 5}, {Name: "V", Value: 10}, {Name: "ka", Value: .5}},
		Residuals: []Residual{{Additive: 1, AdditiveKnown: true}},
	}
	clc := linearCurve(t, pkpd.LinearSettings{Depot: true}, pkpd.Regimen{{Amount: 100}})
	f = informer(t, p, clc, FOReduced)
	r = report(t, f, information(t, f, 1, at))
	if r.Status[0] != Estimable || r.Status[1] != NotEstimable || r.Status[2] != NotEstimable || r.Directions[0] != "V + ka" {
		t.Errorf("%v along %v", r.Status, r.Directions)
	}
	cl, v2, ka := FlipFlop(.15, 8, 1)
	near(t, "twin", []float64{cl, v2, ka}, []float64{.15, .15, .01875}, 1e-15, 0)
	var one, two pkpd.Jets
	_ = warfarinCurve(t).Eval(&one, []float64{.15, 8, 1}, times(warfarinTimes...), 0)
	_ = warfarinCurve(t).Eval(&two, []float64{cl, v2, ka}, times(warfarinTimes...), 0)
	near(t, "curve of the twin", two.Value, one.Value, 0, 1e-13)
}

// The approximations disagree about identifiability itself at ka = k: numpy,
// scaled eigenvalues and null vectors.
func TestT11FlipFlopPopulation(t *testing.T) {
	at := times(.5, 1, 2, 4, 6, 8, 12)
	pop := func(ka, ke float64) *Population {
		return &Population{
			Effects: []Effect{
				{Name: "ke", Value: ke, Law: LogNormal, Variance: .1},
				{Name: "V", Value: 10, Law: LogNormal, Variance: .05},
				{Name: "ka", Value: ka, Law: LogNormal, Variance: .1},
			},
			Residuals: []Residual{{Proportional: .1}},
		}
	}
	c := linearCurve(t, pkpd.LinearSettings{Depot: true, Rates: true}, pkpd.Regimen{{Amount: 100}})
	f := informer(t, pop(.5, .5), c, FOReduced)
	if r := report(t, f, information(t, f, 1, at)); r.Rank != 6 {
		t.Errorf("reduced: rank %d, least %g", r.Rank, r.Scaled[0])
	}
	f = informer(t, pop(.5, .5), c, FOFull)
	near(t, "full, smallest scaled eigenvalue", report(t, f, information(t, f, 1, at)).Scaled[:1], []float64{.0729}, 6e-5, 0)

	// Random effects on (CL, V, ka) instead: only ω²(ka) + ω²(V) is seen.
	cl := func(ka float64) *Population {
		return &Population{
			Effects: []Effect{
				{Name: "CL", Value: 5, Law: LogNormal, Variance: .1},
				{Name: "V", Value: 10, Law: LogNormal, Variance: .05},
				{Name: "ka", Value: ka, Law: LogNormal, Variance: .1},
			},
			Residuals: []Residual{{Proportional: .1}},
		}
	}
	clc := linearCurve(t, pkpd.LinearSettings{Depot: true}, pkpd.Regimen{{Amount: 100}})
	for _, want := range []struct {
		a    Approximation
		ka   float64
		null []string
		min  float64
	}{
		{FOReduced, .5, []string{"V + ka", "ω²(V) − 2 ω²(ka)"}, 0},
		{FOFull, .5, []string{"ω²(V) − 2 ω²(ka)"}, 0},
		{FOReduced, .6, nil, .4072},
		{FOFull, .6, nil, .0351},
	} {
		f := informer(t, cl(want.ka), clc, want.a)
		r := report(t, f, information(t, f, 1, at))
		t.Log(want.a, want.ka, r.Directions, r.Scaled[:2])
		if len(r.Directions) != len(want.null) {
			t.Errorf("%v at ka = %g: null %v, want %v", want.a, want.ka, r.Directions, want.null)
		}
		if want.null == nil {
			near(t, "smallest scaled eigenvalue", r.Scaled[:1], []float64{want.min}, 6e-5, 0)
		}
	}
	f = informer(t, cl(.5), clc, FOFull)
	r := report(t, f, information(t, f, 32, at))
	near(t, "what the full form claims", r.RSE[1:3], []float64{5.74, 4.03}, 6e-3, 0)
}

// A variance of zero: regular in ω², not in ω. PopED prints .00114666 (a
// standard error) in its column of relative ones.
func TestT11VarianceBoundary(t *testing.T) {
	p := warfarin()
	p.Effects[1].Variance = 0
	f := informer(t, p, warfarinCurve(t), FOReduced)
	m := information(t, f, 32, times(warfarinTimes...))
	r := report(t, f, m)
	if r.Rank != 7 || r.Status[4] != Boundary || !math.IsInf(r.RSE[4], 1) || r.Learning == nil || r.Learning.Lambda != 3.5 {
		t.Errorf("rank %d, status %v, RSE %g", r.Rank, r.Status[4], r.RSE[4])
	}
	near(t, "SE(ω²V)", r.SE[4:5], []float64{.00114666}, 6e-9, 0)
	near(t, "RSE", slices.Delete(slices.Clone(r.RSE), 4, 5), []float64{4.738266, 1.16046, 13.925829, 25.485639, 25.409937, 11.128049}, 6e-6, 0)
	p.Scale.OmegaSD = true
	f = informer(t, p, warfarinCurve(t), FOReduced)
	r = report(t, f, information(t, f, 32, times(warfarinTimes...)))
	if r.Rank != 6 || r.Status[4] != Boundary || !slices.Equal(r.Structural, []int{4}) {
		t.Errorf("in ω: rank %d, status %v, structural %v", r.Rank, r.Status[4], r.Structural)
	}
	if c := VarianceBoundary(7, 1, true); c.Lambda != 3.25 {
		t.Errorf("λ = %g, want 3.25", c.Lambda)
	}
	// 95 % points of ½χ²₀ + ½χ²₁ and, for independent estimates, of
	// ¼χ²₀ + ½χ²₁ + ¼χ²₂ (Self and Liang 1987: 2.71 and 4.23).
	near(t, "p", []float64{BoundaryTest(2.705543), BoundaryTest2(4.231, 0), BoundaryTest(0)}, []float64{.05, .05, 1}, 2e-5, 0)
}
