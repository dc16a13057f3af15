package experiments

import (
	"math"
	"testing"

	"github.com/neuromanifold/neuromanifold/dynamics"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
)

// The reference of these tests is an independent implementation in numpy (1.24,
// 2026-11): network 64-64-10, 40 epochs, means over the trainings with seeds 0, 1, …
// The tests start from the weights that numpy draws, and take the digits in its
// order, so that they must meet the figures to the digits printed, not only within
// the spread of seeds.

// A referenceRun is a training of the reference and what it printed.
type referenceRun struct {
	batches []int
	rate    float64
	mu      float64

	condition, median, energy float64
	testError, trainError     float64 // %
	loss                      float64
}

// Three seeds, every step measured.
var referenceGrid = []referenceRun{
	{[]int{8}, 0.025, 0, 239, 107.1, 56.67, 2.04, 1.6, 0.08585},
	{[]int{8}, 0.05, 0, 922.5, 280.9, 88.23, 1.48, 0.32, 0.04206},
	{[]int{8}, 0.1, 0, 4156, 790.3, 128.1, 1.39, 0.12, 0.01723},
	{[]int{8}, 0.2, 0, 21490, 2459, 171.4, 1.3, 0, 0.006266},
	{[]int{8}, 0.4, 0, 127900, 8014, 216, 1.39, 0, 0.002264},
	{[]int{16}, 0.025, 0, 156.3, 114.7, 25.33, 3.33, 3.04, 0.1576},
	{[]int{16}, 0.05, 0, 598.2, 350.6, 42.15, 2.04, 1.62, 0.08587},
	{[]int{16}, 0.1, 0, 2582, 1091, 67.19, 1.48, 0.32, 0.04208},
	{[]int{16}, 0.2, 0, 12570, 3696, 99.47, 1.39, 0.12, 0.01725},
	{[]int{16}, 0.4, 0, 69450, 13870, 134.9, 1.3, 0, 0.006273},
	{[]int{32}, 0.025, 0, 76.12, 70.31, 10.53, 5.19, 6.08, 0.2921},
	{[]int{32}, 0.05, 0, 312.8, 262.6, 18.16, 3.33, 3.06, 0.1576},
	{[]int{32}, 0.1, 0, 1355, 937.7, 30.64, 2.04, 1.6, 0.08588},
	{[]int{32}, 0.2, 0, 6666, 3440, 49.61, 1.48, 0.32, 0.04209},
	{[]int{32}, 0.4, 0, 36780, 13060, 74.48, 1.39, 0.12, 0.01729},
	{[]int{64}, 0.025, 0, 34.76, 35.35, 4.281, 9.54, 9.81, 0.5786},
	{[]int{64}, 0.05, 0, 140.2, 141.5, 7.596, 5.09, 5.92, 0.2861},
	{[]int{64}, 0.1, 0, 609.5, 568.9, 13.16, 3.24, 3.02, 0.1546},
	{[]int{64}, 0.2, 0, 2947, 2254, 22.35, 1.94, 1.58, 0.08407},
	{[]int{64}, 0.4, 0, 16440, 9172, 36.5, 1.48, 0.32, 0.041},
	{[]int{128}, 0.025, 0, 26.79, 26.37, 1.684, 16.3, 15.89, 1.104},
	{[]int{128}, 0.05, 0, 68.34, 72.59, 3.141, 9.17, 9.44, 0.5528},
	{[]int{128}, 0.1, 0, 276.2, 299.2, 5.568, 5, 5.66, 0.2749},
	{[]int{128}, 0.2, 0, 1237, 1228, 9.663, 3.15, 2.88, 0.149},
	{[]int{128}, 0.4, 0, 6455, 5534, 16.48, 1.85, 1.44, 0.08081},
	{[]int{256}, 0.025, 0, 34.47, 33.88, 0.6096, 31.11, 30.67, 1.646},
	{[]int{256}, 0.05, 0, 50.56, 51.23, 1.191, 16.2, 16.19, 1.104},
	{[]int{256}, 0.1, 0, 130.9, 146.2, 2.223, 8.89, 9.51, 0.5528},
	{[]int{256}, 0.2, 0, 525.5, 588.9, 3.946, 4.63, 5.68, 0.2749},
	{[]int{256}, 0.4, 0, 2386, 2402, 6.852, 3.06, 2.83, 0.1491},
}

// Four seeds, every fifth step measured.
var referenceRatio = []referenceRun{
	{[]int{8}, 0.05, 0, 944, 288.1, 87.59, 1.53, 0.33, 0.04205},
	{[]int{16}, 0.1, 0, 2620, 1105, 67.66, 1.53, 0.33, 0.04207},
	{[]int{32}, 0.2, 0, 6473, 3499, 49.88, 1.53, 0.33, 0.04208},
	{[]int{64}, 0.4, 0, 15910, 8937, 36.06, 1.53, 0.33, 0.04097},
	{[]int{128}, 0.8, 0, 36410, 26800, 27.07, 1.53, 0.35, 0.03897},
}

var (
	growing   = []int{16, 32, 64, 128, 256}
	shrinking = []int{256, 128, 64, 32, 16}
)

// Four seeds, every fifth step measured.
var referenceDynamic = []referenceRun{
	{[]int{16}, 0.2, 0, 12390, 3695, 98.96, 1.46, 0.12, 0.01733},
	{growing, 0.2, 0, 18890, 2075, 71.89, 1.46, 0.26, 0.03205},
	{shrinking, 0.2, 0, 442.5, 347.1, 11.74, 2.99, 2.66, 0.1371},
	{[]int{64}, 0.2, 0, 2986, 2221, 22.14, 1.88, 1.55, 0.08406},
	{[]int{16}, 0.02, 0.9, 13310, 3909, 9.926, 1.46, 0.12, 0.01743},
	{[]int{32}, 0.02, 0.9, 7089, 3826, 5.014, 1.53, 0.33, 0.04202},
	{[]int{64}, 0.02, 0.9, 3409, 2505, 2.235, 1.88, 1.6, 0.08369},
	{[]int{128}, 0.02, 0.9, 1484, 1467, 0.9864, 3.19, 3.06, 0.1476},
}

// Three seeds, every twentieth step measured.
var referenceOverlarge = []referenceRun{
	{[]int{8}, 0.8, 0, 442000, 29300, 296, 1.30, 0, 0.000771},
	{[]int{8}, 1.6, 0, 4.2e6, 1.42e6, 653, 1.39, 0, 0.000159},
	{[]int{8}, 3.2, 0, 1.49e6, 3320, 7241, 8.89, 7.47, 0.227},
	{[]int{32}, 1.6, 0, 868000, 229000, 143.5, 1.30, 0, 0.00224},
	{[]int{32}, 3.2, 0, 2.54e6, 1.31e6, 183, 1.20, 0, 0.000771},
	{[]int{128}, 1.6, 0, 250000, 135000, 45.15, 1.39, 0.07, 0.0155},
	{[]int{128}, 3.2, 0, 1.19e6, 773000, 66.39, 1.30, 0, 0.00533},
}

// sample trains as the reference does with the seeds from 0 on.
func (r referenceRun) sample(t *testing.T, seeds, every int) Sample[liaoRow] {
	t.Helper()
	all, err := digits()
	if err != nil {
		t.Fatal(err)
	}
	task := defaultDigits()
	order := make([]int, all.N)
	newNumpyRand(0).permute(order)
	train, test := task.split(all, order)
	m, err := task.model()
	if err != nil {
		t.Fatal(err)
	}
	stages := dynamics.Stages(task.Epochs, r.batches, r.rate, 0.1, 0.5, 0.75)
	return sampleOf(t, seeds, func(k mc.Key) (liaoRow, error) {
		rng := newNumpyRand(uint32(k.Replicate))
		theta := make([]float64, 0, models.Dim(m))
		for _, out := range []int{64, digitClasses} { // a row of 64 weights of deviation √(2/64), and a bias
			for range out {
				for range 64 {
					theta = append(theta, math.Sqrt(2./64)*rng.normal())
				}
				theta = append(theta, 0)
			}
		}
		plan := dynamics.Training{Stages: stages, Momentum: r.mu, Every: every, Order: rng.permute}
		return trainDigits(t.Context(), plan, m, theta, train, test, nil)
	})
}

// meet trains and compares with the reference: figures printed to 2 to 4 digits, C̄
// of nearly singular matrices, and errors that are shares of images, of which
// rounding may move one.
func (r referenceRun) meet(t *testing.T, seeds, every int) Sample[liaoRow] {
	t.Helper()
	x := r.sample(t, seeds, every)
	check := func(what string, f func(r liaoRow) float64, want, allowed float64) {
		t.Helper()
		if got := liaoMean(x, f); !(math.Abs(got-want) <= allowed) {
			t.Errorf("batches %v, rate %v, momentum %v: %s %.5g, want %.5g ± %.1g", r.batches, r.rate, r.mu, what, got, want, allowed)
		}
	}
	check("C̄", condition, r.condition, 1e-2*r.condition)
	check("median condition number", func(r liaoRow) float64 { return r.Median }, r.median, 1e-2*r.median)
	check("L", energy, r.energy, 1e-3*r.energy)
	check("training loss", loss, r.loss, 3e-3*r.loss)
	check("training error (%)", func(r liaoRow) float64 { return 100 * r.Train }, r.trainError, 0.1)
	check("test error (%)", func(r liaoRow) float64 { return 100 * r.Test }, r.testError, 0.1)
	for _, row := range x.Rows {
		if row.Status != Converged {
			t.Errorf("batches %v, rate %v: status %s", r.batches, r.rate, row.Status)
		}
	}
	return x
}
