package singular_test

import (
	"fmt"
	"log"

	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

// What is singular where two hidden units coincide.
func ExampleFisher_Describe() {
	m, err := models.Parse("mlp:hidden=2")
	if err != nil {
		log.Fatal(err)
	}
	f, err := singular.NewFisher(m, singular.FisherOptions{})
	if err != nil {
		log.Fatal(err)
	}
	g, err := f.Describe([]float64{1, 1, 0.5, 0.5})
	if err != nil {
		log.Fatal(err)
	}
	_, tangent := g.Directions(g.Tangent)
	_, extra := g.Directions(g.Extra)
	fmt.Println("rank", g.Rank, "of", len(g.Params))
	fmt.Println("same law along", tangent)
	fmt.Println("no first-order effect along", extra)
	// Output:
	// rank 2 of 4
	// same law along [v1 − v2]
	// no first-order effect along [w1 − w2]
}

// The law of the likelihood ratio at the apex of a cone is known exactly.
func ExampleNewLaw() {
	law, err := singular.NewLaw("cone", map[string]float64{"d": 1, "c": 1})
	if err != nil {
		log.Fatal(err)
	}
	limit, err := law.Run(0, nil, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%v: mean %.4f, 95 %% point %.4f\n", law, limit.Mean().Value, limit.Quantile(0.95).Value)
	fmt.Printf("AIC chooses the cone with probability %.4f\n", limit.PValue(4).Value)
	// Output:
	// cone:d=1,c=1,signed=true: mean 2.5000, 95 % point 6.6753
	// AIC chooses the cone with probability 0.1874
}
