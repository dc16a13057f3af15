package experiments

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/neuromanifold/neuromanifold/dynamics"
	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
)

type armaLearningSpec struct {
	Methods []string  `toml:"methods" doc:"gradient, natural (both averaged), recursive (on-line recursive maximum likelihood) and stochastic (the same along the score alone)"`
	Phi     float64   `toml:"phi" doc:"AR coefficient φ of the teacher"`
	Gap     []float64 `toml:"gap" doc:"φ + θ of the teacher, descending: 0 is a cancellation, white noise"`
	Start   []float64 `toml:"start" doc:"φ and θ at the start"`
	Gain    float64   `toml:"gain" doc:"step η of stochastic; recursive has the gain 1/(t+1)"`
	Until   float64   `toml:"until" doc:"time τ of gradient and stochastic; natural, which is faster, runs to 20"`
	N       int       `toml:"n" doc:"observations that recursive sees"`
	Points  int       `toml:"points" doc:"recorded times"`
}

type armaLearningRow struct {
	Fit    float64   `parquet:"fit" doc:"time τ at which the loss is first below a hundredth of the first one; the end of the run if it never was"`
	Final  float64   `parquet:"final" unit:"nats" doc:"loss at the end, per observation"`
	Time   []float64 `parquet:"time" doc:"recorded times τ"`
	Loss   []float64 `parquet:"loss" unit:"nats" doc:"divergence rate from the teacher"`
	Phi    []float64 `parquet:"phi" doc:"φ"`
	Theta  []float64 `parquet:"theta" doc:"θ"`
	Status string    `parquet:"status" doc:"converged, or why the trajectory ended before"`
}

const (
	byRecursive  = "recursive"
	byStochastic = "stochastic"
	armaNatural  = 20.0 // time τ of the natural gradient
)

var _ = register(Experiment[armaLearningSpec, armaLearningRow]{
	Name:    "arma-learning",
	Version: 4,
	Doc: `Learning an ARMA(1,1) process near pole-zero cancellation.

Towards φ = −θ the Fisher information of ARMA(1,1) has an eigenvalue that vanishes as
the square of the gap φ + θ: along the ridge the averaged gradient slows down as the
inverse of that, while the natural gradient does not. The line of cancellation itself
is no plateau as networks have, since it is critical only where the truth lies on it.
On line, recursive maximum likelihood with the gain 1/t is efficient, 2n KL → χ² with
two degrees of freedom, and near the line not yet there.`,
	Cite: []string{
		"S. Amari, H. Park, T. Ozeki (2006), Singularities affect dynamics of learning in neuromanifolds, Neural Computation 18(5):1007-1065",
		"L. Ljung, T. Söderström (1983), Theory and Practice of Recursive Identification, MIT Press",
	},
	Default: armaLearningSpec{
		Methods: []string{byGradient, byNatural, byStochastic, byRecursive}, Phi: 0.6, Gap: []float64{0.8, 0.4, 0.2, 0.1},
		Start: []float64{-0.3, 0.5}, Gain: 0.01, Until: 3000, N: 20000, Points: 120,
	},
	Smoke: armaLearningSpec{
		Methods: []string{byGradient, byNatural, byStochastic, byRecursive}, Phi: 0.6, Gap: []float64{0.4},
		Start: []float64{-0.3, 0.5}, Gain: 0.05, Until: 50, N: 500, Points: 30,
	},
	Replicates: 40, SmokeReplicates: 2, Chunk: 5,
	Check: checkARMALearning,
	Cells: func(s armaLearningSpec) []Cell { return Grid(Axis("method", s.Methods...), Axis("gap", s.Gap...)) },
	Replicate: func(ctx context.Context, s armaLearningSpec, c Cell, k mc.Key) ([]armaLearningRow, error) {
		row, err := runARMALearning(ctx, s, c.Text("method"), c.Float("gap"), k)
		return []armaLearningRow{row}, err
	},
	Compare: func(_ context.Context, s armaLearningSpec, c Cell) ([]Line[armaLearningRow], error) {
		fit := Line[armaLearningRow]{Name: "median τ to 1 % of the loss", Measure: Quantile(0.5, func(r armaLearningRow) float64 { return r.Fit }), Theory: math.NaN()}
		switch c.Text("method") {
		case byNatural:
			fit.Theory, fit.Limit, fit.Source = math.Log(100)/2, true, "L ∝ e^(−2τ) near the truth"
		case byGradient:
			fit.Theory, fit.Limit, fit.Source = math.Log(100)/(2*s.slowest(c.Float("gap"))), true, "L ∝ e^(−2λτ), λ the least Fisher eigenvalue at the truth, closed form"
		case byRecursive:
			n := float64(s.N)
			return []Line[armaLearningRow]{{
				Name: "median 2n KL", Measure: Quantile(0.5, func(r armaLearningRow) float64 { return 2 * n * r.Final }),
				Theory: 2 * math.Ln2, Limit: true, Source: "χ² with 2 degrees of freedom, regular theory",
			}}, nil
		case byStochastic:
			// Where most do not get there the median is the end of the run.
			return []Line[armaLearningRow]{fit, {Name: "share that gets there", Measure: Fraction(armaLearningRow.there), Theory: math.NaN()}}, nil
		}
		return []Line[armaLearningRow]{fit}, nil
	},
	Figures: []Figure[armaLearningSpec, armaLearningRow]{
		{Name: "arma", Doc: "Loss over time at the smallest gap (left) and the paths in the plane of φ and θ (right), of the sampled methods the first replicate. For recursive learning τ is the sum of the gains.", Draw: drawARMALearning},
	},
})

func checkARMALearning(s armaLearningSpec) error {
	known := []string{byGradient, byNatural, byStochastic, byRecursive}
	if len(s.Methods) == 0 {
		return KeyError("methods", "none given")
	}
	for _, m := range s.Methods {
		if !slices.Contains(known, m) {
			return KeyError("methods", "%q: known are %v", m, known)
		}
	}
	if !(math.Abs(s.Phi) < 1) {
		return KeyError("phi", "%v: allowed is a number between -1 and 1", s.Phi)
	}
	if len(s.Gap) == 0 {
		return KeyError("gap", "none given")
	}
	for i, g := range s.Gap {
		if i > 0 && g >= s.Gap[i-1] || !(g > 0 && math.Abs(g-s.Phi) < 1) {
			return KeyError("gap", "%v: allowed are descending numbers above 0, with θ = gap − φ between -1 and 1", s.Gap)
		}
	}
	if len(s.Start) != 2 || !(math.Abs(s.Start[0]) < 1 && math.Abs(s.Start[1]) < 1) {
		return KeyError("start", "%v: want φ and θ between -1 and 1", s.Start)
	}
	if s.Start[0]+s.Start[1] == 0 && slices.Contains(s.Methods, byNatural) {
		return KeyError("start", "%v: the natural gradient does not exist where φ = −θ", s.Start)
	}
	if !(s.Gain > 0 && s.Gain < 1) {
		return KeyError("gain", "%v: allowed is a number between 0 and 1", s.Gain)
	}
	if !(s.Until > 0 && s.Until <= 1e6) {
		return KeyError("until", "%v: allowed is a number above 0 and at most 1e6", s.Until)
	}
	if s.N < 10 || s.N > 10_000_000 {
		return KeyError("n", "%d: allowed is 10 to 10000000", s.N)
	}
	if s.Points < 10 || s.Points > 10000 {
		return KeyError("points", "%d: allowed is 10 to 10000", s.Points)
	}
	return nil
}

// slowest is the smaller eigenvalue of the Fisher information [[1/(1−φ²), 1/(1+φθ)],
// [1/(1+φθ), 1/(1−θ²)]] at the teacher.
func (s armaLearningSpec) slowest(gap float64) float64 {
	phi, theta := s.Phi, gap-s.Phi
	a, b, c := 1/(1-phi*phi), 1/(1+phi*theta), 1/(1-theta*theta)
	det := gap * gap / ((1 - phi*phi) * (1 - theta*theta) * (1 + phi*theta) * (1 + phi*theta))
	return 2 * det / (a + c + math.Hypot(a-c, 2*b))
}

func runARMALearning(ctx context.Context, s armaLearningSpec, method string, gap float64, k mc.Key) (armaLearningRow, error) {
	m, err := models.NewARMA(1, 1, models.ARMASettings{Var: 1})
	if err != nil {
		return armaLearningRow{}, err
	}
	o, err := dynamics.NewObjective(m, m, []float64{s.Phi, gap - s.Phi})
	if err != nil {
		return armaLearningRow{}, err
	}
	clock := dynamics.Clock{Until: s.Until, Points: s.Points, First: s.Until / 1e4}
	var flow dynamics.Flow
	truth, at := o.Truth()
	switch method {
	case byNatural:
		flow, err = dynamics.NewMethod("natural", o, s.Start, dynamics.MethodOptions{})
		clock.Until, clock.First = armaNatural, armaNatural/1e3
	case byStochastic:
		flow, err = dynamics.NewRecursiveML(m, truth, at, dynamics.RecursiveOptions{Step: s.Gain, Gradient: true})
	case byRecursive:
		flow, err = dynamics.NewRecursiveML(m, truth, at, dynamics.RecursiveOptions{})
		clock.Until, clock.First = 0, 0 // Σ 1/(t+1) over the observations
		for t := 1; t <= s.N; t++ {
			clock.Until += 1 / float64(t+1)
		}
	default:
		flow = dynamics.NewGradientFlow(o, dynamics.Tolerances{})
	}
	if err != nil {
		return armaLearningRow{}, err
	}
	p, err := dynamics.Run(ctx, flow, o.Loss, s.Start, clock, k.Stream("series"))
	if err != nil {
		return armaLearningRow{}, err
	}
	row := armaLearningRow{Time: p.T, Loss: p.Loss, Final: p.Loss[len(p.Loss)-1], Status: Converged}
	if p.Stop != dynamics.Done {
		row.Status = p.Stop.String()
	}
	row.Fit = p.T[len(p.T)-1]
	for i := range p.T {
		row.Phi, row.Theta = append(row.Phi, p.Theta.At(i, 0)), append(row.Theta, p.Theta.At(i, 1))
	}
	want := 0.01 * p.Loss[0]
	for i := 1; i < len(p.T); i++ {
		if p.Loss[i] > want {
			continue
		}
		// Between two records log L is taken to be straight.
		f := math.Log(p.Loss[i-1]/want) / math.Log(p.Loss[i-1]/max(p.Loss[i], 1e-300))
		row.Fit = p.T[i-1] + f*(p.T[i]-p.T[i-1])
		break
	}
	return row, nil
}

// there says whether the loss fell to a hundredth of the first one.
func (r armaLearningRow) there() bool { return slices.Min(r.Loss) <= 0.01*r.Loss[0] }

func drawARMALearning(s armaLearningSpec, cells []Sample[armaLearningRow]) (Drawing, error) {
	gap := s.Gap[len(s.Gap)-1]
	loss := &figs.Panel{Title: fmt.Sprintf("φ = %v, φ + θ = %v", s.Phi, gap), X: "time τ", Y: "loss (nats)", LogX: true, LogY: true}
	plane := &figs.Panel{X: "φ", Y: "θ", XRange: [2]float64{-1, 1}, YRange: [2]float64{-1, 1}}
	plane.Set("cancellation", []float64{-1, 1}, []float64{1, -1})
	first := math.Inf(1)
	for _, c := range cells {
		if c.Cell.Float("gap") != gap || len(c.Rows) == 0 {
			continue
		}
		r, name := c.Rows[0], c.Cell.Text("method")
		loss.Series(name, everyKth(r.Time, 40), everyKth(r.Loss, 40), nil)
		plane.Series(name, everyKth(r.Phi, 16), everyKth(r.Theta, 16), nil)
		first = min(first, r.Loss[0])
	}
	if !math.IsInf(first, 1) {
		loss.YRange = [2]float64{first * 1e-5, first * 10}
	}
	plane.Series("teacher", []float64{s.Phi}, []float64{gap - s.Phi}, nil)
	return figs.New(loss, plane), nil
}
