// Package dynamics follows learning trajectories near the singular set of a
// model, and measures what happens there.
//
// A Flow knows one step; Run owns the loop, the clock and the probes. The
// objective is a models.Likelihood: data give learning from a sample, the
// average over a truth (NewObjective) gives the averaged learning equation
//
//	dθ/dτ = −∂L/∂θ,  L = KL(truth‖θ) in nats per observation,
//
// so that flows move along the score divided by the weight of the likelihood,
// and time τ is the step size times the number of steps.
//
// Near a singular stratum the gradient flow is slow in the directions that the
// Fisher information does not see: a plateau. The natural gradient is not, but its
// field is a quotient of two numbers that vanish; NaturalGradient therefore works
// in the regular chart of the stratum where there is one (singular.Chart).
//
// A numerical outcome is a Stop with its reason, never an error and never a
// number that is not finite: a trajectory that diverges ends at the last finite
// point.
//
// The theory beside the trajectories is that of two units near their overlap:
// rates of the critical line, the reduced systems with their first integrals, and
// the order parameters of soft committee machines. Sources: S. Amari, H. Park and
// T. Ozeki, Neural Computation 18 (2006) 1007; H. Wei, J. Zhang, F. Cousseau,
// T. Ozeki and S. Amari, Neural Computation 20 (2008) 813; S. Amari, Information
// Geometry and Its Applications, Springer 2016, chapter 12; D. Saad and S. Solla,
// Physical Review E 52 (1995) 4225. Where a published equation is right in sign
// and wrong in rate, both are here and the difference is derived.
package dynamics
