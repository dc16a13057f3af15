package singular

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"
)

// A SoftmaxPrediction is what mean field says of the Fisher information
// (1/N) Σ_n J_nᵀ Q_n J_n of softmax classification, Q = diag(g) − ggᵀ at class
// probabilities g. The probabilities keep their randomness as the widths grow, so
// that averages over them are Monte Carlo.
type SoftmaxPrediction struct {
	Beta1, Beta2, Beta3 Estimate // E tr Q, E tr QQ′ at distinct inputs, E tr Q²
	Mean, SecondMoment  Estimate // over all P eigenvalues
	// Outliers are the C − 1 largest eigenvalues, descending. There are not C,
	// because Q annihilates (1, …, 1). The smaller ones are lower bounds where they
	// reach the bulk: see SoftmaxOutliers.
	Outliers []Estimate
}

// CrossEntropy predicts the information of softmax classification at n inputs
// from draws of the limiting Gaussian outputs f_k(x) = √q_d a_k + √(q_s−q_d) ξ_k,
// where a is shared by all inputs. Mean and second moment are those of Karakida,
// Akaho and Amari (2021, theorem 3.4) with K1, K2 and the exact number of
// parameters; the outliers are those of SoftmaxOutliers, averaged (derived here).
// It is an error if there are fewer than two classes or draws, or inputs of
// negative overlap, and a *CentredError if the network is centred.
func (m *MeanField) CrossEntropy(n, draws int, rng *rand.Rand) (SoftmaxPrediction, error) {
	var p SoftmaxPrediction
	c := m.Net.Outputs
	if c < 2 || draws < 2 || n < 2 {
		return p, fmt.Errorf("mean field: cross-entropy of %d classes at %d inputs by %d draws: allowed is 2 or more of each", c, n, draws)
	}
	if m.Centred() {
		return p, m.centred()
	}
	f := mat.NewDense(n, c, nil)
	var b1, b2, b3 running
	outliers := make([]running, c-1)
	sum := make([]float64, c*c)
	for range draws {
		if err := m.drawOutputs(f, rng); err != nil {
			return p, err
		}
		t1, t3 := 0.0, 0.0
		clear(sum)
		g := make([]float64, c)
		for i := range n {
			softmax(g, f.RawRowView(i))
			s2, s3 := 0.0, 0.0
			for k, v := range g {
				s2 += v * v
				s3 += v * v * v
				sum[k*c+k] += v
				for l, w := range g {
					sum[k*c+l] -= v * w
				}
			}
			t1 += 1 - s2
			t3 += s2 - 2*s3 + s2*s2
		}
		pairs := -t3 // tr (ΣQ)² − Σ tr Q²
		for _, v := range sum {
			pairs += v * v
		}
		size := float64(n)
		b1.add(t1 / size)
		b2.add(pairs / (size * (size - 1)))
		b3.add(t3 / size)
		for k, v := range m.SoftmaxOutliers(f) {
			outliers[k].add(v)
		}
	}
	size, dim := float64(n), float64(m.Params())
	p.Beta1, p.Beta2, p.Beta3 = b1.estimate(), b2.estimate(), b3.estimate()
	p.Mean = Estimate{p.Beta1.Value * m.K1 / dim, p.Beta1.SE * m.K1 / dim}
	u, v := (size-1)/size*m.K2*m.K2/dim, m.K1*m.K1/size/dim
	// β₂ and β₃ rise and fall together: their errors are added.
	p.SecondMoment = Estimate{u*p.Beta2.Value + v*p.Beta3.Value, u*p.Beta2.SE + v*p.Beta3.SE}
	for _, o := range outliers {
		p.Outliers = append(p.Outliers, o.estimate())
	}
	return p, nil
}

// LayerNormalised predicts the C − 2 outliers of the regression information of
// outputs that are normalised over the C outputs of each input, as LayerNormOutliers,
// averaged over draws of the limiting Gaussian outputs. Errors are those of
// CrossEntropy; there must be three outputs or more.
func (m *MeanField) LayerNormalised(n, draws int, rng *rand.Rand) ([]Estimate, error) {
	c := m.Net.Outputs
	if c < 3 || draws < 2 || n < 2 {
		return nil, fmt.Errorf("mean field: layer normalisation of %d outputs at %d inputs by %d draws: allowed is 3 or more outputs, 2 or more of the others", c, n, draws)
	}
	if m.Centred() {
		return nil, m.centred()
	}
	f := mat.NewDense(n, c, nil)
	outliers := make([]running, c-2)
	for range draws {
		if err := m.drawOutputs(f, rng); err != nil {
			return nil, err
		}
		for k, v := range m.LayerNormOutliers(f) {
			outliers[k].add(v)
		}
	}
	var out []Estimate
	for _, o := range outliers {
		out = append(out, o.estimate())
	}
	return out, nil
}

// centred is the error of a network whose outliers are not predicted.
func (m *MeanField) centred() error {
	return &CentredError{"the " + m.Net.String(), m.Kappa2 / m.Kappa1, 0}
}

// running accumulates a mean and its standard error.
type running struct{ n, mean, ss float64 }

func (m *running) add(x float64) { // Welford's update
	m.n++
	d := x - m.mean
	m.mean += d / m.n
	m.ss += d * (x - m.mean)
}

func (m *running) estimate() Estimate {
	return Estimate{m.mean, math.Sqrt(m.ss / (m.n * (m.n - 1)))}
}

// drawOutputs fills f (N×C) with outputs of an infinitely wide network.
func (m *MeanField) drawOutputs(f *mat.Dense, rng *rand.Rand) error {
	last := len(m.QSame) - 1
	qs, qd := m.QSame[last], m.QDistinct[last]
	if qd < 0 {
		return fmt.Errorf("mean field: outputs at distinct inputs have covariance %v: many inputs of negative overlap do not exist", qd)
	}
	shared, own := math.Sqrt(qd), math.Sqrt(qs-qd)
	n, c := f.Dims()
	a := make([]float64, c)
	for k := range a {
		a[k] = shared * rng.NormFloat64()
	}
	for i := range n {
		row := f.RawRowView(i)
		for k := range row {
			row[k] = a[k] + own*rng.NormFloat64()
		}
	}
	return nil
}

func softmax(g, f []float64) {
	top := f[0]
	for _, v := range f {
		top = max(top, v)
	}
	sum := 0.0
	for k, v := range f {
		g[k] = math.Exp(v - top)
		sum += g[k]
	}
	for k := range g {
		g[k] /= sum
	}
}

// SoftmaxOutliers predicts the C−1 largest eigenvalues, descending, of the
// information of softmax classification at outputs f (N×C), measured ones or
// drawn ones: those of Q^{1/2} ((K1−K2) I + K2 11ᵀ⊗I_C) Q^{1/2}/N with the
// block-diagonal Q of these outputs. An eigenvalue λ outside the bulk, with
// c = (K1−K2)/N, makes 1 an eigenvalue of (K2/N) Σ_n Q_n (λ − cQ_n)⁻¹, a C×C
// matrix (derived here); to leading order λ = K2 × an eigenvalue of the mean of
// Q, which is a lower bound and stands for λ where the equation has no solution
// outside the bulk. Of a centred network all are NaN.
func (m *MeanField) SoftmaxOutliers(f *mat.Dense) []float64 {
	n, c := f.Dims()
	prob := mat.NewDense(n, c, nil)
	for i := range n {
		softmax(prob.RawRowView(i), f.RawRowView(i))
	}
	d := make([]float64, c)
	return m.outliers(n, c, func(dst blas64.Symmetric, i int, lambda, shift float64) bool {
		// λ − cQ = D + cggᵀ with D = λ − c diag(g), and Q(λ−cQ)⁻¹ =
		// D⁻¹(diag(g) − …): by Sherman and Morrison (1950),
		// Q(λ−cQ)⁻¹ = diag(g)D⁻¹ − λ (D⁻¹g)(D⁻¹g)ᵀ/(1 + c gᵀD⁻¹g).
		g := prob.RawRowView(i)
		dot := 0.0
		for k, v := range g {
			e := lambda - shift*v
			if e <= 0 {
				return false
			}
			d[k] = v / e
			dot += v * d[k]
		}
		s := lambda / (1 + shift*dot)
		for k, v := range d {
			row, w := dst.Data[k*dst.Stride:][:c], s*v
			row[k] += v
			for l := k; l < c; l++ {
				row[l] -= w * d[l]
			}
		}
		return true
	})
}

// LayerNormOutliers is SoftmaxOutliers for the C−2 largest eigenvalues of the
// regression information of (f_k − mean_k f)/sd_k f: in the place of Q_n stands the
// square of the Jacobian of the normalisation, (I − 11ᵀ/C − f̂f̂ᵀ/C)/sd². That layer
// normalisation keeps the outliers is in Karakida, Akaho and Amari (2019, NeurIPS);
// their heights are derived here.
func (m *MeanField) LayerNormOutliers(f *mat.Dense) []float64 {
	n, c := f.Dims()
	norm := mat.NewDense(n, c, nil)
	sd := make([]float64, n)
	for i := range n {
		sd[i] = standardize(norm.RawRowView(i), f.RawRowView(i))
	}
	all := m.outliers(n, c, func(dst blas64.Symmetric, i int, lambda, shift float64) bool {
		e := lambda*sd[i]*sd[i] - shift
		if e <= 0 {
			return false
		}
		x, w := norm.RawRowView(i), 1/(e*float64(c))
		for k, v := range x {
			row := dst.Data[k*dst.Stride:][:c]
			row[k] += 1 / e
			for l := k; l < c; l++ {
				row[l] -= w * (1 + v*x[l])
			}
		}
		return true
	})
	return all[:max(0, c-2)]
}

// standardize fills dst with (x − mean)/sd and returns sd, whose square is the
// mean square.
func standardize(dst, x []float64) float64 {
	mean, ss := 0.0, 0.0
	for _, v := range x {
		mean += v
	}
	mean /= float64(len(x))
	for _, v := range x {
		ss += (v - mean) * (v - mean)
	}
	sd := math.Sqrt(ss / float64(len(x)))
	for k, v := range x {
		dst[k] = (v - mean) / sd
	}
	return sd
}

// outliers solves for the c−1 largest eigenvalues, NaN of a centred network. add adds
// Q_i(λ−cQ_i)⁻¹ to the upper triangle of dst and reports whether λ lies above the bulk of
// input i.
func (m *MeanField) outliers(n, c int, add func(dst blas64.Symmetric, i int, lambda, shift float64) bool) []float64 {
	out := make([]float64, c-1)
	if m.Centred() {
		for k := range out {
			out[k] = math.NaN()
		}
		return out
	}
	shift := (m.K1 - m.K2) / float64(n)
	sum := mat.NewSymDense(c, nil)
	var eig mat.EigenSym
	values := make([]float64, c)
	// at returns λ K2/N × eigenvalue k, from the largest, of the sum.
	at := func(k int, lambda, shift float64) float64 {
		sum.Zero()
		for i := range n {
			if !add(sum.RawSymmetric(), i, lambda, shift) {
				return math.NaN()
			}
		}
		if !eig.Factorize(sum, false) {
			return math.NaN()
		}
		return lambda * m.K2 / float64(n) * eig.Values(values)[c-1-k]
	}
	for k := range out {
		out[k] = at(k, 1, 0) // the sum is ΣQ/λ there
		// at falls and is convex in λ, so that its fixed point lies between any λ and
		// at(λ), and secants from out[k], which is below it, stay there: out of the bulk.
		a, b := out[k], at(k, out[k], shift)
		if math.IsNaN(b) {
			continue // out[k] lies in the bulk
		}
		fa, fb := b-a, at(k, b, shift)-b
		for range 100 {
			if !(math.Abs(fb) > 1e-12*b) {
				break
			}
			next := b - fb*(b-a)/(fb-fa)
			a, fa = b, fb
			b, fb = next, at(k, next, shift)-next
		}
		if math.Abs(fb) <= 1e-12*b {
			out[k] = b
		}
	}
	return out
}
