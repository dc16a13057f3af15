package models_test

import (
	"testing"

	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/models/modeltest"
)

// The contract of a model, for ARMA members beyond the unrolled orders.
func TestARMAContract(t *testing.T) {
	if testing.Short() {
		t.Skip("simulation; the small orders are in the family table of modeltest")
	}
	for _, c := range []struct {
		text  string
		theta []float64
	}{
		{"arma:p=3,q=2,mean=true", []float64{0.5, -0.3, 0.2, 0.4, 0.2, 1, 2}},
		{"arma:p=3,q=1,likelihood=css", []float64{0.5, -0.3, 0.2, 0.3, 2}},
		{"arma:p=0,q=0,mean=true", []float64{1, 2}},
	} {
		t.Run(c.text, func(t *testing.T) {
			m, err := models.Parse(c.text)
			if err != nil {
				t.Fatal(err)
			}
			modeltest.Run(t, m, [][]float64{c.theta}, modeltest.Options{Text: c.text, Draws: 5_000_000})
		})
	}
}
