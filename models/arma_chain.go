package models

// armaChain fills v[from:] with the residuals y_t − Σφ_i y_{t−i} − Σθ_j v_{t−j}
// and returns the sum of their squares. It needs from ≥ max(p, q).
func armaChain(v, y []float64, from int, phi, th []float64) (ss float64) {
	if from >= len(v) {
		return 0
	}
	if len(phi) == 1 && len(th) == 1 {
		return armaChain11(v, y, from, phi[0], th[0])
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

// armaChain11 is armaChain for p = q = 1 in one pass, four steps at once as in
// unfilter.
func armaChain11(v, y []float64, from int, f, a float64) float64 {
	a2 := a * a
	a3, a4 := a2*a, a2*a2
	x, p := y[from-1], v[from-1]
	y, v = y[from:], v[from:]
	var s0, s1, s2, s3 float64
	for len(y) >= 4 && len(v) >= 4 {
		u0 := y[0] - f*x
		u1 := (y[1] - f*y[0]) - a*u0
		u2 := (y[2] - f*y[1]) - a*u1
		u3 := (y[3] - f*y[2]) - a*u2
		x = y[3]
		e0 := u0 - a*p
		e1 := u1 + a2*p
		e2 := u2 - a3*p
		p = u3 + a4*p
		v[0], v[1], v[2], v[3] = e0, e1, e2, p
		s0 += e0 * e0
		s1 += e1 * e1
		s2 += e2 * e2
		s3 += p * p
		y, v = y[4:], v[4:]
	}
	for i, z := range y {
		p = (z - f*x) - a*p
		x = z
		v[i] = p
		s0 += p * p
	}
	return (s0 + s1) + (s2 + s3)
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

// filterDot returns Σ v_t d_t for d_t = −in_t − a d_{t−1} from d_{−1} = p, four
// steps at once as in unfilter.
func filterDot(v, in []float64, p, a float64) float64 {
	a2 := a * a
	a3, a4 := a2*a, a2*a2
	var s0, s1, s2, s3 float64
	in = in[:len(v)]
	for len(v) >= 4 && len(in) >= 4 {
		u0 := -in[0]
		u1 := -in[1] - a*u0
		u2 := -in[2] - a*u1
		u3 := -in[3] - a*u2
		s0 += v[0] * (u0 - a*p)
		s1 += v[1] * (u1 + a2*p)
		s2 += v[2] * (u2 - a3*p)
		p = u3 + a4*p
		s3 += v[3] * p
		v, in = v[4:], in[4:]
	}
	for i, x := range in {
		p = -x - a*p
		s0 += v[i] * p
	}
	return (s0 + s1) + (s2 + s3)
}
