package models

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/integrate/quad"
	"gonum.org/v1/gonum/mat"
)

// Fisher returns the Fisher information per observation: in closed form for one
// component, by quadrature in one and two dimensions, and nil otherwise.
//
// In one dimension the quadrature is adaptive Gauss-Legendre on panels laid out
// by the components; the error bound is the sum over the panels of the change
// when a panel is halved, which is far above the error of the halved rule that
// is returned. In two dimensions it is the trapezoidal rule in the whitened
// coordinates of each component, the bound the change when the nodes are doubled.
//
// Where a weight is 0 and its component has too wide a variance (in one
// dimension at least twice the largest among the components that are present)
// the entry of that weight is infinite, and F holds +Inf there, or NaN where
// infinities of both signs would meet.
func (m *Mixture) Fisher() (f func(dst *mat.SymDense, theta []float64) (errBound float64), route Route) {
	if m.k == 1 {
		p := m.newPoint()
		return func(dst *mat.SymDense, theta []float64) float64 {
			checkSym(dst, len(m.params))
			p.mustSet(theta)
			p.normalInformation(dst)
			return 0
		}, Exact
	}
	if m.dim > 2 {
		return nil, MonteCarlo
	}
	q := newMixQuad(m, false)
	return func(dst *mat.SymDense, theta []float64) float64 {
		d := len(m.params)
		checkSym(dst, d)
		q.run(theta)
		t := 0
		for a := range d {
			for b := a; b < d; b++ {
				switch s := int(q.infinite[t]); s {
				case 0:
					dst.SetSym(a, b, q.total[t])
				case mixBothSigns:
					dst.SetSym(a, b, math.NaN())
				default:
					dst.SetSym(a, b, math.Inf(s))
				}
				t++
			}
		}
		return slices.Max(q.err)
	}, Quadrature
}

// FisherFactor returns R with F = RᵀR: one row √(w p(y)) s(y)ᵀ for every node y of
// the quadrature that Fisher uses, the scores computed without cancellation. The
// singular values of R have relative accuracy about 1e-16 σ_max/σ_min where the
// eigenvalues of F have the square of that: at separation u the smallest
// eigenvalue ∝ u⁶ keeps seven digits at u = 10⁻³.
// An infinite entry of F shows as a row with +Inf in its coordinate.
func (m *Mixture) FisherFactor() (f func(theta []float64) *mat.Dense, route Route) {
	d := len(m.params)
	if m.k == 1 {
		p := m.newPoint()
		info := mat.NewSymDense(d, nil)
		l := make([]float64, d*d)
		r := mat.NewDense(d, d, nil)
		return func(theta []float64) *mat.Dense {
			p.mustSet(theta)
			p.normalInformation(info)
			cholesky(l, info.RawSymmetric().Data, d)
			for a := range d {
				for b := range d {
					r.Set(a, b, l[b*d+a])
				}
			}
			return r
		}, Exact
	}
	if m.dim > 2 {
		return nil, MonteCarlo
	}
	q := newMixQuad(m, true)
	return func(theta []float64) *mat.Dense {
		q.run(theta)
		for i := range m.k - 1 {
			if q.infinite[i*d-i*(i-1)/2] != 0 {
				row := make([]float64, d)
				row[i] = math.Inf(1)
				q.rows = append(q.rows, row...)
			}
		}
		return mat.NewDense(len(q.rows)/d, d, q.rows)
	}, Quadrature
}

// normalInformation is the information of a single normal: Σ⁻¹ for the mean and
// ½ tr(Σ⁻¹ ∂_aΣ Σ⁻¹ ∂_bΣ) for the covariance.
func (p *mixPoint) normalInformation(info *mat.SymDense) {
	m, d := p.m, p.m.dim
	info.Zero()
	inv := p.inverse(0)
	for a := range d {
		for b := a; b < d; b++ {
			info.SetSym(a, b, inv[a*d+b])
		}
	}
	if m.blocks == 0 {
		return
	}
	if d == 1 {
		info.SetSym(1, 1, 0.5*inv[0]*inv[0])
		return
	}
	basis := make([]float64, d*d)
	theta := make([]float64, len(m.params))
	row := make([]float64, len(m.params))
	for i := range m.perVar {
		// G = Σ⁻¹ ∂_iΣ Σ⁻¹; then ½ tr(G ∂_jΣ) for all j at once.
		clear(theta)
		theta[m.var0+i] = 1
		m.covariance(basis, theta, 0)
		var g mat.Dense
		s := mat.NewDense(d, d, inv)
		g.Product(s, mat.NewDense(d, d, basis), s)
		clear(row)
		m.addVarianceScore(row, g.RawMatrix().Data, 0, 0.5)
		for j := i; j < m.perVar; j++ {
			info.SetSym(m.var0+i, m.var0+j, row[m.var0+j])
		}
	}
}

const (
	mixPanelPoints = 12    // Gauss-Legendre points per panel
	mixTolerance   = 1e-12 // change on halving, relative to √(F_aa F_bb)
	mixMaxPanels   = 4096
)

// mixQuad integrates s sᵀ p. It owns scratch, and allocates nothing once its
// slices have grown.
type mixQuad struct {
	*mixPoint
	keep bool      // keep the rows of the factor
	rows []float64 // √(w p) s of the accepted nodes

	x, wt       []float64 // Gauss-Legendre nodes and weights on [-1, 1]
	cuts        []float64
	panels      [][2]float64
	total, err  []float64 // packed upper triangles
	whole, half []float64
	scale       []float64 // √F_aa, or 1 where it is infinite
	infinite    []int8    // of every entry: 0, or what divergent says
	s           []float64 // a score
	ghosts      []mixGhost
	y           []float64
}

func newMixQuad(m *Mixture, keep bool) *mixQuad {
	d := len(m.params)
	n := d * (d + 1) / 2
	q := &mixQuad{mixPoint: m.newPoint(), keep: keep,
		x: make([]float64, mixPanelPoints), wt: make([]float64, mixPanelPoints),
		total: make([]float64, n), err: make([]float64, n), whole: make([]float64, n), half: make([]float64, n), infinite: make([]int8, n),
		scale: make([]float64, d), s: make([]float64, d), y: make([]float64, m.dim)}
	quad.Legendre{}.FixedLocations(q.x, q.wt, -1, 1)
	return q
}

// run computes the integral at θ into q.total, with the error bounds in q.err.
func (q *mixQuad) run(theta []float64) {
	q.mustSet(theta)
	q.setGhosts()
	q.setInfinite()
	q.rows = q.rows[:0]
	if q.m.dim == 2 {
		q.grid()
		return
	}
	q.layout()
	clear(q.total)
	for i := range len(q.cuts) - 1 {
		q.panel(q.total, q.cuts[i], q.cuts[i+1], false)
	}
	q.setScale()
	clear(q.total)
	clear(q.err)
	done := 0
	for i := range len(q.cuts) - 1 {
		q.panels = append(q.panels[:0], [2]float64{q.cuts[i], q.cuts[i+1]})
		for len(q.panels) > 0 {
			lo, hi := q.panels[len(q.panels)-1][0], q.panels[len(q.panels)-1][1]
			q.panels = q.panels[:len(q.panels)-1]
			mid := lo + (hi-lo)/2
			mark := len(q.rows)
			clear(q.whole)
			clear(q.half)
			q.panel(q.whole, lo, hi, false)
			q.panel(q.half, lo, mid, q.keep)
			q.panel(q.half, mid, hi, q.keep)
			done++
			if !q.agrees() && done < mixMaxPanels && mid > lo && mid < hi {
				q.rows = q.rows[:mark]
				q.panels = append(q.panels, [2]float64{mid, hi}, [2]float64{lo, mid})
				continue
			}
			for t, x := range q.half {
				q.total[t] += x
				if q.infinite[t] == 0 {
					q.err[t] += math.Abs(x - q.whole[t])
				}
			}
		}
	}
}

// setScale reads the scale of every coordinate from q.total.
func (q *mixQuad) setScale() {
	t := 0
	for a := range q.scale {
		q.scale[a] = 1
		if q.infinite[t] == 0 {
			q.scale[a] = math.Sqrt(q.total[t])
		}
		t += len(q.scale) - a
	}
}

// agrees reports whether halving the panel changed the integral by little.
func (q *mixQuad) agrees() bool {
	t := 0
	for a, sa := range q.scale {
		for _, sb := range q.scale[a:] {
			if q.infinite[t] == 0 && !(math.Abs(q.half[t]-q.whole[t]) <= mixTolerance*sa*sb) {
				return false
			}
			t++
		}
	}
	return true
}

// panel adds the Gauss-Legendre value of ∫ s sᵀ p over [lo, hi] to sum.
func (q *mixQuad) panel(sum []float64, lo, hi float64, keep bool) {
	mid, r := lo+(hi-lo)/2, (hi-lo)/2
	for i, x := range q.x {
		q.y[0] = mid + r*x
		q.node(sum, r*q.wt[i], keep)
	}
}

// node adds w p(y) s sᵀ at y = q.y to sum.
func (q *mixQuad) node(sum []float64, w float64, keep bool) {
	q.atNode(q.y, w)
	q.score(q.s)
	t := 0
	for a, sa := range q.s {
		for _, sb := range q.s[a:] {
			sum[t] += sa * sb
			t++
		}
	}
	if keep {
		q.rows = append(q.rows, q.s...)
	}
}

// layout lays out the panels: two standard deviations wide around every
// component, out to where φ_j²/p is negligible. For a weight π_j > 0 it is at
// most φ_j/π_j, so that the range grows as √(−2 log π_j); for π_j = 0 it is a
// normal density of its own, a ghost.
func (q *mixQuad) layout() {
	q.cuts = q.cuts[:0]
	narrow := math.Inf(1)
	for j, pi := range q.w {
		sd := math.Sqrt(q.cov[j])
		narrow = min(narrow, sd)
		q.addCuts(q.mu[j], sd, mixReach(pi))
	}
	for _, g := range q.ghosts {
		narrow = min(narrow, g.chol[0])
		q.addCuts(g.mu[0], g.chol[0], mixReach(1))
	}
	slices.Sort(q.cuts)
	last := q.cuts[len(q.cuts)-1]
	n := 1
	for _, c := range q.cuts[1:] {
		if c-q.cuts[n-1] > 0.3*narrow {
			q.cuts[n] = c
			n++
		}
	}
	q.cuts = q.cuts[:n]
	if q.cuts[n-1] < last {
		q.cuts = append(q.cuts, last)
	}
}

func (q *mixQuad) addCuts(mu, sd, reach float64) {
	n := int(math.Ceil(reach))
	for i := -n; i <= n; i += 2 {
		q.cuts = append(q.cuts, mu+sd*float64(i))
	}
	q.cuts = append(q.cuts, mu+sd*float64(n))
}

// mixReach is the distance in standard deviations at which φ/π falls to e^{-50}.
func mixReach(pi float64) float64 {
	if pi == 0 {
		pi = 1
	}
	return math.Sqrt(2 * (50 - math.Log(pi)))
}
