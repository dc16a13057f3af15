package models

import "math"

// The rule of Gauss and Kronrod with 10 and 21 points on [−1, 1] (R. Piessens et al.,
// QUADPACK, Springer 1983): the nodes from −1 to 0, with the weights of both rules.
var (
	kronrodX = [...]float64{
		-0.995657163025808080735527280689, -0.973906528517171720077964012084, -0.930157491355708226001207180060,
		-0.865063366688984510732096688423, -0.780817726586416897063717578345, -0.679409568299024406234327365115,
		-0.562757134668604683339000099273, -0.433395394129247190799265943166, -0.294392862701460198131126603104,
		-0.148874338981631210884826001130, 0,
	}
	kronrodW = [...]float64{
		0.011694638867371874278064396062, 0.032558162307964727478818972459, 0.054755896574351996031381300245,
		0.075039674810919952767043140916, 0.093125454583697605535065465083, 0.109387158802297641899210590326,
		0.123491976262065851077958109585, 0.134709217311473325928054001772, 0.142775938577060080797094273139,
		0.147739104901338491374841515972, 0.149445554002916905664936468390,
	}
	kronrodGauss = [...]float64{ // 0 at the nodes that Kronrod added
		0, 0.066671344308688137593568809893, 0, 0.149451349150580593145863396958, 0,
		0.219086362515982043995534934228, 0, 0.269266719309996355091226921569, 0, 0.295524224714752870173815619189, 0,
	}
)

const (
	linePoints    = 21
	lineTogether  = mixBlock / linePoints // panels that are evaluated at once
	lineReach     = 10.0                  // standard deviations of the truth: 1.5e-23 lies beyond
	lineFar       = 37.0                  // the same for functions that grow like 1/p₀: 1e-299
	lineWidth     = 2.5                   // of a panel, in standard deviations of the truth
	lineHidden    = 6.0                   // width in standard deviations of the student above which it may hide in a panel
	lineMaxPanels = 1 << 13
)

// A lineQuad averages functions over a law on the line, a mixture of normals, by
// Kronrod's rule of 21 points on panels. The first panels are laid out by the
// components of the truth, and its density there is kept. A panel is halved where a
// component of the student could hide in it, and where the rules of 10 and 21 points
// differ by more than the tolerance. The error bound is the sum of these differences
// over the panels that were accepted: the error of the rule of 10 points, while that of
// 21 points is the result. What a call returns depends on its arguments alone.
type lineQuad struct {
	truth *mixComponents
	most  int       // panels
	ends  []float64 // of the intervals that are covered, two for each
	first []linePanel
	x, d  [linePoints]float64 // nodes, and weights of the difference of the rules
	w     [linePoints]float64

	y, logp0 []float64 // of the first panels
	p0       []float64
	block    lineBlock
	level    []linePanel
	next     []linePanel
	whole    []float64 // of the panels of a level, n numbers each
	diff     []float64
	total    []float64 // n: the integrals
	bound    []float64 // n: of their errors
	size     []float64 // n: what the tolerance is relative to, beside the value
	now      []float64 // n: the sum of both
	keep     bool      // keep the accepted nodes, with weights in nodeW
	nodeY    []float64
	nodeW    []float64
	short    bool // the last call ran out of panels
}

// A linePanel is an interval with its place among the first panels, or −1.
type linePanel struct {
	lo, hi float64
	first  int
}

// A lineBlock is where the functions are evaluated.
type lineBlock struct {
	y, logp0 []float64 // n of each
	p0       []float64
	top, sum []float64 // scratch of log p₀
	l, t     []float64
	f        []float64 // rows of mixBlock, one for each function
}

// newLineQuad returns the quadrature over truth, out to reach standard deviations, for
// at most n functions.
func newLineQuad(truth *mixComponents, reach float64, n int) *lineQuad {
	row := func(rows int) []float64 { return make([]float64, rows*mixBlock) }
	q := &lineQuad{truth: truth, most: lineMaxPanels, total: make([]float64, n), bound: make([]float64, n), size: make([]float64, n), now: make([]float64, n)}
	q.block = lineBlock{y: row(1), logp0: row(1), p0: row(1), top: row(1), sum: row(1), l: row(truth.m.k), t: make([]float64, 1), f: row(n)}
	for i := range kronrodX {
		j := linePoints - 1 - i
		q.x[i], q.x[j] = kronrodX[i], -kronrodX[i]
		q.w[i], q.w[j] = kronrodW[i], kronrodW[i]
		q.d[i] = kronrodW[i] - kronrodGauss[i]
		q.d[j] = q.d[i]
	}
	q.layout(reach)
	n = len(q.first) * linePoints
	q.y, q.logp0, q.p0 = make([]float64, n), make([]float64, n), make([]float64, n)
	for i, p := range q.first {
		y := q.y[i*linePoints : (i+1)*linePoints]
		q.nodes(y, p)
		q.block.density(truth, y, q.logp0[i*linePoints:], q.p0[i*linePoints:])
	}
	return q
}

// layout marches through the components in steps of lineWidth standard deviations of
// the narrowest one that is there.
func (q *lineQuad) layout(reach float64) {
	c := q.truth
	at := math.Inf(-1)
	for {
		// next is the end of the panel from at, far the end of all that overlaps at, and
		// start the next component where nothing does.
		next, far, start := math.Inf(1), math.Inf(-1), math.Inf(1)
		for j, w := range c.w {
			sd := c.chol[j]
			lo, hi := c.mu[j]-reach*sd, c.mu[j]+reach*sd
			switch {
			case w == 0 || hi <= at:
			case lo <= at:
				next, far = min(next, at+lineWidth*sd), max(far, hi)
			default:
				next, start = min(next, lo+lineWidth*sd), min(start, lo)
			}
		}
		switch {
		case !math.IsInf(far, -1):
			if start <= far {
				far = math.Inf(1) // the panel may reach into the next component
			}
			to := min(next, far)
			if far-to < 0.2*(to-at) { // no sliver at the end
				to = far
			}
			if !(to > at) {
				return // a component too narrow for the digits of its mean
			}
			q.first = append(q.first, linePanel{at, to, len(q.first)})
			at = to
			q.ends[len(q.ends)-1] = at
		case math.IsInf(start, 1):
			return
		default:
			at = start
			q.ends = append(q.ends, at, at)
		}
	}
}

func (q *lineQuad) nodes(y []float64, p linePanel) {
	mid, half := p.lo+(p.hi-p.lo)/2, (p.hi-p.lo)/2
	for t, x := range q.x {
		y[t] = mid + half*x
	}
}

// density fills logp and p with the density of c at y, at most mixBlock points.
func (b *lineBlock) density(c *mixComponents, y, logp, p []float64) {
	n := len(y)
	for j := range c.m.k {
		c.logDensity(b.l[j*mixBlock:j*mixBlock+n], y, j, c.logc[j], b.t)
	}
	mixLogSum(b.l, c.m.k, n, b.top, b.sum)
	for t := range n {
		logp[t] = b.top[t] + math.Log(b.sum[t])
		p[t] = math.Exp(logp[t])
	}
}

// run integrates p₀ f_i for n functions, with eval filling the rows of the block at its
// first m nodes, and with the components of student in mind. An integral i is good to
// tol × (its value + size[i]) + slack × its last function, where last is a function that
// bounds the rounding of the others.
func (q *lineQuad) run(student *mixComponents, n int, tol, slack float64, eval func(b *lineBlock, m int)) {
	clear(q.total)
	clear(q.bound)
	q.nodeY, q.nodeW = q.nodeY[:0], q.nodeW[:0]
	q.short = false
	q.level = append(q.level[:0], q.first...)
	for used := 0; len(q.level) > 0; q.level, q.next = q.next, q.level {
		q.next = q.next[:0]
		left := 0
		for _, p := range q.level {
			if hides(student, p) {
				q.halve(p)
				continue
			}
			q.level[left] = p
			left++
		}
		q.level = q.level[:left]
		used += left
		last := used+2*len(q.next) > q.most
		if last {
			q.short = q.short || len(q.next) > 0
			q.level, q.next = append(q.level, q.next...), q.next[:0]
		}
		q.evaluate(n, eval)
		q.accept(n, tol, slack, last)
	}
}

// hides says whether a component is so narrow that the nodes of a panel might miss it.
func hides(c *mixComponents, p linePanel) bool {
	for j, sd := range c.chol {
		if p.hi-p.lo > lineHidden*sd && c.mu[j]+lineReach*sd > p.lo && c.mu[j]-lineReach*sd < p.hi {
			return divisible(p)
		}
	}
	return false
}

// divisible says whether the floating-point numbers in a panel are many enough.
func divisible(p linePanel) bool {
	return p.hi-p.lo > 1e-13*max(math.Abs(p.lo), math.Abs(p.hi))
}

func (q *lineQuad) halve(p linePanel) {
	mid := p.lo + (p.hi-p.lo)/2
	q.next = append(q.next, linePanel{p.lo, mid, -1}, linePanel{mid, p.hi, -1})
}

// evaluate fills whole and diff for the panels of the level.
func (q *lineQuad) evaluate(n int, eval func(b *lineBlock, m int)) {
	q.whole, q.diff = q.whole[:0], q.diff[:0]
	b := &q.block
	for at := 0; at < len(q.level); at += lineTogether {
		some := q.level[at:min(at+lineTogether, len(q.level))]
		for i, p := range some {
			lo, hi := i*linePoints, (i+1)*linePoints
			if p.first >= 0 {
				from := p.first * linePoints
				copy(b.y[lo:hi], q.y[from:])
				copy(b.logp0[lo:hi], q.logp0[from:from+linePoints])
				copy(b.p0[lo:hi], q.p0[from:from+linePoints])
				continue
			}
			q.nodes(b.y[lo:hi], p)
			b.density(q.truth, b.y[lo:hi], b.logp0[lo:hi], b.p0[lo:hi])
		}
		eval(b, len(some)*linePoints)
		for i, p := range some {
			half := (p.hi - p.lo) / 2
			p0 := (*[linePoints]float64)(b.p0[i*linePoints:])
			for k := range n {
				f := (*[linePoints]float64)(b.f[k*mixBlock+i*linePoints:])
				var s, d float64
				for t, v := range f {
					v *= p0[t]
					s += q.w[t] * v
					d += q.d[t] * v
				}
				q.whole = append(q.whole, half*s)
				q.diff = append(q.diff, math.Abs(half*d))
			}
		}
	}
}

// accept adds the panels of the level that are good, and halves the others.
func (q *lineQuad) accept(n int, tol, slack float64, last bool) {
	// The tolerance is relative to what is known by now.
	now := q.now
	for k := range n {
		s := q.size[k] + math.Abs(q.total[k])
		for i := k; i < len(q.whole); i += n {
			s += math.Abs(q.whole[i])
		}
		now[k] = s
	}
	for i, p := range q.level {
		whole, diff := q.whole[i*n:(i+1)*n], q.diff[i*n:(i+1)*n]
		good := true
		for k, d := range diff {
			good = good && d <= tol*now[k]+slack*whole[n-1]
		}
		if !good && !last && divisible(p) {
			q.halve(p)
			continue
		}
		q.short = q.short || !good
		for k := range n {
			q.total[k] += whole[k]
			q.bound[k] += diff[k]
		}
		if q.keep {
			q.keepNodes(p)
		}
	}
}

func (q *lineQuad) keepNodes(p linePanel) {
	from := len(q.nodeY)
	for range linePoints {
		q.nodeY = append(q.nodeY, 0)
	}
	y := q.nodeY[from:]
	q.nodes(y, p)
	b := &q.block
	b.density(q.truth, y, b.logp0, b.p0)
	for t, w := range q.w {
		q.nodeW = append(q.nodeW, w*(p.hi-p.lo)/2*b.p0[t])
	}
}

// outside is the mass of c where no panel is.
func (q *lineQuad) outside(c *mixComponents) float64 {
	sum := 0.0
	for j, w := range c.w {
		for i := 0; i <= len(q.ends); i += 2 {
			lo, hi := math.Inf(-1), math.Inf(1)
			if i > 0 {
				lo = (q.ends[i-1] - c.mu[j]) / c.chol[j]
			}
			if i < len(q.ends) {
				hi = (q.ends[i] - c.mu[j]) / c.chol[j]
			}
			if lo < 0 { // erfc keeps its digits above 0
				lo, hi = -hi, -lo
			}
			sum += w * (math.Erfc(lo/math.Sqrt2) - math.Erfc(hi/math.Sqrt2)) / 2
		}
	}
	return sum
}
