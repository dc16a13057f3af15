package models

import (
	"math"

	"github.com/neuromanifold/neuromanifold/internal/vec"
)

// mixLike is the likelihood of a mixture in any dimension; mixLike1 adds what
// only one dimension has.
type mixLike struct {
	*mixComponents
	z     *Data
	w     []float64 // weights of the terms, or nil
	scale *mixScale // of the data, for floors and starts

	line *vec.Mixture // for one dimension and no weights, else nil

	l        []float64 // K rows of mixBlock: log π_j N_j, then responsibilities
	top, sum []float64 // mixBlock
	logp     []float64 // mixBlock
	y        []float64 // mixBlock×dim, gathered rows of a batch
	batchW   []float64 // mixBlock, their weights
	acc      []float64 // per component Σr, Σr·e, Σr·eeᵀ (upper triangle), e = y − μ
	ratio    []float64 // per component Σ w φ_j/p, for weights near 0
	t        []float64 // dim
	s1, s2   []float64 // dim×dim
	mean     []float64 // dim
	pt       *mixPoint
	eig      *mixEigen
}

type mixLike1 struct {
	*mixLike
	hess []float64 // d×d
	hs   []float64 // d
}

// Bind fixes the data (dim modelled columns). It also takes their mean and
// covariance, from which the variance floor follows.
func (m *Mixture) Bind(z *Data) (Likelihood, error) {
	if err := checkBind(m, z); err != nil {
		return nil, err
	}
	return m.bind(z, nil, newMixScale(m, z)), nil
}

func (m *Mixture) bind(z *Data, w []float64, scale *mixScale) Likelihood {
	l := m.newLike(z, w, scale)
	if m.dim > 1 {
		return l
	}
	if w == nil {
		l.line = vec.NewMixture(m.k)
	}
	p := len(m.params)
	one := mixLike1{l, make([]float64, p*p), make([]float64, p)}
	if m.k != 2 || w != nil {
		return one
	}
	pair := newMixPair(one)
	if m.blocks < m.k {
		return newMixPooled(pair)
	}
	return pair
}

func (m *Mixture) newLike(z *Data, w []float64, scale *mixScale) *mixLike {
	k, d := m.k, m.dim
	return &mixLike{
		mixComponents: m.newComponents(), z: z, w: w, scale: scale,
		l: make([]float64, k*mixBlock), top: make([]float64, mixBlock), sum: make([]float64, mixBlock),
		logp: make([]float64, mixBlock), y: make([]float64, mixBlock*d), batchW: make([]float64, mixBlock),
		acc: make([]float64, k*(1+d+m.nTri)), ratio: make([]float64, k),
		t: make([]float64, d), s1: make([]float64, d*d), s2: make([]float64, d*d), mean: make([]float64, d),
		pt: m.newPoint(), eig: &mixEigen{make([]float64, d*d), make([]float64, d*d)},
	}
}

func (l *mixLike) Model() Model { return l.m }
func (l *mixLike) N() int       { return l.z.N }

// Reweight returns the same likelihood with weights on its terms.
func (l *mixLike) Reweight(w []float64) Likelihood {
	checkLen(len(w), l.z.N)
	return l.m.bind(l.z, w, l.scale)
}

func (l *mixLike) Weight() float64 {
	if l.w == nil {
		return float64(l.z.N)
	}
	var s float64
	for _, w := range l.w {
		s += w
	}
	return s
}

// blockWeights returns the weights of rows lo to hi, or nil.
func (l *mixLike) blockWeights(lo, hi int) []float64 {
	if l.w == nil {
		return nil
	}
	return l.w[lo:hi]
}

func (l *mixLike) LogLik(theta []float64) float64 {
	checkLen(len(theta), len(l.m.params))
	if !l.set(theta) {
		return math.Inf(-1)
	}
	if l.line != nil {
		l.setLine()
		return noNaN(l.line.LogLik(l.z.V))
	}
	var s float64
	for lo := 0; lo < l.z.N; lo += mixBlock {
		hi := min(lo+mixBlock, l.z.N)
		l.fill(l.z.V[lo*l.m.dim:hi*l.m.dim], hi-lo)
		mixLogSum(l.l, l.m.k, hi-lo, l.top, l.sum)
		s += blockLogLik(l.top[:hi-lo], l.sum, l.blockWeights(lo, hi))
	}
	return noNaN(s)
}

// setLine copies the components to l.line.
func (l *mixLike) setLine() {
	for j := range l.line.C {
		l.line.C[j] = vec.Component{LogC: l.logc[j], Mu: l.mu[j], H: -0.5 / l.cov[j]}
	}
}

// moments fills l.acc, and l.ratio if a weight is tiny, from all rows and returns
// the log-likelihood, which may be NaN.
func (l *mixLike) moments(tiny bool) (ll float64) {
	clear(l.acc)
	if l.line != nil && !tiny {
		l.setLine()
		return l.line.EStep(l.acc, l.z.V)
	}
	d := l.m.dim
	for lo := 0; lo < l.z.N; lo += mixBlock {
		hi := min(lo+mixBlock, l.z.N)
		ll += l.estep(l.z.V[lo*d:hi*d], hi-lo, l.blockWeights(lo, hi), tiny)
	}
	return ll
}

// noNaN maps NaN to -Inf. The sums of this file become NaN only where every
// component underflows to log-density -Inf at some observation.
func noNaN(s float64) float64 {
	if math.IsNaN(s) {
		return math.Inf(-1)
	}
	return s
}

// fill computes log π_j N_j of n rows into l.l.
func (l *mixLike) fill(y []float64, n int) {
	for j := range l.m.k {
		l.logDensity(l.l[j*mixBlock:j*mixBlock+n], y, j, l.logc[j], l.t)
	}
}

func (l *mixLike) Terms(dst, theta []float64) {
	checkLen(len(theta), len(l.m.params))
	checkLen(len(dst), l.z.N)
	if !l.set(theta) {
		for i := range dst {
			dst[i] = math.Inf(-1)
		}
		return
	}
	for lo := 0; lo < l.z.N; lo += mixBlock {
		hi := min(lo+mixBlock, l.z.N)
		l.fill(l.z.V[lo*l.m.dim:hi*l.m.dim], hi-lo)
		mixLogSum(l.l, l.m.k, hi-lo, l.top, l.sum)
		for i := range hi - lo {
			dst[lo+i] = noNaN(l.top[i] + math.Log(l.sum[i]))
		}
	}
}

// estep accumulates the responsibility-weighted moments of n rows into l.acc
// and returns their log-likelihood.
func (l *mixLike) estep(y []float64, n int, w []float64, tiny bool) float64 {
	l.fill(y, n)
	responsibilities(l.l, l.m.k, n, l.top, l.sum)
	ll := blockLogLik(l.top[:n], l.sum, w)
	if tiny {
		l.accumulateRatios(y, n, w)
	}
	for j := range l.m.k {
		r := l.l[j*mixBlock : j*mixBlock+n]
		for i, wi := range w {
			if wi == 0 {
				r[i] = 0 // also where the responsibility is NaN
			} else {
				r[i] *= wi
			}
		}
		l.accumulate(j, r, y)
	}
	return ll
}

func (l *mixLike) accumulate(j int, r, y []float64) {
	d := l.m.dim
	acc := l.acc[j*(1+d+l.m.nTri) : (j+1)*(1+d+l.m.nTri)]
	if d == 1 {
		y = y[:len(r)]
		mu := l.mu[j]
		// Two chains of sums each, so that the additions overlap.
		var a0, a1, a2, b0, b1, b2 float64
		i := 0
		for ; i+1 < len(r); i += 2 {
			e, f := y[i]-mu, y[i+1]-mu
			p, q := r[i], r[i+1]
			pe, qf := p*e, q*f
			a0 += p
			b0 += q
			a1 += pe
			b1 += qf
			a2 += pe * e
			b2 += qf * f
		}
		if i < len(r) {
			e := y[i] - mu
			a0 += r[i]
			a1 += r[i] * e
			a2 += r[i] * e * e
		}
		acc[0] += a0 + b0
		acc[1] += a1 + b1
		acc[2] += a2 + b2
		return
	}
	mu := l.mu[j*d : (j+1)*d]
	if d == 2 {
		m0, m1 := mu[0], mu[1]
		var s0, sx, sy, sxx, sxy, syy float64
		y = y[:2*len(r)]
		for i, p := range r {
			e, f := y[2*i]-m0, y[2*i+1]-m1
			pe, pf := p*e, p*f
			s0 += p
			sx += pe
			sy += pf
			sxx += pe * e
			sxy += pe * f
			syy += pf * f
		}
		for i, v := range [...]float64{s0, sx, sy, sxx, sxy, syy} {
			acc[i] += v
		}
		return
	}
	for i, p := range r {
		if p == 0 {
			continue
		}
		acc[0] += p
		row := y[i*d : (i+1)*d]
		t := 1 + d
		for a, ya := range row {
			e := ya - mu[a]
			l.t[a] = e
			acc[1+a] += p * e
		}
		for a := range d {
			pe := p * l.t[a]
			for b := a; b < d; b++ {
				acc[t] += pe * l.t[b]
				t++
			}
		}
	}
}
