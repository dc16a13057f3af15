package design

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// moments holds mean and covariance of the response of one subject and their
// derivatives by θ in natural coordinates.
type moments struct {
	k, m  int
	mean  []float64 // k
	cov   []float64 // k×k, symmetric
	dMean []float64 // m×k: row a is ∂E/∂θ_a
	dCov  []float64 // m×k×k: block a is ∂S/∂θ_a, symmetric

	inv, tmp []float64 // k×k: L⁻¹ of S = LLᵀ; scratch
	z        []float64 // m × (k + k(k+1)/2): the factor
	white    []float64 // k
	flat     []bool    // m: ∂S/∂θ_a is zero
}

func (g *moments) resize(k, m int) {
	g.k, g.m = k, m
	g.mean, g.white = grow(g.mean, k), grow(g.white, k)
	g.cov, g.inv, g.tmp = grow(g.cov, k*k), grow(g.inv, k*k), grow(g.tmp, k*k)
	g.dMean, g.dCov = grow(g.dMean, m*k), grow(g.dCov, m*k*k)
	g.z = grow(g.z, m*(k+k*(k+1)/2))
	if cap(g.flat) < m {
		g.flat = make([]bool, m)
	}
	g.flat = g.flat[:m]
	clear(g.flat)
	clear(g.dMean)
	clear(g.dCov)
}

func grow(s []float64, n int) []float64 {
	if cap(s) < n {
		return make([]float64, n)
	}
	return s[:n]
}

// cholesky sets inv = L⁻¹ (lower triangle) and reports whether S is positive
// definite.
func (g *moments) cholesky() bool {
	k, l := g.k, g.tmp
	for i := range k {
		for j := range i + 1 {
			v := g.cov[i*k+j]
			for c := range j {
				v -= l[i*k+c] * l[j*k+c]
			}
			if i == j {
				if !(v > 1e-15*g.cov[i*k+i]) {
					return false
				}
				l[i*k+i] = math.Sqrt(v)
			} else {
				l[i*k+j] = v / l[j*k+j]
			}
		}
	}
	for j := range k {
		g.inv[j*k+j] = 1 / l[j*k+j]
		for i := j + 1; i < k; i++ {
			var v float64
			for c := j; c < i; c++ {
				v -= l[i*k+c] * g.inv[c*k+j]
			}
			g.inv[i*k+j] = v / l[i*k+i]
		}
	}
	return true
}

// factor fills z with a factor of the information of a Gaussian with these
// moments: row a is (L⁻¹∂E/∂θ_a, L⁻¹(∂S/∂θ_a)L⁻ᵀ/√2 as a packed symmetric matrix
// with its off-diagonal entries times √2), and the information
//
//	μ_ab = ∂E_aᵀ S⁻¹ ∂E_b + ½ tr S⁻¹ ∂S_a S⁻¹ ∂S_b
//
// is the inner product of rows a and b. The number of columns, k + k(k+1)/2,
// bounds the rank of what k samples of one subject can tell.
func (g *moments) factor() bool {
	if !g.cholesky() {
		return false
	}
	k := g.k
	width := k + k*(k+1)/2
	for a := range g.m {
		z := g.z[a*width : (a+1)*width]
		dm := g.dMean[a*k : (a+1)*k]
		for i := range k {
			var v float64
			for c, x := range g.inv[i*k : i*k+i+1] {
				v += x * dm[c]
			}
			z[i] = v
		}
		if g.flat[a] {
			clear(z[k:])
			continue
		}
		g.whiten(z[k:], g.dCov[a*k*k:(a+1)*k*k])
	}
	return true
}

// whiten packs L⁻¹ d L⁻ᵀ.
func (g *moments) whiten(dst, d []float64) {
	k := g.k
	pos := 0
	t := g.white
	for i := range k {
		row := g.inv[i*k : i*k+i+1]
		clear(t)
		for c, x := range row { // t = row i of L⁻¹ d
			for e, y := range d[c*k : c*k+i+1] {
				t[e] += x * y
			}
		}
		for j := range i + 1 {
			var v float64
			for e, x := range g.inv[j*k : j*k+j+1] {
				v += t[e] * x
			}
			if j == i {
				v *= math.Sqrt2 / 2
			}
			dst[pos] = v
			pos++
		}
	}
}

// information writes the products of the rows of the factor into dst. cols, if
// not nil, says over which columns: the first k are those of the mean.
func (g *moments) information(dst *mat.SymDense, cols func(a, b int) (lo, hi int)) {
	width := g.k + g.k*(g.k+1)/2
	for a := range g.m {
		za := g.z[a*width : (a+1)*width]
		for b := a; b < g.m; b++ {
			lo, hi := 0, width
			if cols != nil {
				lo, hi = cols(a, b)
			}
			zb := g.z[b*width : (b+1)*width]
			zb = zb[:len(za)]
			var v float64
			for i := lo; i < hi; i++ {
				v += za[i] * zb[i]
			}
			dst.SetSym(a, b, v)
		}
	}
}
