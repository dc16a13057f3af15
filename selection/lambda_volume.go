package selection

import (
	"math/rand/v2"

	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

// VolumeLambda estimates λ at a truth by the volume law of singular.VolumeScaling
// in the box of half-width radius, in the form of the other estimators: the joint
// fit in Lambda and Mult, λ with m = 1 in Slope, and in Evals the number of
// evaluations of the divergence, whose cost is that of one expected
// log-likelihood. Errors are those of singular.BoxProblem and VolumeScaling.
func VolumeLambda(m models.Model, truth []float64, radius float64, rule models.Rule, opt singular.VolumeOptions, rng *rand.Rand) (*LambdaEstimate, error) {
	p, err := singular.BoxProblem(m, truth, radius, rule)
	if err != nil {
		return nil, err
	}
	divergence := p.K
	evals := 0
	p.K = func(theta []float64) float64 {
		evals++
		return divergence(theta)
	}
	v, err := singular.VolumeScaling(p, opt, nil, rng)
	if err != nil {
		return nil, err
	}
	e := &LambdaEstimate{
		Lambda: v.Lambda.Value, SE: v.Lambda.SE, Mult: v.Mult.Value, MultSE: v.Mult.SE, Slope: v.Slope.Value, SlopeSE: v.Slope.SE,
		Method: "volume scaling", Accept: v.Accept, Evals: float64(evals),
	}
	if v.Accept < 0.01 {
		e.Flags = append(e.Flags, "hardly a move was accepted at the smallest ε")
	}
	return e, nil
}
