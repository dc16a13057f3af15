package estimation

import "fmt"

// MALA is the Metropolis-adjusted Langevin algorithm, x' = x + ½ h S ∂ log p +
// √h S^½ z accepted by the ratio of the forward and the backward proposal (Roberts
// & Tweedie 1996, Bernoulli 2, 341), with S the diagonal of variances found in
// warmup. It is HMC with one leapfrog step of √h, ratio included (Neal 2011,
// Handbook of MCMC, §5.5.2), and runs as such. Its zero value works.
type MALA struct {
	Accept float64 // acceptance probability to tune for; 0 means 0.574, optimal in many dimensions
	Step   float64 // fixes √h with S = 1; 0 adapts
}

// String names the kernel.
func (m MALA) String() string { return "mala" }

// Init implements Kernel.
func (m MALA) Init(t Density, beta float64, x []float64, warmup int) (Chain, error) {
	if m.Accept == 0 {
		m.Accept = 0.574 // Roberts & Rosenthal 1998, J. R. Statist. Soc. B 60, 255
	}
	if !(m.Accept > 0 && m.Accept < 1) || !(m.Step >= 0) {
		return nil, fmt.Errorf("acceptance %v, step %v: want between 0 and 1, and at least 0", m.Accept, m.Step)
	}
	return newLeapfrog(t, beta, x, warmup, HMC{Leaps: 1, Step: m.Step, Accept: m.Accept, MaxLeaps: 1, Trajectory: 1})
}
