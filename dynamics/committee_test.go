package dynamics

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

func committee(t testing.TB, s CommitteeSettings) *Committee {
	t.Helper()
	c, err := NewCommittee(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// I₂, I₃ and I₄ against the definition: Gaussian quadrature over four correlated
// fields (28 Gauss-Hermite nodes each, midpoint in the transformed variable would do
// as well), and Monte Carlo at 4 standard errors (false alarm 6e-5 each).
func TestCommitteeAverages(t *testing.T) {
	c := mat.NewDense(4, 4, []float64{
		.8, .3, -.2, .4,
		.3, 1.1, .5, .1,
		-.2, .5, .9, .2,
		.4, .1, .2, .7,
	})
	l := lower(c)
	phi := func(h float64) float64 { return math.Erf(h / math.Sqrt2) }
	dphi := func(h float64) float64 { return math.Sqrt(2/math.Pi) * math.Exp(-h*h/2) }
	x, w := hermite()
	var i2, i3, i4 float64
	var g, h [4]float64
	each := func(weight float64) {
		for i := range h {
			h[i] = 0
			for j := range i + 1 {
				h[i] += l[i][j] * g[j]
			}
		}
		i2 += weight * phi(h[2]) * phi(h[3])
		i3 += weight * dphi(h[0]) * h[1] * phi(h[2])
		i4 += weight * dphi(h[0]) * dphi(h[1]) * phi(h[2]) * phi(h[3])
	}
	for a := range x {
		for b := range x {
			for d := range x {
				for e := range x {
					g = [4]float64{x[a], x[b], x[d], x[e]}
					each(w[a] * w[b] * w[d] * w[e])
				}
			}
		}
	}
	third := slope(c, 0, 2) * (c.At(2, 1) - c.At(0, 2)/(1+c.At(0, 0))*c.At(0, 1))
	for _, v := range []struct {
		name      string
		got, want float64
	}{{"I₂", kernel2(c, 2, 3), i2}, {"I₃", third, i3}, {"I₄", kernel4(c, 0, 1, 2, 3), i4}} {
		if math.Abs(v.got-v.want) > 1e-7 {
			t.Errorf("%s = %.10f, by quadrature %.10f", v.name, v.got, v.want)
		}
	}
	rng := rand.New(rand.NewPCG(1, 6))
	const n = 200000
	var s3, s33, s4, s44 float64
	for range n {
		for i := range g {
			g[i] = rng.NormFloat64()
		}
		for i := range h {
			h[i] = 0
			for j := range i + 1 {
				h[i] += l[i][j] * g[j]
			}
		}
		a, b := dphi(h[0])*h[1]*phi(h[2]), dphi(h[0])*dphi(h[1])*phi(h[2])*phi(h[3])
		s3, s33, s4, s44 = s3+a, s33+a*a, s4+b, s44+b*b
	}
	z := func(s, ss, want float64) float64 {
		m := s / n
		return (m - want) / math.Sqrt((ss/n-m*m)/n)
	}
	if a, b := z(s3, s33, third), z(s4, s44, kernel4(c, 0, 1, 2, 3)); math.Abs(a) > 4 || math.Abs(b) > 4 {
		t.Errorf("Monte Carlo: z = %.2f for I₃, %.2f for I₄", a, b)
	}
}

// lower is the Cholesky factor.
func lower(c *mat.Dense) [4][4]float64 {
	var l [4][4]float64
	for i := range 4 {
		for j := range i + 1 {
			s := c.At(i, j)
			for k := range j {
				s -= l[i][k] * l[j][k]
			}
			if i == j {
				l[i][i] = math.Sqrt(s)
			} else {
				l[i][j] = s / l[j][j]
			}
		}
	}
	return l
}

// hermite is a trapezoid rule for N(0, 1), geometric for entire functions.
func hermite() (x, w []float64) {
	const h, n = .45, 16
	for i := -n; i <= n; i++ {
		v := h * float64(i)
		x, w = append(x, v), append(w, h*math.Exp(-v*v/2)/math.Sqrt(2*math.Pi))
	}
	return x, w
}

// D10: the plateau of two students and its spectrum λ{1, 0, 0, −9, −14, −15, −30} with
// λ = 4/(5π√15), in the limit of small steps.
func TestD10PlateauOfTheCommittee(t *testing.T) {
	c := committee(t, CommitteeSettings{Students: 2})
	x, err := c.Plateau()
	if err != nil {
		t.Fatal(err)
	}
	lambda := 4 / (5 * math.Pi * math.Sqrt(15))
	for _, v := range []struct {
		name      string
		got, want float64
	}{
		{"R", c.R(x, 0, 1), .408248290}, {"Q", c.Q(x, 1, 1), 1. / 3}, {"C", c.Q(x, 1, 0), 1. / 3},
		{"ε_g", c.Error(x), 2 / math.Pi * (math.Pi/6 - 2*math.Asin(.25))}, {"ε_g", c.Error(x), .0116108},
	} {
		if math.Abs(v.got-v.want) > 1e-7 {
			t.Errorf("%s = %v, want %v", v.name, v.got, v.want)
		}
	}
	spectrum, err := c.Spectrum(x)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range []float64{1, 0, 0, -9, -14, -15, -30} {
		if d := spectrum[i] - complex(m*lambda, 0); math.Hypot(real(d), imag(d)) > 1e-6 {
			t.Errorf("eigenvalue %d is %v, want %vλ = %v", i, spectrum[i], m, m*lambda)
		}
	}
	// The same plateau as the critical line of the two-unit network: twice K there.
	l := bestLine(t, teacher(t, "mlp:hidden=2,in=2", "mlp:hidden=2,in=2", 1, 0, 0, 1, 1, 1))
	if d := l.Rates(0).Published[0] - lambda; math.Abs(d) > 1e-9 {
		t.Errorf("2K of the critical line differs from λ by %g", d)
	}
	if got, err := c.PlateauLength(1e-2); err != nil || math.Abs(got-math.Log(100)/lambda) > 1e-3 {
		t.Errorf("length %v, %v", got, err)
	}
	// Any K: R = 1/√(K(2K−1)), Q = 1/(2K−1), ε_g = (K/π)(π/6 − K arcsin(1/2K)).
	for k := 3; k <= 5; k++ {
		c := committee(t, CommitteeSettings{Students: k})
		x, err := c.Plateau()
		if err != nil {
			t.Fatal(err)
		}
		f := float64(k)
		if math.Abs(c.R(x, 0, k-1)-1/math.Sqrt(f*(2*f-1))) > 1e-10 || math.Abs(c.Q(x, 0, 1)-1/(2*f-1)) > 1e-10 ||
			math.Abs(c.Error(x)-f/math.Pi*(math.Pi/6-f*math.Asin(1/(2*f)))) > 1e-12 {
			t.Errorf("K = %d: %v", k, x)
		}
	}
	// A finite learning rate: numpy has .01264 at η = 0.2 on the trajectory.
	c = committee(t, CommitteeSettings{Students: 2, Eta: .2})
	if x, err = c.Plateau(); err != nil || math.Abs(c.Error(x)-.01264) > 4e-5 {
		t.Errorf("η = 0.2: ε_g = %v, %v", c.Error(x), err)
	}
	if _, err := committee(t, CommitteeSettings{Students: 2, Eta: 50}).Plateau(); err == nil {
		t.Error("a plateau at η = 50")
	}
}

// weights draws students and teachers in n dimensions.
func weights(k, m, n int, rng *rand.Rand) (j, b *mat.Dense) {
	j, b = mat.NewDense(k, n, nil), mat.NewDense(m, n, nil)
	for _, w := range []*mat.Dense{j, b} {
		r, _ := w.Dims()
		for a := range r {
			for i := range n {
				w.Set(a, i, rng.NormFloat64()/math.Sqrt(float64(n)))
			}
		}
	}
	return j, b
}

func orderParameters(t testing.TB, c *Committee, j, b *mat.Dense) []float64 {
	t.Helper()
	var r, qd mat.Dense
	r.Mul(j, b.T())
	qd.Mul(j, j.T())
	k, _ := j.Dims()
	q := mat.NewSymDense(k, nil)
	for i := range k {
		for l := i; l < k; l++ {
			q.SetSym(i, l, qd.At(i, l))
		}
	}
	x, err := c.State(&r, q)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func gram(b *mat.Dense) *mat.SymDense {
	m, _ := b.Dims()
	var p mat.Dense
	p.Mul(b, b.T())
	s := mat.NewSymDense(m, nil)
	for i := range m {
		for j := i; j < m; j++ {
			s.SetSym(i, j, p.At(i, j))
		}
	}
	return s
}

// The order parameters move as those of weights in 6 dimensions do, under the flow of
// the averaged loss and under its natural gradient with the whole 18×18 Fisher
// information, for 3 students and 2 teachers. models.ErfPair has its own tests.
func TestCommitteeFieldIsThatOfTheWeights(t *testing.T) {
	const k, m, n = 3, 2, 6
	j, b := weights(k, m, n, rand.New(rand.NewPCG(3, 1)))
	w := func(a int) []float64 {
		if a < k {
			return j.RawRowView(a)
		}
		return b.RawRowView(a - k)
	}
	d := mat.NewVecDense(k*n, nil)
	g := mat.NewDense(k*n, k*n, nil)
	for i := range k {
		for a := range k + m {
			p := models.ErfPair(w(i), w(a))
			sign := 1.
			if a < k {
				sign = -1
			}
			for e := range n {
				d.SetVec(i*n+e, d.AtVec(i*n+e)+sign*(p.SlopeAOnA*w(i)[e]+p.SlopeAOnB*w(a)[e]))
				for f := range n {
					if a >= k {
						continue
					}
					v := p.AA*w(i)[e]*w(i)[f] + p.AB*(w(i)[e]*w(a)[f]+w(a)[e]*w(i)[f]) + p.BB*w(a)[e]*w(a)[f]
					if e == f {
						v += p.Eye
					}
					g.Set(i*n+e, a*n+f, v)
				}
			}
		}
	}
	for _, natural := range []bool{false, true} {
		c := committee(t, CommitteeSettings{Students: k, Teacher: gram(b), Natural: natural})
		x := orderParameters(t, c, j, b)
		got := make([]float64, c.Dim())
		if !c.Field(got, x) {
			t.Fatal("no field")
		}
		if natural {
			if err := d.SolveVec(g, d); err != nil {
				t.Fatal(err)
			}
		}
		move := mat.NewDense(k, n, d.RawVector().Data)
		var dr, dq mat.Dense
		dr.Mul(move, b.T())
		dq.Mul(move, j.T())
		for i := range k {
			for o := range m {
				if e := math.Abs(c.R(got, i, o) - dr.At(i, o)); e > 1e-10 {
					t.Errorf("natural %v: dR[%d,%d] is off by %g", natural, i, o, e)
				}
			}
			for l := range k {
				if e := math.Abs(c.Q(got, i, l) - dq.At(i, l) - dq.At(l, i)); e > 1e-10 {
					t.Errorf("natural %v: dQ[%d,%d] is off by %g", natural, i, l, e)
				}
			}
		}
		if n := testing.AllocsPerRun(10, func() { c.Field(got, x) }); n > 0 {
			t.Errorf("natural %v: %v allocations a field", natural, n)
		}
	}
}

// slowest is the least −dlnε_g/dτ on the way from an asymmetry to ε_g = 1e-7, and the
// time at which half the plateau is left.
func slowest(t *testing.T, c *Committee, asymmetry float64) (rate, escape float64) {
	t.Helper()
	p, err := Run(context.Background(), c.Flow(Tolerances{1e-12, 1e-9}), c.Error, []float64{asymmetry, 0, 0, 0, .1, 0, .2},
		Clock{Until: 180, Points: 3601, Event: func(x []float64) float64 { return c.Error(x) - 1e-7 }}, nil)
	if err != nil || p.Stop != AtEvent && p.Stop != Done && p.Stop != NoEvent {
		t.Fatal(p.Stop, p.Reason, err)
	}
	rate, escape = math.Inf(1), math.Inf(1)
	for i := 1; i < len(p.T); i++ {
		rate = min(rate, math.Log(p.Loss[i-1]/p.Loss[i])/(p.T[i]-p.T[i-1]))
		if p.Loss[i] < .006 {
			escape = min(escape, p.T[i])
		}
	}
	return rate, escape
}

// D11, against the learning rate: the slowest −dlnε_g/dτ falls with η, and below 0.1,
// which is what counts as a plateau, at an η that falls with the logarithm of the first
// asymmetry. The brackets are a fifth wide.
func TestD11PlateauReturnsWithTheLearningRate(t *testing.T) {
	for _, c := range []struct{ asymmetry, eta float64 }{{1e-1, .22}, {1e-2, .135}, {1e-3, .081}, {1e-4, .049}} {
		last := math.Inf(1)
		for _, f := range []float64{.1, .5, .9, 1.1, 1.5} {
			rate, escape := slowest(t, committee(t, CommitteeSettings{Students: 2, Eta: f * c.eta, Natural: true}), c.asymmetry)
			if !(rate < last) || math.IsInf(escape, 1) || (rate > .1) != (f < 1) {
				t.Errorf("asymmetry %v, η = %.4f: slowest rate %.4f, escape at τ = %.1f", c.asymmetry, f*c.eta, rate, escape)
			}
			last = rate
		}
	}
}

// D11: the natural gradient in the same order parameters. For small steps ε_g falls
// without a plateau, however small the initial asymmetry; the gradient stands still.
// At a learning rate of 0.2 the natural gradient has a plateau too, eight times as
// short (Rattray, Saad and Amari 1998: "shortened or removed").
func TestD11NaturalGradientHasNoPlateau(t *testing.T) {
	natural := committee(t, CommitteeSettings{Students: 2, Natural: true})
	var last float64
	for _, eps := range []float64{1e-2, 1e-3, 1e-4} {
		rate, escape := slowest(t, natural, eps)
		if rate < .1 || escape > 3 {
			t.Errorf("asymmetry %v: the slowest −dlnε_g/dτ is %.3f, escape at τ = %.2f", eps, rate, escape)
		}
		t.Logf("natural, η → 0, asymmetry %v: −dlnε_g/dτ ≥ %.3f, escape at τ = %.2f", eps, rate, escape)
		last = escape
	}
	rate, escape := slowest(t, committee(t, CommitteeSettings{Students: 2}), 1e-4)
	if rate > 1e-3 || escape < 50*last {
		t.Errorf("gradient: slowest rate %v, escape at %v", rate, escape)
	}
	_, gd := slowest(t, committee(t, CommitteeSettings{Students: 2, Eta: .2}), 1e-2)
	rate, ng := slowest(t, committee(t, CommitteeSettings{Students: 2, Eta: .2, Natural: true}), 1e-2)
	if rate > .1 || rate < 0 || !(gd/ng > 8 && gd/ng < 10) {
		t.Errorf("η = 0.2: escape at %.2f and, natural, %.2f; slowest rate %v", gd, ng, rate)
	}
	t.Logf("η = 0.2, asymmetry 0.01: escape at τ = %.1f and, natural, %.1f with −dlnε_g/dτ ≥ %.4f", gd, ng, rate)
}

func TestCommitteeRefuses(t *testing.T) {
	bad := mat.NewSymDense(2, []float64{1, 2, 2, 1})
	for _, s := range []CommitteeSettings{{}, {Students: 2, Eta: -1}, {Students: 2, Noise: math.NaN()}, {Students: 2, Teacher: bad}} {
		if _, err := NewCommittee(s); err == nil {
			t.Errorf("%+v accepted", s)
		}
	}
	c := committee(t, CommitteeSettings{Students: 2, Natural: true})
	if _, err := c.State(mat.NewDense(2, 2, []float64{1, 0, 0, 1}), mat.NewSymDense(2, []float64{.5, 0, 0, .5})); err == nil {
		t.Error("a student longer in its shadow than itself accepted")
	}
	// Identical students have no natural gradient.
	p, err := Run(context.Background(), c.Flow(Tolerances{}), c.Error, []float64{.1, .1, .1, .1, .3, .3, .3}, Clock{Until: 1}, nil)
	if err != nil || p.Stop != Degenerate {
		t.Errorf("identical students: %v %v", p.Stop, err)
	}
}

// On-line learning in 400 dimensions moves as its order parameters say, label noise
// and the noise of the natural gradient included: mean over 12 nets against the mean
// of their equations, to 4 standard errors of the difference and 1/N.
func TestOnlineCommitteeFollowsItsOrderParameters(t *testing.T) {
	if testing.Short() {
		t.Skip("a second of simulation")
	}
	for _, natural := range []bool{false, true} {
		c := committee(t, CommitteeSettings{Students: 2, Eta: .4, Noise: .05, Natural: natural})
		const nets, n, until = 12, 400, 2.
		d := c.Dim()
		sum, sum2 := make([]float64, d), make([]float64, d)
		for k := range nets {
			rng := rand.New(rand.NewPCG(uint64(k), 11))
			o, err := NewOnlineCommittee(c, n, .3, rng)
			if err != nil {
				t.Fatal(err)
			}
			p, err := Run(context.Background(), c.Flow(Tolerances{}), c.Error, o.State(), Clock{Until: until, Points: 2}, nil)
			if err != nil || p.Stop != Done {
				t.Fatal(p.Stop, err)
			}
			for tau := 0.0; tau < until-1e-9; {
				dt, err := o.Step(rng)
				if err != nil {
					t.Fatal(err)
				}
				tau += dt
			}
			end, _ := p.End()
			for i, v := range o.State() {
				sum[i] += v - end[i]
				sum2[i] += (v - end[i]) * (v - end[i])
			}
		}
		for i := range d {
			mean := sum[i] / nets
			se := math.Sqrt((sum2[i]/nets - mean*mean) / (nets - 1))
			if math.Abs(mean) > 4*se+10./n*.4 {
				t.Errorf("natural %v: order parameter %d differs by %.4f ± %.4f", natural, i, mean, se)
			}
		}
	}
}

// A plateau is left at the time of the equations if the asymmetry at the start does not
// shrink with N: an overlap of 0.3. Without it the fluctuations are as large as the
// asymmetry, and the natural gradient leaves earlier (see the experiment soft-committee).
// Mean of log ratios over nets; at 4 standard errors false alarm 6e-5 each, and 1/√N for
// what the limit leaves out.
func TestOnlineCommitteeLeavesWithItsEquations(t *testing.T) {
	if testing.Short() {
		t.Skip("seconds of simulation")
	}
	const n, nets, until, level = 100, 16, 40., .0058
	for _, c := range []struct{ natural, lean bool }{{true, true}, {true, false}, {false, true}} {
		eq := committee(t, CommitteeSettings{Students: 2, Eta: .3, Natural: c.natural})
		var sum, sum2 float64
		for k := range nets {
			rng := rand.New(rand.NewPCG(uint64(k), 12))
			o, err := NewOnlineCommittee(eq, n, .3, rng)
			if err != nil {
				t.Fatal(err)
			}
			if c.lean {
				o.Lean(.3)
			}
			p, err := Run(t.Context(), eq.Flow(Tolerances{1e-10, 1e-7}), eq.Error, o.State(),
				Clock{Until: until, Points: 2, Event: func(x []float64) float64 { return eq.Error(x) - level }}, nil)
			if err != nil || p.Stop != AtEvent {
				t.Fatal(p.Stop, err)
			}
			_, want := p.End()
			tau := 0.0
			for i := 0; tau < 2*until && (i%5 != 0 || eq.Error(o.State()) > level); i++ {
				dt, err := o.Step(rng)
				if err != nil {
					t.Fatal(err)
				}
				tau += dt
			}
			l := math.Log(tau / want)
			sum += l
			sum2 += l * l
		}
		m := sum / nets
		se := math.Sqrt((sum2/nets - m*m) / (nets - 1))
		t.Logf("natural %v, overlap %v: mean ln(τ/τ of the equations) = %.3f ± %.3f", c.natural, c.lean, m, se)
		if c.lean && math.Abs(m) > 4*se+1/math.Sqrt(n) {
			t.Errorf("natural %v: off by %.3f ± %.3f", c.natural, m, se)
		}
		if !c.lean && m > -4*se {
			t.Errorf("natural: from random starts %.3f ± %.3f, want below 0", m, se)
		}
	}
}
