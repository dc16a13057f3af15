package models

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestDataRows(t *testing.T) {
	z := NewData(2, 1, 2)
	copy(z.V, []float64{1, 2, 3, 4, 5, 6})
	if !slices.Equal(z.Row(1), []float64{4, 5, 6}) || !slices.Equal(z.X(1), []float64{4}) || !slices.Equal(z.Y(0), []float64{2, 3}) {
		t.Errorf("row %v, x %v, y %v", z.Row(1), z.X(1), z.Y(0))
	}
	// An append to a part of one row must not run into the next.
	_ = append(z.X(0), -1)
	_ = append(z.Row(0), -1)
	_ = append(z.Y(0), -1)
	if !slices.Equal(z.V, []float64{1, 2, 3, 4, 5, 6}) {
		t.Errorf("an append to a row wrote into the data: %v", z.V)
	}
	c := z.Clone()
	c.V[0] = 9
	if z.V[0] != 1 || c.N != 2 || c.P != 1 || c.Q != 2 {
		t.Error("Clone shares its values or loses the shape")
	}
	mustPanic(t, func() { NewData(-1, 0, 1) })
}

func TestDataCheck(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		z := NewData(3, 1, 1)
		z.Y(1)[0] = v
		if err := z.Check(); err == nil || !strings.Contains(err.Error(), "row 2, column 2") {
			t.Errorf("%v in row 2, column 2: %v", v, err)
		}
	}
	if err := (&Data{N: 2, Q: 1, V: []float64{1}}).Check(); err == nil {
		t.Error("a value too few was accepted")
	}
	if err := NewData(0, 0, 0).Check(); err != nil {
		t.Errorf("no data: %v", err)
	}
}

func TestCheckTheta(t *testing.T) {
	m := halfLine{}
	tests := []struct {
		theta []float64
		want  string
	}{
		{[]float64{1}, ""},
		{[]float64{100}, ""},
		{nil, "θ has 0 values, half-line takes 1: θ"},
		{[]float64{math.NaN()}, "θ: θ = NaN is not finite"},
		{[]float64{101}, "outside the domain [-100, 100]"},
	}
	for _, tt := range tests {
		err := CheckTheta(m, tt.theta)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("θ = %v: %v, want %q", tt.theta, err, tt.want)
		}
	}
}
