package models

import (
	"fmt"
	"math"
	"math/cmplx"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// Strata implements Stratified: common(c), c = 1…min(p, q), is the set where the
// AR and the MA polynomial have a common factor of degree c at least.
func (m *ARMA) Strata() []Stratum {
	var out []Stratum
	for c := 1; c <= min(m.p, m.q); c++ {
		out = append(out, Stratum{
			Name:  fmt.Sprintf("common(%d)", c),
			Codim: c,
			Doc: fmt.Sprintf("AR and MA polynomial have a common factor of degree %d (roots at infinity, "+
				"where both last coefficients vanish, included): it cancels from the law, and the Fisher information of "+
				"the coefficients has rank at most p+q-%[1]d. Distance is Euclidean in the coefficients, without regard "+
				"to the boundary of the domain: the least over all real common roots for c = 1, a local minimum from "+
				"the matched roots for c > 1; below 1e-13 (1+|θ|) it is 0. Project stays inside the domain.", c),
			Distance: func(theta []float64) float64 { return m.cancel(theta, c).dist },
			Project: func(dst, theta []float64) {
				checkLen(len(dst), len(m.params))
				copy(dst, theta)
				f := m.cancel(theta, c)
				f.product(dst[:m.p], dst[m.p:m.p+m.q])
				shrinkTogether(dst[:m.p], dst[m.p:m.p+m.q])
			},
			Tangent: func(theta []float64) *mat.Dense { return m.tangent(theta, c) },
		})
	}
	return out
}

// tangent returns the directions δφ(z) = −φ*(z) z^k, δϑ(z) = ϑ*(z) z^k, k = 1…r,
// in which the common factor (of degree r ≥ c) of φ = φ* c and ϑ = ϑ* c moves.
func (m *ARMA) tangent(theta []float64, c int) *mat.Dense {
	phi, th, _, _ := m.split(theta)
	c = min(max(c, commonDegree(phi, th)), min(m.p, m.q))
	f := m.cancel(theta, c)
	t := mat.NewDense(len(m.params), len(f.c), nil)
	for k := range f.c {
		t.Set(k, k, -1)
		for i, a := range f.phi {
			t.Set(k+i+1, k, a)
		}
		t.Set(m.p+k, k, 1)
		for j, b := range f.th {
			t.Set(m.p+k+j+1, k, b)
		}
	}
	return t
}

// shrinkTogether multiplies the roots of both polynomials by one number below 1
// until both lie in the domain: common roots stay common.
func shrinkTogether(phi, th []float64) {
	var kap [maxARMAOrder]float64
	for try := 0; partialsOf(kap[:len(phi)], phi, 1) != 0 || partialsOf(kap[:len(th)], th, -1) != 0; try++ {
		s := 1 - 1e-12*math.Pow(4, float64(try))
		if !(s > 0) {
			clear(phi)
			clear(th)
			return
		}
		f := 1.0
		for i := range max(len(phi), len(th)) {
			f *= s
			if i < len(phi) {
				phi[i] *= f
			}
			if i < len(th) {
				th[i] *= f
			}
		}
	}
}

// A factored pair: φ(z) = (1 − Σφ_i z^i)(1 + Σc_k z^k), ϑ(z) = (1 + Σθ_j z^j)(1 + Σc_k z^k).
type factored struct {
	phi, th, c []float64
	dist       float64
}

// product writes the coefficients of the products to phi and th.
func (f *factored) product(phi, th []float64) {
	clear(phi)
	clear(th)
	copy(phi, f.phi)
	copy(th, f.th)
	multiply(phi, len(f.phi), f.c, -1)
	multiply(th, len(f.th), f.c, 1)
}

// cancel returns the factored pair nearest to θ with a common factor of degree
// c, or of degree c+1 where that is nearer (a complex pair has no real factor of
// odd degree).
func (m *ARMA) cancel(theta []float64, c int) factored {
	phi, th, _, _ := m.split(theta)
	scale := 1.0
	for _, x := range theta[:m.p+m.q] {
		scale += math.Abs(x)
	}
	best := nearestFactored(phi, th, c)
	if c%2 == 1 && c+1 <= min(m.p, m.q) {
		if f := nearestFactored(phi, th, c+1); f.dist < best.dist {
			best = f
		}
	}
	if best.dist < 1e-13*scale {
		best.dist = 0
	}
	return best
}

func nearestFactored(phi, th []float64, c int) factored {
	best := factored{dist: math.Inf(1)}
	for _, s := range factorStarts(phi, th, c) {
		f := refineFactor(phi, th, s)
		if f.dist < best.dist {
			best = f
		}
	}
	return best
}

// factorStarts returns common factors to start from: for c = 1 the best root of
// a scan; for c > 1 that root deflated c times, and every combination (up to a
// number) of means of matched AR and MA factors of degrees 1 and 2.
func factorStarts(phi, th []float64, c int) [][]float64 {
	const most = 64
	var starts [][]float64
	a, b := slices.Clone(phi), slices.Clone(th)
	all := []float64{}
	for range c {
		rho := scanRoot(a, b)
		all = append(all, 0)
		multiply(all, len(all)-1, []float64{-rho}, 1)
		f := deflate(a, b, []float64{-rho})
		a, b = f.phi, f.th
	}
	starts = append(starts, all)
	if c == 1 {
		return starts
	}
	fa, fb := realFactors(phi, 1), realFactors(th, -1)
	var search func(from int, usedA, usedB []bool, acc []float64)
	search = func(from int, usedA, usedB []bool, acc []float64) {
		if len(acc) == c {
			starts = append(starts, slices.Clone(acc))
			return
		}
		for i := from; i < len(fa) && len(starts) < most; i++ {
			if overlaps(usedA, fa[i].roots) || len(acc)+len(fa[i].coef) > c {
				continue
			}
			for j := range fb {
				if len(fb[j].coef) != len(fa[i].coef) || overlaps(usedB, fb[j].roots) {
					continue
				}
				mean := make([]float64, len(fa[i].coef))
				for k := range mean {
					mean[k] = (fa[i].coef[k] + fb[j].coef[k]) / 2
				}
				next := append(slices.Clone(acc), mean...)
				copy(next[len(acc):], make([]float64, len(mean)))
				multiply(next, len(acc), mean, 1)
				search(i+1, mark(usedA, fa[i].roots), mark(usedB, fb[j].roots), next)
			}
		}
	}
	search(0, make([]bool, len(phi)), make([]bool, len(th)), nil)
	return starts
}

// A realFactor is 1 + Σ coef_k z^k of degree 1 or 2 made of some of the roots.
type realFactor struct {
	coef  []float64
	roots []int
}

func overlaps(used []bool, roots []int) bool {
	return slices.ContainsFunc(roots, func(i int) bool { return used[i] })
}

func mark(used []bool, roots []int) []bool {
	u := slices.Clone(used)
	for _, i := range roots {
		u[i] = true
	}
	return u
}

// realFactors lists the real factors of degree 1 and 2 of 1 − sign·Σ coef_i z^i.
func realFactors(coef []float64, sign float64) []realFactor {
	n := len(coef)
	comp := mat.NewDense(n, n, nil)
	for i, c := range coef {
		comp.Set(0, i, sign*c)
		if i+1 < n {
			comp.Set(i+1, i, 1)
		}
	}
	var eig mat.Eigen
	if !eig.Factorize(comp, mat.EigenNone) {
		return nil
	}
	roots := eig.Values(nil)
	var out []realFactor
	for i, r := range roots {
		if imag(r) == 0 {
			out = append(out, realFactor{[]float64{-real(r)}, []int{i}})
		}
		for j := i + 1; j < n; j++ {
			s := roots[j]
			if imag(r) == 0 && imag(s) == 0 || s == cmplx.Conj(r) {
				out = append(out, realFactor{[]float64{-real(r + s), real(r * s)}, []int{i, j}})
			}
		}
	}
	return out
}

// scanRoot returns the ρ in [−1, 1] for which the squared distance of (φ, θ) to
// the pairs that both have the reciprocal root ρ, A(ρ)²/Σρ^{2k} + B(ρ)²/Σρ^{2k}
// with A(ρ) = ρ^p − Σφ_iρ^{p−i} and sums over k below the degree, is least.
func scanRoot(phi, th []float64) float64 {
	side := func(rho float64, coef []float64, sign float64) float64 {
		v, w, pw := 1.0, 0.0, 1.0
		for _, c := range coef {
			v = v*rho - sign*c
			w += pw * pw
			pw *= rho
		}
		return v * v / w
	}
	f := func(rho float64) float64 { return side(rho, phi, 1) + side(rho, th, -1) }
	const grid = 400
	best, at := math.Inf(1), 0.0
	for i := range grid + 1 {
		// Denser towards ±1, where roots crowd.
		rho := math.Sin(math.Pi / 2 * (2*float64(i)/grid - 1))
		if v := f(rho); v < best {
			best, at = v, rho
		}
	}
	lo, hi := max(-1, at-0.01), min(1, at+0.01)
	for range 40 {
		a, b := lo+(hi-lo)/3, hi-(hi-lo)/3
		if f(a) < f(b) {
			hi = b
		} else {
			lo = a
		}
	}
	if mid := (lo + hi) / 2; f(mid) < best {
		at = mid
	}
	return at
}

// deflate returns the least-squares cofactors of φ and ϑ for a given factor.
func deflate(phi, th, c []float64) factored {
	return factored{phi: cofactor(phi, c, 1), th: cofactor(th, c, -1), c: c}
}

// cofactor returns b with 1 − sign·Σb_i z^i times 1 + Σc_k z^k nearest to
// 1 − sign·Σa_i z^i.
func cofactor(a, c []float64, sign float64) []float64 {
	n, k := len(a), len(a)-len(c)
	b := make([]float64, k)
	if k == 0 {
		return b
	}
	j := mat.NewDense(n, k, nil)
	rhs := mat.NewVecDense(n, nil)
	for i := range n {
		rhs.SetVec(i, a[i])
		if i < len(c) {
			rhs.SetVec(i, a[i]+sign*c[i])
		}
	}
	for col := range k {
		j.Set(col, col, 1)
		for i, x := range c {
			j.Set(col+i+1, col, x)
		}
	}
	var qr mat.QR
	qr.Factorize(j)
	// A unit lower trapezoidal matrix has full rank: only the condition can warn.
	_ = qr.SolveVecTo(mat.NewVecDense(k, b), false, rhs)
	return b
}

// refineFactor minimises the distance of the product to (φ, θ) by damped
// Gauss–Newton steps (Levenberg and Marquardt) over the factor and the cofactors.
func refineFactor(phi, th, c []float64) factored {
	p, q, k := len(phi), len(th), len(c)
	f := deflate(phi, th, c)
	n := p + q - k
	a, b := make([]float64, p), make([]float64, q)
	res := mat.NewVecDense(p+q+n, nil)
	measure := func(f *factored) float64 {
		f.product(a, b)
		s := 0.0
		for i := range p {
			s += (a[i] - phi[i]) * (a[i] - phi[i])
		}
		for j := range q {
			s += (b[j] - th[j]) * (b[j] - th[j])
		}
		return math.Sqrt(s)
	}
	f.dist = measure(&f)
	jac := mat.NewDense(p+q+n, n, nil)
	step := mat.NewVecDense(n, nil)
	damp := 1e-4
	for range 100 {
		if f.dist == 0 {
			break
		}
		f.product(a, b)
		res.Zero()
		for i := range p {
			res.SetVec(i, phi[i]-a[i])
		}
		for j := range q {
			res.SetVec(p+j, th[j]-b[j])
		}
		fillFactorJacobian(jac, &f, p, q, damp)
		var qr mat.QR
		qr.Factorize(jac)
		_ = qr.SolveVecTo(step, false, res) // damped: full rank
		g := f.moved(step.RawVector().Data)
		g.dist = measure(&g)
		if g.dist < f.dist {
			done := f.dist-g.dist < 1e-15*f.dist
			f = g
			damp = max(damp/10, 1e-14)
			if done {
				break
			}
		} else if damp *= 10; damp > 1e3 {
			break
		}
	}
	return f
}

// moved returns f plus a step ordered as cofactors φ*, θ*, factor c.
func (f *factored) moved(step []float64) factored {
	add := func(x []float64) []float64 {
		y := slices.Clone(x)
		for i := range y {
			y[i] += step[i]
		}
		step = step[len(y):]
		return y
	}
	return factored{phi: add(f.phi), th: add(f.th), c: add(f.c)}
}

// fillFactorJacobian writes the derivative of the product coefficients, over a
// damping block.
func fillFactorJacobian(j *mat.Dense, f *factored, p, q int, damp float64) {
	j.Zero()
	col := 0
	band := func(row int, coef []float64, lead, scale float64) {
		j.Set(row, col, lead)
		for i, x := range coef {
			j.Set(row+i+1, col, scale*x)
		}
	}
	for i := range f.phi {
		band(i, f.c, 1, 1)
		col++
	}
	for i := range f.th {
		band(p+i, f.c, 1, 1)
		col++
	}
	for i := range f.c {
		band(i, f.phi, -1, 1)
		band(p+i, f.th, 1, 1)
		col++
	}
	for i := range col {
		j.Set(p+q+i, i, damp)
	}
}
