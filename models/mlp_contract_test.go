package models_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/models/modeltest"
)

// The contract of a model, for members of the MLP family that differ in their
// code paths.
func TestMLPContract(t *testing.T) {
	for i, c := range []struct {
		text string
		full bool // not in short mode
	}{
		{"mlp:in=1,hidden=2,out=1,act=erf,bias=false,sigma=1", false},
		{"mlp:in=1,hidden=2,out=1,act=tanh,bias=true,sigma=free", false},
		{"mlp:in=2,hidden=2,out=2,act=erf,bias=false,sigma=free", true},
		{"mlp:in=1,hidden=1,out=1,act=relu,bias=false,sigma=0.5", true},
		{"mlp:in=3,hidden=2,out=1,act=linear,bias=true,sigma=1", true},
		{"mlp:in=1,hidden=2,out=1,act=tanh,bias=false,sigma=1,x=uniform,xsd=1.5", true},
		{"mlp:in=1,hidden=2,out=5,act=erf,bias=true,sigma=free", true},
	} {
		t.Run(c.text, func(t *testing.T) {
			if c.full && testing.Short() {
				t.Skip("in full mode only")
			}
			m, err := models.Parse(c.text)
			if err != nil {
				t.Fatal(err)
			}
			modeltest.Run(t, m, contractPoints(m, uint64(i)), modeltest.Options{Text: c.text})
		})
	}
}

// contractPoints are three points with weights of order 1 off all strata.
func contractPoints(m models.Model, seed uint64) [][]float64 {
	rng := rand.New(rand.NewPCG(seed, 17))
	ps := m.Params()
	out := make([][]float64, 3)
	for k := range out {
		out[k] = make([]float64, len(ps))
		for j, p := range ps {
			// Magnitudes on a grid with noise: no two units are close.
			out[k][j] = (0.5 + 0.35*float64(j%4) + 0.1*rng.Float64()) * float64(1-2*rng.IntN(2))
			if p.Lo == 0 {
				out[k][j] = 0.5 + rng.Float64()
			}
		}
	}
	return out
}

func Example_network() {
	m, err := models.NewMLP(models.MLPSettings{Hidden: 3})
	if err != nil {
		panic(err)
	}
	// One unit of weight 0.8, two that cancel: the function needs one unit.
	c, _ := m.RLCT([]float64{0.8, 2, 2, 1, 0.5, -0.5}, models.PriorShape{})
	fmt.Printf("%v: λ = %.4g (%v)\n", m, c.Lambda, c.Kind)
	// Output: mlp:in=1,hidden=3,out=1,act=erf,bias=false,sigma=1: λ = 1.667 (upper bound)
}
