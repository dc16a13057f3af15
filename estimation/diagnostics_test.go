package estimation

import (
	"math"
	"math/rand/v2"
	"testing"
)

func ar1Chains(rho float64, chains, n int, seed uint64) [][]float64 {
	rng := rand.New(rand.NewPCG(seed, 1))
	out := make([][]float64, chains)
	for c := range out {
		x := rng.NormFloat64()
		for range n {
			out[c] = append(out[c], x)
			x = rho*x + math.Sqrt(1-rho*rho)*rng.NormFloat64()
		}
	}
	return out
}

// The effective sample size of the mean of AR(1) is S(1−ρ)/(1+ρ). The estimate
// from 40 000 draws spreads by 2–6 % about it; the tolerance is four times that,
// and the seed is fixed.
func TestESSOfAR1(t *testing.T) {
	for _, rho := range []float64{-0.3, 0, 0.5, 0.9} {
		d := Diagnose(ar1Chains(rho, 4, 10000, 3))
		want := 40000 * (1 - rho) / (1 + rho)
		for name, got := range map[string]float64{"bulk": d.ESSBulk, "mean": d.ESSMean} {
			if math.Abs(got/want-1) > 0.2 {
				t.Errorf("ρ = %v: %s ESS %.0f, want %.0f", rho, name, got, want)
			}
		}
		if d.RHat > 1.01 || d.RHat < 0.999 {
			t.Errorf("ρ = %v: R-hat %v", rho, d.RHat)
		}
		if math.Abs(d.Mean) > 4*d.MCSE {
			t.Errorf("ρ = %v: mean %v ± %v of chains with mean 0", rho, d.Mean, d.MCSE)
		}
		if rho >= 0 && !(d.ESSTail < 1.1*40000) {
			t.Errorf("ρ = %v: tail ESS %v", rho, d.ESSTail)
		}
	}
}

// R-hat sees a chain elsewhere, a chain of another spread (by folding), and a
// drift within chains (by splitting); it does not change under a monotone map.
func TestRHatSees(t *testing.T) {
	shift, spread, drift, same := ar1Chains(0, 4, 500, 5), ar1Chains(0, 4, 500, 5), ar1Chains(0, 4, 500, 5), ar1Chains(0, 4, 500, 5)
	for i := range 500 {
		shift[0][i] += 2
		spread[0][i] *= 4
		for c := range 4 {
			drift[c][i] += float64(i) / 250
			same[c][i] = math.Exp(same[c][i])
		}
	}
	for name, chains := range map[string][][]float64{"shift": shift, "spread": spread, "drift": drift} {
		if d := Diagnose(chains); d.RHat < 1.05 {
			t.Errorf("%s: R-hat %v", name, d.RHat)
		}
	}
	a, b := Diagnose(ar1Chains(0, 4, 500, 5)), Diagnose(same)
	if a.ESSBulk != b.ESSBulk {
		t.Errorf("bulk ESS changed from %v to %v under a monotone map", a.ESSBulk, b.ESSBulk)
	}
}

// By hand from eq. 14 and 1–4 of Vehtari et al. (2021): two chains 1 2 3 4 and
// 5 6 7 8 are split to the ranks {1,2}, {3,4}, {5,6}, {7,8} of 8. The folded draws
// |x − 4.5| tie across the chains, so that the ranks
// decide.
func TestRHatByHand(t *testing.T) {
	z := func(r float64) float64 { return math.Sqrt2 * math.Erfinv(2*(r-0.375)/8.25-1) }
	var between, within float64
	for k := range 4 {
		a, b := z(float64(2*k+1)), z(float64(2*k+2))
		between += (a + b) * (a + b) / 4 / 3
		within += (a - b) * (a - b) / 2 / 4
	}
	want := math.Sqrt(0.5 + between/within)
	if got := Diagnose([][]float64{{1, 2, 3, 4}, {5, 6, 7, 8}}).RHat; math.Abs(got-want) > 1e-10 {
		t.Errorf("R-hat %v, by hand %v", got, want)
	}
	if d := Diagnose([][]float64{{1, 1, 1, 1}}); !math.IsNaN(d.RHat) || !math.IsNaN(d.ESSBulk) {
		t.Errorf("a constant quantity has R-hat %v and ESS %v, want NaN", d.RHat, d.ESSBulk)
	}
}
