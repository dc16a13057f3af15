package selection

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
)

// FiniteLambda returns what LLC (slope false) or WBICSlope (slope true) estimates at its
// temperature, with a standard error, by points that are uniform on the box: the
// effective coefficient there, from which an error of the sampler is told and which is
// far from λ where the box or the terms of lower order count. With
// w = exp(β(ℓ(θ) − ℓ(θ*)) − γ|θ−θ*|²/2) it is a ratio of two sums, and has nothing in
// common with the samplers. It needs a box. Both are NaN where the weights are worth
// fewer than a hundred equal ones, when the error cannot be trusted.
func FiniteLambda(ctx context.Context, p LambdaProblem, slope bool, points int, rng *rand.Rand) (value, se float64, err error) {
	scale, n, top, err := p.check()
	switch {
	case err != nil:
		return 0, 0, err
	case !(p.Radius > 0) || math.IsInf(p.Radius, 1):
		return 0, 0, fmt.Errorf("radius %v: want a finite box", p.Radius)
	}
	l, err := p.Bind()
	if err != nil {
		return 0, 0, err
	}
	theta := make([]float64, len(p.At))
	loss, far := make([]float64, points), make([]float64, points) // n(L(θ) − L(θ*)), γ|θ−θ*|²/2
	for i := range loss {
		if i%1024 == 0 && ctx.Err() != nil {
			return 0, 0, ctx.Err()
		}
		for j, v := range p.At {
			e := p.Radius * (2*rng.Float64() - 1)
			theta[j] = v + e
			far[i] += p.Gamma * e * e / 2
		}
		loss[i] = top - scale*l.LogLik(theta) // +Inf outside the domain
	}
	b := 1 / math.Log(n)
	r := tempered(loss, far, b)
	if !slope {
		return r.times(b)
	}
	colder := tempered(loss, far, 1.5*b)
	r.mean -= colder.mean
	r.size = math.Min(r.size, colder.size)
	for i, v := range colder.influence {
		r.influence[i] -= v
	}
	return r.times(1 / (1/b - 1/(1.5*b)))
}

// A ratio is a mean under weights, with the influence of every point on it and the number
// of equally weighted points that are worth as much.
type ratio struct {
	mean, size float64
	influence  []float64
}

// tempered is the mean of the loss under exp(−β loss − far).
func tempered(loss, far []float64, beta float64) ratio {
	least := math.Inf(1)
	for i, v := range loss {
		least = math.Min(least, beta*v+far[i])
	}
	r := ratio{influence: make([]float64, len(loss))}
	var sum, squares float64
	for i, v := range loss {
		w := math.Exp(least - beta*v - far[i])
		r.influence[i] = w
		sum += w
		squares += w * w
		if w > 0 {
			r.mean += w * v
		}
	}
	r.mean /= sum
	r.size = sum * sum / squares
	for i, w := range r.influence {
		r.influence[i] = 0
		if w > 0 {
			r.influence[i] = w * (loss[i] - r.mean) / sum
		}
	}
	return r
}

func (r ratio) times(factor float64) (value, se float64, err error) {
	const few = 100
	if !(r.size >= few) {
		return math.NaN(), math.NaN(), nil
	}
	var s float64
	for _, v := range r.influence {
		s += v * v
	}
	return factor * r.mean, factor * math.Sqrt(s), nil
}
