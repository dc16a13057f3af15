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
		var law Law = NormalLaw{P: 1, SD: s.Positive("xsd")}
		if s.Choice("x", "normal", "uniform") == "uniform" {
			law = UniformLaw{P: 1, SD: s.Positive("xsd")}
		}
		return NewCrossing(CrossingSettings{Powers: s.Ints("powers", 1, 100), Sigma: s.Positive("sigma"), Inputs: law})
	},
})

// String returns the model as Parse takes it, with the keys that matter to it.
func (m *Crossing) String() string {
	p := make([]string, len(m.s.Powers))
	for i, k := range m.s.Powers {
		p[i] = fmt.Sprint(k)
	}
	s := fmt.Sprintf("crossing:powers=%s,sigma=%v", strings.Join(p, "+"), m.s.Sigma)
	switch law := m.s.Inputs.(type) {
	case NormalLaw:
		if law.SD != 1 {
			s += fmt.Sprintf(",xsd=%v", law.SD)
		}
	case UniformLaw:
		s += fmt.Sprintf(",x=uniform,xsd=%v", law.SD)
	}
	return s
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
	return &crossingLik{m: m, z: z}, nil
}

type crossingLik struct {
	m *Crossing
	z *Data
	w []float64
}

// Model returns the crossing.
func (l *crossingLik) Model() Model { return l.m }

// N returns the number of rows.
func (l *crossingLik) N() int { return l.z.N }

// Weight returns the total weight of the rows.
func (l *crossingLik) Weight() float64 { n, _, _, _ := l.sums(); return n }

// Reweight implements Reweighter.
func (l *crossingLik) Reweight(w []float64) Likelihood {
	checkLen(len(w), l.z.N)
	return &crossingLik{m: l.m, z: l.z, w: w}
}

// sums returns Σw, Σwx², Σwxy, Σwy².
func (l *crossingLik) sums() (n, xx, xy, yy float64) {
	for i := range l.z.N {
		w := 1.0
		if l.w != nil {
			w = l.w[i]
		}
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

// secondMoment returns E x² where the law gives it in closed form.
func secondMoment(law Law) (float64, bool) {
	switch law := law.(type) {
	case NormalLaw:
		return law.SD * law.SD, true
	case UniformLaw:
		return law.SD * law.SD, true
	case EmpiricalLaw:
		s := 0.0
		for i := range law.Z.N {
			for _, v := range law.Z.X(i) {
				s += v * v
			}
		}
		return s / float64(law.Z.N*law.Z.P), true
	}
	return 0, false
}

// Fisher implements Informer: F = E x²/σ² ∇g ∇gᵀ with g = Π w_i^{k_i}.
func (m *Crossing) Fisher() (func(dst *mat.SymDense, theta []float64) float64, Route) {
	xx, ok := secondMoment(m.s.Inputs)
	if !ok {
		return nil, Exact
	}
	g := make([]float64, len(m.params))
	return func(dst *mat.SymDense, theta []float64) float64 {
		checkSym(dst, len(g))
		m.gradient(g, theta, math.Sqrt(xx)/m.s.Sigma)
		for i := range g {
			for j := i; j < len(g); j++ {
				dst.SetSym(i, j, g[i]*g[j])
			}
		}
		return 0
	}, Exact
}

// FisherFactor implements Factorer: one row.
func (m *Crossing) FisherFactor() (func(theta []float64) *mat.Dense, Route) {
	xx, ok := secondMoment(m.s.Inputs)
	if !ok {
		return nil, Exact
	}
	r := mat.NewDense(1, len(m.params), nil)
	return func(theta []float64) *mat.Dense {
		m.gradient(r.RawRowView(0), theta, math.Sqrt(xx)/m.s.Sigma)
		return r
	}, Exact
}

// FisherAt implements PointInformer.
func (m *Crossing) FisherAt(dst *mat.SymDense, theta, x []float64) {
	checkLen(len(x), 1)
	checkSym(dst, len(m.params))
	g := make([]float64, len(m.params))
	m.gradient(g, theta, x[0]/m.s.Sigma)
	for i := range g {
		for j := i; j < len(g); j++ {
			dst.SetSym(i, j, g[i]*g[j])
		}
	}
}

// Nodes implements Noder. log p is quadratic in (x, y), so that x = ±√E x² and
// noise ±σ are exact for expectations of log-densities of crossings; rule is
// ignored.
func (m *Crossing) Nodes(theta []float64, _ Rule) (*Data, []float64, error) {
	if err := CheckTheta(m, theta); err != nil {
		return nil, nil, err
	}
	xx, ok := secondMoment(m.s.Inputs)
	if !ok {
		return nil, nil, fmt.Errorf("%v: no quadrature nodes for inputs of law %v", m, m.s.Inputs)
	}
	z, c := NewData(4, 1, 1), m.slope(theta)
	for t := range 4 {
		x, e := math.Sqrt(xx), m.s.Sigma
		if t%2 == 1 {
			x = -x
		}
		if t >= 2 {
			e = -e
		}
		z.V[2*t], z.V[2*t+1] = x, c*x+e
	}
	return z, []float64{0.25, 0.25, 0.25, 0.25}, nil
}

// Strata returns the level set of the product through θ (for more than one
// factor every θ lies on one) and the hyperplanes w_i = 0.
func (m *Crossing) Strata() []Stratum {
	d := len(m.params)
	var out []Stratum
	if d > 1 {
		out = append(out, Stratum{
			Name: "level-set", Codim: 0,
			Doc:      "every θ: the product alone is identifiable, rank at most 1",
			Distance: func([]float64) float64 { return 0 },
			Project:  func(dst, theta []float64) { copy(dst, theta) },
			Tangent:  m.levelTangent,
		})
	}
	for i := range d {
		out = append(out, Stratum{
			Name: fmt.Sprintf("zero(%d)", i+1), Codim: 1,
			Doc:      fmt.Sprintf("w%d = 0: the product is 0 whatever the other factors are", i+1),
			Distance: func(theta []float64) float64 { return math.Abs(theta[i]) },
			Project: func(dst, theta []float64) {
				copy(dst, theta)
				dst[i] = 0
			},
			Tangent: func([]float64) *mat.Dense {
				if d == 1 {
					return nil
				}
				t := mat.NewDense(d, d-1, nil)
				for j, c := 0, 0; j < d; j++ {
					if j != i {
						t.Set(j, c, 1)
						c++
					}
				}
				return t
			},
		})
	}
	return out
}

// levelTangent spans the tangent space of the level set of the product. With
// every w_i ≠ 0 these are the directions Σ k_i t_i/w_i = 0; with one zero factor
// it may be held at zero while the others move; with several, each hyperplane is
// a branch and the intersection of their tangent spaces is given.
func (m *Crossing) levelTangent(theta []float64) *mat.Dense {
	d := len(theta)
	var free []int
	for i, w := range theta {
		if w != 0 {
			free = append(free, i)
		}
	}
	if len(free) == d {
		t := mat.NewDense(d, d-1, nil)
		for c := range d - 1 {
			t.Set(c, c, theta[c]/float64(m.s.Powers[c]))
			t.Set(c+1, c, -theta[c+1]/float64(m.s.Powers[c+1]))
		}
		return t
	}
	if len(free) == 0 {
		return nil
	}
	t := mat.NewDense(d, len(free), nil)
	for c, i := range free {
		t.Set(i, c, 1)
	}
	return t
}

// RLCT implements KnownRLCT by the rule for monomials. A prior power h multiplies
// every |w_i|^h into the density.
func (m *Crossing) RLCT(truth []float64, prior PriorShape) (Coefficient, bool) {
	checkLen(len(truth), len(m.params))
	all := make([]int, 0, len(truth))
	for i := range truth {
		all = append(all, i)
	}
	return m.rlct(truth, prior, all)
}

// LocalRLCT implements KnownLocalRLCT: only the factors that vanish at θ count.
func (m *Crossing) LocalRLCT(truth []float64, prior PriorShape) (Coefficient, bool) {
	checkLen(len(truth), len(m.params))
	var zero []int
	for i, w := range truth {
		if w == 0 {
			zero = append(zero, i)
		}
	}
	return m.rlct(truth, prior, zero)
}

func (m *Crossing) rlct(truth []float64, prior PriorShape, factors []int) (Coefficient, bool) {
	if prior.Jeffreys || prior.Dirichlet != 0 || !(prior.Power > -1) {
		return Coefficient{}, false
	}
	if m.slope(truth) != 0 {
		return RegularCoefficient(1), true // the zero set is smooth, of codimension 1
	}
	var k []int
	var h []float64
	for _, i := range factors {
		k = append(k, m.s.Powers[i])
		h = append(h, prior.Power)
	}
	c, err := MonomialCoefficient(k, h)
	return c, err == nil
}
