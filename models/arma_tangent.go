package models

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

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
		if terms == nil && k.q <= 1 && c < k.p+k.q {
			// A coefficient of AR(p) or ARMA(p,1): one pass, nothing stored.
			switch {
			case k.q == 0:
				s.gl[c] -= dot4(l.v[from:], l.y[from-1-c:n-1-c])
			case c < k.p:
				s.gl[c] += filterDot(l.v[from:], l.y[from-1-c:n-1-c], s.hist[(c+1)*r-1], k.th[0])
			default:
				s.gl[c] += filterDot(l.v[from:], l.v[from-1:n-1], s.hist[(c+1)*r-1], k.th[0])
			}
			continue
		}
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
