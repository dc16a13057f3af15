package singular

import (
	"math"

	"github.com/neuromanifold/neuromanifold/models"
)

// gaussPair returns E φ(u)φ(v) and E φ′(u)φ′(v) for (u, v) Gaussian with means 0,
// variances a > 0 and covariance b, |b| ≤ a.
func gaussPair(act models.Activation, a, b float64) (value, slope float64) {
	c := max(-1, min(1, b/a))
	switch act {
	case models.LinearUnit:
		return b, 1
	case models.ReLUUnit: // arc-cosine kernels of Cho and Saul (2009)
		angle := math.Acos(c)
		return a / (2 * math.Pi) * (math.Sqrt((1-c)*(1+c)) + c*(math.Pi-angle)), (math.Pi - angle) / (2 * math.Pi)
	case models.ErfUnit: // Williams (1997); the slope is its derivative by b
		return 2 / math.Pi * math.Asin(b/(1+a)), 2 / math.Pi / math.Sqrt((1+a-b)*(1+a+b))
	case models.TanhUnit:
		return tanhPair(a, c)
	}
	panic("singular: unknown activation")
}

// tanhLimit is the largest variance for which the step of trapezoid is fine enough.
const tanhLimit = 2.5e4

// trapezoid returns nodes z on [−9, 9] and weights ∝ e^{−z²/2} that sum to 1, for
// functions of √a·z whose nearest poles are those of tanh, at distance
// d = π/(2√a) from the real axis. The rule's error is e^{−2πd/h}: the step keeps
// it below 1e-15 up to a = tanhLimit, beyond which NewMeanField refuses.
func trapezoid(a float64) (z, w []float64) {
	h := min(0.1, math.Pi/(2*math.Sqrt(a))/5.6)
	n := min(int(math.Ceil(9/h)), 5000)
	h = 9 / float64(n)
	z, w = make([]float64, 2*n+1), make([]float64, 2*n+1)
	sum := 0.0
	for i := range z {
		z[i] = float64(i-n) * h
		w[i] = math.Exp(-z[i] * z[i] / 2)
		sum += w[i]
	}
	for i := range w {
		w[i] /= sum
	}
	return z, w
}

// tanhPair is gaussPair for tanh and correlation c, by the trapezoidal rule on
// the line if c = ±1 and on the product grid if not.
func tanhPair(a, c float64) (value, slope float64) {
	z, w := trapezoid(a)
	root := math.Sqrt(a)
	if c == 1 || c == -1 {
		for i, x := range z {
			t := math.Tanh(root * x)
			d := (1 - t) * (1 + t)
			value += w[i] * t * t
			slope += w[i] * d * d
		}
		return c * value, slope
	}
	s := math.Sqrt((1 - c) * (1 + c))
	for i, x := range z {
		var innerT, innerD float64
		for j, y := range z {
			t := math.Tanh(root * (c*x + s*y))
			innerT += w[j] * t
			innerD += w[j] * (1 - t) * (1 + t)
		}
		t := math.Tanh(root * x)
		value += w[i] * t * innerT
		slope += w[i] * (1 - t) * (1 + t) * innerD
	}
	if c == 0 {
		value = 0 // exactly, where the sum has rounding: it decides the regime
	}
	return value, slope
}
