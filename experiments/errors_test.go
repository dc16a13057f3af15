package experiments

import (
	"testing"

	"github.com/neuromanifold/neuromanifold/internal/mc"
)

// B6: twice n times the errors at singular truths against their exact values
// (cone) and limits (crossing: χ²(1); rrr: 2 + π/2; regular: d = 2), which at
// n = 300 are closer than the Monte Carlo error.
func TestB6ErrorsAtSingularTruths(t *testing.T) {
	r := 400
	if testing.Short() {
		r = 60
	}
	s := errorsSpec{Starts: 3}
	for _, name := range []string{"cone2", "crossing", "rrr", "regular"} {
		c, _ := errorsFind(name)
		cell := NewCell(Var{"case", name}, Var{"n", 300})
		x := sampleOf(t, r, func(k mc.Key) (errorsRow, error) { return errorsFit(t.Context(), s, cell, k) })
		gen, se, _ := Mean(func(r errorsRow) float64 { return r.Gen })(x)
		within(t, name+" 2n E_gen", gen, se, c.theory, 0)
		train, se, _ := Mean(func(r errorsRow) float64 { return r.Train })(x)
		within(t, name+" 2n E_train", train, se, -c.theory, 0)
	}
}
