package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// density returns e = y − μ and h e² + log c.
func (g *isa) density(y, logc, mu, h VecVirtual) (e, l VecVirtual) {
	e = g.op(sub, y, mu)
	l = g.op(mul, h, e)
	g.do(mul, l, e, l)
	g.do(add, l, logc, l)
	return e, l
}

// What a pass over the data is for.
const (
	logLik = iota
	eStep
	curvature // an E-step and the sums of Curve
)

// pair is a pass for two components.
func (g *isa) pair(what int) {
	name := [...]string{"pairLogLik", "pair", "pairCurve"}[what]
	rows := [...]int{2, 8, 13}[what]
	g.begin(name, "state, comp, y *float64, n int")
	state, comp := Load(Param("state"), GP64()), Load(Param("comp"), GP64())
	y, n := Load(Param("y"), GP64()), Load(Param("n"), GP64())
	var par [6]VecVirtual
	for i := range par {
		par[i] = g.spread(at(comp, 8*i))
	}
	acc := g.accumulators(state, rows)
	loop("loop", n, 8, func() {
		g.halves(func(off int) {
			v := g.load(at(y, off))
			e, a := g.density(v, par[0], par[1], par[2])
			f, b := g.density(v, par[3], par[4], par[5])
			d := g.op(sub, a, b)
			acc.put(add, 1, off, g.op(maximum, a, b))
			t := g.expNeg(g.op(or, d, signBit))
			s := g.op(add, t, c(1))
			acc.put(mul, 0, off, s)
			if what == logLik {
				return
			}
			r := g.op(div, g.load(c(1)), s)
			u := g.op(mul, t, r)
			if what == curvature {
				z := g.op(mul, r, u)
				acc.put(add, 8, off, z)
				for row := 9; row < 13; row++ {
					g.do(mul, z, e, z)
					acc.put(add, row, off, z)
				}
			}
			r, u = g.swap(d, r, u)
			acc.put(add, 2, off, r)
			acc.put(add, 5, off, u)
			g.do(mul, r, e, r)
			g.do(mul, u, f, u)
			acc.put(add, 3, off, r)
			acc.put(add, 6, off, u)
			acc.put(add, 4, off, g.op(mul, r, e))
			acc.put(add, 7, off, g.op(mul, u, f))
		})
		ADDQ(Imm(64), y)
	})
	acc.flush()
	g.end()
}

// swap returns x, y, exchanged where d is negative.
func (g *isa) swap(d, x, y VecVirtual) (VecVirtual, VecVirtual) {
	mask := g.negative(d)
	return g.choose(mask, y, x), g.choose(mask, x, y)
}

// mixture is the E-step of any number of components, or their log-likelihood.
func (g *isa) mixture(moments bool) {
	name := "mixture"
	if !moments {
		name = "mixtureLogLik"
	}
	g.begin(name, "state, rows, comp *float64, k int, y *float64, n int")
	state, rows, comp := Load(Param("state"), GP64()), Load(Param("rows"), GP64()), Load(Param("comp"), GP64())
	k, y, n := Load(Param("k"), GP64()), Load(Param("y"), GP64()), Load(Param("n"), GP64())

	loop("loop", n, 8, func() {
		g.halves(func(off int) {
			v := g.load(at(y, off))
			// each runs f for every component.
			each := func(pass string, f func(row, cm Register)) {
				row, cm, left := GP64(), GP64(), GP64()
				MOVQ(rows, row)
				MOVQ(comp, cm)
				MOVQ(k, left)
				loop(fmt.Sprintf("%s%d", pass, off), left, 1, func() {
					f(row, cm)
					ADDQ(Imm(64), row)
					ADDQ(Imm(24), cm)
				})
			}
			top := g.load(c(negInf))
			each("density", func(row, cm Register) {
				_, l := g.density(v, g.spread(at(cm, 0)), g.spread(at(cm, 8)), g.spread(at(cm, 16)))
				VMOVUPD(l, at(row, off))
				g.do(maximum, top, l, top)
			})
			sum := g.load(c(0))
			each("exp", func(row, _ Register) {
				t := g.expNeg(g.op(sub, g.load(at(row, off)), top))
				VMOVUPD(t, at(row, off))
				g.do(add, sum, t, sum)
			})
			acc := g.accumulators(state, 0)
			acc.put(mul, 0, off, sum)
			acc.put(add, 1, off, top)
			if !moments {
				return
			}
			inv := g.op(div, g.load(c(1)), sum)
			st := GP64()
			MOVQ(state, st)
			each("moments", func(row, cm Register) {
				r := g.op(mul, inv, at(row, off))
				e := g.op(sub, v, g.spread(at(cm, 8)))
				acc := g.accumulators(st, 0)
				acc.put(add, 2, off, r)
				g.do(mul, r, e, r)
				acc.put(add, 3, off, r)
				acc.put(add, 4, off, g.op(mul, r, e))
				ADDQ(Imm(192), st)
			})
		})
		ADDQ(Imm(64), y)
	})
	g.end()
}
