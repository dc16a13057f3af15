package selection

import "math"

// TwoPartMDL is the two-part code length in nats: −ℓ + (k/2) log n for the data and
// the coordinates to their precision, and order for the code of the order
// (Rissanen 1978, Automatica 14, 465).
func TwoPartMDL(loglik float64, k, n int, order float64) float64 {
	return -loglik + 0.5*float64(k)*math.Log(float64(n)) + order
}

// IntegerCode is the length in nats of Rissanen's universal code of an integer
// j ≥ 1: log 2.865064 + log j + log log j + … over the positive terms of logarithms
// to base 2 (Rissanen 1983, Ann. Statist. 11, 416). It panics if j < 1.
func IntegerCode(j int) float64 {
	if j < 1 {
		panic("selection: code of an integer below 1")
	}
	bits := math.Log2(2.865064)
	for x := math.Log2(float64(j)); x > 0; x = math.Log2(x) {
		bits += x
	}
	return bits * math.Ln2
}

// StochasticComplexity is −ℓ + (k/2) log(n/2π) + log ∫ √det F dθ in nats (Rissanen
// 1996, IEEE Trans. Inf. Theory 42, 40), for a regular model whose volume exists.
func StochasticComplexity(loglik float64, k, n int, logVolume float64) float64 {
	return -loglik + 0.5*float64(k)*math.Log(float64(n)/(2*math.Pi)) + logVolume
}

var mdl = Criterion{
	Name: "mdl", Aim: Evidence,
	Doc: "two-part description length: BIC and the code of the order",
	Ref: "J. Rissanen (1983), Annals of Statistics 11:416-431",
	Score: func(all []*Material, i int) Score {
		m := all[i]
		var code float64
		for _, o := range m.Order {
			code += IntegerCode(o + 1)
		}
		return Score{Value: 2 * TwoPartMDL(m.Fit.LogLik, m.Fit.Dim, m.Fit.N, code), Bound: Asymptotic}
	},
}
