package models

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
)

// Bind caches Σxxᵀ, Σyxᵀ and Σ|y|², which are sufficient.
func (m *RRR) Bind(z *Data) (Likelihood, error) {
	if err := checkBind(m, z); err != nil {
		return nil, err
	}
	return m.bind(z, nil), nil
}

func (m *RRR) bind(z *Data, w []float64) *rrrLik {
	l := &rrrLik{m: m, z: z, w: w, c: newChain(m),
		xx: mat.NewDense(m.s.In, m.s.In, nil), yx: mat.NewDense(m.s.Out, m.s.In, nil),
		g: mat.NewDense(m.s.Out, m.s.In, nil)}
	l.gather()
	return l
}

type rrrLik struct {
	m      *RRR
	z      *Data
	w      []float64
	c      *chain
	xx, yx *mat.Dense // Σ w xxᵀ, Σ w yxᵀ
	yy     float64    // Σ w |y|²
	weight float64
	g      *mat.Dense
}

func (l *rrrLik) gather() {
	l.xx.Zero()
	l.yx.Zero()
	l.yy, l.weight = 0, 0
	for t := range l.z.N {
		w := 1.0
		if l.w != nil {
			w = l.w[t]
		}
		x, y := l.z.X(t), l.z.Y(t)
		l.weight += w
		for i, v := range x {
			row := l.xx.RawRowView(i)
			for j := range row {
				row[j] += w * v * x[j]
			}
		}
		for o, v := range y {
			l.yy += w * v * v
			row := l.yx.RawRowView(o)
			for j := range row {
				row[j] += w * v * x[j]
			}
		}
	}
}

func (l *rrrLik) refresh() {
	if l.w != nil {
		l.gather()
	}
}

// Model returns the regression.
func (l *rrrLik) Model() Model { return l.m }

// N returns the number of rows.
func (l *rrrLik) N() int { return l.z.N }

// Weight returns the total weight of the rows.
func (l *rrrLik) Weight() float64 { l.refresh(); return l.weight }

// Reweight implements Reweighter.
func (l *rrrLik) Reweight(w []float64) Likelihood {
	checkLen(len(w), l.z.N)
	return l.m.bind(l.z, w)
}

// LogLik is −(Σ|y|² − 2⟨P, Σyxᵀ⟩ + ⟨PΣxxᵀ, P⟩)/(2σ²) + constant.
func (l *rrrLik) LogLik(theta []float64) float64 {
	checkLen(len(theta), len(l.m.params))
	l.refresh()
	return l.fromProduct(l.c.at(theta, false))
}

// fromProduct returns ℓ and leaves P Σxxᵀ in l.g.
func (l *rrrLik) fromProduct(p *mat.Dense) float64 {
	mulInto(l.g, p, l.xx)
	ss := l.yy
	for o := range l.m.s.Out {
		pr := p.RawRowView(o)
		ss += dot(pr, l.g.RawRowView(o)) - 2*dot(pr, l.yx.RawRowView(o))
	}
	sd := l.m.s.Sigma
	ll := -ss/(2*sd*sd) - l.weight*float64(l.m.s.Out)*(math.Log(sd)+halfLog2Pi)
	if math.IsNaN(ll) {
		return math.Inf(-1)
	}
	return ll
}

// Terms implements Likelihood.
func (l *rrrLik) Terms(dst, theta []float64) {
	checkLen(len(dst), l.z.N)
	checkLen(len(theta), len(l.m.params))
	p := l.c.at(theta, false)
	sd := l.m.s.Sigma
	for t := range dst {
		x, ss := l.z.X(t), 0.0
		for o, y := range l.z.Y(t) {
			r := (y - dot(p.RawRowView(o), x)) / sd
			ss += r * r
		}
		dst[t] = -ss/2 - float64(l.m.s.Out)*(math.Log(sd)+halfLog2Pi)
		if math.IsNaN(dst[t]) {
			dst[t] = math.Inf(-1)
		}
	}
}

// Score implements Scorer.
func (l *rrrLik) Score(dst, theta []float64) float64 {
	checkLen(len(dst), len(l.m.params))
	checkLen(len(theta), len(l.m.params))
	l.refresh()
	ll := l.fromProduct(l.c.at(theta, true))
	s2 := l.m.s.Sigma * l.m.s.Sigma
	for o := range l.m.s.Out {
		g, yx := l.g.RawRowView(o), l.yx.RawRowView(o)
		for j := range g {
			g[j] = (yx[j] - g[j]) / s2
		}
	}
	l.c.pull(dst, l.g)
	return ll
}

// ScoreTerms implements TermScorer.
func (l *rrrLik) ScoreTerms(dst *mat.Dense, theta []float64) {
	if r, c := dst.Dims(); r != l.z.N || c != len(l.m.params) {
		panic(badShape)
	}
	p := l.c.at(theta, true)
	s2 := l.m.s.Sigma * l.m.s.Sigma
	for t := range l.z.N {
		x := l.z.X(t)
		for o, y := range l.z.Y(t) {
			r := (y - dot(p.RawRowView(o), x)) / s2
			g := l.g.RawRowView(o)
			for j := range g {
				g[j] = r * x[j]
			}
		}
		l.c.pull(dst.RawRowView(t), l.g)
	}
}

// Start draws normal entries whose product has about the scale of y against x.
func (l *rrrLik) Start(dst []float64, rng *rand.Rand) {
	checkLen(len(dst), len(l.m.params))
	l.refresh()
	xx := mat.Trace(l.xx)
	scale := math.Pow(math.Sqrt(l.yy/math.Max(xx, 1e-300))+1e-3, 1/float64(len(l.m.width)-1))
	for layer := 1; layer < len(l.m.width); layer++ {
		s := scale / math.Sqrt(float64(l.m.width[layer-1]))
		for i := l.m.off[layer-1]; i < l.m.off[layer]; i++ {
			dst[i] = s * rng.NormFloat64()
		}
	}
}
