package selection

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

// ICL is BIC − 2 Σ_t log max_i P(component i | row t): the integrated
// classification likelihood of Biernacki, Celeux and Govaert (2000) with every row
// given to its most probable component. resp (n×K) holds the probabilities.
func ICL(bic float64, resp *mat.Dense) float64 {
	n, k := resp.Dims()
	for t := range n {
		var top float64
		for i := range k {
			top = max(top, resp.At(t, i))
		}
		bic -= 2 * math.Log(top)
	}
	return bic
}

// responsibilities returns P(component | row) (n×K) of a mixture, from the scores
// of the weights: with w_K = 1 − Σ w_i, Σ_i w_i ∂log p/∂w_i = 1 − f_K/p, and
// f_i/p = ∂log p/∂w_i + f_K/p. It is nil for other families.
func responsibilities(l models.Likelihood, theta []float64) *mat.Dense {
	var k int
	switch m := l.Model().(type) {
	case *models.Mixture:
		k = m.K()
	case *models.BinMix:
		k = m.Settings().K
	default:
		return nil
	}
	n := l.N()
	out := mat.NewDense(n, k, nil)
	ts, ok := l.(models.TermScorer)
	if !ok {
		return nil
	}
	s := mat.NewDense(n, len(theta), nil)
	ts.ScoreTerms(s, theta)
	last := 1.0
	for _, w := range theta[:k-1] {
		last -= w
	}
	for t := range n {
		row := s.RawRowView(t)
		ratio := 1.0
		for i, w := range theta[:k-1] {
			ratio -= w * row[i]
		}
		for i, w := range theta[:k-1] {
			out.Set(t, i, min(max(w*(row[i]+ratio), 0), 1))
		}
		out.Set(t, k-1, min(max(last*ratio, 0), 1))
	}
	return out
}

var icl = Criterion{
	Name: "icl", Aim: Evidence,
	Doc: "integrated classification likelihood: BIC and the doubt about the components of the rows",
	Ref: "C. Biernacki, G. Celeux, G. Govaert (2000), IEEE Transactions on Pattern Analysis and Machine Intelligence 22:719-725",
	Score: func(all []*Material, i int) Score {
		m := all[i]
		r := responsibilities(m.Likelihood, m.Fit.Theta)
		if r == nil {
			return refuse("the model has no components")
		}
		return Score{Value: ICL(BIC(m.Fit.LogLik, m.Fit.Dim, m.Fit.N), r), Bound: Asymptotic}
	},
}
