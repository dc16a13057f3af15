package models

import (
	"math"
	"math/rand/v2"
)

// armaState is the innovations state space of an ARMA model with unit noise
// variance, of dimension r = max(p, q) (Pearlman, Biometrika 67 (1980) 232):
//
//	y_t = a_{t,1} + e_t,   a_{t+1,i} = a_{t,i+1} + φ_i y_t + θ_i e_t,
//
// where a_{t,1} is the best predictor of y_t from the infinite past, and φ and θ
// are padded with zeros to length r. Given the finite past the state has mean â
// and covariance P (in units of σ²). The filter needs only the companion matrix
// of the MA part, M = S − θ h' (S shifts up, h = (1, 0, …)):
//
//	v = y − â_1,  D = 1 + P_11,  P⁺ = M (P − P h h' P / D) M',
//
// so that P → 0 at the rate of the squared MA roots and every term of P⁺ is
// proportional to P: no cancellation against the noise, D → 1 to full relative
// accuracy, and for φ = −θ in ARMA(1,1) P is 0 from the start. A form in which P
// tends to a non-zero limit, or one that updates D by differences, loses these
// digits near cancellation and near the unit circle.
type armaState struct {
	p, q, r int
	phi, th []float64 // padded to r
	a       []float64 // state mean â
	cov     []float64 // P, r×r, upper triangle valid
	c, u, g []float64 // P h, P h / D, gain numerators c_{i+1} + θ_i; c and u have a 0 at index r
	gain    float64   // r Π 1/(1−κ_j²) over the MA partials: Σ over the future of the D−1 is at most gain·tr P

	lu  []float64 // r×r factors of the system for the first row of P
	piv []int
	rhs []float64
	gam []float64 // φ + θ
}

func newARMAState(p, q int) *armaState {
	r := max(p, q)
	buf := make([]float64, 7*r+2+2*r*r)
	take := func(n int) []float64 { s := buf[:n:n]; buf = buf[n:]; return s }
	return &armaState{
		p: p, q: q, r: r,
		phi: take(r), th: take(r), a: take(r), cov: take(r * r), c: take(r + 1), u: take(r + 1), g: take(r),
		lu: take(r * r), piv: make([]int, r), rhs: take(r), gam: make([]float64, r),
	}
}

// load takes the coefficients and starts at rest: â = 0, P = 0. It reports
// whether both polynomials lie in the domain.
func (k *armaState) load(phi, th []float64) bool {
	var kap [maxARMAOrder]float64
	if partialsOf(kap[:k.p], phi, 1) != 0 || partialsOf(kap[:k.q], th, -1) != 0 {
		return false
	}
	k.gain = float64(k.r)
	for _, x := range kap[:k.q] {
		k.gain /= (1 - x) * (1 + x)
	}
	copy(k.phi, phi)
	copy(k.th, th)
	clear(k.a)
	clear(k.cov)
	return true
}

// stationary sets P to the stationary covariance of the state, the solution of
// P = F P F' + G G' with F = S + φ h', G = φ + θ. Entry by entry
//
//	P_ij = P_{i+1,j+1} + φ_i P_{1,j+1} + φ_j P_{1,i+1} + φ_i φ_j P_11 + G_i G_j,
//
// which, summed down the diagonals, is a system of r equations for the first
// row (derived here). It reports whether the result is finite.
func (k *armaState) stationary() bool {
	r := k.r
	for i := range r {
		k.gam[i] = k.phi[i] + k.th[i]
	}
	switch r {
	case 0:
		return true
	case 1:
		k.cov[0] = k.gam[0] * k.gam[0] / ((1 - k.phi[0]) * (1 + k.phi[0]))
		return !math.IsInf(k.cov[0], 0)
	}
	if !k.factor() {
		return false
	}
	for j := range r {
		s := 0.0
		for i := range r - j {
			s += k.gam[i] * k.gam[i+j]
		}
		k.rhs[j] = s
	}
	k.solve()
	k.fill(k.cov, func(i, j int) float64 { return k.gam[i] * k.gam[j] })
	return !math.IsNaN(k.cov[0]) && !math.IsInf(k.cov[0], 0)
}

// fill writes the upper triangle of P, given its first row in rhs and the
// inhomogeneous term Q.
func (k *armaState) fill(dst []float64, q func(i, j int) float64) {
	r := k.r
	copy(dst[:r], k.rhs)
	p := k.rhs
	for i := r - 1; i >= 1; i-- {
		for j := r - 1; j >= i; j-- {
			v := q(i, j) + k.phi[i]*k.phi[j]*p[0]
			if j+1 < r {
				v += dst[(i+1)*r+j+1] + k.phi[i]*p[j+1]
			}
			if i+1 < r {
				v += k.phi[j] * p[i+1]
			}
			dst[i*r+j] = v
		}
	}
}

// factor computes the pivoted triangular factors of the system for the first
// row of P.
func (k *armaState) factor() bool {
	r, a := k.r, k.lu
	clear(a)
	for j := range r {
		row := a[j*r : (j+1)*r]
		row[j]++
		for m := range r - j {
			x, y := k.phi[m], k.phi[j+m]
			if j+m+1 < r {
				row[j+m+1] -= x
			}
			if m+1 < r {
				row[m+1] -= y
			}
			row[0] -= x * y
		}
	}
	return luFactor(a, k.piv)
}

func (k *armaState) solve() { luSolve(k.lu, k.piv, k.rhs) }

// luFactor replaces the n×n matrix a by its factors with partial pivoting. It
// is false where a pivot is 0 or not finite.
func luFactor(a []float64, piv []int) bool {
	n := len(piv)
	for c := range n {
		best := c
		for i := c + 1; i < n; i++ {
			if math.Abs(a[i*n+c]) > math.Abs(a[best*n+c]) {
				best = i
			}
		}
		piv[c] = best
		if best != c {
			for j := range n {
				a[c*n+j], a[best*n+j] = a[best*n+j], a[c*n+j]
			}
		}
		d := a[c*n+c]
		if d == 0 || math.IsNaN(d) || math.IsInf(d, 0) {
			return false
		}
		for i := c + 1; i < n; i++ {
			f := a[i*n+c] / d
			a[i*n+c] = f
			if f == 0 {
				continue
			}
			for j := c + 1; j < n; j++ {
				a[i*n+j] -= f * a[c*n+j]
			}
		}
	}
	return true
}

// luSolve replaces b by the solution of the system factored by luFactor.
func luSolve(a []float64, piv []int, b []float64) {
	n := len(piv)
	for c, best := range piv {
		b[c], b[best] = b[best], b[c]
	}
	for i := 1; i < n; i++ {
		s := b[i]
		for j := range i {
			s -= a[i*n+j] * b[j]
		}
		b[i] = s
	}
	for i := n - 1; i >= 0; i-- {
		s := b[i]
		for j := i + 1; j < n; j++ {
			s -= a[i*n+j] * b[j]
		}
		b[i] = s / a[i*n+i]
	}
}

// switchTol is the sum of all future log D, in nats, below which the transient
// is over. (The prediction errors are then wrong by less than rounding, too.)
const switchTol = 1e-17

// steady reports whether the rest of the series can be treated with P = 0. By
// P⁺ ≤ M P M', the future values of D − 1 sum to at most Σ_k h'M^k P M'^k h =
// tr(P O); O, the observability Gramian of M, has the variance of the unit
// process 1/(1+Σθ_j z^j) on its whole diagonal, so tr(P O) ≤ gain·tr P.
func (k *armaState) steady() bool {
	tr := 0.0
	for i := range k.r {
		tr += k.cov[i*k.r+i]
	}
	return !(tr*k.gain > switchTol)
}

// gains computes c, u and g from P, and returns D and 1/D.
func (k *armaState) gains() (d, inv float64) {
	r := k.r
	copy(k.c[:r], k.cov[:r])
	d = 1 + k.c[0]
	inv = 1 / d
	for i := range r {
		k.u[i] = k.c[i] * inv
		k.g[i] = k.c[i+1] + k.th[i]
	}
	return d, inv
}

// advance replaces P by P⁺, after gains.
func (k *armaState) advance() {
	r, p, u, g, th := k.r, k.cov, k.u, k.g, k.th
	for i := range r {
		w := u[i+1] - th[i]*u[0]
		gi := g[i]
		for j := i; j < r-1; j++ {
			p[i*r+j] = p[(i+1)*r+j+1] - gi*u[j+1] - th[j]*w
		}
		p[i*r+r-1] = -th[r-1] * w // P and u end at r
	}
}

// drawState draws the state from N(0, sd² P), by a Cholesky factor that leaves
// out the directions in which P is 0 to rounding.
func (k *armaState) drawState(sd float64, rng *rand.Rand) {
	r := k.r
	l := make([]float64, r*r)
	scale := 0.0
	for i := range r {
		scale = max(scale, k.cov[i*r+i])
	}
	for j := range r {
		d := k.cov[j*r+j]
		for m := range j {
			d -= l[j*r+m] * l[j*r+m]
		}
		if !(d > 1e-14*scale) {
			continue
		}
		d = math.Sqrt(d)
		l[j*r+j] = d
		for i := j + 1; i < r; i++ {
			s := k.cov[j*r+i]
			for m := range j {
				s -= l[i*r+m] * l[j*r+m]
			}
			l[i*r+j] = s / d
		}
	}
	clear(k.a)
	for j := range r {
		e := sd * rng.NormFloat64()
		for i := j; i < r; i++ {
			k.a[i] += l[i*r+j] * e
		}
	}
}
