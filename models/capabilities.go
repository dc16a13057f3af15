package models

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
)

// Optional capabilities of a Likelihood. Callers do not assert these types:
// Score, Hess, Weighted and Batch do, and say which route they took.
type (
	// A Scorer computes the score s(θ) = ∂ℓ/∂θ into dst (d) and returns ℓ(θ).
	// Where ℓ = -Inf, dst is left unspecified.
	Scorer interface {
		Score(dst, theta []float64) (loglik float64)
	}
	// A TermScorer computes the score of every term into dst (n×d), not weighted.
	TermScorer interface {
		ScoreTerms(dst *mat.Dense, theta []float64)
	}
	// A Hesser computes ∂²ℓ/∂θ∂θᵀ into dst (d×d).
	Hesser interface {
		Hess(dst *mat.SymDense, theta []float64)
	}
	// A FreeScorer computes the score in the free coordinates of the model's
	// Unconstrainer at less than the cost of FromFree, Score and PullScore.
	FreeScorer interface {
		// ScoreFree fills g (d) with ∂ℓ/∂u at the free coordinates u, and returns ℓ;
		// -Inf outside the domain, with g undefined. Both are those of Score to rounding.
		ScoreFree(g, u []float64) (loglik float64)
	}
	// A Curver computes the log-likelihood with its first two derivatives in the
	// free coordinates of the model's Unconstrainer, at little more than the cost of
	// the first. Where curvature is found by differences of the score it costs d
	// scores, and no rank is to be had below 1e-6 of the largest eigenvalue.
	Curver interface {
		// Curve fills g (d) with ∂ℓ/∂u and h (d×d) with ∂²ℓ/∂u∂uᵀ at the free
		// coordinates u, and returns ℓ; -Inf outside the domain, with g and h undefined.
		Curve(h *mat.SymDense, g, u []float64) (loglik float64)
	}
	// An EMStepper performs one EM step from θ into dst (d) and returns ℓ(θ),
	// the log-likelihood before the step. dst may not overlap θ.
	EMStepper interface {
		EMStep(dst, theta []float64) (loglik float64)
	}
	// A Batcher computes the score of the sum of the terms with the given row
	// indices into dst (d) and returns that sum.
	Batcher interface {
		BatchScore(dst, theta []float64, rows []int) (loglik float64)
	}
	// A Starter proposes a random start for maximisation from the data, inside
	// the domain. It never uses the truth.
	Starter interface {
		Start(dst []float64, rng *rand.Rand)
	}
	// A BatchLogLiker evaluates ℓ at many parameter points, the rows of thetas
	// (m×d), into dst (m), faster than one at a time.
	BatchLogLiker interface {
		LogLiks(dst []float64, thetas *mat.Dense)
	}
	// A Reweighter returns the same likelihood with weights w (n) on its terms,
	// with every capability of the family but BatchLogLiker, FreeScorer and Curver,
	// which save time, and Maximizer. w is kept, not copied, and may be changed
	// between evaluations.
	Reweighter interface {
		Reweight(w []float64) Likelihood
	}
	// A Weigher knows the total weight of its terms. Ask through Weight.
	Weigher interface {
		Weight() float64
	}
	// A Maximizer finds the global maximum of ℓ in closed form: it fills dst
	// (d) with θ̂ and returns ℓ(θ̂).
	Maximizer interface {
		Maximum(dst []float64) (loglik float64)
	}
	// A Residualer is a Gaussian regression, whose log-likelihood is a sum of
	// squares: ℓ(θ) = −½ (W log 2πσ² + |r(θ)|²/σ²) with one residual
	// r = √w_t (y_t − f(x_t; θ)) for every row and output.
	Residualer interface {
		// LeastSquares describes r. It is false where a weight is negative, so
		// that r does not exist.
		LeastSquares() (LeastSquares, bool)
		// Residuals fills dst (Rows) with r(θ) and, unless jac is nil, jac
		// (Rows×d) with ∂r/∂θ, whose column of σ² is 0. Outside the domain some
		// entries are not finite. σ² is not read.
		Residuals(dst []float64, jac *mat.Dense, theta []float64)
	}
	// A Holder divides the observations among the components of a mixture.
	// Holdings fills dst (Components) with Σ_t w_t P(component | row t).
	Holder interface {
		Components() int
		Holdings(dst, theta []float64)
	}
	// A FloorReporter belongs to a family with an unbounded likelihood, made
	// bounded by a floor under its variances. Floored says whether θ sits on
	// the floor, and names the coordinates that do.
	FloorReporter interface {
		Floored(theta []float64) []string
	}
)

// Optional capabilities of a Model.
type (
	// An Inputter knows where its conditioning columns come from.
	Inputter interface {
		// Inputs fills the conditioning columns of z.
		Inputs(z *Data, rng *rand.Rand)
		InputLaw() Law
	}
	// An Informer computes the Fisher information per observation (per unit of
	// time for a series) without random numbers.
	Informer interface {
		// Fisher returns a function that fills dst (d×d) with F(θ) and returns
		// a bound on the absolute error of its entries (0 for a closed form,
		// which has rounding error only), with its route, Exact or Quadrature.
		// The function owns scratch: one goroutine. It is nil where this member
		// of the family has neither. θ must lie in the domain.
		Fisher() (f func(dst *mat.SymDense, theta []float64) (errBound float64), route Route)
	}
	// A Factorer computes a factor of the Fisher information, which keeps the
	// relative accuracy of small eigenvalues that F itself loses to rounding.
	Factorer interface {
		// FisherFactor returns a function that gives R (any number of rows × d)
		// with F = RᵀR, valid until the next call, or nil where this member of
		// the family has none.
		FisherFactor() (f func(theta []float64) *mat.Dense, route Route)
	}
	// A PointInformer computes the Fisher information of one observation at the
	// conditioning values x (elemental information; x may have any length that
	// the family documents) into dst (d×d).
	PointInformer interface {
		FisherAt(dst *mat.SymDense, theta, x []float64)
	}
	// A Canonicalizer maps θ in place to the canonical representative under the
	// finite symmetries of the family (permutations, sign changes). It is
	// idempotent and leaves the law unchanged.
	Canonicalizer interface {
		Canonicalize(theta []float64)
	}
	// Stratified names the pieces of the singular set.
	Stratified interface {
		Strata() []Stratum
	}
	// KnownRLCT knows the learning coefficient where it is proved.
	KnownRLCT interface {
		// RLCT returns the coefficient with θ as the truth; false where nothing
		// is proved.
		RLCT(truth []float64, prior PriorShape) (Coefficient, bool)
	}
	// KnownLocalRLCT knows the learning coefficient of a small neighbourhood of
	// θ, which is at least the global one of KnownRLCT.
	KnownLocalRLCT interface {
		LocalRLCT(truth []float64, prior PriorShape) (Coefficient, bool)
	}
	// An Edger has an open domain. Edge names what of θ lies on the edge of it to
	// within the accuracy of a maximiser: a maximum there is not interior.
	Edger interface {
		Edge(theta []float64) []string
	}
	// An Unconstrainer maps the interior of the domain to R^d and back.
	Unconstrainer interface {
		ToFree(dst, theta []float64)
		FromFree(dst, free []float64)
		// PullScore applies the chain rule: dst = (∂θ/∂free)ᵀ score at free.
		PullScore(dst, free, score []float64)
	}
	// A Nester embeds a smaller model of the family.
	Nester interface {
		// Embed fills dst with a θ that has the same law as subTheta has in
		// sub, and reports whether it could.
		Embed(dst []float64, sub Model, subTheta []float64) bool
	}
	// A Preceder names the next smaller model of the family where a fit of this one
	// needs the fit of that, embedded and split, among its starts.
	Preceder interface {
		Precede() (sub Model, ok bool)
	}
	// A Domainer has constraints that join several coordinates. The error says
	// which and what is allowed.
	Domainer interface {
		CheckDomain(theta []float64) error
	}
	// A Noder discretises the law of one observation at θ: rows z with weights
	// w that sum to 1, so that Σ w_t g(z_t) approximates E g. Population uses it.
	Noder interface {
		Nodes(theta []float64, rule Rule) (z *Data, w []float64, err error)
	}
)

// LeastSquares describes the residuals of a Residualer.
type LeastSquares struct {
	Rows   int     // residuals
	Weight float64 // W, the sum of the weights of all residuals
	Noise  int     // coordinate of σ² in θ, -1 where it is known
	Sigma  float64 // σ where it is known
	// Linear lists coordinates in which r is jointly affine while all others are
	// fixed, as the output weights of a network. An Unconstrainer of the model
	// leaves them as they are.
	Linear []int
}

// A Stratum is a named piece of the singular set.
type Stratum struct {
	Name  string // as "overlap(1,2)" or "elimination(2)"
	Codim int    // codimension in R^d
	Doc   string // the equations, and what happens there
	// Distance returns a distance of θ to the stratum, Euclidean unless Doc
	// says otherwise; 0 exactly on it.
	Distance func(theta []float64) float64
	// Project fills dst with a point of the stratum near θ: the nearest one
	// where Distance is Euclidean.
	Project func(dst, theta []float64)
	// Tangent returns vectors of R^d, as columns, that span at a θ on the
	// stratum the tangent space of its equivalence class (the parameters with
	// the same law). Nil if not provided.
	Tangent func(theta []float64) *mat.Dense
}

// PriorShape is what of a prior changes a learning coefficient. Its zero value
// is a prior that is smooth and positive.
type PriorShape struct {
	Jeffreys  bool    // density ∝ √det F
	Power     float64 // density ∝ |ξ|^Power at the apex (cone), 0 for none
	Dirichlet float64 // mixture weights ~ Dirichlet(α, …, α); 0 means α = 1, uniform
}

// A Coefficient is a learning coefficient (real log canonical threshold) λ with
// its multiplicity: the free energy is n L_n(θ₀) + λ log n − (m−1) log log n + O_p(1).
type Coefficient struct {
	Lambda float64
	Mult   int // 0 where unknown (a bound)
	Kind   CoefficientKind
	Ref    string // where it is proved
}

// CoefficientKind says what is known of a Coefficient.
type CoefficientKind int

const (
	ExactLambda CoefficientKind = iota // λ and m are exact
	UpperBound                         // λ is at most Lambda
)

// String returns "exact" or "upper bound".
func (k CoefficientKind) String() string {
	if k == UpperBound {
		return "upper bound"
	}
	return "exact"
}

// Each runs n independent tasks, task i with a stream of its own that depends on
// i alone, and returns the error of the lowest index that failed. Library
// functions take one as an argument for their independent parts and store
// results by index, so that bytes do not depend on how the tasks were spread.
type Each func(n int, task func(i int, rng *rand.Rand) error) error

// Serial returns an Each that runs the tasks in order on streams split by index
// from rng, from which it draws once per call. Functions that take an Each use
// it for nil.
func Serial(rng *rand.Rand) Each {
	return func(n int, task func(i int, rng *rand.Rand) error) error {
		a, b := rng.Uint64(), rng.Uint64()
		for i := range n {
			// PCG seeded by (a, b+i) gives correlated neighbours; mixing the
			// index through a second generator's output does not.
			mix := rand.NewPCG(a^uint64(i)*0x9e3779b97f4a7c15, b+uint64(i))
			mix.Uint64()
			if err := task(i, rand.New(rand.NewPCG(mix.Uint64(), mix.Uint64()))); err != nil {
				return err
			}
		}
		return nil
	}
}
