package singular

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

// A WideSampler draws networks from a WideNet with inputs from N(0, I) and
// measures the spectra of their information matrices. It owns scratch: one
// goroutine.
type WideSampler struct {
	net   WideNet
	deep  *models.DeepNet
	block int
	theta []float64
	x, f  *mat.Dense
	jac   *models.DeepJacobian // nil in blocks
}

// WideBytes returns the memory in bytes that a WideSampler and the spectrum of
// one dual matrix need at least and at best: the least in blocks of one sample,
// the best in one block.
func WideBytes(net WideNet, samples int) (least, best float64, err error) {
	deep, err := net.deep()
	if err != nil {
		return 0, 0, err
	}
	if samples < 1 {
		return 0, 0, fmt.Errorf("%d samples: allowed is 1 or more", samples)
	}
	fixed := wideFixed(net, deep, samples)
	return fixed + deep.KernelBytes(samples, 1), fixed + deep.KernelBytes(samples, samples), nil
}

// wideFixed counts θ, inputs, outputs, and two more matrices of the size of the
// dual: a transformed one and the scratch of its eigenvalues.
func wideFixed(net WideNet, deep *models.DeepNet, samples int) float64 {
	nc := float64(samples) * float64(deep.Out())
	return 8 * (float64(deep.Dim()) + float64(samples)*float64(net.Widths[0]) + nc + 2*nc*nc)
}

func (w WideNet) deep() (*models.DeepNet, error) {
	return models.NewDeepNet(models.DeepNetSettings{Widths: append(append([]int(nil), w.Widths...), w.outputs()), Act: w.Act, Bias: true})
}

// NewWideSampler allocates the memory for networks at the given number of inputs,
// at most limit bytes; 0 means no limit. Where everything at once would not fit,
// the kernel is computed in blocks. The error is a *models.MemoryError where even
// the smallest would not; nothing has been allocated then. Inputs of another norm
// or overlap than those of N(0, I) cannot be drawn.
func NewWideSampler(net WideNet, samples int, limit float64) (*WideSampler, error) {
	s, err := planWide(net, samples, limit)
	if err != nil {
		return nil, err
	}
	s.theta = make([]float64, s.deep.Dim())
	s.x, s.f = mat.NewDense(samples, s.deep.In(), nil), mat.NewDense(samples, s.deep.Out(), nil)
	if s.block == samples {
		s.jac = s.deep.NewJacobian(samples)
	}
	return s, nil
}

// planWide is NewWideSampler without the memory.
func planWide(net WideNet, samples int, limit float64) (*WideSampler, error) {
	if net.InputOverlap != 0 || net.InputNorm != 0 && net.InputNorm != 1 {
		return nil, fmt.Errorf("wide network: inputs of norm %v and overlap %v: networks are measured at inputs from N(0, I)", net.InputNorm, net.InputOverlap)
	}
	least, _, err := WideBytes(net, samples)
	if err != nil {
		return nil, err
	}
	if limit == 0 {
		limit = math.Inf(1)
	}
	deep, err := net.deep()
	if err != nil {
		return nil, err
	}
	if least > limit {
		return nil, &models.MemoryError{What: fmt.Sprintf("the spectrum of a network of %d parameters at %d inputs with %d outputs", deep.Dim(), samples, deep.Out()), Need: least, Limit: limit}
	}
	block, err := deep.KernelBlock(samples, limit-wideFixed(net, deep, samples))
	if err != nil {
		return nil, err
	}
	return &WideSampler{net: net, deep: deep, block: block}, nil
}

// Draw draws weights and then inputs. Results of earlier draws stay valid.
func (s *WideSampler) Draw(rng *rand.Rand) {
	s.deep.Random(s.theta, s.net.VarW, s.net.VarB, rng)
	x := s.x.RawMatrix().Data
	for i := range x {
		x[i] = rng.NormFloat64()
	}
	if s.jac != nil {
		s.jac.Set(s.theta, s.x)
	}
}

// Net, Theta and Inputs (N×M_0) are what was drawn, until the next draw.
func (s *WideSampler) Net() *models.DeepNet { return s.deep }
func (s *WideSampler) Theta() []float64     { return s.theta }
func (s *WideSampler) Inputs() *mat.Dense   { return s.x }

// dual returns the dual for a scaling of layers, of a matrix of dimension dim,
// and leaves the outputs in s.f.
func (s *WideSampler) dual(scale []models.LayerScale, dim int) *Dual {
	n, c := s.f.Dims()
	k := mat.NewSymDense(n*c, nil)
	if s.jac != nil {
		s.jac.Outputs(s.f)
		s.jac.Kernel(k, scale)
	} else {
		s.deep.TangentKernel(k, s.f, s.theta, s.x, scale, s.block)
	}
	return NewDual(k, n, dim)
}

// Regression returns the dual of the regression information and the outputs
// (N×C), which are valid until the next call.
func (s *WideSampler) Regression() (*Dual, *mat.Dense) {
	return s.dual(nil, s.deep.Dim()), s.f
}

// Layer returns the dual of the block of the regression information of layer l.
func (s *WideSampler) Layer(l int) *Dual { return s.dual(s.deep.LayerOnly(l), s.deep.LayerDim(l)) }

// NTK returns the neural tangent kernel Θ (NC×NC), as a Dual that is not divided
// by N: its moments are those over the NC eigenvalues of Θ.
func (s *WideSampler) NTK() *Dual {
	n, c := s.f.Dims()
	d := s.dual(s.deep.NTKScale(s.net.VarW, s.net.VarB), n*c)
	d.F.ScaleSym(float64(n), d.F)
	return d
}

// Metric returns the dual of the metric of inputs and features; inputs alone for
// inputOnly. It needs all samples at once and panics in blocks.
func (s *WideSampler) Metric(inputOnly bool) *Dual {
	if s.jac == nil {
		panic("singular: the metric is not computed in blocks")
	}
	n, c := s.f.Dims()
	end, dim := s.deep.Depth(), 0
	if inputOnly {
		end = 1
	}
	for _, m := range s.net.Widths[:end] {
		dim += m
	}
	k := mat.NewSymDense(n*c, nil)
	s.jac.FeatureKernel(k, 0, end)
	return NewDual(k, n, dim)
}

// A Loss is what a network is trained for, which decides its Fisher information.
type Loss int

const (
	RegressionLoss   Loss = iota // Gaussian noise of variance 1 on each output
	CrossEntropyLoss             // softmax classification
)

// String returns the name of the loss on the command line.
func (l Loss) String() string {
	if l == CrossEntropyLoss {
		return "cross-entropy"
	}
	return "regression"
}
