package models

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// Fisher implements Informer: the information per unit of time of a long
// series, F = E ψψᵀ with ψ = (u_{t−1}…u_{t−p}, w_{t−1}…w_{t−q}), where u = e/φ(B)
// and w = e/(1+Σθ_jB^j) are driven by the same unit white noise (Klein, Mélard,
// Saidi, Lin. Alg. Appl. 420 (2007) 474), so that both diagonal blocks are
// Toeplitz with autoregressive autocovariances and the other one is Toeplitz
// with their cross covariances C(k) = E u_{t+k} w_t. The mean has
// (φ(1)/ϑ(1))²/σ², σ² has 1/(2σ⁴), both orthogonal to the rest. The route is
// Exact. For a finite exact likelihood E ss' = n F + O(1).
func (m *ARMA) Fisher() (func(dst *mat.SymDense, theta []float64) float64, Route) {
	p, q, d := m.p, m.q, len(m.params)
	gu, gw := make([]float64, p), make([]float64, q)
	var lu, cross []float64
	var piv []int
	if p > 0 && q > 0 {
		n := p + q - 1
		lu, cross, piv = make([]float64, n*n), make([]float64, n), make([]int, n)
	}
	return func(dst *mat.SymDense, theta []float64) float64 {
		checkSym(dst, d)
		phi, th, _, sigma2 := m.split(theta)
		dst.Zero()
		arAutocov(gu, phi, 1)
		arAutocov(gw, th, -1)
		crossCov(cross, lu, piv, phi, th)
		raw := dst.RawSymmetric()
		for i := range p {
			row := raw.Data[i*raw.Stride:]
			for j := i; j < p; j++ {
				row[j] = gu[j-i]
			}
			for j := range q {
				row[p+j] = cross[j-i+p-1]
			}
		}
		for i := range q {
			row := raw.Data[(p+i)*raw.Stride:]
			for j := i; j < q; j++ {
				row[p+j] = gw[j-i]
			}
		}
		i := p + q
		if m.set.Mean {
			r := m.meanGain(phi, th)
			dst.SetSym(i, i, r*r/sigma2)
			i++
		}
		if m.set.Var == 0 {
			dst.SetSym(i, i, 0.5/(sigma2*sigma2))
		}
		return 0
	}, Exact
}

// meanGain is φ(1)/ϑ(1), the response of the innovations to the mean.
func (m *ARMA) meanGain(phi, th []float64) float64 {
	a, b := 1.0, 1.0
	for _, f := range phi {
		a -= f
	}
	for _, t := range th {
		b += t
	}
	return a / b
}

// arAutocov fills g with γ_0…γ_{k−1} of the process (1 − sign·Σ coef_i B^i) x = e,
// k = len(coef): γ_0 = Π 1/(1−κ²), then γ_i from the best predictor of order i.
func arAutocov(g, coef []float64, sign float64) {
	if len(coef) == 0 {
		return
	}
	var kap, a [maxARMAOrder]float64
	partialsOf(kap[:len(coef)], coef, sign)
	g[0] = 1
	for _, x := range kap[:len(coef)] {
		g[0] /= (1 - x) * (1 + x)
	}
	for k := 1; k < len(coef); k++ {
		stepUp(a[:k-1], kap[k-1])
		a[k-1] = kap[k-1]
		s := 0.0
		for i := range k {
			s += a[i] * g[k-1-i]
		}
		g[k] = s
	}
}

// crossCov fills c with C(k) = E u_{t+k} w_t for k = −(p−1)…q−1. They satisfy
//
//	C(k) − Σφ_i C(k−i) = 0 for k > 0,   C(k) + Σθ_j C(k+j) = 0 for k < 0,
//	C(0) − Σφ_i C(−i) = 1,
//
// with C(−p) eliminated by the second: p+q−1 equations, whose determinant is
// Π(1 − α_iβ_j), never 0 in the domain (derived here).
func crossCov(c, lu []float64, piv []int, phi, th []float64) {
	p, q := len(phi), len(th)
	if p == 0 || q == 0 {
		return
	}
	n := p + q - 1
	clear(lu)
	clear(c)
	at := func(row, k int) *float64 { return &lu[(row+p-1)*n+k+p-1] }
	for k := -(p - 1); k < q; k++ {
		*at(k, k)++
		switch {
		case k > 0:
			for i := 1; i <= p; i++ {
				*at(k, k-i) -= phi[i-1]
			}
		case k < 0:
			for j := 1; j <= q; j++ {
				*at(k, k+j) += th[j-1]
			}
		default:
			for i := 1; i < p; i++ {
				*at(0, -i) -= phi[i-1]
			}
			for j := 1; j <= q; j++ {
				*at(0, j-p) += phi[p-1] * th[j-1]
			}
		}
	}
	c[p-1] = 1
	luFactor(lu, piv)
	luSolve(lu, piv, c)
}

// FisherFactor implements Factorer. A direction (δφ, δθ) moves the innovations
// by n(B)/(φ(B)ϑ(B)) e with n = δφ·ϑ + δθ·φ, whose coefficients are S (δφ, δθ), S
// the Sylvester matrix of the two polynomials. So F = Sᵀ T S with T the
// autocovariance matrix of the autoregression φϑ of order p+q (Klein, Mélard,
// Saidi 2007), and R = V^{1/2} Lᵀ S for T = L V Lᵀ in unit triangular form. The
// smallness of F near a cancellation is all in S, whose entries are the
// coefficients themselves: singular values of R keep their relative accuracy
// where eigenvalues of F are lost to rounding. R has d rows. Where rounding puts
// the product φϑ on the unit circle (roots within about 1e-8) its entries are
// NaN.
func (m *ARMA) FisherFactor() (func(theta []float64) *mat.Dense, Route) {
	p, q, d := m.p, m.q, len(m.params)
	n := p + q
	out := mat.NewDense(d, d, nil)
	prod, kap := make([]float64, n), make([]float64, n)
	tri := make([]float64, n*n) // row k: predictor coefficients of order k
	syl := make([]float64, n*n)
	return func(theta []float64) *mat.Dense {
		phi, th, _, sigma2 := m.split(theta)
		out.Zero()
		fillSylvester(syl, phi, th)
		copy(prod, phi)
		clear(prod[p:])
		multiply(prod, p, th, -1)
		bad := partialsOf(kap, prod, 1) != 0
		for k := 1; k < n; k++ {
			row := tri[k*n : k*n+k]
			if k > 1 {
				copy(row, tri[(k-1)*n:(k-1)*n+k-1])
				stepUp(row[:k-1], kap[k-1])
			}
			row[k-1] = kap[k-1]
		}
		// Aᵀ X = S with A = L⁻¹: row k of A is 1 at k and −a^{(k)}_i at k−i.
		for k := n - 1; k >= 0; k-- {
			x := syl[k*n : (k+1)*n]
			for j := k + 1; j < n; j++ {
				a := tri[j*n+j-k-1]
				for c, v := range syl[j*n : (j+1)*n] {
					x[c] += a * v
				}
			}
		}
		// The variance of the predictor of order k is Π_{i>k} 1/(1−κ_i²).
		v := 1.0
		for k := n - 1; k >= 0; k-- {
			v /= (1 - kap[k]) * (1 + kap[k])
			s := math.Sqrt(v)
			if bad {
				s = math.NaN()
			}
			for c := range n {
				out.Set(k, c, s*syl[k*n+c])
			}
		}
		i := n
		if m.set.Mean {
			out.Set(i, i, m.meanGain(phi, th)/math.Sqrt(sigma2))
			i++
		}
		if m.set.Var == 0 {
			out.Set(i, i, math.Sqrt2/2/sigma2)
		}
		return out
	}, Exact
}

// fillSylvester fills s (n×n, n = p+q): the columns are the coefficients of z^1…z^n
// in z^i·ϑ(z), i = 1…p, and in z^j·φ(z), j = 1…q.
func fillSylvester(s, phi, th []float64) {
	p, q := len(phi), len(th)
	n := p + q
	clear(s)
	for i := range p {
		s[i*n+i] = 1
		for j, t := range th {
			s[(i+j+1)*n+i] = t
		}
	}
	for j := range q {
		s[j*n+p+j] = 1
		for i, f := range phi {
			s[(i+j+1)*n+p+j] = -f
		}
	}
}

// commonTol is the singular value of the Sylvester matrix, relative to the
// largest, below which AR and MA factors count as common: about what decimal
// coefficients of a product leave.
const commonTol = 1e-10

// commonDegree is the number of roots that AR and MA have in common, roots at 0
// (vanishing last coefficients of both) included: the corank of the Sylvester
// matrix.
func commonDegree(phi, th []float64) int {
	if len(phi) == 0 || len(th) == 0 {
		return 0
	}
	n := len(phi) + len(th)
	s := make([]float64, n*n)
	fillSylvester(s, phi, th)
	var svd mat.SVD
	if !svd.Factorize(mat.NewDense(n, n, s), mat.SVDNone) {
		return 0
	}
	v := svd.Values(nil)
	c := 0
	for _, x := range v {
		if x <= commonTol*v[0] {
			c++
		}
	}
	return c
}

// RLCT implements KnownRLCT for a smooth positive prior and any truth inside the
// domain. The truth is reduced to coprime orders (p*, q*) by cancelling its
// common roots, r of them: the corank of the Sylvester matrix at relative
// tolerance 1e-10. Then min(p−p*, q−q*) = r and λ = (p+q−r)/2 = max(p+q*, p*+q)/2,
// plus 1/2 each for a free mean and a free variance, m = 1; it is global and, as
// the set of parameters with the law of the truth is an affine plane on which K
// is quadratic in the transverse directions, local as well. See ARMACoefficient.
//
// Jeffreys' prior is |resultant| times a smooth positive factor. For one common root
// of orders (1, 1) that is |φ+θ|, and φ+θ is the transverse coordinate: λ = 1 in place
// of 1/2. Nothing is said of common roots of higher orders.
func (m *ARMA) RLCT(truth []float64, prior PriorShape) (Coefficient, bool) {
	if prior.Power != 0 || CheckTheta(m, truth) != nil {
		return Coefficient{}, false
	}
	phi, th, _, _ := m.split(truth)
	r := commonDegree(phi, th)
	if prior.Jeffreys && r > 0 {
		if m.p != 1 || m.q != 1 {
			return Coefficient{}, false
		}
		c, _ := MonomialCoefficient([]int{1}, []float64{1})
		c = SumCoefficient(c, RegularCoefficient(len(m.params)-2))
		c.Ref = "derived here: √det F ∝ |φ+θ| and K ~ (φ+θ)²"
		return c, true
	}
	c, err := ARMACoefficient(m.p, m.q, m.p-r, m.q-r, len(m.params)-m.p-m.q)
	return c, err == nil
}
