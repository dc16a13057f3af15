package dynamics

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// CommitteeSettings describe on-line learning of a soft committee machine
// Σ_i φ(J_i·x), φ(h) = erf(h/√2), from a teacher of the same kind, with x ~ N(0, I_N)
// and N → ∞.
type CommitteeSettings struct {
	Students int           // K units of the student
	Teacher  *mat.SymDense // T = BBᵀ of the M units of the teacher; nil means I, with M = K
	// Eta is the learning rate of steps J ← J + (Eta/N) δ x; 0 is the limit of small
	// steps, the averaged flow.
	Eta   float64
	Noise float64 // variance of the noise on the labels
	// Natural preconditions each step by the inverse Fisher information (M. Rattray,
	// D. Saad and S. Amari, Physical Review Letters 81 (1998) 5461).
	Natural bool
}

// A Committee is the closed dynamics of the order parameters R = JBᵀ (K×M) and
// Q = JJᵀ (K×K) (D. Saad and S. Solla, Physical Review E 52 (1995) 4225). Its state
// is R by rows, then the upper triangle of Q by rows. Time is τ = Eta × α with α
// the number of examples over N, so that it does not stop for Eta → 0. A Committee
// owns scratch and serves one goroutine.
type Committee struct {
	s    CommitteeSettings
	k, m int
	c    *mat.Dense // covariance of all fields: students, then teachers
	dir  *mat.Dense // K×(K+M): the mean step of student i is Σ_b dir_ib w_b
	dd   *mat.Dense // E[δ_i δ_k]
	nat  *committeeNatural
	lost bool // the last field failed because the information is singular
}

// NewCommittee checks the settings.
func NewCommittee(s CommitteeSettings) (*Committee, error) {
	if s.Students < 1 || s.Students > 64 {
		return nil, fmt.Errorf("a committee of %d students: allowed is 1 to 64", s.Students)
	}
	if !(s.Eta >= 0) || math.IsInf(s.Eta, 1) || !(s.Noise >= 0) || math.IsInf(s.Noise, 1) {
		return nil, fmt.Errorf("a committee with learning rate %v and noise %v: want finite numbers that are not negative", s.Eta, s.Noise)
	}
	if s.Teacher == nil {
		t := mat.NewSymDense(s.Students, nil)
		for i := range s.Students {
			t.SetSym(i, i, 1)
		}
		s.Teacher = t
	}
	var chol mat.Cholesky
	if !chol.Factorize(s.Teacher) {
		return nil, errors.New("the matrix T of the teacher is not positive definite")
	}
	m := s.Teacher.SymmetricDim()
	c := &Committee{
		s: s, k: s.Students, m: m,
		c:   mat.NewDense(s.Students+m, s.Students+m, nil),
		dir: mat.NewDense(s.Students, s.Students+m, nil),
		dd:  mat.NewDense(s.Students, s.Students, nil),
	}
	for n := range m {
		for o := range m {
			c.c.Set(c.k+n, c.k+o, s.Teacher.At(n, o))
		}
	}
	if s.Natural {
		c.nat = newCommitteeNatural(c.k, m)
	}
	return c, nil
}

// Dim returns the length of a state, KM + K(K+1)/2.
func (c *Committee) Dim() int { return c.k*c.m + c.k*(c.k+1)/2 }

// State returns the state with these order parameters, or an error where no weights
// have them: where [Q, R; Rᵀ, T] is not positive semidefinite.
func (c *Committee) State(r *mat.Dense, q *mat.SymDense) ([]float64, error) {
	if a, b := r.Dims(); a != c.k || b != c.m || q.SymmetricDim() != c.k {
		return nil, fmt.Errorf("order parameters R (%d×%d) and Q (%d×%d): want %d×%d and %d×%d", a, b, q.SymmetricDim(), q.SymmetricDim(), c.k, c.m, c.k, c.k)
	}
	x := make([]float64, 0, c.Dim())
	for i := range c.k {
		for n := range c.m {
			x = append(x, r.At(i, n))
		}
	}
	for i := range c.k {
		for j := i; j < c.k; j++ {
			x = append(x, q.At(i, j))
		}
	}
	if !c.possible(x) {
		return nil, errors.New("no weights have these order parameters: [Q, R; Rᵀ, T] is not positive semidefinite")
	}
	return x, nil
}

// possible reports whether the state is one of weights.
func (c *Committee) possible(x []float64) bool {
	if !c.set(x) {
		return false
	}
	full := mat.NewSymDense(c.k+c.m, nil)
	for i := range c.k + c.m {
		for j := i; j < c.k+c.m; j++ {
			full.SetSym(i, j, c.c.At(i, j))
		}
	}
	var eig mat.EigenSym
	return eig.Factorize(full, false) && eig.Values(nil)[0] >= -1e-9*mat.Norm(full, 2)
}

// R returns R_in of a state.
func (c *Committee) R(x []float64, i, n int) float64 { return x[i*c.m+n] }

// Q returns Q_ij of a state.
func (c *Committee) Q(x []float64, i, j int) float64 {
	if i > j {
		i, j = j, i
	}
	return x[c.k*c.m+i*c.k-i*(i-1)/2+j-i]
}

// set reads the state into the covariance and reports whether the averages exist
// there, which they do a little beyond what can be a covariance: a linearisation at
// its rim needs both sides.
func (c *Committee) set(x []float64) bool {
	if len(x) != c.Dim() {
		panic(badLength)
	}
	for i := range c.k {
		for n := range c.m {
			c.c.Set(i, c.k+n, c.R(x, i, n))
			c.c.Set(c.k+n, i, c.R(x, i, n))
		}
		for j := range c.k {
			c.c.Set(i, j, c.Q(x, i, j))
		}
	}
	for i := range c.k {
		for j := range c.k + c.m {
			if v := c.c.At(i, j); !(v*v < (1+c.c.At(i, i))*(1+c.c.At(j, j))) || c.c.At(i, i) < 0 {
				return false
			}
		}
	}
	return true
}

// sign is +1 for a teacher and −1 for a student: f₀ − f = Σ sign φ.
func (c *Committee) sign(a int) float64 {
	if a >= c.k {
		return 1
	}
	return -1
}

// Error is the generalisation error ε_g = ½E(f − f₀)².
func (c *Committee) Error(x []float64) float64 {
	if !c.set(x) {
		return math.Inf(1)
	}
	e := 0.0
	for a := range c.k + c.m {
		e += kernel2(c.c, a, a)
		for b := range a {
			e += 2 * c.sign(a) * c.sign(b) * kernel2(c.c, a, b)
		}
	}
	return max(0, e/2)
}

// Field fills dst with the derivative of the state by τ,
//
//	dR_in/dτ = D_i·B_n,  dQ_ik/dτ = D_i·J_k + D_k·J_i + Eta V_ik,
//
// with D_i = E[δ_i x] = Σ_a ± E[φ′_i φ_a x] (its products with J and B are Saad and
// Solla's I₃) and V_ik = E[δ_i δ_k] = ΣΣ ± I₄. The natural gradient has G⁻¹D in
// place of D.
func (c *Committee) Field(dst, x []float64) bool {
	c.lost = false
	if !c.set(x) {
		return false
	}
	n := c.k + c.m
	c.dir.Zero()
	for i := range c.k {
		for a := range n {
			d := slope(c.c, i, a) * c.sign(a)
			c.dir.Set(i, a, c.dir.At(i, a)+d)
			c.dir.Set(i, i, c.dir.At(i, i)-d*c.c.At(i, a)/(1+c.c.At(i, i)))
		}
	}
	if c.s.Eta > 0 {
		c.diffusion()
	}
	if c.nat != nil && !c.nat.apply(c.dir, c.dd, c.c, c.s.Eta > 0) {
		c.lost = true
		return false
	}
	for i := range c.k {
		for o := range c.m {
			dst[i*c.m+o] = c.along(i, c.k+o)
		}
	}
	at := c.k * c.m
	for i := range c.k {
		for j := i; j < c.k; j++ {
			dst[at] = c.along(i, j) + c.along(j, i)
			if c.s.Eta > 0 {
				dst[at] += c.s.Eta * c.dd.At(i, j)
			}
			at++
		}
	}
	return true
}

// along is D_i·w_b.
func (c *Committee) along(i, b int) float64 {
	s := 0.0
	for a := range c.k + c.m {
		s += c.dir.At(i, a) * c.c.At(a, b)
	}
	return s
}

// diffusion fills dd with E[δ_i δ_k], label noise included.
func (c *Committee) diffusion() {
	n := c.k + c.m
	for i := range c.k {
		for j := i; j < c.k; j++ {
			v := c.s.Noise * slope(c.c, i, j)
			for a := range n {
				v += kernel4(c.c, i, j, a, a)
				for b := range a {
					v += 2 * c.sign(a) * c.sign(b) * kernel4(c.c, i, j, a, b)
				}
			}
			c.dd.Set(i, j, v)
			c.dd.Set(j, i, v)
		}
	}
}

// Flow returns the dynamics as a flow of the state, by the explicit method.
func (c *Committee) Flow(tol Tolerances) Flow {
	return explicitFlow{newDopri5(c.Field, c.Dim(), tol), func() bool { return c.lost }}
}

// kernel2 is I₂ = E[φ_a φ_b] for fields of covariance c.
func kernel2(c *mat.Dense, a, b int) float64 {
	ab := c.At(a, b)
	delta := (1+c.At(a, a))*(1+c.At(b, b)) - ab*ab
	return (2 / math.Pi) * math.Atan2(ab, math.Sqrt(delta))
}

// slope is E[φ′_a φ′_b] = (2/π)Δ^{−1/2}, Δ = (1+c_aa)(1+c_bb) − c_ab²; with it
//
//	E[φ′_a φ_b x] = slope (w_b − c_ab/(1+c_aa) w_a),
//
// whose product with w_d is I₃(a, d, b).
func slope(c *mat.Dense, a, b int) float64 {
	ab := c.At(a, b)
	return (2 / math.Pi) / math.Sqrt((1+c.At(a, a))*(1+c.At(b, b))-ab*ab)
}

// kernel4 is I₄ = E[φ′_i φ′_k φ_a φ_b]: φ′_i φ′_k tilts the Gaussian law of the
// fields a and b, which leaves an arcsine (Saad and Solla 1995, (12)).
func kernel4(c *mat.Dense, i, k, a, b int) float64 {
	ii, kk, ik := 1+c.At(i, i), 1+c.At(k, k), c.At(i, k)
	ia, ib, ka, kb := c.At(i, a), c.At(i, b), c.At(k, a), c.At(k, b)
	l4 := ii*kk - ik*ik
	l0 := l4*c.At(a, b) - ka*kb*ii - ia*ib*kk + ik*ia*kb + ik*ib*ka
	l1 := l4*(1+c.At(a, a)) - ka*ka*ii - ia*ia*kk + 2*ik*ia*ka
	l2 := l4*(1+c.At(b, b)) - kb*kb*ii - ib*ib*kk + 2*ik*ib*kb
	// arcsin(l0/√(l1 l2)) without loss near ±1.
	return 4 / (math.Pi * math.Pi) / math.Sqrt(l4) * math.Atan2(l0, math.Sqrt(max(0, l1*l2-l0*l0)))
}
