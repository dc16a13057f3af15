package estimation

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/neuromanifold/neuromanifold/models"
)

// A Prior is a probability density on the parameter space of a model. It is
// immutable and safe for concurrent use.
type Prior interface {
	Dim() int
	// LogDensity is log φ(θ) in nats with respect to dθ, normalised to integrate
	// to 1, and -Inf outside the support.
	LogDensity(theta []float64) float64
	// Sample fills dst (Dim) with a draw.
	Sample(dst []float64, rng *rand.Rand)
	// Shape is what of the prior changes a learning coefficient.
	Shape() models.PriorShape
	// String says what the prior is, in one line.
	String() string
}

// ErrImproper is returned for a prior that cannot be normalised.
var ErrImproper = errors.New("improper prior")

// A BlockPrior is a product of independent blocks of coordinates.
type BlockPrior struct {
	blocks []models.PriorBlock
	dim    int
	norm   []float64      // log normalising constant of each block
	chol   []mat.Cholesky // of the scale of an inverse Wishart block
	shape  models.PriorShape
}

// NewPrior returns the product of the blocks, which must cover the coordinates
// 0 … d−1 once each.
func NewPrior(blocks ...models.PriorBlock) (*BlockPrior, error) {
	p := &BlockPrior{blocks: blocks, norm: make([]float64, len(blocks)), chol: make([]mat.Cholesky, len(blocks))}
	seen := map[int]bool{}
	for i, b := range blocks {
		if b.N < 1 || b.At < 0 {
			return nil, fmt.Errorf("prior block %d (%v): coordinates %d to %d", i, b.Kind, b.At, b.At+b.N-1)
		}
		for j := b.At; j < b.At+b.N; j++ {
			if seen[j] {
				return nil, fmt.Errorf("prior block %d (%v): coordinate %d has a prior already", i, b.Kind, j)
			}
			seen[j] = true
			p.dim = max(p.dim, j+1)
		}
		c, err := p.normalise(i)
		if err != nil {
			return nil, fmt.Errorf("prior block %d (%v): %w", i, b.Kind, err)
		}
		p.norm[i] = c
	}
	if len(seen) != p.dim {
		return nil, fmt.Errorf("prior: %d of %d coordinates have none", p.dim-len(seen), p.dim)
	}
	return p, nil
}

// normalise checks block i and returns its log normalising constant.
func (p *BlockPrior) normalise(i int) (float64, error) {
	b := p.blocks[i]
	n := float64(b.N)
	finite := !math.IsNaN(b.A+b.B) && !math.IsInf(b.A+b.B, 0)
	switch b.Kind {
	case models.PriorUniform:
		if !finite || !(b.A < b.B) {
			return 0, fmt.Errorf("bounds %v, %v: want finite ones, the lower first: %w", b.A, b.B, ErrImproper)
		}
		return -n * math.Log(b.B-b.A), nil
	case models.PriorNormal:
		if !finite || !(b.B > 0) {
			return 0, fmt.Errorf("standard deviation %v: want a finite number above 0: %w", b.B, ErrImproper)
		}
		return -n * (math.Log(b.B) + 0.5*math.Log(2*math.Pi)), nil
	case models.PriorInverseGamma:
		if !finite || !(b.A > 0 && b.B > 0) {
			return 0, fmt.Errorf("shape %v, scale %v: want numbers above 0: %w", b.A, b.B, ErrImproper)
		}
		lg, _ := math.Lgamma(b.A)
		return n * (b.A*math.Log(b.B) - lg), nil
	case models.PriorDirichlet:
		if !(b.A > 0) || math.IsInf(b.A, 0) {
			return 0, fmt.Errorf("α = %v: want a number above 0: %w", b.A, ErrImproper)
		}
		if b.A != 1 {
			p.shape.Dirichlet = b.A
		}
		all, _ := math.Lgamma((n + 1) * b.A)
		one, _ := math.Lgamma(b.A)
		return all - (n+1)*one, nil
	case models.PriorStationary, models.PriorInvertible:
		return -logStationaryVolume(b.N), nil
	case models.PriorInverseWishart:
		d := triangleOrder(b.N)
		if d*(d+1)/2 != b.N || len(b.Scale) != d*d || !(b.A > float64(d-1)) {
			return 0, fmt.Errorf("%d coordinates, scale of %d entries, %v degrees of freedom: want d(d+1)/2, d² and more than d−1", b.N, len(b.Scale), b.A)
		}
		if !p.chol[i].Factorize(mat.NewSymDense(d, b.Scale)) {
			return 0, errors.New("the scale matrix is not positive definite")
		}
		c := 0.5*b.A*p.chol[i].LogDet() - 0.5*b.A*float64(d)*math.Ln2 - 0.25*float64(d*(d-1))*math.Log(math.Pi)
		for j := range d {
			lg, _ := math.Lgamma(0.5 * (b.A - float64(j)))
			c -= lg
		}
		return c, nil
	}
	return 0, fmt.Errorf("no such kind")
}

func triangleOrder(n int) int { return int(math.Round((math.Sqrt(float64(8*n+1)) - 1) / 2)) }

// logStationaryVolume is the logarithm of the volume of the stationary region of
// AR(p): Π of the normalising constants of the partial autocorrelations, whose
// density is ∝ (1+r_k)^⌊(k−1)/2⌋ (1−r_k)^⌊k/2⌋ (Jones 1987, Appl. Statist. 36, 134).
func logStationaryVolume(p int) float64 {
	var v float64
	for k := 1; k <= p; k++ {
		a, b := partialBeta(k)
		la, _ := math.Lgamma(a)
		lb, _ := math.Lgamma(b)
		lab, _ := math.Lgamma(a + b)
		v += (a+b-1)*math.Ln2 + la + lb - lab
	}
	return v
}

// partialBeta returns the parameters of the law Beta(a, b) of (1+r_k)/2.
func partialBeta(k int) (a, b float64) { return float64((k + 1) / 2), float64(k/2 + 1) }

// Dim implements Prior.
func (p *BlockPrior) Dim() int { return p.dim }

// Shape implements Prior.
func (p *BlockPrior) Shape() models.PriorShape { return p.shape }

// Blocks returns the blocks. The caller must not modify them.
func (p *BlockPrior) Blocks() []models.PriorBlock { return p.blocks }

// String implements Prior.
func (p *BlockPrior) String() string {
	s := ""
	last := models.PriorKind(-1)
	for _, b := range p.blocks {
		if b.Kind == last {
			continue
		}
		if s != "" {
			s += " × "
		}
		s += b.Kind.String()
		if b.Kind == models.PriorDirichlet {
			s += fmt.Sprintf("(%g)", b.A)
		}
		last = b.Kind
	}
	return s
}

// LogDensity implements Prior.
func (p *BlockPrior) LogDensity(theta []float64) float64 {
	if len(theta) != p.dim {
		panic("estimation: slice length mismatch")
	}
	var l float64
	for i := range p.blocks {
		l += p.norm[i] + p.logKernel(i, theta[p.blocks[i].At:p.blocks[i].At+p.blocks[i].N])
	}
	if math.IsNaN(l) {
		return math.Inf(-1)
	}
	return l
}

// logKernel is the log-density of block i without its constant.
func (p *BlockPrior) logKernel(i int, x []float64) float64 {
	b := &p.blocks[i]
	var l float64
	switch b.Kind {
	case models.PriorUniform:
		for _, v := range x {
			if !(v >= b.A && v <= b.B) {
				return math.Inf(-1)
			}
		}
	case models.PriorNormal:
		for _, v := range x {
			z := (v - b.A) / b.B
			l -= 0.5 * z * z
		}
	case models.PriorInverseGamma:
		for _, v := range x {
			if !(v > 0) {
				return math.Inf(-1)
			}
			l -= (b.A+1)*math.Log(v) + b.B/v
		}
	case models.PriorDirichlet:
		rest := 1.0
		for _, v := range x {
			if !(v >= 0) {
				return math.Inf(-1)
			}
			rest -= v
		}
		if rest < 0 {
			return math.Inf(-1)
		}
		if b.A != 1 {
			l = (b.A - 1) * math.Log(rest)
			for _, v := range x {
				l += (b.A - 1) * math.Log(v)
			}
		}
	case models.PriorStationary:
		if !stationary(x, 1) {
			return math.Inf(-1)
		}
	case models.PriorInvertible:
		if !stationary(x, -1) {
			return math.Inf(-1)
		}
	case models.PriorInverseWishart:
		return inverseWishartKernel(x, b.A, b.Scale)
	}
	return l
}

// Sample implements Prior.
func (p *BlockPrior) Sample(dst []float64, rng *rand.Rand) {
	if len(dst) != p.dim {
		panic("estimation: slice length mismatch")
	}
	for i := range p.blocks {
		b := &p.blocks[i]
		x := dst[b.At : b.At+b.N]
		switch b.Kind {
		case models.PriorUniform:
			for j := range x {
				x[j] = b.A + (b.B-b.A)*rng.Float64()
			}
		case models.PriorNormal:
			for j := range x {
				x[j] = b.A + b.B*rng.NormFloat64()
			}
		case models.PriorInverseGamma:
			g := distuv.Gamma{Alpha: b.A, Beta: b.B, Src: rng}
			for j := range x {
				x[j] = 1 / g.Rand()
			}
		case models.PriorDirichlet:
			g := distuv.Gamma{Alpha: b.A, Beta: 1, Src: rng}
			sum := 0.0
			for sum == 0 { // α near 0 underflows
				for j := range x {
					x[j] = g.Rand()
					sum += x[j]
				}
				sum += g.Rand()
			}
			for j := range x {
				x[j] /= sum
			}
		case models.PriorStationary, models.PriorInvertible:
			sign := 1.0
			if b.Kind == models.PriorInvertible {
				sign = -1
			}
			sampleStationary(x, sign, rng)
		case models.PriorInverseWishart:
			p.sampleInverseWishart(i, x, rng)
		}
	}
}

// WeakPrior returns the weakly informative prior that the family proposes on the
// scale of z (models.WeakPriorer); without a proposal, uniform between finite
// bounds and N(0, 10²) elsewhere, and an error for a coordinate bounded on one
// side only.
func WeakPrior(m models.Model, z *models.Data) (*BlockPrior, error) {
	if w, ok := m.(models.WeakPriorer); ok {
		return NewPrior(w.WeakPrior(z)...)
	}
	var blocks []models.PriorBlock
	for i, c := range m.Params() {
		b := models.PriorBlock{Kind: models.PriorUniform, At: i, N: 1, A: c.Lo, B: c.Hi}
		switch lo, hi := math.IsInf(c.Lo, -1), math.IsInf(c.Hi, 1); {
		case lo && hi:
			b.Kind, b.A, b.B = models.PriorNormal, 0, 10
		case lo || hi:
			return nil, fmt.Errorf("%v proposes no prior, and %s is bounded on one side: give one", m, c.Name)
		}
		blocks = append(blocks, b)
	}
	return NewPrior(blocks...)
}

// UniformBox returns the uniform prior on Π [lo_i, hi_i].
func UniformBox(lo, hi []float64) (*BlockPrior, error) {
	if len(lo) != len(hi) {
		return nil, fmt.Errorf("uniform prior: %d lower and %d upper bounds", len(lo), len(hi))
	}
	var blocks []models.PriorBlock
	for i := range lo {
		blocks = append(blocks, models.PriorBlock{Kind: models.PriorUniform, At: i, N: 1, A: lo[i], B: hi[i]})
	}
	return NewPrior(blocks...)
}
