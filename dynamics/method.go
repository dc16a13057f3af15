package dynamics

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/neuromanifold/neuromanifold/models"
)

// A MethodInfo describes a method that NewMethod makes.
type MethodInfo struct {
	Name, Doc string
	Sampled   bool // draws observations: needs a random generator
}

// Methods returns the methods by name.
func Methods() []MethodInfo {
	return []MethodInfo{
		{"gd", "gradient flow (adaptive, order 5); with a step, gradient descent", false},
		{"implicit", "gradient flow by an implicit method, for stiff problems", false},
		{"natural", "natural gradient flow, in the regular chart near an overlap; with a step, in steps", false},
		{"sgd", "on-line stochastic gradient, or mini-batches", true},
		{"momentum", "stochastic gradient with momentum 0.9", true},
		{"adam", "Adam", true},
		{"adaptive", "adaptive natural gradient of Park, Amari and Fukumizu, on line", true},
		{"langevin", "gradient descent with thermal noise", true},
		{"em", "EM as a flow; with a step, that fraction of an EM step", false},
		{"recursive", "on-line recursive maximum likelihood (ARMA)", true},
	}
}

// MethodOptions are the settings of the methods; each reads those that it has.
type MethodOptions struct {
	Step        float64 // η; 0 is continuous time where the method has it, otherwise 0.01
	Batch       int     // observations for a sampled gradient; 0 means 1
	Damping     float64 // of the natural gradients; 0 means 1 for the adaptive one
	Rate        float64 // ε of the adaptive natural gradient; 0 means 0.001
	Temperature float64 // of langevin
	Tolerances
}

// NewMethod returns the flow of o with this name, to start at start. The errors say
// what a method needs and the objective lacks.
func NewMethod(name string, o *Objective, start []float64, opt MethodOptions) (Flow, error) {
	for _, v := range []struct {
		name string
		v    float64
	}{{"step", opt.Step}, {"damping", opt.Damping}, {"rate", opt.Rate}, {"temperature", opt.Temperature}} {
		if !(v.v >= 0) || math.IsInf(v.v, 1) {
			return nil, fmt.Errorf("a %s of %v: want a finite number that is not negative", v.name, v.v)
		}
	}
	d := models.Dim(o.Model())
	step := opt.Step
	if step == 0 {
		step = 0.01
	}
	sampled := func() (Source, error) { return NewSampled(o, max(opt.Batch, 1)) }
	switch name {
	case "gd":
		if opt.Step > 0 {
			return NewSGD(Averaged{o}, d, opt.Step)
		}
		return NewGradientFlow(o, opt.Tolerances), nil
	case "implicit":
		if opt.Step > 0 {
			return nil, errors.New("the implicit method chooses its own steps")
		}
		return NewStiffGradientFlow(o, opt.Tolerances), nil
	case "natural":
		return newNatural(o, opt)
	case "sgd":
		src, err := sampled()
		if err != nil {
			return nil, err
		}
		return NewSGD(src, d, step)
	case "momentum":
		src, err := sampled()
		if err != nil {
			return nil, err
		}
		return NewMomentum(src, d, step, 0.9)
	case "adam":
		src, err := sampled()
		if err != nil {
			return nil, err
		}
		return NewAdam(src, d, step)
	case "adaptive":
		rate := opt.Rate
		if rate == 0 {
			rate = 0.001
		}
		damping := opt.Damping
		if damping == 0 {
			// Near the singular set F⁻¹ is too large for any step.
			damping = 1
		}
		return NewAdaptiveNatural(o, start, step, rate, damping)
	case "langevin":
		return NewLangevin(Averaged{o}, d, step, opt.Temperature)
	case "em":
		return NewEM(o, opt.Step, opt.Tolerances)
	case "recursive":
		if o.truth == nil {
			return nil, errors.New("recursive maximum likelihood learns from a teacher")
		}
		return NewRecursiveML(o.Model(), o.truth, o.at, RecursiveOptions{Step: opt.Step, Damping: opt.Damping})
	}
	var names []string
	for _, m := range Methods() {
		names = append(names, m.Name)
	}
	return nil, &models.UnknownNameError{What: "method", Name: name, Known: names}
}

// newNatural prefers the chart wherever it reaches.
func newNatural(o *Objective, opt MethodOptions) (Flow, error) {
	plain, err := NewNaturalGradient(o, NaturalOptions{Damping: opt.Damping, Step: opt.Step, Tolerances: opt.Tolerances})
	if err != nil || opt.Step > 0 || opt.Damping > 0 {
		return plain, err
	}
	chart, err := NewChartGradient(o, opt.Tolerances)
	if err != nil {
		return plain, nil //nolint:nilerr // a model without a chart has the flow in θ
	}
	mu := make([]float64, models.Dim(o.Model()))
	return &natural{plain: plain, chart: chart, mu: mu, last: plain}, nil
}

// A natural is one flow in two coordinate systems: in the chart while the units are
// near each other and it reaches, else in θ.
type natural struct {
	plain *NaturalGradient
	chart *ChartGradient
	mu    []float64
	last  Dense // the one that took the last step
}

// nearOverlap is the δ = (1−z²)u², relative to the size of the locations, below which
// the chart is used.
const nearOverlap = 0.1

// Step implements Flow.
func (n *natural) Step(theta []float64, most float64, rng *rand.Rand) (float64, error) {
	if n.chart.chart.Forward(n.mu, theta) == nil && n.mu[0] < nearOverlap*(1+n.mu[2]*n.mu[2]) {
		n.plain.restart()
		if dt, err := n.chart.Step(theta, most, rng); err == nil {
			n.last = n.chart
			return dt, nil
		}
	}
	n.last = n.plain
	return n.plain.Step(theta, most, rng)
}

// At implements Dense.
func (n *natural) At(dst []float64, dt float64) { n.last.At(dst, dt) }

func (n *natural) restart() {
	n.plain.restart()
	n.chart.restart()
	n.chart.forget()
}
