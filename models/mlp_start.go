package models

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
)

// mlpStart holds what starts take from the data, and the scratch of the least
// squares in the output weights.
type mlpStart struct {
	rms  []float64 // in: spread of each input, never 0
	yRMS float64
	gram *mat.SymDense // rowOut×rowOut
	rhs  *mat.Dense    // rowOut×out
	sol  *mat.Dense
	chol mat.Cholesky
}

func newMLPStart(l *mlpLike) *mlpStart {
	m, z := l.m, l.z
	s := &mlpStart{
		rms:  make([]float64, m.s.In),
		gram: mat.NewSymDense(m.rowOut, nil),
		rhs:  mat.NewDense(m.rowOut, m.s.Out, nil),
		sol:  mat.NewDense(m.rowOut, m.s.Out, nil),
	}
	total := 0.0
	for t := range z.N {
		w := l.weight(t)
		total += w
		for k, v := range z.X(t) {
			s.rms[k] += w * v * v
		}
		for _, v := range z.Y(t) {
			s.yRMS += w * v * v
		}
	}
	fix := func(sum float64) float64 {
		if r := math.Sqrt(sum / total); r > 0 && !math.IsInf(r, 0) {
			return r
		}
		return 1
	}
	for k := range s.rms {
		s.rms[k] = fix(s.rms[k])
	}
	s.yRMS = fix(s.yRMS / float64(m.s.Out))
	return s
}

// Start implements Starter: input weights at random, from nearly linear to
// nearly step-like units over the spread of the inputs, each bias such that the
// unit turns at a point of the data; then the output weights by least squares,
// which profiles out the coordinates in which the model is linear. One start in
// four lies near θ = 0 instead, where the singular sets meet.
func (l *mlpLike) Start(dst []float64, rng *rand.Rand) {
	m := l.m
	checkLen(len(dst), len(m.params))
	if l.start == nil {
		l.start = newMLPStart(l)
	}
	s := l.start
	nearZero := rng.IntN(4) == 0
	for i := range m.s.Hidden {
		// Gains from 0.2 to 5 cover units from linear to saturated.
		gain := math.Exp(math.Log(5) * (2*rng.Float64() - 1))
		if nearZero {
			gain = 0.1
		}
		w := m.unit(dst, i)
		for k := range m.s.In {
			w[k] = gain * rng.NormFloat64() / (s.rms[k] * math.Sqrt(float64(m.s.In)))
		}
		if m.s.Bias {
			w[m.s.In] = 0
			for k, v := range l.z.X(rng.IntN(l.z.N)) {
				w[m.s.In] -= w[k] * v
			}
		}
	}
	if nearZero {
		for j := m.offOut; j < m.net; j++ {
			dst[j] = 0.1 * s.yRMS * rng.NormFloat64()
		}
	} else {
		l.fitOutputs(dst)
	}
	if m.s.FreeSigma {
		dst[m.net] = 1
		rss, total := 0.0, 0.0
		for t := range l.z.N {
			w := l.weight(t)
			rss += w * l.rss(dst, t)
			total += w
		}
		// The floor keeps a network that interpolates the data inside the domain.
		dst[m.net] = max(rss/(total*float64(m.s.Out)), 1e-6*s.yRMS*s.yRMS)
	}
}

// fitOutputs fills v (and c) of θ with the least-squares solution given w, with
// a ridge of 1e-8 of the mean square so that units that almost coincide get
// bounded weights.
func (l *mlpLike) fitOutputs(theta []float64) {
	m, s := l.m, l.start
	s.gram.Zero()
	s.rhs.Zero()
	g := s.gram.RawSymmetric()
	p := m.rowOut
	h := l.g[:p] // d ≥ rowOut: reused as the row of regressors
	for t := range l.z.N {
		w := l.weight(t)
		m.activate(l.phi, theta, l.z.X(t))
		m.s.Act.value(l.phi)
		copy(h, l.phi)
		if m.s.Bias {
			h[p-1] = 1
		}
		for i, a := range h {
			a *= w
			row := g.Data[i*g.Stride : i*g.Stride+p]
			for j := i; j < p; j++ {
				row[j] += a * h[j]
			}
			for o, y := range l.z.Y(t) {
				s.rhs.Set(i, o, s.rhs.At(i, o)+a*y)
			}
		}
	}
	trace := 0.0
	for i := range p {
		trace += g.Data[i*g.Stride+i]
	}
	ridge := 1e-8*trace/float64(p) + math.SmallestNonzeroFloat64
	for i := range p {
		g.Data[i*g.Stride+i] += ridge
	}
	if !s.chol.Factorize(s.gram) || s.chol.SolveTo(s.sol, s.rhs) != nil && !finiteDense(s.sol) {
		s.sol.Zero() // all units dead on all data: any output weights fit alike
	}
	for o := range m.s.Out {
		v := m.output(theta, o)
		for i := range v {
			v[i] = s.sol.At(i, o)
		}
	}
}

func finiteDense(a *mat.Dense) bool {
	r, c := a.Dims()
	for i := range r {
		for j := range c {
			if v := a.At(i, j); v-v != 0 {
				return false
			}
		}
	}
	return true
}
