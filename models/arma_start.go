package models

import (
	"math"
	"math/rand/v2"
)

// armaStart holds the estimates that random starts scatter around.
type armaStart struct {
	free []float64 // Hannan and Rissanen's (φ, θ) in free coordinates
	tmp  []float64
}

// Start fills dst with a random start inside the domain, mean and σ² profiled.
// One in three starts is Hannan and Rissanen's regression estimate (Biometrika
// 69 (1982) 81), two in three of these with a normal perturbation of the free
// coordinates; one in three has uniform partial autocorrelations; one in three
// lies near a cancellation of all factors that can cancel, where the maxima of a
// redundant model are, with roots up to the unit circle.
func (l *ARMALikelihood) Start(dst []float64, rng *rand.Rand) {
	m := l.m
	checkLen(len(dst), len(m.params))
	if l.h == nil {
		l.h = l.newStart()
	}
	p, q := m.p, m.q
	u := l.h.tmp
	switch rng.IntN(3) {
	case 0:
		copy(u, l.h.free)
		if rng.IntN(3) > 0 {
			for i := range p + q {
				u[i] += 0.4 * rng.NormFloat64()
			}
		}
	case 1:
		for i := range p + q {
			u[i] = math.Atanh(1.96*rng.Float64() - 0.98)
		}
	default:
		// a = φ and a = −θ have the same free coordinates but for the sign that
		// ToFree gives the MA part. Those near the circle are drawn on the scale
		// artanh, in which the likelihood-ratio process is stationary.
		for i := range max(p, q) {
			c := 6*rng.Float64() - 3
			if i < p {
				u[i] = c + 0.25*rng.NormFloat64()
			}
			if i < q {
				u[p+i] = -c + 0.25*rng.NormFloat64()
			}
		}
	}
	m.putTail(u, 0, 0)
	m.FromFree(dst, u)
	if math.IsInf(l.Profile(dst), -1) {
		clear(dst[:p+q])
		l.Profile(dst)
	}
}

// newStart computes Hannan and Rissanen's estimate: residuals of a long
// autoregression, then a regression of the series on its own lags and theirs.
func (l *ARMALikelihood) newStart() *armaStart {
	m, n := l.m, l.z.N
	h := &armaStart{free: make([]float64, len(m.params)), tmp: make([]float64, len(m.params))}
	k := m.p + m.q
	long := max(m.p+m.q, int(math.Round(10*math.Log10(float64(n)))))
	if k == 0 || n < 4*(long+k)/3+k {
		return h
	}
	y := make([]float64, n)
	mean := 0.0
	if m.set.Mean {
		for _, x := range l.z.V {
			mean += x / float64(n)
		}
	}
	scale := 0.0
	for t, x := range l.z.V {
		y[t] = x - mean
		scale = max(scale, math.Abs(y[t]))
	}
	if scale == 0 || math.IsInf(scale, 0) {
		return h
	}
	for t := range y {
		y[t] /= scale
	}
	a := yuleWalker(y, long)
	e := make([]float64, n)
	armaChain(e, y, long, a, nil)
	// Normal equations, with a ridge at rounding level: a start needs no more.
	xx, piv, b, row := make([]float64, k*k), make([]int, k), make([]float64, k), make([]float64, k)
	for t := long + m.q; t < n; t++ {
		for i := range m.p {
			row[i] = y[t-1-i]
		}
		for j := range m.q {
			row[m.p+j] = e[t-1-j]
		}
		for i, r := range row {
			b[i] += r * y[t]
			for j, s := range row {
				xx[i*k+j] += r * s
			}
		}
	}
	for i := range k {
		xx[i*k+i] *= 1 + 1e-9
	}
	if !luFactor(xx, piv) {
		return h
	}
	luSolve(xx, piv, b)
	shrinkInside(b[:m.p], 1)
	shrinkInside(b[m.p:], -1)
	copy(h.tmp, b)
	m.putTail(h.tmp, 0, 1)
	m.ToFree(h.free, h.tmp)
	return h
}

// shrinkInside multiplies all roots by 0.95 until the largest partial
// autocorrelation is below 0.98.
func shrinkInside(coef []float64, sign float64) {
	var kap [maxARMAOrder]float64
	for range 500 {
		ok := partialsOf(kap[:len(coef)], coef, sign) == 0
		for _, x := range kap[:len(coef)] {
			ok = ok && math.Abs(x) < 0.98
		}
		if ok {
			return
		}
		f := 1.0
		for i := range coef {
			f *= 0.95
			coef[i] *= f
		}
	}
	clear(coef)
}

// yuleWalker returns the coefficients of an autoregression of the given order
// by Durbin and Levinson's recursion on the sample autocovariances.
func yuleWalker(y []float64, order int) []float64 {
	g := make([]float64, order+1)
	for k := range g {
		g[k] = dot4(y[k:], y[:len(y)-k])
	}
	a := make([]float64, order)
	s := g[0]
	for k := range order {
		r := g[k+1]
		for i := range k {
			r -= a[i] * g[k-i]
		}
		r /= s
		if !(math.Abs(r) < 1) {
			break
		}
		stepUp(a[:k], r)
		a[k] = r
		s *= (1 - r) * (1 + r)
	}
	return a
}
