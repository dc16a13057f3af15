package models

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/integrate/quad"
)

// An mlpAxis is a quadrature rule on a line, in units of the standard deviation
// of the inputs, its weights with the density.
type mlpAxis struct {
	x, w, edges []float64
}

const (
	normalEnd    = 9.5 // N(0,1) has 2e-21 beyond: nothing, even against x²
	panelNodes   = 16
	maxAxisNodes = 800 // of a two-dimensional rule: beyond, the error bound tells
)

// gauss16 is the rule of panelNodes nodes on [-1, 1].
var gauss16 = func() (g struct{ x, w [panelNodes]float64 }) {
	quad.Legendre{}.FixedLocations(g.x[:], g.w[:], -1, 1)
	return g
}()

// setAxes chooses the nodes for the weights at hand.
func (q *mlpFactor) setAxes(theta []float64, refine int) {
	for c := range q.k {
		ax := &q.axes[c]
		if q.k == 1 {
			ax.grade(q, theta)
			ax.panels(refine, q.uniform)
			continue
		}
		steep := 0.0
		for i := range q.m.s.Hidden {
			steep = max(steep, math.Abs(q.proj[i*q.k+c]))
		}
		if q.uniform {
			ax.even(math.Sqrt(3), min(1, 1.5/steep), refine)
			ax.panels(0, true)
		} else {
			ax.trapezoid(q.m.s.Act, steep, refine)
		}
	}
}

// grade sets the edges of the panels in one dimension: even ones no wider than
// 1.5, and around the centre of each steep unit panels that grow from its width
// 1/|w| by factors of two. On every panel tanh and erf are then analytic in an
// ellipse in which 16 nodes give about 1e-16; relu is a polynomial.
func (ax *mlpAxis) grade(q *mlpFactor, theta []float64) {
	end := normalEnd
	if q.uniform {
		end = math.Sqrt(3)
	}
	ax.edges = ax.edges[:0]
	n := math.Ceil(2 * end / 1.5)
	for k := range int(n) + 1 {
		ax.edges = append(ax.edges, end*(2*float64(k)/n-1))
	}
	add := func(e float64) {
		if e > -end && e < end {
			ax.edges = append(ax.edges, e)
		}
	}
	for i, slope := range q.proj {
		if slope == 0 {
			continue
		}
		centre := 0.0
		if q.m.s.Bias {
			centre = -theta[i*q.m.rowIn+q.m.s.In] / slope
		}
		add(centre)
		if q.m.s.Act.homogeneous() {
			continue
		}
		step := 1 / math.Abs(slope)
		for doublings := 0; step < 1 && doublings < 100; doublings++ {
			add(centre - step)
			add(centre + step)
			step *= 2
		}
	}
	slices.Sort(ax.edges)
	ax.edges = slices.CompactFunc(ax.edges, func(a, b float64) bool { return math.Abs(b-a) < 1e-13 })
}

// split adds an edge at e, unless that is outside, NaN or an edge already.
func (ax *mlpAxis) split(e float64) {
	k, _ := slices.BinarySearch(ax.edges, e)
	if k > 0 && k < len(ax.edges) && e-ax.edges[k-1] > 1e-13 && ax.edges[k]-e > 1e-13 {
		ax.edges = slices.Insert(ax.edges, k, e)
	}
}

// even sets edges on [-end, end] no further apart than width.
func (ax *mlpAxis) even(end, width float64, refine int) {
	n := min(math.Ceil(2*end/width)*float64(int(1)<<refine), maxAxisNodes/panelNodes)
	ax.edges = ax.edges[:0]
	for k := range int(n) + 1 {
		ax.edges = append(ax.edges, end*(2*float64(k)/n-1))
	}
}

// panels puts the 16-node Gauss rule on each panel, halved `refine` times.
func (ax *mlpAxis) panels(refine int, uniform bool) {
	ax.x, ax.w = ax.x[:0], ax.w[:0]
	parts := 1 << refine
	for e := range len(ax.edges) - 1 {
		lo, width := ax.edges[e], (ax.edges[e+1]-ax.edges[e])/float64(parts)
		for p := range parts {
			mid := lo + (float64(p)+0.5)*width
			for k, g := range gauss16.x {
				x := mid + 0.5*width*g
				w := 0.5 * width * gauss16.w[k]
				if uniform {
					w *= 0.5 / math.Sqrt(3)
				} else {
					w *= normalDensity(x)
				}
				ax.x, ax.w = append(ax.x, x), append(ax.w, w)
			}
		}
	}
}

func normalDensity(x float64) float64 {
	return math.Exp(-0.5*x*x) / math.Sqrt(2*math.Pi)
}

// trapezoid sets the trapezoidal rule for N(0,1), which converges geometrically
// for analytic integrands: the error is about exp(−2πa/h) for poles at distance
// a from the axis (tanh of slope s: π/2s), and exp(−2π²/(h²p)) for a Gaussian of
// precision p (erf: φ′² of slope s has 1 + 2s²).
func (ax *mlpAxis) trapezoid(act Activation, steep float64, refine int) {
	h := 0.7
	switch act {
	case ErfUnit:
		h /= math.Sqrt(1 + 2*steep*steep)
	case TanhUnit:
		h = min(h, 0.27/steep)
	}
	n := min(math.Ceil(normalEnd/h), maxAxisNodes/4) * float64(int(1)<<refine)
	h = normalEnd / n
	ax.x, ax.w = ax.x[:0], ax.w[:0]
	for k := -int(n); k <= int(n); k++ {
		x := float64(k) * h
		ax.x, ax.w = append(ax.x, x), append(ax.w, h*normalDensity(x))
	}
}
