package selection

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

// ticTol is the relative size of an eigenvalue of the scaled observed
// information below which its direction does not count.
const ticTol = 1e-8

// TICTrace returns tr(J⁺I), the effective number of parameters of Takeuchi
// (1976), and the rank of J that it saw. info is J = −∂²ℓ/∂θ∂θᵀ (d×d) and scores
// the score of every term (n×d), I = Σ s_t s_tᵀ. Both are scaled by the diagonal of
// J first, so that units do not matter; eigenvalues of J below 1e-8 of the largest,
// negative ones included, are left out: the value then is that of the other
// directions and no estimate of the optimism. It is NaN where an entry is.
func TICTrace(info *mat.SymDense, scores *mat.Dense) (trace float64, rank int) {
	d := info.SymmetricDim()
	if d == 0 {
		return 0, 0
	}
	n, cols := scores.Dims()
	if cols != d {
		panic("selection: slice length mismatch")
	}
	scale := make([]float64, d)
	for i := range d {
		scale[i] = 1
		if v := math.Abs(info.At(i, i)); v > 0 {
			scale[i] = 1 / math.Sqrt(v)
		}
	}
	j := mat.NewSymDense(d, nil)
	for a := range d {
		for b := a; b < d; b++ {
			v := info.At(a, b) * scale[a] * scale[b]
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return math.NaN(), 0
			}
			j.SetSym(a, b, v)
		}
	}
	var eig mat.EigenSym
	if !eig.Factorize(j, true) {
		return math.NaN(), 0
	}
	values := eig.Values(nil)
	var q mat.Dense
	eig.VectorsTo(&q)
	top := math.Max(math.Abs(values[0]), math.Abs(values[d-1]))
	for k, lambda := range values {
		if !(lambda > ticTol*top) {
			continue
		}
		rank++
		var s float64
		for t := range n {
			row := scores.RawRowView(t)
			var u float64
			for a, v := range row {
				u += q.At(a, k) * scale[a] * v
			}
			s += u * u
		}
		trace += s / lambda
	}
	return trace, rank
}

var tic = Criterion{
	Name: "tic", Aim: Predict,
	Doc: "Takeuchi: −2ℓ + 2 tr(J⁻¹I), with the rank of J that it saw",
	Ref: "K. Takeuchi (1976), Suri-Kagaku 153:12-18",
	Score: func(all []*Material, i int) Score {
		m := all[i]
		l := m.Likelihood
		d := m.Fit.Dim
		if d == 0 {
			return Score{Value: -2 * m.Fit.LogLik}
		}
		ts, ok := l.(models.TermScorer)
		if !ok {
			return refuse("the family has no score of every term")
		}
		info := mat.NewSymDense(d, nil)
		hess, _ := models.Hess(l)
		hess(info, m.Fit.Theta)
		info.ScaleSym(-1, info)
		scores := mat.NewDense(l.N(), d, nil)
		ts.ScoreTerms(scores, m.Fit.Theta)
		trace, rank := TICTrace(info, scores)
		if math.IsNaN(trace) {
			return refuse("the observed information does not exist at θ̂ (on a bound)")
		}
		s := Score{Value: -2*m.Fit.LogLik + 2*trace}
		s.Details = []Detail{{"trace", trace}, {"rank", float64(rank)}}
		if rank < d {
			s.Warnings = append(s.Warnings, "the observed information is singular: the penalty counts the other directions only")
		}
		return s
	},
}
