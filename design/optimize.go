package design

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/singular"
)

// A Problem asks for the weights of an optimal approximate design: shares w_j of
// the subjects, Σ w_j = 1, that get candidate j, whose information per subject
// is Info[j].
type Problem struct {
	// Info holds the information μ(x_j) of the candidates, all m×m. It is kept
	// and only read.
	Info []*mat.SymDense
	// Cost holds the cost of one subject on each candidate; nil means 1. With
	// costs, w_j is a share of the budget and the information is that per unit
	// of cost, M = Σ w_j μ_j/c_j, so that N_j = w_j·budget/c_j.
	Cost []float64
	// Prior is information that is there before the study, on the scale of one
	// subject (one unit of cost): M = Prior + Σ w_j μ_j. Nil for none.
	Prior *mat.SymDense
	// Names names the m parameters, for messages. May be nil.
	Names []string
}

// A Method chooses how Optimize moves.
type Method int

const (
	// Auto is Fedorov–Wynn steps with a Newton polish of the weights on the
	// support after every few of them.
	Auto Method = iota
	// FedorovWynn is the first-order algorithm alone: forward and backward steps
	// towards and away from one candidate with exact line search (Wynn, Annals
	// of Mathematical Statistics 41 (1970); Fedorov, Theory of Optimal
	// Experiments (1972); Atwood (1973) for the backward step).
	FedorovWynn
	// Wynn is FedorovWynn with forward steps only, as first published.
	Wynn
	// Multiplicative multiplies every weight by a power of φ_j over its bound:
	// power 1 for D, under which ln det M never falls, ½ for the others
	// (Silvey, Titterington and Torsney 1978; Yu, Annals of Statistics 38 (2010)).
	Multiplicative
)

// Options steer Optimize. The zero value is D-optimality to 1e-8.
type Options struct {
	Criterion Criterion // nil means D{}
	Method    Method
	Start     []float64 // weights to start from; nil means all candidates alike
	Tol       float64   // stop at max φ/bound − 1 below it; 0 means 1e-8
	MaxIter   int       // 0 means 100 000
	// Trace, if not nil, is called after every step.
	Trace func(Step)
}

// A Step is one move of the algorithm.
type Step struct {
	Iter      int
	Candidate int     // moved towards (Alpha > 0) or away from (Alpha < 0); −1 if all weights moved
	Phi       float64 // sensitivity of that candidate before the move; max φ if all moved
	Alpha     float64
	Value     float64 // Ψ after the move
	// EfficiencyBound is what the design before the move was known to have.
	EfficiencyBound float64
}

// A Status says how a computation ended.
type Status int

const (
	// Optimal designs carry a certificate: max φ is within Tol of its bound.
	Optimal Status = iota
	// IterationLimit designs are valid, with the efficiency bound that they have.
	IterationLimit
	// Stalled designs cannot be improved in floating point.
	Stalled
)

func (s Status) String() string {
	switch s {
	case Optimal:
		return "optimal"
	case IterationLimit:
		return "iteration limit"
	case Stalled:
		return "stalled"
	}
	return fmt.Sprintf("Status(%d)", int(s))
}

// A Design is the result of Optimize: weights and the proof of how good they
// are.
type Design struct {
	Weights []float64 // one per candidate
	Support []int     // candidates of positive weight, ascending
	M       *mat.SymDense
	Value   float64 // Ψ(M)
	// Phi is the sensitivity of every candidate, Bound what it must not exceed.
	Phi            []float64
	Bound          float64
	MaxSensitivity float64
	Worst          int // a candidate with φ = MaxSensitivity
	// EfficiencyBound is a lower bound on the efficiency relative to the unknown
	// best design: from the gradient inequality of the homogeneous form of the
	// criterion, (tr MG)/(tr Prior·G + max φ).
	EfficiencyBound float64
	Iter            int
	Status          Status
	// Warnings names what a reader must know, such as a start that had to be
	// moved because its information was singular.
	Warnings []string
}

// ErrSingular is wrapped by a *SingularError.
var ErrSingular = errors.New("the information is singular")

// A SingularError is the answer where no design over the candidates makes all
// parameters estimable, so that no criterion for all of them is finite.
type SingularError struct {
	Spectrum *singular.Spectrum // of the uniform design
	Names    []string
}

func (e *SingularError) Error() string {
	msg := fmt.Sprintf("design: no design over these candidates makes all %d parameters estimable: rank %d", len(e.Spectrum.Values), e.Spectrum.Rank)
	if e.Names != nil && e.Spectrum.Null != nil {
		for j, name := range nullNames(e.Spectrum.Null, e.Names) {
			if j == 0 {
				msg += "; nothing is known along "
			} else {
				msg += ", "
			}
			msg += name
		}
	}
	return msg
}

func (e *SingularError) Unwrap() error { return ErrSingular }

// nullNames writes the columns of a basis of null directions in names.
func nullNames(null *mat.Dense, names []string) []string {
	d, n := null.Dims()
	out := make([]string, n)
	v := make([]float64, d)
	for j := range n {
		mat.Col(v, j, null)
		out[j] = singular.DirectionName(v, names)
	}
	return out
}

// check reports a Problem that is none.
func (p *Problem) check(o *Options) (m int, err error) {
	if len(p.Info) == 0 {
		return 0, errors.New("design: no candidates")
	}
	m = p.Info[0].SymmetricDim()
	for j, f := range p.Info {
		if f.SymmetricDim() != m {
			panic(fmt.Sprintf("design: candidate %d has %d parameters, candidate 0 has %d", j, f.SymmetricDim(), m))
		}
		for a := range m {
			for b := a; b < m; b++ {
				if v := f.At(a, b); math.IsNaN(v) || math.IsInf(v, 0) {
					return 0, fmt.Errorf("design: the information of candidate %d is not finite", j)
				}
			}
		}
	}
	if p.Cost != nil && len(p.Cost) != len(p.Info) {
		panic(fmt.Sprintf("design: %d costs for %d candidates", len(p.Cost), len(p.Info)))
	}
	for j, c := range p.Cost {
		if !(c > 0) || math.IsInf(c, 1) {
			return 0, fmt.Errorf("design: cost of candidate %d is %v, want a positive number", j, c)
		}
	}
	if p.Prior != nil && p.Prior.SymmetricDim() != m {
		panic(fmt.Sprintf("design: prior information is %d×%[1]d, want %d×%[2]d", p.Prior.SymmetricDim(), m))
	}
	if o.Start != nil {
		if len(o.Start) != len(p.Info) {
			panic(fmt.Sprintf("design: %d weights for %d candidates", len(o.Start), len(p.Info)))
		}
		var sum float64
		for j, w := range o.Start {
			if !(w >= 0) || math.IsInf(w, 1) {
				return 0, fmt.Errorf("design: weight of candidate %d is %v, want a number of at least 0", j, w)
			}
			sum += w
		}
		if !(sum > 0) {
			return 0, errors.New("design: all weights of the start are zero")
		}
	}
	if o.Tol < 0 || o.MaxIter < 0 {
		panic("design: negative tolerance or iteration limit")
	}
	return m, nil
}

// Optimize returns the weights that maximise the criterion, with the certificate
// of the equivalence theorem. The error is a *SingularError where every design
// over the candidates is singular for the criterion, an error of the criterion
// or of the input, or that of ctx; a design that fell short of the tolerance is
// a Status.
func (p *Problem) Optimize(ctx context.Context, o Options) (*Design, error) {
	m, err := p.check(&o)
	if err != nil {
		return nil, err
	}
	if o.Criterion == nil {
		o.Criterion = D{}
	}
	if o.Tol == 0 {
		o.Tol = 1e-8
	}
	if o.MaxIter == 0 {
		o.MaxIter = 100_000
	}
	s, err := newSearch(p, m, &o)
	if err != nil {
		return nil, err
	}
	if err := s.begin(p.Names); err != nil {
		return nil, err
	}
	for s.d.Iter < o.MaxIter {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if s.certified() {
			break
		}
		var moved bool
		switch {
		case o.Method == Multiplicative:
			moved = s.multiply()
		case o.Method == Auto && s.d.Iter%(m+2) == m+1:
			moved = s.polish() || s.fedorov()
		default:
			moved = s.fedorov()
		}
		if !moved {
			s.d.Status = Stalled
			break
		}
	}
	return s.finish(), nil
}

// Evaluate returns the design of the given weights, normalised to sum 1, with
// sensitivities and efficiency bound, without moving it. Its error is a
// *SingularError where the design is singular for the criterion.
func (p *Problem) Evaluate(weights []float64, c Criterion) (*Design, error) {
	if weights == nil {
		panic("design: nil weights")
	}
	o := Options{Criterion: c, Start: weights, Tol: 1e-8}
	m, err := p.check(&o)
	if err != nil {
		return nil, err
	}
	if c == nil {
		o.Criterion = D{}
	}
	s, err := newSearch(p, m, &o)
	if err != nil {
		return nil, err
	}
	s.start()
	if !s.ev.Set(s.mat) {
		return nil, singularError(s.mat, p.Names)
	}
	s.sensitivities()
	return s.finish(), nil
}

func singularError(m *mat.SymDense, names []string) error {
	sp, err := singular.NewSpectrum(m)
	if err != nil {
		return fmt.Errorf("design: %w", err)
	}
	return &SingularError{sp, names}
}
