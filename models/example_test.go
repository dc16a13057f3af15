package models_test

import (
	"fmt"
	"log"
	"math/rand/v2"
	"strings"

	"github.com/neuromanifold/neuromanifold/models"
)

// A model, its data and its likelihood: the three things everything else
// consumes.
func Example() {
	m, err := models.Parse("mixture:k=2,sd=1")
	if err != nil {
		log.Fatal(err)
	}
	theta := []float64{0.3, -2, 2} // pi1, mu1, mu2
	z := models.NewData(1000, m.Shape().P, m.Shape().Q)
	m.Sample(z, theta, rand.New(rand.NewPCG(1, 2)))
	l, err := m.Bind(z)
	if err != nil {
		log.Fatal(err)
	}
	score, route := models.Score(l)
	g := make([]float64, models.Dim(m))
	fmt.Printf("ℓ/n = %.4f\n", score(g, theta)/models.Weight(l))
	fmt.Printf("score %.1f (%v)\n", g, route)
	// Output:
	// ℓ/n = -1.9717
	// score [11.5 -19.5 27.3] (exact)
}

// Where the model is singular: strata, and the learning coefficient with one
// component as the truth.
func ExampleStratified() {
	m, err := models.Parse("mixture:k=2,sd=1")
	if err != nil {
		log.Fatal(err)
	}
	theta := []float64{0.3, -0.1, 0.2}
	on := make([]float64, len(theta))
	for _, s := range m.(models.Stratified).Strata() {
		s.Project(on, theta)
		fmt.Printf("%-14s codim %d, distance %.3f, nearest point %.3f\n", s.Name, s.Codim, s.Distance(theta), on)
	}
	c, ok := m.(models.KnownRLCT).RLCT(on, models.PriorShape{})
	fmt.Printf("λ = %.2f, multiplicity %d (%v, known: %v)\n", c.Lambda, c.Mult, c.Kind, ok)
	// Output:
	// overlap(1,2)   codim 1, distance 0.212, nearest point [0.300 0.050 0.050]
	// elimination(1) codim 1, distance 0.300, nearest point [0.000 -0.100 0.200]
	// elimination(2) codim 1, distance 0.700, nearest point [1.000 -0.100 0.200]
	// λ = 0.75, multiplicity 1 (exact, known: true)
}

// Population replaces data by the law of a truth: its log-likelihood is the mean
// under the truth, by quadrature, so that differences are Kullback-Leibler
// divergences.
func ExamplePopulation() {
	m, err := models.Parse("mixture:k=2,sd=1")
	if err != nil {
		log.Fatal(err)
	}
	one, err := models.Parse("mixture:k=1,sd=1")
	if err != nil {
		log.Fatal(err)
	}
	l, err := models.Population(m, one, []float64{0}, models.Rule{})
	if err != nil {
		log.Fatal(err)
	}
	best := l.LogLik([]float64{0.5, 0, 0})
	for _, u := range []float64{0.1, 0.2, 0.4} {
		kl := best - l.LogLik([]float64{0.5, -u / 2, u / 2})
		fmt.Printf("u = %.1f: KL = %.3g, over u⁴/64 = %.3f\n", u, kl, kl/(u*u*u*u/64))
	}
	// Output:
	// u = 0.1: KL = 1.56e-06, over u⁴/64 = 0.997
	// u = 0.2: KL = 2.47e-05, over u⁴/64 = 0.987
	// u = 0.4: KL = 0.00038, over u⁴/64 = 0.951
}

// Data from a CSV file; what is wrong is reported with its line and column.
func ExampleReadCSV() {
	table, err := models.ReadCSV(strings.NewReader("year,level\n1875,580.38\n1876,581.86\n"), "lake.csv", []string{"level"})
	fmt.Println(table.Names, table.N, table.V, err)
	_, err = models.ReadCSV(strings.NewReader("year,level\n1875,580.38\n1876,NA\n"), "lake.csv", nil)
	fmt.Println(err)
	// Output:
	// [level] 2 [580.38 581.86] <nil>
	// lake.csv:3:6: column level: missing value: "NA"
}
