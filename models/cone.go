package models

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
)

// ConeSettings selects a cone model.
type ConeSettings struct {
	D        int     // dimension of the sphere of directions ω, at least 1; 0 means 1
	C        float64 // slope of the cone, positive; 0 means 1
	OneSided bool    // ξ ≥ 0 (single cone) instead of ξ ∈ R (double cone)
}

// A Cone is the cone model of Amari, Park and Ozeki (2001, 2006): x ∈ R^{d+2},
// x ~ N(ξ a(ω), I) with a(ω) = (1, cω)/√(1+c²) and ω on the unit sphere S^d of
// R^{d+1}. Its coordinates are ξ and d angles of ω,
//
//	ω = (cos α1, sin α1 cos α2, …, sin α1 ⋯ sin αd),
//
// any real numbers; Canonicalize maps them to α1…α(d−1) ∈ [0, π], αd ∈ (−π, π].
// At the apex ξ = 0 every ω has the same law: one singular point of the
// statistical manifold that is a whole sphere of parameters. For d ≥ 2 the
// angles, like every chart of a sphere, have poles sin αi = 0 (i < d) where the
// chart and not the model is degenerate.
type Cone struct {
	s      ConeSettings
	params []Param
}

// NewCone returns the model of s, or an error that says what is allowed.
func NewCone(s ConeSettings) (*Cone, error) {
	if s.D == 0 {
		s.D = 1
	}
	if s.C == 0 {
		s.C = 1
	}
	if s.D < 1 {
		return nil, fmt.Errorf("cone: d = %d: allowed is 1 or more", s.D)
	}
	if !(s.C > 0) || math.IsInf(s.C, 0) {
		return nil, fmt.Errorf("cone: c = %v: allowed is a finite number above 0", s.C)
	}
	m := &Cone{s: s}
	lo := math.Inf(-1)
	if s.OneSided {
		lo = 0
	}
	m.params = append(m.params, Param{Name: "xi", Lo: lo, Hi: math.Inf(1), Doc: "amplitude; 0 at the apex"})
	for i := range s.D {
		m.params = append(m.params, Param{Name: fmt.Sprintf("alpha%d", i+1), Lo: math.Inf(-1), Hi: math.Inf(1), Unit: "rad", Doc: "angle of the direction ω"})
	}
	return m, nil
}

var _ = register(Family{
	Name:   "cone",
	Doc:    "normal mean on a cone: the simplest singular model, everything exact",
	Coords: "ξ, then d angles of ω",
	Keys: []Key{
		{"d", "1", "dimension of the sphere of directions"},
		{"c", "1", "slope of the cone"},
		{"signed", "true", "ξ ∈ R (double cone); false: ξ ≥ 0"},
	},
	About: `x ∈ R^(d+2), x ~ N(ξ a(ω), I), a(ω) = (1, cω)/√(1+c²), ω on the unit sphere S^d.

Singular set: the apex ξ = 0, where all ω have the same law. There the Fisher
information has rank 1 of d+1. For every n, the likelihood-ratio statistic at the
apex is ((|Z0| + cR)/√(1+c²))² with Z0 standard normal and R chi with d+1 degrees
of freedom, not χ²(d+1), and ω̂ is uniform on the sphere however large n is.

Learning coefficient at the apex: 1/2 for a smooth prior in (ξ, ω), whatever d;
(k+1)/2 for a prior density ∝ |ξ|^k, so (d+1)/2 for the Jeffreys prior, as if the
model were regular.`,
	Refs: []string{
		"S. Amari, H. Park, T. Ozeki (2001), Geometrical singularities in the neuromanifold of multilayer perceptrons, NIPS 14",
		"S. Amari, H. Park, T. Ozeki (2006), Singularities affect dynamics of learning in neuromanifolds, Neural Computation 18(5):1007-1065",
	},
	New: func(s *Settings) (Model, error) {
		return NewCone(ConeSettings{D: s.Int("d", 1, 1000), C: s.Positive("c"), OneSided: !s.Bool("signed")})
	},
})

// String returns the model as Parse takes it.
func (m *Cone) String() string {
	return fmt.Sprintf("cone:d=%d,c=%v,signed=%v", m.s.D, m.s.C, !m.s.OneSided)
}

// Params returns ξ and the angles.
func (m *Cone) Params() []Param { return m.params }

// Shape returns d+2 modelled columns.
func (m *Cone) Shape() Shape { return Shape{Q: m.s.D + 2} }

// direction fills a (d+2) with a(ω).
func (m *Cone) direction(a, alpha []float64) {
	norm := 1 / math.Sqrt(1+m.s.C*m.s.C)
	a[0] = norm
	r := m.s.C * norm
	for i, al := range alpha {
		sin, cos := math.Sincos(al)
		a[i+1] = r * cos
		r *= sin
	}
	a[m.s.D+1] = r
}

// Sample fills z with draws.
func (m *Cone) Sample(z *Data, theta []float64, rng *rand.Rand) {
	checkLen(len(theta), len(m.params))
	if z.P != 0 || z.Q != m.s.D+2 {
		panic(badShape)
	}
	a := make([]float64, z.Q)
	m.direction(a, theta[1:])
	for i := range z.N {
		for j, y := 0, z.Y(i); j < z.Q; j++ {
			y[j] = theta[0]*a[j] + rng.NormFloat64()
		}
	}
}

// Bind caches the mean of the rows, which is sufficient.
func (m *Cone) Bind(z *Data) (Likelihood, error) {
	if err := checkBind(m, z); err != nil {
		return nil, err
	}
	return m.bind(z, nil), nil
}

func (m *Cone) bind(z *Data, w []float64) *coneLik {
	q := m.s.D + 2
	l := &coneLik{m: m, z: z, w: w, sum: make([]float64, q), a: make([]float64, q), g: make([]float64, len(m.params))}
	l.gather()
	return l
}

type coneLik struct {
	m      *Cone
	z      *Data
	w      []float64 // nil: every weight is 1
	sum    []float64 // Σ w x
	weight float64   // Σ w
	square float64   // Σ w |x|²
	a, g   []float64
}

// gather computes the sufficient statistics.
func (l *coneLik) gather() {
	for j := range l.sum {
		l.sum[j] = 0
	}
	l.weight, l.square = 0, 0
	for i := range l.z.N {
		w := 1.0
		if l.w != nil {
			w = l.w[i]
		}
		l.weight += w
		for j, v := range l.z.Y(i) {
			l.sum[j] += w * v
			l.square += w * v * v
		}
	}
}

// refresh gathers again where the weights may have changed.
func (l *coneLik) refresh() {
	if l.w != nil {
		l.gather()
	}
}

// Model returns the cone.
func (l *coneLik) Model() Model { return l.m }

// N returns the number of rows.
func (l *coneLik) N() int { return l.z.N }

// Weight returns the total weight of the rows.
func (l *coneLik) Weight() float64 { l.refresh(); return l.weight }

// Reweight implements Reweighter.
func (l *coneLik) Reweight(w []float64) Likelihood {
	checkLen(len(w), l.z.N)
	return l.m.bind(l.z, w)
}

func (l *coneLik) outside(theta []float64) bool {
	checkLen(len(theta), len(l.m.params))
	return !allFinite(theta) || l.m.s.OneSided && theta[0] < 0
}

// LogLik is ξ a(ω)·Σx − nξ²/2 − ½Σ|x|² − n(d+2)/2 log 2π.
func (l *coneLik) LogLik(theta []float64) float64 {
	if l.outside(theta) {
		return math.Inf(-1)
	}
	l.refresh()
	l.m.direction(l.a, theta[1:])
	dot := 0.0
	for j, s := range l.sum {
		dot += l.a[j] * s
	}
	xi := theta[0]
	return xi*dot - l.weight*(xi*xi/2+float64(len(l.a))*halfLog2Pi) - l.square/2
}

// Terms fills dst with the log-density of every row.
func (l *coneLik) Terms(dst, theta []float64) {
	checkLen(len(dst), l.z.N)
	if l.outside(theta) {
		for i := range dst {
			dst[i] = math.Inf(-1)
		}
		return
	}
	l.m.direction(l.a, theta[1:])
	for i := range dst {
		ss := 0.0
		for j, v := range l.z.Y(i) {
			r := v - theta[0]*l.a[j]
			ss += r * r
		}
		dst[i] = -ss/2 - float64(len(l.a))*halfLog2Pi
	}
}

// gradient fills dst with the derivatives of ξ a(ω)·s − wξ²/2. It walks the
// angles from the last to the first: with tail_i = Σ over coordinates after i of
// s_j ω_j / (sin α1 ⋯ sin αi), ∂/∂αi is linear in cos αi, sin αi.
func (l *coneLik) gradient(dst, theta, s []float64, w float64) {
	m := l.m
	d := m.s.D
	r := m.s.C / math.Sqrt(1+m.s.C*m.s.C)
	// prefix products of sines, in dst[i+1] for angle i.
	prod := 1.0
	for i := range d {
		dst[i+1] = prod
		prod *= math.Sin(theta[i+1])
	}
	tail := s[d+1]
	for i := d - 1; i >= 0; i-- {
		sin, cos := math.Sincos(theta[i+1])
		dst[i+1] *= theta[0] * r * (cos*tail - sin*s[i+1])
		tail = cos*s[i+1] + sin*tail
	}
	dst[0] = s[0]/math.Sqrt(1+m.s.C*m.s.C) + r*tail - w*theta[0]
}

// Score implements Scorer.
func (l *coneLik) Score(dst, theta []float64) float64 {
	checkLen(len(dst), len(l.m.params))
	ll := l.LogLik(theta)
	if !math.IsInf(ll, -1) {
		l.gradient(dst, theta, l.sum, l.weight)
	}
	return ll
}

// ScoreTerms implements TermScorer.
func (l *coneLik) ScoreTerms(dst *mat.Dense, theta []float64) {
	if r, c := dst.Dims(); r != l.z.N || c != len(l.m.params) {
		panic(badShape)
	}
	checkLen(len(theta), len(l.m.params))
	for i := range l.z.N {
		l.gradient(l.g, theta, l.z.Y(i), 1)
		dst.SetRow(i, l.g)
	}
}

// Maximum implements Maximizer: ω̂ points along the last d+1 coordinates of the
// mean, turned to the side of the first if ξ may be negative, and ξ̂ is the
// projection on a(ω̂), so that the fit is the nearest point of the cone. At the
// one-sided apex, where every ω̂ fits equally well, it keeps that direction.
func (l *coneLik) Maximum(dst []float64) float64 {
	checkLen(len(dst), len(l.m.params))
	l.refresh()
	sign := 1.0
	if !l.m.s.OneSided && l.sum[0] < 0 {
		sign = -1
	}
	// The angles of sign·(s_1, …, s_{d+1}), from the last to the first.
	d := l.m.s.D
	tail := sign * l.sum[d+1]
	for i := d - 1; i >= 0; i-- {
		y := sign * l.sum[i+1]
		dst[i+1] = math.Atan2(tail, y)
		tail = math.Hypot(tail, y)
	}
	c := l.m.s.C
	dst[0] = sign * (math.Abs(l.sum[0]) + c*tail) / math.Sqrt(1+c*c) / l.weight
	if l.m.s.OneSided {
		dst[0] = math.Max(0, (l.sum[0]+c*tail)/math.Sqrt(1+c*c)/l.weight)
	}
	return l.LogLik(dst)
}

// Start proposes a uniform direction with the amplitude that fits it best.
func (l *coneLik) Start(dst []float64, rng *rand.Rand) {
	checkLen(len(dst), len(l.m.params))
	l.refresh()
	d := l.m.s.D
	tail := rng.NormFloat64()
	for i := d - 1; i >= 0; i-- {
		y := rng.NormFloat64()
		dst[i+1] = math.Atan2(tail, y)
		tail = math.Hypot(tail, y)
	}
	l.m.direction(l.a, dst[1:])
	dot := 0.0
	for j, s := range l.sum {
		dot += l.a[j] * s
	}
	dst[0] = dot / l.weight
	if l.m.s.OneSided {
		dst[0] = math.Max(dst[0], 0)
	}
}
