package models

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"
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
	choose []float64 // log binomial coefficients
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
	m := &BinMix{s: s, choose: make([]float64, s.Trials+1)}
	n, _ := math.Lgamma(float64(s.Trials) + 1)
	for y := range m.choose {
		a, _ := math.Lgamma(float64(y) + 1)
		b, _ := math.Lgamma(float64(s.Trials-y) + 1)
		m.choose[y] = n - a - b
	}
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

Learning coefficient with one interior binomial as the truth: (k+1)/4, m = 1 for
N ≥ 2; other singular truths have the upper bound of Yamazaki and Watanabe.`,
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

// densities fills f (K × (N+1)) with Bin(y; N, p_i) and returns nothing else;
// 0 log 0 is 0.
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
		a, _ := math.Lgamma(float64(n))
		b, _ := math.Lgamma(float64(y) + 1)
		c, _ := math.Lgamma(float64(n - y))
		return math.Exp(a - b - c + xlogp(y, p) + xlogp(n-1-y, 1-p))
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

// Bind counts the observations; a value that is not a count from 0 to N is an
// error that names its row.
func (m *BinMix) Bind(z *Data) (Likelihood, error) {
	if err := checkBind(m, z); err != nil {
		return nil, err
	}
	for t, v := range z.V {
		if v != math.Trunc(v) || v < 0 || v > float64(m.s.Trials) {
			return nil, fmt.Errorf("%v: row %d is %v: allowed is a count from 0 to %d", m, t+1, v, m.s.Trials)
		}
	}
	return m.bind(z, nil), nil
}

func (m *BinMix) bind(z *Data, w []float64) *binMixLik {
	cells := m.s.Trials + 1
	l := &binMixLik{m: m, z: z, w: w, count: make([]float64, cells), f: make([]float64, m.s.K*cells), p: make([]float64, cells), g: mat.NewDense(cells, len(m.params), nil)}
	l.gather()
	return l
}

type binMixLik struct {
	m     *BinMix
	z     *Data
	w     []float64
	count []float64 // weight of every cell
	f     []float64 // K × cells component densities
	p     []float64 // cell probabilities
	g     *mat.Dense
}

func (l *binMixLik) gather() {
	for y := range l.count {
		l.count[y] = 0
	}
	for t, v := range l.z.V {
		w := 1.0
		if l.w != nil {
			w = l.w[t]
		}
		l.count[int(v)] += w
	}
}

// Model returns the mixture.
func (l *binMixLik) Model() Model { return l.m }

// N returns the number of rows.
func (l *binMixLik) N() int { return l.z.N }

// Weight returns the total weight of the rows.
func (l *binMixLik) Weight() float64 {
	if l.w == nil {
		return float64(l.z.N)
	}
	s := 0.0
	for _, w := range l.w {
		s += w
	}
	return s
}

// Reweight implements Reweighter.
func (l *binMixLik) Reweight(w []float64) Likelihood {
	checkLen(len(w), l.z.N)
	return l.m.bind(l.z, w)
}

// cells fills l.f and l.p at θ.
func (l *binMixLik) cells(theta []float64) {
	if l.w != nil {
		l.gather()
	}
	l.m.cellsInto(l.p, l.f, theta)
}

func (m *BinMix) cellsInto(p, f, theta []float64) {
	m.densities(f, theta)
	cells := m.s.Trials + 1
	for y := range p {
		p[y] = 0
		for i := range m.s.K {
			p[y] += m.weight(theta, i) * f[i*cells+y]
		}
	}
}

// LogLik implements Likelihood.
func (l *binMixLik) LogLik(theta []float64) float64 {
	if l.m.outside(theta) {
		return math.Inf(-1)
	}
	l.cells(theta)
	return l.sum()
}

func (l *binMixLik) sum() float64 {
	ll := 0.0
	for y, c := range l.count {
		if c != 0 {
			ll += c * math.Log(l.p[y])
		}
	}
	return ll
}

// Terms implements Likelihood.
func (l *binMixLik) Terms(dst, theta []float64) {
	checkLen(len(dst), l.z.N)
	if l.m.outside(theta) {
		for t := range dst {
			dst[t] = math.Inf(-1)
		}
		return
	}
	l.cells(theta)
	for t, v := range l.z.V {
		dst[t] = math.Log(l.p[int(v)])
	}
}

// gradients fills g (cells × d) with ∂p(y)/∂θ.
func (m *BinMix) gradients(g *mat.Dense, f, theta []float64) {
	cells, k := m.s.Trials+1, m.s.K
	for y := range cells {
		for i := range k - 1 {
			g.Set(y, i, f[i*cells+y]-f[(k-1)*cells+y])
		}
		for i := range k {
			g.Set(y, k-1+i, m.weight(theta, i)*m.slope(y, theta[k-1+i]))
		}
	}
}

// Score implements Scorer.
func (l *binMixLik) Score(dst, theta []float64) float64 {
	checkLen(len(dst), len(l.m.params))
	if l.m.outside(theta) {
		return math.Inf(-1)
	}
	l.cells(theta)
	l.m.gradients(l.g, l.f, theta)
	for j := range dst {
		dst[j] = 0
		for y, c := range l.count {
			if c != 0 {
				dst[j] += c * l.g.At(y, j) / l.p[y]
			}
		}
	}
	return l.sum()
}

// ScoreTerms implements TermScorer.
func (l *binMixLik) ScoreTerms(dst *mat.Dense, theta []float64) {
	if r, c := dst.Dims(); r != l.z.N || c != len(l.m.params) {
		panic(badShape)
	}
	l.cells(theta)
	l.m.gradients(l.g, l.f, theta)
	for t, v := range l.z.V {
		row, y := dst.RawRowView(t), int(v)
		for j := range row {
			row[j] = l.g.At(y, j) / l.p[y]
		}
	}
}

// EMStep implements EMStepper.
func (l *binMixLik) EMStep(dst, theta []float64) float64 {
	checkLen(len(dst), len(l.m.params))
	if l.m.outside(theta) {
		copy(dst, theta)
		return math.Inf(-1)
	}
	l.cells(theta)
	m := l.m
	cells, k := m.s.Trials+1, m.s.K
	total := 0.0
	for _, c := range l.count {
		total += c
	}
	for i := range k {
		w, s := 0.0, 0.0
		pi := m.weight(theta, i)
		for y, c := range l.count {
			if c != 0 {
				r := c * pi * l.f[i*cells+y] / l.p[y]
				w += r
				s += r * float64(y)
			}
		}
		if i < k-1 {
			dst[i] = w / total
		}
		dst[k-1+i] = theta[k-1+i]
		if w > 0 {
			dst[k-1+i] = math.Min(1, s/(w*float64(m.s.Trials)))
		}
	}
	return l.sum()
}

// Start proposes random weights, and probabilities at random observations.
func (l *binMixLik) Start(dst []float64, rng *rand.Rand) {
	checkLen(len(dst), len(l.m.params))
	k, sum := l.m.s.K, rng.ExpFloat64()
	for i := range k - 1 {
		dst[i] = rng.ExpFloat64()
		sum += dst[i]
	}
	for i := range k - 1 {
		dst[i] /= sum
	}
	n := float64(l.m.s.Trials)
	for i := range k {
		dst[k-1+i] = (l.z.V[rng.IntN(l.z.N)] + rng.Float64()) / (n + 1)
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
	if slices.IsSortedFunc(cs, func(a, b comp) int { return compare(a.p, b.p) }) {
		return // the last weight is implied: sorted already means bit for bit unchanged
	}
	slices.SortStableFunc(cs, func(a, b comp) int { return compare(a.p, b.p) })
	for i, c := range cs {
		if i < k-1 {
			theta[i] = c.w
		}
		theta[k-1+i] = c.p
	}
}

func compare(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
