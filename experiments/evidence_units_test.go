package experiments

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/integrate/quad"
)

// unitsMassDrawn is exp unitsMass by a way that shares nothing with it but the question:
// pairs of weights at random, u = |w₁| log-uniform and w₂ = u(1−δ) with δ log-uniform,
// φ at Gauss–Hermite nodes in place of the arcsine kernel, and the ellipse by the part of
// φ(w₂x) that φ(w₁x) does not explain, which near the diagonal has no cancellation; v₂
// outside, v₁ between its bounds. It returns batch means for every ε.
func unitsMassDrawn(eps []float64, batches, draws int, rng *rand.Rand) [][]float64 {
	const nodes, deep, close, slices = 40, 11.0, 14.0, 60
	x, w := make([]float64, nodes), make([]float64, nodes)
	quad.Hermite{}.FixedLocations(x, w, math.Inf(-1), math.Inf(1)) // for exp(−x²)
	out := make([][]float64, batches)
	for b := range out {
		out[b] = make([]float64, len(eps))
		for range draws {
			u := 2 * math.Exp(-deep*rng.Float64())
			delta := math.Exp(-close * rng.Float64())
			var hh, hk, kk float64
			var h, k [nodes]float64
			for i := range x {
				h[i] = math.Erf(u * x[i]) // φ(√2 x)
				// The difference by the midpoint where it would cancel.
				if k[i] = math.Erf(u*(1-delta)*x[i]) - h[i]; delta < 1e-4 {
					m := u * (1 - delta/2) * x[i]
					k[i] = -2 / math.SqrtPi * math.Exp(-m*m) * u * delta * x[i]
				}
				hh += w[i] / math.SqrtPi * h[i] * h[i]
				hk += w[i] / math.SqrtPi * h[i] * k[i]
			}
			c := hk / hh // φ(w₂x) = (1+c) h + rest
			for i := range k {
				rest := k[i] - c*h[i]
				kk += w[i] / math.SqrtPi * rest * rest
			}
			for e, ep := range eps {
				// v₂² kk + (v₁ + (1+c) v₂)² hh < 2ε
				reach := math.Min(2, math.Sqrt(2*ep/kk))
				area := 0.0
				for s := range slices {
					v := reach * (2*(float64(s)+0.5)/slices - 1)
					half := math.Sqrt(math.Max(0, 2*ep-v*v*kk) / hh)
					mid := -(1 + c) * v
					area += math.Max(0, math.Min(2, mid+half)-math.Max(-2, mid-half)) * 2 * reach / slices
				}
				out[b][e] += area * u * u * delta / float64(draws)
			}
		}
	}
	return out
}

// The mass of two erf units near none, and so its slow approach to λ = 2/3, by two ways:
// slopes over a factor of 100 in ε around 3e-6 and 3e-10. The random one carries the
// error, by batches of common draws; it fails by chance once in 8000 runs of new seeds.
func TestC5TwoUnitsAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("Monte Carlo")
	}
	eps := []float64{3e-5, 3e-7, 3e-9, 3e-11}
	const batches, draws = 40, 4000
	out := unitsMassDrawn(eps, batches, draws, rand.New(rand.NewPCG(5, 2006)))
	for _, c := range []struct {
		hi, lo      int
		known, most float64
	}{{0, 1, 0.7127, 0.004}, {2, 3, 0.6761, 0.004}} {
		rule := (unitsMass(eps[c.hi]) - unitsMass(eps[c.lo])) / math.Log(100)
		var hi, lo float64
		for _, b := range out {
			hi += b[c.hi]
			lo += b[c.lo]
		}
		drawn := math.Log(hi/lo) / math.Log(100)
		var v float64 // of the ratio, by the delta method
		for _, b := range out {
			d := b[c.hi]/hi - b[c.lo]/lo
			v += d * d
		}
		se := math.Sqrt(v) / math.Log(100)
		t.Logf("ε %.0e to %.0e: slope %.4f by the rule, %.4f ± %.4f drawn", eps[c.hi], eps[c.lo], rule, drawn, se)
		if math.Abs(rule-drawn) > 4*se || se > c.most || math.Abs(rule-c.known) > 1e-4 {
			t.Errorf("ε %.0e to %.0e: slope %.4f by the rule, %.4f ± %.4f drawn, known %v", eps[c.hi], eps[c.lo], rule, drawn, se, c.known)
		}
	}
}
