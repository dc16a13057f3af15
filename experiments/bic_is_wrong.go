package experiments

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/selection"
)

type bicIsWrongSpec struct {
	N     []int   `toml:"n" doc:"sample sizes"`
	Bound float64 `toml:"bound" doc:"B: the means are uniform on [−B, B] under the prior, the weight on [0, 1]"`
	Tol   float64 `toml:"tol" doc:"change of the free energy, in nats, at which refining the quadrature stops"`
}

type bicIsWrongRow struct {
	F1     float64 `parquet:"f1" unit:"nats" doc:"free energy −log p(data) of one component"`
	F2     float64 `parquet:"f2" unit:"nats" doc:"free energy of two components"`
	Price  float64 `parquet:"price" unit:"nats" doc:"F₂ − F₁, what Bayes charges for the second component"`
	Err    float64 `parquet:"err" unit:"nats" doc:"change of F₂ from the last refinement of the quadrature"`
	Slope  float64 `parquet:"slope" doc:"rise of the price from ⌊n/2⌋ to n per unit of log n"`
	BIC    float64 `parquet:"bic" unit:"nats" doc:"half the difference of BIC"`
	SBIC   float64 `parquet:"sbic" unit:"nats" doc:"half the difference of the singular BIC"`
	Gain   float64 `parquet:"gain" unit:"nats" doc:"gain of log-likelihood by the second component"`
	Status string  `parquet:"status" doc:"iteration limit where the quadrature did not reach tol"`
}

var _ = register(Experiment[bicIsWrongSpec, bicIsWrongRow]{
	Name:    "bic-is-wrong",
	Version: 1,
	Doc: `What Bayes charges for a needless component, and what BIC believes that it charges.

The data are the quantiles Φ⁻¹((i−½)/n) of one standard normal: as typical as data
can be, and nothing is random. Their exact free energies under one and under two
normal components differ by 1/4 log n + const, because the learning coefficients are
1/2 and 3/4. BIC counts two parameters more and charges log n. The exact odds
against the second component are of the order n^(1/4); BIC says n. The free energy
is an iterated quadrature that is refined until it stands still to tol.`,
	Cite: []string{
		"G. Schwarz (1978), Estimating the dimension of a model, Annals of Statistics 6:461-464",
		"K. Yamazaki, S. Watanabe (2003), Singularities in mixture models and upper bounds of stochastic complexity, Neural Networks 16:1029-1038",
		"S. Watanabe (2009), Algebraic Geometry and Statistical Learning Theory, Cambridge University Press",
		"M. Drton, M. Plummer (2017), A Bayesian information criterion for singular models, Journal of the Royal Statistical Society B 79:323-380",
	},
	Default:    bicIsWrongSpec{N: []int{50, 100, 200, 400, 800, 1600, 3200, 6400}, Bound: 4, Tol: 1e-7},
	Smoke:      bicIsWrongSpec{N: []int{50, 100}, Bound: 4, Tol: 1e-4},
	Replicates: 1, SmokeReplicates: 1,
	Check: func(s bicIsWrongSpec) error {
		if err := checkSizes(s.N, 20); err != nil {
			return err
		}
		switch {
		case !(s.Bound >= 1 && s.Bound <= 10):
			return KeyError("bound", "%v: allowed is 1 to 10", s.Bound)
		case !(s.Tol >= 1e-10 && s.Tol <= 1e-2):
			return KeyError("tol", "%v: allowed is 1e-10 to 0.01", s.Tol)
		}
		return nil
	},
	Cells: func(s bicIsWrongSpec) []Cell { return Grid(Axis("n", s.N...)) },
	Data: func(_ bicIsWrongSpec, c Cell, _ mc.Key) (*models.Data, error) {
		return normalQuantiles(c.Int("n")), nil
	},
	Replicate: func(ctx context.Context, s bicIsWrongSpec, c Cell, _ mc.Key) ([]bicIsWrongRow, error) {
		row, err := bicIsWrong(ctx, s, c.Int("n"))
		return []bicIsWrongRow{row}, err
	},
	Compare: func(_ context.Context, s bicIsWrongSpec, c Cell) ([]Line[bicIsWrongRow], error) {
		n := float64(c.Int("n"))
		mean := func(f func(r bicIsWrongRow) float64) Measure[bicIsWrongRow] { return Mean(f) }
		return []Line[bicIsWrongRow]{
			{
				Name: "F₂ − F₁ (nats)", Measure: mean(func(r bicIsWrongRow) float64 { return r.Price }),
				Theory: math.Log(n)/4 - secondComponentConstant(s.Bound), Limit: true, Route: models.Exact, Source: "1/4 log n + const; Laplace's method, derived here",
			},
			{
				Name: "rise per log n", Measure: mean(func(r bicIsWrongRow) float64 { return r.Slope }),
				Theory: 0.25, Limit: true, Route: models.Exact, Source: "learning coefficients 3/4 and 1/2",
			},
			{
				Name: "BIC's price (nats)", Measure: mean(func(r bicIsWrongRow) float64 { return r.BIC }),
				Theory: math.Log(n), Limit: true, Route: models.Exact, Source: "two parameters more",
			},
			{Name: "sBIC's price (nats)", Measure: mean(func(r bicIsWrongRow) float64 { return r.SBIC }), Theory: math.NaN()},
			{Name: "exact odds for one", Measure: mean(func(r bicIsWrongRow) float64 { return math.Exp(r.Price) }), Theory: math.NaN()},
			{Name: "BIC's odds for one", Measure: mean(func(r bicIsWrongRow) float64 { return math.Exp(r.BIC) }), Theory: math.NaN()},
			{Name: "error bound (nats)", Measure: mean(func(r bicIsWrongRow) float64 { return r.Err }), Theory: math.NaN()},
		}, nil
	},
	Figures: []Figure[bicIsWrongSpec, bicIsWrongRow]{
		{Name: "price", Doc: "What a needless second component costs. Left, in nats: the exact free energy rises by 1/4 log n, BIC charges log n. Right, the same as odds for one component: BIC is surer than the data allow, by a factor of about n^(3/4).", Draw: drawBICPrice},
		{Name: "slope", Doc: "Rise of the price per unit of log n: the difference of the learning coefficients, 1/4, against the difference of half the dimensions, 1.", Draw: drawBICSlope},
	},
})

// normalQuantiles is the sample Φ⁻¹((i−½)/n), which is symmetric about 0.
func normalQuantiles(n int) *models.Data {
	z := models.NewData(n, 0, 1)
	for i := range n / 2 {
		q := distuv.UnitNormal.Quantile((float64(i) + 0.5) / float64(n))
		z.V[i], z.V[n-1-i] = q, -q
	}
	return z
}

// secondComponentConstant is log(√2 π Γ(5/4)/B): F₂ − F₁ → 1/4 log n less this. By
// Laplace's method over the mean of the heavier component, the evidence ratio is
//
//	2/(2B) ∫₀^½ dp/(1−p) ∫ db exp(−n p² b⁴ / 4(1−p)²),
//
// p b²/(1−p) being the second moment of the mixing law, and the inner integral is
// 2Γ(5/4) √(2(1−p)/p) n^(−1/4). What Laplace's method drops, the bound on b at
// small p most of all, is O(n^(−1/4)).
func secondComponentConstant(bound float64) float64 {
	return math.Log(math.Sqrt2 * math.Pi * math.Gamma(1.25) / bound)
}

func bicIsWrong(ctx context.Context, s bicIsWrongSpec, n int) (bicIsWrongRow, error) {
	row := bicIsWrongRow{Status: Converged}
	price := func(n int) (f1, f2, err float64, e error) {
		z := normalQuantiles(n)
		m, e := models.NewMixture(models.MixtureSettings{K: 2, Variance: models.VarKnown})
		if e != nil {
			return 0, 0, 0, e
		}
		l, e := m.Bind(z)
		if e != nil {
			return 0, 0, 0, e
		}
		f2, err, e = pairFreeEnergy(ctx, l, s.Bound, s.Tol)
		return meanFreeEnergy(z.V, s.Bound), f2, err, e
	}
	var err error
	if row.F1, row.F2, row.Err, err = price(n); err != nil {
		return row, err
	}
	row.Price = row.F2 - row.F1
	half := n / 2
	f1, f2, halfErr, err := price(half)
	if err != nil {
		return row, err
	}
	row.Slope = (row.Price - (f2 - f1)) / math.Log(float64(n)/float64(half))
	if max(row.Err, halfErr) > s.Tol {
		row.Status = IterationLimit
	}
	t, err := bicIsWrongTable(ctx, s, n)
	if err != nil {
		return row, err
	}
	difference := func(name string) float64 {
		i := t.Of(name)
		return (t.Rows[1].Scores[i].Value - t.Rows[0].Scores[i].Value) / 2
	}
	row.BIC, row.SBIC = difference("bic"), difference("sbic")
	row.Gain = t.Rows[1].Fit.LogLik - t.Rows[0].Fit.LogLik
	return row, nil
}

// bicIsWrongTable fits one and two components.
func bicIsWrongTable(ctx context.Context, s bicIsWrongSpec, n int) (*selection.Table, error) {
	criteria, err := selection.Lookup("bic", "sbic")
	if err != nil {
		return nil, err
	}
	candidates, err := selection.Candidates(fmt.Sprintf("mixture:sd=1,bound=%g", s.Bound), [][]int{{1, 2}})
	if err != nil {
		return nil, err
	}
	rng := func() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) } // starts; nothing else is drawn
	return selection.Compare(ctx, candidates, normalQuantiles(n), selection.Options{
		Criteria: criteria, Starts: 4,
		Streams: func(string) (*rand.Rand, models.Each) { return rng(), models.Serial(rng()) },
	})
}

// meanFreeEnergy is −log ∫ Π N(x_i; b, 1) db/(2B) over |b| ≤ B, in closed form.
func meanFreeEnergy(x []float64, bound float64) float64 {
	n := float64(len(x))
	var mean, ss float64
	for _, v := range x {
		mean += v / n
	}
	for _, v := range x {
		ss += (v - mean) * (v - mean)
	}
	root := math.Sqrt(n / 2)
	inside := (math.Erf(root*(bound-mean)) + math.Erf(root*(bound+mean))) / 2
	return (n*math.Log(2*math.Pi)+ss)/2 - math.Log(inside) - math.Log(2*math.Pi/n)/2 + math.Log(2*bound)
}

// drawBICPrice draws the price in nats and as odds.
func drawBICPrice(s bicIsWrongSpec, cells []Sample[bicIsWrongRow]) (Drawing, error) {
	nats := &figs.Panel{Title: "Price of a needless second component", X: "n", Y: "price in nats", LogX: true}
	odds := &figs.Panel{Title: "Odds against it, given the data", X: "n", Y: "odds, to 1", LogX: true, LogY: true}
	var x, exact, bic, sbic []float64
	for _, c := range cells {
		r := c.Rows[0]
		x = append(x, float64(c.Cell.Int("n")))
		exact, bic, sbic = append(exact, r.Price), append(bic, r.BIC), append(sbic, r.SBIC)
	}
	exp := func(v []float64) []float64 {
		out := make([]float64, len(v))
		for i, a := range v {
			out[i] = math.Exp(a)
		}
		return out
	}
	c := secondComponentConstant(s.Bound)
	theory := func(n float64) float64 { return math.Log(n)/4 - c }
	lo, hi := x[0], x[len(x)-1]
	nats.YRange = [2]float64{0, math.Ceil(1.05 * max(bic[len(bic)-1], exact[len(exact)-1]))}
	const exactName, bicName, sbicName, theoryName = "exact free energy", "BIC: log n", "singular BIC", "theory: 1/4 log n + const"
	nats.Series(exactName, x, exact, nil)
	nats.Series(bicName, x, bic, nil)
	nats.Series(sbicName, x, sbic, nil)
	odds.Series(exactName, x, exp(exact), nil)
	odds.Series(bicName, x, exp(bic), nil)
	odds.Series(sbicName, x, exp(sbic), nil)
	if lo < hi {
		nats.Func(theoryName, theory, lo, hi)
		odds.Func(theoryName, func(n float64) float64 { return math.Exp(theory(n)) }, lo, hi)
	}
	return figs.New(nats, odds), nil
}

func drawBICSlope(_ bicIsWrongSpec, cells []Sample[bicIsWrongRow]) (Drawing, error) {
	p := &figs.Panel{X: "n", Y: "rise of the price per log n, from n/2 to n", LogX: true, YRange: [2]float64{0, 1.1}}
	var x, slope []float64
	for _, c := range cells {
		x, slope = append(x, float64(c.Cell.Int("n"))), append(slope, c.Rows[0].Slope)
	}
	ends := []float64{x[0], x[len(x)-1]}
	p.Series("exact free energy", x, slope, nil)
	p.Curve("learning coefficients: 3/4 − 1/2", ends, []float64{0.25, 0.25})
	p.Curve("BIC: half of two parameters more", ends, []float64{1, 1})
	return figs.New(p), nil
}
