package estimation

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"
)

// maxPriorOrder bounds scratch on the stack; families stop far below it.
const maxPriorOrder = 64

// stationary says whether 1 − Σ a_i z^i, a = sign·coef, has all its roots outside
// the unit circle: the backward Levinson recursion, all |κ| < 1.
func stationary(coef []float64, sign float64) bool {
	var buf [maxPriorOrder]float64
	a := buf[:len(coef)]
	for i, c := range coef {
		a[i] = sign * c
	}
	for k := len(a); k > 0; k-- {
		r := a[k-1]
		if !(math.Abs(r) < 1) {
			return false
		}
		w := 1 / ((1 - r) * (1 + r))
		for i, j := 0, k-2; i <= j; i, j = i+1, j-1 {
			x, y := a[i], a[j]
			a[i] = (x + r*y) * w
			a[j] = (y + r*x) * w
		}
	}
	return true
}

// sampleStationary fills x with coefficients uniform over the region, through the
// partial autocorrelations (Jones 1987): (1+r_k)/2 ~ Beta.
func sampleStationary(x []float64, sign float64, rng *rand.Rand) {
	for k := 1; k <= len(x); k++ {
		a, b := partialBeta(k)
		r := 2*distuv.Beta{Alpha: a, Beta: b, Src: rng}.Rand() - 1
		for i, j := 0, k-2; i <= j; i, j = i+1, j-1 {
			u, v := x[i], x[j]
			x[i] = u - r*v
			x[j] = v - r*u
		}
		x[k-1] = r
	}
	for i := range x {
		x[i] *= sign
	}
}

// inverseWishartKernel is −½(ν+d+1) log|Σ| − ½ tr(SΣ⁻¹), and -Inf where Σ, given
// by its upper triangle, is not positive definite.
func inverseWishartKernel(tri []float64, nu float64, scale []float64) float64 {
	d := triangleOrder(len(tri))
	var buf [2 * 64]float64
	var l, col []float64
	if d*d <= 64 {
		l, col = buf[:d*d], buf[64:64+d]
	} else {
		l, col = make([]float64, d*d), make([]float64, d)
	}
	t := 0
	for a := range d {
		for b := a; b < d; b++ {
			l[b*d+a] = tri[t]
			t++
		}
	}
	var logDet float64
	for a := range d {
		for b := a; b < d; b++ {
			s := l[b*d+a]
			for c := range a {
				s -= l[b*d+c] * l[a*d+c]
			}
			if a == b {
				if !(s > 0) {
					return math.Inf(-1)
				}
				l[a*d+a] = math.Sqrt(s)
				logDet += math.Log(s)
			} else {
				l[b*d+a] = s / l[a*d+a]
			}
		}
	}
	// tr(SΣ⁻¹) = Σ_c e_cᵀ Σ⁻¹ S e_c, one solve for every column of S.
	var trace float64
	for c := range d {
		for i := range d {
			col[i] = scale[i*d+c]
		}
		for i := range d {
			for j := range i {
				col[i] -= l[i*d+j] * col[j]
			}
			col[i] /= l[i*d+i]
		}
		for i := d - 1; i >= c; i-- {
			for j := i + 1; j < d; j++ {
				col[i] -= l[j*d+i] * col[j]
			}
			col[i] /= l[i*d+i]
		}
		trace += col[c]
	}
	return -0.5*(nu+float64(d)+1)*logDet - 0.5*trace
}

// sampleInverseWishart draws Σ = W⁻¹, W ~ Wishart(ν, S⁻¹), by Bartlett's
// decomposition: with S = LLᵀ and T lower triangular, W⁻¹ = L T⁻ᵀ T⁻¹ Lᵀ.
func (p *BlockPrior) sampleInverseWishart(i int, tri []float64, rng *rand.Rand) {
	b := &p.blocks[i]
	d := triangleOrder(b.N)
	t := mat.NewTriDense(d, mat.Lower, nil)
	var inv mat.TriDense
	for ok := false; !ok; { // again where a χ² of tiny degrees of freedom underflows
		for r := range d {
			for c := range r {
				t.SetTri(r, c, rng.NormFloat64())
			}
			t.SetTri(r, r, math.Sqrt(distuv.ChiSquared{K: b.A - float64(r), Src: rng}.Rand()))
		}
		inv.Reset()
		ok = inv.InverseTri(t) == nil
	}
	var l mat.TriDense
	p.chol[i].LTo(&l)
	var f, s mat.Dense
	f.Mul(&l, inv.T())
	s.Mul(&f, f.T())
	k := 0
	for a := range d {
		for c := a; c < d; c++ {
			tri[k] = s.At(a, c)
			k++
		}
	}
}
