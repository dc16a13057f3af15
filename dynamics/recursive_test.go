package dynamics

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/neuromanifold/neuromanifold/models"
)

// With a vanishing gain the mean of the steps is −∂KL/∂θ of the divergence rate, by
// spectral quadrature: |z| < 5 with batch means, false alarms below 1e-5.
func TestRecursiveGradientIsThatOfTheDivergence(t *testing.T) {
	o := teacher(t, "arma:p=1,q=1,var=1", "arma:p=1,q=1,var=1", .7, .2)
	truth, at := o.Truth()
	theta := []float64{.3, -.4}
	const tiny, batches, length = 1e-12, 50, 2000
	r, err := NewRecursiveML(o.Model(), truth, at, RecursiveOptions{Step: tiny, Gradient: true})
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float64, 2)
	o.Field(want, theta)
	rng := rand.New(rand.NewPCG(1, 2))
	x := append([]float64(nil), theta...)
	for range 200 { // the filters start at rest
		if _, err := r.Step(x, 0, rng); err != nil {
			t.Fatal(err)
		}
	}
	var sum, sq [2]float64
	for range batches {
		var mean [2]float64
		for range length {
			copy(x, theta)
			if _, err := r.Step(x, 0, rng); err != nil {
				t.Fatal(err)
			}
			for i := range mean {
				mean[i] += r.step[i] / length
			}
		}
		for i, v := range mean {
			sum[i] += v / batches
			sq[i] += v * v / batches
		}
	}
	for i := range sum {
		se := math.Sqrt((sq[i] - sum[i]*sum[i]) / (batches - 1))
		if z := (sum[i] - want[i]) / se; math.Abs(z) > 5 {
			t.Errorf("coordinate %d: mean %v, want %v, z = %.1f", i, sum[i], want[i], z)
		}
	}
}

// With γ = 1/t the estimate is efficient: n Var = 1 − φ² for AR(1). The ratio of 400
// replicates has a standard error of 0.07; four of them, and bias of order 1/n.
func TestRecursiveMLIsEfficient(t *testing.T) {
	m, err := models.Parse("arma:p=1,q=0,var=1")
	if err != nil {
		t.Fatal(err)
	}
	const phi, n, reps = .6, 1000, 400
	var ss float64
	for k := range reps {
		r, err := NewRecursiveML(m, m, []float64{phi}, RecursiveOptions{})
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(uint64(k), 5))
		x := []float64{0}
		for range n {
			if _, err := r.Step(x, 0, rng); err != nil {
				t.Fatal(err)
			}
		}
		ss += n * (x[0] - phi) * (x[0] - phi) / reps
	}
	if ratio := ss / (1 - phi*phi); math.Abs(ratio-1) > 0.3 {
		t.Errorf("n Var/(1−φ²) = %.3f", ratio)
	}
}

// An MA student of a process near the edge stays inside, and says how often it had to.
func TestRecursiveMLStaysInTheDomain(t *testing.T) {
	m, err := models.Parse("arma:p=1,q=1")
	if err != nil {
		t.Fatal(err)
	}
	at := []float64{.9, .95, 2}
	r, err := NewRecursiveML(m, m, at, RecursiveOptions{Step: .2, Gradient: true})
	if err != nil {
		t.Fatal(err)
	}
	rng, x := rand.New(rand.NewPCG(3, 3)), []float64{0, 0, 1}
	for range 5000 {
		if _, err := r.Step(x, 0, rng); err != nil {
			t.Fatal(err)
		}
		if err := models.CheckTheta(m, x); err != nil {
			t.Fatal(err)
		}
	}
	if r.Halved == 0 {
		t.Error("no step was shortened, so nothing was tested")
	}
}
