// Package design finds out what a sampling design can tell, and finds good ones:
// information of one subject in nonlinear mixed-effects models by several
// approximations and exactly, criteria with the certificate of the equivalence
// theorem, approximate and exact designs, and what to do where the information
// is singular.
//
// A Population joins a structural model of package pkpd with laws between
// individuals and residual errors. An Informer computes the information μ(x) of
// one subject with the samples x, a Regression that of one observation. A
// Problem asks for the weights of an optimal approximate design over candidates.
// Identify says which parameters a design can estimate at all: everything else
// here refuses singular matrices instead of inverting them in some way.
//
// # Notation
//
//	ξ      a design: candidates x_j with weights w_j, Σ w_j = 1
//	μ(x)   information of one subject (one observation) on x, m×m
//	M(ξ)   Σ w_j μ(x_j); N subjects have N·M
//	φ(x)   sensitivity tr μ(x)G, G the gradient of the criterion at M
//	γ, b   typical values of the structural parameters; random effects
//	Ω, ω²  covariance matrix of b, its diagonal
//	a, b   standard deviations of the additive and proportional residual error
//
// Units are those of package pkpd.
package design
