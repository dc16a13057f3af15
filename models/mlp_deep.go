package models

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/mat"
)

// DeepMLPSettings describe a network with any number of hidden layers as a model
// of data. The zero value but for Hidden is one input, one output, erf units, no
// biases, noise of variance 1 and inputs from N(0, 1).
type DeepMLPSettings struct {
	In, Out int        // sizes; 0 means 1. With Softmax Out is the number of classes
	Hidden  []int      // units of each hidden layer, at least one layer
	Act     Activation // of the hidden units; the outputs are linear
	Bias    bool       // biases on hidden units and outputs
	// Softmax models one label column y ∈ {0, …, Out−1} with
	// P(y = k) ∝ exp f_k(x) in place of Out columns with normal noise.
	Softmax   bool
	Sigma     float64 // known standard deviation of the noise; 0 means 1
	FreeSigma bool    // σ² is the last coordinate of θ; Sigma must be 0
	// Inputs is the law of x, as in MLPSettings.
	Inputs Law
}

// DeepMLP is the fully connected network f of DeepNet as a statistical model:
// y = f(x) + e with e ~ N(0, σ² I), or a class label with probabilities softmax
// f(x). It is the family mlp where that has several hidden layers or
// noise=softmax; one hidden layer with normal noise is MLP, which knows closed
// forms. θ is that of DeepNet, then σ² where it is free. The Fisher information
// of softmax outputs is singular everywhere, since a vector added to all rows of
// the last layer changes no probability.
type DeepMLP struct {
	s      DeepMLPSettings
	net    *DeepNet
	params []Param
}

// maxDeepParams bounds the number of named coordinates of a DeepMLP.
const maxDeepParams = 1_000_000

// NewDeepMLP returns the model. It is an error if there is no hidden layer, a size
// is below 1 or above 1000, softmax has fewer than two classes or a noise, the
// noise is not a finite number above 0 (or given and free), there are more than a
// million parameters, or the law of the inputs has another dimension.
func NewDeepMLP(s DeepMLPSettings) (*DeepMLP, error) {
	s.In, s.Out = max(s.In, 0), max(s.Out, 0)
	if s.In == 0 {
		s.In = 1
	}
	if s.Out == 0 {
		s.Out = 1
	}
	if len(s.Hidden) == 0 {
		return nil, errors.New("mlp: no hidden layer: allowed is 1 or more")
	}
	s.Hidden = slices.Clone(s.Hidden)
	widths := append(append([]int{s.In}, s.Hidden...), s.Out)
	for _, w := range widths {
		if w < 1 || w > 1000 {
			return nil, fmt.Errorf("mlp: a layer of %d units: allowed is 1 to 1000", w)
		}
	}
	switch {
	case s.Softmax && s.Out < 2:
		return nil, fmt.Errorf("mlp: softmax with %d class: out is the number of classes, allowed is 2 or more", s.Out)
	case s.Softmax && (s.FreeSigma || s.Sigma != 0):
		return nil, errors.New("mlp: softmax has no sigma: leave it out")
	case s.FreeSigma && s.Sigma != 0:
		return nil, errors.New("mlp: the noise is free and given: leave Sigma 0 or FreeSigma false")
	case !s.FreeSigma && s.Sigma == 0:
		s.Sigma = 1
	case !s.FreeSigma && (!(s.Sigma > 0) || math.IsInf(s.Sigma, 0)):
		return nil, fmt.Errorf("mlp: sigma = %v: allowed is a finite number above 0", s.Sigma)
	}
	net, err := NewDeepNet(DeepNetSettings{Widths: widths, Act: s.Act, Bias: s.Bias})
	if err != nil {
		return nil, fmt.Errorf("mlp: %w", err)
	}
	if net.Dim() > maxDeepParams {
		return nil, fmt.Errorf("mlp: %d parameters: allowed are %d", net.Dim(), maxDeepParams)
	}
	m := &DeepMLP{s: s, net: net}
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
func (m *DeepMLP) WithInputs(law Law) (*DeepMLP, error) {
	law, err := networkInputs(law, m.s.In, m.Shape().Q)
	if err != nil {
		return nil, err
	}
	c := *m
	c.s.Inputs = law
	return &c, nil
}

func (m *DeepMLP) makeParams() []Param {
	inf := math.Inf(1)
	ps := make([]Param, 0, m.net.Dim()+1)
	for l := 1; l <= m.net.Depth(); l++ {
		from, to := "unit %d of layer "+strconv.Itoa(l-1), "unit %d of layer "+strconv.Itoa(l)
		if l == 1 {
			from = "input %d"
		}
		if l == m.net.Depth() {
			to = "output %d"
		}
		for i := range m.net.s.Widths[l] {
			for k := range m.net.s.Widths[l-1] {
				ps = append(ps, Param{Name: fmt.Sprintf("w%d_%d_%d", l, i+1, k+1), Lo: -inf, Hi: inf, Doc: fmt.Sprintf("weight from "+from+" to "+to, k+1, i+1)})
			}
			if m.s.Bias {
				ps = append(ps, Param{Name: fmt.Sprintf("b%d_%d", l, i+1), Lo: -inf, Hi: inf, Doc: fmt.Sprintf("bias of "+to, i+1)})
			}
		}
	}
	if m.s.FreeSigma {
		ps = append(ps, Param{Name: "sigma2", Lo: 0, Hi: inf, Doc: "variance of the noise of each output"})
	}
	return ps
}

// Settings returns the settings with their defaults filled in. The caller must
// not modify the widths.
func (m *DeepMLP) Settings() DeepMLPSettings { return m.s }

// Net returns the network, whose θ is that of the model without σ².
func (m *DeepMLP) Net() *DeepNet { return m.net }

// String returns the model as Parse takes it.
func (m *DeepMLP) String() string {
	s := m.s
	hidden := make([]string, len(s.Hidden))
	for i, h := range s.Hidden {
		hidden[i] = strconv.Itoa(h)
	}
	t := fmt.Sprintf("mlp:in=%d,hidden=%s,out=%d,act=%v,bias=%v", s.In, strings.Join(hidden, "+"), s.Out, s.Act, s.Bias)
	switch {
	case s.Softmax:
		t += ",noise=softmax"
	case s.FreeSigma:
		t += ",sigma=free"
	default:
		t += ",sigma=" + formatNumber(s.Sigma)
	}
	return t + lawText(s.Inputs)
}

// Params returns the weights in the order of θ, and σ².
func (m *DeepMLP) Params() []Param { return m.params }

// Shape returns the inputs, and the outputs or the one label.
func (m *DeepMLP) Shape() Shape {
	if m.s.Softmax {
		return Shape{P: m.s.In, Q: 1}
	}
	return Shape{P: m.s.In, Q: m.s.Out}
}

// InputLaw implements Inputter.
func (m *DeepMLP) InputLaw() Law { return m.s.Inputs }

// Inputs implements Inputter. It panics where the law is that of data which the
// model was not given.
func (m *DeepMLP) Inputs(z *Data, rng *rand.Rand) {
	drawNetworkInputs(m, z, m.s.Inputs, rng)
}

// CheckDomain implements Domainer: σ² must lie above 0.
func (m *DeepMLP) CheckDomain(theta []float64) error {
	return checkVariance(m.variance(theta))
}

func (m *DeepMLP) variance(theta []float64) float64 {
	if m.s.FreeSigma {
		return theta[m.net.Dim()]
	}
	return m.s.Sigma * m.s.Sigma
}

// outputs fills f (Out) at input x.
func (m *DeepMLP) outputs(p *deepPass, theta, x []float64) []float64 {
	p.reset()
	p.push(x, 0)
	p.forward(theta, false)
	return rowAt(p.h[m.net.Depth()], 0)
}

// Outputs returns f at θ and the inputs of z (N×Out): means, or logits of the
// classes.
func (m *DeepMLP) Outputs(theta []float64, z *Data) *mat.Dense {
	checkLen(len(theta), len(m.params))
	if z.P != m.s.In {
		panic(badShape)
	}
	out := mat.NewDense(z.N, m.s.Out, nil)
	p := newDeepPass(m.net, min(deepBlock, max(1, z.N)))
	for t := range z.N {
		p.push(z.X(t), t)
		if p.full() || t == z.N-1 {
			p.forward(theta, false)
			for r, at := range p.rows {
				out.SetRow(at, rowAt(p.h[m.net.Depth()], r))
			}
			p.reset()
		}
	}
	return out
}

// Sample fills the outputs, or the labels, of z given its inputs.
func (m *DeepMLP) Sample(z *Data, theta []float64, rng *rand.Rand) {
	if s := m.Shape(); z.P != s.P || z.Q != s.Q {
		panic(badShape)
	}
	checkLen(len(theta), len(m.params))
	p := newDeepPass(m.net, 1)
	sd := math.Sqrt(m.variance(theta))
	for t := range z.N {
		f, y := m.outputs(p, theta, z.X(t)), z.Y(t)
		if m.s.Softmax {
			softmaxInPlace(f)
			y[0] = float64(drawClass(f, rng.Float64()))
			continue
		}
		for o := range y {
			y[o] = f[o] + sd*rng.NormFloat64()
		}
	}
}

// drawClass returns the class of probability vector g that a uniform number hits.
func drawClass(g []float64, u float64) int {
	for k, v := range g {
		if u -= v; u < 0 {
			return k
		}
	}
	return len(g) - 1 // u and the sum of g differ by rounding
}

// softmaxInPlace replaces f by the probabilities ∝ exp f, and returns log Σ exp f.
func softmaxInPlace(f []float64) float64 {
	top := slices.Max(f)
	sum := 0.0
	for k, v := range f {
		f[k] = math.Exp(v - top)
		sum += f[k]
	}
	for k := range f {
		f[k] /= sum
	}
	return top + math.Log(sum)
}

// FisherAt implements PointInformer: the elemental information JᵀJ/σ², or JᵀQJ
// with Q = diag(g) − ggᵀ and the class probabilities g, at input x (in), and
// out/(2σ⁴) for a free σ². It allocates scratch of out × d numbers.
func (m *DeepMLP) FisherAt(dst *mat.SymDense, theta, x []float64) {
	d, c := m.net.Dim(), m.s.Out
	checkSym(dst, len(m.params))
	checkLen(len(theta), len(m.params))
	checkLen(len(x), m.s.In)
	j := m.net.NewJacobian(1)
	j.Set(theta[:d], mat.NewDense(1, m.s.In, slices.Clone(x)))
	jac, u := mat.NewDense(c, d, nil), make([]float64, c)
	for k := range c {
		u[k] = 1
		j.MulTrans(jac.RawRowView(k), u)
		u[k] = 0
	}
	dst.Zero()
	s2 := m.variance(theta)
	scale := 1 / math.Sqrt(s2)
	g := rowAt(j.h[m.net.Depth()], 0)
	if m.s.Softmax {
		softmaxInPlace(g)
		scale = 1
	}
	mean := make([]float64, d) // Σ_k g_k ∇f_k
	for k := 0; m.s.Softmax && k < c; k++ {
		for i, v := range jac.RawRowView(k) {
			mean[i] += g[k] * v
		}
	}
	raw := dst.RawSymmetric()
	for k := range c {
		row := jac.RawRowView(k)
		if m.s.Softmax { // Q = BBᵀ with B = diag(√g) − g√gᵀ
			scale = math.Sqrt(g[k])
		}
		for i := range row {
			row[i] = scale * (row[i] - mean[i])
		}
		for i, v := range row {
			for i2 := i; v != 0 && i2 < d; i2++ {
				raw.Data[i*raw.Stride+i2] += v * row[i2]
			}
		}
	}
	if m.s.FreeSigma {
		dst.SetSym(d, d, 0.5*float64(c)/(s2*s2))
	}
}

// Nodes implements Noder: a rule over the inputs times, at each input, the classes
// with their probabilities, or points with the moments of the noise, as for MLP.
// The rule is that of MLP without regard to kinks, which cost relu units accuracy.
func (m *DeepMLP) Nodes(theta []float64, rule Rule) (z *Data, w []float64, err error) {
	if err := CheckTheta(m, theta); err != nil {
		return nil, nil, fmt.Errorf("%v: %w", m, err)
	}
	if rule.Points < 0 || rule.Points > 1<<20 {
		return nil, nil, fmt.Errorf("%v: a rule of %d points: allowed is 0 (default) to %d", m, rule.Points, 1<<20)
	}
	xs, wx, err := inputNodes(m, m.s.Inputs, rule, m.s.Act.homogeneous(), nil)
	if err != nil {
		return nil, nil, err
	}
	in, out := m.s.In, m.s.Out
	p := newDeepPass(m.net, 1)
	if m.s.Softmax {
		z = NewData(out*len(wx), in, 1)
		for t, wt := range wx {
			x := xs[t*in : t*in+in]
			f := m.outputs(p, theta, x)
			softmaxInPlace(f)
			for k, g := range f {
				row := z.Row(len(w))
				copy(row, x)
				row[in] = float64(k)
				w = append(w, wt*g)
			}
		}
		return z, w, nil
	}
	es, we := noiseNodes(out, m.s.FreeSigma)
	sigma := math.Sqrt(m.variance(theta))
	z = NewData(len(we)*len(wx), in, out)
	for t, wt := range wx {
		x := xs[t*in : t*in+in]
		f := m.outputs(p, theta, x)
		for k, wk := range we {
			row := z.Row(len(w))
			copy(row, x)
			for o := range out {
				row[in+o] = f[o] + sigma*es[k*out+o]
			}
			w = append(w, wt*wk)
		}
	}
	return z, w, nil
}
