package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// A constant is a number in memory, written four times for instructions that do not
// broadcast. It is no operand of any instruction: see isa.do.
type constant struct{ v float64 }

// Asm makes a constant an operand in the eyes of the compiler.
func (c constant) Asm() string { panic("constant used as an operand") }

func c(v float64) constant { return constant{v} }

var (
	order   []uint64
	offsets = map[uint64]int{}
	symbol  = NewDataAddr(Symbol{Name: "constants", Static: true}, 0)
)

func (c constant) mem() Mem {
	bits := math.Float64bits(c.v)
	off, ok := offsets[bits]
	if !ok {
		off = 32 * len(order)
		offsets[bits] = off
		order = append(order, bits)
	}
	return symbol.Offset(off)
}

func emitConstants() {
	GLOBL("constants", RODATA|NOPTR)
	for i, bits := range order {
		for j := range 4 {
			DATA(32*i+8*j, U64(bits))
		}
	}
}
