package singular

import (
	"fmt"
	"math"
)

// A Gumbel is the law P(T ≤ t) = exp(−e^{−(t−Location)/2}) to which statistics at
// singular truths with an unbounded index set tend, with a location that grows
// without bound. It is an approximation for enormous n and poor at real n: for
// the contaminated normal at n = 10⁴ the statistic has mean 1.70 ± 0.17 where the
// Gumbel law says 0.39, while its 95 % point 5.27 against 5.18 is usable (from
// n = 10³ on). Prefer a bounded law or a bootstrap.
type Gumbel struct{ Location float64 }

// GumbelContaminated is the limit of the statistic of (1−a)N(0,1) + aN(b,1) at
// a = 0 with b unbounded: location log log n − log(2π²). Derived here: W is
// locally stationary with correlation e^{−(b−b')²/2} on an effective range of
// length √(2 log n), beyond which the central limit theorem fails, and crosses a
// level u upwards at rate e^{−u²/2}/2π; compare Bickel and Chernoff (1993) and Liu
// and Shao (2004). It returns an error for n < 3.
func GumbelContaminated(n float64) (Gumbel, error) {
	if !(n >= 3) {
		return Gumbel{}, fmt.Errorf("singular: the Gumbel law of %v observations", n)
	}
	return Gumbel{math.Log(math.Log(n)) - math.Log(2*math.Pi*math.Pi)}, nil
}

// GumbelARMA is the limit of the statistic of ARMA(1,1) on white noise with an
// unbounded root: location 2 log log n − 2 log π. Derived here: the process is
// stationary in artanh ρ on a length log n, since roots nearer to the unit circle
// than 1/n cannot be told from it, and |W| crosses u upwards at rate e^{−u²/2}/π;
// the growth log log n is in Hannan (1982) and Veres (1987). It returns an error
// for n < 3.
func GumbelARMA(n float64) (Gumbel, error) {
	if !(n >= 3) {
		return Gumbel{}, fmt.Errorf("singular: the Gumbel law of %v observations", n)
	}
	return Gumbel{2*math.Log(math.Log(n)) - 2*math.Log(math.Pi)}, nil
}

// CDF returns P(T ≤ t).
func (g Gumbel) CDF(t float64) float64 { return math.Exp(-math.Exp(-(t - g.Location) / 2)) }

// Mean returns Location + 2γ, γ Euler's constant. It may be negative, which no
// statistic is: a measure of how far away the limit is.
func (g Gumbel) Mean() float64 {
	const euler = 0.57721566490153286
	return g.Location + 2*euler
}

// Quantile returns the p-quantile, 0 < p < 1; NaN outside.
func (g Gumbel) Quantile(p float64) float64 { return g.Location - 2*math.Log(-math.Log(p)) }
