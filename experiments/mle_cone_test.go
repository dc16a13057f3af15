package experiments

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/neuromanifold/neuromanifold/internal/mc"
)

func coneSample(t *testing.T, s mleConeSpec, d int, h float64, r int) Sample[mleConeRow] {
	cell := NewCell(Var{"d", d}, Var{"h", h})
	return sampleOf(t, r, func(k mc.Key) (mleConeRow, error) {
		z, err := mleConeData(s, cell, k)
		if err != nil {
			return mleConeRow{}, err
		}
		return fitMLECone(s, cell, z)
	})
}

// kolmogorov returns the Kolmogorov-Smirnov p-value of v against a continuous
// distribution function, by the asymptotic series.
func kolmogorov(v []float64, cdf func(x float64) float64) float64 {
	v = slices.Clone(v)
	slices.Sort(v)
	n, d := float64(len(v)), 0.0
	for i, x := range v {
		f := cdf(x)
		d = math.Max(d, math.Max(f-float64(i)/n, float64(i+1)/n-f))
	}
	l := (math.Sqrt(n) + 0.12 + 0.11/math.Sqrt(n)) * d
	p := 0.0
	for k := 1; k <= 100; k++ {
		p += 2 * math.Pow(-1, float64(k-1)) * math.Exp(-2*float64(k*k)*l*l)
	}
	return math.Min(1, math.Max(0, p))
}

// B1: at the apex √n ξ̂ has its exact law, which is not Gaussian, and ω̂ is
// uniform, however large n is. A p-value below 0.001 is a false alarm in a
// thousand each; the seed is fixed.
func TestB1ConeLawAtTheApex(t *testing.T) {
	s := mleConeSpec{C: 1, N: 100, Sided: "two"}
	for _, d := range []int{1, 2} {
		x := coneSample(t, s, d, 0, 4000)
		xi, omega := make([]float64, len(x.Rows)), make([]float64, len(x.Rows))
		ss, positive, near := 0.0, 0, 0
		for i, r := range x.Rows {
			xi[i], omega[i] = r.Xi, r.Omega
			ss += r.Xi * r.Xi / float64(len(x.Rows))
			if r.Xi > 0 {
				positive++
			}
			if math.Abs(r.Xi) < 0.1 {
				near++
			}
		}
		density := amplitudeDensity(d, s.C)
		// The density is even: integrate it from 0 on a fine grid once.
		const step, reach = 0.01, 9.0
		half := []float64{0}
		for x := step / 2; x < reach; x += step {
			half = append(half, half[len(half)-1]+step*density(x))
		}
		if total := 2 * half[len(half)-1]; math.Abs(total-1) > 1e-3 {
			t.Fatalf("d = %d: the density integrates to %v", d, total)
		}
		cdf := func(x float64) float64 {
			i := min(int(math.Abs(x)/step), len(half)-2)
			f := half[i] + (half[i+1]-half[i])*(math.Abs(x)/step-float64(i))
			return 0.5 + math.Copysign(math.Min(f, 0.5), x)
		}
		if p := kolmogorov(xi, cdf); p < 0.001 {
			t.Errorf("d = %d: √n ξ̂ against its exact law: p = %v", d, p)
		}
		if p := kolmogorov(xi, (distuv.Normal{Sigma: math.Sqrt(ss)}).CDF); p > 1e-6 {
			t.Errorf("d = %d: √n ξ̂ passes for Gaussian: p = %v", d, p)
		}
		if near > len(xi)/50 {
			t.Errorf("d = %d: %d of %d amplitudes near 0", d, near, len(xi))
		}
		if z := (float64(positive) - 2000) / math.Sqrt(1000); math.Abs(z) > 4 {
			t.Errorf("d = %d: %d of 4000 amplitudes are positive", d, positive)
		}
		// cos α₁ of a uniform direction: arcsine law on the circle, uniform on
		// the sphere (Archimedes).
		uniform := func(x float64) float64 { return (1 + x) / 2 }
		if d == 1 {
			uniform = func(x float64) float64 { return 0.5 + math.Asin(x)/math.Pi }
		}
		if p := kolmogorov(omega, uniform); p < 0.001 {
			t.Errorf("d = %d: the direction is not uniform: p = %v", d, p)
		}
	}
}

// B2: 2n E_gen = −2n E_train = T(d, c) at the apex, path by path to 1e-12. T(1,½) = 2, T(1,1) = 5/2,
// T(1,2) = 13/5, T(5,½) = 7/2, T(5,1) = 43/8, T(5,2) = 13/2 in closed form.
func TestB2ConeErrorsAtTheApex(t *testing.T) {
	for _, c := range []struct {
		d    int
		c, t float64
	}{{1, 0.5, 2}, {1, 1, 2.5}, {1, 2, 2.6}, {5, 0.5, 3.5}, {5, 1, 5.375}, {5, 2, 6.5}} {
		if got := coneErrors(c.d, c.c); math.Abs(got-c.t) > 1e-12 {
			t.Errorf("T(%d, %v) = %v, want %v", c.d, c.c, got, c.t)
		}
		x := coneSample(t, mleConeSpec{C: c.c, N: 10, Sided: "two"}, c.d, 0, 2000)
		m, se, _ := Mean(func(r mleConeRow) float64 { return r.Gen })(x)
		within(t, "2n E_gen", m, se, c.t, 0)
		for _, r := range x.Rows {
			if math.Abs(r.Gen+r.Train) > 1e-12*(1+r.Gen) {
				t.Fatalf("E_gen = %v, E_train = %v: not symmetric at the apex", r.Gen, r.Train)
			}
		}
	}
}

// B3: the local curve, c = 1, from 2·10⁵ draws in numpy with s.e. at most 0.010:
// a hump in the generalisation error for d = 1, a dip for d = 10, and broken
// symmetry in between.
func TestB3ConeLocalCurve(t *testing.T) {
	s := mleConeSpec{C: 1, N: 25, Sided: "two"}
	for _, c := range []struct {
		d             int
		h, gen, train float64
	}{
		{1, 0.5, 2.521, -2.462}, {1, 2, 2.539, -2.190}, {1, 5, 2.035, -2.002},
		{5, 2, 5.261, -5.535}, {10, 2, 8.221, -9.239}, {10, 10, 10.463, -10.817},
	} {
		x := coneSample(t, s, c.d, c.h, 3000)
		gen, se, _ := Mean(func(r mleConeRow) float64 { return r.Gen })(x)
		within(t, x.Rows[0].Status+" E_gen", gen, se, c.gen, 0.01)
		train, se, _ := Mean(func(r mleConeRow) float64 { return r.Train })(x)
		within(t, x.Rows[0].Status+" E_train", train, se, c.train, 0.01)
		if c.h == 2 && math.Abs(gen+train) < 0.1 {
			t.Errorf("d = %d, h = 2: E_gen + E_train = %v: symmetry is not broken", c.d, gen+train)
		}
	}
}
