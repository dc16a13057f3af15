package singular

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// A splitting is one run of multilevel splitting.
type splitting struct {
	p     VolumeProblem
	o     VolumeOptions
	rng   *rand.Rand
	theta []float64 // particles × dim
	k     []float64 // K at each particle
	prior []float64 // log prior density
	next  []float64 // proposal
	order []float64
}

func newSplitting(p VolumeProblem, o VolumeOptions, rng *rand.Rand) *splitting {
	n := o.Particles
	return &splitting{
		p: p, o: o, rng: rng,
		theta: make([]float64, n*p.Dim), k: make([]float64, n), prior: make([]float64, n),
		next: make([]float64, p.Dim), order: make([]float64, n),
	}
}

func (s *splitting) row(i int) []float64 { return s.theta[i*s.p.Dim : (i+1)*s.p.Dim] }

func (s *splitting) run() (volumeRun, error) {
	n := s.o.Particles
	for i := range n {
		s.p.Prior(s.row(i), s.rng)
		s.k[i] = s.p.K(s.row(i))
		if s.p.LogPrior != nil {
			s.prior[i] = s.p.LogPrior(s.row(i))
		}
		if math.IsNaN(s.k[i]) {
			s.k[i] = math.Inf(1)
		}
		if s.k[i] < 0 {
			return volumeRun{}, fmt.Errorf("singular: K = %v is negative at %v", s.k[i], s.row(i))
		}
	}
	var r volumeRun
	logVol := 0.0
	const maxLevels = 4000
	for range maxLevels {
		copy(s.order, s.k)
		slices.Sort(s.order)
		// Between the two middle values, so that half the particles lie below.
		a, b := s.order[n/2-1], s.order[n/2]
		eps := a + (b-a)/2
		if math.IsInf(eps, 1) || !(eps > 0) {
			return r, fmt.Errorf("singular: K is infinite or zero on half the prior: the least level reached is %v", eps)
		}
		below := 0
		for _, v := range s.k {
			if v < eps {
				below++
			}
		}
		if below == 0 || below == n {
			return r, fmt.Errorf("singular: no particle can be cut at K = %v", eps)
		}
		logVol += math.Log(float64(below) / float64(n))
		r.logEps = append(r.logEps, math.Log(eps))
		r.logVol = append(r.logVol, logVol)
		s.resample(eps)
		r.accept = s.move(eps)
		if eps <= s.o.Floor {
			return r, s.check(r)
		}
	}
	return r, s.check(r)
}

func (s *splitting) check(r volumeRun) error {
	last := r.logEps[len(r.logEps)-1]
	if last > math.Log(s.o.FitBelow)-3 {
		return fmt.Errorf("singular: splitting stopped at K = %.3g, too near %v for a fit", math.Exp(last), s.o.FitBelow)
	}
	return nil
}

// resample replaces particles at or above ε by copies of random ones below.
func (s *splitting) resample(eps float64) {
	n := len(s.k)
	for i := range n {
		if s.k[i] < eps {
			continue
		}
		j := s.rng.IntN(n)
		for !(s.k[j] < eps) {
			j = s.rng.IntN(n)
		}
		copy(s.row(i), s.row(j))
		s.k[i], s.prior[i] = s.k[j], s.prior[j]
	}
}

// move makes Metropolis sweeps inside {K < ε} and returns the share accepted.
func (s *splitting) move(eps float64) float64 {
	accepted := 0
	n := len(s.k)
	for range s.o.Sweeps {
		for i := range n {
			logJacobian := s.propose(i, eps)
			k := s.p.K(s.next)
			if !(k < eps) {
				continue
			}
			lp := 0.0
			if s.p.LogPrior != nil {
				lp = s.p.LogPrior(s.next)
			}
			if a := lp - s.prior[i] + logJacobian; a < 0 && math.Log(s.rng.Float64()) > a {
				continue
			}
			copy(s.row(i), s.next)
			s.k[i], s.prior[i] = k, lp
			accepted++
		}
	}
	return float64(accepted) / float64(n*s.o.Sweeps)
}

// propose fills next with a move of particle i and returns the log Jacobian of
// the move. The sets {K < ε} around a singular point are star-like, with arms
// that thin out over many powers of ten, so that no single step length serves;
// the moves are, at random:
// a multiple of the difference of two other particles (ter Braak, Statistics and
// Computing 16 (2006) 239–249), a normal step of random size in a random subset
// of the coordinates, and factors on coordinates, alone or opposite in pairs.
func (s *splitting) propose(i int, eps float64) (logJacobian float64) {
	d, rng := s.p.Dim, s.rng
	copy(s.next, s.row(i))
	n := len(s.k)
	switch rng.IntN(4) {
	case 0:
		a, b := rng.IntN(n), rng.IntN(n)
		g := 2.38 / math.Sqrt(2*float64(d)) * math.Exp(-3*rng.Float64())
		if rng.IntN(5) == 0 {
			g = 1
		}
		for j := range d {
			s.next[j] += g * (s.theta[a*d+j] - s.theta[b*d+j])
		}
	case 1:
		size := math.Exp(rng.Float64() * math.Log(eps) / 2)
		only := rng.IntN(d)
		all := rng.IntN(2) == 0
		for j := range d {
			if all || j == only {
				s.next[j] += size * rng.NormFloat64()
			}
		}
	case 2:
		z := rng.NormFloat64() * math.Exp(-2*rng.Float64())
		j := rng.IntN(d)
		s.next[j] *= math.Exp(z)
		return z
	default:
		z := rng.NormFloat64() * math.Exp(1-2*rng.Float64())
		j, l := rng.IntN(d), rng.IntN(d)
		if j == l {
			s.next[j] = -s.next[j]
			return 0
		}
		s.next[j] *= math.Exp(z)
		s.next[l] *= math.Exp(-z)
	}
	return 0
}
