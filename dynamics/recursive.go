package dynamics

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

// RecursiveOptions sets how a RecursiveML works.
type RecursiveOptions struct {
	// Step is the gain γ; 0 for γ_t = 1/(t+1), which makes the estimate efficient.
	Step float64
	// Gradient moves along the score of each observation alone; otherwise the score
	// is multiplied by the inverse of a recursive estimate of the information.
	Gradient bool
	// Damping is added to that estimate as Damping × I. Near a common root it is
	// singular.
	Damping float64
}

// A RecursiveML is on-line recursive maximum likelihood for ARMA processes (L. Ljung
// and T. Söderström, Theory and Practice of Recursive Identification, MIT Press 1983,
// §3.4): with the prediction error e_t of the present parameters and ψ_t = −∂e_t/∂θ by
// filters that follow them,
//
//	R ← R + γ(ψψᵀ/σ² − R),  θ ← θ + γ R⁻¹ψe/σ²,  σ² ← σ² + γ(e² − σ²).
//
// Each step draws the next observation of the teacher. A step that would leave the
// stationary and invertible domain is halved until it does not, as the book does; its
// R starts at I. Time is Σγ.
type RecursiveML struct {
	m, truth  *models.ARMA
	at        []float64
	opt       RecursiveOptions
	p, q      int
	freeVar   bool
	known     float64
	t         int
	teacher   armaLine // of y and e of the teacher
	y, e      []float64
	yf, ef    []float64 // filtered by 1/θ(B)
	psi, next []float64
	step      []float64
	r, damped *mat.SymDense
	chol      mat.Cholesky
	Halved    int // steps that were shortened to stay in the domain
}

// armaLine simulates the teacher.
type armaLine struct {
	phi, theta, y, e []float64
	sd               float64
}

// settle is the number of steps that the teacher takes before the first observation:
// its start at rest is forgotten at the rate of its largest root.
const settle = 2000

func (a *armaLine) next(rng *rand.Rand) float64 {
	e := a.sd * rng.NormFloat64()
	y := e
	for i, c := range a.phi {
		y += c * a.y[i]
	}
	for i, c := range a.theta {
		y += c * a.e[i]
	}
	push(a.y, y)
	push(a.e, e)
	return y
}

// push puts v first and drops the last.
func push(x []float64, v float64) {
	if len(x) > 0 {
		copy(x[1:], x)
		x[0] = v
	}
}

// NewRecursiveML returns the flow of an ARMA student without a mean from an ARMA
// teacher without a mean.
func NewRecursiveML(student, teacher models.Model, at []float64, opt RecursiveOptions) (*RecursiveML, error) {
	m, ok := student.(*models.ARMA)
	truth, ok0 := teacher.(*models.ARMA)
	if !ok || !ok0 || m.Settings().Mean || truth.Settings().Mean {
		return nil, fmt.Errorf("%v from %v: recursive maximum likelihood is for ARMA processes of mean 0", student, teacher)
	}
	if err := models.CheckTheta(truth, at); err != nil {
		return nil, fmt.Errorf("teacher %v: %w", truth, err)
	}
	if !(opt.Step >= 0 && opt.Step < 1) || !(opt.Damping >= 0) {
		return nil, fmt.Errorf("a gain of %v and a damping of %v: want a gain in [0, 1) and a damping of at least 0", opt.Step, opt.Damping)
	}
	r := &RecursiveML{m: m, truth: truth, at: at, opt: opt, known: m.Settings().Var, freeVar: m.Settings().Var == 0}
	r.p, r.q = m.Orders()
	d := r.p + r.q
	v := func(n int) []float64 { return make([]float64, n) }
	r.y, r.e, r.yf, r.ef = v(r.p), v(r.q), v(max(r.p, r.q)), v(r.q)
	r.psi, r.step, r.next = v(d), v(d), v(models.Dim(m))
	r.r, r.damped = mat.NewSymDense(max(d, 1), nil), mat.NewSymDense(max(d, 1), nil)
	for i := range d {
		r.r.SetSym(i, i, 1)
	}
	p, q := truth.Orders()
	s2 := truth.Settings().Var
	if s2 == 0 {
		s2 = at[len(at)-1]
	}
	r.teacher = armaLine{phi: at[:p], theta: at[p : p+q], y: v(p), e: v(q), sd: math.Sqrt(s2)}
	return r, nil
}

// Step implements Flow.
func (r *RecursiveML) Step(theta []float64, _ float64, rng *rand.Rand) (float64, error) {
	if r.t == 0 {
		for range settle {
			r.teacher.next(rng)
		}
	}
	r.t++
	gain := r.opt.Step
	if gain == 0 {
		gain = 1 / float64(r.t+1)
	}
	phi, th, s2 := theta[:r.p], theta[r.p:r.p+r.q], r.known
	if r.freeVar {
		s2 = theta[r.p+r.q]
	}
	y := r.teacher.next(rng)
	e := y
	copy(r.psi, r.yf[:r.p])
	copy(r.psi[r.p:], r.ef)
	for i, c := range phi {
		e -= c * r.y[i]
	}
	for j, c := range th {
		e -= c * r.e[j]
	}
	if !r.direction(gain, s2, e) {
		return 0, ErrSingular
	}
	copy(r.next, theta)
	for k := gain; ; k /= 2 {
		for i, v := range r.step {
			r.next[i] = theta[i] + k*v
		}
		if r.freeVar {
			r.next[r.p+r.q] = s2 + gain*(e*e-s2)
		}
		if models.CheckTheta(r.m, r.next) == nil {
			break
		}
		if k == gain {
			r.Halved++
		}
		if k < gain*0x1p-60 {
			return 0, ErrLeft
		}
	}
	copy(theta, r.next)
	// The filters of the next step use the new parameters.
	yf, ef := y, e
	for j, c := range theta[r.p : r.p+r.q] {
		yf -= c * r.yf[j]
		ef -= c * r.ef[j]
	}
	push(r.y, y)
	push(r.e, e)
	push(r.yf, yf)
	push(r.ef, ef)
	return gain, nil
}

// direction fills step with R⁻¹ψe/σ², or ψe/σ².
func (r *RecursiveML) direction(gain, s2, e float64) bool {
	d := len(r.psi)
	for i, v := range r.psi {
		r.step[i] = v * e / s2
	}
	if r.opt.Gradient || d == 0 {
		return true
	}
	for i := range d {
		for j := i; j < d; j++ {
			v := r.r.At(i, j)
			v += gain * (r.psi[i]*r.psi[j]/s2 - v)
			r.r.SetSym(i, j, v)
			if i == j {
				v += r.opt.Damping
			}
			r.damped.SetSym(i, j, v)
		}
	}
	if !r.chol.Factorize(r.damped) || !(r.chol.Cond() < 1/leastCondition) {
		return false
	}
	v := mat.NewVecDense(d, r.step)
	return r.chol.SolveVecTo(v, v) == nil
}
