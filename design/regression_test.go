package design

import (
	"context"
	"math"
	"testing"
)

// points splits support points.
func points(p []Point) (x, w []float64) {
	for _, q := range p {
		x, w = append(x, q.X), append(w, q.Weight)
	}
	return x, w
}

// exponential is θe^{−kt} in (θ, k) at θ = 2, k = 0.5.
func exponential(dst []float64, t float64) {
	e := math.Exp(-.5 * t)
	dst[0], dst[1] = e, -2*t*e
}

func proportional(f, grad func([]float64, float64), dim int) func([]float64, float64) {
	v := make([]float64, 1)
	return func(dst []float64, t float64) {
		grad(dst, t)
		f(v, t)
		for i := range dim {
			dst[i] /= v[0]
		}
	}
}

// oralGradient is the gradient of the one-compartment model with absorption in
// (CL, V, ka) at the warfarin values, by hand.
func oralGradient(dst []float64, t float64) {
	const d, cl, v, ka = 70., .15, 8., 1.
	k := cl / v
	ek, ea := math.Exp(-k*t), math.Exp(-ka*t)
	a := d * ka / (v * (ka - k))
	f := a * (ek - ea)
	dk := f/(ka-k) - a*t*ek // ∂f/∂k
	dst[0] = dk / v
	dst[1] = -f/v - dk*cl/(v*v)
	dst[2] = f/ka - f/(ka-k) + a*t*ea
}

// Locally D-optimal designs with known answers: textbook formulas for 1 to 3,
// Box and Lucas (1959) for 4, Atkinson et al. (1993) for 5; digits from an
// independent computation in numpy, which agrees with the printed ones.
func TestT9Individual(t *testing.T) {
	emax := func(dst []float64, x float64) { // E0 + Emax x/(25 + x)
		dst[0], dst[1], dst[2] = 1, x/(25+x), -3*x/((25+x)*(25+x))
	}
	mm := func(dst []float64, x float64) { dst[0], dst[1] = x/(2+x), -3*x/((2+x)*(2+x)) }
	theo := theophylline
	for _, c := range []struct {
		name   string
		dim    int
		grad   func([]float64, float64)
		lo, hi float64
		want   []float64
		tol    float64
	}{
		{"1 rate only", 1, func(dst []float64, t float64) { dst[0] = -2 * t * math.Exp(-.5*t) }, 0, 20, []float64{2}, 1e-6},
		{"1 exponential", 2, exponential, 0, 20, []float64{0, 2}, 1e-6},
		{"1 exponential from 1", 2, exponential, 1, 20, []float64{1, 3}, 1e-6},
		{"1 proportional error", 2, proportional(func(d []float64, t float64) { d[0] = 2 * math.Exp(-.5*t) }, exponential, 2), .5, 10, []float64{.5, 10}, 1e-9},
		{"2 Michaelis-Menten", 2, mm, 0, 10, []float64{10. * 2 / (2*2 + 10), 10}, 1e-6},
		{"2 proportional error", 2, proportional(func(d []float64, x float64) { d[0] = 3 * x / (2 + x) }, mm, 2), .1, 10, []float64{.1, 10}, 1e-9},
		{"3 Emax", 3, emax, 0, 150, []float64{0, 18.75, 150}, 1e-5},
		{"3 log-linear", 3, func(dst []float64, x float64) { dst[0], dst[1], dst[2] = 1, math.Log(x+2), 1/(x+2) }, 0, 150, []float64{0, 6.776953, 150}, 2e-6},
		{"4 Box-Lucas", 2, boxLucas, 0, 20, []float64{1.229471, 6.857689}, 1e-6},
		{"5 theophylline", 3, theo, 0, 24, []float64{.228772, 1.388586, 18.416838}, 1e-6},
		{"7 warfarin", 3, oralGradient, 0, 120, []float64{.977166, 5.618456, 59.132415}, 2e-6},
		{"7 warfarin, proportional error", 3, proportional(func(d []float64, t float64) {
			d[0] = 70 / (8 * (1 - .15/8)) * (math.Exp(-.15/8*t) - math.Exp(-t))
		}, oralGradient, 3), .001, 120, []float64{.001, 6.595752, 120}, 2e-6},
	} {
		r := &Regression{Dim: c.dim, Gradient: c.grad, Lo: c.lo, Hi: c.hi}
		d, err := r.Optimize(context.Background(), D{}, 0)
		if err != nil {
			t.Fatal(c.name, err)
		}
		if d.Status != Optimal {
			t.Errorf("%s: %v, max φ = %.12g", c.name, d.Status, d.MaxSensitivity)
		}
		x, w := points(d.Points)
		near(t, c.name+" support", x, c.want, c.tol, 5e-7) // the place of a flat maximum
		for _, v := range w {
			near(t, c.name+" weight", []float64{v}, []float64{1 / float64(c.dim)}, 1e-5, 0)
		}
		// The equivalence theorem on a grid of its own.
		ev, _ := D{}.Evaluator(c.dim)
		if !ev.Set(d.M) {
			t.Fatal(c.name)
		}
		f := make([]float64, c.dim)
		for i := range 5000 {
			c.grad(f, c.lo+(c.hi-c.lo)*float64(i)/4999)
			if phi := quadratic(ev.(*dEval).inv, f); phi > float64(c.dim)*(1+1e-7) {
				t.Errorf("%s: φ = %.12g at grid point %d", c.name, phi, i)
				break
			}
		}
	}
	for _, c := range []struct {
		name   string
		grad   func([]float64, float64)
		x      []float64
		absDet float64
	}{
		{"4 Box-Lucas", boxLucas, []float64{1.229471, 6.857689}, .8104158999},
		{"7 warfarin", oralGradient, []float64{.977166, 5.618456, 59.132415}, 61.87147988},
	} {
		r := &Regression{Dim: len(c.x), Gradient: c.grad, Lo: 0, Hi: 120}
		d, err := r.Optimize(context.Background(), D{}, 1e-11)
		if err != nil {
			t.Fatal(err)
		}
		// ln det M = 2 ln|det F| − p ln p for equal weights.
		p := float64(len(c.x))
		near(t, c.name+" |det F|", []float64{math.Exp((d.Value + p*math.Log(p)) / 2)}, []float64{c.absDet}, 0, 2e-10)
	}
}

// boxLucas is θ₁/(θ₁−θ₂)(e^{−θ₂t} − e^{−θ₁t}) at (0.7, 0.2).
func boxLucas(dst []float64, t float64) {
	const a, b = .7, .2
	ea, eb := math.Exp(-a*t), math.Exp(-b*t)
	dst[0] = -b/((a-b)*(a-b))*(eb-ea) + a/(a-b)*t*ea
	dst[1] = a/((a-b)*(a-b))*(eb-ea) - a/(a-b)*t*eb
}

// theophylline is θ₃(e^{−θ₁t} − e^{−θ₂t}) at (0.05884, 4.298, 21.80).
func theophylline(dst []float64, t float64) {
	e1, e2 := math.Exp(-.05884*t), math.Exp(-4.298*t)
	dst[0], dst[1], dst[2] = -21.8*t*e1, 21.8*t*e2, e1-e2
}

// c-optimal designs that are singular: Atkinson, Chaloner, Herzberg and Juritz
// (1993) print .2327/.0135, 17.633/.9865; .1793/.6062, 3.5671/.3938; 1.0122.
// Digits from an independent computation with a dual check.
func TestT9Elfving(t *testing.T) {
	const a, b, c = .05884, 4.298, 21.8
	tmax := math.Log(b/a) / (b - a)
	near(t, "tmax, Cmax, AUC", []float64{tmax, c * (math.Exp(-a*tmax) - math.Exp(-b*tmax)), c * (1/a - 1/b)}, []float64{1.0122485, 20.258300, 365.424134}, 5e-7, 1e-9)
	cmax := make([]float64, 3)
	theophylline(cmax, tmax) // f(tmax) by the envelope theorem
	for _, q := range []struct {
		name     string
		c        []float64
		x, w     []float64
		variance float64
	}{
		{"AUC", []float64{-c / (a * a), c / (b * b), 1/a - 1/b}, []float64{.232666, 17.634001}, []float64{.013503, .986497}, 2193.88462},
		{"tmax", []float64{-1/(a*(b-a)) + math.Log(b/a)/((b-a)*(b-a)), 1/(b*(b-a)) - math.Log(b/a)/((b-a)*(b-a)), 0}, []float64{.179288, 3.565818}, []float64{.606159, .393841}, .0281383246},
		{"Cmax", cmax, []float64{1.012248}, []float64{1}, 1},
	} {
		r := &Regression{Dim: 3, Gradient: theophylline, Lo: 0, Hi: 24}
		d, err := r.Elfving(context.Background(), q.c)
		if err != nil {
			t.Fatal(q.name, err)
		}
		x, w := points(d.Points)
		near(t, q.name+" support", x, q.x, 2e-5, 0)
		near(t, q.name+" weights", w, q.w, 2e-6, 0)
		near(t, q.name+" variance", []float64{d.Variance}, []float64{q.variance}, 0, 1e-8)
		if d.Status != Optimal || d.MaxDual > 1+1e-10 || d.Rank != len(q.x) {
			t.Errorf("%s: %v, max|qᵀf| = %.12g, rank %d", q.name, d.Status, d.MaxDual, d.Rank)
		}
		// The dual value equals the primal one.
		near(t, q.name+" dual", []float64{dot(d.Dual, q.c) * dot(d.Dual, q.c)}, []float64{q.variance}, 0, 1e-8)
	}
}
