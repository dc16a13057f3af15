package design

import (
	"math"

	"github.com/neuromanifold/neuromanifold/design/pkpd"
)

// differences fills the moments of the second-order expansion in b,
//
//	E = η + ½ tr H Ω,   S_ij = F_iΩF_jᵀ + ½ tr H_iΩH_jΩ + residual at E η²,
//
// F and H by b at b = 0. ∂H/∂γ would need third derivatives of the curve: E and
// S are differentiated by central differences of order four with a relative step
// of 2·10⁻³, which leaves a relative error near 10⁻¹⁰. In Ω they are quadratic,
// and differences are exact.
type differences struct {
	gamma []float64
	omega []float64 // r×r
	f, h  []float64 // k×r, k×r×r
	ho    []float64 // k×r×r: HΩ
	mean  []float64 // k
	raw   []float64 // k×k: the covariance without residual error
}

func newDifferences(l *layout) *differences {
	r := len(l.random)
	return &differences{gamma: make([]float64, len(l.gamma)), omega: make([]float64, r*r)}
}

func (d *differences) base(l *layout) {
	copy(d.gamma, l.gamma)
	r := len(l.random)
	for i := range r {
		for j := range r {
			d.omega[i*r+j] = l.omega.At(i, j)
		}
	}
}

func (d *differences) fill(f *Informer, at []pkpd.Sample) error {
	l, g := f.l, &f.g
	k := g.k
	d.base(l)
	for c, co := range l.coords {
		if co.kind != kindFixed && co.kind != kindOmega {
			continue
		}
		var h float64
		if co.kind == kindFixed {
			h = 2e-3 * math.Abs(l.gamma[co.i])
			if h == 0 {
				h = 2e-3
			}
		} else {
			h = 0.1 * max(0.1, math.Abs(l.omega.At(co.i, co.j)))
		}
		for _, p := range [...]struct{ step, weight float64 }{{-2, 1. / 12}, {-1, -2. / 3}, {1, 2. / 3}, {2, -1. / 12}} {
			d.shift(l, co, p.step*h)
			if err := d.at(f, at); err != nil {
				return err
			}
			w := p.weight / h
			for i := range k {
				g.dMean[c*k+i] += w * d.mean[i]
				for j := range k {
					g.dCov[c*k*k+i*k+j] += w * d.full(l, i, j, at)
				}
			}
			d.base(l)
		}
	}
	if err := d.at(f, at); err != nil {
		return err
	}
	copy(g.mean, d.mean)
	for i := range k {
		for j := range k {
			g.cov[i*k+j] = d.full(l, i, j, at)
		}
	}
	for c, co := range l.coords {
		if co.kind != kindProp && co.kind != kindAdd {
			continue
		}
		for i, s := range at {
			if s.Response == co.i {
				g.dCov[c*k*k+i*k+i] = l.pop.Residuals[s.Response].slope(co.kind, d.mean[i], d.mean[i]*d.mean[i]+d.raw[i*k+i])
			}
		}
	}
	return nil
}

func (d *differences) shift(l *layout, co coord, by float64) {
	if co.kind == kindFixed {
		d.gamma[co.i] += by
		return
	}
	r := len(l.random)
	d.omega[co.i*r+co.j] += by
	if co.i != co.j {
		d.omega[co.j*r+co.i] += by
	}
}

// full is S_ij with the residual error.
func (d *differences) full(l *layout, i, j int, at []pkpd.Sample) float64 {
	k := len(d.mean)
	v := d.raw[i*k+j]
	if i == j {
		v += l.pop.Residuals[at[i].Response].variance(d.mean[i], d.mean[i]*d.mean[i]+v)
	}
	return v
}

// at computes mean and raw at the present γ and Ω.
func (d *differences) at(f *Informer, at []pkpd.Sample) error {
	l := f.l
	if err := f.curve.Eval(&f.jets, d.gamma, at, 2); err != nil {
		return err
	}
	k, r, p := len(at), len(l.random), len(l.gamma)
	d.f, d.h, d.ho = grow(d.f, k*r), grow(d.h, k*r*r), grow(d.ho, k*r*r)
	d.mean, d.raw = grow(d.mean, k), grow(d.raw, k*k)
	rate := func(a int) (float64, bool) {
		if l.pop.Effects[a].Law == LogNormal {
			return d.gamma[a], true
		}
		return 1, false
	}
	for i := range k {
		grad, hess := f.jets.GradRow(i), f.jets.HessRow(i)
		h, ho := d.h[i*r*r:(i+1)*r*r], d.ho[i*r*r:(i+1)*r*r]
		for s, a := range l.random {
			ra, log := rate(a)
			d.f[i*r+s] = grad[a] * ra
			for t, b := range l.random {
				rb, _ := rate(b)
				h[s*r+t] = hess[a*p+b] * ra * rb
			}
			if log {
				h[s*r+s] += grad[a] * ra
			}
		}
		d.mean[i] = f.jets.Value[i]
		for s := range r {
			for t := range r {
				var v float64
				for c := range r {
					v += h[s*r+c] * d.omega[c*r+t]
				}
				ho[s*r+t] = v
			}
			d.mean[i] += ho[s*r+s] / 2
		}
	}
	for i := range k {
		for j := range k {
			var v float64
			for s := range r {
				for t := range r {
					v += d.f[i*r+s]*d.omega[s*r+t]*d.f[j*r+t] + d.ho[i*r*r+s*r+t]*d.ho[j*r*r+t*r+s]/2
				}
			}
			d.raw[i*k+j] = v
		}
	}
	return nil
}
