package models

import (
	"math"
	"math/rand/v2"
	"slices"
)

// mixScale holds the location and scale of a data set.
type mixScale struct {
	mean  []float64 // dim
	cov   []float64 // dim×dim, divisor n
	chol  []float64 // Cholesky factor of cov, made positive definite if need be
	floor float64
}

func newMixScale(m *Mixture, z *Data) *mixScale {
	d := m.dim
	s := &mixScale{mean: make([]float64, d), cov: make([]float64, d*d), chol: make([]float64, d*d), floor: m.floor}
	// From the first row on no digits are lost to a far-away origin.
	per := 1 / float64(z.N)
	for a, first := range z.Y(0) {
		var shift float64
		for i := a; i < len(z.V); i += d {
			shift += (z.V[i] - first) * per
		}
		s.mean[a] = first + shift
	}
	for v := z.V; len(v) >= d; v = v[d:] {
		y := v[:d]
		for a := range d {
			e := (y[a] - s.mean[a]) * per
			for b := range a + 1 {
				s.cov[a*d+b] += e * (y[b] - s.mean[b])
			}
		}
	}
	for a := range d {
		for b := range a {
			s.cov[b*d+a] = s.cov[a*d+b]
		}
		// Data that do not vary have no scale: take 1, so that a floor exists.
		if !(s.cov[a*d+a] > 1e-28*s.mean[a]*s.mean[a]) {
			s.cov[a*d+a] = 1
		}
	}
	if !cholesky(s.chol, s.cov, d) || !wellConditioned(s.chol, s.cov, d) {
		// Collinear columns: the directions without variance get that of the
		// coordinates instead.
		for a := range d {
			for b := range d {
				if a != b {
					s.cov[a*d+b] = 0
				}
			}
		}
		cholesky(s.chol, s.cov, d)
	}
	return s
}

func wellConditioned(chol, cov []float64, d int) bool {
	for a := range d {
		if l := chol[a*d+a]; l*l < 1e-12*cov[a*d+a] {
			return false
		}
	}
	return true
}

// EMStep performs one step of the EM algorithm (Dempster, Laird and Rubin 1977)
// with the variance floor and the bound on the means in the M-step, and returns
// the log-likelihood before it. Every step is a (generalised) M-step within
// these constraints, so the log-likelihood never falls from a θ that satisfies
// them. A component that no observation takes part in keeps its mean and
// variance.
func (l *mixLike) EMStep(dst, theta []float64) float64 {
	checkLen(len(theta), len(l.m.params))
	checkLen(len(dst), len(l.m.params))
	if !l.set(theta) {
		copy(dst, theta)
		return math.Inf(-1)
	}
	ll := l.moments(false)
	if math.IsNaN(ll) || math.IsInf(ll, 0) {
		copy(dst, theta)
		return noNaN(ll)
	}
	l.mstep(dst, theta)
	return ll
}

// mstep maximises the expected complete-data log-likelihood given l.acc.
func (l *mixLike) mstep(dst, theta []float64) {
	m, d := l.m, l.m.dim
	step := 1 + d + m.nTri
	var total float64
	for j := range m.k {
		total += l.acc[j*step]
	}
	copy(dst, theta)
	if total == 0 {
		return
	}
	for i := range m.k - 1 {
		dst[i] = l.acc[i*step] / total
	}
	clear(l.s2) // Σ_j of the scatter matrices, for a tied covariance
	for j := range m.k {
		acc := l.acc[j*step : (j+1)*step]
		s0 := acc[0]
		mu := dst[m.mean0+j*d : m.mean0+(j+1)*d]
		if !(s0 > 1e-300) {
			continue
		}
		l.updateMean(mu, j)
		if m.blocks == 0 {
			continue
		}
		// Scatter about the new mean μ + δ: S − s₁δᵀ − δs₁ᵀ + s₀δδᵀ.
		t := 1 + d
		for a := range d {
			da := mu[a] - l.mu[j*d+a]
			for b := a; b < d; b++ {
				db := mu[b] - l.mu[j*d+b]
				x := acc[t] - acc[1+a]*db - acc[1+b]*da + s0*da*db
				l.s1[a*d+b], l.s1[b*d+a] = x, x
				t++
			}
		}
		if m.variance == VarTied {
			for i, x := range l.s1 {
				l.s2[i] += x
			}
			continue
		}
		for i := range l.s1 {
			l.s1[i] /= s0
		}
		l.setVariance(dst, j, l.s1)
	}
	if m.variance == VarTied {
		for i := range l.s2 {
			l.s2[i] /= total
		}
		l.setVariance(dst, 0, l.s2)
	}
}

// updateMean sets mu to the maximiser of component j's part within the bound. In
// one dimension, and for diagonal covariances, that is the clamped mean. With a
// bound that is active and correlated coordinates it is a quadratic programme:
// cyclic coordinate ascent from the clamped old mean never lowers the objective.
func (l *mixLike) updateMean(mu []float64, j int) {
	m, d := l.m, l.m.dim
	step := 1 + d + m.nTri
	acc := l.acc[j*step : (j+1)*step]
	old := l.mu[j*d : (j+1)*d]
	active := false
	for a := range mu {
		free := old[a] + acc[1+a]/acc[0]
		mu[a] = min(max(free, -m.bound), m.bound)
		active = active || mu[a] != free
	}
	if !active || d == 1 || m.variance == VarDiag || m.variance == VarSpherical {
		return
	}
	inv := l.inverse(j)
	for a := range mu {
		l.mean[a] = old[a] + acc[1+a]/acc[0]
		mu[a] = old[a]
	}
	for range 50 {
		moved := false
		for a := range mu {
			s := 0.0
			for b := range mu {
				s += inv[a*d+b] * (l.mean[b] - mu[b])
			}
			x := min(max(mu[a]+s/inv[a*d+a], -m.bound), m.bound)
			moved = moved || math.Abs(x-mu[a]) > 1e-14*m.bound
			mu[a] = x
		}
		if !moved {
			return
		}
	}
}

// inverse returns Σ_j⁻¹ in l.s1.
func (l *mixLike) inverse(j int) []float64 {
	d := l.m.dim
	clear(l.s1)
	for a := range d {
		l.s1[a*d+a] = 1
		cholSolve(l.chol[j*d*d:(j+1)*d*d], l.s1[a*d:(a+1)*d], d)
	}
	return l.s1
}

// setVariance writes block j from the covariance s (dim×dim, overwritten), at or
// above the floor. Raising the eigenvalues of S^{-½} s S^{-½} that lie below the
// floor to it is the constrained maximiser.
func (l *mixLike) setVariance(dst []float64, j int, s []float64) {
	m, d, c := l.m, l.m.dim, l.scale
	out := dst[m.var0+j*m.perVar : m.var0+(j+1)*m.perVar]
	switch {
	case d == 1:
		out[0] = max(s[0], c.floor*c.cov[0])
	case m.variance == VarDiag:
		for a := range d {
			out[a] = max(s[a*d+a], c.floor*c.cov[a*d+a])
		}
	case m.variance == VarSpherical:
		var v float64
		for a := range d {
			v += s[a*d+a] / float64(d)
		}
		out[0] = max(v, c.sphericalFloor(d))
	default:
		if !c.above(s, d, l.eig) {
			c.raise(s, d, l.eig)
		}
		t := 0
		for a := range d {
			for b := a; b < d; b++ {
				out[t] = s[a*d+b]
				t++
			}
		}
	}
}

// sphericalFloor is the floor of a common variance: of the mean sample variance.
func (c *mixScale) sphericalFloor(d int) float64 {
	var v float64
	for a := range d {
		v += c.cov[a*d+a] / float64(d)
	}
	return c.floor * v
}

// Start proposes means at observations chosen one after the other with
// probability proportional to the squared distance from the nearest mean already
// chosen (k-means++), or, every other time, around the sample mean at a random
// distance, as EM from random responsibilities does: near a singular truth the
// best maximum lies there. Weights are random and kept away from 0.
func (l *mixLike) Start(dst []float64, rng *rand.Rand) {
	m := l.m
	checkLen(len(dst), len(m.params))
	var total float64
	for j := range m.k {
		l.ratio[j] = 1/float64(m.k) + rng.ExpFloat64()
		total += l.ratio[j]
	}
	for i := range m.k - 1 {
		dst[i] = l.ratio[i] / total
	}
	// The data's variance is split between and within components.
	within := 1 / float64(m.k*m.k)
	if rng.IntN(2) == 0 {
		l.spreadMeans(dst, rng)
	} else {
		within = 1
		l.nearMeans(dst, rng)
	}
	within = max(within*(0.5+rng.Float64()), m.floor)
	for i := m.mean0; i < m.var0; i++ {
		dst[i] = min(max(dst[i], -m.bound), m.bound)
	}
	for j := range m.blocks {
		for i, x := range l.scale.cov {
			l.s1[i] = within * x
		}
		l.setVariance(dst, j, l.s1)
	}
}

// spreadMeans chooses the means by k-means++ (Arthur and Vassilvitskii 2007),
// each among a few rows drawn at random, with distances in units of the sample's
// standard deviations.
func (l *mixLike) spreadMeans(dst []float64, rng *rand.Rand) {
	const tries = 16 // candidates for each further mean
	m, d := l.m, l.m.dim
	mean := func(j int) []float64 { return dst[m.mean0+j*d : m.mean0+(j+1)*d] }
	copy(mean(0), l.z.Y(rng.IntN(l.z.N)))
	var cand [tries]int
	var dist [tries]float64
	for j := 1; j < m.k; j++ {
		var total float64
		for c := range tries {
			cand[c] = rng.IntN(l.z.N)
			y := l.z.Y(cand[c])
			near := math.Inf(1)
			for i := range j {
				q := 0.0
				for a, x := range mean(i) {
					q += (y[a] - x) * (y[a] - x) / l.scale.cov[a*d+a]
				}
				near = min(near, q)
			}
			dist[c] = near
			total += near
		}
		pick, u := 0, rng.Float64()*total
		for pick < tries-1 && u >= dist[pick] {
			u -= dist[pick]
			pick++
		}
		copy(mean(j), l.z.Y(cand[pick]))
	}
}

// nearMeans puts the means around the sample mean at distances of order one
// standard deviation or less, on a logarithmic scale.
func (l *mixLike) nearMeans(dst []float64, rng *rand.Rand) {
	m, d := l.m, l.m.dim
	spread := math.Pow(10, -1.5*rng.Float64())
	for j := range m.k {
		for a := range d {
			sd := math.Sqrt(l.scale.cov[a*d+a])
			dst[m.mean0+j*d+a] = l.scale.mean[a] + spread*sd*rng.NormFloat64()
		}
	}
}

// Floored names the variance coordinates that sit on the floor.
func (l *mixLike) Floored(theta []float64) []string {
	m, d, c := l.m, l.m.dim, l.scale
	checkLen(len(theta), len(m.params))
	var names []string
	const slack = 1 + 1e-9
	for j := range m.blocks {
		at := m.var0 + j*m.perVar
		for i := range m.perVar {
			var on bool
			switch {
			case d == 1:
				on = theta[at] <= slack*c.floor*c.cov[0]
			case m.variance == VarDiag:
				on = theta[at+i] <= slack*c.floor*c.cov[i*d+i]
			case m.variance == VarSpherical:
				on = theta[at] <= slack*c.sphericalFloor(d)
			default:
				// Some direction: the whole block is named by its diagonal.
				m.covariance(l.s1, theta, j)
				on = m.params[at+i].Lo == 0 && c.smallest(l.s1, d, l.eig) <= (1+1e-6)*c.floor
			}
			if on {
				names = append(names, m.params[at+i].Name)
			}
		}
	}
	return slices.Clip(names)
}
