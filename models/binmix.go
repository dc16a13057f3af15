package models

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// BinMixSettings selects a mixture of binomials.
type BinMixSettings struct {
	K      int // components; 0 means 2
	Trials int // trials N of one observation; 0 means 5
}

// A BinMix is a mixture of K binomial laws with N trials. Its coordinates are
// the weights π₁…π_{K−1} and the probabilities p₁…p_K; one observation is a
// count 0…N. The sample space has N+1 points, so that every expectation is a
// finite sum and every quantity of this family is exact.
type BinMix struct {
	s      BinMixSettings
	choose []float64 // log binomial coefficients of N trials
	fewer  []float64 // those of N−1 trials
	params []Param
}

// NewBinMix returns the model of s, or an error that says what is allowed.
func NewBinMix(s BinMixSettings) (*BinMix, error) {
	if s.K == 0 {
		s.K = 2
	}
	if s.Trials == 0 {
		s.Trials = 5
	}
	if s.K < 1 {
		return nil, fmt.Errorf("binmix: k = %d: allowed is 1 or more", s.K)
	}
	if s.Trials < 1 {
		return nil, fmt.Errorf("binmix: trials = %d: allowed is 1 or more", s.Trials)
	}
	m := &BinMix{s: s, choose: logChoose(s.Trials), fewer: logChoose(s.Trials - 1)}
	for i := range s.K - 1 {
		m.params = append(m.params, Param{Name: fmt.Sprintf("pi%d", i+1), Lo: 0, Hi: 1, Doc: fmt.Sprintf("weight of component %d", i+1)})
	}
	for i := range s.K {
		m.params = append(m.params, Param{Name: fmt.Sprintf("p%d", i+1), Lo: 0, Hi: 1, Doc: fmt.Sprintf("success probability of component %d", i+1)})
	}
	return m, nil
}

var _ = register(Family{
	Name:   "binmix",
	Doc:    "mixture of binomials: a singular model on a finite sample space",
	Coords: "π₁…π_{k−1}, then k probabilities",
	Keys: []Key{
		{"k", "2", "number of components"},
		{"trials", "5", "trials N of one observation (a count from 0 to N)"},
	},
	About: `p(y) = Σ π_i Bin(y; N, p_i), y = 0…N.

Singular set: two equal probabilities (overlap) or a zero weight (elimination).
With N < 2k−1 trials the parameters are not identifiable anywhere: the law has N
free cells for 2k−1 parameters.

Learning coefficient with r < k interior binomials as the truth: (3r+k−2)/4, m = 1, for
N ≥ 2r trials and uniform weights (derived here; Dirichlet weights as for normal
mixtures of known variance); (2k−1)/2 where r = k and N ≥ 2k−1.`,
	Refs: []string{
		"K. Yamazaki, S. Watanabe (2003), Singularities in mixture models and upper bounds of stochastic complexity, Neural Networks 16:1029-1038",
		"M. Drton, M. Plummer (2017), A Bayesian information criterion for singular models, JRSS B 79:323-380",
	},
	New: func(s *Settings) (Model, error) {
		return NewBinMix(BinMixSettings{K: s.Int("k", 1, 1000), Trials: s.Int("trials", 1, 1000)})
	},
})

// String returns the model as Parse takes it.
func (m *BinMix) String() string { return fmt.Sprintf("binmix:k=%d,trials=%d", m.s.K, m.s.Trials) }

// Settings returns the settings with their defaults filled in.
func (m *BinMix) Settings() BinMixSettings { return m.s }

// Params returns the weights and the probabilities.
func (m *BinMix) Params() []Param { return m.params }

// Shape returns one modelled column, the count.
func (m *BinMix) Shape() Shape { return Shape{Q: 1} }

// CheckDomain implements Domainer.
func (m *BinMix) CheckDomain(theta []float64) error {
	sum := 0.0
	for _, w := range theta[:m.s.K-1] {
		sum += w
	}
	if sum > 1 {
		return fmt.Errorf("(weights sum to %v, allowed is at most 1)", sum)
	}
	return nil
}

// weight returns π_i, the last one as what is left of 1.
func (m *BinMix) weight(theta []float64, i int) float64 {
	if i < m.s.K-1 {
		return theta[i]
	}
	w := 1.0
	for _, v := range theta[:m.s.K-1] {
		w -= v
	}
	return math.Max(w, 0)
}

func (m *BinMix) outside(theta []float64) bool {
	checkLen(len(theta), len(m.params))
	for _, v := range theta {
		if !(v >= 0 && v <= 1) {
			return true
		}
	}
	return m.CheckDomain(theta) != nil
}

// logChoose returns the logarithms of the binomial coefficients of n.
func logChoose(n int) []float64 {
	c := make([]float64, n+1)
	top, _ := math.Lgamma(float64(n) + 1)
	for y := range c {
		a, _ := math.Lgamma(float64(y) + 1)
		b, _ := math.Lgamma(float64(n-y) + 1)
		c[y] = top - a - b
	}
	return c
}

// densities fills f (K × (N+1)) with Bin(y; N, p_i); 0 log 0 is 0.
func (m *BinMix) densities(f []float64, theta []float64) {
	cells := m.s.Trials + 1
	for i := range m.s.K {
		p := theta[m.s.K-1+i]
		for y := range cells {
			f[i*cells+y] = math.Exp(m.choose[y] + xlogp(y, p) + xlogp(m.s.Trials-y, 1-p))
		}
	}
}

func xlogp(y int, p float64) float64 {
	if y == 0 {
		return 0
	}
	return float64(y) * math.Log(p)
}

// slope returns ∂Bin(y; N, p)/∂p, finite at p = 0 and 1 too: N times the
// difference of the densities of N−1 trials.
func (m *BinMix) slope(y int, p float64) float64 {
	n := m.s.Trials
	bin := func(y int) float64 {
		if y < 0 || y > n-1 {
			return 0
		}
		return math.Exp(m.fewer[y] + xlogp(y, p) + xlogp(n-1-y, 1-p))
	}
	return float64(n) * (bin(y-1) - bin(y))
}

// Sample fills z with counts.
func (m *BinMix) Sample(z *Data, theta []float64, rng *rand.Rand) {
	checkLen(len(theta), len(m.params))
	if z.P != 0 || z.Q != 1 {
		panic(badShape)
	}
	for t := range z.N {
		u, c := rng.Float64(), 0
		for c < m.s.K-1 && u >= theta[c] {
			u -= theta[c]
			c++
		}
		p, y := theta[m.s.K-1+c], 0
		for range m.s.Trials {
			if rng.Float64() < p {
				y++
			}
		}
		z.V[t] = float64(y)
	}
}

// Canonicalize sorts the components by probability, ascending.
func (m *BinMix) Canonicalize(theta []float64) {
	checkLen(len(theta), len(m.params))
	type comp struct{ w, p float64 }
	k := m.s.K
	cs := make([]comp, k)
	for i := range cs {
		cs[i] = comp{m.weight(theta, i), theta[k-1+i]}
	}
	if slices.IsSortedFunc(cs, func(a, b comp) int { return cmp.Compare(a.p, b.p) }) {
		return // the last weight is implied: sorted already means bit for bit unchanged
	}
	slices.SortStableFunc(cs, func(a, b comp) int { return cmp.Compare(a.p, b.p) })
	for i, c := range cs {
		if i < k-1 {
			theta[i] = c.w
		}
		theta[k-1+i] = c.p
	}
}
