package figs

import (
	"math"
	"slices"
)

// A Panel is one plot: axes and the layers on them, drawn in the order in which
// they were added. Values that are not finite, and on a logarithmic axis those
// that are not positive, are left out of the drawing and its CSV. Methods panic
// on slices of unequal length and keep none.
type Panel struct {
	Title, X, Y string // X and Y are the labels of the axes, units included
	LogX, LogY  bool
	// XRange and YRange fix the ends of an axis; both zero means the range of
	// the data. What lies outside is clipped.
	XRange, YRange [2]float64
	// XNames stand at 1, 2, … of the X axis in place of numbers; nil means numbers.
	XNames []string

	layers []layer
}

type kind int

const (
	bars     kind = iota // histogram: x, y, lo, hi = middle, density, edges
	curve                // theory: a plain line
	steps                // distribution function
	points               // cloud
	series               // line with marks and error bars
	locus                // a set in the plane, as the singular set
	guide                // thin dashed reference line
	quantile             // QQ points
	level                // points of one level of an ordered quantity
	broken               // a set in the plane that repels
	orbit                // a path with its direction
	arrows               // a field: x, y, lo, hi = tails and tips
)

var kindNames = [...]string{"histogram", "curve", "cdf", "points", "series", "set", "reference", "qq", "level", "unstable set", "orbit", "field"}

func (k kind) String() string { return kindNames[k] }

// A layer is what one call put on a panel. lo and hi are nil where they do not
// apply.
type layer struct {
	kind         kind
	name         string
	x, y, lo, hi []float64
}

// add appends a layer of the marks that can be drawn.
func (p *Panel) add(l layer) {
	n := len(l.x)
	if len(l.y) != n || l.lo != nil && (len(l.lo) != n || len(l.hi) != n) {
		panic("figs: slice length mismatch")
	}
	p.layers = append(p.layers, p.drawn(l))
}

// drawn is l without the marks that have no place on the axes of the panel.
func (p *Panel) drawn(l layer) layer {
	k := layer{kind: l.kind, name: l.name}
	for i := range l.x {
		if !drawable(l.x[i], p.LogX) || !drawable(l.y[i], p.LogY) {
			continue
		}
		k.x, k.y = append(k.x, l.x[i]), append(k.y, l.y[i])
		if l.lo != nil {
			k.lo, k.hi = append(k.lo, l.lo[i]), append(k.hi, l.hi[i])
		}
	}
	return k
}

func drawable(v float64, log bool) bool {
	return !math.IsNaN(v) && !math.IsInf(v, 0) && (!log || v > 0)
}

// Histogram adds a histogram of values as a density: bars over [lo, hi] whose
// area is the share of values that fall there, so that a density over the whole
// line can be drawn on top. Values outside count in the total and are not drawn.
// Zero bins choose a width by the rule of Freedman and Diaconis (1981) within
// 15 to 60 bars; lo = hi = 0 choose the range of the finite values. On a
// logarithmic axis bars are even there and the density is that per decade.
func (p *Panel) Histogram(name string, values []float64, lo, hi float64, bins int) {
	v := sorted(values)
	to, from := func(x float64) float64 { return x }, func(x float64) float64 { return x }
	total := float64(len(v))
	if p.LogX {
		v = slices.DeleteFunc(v, func(x float64) bool { return !drawable(x, true) })
		to, from = math.Log10, func(x float64) float64 { return math.Pow(10, x) }
	}
	if len(v) == 0 {
		p.add(layer{kind: bars, name: name})
		return
	}
	if lo == hi {
		lo, hi = v[0], v[len(v)-1]
	}
	lo, hi = to(lo), to(hi)
	if lo >= hi {
		lo, hi = lo-0.5, hi+0.5
	}
	if bins <= 0 {
		iqr := to(v[3*len(v)/4]) - to(v[len(v)/4])
		bins = 60
		if width := 2 * iqr / math.Cbrt(float64(len(v))); width > 0 {
			bins = int(math.Ceil(math.Min((hi-lo)/width, 60)))
		}
		bins = max(bins, 15)
	}
	count := make([]int, bins)
	width := (hi - lo) / float64(bins)
	for _, x := range v {
		if x := to(x); x >= lo && x <= hi {
			count[min(int((x-lo)/width), bins-1)]++
		}
	}
	l := layer{kind: bars, name: name}
	for i, c := range count {
		a, b := lo+float64(i)*width, lo+float64(i+1)*width
		l.x, l.y = append(l.x, from((a+b)/2)), append(l.y, float64(c)/(total*width))
		l.lo, l.hi = append(l.lo, from(a)), append(l.hi, from(b))
	}
	p.add(l)
}

// Curve adds a theoretical line.
func (p *Panel) Curve(name string, x, y []float64) { p.add(layer{kind: curve, name: name, x: x, y: y}) }

// Func adds a theoretical line: f at 400 points of [lo, hi], spaced evenly on
// the axis.
func (p *Panel) Func(name string, f func(x float64) float64, lo, hi float64) {
	const n = 400
	x, y := make([]float64, n), make([]float64, n)
	for i := range n {
		t := float64(i) / (n - 1)
		x[i] = lo + t*(hi-lo)
		if p.LogX {
			x[i] = lo * math.Pow(hi/lo, t)
		}
		y[i] = f(x[i])
	}
	p.Curve(name, x, y)
}

// CDF adds the empirical distribution function of values. Infinite values count
// in the total. More than 1000 values are drawn by 1000 of their steps, evenly
// spaced in probability, which moves the line by less than its own width.
func (p *Panel) CDF(name string, values []float64) {
	v := slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	slices.Sort(v)
	const most = 1000
	n := len(v)
	l := layer{kind: steps, name: name}
	for k := 1; k <= min(n, most); k++ {
		i := k
		if n > most {
			i = int(math.Round(float64(k) * float64(n) / most))
		}
		l.x, l.y = append(l.x, v[i-1]), append(l.y, float64(i)/float64(n))
	}
	p.add(l)
}

// QQ adds the ordered values against quantile((i − ½)/n) and, once per panel,
// the diagonal. Beyond 400 values the middle is thinned; the 60 at either end,
// which such a picture is looked at for, are all drawn.
func (p *Panel) QQ(name string, values []float64, q func(prob float64) float64) {
	v := slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	slices.Sort(v)
	n := len(v)
	const most, tail = 400, 60
	step := max(1, n/most)
	l := layer{kind: quantile, name: name}
	lo, hi := math.Inf(1), math.Inf(-1)
	for i := range n {
		if i >= tail && i < n-tail && i%step != 0 {
			continue
		}
		t := q((float64(i) + 0.5) / float64(n))
		l.x, l.y = append(l.x, t), append(l.y, v[i])
		if drawable(t, p.LogX) {
			lo, hi = math.Min(lo, t), math.Max(hi, t)
		}
	}
	at := slices.IndexFunc(p.layers, func(l layer) bool { return l.kind == guide && l.name == diagonal })
	switch {
	case lo >= hi:
	case at < 0:
		p.Reference(diagonal, []float64{lo, hi}, []float64{lo, hi})
	default:
		d := p.layers[at].x
		lo, hi = math.Min(lo, d[0]), math.Max(hi, d[1])
		p.layers[at].x, p.layers[at].y = []float64{lo, hi}, []float64{lo, hi}
	}
	p.add(l)
}

const diagonal = "equal"

// Points adds a cloud of points, thinned to about 5000: see thin. The CSV has the
// points that are drawn.
func (p *Panel) Points(name string, x, y []float64) {
	if len(x) != len(y) {
		panic("figs: slice length mismatch")
	}
	x, y = thin(x, y, 5000)
	p.add(layer{kind: points, name: name, x: x, y: y})
}

// Level adds points at which an ordered quantity has one level. The levels of a
// figure are coloured from dark to light in the order in which they are added.
func (p *Panel) Level(name string, x, y []float64) {
	p.add(layer{kind: level, name: name, x: x, y: y})
}

// Set adds a set in the plane as a strong line, as the singular set under a
// cloud of estimates.
func (p *Panel) Set(name string, x, y []float64) { p.add(layer{kind: locus, name: name, x: x, y: y}) }

// UnstableSet adds a set in the plane that repels what comes near, as a dashed line.
func (p *Panel) UnstableSet(name string, x, y []float64) {
	p.add(layer{kind: broken, name: name, x: x, y: y})
}

// Orbit adds the path of one trajectory, with an arrowhead in the middle of its
// length. The orbits of one name look alike and stand once in the legend.
func (p *Panel) Orbit(name string, x, y []float64) { p.add(layer{kind: orbit, name: name, x: x, y: y}) }

// Field adds short arrows from (x, y) to (toX, toY). Arrows of one length are easiest
// to read.
func (p *Panel) Field(name string, x, y, toX, toY []float64) {
	p.add(layer{kind: arrows, name: name, x: x, y: y, lo: toX, hi: toY})
}

// Series adds measured values y ± 2 se, joined by a thin line. se may be nil; an
// error that is not finite is drawn as none.
func (p *Panel) Series(name string, x, y, se []float64) {
	l := layer{kind: series, name: name, x: x, y: y}
	if se != nil {
		l.lo, l.hi = make([]float64, len(y)), make([]float64, len(y))
		for i := range y {
			e := 2 * se[i]
			if !drawable(e, false) {
				e = 0
			}
			l.lo[i], l.hi[i] = y[i]-e, y[i]+e
		}
	}
	p.add(l)
}

// Reference adds a thin dashed line.
func (p *Panel) Reference(name string, x, y []float64) {
	p.add(layer{kind: guide, name: name, x: x, y: y})
}

// Slope adds the reference line y ∝ x^slope through (x0, y0) from lo to hi, a
// straight one on logarithmic axes.
func (p *Panel) Slope(name string, slope, x0, y0, lo, hi float64) {
	p.Reference(name, []float64{lo, hi}, []float64{y0 * math.Pow(lo/x0, slope), y0 * math.Pow(hi/x0, slope)})
}

// sorted returns the finite values in order.
func sorted(values []float64) []float64 {
	v := make([]float64, 0, len(values))
	for _, x := range values {
		if drawable(x, false) {
			v = append(v, x)
		}
	}
	slices.Sort(v)
	return v
}

// thin returns at most about the given number of the finite points: every k-th,
// which keeps the density in proportion, and the first in each of 60×60 cells
// that would otherwise be empty, which keeps the outliers and the outline.
func thin(x, y []float64, most int) (tx, ty []float64) {
	if len(x) <= most {
		return x, y
	}
	const side = 60
	fx, fy := sorted(x), sorted(y)
	if len(fx) == 0 || len(fy) == 0 {
		return nil, nil
	}
	cell := func(v float64, s []float64) int {
		lo, hi := s[0], s[len(s)-1]
		if lo == hi {
			return 0
		}
		return min(side-1, int(side*(v-lo)/(hi-lo)))
	}
	every := (len(x) + most - 1) / most
	keep := make([]bool, len(x))
	var taken [side * side]bool
	for _, strided := range []bool{true, false} {
		for i := range x {
			if keep[i] || strided && i%every != 0 || !drawable(x[i], false) || !drawable(y[i], false) {
				continue
			}
			at := side*cell(x[i], fx) + cell(y[i], fy)
			if strided || !taken[at] {
				keep[i], taken[at] = true, true
			}
		}
	}
	for i := range x {
		if keep[i] {
			tx, ty = append(tx, x[i]), append(ty, y[i])
		}
	}
	return tx, ty
}
