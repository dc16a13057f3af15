package design

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// The exact information of the warfarin design is close to the reduced
// linearisation, far from the full one. The reference is an independent
// simulation in numpy over 156 000 subjects (relative standard errors with their
// Monte Carlo errors .008 .005 .027 .11 .14 .10 .02); both errors enter the
// tolerance of 4.5 standard errors: false alarms 7e-6 for each of 7 numbers.
func TestT7Exact(t *testing.T) {
	o := ExactOptions{Subjects: 4000}
	switch {
	case testing.Short():
		o.Subjects = 400
	case os.Getenv("NEUROMANIFOLD_PAPER") == "full":
		o.Subjects = 40_000
	}
	at := times(warfarinTimes...)
	th := theta(t, warfarin())
	f := informer(t, warfarin(), warfarinCurve(t), FOReduced)
	e, err := f.Exact(context.Background(), at, o, rand.New(rand.NewPCG(7, 7)))
	if err != nil {
		t.Fatal(err)
	}
	if e.ESS < 40 {
		t.Errorf("effective number of draws %.3g of 128", e.ESS)
	}
	reduced := rse(t, information(t, f, 32, at), th)
	want := []float64{4.739, 2.757, 14.05, 25.90, 30.12, 27.33, 11.13}
	wantSE := []float64{.008, .005, .027, .11, .14, .10, .02}
	for i := range want {
		v, se := e.Jackknife(func(m *mat.SymDense) float64 {
			s := mat.NewSymDense(7, nil)
			s.ScaleSym(32, m)
			return rse(t, s, th)[i]
		})
		t.Logf("%s: %.3f ± %.3f, reference %.3f, linearised %.3f", f.Params()[i].Name, v, se, want[i], reduced[i])
		// A mean of 20 blocks: Student's t with 19 degrees of freedom.
		if math.Abs(v-want[i]) > 6*math.Hypot(se, wantSE[i]) {
			t.Errorf("RSE of %s: %.4f ± %.4f, want %.4f", f.Params()[i].Name, v, se, want[i])
		}
		if i == 2 && math.Abs(v-reduced[i]) > .03*reduced[i]+4*se {
			t.Errorf("RSE of ka: %.4f ± %.4f, more than 3 %% from the linearised %.4f", v, se, reduced[i])
		}
	}
}

// In a linear model the score of Fisher's identity is that of a Gaussian, and so
// is the information.
func TestExactLinear(t *testing.T) {
	p := &Population{Effects: []Effect{{Name: "β", Value: 2, Law: Normal, Variance: .7}}, Residuals: []Residual{{Additive: math.Sqrt(.3)}}}
	at := times(0, 1, 2)
	f := informer(t, p, straight(), FOReduced)
	want := information(t, f, 1, at)
	e, err := f.Exact(context.Background(), at, ExactOptions{Subjects: 4000, Draws: 64}, rand.New(rand.NewPCG(1, 3)))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		for j := i; j < 3; j++ {
			// 6 standard errors with 19 degrees of freedom: false alarms 1e-5 each.
			if d := math.Abs(e.M.At(i, j) - want.At(i, j)); d > 6*e.SE.At(i, j) {
				t.Errorf("M%d%d = %.4f ± %.4f, want %.4f", i+1, j+1, e.M.At(i, j), e.SE.At(i, j), want.At(i, j))
			}
		}
	}
}
