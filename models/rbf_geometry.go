package models

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// An rbfKernel is E g(x−a) g(x−b) under x ~ N(0, s²I) with units of width ω:
// per dimension, with A = 2/ω² + 1/s²,
//
//	(s√A)^{-1} exp(−(a²+b²)/(2ω²) + (a+b)²/(2ω⁴A)),
//
// and under the tilted law g(x−a)g(x−b)N(x; 0, s²) the input is normal with mean
// (a+b)/(ω²A) and variance 1/A. For ω = s = 1 the factor is
// 3^{-1/2} exp(−(a²+b²)/2 + (a+b)²/6).
type rbfKernel struct{ w2, prec, norm float64 }

func newRBFKernel(width, sd float64) rbfKernel {
	prec := 2/(width*width) + 1/(sd*sd)
	return rbfKernel{w2: width * width, prec: prec, norm: 1 / (sd * math.Sqrt(prec))}
}

// at returns the kernel; the tilted mean of dimension j is mean(a[j], b[j]).
func (k rbfKernel) at(a, b []float64) float64 {
	e, norm := 0.0, 1.0
	for j := range a {
		s := a[j] + b[j]
		e += -(a[j]*a[j]+b[j]*b[j])/(2*k.w2) + s*s/(2*k.w2*k.w2*k.prec)
		norm *= k.norm
	}
	return norm * math.Exp(e)
}

func (k rbfKernel) mean(a, b float64) float64 { return (a + b) / (k.w2 * k.prec) }

// Fisher implements Informer for normal inputs through the Gaussian integrals of
// rbfKernel.
func (m *RBF) Fisher() (func(dst *mat.SymDense, theta []float64) float64, Route) {
	law, ok := m.s.Inputs.(NormalLaw)
	if !ok {
		return nil, Exact
	}
	k := newRBFKernel(m.s.Width, law.SD)
	h, in := m.s.Hidden, m.s.In
	return func(dst *mat.SymDense, theta []float64) float64 {
		checkSym(dst, len(m.params))
		checkLen(len(theta), len(m.params))
		dst.Zero()
		v, s2 := m.weights(theta), m.variance(theta)
		for i := range h {
			a := m.centre(theta, i)
			for l := range h {
				b := m.centre(theta, l)
				e := k.at(a, b) / s2
				if l >= i {
					dst.SetSym(h*in+i, h*in+l, e)
				}
				for p := range in {
					da := (k.mean(a[p], b[p]) - a[p]) / k.w2
					dst.SetSym(i*in+p, h*in+l, v[i]*e*da)
					for q := range in {
						if l*in+q < i*in+p {
							continue
						}
						db := (k.mean(a[q], b[q]) - b[q]) / k.w2
						c := da * db
						if p == q {
							c += 1 / (k.w2 * k.w2 * k.prec)
						}
						dst.SetSym(i*in+p, l*in+q, v[i]*v[l]*e*c)
					}
				}
			}
		}
		if m.s.FreeSigma {
			d := len(m.params)
			dst.SetSym(d-1, d-1, 1/(2*s2*s2))
		}
		return 0
	}, Exact
}

// FisherFactor implements Factorer for normal inputs in one or two dimensions:
// rows √w_q ∇f(x_q)/σ at the nodes of a trapezoid rule. The integrands are
// polynomials times Gaussians of variance at least 1/A per dimension, for which a
// step of 0.5/√A has a relative error of 2 exp(−2π²/0.25) < 1e-33.
func (m *RBF) FisherFactor() (func(theta []float64) *mat.Dense, Route) {
	law, ok := m.s.Inputs.(NormalLaw)
	if !ok || m.s.In > 2 {
		return nil, Quadrature
	}
	k := newRBFKernel(m.s.Width, law.SD)
	step := 0.5 / math.Sqrt(k.prec)
	reach := int(math.Ceil(9 * law.SD / step))
	nodes := 2*reach + 1
	rows := nodes
	if m.s.In == 2 {
		rows *= nodes
	}
	if m.s.FreeSigma {
		rows++
	}
	r := mat.NewDense(rows, len(m.params), nil)
	x := make([]float64, m.s.In)
	return func(theta []float64) *mat.Dense {
		checkLen(len(theta), len(m.params))
		sd := math.Sqrt(m.variance(theta))
		r.Zero()
		row := 0
		emit := func(w float64) {
			g := r.RawRowView(row)
			m.output(g, theta, x)
			w = math.Sqrt(w) / sd
			for j := range m.s.Hidden * (m.s.In + 1) {
				g[j] *= w
			}
			row++
		}
		for i := -reach; i <= reach; i++ {
			x[0] = float64(i) * step
			w := step / law.SD * math.Exp(-x[0]*x[0]/(2*law.SD*law.SD)-halfLog2Pi)
			if m.s.In == 1 {
				emit(w)
				continue
			}
			for j := -reach; j <= reach; j++ {
				x[1] = float64(j) * step
				emit(w * step / law.SD * math.Exp(-x[1]*x[1]/(2*law.SD*law.SD)-halfLog2Pi))
			}
		}
		if m.s.FreeSigma {
			r.Set(row, len(m.params)-1, 1/(math.Sqrt2*sd*sd))
		}
		return r
	}, Quadrature
}

// FisherAt implements PointInformer.
func (m *RBF) FisherAt(dst *mat.SymDense, theta, x []float64) {
	checkLen(len(x), m.s.In)
	checkSym(dst, len(m.params))
	g := make([]float64, len(m.params))
	m.output(g, theta, x)
	s2 := m.variance(theta)
	for i := range g {
		for j := i; j < len(g); j++ {
			dst.SetSym(i, j, g[i]*g[j]/s2)
		}
	}
	if d := len(g); m.s.FreeSigma {
		dst.SetSym(d-1, d-1, 1/(2*s2*s2))
	}
}

// Strata returns overlap(i,j) and elimination(i).
func (m *RBF) Strata() []Stratum {
	h, in, d := m.s.Hidden, m.s.In, len(m.params)
	var out []Stratum
	for i := range h {
		for j := i + 1; j < h; j++ {
			out = append(out, Stratum{
				Name: fmt.Sprintf("overlap(%d,%d)", i+1, j+1), Codim: in,
				Doc: fmt.Sprintf("c%d = c%d: only v%d + v%d has an effect", i+1, j+1, i+1, j+1),
				Distance: func(theta []float64) float64 {
					s := 0.0
					for k := range in {
						u := theta[i*in+k] - theta[j*in+k]
						s += u * u
					}
					return math.Sqrt(s / 2)
				},
				Project: func(dst, theta []float64) {
					copy(dst, theta)
					for k := range in {
						mid := (theta[i*in+k] + theta[j*in+k]) / 2
						dst[i*in+k], dst[j*in+k] = mid, mid
					}
				},
				Tangent: func([]float64) *mat.Dense {
					t := mat.NewDense(d, 1, nil)
					t.Set(h*in+i, 0, 1)
					t.Set(h*in+j, 0, -1)
					return t
				},
			})
		}
	}
	for i := range h {
		out = append(out, Stratum{
			Name: fmt.Sprintf("elimination(%d)", i+1), Codim: 1,
			Doc:      fmt.Sprintf("v%d = 0: c%d has no effect", i+1, i+1),
			Distance: func(theta []float64) float64 { return math.Abs(theta[h*in+i]) },
			Project: func(dst, theta []float64) {
				copy(dst, theta)
				dst[h*in+i] = 0
			},
			Tangent: func([]float64) *mat.Dense {
				t := mat.NewDense(d, in, nil)
				for k := range in {
					t.Set(i*in+k, k, 1)
				}
				return t
			},
		})
	}
	return out
}

// sameCentre reports whether units i and j have one centre.
func (m *RBF) sameCentre(theta []float64, i, j int) bool {
	b := m.centre(theta, j)
	for k, v := range m.centre(theta, i) {
		if math.Abs(v-b[k]) > sameUnit*(1+math.Abs(v)) {
			return false
		}
	}
	return true
}

// reduced returns the number of distinct centres whose weights do not cancel.
func (m *RBF) reduced(theta []float64) int {
	n := 0
	v := m.weights(theta)
next:
	for i := range m.s.Hidden {
		sum, size := 0.0, 0.0
		for j := range m.s.Hidden {
			if !m.sameCentre(theta, i, j) {
				continue
			}
			if j < i {
				continue next
			}
			sum += v[j]
			size += math.Abs(v[j])
		}
		if math.Abs(sum) > sameUnit*size {
			n++
		}
	}
	return n
}

// RLCT implements KnownRLCT. With h units in d dimensions, of which the truth
// needs r: r = h is regular. One unit on a truth 0 has the smooth zero set v = 0;
// two units on a truth 0 have K comparable to (v₁+v₂)² + v₁²|u|², u = c₁ − c₂: 1,
// with m = 2 for d = 1. Two units on a truth of one: the sum of the weights and
// the mean centre are regular and the remainder is (v₁v₂|u|²)²: (d+1)/2 +
// min(1/2, d/4), with m = 2 for d = 2. All derived here, from the linear
// independence of a Gaussian and its derivatives. Elsewhere it is the bound with
// each surplus unit on its own at an overlap or an elimination.
func (m *RBF) RLCT(truth []float64, prior PriorShape) (Coefficient, bool) {
	checkLen(len(truth), len(m.params))
	if prior != (PriorShape{}) {
		return Coefficient{}, false
	}
	var c Coefficient
	h, in, r := m.s.Hidden, m.s.In, m.reduced(truth)
	switch {
	case r == h:
		c = RegularCoefficient(h * (in + 1))
	case h == 1:
		c = RegularCoefficient(1)
	case h == 2 && r == 0:
		c = SumCoefficient(RegularCoefficient(1), ProductCoefficient(RegularCoefficient(1), RegularCoefficient(in)))
		c.Ref = "derived here: (v₁+v₂)² + v₁²|u|²"
	case h == 2:
		c = twoUnitsOnOne(in)
	default:
		each := 0.5
		if r > 0 {
			each = min(0.5, float64(in)/4)
		}
		c = Coefficient{Lambda: float64(r*(in+1))/2 + float64(h-r)*each, Kind: UpperBound, Ref: "bound: each surplus unit on an overlap or eliminated"}
	}
	if m.s.FreeSigma {
		c.Lambda += 0.5
	}
	return c, true
}

// Embed implements Nester for fewer units of the same kind: the last unit of sub
// is repeated with its weight shared equally.
func (m *RBF) Embed(dst []float64, sub Model, subTheta []float64) bool {
	s, ok := sub.(*RBF)
	if !ok || s.s.In != m.s.In || s.s.Width != m.s.Width || s.s.Hidden > m.s.Hidden || s.s.FreeSigma && !m.s.FreeSigma ||
		!m.s.FreeSigma && s.s.Sigma != m.s.Sigma {
		return false
	}
	checkLen(len(dst), len(m.params))
	checkLen(len(subTheta), len(s.params))
	hs := s.s.Hidden
	v := m.weights(dst)
	for i := range m.s.Hidden {
		u := min(i, hs-1)
		copy(m.centre(dst, i), s.centre(subTheta, u))
		v[i] = s.weights(subTheta)[u]
		if u == hs-1 {
			v[i] /= float64(m.s.Hidden - hs + 1)
		}
	}
	if m.s.FreeSigma {
		dst[len(dst)-1] = s.variance(subTheta)
	}
	return true
}
