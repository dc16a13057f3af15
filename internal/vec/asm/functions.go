package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// elementwise is a kernel func(dst, x *float64, n int) that applies f.
func (g *isa) elementwise(name string, f func(x VecVirtual) VecVirtual) {
	g.begin(name, "dst, x *float64, n int")
	dst, x, n := Load(Param("dst"), GP64()), Load(Param("x"), GP64()), Load(Param("n"), GP64())
	loop("loop", n, 8, func() {
		g.halves(func(off int) { VMOVUPD(f(g.load(at(x, off))), at(dst, off)) })
		ADDQ(Imm(64), x)
		ADDQ(Imm(64), dst)
	})
	g.end()
}

// expReduce: see the Go code.
func (g *isa) expReduce(x VecVirtual) (biased, k, p VecVirtual) {
	biased = g.load(c(expShift))
	g.fmaTo(biased, x, c(log2e))
	k = g.op(sub, biased, c(expShift))
	r := g.load(x)
	g.fnmaTo(r, k, c(ln2Hi))
	g.fnmaTo(r, k, c(ln2Lo))
	r2 := g.op(mul, r, r)
	a := g.load(c(expC[9]))
	g.fma(a, r, c(expC[8]))
	for i := 6; i >= 0; i -= 2 {
		b := g.load(c(expC[i+1]))
		g.fma(b, r, c(expC[i]))
		g.fma(a, r2, b)
	}
	g.fma(a, r2, r)
	return biased, k, a
}

func (g *isa) power2(biased VecVirtual) VecVirtual {
	dst := g.reg()
	VPSLLQ(Imm(52), biased, dst)
	return dst
}

func (g *isa) expNeg(x VecVirtual) VecVirtual {
	biased, _, p := g.expReduce(x)
	s := g.power2(biased)
	g.fma(p, s, s)
	return g.keep(g.compare(notLess, x, c(expCut)), p)
}

func (g *isa) exp(x VecVirtual) VecVirtual {
	// NaN is the second operand, which the instruction returns.
	x = g.op(minimum, g.load(c(expHi)), x)
	x = g.op(maximum, g.load(c(expLo)), x)
	_, k, p := g.expReduce(x)
	half := g.load(c(expShift))
	g.fmaTo(half, k, c(0.5))
	rest := g.op(sub, half, c(expShift))
	rest = g.op(sub, k, rest)
	rest = g.op(add, rest, c(expShift))
	s := g.power2(half)
	g.fma(p, s, s)
	return g.op(mul, p, g.power2(rest))
}

var signBit = c(math.Copysign(0, -1))

// split returns |x| and the sign bit of x.
func (g *isa) split(x VecVirtual) (abs, sign VecVirtual) {
	return g.op(and, x, c(math.Float64frombits(1<<63-1))), g.op(and, x, signBit)
}

func (g *isa) tanh(x VecVirtual) VecVirtual {
	a, sign := g.split(x)
	a = g.op(minimum, g.load(c(tanhCut)), a)
	a = g.op(mul, a, c(-2))
	biased, _, m := g.expReduce(a)
	s := g.power2(biased)
	less := g.op(sub, s, c(1))
	g.fma(m, s, less)
	t := g.op(add, m, c(2))
	t = g.op(div, m, t)
	t = g.op(and, t, c(math.Float64frombits(1<<63-1)))
	return g.op(or, t, sign)
}

// horner evaluates a polynomial.
func (g *isa) horner(coef []float64, x VecVirtual) VecVirtual {
	n := len(coef) - 1
	p := g.load(c(coef[n]))
	for i := n - 1; i >= 0; i-- {
		g.fma(p, x, c(coef[i]))
	}
	return p
}

func (g *isa) erf(x VecVirtual) VecVirtual {
	a, sign := g.split(x)
	z := g.op(mul, a, a)
	small := g.op(mul, g.horner(erfP, z), a)

	b := g.op(minimum, g.load(c(erfCut)), a)
	q := g.horner(erfQ, g.op(sub, b, c(2)))
	b = g.op(mul, b, b)
	b = g.op(or, b, signBit)
	biased, _, e := g.expReduce(b)
	s := g.power2(biased)
	g.fma(e, s, s)
	large := g.load(c(1))
	g.fnmaTo(large, e, q)
	t := g.choose(g.compare(lessOrdered, a, c(1)), small, large)
	return g.op(or, t, sign)
}

// accumulators are lanes of sums: in registers where there are enough of them, else
// in memory.
type accumulators struct {
	g    *isa
	base Register
	regs map[int]VecVirtual // by row, if wide
}

func (g *isa) accumulators(base Register, rows int) *accumulators {
	a := &accumulators{g, base, map[int]VecVirtual{}}
	if g.wide() {
		for i := range rows {
			a.regs[i] = g.load(at(base, 64*i))
		}
	}
	return a
}

func (a *accumulators) put(o binary, row, off int, x VecVirtual) {
	if r, ok := a.regs[row]; ok {
		a.g.do(o, r, x, r)
		return
	}
	m := at(a.base, 64*row+off)
	VMOVUPD(a.g.op(o, x, m), m)
}

func (a *accumulators) flush() {
	for i := range len(a.regs) {
		VMOVUPD(a.regs[i], at(a.base, 64*i))
	}
}

// reduce is a kernel whose body takes a group at x into one row of accumulators.
func (g *isa) reduce(x, n Register, v Register, body func(acc VecVirtual, off int)) {
	acc := map[int]VecVirtual{}
	g.halves(func(off int) { acc[off] = g.load(at(v, off)) })
	loop("loop", n, 8, func() {
		g.halves(func(off int) { body(acc[off], off) })
		ADDQ(Imm(64), x)
	})
	g.halves(func(off int) { VMOVUPD(acc[off], at(v, off)) })
	g.end()
}

func (g *isa) sum() {
	g.begin("sum", "v, x *float64, n int")
	v, x, n := Load(Param("v"), GP64()), Load(Param("x"), GP64()), Load(Param("n"), GP64())
	g.reduce(x, n, v, func(acc VecVirtual, off int) { g.do(add, acc, at(x, off), acc) })
}

func (g *isa) dot() {
	g.begin("dot", "v, x, y *float64, n int")
	v, x, n := Load(Param("v"), GP64()), Load(Param("x"), GP64()), Load(Param("n"), GP64())
	y := Load(Param("y"), GP64())
	SUBQ(x, y) // as a distance from x
	g.reduce(x, n, v, func(acc VecVirtual, off int) {
		g.fmaTo(acc, g.load(at(x, off)), Mem{Base: x, Index: y, Scale: 1, Disp: off})
	})
}

func (g *isa) sumExp() {
	g.begin("sumExp", "v, x *float64, n int, top float64")
	v, x, n := Load(Param("v"), GP64()), Load(Param("x"), GP64()), Load(Param("n"), GP64())
	top := g.spread(NewParamAddr("top", 24))
	g.reduce(x, n, v, func(acc VecVirtual, off int) {
		t := g.op(sub, g.load(at(x, off)), top)
		g.do(add, acc, g.expNeg(t), acc)
	})
}
