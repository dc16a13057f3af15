package models

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"gonum.org/v1/gonum/mat"
)

// CrossingSettings selects a normal-crossing model.
type CrossingSettings struct {
	Powers []int   // k_i ≥ 1; nil means {1, 1}
	Sigma  float64 // standard deviation of the noise; 0 means 1
	Inputs Law     // law of x, of dimension 1; nil means N(0, 1)
}

// A Crossing is the regression y = Π w_i^{k_i} · x + e, e ~ N(0, σ²), whose
// Kullback-Leibler divergence from the truth 0 is the monomial
// Π w_i^{2k_i} E x²/(2σ²): the normal crossing to which every singularity can be
// resolved (Hironaka 1964; Watanabe 2009), and the test bed of learning
// coefficients. The product alone is identifiable, so that F has rank at most 1.
type Crossing struct {
	s      CrossingSettings
	params []Param
}

// NewCrossing returns the model of s, or an error that says what is allowed.
func NewCrossing(s CrossingSettings) (*Crossing, error) {
	if s.Powers == nil {
		s.Powers = []int{1, 1}
	}
	if len(s.Powers) == 0 {
		return nil, fmt.Errorf("crossing: no powers")
	}
	if s.Sigma == 0 {
		s.Sigma = 1
	}
	if !(s.Sigma > 0) || math.IsInf(s.Sigma, 0) {
		return nil, fmt.Errorf("crossing: sigma = %v: allowed is a finite number above 0", s.Sigma)
	}
	if s.Inputs == nil {
		s.Inputs = NormalLaw{P: 1, SD: 1}
	}
	if s.Inputs.Dim() != 1 {
		return nil, fmt.Errorf("crossing: inputs of dimension %d: allowed is 1", s.Inputs.Dim())
	}
	s.Powers = append([]int(nil), s.Powers...)
	m := &Crossing{s: s}
	for i, k := range s.Powers {
		if k < 1 {
			return nil, fmt.Errorf("crossing: power %d: allowed is 1 or more", k)
		}
		m.params = append(m.params, Param{Name: fmt.Sprintf("w%d", i+1), Lo: math.Inf(-1), Hi: math.Inf(1), Doc: fmt.Sprintf("factor with power %d", k)})
	}
	return m, nil
}

var _ = register(Family{
	Name:   "crossing",
	Doc:    "normal crossing: regression on a product of powers, with known λ and m",
	Coords: "w₁…w_m",
	Keys: []Key{
		{"powers", "1+1", "powers k_i joined by +"},
		{"sigma", "1", "standard deviation of the noise"},
		{"x", "normal", "law of the input: normal or uniform"},
		{"xsd", "1", "standard deviation of the input"},
	},
	About: `y = Π w_i^(k_i) · x + e, e ~ N(0, σ²).

Singular everywhere for m ≥ 2: only the product is identifiable, so the Fisher
information has rank 1, and rank 0 where the product has a critical zero.

Learning coefficient, truth 0: λ = min 1/(2k_i), m the number of i that attain it.
Truth ≠ 0: λ = 1/2, m = 1.`,
	Refs: []string{"S. Watanabe (2009), Algebraic Geometry and Statistical Learning Theory, Cambridge University Press"},
	New: func(s *Settings) (Model, error) {
		return NewCrossing(CrossingSettings{Powers: s.Ints("powers", 1, 100), Sigma: s.Positive("sigma"), Inputs: s.inputLaw(1)})
	},
})

// String returns the model as Parse takes it, with the keys that matter to it.
func (m *Crossing) String() string {
	p := make([]string, len(m.s.Powers))
	for i, k := range m.s.Powers {
		p[i] = fmt.Sprint(k)
	}
	s := fmt.Sprintf("crossing:powers=%s,sigma=%v", strings.Join(p, "+"), m.s.Sigma)
	return s + lawText(m.s.Inputs)
}

// Params returns the factors.
func (m *Crossing) Params() []Param { return m.params }

// Shape returns one input and one output.
func (m *Crossing) Shape() Shape { return Shape{P: 1, Q: 1} }

// InputLaw implements Inputter.
func (m *Crossing) InputLaw() Law { return m.s.Inputs }

// Inputs implements Inputter.
func (m *Crossing) Inputs(z *Data, rng *rand.Rand) { DrawInputs(z, m.s.Inputs, rng) }

// slope returns Π w_i^{k_i}.
func (m *Crossing) slope(w []float64) float64 {
	c := 1.0
	for i, k := range m.s.Powers {
		c *= intPow(w[i], k)
	}
	return c
}

// gradient fills dst with scale · ∂(Π w_i^{k_i})/∂w.
func (m *Crossing) gradient(dst, w []float64, scale float64) {
	for i := range dst {
		g := scale
		for j, k := range m.s.Powers {
			if j == i {
				g *= float64(k) * intPow(w[j], k-1)
			} else {
				g *= intPow(w[j], k)
			}
		}
		dst[i] = g
	}
}

func intPow(x float64, k int) float64 {
	p := 1.0
	for range k {
		p *= x
	}
	return p
}

// Sample fills y given x.
func (m *Crossing) Sample(z *Data, theta []float64, rng *rand.Rand) {
	checkLen(len(theta), len(m.params))
	if z.P != 1 || z.Q != 1 {
		panic(badShape)
	}
	c := m.slope(theta)
	for i := range z.N {
		r := z.Row(i)
		r[1] = c*r[0] + m.s.Sigma*rng.NormFloat64()
	}
}

// Bind caches Σx², Σxy and Σy², which are sufficient.
func (m *Crossing) Bind(z *Data) (Likelihood, error) {
	if err := checkBind(m, z); err != nil {
		return nil, err
	}
	return newCrossingLik(m, z, nil), nil
}

type crossingLik struct {
	weightedRows
	m             *Crossing
	n, xx, xy, yy float64 // sums, where there are no weights
}

func newCrossingLik(m *Crossing, z *Data, w []float64) *crossingLik {
	l := &crossingLik{weightedRows: weightedRows{z, w}, m: m}
	l.n, l.xx, l.xy, l.yy = l.add()
	return l
}

// Model returns the crossing.
func (l *crossingLik) Model() Model { return l.m }

// Reweight implements Reweighter.
func (l *crossingLik) Reweight(w []float64) Likelihood {
	checkLen(len(w), l.z.N)
	return newCrossingLik(l.m, l.z, w)
}

// sums returns Σw, Σwx², Σwxy, Σwy². Weights may have changed since the last
// call, so that their sums are not kept.
func (l *crossingLik) sums() (n, xx, xy, yy float64) {
	if l.w != nil {
		return l.add()
	}
	return l.n, l.xx, l.xy, l.yy
}

func (l *crossingLik) add() (n, xx, xy, yy float64) {
	for i := range l.z.N {
		w := l.rowWeight(i)
		x, y := l.z.V[2*i], l.z.V[2*i+1]
		n += w
		xx += w * x * x
		xy += w * x * y
		yy += w * y * y
	}
	return n, xx, xy, yy
}

func (l *crossingLik) term(x, y, c float64) float64 {
	r := (y - c*x) / l.m.s.Sigma
	return -r*r/2 - math.Log(l.m.s.Sigma) - halfLog2Pi
}

// LogLik implements Likelihood.
func (l *crossingLik) LogLik(theta []float64) float64 {
	checkLen(len(theta), len(l.m.params))
	c := l.m.slope(theta)
	n, xx, xy, yy := l.sums()
	ll := -(yy-2*c*xy+c*c*xx)/(2*l.m.s.Sigma*l.m.s.Sigma) - n*(math.Log(l.m.s.Sigma)+halfLog2Pi)
	if math.IsNaN(ll) {
		return math.Inf(-1)
	}
	return ll
}

// Terms implements Likelihood.
func (l *crossingLik) Terms(dst, theta []float64) {
	checkLen(len(dst), l.z.N)
	checkLen(len(theta), len(l.m.params))
	c := l.m.slope(theta)
	for i := range dst {
		dst[i] = l.term(l.z.V[2*i], l.z.V[2*i+1], c)
		if math.IsNaN(dst[i]) {
			dst[i] = math.Inf(-1)
		}
	}
}

// Score implements Scorer.
func (l *crossingLik) Score(dst, theta []float64) float64 {
	checkLen(len(dst), len(l.m.params))
	_, xx, xy, _ := l.sums()
	c := l.m.slope(theta)
	l.m.gradient(dst, theta, (xy-c*xx)/(l.m.s.Sigma*l.m.s.Sigma))
	return l.LogLik(theta)
}

// ScoreTerms implements TermScorer.
func (l *crossingLik) ScoreTerms(dst *mat.Dense, theta []float64) {
	if r, c := dst.Dims(); r != l.z.N || c != len(l.m.params) {
		panic(badShape)
	}
	c := l.m.slope(theta)
	for i := range l.z.N {
		x, y := l.z.V[2*i], l.z.V[2*i+1]
		l.m.gradient(dst.RawRowView(i), theta, (y-c*x)*x/(l.m.s.Sigma*l.m.s.Sigma))
	}
}

// Start draws N(0, 1) factors, scaled to the size of the least-squares slope.
func (l *crossingLik) Start(dst []float64, rng *rand.Rand) {
	checkLen(len(dst), len(l.m.params))
	_, xx, xy, _ := l.sums()
	degree := 0
	for i, k := range l.m.s.Powers {
		dst[i] = rng.NormFloat64()
		degree += k
	}
	scale := math.Pow(math.Abs(xy/math.Max(xx, 1e-300))+1e-3, 1/float64(degree))
	for i := range dst {
		dst[i] *= scale
	}
}
