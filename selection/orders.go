package selection

import (
	"fmt"
	"math"
)

// posteriorCriteria estimate −2 log p(data), so that they give probabilities of the
// candidates.
var posteriorCriteria = []string{"bic", "wbic", "sbic", "fe"}

// An OrderPosterior is the distribution over candidates by one criterion.
type OrderPosterior struct {
	Criterion string
	P         []float64 // by row, NaN where there is no score
	SE        []float64 // of P, from the Monte Carlo errors of the scores, to first order
}

// orderPosterior returns P ∝ exp(−v/2) over the scores v.
func orderPosterior(criterion string, scores []Score) OrderPosterior {
	o := OrderPosterior{criterion, make([]float64, len(scores)), make([]float64, len(scores))}
	var logs []float64
	for i, s := range scores {
		o.P[i] = -0.5 * s.Value
		if s.OK() {
			logs = append(logs, o.P[i])
		}
	}
	total := logSumExp(logs)
	for i := range o.P {
		o.P[i] = math.Exp(o.P[i] - total)
	}
	// ∂P_i/∂v_j = −½ P_i (δ_ij − P_j), and the errors of the scores are independent.
	for i, p := range o.P {
		var sum float64
		for j, s := range scores {
			if !s.OK() {
				continue
			}
			d := o.P[j]
			if i == j {
				d = 1 - p
			}
			sum += d * d * s.SE * s.SE
		}
		o.SE[i] = p / 2 * math.Sqrt(sum)
	}
	return o
}

// text is the probability of a row to two digits, with its error where that shows.
func (o *OrderPosterior) text(row int) string {
	s := fmt.Sprintf("%.2f", o.P[row])
	if se := fmt.Sprintf("%.2f", o.SE[row]); se != "0.00" {
		s += " ± " + se
	}
	return s
}
