package models

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestLawMoments compares mean, variance and fourth moment of 200 000 draws with
// theory (normal: 0, SD², 3 SD⁴; uniform with the same SD: 0, SD², 9/5 SD⁴).
// Limits are 5 standard errors, six tests: false-alarm rate below 4e-6.
func TestLawMoments(t *testing.T) {
	const n, sd = 200_000, 1.7
	for _, tt := range []struct {
		law              Law
		kurtosis, eighth float64 // E x⁴/SD⁴, E x⁸/SD⁸
	}{
		{NormalLaw{P: 2, SD: sd}, 3, 105},
		{UniformLaw{P: 2, SD: sd}, 9.0 / 5, 9},
	} {
		rng := rand.New(rand.NewPCG(1, 2))
		z := NewData(n, 2, 1)
		for i := range z.V {
			z.V[i] = -4
		}
		DrawInputs(z, tt.law, rng)
		var m1, m2, m4 float64
		for i := range n {
			x := z.X(i)[1] / sd
			m1, m2, m4 = m1+x, m2+x*x, m4+x*x*x*x
			if z.Y(i)[0] != -4 {
				t.Fatalf("%v: DrawInputs wrote a modelled column", tt.law)
			}
		}
		for _, c := range []struct{ got, want, variance float64 }{
			{m1 / n, 0, 1}, {m2 / n, 1, tt.kurtosis - 1}, {m4 / n, tt.kurtosis, tt.eighth - tt.kurtosis*tt.kurtosis},
		} {
			if z := (c.got - c.want) / math.Sqrt(c.variance/n); math.Abs(z) > 5 {
				t.Errorf("%v: moment %v, want %v (z = %.1f)", tt.law, c.got, c.want, z)
			}
		}
		if tt.law.Dim() != 2 {
			t.Errorf("%v: Dim = %d", tt.law, tt.law.Dim())
		}
		mustPanic(t, func() { tt.law.Draw(make([]float64, 3), rng) })
		mustPanic(t, func() { DrawInputs(NewData(1, 3, 1), tt.law, rng) })
	}
}

func TestEmpiricalLawDrawsRows(t *testing.T) {
	z := &Data{N: 3, P: 2, Q: 1, V: []float64{1, 10, 0, 2, 20, 0, 3, 30, 0}}
	law := EmpiricalLaw{z}
	rng := rand.New(rand.NewPCG(3, 4))
	x, seen := make([]float64, 2), map[float64]bool{}
	for range 100 { // misses a row with probability 3·(2/3)^100 < 1e-16
		law.Draw(x, rng)
		if x[1] != 10*x[0] {
			t.Fatalf("%v is no row of the data", x)
		}
		seen[x[0]] = true
	}
	if len(seen) != 3 || law.Dim() != 2 {
		t.Errorf("%d of 3 rows were drawn", len(seen))
	}
}

func TestSerial(t *testing.T) {
	draw := func(n int) []uint64 {
		out := make([]uint64, n)
		err := Serial(rand.New(rand.NewPCG(5, 6)))(n, func(i int, rng *rand.Rand) error {
			out[i] = rng.Uint64()
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	ten, five := draw(10), draw(5)
	if !slices.Equal(ten[:5], five) {
		t.Error("the stream of a task depends on how many there are")
	}
	if slices.Sort(ten); len(slices.Compact(ten)) != 10 {
		t.Error("two tasks share a stream")
	}
}
