package models

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
)

// ContaminatedSettings selects a contaminated normal model.
type ContaminatedSettings struct {
	SD    float64 // standard deviation of both components; 0 means 1
	Bound float64 // |b| ≤ Bound; 0 means no bound
}

// A Contaminated is (1−a) N(0, sd²) + a N(b, sd²), 0 ≤ a ≤ 1, with coordinates a
// and b: the simplest mixture, whose first component is known. The law is
// N(0, sd²) on both lines a = 0 and b = 0, which cross at the origin.
type Contaminated struct {
	s      ContaminatedSettings
	params []Param
}

// NewContaminated returns the model of s, or an error that says what is allowed.
func NewContaminated(s ContaminatedSettings) (*Contaminated, error) {
	if s.SD == 0 {
		s.SD = 1
	}
	if !(s.SD > 0) || math.IsInf(s.SD, 0) {
		return nil, fmt.Errorf("contaminated: sd = %v: allowed is a finite number above 0", s.SD)
	}
	bound := s.Bound
	switch {
	case bound == 0:
		bound = math.Inf(1)
	case !(bound > 0):
		return nil, fmt.Errorf("contaminated: bound = %v: allowed is a number above 0", s.Bound)
	}
	return &Contaminated{s: s, params: []Param{
		{Name: "a", Lo: 0, Hi: 1, Doc: "weight of the contamination"},
		{Name: "b", Lo: -bound, Hi: bound, Doc: "mean of the contamination"},
	}}, nil
}

var _ = register(Family{
	Name:   "contaminated",
	Doc:    "contaminated normal (1−a)N(0,1) + aN(b,1)",
	Coords: "a, b",
	Keys: []Key{
		{"sd", "1", "standard deviation of both components"},
		{"bound", "none", "M: |b| ≤ M"},
	},
	About: `p(y) = (1−a) N(y; 0, sd²) + a N(y; b, sd²).

Singular set: elimination a = 0 (b has no effect) and overlap b = 0 (a has none);
the law is N(0, sd²) on both. At a = 0 the information about a is exp(b²/sd²) − 1.

The likelihood-ratio statistic of a = 0 has no χ² law: with |b| ≤ M it tends to
the squared positive supremum of a Gaussian process, and without a bound it grows
like log log n.

Learning coefficient at a b = 0: 1/2 with multiplicity 2; regular elsewhere.`,
	Refs: []string{
		"J. A. Hartigan (1985), A failure of likelihood asymptotics for normal mixtures, Berkeley Conference in Honor of Neyman and Kiefer 2:807-810",
		"X. Liu, Y. Shao (2004), Asymptotics for the likelihood ratio test in a two-component normal mixture model, J. Statist. Plann. Inference 123:61-81",
	},
	New: func(s *Settings) (Model, error) {
		_, bound := s.ChoiceOrPositive("bound", "none")
		return NewContaminated(ContaminatedSettings{SD: s.Positive("sd"), Bound: bound})
	},
})

// String returns the model as Parse takes it.
func (m *Contaminated) String() string {
	s := fmt.Sprintf("contaminated:sd=%v", m.s.SD)
	if m.s.Bound != 0 {
		s += fmt.Sprintf(",bound=%v", m.s.Bound)
	}
	return s
}

// Params returns a and b.
func (m *Contaminated) Params() []Param { return m.params }

// Shape returns one modelled column.
func (m *Contaminated) Shape() Shape { return Shape{Q: 1} }

// Sample fills z with draws.
func (m *Contaminated) Sample(z *Data, theta []float64, rng *rand.Rand) {
	checkLen(len(theta), 2)
	if z.P != 0 || z.Q != 1 {
		panic(badShape)
	}
	for t := range z.V {
		u, e := rng.Float64(), rng.NormFloat64()
		z.V[t] = m.s.SD * e
		if u < theta[0] {
			z.V[t] += theta[1]
		}
	}
}

// Bind keeps the data.
func (m *Contaminated) Bind(z *Data) (Likelihood, error) {
	if err := checkBind(m, z); err != nil {
		return nil, err
	}
	return &contaminatedLik{weightedRows{z, nil}, m}, nil
}

type contaminatedLik struct {
	weightedRows
	m *Contaminated
}

// Model returns the contaminated normal.
func (l *contaminatedLik) Model() Model { return l.m }

// Reweight implements Reweighter.
func (l *contaminatedLik) Reweight(w []float64) Likelihood {
	checkLen(len(w), l.z.N)
	return &contaminatedLik{weightedRows{l.z, w}, l.m}
}

func (l *contaminatedLik) outside(theta []float64) bool {
	checkLen(len(theta), 2)
	a, b := theta[0], theta[1]
	return !(a >= 0 && a <= 1) || math.IsNaN(b) || math.IsInf(b, 0) || math.Abs(b) > l.m.params[1].Hi
}

// ratio returns log p + ½ log 2π, p₁/p and (p₁ − p₀)/p at x in units of the standard
// deviation, with p₀, p₁ the densities of N(0, 1) and N(β, 1). It divides by the larger
// of the two, so that nothing overflows and an observation at 10⁶ keeps its digits, and
// takes the difference without cancellation near β = 0.
func ratio(a, beta, x float64) (logp, r1, diff float64) {
	t := beta * (x - beta/2) // log p₁/p₀
	if t <= 0 {
		e := math.Expm1(t)
		d := 1 + a*e
		return math.Log1p(a*e) - x*x/2, (1 + e) / d, e / d
	}
	e := math.Expm1(-t)
	d := 1 + (1-a)*e
	return math.Log1p((1-a)*e) - (x-beta)*(x-beta)/2, 1 / d, -e / d
}

// term returns log p(y) and its derivatives in a and b.
func (m *Contaminated) term(theta []float64, y float64) (lp, da, db float64) {
	a, beta, x := theta[0], theta[1]/m.s.SD, y/m.s.SD
	lp, r1, diff := ratio(a, beta, x)
	return lp - halfLog2Pi - math.Log(m.s.SD), diff, a * r1 * (x - beta) / m.s.SD
}

// LogLik implements Likelihood.
func (l *contaminatedLik) LogLik(theta []float64) float64 {
	if l.outside(theta) {
		return math.Inf(-1)
	}
	a, beta := theta[0], theta[1]/l.m.s.SD
	s, weight := 0.0, 0.0
	for t, y := range l.z.V {
		x, w := y/l.m.s.SD, l.rowWeight(t)
		lp, _, _ := ratio(a, beta, x)
		s += w * lp
		weight += w
	}
	return s - weight*(halfLog2Pi+math.Log(l.m.s.SD))
}

// Terms implements Likelihood.
func (l *contaminatedLik) Terms(dst, theta []float64) {
	checkLen(len(dst), l.z.N)
	out := l.outside(theta)
	for t, y := range l.z.V {
		if out {
			dst[t] = math.Inf(-1)
			continue
		}
		dst[t], _, _ = l.m.term(theta, y)
	}
}

// Score implements Scorer.
func (l *contaminatedLik) Score(dst, theta []float64) float64 {
	checkLen(len(dst), 2)
	if l.outside(theta) {
		return math.Inf(-1)
	}
	dst[0], dst[1] = 0, 0
	ll := 0.0
	for t, y := range l.z.V {
		w := l.rowWeight(t)
		lp, da, db := l.m.term(theta, y)
		ll += w * lp
		dst[0] += w * da
		dst[1] += w * db
	}
	return ll
}

// Hess implements Hesser.
func (l *contaminatedLik) Hess(dst *mat.SymDense, theta []float64) {
	checkLen(len(theta), 2)
	a, beta, sd := theta[0], theta[1]/l.m.s.SD, l.m.s.SD
	var aa, ab, bb float64
	for t, y := range l.z.V {
		x, w := y/sd, l.rowWeight(t)
		_, r1, diff := ratio(a, beta, x)
		r0 := 1 - a*diff // p₀/p
		aa -= w * diff * diff
		ab += w * r1 * r0 * (x - beta) / sd
		bb += w * a * r1 * ((1-a)*r0*(x-beta)*(x-beta) - 1) / (sd * sd)
	}
	dst.SetSym(0, 0, aa)
	dst.SetSym(0, 1, ab)
	dst.SetSym(1, 1, bb)
}

// ScoreTerms implements TermScorer.
func (l *contaminatedLik) ScoreTerms(dst *mat.Dense, theta []float64) {
	if r, c := dst.Dims(); r != l.z.N || c != 2 {
		panic(badShape)
	}
	checkLen(len(theta), 2)
	for t, y := range l.z.V {
		_, da, db := l.m.term(theta, y)
		dst.Set(t, 0, da)
		dst.Set(t, 1, db)
	}
}

// EMStep implements EMStepper. The bound on b clamps the weighted mean, which is
// the constrained maximiser.
func (l *contaminatedLik) EMStep(dst, theta []float64) float64 {
	checkLen(len(dst), 2)
	if l.outside(theta) {
		copy(dst, theta)
		return math.Inf(-1)
	}
	a, beta := theta[0], theta[1]/l.m.s.SD
	ll, weight, r, rx := 0.0, 0.0, 0.0, 0.0
	for t, y := range l.z.V {
		x, w := y/l.m.s.SD, l.rowWeight(t)
		lp, r1, _ := ratio(a, beta, x)
		ll += w * lp
		weight += w
		r += w * a * r1
		rx += w * a * r1 * y
	}
	dst[0], dst[1] = math.Min(1, r/weight), theta[1]
	if r > 0 {
		dst[1] = math.Max(l.m.params[1].Lo, math.Min(l.m.params[1].Hi, rx/r))
	}
	return ll - weight*(halfLog2Pi+math.Log(l.m.s.SD))
}

// Start puts b at a random observation and a at a random weight.
func (l *contaminatedLik) Start(dst []float64, rng *rand.Rand) {
	checkLen(len(dst), 2)
	dst[0] = rng.Float64()
	b := l.z.V[rng.IntN(l.z.N)]
	dst[1] = math.Max(l.m.params[1].Lo, math.Min(l.m.params[1].Hi, b))
}
