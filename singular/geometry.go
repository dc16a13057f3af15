package singular

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

// A Geometry says what is singular about a model at a parameter.
type Geometry struct {
	Params []string  // names of the coordinates
	Theta  []float64 // θ, as given
	Info   Information
	*Spectrum
	Strata []StratumAt
	// Tangent spans the part of the null space that is tangent to the set of
	// parameters with the same law, as the strata on which θ lies know it; Extra
	// spans the rest of the null space: directions that change the law only in
	// higher order. Their columns are orthonormal (d × number); nil if empty.
	Tangent, Extra *mat.Dense
	// RLCT is the learning coefficient with θ as the truth under a smooth
	// positive prior; nil where nothing is proved, and then Refusal says why.
	RLCT    *models.Coefficient
	Refusal string
}

// A StratumAt is a stratum of the model as seen from θ.
type StratumAt struct {
	Name     string
	Codim    int
	Doc      string
	Distance float64
	On       bool // θ lies on it to rounding: within 1e-9 (1 + |θ|)
	// TangentDim is the dimension of the class of equivalent parameters at θ
	// that this stratum knows of; 0 off the stratum and where it knows none.
	TangentDim int
}

// onTol is the distance within which θ is on a stratum, relative to 1 + |θ| over the
// coordinates that differ from the nearest point of it.
const onTol = 1e-9

// Describe returns the geometry at θ. It returns an error for a θ of wrong
// length or outside the domain, and where the information is not finite. Where
// the route has a factored form, rank and eigenvalues are from it, and
// RankNumerical is the rank that plain float64 shows.
func (f *Fisher) Describe(theta []float64) (*Geometry, error) {
	info, err := f.At(theta)
	if err != nil {
		return nil, err
	}
	var factor *mat.Dense
	if f.factor != nil {
		if factor, err = f.factor(theta); err != nil {
			return nil, err
		}
	}
	spec, err := newSpectrum(info.F, factor)
	if err != nil {
		return nil, err
	}
	g := &Geometry{Theta: append([]float64(nil), theta...), Info: info, Spectrum: spec}
	for _, p := range f.m.Params() {
		g.Params = append(g.Params, p.Name)
	}
	var tangent *mat.Dense
	g.Strata, tangent = StrataAt(f.m, theta)
	g.splitNull(tangent)
	if c, err := RLCT(f.m, theta, models.PriorShape{}); err != nil {
		g.Refusal = err.Error()
	} else {
		g.RLCT = &c
	}
	return g, nil
}

// splitNull separates the null space into tangent and extra directions. A
// tangent vector counts only as far as it lies in the null space: one that does
// not would be a mistake of the stratum or a θ near and not on it.
func (g *Geometry) splitNull(tangent *mat.Dense) {
	d := len(g.Theta)
	if g.Null == nil {
		return
	}
	var in [][]float64
	null := columns(g.Null)
	for _, t := range columns(tangent) {
		p := make([]float64, d)
		for _, q := range null {
			c := dot(q, t)
			for j := range p {
				p[j] += c * q[j]
			}
		}
		if norm2(p) > 1-1e-6 { // t has norm 1
			in = append(in, p)
		}
	}
	for _, v := range in {
		clean(v)
	}
	g.Tangent = orthonormal(d, in)
	g.Extra = complement(d, g.Null, g.Tangent)
}

// StrataAt returns the strata of m as seen from θ, and an orthonormal basis of
// the tangent space of the class of equivalent parameters that those on which θ
// lies know (d × dimension; nil if none). A model without named strata gives
// nothing. θ must lie in the domain; it panics if it has the wrong length.
func StrataAt(m models.Model, theta []float64) ([]StratumAt, *mat.Dense) {
	if len(theta) != models.Dim(m) {
		panic(badLength)
	}
	st, ok := m.(models.Stratified)
	if !ok {
		return nil, nil
	}
	near := make([]float64, len(theta))
	var out []StratumAt
	var tangent [][]float64
	for _, s := range st.Strata() {
		at := StratumAt{Name: s.Name, Codim: s.Codim, Doc: s.Doc, Distance: s.Distance(theta)}
		// Relative to the coordinates that the stratum is about: variances of 10⁶
		// must not put a weight of 0.01 on elimination.
		size := norm2(theta)
		if s.Project != nil {
			s.Project(near, theta)
			size = 0
			for i, v := range near {
				if v != theta[i] {
					size = math.Hypot(size, theta[i])
				}
			}
		}
		at.On = at.Distance <= onTol*(1+size)
		if at.On && s.Tangent != nil {
			if t := s.Tangent(theta); t != nil {
				basis := orthonormal(len(theta), columns(t))
				if basis != nil {
					_, at.TangentDim = basis.Dims()
					tangent = append(tangent, columns(basis)...)
				}
			}
		}
		out = append(out, at)
	}
	return out, orthonormal(len(theta), tangent)
}

// Det returns det F, which may overflow or underflow; LogDet does not.
func (s *Spectrum) Det() float64 {
	if s.DetSign == 0 {
		return 0
	}
	return float64(s.DetSign) * math.Exp(s.LogDet)
}

// Directions returns a readable basis of the span of Null, Tangent or Extra and
// the names of its vectors: unit vectors, in reduced echelon form and so sparse
// where they can be, but not orthogonal as the columns of the argument are. Nil
// gives nothing.
func (g *Geometry) Directions(basis *mat.Dense) (vectors [][]float64, names []string) {
	vectors = columns(basis)
	sparsify(vectors)
	for _, v := range vectors {
		scaleTo(v, 1)
		names = append(names, DirectionName(v, g.Params))
	}
	return vectors, names
}
