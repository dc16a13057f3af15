package models

import "math"

// The polynomial 1 − Σ a_i z^i, i = 1…k, has its roots outside the closed unit
// disc exactly when its partial autocorrelations κ_1…κ_k all lie in (−1, 1); the
// map between the two is Durbin and Levinson's recursion (Barndorff-Nielsen and
// Schou, J. Multivariate Anal. 3 (1973) 408; Monahan, Biometrika 71 (1984) 403).
// For the AR part a = φ; for the MA part a = −θ.

// partialsOf fills kappa with the partial autocorrelations of a = sign·coef. It
// returns 0, or the index (from 1) of the first that it found outside (−1, 1),
// NaN included, with its value in place and those below left unset.
func partialsOf(kappa, coef []float64, sign float64) int {
	for i, c := range coef {
		kappa[i] = sign * c
	}
	for k := len(kappa); k >= 1; k-- {
		r := kappa[k-1]
		if !(math.Abs(r) < 1) {
			return k
		}
		// (1−r)(1+r) keeps relative accuracy as |r| → 1, where 1−r² does not.
		w := 1 / ((1 - r) * (1 + r))
		for i, j := 0, k-2; i <= j; i, j = i+1, j-1 {
			x, y := kappa[i], kappa[j]
			kappa[i] = (x + r*y) * w
			kappa[j] = (y + r*x) * w
		}
	}
	return 0
}

// coefficientsOf is the inverse of partialsOf: coef = sign·a(κ). The slices may
// be the same.
func coefficientsOf(coef, kappa []float64, sign float64) {
	copy(coef, kappa)
	for k := 2; k <= len(coef); k++ {
		r := coef[k-1]
		stepUp(coef[:k-1], r)
	}
	for i := range coef {
		coef[i] *= sign
	}
}

// stepUp replaces a_i by a_i − r a_{k−i} for i = 1…k−1 = len(a).
func stepUp(a []float64, r float64) {
	for i, j := 0, len(a)-1; i <= j; i, j = i+1, j-1 {
		x, y := a[i], a[j]
		a[i] = x - r*y
		a[j] = y - r*x
	}
}

// maxPartial keeps the image of the free coordinates strictly inside the domain
// where tanh has rounded to ±1.
const maxPartial = 1 - 1e-12

// boundedTanh is tanh, kept inside (−1, 1).
func boundedTanh(u float64) float64 {
	return max(-maxPartial, min(maxPartial, math.Tanh(u)))
}

// ToFree maps θ of the domain to R^d: artanh of the partial autocorrelations of
// the AR and of the inverse MA part (with the sign that makes θ_1 = tanh u for
// q = 1), the mean as it is, log σ².
func (m *ARMA) ToFree(dst, theta []float64) {
	checkLen(len(dst), len(m.params))
	phi, th, mean, sigma2 := m.split(theta)
	free := dst[:m.p+m.q]
	partialsOf(free[:m.p], phi, 1)
	partialsOf(free[m.p:], th, -1)
	for i := range free {
		free[i] = math.Atanh(free[i])
		if i >= m.p {
			free[i] = -free[i]
		}
	}
	m.putTail(dst, mean, math.Log(sigma2))
}

// FromFree is the inverse of ToFree. It lands in the domain for any finite free
// coordinates: partial autocorrelations are kept within 1−1e-12 in modulus and
// σ² within the range of positive floating-point numbers.
func (m *ARMA) FromFree(dst, free []float64) {
	checkLen(len(dst), len(m.params))
	checkLen(len(free), len(m.params))
	for i, u := range free[:m.p+m.q] {
		dst[i] = boundedTanh(u)
		if i >= m.p {
			dst[i] = -dst[i]
		}
	}
	coefficientsOf(dst[:m.p], dst[:m.p], 1)
	coefficientsOf(dst[m.p:m.p+m.q], dst[m.p:m.p+m.q], -1)
	_, _, mean, logVar := m.split(free)
	m.putTail(dst, mean, math.Exp(max(-700, min(700, logVar))))
}

// PullScore fills dst with the score in free coordinates, given the score in θ
// at FromFree(free).
func (m *ARMA) PullScore(dst, free, score []float64) {
	checkLen(len(dst), len(m.params))
	checkLen(len(score), len(m.params))
	checkLen(len(free), len(m.params))
	pullPartials(dst[:m.p], free[:m.p], score[:m.p], 1)
	pullPartials(dst[m.p:m.p+m.q], free[m.p:m.p+m.q], score[m.p:m.p+m.q], -1)
	copy(dst[m.p+m.q:], score[m.p+m.q:])
	if m.set.Var == 0 {
		i := len(dst) - 1
		dst[i] = score[i] * math.Exp(max(-700, min(700, free[i])))
	}
}

// putTail writes the mean and the variance coordinates of dst, where free.
func (m *ARMA) putTail(dst []float64, mean, sigma2 float64) {
	i := m.p + m.q
	if m.set.Mean {
		dst[i] = mean
		i++
	}
	if m.set.Var == 0 {
		dst[i] = sigma2
	}
}

// pullPartials runs the recursion of coefficientsOf backwards: from the gradient
// in coef = sign·a(κ), κ = sign·tanh(u), to the gradient in u.
func pullPartials(dst, free, score []float64, sign float64) {
	k := len(dst)
	// Row j of the triangle holds the coefficients of order j+1.
	var tri [maxARMAOrder * (maxARMAOrder + 1) / 2]float64
	row := func(order int) []float64 { o := order * (order - 1) / 2; return tri[o : o+order] }
	for n := 1; n <= k; n++ {
		a := row(n)
		r := sign * boundedTanh(free[n-1])
		if n > 1 {
			copy(a, row(n-1))
			stepUp(a[:n-1], r)
		}
		a[n-1] = r
	}
	var adj [maxARMAOrder]float64
	for i, s := range score {
		adj[i] = sign * s
	}
	for n := k; n >= 1; n-- {
		g := adj[n-1]
		if n > 1 {
			prev := row(n - 1)
			for i := range n - 1 {
				g -= adj[i] * prev[n-2-i]
			}
		}
		r := row(n)[n-1]
		// The step down of the adjoint is the same butterfly as the step up.
		stepUp(adj[:n-1], r)
		dst[n-1] = sign * g * (1 - r) * (1 + r)
	}
}
