package selection

import (
	"math"

	"gonum.org/v1/gonum/integrate/quad"
	"gonum.org/v1/gonum/mat"
)

// QuadraticLambda is what LLC estimates for L = ½ Σ h_i w_i² at nβ and γ, exactly:
// ½ Σ nβh/(nβh + γ), which tends to d/2. With SGLD of step eps and full batches
// each term is divided by 1 − eps(nβh + γ)/4, and is +Inf from where that is 0;
// eps = 0 is exact sampling. Derived here.
func QuadraticLambda(nbeta, gamma, eps float64, h ...float64) float64 {
	var s float64
	for _, v := range h {
		a := nbeta*v + gamma
		damp := 1 - eps*a/4
		if damp <= 0 {
			return math.Inf(1)
		}
		s += nbeta * v / a / damp / 2
	}
	return s
}

// CrossingLambda is β E_β[K] for K = x²y² under the uniform prior on [−1, 1]², by
// quadrature to about 1e-12: t = |xy| has density −log t, and with t = e^−u both
// integrals are over u e^−u exp(−β e^−2u). It tends to λ = 1/2 only as
// 1/2 − 1/(2 log β + …), since m = 2: what an estimator should see at a finite
// temperature, not λ. Derived here.
func CrossingLambda(beta float64) float64 {
	var num, den float64
	const panel = 1.0
	end := 45 + 0.5*math.Log(max(1, beta))
	for a := 0.0; a < end; a += panel {
		f := func(u float64) float64 { return u * math.Exp(-u-beta*math.Exp(-2*u)) }
		den += quad.Fixed(f, a, a+panel, 24, quad.Legendre{}, 0)
		num += quad.Fixed(func(u float64) float64 { return beta * math.Exp(-2*u) * f(u) }, a, a+panel, 24, quad.Legendre{}, 0)
	}
	return num / den
}

// ladderFit is the least-squares fit of y = cβ + λ − (m−1)/log(nβ), c = 0 if exact.
func ladderFit(betas, y []float64, n float64, exact bool) (lambda, mult float64) {
	x := leastSquares(betas, y, exact, func(b float64) float64 { return -1 / math.Log(n*b) })
	return x[0], 1 + x[1]
}

// slopeFit is the same with m = 1.
func slopeFit(betas, y []float64, exact bool) float64 { return leastSquares(betas, y, exact, nil)[0] }

func leastSquares(betas, y []float64, exact bool, second func(b float64) float64) []float64 {
	cols := 1
	if second != nil {
		cols++
	}
	if !exact {
		cols++
	}
	a := mat.NewDense(len(betas), cols, nil)
	for k, b := range betas {
		a.Set(k, 0, 1)
		if second != nil {
			a.Set(k, 1, second(b))
		}
		if !exact {
			a.Set(k, cols-1, b)
		}
	}
	var x mat.VecDense
	out := make([]float64, cols)
	if err := x.SolveVec(a, mat.NewVecDense(len(y), y)); err != nil {
		for i := range out {
			out[i] = math.NaN() // energies that are not finite
		}
		return out
	}
	copy(out, x.RawVector().Data)
	return out
}
