package models

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
)

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
	l := &binMixLik{weightedRows: weightedRows{z, w}, m: m, count: make([]float64, cells), f: make([]float64, m.s.K*cells), p: make([]float64, cells), g: mat.NewDense(cells, len(m.params), nil)}
	l.gather()
	return l
}

type binMixLik struct {
	weightedRows
	m     *BinMix
	count []float64 // weight of every cell
	f     []float64 // K × cells component densities
	p     []float64 // cell probabilities
	g     *mat.Dense
}

func (l *binMixLik) gather() {
	clear(l.count)
	for t, v := range l.z.V {
		l.count[int(v)] += l.rowWeight(t)
	}
}

// Model returns the mixture.
func (l *binMixLik) Model() Model { return l.m }

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
