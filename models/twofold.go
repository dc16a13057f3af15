package models

import "math"

// A twofold is the unevaluated sum of two floats, with about 32 digits (T. Dekker,
// Numerische Mathematik 18 (1971) 224).
type twofold struct{ hi, lo float64 }

// quickSum is exact for |a| ≥ |b|.
func quickSum(a, b float64) twofold {
	s := a + b
	return twofold{s, b - (s - a)}
}

func (x twofold) add(y twofold) twofold {
	s := x.hi + y.hi
	b := s - x.hi
	return quickSum(s, (x.hi-(s-b))+(y.hi-b)+(x.lo+y.lo))
}

func (x twofold) neg() twofold { return twofold{-x.hi, -x.lo} }

func (x twofold) sub(y twofold) twofold { return x.add(y.neg()) }

func (x twofold) mul(y twofold) twofold {
	p := x.hi * y.hi
	return quickSum(p, math.FMA(x.hi, y.hi, -p)+math.FMA(x.hi, y.lo, float64(x.lo*y.hi)))
}

// times is x c for a float c.
func (x twofold) times(c float64) twofold { return x.mul(twofold{c, 0}) }

func (x twofold) div(y twofold) twofold {
	q := x.hi / y.hi
	r := x.sub(y.times(q))
	return quickSum(q, r.hi/y.hi)
}
