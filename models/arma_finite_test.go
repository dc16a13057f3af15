package models

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The score of 50 observations of ARMA(1,1), zero mean, at σ² = 1: its variance is the
// exact information of the series, ½ tr(Γ⁻¹ Γ_i Γ⁻¹ Γ_j) of the dense covariance by
// numpy 1.24.2, upper triangle in (φ, θ, σ²). Fisher gives its limit, 50 times that of
// one observation, a few per cent away at this n. 30 entries and 15 means of 4000
// simulated series at a fixed seed, each within 4.5 standard errors: false alarm 3e-4.
func TestARMAScoreHasTheExactInformation(t *testing.T) {
	const n, series = 50, 4000
	m := mustARMA(t, 1, 1, ARMASettings{})
	z := NewData(n, 0, 1)
	rng := rand.New(rand.NewPCG(50, 4000))
	for _, c := range []struct {
		phi, theta float64
		info       [6]float64
	}{
		{0.5, 0.3, [6]float64{66.50199537912205, 43.129825436063605, 0.9275362318840448, 53.31378980603095, 0.7644529383659953, 25}},
		{0.5, -0.4, [6]float64{65.30555555555553, 61.294642857142826, 0.16666666666666677, 58.41216695011337, 0.14880952380952345, 25}},
		{0.5, -0.49, [6]float64{64.93567046279647, 64.51687165839151, 0.0176600441501104, 64.11163438904713, 0.017429968565051593, 25}},
		{0.5, -0.4999, [6]float64{64.88936289975942, 64.88515568593884, 0.0001777659267159753, 64.88094985847367, 0.00017774223012185567, 25}},
		{0, 0, [6]float64{49, 49, 0, 49, 0, 25}},
	} {
		at := []float64{c.phi, c.theta, 1}
		g := make([]float64, 3)
		var sum, square [9]float64 // three means, then six products
		for range series {
			m.Sample(z, at, rng)
			bindARMA(t, m, z.V).Score(g, at)
			k := 3
			for i := range g {
				sum[i] += g[i]
				square[i] += g[i] * g[i]
				for j := i; j < 3; j++ {
					sum[k] += g[i] * g[j]
					square[k] += g[i] * g[j] * g[i] * g[j]
					k++
				}
			}
		}
		want := append([]float64{0, 0, 0}, c.info[:]...)
		for k := range sum {
			mean := sum[k] / series
			se := math.Sqrt((square[k]/series - mean*mean) / series)
			if math.Abs(mean-want[k]) > 4.5*se {
				t.Errorf("φ = %v, θ = %v, moment %d: %.4f ± %.4f, want %.4f", c.phi, c.theta, k, mean, se, want[k])
			}
		}
	}
}
