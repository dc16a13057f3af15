package experiments

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/selection"
)

type criteriaConeSpec struct {
	D     []int     `toml:"d" doc:"dimensions of the sphere of directions"`
	C     float64   `toml:"c" doc:"slope of the cone"`
	H     []float64 `toml:"h" doc:"distances of the truth from the apex, ξ₀ = h/√n"`
	N     []int     `toml:"n" doc:"sample sizes"`
	Scale float64   `toml:"scale" doc:"standard deviation of the normal prior on ξ of waic, loo and fe"`
}

type criteriaConeRow struct {
	T        float64 `parquet:"t" doc:"likelihood-ratio statistic of the cone against its apex"`
	AIC      int     `parquet:"aic" doc:"the choice of AIC: 0 is the apex, 1 the cone"`
	BIC      int     `parquet:"bic" doc:"the choice of BIC"`
	HQIC     int     `parquet:"hqic" doc:"the choice of HQIC"`
	WAIC     int     `parquet:"waic" doc:"the choice of WAIC, variance form"`
	LOO      int     `parquet:"loo" doc:"the choice of exact leave-one-out cross-validation"`
	FE       int     `parquet:"fe" doc:"the choice of the free energy"`
	ML       float64 `parquet:"ml" unit:"nats" doc:"n KL(truth ‖ maximum-likelihood fit of the cone)"`
	Uniform  float64 `parquet:"uniform" unit:"nats" doc:"n KL(truth ‖ Bayes predictive), prior uniform in ξ and ω"`
	Jeffreys float64 `parquet:"jeffreys" unit:"nats" doc:"n KL(truth ‖ Bayes predictive), Jeffreys prior"`
	Apex     float64 `parquet:"apex" unit:"nats" doc:"n KL(truth ‖ apex), which is h²/2"`
	Status   string  `parquet:"status" doc:"how the replicate ended; all is in closed form"`
}

var criteriaConeTally = tally[criteriaConeRow]{
	names: []string{"aic", "bic", "hqic", "waic", "loo", "fe"},
	shown: []string{"aic", "bic", "hqic", "waic", "fe"}, // LOO is near WAIC
	choice: func(r criteriaConeRow, i int) int {
		return [...]int{r.AIC, r.BIC, r.HQIC, r.WAIC, r.LOO, r.FE}[i]
	},
	risk: func(r criteriaConeRow) []float64 { return []float64{r.Apex, r.ML} },
	truth: func(c Cell) int {
		if c.Float("h") > 0 {
			return 1
		}
		return 0
	},
	group: func(c Cell) string {
		if c.Float("h") > 0 {
			return ""
		}
		return fmt.Sprintf("truth at the apex, d = %d", c.Int("d"))
	},
	x: func(c Cell) float64 { return c.Float("n") }, xLabel: "n", logX: true,
}

var _ = register(Experiment[criteriaConeSpec, criteriaConeRow]{
	Name:    "criteria-cone",
	Version: 1,
	Doc: `Criteria and Bayes at and near the apex of a cone, where everything is exact.

The candidates are the apex, which has no parameters, and the cone with d + 1. AIC
charges d + 1 for a likelihood ratio whose mean is T(d, c): it takes the cone too
often where d is small and hardly ever where d is large, and regular theory is wrong
about both. BIC charges (d+1)/2 log n for what costs 1/2 log n. The Bayesian criteria
use a normal prior on ξ and uniform directions. Beside the choice stands the price of
three estimates on the cone: maximum likelihood, T(d, c)/2; Bayes with a uniform
prior, λ = 1/2 whatever d is; Bayes with the Jeffreys prior, as dear as regular.`,
	Cite: []string{
		"S. Amari, H. Park, T. Ozeki (2006), Singularities affect dynamics of learning in neuromanifolds, Neural Computation 18(5):1007-1065",
		"S. Watanabe (2009), Algebraic Geometry and Statistical Learning Theory, Cambridge University Press",
	},
	Default:    criteriaConeSpec{D: []int{1, 5, 10}, C: 1, H: []float64{0, 1, 2, 4, 8}, N: []int{20, 100, 400}, Scale: 1},
	Smoke:      criteriaConeSpec{D: []int{1}, C: 2, H: []float64{0, 3}, N: []int{20}, Scale: 1},
	Replicates: 400,
	Check: func(s criteriaConeSpec) error {
		if err := checkSizes(s.N, 5); err != nil {
			return err
		}
		if len(s.D) == 0 || len(s.H) == 0 {
			return KeyError("d", "d and h need a value each")
		}
		for _, d := range s.D {
			if d < 1 || d > 100 {
				return KeyError("d", "%d: allowed is 1 to 100", d)
			}
		}
		for _, h := range s.H {
			if !(h >= 0 && h <= 50) {
				return KeyError("h", "%v: allowed is 0 to 50", h)
			}
		}
		switch {
		case !(s.C > 0) || math.IsInf(s.C, 0):
			return KeyError("c", "%v: allowed is a finite number above 0", s.C)
		case !(s.Scale > 0) || math.IsInf(s.Scale, 0):
			return KeyError("scale", "%v: allowed is a finite number above 0", s.Scale)
		}
		return nil
	},
	Cells: func(s criteriaConeSpec) []Cell {
		return Grid(Axis("d", s.D...), Axis("h", s.H...), Axis("n", s.N...))
	},
	Data: criteriaConeData,
	Replicate: func(_ context.Context, s criteriaConeSpec, c Cell, k mc.Key) ([]criteriaConeRow, error) {
		z, err := criteriaConeData(s, c, k)
		if err != nil {
			return nil, err
		}
		row, err := scoreCone(s, c, z)
		return []criteriaConeRow{row}, err
	},
	Compare: compareCriteriaCone,
	Figures: []Figure[criteriaConeSpec, criteriaConeRow]{
		{Name: "found", Doc: "Share of data sets at the apex in which each criterion chooses it, against the sample size. Lines without marks: exact, and what regular theory says of AIC.", Draw: drawConeFound},
		{Name: "power", Doc: "Share of data sets in which each criterion chooses the cone, against the distance h = √n ξ₀ of the truth from the apex, at the largest n.", Draw: drawConePower},
		{Name: "bayes", Doc: "Generalisation error times n of maximum likelihood and Bayes, against h, at the largest n. Dashed: (d+1)/2 of regular theory.", Draw: drawConeBayes},
	},
})

// criteriaConeTruth is ω = (1, 0, …, 0) at distance h/√n.
func criteriaConeTruth(c Cell) []float64 {
	truth := make([]float64, c.Int("d")+1)
	truth[0] = c.Float("h") / math.Sqrt(c.Float("n"))
	return truth
}

func criteriaConeData(s criteriaConeSpec, c Cell, k mc.Key) (*models.Data, error) {
	d := c.Int("d")
	m, err := models.NewCone(models.ConeSettings{D: d, C: s.C})
	if err != nil {
		return nil, err
	}
	z := models.NewData(c.Int("n"), 0, d+2)
	m.Sample(z, criteriaConeTruth(c), k.Stream("data"))
	return z, nil
}

func scoreCone(s criteriaConeSpec, c Cell, z *models.Data) (criteriaConeRow, error) {
	d, n := c.Int("d"), z.N
	row := criteriaConeRow{Status: Converged}
	m, err := models.NewCone(models.ConeSettings{D: d, C: s.C})
	if err != nil {
		return row, err
	}
	l, err := m.Bind(z)
	if err != nil {
		return row, err
	}
	theta, apex, truth := make([]float64, d+1), make([]float64, d+1), criteriaConeTruth(c)
	row.T = 2 * (l.(models.Maximizer).Maximum(theta) - l.LogLik(apex))
	take := func(better bool) int {
		if better {
			return 1
		}
		return 0
	}
	// Relative to the apex, which has no parameters: the larger model is taken
	// where its score is negative.
	top := row.T / 2
	row.AIC = take(selection.AIC(top, d+1) < 0)
	row.BIC = take(selection.BIC(top, d+1, n) < 0)
	hqic, _ := selection.HQIC(top, d+1, n)
	row.HQIC = take(hqic < 0)

	pop, err := models.Population(m, m, truth, models.Rule{})
	if err != nil {
		return row, err
	}
	at := pop.LogLik(truth)
	row.ML = float64(n) * (at - pop.LogLik(theta))
	row.Apex = float64(n) * (at - pop.LogLik(apex))

	b, err := newConeBayes(z, d, s.C, estimation.ConePrior{Scale: s.Scale})
	if err != nil {
		return row, err
	}
	var waic, loo float64
	for i := range n {
		_, v := b.Term(z.Row(i))
		waic += b.LogPredictive(z.Row(i)) - v
		loo += b.LogLeaveOut(z.Row(i))
	}
	row.WAIC, row.LOO, row.FE = take(waic > 0), take(loo > 0), take(b.LogEvidence() > 0)
	root := math.Sqrt(1 + s.C*s.C)
	mean := make([]float64, d+2)
	mean[0], mean[1] = truth[0]/root, s.C*truth[0]/root
	for power, dst := range map[int]*float64{0: &row.Uniform, d: &row.Jeffreys} {
		b, err := newConeBayes(z, d, s.C, estimation.ConePrior{Power: power})
		if err != nil {
			return row, err
		}
		*dst = float64(n) * b.Error(mean)
	}
	return row, nil
}

// newConeBayes conditions the posterior of a cone on data.
func newConeBayes(z *models.Data, d int, c float64, prior estimation.ConePrior) (*estimation.ConePosterior, error) {
	b, err := estimation.NewConePosterior(d, c, prior)
	if err != nil {
		return nil, err
	}
	sum := make([]float64, z.Q)
	for i := range z.N {
		for j, v := range z.Row(i) {
			sum[j] += v
		}
	}
	b.Condition(sum, z.N)
	return b, nil
}

// coneExceeds is P(T > t) for a truth at distance h from the apex, by quadrature:
// T = (|Z₀| + cR)²/(1+c²) with Z₀ ~ N(h/√(1+c²), 1) and R the length of a vector of
// d+1 normals with a mean of length ch/√(1+c²).
func coneExceeds(d int, c, h, t float64) float64 {
	root := math.Sqrt(1 + c*c)
	y := math.Sqrt(t) * root
	mean, far := h/root, c*h/root
	// Simpson over the law of |Z₀|, ten standard deviations beyond its mean: over that of
	// Z₀ the integrand would have a kink at 0.
	const steps = 800
	step := (mean + 10) / steps
	sum := 0.0
	for i := range steps + 1 {
		z := step * float64(i)
		w := float64(2 + 2*(i%2))
		if i == 0 || i == steps {
			w = 1
		}
		sum += w * (distuv.UnitNormal.Prob(z-mean) + distuv.UnitNormal.Prob(z+mean)) * lengthExceeds(d+1, far, (y-z)/c)
	}
	return sum * step / 3
}

// lengthExceeds is P(R > r) for the length R of k normals with a mean of length far:
// a Poisson mixture of χ².
func lengthExceeds(k int, far, r float64) float64 {
	if r <= 0 {
		return 1
	}
	half := far * far / 2
	sum, w := 0.0, math.Exp(-half)
	for j := 0; ; j++ {
		sum += w * mathext.GammaIncRegComp(float64(k)/2+float64(j), r*r/2)
		if w *= half / float64(j+1); float64(j) > half && w < 1e-17 {
			return sum
		}
	}
}

// coneChosen is E[T; T > t] at the apex, t P(T > t) + ∫_t^∞ P(T > s) ds.
func coneChosen(d int, c, t float64) float64 {
	const steps, span = 240, 120.0
	sum := 0.0
	for i := range steps + 1 {
		w := float64(2 + 2*(i%2))
		if i == 0 || i == steps {
			w = 1
		}
		sum += w * coneExceeds(d, c, 0, t+span*float64(i)/steps)
	}
	return t*coneExceeds(d, c, 0, t) + sum*span/steps/3
}

// conePenalty is what the criterion charges on the scale of T.
func conePenalty(name string, d, n int) float64 {
	k := float64(d + 1)
	switch name {
	case "aic":
		return 2 * k
	case "bic":
		return k * math.Log(float64(n))
	case "hqic":
		return 2 * k * math.Log(math.Log(float64(n)))
	}
	return math.NaN()
}

func compareCriteriaCone(_ context.Context, s criteriaConeSpec, c Cell) ([]Line[criteriaConeRow], error) {
	d, h, n := c.Int("d"), c.Float("h"), c.Int("n")
	const source = "law of the projection on the cone, derived here"
	lines := criteriaConeTally.lines(c, len(criteriaConeTally.names), func(name string) known {
		t := conePenalty(name, d, n)
		k := known{found: math.NaN(), cost: math.NaN(), route: models.Exact, source: source}
		if math.IsNaN(t) {
			return k
		}
		k.found = coneExceeds(d, s.C, h, t)
		if h == 0 {
			k.found = 1 - k.found
			k.cost = coneChosen(d, s.C, t) / 2
		}
		return k
	})
	line := func(name string, f func(r criteriaConeRow) float64, theory float64, source string) {
		l := Line[criteriaConeRow]{Name: name, Measure: Mean(f), Theory: math.NaN()}
		if h == 0 {
			l.Theory, l.Route, l.Source = theory, models.Exact, source
		}
		lines = append(lines, l)
	}
	grow := float64(n) / 2 * math.Log1p(1/float64(n))
	line("n KL of maximum likelihood", func(r criteriaConeRow) float64 { return r.ML }, coneErrors(d, s.C)/2, source)
	line("n KL of Bayes, uniform", func(r criteriaConeRow) float64 { return r.Uniform }, grow, "κ/2 log(1+1/n), κ = 1; derived here")
	line("n KL of Bayes, Jeffreys", func(r criteriaConeRow) float64 { return r.Jeffreys }, float64(d+1)*grow, "κ/2 log(1+1/n), κ = d + 1; derived here")
	return lines, nil
}

// coneLargest keeps the cells of the largest sample.
func coneLargest(s criteriaConeSpec, cells []Sample[criteriaConeRow]) (kept []Sample[criteriaConeRow], n int) {
	for _, v := range s.N {
		n = max(n, v)
	}
	for _, c := range cells {
		if c.Cell.Int("n") == n {
			kept = append(kept, c)
		}
	}
	return kept, n
}

func drawConeFound(s criteriaConeSpec, cells []Sample[criteriaConeRow]) (Drawing, error) {
	t := criteriaConeTally
	panels := t.drawFound(cells, len(t.names))
	least := 1.0
	for _, c := range cells {
		for i := range t.names {
			if t.group(c.Cell) != "" {
				m, _, _ := t.found(i, 0)(c)
				least = min(least, m)
			}
		}
	}
	for i, p := range panels {
		p.YRange = [2]float64{max(0, math.Floor(10*least-1)/10), 1.02}
		d := s.D[i]
		lo, hi := float64(s.N[0]), float64(s.N[0])
		for _, n := range s.N {
			lo, hi = min(lo, float64(n)), max(hi, float64(n))
		}
		if lo == hi {
			continue
		}
		exact := 1 - coneExceeds(d, s.C, 0, conePenalty("aic", d, 0))
		p.Curve("aic, exact", []float64{lo, hi}, []float64{exact, exact})
		regular := 1 - mathext.GammaIncRegComp(float64(d+1)/2, float64(d+1))
		p.Curve("aic by regular theory", []float64{lo, hi}, []float64{regular, regular})
	}
	return figs.New(panels...), nil
}

func drawConePower(s criteriaConeSpec, cells []Sample[criteriaConeRow]) (Drawing, error) {
	kept, _ := coneLargest(s, cells)
	t := criteriaConeTally
	t.group = func(c Cell) string { return fmt.Sprintf("d = %d", c.Int("d")) }
	t.x, t.xLabel, t.logX = func(c Cell) float64 { return c.Float("h") }, "h = √n ξ₀", false
	like := figs.Panel{Y: "share that chooses the cone", YRange: [2]float64{0, 1.05}}
	return figs.New(t.draw(kept, len(t.names), like, func(_ Cell, i int) Measure[criteriaConeRow] { return t.found(i, 1) })...), nil
}

func drawConeBayes(s criteriaConeSpec, cells []Sample[criteriaConeRow]) (Drawing, error) {
	kept, _ := coneLargest(s, cells)
	var panels []*figs.Panel
	for _, d := range s.D[:min(3, len(s.D))] {
		p := &figs.Panel{Title: fmt.Sprintf("d = %d", d), X: "h = √n ξ₀", Y: "n KL (nats)"}
		for _, e := range []struct {
			name string
			of   func(r criteriaConeRow) float64
		}{
			{"maximum likelihood", func(r criteriaConeRow) float64 { return r.ML }},
			{"Bayes, uniform prior", func(r criteriaConeRow) float64 { return r.Uniform }},
			{"Bayes, Jeffreys prior", func(r criteriaConeRow) float64 { return r.Jeffreys }},
		} {
			var x, v, se []float64
			for _, c := range kept {
				if c.Cell.Int("d") == d {
					m, e, _ := Mean(e.of)(c)
					x, v, se = append(x, c.Cell.Float("h")), append(v, m), append(se, e)
				}
			}
			p.Series(e.name, x, v, se)
			if e.name == "Bayes, Jeffreys prior" && len(x) > 0 {
				p.Reference("(d + 1)/2", []float64{x[0], x[len(x)-1]}, []float64{float64(d+1) / 2, float64(d+1) / 2})
			}
		}
		panels = append(panels, p)
	}
	return figs.New(panels...), nil
}
