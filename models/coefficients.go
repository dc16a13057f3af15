package models

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Learning coefficients that hold for classes of zero sets rather than for one
// family. They are pure functions of a few integers; the families call them
// from RLCT, and package singular chooses among the families.
//
// The learning coefficient λ and its multiplicity m are defined by the volume
// Pr(K < ε) ~ c ε^λ (−log ε)^{m−1} as ε → 0, where K is the Kullback-Leibler
// divergence from the truth and θ follows the prior (Watanabe, Algebraic
// Geometry and Statistical Learning Theory, Cambridge 2009, ch. 4 and 7). K may
// be replaced by any function between two multiples of it.

var errCoefficient = errors.New("no learning coefficient")

func coefficientError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errCoefficient, fmt.Sprintf(format, args...))
}

// RegularCoefficient is λ = c/2, m = 1: K is comparable to the squared distance
// to a smooth set of codimension c. A regular model has c = d. It panics if c is
// negative.
func RegularCoefficient(c int) Coefficient {
	if c < 0 {
		panic("models: negative codimension")
	}
	return Coefficient{Lambda: float64(c) / 2, Mult: 1, Ref: "Watanabe 2009, remark 7.2: smooth zero set of codimension c"}
}

// MonomialCoefficient is the coefficient of K = Π w_j^{2 k_j} under a prior
// density Π |w_j|^{h_j}: λ = min_j (h_j+1)/(2k_j), m the number of j that attain
// it. h may be nil for a smooth positive prior. Factors with k_j = 0 play no
// part. It is an error if no k_j is positive, if one is negative or if h_j ≤ −1
// (no density).
func MonomialCoefficient(k []int, h []float64) (Coefficient, error) {
	if h != nil {
		checkLen(len(h), len(k))
	}
	lambda, mult := math.Inf(1), 0
	for j, kj := range k {
		hj := 0.0
		if h != nil {
			hj = h[j]
		}
		switch {
		case kj < 0:
			return Coefficient{}, coefficientError("exponent %d of coordinate %d is negative", kj, j+1)
		case !(hj > -1):
			return Coefficient{}, coefficientError("prior exponent %v of coordinate %d is not above -1", hj, j+1)
		case kj == 0:
			continue
		}
		switch r := (hj + 1) / float64(2*kj); {
		case r < lambda-1e-12:
			lambda, mult = r, 1
		case r <= lambda+1e-12:
			mult++
		}
	}
	if mult == 0 {
		return Coefficient{}, coefficientError("K has no zero: every exponent is 0")
	}
	return Coefficient{Lambda: lambda, Mult: mult, Ref: "Watanabe 2009, theorem 4.6 (normal crossings)"}, nil
}

// SumCoefficient is the coefficient of f(u) + g(v) in separate variables:
// λ_f + λ_g, m_f + m_g − 1 (Watanabe 2009, remark 7.2; the Laplace transforms
// multiply). It is a bound if a part is one.
func SumCoefficient(f, g Coefficient) Coefficient {
	c := Coefficient{Lambda: f.Lambda + g.Lambda, Mult: f.Mult + g.Mult - 1, Kind: max(f.Kind, g.Kind), Ref: joinRefs(f.Ref, g.Ref)}
	if f.Mult == 0 || g.Mult == 0 {
		c.Mult = 0
	}
	return c
}

// ProductCoefficient is the coefficient of f(u)·g(v) in separate variables: the
// smaller λ with its m, and the sum of both m at a tie (the zeta functions
// multiply). A result that rests on a bound is a bound.
func ProductCoefficient(f, g Coefficient) Coefficient {
	if g.Lambda < f.Lambda {
		f, g = g, f
	}
	c := f
	if g.Lambda-f.Lambda <= 1e-12 && f.Mult != 0 && g.Mult != 0 {
		c.Mult = f.Mult + g.Mult
	}
	c.Kind = max(f.Kind, g.Kind)
	c.Ref = joinRefs(f.Ref, g.Ref)
	return c
}

func joinRefs(a, b string) string {
	if a == b || b == "" {
		return a
	}
	if a == "" {
		return b
	}
	return a + "; " + b
}

// HomogeneousCoefficient is the coefficient of a K that is positive off the
// origin and weighted homogeneous of the given degree, K(t^{a_1}w_1, …) =
// t^degree K(w): λ = Σ a_j / degree, m = 1. Example: Σ |w_j|^{p_j} has weights
// 1/p_j and degree 1. Derived here: in the quasi-polar coordinate t the volume
// element is t^{Σa−1} dt and K = t^degree times a positive function.
func HomogeneousCoefficient(weights []float64, degree float64) (Coefficient, error) {
	sum := 0.0
	for j, a := range weights {
		if !(a > 0) || math.IsInf(a, 0) {
			return Coefficient{}, coefficientError("weight %v of coordinate %d is not a positive number", a, j+1)
		}
		sum += a
	}
	if !(degree > 0) || math.IsInf(degree, 0) || len(weights) == 0 {
		return Coefficient{}, coefficientError("degree %v with %d weights", degree, len(weights))
	}
	return Coefficient{Lambda: sum / degree, Mult: 1, Ref: "weighted homogeneous with isolated zero: Σ weights / degree (derived here)"}, nil
}

const (
	refAW  = "Aoyagi and Watanabe, Neural Networks 18 (2005) 924–933"
	refDLN = "Aoyagi, Neural Networks 172 (2024) 106132"
)

// ReducedRankCoefficient is the coefficient of the reduced-rank regression
// y = BAx + e with in, hidden and out units when the true map has the given
// rank: the four cases of Aoyagi and Watanabe (Neural Networks 18, 2005). The
// prior is smooth and positive; the value is the global one, the least over all
// (A, B) with the same product.
func ReducedRankCoefficient(in, hidden, out, rank int) (Coefficient, error) {
	if err := checkRank([]int{in, hidden, out}, rank); err != nil {
		return Coefficient{}, err
	}
	m, h, n, r := in, hidden, out, rank
	c := Coefficient{Mult: 1, Ref: refAW}
	switch {
	case n+r <= m+h && m+r <= n+h && h+r <= m+n:
		num := -(h+r)*(h+r) - m*m - n*n + 2*(h+r)*(m+n) + 2*m*n
		if (m+h+n+r)%2 != 0 {
			num++
			c.Mult = 2
		}
		c.Lambda = float64(num) / 8
	case m+h < n+r:
		c.Lambda = float64(h*m-h*r+n*r) / 2
	case n+h < m+r:
		c.Lambda = float64(h*n-h*r+m*r) / 2
	default: // m+n < h+r
		c.Lambda = float64(m*n) / 2
	}
	return c, nil
}

// ReducedRankMinimum is the same coefficient in the compact form
// λ = ½[r(M+N−r) + min_t {(H−r)(N−r) + t(M−H−N+r) + t²}] over the integers
// 0 ≤ t ≤ min(H−r, N−r), with m the number of minimisers. It is an independent
// formula for tests: it equals ReducedRankCoefficient for all 1127 (M, H, N, r)
// with M, H, N ≤ 7.
func ReducedRankMinimum(in, hidden, out, rank int) (Coefficient, error) {
	if err := checkRank([]int{in, hidden, out}, rank); err != nil {
		return Coefficient{}, err
	}
	m, h, n, r := in, hidden, out, rank
	best, count := minQuadratic((h-r)*(n-r), m-h-n+r, min(h-r, n-r))
	return Coefficient{Lambda: float64(r*(m+n-r)+best) / 2, Mult: count, Ref: refAW + ", as one minimum over an integer"}, nil
}

// ReducedRankLocalCoefficient is the local coefficient at a point (A, B) with the
// given ranks a of A, b of B and r of BA. Derived here: the equations BA = B₀A₀
// on the a input directions that A does not annihilate fix Ma coordinates of B, M
// the number of outputs; of the rest, those on the b output directions that B
// reaches fix b coordinates of A for each of the N − a other inputs. What is left,
// after two Schur complements, is B′A′ = 0 with free factors near 0 through
// H − a − b + r hidden units, whose coefficient Aoyagi and Watanabe give. The
// least over a and b is the global coefficient.
func ReducedRankLocalCoefficient(in, hidden, out, rankA, rankB, rank int) (Coefficient, error) {
	if err := checkRank([]int{in, hidden, out}, rank); err != nil {
		return Coefficient{}, err
	}
	h := hidden - rankA - rankB + rank
	if rankA < rank || rankB < rank || rankA > min(in, hidden) || rankB > min(hidden, out) || h < 0 {
		return Coefficient{}, coefficientError("ranks %d and %d of the factors do not allow rank %d of the product with %d hidden units", rankA, rankB, rank, hidden)
	}
	q := out*rankA + rankB*in - rankA*rankB
	p, n := out-rankB, in-rankA
	best, count := minQuadratic(h*n, p-h-n, min(h, n))
	return Coefficient{Lambda: float64(q+best) / 2, Mult: count, Ref: "derived here from " + refAW}, nil
}

// minQuadratic returns the least a + bt + t² over integers 0 ≤ t ≤ top and the
// number of minimisers.
func minQuadratic(a, b, top int) (best, count int) {
	best = math.MaxInt
	for t := range top + 1 {
		switch v := a + b*t + t*t; {
		case v < best:
			best, count = v, 1
		case v == best:
			count++
		}
	}
	return best, count
}

func checkRank(widths []int, rank int) error {
	for _, w := range widths {
		if w < 1 {
			return coefficientError("a layer of width %d", w)
		}
	}
	if rank < 0 || rank > slices.Min(widths) {
		return coefficientError("rank %d of a map through layers of widths %v", rank, widths)
	}
	return nil
}

// DeepLinearCoefficient is the coefficient of the deep linear network
// y = A_L…A_1 x + e with the given layer widths, inputs first, when the true map
// has the given rank (Aoyagi 2024, theorem 1). With three widths it is
// ReducedRankCoefficient.
func DeepLinearCoefficient(widths []int, rank int) (Coefficient, error) {
	if len(widths) < 2 {
		return Coefficient{}, coefficientError("%d layer widths: at least inputs and outputs are needed", len(widths))
	}
	if err := checkRank(widths, rank); err != nil {
		return Coefficient{}, err
	}
	last := len(widths) - 1
	excess := make([]int, len(widths))
	for i, w := range widths {
		excess[i] = w - rank
	}
	slices.Sort(excess)
	// The excess widths of the set 𝓜 of the theorem are a prefix of the sorted
	// ones; ties make no difference, since both continuations give the same λ.
	size, sum := bottleneck(excess)
	l := size - 1
	lambda := float64(rank*(widths[0]+widths[last])-rank*rank) / 2
	ceil := (sum + l - 1) / l
	a := sum - (ceil-1)*l
	pairs := 0
	for i := range size {
		for j := i + 1; j < size; j++ {
			pairs += excess[i] * excess[j]
		}
	}
	s, fl := float64(sum), float64(l)
	lambda += float64(a*(l-a))/(4*fl) - fl*(fl-1)/4*(s/fl)*(s/fl) + float64(pairs)/2
	return Coefficient{Lambda: lambda, Mult: a*(l-a) + 1, Ref: refDLN}, nil
}

// bottleneck returns the size of the least prefix S, |S| = l+1 ≥ 2, of the
// sorted excess widths with Σ S ≥ l max S and Σ S < l min(rest), and Σ S.
func bottleneck(excess []int) (size, sum int) {
	sum = excess[0]
	for size = 2; size < len(excess); size++ {
		sum += excess[size-1]
		l := size - 1
		if sum >= l*excess[size-1] && sum < l*excess[size] {
			return size, sum
		}
	}
	return len(excess), sum + excess[len(excess)-1]
}

// VandermondeCoefficient is the coefficient of the zero function in the family
// Σ_{i≤units} a_i b_i^{1+step·s}, s = 0, 1, …, with scalar b_i and a_i ∈ R^outputs
// of either sign: the moments of a network of odd units (step 2) or of a mixture
// with weights of either sign (step 1). With k the largest i such that
// 2H ≥ M(i(i−1)Q + 2i), λ = [MQk(k+1) + 2H]/[4(1+kQ)], and m = 2 at equality,
// else 1 (Aoyagi, Communications in Statistics 39 (2010); Entropy 21 (2019) 561).
func VandermondeCoefficient(units, outputs, step int) (Coefficient, error) {
	if units < 1 || outputs < 1 || step < 1 {
		return Coefficient{}, coefficientError("Vandermonde type with %d units, %d outputs, step %d", units, outputs, step)
	}
	h, m, q := units, outputs, step
	need := func(i int) int { return m * (i*(i-1)*q + 2*i) }
	k := 0
	for need(k+1) <= 2*h {
		k++
	}
	c := Coefficient{
		Lambda: float64(m*q*k*(k+1)+2*h) / float64(4*(1+k*q)), Mult: 1,
		Ref: "Aoyagi, Entropy 21 (2019) 561 (Vandermonde type singularities)",
	}
	if k > 0 && need(k) == 2*h {
		c.Mult = 2
	}
	return c, nil
}

// OddNetworkCoefficient is the coefficient of the zero function in
// y = Σ_{i≤units} v_i φ(w_i x) + e with one input, one output and an odd φ whose
// Taylor coefficients of odd order do not vanish (tanh, erf): with h = ⌊√H⌋,
// λ = (h² + h + H)/(4h + 2), m = 2 if h² = H, else 1 (Aoyagi and Watanabe 2005).
func OddNetworkCoefficient(units int) (Coefficient, error) {
	return VandermondeCoefficient(units, 1, 2)
}
