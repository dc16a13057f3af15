package models

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

func mlpMust(t testing.TB, s MLPSettings) *MLP {
	t.Helper()
	m, err := NewMLP(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func mlpFisherAt(t testing.TB, m *MLP, theta []float64) *mat.SymDense {
	t.Helper()
	f, _ := m.Fisher()
	if f == nil {
		t.Fatalf("%v has no Fisher information", m)
	}
	g := mat.NewSymDense(len(theta), nil)
	f(g, theta)
	return g
}

// eigenAscending returns the eigenvalues of g.
func eigenAscending(t testing.TB, g *mat.SymDense) []float64 {
	t.Helper()
	var e mat.EigenSym
	if !e.Factorize(g, false) {
		t.Fatal("eigenvalues did not converge")
	}
	return e.Values(nil)
}

// squaredSingular returns the squares of the singular values of r, ascending.
func squaredSingular(t testing.TB, r *mat.Dense) []float64 {
	t.Helper()
	var svd mat.SVD
	if !svd.Factorize(r, mat.SVDNone) {
		t.Fatal("singular values did not converge")
	}
	s := svd.Values(nil)
	out := make([]float64, len(s))
	for i, v := range s {
		out[len(s)-1-i] = v * v
	}
	return out
}

// Checklist A2: ranks of the Fisher information of two erf units with D inputs,
// derived here and verified by singular value decompositions for D = 1, 2, 3, 5:
// generic 2D+2, overlap D+1, v_2 = 0 D+2, w_2 = 0 2D+1, overlap with v_2 = 0 D+1.
func TestMLPRankMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 1))
	want := map[int][5]int{1: {4, 2, 3, 3, 2}, 2: {6, 3, 4, 5, 3}, 3: {8, 4, 5, 7, 4}, 5: {12, 6, 7, 11, 6}}
	for _, d := range []int{1, 2, 3, 5} {
		m := mlpMust(t, MLPSettings{In: d})
		generic := make([]float64, 2*d+2)
		for j := range generic {
			generic[j] = (0.6 + rng.Float64()) * float64(1-2*rng.IntN(2))
		}
		if d == 1 {
			generic[0], generic[1] = 0.5, -1.6 // distinct up to sign
		}
		for k, name := range []string{"generic", "overlap", "v2=0", "w2=0", "overlap and v2=0"} {
			theta := append([]float64(nil), generic...)
			if k == 1 || k == 4 {
				copy(theta[d:2*d], theta[:d])
			}
			if k == 3 {
				clear(theta[d : 2*d])
			}
			if k == 2 || k == 4 {
				theta[2*d+1] = 0
			}
			ev := eigenAscending(t, mlpFisherAt(t, m, theta))
			rank := 0
			for _, e := range ev {
				if e > 1e-10*ev[len(ev)-1] {
					rank++
				}
			}
			if rank != want[d][k] {
				t.Errorf("D = %d, %s: rank %d, want %d; eigenvalues %.3g", d, name, rank, want[d][k], ev)
			}
			factor, _ := m.FisherFactor()
			sv := squaredSingular(t, factor(theta))
			rank = 0
			for _, e := range sv {
				if e > 1e-20*sv[len(sv)-1] {
					rank++
				}
			}
			if rank != want[d][k] {
				t.Errorf("D = %d, %s: rank of the factor %d, want %d; squared singular values %.3g", d, name, rank, want[d][k], sv)
			}
		}
	}
}

// overlapTheta is the point at separation u, imbalance z, centre s and sum r:
// w_1 = s − (1−z)u/2, w_2 = s + (1+z)u/2, v_1 = r(1+z)/2, v_2 = r(1−z)/2.
func overlapTheta(u, z, s, r float64) []float64 {
	return []float64{s - (1-z)*u/2, s + (1+z)*u/2, r * (1 + z) / 2, r * (1 - z) / 2}
}

// Checklist A3: near the overlap (D = 1, s = r = 1, z = 0.4) the two small
// eigenvalues go as u⁶ and u², and det/u⁸ → 4(1−z²)²(2/r)² det Gram{(r/8)φ″(sx)x²,
// (r/24)φ‴(sx)x³, rφ′(sx)x, φ(sx)} = 1.4107e-9. Eigenvalues computed once with
// numpy from the closed form, three digits kept.
func TestMLPEigenvaluesNearOverlap(t *testing.T) {
	m := mlpMust(t, MLPSettings{})
	factor, route := m.FisherFactor()
	if route != Quadrature {
		t.Errorf("route of the factor: %v", route)
	}
	var lastSmall, lastNext float64
	for _, c := range []struct{ u, small, next, det float64 }{
		{0.4, 3.80e-7, 2.14e-4, 9.58e-10},
		{0.2, 7.70e-9, 5.26e-5, 1.253e-9},
		{0.1, 1.30e-10, 1.29e-5, 1.358e-9},
		{0.05, 2.09e-12, 3.20e-6, 1.392e-9},
	} {
		theta := overlapTheta(c.u, 0.4, 1, 1)
		for route, ev := range map[string][]float64{
			"closed form": eigenAscending(t, mlpFisherAt(t, m, theta)),
			"factor":      squaredSingular(t, factor(theta)),
		} {
			if math.Abs(ev[0]/c.small-1) > 0.006 || math.Abs(ev[1]/c.next-1) > 0.006 {
				t.Errorf("u = %v, %s: eigenvalues %.4g, %.4g, want %v, %v", c.u, route, ev[0], ev[1], c.small, c.next)
			}
			det := ev[0] * ev[1] * ev[2] * ev[3] / math.Pow(c.u, 8)
			if math.Abs(det/c.det-1) > 2e-3 {
				t.Errorf("u = %v, %s: det/u⁸ = %.4g, want %v", c.u, route, det, c.det)
			}
			if route == "factor" {
				lastSmall, lastNext = ev[0], ev[1]
			}
		}
	}
	// The factor alone resolves what lies below the rounding of F.
	prev := 0.05
	for _, u := range []float64{0.02, 0.01, 0.005, 0.002, 0.001} {
		ev := squaredSingular(t, factor(overlapTheta(u, 0.4, 1, 1)))
		ratio := math.Log(prev / u)
		if s := math.Log(lastSmall/ev[0]) / ratio; math.Abs(s-6) > 0.05 {
			t.Errorf("slope of the smallest eigenvalue at u = %v: %.4f, want 6", u, s)
		}
		if s := math.Log(lastNext/ev[1]) / ratio; math.Abs(s-2) > 0.01 {
			t.Errorf("slope of the second eigenvalue at u = %v: %.4f, want 2", u, s)
		}
		det := ev[0] * ev[1] * ev[2] * ev[3] / math.Pow(u, 8)
		if tol := 1.5*u + 1e-5; math.Abs(det/1.4107e-9-1) > tol {
			t.Errorf("u = %v: det/u⁸ = %.6g, want 1.4107e-9 within %.2g", u, det, tol)
		}
		lastSmall, lastNext, prev = ev[0], ev[1], u
	}
}

// Checklist A1: the output function is constant along the critical set.
func TestMLPOutputConstantOnStrata(t *testing.T) {
	m := mlpMust(t, MLPSettings{})
	spread := func(at func(k float64) []float64) float64 {
		worst := 0.0
		f, ref := []float64{0}, []float64{0}
		for x := -4.0; x <= 4; x += 0.25 {
			m.Mean(ref, at(0), []float64{x})
			for k := -2.0; k <= 2; k++ {
				m.Mean(f, at(k), []float64{x})
				worst = max(worst, math.Abs(f[0]-ref[0]))
			}
		}
		return worst
	}
	for name, at := range map[string]func(k float64) []float64{
		"overlap":        func(k float64) []float64 { return overlapTheta(0, 0.7*k, 1.3, 0.8) },
		"mirror overlap": func(k float64) []float64 { return []float64{1.1, -1.1, 0.4 + k, k} },
		"elimination":    func(k float64) []float64 { return []float64{0.9, 2 * k, 1.2, 0} },
		"zero input":     func(k float64) []float64 { return []float64{0, 0.7, 3 * k, 1} },
	} {
		if s := spread(at); s > 1e-12 {
			t.Errorf("%s: the output varies by %g", name, s)
		}
	}
}

// Checklist A6: closed forms against Monte Carlo, with weights of order 1 and
// inputs of spread 0.8, each entry within 5 standard errors. There are 2 models
// with 120 entries: a false alarm has probability 1.4e-4.
func TestMLPClosedFormAgainstMonteCarlo(t *testing.T) {
	draws := 200_000
	if testing.Short() {
		draws = 20_000
	}
	for _, act := range []Activation{ErfUnit, ReLUUnit} {
		rng := rand.New(rand.NewPCG(21, uint64(act)))
		m := mlpMust(t, MLPSettings{In: 3, Hidden: 3, Out: 2, Act: act, Sigma: 0.5, Inputs: NormalLaw{P: 3, SD: 0.8}})
		theta := mlpTheta(m, rng)
		exact := mlpFisherAt(t, m, theta)
		d := len(theta)
		g := mat.NewSymDense(d, nil)
		sum, sq := mat.NewDense(d, d, nil), mat.NewDense(d, d, nil)
		x := make([]float64, 3)
		for range draws {
			m.s.Inputs.Draw(x, rng)
			m.FisherAt(g, theta, x)
			for i := range d {
				for j := range i + 1 {
					v := g.At(i, j)
					sum.Set(i, j, sum.At(i, j)+v)
					sq.Set(i, j, sq.At(i, j)+v*v)
				}
			}
		}
		n := float64(draws)
		for i := range d {
			for j := range i + 1 {
				mean := sum.At(i, j) / n
				se := math.Sqrt((sq.At(i, j)/n - mean*mean) / n)
				if math.Abs(mean-exact.At(i, j)) > 5*se+1e-15 {
					t.Errorf("%v: F[%s,%s] = %.5f, Monte Carlo %.5f ± %.5f", m, m.params[i].Name, m.params[j].Name, exact.At(i, j), mean, se)
				}
			}
		}
	}
}

// gridFisher integrates FisherAt over a fine uniform grid of the plane or line
// by the midpoint rule, which shares no node and no closed form with the routes.
func gridFisher(m *MLP, theta []float64, end, step float64) *mat.SymDense {
	d := len(theta)
	sum, g := mat.NewSymDense(d, nil), mat.NewSymDense(d, nil)
	law, uniform := m.s.Inputs.(UniformLaw)
	sd := 1.0
	if uniform {
		sd = law.SD
		end = math.Sqrt(3) * sd
	} else {
		sd = m.s.Inputs.(NormalLaw).SD
		end *= sd
	}
	n := int(math.Ceil(2 * end / (step * sd)))
	h := 2 * end / float64(n)
	density := func(x float64) float64 {
		if uniform {
			return 1 / (2 * end)
		}
		return math.Exp(-x*x/(2*sd*sd)) / (sd * math.Sqrt(2*math.Pi))
	}
	x := make([]float64, m.s.In)
	add := func(w float64) {
		m.FisherAt(g, theta, x)
		for i := range d {
			for j := i; j < d; j++ {
				sum.SetSym(i, j, sum.At(i, j)+w*g.At(i, j))
			}
		}
	}
	for a := range n {
		x[0] = -end + (float64(a)+0.5)*h
		if m.s.In == 1 {
			add(h * density(x[0]))
			continue
		}
		for b := range n {
			x[1] = -end + (float64(b)+0.5)*h
			add(h * h * density(x[0]) * density(x[1]))
		}
	}
	return sum
}

// Every route of Fisher, and the factor, against the grid. The tolerance of the
// midpoint rule is geometric for smooth integrands over the whole line and h² at
// ends and kinks.
func TestMLPFisherRoutes(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 1))
	for _, c := range []struct {
		s     MLPSettings
		step  float64
		tol   float64
		route Route
	}{
		{MLPSettings{In: 1, Hidden: 3}, 0.05, 1e-12, Exact},
		{MLPSettings{In: 2, Hidden: 2, Out: 2, FreeSigma: true, Inputs: NormalLaw{P: 2, SD: 1.4}}, 0.1, 1e-11, Exact},
		{MLPSettings{In: 2, Hidden: 2, Bias: true}, 0.1, 1e-11, Quadrature},
		{MLPSettings{In: 1, Hidden: 3, Out: 2, Act: TanhUnit, Bias: true, Sigma: 0.3}, 0.02, 1e-11, Quadrature},
		{MLPSettings{In: 2, Hidden: 3, Act: TanhUnit}, 0.08, 1e-9, Quadrature},
		{MLPSettings{In: 1, Act: ReLUUnit, Bias: true}, 0.001, 1e-5, Quadrature},
		{MLPSettings{In: 2, Hidden: 3, Act: ReLUUnit}, 0.02, 1e-4, Exact},
		{MLPSettings{In: 1, Act: TanhUnit, Inputs: UniformLaw{P: 1, SD: 2}}, 0.002, 1e-6, Quadrature},
		{MLPSettings{In: 2, Bias: true, Inputs: UniformLaw{P: 2, SD: 1}}, 0.02, 1e-4, Quadrature},
		{MLPSettings{In: 2, Hidden: 2, Out: 2, Act: LinearUnit, Bias: true, FreeSigma: true}, 0.1, 1e-12, Exact},
	} {
		m := mlpMust(t, c.s)
		theta := mlpTheta(m, rng)
		f, route := m.Fisher()
		if f == nil || route != c.route {
			t.Errorf("%v: route %v, want %v", m, route, c.route)
			continue
		}
		got := mat.NewSymDense(len(theta), nil)
		bound := f(got, theta)
		size := mat.Max(got)
		if route == Exact && bound != 0 || bound < 0 || bound > 1e-8*size {
			t.Errorf("%v: error bound %g for entries up to %g", m, bound, size)
		}
		want := gridFisher(m, theta, 9, c.step)
		if m.s.FreeSigma { // the grid has lost the mass beyond its ends, not more
			mlpClose(t, "F of sigma2", got.At(m.net, m.net), float64(m.s.Out)/2/(theta[m.net]*theta[m.net]), 1e-14)
		}
		compareInfo(t, m, "Fisher", got, want, c.tol*size)
		if factor, _ := m.FisherFactor(); factor != nil {
			gram := mat.NewSymDense(len(theta), nil)
			gramOf(gram, factor(theta))
			compareInfo(t, m, "RᵀR", gram, got, 1e-10*size)
		} else if m.s.Act != ReLUUnit || m.s.In == 1 {
			if min(m.s.In, m.s.Hidden) <= 2 {
				t.Errorf("%v has no factor", m)
			}
		}
	}
}

func compareInfo(t *testing.T, m *MLP, what string, got, want *mat.SymDense, tol float64) {
	t.Helper()
	for i := range m.params {
		for j := range i + 1 {
			if math.Abs(got.At(i, j)-want.At(i, j)) > tol {
				t.Errorf("%v: %s[%s,%s] = %.14g, want %.14g within %.2g", m, what, m.params[i].Name, m.params[j].Name, got.At(i, j), want.At(i, j), tol)
			}
		}
	}
}

// Two units in many dimensions: quadrature in the plane of the weights with the
// rest in closed form, against the closed form (erf), also for weights that are
// parallel, nearly parallel or zero.
func TestMLPFactorAcrossTheSpan(t *testing.T) {
	m := mlpMust(t, MLPSettings{In: 5, Out: 2, FreeSigma: true, Inputs: NormalLaw{P: 5, SD: 0.7}})
	theta := mlpTheta(m, rand.New(rand.NewPCG(41, 1)))
	factor, _ := m.FisherFactor()
	for _, u := range []float64{1, 1e-3, 1e-9, 0} {
		at := append([]float64(nil), theta...)
		for k := range 5 {
			at[5+k] = at[k] + u*(at[5+k]-at[k])
		}
		gram := mat.NewSymDense(len(at), nil)
		gramOf(gram, factor(at))
		compareInfo(t, m, fmt.Sprintf("RᵀR at u = %g", u), gram, mlpFisherAt(t, m, at), 1e-13)
	}
	clear(theta[:10])
	gram := mat.NewSymDense(len(theta), nil)
	gramOf(gram, factor(theta))
	compareInfo(t, m, "RᵀR at w = 0", gram, mlpFisherAt(t, m, theta), 1e-13)
}

// Steep units: the graded panels follow the width 1/|w| of each unit.
func TestMLPFisherOfSteepUnits(t *testing.T) {
	exact := mlpMust(t, MLPSettings{})
	rule := newMLPFactor(exact).fisher()
	for _, w := range []float64{10, 1e3, 1e6} {
		theta := []float64{w, -0.3 * w, 1, 2}
		want := mlpFisherAt(t, exact, theta)
		got := mat.NewSymDense(4, nil)
		if bound := rule(got, theta); bound > 1e-13 {
			t.Errorf("w = %g: error bound %g", w, bound)
		}
		compareInfo(t, exact, fmt.Sprintf("quadrature at w = %g", w), got, want, 1e-14)
		if r := got.At(0, 0)/want.At(0, 0) - 1; math.Abs(r) > 1e-12 {
			t.Errorf("w = %g: relative error %g of the small entry", w, r)
		}
	}
}

func TestMLPFisherAllocatesNothing(t *testing.T) {
	for _, s := range []MLPSettings{{}, {In: 3, Hidden: 4, Out: 2}, {Act: TanhUnit, Bias: true}, {Act: LinearUnit}, {In: 2, Act: ReLUUnit}} {
		m := mlpMust(t, s)
		theta := mlpTheta(m, rand.New(rand.NewPCG(51, 1)))
		f, _ := m.Fisher()
		g := mat.NewSymDense(len(theta), nil)
		f(g, theta)
		if n := testing.AllocsPerRun(5, func() { f(g, theta) }); n != 0 {
			t.Errorf("%v: Fisher allocates %v times", m, n)
		}
		x := make([]float64, m.s.In)
		if n := testing.AllocsPerRun(5, func() { m.FisherAt(g, theta, x) }); n != 0 {
			t.Errorf("%v: FisherAt allocates %v times", m, n)
		}
	}
	for _, s := range []MLPSettings{{In: 3, Hidden: 3, Act: TanhUnit}, {Inputs: EmpiricalLaw{}}, {In: 2, Act: ReLUUnit, Bias: true}} {
		if f, _ := mlpMust(t, s).Fisher(); f != nil {
			t.Errorf("%+v: Fisher is not nil", s)
		}
	}
}
