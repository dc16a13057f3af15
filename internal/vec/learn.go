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
	units        []float64 // of the Go code: a row for each unit of teacher and student
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
		units:   make([]float64, (teacher+hidden)*lanes),
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

// erfSlope is the derivative of erf(h/√2), to which beyond |h| = 8.4 its value there
// is accurate enough: 4e-16.
func erfSlope(h float64) float64 {
	a := min(math.Abs(h*root2), erfCut)
	biased, _, p := expReduce(-(a * a))
	s := power2(biased)
	return math.FMA(s, p, s) * slope
}

// learnPortable takes each step in passes over all lanes: first the arguments of all
// units, teacher before student, then the units, then the rest. h below is a row.
func learnPortable(l *Learner, x []float64, steps int) {
	d := l.Inputs
	teachers := len(l.Teacher) / (d + 1)
	units := l.units[: (teachers+l.Hidden)*lanes : (teachers+l.Hidden)*lanes]
	for ; steps > 0; steps-- {
		at := units
		for t := l.Teacher; len(t) > d; t = t[d+1:] {
			h := vector{}
			for j, a := range t[:d] {
				in := (*vector)(x[j*lanes:])
				for i := range h {
					h[i] = math.FMA(a, in[i], h[i])
				}
			}
			*(*vector)(at) = h
			at = at[lanes:]
		}
		for w := l.State; len(w) > 0; w = w[lanes:] {
			h := vector{}
			for j := range d {
				in, row := (*vector)(x[j*lanes:]), (*vector)(w)
				for i := range h {
					h[i] = math.FMA(row[i], in[i], h[i])
				}
				w = w[lanes:]
			}
			*(*vector)(at) = h
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
			phi, b := (*vector)(at), l.Teacher[j]
			for i := range e {
				e[i] = math.FMA(b, phi[i], e[i])
			}
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
			phi, v, slope := (*vector)(at[k*lanes:]), (*vector)(w[d*lanes:]), (*vector)(l.phi[k*lanes:])
			g := vector{}
			for i := range g {
				g[i] = e[i] * v[i] * slope[i]
				v[i] = math.FMA(e[i], phi[i], v[i])
			}
			for j := range d {
				row, in := (*vector)(w[j*lanes:]), (*vector)(x[j*lanes:])
				for i := range g {
					row[i] = math.FMA(g[i], in[i], row[i])
				}
			}
		}
		x = x[(d+1)*lanes:]
	}
}

// activate replaces arguments by units, and leaves the derivatives of those of the
// student, the last ones, in phi.
func (l *Learner) activate(all, student []float64) {
	dphi := l.phi[:len(student)]
	if l.Unit == TanhUnit {
		tanhPortable(all, all)
		for i, t := range student {
			dphi[i] = math.FMA(-t, t, 1)
		}
		return
	}
	for i, h := range student {
		dphi[i] = erfSlope(h)
	}
	for i, h := range all {
		all[i] = erf(h * root2)
	}
}
