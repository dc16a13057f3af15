package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/neuromanifold/neuromanifold/experiments"
	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

// spectrumFlags are the flags of the command spectrum.
type spectrumFlags struct {
	activation, loss, memory, figures      string
	sw2, sb2, momentum                     float64
	depth, width, inputs, samples, outputs int
	nets, draws, workers                   int
}

func (a *app) spectrumCommand() *cobra.Command {
	var f spectrumFlags
	c := &cobra.Command{
		Use:   "spectrum",
		Short: "Measure the Fisher spectrum of random deep networks beside its theory",
		Long: `Draw fully connected networks with W_ij ~ N(0, σ_w²/fan-in), b_i ~ N(0, σ_b²) and
inputs from N(0, I), and measure the eigenvalues of their Fisher information
beside what mean field says of wide layers: nearly all eigenvalues are small, the
mean is of order 1/M, and one for each output (one less for cross-entropy) grows
like the width M. The density of the eigenvalues is shown as counts in bins of
equal ratio, with the predicted outliers in theirs. Eigenvalues come from the dual
matrix of samples × outputs; how much memory they would take is checked before
anything is drawn.`,
		Example: `  simulate spectrum --width 200 --samples 50 --nets 10
  simulate spectrum --activation relu --sw2 2 --sb2 0.1 --loss cross-entropy --outputs 4 --width 100 --samples 30 --nets 5 --json`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return &requestError{fmt.Errorf("%s takes flags only, not %q", c.CommandPath(), args[0]), []string{"usage: " + c.UseLine()}}
			}
			return nil
		},
		RunE: a.do(func(*cobra.Command, []string) error { return a.spectrum(&f) }),
	}
	fl := c.Flags()
	fl.StringVar(&f.activation, "activation", "tanh", "activation of the hidden layers: tanh, relu, erf (erf(h/√2)), linear")
	fl.Float64Var(&f.sw2, "sw2", 3, "σ_w²: variance of a weight × its fan-in")
	fl.Float64Var(&f.sb2, "sb2", 0.64, "σ_b²: variance of a bias")
	fl.IntVar(&f.depth, "depth", 3, "L: layers of weights, the last one linear")
	fl.IntVar(&f.width, "width", 400, "M: units of every hidden layer")
	fl.IntVar(&f.inputs, "inputs", 0, "number of inputs; 0 is the width")
	fl.IntVar(&f.samples, "samples", 100, "N: inputs at which the information is averaged")
	fl.IntVar(&f.outputs, "outputs", 1, "C: outputs, the classes for cross-entropy")
	fl.IntVar(&f.nets, "nets", 20, "networks to draw")
	fl.StringVar(&f.loss, "loss", "regression", "regression or cross-entropy")
	fl.Float64Var(&f.momentum, "momentum", 0, "momentum μ for the critical learning rate 2(1+μ)/λ_max")
	fl.IntVar(&f.draws, "draws", 500, "draws for the parts of the theory that are Monte Carlo (cross-entropy)")
	fl.StringVar(&f.memory, "memory", "4GiB", "most memory for the networks at work and all eigenvalues: a number with B, MiB or GiB")
	fl.IntVar(&f.workers, "workers", 0, "networks at a time; 0 is one a processor. The result does not depend on it")
	fl.StringVar(&f.figures, "figures", "", "directory for a figure of the density as SVG and PNG, with its data as CSV")
	a.withSeed(c)
	a.withJSON(c)
	return c
}

// activation returns the activation of a name.
func activation(name string) (models.Activation, error) {
	known := []models.Activation{models.TanhUnit, models.ReLUUnit, models.ErfUnit, models.LinearUnit}
	u := &models.UnknownNameError{What: "activation", Name: name}
	for _, act := range known {
		if act.String() == name {
			return act, nil
		}
		u.Known = append(u.Known, act.String())
	}
	return 0, u
}

// parseBytes reads a positive amount of memory.
func parseBytes(text string) (float64, error) {
	unit := 1.0
	digits := strings.TrimSuffix(text, "B")
	for _, u := range []struct {
		suffix string
		bytes  float64
	}{{"Ki", 1 << 10}, {"Mi", 1 << 20}, {"Gi", 1 << 30}, {"Ti", 1 << 40}} {
		if rest, ok := strings.CutSuffix(digits, u.suffix); ok && digits != text {
			digits, unit = rest, u.bytes
		}
	}
	v, err := strconv.ParseFloat(digits, 64)
	if err != nil || !(v > 0) || v*unit > 1<<62 {
		return 0, fmt.Errorf("--memory %q: want a number above 0 with B, KiB, MiB, GiB or TiB", text)
	}
	return v * unit, nil
}

// keptBytes is what is kept of each network that is done: its eigenvalues, two more
// copies for the figure, and its moments.
func keptBytes(samples, outputs int) float64 { return 3*8*float64(samples)*float64(outputs) + 256 }

// request returns what the flags ask for.
func (f *spectrumFlags) request() (net singular.WideNet, loss singular.Loss, limit float64, err error) {
	for _, v := range []struct {
		flag         string
		value, least int
	}{
		{"depth", f.depth, 2}, {"width", f.width, 1}, {"inputs", f.inputs, 0}, {"samples", f.samples, 1},
		{"outputs", f.outputs, 1}, {"nets", f.nets, 2}, {"draws", f.draws, 2}, {"workers", f.workers, 0},
	} {
		if v.value < v.least {
			return net, 0, 0, fmt.Errorf("--%s %d: want a whole number from %d", v.flag, v.value, v.least)
		}
	}
	if f.depth > 10_000 {
		return net, 0, 0, fmt.Errorf("--depth %d: want at most 10000", f.depth)
	}
	switch f.loss {
	case singular.RegressionLoss.String():
	case singular.CrossEntropyLoss.String():
		loss = singular.CrossEntropyLoss
		if f.outputs < 2 || f.samples < 2 {
			return net, 0, 0, errors.New("--loss cross-entropy: want at least 2 classes (--outputs) and 2 samples (--samples)")
		}
	default:
		return net, 0, 0, &models.UnknownNameError{What: "loss", Name: f.loss, Known: []string{"regression", "cross-entropy"}}
	}
	if !(f.momentum >= 0 && f.momentum < 1) {
		return net, 0, 0, fmt.Errorf("--momentum %v: want a number from 0, below 1", f.momentum)
	}
	if limit, err = parseBytes(f.memory); err != nil {
		return net, 0, 0, err
	}
	net = singular.WideNet{VarW: f.sw2, VarB: f.sb2, Outputs: f.outputs, Widths: slices.Repeat([]int{f.width}, f.depth)}
	if f.inputs > 0 {
		net.Widths[0] = f.inputs
	}
	net.Act, err = activation(f.activation)
	return net, loss, limit, err
}

func (a *app) spectrum(f *spectrumFlags) error {
	if err := a.checkSeed(); err != nil {
		return err
	}
	net, loss, limit, err := f.request()
	if err != nil {
		return bad(err)
	}
	field, err := singular.NewMeanField(net)
	if err != nil {
		return bad(err)
	}
	least, best, err := singular.WideBytes(net, f.samples)
	if err != nil {
		return bad(err)
	}
	if least > limit {
		return bad(&models.MemoryError{What: "the spectrum of one network", Need: least, Limit: limit},
			"fewer --samples or --outputs, a smaller --width, or more --memory")
	}
	kept := float64(f.nets) * keptBytes(f.samples, f.outputs)
	if least+kept > limit {
		return bad(&models.MemoryError{What: fmt.Sprintf("keeping the eigenvalues of %d networks", f.nets), Need: least + kept, Limit: limit},
			"fewer --nets, --samples or --outputs, or more --memory")
	}
	limit -= kept
	if f.figures != "" {
		if err := os.MkdirAll(f.figures, 0o777); err != nil {
			return bad(fmt.Errorf("--figures: %w", err))
		}
	}
	workers := f.workers
	if workers < 1 {
		workers = runtime.GOMAXPROCS(0)
	}
	workers = max(1, min(workers, f.nets, int(limit/best)))
	share := min(best, limit/float64(workers)) // what one network may take
	a.note("%d networks of %d parameters, %d at a time, %.0f MiB each", f.nets, field.Params(), workers, max(1, share/(1<<20)))
	key := mc.Key{Seed: a.seed, Experiment: "spectrum"}
	theory, err := spectrumTheory(field, f, loss, key)
	if err != nil {
		return err
	}
	m, err := singular.MeasureWide(net, f.samples, f.nets, loss, share, mc.Each(workers, key, "networks"), nil)
	if err != nil {
		return err
	}
	if f.figures != "" {
		title := fmt.Sprintf("%v, M = %d", f.activation, f.width)
		p := figs.Spectrum(title, slices.Concat(m.Spectra...), theory.heights())
		if err := figs.New(p).Save(f.figures, "spectrum"); err != nil {
			return fmt.Errorf("--figures: %w", err)
		}
		a.note("a figure is in %s", f.figures)
	}
	return a.printSpectrum(f, loss, field, theory, m)
}

// A spectrumPrediction is the theory column: NaN where there is none, and why.
type spectrumPrediction struct {
	mean, second, lambda singular.Estimate
	limit                singular.Prediction // to leading order in the width
	outliers             []singular.Estimate // where they are predicted, descending; none where NaN
	count                int
	bulk                 float64 // mean of the other eigenvalues
	reason               string
	beta1, beta2, beta3  singular.Estimate // cross-entropy only
	critical             singular.Estimate
}

// heights are the values of the predicted outliers.
func (t *spectrumPrediction) heights() []float64 {
	var out []float64
	for _, e := range t.outliers {
		out = append(out, e.Value)
	}
	return out
}

// criticalRate is the largest stable learning rate for the largest eigenvalue.
func criticalRate(lambda singular.Estimate, momentum float64) singular.Estimate {
	v := singular.CriticalRate(lambda.Value, momentum)
	return singular.Estimate{Value: v, SE: v * lambda.SE / lambda.Value}
}

// warning says where predicted outliers cannot be told from the bulk, which reaches
// up to edge; empty where they all can.
func (t *spectrumPrediction) warning(edge float64) string {
	n := 0
	for _, e := range t.outliers {
		if e.Value <= edge {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	which := "the predicted outlier lies"
	if len(t.outliers) > 1 {
		which = fmt.Sprintf("%d of %d predicted outliers lie", n, len(t.outliers))
	}
	return fmt.Sprintf("%s in the bulk, which reaches up to %s: nothing stands out there, and the prediction is a lower bound", which, experiments.Format(edge))
}

func spectrumTheory(field *singular.MeanField, f *spectrumFlags, loss singular.Loss, key mc.Key) (*spectrumPrediction, error) {
	none := singular.Estimate{Value: math.NaN()}
	t := &spectrumPrediction{beta1: none, beta2: none, beta3: none, bulk: math.NaN()}
	p, err := field.Regression(f.samples)
	var centred *singular.CentredError
	switch {
	case errors.As(err, &centred):
		t.reason = err.Error()
	case err != nil:
		return nil, err
	}
	t.mean.Value, t.second.Value, t.lambda.Value, t.count = p.Mean, p.SecondMoment, p.LambdaMax, p.Outliers
	if loss == singular.RegressionLoss {
		if f.samples > 1 {
			t.bulk = p.Bulk
		}
		if centred == nil {
			t.outliers = slices.Repeat([]singular.Estimate{t.lambda}, p.Outliers)
		}
		t.limit, err = field.RegressionLimit(f.samples)
		if err != nil && centred == nil {
			return nil, err
		}
		t.critical = criticalRate(t.lambda, f.momentum)
		return t, nil
	}
	t.count = max(0, t.count-1)
	t.limit = singular.Prediction{Mean: math.NaN(), SecondMoment: math.NaN(), LambdaMax: math.NaN()}
	if centred != nil {
		t.mean, t.second, t.lambda, t.critical = none, none, none, none
		return t, nil
	}
	s, err := field.CrossEntropy(f.samples, f.draws, key.Stream("theory"))
	if err != nil {
		return nil, err
	}
	t.mean, t.second, t.lambda = s.Mean, s.SecondMoment, s.Outliers[0]
	t.beta1, t.beta2, t.beta3 = s.Beta1, s.Beta2, s.Beta3
	t.outliers, t.critical = s.Outliers, criticalRate(t.lambda, f.momentum)
	return t, nil
}
