package dynamics

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

// A hill is a source with a constant or a linear gradient.
type hill struct{ at, slope []float64 }

func (h hill) Gradient(dst, theta []float64, _ *rand.Rand) bool {
	for i := range dst {
		dst[i] = h.at[i] - h.slope[i]*theta[i]
	}
	return true
}

func pcg(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// The mean of the sampled gradient is the averaged one, and from data that of all rows:
// |z| < 5 for each coordinate, false alarms below 1e-5.
func TestSampledGradientIsUnbiased(t *testing.T) {
	o := teacher(t, "mlp:hidden=2,act=tanh", "mlp:hidden=2,act=tanh", .5, 2, 1, 1)
	z := models.NewData(50, 1, 1)
	truth, at := o.Truth()
	truth.(models.Inputter).Inputs(z, pcg(1))
	truth.Sample(z, at, pcg(2))
	l, err := o.Model().Bind(z)
	if err != nil {
		t.Fatal(err)
	}
	theta := []float64{.3, -.4, .8, .2}
	for _, o := range []*Objective{o, NewDataObjective(l)} {
		for _, batch := range []int{1, 7, 2000} {
			src, err := NewSampled(o, batch)
			if err != nil {
				t.Fatal(err)
			}
			rng, n := pcg(3), 20000/batch+20
			want, g := make([]float64, 4), make([]float64, 4)
			o.Field(want, theta)
			var sum, sq [4]float64
			for range n {
				if !src.Gradient(g, theta, rng) {
					t.Fatal("no gradient")
				}
				for i, v := range g {
					sum[i] += v
					sq[i] += v * v
				}
			}
			for i := range sum {
				mean := sum[i] / float64(n)
				se := math.Sqrt((sq[i]/float64(n) - mean*mean) / float64(n-1))
				if z := (mean - want[i]) / se; !(math.Abs(z) < 5) {
					t.Errorf("batch %d, coordinate %d: mean %v, want %v, z = %.1f", batch, i, mean, want[i], z)
				}
			}
		}
	}
}

// Closed forms on constant and linear fields.
func TestDescentRules(t *testing.T) {
	ctx := context.Background()
	end := func(f Flow, err error, start float64, until float64) float64 {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		p, err := Run(ctx, f, zero, []float64{start}, Clock{Until: until, Points: 2}, pcg(1))
		if err != nil || p.Stop != Done {
			t.Fatal(p, err)
		}
		x, _ := p.End()
		return x[0]
	}
	constant, linear := hill{[]float64{2}, []float64{0}}, hill{[]float64{0}, []float64{1}}
	f, err := NewSGD(linear, 1, 0.1)
	if got, want := end(f, err, 3, 1), 3*math.Pow(0.9, 10); math.Abs(got-want) > 1e-14 {
		t.Errorf("gradient descent ends at %v, want %v", got, want)
	}
	// m_n = (1 − μⁿ) g.
	const mu = 0.9
	f, err = NewMomentum(constant, 1, 0.1, mu)
	if got, want := end(f, err, 0, 1), 0.2*(10-mu*(1-math.Pow(mu, 10))/(1-mu)); math.Abs(got-want) > 1e-14 {
		t.Errorf("momentum ends at %v, want %v", got, want)
	}
	// A constant gradient has m̂ = g and v̂ = g².
	f, err = NewAdam(constant, 1, 0.1)
	if got := end(f, err, 0, 1); math.Abs(got-1) > 1e-7 {
		t.Errorf("Adam ends at %v, want 1", got)
	}
}

// The Euler scheme on −λx²/2 is an autoregression of variance T/(λ(1 − λη/2)). The
// estimate from n steps has a relative standard error of √(2/(ληn)) = 0.9 %: 5 of
// these are a false-alarm rate below 1e-6.
func TestLangevinHasItsVariance(t *testing.T) {
	const eta, temp, lambda, n = 0.25, 0.3, 1.0, 100000
	f, err := NewLangevin(hill{[]float64{0}, []float64{lambda}}, 1, eta, temp)
	if err != nil {
		t.Fatal(err)
	}
	rng, x, sum := pcg(5), []float64{0}, 0.0
	for range n {
		if _, err := f.Step(x, 0, rng); err != nil {
			t.Fatal(err)
		}
		sum += x[0] * x[0] / n
	}
	if want := temp / (lambda * (1 - lambda*eta/2)); math.Abs(sum/want-1) > 5*math.Sqrt(2/(lambda*eta*n)) {
		t.Errorf("variance %v, want %v", sum, want)
	}
}

// For one component M(θ) is the mean of the truth: θ goes there as e^{−τ}, and by a
// factor 1−a in a step of fraction a.
func TestEMFlowIsExponential(t *testing.T) {
	o := teacher(t, "mixture:k=1,sd=1", "mixture:k=1,sd=1", 2)
	for _, c := range []struct{ a, want float64 }{{0, 2 + math.Exp(-1)}, {0.25, 2 + math.Pow(.75, 4)}, {1, 2}} {
		em, err := NewEM(o, c.a, Tolerances{})
		if err != nil {
			t.Fatal(err)
		}
		p, err := Run(context.Background(), em, o.Loss, []float64{3}, Clock{Until: 1, Points: 2}, nil)
		if err != nil || p.Stop != Done {
			t.Fatal(p, err)
		}
		if x, _ := p.End(); math.Abs(x[0]-c.want) > 1e-8 {
			t.Errorf("fraction %v: ends at %v, want %v", c.a, x[0], c.want)
		}
	}
	if _, err := NewEM(teacher(t, "mlp", "mlp", 1, 1, 1, 1), 0, Tolerances{}); err == nil {
		t.Error("EM for a network")
	}
}

// At a parameter that stands still, the average of Ĝ⁻¹ over time is near F⁻¹ for small
// ε, whatever it starts from: 5 % for ε = 0.002 here, with a fixed seed.
func TestAdaptiveNaturalFindsTheInverse(t *testing.T) {
	o := teacher(t, "mlp:hidden=2,in=2", "mlp:hidden=2,in=2", 1, 0, 0, 1, 1, 1)
	theta := []float64{1, .3, -.5, 1, 1, .8}
	a, err := NewAdaptiveNatural(o, theta, 1e-12, 0.002, 0.3)
	if err != nil {
		t.Fatal(err)
	}
	x := append([]float64(nil), theta...)
	rng := pcg(7)
	mean := mat.NewSymDense(6, nil)
	const burn, n = 5000, 40000
	for i := range burn + n {
		if _, err := a.Step(x, 0, rng); err != nil {
			t.Fatal(err)
		}
		if i >= burn {
			mean.AddSym(mean, a.Inverse())
		}
	}
	f, err := singular.NewFisher(o.Model(), singular.FisherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.At(theta)
	if err != nil {
		t.Fatal(err)
	}
	var product mat.Dense
	product.Mul(mean, info.F)
	product.Scale(1/float64(n), &product)
	for i := range 6 {
		product.Set(i, i, product.At(i, i)-1)
	}
	if d := mat.Norm(&product, 2); !(d < 0.1) {
		t.Errorf("|mean Ĝ⁻¹F − I| = %v", d)
	}
}

func TestSourcesRefuse(t *testing.T) {
	series := teacher(t, "arma:p=1,q=0,var=1", "arma:p=1,q=0,var=1", .5)
	if _, err := NewSampled(series, 1); err == nil {
		t.Error("a batch of a series")
	}
	o := teacher(t, "mlp", "mlp", 1, 1, 1, 1)
	if _, err := NewSampled(o, 0); err == nil {
		t.Error("an empty batch")
	}
	if _, err := NewAdaptiveNatural(o, []float64{1, 1, 1, 1}, .1, .1, 0); err == nil {
		t.Error("an estimate that starts from a singular matrix")
	}
	if _, err := NewSGD(Averaged{o}, 4, 0); err == nil {
		t.Error("a step of 0")
	}
	if _, err := NewMomentum(Averaged{o}, 4, 1, 1); err == nil {
		t.Error("a momentum of 1")
	}
}
