package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The tile of a product, which stays in registers: 16 of 512 bits at once, or four
// quarters of 8 of 256 bits, enough independent sums to hide the latency of a fused
// multiply-add.
const (
	tileRows = 8
	tileCols = 16
)

// tile adds the product of a panel of a (k × tileRows) and one of b (k × tileCols) to
// a tile of c, whose rows are stride bytes apart.
func (g *isa) tile() {
	g.begin("tile", "c *float64, stride int, a, b *float64, k int")
	c, stride := Load(Param("c"), GP64()), Load(Param("stride"), GP64())
	a, b, k := Load(Param("a"), GP64()), Load(Param("b"), GP64()), Load(Param("k"), GP64())
	lanes := g.bits / 64
	rows, cols := tileRows, tileCols
	if !g.wide() {
		rows, cols = tileRows/2, tileCols/2
	}
	for i0 := 0; i0 < tileRows; i0 += rows {
		for j0 := 0; j0 < tileCols; j0 += cols {
			g.quarter(fmt.Sprintf("k%d_%d", i0, j0), c, stride, a, b, k, i0, j0, rows, cols/lanes)
		}
	}
	g.end()
}

// quarter is a part of a tile that fits the registers: some rows from i0 on, and
// some registers of columns from j0 on.
func (g *isa) quarter(label string, c, stride, a, b, k Register, i0, j0, rows, regs int) {
	var acc [tileRows][]VecVirtual
	width := g.bits / 8
	row := GP64()
	each := func(f func(i, r int)) {
		MOVQ(c, row)
		for range i0 {
			ADDQ(stride, row)
		}
		for i := range rows {
			for r := range regs {
				f(i, r)
			}
			ADDQ(stride, row)
		}
	}
	each(func(i, r int) { acc[i] = append(acc[i], g.load(at(row, 8*j0+width*r))) })
	left, pa, pb := GP64(), GP64(), GP64()
	MOVQ(k, left)
	MOVQ(a, pa)
	MOVQ(b, pb)
	loop(label, left, 1, func() {
		var bs []VecVirtual
		for r := range regs {
			bs = append(bs, g.load(at(pb, 8*j0+width*r)))
		}
		for i := range rows {
			v := g.spread(at(pa, 8*(i0+i)))
			for r := range regs {
				g.fmaTo(acc[i][r], v, bs[r])
			}
		}
		ADDQ(Imm(8*tileRows), pa)
		ADDQ(Imm(8*tileCols), pb)
	})
	each(func(i, r int) { VMOVUPD(acc[i][r], at(row, 8*j0+width*r)) })
}
