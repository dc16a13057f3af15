package pkpd

import "math"

// A chain is a cascade of first-order compartments with rates ν_0 … ν_{n−1},
// each feeding the next at unit rate. The impulse response from the input of
// compartment i to the content of compartment j,
//
//	ψ[ν_i … ν_j](t) = L⁻¹ 1/((s+ν_i)…(s+ν_j)) = (−1)^{j−i} exp(−νt)[ν_i, …, ν_j],
//
// is up to its sign the divided difference of exp(−νt) at those rates (Opitz;
// McCurdy, Ng and Parlett, Math. Comp. 43 (1984) 501), an analytic function of
// the rates, coincident or not: ∂ψ[…ν…]/∂ν = −ψ[…ν, ν…]. So the derivatives of
// a response are responses of longer chains, and nothing is special about
// ka = ke. All ψ of a chain together are the exponential M(t) of the bidiagonal
// matrix with −ν on and 1 above the diagonal. Every entry is positive and is
// computed here by sums and products of positive numbers, so that it has a small
// relative error however small it is; the formulas in terms of differences of
// exponentials over differences of rates have none left where rates meet.
//
// Matrices are n×n by rows; entries below the diagonal are never touched.
type chain struct {
	node []int     // index into rate for every compartment
	rate []float64 // distinct rates, at least 0 (1/h)
	tmp  []float64
	e    []float64
}

func newChain(node []int) *chain {
	n, top := len(node), 0
	for _, v := range node {
		top = max(top, v+1)
	}
	return &chain{node: node, rate: make([]float64, top), tmp: make([]float64, 2*n*n), e: make([]float64, top)}
}

// taylor is the number of terms that exp needs beyond the first one of an entry
// if the arguments lie in [0, 1]: 1/19! < 2^−53.
const taylor = 18

// exp sets m = M(t): Taylor series about the largest rate on an interval so
// short that rates differ by at most 1, then repeated squaring.
func (c *chain) exp(m []float64, t float64) {
	n := len(c.node)
	lo, hi := c.rate[c.node[0]], c.rate[c.node[0]]
	for _, v := range c.node {
		lo, hi = min(lo, c.rate[v]), max(hi, c.rate[v])
	}
	if lo == hi {
		f := math.Exp(-hi * t)
		for d := range n {
			for i := range n - d {
				m[i*n+i+d] = f
			}
			f *= t / float64(d+1)
		}
		return
	}
	h, squarings := halve(t, hi-lo)
	// Horner: M ← I + B M/k with B = diag((hi−ν)h) + superdiagonal of ones.
	for i := range n {
		for j := i; j < n; j++ {
			m[i*n+j] = 0
		}
		m[i*n+i] = 1
	}
	for k := n - 1 + taylor; k >= 1; k-- {
		r := 1 / float64(k)
		for i := range n {
			d := (hi - c.rate[c.node[i]]) * h * r
			row := m[i*n : (i+1)*n]
			if i+1 < n {
				next := m[(i+1)*n : (i+2)*n]
				for j := i + 1; j < n; j++ {
					row[j] = d*row[j] + r*next[j]
				}
			}
			row[i] = 1 + d*row[i]
		}
	}
	base := math.Exp(-hi * h)
	for i := range n {
		f := base
		for j := i; j < n; j++ {
			m[i*n+j] *= f
			f *= h
		}
	}
	c.diagonal(m, h)
	for range squarings {
		h *= 2
		c.square(m)
		c.diagonal(m, h)
	}
}

// halve returns t/2^s, s with the smallest s for which t/2^s·rate ≤ 1.
func halve(t, rate float64) (float64, int) {
	x := t * rate
	if !(x > 1) || math.IsInf(x, 1) {
		return t, 0
	}
	_, s := math.Frexp(x)
	return math.Ldexp(t, -s), s
}

// diagonal puts exact exponentials on the diagonal, where squaring would double
// the relative error every time.
func (c *chain) diagonal(m []float64, h float64) {
	for v, r := range c.rate {
		c.e[v] = math.Exp(-r * h)
	}
	n := len(c.node)
	for i, v := range c.node {
		m[i*n+i] = c.e[v]
	}
}

// square sets m = m m.
func (c *chain) square(m []float64) {
	c.product(c.tmp[:len(m)], m, m)
	copy(m, c.tmp[:len(m)])
}

// product sets dst = x y.
func (c *chain) product(dst, x, y []float64) {
	n := len(c.node)
	for i := range n {
		out := dst[i*n : (i+1)*n]
		for j := i; j < n; j++ {
			out[j] = 0
		}
		for k := i; k < n; k++ {
			f := x[i*n+k]
			row := y[k*n : (k+1)*n]
			for j := k; j < n; j++ {
				out[j] += f * row[j]
			}
		}
	}
}

// integral sets q = ∫₀ᵗ M(s) ds, the response to a constant input of 1 that
// began t ago: on a short interval from its Taylor series, then by
// Q(2h) = Q(h) + M(h)Q(h).
func (c *chain) integral(q []float64, t float64) {
	n := len(c.node)
	hi := 0.0
	for _, v := range c.node {
		hi = max(hi, c.rate[v])
	}
	h, squarings := halve(t, hi)
	// Q/h = Σ A^k/(k+1)!, Horner with A = diag(−νh) + ones above.
	for i := range n {
		for j := i; j < n; j++ {
			q[i*n+j] = 0
		}
		q[i*n+i] = 1
	}
	for k := n - 1 + taylor; k >= 1; k-- {
		r := 1 / float64(k+1)
		for i := range n {
			d := -c.rate[c.node[i]] * h * r
			row := q[i*n : (i+1)*n]
			if i+1 < n {
				next := q[(i+1)*n : (i+2)*n]
				for j := i + 1; j < n; j++ {
					row[j] = d*row[j] + r*next[j]
				}
			}
			row[i] = 1 + d*row[i]
		}
	}
	for i := range n {
		f := h
		for j := i; j < n; j++ {
			q[i*n+j] *= f
			f *= h
		}
	}
	if squarings == 0 {
		return
	}
	m, prod := c.tmp[n*n:], c.tmp[:n*n]
	for k := range squarings {
		if k == 0 {
			// exp needs the first half of tmp only.
			c.exp(m, h)
		} else {
			c.square(m)
			c.diagonal(m, h)
		}
		c.product(prod, m, q)
		for i := range n {
			for j := i; j < n; j++ {
				q[i*n+j] += prod[i*n+j]
			}
		}
		h *= 2
	}
}

// forever sets x = Σ_{k≥0} M(kτ) = (I − M(τ))⁻¹, which turns the response to
// the last dose into the response to all doses at steady state. A rate of 0 makes
// it infinite.
func (c *chain) forever(x, m []float64, tau float64) {
	c.exp(m, tau)
	n := len(c.node)
	for i := n - 1; i >= 0; i-- {
		r := -1 / math.Expm1(-c.rate[c.node[i]]*tau)
		x[i*n+i] = r
		for j := i + 1; j < n; j++ {
			s := 0.0
			for k := i + 1; k <= j; k++ {
				s += m[i*n+k] * x[k*n+j]
			}
			x[i*n+j] = r * s
		}
	}
}

// two is exp for the cascade of k+1 compartments of rate ν_0 followed by k+1 of
// rate ν_1, k = 0, 1, 2, in closed form, an order of magnitude faster. It fills the
// entries from i compartments of the first kind to j of the second with
// i+j ≤ k+2, and no others: those are all that values and derivatives up to
// order k need.
func (c *chain) two(m []float64, t float64, k int) {
	n := 2 * (k + 1)
	// a is the slower rate. Index by the number of compartments of each kind.
	a, b := c.rate[0], c.rate[1]
	flip := a > b
	if flip {
		a, b = b, a
	}
	d := b - a
	z := d * t
	ea, eb := math.Exp(-a*t), math.Exp(-b*t)
	pa := [4]float64{0, ea, t * ea, t * t / 2 * ea}
	pb := [4]float64{0, eb, t * eb, t * t / 2 * eb}
	var w [4][4]float64
	if z > 1 {
		// (b−a) ψ[aⁱbʲ] = ψ[aⁱbʲ⁻¹] − ψ[aⁱ⁻¹bʲ].
		w[1][1] = -ea * math.Expm1(-z) / d
		if k > 0 {
			w[2][1] = (pa[2] - w[1][1]) / d
			w[1][2] = (w[1][1] - pb[2]) / d
		}
		if k > 1 {
			w[3][1] = (pa[3] - w[2][1]) / d
			w[2][2] = (w[2][1] - w[1][2]) / d
			w[1][3] = (w[1][2] - pb[3]) / d
		}
	} else {
		// The same recursion downwards, where nothing cancels, from
		// ψ[aⁱbʲ] = t^{n−1}/(n−1)! e^{−bt} ₁F₁(i; n; z), n = i+j.
		switch k {
		case 0:
			w[1][1] = t * eb * kummer(1, 2, z)
		case 1:
			f := t * t / 2 * eb
			w[1][2], w[2][1] = f*kummer(1, 3, z), f*kummer(2, 3, z)
			w[1][1] = pb[2] + d*w[1][2]
		default:
			f := t * t * t / 6 * eb
			w[1][3], w[2][2], w[3][1] = f*kummer(1, 4, z), f*kummer(2, 4, z), f*kummer(3, 4, z)
			w[1][2] = pb[3] + d*w[1][3]
			w[2][1] = w[1][2] + d*w[2][2]
			w[1][1] = pb[2] + d*w[1][2]
		}
	}
	first, second := &pa, &pb
	if flip {
		first, second = second, first
	}
	for i := 1; i <= k+1; i++ {
		row := m[(k+1-i)*n:]
		row[k] = first[i]
		for j := 1; j <= k+2-i && j <= k+1; j++ {
			if flip {
				row[k+j] = w[j][i]
			} else {
				row[k+j] = w[i][j]
			}
		}
	}
	for j := 1; j <= k+1; j++ {
		m[(k+1)*n+k+j] = second[j]
	}
}

// kummer returns ₁F₁(i; n; z) for 0 ≤ z ≤ 1 from its series of positive terms.
func kummer(i, n int, z float64) float64 {
	s, term := 1.0, 1.0
	for k := range taylor {
		term *= z * float64(i+k) / (float64(n+k) * float64(k+1))
		s += term
		if term < 1e-17*s {
			break
		}
	}
	return s
}
