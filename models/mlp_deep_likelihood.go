package models

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/internal/vec"
)

// deepBlock is the number of rows that go through a network at once: enough for
// products of matrices to pay, few enough for the caches.
const deepBlock = 64

// A deepPass takes some rows of data forward and backward through a network. Its
// slices have one row for each.
type deepPass struct {
	net    *DeepNet
	size   int              // rows that it has room for
	rows   []int            // of the data, those pushed
	x      []float64        // the inputs of these rows
	h      []blas64.General // h[l] (rows×M_l), l = 0, …, L
	slope  []blas64.General // φ′(uˡ), 1 ≤ l < L
	delta  []blas64.General // δˡ = ∂(term)/∂uˡ, 1 ≤ l ≤ L
	hh, dd []float64        // Gram matrices of h and δ, for gram
	prod   vec.Product
}

func newDeepPass(n *DeepNet, size int) *deepPass {
	depth := n.Depth()
	p := &deepPass{
		net: n, size: size, rows: make([]int, 0, size), x: make([]float64, size*n.In()),
		h: make([]blas64.General, depth+1), slope: make([]blas64.General, depth), delta: make([]blas64.General, depth+1),
	}
	p.h[0] = blas64.General{Rows: size, Cols: n.In(), Stride: n.In(), Data: p.x}
	for l := 1; l <= depth; l++ {
		m := n.s.Widths[l]
		p.h[l], p.delta[l] = general(size, m), general(size, m)
		if l < depth {
			p.slope[l] = general(size, m)
		}
	}
	return p
}

func (p *deepPass) reset()     { p.rows = p.rows[:0] }
func (p *deepPass) full() bool { return len(p.rows) == p.size }

// push adds row t of the data, with inputs x.
func (p *deepPass) push(x []float64, t int) {
	copy(p.x[len(p.rows)*len(x):], x)
	p.rows = append(p.rows, t)
}

// forward computes h, and the slopes if they are wanted.
func (p *deepPass) forward(theta []float64, slopes bool) {
	n, depth := len(p.rows), p.net.Depth()
	p.h[0] = rowsOf(p.h[0], n)
	for l := 1; l <= depth; l++ {
		p.h[l], p.delta[l] = rowsOf(p.h[l], n), rowsOf(p.delta[l], n)
		p.net.affine(&p.prod, p.h[l], p.h[l-1], theta, l)
		if l == depth {
			break
		}
		p.slope[l] = rowsOf(p.slope[l], n)
		if slopes {
			p.net.s.Act.slopes(p.h[l].Data, p.slope[l].Data)
		} else {
			p.net.s.Act.values(p.h[l].Data)
		}
	}
}

// backward computes δˡ, l < L, from δᴸ.
func (p *deepPass) backward(theta []float64) {
	for l := p.net.Depth() - 1; l >= 1; l-- {
		d := p.delta[l]
		clear(d.Data)
		p.prod.Add(matrix(d), 1, matrix(p.delta[l+1]), matrix(p.net.Weights(theta, l+1)))
		for i, s := range p.slope[l].Data {
			d.Data[i] *= s
		}
	}
}

// addGradient adds Σ_rows δˡ h̃ˡ⁻¹ᵀ to dst, a vector like θ.
func (p *deepPass) addGradient(dst []float64) {
	for l := 1; l <= p.net.Depth(); l++ {
		d := p.delta[l]
		p.prod.Add(matrix(p.net.Weights(dst, l)), 1, matrix(d).T(), matrix(p.h[l-1]))
		if p.net.s.Bias {
			for r := range d.Rows {
				for i, v := range rowAt(d, r) {
					dst[p.net.bias(l, i)] += v
				}
			}
		}
	}
}

// gradientOf fills dst with the gradient of one of the rows.
func (p *deepPass) gradientOf(dst []float64, r int) {
	for l := 1; l <= p.net.Depth(); l++ {
		w, h := p.net.Weights(dst, l), rowAt(p.h[l-1], r)
		for i, v := range rowAt(p.delta[l], r) {
			row := rowAt(w, i)
			for k, x := range h {
				row[k] = v * x
			}
			if p.net.s.Bias {
				dst[p.net.bias(l, i)] = v
			}
		}
	}
}

// deepLike is a DeepMLP with data and optional weights.
type deepLike struct {
	weightedRows
	m     *DeepMLP
	pass  *deepPass
	wide  *deepPass // for Gram matrices of more rows than pass holds
	noise []float64 // derivative of each term of the pass in σ²
}

// Bind implements Model. With softmax the labels must be whole numbers from 0 to
// Out − 1; the error of another one names its row.
func (m *DeepMLP) Bind(z *Data) (Likelihood, error) {
	if err := checkBind(m, z); err != nil {
		return nil, err
	}
	if m.s.Softmax {
		for t := range z.N {
			if y := z.Y(t)[0]; y != math.Trunc(y) || y < 0 || y >= float64(m.s.Out) {
				return nil, fmt.Errorf("%v: row %d, column %d of the data: label %v: allowed are the whole numbers 0 to %d", m, t+1, z.P+1, y, m.s.Out-1)
			}
		}
	}
	return newDeepLike(m, z, nil), nil
}

func newDeepLike(m *DeepMLP, z *Data, w []float64) *deepLike {
	block := min(deepBlock, z.N)
	return &deepLike{weightedRows: weightedRows{z, w}, m: m, pass: newDeepPass(m.net, block), noise: make([]float64, block)}
}

// Reweight implements Reweighter.
func (l *deepLike) Reweight(w []float64) Likelihood {
	checkLen(len(w), l.z.N)
	return newDeepLike(l.m, l.z, w)
}

func (l *deepLike) Model() Model { return l.m }

// inDomain reports whether θ is finite and σ² above 0.
func (l *deepLike) inDomain(theta []float64) bool {
	checkLen(len(theta), len(l.m.params))
	return allFinite(theta) && l.m.variance(theta) > 0
}

// term returns log p of row r of the pass. With errors it also fills δᴸ with its
// derivative by the outputs, and noise.
func (l *deepLike) term(p *deepPass, r int, s2 float64, errs bool) float64 {
	depth := l.m.net.Depth()
	f, y := rowAt(p.h[depth], r), l.z.Y(p.rows[r])
	if l.m.s.Softmax {
		k := int(y[0])
		ll := f[k]
		ll -= softmaxInPlace(f)
		if errs {
			d := rowAt(p.delta[depth], r)
			for i, g := range f {
				d[i] = -g
			}
			d[k]++
		}
		return finiteOrMinusInf(ll)
	}
	ss := 0.0
	for o, v := range y {
		e := v - f[o]
		ss += e * e
		if errs {
			p.delta[depth].Data[r*len(f)+o] = e / s2
		}
	}
	if errs && l.m.s.FreeSigma {
		l.noise[r] = 0.5 * (ss/s2 - float64(len(f))) / s2
	}
	return finiteOrMinusInf(-0.5*float64(len(f))*math.Log(2*math.Pi*s2) - 0.5*ss/s2)
}

// sum returns Σ w log p over the given rows, all for nil, and unless dst is nil
// fills it with its gradient.
func (l *deepLike) sum(dst, theta []float64, rows []int, all bool) float64 {
	if !l.inDomain(theta) {
		return math.Inf(-1)
	}
	clear(dst)
	s2, total := l.m.variance(theta), 0.0
	n := len(rows)
	if all {
		n = l.z.N
	}
	l.pass.reset()
	for i := range n {
		t := i
		if !all {
			t = rows[i]
		}
		if l.rowWeight(t) != 0 { // 0 × an overflow would be NaN
			l.pass.push(l.z.X(t), t)
		}
		if l.pass.full() || i == n-1 {
			total += l.flush(l.pass, dst, theta, s2)
			l.pass.reset()
		}
	}
	return finiteOrMinusInf(total)
}

// flush takes the rows of the pass through the network.
func (l *deepLike) flush(p *deepPass, dst, theta []float64, s2 float64) float64 {
	if len(p.rows) == 0 {
		return 0
	}
	p.forward(theta, dst != nil)
	total := 0.0
	for r, t := range p.rows {
		w := l.rowWeight(t)
		total += w * l.term(p, r, s2, dst != nil)
		if dst == nil {
			continue
		}
		if l.m.s.FreeSigma {
			dst[l.m.net.Dim()] += w * l.noise[r]
		}
		if w != 1 {
			for i, v := range rowAt(p.delta[l.m.net.Depth()], r) {
				p.delta[l.m.net.Depth()].Data[r*l.m.s.Out+i] = w * v
			}
		}
	}
	if dst != nil {
		p.backward(theta)
		p.addGradient(dst)
	}
	return total
}

// LogLik implements Likelihood.
func (l *deepLike) LogLik(theta []float64) float64 { return l.sum(nil, theta, nil, true) }

// Score implements Scorer.
func (l *deepLike) Score(dst, theta []float64) float64 {
	checkLen(len(dst), len(l.m.params))
	return l.sum(dst, theta, nil, true)
}

// BatchScore implements Batcher. A row that is named twice counts twice; the
// terms carry the weights of the likelihood.
func (l *deepLike) BatchScore(dst, theta []float64, rows []int) float64 {
	checkLen(len(dst), len(l.m.params))
	return l.sum(dst, theta, rows, false)
}

// Terms implements Likelihood.
func (l *deepLike) Terms(dst, theta []float64) {
	checkLen(len(dst), l.z.N)
	l.each(dst, nil, theta)
}

// ScoreTerms implements TermScorer. Outside the domain every entry is NaN.
func (l *deepLike) ScoreTerms(dst *mat.Dense, theta []float64) {
	if r, c := dst.Dims(); r != l.z.N || c != len(l.m.params) {
		panic(badShape)
	}
	l.each(nil, dst, theta)
}

// each fills the terms, their scores or both, without weights.
func (l *deepLike) each(terms []float64, scores *mat.Dense, theta []float64) {
	inside := l.inDomain(theta)
	s2, d := l.m.variance(theta), l.m.net.Dim()
	for first := 0; first < l.z.N; first += l.pass.size {
		l.pass.reset()
		for t := first; t < min(first+l.pass.size, l.z.N); t++ {
			l.pass.push(l.z.X(t), t)
		}
		if inside {
			l.pass.forward(theta, scores != nil)
		}
		for r, t := range l.pass.rows {
			v := math.Inf(-1)
			if inside {
				v = l.term(l.pass, r, s2, scores != nil)
			}
			if terms != nil {
				terms[t] = v
			}
		}
		if scores == nil {
			continue
		}
		if inside {
			l.pass.backward(theta)
		}
		for r, t := range l.pass.rows {
			g := scores.RawRowView(t)
			if !inside {
				for j := range g {
					g[j] = math.NaN()
				}
				continue
			}
			l.pass.gradientOf(g, r)
			if l.m.s.FreeSigma {
				g[d] = l.noise[r]
			}
		}
	}
}

// Start implements Starter: weights of variance γ²/fan-in (2γ²/fan-in for relu)
// over the spread of each input, with γ between ½ and 2 at random; output weights
// on the scale of the outputs about their mean.
func (l *deepLike) Start(dst []float64, rng *rand.Rand) {
	m, net := l.m, l.m.net
	checkLen(len(dst), len(m.params))
	gain := math.Exp(math.Log(2) * (2*rng.Float64() - 1))
	if m.s.Act == ReLUUnit {
		gain *= math.Sqrt2
	}
	net.Random(dst[:net.Dim()], gain*gain, 0.1, rng)
	w := net.Weights(dst, 1)
	for k := range m.s.In {
		_, sd := l.z.moments(k)
		for i := range w.Rows {
			w.Data[i*w.Stride+k] /= sd
		}
	}
	if m.s.Softmax {
		return
	}
	scale := outputScale(l.z)
	out := net.Weights(dst, net.Depth())
	for o := range m.s.Out {
		row := rowAt(out, o)
		for k := range row {
			row[k] *= scale
		}
		if m.s.Bias {
			dst[net.bias(net.Depth(), o)], _ = l.z.moments(m.s.In + o)
		}
	}
	if m.s.FreeSigma {
		dst[net.Dim()] = scale * scale
	}
}
