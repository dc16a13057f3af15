package models

import (
	"math/rand/v2"

	"github.com/neuromanifold/neuromanifold/internal/vec"
)

// A Stepper can take many trajectories of on-line learning together, faster than one
// after the other: each draws its own observations from the teacher, one for each
// step, and moves by θ ← θ + η s(θ; x, y), with s the score of that observation.
type Stepper interface {
	// Online returns m trajectories that learn from the law that truth has at the
	// parameters at, or nil where this member of the family, or the teacher, is not
	// one that can be taken together. The conditions are those of the family.
	Online(truth Model, at []float64, m int, opt OnlineOptions) Trajectories
}

// OnlineOptions sets how trajectories learn.
type OnlineOptions struct {
	Step float64 // η
	// NoiseFree leaves the noise out of the labels: y = E(y | x), for regressions.
	NoiseFree bool
}

// Trajectories are learners side by side. Each owns a generator, so that its path
// depends on its start and that generator alone: not on its index, the others, or how
// the steps are divided among calls. One goroutine at a time.
type Trajectories interface {
	Len() int
	// Start puts trajectory i at θ and takes the state of its generator from rng. It
	// panics after the first StepMany.
	Start(i int, theta []float64, rng *rand.Rand)
	// StepMany takes n steps of every trajectory. What diverges becomes NaN or
	// infinite, and stays so.
	StepMany(n int)
	// At fills dst (d) with the parameters of trajectory i.
	At(dst []float64, i int)
}

// Online implements Stepper for one output, erf or tanh units, no biases, known noise
// and normal inputs, with a teacher of the same inputs and units, any number of them.
func (m *MLP) Online(truth Model, at []float64, n int, opt OnlineOptions) Trajectories {
	t, ok := truth.(*MLP)
	if !ok || CheckTheta(t, at) != nil || n < 1 {
		return nil
	}
	law, normal := m.s.Inputs.(NormalLaw)
	if !normal || t.s.Inputs != m.s.Inputs || t.s.Act != m.s.Act || !m.plainUnits() || !t.plainUnits() {
		return nil
	}
	unit := vec.TanhUnit
	if m.s.Act == ErfUnit {
		unit = vec.ErfUnit
	}
	all := &mlpTrajectories{m: m, n: n}
	for range (n + vec.Lanes - 1) / vec.Lanes {
		l := vec.NewLearner(unit, m.s.In, m.s.Hidden, t.s.Hidden)
		l.SD, l.Rate = law.SD, opt.Step/(m.s.Sigma*m.s.Sigma)
		if !opt.NoiseFree {
			l.Noise = t.s.Sigma
		}
		width := m.s.In + 1
		for j := range t.s.Hidden {
			copy(l.Teacher[j*width:], t.unit(at, j))
			l.Teacher[j*width+m.s.In] = t.output(at, 0)[j]
		}
		for i := range vec.Lanes {
			l.Generators.Seed(i, [4]uint64{1})
		}
		all.groups = append(all.groups, l)
	}
	return all
}

// plainUnits reports whether the network is one that vec.Learner takes.
func (m *MLP) plainUnits() bool {
	return m.s.Out == 1 && !m.s.Bias && !m.s.FreeSigma && (m.s.Act == ErfUnit || m.s.Act == TanhUnit)
}

// mlpTrajectories holds vec.Lanes networks in each group.
type mlpTrajectories struct {
	m      *MLP
	n      int
	groups []*vec.Learner
}

func (t *mlpTrajectories) Len() int { return t.n }

func (t *mlpTrajectories) StepMany(n int) {
	for _, g := range t.groups {
		g.Steps(n)
	}
}

// place returns the group of trajectory i and its lane.
func (t *mlpTrajectories) place(i int) (*vec.Learner, int) {
	if i < 0 || i >= t.n {
		panic("models: no such trajectory")
	}
	return t.groups[i/vec.Lanes], i % vec.Lanes
}

// Start implements Trajectories.
func (t *mlpTrajectories) Start(i int, theta []float64, rng *rand.Rand) {
	checkLen(len(theta), len(t.m.params))
	g, lane := t.place(i)
	if g.Started() {
		panic("models: trajectories are started before their first step")
	}
	// Four words are all 0 with probability 2^-256.
	g.Generators.Seed(lane, [4]uint64{rng.Uint64(), rng.Uint64(), rng.Uint64(), rng.Uint64()})
	in := t.m.s.In
	for j := range t.m.s.Hidden {
		row := g.State[j*(in+1)*vec.Lanes:]
		for k, w := range t.m.unit(theta, j) {
			row[k*vec.Lanes+lane] = w
		}
		row[in*vec.Lanes+lane] = t.m.output(theta, 0)[j]
	}
}

// At implements Trajectories.
func (t *mlpTrajectories) At(dst []float64, i int) {
	checkLen(len(dst), len(t.m.params))
	g, lane := t.place(i)
	in := t.m.s.In
	for j := range t.m.s.Hidden {
		row := g.State[j*(in+1)*vec.Lanes:]
		unit := t.m.unit(dst, j)
		for k := range unit {
			unit[k] = row[k*vec.Lanes+lane]
		}
		t.m.output(dst, 0)[j] = row[in*vec.Lanes+lane]
	}
}
