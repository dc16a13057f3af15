package design

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/integrate/quad"
	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/design/pkpd"
)

// A rule is a set of weighted points for the average over standard normal
// vectors of r coordinates.
type rule struct {
	r      int
	z      []float64 // n×r
	weight []float64 // n, sum 1

	gamma, db []float64
	l         *mat.TriDense // Cholesky factor of Ω
	slopes    [][]float64   // for each coordinate of kind kindOmega: ∂L/∂Ω_ab, r×r
	eta2      []float64     // k: E η²
	v         []float64     // m×k: ∂η/∂θ of one point
}

// maxNodes bounds a product rule: beyond it, draws are cheaper.
const maxNodes = 2_000_000

// hermite is the product of Gauss–Hermite rules with the given numbers of nodes.
func hermite(nodes []int) (*rule, error) {
	n := 1
	for _, k := range nodes {
		if k < 1 {
			return nil, fmt.Errorf("design: a Gauss–Hermite rule of %d nodes, want at least 1", k)
		}
		if n > maxNodes/k {
			return nil, fmt.Errorf("design: the product of Gauss–Hermite rules has more than %d nodes: use draws", maxNodes)
		}
		n *= k
	}
	r := len(nodes)
	u := &rule{r: r, z: make([]float64, n*r), weight: make([]float64, n)}
	for i := range u.weight {
		u.weight[i] = 1
	}
	block := 1
	for c, k := range nodes {
		x, w := make([]float64, k), make([]float64, k)
		quad.Hermite{}.FixedLocations(x, w, math.Inf(-1), math.Inf(1))
		for i := range n {
			at := i / block % k
			// The rule is for e^{−x²}; a standard normal is √2 x.
			u.z[i*r+c] = math.Sqrt2 * x[at]
			u.weight[i] *= w[at] / math.SqrtPi
		}
		block *= k
	}
	return u, nil
}

// antithetic is n draws, rounded up to an even number, in pairs z, −z.
func antithetic(r, n int, rng *rand.Rand) *rule {
	n += n % 2
	u := &rule{r: r, z: make([]float64, n*r), weight: make([]float64, n)}
	for i := 0; i < n; i += 2 {
		for c := range r {
			v := rng.NormFloat64()
			u.z[i*r+c], u.z[(i+1)*r+c] = v, -v
		}
		u.weight[i], u.weight[i+1] = 1/float64(n), 1/float64(n)
	}
	return u
}

// SetNodes chooses the numbers of Gauss–Hermite nodes of MomentsGH, one for each
// random effect. It panics for another approximation or number of effects.
func (f *Informer) SetNodes(nodes ...int) error {
	if f.approx != MomentsGH || len(nodes) != len(f.l.random) {
		panic("design: nodes are for MomentsGH, one number for each random effect")
	}
	u, err := hermite(nodes)
	if err == nil {
		f.rule = u
	}
	return err
}

// SetDraws chooses the draws of MomentsMC, which are kept and used for every
// design: without it Into returns an error. It panics for another approximation
// and for fewer than two draws.
func (f *Informer) SetDraws(n int, rng *rand.Rand) {
	if f.approx != MomentsMC || n < 2 {
		panic("design: draws are for MomentsMC, at least 2")
	}
	f.rule = antithetic(len(f.l.random), n, rng)
}

// prepare factors Ω = LLᵀ and differentiates L: dL = L Φ(L⁻¹ dΩ L⁻ᵀ), where Φ
// takes the lower triangle and halves the diagonal.
func (u *rule) prepare(l *layout) {
	r := u.r
	if u.gamma != nil {
		return
	}
	u.gamma, u.db = make([]float64, len(l.gamma)), make([]float64, r)
	u.slopes = make([][]float64, len(l.coords))
	if r == 0 {
		return
	}
	u.l = mat.NewTriDense(r, mat.Lower, nil)
	l.cholOm.LTo(u.l)
	var inv mat.TriDense
	_ = inv.InverseTri(u.l) // Ω is positive definite: checked by NewInformer
	for c, co := range l.coords {
		if co.kind != kindOmega {
			continue
		}
		d := mat.NewDense(r, r, nil)
		d.Set(co.i, co.j, 1)
		d.Set(co.j, co.i, 1)
		var t, phi, out mat.Dense
		t.Mul(&inv, d)
		phi.Mul(&t, inv.T())
		for i := range r {
			phi.Set(i, i, phi.At(i, i)/2)
			for j := i + 1; j < r; j++ {
				phi.Set(i, j, 0)
			}
		}
		out.Mul(u.l, &phi)
		u.slopes[c] = append([]float64(nil), out.RawMatrix().Data...)
	}
}

// average fills the moments by differentiating under the mean: with
// γ(z) = γ·exp(Lz), dη = (∂η/∂γ) dγ exactly, for fixed points z.
func (f *Informer) average(at []pkpd.Sample) error {
	u, l, g := f.rule, f.l, &f.g
	if u == nil {
		return errors.New("design: moments by Monte Carlo need draws: call SetDraws")
	}
	u.prepare(l)
	k, m := g.k, g.m
	u.eta2, u.v = grow(u.eta2, k), grow(u.v, m*k)
	clear(g.mean)
	clear(g.cov)
	clear(u.eta2)
	clear(u.v)
	for n, w := range u.weight {
		if err := f.point(u, n, at); err != nil {
			return err
		}
		eta := f.jets.Value
		for i, x := range eta {
			g.mean[i] += w * x
			for j := range i + 1 {
				g.cov[i*k+j] += w * x * eta[j]
			}
		}
		for a := range m {
			if kd := l.coords[a].kind; kd == kindProp || kd == kindAdd {
				continue
			}
			v, d := u.v[a*k:(a+1)*k], g.dCov[a*k*k:(a+1)*k*k]
			for i, dx := range v {
				g.dMean[a*k+i] += w * dx
				wd, we := w*dx, w*eta[i]
				row := d[i*k : i*k+i+1]
				for j := range row {
					row[j] += wd*eta[j] + we*v[j]
				}
			}
		}
	}
	f.central(at)
	return nil
}

// point evaluates η and ∂η/∂θ (into u.v) at point n of the rule.
func (f *Informer) point(u *rule, n int, at []pkpd.Sample) error {
	l, k := f.l, f.g.k
	z := u.z[n*u.r : (n+1)*u.r]
	copy(u.gamma, l.gamma)
	for r, a := range l.random {
		var b float64
		for s := range r + 1 {
			b += u.l.At(r, s) * z[s]
		}
		if l.pop.Effects[a].Law == LogNormal {
			u.gamma[a] *= math.Exp(b)
		} else {
			u.gamma[a] += b
		}
	}
	if err := f.curve.Eval(&f.jets, u.gamma, at, 1); err != nil {
		return err
	}
	for c, co := range l.coords {
		v := u.v[c*k : (c+1)*k]
		switch co.kind {
		case kindFixed:
			rate := u.gamma[co.i] / l.gamma[co.i]
			if l.pop.Effects[co.i].Law != LogNormal {
				rate = 1
			}
			for i := range v {
				v[i] = f.jets.GradRow(i)[co.i] * rate
			}
		case kindOmega:
			slope := u.slopes[c]
			for r, a := range l.random {
				u.db[r] = dot(slope[r*u.r:(r+1)*u.r], z)
				if l.pop.Effects[a].Law == LogNormal {
					u.db[r] *= u.gamma[a]
				}
			}
			for i := range v {
				grad := f.jets.GradRow(i)
				v[i] = 0
				for r, a := range l.random {
					v[i] += grad[a] * u.db[r]
				}
			}
		}
	}
	return nil
}

// central turns second moments about zero into covariances, adds the residual
// error, and fills the upper triangles.
func (f *Informer) central(at []pkpd.Sample) {
	u, l, g := f.rule, f.l, &f.g
	k := g.k
	for i := range k {
		u.eta2[i] = g.cov[i*k+i]
	}
	for c, co := range l.coords {
		d, dm := g.dCov[c*k*k:(c+1)*k*k], g.dMean[c*k:(c+1)*k]
		for i, s := range at {
			res := &l.pop.Residuals[s.Response]
			if co.kind == kindProp || co.kind == kindAdd {
				if s.Response == co.i {
					d[i*k+i] = res.slope(co.kind, g.mean[i], u.eta2[i])
				}
				continue
			}
			df, df2 := res.slopes()
			extra := df*dm[i] + df2*d[i*k+i]
			for j := range i + 1 {
				d[i*k+j] -= dm[i]*g.mean[j] + g.mean[i]*dm[j]
				d[j*k+i] = d[i*k+j]
			}
			d[i*k+i] += extra
		}
	}
	for i, s := range at {
		for j := range i + 1 {
			g.cov[i*k+j] -= g.mean[i] * g.mean[j]
			g.cov[j*k+i] = g.cov[i*k+j]
		}
		g.cov[i*k+i] += l.pop.Residuals[s.Response].variance(g.mean[i], u.eta2[i])
	}
}
