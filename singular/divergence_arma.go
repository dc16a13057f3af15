package singular

import (
	"math"

	"github.com/neuromanifold/neuromanifold/models"
)

// armaDivergence is the divergence rate of an ARMA process from the one at the
// truth. The prediction error of the model on data of the truth is c(B) e with
// c = φθ₀/(θφ₀), φ and θ the polynomials of the autoregression and of the moving
// average and c_0 = 1, so that with ϱ = σ₀²/σ²
//
//	K = ½(ϱ − 1 − log ϱ) + ½ϱ Σ_{k≥1} c_k² + ½((μ−μ₀) φ(1)/θ(1))²/σ².
//
// The sum is cut after 400 terms, which is short by a bounded factor at most
// unless roots crowd the unit circle.
func armaDivergence(m *models.ARMA, truth []float64) func(theta []float64) float64 {
	const terms = 400
	p, q := m.Orders()
	n := p + q
	set := m.Settings()
	truth = append([]float64(nil), truth...)
	truePhi, trueTheta := polynomial(nil, truth[:p], -1), polynomial(nil, truth[p:n], 1)
	phi, th := make([]float64, 0, p+1), make([]float64, 0, q+1)
	num, den, c := make([]float64, n+1), make([]float64, n+1), make([]float64, terms)
	return func(theta []float64) float64 {
		if models.CheckTheta(m, theta) != nil {
			return math.Inf(1)
		}
		phi, th = polynomial(phi, theta[:p], -1), polynomial(th, theta[p:n], 1)
		multiplyInto(num, phi, trueTheta)
		multiplyInto(den, th, truePhi)
		sum := 0.0
		c[0] = 0 // c − 1 = (num − den)/den keeps its relative accuracy near the truth
		for k := 1; k < terms; k++ {
			v := 0.0
			if k <= n {
				v = num[k] - den[k]
			}
			for j := 1; j <= min(n, k); j++ {
				v -= den[j] * c[k-j]
			}
			c[k] = v
			sum += v * v
		}
		kl, variance := sum/2, set.Var
		if variance == 0 {
			last := len(theta) - 1
			variance = theta[last]
			x := math.Log(truth[last] / variance)
			kl = kl*math.Exp(x) + excess(x)/2
		}
		if set.Mean {
			d := (theta[n] - truth[n]) * sumOf(phi) / sumOf(th)
			kl += d * d / (2 * variance)
		}
		return kl
	}
}

// polynomial is dst = 1 + sign Σ coef_i z^i.
func polynomial(dst, coef []float64, sign float64) []float64 {
	dst = append(dst[:0], 1)
	for _, c := range coef {
		dst = append(dst, sign*c)
	}
	return dst
}

// multiplyInto is dst = a b for polynomials.
func multiplyInto(dst, a, b []float64) {
	clear(dst)
	for i, x := range a {
		for j, y := range b {
			dst[i+j] += x * y
		}
	}
}

func sumOf(x []float64) (sum float64) {
	for _, v := range x {
		sum += v
	}
	return sum
}
