package models

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
)

const (
	badLength = "models: slice length mismatch"
	badShape  = "models: matrix dimension mismatch"
)

// A Model is a parametric family p(y | x, θ), θ ∈ R^d, in the coordinates of
// the paper that introduced it. Models are immutable and safe for concurrent
// use. Everything beyond these four methods is optional: see the capability
// interfaces in this package and the functions (Score, Hess, Population, …)
// that find them.
type Model interface {
	// Params returns the coordinates of θ, in order. Its length is d. The
	// caller must not modify the slice.
	Params() []Param
	// Shape returns the columns that the model conditions on and models.
	Shape() Shape
	// Sample fills the modelled columns of z with a draw at θ given its
	// conditioning columns, which it does not touch. The same rng state gives
	// the same bytes. It panics if z has another shape or θ another length.
	Sample(z *Data, theta []float64, rng *rand.Rand)
	// Bind fixes the data and allocates all scratch. It returns an error if
	// the shape differs or a value is not finite. z is kept, not copied.
	Bind(z *Data) (Likelihood, error)
}

// A Likelihood is a Model with its data fixed. It owns scratch, so it serves
// one goroutine at a time; Bind again for another. It keeps z without copying
// and may cache statistics of it: do not write to z while any Likelihood of it
// is in use. dst and θ must not overlap; θ is only read and never kept.
// Evaluation allocates nothing. Methods panic on slices of wrong length.
type Likelihood interface {
	Model() Model
	// N is the number of terms.
	N() int
	// LogLik returns ℓ(θ) = Σ_t w_t log p(y_t | y_<t, x_t; θ) in nats, where
	// w_t = 1 unless the likelihood is weighted. Outside the domain, and where
	// θ is not finite, it is -Inf. It is never NaN and never +Inf except where
	// the likelihood itself is unbounded, which the family documents.
	LogLik(theta []float64) float64
	// Terms fills dst (n) with log p(y_t | y_<t, x_t; θ), not weighted.
	Terms(dst, theta []float64)
}

// A Param describes one coordinate of θ.
type Param struct {
	Name   string
	Lo, Hi float64 // closed bounds; ±Inf where there is none. Joint constraints: see Domainer.
	Unit   string  // empty for a pure number
	Doc    string
}

// Shape is the layout of the rows that a model takes.
type Shape struct {
	P      int  // conditioning columns x, first in the row
	Q      int  // modelled columns y, after them
	Series bool // rows are one time series, in order: not exchangeable
}

// Dim returns d, the number of coordinates of θ.
func Dim(m Model) int { return len(m.Params()) }

// ErrDomain is wrapped by the errors of CheckTheta for a θ outside the domain.
var ErrDomain = errors.New("outside the domain")

// CheckTheta reports, as an error that names the coordinate and what is
// allowed, a θ of wrong length, with a value that is not finite, outside the
// bounds of a coordinate or outside a joint constraint of the model.
func CheckTheta(m Model, theta []float64) error {
	ps := m.Params()
	if len(theta) != len(ps) {
		return fmt.Errorf("θ has %d values, %v takes %d: %s", len(theta), m, len(ps), paramNames(ps))
	}
	for i, p := range ps {
		v := theta[i]
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("θ: %s = %v is not finite", p.Name, v)
		}
		if v < p.Lo || v > p.Hi {
			return fmt.Errorf("θ: %s = %v %w [%v, %v]", p.Name, v, ErrDomain, p.Lo, p.Hi)
		}
	}
	if c, ok := m.(Domainer); ok {
		if err := c.CheckDomain(theta); err != nil {
			return fmt.Errorf("θ %w: %w", ErrDomain, err)
		}
	}
	return nil
}

func paramNames(ps []Param) string {
	const most = 12
	s := ""
	for i, p := range ps {
		if i == most {
			return s + fmt.Sprintf(", … (%d in all)", len(ps))
		}
		if i > 0 {
			s += ", "
		}
		s += p.Name
	}
	return s
}

// checkBind is the part of Bind that every family shares.
func checkBind(m Model, z *Data) error {
	if z == nil {
		return fmt.Errorf("%v: no data", m)
	}
	s := m.Shape()
	if z.P != s.P || z.Q != s.Q {
		return fmt.Errorf("%v: data has %d conditioning and %d modelled columns, the model takes %d and %d", m, z.P, z.Q, s.P, s.Q)
	}
	if z.N < 1 {
		return fmt.Errorf("%v: data has no rows", m)
	}
	if err := z.Check(); err != nil {
		return fmt.Errorf("%v: %w", m, err)
	}
	return nil
}

// Route says how a number was obtained, best first.
type Route int

const (
	Exact       Route = iota // closed form: rounding error only
	Elemental                // closed form at each input, averaged over the inputs
	Quadrature               // deterministic integration, with an error bound
	Differences              // finite differences of an exact function
	MonteCarlo               // random draws, with a standard error
)

var routeNames = [...]string{"exact", "elemental", "quadrature", "differences", "monte carlo"}

// String returns the name of the route in lower case.
func (r Route) String() string {
	if r < 0 || int(r) >= len(routeNames) {
		return fmt.Sprintf("route(%d)", int(r))
	}
	return routeNames[r]
}

func checkLen(got, want int) {
	if got != want {
		panic(badLength)
	}
}

func checkSym(dst *mat.SymDense, d int) {
	if dst.SymmetricDim() != d {
		panic(badShape)
	}
}
