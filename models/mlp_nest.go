package models

import "math"

// Embed implements Nester for networks of the same inputs, outputs and
// activation with at most as many hidden units, and no biases or free variance
// that this one lacks: the unit with the largest weights out is split into equal
// copies, which lands on an overlap. It reports false for other models, and for
// a known σ that differs.
func (m *MLP) Embed(dst []float64, sub Model, subTheta []float64) bool {
	checkLen(len(dst), len(m.params))
	b, ok := sub.(*MLP)
	if !ok || b.s.In != m.s.In || b.s.Out != m.s.Out || b.s.Act != m.s.Act || b.s.Hidden > m.s.Hidden || b.s.Bias && !m.s.Bias {
		return false
	}
	checkLen(len(subTheta), len(b.params))
	s2 := b.variance(subTheta)
	if !m.s.FreeSigma && s2 != m.variance(nil) {
		return false
	}
	largest, size := 0, -1.0
	for i := range b.s.Hidden {
		s := 0.0
		for o := range b.s.Out {
			v := b.output(subTheta, o)[i]
			s += v * v
		}
		if s > size {
			largest, size = i, s
		}
	}
	clear(dst)
	copies := float64(m.s.Hidden - b.s.Hidden + 1)
	for i := range m.s.Hidden {
		from := i
		if i >= b.s.Hidden {
			from = largest
		}
		copy(m.unit(dst, i), b.unit(subTheta, from))
		for o := range m.s.Out {
			v := b.output(subTheta, o)[from]
			if from == largest {
				v /= copies
			}
			m.output(dst, o)[i] = v
		}
	}
	if b.s.Bias {
		for o := range m.s.Out {
			m.output(dst, o)[m.s.Hidden] = b.output(subTheta, o)[b.s.Hidden]
		}
	}
	if m.s.FreeSigma {
		dst[m.net] = s2
	}
	return true
}

// ToFree implements Unconstrainer: log σ² for a free variance, else θ itself.
func (m *MLP) ToFree(dst, theta []float64) {
	checkLen(len(theta), len(m.params))
	checkLen(len(dst), len(m.params))
	copy(dst, theta)
	if m.s.FreeSigma {
		dst[m.net] = math.Log(theta[m.net])
	}
}

// FromFree implements Unconstrainer.
func (m *MLP) FromFree(dst, free []float64) {
	checkLen(len(free), len(m.params))
	checkLen(len(dst), len(m.params))
	copy(dst, free)
	if m.s.FreeSigma {
		dst[m.net] = math.Exp(free[m.net])
	}
}

// PullScore implements Unconstrainer.
func (m *MLP) PullScore(dst, free, score []float64) {
	checkLen(len(free), len(m.params))
	checkLen(len(score), len(m.params))
	checkLen(len(dst), len(m.params))
	copy(dst, score)
	if m.s.FreeSigma {
		dst[m.net] = score[m.net] * math.Exp(free[m.net])
	}
}
