package estimation_test

import (
	"context"
	"fmt"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/models/datasets"
)

func ExampleMLE() {
	set, err := datasets.Lookup("faithful")
	if err != nil {
		panic(err)
	}
	table, err := set.Table("waiting")
	if err != nil {
		panic(err)
	}
	m, err := models.Parse("mixture:k=2,sd=tied")
	if err != nil {
		panic(err)
	}
	z := &models.Data{N: table.N, Q: 1, V: table.V}
	r, err := estimation.MLE(context.Background(), m, z, estimation.Options{})
	if err != nil {
		panic(err)
	}
	fmt.Printf("ℓ = %.4f, %v, rank %d of %d\n", r.LogLik, r.Status, r.Rank, r.Dim)
	for i, p := range m.Params() {
		fmt.Printf("%-4s %8.4f (%.4f)\n", p.Name, r.Theta[i], r.SE[i])
	}
	// Output:
	// ℓ = -1034.0018, converged, rank 4 of 4
	// pi1    0.3608 (0.0301)
	// mu1   54.6136 (0.6461)
	// mu2   80.0903 (0.4763)
	// var   34.4462 (3.1802)
}
