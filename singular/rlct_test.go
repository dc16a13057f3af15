package singular_test

import (
	"errors"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

// The table of learning coefficients as the families give it, for truths at the
// origin and away from it. Sources are in the functions of package models; the
// rows were confirmed by tempered sampling and quadrature for this project before
// this package existed.
func TestCatalogueOfLearningCoefficients(t *testing.T) {
	smooth := models.PriorShape{}
	for _, c := range []struct {
		model  string
		truth  []float64
		prior  models.PriorShape
		lambda float64
		mult   int
	}{
		{"cone:d=2", []float64{0, 1, 1}, smooth, 0.5, 1},
		{"cone:d=2", []float64{0, 1, 1}, models.PriorShape{Jeffreys: true}, 1.5, 1},
		{"cone:d=2", []float64{0, 1, 1}, models.PriorShape{Power: 2}, 1.5, 1},
		{"cone:d=2", []float64{1, 1, 1}, smooth, 1.5, 1},
		{"contaminated", []float64{0, 1}, models.PriorShape{Jeffreys: true}, 1, 1},
		{"contaminated", []float64{0, 1}, models.PriorShape{Dirichlet: 0.5}, 0.25, 1},
		{"mlp:hidden=1", []float64{1, 0}, models.PriorShape{Jeffreys: true}, 1, 1},
		{"arma:p=1,q=1", []float64{0.5, -0.5, 1}, models.PriorShape{Jeffreys: true}, 1.5, 1},
		{"contaminated", []float64{0, 1}, smooth, 0.5, 2},
		{"contaminated", []float64{0.5, 0}, smooth, 0.5, 2},
		{"contaminated", []float64{0.5, 1}, smooth, 1, 1},
		{"mixture:k=2,sd=1", []float64{0.3, 1, 1}, smooth, 0.75, 1},
		{"mixture:k=3,sd=1", []float64{0.3, 0.3, 1, 1, 1}, smooth, 1, 1},
		{"mixture:k=3,sd=1", []float64{0.3, 0.3, 0, 1, 1}, smooth, 1.75, 1},
		{"mixture:k=2,sd=1", []float64{0.3, 1, 1}, models.PriorShape{Dirichlet: 0.1}, 0.55, 1},
		{"mixture:k=2,sd=1", []float64{0.3, 1, 1}, models.PriorShape{Dirichlet: 0.5}, 0.75, 2},
		{"mixture:k=2,sd=tied", []float64{0.3, 0, 0, 1}, smooth, 7. / 6, 1},
		{"mixture:k=2,sd=free", []float64{0.3, 0, 0, 1, 1}, smooth, 1.5, 3},
		{"mlp:hidden=1", []float64{1, 0}, smooth, 0.5, 2},
		{"mlp:hidden=2", []float64{1, 1, 0, 0}, smooth, 2. / 3, 1},
		{"mlp:hidden=3,act=tanh", []float64{1, 1, 1, 0, 0, 0}, smooth, 5. / 6, 1},
		{"mlp:hidden=4,act=tanh", []float64{1, 1, 1, 1, 0, 0, 0, 0}, smooth, 1, 2},
		{"mlp:hidden=2,act=tanh", []float64{1, 1, 1, 0}, smooth, 1.25, 1},
		{"arma:p=1,q=1,var=1", []float64{0.5, -0.5}, smooth, 0.5, 1},
		{"arma:p=2,q=2,var=1", []float64{0, 0, 0, 0}, smooth, 1, 1},
		{"arma:p=2,q=2,var=1", []float64{0.5, 0, 0, 0}, smooth, 1.5, 1},
		{"arma:p=2,q=2,var=1", []float64{0.5, 0, 0.3, 0}, smooth, 1.5, 1},
		{"arma:p=1,q=1", []float64{0.5, -0.5, 1}, smooth, 1, 1},
		{"rrr:in=2,hidden=2,out=2", make([]float64, 8), smooth, 1.5, 1},
		{"rrr:in=2,hidden=1,out=2", make([]float64, 4), smooth, 1, 2},
		{"rrr:in=2,hidden=2,out=2", []float64{1, 0, 0, 0, 1, 0, 0, 0}, smooth, 2, 2},
		{"rrr:in=1,hidden=1+1,out=1", make([]float64, 3), smooth, 0.5, 3},
		{"crossing:powers=1+1", []float64{0, 0}, smooth, 0.5, 2},
		{"crossing:powers=1+2", []float64{0, 0}, smooth, 0.25, 1},
		{"crossing:powers=3+1", []float64{0, 0}, smooth, 1. / 6, 1},
		{"binmix:k=2,trials=5", []float64{0.3, 0.4, 0.4}, smooth, 0.75, 1},
		{"binmix:k=3,trials=5", []float64{0.3, 0.3, 0.4, 0.4, 0.4}, smooth, 1, 1},
		{"binmix:k=2,trials=1", []float64{0.3, 0.4, 0.4}, smooth, 0.5, 1},
		{"rbf:hidden=2", []float64{-1, 1, 0.7, 0.3}, smooth, 2, 1},
		// Odd truths: on an edge of the domain, in another order, with a redundant
		// part that the law does not show, with weights that cancel.
		{"contaminated", []float64{1, 0.7}, smooth, 1, 1},
		{"contaminated", []float64{1, 0}, smooth, 0.5, 2},
		{"mixture:k=2,sd=1", []float64{1, 0, 3}, smooth, 0.75, 1},
		{"mixture:k=2,sd=1", []float64{0, 3, 0}, smooth, 0.75, 1},
		{"mixture:k=4,sd=1", []float64{0.1, 0.2, 0.7, 0, 1, 2, 3}, smooth, 2.75, 1},
		{"mixture:k=3,sd=1", []float64{0.2, 0.5, 1, 0, 1}, smooth, 1.75, 1},
		{"mlp:hidden=2", []float64{0.8, -0.8, 0.7, 0.3}, smooth, 1.25, 1},
		{"mlp:hidden=2", []float64{0.8, -0.8, 0.3, 0.3}, smooth, 2. / 3, 1},
		{"mlp:hidden=2", []float64{0, 0.8, 5, 0.3}, smooth, 1.25, 1},
		{"mlp:in=2,hidden=2", []float64{0.8, 0.5, -0.8, -0.5, 0.7, 0.3}, smooth, 2, 2},
		{"mlp:in=3,hidden=2", []float64{0.8, 0.5, 1, 0, 0, 0, 0.7, 0.3}, smooth, 2.5, 1},
		{"rbf:hidden=2", []float64{1, 1, 0.3, -0.3}, smooth, 1, 2},
		{"rbf:in=2", []float64{1, 1, 1, 1, 0.3, 0.4}, smooth, 2, 2},
		{"binmix:k=3,trials=8", []float64{0.3, 0.3, 0.3, 0.6, 0.6}, smooth, 1.75, 1},
		{"arma:p=2,q=2,var=1", []float64{1, -0.25, -1, 0.25}, smooth, 1, 1},
	} {
		m := parse(t, c.model)
		got, err := singular.RLCT(m, c.truth, c.prior)
		if err != nil {
			t.Errorf("%s at %v, prior %+v: %v", c.model, c.truth, c.prior, err)
			continue
		}
		if got.Kind != models.ExactLambda || math.Abs(got.Lambda-c.lambda) > 1e-12 || got.Mult != c.mult || got.Ref == "" {
			t.Errorf("%s at %v, prior %+v: %+v, want λ = %v, m = %d", c.model, c.truth, c.prior, got, c.lambda, c.mult)
		}
		if local, err := singular.LocalRLCT(m, c.truth, c.prior); err == nil && local.Lambda < got.Lambda-1e-12 {
			t.Errorf("%s at %v: local λ = %v below the global %v", c.model, c.truth, local.Lambda, got.Lambda)
		}
	}
}

// TestRootDetNearTheSingularSet: the factors of √det F from which the coefficients
// under Jeffreys' prior are derived: the ratio is nearly the same at two distances,
// and for the contaminated normal 1/√2.
func TestRootDetNearTheSingularSet(t *testing.T) {
	for _, c := range []struct {
		model  string
		at     func(h float64) []float64
		factor func(x []float64) float64
		limit  float64 // 0 if not derived
	}{
		{"contaminated", func(h float64) []float64 { return []float64{0.3 * h, 2 * h} }, func(x []float64) float64 { return x[0] * x[1] * x[1] }, math.Sqrt(0.5)},
		{"mlp:hidden=1", func(h float64) []float64 { return []float64{2 * h, 0.5 * h} }, func(x []float64) float64 { return math.Abs(x[1]) * math.Pow(math.Abs(x[0]), 3) }, 0},
		{"arma:p=1,q=1,var=1", func(h float64) []float64 { return []float64{h, h} }, func(x []float64) float64 { return x[0] + x[1] }, 0},
	} {
		f, err := singular.NewFisher(parse(t, c.model), singular.FisherOptions{})
		if err != nil {
			t.Fatal(err)
		}
		ratio := func(h float64) float64 {
			info, err := f.At(c.at(h))
			if err != nil {
				t.Fatal(err)
			}
			return math.Sqrt(mat.Det(info.F)) / c.factor(c.at(h))
		}
		a, b := ratio(0.02), ratio(0.01)
		if !(math.Abs(a/b-1) < 0.03) || c.limit > 0 && math.Abs(b/c.limit-1) > 0.03 {
			t.Errorf("%s: √det F over its factor is %v at 0.02 and %v at 0.01, limit %v", c.model, a, b, c.limit)
		}
	}
}

func TestLearningCoefficientRefusals(t *testing.T) {
	// Rectified units: nothing is proved.
	if _, err := singular.RLCT(parse(t, "mlp:hidden=2,act=relu"), []float64{1, 1, 0, 0}, models.PriorShape{}); !errors.Is(err, singular.ErrNoRLCT) {
		t.Errorf("ReLU network: %v", err)
	}
	if _, err := singular.RLCT(parse(t, "cone"), []float64{0}, models.PriorShape{}); err == nil || errors.Is(err, singular.ErrNoRLCT) {
		t.Errorf("θ of wrong length: %v", err)
	}
	if _, err := singular.RLCT(parse(t, "arma:p=1,q=1,var=1"), []float64{1.5, 0}, models.PriorShape{}); !errors.Is(err, models.ErrDomain) {
		t.Errorf("a process that is not stationary: %v", err)
	}
}

// The local coefficient where it differs from the global one.
func TestLocalLearningCoefficients(t *testing.T) {
	for _, c := range []struct {
		model  string
		truth  []float64
		lambda float64
		mult   int
	}{
		{"contaminated", []float64{0, 1}, 0.5, 1},
		{"mlp:hidden=1", []float64{1, 0}, 0.5, 1},
		{"mlp:hidden=1", []float64{0, 0}, 0.5, 2},
		{"mlp:hidden=2", []float64{1, 2, 1, 0}, 1.5, 1},
		{"mlp:hidden=2", []float64{1, 0, 1, 0}, 1.5, 2},
		{"mlp:hidden=2", []float64{1, 1, 1, 0}, 1.25, 1},
		{"mlp:in=2,hidden=2", []float64{1, 2, 1, 2, 1, 0.5}, 2, 1},
		{"mlp:in=2,hidden=2", []float64{1, 2, 1, 2, 1, 0}, 2, 2},
		{"rbf", []float64{-1, 1, 0, 0.5}, 1.5, 1},
		{"rrr:in=2,hidden=2,out=2", []float64{0, 0, 0, 0, 1, 2, 3, 5}, 2, 1}, // A = 0, B of full rank: |BA|² ~ |A|²
		{"rrr:in=2,hidden=2,out=2", make([]float64, 8), 1.5, 1},
		{"arma:p=1,q=1,var=1", []float64{0.5, -0.5}, 0.5, 1},
		{"cone:d=2", []float64{0, 1, 1}, 0.5, 1},
	} {
		got, err := singular.LocalRLCT(parse(t, c.model), c.truth, models.PriorShape{})
		if err != nil || got.Lambda != c.lambda || got.Mult != c.mult || got.Kind != models.ExactLambda {
			t.Errorf("%s at %v: %+v, %v, want λ = %v, m = %d", c.model, c.truth, got, err, c.lambda, c.mult)
		}
	}
}
