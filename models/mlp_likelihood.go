package models

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// mlpLike is an MLP with data and optional weights.
type mlpLike struct {
	weightedRows
	m *MLP
	mlpScratch
	g     []float64 // d, score of one term
	start *mlpStart // built by the first Start
}

// mlpScratch is what one forward and backward pass needs.
type mlpScratch struct {
	phi, d1, d2, back []float64 // hidden
	f                 []float64 // out: mean, then residual
}

func newMLPScratch(m *MLP) mlpScratch {
	return mlpScratchIn(m, make([]float64, 4*m.s.Hidden+m.s.Out))
}

// mlpScratchIn cuts the scratch out of buf (4 hidden + out).
func mlpScratchIn(m *MLP, buf []float64) mlpScratch {
	h := m.s.Hidden
	return mlpScratch{
		phi: buf[:h:h], d1: buf[h : 2*h : 2*h], d2: buf[2*h : 3*h : 3*h],
		back: buf[3*h : 4*h : 4*h], f: buf[4*h:],
	}
}

// Bind implements Model.
func (m *MLP) Bind(z *Data) (Likelihood, error) {
	if err := checkBind(m, z); err != nil {
		return nil, err
	}
	return newMLPLike(m, z, nil), nil
}

func newMLPLike(m *MLP, z *Data, w []float64) *mlpLike {
	return &mlpLike{weightedRows: weightedRows{z, w}, m: m, mlpScratch: newMLPScratch(m), g: make([]float64, len(m.params))}
}

// Reweight implements Reweighter.
func (l *mlpLike) Reweight(w []float64) Likelihood {
	checkLen(len(w), l.z.N)
	return newMLPLike(l.m, l.z, w)
}

func (l *mlpLike) Model() Model { return l.m }

// inDomain reports whether θ is finite and σ² above 0.
func (l *mlpLike) inDomain(theta []float64) bool {
	checkLen(len(theta), len(l.m.params))
	for _, v := range theta {
		if v-v != 0 {
			return false
		}
	}
	return l.m.variance(theta) > 0
}

// normaliser returns the constant of the log density of one row.
func (m *MLP) normaliser(s2 float64) float64 {
	return -0.5 * float64(m.s.Out) * math.Log(2*math.Pi*s2)
}

// finiteOrMinusInf returns ll, or -Inf where squares of large residuals overflowed.
func finiteOrMinusInf(ll float64) float64 {
	if ll-ll != 0 {
		return math.Inf(-1)
	}
	return ll
}

// rss returns |y − f(x)|² of row t, and leaves the hidden values in phi and the
// residual in f.
func (l *mlpLike) rss(theta []float64, t int) float64 {
	in, width := l.z.P, l.z.P+l.z.Q
	row := l.z.V[t*width : t*width+width]
	l.m.activate(l.phi, theta, row[:in])
	l.m.s.Act.value(l.phi)
	return l.residual(theta, row[in:])
}

// residual fills f with y − f(x), given the hidden values, and returns its
// squared length.
func (l *mlpLike) residual(theta, y []float64) float64 {
	l.m.read(l.f, theta, l.phi)
	s := 0.0
	for o, v := range y {
		r := v - l.f[o]
		l.f[o] = r
		s += r * r
	}
	return s
}

// LogLik implements Likelihood.
func (l *mlpLike) LogLik(theta []float64) float64 {
	if !l.inDomain(theta) {
		return math.Inf(-1)
	}
	s2 := l.m.variance(theta)
	rss, total := 0.0, float64(l.z.N)
	if l.w == nil {
		for t := range l.z.N {
			rss += l.rss(theta, t)
		}
	} else {
		total = 0
		for t, w := range l.w {
			if w == 0 { // 0 × an overflow would be NaN
				continue
			}
			rss += w * l.rss(theta, t)
			total += w
		}
	}
	return finiteOrMinusInf(total*l.m.normaliser(s2) - 0.5*rss/s2)
}

// Terms implements Likelihood.
func (l *mlpLike) Terms(dst, theta []float64) {
	checkLen(len(dst), l.z.N)
	if !l.inDomain(theta) {
		for t := range dst {
			dst[t] = math.Inf(-1)
		}
		return
	}
	s2 := l.m.variance(theta)
	c := l.m.normaliser(s2)
	for t := range dst {
		dst[t] = finiteOrMinusInf(c - 0.5*l.rss(theta, t)/s2)
	}
}

// addScore adds weight × the score of row t to dst and returns |y − f|².
func (l *mlpLike) addScore(dst, theta []float64, t int, weight, s2 float64) float64 {
	width := l.z.P + l.z.Q
	row := l.z.V[t*width : t*width+width]
	x := row[:l.z.P]
	l.m.activate(l.phi, theta, x)
	l.m.s.Act.slope(l.phi, l.d1)
	ss := l.residual(theta, row[l.z.P:])
	l.backward(dst, theta, x, weight/s2)
	if l.m.s.FreeSigma {
		dst[l.m.net] += weight * 0.5 * (ss/s2 - float64(l.m.s.Out)) / s2
	}
	return ss
}

// backward adds scale × Σ_o r_o ∇f_o in the weights to dst, given the hidden
// values, slopes and residuals r: the residual is propagated first to v through
// the hidden values, then through φ′ to w.
func (l *mlpLike) backward(dst, theta, x []float64, scale float64) {
	m := l.m
	back := l.back
	clear(back)
	for o, r := range l.f {
		r *= scale
		lo := m.offOut + o*m.rowOut
		v, g := theta[lo:lo+m.rowOut], dst[lo:lo+m.rowOut]
		for i, p := range l.phi {
			g[i] += r * p
			back[i] += r * v[i]
		}
		if m.s.Bias {
			g[len(back)] += r
		}
	}
	for i, b := range back {
		b *= l.d1[i]
		g := dst[i*m.rowIn : i*m.rowIn+m.rowIn]
		for k, v := range x {
			g[k] += b * v
		}
		if m.s.Bias {
			g[len(x)] += b
		}
	}
}

// Score implements Scorer.
func (l *mlpLike) Score(dst, theta []float64) float64 {
	checkLen(len(dst), len(l.m.params))
	if !l.inDomain(theta) {
		return math.Inf(-1)
	}
	clear(dst)
	s2 := l.m.variance(theta)
	rss, total := 0.0, 0.0
	for t := range l.z.N {
		w := l.weight(t)
		if w == 0 {
			continue
		}
		rss += w * l.addScore(dst, theta, t, w, s2)
		total += w
	}
	return finiteOrMinusInf(total*l.m.normaliser(s2) - 0.5*rss/s2)
}

func (l *mlpLike) weight(t int) float64 {
	if l.w == nil {
		return 1
	}
	return l.w[t]
}

// BatchScore implements Batcher. A row that is named twice counts twice; the
// terms carry the weights of the likelihood.
func (l *mlpLike) BatchScore(dst, theta []float64, rows []int) float64 {
	checkLen(len(dst), len(l.m.params))
	if !l.inDomain(theta) {
		return math.Inf(-1)
	}
	clear(dst)
	s2 := l.m.variance(theta)
	rss, total := 0.0, 0.0
	for _, t := range rows {
		w := l.weight(t)
		if w == 0 {
			continue
		}
		rss += w * l.addScore(dst, theta, t, w, s2)
		total += w
	}
	return finiteOrMinusInf(total*l.m.normaliser(s2) - 0.5*rss/s2)
}

// ScoreTerms implements TermScorer. Outside the domain every entry is NaN.
func (l *mlpLike) ScoreTerms(dst *mat.Dense, theta []float64) {
	if r, c := dst.Dims(); r != l.z.N || c != len(l.m.params) {
		panic(badShape)
	}
	inside := l.inDomain(theta)
	s2 := l.m.variance(theta)
	for t := range l.z.N {
		g := dst.RawRowView(t)
		clear(g)
		if !inside {
			for j := range g {
				g[j] = math.NaN()
			}
			continue
		}
		l.addScore(g, theta, t, 1, s2)
	}
}
