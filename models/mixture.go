package models

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
)

// MixtureVariance says what the covariance of a Gaussian component may be.
type MixtureVariance int

const (
	VarFree      MixtureVariance = iota // a variance (dim > 1: a full covariance) for each component
	VarTied                             // one variance or full covariance for all components
	VarKnown                            // the known standard deviation Sigma; dim = 1 only
	VarDiag                             // a diagonal covariance for each component; dim > 1 only
	VarSpherical                        // a multiple of the identity for each component; dim > 1 only
)

// MixtureSettings are the settings of NewMixture. The zero value is two
// components in one dimension, each with a variance of its own.
type MixtureSettings struct {
	K        int             // components; 0 means 2
	Dim      int             // dimension of an observation; 0 means 1
	Variance MixtureVariance // what is free in the covariances
	Sigma    float64         // standard deviation under VarKnown; 0 means 1
	Bound    float64         // |μ| ≤ Bound for every coordinate of every mean; 0 means no bound
	Floor    float64         // variance floor as a fraction of the sample variance; 0 means 1e-6
}

const (
	mixMaxK   = 256
	mixMaxDim = 64
)

// A Mixture is the family p(y) = Σ_i π_i N(y; μ_i, Σ_i) of K Gaussian
// components. θ holds π_1 … π_{K−1}; the means, component by component; and
// then the variances: K of them (VarFree, VarSpherical), one (VarTied), none
// (VarKnown); in more than one dimension covariances as upper triangles row by
// row (VarFree, VarTied) or Dim variances each (VarDiag). The last weight is
// π_K = 1 − Σ π_i.
//
// The domain is π_i ≥ 0, Σ π_i ≤ 1, variances > 0 (covariances positive
// definite) and |μ| ≤ Bound. Unless the variance is known or tied the
// likelihood is unbounded there: a component on one observation with variance
// v → 0 gains −½ log v. LogLik is finite for every positive variance, so that
// the growth can be studied, but no maximiser follows it: EMStep and Start keep
// every variance at or above Floor × the sample variance, in every direction if
// Dim > 1 (uᵀΣu ≥ Floor · uᵀSu for all u, S the sample covariance), and Floored
// reports the coordinates that sit there.
//
// Singular set: two equal components (overlap), where only the sum of their
// weights matters, and a zero weight (elimination), where the component's mean
// and variance do not matter.
type Mixture struct {
	k, dim   int
	variance MixtureVariance
	sigma    float64
	bound    float64 // +Inf where there is none
	floor    float64

	params []Param
	nTri   int // dim(dim+1)/2
	perVar int // variance coordinates of a block
	blocks int // variance blocks: K, 1 or 0
	mean0  int // index of the first mean
	var0   int // index of the first variance
}

// NewMixture returns the family with the given settings. The error names the
// setting that is not allowed.
func NewMixture(s MixtureSettings) (*Mixture, error) {
	m := &Mixture{
		k: cmp.Or(s.K, 2), dim: cmp.Or(s.Dim, 1), variance: s.Variance,
		sigma: cmp.Or(s.Sigma, 1), bound: cmp.Or(s.Bound, math.Inf(1)), floor: cmp.Or(s.Floor, 1e-6),
	}
	switch {
	case m.k < 1 || m.k > mixMaxK:
		return nil, fmt.Errorf("mixture: K = %d: allowed is 1 to %d", m.k, mixMaxK)
	case m.dim < 1 || m.dim > mixMaxDim:
		return nil, fmt.Errorf("mixture: Dim = %d: allowed is 1 to %d", m.dim, mixMaxDim)
	case m.variance < VarFree || m.variance > VarSpherical:
		return nil, fmt.Errorf("mixture: no variance structure %d", int(m.variance))
	case m.variance == VarKnown && m.dim > 1:
		return nil, fmt.Errorf("mixture: a known standard deviation is for one dimension, not %d", m.dim)
	case (m.variance == VarDiag || m.variance == VarSpherical) && m.dim == 1:
		return nil, fmt.Errorf("mixture: diagonal and spherical covariances are for more than one dimension")
	case !(m.sigma > 0) || math.IsInf(m.sigma, 0):
		return nil, fmt.Errorf("mixture: Sigma = %v: allowed is a finite number above 0", m.sigma)
	case !(m.bound > 0):
		return nil, fmt.Errorf("mixture: Bound = %v: allowed is a number above 0", m.bound)
	case !(m.floor > 0 && m.floor < 1):
		return nil, fmt.Errorf("mixture: Floor = %v: allowed is a number between 0 and 1", m.floor)
	}
	m.nTri = m.dim * (m.dim + 1) / 2
	m.blocks, m.perVar = m.k, m.nTri
	switch m.variance {
	case VarTied:
		m.blocks = 1
	case VarKnown:
		m.blocks, m.perVar = 0, 0
	case VarDiag:
		m.perVar = m.dim
	case VarSpherical:
		m.perVar = 1
	}
	m.mean0 = m.k - 1
	m.var0 = m.mean0 + m.k*m.dim
	m.params = m.makeParams()
	return m, nil
}

func (m *Mixture) makeParams() []Param {
	ps := make([]Param, 0, m.var0+m.blocks*m.perVar)
	for i := range m.k - 1 {
		ps = append(ps, Param{Name: "pi" + strconv.Itoa(i+1), Lo: 0, Hi: 1,
			Doc: fmt.Sprintf("weight of component %d", i+1)})
	}
	for i := range m.k {
		for a := range m.dim {
			p := Param{Name: "mu" + strconv.Itoa(i+1), Lo: -m.bound, Hi: m.bound,
				Doc: fmt.Sprintf("mean of component %d", i+1)}
			if m.dim > 1 {
				p.Name += "_" + strconv.Itoa(a+1)
				p.Doc += fmt.Sprintf(", coordinate %d", a+1)
			}
			ps = append(ps, p)
		}
	}
	for i := range m.blocks {
		no, of := strconv.Itoa(i+1), fmt.Sprintf(" of component %d", i+1)
		if m.variance == VarTied {
			no, of = "", " of every component"
		}
		switch {
		case m.perVar == 1:
			ps = append(ps, Param{Name: "var" + no, Lo: 0, Hi: math.Inf(1), Doc: "variance" + of + ", above 0"})
		case m.variance == VarDiag:
			for a := range m.dim {
				ps = append(ps, Param{Name: fmt.Sprintf("var%s_%d", no, a+1), Lo: 0, Hi: math.Inf(1),
					Doc: fmt.Sprintf("variance%s in coordinate %d, above 0", of, a+1)})
			}
		default:
			for a := range m.dim {
				for b := a; b < m.dim; b++ {
					p := Param{Name: fmt.Sprintf("cov%s_%d_%d", no, a+1, b+1), Lo: math.Inf(-1), Hi: math.Inf(1),
						Doc: fmt.Sprintf("covariance%s of coordinates %d and %d", of, a+1, b+1)}
					if a == b {
						p.Lo = 0
					}
					ps = append(ps, p)
				}
			}
		}
	}
	return ps
}

// Settings returns the settings with their defaults filled in.
func (m *Mixture) Settings() MixtureSettings {
	s := MixtureSettings{K: m.k, Dim: m.dim, Variance: m.variance, Bound: m.bound, Floor: m.floor}
	if m.variance == VarKnown {
		s.Sigma = m.sigma
	}
	if math.IsInf(s.Bound, 1) {
		s.Bound = 0
	}
	return s
}

// Params returns pi1 …, mu1 …, var1 …; see Mixture for the order.
func (m *Mixture) Params() []Param { return m.params }

// Shape returns Dim modelled columns of exchangeable rows.
func (m *Mixture) Shape() Shape { return Shape{Q: m.dim} }

// String returns the text form that Parse reads, without settings at their
// defaults except k.
func (m *Mixture) String() string {
	s := "mixture:k=" + strconv.Itoa(m.k)
	if m.dim > 1 {
		s += ",dim=" + strconv.Itoa(m.dim)
		if m.variance != VarFree {
			s += ",cov=" + [...]string{"full", "tied", "", "diag", "spherical"}[m.variance]
		}
	} else if m.variance == VarTied {
		s += ",sd=tied"
	} else if m.variance == VarKnown {
		s += ",sd=" + formatNumber(m.sigma)
	}
	if !math.IsInf(m.bound, 1) {
		s += ",bound=" + formatNumber(m.bound)
	}
	if m.floor != 1e-6 {
		s += ",floor=" + formatNumber(m.floor)
	}
	return s
}

func formatNumber(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// K returns the number of components.
func (m *Mixture) K() int { return m.k }

// weights fills dst (K) with all K weights, and reports whether they are
// non-negative and sum to 1. A last weight that is negative by no more than
// rounding of the sum is 0.
func (m *Mixture) weights(dst, theta []float64) bool {
	rest := 1.0
	for i := range m.k - 1 {
		w := theta[i]
		if !(w >= 0) {
			return false
		}
		dst[i] = w
		rest -= w
	}
	if rest < 0 && rest > -1e-15*float64(m.k) {
		rest = 0
	}
	dst[m.k-1] = rest
	return rest >= 0
}

// covariance fills dst (dim×dim, row-major) with Σ_i.
func (m *Mixture) covariance(dst, theta []float64, i int) {
	if m.variance == VarKnown {
		dst[0] = m.sigma * m.sigma
		return
	}
	if m.variance == VarTied {
		i = 0
	}
	v := theta[m.var0+i*m.perVar : m.var0+(i+1)*m.perVar]
	clear(dst[:m.dim*m.dim])
	switch m.variance {
	case VarDiag:
		for a := range m.dim {
			dst[a*m.dim+a] = v[a]
		}
	case VarSpherical:
		for a := range m.dim {
			dst[a*m.dim+a] = v[0]
		}
	default:
		t := 0
		for a := range m.dim {
			for b := a; b < m.dim; b++ {
				dst[a*m.dim+b], dst[b*m.dim+a] = v[t], v[t]
				t++
			}
		}
	}
}

// Sample draws rows independently: a component by its weight, then a normal.
// It panics if θ lies outside the domain.
func (m *Mixture) Sample(z *Data, theta []float64, rng *rand.Rand) {
	checkLen(len(theta), len(m.params))
	if z.P != 0 || z.Q != m.dim {
		panic(badShape)
	}
	c := m.newComponents()
	if !c.set(theta) {
		panic("models: sample from a mixture outside its domain")
	}
	e := make([]float64, m.dim)
	for t := range z.N {
		u := rng.Float64()
		j := 0
		for ; j < m.k-1; j++ {
			if u -= c.w[j]; u < 0 {
				break
			}
		}
		for a := range e {
			e[a] = rng.NormFloat64()
		}
		y, l, mu := z.Y(t), c.chol[j*m.dim*m.dim:], c.mu[j*m.dim:]
		for a := range y {
			s := mu[a]
			for b := range a + 1 {
				s += l[a*m.dim+b] * e[b]
			}
			y[a] = s
		}
	}
}

// CheckDomain reports weights that sum to more than 1 and covariances that are
// not positive definite.
func (m *Mixture) CheckDomain(theta []float64) error {
	checkLen(len(theta), len(m.params))
	c := m.newComponents()
	if !m.weights(c.w, theta) {
		return fmt.Errorf("the weights pi1 … pi%d sum to more than 1", m.k-1)
	}
	for i := range m.blocks {
		m.covariance(c.cov, theta, i)
		if !cholesky(c.chol[:m.dim*m.dim], c.cov[:m.dim*m.dim], m.dim) {
			if m.dim == 1 {
				return fmt.Errorf("%s = %v must be above 0", m.params[m.var0+i].Name, theta[m.var0+i])
			}
			return fmt.Errorf("the covariance of component %d is not positive definite", i+1)
		}
	}
	return nil
}

// Canonicalize sorts the components by their means, ascending (by the first
// coordinate that differs if Dim > 1); equal means by variance, then weight.
func (m *Mixture) Canonicalize(theta []float64) {
	checkLen(len(theta), len(m.params))
	if m.k == 1 {
		return
	}
	w := make([]float64, m.k)
	m.weights(w, theta)
	order := make([]int, m.k)
	for i := range order {
		order[i] = i
	}
	old := slices.Clone(theta)
	mean := func(i int) []float64 { return old[m.mean0+i*m.dim : m.mean0+(i+1)*m.dim] }
	vars := func(i int) []float64 {
		if m.blocks < m.k {
			return nil
		}
		return old[m.var0+i*m.perVar : m.var0+(i+1)*m.perVar]
	}
	byLaw := func(i, j int) int {
		return cmp.Or(slices.Compare(mean(i), mean(j)), slices.Compare(vars(i), vars(j)), cmp.Compare(w[i], w[j]))
	}
	if slices.IsSortedFunc(order, byLaw) {
		return // keeps the last weight, hence θ, to the bit
	}
	slices.SortStableFunc(order, byLaw)
	for to, from := range order {
		if to < m.k-1 {
			theta[to] = w[from]
		}
		copy(theta[m.mean0+to*m.dim:], mean(from))
		if m.blocks == m.k {
			copy(theta[m.var0+to*m.perVar:], vars(from))
		}
	}
}
