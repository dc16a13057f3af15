package pkpd

import "math"

// An op is one operation of a tape.
type op uint8

const (
	opConst op = iota
	opParam
	opState
	opTime
	opAdd
	opSub
	opMul
	opDiv
	opNeg
	opPow  // a^b
	opPowC // a^value
	opExp
	opLog
	opLog10
	opSqrt
	opTanh
	opSin
	opCos
	opLess
	opLessEq
	opEqual
	opAnd
	opOr
	opNot
	opIf // a ? b : c
)

// What a node depends on.
const (
	onNothing = iota
	onParams
	onTime // on the time or the states
)

// A node computes one number from earlier nodes.
type node struct {
	op      op
	a, b, c int
	value   float64
}

// A tape is a list of operations in order of evaluation. Equal subexpressions
// are one node; what depends on parameters alone is computed once per γ and not
// at every step of an integration.
type tape struct {
	nodes []node
	class []int
	known map[node]int
}

func newTape() *tape { return &tape{known: map[node]int{}} }

// add returns the index of n, which may be there already. Operations on
// constants are done at once.
func (tp *tape) add(n node) int {
	class := onNothing
	switch n.op {
	case opConst:
	case opParam:
		class = onParams
	case opState, opTime:
		class = onTime
	default:
		for _, arg := range tp.args(n) {
			class = max(class, tp.class[arg])
		}
		if class == onNothing {
			m := machine{tape: tp, alg: algebra{}}
			m.val = make([][]float64, len(tp.nodes)+1)
			for _, arg := range tp.args(n) {
				m.val[arg] = []float64{tp.nodes[arg].value}
			}
			m.val[len(tp.nodes)] = []float64{0}
			m.apply(len(tp.nodes), n)
			return tp.add(node{op: opConst, value: m.val[len(tp.nodes)][0]})
		}
		if n.op == opPow && tp.nodes[n.b].op == opConst {
			return tp.add(node{op: opPowC, a: n.a, value: tp.nodes[n.b].value})
		}
	}
	if i, ok := tp.known[n]; ok {
		return i
	}
	tp.nodes = append(tp.nodes, n)
	tp.class = append(tp.class, class)
	tp.known[n] = len(tp.nodes) - 1
	return len(tp.nodes) - 1
}

func (tp *tape) args(n node) []int {
	switch {
	case n.op <= opTime:
		return nil
	case n.op == opIf:
		return []int{n.a, n.b, n.c}
	case n.op <= opDiv || n.op == opPow || n.op >= opLess && n.op <= opOr:
		return []int{n.a, n.b}
	}
	return []int{n.a}
}

// need returns, in order of evaluation, the nodes of the given class that the
// roots depend on.
func (tp *tape) need(roots []int, class int) []int {
	used := make([]bool, len(tp.nodes))
	for _, r := range roots {
		used[r] = true
	}
	for i := len(tp.nodes) - 1; i >= 0; i-- {
		if used[i] {
			for _, arg := range tp.args(tp.nodes[i]) {
				used[arg] = true
			}
		}
	}
	var list []int
	for i, u := range used {
		if u && tp.class[i] == class && tp.nodes[i].op != opState {
			list = append(list, i)
		}
	}
	return list
}

// A machine evaluates a tape in jets of one algebra.
type machine struct {
	tape *tape
	alg  algebra
	val  [][]float64 // by node; those of states are views of the state vector
	pair [2][]float64
	time float64
}

func newMachine(tp *tape, alg algebra) *machine {
	m := &machine{tape: tp, alg: alg, val: make([][]float64, len(tp.nodes))}
	size := alg.size()
	all := make([]float64, size*len(tp.nodes))
	for i, n := range tp.nodes {
		m.val[i] = all[i*size : (i+1)*size : (i+1)*size]
		if n.op == opConst {
			m.val[i][0] = n.value
		}
	}
	return m
}

// params evaluates the nodes that depend on γ alone.
func (m *machine) params(list []int, gamma []float64) {
	for _, i := range list {
		n := m.tape.nodes[i]
		if n.op == opParam {
			m.alg.variable(m.val[i], n.a, gamma[n.a])
			continue
		}
		m.apply(i, n)
	}
}

// run evaluates the nodes of list at time t and state vector u, state j at
// u[j·size].
func (m *machine) run(list, states []int, t float64, u []float64) {
	size := m.alg.size()
	for j, i := range states {
		if i >= 0 {
			m.val[i] = u[j*size : (j+1)*size : (j+1)*size]
		}
	}
	m.time = t
	for _, i := range list {
		m.apply(i, m.tape.nodes[i])
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// apply evaluates node i.
func (m *machine) apply(i int, n node) {
	alg, dst := m.alg, m.val[i]
	var x []float64
	v := 0.0
	if n.op > opTime {
		x = m.val[n.a]
		v = x[0]
	}
	switch n.op {
	case opConst:
	case opTime:
		alg.constant(dst, m.time)
	case opAdd:
		alg.add(dst, x, m.val[n.b])
	case opSub:
		alg.sub(dst, x, m.val[n.b])
	case opMul:
		switch {
		case m.tape.class[n.b] == onNothing:
			alg.scale(dst, m.val[n.b][0], x)
		case m.tape.class[n.a] == onNothing:
			alg.scale(dst, v, m.val[n.b])
		default:
			alg.mul(dst, x, m.val[n.b])
		}
	case opDiv:
		if m.tape.class[n.b] == onNothing {
			alg.scale(dst, 1/m.val[n.b][0], x)
			dst[0] = v / m.val[n.b][0]
		} else {
			alg.div(dst, x, m.val[n.b])
		}
	case opNeg:
		alg.scale(dst, -1, x)
	case opPow:
		m.pow(dst, x, m.val[n.b])
	case opPowC:
		f, f1, f2 := powers(v, n.value)
		alg.unary(dst, x, f, f1, f2)
	case opExp:
		e := math.Exp(v)
		alg.unary(dst, x, e, e, e)
	case opLog:
		alg.unary(dst, x, math.Log(v), 1/v, -1/(v*v))
	case opLog10:
		alg.unary(dst, x, math.Log10(v), 1/(v*math.Ln10), -1/(v*v*math.Ln10))
	case opSqrt:
		s := math.Sqrt(v)
		alg.unary(dst, x, s, 0.5/s, -0.25/(s*v))
	case opTanh:
		f := math.Tanh(v)
		g := 1 - f*f
		alg.unary(dst, x, f, g, -2*f*g)
	case opSin:
		s, c := math.Sincos(v)
		alg.unary(dst, x, s, c, -s)
	case opCos:
		s, c := math.Sincos(v)
		alg.unary(dst, x, c, -s, -c)
	case opLess:
		alg.constant(dst, truth(v < m.val[n.b][0]))
	case opLessEq:
		alg.constant(dst, truth(v <= m.val[n.b][0]))
	case opEqual:
		alg.constant(dst, truth(v == m.val[n.b][0]))
	case opAnd:
		alg.constant(dst, truth(v != 0 && m.val[n.b][0] != 0))
	case opOr:
		alg.constant(dst, truth(v != 0 || m.val[n.b][0] != 0))
	case opNot:
		alg.constant(dst, truth(v == 0))
	case opIf:
		if v != 0 {
			copy(dst, m.val[n.b])
		} else {
			copy(dst, m.val[n.c])
		}
	}
}

// powers returns x^c and its two derivatives, without the 0·∞ that the formula
// has for c = 0, 1 at x = 0.
func powers(x, c float64) (f, f1, f2 float64) {
	f = math.Pow(x, c)
	if c != 0 {
		f1 = c * math.Pow(x, c-1)
	}
	if c != 0 && c != 1 {
		f2 = c * (c - 1) * math.Pow(x, c-2)
	}
	return f, f1, f2
}

// pow sets dst = x^y. At x = 0 < y the derivatives in y vanish, with x^y ln x.
func (m *machine) pow(dst, x, y []float64) {
	f, fx, fxx := powers(x[0], y[0])
	var fy, fxy, fyy float64
	if x[0] != 0 || y[0] <= 0 {
		l := math.Log(x[0])
		fy = f * l
		fyy = fy * l
		fxy = (f/x[0] + fx*l)
	} else if y[0] <= 1 {
		fxy = math.Inf(-1)
	}
	if still(x) {
		m.alg.unary(dst, y, f, fy, fyy)
		return
	}
	jet := [6]float64{f, fx, fy, fxx, fxy, fyy}
	m.pair = [2][]float64{x, y}
	m.alg.compose(dst, jet[:], m.pair[:])
}
