// Package estimation maximises likelihoods whose Fisher information may be
// singular, and says honestly what it found.
//
// A Method turns a start into a Fit. EM, Newton, LBFGS and LevenbergMarquardt (for
// regressions) each know one way up; Then finishes one with another; MultiStart
// runs a method from many starts and keeps a record of every distinct maximum and
// how many starts reached it. Auto chooses by what the likelihood offers, and
// Default is Auto with starts. MLE is the front door: from a model and data to a
// Report with standard errors where they exist, the rank of the observed
// information, distances to the singular strata, and every maximum found.
//
// LikelihoodRatio tests one model within another: the naive χ² p-value beside that
// of the limit law at a singular null and that of the parametric bootstrap. EMTest
// is another answer to the same question for mixtures.
// ProfileInterval and BootstrapIntervals say how far a coordinate may move.
//
// # What a maximum is
//
// Near a singular set the log-likelihood is flat to fourth or sixth order, EM is
// sublinear, and a gradient of any size says little about the height that is
// missing. Newton therefore measures its distance to the maximum in nats: the
// gain that its quadratic model still predicts, with eigenvalues of the Hessian
// modified explicitly (see Newton). A Fit reports that gain and a scaled
// gradient. A numerical outcome is a Status and never an error; an error means
// that the request could not be carried out (a capability is missing, the
// context was cancelled).
//
// # Determinism
//
// All randomness comes from the generator passed in, results are kept by index
// of the start and ties go to the lowest index, so that the same seed gives the
// same bytes whatever runs the starts.
package estimation
