package models

import (
	"fmt"
	"math"

	"github.com/neuromanifold/neuromanifold/internal/vec"
)

// An Activation is the transfer function φ of the hidden units of a network.
// The zero value is ErfUnit.
type Activation int

const (
	ErfUnit    Activation = iota // φ(h) = erf(h/√2) = 2Φ(h) − 1, the unit with closed-form Gaussian averages
	TanhUnit                     // φ(h) = tanh h
	ReLUUnit                     // φ(h) = max(h, 0)
	LinearUnit                   // φ(h) = h
)

var activationNames = [...]string{"erf", "tanh", "relu", "linear"}

// String returns the name of the activation on the command line.
func (a Activation) String() string {
	if a < 0 || int(a) >= len(activationNames) {
		return fmt.Sprintf("activation(%d)", int(a))
	}
	return activationNames[a]
}

// Odd reports whether φ(−h) = −φ(h), so that a unit keeps its contribution when
// its input and output weights change sign together.
func (a Activation) Odd() bool { return a != ReLUUnit }

// sigmoid reports whether φ is odd, analytic, bounded, and such that units with
// distinct weights (up to sign) are linearly independent, with their
// derivatives: what the results on minimal networks need.
func (a Activation) sigmoid() bool { return a == ErfUnit || a == TanhUnit }

// homogeneous reports whether φ(ch) = cφ(h) for c > 0, so that a unit can be
// rescaled continuously without changing the function.
func (a Activation) homogeneous() bool { return a == ReLUUnit || a == LinearUnit }

// value replaces the pre-activations h by φ(h).
func (a Activation) value(h []float64) {
	switch a {
	case ErfUnit:
		for i, x := range h {
			h[i] = math.Erf(x * (1 / math.Sqrt2))
		}
	case TanhUnit:
		for i, x := range h {
			h[i] = math.Tanh(x)
		}
	case ReLUUnit:
		for i, x := range h {
			h[i] = max(x, 0)
		}
	}
}

// slope replaces the pre-activations h by φ(h) and fills d1 with φ′(h). The
// derivative of max(h, 0) at its kink is taken as 0.
func (a Activation) slope(h, d1 []float64) {
	d1 = d1[:len(h)]
	switch a {
	case ErfUnit:
		for i, x := range h {
			h[i] = math.Erf(x * (1 / math.Sqrt2))
			d1[i] = sqrt2OverPi * math.Exp(-0.5*x*x)
		}
	case TanhUnit:
		for i, x := range h {
			t := math.Tanh(x)
			h[i] = t
			d1[i] = (1 - t) * (1 + t)
		}
	case ReLUUnit:
		for i, x := range h {
			h[i], d1[i] = 0, 0
			if x > 0 {
				h[i], d1[i] = x, 1
			}
		}
	case LinearUnit:
		for i := range h {
			d1[i] = 1
		}
	}
}

// values is value for many units at once, as slopes.
func (a Activation) values(h []float64) {
	switch a {
	case ErfUnit:
		for i, x := range h {
			h[i] = x * (1 / math.Sqrt2)
		}
		vec.Erf(h, h)
	case TanhUnit:
		vec.Tanh(h, h)
	default:
		a.value(h)
	}
}

// slopes is slope for many units at once, where kernels over slices pay: they may
// differ from slope in the last places.
func (a Activation) slopes(h, d1 []float64) {
	d1 = d1[:len(h)]
	switch a {
	case ErfUnit:
		for i, x := range h {
			d1[i] = -0.5 * x * x
			h[i] = x * (1 / math.Sqrt2)
		}
		vec.Erf(h, h)
		vec.Exp(d1, d1)
		for i := range d1 {
			d1[i] *= sqrt2OverPi
		}
	case TanhUnit:
		vec.Tanh(h, h)
		for i, t := range h {
			d1[i] = (1 - t) * (1 + t)
		}
	default:
		a.slope(h, d1)
	}
}

// curvature is slope with φ″(h) in d2, which for max(h, 0) is 0 off the kink.
func (a Activation) curvature(h, d1, d2 []float64) {
	d2 = d2[:len(h)]
	switch a {
	case ErfUnit:
		copy(d2, h)
		a.slope(h, d1)
		for i, x := range d2 {
			d2[i] = -x * d1[i]
		}
	case TanhUnit:
		a.slope(h, d1)
		for i, t := range h {
			d2[i] = -2 * t * d1[i]
		}
	default:
		a.slope(h, d1)
		clear(d2)
	}
}

const sqrt2OverPi = 0.79788456080286535587989211986876 // √(2/π)
