package singular

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/integrate/quad"
	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

// ErrNoChart is wrapped by the errors of NewChart and, for a point that the chart
// does not cover, of its methods.
var ErrNoChart = errors.New("no regular chart")

// A Chart is the regular ("blow-down") chart of two units near their overlap. The
// law depends on the mixing measure r Σ p_i δ(c_i) of the units' locations c₁, c₂
// (input weights, centres or means) alone, and with
//
//	r = v₁ + v₂,  z = (v₁ − v₂)/r,  s = (v₁c₁ + v₂c₂)/r,  u = c₂ − c₁
//
// the chart is δ = (1−z²)u², γ = z(1−z²)u³, s and r: four times the variance and
// the third central moment of the mixing measure, its mean and its mass. For
// u → 0 at fixed z two eigenvalues of the Fisher information in θ vanish like u²
// and u⁶; in the chart it tends to a regular matrix, the Gram matrix of
// (r/8)φ″, (r/24)φ‴, rφ′ and φ, derivatives with respect to the location. The
// chart covers weights of one sign, |z| < 1, and identifies the two orders of
// the units (S. Amari, Information Geometry and Its Applications, Springer 2016,
// chapter 12; as central moments and for mixtures derived here).
//
// The information in the chart is not transformed from that in θ, which would lose
// all digits: ∂/∂γ and ∂/∂δ of the law are divided differences of the unit on the
// nodes c₁, c₁, c₂, c₂, which have no singularity at c₁ = c₂. A Chart is immutable
// and safe for concurrent use.
type Chart struct {
	m      models.Model
	coords []string
	mix    float64 // known standard deviation of a mixture; 0 for a regression
	noise  float64 // standard deviation of the noise of a regression
	sd     float64 // of its normal inputs
	// unit returns the unit at location c and its first three derivatives with
	// respect to c, rate a bound on their growth per derivative.
	unit func(c, x float64) [4]float64
	rate func(x float64) float64
	// narrow is the inverse of the least length in x on which products of units
	// at locations up to c in size vary.
	narrow func(c float64) float64
	// Nodes and weights of ∫₀¹(1−t)h(t)dt and ∫₀¹t(1−t)h(t)dt.
	t, second, third [10]float64
}

// NewChart returns the chart of a network of two erf or tanh units with one normal
// input, one output, no biases and known noise; of two RBF units with one normal
// input and known noise; or of a mixture of two normals of known variance, where r
// is 1 and not a coordinate. For other models it returns an error wrapping
// ErrNoChart.
func NewChart(m models.Model) (*Chart, error) {
	c := &Chart{m: m, coords: []string{"delta", "gamma", "s", "r"}}
	quad.Legendre{}.FixedLocations(c.t[:], c.second[:], 0, 1)
	for i, t := range c.t {
		c.second[i] *= 1 - t
		c.third[i] = c.second[i] * t
	}
	switch m := m.(type) {
	case *models.MLP:
		s := m.Settings()
		law, normal := s.Inputs.(models.NormalLaw)
		if s.In != 1 || s.Hidden != 2 || s.Out != 1 || s.Bias || s.FreeSigma || !normal || s.Act != models.ErfUnit && s.Act != models.TanhUnit {
			return nil, fmt.Errorf("%v: %w: two erf or tanh units, one normal input, one output, no bias and known noise are needed", m, ErrNoChart)
		}
		c.unit = tanhUnit
		if s.Act == models.ErfUnit {
			c.unit = erfUnit
		}
		c.noise, c.sd, c.rate = s.Sigma, law.SD, math.Abs
		c.narrow = func(w float64) float64 { return math.Sqrt(1/(law.SD*law.SD) + 2*w*w) }
	case *models.RBF:
		s := m.Settings()
		law, normal := s.Inputs.(models.NormalLaw)
		if s.In != 1 || s.Hidden != 2 || s.FreeSigma || !normal {
			return nil, fmt.Errorf("%v: %w: two units, one normal input and known noise are needed", m, ErrNoChart)
		}
		c.noise, c.sd = s.Sigma, law.SD
		c.unit = bellUnit(s.Width, 1)
		c.rate = func(float64) float64 { return 1 / s.Width }
		c.narrow = func(float64) float64 { return math.Sqrt(1/(law.SD*law.SD) + 2/(s.Width*s.Width)) }
	case *models.Mixture:
		s := m.Settings()
		if s.K != 2 || s.Dim != 1 || s.Variance != models.VarKnown {
			return nil, fmt.Errorf("%v: %w: two components of one dimension and known variance are needed", m, ErrNoChart)
		}
		c.coords = c.coords[:3]
		c.mix = s.Sigma
		c.unit = bellUnit(s.Sigma, 1/(s.Sigma*math.Sqrt(2*math.Pi)))
		c.rate = func(float64) float64 { return 1 / s.Sigma }
	default:
		return nil, fmt.Errorf("%v: %w for this family", m, ErrNoChart)
	}
	return c, nil
}

// erfUnit is erf(cx/√2) and its derivatives with respect to c.
func erfUnit(c, x float64) [4]float64 {
	h := c * x
	d := math.Sqrt(2/math.Pi) * math.Exp(-h*h/2)
	return [4]float64{math.Erf(h / math.Sqrt2), x * d, -x * x * h * d, x * x * x * (h*h - 1) * d}
}

// tanhUnit is tanh(cx) and its derivatives with respect to c.
func tanhUnit(c, x float64) [4]float64 {
	t := math.Tanh(c * x)
	d := (1 - t) * (1 + t)
	return [4]float64{t, x * d, -2 * x * x * t * d, x * x * x * (6*t*t - 2) * d}
}

// bellUnit is height·exp(−(x−c)²/2w²) and its derivatives with respect to c.
func bellUnit(w, height float64) func(c, x float64) [4]float64 {
	return func(c, x float64) [4]float64 {
		y := (x - c) / w
		g := height * math.Exp(-y*y/2)
		return [4]float64{g, y / w * g, (y*y - 1) / (w * w) * g, y * (y*y - 3) / (w * w * w) * g}
	}
}

// Coords returns the names of the coordinates.
func (c *Chart) Coords() []string { return append([]string(nil), c.coords...) }

// A pair is the mixing measure r (p₁ δ(s+d₁) + p₂ δ(s+d₂)) with d₂ − d₁ = u.
type pair struct{ p1, p2, d1, d2, u, s, r float64 }

// pair reads the measure from θ.
func (c *Chart) pair(theta []float64) (pair, error) {
	if err := models.CheckTheta(c.m, theta); err != nil {
		return pair{}, fmt.Errorf("%v: %w", c.m, err)
	}
	var q pair
	var a, b float64
	if c.mix > 0 {
		q.p1, a, b, q.r = theta[0], theta[1], theta[2], 1
		q.p2 = 1 - q.p1
	} else {
		a, b, q.r = theta[0], theta[1], theta[2]+theta[3]
		q.p1, q.p2 = theta[2]/q.r, theta[3]/q.r
	}
	if !(q.p1 > 0 && q.p2 > 0) {
		return pair{}, fmt.Errorf("%v at %v: %w: both weights must be positive or both negative", c.m, theta, ErrNoChart)
	}
	q.u = b - a
	q.d1, q.d2 = -q.p2*q.u, q.p1*q.u
	q.s = a - q.d1
	return q, nil
}

// Forward fills dst with the chart coordinates of θ. It returns an error for a θ
// outside the domain or with weights not of one sign.
func (c *Chart) Forward(dst, theta []float64) error {
	c.check(len(dst))
	q, err := c.pair(theta)
	if err != nil {
		return err
	}
	v := 4 * q.p1 * q.p2 * q.u * q.u
	dst[0], dst[1], dst[2] = v, v*(q.p1-q.p2)*q.u, q.s
	if c.mix == 0 {
		dst[3] = q.r
	}
	return nil
}

func (c *Chart) check(n int) {
	if n != len(c.coords) {
		panic(badLength)
	}
}

// measure reads the measure from chart coordinates: with t = γ/δ^{3/2},
// z = t/√(1+t²) and u = √(δ(1+t²)).
func (c *Chart) measure(at []float64) (pair, error) {
	c.check(len(at))
	q := pair{p1: 0.5, p2: 0.5, s: at[2], r: 1}
	if c.mix == 0 {
		q.r = at[3]
	}
	delta, gamma := at[0], at[1]
	switch {
	case math.IsNaN(q.s) || math.IsInf(q.s, 0) || math.IsNaN(q.r) || math.IsInf(q.r, 0) || q.r == 0:
	case delta == 0 && gamma == 0:
		return q, nil
	case delta > 0 && !math.IsInf(delta, 1):
		root := math.Sqrt(delta)
		t := gamma / delta / root
		h := math.Hypot(1, t)
		if q.u = root * h; math.IsNaN(q.u) || math.IsInf(q.u, 0) {
			break
		}
		// The larger weight, and the smaller one from p₁p₂ = 1/4(1+t²).
		large := (1 + math.Abs(t)/h) / 2
		q.p1, q.p2 = large, 0.25/(h*h)/large
		if t < 0 {
			q.p1, q.p2 = q.p2, q.p1
		}
		q.d1, q.d2 = -q.p2*q.u, q.p1*q.u
		return q, nil
	}
	return pair{}, fmt.Errorf("%v at %v: %w: δ > 0, or δ = γ = 0, and finite coordinates with r ≠ 0 are needed", c.coords, at, ErrNoChart)
}

// Inverse fills dst with a θ of these chart coordinates: the order of the units
// with u ≥ 0, and equal weights at δ = γ = 0, where the law does not depend on
// them. It returns an error where the chart ends: δ ≤ 0 but for δ = γ = 0, or r = 0.
func (c *Chart) Inverse(dst, at []float64) error {
	if len(dst) != models.Dim(c.m) {
		panic(badLength)
	}
	q, err := c.measure(at)
	if err != nil {
		return err
	}
	if c.mix > 0 {
		dst[0], dst[1], dst[2] = q.p1, q.s+q.d1, q.s+q.d2
	} else {
		dst[0], dst[1], dst[2], dst[3] = q.s+q.d1, q.s+q.d2, q.r*q.p1, q.r*q.p2
	}
	return nil
}

// Jacobian fills dst (d×d) with ∂(δ, γ, s, r)/∂θ, so that F in θ is JᵀF_chart J.
// Its determinant is 4(1−z²)u⁴/r up to sign. The errors are those of Forward.
func (c *Chart) Jacobian(dst *mat.Dense, theta []float64) error {
	if rows, cols := dst.Dims(); rows != len(c.coords) || cols != len(c.coords) {
		panic(badShape)
	}
	q, err := c.pair(theta)
	if err != nil {
		return err
	}
	k2 := q.p1 * q.p2 * q.u * q.u
	k3 := k2 * (q.p1 - q.p2) * q.u
	// Derivatives of variance, third moment and mean with respect to the
	// location and to the mass of an atom.
	location := func(p, d float64) [3]float64 { return [3]float64{4 * 2 * p * d, 4 * 3 * p * (d*d - k2), p} }
	mass := func(d float64) [3]float64 { return [3]float64{4 * (d*d - k2), 4 * (d*d*d - k3 - 3*k2*d), d} }
	l1, l2, m1, m2 := location(q.p1, q.d1), location(q.p2, q.d2), mass(q.d1), mass(q.d2)
	for i := range 3 {
		if c.mix > 0 {
			dst.Set(i, 0, m1[i]-m2[i])
			dst.Set(i, 1, l1[i])
			dst.Set(i, 2, l2[i])
			continue
		}
		dst.Set(i, 0, l1[i])
		dst.Set(i, 1, l2[i])
		dst.Set(i, 2, m1[i]/q.r)
		dst.Set(i, 3, m2[i]/q.r)
	}
	if c.mix == 0 {
		dst.SetRow(3, []float64{0, 0, 1, 1})
	}
	return nil
}

// Fisher fills dst (d×d) with the Fisher information per observation in the
// chart coordinates and returns a bound on the absolute error of its entries. It
// is regular on the overlap δ = γ = 0 too. The errors are those of Inverse.
func (c *Chart) Fisher(dst *mat.SymDense, at []float64) (errBound float64, err error) {
	n := len(c.coords)
	if dst.SymmetricDim() != n {
		panic(badShape)
	}
	q, err := c.measure(at)
	if err != nil {
		return math.NaN(), err
	}
	step, lo, hi := c.grid(q)
	var all, even [10]float64
	for i := lo; i <= hi; i++ {
		x := float64(i) * step
		g, law := c.gradient(q, x)
		w := step
		if c.mix > 0 {
			if law == 0 {
				continue
			}
			w /= law
		} else {
			y := x / c.sd
			w *= math.Exp(-y*y/2) / (c.sd * math.Sqrt(2*math.Pi) * c.noise * c.noise)
		}
		k := 0
		for a := range n {
			for b := a; b < n; b++ {
				v := w * g[a] * g[b]
				all[k] += v
				if i%2 == 0 {
					even[k] += 2 * v
				}
				k++
			}
		}
	}
	k := 0
	for a := range n {
		for b := a; b < n; b++ {
			dst.SetSym(a, b, all[k])
			errBound = max(errBound, math.Abs(all[k]-even[k]))
			k++
		}
	}
	return errBound, nil
}

// grid returns the step and the first and last node of a trapezoid rule in x. The
// integrands are analytic in a strip whose width is π/|u| for a mixture (the zeros
// of p), the distance of the poles of tanh for a network, and they are products of
// Gaussians and polynomials otherwise, for all of which the error at the doubled
// step is below 1e-13.
func (c *Chart) grid(q pair) (step float64, lo, hi int) {
	a, b := q.s+q.d1, q.s+q.d2
	left, right := -9*c.sd, 9*c.sd
	if c.mix > 0 {
		step = 0.2 * c.mix / max(1, q.u/c.mix)
		// Squared scores of a light component have their mass beyond it.
		left, right = a-q.u-9*c.mix, b+q.u+9*c.mix
	} else {
		step = 0.2 / c.narrow(max(math.Abs(a), math.Abs(b)))
	}
	return step, int(math.Floor(left / step)), int(math.Ceil(right / step))
}

// gradient returns the derivatives of the mean (of the density, for a mixture)
// at x with respect to the coordinates, and the density.
func (c *Chart) gradient(q pair, x float64) (g [4]float64, law float64) {
	a, b := q.s+q.d1, q.s+q.d2
	ga, gb := c.unit(a, x), c.unit(b, x)
	second, third := c.differences(a, q.u, x, &ga, &gb)
	law = q.p1*ga[0] + q.p2*gb[0]
	// The functional of the unit that ∂/∂γ stands for vanishes on 1, c and c² and
	// is 1/4 on c³: the third divided difference. That of ∂/∂δ vanishes on 1 and c
	// and gives 1/4 on c² and 3s/4 on c³.
	g[0] = q.r / 4 * (second - (2*q.d1+q.d2)*third)
	g[1] = q.r / 4 * third
	g[2] = q.r * (q.p1*ga[1] + q.p2*gb[1])
	g[3] = law
	return g, law
}

// differences returns the divided differences of the unit on the nodes (a, a, b)
// and (a, a, b, b), b = a + u: from the values where the unit varies between the
// nodes, and else as ∫(1−t)g″(a+tu)dt and ∫t(1−t)g‴(a+tu)dt (Hermite and
// Genocchi), which does not cancel; ten points are exact to rounding there.
func (c *Chart) differences(a, u, x float64, ga, gb *[4]float64) (second, third float64) {
	if math.Abs(u)*c.rate(x) > 1 {
		mean := (gb[0] - ga[0]) / u
		return (mean - ga[1]) / u, (ga[1] + gb[1] - 2*mean) / (u * u)
	}
	if u == 0 {
		return ga[2] / 2, ga[3] / 6
	}
	for i, t := range c.t {
		d := c.unit(a+t*u, x)
		second += c.second[i] * d[2]
		third += c.third[i] * d[3]
	}
	return second, third
}
