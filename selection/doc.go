// Package selection scores the members of a family of models by the criteria that
// are in use, on one scale, and says which of them can be believed where the
// Fisher information degenerates.
//
// Below are functions of numbers alone (AIC, BIC, SBIC, WAIC, PSISLOO,
// MultinomialNML …); above them a Criterion is one member of a list, with what it
// needs, and Compare computes for a list of candidate models what the requested
// criteria need and nothing else.
//
// # Scale
//
// Values are on the textbook scale −2ℓ + penalty, in nats twice, and smaller is
// better. What is a code length or a free energy −log p(data) counts twice, what is
// an expected log predictive density counts −2 times. A Score has its standard
// error where it was estimated, says which side it bounds where it is a bound, and
// where it does not exist is NaN with the reason.
//
// # What fails at a singular point
//
// AIC and TIC estimate the optimism of the fit by d and by tr(J⁻¹I), BIC expands
// the free energy about one point: all three need a positive definite information
// at the truth, which a mixture, network or ARMA model with a redundant part does
// not have. The free energy then is n L_n + λ log n − (m−1) log log n with λ ≤ d/2
// (Watanabe 2009). SBIC uses the λ that are proved, WBIC and the free energy need
// none of them, and WAIC and leave-one-out cross-validation estimate the
// predictive loss at singular points as at regular ones.
package selection
