package experiments

import (
	"context"
	"math"

	"gonum.org/v1/gonum/integrate/quad"

	"github.com/neuromanifold/neuromanifold/models"
)

// pairFreeEnergy is −log of the evidence of pN(b₁,1) + (1−p)N(b₂,1), p uniform on
// [0, 1] and both means on [−B, B], for data that are symmetric about 0. l is the
// likelihood of such a mixture, θ = (p, b₁, b₂). Panels double until F changes by
// less than tol, which change is returned, or until 16 times as many.
//
// By the two symmetries, exchange of the components and of the sign, p ≤ 1/2 and
// b₁ ≥ 0 hold one fourth of the evidence. There b₂ is the mean of the heavier
// component: its posterior given the rest is close to normal with standard deviation
// 1/(√n (1−p)) around −p b₁/(1−p), an analytic integrand that decays on both sides,
// for which the trapezoidal rule converges geometrically. That leaves a smooth
// function of p and b₁, whose scale in b₁ grows from n^(−1/4) at p = 1/2 to B near
// p = 0; p = u⁴/2 spreads the corner.
func pairFreeEnergy(ctx context.Context, l models.Likelihood, bound, tol float64) (f, change float64, err error) {
	last := math.Inf(1)
	for panels := 2; panels <= 32; panels *= 2 {
		v, err := pairEvidence(ctx, l, bound, panels)
		if err != nil {
			return 0, 0, err
		}
		if f, change = -v, math.Abs(-v-last); change < tol {
			break
		}
		last = f
	}
	return f, change, nil
}

// pairEvidence is the logarithm of the evidence by a rule of the given fineness.
func pairEvidence(ctx context.Context, l models.Likelihood, bound float64, panels int) (float64, error) {
	const order = 10
	n := float64(l.N())
	x, w := make([]float64, order), make([]float64, order)
	quad.Legendre{}.FixedLocations(x, w, 0, 1)
	theta := []float64{0.5, 0, 0}
	top := l.LogLik(theta) // one component at 0: the posterior is not far above
	// Steps of the trapezoidal rule, in standard deviations: its error is
	// exp(−2π²/h²), below 1e-13 from the second refinement on.
	h := 1 / (1 + 0.25*math.Log2(float64(panels)))
	const reach, negligible = 9, 45
	inner := func() float64 {
		p, b := theta[0], theta[1]
		sd := 1 / (math.Sqrt(n) * (1 - p))
		mid := -p * b / (1 - p)
		steps := int(reach / h)
		sum := 0.0
		for k := -steps; k <= steps; k++ {
			theta[2] = mid + float64(k)*h*sd
			if math.Abs(theta[2]) <= bound {
				sum += math.Exp(l.LogLik(theta) - top)
			}
		}
		return sum * h * sd
	}
	total := 0.0
	for i := range panels {
		for j := range order {
			if ctx.Err() != nil {
				return 0, ctx.Err()
			}
			u := (float64(i) + x[j]) / float64(panels)
			p := u * u * u * u / 2
			dp := 2 * u * u * u * w[j] / float64(panels)
			theta[0] = p
			// exp(−n p² b⁴/4(1−p)²) is below e^−64 beyond four of its widths.
			width := math.Pow(n*p*p/4, -0.25) * math.Sqrt(1-p)
			end := math.Min(bound, 4*width)
			row := 0.0
			for a := range panels {
				for c := range order {
					theta[1] = end * (float64(a) + x[c]) / float64(panels)
					theta[2] = -p * theta[1] / (1 - p)
					if l.LogLik(theta) > top-negligible {
						row += end * w[c] / float64(panels) * inner()
					}
				}
			}
			total += dp * row
		}
	}
	return top + math.Log(4*total/(4*bound*bound)), nil
}
