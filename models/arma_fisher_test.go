package models

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// fromRoots returns the coefficients of Π(1 − r_i z) as 1 − sign·Σ coef_i z^i.
func fromRoots(sign float64, roots ...float64) []float64 {
	c := make([]float64, len(roots))
	for i, r := range roots {
		multiply(c, i, []float64{-r}, 1)
	}
	for i := range c {
		c[i] *= -sign
	}
	return c
}

func armaFisher(t *testing.T, m *ARMA, theta []float64) *mat.SymDense {
	t.Helper()
	f, route := m.Fisher()
	if route != Exact {
		t.Errorf("route %v", route)
	}
	dst := mat.NewSymDense(Dim(m), nil)
	if e := f(dst, theta); e != 0 {
		t.Errorf("error bound %v of a closed form", e)
	}
	return dst
}

// spectralFisher is (1/4π) ∫ ∂log S ∂log Sᵀ dω by the trapezoidal rule, which
// converges geometrically for a smooth periodic integrand (Whittle 1953).
func spectralFisher(phi, th []float64, nodes int) *mat.SymDense {
	p, q := len(phi), len(th)
	f := mat.NewSymDense(max(p+q, 1), nil)
	g := make([]float64, p+q)
	for k := range nodes {
		w := 2 * math.Pi * (float64(k) + 0.5) / float64(nodes)
		a, b := complex(1, 0), complex(1, 0)
		for i, x := range phi {
			a -= complex(x, 0) * cmplx.Exp(complex(0, -w*float64(i+1)))
		}
		for j, x := range th {
			b += complex(x, 0) * cmplx.Exp(complex(0, -w*float64(j+1)))
		}
		// log S = log|b|² − log|a|²
		for i := range p {
			g[i] = 2 * real(cmplx.Exp(complex(0, -w*float64(i+1)))/a)
		}
		for j := range q {
			g[p+j] = 2 * real(cmplx.Exp(complex(0, -w*float64(j+1)))/b)
		}
		for i := range g {
			for j := i; j < len(g); j++ {
				f.SetSym(i, j, f.At(i, j)+g[i]*g[j]/(2*float64(nodes)))
			}
		}
	}
	return f
}

func TestARMAFisherClosedForms(t *testing.T) {
	// ARMA(1,1) with a = φ, b = −θ: [[1/(1−a²), −1/(1−ab)], [., 1/(1−b²)]], the
	// off-diagonal with the other sign for θ.
	m := mustARMA(t, 1, 1, ARMASettings{Mean: true})
	for _, c := range [][2]float64{{0.5, 0.2}, {-0.9, 0.7}, {0.999, 0.99}, {0.3, 0.3}} {
		a, b := c[0], c[1]
		f := armaFisher(t, m, []float64{a, -b, 3, 2})
		want := [4][4]float64{
			{1 / (1 - a*a), 1 / (1 - a*b)}, {1 / (1 - a*b), 1 / (1 - b*b)},
			{2: (1 - a) * (1 - a) / ((1 - b) * (1 - b)) / 2}, {3: 1.0 / 8},
		}
		for i := range 4 {
			for j := range 4 {
				if relDiff(f.At(i, j), want[i][j]) > 1e-12 {
					t.Errorf("a=%g b=%g: F[%d,%d] = %.15g, want %.15g", a, b, i, j, f.At(i, j), want[i][j])
				}
			}
		}
		det := f.At(0, 0)*f.At(1, 1) - f.At(0, 1)*f.At(0, 1)
		wantDet := (a - b) * (a - b) / ((1 - a*a) * (1 - b*b) * (1 - a*b) * (1 - a*b))
		if math.Abs(det-wantDet) > 1e-9*f.At(0, 0)*f.At(1, 1) {
			t.Errorf("a=%g b=%g: det %.12g, want %.12g", a, b, det, wantDet)
		}
	}
}

// The determinant of the (φ, θ) block is Π(α_i−β_j)² / [Π(1−α_iα_k) Π(1−β_jβ_l)
// Π(1−α_iβ_j)²] (the squared resultant over Gram determinants); the two figures
// were computed from it independently.
func TestARMAFisherDeterminant(t *testing.T) {
	for _, c := range []struct {
		alpha, beta []float64
		det         float64
		rank        int
	}{
		{[]float64{0.5, -0.3}, []float64{0.2}, 0.0285309478, 3},
		{[]float64{0.5, -0.3}, []float64{0.2, 0.6}, 6.83433e-4, 4},
		{[]float64{0.5, -0.3}, []float64{0.5, 0.6}, 0, 3},
		{[]float64{0.5, -0.3}, []float64{0.5, -0.3}, 0, 2},
	} {
		p, q := len(c.alpha), len(c.beta)
		m := mustARMA(t, p, q, ARMASettings{Var: 1})
		theta := append(fromRoots(1, c.alpha...), fromRoots(-1, c.beta...)...)
		f := armaFisher(t, m, theta)
		det := mat.Det(f)
		exact := 1.0
		for _, a := range c.alpha {
			for _, b := range c.beta {
				r := (a - b) / (1 - a*b)
				exact *= r * r
			}
			for _, k := range c.alpha {
				exact /= 1 - a*k
			}
		}
		for _, b := range c.beta {
			for _, k := range c.beta {
				exact /= 1 - b*k
			}
		}
		if math.Abs(det-exact) > 1e-9*exact+1e-12 || math.Abs(exact-c.det) > 1e-6*c.det {
			t.Errorf("α=%v β=%v: det %.10g, formula %.10g, tabulated %.10g", c.alpha, c.beta, det, exact, c.det)
		}
		var eig mat.EigenSym
		eig.Factorize(f, false)
		v := eig.Values(nil)
		rank := 0
		for _, x := range v {
			if x > 1e-10*v[len(v)-1] {
				rank++
			}
		}
		if rank != c.rank {
			t.Errorf("α=%v β=%v: rank %d, want %d (%v)", c.alpha, c.beta, rank, c.rank, v)
		}
	}
}

func TestARMAFisherSpectral(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, o := range [][2]int{{1, 1}, {2, 0}, {0, 3}, {2, 2}, {3, 1}, {1, 4}, {4, 3}, {9, 2}} {
		for _, b := range []float64{0.3, 0.7} {
			m := mustARMA(t, o[0], o[1], ARMASettings{Var: 1})
			theta := randomARMA(m, b, rng)
			phi, th, _, _ := m.split(theta)
			got, want := armaFisher(t, m, theta), spectralFisher(phi, th, 4096)
			factor, _ := m.FisherFactor()
			r := factor(theta)
			var rr mat.Dense
			rr.Mul(r.T(), r)
			scale := mat.Max(want)
			for i := range theta {
				for j := range theta {
					if math.Abs(got.At(i, j)-want.At(i, j)) > 1e-9*scale {
						t.Errorf("%v F[%d,%d] = %.12g, spectral %.12g", m, i, j, got.At(i, j), want.At(i, j))
					}
					if math.Abs(rr.At(i, j)-want.At(i, j)) > 1e-9*scale {
						t.Errorf("%v (RᵀR)[%d,%d] = %.12g, spectral %.12g", m, i, j, rr.At(i, j), want.At(i, j))
					}
				}
			}
		}
	}
}

// The factor keeps the smallest eigenvalue where F has lost it: at φ = −θ + δ
// det F = δ²/… and the trace stays, so λ_min = det/trace (1 + O(δ²)).
func TestARMAFisherFactorSmall(t *testing.T) {
	m := mustARMA(t, 1, 1, ARMASettings{Var: 1})
	factor, _ := m.FisherFactor()
	for _, delta := range []float64{1e-4, 1e-8, 1e-12} {
		const b = 0.5
		a := b + delta
		var svd mat.SVD
		svd.Factorize(factor([]float64{a, -b}), mat.SVDNone)
		got := svd.Values(nil)[1]
		d := a - b // as rounded
		want := math.Abs(d) / math.Sqrt((1-a*a)*(1-b*b)*(1-a*b)*(1-a*b)*(1/(1-a*a)+1/(1-b*b)))
		// Relative δ²: the next term of the expansion; 1e-12 of rounding in the SVD relative to δ.
		if math.Abs(got/want-1) > 10*delta*delta+1e-15/delta {
			t.Errorf("δ=%g: smallest singular value %.12g, want %.12g", delta, got, want)
		}
	}
	if f := factor([]float64{0.5, -0.5}); math.Abs(f.At(0, 0)*f.At(1, 1)-f.At(0, 1)*f.At(1, 0)) > 1e-16 {
		t.Error("the factor is regular at a cancellation")
	}
}

// Var[s]/n → F: z-test on the diagonal and one off-diagonal entry of the mean
// outer product of scores over 300 series of 4000, fixed seed; bound 4.5
// standard errors (false alarm below 1e-4 over the 6 entries).
func TestARMAFisherScoreVariance(t *testing.T) {
	if testing.Short() {
		t.Skip("simulation")
	}
	m := mustARMA(t, 1, 1, ARMASettings{Mean: true})
	theta := []float64{0.6, 0.3, 1, 2}
	f := armaFisher(t, m, theta)
	const reps, n = 300, 4000
	d := len(theta)
	sum, sq := mat.NewDense(d, d, nil), mat.NewDense(d, d, nil)
	rng := rand.New(rand.NewPCG(8, 8))
	z := NewData(n, 0, 1)
	l := bindARMA(t, m, z.V)
	s := make([]float64, d)
	for range reps {
		m.Sample(z, theta, rng)
		l.Score(s, theta)
		for i := range d {
			for j := range d {
				x := s[i] * s[j] / n
				sum.Set(i, j, sum.At(i, j)+x)
				sq.Set(i, j, sq.At(i, j)+x*x)
			}
		}
	}
	for i := range d {
		for j := i; j < d; j++ {
			mean := sum.At(i, j) / reps
			se := math.Sqrt((sq.At(i, j)/reps - mean*mean) / reps)
			if z := (mean - f.At(i, j)) / se; math.Abs(z) > 4.5 {
				t.Errorf("Var[s][%d,%d]/n = %.4g ± %.2g, F %.4g (z = %.1f)", i, j, mean, se, f.At(i, j), z)
			}
		}
	}
}

func TestARMAStrata(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 1))
	for _, o := range [][2]int{{1, 1}, {2, 1}, {2, 2}, {3, 2}, {3, 3}, {4, 4}} {
		m := mustARMA(t, o[0], o[1], ARMASettings{})
		strata := m.Strata()
		if len(strata) != min(o[0], o[1]) {
			t.Fatalf("%v has %d strata", m, len(strata))
		}
		d := Dim(m)
		for _, s := range strata {
			for range 5 {
				theta, on := randomARMA(m, 0.8, rng), make([]float64, d)
				dist := s.Distance(theta)
				s.Project(on, theta)
				if err := CheckTheta(m, on); err != nil {
					t.Fatal(err)
				}
				if got := s.Distance(on); got != 0 {
					t.Errorf("%v %s: distance %g after Project from %v to %v", m, s.Name, got, theta, on)
				}
				gap := 0.0
				for i := range d {
					gap = math.Hypot(gap, on[i]-theta[i])
				}
				if dist > gap+1e-12 || dist == 0 {
					t.Errorf("%v %s: distance %g, to the projection %g", m, s.Name, dist, gap)
				}
				phi, th, _, _ := m.split(on)
				if c := commonDegree(phi, th); c < s.Codim {
					t.Errorf("%v %s: %d common roots after Project", m, s.Name, c)
				}
				// The tangent is the null space of the Sylvester form, and F t = 0.
				f := armaFisher(t, m, on)
				var ft mat.Dense
				ft.Mul(f, s.Tangent(on))
				if v := mat.Norm(&ft, math.Inf(1)); v > 1e-8*mat.Norm(f, 2) {
					t.Errorf("%v %s: |F t| = %g on the tangent", m, s.Name, v)
				}
			}
		}
	}
	// ARMA(1,1): the distance to φ + θ = 0 is |φ + θ|/√2.
	s := mustARMA(t, 1, 1, ARMASettings{}).Strata()[0]
	if d := s.Distance([]float64{0.5, -0.3, 1}); relDiff(d, 0.2/math.Sqrt2) > 1e-9 {
		t.Errorf("distance %.12g, want %.12g", d, 0.2/math.Sqrt2)
	}
	if d := s.Distance([]float64{0.37, -0.37, 1}); d != 0 {
		t.Errorf("distance %g on the stratum", d)
	}
	// A complex pair in common lies on both strata of ARMA(2,2).
	for _, s := range mustARMA(t, 2, 2, ARMASettings{}).Strata() {
		if d := s.Distance([]float64{0.4, -0.5, -0.4, 0.5, 1}); d != 0 {
			t.Errorf("%s: distance %g at a common complex pair", s.Name, d)
		}
	}
}

// λ = max(p+q*, p*+q)/2, the cases checked by thermodynamic integration when the
// formula was derived, with truths given in uncancelled form.
func TestARMALearningCoefficient(t *testing.T) {
	for _, c := range []struct {
		p, q   int
		truth  []float64
		lambda float64
	}{
		{1, 1, []float64{0, 0}, 0.5},
		{1, 1, []float64{0.5, -0.5}, 0.5},
		{1, 1, []float64{0.5, 0.2}, 1},
		{2, 1, []float64{0, 0, 0}, 1},
		{2, 2, []float64{0, 0, 0, 0}, 1},
		{2, 1, []float64{0.6, 0, 0}, 1},
		{2, 2, []float64{0.6, 0, 0, 0}, 1.5},
		{2, 2, []float64{0.6, 0, 0.3, 0}, 1.5},
		{2, 2, append(fromRoots(1, 0.5, -0.3), fromRoots(-1, 0.5, 0.6)...), 1.5},
		{2, 2, append(fromRoots(1, 0.5, -0.3), fromRoots(-1, 0.5, -0.3)...), 1},
		{2, 2, append(fromRoots(1, 0.5, -0.3), fromRoots(-1, 0.4, 0.6)...), 2},
	} {
		m := mustARMA(t, c.p, c.q, ARMASettings{Var: 1})
		got, ok := m.RLCT(c.truth, PriorShape{})
		if !ok || got.Lambda != c.lambda || got.Mult != 1 || got.Kind != ExactLambda || got.Ref == "" {
			t.Errorf("%v at %v: %+v %v, want λ = %g", m, c.truth, got, ok, c.lambda)
		}
		free := mustARMA(t, c.p, c.q, ARMASettings{Mean: true})
		got, ok = free.RLCT(append(c.truth[:len(c.truth):len(c.truth)], 0, 1), PriorShape{})
		if !ok || got.Lambda != c.lambda+1 {
			t.Errorf("%v: λ = %g, want %g", free, got.Lambda, c.lambda+1)
		}
		// Jeffreys' prior gives d/2 for one common root of orders (1, 1) and at
		// regular truths; nothing is proved for the others.
		regular := float64(c.p+c.q) / 2
		switch got, ok := m.RLCT(c.truth, PriorShape{Jeffreys: true}); {
		case ok != (c.p+c.q == 2 || c.lambda == regular):
			t.Errorf("%v at %v under Jeffreys' prior: answered %v", m, c.truth, ok)
		case ok && (got.Lambda != regular || got.Mult != 1):
			t.Errorf("%v at %v under Jeffreys' prior: %+v, want %g", m, c.truth, got, regular)
		}
	}
}
