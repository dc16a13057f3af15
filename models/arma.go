package models

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
)

// maxARMAOrder bounds p and q. It lets the maps between coordinates work on
// the stack; two years of monthly lags fit.
const maxARMAOrder = 32

// ARMASettings are the settings of an ARMA family besides its orders. The zero
// value is a zero-mean process with free noise variance and exact likelihood.
type ARMASettings struct {
	Mean bool    // whether the mean is a coordinate; else it is 0
	Var  float64 // the known noise variance σ²; 0 means that it is a coordinate
	// CSS chooses the law of the series started at rest: x_s = mean and e_s = 0
	// for all s ≤ 0. Its likelihood is conditional least squares: the residual
	// recursion from zero pre-sample values with all n residuals counted, the
	// first ones included. (R's method CSS drops the first p residuals.)
	CSS bool
}

// ARMA is the Gaussian autoregressive moving-average family
//
//	x_t − μ = Σ_{i=1}^p φ_i (x_{t−i} − μ) + e_t + Σ_{j=1}^q θ_j e_{t−j},  e_t ~ N(0, σ²),
//
// in the sign convention of R; Box and Jenkins write −θ_j. The coordinates are
// φ_1…φ_p, θ_1…θ_q, the mean μ if it is free, σ² if it is free. The domain is
// stationary and invertible, both strictly: the roots α_i of z^p − Σφ_i z^{p−i}
// and β_j of z^q + Σθ_j z^{q−j} have modulus below 1.
//
// Where α_i = β_j the two factors cancel: the law does not depend on the common
// root and the Fisher information is singular (see Strata).
//
// A series of zeros (a constant one if the mean is free) has likelihood
// unbounded in σ² → 0.
type ARMA struct {
	p, q   int
	set    ARMASettings
	params []Param
}

// NewARMA returns the ARMA(p, q) family. Either order may be 0.
func NewARMA(p, q int, set ARMASettings) (*ARMA, error) {
	if p < 0 || q < 0 || p > maxARMAOrder || q > maxARMAOrder {
		return nil, fmt.Errorf("arma: orders p=%d, q=%d: allowed is 0 to %d", p, q, maxARMAOrder)
	}
	if set.Var < 0 || math.IsNaN(set.Var) || math.IsInf(set.Var, 0) {
		return nil, fmt.Errorf("arma: variance %v: allowed is a finite number above 0, or 0 for a free one", set.Var)
	}
	m := &ARMA{p: p, q: q, set: set}
	inf := math.Inf(1)
	for i := 1; i <= p; i++ {
		b := binomial(p, i)
		m.params = append(m.params, Param{Name: "phi" + strconv.Itoa(i), Lo: -b, Hi: b, Doc: fmt.Sprintf("coefficient of x at lag %d", i)})
	}
	for j := 1; j <= q; j++ {
		b := binomial(q, j)
		m.params = append(m.params, Param{Name: "theta" + strconv.Itoa(j), Lo: -b, Hi: b, Doc: fmt.Sprintf("coefficient of the noise at lag %d", j)})
	}
	if set.Mean {
		m.params = append(m.params, Param{Name: "mean", Lo: -inf, Hi: inf, Doc: "mean of the series"})
	}
	if set.Var == 0 {
		m.params = append(m.params, Param{Name: "var", Lo: 0, Hi: inf, Doc: "variance σ² of the noise, above 0"})
	}
	return m, nil
}

// binomial returns n over k: the coefficients of (1+z)^n bound those of a
// polynomial whose roots lie in the unit disc.
func binomial(n, k int) float64 {
	b := 1.0
	for i := range k {
		b = b * float64(n-i) / float64(i+1)
	}
	return math.Round(b)
}

var _ = register(Family{
	Name:   "arma",
	Doc:    "Gaussian ARMA(p,q) series, exact likelihood; singular where AR and MA roots cancel",
	Coords: "phi_1…phi_p, theta_1…theta_q, mean (if free), var (if free)",
	Keys: []Key{
		{"p", "1", "autoregressive order"},
		{"q", "1", "moving-average order"},
		{"mean", "false", "true: the mean is a coordinate; false: it is 0"},
		{"var", "free", "free: the noise variance is a coordinate; a number: it is known"},
		{"likelihood", "exact", "exact: stationary Gaussian law; css: the series starts at rest, pre-sample values 0"},
	},
	About: `x_t − μ = Σ φ_i (x_{t−i} − μ) + e_t + Σ θ_j e_{t−j} with e_t ~ N(0, σ²), the sign
convention of R. The domain is stationary and invertible.

Singular strata: where φ(z) = 1 − Σφ_i z^i and ϑ(z) = 1 + Σθ_j z^j have a common
factor of degree c, the factor cancels from the law. The stratum common(c) has
codimension c; on it the Fisher information of (φ, θ) has rank p + q − c. A white
noise seen as ARMA(1,1) lies on the line φ_1 = −θ_1.

In coefficient coordinates the Kullback-Leibler divergence to a truth of coprime
orders (p*, q*) is a quadratic form in the linear map (φ, ϑ) → φ ϑ* − ϑ φ*, whose
kernel has dimension r = min(p − p*, q − q*). Hence the learning coefficient is λ =
max(p + q*, p* + q)/2, plus 1/2 each for a free mean and a free variance, with
multiplicity 1. The likelihood-ratio statistic is larger than this suggests,
because the cancelled root may run to the unit circle.`,
	Refs: []string{
		"Box, Jenkins, Reinsel, Time Series Analysis, 3rd ed. 1994, ch. 7",
		"Pearlman, Biometrika 67 (1980) 232: fast recursions for the exact likelihood",
		"Klein, Mélard, Saidi, Lin. Alg. Appl. 420 (2007) 474: Fisher information and Sylvester resultant",
		"Veres, Lin. Alg. Appl. 92 (1987) 1; Hannan, in Essays in Statistical Science (1982): the likelihood ratio at white noise",
	},
	New: func(s *Settings) (Model, error) {
		set := ARMASettings{Mean: s.Bool("mean")}
		_, set.Var = s.ChoiceOrPositive("var", "free")
		set.CSS = s.Choice("likelihood", "exact", "css") == "css"
		return NewARMA(s.Int("p", 0, maxARMAOrder), s.Int("q", 0, maxARMAOrder), set)
	},
})

// Orders returns p and q.
func (m *ARMA) Orders() (p, q int) { return m.p, m.q }

// Settings returns the settings that the family was made with.
func (m *ARMA) Settings() ARMASettings { return m.set }

// Params returns the coordinates of θ, in order.
func (m *ARMA) Params() []Param { return m.params }

// Shape returns one modelled column, a series.
func (m *ARMA) Shape() Shape { return Shape{Q: 1, Series: true} }

// String returns the model in the form that Parse reads: the orders, then the
// settings that differ from their defaults.
func (m *ARMA) String() string {
	s := fmt.Sprintf("arma:p=%d,q=%d", m.p, m.q)
	if m.set.Mean {
		s += ",mean=true"
	}
	if m.set.Var != 0 {
		s += ",var=" + strconv.FormatFloat(m.set.Var, 'g', -1, 64)
	}
	if m.set.CSS {
		s += ",likelihood=css"
	}
	return s
}

// split returns the parts of θ; phi and th alias it.
func (m *ARMA) split(theta []float64) (phi, th []float64, mean, sigma2 float64) {
	checkLen(len(theta), len(m.params))
	phi, th = theta[:m.p], theta[m.p:m.p+m.q]
	sigma2 = m.set.Var
	i := m.p + m.q
	if m.set.Mean {
		mean = theta[i]
		i++
	}
	if m.set.Var == 0 {
		sigma2 = theta[i]
	}
	return phi, th, mean, sigma2
}

// CheckDomain reports a θ that is not stationary, not invertible or without
// noise.
func (m *ARMA) CheckDomain(theta []float64) error {
	phi, th, _, sigma2 := m.split(theta)
	if !(sigma2 > 0) || math.IsInf(sigma2, 1) {
		return fmt.Errorf("var = %v: allowed is a finite number above 0", sigma2)
	}
	var k [maxARMAOrder]float64
	if i := partialsOf(k[:m.p], phi, 1); i > 0 {
		return fmt.Errorf("the AR part is not stationary: partial autocorrelation %d is %.6g, allowed is (-1, 1)", i, k[i-1])
	}
	if i := partialsOf(k[:m.q], th, -1); i > 0 {
		return fmt.Errorf("the MA part is not invertible: partial autocorrelation %d of its inverse is %.6g, allowed is (-1, 1)", i, k[i-1])
	}
	return nil
}

// Canonicalize does nothing: within the invertible domain no finite symmetry is
// left. (Inverting MA roots, θ → 1/θ with another σ², leaves the domain.)
func (m *ARMA) Canonicalize(theta []float64) { checkLen(len(theta), len(m.params)) }

// Embed fills dst with the θ of m that has the law of subTheta in sub, an ARMA
// of no larger orders: the further coefficients are zero. It refuses what m
// cannot express: a free mean that m has not, another known variance, or
// another likelihood (except for white noise, for which both agree). Any common
// factor times this θ has the same law: EmbedFactor.
func (m *ARMA) Embed(dst []float64, sub Model, subTheta []float64) bool {
	return m.EmbedFactor(dst, sub, subTheta, nil)
}

// EmbedFactor is Embed followed by multiplication of the AR and the MA
// polynomial by the common factor 1 + Σ_k c[k−1] z^k, which leaves the law as
// it is. It is false if the degrees do not fit. Start points for a larger model
// are split from a smaller one in this way; the caller chooses factors whose
// roots lie outside the unit disc.
func (m *ARMA) EmbedFactor(dst []float64, sub Model, subTheta, c []float64) bool {
	checkLen(len(dst), len(m.params))
	s, ok := sub.(*ARMA)
	if !ok {
		return false
	}
	phi, th, mean, sigma2 := s.split(subTheta)
	if s.p+len(c) > m.p || s.q+len(c) > m.q {
		return false
	}
	if s.set.CSS != m.set.CSS && s.p+s.q > 0 {
		return false
	}
	if !m.set.Mean && mean != 0 || m.set.Var != 0 && m.set.Var != sigma2 {
		return false
	}
	clear(dst)
	copy(dst, phi)
	copy(dst[m.p:], th)
	multiply(dst[:m.p], len(phi), c, -1)
	multiply(dst[m.p:m.p+m.q], len(th), c, 1)
	i := m.p + m.q
	if m.set.Mean {
		dst[i] = mean
		i++
	}
	if m.set.Var == 0 {
		dst[i] = sigma2
	}
	return true
}

// multiply replaces the coefficients a of 1 + sign·Σ a_i z^i, of degree k, by
// those of its product with 1 + Σ c_i z^i.
func multiply(a []float64, k int, c []float64, sign float64) {
	for i := k + len(c); i >= 1; i-- { // downwards: lower coefficients are still the old ones
		v := 0.0
		if i <= k {
			v = a[i-1]
		}
		for j := 1; j <= min(i, len(c)); j++ {
			switch {
			case i == j:
				v += sign * c[j-1]
			case i-j <= k:
				v += c[j-1] * a[i-j-1]
			}
		}
		a[i-1] = v
	}
}

// Sample draws the series. The exact model starts in its stationary law (the
// initial state is drawn from its covariance), the conditional one at rest. It
// panics if θ lies outside the domain.
func (m *ARMA) Sample(z *Data, theta []float64, rng *rand.Rand) {
	if z.P != 0 || z.Q != 1 {
		panic(badShape)
	}
	if err := m.CheckDomain(theta); err != nil {
		panic("models: sample outside the domain: " + err.Error())
	}
	phi, th, mean, sigma2 := m.split(theta)
	sd := math.Sqrt(sigma2)
	k := newARMAState(m.p, m.q)
	k.load(phi, th)
	if !m.set.CSS {
		k.stationary()
		k.drawState(sd, rng)
	}
	r, a := k.r, k.a
	for t := range z.N {
		e := sd * rng.NormFloat64()
		if r == 0 {
			z.V[t] = mean + e
			continue
		}
		y := a[0] + e
		for i := range r - 1 {
			a[i] = a[i+1] + k.phi[i]*y + k.th[i]*e
		}
		a[r-1] = k.phi[r-1]*y + k.th[r-1]*e
		z.V[t] = mean + y
	}
}
