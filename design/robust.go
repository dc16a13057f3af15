package design

import (
	"fmt"

	"gonum.org/v1/gonum/mat"
)

// Expected is Σ_s p_s Ψ(M_s): a criterion averaged over scenarios, which are
// values of the parameters drawn from a prior or chosen. It takes matrices that
// are block-diagonal over the scenarios: see Scenarios. The equivalence theorem
// holds for it as for Ψ.
type Expected struct {
	Criterion Criterion // nil means D{}
	P         []float64 // probabilities of the scenarios
}

// Scenarios returns for every candidate the block-diagonal matrix of its
// information in each scenario, from info[s][j] of scenario s and candidate j.
// It panics if the scenarios have different candidates.
func Scenarios(info [][]*mat.SymDense) []*mat.SymDense {
	if len(info) == 0 {
		panic("design: no scenarios")
	}
	out := make([]*mat.SymDense, len(info[0]))
	m := info[0][0].SymmetricDim()
	for j := range out {
		out[j] = mat.NewSymDense(m*len(info), nil)
		for s := range info {
			if len(info[s]) != len(out) || info[s][j].SymmetricDim() != m {
				panic("design: scenarios with different candidates or parameters")
			}
			for a := range m {
				for b := a; b < m; b++ {
					out[j].SetSym(s*m+a, s*m+b, info[s][j].At(a, b))
				}
			}
		}
	}
	return out
}

func (c Expected) base() Criterion {
	if c.Criterion == nil {
		return D{}
	}
	return c.Criterion
}

// Name returns the name of Ψ with "expected ".
func (c Expected) Name() string { return "expected " + c.base().Name() }

// Evaluator returns an error for probabilities that are not positive with sum 1,
// and for a size that is no multiple of their number.
func (c Expected) Evaluator(m int) (Evaluator, error) {
	n := len(c.P)
	if n == 0 || m%n != 0 {
		return nil, fmt.Errorf("design: expected criterion: %d scenarios for %d×%[2]d matrices", n, m)
	}
	var sum float64
	for _, p := range c.P {
		if !(p > 0) {
			return nil, fmt.Errorf("design: expected criterion: probability %v, want a positive number", p)
		}
		sum += p
	}
	if sum < 1-1e-9 || sum > 1+1e-9 {
		return nil, fmt.Errorf("design: expected criterion: the probabilities have sum %v, want 1", sum)
	}
	d := m / n
	e := &expectedEval{p: c.P, d: d, in: mat.NewSymDense(d, nil), out: mat.NewSymDense(d, nil)}
	for range n {
		ev, err := c.base().Evaluator(d)
		if err != nil {
			return nil, err
		}
		e.ev = append(e.ev, ev)
	}
	return e, nil
}

type expectedEval struct {
	p       []float64
	ev      []Evaluator
	d       int
	in, out *mat.SymDense
}

func (e *expectedEval) block(src *mat.SymDense, s int) *mat.SymDense {
	for a := range e.d {
		for b := a; b < e.d; b++ {
			e.in.SetSym(a, b, src.At(s*e.d+a, s*e.d+b))
		}
	}
	return e.in
}

func (e *expectedEval) put(dst *mat.SymDense, s int) {
	for a := range e.d {
		for b := a; b < e.d; b++ {
			dst.SetSym(s*e.d+a, s*e.d+b, e.p[s]*e.out.At(a, b))
		}
	}
}

func (e *expectedEval) Set(M *mat.SymDense) bool {
	for s, ev := range e.ev {
		if !ev.Set(e.block(M, s)) {
			return false
		}
	}
	return true
}

func (e *expectedEval) Value() float64 {
	var v float64
	for s, ev := range e.ev {
		v += e.p[s] * ev.Value()
	}
	return v
}

func (e *expectedEval) Gradient(dst *mat.SymDense) {
	dst.Zero()
	for s, ev := range e.ev {
		ev.Gradient(e.out)
		e.put(dst, s)
	}
}

func (e *expectedEval) Curvature(dst, mu *mat.SymDense) {
	dst.Zero()
	for s, ev := range e.ev {
		ev.Curvature(e.out, e.block(mu, s))
		e.put(dst, s)
	}
}

func (e *expectedEval) Efficiency(psi, best float64) float64 { return e.ev[0].Efficiency(psi, best) }
