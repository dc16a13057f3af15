package estimation

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/dsp/fourier"
	"gonum.org/v1/gonum/stat/distuv"
)

// A Diagnosis says how far the chains of one quantity can be believed (Vehtari,
// Gelman, Simpson, Carpenter & Bürkner 2021, Bayesian Analysis 16, 667). Chains
// are split in halves throughout. Figures that do not exist, as for a constant
// quantity, are NaN.
type Diagnosis struct {
	Mean, SD float64
	// RHat is the larger of the rank-normalised split R-hat and that of the
	// folded draws; above 1.01 the chains do not agree.
	RHat float64
	// ESSBulk is the effective sample size of the rank-normalised draws, ESSTail
	// the lesser of those of the 5 % and 95 % quantiles; below 100 per chain they
	// and R-hat itself are not reliable.
	ESSBulk, ESSTail float64
	// MCSE is the Monte Carlo standard error of the mean, ESSMean the effective
	// sample size behind it.
	MCSE, ESSMean float64
}

// Diagnose computes the diagnostics of draws by chain. All chains have one length,
// at least 4; it panics otherwise, or without chains.
func Diagnose(chains [][]float64) Diagnosis {
	if len(chains) == 0 {
		panic("estimation: no chains")
	}
	n := len(chains[0])
	for _, c := range chains {
		if len(c) != n || n < 4 {
			panic(fmt.Sprintf("estimation: chains of %d and %d draws: want one length of at least 4", n, len(c)))
		}
	}
	split := halves(chains)
	all := slices.Concat(split...)
	out := Diagnosis{RHat: math.NaN(), ESSBulk: math.NaN(), ESSTail: math.NaN(), MCSE: math.NaN(), ESSMean: math.NaN()}
	for _, v := range all {
		out.Mean += v / float64(len(all))
	}
	for _, v := range all {
		out.SD += (v - out.Mean) * (v - out.Mean)
	}
	out.SD = math.Sqrt(out.SD / float64(len(all)-1))
	if !(out.SD > 0) || math.IsInf(out.SD, 1) {
		return out
	}
	sorted := slices.Clone(all)
	slices.Sort(sorted)
	ranks := shaped(split, rankNormal(all))
	median := quantile(sorted, 0.5)
	folded := make([]float64, len(all))
	for i, v := range all {
		folded[i] = math.Abs(v - median)
	}
	out.RHat = max(rhat(ranks), rhat(shaped(split, rankNormal(folded))))
	w := newESS(len(split[0]))
	out.ESSBulk = w.of(ranks)
	out.ESSMean = w.of(split)
	out.MCSE = out.SD / math.Sqrt(out.ESSMean)
	out.ESSTail = math.Inf(1)
	for _, p := range []float64{0.05, 0.95} {
		q := quantile(sorted, p)
		below := make([]float64, len(all))
		for i, v := range all {
			if v <= q {
				below[i] = 1
			}
		}
		out.ESSTail = min(out.ESSTail, w.of(shaped(split, below)))
	}
	return out
}

// halves splits each chain in two, leaving out the middle draw of an odd length.
func halves(chains [][]float64) [][]float64 {
	out := make([][]float64, 0, 2*len(chains))
	for _, c := range chains {
		h := len(c) / 2
		out = append(out, c[:h], c[len(c)-h:])
	}
	return out
}

// shaped cuts flat into chains of the lengths of like.
func shaped(like [][]float64, flat []float64) [][]float64 {
	out := make([][]float64, len(like))
	for i, c := range like {
		out[i], flat = flat[:len(c)], flat[len(c):]
	}
	return out
}

// rankNormal returns Φ⁻¹((r − 3/8)/(S + 1/4)) for the ranks r of v, the mean rank
// for ties (Vehtari et al. 2021, eq. 14).
func rankNormal(v []float64) []float64 {
	order := make([]int, len(v))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case v[a] < v[b]:
			return -1
		case v[a] > v[b]:
			return 1
		}
		return a - b
	})
	out := make([]float64, len(v))
	s := float64(len(v))
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && v[order[j]] == v[order[i]] {
			j++
		}
		rank := float64(i+j+1) / 2
		z := distuv.UnitNormal.Quantile((rank - 0.375) / (s + 0.25))
		for ; i < j; i++ {
			out[order[i]] = z
		}
	}
	return out
}

// quantile interpolates linearly between order statistics (type 7 of R).
func quantile(sorted []float64, p float64) float64 {
	h := p * float64(len(sorted)-1)
	i := int(h)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (h-float64(i))*(sorted[i+1]-sorted[i])
}

// betweenWithin returns the variance of the means of the chains and the mean of
// their variances.
func betweenWithin(chains [][]float64) (between, within float64) {
	m, n := float64(len(chains)), float64(len(chains[0]))
	means := make([]float64, len(chains))
	var grand float64
	for i, c := range chains {
		for _, v := range c {
			means[i] += v / n
		}
		for _, v := range c {
			within += (v - means[i]) * (v - means[i]) / (n - 1) / m
		}
		grand += means[i] / m
	}
	for _, v := range means {
		between += (v - grand) * (v - grand) / (m - 1)
	}
	return between, within
}

func rhat(chains [][]float64) float64 {
	n := float64(len(chains[0]))
	between, within := betweenWithin(chains)
	return math.Sqrt((n-1)/n + between/within)
}

// ess estimates effective sample sizes of chains of one length.
type ess struct {
	n, padded int
	fft       *fourier.FFT
	buf       []float64
	coef      []complex128
}

func newESS(n int) *ess {
	p := 1
	for p < 2*n {
		p *= 2
	}
	return &ess{n: n, padded: p, fft: fourier.NewFFT(p), buf: make([]float64, p), coef: make([]complex128, p/2+1)}
}

// autocovariance adds the biased autocovariances of c to dst.
func (w *ess) autocovariance(dst, c []float64) {
	var mean float64
	for _, v := range c {
		mean += v / float64(w.n)
	}
	clear(w.buf)
	for i, v := range c {
		w.buf[i] = v - mean
	}
	w.fft.Coefficients(w.coef, w.buf)
	for i, z := range w.coef {
		w.coef[i] = complex(real(z)*real(z)+imag(z)*imag(z), 0)
	}
	w.fft.Sequence(w.buf, w.coef)
	for i := range dst {
		dst[i] += w.buf[i] / float64(w.padded) / float64(w.n)
	}
}

// of is the effective sample size of the mean over all chains, from Geyer's (1992)
// initial monotone sequence on the autocorrelations that compare all chains
// (Vehtari et al. 2021, §3.2), at most S log₁₀ S.
func (w *ess) of(chains [][]float64) float64 {
	m, n := float64(len(chains)), float64(w.n)
	cov := make([]float64, w.n)
	for _, c := range chains {
		w.autocovariance(cov, c)
	}
	for i := range cov {
		cov[i] /= m
	}
	between, _ := betweenWithin(chains)
	within := cov[0] * n / (n - 1)
	plus := cov[0] + between
	if !(plus > 0) {
		return math.NaN()
	}
	rho := func(t int) float64 {
		if t == 0 {
			return 1
		}
		return 1 - (within-cov[t])/plus
	}
	// τ = −1 + 2 Σ P_k, P_k = ρ_2k + ρ_2k+1, while positive and falling. The last
	// even term is added once where it is positive, which helps antithetic chains.
	tau, last := -1.0, math.Inf(1)
	t := 0
	for ; t+1 < w.n-3; t += 2 {
		p := rho(t) + rho(t+1)
		if p <= 0 {
			break
		}
		p = min(p, last)
		last = p
		tau += 2 * p
	}
	if t > 0 && t < w.n {
		tau += max(0, rho(t))
	}
	s := m * n
	return s / max(tau, 1/math.Log10(s))
}
