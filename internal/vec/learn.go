package vec

import "math"

// Unit is the activation of the hidden units of a Learner.
type Unit int

// The units of a Learner.
const (
	ErfUnit  Unit = iota // erf(h/√2)
	TanhUnit             // tanh h
)

// A Learner takes eight networks with one hidden layer, y = Σ v_i φ(w_i·x), at once
// through on-line gradient descent on the squared error against one teacher:
//
//	e = Σ b_j φ(a_j·x) + noise·ε − Σ v_i φ(w_i·x)
//	v_i += rate e φ(w_i·x),  w_i += rate e v_i φ'(w_i·x) x
//
// with x ~ N(0, sd² I) and ε ~ N(0, 1) from the generator of each lane. A network and
// its generator are one trajectory, which depends neither on its lane nor on the
// others. Steps draws Inputs+1 deviates for a step, ε also where it does not count,
// and keeps those that are left over for the next call.
type Learner struct {
	Unit         Unit
	Inputs       int
	Hidden       int
	Rate, Noise  float64
	SD           float64
	Teacher      []float64 // unit by unit, a_j with b_j after it
	State        []float64 // unit by unit, w_i with v_i after it: rows of eight, one number for each network
	Generators   Generators
	block        []float64 // deviates
	next, filled int       // rows of block
	phi          []float64 // of the kernels φ and φ' of each hidden unit, else φ' alone
	units        []float64 // of the Go code: a row for each unit of teacher and student, and one more
	arg          []float64 // of erfUnits, as units
	far          []int
}

// NewLearner makes room for students of hidden units, and a teacher of some.
func NewLearner(unit Unit, inputs, hidden, teacher int) *Learner {
	if inputs < 1 || hidden < 1 || teacher < 1 {
		panic("vec: a network without inputs or units")
	}
	const most = 32 // steps of which the deviates are drawn together
	row := func(n int) []float64 { return make([]float64, n*lanes) }
	units := hidden + teacher
	return &Learner{
		Unit: unit, Inputs: inputs, Hidden: hidden, SD: 1,
		Teacher: make([]float64, teacher*(inputs+1)),
		State:   row(hidden * (inputs + 1)),
		block:   row(most * (inputs + 1)),
		phi:     row(2 * hidden),
		units:   row(units + 1), arg: row(units + 1), far: make([]int, (units+1)*lanes),
	}
}

// Started reports whether a step was taken: the generators are ahead of the networks
// from then on.
func (l *Learner) Started() bool { return l.filled > 0 }

// Steps takes n steps.
func (l *Learner) Steps(n int) {
	rows := l.Inputs + 1
	for n > 0 {
		if l.next == l.filled {
			l.Generators.Normals(l.block)
			l.next, l.filled = 0, len(l.block)/lanes
			if l.SD != 1 {
				l.scale()
			}
		}
		m := min(n, (l.filled-l.next)/rows)
		x := l.block[l.next*lanes:]
		learnLanes(l, x[:m*rows*lanes], m)
		l.next += m * rows
		n -= m
	}
}

func (l *Learner) scale() {
	rows := l.Inputs + 1
	for at := 0; at < len(l.block); at += rows * lanes {
		x := l.block[at : at+l.Inputs*lanes]
		for i := range x {
			x[i] *= l.SD
		}
	}
}

// root2 is 1/√2, and slope 2/√(2π), the derivative of erf(h/√2) at 0.
const (
	root2 = 1 / math.Sqrt2
	slope = 2 / (math.Sqrt2 * math.SqrtPi)
)

// addScaled is v += a x.
func (v *vector) addScaled(a float64, x *vector) {
	v[0] = math.FMA(a, x[0], v[0])
	v[1] = math.FMA(a, x[1], v[1])
	v[2] = math.FMA(a, x[2], v[2])
	v[3] = math.FMA(a, x[3], v[3])
	v[4] = math.FMA(a, x[4], v[4])
	v[5] = math.FMA(a, x[5], v[5])
	v[6] = math.FMA(a, x[6], v[6])
	v[7] = math.FMA(a, x[7], v[7])
}

// addProduct is v += a x, element by element.
func (v *vector) addProduct(a, x *vector) {
	v[0] = math.FMA(a[0], x[0], v[0])
	v[1] = math.FMA(a[1], x[1], v[1])
	v[2] = math.FMA(a[2], x[2], v[2])
	v[3] = math.FMA(a[3], x[3], v[3])
	v[4] = math.FMA(a[4], x[4], v[4])
	v[5] = math.FMA(a[5], x[5], v[5])
	v[6] = math.FMA(a[6], x[6], v[6])
	v[7] = math.FMA(a[7], x[7], v[7])
}

// learnPortable takes each step in passes over all lanes: first the arguments of all
// units, teacher before student, then the units, then the rest. h below is a row.
func learnPortable(l *Learner, x []float64, steps int) {
	d := l.Inputs
	teachers := len(l.Teacher) / (d + 1)
	units := l.units[: (teachers+l.Hidden)*lanes : (teachers+l.Hidden)*lanes]
	for ; steps > 0; steps-- {
		clear(units)
		at := units
		for t := l.Teacher; len(t) > d; t = t[d+1:] {
			h := (*vector)(at)
			for j, a := range t[:d] {
				h.addScaled(a, (*vector)(x[j*lanes:]))
			}
			at = at[lanes:]
		}
		for w := l.State; len(w) > 0; w = w[lanes:] {
			h := (*vector)(at)
			for j := range d {
				h.addProduct((*vector)(w), (*vector)(x[j*lanes:]))
				w = w[lanes:]
			}
			at = at[lanes:]
		}
		l.activate(units, units[teachers*lanes:])

		e := vector{}
		noise := (*vector)(x[d*lanes:])
		for i := range e {
			e[i] = noise[i] * l.Noise
		}
		at = units
		for j := d; j < len(l.Teacher); j += d + 1 {
			e.addScaled(l.Teacher[j], (*vector)(at))
			at = at[lanes:]
		}
		for j := d * lanes; j < len(l.State); j += (d + 1) * lanes {
			phi, v := (*vector)(at), (*vector)(l.State[j:])
			for i := range e {
				e[i] = math.FMA(-v[i], phi[i], e[i])
			}
			at = at[lanes:]
		}
		for i := range e {
			e[i] *= l.Rate
		}
		at = units[teachers*lanes:]
		for k := range l.Hidden {
			w := l.State[k*(d+1)*lanes:]
			v, slope := (*vector)(w[d*lanes:]), (*vector)(l.phi[k*lanes:])
			g := vector{}
			for i := range g {
				g[i] = e[i] * v[i] * slope[i]
			}
			v.addProduct(&e, (*vector)(at[k*lanes:]))
			for j := range d {
				(*vector)(w[j*lanes:]).addProduct(&g, (*vector)(x[j*lanes:]))
			}
		}
		x = x[(d+1)*lanes:]
	}
}

// activate replaces arguments by units, and leaves the derivatives of those of the
// student, the last ones, in phi.
func (l *Learner) activate(all, student []float64) {
	dphi := l.phi[:len(student)]
	if l.Unit == ErfUnit {
		l.erfUnits(all, dphi)
		return
	}
	tanhPortable(all, all)
	for i, t := range student {
		dphi[i] = math.FMA(-t, t, 1)
	}
}

// erfUnits replaces h by erf(h/√2), and leaves the derivatives of the last ones in dphi:
// first as if |h| < √2, then where it is not, since a branch for each element would be
// mispredicted at one in five. That is one loop, whose end is mispredicted too. The
// lengths are multiples of four.
func (l *Learner) erfUnits(units, dphi []float64) {
	dump := len(units)
	far, arg, room := l.far[:dump+4], l.arg[:dump+4], l.units[:dump+4]
	first := dump - len(dphi)
	n := 0
	for at := 0; at < len(units); at += 4 {
		h := (*[4]float64)(units[at:])
		x0, x1, x2, x3 := h[0]*root2, h[1]*root2, h[2]*root2, h[3]*root2
		far[n], arg[n] = at, x0
		n += beyondOne(x0)
		far[n], arg[n] = at+1, x1
		n += beyondOne(x1)
		far[n], arg[n] = at+2, x2
		n += beyondOne(x2)
		far[n], arg[n] = at+3, x3
		n += beyondOne(x3)
		z0, z1, z2, z3 := x0*x0, x1*x1, x2*x2, x3*x3
		if at >= first {
			g := (*[4]float64)(dphi[at-first:])
			g[0], g[1], g[2], g[3] = -z0, -z1, -z2, -z3
		}
		p0, p1, p2, p3 := horner(erfP[:], z0, z1, z2, z3)
		h[0], h[1], h[2], h[3] = x0*p0, x1*p1, x2*p2, x3*p3
	}
	for i, z := range dphi {
		if z < -erfCutSquare {
			dphi[i] = -erfCutSquare
		}
	}
	expNegs(dphi)
	for i := range dphi {
		dphi[i] *= slope
	}
	far[n], far[n+1], far[n+2] = dump, dump, dump // fours
	for k := 0; k < n; k += 4 {
		x, to := (*[4]float64)(arg[k:]), (*[4]int)(far[k:])
		a0, a1, a2, a3 := beforeCut(x[0]), beforeCut(x[1]), beforeCut(x[2]), beforeCut(x[3])
		e := [4]float64{-(a0 * a0), -(a1 * a1), -(a2 * a2), -(a3 * a3)}
		expNegs(e[:])
		q0, q1, q2, q3 := horner(erfQ[:], a0-2, a1-2, a2-2, a3-2)
		room[to[0]] = math.Copysign(math.FMA(-e[0], q0, 1), x[0])
		room[to[1]] = math.Copysign(math.FMA(-e[1], q1, 1), x[1])
		room[to[2]] = math.Copysign(math.FMA(-e[2], q2, 1), x[2])
		room[to[3]] = math.Copysign(math.FMA(-e[3], q3, 1), x[3])
	}
}

// erfCutSquare is the square of erfCut as a float64 product has it.
var erfCutSquare = func(a float64) float64 { return a * a }(erfCut)

// beforeCut is |x|, at most erfCut.
func beforeCut(x float64) float64 {
	a := math.Abs(x)
	if a > erfCut {
		a = erfCut
	}
	return a
}

// beyondOne is 1 for |x| ≥ 1, else 0, without a branch.
func beyondOne(x float64) int {
	return int(1 - (math.Float64bits(x)&^bitsSign-bitsOne)>>63)
}

// The coefficients of P and Q, the highest power first.
var (
	erfP = [...]float64{erfP11, erfP10, erfP9, erfP8, erfP7, erfP6, erfP5, erfP4, erfP3, erfP2, erfP1, erfP0}
	erfQ = [...]float64{
		erfQ20, erfQ19, erfQ18, erfQ17, erfQ16, erfQ15, erfQ14, erfQ13, erfQ12, erfQ11, erfQ10,
		erfQ9, erfQ8, erfQ7, erfQ6, erfQ5, erfQ4, erfQ3, erfQ2, erfQ1, erfQ0,
	}
)

// horner is a polynomial at four points: they share the loads of the coefficients.
func horner(coef []float64, z0, z1, z2, z3 float64) (p0, p1, p2, p3 float64) {
	p0 = coef[0]
	p1, p2, p3 = p0, p0, p0
	for _, c := range coef[1:] {
		p0 = math.FMA(p0, z0, c)
		p1 = math.FMA(p1, z1, c)
		p2 = math.FMA(p2, z2, c)
		p3 = math.FMA(p3, z3, c)
	}
	return p0, p1, p2, p3
}
