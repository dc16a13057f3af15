package models

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
)

// A Law is the law of the conditioning values x of one observation.
type Law interface {
	Dim() int
	// Draw fills dst (Dim) with one draw.
	Draw(dst []float64, rng *rand.Rand)
	String() string
}

// NormalLaw is N(0, SD² I) in P dimensions.
type NormalLaw struct {
	P  int
	SD float64
}

// Dim returns P.
func (l NormalLaw) Dim() int { return l.P }

// Draw fills dst with one draw.
func (l NormalLaw) Draw(dst []float64, rng *rand.Rand) {
	checkLen(len(dst), l.P)
	for i := range dst {
		dst[i] = l.SD * rng.NormFloat64()
	}
}

func (l NormalLaw) String() string { return fmt.Sprintf("N(0, %v² I) in %d dimensions", l.SD, l.P) }

// UniformLaw is uniform on the cube [-√3·SD, √3·SD]^P, so that each coordinate
// has standard deviation SD, as under NormalLaw.
type UniformLaw struct {
	P  int
	SD float64
}

// Dim returns P.
func (l UniformLaw) Dim() int { return l.P }

// Draw fills dst with one draw.
func (l UniformLaw) Draw(dst []float64, rng *rand.Rand) {
	checkLen(len(dst), l.P)
	h := math.Sqrt(3) * l.SD
	for i := range dst {
		dst[i] = h * (2*rng.Float64() - 1)
	}
}

func (l UniformLaw) String() string {
	h := math.Sqrt(3) * l.SD
	return fmt.Sprintf("uniform on [-%.6g, %.6g]^%d", h, h, l.P)
}

// EmpiricalLaw is uniform on the conditioning rows of Z.
type EmpiricalLaw struct{ Z *Data }

// Dim returns the number of conditioning columns.
func (l EmpiricalLaw) Dim() int { return l.Z.P }

// Draw fills dst with the x of a row drawn at random.
func (l EmpiricalLaw) Draw(dst []float64, rng *rand.Rand) {
	checkLen(len(dst), l.Z.P)
	copy(dst, l.Z.X(rng.IntN(l.Z.N)))
}

func (l EmpiricalLaw) String() string { return fmt.Sprintf("the inputs of %d rows of data", l.Z.N) }

// DrawInputs fills the conditioning columns of z from law, row by row. It is
// the body of most Inputs methods.
func DrawInputs(z *Data, law Law, rng *rand.Rand) {
	if z.P != law.Dim() {
		panic(badShape)
	}
	for i := range z.N {
		law.Draw(z.X(i), rng)
	}
}

// secondMoment returns E x² where the law gives it in closed form.
func secondMoment(law Law) (float64, bool) {
	switch law := law.(type) {
	case NormalLaw:
		return law.SD * law.SD, true
	case UniformLaw:
		return law.SD * law.SD, true
	case EmpiricalLaw:
		s := 0.0
		for i := range law.Z.N {
			for _, v := range law.Z.X(i) {
				s += v * v
			}
		}
		return s / float64(law.Z.N*law.Z.P), true
	}
	return 0, false
}

// lawText returns the keys of a law of the inputs in the text form of a family,
// each after a comma: nothing for N(0, I).
func lawText(law Law) string {
	text, sd := "", 1.0
	switch law := law.(type) {
	case NormalLaw:
		sd = law.SD
	case UniformLaw:
		text, sd = ",x=uniform", law.SD
	case EmpiricalLaw:
		text = ",x=data"
	}
	if sd != 1 {
		text += ",xsd=" + formatNumber(sd)
	}
	return text
}

// inputLaw returns the law of p inputs that the keys x and xsd describe.
func (s *Settings) inputLaw(p int) Law {
	sd := s.Positive("xsd")
	if s.Choice("x", "normal", "uniform") == "uniform" {
		return UniformLaw{P: p, SD: sd}
	}
	return NormalLaw{P: p, SD: sd}
}

// A Rule sets how finely a law is discretised. Its zero value is a rule that
// the family chose for errors near 1e-12 at moderate parameters.
type Rule struct {
	Points int // nodes per dimension; 0 = the family's default
	// Coarse asks for half the nodes per dimension: what an integral changes by is an
	// estimate of the error of the coarse rule, and more than that of the other one where
	// both resolve the integrand. Rules that are exact ignore it.
	Coarse bool
}

// points is the number of nodes per dimension, most where the rule leaves it open.
func (r Rule) points(most int) int {
	n := cmp.Or(r.Points, most)
	if r.Coarse {
		n = (n + 1) / 2
	}
	return n
}
