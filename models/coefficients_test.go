package models

import (
	"math"
	"testing"
)

func wantCoefficient(t *testing.T, c Coefficient, err error, lambda float64, mult int) {
	t.Helper()
	if err != nil {
		t.Error(err)
		return
	}
	if math.Abs(c.Lambda-lambda) > 1e-12 || c.Mult != mult {
		t.Errorf("λ = %v, m = %d; want %v, %d", c.Lambda, c.Mult, lambda, mult)
	}
	if c.Ref == "" {
		t.Error("no source")
	}
}

// Two formulas of different shape, the four cases of Aoyagi and Watanabe (2005)
// and a minimum over one integer, agree for every shape up to 7 units, and the
// deep linear formula of Aoyagi (2024) agrees with both for two layers.
func TestReducedRank1127Cases(t *testing.T) {
	cases := 0
	for m := 1; m <= 7; m++ {
		for h := 1; h <= 7; h++ {
			for n := 1; n <= 7; n++ {
				for r := 0; r <= min(m, h, n); r++ {
					cases++
					a, err := ReducedRankCoefficient(m, h, n, r)
					if err != nil {
						t.Fatal(err)
					}
					b, err := ReducedRankMinimum(m, h, n, r)
					if err != nil {
						t.Fatal(err)
					}
					c, err := DeepLinearCoefficient([]int{m, h, n}, r)
					if err != nil {
						t.Fatal(err)
					}
					if a.Lambda != b.Lambda || a.Mult != b.Mult {
						t.Errorf("(%d,%d,%d) rank %d: cases give (%v,%d), the minimum (%v,%d)", m, h, n, r, a.Lambda, a.Mult, b.Lambda, b.Mult)
					}
					if math.Abs(a.Lambda-c.Lambda) > 1e-12 || a.Mult != c.Mult {
						t.Errorf("(%d,%d,%d) rank %d: reduced rank gives (%v,%d), deep linear (%v,%d)", m, h, n, r, a.Lambda, a.Mult, c.Lambda, c.Mult)
					}
					least := math.Inf(1)
					for x := r; x <= min(m, h); x++ {
						for y := r; y <= min(h, n); y++ {
							if x+y-r > h {
								continue
							}
							l, err := ReducedRankLocalCoefficient(m, h, n, x, y, r)
							if err != nil {
								t.Fatal(err)
							}
							least = min(least, l.Lambda)
						}
					}
					if least != a.Lambda {
						t.Errorf("(%d,%d,%d) rank %d: least local λ %v, global %v", m, h, n, r, least, a.Lambda)
					}
				}
			}
		}
	}
	// Σ_{M,H,N≤7} (min+1) = 343 + Σ_{k=1}^{7} (8−k)³ = 343 + 784.
	if cases != 1127 {
		t.Errorf("%d cases", cases)
	}
}

// Spot values as printed by the code of Lau et al. (2023), which follows Aoyagi
// (2024).
func TestDeepLinearSpotValues(t *testing.T) {
	for _, c := range []struct {
		widths []int
		rank   int
		lambda float64
		mult   int
	}{
		{[]int{1, 1, 1, 1}, 0, 0.5, 3}, {[]int{2, 2, 2, 2}, 0, 1.5, 3}, {[]int{2, 1, 2, 2}, 0, 1, 3},
		{[]int{3, 3, 3, 3}, 1, 4, 3}, {[]int{5, 3, 4, 5}, 2, 9, 1}, {[]int{10, 10, 10, 10}, 5, 46, 3},
		{[]int{2, 2, 2, 2, 2}, 0, 1.5, 5},
	} {
		got, err := DeepLinearCoefficient(c.widths, c.rank)
		wantCoefficient(t, got, err, c.lambda, c.mult)
	}
}

// Reduced-rank values that tempered sampling confirmed to 0.05.
func TestReducedRankSpotValues(t *testing.T) {
	for _, c := range []struct {
		m, h, n, r int
		lambda     float64
		mult       int
	}{
		{2, 1, 2, 0, 1, 2}, {2, 2, 2, 0, 1.5, 1}, {2, 2, 2, 1, 2, 2}, {2, 1, 1, 0, 0.5, 1},
		{3, 2, 2, 1, 2.5, 1}, {3, 2, 3, 0, 2.5, 1}, {3, 3, 3, 1, 4, 1},
	} {
		got, err := ReducedRankCoefficient(c.m, c.h, c.n, c.r)
		wantCoefficient(t, got, err, c.lambda, c.mult)
	}
}

func TestVandermondeTable(t *testing.T) {
	// tanh, one input and output, truth 0 (Aoyagi and Watanabe 2005).
	for h, want := range map[int]struct {
		lambda float64
		mult   int
	}{1: {0.5, 2}, 2: {2. / 3, 1}, 3: {5. / 6, 1}, 4: {1, 2}, 5: {1.1, 1}, 6: {1.2, 1}, 9: {1.5, 2}} {
		got, err := OddNetworkCoefficient(h)
		wantCoefficient(t, got, err, want.lambda, want.mult)
	}
	// Step 1: sign-free moments, (k(k+1)+2K)/(4(k+1)).
	for h, want := range map[int]struct {
		lambda float64
		mult   int
	}{2: {0.75, 1}, 3: {1, 2}, 4: {7. / 6, 1}, 5: {4. / 3, 1}, 6: {1.5, 2}} {
		got, err := VandermondeCoefficient(h, 1, 1)
		wantCoefficient(t, got, err, want.lambda, want.mult)
	}
}

func TestCoefficientRules(t *testing.T) {
	mono := func(k ...int) Coefficient {
		c, err := MonomialCoefficient(k, nil)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	wantCoefficient(t, mono(1, 1), nil, 0.5, 2)
	wantCoefficient(t, mono(1, 2), nil, 0.25, 1)
	wantCoefficient(t, mono(1, 1, 1), nil, 0.5, 3)
	wantCoefficient(t, mono(0, 3), nil, 1./6, 1)
	c, err := MonomialCoefficient([]int{1, 2}, []float64{0, 1})
	wantCoefficient(t, c, err, 0.5, 2)
	c, err = HomogeneousCoefficient([]float64{0.5, 0.25}, 1) // x² + y⁴
	wantCoefficient(t, c, err, 0.75, 1)
	wantCoefficient(t, SumCoefficient(mono(1, 1), RegularCoefficient(1)), nil, 1, 2)
	wantCoefficient(t, ProductCoefficient(mono(1), mono(1, 1)), nil, 0.5, 3)
	wantCoefficient(t, ProductCoefficient(mono(1), mono(2)), nil, 0.25, 1)
	wantCoefficient(t, ConeCoefficient(0), nil, 0.5, 1)
	wantCoefficient(t, ConeCoefficient(5), nil, 3, 1)
}

func TestFamilyCoefficients(t *testing.T) {
	c, err := KnownVarianceMixtureCoefficient(2, 1, 1)
	wantCoefficient(t, c, err, 0.75, 1)
	c, err = KnownVarianceMixtureCoefficient(5, 1, 1)
	wantCoefficient(t, c, err, 1.5, 1)
	c, err = KnownVarianceMixtureCoefficient(3, 2, 1)
	wantCoefficient(t, c, err, 1.75, 1)
	c, err = KnownVarianceMixtureCoefficient(3, 1, 0.5)
	wantCoefficient(t, c, err, 1, 3)
	c, err = BinomialMixtureCoefficient(2, 1)
	wantCoefficient(t, c, err, 0.5, 1)
	c, err = BinomialMixtureCoefficient(4, 8)
	wantCoefficient(t, c, err, 1.25, 1)
	wantCoefficient(t, TiedVarianceMixtureCoefficient(), nil, 7./6, 1)
	wantCoefficient(t, FreeVarianceMixtureCoefficient(), nil, 1.5, 3)
	c, err = MixtureBound(2, 1, 1, 1)
	if err != nil || c.Lambda != 1 || c.Kind != UpperBound || c.Mult != 0 {
		t.Errorf("mixture bound %+v, %v", c, err)
	}
	for _, x := range []struct {
		p, q, p0, q0 int
		lambda       float64
	}{{1, 1, 0, 0, 0.5}, {2, 1, 0, 0, 1}, {2, 2, 0, 0, 1}, {2, 1, 1, 0, 1}, {2, 2, 1, 0, 1.5}, {2, 2, 1, 1, 1.5}} {
		c, err := ARMACoefficient(x.p, x.q, x.p0, x.q0, 0)
		wantCoefficient(t, c, err, x.lambda, 1)
	}
	// Rows of the unit tests of sBIC 0.2.0 for six variables: k factors, truth l ≤ k.
	for k, row := range [][]float64{{3}, {4.5, 6}, {6, 7.25, 8.5}, {7.5, 8.5, 9.5, 10.5}} {
		for l, lambda := range row {
			c, err := FactorAnalysisCoefficient(6, k, l)
			wantCoefficient(t, c, err, lambda, 1)
		}
	}
	c, err = FactorAnalysisCoefficient(2, 1, 0)
	wantCoefficient(t, c, err, 1.5, 2)
}

func TestCoefficientErrors(t *testing.T) {
	for name, err := range map[string]error{
		"rank":      second(ReducedRankCoefficient(2, 1, 2, 2)),
		"width":     second(DeepLinearCoefficient([]int{2, 0, 2}, 0)),
		"layers":    second(DeepLinearCoefficient([]int{2}, 0)),
		"monomial":  second(MonomialCoefficient([]int{0, 0}, nil)),
		"prior":     second(MonomialCoefficient([]int{1}, []float64{-1})),
		"arma":      second(ARMACoefficient(1, 1, 2, 0, 0)),
		"mixture":   second(KnownVarianceMixtureCoefficient(1, 2, 1)),
		"dirichlet": second(KnownVarianceMixtureCoefficient(2, 1, 0)),
		"units":     second(VandermondeCoefficient(0, 1, 1)),
		"degree":    second(HomogeneousCoefficient([]float64{1}, 0)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func second(_ Coefficient, err error) error { return err }
