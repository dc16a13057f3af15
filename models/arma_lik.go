package models

import "math"

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
	ss, logDet := l.run()
	return gaussLogLik(l.z.N, sigma2, ss, logDet)
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
	phi, th, mean, sigma2 := l.m.split(theta)
	if !(sigma2 > 0) || math.IsInf(sigma2, 1) || math.IsNaN(mean) || math.IsInf(mean, 0) || !l.k.load(phi, th) {
		return sigma2, false
	}
	if !l.m.set.CSS && !l.k.stationary() {
		return sigma2, false
	}
	l.centre(mean)
	return sigma2, true
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

// armaChain fills v[from:] with the residuals y_t − Σφ_i y_{t−i} − Σθ_j v_{t−j}
// and returns the sum of their squares. It needs from ≥ max(p, q).
func armaChain(v, y []float64, from int, phi, th []float64) (ss float64) {
	if from >= len(v) {
		return 0
	}
	y = y[:len(v)]
	switch len(phi) {
	case 0:
		copy(v[from:], y[from:])
	case 1:
		f := phi[0]
		prev := 0.0
		if from > 0 {
			prev = y[from-1]
		}
		for t := from; t < len(v); t++ {
			v[t] = y[t] - f*prev
			prev = y[t]
		}
	case 2:
		f1, f2 := phi[0], phi[1]
		y1, y2 := y[from-1], y[from-2]
		for t := from; t < len(v); t++ {
			v[t] = y[t] - f1*y1 - f2*y2
			y1, y2 = y[t], y1
		}
	default:
		for t := from; t < len(v); t++ {
			s := y[t]
			past := y[t-len(phi) : t]
			for i, f := range phi {
				s -= f * past[len(past)-1-i]
			}
			v[t] = s
		}
	}
	unfilter(v, from, th)
	return sumSquares(v[from:])
}

// unfilter replaces e_t, t ≥ from ≥ q, by e_t − Σ_j θ_j e_{t−j}, in place and in
// order: division by 1 + Σθ_j z^j. For q ≤ 2 four steps are taken at once: the
// particular solution of the block from zero, plus the homogeneous one from the
// last values before it, which leaves one multiplication and one addition per
// block on the chain of dependent operations.
func unfilter(e []float64, from int, th []float64) {
	t := from
	switch len(th) {
	case 0:
		return
	case 1:
		a := th[0]
		a2 := a * a
		a3, a4 := a2*a, a2*a2
		p := e[from-1]
		for ; t+4 <= len(e); t += 4 {
			b := e[t : t+4 : t+4]
			u0 := b[0]
			u1 := b[1] - a*u0
			u2 := b[2] - a*u1
			u3 := b[3] - a*u2
			b[0] = u0 - a*p
			b[1] = u1 + a2*p
			b[2] = u2 - a3*p
			p = u3 + a4*p
			b[3] = p
		}
		for ; t < len(e); t++ {
			p = e[t] - a*p
			e[t] = p
		}
	case 2:
		a, c := th[0], th[1]
		h0, k0 := -a, -c // e_t = u_t + h_t e_{−1} + k_t e_{−2}
		h1, k1 := -a*h0-c, -a*k0
		h2, k2 := -a*h1-c*h0, -a*k1-c*k0
		h3, k3 := -a*h2-c*h1, -a*k2-c*k1
		p, q := e[from-1], e[from-2]
		for ; t+4 <= len(e); t += 4 {
			b := e[t : t+4 : t+4]
			u0 := b[0]
			u1 := b[1] - a*u0
			u2 := b[2] - a*u1 - c*u0
			u3 := b[3] - a*u2 - c*u1
			b[0] = u0 + (h0*p + k0*q)
			b[1] = u1 + (h1*p + k1*q)
			e2 := u2 + (h2*p + k2*q)
			e3 := u3 + (h3*p + k3*q)
			b[2], b[3] = e2, e3
			p, q = e3, e2
		}
		for ; t < len(e); t++ {
			p, q = e[t]-a*p-c*q, p
			e[t] = p
		}
	default:
		q := len(th)
		for ; t < len(e); t++ {
			s := e[t]
			past := e[t-q : t]
			for j, a := range th {
				s -= a * past[q-1-j]
			}
			e[t] = s
		}
	}
}

// sumSquares and dot add in four interleaved sums, a fixed order.
func sumSquares(x []float64) float64 { return dot4(x, x) }

func dot4(x, y []float64) float64 {
	var s0, s1, s2, s3 float64
	y = y[:len(x)]
	for len(x) >= 4 && len(y) >= 4 {
		s0 += x[0] * y[0]
		s1 += x[1] * y[1]
		s2 += x[2] * y[2]
		s3 += x[3] * y[3]
		x, y = x[4:], y[4:]
	}
	for i := range x {
		s0 += x[i] * y[i]
	}
	return (s0 + s1) + (s2 + s3)
}
