package singular

import (
	"errors"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/integrate/quad"
	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

// wide returns the mean field of L layers of weights of one width.
func wide(t *testing.T, act models.Activation, varW, varB float64, depth, width, outputs int) *MeanField {
	t.Helper()
	net := WideNet{Act: act, VarW: varW, VarB: varB, Outputs: outputs}
	for range depth {
		net.Widths = append(net.Widths, width)
	}
	m, err := NewMeanField(net)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The order parameters at α_l = 1. The values come from an independent
// implementation in Python (numpy 1.24, 2026-11): closed forms, and for tanh the
// trapezoidal rule at h = 0.09; printed to eight digits for tanh and six for the
// others.
func TestMeanFieldConstants(t *testing.T) {
	for _, c := range []struct {
		act                                   models.Activation
		varW, varB                            float64
		depth                                 int
		alpha, k1, k2, ntk1, ntk2, met1, met2 float64
	}{
		{models.TanhUnit, 3, 0.64, 2, 1, 1.42263414, 0.09245388, 5.42120372, 1.19672237, 5.40609984, 4.30950342},
		{models.TanhUnit, 3, 0.64, 3, 2, 0.95552190, 0.11861537, 7.46925144, 1.91134081, 8.13806258, 5.62335269},
		{models.TanhUnit, 3, 0.64, 4, 3, 0.80827798, 0.13675027, 9.62160609, 2.67736924, 11.00205116, 6.78101642},
		{models.TanhUnit, 3, 0.64, 6, 5, 0.69304446, 0.15578389, 13.97893786, 4.20417637, 16.79658251, 8.75352218},
		{models.TanhUnit, 1, 0.1, 2, 1, 0.85920796, 0.03463258, 1.00396258, 0.16930201, 1.44754623, 1.34669422},
		{models.TanhUnit, 1, 0.1, 3, 2, 0.39137047, 0.04433555, 0.96787291, 0.25948669, 1.85131967, 1.70815586},
		{models.TanhUnit, 1, 0.1, 4, 3, 0.24481153, 0.05167221, 0.95376409, 0.35789913, 2.19329508, 2.02882491},
		{models.TanhUnit, 1, 0.1, 6, 5, 0.13579646, 0.05893039, 0.94671330, 0.54586184, 2.67731000, 2.51209900},
		{models.ReLUUnit, 2, 0.1, 2, 1, 2.050000, 0.359604, 4.300000, 0.870725, 4.000000, 3.030327},
		{models.ReLUUnit, 2, 0.1, 3, 2, 1.575000, 0.401494, 6.600000, 1.800137, 6.000000, 3.883208},
		{models.ReLUUnit, 2, 0.1, 4, 3, 1.433333, 0.428906, 9.000000, 2.806319, 8.000000, 4.657600},
		{models.ReLUUnit, 2, 0.1, 6, 5, 1.350000, 0.466194, 14.100000, 4.966734, 12.000000, 6.095944},
		{models.ReLUUnit, 2, 0, 2, 1, 2.000000, 0.318310, 4.000000, 0.636620, 4.000000, 3.000000},
		{models.ReLUUnit, 2, 0, 3, 2, 1.500000, 0.342854, 6.000000, 1.371417, 6.000000, 3.809346},
		{models.ReLUUnit, 2, 0, 4, 3, 1.333333, 0.353463, 8.000000, 2.120776, 8.000000, 4.530805},
		{models.ReLUUnit, 2, 0, 6, 5, 1.200000, 0.358439, 12.000000, 3.584392, 12.000000, 5.841468},
		{models.LinearUnit, 1, 0.1, 2, 1, 2.1, 0.1, 2.3, 0.3, 2, 2},
		{models.LinearUnit, 1, 0.1, 3, 2, 1.65, 0.15, 3.6, 0.6, 3, 3},
		{models.LinearUnit, 1, 0.1, 4, 3, 1.533333, 0.2, 5, 1, 4, 4},
		{models.LinearUnit, 1, 0.1, 6, 5, 1.5, 0.3, 8.1, 2.1, 6, 6},
		{models.LinearUnit, 1, 0, 2, 1, 2, 0, 2, 0, 2, 2},
		{models.LinearUnit, 1, 0, 3, 2, 1.5, 0, 3, 0, 3, 3},
		{models.LinearUnit, 1, 0, 4, 3, 1.333333, 0, 4, 0, 4, 4},
		{models.LinearUnit, 1, 0, 6, 5, 1.2, 0, 6, 0, 6, 6},
	} {
		m := wide(t, c.act, c.varW, c.varB, c.depth, 100, 1)
		tol := 6e-7
		if c.act == models.TanhUnit {
			tol = 6e-9
		}
		for _, v := range []struct {
			name      string
			got, want float64
		}{
			{"α", m.Alpha, c.alpha}, {"κ₁", m.Kappa1, c.k1}, {"κ₂", m.Kappa2, c.k2},
			{"κ₁′", m.NTK1, c.ntk1}, {"κ₂′", m.NTK2, c.ntk2}, {"κ̃₁", m.Metric1, c.met1}, {"κ̃₂", m.Metric2, c.met2},
		} {
			if math.Abs(v.got-v.want) > tol {
				t.Errorf("%v (%v, %v), L = %d: %s = %.9f, want %.9f", c.act, c.varW, c.varB, c.depth, v.name, v.got, v.want)
			}
		}
		if centred := c.k2 == 0; m.Centred() != centred {
			t.Errorf("%v (%v, %v): centred is %v", c.act, c.varW, c.varB, m.Centred())
		}
	}
}

// Layer by layer at L = 3, from the same source, to the printed 6 digits.
func TestMeanFieldLayers(t *testing.T) {
	for _, c := range []struct {
		m    *MeanField
		want [6][3]float64 // q_s, q_d, q̂_s, q̂_d, q̃_s, q̃_d
	}{
		{wide(t, models.TanhUnit, 3, 0.64, 3, 10, 1), [6][3]float64{
			{3.640000, 2.501803, 2.316834}, {0.640000, 0.917362, 1.182852}, {1, 0.620601, 0.558945},
			{0, 0.092454, 0.180951}, {0.762268, 0.950419, 1}, {0.265714, 0.608737, 1},
		}},
		{wide(t, models.ReLUUnit, 2, 0.1, 3, 10, 1), [6][3]float64{
			{2.1, 2.2, 2.3}, {0.1, 0.819209, 1.259022}, {1, 1.05, 1.1}, {0, 0.359604, 0.579511}, {1, 1, 1}, {0.32015, 0.621454, 1},
		}},
		{wide(t, models.LinearUnit, 1, 0.1, 3, 10, 1), [6][3]float64{
			{1.1, 1.2, 1.3}, {0.1, 0.2, 0.3}, {1, 1.1, 1.2}, {0, 0.1, 0.2}, {1, 1, 1}, {1, 1, 1},
		}},
	} {
		for i, got := range [][]float64{c.m.QSame, c.m.QDistinct, c.m.QHatSame, c.m.QHatDistinct, c.m.QTildeSame, c.m.QTildeDistinct} {
			for l, want := range c.want[i] {
				if math.Abs(got[l]-want) > 6e-7 {
					t.Errorf("%v: row %d, layer %d: %v, want %v", c.m.Net.Act, i, l, got[l], want)
				}
			}
		}
	}
}

// Every average against nested adaptive-order Gauss-Legendre quadrature of the
// definition, which shares no code with the closed forms or the trapezoidal rule;
// a relu is integrated in angle and radius by its own halves. The reference is
// good to 1e-9.
func TestGaussPair(t *testing.T) {
	const reach = 9
	line := func(f func(z float64) float64) float64 { // split at 0, where relu has its kink
		g := func(z float64) float64 { return f(z) * math.Exp(-z*z/2) / math.Sqrt(2*math.Pi) }
		return quad.Fixed(g, -reach, 0, 160, nil, 0) + quad.Fixed(g, 0, reach, 160, nil, 0)
	}
	for act, phi := range map[models.Activation][2]func(float64) float64{
		models.TanhUnit:   {math.Tanh, func(u float64) float64 { return 1 / (math.Cosh(u) * math.Cosh(u)) }},
		models.LinearUnit: {func(u float64) float64 { return u }, func(float64) float64 { return 1 }},
		models.ErfUnit: {func(u float64) float64 { return math.Erf(u / math.Sqrt2) }, func(u float64) float64 {
			return math.Sqrt(2/math.Pi) * math.Exp(-u*u/2)
		}},
	} {
		for _, ab := range [][2]float64{{1.3, 0.7}, {1.3, 1.3}, {3.64, 0.64}, {0.2, -0.1}, {3.64, 3.5}} {
			a, b := ab[0], ab[1]
			c := b / a
			s := math.Sqrt(1 - c*c)
			want := [2]float64{}
			for i, f := range phi {
				want[i] = line(func(x float64) float64 {
					u := math.Sqrt(a) * x
					return f(u) * line(func(y float64) float64 { return f(c*u + s*math.Sqrt(a)*y) })
				})
			}
			v, d := gaussPair(act, a, b)
			if math.Abs(v-want[0]) > 1e-9 || math.Abs(d-want[1]) > 1e-9 {
				t.Errorf("%v at (%v, %v): %v, %v; quadrature says %v, %v", act, a, b, v, d, want[0], want[1])
			}
		}
	}
	// relu: for correlation c = cos t the pair is positive in a wedge of angle
	// π − t, and E u⁺v⁺ = a/(2π) ∫ sin θ sin(θ+…) over it.
	a, b := 1.3, 0.7
	t0 := math.Acos(b / a)
	wedge := quad.Fixed(func(w float64) float64 { return math.Cos(w) * math.Cos(w-t0) }, t0-math.Pi/2, math.Pi/2, 40, nil, 0)
	v, d := gaussPair(models.ReLUUnit, a, b)
	if math.Abs(v-a/math.Pi*wedge) > 1e-12 || math.Abs(d-(math.Pi-t0)/(2*math.Pi)) > 1e-15 {
		t.Errorf("relu: %v, %v; the wedge says %v, %v", v, d, a/math.Pi*wedge, (math.Pi-t0)/(2*math.Pi))
	}
}

// The step of the trapezoidal rule follows the poles of tanh: halving it changes
// nothing.
func TestTrapezoidConverged(t *testing.T) {
	for _, a := range []float64{0.01, 3.64, 50, 400} {
		z, w := trapezoid(a)
		sum, fine := 0.0, 0.0
		for i, x := range z {
			v := math.Tanh(math.Sqrt(a) * x)
			sum += w[i] * v * v
		}
		h, norm := (z[1]-z[0])/2, 0.0
		for x := -9.0; x <= 9; x += h {
			g := math.Exp(-x * x / 2)
			v := math.Tanh(math.Sqrt(a) * x)
			fine += g * v * v
			norm += g
		}
		if math.Abs(sum-fine/norm) > 1e-12 {
			t.Errorf("a = %v: %v, at half the step %v", a, sum, fine/norm)
		}
	}
}

// Mean, second moment and largest eigenvalue for L = 3, C = 1, N = 100, tanh
// (3, 0.64), to leading order and at finite width; same source as the constants.
func TestRegressionPrediction(t *testing.T) {
	for _, c := range []struct {
		width                              int
		m, s, l, finiteM, finiteS, finiteL float64
	}{
		{200, 0.00477761, 0.04611826, 50.79377, 0.004775641, 0.04826046, 52.67661},
		{400, 0.002388805, 0.04611826, 101.5875, 0.002388318, 0.04718246, 103.4704},
		{800, 0.001194402, 0.04611826, 203.1751, 0.001194281, 0.04664862, 205.0579},
	} {
		m := wide(t, models.TanhUnit, 3, 0.64, 3, c.width, 1)
		lead, err := m.RegressionLimit(100)
		if err != nil {
			t.Fatal(err)
		}
		finite, err := m.Regression(100)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range [][2]float64{{lead.Mean, c.m}, {lead.SecondMoment, c.s}, {lead.LambdaMax, c.l}, {finite.Mean, c.finiteM}, {finite.SecondMoment, c.finiteS}, {finite.LambdaMax, c.finiteL}} {
			if math.Abs(v[0]/v[1]-1) > 2e-6 {
				t.Errorf("M = %d, number %d: %v, want %v", c.width, i, v[0], v[1])
			}
		}
	}
	// Blocks by layer at M = 400, same source: 3.3203, 25.258, 74.892.
	m := wide(t, models.TanhUnit, 3, 0.64, 3, 400, 1)
	for l, want := range []float64{3.3203, 25.258, 74.892} {
		p, err := m.Layer(l+1, 100)
		got := p.LambdaMax
		var centred *CentredError
		if errors.As(err, &centred) {
			got = centred.LowerBound
		}
		if (err != nil) != (l == 0) || math.Abs(got/want-1) > 2e-4 {
			t.Errorf("block %d: %v, error %v, want %v", l+1, got, err, want)
		}
	}
}

// NTK and metric at M = 400, N = 100, tanh; same source, five digits.
func TestKernelPredictions(t *testing.T) {
	m := wide(t, models.TanhUnit, 3, 0.64, 3, 400, 1)
	ntk, err := m.NTK(100)
	if err != nil {
		t.Fatal(err)
	}
	metric, input := m.Metric(100), m.InputMetric(100)
	for i, v := range [][2]float64{
		{ntk.Mean, 7.46973}, {ntk.SecondMoment, 417.468}, {ntk.LambdaMax, 196.693}, // κ₁ of a rougher quadrature: 7e-5 high
		{metric.Mean, 0.00678206}, {metric.SecondMoment, 0.0266403}, {metric.LambdaMax, 5.64852},
		{input.LambdaMax, 0.812}, {input.Mean * 400, 2.287},
	} {
		if math.Abs(v[0]/v[1]-1) > 4e-4 {
			t.Errorf("number %d: %v, want %v", i, v[0], v[1])
		}
	}
	if got := CriticalRate(50, 0.9); got != 0.076 {
		t.Errorf("critical rate %v, want 0.076", got)
	}
}

func TestCentredNetworksAreRefused(t *testing.T) {
	m := wide(t, models.TanhUnit, 3, 0, 3, 400, 3)
	p, err := m.Regression(100)
	var centred *CentredError
	if !errors.As(err, &centred) || m.Regime() != "centred" || !strings.Contains(err.Error(), "random matrix") {
		t.Fatalf("regime %s, error %v", m.Regime(), err)
	}
	// Measured by numpy over many networks: 16.94 ± 0.21; 8.47 is the mean of the
	// bulk, κ₁αM/N.
	if !math.IsNaN(p.LambdaMax) || !math.IsNaN(p.SecondMoment) || p.Outliers != 0 || !(p.Mean > 0) || !(centred.LowerBound > 8.47 && centred.LowerBound < 16.94) {
		t.Errorf("%+v, lower bound %v", p, centred.LowerBound)
	}
	if _, err := m.CrossEntropy(100, 10, rand.New(rand.NewPCG(1, 1))); !errors.As(err, &centred) {
		t.Errorf("cross-entropy: error %v", err)
	}
	if _, err := m.NTK(100); !errors.As(err, &centred) {
		t.Errorf("NTK: error %v", err)
	}
	f := mat.NewDense(4, 3, []float64{1, 2, 0, 0, 1, 5, 3, 1, 2, 0, 2, 1})
	for _, v := range append(m.SoftmaxOutliers(f), m.LayerNormOutliers(f)...) {
		if !math.IsNaN(v) {
			t.Errorf("an outlier %v of a centred network", v)
		}
	}
	// An even part or overlapping inputs lift it.
	for _, net := range []WideNet{
		{Act: models.ReLUUnit, VarW: 2, Widths: []int{10, 10}},
		{Act: models.TanhUnit, VarW: 3, Widths: []int{10, 10}, InputOverlap: 0.2},
	} {
		m, err := NewMeanField(net)
		if err != nil || m.Centred() {
			t.Errorf("%v: error %v", net, err)
		}
	}
	for want, net := range map[string]WideNet{
		"1 layers": {VarW: 1, Widths: []int{3}}, "width 0": {VarW: 1, Widths: []int{3, 0}}, "σ_w² = 0": {Widths: []int{3, 3}},
		"σ_b² = -1": {VarW: 1, VarB: -1, Widths: []int{3, 3}}, "overlap 2": {VarW: 1, Widths: []int{3, 3}, InputOverlap: 2},
		"-1 outputs": {VarW: 1, Widths: []int{3, 3}, Outputs: -1}, "activation(9)": {Act: 9, VarW: 1, Widths: []int{3, 3}},
	} {
		if _, err := NewMeanField(net); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want one with %q", net, err, want)
		}
	}
}

// What is predicted of a normalised output is exact for the kernel of mean field,
// K1 at the same input and K2 at distinct ones, at outputs of the predicted variance.
func TestNormalisedPredictionsAreThoseOfTheLimit(t *testing.T) {
	const n = 7
	m := wide(t, models.TanhUnit, 3, 0.64, 3, 30, 1)
	k := mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			k.SetSym(i, j, m.K2)
		}
		k.SetSym(i, i, m.K1)
	}
	last := len(m.QSame) - 1
	f, sd := mat.NewDense(n, 1, []float64{3, 1, 4, 1, 5, 9, 2}), make([]float64, n)
	f.Scale(math.Sqrt((m.QSame[last]-m.QDistinct[last])*(n-1)/n)/standardize(sd, f.RawMatrix().Data), f)
	d := NewDual(k, n, m.Params())
	for name, c := range map[string]struct {
		dual *Dual
		want Prediction
		rank int
	}{
		"mean subtracted":  {d.MeanSubtracted(), m.MeanSubtracted(n), n - 1},
		"batch normalised": {d.BatchNormalised(f), m.BatchNormalised(n), n - 2},
	} {
		s, err := c.dual.Spectrum()
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(c.dual.Mean()/c.want.Mean-1) > 1e-12 || len(s.NonZero()) != c.rank {
			t.Errorf("%s: mean %v, want %v; %d eigenvalues, want %d", name, c.dual.Mean(), c.want.Mean, len(s.NonZero()), c.rank)
		}
		for _, v := range s.NonZero() {
			if math.Abs(v/c.want.Bulk-1) > 1e-12 {
				t.Errorf("%s: an eigenvalue %v, want %v", name, v, c.want.Bulk)
			}
		}
	}
}

// β₁, β₂, β₃ at C = 10, L = 3 by 200 000 outputs of an independent Monte Carlo
// (numpy 1.24, 2026-11; standard errors in the last digits as given). Nine
// comparisons at 4 combined standard errors: false alarm rate 6e-4, fixed seed.
func TestSoftmaxMoments(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, c := range []struct {
		m    *MeanField
		want [3]Estimate
	}{
		{wide(t, models.TanhUnit, 3, 0.64, 3, 400, 10), [3]Estimate{{0.70377, 85e-5}, {0.08337, 11e-5}, {0.12828, 13e-5}}},
		{wide(t, models.ReLUUnit, 2, 0.1, 3, 400, 10), [3]Estimate{{0.70495, 92e-5}, {0.08606, 12e-5}, {0.12828, 14e-5}}},
		{wide(t, models.LinearUnit, 1, 0.1, 3, 400, 10), [3]Estimate{{0.77944, 29e-5}, {0.07790, 6e-5}, {0.12465, 5e-5}}},
	} {
		draws := 400
		if testing.Short() {
			draws = 60
		}
		p, err := c.m.CrossEntropy(60, draws, rng)
		if err != nil {
			t.Fatal(err)
		}
		for i, got := range []Estimate{p.Beta1, p.Beta2, p.Beta3} {
			if d := got.Value - c.want[i].Value; math.Abs(d) > 4*math.Hypot(got.SE, c.want[i].SE) {
				t.Errorf("%v: β%d = %v ± %v, want %v", c.m.Net.Act, i+1, got.Value, got.SE, c.want[i])
			}
		}
		if len(p.Outliers) != 9 {
			t.Errorf("%d outliers, want C − 1", len(p.Outliers))
		}
	}
}

// Mean eigenvalues of the mean of Q over many inputs, C = 10, tanh: 400 draws of
// an independent Monte Carlo (numpy 1.24, 2026-11). With K1 = K2 = 1 the outliers
// are these eigenvalues. Standard errors of the reference are taken equal to those
// at as many draws here, tolerance 4 of the two combined; the finite number of
// inputs here moves the smallest by 1 %.
func TestMeanEigenvaluesOfQ(t *testing.T) {
	m := wide(t, models.TanhUnit, 3, 0.64, 3, 400, 10)
	m.K1, m.K2 = 1, 1
	draws, inputs := 400, 400
	if testing.Short() {
		draws, inputs = 60, 200
	}
	p, err := m.CrossEntropy(inputs, draws, rand.New(rand.NewPCG(1, 4)))
	if err != nil {
		t.Fatal(err)
	}
	for k, want := range []float64{0.1935, 0.1325, 0.1021, 0.0803, 0.0639, 0.0504, 0.0388, 0.0286, 0.0179} {
		got := p.Outliers[k]
		if math.Abs(got.Value-want) > 4*got.SE*math.Hypot(1, math.Sqrt(float64(draws)/400))+0.01*want {
			t.Errorf("eigenvalue %d: %v ± %v, want %v", k+1, got.Value, got.SE, want)
		}
	}
}

// The outliers by the C×C equation are eigenvalues of the (CN)×(CN) matrix that
// they are derived from, to 1e-9, for the softmax and for layer normalisation, or
// where they reach the bulk lower bounds on them.
func TestOutlierEquation(t *testing.T) {
	const n, c = 40, 4
	m := wide(t, models.ReLUUnit, 2, 0.1, 3, 300, c)
	f := mat.NewDense(n, c, nil)
	if err := m.drawOutputs(f, rand.New(rand.NewPCG(2, 9))); err != nil {
		t.Fatal(err)
	}
	kernel := mat.NewSymDense(n*c, nil)
	for i := range n * c {
		for j := i; j < n*c; j += c {
			kernel.SetSym(i, j, m.K2)
		}
		kernel.SetSym(i, i, m.K1)
	}
	d := NewDual(kernel, n, m.Params())
	for name, pair := range map[string]struct {
		dual *Dual
		got  []float64
	}{
		"softmax":             {d.CrossEntropy(f), m.SoftmaxOutliers(f)},
		"layer normalisation": {d.LayerNormalised(f), m.LayerNormOutliers(f)},
	} {
		s, err := pair.dual.Spectrum()
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range pair.got {
			switch exact := math.Abs(v/s.Values[k]-1) < 1e-9; {
			case k < 2 && !exact:
				t.Errorf("%s: outlier %d is %v, the eigenvalue %v", name, k+1, v, s.Values[k])
			case !exact && v > s.Values[k]:
				t.Errorf("%s: lower bound %v on eigenvalue %d, which is %v", name, v, k+1, s.Values[k])
			}
		}
	}
}

// Heavy-ball descent on a parabola of curvature λ has the transition matrix
// [[1+μ−ηλ, −μ], [1, 0]], which is a contraction exactly below 2(1+μ)/λ.
func TestCriticalRateIsTheEdgeOfStability(t *testing.T) {
	const lambda = 7.0
	for _, mu := range []float64{0, 0.3, 0.9} {
		for ratio, stable := range map[float64]bool{0.1: true, 0.999: true, 1.001: false, 2: false} {
			eta := ratio * CriticalRate(lambda, mu)
			var eig mat.Eigen
			if !eig.Factorize(mat.NewDense(2, 2, []float64{1 + mu - eta*lambda, -mu, 1, 0}), mat.EigenNone) {
				t.Fatal("no eigenvalues")
			}
			radius := 0.0
			for _, v := range eig.Values(nil) {
				radius = max(radius, cmplx.Abs(v))
			}
			if (radius < 1) != stable {
				t.Errorf("μ = %v at %v of the bound: spectral radius %v", mu, ratio, radius)
			}
		}
	}
}
