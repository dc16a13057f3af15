package experiments_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/neuromanifold/neuromanifold/experiments"
)

// An experiment from its name to its summary. The directory holds everything:
// Open reads it again, and running again resumes or adds replicates.
func ExampleRequest_Run() {
	e, err := experiments.Lookup("normal-mean")
	if err != nil {
		log.Fatal(err)
	}
	q, err := e.Default("n=10,100")
	if err != nil {
		log.Fatal(err)
	}
	if err := q.SetReplicates(500); err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "normal-mean")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	run, err := q.Run(context.Background(), experiments.Options{Dir: dir})
	if err != nil {
		log.Fatal(err)
	}
	s, err := run.Summary(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	for _, cell := range s.Cells {
		for _, c := range cell.Compare {
			if c.Name == "mean T" {
				fmt.Printf("%-5s mean T = %.2f ± %.2f, theory %v (%s)\n", cell.Name, c.Measured, c.SE, c.Theory, c.Source)
			}
		}
	}
	fmt.Println(s.Failures)
	// Output:
	// n=10  mean T = 1.07 ± 0.06, theory 1 (chi-square, 1 df)
	// n=100 mean T = 1.01 ± 0.07, theory 1 (chi-square, 1 df)
	// converged 1000, iteration limit 0, boundary 0, failed 0 of 1000 rows
}
