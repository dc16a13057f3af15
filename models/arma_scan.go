package models

import (
	"cmp"
	"math"
	"slices"

	"github.com/neuromanifold/neuromanifold/internal/vec"
)

// A Scanner finds its maxima roughly by a scan of the whole domain, which random
// starts cannot promise.
type Scanner interface {
	// Scan returns up to most points (d each, owned by the caller) near local maxima
	// of ℓ, highest first. There may be none.
	Scan(most int) [][]float64
}

// scanStep is the distance of the points of a scan on the scale artanh θ, on which the
// likelihood-ratio process of a redundant ARMA(1,1) is stationary with correlation
// 1/cosh of the distance (Veres, Lin. Alg. Appl. 92 (1987) 1): 0.97 between neighbours.
const scanStep = 0.25

// Scan implements Scanner: the local maxima, on a grid of θ up to where a root is
// within 1/(4n) of the unit circle, of ℓ maximised over φ and σ². Given θ the
// residuals from rest are linear in φ, e = w − φ Bw with w the series filtered by
// 1/(1 + θB), so that three points of φ on the kernel give the likelihood at all.
func (l *arma11) Scan(most int) [][]float64 {
	n := float64(l.z.N)
	half := int(math.Ceil((0.5*math.Log(2*n) + 0.7) / scanStep))
	size := 2*half + 1
	pts := make([]vec.ARMA11, 3*size)
	for i := range size {
		th := math.Tanh(scanStep * float64(i-half))
		for j := range 3 {
			pts[3*i+j] = vec.ARMA11{Phi: float64(j - 1), Theta: th}
		}
	}
	vec.ARMA11s(pts, l.z.V, l.v)
	type end struct{ phi, th, dev float64 }
	ends := make([]end, size)
	for i := range ends {
		r := newRestLine(pts[3*i:3*i+3], l.z.N, l.m.set.Var)
		phi, dev := r.minimum()
		ends[i] = end{phi, pts[3*i].Theta, dev}
	}
	var peaks []end
	for i, e := range ends {
		if math.IsNaN(e.dev) || i > 0 && !(e.dev < ends[i-1].dev) || i+1 < size && !(e.dev <= ends[i+1].dev) {
			continue
		}
		peaks = append(peaks, e)
	}
	slices.SortStableFunc(peaks, func(a, b end) int { return cmp.Compare(a.dev, b.dev) })
	var out [][]float64
	for _, e := range peaks[:min(most, len(peaks))] {
		theta := make([]float64, len(l.m.params))
		theta[0], theta[1] = e.phi, e.th
		if !math.IsInf(l.Profile(theta), -1) {
			out = append(out, theta)
		}
	}
	return out
}

// A restLine is the likelihood as a function of φ at one θ: Σ e² = a − 2φb + φ²c,
// Σ e h = e − φf.
type restLine struct {
	a, b, c, e, f float64
	hh, th, n     float64
	var0          float64 // the known variance, or 0
}

// newRestLine reads the coefficients off the sums at φ = −1, 0, 1.
func newRestLine(p []vec.ARMA11, n int, var0 float64) restLine {
	return restLine{
		a: p[1].SS, b: (p[0].SS - p[2].SS) / 4, c: 0.5*(p[0].SS+p[2].SS) - p[1].SS,
		e: p[1].EH, f: 0.5 * (p[0].EH - p[2].EH),
		hh: p[1].HH, th: p[1].Theta, n: float64(n), var0: var0,
	}
}

// deviance is −2ℓ less a constant.
func (r *restLine) deviance(phi float64) float64 {
	x := r.e - phi*r.f
	p := (phi + r.th) * (phi + r.th) / b2(phi)
	d := 1 + p*r.hh
	ss := r.a - phi*(2*r.b-phi*r.c) - p*x*x/d
	if r.var0 > 0 {
		return ss/r.var0 + math.Log(d)
	}
	return r.n*math.Log(ss) + math.Log(d)
}

// minimum is by Newton's method in u = artanh φ with derivatives by differences, from
// the least-squares estimate; a scan needs three digits.
func (r *restLine) minimum() (phi, dev float64) {
	const most = 6.0
	u := math.Atanh(max(-0.999, min(0.999, r.b/r.c)))
	f := r.deviance(math.Tanh(u))
	for range 8 {
		const eps = 1e-3
		up, dn := r.deviance(math.Tanh(u+eps)), r.deviance(math.Tanh(u-eps))
		g, h := (up-dn)/(2*eps), (up-2*f+dn)/(eps*eps)
		step := -g / math.Abs(h)
		step = max(-0.5, min(0.5, step))
		if !(math.Abs(step) > 1e-4) {
			break
		}
		v := max(-most, min(most, u+step))
		fv := r.deviance(math.Tanh(v))
		for k := 0; !(fv < f) && k < 4; k++ {
			v = 0.5 * (u + v)
			fv = r.deviance(math.Tanh(v))
		}
		if !(fv < f) {
			break
		}
		u, f = v, fv
	}
	return math.Tanh(u), f
}
