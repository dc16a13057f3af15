package design

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/design/pkpd"
)

// The warfarin example of Nyberg et al., Br. J. Clin. Pharmacol. 79 (2015):
// reduced and full information as printed by PopED 0.7.0.9001 (fim.calc.type 1
// and 0, R 4.2), which agree with the published relative standard errors; the
// entries of the full information have more digits than PopED's differences
// (relative error up to 2e-5).
func TestT1Warfarin(t *testing.T) {
	at := times(warfarinTimes...)
	th := theta(t, warfarin())
	eta := []float64{3.4254357, 5.4711041, 7.3821834, 7.9462805, 5.6858561, 4.5402483, 2.3116966, 0.9398657}

	f := informer(t, warfarin(), warfarinCurve(t), FOReduced)
	mean, _, err := f.Moments(at)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "η", mean, eta, 5e-8, 0)
	m := information(t, f, 32, at)
	near(t, "reduced ln det", []float64{logDet(t, m)}, []float64{52.44798909}, 1e-8, 0)
	near(t, "reduced RSE", rse(t, m, th), []float64{4.738266, 2.756206, 13.925829, 25.627205, 30.344316, 25.777327, 11.170784}, 1e-6, 0)
	near(t, "reduced M", entries(m, 11, 12, 13, 22, 23, 33, 44, 45, 46, 47, 55, 56, 57, 66, 67, 77),
		[]float64{19821.284448, -21.836551, -8.622140, 20.656071, -1.807099, 51.729039, 3107.768427, 10.728786, 0.026136, 521.540307, 27307.089319, 3.265608, 11214.210699, 41.810836, 71.087639, 806176.950669}, 1e-6, 1e-9)
	near(t, "reduced mixed block", entries(m, 14, 15, 16, 17, 24, 25, 26, 27, 34, 35, 36, 37), make([]float64, 12), 0, 0)

	f = informer(t, warfarin(), warfarinCurve(t), FOFull)
	m = information(t, f, 32, at)
	near(t, "full ln det", []float64{logDet(t, m)}, []float64{55.46119582}, 1e-8, 0)
	near(t, "full RSE", rse(t, m, th), []float64{3.560994, 2.560413, 4.811954, 26.270323, 30.901570, 26.503936, 12.409514}, 1e-6, 0)
	near(t, "full M", entries(m, 11, 12, 13, 22, 23, 33, 14, 15, 16, 17, 24, 25, 26, 27, 34, 35, 36, 37),
		[]float64{47625.24, -341.9953, 35.506, 30.8872, -12.5897, 452.7583, -2073.844, -5899.49, 4.49055, -54419.72, -16.8628, -54.633, -6.5503, -1070.934, -0.83365, -43.618, 18.6538, 2955.925}, 0, 2e-5)

	// Residual error as a standard deviation.
	p := warfarin()
	p.Scale.ResidualSD = true
	for _, c := range []struct {
		a      Approximation
		ld, sd float64
	}{{FOReduced, 49.22911326, 5.585392}, {FOFull, 52.24231999, 6.204757}} {
		m = information(t, informer(t, p, warfarinCurve(t), c.a), 32, at)
		near(t, c.a.String()+" on the SD scale", []float64{logDet(t, m), rse(t, m, theta(t, p))[6]}, []float64{c.ld, c.sd}, 1e-6, 0)
	}
}

// Combined error; PopED as above, and designs over continuous times.
func TestT2WarfarinCombined(t *testing.T) {
	at := times(warfarinTimes...)
	th := theta(t, warfarin2())
	m := information(t, informer(t, warfarin2(), warfarinCurve(t), FOReduced), 32, at)
	near(t, "ln det", []float64{logDet(t, m), math.Exp(logDet(t, m) / 8)}, []float64{55.39644998, 1016.9429}, 5e-5, 0)
	near(t, "RSE", rse(t, m, th), []float64{5.096246, 3.031165, 14.260384, 29.761226, 36.681388, 26.748640, 32.011719, 25.637971}, 1e-6, 0)
	near(t, "M", entries(m, 11, 22, 33, 44, 55, 66, 77, 88, 78), []float64{17141.8389, 17.268051, 49.864697, 2324.341202, 19083.877564, 38.851375, 192840.200886, 475.500111, 6659.569866}, 1e-6, 1e-7)

	a, err := A(8).Evaluator(8)
	if err != nil || !a.Set(m) {
		t.Fatal("A-criterion", err)
	}
	ds, err := Ds{Interest: []int{0, 1, 2}}.Evaluator(8)
	if err != nil || !ds.Set(m) {
		t.Fatal("Ds-criterion", err)
	}
	var sum float64
	for _, r := range rse(t, m, th) {
		sum += r / 100
	}
	near(t, "A, Ds, 1/ΣRSE", []float64{-1 / a.Value(), ds.Value(), 1 / sum}, []float64{9.1273277, 16.49203706, 0.577271416}, 5e-8, 1e-8)

	m = information(t, informer(t, warfarin2(), warfarinCurve(t), FOFull), 32, at)
	near(t, "full ln det", []float64{logDet(t, m)}, []float64{57.082755}, 1e-6, 0)
	near(t, "full RSE", rse(t, m, th), []float64{4.836083, 2.958147, 6.589166, 30.198227, 37.104445, 27.617537, 32.866505, 26.033085}, 1e-5, 0)
}

// Other moments for the warfarin example: an independent computation in numpy
// (same formulas, 2026; printed digits), which had converged in the number of
// nodes to 8 digits.
func TestT6Moments(t *testing.T) {
	at := times(warfarinTimes...)
	th := theta(t, warfarin())
	for _, c := range []struct {
		a   Approximation
		ld  float64
		rse []float64
	}{
		{FOFullR1, 55.2258, []float64{3.670, 2.581, 5.174, 26.29, 31.21, 26.39, 12.33}},
		{SecondOrder, 55.2799, []float64{4.207, 2.823, 7.802, 22.43, 32.79, 13.78, 14.29}},
		{MomentsGH, 53.412642, []float64{4.23124, 2.77430, 10.17108, 24.90861, 34.98329, 21.80074, 14.26303}},
	} {
		f := informer(t, warfarin(), warfarinCurve(t), c.a)
		ldTol, rseTol := 1e-4, 6e-3
		if c.a == MomentsGH {
			if err := f.SetNodes(14, 12, 32); err != nil {
				t.Fatal(err)
			}
			ldTol, rseTol = 1e-6, 1e-5
		}
		m := information(t, f, 32, at)
		near(t, c.a.String()+" ln det", []float64{logDet(t, m)}, []float64{c.ld}, ldTol, 0)
		near(t, c.a.String()+" RSE", rse(t, m, th), c.rse, rseTol, 0)
		if c.a != MomentsGH {
			continue
		}
		mean, cov, err := f.Moments(at)
		if err != nil {
			t.Fatal(err)
		}
		var sd []float64
		for i := range mean {
			sd = append(sd, math.Sqrt(cov.At(i, i)))
		}
		near(t, "GH mean", mean, []float64{3.74363, 5.45250, 6.94208, 7.73931, 5.66704, 4.51562, 2.33833, 1.02438}, 6e-6, 0)
		near(t, "GH sd", sd, []float64{2.01592, 2.21614, 1.99920, 1.39065, 0.99747, 0.94818, 0.82734, 0.57773}, 6e-6, 0)

		// The same moments in the reduced form: typical values through the mean
		// alone, variances through the covariance alone.
		f.reduce = func(a, b int) (lo, hi int) {
			switch {
			case b < 3:
				return 0, 8
			case a >= 3:
				return 8, 8 + 36
			}
			return 0, 0
		}
		m = information(t, f, 32, at)
		near(t, "GH block ln det", []float64{logDet(t, m)}, []float64{51.705679}, 1e-6, 0)
		near(t, "GH block RSE", rse(t, m, th), []float64{4.79107, 2.99091, 14.58189, 24.58422, 34.87297, 26.33975, 13.30770}, 1e-5, 0)
	}
}

// Moments over n fixed antithetic draws approach those of the product rule; the
// spread of ln det over seeds is measured here and the distance tested against
// 4.5 standard errors of its mean (false alarms 7e-6 for a normal law, perhaps
// 1e-4 for a mean of 8).
func TestT6MomentsByDraws(t *testing.T) {
	draws, seeds := 2000, 8
	if testing.Short() {
		draws = 500
	}
	at := times(warfarinTimes...)
	f := informer(t, warfarin(), warfarinCurve(t), MomentsMC)
	if err := f.Into(mat.NewSymDense(7, nil), at); err == nil {
		t.Error("no error without draws")
	}
	var sum, square float64
	for s := range seeds {
		f.SetDraws(draws, rand.New(rand.NewPCG(uint64(s), 6)))
		ld := logDet(t, information(t, f, 32, at)) - 53.412642
		sum += ld
		square += ld * ld
	}
	mean := sum / float64(seeds)
	se := math.Sqrt((square/float64(seeds) - mean*mean) / float64(seeds-1))
	// Bias of order 1/draws: the covariance of ln det's argument is estimated.
	if math.Abs(mean) > 4.5*se+20/float64(draws) || se > 0.2 {
		t.Errorf("ln det over %d draws is off by %.4f ± %.4f", draws, mean, se)
	}
}

func TestInformationAllocatesNothing(t *testing.T) {
	at := times(warfarinTimes...)
	for _, a := range []Approximation{FOReduced, FOFull, FOFullR1, FOMixedZero, SecondOrder, MomentsGH} {
		f := informer(t, warfarin(), warfarinCurve(t), a)
		if a == MomentsGH {
			if err := f.SetNodes(2, 2, 2); err != nil {
				t.Fatal(err)
			}
		}
		m := information(t, f, 1, at)
		if n := testing.AllocsPerRun(10, func() { _ = f.Into(m, at) }); n != 0 {
			t.Errorf("%v: %g allocations", a, n)
		}
	}
}

// The goal is 10 µs for the reduced form.
func BenchmarkWarfarin(b *testing.B) {
	at := times(warfarinTimes...)
	for _, a := range []Approximation{FOReduced, FOFull} {
		b.Run(a.String(), func(b *testing.B) {
			f := informer(b, warfarin(), warfarinCurve(b), a)
			m := mat.NewSymDense(7, nil)
			b.ReportAllocs()
			for b.Loop() {
				if err := f.Into(m, at); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// warfarinCurve is the curve of the warfarin examples: 70 mg by mouth.
func warfarinCurve(t testing.TB) pkpd.Curve {
	t.Helper()
	return linearCurve(t, pkpd.LinearSettings{Depot: true}, pkpd.Regimen{{Amount: 70}})
}

func linearCurve(t testing.TB, set pkpd.LinearSettings, reg pkpd.Regimen) pkpd.Curve {
	t.Helper()
	m, err := pkpd.NewLinear(set)
	if err != nil {
		t.Fatal(err)
	}
	c, err := m.Bind(reg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The same information from a formula differentiated by hyperdual numbers.
func TestInformationFromDualNumbers(t *testing.T) {
	at := times(warfarinTimes...)
	for _, a := range []Approximation{FOReduced, FOFull, FOFullR1, SecondOrder} {
		got := information(t, informer(t, warfarin2(), warfarinCurve(t), a), 1, at)
		want := information(t, informer(t, warfarin2(), oral(70), a), 1, at)
		for i := range 8 {
			near(t, a.String(), mat.Row(nil, i, got), mat.Row(nil, i, want), 1e-9*mat.Norm(want, 2), 1e-9)
		}
	}
}
