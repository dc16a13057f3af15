package vec

import "math"

// ARMA11 collects what the exact likelihood of an ARMA(1,1) process needs at one
// parameter point: the residuals from rest e_t = (x_t − φ x_{t−1}) − θ e_{t−1}, with
// x_t = y_t − mean, and the response h_t = (−θ)^t to the initial state.
type ARMA11 struct {
	Phi, Theta, Mean float64 // set these; |Theta| < 1

	SS float64 // Σ e_t²
	EH float64 // Σ e_t h_t
	HH float64 // Σ h_t²
}

// armaCut ends EH and HH when h_t is below it: what is left out is below rounding.
const armaCut = 1e-19

// The rows of the state of the kernel, each with one entry per parameter point.
const (
	armaPhi = iota
	armaA   // θ, θ², θ³, θ⁴
	armaA2
	armaA3
	armaA4
	armaMean
	armaX // the last x
	armaP // the last e
	armaS0
	armaS1
	armaS2
	armaS3
	armaE0 // Σ h e over even and over odd lags
	armaE1
	armaH  // h at the next step
	armaHH // Σ h² over the first steps of the blocks of four
	armaRows
)

type (
	armaLane  [armaRows]float64 // of one parameter point
	armaState [armaRows]vector  // of eight, with a point in each lane
)

// ARMA11s evaluates the points on one series. Four steps are taken at once: the
// particular solution from zero, plus the homogeneous one from the last residual
// before them, which leaves one product and one addition per four steps on the chain
// of dependent operations.
//
// scratch has the length of y.
func ARMA11s(points []ARMA11, y, scratch []float64) {
	sameLen(y, scratch)
	if len(y) == 0 {
		for i := range points {
			points[i].SS, points[i].EH, points[i].HH = 0, 0, 0
		}
		return
	}
	blocks := y[1:]
	n := len(blocks) &^ 3
	for len(points) > 0 {
		part := points[:min(lanes, len(points))]
		points = points[len(part):]
		if n > 0 && len(part) > 1 && wideARMA() { // one point alone is as fast in Go
			var st armaState
			for j := range lanes {
				// Spare lanes repeat the last point.
				for row, v := range part[min(j, len(part)-1)].start(y[0]) {
					st[row][j] = v
				}
			}
			armaLanes(&st, blocks[:n], len(part))
			for j := range part {
				var l armaLane
				for row := range l {
					l[row] = st[row][j]
				}
				part[j].finish(&l, y[0], blocks[n:])
			}
			continue
		}
		for j := range part {
			l := part[j].start(y[0])
			l.run(blocks[:n], scratch[:n])
			part[j].finish(&l, y[0], blocks[n:])
		}
	}
}

// start takes the first step.
func (r *ARMA11) start(y0 float64) (l armaLane) {
	a := r.Theta
	a2 := a * a
	x := y0 - r.Mean
	l[armaPhi], l[armaMean] = r.Phi, r.Mean
	l[armaA], l[armaA2], l[armaA3], l[armaA4] = a, a2, a2*a, a2*a2
	l[armaX], l[armaP], l[armaS0], l[armaH] = x, x, x*x, -a
	return l
}

// run takes len(y)/4 blocks and writes their residuals to v. The conversions keep
// products from being fused with sums.
func (l *armaLane) run(y, v []float64) {
	if mean := l[armaMean]; mean != 0 {
		for t, x := range y {
			v[t] = x - mean
		}
		y = v
	}
	f, a, a2, a3, a4 := l[armaPhi], l[armaA], l[armaA2], l[armaA3], l[armaA4]
	x, p := l[armaX], l[armaP]
	var s1, s2, s3 float64
	s0 := l[armaS0]
	e := v
	for len(y) >= 4 && len(e) >= 4 {
		x0, x1, x2, x3 := y[0], y[1], y[2], y[3]
		u0 := x0 - float64(f*x)
		u1 := (x1 - float64(f*x0)) - float64(a*u0)
		u2 := (x2 - float64(f*x1)) - float64(a*u1)
		u3 := (x3 - float64(f*x2)) - float64(a*u2)
		x = x3
		e0 := u0 - float64(a*p)
		e1 := u1 + float64(a2*p)
		e2 := u2 - float64(a3*p)
		p = u3 + float64(a4*p)
		e[0], e[1], e[2], e[3] = e0, e1, e2, p
		s0 += float64(e0 * e0)
		s1 += float64(e1 * e1)
		s2 += float64(e2 * e2)
		s3 += float64(p * p)
		y, e = y[4:], e[4:]
	}
	l[armaX], l[armaP] = x, p
	l[armaS0], l[armaS1], l[armaS2], l[armaS3] = s0, s1, s2, s3

	h, hh, e0, e1 := l[armaH], 0.0, 0.0, 0.0
	for ; len(v) >= 4 && math.Abs(h) > armaCut; v = v[4:] {
		e0 += float64(h * (v[0] + float64(a2*v[2])))
		e1 += float64(h * (v[1] + float64(a2*v[3])))
		hh += float64(h * h)
		h *= a4
	}
	l[armaE0], l[armaE1], l[armaH], l[armaHH] = e0, e1, h, hh
}

// finish takes the last steps y, fewer than four, one by one, and adds up.
func (r *ARMA11) finish(l *armaLane, y0 float64, y []float64) {
	a, a2, a4 := l[armaA], l[armaA2], l[armaA4]
	x, p, h := l[armaX], l[armaP], l[armaH]
	var eh, hh float64
	for _, v := range y {
		v -= r.Mean
		p = (v - float64(r.Phi*x)) - float64(a*p)
		x = v
		l[armaS0] += float64(p * p)
		if math.Abs(h) > armaCut {
			eh += float64(h * p)
			hh += float64(h * h)
		}
		h *= -a
	}
	r.SS = (l[armaS0] + l[armaS1]) + (l[armaS2] + l[armaS3])
	r.EH = (y0 - r.Mean) + ((l[armaE0] - float64(a*l[armaE1])) + eh)
	r.HH = 1 + (float64(l[armaHH]*(1+a2)*(1+a4)) + hh)
}
