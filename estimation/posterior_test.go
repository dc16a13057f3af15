package estimation_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/models"
)

// quantiles is the sample Φ⁻¹((i−½)/n), which needs no generator.
func quantiles(n int) *models.Data {
	z := models.NewData(n, 0, 1)
	for i := range n {
		z.V[i] = distuv.UnitNormal.Quantile((float64(i) + 0.5) / float64(n))
	}
	return z
}

// tanhData is x_i = −2 + 4(i−½)/50, y_i = Φ⁻¹(frac(0.618033988749895 i)).
func tanhData() *models.Data {
	z := models.NewData(50, 1, 1)
	for i := range 50 {
		z.Row(i)[0] = -2 + 4*(float64(i)+0.5)/50
		_, f := math.Modf(0.618033988749895 * float64(i+1))
		z.Row(i)[1] = distuv.UnitNormal.Quantile(f)
	}
	return z
}

func parseModel(t testing.TB, spec string) models.Model {
	t.Helper()
	m, err := models.Parse(spec)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func boxOf(t testing.TB, bounds ...float64) *estimation.BlockPrior {
	t.Helper()
	var lo, hi []float64
	for i := 0; i < len(bounds); i += 2 {
		lo, hi = append(lo, bounds[i]), append(hi, bounds[i+1])
	}
	p, err := estimation.UniformBox(lo, hi)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Origin of the figures: Gauss–Legendre grids in Python (numpy 1.24), two grid
// sizes agreeing to the digits given; the network by 260 nodes, its last digits
// ± 2e-6 to 2e-5. Data that need no generator: quantiles and tanhData.
func TestExactFreeEnergyOfSingularModels(t *testing.T) {
	for _, c := range []struct {
		name, model     string
		z               *models.Data
		prior           *estimation.BlockPrior
		f, wbic, lambda float64
		meanNL          float64
		tol             float64
		onlyInFull      bool
	}{
		{"normal", "mixture:k=1,sd=1", quantiles(50), boxOf(t, -4, 4), 73.436201, 72.275698, .500000, 70.819687, 6e-7, false},
		{"contaminated", "contaminated", quantiles(50), boxOf(t, 0, 1, -4, 4), 72.188827, 72.022880, .427433, 70.759889, 6e-7, false},
		{"two components", "mixture:k=2,sd=1", quantiles(50), boxOf(t, 0, 1, -4, 4, -4, 4), 74.441049, 73.653094, .854572, 71.159468, 6e-7, true},
		{"tanh unit", "mlp:hidden=1,act=tanh", tanhData(), boxOf(t, -3, 3, -3, 3), 71.01375, 70.50950, .41186, 69.30160, 2e-5, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.onlyInFull && testing.Short() {
				t.Skip("a product rule in three coordinates")
			}
			g, err := estimation.Integrate(context.Background(), parseModel(t, c.model), c.z, c.prior, estimation.QuadratureOptions{Tol: 1e-6, Most: 3_000_000})
			if err != nil {
				t.Fatal(err)
			}
			if !(g.Err < 1e-4) {
				t.Errorf("error bound %g with %d nodes a side", g.Err, g.Order)
			}
			logn := math.Log(50)
			b1, b2 := 1/logn, 1.5/logn
			lambda := (g.MeanNL(b1) - g.MeanNL(b2)) / (1/b1 - 1/b2)
			for _, r := range []struct {
				what      string
				got, want float64
			}{{"F", g.FreeEnergy(1), c.f}, {"WBIC", g.MeanNL(b1), c.wbic}, {"λ", lambda, c.lambda}, {"E[nL]", g.MeanNL(1), c.meanNL}} {
				if math.Abs(r.got-r.want) > c.tol {
					t.Errorf("%s = %.8f, want %.6f", r.what, r.got, r.want)
				}
			}
		})
	}
}

// The free energy of two components beside one grows by a quarter of log n, not
// by log n as BIC has it. Figures of the same origin as above.
func TestFreeEnergyOfASecondComponentIsAQuarterOfLogN(t *testing.T) {
	if testing.Short() {
		t.Skip("product rules in three coordinates")
	}
	one, two := parseModel(t, "mixture:k=1,sd=1"), parseModel(t, "mixture:k=2,sd=1")
	for n, want := range map[int]float64{200: 1.38187} {
		z := quantiles(n)
		f := func(m models.Model, p *estimation.BlockPrior) float64 {
			g, err := estimation.Integrate(context.Background(), m, z, p, estimation.QuadratureOptions{Tol: 1e-5})
			if err != nil {
				t.Fatal(err)
			}
			return g.FreeEnergy(1)
		}
		got := f(two, boxOf(t, 0, 1, -4, 4, -4, 4)) - f(one, boxOf(t, -4, 4))
		if math.Abs(got-want) > 1e-5 {
			t.Errorf("n = %d: F₂ − F₁ = %.6f, want %.5f", n, got, want)
		}
	}
}

// Thermodynamic integration of N(b, 1), b ~ U(−4, 4), on the quantiles of 50: the
// ladder (k/30)⁵ of Friel & Pettitt (2008) with exact energies. The trapezoid gives
// 73.469817, with the correction of its second derivative (Friel, Hurn & Wyse 2014)
// 73.435756, the truth is 73.436201 (computed in NumPy).
func TestThermodynamicIntegration(t *testing.T) {
	g, err := estimation.Integrate(context.Background(), parseModel(t, "mixture:k=1,sd=1"), quantiles(50), boxOf(t, -4, 4), estimation.QuadratureOptions{Smallest: 1e-12})
	if err != nil {
		t.Fatal(err)
	}
	variance := func(beta float64) float64 { // −d E/dβ
		f, m := g.FreeEnergy(beta), g.MeanNL(beta)
		var v float64
		for k, w := range g.LogWeight {
			v += math.Exp(w+beta*g.LogLik[k]+f) * (g.LogLik[k] + m) * (g.LogLik[k] + m)
		}
		return v
	}
	const steps = 30
	var plain, corrected float64
	for k := range steps {
		a, b := math.Pow(float64(k)/steps, 5), math.Pow(float64(k+1)/steps, 5)
		part := (b - a) / 2 * (g.MeanNL(a) + g.MeanNL(b))
		plain += part
		corrected += part + (b-a)*(b-a)/12*(variance(b)-variance(a))
	}
	for _, c := range []struct {
		what      string
		got, want float64
	}{{"trapezoid", plain, 73.469817}, {"corrected", corrected, 73.435756}, {"exact", g.FreeEnergy(1), 73.436201}} {
		if math.Abs(c.got-c.want) > 1e-6 {
			t.Errorf("%s: %.7f, want %.6f", c.what, c.got, c.want)
		}
	}
}

// SMC against the exact figures: four standard errors of its own, so a false
// alarm in about 1 of 1000 for each of 9 comparisons (the errors have 7 degrees
// of freedom).
func TestSMCAgreesWithQuadrature(t *testing.T) {
	for _, c := range []struct {
		model         string
		z             *models.Data
		prior         *estimation.BlockPrior
		f, wbic, mean float64
	}{
		{"contaminated", quantiles(50), boxOf(t, 0, 1, -4, 4), 72.188827, 72.022880, 70.759889},
		{"mixture:k=2,sd=1", quantiles(50), boxOf(t, 0, 1, -4, 4, -4, 4), 74.441049, 73.653094, 71.159468},
		{"mlp:hidden=1,act=tanh", tanhData(), boxOf(t, -3, 3, -3, 3), 71.01375, 70.50950, 69.30160},
	} {
		s, err := estimation.SMC(context.Background(), parseModel(t, c.model), c.z, c.prior, estimation.SMCOptions{
			Particles: 500, Replicates: 8, Betas: []float64{1 / math.Log(50)}, Canonical: true, Rand: rand.New(rand.NewPCG(5, 6)),
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Warnings) > 0 {
			t.Error(c.model, s.Warnings)
		}
		for _, r := range []struct {
			what          string
			got, se, want float64
		}{{"F", s.FreeEnergy, s.FreeEnergySE, c.f}, {"WBIC", s.Stops[0].NL, s.Stops[0].SE, c.wbic}, {"E[nL]", s.Stops[1].NL, s.Stops[1].SE, c.mean}} {
			if !(r.se > 0 && r.se < 0.1) || math.Abs(r.got-r.want) > 4*r.se {
				t.Errorf("%s: %s = %.4f ± %.4f, exact %.4f", c.model, r.what, r.got, r.se, r.want)
			}
		}
	}
}

// Every block integrates to 1, by the mean of exp(log φ − log ψ) over draws of a
// prior ψ that covers it; and draws of it follow its density, by the mean of
// log φ against a rejection-free estimate with the same draws.
func TestPriorBlocksAreNormalised(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for name, c := range map[string]struct {
		block models.PriorBlock
		cover *estimation.BlockPrior
	}{
		"dirichlet":  {models.PriorBlock{Kind: models.PriorDirichlet, N: 2, A: 1.7}, boxOf(t, 0, 1, 0, 1)},
		"stationary": {models.PriorBlock{Kind: models.PriorStationary, N: 3}, boxOf(t, -3, 3, -3, 3, -1, 1)},
		"invertible": {models.PriorBlock{Kind: models.PriorInvertible, N: 2}, boxOf(t, -2, 2, -1, 1)},
		"gamma":      {models.PriorBlock{Kind: models.PriorInverseGamma, N: 1, A: 3, B: 2}, boxOf(t, 0, 30)},
		"normal":     {models.PriorBlock{Kind: models.PriorNormal, N: 2, A: 1, B: .5}, boxOf(t, -2, 4, -2, 4)},
		"wishart":    {models.PriorBlock{Kind: models.PriorInverseWishart, N: 3, A: 9, Scale: []float64{2, .5, .5, 1}}, boxOf(t, 0, 2, -1, 1, 0, 1.5)},
	} {
		p, err := estimation.NewPrior(c.block)
		if err != nil {
			t.Fatal(name, err)
		}
		const draws = 400_000
		var s, s2, m, mw, w2 float64
		x := make([]float64, p.Dim())
		for range draws {
			c.cover.Sample(x, rng)
			f := math.Exp(p.LogDensity(x) - c.cover.LogDensity(x))
			s += f / draws
			s2 += f * f / draws
			mw += f * x[0] / draws
			w2 += f * f * x[0] * x[0] / draws
			p.Sample(x, rng)
			if math.IsInf(p.LogDensity(x), -1) {
				t.Fatalf("%s: a draw %v outside the support", name, x)
			}
			m += x[0] / draws
		}
		if se := math.Sqrt((s2 - s*s) / draws); math.Abs(s-1) > 4*se+2e-3 {
			t.Errorf("%s integrates to %.4f ± %.4f", name, s, se)
		}
		if se := math.Sqrt(2 * w2 / draws); math.Abs(m-mw) > 4*se+2e-3 {
			t.Errorf("%s: mean of draws %.4f, of the density %.4f ± %.4f", name, m, mw, se)
		}
	}
}

func TestPriorRefusesWhatIsNotADensity(t *testing.T) {
	for _, b := range []models.PriorBlock{
		{Kind: models.PriorUniform, N: 1, A: 0, B: math.Inf(1)},
		{Kind: models.PriorNormal, N: 1, B: 0},
		{Kind: models.PriorInverseGamma, N: 1},
		{Kind: models.PriorDirichlet, N: 1},
	} {
		if _, err := estimation.NewPrior(b); !errors.Is(err, estimation.ErrImproper) {
			t.Errorf("%v: %v", b.Kind, err)
		}
	}
	a := models.PriorBlock{N: 1, B: 1}
	if _, err := estimation.NewPrior(a, a); err == nil {
		t.Error("one coordinate twice")
	}
	a.At = 1
	if _, err := estimation.NewPrior(a); err == nil {
		t.Error("a coordinate without a prior")
	}
}

func TestWeakPriorsCoverTheFamilies(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 9))
	for _, spec := range []string{
		"mixture:k=3", "mixture:k=1", "mixture:k=2,sd=1,bound=3", "mixture:k=3,dim=2", "mixture:k=2,dim=2,cov=diag", "mixture:k=2,dim=2,cov=spherical",
		"mixture:k=2,dim=3,cov=tied", "arma:p=2,q=1,mean=true", "arma:p=0,q=0", "mlp:hidden=2,bias=true,sigma=free", "rbf:sigma=free",
		"rrr:in=2,hidden=1,out=2", "crossing", "binmix", "contaminated", "cone:d=2",
	} {
		m := parseModel(t, spec)
		s := m.Shape()
		z := models.NewData(40, s.P, s.Q)
		for i := range z.V {
			z.V[i] = math.Abs(math.Round(2 * rng.NormFloat64()))
			if s.P == 0 || i%(s.P+s.Q) >= s.P {
				z.V[i] = min(z.V[i], 5)
			}
		}
		p, err := estimation.WeakPrior(m, z)
		if spec == "cone:d=2" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		if err != nil || p.Dim() != models.Dim(m) {
			t.Errorf("%s: %v", spec, err)
			continue
		}
		x := make([]float64, p.Dim())
		c, _ := m.(models.Canonicalizer)
		for range 50 {
			p.Sample(x, rng)
			before := p.LogDensity(x)
			if err := models.CheckTheta(m, x); err != nil || math.IsInf(before, 0) {
				t.Errorf("%s: draw %v: log-density %v, %v", spec, x, before, err)
				break
			}
			if c == nil {
				continue
			}
			c.Canonicalize(x)
			if after := p.LogDensity(x); math.Abs(after-before) > 1e-9*(1+math.Abs(before)) {
				t.Errorf("%s: the prior is not invariant: %v, canonical %v", spec, before, after)
				break
			}
		}
	}
}
