package pkpd

import (
	"fmt"
	"math"

	"github.com/neuromanifold/neuromanifold/models"
)

// A Structure is a structural model η_r(t, γ): what the responses would be
// without measurement error in one individual with parameters γ, under any
// regimen. It is immutable and safe for concurrent use.
type Structure interface {
	// Params describes γ in order: name, unit, closed bounds.
	Params() []models.Param
	// Responses describes the responses, in the order of Sample.Response.
	Responses() []Response
	// Compartments names the places that a dose can go to; the first is the
	// default of a Dose without a name.
	Compartments() []string
	// Bind fixes a regimen and returns the curves that belong to it. The error
	// names an unknown compartment or whatever is wrong with a dose.
	Bind(reg Regimen) (Curve, error)
}

// A Response names one observed quantity.
type Response struct {
	Name string
	Unit string // empty for a pure number
	Doc  string
}

// A Sample is one measurement: which response, and when (h).
type Sample struct {
	Response int
	Time     float64
}

// A Curve evaluates a Structure under a fixed regimen. It owns its workspace:
// not safe for concurrent use, no allocation after the first call of its size.
type Curve interface {
	// Eval fills out with η and its derivatives in γ up to the given order
	// (0, 1 or 2) at the samples, which may come in any order and repeat. It
	// panics if γ has another length than Params, an order is not 0, 1 or 2 or
	// a response does not exist. It returns an error, and leaves out undefined,
	// for a γ outside its bounds, a time that is negative or not finite, and a
	// solution that does not stay finite (*BlowUp).
	Eval(out *Jets, gamma []float64, at []Sample, order int) error
}

// Jets holds the values and derivatives of η at n samples. The zero value is
// ready for use; Curve.Eval sizes it and reuses what it finds.
type Jets struct {
	N, P  int       // samples, parameters
	Value []float64 // n: η_i
	Grad  []float64 // n×p by rows: ∂η_i/∂γ_a at i*p+a; empty below order 1
	Hess  []float64 // n×p×p by rows: ∂²η_i/∂γ_a∂γ_b at (i*p+a)*p+b, both triangles; empty below order 2
}

// Resize makes room for n samples of p parameters up to the given order. What
// was stored is lost.
func (j *Jets) Resize(n, p, order int) {
	j.N, j.P = n, p
	j.Value = grow(j.Value, n)
	j.Grad = grow(j.Grad, 0)
	j.Hess = grow(j.Hess, 0)
	if order >= 1 {
		j.Grad = grow(j.Grad, n*p)
	}
	if order >= 2 {
		j.Hess = grow(j.Hess, n*p*p)
	}
}

// GradRow returns ∂η_i/∂γ, a view of length p.
func (j *Jets) GradRow(i int) []float64 { return j.Grad[i*j.P : (i+1)*j.P : (i+1)*j.P] }

// HessRow returns ∂²η_i/∂γ∂γᵀ by rows, a view of length p².
func (j *Jets) HessRow(i int) []float64 {
	pp := j.P * j.P
	return j.Hess[i*pp : (i+1)*pp : (i+1)*pp]
}

func grow(s []float64, n int) []float64 {
	if cap(s) < n {
		return make([]float64, n)
	}
	return s[:n]
}

// check holds the part of the contract of Curve.Eval that no structure can
// forget.
func check(params []models.Param, responses int, gamma []float64, at []Sample, order int) error {
	if len(gamma) != len(params) {
		panic(fmt.Sprintf("pkpd: %d parameters given, the model has %d", len(gamma), len(params)))
	}
	if order < 0 || order > 2 {
		panic("pkpd: order of derivatives is not 0, 1 or 2")
	}
	for i, p := range params {
		if v := gamma[i]; !(v >= p.Lo && v <= p.Hi) || math.IsInf(v, 0) {
			return fmt.Errorf("pkpd: parameter %s = %v lies outside [%v, %v]", p.Name, v, p.Lo, p.Hi)
		}
	}
	for _, s := range at {
		if s.Response < 0 || s.Response >= responses {
			panic(fmt.Sprintf("pkpd: response %d of %d", s.Response, responses))
		}
		if !(s.Time >= 0) || math.IsInf(s.Time, 1) {
			return fmt.Errorf("pkpd: sampling time %v h: want a finite time of at least 0", s.Time)
		}
	}
	return nil
}

// A BlowUp is the error of a solution that leaves the floating-point numbers,
// or that no step size can follow.
type BlowUp struct {
	Time  float64 // h
	State string
	Value float64
	Why   string
}

func (e *BlowUp) Error() string {
	return fmt.Sprintf("pkpd: the solution fails at t = %.6g h in state %s (%.6g): %s", e.Time, e.State, e.Value, e.Why)
}
