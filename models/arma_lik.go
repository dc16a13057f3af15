package models

import (
	"math"

	"github.com/neuromanifold/neuromanifold/internal/vec"
)

// ARMALikelihood is an ARMA model with its series fixed: the prediction-error
// decomposition ℓ = −½ Σ_t [log 2πσ² + log D_t + v_t²/(σ² D_t)] by a Kalman
// filter that starts from the stationary law and turns into the plain residual
// recursion e_t = φ(B)(x_t − μ) − Σ θ_j e_{t−j} when its covariance has vanished
// to rounding (armaState.steady bounds what is neglected). With ARMASettings.CSS
// every D_t is 1. Besides the methods of a Likelihood it offers the score, its
// terms, many points at once, profiling and starts.
type ARMALikelihood struct {
	m *ARMA
	z *Data
	k *armaState

	y     []float64 // the series less the mean: z.V itself, or own
	own   []float64
	v     []float64 // one-step prediction errors of the last run
	inv   []float64 // 1/D_t for t < t0; 1 afterwards
	t0    int       // first step of the last run that was taken as steady
	noSwi bool      // tests only: never switch

	s *armaScore // allocated in Bind: scratch of the derivatives
	h *armaStart // the estimates that starts scatter around, from the first Start
}

// Bind fixes the series. The error says what is wrong with the data.
func (m *ARMA) Bind(z *Data) (Likelihood, error) {
	if err := checkBind(m, z); err != nil {
		return nil, err
	}
	n := z.N
	l := &ARMALikelihood{m: m, z: z, k: newARMAState(m.p, m.q), y: z.V, v: make([]float64, n), inv: make([]float64, n)}
	if m.set.Mean {
		l.own = make([]float64, n)
	}
	l.s = newARMAScore(m, n)
	if m.p == 1 && m.q == 1 && !m.set.Mean && !m.set.CSS {
		return newARMA11(l), nil
	}
	return l, nil
}

// Model returns the ARMA family.
func (l *ARMALikelihood) Model() Model { return l.m }

// N returns the length of the series.
func (l *ARMALikelihood) N() int { return l.z.N }

// LogLik returns ℓ(θ), -Inf outside the domain.
func (l *ARMALikelihood) LogLik(theta []float64) float64 {
	sigma2, ok := l.load(theta)
	if !ok {
		return math.Inf(-1)
	}
	ss, logDet := l.sums()
	return gaussLogLik(l.z.N, sigma2, ss, logDet)
}

// restTol bounds P·gain for the short cut of sums: the sum of squares from rest
// exceeds the exact one by about that factor at most, so that the difference
// loses at most four digits of sixteen.
const restTol = 1e4

// sums returns Σ v_t²/D_t and Σ log D_t from the loaded state. For r = 1 there is
// a way without the filter (Ljung and Box, Biometrika 66 (1979) 265): given the
// initial state a ~ N(0, P) the residuals are e⁰_t − h_t a, with e⁰ the residuals
// from rest and h_t = (−θ)^t, and a is integrated out,
//
//	Σ v²/D = Σ e⁰² − P (Σ e⁰h)²/(1 + P Σh²),   Σ log D = log(1 + P Σh²).
//
// It costs the plain residual chain at any θ, but the difference cancels near
// the unit circle, where the filter is used instead. It leaves v, inv and t0
// undefined.
func (l *ARMALikelihood) sums() (ss, logDet float64) {
	k := l.k
	if !l.fromRest() {
		return l.run()
	}
	pt := [1]vec.ARMA11{{Phi: k.phi[0], Theta: k.th[0]}} // l.y is centred
	vec.ARMA11s(pt[:], l.y, l.v)
	return restSums(&pt[0], k.cov[0])
}

// fromRest reports whether sums may take the short cut at the loaded state.
func (l *ARMALikelihood) fromRest() bool {
	return l.k.r == 1 && !(l.k.cov[0]*l.k.gain > restTol) && !l.noSwi
}

// restSums is the formula of sums.
func restSums(r *vec.ARMA11, p float64) (ss, logDet float64) {
	if p == 0 {
		return r.SS, 0
	}
	d := 1 + p*r.HH
	return r.SS - p*r.EH*r.EH/d, math.Log(d)
}

// gaussLogLik is −½ (n log 2πσ² + Σ log D_t + Σ v_t²/D_t / σ²); -Inf where data
// beyond the floating-point range made it meaningless.
func gaussLogLik(n int, sigma2, ss, logDet float64) float64 {
	f := -0.5 * (float64(n)*math.Log(2*math.Pi*sigma2) + logDet + ss/sigma2)
	if math.IsNaN(f) {
		return math.Inf(-1)
	}
	return f
}

// Terms fills dst (n) with log p(x_t | x_<t; θ), all -Inf outside the domain.
func (l *ARMALikelihood) Terms(dst, theta []float64) {
	checkLen(len(dst), l.z.N)
	sigma2, ok := l.load(theta)
	if !ok {
		for t := range dst {
			dst[t] = math.Inf(-1)
		}
		return
	}
	l.run()
	base := -0.5 * math.Log(2*math.Pi*sigma2)
	w := -0.5 / sigma2
	for t, v := range l.v {
		d := base + w*v*v
		if t < l.t0 {
			d = base + 0.5*math.Log(l.inv[t]) + w*v*v*l.inv[t]
		}
		if math.IsNaN(d) {
			d = math.Inf(-1)
		}
		dst[t] = d
	}
}

// load sets the filter to its initial law at θ and centres the series. It
// returns σ², and false outside the domain.
func (l *ARMALikelihood) load(theta []float64) (sigma2 float64, ok bool) {
	mean, sigma2, ok := l.loadState(theta)
	if ok {
		l.centre(mean)
	}
	return sigma2, ok
}

// loadState is load without the centring.
func (l *ARMALikelihood) loadState(theta []float64) (mean, sigma2 float64, ok bool) {
	phi, th, mean, sigma2 := l.m.split(theta)
	if !(sigma2 > 0) || math.IsInf(sigma2, 1) || math.IsNaN(mean) || math.IsInf(mean, 0) || !l.k.load(phi, th) {
		return mean, sigma2, false
	}
	return mean, sigma2, l.m.set.CSS || l.k.stationary()
}

func (l *ARMALikelihood) centre(mean float64) {
	if l.own == nil {
		return
	}
	l.y = l.own
	for t, x := range l.z.V {
		l.own[t] = x - mean
	}
}

// run filters y from the loaded state: it fills v, inv and t0, and returns
// Σ v_t²/D_t and Σ log D_t.
func (l *ARMALikelihood) run() (ss, logDet float64) {
	switch l.k.r {
	case 0:
		l.t0 = 0
	case 1:
		ss, logDet = l.transient1()
	case 2:
		ss, logDet = l.transient2()
	default:
		ss, logDet = l.transient()
	}
	// From t0 on P is 0. The state form takes r steps more, after which the
	// last r residuals are all innovations and the chain needs nothing else.
	k, n := l.k, l.z.N
	r, from := k.r, min(l.t0+k.r, n)
	for t := l.t0; t < from; t++ {
		y := l.y[t]
		v := y - k.a[0]
		l.v[t] = v
		ss += v * v
		for i := range r - 1 {
			k.a[i] = k.a[i+1] + k.th[i]*v + k.phi[i]*y
		}
		k.a[r-1] = k.th[r-1]*v + k.phi[r-1]*y
	}
	return ss + armaChain(l.v, l.y, from, k.phi[:k.p], k.th[:k.q]), logDet
}

// logProduct accumulates −Σ log x of factors in (0, 1] with one logarithm per
// block of the product.
type logProduct struct{ prod, sum float64 }

func (p *logProduct) flush() {
	p.sum -= math.Log(p.prod)
	p.prod = 1
}

// productFloor is where a running product is flushed: far enough above the
// least normal number for one more factor 1/D.
const productFloor = 1e-150

// transient is the filter for any order until P has vanished.
func (l *ARMALikelihood) transient() (ss, logDet float64) {
	k, r := l.k, l.k.r
	lp := logProduct{prod: 1}
	t := 0
	for ; t < l.z.N; t++ {
		if k.steady() && !l.noSwi {
			break
		}
		_, inv := k.gains()
		y := l.y[t]
		v := y - k.a[0]
		s := v * inv
		l.v[t], l.inv[t] = v, inv
		ss += v * s
		if lp.prod *= inv; lp.prod < productFloor {
			lp.flush()
		}
		for i := range r - 1 {
			k.a[i] = k.a[i+1] + k.g[i]*s + k.phi[i]*y
		}
		k.a[r-1] = k.g[r-1]*s + k.phi[r-1]*y
		k.advance()
	}
	lp.flush()
	l.t0 = t
	return ss, lp.sum
}

// transient1 is transient for r = 1. In g = 1/P the Riccati recursion is affine,
// g⁺ = (g + 1)/θ², so that the division g/(g+1) = 1/D leaves the chain of
// dependent operations.
func (l *ARMALikelihood) transient1() (ss, logDet float64) {
	k := l.k
	phi, th, a := k.phi[0], k.th[0], k.a[0]
	g, rate, top := 1/k.cov[0], 1/(th*th), k.gain/switchTol
	if l.noSwi {
		top = math.Inf(1)
	}
	lp := logProduct{prod: 1}
	n := l.z.N
	ys, vs, invs := l.y[:n], l.v[:n], l.inv[:n]
	t := 0
	for ; t < n && g < top; t++ {
		inv := g / (g + 1)
		y := ys[t]
		v := y - a
		s := v * inv
		vs[t], invs[t] = v, inv
		ss += v * s
		if lp.prod *= inv; lp.prod < productFloor {
			lp.flush()
		}
		a = phi*y + th*s
		g = (g + 1) * rate
	}
	lp.flush()
	k.a[0] = a
	l.t0 = t
	return ss, lp.sum
}

// transient2 is transient for r = 2, unrolled.
func (l *ARMALikelihood) transient2() (ss, logDet float64) {
	k := l.k
	f1, f2, h1, h2 := k.phi[0], k.phi[1], k.th[0], k.th[1]
	a1, a2 := k.a[0], k.a[1]
	p11, p12, p22 := k.cov[0], k.cov[1], k.cov[3]
	top := switchTol / k.gain
	if l.noSwi {
		top = -1
	}
	lp := logProduct{prod: 1}
	n := l.z.N
	ys, vs, invs := l.y[:n], l.v[:n], l.inv[:n]
	t := 0
	for ; t < n && p11+p22 > top; t++ {
		inv := 1 / (1 + p11)
		u1, u2 := p11*inv, p12*inv
		y := ys[t]
		v := y - a1
		s := v * inv
		vs[t], invs[t] = v, inv
		ss += v * s
		if lp.prod *= inv; lp.prod < productFloor {
			lp.flush()
		}
		g1 := p12 + h1
		a1, a2 = a2+g1*s+f1*y, h2*s+f2*y
		w1 := u2 - h1*u1
		p11, p12, p22 = p22-g1*u2-h1*w1, -h2*w1, h2*h2*u1
	}
	lp.flush()
	k.a[0], k.a[1] = a1, a2
	l.t0 = t
	return ss, lp.sum
}
