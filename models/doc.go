// Package models holds parametric families whose Fisher information
// degenerates somewhere (multilayer perceptrons, Gaussian mixtures, ARMA
// models and their kin) behind one small interface.
//
// A Model is a family p(y | x, θ) with named coordinates. Bind fixes its data
// and yields a Likelihood: a number, its n conditional terms, and whatever
// derivatives it can offer. Everything numerical consumes a Likelihood and
// nothing else. Everything geometric (Fisher information, strata of the
// singular set, symmetry, learning coefficients) hangs on the Model as small
// optional interfaces. The functions Score, Hess, Weighted, Batch, Population
// and Parse find what a model offers and say which route they took.
//
// # Notation
//
// The same letters mean the same things in every package of this module.
//
//	n        number of observations (rows, terms)
//	d        number of coordinates of θ
//	p, q     conditioning and modelled columns of a row (for ARMA: the orders)
//	θ        parameter vector; θ_j with an index are the MA coefficients of an ARMA model
//	θ̂        maximum-likelihood estimate
//	ℓ(θ)     log-likelihood Σ_t w_t log p(y_t | y_<t, x_t; θ), in nats
//	s(θ)     score ∂ℓ/∂θ; s_t the score of term t
//	F(θ)     Fisher information per observation (per unit of time for a series)
//	λ, m     learning coefficient (real log canonical threshold) and its multiplicity
//	β        inverse temperature of a tempered posterior
//	T        likelihood-ratio statistic 2 (max ℓ over H1 − max ℓ over H0)
//	τ        averaged learning time, step size × steps
//	π_i      weight of component i of a mixture; μ_i its mean; σ_i² its variance
//	φ_i, θ_j AR and MA coefficients in the convention of R: x_t = Σ φ_i x_{t−i} + e_t + Σ θ_j e_{t−j}
//	σ²       variance of the noise
//	w_i, v_i input weights and output weight of hidden unit i; c_i a radial centre
//	u        separation of two units or components; u = 0 is the overlap singularity
//	ξ, ω     amplitude and direction of the cone model; ξ = 0 is its apex
//	Φ, φ     standard normal distribution function and density, where no ARMA is about
package models
