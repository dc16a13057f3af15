package estimation

import (
	"math"
	"testing"
)

// Replicates with Z in the proportion 1 : 3 and energies 10 and 14: the mean of Z, and
// shares of a quarter and three quarters of the means and of the draws. The jackknife
// is that of the two values that are left.
func TestReplicatesPoolByEvidence(t *testing.T) {
	const n = 8
	run := func(z, nl float64) *smcRun {
		r := &smcRun{n: n, d: 1, theta: make([]float64, n), loglik: make([]float64, n), accept: 1}
		r.stops = []Temperature{{Beta: 1, LogZ: math.Log(z) - 700, NL: nl, Var: 2}}
		for i := range r.theta {
			r.theta[i], r.loglik[i] = float64(i), -nl
		}
		return r
	}
	got := gather([]*smcRun{run(1, 10), run(3, 14)}, []float64{1}, 1)
	near := func(what string, got, want float64) {
		t.Helper()
		if !(math.Abs(got-want) < 1e-12*(1+math.Abs(want))) {
			t.Errorf("%s = %v, want %v", what, got, want)
		}
	}
	near("free energy", got.FreeEnergy, 700-math.Ln2)
	near("its error", got.FreeEnergySE, math.Log(3)/2)
	near("mean energy", got.Stops[0].NL, 13)
	near("its error", got.Stops[0].SE, 2)
	near("variance", got.Stops[0].Var, 2+3)
	near("draws", float64(len(got.LogLik)), 2*n)
	var mean float64
	for _, l := range got.LogLik {
		mean -= l / (2 * n)
	}
	near("mean of the draws", mean, 13)
	// A quarter of the draws is every other particle, three quarters are all and a half.
	for i, want := range []float64{0, 2, 4, 6, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3} {
		near("draw", got.Theta.At(i, 0), want)
	}
}
