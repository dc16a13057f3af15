package estimation

import "math"

// dualAveraging finds the step size with a given mean acceptance probability
// (Hoffman & Gelman 2014, JMLR 15, 1593, §3.2; constants as there).
type dualAveraging struct {
	target           float64
	mu, hbar, logbar float64
	t                float64
}

func (a *dualAveraging) restart(eps float64) {
	a.mu = math.Log(10 * eps)
	a.hbar, a.logbar, a.t = 0, 0, 0
}

// update returns the next step size to try.
func (a *dualAveraging) update(accept float64) float64 {
	const gamma, t0, kappa = 0.05, 10, 0.75
	a.t++
	w := 1 / (a.t + t0)
	a.hbar = (1-w)*a.hbar + w*(a.target-accept)
	log := a.mu - math.Sqrt(a.t)/gamma*a.hbar
	k := math.Pow(a.t, -kappa)
	a.logbar = k*log + (1-k)*a.logbar
	return math.Exp(log)
}

// final is the step size to keep.
func (a *dualAveraging) final() float64 { return math.Exp(a.logbar) }

// windows estimates the standard deviation of each coordinate over windows of
// doubling length between a first part, which finds the bulk, and a last one,
// which settles the step size: the warmup of Stan (Reference Manual, "HMC
// algorithm parameters", automatic parameter tuning: 75, 25 doubling, 50; here the last part is a tenth of
// a long warmup, which the noisier acceptance of a random walk needs).
type windows struct {
	mean, m2         []float64
	n                float64
	step, first      int
	last, close, win int // end of the slow part; end of this window and its length
}

func newWindows(d, warmup int) *windows {
	s := &windows{mean: make([]float64, d), m2: make([]float64, d), first: 75, win: 25}
	tail := max(50, warmup/10)
	if warmup < s.first+tail+s.win {
		s.first, tail = warmup*15/100, warmup/10
		s.win = warmup - s.first - tail
	}
	if warmup < 20 {
		s.first, s.win = warmup, 0 // too short for a spread: the step size only
		tail = 0
	}
	s.last = warmup - tail
	s.close = s.first + s.win
	s.stretch()
	return s
}

// stretch lets the window run to the end where the next would not fit.
func (s *windows) stretch() {
	if s.close+2*s.win > s.last {
		s.close = s.last
	}
}

// add takes the state after a step of warmup into account and reports whether a
// window has closed; sd then holds new standard deviations, shrunk towards 1e-3
// as Stan does.
func (s *windows) add(sd, x []float64) bool {
	s.step++
	if s.step <= s.first || s.step > s.last {
		return false
	}
	s.n++
	for i, v := range x {
		d := v - s.mean[i]
		s.mean[i] += d / s.n
		s.m2[i] += d * (v - s.mean[i])
	}
	if s.step != s.close {
		return false
	}
	if s.n > 2 {
		w := s.n / (s.n + 5)
		for i, m := range s.m2 {
			sd[i] = math.Sqrt(w*m/(s.n-1) + 1e-3*(1-w))
		}
	}
	s.n = 0
	clear(s.mean)
	clear(s.m2)
	s.win *= 2
	s.close += s.win
	s.stretch()
	return true
}

func ones(d int) []float64 {
	v := make([]float64, d)
	for i := range v {
		v[i] = 1
	}
	return v
}
