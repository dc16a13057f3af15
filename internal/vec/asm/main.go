// Command asm generates the assembly of package vec with avo: every kernel once for
// AVX-512 (F and DQ) and once for AVX2 with FMA. It is a module of its own, so that
// the library does not depend on avo. Run it by `go generate` in the package above.
//
// The operations of a kernel, and their order, are those of the Go code of the same
// name there, from which the constants are read off as well.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64,!purego")
	for _, g := range []*isa{{bits: 256}, {bits: 512}} {
		g.elementwise("exp", g.exp)
		g.elementwise("tanh", g.tanh)
		g.elementwise("erf", g.erf)
		g.sum()
		g.dot()
		g.sumExp()
		g.pair(eStep)
		g.pair(logLik)
		g.pair(curvature)
		g.mixture(true)
		g.mixture(false)
		g.logit()
		g.arma()
		g.tile()
		g.normal()
		g.learn("Tanh", g.tanhUnit)
		g.learn("Erf", g.erfUnit)
	}
	emitConstants()
	emitLaneMasks()
	Generate()
}

// isa is an instruction set. A group of eight numbers is one register of 512 bits,
// or two of 256 that the same code treats one after the other.
type isa struct{ bits int }

func (g *isa) wide() bool { return g.bits == 512 }

func (g *isa) reg() VecVirtual {
	if g.wide() {
		return ZMM()
	}
	return YMM()
}

// begin opens a function.
func (g *isa) begin(name, args string) {
	TEXT(fmt.Sprintf("%s%d", name, g.bits), NOSPLIT, "func("+args+")")
	Pragma("noescape")
}

func (g *isa) end() {
	VZEROUPPER()
	RET()
}

// halves calls f with the offset of each register of a group.
func (g *isa) halves(f func(off int)) {
	for off := 0; off < 64; off += g.bits / 8 {
		f(off)
	}
}

// loop repeats f until n, which is positive and a multiple of step, is used up.
func loop(label string, n Register, step uint64, f func()) {
	Label(label)
	f()
	SUBQ(Imm(step), n)
	JNZ(LabelRef(label))
}

func at(base Register, off int) Mem { return Mem{Base: base, Disp: off} }

// A binary operation x ∘ y with dst = x ∘ y. y may be a constant.
type binary struct{ plain, broadcast func(ops ...Op) }

var (
	add = binary{VADDPD, VADDPD_BCST}
	sub = binary{VSUBPD, VSUBPD_BCST}
	mul = binary{VMULPD, VMULPD_BCST}
	div = binary{VDIVPD, VDIVPD_BCST}
	or  = binary{VORPD, VORPD_BCST}
	and = binary{VANDPD, VANDPD_BCST}
	// andNot is ¬y ∧ x in this order of arguments.
	maximum = binary{VMAXPD, VMAXPD_BCST} // x if x > y, else y
	minimum = binary{VMINPD, VMINPD_BCST} // x if x < y, else y
)

// do writes dst = x ∘ y.
func (g *isa) do(o binary, x, y, dst Op) {
	if c, ok := y.(constant); ok {
		if g.wide() {
			o.broadcast(c.mem(), x, dst)
			return
		}
		y = c.mem()
	}
	o.plain(y, x, dst)
}

// op is do with a new register.
func (g *isa) op(o binary, x, y Op) VecVirtual {
	dst := g.reg()
	g.do(o, x, y, dst)
	return dst
}

// load returns a copy of a register, the content of memory, or a constant in every
// lane.
func (g *isa) load(x Op) VecVirtual {
	dst := g.reg()
	if c, ok := x.(constant); ok {
		VBROADCASTSD(c.mem(), dst)
	} else if r, ok := x.(VecVirtual); ok {
		VMOVAPD(r, dst)
	} else {
		VMOVUPD(x, dst)
	}
	return dst
}

// spread returns the number at x in every lane.
func (g *isa) spread(x Op) VecVirtual {
	dst := g.reg()
	VBROADCASTSD(x, dst)
	return dst
}

// fma writes acc = acc·x + y.
func (g *isa) fma(acc, x, y Op) {
	if c, ok := y.(constant); ok {
		if g.wide() {
			VFMADD213PD_BCST(c.mem(), x, acc)
			return
		}
		y = c.mem()
	}
	VFMADD213PD(y, x, acc)
}

// fmaTo writes acc = x·y + acc, fnmaTo acc = acc − x·y.
func (g *isa) fmaTo(acc, x, y Op) {
	if c, ok := y.(constant); ok {
		if g.wide() {
			VFMADD231PD_BCST(c.mem(), x, acc)
			return
		}
		y = c.mem()
	}
	VFMADD231PD(y, x, acc)
}

func (g *isa) fnmaTo(acc, x, y Op) {
	if c, ok := y.(constant); ok {
		if g.wide() {
			VFNMADD231PD_BCST(c.mem(), x, acc)
			return
		}
		y = c.mem()
	}
	VFNMADD231PD(y, x, acc)
}

// Predicates of VCMPPD; those that are not ordered are true for NaN.
const (
	lessOrdered    = 0x11
	notLess        = 0x15
	greaterOrdered = 0x1e
)

// compare returns a mask: a mask register or a vector of ones and zeros.
func (g *isa) compare(pred uint64, x, y Op) Op {
	if g.wide() {
		k := K()
		if c, ok := y.(constant); ok {
			VCMPPD_BCST(Imm(pred), c.mem(), x, k)
		} else {
			VCMPPD(Imm(pred), y, x, k)
		}
		return k
	}
	if c, ok := y.(constant); ok {
		y = c.mem()
	}
	m := g.reg()
	VCMPPD(Imm(pred), y, x, m)
	return m
}

// negative returns a mask of the sign bits.
func (g *isa) negative(x VecVirtual) Op {
	if !g.wide() {
		return x
	}
	k := K()
	VPMOVQ2M(x, k)
	return k
}

// choose returns x where the mask is set, and y elsewhere.
func (g *isa) choose(mask, x, y Op) VecVirtual {
	dst := g.reg()
	if g.wide() {
		VBLENDMPD(x, y, mask, dst)
	} else {
		VBLENDVPD(mask, x, y, dst)
	}
	return dst
}

// keep returns x where the mask is set, and 0 elsewhere.
func (g *isa) keep(mask Op, x VecVirtual) VecVirtual {
	dst := g.reg()
	if g.wide() {
		VMOVAPD_Z(x, mask, dst)
	} else {
		VANDPD(mask, x, dst)
	}
	return dst
}
