package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// word returns a constant with these bits.
func word(b uint64) constant { return c(math.Float64frombits(b)) }

// Integer operations on registers of 64-bit words.
func (g *isa) shiftLeft(x VecVirtual, n uint64) VecVirtual {
	dst := g.reg()
	VPSLLQ(Imm(n), x, dst)
	return dst
}

func (g *isa) shiftRight(x VecVirtual, n uint64) VecVirtual {
	dst := g.reg()
	VPSRLQ(Imm(n), x, dst)
	return dst
}

func (g *isa) addWords(x, y VecVirtual) VecVirtual {
	dst := g.reg()
	VPADDQ(y, x, dst)
	return dst
}

// xor writes dst ^= x.
func (g *isa) xor(x, dst VecVirtual) { VXORPD(x, dst, dst) }

// next is one step of xoshiro256+.
func (g *isa) next(s [4]VecVirtual) VecVirtual {
	out := g.addWords(s[0], s[3])
	t := g.shiftLeft(s[1], 17)
	g.xor(s[0], s[2])
	g.xor(s[1], s[3])
	g.xor(s[2], s[1])
	g.xor(s[3], s[0])
	g.xor(t, s[2])
	if g.wide() {
		VPROLQ(Imm(45), s[3], s[3])
	} else {
		low := g.shiftRight(s[3], 64-45)
		VPSLLQ(Imm(45), s[3], s[3])
		VORPD(low, s[3], s[3])
	}
	return out
}

// horners is a polynomial, the highest power first.
func (g *isa) horners(x VecVirtual, coef ...float64) VecVirtual {
	p := g.load(c(coef[0]))
	for _, a := range coef[1:] {
		g.fma(p, x, c(a))
	}
	return p
}

// boxMuller: see the Go code.
func (g *isa) boxMuller(a, b VecVirtual) (x, y VecVirtual) {
	const one, rootHalf = 0x3ff0000000000000, 0x3fe6a09e667f3bcd
	u := g.shiftRight(a, 12)
	g.do(or, u, word(one), u)
	u = g.op(sub, g.load(c(2)), u)
	w := g.addWords(u, g.load(word(one-rootHalf)))
	k := g.shiftRight(w, 52)
	g.do(or, k, word(0x4330000000000000), k)
	g.do(sub, k, c(1<<52+1023), k)
	f := g.op(and, w, word(0x000fffffffffffff))
	f = g.addWords(f, g.load(word(rootHalf)))
	t := g.op(sub, f, c(1))
	s := g.op(div, t, g.op(add, f, c(1)))
	z := g.op(mul, s, s)
	z2 := g.op(mul, z, z)
	p := g.horners(z2, logL[6], logL[4], logL[2])
	q := g.horners(z2, logL[7], logL[5], logL[3], logL[1])
	g.fma(p, z, q)
	r := g.op(mul, p, z)
	h := g.op(mul, t, c(0.5))
	g.do(mul, h, t, h)
	l := g.op(mul, k, c(logLn2Lo))
	g.do(add, r, h, r)
	g.fmaTo(l, s, r)
	l = g.op(sub, h, l)
	l = g.op(sub, l, t)
	g.fmaTo(l, k, c(-logLn2Hi))
	radius := g.reg()
	VSQRTPD(l, radius)

	phi := g.shiftRight(g.shiftLeft(b, 2), 12)
	g.do(or, phi, word(one), phi)
	g.do(sub, phi, c(1.5), phi)
	g.do(mul, phi, c(math.Pi/2), phi)
	v := g.op(mul, phi, phi)
	v2 := g.op(mul, v, v)
	sin := g.horners(v, sinS[6], sinS[5], sinS[4], sinS[3], sinS[2], sinS[1])
	cube := g.op(mul, phi, v)
	g.fma(sin, cube, phi)
	cos := g.horners(v, cosC[6], cosC[5], cosC[4], cosC[3], cosC[2], cosC[1])
	flat := g.load(c(-0.5))
	g.fma(flat, v, c(1))
	g.fma(cos, v2, flat)
	x = g.op(mul, g.op(sub, cos, sin), radius)
	y = g.op(mul, g.op(add, cos, sin), radius)
	g.xor(g.op(and, b, signBit), x)
	g.xor(g.op(and, g.shiftLeft(b, 1), signBit), y)
	return x, y
}

// normal fills n numbers, rows of eight, from one register of generators.
func (g *isa) normal() {
	g.begin("normal", "state *uint64, dst *float64, n int")
	st, dst, n := Load(Param("state"), GP64()), Load(Param("dst"), GP64()), Load(Param("n"), GP64())
	var s [4]VecVirtual
	for i := range s {
		s[i] = g.load(at(st, 64*i))
	}
	loop("loop", n, 16, func() {
		a := g.next(s)
		x, y := g.boxMuller(a, g.next(s))
		VMOVUPD(x, at(dst, 0))
		VMOVUPD(y, at(dst, 64))
		ADDQ(Imm(128), dst)
	})
	for i := range s {
		VMOVUPD(s[i], at(st, 64*i))
	}
	g.end()
}

// erfUnit returns erf(h/√2) and, if asked for, its derivative.
func (g *isa) erfUnit(h VecVirtual, slope bool) (phi, dphi VecVirtual) {
	a, sign := g.split(g.op(mul, h, c(1/math.Sqrt2)))
	b := g.op(minimum, g.load(c(erfCut)), a)
	e := g.op(mul, b, b)
	e = g.op(or, e, signBit)
	biased, _, p := g.expReduce(e)
	s := g.power2(biased)
	g.fma(p, s, s)
	if slope {
		dphi = g.op(mul, p, c(2/(math.Sqrt2*math.SqrtPi)))
	}
	q := g.horner(erfQ, g.op(sub, b, c(2)))
	large := g.load(c(1))
	g.fnmaTo(large, p, q)
	z := g.op(mul, a, a)
	small := g.op(mul, g.horner(erfP, z), a)
	t := g.choose(g.compare(lessOrdered, a, c(1)), small, large)
	return g.op(or, t, sign), dphi
}

func (g *isa) tanhUnit(h VecVirtual, slope bool) (phi, dphi VecVirtual) {
	t := g.tanh(h)
	if slope {
		dphi = g.load(c(1))
		g.fnmaTo(dphi, t, t)
	}
	return t, dphi
}

// learn takes one register of networks through steps of on-line gradient descent.
// width is the number of bytes of the inputs of a step, 64 Inputs.
func (g *isa) learn(name string, unit func(h VecVirtual, slope bool) (phi, dphi VecVirtual)) {
	g.begin("learn"+name, "state, teacher, x, phi *float64, hidden, teachers, width, steps int, rate, noise float64")
	state, teacher := Load(Param("state"), GP64()), Load(Param("teacher"), GP64())
	x, scratch := Load(Param("x"), GP64()), Load(Param("phi"), GP64())
	width, steps := Load(Param("width"), GP64()), Load(Param("steps"), GP64())
	rate, noise := g.spread(NewParamAddr("rate", 64)), g.spread(NewParamAddr("noise", 72))
	row, in, left, units := GP64(), GP64(), GP64(), GP64()

	// product leaves Σ weights·x, with row after the weights.
	product := func(label string, times func(acc, x VecVirtual)) VecVirtual {
		h := g.reg()
		VXORPD(h, h, h)
		MOVQ(x, in)
		MOVQ(width, left)
		loop(label, left, 64, func() {
			times(h, g.load(at(in, 0)))
			ADDQ(Imm(64), in)
		})
		return h
	}

	Label("step")
	e := g.op(mul, noise, Mem{Base: x, Index: width, Scale: 1})
	MOVQ(teacher, row)
	Load(Param("teachers"), units)
	loop("teach", units, 1, func() {
		h := product("teachInput", func(acc, x VecVirtual) {
			g.fmaTo(acc, x, g.spread(at(row, 0)))
			ADDQ(Imm(8), row)
		})
		phi, _ := unit(h, false)
		g.fmaTo(e, phi, g.spread(at(row, 0)))
		ADDQ(Imm(8), row)
	})
	MOVQ(state, row)
	Load(Param("hidden"), units)
	phiAt := GP64()
	MOVQ(scratch, phiAt)
	loop("student", units, 1, func() {
		h := product("studentInput", func(acc, x VecVirtual) {
			g.fmaTo(acc, x, at(row, 0))
			ADDQ(Imm(64), row)
		})
		phi, dphi := unit(h, true)
		VMOVUPD(phi, at(phiAt, 0))
		VMOVUPD(dphi, at(phiAt, 64))
		g.fnmaTo(e, phi, at(row, 0))
		ADDQ(Imm(64), row)
		ADDQ(Imm(128), phiAt)
	})
	g.do(mul, e, rate, e)
	MOVQ(state, row)
	Load(Param("hidden"), units)
	MOVQ(scratch, phiAt)
	loop("update", units, 1, func() {
		v := g.load(Mem{Base: row, Index: width, Scale: 1})
		slope := g.op(mul, e, v)
		g.do(mul, slope, at(phiAt, 64), slope)
		g.fmaTo(v, e, at(phiAt, 0))
		VMOVUPD(v, Mem{Base: row, Index: width, Scale: 1})
		MOVQ(x, in)
		MOVQ(width, left)
		loop("updateInput", left, 64, func() {
			w := g.load(at(row, 0))
			g.fmaTo(w, slope, at(in, 0))
			VMOVUPD(w, at(row, 0))
			ADDQ(Imm(64), row)
			ADDQ(Imm(64), in)
		})
		ADDQ(Imm(64), row)
		ADDQ(Imm(128), phiAt)
	})
	ADDQ(width, x)
	ADDQ(Imm(64), x)
	SUBQ(Imm(1), steps)
	JNZ(LabelRef("step"))
	g.end()
}
