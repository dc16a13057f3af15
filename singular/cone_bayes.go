package singular

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/integrate/quad"
)

// A ConeBayes is Bayes' answer to the signed cone model of unit variance (models.Cone)
// in closed form, under the scale-free prior |ξ|^k dξ dω with ω uniform on S^d; k = 0
// is uniform in ξ and k = d is Jeffreys'. The prior is improper, its posterior is
// not. Everything depends on the data through Z = √n x̄ alone, by its coordinate z0
// along the axis and the length r of the rest, and the marginal likelihood over
// that of the apex is n^(−κ/2) P(Z) with κ = k + 1 and
//
//	P(Z) = ∫_{S^d} dω ∫ dt |t|^k exp(tY − t²/2),  Y = a(ω)·Z.
//
// The integral over t is 2^(κ/2) Γ(κ/2) ₁F₁(κ/2; ½; Y²/2), the one over ω runs over
// the angle to the rest of Z. Derived here; Amari, Park and Ozeki (2006, Neural
// Computation 18, 1007) compare the two priors.
type ConeBayes struct {
	d        int
	c, kappa float64
	x, w     []float64 // Gauss-Legendre rule on [0, 1]
	logArea  float64   // log ∫ sin^(d−1) θ dθ, so that dω has mass 1
}

// NewConeBayes returns the posterior for directions on S^d, slope c of the cone and
// prior exponent k. It is an error for d < 1, c ≤ 0 or k ≤ −1, where the prior is
// not integrable at the apex.
func NewConeBayes(d int, c, k float64) (*ConeBayes, error) {
	if d < 1 || !(c > 0) || math.IsInf(c, 1) || !(k > -1) || math.IsInf(k, 1) {
		return nil, fmt.Errorf("cone with d = %d, c = %v and prior exponent %v: want d from 1, c above 0, an exponent above −1, finite ones", d, c, k)
	}
	const nodes = 40
	b := &ConeBayes{d: d, c: c, kappa: k + 1, x: make([]float64, nodes), w: make([]float64, nodes)}
	quad.Legendre{}.FixedLocations(b.x, b.w, 0, 1)
	up, _ := math.Lgamma(float64(d) / 2)
	down, _ := math.Lgamma(float64(d+1) / 2)
	b.logArea = 0.5*math.Log(math.Pi) + up - down
	return b, nil
}

// Kappa is κ = k + 1, twice the learning coefficient at the apex.
func (b *ConeBayes) Kappa() float64 { return b.kappa }

// LogEvidence returns the logarithm of the marginal likelihood of n observations
// over their likelihood at the apex, −(κ/2) log n + log P(Z).
func (b *ConeBayes) LogEvidence(n, z0, r float64) float64 {
	p, _ := b.logP(z0, r, false)
	return p - 0.5*b.kappa*math.Log(n)
}

// Fluctuation returns Z·∇log P(Z). Half its mean over the data is the singular
// fluctuation ν; for k = 0 it is the posterior mean of Y².
func (b *ConeBayes) Fluctuation(z0, r float64) float64 {
	_, f := b.logP(z0, r, true)
	return f
}

// GeneralizationError returns E KL(apex ‖ predictive density of n observations) with
// the apex as the truth, (κ/2) log(1 + 1/n), exact for every n: it is the mean of
// log M_n − log M_{n+1}, and Z has the same law for every n.
func (b *ConeBayes) GeneralizationError(n float64) float64 { return b.kappa / 2 * math.Log1p(1/n) }

// TrainingError returns E (1/n) Σ_t log(p(x_t | apex)/p(x_t | x_1 … x_n)), exact for
// every n: (κ/2) log(1+1/n) − E[log P(sZ) − log P(Z)] with s² = (n+3)/(n+1), the
// data with one of its rows counted twice.
func (b *ConeBayes) TrainingError(n float64) float64 {
	s := math.Sqrt((n + 3) / (n + 1))
	return b.GeneralizationError(n) - b.average(func(z0, r float64) float64 {
		twice, _ := b.logP(s*z0, s*r, false)
		once, _ := b.logP(z0, r, false)
		return twice - once
	})
}

// MeanFluctuation returns E Z·∇log P(Z) at the apex. To first order the training
// error is (κ − 2 of it)/2n.
func (b *ConeBayes) MeanFluctuation() float64 { return b.average(b.Fluctuation) }

// average is E f(Z₀, R) of Z ~ N(0, I), f even in z0.
func (b *ConeBayes) average(f func(z0, r float64) float64) float64 {
	const end = 8 // standard deviations
	k := float64(b.d + 1)
	lg, _ := math.Lgamma(k / 2)
	lo, hi := max(0, math.Sqrt(k)-end), math.Sqrt(k)+end // that of χ_k is below 1
	var sum float64
	for i, x := range b.x {
		r := lo + (hi-lo)*x
		wr := b.w[i] * (hi - lo) * math.Exp((1-k/2)*math.Ln2-lg+(k-1)*math.Log(r)-r*r/2)
		for j, y := range b.x {
			sum += wr * b.w[j] * end * 2 * normalPDF(end*y) * f(end*y, r)
		}
	}
	return sum
}

// logP returns log P(Z), and Z·∇log P(Z) if it is asked for.
func (b *ConeBayes) logP(z0, r float64, gradient bool) (logP, zGrad float64) {
	scale := 1 / math.Sqrt(1+b.c*b.c)
	// exp(Y²/2) is as narrow in the angle as 1/√(c r |Z|).
	panels := 1 + int(math.Sqrt(b.c*r*math.Hypot(z0, r))*scale/4)
	top := math.Inf(-1)
	var sum, moment float64
	for p := range panels {
		for i, x := range b.x {
			theta := math.Pi * (float64(p) + x) / float64(panels)
			y := (z0 + b.c*r*math.Cos(theta)) * scale
			half := y * y / 2
			l := logKummer(b.kappa/2, 0.5, half)
			v := l + float64(b.d-1)*math.Log(math.Sin(theta))
			if v > top { // rescale
				f := math.Exp(top - v)
				sum, moment, top = sum*f, moment*f, v
			}
			e := b.w[i] * math.Exp(v-top)
			sum += e
			if gradient {
				moment += e * b.kappa * y * y * math.Exp(logKummer(b.kappa/2+1, 1.5, half)-l)
			}
		}
	}
	lg, _ := math.Lgamma(b.kappa / 2)
	logP = b.kappa/2*math.Ln2 + lg + top + math.Log(sum*math.Pi/float64(panels)) - b.logArea
	return logP, moment / sum
}

// logKummer is log ₁F₁(a; b; x) for a, b > 0 and x ≥ 0, without overflow: the power
// series, whose terms are positive, or for large x the asymptotic one (DLMF 13.7.1).
func logKummer(a, b, x float64) float64 {
	switch {
	case a == b:
		return x
	case x > 50 && x > 4*a*a:
		la, _ := math.Lgamma(a)
		lb, _ := math.Lgamma(b)
		sum, term := 1.0, 1.0
		for s := 1.0; s < 60; s++ {
			next := term * (s - a) * (b - a + s - 1) / (s * x)
			if math.Abs(next) >= math.Abs(term) && next != 0 {
				break // it diverges from here on
			}
			term = next
			sum += term
			if math.Abs(term) < 1e-17*math.Abs(sum) {
				break
			}
		}
		return lb - la + x + (a-b)*math.Log(x) + math.Log(sum)
	}
	const big = 1e280
	sum, term, log := 1.0, 1.0, 0.0
	for s := 0.0; ; s++ {
		term *= (a + s) / (b + s) * x / (s + 1)
		sum += term
		if sum > big {
			sum /= big
			term /= big
			log += math.Log(big)
		}
		if term < 1e-17*sum && s > x {
			return log + math.Log(sum)
		}
	}
}
