package estimation

import (
	"math"

	"github.com/neuromanifold/neuromanifold/models"
)

// A Base is the part of a log-density that no temperature touches. It returns its
// value at θ, -Inf outside the support, and fills dst with its gradient unless
// dst is nil or the value is -Inf.
type Base func(dst, theta []float64) float64

// PriorBase is the Base of a prior. A BlockPrior has its gradient in closed form,
// except for inverse Wishart blocks; that of others is by central differences.
func PriorBase(p Prior) Base {
	d := p.Dim()
	x := make([]float64, d)
	diff := func(dst, theta []float64, at, n int) {
		copy(x, theta)
		for i := at; i < at+n; i++ {
			h := 1e-5 * (1 + math.Abs(theta[i]))
			x[i] = theta[i] + h
			up := p.LogDensity(x)
			x[i] = theta[i] - h
			dn := p.LogDensity(x)
			x[i] = theta[i]
			dst[i] = (up - dn) / (2 * h)
			if math.IsInf(up, 0) || math.IsInf(dn, 0) { // at a wall of the support
				dst[i] = 0
			}
		}
	}
	block, closed := p.(*BlockPrior)
	return func(dst, theta []float64) float64 {
		v := p.LogDensity(theta)
		switch {
		case dst == nil || math.IsInf(v, -1):
		case !closed:
			diff(dst, theta, 0, d)
		default:
			for i := range block.blocks {
				b := &block.blocks[i]
				if b.Kind == models.PriorInverseWishart {
					diff(dst, theta, b.At, b.N)
					continue
				}
				blockScore(b, dst[b.At:b.At+b.N], theta[b.At:b.At+b.N])
			}
		}
		return v
	}
}

// blockScore fills dst with the gradient of the log-density of a block inside its
// support.
func blockScore(b *models.PriorBlock, dst, x []float64) {
	clear(dst) // of the kinds that are uniform on their support
	switch b.Kind {
	case models.PriorNormal:
		for i, v := range x {
			dst[i] = -(v - b.A) / (b.B * b.B)
		}
	case models.PriorInverseGamma:
		for i, v := range x {
			dst[i] = (b.B/v - (b.A + 1)) / v
		}
	case models.PriorDirichlet:
		if b.A == 1 {
			return
		}
		rest := 1.0
		for _, v := range x {
			rest -= v
		}
		for i, v := range x {
			dst[i] = (b.A - 1) * (1/v - 1/rest)
		}
	}
}

// LocalBase is −(γ/2)|θ−θ*|², the localisation of Lau, Furman, Wang, Murfet & Wei
// (2025, AISTATS), cut to the box of the given half-width around θ*; +Inf for no
// box.
func LocalBase(at []float64, gamma, radius float64) Base {
	return func(dst, theta []float64) float64 {
		var s float64
		for i, a := range at {
			e := theta[i] - a
			if !(math.Abs(e) <= radius) {
				return math.Inf(-1)
			}
			s += e * e
			if dst != nil {
				dst[i] = -gamma * e
			}
		}
		return -gamma / 2 * s
	}
}

// NewDensity returns exp(base(θ) + β·scale·ℓ(θ)) in the coordinates of the model,
// where the boundary of its domain is a wall that a chain does not pass; nothing
// is transformed and no Jacobian is needed. scale is 1 for data and n for the
// expected log-likelihood of one observation (models.Population). The result is a
// BatchDensity where models.Batch can take rows of l.
func NewDensity(l models.Likelihood, scale float64, base Base) Density {
	d := models.Dim(l.Model())
	score, _ := models.Score(l)
	t := &modelDensity{l: l, d: d, scale: scale, base: base, score: score, params: l.Model().Params(), g: make([]float64, d)}
	if b, err := models.Batch(l, nil); err == nil {
		t := &batchDensity{modelDensity: t, batch: b}
		t.batchScore, _ = models.Score(b)
		return t
	}
	return t
}

type modelDensity struct {
	l      models.Likelihood
	d      int
	scale  float64
	base   Base
	score  func(dst, theta []float64) float64
	params []models.Param
	g      []float64
}

func (t *modelDensity) Dim() int { return t.d }

func (t *modelDensity) walls() (lo, hi []float64) {
	if !bounded(t.params) {
		return nil, nil
	}
	for _, p := range t.params {
		lo, hi = append(lo, p.Lo), append(hi, p.Hi)
	}
	return lo, hi
}

// inside says whether θ is within the bounds of the coordinates; joint constraints
// are those of the likelihood, which is -Inf there.
func (t *modelDensity) inside(x []float64) bool {
	for i := range t.params {
		if !(x[i] >= t.params[i].Lo && x[i] <= t.params[i].Hi) {
			return false
		}
	}
	return true
}

func (t *modelDensity) LogDensity(x []float64) (base, loglik float64) {
	if !t.inside(x) {
		return math.Inf(-1), math.Inf(-1)
	}
	base = t.base(nil, x)
	if math.IsInf(base, -1) {
		return base, base
	}
	return base, t.scale * t.l.LogLik(x)
}

func (t *modelDensity) Score(dst, x []float64, beta float64) (base, loglik float64) {
	return t.add(dst, x, beta, t.scale, t.score)
}

func (t *modelDensity) add(dst, x []float64, beta, scale float64, score func(dst, theta []float64) float64) (base, loglik float64) {
	if !t.inside(x) {
		return math.Inf(-1), math.Inf(-1)
	}
	base = t.base(dst, x)
	if math.IsInf(base, -1) {
		return base, base
	}
	loglik = scale * score(t.g, x)
	for i, g := range t.g {
		dst[i] += beta * scale * g
	}
	return base, loglik
}

type batchDensity struct {
	*modelDensity
	batch      models.BatchLikelihood
	batchScore func(dst, theta []float64) float64
}

func (t *batchDensity) Rows() int { return t.l.N() }

func (t *batchDensity) BatchScore(dst, x []float64, beta float64, rows []int) (base, loglik float64) {
	t.batch.SetRows(rows)
	return t.add(dst, x, beta, t.scale*float64(t.l.N())/float64(len(rows)), t.batchScore)
}
