package singular

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

// Toy models whose information is known by hand, so that no test of this package
// depends on a family of package models.

// normals is N(a·b, 1) with coordinates a, b and an idle coordinate c: singular
// everywhere, with null direction a ∂_a − b ∂_b.
type normals struct{}

func (normals) Params() []models.Param {
	inf := math.Inf(1)
	return []models.Param{{Name: "a", Lo: -inf, Hi: inf}, {Name: "b", Lo: -inf, Hi: inf}, {Name: "c", Lo: 0, Hi: 1}}
}
func (normals) Shape() models.Shape { return models.Shape{Q: 1} }
func (normals) Sample(z *models.Data, theta []float64, rng *rand.Rand) {
	for i := range z.N {
		z.Y(i)[0] = theta[0]*theta[1] + rng.NormFloat64()
	}
}
func (m normals) Bind(z *models.Data) (models.Likelihood, error) {
	return &toyLik{m: m, z: z, mean: func(_, th []float64) float64 { return th[0] * th[1] }}, nil
}
func (normals) Strata() []models.Stratum {
	return []models.Stratum{{
		Name: "everywhere", Distance: func([]float64) float64 { return 0 },
		Tangent: func(th []float64) *mat.Dense {
			return mat.NewDense(3, 2, []float64{th[0], 0, -th[1], 0, 0, 1})
		},
	}}
}

// line is y = a + b x + e or y = v max(0, w x) + e; x by law.
type line struct {
	relu bool
	law  models.Law
}

func (m line) Params() []models.Param {
	inf := math.Inf(1)
	return []models.Param{{Name: "a", Lo: -inf, Hi: inf}, {Name: "b", Lo: -inf, Hi: inf}}
}
func (m line) Shape() models.Shape                         { return models.Shape{P: m.law.Dim(), Q: 1} }
func (m line) InputLaw() models.Law                        { return m.law }
func (m line) Inputs(z *models.Data, rng *rand.Rand)       { models.DrawInputs(z, m.law, rng) }
func (m line) FisherAt(dst *mat.SymDense, th, x []float64) { m.gradOuter(dst, th, x) }
func (m line) Sample(z *models.Data, th []float64, rng *rand.Rand) {
	for i := range z.N {
		z.Y(i)[0] = m.mean(z.X(i), th) + rng.NormFloat64()
	}
}
func (m line) Bind(z *models.Data) (models.Likelihood, error) {
	return &toyLik{m: m, z: z, mean: m.mean}, nil
}
func (m line) mean(x, th []float64) float64 {
	s := 0.0
	for _, v := range x {
		s += v
	}
	if m.relu {
		return th[0] * max(0, th[1]*s+0.3)
	}
	return th[0] + th[1]*s
}
func (m line) gradOuter(dst *mat.SymDense, th, x []float64) {
	s := 0.0
	for _, v := range x {
		s += v
	}
	g0, g1 := 1.0, s
	if m.relu {
		g0, g1 = max(0, th[1]*s+0.3), 0
		if th[1]*s+0.3 > 0 {
			g1 = th[0] * s
		}
	}
	dst.SetSym(0, 0, g0*g0)
	dst.SetSym(0, 1, g0*g1)
	dst.SetSym(1, 1, g1*g1)
}

type toyLik struct {
	m    models.Model
	z    *models.Data
	mean func(x, th []float64) float64
}

func (l *toyLik) Model() models.Model { return l.m }
func (l *toyLik) N() int              { return l.z.N }
func (l *toyLik) LogLik(th []float64) float64 {
	s := 0.0
	for i := range l.z.N {
		r := l.z.Y(i)[0] - l.mean(l.z.X(i), th)
		s -= r*r/2 + math.Log(2*math.Pi)/2
	}
	return s
}
func (l *toyLik) Terms(dst, th []float64) {
	for i := range dst {
		r := l.z.Y(i)[0] - l.mean(l.z.X(i), th)
		dst[i] = -r*r/2 - math.Log(2*math.Pi)/2
	}
}

// planted has a given factor: F = RᵀR.
type planted struct{ r *mat.Dense }

func (m planted) Params() []models.Param {
	_, d := m.r.Dims()
	ps := make([]models.Param, d)
	for i := range ps {
		ps[i] = models.Param{Name: string(rune('a' + i)), Lo: math.Inf(-1), Hi: math.Inf(1)}
	}
	return ps
}
func (planted) Shape() models.Shape                          { return models.Shape{Q: 1} }
func (planted) Sample(*models.Data, []float64, *rand.Rand)   {}
func (planted) Bind(*models.Data) (models.Likelihood, error) { return nil, nil }
func (m planted) Fisher() (func(*mat.SymDense, []float64) float64, models.Route) {
	return func(dst *mat.SymDense, _ []float64) float64 { gram(dst, m.r); return 0 }, models.Exact
}
func (m planted) FisherFactor() (func([]float64) *mat.Dense, models.Route) {
	return func([]float64) *mat.Dense { return m.r }, models.Exact
}

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol) {
		t.Errorf("%s = %.10g, want %.10g ± %.2g", what, got, want, tol)
	}
}
