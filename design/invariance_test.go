package design

import (
	"context"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/num/hyperdual"

	"github.com/neuromanifold/neuromanifold/design/pkpd"
)

func TestT12Reparameterisation(t *testing.T) {
	at := times(warfarinTimes...)
	for a := FOReduced; a <= SecondOrder; a++ {
		p := warfarin2()
		natural := information(t, informer(t, p, warfarinCurve(t), a), 1, at)
		p.Scale = Scale{LogFixed: true, OmegaSD: true, ResidualSD: true}
		other := information(t, informer(t, p, warfarinCurve(t), a), 1, at)
		j := []float64{.15, 8, 1, 2 * math.Sqrt(.07), 2 * math.Sqrt(.02), 2 * math.Sqrt(.6), 2 * .1, 2 * .5}
		for r := range 8 {
			for c := range 8 {
				near(t, a.String(), []float64{other.At(r, c)}, []float64{natural.At(r, c) * j[r] * j[c]}, 1e-12, 1e-12)
			}
		}
	}
}

// Differences of E and S by θ against the derivatives, with a full Ω.
func TestT12DerivativesOfMoments(t *testing.T) {
	at := times(.5, 2, 24, 24, 72)
	base := func() *Population {
		p := warfarin2()
		p.Effects[1].Law = Normal
		p.Effects[1].Variance = 1.1
		p.Covariances = []Covariance{{I: 0, J: 1, Value: .1}, {I: 2, J: 0, Value: -.05}}
		p.Residuals[0].Form = Deviations
		return p
	}
	move := func(c int, h float64) *Population {
		p := base()
		switch {
		case c < 3:
			p.Effects[c].Value += h
		case c < 6:
			p.Effects[c-3].Variance += h
		case c < 8:
			p.Covariances[c-6].Value += h
		case c == 8:
			p.Residuals[0].Proportional += h
		default:
			p.Residuals[0].Additive += h
		}
		return p
	}
	for _, a := range []Approximation{FOFull, FOFullR1, SecondOrder, MomentsGH} {
		get := func(p *Population) *moments {
			f := informer(t, p, warfarinCurve(t), a)
			if a == MomentsGH {
				if err := f.SetNodes(6, 6, 6); err != nil {
					t.Fatal(err)
				}
			}
			if err := f.fill(at); err != nil {
				t.Fatal(err)
			}
			return &f.g
		}
		g := get(base())
		for c := range 10 {
			h := 1e-5
			up, down := get(move(c, h)), get(move(c, -h))
			for i := range g.mean {
				near(t, a.String()+" mean", []float64{g.dMean[c*g.k+i]}, []float64{(up.mean[i] - down.mean[i]) / (2 * h)}, 2e-6, 2e-6)
			}
			for i := range g.cov {
				near(t, a.String()+" covariance", []float64{g.dCov[c*g.k*g.k+i]}, []float64{(up.cov[i] - down.cov[i]) / (2 * h)}, 2e-5, 2e-5)
			}
		}
	}
}

func TestT12Invariance(t *testing.T) {
	for a := FOReduced; a <= SecondOrder; a++ {
		f := informer(t, warfarin2(), warfarinCurve(t), a)
		at := times(warfarinTimes...)
		m := information(t, f, 1, at)
		mixed := slices.Clone(at)
		slices.Reverse(mixed)
		mixed[0], mixed[3] = mixed[3], mixed[0]
		p := information(t, f, 1, mixed)
		var eig mat.EigenSym
		if !eig.Factorize(m, false) || eig.Values(nil)[0] < 0 {
			t.Errorf("%v: not positive semidefinite", a)
		}
		for i := range 8 {
			near(t, a.String()+" of permuted samples", mat.Row(nil, i, p), mat.Row(nil, i, m), 1e-10*mat.Norm(m, 2), 1e-9)
		}
	}
	// B is A with ∂S/∂γ := 0: the variance blocks agree, the mixed block is 0.
	at := times(1, 6, 36)
	full := information(t, informer(t, warfarin2(), warfarinCurve(t), FOFull), 1, at)
	reduced := information(t, informer(t, warfarin2(), warfarinCurve(t), FOReduced), 1, at)
	zeroed := information(t, informer(t, warfarin2(), warfarinCurve(t), FOMixedZero), 1, at)
	for i := range 8 {
		for j := range 8 {
			switch {
			case i >= 3 && j >= 3:
				near(t, "variance block", []float64{reduced.At(i, j), zeroed.At(i, j)}, []float64{full.At(i, j), full.At(i, j)}, 0, 1e-12)
			case i < 3 && j < 3:
				near(t, "block of typical values", []float64{zeroed.At(i, j)}, []float64{full.At(i, j)}, 0, 1e-12)
			default:
				near(t, "mixed block", []float64{reduced.At(i, j), zeroed.At(i, j)}, []float64{0, 0}, 0, 0)
			}
		}
	}
	if math.Abs(reduced.At(0, 0)-zeroed.At(0, 0)) < 1e-3*full.At(0, 0) {
		t.Error("FOReduced and FOMixedZero agree: they must not")
	}
}

// Equal costs change nothing; candidates that are there twice share the weight;
// N subjects have N times the information.
func TestT12DesignInvariance(t *testing.T) {
	p, _ := fourOfEight(t, FOReduced, 4)
	ref, err := p.Optimize(context.Background(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	costly := &Problem{Info: p.Info, Cost: slices.Repeat([]float64{3}, len(p.Info))}
	d, err := costly.Optimize(context.Background(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "weights at equal costs", d.Weights, ref.Weights, 1e-8, 0)
	near(t, "ln det at equal costs", []float64{d.Value}, []float64{ref.Value - 8*math.Log(3)}, 1e-9, 0)

	twice := &Problem{Info: append(slices.Clone(p.Info), p.Info...)}
	d, err = twice.Optimize(context.Background(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	merged := make([]float64, len(p.Info))
	for j, w := range d.Weights {
		merged[j%len(merged)] += w
	}
	near(t, "merged weights", merged, ref.Weights, 1e-6, 0)
}

// straight is η = γ, for models whose information is known in closed form.
func straight() dualCurve {
	return dualCurve{1, func(g []hyperdual.Number, _ pkpd.Sample) hyperdual.Number { return g[0] }}
}

// The linear model y = β + b + e: S = w·11ᵀ + s·I, in closed form.
func TestT13LinearMixedModel(t *testing.T) {
	w, s := .7, .3
	for _, k := range []int{1, 2, 5} {
		p := &Population{Effects: []Effect{{Name: "β", Value: 2, Law: Normal, Variance: w}}, Residuals: []Residual{{Additive: math.Sqrt(s)}}}
		at := times(make([]float64, k)...)
		for a := FOReduced; a <= MomentsGH; a++ {
			f := informer(t, p, straight(), a)
			m := information(t, f, 1, at)
			n := float64(k)
			q := s + n*w
			near(t, a.String(), entries(m, 11, 12, 13, 22, 23, 33),
				[]float64{n / q, 0, 0, n * n / (2 * q * q), n / (2 * q * q), ((n-1)/(s*s) + 1/(q*q)) / 2}, 1e-9, 1e-9)
			want := 3
			if k == 1 {
				want = 2
			}
			if r := report(t, f, m); r.Rank != want {
				t.Errorf("%v, k = %d: rank %d, want %d", a, k, r.Rank, want)
			}
		}
	}
	// No random effects, additive error: FᵀF/σ² and k/(2σ⁴).
	p := &Population{Effects: []Effect{{Name: "CL", Value: .15}, {Name: "V", Value: 8}, {Name: "ka", Value: 1}}, Residuals: []Residual{{Additive: .5}}}
	at := times(warfarinTimes...)
	m := information(t, informer(t, p, warfarinCurve(t), FOFull), 1, at)
	var jets pkpd.Jets
	if err := warfarinCurve(t).Eval(&jets, []float64{.15, 8, 1}, at, 1); err != nil {
		t.Fatal(err)
	}
	want := mat.NewSymDense(3, nil)
	f := mat.NewDense(8, 3, slices.Clone(jets.Grad))
	want.SymOuterK(4, f.T())
	near(t, "FᵀF/σ²", entries(m, 11, 12, 13, 22, 23, 33, 44, 14), append(entries(want, 11, 12, 13, 22, 23, 33), 8/(2*.0625), 0), 1e-12, 1e-12)
}
