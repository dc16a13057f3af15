package singular

import (
	"math"

	"gonum.org/v1/gonum/integrate/quad"
	"gonum.org/v1/gonum/mathext"
)

// coneLaw is the law of the likelihood ratio of the cone model at its apex,
// Y² with Y = (|Z| + cR)/√(1+c²), or max(0, Z + cR)/√(1+c²) for ξ ≥ 0, where
// Z ~ N(0,1) and R ~ χ_{d+1} are independent: the sufficient statistic √n x̄ is
// N(0, I) for every n, and the maximum over the direction is along its part
// orthogonal to the axis (derived here; Amari, Park and Ozeki, Neural Computation
// 18 (2006) give the large-d form of the mean).
type coneLaw struct {
	d      int
	c      float64
	signed bool
	x, w   []float64 // Gauss-Legendre rule on [0, 1]
}

func newConeLaw(d int, c float64, signed bool) *coneLaw {
	const nodes = 200
	l := &coneLaw{d: d, c: c, signed: signed, x: make([]float64, nodes), w: make([]float64, nodes)}
	quad.Legendre{}.FixedLocations(l.x, l.w, 0, 1)
	return l
}

// integrate returns ∫ f over [a, b].
func (l *coneLaw) integrate(f func(float64) float64, a, b float64) float64 {
	sum := 0.0
	for i, x := range l.x {
		sum += l.w[i] * f(a+(b-a)*x)
	}
	return sum * (b - a)
}

func normalPDF(x float64) float64  { return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) }
func normalTail(x float64) float64 { return math.Erfc(x/math.Sqrt2) / 2 }

// chiTail is P(χ_k > r).
func chiTail(k int, r float64) float64 {
	if r <= 0 {
		return 1
	}
	return mathext.GammaIncRegComp(float64(k)/2, r*r/2)
}

// chiMean is E χ_k^p.
func chiMoment(k int, p float64) float64 {
	a, _ := math.Lgamma((float64(k) + p) / 2)
	b, _ := math.Lgamma(float64(k) / 2)
	return math.Exp(p/2*math.Ln2 + a - b)
}

// overR returns E g(R), R ~ χ_{d+1}, for a smooth g of moderate growth.
func (l *coneLaw) overR(g func(r float64) float64) float64 {
	k := float64(l.d + 1)
	lg, _ := math.Lgamma(k / 2)
	logc := (1-k/2)*math.Ln2 - lg
	mid := math.Sqrt(k) // the standard deviation of χ_k is below 1/√2 … 1
	return l.integrate(func(r float64) float64 {
		if r == 0 {
			return 0
		}
		return g(r) * math.Exp(logc+(k-1)*math.Log(r)-r*r/2)
	}, max(0, mid-10), mid+10)
}

func (l *coneLaw) mean() float64 {
	c, k := l.c, float64(l.d+1)
	if l.signed {
		return (1 + c*c*k + 2*c*math.Sqrt(2/math.Pi)*chiMoment(l.d+1, 1)) / (1 + c*c)
	}
	return l.overR(func(r float64) float64 {
		return (1+c*c*r*r)*normalTail(-c*r) + c*r*normalPDF(c*r)
	}) / (1 + c*c)
}

func (l *coneLaw) atom() float64 {
	if l.signed {
		return 0
	}
	return l.overR(func(r float64) float64 { return normalTail(l.c * r) })
}

func (l *coneLaw) tail(t float64) float64 {
	y := math.Sqrt(t * (1 + l.c*l.c))
	f := func(s float64) float64 { return normalPDF(s) * chiTail(l.d+1, (y-s)/l.c) }
	if l.signed {
		return 2*l.pieces(f, 0, y) + 2*normalTail(y)
	}
	return l.pieces(f, min(-12, y-1), y) + normalTail(y)
}

// pieces integrates f, which changes near 0 on the scale 1 and near the upper
// end on the scale c, over [a, b].
func (l *coneLaw) pieces(f func(float64) float64, a, b float64) float64 {
	// Where Z is as large as 40 its density underflows.
	hi := min(b, 40)
	sum := 0.0
	cut := []float64{a}
	for _, x := range []float64{-6, 0, 6, b - 12*l.c, b - 3*l.c, b - l.c/2} {
		if x > cut[len(cut)-1] && x < hi {
			cut = append(cut, x)
		}
	}
	cut = append(cut, hi)
	for i := 1; i < len(cut); i++ {
		if cut[i] > cut[i-1] {
			sum += l.integrate(f, cut[i-1], cut[i])
		}
	}
	return sum
}

func (l *coneLaw) quantile(p float64) float64 { return solveQuantile(l, p) }

// solveQuantile inverts the tail by bisection on a bracket.
func solveQuantile(d distribution, p float64) float64 {
	if p <= d.atom() {
		return 0
	}
	lo, hi := 0.0, 1.0
	for 1-d.tail(hi) < p {
		lo, hi = hi, 2*hi
	}
	for range 100 {
		mid := (lo + hi) / 2
		if mid <= lo || mid >= hi {
			break
		}
		if d.tail(mid) > 1-p {
			lo = mid
		} else {
			hi = mid
		}
	}
	return (lo + hi) / 2
}

// chiSquared is χ² with k degrees of freedom.
type chiSquared struct{ k int }

func (c chiSquared) mean() float64              { return float64(c.k) }
func (c chiSquared) atom() float64              { return 0 }
func (c chiSquared) tail(t float64) float64     { return chiTail(c.k, math.Sqrt(t)) }
func (c chiSquared) quantile(p float64) float64 { return solveQuantile(c, p) }
