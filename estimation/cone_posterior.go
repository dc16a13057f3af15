package estimation

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// A ConePrior is the prior of a double cone: density ∝ |ξ|^Power exp(−ξ²/2Scale²)
// in the amplitude, uniform directions. Power 0 is smooth in (ξ, ω); Power d is the
// Jeffreys prior. Scale 0 means no Gaussian factor: the prior |ξ|^Power dξ is
// improper, and evidences have an arbitrary factor.
type ConePrior struct {
	Power int
	Scale float64
}

// A ConePosterior is the posterior of x ~ N(ξ a(ω), I), a = (1, cω)/√(1+c²), ω on
// the sphere S^d, ξ ∈ R, in closed form up to an integral over one angle, which is a
// Gauss rule exact to rounding. With S = Σ x_i, N = n + 1/Scale², t = √N ξ and
// Y = a(ω)·S/√N the posterior is ∝ |t|^k exp(tY − t²/2), whose integral over t is
// 2^((k+1)/2) Γ((k+1)/2) ₁F₁((k+1)/2; 1/2; Y²/2), and Y depends on the angle between ω
// and the last coordinates of S alone. Derived here; Amari, Park and Ozeki (2006,
// Neural Computation 18, 1007) compare the two priors.
//
// It owns scratch: one goroutine at a time.
type ConePosterior struct {
	d, k   int
	c      float64
	prior  ConePrior
	rules  map[int]*sphereRule
	expect map[int][]gaussRule // of Error

	n      int
	sum    []float64 // S (d+2)
	unit   []float64 // direction of the last coordinates of S (d+1)
	r      float64   // their length
	log    float64   // log evidence against the apex
	moment coneMoments
}

// coneMoments are posterior means of ξ^i u^j, u = ω·unit, by i and j.
type coneMoments struct{ m10, m11, m20, m21, m22, m30, m31, m40 float64 }

// NewConePosterior returns the posterior of a cone of slope c over S^d, with no data
// yet.
func NewConePosterior(d int, c float64, prior ConePrior) (*ConePosterior, error) {
	switch {
	case d < 1 || d > 1000:
		return nil, fmt.Errorf("cone posterior: d = %d: allowed is 1 to 1000", d)
	case !(c > 0) || math.IsInf(c, 0):
		return nil, fmt.Errorf("cone posterior: c = %v: allowed is a finite number above 0", c)
	case prior.Power < 0:
		return nil, fmt.Errorf("cone posterior: prior |ξ|^%d: allowed is a power from 0: %w", prior.Power, ErrImproper)
	case !(prior.Scale >= 0) || math.IsInf(prior.Scale, 0):
		return nil, fmt.Errorf("cone posterior: scale %v: allowed is a finite number from 0", prior.Scale)
	}
	return &ConePosterior{
		d: d, k: prior.Power, c: c, prior: prior, rules: map[int]*sphereRule{}, expect: map[int][]gaussRule{},
		sum: make([]float64, d+2), unit: make([]float64, d+1),
	}, nil
}

// Condition takes data through their sufficient statistics, the sum of the rows (d+2)
// and their number, at least one.
func (p *ConePosterior) Condition(sum []float64, n int) {
	if len(sum) != len(p.sum) {
		panic("estimation: slice length mismatch")
	}
	copy(p.sum, sum)
	p.n = n
	p.r = norm(sum[1:])
	for i := range p.unit {
		p.unit[i] = 0
		if p.r > 0 {
			p.unit[i] = sum[i+1] / p.r
		}
	}
	p.log = p.integrate(sum[0], p.r, n, &p.moment)
}

func norm(x []float64) float64 {
	s := 0.0
	for _, v := range x {
		s = math.Hypot(s, v)
	}
	return s
}

// precision is N = n + 1/Scale².
func (p *ConePosterior) precision(n int) float64 {
	if p.prior.Scale == 0 {
		return float64(n)
	}
	return float64(n) + 1/(p.prior.Scale*p.prior.Scale)
}

// integrate returns the log evidence of n rows whose sum has the first coordinate s0
// and the other ones the length r, and fills m unless it is nil.
func (p *ConePosterior) integrate(s0, r float64, n int, m *coneMoments) float64 {
	big := math.Sqrt(p.precision(n))
	root := big * math.Sqrt(1+p.c*p.c)
	a, g := s0/root, p.c*r/root
	rule := p.rule(g)
	k := float64(p.k)
	top := math.Inf(-1)
	for i, u := range rule.x {
		y := a + g*u
		rule.log[i] = logKummer(p.k, y*y/2)
		top = max(top, rule.log[i])
	}
	var total float64
	var sum coneMoments
	for i, u := range rule.x {
		w := rule.w[i] * math.Exp(rule.log[i]-top)
		total += w
		if m == nil {
			continue
		}
		y := a + g*u
		m1, m2 := kummerMoments(p.k, y)
		m3 := y*m2 + (k+2)*m1
		m4 := y*m3 + (k+3)*m2
		sum.m10 += w * m1
		sum.m11 += w * m1 * u
		sum.m20 += w * m2
		sum.m21 += w * m2 * u
		sum.m22 += w * m2 * u * u
		sum.m30 += w * m3
		sum.m31 += w * m3 * u
		sum.m40 += w * m4
	}
	if m != nil {
		b2 := big * big
		*m = coneMoments{
			sum.m10 / total / big, sum.m11 / total / big,
			sum.m20 / total / b2, sum.m21 / total / b2, sum.m22 / total / b2,
			sum.m30 / total / (b2 * big), sum.m31 / total / (b2 * big), sum.m40 / total / (b2 * b2),
		}
	}
	log := top + math.Log(total) - (k+1)*math.Log(big)
	if p.prior.Scale == 0 {
		lg, _ := math.Lgamma((k + 1) / 2)
		return log + (k+1)/2*math.Ln2 + lg
	}
	return log - (k+1)*math.Log(p.prior.Scale)
}

// LogEvidence returns log ∫ φ Π p(x_i | θ)/p(x_i | apex) dθ of the data, the logarithm
// of the Bayes factor against the apex where the prior is proper.
func (p *ConePosterior) LogEvidence() float64 { return p.log }

// MeanLogLik returns the posterior mean of log p(x | θ)/p(x | apex) over the data.
func (p *ConePosterior) MeanLogLik() float64 {
	return (p.sum[0]*p.moment.m10+p.c*p.r*p.moment.m11)/math.Sqrt(1+p.c*p.c) - float64(p.n)*p.moment.m20/2
}

// split returns the part of x along the direction of the data and the square of what
// is orthogonal to it and to the axis.
func (p *ConePosterior) split(x []float64) (along, rest float64) {
	if len(x) != len(p.sum) {
		panic("estimation: slice length mismatch")
	}
	for i, e := range p.unit {
		along += e * x[i+1]
		rest += x[i+1] * x[i+1]
	}
	return along, max(0, rest-along*along)
}

// Term returns the posterior mean and variance of log p(x | θ)/p(x | apex), what WAIC
// needs of a row of the data.
func (p *ConePosterior) Term(x []float64) (mean, variance float64) {
	along, rest := p.split(x)
	root := math.Sqrt(1 + p.c*p.c)
	x0, xe := x[0]/root, p.c*along/root
	q := p.c * p.c * rest / (1 + p.c*p.c) / float64(p.d)
	m := &p.moment
	mean = x0*m.m10 + xe*m.m11 - m.m20/2
	square := x0*x0*m.m20 + 2*x0*xe*m.m21 + xe*xe*m.m22 + q*(m.m20-m.m22) - x0*m.m30 - xe*m.m31 + m.m40/4
	return mean, square - mean*mean
}

// LogPredictive returns log p(x | data)/p(x | apex) of a new row.
func (p *ConePosterior) LogPredictive(x []float64) float64 {
	along, rest := p.split(x)
	return p.integrate(p.sum[0]+x[0], math.Sqrt((p.r+along)*(p.r+along)+rest), p.n+1, nil) - p.log
}

// LogLeaveOut returns log p(x | data without x)/p(x | apex) for a row of the data, which
// are at least two.
func (p *ConePosterior) LogLeaveOut(x []float64) float64 {
	along, rest := p.split(x)
	return p.log - p.integrate(p.sum[0]-x[0], math.Sqrt((p.r-along)*(p.r-along)+rest), p.n-1, nil)
}

// Error returns KL(truth ‖ predictive), the generalisation error in nats, for a truth
// that is a point of the cone and has the given mean (d+2): over the axis, the
// direction of the data, that of the rest of the mean and the χ length of what is
// left by Gauss rules, to 0.1 % of the result from five rows on up to d = 10.
func (p *ConePosterior) Error(mean []float64) float64 {
	along, rest := p.split(mean)
	xi, off := norm(mean), math.Sqrt(rest)
	none, normal, whole, less := p.errorRules()
	// off = 0: what is left has d coordinates, else one of them is along the rest.
	side, left := none, whole
	if off > 1e-12*xi {
		side, left = normal, less
	}
	sum := 0.0
	for i, a := range normal.x {
		for j, b := range normal.x {
			for k, q := range side.x {
				for l, s := range left.x {
					r := math.Hypot(p.r+along+b, math.Sqrt((off+q)*(off+q)+2*s))
					sum += normal.w[i] * normal.w[j] * side.w[k] * left.w[l] * p.integrate(p.sum[0]+mean[0]+a, r, p.n+1, nil)
				}
			}
		}
	}
	return xi*xi/2 + p.log - sum
}

// errorRules returns rules for the point 0, for N(0, 1), and for half of χ²_d and of
// χ²_{d−1}. A row moves the posterior by O(1/n), so that many rows need few nodes.
func (p *ConePosterior) errorRules() (none, normal, whole, less gaussRule) {
	order := 3
	switch {
	case p.n < 20:
		order = 7
	case p.n < 50:
		order = 5
	case p.n < 100:
		order = 4
	}
	r := p.expect[order]
	if r == nil {
		none := gaussRule{[]float64{0}, []float64{1}}
		r = []gaussRule{none, hermiteRule(order), laguerreRule(order, float64(p.d)/2-1), none}
		if p.d > 1 {
			r[3] = laguerreRule(order, float64(p.d-1)/2-1)
		}
		p.expect[order] = r
	}
	return r[0], r[1], r[2], r[3]
}

// logKummer is log ₁F₁((k+1)/2; 1/2; z), z ≥ 0, from the recursion
// a F(a+1) = (2a − 1/2 + z) F(a) − (a − 1/2) F(a−1), which is stable upwards, in
// ratios F(a+1)/F(a).
func logKummer(k int, z float64) float64 {
	if k == 0 {
		return z
	}
	log, ratio, a := kummerStart(k, z)
	for ; a < float64(k+1)/2-0.25; a++ {
		log += math.Log(ratio)
		ratio = (2*(a+1) - 0.5 + z - (a+0.5)/ratio) / (a + 1)
	}
	return log
}

// kummerStart returns log F(a), F(a+1)/F(a) and a, which is 1/2 for even k, else 1.
func kummerStart(k int, z float64) (log, ratio, a float64) {
	if k%2 == 0 {
		return z, 1 + 2*z, 0.5
	}
	// F(1) = 1 + √(πz) e^z erf √z and F(0) = 1.
	s := math.Sqrt(z)
	log = z + math.Log(math.Exp(-z)+math.Sqrt(math.Pi)*s*math.Erf(s))
	return log, 1.5 + z - 0.5*math.Exp(-log), 1
}

// kummerMoments returns the means of t and t² under ∝ |t|^k exp(ty − t²/2).
func kummerMoments(k int, y float64) (m1, m2 float64) {
	z := y * y / 2
	_, ratio, a := kummerStart(k, z)
	for ; a < float64(k+1)/2-0.25; a++ {
		ratio = (2*(a+1) - 0.5 + z - (a+0.5)/ratio) / (a + 1)
	}
	a = float64(k+1) / 2
	m2 = 2 * a * ratio
	if math.Abs(y) < 1e-3 { // where m₂ − k − 1 cancels
		return 2*a*y + 2*a/3*(1-2*a)*y*y*y, m2
	}
	return (m2 - 2*a) / y, m2 // from m₂ = y m₁ + (k+1) m₀
}

// A gaussRule has nodes x and weights w of a probability law.
type gaussRule struct{ x, w []float64 }

// A sphereRule is a Gauss rule for the first coordinate of a uniform direction in
// R^(d+1), of density ∝ (1−u²)^(d/2−1), with scratch.
type sphereRule struct {
	gaussRule
	log []float64
}

// rule returns a rule that resolves exp((a+gu)²/2): its Chebyshev coefficients fall
// below 1e-16 beyond degree 8.6g.
func (p *ConePosterior) rule(g float64) *sphereRule {
	n := 32 * (1 + int((5*g+16)/32))
	if r := p.rules[n]; r != nil {
		return r
	}
	l := float64(p.d-1) / 2 // of Gegenbauer's polynomials
	r := &sphereRule{log: make([]float64, n)}
	r.gaussRule = golubWelsch(n, func(int) float64 { return 0 }, func(j int) float64 {
		k := float64(j)
		if k+l == 1 && l == 0 {
			return math.Sqrt(0.5)
		}
		return math.Sqrt(k * (k + 2*l - 1) / (4 * (k + l) * (k + l - 1)))
	})
	p.rules[n] = r
	return r
}

// hermiteRule is a Gauss rule for N(0, 1).
func hermiteRule(n int) gaussRule {
	return golubWelsch(n, func(int) float64 { return 0 }, func(j int) float64 { return math.Sqrt(float64(j)) })
}

// laguerreRule is a Gauss rule for the law Gamma(alpha + 1).
func laguerreRule(n int, alpha float64) gaussRule {
	return golubWelsch(n, func(j int) float64 { return 2*float64(j) + alpha + 1 },
		func(j int) float64 { return math.Sqrt(float64(j) * (float64(j) + alpha)) })
}

// golubWelsch returns the Gauss rule of a probability law from the recursion of its
// orthonormal polynomials, x p_j = off(j+1) p_{j+1} + diag(j) p_j + off(j) p_{j−1}
// (Golub and Welsch 1969, Math. Comp. 23, 221).
func golubWelsch(n int, diag, off func(j int) float64) gaussRule {
	m := mat.NewSymDense(n, nil)
	for j := range n {
		m.SetSym(j, j, diag(j))
		if j > 0 {
			m.SetSym(j-1, j, off(j))
		}
	}
	var eig mat.EigenSym
	if !eig.Factorize(m, true) {
		panic("estimation: no Gauss rule")
	}
	var v mat.Dense
	eig.VectorsTo(&v)
	w := make([]float64, n)
	for i := range w {
		w[i] = v.At(0, i) * v.At(0, i)
	}
	return gaussRule{eig.Values(nil), w}
}
