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
	phi          []float64 // φ and φ' of each hidden unit
}

// NewLearner makes room for students of hidden units, and a teacher of some.
func NewLearner(unit Unit, inputs, hidden, teacher int) *Learner {
	if inputs < 1 || hidden < 1 || teacher < 1 {
		panic("vec: a network without inputs or units")
	}
	const most = 32 // steps of which the deviates are drawn together
	return &Learner{
		Unit: unit, Inputs: inputs, Hidden: hidden, SD: 1,
		Teacher: make([]float64, teacher*(inputs+1)),
		State:   make([]float64, hidden*(inputs+1)*lanes),
		block:   make([]float64, most*(inputs+1)*lanes),
		phi:     make([]float64, 2*hidden*lanes),
	}
}

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

// erfUnit returns erf(h/√2) and its derivative, to which beyond |h| = 8.4 its value
// there is accurate enough: 4e-16.
func erfUnit(h float64) (phi, dphi float64) {
	x := h * root2
	a := math.Abs(x)
	if a > erfCut {
		a = erfCut
	}
	biased, _, p := expReduce(-(a * a))
	s := power2(biased)
	e := math.FMA(s, p, s)
	return erf(x), e * slope
}

func tanhUnit(h float64) (phi, dphi float64) {
	t := tanh(h)
	return t, math.FMA(-t, t, 1)
}

func learnPortable(l *Learner, x []float64, steps int) {
	unit := tanhUnit
	if l.Unit == ErfUnit {
		unit = erfUnit
	}
	d := l.Inputs
	for ; steps > 0; steps-- {
		for i := range lanes {
			in := x[i : i+(d*lanes+1) : len(x)]
			e := in[d*lanes] * l.Noise
			for t := l.Teacher; len(t) > d; t = t[d+1:] {
				h := 0.0
				for j, a := range t[:d] {
					h = math.FMA(a, in[j*lanes], h)
				}
				phi, _ := unit(h)
				e = math.FMA(t[d], phi, e)
			}
			for k := range l.Hidden {
				w := l.State[k*(d+1)*lanes+i:]
				h := 0.0
				for j := range d {
					h = math.FMA(w[j*lanes], in[j*lanes], h)
				}
				phi, dphi := unit(h)
				l.phi[2*k*lanes+i], l.phi[(2*k+1)*lanes+i] = phi, dphi
				e = math.FMA(-w[d*lanes], phi, e)
			}
			e *= l.Rate
			for k := range l.Hidden {
				w := l.State[k*(d+1)*lanes+i:]
				v := w[d*lanes]
				g := e * v * l.phi[(2*k+1)*lanes+i]
				w[d*lanes] = math.FMA(e, l.phi[2*k*lanes+i], v)
				for j := range d {
					w[j*lanes] = math.FMA(g, in[j*lanes], w[j*lanes])
				}
			}
		}
		x = x[(d+1)*lanes:]
	}
}
