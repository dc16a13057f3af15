package models

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// RBFSettings selects a radial basis function network.
type RBFSettings struct {
	In        int     // inputs; 0 means 1
	Hidden    int     // units; 0 means 2
	Width     float64 // width ω of a unit exp(−|x−c|²/(2ω²)); 0 means 1
	Sigma     float64 // standard deviation of the noise; 0 means 1
	FreeSigma bool    // σ² is the last coordinate; Sigma is ignored
	Inputs    Law     // law of x, of dimension In; nil means N(0, I)
}

// An RBF is the regression y = Σ v_i exp(−|x−c_i|²/(2ω²)) + e, e ~ N(0, σ²), on
// units of one known width. Its coordinates are the centres, unit by unit, then
// the output weights, then σ² if it is free. Overlapping centres and vanishing
// weights are singular (Wei and Amari 2008; Guo et al. 2018); unlike a
// perceptron it has no singularity of vanishing input weights.
type RBF struct {
	s      RBFSettings
	params []Param
}

// NewRBF returns the model of s, or an error that says what is allowed.
func NewRBF(s RBFSettings) (*RBF, error) {
	if s.In == 0 {
		s.In = 1
	}
	if s.Hidden == 0 {
		s.Hidden = 2
	}
	if s.Width == 0 {
		s.Width = 1
	}
	if s.Sigma == 0 || s.FreeSigma {
		s.Sigma = 1
	}
	for _, c := range []struct {
		name string
		v    float64
	}{{"width", s.Width}, {"sigma", s.Sigma}} {
		if !(c.v > 0) || math.IsInf(c.v, 0) {
			return nil, fmt.Errorf("rbf: %s = %v: allowed is a finite number above 0", c.name, c.v)
		}
	}
	if s.In < 1 || s.Hidden < 1 {
		return nil, fmt.Errorf("rbf: in = %d, hidden = %d: allowed is 1 or more", s.In, s.Hidden)
	}
	if s.Inputs == nil {
		s.Inputs = NormalLaw{P: s.In, SD: 1}
	}
	if s.Inputs.Dim() != s.In {
		return nil, fmt.Errorf("rbf: inputs of dimension %d for in = %d", s.Inputs.Dim(), s.In)
	}
	m := &RBF{s: s}
	for i := range s.Hidden {
		for j := range s.In {
			name := fmt.Sprintf("c%d", i+1)
			if s.In > 1 {
				name = fmt.Sprintf("c%d_%d", i+1, j+1)
			}
			m.params = append(m.params, Param{Name: name, Lo: math.Inf(-1), Hi: math.Inf(1), Doc: fmt.Sprintf("centre of unit %d", i+1)})
		}
	}
	for i := range s.Hidden {
		m.params = append(m.params, Param{Name: fmt.Sprintf("v%d", i+1), Lo: math.Inf(-1), Hi: math.Inf(1), Doc: fmt.Sprintf("output weight of unit %d", i+1)})
	}
	if s.FreeSigma {
		m.params = append(m.params, Param{Name: "var", Lo: 0, Hi: math.Inf(1), Doc: "variance σ² of the noise"})
	}
	return m, nil
}

var _ = register(Family{
	Name:   "rbf",
	Doc:    "radial basis function network with Gaussian units of known width",
	Coords: "centres unit by unit, output weights, σ² if free",
	Keys: []Key{
		{"in", "1", "inputs"},
		{"hidden", "2", "units"},
		{"width", "1", "width of a unit"},
		{"sigma", "1", "standard deviation of the noise, or free"},
		{"x", "normal", "law of the inputs: normal or uniform"},
		{"xsd", "1", "standard deviation of each input"},
	},
	About: `y = Σ v_i exp(−|x−c_i|²/(2 width²)) + e, e ~ N(0, σ²).

Singular set: overlap(i,j), c_i = c_j, where only v_i + v_j has an effect, and
elimination(i), v_i = 0, where c_i has none. Near an overlap at separation u the
smallest eigenvalues of the Fisher information go to 0 like u² and u⁶.

Learning coefficients, known σ, d inputs: h(d+1)/2 where no unit is redundant; one
unit, truth 0: 1/2; two units, truth 0: 1, with m = 2 for d = 1; two units, truth one
unit: (d+1)/2 + min(1/2, d/4), so 5/4 for d = 1, with m = 2 for d = 2 (derived here);
elsewhere an upper bound. A free σ² adds 1/2.`,
	Refs: []string{
		"H. Wei, S. Amari (2008), Dynamics of learning near singularities in radial basis function networks, Neural Networks 21:989-1005",
		"W. Guo et al. (2018), Numerical analysis near singularities in RBF networks, JMLR 19(1):1-39",
	},
	New: func(s *Settings) (Model, error) {
		in := s.Int("in", 1, 10000)
		set := RBFSettings{In: in, Hidden: s.Int("hidden", 1, 10000), Width: s.Positive("width"), Inputs: s.inputLaw(in)}
		word, sigma := s.ChoiceOrPositive("sigma", "free")
		set.Sigma, set.FreeSigma = sigma, word == "free"
		return NewRBF(set)
	},
})

// String returns the model as Parse takes it.
func (m *RBF) String() string {
	s := fmt.Sprintf("rbf:hidden=%d", m.s.Hidden)
	if m.s.In != 1 {
		s += fmt.Sprintf(",in=%d", m.s.In)
	}
	if m.s.Width != 1 {
		s += fmt.Sprintf(",width=%v", m.s.Width)
	}
	if m.s.FreeSigma {
		s += ",sigma=free"
	} else if m.s.Sigma != 1 {
		s += fmt.Sprintf(",sigma=%v", m.s.Sigma)
	}
	return s + lawText(m.s.Inputs)
}

// Settings returns the settings with their defaults filled in.
func (m *RBF) Settings() RBFSettings { return m.s }

// Params returns centres, weights and σ².
func (m *RBF) Params() []Param { return m.params }

// Shape returns the inputs and one output.
func (m *RBF) Shape() Shape { return Shape{P: m.s.In, Q: 1} }

// InputLaw implements Inputter.
func (m *RBF) InputLaw() Law { return m.s.Inputs }

// Inputs implements Inputter.
func (m *RBF) Inputs(z *Data, rng *rand.Rand) { DrawInputs(z, m.s.Inputs, rng) }

func (m *RBF) centre(theta []float64, i int) []float64 { return theta[i*m.s.In : (i+1)*m.s.In] }

func (m *RBF) weights(theta []float64) []float64 {
	return theta[m.s.Hidden*m.s.In : m.s.Hidden*(m.s.In+1)]
}

// variance returns σ².
func (m *RBF) variance(theta []float64) float64 {
	if m.s.FreeSigma {
		return theta[len(theta)-1]
	}
	return m.s.Sigma * m.s.Sigma
}

// unit returns exp(−|x−c|²/(2ω²)).
func (m *RBF) unit(x, c []float64) float64 {
	r := 0.0
	for j, v := range x {
		d := v - c[j]
		r += d * d
	}
	return math.Exp(-r / (2 * m.s.Width * m.s.Width))
}

// output returns f(x) and, unless g is nil, fills g with ∂f/∂(c, v).
func (m *RBF) output(g, theta, x []float64) float64 {
	v := m.weights(theta)
	f, w2 := 0.0, m.s.Width*m.s.Width
	for i := range m.s.Hidden {
		c := m.centre(theta, i)
		u := m.unit(x, c)
		f += v[i] * u
		if g != nil {
			for j := range x {
				g[i*m.s.In+j] = v[i] * u * (x[j] - c[j]) / w2
			}
			g[m.s.Hidden*m.s.In+i] = u
		}
	}
	return f
}

// Sample fills y given x.
func (m *RBF) Sample(z *Data, theta []float64, rng *rand.Rand) {
	checkLen(len(theta), len(m.params))
	if z.P != m.s.In || z.Q != 1 {
		panic(badShape)
	}
	sd := math.Sqrt(m.variance(theta))
	for t := range z.N {
		z.Y(t)[0] = m.output(nil, theta, z.X(t)) + sd*rng.NormFloat64()
	}
}

// Bind keeps the data.
func (m *RBF) Bind(z *Data) (Likelihood, error) {
	if err := checkBind(m, z); err != nil {
		return nil, err
	}
	return &rbfLik{weightedRows{z, nil}, m, make([]float64, len(m.params))}, nil
}

type rbfLik struct {
	weightedRows
	m *RBF
	g []float64
}

// Model returns the network.
func (l *rbfLik) Model() Model { return l.m }

// Reweight implements Reweighter.
func (l *rbfLik) Reweight(w []float64) Likelihood {
	checkLen(len(w), l.z.N)
	return &rbfLik{weightedRows{l.z, w}, l.m, make([]float64, len(l.g))}
}

func (l *rbfLik) outside(theta []float64) bool {
	checkLen(len(theta), len(l.m.params))
	return !allFinite(theta) || !(l.m.variance(theta) > 0)
}

// LogLik implements Likelihood.
func (l *rbfLik) LogLik(theta []float64) float64 { return l.Score(nil, theta) }

// Terms implements Likelihood.
func (l *rbfLik) Terms(dst, theta []float64) {
	checkLen(len(dst), l.z.N)
	out := l.outside(theta)
	v := l.m.variance(theta)
	for t := range dst {
		if out {
			dst[t] = math.Inf(-1)
			continue
		}
		r := l.z.Y(t)[0] - l.m.output(nil, theta, l.z.X(t))
		dst[t] = -r*r/(2*v) - math.Log(v)/2 - halfLog2Pi
	}
}

// Score implements Scorer; a nil dst asks for ℓ alone.
func (l *rbfLik) Score(dst, theta []float64) float64 {
	if dst != nil {
		checkLen(len(dst), len(l.m.params))
	}
	if l.outside(theta) {
		return math.Inf(-1)
	}
	v := l.m.variance(theta)
	clear(dst)
	var g []float64
	if dst != nil {
		g = l.g
	}
	ss, weight := 0.0, 0.0
	for t := range l.z.N {
		w := l.rowWeight(t)
		r := l.z.Y(t)[0] - l.m.output(g, theta, l.z.X(t))
		ss += w * r * r
		weight += w
		for j := range l.m.s.Hidden * (l.m.s.In + 1) {
			if dst == nil {
				break
			}
			dst[j] += w * r * g[j] / v
		}
	}
	if dst != nil && l.m.s.FreeSigma {
		dst[len(dst)-1] = (ss/v - weight) / (2 * v)
	}
	return -ss/(2*v) - weight*(math.Log(v)/2+halfLog2Pi)
}

// ScoreTerms implements TermScorer.
func (l *rbfLik) ScoreTerms(dst *mat.Dense, theta []float64) {
	if r, c := dst.Dims(); r != l.z.N || c != len(l.m.params) {
		panic(badShape)
	}
	for t := range l.z.N {
		l.termScore(dst.RawRowView(t), theta, t)
	}
}

// termScore fills dst with the score of row t and returns its log-density.
func (l *rbfLik) termScore(dst, theta []float64, t int) float64 {
	v := l.m.variance(theta)
	r := l.z.Y(t)[0] - l.m.output(dst, theta, l.z.X(t))
	for j := range l.m.s.Hidden * (l.m.s.In + 1) {
		dst[j] *= r / v
	}
	if l.m.s.FreeSigma {
		dst[len(dst)-1] = (r*r/v - 1) / (2 * v)
	}
	return -r*r/(2*v) - math.Log(v)/2 - halfLog2Pi
}

// BatchScore implements Batcher.
func (l *rbfLik) BatchScore(dst, theta []float64, rows []int) float64 {
	checkLen(len(dst), len(l.m.params))
	if l.outside(theta) {
		return math.Inf(-1)
	}
	clear(dst)
	ll := 0.0
	for _, t := range rows {
		w := l.rowWeight(t)
		ll += w * l.termScore(l.g, theta, t)
		for j, g := range l.g {
			dst[j] += w * g
		}
	}
	return ll
}

// Start puts the centres on random rows, jittered, and the weights at the
// least-squares fit given the centres, with a ridge of 1e-8 of the diagonal
// that keeps equal centres solvable.
func (l *rbfLik) Start(dst []float64, rng *rand.Rand) {
	checkLen(len(dst), len(l.m.params))
	m, h := l.m, l.m.s.Hidden
	for i := range h {
		c := m.centre(dst, i)
		copy(c, l.z.X(rng.IntN(l.z.N)))
		for j := range c {
			c[j] += 0.3 * m.s.Width * rng.NormFloat64()
		}
	}
	gram, rhs, u := mat.NewSymDense(h, nil), mat.NewVecDense(h, nil), make([]float64, h)
	yy, weight := 0.0, 0.0
	for t := range l.z.N {
		w, y := l.rowWeight(t), l.z.Y(t)[0]
		for i := range u {
			u[i] = m.unit(l.z.X(t), m.centre(dst, i))
		}
		for i := range u {
			rhs.SetVec(i, rhs.AtVec(i)+w*y*u[i])
			for j := i; j < h; j++ {
				gram.SetSym(i, j, gram.At(i, j)+w*u[i]*u[j])
			}
		}
		yy += w * y * y
		weight += w
	}
	for i := range h {
		gram.SetSym(i, i, gram.At(i, i)*(1+1e-8)+1e-12)
	}
	v := m.weights(dst)
	var chol mat.Cholesky
	if sol := mat.NewVecDense(h, nil); chol.Factorize(gram) && chol.SolveVecTo(sol, rhs) == nil {
		copy(v, sol.RawVector().Data)
	} else {
		for i := range v {
			v[i] = rng.NormFloat64()
		}
	}
	if m.s.FreeSigma {
		dst[len(dst)-1] = math.Max(yy/weight, 1e-300)
	}
}

// Canonicalize sorts the units by centre, lexicographically ascending.
func (m *RBF) Canonicalize(theta []float64) {
	checkLen(len(theta), len(m.params))
	type unit struct {
		c []float64
		v float64
	}
	units := make([]unit, m.s.Hidden)
	for i := range units {
		units[i] = unit{slices.Clone(m.centre(theta, i)), m.weights(theta)[i]}
	}
	slices.SortStableFunc(units, func(a, b unit) int { return slices.Compare(a.c, b.c) })
	for i, u := range units {
		copy(m.centre(theta, i), u.c)
		m.weights(theta)[i] = u.v
	}
}
