package design

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/design/pkpd"
)

// ExactOptions say how much work Exact does. The zero value is 4000 subjects in
// 20 blocks with 128 draws.
type ExactOptions struct {
	Subjects int // simulated subjects
	Draws    int // draws of the random effects of each, in two halves
	Blocks   int // for standard errors
}

// An ExactInformation is the information of one subject from the likelihood
// itself.
type ExactInformation struct {
	M  *mat.SymDense // m×m, on the scale of the population
	SE *mat.SymDense // standard errors of its entries over the subjects
	// Blocks are the means over equal blocks of subjects, for standard errors of
	// what depends on M: see Jackknife.
	Blocks []*mat.SymDense
	// ESS is the mean effective number of draws among Draws: far below a tenth
	// of it the proposal fits badly and the scores are biased.
	ESS      float64
	Subjects int
}

// Exact returns the Fisher information of one subject, without linearisation
// and without a Gaussian law for y, by simulation: y is drawn, the score is
// s = E[∂ log p(y, b; θ) | y] (Fisher's identity), the expectation over the
// random effects is by importance sampling around the mode, and M = E ssᵀ. The
// two halves of the draws give two scores with independent errors, and the
// products of one with the other are averaged, so that the noise of the draws
// does not add to M; self-normalised weights leave a bias of the order of one
// over the draws. The result is symmetric and need not be positive semidefinite
// for few subjects. It returns an error for a singular Ω and what the curve
// returns.
func (f *Informer) Exact(ctx context.Context, at []pkpd.Sample, o ExactOptions, rng *rand.Rand) (*ExactInformation, error) {
	if o.Subjects == 0 {
		o.Subjects = 4000
	}
	if o.Draws == 0 {
		o.Draws = 128
	}
	if o.Blocks == 0 {
		o.Blocks = 20
	}
	if o.Blocks < 2 || o.Subjects < o.Blocks || o.Draws < 8 {
		panic(fmt.Sprintf("design: %d subjects in %d blocks with %d draws", o.Subjects, o.Blocks, o.Draws))
	}
	if f.l.singOm || len(f.l.random) == 0 {
		return nil, errors.New("design: the exact information by simulation needs a positive definite Ω")
	}
	e := newExact(f, at, o.Draws)
	m := f.Dim()
	per := o.Subjects / o.Blocks
	out := &ExactInformation{M: mat.NewSymDense(m, nil), SE: mat.NewSymDense(m, nil), Subjects: per * o.Blocks}
	for range o.Blocks {
		block := mat.NewSymDense(m, nil)
		for range per {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if err := e.subject(rng); err != nil {
				return nil, err
			}
			out.ESS += e.ess / float64(out.Subjects)
			for a := range m {
				for b := a; b < m; b++ {
					v := (e.s[0][a]*e.s[1][b] + e.s[1][a]*e.s[0][b]) / 2
					v *= f.l.coords[a].jac * f.l.coords[b].jac / float64(per)
					block.SetSym(a, b, block.At(a, b)+v)
				}
			}
		}
		add(out.M, 1/float64(o.Blocks), block)
		out.Blocks = append(out.Blocks, block)
	}
	for a := range m {
		for b := a; b < m; b++ {
			var ss float64
			for _, block := range out.Blocks {
				d := block.At(a, b) - out.M.At(a, b)
				ss += d * d
			}
			n := float64(o.Blocks)
			out.SE.SetSym(a, b, math.Sqrt(ss/(n*(n-1))))
		}
	}
	return out, nil
}

// Jackknife returns g(M) and its standard error over the blocks left out one at
// a time.
func (e *ExactInformation) Jackknife(g func(m *mat.SymDense) float64) (value, se float64) {
	value = g(e.M)
	n := float64(len(e.Blocks))
	var sum, square float64
	for _, b := range e.Blocks {
		m := mat.NewSymDense(e.M.SymmetricDim(), nil)
		add(m, n/(n-1), e.M)
		add(m, -1/(n-1), b)
		v := g(m)
		sum += v
		square += v * v
	}
	mean := sum / n
	return value, math.Sqrt(max(0, (n-1)/n*(square-n*mean*mean)))
}

// exact is the scratch of Exact.
type exact struct {
	f        *Informer
	at       []pkpd.Sample
	half     int
	order    int           // 1 if a parameter without random effect is estimated
	lower    *mat.TriDense // Ω = LLᵀ
	inv      *mat.SymDense // Ω⁻¹
	y        []float64
	gamma    []float64
	z, mode  []float64
	b, ib    []float64
	prec     *mat.SymDense // of the proposal, around the mode
	chol     mat.Cholesky
	upper    mat.TriDense
	grad     *mat.VecDense
	logw     []float64
	complete [][]float64 // half × m: complete-data scores
	s        [2][]float64
	ess      float64
}

func newExact(f *Informer, at []pkpd.Sample, draws int) *exact {
	l := f.l
	r, m := len(l.random), f.Dim()
	e := &exact{f: f, at: at, half: draws / 2, lower: mat.NewTriDense(r, mat.Lower, nil), inv: mat.NewSymDense(r, nil),
		y: make([]float64, len(at)), gamma: make([]float64, len(l.gamma)), z: make([]float64, r), mode: make([]float64, r),
		b: make([]float64, r), ib: make([]float64, r), prec: mat.NewSymDense(r, nil), grad: mat.NewVecDense(r, nil),
		logw: make([]float64, draws/2)}
	l.cholOm.LTo(e.lower)
	_ = l.cholOm.InverseTo(e.inv)
	for range e.half {
		e.complete = append(e.complete, make([]float64, m))
	}
	e.s = [2][]float64{make([]float64, m), make([]float64, m)}
	isRandom := map[int]bool{}
	for _, a := range l.random {
		isRandom[a] = true
	}
	for _, c := range l.coords {
		if c.kind == kindFixed && !isRandom[c.i] {
			e.order = 1
		}
	}
	return e
}

// eval computes γ and η at b = Lz.
func (e *exact) eval(z []float64, order int) error {
	l := e.f.l
	copy(e.gamma, l.gamma)
	for r, a := range l.random {
		e.b[r] = 0
		for s := range r + 1 {
			e.b[r] += e.lower.At(r, s) * z[s]
		}
		if l.pop.Effects[a].Law == LogNormal {
			e.gamma[a] *= math.Exp(e.b[r])
		} else {
			e.gamma[a] += e.b[r]
		}
	}
	return e.f.curve.Eval(&e.f.jets, e.gamma, e.at, order)
}

// logJoint is log p(y, z) without constants, at the last eval.
func (e *exact) logJoint(z []float64) float64 {
	v := -dot(z, z) / 2
	for i, eta := range e.f.jets.Value {
		s := e.f.l.pop.Residuals[e.at[i].Response].variance(eta, eta*eta)
		d := e.y[i] - eta
		v -= (d*d/s + math.Log(s)) / 2
	}
	return v
}

// subject draws a subject and computes its two scores.
func (e *exact) subject(rng *rand.Rand) error {
	for i := range e.z {
		e.z[i] = rng.NormFloat64()
	}
	if err := e.eval(e.z, 0); err != nil {
		return err
	}
	for i, eta := range e.f.jets.Value {
		v := e.f.l.pop.Residuals[e.at[i].Response].variance(eta, eta*eta)
		if !(v > 0) {
			return errCov
		}
		e.y[i] = eta + math.Sqrt(v)*rng.NormFloat64()
	}
	if err := e.findMode(); err != nil {
		return err
	}
	e.ess = 0
	for h := range e.s {
		if err := e.score(e.s[h], rng); err != nil {
			return err
		}
	}
	return nil
}

// findMode climbs by Fisher scoring from the z that made the data, which is near.
func (e *exact) findMode() error {
	l := e.f.l
	copy(e.mode, e.z)
	for range 6 {
		if err := e.eval(e.mode, 1); err != nil {
			return err
		}
		value := e.logJoint(e.mode)
		e.prec.Zero()
		for r, z := range e.mode {
			e.prec.SetSym(r, r, 1)
			e.grad.SetVec(r, -z)
		}
		row := mat.NewVecDense(len(e.mode), nil)
		for i, eta := range e.f.jets.Value {
			res := &l.pop.Residuals[e.at[i].Response]
			v := res.variance(eta, eta*eta)
			df, df2 := res.slopes()
			dv := df + 2*eta*df2
			g := e.f.jets.GradRow(i)
			for s := range e.mode {
				var x float64
				for r := s; r < len(e.mode); r++ {
					a := l.random[r]
					rate := 1.0
					if l.pop.Effects[a].Law == LogNormal {
						rate = e.gamma[a]
					}
					x += g[a] * rate * e.lower.At(r, s)
				}
				row.SetVec(s, x)
			}
			d := e.y[i] - eta
			e.grad.AddScaledVec(e.grad, d/v+dv/2*(d*d/(v*v)-1/v), row)
			e.prec.SymRankOne(e.prec, 1/v+dv*dv/(2*v*v), row)
		}
		if !e.chol.Factorize(e.prec) {
			return errors.New("design: the conditional law of the random effects has no finite curvature")
		}
		var step mat.VecDense
		_ = e.chol.SolveVecTo(&step, e.grad) // positive definite: at least the identity
		if mat.Norm(&step, 2) < 1e-3 {
			break
		}
		t := 1.0
		for range 8 {
			for r := range e.z {
				e.z[r] = e.mode[r] + t*step.AtVec(r)
			}
			if err := e.eval(e.z, 0); err == nil && e.logJoint(e.z) > value {
				copy(e.mode, e.z)
				break
			}
			t /= 2
		}
	}
	e.chol.UTo(&e.upper)
	return nil
}

// proposalDF are the degrees of freedom of the multivariate t of the proposal:
// its tails must not be lighter than those of the target.
const proposalDF = 6

// score writes E[complete score | y] into s from half of the draws, in antithetic
// pairs around the mode.
func (e *exact) score(s []float64, rng *rand.Rand) error {
	r := len(e.mode)
	u := make([]float64, r)
	top := math.Inf(-1)
	for n := range e.half {
		if n%2 == 0 {
			var chi float64
			for range proposalDF {
				g := rng.NormFloat64()
				chi += g * g
			}
			scale := math.Sqrt(proposalDF / chi)
			for i := range u {
				u[i] = scale * rng.NormFloat64()
			}
			// prec = UᵀU, so that U⁻¹u has covariance prec⁻¹.
			for i := r - 1; i >= 0; i-- {
				for j := i + 1; j < r; j++ {
					u[i] -= e.upper.At(i, j) * u[j]
				}
				u[i] /= e.upper.At(i, i)
			}
		} else {
			for i := range u {
				u[i] = -u[i]
			}
		}
		for i := range u {
			e.z[i] = e.mode[i] + u[i]
		}
		if err := e.eval(e.z, e.order); err != nil {
			return err
		}
		q := mat.Inner(mat.NewVecDense(r, u), e.prec, mat.NewVecDense(r, u))
		e.logw[n] = e.logJoint(e.z) + float64(proposalDF+r)/2*math.Log1p(q/proposalDF)
		top = max(top, e.logw[n])
		e.completeScore(e.complete[n])
	}
	clear(s)
	var sum, square float64
	for n, lw := range e.logw {
		w := math.Exp(lw - top)
		sum += w
		square += w * w
		for a, v := range e.complete[n] {
			s[a] += w * v
		}
	}
	for a := range s {
		s[a] /= sum
	}
	e.ess += sum * sum / square
	return nil
}

// completeScore is the derivative of log p(y, b; θ) in natural coordinates at the
// last eval. Typical values with a random effect enter through the law of the
// individual parameter, the others through the curve.
func (e *exact) completeScore(dst []float64) {
	l := e.f.l
	for r := range e.b {
		e.ib[r] = 0
		for s, v := range e.b {
			e.ib[r] += e.inv.At(r, s) * v
		}
	}
	for c, co := range l.coords {
		var v float64
		switch co.kind {
		case kindOmega:
			v = (e.ib[co.i]*e.ib[co.j] - e.inv.At(co.i, co.j)) / 2
			if co.i != co.j {
				v *= 2
			}
		case kindFixed:
			v = e.fixedScore(co.i)
		default:
			for i, s := range e.at {
				if s.Response != co.i {
					continue
				}
				eta := e.f.jets.Value[i]
				res := &l.pop.Residuals[co.i]
				va := res.variance(eta, eta*eta)
				d := e.y[i] - eta
				v += res.slope(co.kind, eta, eta*eta) / (2 * va) * (d*d/va - 1)
			}
		}
		dst[c] = v
	}
}

func (e *exact) fixedScore(a int) float64 {
	l := e.f.l
	for r, ra := range l.random {
		if ra == a {
			if l.pop.Effects[a].Law == LogNormal {
				return e.ib[r] / l.gamma[a]
			}
			return e.ib[r]
		}
	}
	var v float64
	for i, eta := range e.f.jets.Value {
		res := &l.pop.Residuals[e.at[i].Response]
		s := res.variance(eta, eta*eta)
		df, df2 := res.slopes()
		d := e.y[i] - eta
		v += (d/s + (df+2*eta*df2)/2*(d*d/(s*s)-1/s)) * e.f.jets.GradRow(i)[a]
	}
	return v
}
