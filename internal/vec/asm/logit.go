package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// logit is a pass over observations whose log-odds are linear: see the Go code. The
// last n mod 8 are loaded under a mask, and the lanes that have none of them add
// nothing to a sum and multiply by 1.
func (g *isa) logit() {
	g.begin("logit", "out, law, y *float64, n int")
	law, y, n := Load(Param("law"), GP64()), Load(Param("y"), GP64()), Load(Param("n"), GP64())
	out, acc := Load(Param("out"), GP64()), g.logitSums()
	odds, slope, mid := at(law, 0), at(law, 8), at(law, 16)
	pi := g.expNeg(g.spread(odds))
	rest := g.load(c(1))
	g.do(div, rest, g.op(add, pi, c(1)), rest)
	g.do(mul, pi, rest, pi)
	VMOVSD(pi.AsX(), at(out, 8*logitRows))
	// group takes the observations v, those under the mask if there is one.
	group := func(off int, v VecVirtual, mask Op) {
		lanes := func(x VecVirtual) VecVirtual {
			if mask == nil {
				return x
			}
			return g.keep(mask, x)
		}
		e := g.op(sub, v, g.spread(mid))
		t := g.spread(slope)
		g.fma(t, e, g.spread(odds))
		positive := lanes(g.op(maximum, t, g.load(c(0))))
		acc.update(1, off, func(sum VecVirtual) { g.do(add, sum, positive, sum) })
		x := g.expNeg(g.op(or, t, signBit))
		p := g.load(rest)
		g.fma(p, x, rest)
		if mask != nil {
			p = g.choose(mask, p, g.load(c(1)))
		}
		acc.update(0, off, func(product VecVirtual) { g.do(mul, product, p, product) })
		r := g.choose(g.negative(t), x, g.load(c(1)))
		g.do(div, r, g.op(add, x, c(1)), r)
		r = lanes(r)
		acc.update(2, off, func(sum VecVirtual) { g.do(add, sum, r, sum) })
		acc.update(3, off, func(sum VecVirtual) { g.fmaTo(sum, r, e) })
	}

	whole := GP64()
	MOVQ(n, whole)
	ANDQ(I32(-8), whole)
	JZ(LabelRef("tail"))
	loop("loop", whole, 8, func() {
		g.halves(func(off int) { group(off, g.load(at(y, off)), nil) })
		ADDQ(Imm(64), y)
	})
	Label("tail")
	ANDQ(Imm(7), n)
	JZ(LabelRef("done"))
	masks := GP64()
	LEAQ(laneMasks, masks)
	SHLQ(Imm(3), n)
	SUBQ(n, masks)
	g.halves(func(off int) {
		bits, v := g.load(at(masks, 64+off)), g.reg()
		mask := g.negative(bits)
		if g.wide() {
			VMOVUPD_Z(at(y, off), mask, v)
		} else {
			VMASKMOVPD(at(y, off), bits, v)
		}
		group(off, v, mask)
	})
	Label("done")
	acc.join(out)
	g.end()
}

const logitRows = 4

// logitSums are the lanes of a product and three sums: in registers where there are
// enough of them, else on the stack.
type logitSums struct {
	g     *isa
	regs  [logitRows]VecVirtual
	stack Mem
}

func (g *isa) logitSums() *logitSums {
	s := &logitSums{g: g}
	if !g.wide() {
		s.stack = AllocLocal(64 * logitRows)
	}
	for row, start := range [logitRows]float64{1, 0, 0, 0} {
		if r := g.load(c(start)); g.wide() {
			s.regs[row] = r
		} else {
			g.halves(func(off int) { VMOVUPD(r, s.stack.Offset(64*row+off)) })
		}
	}
	return s
}

// update lets f change a row at off.
func (s *logitSums) update(row, off int, f func(acc VecVirtual)) {
	if s.g.wide() {
		f(s.regs[row])
		return
	}
	m := s.stack.Offset(64*row + off)
	acc := s.g.load(m)
	f(acc)
	VMOVUPD(acc, m)
}

// join writes the product and the sums of the lanes to out, in the order of vector.sum.
func (s *logitSums) join(out Register) {
	for row := range logitRows {
		o := add
		if row == 0 {
			o = mul
		}
		half, quarter, last := YMM(), XMM(), XMM()
		if s.g.wide() {
			VEXTRACTF64X4(Imm(1), s.regs[row], half)
			o.plain(half, s.regs[row].AsY(), half)
		} else {
			o.plain(s.stack.Offset(64*row+32), s.g.load(s.stack.Offset(64*row)), half)
		}
		VEXTRACTF128(Imm(1), half, quarter)
		o.plain(quarter, half.AsX(), quarter)
		VUNPCKHPD(quarter, quarter, last)
		o.plain(last, quarter, last)
		VMOVSD(last, at(out, 8*row))
	}
}

// laneMasks is eight words of ones followed by eight of zeros: from 8 bytes before the
// middle for each lane that is set.
var laneMasks = NewDataAddr(Symbol{Name: "laneMasks", Static: true}, 0)

func emitLaneMasks() {
	GLOBL("laneMasks", RODATA|NOPTR)
	for i := range 16 {
		var v uint64
		if i < 8 {
			v--
		}
		DATA(8*i, U64(v))
	}
}
