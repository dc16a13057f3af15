package pkpd

import "math"

// An algebra is the arithmetic of jets: numbers that carry their first and
// second derivatives in p parameters, truncated at the given order. A jet is a
// slice of length size: the value, p first derivatives, the lower triangle of
// the second ones by rows. Forward mode through second order, written once;
// closed forms, the right-hand sides of differential equations and their
// solutions (whose sensitivity equations are the jets of the equation itself)
// all use it. A destination may be one of the arguments only where it says so.
type algebra struct {
	p, order int
}

// size returns the length of a jet.
func (a algebra) size() int {
	switch a.order {
	case 0:
		return 1
	case 1:
		return 1 + a.p
	}
	return 1 + a.p + a.p*(a.p+1)/2
}

// constant sets dst to a number.
func (a algebra) constant(dst []float64, c float64) {
	clear(dst)
	dst[0] = c
}

// variable sets dst to parameter i of value v.
func (a algebra) variable(dst []float64, i int, v float64) {
	clear(dst)
	dst[0] = v
	if a.order > 0 {
		dst[1+i] = 1
	}
}

// add sets dst = x + y; dst may be either.
func (a algebra) add(dst, x, y []float64) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = x[i] + y[i]
	}
}

// sub sets dst = x − y; dst may be either.
func (a algebra) sub(dst, x, y []float64) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = x[i] - y[i]
	}
}

// scale sets dst = c x; dst may be x.
func (a algebra) scale(dst []float64, c float64, x []float64) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = c * x[i]
	}
}

// mul sets dst = x y.
func (a algebra) mul(dst, x, y []float64) {
	x, y = x[:len(dst)], y[:len(dst)]
	x0, y0 := x[0], y[0]
	for i := range dst {
		dst[i] = x0*y[i] + y0*x[i]
	}
	dst[0] = x0 * y0
	if a.order > 1 {
		h := dst[1+a.p:]
		gx, gy := x[1:1+a.p], y[1:1+a.p]
		for i, xi := range gx {
			yi := gy[i]
			row := h[:i+1]
			for j := range row {
				row[j] += xi*gy[j] + yi*gx[j]
			}
			h = h[i+1:]
		}
	}
}

// div sets dst = x/y, from x = dst·y.
func (a algebra) div(dst, x, y []float64) {
	x, y = x[:len(dst)], y[:len(dst)]
	r := 1 / y[0]
	q := x[0] / y[0]
	for i := range dst {
		dst[i] = (x[i] - q*y[i]) * r
	}
	dst[0] = q
	if a.order > 1 {
		h := dst[1+a.p:]
		gq, gy := dst[1:1+a.p], y[1:1+a.p]
		for i, qi := range gq {
			yi := gy[i] * r
			qi *= r
			row := h[:i+1]
			for j := range row {
				row[j] -= qi*gy[j] + yi*gq[j]
			}
			h = h[i+1:]
		}
	}
}

// unary sets dst = f(x) from f, f′ and f″ at the value of x. Where x does not
// move, f(x) does not either, even if f′ is infinite there.
func (a algebra) unary(dst, x []float64, f, f1, f2 float64) {
	x = x[:len(dst)]
	dst[0] = f
	if a.order == 0 {
		return
	}
	if still(x) {
		clear(dst[1:])
		return
	}
	for i := 1; i < len(dst); i++ {
		dst[i] = f1 * x[i]
	}
	if a.order > 1 && f2 != 0 {
		h := dst[1+a.p:]
		g := x[1 : 1+a.p]
		for i, gi := range g {
			c := f2 * gi
			row := h[:i+1]
			for j := range row {
				row[j] += c * g[j]
			}
			h = h[i+1:]
		}
	}
}

// still reports a jet without derivatives.
func still(x []float64) bool {
	for _, v := range x[1:] {
		if v != 0 {
			return false
		}
	}
	return true
}

// compose sets dst = f(w_1, …, w_m) from the jet f of f in its m arguments (at
// the order of a) and the jets w of the arguments.
func (a algebra) compose(dst, f []float64, w [][]float64) {
	a.constant(dst, f[0])
	if a.order == 0 {
		return
	}
	m := len(w)
	for v, wv := range w {
		if c := f[1+v]; c != 0 {
			wv = wv[:len(dst)]
			for i := 1; i < len(dst); i++ {
				dst[i] += c * wv[i]
			}
		}
	}
	if a.order == 1 {
		return
	}
	second := f[1+m:]
	for v := range m {
		gv := w[v][1 : 1+a.p]
		for u := range v + 1 {
			c := second[u]
			if c == 0 {
				continue
			}
			gu := w[u][1 : 1+a.p]
			h := dst[1+a.p:]
			for i := range a.p {
				row := h[:i+1]
				if u == v {
					ci := c * gv[i]
					for j := range row {
						row[j] += ci * gv[j]
					}
				} else {
					cv, cu := c*gv[i], c*gu[i]
					for j := range row {
						row[j] += cv*gu[j] + cu*gv[j]
					}
				}
				h = h[i+1:]
			}
		}
		second = second[v+1:]
	}
}

// store writes a jet to row i of out.
func (a algebra) store(out *Jets, i int, x []float64) {
	out.Value[i] = x[0]
	if a.order > 0 {
		copy(out.GradRow(i), x[1:1+a.p])
	}
	if a.order > 1 {
		h, row := x[1+a.p:], out.HessRow(i)
		for r := range a.p {
			for c := range r + 1 {
				row[r*a.p+c] = h[c]
				row[c*a.p+r] = h[c]
			}
			h = h[r+1:]
		}
	}
}

// finite reports whether all entries of x are numbers.
func finite(x []float64) bool {
	s := 0.0
	for _, v := range x {
		s += v * 0
	}
	return !math.IsNaN(s)
}
