package design_test

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/design"
	"github.com/neuromanifold/neuromanifold/design/pkpd"
)

// The best two samples a subject for warfarin, and the proof.
func Example() {
	structure, err := pkpd.Lookup("oral1")
	if err != nil {
		panic(err)
	}
	curve, err := structure.Bind(pkpd.Regimen{{Amount: 70}})
	if err != nil {
		panic(err)
	}
	population := &design.Population{
		Effects: []design.Effect{
			{Name: "CL", Value: 0.15, Law: design.LogNormal, Variance: 0.07},
			{Name: "V", Value: 8, Law: design.LogNormal, Variance: 0.02},
			{Name: "ka", Value: 1, Law: design.LogNormal, Variance: 0.6},
		},
		Residuals: []design.Residual{{Proportional: 0.1, Additive: 0.5}},
	}
	informer, err := design.NewInformer(population, curve, design.FOReduced)
	if err != nil {
		panic(err)
	}
	sequences, err := design.Subsets([]float64{0.5, 1, 2, 6, 24, 36, 72, 120}, 2, 2, design.Rules{})
	if err != nil {
		panic(err)
	}
	problem := &design.Problem{}
	for _, times := range sequences {
		m := mat.NewSymDense(informer.Dim(), nil)
		if err := informer.Into(m, []pkpd.Sample{{Time: times[0]}, {Time: times[1]}}); err != nil {
			panic(err)
		}
		problem.Info = append(problem.Info, m)
	}
	d, err := problem.Optimize(context.Background(), design.Options{})
	if err != nil {
		panic(err)
	}
	for _, j := range d.Support {
		fmt.Printf("%v %.3f\n", sequences[j], d.Weights[j])
	}
	fmt.Printf("%v: largest sensitivity %.4f, bound %.0f\n", d.Status, d.MaxSensitivity, d.Bound)
	// Output:
	// [0.5 72] 0.071
	// [1 2] 0.107
	// [1 6] 0.242
	// [2 6] 0.142
	// [6 24] 0.113
	// [72 120] 0.325
	// optimal: largest sensitivity 8.0000, bound 8
}

// By mouth only, clearance and volume are known relative to bioavailability.
func ExampleIdentify() {
	structure, err := pkpd.Lookup("oral1-f")
	if err != nil {
		panic(err)
	}
	curve, err := structure.Bind(pkpd.Regimen{{Amount: 70}})
	if err != nil {
		panic(err)
	}
	population := &design.Population{
		Effects: []design.Effect{
			{Name: "CL", Value: 0.15}, {Name: "V", Value: 8}, {Name: "ka", Value: 1}, {Name: "F", Value: 1},
		},
		Residuals: []design.Residual{{Additive: 0.5, AdditiveKnown: true}},
	}
	informer, err := design.NewInformer(population, curve, design.FOReduced)
	if err != nil {
		panic(err)
	}
	m := mat.NewSymDense(informer.Dim(), nil)
	if err := informer.Into(m, []pkpd.Sample{{Time: 1}, {Time: 2}, {Time: 6}, {Time: 24}, {Time: 72}}); err != nil {
		panic(err)
	}
	theta, err := population.Theta()
	if err != nil {
		panic(err)
	}
	r, err := design.Identify(m, informer.Params(), theta, nil)
	if err != nil {
		panic(err)
	}
	fmt.Println("rank", r.Rank, "of", len(r.Params))
	fmt.Println("nothing is known along", r.Directions[0])
	for i, p := range r.Params {
		fmt.Printf("%s: %v, RSE %.1f %%\n", p.Name, r.Status[i], r.RSE[i])
	}
	// Output:
	// rank 3 of 4
	// nothing is known along CL + V + F
	// CL: not estimable, RSE +Inf %
	// V: not estimable, RSE +Inf %
	// ka: estimable, RSE 18.7 %
	// F: not estimable, RSE +Inf %
}
