package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The rows of the state.
const (
	armaPhi = iota
	armaA
	armaA2
	armaA3
	armaA4
	armaMean
	armaX
	armaP
	armaS0
	armaS1
	armaS2
	armaS3
	armaE0
	armaE1
	armaH
	armaHH
	armaRows
)

// arma runs one register of parameter points over n/4 blocks of four steps.
func (g *isa) arma() {
	g.begin("arma", "state, y *float64, n int")
	st, y, n := Load(Param("state"), GP64()), Load(Param("y"), GP64()), Load(Param("n"), GP64())
	row := func(i int) Op { return at(st, 64*i) }
	v := map[int]VecVirtual{} // the rows that change
	for i := armaX; i < armaRows; i++ {
		v[i] = g.load(row(i))
	}
	// The others stay in memory, of which the arithmetic takes its operands.
	times := func(x VecVirtual, i int) VecVirtual { return g.op(mul, x, row(i)) }
	square := func(i int, x VecVirtual) { g.do(add, v[i], g.op(mul, x, x), v[i]) }

	// block takes four steps. With response it also sums those against h, in the lanes
	// of the mask.
	block := func(mask Op) {
		put := func(i int, x VecVirtual) {
			if g.wide() {
				VADDPD(x, v[i], mask, v[i])
				return
			}
			g.do(add, x, v[i], x)
			VBLENDVPD(mask, x, v[i], v[i])
		}
		next := func(t int) VecVirtual {
			x := g.spread(at(y, 8*t))
			g.do(sub, x, row(armaMean), x)
			return x
		}
		x0 := next(0)
		u0 := g.op(sub, x0, times(v[armaX], armaPhi))
		x1 := next(1)
		u1 := g.op(sub, x1, times(x0, armaPhi))
		g.do(sub, u1, times(u0, armaA), u1)
		g.do(sub, u0, times(v[armaP], armaA), u0)
		square(armaS0, u0)
		x2 := next(2)
		u2 := g.op(sub, x2, times(x1, armaPhi))
		g.do(sub, u2, times(u1, armaA), u2)
		g.do(add, u1, times(v[armaP], armaA2), u1)
		square(armaS1, u1)
		x3 := next(3)
		u3 := g.op(sub, x3, times(x2, armaPhi))
		g.do(sub, u3, times(u2, armaA), u3)
		VMOVAPD(x3, v[armaX])
		g.do(sub, u2, times(v[armaP], armaA3), u2)
		square(armaS2, u2)
		g.do(mul, v[armaP], row(armaA4), v[armaP])
		g.do(add, u3, v[armaP], v[armaP])
		square(armaS3, v[armaP])
		if mask != nil {
			t := times(u2, armaA2)
			g.do(add, t, u0, t)
			g.do(mul, t, v[armaH], t)
			put(armaE0, t)
			t = times(v[armaP], armaA2)
			g.do(add, t, u1, t)
			g.do(mul, t, v[armaH], t)
			put(armaE1, t)
			put(armaHH, g.op(mul, v[armaH], v[armaH]))
			g.do(mul, v[armaH], row(armaA4), v[armaH])
		}
		ADDQ(Imm(32), y)
	}

	Label("response")
	abs, _ := g.split(v[armaH])
	mask := g.compare(greaterOrdered, abs, c(armaCut))
	if g.wide() {
		KORTESTW(mask, mask)
	} else {
		VPTEST(mask, mask)
	}
	JZ(LabelRef("plain"))
	block(mask)
	SUBQ(Imm(4), n)
	JNZ(LabelRef("response"))
	JMP(LabelRef("done"))
	loop("plain", n, 4, func() { block(nil) })

	Label("done")
	for i := armaX; i < armaRows; i++ {
		VMOVUPD(v[i], row(i))
	}
	g.end()
}
