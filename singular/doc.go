// Package singular says what is singular about a model at a parameter, how, and
// what follows from it.
//
// A Fisher computes the Fisher information per observation by the best route
// that the model offers and reports the route and the error. Describe turns it
// into a Geometry: spectrum, numerical rank, null directions in terms of the
// named coordinates, the strata of the singular set that the parameter lies on,
// and which null directions are tangent to the set of equivalent parameters.
// StandardErrors gives standard errors only where a coordinate is estimable.
// RLCT chooses the learning coefficient among what is proved, and refuses where
// nothing is; VolumeScaling estimates it from the prior mass where a Divergence
// is small. NewLaw gives the laws of likelihood-ratio statistics at singular
// truths: suprema of Gaussian processes, and the cone's law in closed form.
//
// For wide random networks a MeanField predicts the spectrum of the Fisher
// information from order parameters, a Dual measures it through JJᵀ, whose size is
// that of the data, and Lanczos from products alone; MeasureWide does the former
// for many networks.
//
// Nothing here inverts a singular matrix: a quantity that does not exist is NaN
// and a neighbouring field says why.
package singular
