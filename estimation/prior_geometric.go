package estimation

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"

	"gonum.org/v1/gonum/integrate/quad"
	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

// A Jeffreys is Jeffreys' prior, density ∝ √det F(θ), on a box. It vanishes on the
// singular set, which undoes the singularity: λ ≥ d/2 (Watanabe 2009, theorem 7.2).
type Jeffreys struct {
	m      models.Model
	lo, hi []float64
	norm   float64 // −log ∫ √det F
	pool   *sync.Pool
	grid   int       // cells along a coordinate
	top    []float64 // ceiling of the log-density of s in every cell, without norm
	cum    []float64 // cumulated ceilings of the cells
}

// NewJeffreys returns the prior of up to three coordinates on Π [lo_i, hi_i], for a
// model whose Fisher information needs no Monte Carlo. It wraps ErrImproper where
// the volume ∫ √det F over the box does not settle as its quadrature is refined, as
// it does not where the box reaches a point at which √det F has no integral.
func NewJeffreys(m models.Model, lo, hi []float64) (*Jeffreys, error) {
	d := models.Dim(m)
	if len(lo) != d || len(hi) != d || d < 1 || d > 3 {
		return nil, fmt.Errorf("Jeffreys' prior of %v: a box of %d and %d bounds for %d coordinates: want as many, up to 3", m, len(lo), len(hi), d)
	}
	for i := range lo {
		if !(lo[i] < hi[i]) || math.IsInf(lo[i], 0) || math.IsInf(hi[i], 0) {
			return nil, fmt.Errorf("Jeffreys' prior of %v: bounds %v, %v: want finite ones, the lower first: %w", m, lo[i], hi[i], ErrImproper)
		}
	}
	first, err := newRootDet(m)
	if err != nil {
		return nil, err
	}
	p := &Jeffreys{m: m, lo: lo, hi: hi, pool: &sync.Pool{New: func() any {
		r, _ := newRootDet(m) // it did work once
		return r
	}}}
	// A kink of √|det F| across a line of zeros leaves an error of second order.
	const tol = 1e-4
	const most = 300_000 // nodes
	last := math.NaN()
	for panels := 4; ; panels *= 2 {
		v := p.logVolume(first, panels)
		if math.Abs(v-last) < tol {
			p.norm = -v
			break
		}
		last = v
		if math.IsInf(v, -1) {
			return nil, fmt.Errorf("Jeffreys' prior of %v: √det F vanishes on the whole box: %w", m, ErrImproper)
		}
		if math.Pow(float64(2*panels*jeffreysNodes), float64(d)) > most {
			return nil, fmt.Errorf("Jeffreys' prior of %v: ∫ √det F over the box does not settle within %d nodes, and may be infinite: %w", m, most, ErrImproper)
		}
	}
	p.ceilings(first)
	return p, nil
}

// rootDet is ½ log det F with its scratch.
type rootDet struct {
	f    *singular.Fisher
	info singular.Information
	chol mat.Cholesky
}

func newRootDet(m models.Model) (*rootDet, error) {
	f, err := singular.NewFisher(m, singular.FisherOptions{})
	if err != nil {
		return nil, fmt.Errorf("Jeffreys' prior of %v: %w", m, err)
	}
	return &rootDet{f: f, info: singular.Information{F: mat.NewSymDense(models.Dim(m), nil)}}, nil
}

// at is −Inf where F is singular or θ outside the domain.
func (r *rootDet) at(theta []float64) float64 {
	if r.f.Into(&r.info, theta) != nil || !r.chol.Factorize(r.info.F) {
		return math.Inf(-1)
	}
	return r.chol.LogDet() / 2
}

// jeffreysNodes is the number of nodes of a panel.
const jeffreysNodes = 4

// logVolume is log ∫ √det F by panels of Gauss–Legendre nodes.
func (p *Jeffreys) logVolume(r *rootDet, panels int) float64 {
	const nodes = jeffreysNodes
	x, w := make([]float64, nodes), make([]float64, nodes)
	quad.Legendre{}.FixedLocations(x, w, 0, 1)
	theta := make([]float64, len(p.lo))
	side := panels * nodes
	total := 1
	for range p.lo {
		total *= side
	}
	top, sum := math.Inf(-1), 0.0
	for k := range total {
		weight := 1.0
		for j, rest := 0, k; j < len(theta); j++ {
			i := rest % side
			rest /= side
			s := (float64(i/nodes) + x[i%nodes]) / float64(panels)
			theta[j] = p.point(j, s)
			weight *= w[i%nodes] / float64(panels) * p.stretch(j, s)
		}
		v := r.at(theta)
		if v > top {
			sum *= math.Exp(top - v)
			top = v
		}
		if !math.IsInf(v, -1) {
			sum += weight * math.Exp(v-top)
		}
	}
	return top + math.Log(sum)
}

// point maps s ∈ [0, 1] to coordinate j. Its rate of change, stretch, vanishes at both
// ends, which takes away the inverse square root with which √det F of a probability or of
// an autoregressive coefficient rises at its bounds.
func (p *Jeffreys) point(j int, s float64) float64 {
	return p.lo[j] + (p.hi[j]-p.lo[j])*s*s*(3-2*s)
}

func (p *Jeffreys) stretch(j int, s float64) float64 {
	return (p.hi[j] - p.lo[j]) * 6 * s * (1 - s)
}

// ceilings bounds the density of s in cells by 1.5 times its largest value at 4 points a
// side, the corners among them.
func (p *Jeffreys) ceilings(r *rootDet) {
	const points = 4
	d := len(p.lo)
	p.grid = [...]int{256, 32, 12}[d-1]
	cells, inner := 1, 1
	for range d {
		cells *= p.grid
		inner *= points
	}
	theta := make([]float64, d)
	p.top, p.cum = make([]float64, cells), make([]float64, cells)
	sum := 0.0
	for c := range cells {
		p.top[c] = math.Inf(-1)
		for k := range inner {
			stretch := 1.0
			for j, a, b := 0, c, k; j < d; j++ {
				s := (float64(a%p.grid) + float64(b%points)/(points-1)) / float64(p.grid)
				theta[j] = p.point(j, s)
				stretch *= p.stretch(j, s)
				a /= p.grid
				b /= points
			}
			if stretch > 0 { // at the bounds √det F may be infinite
				p.top[c] = max(p.top[c], r.at(theta)+math.Log(1.5*stretch))
			}
		}
		sum += math.Exp(p.top[c] + p.norm)
		p.cum[c] = sum
	}
}

// Dim implements Prior.
func (p *Jeffreys) Dim() int { return len(p.lo) }

// Shape implements Prior.
func (p *Jeffreys) Shape() models.PriorShape { return models.PriorShape{Jeffreys: true} }

// Box returns the bounds of the support. The caller must not modify them.
func (p *Jeffreys) Box() (lo, hi []float64) { return p.lo, p.hi }

// String implements Prior.
func (p *Jeffreys) String() string { return "Jeffreys on a box" }

// LogDensity implements Prior.
func (p *Jeffreys) LogDensity(theta []float64) float64 {
	if len(theta) != len(p.lo) {
		panic("estimation: slice length mismatch")
	}
	for i, v := range theta {
		if !(v >= p.lo[i] && v <= p.hi[i]) {
			return math.Inf(-1)
		}
	}
	r := p.pool.Get().(*rootDet)
	v := r.at(theta)
	p.pool.Put(r)
	return v + p.norm
}

// Sample implements Prior, by rejection under the ceilings of the cells: exact where
// √det F rises by less than half between neighbouring points of their grid.
func (p *Jeffreys) Sample(dst []float64, rng *rand.Rand) {
	if len(dst) != len(p.lo) {
		panic("estimation: slice length mismatch")
	}
	for {
		u := rng.Float64() * p.cum[len(p.cum)-1]
		lo, hi := 0, len(p.cum)-1
		for lo < hi {
			if mid := (lo + hi) / 2; p.cum[mid] > u {
				hi = mid
			} else {
				lo = mid + 1
			}
		}
		stretch := 1.0
		for j, a := 0, lo; j < len(dst); j++ {
			s := (float64(a%p.grid) + rng.Float64()) / float64(p.grid)
			dst[j] = p.point(j, s)
			stretch *= p.stretch(j, s)
			a /= p.grid
		}
		if math.Log(rng.Float64()) < p.LogDensity(dst)+math.Log(stretch)-p.norm-p.top[lo] {
			return
		}
	}
}

// An ApexPrior is the prior of the cone model with density ∝ |ξ|^k for |ξ| ≤ reach
// and the direction uniform on its sphere: λ = (k+1)/2 at the apex. k = d is
// Jeffreys' prior.
type ApexPrior struct {
	power, reach float64
	lo, hi       []float64
	norm         float64
}

// NewApexPrior returns the prior of a cone. It wraps ErrImproper for an exponent of
// −1 or below, and for a reach that is not finite.
func NewApexPrior(m *models.Cone, power, reach float64) (*ApexPrior, error) {
	if !(power > -1) || math.IsInf(power, 1) || !(reach > 0) || math.IsInf(reach, 1) {
		return nil, fmt.Errorf("prior ∝ |ξ|^%v for |ξ| ≤ %v: want an exponent above −1 and a finite reach above 0: %w", power, reach, ErrImproper)
	}
	params := m.Params()
	d := len(params) - 1
	p := &ApexPrior{power: power, reach: reach, lo: make([]float64, d+1), hi: make([]float64, d+1)}
	p.lo[0], p.hi[0] = math.Max(-reach, params[0].Lo), reach
	p.norm = math.Log(power+1) - (power+1)*math.Log(reach)
	if p.lo[0] < 0 {
		p.norm -= math.Ln2
	}
	for i := 1; i <= d; i++ {
		p.hi[i] = math.Pi
	}
	p.lo[d] = -math.Pi
	area, _ := math.Lgamma(float64(d+1) / 2) // 2 π^((d+1)/2)/Γ((d+1)/2)
	p.norm += area - math.Ln2 - float64(d+1)/2*math.Log(math.Pi)
	return p, nil
}

// Dim implements Prior.
func (p *ApexPrior) Dim() int { return len(p.lo) }

// Shape implements Prior.
func (p *ApexPrior) Shape() models.PriorShape { return models.PriorShape{Power: p.power} }

// Box returns the bounds of the support: canonical angles. The caller must not
// modify them.
func (p *ApexPrior) Box() (lo, hi []float64) { return p.lo, p.hi }

// String implements Prior.
func (p *ApexPrior) String() string { return fmt.Sprintf("|ξ|^%g × uniform directions", p.power) }

// LogDensity implements Prior.
func (p *ApexPrior) LogDensity(theta []float64) float64 {
	if len(theta) != len(p.lo) {
		panic("estimation: slice length mismatch")
	}
	l := p.norm
	d := len(theta) - 1
	for i, v := range theta {
		if !(v >= p.lo[i] && v <= p.hi[i]) {
			return math.Inf(-1)
		}
		if i > 0 && i < d { // the area element of the sphere
			l += float64(d-i) * math.Log(math.Sin(v))
		}
	}
	if p.power != 0 {
		l += p.power * math.Log(math.Abs(theta[0]))
	}
	return l
}

// Sample implements Prior.
func (p *ApexPrior) Sample(dst []float64, rng *rand.Rand) {
	if len(dst) != len(p.lo) {
		panic("estimation: slice length mismatch")
	}
	dst[0] = p.reach * math.Pow(rng.Float64(), 1/(p.power+1))
	if p.lo[0] < 0 && rng.IntN(2) == 0 {
		dst[0] = -dst[0]
	}
	// A normal vector has a uniform direction; its angles from the last one on.
	d := len(dst) - 1
	dst[d] = math.Pi * (2*rng.Float64() - 1)
	rest := math.Hypot(rng.NormFloat64(), rng.NormFloat64())
	for i := d - 1; i >= 1; i-- {
		x := rng.NormFloat64()
		dst[i] = math.Atan2(rest, x)
		rest = math.Hypot(rest, x)
	}
}
