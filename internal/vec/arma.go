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

type armaState [armaRows]vector

// ARMA11s evaluates the points on one series. Four steps are taken at once: the
// particular solution from zero, plus the homogeneous one from the last residual
// before them, which leaves one product and one addition per four steps on the chain
// of dependent operations.
func ARMA11s(points []ARMA11, y []float64) {
	var st armaState
	for len(points) > 0 && len(y) > 0 {
		part := points[:min(lanes, len(points))]
		points = points[len(part):]
		for j := range st[0] {
			// Spare lanes repeat the last point.
			p := &part[min(j, len(part)-1)]
			a := p.Theta
			a2 := a * a
			x := y[0] - p.Mean
			for row, v := range [armaRows]float64{p.Phi, a, a2, a2 * a, a2 * a2, p.Mean, x, x, x * x, 0, 0, 0, 0, 0, -a, 0} {
				st[row][j] = v
			}
		}
		body := y[1:]
		n := len(body) &^ 3
		if n > 0 {
			armaLanes(&st, body[:n], len(part))
		}
		for j := range part {
			armaTail(&st, j, body[n:])
			part[j].collect(&st, j, y[0])
		}
	}
}

func armaPortable(st *armaState, y []float64, points int) {
	for j := range points {
		armaOne(st, j, y)
	}
}

// armaOne runs one point over len(y)/4 blocks. The conversions keep products from
// being fused with sums.
func armaOne(st *armaState, j int, y []float64) {
	j &= lanes - 1
	f, a, a2, a3, a4, mean := st[armaPhi][j], st[armaA][j], st[armaA2][j], st[armaA3][j], st[armaA4][j], st[armaMean][j]
	x, p := st[armaX][j], st[armaP][j]
	s0, s1, s2, s3 := st[armaS0][j], st[armaS1][j], st[armaS2][j], st[armaS3][j]
	e0, e1, h, hh := st[armaE0][j], st[armaE1][j], st[armaH][j], st[armaHH][j]
	for ; len(y) >= 4 && math.Abs(h) > armaCut; y = y[4:] {
		x0, x1, x2, x3 := y[0]-mean, y[1]-mean, y[2]-mean, y[3]-mean
		u0 := x0 - float64(f*x)
		u1 := (x1 - float64(f*x0)) - float64(a*u0)
		u2 := (x2 - float64(f*x1)) - float64(a*u1)
		u3 := (x3 - float64(f*x2)) - float64(a*u2)
		x = x3
		v0 := u0 - float64(a*p)
		v1 := u1 + float64(a2*p)
		v2 := u2 - float64(a3*p)
		p = u3 + float64(a4*p)
		s0 += float64(v0 * v0)
		s1 += float64(v1 * v1)
		s2 += float64(v2 * v2)
		s3 += float64(p * p)
		e0 += float64(h * (v0 + float64(a2*v2)))
		e1 += float64(h * (v1 + float64(a2*p)))
		hh += float64(h * h)
		h *= a4
	}
	for ; len(y) >= 4; y = y[4:] {
		x0, x1, x2, x3 := y[0]-mean, y[1]-mean, y[2]-mean, y[3]-mean
		u0 := x0 - float64(f*x)
		u1 := (x1 - float64(f*x0)) - float64(a*u0)
		u2 := (x2 - float64(f*x1)) - float64(a*u1)
		u3 := (x3 - float64(f*x2)) - float64(a*u2)
		x = x3
		v0 := u0 - float64(a*p)
		v1 := u1 + float64(a2*p)
		v2 := u2 - float64(a3*p)
		p = u3 + float64(a4*p)
		s0 += float64(v0 * v0)
		s1 += float64(v1 * v1)
		s2 += float64(v2 * v2)
		s3 += float64(p * p)
	}
	st[armaX][j], st[armaP][j] = x, p
	st[armaS0][j], st[armaS1][j], st[armaS2][j], st[armaS3][j] = s0, s1, s2, s3
	st[armaE0][j], st[armaE1][j], st[armaH][j], st[armaHH][j] = e0, e1, h, hh
}

// armaTail takes the last steps, fewer than four, one by one.
func armaTail(st *armaState, j int, y []float64) {
	f, a, mean := st[armaPhi][j], st[armaA][j], st[armaMean][j]
	x, p, h := st[armaX][j], st[armaP][j], st[armaH][j]
	var eh, hh float64
	for _, v := range y {
		v -= mean
		p = (v - float64(f*x)) - float64(a*p)
		x = v
		st[armaS0][j] += float64(p * p)
		if math.Abs(h) > armaCut {
			eh += float64(h * p)
			hh += float64(h * h)
		}
		h *= -a
	}
	st[armaX][j], st[armaP][j] = eh, hh // for collect
}

func (r *ARMA11) collect(st *armaState, j int, y0 float64) {
	a, a2, a4 := st[armaA][j], st[armaA2][j], st[armaA4][j]
	r.SS = (st[armaS0][j] + st[armaS1][j]) + (st[armaS2][j] + st[armaS3][j])
	r.EH = (y0 - r.Mean) + ((st[armaE0][j] - float64(a*st[armaE1][j])) + st[armaX][j])
	r.HH = 1 + (float64(st[armaHH][j]*(1+a2)*(1+a4)) + st[armaP][j])
}
