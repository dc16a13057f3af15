package selection

import (
	"context"
	"math"
	"os"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/models/datasets"
)

// synthDraws returns the 1000 posterior draws of a normal mean with their terms on
// the data set synth-loo, the input of the reference numbers below.
func synthDraws(t *testing.T) estimation.Draws {
	t.Helper()
	f, err := os.Open("testdata/synth_loo_mu.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	mu, err := models.ReadCSV(f, "mu", nil)
	if err != nil {
		t.Fatal(err)
	}
	set, err := datasets.Lookup("synth-loo")
	if err != nil {
		t.Fatal(err)
	}
	y, err := set.Table()
	if err != nil {
		t.Fatal(err)
	}
	d := estimation.Draws{N: y.N}
	for _, m := range mu.V {
		var l float64
		for _, v := range y.V {
			x := -0.5*math.Log(2*math.Pi) - 0.5*(v-m)*(v-m)
			d.Terms = append(d.Terms, x)
			l += x
		}
		d.LogLik = append(d.LogLik, l)
	}
	return d
}

// TestPackageLoo: loo 2.5.1 in R 4.2.2 on the same 1000×30 matrix (r_eff = 1), to
// the digits printed; the draws are stored to 15 digits.
func TestPackageLoo(t *testing.T) {
	d := synthDraws(t)
	v, _ := WAIC(d)
	const tol = 2e-8
	near(t, "elpd_waic", v.ELPD, -65.100431473, tol)
	near(t, "its SE", v.SE, 14.007506238, tol)
	near(t, "p_waic", v.P, 2.296889219, tol)
	near(t, "waic[1]", v.Pointwise[0], -1.300225247, tol)
	near(t, "waic[30]", v.Pointwise[29], -13.12269764, tol)
	near(t, "p[1]", v.Term[0], 0.02267193584, tol)
	near(t, "p[30]", v.Term[29], 0.7498138535, tol)
	l := PSISLOO(d, 1)
	near(t, "elpd_loo", l.ELPD, -65.103093282, tol)
	near(t, "its SE", l.SE, 14.005157921, tol)
	near(t, "p_loo", l.P, 2.299551028, tol)
	for i, w := range map[int]float64{0: -1.300381235, 28: -6.759919716, 29: -13.11942797} {
		near(t, "loo", l.Pointwise[i], w, tol)
	}
	near(t, "Pareto k of row 30", l.K[29], 0.168811, 1e-6)
	if l.Bad != 0 {
		t.Errorf("%d rows flagged", l.Bad)
	}
	near(t, "importance sampling", ImportanceLOO(d).ELPD, -65.09152871, tol)
	// DIC from the same draws; the mean of μ is the posterior mean.
	var mean float64
	for s := range d.S() {
		// ℓ_1 − ℓ_30 is linear in μ.
		mean += (d.Terms[s*d.N+29] - d.Terms[s*d.N]) / float64(d.S())
	}
	a, b := 1.98196941135044, 6.0
	mean = (a+b)/2 + mean/(b-a)
	var at float64
	set, _ := datasets.Lookup("synth-loo")
	y, _ := set.Table()
	for _, x := range y.V {
		at += -0.5*math.Log(2*math.Pi) - 0.5*(x-mean)*(x-mean)
	}
	value, pD, pV := DIC(d.LogLik, at)
	near(t, "DIC", value, 128.7904897, 1e-6)
	near(t, "pD", pD, 0.9534430266, 1e-6)
	near(t, "pV", pV, 0.8625442554, 1e-6)
}

// TestFitPareto: gpdfit of loo 2.5.1 on exact quantiles.
func TestFitPareto(t *testing.T) {
	heavy, light := make([]float64, 50), make([]float64, 50)
	for i := range heavy {
		p := (float64(i) + 0.5) / 50
		heavy[i] = (math.Pow(1-p, -0.5) - 1) / 0.5
		light[i] = -math.Log(1 - p)
	}
	k, sigma, raw := FitPareto(heavy)
	near(t, "k", k, 0.5060469188, 1e-9)
	near(t, "σ", sigma, 0.9826588367, 1e-9)
	near(t, "raw k", raw, 0.5072563025, 1e-9)
	k, sigma, raw = FitPareto(light)
	near(t, "k", k, 0.1169769004, 1e-9)
	near(t, "σ", sigma, 0.9554274947, 1e-9)
	near(t, "raw k", raw, 0.04037228049, 1e-9)
	if k, _, _ := FitPareto([]float64{1, 1, 1, 1, 1, 1}); !math.IsNaN(k) {
		t.Errorf("k = %v of a constant", k)
	}
}

// eightSchools returns a grid over (μ, log τ) of the hierarchical model of Rubin
// (1981, J. Educ. Stat. 6, 377) with the effects integrated out, y_j ~ N(μ, σ_j² +
// τ²), μ ~ N(0, 5²), τ ~ half-Cauchy(5), as weighted draws and log marginal.
func eightSchools() (d estimation.Draws, logMarginal float64) {
	y := []float64{28, 8, -3, 7, -1, 1, 18, 12}
	sd := []float64{15, 10, 16, 11, 9, 11, 10, 18}
	mu := distuv.Normal{Sigma: 5}
	d.N = len(y)
	var logs []float64
	const points = 300
	for a := range points {
		m := -30 + 60*(float64(a)+0.5)/points
		for b := range points {
			lt := -12 + 24*(float64(b)+0.5)/points
			tau := math.Exp(lt)
			var l float64
			for j := range y {
				x := distuv.Normal{Mu: m, Sigma: math.Hypot(sd[j], tau)}.LogProb(y[j])
				d.Terms = append(d.Terms, x)
				l += x
			}
			d.LogLik = append(d.LogLik, l)
			prior := mu.LogProb(m) + math.Log(2/(math.Pi*5*(1+tau*tau/25))) + lt
			logs = append(logs, l+prior+math.Log(60.0/points*24.0/points))
		}
	}
	logMarginal = logSumExp(logs)
	for _, v := range logs {
		d.Weight = append(d.Weight, math.Exp(v-logMarginal))
	}
	return d, logMarginal
}

// TestEightSchools: exact leave-one-out of the eight public pairs, by a grid of
// another program (scipy 1.10.1) to the digits printed.
func TestEightSchools(t *testing.T) {
	d, log := eightSchools()
	near(t, "log marginal", log, -31.31134735, 2e-5)
	l := ImportanceLOO(d)
	near(t, "elpd_loo", l.ELPD, -30.74187488, 1e-4)
	for i, w := range []float64{-4.88778, -3.42219, -3.85623, -3.46239, -3.45590, -3.48258, -4.23035, -3.94446} {
		near(t, "pointwise", l.Pointwise[i], w, 2e-5)
	}
}

// TestExactPredictive: lppd, WAIC in both forms and leave-one-out, with free energy
// and WBIC, of four models on data that need no generator: x_i = Φ⁻¹((i − ½)/50), and
// for the network y_i = Φ⁻¹(frac(0.618033988749895 i)) at 50 equidistant inputs. By
// Gauss–Legendre grids of another program (numpy 1.24), two grid sizes agreeing to
// the digits given; the network by 260 nodes, its last digits ± 2e-6 to 2e-5. All
// models but the first are singular at the truth.
func TestExactPredictive(t *testing.T) {
	line := models.NewData(50, 0, 1)
	net := models.NewData(50, 1, 1)
	for i := range 50 {
		line.V[i] = distuv.UnitNormal.Quantile((float64(i) + 0.5) / 50)
		_, f := math.Modf(0.618033988749895 * float64(i+1))
		net.Row(i)[0], net.Row(i)[1] = -2+4*(float64(i)+0.5)/50, distuv.UnitNormal.Quantile(f)
	}
	for _, c := range []struct {
		model                 string
		z                     *models.Data
		prior                 []models.PriorBlock
		lppd, v, sumV, g, loo float64
		free, wbic, meanNL    float64
		tol                   float64
	}{
		{"mixture:k=1,sd=1", line, []models.PriorBlock{{N: 1, A: -4, B: 4}},
			-70.336855, -71.321766, 0.984910, -71.302518, -71.322158, 73.436201, 72.275698, 70.819687, 1.5e-6},
		{"contaminated", line, []models.PriorBlock{{N: 1, A: 0, B: 1}, {At: 1, N: 1, A: -4, B: 4}},
			-70.485121, -71.020559, 0.535437, -71.034656, -71.022896, 72.188827, 72.022880, 70.759889, 1.5e-6},
		{"mixture:k=2,sd=1", line, []models.PriorBlock{{N: 1, A: 0, B: 1}, {At: 1, N: 2, A: -4, B: 4}},
			-70.619778, -71.716439, 1.096661, -71.699158, -71.716986, 74.441049, 73.653094, 71.159468, 1.5e-6},
		{"mlp:hidden=1,act=tanh", net, []models.PriorBlock{{N: 2, A: -3, B: 3}},
			-68.92332, -69.69882, 0.77550, -69.67988, -69.70088, 71.01375, 70.50950, 69.30160, 2.5e-5},
	} {
		t.Run(c.model, func(t *testing.T) {
			if testing.Short() && c.prior[len(c.prior)-1].N == 2 {
				t.Skip("a product rule with many nodes")
			}
			opt := estimation.QuadratureOptions{Tol: 1e-6, Most: 3_000_000}
			m, err := models.Parse(c.model)
			if err != nil {
				t.Fatal(err)
			}
			prior, err := estimation.NewPrior(c.prior...)
			if err != nil {
				t.Fatal(err)
			}
			g, err := estimation.Integrate(context.Background(), m, c.z, prior, opt)
			if err != nil {
				t.Fatal(err)
			}
			v, gibbs := WAIC(g.Draws())
			near(t, "lppd", v.ELPD+v.P, c.lppd, c.tol)
			near(t, "V form", v.ELPD, c.v, c.tol)
			near(t, "Σ V", v.P, c.sumV, c.tol)
			near(t, "G form", gibbs.ELPD, c.g, c.tol)
			near(t, "leave-one-out", ImportanceLOO(g.Draws()).ELPD, c.loo, c.tol)
			near(t, "free energy", g.FreeEnergy(1), c.free, c.tol)
			near(t, "WBIC", g.MeanNL(WBICTemperature(50)), c.wbic, c.tol)
			near(t, "E nL", g.MeanNL(1), c.meanNL, c.tol)
		})
	}
}

// TestContaminatedOfQuantiles: x_i = Φ⁻¹((i − ½)/100) under (1−a)N(0,1) + aN(b,1), a ~
// U(0,1), b ~ U(−5,5), by 300 × 600 Gauss–Legendre nodes in numpy 1.24.2, which change
// by less than 1e-13 from 240 × 480.
func TestContaminatedOfQuantiles(t *testing.T) {
	z := models.NewData(100, 0, 1)
	for i := range z.V {
		z.V[i] = distuv.UnitNormal.Quantile((float64(i) + 0.5) / 100)
	}
	m, err := models.Parse("contaminated")
	if err != nil {
		t.Fatal(err)
	}
	prior, err := estimation.NewPrior(models.PriorBlock{N: 1, A: 0, B: 1}, models.PriorBlock{At: 1, N: 1, A: -5, B: 5})
	if err != nil {
		t.Fatal(err)
	}
	g, err := estimation.Integrate(context.Background(), m, z, prior, estimation.QuadratureOptions{Tol: 1e-6})
	if err != nil {
		t.Fatal(err)
	}
	const tol = 1e-8
	v, _ := WAIC(g.Draws())
	near(t, "log evidence", -g.FreeEnergy(1), -143.6111570072546, tol)
	near(t, "WBIC", g.MeanNL(WBICTemperature(100)), 143.375193006175, tol)
	near(t, "E ℓ", -g.MeanNL(1), -141.70318343729835, tol)
	near(t, "lppd", v.ELPD+v.P, -141.40342585820807, tol)
	near(t, "Σ V", v.P, 0.5823598041295469, tol)
	near(t, "WAIC a row", -v.ELPD/100, 1.4198578566233762, tol)
}

// TestConjugateNormalOfLH: lh under N(μ, 1), μ ~ N(0, 4), in closed form (numpy 1.24.2).
// WAIC is that of 4001 quantiles of the posterior N(2.38756, 0.02073), whose variance
// falls short by 1e-3; the free energy and WBIC are sequential Monte Carlo at a fixed
// seed, within 4 of its standard errors.
func TestConjugateNormalOfLH(t *testing.T) {
	z := dataset(t, "lh")
	m, err := models.Parse("mixture:k=1,sd=1")
	if err != nil {
		t.Fatal(err)
	}
	prior, err := estimation.NewPrior(models.PriorBlock{Kind: models.PriorNormal, N: 1, B: 2})
	if err != nil {
		t.Fatal(err)
	}
	table := compare(t, "mixture:sd=1", [][]int{{1}}, z, Options{Particles: 400, Prior: func(models.Model, *models.Data) (estimation.Prior, error) { return prior, nil }}, "fe", "wbic")
	for name, want := range map[string]float64{"fe": 54.6066641183285, "wbic": 53.21039365143846} {
		s := table.at(0, name)
		near(t, name, s.Value, 2*want, 4*s.SE)
		if s.SE > 0.5 {
			t.Errorf("%s: standard error %v", name, s.SE)
		}
	}
	l, err := m.Bind(z)
	if err != nil {
		t.Fatal(err)
	}
	const draws = 4001
	d := estimation.Draws{N: z.N, Terms: make([]float64, draws*z.N)}
	var mean float64
	for s := range draws {
		mu := []float64{distuv.Normal{Mu: 2.387564766839378, Sigma: math.Sqrt(0.02072538860103627)}.Quantile((float64(s) + 0.5) / draws)}
		l.Terms(d.Terms[s*z.N:(s+1)*z.N], mu)
		d.LogLik = append(d.LogLik, l.LogLik(mu))
		mean += d.LogLik[s] / draws
	}
	v, _ := WAIC(d)
	near(t, "E ℓ", mean, -51.76017016081938, 1e-3)
	near(t, "lppd", v.ELPD+v.P, -51.60983277027589, 1e-3)
	near(t, "Σ V", v.P, 0.30683589238477316, 1e-3)
	near(t, "WAIC a row", -v.ELPD/float64(z.N), 1.0815972638054303, 1e-4)
}

// TestExactLeaveOneOut: synth-loo under N(μ, 1), μ ~ N(0, 10²), where everything is
// Gaussian: exact leave-one-out, log marginal and WBIC in closed form (computed in
// NumPy), against importance weights over a grid of μ, which for leave-one-out have
// no error but the rule's.
func TestExactLeaveOneOut(t *testing.T) {
	set, err := datasets.Lookup("synth-loo")
	if err != nil {
		t.Fatal(err)
	}
	y, err := set.Table()
	if err != nil {
		t.Fatal(err)
	}
	d := estimation.Draws{N: y.N}
	var logs, tempered []float64
	const points = 20001
	for k := range points {
		mu := -5 + 10*float64(k)/(points-1)
		var l float64
		for _, v := range y.V {
			x := distuv.Normal{Mu: mu, Sigma: 1}.LogProb(v)
			d.Terms = append(d.Terms, x)
			l += x
		}
		prior := distuv.Normal{Sigma: 10}.LogProb(mu) + math.Log(10.0/(points-1))
		d.LogLik = append(d.LogLik, l)
		logs = append(logs, prior+l)
		tempered = append(tempered, prior+WBICTemperature(y.N)*l)
	}
	total, cold := logSumExp(logs), logSumExp(tempered)
	var wbic float64
	for k, v := range logs {
		d.Weight = append(d.Weight, math.Exp(v-total))
		wbic -= math.Exp(tempered[k]-cold) * d.LogLik[k]
	}
	near(t, "log marginal", total, -67.45165486, 2e-8)
	near(t, "WBIC", wbic, 65.14048619, 2e-8)
	l := ImportanceLOO(d)
	near(t, "exact leave-one-out", l.ELPD, -65.18673682, 2e-8)
	for i, w := range map[int]float64{0: -1.301337122, 28: -6.770388711, 29: -13.14572438} {
		near(t, "its terms", l.Pointwise[i], w, 2e-8)
	}
}
