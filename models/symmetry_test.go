package models

import (
	"math"
	"testing"
)

// The order of the group, with crossings counted by brute force over all changes
// of sign, and the images of a network counted by the points that Canonicalize
// maps to one representative.
func TestOrderOfTheSymmetryGroup(t *testing.T) {
	for text, want := range map[string]float64{
		"mlp:hidden=2": 8, "mlp:hidden=3,act=tanh": 48, "mlp:hidden=3,act=relu": 6, "rbf:hidden=3": 6,
		"mixture:k=4": 24, "binmix:k=3": 6, "rrr:in=2,hidden=2,out=2": 8, "mlp:hidden=1000": math.Inf(1),
	} {
		if got, doc := mustParse(t, text).(Symmetric).Symmetries(); got != want || doc == "" {
			t.Errorf("%s: order %v, want %v", text, got, want)
		}
	}
	for _, text := range []string{"crossing:powers=1+1", "crossing:powers=2+2", "crossing:powers=1+2+3", "crossing:powers=2", "crossing:powers=3"} {
		m := mustParse(t, text).(*Crossing)
		n, same := len(m.params), 0.0
		w := []float64{0.7, 1.1, 1.3}[:n]
		image := make([]float64, n)
		for signs := range 1 << n {
			for i, v := range w {
				image[i] = v * float64(1-2*(signs>>i&1))
			}
			if m.slope(image) == m.slope(w) {
				same++
			}
		}
		if got, _ := m.Symmetries(); got != same {
			t.Errorf("%s: order %v, %v images", text, got, same)
		}
	}
	m := mustParse(t, "mlp:hidden=2").(*MLP)
	canonical, images := []float64{0.5, 1.5, -0.7, 2}, 0.0
	for signs := range 4 {
		for swap := range 2 {
			a, b := float64(1-2*(signs&1)), float64(1-2*(signs>>1))
			th := []float64{a * 0.5, b * 1.5, a * -0.7, b * 2}
			if swap == 1 {
				th[0], th[1], th[2], th[3] = th[1], th[0], th[3], th[2]
			}
			m.Canonicalize(th)
			if [4]float64(th) == [4]float64(canonical) {
				images++
			}
		}
	}
	if got, _ := m.Symmetries(); got != images {
		t.Errorf("%v images with one canonical point, order %v", images, got)
	}
}
