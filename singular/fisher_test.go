package singular

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x5eed)) }

func TestKronrodRule(t *testing.T) {
	// The 15-point rule is exact to degree 22, the 7-point rule to degree 13.
	for k := 0; k <= 22; k += 2 {
		kron, gauss := 0.0, 0.0
		for i, x := range kronrodX {
			f := 2 * math.Pow(x, float64(k))
			if i == 7 {
				f /= 2
			}
			kron += kronrodW[i] * f
			if i%2 == 1 {
				gauss += gaussW[i/2] * f
			}
		}
		near(t, "Kronrod moment", kron, 2/float64(k+1), 1e-15)
		if k <= 13 {
			near(t, "Gauss moment", gauss, 2/float64(k+1), 1e-15)
		}
	}
}

func TestElementalAverageOverInputs(t *testing.T) {
	// y = a + bx: F = [[1, 0], [0, p·sd²]] for p inputs of mean 0, whose sum is used.
	for _, law := range []models.Law{models.NormalLaw{P: 1, SD: 2}, models.UniformLaw{P: 1, SD: 2}, models.NormalLaw{P: 2, SD: 0.5}, models.UniformLaw{P: 2, SD: 0.5}} {
		f, err := NewFisher(line{law: law}, FisherOptions{})
		if err != nil {
			t.Fatal(err)
		}
		info, err := f.At([]float64{1, 1})
		if err != nil {
			t.Fatal(err)
		}
		sd := 2.0
		if law.Dim() == 2 {
			sd = 0.5
		}
		if info.Route != models.Elemental || info.ErrBound > 1e-9 {
			t.Errorf("%v: route %v, error %g", law, info.Route, info.ErrBound)
		}
		near(t, law.String(), info.F.At(0, 0), 1, 1e-12)
		near(t, law.String(), info.F.At(0, 1), 0, 1e-12)
		near(t, law.String(), info.F.At(1, 1), sd*sd*float64(law.Dim()), 1e-11)
	}
	// Data: the mean over rows, exactly.
	z := &models.Data{N: 3, P: 1, Q: 1, V: []float64{1, 0, 2, 0, 6, 0}}
	f, err := NewFisher(line{law: models.NormalLaw{P: 1, SD: 1}}, FisherOptions{Data: z})
	if err != nil {
		t.Fatal(err)
	}
	info, _ := f.At([]float64{0, 0})
	near(t, "mean of x", info.F.At(0, 1), 3, 1e-15)
	near(t, "mean of x²", info.F.At(1, 1), 41./3, 1e-14)
}

func TestElementalAverageOfKink(t *testing.T) {
	// y = v max(0, wx + 0.3), v = w = 1, x ~ N(0,1): with c = 0.3,
	// F_vv = E(x+c)²₊ = (1+c²)Φ(c) + cφ(c), F_ww = E x² 1(x>−c) = Φ(c) − cφ(c).
	f, err := NewFisher(line{relu: true, law: models.NormalLaw{P: 1, SD: 1}}, FisherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	info, _ := f.At([]float64{1, 1})
	c := 0.3
	cdf, pdf := math.Erfc(-c/math.Sqrt2)/2, math.Exp(-c*c/2)/math.Sqrt(2*math.Pi)
	near(t, "F_vv", info.F.At(0, 0), (1+c*c)*cdf+c*pdf, 1e-10)
	near(t, "F_ww", info.F.At(1, 1), cdf-c*pdf, 1e-10)
	if e := math.Abs(info.F.At(1, 1) - (cdf - c*pdf)); e > info.ErrBound {
		t.Errorf("error %g above its bound %g", e, info.ErrBound)
	}
}

// False-alarm rate about 3e-6 (|z| < 5 on three entries), fixed seed.
func TestMonteCarloRoute(t *testing.T) {
	f, err := NewFisher(normals{}, FisherOptions{})
	if !errors.Is(err, ErrNoRoute) || !strings.Contains(err.Error(), "generator") {
		t.Fatalf("no generator: %v, %v", f, err)
	}
	f, err = NewFisher(normals{}, FisherOptions{Rng: newRand(1), Draws: 40_000})
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.At([]float64{2, 3, 0.5})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{9, 4, 0} {
		if se := info.SE.At(i, i); math.Abs(info.F.At(i, i)-want) > 5*se {
			t.Errorf("F_%d%d = %g ± %g, want %g", i, i, info.F.At(i, i), se, want)
		}
	}
	// Var(r²) = 2: the standard error itself is checked to 5 %.
	near(t, "s.e.", info.SE.At(0, 0), 9*math.Sqrt(2./40_000), 0.05*9*math.Sqrt(2./40_000))
	// Three inputs: elemental information at random inputs.
	law := models.NormalLaw{P: 3, SD: 1}
	f, err = NewFisher(line{law: law}, FisherOptions{Rng: newRand(2), Draws: 20_000})
	if err != nil {
		t.Fatal(err)
	}
	info, _ = f.At([]float64{0, 0})
	near(t, "F_aa", info.F.At(0, 0), 1, 1e-12)
	near(t, "E (Σx)²", info.F.At(1, 1), 3, 5*info.SE.At(1, 1))
	if info.SE.At(1, 1) == 0 || info.Draws != 20_000 {
		t.Errorf("s.e. %g, draws %d", info.SE.At(1, 1), info.Draws)
	}
}

func TestGeometryOfProduct(t *testing.T) {
	f, err := NewFisher(normals{}, FisherOptions{Rng: newRand(3), Draws: 1000})
	if err != nil {
		t.Fatal(err)
	}
	g, err := f.Describe([]float64{2, 3, 0.5})
	if err != nil {
		t.Fatal(err)
	}
	if g.Rank != 1 || g.RankNumerical != 1 || len(g.Structural) != 1 || g.Structural[0] != 2 {
		t.Errorf("rank %d, %d, structural %v", g.Rank, g.RankNumerical, g.Structural)
	}
	_, names := g.Directions(g.Null)
	if strings.Join(names, "; ") != "c; 0.6667 a − b" {
		t.Errorf("null directions %q", names)
	}
	if _, k := g.Tangent.Dims(); k != 2 || g.Extra != nil {
		t.Errorf("tangent of dimension %d, extra %v", k, g.Extra)
	}
	// At the origin everything is null, and the stratum knows only c.
	if g, err = f.Describe([]float64{0, 0, 0}); err != nil {
		t.Fatal(err)
	}
	if g.Rank != 0 || g.Extra == nil || g.DetSign != 0 || !math.IsInf(g.Condition, 1) {
		t.Errorf("at the origin: %+v", g.Spectrum)
	}
	if _, names := g.Directions(g.Extra); strings.Join(names, ";") != "a;b" {
		t.Errorf("extra directions %q", names)
	}
	if g.RLCT != nil || g.Refusal == "" {
		t.Error("a learning coefficient from nowhere")
	}
	for _, bad := range [][]float64{{1, 2}, {1, 2, 3}, {1, math.NaN(), 0}} {
		if _, err := f.At(bad); err == nil {
			t.Errorf("θ = %v: no error", bad)
		}
	}
}

func TestFactoredRankSeesMore(t *testing.T) {
	// Columns (1, 0), (1, 1e-8): F loses its smallest eigenvalue, 5e-17, the
	// factor does not.
	m := planted{mat.NewDense(2, 2, []float64{1, 1, 0, 1e-8})}
	f, err := NewFisher(m, FisherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	g, err := f.Describe([]float64{0, 0})
	if err != nil {
		t.Fatal(err)
	}
	if g.Rank != 2 || g.RankNumerical != 1 || !g.Factored {
		t.Errorf("rank %d, plain %d, factored %v", g.Rank, g.RankNumerical, g.Factored)
	}
	near(t, "smallest eigenvalue", g.Values[0], 5e-17, 1e-23)
	near(t, "det", g.Det(), 1e-16, 1e-23)
}

func TestRankDoesNotDependOnUnits(t *testing.T) {
	// Scaling a coordinate by 1e6 changes F by 1e12 and not its rank.
	f := mat.NewSymDense(3, []float64{2, 1, 0, 1, 2, 0, 0, 0, 1e-18})
	for i, c := range []float64{1e-6, 1, 1e3} {
		g := mat.NewSymDense(3, nil)
		for j := range 3 {
			for k := j; k < 3; k++ {
				v := f.At(j, k)
				if j == i {
					v *= c
				}
				if k == i {
					v *= c
				}
				g.SetSym(j, k, v)
			}
		}
		s, err := NewSpectrum(g)
		if err != nil {
			t.Fatal(err)
		}
		if s.Rank != 3 || len(s.Structural) != 0 {
			t.Errorf("coordinate %d: rank %d, structural %v", i, s.Rank, s.Structural)
		}
	}
	if _, err := NewSpectrum(mat.NewSymDense(1, []float64{math.NaN()})); err == nil {
		t.Error("NaN information: no error")
	}
}

func TestStandardErrors(t *testing.T) {
	ps := []models.Param{{Name: "a"}, {Name: "b"}, {Name: "c"}, {Name: "d"}}
	// b and c only through b + c; d idle.
	info := mat.NewSymDense(4, []float64{4, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0})
	s := StandardErrors(info, ps)
	near(t, "se(a)", s.SE[0], 0.5, 1e-15)
	if !math.IsNaN(s.SE[1]) || !strings.Contains(s.Reason[1], "b − c") || !math.IsNaN(s.SE[2]) {
		t.Errorf("b: %v %q", s.SE[1], s.Reason[1])
	}
	if !math.IsNaN(s.SE[3]) || !strings.Contains(s.Reason[3], "no effect") || s.Rank != 2 || s.Estimable() {
		t.Errorf("d: %v %q, rank %d", s.SE[3], s.Reason[3], s.Rank)
	}
	// A saddle: a is fine, b and c are not.
	info = mat.NewSymDense(3, []float64{4, 0, 0, 0, 1, 2, 0, 2, 1})
	s = StandardErrors(info, ps[:3])
	near(t, "se(a)", s.SE[0], 0.5, 1e-15)
	if !math.IsNaN(s.SE[1]) || !strings.Contains(s.Reason[1], "upwards") {
		t.Errorf("saddle: %v %q", s.SE[1], s.Reason[1])
	}
	// A boundary: the others as if it were known.
	nan := math.NaN()
	info = mat.NewSymDense(2, []float64{4, nan, nan, nan})
	s = StandardErrors(info, ps[:2])
	near(t, "se(a)", s.SE[0], 0.5, 1e-15)
	if !strings.Contains(s.Reason[1], "boundary") {
		t.Errorf("boundary: %q", s.Reason[1])
	}
	// Regular: √diag(I⁻¹), here [[2, 1], [1, 2]]⁻¹ = [[2, −1], [−1, 2]]/3.
	s = StandardErrors(mat.NewSymDense(2, []float64{2, 1, 1, 2}), ps[:2])
	near(t, "se", s.SE[1], math.Sqrt(2./3), 1e-15)
	if !s.Estimable() || s.Rank != 2 || s.Null != nil {
		t.Errorf("regular: %+v", s)
	}
	near(t, "condition", s.Condition, 3, 1e-14)
}

func TestIntoAllocatesNothing(t *testing.T) {
	f, err := NewFisher(line{law: models.NormalLaw{P: 1, SD: 1}}, FisherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var info Information
	theta := []float64{1, 1}
	if n := testing.AllocsPerRun(5, func() {
		if err := f.Into(&info, theta); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// Networks of more than two inputs have no quadrature rule: their information is
// that at inputs drawn at random, with its standard error.
func TestFisherOfManyInputs(t *testing.T) {
	for _, text := range []string{"mlp:in=3,hidden=3,act=tanh,bias=true", "mlp:in=3,hidden=1+1,out=2,noise=softmax"} {
		m, err := models.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		f, err := NewFisher(m, FisherOptions{Draws: 200, Rng: newRand(1)})
		if err != nil {
			t.Fatal(err)
		}
		theta := make([]float64, models.Dim(m))
		for i := range theta {
			theta[i] = 0.5 - 0.1*float64(i)
		}
		info, err := f.At(theta)
		if err != nil || info.Route != models.MonteCarlo || info.SE == nil {
			t.Errorf("%s: route %v, error %v", text, info.Route, err)
		}
	}
}
