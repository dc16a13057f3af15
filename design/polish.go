package design

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"
)

// polish maximises Ψ over the weights of the present support and the worst
// candidate outside it, by Newton's method with an active set: candidates whose
// weight reaches zero leave. It reports whether Ψ has not fallen and something
// moved.
func (s *search) polish() bool {
	var set []int
	for j, w := range s.w {
		if w > 0 || j == s.d.Worst {
			set = append(set, j)
		}
	}
	start := append([]float64(nil), s.w...)
	peak := s.d.MaxSensitivity
	for range 60 {
		done, ok := s.newton(&set)
		if !ok {
			break
		}
		if done {
			break
		}
	}
	moved := false
	for j := range s.w {
		moved = moved || s.w[j] != start[j]
	}
	if !moved {
		return false
	}
	return s.moved(Step{Candidate: -1, Phi: peak, Alpha: 1})
}

// newton makes one step on the weights of the candidates in set. done says that
// the sensitivities on the set are level to rounding.
func (s *search) newton(set *[]int) (done, ok bool) {
	if !s.ev.Set(s.mat) {
		return false, false
	}
	value := s.ev.Value()
	s.ev.Gradient(s.grad)
	n := len(*set)
	phi := make([]float64, n)
	for a, j := range *set {
		phi[a] = inner(s.info[j], s.grad)
	}
	h := mat.NewSymDense(n, nil)
	var scale float64
	for b, j := range *set {
		s.ev.Curvature(s.curve, s.info[j])
		for a := 0; a <= b; a++ {
			h.SetSym(a, b, inner(s.info[(*set)[a]], s.curve))
		}
		scale = max(scale, -h.At(b, b))
	}
	step, ok := kkt(h, phi, scale)
	if !ok {
		return false, false
	}
	// Candidates at zero that would go below leave before the step.
	var keep []int
	for a, j := range *set {
		if s.w[j] > 0 || step[a] > 0 {
			keep = append(keep, j)
		}
	}
	if len(keep) < n {
		*set = keep
		return false, true
	}
	var size float64
	for _, v := range step {
		size = max(size, math.Abs(v))
	}
	// The full step, cut at zero, gets rid of many candidates at once; where it
	// does not raise Ψ, go to the first weight that reaches zero, then halve.
	limit := 1.0
	for a, j := range *set {
		if step[a] < 0 {
			limit = min(limit, -s.w[j]/step[a])
		}
	}
	t := 1.0
	for range 40 {
		copy(s.trial, s.w)
		for a, j := range *set {
			s.trial[j] = s.w[j] + t*step[a]
			if s.trial[j] <= 1e-15 {
				s.trial[j] = 0
			}
		}
		normalize(s.trial)
		s.total(s.try, s.trial)
		if s.ev.Set(s.try) && s.ev.Value() >= value-1e-13*(1+math.Abs(value)) {
			copy(s.w, s.trial)
			s.mat.CopySym(s.try)
			keep = keep[:0]
			for _, j := range *set {
				if s.w[j] > 0 {
					keep = append(keep, j)
				}
			}
			*set = keep
			return size < 1e-12, true
		}
		if t > limit {
			t = limit
		} else {
			t /= 2
		}
	}
	return true, true
}

// kkt solves max φᵀd + ½ dᵀHd subject to Σ d = 0 for a negative semidefinite H.
// Weights need not be unique (more candidates than m(m+1)/2 dimensions), so H is
// moved by 1e-12 of its scale: among equal designs the nearest is taken.
func kkt(h *mat.SymDense, phi []float64, scale float64) ([]float64, bool) {
	n := len(phi)
	k := mat.NewDense(n+1, n+1, nil)
	rhs := mat.NewVecDense(n+1, nil)
	for a := range n {
		for b := range n {
			k.Set(a, b, h.At(a, b)/scale)
		}
		k.Set(a, a, k.At(a, a)-1e-12)
		k.Set(a, n, 1)
		k.Set(n, a, 1)
		rhs.SetVec(a, -phi[a]/scale)
	}
	var x mat.VecDense
	if err := x.SolveVec(k, rhs); err != nil {
		if near := mat.Condition(0); !errors.As(err, &near) {
			return nil, false
		}
	}
	step := make([]float64, n)
	for a := range n {
		step[a] = x.AtVec(a)
		if math.IsNaN(step[a]) || math.IsInf(step[a], 0) {
			return nil, false
		}
	}
	return step, true
}
