package selection

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The error of a probability of an order against the spread of 20 000 draws of scores
// with those errors, to three per cent: the probabilities are all but linear in errors of
// 0.1, and a right spread is off by as much once in 10^9.
func TestErrorOfAnOrder(t *testing.T) {
	scores := []Score{{Value: 10, SE: 0.1}, {Value: 11, SE: 0.05}, {Value: math.NaN(), SE: math.NaN()}, {Value: 12, SE: 0.1}}
	o := orderPosterior("fe", scores)
	if !math.IsNaN(o.P[2]) || !math.IsNaN(o.SE[2]) {
		t.Errorf("no score: %v ± %v", o.P[2], o.SE[2])
	}
	const draws = 20000
	rng := rand.New(rand.NewPCG(3, 9))
	values := make([][]float64, len(scores))
	for range draws {
		noisy := make([]Score, len(scores))
		for i, s := range scores {
			noisy[i].Value = s.Value + s.SE*rng.NormFloat64()
		}
		for i, p := range orderPosterior("fe", noisy).P {
			values[i] = append(values[i], p)
		}
	}
	for i := range scores {
		if i == 2 {
			continue
		}
		_, v := meanVar(values[i])
		near(t, "standard error", o.SE[i], math.Sqrt(v), 0.03*math.Sqrt(v))
	}
}

// Orders of autoregressions are nested but regular: no criterion is blamed for a
// singularity. With a moving average beside it the same family is singular.
func TestNestedIsNotSingular(t *testing.T) {
	z := dataset(t, "lh")
	for _, c := range []struct {
		orders   [][]int
		singular bool
	}{{[][]int{{0, 1, 2}, {0}}, false}, {[][]int{{0, 1}, {0, 1}}, true}} {
		table := compare(t, "arma:mean=true", c.orders, z, Options{}, "bic")
		if len(table.Rows[len(table.Rows)-1].Within) < 3 {
			t.Fatal("the models are not nested")
		}
		got := false
		for _, r := range table.Rows {
			got = got || r.singular()
		}
		if got != c.singular {
			t.Errorf("orders %v: singular %v", c.orders, got)
		}
	}
}

// The difference of two prequential codes has the error of the pairs of codes of the same
// orders of the rows, which the codes themselves vary with far more: the verdict can say
// what pmdl cannot tell. A series has one order and no such error.
func TestPrequentialDifference(t *testing.T) {
	table := compare(t, "mixture:sd=tied", [][]int{{1, 2}}, dataset(t, "galaxies"), Options{}, "pmdl")
	a, b := table.Rows[0].Prequential.Codes, table.Rows[1].Prequential.Codes
	if len(a) != prequentialOrders || len(b) != len(a) {
		t.Fatalf("codes %v and %v", a, b)
	}
	var pairs []float64
	for o := range a {
		pairs = append(pairs, 2*(a[o]-b[o]))
	}
	mean, v := meanVar(pairs)
	d, se, ok := table.Difference(0, 0, 1)
	if !ok {
		t.Fatal("no difference")
	}
	near(t, "difference", d, mean, 1e-9)
	near(t, "difference of the scores", d, table.at(0, "pmdl").Value-table.at(1, "pmdl").Value, 1e-9)
	near(t, "its error", se, math.Sqrt(v/float64(len(pairs))), 1e-9)
	if s := compare(t, "arma:mean=true", [][]int{{0, 1}, {0}}, dataset(t, "lh"), Options{}, "pmdl"); s.Rows[0].Scores[0].Pointwise != nil {
		t.Error("a series has pointwise contributions")
	}
}
