package models

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// armaScore is the scratch of the derivatives of the filter: one tangent for
// every coefficient and one for the mean, carried forward through the exact
// recursion, the initial covariance included.
type armaScore struct {
	nk   int       // tangents: p + q, plus 1 for a free mean
	cov  []float64 // nk × r×r: dP, upper triangles
	a    []float64 // nk × r: dâ
	hist []float64 // nk × r: dv of the last r steps before the chain
	dd   []float64 // nk: dD
	gl   []float64 // nk: Σ of (v dv − ½ s dD…), the σ-scaled part of the score
	gd   []float64 // nk: Σ dD/D
	d    []float64 // n: dv of one tangent along the chain
	b    []float64 // r
	one  []float64 // n ones, for a free mean
}

func newARMAScore(m *ARMA, n int) *armaScore {
	nk, r := m.p+m.q, max(m.p, m.q)
	if m.set.Mean {
		nk++
	}
	s := &armaScore{
		nk: nk, cov: make([]float64, nk*r*r), a: make([]float64, nk*r), hist: make([]float64, nk*r),
		dd: make([]float64, nk), gl: make([]float64, nk), gd: make([]float64, nk), d: make([]float64, n), b: make([]float64, r),
	}
	if m.set.Mean {
		s.one = make([]float64, n)
		for t := range s.one {
			s.one[t] = 1
		}
	}
	return s
}

// derivTol bounds the neglected future derivative of Σ log D, as switchTol does
// for its value.
const derivTol = 1e-16

// Score fills dst (d) with ∂ℓ/∂θ, the exact derivative of what LogLik computes,
// and returns ℓ(θ).
func (l *ARMALikelihood) Score(dst, theta []float64) float64 {
	checkLen(len(dst), len(l.m.params))
	return l.score(dst, nil, theta)
}

// ScoreTerms fills dst (n×d) with the score of every term; NaN outside the
// domain.
func (l *ARMALikelihood) ScoreTerms(dst *mat.Dense, theta []float64) {
	if r, c := dst.Dims(); r != l.z.N || c != len(l.m.params) {
		panic(badShape)
	}
	if math.IsInf(l.score(nil, dst, theta), -1) {
		for t := range l.z.N {
			row := dst.RawRowView(t)
			for i := range row {
				row[i] = math.NaN()
			}
		}
	}
}

func (l *ARMALikelihood) score(dst []float64, terms *mat.Dense, theta []float64) float64 {
	sigma2, ok := l.load(theta)
	if !ok {
		return math.Inf(-1)
	}
	s, k := l.s, l.k
	clear(s.a)
	clear(s.cov)
	clear(s.gl)
	clear(s.gd)
	if !l.m.set.CSS {
		l.initialTangents()
	}
	var ss, logDet float64
	switch {
	case k.r == 0:
		l.t0 = 0
	case k.r == 1 && terms == nil:
		ss, logDet = l.tangentTransient1()
	default:
		ss, logDet = l.tangentTransient(terms, sigma2)
	}
	from := min(l.t0+k.r, l.z.N)
	ss += l.tangentState(from, terms, sigma2)
	ss += armaChain(l.v, l.y, from, k.phi[:k.p], k.th[:k.q])
	l.tangentChain(from, terms, sigma2)

	f := gaussLogLik(l.z.N, sigma2, ss, logDet)
	if l.m.set.Var == 0 && terms != nil {
		i := len(l.m.params) - 1
		for t, v := range l.v {
			q := v * v
			if t < l.t0 {
				q *= l.inv[t]
			}
			terms.Set(t, i, (q/sigma2-1)/(2*sigma2))
		}
	}
	if dst != nil {
		for i := range s.nk {
			dst[i] = -(0.5*s.gd[i] + s.gl[i]/sigma2)
		}
		if l.m.set.Var == 0 {
			dst[len(dst)-1] = (ss/sigma2 - float64(l.z.N)) / (2 * sigma2)
		}
	}
	return f
}

// initialTangents differentiates the stationary covariance: dP solves the same
// equation as P with inhomogeneous term e_k b' + b e_k', where b = F P h' + G
// for φ_k and b = G for θ_k.
func (l *ARMALikelihood) initialTangents() {
	k, s, r, rr := l.k, l.s, l.k.r, l.k.r*l.k.r
	if r == 0 {
		return
	}
	if r == 1 {
		w := 2 / ((1 - k.phi[0]) * (1 + k.phi[0]))
		if k.p == 1 {
			s.cov[0] = w * (k.gam[0] + k.phi[0]*k.cov[0])
		}
		if k.q == 1 {
			s.cov[k.p] = w * k.gam[0]
		}
		return
	}
	for c := range k.p + k.q {
		e := c
		copy(s.b, k.gam)
		if c < k.p {
			for i := range r {
				s.b[i] += k.phi[i] * k.cov[0]
				if i+1 < r {
					s.b[i] += k.cov[i+1]
				}
			}
		} else {
			e = c - k.p
		}
		for j := range r {
			v := 0.0
			if j+e < r {
				v += s.b[j+e]
			}
			if e >= j {
				v += s.b[e-j]
			}
			k.rhs[j] = v
		}
		k.solve()
		k.fill(s.cov[c*rr:(c+1)*rr], func(i, j int) float64 {
			v := 0.0
			if i == e {
				v += s.b[j]
			}
			if j == e {
				v += s.b[i]
			}
			return v
		})
	}
}

// tangentTransient is transient with tangents.
func (l *ARMALikelihood) tangentTransient(terms *mat.Dense, sigma2 float64) (ss, logDet float64) {
	k, s, r := l.k, l.s, l.k.r
	lp := logProduct{prod: 1}
	t := 0
	for ; t < l.z.N; t++ {
		if k.steady() && l.tangentsSteady() && !l.noSwi {
			break
		}
		_, inv := k.gains()
		y := l.y[t]
		v := y - k.a[0]
		sv := v * inv
		l.v[t], l.inv[t] = v, inv
		ss += v * sv
		if lp.prod *= inv; lp.prod < productFloor {
			lp.flush()
		}
		for c := range s.nk {
			dd, dv := l.tangentStep(c, y, v, sv, inv)
			s.gd[c] += dd * inv
			s.gl[c] += sv * (dv - 0.5*sv*dd)
			if terms != nil {
				terms.Set(t, c, -0.5*dd*inv-sv*(dv-0.5*sv*dd)/sigma2)
			}
		}
		for i := range r - 1 {
			k.a[i] = k.a[i+1] + k.g[i]*sv + k.phi[i]*y
		}
		k.a[r-1] = k.g[r-1]*sv + k.phi[r-1]*y
		k.advance()
	}
	lp.flush()
	l.t0 = t
	return ss, lp.sum
}

func (l *ARMALikelihood) tangentsSteady() bool {
	sum := 0.0
	for _, x := range l.s.cov {
		sum += math.Abs(x)
	}
	return !(sum*l.k.gain > derivTol)
}

// tangentStep advances tangent c over one step of the transient, given c, u and
// g of the state before the step, and returns dD and dv.
func (l *ARMALikelihood) tangentStep(c int, y, v, sv, inv float64) (dd, dv float64) {
	k, s, r := l.k, l.s, l.k.r
	da := s.a[c*r : (c+1)*r]
	dy, dphi, dth := 0.0, -1, -1 // which coefficient this is the tangent of
	switch {
	case c < k.p:
		dphi = c
	case c < k.p+k.q:
		dth = c - k.p
	default:
		dy = -1
	}
	dv = dy - da[0]
	dp := s.cov[c*r*r : (c+1)*r*r]
	dd = dp[0]
	ds := (dv - sv*dd) * inv
	// Gains first: s.b holds du, and dc is the first row of dp.
	du := s.b
	for i := range r {
		du[i] = (dp[i] - k.u[i]*dd) * inv
	}
	for i := range r {
		dg, a := 0.0, 0.0
		if i+1 < r {
			dg, a = dp[i+1], da[i+1]
		}
		if i == dth {
			dg++
		}
		a += dg*sv + k.g[i]*ds + k.phi[i]*dy
		if i == dphi {
			a += y
		}
		da[i] = a
	}
	if c >= k.p+k.q {
		return dd, dv // P does not depend on the mean
	}
	// The first row of dp is overwritten at i = 0 while later rows still need
	// nothing of it but dc_{i+1}, which is saved here through hist.
	dc := s.hist[c*r : (c+1)*r]
	copy(dc, dp[:r])
	for i := range r {
		w := k.u[i+1] - k.th[i]*k.u[0]
		dg, dw := 0.0, -k.th[i]*du[0]
		if i+1 < r {
			dg, dw = dc[i+1], dw+du[i+1]
		}
		if i == dth {
			dg++
			dw -= k.u[0]
		}
		for j := i; j < r; j++ {
			x := -k.th[j] * dw
			if j+1 < r {
				x += dp[(i+1)*r+j+1] - dg*k.u[j+1] - k.g[i]*du[j+1]
			}
			if j == dth {
				x -= w
			}
			dp[i*r+j] = x
		}
	}
	return dd, dv
}

// tangentTransient1 is tangentTransient for r = 1.
func (l *ARMALikelihood) tangentTransient1() (ss, logDet float64) {
	k, s := l.k, l.s
	phi, th, a, p := k.phi[0], k.th[0], k.a[0], k.cov[0]
	var pf, ph float64 // dP for φ and θ
	if k.p == 1 {
		pf = s.cov[0]
	}
	if k.q == 1 {
		ph = s.cov[k.p]
	}
	var af, ah, am float64 // dâ for φ, θ and the mean
	var gf, gh, gm, df, dh float64
	top, dtop := switchTol/k.gain, derivTol/k.gain
	if l.noSwi {
		top = -1
	}
	lp := logProduct{prod: 1}
	t := 0
	for ; t < l.z.N; t++ {
		if !(p > top) && !(math.Abs(pf)+math.Abs(ph) > dtop) {
			break
		}
		inv := 1 / (1 + p)
		u := p * inv
		y := l.y[t]
		v := y - a
		sv := v * inv
		l.v[t], l.inv[t] = v, inv
		ss += v * sv
		if lp.prod *= inv; lp.prod < productFloor {
			lp.flush()
		}
		df += pf * inv
		dh += ph * inv
		gf -= sv * (af + 0.5*sv*pf) // dv = −dâ
		gh -= sv * (ah + 0.5*sv*ph)
		gm -= sv * (1 + am)
		af = y - th*inv*(af+sv*pf)
		ah = sv - th*inv*(ah+sv*ph)
		am = -th*inv*(1+am) - phi
		pf, ph, p = th*th*inv*inv*pf, th*th*inv*inv*ph+2*th*u, th*th*u
		a = phi*y + th*sv
	}
	lp.flush()
	k.a[0], l.t0 = a, t
	put := func(c int, da, g, d float64) { s.a[c], s.gl[c], s.gd[c] = da, g, d }
	if k.p == 1 {
		put(0, af, gf, df)
	}
	if k.q == 1 {
		put(k.p, ah, gh, dh)
	}
	if s.nk > k.p+k.q {
		put(k.p+k.q, am, gm, 0)
	}
	return ss, lp.sum
}

// tangentState takes the r steps in state form with P = 0, and keeps their dv.
func (l *ARMALikelihood) tangentState(from int, terms *mat.Dense, sigma2 float64) (ss float64) {
	k, s, r := l.k, l.s, l.k.r
	for t := l.t0; t < from; t++ {
		y := l.y[t]
		v := y - k.a[0]
		l.v[t] = v
		ss += v * v
		for c := range s.nk {
			da := s.a[c*r : (c+1)*r]
			dy := 0.0
			if c >= k.p+k.q {
				dy = -1
			}
			dv := dy - da[0]
			s.hist[c*r+t-l.t0] = dv
			s.gl[c] += v * dv
			if terms != nil {
				terms.Set(t, c, -v*dv/sigma2)
			}
			for i := range r {
				x := k.th[i]*dv + k.phi[i]*dy
				if i+1 < r {
					x += da[i+1]
				}
				da[i] = x
			}
			switch {
			case c < k.p:
				da[c] += y
			case c < k.p+k.q:
				da[c-k.p] += v
			}
		}
		for i := range r {
			x := k.th[i]*v + k.phi[i]*y
			if i+1 < r {
				x += k.a[i+1]
			}
			k.a[i] = x
		}
	}
	return ss
}

// tangentChain runs every tangent along the residual chain: dv divided by
// 1 + Σθ_j z^j from −y_{t−i}, −v_{t−j} or −φ(1).
func (l *ARMALikelihood) tangentChain(from int, terms *mat.Dense, sigma2 float64) {
	k, s, r, n := l.k, l.s, l.k.r, l.z.N
	if from >= n {
		return
	}
	d := s.d[:n]
	for c := range s.nk {
		copy(d[from-r:from], s.hist[c*r:(c+1)*r])
		switch {
		case c < k.p:
			for t, y := range l.y[from-1-c : n-1-c] {
				d[from+t] = -y
			}
		case c < k.p+k.q:
			j := c - k.p + 1
			for t, v := range l.v[from-j : n-j] {
				d[from+t] = -v
			}
		default:
			w := -1.0
			for _, f := range k.phi {
				w += f
			}
			for t := from; t < n; t++ {
				d[t] = w
			}
		}
		unfilter(d, from, k.th[:k.q])
		s.gl[c] += dot4(l.v[from:], d[from:])
		if terms != nil {
			for t := from; t < n; t++ {
				terms.Set(t, c, -l.v[t]*d[t]/sigma2)
			}
		}
	}
}
