package singular

import (
	"math"

	"gonum.org/v1/gonum/integrate/quad"
	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

// newInputAverage returns a function that averages the elemental information of
// pi over law into dst and returns an error estimate, or nil if the law has no
// deterministic rule here.
func newInputAverage(pi models.PointInformer, law models.Law, d int) func(dst *mat.SymDense, theta []float64) float64 {
	switch law := law.(type) {
	case models.NormalLaw:
		switch law.P {
		case 1:
			// Beyond nine standard deviations lies mass 2e-19.
			density := func(x float64) float64 {
				u := x / law.SD
				return math.Exp(-u*u/2) / (math.Sqrt(2*math.Pi) * law.SD)
			}
			return newAdaptiveAverage(pi, d, -9*law.SD, 9*law.SD, density)
		case 2:
			// The Hermite weight is e^{-x²}.
			fine, coarse := hermiteRule(40, law.SD), hermiteRule(28, law.SD)
			return newProductAverage(pi, d, fine, coarse)
		}
	case models.UniformLaw:
		h := math.Sqrt(3) * law.SD
		switch law.P {
		case 1:
			return newAdaptiveAverage(pi, d, -h, h, func(float64) float64 { return 1 / (2 * h) })
		case 2:
			return newProductAverage(pi, d, legendreRule(32, h), legendreRule(22, h))
		}
	}
	return nil
}

// A rule1 is a quadrature rule on the line with weights that sum to 1.
type rule1 struct{ x, w []float64 }

func hermiteRule(n int, sd float64) rule1 {
	r := rule1{make([]float64, n), make([]float64, n)}
	quad.Hermite{}.FixedLocations(r.x, r.w, math.Inf(-1), math.Inf(1))
	for i := range r.x {
		r.x[i] *= math.Sqrt2 * sd
		r.w[i] /= math.Sqrt(math.Pi)
	}
	return r
}

func legendreRule(n int, h float64) rule1 {
	r := rule1{make([]float64, n), make([]float64, n)}
	quad.Legendre{}.FixedLocations(r.x, r.w, -h, h)
	for i := range r.w {
		r.w[i] /= 2 * h
	}
	return r
}

// newProductAverage averages over two inputs with the product of a rule with
// itself. The error estimate is the largest difference from a coarser rule,
// which is about the error of the coarser one and so errs on the safe side.
func newProductAverage(pi models.PointInformer, d int, fine, coarse rule1) func(dst *mat.SymDense, theta []float64) float64 {
	one, rough := mat.NewSymDense(d, nil), mat.NewSymDense(d, nil)
	x := make([]float64, 2)
	sum := func(dst *mat.SymDense, theta []float64, r rule1) {
		dst.Zero()
		for i := range r.x {
			for j := range r.x {
				x[0], x[1] = r.x[i], r.x[j]
				pi.FisherAt(one, theta, x)
				addScaledSym(dst, r.w[i]*r.w[j], one)
			}
		}
	}
	return func(dst *mat.SymDense, theta []float64) float64 {
		sum(rough, theta, coarse)
		sum(dst, theta, fine)
		return maxDiffSym(dst, rough)
	}
}

// Nodes and weights of the 7-point Gauss rule inside the 15-point Kronrod rule
// on [-1, 1] (Piessens et al., QUADPACK, Springer 1983, routine qk15). The Gauss
// nodes are the Kronrod nodes of odd index.
var (
	kronrodX = [8]float64{0.991455371120812639206854697526329, 0.949107912342758524526189684047851, 0.864864423359769072789712788640926, 0.741531185599394439863864773280788, 0.586087235467691130294144691258600, 0.405845151377397166906606412076961, 0.207784955007898467600689403773245, 0}
	kronrodW = [8]float64{0.022935322010529224963732008058970, 0.063092092629978553290700663189204, 0.104790010322250183839876322541518, 0.140653259715525918745189590510238, 0.169004726639267902826583426598550, 0.190350578064785409913256402421014, 0.204432940075298892414161999234649, 0.209482141084727828012999174891714}
	gaussW   = [4]float64{0.129484966168869693270611432679082, 0.279705391489276667901467771423780, 0.381830050505118944950369775488975, 0.417959183673469387755102040816327}
)

const (
	startPanels = 12
	maxDepth    = 30    // halvings of a starting panel: a kink is then 1e-10 wide
	averageTol  = 1e-12 // of the largest entry, for one panel
)

// newAdaptiveAverage averages over one input on [lo, hi] by Gauss-Kronrod panels,
// halved where the two rules differ, so that kinks (ReLU units) cost panels, not
// digits. Panels are visited from left to right. The error estimate is the sum
// of the differences between the rules, which bounds the error of the Kronrod
// rule from far above for smooth integrands.
func newAdaptiveAverage(pi models.PointInformer, d int, lo, hi float64, density func(float64) float64) func(dst *mat.SymDense, theta []float64) float64 {
	one, kron, gauss := mat.NewSymDense(d, nil), mat.NewSymDense(d, nil), mat.NewSymDense(d, nil)
	x := make([]float64, 1)
	panel := func(theta []float64, a, b float64) {
		kron.Zero()
		gauss.Zero()
		mid, half := (a+b)/2, (b-a)/2
		for i := range kronrodX {
			for _, sign := range [2]float64{-1, 1} {
				if i == 7 && sign > 0 {
					continue
				}
				x[0] = mid + sign*half*kronrodX[i]
				p := density(x[0]) * half
				pi.FisherAt(one, theta, x)
				addScaledSym(kron, p*kronrodW[i], one)
				if i%2 == 1 {
					addScaledSym(gauss, p*gaussW[i/2], one)
				}
			}
		}
	}
	type span struct {
		a, b  float64
		depth int
	}
	stack := make([]span, 0, startPanels+maxDepth+1)
	return func(dst *mat.SymDense, theta []float64) (errBound float64) {
		dst.Zero()
		scale := 0.0
		stack = stack[:0]
		width := (hi - lo) / startPanels
		for i := startPanels - 1; i >= 0; i-- {
			a := lo + float64(i)*width
			stack = append(stack, span{a, a + width, 0})
			panel(theta, a, a+width)
			scale = max(scale, maxAbsSym(kron))
		}
		for len(stack) > 0 {
			s := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			panel(theta, s.a, s.b)
			e := maxDiffSym(kron, gauss)
			if e > averageTol*scale && s.depth < maxDepth {
				mid := (s.a + s.b) / 2
				stack = append(stack, span{mid, s.b, s.depth + 1}, span{s.a, mid, s.depth + 1})
				continue
			}
			addScaledSym(dst, 1, kron)
			errBound += e
		}
		return errBound
	}
}

// maxDiffSym returns max |a_ij − b_ij|; NaN if an entry is.
func maxDiffSym(a, b *mat.SymDense) float64 {
	x, y := a.RawSymmetric(), b.RawSymmetric()
	m := 0.0
	for i := range x.N {
		for j := i; j < x.N; j++ {
			m = max(m, math.Abs(x.Data[i*x.Stride+j]-y.Data[i*y.Stride+j]))
		}
	}
	return m
}

// maxAbsSym returns max |a_ij|; NaN if an entry is.
func maxAbsSym(a *mat.SymDense) float64 {
	x := a.RawSymmetric()
	m := 0.0
	for i := range x.N {
		for j := i; j < x.N; j++ {
			m = max(m, math.Abs(x.Data[i*x.Stride+j]))
		}
	}
	return m
}
