package estimation

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/mathext"

	"github.com/neuromanifold/neuromanifold/models"
)

// law fills in the limit law and the p-value.
func (t *emTest) law(res *EMTestResult, weights []float64) {
	x := res.Statistic
	switch {
	case weights != nil:
		res.Law = "mixture of chi2(0) to chi2(" + fmt.Sprint(t.form.k) + ") with weights"
		for j, w := range weights {
			res.Law += fmt.Sprintf(" %.3g", w)
			res.P += w * chi2Tail(j, x)
		}
	case t.form.variance == models.VarTied:
		delta := math.Inf(-1)
		for _, b := range t.opt.Beta {
			if b != 0.5 {
				delta = max(delta, 2*math.Log(1-math.Abs(1-2*b)))
			}
		}
		// 1 − (1−u)(1−w) = u + w − uw keeps small tails.
		u, w := chi2Tail(1, x-delta), chi2Tail(1, x)/2
		res.P = u + w - u*w
		res.Law = fmt.Sprintf("F(t%+.4g)(1+F(t))/2, F of chi2(1)", -delta)
	default:
		res.P = chi2Tail(2*t.form.k, x)
		res.Law = fmt.Sprintf("chi2(%d)", 2*t.form.k)
	}
	if x == 0 {
		res.P = 1
	}
}

// chi2Tail returns P(χ²_k ≥ x); χ²_0 is 0.
func chi2Tail(k int, x float64) float64 {
	switch {
	case x <= 0:
		return 1
	case k == 0:
		return 0
	}
	return mathext.GammaIncRegComp(float64(k)/2, x/2)
}

// variancePenalty returns a_n.
func (t *emTest) variancePenalty() float64 {
	p := t.null
	odds := func(i, j int) float64 {
		w := (misclassified(p, i, j) + misclassified(p, j, i)) / 2
		w = min(max(w, 1e-300), 1-1e-16)
		return math.Log(w / (1 - w))
	}
	logistic := func(x float64) float64 { return 0.35 / (1 + math.Exp(-x)) }
	switch {
	case t.form.variance == models.VarTied:
		return 1
	case t.form.k == 1:
		return 0.25
	case t.form.k == 2: // Chen, Li and Fu (2012), equation (4)
		return logistic(-1.859 - 0.577*odds(0, 1) - 60.453/t.n)
	case t.form.k == 3: // equation (5)
		return logistic(-1.602 - 0.240*(odds(0, 1)+odds(1, 2)) - 130.394/t.n)
	}
	return 0.2
}

// misclassified returns the probability that an observation of component i is
// more likely one of component j, weights included: with x = μ_i + σ_i z the set
// where a quadratic in z is positive.
func misclassified(p emPoint, i, j int) float64 {
	si, sj := math.Sqrt(p.v[i]), math.Sqrt(p.v[j])
	d := p.mu[i] - p.mu[j]
	a := 0.5 - p.v[i]/(2*p.v[j])
	b := -d * si / p.v[j]
	c := math.Log(p.alpha[j]*si/(p.alpha[i]*sj)) - d*d/(2*p.v[j])
	phi := func(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }
	if math.Abs(a) < 1e-9 {
		switch {
		case b > 0:
			return phi(c / b)
		case b < 0:
			return phi(-c / b)
		case c > 0:
			return 1
		}
		return 0
	}
	disc := b*b - 4*a*c
	if disc <= 0 {
		if a > 0 {
			return 1
		}
		return 0
	}
	// Roots without cancellation.
	q := -0.5 * (b + math.Copysign(math.Sqrt(disc), b))
	z1, z2 := q/a, c/q
	if z1 > z2 {
		z1, z2 = z2, z1
	}
	if a > 0 {
		return phi(z1) + phi(-z2)
	}
	return phi(z2) - phi(z1)
}

// knownVarianceLaw returns the weights of χ²₀ … χ²_m in the limit law of the
// EM-test with known variance, and the factor of log(1 − |1 − 2β|).
//
// The statistic tends to sup_{v ≥ 0} 2vᵀw − vᵀBv with w ~ N(0, B), where B is the
// covariance of the second-order scores of the m components after projection on
// the scores of the null model (Li and Chen, JASA 105, 2010). The weights are the
// parts of the sphere, in the metric B, nearest to the faces of the orthant:
// angles arccos ρ_ij for its plane faces, and for m = 3 a spherical triangle whose
// dihedral angles have the partial correlations as cosines. The factors are the
// empirical formulas of Chen and Li (Canad. J. Statist. 39, 2011).
func knownVarianceLaw(null emPoint, n float64) (weights []float64, factor float64, err error) {
	m := len(null.mu)
	if m == 1 {
		return []float64{0.5, 0.5}, 0.54, nil
	}
	r, err := splitCorrelation(null)
	if err != nil {
		return nil, 0, err
	}
	half := func(x float64) float64 { return 0.5 / (1 + math.Exp(-x)) }
	angle := func(c float64) float64 { return math.Acos(min(max(c, -1), 1)) }
	r12 := r.At(0, 1)
	if m == 2 {
		a := angle(r12) / (2 * math.Pi)
		return []float64{0.5 - a, 0.5, a}, half(5 - 10.6*r12 - 123/n), nil
	}
	r13, r23 := r.At(0, 2), r.At(1, 2)
	partial := func(ij, ik, jk float64) float64 { return (ij - ik*jk) / math.Sqrt((1-ik*ik)*(1-jk*jk)) }
	a2 := (angle(r12) + angle(r13) + angle(r23)) / (4 * math.Pi)
	a3 := (angle(partial(r12, r13, r23)) + angle(partial(r13, r12, r23)) + angle(partial(r23, r12, r13)) - math.Pi) / (4 * math.Pi)
	a3 = max(a3, 0)
	return []float64{0.5 - a2, 0.5 - a3, a2, a3}, half(3.3 - 5.5*(r12+r23) - 165/n), nil
}

// splitCorrelation returns the correlations of the second-order scores
// ½φ”(x; μ_h)/p(x) after projection on the scores of weights and means.
func splitCorrelation(null emPoint) (*mat.Dense, error) {
	m := len(null.mu)
	sd := math.Sqrt(null.v[0])
	// The trapezoidal rule: the integrands are analytic and fall off like
	// normal densities, so that its error is below 1e-12.
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, mu := range null.mu {
		lo, hi = min(lo, mu/sd), max(hi, mu/sd)
	}
	lo, hi = lo-10, hi+10
	const step = 1.0 / 32
	d := 3*m - 1
	cov := mat.NewSymDense(d, nil)
	g := make([]float64, d)
	phi := make([]float64, m)
	for i := 0; ; i++ {
		x := lo + step*float64(i)
		if x > hi {
			break
		}
		p := 0.0
		for h := range m {
			u := x - null.mu[h]/sd
			phi[h] = math.Exp(-u*u/2) / math.Sqrt(2*math.Pi)
			p += null.alpha[h] * phi[h]
		}
		if !(p > 1e-290) {
			continue
		}
		for h := range m {
			u := x - null.mu[h]/sd
			if h < m-1 {
				g[h] = (phi[h] - phi[m-1]) / p
			}
			g[m-1+h] = u * phi[h] / p
			g[2*m-1+h] = (u*u - 1) / 2 * phi[h] / p
		}
		for a := range d {
			for b := a; b < d; b++ {
				cov.SetSym(a, b, cov.At(a, b)+step*p*g[a]*g[b])
			}
		}
	}
	q := 2*m - 1
	b11 := mat.NewSymDense(q, nil)
	b12 := mat.NewDense(q, m, nil)
	for a := range q {
		for b := a; b < q; b++ {
			b11.SetSym(a, b, cov.At(a, b))
		}
		for h := range m {
			b12.Set(a, h, cov.At(a, q+h))
		}
	}
	var chol mat.Cholesky
	var sol, fit mat.Dense
	if !chol.Factorize(b11) || chol.SolveTo(&sol, b12) != nil {
		return nil, errors.New("EM-test: two components of the null fit coincide: it is of a lower order")
	}
	fit.Mul(b12.T(), &sol)
	r := mat.NewDense(m, m, nil)
	for a := range m {
		for b := range m {
			r.Set(a, b, cov.At(q+a, q+b)-fit.At(a, b))
		}
	}
	s := make([]float64, m)
	for a := range m {
		if s[a] = math.Sqrt(r.At(a, a)); !(s[a] > 1e-8) {
			return nil, errors.New("EM-test: two components of the null fit coincide: it is of a lower order")
		}
	}
	for a := range m {
		for b := range m {
			r.Set(a, b, r.At(a, b)/(s[a]*s[b]))
		}
	}
	return r, nil
}
