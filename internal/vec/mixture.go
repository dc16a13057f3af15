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
// observation and one logarithm per block. Set C, then call LogLik or EStep.
// A responsibility below e^-708 times the largest one of its observation counts as 0.
type Mixture struct {
	C     []Component
	block int      // observations per logarithm
	state []vector // product, Σ max, then Σr, Σr e, Σr e² of every component
	rows  []vector // log π_j N_j of lanes observations, then r
}

// NewMixture makes room for k ≥ 1 components.
func NewMixture(k int) *Mixture {
	// p exceeds its largest term by a factor in [1, k], and a product of these must
	// not overflow.
	const room = 1016
	block := room / max(1, bits.Len(uint(k-1))) &^ (lanes - 1)
	return &Mixture{C: make([]Component, k), block: block, state: make([]vector, 2+3*k), rows: make([]vector, k)}
}

// LogLik returns Σ log Σ_j π_j N_j(y_i), NaN if every term of some observation is 0.
func (m *Mixture) LogLik(y []float64) float64 {
	clear(m.state[:2])
	return m.run(y, false)
}

// EStep returns LogLik, and adds Σr_j, Σr_j e_j and Σr_j e_j² to acc (three numbers
// per component), where r_j is the responsibility of component j and e_j = y − μ_j.
func (m *Mixture) EStep(acc, y []float64) float64 {
	if len(acc) != 3*len(m.C) {
		panic(badLen)
	}
	clear(m.state)
	ll := m.run(y, true)
	for i := range acc {
		acc[i] += m.state[2+i].sum()
	}
	return ll
}

func (m *Mixture) run(y []float64, moments bool) float64 {
	var logs float64
	for len(y) > 0 {
		part := y[:min(m.block, len(y))]
		y = y[len(part):]
		for i := range m.state[0] {
			m.state[0][i] = 1
		}
		n := len(part) &^ (lanes - 1)
		if n > 0 {
			switch {
			case len(m.C) != 2:
				mixtureLanes(m, part[:n], moments)
			case moments:
				pairLanes(m, part[:n])
			default:
				pairLogLikLanes(m, part[:n])
			}
		}
		for i, v := range part[n:] {
			m.one(i, v, moments)
		}
		logs += math.Log(m.state[0].product())
	}
	return m.state[1].sum() + logs
}

func mixturePortable(m *Mixture, y []float64, moments bool) {
	for i, v := range y {
		m.one(i%lanes, v, moments)
	}
}

// one takes observation y into accumulator i.
func (m *Mixture) one(i int, y float64, moments bool) {
	if len(m.C) == 2 {
		if moments {
			m.pair(i, y)
		} else {
			m.pairLogLik(i, y)
		}
		return
	}
	st := m.state
	i &= lanes - 1
	top := math.Inf(-1)
	for j, c := range m.C {
		e := y - c.Mu
		l := math.FMA(c.H*e, e, c.LogC)
		if !(top > l) {
			top = l
		}
		m.rows[j][i] = l
	}
	sum := 0.0
	for j := range m.rows {
		t := expNeg(m.rows[j][i] - top)
		m.rows[j][i] = t
		sum += t
	}
	st[0][i] *= sum
	st[1][i] += top
	if !moments {
		return
	}
	inv := 1 / sum
	for j, c := range m.C {
		// The conversions keep a product from being fused with the sum.
		r := float64(m.rows[j][i] * inv)
		e := y - c.Mu
		re := float64(r * e)
		s := st[2+3*j : 5+3*j : 5+3*j]
		s[0][i] += r
		s[1][i] += re
		s[2][i] = math.FMA(re, e, s[2][i])
	}
}

// pair is one for two components: the smaller term divided by the larger one, t, is
// all that the responsibilities 1/(1 + t) and t/(1 + t) need.
func (m *Mixture) pair(i int, y float64) {
	st := (*[8]vector)(m.state)
	c := (*[2]Component)(m.C)
	i &= lanes - 1
	e, f := y-c[0].Mu, y-c[1].Mu
	a, b := math.FMA(c[0].H*e, e, c[0].LogC), math.FMA(c[1].H*f, f, c[1].LogC)
	d := a - b
	t := expNeg(-math.Abs(d))
	s := 1 + t
	r := 1 / s
	u := t * r
	if a > b {
		b = a
	}
	st[0][i] *= s
	st[1][i] += b
	// The larger one, r, goes to the first component unless d is negative: swapped by
	// a mask, since a branch on random data costs more.
	big, small := math.Float64bits(r), math.Float64bits(u)
	swap := (big ^ small) & uint64(int64(math.Float64bits(d))>>63)
	r, u = math.Float64frombits(big^swap), math.Float64frombits(small^swap)
	re, uf := float64(r*e), float64(u*f) // not to be fused with the sums
	st[2][i] += r
	st[3][i] += re
	st[4][i] = math.FMA(re, e, st[4][i])
	st[5][i] += u
	st[6][i] += uf
	st[7][i] = math.FMA(uf, f, st[7][i])
}

func (m *Mixture) pairLogLik(i int, y float64) {
	st := (*[2]vector)(m.state)
	c := (*[2]Component)(m.C)
	i &= lanes - 1
	e, f := y-c[0].Mu, y-c[1].Mu
	a, b := math.FMA(c[0].H*e, e, c[0].LogC), math.FMA(c[1].H*f, f, c[1].LogC)
	s := 1 + expNeg(-math.Abs(a-b))
	if a > b {
		b = a
	}
	st[0][i] *= s
	st[1][i] += b
}
