package experiments

import (
	"fmt"
	"slices"
	"strings"
)

// A Cell is one point of the parameter grid of an experiment. Its name names
// random streams and files, so it consists of its coordinates and nothing else.
type Cell struct {
	Name string
	Vars []Var
}

// A Var is one coordinate of a cell. Value is an int, float64, string or bool.
type Var struct {
	Name  string
	Value any
}

// NewCell returns the cell with the given coordinates, named by them, as
// "n=100,bound=5". Without coordinates its name is "all". Characters that do
// not belong into a file name become "_".
func NewCell(vars ...Var) Cell {
	if len(vars) == 0 {
		return Cell{Name: "all"}
	}
	parts := make([]string, len(vars))
	for i, v := range vars {
		switch v.Value.(type) {
		case int, float64, string, bool:
		default:
			panic(fmt.Sprintf("experiments: coordinate %s of a cell is a %T", v.Name, v.Value))
		}
		parts[i] = fmt.Sprintf("%s=%v", v.Name, v.Value)
	}
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("=,.+-_", r):
			return r
		}
		return '_'
	}, strings.Join(parts, ","))
	return Cell{Name: name, Vars: vars}
}

// Axis returns the values of one coordinate for Grid.
func Axis[T int | float64 | string | bool](name string, values ...T) []Var {
	vars := make([]Var, len(values))
	for i, v := range values {
		vars[i] = Var{name, v}
	}
	return vars
}

// Grid returns the product of the axes as cells; the last axis runs fastest.
func Grid(axes ...[]Var) []Cell {
	points := [][]Var{nil}
	for _, axis := range axes {
		var next [][]Var
		for _, p := range points {
			for _, v := range axis {
				next = append(next, append(slices.Clone(p), v))
			}
		}
		points = next
	}
	cells := make([]Cell, len(points))
	for i, p := range points {
		cells[i] = NewCell(p...)
	}
	return cells
}

func (c Cell) value(name string) any {
	for _, v := range c.Vars {
		if v.Name == name {
			return v.Value
		}
	}
	panic("experiments: cell " + c.Name + " has no coordinate " + name)
}

// Int returns an integer coordinate. Like Float and Text it panics if the cell
// has no such coordinate of this type: cells come from the experiment itself.
func (c Cell) Int(name string) int { return c.value(name).(int) }

// Float returns a real or integer coordinate.
func (c Cell) Float(name string) float64 {
	if i, ok := c.value(name).(int); ok {
		return float64(i)
	}
	return c.value(name).(float64)
}

// Text returns a textual coordinate.
func (c Cell) Text(name string) string { return c.value(name).(string) }

// Bool returns a boolean coordinate.
func (c Cell) Bool(name string) bool { return c.value(name).(bool) }
