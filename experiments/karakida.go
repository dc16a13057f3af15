package experiments

import (
	"cmp"
	"errors"
	"math"
	"slices"

	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

// What the experiments on Fisher spectra of wide random networks share.

const (
	karakida2021 = "R. Karakida, S. Akaho, S. Amari (2021), Pathological spectra of the Fisher information metric and its variants in deep neural networks, Neural Computation 33(8):2274-2307"
	karakida2019 = "R. Karakida, S. Akaho, S. Amari (2019), Universal statistics of Fisher information in deep neural networks: mean field approach, AISTATS, PMLR 89:1032-1041"
	karakidaNorm = "R. Karakida, S. Akaho, S. Amari (2019), The normalization method for alleviating pathological sharpness in wide neural networks, NeurIPS 32"
	jacot2018    = "A. Jacot, F. Gabriel, C. Hongler (2018), Neural tangent kernel: convergence and generalization in neural networks, NeurIPS 31"

	// wideMemory bounds what one network of these experiments may take.
	wideMemory = 4 << 30

	wideSource = "mean field with K₁, K₂ (Karakida et al. 2021)"
)

// A wideLaw is an activation with the variances of weights and biases.
type wideLaw struct {
	Act []string  `toml:"act" doc:"activations: tanh, relu, erf, linear"`
	SW2 []float64 `toml:"sw2" doc:"variance of a weight times its fan-in, one for each activation"`
	SB2 []float64 `toml:"sb2" doc:"variance of a bias, one for each activation"`
}

// wideLaws are the three settings of the papers' figures.
func wideLaws() wideLaw {
	return wideLaw{Act: []string{"tanh", "relu", "linear"}, SW2: []float64{3, 2, 1}, SB2: []float64{0.64, 0.1, 0.1}}
}

func tanhLaw() wideLaw {
	return wideLaw{Act: []string{"tanh"}, SW2: []float64{3}, SB2: []float64{0.64}}
}

// net returns the network of a cell with coordinate act.
func (w wideLaw) net(c Cell, depth, width, outputs int) singular.WideNet {
	i := slices.Index(w.Act, c.Text("act"))
	net := singular.WideNet{VarW: w.SW2[i], VarB: w.SB2[i], Outputs: outputs, Widths: slices.Repeat([]int{width}, depth)}
	for _, act := range []models.Activation{models.TanhUnit, models.ReLUUnit, models.ErfUnit, models.LinearUnit} {
		if act.String() == w.Act[i] {
			net.Act = act
		}
	}
	return net
}

// check reports what is wrong with the laws, or with networks of these sizes.
func (w wideLaw) check(depth int, widths, samples []int, outputs int) error {
	if len(w.Act) == 0 || len(w.SW2) != len(w.Act) || len(w.SB2) != len(w.Act) {
		return KeyError("law.act", "%d activations, %d values of sw2, %d of sb2: want one of each for every network", len(w.Act), len(w.SW2), len(w.SB2))
	}
	if len(widths) == 0 || len(samples) == 0 {
		return KeyError("width", "want a width and a number of samples")
	}
	if depth < 2 || depth > 1000 {
		return KeyError("depth", "%d: allowed is 2 to 1000", depth)
	}
	if outputs < 1 {
		return KeyError("outputs", "%d: allowed is 1 or more", outputs)
	}
	for i, act := range w.Act {
		if !slices.Contains([]string{"tanh", "relu", "erf", "linear"}, act) {
			return KeyError("law.act", "%q: allowed are tanh, relu, erf, linear", act)
		}
		if slices.Index(w.Act, act) < i {
			return KeyError("law.act", "%q twice", act)
		}
		for _, width := range widths {
			for _, n := range samples {
				net := w.net(NewCell(Var{"act", act}), depth, width, outputs)
				if _, err := singular.NewMeanField(net); err != nil {
					return KeyError("law", "%v", err)
				}
				least, best, err := singular.WideBytes(net, n)
				if err != nil {
					return KeyError("width", "%v", err)
				}
				if best > wideMemory {
					return KeyError("width", "width %d with %d samples needs %.0f bytes (%.0f at least): allowed are %d for one network", width, n, best, least, wideMemory)
				}
			}
		}
	}
	return nil
}

// drawWide returns a sampler with one network on the streams of a replicate.
func drawWide(net singular.WideNet, samples int, k mc.Key) (*singular.WideSampler, error) {
	s, err := singular.NewWideSampler(net, samples, 0)
	if err != nil {
		return nil, err
	}
	s.Draw(k.Stream("network"))
	return s, nil
}

// orNone returns a prediction whose missing parts are NaN where the network is
// centred.
func orNone(p singular.Prediction, err error) (singular.Prediction, error) {
	var centred *singular.CentredError
	if errors.As(err, &centred) {
		return p, nil
	}
	return p, err
}

// wideLine compares a mean with a limit of wide layers, NaN where the network or the
// layer is centred, which is then the source.
func wideLine[R any](name string, f func(r R) float64, theory float64, source string) Line[R] {
	if math.IsNaN(theory) {
		return Line[R]{Name: name, Measure: Mean(f), Theory: theory, Source: "none where gradients at distinct inputs are uncorrelated (centred)"}
	}
	return Line[R]{Name: name, Measure: Mean(f), Theory: theory, Limit: true, Route: models.Quadrature, Source: source}
}

// drawnLine is wideLine for a limit that is a mean over draws.
func drawnLine[R any](name string, f func(r R) float64, theory singular.Estimate, source string) Line[R] {
	l := wideLine(name, f, theory.Value, source)
	if !math.IsNaN(theory.Value) {
		l.TheorySE, l.Route = theory.SE, models.MonteCarlo
	}
	return l
}

// ratioLine compares a number ÷ its prediction for the same network with 1.
func ratioLine[R any](name string, f func(r R) float64, m *singular.MeanField, source string) Line[R] {
	one := 1.0
	if m.Centred() {
		one = math.NaN()
	}
	return wideLine(name, f, one, source)
}

// measured is a line without theory.
func measured[R any](name string, f func(r R) float64) Line[R] {
	return Line[R]{Name: name, Measure: Mean(f), Theory: math.NaN()}
}

// outlier returns the mean field of a network that is not centred and what it says of
// the regression information at n inputs.
func outlier(net singular.WideNet, n int) (*singular.MeanField, singular.Prediction, error) {
	m, err := singular.NewMeanField(net)
	if err != nil {
		return nil, singular.Prediction{}, err
	}
	p, err := m.Regression(n)
	return m, p, err
}

// refuseCentred reports a law without an outlier to predict. net is the network of a
// cell with coordinate act.
func (w wideLaw) refuseCentred(net func(c Cell) singular.WideNet) error {
	for _, c := range Grid(Axis("act", w.Act...)) {
		m, err := singular.NewMeanField(net(c))
		if err != nil {
			return KeyError("law", "%v", err)
		}
		if m.Centred() {
			return KeyError("law", "the %s network is centred, so that its largest eigenvalue is not predicted: use sb2 above 0", c.Text("act"))
		}
	}
	return nil
}

// wideStats are the three numbers of a spectrum that mean field predicts.
type wideStats struct{ mean, second, top float64 }

func statsOf(p singular.Prediction) wideStats { return wideStats{p.Mean, p.SecondMoment, p.LambdaMax} }

// momentPanels draws mean, second moment and largest eigenvalue against the
// coordinate along of the cells, whose label is x, over the theory.
func momentPanels[R any](acts []string, along, x string, cells []Sample[R], of func(r R) wideStats, theory func(c Cell) wideStats) []*figs.Panel {
	var panels []*figs.Panel
	for _, stat := range []struct {
		title, y string
		pick     func(s wideStats) float64
	}{
		{"Mean", "mean eigenvalue", func(s wideStats) float64 { return s.mean }},
		{"Second moment", "mean squared eigenvalue", func(s wideStats) float64 { return s.second }},
		{"Largest eigenvalue", "eigenvalue", func(s wideStats) float64 { return s.top }},
	} {
		p := &figs.Panel{Title: stat.title, X: x, Y: stat.y, LogX: true, LogY: true}
		panels = append(panels, widePanel(p, acts, along, cells,
			func(r R) float64 { return stat.pick(of(r)) }, func(c Cell) float64 { return stat.pick(theory(c)) }))
	}
	return panels
}

// widePanel draws the mean of f against a coordinate of the cells, one series for
// each activation, over the theory at the same points.
func widePanel[R any](p *figs.Panel, acts []string, along string, cells []Sample[R], f func(r R) float64, theory func(c Cell) float64) *figs.Panel {
	cells = slices.Clone(cells)
	slices.SortStableFunc(cells, func(a, b Sample[R]) int { return cmp.Compare(a.Cell.Float(along), b.Cell.Float(along)) })
	for _, act := range acts {
		var x, y, se, want []float64
		for _, c := range cells {
			if c.Cell.Text("act") != act {
				continue
			}
			m, e, _ := Mean(f)(c)
			x, y, se, want = append(x, c.Cell.Float(along)), append(y, m), append(se, e), append(want, theory(c.Cell))
		}
		p.Series(act, x, y, se)
		p.Curve("theory, "+act, x, want)
	}
	return p
}

// widest returns the cells of the largest width, at most three.
func widest[R any](cells []Sample[R]) []Sample[R] {
	top := 0
	for _, c := range cells {
		top = max(top, c.Cell.Int("width"))
	}
	var out []Sample[R]
	for _, c := range cells {
		if c.Cell.Int("width") == top && len(out) < 3 {
			out = append(out, c)
		}
	}
	return out
}
