package selection_test

import (
	"context"
	"fmt"

	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/models/datasets"
	"github.com/neuromanifold/neuromanifold/selection"
)

// How many components have the waiting times of Old Faithful? The singular BIC
// charges the third component less than BIC does.
func ExampleCompare() {
	set, err := datasets.Lookup("faithful")
	if err != nil {
		fmt.Println(err)
		return
	}
	table, err := set.Table("waiting")
	if err != nil {
		fmt.Println(err)
		return
	}
	z, err := table.Data(models.Shape{Q: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	candidates, err := selection.Candidates("mixture:sd=tied", [][]int{{1, 2, 3}})
	if err != nil {
		fmt.Println(err)
		return
	}
	criteria, err := selection.Lookup("bic", "sbic")
	if err != nil {
		fmt.Println(err)
		return
	}
	t, err := selection.Compare(context.Background(), candidates, z, selection.Options{Criteria: criteria})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range t.Rows {
		fmt.Printf("%s  %.1f  %.1f\n", r.Label, r.Scores[0].Value, r.Scores[1].Value)
	}
	fmt.Println(t.Verdict())
	// Output:
	// k=1  2201.8  2201.8
	// k=2  2090.4  2090.4
	// k=3  2100.7  2095.2
	// believe k=2: both criteria that apply choose it (sbic: probability 0.92)
}
