package dynamics

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

// NaturalOptions sets how a NaturalGradient works. Its zero value is the natural
// gradient flow in θ.
type NaturalOptions struct {
	// Damping is added to the Fisher information as Damping × I.
	Damping float64
	// Step > 0 makes steps θ ← θ + Step · F⁻¹ Score in place of the flow.
	Step float64
	Tolerances
}

// A NaturalGradient is dθ/dτ = −(F + εI)⁻¹ ∂L/∂θ with the exact Fisher information
// (S. Amari, Neural Computation 10 (1998) 251).
type NaturalGradient struct {
	o      *Objective
	opt    NaturalOptions
	fisher *singular.Fisher
	info   singular.Information
	chol   mat.Cholesky
	s, d   []float64
	next   []float64
	flow   *dopri5
	lost   bool // the last field failed because F is singular
}

// NewNaturalGradient returns the natural gradient of o. It returns an error where
// there is no route to the Fisher information.
func NewNaturalGradient(o *Objective, opt NaturalOptions) (*NaturalGradient, error) {
	f, err := singular.NewFisher(o.Model(), singular.FisherOptions{})
	if err != nil {
		return nil, err
	}
	if f.Route() == models.MonteCarlo {
		return nil, fmt.Errorf("%v: the natural gradient needs the Fisher information without random error", o.Model())
	}
	d := models.Dim(o.Model())
	n := &NaturalGradient{o: o, opt: opt, fisher: f, s: make([]float64, d), d: make([]float64, d), next: make([]float64, d)}
	n.flow = newDopri5(n.field, d, opt.Tolerances)
	return n, nil
}

const (
	// leastCondition is where a solution has lost all digits.
	leastCondition = 1e-15
	// leastFlowing is where a flow has too few: its step sizes follow the noise of the
	// four that are left, and shrink in proportion.
	leastFlowing = 1e-12
)

// field fills dst with (F + εI)⁻¹ Score after scaling F to a unit diagonal.
func (n *NaturalGradient) field(dst, theta []float64) bool {
	n.lost = false
	if !n.o.Field(n.s, theta) {
		return false
	}
	if n.fisher.Into(&n.info, theta) != nil {
		return false
	}
	f := n.info.F
	d := len(theta)
	for i := range d {
		v := f.At(i, i) + n.opt.Damping
		if !(v > 0) {
			n.lost = true
			return false
		}
		n.d[i] = 1 / math.Sqrt(v)
	}
	for i := range d {
		for j := i; j < d; j++ {
			v := f.At(i, j)
			if i == j {
				v += n.opt.Damping
			}
			f.SetSym(i, j, v*n.d[i]*n.d[j])
		}
	}
	least := leastCondition
	if n.dense() {
		least = leastFlowing
	}
	if !n.chol.Factorize(f) || !(n.chol.Cond() < 1/least) {
		n.lost = true
		return false
	}
	v := mat.NewVecDense(d, dst)
	for i := range d {
		dst[i] = n.s[i] * n.d[i]
	}
	if err := n.chol.SolveVecTo(v, v); err != nil {
		var c mat.Condition
		if !errors.As(err, &c) {
			n.lost = true
			return false
		}
	}
	for i := range d {
		dst[i] *= n.d[i]
		if math.IsNaN(dst[i]) || math.IsInf(dst[i], 0) {
			n.lost = true
			return false
		}
	}
	return true
}

// Step implements Flow.
func (n *NaturalGradient) Step(theta []float64, most float64, _ *rand.Rand) (float64, error) {
	if n.opt.Step > 0 {
		if !n.field(n.next, theta) {
			return 0, n.why(ErrLeft)
		}
		for i := range theta {
			n.next[i] = theta[i] + n.opt.Step*n.next[i]
		}
		return n.opt.Step, accept(theta, n.next)
	}
	dt, err := n.flow.step(theta, most)
	return dt, n.why(err)
}

func (n *NaturalGradient) why(err error) error {
	if err != nil && n.lost {
		return ErrSingular
	}
	return n.o.why(err)
}

// At implements Dense for the flow, not for steps.
func (n *NaturalGradient) At(dst []float64, dt float64) { n.flow.At(dst, dt) }

func (n *NaturalGradient) dense() bool { return n.opt.Step == 0 }

func (n *NaturalGradient) restart() { n.flow.fresh = false }

// A ChartGradient is the natural gradient flow of two units in the regular chart
// μ = (δ, γ, s, r) of their overlap (singular.Chart), where neither the Fisher
// information nor the score loses digits as the units meet: it is the same flow of
// laws as NaturalGradient, and stays accurate down to u = 1e-8 and on the overlap.
// It needs weights of one sign, |z| < 1. The units keep their order.
type ChartGradient struct {
	chart *singular.Chart
	truth func(x float64) float64
	reach float64
	f     *mat.SymDense
	chol  mat.Cholesky
	s, mu []float64
	flow  *dopri5
	known []float64 // the θ that mu belongs to
	at    []float64
	swap  bool // the units stand in the other order than the chart's, u < 0
	err   error
}

// NewChartGradient returns the natural gradient flow of o in the chart. The error
// wraps singular.ErrNoChart where the model has none, or where the objective is
// not the average over a network or a mixture in one variable.
func NewChartGradient(o *Objective, tol Tolerances) (*ChartGradient, error) {
	c, err := singular.NewChart(o.Model())
	if err != nil {
		return nil, err
	}
	var truth func(x float64) float64
	var reach float64
	ok := false
	if m, at := o.Truth(); m != nil && m.Shape() == o.Model().Shape() {
		truth, reach, ok = models.LineFunction(m, at)
	}
	if !ok {
		return nil, fmt.Errorf("%v: %w: the teacher is not a network or a mixture of the same units", o.Model(), singular.ErrNoChart)
	}
	d := models.Dim(o.Model())
	g := &ChartGradient{chart: c, truth: truth, reach: reach, f: mat.NewSymDense(d, nil), s: make([]float64, d), mu: make([]float64, d), known: make([]float64, d), at: make([]float64, d)}
	if tol.Abs == 0 {
		tol.Abs = 1e-14 // γ is of third order in u
	}
	g.flow = newDopri5(g.field, d, tol)
	return g, nil
}

func (g *ChartGradient) field(dst, mu []float64) bool {
	if _, g.err = g.chart.Score(g.s, mu, g.truth, g.reach); g.err != nil {
		return false
	}
	if _, g.err = g.chart.Fisher(g.f, mu); g.err != nil {
		return false
	}
	if !g.chol.Factorize(g.f) {
		g.err = ErrSingular
		return false
	}
	v := mat.NewVecDense(len(dst), dst)
	if err := g.chol.SolveVecTo(v, mat.NewVecDense(len(dst), g.s)); err != nil {
		var c mat.Condition
		if !errors.As(err, &c) {
			g.err = ErrSingular
			return false
		}
	}
	return true
}

// Loss returns KL(truth‖θ) with small relative error, also where the objective's
// own closed form has lost its digits.
func (g *ChartGradient) Loss(theta []float64) (float64, error) {
	mu, s := make([]float64, len(theta)), make([]float64, len(theta))
	if err := g.chart.Forward(mu, theta); err != nil {
		return math.NaN(), err
	}
	return g.chart.Score(s, mu, g.truth, g.reach)
}

// Step implements Flow.
func (g *ChartGradient) Step(theta []float64, most float64, _ *rand.Rand) (float64, error) {
	same := true
	for i := range theta {
		same = same && theta[i] == g.known[i]
	}
	if !same {
		g.flow.fresh = false
		if err := g.chart.Forward(g.mu, theta); err != nil {
			return 0, fmt.Errorf("%w: %w", ErrLeft, err)
		}
		first := 0
		if len(theta) == 3 { // a mixture: its weight comes first
			first = 1
		}
		g.swap = theta[first+1] < theta[first]
	}
	dt, err := g.flow.step(g.mu, most)
	if err != nil {
		if errors.Is(g.err, ErrSingular) {
			return 0, ErrSingular
		}
		return 0, err
	}
	if err := g.chart.Inverse(theta, g.mu); err != nil {
		g.forget()
		return 0, fmt.Errorf("%w: %w", ErrLeft, err)
	}
	if g.swap {
		exchange(theta)
	}
	copy(g.known, theta)
	return dt, nil
}

// At implements Dense; θ is NaN where the extension leaves the chart.
func (g *ChartGradient) At(dst []float64, dt float64) {
	g.flow.At(g.at, dt)
	if g.chart.Inverse(dst, g.at) != nil {
		for i := range dst {
			dst[i] = math.NaN()
		}
		return
	}
	if g.swap {
		exchange(dst)
	}
}

// exchange puts two units in the other order.
func exchange(theta []float64) {
	if len(theta) == 3 {
		theta[0], theta[1], theta[2] = 1-theta[0], theta[2], theta[1]
		return
	}
	theta[0], theta[1], theta[2], theta[3] = theta[1], theta[0], theta[3], theta[2]
}

func (g *ChartGradient) restart() {
	g.flow.fresh = false
	g.forget()
}

// forget has the next step read its point from θ.
func (g *ChartGradient) forget() { g.known[0] = math.NaN() }
