package pkpd

import (
	"math"
	"slices"
)

// linearCurve evaluates a Linear: doses are summed in terms of the variables of
// the transfer function, the chain rule to γ comes once per sample.
type linearCurve struct {
	m        *Linear
	doses    [routes][]Dose
	transfer [3][routes][]*transfer // by order, route and response; made when first needed
	alg      algebra
	jet      [jetCount][]float64
	scale    []float64
	work     [4][]float64
	args     [][]float64
	rate     [2]float64 // α, β
}

// Eval implements Curve.
func (c *linearCurve) Eval(out *Jets, gamma []float64, at []Sample, order int) error {
	m := c.m
	if err := check(m.params, len(m.responses), gamma, at, order); err != nil {
		return err
	}
	out.Resize(len(at), len(gamma), order)
	clear(out.Value)
	clear(out.Grad)
	clear(out.Hess)
	c.prepare(gamma, order)
	for route, doses := range c.doses {
		if len(doses) == 0 {
			continue
		}
		lag := 0.0
		if route == routeDepot && m.set.Lag {
			lag = gamma[m.lag]
		}
		for r := range m.responses {
			if !slices.ContainsFunc(at, func(s Sample) bool { return s.Response == r }) {
				continue
			}
			tr := c.find(route, r, order)
			c.rates(tr)
			stride := c.setUp(tr, len(at))
			for _, d := range doses {
				tr.begin(d)
				for i, s := range at {
					if s.Response == r {
						tr.add(tr.acc[i*stride:(i+1)*stride], d, s.Time-lag, c.jet[jetK21][0])
					}
				}
			}
			c.scaling(gamma, route, r)
			c.args = c.args[:0]
			for _, v := range tr.vars {
				c.args = append(c.args, c.jet[v.id])
			}
			for i, s := range at {
				if s.Response == r {
					c.alg.compose(c.work[0], tr.acc[i*stride:(i+1)*stride], c.args)
					c.alg.mul(c.work[1], c.work[0], c.scale)
					c.accumulate(out, i, c.work[1])
				}
			}
		}
	}
	for i, v := range out.Value {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return &BlowUp{Time: at[i].Time, State: m.responses[at[i].Response].Name, Value: v, Why: "the closed form is not finite"}
		}
	}
	return nil
}

// prepare computes the jets in γ of everything that does not depend on time.
func (c *linearCurve) prepare(gamma []float64, order int) {
	m := c.m
	alg := algebra{p: len(gamma), order: order}
	size := alg.size()
	for i := range c.jet {
		c.jet[i] = grow(c.jet[i], size)
		clear(c.jet[i])
	}
	for i := range c.work {
		c.work[i] = grow(c.work[i], size)
	}
	c.scale = grow(c.scale, size)
	c.alg = alg
	w := c.work
	k10 := c.jet[jetK]
	if m.set.Rates {
		alg.variable(k10, 0, gamma[0])
	} else {
		alg.variable(w[0], 0, gamma[0])
		alg.variable(w[1], 1, gamma[1])
		alg.div(k10, w[0], w[1])
	}
	if m.set.Peripheral {
		k12, k21 := w[3], c.jet[jetK21]
		if m.set.Rates {
			alg.variable(k12, 2, gamma[2])
			alg.variable(k21, 3, gamma[3])
		} else {
			alg.variable(w[0], 2, gamma[2])
			alg.div(k12, w[0], w[1])
			alg.variable(w[1], 3, gamma[3])
			alg.div(k21, w[0], w[1])
		}
		alg.add(c.jet[jetS], k10, k12)
		alg.add(c.jet[jetS], c.jet[jetS], k21)
		alg.mul(c.jet[jetP], k10, k21)
		// α is the larger root; β = P/α loses nothing where β ≪ α.
		d := k10[0] + k12[0] - k21[0]
		c.rate[0] = (c.jet[jetS][0] + math.Sqrt(d*d+4*k12[0]*k21[0])) / 2
		c.rate[1] = 0
		if c.rate[0] > 0 {
			c.rate[1] = min(c.jet[jetP][0]/c.rate[0], c.rate[0])
		}
	}
	if m.ka >= 0 {
		alg.variable(c.jet[jetKa], m.ka, gamma[m.ka])
	}
	if m.ke0 >= 0 {
		alg.variable(c.jet[jetKe0], m.ke0, gamma[m.ke0])
	}
	if m.lag >= 0 {
		alg.variable(c.jet[jetLag], m.lag, gamma[m.lag])
	}
}

// scaling computes the factor of the transfer function that does not depend on s.
func (c *linearCurve) scaling(gamma []float64, route, response int) {
	alg, w := c.alg, c.work
	alg.constant(w[0], 1)
	alg.variable(w[1], 1, gamma[1])
	alg.div(c.scale, w[0], w[1])
	times := func(x []float64) {
		alg.mul(w[0], c.scale, x)
		copy(c.scale, w[0])
	}
	if response == 1 {
		times(c.jet[jetKe0])
	}
	if route == routeDepot {
		times(c.jet[jetKa])
		if c.m.bio >= 0 {
			alg.variable(w[1], c.m.bio, gamma[c.m.bio])
			times(w[1])
		}
	}
}

func (c *linearCurve) find(route, response, order int) *transfer {
	list := &c.transfer[order][route]
	if *list == nil {
		*list = make([]*transfer, len(c.m.responses))
	}
	if (*list)[response] == nil {
		(*list)[response] = c.m.newTransfer(route, response, order)
	}
	return (*list)[response]
}

func (c *linearCurve) rates(tr *transfer) {
	for _, ch := range tr.chains {
		for f, id := range tr.single {
			ch.rate[f] = c.jet[id][0]
		}
		if tr.pair {
			copy(ch.rate[len(tr.single):], c.rate[:])
		}
	}
}

// setUp clears the sums over doses of n samples and returns the length of one.
func (c *linearCurve) setUp(tr *transfer, n int) int {
	stride := algebra{p: len(tr.vars), order: tr.order}.size()
	tr.acc = grow(tr.acc, n*stride)
	clear(tr.acc)
	return stride
}

func (c *linearCurve) accumulate(out *Jets, i int, x []float64) {
	out.Value[i] += x[0]
	p := c.alg.p
	if c.alg.order > 0 {
		for a, v := range x[1 : 1+p] {
			out.Grad[i*p+a] += v
		}
	}
	if c.alg.order > 1 {
		h, row := x[1+p:], out.HessRow(i)
		for a := range p {
			for b := range a + 1 {
				row[a*p+b] += h[b]
				if a != b {
					row[b*p+a] += h[b]
				}
			}
			h = h[a+1:]
		}
	}
}

// begin computes what all samples share in the response to d.
func (tr *transfer) begin(d Dose) {
	for i, c := range tr.chains {
		s := &tr.state[i]
		if d.Duration > 0 {
			c.integral(s.q, d.Duration)
		}
		if d.SteadyState {
			c.forever(s.x, s.m, d.Every)
			if d.Duration > 0 {
				c.product(s.m, s.q, s.x)
				copy(s.q, s.m)
			}
		}
	}
}

// add adds the response at time t (less the lag) to all doses of the record d.
func (tr *transfer) add(acc []float64, d Dose, t, k21 float64) {
	n := d.repeats(t)
	if d.SteadyState {
		last := n - 1
		for d.start(last) > t+simultaneous(t) {
			last--
		}
		tr.one(acc, d, max(0, t-d.start(last)), k21)
		return
	}
	for m := range n {
		tr.one(acc, d, max(0, t-d.start(m)), k21)
	}
}

// one adds the response u after the dose, or after the last of the doses if d is
// at steady state.
func (tr *transfer) one(acc []float64, d Dose, u, k21 float64) {
	input := 0.0
	for i, c := range tr.chains {
		s := &tr.state[i]
		switch {
		case d.Duration == 0 && d.SteadyState:
			c.exp(s.m, u)
			c.product(s.w, s.m, s.x)
		case d.Duration == 0 && tr.fast:
			c.two(s.w, u, tr.order)
		case d.Duration == 0:
			c.exp(s.w, u)
		case u >= d.Duration:
			c.exp(s.m, u-d.Duration)
			c.product(s.w, s.m, s.q)
		default:
			input = 1
			c.integral(s.w, u)
			if d.SteadyState { // what the earlier doses left
				n := len(c.node)
				c.exp(s.m, u+d.Every-d.Duration)
				prod := c.tmp[:n*n]
				c.product(prod, s.m, s.q)
				for i := range n {
					for j := i; j < n; j++ {
						s.w[i*n+j] += prod[i*n+j]
					}
				}
			}
		}
	}
	amount := d.Amount
	if d.Duration > 0 {
		amount /= d.Duration
	}
	for _, t := range tr.terms {
		c := tr.chains[t.chain]
		acc[t.at] += amount * t.coef * c.ratio(tr.state[t.chain].w, t, k21, input)
	}
}

// ratio returns the inverse transform of a polynomial over the compartments of t,
// given the matrix w of those of 1 over them and the input itself. The polynomial
// is expanded in Newton's form at the last rates: a factor s+ν removes the last
// compartment.
func (c *chain) ratio(w []float64, t term, k21, input float64) float64 {
	n := len(c.node)
	if t.spow == 0 && !t.num {
		return w[t.start*n+t.end]
	}
	var poly [6]float64
	deg := t.spow
	poly[deg] = 1
	if t.num {
		poly[deg] = k21
		deg++
		poly[deg] = 1
	}
	sum := 0.0
	for j := t.end; ; j-- {
		if j < t.start {
			// Derivatives of the input are impulses at other times than this.
			return sum + poly[0]*input
		}
		nu := c.rate[c.node[j]]
		for k := deg - 1; k >= 0; k-- {
			poly[k] -= nu * poly[k+1]
		}
		sum += poly[0] * w[t.start*n+j]
		if deg == 0 {
			return sum
		}
		copy(poly[:deg], poly[1:deg+1])
		poly[deg] = 0
		deg--
	}
}
