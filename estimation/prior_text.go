package estimation

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/neuromanifold/neuromanifold/models"
)

// PriorForms is what ParsePrior reads, for messages.
const PriorForms = "weak, jeffreys, or one or both of dirichlet=α and normal=c or uniform=c"

// leastAlpha leaves one weight in a thousand below the rounding of 1 − Σ π.
const leastAlpha = 0.2

// ParsePrior returns the prior of m on the scale of z that a text asks for:
//
//	weak         WeakPrior
//	dirichlet=α  the same, with weights ~ Dirichlet(α, …, α), α ≥ 0.2
//	normal=c     the same, with every normal coordinate c times as wide
//	uniform=c    the same, with every normal coordinate uniform on mean ± c standard deviations
//	jeffreys     density ∝ √det F between the bounds of the coordinates
//
// where dirichlet=α may be joined by a comma to one of the next two. It wraps ErrImproper
// for a prior that has no integral.
func ParsePrior(text string, m models.Model, z *models.Data) (Prior, error) {
	switch text {
	case "weak":
		return WeakPrior(m, z)
	case "jeffreys":
		return boundedJeffreys(m)
	}
	weak, err := WeakPrior(m, z)
	if err != nil {
		return nil, err
	}
	blocks := slices.Clone(weak.Blocks())
	var seen []string
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(part, "=")
		kind := name
		if name == "uniform" {
			kind = "normal" // they are about the same coordinates
		}
		switch {
		case name != "dirichlet" && kind != "normal":
			return nil, fmt.Errorf("no prior %q", part)
		case slices.Contains(seen, kind):
			return nil, fmt.Errorf("prior %q: two parts are about the same coordinates", text)
		}
		seen = append(seen, kind)
		c, err := strconv.ParseFloat(value, 64)
		switch {
		case err != nil:
			return nil, fmt.Errorf("prior %q: %q is not a number", part, value)
		case !(c > 0) || math.IsInf(c, 1):
			return nil, fmt.Errorf("prior %q: want a finite number above 0: %w", part, ErrImproper)
		case name == "dirichlet" && c < leastAlpha:
			return nil, fmt.Errorf("prior %q: the last weight is 1 less the others, and with α below %v too many of its values cannot be told from 0", part, leastAlpha)
		}
		if err := reshape(blocks, m, name, c); err != nil {
			return nil, err
		}
	}
	return NewPrior(blocks...)
}

// reshape changes the blocks that a part of the text is about.
func reshape(blocks []models.PriorBlock, m models.Model, name string, c float64) error {
	some := false
	for i := range blocks {
		b := &blocks[i]
		switch {
		case name == "dirichlet" && b.Kind == models.PriorDirichlet:
			b.A = c
		case name == "normal" && b.Kind == models.PriorNormal:
			b.B *= c
		case name == "uniform" && b.Kind == models.PriorNormal:
			b.Kind, b.A, b.B = models.PriorUniform, b.A-c*b.B, b.A+c*b.B
		default:
			continue
		}
		some = true
	}
	if some {
		return nil
	}
	if name != "dirichlet" {
		return fmt.Errorf("prior %s=%v: no coordinate of %v has a normal prior to change", name, c, m)
	}
	switch m.(type) {
	case *models.Mixture, *models.BinMix: // one component: its weight is 1
		return nil
	}
	return fmt.Errorf("prior dirichlet=%v: %v has no weights that sum to 1", c, m)
}

// boundedJeffreys is Jeffreys' prior on the box of the bounds of the coordinates.
func boundedJeffreys(m models.Model) (Prior, error) {
	var lo, hi []float64
	for _, p := range m.Params() {
		if math.IsInf(p.Lo, 0) || math.IsInf(p.Hi, 0) {
			return nil, fmt.Errorf("Jeffreys' prior of %v: %s has no bounds, without which √det F has no integral: %w", m, p.Name, ErrImproper)
		}
		lo, hi = append(lo, p.Lo), append(hi, p.Hi)
	}
	return NewJeffreys(m, lo, hi)
}
