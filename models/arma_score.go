package models

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// armaScore is the scratch of the derivatives of the filter: one tangent for
// every coefficient and one for the mean, carried forward through the exact
// recursion, the initial covariance included.
type armaScore struct {
	nk   int       // tangents: p + q, plus 1 for a free mean
	cov  []float64 // nk × r×r: dP, upper triangles
	a    []float64 // nk × r: dâ
	hist []float64 // nk × r: dv of the last r steps before the chain
	gl   []float64 // nk: Σ of (v dv − ½ s dD…), the σ-scaled part of the score
	gd   []float64 // nk: Σ dD/D
	d    []float64 // n: dv of one tangent along the chain
	b    []float64 // r
	one  []float64 // n ones, for a free mean
}

func newARMAScore(m *ARMA, n int) *armaScore {
	nk, r := m.p+m.q, max(m.p, m.q)
	if m.set.Mean {
		nk++
	}
	s := &armaScore{
		nk: nk, cov: make([]float64, nk*r*r), a: make([]float64, nk*r), hist: make([]float64, nk*r),
		gl: make([]float64, nk), gd: make([]float64, nk), d: make([]float64, n), b: make([]float64, r),
	}
	if m.set.Mean {
		s.one = make([]float64, n)
		for t := range s.one {
			s.one[t] = 1
		}
	}
	return s
}

// derivTol bounds the neglected future derivative of Σ log D, as switchTol does
// for its value.
const derivTol = 1e-16

// Score fills dst (d) with ∂ℓ/∂θ, the exact derivative of what LogLik computes,
// and returns ℓ(θ).
func (l *ARMALikelihood) Score(dst, theta []float64) float64 {
	checkLen(len(dst), len(l.m.params))
	return l.score(dst, nil, theta)
}

// ScoreTerms fills dst (n×d) with the score of every term; NaN outside the
// domain.
func (l *ARMALikelihood) ScoreTerms(dst *mat.Dense, theta []float64) {
	if r, c := dst.Dims(); r != l.z.N || c != len(l.m.params) {
		panic(badShape)
	}
	if math.IsInf(l.score(nil, dst, theta), -1) {
		for t := range l.z.N {
			row := dst.RawRowView(t)
			for i := range row {
				row[i] = math.NaN()
			}
		}
	}
}

func (l *ARMALikelihood) score(dst []float64, terms *mat.Dense, theta []float64) float64 {
	sigma2, ok := l.load(theta)
	if !ok {
		return math.Inf(-1)
	}
	s, k := l.s, l.k
	clear(s.a)
	clear(s.cov)
	clear(s.gl)
	clear(s.gd)
	if !l.m.set.CSS {
		l.initialTangents()
	}
	var ss, logDet float64
	switch {
	case k.r == 0:
		l.t0 = 0
	case k.r == 1 && terms == nil:
		ss, logDet = l.tangentTransient1()
	default:
		ss, logDet = l.tangentTransient(terms, sigma2)
	}
	from := min(l.t0+k.r, l.z.N)
	ss += l.tangentState(from, terms, sigma2)
	ss += armaChain(l.v, l.y, from, k.phi[:k.p], k.th[:k.q])
	l.tangentChain(from, terms, sigma2)

	f := gaussLogLik(l.z.N, sigma2, ss, logDet)
	if l.m.set.Var == 0 && terms != nil {
		i := len(l.m.params) - 1
		for t, v := range l.v {
			q := v * v
			if t < l.t0 {
				q *= l.inv[t]
			}
			terms.Set(t, i, (q/sigma2-1)/(2*sigma2))
		}
	}
	if dst != nil {
		for i := range s.nk {
			dst[i] = -(0.5*s.gd[i] + s.gl[i]/sigma2)
		}
		if l.m.set.Var == 0 {
			dst[len(dst)-1] = (ss/sigma2 - float64(l.z.N)) / (2 * sigma2)
		}
	}
	return f
}

// initialTangents differentiates the stationary covariance: dP solves the same
// equation as P with inhomogeneous term e_k b' + b e_k', where b = F P h' + G
// for φ_k and b = G for θ_k.
func (l *ARMALikelihood) initialTangents() {
	k, s, r, rr := l.k, l.s, l.k.r, l.k.r*l.k.r
	if r == 0 {
		return
	}
	if r == 1 {
		w := 2 / ((1 - k.phi[0]) * (1 + k.phi[0]))
		if k.p == 1 {
			s.cov[0] = w * (k.gam[0] + k.phi[0]*k.cov[0])
		}
		if k.q == 1 {
			s.cov[k.p] = w * k.gam[0]
		}
		return
	}
	for c := range k.p + k.q {
		e := c
		copy(s.b, k.gam)
		if c < k.p {
			for i := range r {
				s.b[i] += k.phi[i] * k.cov[0]
				if i+1 < r {
					s.b[i] += k.cov[i+1]
				}
			}
		} else {
			e = c - k.p
		}
		for j := range r {
			v := 0.0
			if j+e < r {
				v += s.b[j+e]
			}
			if e >= j {
				v += s.b[e-j]
			}
			k.rhs[j] = v
		}
		k.solve()
		k.fill(s.cov[c*rr:(c+1)*rr], func(i, j int) float64 {
			v := 0.0
			if i == e {
				v += s.b[j]
			}
			if j == e {
				v += s.b[i]
			}
			return v
		})
	}
}
