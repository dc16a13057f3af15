package estimation_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/models"
)

// The free energy of the cone by a product rule over a box against the closed form,
// which has the improper prior: they differ by the constant of the box alone, for the
// tails beyond it are below 1e-12.
func TestConeByQuadratureIsTheClosedForm(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 1))
	for _, c := range []struct {
		spec string
		d    int
		k    float64
	}{{"cone:d=1,c=1", 1, 0}, {"cone:d=1,c=2", 1, 1}, {"cone:d=1,c=1", 1, 2}, {"cone:d=2,c=1", 2, 2}} {
		m := parseModel(t, c.spec).(*models.Cone)
		z := models.NewData(10, 0, c.d+2)
		at := make([]float64, c.d+1)
		m.Sample(z, at, rng)
		const reach = 4
		prior, err := estimation.NewApexPrior(m, c.k, reach)
		if err != nil {
			t.Fatal(err)
		}
		g, err := estimation.Integrate(context.Background(), m, z, prior, estimation.QuadratureOptions{Tol: 1e-5})
		if err != nil {
			t.Fatal(err)
		}
		slope := 1.0
		if c.spec == "cone:d=1,c=2" {
			slope = 2
		}
		b := conePosterior(t, c.d, slope, estimation.ConePrior{Power: int(c.k)})
		b.Condition(sumRows(z), z.N)
		l, err := m.Bind(z)
		if err != nil {
			t.Fatal(err)
		}
		want := -l.LogLik(at) - b.LogEvidence() - math.Log((c.k+1)/2/math.Pow(reach, c.k+1))
		if math.Abs(g.FreeEnergy(1)-want) > 1e-5 {
			t.Errorf("%s, k = %v: F = %.8f, closed form %.8f", c.spec, c.k, g.FreeEnergy(1), want)
		}
	}
}

// Jeffreys' prior of AR(1) is (1−φ²)^(−1/2) over its integral, that of a normal's
// variance 1/σ² over log(hi/lo), that of the cone |ξ|^d on a sphere of directions.
func TestJeffreysInClosedForm(t *testing.T) {
	for _, c := range []struct {
		spec    string
		lo, hi  []float64
		density func(x []float64) float64
	}{
		{"arma:p=1,q=0,var=1", []float64{-0.9}, []float64{0.9}, func(x []float64) float64 { return 1 / math.Sqrt(1-x[0]*x[0]) / (2 * math.Asin(0.9)) }},
		{"mixture:k=1,sd=free", []float64{-1, 0.5}, []float64{1, 3}, func(x []float64) float64 {
			return math.Pow(x[1], -1.5) / (4 * (1/math.Sqrt(0.5) - 1/math.Sqrt(3)))
		}},
		{"cone:d=1", []float64{-2, -math.Pi}, []float64{2, math.Pi}, func(x []float64) float64 { return math.Abs(x[0]) / (8 * math.Pi) }},
	} {
		p, err := estimation.NewJeffreys(parseModel(t, c.spec), c.lo, c.hi)
		if err != nil {
			t.Fatal(c.spec, err)
		}
		rng := rand.New(rand.NewPCG(1, 7))
		x := make([]float64, p.Dim())
		// E 1/density over draws is the volume of the box; its relative standard
		// error is that of the draws.
		const draws = 20000
		volume, s, s2 := 1.0, 0.0, 0.0
		for i := range x {
			volume *= c.hi[i] - c.lo[i]
		}
		for range draws {
			p.Sample(x, rng)
			want := c.density(x)
			if got := math.Exp(p.LogDensity(x)); math.Abs(got/want-1) > 1e-3 {
				t.Fatalf("%s at %v: density %.6g, want %.6g", c.spec, x, got, want)
			}
			v := math.Pow(want, -0.5) // a bounded variance where the density vanishes
			s += v / draws
			s2 += v * v / draws
		}
		var want float64
		const side = 400
		n := side
		for range len(x) - 1 {
			n *= side
		}
		for k := range n {
			for j, a := 0, k; j < len(x); j++ {
				x[j] = c.lo[j] + (c.hi[j]-c.lo[j])*(float64(a%side)+0.5)/side
				a /= side
			}
			want += math.Sqrt(c.density(x)) * volume / float64(n)
		}
		if se := math.Sqrt((s2 - s*s) / draws); math.Abs(s-want) > 4*se+1e-3*want {
			t.Errorf("%s: E density^(−1/2) of draws %.4f ± %.4f, of the density %.4f", c.spec, s, se, want)
		}
		if p.Shape() != (models.PriorShape{Jeffreys: true}) {
			t.Error("shape", p.Shape())
		}
	}
}

func TestGeometricPriorsRefuse(t *testing.T) {
	normal := parseModel(t, "mixture:k=1,sd=free")
	for name, box := range map[string][2][]float64{
		"infinite box": {{math.Inf(-1), 0.5}, {1, 2}},
		"no volume":    {{1, 0.5}, {1, 2}},
		"variance 0":   {{-1, 0}, {1, 2}},
	} {
		if _, err := estimation.NewJeffreys(normal, box[0], box[1]); !errors.Is(err, estimation.ErrImproper) {
			t.Errorf("%s: %v", name, err)
		}
	}
	cone := parseModel(t, "cone:d=2").(*models.Cone)
	for _, c := range [][2]float64{{-1, 1}, {0, math.Inf(1)}, {0, 0}} {
		if _, err := estimation.NewApexPrior(cone, c[0], c[1]); !errors.Is(err, estimation.ErrImproper) {
			t.Errorf("|ξ|^%v on ±%v: %v", c[0], c[1], err)
		}
	}
}

// Draws of the prior of the cone on its sphere of directions: ω₁ has mean square
// 1/(d+1) and |ξ| the mean (k+1)/(k+2) of its reach.
func TestApexPriorDraws(t *testing.T) {
	m := parseModel(t, "cone:d=3").(*models.Cone)
	p, err := estimation.NewApexPrior(m, 1.5, 2)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 3))
	x := make([]float64, 4)
	const draws = 40000
	var omega, reach float64
	for range draws {
		p.Sample(x, rng)
		if math.IsInf(p.LogDensity(x), -1) {
			t.Fatalf("draw %v outside the support", x)
		}
		c := math.Cos(x[0+1])
		omega += c * c / draws
		reach += math.Abs(x[0]) / draws
	}
	if math.Abs(omega-0.25) > 4*0.25/math.Sqrt(draws) || math.Abs(reach-2*2.5/3.5) > 4*0.5/math.Sqrt(draws) {
		t.Errorf("E ω₁² = %.4f, want 0.25; E |ξ| = %.4f, want %.4f", omega, reach, 5/3.5)
	}
}

// A weight ~ Dirichlet(α, α) by quadrature: E a² = (α+1)/(2(2α+1)), read off the
// evidence of two observations whose component lies at b = 1 ± 1e-9.
func TestQuadratureOfSmallDirichlet(t *testing.T) {
	m := parseModel(t, "contaminated")
	z := models.NewData(2, 0, 1)
	z.V[0], z.V[1] = 3, 2.5
	var r [2]float64 // N(y; 1)/N(y; 0) − 1
	base := 0.0
	for i, y := range z.V {
		r[i] = math.Exp(y-0.5) - 1
		base += -0.5*math.Log(2*math.Pi) - y*y/2
	}
	for _, alpha := range []float64{0.25, 0.5, 0.8, 1, 2} {
		prior, err := estimation.NewPrior(models.PriorBlock{Kind: models.PriorDirichlet, N: 1, A: alpha}, models.PriorBlock{At: 1, N: 1, A: 1 - 1e-9, B: 1 + 1e-9})
		if err != nil {
			t.Fatal(err)
		}
		g, err := estimation.Integrate(context.Background(), m, z, prior, estimation.QuadratureOptions{Tol: 1e-7})
		if err != nil {
			t.Fatal(err)
		}
		want := -base - math.Log(1+(r[0]+r[1])/2+r[0]*r[1]*(alpha+1)/(2*(2*alpha+1)))
		if math.Abs(g.FreeEnergy(1)-want) > 1e-4 {
			t.Errorf("α = %v: F = %.7f, want %.7f", alpha, g.FreeEnergy(1), want)
		}
	}
}
