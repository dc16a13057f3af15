package design

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// A Regression is a model with one independent variable in which every
// observation is independent of the others: the information of one at t is
// f(t)f(t)ᵀ, with f the gradient of the mean over the standard deviation (for
// errors whose variance carries no information of its own, or is not used).
type Regression struct {
	Dim int // p, the number of parameters
	// Gradient writes f(t) into dst (p). It must be finite on the interval.
	Gradient func(dst []float64, t float64)
	Lo, Hi   float64 // the interval of t
	// Grid is the number of points among which local maxima are looked for; 0
	// means 400. With Log they are spaced evenly in ln t (Lo > 0).
	Grid int
	Log  bool
}

// A Point is a support point with its weight.
type Point struct{ X, Weight float64 }

// A RegressionDesign is the certified optimal design of a Regression.
type RegressionDesign struct {
	Points []Point
	Value  float64
	// MaxSensitivity is the largest φ over the whole interval, located by local
	// searches from the best points of the grid, and Bound what it must not
	// exceed.
	MaxSensitivity, Bound float64
	EfficiencyBound       float64
	M                     *mat.SymDense
	Iter                  int
	Status                Status
}

func (r *Regression) check() error {
	if r.Dim < 1 || r.Gradient == nil {
		panic("design: a regression needs parameters and a gradient")
	}
	if !(r.Hi > r.Lo) || math.IsInf(r.Hi-r.Lo, 0) || r.Log && !(r.Lo > 0) {
		return fmt.Errorf("design: interval [%v, %v]: want a finite interval with lower < upper, above 0 on a log grid", r.Lo, r.Hi)
	}
	return nil
}

func (r *Regression) grid() []float64 {
	n := r.Grid
	if n == 0 {
		n = 400
	}
	g := make([]float64, n)
	for i := range g {
		u := float64(i) / float64(n-1)
		if r.Log {
			g[i] = r.Lo * math.Pow(r.Hi/r.Lo, u)
		} else {
			g[i] = r.Lo + u*(r.Hi-r.Lo)
		}
	}
	g[n-1] = r.Hi
	return g
}

func (r *Regression) information(t float64) (*mat.SymDense, error) {
	f := mat.NewVecDense(r.Dim, nil)
	r.Gradient(f.RawVector().Data, t)
	for i := range r.Dim {
		if v := f.AtVec(i); math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("design: the gradient at %v is not finite", t)
		}
	}
	m := mat.NewSymDense(r.Dim, nil)
	m.SymRankOne(m, 1, f)
	return m, nil
}

// Optimize returns the design that maximises the criterion over all designs on
// the interval: weights are optimised on a finite set of points, the local maxima
// of the sensitivity over the interval join the set, points without weight leave
// it, until the largest sensitivity is within tol of its bound (0 means 1e-9).
// A criterion that is infinite on every regular design has its optimum at a
// singular one: see Elfving.
func (r *Regression) Optimize(ctx context.Context, c Criterion, tol float64) (*RegressionDesign, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	if tol == 0 {
		tol = 1e-9
	}
	if c == nil {
		c = D{}
	}
	// A start of few points, evenly spread.
	grid := r.grid()
	set := spread(grid, max(4*r.Dim, 12))
	out := &RegressionDesign{Status: IterationLimit}
	var start []float64
	var tops []peak
	for out.Iter = 1; out.Iter <= 100; out.Iter++ {
		var err error
		if tops, err = r.weigh(ctx, out, c, set, start, grid, tol); err != nil {
			return nil, err
		}
		if out.MaxSensitivity <= out.Bound*(1+tol) {
			out.Status = Optimal
			break
		}
		set, start = r.join(out.Points, tops, out.Bound)
	}
	// The sensitivity is flat around a point of support: a certificate to tol
	// leaves it uncertain by √tol, and several close points may share its weight.
	// Exchanging every cluster for the peak that it lies under converges like
	// Remez's algorithm.
	for range 4 {
		clusters := merge(out.Points, 1e-3*(r.Hi-r.Lo))
		set, start = set[:0], start[:0]
		for _, p := range clusters {
			best := p.X
			for _, q := range tops {
				if math.Abs(q.x-p.X) < 1e-2*(r.Hi-r.Lo) && (best == p.X || math.Abs(q.x-p.X) < math.Abs(best-p.X)) {
					best = q.x
				}
			}
			if n := len(set); n == 0 || best > set[n-1] {
				set, start = append(set, best), append(start, p.Weight)
			}
		}
		next := &RegressionDesign{Status: out.Status, Iter: out.Iter}
		peaks, err := r.weigh(ctx, next, c, set, start, grid, tol)
		if err != nil || next.Value < out.Value-tol*(1+math.Abs(out.Value)) {
			break
		}
		out, tops = next, peaks
	}
	if out.Status == Optimal && out.MaxSensitivity > out.Bound*(1+10*tol) {
		out.Status = Stalled
	}
	return out, nil
}

// weigh optimises the weights of the points in set, fills out with the design and
// its certificate over the interval, and returns the peaks of the sensitivity.
func (r *Regression) weigh(ctx context.Context, out *RegressionDesign, c Criterion, set, start, grid []float64, tol float64) ([]peak, error) {
	p := &Problem{}
	for _, t := range set {
		m, err := r.information(t)
		if err != nil {
			return nil, err
		}
		p.Info = append(p.Info, m)
	}
	d, err := p.Optimize(ctx, Options{Criterion: c, Tol: tol / 10, Start: start, MaxIter: 2000})
	if err != nil {
		return nil, err
	}
	ev, err := c.Evaluator(r.Dim)
	if err != nil {
		return nil, err
	}
	if !ev.Set(d.M) {
		return nil, singularError(d.M, nil)
	}
	g := mat.NewSymDense(r.Dim, nil)
	ev.Gradient(g)
	peaks, top := r.peaks(grid, func(f []float64) float64 { return quadratic(g, f) })
	out.Value, out.Bound, out.MaxSensitivity, out.M = d.Value, d.Bound, top, d.M
	out.EfficiencyBound = min(1, d.Bound/top)
	out.Points = out.Points[:0]
	for _, j := range d.Support {
		out.Points = append(out.Points, Point{set[j], d.Weights[j]})
	}
	return peaks, nil
}

func spread(grid []float64, n int) []float64 {
	n = min(n, len(grid))
	out := make([]float64, n)
	for i := range out {
		out[i] = grid[i*(len(grid)-1)/(n-1)]
	}
	return slices.Compact(out)
}

func quadratic(g *mat.SymDense, f []float64) float64 {
	v := mat.NewVecDense(len(f), f)
	return mat.Inner(v, g, v)
}

// A peak is a local maximum of a function over the interval.
type peak struct{ x, value float64 }

// peaks returns the local maxima of a function of f(t): those of the grid,
// refined by golden sections, and the largest value.
func (r *Regression) peaks(grid []float64, of func(f []float64) float64) ([]peak, float64) {
	f := make([]float64, r.Dim)
	at := func(t float64) float64 {
		r.Gradient(f, t)
		return of(f)
	}
	v := make([]float64, len(grid))
	for i, t := range grid {
		v[i] = at(t)
	}
	var out []peak
	top := math.Inf(-1)
	for i := range grid {
		if i > 0 && v[i-1] > v[i] || i < len(grid)-1 && v[i+1] > v[i] {
			continue
		}
		x, best := golden(at, grid[max(0, i-1)], grid[min(len(grid)-1, i+1)])
		if v[i] >= best {
			x, best = grid[i], v[i]
		}
		out = append(out, peak{x, best})
		top = max(top, best)
	}
	return out, top
}

// golden returns the maximum of a function on [a, b], and its place to about the
// root of the rounding error, which is where a maximum ends to be visible.
func golden(f func(float64) float64, a, b float64) (x, value float64) {
	const ratio = 0.6180339887498949
	c, d := b-ratio*(b-a), a+ratio*(b-a)
	fc, fd := f(c), f(d)
	for range 80 {
		if fc >= fd {
			b, d, fd = d, c, fc
			c = b - ratio*(b-a)
			fc = f(c)
		} else {
			a, c, fc = c, d, fd
			d = a + ratio*(b-a)
			fd = f(d)
		}
		if b-a <= 1e-10*(math.Abs(a)+math.Abs(b)) {
			break
		}
	}
	if fc >= fd {
		return c, fc
	}
	return d, fd
}

// join returns the next set of points: those with weight and the peaks that
// matter, ascending, with the old weights as a start to which the new points add
// a little.
func (r *Regression) join(points []Point, peaks []peak, bound float64) (set, start []float64) {
	all := slices.Clone(points)
	for _, p := range peaks {
		if p.value > 0.5*bound {
			all = append(all, Point{p.x, 0})
		}
	}
	slices.SortFunc(all, func(a, b Point) int {
		switch {
		case a.X < b.X:
			return -1
		case a.X > b.X:
			return 1
		}
		return 0
	})
	for _, p := range all {
		if n := len(set); n > 0 && p.X-set[n-1] <= 1e-13*(math.Abs(p.X)+1) {
			start[n-1] += p.Weight
			continue
		}
		set, start = append(set, p.X), append(start, p.Weight)
	}
	return set, start
}

// merge joins points closer than delta into their weighted mean.
func merge(points []Point, delta float64) []Point {
	var out []Point
	for _, p := range points {
		if p.Weight < 1e-9 {
			continue
		}
		if n := len(out); n > 0 && p.X-out[n-1].X < delta {
			q := &out[n-1]
			w := q.Weight + p.Weight
			q.X, q.Weight = (q.X*q.Weight+p.X*p.Weight)/w, w
			continue
		}
		out = append(out, p)
	}
	var sum float64
	for _, p := range out {
		sum += p.Weight
	}
	for i := range out {
		out[i].Weight /= sum
	}
	return out
}
