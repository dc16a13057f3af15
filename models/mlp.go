package models

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
)

// MLPSettings describe a network with one hidden layer. The zero value is one
// input, two erf units, one output, no biases, noise of variance 1 and inputs
// from N(0, 1).
type MLPSettings struct {
	In, Hidden, Out int        // sizes; 0 means 1, 2 and 1
	Act             Activation // of the hidden units; the outputs are linear
	Bias            bool       // biases on hidden units and outputs
	Sigma           float64    // known standard deviation of the noise; 0 means 1
	FreeSigma       bool       // σ² is the last coordinate of θ; Sigma must be 0
	// Inputs is the law of x, of dimension In: nil means N(0, I). An
	// EmpiricalLaw without data stands for the inputs of whatever data is
	// bound; then nothing can be drawn from it.
	Inputs Law
}

// MLP is the multilayer perceptron with one hidden layer as a regression model,
//
//	y_o = Σ_i v_oi φ(w_i·x + b_i) + c_o + e_o,  e_o ~ N(0, σ²) independent,
//
// without b and c unless it has biases. θ holds the matrix w (hidden×in) and
// then v (out×hidden), row-major, each row followed by its bias, and last σ²
// where it is free. Where σ² is free and the network can pass through all data
// the likelihood is unbounded as σ² → 0.
//
// The Fisher information degenerates where the network could do with fewer
// units: see Strata. The erf unit φ(h) = erf(h/√2) is the reference of
// Amari, Park and Ozeki (2006): all Gaussian averages are closed forms.
type MLP struct {
	s      MLPSettings
	params []Param
	rowIn  int // length of a row of w with its bias
	rowOut int // length of a row of v with its bias
	offOut int // where v begins in θ
	net    int // coordinates without σ²
}

// NewMLP returns the model. It is an error if a size is negative or above 1000,
// the noise is not a finite number above 0 (or given and free), or the law of
// the inputs has another dimension.
func NewMLP(s MLPSettings) (*MLP, error) {
	for _, size := range []struct {
		name string
		n    *int
		dflt int
	}{{"inputs", &s.In, 1}, {"hidden units", &s.Hidden, 2}, {"outputs", &s.Out, 1}} {
		if *size.n == 0 {
			*size.n = size.dflt
		}
		if *size.n < 0 || *size.n > 1000 {
			return nil, fmt.Errorf("mlp: %d %s: allowed is 1 to 1000", *size.n, size.name)
		}
	}
	if s.Act < ErfUnit || s.Act > LinearUnit {
		return nil, fmt.Errorf("mlp: %v: allowed are erf, tanh, relu, linear", s.Act)
	}
	switch {
	case s.FreeSigma && s.Sigma != 0:
		return nil, errors.New("mlp: the noise is free and given: leave Sigma 0 or FreeSigma false")
	case !s.FreeSigma && s.Sigma == 0:
		s.Sigma = 1
	case !s.FreeSigma && (!(s.Sigma > 0) || math.IsInf(s.Sigma, 0)):
		return nil, fmt.Errorf("mlp: sigma = %v: allowed is a finite number above 0", s.Sigma)
	}
	m := &MLP{s: s}
	m.rowIn, m.rowOut = s.In, s.Hidden
	if s.Bias {
		m.rowIn++
		m.rowOut++
	}
	m.offOut = s.Hidden * m.rowIn
	m.net = m.offOut + s.Out*m.rowOut
	m.params = m.makeParams()
	law := s.Inputs
	if law == nil {
		law = NormalLaw{P: s.In, SD: 1}
	}
	return m.WithInputs(law)
}

// WithInputs returns the same model with another law of the inputs. It is an
// error if the law has another dimension or a standard deviation that is not a
// finite number above 0.
func (m *MLP) WithInputs(law Law) (*MLP, error) {
	law, err := networkInputs(law, m.s.In, m.s.Out)
	if err != nil {
		return nil, err
	}
	c := *m
	c.s.Inputs = law
	return &c, nil
}

// networkInputs checks the law of the inputs of a network; q is the number of
// modelled columns.
func networkInputs(law Law, in, q int) (Law, error) {
	var sd float64
	switch l := law.(type) {
	case NormalLaw:
		sd = l.SD
	case UniformLaw:
		sd = l.SD
	case EmpiricalLaw:
		if l.Z == nil {
			law = EmpiricalLaw{Z: NewData(0, in, q)}
		}
		sd = 1
	default:
		sd = 1
	}
	if !(sd > 0) || math.IsInf(sd, 0) {
		return nil, fmt.Errorf("mlp: inputs with standard deviation %v: allowed is a finite number above 0", sd)
	}
	if law.Dim() != in {
		return nil, fmt.Errorf("mlp: the inputs have dimension %d, the network takes %d", law.Dim(), in)
	}
	return law, nil
}

func (m *MLP) makeParams() []Param {
	s := m.s
	inf := math.Inf(1)
	ps := make([]Param, 0, m.net+1)
	add := func(name, doc string) { ps = append(ps, Param{Name: name, Lo: -inf, Hi: inf, Doc: doc}) }
	for i := 1; i <= s.Hidden; i++ {
		for k := 1; k <= s.In; k++ {
			name := fmt.Sprintf("w%d_%d", i, k)
			if s.In == 1 {
				name = fmt.Sprintf("w%d", i)
			}
			add(name, fmt.Sprintf("weight from input %d to hidden unit %d", k, i))
		}
		if s.Bias {
			add(fmt.Sprintf("b%d", i), fmt.Sprintf("bias of hidden unit %d", i))
		}
	}
	for o := 1; o <= s.Out; o++ {
		for i := 1; i <= s.Hidden; i++ {
			name := fmt.Sprintf("v%d_%d", o, i)
			if s.Out == 1 {
				name = fmt.Sprintf("v%d", i)
			}
			add(name, fmt.Sprintf("weight from hidden unit %d to output %d", i, o))
		}
		if s.Bias {
			add(fmt.Sprintf("c%d", o), fmt.Sprintf("bias of output %d", o))
		}
	}
	if s.FreeSigma {
		ps = append(ps, Param{Name: "sigma2", Lo: 0, Hi: inf, Doc: "variance of the noise of each output"})
	}
	return ps
}

// drawNetworkInputs fills the inputs of z from the law of a network.
func drawNetworkInputs(m fmt.Stringer, z *Data, law Law, rng *rand.Rand) {
	if l, ok := law.(EmpiricalLaw); ok && l.Z.N == 0 {
		panic("models: " + m.String() + " has no data to draw inputs from: call WithInputs")
	}
	DrawInputs(z, law, rng)
}

// checkVariance reports a variance of the noise that is not above 0.
func checkVariance(v float64) error {
	if !(v > 0) {
		return fmt.Errorf("sigma2 = %v: allowed is a number above 0", v)
	}
	return nil
}

// Settings returns the settings with their defaults filled in.
func (m *MLP) Settings() MLPSettings { return m.s }

// String returns the model as Parse takes it.
func (m *MLP) String() string {
	s := m.s
	t := fmt.Sprintf("mlp:in=%d,hidden=%d,out=%d,act=%v,bias=%v,sigma=", s.In, s.Hidden, s.Out, s.Act, s.Bias)
	if s.FreeSigma {
		t += "free"
	} else {
		t += formatNumber(s.Sigma)
	}
	return t + lawText(s.Inputs)
}

// Params returns w, b, v, c and σ² in the order of θ.
func (m *MLP) Params() []Param { return m.params }

// Shape returns the inputs and outputs.
func (m *MLP) Shape() Shape { return Shape{P: m.s.In, Q: m.s.Out} }

// InputLaw implements Inputter.
func (m *MLP) InputLaw() Law { return m.s.Inputs }

// Inputs implements Inputter. It panics where the law is that of data which the
// model was not given.
func (m *MLP) Inputs(z *Data, rng *rand.Rand) {
	drawNetworkInputs(m, z, m.s.Inputs, rng)
}

// CheckDomain implements Domainer: σ² must lie above 0.
func (m *MLP) CheckDomain(theta []float64) error {
	return checkVariance(m.variance(theta))
}

// variance returns σ².
func (m *MLP) variance(theta []float64) float64 {
	if m.s.FreeSigma {
		return theta[m.net]
	}
	return m.s.Sigma * m.s.Sigma
}

// unit returns w_i with its bias, a part of θ.
func (m *MLP) unit(theta []float64, i int) []float64 {
	return theta[i*m.rowIn : (i+1)*m.rowIn : (i+1)*m.rowIn]
}

// output returns v_o with its bias, a part of θ.
func (m *MLP) output(theta []float64, o int) []float64 {
	lo := m.offOut + o*m.rowOut
	return theta[lo : lo+m.rowOut : lo+m.rowOut]
}

// activate fills h (hidden) with the pre-activations at input x.
func (m *MLP) activate(h, theta, x []float64) {
	n, in := m.rowIn, m.s.In
	if in == 1 { // the case of most experiments: no inner loop
		b := 0.0
		for i := range h {
			if m.s.Bias {
				b = theta[i*n+1]
			}
			h[i] = theta[i*n]*x[0] + b
		}
		return
	}
	for i := range h {
		row := theta[i*n : i*n+n]
		a := 0.0
		if m.s.Bias {
			a = row[in]
		}
		for k, v := range x {
			a += row[k] * v
		}
		h[i] = a
	}
}

// read fills f (out) with the outputs for hidden values φ (hidden).
func (m *MLP) read(f, theta, phi []float64) {
	n := m.rowOut
	for o := range f {
		row := theta[m.offOut+o*n : m.offOut+o*n+n]
		a := 0.0
		if m.s.Bias {
			a = row[len(phi)]
		}
		for i, p := range phi {
			a += row[i] * p
		}
		f[o] = a
	}
}

// Mean fills dst (out) with f(x; θ), the mean of y at input x (in).
func (m *MLP) Mean(dst, theta, x []float64) {
	checkLen(len(dst), m.s.Out)
	checkLen(len(theta), len(m.params))
	checkLen(len(x), m.s.In)
	h := make([]float64, m.s.Hidden)
	m.mean(dst, h, theta, x)
}

// mean is Mean with scratch h (hidden).
func (m *MLP) mean(dst, h, theta, x []float64) {
	m.activate(h, theta, x)
	m.s.Act.value(h)
	m.read(dst, theta, h)
}

// Sample fills the outputs of z given its inputs.
func (m *MLP) Sample(z *Data, theta []float64, rng *rand.Rand) {
	if z.P != m.s.In || z.Q != m.s.Out {
		panic(badShape)
	}
	checkLen(len(theta), len(m.params))
	sd := math.Sqrt(m.variance(theta))
	h := make([]float64, m.s.Hidden)
	for t := range z.N {
		y := z.Y(t)
		m.mean(y, h, theta, z.X(t))
		for o := range y {
			y[o] += sd * rng.NormFloat64()
		}
	}
}

var _ = register(Family{
	Name:   "mlp",
	Doc:    "multilayer network as a regression or classifier: overlap and elimination of hidden units",
	Coords: "w (hidden×in) row by row, then v (out×hidden) row by row, each row followed by its bias if bias=true (several layers: from the first to the last); σ² if free",
	Keys: []Key{
		{"in", "1", "number of inputs"},
		{"hidden", "2", "number of hidden units; 64+64 for two layers"},
		{"out", "1", "number of outputs; with softmax of classes"},
		{"act", "erf", "activation: erf (erf(h/√2)), tanh, relu, linear"},
		{"bias", "false", "biases on hidden units and outputs"},
		{"sigma", "1", "standard deviation of the noise, or free"},
		{"noise", "gauss", "law of the outputs: gauss, or softmax for one column of labels 0, …, out − 1"},
		{"x", "normal", "law of the inputs: normal, uniform, data"},
		{"xsd", "1", "standard deviation of each input"},
	},
	About: mlpAbout,
	Refs: []string{
		"S. Amari, H. Park, T. Ozeki (2006), Singularities affect dynamics of learning in neuromanifolds, Neural Computation 18(5):1007-1065",
		"K. Fukumizu, S. Amari (2000), Local minima and plateaus in hierarchical structures of multilayer perceptrons, Neural Networks 13:317-327",
		"M. Rattray, D. Saad, S. Amari (1998), Natural gradient descent for on-line learning, Physical Review Letters 81:5461-5464",
		"M. Aoyagi, S. Watanabe (2005), Resolution of singularities and the generalization error with Bayesian estimation for layered neural network, IEICE Trans. J88-D-II:2112-2124",
	},
	New: newMLPFromText,
})

func newMLPFromText(s *Settings) (Model, error) {
	hidden := s.Ints("hidden", 1, 1000)
	softmax := s.Choice("noise", "gauss", "softmax") == "softmax"
	set := MLPSettings{In: s.Int("in", 1, 1000), Hidden: hidden[0], Out: s.Int("out", 1, 1000), Bias: s.Bool("bias")}
	act := s.Choice("act", activationNames[:]...)
	for i, name := range activationNames {
		if name == act {
			set.Act = Activation(i)
		}
	}
	word, sigma := s.ChoiceOrPositive("sigma", "free")
	set.FreeSigma, set.Sigma = word == "free", sigma
	sd := s.Positive("xsd")
	switch s.Choice("x", "normal", "uniform", "data") {
	case "normal":
		set.Inputs = NormalLaw{P: set.In, SD: sd}
	case "uniform":
		set.Inputs = UniformLaw{P: set.In, SD: sd}
	case "data":
		if sd != 1 {
			return nil, errors.New("key xsd of mlp is " + strconv.Quote(s.Text("xsd")) + ": with x=data the spread is that of the data")
		}
		set.Inputs = EmpiricalLaw{}
	}
	if len(hidden) == 1 && !softmax {
		return NewMLP(set)
	}
	deep := DeepMLPSettings{
		In: set.In, Hidden: hidden, Out: set.Out, Act: set.Act, Bias: set.Bias, Softmax: softmax,
		Sigma: set.Sigma, FreeSigma: set.FreeSigma, Inputs: set.Inputs,
	}
	if softmax {
		if _, given := s.kv["sigma"]; given {
			return nil, fmt.Errorf("key sigma of mlp is %q: with noise=softmax there is no sigma", s.Text("sigma"))
		}
		deep.Sigma = 0
	}
	return NewDeepMLP(deep)
}

const mlpAbout = `y_o = Σ_i v_oi φ(w_i·x + b_i) + c_o + e_o with independent noise N(0, σ²), biases
only if bias=true; φ(h) = erf(h/√2), tanh h, max(h, 0) or h.

Finite symmetries: the hidden units may be permuted and, for odd φ, the weights
into and out of a unit may change sign together: 2^H H! images of each θ.

Strata of the singular set, where units are redundant and the law is the same
along whole curves or surfaces: overlap(i,j), w_i = ±w_j (only v_i ± v_j
matters); elimination(i), v_i = 0 (w_i does not matter); zero-input(i), w_i = 0
(the unit is constant). With one input and output and two units the Fisher
information (4×4) has rank 2 on the overlap, 3 on each of the others, and 2
where both meet. The null space on the overlap is larger than the tangent of the
class of equal laws: moving w_1 and w_2 apart at fixed v_1 w_1 + v_2 w_2 does not
change the law to first order. Near the overlap, with u = w_2 − w_1, the two small
eigenvalues go to zero as u² and u⁶ and the determinant as u⁸. A relu unit can be
rescaled continuously and a linear layer changed to any basis, so these have a
singular information everywhere.

Learning coefficients (smooth positive prior): d/2 where no unit is redundant.
One input, one output, odd φ, no bias, truth 0: (h² + h + H)/(4h + 2) with
h = ⌊√H⌋ and multiplicity 2 if h² = H, else 1 (Aoyagi and Watanabe 2005). Two
units when the truth needs one: 5/4, multiplicity 1. A free σ² adds 1/2.

Several hidden layers (hidden=64+64) have the same strata in every layer, named
overlap(l:i,j), elimination(l:i) and zero-input(l:i); learning coefficients are
not known. With noise=softmax the one modelled column is a class 0, …, out − 1 with
P(y = k) ∝ exp f_k(x). Its information is singular everywhere (stratum shift): one
vector added to all rows of the last layer changes nothing.`
