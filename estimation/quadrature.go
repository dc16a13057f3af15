package estimation

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/integrate/quad"

	"github.com/neuromanifold/neuromanifold/models"
)

// QuadratureOptions sets how Integrate works. Its zero value works.
type QuadratureOptions struct {
	// Tol is the error at which refining stops, in nats of the free energy and
	// of the pointwise predictive densities; 0 means 1e-9.
	Tol float64
	// Most is the largest number of nodes; 0 means 5 million.
	Most int
	// Smallest is the smallest β that At will be asked for; 0 means 1/log n.
	// Mass that matters there is not cut away.
	Smallest float64
	// EvidenceOnly keeps no terms, which for many rows do not fit in memory:
	// Draws is empty, and Tol and Err are those of the free energy alone.
	EvidenceOnly bool
}

// An Integrated holds a likelihood on the nodes of a quadrature rule, with which
// every tempered posterior of the model is exact up to the error of the rule.
type Integrated struct {
	N         int       // terms of the likelihood
	LogWeight []float64 // log of quadrature weight × prior density (S)
	LogLik    []float64 // ℓ (S)
	// Err bounds the change of the free energy and of the log predictive
	// densities from the last refinement.
	Err   float64
	Order int // nodes in each coordinate

	bayes Draws // nodes that matter at β = 1, with their terms
}

// Integrate evaluates the likelihood of m given z on a product rule over the
// support of a prior of up to three coordinates that has a box: a BlockPrior of
// uniform and Dirichlet blocks, Jeffreys, ApexPrior. A single weight ~ Dirichlet(α)
// with α < 1 is integrated over t in w/(1−w) = (t/(1−t))^(1/α), where nothing is
// infinite. Every coordinate is cut into panels with
// 10 Gauss–Legendre nodes each; the number of panels doubles until two rules in a
// row agree to Tol. Nodes that no temperature of use can see are dropped, and terms
// are kept for those that matter at β = 1, so that they fit in memory.
func Integrate(ctx context.Context, m models.Model, z *models.Data, prior Prior, opt QuadratureOptions) (*Integrated, error) {
	if opt.Tol == 0 {
		opt.Tol = 1e-9
	}
	if opt.Most == 0 {
		opt.Most = 5_000_000
	}
	d := models.Dim(m)
	axes, err := axesOf(prior)
	if err != nil {
		return nil, err
	}
	if d != len(axes) || d > 3 {
		return nil, fmt.Errorf("%v has %d coordinates, the prior %d: quadrature takes the same number, up to 3", m, d, len(axes))
	}
	l, err := m.Bind(z)
	if err != nil {
		return nil, err
	}
	if opt.Smallest == 0 {
		opt.Smallest = 1 / math.Log(max(float64(l.N()), math.E))
	}
	var last *Integrated
	for panels := 1; ; panels *= 2 {
		order := 10 * panels
		if math.Pow(float64(order), float64(d)) > float64(opt.Most) {
			if last == nil {
				return nil, fmt.Errorf("%d nodes do not hold 10 in each of %d coordinates", opt.Most, d)
			}
			return last, nil
		}
		g, err := product(ctx, l, prior, axes, panels, opt)
		if err != nil {
			return nil, err
		}
		g.Err = math.Inf(1)
		if last != nil {
			g.Err = g.distance(last)
			if g.Err < opt.Tol {
				return g, nil
			}
		}
		last = g
	}
}

// An axis is the range of one coordinate. With alpha above 0 it is [0, 1] under a
// density ∝ (w(1−w))^(alpha−1) that is infinite at its ends.
type axis struct{ lo, hi, alpha float64 }

// at maps t ∈ (0, 1) to the coordinate, and returns the logarithm of its derivative.
func (a axis) at(t float64) (x, logSlope float64) {
	if a.alpha == 0 {
		return a.lo + (a.hi-a.lo)*t, math.Log(a.hi - a.lo)
	}
	x = 1 / (1 + math.Pow((1-t)/t, 1/a.alpha))
	x = min(x, math.Nextafter(1, 0)) // the density is finite there
	return x, math.Log(x * (1 - x) / (a.alpha * t * (1 - t)))
}

// axesOf returns the box of the support of a prior.
func axesOf(prior Prior) ([]axis, error) {
	if b, ok := prior.(interface{ Box() (lo, hi []float64) }); ok {
		lo, hi := b.Box()
		axes := make([]axis, len(lo))
		for i := range axes {
			axes[i] = axis{lo: lo[i], hi: hi[i]}
		}
		return axes, nil
	}
	p, ok := prior.(*BlockPrior)
	if !ok {
		return nil, fmt.Errorf("quadrature needs a bounded support: the prior %v has none", prior)
	}
	axes := make([]axis, p.dim)
	for _, b := range p.blocks {
		for j := b.At; j < b.At+b.N; j++ {
			switch b.Kind {
			case models.PriorUniform:
				axes[j] = axis{lo: b.A, hi: b.B}
			case models.PriorDirichlet:
				axes[j] = axis{hi: 1}
				if b.N == 1 && b.A < 1 {
					axes[j].alpha = b.A
				}
			case models.PriorStationary, models.PriorInvertible:
				if b.N > 1 {
					return nil, fmt.Errorf("quadrature needs a box: the %v prior of %d coordinates has none", b.Kind, b.N)
				}
				axes[j] = axis{lo: -1, hi: 1}
			default:
				return nil, fmt.Errorf("quadrature needs a bounded support: a %v prior has none", b.Kind)
			}
		}
	}
	return axes, nil
}

const nodesPerPanel = 10

func product(ctx context.Context, l models.Likelihood, prior Prior, axes []axis, panels int, opt QuadratureOptions) (*Integrated, error) {
	d := len(axes)
	x0, w0 := make([]float64, nodesPerPanel), make([]float64, nodesPerPanel)
	quad.Legendre{}.FixedLocations(x0, w0, 0, 1)
	order := panels * nodesPerPanel
	x, w := make([]float64, order), make([]float64, order)
	for p := range panels {
		for i := range x0 {
			x[p*nodesPerPanel+i] = (float64(p) + x0[i]) / float64(panels)
			w[p*nodesPerPanel+i] = math.Log(w0[i] / float64(panels))
		}
	}
	total := 1
	for range d {
		total *= order
	}
	logw, ll := make([]float64, total), make([]float64, total)
	theta := make([]float64, d)
	node := func(k int) (weight float64) {
		for j := range d {
			i := k % order
			k /= order
			var slope float64
			theta[j], slope = axes[j].at(x[i])
			weight += w[i] + slope
		}
		return weight
	}
	top := math.Inf(-1)
	for k := range total {
		if k%4096 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		logw[k] = node(k) + prior.LogDensity(theta)
		ll[k] = math.Inf(-1)
		if !math.IsInf(logw[k], -1) {
			ll[k] = l.LogLik(theta)
		}
		top = max(top, logw[k]+opt.Smallest*ll[k])
	}
	if math.IsInf(top, -1) {
		return nil, ErrNoMass
	}
	// e⁻³⁶ = 2e-16 of the largest.
	const cut = 36
	g := &Integrated{N: l.N(), Order: order}
	var at []int
	for k := range total {
		if logw[k]+opt.Smallest*ll[k] > top-cut {
			g.LogWeight = append(g.LogWeight, logw[k])
			g.LogLik = append(g.LogLik, ll[k])
			at = append(at, k)
		}
	}
	if opt.EvidenceOnly {
		return g, nil
	}
	mass := g.weights(1)
	largest := slices.Max(mass)
	var kept []int
	for i := range at {
		if mass[i] > largest*math.Exp(-cut) {
			kept = append(kept, i)
		}
	}
	g.bayes = Draws{N: g.N, Weight: make([]float64, len(kept)), LogLik: make([]float64, len(kept)), Terms: make([]float64, len(kept)*g.N)}
	for s, i := range kept {
		node(at[i])
		l.Terms(g.bayes.Terms[s*g.N:(s+1)*g.N], theta)
		g.bayes.Weight[s], g.bayes.LogLik[s] = mass[i], g.LogLik[i]
	}
	return g, nil
}

// distance is the largest change of what the two rules say.
func (g *Integrated) distance(o *Integrated) float64 {
	d := math.Abs(g.FreeEnergy(1) - o.FreeEnergy(1))
	a, b := g.bayes.predictive(), o.bayes.predictive()
	for i := range a {
		d = max(d, math.Abs(a[i]-b[i]))
	}
	return d
}

// FreeEnergy returns −log ∫ φ exp(βℓ) dθ in nats.
func (g *Integrated) FreeEnergy(beta float64) float64 {
	top := math.Inf(-1)
	for k, w := range g.LogWeight {
		top = max(top, w+beta*g.LogLik[k])
	}
	var s float64
	for k, w := range g.LogWeight {
		s += math.Exp(w + beta*g.LogLik[k] - top)
	}
	return -top - math.Log(s)
}

// MeanNL returns E_β[−ℓ(θ)] in nats: WBIC at β = 1/log n.
func (g *Integrated) MeanNL(beta float64) float64 {
	var s float64
	for k, w := range g.weights(beta) {
		if w > 0 {
			s -= w * g.LogLik[k]
		}
	}
	return s
}

// Draws returns the posterior at β = 1 as weighted draws.
func (g *Integrated) Draws() Draws { return g.bayes }

// weights are the normalised posterior weights at β.
func (g *Integrated) weights(beta float64) []float64 {
	f := g.FreeEnergy(beta)
	w := make([]float64, len(g.LogWeight))
	for k := range w {
		w[k] = math.Exp(g.LogWeight[k] + beta*g.LogLik[k] + f)
	}
	return w
}

// Draws are draws of a posterior, with the terms of the likelihood on them: what
// WAIC, DIC and leave-one-out need.
type Draws struct {
	Weight []float64 // normalised (S); nil for equal weights
	LogLik []float64 // ℓ (S)
	Terms  []float64 // log p(y_t | y_<t, x_t; θ_s), S×n, row-major
	N      int
}

// predictive returns log E[p(y_i)] for every term.
func (d Draws) predictive() []float64 {
	out, top := make([]float64, d.N), make([]float64, d.N)
	for i := range top {
		top[i] = math.Inf(-1)
	}
	for s, w := range d.Weight {
		if w > 0 {
			for i, t := range d.Terms[s*d.N : (s+1)*d.N] {
				top[i] = max(top[i], t)
			}
		}
	}
	for s, w := range d.Weight {
		for i, t := range d.Terms[s*d.N : (s+1)*d.N] {
			out[i] += w * math.Exp(t-top[i])
		}
	}
	for i := range out {
		out[i] = top[i] + math.Log(out[i])
	}
	return out
}

// S is the number of draws.
func (d Draws) S() int { return len(d.LogLik) }

// DrawsOf evaluates the terms of l on the rows of a Tempered.
func DrawsOf(l models.Likelihood, t *Tempered) Draws {
	s, _ := t.Theta.Dims()
	d := Draws{LogLik: t.LogLik, N: l.N(), Terms: make([]float64, s*l.N())}
	for i := range s {
		l.Terms(d.Terms[i*d.N:(i+1)*d.N], t.Theta.RawRowView(i))
	}
	return d
}
