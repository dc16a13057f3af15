package dynamics

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// A LiaoMonitor watches the approximate Fisher information of mini-batches during
// training (Z. Liao, T. Drummond, I. Reid and G. Carneiro, Approximate Fisher
// information matrix to characterize the training of deep neural networks, IEEE
// Trans. PAMI 42 (2020) 15). At step k with batch size B_k, learning rate α_k and
// the B_k × P matrix J_k of per-sample gradients of the loss at the true labels,
// F̂_k = J_kᵀJ_k, not divided by B_k. Its nonzero eigenvalues λ = s² are those of
// the Gram matrix J_kJ_kᵀ, which is all that the monitor sees.
//
//	C_k = s_max/s_min over the s that are not zero      (truncated condition number)
//	C̄_K = mean of C_k                                   (its running average)
//	L_K = Σ_k (α_k/B_k) √tr F̂_k                         (weighted cumulative energy)
//
// A singular value counts as zero up to s_max √(B 2⁻⁵²), the accuracy of a square
// root of an eigenvalue. Where only some steps are measured, C̄_K is the mean over
// those and L_K is divided by the share of steps that were measured. Gradients of
// fitted samples go to zero, which makes C_k heavy-tailed: its median, and numbers
// that do not feel the scale of single samples, go with it. The zero value is ready
// to use; one goroutine.
type LiaoMonitor struct {
	Momentum float64 // μ of the training, for EffectiveEnergy

	steps, zero     int
	conds, cosines  []float64
	energy          float64
	ranks           float64
	stable, entropy float64
	traces          []float64
	eig             mat.EigenSym
	values          []float64
	work, scaled    []float64
}

// A LiaoRecord is what one Gram matrix says.
type LiaoRecord struct {
	Condition float64 // C_k; 1 for a single sample, NaN if all gradients are 0
	// Cosine is the truncated condition number of the Gram matrix of gradients
	// scaled to length 1, those of length 0 left out.
	Cosine        float64
	Trace         float64 // tr F̂_k/B_k, the mean square of a per-sample gradient
	Rank          int     // singular values that are not zero
	StableRank    float64 // Σλ/λ_max
	EffectiveRank float64 // exp of the entropy of λ/Σλ
}

// A LiaoSummary is what a monitor has seen.
type LiaoSummary struct {
	Steps, Measured int
	Zero            int     // measured steps where every gradient was 0: no condition number
	MeanCondition   float64 // C̄_K
	MedianCondition float64
	MedianCosine    float64 // median of LiaoRecord.Cosine
	Energy          float64 // L_K
	// EffectiveEnergy is L_K/(1−μ): heavy-ball momentum μ moves the parameters
	// like the rate α/(1−μ), which L_K knows nothing of.
	EffectiveEnergy float64
	RankFraction    float64 // mean of Rank/B
	StableRank      float64 // mean
	EffectiveRank   float64 // mean
	FirstTrace      float64 // tr F̂/B at the first measured step
	LastTrace       float64 // mean over the last tenth of the measured steps
}

// Skip counts a step that is not measured.
func (m *LiaoMonitor) Skip() { m.steps++ }

// Observe counts a step at the given learning rate whose per-sample gradients have
// the Gram matrix gram (B×B), from before the update. It is an error if an entry is
// not finite.
func (m *LiaoMonitor) Observe(gram *mat.SymDense, rate float64) (LiaoRecord, error) {
	b := gram.SymmetricDim()
	if b < 1 {
		panic("dynamics: a Gram matrix without rows")
	}
	var r LiaoRecord
	for i := range b {
		r.Trace += gram.At(i, i) / float64(b)
	}
	if math.IsInf(r.Trace, 0) {
		return r, errors.New("the squares of the gradients of a batch overflow")
	}
	var err error
	if r.Condition, r.Rank, err = m.condition(gram); err != nil {
		return r, err
	}
	total, top := 0.0, m.values[b-1]
	for _, v := range m.values {
		total += v
	}
	m.steps++
	if total > 0 {
		h := 0.0
		for _, v := range m.values {
			if p := v / total; p > 0 {
				h -= p * math.Log(p)
			}
		}
		r.StableRank, r.EffectiveRank = total/top, math.Exp(h)
		if r.Cosine, _, err = m.condition(m.cosineGram(gram)); err != nil {
			return r, err
		}
		m.conds, m.cosines = append(m.conds, r.Condition), append(m.cosines, r.Cosine)
	} else {
		r.Cosine = math.NaN()
		m.zero++
	}
	m.traces = append(m.traces, r.Trace)
	m.energy += rate * math.Sqrt(r.Trace/float64(b))
	m.ranks += float64(r.Rank) / float64(b)
	m.stable += r.StableRank
	m.entropy += r.EffectiveRank
	return r, nil
}

// condition returns the truncated condition number and the rank, and leaves the
// eigenvalues, ascending and none below 0, in m.values.
func (m *LiaoMonitor) condition(gram *mat.SymDense) (c float64, rank int, err error) {
	b := gram.SymmetricDim()
	largest := 0.0
	for i := range b {
		for j := i; j < b; j++ {
			v := gram.At(i, j)
			if v-v != 0 {
				return 0, 0, fmt.Errorf("the Gram matrix of gradients has the entry %v", v)
			}
			largest = max(largest, math.Abs(v))
		}
	}
	if b > cap(m.values) {
		m.values = make([]float64, b)
	}
	m.values = m.values[:b]
	if largest == 0 {
		clear(m.values)
		return math.NaN(), 0, nil
	}
	// The solver squares entries: a power of 2 keeps those of a training about to
	// diverge from overflow, and changes no bit of others. It also panics where
	// fitted samples leave a block below 1e-122 (gonum 0.17, Dsterf calls Dlascl with
	// a wrong stride): the shift of the diagonal, far below the floor, avoids it.
	const shift = 0x1p-60
	if b*b > cap(m.work) {
		m.work = make([]float64, b*b)
	}
	unit := mat.NewSymDense(b, m.work[:b*b])
	_, e := math.Frexp(largest)
	for i := range b {
		for j := i; j < b; j++ {
			unit.SetSym(i, j, math.Ldexp(gram.At(i, j), -e))
		}
		unit.SetSym(i, i, unit.At(i, i)+shift)
	}
	if !m.eig.Factorize(unit, false) {
		return 0, 0, errors.New("the eigenvalues of a Gram matrix did not converge")
	}
	m.eig.Values(m.values)
	for i, v := range m.values {
		m.values[i] = math.Ldexp(max(v-shift, 0), e)
	}
	top := m.values[b-1]
	floor := top * float64(b) * 0x1p-52 // of λ = s²
	i := slices.IndexFunc(m.values, func(v float64) bool { return v > floor })
	return math.Sqrt(top / m.values[i]), b - i, nil
}

// cosineGram returns the Gram matrix of the gradients scaled to length 1, without
// those of length 0.
func (m *LiaoMonitor) cosineGram(gram *mat.SymDense) *mat.SymDense {
	b := gram.SymmetricDim()
	var live []int
	for i := range b {
		if gram.At(i, i) > 0 {
			live = append(live, i)
		}
	}
	n := len(live)
	if n*n > cap(m.scaled) {
		m.scaled = make([]float64, n*n)
	}
	out := mat.NewSymDense(n, m.scaled[:n*n])
	for p, i := range live {
		for q := p; q < n; q++ {
			j := live[q]
			out.SetSym(p, q, gram.At(i, j)/math.Sqrt(gram.At(i, i))/math.Sqrt(gram.At(j, j)))
		}
	}
	return out
}

// Summary returns the numbers so far. Those without a measured step are NaN.
func (m *LiaoMonitor) Summary() LiaoSummary {
	n := m.zero + len(m.conds)
	if n == 0 {
		nan := math.NaN()
		return LiaoSummary{
			Steps: m.steps, MeanCondition: nan, MedianCondition: nan, MedianCosine: nan, Energy: nan, EffectiveEnergy: nan,
			RankFraction: nan, StableRank: nan, EffectiveRank: nan, FirstTrace: nan, LastTrace: nan,
		}
	}
	k := float64(n)
	s := LiaoSummary{
		Steps: m.steps, Measured: n, Zero: m.zero, MedianCondition: median(m.conds), MedianCosine: median(m.cosines),
		Energy: m.energy * float64(m.steps) / k, RankFraction: m.ranks / k, StableRank: m.stable / k, EffectiveRank: m.entropy / k,
		FirstTrace: m.traces[0],
	}
	last := m.traces[n-max(1, n/10):]
	for _, v := range last {
		s.LastTrace += v / float64(len(last))
	}
	s.EffectiveEnergy = s.Energy / (1 - m.Momentum)
	for _, c := range m.conds {
		s.MeanCondition += c
	}
	s.MeanCondition /= float64(len(m.conds)) // NaN where every gradient was 0
	return s
}

// median returns the middle of x, NaN if it is empty.
func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	n := len(x)
	if n == 0 {
		return math.NaN()
	}
	return 0.5 * (x[(n-1)/2] + x[n/2])
}
