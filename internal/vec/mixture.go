package vec

import (
	"math"
	"math/bits"
)

// A Component is log π_j N(y; μ_j, v_j) as a function of y:
// LogC + H (y − Mu)², with H = −1/(2 v_j).
type Component struct{ LogC, Mu, H float64 }

// A Mixture evaluates univariate normal mixtures: with one exponential per
// observation and component (per observation for two components), one division per
// observation and one logarithm per block. Set C, then call LogLik, EStep or Curve.
// A responsibility below e^-708 times the largest one of its observation counts as 0.
type Mixture struct {
	C     []Component
	block int // observations per logarithm
	// product, Σ max, then Σr, Σr e, Σr e² of every component; of two also the sums
	// of Curve
	state []vector
	rows  []vector // log π_j N_j of lanes observations, then r
	saved []vector // the state before an incomplete group
}

// NewMixture makes room for k ≥ 1 components.
func NewMixture(k int) *Mixture {
	// p exceeds its largest term by a factor in [1, k], and a product of these must
	// not overflow.
	const room = 1016
	block := room / max(1, bits.Len(uint(k-1))) &^ (lanes - 1)
	n := 2 + 3*k
	if k == 2 {
		n += curveSums
	}
	return &Mixture{C: make([]Component, k), block: block, state: make([]vector, n), rows: make([]vector, k), saved: make([]vector, n)}
}

// curveSums is the number of further sums of Curve.
const curveSums = 5

// what a pass over the data is for.
type pass int

const (
	forLogLik pass = iota
	forMoments
	forCurve
)

// LogLik returns Σ log Σ_j π_j N_j(y_i), NaN if every term of some observation is 0.
func (m *Mixture) LogLik(y []float64) float64 {
	clear(m.state[:2])
	return m.run(y, forLogLik)
}

// EStep returns LogLik, and adds Σr_j, Σr_j e_j and Σr_j e_j² to acc (three numbers
// per component), where r_j is the responsibility of component j and e_j = y − μ_j.
func (m *Mixture) EStep(acc, y []float64) float64 {
	if len(acc) != 3*len(m.C) {
		panic(badLen)
	}
	clear(m.state)
	ll := m.run(y, forMoments)
	for i := range acc {
		acc[i] += m.state[2+i].sum()
	}
	return ll
}

// Curve is EStep for two components, and adds Σ r_1 r_2 e_1^k, k = 0…4, to curve:
// what the second derivatives of the log-likelihood need besides. It panics for
// another number of components.
func (m *Mixture) Curve(acc []float64, curve *[curveSums]float64, y []float64) float64 {
	if len(acc) != 6 || len(m.C) != 2 {
		panic(badLen)
	}
	clear(m.state)
	ll := m.run(y, forCurve)
	for i := range acc {
		acc[i] += m.state[2+i].sum()
	}
	for i := range curve {
		curve[i] += m.state[8+i].sum()
	}
	return ll
}

func (m *Mixture) run(y []float64, what pass) float64 {
	var logs float64
	for len(y) > 0 {
		part := y[:min(m.block, len(y))]
		y = y[len(part):]
		for i := range m.state[0] {
			m.state[0][i] = 1
		}
		n := len(part) &^ (lanes - 1)
		if n > 0 {
			m.lanes(part[:n], what)
		}
		switch rest := part[n:]; {
		case len(rest) == 0:
		case vectorised():
			m.incomplete(rest, what)
		case what == forCurve:
			pairCurvePortable(m, rest)
		default:
			mixturePortable(m, rest, what == forMoments)
		}
		logs += math.Log(m.state[0].product())
	}
	return m.state[1].sum() + logs
}

// lanes takes a multiple of lanes observations.
func (m *Mixture) lanes(y []float64, what pass) {
	switch {
	case len(m.C) != 2:
		mixtureLanes(m, y, what == forMoments)
	case what == forMoments:
		pairLanes(m, y)
	case what == forCurve:
		pairCurveLanes(m, y)
	default:
		pairLogLikLanes(m, y)
	}
}

// incomplete takes fewer than lanes observations: the group is filled up with copies
// of the first one, and the accumulators that took those are put back.
func (m *Mixture) incomplete(y []float64, what pass) {
	var full [lanes]float64
	for i := copy(full[:], y); i < lanes; i++ {
		full[i] = y[0]
	}
	copy(m.saved, m.state)
	m.lanes(full[:], what)
	for s := range m.state {
		copy(m.state[s][len(y):], m.saved[s][len(y):])
	}
}

func mixturePortable(m *Mixture, y []float64, moments bool) {
	if len(m.C) == 2 {
		what := forLogLik
		if moments {
			what = forMoments
		}
		pairPortable(m, y, what)
		return
	}
	for len(y) > 0 {
		part := y[:min(lanes, len(y))]
		y = y[len(part):]
		m.group(part, moments)
	}
}

// group takes at most one observation into each accumulator. The conversions keep
// products from being fused with sums.
func (m *Mixture) group(y []float64, moments bool) {
	st := m.state
	var top, sum vector
	for i := range top {
		top[i] = math.Inf(-1)
	}
	for j, c := range m.C {
		row := m.rows[j][:len(y)]
		for i, v := range y {
			e := v - c.Mu
			l := float64(c.H*e*e) + c.LogC
			row[i] = l
			top[i&(lanes-1)], _ = swapNeg(l-top[i&(lanes-1)], l, top[i&(lanes-1)])
		}
	}
	for j := range m.rows {
		row := m.rows[j][:len(y)]
		for i := range row {
			row[i] -= top[i&(lanes-1)]
		}
		expNegs(row)
		for i, t := range row {
			sum[i&(lanes-1)] += t
		}
	}
	for i := range y {
		st[0][i&(lanes-1)] *= sum[i&(lanes-1)]
		st[1][i&(lanes-1)] += top[i&(lanes-1)]
	}
	if !moments {
		return
	}
	for i, s := range sum {
		sum[i] = 1 / s
	}
	for j, c := range m.C {
		s := st[2+3*j : 5+3*j : 5+3*j]
		for i, v := range y {
			i &= lanes - 1
			r := float64(m.rows[j][i] * sum[i])
			e := v - c.Mu
			re := float64(r * e)
			s[0][i] += r
			s[1][i] += re
			s[2][i] += float64(re * e)
		}
	}
}

func pairCurvePortable(m *Mixture, y []float64) { pairPortable(m, y, forCurve) }

// pairPortable is the E-step for two components: the smaller term divided by the
// larger one, t, is all that the responsibilities 1/(1 + t) and t/(1 + t) need. It
// takes y, of any length, in several passes, which keeps the number of live variables
// down.
func pairPortable(m *Mixture, y []float64, what pass) {
	const most = 64
	var diff, t [most]float64
	st := (*[2]vector)(m.state)
	c, d := m.C[0], m.C[1]
	for len(y) > 0 {
		part := y[:min(most, len(y))]
		y = y[len(part):]
		for i, v := range part {
			e, f := v-c.Mu, v-d.Mu
			a, b := float64(c.H*e*e)+c.LogC, float64(d.H*f*f)+d.LogC
			x := a - b
			diff[i&(most-1)] = x
			t[i&(most-1)] = -math.Abs(x)
			top, _ := swapNeg(x, a, b)
			st[1][i&(lanes-1)] += top
		}
		expNegs(t[:len(part)])
		if what != forLogLik {
			for i := range min(lanes, len(part)) {
				m.pairMoments(i, part, diff[:len(part)], t[:len(part)])
				if what == forCurve {
					m.pairCurve(i, part, t[:len(part)])
				}
			}
			continue
		}
		for i, t := range t[:len(part)] {
			st[0][i&(lanes-1)] *= 1 + t
		}
	}
}

// swapNeg returns x, y, exchanged if d is negative: by a mask, since a branch on
// random data costs more.
func swapNeg(d, x, y float64) (float64, float64) {
	a, b := math.Float64bits(x), math.Float64bits(y)
	swap := (a ^ b) & uint64(int64(math.Float64bits(d))>>63)
	return math.Float64frombits(a ^ swap), math.Float64frombits(b ^ swap)
}

// pairMoments takes every eighth observation from i into accumulator i.
func (m *Mixture) pairMoments(i int, y, diff, t []float64) {
	st := (*[8]vector)(m.state)
	mu, nu := m.C[0].Mu, m.C[1].Mu
	i &= lanes - 1
	prod, s0, s1, s2, u0, u1, u2 := st[0][i], st[2][i], st[3][i], st[4][i], st[5][i], st[6][i], st[7][i]
	diff, t = diff[:len(y)], t[:len(y)]
	for k := i; k < len(y); k += lanes {
		s := 1 + t[k]
		prod *= s
		r := 1 / s
		// The larger one goes to the first component unless the difference is negative.
		r, u := swapNeg(diff[k], r, t[k]*r)
		e, f := y[k]-mu, y[k]-nu
		re, uf := float64(r*e), float64(u*f)
		s0 += r
		s1 += re
		s2 += float64(re * e)
		u0 += u
		u1 += uf
		u2 += float64(uf * f)
	}
	st[0][i], st[2][i], st[3][i], st[4][i], st[5][i], st[6][i], st[7][i] = prod, s0, s1, s2, u0, u1, u2
}

// pairCurve takes every eighth observation from i into the sums of Curve. The product
// of the responsibilities t/(1 + t)² does not depend on which of them is larger.
func (m *Mixture) pairCurve(i int, y, t []float64) {
	st := (*[13]vector)(m.state)
	mu := m.C[0].Mu
	i &= lanes - 1
	z0, z1, z2, z3, z4 := st[8][i], st[9][i], st[10][i], st[11][i], st[12][i]
	t = t[:len(y)]
	for k := i; k < len(y); k += lanes {
		r := 1 / (1 + t[k])
		e := y[k] - mu
		z := float64(r * float64(t[k]*r))
		z0 += z
		z = float64(z * e)
		z1 += z
		z = float64(z * e)
		z2 += z
		z = float64(z * e)
		z3 += z
		z = float64(z * e)
		z4 += z
	}
	st[8][i], st[9][i], st[10][i], st[11][i], st[12][i] = z0, z1, z2, z3, z4
}
