package models

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/internal/vec"
)

// A Profiler replaces in place the coordinates of θ whose maximiser, given the
// others, is known in closed form.
type Profiler interface {
	// Profile overwrites those coordinates and returns ℓ there. It is -Inf, and
	// θ is left as it was, where the others lie outside the domain or the data
	// overflow.
	Profile(theta []float64) (loglik float64)
}

// Profile overwrites the mean and σ², where they are free, by their maximisers
// given φ and θ, and returns ℓ there: the mean by generalised least squares,
// Σ v_t w_t/D_t / Σ w_t²/D_t with w the filtered constant 1, then
// σ² = Σ v_t²/(n D_t). For a series that is fitted without error σ² is the least
// positive normal number. The entries that it overwrites may hold anything,
// NaN included.
func (l *ARMALikelihood) Profile(theta []float64) float64 {
	phi, th, _, sigma2 := l.m.split(theta)
	mean, ss, logDet, ok := l.profileMean(phi, th)
	if !ok || math.IsNaN(mean+ss) || math.IsInf(mean+ss, 0) {
		return math.Inf(-1)
	}
	if l.m.set.Var == 0 {
		sigma2 = profileVar(ss, l.z.N)
	}
	l.m.putTail(theta, mean, sigma2)
	return gaussLogLik(l.z.N, sigma2, ss, logDet)
}

func profileVar(ss float64, n int) float64 {
	return max(ss/float64(n), 0x1p-1022)
}

// profileMean filters the series at its best mean (0 if the mean is not free).
func (l *ARMALikelihood) profileMean(phi, th []float64) (mean, ss, logDet float64, ok bool) {
	k := l.k
	start := func() bool { return k.load(phi, th) && (l.m.set.CSS || k.stationary()) }
	if !start() {
		return 0, 0, 0, false
	}
	if !l.m.set.Mean {
		ss, logDet = l.sums()
		return 0, ss, logDet, true
	}
	// Around the sample mean no digits are lost to a far-away origin.
	for _, x := range l.z.V {
		mean += x / float64(l.z.N)
	}
	l.centre(mean)
	l.run()
	v := l.s.d
	copy(v, l.v)
	l.y = l.s.one
	start()
	l.run()
	var vw, ww float64
	for t, w := range l.v {
		d := 1.0
		if t < l.t0 {
			d = l.inv[t]
		}
		vw += v[t] * w * d
		ww += w * w * d
	}
	shift := vw / ww // ww ≥ w_1² > 0
	mean += shift
	l.centre(mean)
	start()
	ss, logDet = l.sums()
	return mean, ss, logDet, true
}

// LogLiks fills dst (m) with ℓ at the rows of thetas (m×d), each to the bit as
// LogLik gives it. For p, q ≤ 1 several points go along the series at once; for
// other orders the block form of unfilter has broken the chain of dependent
// operations within one point already.
func (l *ARMALikelihood) LogLiks(dst []float64, thetas *mat.Dense) {
	const most = 16
	rows, c := thetas.Dims()
	checkLen(len(dst), rows)
	checkLen(c, len(l.m.params))
	var (
		pts     [most]vec.ARMA11
		at      [most]int
		p, vars [most]float64
		n       int
	)
	flush := func() {
		vec.ARMA11s(pts[:n], l.z.V, l.v)
		for j := range n {
			ss, logDet := restSums(&pts[j], p[j])
			dst[at[j]] = gaussLogLik(l.z.N, vars[j], ss, logDet)
		}
		n = 0
	}
	for i := range rows {
		theta := thetas.RawRowView(i)
		mean, sigma2, ok := l.loadState(theta)
		if !ok || !l.fromRest() {
			dst[i] = l.LogLik(theta)
			continue
		}
		if l.own == nil {
			mean = 0 // fixed: the series is taken as it is
		}
		pts[n] = vec.ARMA11{Phi: l.k.phi[0], Theta: l.k.th[0], Mean: mean}
		at[n], p[n], vars[n] = i, l.k.cov[0], sigma2
		if n++; n == most {
			flush()
		}
	}
	flush()
}
