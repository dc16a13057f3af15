package estimation_test

import (
	"context"
	"fmt"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/models/datasets"
)

// Are the 272 waiting times of Old Faithful from two normals or three?
func ExampleLikelihoodRatio() {
	set, err := datasets.Lookup("faithful")
	if err != nil {
		panic(err)
	}
	table, err := set.Table("waiting")
	if err != nil {
		panic(err)
	}
	z, err := table.Data(models.Shape{Q: 1})
	if err != nil {
		panic(err)
	}
	two, err := models.Parse("mixture:k=2")
	if err != nil {
		panic(err)
	}
	three, err := models.Parse("mixture:k=3")
	if err != nil {
		panic(err)
	}
	r, err := estimation.LikelihoodRatio(context.Background(), two, three, z, estimation.TestOptions{})
	if err != nil {
		panic(err)
	}
	fmt.Printf("T = %.2f, the fit of two components is %v in three\n", r.Statistic, r.Null)
	fmt.Printf("EM-test: p = %.2f\n", r.EM.P)
	// Output:
	// T = 4.92, the fit of two components is singular in three
	// EM-test: p = 0.29
}
