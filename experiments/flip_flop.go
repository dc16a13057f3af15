package experiments

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/design/pkpd"
	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
)

type flipFlopSpec struct {
	N     []int     `toml:"n" doc:"measurements at every time"`
	Rate  float64   `toml:"rate" doc:"κ (1/h), the true rate of absorption and of elimination"`
	SD    float64   `toml:"sd" doc:"standard deviation of a measurement (mg/L), known"`
	Times []float64 `toml:"times" doc:"sampling times (h)"`
}

type flipFlopRow struct {
	T      float64 `parquet:"t" doc:"likelihood-ratio statistic of equal rates"`
	Delta  float64 `parquet:"delta" doc:"estimate of |ka − k| (1/h); the truth is 0"`
	Square float64 `parquet:"square" doc:"estimate of (ka − k)², negative where the best fit would need complex rates"`
	U      float64 `parquet:"u" doc:"estimate of ka + k (1/h)"`
	Status string  `parquet:"status" doc:"boundary if the estimates are equal"`
}

// The volume and the dose; only their ratio scales the curve.
const flipFlopV, flipFlopDose = 10, 100

var _ = register(Experiment[flipFlopSpec, flipFlopRow]{
	Name:    "flip-flop",
	Version: 1,
	Doc: `Estimates of the one-compartment model where absorption is as fast as elimination.
The truth is ka = k = κ, V = 10 L, 100 mg by mouth. The curve
A t e^{−ut/2} sinh(√w t/2)/(√w t/2) is analytic in A, u = ka + k and w = (ka − k)² with
regular information, but ka and k themselves have none in the direction ka − k, under
any design. So |ka − k| is estimated at the rate n^{−1/4}, half of the estimates are
equal, and the likelihood ratio of equal rates tends to ½χ²₀ + ½χ²₁.`,
	Cite: []string{
		"S. Leonov and A. Aliev (2012), Optimal design for population PK/PD models, Tatra Mountains Mathematical Publications 51:115-130",
		"S. G. Self and K.-Y. Liang (1987), Asymptotic properties of maximum likelihood estimators and likelihood ratio tests under nonstandard conditions, Journal of the American Statistical Association 82:605-610",
	},
	Default:    flipFlopSpec{N: []int{100, 1000, 10_000, 100_000}, Rate: 0.5, SD: 1, Times: []float64{0.5, 1, 2, 4, 6, 8, 12}},
	Smoke:      flipFlopSpec{N: []int{1000}, Rate: 0.5, SD: 1, Times: []float64{0.5, 1, 2, 4, 6, 8, 12}},
	Replicates: 4000,
	Chunk:      500,
	Check: func(s flipFlopSpec) error {
		if err := checkSizes(s.N, 1); err != nil {
			return err
		}
		if !(s.Rate > 0) || !(s.SD > 0) || math.IsInf(s.Rate+s.SD, 1) {
			return KeyError("rate", "rate and sd want finite numbers above 0")
		}
		if len(s.Times) < 3 {
			return KeyError("times", "want at least 3 sampling times")
		}
		for _, t := range s.Times {
			if !(t > 0) || math.IsInf(t, 1) {
				return KeyError("times", "%v: want finite times above 0", t)
			}
		}
		return nil
	},
	Cells: func(s flipFlopSpec) []Cell { return Grid(Axis("n", s.N...)) },
	Data:  flipFlopData,
	Replicate: func(_ context.Context, s flipFlopSpec, c Cell, k mc.Key) ([]flipFlopRow, error) {
		z, err := flipFlopData(s, c, k)
		if err != nil {
			return nil, err
		}
		return []flipFlopRow{fitFlipFlop(s, z, c.Float("n"))}, nil
	},
	Compare: func(_ context.Context, s flipFlopSpec, c Cell) ([]Line[flipFlopRow], error) {
		n := c.Float("n")
		sd, err := flipFlopSD(s)
		if err != nil {
			return nil, err
		}
		t := func(r flipFlopRow) float64 { return r.T }
		const limit = "½χ²₀ + ½χ²₁"
		return []Line[flipFlopRow]{
			{Name: "P(equal rates)", Measure: Fraction(func(r flipFlopRow) bool { return r.Status == Boundary }), Theory: 0.5, Limit: true, Source: limit},
			{Name: "mean T", Measure: Mean(t), Theory: 0.5, Limit: true, Source: limit},
			{Name: "95 % point of T", Measure: Quantile(0.95, t), Theory: 2.705543454095404, Limit: true, Source: limit},
			// E√max(0, Z) = 2^{1/4} Γ(3/4)/(2√π) for a standard normal Z.
			{Name: "mean of n^(1/4) |ka − k|", Measure: Mean(func(r flipFlopRow) float64 { return math.Pow(n, 0.25) * r.Delta }), Theory: math.Pow(2, 0.25) * math.Gamma(0.75) / (2 * math.Sqrt(math.Pi)) * math.Sqrt(sd), Limit: true, Source: "information in (A, u, w), derived here"},
			{Name: "sd of √n (ka − k)²", Measure: SD(func(r flipFlopRow) float64 { return math.Sqrt(n) * r.Square }), Theory: sd, Limit: true, Source: "information in (A, u, w), derived here"},
		}, nil
	},
	Figures: []Figure[flipFlopSpec, flipFlopRow]{{
		Name: "rate",
		Doc:  "Mean of the estimated |ka − k| over the number of measurements, beside n^{−1/4}.",
		Draw: func(_ flipFlopSpec, cells []Sample[flipFlopRow]) (Drawing, error) {
			p := &figs.Panel{X: "measurements at every time", Y: "mean |ka − k| (1/h)", LogX: true, LogY: true}
			var x, y, se []float64
			for _, c := range cells {
				var sum, square float64
				for _, r := range c.Rows {
					sum += r.Delta
					square += r.Delta * r.Delta
				}
				m := float64(len(c.Rows))
				x, y = append(x, c.Cell.Float("n")), append(y, sum/m)
				se = append(se, math.Sqrt(max(0, square/m-sum*sum/(m*m))/m))
			}
			p.Series("simulated", x, y, se)
			if last := len(x) - 1; last > 0 {
				p.Slope("n^(−1/4)", -0.25, x[last], y[last], x[0], x[last])
			}
			return figs.New(p), nil
		},
	}},
})

// flipFlopData has one row for each time: the mean of n measurements.
func flipFlopData(s flipFlopSpec, c Cell, k mc.Key) (*models.Data, error) {
	rng := k.Stream("data")
	z := models.NewData(len(s.Times), 1, 1)
	a := flipFlopDose / float64(flipFlopV) * s.Rate
	sd := s.SD / math.Sqrt(c.Float("n"))
	for i, t := range s.Times {
		z.V[2*i] = t
		z.V[2*i+1] = a*t*math.Exp(-s.Rate*t) + sd*rng.NormFloat64()
	}
	return z, nil
}

// flipFlopCurve returns f = A t e^{−ut/2} S(w t²/4) and its derivatives in
// (A, u, w), where S(x) = sinh(√x)/√x is analytic and for x < 0 a sine: fits may
// pass there.
func flipFlopCurve(dst []float64, a, u, w, t float64) float64 {
	x := w * t * t / 4
	var s, ds float64
	switch {
	case math.Abs(x) < 1e-2:
		s = 1 + x/6*(1+x/20*(1+x/42*(1+x/72)))
		ds = 1.0/6 + x/60*(1+x/28*(1+x/54))
	case x > 0:
		r := math.Sqrt(x)
		s = math.Sinh(r) / r
		ds = (math.Cosh(r) - s) / (2 * x)
	default:
		r := math.Sqrt(-x)
		s = math.Sin(r) / r
		ds = (math.Cos(r) - s) / (2 * x)
	}
	e := t * math.Exp(-u*t/2)
	f := a * e * s
	dst[0], dst[1], dst[2] = e*s, -t/2*f, a*e*ds*t*t/4
	return f
}

// fitFlipFlop fits (A, u, w) by least squares, freely and with w = 0.
func fitFlipFlop(s flipFlopSpec, z *models.Data, n float64) flipFlopRow {
	a := flipFlopDose / float64(flipFlopV) * s.Rate
	equal := []float64{a, 2 * s.Rate, 0}
	rss0, ok0 := gaussNewton(z, equal, 2)
	free := append([]float64(nil), equal...)
	rss, ok := gaussNewton(z, free, 3)
	row := flipFlopRow{Square: free[2], U: free[1], Status: Converged}
	switch {
	case !ok || !ok0:
		row.Status = Failed
	case free[2] <= 0:
		row.U, row.Status = equal[1], Boundary
	default:
		row.Delta = math.Sqrt(free[2])
		row.T = max(0, n*(rss0-rss)/(s.SD*s.SD))
	}
	return row
}

// gaussNewton minimises the sum of squares over the first m of (A, u, w), in
// place, and reports whether it converged.
func gaussNewton(z *models.Data, theta []float64, m int) (rss float64, ok bool) {
	grad := make([]float64, 3)
	sum := func(th []float64) float64 {
		var v float64
		for i := range z.N {
			d := z.V[2*i+1] - flipFlopCurve(grad, th[0], th[1], th[2], z.V[2*i])
			v += d * d
		}
		return v
	}
	rss = sum(theta)
	try := make([]float64, 3)
	for range 200 {
		normal, rhs := mat.NewSymDense(m, nil), mat.NewVecDense(m, nil)
		for i := range z.N {
			d := z.V[2*i+1] - flipFlopCurve(grad, theta[0], theta[1], theta[2], z.V[2*i])
			g := mat.NewVecDense(m, grad[:m])
			normal.SymRankOne(normal, 1, g)
			rhs.AddScaledVec(rhs, d, g)
		}
		var chol mat.Cholesky
		if !chol.Factorize(normal) {
			return rss, false
		}
		var step mat.VecDense
		_ = chol.SolveVecTo(&step, rhs) // a large condition number only slows the search
		t, better := 1.0, false
		for range 30 {
			copy(try, theta)
			for i := range m {
				try[i] += t * step.AtVec(i)
			}
			if v := sum(try); v < rss {
				rss, better = v, true
				copy(theta, try)
				break
			}
			t /= 2
		}
		if !better || mat.Norm(&step, math.Inf(1)) < 1e-12 {
			return rss, mat.Norm(&step, math.Inf(1)) < 1e-5
		}
	}
	return rss, false
}

// flipFlopSD is the standard deviation of √n ŵ by the information in (A, u, w),
// from second derivatives of the model in (k, V, ka): along δ = ka − k with A and
// u fixed, f = f₀ + ½ f″ δ², so that ∂f/∂w = ½ f″.
func flipFlopSD(s flipFlopSpec) (float64, error) {
	m, err := pkpd.NewLinear(pkpd.LinearSettings{Depot: true, Rates: true})
	if err != nil {
		return 0, err
	}
	c, err := m.Bind(pkpd.Regimen{{Amount: flipFlopDose}})
	if err != nil {
		return 0, err
	}
	at := make([]pkpd.Sample, len(s.Times))
	for i, t := range s.Times {
		at[i].Time = t
	}
	var j pkpd.Jets
	if err := c.Eval(&j, []float64{s.Rate, flipFlopV, s.Rate}, at, 2); err != nil {
		return 0, err
	}
	// k = (u−δ)/2, ka = (u+δ)/2, V = D·ka/A: derivatives by A, u and δ.
	v := float64(flipFlopV)
	a := flipFlopDose * s.Rate / v
	dA := [3]float64{0, -v / a, 0}
	dU := [3]float64{.5, v / (2 * s.Rate), .5}
	dD := [3]float64{-.5, v / (2 * s.Rate), .5}
	f := mat.NewDense(len(at), 3, nil)
	for i := range at {
		g, h := j.GradRow(i), j.HessRow(i)
		var fa, fu, fd float64
		for p := range 3 {
			fa += g[p] * dA[p]
			fu += g[p] * dU[p]
			for q := range 3 {
				fd += h[p*3+q] * dD[p] * dD[q]
			}
		}
		f.SetRow(i, []float64{fa, fu, fd / 2}) // V is linear in δ
	}
	var info, inv mat.Dense
	info.Mul(f.T(), f)
	if err := inv.Inverse(&info); err != nil {
		return 0, fmt.Errorf("the times do not determine the curve: %w", err)
	}
	return s.SD * math.Sqrt(inv.At(2, 2)), nil
}
